/*
 * text.h - a growing, bounded, NUL-terminated string.  Past its limit, or out of memory, `failed`
 * is set and nothing more is appended: checked once by whoever uses the result.
 */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"
#include "lib/bytes.h"

enum { TEXT_LIMIT = 16 << 20 };

struct text { /* zero-initialised = empty */
	char *p; /* NULL or NUL-terminated */
	size_t n, room;
	size_t limit; /* 0 = TEXT_LIMIT */
	bool failed;
};

void text_free(struct text *t);  /* wipes, frees, back to empty */
void text_clear(struct text *t); /* keeps the room */
void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t n);
/* Room for n more characters, for the caller to fill, a NUL behind them; NULL: none, it failed. */
char *text_room(struct text *t, size_t n) ATTR_NODISCARD;
void text_addf(struct text *t, const char *fmt, ...) ATTR_PRINTF(2, 3);
void text_addv(struct text *t, const char *fmt, va_list ap) ATTR_PRINTF(2, 0);
void text_add_hex(struct text *t, struct bytes b);
const char *text_str(const struct text *t); /* never NULL */

/* Case-insensitive ASCII helpers, free of the locale. */
bool text_same(const char *a, const char *b);
bool text_prefix(const char *prefix, const char *s); /* s begins with prefix, any case */
/* The word of `words` (NULL-terminated) nearest to `word` by edits, else one that begins with it,
 * or NULL if none is near. */
const char *text_nearest(const char *word, const char *const *words);
/* Glob with * and ?, (% like ? when vms), any case. */
bool text_glob(const char *pattern, const char *s, bool vms);
/* Octets of the well-formed UTF-8 character at s (n octets left), 0 when it is not one. */
size_t text_utf8(const char *s, size_t n);

#endif
