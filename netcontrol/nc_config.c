/*
 * nc_config.c - the console's configuration mode: its commands.
 *
 * Called by nc_console.c for each line while the mode is on, and by SERVER-CONFIG.  It edits a file
 * of this host and asks a server only for RELOAD, RESTART and NETCONTROL.  ADD and SET take their
 * words as they are, since `/usr/sbin/x` is no qualifier there.
 */
#include "netcontrol/nc_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct verb_qual show_quals[] = {
	{ "FULL", NULL, "what is at its default too" },
	{ NULL, NULL, NULL },
};

static const struct verb_qual force_quals[] = {
	{ "FORCE", NULL, "whatever is lost by it" },
	{ NULL, NULL, NULL },
};

static const struct verb_qual set_quals[] = {
	{ "ADD", NULL, "one more beside those that are there" },
	{ "DEFAULT", NULL, "without value: take the statement away" },
	{ NULL, NULL, NULL },
};

static const struct verb verbs[] = {
	{ .name = "ADD", .params = "service program", .min_params = 1, .max_params = 2,
		.help = "a new service; it is selected then" },
	{ .name = "COPY", .params = "service new-service", .min_params = 2, .max_params = 2,
		.help = "a new service like another; it is selected then" },
	{ .name = "DELETE", .params = "[service]", .max_params = 1,
		.help = "take a service out of the file" },
	{ .name = "DISABLE", .params = "[service]", .max_params = 1,
		.help = "do not start it when the server starts" },
	{ .name = "ENABLE", .params = "[service]", .max_params = 1,
		.help = "start it when the server starts" },
	{ .name = "EXIT", .help = "SAVE if anything was changed, and leave" },
	{ .name = "GET", .params = "[file]", .max_params = 1, .quals = force_quals,
		.help = "read this file, or the same file again" },
	{ .name = "HELP", .params = "[topic]", .max_params = 1,
		.help = "this list, or a command, or a statement of SET" },
	{ .name = "NETCONTROL", .params = "[command]", .max_params = CMD_WORDS_MAX,
		.help = "a command of the server; none: leave as QUIT does" },
	{ .name = "QUIT", .help = "leave, and drop what was changed and not saved" },
	{ .name = "RELOAD", .help = "let the server read its services file" },
	{ .name = "RESTART", .help = "restart the server; services stay" },
	{ .name = "RESTORE", .help = "undo all changes since GET or SAVE" },
	{ .name = "SAVE", .params = "[file]", .max_params = 1, .quals = force_quals,
		.help = "write the file; the server reads it with RELOAD" },
	{ .name = "SELECT", .params = "[service]", .max_params = 1,
		.help = "what SET and the others are about; none: the file's own statements" },
	{ .name = "SET", .params = "statement value...", .min_params = 1, .max_params = 1,
		.quals = set_quals, .help = "set a statement of the selected service",
		.more = "HELP statement tells what it takes. Words with blanks stand in quotes.\n"
			"SET statement/DEFAULT takes it away, SET statement/ADD value adds one." },
	{ .name = "SHOW", .params = "[service|DIFFERENCES]", .max_params = 1, .quals = show_quals,
		.help = "the selected service, another, a list of all, or what was changed" },
	{ .name = NULL },
};

/* ------------------------------------------------------------------ what is meant */

/* Errors of an edit, without the place in a text that nobody sees. */
static enum nc_exit
refuse(struct stmt_errors *errors)
{
	const char *p = text_str(&errors->text);
	enum nc_exit status;
	char line[400];

	for (unsigned colons = 0; *p != '\0' && *p != '\n' && colons < 3; p++)
		colons += *p == ':';
	p += strspn(p, " ");
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(p, "\n"), p);
	status = nc_say(NC_FAILED, ST_CFGREFUSED, "%s", line);
	stmt_errors_free(errors);
	return status;
}

