/*
 * spd.c - the engine's mirror of the security policies.
 *
 * Fed by events of the SA database, asked by quick mode and commands.  Look-up of an equal selector
 * is one hash; of a covering one, one hash for each shape of selector that occurs (tuple space).
 */
#include <stdlib.h>
#include <string.h>

#include "racoon/ike/engine.h"

static uint64_t
addr_hash(const struct ike *e, const struct net_addr *a)
{
	return hash_bytes(&e->env.hash_key, a, sizeof(*a));
}

static uint64_t
selector_hash(const struct ike *e, enum sp_dir dir, const struct sp_selector *s)
{
	uint64_t h = hash_more(addr_hash(e, &s->src.addr), s->src.len);

	h = hash_more(h, hash_more(addr_hash(e, &s->dst.addr), s->dst.len));
	return hash_more(h, (uint64_t)dir << 40 | (uint64_t)s->upper << 32 |
			    (uint64_t)s->sport << 16 | s->dport);
}

bool
ike_spd_init(struct ike *e)
{
	return hash_init(&e->spd.by_selector, 64) && hash_init(&e->spd.by_id, 64) &&
	       hash_init(&e->spd.by_peer, 64);
}

bool
ike_policy_ends(const struct ipsec_policy *p, struct net_addr *local, struct net_addr *remote)
{
	for (unsigned i = 0; i < p->rules; i++) {
		const struct sp_rule *r = &p->rule[i];
		if (r->mode != SA_TUNNEL || r->src.addr.family == 0 || r->dst.addr.family == 0)
			continue;
		*local = r->src.addr;
		*remote = r->dst.addr;
		return true;
	}
	if (p->sel.src.len == 0 || p->sel.src.len != net_addr_bits(&p->sel.src.addr) ||
	    p->sel.dst.len != net_addr_bits(&p->sel.dst.addr))
		return false;
	*local = p->sel.src.addr;
	*remote = p->sel.dst.addr;
	return true;
}

/* ----------------------------------------------------------------------------------- shapes --- */

static struct ike_tuple
shape_of(enum sp_dir dir, const struct sp_selector *s)
{
	return (struct ike_tuple){ .family = s->src.addr.family, .src = s->src.len,
		.dst = s->dst.len, .dir = (uint8_t)dir, .upper = s->upper != SP_UPPER_ANY,
		.sport = s->sport != 0, .dport = s->dport != 0 };
}

static struct ike_tuple *
shape_find(struct ike_spd *spd, const struct ike_tuple *t)
{
	for (size_t i = 0; i < spd->tuples; i++) {
		struct ike_tuple *o = &spd->tuple[i];
		if (o->family == t->family && o->src == t->src && o->dst == t->dst &&
		    o->dir == t->dir && o->upper == t->upper && o->sport == t->sport &&
		    o->dport == t->dport)
			return o;
	}
	return NULL;
}

static bool
shape_add(struct ike_spd *spd, enum sp_dir dir, const struct sp_selector *s)
{
	struct ike_tuple t = shape_of(dir, s), *o = shape_find(spd, &t);

	if (o == NULL) {
		if (spd->tuples == spd->room) {
			size_t room = spd->room == 0 ? 16 : spd->room * 2;
			struct ike_tuple *more = realloc(spd->tuple, room * sizeof(*more));
			if (more == NULL)
				return false;
			spd->tuple = more;
			spd->room = room;
		}
		o = &spd->tuple[spd->tuples++];
		*o = t;
	}
	o->count++;
	return true;
}

static void
shape_remove(struct ike_spd *spd, enum sp_dir dir, const struct sp_selector *s)
{
	struct ike_tuple t = shape_of(dir, s), *o = shape_find(spd, &t);

	if (o != NULL && --o->count == 0)
		*o = spd->tuple[--spd->tuples];
}

/* ---------------------------------------------------------------------------------- keeping --- */

static struct ike_policy *
find_equal(const struct ike *e, enum sp_dir dir, const struct sp_selector *s)
{
	for (struct hash_node *n = hash_find(&e->spd.by_selector, selector_hash(e, dir, s));
	     n != NULL; n = hash_again(n)) {
		struct ike_policy *p = container_of(n, struct ike_policy, by_selector);
		if (p->p.dir == dir && sp_selector_equal(&p->p.sel, s))
			return p;
	}
	return NULL;
}

static void
remove_policy(struct ike *e, struct ike_policy *p)
{
	if (p == NULL)
		return;
	hash_remove(&e->spd.by_selector, &p->by_selector);
	hash_remove(&e->spd.by_id, &p->by_id);
	hash_remove(&e->spd.by_peer, &p->by_peer);
	shape_remove(&e->spd, p->p.dir, &p->p.sel);
	free(p);
}

