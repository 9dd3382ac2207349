/* test_lnm.c - logical names: tables, translation, file specifications, commands, the file. */
#include "logicals/lnm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
setup(void **state)
{
	*state = lnm_new();
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	lnm_free(*state);
	return 0;
}

static void
set(struct lnm *l, enum lnm_table table, const char *name, const char *value)
{
	assert_int_equal(lnm_set(l, table, name, value), ST_NORMAL);
}

/* Run a command and compare what it says; NULL: do not look. */
static enum status
command(struct lnm *l, const char *line, const char *want)
{
	struct text out = { 0 };
	enum status st = lnm_command(l, line, &out);

	if (want != NULL)
		assert_string_equal(text_str(&out), want);
	text_free(&out);
	return st;
}

/* ------------------------------------------------------------ tables --- */

static void
tables_are_searched_in_order(void **state)
{
	enum lnm_table t = LNM_TABLES;
	struct lnm *l = *state;

	assert_null(lnm_find(l, "X", &t));
	set(l, LNM_SYSTEM, "x", "system");
	assert_string_equal(lnm_value(l, "X", 0), "system");
	set(l, LNM_GROUP, "X", "group");
	set(l, LNM_JOB, "X", "job");
	assert_string_equal(lnm_value(l, "x", 0), "job");
	set(l, LNM_PROCESS, "X", "process");
	assert_non_null(lnm_find(l, "x", &t));
	assert_int_equal(t, LNM_PROCESS);
	assert_string_equal(lnm_in_table(l, LNM_GROUP, "X")->value[0].text, "group");
	assert_int_equal(lnm_deassign(l, LNM_PROCESS, LNM_SUPERVISOR, "X"), ST_NORMAL);
	assert_int_equal(lnm_deassign(l, LNM_PROCESS, LNM_SUPERVISOR, "X"), ST_NOLOGNAM);
	assert_string_equal(lnm_value(l, "X", 0), "job");
	assert_null(lnm_value(l, "X", 1));
	assert_int_equal(lnm_table_by_name("lnm$group", &t), ST_NORMAL);
	assert_int_equal(t, LNM_GROUP);
	assert_int_equal(lnm_table_by_name("LNM$JOB_TABLE", &t), ST_NORMAL);
	assert_int_equal(t, LNM_JOB);
	assert_int_equal(lnm_table_by_name("LNM$SYS", &t), ST_NOLOGTAB);
	assert_string_equal(lnm_table_name(LNM_SYSTEM), "LNM$SYSTEM_TABLE");
}

static void
modes(void **state)
{
	const struct lnm_value exec = { (char[]){ "exec" }, 0 }, user = { (char[]){ "user" }, 0 };
	struct lnm *l = *state;
	bool superseded = true;

	assert_int_equal(lnm_define(l, LNM_PROCESS, LNM_EXECUTIVE, "n", &exec, 1, &superseded),
		ST_NORMAL);
	assert_false(superseded);
	assert_int_equal(lnm_define(l, LNM_PROCESS, LNM_USER, "N", &user, 1, &superseded),
		ST_NORMAL);
	assert_false(superseded); /* another mode */
	assert_string_equal(lnm_value(l, "N", 0), "user");
	assert_int_equal(lnm_define(l, LNM_PROCESS, LNM_USER, "N", &user, 1, &superseded),
		ST_NORMAL);
	assert_true(superseded);
	lnm_run_down(l); /* a program ended */
	assert_string_equal(lnm_value(l, "N", 0), "exec");
	/* the inner mode cannot be removed from an outer one */
	assert_int_equal(lnm_deassign(l, LNM_PROCESS, LNM_SUPERVISOR, "N"), ST_NOLOGNAM);
	assert_int_equal(lnm_define(l, LNM_PROCESS, LNM_USER, "N", &user, 1, NULL), ST_NORMAL);
	assert_int_equal(lnm_deassign(l, LNM_PROCESS, LNM_EXECUTIVE, "N"), ST_NORMAL);
	assert_null(lnm_find(l, "N", NULL)); /* both went */
}

static void
many_names_stay_sorted(void **state)
{
	struct lnm *l = *state;
	const struct lnm_name *n;
	char name[32], before[32] = "";
	size_t count = 0;

	for (unsigned i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "NAME%u", i * 7919u % 500u);
		set(l, LNM_SYSTEM, name, name);
	}
	for (; (n = lnm_at(l, LNM_SYSTEM, count)) != NULL; count++) {
		assert_true(strcmp(before, n->name) < 0);
		snprintf(before, sizeof(before), "%s", n->name);
		assert_string_equal(lnm_value(l, n->name, 0), n->name);
	}
	assert_int_equal(count, 500);
}

