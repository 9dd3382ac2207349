/*
 * arena.h - capped arenas: many allocations, one free.
 *
 * Engine code and parsers allocate only from arenas, so early returns need no clean-up.  The cap
 * bounds what one peer or one file can make us hold: past it, allocation returns NULL.  Memory is
 * zeroed when handed out and wiped when freed.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "lib/attr.h"
#include "lib/bytes.h"

struct arena;

struct arena *arena_new(size_t cap); /* NULL when out of memory */
void arena_free(struct arena *a);    /* NULL is fine; wipes */
size_t arena_used(const struct arena *a);

void *arena_alloc(struct arena *a, size_t n); /* zeroed, max aligned; NULL past the cap */
void *arena_array(struct arena *a, size_t count, size_t size); /* overflow-checked */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
struct bytes arena_dup(struct arena *a, struct bytes b); /* empty view when out of room */
char *arena_printf(struct arena *a, const char *fmt, ...) ATTR_PRINTF(2, 3);

#endif
