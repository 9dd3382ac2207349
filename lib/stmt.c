/*
 * stmt.c - the statement reader: words, statements and blocks of a configuration text.
 *
 * Called by the readers of racoon.conf, setkey scripts, racoon2.conf and the services file.  It
 * knows no directive and opens no file but the one stmt_load is given.  After an error it goes on
 * at the next statement, so that everything wrong with a file is reported at once.
 */
#include "lib/stmt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/secret.h"

enum token_kind {
	T_BARE,
	T_STRING,
	T_BRACKET,
	T_COMMA,
	T_SEMICOLON,
	T_OPEN,
	T_CLOSE,
	T_END,
	T_BAD
};

struct token {
	enum token_kind kind;
	struct bytes text; /* of words, without quotes and brackets */
	unsigned line, column;
};

struct stmt_reader {
	char *file;
	struct bytes text;
	struct stmt_errors *errors;
	size_t at;            /* the next octet */
	unsigned line, column; /* of the next octet */
	bool over;            /* the end, or given up */
	struct token ahead;   /* a token looked at and put back */
	bool has_ahead;
	struct stmt_word *words; /* of the statement being read */
	size_t word_room;
	struct stmt **children;  /* of all open blocks, innermost last */
	size_t child_count, child_room;
};

struct block { /* a `{` whose `}` is awaited */
	const struct stmt *owner;
	const struct block *outer;
	unsigned depth;
};

/* ------------------------------------------------------------------------------------- errors */

static void complain(struct text *t, unsigned *count, struct stmt_pos pos, const char *fmt,
	va_list ap) ATTR_PRINTF(4, 0);

static void
complain(struct text *t, unsigned *count, struct stmt_pos pos, const char *fmt, va_list ap)
{
	(*count)++;
	if (*count == STMT_ERRORS_MAX + 1)
		text_addf(t, "%s:%u:%u: too many messages: the rest is not shown\n", pos.file,
			pos.line, pos.column);
	if (*count > STMT_ERRORS_MAX)
		return;
	text_addf(t, "%s:%u:%u: ", pos.file, pos.line, pos.column);
	text_addv(t, fmt, ap);
	text_add(t, "\n");
}

void
stmt_error(struct stmt_errors *e, struct stmt_pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(&e->text, &e->count, pos, fmt, ap);
	va_end(ap);
}

void
stmt_warn(struct stmt_errors *e, struct stmt_pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(&e->warnings, &e->warning_count, pos, fmt, ap);
	va_end(ap);
}

void
stmt_errors_free(struct stmt_errors *e)
{
	text_free(&e->text);
	text_free(&e->warnings);
	e->count = e->warning_count = 0;
}

static struct stmt_pos
here(const struct stmt_reader *r)
{
	return (struct stmt_pos){ r->file, r->line, r->column };
}

static struct stmt_pos
token_pos(const struct stmt_reader *r, const struct token *t)
{
	return (struct stmt_pos){ r->file, t->line, t->column };
}

static void
out_of_memory(struct stmt_reader *r)
{
	if (!r->over)
		stmt_error(r->errors, here(r),
			"the file is too large: out of the memory allowed for it");
	r->over = true;
}

/* ----------------------------------------------------------------------------------- characters */

static int
peek(const struct stmt_reader *r, size_t offset)
{
	return r->text.n - r->at > offset ? r->text.p[r->at + offset] : -1;
}

static void
advance(struct stmt_reader *r, size_t n)
{
	for (; n > 0 && r->at < r->text.n; n--) {
		if (r->text.p[r->at++] == '\n') {
			r->line++;
			r->column = 1;
		} else {
			r->column++;
		}
	}
}

static bool
is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static bool
in_bare_word(int c)
{
	return c > ' ' && c < 0x7f && strchr(";{}\",[]", c) == NULL;
}

static void
skip_blanks(struct stmt_reader *r)
{
	for (;;) {
		int c = peek(r, 0);

		if (is_blank(c))
			advance(r, 1);
		else if (c == '#')
			while (peek(r, 0) != -1 && peek(r, 0) != '\n')
				advance(r, 1);
		else
			return;
	}
}

