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
	if (c->words > 1) {
		n = strtoul(c->word[1], &end, 10);
		if (*end != '\0' || !isdigit((unsigned char)c->word[1][0]) || n > 255)
			return nc_say(NC_USAGE, ST_IVPARM, "\\%s\\ is not a status from 0 to 255",
				c->word[1]);
	} else if (nc->script.depth == 0 && nc->interactive) {
		n = NC_DONE; /* whoever leaves a conversation has not failed */
	}
	if (nc->script.depth > 0)
		nc->ended = true;
	else
		nc->quit = true;
	return (enum nc_exit)n;
}

static enum nc_exit
run_quit(struct nc *nc, const struct cmd *c, const char *rest)
{
	(void)c;
	(void)rest;
	nc->quit = true;
	return nc->interactive ? NC_DONE : nc->status;
}

static bool
show_local(const char *topic)
{
	struct text out = { 0 };
	bool found = verb_help(nc_local_verbs, NULL, topic, &out);

	if (topic == NULL || strlen(topic) >= ABBREVIATION_MIN)
		found = verb_help(nc_logical_verbs, NULL, topic, &out) || found;

	if (found)
		fputs(text_str(&out), stdout);
	text_free(&out);
	return found;
}

static enum nc_exit
run_help(struct nc *nc, const struct cmd *c, const char *rest)
{
	char line[256];

	if (c->words == 1 && c->quals == 0) {
		struct text out = { 0 };

		printf("Commands of the console:\n");
		show_local(NULL);
		verb_entry(&out, "@file [p1 ... p8]", "run a command procedure");
		verb_entry(&out, "$ program [argument...]", "run setkey or a program of a symbol");
		verb_entry(&out, "SHOW LOGICAL [name]", "logical names; SHOW TRANSLATION name");
		verb_entry(&out, "...?", "what may come next; Tab completes it");
		fputs(text_str(&out), stdout);
		text_free(&out);
		if (!nc_connect(nc, true)) {
			printf("No server answers, so its commands are not listed.\n");
			return NC_DONE;
		}
	} else if (c->words == 2 && c->quals == 0 && strlen(c->word[1]) >= ABBREVIATION_MIN &&
		show_local(c->word[1])) {
		return NC_DONE;
	}
	snprintf(line, sizeof(line), "HELP%s%s", rest[0] != '\0' && rest[0] != '/' ? " " : "",
		rest);
	return nc_server(nc, line);
}

static enum nc_exit
run_certificate(struct nc *nc, const struct cmd *c, const char *rest)
{
	(void)rest;
	return nc_certificate(nc, c);
}

static enum nc_exit
run_prime(struct nc *nc, const struct cmd *c, const char *rest)
{
	(void)rest;
	return nc_prime(nc, c);
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
		return nc_say(NC_FAILED, count == 0 ? ST_NOSERVICE : ST_ABVERB, "\\%s\\", typed);
	snprintf(nc->selected, sizeof(nc->selected), "%s", found);
	return NC_DONE;
}

static enum nc_exit
run_set(struct nc *nc, const struct cmd *c, const char *rest)
{
	static const char *const words[] = { "NOON", "ON", "NOVERIFY", "VERIFY", NULL };

	(void)rest;
	switch (verb_keyword(words, c->word[1])) {
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
	default:
		return nc_say(NC_USAGE, ST_IVKEYW,
			"\\%s\\, ON, NOON, VERIFY or NOVERIFY is expected",
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

static enum nc_exit
run_write(struct nc *nc, const struct cmd *c, const char *rest)
{
	char store[NC_LINE_MAX + 2], *argv[NC_ARGS_MAX];
	size_t count;

	(void)nc;
	(void)c;
	if (!nc_split(rest, store, sizeof(store), argv, &count) || count == 0 ||
		!text_same(argv[0], "SYS$OUTPUT"))
		return nc_say(NC_USAGE, ST_SYNTAX, "WRITE SYS$OUTPUT \"text\" is expected");
	for (size_t i = 1; i < count; i++)
		printf("%s%s", i > 1 ? " " : "", argv[i]);
	printf("\n");
	return NC_DONE;
}

/* ------------------------------------------------------------------ the table */

static const struct verb_qual certificate_quals[] = {
	{ "DAYS", "number", "how long it is valid (825)" },
	{ "DIRECTORY", "path", "where the files are made (MULTINET:tls)" },
	{ "OUTPUT", "name", "of the files, without .pem and .key (server, client)" },
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
	{ .name = "CERTIFICATE", .params = "AUTHORITY|SERVER|CLIENT [name]", .min_params = 1,
		.max_params = 2, .quals = certificate_quals,
		.help = "make a private authority, and certificates for /HOST",
		.more = "CERTIFICATE AUTHORITY once; CERTIFICATE SERVER host for each server, by\n"
			"the name that consoles give; CERTIFICATE CLIENT user/ROLE=OPERATOR for\n"
			"people." },
	{ .name = "EXIT", .params = "[status]", .max_params = 1,
		.help = "leave the procedure, or the console; Ctrl-Z and Ctrl-D do the same" },
	{ .name = "HELP", .params = "[topic]", .max_params = 8, .quals = ctl_quals_help,
		.help = "this list, or a topic: a command, a service, a service's verb" },
	{ .name = "PRIME", .params = "file", .min_params = 1, .max_params = 1, .quals = prime_quals,
		.help = "ESTABLISH with every peer of a file",
		.more = "Lines of the file: remote [local]; # or ! begins a comment." },
	{ .name = "PUSH", .params = "[command]", .help = "same as SPAWN" },
	{ .name = "QUIT", .help = "leave the console" },
	{ .name = "SELECT", .params = "[service]", .max_params = 1,
		.help = "send the commands that follow to this service; none: to the server" },
	{ .name = "SET", .params = "ON|NOON|VERIFY|NOVERIFY", .min_params = 1, .max_params = 1,
		.help = "stop procedures at errors or not, show their commands or not" },
	{ .name = "SPAWN", .params = "[command]",
		.help = "run the user's shell, or a command in it" },
	{ .name = "WAIT", .params = "h:m:s", .min_params = 1, .max_params = 1, .help = "pause" },
	{ .name = "WRITE", .params = "SYS$OUTPUT text", .help = "print a text" },
	{ .name = NULL },
};

typedef enum nc_exit local_run(struct nc *nc, const struct cmd *c, const char *rest);

static local_run *const runs[] = { run_certificate, run_exit, run_help, run_prime, run_spawn,
	run_quit, run_select, run_set, run_spawn, run_wait, run_write };

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

bool
nc_local(struct nc *nc, const char *line, enum nc_exit *status)
{
	const struct verb *v = nc_local_verb(line), *matched;
	const char *rest = line + strcspn(line, " \t/");
	enum status parsed = ST_NORMAL;
	struct cmd c = { .words = 0 };
	char why[512] = "";

	if (v == NULL)
		return false;
	rest += strspn(rest, " \t");
	if (!is_raw(v)) {
		parsed = cmd_parse(bytes_str(line), &c, why, sizeof(why));
		/* HELP's qualifiers are the server's. */
		if (parsed == ST_NORMAL && strcmp(v->name, "HELP") != 0)
			parsed = verb_match(nc_local_verbs, &c, 0, &matched, why, sizeof(why));
	}
	if (parsed != ST_NORMAL)
		*status = nc_say(NC_USAGE, parsed, "%s", why);
	else
		*status = runs[v - nc_local_verbs](nc, &c, rest);
	fflush(stdout);
	return true;
}
