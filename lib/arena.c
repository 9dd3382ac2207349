/*
 * arena.c - capped arenas: a chain of chunks, handed out from the front, freed together.
 *
 * Called by parsers and engines.  It never gives out more than the cap, counting what was asked for
 * and the rounding, and it wipes before it frees, because keys pass through arenas.
 */
#include "lib/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/secret.h"

enum { CHUNK_FIRST = 1024, CHUNK_MAX = 256 << 10 };

struct chunk {
	struct chunk *next;
	size_t size, used;
	alignas(max_align_t) uint8_t data[];
};

struct arena {
	struct chunk *chunks; /* the newest first: it is the one with room */
	size_t cap, used;
	size_t grow; /* size of the next chunk, if no block needs more */
};

struct arena *
arena_new(size_t cap)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a != NULL) {
		a->cap = cap;
		a->grow = CHUNK_FIRST;
	}
	return a;
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	for (struct chunk *c = a->chunks, *next; c != NULL; c = next) {
		next = c->next;
		wipe(c->data, c->used);
		free(c);
	}
	free(a);
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}

static struct chunk *
chunk_add(struct arena *a, size_t need)
{
	size_t size = need > a->grow ? need : a->grow; /* a large block makes no others large */
	struct chunk *c = calloc(1, sizeof(*c) + size);

	if (c == NULL)
		return NULL;
	if (a->grow < CHUNK_MAX)
		a->grow *= 2;
	c->size = size;
	c->next = a->chunks;
	a->chunks = c;
	return c;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct chunk *c = a->chunks;
	void *p;

	if (n > a->cap || n > SIZE_MAX - align)
		return NULL;
	n = n == 0 ? align : (n + align - 1) / align * align;
	if (n > a->cap - a->used)
		return NULL;
	if (c == NULL || n > c->size - c->used) {
		c = chunk_add(a, n);
		if (c == NULL)
			return NULL;
	}
	p = c->data + c->used;
	c->used += n;
	a->used += n;
	return p;
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		return NULL;
	return arena_alloc(a, n);
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p;

	n = strnlen(s, n);
	p = arena_alloc(a, n + 1);
	if (p != NULL)
		memcpy(p, s, n);
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

struct bytes
arena_dup(struct arena *a, struct bytes b)
{
	uint8_t *p = b.n == 0 ? NULL : arena_alloc(a, b.n);

	if (p == NULL)
		return (struct bytes){ 0 };
	memcpy(p, b.p, b.n);
	return bytes_of(p, b.n);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *p;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	p = arena_alloc(a, (size_t)n + 1);
	if (p == NULL)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
