/*
 * path.c - where a peer is: behind which NAT, at which port; keepalives for our own NAT.
 *
 * Called by the receive path and by the exchanges.  A NAT may change a peer's port at any time.  A
 * new one is believed when a message from there was authentic and no replay; then phase 1, what was
 * made on it and the SAs in the database follow (RFC 3947 3, RFC 3948 4).  Peers behind one NAT
 * have one address: each has an object of its own, named by its port.
 */
#include "racoon/ike/engine.h"

#include <string.h>

#include "racoon/ikev1/v1_natt.h"
#include "racoon/ikev1/v1_rows.h"

bool
ike_natt_local(const struct ike *e, const struct net_addr *local, struct net_endpoint *out)
{
	for (size_t i = 0; i < e->natt_addresses; i++)
		if (net_addr_equal(&e->natt_address[i].addr, local)) {
			*out = e->natt_address[i];
			return true;
		}
	return false;
}

bool
ike_path_is(const struct ike_sa *sa, const struct ike_path *path)
{
	return net_endpoint_equal(&sa->remote, &path->remote) &&
	       net_endpoint_equal(&sa->local, &path->local) && sa->natt == path->natt;
}

/* ------------------------------------------------------------------------------ keepalives --- */

/* Something that lives behind our NAT, and where it goes. */
static bool
needs_mapping(const struct ike_peer *p, struct ike_path *path)
{
	const struct ike_sa *sa = ike_peer_any(p);

	if (sa != NULL && (sa->nat & IKE_NAT_ME) != 0) {
		*path = (struct ike_path){ sa->local, sa->remote, false };
		return true;
	}
	LIST_FOREACH(at, &p->children)
	{
		const struct ike_child *c = container_of(at, struct ike_child, in_peer);
		if (c->state != IKE_S_UP || !c->natt || !c->nat_me)
			continue;
		*path = (struct ike_path){ c->local, c->remote, false };
		return true;
	}
	return false;
}

void
ike_keepalive_end(struct ike *e, struct ike_peer *p)
{
	struct net_endpoint local = { p->local, 0 }, remote = { p->address, p->port };
	char pair[IKE_PAIR_TEXT];

	ike_disarm(e, &p->keepalive);
	if (p->kept_alive)
		ike_log(e, LOG_L_INFO, &remote, 0, "KA remove: %s",
			ike_pair_text(pair, sizeof(pair), &local, "->", &remote));
	p->kept_alive = false;
}

static void
keepalive_fired(struct ike *e, struct ike_timer *t)
{
	static const uint8_t octet = 0xff; /* RFC 3948 2.3 */
	struct ike_peer *p = container_of(t, struct ike_peer, keepalive);
	int64_t ms = e->config == NULL ? 0 : e->config->timer.natt_keepalive;
	struct ike_path path;

	if (ms == 0 || !needs_mapping(p, &path)) {
		ike_keepalive_end(e, p);
		return;
	}
	ike_send_to(e, &path.local, &path.remote, false, bytes_of(&octet, 1));
	ike_arm(e, &p->keepalive, instant_add(e->now, ms), keepalive_fired);
}

static void
keep_alive(struct ike *e, const struct ike_sa *sa)
{
	int64_t ms = e->config == NULL ? 0 : e->config->timer.natt_keepalive;
	char pair[IKE_PAIR_TEXT];

	if ((sa->nat & IKE_NAT_ME) == 0 || ms == 0)
		return;
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "KA %s: %s",
		sa->peer->kept_alive ? "found" : "list add",
		ike_pair_text(pair, sizeof(pair), &sa->local, "->", &sa->remote));
	if (sa->peer->kept_alive)
		return;
	sa->peer->kept_alive = true;
	ike_arm(e, &sa->peer->keepalive, instant_add(e->now, ms), keepalive_fired);
}

/* ----------------------------------------------------------------------------------- peers --- */

static bool
is_used_by_others(const struct ike_sa *sa)
{
	LIST_FOREACH(at, &sa->peer->sas)
	{
		const struct ike_sa *o = container_of(at, struct ike_sa, in_peer);
		if (o != sa && o->state == IKE_S_UP && net_endpoint_equal(&o->remote, &sa->remote))
			return true;
	}
	LIST_FOREACH(at, &sa->peer->children)
		if (net_endpoint_equal(&container_of(at, struct ike_child, in_peer)->remote,
			    &sa->remote))
			return true;
	return false;
}

/* Who waited for somebody at the address to come up has waited for this one. */
static void
hand_over(struct ike_peer *from, struct ike_peer *to)
{
	if (ike_peer_up(from) != NULL || ike_peer_coming(from) != NULL)
		return;
	LIST_FOREACH(at, &from->commands)
	{
		struct ike_cmd *c = container_of(at, struct ike_cmd, in_peer);
		list_remove(&c->in_peer);
		list_append(&to->commands, &c->in_peer);
		c->peer = to;
	}
	LIST_FOREACH(at, &from->waiting)
	{
		struct ike_child *c = container_of(at, struct ike_child, waiting);
		list_remove(&c->waiting);
		list_append(&to->waiting, &c->waiting);
		list_remove(&c->in_peer);
		list_append(&to->children, &c->in_peer);
		c->peer = to;
	}
}

