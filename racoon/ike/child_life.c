/*
 * child_life.c - phase 2 once it is up: lifetimes, renewal, successors, the SA database's events.
 *
 * Called when quick mode ends, by timers, and by the SA database.  Successors are settled as with
 * phase 1 (see sa.c), message IDs in place of cookies, so that of two made at once for one policy
 * the same one is left at both ends.
 */
#include "racoon/ike/engine.h"

#include <stdio.h>
#include <string.h>

#include "racoon/ikev1/v1_rows.h"

/* ------------------------------------------------------------------------------ established --- */

static void
retire_fired(struct ike *e, struct ike_timer *t)
{
	struct ike_child *c = container_of(t, struct ike_child, retire);

	if (c->pair[0].out_asked && !ike_child_policy_up(e, c->peer, &c->sel)) {
		/* The other end saw it the other way round, and has deleted what was to stay. */
		c->retiring = false;
		return;
	}
	ike_child_end(e, c, ST_REPLACED, true, 0);
}

static void
retire(struct ike *e, struct ike_child *c, int64_t ms)
{
	instant when = instant_add(e->now, ms + ike_random32(e) % IKE_GRACE_SPREAD_MS);

	if (c->retiring && c->retire.node.when.ms <= when.ms)
		return;
	c->retiring = true;
	ike_arm(e, &c->retire, when, retire_fired);
}

/*
 * We send on the newer one from now on, as its inbound SA has been there before ours was; what the
 * peer still sends on this one is taken for a while.
 */
static void
stop_sending(struct ike *e, struct ike_child *c)
{
	struct ipsec_sa sa;

	for (unsigned i = 0; i < c->pairs; i++) {
		if (!c->pair[i].out_asked)
			continue;
		ike_child_sa(c, &c->pair[i], false, &sa);
		ike_job_delete(e, &sa, 0);
		c->pair[i].out_asked = false;
	}
}

/* The peer repeats message 2: it has not seen message 3, and still sends on the old ones. */
void
ike_child_grace(struct ike *e, const struct ike_child *n)
{
	instant when = instant_add(e->now, IKE_GRACE_MS);

	for (struct ike_child *o = NULL; (o = ike_child_same(e, n->peer, &n->sel, o)) != NULL;)
		if (o != n && o->retiring && o->retire.node.when.ms < when.ms)
			ike_arm(e, &o->retire, when, retire_fired);
}

static void
choose_successor(struct ike *e, struct ike_child *n)
{
	for (struct ike_child *o = NULL; (o = ike_child_same(e, n->peer, &n->sel, o)) != NULL;) {
		bool together = o->up_step > n->begun_step;
		if (o == n || o->state != IKE_S_UP || o->retiring)
			continue;
		if (!together || o->side == n->side) {
			retire(e, o, ike_grace_of(n->side));
			stop_sending(e, o);
		} else if (o->message_id > n->message_id)
			retire(e, o, ike_grace_of(o->side));
		else
			retire(e, n, ike_grace_of(n->side));
	}
}

/* The peer made it first: our own attempts that nobody has answered are pointless now. */
static void
abandon_attempts(struct ike *e, struct ike_child *n)
{
	struct ike_child *next = ike_child_same(e, n->peer, &n->sel, NULL), *o;

	while ((o = next) != NULL) {
		next = ike_child_same(e, n->peer, &n->sel, o);
		if (o != n && o->side == IKE_INITIATOR && o->state != IKE_S_UP &&
		    (o->x == NULL || !o->x->answered)) {
			n->cmds |= o->cmds;
			o->cmds = 0;
			ike_child_end(e, o, ST_REPLACED, false, 0);
		}
	}
}

/* Those who wait for it wait for the peer's now. */
static void
give_way(struct ike *e, struct ike_child *c)
{
	e->cmd_mask |= c->cmds;
	c->cmds = 0;
	ike_child_end(e, c, ST_REPLACED, false, 0);
}

