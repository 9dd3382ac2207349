/* test_cmd.c - command lines taken apart: words, quotes, qualifiers, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cmd.h"

static struct cmd c;
static char why[256];

static enum status
parse(const char *line)
{
	memset(&c, 0xa5, sizeof(c));
	return cmd_parse(bytes_str(line), &c, why, sizeof(why));
}

static void
test_words(void **state)
{
	(void)state;
	assert_int_equal(parse("  racoon \t establish 10.0.0.1  Host-Name "), ST_NORMAL);
	assert_int_equal(c.words, 4);
	assert_int_equal(c.quals, 0);
	assert_string_equal(c.word[0], "racoon");
	assert_string_equal(c.word[2], "10.0.0.1");
	assert_string_equal(c.word[3], "Host-Name");
	assert_int_equal(c.word_at[0], 2);
	assert_int_equal(c.word_at[1], 11);
	assert_int_equal(parse(""), ST_NORMAL);
	assert_int_equal(c.words, 0);
	assert_int_equal(cmd_parse((struct bytes){ NULL, 0 }, &c, why, sizeof(why)), ST_NORMAL);
}

static void
test_quotes(void **state)
{
	(void)state;
	assert_int_equal(parse("a \"b c\" \"say \"\"hi\"\"\" \"\" x\"y z\" \"/no/qual\""),
		ST_NORMAL);
	assert_int_equal(c.words, 6);
	assert_string_equal(c.word[1], "b c");
	assert_string_equal(c.word[2], "say \"hi\"");
	assert_string_equal(c.word[3], "");
	assert_string_equal(c.word[4], "xy z");
	assert_string_equal(c.word[5], "/no/qual");
	assert_int_equal(parse("a \"b"), ST_SYNTAX);
	assert_string_equal(why, "quotation mark is never closed at column 3");
}

static void
test_qualifiers(void **state)
{
	(void)state;
	assert_int_equal(parse("show/full 10.0.0.0/8 10.0.0.1/nowait /format=json/TIMEOUT=5"),
		ST_NORMAL);
	assert_int_equal(c.words, 3);
	assert_string_equal(c.word[0], "show");
	assert_string_equal(c.word[1], "10.0.0.0/8");
	assert_string_equal(c.word[2], "10.0.0.1");
	assert_int_equal(c.quals, 4);
	assert_string_equal(c.qual[0].name, "full");
	assert_null(c.qual[0].value);
	assert_string_equal(c.qual[1].name, "nowait");
	assert_string_equal(c.qual[2].name, "format");
	assert_string_equal(c.qual[2].value, "json");
	assert_string_equal(c.qual[3].value, "5");
	assert_int_equal(parse("x /sock=/run/multinet/a.sock /l=(a, b,\"c d\") /e= y"), ST_NORMAL);
	assert_int_equal(c.quals, 3);
	assert_string_equal(c.qual[0].value, "/run/multinet/a.sock");
	assert_string_equal(c.qual[1].value, "a,b,c d");
	assert_string_equal(c.qual[2].value, "");
	assert_int_equal(c.words, 2);
	assert_int_equal(parse("spd fe80::1/64 dir/file.conf user@host/x"), ST_NORMAL);
	assert_int_equal(c.words, 4);
	assert_int_equal(c.quals, 0);
}

static void
test_last_qualifier_wins(void **state)
{
	(void)state;
	assert_int_equal(parse("x /A=1 /A=2 /B"), ST_NORMAL);
	assert_string_equal(cmd_qual(&c, "A"), "2");
	assert_string_equal(cmd_qual(&c, "B"), "");
	assert_null(cmd_qual(&c, "C"));
}

static void
test_refused(void **state)
{
	static const char nul[] = "show\0all";
	char big[CMD_LINE_MAX + 2];

	(void)state;
	assert_int_equal(cmd_parse(bytes_of(nul, 8), &c, why, sizeof(why)), ST_SYNTAX);
	assert_string_equal(why, "NUL octet at column 5");
	assert_int_equal(parse("show \x1b[2J"), ST_SYNTAX);
	assert_int_equal(parse("show /"), ST_SYNTAX);
	assert_int_equal(parse("show /8"), ST_SYNTAX);
	assert_int_equal(parse("show /a.b"), ST_SYNTAX);
	assert_int_equal(parse("show /a=(b"), ST_SYNTAX);
	memset(big, 'x', sizeof(big));
	assert_int_equal(cmd_parse(bytes_of(big, CMD_LINE_MAX), &c, why, sizeof(why)), ST_NORMAL);
	assert_int_equal(strlen(c.word[0]), CMD_LINE_MAX);
	assert_int_equal(cmd_parse(bytes_of(big, CMD_LINE_MAX + 1), &c, why, sizeof(why)),
		ST_LINELONG);
	for (size_t i = 0; i < CMD_LINE_MAX; i++)
		big[i] = i % 2 ? ' ' : 'x';
	assert_int_equal(cmd_parse(bytes_of(big, 2 * CMD_WORDS_MAX), &c, why, sizeof(why)),
		ST_NORMAL);
	assert_int_equal(c.words, CMD_WORDS_MAX);
	assert_int_equal(cmd_parse(bytes_of(big, CMD_LINE_MAX), &c, why, sizeof(why)), ST_SYNTAX);
	for (size_t i = 0; i < CMD_LINE_MAX; i++)
		big[i] = i % 2 ? 'x' : '/';
	assert_int_equal(cmd_parse(bytes_of(big, 2 * CMD_QUALS_MAX), &c, why, sizeof(why)),
		ST_NORMAL);
	assert_int_equal(cmd_parse(bytes_of(big, CMD_LINE_MAX), &c, why, sizeof(why)), ST_SYNTAX);
}

/* Any octets at all: every piece must end inside the storage. */
static void
test_random_octets(void **state)
{
	static const char alphabet[] = "ab/=\"() ,.:-8\t\x80";
	uint32_t seed = 1;
	char line[200];

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		size_t n = round % sizeof(line);

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245u + 12345u;
			line[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		if (cmd_parse(bytes_of(line, n), &c, why, sizeof(why)) != ST_NORMAL) {
			assert_true(why[0] != '\0');
			continue;
		}
		for (size_t i = 0; i < c.words; i++) {
			assert_true(c.word[i] + strlen(c.word[i]) < c.text + sizeof(c.text));
			assert_true(c.word_at[i] < n);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_qualifiers),
		cmocka_unit_test(test_last_qualifier_wins),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_random_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
