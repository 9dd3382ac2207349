/*
 * heap.c - a binary heap of intrusive timer nodes.
 *
 * Called by engines and their hosts to know the next deadline.  It never calls back: due nodes are
 * taken one by one by whoever holds the heap.
 */
#include "lib/heap.h"

#include <stdlib.h>

enum { ROOM_MIN = 32 };

void
heap_free(struct heap *h)
{
	for (size_t i = 0; i < h->count; i++)
		h->node[i]->place = 0;
	free(h->node);
	*h = (struct heap){ 0 };
}

static void
put_at(struct heap *h, size_t place, struct heap_node *n)
{
	h->node[place - 1] = n;
	n->place = place;
}

/* Let n, which stands at place, rise or sink to where it belongs. */
static void
settle(struct heap *h, size_t place, struct heap_node *n)
{
	while (place > 1 && n->when.ms < h->node[place / 2 - 1]->when.ms) {
		put_at(h, place, h->node[place / 2 - 1]);
		place /= 2;
	}
	while (place <= h->count / 2) {
		size_t child = place * 2;

		if (child < h->count && h->node[child]->when.ms < h->node[child - 1]->when.ms)
			child++;
		if (n->when.ms <= h->node[child - 1]->when.ms)
			break;
		put_at(h, place, h->node[child - 1]);
		place = child;
	}
	put_at(h, place, n);
}

static bool
make_room(struct heap *h)
{
	size_t room = h->room == 0 ? ROOM_MIN : h->room * 2;
	struct heap_node **node;

	if (h->count < h->room)
		return true;
	node = reallocarray(h->node, room, sizeof(*node));
	if (node == NULL)
		return false;
	h->node = node;
	h->room = room;
	return true;
}

bool
heap_set(struct heap *h, struct heap_node *n, instant when)
{
	if (when.ms == INT64_MAX) {
		heap_cancel(h, n);
		return true;
	}
	if (n->place == 0) {
		if (!make_room(h))
			return false;
		n->place = ++h->count;
		h->node[n->place - 1] = n;
	}
	n->when = when;
	settle(h, n->place, n);
	return true;
}

void
heap_cancel(struct heap *h, struct heap_node *n)
{
	size_t place = n->place;
	struct heap_node *last;

	if (place == 0)
		return;
	last = h->node[--h->count];
	n->place = 0;
	if (last != n)
		settle(h, place, last);
}

bool
heap_armed(const struct heap_node *n)
{
	return n->place != 0;
}

instant
heap_deadline(const struct heap *h)
{
	return h->count == 0 ? INSTANT_NEVER : h->node[0]->when;
}

struct heap_node *
heap_due(struct heap *h, instant now)
{
	struct heap_node *n;

	if (h->count == 0 || !instant_reached(h->node[0]->when, now))
		return NULL;
	n = h->node[0];
	heap_cancel(h, n);
	return n;
}
