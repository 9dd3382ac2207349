/*
 * setkey_main.c - the program setkey: options, files, the resolver, the prompt.
 *
 * Loads SAs and policies from a script, shows and flushes them.  A script is read to its end before
 * anything is sent, so one with an error changes nothing.  The exit status is 1 after any error.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logicals/lnm.h"
#include "setkey/run.h"

#define DEFAULT_FILE "MULTINET:IPSEC.CONF"

enum action { ACT_NONE, ACT_FILE, ACT_STDIN, ACT_DUMP, ACT_FLUSH, ACT_WATCH };

enum { PATH_SIZE = 4096, VALUE_SIZE = 256, WHY_SIZE = 512 };

struct options {
	enum action action;
	const char *file;
	bool policies, all, ports, brief, parse_only, numeric, verbose, kernel_style, hex, help;
};

static void
usage(FILE *to)
{
	fputs("usage: setkey [-knNrv] -f FILE    load a script (- is standard input)\n"
	      "       setkey [-knNrv] -c         load commands from standard input\n"
	      "       setkey [-alpv] -D          show the SAs\n"
	      "       setkey [-pv] -DP           show the policies\n"
	      "       setkey [-v] -F | -FP       delete all SAs, all policies\n"
	      "       setkey [-hH] -x            show the messages of the SA database\n"
	      "       setkey -h | -V             print this, or the version\n"
	      "  -a dead SAs as well     -p ports of tunnel end points   -l each second, short\n"
	      "  -n only check           -N no name look-ups             -v show what is sent\n"
	      "  -k `in` policies stand alone  -r they cover forwarded packets (default)\n"
	      "  -h, -H  with -x: in hexadecimal as well\n"
	      "  -f without a file reads " DEFAULT_FILE "\n", to);
}

/* ------------------------------------------------------------------------------------ resolver */

static bool
known(const struct net_addr *list, size_t n, const struct net_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (net_addr_equal(&list[i], a))
			return true;
	return false;
}

static size_t
resolve(void *user, const char *name, int family, struct net_addr *out, size_t max, char *why,
	size_t why_size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found = NULL;
	size_t n = 0;
	int error;

	(void)user;
	hints.ai_family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
	error = getaddrinfo(name, NULL, &hints, &found);
	if (error != 0) {
		snprintf(why, why_size, "%s", gai_strerror(error));
		return 0;
	}
	for (struct addrinfo *at = found; at != NULL && n < max; at = at->ai_next) {
		struct net_endpoint e;

		if (net_from_sockaddr(at->ai_addr, &e) && !known(out, n, &e.addr))
			out[n++] = e.addr;
	}
	freeaddrinfo(found);
	if (n == 0)
		snprintf(why, why_size, "it has no address");
	return n;
}

static const struct setkey_resolver resolver = { .resolve = resolve };

/* ---------------------------------------------------------------------------------- the backend */

static const char *
logical(const struct lnm *names, const char *name, char *buf, size_t size)
{
	return lnm_translate(names, name, buf, size) == ST_NORMAL ? buf : NULL;
}

static bool
open_backend(struct setkey_run *run, const struct lnm *names, bool verbose)
{
	char backend[VALUE_SIZE], path[VALUE_SIZE], why[WHY_SIZE] = "", text[2 * WHY_SIZE];
	const char *chosen = logical(names, "MULTINET_IPSEC_BACKEND", backend, sizeof(backend));
	enum status status = sadb_sync_open(chosen == NULL ? "auto" : chosen,
		logical(names, "MULTINET_IPSEC_SOCKET", path, sizeof(path)), &run->db, why,
		sizeof(why));

	if (status != ST_NORMAL) {
		status_format(text, sizeof(text), status, NULL, why);
		fprintf(stderr, "setkey: %s\n", text);
		return false;
	}
	if (verbose)
		sadb_sync_watch(run->db, setkey_show_message, NULL);
	return true;
}

/* -------------------------------------------------------------------------------------- scripts */

static struct setkey_script
new_script(const struct options *o)
{
	return (struct setkey_script){ .kernel_style = o->kernel_style,
		.resolver = o->numeric ? NULL : &resolver };
}

static void
print_script(const struct setkey_script *script)
{
	struct text t = { 0 };

	for (size_t i = 0; i < script->count; i++) {
		text_clear(&t);
		setkey_print(&script->msg[i], &t);
		fputs(text_str(&t), stdout);
	}
	text_free(&t);
}

