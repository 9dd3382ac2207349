/*
 * nc_console.c - what a command is, and procedures (see nc_console.h).
 *
 * Called by main for one-shot commands and scripts, by nc_readline.c for what is typed.  Order: the
 * console's own words first, then (after a `$`) programs, and all else is the server's.
 */
#include "netcontrol/nc_console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/stmt.h"
#include "lib/when.h"

bool
nc_open(struct nc *nc)
{
	struct text errors = { 0 };

	nc->conn.fd = -1;
	nc->timeout_s = NC_DEFAULT_TIMEOUT_S;
	nc->lnm = lnm_new();
	if (nc->lnm == NULL)
		return false;
	/* Bad lines in the system table's file are said, and do not keep an operator out. */
	if (lnm_load(nc->lnm, &errors) != ST_NORMAL)
		fputs(text_str(&errors), stderr);
	text_free(&errors);
	return true;
}

void
nc_close(struct nc *nc)
{
	while (nc->script.depth > 0)
		nc_script_pop(&nc->script);
	nc_symbols_free(&nc->symbols);
	nc_conn_close(&nc->conn);
	lnm_free(nc->lnm);
}

void
nc_prompt(const struct nc *nc, char *buf, size_t size, bool more)
{
	snprintf(buf, size, "%s%s>", more ? "_" : "",
		nc->config != NULL ? "SERVER-CONFIG" :
		nc->selected[0] != '\0' ? nc->selected : "NETCONTROL");
}

/* ------------------------------------------------------------------ names in lines */

/* The names as they are: the job, group and system tables are a server's while it answers. */
static struct lnm *
names_now(struct nc *nc)
{
	if (nc->host == NULL)
		(void)lnm_from_server(nc->lnm, nc->socket);
	return nc->lnm;
}

static const char *
function(struct nc *nc, const char *name, const char *arg)
{
	const char *value;

	if (text_same(name, "F$SEARCH")) {
		if (lnm_file_spec(names_now(nc), arg, nc->lookup, sizeof(nc->lookup)) !=
				ST_NORMAL ||
			access(nc->lookup, F_OK) != 0)
			nc->lookup[0] = '\0';
		return nc->lookup;
	}
	if (text_same(name, "F$TRNLNM") || text_same(name, "F$LOGICAL")) {
		value = lnm_value(names_now(nc), arg, 0);
		return value != NULL ? value : "";
	}
	if (text_same(name, "F$TIME"))
		return when_vms(nc->lookup, sizeof(nc->lookup), when_wall());
	if (text_same(name, "F$GETSYI") && text_same(arg, "NODENAME"))
		return gethostname(nc->lookup, sizeof(nc->lookup) - 1) == 0 ? nc->lookup : "";
	return NULL;
}

static const char *
lookup(void *user, const char *name, const char *arg)
{
	struct nc *nc = user;

	if (arg != NULL)
		return function(nc, name, arg);
	if ((name[0] == 'P' || name[0] == 'p') && name[1] >= '1' && name[1] <= '8' &&
		name[2] == '\0')
		return nc_script_param(&nc->script, (unsigned)(name[1] - '0'));
	/* Condition values: odd is success, 2 in the low three bits an error. */
	if (text_same(name, "$STATUS") || text_same(name, "$SEVERITY")) {
		int severity = nc->status == NC_DONE ? 1 : 2;

		snprintf(nc->lookup, sizeof(nc->lookup), "%d", severity +
			(name[2] == 'T' || name[2] == 't' ? 8 * (int)nc->status : 0));
		return nc->lookup;
	}
	return nc_symbol_get(&nc->symbols, name);
}

bool
nc_evaluate(struct nc *nc, const char *p, struct text *out, const char **rest)
{
	char why[256];
	bool truth;

	return nc_expr(p, lookup, nc, out, &truth, rest, why, sizeof(why)) == ST_NORMAL;
}

/* ------------------------------------------------------------------ one command */

static enum nc_exit run_line(struct nc *nc, const char *line, bool dollar, unsigned depth);