/* The service that is named: in full, or the only one that begins so. NULL: said. */
static const struct svc_conf *
named(const struct nc_config *g, const char *typed)
{
	const struct svc_file *f = g->edit.file;
	const struct svc_conf *found = svc_find(f, typed);
	unsigned count = 0;

	for (size_t i = 0; found == NULL && i < f->services; i++)
		count += text_prefix(typed, f->service[i].name);
	for (size_t i = 0; found == NULL && count == 1 && i < f->services; i++)
		if (text_prefix(typed, f->service[i].name))
			found = &f->service[i];
	if (found == NULL)
		(void)nc_say(NC_FAILED, count > 1 ? ST_ABVERB : ST_NOSERVICE, "\\%s\\", typed);
	return found;
}

/* The parameter, else the selected one; *ok false: said. NULL: the file's own statements. */
static const struct svc_conf *
meant(const struct nc_config *g, const struct cmd *c, bool *ok)
{
	const struct svc_conf *found = NULL;

	*ok = true;
	if (c->words > 1) {
		found = named(g, c->word[1]);
		*ok = found != NULL;
	} else if (g->selected[0] != '\0') {
		found = svc_find(g->edit.file, g->selected);
	}
	return found;
}

/* A person at a terminal is asked; false: no. */
static bool
yes(struct nc *nc, const char *question, bool usual)
{
	char answer[16] = "";

	if (!nc->interactive)
		return usual;
	printf("%s [%s] ", question, usual ? "YES" : "NO");
	fflush(stdout);
	for (size_t n = 0; n < sizeof(answer) - 1; n++)
		if (read(STDIN_FILENO, answer + n, 1) != 1 || answer[n] == '\n') {
			answer[n] = '\0';
			break;
		}
	return answer[0] == '\0' ? usual : answer[0] == 'y' || answer[0] == 'Y';
}

