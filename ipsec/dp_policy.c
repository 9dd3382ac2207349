/*
 * dp_policy.c - routes and guard rules from policies.
 *
 * Called by the datapath with every policy that the engine accepted.  Routes: one for each
 * destination of an outbound policy that protects or discards.  Guard: inbound policies in order of
 * priority (RFC 4301 4.4.1: the first that fits decides); neighbours with the same verdict share a
 * rank, so that a long list of `require` policies with a few exceptions needs few ranks.
 */
#include "ipsec/dp_policy.h"

#include <stdlib.h>
#include <string.h>

#include "lib/list.h"

enum {
	RULES_PER_POLICY = 5, /* `any` with ports stands for the protocols that have some */
	SOURCES_LOOKED_AT = 64, /* policies of one route asked for a local source */
	P_ICMP = 1, P_TCP = 6, P_UDP = 17, P_DCCP = 33, P_ICMP6 = 58, P_SCTP = 132, P_UDPLITE = 136,
};

static const uint8_t ported[RULES_PER_POLICY] = { P_TCP, P_UDP, P_SCTP, P_DCCP, P_UDPLITE };

struct route {
	struct hash_node node;
	struct net_prefix dst;
	struct list entries;
	bool has_src;
	struct net_addr src;
};

struct guarded { /* one guard rule and how many policies stand for it */
	struct hash_node node;
	struct dp_guard_rule rule;
	size_t uses;
};

struct entry {
	struct hash_node by_id;
	struct ipsec_policy p;
	uint64_t serial;
	struct route *route; /* outbound */
	struct list in_route;
	unsigned rules; /* inbound: how many, 0 when not guarded */
	struct guarded *rule[RULES_PER_POLICY];
};

struct dp_policies {
	struct dp_sink sink;
	struct hash_key key;
	struct hash_table by_id, routes, guards;
	uint64_t serial;
	size_t inbound, passing; /* inbound policies, those of them that let cleartext pass */
	bool rebuild;
	/* The last inbound policy in order, since the last rebuild. */
	uint32_t last_priority;
	bool last_drops;
	unsigned last_rank;
	size_t crowded;
};

/* ------------------------------------------------------------------------------------- routes */

static uint64_t
prefix_hash(const struct dp_policies *ps, const struct net_prefix *p)
{
	return hash_more(hash_bytes(&ps->key, p->addr.b, sizeof(p->addr.b)),
		(uint64_t)p->addr.family << 8 | p->len);
}

static bool
choose_source(struct dp_policies *ps, const struct route *r, struct net_addr *src)
{
	unsigned looked_at = 0;

	LIST_FOREACH(at, &r->entries) {
		struct entry *e = container_of(at, struct entry, in_route);

		if (looked_at++ == SOURCES_LOOKED_AT)
			break;
		if (ps->sink.local(ps->sink.user, &e->p.sel.src, src))
			return true;
	}
	return false;
}

static void
tell_route(struct dp_policies *ps, struct route *r, bool always)
{
	struct net_addr src = { 0 };
	bool has = choose_source(ps, r, &src);

	if (!always && has == r->has_src && net_addr_equal(&src, &r->src))
		return;
	r->has_src = has;
	r->src = src;
	ps->sink.route_set(ps->sink.user, &r->dst, has ? &r->src : NULL);
}

static struct route *
route_find(const struct dp_policies *ps, const struct net_prefix *dst)
{
	for (struct hash_node *n = hash_find(&ps->routes, prefix_hash(ps, dst)); n != NULL;
		n = hash_again(n)) {
		struct route *r = container_of(n, struct route, node);

		if (net_prefix_equal(&r->dst, dst))
			return r;
	}
	return NULL;
}

bool
dp_policies_routed(const struct dp_policies *ps, const struct net_prefix *dst)
{
	return route_find(ps, dst) != NULL;
}

