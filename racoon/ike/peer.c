/*
 * peer.c - what belongs to one pair of addresses, and the limits on peers who have proven nothing
 * yet.
 *
 * Called by SAs, children and commands.  A peer exists while something refers to it.  Of half-open
 * phase 1 SAs the oldest whose peer has not shown that it receives at its address gives way to a
 * new one: a flood with a forged address then costs its victim no more than another try.
 */
#include "racoon/ike/engine.h"

#include <stdlib.h>
#include <string.h>

static uint64_t
address_hash(const struct ike *e, const struct net_addr *a)
{
	return hash_bytes(&e->env.hash_key, a, sizeof(*a));
}

static uint64_t
ends_hash(const struct ike *e, const struct net_addr *local, const struct net_endpoint *remote)
{
	return hash_more(hash_more(address_hash(e, &remote->addr), address_hash(e, local)),
		remote->port);
}

struct ike_peer *
ike_peer_at(struct ike *e, const struct net_addr *local, const struct net_endpoint *remote,
	bool make)
{
	uint64_t h = ends_hash(e, local, remote);
	struct ike_peer *p;

	for (struct hash_node *n = hash_find(&e->peers, h); n != NULL; n = hash_again(n)) {
		p = container_of(n, struct ike_peer, by_ends);
		if (p->port == remote->port && net_addr_equal(&p->address, &remote->addr) &&
		    net_addr_equal(&p->local, local))
			return p;
	}
	p = make ? calloc(1, sizeof(*p)) : NULL;
	if (p == NULL)
		return NULL;
	p->local = *local;
	p->address = remote->addr;
	p->port = remote->port;
	list_init(&p->sas);
	list_init(&p->children);
	list_init(&p->waiting);
	list_init(&p->commands);
	hash_insert(&e->peers, &p->by_ends, h);
	hash_insert(&e->peers_by_remote, &p->by_remote, address_hash(e, &remote->addr));
	return p;
}

struct ike_peer *
ike_peer_of(struct ike *e, const struct net_addr *local, const struct net_addr *remote, bool make)
{
	struct net_endpoint there = { .addr = *remote };

	return ike_peer_at(e, local, &there, make);
}

/* The peer itself has moved; nothing that belongs to it changes hands. */
void
ike_peer_rename(struct ike *e, struct ike_peer *p, const struct net_endpoint *remote)
{
	hash_remove(&e->peers, &p->by_ends);
	hash_remove(&e->peers_by_remote, &p->by_remote);
	p->address = remote->addr;
	p->port = remote->port;
	hash_insert(&e->peers, &p->by_ends, ends_hash(e, &p->local, remote));
	hash_insert(&e->peers_by_remote, &p->by_remote, address_hash(e, &remote->addr));
}

/*
 * By address alone one of several behind a NAT is meant only when there is no other, and nobody at
 * the address itself.
 */
struct ike_peer *
ike_peer_reach(struct ike *e, const struct net_addr *local, const struct net_endpoint *remote,
	bool make)
{
	struct ike_peer *p = ike_peer_at(e, local, remote, false), *only = NULL;

	if (p != NULL && (p->port != 0 || ike_peer_up(p) != NULL || ike_peer_coming(p) != NULL))
		return p;
	for (struct ike_peer *o = NULL; (o = ike_peer_remote(e, &remote->addr, o)) != NULL;) {
		if (o == p || o->port == 0 || !net_addr_equal(&o->local, local) ||
		    ike_peer_up(o) == NULL)
			continue;
		if (only != NULL)
			return ike_peer_of(e, local, &remote->addr, make);
		only = o;
	}
	return only != NULL ? only : ike_peer_of(e, local, &remote->addr, make);
}

struct ike_peer *
ike_peer_remote(const struct ike *e, const struct net_addr *remote, const struct ike_peer *after)
{
	struct hash_node *n = after == NULL
		? hash_find(&e->peers_by_remote, address_hash(e, remote))
		: hash_again(&after->by_remote);

	for (; n != NULL; n = hash_again(n)) {
		struct ike_peer *p = container_of(n, struct ike_peer, by_remote);
		if (net_addr_equal(&p->address, remote))
			return p;
	}
	return NULL;
}

