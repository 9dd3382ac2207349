/* test_heap.c - timers come out in order, however they were moved and cancelled. */
#include "lib/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MANY = 2000 };

static void
order_under_change(void **state)
{
	static struct heap_node nodes[MANY];
	struct heap h = { 0 };
	uint32_t seed = 1;
	int64_t last = 0;
	size_t out = 0, armed = 0;
	struct heap_node *n;

	(void)state;
	for (int round = 0; round < 4 * MANY; round++) {
		seed = seed * 1664525u + 1013904223u;
		n = &nodes[(seed >> 8) % MANY];
		if (seed % 5 == 0)
			heap_cancel(&h, n);
		else
			assert_true(heap_set(&h, n, (instant){ (int64_t)((seed >> 4) % 100000) }));
	}
	for (size_t i = 0; i < MANY; i++)
		armed += heap_armed(&nodes[i]);
	assert_int_equal(armed, h.count);
	assert_null(heap_due(&h, (instant){ heap_deadline(&h).ms - 1 }));
	while ((n = heap_due(&h, (instant){ 100000 })) != NULL) {
		assert_true(n->when.ms >= last);
		assert_false(heap_armed(n));
		last = n->when.ms;
		out++;
	}
	assert_int_equal(out, armed);
	assert_true(heap_deadline(&h).ms == INT64_MAX);
	heap_free(&h);
}

static void
never_disarms(void **state)
{
	struct heap h = { 0 };
	struct heap_node a = { 0 }, b = { 0 };

	(void)state;
	assert_true(heap_set(&h, &a, (instant){ 5 }));
	assert_true(heap_set(&h, &b, (instant){ 3 }));
	assert_int_equal(heap_deadline(&h).ms, 3);
	assert_true(heap_set(&h, &b, INSTANT_NEVER));
	assert_false(heap_armed(&b));
	assert_int_equal(heap_deadline(&h).ms, 5);
	heap_cancel(&h, &b);
	assert_int_equal(h.count, 1);
	heap_free(&h);
	assert_false(heap_armed(&a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_under_change),
		cmocka_unit_test(never_disarms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
