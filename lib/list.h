/* list.h - circular doubly linked lists with intrusive nodes. */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"

struct list {
	struct list *next, *prev;
};

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l || l->next == NULL;
}

static inline void
list_insert_before(struct list *at, struct list *n)
{
	n->next = at;
	n->prev = at->prev;
	at->prev->next = n;
	at->prev = n;
}

static inline void
list_append(struct list *head, struct list *n)
{
	list_insert_before(head, n);
}

static inline void
list_prepend(struct list *head, struct list *n)
{
	list_insert_before(head->next, n);
}

static inline void
list_remove(struct list *n) /* no-op on a node in no list */
{
	if (n->next == NULL)
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = NULL;
}

/* The body may remove `at`, not its successor. */
#define LIST_FOREACH(at, head)                                                                     \
	for (struct list *at = (head)->next, *at##_next = at->next; at != (head);                  \
		at = at##_next, at##_next = at->next)

#endif
