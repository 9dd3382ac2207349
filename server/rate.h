/*
 * rate.h - how often one source may do something: token buckets, as many as the limit allows.
 *
 * Called by the server for new connections and for refusals that it writes down.  Pure: time comes
 * with each call.  The table is small and fixed: when it is full the source that has been quiet
 * longest is forgotten, which favours it, never anybody else.
 */
#ifndef SERVER_RATE_H
#define SERVER_RATE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/net.h"
#include "lib/when.h"

enum { RATE_SOURCES_MAX = 256, RATE_NET6_BITS = 64 };

struct rate_source {
	struct net_addr from; /* IPv6: its /64, which one host may have to itself */
	instant since;        /* of `left` */
	int64_t left;         /* thousandths of what may still be done */
};

struct rate {
	struct rate_source source[RATE_SOURCES_MAX];
	size_t count;
};

/* May this source do it once more, `per_minute` being its share?  0: no limit. */
bool rate_take(struct rate *r, const struct net_addr *from, int64_t per_minute, instant now);
/* A local user as a source. */
struct net_addr rate_of_uid(unsigned uid);

#endif
