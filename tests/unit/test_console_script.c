/* test_console_script.c - procedures as text: lines, parameters, symbols, IF, words of programs. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netcontrol/nc_script.h"

static struct text out;
static char why[256];

static int
teardown(void **state)
{
	(void)state;
	text_free(&out);
	return 0;
}

static void
joined(const char *a, const char *b, const char *expect)
{
	struct text t = { 0 };

	assert_int_equal(nc_join(&t, a), b != NULL);
	if (b != NULL)
		assert_false(nc_join(&t, b));
	assert_string_equal(text_str(&t), expect);
	text_free(&t);
}

static void
test_join(void **state)
{
	(void)state;
	joined("racoon show", NULL, "racoon show");
	joined("racoon show  ! comment\r\n", NULL, "racoon show");
	joined("echo \"not ! this\" ! but this", NULL, "echo \"not ! this\"");
	joined("! nothing else", NULL, "");
	joined("racoon -", "   show", "racoon show");
	joined("racoon - ! and more", "show ! end", "racoon show");
	joined("-", "x", "x");
	joined("", NULL, "");
	/* Quotation marks as documents print them. */
	joined("define x \xe2\x80\x9clocal, ! bind\xe2\x80\x9d ! so", NULL,
		"define x \"local, ! bind\"");
	joined("submit/after=\xe2\x80\x9d+0:1:00\xe2\x80\x9d x", NULL,
		"submit/after=\"+0:1:00\" x");
	joined("\xe2\x80\x9d", NULL, "\"");
	joined("write \"\xe2\x80\x9cx\xe2\x80\x9d\"", NULL,
		"write \"\xe2\x80\x9cx\xe2\x80\x9d\"");
}

static void
test_join_is_bounded(void **state)
{
	struct text t = { 0 };
	char line[512];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 2] = '-';
	line[sizeof(line) - 1] = '\0';
	for (int i = 0; i < 100; i++)
		assert_true(nc_join(&t, line));
	assert_true(t.failed);
	assert_true(t.n <= NC_LINE_MAX);
	text_free(&t);
}

static void
test_body(void **state)
{
	bool dollar;

	(void)state;
	assert_string_equal(nc_body("  $  setkey -D", &dollar), "setkey -D");
	assert_true(dollar);
	assert_string_equal(nc_body("noop", &dollar), "noop");
	assert_false(dollar);
	assert_string_equal(nc_body("$", &dollar), "");
	assert_true(nc_is_word("if x", "IF"));
	assert_false(nc_is_word("ifx", "IF"));
	assert_true(nc_is_word("IF", "if"));
}

static void
next_is(struct nc_script *s, const char *expect)
{
	assert_true(nc_script_next(s, &out));
	assert_string_equal(text_str(&out), expect);
}

static void
test_procedures(void **state)
{
	static const char text[] = "one -\n two ! x\n\n'P1'\n$ last";
	static const char *const params[] = { "first", "second word" };
	struct nc_script s = { .depth = 0 };

	(void)state;
	assert_false(nc_script_next(&s, &out));
	assert_string_equal(nc_script_param(&s, 1), "");
	assert_int_equal(nc_script_push(&s, "a.com", text, params, 2), ST_NORMAL);
	assert_string_equal(nc_script_param(&s, 2), "second word");
	assert_string_equal(nc_script_param(&s, 3), "");
	assert_string_equal(nc_script_param(&s, 9), "");
	next_is(&s, "one two");
	assert_int_equal(s.frame[0].line, 2);
	next_is(&s, "");
	assert_int_equal(nc_script_push(&s, "b.com", "inner\n", NULL, 0), ST_NORMAL);
	assert_string_equal(nc_script_param(&s, 1), "");
	next_is(&s, "inner");
	assert_false(nc_script_next(&s, &out));
	nc_script_pop(&s);
	next_is(&s, "'P1'");
	next_is(&s, "$ last");
	assert_int_equal(s.frame[0].line, 5);
	assert_false(nc_script_next(&s, &out));
	while (s.depth < NC_DEPTH_MAX)
		assert_int_equal(nc_script_push(&s, "x", "", NULL, 0), ST_NORMAL);
	assert_int_equal(nc_script_push(&s, "x", "", NULL, 0), ST_LIMIT);
	while (s.depth > 0)
		nc_script_pop(&s);
	nc_script_pop(&s);
}

