/* test_when.c - the date forms of the documents, and arithmetic that saturates. */
#include "lib/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

static void
date_forms(void **state)
{
	wall t = { 1795256539750 }; /* 2026-11-21 10:22:19.75 UTC */
	wall day = { 1795256539750 - 20LL * 86400 * 1000 };
	char buf[32];

	(void)state;
	assert_string_equal(when_vms(buf, sizeof(buf), t), "21-NOV-2026 10:22:19.75");
	assert_string_equal(when_vms(buf, sizeof(buf), day), " 1-NOV-2026 10:22:19.75");
	assert_string_equal(when_iso(buf, sizeof(buf), t), "2026-11-21 10:22:19");
	assert_string_equal(when_setkey(buf, sizeof(buf), t), "Nov 21 10:22:19 2026");
	assert_string_equal(when_setkey(buf, sizeof(buf), day), "Nov  1 10:22:19 2026");
	assert_string_equal(when_iso(buf, sizeof(buf), (wall){ 0 }), "1970-01-01 00:00:00");
	assert_string_equal(when_vms(buf, sizeof(buf), (wall){ -10 }), "31-DEC-1969 23:59:59.99");
	when_iso(buf, sizeof(buf), (wall){ INT64_MAX });
	when_vms(buf, sizeof(buf), (wall){ INT64_MIN });
}

static void
delta_form(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(when_delta(buf, sizeof(buf), 300000), "0 00:05:00");
	assert_string_equal(when_delta(buf, sizeof(buf), 86400000LL * 3 + 3723999), "3 01:02:03");
	assert_string_equal(when_delta(buf, sizeof(buf), -5), "0 00:00:00");
	assert_string_equal(when_delta(buf, 5, 300000), "0 00");
}

static void
instants(void **state)
{
	instant a = { 5 }, never = INSTANT_NEVER;

	(void)state;
	assert_int_equal(instant_add(a, 10).ms, 15);
	assert_true(instant_add(never, 10).ms == INT64_MAX);
	assert_int_equal(instant_diff(instant_add(a, 10), a), 10);
	assert_true(instant_reached(a, a));
	assert_false(instant_reached(never, a));
	assert_int_equal(instant_min(a, never).ms, 5);
	assert_true(when_now().ms > 0);
	assert_true(when_wall().ms > 1600000000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(date_forms),
		cmocka_unit_test(delta_form),
		cmocka_unit_test(instants),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
