/*
 * nc_local.c - the console's own commands, in a verb table like any other.
 *
 * Called by nc_console.c for each line.  DEFINE and its like are in logicals/, `$ program` in
 * nc_child.c, PRIME in nc_prime.c.
 */
#include "netcontrol/nc_console.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/ctl.h"

enum { ABBREVIATION_MIN = 3, WAIT_MAX_S = 86400 };

/* ------------------------------------------------------------------ the commands */

static enum nc_exit
run_exit(struct nc *nc, const struct cmd *c, const char *rest)
{
	unsigned long n = (unsigned long)nc->status;
	char *end;

	(void)rest;
	if (c->words > 1 && !text_same(c->word[1], "$STATUS")) {
		n = strtoul(c->word[1], &end, 10);
		if (*end != '\0' || !isdigit((unsigned char)c->word[1][0]) || n > 255)
			return nc_say(NC_USAGE, ST_IVPARM, "\\%s\\ is not a status from 0 to 255",
				c->word[1]);
	} else if (c->words == 1 && nc->script.depth == 0 && nc->interactive) {
		n = NC_DONE; /* whoever leaves a conversation has not failed */
	}
	if (nc->script.depth > 0)
		nc->ended = true;
	else
		nc->quit = true;
	return (enum nc_exit)n;
}

static enum nc_exit
run_continue(struct nc *nc, const struct cmd *c, const char *rest)
{
	(void)c;
	(void)rest;
	nc->keep_status = true;
	return NC_DONE;
}

static enum nc_exit
run_quit(struct nc *nc, const struct cmd *c, const char *rest)
{
	(void)c;
	(void)rest;
	nc->quit = true;
	return nc->interactive ? NC_DONE : nc->status;
}

static enum nc_exit
run_certificate(struct nc *nc, const struct cmd *c, const char *rest)
{
	(void)rest;
	return nc_certificate(nc, c);
}

static enum nc_exit
run_server_config(struct nc *nc, const struct cmd *c, const char *rest)
{
	(void)rest;
	return nc_config_enter(nc, c);
}

static enum nc_exit
run_prime(struct nc *nc, const struct cmd *c, const char *rest)
{
	(void)rest;
	return nc_prime(nc, c);
}

static enum nc_exit
run_submit(struct nc *nc, const struct cmd *c, const char *rest)
{
	(void)rest;
	return nc_submit(nc, c);
}

/* The service among the candidates that the word means: in full, or the only one it begins. */
static unsigned
find_service(const char *candidates, const char *typed, char *found, size_t size)
{
	unsigned count = 0;

	for (const char *p = candidates; *p != '\0';) {
		size_t n = strcspn(p, "\n"), word = strcspn(p, "\t\n");

		if (word < size && text_prefix("\tservice", p + word)) {
			memcpy(found, p, word);
			found[word] = '\0';
			if (text_same(found, typed))
				return 1;
			count++;
		}
		p += n + (p[n] == '\n');
	}
	return count;
}

static enum nc_exit
run_select(struct nc *nc, const struct cmd *c, const char *rest)
{
	struct text out = { 0 };
	const char *typed = c->words > 1 ? c->word[1] : NULL;
	char found[sizeof(nc->selected)] = "";
	unsigned count;

	(void)rest;
	nc->selected[0] = '\0';
	if (typed == NULL || text_same(typed, "NETCONTROL"))
		return NC_DONE;
	if (!nc_complete(nc, typed, &out)) {
		text_free(&out);
		return nc_say(NC_NOSERVER, ST_NOSERVER, NULL);
	}
	count = find_service(text_str(&out), typed, found, sizeof(found));
	text_free(&out);
	if (count != 1)
		return nc_say(NC_FAILED, count == 0 ? ST_NOSERVICE : ST_ABVERB, "\\%s\\%s", typed,
			count == 0 ? ", SHOW lists them" : "");
	snprintf(nc->selected, sizeof(nc->selected), "%s", found);
	return NC_DONE;
}