static void
test_symbols(void **state)
{
	struct nc_symbols t = { 0 };
	char name[32];

	(void)state;
	assert_null(nc_symbol_get(&t, "X"));
	assert_int_equal(nc_symbol_set(&t, "x", "one"), ST_NORMAL);
	assert_int_equal(nc_symbol_set(&t, "X", "two"), ST_NORMAL);
	assert_string_equal(nc_symbol_get(&t, "x"), "two");
	assert_int_equal(t.count, 1);
	for (int i = 1; i < NC_SYMBOLS_MAX; i++) {
		name[0] = (char)('A' + i % 26);
		name[1] = (char)('A' + i / 26);
		name[2] = 'Z';
		name[3] = '\0';
		assert_int_equal(nc_symbol_set(&t, name, ""), ST_NORMAL);
	}
	assert_int_equal(nc_symbol_set(&t, "ONE_MORE", ""), ST_LIMIT);
	nc_symbols_free(&t);
}

static const char *
look(void *user, const char *name, const char *arg)
{
	(void)user;
	if (arg != NULL && text_same(name, "F$SEARCH"))
		return strcmp(arg, "there") == 0 ? "/path/there" : "";
	if (arg != NULL)
		return NULL;
	if (text_same(name, "P1"))
		return "10.0.0.1";
	if (text_same(name, "P2"))
		return "";
	return text_same(name, "QUOTE") ? "'P1'" : NULL;
}

static void
substituted(const char *in, const char *expect)
{
	assert_int_equal(nc_substitute(in, look, NULL, &out, why, sizeof(why)), ST_NORMAL);
	assert_string_equal(text_str(&out), expect);
}

static void
test_substitution(void **state)
{
	(void)state;
	substituted("establish 'P1'", "establish 10.0.0.1");
	substituted("establish ''P1''/x", "establish 10.0.0.1/x");
	substituted("establish ''P1'/x", "establish 10.0.0.1/x");
	substituted("x'p1'y'P2'z", "x10.0.0.1yz");
	substituted("\"to ''P1' and ''P1'' but not 'P1'\"",
		"\"to 10.0.0.1 and 10.0.0.1 but not 'P1'\"");
	substituted("it's 5 o'clock", "it's 5 o'clock");
	substituted("'", "'");
	substituted("''", "''");
	substituted("'QUOTE'", "'P1'"); /* not scanned again */
	assert_int_equal(nc_substitute("a 'NONE' b", look, NULL, &out, why, sizeof(why)),
		ST_SYNTAX);
	assert_string_equal(why, "symbol NONE is not defined");
}

/* expect NULL: refused, with a reason. */
static void
assigned(const char *line, const char *name, const char *expect)
{
	char got[NC_NAME_MAX] = "";
	const char *text;
	bool verbatim;
	enum status status;

	why[0] = '\0';
	assert_int_equal(nc_assignment(line, got, sizeof(got), &text, &verbatim), name != NULL);
	if (name == NULL)
		return;
	assert_string_equal(got, name);
	status = nc_assigned(text, verbatim, look, NULL, &out, why, sizeof(why));
	if (expect == NULL) {
		assert_int_equal(status, ST_SYNTAX);
		assert_string_not_equal(why, "");
		return;
	}
	assert_int_equal(status, ST_NORMAL);
	assert_string_equal(text_str(&out), expect);
}