static enum nc_exit
run_if(struct nc *nc, const char *line, bool dollar, unsigned depth)
{
	const char *then;
	char why[256];
	bool truth;
	enum status status = nc_if(line, lookup, nc, &truth, &then, why, sizeof(why));

	if (status != ST_NORMAL)
		return nc_say(NC_USAGE, status, "%s", why);
	nc->keep_status = then == NULL || *then == '\0';
	if (then == NULL)
		return NC_DONE;
	if (*then != '\0')
		return run_line(nc, then, dollar, depth);
	/* Who types would wonder where the lines up to ENDIF go. */
	if (nc->interactive && nc->script.depth == 0)
		return nc_say(NC_USAGE, ST_SYNTAX, "IF expression THEN command is expected; "
			"IF ... ENDIF stands in a procedure");
	status = nc_flow_if(nc_flow(&nc->script), truth);
	return status == ST_NORMAL ? NC_DONE :
		nc_say(NC_USAGE, status, "IF in IF, at most %d deep", NC_BLOCKS_MAX);
}

static enum nc_exit
run_on(struct nc *nc, const char *line)
{
	char why[256] = "";
	enum status status = nc_script_on(&nc->script, line, why, sizeof(why));

	nc->keep_status = true;
	return status == ST_NORMAL ? NC_DONE : nc_say(NC_USAGE, status, "%s", why);
}

static enum nc_exit
run_goto(struct nc *nc, const char *line)
{
	const char *label = line + strcspn(line, " \t");
	char name[NC_NAME_MAX];

	nc->keep_status = true;
	label += strspn(label, " \t");
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(label, ": \t"), label);
	if (nc->script.depth == 0)
		return nc_say(NC_USAGE, ST_SYNTAX, "GOTO stands in a procedure");
	if (name[0] == '\0' || !nc_script_goto(&nc->script, name))
		return nc_say(NC_USAGE, ST_IVPARM, "no label \\%s\\ in this procedure", name);
	return NC_DONE;
}

static enum nc_exit
run_assignment(struct nc *nc, const char *name, const char *text, bool verbatim)
{
	struct text value = { .limit = NC_LINE_MAX };
	char why[256] = "";
	enum status status = nc_assigned(text, verbatim, lookup, nc, &value, why, sizeof(why));

	if (status == ST_NORMAL) {
		status = nc_symbol_set(&nc->symbols, name, text_str(&value));
		snprintf(why, sizeof(why), "symbol %s", name);
	}
	text_free(&value);
	return status == ST_NORMAL ? NC_DONE : nc_say(status == ST_SYNTAX ? NC_USAGE : NC_FAILED,
		status, "%s", why);
}

static enum nc_exit
run_logical(struct nc *nc, const char *line)
{
	struct text out = { 0 }, request = { 0 };
	enum status status = lnm_for_server(line, &request);
	enum nc_exit asked;
	bool failed;

	/* The job, group and system tables are the server's while one answers. */
	if (status == ST_NORMAL && nc_connect(nc, true)) {
		asked = nc_server(nc, text_str(&request));
		text_free(&request);
		return asked;
	}
	text_free(&request);
	if (status == ST_NOTRAN && nc->host == NULL)
		(void)lnm_from_server(nc->lnm, nc->socket);
	status = lnm_command(nc->lnm, line, &out);
	failed = lnm_failed(status);

	fflush(stdout);
	fputs(text_str(&out), failed ? stderr : stdout);
	text_free(&out);
	return failed ? nc_exit_of(status_row(status)->reply) : NC_DONE;
}

static enum nc_exit
run_procedure(struct nc *nc, const char *line)
{
	char store[NC_LINE_MAX + 2], *argv[NC_ARGS_MAX];
	size_t count;

	if (!nc_split(line, store, sizeof(store), argv, &count) || count == 0)
		return nc_say(NC_USAGE, ST_SYNTAX, "@file [p1 ... p8] is expected");
	if (count - 1 > NC_PARAMS)
		return nc_say(NC_USAGE, ST_MAXPARM, "a procedure has at most %d", NC_PARAMS);
	return nc_procedure(nc, argv[0], (const char *const *)argv + 1, count - 1);
}

