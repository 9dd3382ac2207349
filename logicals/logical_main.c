/*
 * logical_main.c - the program `logical`: define, assign, deassign and show logical names.
 *
 * A Unix process cannot give its parent a process table, so what it changes is the system table,
 * and /SYSTEM is the default here.  While the master server runs the table is there; without it, it
 * is the file.  Exit status: 0 done, 1 failed, 2 usage, 4 not permitted; RUN: the program's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logicals/lnm_int.h"

static const char usage[] =
	"usage: logical define [/SYSTEM|/GROUP|/JOB] [/NOLOG] name value[,value...]\n"
	"       logical assign [qualifiers] value[,value...] name\n"
	"       logical deassign [qualifiers] name | /ALL\n"
	"       logical show [logical] [/SYSTEM|/TABLE=name] [/FULL] [name, * and % match]\n"
	"       logical show translation name\n"
	"       logical translate name | file-specification\n"
	"       logical names                names with a meaning, and who reads them\n"
	"       logical run program [argument...]   with all names in its environment\n"
	"       logical -h | -V\n"
	"       /SAVE  also into the file, when the master server has the table\n"
	"The system table is the master server's while it runs; else it is the file\n"
	"$MULTINET_LOGICALS, or " MULTINET_ETC "/system.logicals.\n"
	"Names of the process table are environment variables: MULTINET, MULTINET_...\n";

enum { EXIT_DONE, EXIT_FAILED_, EXIT_USAGE, EXIT_NOTPERM = 4, EXIT_NOPROGRAM = 127 };

extern char **environ;

/* Whether `typed`, up to a slash, abbreviates the word with three letters or more. */
static bool
is_word(const char *typed, const char *word)
{
	char start[16];
	size_t n = strcspn(typed, "/");

	if (n < 3 || n >= sizeof(start))
		return false;
	memcpy(start, typed, n);
	start[n] = '\0';
	return text_prefix(start, word);
}

/* An argument as DCL would read it: the shell has taken the quotes off. */
static void
add_argument(struct text *line, const char *arg)
{
	bool bare = arg[0] != '\0' && arg[0] != '!' && strpbrk(arg, " \t") == NULL;

	text_add(line, " ");
	if (bare || strchr(arg, '"') != NULL) {
		text_add(line, arg);
		return;
	}
	text_addf(line, "\"%s\"", arg);
}

static void
command_line(struct text *line, int argc, char **argv)
{
	const char *slash = strchr(argv[1], '/');
	int i = 2;

	text_add_n(line, argv[1], slash == NULL ? strlen(argv[1]) : (size_t)(slash - argv[1]));
	if (is_word(argv[1], "SHOW")) {
		if (argc > 2 && (is_word(argv[2], "LOGICAL") || is_word(argv[2], "TRANSLATION")))
			text_addf(line, " %s", argv[i++]);
		else
			text_add(line, " LOGICAL");
	} else {
		text_add(line, "/SYSTEM"); /* a table named later wins */
	}
	if (slash != NULL)
		text_add(line, slash);
	for (; i < argc; i++)
		add_argument(line, argv[i]);
}

static bool
wants_process_table(const char *line)
{
	struct lnm_stmt s;

	return lnm_parse(line, &s) == ST_NORMAL && s.table == LNM_PROCESS &&
		(s.verb == LNM_DEFINE || s.verb == LNM_ASSIGN || s.verb == LNM_DEASSIGN);
}

static int
complain(enum status st, const char *detail)
{
	char line[LNM_MESSAGE_MAX];

	lnm_message(line, sizeof(line), st, detail);
	fprintf(stderr, "%s\n", line);
	return EXIT_FAILED_;
}

/* The listing goes to standard output; of a failure the last line, its message, does not. */
static void
print(const struct text *out, enum status st)
{
	const char *all = text_str(out);
	size_t n = out->n;

	if (n > 0 && lnm_failed(st))
		for (n--; n > 0 && all[n - 1] != '\n'; n--)
			;
	fwrite(all, 1, n, stdout);
	fflush(stdout);
	fputs(all + n, stderr);
}