static void
limits(void **state)
{
	struct lnm *l = *state;
	char longest[LNM_NAME_MAX + 2], name[16];
	struct lnm_value value[LNM_VALUES_MAX + 1];
	char v[] = "v";

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(lnm_set(l, LNM_SYSTEM, longest, "x"), ST_IVLOGNAM);
	assert_int_equal(lnm_set(l, LNM_SYSTEM, "x", longest), ST_IVLOGNAM);
	longest[LNM_NAME_MAX] = '\0';
	assert_int_equal(lnm_set(l, LNM_SYSTEM, longest, longest), ST_NORMAL);
	assert_int_equal(lnm_set(l, LNM_SYSTEM, "", "x"), ST_IVLOGNAM);
	assert_int_equal(lnm_set(l, LNM_SYSTEM, "x", ""), ST_IVLOGNAM);
	assert_int_equal(lnm_set(l, LNM_SYSTEM, "x\ty", "x"), ST_IVLOGNAM);
	for (size_t i = 0; i <= LNM_VALUES_MAX; i++)
		value[i] = (struct lnm_value){ v, 0 };
	assert_int_equal(lnm_define(l, LNM_JOB, LNM_USER, "L", value, LNM_VALUES_MAX + 1, NULL),
		ST_LIMIT);
	assert_int_equal(lnm_define(l, LNM_JOB, LNM_USER, "L", value, LNM_VALUES_MAX, NULL),
		ST_NORMAL);
	assert_int_equal(lnm_define(l, LNM_JOB, LNM_USER, "L", value, 0, NULL), ST_IVLOGNAM);
	for (unsigned i = 0; i < LNM_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "N%u", i);
		set(l, LNM_GROUP, name, "v");
	}
	assert_int_equal(lnm_set(l, LNM_GROUP, "ONEMORE", "v"), ST_LIMIT);
	assert_int_equal(lnm_set(l, LNM_GROUP, "N0", "w"), ST_NORMAL);
}

static void
environment(void **state)
{
	char *const environ_[] = { (char[]){ "MULTINET=/etc/multinet" },
		(char[]){ "MULTINET_HOST_NAME=10.0.0.1" }, (char[]){ "MULTINET_EMPTY=" },
		(char[]){ "MULTINETX=no" }, (char[]){ "multinet_lower=no" },
		(char[]){ "PATH=/bin" },
		(char[]){ "SSLCERTS=/a" }, (char[]){ "SSL$CONF=/b" }, (char[]){ "SSL_CERTS=/c" },
		(char[]){ "=strange" }, (char[]){ "MULTINET_NOEQUALS" }, NULL };
	struct lnm *l = *state;
	size_t count = 0;

	assert_int_equal(lnm_load_environment(l, environ_), ST_NORMAL);
	assert_string_equal(lnm_value(l, "MULTINET", 0), "/etc/multinet");
	assert_string_equal(lnm_value(l, "multinet_host_name", 0), "10.0.0.1");
	assert_string_equal(lnm_value(l, "SSLCERTS", 0), "/a");
	assert_string_equal(lnm_value(l, "SSL$CONF", 0), "/b");
	assert_string_equal(lnm_value(l, "SSL$CERTS", 0), "/c");
	while (lnm_at(l, LNM_PROCESS, count) != NULL)
		count++;
	assert_int_equal(count, 5);
}

/* ------------------------------------------------------------ translation --- */

