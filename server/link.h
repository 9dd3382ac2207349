/*
 * link.h - the master's end of a service's channel: requests out with an ID, answers back in.
 *
 * See lib/ctl_channel.h for what is on the wire.  Pure: octets in, octets out through the
 * transport. Whatever happens, every request gets an end: the service's last line, ST_SERVICELOST
 * when the channel goes, ST_TIMEOUT when the service stays silent though asked for a sign of life.
 */
#ifndef SERVER_LINK_H
#define SERVER_LINK_H

#include "lib/ctl.h"
#include "lib/when.h"

enum {
	/* octets a service may leave unread before requests are refused */
	LINK_UNSENT_MAX = 1 << 20,
	LINK_PROBE_MS = 5000,       /* silence with requests under way: ask for a sign of life */
	LINK_SILENT_MS = 20000,     /* silence after which the requests are given up */
};

struct link;

struct link_owner {
	void *user;
	void (*ready)(void *user);                   /* the service said +READY */
	/* +EVENT text, +EVENT:classes text */
	void (*event)(void *user, unsigned classes, const char *text);
	/* +AUDIT: a request that changed something has ended */
	void (*audit)(void *user, const char *who, const char *line, enum status result);
};

/* A request of the master's own: each line without its end; last ends it; lost: no more comes. */
typedef void link_lines(void *user, struct bytes line, bool last, bool lost);

struct link *link_new(const struct ctl_transport *t, const struct link_owner *owner);
/* The transport is gone: everything under way ends with `status` and the detail. */
void link_free(struct link *l, enum status status, const char *detail);
void link_input(struct link *l, struct bytes octets, instant now);
/* Relay a call: it ends when the service has answered. */
void link_relay(struct link *l, struct ctl_call *call, const char *request, instant now);
/* False: could not be sent. lines may be NULL. */
bool link_ask(struct link *l, const char *request, link_lines *lines, void *user, instant now);
void link_tick(struct link *l, instant now); /* about every second */
/* For the image that takes over: the last ID used, and the line that is not whole yet. */
uint32_t link_state(const struct link *l, struct bytes *partial);
void link_restore(struct link *l, uint32_t last_id, struct bytes partial);
size_t link_busy(const struct link *l);      /* requests under way */

#endif