static bool
is_idle(const struct ike_peer *p)
{
	return list_empty(&p->sas) && list_empty(&p->children) && list_empty(&p->commands);
}

void
ike_peer_tidy(struct ike *e, struct ike_peer *p)
{
	if (is_idle(p) && p->in_idle.next == NULL)
		list_append(&e->idle_peers, &p->in_idle);
}

void
ike_peers_bury(struct ike *e)
{
	LIST_FOREACH(at, &e->idle_peers)
	{
		struct ike_peer *p = container_of(at, struct ike_peer, in_idle);
		list_remove(&p->in_idle);
		if (!is_idle(p))
			continue; /* somebody came back to it */
		ike_keepalive_end(e, p);
		hash_remove(&e->peers, &p->by_ends);
		hash_remove(&e->peers_by_remote, &p->by_remote);
		free(p);
	}
}

enum rank { ANY_UP, NOT_RETIRING, FRESH };

static struct ike_sa *
newest(const struct ike_peer *p, enum rank at_least)
{
	struct ike_sa *best = NULL;

	LIST_FOREACH(at, &p->sas)
	{
		struct ike_sa *sa = container_of(at, struct ike_sa, in_peer);
		enum rank rank = !sa->dying ? FRESH : !sa->retiring ? NOT_RETIRING : ANY_UP;
		if (sa->state == IKE_S_UP && rank >= at_least &&
		    (best == NULL || sa->up_step >= best->up_step))
			best = sa;
	}
	return best;
}

struct ike_sa *
ike_peer_fresh(const struct ike_peer *p)
{
	return newest(p, FRESH);
}

struct ike_sa *
ike_peer_up(const struct ike_peer *p)
{
	struct ike_sa *sa = newest(p, FRESH);

	return sa != NULL ? sa : newest(p, NOT_RETIRING);
}

struct ike_sa *
ike_peer_any(const struct ike_peer *p)
{
	struct ike_sa *sa = ike_peer_up(p);

	return sa != NULL ? sa : newest(p, ANY_UP);
}

struct ike_sa *
ike_peer_coming(const struct ike_peer *p)
{
	LIST_FOREACH(at, &p->sas)
	{
		struct ike_sa *sa = container_of(at, struct ike_sa, in_peer);
		if (sa->state != IKE_S_UP && sa->state != IKE_S_DEAD &&
		    (sa->side == IKE_INITIATOR || sa->verified))
			return sa;
	}
	return NULL;
}

bool
ike_peer_known(const struct ike_sa *sa)
{
	LIST_FOREACH(at, &sa->peer->sas)
	{
		const struct ike_sa *o = container_of(at, struct ike_sa, in_peer);
		if (o != sa && o->state == IKE_S_UP && net_endpoint_equal(&o->remote, &sa->remote))
			return true;
	}
	LIST_FOREACH(at, &sa->peer->children)
	{
		const struct ike_child *c = container_of(at, struct ike_child, in_peer);
		if (c->state == IKE_S_UP)
			return true;
	}
	return false;
}

/* A host behind a NAT comes up again from another port: what it had is known by its name. */
static void
contact_elsewhere(struct ike *e, const struct ike_sa *sa)
{
	struct ike_peer *next = ike_peer_remote(e, &sa->peer->address, NULL), *p;

	while ((p = next) != NULL) {
		next = ike_peer_remote(e, &sa->peer->address, p);
		const struct ike_sa *o = p == sa->peer || p->port == 0 ? NULL : ike_peer_any(p);
		if (o == NULL || o->up_step >= sa->begun_step ||
		    o->peer_id_type != sa->peer_id_type || o->peer_id_n != sa->peer_id_n ||
		    memcmp(o->peer_id, sa->peer_id, sa->peer_id_n) != 0)
			continue;
		LIST_FOREACH(at, &p->children)
			ike_child_end(e, container_of(at, struct ike_child, in_peer), ST_REPLACED,
				false, 0);
		LIST_FOREACH(at, &p->sas)
			ike_sa_end(e, container_of(at, struct ike_sa, in_peer), ST_REPLACED, false,
				"deleted");
	}
}