static void
translation(void **state)
{
	struct lnm *l = *state;
	char out[LNM_NAME_MAX + 1] = "untouched", name[8], value[8];

	assert_int_equal(lnm_translate(l, "A", out, sizeof(out)), ST_NOLOGNAM);
	assert_string_equal(out, "untouched");
	set(l, LNM_SYSTEM, "A", "b:");
	set(l, LNM_PROCESS, "B", "c");
	set(l, LNM_GROUP, "C", "End");
	assert_int_equal(lnm_translate(l, "a", out, sizeof(out)), ST_NORMAL);
	assert_string_equal(out, "End");
	assert_int_equal(lnm_translate(l, "a", out, 3), ST_LIMIT);
	/* ten levels are allowed, eleven not */
	for (int i = 1; i <= 11; i++) {
		snprintf(name, sizeof(name), "L%d", i);
		snprintf(value, sizeof(value), "L%d", i + 1);
		set(l, LNM_SYSTEM, name, value);
	}
	assert_int_equal(lnm_translate(l, "L1", out, sizeof(out)), ST_TOOMANYLNAM);
	assert_int_equal(lnm_translate(l, "L2", out, sizeof(out)), ST_NORMAL);
	assert_string_equal(out, "L12");
	set(l, LNM_SYSTEM, "SELF", "self");
	assert_int_equal(lnm_translate(l, "SELF", out, sizeof(out)), ST_TOOMANYLNAM);
	/* TERMINAL ends it */
	assert_int_equal(command(l, "define T a/trans=terminal", ""), ST_NORMAL);
	assert_int_equal(lnm_translate(l, "T", out, sizeof(out)), ST_NORMAL);
	assert_string_equal(out, "a");
}

static void
booleans(void **state)
{
	static const struct {
		const char *value;
		int want; /* -1: the fallback */
	} rows[] = { { "TRUE", 1 }, { "yes", 1 }, { "1", 1 }, { "on", 1 }, { "FALSE", 0 },
		{ "No", 0 }, { "0", 0 }, { "OFF", 0 }, { "maybe", -1 } };
	struct lnm *l = *state;

	assert_true(lnm_true(l, "FLAG", true));
	assert_false(lnm_true(l, "FLAG", false));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		set(l, LNM_SYSTEM, "FLAG", rows[i].value);
		assert_int_equal(lnm_true(l, "FLAG", true), rows[i].want != 0);
		assert_int_equal(lnm_true(l, "FLAG", false), rows[i].want == 1);
	}
}

/* ------------------------------------------------------------ files --- */

static void
is_path(struct lnm *l, const char *spec, const char *want)
{
	char path[PATH_MAX];

	assert_int_equal(lnm_file_spec(l, spec, path, sizeof(path)), ST_NORMAL);
	assert_string_equal(path, want);
}

static enum status
refused(struct lnm *l, const char *spec)
{
	char path[PATH_MAX];

	return lnm_file_spec(l, spec, path, sizeof(path));
}

static void
file_specs(void **state)
{
	struct lnm *l = *state;
	char path[16];

	is_path(l, "/etc/A:B", "/etc/A:B");
	is_path(l, "./a:b", "./a:b");
	is_path(l, "../a:b", "../a:b");
	is_path(l, "Racoon.Conf", "Racoon.Conf");
	is_path(l, "", "");
	is_path(l, "MULTINET:RACOON.CONF", MULTINET_ETC "/racoon.conf");
	set(l, LNM_SYSTEM, "MULTINET", "/nowhere/multinet/");
	is_path(l, "multinet:psk.txt", "/nowhere/multinet/psk.txt");
	is_path(l, "MULTINET:PSK.TXT;12", "/nowhere/multinet/psk.txt");
	is_path(l, "MULTINET:[DIR.SUB]FILE.EXT;3", "/nowhere/multinet/dir/sub/file.ext");
	is_path(l, "MULTINET:<DIR>FILE.", "/nowhere/multinet/dir/file.");
	is_path(l, "MULTINET:[000000]X", "/nowhere/multinet/x");
	is_path(l, "MULTINET:[000000.A]X", "/nowhere/multinet/a/x");
	is_path(l, "MULTINET:[.A]X", "/nowhere/multinet/a/x");
	is_path(l, "MULTINET:[-.A]X", "/nowhere/multinet/../a/x");
	is_path(l, "MULTINET:[A.]", "/nowhere/multinet/a");
	is_path(l, "MULTINET:", "/nowhere/multinet/");
	is_path(l, "MULTINET:sub/X.conf", "/nowhere/multinet/sub/x.conf");
	is_path(l, "MULTINET:a;b", "/nowhere/multinet/a;b");
	/* devices that lead to devices */
	set(l, LNM_SYSTEM, "ROOT", "MULTINET:[TOP.]");
	set(l, LNM_SYSTEM, "KEYS", "ROOT:[KEYS]");
	is_path(l, "KEYS:[OLD]A.PEM", "/nowhere/multinet/top/keys/old/a.pem");
	set(l, LNM_SYSTEM, "ALIAS", "multinet");
	is_path(l, "ALIAS:A", "/nowhere/multinet/a");
	set(l, LNM_SYSTEM, "HERE", "conf");
	is_path(l, "HERE:A", "conf/a");
	/* refused */
	assert_int_equal(refused(l, "NODEV:A"), ST_NOLOGNAM);
	assert_int_equal(refused(l, ":A"), ST_IVLOGNAM);
	assert_int_equal(refused(l, "MULTINET:[A"), ST_IVPARM);
	assert_int_equal(refused(l, "MULTINET:[A..B]C"), ST_IVPARM);
	assert_int_equal(refused(l, "MULTINET:[...]C"), ST_IVPARM);
	assert_int_equal(refused(l, "MULTINET:[*]C"), ST_IVPARM);
	set(l, LNM_SYSTEM, "LOOP", "LOOP:");
	assert_int_equal(refused(l, "LOOP:A"), ST_TOOMANYLNAM);
	assert_int_equal(lnm_file_spec(l, "MULTINET:A", path, sizeof(path)), ST_LIMIT);
	assert_int_equal(lnm_file_spec(l, "/a/path/too/long", path, 16), ST_LIMIT);
}