static void
add_policy(struct ike *e, const struct ipsec_policy *new)
{
	struct net_addr local, remote;
	struct sp_selector sel = new->sel;
	struct ike_policy *p;

	if (new->dir != SP_IN && new->dir != SP_OUT)
		return; /* forwarding is the packet engine's affair */
	net_prefix_mask(&sel.src);
	net_prefix_mask(&sel.dst);
	remove_policy(e, find_equal(e, new->dir, &sel));
	p = calloc(1, sizeof(*p));
	if (p == NULL || !shape_add(&e->spd, new->dir, &sel)) {
		free(p);
		return;
	}
	p->p = *new;
	p->p.sel = sel;
	hash_insert(&e->spd.by_selector, &p->by_selector, selector_hash(e, new->dir, &sel));
	hash_insert(&e->spd.by_id, &p->by_id, hash_more(0, new->id));
	if (new->dir == SP_OUT && new->action == SP_IPSEC &&
	    ike_policy_ends(&p->p, &local, &remote))
		hash_insert(&e->spd.by_peer, &p->by_peer, addr_hash(e, &remote));
}

static struct ike_policy *
by_id(const struct ike *e, uint32_t id)
{
	for (struct hash_node *n = hash_find(&e->spd.by_id, hash_more(0, id)); n != NULL;
	     n = hash_again(n)) {
		struct ike_policy *p = container_of(n, struct ike_policy, by_id);
		if (p->p.id == id)
			return p;
	}
	return NULL;
}

void
ike_spd_clear(struct ike *e)
{
	for (struct hash_node *n; e->spd.by_selector.slot != NULL &&
				  (n = hash_first(&e->spd.by_selector)) != NULL;)
		remove_policy(e, container_of(n, struct ike_policy, by_selector));
	e->spd.known = false;
}

void
ike_spd_free(struct ike *e)
{
	ike_spd_clear(e);
	hash_free(&e->spd.by_selector);
	hash_free(&e->spd.by_id);
	hash_free(&e->spd.by_peer);
	free(e->spd.tuple);
	e->spd.tuple = NULL;
}

void
ike_spd_event(struct ike *e, const struct sadb_msg *m)
{
	struct sp_selector sel = m->sp.sel;
	struct ike_policy *p;

	if (m->error != 0)
		return;
	if (m->op == SADB_OP_SPDFLUSH) {
		ike_spd_clear(e);
		e->spd.known = true;
		return;
	}
	if (!m->has_sp)
		return;
	e->spd.known = true;
	if (m->op == SADB_OP_SPDADD || m->op == SADB_OP_SPDUPDATE || m->op == SADB_OP_SPDDUMP ||
	    m->op == SADB_OP_SPDGET) {
		add_policy(e, &m->sp);
		return;
	}
	net_prefix_mask(&sel.src);
	net_prefix_mask(&sel.dst);
	p = m->op == SADB_OP_SPDDELETE2 ? by_id(e, m->sp.id) : find_equal(e, m->sp.dir, &sel);
	remove_policy(e, p);
}

/* ----------------------------------------------------------------------------------- asking --- */

static bool
narrow(const struct ike_tuple *t, enum sp_dir dir, struct sp_selector *s)
{
	if (t->dir != dir || t->family != s->src.addr.family || t->src > s->src.len ||
	    t->dst > s->dst.len || (t->upper && s->upper == SP_UPPER_ANY) ||
	    (t->sport && s->sport == 0) || (t->dport && s->dport == 0))
		return false;
	s->src.len = t->src;
	s->dst.len = t->dst;
	net_prefix_mask(&s->src);
	net_prefix_mask(&s->dst);
	if (!t->upper)
		s->upper = SP_UPPER_ANY;
	if (!t->sport)
		s->sport = 0;
	if (!t->dport)
		s->dport = 0;
	return true;
}

static uint32_t
priority(const struct ipsec_policy *p)
{
	return p->priority == 0 ? SP_PRIORITY_DEFAULT : p->priority;
}

const struct ipsec_policy *
ike_spd_find(const struct ike *e, enum sp_dir dir, const struct sp_selector *sel)
{
	struct ike_policy *equal = find_equal(e, dir, sel);
	const struct ipsec_policy *best = NULL;

	if (equal != NULL)
		return &equal->p;
	for (size_t i = 0; i < e->spd.tuples; i++) {
		struct sp_selector s = *sel;
		struct ike_policy *p;
		if (!narrow(&e->spd.tuple[i], dir, &s))
			continue;
		p = find_equal(e, dir, &s);
		if (p != NULL && (best == NULL || priority(&p->p) < priority(best)))
			best = &p->p;
	}
	return best;
}

const struct ipsec_policy *
ike_spd_by_id(const struct ike *e, uint32_t id)
{
	struct ike_policy *p = id == 0 ? NULL : by_id(e, id);

	return p == NULL ? NULL : &p->p;
}

const struct ipsec_policy *
ike_spd_peer_next(const struct ike *e, const struct net_addr *peer,
	const struct ipsec_policy *after)
{
	struct net_addr local, remote;
	struct hash_node *n;

	if (after == NULL)
		n = hash_find(&e->spd.by_peer, addr_hash(e, peer));
	else
		n = hash_again(&((const struct ike_policy *)(const void *)((const char *)after -
					  offsetof(struct ike_policy, p)))->by_peer);
	for (; n != NULL; n = hash_again(n)) {
		struct ike_policy *p = container_of(n, struct ike_policy, by_peer);
		if (ike_policy_ends(&p->p, &local, &remote) && net_addr_equal(&remote, peer))
			return &p->p;
	}
	return NULL;
}
