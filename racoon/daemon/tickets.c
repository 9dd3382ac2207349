/*
 * tickets.c - what became of ESTABLISH/NOWAIT: a ring of the last ones.
 *
 * Called by verbs.c when one is begun and by SHOW TICKETS.  Its end is logged, so that MONITOR
 * tells it.
 */
#include "racoon/daemon/tickets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/list.h"
#include "lib/log.h"

struct rd_tickets {
	struct rd_ticket ring[RD_TICKETS_MAX];
	uint64_t count; /* ever begun; the number of the next one is one more */
	struct list waiting;
};

struct waiting { /* from the command's begin to its end */
	struct list node;
	struct rd_tickets *tickets;
	uint64_t number;
};

struct rd_tickets *
rd_tickets_new(void)
{
	struct rd_tickets *t = calloc(1, sizeof(*t));

	if (t != NULL)
		list_init(&t->waiting);
	return t;
}

void
rd_tickets_free(struct rd_tickets *t)
{
	if (t == NULL)
		return;
	while (!list_empty(&t->waiting)) {
		struct waiting *w = container_of(t->waiting.next, struct waiting, node);

		list_remove(&w->node);
		free(w);
	}
	free(t);
}

static struct rd_ticket *
find(struct rd_tickets *t, uint64_t number)
{
	struct rd_ticket *k = &t->ring[number % RD_TICKETS_MAX];

	return k->number == number ? k : NULL;
}

static void
replied(void *user, enum status status, const struct net_endpoint *remote, const char *detail)
{
	struct waiting *w = user;
	struct rd_ticket *k = find(w->tickets, w->number);
	char message[512], peer[NET_ADDR_TEXT];

	(void)remote;
	status_format(message, sizeof(message), status, NULL, detail);
	if (k != NULL) { /* else many others have begun since */
		k->ended = when_wall();
		k->status = status;
		snprintf(k->detail, sizeof(k->detail), "%s", detail);
		net_addr_text(peer, sizeof(peer), &k->remote);
		log_line(LOG_L_INFO, peer, "ticket %" PRIu64 ": %s", w->number, message);
	} else {
		log_line(LOG_L_INFO, NULL, "ticket %" PRIu64 ": %s", w->number, message);
	}
	list_remove(&w->node);
	free(w);
}

uint64_t
rd_ticket_begin(struct rd *d, struct rd_tickets *t, const struct ike_command *command, uint64_t id)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return 0;
	w->tickets = t;
	w->number = ++t->count;
	t->ring[w->number % RD_TICKETS_MAX] = (struct rd_ticket){ .number = w->number,
		.remote = command->remote, .begun = when_wall() };
	list_append(&t->waiting, &w->node);
	rd_hand_over(d, id, replied, w);
	return w->number;
}

const struct rd_ticket *
rd_ticket_at(const struct rd_tickets *t, unsigned index)
{
	uint64_t kept = t->count < RD_TICKETS_MAX ? t->count : RD_TICKETS_MAX;

	return index < kept ? &t->ring[(t->count - kept + index + 1) % RD_TICKETS_MAX] : NULL;
}
