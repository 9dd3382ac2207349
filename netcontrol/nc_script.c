/*
 * nc_script.c - command procedures as text (see nc_script.h).
 *
 * Called by the console for every line, typed or read.  Pure: opens nothing, runs nothing.
 * Bounded: depth, sizes and the number of symbols; what is substituted is not scanned again.
 */
#include "netcontrol/nc_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *
skip_blanks(const char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

static void
upper(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'a' && *s <= 'z')
			*s = (char)(*s - 'a' + 'A');
}

/* ------------------------------------------------------------------ symbols */

enum status
nc_symbol_set(struct nc_symbols *t, const char *name, const char *value)
{
	char *copy = strdup(value);
	struct nc_symbol *p;

	if (copy == NULL)
		return ST_NOMEMORY;
	for (size_t i = 0; i < t->count; i++) {
		if (!text_same(t->symbol[i].name, name))
			continue;
		free(t->symbol[i].value);
		t->symbol[i].value = copy;
		return ST_NORMAL;
	}
	if (t->count == NC_SYMBOLS_MAX) {
		free(copy);
		return ST_LIMIT;
	}
	if (t->count == t->room) {
		size_t room = t->room > 0 ? 2 * t->room : 8;

		p = realloc(t->symbol, room * sizeof(*p));
		if (p == NULL) {
			free(copy);
			return ST_NOMEMORY;
		}
		t->symbol = p;
		t->room = room;
	}
	p = &t->symbol[t->count++];
	snprintf(p->name, sizeof(p->name), "%s", name);
	upper(p->name);
	p->value = copy;
	return ST_NORMAL;
}

const char *
nc_symbol_get(const struct nc_symbols *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (text_same(t->symbol[i].name, name))
			return t->symbol[i].value;
	return NULL;
}

void
nc_symbols_free(struct nc_symbols *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->symbol[i].value);
	free(t->symbol);
	*t = (struct nc_symbols){ 0 };
}

bool
nc_assignment(const char *line, char *name, size_t size, const char **text, bool *verbatim)
{
	const char *p = skip_blanks(line), *start = p;
	size_t n;

	while (nc_is_name_char(*p))
		p++;
	n = (size_t)(p - start);
	if (n == 0 || n >= size || (*start >= '0' && *start <= '9'))
		return false;
	p = skip_blanks(p);
	*verbatim = *p == ':';
	p += *verbatim;
	if (*p++ != '=')
		return false;
	if (*p == '=')
		p++;
	memcpy(name, start, n);
	name[n] = '\0';
	*text = skip_blanks(p);
	return true;
}

enum status
nc_assigned(const char *text, bool verbatim, nc_lookup *lookup, void *user, struct text *value,
	char *why, size_t why_size)
{
	size_t n = strlen(text);
	const char *rest;
	bool truth;

	while (n > 0 && is_blank(text[n - 1]))
		n--;
	text_clear(value);
	if (!verbatim && n > 0) {
		enum status status = nc_expr(text, lookup, user, value, &truth, &rest, why,
			why_size);

		if (status == ST_NORMAL && *skip_blanks(rest) == '\0')
			return ST_NORMAL;
		if (strpbrk(text, "\"+-*()") != NULL || (text[0] >= '0' && text[0] <= '9')) {
			if (status == ST_NORMAL)
				snprintf(why, why_size, "an operator is expected at \\%.20s\\",
					rest);
			return ST_SYNTAX;
		}
		text_clear(value);
	}
	text_add_n(value, text, n);
	return ST_NORMAL;
}

/* ------------------------------------------------------------------ procedures */

enum status
nc_script_push(struct nc_script *s, const char *name, const char *text, const char *const *params,
	size_t count)
{
	struct nc_frame *f;

	if (s->depth == NC_DEPTH_MAX || strlen(text) > NC_FILE_MAX || count > NC_PARAMS)
		return ST_LIMIT;
	f = &s->frame[s->depth];
	*f = (struct nc_frame){ .name = strdup(name), .text = strdup(text) };
	s->depth++;
	for (size_t i = 0; i < count; i++)
		f->param[i] = strdup(params[i]);
	for (size_t i = 0; i < count; i++)
		if (f->param[i] == NULL)
			count = NC_PARAMS + 1;
	if (f->name != NULL && f->text != NULL && count <= NC_PARAMS)
		return ST_NORMAL;
	nc_script_pop(s);
	return ST_NOMEMORY;
}

