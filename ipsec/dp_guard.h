/*
 * dp_guard.h - the guard against cleartext: packets that an inbound policy wants protected and that
 * come in unprotected never pass the TUN, so the host's packet filter must drop and count them.
 *
 * A rule is a selector and what to do with packets that fit.  Ranks are looked at in order, 0
 * first; within one rank all rules have the same verdict.  Changes are gathered and take effect
 * together with dp_guard_commit.  Whatever the rules say, IKE, the protocols of IPsec themselves,
 * IPv6's neighbour discovery and what comes to a socket with the bypass mark pass.
 */
#ifndef IPSEC_DP_GUARD_H
#define IPSEC_DP_GUARD_H

#include "ipsec/sa.h"

enum {
	DP_GUARD_RANKS_MAX = 32,
	DP_GUARD_SHAPES_MAX = 4096, /* different (rank, prefix lengths, kind of ports) */
};

struct dp_guard;

struct dp_guard_rule { /* zeroed before it is filled: compared by its octets */
	struct net_addr src, dst; /* masked, of one family */
	uint8_t src_len, dst_len;
	uint8_t proto;            /* SP_UPPER_ANY: any, and then no ports */
	uint8_t rank;
	uint16_t sport, dport;    /* 0 = any; ICMP, ICMPv6: type and code, plus 1 */
	bool forwarded_only;      /* of a fwd policy */
	bool drop;                /* else let it pass, whatever later ranks say */
};

/* Tables of a killed predecessor, which hold until now, go. */
void dp_guard_sweep(struct dp_guard *g);
/* tun: index of the interface that decrypted packets come from. NULL: no packet filter, see why. */
/* strict: a strict reverse path filter is to find the way to peers that our routes lead to. */
struct dp_guard *dp_guard_open(unsigned tun, bool strict, char *why, size_t why_size);
void dp_guard_close(struct dp_guard *g); /* removes the table; NULL is fine */

void dp_guard_add(struct dp_guard *g, const struct dp_guard_rule *rule);
void dp_guard_remove(struct dp_guard *g, const struct dp_guard_rule *rule);
void dp_guard_clear(struct dp_guard *g); /* drops everything gathered and everything in effect */
/* False: the kernel refused; nothing of what was gathered is in effect. */
bool dp_guard_commit(struct dp_guard *g, char *why, size_t why_size);
/* Packets dropped since the last call. */
uint64_t dp_guard_dropped(struct dp_guard *g);

#endif
