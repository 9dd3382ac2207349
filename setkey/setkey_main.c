/*
 * setkey_main.c - the program setkey: options, files, the resolver, the prompt.
 *
 * Loads SAs and policies from a script, shows and flushes them.  A script is read to its end before
 * anything is sent, so one with an error changes nothing.  The exit status is 1 after any error.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logicals/lnm.h"
#include "setkey/check.h"
#include "setkey/run.h"

#define DEFAULT_FILE "MULTINET:IPSEC.CONF"

enum action { ACT_NONE, ACT_FILE, ACT_STDIN, ACT_DUMP, ACT_FLUSH, ACT_WATCH, ACT_REPLAY };

enum { PATH_SIZE = 4096, VALUE_SIZE = 256, WHY_SIZE = 512 };

struct options {
	enum action action;
	const char *file, *backend;
	char **files; /* of ACT_REPLAY */
	bool policies, all, ports, brief, parse_only, numeric, verbose, kernel_style, hex, help;
	bool force, update, check, json, dump_word;
	bool both; /* --dump: SAs and policies */
};

static volatile sig_atomic_t interrupted;

static void
usage(FILE *to)
{
	fputs("usage: setkey [-knNrv] -f FILE    load a script (- is standard input)\n"
	      "       setkey [-knNrv] -c         load commands from standard input\n"
	      "       setkey --check [FILE]      say what is doubtful about a script\n"
	      "       setkey [-alpv] -D          show the SAs\n"
	      "       setkey [-pv] -DP           show the policies\n"
	      "       setkey --dump=json|text    show both; with -D or -DP one of them\n"
	      "       setkey [-v] -F | -FP       delete all SAs, all policies\n"
	      "       setkey [-hH] -x            show the messages of the SA database\n"
	      "       setkey [-H] FILE ...       show files of such messages\n"
	      "       setkey -h | -V             print this, or the version\n"
	      "  -B engine|pfkey|xfrm|auto  which SA database\n"
	      "  -a dead SAs as well     -p ports of tunnel end points   -l each second, short\n"
	      "  -n only check           -N no name look-ups             -v show what is sent\n"
	      "  -k `in` policies stand alone  -r they cover forwarded packets (default)\n"
	      "  -h, -H  with -x: in hexadecimal as well, as -xx\n"
	      "  --force  SPIs 1 to 255 may be used\n"
	      "  --update  load a script again: policies anew, SAs that are there stay\n"
	      "  -f and --check without a file read " DEFAULT_FILE "\n", to);
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
open_backend(struct setkey_run *run, const struct options *o, const struct lnm *names)
{
	char backend[VALUE_SIZE], why[WHY_SIZE] = "", text[2 * WHY_SIZE];
	const char *chosen = o->backend;
	enum status status;

	if (chosen == NULL)
		chosen = logical(names, "MULTINET_IPSEC_BACKEND", backend, sizeof(backend));
	/* Where the engine's socket is, the client looks up itself: that chooses no engine. */
	status = sadb_sync_open(chosen == NULL ? "auto" : chosen, NULL, &run->db, why, sizeof(why));
	if (status != ST_NORMAL) {
		status_format(text, sizeof(text), status, NULL, why);
		fprintf(stderr, "setkey: %s\n", text);
		return false;
	}
	/* What -x shows it shows once. */
	if (o->verbose && o->action != ACT_WATCH)
		sadb_sync_watch(run->db, setkey_show_message, NULL);
	return true;
}

/* -------------------------------------------------------------------------------------- scripts */

static struct setkey_script
new_script(const struct options *o)
{
	return (struct setkey_script){ .kernel_style = o->kernel_style, .force = o->force,
		.resolver = o->numeric ? NULL : &resolver };
}

/* -n: nothing is done with the requests; -nv: they are printed. */
static bool
print_script(void *user, struct setkey_script *script)
{
	const struct options *o = user;
	struct text t = { 0 };

	for (size_t i = 0; o->verbose && i < script->count; i++) {
		text_clear(&t);
		setkey_print(&script->msg[i], &t);
		fputs(text_str(&t), stdout);
	}
	text_free(&t);
	return !ferror(stdout);
}

/* The first reading, with what it has to say. */
static bool
scan_script(struct setkey_script *script, const char *file, struct bytes text)
{
	struct stmt_errors errors = { 0 };
	bool good = setkey_scan(script, file, text, &errors);

	fputs(text_str(&errors.warnings), stderr);
	fputs(text_str(&errors.text), stderr);
	if (!good)
		fprintf(stderr, "setkey: %s: %u error%s, nothing was changed\n", file, errors.count,
			errors.count == 1 ? "" : "s");
	stmt_errors_free(&errors);
	return good;
}

/* The second, which can only fail for want of memory, or because batch() told why. */
static bool
make_requests(struct setkey_script *script, struct setkey_run *run, struct bytes text)
{
	if (setkey_make(script, run->file, text))
		return true;
	if (!run->broken)
		fprintf(stderr, "setkey: %s: out of memory\n", run->file);
	return false;
}

/* --check: exit status 1 when there is anything to say. */
static bool
check_script(struct setkey_script *script, struct setkey_run *run, struct bytes text)
{
	struct text report = { 0 };
	struct check *c = check_new();
	bool good = false;

	script->batch = check_batch;
	script->batch_user = c;
	if (c != NULL && setkey_make(script, run->file, text)) {
		good = check_report(c, run->file, &report) == 0;
		fputs(text_str(&report), stdout);
	}
	if (c == NULL || c->failed) {
		fprintf(stderr, "setkey: %s: out of memory\n", run->file);
		good = false;
	}
	text_free(&report);
	check_free(c);
	return good;
}

static bool
carry_out_script(const struct options *o, const struct lnm *names, struct setkey_run *run,
	struct bytes text)
{
	struct setkey_script script = new_script(o);
	struct options copy = *o;
	bool good = scan_script(&script, run->file, text);

	if (good && o->check) {
		good = check_script(&script, run, text);
	} else if (good && o->parse_only) {
		script.batch = print_script;
		script.batch_user = &copy;
		good = !o->verbose || make_requests(&script, run, text);
	} else if (good) {
		script.batch = setkey_run_batch;
		script.batch_user = run;
		good = open_backend(run, o, names) && make_requests(&script, run, text);
	}
	setkey_script_clear(&script);
	return good;
}

static bool
load_text(const struct lnm *names, const char *spec, char path[PATH_SIZE], struct text *text)
{
	char why[WHY_SIZE];
	enum status status = ST_NORMAL;

	strcpy(path, "-");
	if (strcmp(spec, "-") != 0)
		status = lnm_file_spec(names, spec, path, PATH_SIZE);
	if (status != ST_NORMAL)
		snprintf(why, sizeof(why), "%s: %s", spec, status_row(status)->text);
	else
		status = stmt_load(path, text, why, sizeof(why));
	if (status != ST_NORMAL)
		fprintf(stderr, "setkey: %s\n", why);
	return status == ST_NORMAL;
}

static int
load(const struct options *o, const struct lnm *names, const char *spec)
{
	struct setkey_run run = { .now = when_wall(), .all = o->all, .ports = o->ports,
		.update = o->update };
	struct text text = { 0 };
	char path[PATH_SIZE];
	bool good = load_text(names, spec, path, &text);

	run.file = strcmp(path, "-") == 0 ? "stdin" : path;
	if (good)
		good = carry_out_script(o, names, &run, bytes_of(text.p, text.n));
	sadb_sync_close(run.db);
	setkey_run_clear(&run);
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

/* exit, quit and bye need no `;` at a terminal. */
static bool
is_farewell(const char *line)
{
	static const char *const words[] = { "exit", "quit", "bye" };
	size_t n = strcspn(line, " \t\r\n");

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i]) == n && strncmp(line, words[i], n) == 0 &&
			line[n + strspn(line + n, " \t\r\n")] == '\0')
			return true;
	return false;
}

