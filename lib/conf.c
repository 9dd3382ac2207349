/*
 * conf.c - the interpreter of directive tables, and the generic setters and printers.
 *
 * Called by every reader of a configuration.  It never opens files or acts on what it reads: it
 * fills structs, and reports through the statement reader's errors.
 */
#include "lib/conf.h"

#include <inttypes.h>
#include <string.h>

#include "lib/arena.h"

enum { ROWS_MAX = 256, MS_PER_SECOND = 1000 };

static void *
field_of(const struct conf_row *row, void *into)
{
	return (char *)into + row->offset;
}

static const void *
field_in(const struct conf_row *row, const void *from)
{
	return (const char *)from + row->offset;
}

/* ------------------------------------------------------------------------------------- helpers */

/* Exactly `count` words after the keyword; else say what the shape is. */
static bool
want_words(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, size_t count)
{
	const struct stmt_word *extra;

	if (s->words == count + 1)
		return true;
	if (s->words < count + 1) {
		stmt_error(ctx->errors, s->end, "\"%s\" is incomplete: expected \"%s %s\"",
			row->keyword, row->keyword, row->shape);
		return false;
	}
	extra = &s->word[count + 1];
	if (extra->pos.line > extra[-1].pos.line)
		stmt_error(ctx->errors, extra->pos,
			"unexpected \"%s\": is a \";\" missing at the end of line %u?", extra->text,
			extra[-1].pos.line);
	else
		stmt_error(ctx->errors, extra->pos, "unexpected \"%s\": expected \"%s %s\"",
			extra->text, row->keyword, row->shape);
	return false;
}

/* 0, 0 in a row means that nothing but the type limits the number. */
static int64_t
row_max(const struct conf_row *row)
{
	return row->min == 0 && row->max == 0 ? INT64_MAX : row->max;
}

/* "main, aggressive or base" */
static const char *
word_list(struct conf_ctx *ctx, const struct conf_word *words)
{
	char *list = arena_strdup(ctx->arena, words->name == NULL ? "nothing" : words->name);

	for (size_t i = 1; list != NULL && words->name != NULL && words[i].name != NULL; i++)
		list = arena_printf(ctx->arena, "%s%s%s", list,
			words[i + 1].name == NULL ? " or " : ", ", words[i].name);
	return list == NULL ? "" : list;
}

static void
unknown_word(struct conf_ctx *ctx, const struct conf_word *words, const struct stmt_word *w)
{
	const char *names[ROWS_MAX] = { NULL };
	const char *nearest;

	for (size_t i = 0; i + 1 < ROWS_MAX && words[i].name != NULL; i++)
		names[i] = words[i].name;
	nearest = text_nearest(w->text, names);
	if (nearest != NULL)
		stmt_error(ctx->errors, w->pos,
			"unknown word \"%s\": did you mean \"%s\"? (expected %s)", w->text, nearest,
			word_list(ctx, words));
	else
		stmt_error(ctx->errors, w->pos, "unknown word \"%s\": expected %s", w->text,
			word_list(ctx, words));
}

/* ------------------------------------------------------------------------------ generic setters */

bool
conf_set_number(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	return want_words(ctx, row, s, 1) && stmt_number(&s->word[1], row->min, row_max(row),
		field_of(row, into), ctx->errors);
}

static const struct conf_word switch_words[] = {
	{ "on", true }, { "off", false }, { "yes", true }, { "no", false }, { NULL, 0 },
};

bool
conf_set_switch(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	int64_t value;

	if (!want_words(ctx, row, s, 1) || !conf_word_value(ctx, switch_words, &s->word[1], &value))
		return false;
	*(bool *)field_of(row, into) = value != 0;
	return true;
}

/* Largest first: the printer takes the first that divides the value. */
static const struct conf_word time_units[] = {
	{ "hour", 3600 * MS_PER_SECOND },
	{ "min", 60 * MS_PER_SECOND },
	{ "sec", MS_PER_SECOND },
	{ "hours", 3600 * MS_PER_SECOND },
	{ "minute", 60 * MS_PER_SECOND },
	{ "minutes", 60 * MS_PER_SECOND },
	{ "mins", 60 * MS_PER_SECOND },
	{ "second", MS_PER_SECOND },
	{ "seconds", MS_PER_SECOND },
	{ "secs", MS_PER_SECOND },
	{ NULL, 0 },
};

bool
conf_word_value(struct conf_ctx *ctx, const struct conf_word *words, const struct stmt_word *w,
	int64_t *out)
{
	for (const struct conf_word *at = words; w->kind == STMT_BARE && at->name != NULL; at++)
		if (strcmp(at->name, w->text) == 0) {
			*out = at->value;
			return true;
		}
	unknown_word(ctx, words, w);
	return false;
}