/* SET MESSAGE/NOFACILITY/TEXT…: parts that are not named stay as they are. */
static enum nc_exit
set_message(const struct cmd *c)
{
	unsigned parts = nc_message_parts_now();

	for (size_t i = 0; i < c->quals; i++) {
		const char *name = c->qual[i].name;
		bool off = name[0] == 'N' && name[1] == 'O';
		unsigned part = 0;

		switch (name[off ? 2 : 0]) {
		case 'F':
			part = NC_MSG_FACILITY;
			break;
		case 'S':
			part = NC_MSG_SEVERITY;
			break;
		case 'I':
			part = NC_MSG_IDENT;
			break;
		default:
			part = NC_MSG_TEXT;
			break;
		}
		parts = off ? parts & ~part : parts | part;
	}
	nc_message_parts(parts);
	return NC_DONE;
}

static enum nc_exit
run_set(struct nc *nc, const struct cmd *c, const char *rest)
{
	static const char *const words[] = { "NOON", "ON", "NOVERIFY", "VERIFY", "MESSAGE", NULL };
	int which = verb_keyword(words, c->word[1]);

	(void)rest;
	if (c->quals > 0 && which != 4 && which >= 0)
		return nc_say(NC_USAGE, ST_IVQUAL, "\\%s\\ is one of SET MESSAGE's",
			c->qual[0].name);
	switch (which) {
	case 0:
		nc->noon = true;
		return NC_DONE;
	case 1:
		nc->noon = false;
		return NC_DONE;
	case 2:
		nc->verify = false;
		return NC_DONE;
	case 3:
		nc->verify = true;
		return NC_DONE;
	case 4:
		return set_message(c);
	default:
		return nc_say(NC_USAGE, ST_IVKEYW,
			"\\%s\\, ON, NOON, VERIFY, NOVERIFY or MESSAGE is expected",
			c->word[1]);
	}
}

static enum nc_exit
run_spawn(struct nc *nc, const struct cmd *c, const char *rest)
{
	(void)c;
	return nc_spawn(nc, rest);
}

/* WAIT hours:minutes:seconds, or seconds. */
static enum nc_exit
run_wait(struct nc *nc, const struct cmd *c, const char *rest)
{
	struct timespec slice = { .tv_nsec = 100 * 1000 * 1000 };
	unsigned h = 0, m = 0;
	double s;
	int n = 0;
	instant end;

	(void)rest;
	if (sscanf(c->word[1], "%4u:%4u:%lf%n", &h, &m, &s, &n) != 3 || c->word[1][n] != '\0') {
		h = m = 0;
		n = 0;
		if (sscanf(c->word[1], "%lf%n", &s, &n) != 1 || c->word[1][n] != '\0')
			s = -1;
	}
	s += 3600.0 * h + 60.0 * m;
	if (!(s >= 0 && s <= WAIT_MAX_S))
		return nc_say(NC_USAGE, ST_IVPARM,
			"\\%s\\ is not hours:minutes:seconds, at most a day",
			c->word[1]);
	end = instant_add(when_now(), (int64_t)(s * 1000));
	while (!instant_reached(end, when_now()) && nc->interrupt == 0)
		nanosleep(&slice, NULL);
	return NC_DONE;
}

/* Expressions with commas between, as in DCL; what is none stands for itself, word by word. */
static enum nc_exit
run_write(struct nc *nc, const struct cmd *c, const char *rest)
{
	char store[NC_LINE_MAX + 2], *argv[NC_ARGS_MAX];
	struct text line = { 0 }, value = { 0 };
	const char *p = rest + strcspn(rest, " \t");
	bool good = true;
	size_t count;

	(void)c;
	if (!nc_split(rest, store, sizeof(store), argv, &count) || count == 0 ||
		!text_same(argv[0], "SYS$OUTPUT"))
		return nc_say(NC_USAGE, ST_SYNTAX, "WRITE SYS$OUTPUT \"text\" is expected");
	p += strspn(p, " \t");
	while (good && *p != '\0') {
		good = nc_evaluate(nc, p, &value, &p);
		text_add(&line, text_str(&value));
		p += strspn(p, " \t");
		good = good && (*p == '\0' || *p == ',');
		p += *p == ',';
	}
	if (!good)
		text_clear(&line);
	for (size_t i = 1; !good && i < count; i++)
		text_addf(&line, "%s%s", i > 1 ? " " : "", argv[i]);
	printf("%s\n", text_str(&line));
	text_free(&line);
	text_free(&value);
	return NC_DONE;
}

