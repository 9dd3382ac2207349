/*
 * text.c - growing, bounded strings, and the word helpers that do not depend on the locale.
 *
 * Called by everything that writes for people.  It never exceeds a text's limit; a failure is
 * remembered in the text itself, so that callers check once.
 */
#include "lib/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/secret.h"

enum { ROOM_MIN = 128, NEAREST_WORD_MAX = 48 };

void
text_free(struct text *t)
{
	size_t limit = t->limit;

	if (t->p != NULL) {
		wipe(t->p, t->room);
		free(t->p);
	}
	*t = (struct text){ .limit = limit };
}

void
text_clear(struct text *t)
{
	t->n = 0;
	t->failed = false;
	if (t->p != NULL)
		t->p[0] = '\0';
}

/* Room for n more characters and the NUL. The old buffer is wiped when it moves. */
static bool
make_room(struct text *t, size_t n)
{
	size_t limit = t->limit == 0 ? TEXT_LIMIT : t->limit;
	size_t room = t->room == 0 ? ROOM_MIN : t->room;
	char *p;

	if (t->failed || n > limit || t->n > limit - n) {
		t->failed = true;
		return false;
	}
	if (t->n + n + 1 <= t->room)
		return true;
	while (room < t->n + n + 1)
		room *= 2;
	p = malloc(room);
	if (p == NULL) {
		t->failed = true;
		return false;
	}
	if (t->p != NULL) {
		memcpy(p, t->p, t->n);
		wipe(t->p, t->room);
		free(t->p);
	}
	p[t->n] = '\0';
	t->p = p;
	t->room = room;
	return true;
}

void
text_add_n(struct text *t, const char *s, size_t n)
{
	char *at = text_room(t, n);

	if (at == NULL)
		return;
	if (n != 0)
		memcpy(at, s, n);
	at[n] = '\0';
}

char *
text_room(struct text *t, size_t n)
{
	if (!make_room(t, n))
		return NULL;
	t->n += n;
	return t->p + t->n - n;
}

void
text_add(struct text *t, const char *s)
{
	text_add_n(t, s, strlen(s));
}

void
text_addv(struct text *t, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	size_t left = t->failed ? 0 : t->room - t->n;

	va_copy(again, ap);
	n = vsnprintf(left == 0 ? NULL : t->p + t->n, left, fmt, ap);
	if (n < 0) {
		t->failed = true;
	} else if (make_room(t, (size_t)n)) {
		if ((size_t)n >= left) /* it did not fit as it was */
			vsnprintf(t->p + t->n, (size_t)n + 1, fmt, again);
		t->n += (size_t)n;
	}
	if (t->p != NULL)
		t->p[t->n] = '\0';
	va_end(again);
}

void
text_addf(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_addv(t, fmt, ap);
	va_end(ap);
}

void
text_add_hex(struct text *t, struct bytes b)
{
	if (b.n > SIZE_MAX / 2 - 1) {
		t->failed = true;
		return;
	}
	if (!make_room(t, 2 * b.n))
		return;
	bytes_to_hex(t->p + t->n, 2 * b.n + 1, b);
	t->n += 2 * b.n;
}

const char *
text_str(const struct text *t)
{
	return t->p == NULL ? "" : t->p;
}

/* --------------------------------------------------------------------------------------- words */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
text_same(const char *a, const char *b)
{
	while (*a != '\0' && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

bool
text_prefix(const char *prefix, const char *s)
{
	while (*prefix != '\0' && lower(*prefix) == lower(*s)) {
		prefix++;
		s++;
	}
	return *prefix == '\0';
}

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits (insert, delete, replace, swap of neighbours) from a to b; both short. */
static unsigned
edits(const char *a, size_t an, const char *b, size_t bn)
{
	unsigned row[3][NEAREST_WORD_MAX + 1];
	unsigned *before = row[0], *last = row[1], *now = row[2];

	for (size_t j = 0; j <= bn; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= an; i++) {
		unsigned *spare = before;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= bn; j++) {
			unsigned differ = lower(a[i - 1]) != lower(b[j - 1]);

			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + differ);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
				lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[bn];
}

/* Which characters there are: an edit puts in, and takes out, one of them at most. */
static uint64_t
letters(const char *s)
{
	uint64_t all = 0;

	for (; *s != '\0'; s++)
		all |= UINT64_C(1) << ((unsigned char)lower(*s) & 63);
	return all;
}

/* Surely more edits than that from a, with such letters, to b?  Costs less than to count them. */
static bool
far_apart(uint64_t a, size_t an, const char *b, size_t bn, unsigned most)
{
	uint64_t has;

	if ((an > bn ? an - bn : bn - an) > most)
		return true;
	has = letters(b);
	return (unsigned)__builtin_popcountll(a & ~has) > most ||
	       (unsigned)__builtin_popcountll(has & ~a) > most;
}

const char *
text_nearest(const char *word, const char *const *words)
{
	size_t n = strlen(word);
	unsigned best = n < 4 ? 1 : n < 8 ? 2 : 3; /* more edits than that are another word */
	const char *nearest = NULL, *longer = NULL;
	uint64_t has;

	if (n < 2 || n > NEAREST_WORD_MAX)
		return NULL;
	has = letters(word);
	for (; *words != NULL; words++) {
		size_t len = strlen(*words);
		unsigned d;

		if (len > NEAREST_WORD_MAX)
			continue;
		if (longer == NULL && n >= 3 && text_prefix(word, *words))
			longer = *words;
		if (far_apart(has, n, *words, len, best))
			continue;
		d = edits(word, n, *words, len);
		/* Two characters in common at least. */
		if (d > best || (n > len ? n : len) < d + 2)
			continue;
		/* Of two as near, the first, but a word that was merely cut short goes before. */
		if (nearest != NULL && d == best &&
			(text_prefix(word, nearest) || !text_prefix(word, *words)))
			continue;
		best = d;
		nearest = *words;
	}
	return nearest != NULL ? nearest : longer;
}

bool
text_glob(const char *pattern, const char *s, bool vms)
{
	const char *star = NULL, *retry = NULL;

	while (*s != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			retry = s;
			continue;
		}
		if (*pattern != '\0' && (*pattern == '?' || (vms && *pattern == '%') ||
			lower(*pattern) == lower(*s))) {
			pattern++;
			s++;
			continue;
		}
		if (star == NULL)
			return false;
		/* The last star swallows one more character: linear space, no recursion. */
		pattern = star;
		s = ++retry;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

size_t
text_utf8(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t len;
	uint32_t c;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	c = p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	/* RFC 3629 3: no overlong forms, no surrogates, nothing past U+10FFFF. */
	if ((len == 3 && c < 0x800) || (len == 4 && c < 0x10000) || c > 0x10ffff ||
		(c >= 0xd800 && c <= 0xdfff))
		return 0;
	return len;
}
