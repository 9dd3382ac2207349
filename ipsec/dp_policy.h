/*
 * dp_policy.h - what the policies mean to the host: which routes lead to the TUN, and which packets
 * the guard against cleartext must drop.
 *
 * Pure bookkeeping, told of each policy as it comes and goes, so that one change among 10,000
 * policies is one route and one guard rule and never a new look at all of them.
 */
#ifndef IPSEC_DP_POLICY_H
#define IPSEC_DP_POLICY_H

#include "ipsec/dp_guard.h"
#include "ipsec/sa.h"
#include "lib/hash.h"

struct dp_sink { /* who carries it out */
	void *user;
	void (*route_set)(void *user, const struct net_prefix *dst, const struct net_addr *src);
	void (*route_remove)(void *user, const struct net_prefix *dst);
	void (*guard_add)(void *user, const struct dp_guard_rule *rule);
	void (*guard_remove)(void *user, const struct dp_guard_rule *rule);
	void (*guard_clear)(void *user);
	bool (*local)(void *user, const struct net_prefix *within, struct net_addr *out);
};

struct dp_policies;

struct dp_policies *dp_policies_new(const struct dp_sink *sink, struct hash_key key);
void dp_policies_free(struct dp_policies *ps); /* tells the sink nothing */

/* New, or changed (same id). False: out of memory, and the host no longer matches the SPD. */
bool dp_policy_put(struct dp_policies *ps, const struct ipsec_policy *p);
void dp_policy_remove(struct dp_policies *ps, uint32_t id); /* an unknown id is fine */
void dp_policies_clear(struct dp_policies *ps);
/* Local addresses changed: set all routes again with the preferred source of now. */
void dp_policies_readdress(struct dp_policies *ps);
/* Before each commit: the guard is built anew when the order asks for it. False: out of memory. */
bool dp_policies_settle(struct dp_policies *ps);
void dp_policies_rebuild(struct dp_policies *ps); /* at the next settle, whatever changed */

bool dp_policies_routed(const struct dp_policies *ps, const struct net_prefix *dst);
size_t dp_policies_routes(const struct dp_policies *ps);
size_t dp_policies_guarded(const struct dp_policies *ps); /* guard rules */
/* Policies that let cleartext pass but stand behind too many changes of verdict: cleartext that
 * fits them is dropped when a later policy wants protection. 0 is usual. */
size_t dp_policies_crowded(const struct dp_policies *ps);

#endif