/* Statements that are whole; false: they were unsound. */
static bool
converse_once(const struct options *o, struct setkey_script *script, struct setkey_run *run,
	struct bytes text)
{
	run->now = when_wall();
	if (!scan_script(script, run->file, text))
		return false;
	return (o->parse_only && !o->verbose) || make_requests(script, run, text);
}

/* At a terminal each statement is carried out when its `;` was typed. */
static int
converse(const struct options *o, const struct lnm *names)
{
	struct options copy = *o;
	struct setkey_script script = new_script(o);
	struct setkey_run run = { .file = "stdin", .all = o->all, .ports = o->ports,
		.update = o->update };
	struct text text = { 0 };
	char *line = NULL;
	size_t size = 0;
	bool good = o->parse_only || open_backend(&run, o, names);
	bool sound = good, quit = false;

	script.batch = o->parse_only ? print_script : setkey_run_batch;
	script.batch_user = o->parse_only ? (void *)&copy : &run;
	while (good && !quit && !run.broken) {
		fputs(text.n == 0 ? "setkey> " : "      > ", stdout);
		fflush(stdout);
		if (getline(&line, &size, stdin) < 0 || (text.n == 0 && is_farewell(line)))
			break;
		text_add(&text, line);
		if (!complete(text_str(&text)))
			continue;
		sound = converse_once(o, &script, &run, bytes_of(text.p, text.n)) && sound;
		quit = script.quit;
		setkey_script_clear(&script);
		text_free(&text);
	}
	free(line);
	sadb_sync_close(run.db);
	setkey_run_clear(&run);
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
		if (letter == 'x' && o->action == ACT_WATCH)
			o->hex = true;
		if (letters[i].flag == NULL)
			return set_action(o, letters[i].action);
		*letters[i].flag = true;
		return true;
	}
	fprintf(stderr, "setkey: unknown option -%c\n", optopt);
	usage(stderr);
	return false;
}

