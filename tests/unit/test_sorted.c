/* test_sorted.c - /SORT: keys are read, entries come out in order, memory stays in its budget. */
#include "lib/sorted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

enum { MANY = 20000 };

static const char *const names[] = { "SERIAL", "STATE", "SIDE", "REMOTE", NULL };

static void
keys_are_read(void **state)
{
	struct sorted_order o;
	char why[160];

	(void)state;
	assert_int_equal(sorted_parse("rem,-se", names, &o, why, sizeof(why)), ST_NORMAL);
	assert_int_equal(o.count, 2);
	assert_int_equal(o.key[0], 3);
	assert_false(o.descends[0]);
	assert_int_equal(o.key[1], 0);
	assert_true(o.descends[1]);
	assert_int_equal(sorted_parse("s", names, &o, why, sizeof(why)), ST_IVKEYW);
	assert_string_equal(why, "/SORT=\\s\\ is more than one of SERIAL, STATE, SIDE, REMOTE");
	assert_int_equal(sorted_parse("serial,nonesuch", names, &o, why, sizeof(why)), ST_IVKEYW);
	assert_int_equal(sorted_parse("serial,,state", names, &o, why, sizeof(why)), ST_IVKEYW);
	assert_int_equal(sorted_parse("-", names, &o, why, sizeof(why)), ST_IVKEYW);
	assert_int_equal(sorted_parse("serial,state,side,remote,serial", names, &o, why,
		sizeof(why)), ST_LIMIT);
	assert_string_equal(why, "/SORT takes 4 keys at most");
}

static void
comes_out_in_order(void **state)
{
	struct sorted_budget budget = { 0 };
	struct sorted s;
	uint64_t ref, last_number = UINT64_MAX, last_ref = 0;
	uint32_t seed = 7;
	size_t out = 0;

	(void)state;
	sorted_init(&s, &budget, sizeof(ref));
	for (uint64_t i = 0; i < MANY; i++) {
		struct sorted_key k = { .n = 0 };

		seed = seed * 1664525u + 1013904223u;
		sorted_key_uint(&k, seed % 100);
		sorted_key_end(&k, true);
		sorted_key_uint(&k, i);
		ref = (uint64_t)(seed % 100) << 32 | i;
		assert_int_equal(sorted_add(&s, &k, &ref), ST_NORMAL);
	}
	assert_true(budget.used >= MANY * 24 && budget.used <= 2 * MANY * 24);
	for (; sorted_take(&s, &ref); out++) {
		/* The number descends; of equal ones the second part ascends. */
		assert_true(ref >> 32 <= last_number);
		assert_true(ref >> 32 != last_number || (ref & UINT32_MAX) > last_ref);
		last_number = ref >> 32;
		last_ref = ref & UINT32_MAX;
	}
	assert_int_equal(out, MANY);
	sorted_free(&s);
	assert_int_equal(budget.used, 0);
}

static void
check_order(const struct net_endpoint *less, const struct net_endpoint *more)
{
	struct sorted_key a = { .n = 0 }, b = { .n = 0 };

	sorted_key_endpoint(&a, less);
	sorted_key_endpoint(&b, more);
	assert_int_equal(a.n, b.n);
	assert_true(memcmp(a.b, b.b, a.n) < 0);
	sorted_key_end(&a, true);
	sorted_key_end(&b, true);
	assert_true(memcmp(a.b, b.b, a.n) > 0);
}

static void
kinds_of_keys(void **state)
{
	struct sorted_key a = { .n = 0 }, b = { .n = 0 }, long_one = { .n = 0 };
	struct net_endpoint none = { .port = 0 }, four = { net_ipv4(0x0a000002), 500 };
	struct net_endpoint five = four, ten = { net_ipv4(0x0a00000a), 1 }, six = { .port = 1 };

	(void)state;
	five.port = 4500;
	assert_true(net_addr_parse("2001:db8::1", &six.addr));
	check_order(&none, &four);
	check_order(&four, &five);
	check_order(&five, &ten);
	check_order(&ten, &six);
	sorted_key_word(&a, "ESTABLISHED");
	sorted_key_word(&b, "established");
	assert_memory_equal(a.b, b.b, a.n);
	sorted_key_word(&long_one, "a word that is longer than what of it counts");
	assert_int_equal(long_one.n, SORTED_WORD);
	for (unsigned i = 0; i < 20; i++)
		sorted_key_uint(&a, i); /* more than there is room for */
	assert_int_equal(a.n, SORTED_KEY_MAX);
}

static void
budget_is_kept(void **state)
{
	struct sorted_budget budget = { .max = 40000 };
	struct sorted_key k = { .n = 0 };
	struct sorted a, b;
	uint64_t ref = 0;

	(void)state;
	sorted_key_uint(&k, 1);
	sorted_init(&a, &budget, sizeof(ref));
	sorted_init(&b, &budget, sizeof(ref));
	while (sorted_add(&a, &k, &ref) == ST_NORMAL)
		assert_true(ref++ < 10000);
	assert_true(budget.used <= budget.max);
	/* The other list has what is left, which is less; and all of it when the first is gone. */
	ref = 0;
	while (sorted_add(&b, &k, &ref) == ST_NORMAL)
		ref++;
	assert_true(budget.used <= budget.max);
	sorted_free(&b);
	sorted_free(&a);
	assert_int_equal(budget.used, 0);
	assert_int_equal(sorted_add(&b, &k, &ref), ST_NORMAL);
	sorted_key_uint(&k, 2); /* another length than the first */
	assert_int_equal(sorted_add(&b, &k, &ref), ST_BUG);
	sorted_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_read),
		cmocka_unit_test(comes_out_in_order),
		cmocka_unit_test(kinds_of_keys),
		cmocka_unit_test(budget_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
