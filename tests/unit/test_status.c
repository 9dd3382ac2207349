/* test_status.c - the message table is complete and consistent. */
#include "lib/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void
rows_are_sound(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ST_COUNT; i++) {
		const struct message_row *row = status_row((enum status)i);

		assert_non_null(row->facility);
		assert_true(strlen(row->ident) >= 2 && strlen(row->ident) <= 15);
		assert_non_null(strchr("SIWEF", row->severity));
		assert_true(row->reply >= 200 && row->reply <= 599);
		assert_non_null(row->text);
		assert_null(strchr(row->text, '%'));
		assert_true(strlen(row->explain) > 0 && strlen(row->action) > 0);
		assert_int_equal(status_by_ident(row->ident), i);
		/* Success has a reply of class 2 and the reverse does not hold for notices. */
		if (row->severity == 'S')
			assert_int_equal(row->reply / 100, 2);
	}
	assert_int_equal(ST_NORMAL, 0);
	assert_ptr_equal(status_row(ST_COUNT), status_row(ST_BUG));
	assert_ptr_equal(status_row((enum status)-1), status_row(ST_BUG));
}

static void
format_and_lookup(void **state)
{
	char buf[128];

	(void)state;
	status_format(buf, sizeof(buf), ST_NOPROPOSAL, NULL, NULL);
	assert_string_equal(buf, "%RACOON-E-NOPROPOSAL, no proposal acceptable to both sides");
	status_format(buf, sizeof(buf), ST_NORMAL, "IPSEC", "2 done");
	assert_string_equal(buf, "%IPSEC-S-NORMAL, normal successful completion: 2 done");
	status_format(buf, 10, ST_NORMAL, NULL, "");
	assert_string_equal(buf, "%SYSTEM-S");
	status_format(buf, 0, ST_NORMAL, NULL, NULL);
	assert_int_equal(status_by_ident("noproposal"), ST_NOPROPOSAL);
	assert_int_equal(status_by_ident("NOPE"), ST_COUNT);
	assert_int_equal(status_severity_bits(ST_NORMAL), 1);
	assert_int_equal(status_severity_bits(ST_NOPROPOSAL), 2);
	assert_int_equal(status_severity_bits(ST_IVVERB), 0);
	assert_int_equal(status_severity_bits(ST_SHUTTING), 3);
	assert_int_equal(status_severity_bits(ST_BUG), 4);
}

static enum status
tried(enum status first, int *reached)
{
	TRY(first);
	(*reached)++;
	return ST_ALREADY;
}

static void
try_returns_early(void **state)
{
	int reached = 0;

	(void)state;
	assert_int_equal(tried(ST_LIMIT, &reached), ST_LIMIT);
	assert_int_equal(tried(ST_NORMAL, &reached), ST_ALREADY);
	assert_int_equal(reached, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_sound),
		cmocka_unit_test(format_and_lookup),
		cmocka_unit_test(try_returns_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
