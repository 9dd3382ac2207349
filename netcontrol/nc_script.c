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

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_' ||
		c == '$';
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

/* A string in quotes, "" inside standing for one; returns what follows it, NULL when never
 * closed. */
static const char *
take_string(const char *p, struct text *out)
{
	for (p++; *p != '\0'; p++) {
		if (*p != '"')
			text_add_n(out, p, 1);
		else if (p[1] == '"')
			text_add_n(out, p++, 1);
		else
			return p + 1;
	}
	return NULL;
}

bool
nc_assignment(const char *line, char *name, size_t size, struct text *value)
{
	const char *p = skip_blanks(line), *start = p;
	bool verbatim;
	size_t n;

	while (is_name_char(*p))
		p++;
	n = (size_t)(p - start);
	if (n == 0 || n >= size || (*start >= '0' && *start <= '9'))
		return false;
	p = skip_blanks(p);
	verbatim = *p == ':';
	p += verbatim;
	if (*p++ != '=')
		return false;
	if (*p == '=')
		p++;
	memcpy(name, start, n);
	name[n] = '\0';
	p = skip_blanks(p);
	if (*p == '"' && !verbatim)
		return take_string(p, value) != NULL;
	n = strlen(p);
	while (n > 0 && is_blank(p[n - 1]))
		n--;
	text_add_n(value, p, n);
	return true;
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

bool
nc_join(struct text *command, const char *line)
{
	size_t n = 0;
	bool quoted = false, more;

	command->limit = NC_LINE_MAX;
	for (; line[n] != '\0'; n++) {
		if (line[n] == '"')
			quoted = !quoted;
		else if (line[n] == '!' && !quoted)
			break;
	}
	while (n > 0 && (is_blank(line[n - 1]) || line[n - 1] == '\r' || line[n - 1] == '\n'))
		n--;
	more = n > 0 && line[n - 1] == '-';
	n -= more;
	/* What is joined on has no indentation. */
	while (command->n > 0 && n > 0 && is_blank(*line)) {
		line++;
		n--;
	}
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

	return text_prefix(keyword, line) && !is_name_char(line[n]);
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
	while (is_name_char(p[n]))
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

/* A string, F$FUNCTION("string"), or a name. Returns what follows, NULL with why. */
static const char *
take_operand(const char *p, nc_lookup *lookup, void *user, struct text *out, char *why, size_t size)
{
	char name[NC_NAME_MAX];
	struct text arg = { .limit = NC_LINE_MAX };
	const char *value;
	size_t n = 0;

	p = skip_blanks(p);
	if (*p == '"') {
		p = take_string(p, out);
		if (p == NULL)
			snprintf(why, size, "quotation mark is never closed");
		return p;
	}
	while (is_name_char(p[n]))
		n++;
	if (n == 0 || n >= sizeof(name)) {
		snprintf(why, size,
			"a string, a symbol or F$FUNCTION(\"...\") is expected at \\%.20s\\", p);
		return NULL;
	}
	memcpy(name, p, n);
	name[n] = '\0';
	p += n;
	if (*p == '(') {
		p = skip_blanks(p + 1);
		p = *p == '"' ? take_string(p, &arg) : NULL;
		p = p != NULL ? skip_blanks(p) : NULL;
		if (p == NULL || *p != ')') {
			snprintf(why, size, "%s takes one string: %s(\"...\")", name, name);
			text_free(&arg);
			return NULL;
		}
		p++;
		value = lookup(user, name, text_str(&arg));
	} else if (name[0] >= '0' && name[0] <= '9') {
		value = name;
	} else {
		value = lookup(user, name, NULL);
	}
	if (value == NULL)
		snprintf(why, size, "%s is not defined", name);
	else
		text_add(out, value);
	text_free(&arg);
	return value != NULL ? p : NULL;
}

enum status
nc_if(const char *line, nc_lookup *lookup, void *user, const char **then, char *why,
	size_t why_size)
{
	struct text left = { .limit = NC_LINE_MAX }, right = { .limit = NC_LINE_MAX };
	const char *p = skip_blanks(line) + strlen("IF");
	enum status status = ST_SYNTAX;
	bool equal, wanted;

	*then = NULL;
	p = take_operand(p, lookup, user, &left, why, why_size);
	if (p == NULL)
		goto out;
	p = skip_blanks(p);
	if (!text_prefix(".EQS.", p) && !text_prefix(".NES.", p)) {
		snprintf(why, why_size, ".EQS. or .NES. is expected at \\%.20s\\", p);
		goto out;
	}
	wanted = text_prefix(".EQS.", p);
	p = take_operand(p + 5, lookup, user, &right, why, why_size);
	if (p == NULL)
		goto out;
	p = skip_blanks(p);
	if (!nc_is_word(p, "THEN") || *skip_blanks(p + 4) == '\0') {
		snprintf(why, why_size, "THEN and a command are expected at \\%.20s\\", p);
		goto out;
	}
	equal = strcmp(text_str(&left), text_str(&right)) == 0;
	if (equal == wanted)
		*then = skip_blanks(p + 4);
	status = ST_NORMAL;
out:
	text_free(&left);
	text_free(&right);
	return status;
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
