/* test_hash.c - SipHash's known answers, and tables under growth and removal. */
#include "lib/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/attr.h"

enum { MANY = 5000 };

struct item {
	unsigned value;
	bool seen;
	struct hash_node node;
};

/* The first and the sixteenth vector of the SipHash paper's reference: key 00..0f, input 00.. */
static void
siphash_vectors(void **state)
{
	struct hash_key key = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
	uint8_t in[15];

	(void)state;
	for (uint8_t i = 0; i < sizeof(in); i++)
		in[i] = i;
	assert_true(hash_bytes(&key, in, 0) == 0x726fdb47dd0e0e31u);
	assert_true(hash_bytes(&key, in, 1) == 0x74f839c593dc67fdu);
	assert_true(hash_bytes(&key, in, 8) == 0x93f5f5799a932462u);
	assert_true(hash_bytes(&key, in, 15) == 0xa129ca6149be45e5u);
}

static struct item *
find(const struct hash_table *t, unsigned value)
{
	for (struct hash_node *n = hash_find(t, value % 1000); n != NULL; n = hash_again(n)) {
		struct item *i = container_of(n, struct item, node);

		if (i->value == value)
			return i;
	}
	return NULL;
}

/* Five items share each hash, so chains and their walk matter. */
static void
growth_and_removal(void **state)
{
	static struct item items[MANY];
	struct hash_table t;
	size_t walked = 0;

	(void)state;
	assert_true(hash_init(&t, 0));
	for (unsigned i = 0; i < MANY; i++) {
		items[i] = (struct item){ .value = i };
		hash_insert(&t, &items[i].node, i % 1000);
	}
	assert_int_equal(t.count, MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_ptr_equal(find(&t, i), &items[i]);
	assert_null(find(&t, MANY));
	for (unsigned i = 0; i < MANY; i += 2)
		hash_remove(&t, &items[i].node);
	hash_remove(&t, &items[0].node);
	assert_int_equal(t.count, MANY / 2);
	for (unsigned i = 0; i < MANY; i++)
		assert_ptr_equal(find(&t, i), i % 2 == 0 ? NULL : &items[i]);
	/* A walk that removes what it visits sees everything once. */
	for (struct hash_node *n = hash_first(&t); n != NULL; n = hash_next(&t, n)) {
		struct item *i = container_of(n, struct item, node);

		assert_false(i->seen);
		i->seen = true;
		walked++;
		hash_remove(&t, n);
	}
	assert_int_equal(walked, MANY / 2);
	assert_int_equal(t.count, 0);
	assert_null(hash_first(&t));
	hash_free(&t);
	assert_null(hash_find(&t, 1));
}

static void
mixing(void **state)
{
	(void)state;
	assert_true(hash_more(1, 2) != hash_more(2, 1));
	assert_true(hash_more(0, 0) != hash_more(0, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_vectors),
		cmocka_unit_test(growth_and_removal),
		cmocka_unit_test(mixing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