void
nc_script_pop(struct nc_script *s)
{
	struct nc_frame *f;

	if (s->depth == 0)
		return;
	f = &s->frame[--s->depth];
	free(f->name);
	free(f->text);
	for (size_t i = 0; i < NC_PARAMS; i++)
		free(f->param[i]);
	free(f->on_command);
	*f = (struct nc_frame){ 0 };
}

bool
nc_script_next(struct nc_script *s, struct text *out)
{
	struct nc_frame *f;
	bool more = true, any = false;

	text_clear(out);
	if (s->depth == 0)
		return false;
	f = &s->frame[s->depth - 1];
	while (more && f->text[f->at] != '\0') {
		char *line = f->text + f->at;
		size_t n = strcspn(line, "\n");
		char end = line[n];

		line[n] = '\0';
		more = nc_join(out, line);
		line[n] = end; /* GOTO reads it again */
		f->at += n + (end != '\0');
		f->line++;
		any = true;
	}
	return any;
}

const char *
nc_script_param(const struct nc_script *s, unsigned n)
{
	const struct nc_frame *f = s->depth > 0 ? &s->frame[s->depth - 1] : NULL;

	if (f == NULL || n == 0 || n > NC_PARAMS || f->param[n - 1] == NULL)
		return "";
	return f->param[n - 1];
}

/* ------------------------------------------------------------------ lines */

/* The quotation marks of word processors, which documents show (often only the closing ones). */
static bool
is_curly(const char *p)
{
	return p[0] == '\xe2' && p[1] == '\x80' && (p[2] == '\x9c' || p[2] == '\x9d');
}

/* How much of the line is a command: without comment and blanks at the end.  *has_curly: such marks
 * stand where plain ones are meant, not within plain ones. */
static size_t
command_length(const char *line, bool *has_curly)
{
	size_t n = 0;
	bool quoted = false, plain = false;

	*has_curly = false;
	for (; line[n] != '\0'; n++) {
		if (line[n] == '"') {
			quoted = plain = !quoted;
		} else if (is_curly(line + n) && !plain) {
			quoted = !quoted;
			*has_curly = true;
		} else if (line[n] == '!' && !quoted) {
			break;
		}
	}
	while (n > 0 && (is_blank(line[n - 1]) || line[n - 1] == '\r' || line[n - 1] == '\n'))
		n--;
	return n;
}

bool
nc_join(struct text *command, const char *line)
{
	bool more, has_curly;
	size_t n = command_length(line, &has_curly);

	command->limit = NC_LINE_MAX;
	more = n > 0 && line[n - 1] == '-';
	n -= more;
	/* What is joined on has no indentation. */
	while (command->n > 0 && n > 0 && is_blank(*line)) {
		line++;
		n--;
	}
	for (size_t i = 0; has_curly && i < n; i++) {
		bool curly = is_curly(line + i);

		text_add_n(command, curly ? "\"" : line + i, 1);
		i += curly ? 2 : 0;
	}
	if (!has_curly)
		text_add_n(command, line, n);
	return more;
}

const char *
nc_body(const char *command, bool *dollar)
{
	command = skip_blanks(command);
	*dollar = *command == '$';
	return *dollar ? skip_blanks(command + 1) : command;
}

bool
nc_is_word(const char *line, const char *keyword)
{
	size_t n = strlen(keyword);

	return text_prefix(keyword, line) && !nc_is_name_char(line[n]);
}

/* ------------------------------------------------------------------ substitution */

/* At apostrophes: 'NAME' with one or two on each side. Returns what follows, NULL: not of this
 * form. */