static void
test_assignments(void **state)
{
	(void)state;
	assigned("setkey :== $multinet:setkey -v ", "setkey", "$multinet:setkey -v");
	assigned("X=\"a \"\"b\"\" c\"", "X", "a \"b\" c");
	assigned("x == 5", "x", "5");
	assigned("x := \"kept\"", "x", "\"kept\"");
	assigned("x =", "x", "");
	assigned("racoon show", NULL, NULL);
	assigned("show/format=json", NULL, NULL);
	assigned("1x = 2", NULL, NULL);
	assigned("x = \"open", "x", NULL);
	assigned("x = 1 + 2 * 3 - -4", "x", "11");
	assigned("x = (1 + 2) * %X10 / 5", "x", "9");
	assigned("x = \"a\" + P1 + \"b\"", "x", "a10.0.0.1b");
	assigned("x = \"abcabc\" - \"ca\"", "x", "abbc");
	assigned("x = P1", "x", "10.0.0.1");
	assigned("x = nothing", "x", "nothing");
	assigned("x = nothing + 1", "x", NULL);
	assigned("x = 1 / 0", "x", NULL);
	assigned("x = 999999999999999999 * 999999999999999999", "x", NULL);
	assigned("x = (1", "x", NULL);
	assigned("x = \"a\" \"b\"", "x", NULL);
	assigned("x = F$LENGTH(\"four\") + 1", "x", "5");
	assigned("x = F$EXTRACT(2, 3, \"abcdefg\")", "x", "cde");
	assigned("x = F$EXTRACT(-1, 99, \"ab\")", "x", "ab");
	assigned("x = F$LOCATE(\".\", P1)", "x", "2");
	assigned("x = F$LOCATE(\"z\", \"abc\")", "x", "3");
	assigned("x = F$ELEMENT(1, \",\", \"a,b,c\")", "x", "b");
	assigned("x = F$ELEMENT(3, \",\", \"a,b,c\")", "x", ",");
	assigned("x = F$EDIT(\"  a b \", \"TRIM,UPCASE\")", "x", "A B");
	assigned("x = F$INTEGER(\"7\") + F$INTEGER(\"%X7\")", "x", "14");
	assigned("x = F$STRING(7) + F$STRING(8)", "x", "78");
	assigned("x = F$LENGTH(1, 2)", "x", NULL);
	assigned("x = F$EXTRACT(\"a\", 1, \"b\")", "x", NULL);
	assigned("", NULL, NULL);
}

/* then NULL: it is false; "": a block begins, whose condition is truth. */
static void
condition(const char *line, const char *expect, bool truth)
{
	const char *then;
	bool got;

	if (nc_if(line, look, NULL, &got, &then, why, sizeof(why)) != ST_NORMAL)
		fail_msg("%s: %s", line, why);
	assert_int_equal(got, truth);
	if (expect == NULL)
		assert_null(then);
	else
		assert_string_equal(then, expect);
}

static void
test_if(void **state)
{
	(void)state;
	condition("IF P1 .NES. \"\" THEN DEFINE X Y", "DEFINE X Y", true);
	condition("if p2 .nes. \"\" then x", NULL, false);
	condition("if F$SEARCH(\"there\") .NES. \"\" THEN @there", "@there", true);
	condition("if f$search( \"no\" ) .eqs. \"\" then noop", "noop", true);
	condition("if \"a\".eqs.\"a\" then if 1 .eqs. 1 then x", "if 1 .eqs. 1 then x", true);
	condition("if 1 then x", "x", true);
	condition("if 2 then x", NULL, false);
	condition("if \"Yes\" then x", "x", true);
	condition("if P1 then x", NULL, false);
	condition("if .not. 0 .and. 3 .gt. 2 then x", "x", true);
	condition("if .not. .not. \"no\" then x", NULL, false);
	condition("if 10 .gt. 9 .and. \"10\" .lts. \"9\" then x", "x", true);
	condition("if 1 .eq. 2 .or. (2 .le. 2 .and. 2 .ge. 2) then x", "x", true);
	condition("if 1 .ne. 1 .or. 2 .lt. 1 then x", NULL, false);
	condition("if \"a\" .gts. \"b\" .or. \"a\" .ges. \"b\" then x", NULL, false);
	condition("if \"b\" .les. \"a\" then x", NULL, false);
	condition("if 1 .eqs. \"1\"", "", true);
	condition("if 0 then", "", false);
}