/* ------------------------------------------------------------------ SHOW of the console */

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct nc_symbol *)a)->name, ((const struct nc_symbol *)b)->name);
}

static enum nc_exit
show_symbols(struct nc *nc, const char *pattern)
{
	struct nc_symbols *t = &nc->symbols;
	size_t shown = 0;

	if (t->count > 0)
		qsort(t->symbol, t->count, sizeof(*t->symbol), by_name);
	for (size_t i = 0; i < t->count; i++) {
		if (!text_glob(pattern[0] != '\0' ? pattern : "*", t->symbol[i].name, true))
			continue;
		printf("  %s == \"%s\"\n", t->symbol[i].name, t->symbol[i].value);
		shown++;
	}
	if (shown == 0 && pattern[0] != '\0')
		return nc_say(NC_FAILED, ST_IVPARM, "symbol \\%s\\ is not defined", pattern);
	return NC_DONE;
}

static enum nc_exit
show_console(struct nc *nc)
{
	char buf[NC_PATH_MAX];
	unsigned parts = nc_message_parts_now();

	printf("  Server:    %s%s\n", nc->host != NULL ? nc->host : nc_socket(nc, buf,
		sizeof(buf)), nc->conn.fd >= 0 ? ", connected" : "");
	printf("  Service:   %s\n", nc->selected[0] != '\0' ? nc->selected : "NETCONTROL");
	printf("  Errors:    %s\n", nc->noon ? "go on (SET NOON)" : "stop procedures (SET ON)");
	printf("  Verify:    %s\n", nc->verify ? "on" : "off");
	printf("  Time-out:  %u s\n", nc->timeout_s);
	printf("  Messages:  /%sFACILITY/%sSEVERITY/%sIDENTIFICATION/%sTEXT\n",
		parts & NC_MSG_FACILITY ? "" : "NO", parts & NC_MSG_SEVERITY ? "" : "NO",
		parts & NC_MSG_IDENT ? "" : "NO", parts & NC_MSG_TEXT ? "" : "NO");
	printf("  Last:      status %d\n", (int)nc->status);
	return NC_DONE;
}

bool
nc_show(struct nc *nc, const char *line, enum nc_exit *status)
{
	size_t n = strcspn(line, " \t"), m;
	const char *what = line + n + strspn(line + n, " \t"), *pattern;
	char word[16];

	m = strcspn(what, " \t/");
	if (n < ABBREVIATION_MIN || n > 4 || strncasecmp(line, "SHOW", n) != 0 || m < 4 ||
		m >= sizeof(word))
		return false;
	snprintf(word, sizeof(word), "%.*s", (int)m, what);
	pattern = what + m + strspn(what + m, " \t");
	if (text_prefix(word, "SYMBOL"))
		*status = show_symbols(nc, pattern);
	else if (text_prefix(word, "CONSOLE"))
		*status = show_console(nc);
	else
		return false;
	fflush(stdout);
	return true;
}

/* ------------------------------------------------------------------ the table */

static const struct verb_qual set_quals[] = {
	{ "FACILITY", NULL, "SET MESSAGE: messages begin with the facility" },
	{ "IDENTIFICATION", NULL, "SET MESSAGE: they have the ident" },
	{ "NOFACILITY", NULL, "SET MESSAGE: without" },
	{ "NOIDENTIFICATION", NULL, "SET MESSAGE: without" },
	{ "NOSEVERITY", NULL, "SET MESSAGE: without" },
	{ "NOTEXT", NULL, "SET MESSAGE: without" },
	{ "SEVERITY", NULL, "SET MESSAGE: they have the severity" },
	{ "TEXT", NULL, "SET MESSAGE: they have their text" },
	{ NULL, NULL, NULL },
};