static bool
route_add(struct dp_policies *ps, struct entry *e)
{
	struct net_prefix dst = e->p.sel.dst;
	struct route *r;

	net_prefix_mask(&dst);
	r = e->route = route_find(ps, &dst);
	if (r != NULL) {
		list_append(&r->entries, &e->in_route);
		if (!r->has_src)
			tell_route(ps, r, false);
		return true;
	}
	r = e->route = calloc(1, sizeof(*r));
	if (r == NULL)
		return false;
	r->dst = dst;
	list_init(&r->entries);
	list_append(&r->entries, &e->in_route);
	hash_insert(&ps->routes, &r->node, prefix_hash(ps, &dst));
	tell_route(ps, r, true);
	return true;
}

static void
route_leave(struct dp_policies *ps, struct entry *e)
{
	struct route *r = e->route;

	if (r == NULL)
		return;
	list_remove(&e->in_route);
	e->route = NULL;
	if (!list_empty(&r->entries)) {
		tell_route(ps, r, false);
		return;
	}
	ps->sink.route_remove(ps->sink.user, &r->dst);
	hash_remove(&ps->routes, &r->node);
	free(r);
}

/* -------------------------------------------------------------------------------------- guard */

/* Must cleartext that fits this policy be dropped? */
static bool
drops_cleartext(const struct ipsec_policy *p)
{
	if (p->action == SP_DISCARD)
		return true;
	if (p->action != SP_IPSEC)
		return false;
	for (unsigned i = 0; i < p->rules; i++)
		if (p->rule[i].level != SP_USE)
			return true;
	return false;
}

static uint32_t
priority_of(const struct ipsec_policy *p)
{
	return p->priority == 0 ? SP_PRIORITY_DEFAULT : p->priority;
}

static bool
has_ports(uint8_t proto)
{
	for (unsigned i = 0; i < RULES_PER_POLICY; i++)
		if (ported[i] == proto)
			return true;
	return proto == P_ICMP || proto == P_ICMP6;
}

static struct dp_guard_rule
rule_of(const struct ipsec_policy *p, unsigned rank)
{
	struct dp_guard_rule r;
	struct net_prefix src = p->sel.src, dst = p->sel.dst;

	memset(&r, 0, sizeof(r)); /* the padding too: rules are compared by their octets */
	net_prefix_mask(&src);
	net_prefix_mask(&dst);
	r.src = src.addr;
	r.dst = dst.addr;
	r.src_len = src.len;
	r.dst_len = dst.len;
	r.proto = p->sel.upper;
	r.rank = (uint8_t)rank;
	r.forwarded_only = p->dir == SP_FWD;
	r.drop = drops_cleartext(p);
	if (r.proto == SP_UPPER_ANY || has_ports(r.proto)) {
		r.sport = p->sel.sport;
		r.dport = p->sel.dport;
	}
	return r;
}

static struct guarded *
guard_use(struct dp_policies *ps, const struct dp_guard_rule *rule)
{
	uint64_t h = hash_bytes(&ps->key, rule, sizeof(*rule));
	struct guarded *g;

	for (struct hash_node *n = hash_find(&ps->guards, h); n != NULL; n = hash_again(n)) {
		g = container_of(n, struct guarded, node);
		if (memcmp(&g->rule, rule, sizeof(*rule)) == 0) {
			g->uses++;
			return g;
		}
	}
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return NULL;
	g->rule = *rule;
	g->uses = 1;
	hash_insert(&ps->guards, &g->node, h);
	ps->sink.guard_add(ps->sink.user, rule);
	return g;
}

static void
guard_leave(struct dp_policies *ps, struct entry *e)
{
	for (unsigned i = 0; i < e->rules; i++) {
		struct guarded *g = e->rule[i];

		if (--g->uses != 0)
			continue;
		ps->sink.guard_remove(ps->sink.user, &g->rule);
		hash_remove(&ps->guards, &g->node);
		free(g);
	}
	e->rules = 0;
}