enum { OPT_FORCE = 256, OPT_UPDATE, OPT_CHECK, OPT_DUMP };

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "backend", required_argument, NULL, 'B' },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "update", no_argument, NULL, OPT_UPDATE },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "dump", required_argument, NULL, OPT_DUMP },
	{ NULL, 0, NULL, 0 },
};

/* One option; false: it was wrong, and that was told. */
static bool
set_option(struct options *o, int c)
{
	switch (c) {
	case 'r':
		o->kernel_style = false;
		return true;
	case 'B':
		o->backend = optarg;
		return true;
	case OPT_FORCE:
		o->force = true;
		return true;
	case OPT_UPDATE:
		o->update = true;
		return true;
	case OPT_CHECK:
		o->check = true;
		return true;
	case OPT_DUMP:
		if (strcmp(optarg, "json") != 0 && strcmp(optarg, "text") != 0) {
			fprintf(stderr, "setkey: --dump=%s: expected json or text\n", optarg);
			return false;
		}
		o->json = strcmp(optarg, "json") == 0;
		o->dump_word = true;
		return true;
	case ':':
		if (optopt == 'f')
			break;
		if (optopt == 'B')
			fputs("setkey: -B needs a backend: engine, pfkey, xfrm or auto\n", stderr);
		else
			fputs("setkey: --dump needs a format: json or text\n", stderr);
		return false;
	case 'f':
		break;
	default:
		return set_letter(o, c);
	}
	o->file = c == 'f' ? optarg : DEFAULT_FILE; /* `:`: -f alone */
	return set_action(o, ACT_FILE);
}