static const struct verb_qual submit_quals[] = {
	{ "AFTER", "time", "when: \"+0:30:00\", 10:22, TOMORROW; at once without" },
	{ "LOG_FILE", "file", "where what it prints goes (name.log in the home directory)" },
	{ "NAME", "name", "what it is called in the queue; else as the file" },
	{ "NOPRINT", NULL, "the log file is never printed here anyway" },
	{ "PARAMETERS", "list", "(a,b): P1, P2 ... of the procedure" },
	{ NULL, NULL, NULL },
};

static const struct verb_qual spawn_quals[] = {
	{ "NOLOG", NULL, "say nothing about the process" },
	{ "NOWAIT", NULL, "go on at once; the process outlives the console" },
	{ "OUTPUT", "file", "where what it prints goes" },
	{ NULL, NULL, NULL },
};

static const struct verb_qual certificate_quals[] = {
	{ "DAYS", "number", "how long it is valid (825)" },
	{ "DIRECTORY", "path", "where the files are made (MULTINET:tls)" },
	{ "OUTPUT", "name", "of the files, without .pem and .key (server, client)" },
	{ "SERIAL", "number", "of the certificate to REVOKE, when its file is not there" },
	{ "ROLE", "OPERATOR|READER", "what a client's certificate permits (READER)" },
	{ NULL, NULL, NULL },
};

static const struct verb_qual prime_quals[] = {
	{ "PARALLEL", "number", "how many at a time (8)" },
	{ "SERVICE", "name", "the service that establishes (RACOON)" },
	{ "TIMEOUT", "seconds", "how long each may take (60)" },
	{ NULL, NULL, NULL },
};

const struct verb nc_local_verbs[] = {
	{ .name = "CERTIFICATE", .params = "AUTHORITY|SERVER|CLIENT|REVOKE [name]", .min_params = 1,
		.max_params = 2, .quals = certificate_quals,
		.help = "make a private authority, and certificates for /HOST",
		.more = "CERTIFICATE AUTHORITY once; CERTIFICATE SERVER host for each server, by\n"
			"the name that consoles give; CERTIFICATE CLIENT user/ROLE=OPERATOR for\n"
			"people. CERTIFICATE REVOKE name puts NAME.pem, or the file of that path,\n"
			"on the list revoked.pem, alone it renews the list; RELOAD reads it." },
	{ .name = "CONTINUE", .help = "do nothing: ON ERROR THEN CONTINUE" },
	{ .name = "EXIT", .params = "[status]", .max_params = 1,
		.help = "leave the procedure, or the console; Ctrl-Z and Ctrl-D do the same" },
	{ .name = "HELP", .params = "[topic]", .max_params = 8, .quals = ctl_quals_help,
		.help = "this list, or a topic: a command, a service, a service's verb" },
	{ .name = "PRIME", .params = "file", .min_params = 1, .max_params = 1, .quals = prime_quals,
		.help = "ESTABLISH with every peer of a file",
		.more = "Lines of the file: remote [local]; # or ! begins a comment." },
	{ .name = "PUSH", .params = "[command]", .quals = spawn_quals, .help = "same as SPAWN" },
	{ .name = "QUIT", .help = "leave the console" },
	{ .name = "SELECT", .params = "[service]", .max_params = 1,
		.help = "send the commands that follow to this service; none: to the server" },
	{ .name = "SERVER-CONFIG", .params = "[file]", .max_params = 1,
		.help = "edit the services file; HELP there tells more, EXIT leaves" },
	{ .name = "SET", .params = "ON|NOON|VERIFY|NOVERIFY|MESSAGE", .min_params = 1,
		.max_params = 1, .quals = set_quals,
		.help = "stop procedures at errors or not, show their commands or not",
		.more = "SET MESSAGE/[NO]FACILITY/[NO]SEVERITY/[NO]IDENTIFICATION\n"
			"/[NO]TEXT: what is shown of messages." },
	{ .name = "SPAWN", .params = "[command]", .quals = spawn_quals,
		.help = "run the user's shell, or a command in it",
		.more = "Where its first word is a symbol for a program, no shell sees it." },
	{ .name = "SUBMIT", .params = "file", .min_params = 1, .max_params = 1,
		.quals = submit_quals, .help = "run a procedure later, or in the background",
		.more = "The master server keeps the job, also over a RESTART, and runs it\n"
			"with your rights. SHOW QUEUE lists jobs, DELETE entry takes one off." },
	{ .name = "WAIT", .params = "h:m:s", .min_params = 1, .max_params = 1, .help = "pause" },
	{ .name = "WRITE", .params = "SYS$OUTPUT text", .help = "print a text" },
	{ .name = NULL },
};