static bool
guard_install(struct dp_policies *ps, struct entry *e, unsigned rank)
{
	struct dp_guard_rule rule = rule_of(&e->p, rank);
	bool several = rule.proto == SP_UPPER_ANY && (rule.sport != 0 || rule.dport != 0);

	for (unsigned i = 0; i < (several ? RULES_PER_POLICY : 1u); i++) {
		if (several)
			rule.proto = ported[i];
		e->rule[i] = guard_use(ps, &rule);
		if (e->rule[i] == NULL)
			return false;
		e->rules = i + 1;
	}
	return true;
}

/* Put the policy behind all others so far in order. */
static bool
guard_last(struct dp_policies *ps, struct entry *e)
{
	bool drops = drops_cleartext(&e->p);

	if (ps->last_rank + 1 < DP_GUARD_RANKS_MAX && drops != ps->last_drops)
		ps->last_rank++;
	/* Out of ranks: rather drop what might pass than let pass what must be protected. */
	if (drops != ps->last_drops && ps->last_rank + 1 == DP_GUARD_RANKS_MAX && !drops) {
		ps->crowded++;
		ps->last_priority = priority_of(&e->p);
		return true;
	}
	ps->last_drops = drops;
	ps->last_priority = priority_of(&e->p);
	return guard_install(ps, e, ps->last_rank);
}

static bool
guard_add(struct dp_policies *ps, struct entry *e)
{
	bool drops = drops_cleartext(&e->p);

	if (ps->inbound == 0) {
		ps->last_rank = 0;
		ps->last_priority = 0;
		ps->last_drops = drops;
		ps->crowded = 0;
	}
	ps->inbound++;
	ps->passing += !drops;
	if (ps->rebuild)
		return true;
	if (priority_of(&e->p) >= ps->last_priority)
		return guard_last(ps, e);
	/* Somewhere in the middle. Order matters only where verdicts differ. */
	if (drops && ps->passing == 0)
		return guard_install(ps, e, ps->last_rank);
	ps->rebuild = true;
	return true;
}

static int
by_order(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
	uint32_t px = priority_of(&x->p), py = priority_of(&y->p);

	if (px != py)
		return px < py ? -1 : 1;
	return x->serial < y->serial ? -1 : x->serial > y->serial;
}

static bool
is_inbound(const struct entry *e)
{
	return e->p.dir != SP_OUT && e->p.sel.src.addr.family == e->p.sel.dst.addr.family;
}

static void
forget_guards(struct dp_policies *ps)
{
	for (struct hash_node *n = hash_first(&ps->guards), *next; n != NULL; n = next) {
		next = hash_next(&ps->guards, n);
		hash_remove(&ps->guards, n);
		free(container_of(n, struct guarded, node));
	}
}

bool
dp_policies_settle(struct dp_policies *ps)
{
	struct entry **order;
	size_t n = 0;
	bool ok = true;

	if (!ps->rebuild)
		return true;
	order = calloc(ps->inbound + 1, sizeof(struct entry *));
	if (order == NULL)
		return false;
	ps->rebuild = false;
	ps->sink.guard_clear(ps->sink.user);
	forget_guards(ps);
	for (struct hash_node *at = hash_first(&ps->by_id); at != NULL;
		at = hash_next(&ps->by_id, at)) {
		struct entry *e = container_of(at, struct entry, by_id);

		e->rules = 0;
		if (is_inbound(e) && n < ps->inbound)
			order[n++] = e;
	}
	qsort(order, n, sizeof(struct entry *), by_order);
	ps->last_rank = 0;
	ps->last_priority = 0;
	ps->last_drops = n > 0 && drops_cleartext(&order[0]->p);
	ps->crowded = 0;
	for (size_t i = 0; i < n && ok; i++)
		ok = guard_last(ps, order[i]);
	free(order);
	return ok;
}

void
dp_policies_rebuild(struct dp_policies *ps)
{
	ps->rebuild = true;
}

/* ----------------------------------------------------------------------------------- policies */