static void
test_if_errors(void **state)
{
	static const char *const bad[] = { "if", "if then x", "if P1 .eqs.", "if P1 x",
		"if P1 .gt. P2 then x", "if NONE .eqs. \"\" then x",
		"if \"open .eqs. then x", "if f$search(\"a\" .eqs. \"\" then x",
		"if f$none(\"a\") .eqs. \"\" then x", "if (1 then x", "if 1) then x",
		"if 12a then x",
		"if f$length() then x", "if 1234567890123456789 then x", NULL };
	char deep[256] = "if ";
	const char *then;
	bool truth;

	(void)state;
	for (unsigned i = 0; bad[i] != NULL; i++) {
		why[0] = '\0';
		if (nc_if(bad[i], look, NULL, &truth, &then, why, sizeof(why)) != ST_SYNTAX ||
			why[0] == '\0')
			fail_msg("taken: %s", bad[i]);
		assert_null(then);
	}
	memset(deep + 3, '(', 100);
	assert_int_equal(nc_if(deep, look, NULL, &truth, &then, why, sizeof(why)), ST_SYNTAX);
}

/* ------------------------------------------------------------------ blocks, labels, ON */

static void
steer(struct nc_flow *f, const char *line, bool taken, const char *expect)
{
	enum status status;
	const char *rest;

	if (nc_flow_line(f, line, &rest, &status, why, sizeof(why)) != taken)
		fail_msg("%s: taken or not", line);
	assert_int_equal(status, ST_NORMAL);
	assert_string_equal(rest, expect);
}

static void
test_blocks(void **state)
{
	struct nc_flow f = { .blocks = 0 };
	enum status status;
	const char *rest;

	(void)state;
	steer(&f, "noop", false, "");
	assert_int_equal(nc_flow_if(&f, false), ST_NORMAL);
	steer(&f, "THEN noop", true, "");
	steer(&f, "noop", true, "");
	steer(&f, "if 1 then noop", true, "");
	assert_int_equal(f.blocks, 1);
	steer(&f, "if \"x then\" then", true, "");
	steer(&f, "else", true, "");
	steer(&f, "inner", true, "");
	steer(&f, "endif", true, "");
	steer(&f, "else last", true, "last");
	steer(&f, "noop", false, "");
	assert_int_equal(nc_flow_if(&f, true), ST_NORMAL);
	steer(&f, "then  x", true, "x");
	steer(&f, "else y", true, "");
	steer(&f, "z", true, "");
	steer(&f, "endif ! done", true, "");
	steer(&f, "noop", false, "");
	assert_true(nc_flow_line(&f, "else", &rest, &status, why, sizeof(why)));
	assert_int_equal(status, ST_SYNTAX);
	steer(&f, "endif", true, "");
	assert_int_equal(f.blocks, 0);
	assert_true(nc_flow_line(&f, "endif", &rest, &status, why, sizeof(why)));
	assert_int_equal(status, ST_SYNTAX);
	assert_string_equal(why, "ENDIF without IF");
	for (unsigned i = 0; i < NC_BLOCKS_MAX; i++)
		assert_int_equal(nc_flow_if(&f, i % 2 == 0), ST_NORMAL);
	assert_int_equal(nc_flow_if(&f, true), ST_LIMIT);
}