/* Search lists of search lists must not take for ever. */
static void
search_lists_are_bounded(void **state)
{
	struct lnm *l = *state;
	char line[256];

	for (int i = 0; i < 9; i++) {
		snprintf(line, sizeof(line), "define S%d S%d:,S%d:,S%d:,S%d:,S%d:,S%d:,S%d:,S%d:",
			i, i + 1, i + 1, i + 1, i + 1, i + 1, i + 1, i + 1, i + 1);
		assert_int_equal(command(l, line, ""), ST_NORMAL);
	}
	set(l, LNM_PROCESS, "S9", "/nowhere");
	assert_int_equal(refused(l, "S0:A"), ST_LIMIT);
	assert_int_equal(command(l, "show logical S0", NULL), ST_LIMIT);
}

/* ------------------------------------------------------------ commands --- */

static void
commands(void **state)
{
	struct lnm *l = *state;

	assert_int_equal(command(l, "$ DEFINE/SYSTEM multinet_svcorder “local, bind”", ""),
		ST_NORMAL);
	assert_string_equal(lnm_value(l, "MULTINET_SVCORDER", 0), "local, bind");
	assert_int_equal(command(l, "def x a , \"b\"\"c\"/trans=(conc,term),/etc/d ! list", ""),
		ST_NORMAL);
	assert_int_equal(lnm_find(l, "X", NULL)->count, 3);
	assert_string_equal(lnm_value(l, "X", 1), "b\"c");
	assert_int_equal(lnm_find(l, "X", NULL)->value[0].attributes, 0);
	assert_int_equal(lnm_find(l, "X", NULL)->value[1].attributes, LNM_CONCEALED | LNM_TERMINAL);
	assert_string_equal(lnm_value(l, "X", 2), "/etc/d");
	assert_int_equal(command(l, "ASSIGN/GROUP a,b L:", ""), ST_NORMAL);
	assert_int_equal(lnm_in_table(l, LNM_GROUP, "L")->count, 2);
	assert_int_equal(command(l, "DEFINE L: a", ""), ST_NORMAL);
	assert_non_null(lnm_in_table(l, LNM_PROCESS, "L:"));
	/* the last table wins */
	assert_int_equal(command(l, "define/job/system/group W w /process", ""), ST_NORMAL);
	assert_non_null(lnm_in_table(l, LNM_PROCESS, "W"));
	assert_int_equal(command(l, "define W w", "%DCL-I-SUPERSEDE, previous value of W has been "
		"superseded\n"), ST_SUPERSEDE);
	assert_int_equal(command(l, "define/nolog W w", ""), ST_NORMAL);
	assert_int_equal(command(l, "deassign NONE", "%SYSTEM-F-NOLOGNAM, no logical name match\n"),
		ST_NOLOGNAM);
	assert_int_equal(command(l, "deassign/group L:", ""), ST_NORMAL);
	assert_int_equal(command(l, "show logical none", "%SHOW-S-NOTRAN, no translation for "
		"logical name NONE\n"), ST_NOTRAN);
	assert_int_equal(command(l, "show translation x", "   \"X\" = \"a\" (LNM$PROCESS_TABLE)\n"
		"\t= \"b\"c\"\n\t= \"/etc/d\"\n"), ST_NORMAL);
	assert_int_equal(command(l, "show translation", NULL), ST_INSFPRM);
	assert_int_equal(command(l, "deassign/all", ""), ST_NORMAL);
	assert_null(lnm_at(l, LNM_PROCESS, 0));
	/* not ours */
	assert_int_equal(command(l, "show", ""), ST_IVVERB);
	assert_int_equal(command(l, "show services", ""), ST_IVVERB);
	assert_int_equal(command(l, "de x y", ""), ST_IVVERB);
	assert_int_equal(command(l, "debug 1", ""), ST_IVVERB);
	assert_int_equal(command(l, "", ""), ST_IVVERB);
	assert_false(lnm_is_command("define-x"));
	assert_true(lnm_is_command(" $ SHOW LOG"));
	assert_true(lnm_is_command("define"));
}

