/*
 * conf.h - directive tables over statements: one row gives parsing, range errors, "did you mean",
 * defaults, the dump that reads back, and the help text.
 *
 * A configuration is a set of plain structs.  Each block type (top level, `remote`, `proposal` …)
 * has one table of rows; a row says which keyword fills which field, how, within which limits.
 */
#ifndef LIB_CONF_H
#define LIB_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/stmt.h"

struct conf_ctx { /* one reading of one configuration */
	struct arena *arena;        /* owns everything the result points into */
	struct stmt_errors *errors;
	void *user;                 /* the root of the model being filled */
};

struct conf_word { /* an enumerated word and its value; arrays end with { NULL, 0 } */
	const char *name;
	int64_t value;
};

struct conf_row;

/*
 * Fill row->offset within `into` from s->word[1...]; report through ctx->errors, return false when
 * the words are not what row->shape promises.  Generic setters are below; private ones have the
 * same type.
 */
typedef bool conf_setter(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into);
/* Append the directive's current value, as words after the keyword, to out; false: leave it out. */
typedef bool conf_printer(const struct conf_row *row, const void *from, struct text *out);

struct conf_row {
	const char *keyword;           /* "dpd_delay"; NULL ends a table */
	const char *shape;             /* its arguments as the manual writes them: "number;" */
	conf_setter *set;
	conf_printer *print;           /* NULL: the setter's own (generic setters), or none */
	size_t offset;                 /* of the field in the struct that the block fills */
	const struct conf_word *words; /* for enumerations */
	int64_t min, max, def;         /* limits and default of numbers, milliseconds of times */
	const char *help;              /* one phrase */
};

/* int64_t */
bool conf_set_number(struct conf_ctx *, const struct conf_row *, const struct stmt *, void *);
/* bool: on off yes no */
bool conf_set_switch(struct conf_ctx *, const struct conf_row *, const struct stmt *, void *);
/* int64_t ms: number unit */
bool conf_set_time(struct conf_ctx *, const struct conf_row *, const struct stmt *, void *);
/* const char *: string or bare */
bool conf_set_string(struct conf_ctx *, const struct conf_row *, const struct stmt *, void *);
/* int64_t from row->words */
bool conf_set_word(struct conf_ctx *, const struct conf_row *, const struct stmt *, void *);

/* For private setters: one word of a list, and a number with its unit, with the same errors. */
bool conf_word_value(struct conf_ctx *ctx, const struct conf_word *words, const struct stmt_word *w,
	int64_t *out);
bool conf_time_value(struct conf_ctx *ctx, const struct stmt_word *number,
	const struct stmt_word *unit, int64_t min_ms, int64_t max_ms, int64_t *out_ms);

/* The same at s->word[at], where both may also be one word ("10sec"): how many words it took, or 0
 * and an error. */
size_t conf_time_at(struct conf_ctx *ctx, const struct stmt *s, size_t at, int64_t min_ms,
	int64_t max_ms, int64_t *out_ms);

/* Give every field with a generic setter its row's default. */
void conf_defaults(const struct conf_row *table, void *into);
/*
 * Read the statements of one block with one table.  Unknown keywords, wrong arguments and repeated
 * single-valued directives are errors with file:line:column, what was expected, and the nearest
 * keyword.  Goes on after an error; true when there was none.
 */
bool conf_read_block(struct conf_ctx *ctx, const struct conf_row *table, struct stmt *const *stmts,
	size_t count, void *into);
/* One statement with one table. */
bool conf_read_stmt(struct conf_ctx *ctx, const struct conf_row *table, const struct stmt *s,
	void *into);
/* Print every row that differs from its default (or all) as "keyword words;\n" with the indent. */
void conf_print(const struct conf_row *table, const void *from, const char *indent, bool all,
	struct text *out);

#endif
