/*
 * stmt.h - the statement reader: one lexer for racoon.conf, setkey scripts, racoon2.conf and the
 * services file.
 *
 * A statement is a run of words closed by `;` or by a block `{ … }` (a `;` after the block is
 * optional).  Words are bare (`10.0.0.0/8`, `esp/tunnel/1.1.1.1-2.2.2.2/require`, `0x1000`),
 * strings (`"..."`, no escapes), bracketed (`[500]`: the text inside), or a lone comma.  `#` begins
 * a comment outside strings; when it begins in column 1 a `#!` line is a comment like any other.
 * Every word carries file, line and column, so that any later check can point at it.
 */
#ifndef LIB_STMT_H
#define LIB_STMT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/status.h"
#include "lib/text.h"

enum {
	STMT_NESTING_MAX = 8,     /* blocks within blocks */
	STMT_WORDS_MAX = 4096,    /* words in one statement */
	STMT_WORD_MAX = 4096,     /* octets in one word */
	STMT_ERRORS_MAX = 50,     /* reported before the reader gives up */
};

struct stmt_pos {
	const char *file; /* lives as long as the arena */
	unsigned line, column; /* from 1; column counts octets */
};

enum stmt_kind { STMT_BARE, STMT_STRING, STMT_BRACKET, STMT_COMMA };

struct stmt_word {
	enum stmt_kind kind;
	const char *text; /* NUL-terminated, without quotes or brackets; "," for a comma */
	struct stmt_pos pos;
};

struct stmt {
	struct stmt_word *word; /* at least one */
	size_t words;
	bool has_block;
	struct stmt **block; /* the statements inside { } */
	size_t block_count;
	struct stmt_pos pos; /* of the first word */
	struct stmt_pos end; /* of the `;`, the `}`, or the end of the file */
};

/*
 * Errors are collected as finished lines "FILE:LINE:COLUMN: text\n" so that everything wrong with a
 * file is reported at once.
 */
struct stmt_errors {
	struct text text;
	unsigned count;
	struct text warnings; /* same form */
	unsigned warning_count;
};

void stmt_error(struct stmt_errors *e, struct stmt_pos pos, const char *fmt, ...) ATTR_PRINTF(3, 4);
void stmt_warn(struct stmt_errors *e, struct stmt_pos pos, const char *fmt, ...) ATTR_PRINTF(3, 4);
void stmt_errors_free(struct stmt_errors *e);

struct stmt_reader; /* over a text that stays valid while reading */

struct stmt_reader *stmt_open(const char *file, struct bytes text, struct stmt_errors *errors);
void stmt_close(struct stmt_reader *r);
/*
 * The next top-level statement, allocated in `arena`; NULL at the end of the text.  After a syntax
 * error the reader skips to the next `;` or balanced `}` and goes on, so callers see every sound
 * statement and errors->count tells that the file as a whole is bad.
 */
struct stmt *stmt_next(struct stmt_reader *r, struct arena *arena);

/* Read a whole file, bounded (STMT_FILE_MAX octets); "-" is standard input. */
enum { STMT_FILE_MAX = 64 << 20 };
enum status stmt_load(const char *path, struct text *out, char *why, size_t why_size)
	ATTR_NODISCARD;

/* Values of words, with errors that name what was expected; false and an error when it is none. */
bool stmt_number(const struct stmt_word *w, int64_t min, int64_t max, int64_t *out,
	struct stmt_errors *e); /* decimal or 0x hexadecimal */

#endif
