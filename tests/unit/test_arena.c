/* test_arena.c - the cap holds, memory is zeroed and aligned. */
#include "lib/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

static void
cap_holds(void **state)
{
	struct arena *a = arena_new(4096);
	size_t got = 0;

	(void)state;
	assert_non_null(a);
	while (arena_alloc(a, 100) != NULL)
		got++;
	assert_true(got >= 36 && got <= 40);
	assert_true(arena_used(a) <= 4096);
	assert_null(arena_alloc(a, 4097));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_alloc(a, SIZE_MAX - 8));
	arena_free(a);
	a = arena_new(4096);
	assert_non_null(arena_alloc(a, 4096));
	assert_null(arena_alloc(a, 1));
	arena_free(a);
	arena_free(NULL);
}

static void
zeroed_and_aligned(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t n = 0; n < 3000; n = n * 2 + 1) {
		uint8_t *p = arena_alloc(a, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		if (n > 0)
			memset(p, 0xff, n);
	}
	arena_free(a);
}

static void
arrays_do_not_overflow(void **state)
{
	struct arena *a = arena_new(SIZE_MAX);

	(void)state;
	assert_null(arena_array(a, SIZE_MAX / 2, 4));
	assert_non_null(arena_array(a, 10, 4));
	assert_non_null(arena_array(a, 0, 4));
	arena_free(a);
}

static void
copies(void **state)
{
	struct arena *a = arena_new(2048);
	struct bytes b;

	(void)state;
	assert_string_equal(arena_strdup(a, "hello"), "hello");
	assert_string_equal(arena_strndup(a, "hello", 2), "he");
	assert_string_equal(arena_strndup(a, "hi", 20), "hi");
	assert_string_equal(arena_printf(a, "%d-%s", 5, "x"), "5-x");
	b = arena_dup(a, bytes_str("abc"));
	assert_true(bytes_equal(b, bytes_str("abc")));
	assert_null(arena_dup(a, (struct bytes){ 0 }).p);
	assert_null(arena_dup(a, bytes_of("", 4096)).p);
	assert_null(arena_printf(a, "%5000d", 1));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cap_holds),
		cmocka_unit_test(zeroed_and_aligned),
		cmocka_unit_test(arrays_do_not_overflow),
		cmocka_unit_test(copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
