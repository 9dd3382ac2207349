/*
 * test_adm.c - racoonctl: lines of CSV taken apart, rows by their columns' names.
 */
#include "racoon/daemon/adm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
csv_lines(void **state)
{
	char line[] = "1,\"a \"\"b\"\", c\",,x";
	const char *value[8];

	(void)state;
	assert_int_equal(adm_csv_split(line, value, 8), 4);
	assert_string_equal(value[0], "1");
	assert_string_equal(value[1], "a \"b\", c");
	assert_string_equal(value[2], "");
	assert_string_equal(value[3], "x");
}

static void
take_row(struct adm_rows *r)
{
	assert_string_equal(adm_value(r, "state"), "UP");
	assert_string_equal(adm_value(r, "left"), ""); /* the line was short */
	assert_string_equal(adm_value(r, "nonsense"), "");
	++*(unsigned *)r->user;
}

static void
csv_rows(void **state)
{
	unsigned seen = 0;
	struct adm_rows r = { .row = take_row, .user = &seen };

	(void)state;
	adm_rows_line(&r, "serial,state,left");
	assert_int_equal(seen, 0);
	adm_rows_line(&r, "1,\"UP\"");
	adm_rows_line(&r, "2,UP,");
	assert_int_equal(seen, 2);
	adm_rows_free(&r);
}

static void
csv_bounds(void **state)
{
	char line[] = "1,2,3,4", empty[] = "", open[] = "\"no end";
	const char *value[2];

	(void)state;
	assert_int_equal(adm_csv_split(line, value, 2), 2);
	assert_int_equal(adm_csv_split(empty, value, 2), 1);
	assert_string_equal(value[0], "");
	assert_int_equal(adm_csv_split(open, value, 2), 1);
	assert_string_equal(value[0], "no end");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_lines),
		cmocka_unit_test(csv_rows),
		cmocka_unit_test(csv_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
