/* test_verb.c - verb tables: abbreviations, parameters, qualifiers, HELP, completion. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/verb.h"

static const struct verb_qual quals[] = {
	{ "FORMAT", "TEXT|JSON", "form of the answer" },
	{ "FULL", NULL, "everything" },
	{ "TIMEOUT", "seconds", "how long to wait" },
	{ "LOG", "[file]", "write a log" },
	{ NULL, NULL, NULL },
};
static const struct verb table[] = {
	{ .name = "SHOW", .params = "[SA|PEERS]", .max_params = 1, .quals = quals,
		.role = CTL_READER, .help = "show things",
		.more = "SA: the SAs\nPEERS: the peers" },
	{ .name = "SHUTDOWN", .role = CTL_OPERATOR, .help = "end" },
	{ .name = "START", .role = CTL_OPERATOR, .help = "begin" },
	{ .name = "STARTLE", .role = CTL_OPERATOR, .help = "frighten" },
	{ .name = "ESTABLISH", .params = "remote [local]", .min_params = 1, .max_params = 2,
		.quals = quals, .role = CTL_OPERATOR, .help = "negotiate" },
	{ .name = "SECRET" },
	{ .name = NULL },
};
static struct cmd c;
static const struct verb *v;
static char why[512];

static enum status
match(const char *line)
{
	assert_int_equal(cmd_parse(bytes_str(line), &c, why, sizeof(why)), ST_NORMAL);
	return verb_match(table, &c, 0, &v, why, sizeof(why));
}

static void
test_abbreviations(void **state)
{
	(void)state;
	assert_int_equal(match("sho"), ST_NORMAL);
	assert_string_equal(v->name, "SHOW");
	assert_int_equal(match("ShUt"), ST_NORMAL);
	assert_string_equal(v->name, "SHUTDOWN");
	assert_int_equal(match("start"), ST_NORMAL); /* exact beats the longer one */
	assert_string_equal(v->name, "START");
	assert_int_equal(match("sh"), ST_ABVERB);
	assert_string_equal(why, "\\sh\\ may be SHOW, SHUTDOWN");
	assert_null(v);
	assert_int_equal(match("shwo"), ST_IVVERB);
	assert_non_null(strstr(why, "did you mean SHOW?"));
	assert_int_equal(match(""), ST_IVVERB);
	assert_int_equal(match("secr"), ST_IVVERB); /* hidden: only in full, never suggested */
	assert_int_equal(match("secret"), ST_NORMAL);
}

static void
test_parameters(void **state)
{
	(void)state;
	assert_int_equal(match("establish"), ST_INSFPRM);
	assert_string_equal(why, "ESTABLISH remote [local]");
	assert_int_equal(match("estab a b"), ST_NORMAL);
	assert_int_equal(match("estab a b c"), ST_MAXPARM);
	assert_int_equal(match("shut now"), ST_MAXPARM);
}

static void
test_qualifiers(void **state)
{
	(void)state;
	assert_int_equal(match("show/form=js"), ST_NORMAL);
	assert_string_equal(cmd_qual(&c, "FORMAT"), "JSON");
	assert_int_equal(match("show/ful/tim=5/log"), ST_NORMAL);
	assert_string_equal(cmd_qual(&c, "FULL"), "");
	assert_string_equal(cmd_qual(&c, "TIMEOUT"), "5");
	assert_int_equal(match("show/f"), ST_ABQUAL);
	assert_non_null(strstr(why, "/FORMAT, /FULL"));
	assert_int_equal(match("show/zzz"), ST_IVQUAL);
	assert_non_null(strstr(why, "valid here: /FORMAT"));
	assert_int_equal(match("shut/full"), ST_IVQUAL);
	assert_non_null(strstr(why, "has no qualifiers"));
	assert_int_equal(match("show/format"), ST_VALREQ);
	assert_int_equal(match("show/format=xml"), ST_VALREQ);
	assert_int_equal(match("show/format="), ST_VALREQ);
	assert_int_equal(match("show/full=1"), ST_VALREQ);
	assert_int_equal(match("show/time"), ST_VALREQ);
}