bool
conf_time_value(struct conf_ctx *ctx, const struct stmt_word *number, const struct stmt_word *unit,
	int64_t min, int64_t max, int64_t *out_ms)
{
	int64_t n, ms;

	if (!stmt_number(number, 0, INT64_MAX, &n, ctx->errors) ||
		!conf_word_value(ctx, time_units, unit, &ms))
		return false;
	if (n > INT64_MAX / ms || n * ms < min || n * ms > max) {
		stmt_error(ctx->errors, number->pos,
			"%s %s is out of range: expected a time from %" PRId64 " to %" PRId64
			" seconds", number->text, unit->text, min / MS_PER_SECOND,
			max / MS_PER_SECOND);
		return false;
	}
	*out_ms = n * ms;
	return true;
}

/* "10sec": digits, then a letter. */
static bool
split_time(struct conf_ctx *ctx, const struct stmt_word *w, struct stmt_word *number,
	struct stmt_word *unit)
{
	size_t digits = strspn(w->text, "0123456789");

	if (w->kind != STMT_BARE || digits == 0 || w->text[digits] < 'A')
		return false;
	*number = *unit = *w;
	number->text = arena_strndup(ctx->arena, w->text, digits);
	unit->text = w->text + digits;
	unit->pos.column += (unsigned)digits;
	return number->text != NULL;
}

size_t
conf_time_at(struct conf_ctx *ctx, const struct stmt *s, size_t at, int64_t min_ms, int64_t max_ms,
	int64_t *out_ms)
{
	struct stmt_word number, unit;

	if (at >= s->words) {
		stmt_error(ctx->errors, s->end, "expected a time: a number and sec, min or hour");
		return 0;
	}
	if (split_time(ctx, &s->word[at], &number, &unit))
		return conf_time_value(ctx, &number, &unit, min_ms, max_ms, out_ms) ? 1 : 0;
	if (at + 1 >= s->words) {
		stmt_error(ctx->errors, s->end,
			"unit is missing: expected sec, min or hour after \"%s\"",
			s->word[at].text);
		return 0;
	}
	return conf_time_value(ctx, &s->word[at], &s->word[at + 1], min_ms, max_ms, out_ms) ? 2 : 0;
}

bool
conf_set_time(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	int64_t ms;
	size_t used = s->words < 2 ? 2 : conf_time_at(ctx, s, 1, row->min, row_max(row), &ms);

	if (used == 0 || !want_words(ctx, row, s, used))
		return false;
	*(int64_t *)field_of(row, into) = ms;
	return true;
}

bool
conf_set_string(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	if (!want_words(ctx, row, s, 1))
		return false;
	if (s->word[1].kind != STMT_STRING && s->word[1].kind != STMT_BARE) {
		stmt_error(ctx->errors, s->word[1].pos, "expected \"%s %s\"", row->keyword,
			row->shape);
		return false;
	}
	*(const char **)field_of(row, into) = s->word[1].text;
	return true;
}

bool
conf_set_word(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	return want_words(ctx, row, s, 1) &&
		conf_word_value(ctx, row->words, &s->word[1], field_of(row, into));
}

static bool
is_generic(const struct conf_row *row)
{
	return row->set == conf_set_number || row->set == conf_set_switch ||
		row->set == conf_set_time || row->set == conf_set_string ||
		row->set == conf_set_word;
}

void
conf_defaults(const struct conf_row *table, void *into)
{
	for (const struct conf_row *row = table; row->keyword != NULL; row++) {
		void *field = field_of(row, into);

		if (row->set == conf_set_number || row->set == conf_set_time ||
			row->set == conf_set_word)
			*(int64_t *)field = row->def;
		else if (row->set == conf_set_switch)
			*(bool *)field = row->def != 0;
		else if (row->set == conf_set_string)
			*(const char **)field = NULL;
	}
}

/* ------------------------------------------------------------------------------------- reading */

static void
unknown_keyword(struct conf_ctx *ctx, const struct conf_row *table, const struct stmt_word *w)
{
	const char *names[ROWS_MAX] = { NULL };
	const char *nearest;

	for (size_t i = 0; i + 1 < ROWS_MAX && table[i].keyword != NULL; i++)
		names[i] = table[i].keyword;
	if (w->kind != STMT_BARE) {
		stmt_error(ctx->errors, w->pos, "expected a keyword, found %s \"%s\"",
			w->kind == STMT_STRING ? "the string" : "the value", w->text);
		return;
	}
	nearest = text_nearest(w->text, names);
	if (nearest != NULL)
		stmt_error(ctx->errors, w->pos, "unknown keyword \"%s\": did you mean \"%s\"?",
			w->text, nearest);
	else
		stmt_error(ctx->errors, w->pos,
			"unknown keyword \"%s\": it is not one of this place's statements",
			w->text);
}