static void
paths_and_qualifiers(void **state)
{
	struct lnm *l = *state;

	assert_int_equal(command(l, "define a /user/local", ""), ST_NORMAL);
	assert_string_equal(lnm_value(l, "A", 0), "/user/local");
	assert_int_equal(command(l, "define b a/log/b", ""), ST_NORMAL);
	assert_string_equal(lnm_value(l, "B", 0), "a/log/b");
	assert_int_equal(command(l, "define c \"/log\"", ""), ST_NORMAL);
	assert_string_equal(lnm_value(l, "C", 0), "/log");
	assert_int_equal(command(l, "define/user d e", ""), ST_NORMAL);
	lnm_run_down(l);
	assert_null(lnm_find(l, "D", NULL));
	assert_int_equal(command(l, "define/trans=conc d e,f", ""), ST_NORMAL);
	assert_int_equal(lnm_find(l, "D", NULL)->value[1].attributes, LNM_CONCEALED);
}

static void
wrong_commands(void **state)
{
	static const struct {
		const char *line;
		enum status want;
	} rows[] = {
		{ "define", ST_INSFPRM }, { "define a", ST_INSFPRM }, { "assign a", ST_INSFPRM },
		{ "deassign", ST_INSFPRM }, { "define a b c", ST_MAXPARM },
		{ "deassign a b", ST_MAXPARM }, { "show logical a b", ST_MAXPARM },
		{ "define a \"b", ST_SYNTAX }, { "define a b,", ST_IVLOGNAM },
		{ "define , b", ST_IVLOGNAM }, { "define a ,b", ST_IVLOGNAM },
		{ "define/nonsense a b", ST_IVQUAL }, { "define/ a b", ST_IVQUAL },
		{ "define/s a b", ST_ABQUAL }, { "show logical/user a", ST_IVQUAL },
		{ "define/table a b", ST_VALREQ }, { "define/table=x a b", ST_NOLOGTAB },
		{ "define/table=lnm$file_dev a b", ST_NOLOGTAB },
		{ "define a b/trans=rooted", ST_VALREQ }, { "define \x01 b", ST_IVLOGNAM },
	};
	char line[LNM_LINE_MAX + 16];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(command(*state, rows[i].line, NULL), rows[i].want);
	memset(line, 'x', sizeof(line));
	memcpy(line, "define a ", 9);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(command(*state, line, NULL), ST_LINELONG);
	line[LNM_LINE_MAX - 2] = '\0';
	assert_int_equal(command(*state, line, NULL), ST_IVLOGNAM);
	assert_null(lnm_at(*state, LNM_PROCESS, 0));
	assert_true(lnm_failed(ST_NOLOGNAM));
	assert_false(lnm_failed(ST_NOTRAN));
	assert_false(lnm_failed(ST_SUPERSEDE));
}

static void
conditions(void **state)
{
	(void)state;
	assert_int_equal(lnm_condition(ST_NORMAL), 1);
	assert_int_equal(lnm_condition(ST_IVLOGNAM), 340);
	assert_int_equal(lnm_condition(ST_NOLOGNAM), 444);
	assert_int_equal(lnm_condition(ST_TOOMANYLNAM), 884);
	assert_int_equal(lnm_condition(ST_NOTRAN), 1577);
	assert_int_equal(lnm_condition(ST_SUPERSEDE), 1585);
	assert_int_equal(lnm_condition(ST_NOLOGTAB), 8852);
	/* odd means success, whatever the condition */
	for (enum status st = ST_NORMAL; st < ST_COUNT; st++)
		assert_int_equal(lnm_condition(st) & 1u, !lnm_failed(st));
}