/*
 * RFC 2407 4.6.3.3: the peer has no other SAs with us.  What was negotiated at the same time as the
 * SA that says so is not meant.
 */
void
ike_peer_contact(struct ike *e, struct ike_sa *sa)
{
	struct ike_peer *p = sa->peer;
	char ends[IKE_PAIR_TEXT];

	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "received INITIAL-CONTACT");
	LIST_FOREACH(at, &p->children)
	{
		struct ike_child *c = container_of(at, struct ike_child, in_peer);
		if (c->state != IKE_S_UP || c->up_step >= sa->begun_step ||
		    !net_endpoint_equal(&c->remote, &sa->remote))
			continue;
		ike_log(e, LOG_L_INFO, &c->remote, c->serial, "purging %s SAs for %s",
			ike_proto_name(c->pair[0].proto),
			ike_pair_text(ends, sizeof(ends), &c->local, " -> ", &c->remote));
		ike_log(e, LOG_L_INFO, &c->remote, c->serial, "purging spi=%u.",
			c->pair[0].spi_out);
		ike_child_end(e, c, ST_REPLACED, false, 0);
	}
	LIST_FOREACH(at, &p->sas)
	{
		struct ike_sa *o = container_of(at, struct ike_sa, in_peer);
		if (o != sa && o->state == IKE_S_UP && o->up_step < sa->begun_step &&
		    net_endpoint_equal(&o->remote, &sa->remote))
			ike_sa_end(e, o, ST_REPLACED, false, "deleted");
	}
	/* Two private networks may use the same addresses: those are no names. */
	if ((sa->nat & IKE_NAT_PEER) != 0 && sa->peer_id != NULL &&
	    sa->peer_id_type != RC_ID_IPV4 && sa->peer_id_type != RC_ID_IPV6)
		contact_elsewhere(e, sa);
}

/* -------------------------------------------------------------------------------- half-open --- */

static struct ike_sa *
oldest_unproven(const struct list *l)
{
	LIST_FOREACH(at, l)
	{
		struct ike_sa *sa = container_of(at, struct ike_sa, in_half_open);
		if (!sa->verified)
			return sa;
	}
	return NULL;
}

static struct ike_sa *
oldest_of_peer(const struct ike_peer *p)
{
	LIST_FOREACH(at, &p->sas)
	{
		struct ike_sa *sa = container_of(at, struct ike_sa, in_peer);
		if (sa->half_open && !sa->verified)
			return sa;
	}
	return NULL;
}

bool
ike_half_open_room(struct ike *e, const struct net_endpoint *local,
	const struct net_endpoint *remote)
{
	struct ike_peer *p = ike_peer_of(e, &local->addr, &remote->addr, false);
	struct ike_sa *gives_way = NULL;
	bool full = false;

	if (p != NULL && p->half_open >= e->env.limits.half_open_per_peer) {
		gives_way = oldest_of_peer(p);
		full = true;
	} else if (e->half_open_count >= e->env.limits.half_open) {
		gives_way = oldest_unproven(&e->costly);
		if (gives_way == NULL)
			gives_way = oldest_unproven(&e->half_open);
		full = true;
	}
	if (!full)
		return true;
	e->count[IKE_N_HALF_OPEN_REFUSED]++;
	if (gives_way == NULL) {
		ike_log(e, LOG_L_WARNING, remote, 0, "%s", status_row(ST_HALFOPEN)->text);
		return false;
	}
	ike_sa_end(e, gives_way, ST_HALFOPEN, false, "deleted");
	return true;
}

/* ----------------------------------------------------------------------------- other things --- */

bool
ike_msgid_seen(const struct ike_sa *sa, uint32_t id)
{
	unsigned kept = sa->msgids < IKE_MSGIDS_KEPT ? sa->msgids : IKE_MSGIDS_KEPT;

	for (unsigned i = 0; i < kept; i++)
		if (sa->msgid[i] == id)
			return true;
	return false;
}

void
ike_msgid_remember(struct ike_sa *sa, uint32_t id)
{
	sa->msgid[sa->msgids++ % IKE_MSGIDS_KEPT] = id;
}
