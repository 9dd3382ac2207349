/* test_secret.c - one owner, wiped, compared whole. */
#include "lib/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void
set_move_wipe(void **state)
{
	struct secret a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(secret_set(&a, bytes_str("key")), ST_NORMAL);
	assert_true(bytes_equal(secret_view(&a), bytes_str("key")));
	secret_move(&b, &a);
	assert_null(a.p);
	assert_int_equal(a.n, 0);
	assert_true(bytes_equal(secret_view(&b), bytes_str("key")));
	secret_move(&b, &b);
	assert_int_equal(b.n, 3);
	/* from a part of itself */
	assert_int_equal(secret_set(&b, bytes_of(b.p + 1, 2)), ST_NORMAL);
	assert_true(bytes_equal(secret_view(&b), bytes_str("ey")));
	secret_wipe(&b);
	secret_wipe(&b);
	assert_null(b.p);
}

static void
alloc_is_zeroed(void **state)
{
	struct secret s = { 0 };

	(void)state;
	assert_int_equal(secret_alloc(&s, 16), ST_NORMAL);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(s.p[i], 0);
	assert_int_equal(secret_alloc(&s, 0), ST_NORMAL);
	assert_int_equal(secret_view(&s).n, 0);
	assert_int_equal(secret_alloc(&s, SECRET_MAX + 1), ST_NOMEMORY);
}

static void
equality_and_wipe(void **state)
{
	uint8_t octets[4] = { 1, 2, 3, 4 };

	(void)state;
	assert_true(secret_equal(bytes_str("abc"), bytes_str("abc")));
	assert_false(secret_equal(bytes_str("abc"), bytes_str("abd")));
	assert_false(secret_equal(bytes_str("abc"), bytes_str("ab")));
	assert_true(secret_equal((struct bytes){ 0 }, (struct bytes){ 0 }));
	wipe(octets, sizeof(octets));
	assert_int_equal(octets[0] | octets[1] | octets[2] | octets[3], 0);
	wipe(NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_move_wipe),
		cmocka_unit_test(alloc_is_zeroed),
		cmocka_unit_test(equality_and_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