static void
test_labels(void **state)
{
	static const char text[] = "one\n$ AGAIN: two -\n three\n goto again\n$ end:\r\nlast\n";
	struct nc_script s = { .depth = 0 };

	(void)state;
	assert_string_equal(nc_skip_label("AGAIN: two"), "two");
	assert_string_equal(nc_skip_label("again:"), "");
	assert_string_equal(nc_skip_label("x :== y"), "x :== y");
	assert_string_equal(nc_skip_label("x:== y"), "x:== y");
	assert_string_equal(nc_skip_label("multinet:x"), "multinet:x");
	assert_false(nc_script_goto(&s, "again"));
	assert_int_equal(nc_script_push(&s, "a.com", text, NULL, 0), ST_NORMAL);
	assert_int_equal(nc_flow_if(nc_flow(&s), true), ST_NORMAL);
	assert_false(nc_script_goto(&s, "agai"));
	assert_false(nc_script_goto(&s, "none"));
	assert_true(nc_script_goto(&s, "END"));
	assert_int_equal(nc_flow(&s)->blocks, 0);
	assert_true(nc_script_next(&s, &out));
	assert_int_equal(s.frame[0].line, 5);
	assert_true(nc_script_goto(&s, "again"));
	next_is(&s, "$ AGAIN: two three");
	assert_int_equal(s.frame[0].line, 3);
	nc_script_pop(&s);
}

static void
test_on(void **state)
{
	struct nc_script s = { .depth = 0 };

	(void)state;
	assert_int_equal(nc_script_on(&s, "on error then x", why, sizeof(why)), ST_SYNTAX);
	assert_int_equal(nc_script_push(&s, "a.com", "", NULL, 0), ST_NORMAL);
	assert_int_equal(nc_script_on(&s, "on error then goto x", why, sizeof(why)), ST_NORMAL);
	assert_string_equal(s.frame[0].on_command, "goto x");
	assert_int_equal(s.frame[0].on, NC_ON_ERROR);
	assert_int_equal(nc_script_on(&s, "ON SEVERE_ERROR THEN EXIT", why, sizeof(why)),
		ST_NORMAL);
	assert_string_equal(s.frame[0].on_command, "EXIT");
	assert_int_equal(s.frame[0].on, NC_ON_SEVERE);
	assert_int_equal(nc_script_on(&s, "on error then", why, sizeof(why)), ST_SYNTAX);
	assert_int_equal(nc_script_on(&s, "on sunday then x", why, sizeof(why)), ST_SYNTAX);
	assert_int_equal(nc_script_on(&s, "on error goto x", why, sizeof(why)), ST_SYNTAX);
	nc_script_pop(&s);
}

static void
test_split(void **state)
{
	char store[256], *argv[NC_ARGS_MAX];
	struct text many = { 0 };
	size_t n;

	(void)state;
	assert_true(nc_split(" setkey  -f \"a b\" x\"y \"\"z\" `id` $HOME ;", store, sizeof(store),
		argv, &n));
	assert_int_equal(n, 7);
	assert_string_equal(argv[2], "a b");
	assert_string_equal(argv[3], "xy \"z");
	assert_string_equal(argv[4], "`id`");
	assert_string_equal(argv[6], ";");
	assert_null(argv[7]);
	assert_true(nc_split("", store, sizeof(store), argv, &n));
	assert_int_equal(n, 0);
	assert_true(nc_split("a \"\" b", store, sizeof(store), argv, &n));
	assert_int_equal(n, 3);
	assert_string_equal(argv[1], "");
	assert_false(nc_split("a \"open", store, sizeof(store), argv, &n));
	assert_false(nc_split("much too long", store, 5, argv, &n));
	for (int i = 0; i < NC_ARGS_MAX; i++)
		text_add(&many, "x ");
	assert_false(nc_split(text_str(&many), store, sizeof(store), argv, &n));
	text_free(&many);
}

#define T(f) cmocka_unit_test_teardown(f, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_join),
		T(test_join_is_bounded),
		T(test_body),
		T(test_procedures),
		T(test_symbols),
		T(test_assignments),
		T(test_substitution),
		T(test_if),
		T(test_if_errors),
		T(test_blocks),
		T(test_labels),
		T(test_on),
		T(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