/* False: *exit_status is what to end with. */
static bool
read_options(int argc, char **argv, struct options *o, int *exit_status)
{
	int c;

	*exit_status = 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":f:B:cDFxPaplnNvkrhHV", long_options, NULL)) != -1) {
		if (c == 'V') {
			puts("setkey " MULTINET_VERSION);
			*exit_status = 0;
			return false;
		}
		if (c == '?' && optopt == 0) {
			fprintf(stderr, "setkey: unknown option %s\n", argv[optind - 1]);
			usage(stderr);
			return false;
		}
		if (!set_option(o, c))
			return false;
	}
	/* --check is about a file. --dump alone shows both, with -D or -DP the one that they do. */
	if (o->check && o->action == ACT_NONE) {
		o->action = ACT_FILE;
		o->file = optind < argc ? argv[optind++] : DEFAULT_FILE;
	}
	if (o->dump_word && o->action == ACT_NONE) {
		o->action = ACT_DUMP;
		o->both = !o->policies;
	}
	if ((o->check && o->action != ACT_FILE && o->action != ACT_STDIN) ||
		(o->dump_word && o->action != ACT_DUMP)) {
		fputs("setkey: --check goes with -f or -c, --dump with -D\n", stderr);
		return false;
	}
	/* -h is help alone, and the hexadecimal dump with -x. */
	if (o->help && o->action != ACT_WATCH) {
		usage(stdout);
		*exit_status = 0;
		return false;
	}
	o->hex = o->hex || o->help;
	if (o->action == ACT_NONE && optind < argc) {
		o->action = ACT_REPLAY;
		o->files = argv + optind;
		return true;
	}
	if (o->action != ACT_NONE && optind == argc)
		return true;
	if (optind < argc)
		fprintf(stderr, "setkey: unexpected \"%s\"\n", argv[optind]);
	usage(stderr);
	return false;
}

static void
interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

/* What goes on for ever ends properly at ^C: no SA_RESTART, so that waits end. */
static void
catch_interrupt(void)
{
	struct sigaction action = { .sa_handler = interrupt };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void
dump(struct setkey_run *run, const struct options *o)
{
	if (o->json) {
		setkey_run_json(run, o->both || !o->policies, o->both || o->policies);
		return;
	}
	setkey_run_dump(run, o->policies);
	if (o->both && !run->broken)
		setkey_run_dump(run, true);
}

static int
database(const struct options *o, const struct lnm *names)
{
	struct setkey_run run = { .clock = when_wall, .all = o->all, .ports = o->ports,
		.brief = o->brief, .stop = &interrupted };
	bool again = o->action == ACT_DUMP && o->brief;

	if (!open_backend(&run, o, names))
		return 1;
	if (again || o->action == ACT_WATCH)
		catch_interrupt();
	do {
		run.now = when_wall();
		if (o->action == ACT_DUMP)
			dump(&run, o);
		else if (o->action == ACT_FLUSH)
			setkey_run_flush(&run, o->policies);
		else
			setkey_run_watch(&run, o->hex);
		if (fflush(stdout) != 0)
			break;
	} while (again && !run.failed && !interrupted && sleep(1) == 0);
	sadb_sync_close(run.db);
	setkey_run_clear(&run);
	return run.failed ? 1 : 0;
}

/* Files of PF_KEY messages, shown as -x shows those that come. */
static int
replay(const struct options *o, const struct lnm *names)
{
	int result = 0;

	for (char **file = o->files; *file != NULL; file++) {
		struct text text = { 0 };
		char path[PATH_SIZE];

		if (!load_text(names, *file, path, &text) ||
			!setkey_replay(path, bytes_of(text.p, text.n), o->hex))
			result = 1;
		text_free(&text);
	}
	return result;
}

static int
carry_out(const struct options *o, const struct lnm *names)
{
	switch (o->action) {
	case ACT_FILE:
		return load(o, names, o->file);
	case ACT_STDIN:
		return isatty(STDIN_FILENO) && !o->check ? converse(o, names) : load(o, names, "-");
	case ACT_DUMP:
	case ACT_FLUSH:
	case ACT_WATCH:
		return database(o, names);
	case ACT_REPLAY:
		return replay(o, names);
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
	if (lnm_load(names, &errors) == ST_NORMAL) {
		(void)lnm_from_server(names, NULL); /* which has the system's names while it runs */
		result = carry_out(&o, names);
	} else
		fprintf(stderr, "setkey: logical names cannot be loaded\n%s", text_str(&errors));
	text_free(&errors);
	lnm_free(names);
	if (fflush(stdout) != 0 && result == 0) {
		fprintf(stderr, "setkey: standard output: %s\n", strerror(errno));
		result = 1;
	}
	return result;
}