/* `…?`: what may come next. */
static enum nc_exit
run_question(struct nc *nc, const char *line)
{
	struct text part = { 0 };

	text_add_n(&part, line, strlen(line) - 1);
	nc_show_candidates(nc, text_str(&part));
	text_free(&part);
	return NC_DONE;
}

/* A symbol that stands for other words: `$ RS :== racoon show`. False: the first word is none. */
static bool
run_symbol(struct nc *nc, const char *line, bool dollar, unsigned depth, enum nc_exit *status)
{
	char word[NC_NAME_MAX];
	size_t n = strcspn(line, " \t/");
	const char *value;
	struct text whole = { .limit = NC_LINE_MAX };

	if (n == 0 || n >= sizeof(word) || depth >= NC_DEPTH_MAX)
		return false;
	memcpy(word, line, n);
	word[n] = '\0';
	value = nc_symbol_get(&nc->symbols, word);
	if (value == NULL || value[0] == '$' || value[0] == '\0')
		return false;
	text_addf(&whole, "%s%s", value, line + n);
	*status = whole.failed ? nc_say(NC_USAGE, ST_LINELONG, NULL) :
				 run_line(nc, text_str(&whole), dollar, depth + 1);
	text_free(&whole);
	return true;
}

static enum nc_exit
run_line(struct nc *nc, const char *line, bool dollar, unsigned depth)
{
	char name[NC_NAME_MAX];
	const char *value;
	bool verbatim;
	enum nc_exit status;
	size_t n = strlen(line);

	if (line[0] == '@')
		return run_procedure(nc, line + 1);
	if (nc_is_word(line, "IF"))
		return run_if(nc, line, dollar, depth);
	if (nc_assignment(line, name, sizeof(name), &value, &verbatim))
		return run_assignment(nc, name, value, verbatim);
	if (nc_is_word(line, "ON"))
		return run_on(nc, line);
	if (nc_is_word(line, "GOTO"))
		return run_goto(nc, line);
	if (n > 0 && line[n - 1] == '?')
		return run_question(nc, line);
	if (run_symbol(nc, line, dollar, depth, &status))
		return status;
	if (lnm_is_command(line))
		return run_logical(nc, line);
	if ((dollar || nc_needs_no_dollar(nc, line)) && nc_is_program(nc, line))
		return nc_program(nc, line);
	if (nc->config != NULL)
		return nc_config_line(nc, line);
	if (nc_local(nc, line, &status) || nc_show(nc, line, &status) ||
		nc_watch(nc, line, &status))
		return status;
	return nc_server(nc, line);
}

/* The line's own business first: its label, THEN, ELSE, ENDIF; what is left is run. */
static const char *
steered(struct nc *nc, const char *body, enum nc_exit *status)
{
	char why[256] = "";
	enum status found;
	const char *rest;

	*status = NC_DONE;
	if (nc->script.depth > 0)
		body = nc_skip_label(body);
	if (!nc_flow_line(nc_flow(&nc->script), body, &rest, &found, why, sizeof(why)))
		return body;
	if (found != ST_NORMAL)
		*status = nc_say(NC_USAGE, found, "%s", why);
	return rest;
}

enum nc_exit
nc_run(struct nc *nc, const char *command)
{
	struct text line = { 0 };
	char why[256];
	bool dollar;
	enum nc_exit steering, before, result;
	const char *body = steered(nc, nc_body(command, &dollar), &steering);
	enum status status;

	if (steering != NC_DONE)
		nc->status = steering;
	if (*body == '\0')
		return steering;
	if (nc->verify && nc->script.depth > 0) {
		printf("%s%s\n", dollar ? "$ " : "", body);
		fflush(stdout);
	}
	nc->keep_status = false;
	before = nc->status;
	status = nc_substitute(body, lookup, nc, &line, why, sizeof(why));
	if (status != ST_NORMAL)
		result = nc_say(NC_USAGE, status, "%s", why);
	else
		result = run_line(nc, text_str(&line), dollar, 0);
	text_free(&line);
	nc->status = nc->keep_status && result == NC_DONE ? before : result;
	return result;
}