static const char *
take_reference(const char *p, char *name, size_t size)
{
	unsigned open = p[1] == '\'' ? 2 : 1;
	size_t n = 0;

	p += open;
	while (nc_is_name_char(p[n]))
		n++;
	if (n == 0 || n >= size || p[n] != '\'')
		return NULL;
	memcpy(name, p, n);
	name[n] = '\0';
	p += n + 1;
	return open == 2 && *p == '\'' ? p + 1 : p;
}

enum status
nc_substitute(const char *in, nc_lookup *lookup, void *user, struct text *out, char *why,
	size_t why_size)
{
	bool quoted = false;
	char name[NC_NAME_MAX];

	text_clear(out);
	out->limit = NC_LINE_MAX;
	for (const char *p = in; *p != '\0';) {
		const char *after = NULL, *value;

		if (*p == '"')
			quoted = !quoted;
		/* Inside quotes one apostrophe is only that; two begin a reference. */
		if (*p == '\'' && (!quoted || p[1] == '\''))
			after = take_reference(p, name, sizeof(name));
		if (after == NULL) {
			text_add_n(out, p++, 1);
			continue;
		}
		value = lookup(user, name, NULL);
		if (value == NULL) {
			snprintf(why, why_size, "symbol %s is not defined", name);
			return ST_SYNTAX;
		}
		text_add(out, value);
		p = after;
	}
	if (out->failed) {
		snprintf(why, why_size, "the command is longer than %d octets", NC_LINE_MAX);
		return ST_LINELONG;
	}
	return ST_NORMAL;
}

/* ------------------------------------------------------------------ IF */

enum status
nc_if(const char *line, nc_lookup *lookup, void *user, bool *truth, const char **then, char *why,
	size_t why_size)
{
	struct text value = { 0 };
	const char *p = skip_blanks(line) + strlen("IF"), *command;
	enum status status;

	*then = NULL;
	status = nc_expr(p, lookup, user, &value, truth, &p, why, why_size);
	text_free(&value);
	if (status != ST_NORMAL)
		return status;
	p = skip_blanks(p);
	command = nc_is_word(p, "THEN") ? skip_blanks(p + 4) : p;
	if (*p != '\0' && command == p) {
		snprintf(why, why_size, "an operator or THEN is expected at \\%.20s\\", p);
		return ST_SYNTAX;
	}
	if (*command == '\0' || *truth)
		*then = command;
	return ST_NORMAL;
}

/* ------------------------------------------------------------------ blocks, labels, ON */

struct nc_flow *
nc_flow(struct nc_script *s)
{
	return s->depth > 0 ? &s->frame[s->depth - 1].flow : &s->typed;
}

bool
nc_flow_runs(const struct nc_flow *f)
{
	const struct nc_block *b = f->blocks > 0 ? &f->block[f->blocks - 1] : NULL;

	return b == NULL || (b->outer && b->taken != b->in_else);
}

enum status
nc_flow_if(struct nc_flow *f, bool truth)
{
	struct nc_block b = { .outer = nc_flow_runs(f), .taken = truth };

	if (f->blocks == NC_BLOCKS_MAX)
		return ST_LIMIT;
	f->block[f->blocks++] = b;
	return ST_NORMAL;
}

/* Does this IF, which is not evaluated, begin a block? Not if a command stands behind THEN. */
static bool
begins_block(const char *line)
{
	bool quoted = false;

	for (const char *p = line; *p != '\0'; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (!quoted && is_blank(*p) && nc_is_word(p + 1, "THEN"))
			return *skip_blanks(p + 5) == '\0';
	}
	return true;
}

