/*
 * heap.h - timer heap with intrusive nodes: set, move and cancel in O(log n), peek in O(1).
 */
#ifndef LIB_HEAP_H
#define LIB_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/when.h"

struct heap_node { /* zero-initialised = not armed */
	instant when;
	size_t place; /* 1-based; 0 = not in the heap */
};

struct heap {
	struct heap_node **node;
	size_t count, room;
};

void heap_free(struct heap *h);
/* Arm or re-arm; false: out of memory (only when newly armed). INSTANT_NEVER disarms. */
bool heap_set(struct heap *h, struct heap_node *n, instant when);
void heap_cancel(struct heap *h, struct heap_node *n);
bool heap_armed(const struct heap_node *n);
instant heap_deadline(const struct heap *h); /* INSTANT_NEVER when empty */
/* Take the earliest node that is due at now, or NULL. */
struct heap_node *heap_due(struct heap *h, instant now);

#endif
