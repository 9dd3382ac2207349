/*
 * nc_complete.c - what may come next in a line, for `?` and for completion.
 *
 * Called by nc_readline.c for each Tab and `?`, and by nc_console.c for lines that end with `?`.
 * The console knows its own commands; what the server and its services know is asked of them
 * (COMPLETE), so a new verb needs nothing here.
 */
#include "netcontrol/nc_console.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_COLUMN = 27 };

static const char *
skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* The word that is being typed: what follows the last blank. */
static const char *
last_word(const char *line)
{
	const char *p = line + strlen(line);

	while (p > line && p[-1] != ' ' && p[-1] != '\t')
		p--;
	return p;
}

static void
add(struct text *out, const char *prefix, const char *word, const char *what)
{
	if (text_prefix(prefix, word))
		text_addf(out, "%s\t%s\n", word, what);
}

/* Candidates of the server; of these only services, with only_services. */
static bool
ask(struct nc *nc, const char *line, bool only_services, struct text *out)
{
	struct text all = { 0 };
	bool told = nc_complete(nc, line, &all);

	for (const char *p = text_str(&all); *p != '\0';) {
		size_t n = strcspn(p, "\n"), word = strcspn(p, "\t\n");

		if (!only_services || text_prefix("\tservice", p + word))
			text_addf(out, "%.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	text_free(&all);
	return told;
}

/* ------------------------------------------------------------------ logical names */

static void
add_names(struct nc *nc, const char *prefix, struct text *out)
{
	const struct lnm_name *name;

	for (enum lnm_table t = LNM_PROCESS; t < LNM_TABLES; t++)
		for (size_t i = 0; (name = lnm_at(nc->lnm, t, i)) != NULL; i++)
			if (lnm_find(nc->lnm, name->name, NULL) == name)
				add(out, prefix, name->name, "logical name");
}

static const struct verb_qual table_quals[] = {
	{ "GROUP", NULL, "in the group table" },
	{ "JOB", NULL, "in the job table" },
	{ "NOLOG", NULL, "do not tell that a definition was superseded" },
	{ "PROCESS", NULL, "in the process table" },
	{ "SYSTEM", NULL, "in the system table" },
	{ NULL, NULL, NULL },
};

const struct verb nc_logical_verbs[] = {
	{ .name = "ASSIGN", .params = "value name", .max_params = 2, .quals = table_quals,
		.help = "define a logical name",
		.more = "value[,value...] name; a colon behind the name is dropped." },
	{ .name = "DEASSIGN", .params = "name", .max_params = 1, .quals = table_quals,
		.help = "remove a logical name", .more = "/ALL: all of the table." },
	{ .name = "DEFINE", .params = "name value", .max_params = 2, .quals = table_quals,
		.help = "define a logical name",
		.more = "Several values, with commas between, are a search list.\n"
			"SHOW LOGICAL [name] and SHOW TRANSLATION name show them." },
	{ .name = NULL },
};

/* DEFINE, ASSIGN, DEASSIGN, SHOW LOGICAL, SHOW TRANSLATION. False: the line is none of these. */
static bool
logical(struct nc *nc, const char *line, struct text *out)
{
	const char *last = last_word(line);

	if (!lnm_is_command(line))
		return false;
	verb_complete(nc_logical_verbs, line, out);
	/* Names that exist, where one of them is wanted. */
	if (text_prefix("SHO", line) ||
		(text_prefix("DEA", line) && verb_take_placeholder(out, "name")))
		add_names(nc, last, out);
	return true;
}

/* ------------------------------------------------------------------ the first word */

static void
first_word(struct nc *nc, const char *word, bool dollar, struct text *out)
{
	static const char *const programs[] = { "setkey", "logical", "racoon", "ipsecd",
		"multinet_server", NULL };

	(void)ask(nc, word, false, out);
	if (nc->selected[0] != '\0')
		add(out, word, "NETCONTROL", "for the server itself");
	verb_complete(nc_local_verbs, word, out);
	verb_complete(nc_logical_verbs, word, out);
	for (size_t i = 0; i < nc->symbols.count; i++)
		add(out, word, nc->symbols.symbol[i].name, "symbol");
	for (size_t i = 0; dollar && programs[i] != NULL; i++)
		add(out, word, programs[i], "program");
	if (word[0] == '\0' && !dollar)
		text_add(out, "<@file>\trun a command procedure\n"
			      "<$ program>\trun setkey or another program\n");
}

/* ------------------------------------------------------------------ all of it */

static void
local(struct nc *nc, const char *line, const struct verb *v, struct text *out)
{
	const char *last = last_word(line);

	if (strcmp(v->name, "HELP") == 0)
		(void)ask(nc, line, false, out);
	verb_complete(nc_local_verbs, line, out);
	if (strcmp(v->name, "SELECT") == 0 && verb_take_placeholder(out, "service")) {
		char selected[sizeof(nc->selected)];

		/* Services, whatever is selected now. */
		memcpy(selected, nc->selected, sizeof(selected));
		nc->selected[0] = '\0';
		(void)ask(nc, last, true, out);
		memcpy(nc->selected, selected, sizeof(selected));
		add(out, last, "NETCONTROL", "the server itself");
	}
}

/* The same word from two sides is one candidate. */
static void
without_doubles(struct text *all, struct text *out)
{
	for (const char *p = text_str(all); *p != '\0';) {
		size_t n = strcspn(p, "\n"), word = strcspn(p, "\t\n");
		bool seen = false;

		for (const char *q = text_str(out); *q != '\0' && !seen;) {
			size_t qn = strcspn(q, "\n"), qword = strcspn(q, "\t\n");

			seen = qword == word && memcmp(p, q, word) == 0;
			q += qn + (q[qn] == '\n');
		}
		if (!seen)
			text_addf(out, "%.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

void
nc_candidates(struct nc *nc, const char *typed, struct text *out)
{
	struct text all = { 0 };
	bool dollar;
	const char *line = nc_body(typed, &dollar);
	size_t n;

	line = skip_blanks(line);
	n = strcspn(line, " \t/");
	if (nc->config != NULL)
		nc_config_candidates(nc, line, &all);
	else if (line[0] == '@')
		text_add(&all, "<file>\ta procedure here, in MULTINET: or installed\n");
	else if (line[n] == '\0')
		first_word(nc, line, dollar, &all);
	else if (!logical(nc, line, &all) && !(dollar && nc_is_program(nc, line))) {
		const struct verb *v = nc_local_verb(line);

		if (v != NULL) {
			local(nc, line, v, &all);
		} else {
			(void)ask(nc, line, false, &all);
			if (text_prefix("SHO", line) && skip_blanks(line + n) == last_word(line)) {
				add(&all, last_word(line), "CONSOLE", "what is set in the console");
				add(&all, last_word(line), "LOGICAL", "logical names");
				add(&all, last_word(line), "SYMBOL", "symbols of procedures");
				add(&all, last_word(line), "TRANSLATION", "of a logical name");
			}
		}
	}
	without_doubles(&all, out);
	text_free(&all);
}

void
nc_show_candidates(struct nc *nc, const char *typed)
{
	struct text out = { 0 };

	nc_candidates(nc, typed, &out);
	if (out.n == 0)
		printf("  nothing is known that could come next\n");
	for (const char *p = text_str(&out); *p != '\0';) {
		size_t n = strcspn(p, "\n"), word = strcspn(p, "\t\n");

		if (n <= word + 1)
			printf("  %.*s\n", (int)word, p);
		else
			printf("  %-*.*s %.*s\n", SHOWN_COLUMN - 3, (int)word, p,
				(int)(n - word - 1), p + word + 1);
		p += n + (p[n] == '\n');
	}
	text_free(&out);
	fflush(stdout);
}