static bool
read_script(struct setkey_script *script, const char *file, struct bytes text)
{
	struct stmt_errors errors = { 0 };
	bool good = setkey_read(script, file, text, &errors);

	fputs(text_str(&errors.warnings), stderr);
	fputs(text_str(&errors.text), stderr);
	if (!good)
		fprintf(stderr, "setkey: %s: %u error%s, nothing was changed\n", file, errors.count,
			errors.count == 1 ? "" : "s");
	stmt_errors_free(&errors);
	return good;
}

static int
load(const struct options *o, const struct lnm *names, const char *spec)
{
	struct setkey_script script = new_script(o);
	struct setkey_run run = { .now = when_wall(), .all = o->all, .ports = o->ports };
	struct text text = { 0 };
	char path[PATH_SIZE] = "-", why[WHY_SIZE];
	enum status status = ST_NORMAL;
	bool good = false;

	if (strcmp(spec, "-") != 0)
		status = lnm_file_spec(names, spec, path, sizeof(path));
	if (status != ST_NORMAL)
		snprintf(why, sizeof(why), "%s: %s", spec, status_row(status)->text);
	else
		status = stmt_load(path, &text, why, sizeof(why));
	if (status != ST_NORMAL) {
		fprintf(stderr, "setkey: %s\n", why);
		goto out;
	}
	run.file = strcmp(path, "-") == 0 ? "stdin" : path;
	if (!read_script(&script, run.file, bytes_of(text.p, text.n)))
		goto out;
	good = true;
	if (o->parse_only && o->verbose)
		print_script(&script);
	if (o->parse_only)
		goto out;
	good = open_backend(&run, names, o->verbose);
	if (good)
		setkey_run_script(&run, &script);
out:
	sadb_sync_close(run.db);
	setkey_script_clear(&script);
	text_free(&text);
	return good && !run.failed ? 0 : 1;
}

/* Does the text end a statement?  A `;` inside a string or a comment does not. */
static bool
complete(const char *s)
{
	bool quoted = false, ended = true;

	for (; *s != '\0'; s++) {
		if (*s == '"')
			quoted = !quoted;
		else if (*s == '\n')
			quoted = false;
		else if (*s == '#' && !quoted)
			while (s[1] != '\0' && s[1] != '\n')
				s++;
		else if (strchr(" \t\r", *s) == NULL)
			ended = *s == ';' && !quoted;
	}
	return ended;
}

/* At a terminal each statement is carried out when its `;` was typed. */
static int
converse(const struct options *o, const struct lnm *names)
{
	struct setkey_script script = new_script(o);
	struct setkey_run run = { .file = "stdin", .now = when_wall(), .all = o->all,
		.ports = o->ports };
	struct text text = { 0 };
	char *line = NULL;
	size_t size = 0;
	bool good = o->parse_only || open_backend(&run, names, o->verbose);
	bool sound = good;

	while (good && !script.quit && !run.broken) {
		bool quit;

		fputs(text.n == 0 ? "setkey> " : "      > ", stdout);
		fflush(stdout);
		if (getline(&line, &size, stdin) < 0)
			break;
		text_add(&text, line);
		if (!complete(text_str(&text)))
			continue;
		run.now = when_wall();
		if (!read_script(&script, "stdin", bytes_of(text.p, text.n)))
			sound = false;
		else if (!o->parse_only)
			setkey_run_script(&run, &script);
		quit = script.quit;
		setkey_script_clear(&script);
		script.quit = quit;
		text_free(&text);
	}
	free(line);
	sadb_sync_close(run.db);
	setkey_script_clear(&script);
	text_free(&text);
	return sound && !run.failed ? 0 : 1;
}

/* -------------------------------------------------------------------------------------- options */

static bool
set_action(struct options *o, enum action action)
{
	if (o->action != ACT_NONE && o->action != action) {
		fputs("setkey: -f, -c, -D, -F and -x exclude each other\n", stderr);
		return false;
	}
	o->action = action;
	return true;
}

