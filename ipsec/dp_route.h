/*
 * dp_route.h - the routes that bring outgoing traffic of policies to the TUN device, what the host
 * knows of its addresses, and the MTU towards an address.
 *
 * One private routing table holds a route to the TUN for each destination of an outbound policy;
 * one rule before the main table looks there for every packet without the bypass mark.  Changes are
 * gathered and take effect with dp_route_commit.
 */
#ifndef IPSEC_DP_ROUTE_H
#define IPSEC_DP_ROUTE_H

#include "lib/net.h"

enum {
	DP_ROUTE_TABLE = 22020,
	DP_ROUTE_PREFERENCE = 220, /* of the rule: after `local`, before `main` */
	DP_ROUTE_GATHER = 4096,    /* changes sent at once */
	DP_ADDRESSES_MAX = 4096,   /* local addresses looked at */
};

struct dp_route;

/* Opens netlink and learns the addresses. */
struct dp_route *dp_route_open(char *why, size_t why_size);
/* The rule; that of a killed predecessor serves as well. */
bool dp_route_start(struct dp_route *r, unsigned tun, char *why, size_t why_size);
/* Routes of a killed predecessor that nobody keeps go. */
void dp_route_sweep(struct dp_route *r, bool (*keep)(void *user, const struct net_prefix *dst),
	void *user);
void dp_route_close(struct dp_route *r); /* removes rule and routes; NULL is fine */

/* src: preferred source address of local traffic, or NULL. An existing route is replaced. */
void dp_route_set(struct dp_route *r, const struct net_prefix *dst, const struct net_addr *src);
void dp_route_remove(struct dp_route *r, const struct net_prefix *dst);
unsigned dp_route_commit(struct dp_route *r); /* returns how many were refused since the last one */

/* A local address within the prefix; the prefix's own address first. */
bool dp_route_local(const struct dp_route *r, const struct net_prefix *within,
	struct net_addr *out);
/* MTU of the path that marked packets to dst take, as far as the host knows; 0: no route. */
uint32_t dp_route_mtu(struct dp_route *r, const struct net_addr *dst);

int dp_route_fd(const struct dp_route *r); /* readable: call dp_route_events */
/* True when local addresses changed, so that preferred sources should be chosen again. */
bool dp_route_events(struct dp_route *r);

#endif