bool
nc_flow_line(struct nc_flow *f, const char *line, const char **rest, enum status *status, char *why,
	size_t why_size)
{
	struct nc_block *b = f->blocks > 0 ? &f->block[f->blocks - 1] : NULL;
	bool is_else = nc_is_word(line, "ELSE"), is_end = nc_is_word(line, "ENDIF");
	bool is_then = nc_is_word(line, "THEN"), runs = nc_flow_runs(f);

	*status = ST_NORMAL;
	*rest = "";
	if (!is_else && !is_end && !is_then) {
		if (!runs && nc_is_word(line, "IF") && begins_block(line))
			*status = nc_flow_if(f, false);
		return !runs;
	}
	if (b == NULL || (is_else && b->in_else)) {
		snprintf(why, why_size, "%s without IF", is_else ? "ELSE" : is_end ? "ENDIF" :
			"THEN");
		*status = ST_SYNTAX;
		return true;
	}
	if (is_end) {
		f->blocks--;
		return true;
	}
	b->in_else = b->in_else || is_else;
	if (nc_flow_runs(f))
		*rest = skip_blanks(line + 4);
	return true;
}

/* The length of `LABEL:` at the beginning of a line; 0: it has none. */
static size_t
label_of(const char *line)
{
	size_t n = 0;

	while (nc_is_name_char(line[n]))
		n++;
	return n > 0 && n < NC_NAME_MAX && line[n] == ':' &&
		strchr(" \t\r\n", line[n + 1]) != NULL ? n : 0;
}

const char *
nc_skip_label(const char *line)
{
	size_t n = label_of(line);

	return n > 0 ? skip_blanks(line + n + 1) : line;
}

bool
nc_script_goto(struct nc_script *s, const char *label)
{
	struct nc_frame *f = s->depth > 0 ? &s->frame[s->depth - 1] : NULL;
	size_t length = strlen(label), at;
	unsigned line = 0;

	for (at = 0; f != NULL && f->text[at] != '\0'; line++) {
		bool dollar;
		const char *body = nc_body(f->text + at, &dollar);

		if (label_of(body) == length && text_prefix(label, body)) {
			f->at = at;
			f->line = line;
			/* What is jumped out of has ended. */
			f->flow.blocks = 0;
			return true;
		}
		at += strcspn(f->text + at, "\n");
		at += f->text[at] != '\0';
	}
	return false;
}

enum status
nc_script_on(struct nc_script *s, const char *line, char *why, size_t why_size)
{
	struct nc_frame *f = s->depth > 0 ? &s->frame[s->depth - 1] : NULL;
	const char *p = skip_blanks(skip_blanks(line) + strlen("ON")), *command;
	enum nc_on on = nc_is_word(p, "SEVERE_ERROR") ? NC_ON_SEVERE : NC_ON_ERROR;
	char *copy;

	command = skip_blanks(p + strcspn(p, " \t"));
	if ((!nc_is_word(p, "ERROR") && !nc_is_word(p, "WARNING") && on == NC_ON_ERROR) ||
		!nc_is_word(command, "THEN") || *skip_blanks(command + 4) == '\0') {
		snprintf(why, why_size, "ON ERROR|SEVERE_ERROR|WARNING THEN command is expected");
		return ST_SYNTAX;
	}
	if (f == NULL) {
		snprintf(why, why_size, "ON stands in a procedure");
		return ST_SYNTAX;
	}
	copy = strdup(skip_blanks(command + 4));
	if (copy == NULL)
		return ST_NOMEMORY;
	free(f->on_command);
	f->on_command = copy;
	f->on = on;
	return ST_NORMAL;
}

/* ------------------------------------------------------------------ words of programs */

bool
nc_split(const char *line, char *store, size_t size, char **argv, size_t *count)
{
	size_t used = 0;

	*count = 0;
	for (;;) {
		bool quoted = false;

		line = skip_blanks(line);
		argv[*count] = NULL;
		if (*line == '\0')
			return true;
		if (*count == NC_ARGS_MAX - 1 || used >= size)
			return false;
		argv[*count] = store + used;
		for (; *line != '\0' && (quoted || !is_blank(*line)); line++) {
			if (*line == '"' && quoted && line[1] == '"') {
				line++;
			} else if (*line == '"') {
				quoted = !quoted;
				continue;
			}
			if (used + 1 >= size)
				return false;
			store[used++] = *line;
		}
		store[used++] = '\0';
		(*count)++;
		if (quoted)
			return false;
	}
}