static void
test_keyword(void **state)
{
	static const char *const words[] = { "ISAKMP", "IPSEC", "ALL", NULL };

	(void)state;
	assert_int_equal(verb_keyword(words, "isa"), 0);
	assert_int_equal(verb_keyword(words, "ALL"), 2);
	assert_int_equal(verb_keyword(words, "i"), -2);
	assert_int_equal(verb_keyword(words, "x"), -1);
	assert_int_equal(verb_keyword(words, ""), -1);
	assert_int_equal(verb_keyword(words, NULL), -1);
}

static void
test_help(void **state)
{
	struct text out = { 0 };

	(void)state;
	assert_true(verb_help(table, "RACOON", NULL, &out));
	assert_non_null(strstr(text_str(&out), "ESTABLISH remote [local]"));
	assert_null(strstr(text_str(&out), "SECRET"));
	text_clear(&out);
	assert_true(verb_help(table, "RACOON", "show", &out));
	assert_non_null(strstr(text_str(&out), "RACOON SHOW [SA|PEERS]\n  show things\n"));
	assert_non_null(strstr(text_str(&out), "  PEERS: the peers\n"));
	assert_non_null(strstr(text_str(&out), "/FORMAT=TEXT|JSON"));
	text_clear(&out);
	assert_false(verb_help(table, "RACOON", "nonsense", &out));
	assert_false(verb_help(table, "RACOON", "", &out));
	text_free(&out);
}

static void
complete(const char *line, const char *expect)
{
	struct text out = { 0 };

	verb_complete(table, line, &out);
	assert_string_equal(text_str(&out), expect);
	text_free(&out);
}

static void
test_complete(void **state)
{
	static const char all[] = "/FORMAT=TEXT|JSON\tform of the answer\n/FULL\teverything\n"
				    "/TIMEOUT=seconds\thow long to wait\n/LOG[=file]\twrite a "
				"log\n";
	struct text out = { 0 };

	(void)state;
	complete("", "SHOW\tshow things\nSHUTDOWN\tend\nSTART\tbegin\nSTARTLE\tfrighten\n"
		     "ESTABLISH\tnegotiate\n");
	complete("sh", "SHOW\tshow things\nSHUTDOWN\tend\n");
	complete("show p", "PEERS\t\n");
	complete("show /fo", "/FORMAT=TEXT|JSON\tform of the answer\n");
	complete("show/fu", "/FULL\teverything\n");
	complete("nonsense x", "");
	/* a qualifier that only begins, wherever it stands */
	complete("show/", all);
	complete("show /", all);
	complete("estab 10.0.0.1/", all);
	complete("/", "");
	/* its value */
	complete("show/format=", "TEXT\t\nJSON\t\n");
	complete("show/format=j", "JSON\t\n");
	complete("show/timeout=", "<seconds>\t\n");
	complete("show/full=", "");
	complete("show/f=", "");
	complete("show \"unclosed", "");
	text_add(&out, "<remote>\t\n");
	text_add(&out, all);
	complete("estab ", text_str(&out));
	assert_true(verb_take_placeholder(&out, "remote"));
	assert_string_equal(text_str(&out), all);
	assert_false(verb_take_placeholder(&out, "remote"));
	text_free(&out);
}

static void
test_entries(void **state)
{
	struct text out = { 0 };

	(void)state;
	verb_entry(&out, "NOOP", "do nothing");
	assert_string_equal(text_str(&out), "  NOOP                     do nothing\n");
	text_clear(&out);
	verb_entry(&out, "SHOW [STATE|ISAKMP|IPSEC|PEERS|FAILURES]", "show it");
	assert_string_equal(text_str(&out), "  SHOW [STATE|ISAKMP|IPSEC|PEERS|FAILURES]\n"
		"                           show it\n");
	text_clear(&out);
	verb_entry(&out, "X", "0123456789 0123456789 0123456789 0123456789 01234567 next");
	assert_string_equal(text_str(&out), "  X                        "
		"0123456789 0123456789 0123456789 0123456789 01234567\n"
		"                           next\n");
	text_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_abbreviations),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_qualifiers),
		cmocka_unit_test(test_keyword),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