/* What a word processor makes of ASCII: how many octets, and what should stand there. */
struct lookalike {
	const char *utf8;
	const char *advice;
	bool quote;
};

#define QUOTE(c) { c, "typographic quote \"" c "\": use straight double quotes (\")", true }
#define DASH(c) { c, "typographic dash \"" c "\": use a hyphen (-)", false }

static const struct lookalike lookalikes[] = {
	QUOTE("\xe2\x80\x9c"),
	QUOTE("\xe2\x80\x9d"),
	QUOTE("\xe2\x80\x9e"),
	QUOTE("\xe2\x80\x98"),
	QUOTE("\xe2\x80\x99"),
	DASH("\xe2\x80\x90"),
	DASH("\xe2\x80\x91"),
	DASH("\xe2\x80\x92"),
	DASH("\xe2\x80\x93"),
	DASH("\xe2\x80\x94"),
	DASH("\xe2\x88\x92"),
	{ "\xc2\xa0", "no-break space: use a blank", false },
};

static const struct lookalike *
lookalike_at(const struct stmt_reader *r)
{
	for (size_t i = 0; i < ARRAY_LEN(lookalikes); i++) {
		size_t n = strlen(lookalikes[i].utf8);

		if (r->text.n - r->at >= n && memcmp(r->text.p + r->at, lookalikes[i].utf8, n) == 0)
			return &lookalikes[i];
	}
	return NULL;
}

/* One error for the whole of a “text” with typographic quotes, or a run of foreign octets. */
static void
foreign(struct stmt_reader *r)
{
	const struct lookalike *l = lookalike_at(r);

	if (l == NULL) {
		stmt_error(r->errors, here(r),
			"unexpected octet 0x%02x: only ASCII is allowed outside "
			"\"strings\" and comments",
			(unsigned)peek(r, 0));
	} else {
		stmt_error(r->errors, here(r), "%s", l->advice);
		advance(r, strlen(l->utf8));
	}
	if (l == NULL || !l->quote) {
		while (in_bare_word(peek(r, 0)) || peek(r, 0) > 0x7e ||
			(peek(r, 0) >= 0 && peek(r, 0) < ' ' && !is_blank(peek(r, 0))))
			advance(r, 1);
		return;
	}
	while (peek(r, 0) != -1 && peek(r, 0) != '\n' && peek(r, 0) != '"') {
		const struct lookalike *closing = lookalike_at(r);

		if (closing != NULL && closing->quote) {
			advance(r, strlen(closing->utf8));
			return;
		}
		/* “text; with no closing quote: leave the statement's end alone. */
		if (peek(r, 0) == ';')
			return;
		advance(r, 1);
	}
	if (peek(r, 0) == '"')
		advance(r, 1);
}

/* --------------------------------------------------------------------------------------- tokens */

/* "…" or […]: the opening character was seen and stands at r->at. */
static struct token
enclosed(struct stmt_reader *r, enum token_kind kind, char closer)
{
	struct token t = { .kind = kind, .line = r->line, .column = r->column };
	size_t start;

	advance(r, 1);
	start = r->at;
	while (peek(r, 0) != -1 && peek(r, 0) != '\n' && peek(r, 0) != closer && peek(r, 0) != 0)
		advance(r, 1);
	if (peek(r, 0) != closer) {
		stmt_error(r->errors, token_pos(r, &t), kind == T_STRING ?
			"string is not closed on its line: expected \"%c\"" :
			"bracket is not closed on its line: expected \"%c\"", closer);
		t.kind = T_BAD;
		return t;
	}
	t.text = bytes_of(r->text.p + start, r->at - start);
	advance(r, 1);
	if (kind == T_BRACKET) {
		while (t.text.n > 0 && is_blank(t.text.p[0])) {
			t.text.p++;
			t.text.n--;
		}
		while (t.text.n > 0 && is_blank(t.text.p[t.text.n - 1]))
			t.text.n--;
	}
	return t;
}