static void life_fired(struct ike *e, struct ike_timer *t);

/* An older one for the same traffic must not run out because this attempt failed. */
void
ike_child_try_later(struct ike *e, struct ike_child *o)
{
	int64_t left = instant_diff(o->expires, e->now);

	o->rekeying = false;
	if (left > 4 * IKE_ACQUIRE_RETRY_MS)
		ike_arm(e, &o->life, instant_add(e->now, left / 4), life_fired);
}

bool
ike_child_collides(struct ike *e, struct ike_peer *p, const struct sp_selector *sel,
	uint32_t message_id)
{
	struct ike_child *next = ike_child_same(e, p, sel, NULL), *o;

	while ((o = next) != NULL) {
		next = ike_child_same(e, p, sel, o);
		bool ours_out = o->x != NULL && o->state == IKE_S_QUICK1_SENT && o->x->row == NULL;
		bool ours_soon = o->x != NULL && o->state == IKE_S_START;
		if (o->side != IKE_INITIATOR || !(ours_out || ours_soon))
			continue;
		if (o->message_id < message_id) {
			ike_window_nudge(e, o->x); /* it may not have got there */
			return true;
		}
		ike_log(e, LOG_L_DEBUG, &o->remote, o->serial, "peer began as well, giving way");
		give_way(e, o);
	}
	return false;
}

static void
renew(struct ike *e, struct ike_child *c)
{
	struct ipsec_policy policy;
	char why[IKE_DETAIL_MAX];

	if (c->state != IKE_S_UP || c->rekeying || c->retiring || e->stopping)
		return;
	/* Traffic that no policy protects any more needs no SA. */
	if (e->spd.known && ike_spd_find(e, SP_OUT, c->generated ? &c->gen_sel : &c->sel) == NULL)
		return;
	for (struct ike_child *o = NULL; (o = ike_child_same(e, c->peer, &c->sel, o)) != NULL;)
		if (o != c && (o->state != IKE_S_UP || o->up_step > c->up_step))
			return;
	c->rekeying = true;
	e->count[IKE_N_REKEYED]++;
	ike_child_policy(c, &policy);
	if (ike_child_initiate(e, &policy, &c->local.addr, &c->remote.addr, 0, true, NULL, why,
		    sizeof(why)) != ST_NORMAL)
		ike_child_try_later(e, c);
}

static void
log_pair(struct ike *e, const struct ike_child *c, const struct ike_pair *p, bool inbound,
	const char *what)
{
	struct net_endpoint from = { .addr = inbound ? p->remote : p->local,
		.port = inbound ? c->remote.port : c->local.port };
	struct net_endpoint to = { .addr = inbound ? p->local : p->remote,
		.port = inbound ? c->local.port : c->remote.port };
	uint32_t spi = inbound ? p->spi_in : p->spi_out;
	char ends[IKE_PAIR_TEXT];

	ike_log(e, LOG_L_INFO, &c->remote, c->serial, "IPsec-SA %s: %s/%s %s spi=%u(0x%x)", what,
		ike_proto_name(p->proto), ike_mode_name(p->mode, c->natt),
		ike_pair_text(ends, sizeof(ends), &from, "->", &to), spi, spi);
}

static void
log_pairs(struct ike *e, const struct ike_child *c, const char *what)
{
	for (unsigned i = 0; i < c->pairs; i++) {
		log_pair(e, c, &c->pair[i], true, what);
		log_pair(e, c, &c->pair[i], false, what);
	}
}

static void
expired(struct ike *e, struct ike_child *c)
{
	log_pairs(e, c, "expired");
	ike_child_end(e, c, ST_EXPIRED, true, 0);
}

static void
life_fired(struct ike *e, struct ike_timer *t)
{
	struct ike_child *c = container_of(t, struct ike_child, life);

	if (instant_reached(c->expires, e->now)) {
		expired(e, c);
		return;
	}
	ike_arm(e, &c->life, c->expires, life_fired);
	renew(e, c);
}