static const struct conf_row *
row_of(const struct conf_row *table, const struct stmt_word *w)
{
	for (const struct conf_row *row = table; row->keyword != NULL; row++)
		if (w->kind == STMT_BARE && strcmp(row->keyword, w->text) == 0)
			return row;
	return NULL;
}

/* A block where the shape has none, or none where it has one; either is fine where it has both. */
static bool
block_as_shaped(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s)
{
	bool wants_block, wants_semicolon;

	if (row->shape == NULL)
		return true;
	wants_block = strchr(row->shape, '{') != NULL;
	wants_semicolon = strchr(row->shape, ';') != NULL;
	if (s->has_block && !wants_block) {
		stmt_error(ctx->errors, s->pos,
			"\"%s\" takes no block: expected \"%s %s\", is a \";\" missing?",
			row->keyword, row->keyword, row->shape);
		return false;
	}
	if (!s->has_block && wants_block && !wants_semicolon) {
		stmt_error(ctx->errors, s->end, "expected \"{\": the form is \"%s %s\"",
			row->keyword, row->shape);
		return false;
	}
	return true;
}

static bool
read_row(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	return block_as_shaped(ctx, row, s) && row->set(ctx, row, s, into);
}

bool
conf_read_stmt(struct conf_ctx *ctx, const struct conf_row *table, const struct stmt *s, void *into)
{
	const struct conf_row *row = row_of(table, &s->word[0]);

	if (row != NULL)
		return read_row(ctx, row, s, into);
	unknown_keyword(ctx, table, &s->word[0]);
	return false;
}

bool
conf_read_block(struct conf_ctx *ctx, const struct conf_row *table, struct stmt *const *stmts,
	size_t count, void *into)
{
	const struct stmt *seen[ROWS_MAX] = { NULL };
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		const struct stmt *s = stmts[i];
		const struct conf_row *row = row_of(table, &s->word[0]);
		size_t at = row == NULL ? ROWS_MAX : (size_t)(row - table);

		if (at < ROWS_MAX && is_generic(row)) {
			if (seen[at] != NULL) {
				stmt_error(ctx->errors, s->pos,
					"\"%s\" is given twice: it is at line %u already",
					row->keyword, seen[at]->pos.line);
				good = false;
				continue;
			}
			seen[at] = s;
		}
		if (!conf_read_stmt(ctx, table, s, into))
			good = false;
	}
	return good;
}

/* ------------------------------------------------------------------------------------ printing */

static bool
print_number(const struct conf_row *row, int64_t value, bool all, struct text *out)
{
	if (!all && value == row->def)
		return false;
	text_addf(out, "%" PRId64, value);
	return true;
}

static bool
print_time(const struct conf_row *row, int64_t value, bool all, struct text *out)
{
	const struct conf_word *unit = time_units;

	if (!all && value == row->def)
		return false;
	while (strcmp(unit->name, "sec") != 0 && (value == 0 || value % unit->value != 0))
		unit++;
	text_addf(out, "%" PRId64 " %s", value / unit->value, unit->name);
	return true;
}

static bool
print_word(const struct conf_row *row, int64_t value, bool all, struct text *out)
{
	if (!all && value == row->def)
		return false;
	for (const struct conf_word *w = row->words; w->name != NULL; w++)
		if (w->value == value) {
			text_add(out, w->name);
			return true;
		}
	return false;
}

static bool
print_string(const char *value, struct text *out)
{
	if (value == NULL)
		return false;
	text_addf(out, "\"%s\"", value);
	return true;
}

/* The value of a row with a generic setter, as it would be typed; false: leave the row out. */
static bool
print_natural(const struct conf_row *row, const void *from, bool all, struct text *out)
{
	const void *field = field_in(row, from);

	if (row->set == conf_set_number)
		return print_number(row, *(const int64_t *)field, all, out);
	if (row->set == conf_set_time)
		return print_time(row, *(const int64_t *)field, all, out);
	if (row->set == conf_set_word)
		return print_word(row, *(const int64_t *)field, all, out);
	if (row->set == conf_set_string)
		return print_string(*(const char *const *)field, out);
	if (row->set != conf_set_switch || (!all && *(const bool *)field == (row->def != 0)))
		return false;
	text_add(out, *(const bool *)field ? "on" : "off");
	return true;
}

void
conf_print(const struct conf_row *table, const void *from, const char *indent, bool all,
	struct text *out)
{
	struct text value = { 0 };

	for (const struct conf_row *row = table; row->keyword != NULL; row++) {
		text_clear(&value);
		if (row->print == NULL ? !print_natural(row, from, all, &value) :
					 !row->print(row, from, &value))
			continue;
		text_addf(out, "%s%s %s;\n", indent, row->keyword, text_str(&value));
	}
	if (value.failed)
		out->failed = true;
	text_free(&value);
}