static struct token
bare(struct stmt_reader *r)
{
	struct token t = { .kind = T_BARE, .line = r->line, .column = r->column };
	size_t start = r->at;

	while (in_bare_word(peek(r, 0)))
		advance(r, 1);
	t.text = bytes_of(r->text.p + start, r->at - start);
	return t;
}

static struct token
next_token(struct stmt_reader *r)
{
	struct token t;

	if (r->has_ahead) {
		r->has_ahead = false;
		return r->ahead;
	}
	skip_blanks(r);
	t = (struct token){ .line = r->line, .column = r->column };
	switch (peek(r, 0)) {
	case -1:
		t.kind = T_END;
		return t;
	case ';':
		t.kind = T_SEMICOLON;
		break;
	case '{':
		t.kind = T_OPEN;
		break;
	case '}':
		t.kind = T_CLOSE;
		break;
	case ',':
		t.kind = T_COMMA;
		t.text = bytes_str(",");
		break;
	case '"':
		t = enclosed(r, T_STRING, '"');
		goto check;
	case '[':
		t = enclosed(r, T_BRACKET, ']');
		goto check;
	case ']':
		stmt_error(r->errors, here(r), "\"]\" without \"[\"");
		t.kind = T_BAD;
		break;
	default:
		if (in_bare_word(peek(r, 0))) {
			t = bare(r);
			/* 10.0.0.1–D: the foreign character is part of this word. */
			if (peek(r, 0) <= 0x7e)
				goto check;
		}
		foreign(r);
		t.kind = T_BAD;
		return t;
	}
	advance(r, 1);
	return t;
check:
	if (t.text.n > STMT_WORD_MAX) {
		stmt_error(r->errors, token_pos(r, &t),
			"word is too long: at most %d octets are allowed", STMT_WORD_MAX);
		t.kind = T_BAD;
	}
	return t;
}

static void
put_back(struct stmt_reader *r, struct token t)
{
	r->ahead = t;
	r->has_ahead = true;
}

/* ----------------------------------------------------------------------------------- statements */

/* Skip the rest of a bad statement: to its `;`, or past its block, but never out of our own. */
static void
skip_statement(struct stmt_reader *r)
{
	size_t open = 0;

	for (;;) {
		struct token t = next_token(r);

		if (t.kind == T_END || (t.kind == T_CLOSE && open == 0)) {
			put_back(r, t);
			return;
		}
		if (t.kind == T_OPEN)
			open++;
		if (t.kind == T_CLOSE && --open == 0)
			return;
		if (t.kind == T_SEMICOLON && open == 0)
			return;
	}
}

static bool
make_room(void **array, size_t *room, size_t need, size_t size)
{
	size_t want = *room == 0 ? 64 : *room * 2;
	void *p;

	if (need <= *room)
		return true;
	p = reallocarray(*array, want, size);
	if (p == NULL)
		return false;
	*array = p;
	*room = want;
	return true;
}

static bool
add_word(struct stmt_reader *r, struct arena *arena, const char *file, size_t n, struct token t)
{
	static const enum stmt_kind kinds[] = { [T_BARE] = STMT_BARE, [T_STRING] = STMT_STRING,
		[T_BRACKET] = STMT_BRACKET, [T_COMMA] = STMT_COMMA };
	char *text;

	if (n >= STMT_WORDS_MAX) {
		stmt_error(r->errors, token_pos(r, &t),
			"statement has more than %d words: is a \";\" missing?", STMT_WORDS_MAX);
		return false;
	}
	text = arena_alloc(arena, t.text.n + 1);
	if (text == NULL ||
		!make_room((void **)&r->words, &r->word_room, n + 1, sizeof(*r->words))) {
		out_of_memory(r);
		return false;
	}
	if (t.text.n != 0)
		memcpy(text, t.text.p, t.text.n);
	r->words[n] = (struct stmt_word){ kinds[t.kind], text, { file, t.line, t.column } };
	return true;
}