void
ike_child_up(struct ike *e, struct ike_child *c)
{
	struct ike_peer *p = c->peer;
	int64_t soft = c->life_ms / 10 * (c->side == IKE_INITIATOR ? 8 : 9);

	c->x->sa->quick_count--;
	c->established = e->now;
	c->created = e->today;
	c->up_step = e->steps;
	c->expires = instant_add(e->now, c->life_ms);
	e->count[IKE_N_PH2_UP]++;
	log_pairs(e, c, "established");
	ike_note_child(e, IKE_NOTE_PH2_UP, c, ST_NORMAL, "");
	if (c->side == IKE_INITIATOR)
		soft = ike_jitter(e, soft);
	ike_arm(e, &c->life, instant_add(e->now, soft), life_fired);
	if (c->side == IKE_INITIATOR) {
		ike_sa_limit(e, c->x); /* kept for duplicates of message 2 */
	} else {
		abandon_attempts(e, c);
		if (c->x->kept)
			ike_sa_limit(e, c->x);
		else
			ike_xchg_end(e, c->x);
	}
	choose_successor(e, c);
	ike_commands_child(e, c, ST_NORMAL, "");
	ike_child_kick(e, p);
}

/* -------------------------------------------------------------------------- the SA database --- */

static struct ike_child *
child_of(const struct ike *e, const struct ipsec_sa *sa)
{
	struct ike_child *c = ike_child_by_spi_in(e, sa->proto, sa->spi);

	if (c != NULL)
		for (unsigned i = 0; i < c->pairs; i++)
			if (c->pair[i].spi_in == sa->spi &&
			    net_addr_equal(&c->pair[i].local, &sa->dst.addr))
				return c;
	c = ike_child_by_spi_out(e, &sa->dst.addr, sa->proto, sa->spi);
	return c;
}

void
ike_child_expire(struct ike *e, const struct sadb_msg *m)
{
	struct ike_child *c = m->has_sa ? child_of(e, &m->sa) : NULL;

	if (c == NULL || c->state != IKE_S_UP)
		return;
	if (m->hard) {
		expired(e, c);
		return;
	}
	for (unsigned i = 0; i < c->pairs; i++)
		if (c->pair[i].proto == m->sa.proto)
			log_pair(e, c, &c->pair[i], c->pair[i].spi_in == m->sa.spi, "expired");
	renew(e, c);
}

/* Somebody else deleted SAs of ours: what is left of them is no use, here or there. */
void
ike_child_gone(struct ike *e, const struct sadb_msg *m)
{
	if (m->error != 0 || !(m->has_sa || m->op == SADB_OP_FLUSH))
		return;
	if (m->op == SADB_OP_DELETE && m->sa.spi != 0) {
		struct ike_child *c = child_of(e, &m->sa);
		if (c != NULL && c->state == IKE_S_UP)
			ike_child_end(e, c, ST_FLUSHED, true, 0);
		return;
	}
	LIST_FOREACH(at, &e->children)
	{
		struct ike_child *c = container_of(at, struct ike_child, in_all);
		bool hit = false;
		for (unsigned i = 0; i < c->pairs; i++) {
			const struct ike_pair *p = &c->pair[i];
			bool ends = (net_addr_equal(&p->local, &m->sa.src.addr) &&
					    net_addr_equal(&p->remote, &m->sa.dst.addr)) ||
				    (net_addr_equal(&p->remote, &m->sa.src.addr) &&
					    net_addr_equal(&p->local, &m->sa.dst.addr));
			hit |= (!m->has_sa || m->sa.proto == SA_NONE || m->sa.proto == p->proto) &&
			       (m->op == SADB_OP_FLUSH || ends);
		}
		if (hit && c->state == IKE_S_UP)
			ike_child_end(e, c, ST_FLUSHED, true, 0);
	}
}