/* ------------------------------------------------------------ the file --- */

static void
put(const char *path, const char *content, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(content, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

#define PUT(path, literal) put(path, literal, sizeof(literal) - 1)

static void
is_file(const char *path, const char *want)
{
	char got[1024] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(got, want);
}

static void
system_file(void **state)
{
	char dir[] = "/tmp/test_lnm.XXXXXX", path[64], want[256];
	struct text errors = { 0 };
	struct lnm *l = *state;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/system", dir);
	assert_int_equal(lnm_load_file(l, path, &errors), ST_NORMAL); /* none is empty */
	assert_int_equal(command(l, "define/system A 1,2", ""), ST_NORMAL);
	assert_int_equal(command(l, "define/group/exec B c/trans=term", ""), ST_NORMAL);
	assert_int_equal(command(l, "define C process", ""), ST_NORMAL);
	is_file(path, "DEFINE/SYSTEM A \"1\",\"2\"\n"
		"DEFINE/GROUP/EXECUTIVE_MODE B \"c\"/TRANSLATION_ATTRIBUTES=(TERMINAL)\n");
	/* loading again replaces the file's tables and leaves the process table */
	PUT(path, "! two lines\r\nDEFINE D - \n  \"x y\"\r\n");
	assert_int_equal(lnm_load_file(l, path, &errors), ST_NORMAL);
	assert_null(lnm_find(l, "A", NULL));
	assert_string_equal(lnm_value(l, "D", 0), "x y");
	assert_string_equal(lnm_value(l, "C", 0), "process");
	/* errors: nothing of the file is taken, what was there stays */
	PUT(path, "DEFINE E 1\nDEFINE -\n  F \"\n");
	assert_int_equal(lnm_load_file(l, path, &errors), ST_BADCONF);
	snprintf(want, sizeof(want), "%s:3:5: command line cannot be understood: the quote is not "
		"closed\n", path);
	assert_string_equal(text_str(&errors), want);
	assert_null(lnm_find(l, "E", NULL));
	assert_string_equal(lnm_value(l, "D", 0), "x y");
	text_clear(&errors);
	PUT(path, "DEFINE A 1\0DEFINE B 2\n");
	assert_int_equal(lnm_load_file(l, path, &errors), ST_BADCONF);
	/* a directory cannot be read */
	assert_int_equal(lnm_load_file(l, dir, &errors), ST_SYSERR);
	text_free(&errors);
	unlink(path);
	assert_int_equal(rmdir(dir), 0); /* no temporary file is left */
}

static void
file_search(void **state)
{
	char dir[] = "/tmp/test_lnm.XXXXXX", a[96], b[96], line[256], want[128];
	struct lnm *l = *state;

	assert_non_null(mkdtemp(dir));
	snprintf(a, sizeof(a), "%s/First", dir);
	snprintf(b, sizeof(b), "%s/second", dir);
	assert_int_equal(mkdir(a, 0700), 0);
	assert_int_equal(mkdir(b, 0700), 0);
	snprintf(line, sizeof(line), "define conf %s,%s", a, b);
	assert_int_equal(command(l, line, ""), ST_NORMAL);
	snprintf(want, sizeof(want), "%s/racoon.conf", a);
	is_path(l, "CONF:RACOON.CONF", want); /* exists nowhere: the first */
	snprintf(want, sizeof(want), "%s/racoon.conf", b);
	put(want, "", 0);
	is_path(l, "CONF:RACOON.CONF", want);
	is_path(l, "conf:racoon.conf", want);
	unlink(want);
	snprintf(want, sizeof(want), "%s/Racoon.CONF", a);
	put(want, "", 0);
	is_path(l, "conf:Racoon.CONF;1", want); /* as given, for it exists */
	unlink(want);
	rmdir(a);
	rmdir(b);
	rmdir(dir);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tables_are_searched_in_order), TEST(modes), TEST(many_names_stay_sorted),
		TEST(limits), TEST(environment), TEST(translation), TEST(booleans),
		TEST(file_specs), TEST(search_lists_are_bounded), TEST(commands),
		TEST(paths_and_qualifiers), TEST(wrong_commands), TEST(conditions),
		TEST(system_file), TEST(file_search),
	};

	return cmocka_run_group_tests_name("lnm", tests, NULL, NULL);
}