static struct stmt *read_statement(struct stmt_reader *r, struct arena *arena, const char *file,
	const struct block *outer);

static bool
read_block(struct stmt_reader *r, struct arena *arena, const char *file, struct stmt *s,
	const struct block *outer)
{
	struct block block = { s, outer, outer == NULL ? 1 : outer->depth + 1 };
	size_t base = r->child_count;
	struct stmt *child;
	struct token t;

	s->has_block = true;
	while ((child = read_statement(r, arena, file, &block)) != NULL) {
		if (!make_room((void **)&r->children, &r->child_room, r->child_count + 1,
			    sizeof(*r->children))) {
			out_of_memory(r);
			break;
		}
		r->children[r->child_count++] = child;
	}
	s->block_count = r->child_count - base;
	s->block = arena_array(arena, s->block_count, sizeof(*s->block));
	if (s->block == NULL)
		out_of_memory(r);
	else if (s->block_count != 0)
		memcpy(s->block, r->children + base, s->block_count * sizeof(*s->block));
	r->child_count = base;
	if (r->over)
		return false;
	t = next_token(r);
	if (t.kind != T_CLOSE) {
		/* The end of the file: told once, for the innermost block. */
		stmt_error(r->errors, token_pos(r, &t),
			"expected \"}\": the block \"%s\" opened at line %u is not closed",
			s->word[0].text, s->pos.line);
		r->over = true;
		return false;
	}
	s->end = (struct stmt_pos){ file, t.line, t.column };
	return true;
}

/* The words up to `;` or `{`; the token that ended them in *stop. False: error told, skip. */
static bool
read_words(struct stmt_reader *r, struct arena *arena, const char *file, size_t *count,
	struct token *stop)
{
	struct token t;

	for (;;) {
		t = next_token(r);
		if (t.kind > T_COMMA)
			break;
		if (!add_word(r, arena, file, *count, t))
			return false;
		(*count)++;
	}
	*stop = t;
	if (t.kind == T_SEMICOLON || t.kind == T_OPEN || t.kind == T_BAD)
		return t.kind != T_BAD;
	put_back(r, t);
	stmt_error(r->errors, token_pos(r, &t), "expected \";\" after \"%s\" at line %u, found %s",
		r->words[*count - 1].text, r->words[*count - 1].pos.line,
		t.kind == T_END ? "the end of the file" : "\"}\"");
	return false;
}

/* A sound statement, or NULL at a `}`, at the end of the text, or when given up. */
static struct stmt *
read_statement(struct stmt_reader *r, struct arena *arena, const char *file,
	const struct block *outer)
{
	while (!r->over) {
		struct token t = next_token(r);
		struct stmt *s;
		size_t count = 0;

		if (r->errors->count > STMT_ERRORS_MAX) {
			r->over = true;
			return NULL;
		}
		if (t.kind == T_SEMICOLON) /* after a block, or an empty statement */
			continue;
		put_back(r, t);
		if (t.kind == T_END || t.kind == T_CLOSE)
			return NULL;
		if (t.kind == T_OPEN) {
			stmt_error(
				r->errors, token_pos(r, &t), "\"{\" without a keyword before it");
			skip_statement(r);
			continue;
		}
		if (!read_words(r, arena, file, &count, &t)) {
			if (!r->over)
				skip_statement(r);
			continue;
		}
		s = arena_alloc(arena, sizeof(*s));
		if (s != NULL)
			s->word = arena_array(arena, count, sizeof(*s->word));
		if (s == NULL || s->word == NULL) {
			out_of_memory(r);
			return NULL;
		}
		memcpy(s->word, r->words, count * sizeof(*s->word));
		s->words = count;
		s->pos = s->word[0].pos;
		s->end = (struct stmt_pos){ file, t.line, t.column };
		if (t.kind == T_SEMICOLON)
			return s;
		if (outer != NULL && outer->depth >= STMT_NESTING_MAX) {
			stmt_error(r->errors, token_pos(r, &t),
				"blocks are nested more than %d deep", STMT_NESTING_MAX);
			put_back(r, t);
			skip_statement(r);
			continue;
		}
		if (read_block(r, arena, file, s, outer))
			return s;
	}
	return NULL;
}