/* A responder's SA: to the object of the one host behind the NAT. */
static void
choose_peer(struct ike *e, struct ike_sa *sa)
{
	struct ike_peer *old = sa->peer, *p;

	if (sa->side != IKE_RESPONDER || (sa->nat & IKE_NAT_PEER) == 0 ||
	    sa->remote.port == old->port || is_used_by_others(sa))
		return;
	p = ike_peer_at(e, &sa->local.addr, &sa->remote, true);
	if (p == NULL)
		return; /* it stays among those of the address */
	list_remove(&sa->in_peer);
	list_append(&p->sas, &sa->in_peer);
	sa->peer = p;
	hand_over(old, p);
	ike_peer_tidy(e, old);
}

void
ike_path_up(struct ike *e, struct ike_sa *sa)
{
	choose_peer(e, sa);
	keep_alive(e, sa);
}

/* ---------------------------------------------------------------------------------- moving --- */

bool
ike_path_may_move(const struct ike *e, const struct ike_sa *sa, const struct ike_path *to)
{
	(void)e;
	if (sa->natt_how == NULL || (sa->nat_known && sa->nat == 0))
		return false;
	if (sa->natt_how->floats != to->natt)
		return false;
	return net_addr_equal(&sa->local.addr, &to->local.addr) &&
	       net_addr_equal(&sa->remote.addr, &to->remote.addr);
}

static void
move_children(struct ike *e, const struct ike_sa *sa, const struct ike_path *from)
{
	LIST_FOREACH(at, &sa->peer->children)
	{
		struct ike_child *c = container_of(at, struct ike_child, in_peer);
		if (!net_endpoint_equal(&c->remote, &from->remote) || c->state == IKE_S_DEAD)
			continue;
		c->local = sa->local;
		c->remote = sa->remote;
		if (c->natt && (c->state == IKE_S_UP || c->pairs != 0))
			v1_quick_ports(e, c);
	}
}

/* Something else of the same host came through the NAT's new port before, and has an object of that
 * name: what is there by now goes on in that one, or the next move would part them. */
static void
join(struct ike *e, struct ike_peer *from, struct ike_peer *to, const struct net_endpoint *remote)
{
	LIST_FOREACH(at, &from->sas)
	{
		struct ike_sa *sa = container_of(at, struct ike_sa, in_peer);
		if (sa->state != IKE_S_UP || !net_endpoint_equal(&sa->remote, remote))
			continue;
		list_remove(&sa->in_peer);
		list_append(&to->sas, &sa->in_peer);
		sa->peer = to;
		keep_alive(e, sa);
	}
	LIST_FOREACH(at, &from->children)
	{
		struct ike_child *c = container_of(at, struct ike_child, in_peer);
		if (c->waits || !net_endpoint_equal(&c->remote, remote))
			continue;
		list_remove(&c->in_peer);
		list_append(&to->children, &c->in_peer);
		c->peer = to;
	}
	hand_over(from, to);
	ike_peer_tidy(e, from);
}

void
ike_path_move(struct ike *e, struct ike_sa *sa, const struct ike_path *to)
{
	struct ike_path from = { sa->local, sa->remote, sa->natt };
	struct ike_peer *p = sa->peer, *there;
	char pair[IKE_PAIR_TEXT];

	if (ike_path_is(sa, to))
		return;
	sa->local = to->local;
	sa->remote = to->remote;
	sa->natt = to->natt;
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "NAT-T: ports changed to: %s",
		ike_pair_text(pair, sizeof(pair), &sa->local, "<->", &sa->remote));
	if (sa->state != IKE_S_UP)
		return;
	/* The one host behind this port; or the address's own, which has no port. */
	there = p->port == 0 ? p : ike_peer_at(e, &p->local, &sa->remote, false);
	if (there == NULL)
		ike_peer_rename(e, p, &sa->remote);
	LIST_FOREACH(at, &p->sas)
	{
		struct ike_sa *o = container_of(at, struct ike_sa, in_peer);
		if (o == sa || o->natt != from.natt ||
		    !net_endpoint_equal(&o->remote, &from.remote))
			continue;
		o->local = sa->local;
		o->remote = sa->remote;
	}
	move_children(e, sa, &from);
	if (there != NULL && there != p)
		join(e, p, there, &sa->remote);
}

/* Before IKE has a word to say: the peer's packets come through, and ours have nowhere to go. */
void
ike_path_mapped(struct ike *e, const struct sadb_msg *m)
{
	struct ike_child *c = ike_child_by_spi_in(e, m->sa.proto, m->sa.spi);
	struct net_endpoint was;

	if (c == NULL || c->state != IKE_S_UP || !c->natt || m->mapped.port == 0 ||
	    !net_addr_equal(&c->remote.addr, &m->mapped.addr) || c->remote.port == m->mapped.port)
		return;
	was = c->remote;
	LIST_FOREACH(at, &c->peer->sas)
	{
		struct ike_sa *sa = container_of(at, struct ike_sa, in_peer);
		struct ike_path to = { sa->local, m->mapped, sa->natt };
		if (sa->state != IKE_S_UP || !net_endpoint_equal(&sa->remote, &was) ||
		    !ike_path_may_move(e, sa, &to))
			continue;
		ike_path_move(e, sa, &to);
		return;
	}
	/* Its phase 1 is gone: the SAs alone. */
	c->remote = m->mapped;
	v1_quick_ports(e, c);
}

void
ike_path_heard(struct ike *e, struct ike_sa *sa, const struct ike_path *path)
{
	if (path->remote.addr.family != 0 && !ike_path_is(sa, path) &&
	    ike_path_may_move(e, sa, path))
		ike_path_move(e, sa, path);
	v1_dpd_alive(e, sa);
}

void
ike_path_follow(struct ike *e, struct ike_xchg *x)
{
	x->elsewhere = false;
	ike_path_heard(e, x->sa, &x->arrival);
}