struct dp_policies *
dp_policies_new(const struct dp_sink *sink, struct hash_key key)
{
	struct dp_policies *ps = calloc(1, sizeof(*ps));

	if (ps == NULL)
		return NULL;
	ps->sink = *sink;
	ps->key = key;
	if (hash_init(&ps->by_id, 64) && hash_init(&ps->routes, 64) && hash_init(&ps->guards, 64))
		return ps;
	dp_policies_free(ps);
	return NULL;
}

static void
forget_all(struct dp_policies *ps)
{
	forget_guards(ps);
	for (struct hash_node *n = hash_first(&ps->routes), *next; n != NULL; n = next) {
		next = hash_next(&ps->routes, n);
		hash_remove(&ps->routes, n);
		free(container_of(n, struct route, node));
	}
	for (struct hash_node *n = hash_first(&ps->by_id), *next; n != NULL; n = next) {
		next = hash_next(&ps->by_id, n);
		hash_remove(&ps->by_id, n);
		free(container_of(n, struct entry, by_id));
	}
	ps->inbound = ps->passing = ps->crowded = 0;
	ps->rebuild = false;
}

void
dp_policies_free(struct dp_policies *ps)
{
	if (ps == NULL)
		return;
	forget_all(ps);
	hash_free(&ps->by_id);
	hash_free(&ps->routes);
	hash_free(&ps->guards);
	free(ps);
}

static struct entry *
find(const struct dp_policies *ps, uint32_t id)
{
	for (struct hash_node *n = hash_find(&ps->by_id, hash_more(ps->key.k0, id)); n != NULL;
		n = hash_again(n)) {
		struct entry *e = container_of(n, struct entry, by_id);

		if (e->p.id == id)
			return e;
	}
	return NULL;
}

static bool
install(struct dp_policies *ps, struct entry *e)
{
	if (e->p.sel.src.addr.family != e->p.sel.dst.addr.family)
		return true;
	if (e->p.dir != SP_OUT)
		return guard_add(ps, e);
	if (e->p.action != SP_IPSEC && e->p.action != SP_DISCARD)
		return true;
	return route_add(ps, e);
}

static void
uninstall(struct dp_policies *ps, struct entry *e)
{
	route_leave(ps, e);
	if (!is_inbound(e))
		return;
	ps->inbound--;
	ps->passing -= !drops_cleartext(&e->p);
	guard_leave(ps, e);
}

bool
dp_policy_put(struct dp_policies *ps, const struct ipsec_policy *p)
{
	struct entry *e = find(ps, p->id);

	if (e != NULL) {
		/* Changed ones go behind all others of their priority, as in the engine. */
		uninstall(ps, e);
		e->p = *p;
		e->serial = ++ps->serial;
		return install(ps, e);
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return false;
	e->p = *p;
	e->serial = ++ps->serial;
	hash_insert(&ps->by_id, &e->by_id, hash_more(ps->key.k0, p->id));
	return install(ps, e);
}

void
dp_policy_remove(struct dp_policies *ps, uint32_t id)
{
	struct entry *e = find(ps, id);

	if (e == NULL)
		return;
	uninstall(ps, e);
	hash_remove(&ps->by_id, &e->by_id);
	free(e);
}

void
dp_policies_clear(struct dp_policies *ps)
{
	if (ps->guards.count != 0)
		ps->sink.guard_clear(ps->sink.user);
	for (struct hash_node *n = hash_first(&ps->routes); n != NULL;
		n = hash_next(&ps->routes, n))
		ps->sink.route_remove(ps->sink.user, &container_of(n, struct route, node)->dst);
	forget_all(ps);
}

void
dp_policies_readdress(struct dp_policies *ps)
{
	for (struct hash_node *n = hash_first(&ps->routes); n != NULL;
		n = hash_next(&ps->routes, n))
		tell_route(ps, container_of(n, struct route, node), true);
}

size_t
dp_policies_routes(const struct dp_policies *ps)
{
	return ps->routes.count;
}

size_t
dp_policies_guarded(const struct dp_policies *ps)
{
	return ps->guards.count;
}

size_t
dp_policies_crowded(const struct dp_policies *ps)
{
	return ps->crowded;
}
