/*
 * acc.h - accept and reject lists: may this address use the service?
 *
 * Called by the server for each connection that comes over IP, and for each request that such a
 * session sends to another service.  Pure; knows no names, only addresses and nets.
 *
 * The most specific rule that contains the address decides; where a rejection and an acceptance are
 * equally specific the rejection wins.  When no rule contains it, it is accepted only if there is
 * no accepting rule at all.  An IPv4-mapped IPv6 address is the IPv4 address, in rules as in peers.
 */
#ifndef LIB_ACC_H
#define LIB_ACC_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/net.h"

enum { ACC_RULES_MAX = 128 }; /* of one service */

struct acc_rule {
	struct net_prefix net;
	bool accept;
	bool is_net; /* written as a net, not as a host: for printing only */
};

struct acc_list {
	struct acc_rule rule[ACC_RULES_MAX];
	size_t count;
};

/* Text of a host or net; false: it is not one, or (a host) has a length. */
bool acc_rule_parse(const char *text, bool is_net, bool accept, struct acc_rule *out);
/* *decided (may be NULL): the rule that decided, NULL when none contains the address. */
bool acc_accepts(const struct acc_list *l, const struct net_addr *from,
	const struct acc_rule **decided);

#endif