typedef enum nc_exit local_run(struct nc *nc, const struct cmd *c, const char *rest);

static local_run *const runs[] = { run_certificate, run_continue, run_exit, nc_help, run_prime,
	run_spawn, run_quit, run_select, run_server_config, run_set, run_spawn, run_submit,
	run_wait, run_write };

/* The rest of the line is its business: it is not taken apart as a command is. */
static bool
is_raw(const struct verb *v)
{
	return strcmp(v->name, "SPAWN") == 0 || strcmp(v->name, "PUSH") == 0 ||
		strcmp(v->name, "WRITE") == 0;
}

const struct verb *
nc_local_verb(const char *line)
{
	size_t n = strcspn(line, " \t/");
	char word[16];

	/* Three letters at least: shorter ones are left to the server's verbs. */
	if (n < ABBREVIATION_MIN || n >= sizeof(word))
		return NULL;
	memcpy(word, line, n);
	word[n] = '\0';
	for (const struct verb *v = nc_local_verbs; v->name != NULL; v++)
		if (text_prefix(word, v->name))
			return v;
	return NULL;
}

/* The name of the parameter that is missing, as the table has it: `file` of "file [more]". */
static const char *
missing_parameter(const struct verb *v, size_t given)
{
	const char *p = v->params;

	for (; given > 0 && *p != '\0'; given--) {
		p += strcspn(p, " ");
		p += strspn(p, " ");
	}
	return *p != '\0' ? p : "Parameter";
}

/* Take the line apart; what is missing is asked for, where there is somebody. *line may grow. */
static enum status
parse_local(struct nc *nc, const struct verb *v, struct text *line, struct cmd *c, char *why,
	size_t why_size)
{
	const struct verb *matched;
	enum status status;

	for (unsigned i = 0; i < CMD_WORDS_MAX; i++) {
		status = cmd_parse(bytes_str(text_str(line)), c, why, why_size);
		/* HELP's qualifiers are the server's. */
		if (status == ST_NORMAL && strcmp(v->name, "HELP") != 0)
			status = verb_match(nc_local_verbs, c, 0, &matched, why, why_size);
		if (status != ST_INSFPRM || !nc_may_ask(nc))
			return status;
		text_add(line, " ");
		if (!nc_ask(nc, missing_parameter(v, c->words - 1), line))
			return status;
	}
	return status;
}

bool
nc_local(struct nc *nc, const char *line, enum nc_exit *status)
{
	const struct verb *v = nc_local_verb(line);
	enum status parsed = ST_NORMAL;
	struct cmd c = { .words = 0 };
	struct text full = { 0 };
	char why[512] = "";
	const char *rest;

	if (v == NULL)
		return false;
	text_add(&full, line);
	if (!is_raw(v))
		parsed = parse_local(nc, v, &full, &c, why, sizeof(why));
	rest = text_str(&full) + strcspn(text_str(&full), " \t/");
	rest += strspn(rest, " \t");
	if (parsed != ST_NORMAL)
		*status = nc_say(NC_USAGE, parsed, "%s", why);
	else
		*status = runs[v - nc_local_verbs](nc, &c, rest);
	text_free(&full);
	fflush(stdout);
	return true;
}