struct stmt_reader *
stmt_open(const char *file, struct bytes text, struct stmt_errors *errors)
{
	static const uint8_t byte_order_mark[] = { 0xef, 0xbb, 0xbf };
	struct stmt_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->file = strdup(file);
	if (r->file == NULL) {
		free(r);
		return NULL;
	}
	r->text = text;
	r->errors = errors;
	r->line = r->column = 1;
	if (text.n >= 3 && memcmp(text.p, byte_order_mark, 3) == 0)
		r->at = 3;
	return r;
}

void
stmt_close(struct stmt_reader *r)
{
	if (r == NULL)
		return;
	free(r->words);
	free(r->children);
	free(r->file);
	free(r);
}

struct stmt *
stmt_next(struct stmt_reader *r, struct arena *arena)
{
	const char *file;

	if (r->over)
		return NULL;
	file = arena_strdup(arena, r->file);
	if (file == NULL) {
		out_of_memory(r);
		return NULL;
	}
	for (;;) {
		struct stmt *s = read_statement(r, arena, file, NULL);
		struct token t;

		if (s != NULL || r->over)
			return s;
		t = next_token(r);
		if (t.kind == T_END) {
			r->over = true;
			return NULL;
		}
		stmt_error(r->errors, token_pos(r, &t),
			"\"}\" closes nothing: is a \"{\" missing before it?");
	}
}

/* --------------------------------------------------------------------------------------- files */

enum status
stmt_load(const char *path, struct text *out, char *why, size_t why_size)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *f = is_stdin ? stdin : fopen(path, "re");
	char buf[16384];
	size_t n;

	text_clear(out);
	out->limit = STMT_FILE_MAX;
	if (f == NULL) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return ST_NOFILE;
	}
	errno = 0;
	while (!out->failed && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		text_add_n(out, buf, n);
	n = ferror(f) ? (size_t)errno : 0;
	if (!is_stdin)
		fclose(f);
	wipe(buf, sizeof(buf));
	if (n != 0) {
		snprintf(why, why_size, "%s: %s", path, strerror((int)n));
		return ST_NOFILE;
	}
	if (out->failed) {
		snprintf(why, why_size, "%s: larger than %d octets", path, STMT_FILE_MAX);
		return ST_LIMIT;
	}
	return ST_NORMAL;
}

/* -------------------------------------------------------------------------------------- values */

/* Optional sign, then decimal digits or 0x and hexadecimal digits; nothing else, no overflow. */
static bool
parse_number(const char *s, int64_t *out)
{
	bool negative = *s == '-';
	unsigned base = 10;
	uint64_t v = 0;

	if (negative)
		s++;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		unsigned d;

		if (*s >= '0' && *s <= '9')
			d = (unsigned)(*s - '0');
		else if (base == 16 && ((*s | 0x20) >= 'a' && (*s | 0x20) <= 'f'))
			d = (unsigned)((*s | 0x20) - 'a') + 10;
		else
			return false;
		if (v > ((uint64_t)INT64_MAX - d) / base)
			return false;
		v = v * base + d;
	}
	*out = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

bool
stmt_number(const struct stmt_word *w, int64_t min, int64_t max, int64_t *out,
	struct stmt_errors *e)
{
	int64_t v;

	if ((w->kind != STMT_BARE && w->kind != STMT_BRACKET) || !parse_number(w->text, &v)) {
		stmt_error(e, w->pos, "\"%s\": expected a number from %lld to %lld", w->text,
			(long long)min, (long long)max);
		return false;
	}
	if (v < min || v > max) {
		stmt_error(e, w->pos, "%s is out of range: expected a number from %lld to %lld",
			w->text, (long long)min, (long long)max);
		return false;
	}
	*out = v;
	return true;
}
