/*
 * cmd.c - one NETCONTROL command line, taken apart (see cmd.h for the grammar).
 *
 * Called for every request a server or a service gets and by the console; knows nothing of verbs
 * and never allocates: the pieces lie in the caller's struct cmd.  Input is untrusted.
 *
 * Where a `/` is a qualifier and where it is part of a value: at the start of a word it always is
 * one (paths are quoted); after a plain word, address or pattern it is one when a name follows that
 * itself ends at a blank, `=`, `/` or the end (`SHOW/FULL`, `10.0.0.1/NOWAIT`; not `10.0.0.0/8`).
 */
#include "lib/cmd.h"

#include <stdio.h>
#include <string.h>

struct scan {
	const uint8_t *start, *p, *end;
	struct cmd *out;
	size_t used;
	char *why;
	size_t why_size;
};

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_name(uint8_t c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '$';
}

static enum status
fail(struct scan *s, const char *text)
{
	snprintf(s->why, s->why_size, "%s at column %zu", text, (size_t)(s->p - s->start) + 1);
	return ST_SYNTAX;
}

static void
put(struct scan *s, uint8_t c)
{
	/* Each piece is no longer than its text in the line plus a NUL: it fits twice the line. */
	if (s->used < sizeof(s->out->text))
		s->out->text[s->used++] = (char)c;
}

/* At an opening quote: take what is inside, "" standing for one quote. */
static enum status
take_quoted(struct scan *s)
{
	const uint8_t *open = s->p;

	for (s->p++; s->p < s->end; s->p++) {
		if (*s->p != '"') {
			put(s, *s->p);
		} else if (s->p + 1 < s->end && s->p[1] == '"') {
			put(s, '"');
			s->p++;
		} else {
			s->p++;
			return ST_NORMAL;
		}
	}
	s->p = open;
	return fail(s, "quotation mark is never closed");
}

/* At an opening parenthesis: the list's text without blanks, `(a, b)` is "a,b". */
static enum status
take_list(struct scan *s)
{
	const uint8_t *open = s->p;

	for (s->p++; s->p < s->end;) {
		if (*s->p == ')') {
			s->p++;
			return ST_NORMAL;
		}
		if (*s->p == '"') {
			TRY(take_quoted(s));
			continue;
		}
		if (!is_blank(*s->p))
			put(s, *s->p);
		s->p++;
	}
	s->p = open;
	return fail(s, "parenthesis is never closed");
}

/* Does a qualifier begin at this `/`, glued to the text from word on? */
static bool
is_glued_qualifier(const struct scan *s, const uint8_t *word)
{
	const uint8_t *p;

	if (s->p == word || s->p + 1 >= s->end || !is_letter(s->p[1]) || s->p[-1] == ',')
		return false;
	for (p = word; p < s->p; p++)
		if (!is_name(*p) && memchr(".:*?,+", *p, 6) == NULL)
			return false;
	for (p = s->p + 1; p < s->end && is_name(*p); p++)
		continue;
	return p == s->end || is_blank(*p) || *p == '=' || *p == '/';
}

/* A word or a qualifier's value: up to a blank, or to a qualifier glued to it. */
static enum status
take_piece(struct scan *s)
{
	const uint8_t *from = s->p;
	bool quoted = false;

	while (s->p < s->end && !is_blank(*s->p)) {
		if (*s->p == '"') {
			TRY(take_quoted(s));
			quoted = true;
			continue;
		}
		if (*s->p == '/' && (quoted || is_glued_qualifier(s, from)))
			break;
		put(s, *s->p++);
	}
	put(s, '\0');
	return ST_NORMAL;
}

static enum status
take_qualifier(struct scan *s)
{
	struct cmd_qual *q;

	if (s->out->quals == CMD_QUALS_MAX)
		return fail(s, "too many qualifiers");
	q = &s->out->qual[s->out->quals];
	s->p++;
	if (s->p >= s->end || !is_letter(*s->p))
		return fail(s,
			"qualifier name is missing after / (quote a path that begins with /)");
	q->name = s->out->text + s->used;
	q->value = NULL;
	while (s->p < s->end && is_name(*s->p))
		put(s, *s->p++);
	put(s, '\0');
	if (s->p < s->end && *s->p != '=' && *s->p != '/' && !is_blank(*s->p))
		return fail(s,
			"unexpected character in a qualifier (quote a path that begins with /)");
	if (s->p < s->end && *s->p == '=') {
		s->p++;
		q->value = s->out->text + s->used;
		if (s->p < s->end && *s->p == '(') {
			TRY(take_list(s));
			put(s, '\0');
		} else {
			TRY(take_piece(s));
		}
	}
	s->out->quals++;
	return ST_NORMAL;
}

static enum status
take_word(struct scan *s)
{
	if (s->out->words == CMD_WORDS_MAX)
		return fail(s, "too many words");
	s->out->word[s->out->words] = s->out->text + s->used;
	s->out->word_at[s->out->words] = (size_t)(s->p - s->start);
	s->out->words++;
	return take_piece(s);
}

enum status
cmd_parse(struct bytes line, struct cmd *out, char *why, size_t why_size)
{
	struct scan s = { .start = line.p, .p = line.p, .out = out, .why = why,
		.why_size = why_size };

	out->words = out->quals = 0;
	if (why_size > 0)
		why[0] = '\0';
	if (line.n == 0)
		return ST_NORMAL;
	if (line.n > CMD_LINE_MAX) {
		snprintf(why, why_size, "at most %d octets are allowed", CMD_LINE_MAX);
		return ST_LINELONG;
	}
	s.end = line.p + line.n;
	for (; s.p < s.end; s.p++)
		if ((*s.p < ' ' && *s.p != '\t') || *s.p == 0x7f)
			return fail(&s, *s.p == 0 ? "NUL octet" : "control character");
	for (s.p = s.start; s.p < s.end;) {
		if (is_blank(*s.p))
			s.p++;
		else if (*s.p == '/')
			TRY(take_qualifier(&s));
		else
			TRY(take_word(&s));
	}
	return ST_NORMAL;
}

const char *
cmd_qual(const struct cmd *c, const char *name)
{
	/* The last one wins, as on VMS. */
	for (size_t i = c->quals; i > 0; i--)
		if (strcmp(c->qual[i - 1].name, name) == 0)
			return c->qual[i - 1].value != NULL ? c->qual[i - 1].value : "";
	return NULL;
}