/* Names of services are kept in upper case. */
static void
fold(char *name)
{
	for (char *p = name; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
}

static void
select_service(struct nc_config *g, const char *name)
{
	size_t n = strlen(name);

	if (n > SVC_NAME_MAX)
		n = SVC_NAME_MAX;
	memmove(g->selected, name, n);
	g->selected[n] = '\0';
}

static void
leave(struct nc *nc)
{
	struct nc_config *g = nc->config;

	nc->config = NULL;
	svc_edit_close(&g->edit);
	text_free(&g->on_disk);
	free(g);
	if (nc->config_only)
		nc->quit = true;
}

/* ------------------------------------------------------------------ commands */

typedef enum nc_exit config_run(struct nc *nc, struct nc_config *g, const struct cmd *c,
	const char *rest);

/* The next word at *p, quotes gone; false: there is none, or it would be more than a word. */
static bool
next_word(const char **p, char *word, size_t size, bool *quoted)
{
	const char *s = *p + strspn(*p, " \t");
	size_t n;

	*quoted = *s == '"';
	s += *quoted;
	n = *quoted ? strcspn(s, "\"") : strcspn(s, " \t\"");
	if ((n == 0 && !*quoted) || n >= size || (*quoted && s[n] != '"'))
		return false;
	memcpy(word, s, n);
	word[n] = '\0';
	*p = s + n + *quoted;
	return *quoted || strpbrk(word, ";{}#") == NULL;
}

static enum nc_exit
run_add(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	struct stmt_errors errors = { 0 };
	char name[CMD_LINE_MAX], program[CMD_LINE_MAX];
	bool quoted;

	(void)c;
	if (!next_word(&rest, name, sizeof(name), &quoted))
		return nc_say(NC_USAGE, ST_INSFPRM, "ADD service program");
	rest += strspn(rest, " \t");
	if (*rest == '\0' && nc->interactive) {
		char *line = NULL;
		size_t room = 0;
		ssize_t n;

		printf("_Program: ");
		fflush(stdout);
		n = getline(&line, &room, stdin);
		snprintf(program, sizeof(program), "%.*s", n > 0 ? (int)strcspn(line, "\r\n") : 0,
			n > 0 ? line : "");
		free(line);
	} else if (!next_word(&rest, program, sizeof(program), &quoted) ||
		rest[strspn(rest, " \t")] != '\0') {
		return nc_say(NC_USAGE, *rest == '\0' ? ST_INSFPRM : ST_SYNTAX,
			"ADD service program: its arguments are set with SET ARGUMENTS");
	}
	fold(name);
	if (!svc_edit_add(&g->edit, name, program, &errors))
		return refuse(&errors);
	select_service(g, name);
	return NC_DONE;
}

static enum nc_exit
run_copy(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	struct stmt_errors errors = { 0 };
	const struct svc_conf *from = named(g, c->word[1]);
	char name[CMD_LINE_MAX];

	(void)nc;
	(void)rest;
	if (from == NULL)
		return NC_FAILED;
	snprintf(name, sizeof(name), "%s", c->word[2]);
	fold(name);
	if (!svc_edit_copy(&g->edit, from->name, name, &errors))
		return refuse(&errors);
	select_service(g, name);
	return NC_DONE;
}

static enum nc_exit
run_delete(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	struct stmt_errors errors = { 0 };
	bool ok;
	const struct svc_conf *s = meant(g, c, &ok);

	(void)nc;
	(void)rest;
	if (!ok)
		return NC_FAILED;
	if (s == NULL)
		return nc_say(NC_USAGE, ST_INSFPRM, "DELETE service, or SELECT one");
	if (!svc_edit_delete(&g->edit, s->name, &errors))
		return refuse(&errors);
	if (svc_find(g->edit.file, g->selected) == NULL)
		g->selected[0] = '\0';
	return NC_DONE;
}

static const struct conf_row *
find_row(const struct svc_conf *c, const char *typed)
{
	const struct conf_row *found = NULL;

	for (const struct conf_row *row = svc_rows(c); row->keyword != NULL; row++) {
		if (text_same(typed, row->keyword))
			return row;
		if (!text_prefix(typed, row->keyword) || strchr(row->shape, '{') != NULL)
			continue;
		if (found != NULL) {
			(void)nc_say(NC_USAGE, ST_ABVERB, "\\%s\\, %s or %s", typed,
				found->keyword, row->keyword);
			return NULL;
		}
		found = row;
	}
	if (found == NULL)
		(void)nc_say(NC_USAGE, ST_IVKEYW, "\\%s\\ is no statement of %s: SET ? lists them",
			typed, c != NULL ? c->name : "the file itself (no service is selected)");
	return found;
}

static enum nc_exit
set_switch(struct nc_config *g, const struct cmd *c, const char *value)
{
	struct stmt_errors errors = { 0 };
	bool ok;
	const struct svc_conf *s = meant(g, c, &ok);
	const struct conf_row *row;

	if (!ok)
		return NC_FAILED;
	if (s == NULL)
		return nc_say(NC_USAGE, ST_INSFPRM, "a service, or SELECT one");
	row = find_row(s, "enable");
	if (row == NULL)
		return NC_FAILED;
	return svc_edit_set(&g->edit, s->name, row, value, false, &errors) ? NC_DONE :
		refuse(&errors);
}

static enum nc_exit
run_disable(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	(void)nc;
	(void)rest;
	return set_switch(g, c, "off");
}

static enum nc_exit
run_enable(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	(void)nc;
	(void)rest;
	return set_switch(g, c, "on");
}

static enum nc_exit
run_exit(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	enum nc_exit status = NC_DONE;

	(void)c;
	(void)rest;
	if (svc_edit_changed(&g->edit))
		status = nc_config_write(nc, g, NULL, false);
	if (status == NC_DONE)
		leave(nc);
	return status;
}

static enum nc_exit
run_get(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	(void)rest;
	if (svc_edit_changed(&g->edit) && cmd_qual(c, "FORCE") == NULL &&
		!yes(nc, "Drop what was changed and not saved?", false))
		return nc_say(NC_FAILED, ST_CFGUNSAVED, "SAVE first, or GET/FORCE");
	return nc_config_read(nc, g, c->words > 1 ? c->word[1] : g->path);
}

static bool
help_row(const struct conf_row *row, const char *typed, struct text *out)
{
	size_t before = out->n;

	for (; row->keyword != NULL; row++)
		if (text_prefix(typed, row->keyword))
			text_addf(out, "%s %s\n  %s\n", row->keyword, row->shape, row->help);
	return out->n > before;
}

static enum nc_exit
run_help(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	const struct svc_conf *s = svc_find(g->edit.file, g->selected);
	struct text out = { 0 };
	bool found;

	(void)nc;
	(void)rest;
	found = verb_help(verbs, NULL, c->words > 1 ? c->word[1] : NULL, &out) ||
		help_row(svc_rows(s), c->word[1], &out);
	for (size_t i = 0; !found && i < g->edit.file->services; i++)
		found = help_row(svc_rows(&g->edit.file->service[i]), c->word[1], &out);
	fputs(text_str(&out), stdout);
	found = out.n > 0;
	text_free(&out);
	return found ? NC_DONE : nc_say(NC_USAGE, ST_NOTOPIC, "\\%s\\", c->word[1]);
}

static enum nc_exit
run_quit(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	(void)c;
	(void)rest;
	if (svc_edit_changed(&g->edit) && !yes(nc, "Drop what was changed and not saved?", true))
		return NC_DONE;
	leave(nc);
	return NC_DONE;
}

static enum nc_exit
run_netcontrol(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	if (rest[0] == '\0')
		return run_quit(nc, g, c, rest);
	return nc_server(nc, rest);
}

/* What the server does now is what the file says, so an unsaved change would be missed. */
static enum nc_exit
tell_server(struct nc *nc, struct nc_config *g, const char *command)
{
	if (svc_edit_changed(&g->edit))
		return nc_say(NC_FAILED, ST_CFGUNSAVED, "SAVE first");
	return nc_server(nc, command);
}

static enum nc_exit
run_reload(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	(void)c;
	(void)rest;
	return tell_server(nc, g, "NETCONTROL RELOAD");
}

static enum nc_exit
run_restart(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	(void)c;
	(void)rest;
	return tell_server(nc, g, "NETCONTROL RESTART");
}

static enum nc_exit
run_restore(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	(void)nc;
	(void)c;
	(void)rest;
	svc_edit_restore(&g->edit);
	if (svc_find(g->edit.file, g->selected) == NULL)
		g->selected[0] = '\0';
	return NC_DONE;
}

static enum nc_exit
run_save(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	(void)rest;
	return nc_config_write(nc, g, c->words > 1 ? c->word[1] : NULL,
		cmd_qual(c, "FORCE") != NULL);
}

static enum nc_exit
run_select(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	const struct svc_conf *s = NULL;

	(void)rest;
	if (c->words > 1 && (s = named(g, c->word[1])) == NULL)
		return NC_FAILED;
	select_service(g, s != NULL ? s->name : "");
	if (nc->interactive && s != NULL)
		printf("[The selected service is now %s]\n", s->name);
	return NC_DONE;
}

/* SET's values as words of the file: strings in quotes where the statement wants them. */
static bool
values(const struct conf_row *row, const char *rest, struct text *out)
{
	char word[CMD_LINE_MAX];
	bool strings = row->shape[0] == '"' || strcmp(row->keyword, "user") == 0, quoted;
	bool all = strstr(row->shape, "…") != NULL;

	for (unsigned i = 0; rest[strspn(rest, " \t")] != '\0'; i++) {
		if (!next_word(&rest, word, sizeof(word), &quoted))
			return false;
		text_addf(out, quoted || (strings && (all || i == 0)) ? "%s\"%s\"" : "%s%s",
			i > 0 ? " " : "", word);
	}
	return true;
}

static enum nc_exit
run_set(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	const struct svc_conf *s = svc_find(g->edit.file, g->selected);
	struct stmt_errors errors = { 0 };
	const struct conf_row *row;
	struct text words = { 0 };
	size_t n = strcspn(rest, " \t");
	bool none = cmd_qual(c, "DEFAULT") != NULL, good;

	(void)nc;
	row = find_row(s, c->word[1]);
	if (row == NULL)
		return NC_USAGE;
	good = values(row, rest + n, &words);
	if (!good || (words.n == 0) != none) {
		text_free(&words);
		if (!good)
			return nc_say(NC_USAGE, ST_SYNTAX, "an odd quote, or one of ; { } # "
				"outside quotes: expected %s %s", row->keyword, row->shape);
		return nc_say(NC_USAGE, none ? ST_MAXPARM : ST_INSFPRM,
			none ? "/DEFAULT takes no value: SET %s/DEFAULT%.0s" :
			       "expected SET %s %s", row->keyword, row->shape);
	}
	good = svc_edit_set(&g->edit, s != NULL ? s->name : NULL, row,
		none ? NULL : text_str(&words), cmd_qual(c, "ADD") != NULL, &errors);
	text_free(&words);
	return good ? NC_DONE : refuse(&errors);
}

static enum nc_exit
run_show(struct nc *nc, struct nc_config *g, const struct cmd *c, const char *rest)
{
	static const char *const words[] = { "DIFFERENCES", NULL };
	bool full = cmd_qual(c, "FULL") != NULL, ok;
	const struct svc_conf *s;

	(void)nc;
	(void)rest;
	if (c->words > 1 && verb_keyword(words, c->word[1]) == 0) {
		nc_config_differences(g);
		return NC_DONE;
	}
	s = meant(g, c, &ok);
	if (!ok)
		return NC_FAILED;
	if (s != NULL) {
		nc_config_service(g, s, full);
		return NC_DONE;
	}
	nc_config_service(g, NULL, full);
	if (full)
		for (size_t i = 0; i < g->edit.file->services; i++)
			nc_config_service(g, &g->edit.file->service[i], true);
	else
		nc_config_list(g);
	return NC_DONE;
}

static config_run *const runs[] = { run_add, run_copy, run_delete, run_disable, run_enable,
	run_exit, run_get, run_help, run_netcontrol, run_quit, run_reload, run_restart, run_restore,
	run_save, run_select, run_set, run_show };

/* ------------------------------------------------------------------ the mode */

/* Commands of the console that mean the same here: those that we have not, and SET NOON. */
static bool
is_console(const struct verb *v, const char *rest)
{
	static const char *const words[] = { "NOON", "NOVERIFY", "ON", "VERIFY", NULL };

	if (v == NULL)
		return true;
	for (size_t i = 0; strcmp(v->name, "SET") == 0 && words[i] != NULL; i++)
		if (text_same(words[i], rest))
			return true;
	return false;
}

/* The words after the verb are not taken apart as a command's are. */
static bool
is_raw(const struct verb *v)
{
	return strcmp(v->name, "ADD") == 0 || strcmp(v->name, "SET") == 0 ||
		strcmp(v->name, "NETCONTROL") == 0;
}

enum nc_exit
nc_config_line(struct nc *nc, const char *line)
{
	char word[CMD_LINE_MAX], why[512] = "";
	const struct verb *v = NULL;
	const char *rest;
	struct cmd c;
	enum status parsed;
	enum nc_exit status;
	size_t n = strcspn(line, " \t/");

	snprintf(word, sizeof(word), "%.*s", (int)n, line);
	rest = line + n + strspn(line + n, " \t");
	parsed = verb_find(verbs, word, &v, why, sizeof(why));
	if ((parsed == ST_IVVERB || parsed == ST_NORMAL) && is_console(v, rest) &&
		nc_local(nc, line, &status))
		return status;
	/* Of SET, the verb and the statement with its qualifiers are a command. */
	if (parsed == ST_NORMAL && strcmp(v->name, "SET") == 0)
		n = (size_t)(rest - line) + strcspn(rest, " \t");
	if (parsed == ST_NORMAL)
		parsed = cmd_parse(is_raw(v) ? bytes_of((const uint8_t *)line, n) : bytes_str(line),
			&c, why, sizeof(why));
	if (parsed == ST_NORMAL && (!is_raw(v) || strcmp(v->name, "SET") == 0))
		parsed = verb_match(verbs, &c, 0, &v, why, sizeof(why));
	if (parsed != ST_NORMAL)
		return nc_say(NC_USAGE, parsed, "%s", why);
	return runs[v - verbs](nc, nc->config, &c, rest);
}

enum nc_exit
nc_config_enter(struct nc *nc, const struct cmd *c)
{
	struct nc_config *g;
	enum nc_exit status;
	const char *file = c->words > 1 ? c->word[1] : NC_CONFIG_FILE;

	if (nc->host != NULL)
		return nc_say(NC_USAGE, ST_IVPARM,
			"SERVER-CONFIG edits a file of this host, not of %s", nc->host);
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return nc_say(NC_FAILED, ST_NOMEMORY, NULL);
	status = nc_config_read(nc, g, file);
	if (status != NC_DONE) {
		free(g);
		return status;
	}
	nc->config = g;
	if (nc->interactive || g->is_new)
		printf("%s%s\n", g->path, g->is_new ? " does not exist: SAVE makes it. These are "
			"the services that run without one." : "");
	return NC_DONE;
}

enum nc_exit
nc_config_end(struct nc *nc, enum nc_exit status)
{
	if (nc->config == NULL)
		return status;
	if (svc_edit_changed(&nc->config->edit)) {
		if (nc->interactive && yes(nc, "Save what was changed?", true))
			status = nc_config_write(nc, nc->config, NULL, false);
		else
			status = nc_say(NC_FAILED, ST_CFGUNSAVED, "%s is as it was",
				nc->config->path);
	}
	leave(nc);
	return status;
}

static void
candidate(struct text *out, const char *typed, const char *word, const char *help)
{
	if (text_prefix(typed, word))
		text_addf(out, "%s\t%s\n", word, help);
}

void
nc_config_candidates(struct nc *nc, const char *line, struct text *out)
{
	struct nc_config *g = nc->config;
	const struct svc_conf *s = svc_find(g->edit.file, g->selected);
	size_t n = strcspn(line, " \t/");
	const char *typed = line + n + strspn(line + n, " \t");
	char word[16];

	if (line[n] == '\0') {
		for (const struct verb *v = verbs; v->name != NULL; v++)
			candidate(out, line, v->name, v->help);
		return;
	}
	snprintf(word, sizeof(word), "%.*s", (int)n, line);
	if (text_prefix(word, "SET") && n > 2) {
		for (const struct conf_row *row = svc_rows(s); row->keyword != NULL; row++)
			if (strpbrk(typed, " \t/") == NULL) {
				if (strchr(row->shape, '{') == NULL)
					candidate(out, typed, row->keyword, row->shape);
			} else if (strlen(row->keyword) == strcspn(typed, " \t/") &&
				text_prefix(row->keyword, typed)) {
				text_addf(out, "<value>\t%s\n", row->shape);
			}
		return;
	}
	verb_complete(verbs, line, out);
	if (strpbrk(typed, " \t/") == NULL && strchr(line, '/') == NULL)
		for (size_t i = 0; i < g->edit.file->services; i++)
			candidate(out, typed, g->edit.file->service[i].name, "service");
}
