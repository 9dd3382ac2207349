/*
 * tickets.h - ESTABLISH/NOWAIT: a number at once, the end later.
 */
#ifndef RACOON_DAEMON_TICKETS_H
#define RACOON_DAEMON_TICKETS_H

#include "racoon/daemon/host.h"

enum { RD_TICKETS_MAX = 1024 }; /* the last ones; older ones are forgotten */

struct rd_ticket {
	uint64_t number; /* from 1; 0: none */
	struct net_addr remote;
	wall begun, ended; /* ended 0: under way */
	enum status status;
	char detail[160];
};

struct rd_tickets;

struct rd_tickets *rd_tickets_new(void); /* NULL: out of memory */
void rd_tickets_free(struct rd_tickets *t); /* after every command has been answered */
/* For a command under way: its end is the ticket's. The ticket's number; 0: out of memory. */
uint64_t rd_ticket_begin(struct rd *d, struct rd_tickets *t, const struct ike_command *command,
	uint64_t id);
/* Those still known, oldest first: index 0, 1 … until NULL. */
const struct rd_ticket *rd_ticket_at(const struct rd_tickets *t, unsigned index);
struct rd_tickets *rd_tickets_of(struct rd *d);

#endif