/* For scripts: the bare result of an iterative translation, or a specification's path. */
static int
translate(const struct lnm *l, const char *what)
{
	char out[4096];
	enum status st = strchr(what, ':') != NULL ? lnm_file_spec(l, what, out, sizeof(out))
						   : lnm_translate(l, what, out, sizeof(out));

	if (st != ST_NORMAL)
		return complain(st, what);
	puts(out);
	return EXIT_DONE;
}

static int
names(const struct lnm *l)
{
	for (const struct lnm_known *k = lnm_known; k->name != NULL; k++) {
		const char *value = lnm_value(l, k->name, 0);

		printf("%s\n\t%s: %s\n\tread by %s%s\n", k->name, k->value, k->meaning,
			k->reader, k->waiting ? ", which is not there yet: the name waits" : "");
		if (value != NULL)
			printf("\tnow \"%s\"\n", value);
	}
	return EXIT_DONE;
}

/* The program takes this one's place. */
static int
run_program(struct lnm *l, char **argv)
{
	struct text made = { 0 };
	char **env = lnm_environment(l, environ, &made);

	if (env == NULL)
		return complain(ST_NOMEMORY, NULL);
	environ = env;
	execvp(argv[0], argv);
	fprintf(stderr, "logical: %s: %s\n", argv[0], strerror(errno));
	free(env);
	text_free(&made);
	return EXIT_NOPROGRAM;
}

/* A change, carried out by whoever has the table. False: no server answers. */
static bool
ask_server(struct lnm *l, const char *line, int *result)
{
	struct text request = { 0 }, out = { 0 };
	enum status st = lnm_for_server(line, &request);

	if (st == ST_NORMAL)
		st = lnm_ask_server(l, NULL, text_str(&request), &out);
	else
		st = ST_NOSERVER;
	if (st != ST_NOSERVER) {
		print(&out, st);
		*result = st == ST_NOTPERM ? EXIT_NOTPERM :
			lnm_failed(st) ? EXIT_FAILED_ : EXIT_DONE;
	}
	text_free(&request);
	text_free(&out);
	return st != ST_NOSERVER;
}

static int
run(struct lnm *l, int argc, char **argv)
{
	struct text line = { 0 }, out = { 0 };
	enum status st = ST_NOLOGTAB;
	int result;

	if (argc == 3 && is_word(argv[1], "TRANSLATE"))
		return translate(l, argv[2]);
	if (argc == 2 && is_word(argv[1], "NAMES"))
		return names(l);
	if (argc > 2 && is_word(argv[1], "RUN"))
		return run_program(l, argv + 2);
	command_line(&line, argc, argv);
	if (wants_process_table(text_str(&line))) {
		result = complain(st, "a process table ends with its process; "
				      "set an environment variable instead");
	} else if (!ask_server(l, text_str(&line), &result)) {
		st = lnm_command(l, text_str(&line), &out);
		print(&out, st);
		if (st == ST_IVVERB)
			fputs(usage, stderr);
		result = st == ST_IVVERB ? EXIT_USAGE : lnm_failed(st) ? EXIT_FAILED_ : EXIT_DONE;
	}
	text_free(&line);
	text_free(&out);
	return result;
}

int
main(int argc, char **argv)
{
	struct text errors = { 0 };
	struct lnm *l;
	enum status st;
	int result = EXIT_FAILED_;

	if (argc < 2) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0) {
		puts("logical " MULTINET_VERSION);
		return EXIT_DONE;
	}
	l = lnm_new();
	st = l == NULL ? ST_NOMEMORY : lnm_load(l, &errors);
	if (st == ST_NORMAL) {
		(void)lnm_from_server(l, NULL);
		result = run(l, argc, argv);
	} else {
		fputs(text_str(&errors), stderr);
		complain(st, NULL);
	}
	text_free(&errors);
	lnm_free(l);
	return result;
}