/* What a letter switches on; -f, -V and -r are apart. */
static bool
set_letter(struct options *o, int letter)
{
	const struct {
		char letter;
		enum action action;
		bool *flag;
	} letters[] = {
		{ 'c', ACT_STDIN, NULL },
		{ 'D', ACT_DUMP, NULL },
		{ 'F', ACT_FLUSH, NULL },
		{ 'x', ACT_WATCH, NULL },
		{ 'P', ACT_NONE, &o->policies },
		{ 'a', ACT_NONE, &o->all },
		{ 'p', ACT_NONE, &o->ports },
		{ 'l', ACT_NONE, &o->brief },
		{ 'n', ACT_NONE, &o->parse_only },
		{ 'N', ACT_NONE, &o->numeric },
		{ 'v', ACT_NONE, &o->verbose },
		{ 'k', ACT_NONE, &o->kernel_style },
		{ 'h', ACT_NONE, &o->help },
		{ 'H', ACT_NONE, &o->hex },
	};

	for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
		if (letters[i].letter != letter)
			continue;
		if (letters[i].flag == NULL)
			return set_action(o, letters[i].action);
		*letters[i].flag = true;
		return true;
	}
	fprintf(stderr, "setkey: unknown option -%c\n", optopt);
	usage(stderr);
	return false;
}

/* False: *exit_status is what to end with. */
static bool
read_options(int argc, char **argv, struct options *o, int *exit_status)
{
	static char help[] = "-h", version[] = "-V";
	int c;

	*exit_status = 1;
	opterr = 0;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			argv[i] = help;
		else if (strcmp(argv[i], "--version") == 0)
			argv[i] = version;
	}
	while ((c = getopt(argc, argv, ":f:cDFxPaplnNvkrhHV")) != -1) {
		if (c == 'V') {
			puts("setkey " MULTINET_VERSION);
			*exit_status = 0;
			return false;
		}
		if (c == 'r')
			o->kernel_style = false;
		else if (c == 'f' || c == ':') { /* `:`: -f alone */
			o->file = c == 'f' ? optarg : DEFAULT_FILE;
			if (!set_action(o, ACT_FILE))
				return false;
		} else if (!set_letter(o, c)) {
			return false;
		}
	}
	/* -h is help alone, and the hexadecimal dump with -x. */
	if (o->help && o->action != ACT_WATCH) {
		usage(stdout);
		*exit_status = 0;
		return false;
	}
	o->hex = o->hex || o->help;
	if (o->action != ACT_NONE && optind == argc)
		return true;
	if (optind < argc)
		fprintf(stderr, "setkey: unexpected \"%s\": files are named with -f\n",
			argv[optind]);
	usage(stderr);
	return false;
}

static int
database(const struct options *o, const struct lnm *names)
{
	struct setkey_run run = { .clock = when_wall, .all = o->all, .ports = o->ports,
		.brief = o->brief };

	if (!open_backend(&run, names, o->verbose))
		return 1;
	do {
		run.now = when_wall();
		if (o->action == ACT_DUMP)
			setkey_run_dump(&run, o->policies);
		else if (o->action == ACT_FLUSH)
			setkey_run_flush(&run, o->policies);
		else
			setkey_run_watch(&run, o->hex);
		fflush(stdout);
	} while (o->action == ACT_DUMP && o->brief && !run.failed && sleep(1) == 0);
	sadb_sync_close(run.db);
	return run.failed ? 1 : 0;
}

static int
carry_out(const struct options *o, const struct lnm *names)
{
	switch (o->action) {
	case ACT_FILE:
		return load(o, names, o->file);
	case ACT_STDIN:
		return isatty(STDIN_FILENO) ? converse(o, names) : load(o, names, "-");
	case ACT_DUMP:
	case ACT_FLUSH:
	case ACT_WATCH:
		return database(o, names);
	case ACT_NONE:
		break;
	}
	return 1;
}

int
main(int argc, char **argv)
{
	struct options o = { .action = ACT_NONE };
	struct text errors = { 0 };
	struct lnm *names;
	int result;

	if (!read_options(argc, argv, &o, &result))
		return result;
	names = lnm_new();
	if (names == NULL) {
		fputs("setkey: out of memory\n", stderr);
		return 1;
	}
	result = 1;
	if (lnm_load(names, &errors) == ST_NORMAL)
		result = carry_out(&o, names);
	else
		fprintf(stderr, "setkey: logical names cannot be loaded\n%s", text_str(&errors));
	text_free(&errors);
	lnm_free(names);
	if (fflush(stdout) != 0 && result == 0) {
		fprintf(stderr, "setkey: standard output: %s\n", strerror(errno));
		result = 1;
	}
	return result;
}