enum nc_exit
nc_run_as_is(struct nc *nc, const char *command)
{
	nc->status = run_line(nc, command, false, 0);
	return nc->status;
}

/* ------------------------------------------------------------------ procedures */

static void
say_where(const struct nc *nc, const char *command)
{
	const struct nc_frame *f = &nc->script.frame[nc->script.depth - 1];

	fflush(stdout);
	fprintf(stderr, "-NETCTL-I-STOPPED, %s line %u: %.200s\n", f->name, f->line, command);
}

/*
 * A command failed: what ON says, once, else the procedure ends.  False: it ends, *status may have
 * become what the command of ON came to.
 */
static bool
on_error(struct nc *nc, enum nc_exit *status)
{
	struct nc_frame *f = &nc->script.frame[nc->script.depth - 1];
	bool severe = *status == NC_NOSERVER || *status == NC_NOTPERM || *status == NC_TIMEOUT;
	char *command = f->on_command;

	if (nc->interrupt != 0)
		return false;
	if (nc->noon || (f->on == NC_ON_SEVERE && !severe))
		return true;
	if (command == NULL)
		return false;
	f->on = NC_ON_EXIT;
	f->on_command = NULL;
	*status = nc_run(nc, command);
	free(command);
	return *status == NC_DONE;
}

static enum nc_exit
run_frame(struct nc *nc)
{
	struct text command = { 0 };
	enum nc_exit status = NC_DONE;

	while (!nc->quit && !nc->ended && nc_script_next(&nc->script, &command)) {
		if (command.failed) {
			status = nc_say(NC_USAGE, ST_LINELONG, "a command has at most %d octets",
				NC_LINE_MAX);
			command.failed = false;
			text_clear(&command);
		} else {
			status = nc_run(nc, text_str(&command));
		}
		if (nc->interrupt != 0)
			status = NC_FAILED;
		if (status == NC_DONE || nc->ended || nc->quit)
			continue;
		if (on_error(nc, &status) || nc->ended || nc->quit)
			continue;
		say_where(nc, text_str(&command));
		break;
	}
	text_free(&command);
	if (status == NC_DONE && !nc->ended && !nc->quit && nc_flow(&nc->script)->blocks > 0)
		status = nc_say(NC_USAGE, ST_SYNTAX, "ENDIF is missing at the end of %s",
			nc->script.frame[nc->script.depth - 1].name);
	return status;
}

enum nc_exit
nc_procedure(struct nc *nc, const char *spec, const char *const *params, size_t count)
{
	char path[NC_PATH_MAX], why[256] = "";
	struct text text = { .limit = NC_FILE_MAX };
	enum nc_exit status;
	enum status loaded;
	bool noon = nc->noon;

	if (!nc_find_procedure(nc, spec, path, sizeof(path)))
		return nc_say(NC_FAILED, ST_NOFILE,
			"no procedure %s, here, in MULTINET: or in " MULTINET_COM, spec);
	loaded = stmt_load(path, &text, why, sizeof(why));
	if (loaded == ST_NORMAL && (text.failed || strlen(text_str(&text)) != text.n))
		loaded = ST_LIMIT;
	if (loaded == ST_NORMAL)
		loaded = nc_script_push(&nc->script, path, text_str(&text), params, count);
	text_free(&text);
	if (loaded != ST_NORMAL)
		return nc_say(NC_FAILED, loaded, "%s%s%s", path, why[0] != '\0' ? ": " : "", why);
	status = run_frame(nc);
	nc_script_pop(&nc->script);
	nc->noon = noon;
	/* EXIT ends the procedure that says it, not those that called it. */
	nc->ended = false;
	return status;
}

void
nc_startup(struct nc *nc)
{
	char spec[NC_PATH_MAX];
	const char *named = getenv("NETCONTROL_STARTUP");

	if (lnm_translate(nc->lnm, "NETCONTROL_STARTUP", spec, sizeof(spec)) == ST_NORMAL)
		named = spec;
	if (named != NULL && named[0] != '\0')
		(void)nc_procedure(nc, named, NULL, 0);
	nc_message_last(0, "");
	nc->status = NC_DONE;
}
