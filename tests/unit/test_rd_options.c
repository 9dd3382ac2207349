/* test_rd_options.c - racoon's command line. */
#include "racoon/daemon/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct rd_options o;
static char why[128];

#define WORD(s) ((char *)(uintptr_t)(s))
#define PARSE(...)                                                                                 \
	rd_options_parse(                                                                          \
		(int)(sizeof((char *[]){ WORD("racoon"), __VA_ARGS__ }) / sizeof(char *)),         \
		(char *[]){ WORD("racoon"), __VA_ARGS__ }, &o, why, sizeof(why))

static void
good(void **state)
{
	char *none[] = { WORD("racoon") };

	(void)state;
	assert_true(rd_options_parse(1, none, &o, why, sizeof(why)));
	assert_int_equal(o.task, RD_RUN);
	assert_false(o.foreground);
	assert_true(PARSE(WORD("-Fddf"), WORD("x.conf"),
		WORD("-p1500"), WORD("-P"), WORD("4501"),
		WORD("-Lv4"), WORD("-l"), WORD("log"),
		WORD("-s/run/r.sock"), WORD("-S"), WORD("i.sock")));
	assert_true(o.foreground);
	assert_int_equal(o.debug, 2);
	assert_string_equal(o.config, "x.conf");
	assert_int_equal(o.port, 1500);
	assert_int_equal(o.natt_port, 4501);
	assert_int_equal(o.family, 4);
	assert_string_equal(o.log_file, "log");
	assert_string_equal(o.control, "/run/r.sock");
	assert_string_equal(o.sadb, "i.sock");
	assert_true(PARSE(WORD("-tf"), WORD("x")));
	assert_int_equal(o.task, RD_TEST);
	assert_true(PARSE(WORD("-C")));
	assert_int_equal(o.task, RD_DUMP);
	assert_true(PARSE(WORD("-V")));
	assert_int_equal(o.task, RD_VERSION);
}

static void
refused(const char *word, const char *want)
{
	assert_false(PARSE(WORD(word)));
	assert_string_equal(why, want);
	assert_int_equal(o.task, RD_USAGE);
}

static void
bad(void **state)
{
	(void)state;
	refused("-x", "unknown option -x");
	refused("--debug", "unknown option --");
	refused("-f", "option -f: expected a value");
	refused("-p0", "option -p: \"0\": expected a port from 1 to 65535");
	refused("-p65536", "option -p: \"65536\": expected a port from 1 to 65535");
	refused("-p5x", "option -p: \"5x\": expected a port from 1 to 65535");
	refused("-P-1", "option -P: \"-1\": expected a port from 1 to 65535");
	refused("file", "unexpected \"file\"");
	refused("-", "unexpected \"-\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
