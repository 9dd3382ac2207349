/*
 * sa.c - phase 1 SAs: birth, look-up, lifetimes, successors, end.
 *
 * Called by the receive path, commands, children and timers.  Which of several SAs with one peer
 * stays is decided so that both ends agree without a word: who began the newer one deletes the
 * older; of two begun at the same time, who began the one with the higher initiator cookie deletes
 * it.  The other end waits longer and then does the same, because a Delete may be lost.
 */
#include "racoon/ike/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry_sign.h"

#include "racoon/ikev1/v1_natt.h"
#include "racoon/ikev1/v1_rows.h"

static void
forget_id(struct ike_sa *sa)
{
	free(sa->peer_id);
	free(sa->peer_id_text);
	cry_proof_free_view(&sa->peer_cert);
	sa->peer_id = NULL;
	sa->peer_id_text = NULL;
}

/* ---------------------------------------------------------------------------------- look-up --- */

static uint64_t
cookie_hash(const struct ike *e, const uint8_t *cookie)
{
	return hash_bytes(&e->env.hash_key, cookie, V1_COOKIE);
}

static uint64_t
first_hash(const struct ike *e, const uint8_t *cookie_i, const struct net_endpoint *remote)
{
	uint64_t h = hash_bytes(&e->env.hash_key, &remote->addr, sizeof(remote->addr));

	return hash_more(hash_more(h, remote->port), cookie_hash(e, cookie_i));
}

static struct ike_sa *
by_own_cookie(const struct ike *e, const uint8_t *own, const uint8_t *peers, enum ike_side side)
{
	static const uint8_t none[V1_COOKIE];

	for (struct hash_node *n = hash_find(&e->sa_by_cookie, cookie_hash(e, own)); n != NULL;
	     n = hash_again(n)) {
		struct ike_sa *sa = container_of(n, struct ike_sa, by_cookie);
		const uint8_t *mine = side == IKE_INITIATOR ? sa->cookie_i : sa->cookie_r;
		const uint8_t *theirs = side == IKE_INITIATOR ? sa->cookie_r : sa->cookie_i;
		if (sa->side != side || memcmp(mine, own, V1_COOKIE) != 0)
			continue;
		/* Before message 2 the initiator does not know the responder's; before an error
		 * notify the responder may not have made one. */
		if (memcmp(theirs, peers, V1_COOKIE) == 0 || memcmp(theirs, none, V1_COOKIE) == 0)
			return sa;
	}
	return NULL;
}

struct ike_sa *
ike_sa_find(const struct ike *e, const struct wire_header *h)
{
	struct ike_sa *sa = by_own_cookie(e, h->cookie_i, h->cookie_r, IKE_INITIATOR);

	return sa != NULL ? sa : by_own_cookie(e, h->cookie_r, h->cookie_i, IKE_RESPONDER);
}

struct ike_sa *
ike_sa_by_first(const struct ike *e, const uint8_t *cookie_i, const struct net_endpoint *remote)
{
	for (struct hash_node *n = hash_find(&e->sa_by_first, first_hash(e, cookie_i, remote));
	     n != NULL; n = hash_again(n)) {
		struct ike_sa *sa = container_of(n, struct ike_sa, by_first);
		if (memcmp(sa->cookie_i, cookie_i, V1_COOKIE) == 0 &&
		    net_endpoint_equal(&sa->first, remote))
			return sa;
	}
	return NULL;
}

struct ike_sa *
ike_sa_by_serial(const struct ike *e, uint64_t serial)
{
	for (struct hash_node *n = hash_find(&e->sa_by_serial, hash_more(0, serial)); n != NULL;
	     n = hash_again(n)) {
		struct ike_sa *sa = container_of(n, struct ike_sa, by_serial);
		if (sa->serial == serial)
			return sa;
	}
	return NULL;
}

/* ------------------------------------------------------------------------------------ birth --- */

/*
 * RFC 2408 2.5.3: unique, not forgeable, secret inside; here a keyed hash of addresses and noise.
 */
static void
make_cookie(struct ike *e, const struct ike_sa *sa, uint8_t *out)
{
	uint8_t in[2 * sizeof(struct net_endpoint) + 16] = { 0 };
	uint64_t h;

	memcpy(in, &sa->local.addr, sizeof(sa->local.addr));
	memcpy(in + sizeof(struct net_endpoint), &sa->remote.addr, sizeof(sa->remote.addr));
	do {
		e->env.random(e->env.user, in + 2 * sizeof(struct net_endpoint), 16);
		h = hash_bytes(&e->env.hash_key, in, sizeof(in));
	} while (h == 0);
	memcpy(out, &h, V1_COOKIE);
}

void
ike_sa_own_cookie(struct ike *e, struct ike_sa *sa)
{
	uint8_t *own = sa->side == IKE_INITIATOR ? sa->cookie_i : sa->cookie_r;

	if (sa->side == IKE_RESPONDER && e->cookie_wanted != NULL)
		memcpy(own, e->cookie_wanted, V1_COOKIE);
	else
		make_cookie(e, sa, own);
	hash_insert(&e->sa_by_cookie, &sa->by_cookie, cookie_hash(e, own));
}

struct ike_sa *
ike_sa_new(struct ike *e, const struct net_endpoint *local, const struct net_endpoint *remote,
	bool natt, enum ike_side side, const uint8_t *cookie_i)
{
	struct net_endpoint own;
	struct ike_peer *p;
	struct ike_sa *sa;

	if (e->sa_count >= e->env.limits.sas)
		return NULL;
	p = natt ? ike_peer_at(e, &local->addr, remote, false) : NULL;
	if (p == NULL)
		p = ike_peer_of(e, &local->addr, &remote->addr, true);
	sa = p == NULL ? NULL : calloc(1, sizeof(*sa));
	if (sa == NULL) {
		if (p != NULL)
			ike_peer_tidy(e, p);
		return NULL;
	}
	sa->serial = ++e->serial;
	sa->peer = p;
	sa->local = *local;
	sa->remote = *remote;
	sa->natt = natt;
	sa->natt_possible = natt || ike_natt_local(e, &local->addr, &own);
	sa->first = *remote;
	sa->side = side;
	sa->begun = e->now;
	sa->begun_step = e->steps;
	sa->expires = INSTANT_NEVER;
	list_init(&sa->quicks);
	list_append(&e->sas, &sa->in_all);
	list_append(&p->sas, &sa->in_peer);
	hash_insert(&e->sa_by_serial, &sa->by_serial, hash_more(0, sa->serial));
	e->sa_count++;
	if (side == IKE_RESPONDER) {
		memcpy(sa->cookie_i, cookie_i, V1_COOKIE);
		hash_insert(&e->sa_by_first, &sa->by_first, first_hash(e, cookie_i, remote));
		sa->half_open = true;
		list_append(&e->half_open, &sa->in_half_open);
		e->half_open_count++;
		p->half_open++;
		e->count[IKE_N_HALF_OPEN]++;
	}
	ike_sa_own_cookie(e, sa);
	return sa;
}

static void
limit_fired(struct ike *e, struct ike_timer *t)
{
	struct ike_xchg *x = container_of(t, struct ike_xchg, limit);
	char buf[IKE_COOKIES_TEXT], number[16];

	if (x->state == IKE_S_UP) { /* kept for duplicates of the last message, until now */
		hash_remove(&e->sa_by_first, &x->sa->by_first);
		ike_xchg_end(e, x);
		return;
	}
	if (x->child == NULL)
		ike_log(e, x->sa->half_open ? LOG_L_INFO : LOG_L_ERROR, &x->sa->remote,
			x->sa->serial, "phase1 negotiation failed due to time up. %s",
			ike_cookies_text(buf, sizeof(buf), x->sa));
	else
		ike_log(e, LOG_L_ERROR, &x->sa->remote, x->child->serial,
			"phase2 negotiation failed due to time up. %s:%08x",
			ike_cookies_text(buf, sizeof(buf), x->sa), x->message_id);
	if (x->hint != 0)
		ike_xchg_fail(e, x, ike_notify_status(x->hint, x->state),
			"peer answered %s in state %s",
			wire_name_text(WIRE_NAMES_NOTIFY, x->hint, number, sizeof(number)),
			ike_state_name(x->state));
	else if (x->window.retransmits)
		ike_xchg_fail(e, x, ike_silence(x), "no answer in state %s after %u transmissions",
			ike_state_name(x->state), x->window.tries + 1);
	else
		ike_xchg_fail(e, x, ST_TIMEUP, "in state %s", ike_state_name(x->state));
}

void
ike_sa_limit(struct ike *e, struct ike_xchg *x)
{
	int64_t ms = 30000;

	if (x->state == IKE_S_UP)
		ms = IKE_SETTLE_MS;
	else if (e->config != NULL)
		ms = x->child == NULL ? e->config->timer.phase1 : e->config->timer.phase2;
	ike_arm(e, &x->limit, instant_add(e->now, ms), limit_fired);
}

/* Our end for a peer: the address asked for, else the one nearest to it by prefix. */
bool
ike_local_for(const struct ike *e, const struct net_addr *remote, const struct net_addr *local,
	struct net_endpoint *out)
{
	unsigned best = 0;
	bool found = false;

	for (size_t i = 0; i < e->addresses; i++) {
		const struct net_endpoint *a = &e->address[i];
		struct net_prefix p = { .addr = a->addr };
		unsigned rank = 1;
		if (a->addr.family != remote->family)
			continue;
		if (local != NULL && local->family != 0 && !net_addr_equal(local, &a->addr))
			continue;
		while (p.len < net_addr_bits(remote)) {
			p.len++;
			if (!net_prefix_contains(&p, remote))
				break;
			rank++;
		}
		if (rank > best) {
			best = rank;
			*out = *a;
			found = true;
		}
	}
	return found;
}

/* Who is at the other end, from where, and how: for an initiator. */
static enum status
initiate(struct ike *e, const struct rc_remote *conf, const struct ike_path *path,
	struct ike_sa **out, char *why, size_t size)
{
	char pair[IKE_PAIR_TEXT];
	uint8_t exchange = conf->modes == 0 ? WIRE_X_MAIN : (uint8_t)conf->mode[0];
	struct ike_sa *sa;

	if (ike_row_find(exchange, IKE_INITIATOR, IKE_S_START) == NULL) {
		snprintf(why, size, "exchange mode %s",
			rc_exchange_name((enum rc_exchange)exchange));
		return ST_UNSUPPORTED;
	}
	sa = ike_sa_new(e, &path->local, &path->remote, path->natt, IKE_INITIATOR, NULL);
	if (sa == NULL) {
		snprintf(why, size, "%u phase 1 SAs", e->env.limits.sas);
		return ST_LIMIT;
	}
	sa->conf = conf;
	sa->exchange = (enum rc_exchange)exchange;
	sa->x = ike_xchg_new(e, sa, NULL, exchange, IKE_INITIATOR, 0);
	if (sa->x == NULL) {
		ike_sa_end(e, sa, ST_NOMEMORY, false, "deleted");
		return ST_NOMEMORY;
	}
	ike_log(e, LOG_L_INFO, &path->remote, sa->serial, "initiate new phase 1 negotiation: %s",
		ike_pair_text(pair, sizeof(pair), &path->local, "<=>", &path->remote));
	ike_log(e, LOG_L_INFO, &path->remote, sa->serial, "begin %s mode.",
		v1_exchange_title(exchange));
	ike_sa_limit(e, sa->x);
	*out = sa;
	ike_run_start(e, sa->x);
	return ST_NORMAL;
}

static enum status
may_initiate(struct ike *e, const struct net_addr *remote, const struct rc_remote **conf, char *why,
	size_t size)
{
	char text[NET_ADDR_TEXT];

	*conf = e->config == NULL ? NULL : rc_remote_for(e->config, remote);
	net_addr_text(text, sizeof(text), remote);
	snprintf(why, size, "%s", text);
	if (*conf == NULL) {
		ike_log(e, LOG_L_ERROR, NULL, 0, "no configuration found for %s", text);
		return ST_NOCONF;
	}
	return (*conf)->passive ? ST_PASSIVE : ST_NORMAL;
}

enum status
ike_sa_initiate(struct ike *e, const struct net_addr *remote, const struct net_addr *local,
	struct ike_sa **out, char *why, size_t size)
{
	struct ike_path path = { .remote = { .addr = *remote, .port = RC_PORT } };
	const struct rc_remote *conf;
	char text[NET_ADDR_TEXT];

	TRY(may_initiate(e, remote, &conf, why, size));
	if (!ike_local_for(e, remote, local, &path.local)) {
		snprintf(why, size, "no socket on a local address to reach %s from",
			net_addr_text(text, sizeof(text), remote));
		return ST_SYSERR;
	}
	if (conf->address.port != 0)
		path.remote.port = conf->address.port;
	return initiate(e, conf, &path, out, why, size);
}

/* As the operator says: with this configuration, whatever its addresses are. */
enum status
ike_sa_initiate_as(struct ike *e, const struct rc_remote *conf, const struct ike_peer *p,
	struct ike_sa **out, char *why, size_t size)
{
	struct ike_path path = { .remote = { .addr = p->address, .port = RC_PORT } };
	char text[NET_ADDR_TEXT];

	if (!ike_local_for(e, &p->address, &p->local, &path.local)) {
		snprintf(why, size, "no socket on a local address to reach %s from",
			net_addr_text(text, sizeof(text), &p->address));
		return ST_SYSERR;
	}
	if (conf->address.port != 0)
		path.remote.port = conf->address.port;
	return initiate(e, conf, &path, out, why, size);
}

/* RFC 3947 4: once on port 4500, a new phase 1 begins there. */
enum status
ike_sa_initiate_peer(struct ike *e, struct ike_peer *p, struct ike_sa **out, char *why, size_t size)
{
	const struct ike_sa *last = ike_peer_any(p);
	const struct rc_remote *conf;
	struct ike_path path;

	if (last != NULL && last->natt) {
		path = (struct ike_path){ last->local, last->remote, true };
	} else if (p->port != 0) {
		path.remote = (struct net_endpoint){ p->address, p->port };
		path.natt = true;
		if (!ike_natt_local(e, &p->local, &path.local))
			return ST_SYSERR;
	} else {
		return ike_sa_initiate(e, &p->address, &p->local, out, why, size);
	}
	TRY(may_initiate(e, &p->address, &conf, why, size));
	return initiate(e, conf, &path, out, why, size);
}

/* ------------------------------------------------------------------------------ established --- */

static void life_fired(struct ike *e, struct ike_timer *t);

static void
retire_fired(struct ike *e, struct ike_timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, retire);

	LIST_FOREACH(at, &sa->peer->sas)
	{
		const struct ike_sa *o = container_of(at, struct ike_sa, in_peer);
		if (o != sa && o->state == IKE_S_UP && !o->retiring) {
			ike_sa_end(e, sa, ST_REPLACED, true, "deleted");
			return;
		}
	}
	/* The other end saw it the other way round, and has deleted what was to stay. */
	sa->retiring = sa->dying = false;
}

void
ike_sa_retire(struct ike *e, struct ike_sa *sa, int64_t ms)
{
	/* Not at the same moment at both ends: see retire_fired. */
	instant when = instant_add(e->now, ms + ike_random32(e) % IKE_GRACE_SPREAD_MS);

	sa->dying = true;
	if (sa->retiring && sa->retire.node.when.ms <= when.ms)
		return;
	sa->retiring = true;
	ike_arm(e, &sa->retire, when, retire_fired);
}

/* See the head of this file. */
static void
choose_successor(struct ike *e, struct ike_sa *n)
{
	LIST_FOREACH(at, &n->peer->sas)
	{
		struct ike_sa *o = container_of(at, struct ike_sa, in_peer);
		if (o == n || o->state != IKE_S_UP || o->retiring ||
		    !net_endpoint_equal(&o->remote, &n->remote))
			continue;
		bool together = o->up_step > n->begun_step;
		bool o_loses = memcmp(o->cookie_i, n->cookie_i, V1_COOKIE) > 0;
		if (!together || o->side == n->side)
			ike_sa_retire(e, o, ike_grace_of(n->side));
		else if (o_loses)
			ike_sa_retire(e, o, ike_grace_of(o->side));
		else
			ike_sa_retire(e, n, ike_grace_of(n->side));
	}
}

/* The peer made it first: our own attempts that nobody has answered are pointless now. */
static void
abandon_attempts(struct ike *e, struct ike_sa *n)
{
	LIST_FOREACH(at, &n->peer->sas)
	{
		struct ike_sa *o = container_of(at, struct ike_sa, in_peer);
		bool first = o->state == IKE_S_MSG1_SENT || o->state == IKE_S_AGG1_SENT ||
			     o->state == IKE_S_BASE1_SENT;
		if (o != n && first && o->x != NULL && !o->x->answered &&
		    o->x->row == NULL && net_endpoint_equal(&o->remote, &n->remote))
			ike_sa_end(e, o, ST_REPLACED, false, "deleted");
	}
}

bool
ike_sa_wants_rekey(const struct ike_sa *sa)
{
	if (sa->conf == NULL || sa->conf->passive || sa->retiring)
		return false;
	switch (sa->conf->rekey) {
	case RC_OFF:
		return false;
	case RC_ON:
		return !list_empty(&sa->peer->children);
	case RC_FORCE:
		return true;
	}
	return false;
}

/* Phase 1 anew, beside the one there is. */
static void
renew(struct ike *e, struct ike_sa *sa, const char *why_now)
{
	char why[IKE_DETAIL_MAX];
	struct ike_sa *next;

	e->count[IKE_N_REKEYED]++;
	ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial, "%s, renewing phase 1", why_now);
	if (ike_sa_initiate_peer(e, sa->peer, &next, why, sizeof(why)) != ST_NORMAL)
		ike_log(e, LOG_L_ERROR, &sa->remote, sa->serial, "phase 1 is not renewed: %s", why);
}

static void
life_fired(struct ike *e, struct ike_timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, life);

	if (instant_reached(sa->expires, e->now)) {
		ike_sa_end(e, sa, ST_EXPIRED, true, "expired");
		return;
	}
	ike_arm(e, &sa->life, sa->expires, life_fired);
	bool rekey = ike_sa_wants_rekey(sa);
	sa->dying = true;
	if (!rekey || e->stopping || ike_peer_fresh(sa->peer) != NULL ||
	    ike_peer_coming(sa->peer) != NULL)
		return;
	renew(e, sa, "lifetime ends soon");
}

void
ike_sa_doubt(struct ike *e, struct ike_sa *sa)
{
	if (sa->state != IKE_S_UP || sa->dying || e->stopping || sa->conf == NULL ||
	    sa->conf->passive)
		return;
	sa->dying = true;
	if (ike_peer_fresh(sa->peer) == NULL && ike_peer_coming(sa->peer) == NULL)
		renew(e, sa, "no answer to quick mode");
}

void
ike_sa_up(struct ike *e, struct ike_sa *sa)
{
	char a[NET_ENDPOINT_TEXT], b[NET_ENDPOINT_TEXT], cookies[IKE_COOKIES_TEXT];
	int64_t soft = sa->life_ms / 10 * (sa->side == IKE_INITIATOR ? 8 : 9);

	ike_half_open_done(e, sa);
	ike_path_up(e, sa);
	sa->verified = true;
	sa->established = e->now;
	sa->created = e->today;
	sa->up_step = e->steps;
	sa->expires = instant_add(e->now, sa->life_ms);
	secret_wipe(&sa->keys.skeyid);
	secret_wipe(&sa->keys.e);
	memcpy(sa->iv, sa->x->iv, sizeof(sa->iv));
	e->count[IKE_N_PH1_UP]++;
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "ISAKMP-SA established %s-%s spi:%s",
		net_endpoint_text(a, sizeof(a), &sa->local),
		net_endpoint_text(b, sizeof(b), &sa->remote),
		ike_cookies_text(cookies, sizeof(cookies), sa));
	ike_note_sa(e, IKE_NOTE_PH1_UP, sa, ST_NORMAL, "");
	if (sa->side == IKE_INITIATOR)
		soft = ike_jitter(e, soft);
	ike_arm(e, &sa->life, instant_add(e->now, soft), life_fired);
	ike_sa_limit(e, sa->x);
	v1_initial_contact(e, sa);
	choose_successor(e, sa);
	if (sa->side == IKE_RESPONDER)
		abandon_attempts(e, sa);
	ike_commands_sa_up(e, sa);
	ike_child_kick(e, sa->peer);
}

/* -------------------------------------------------------------------------------------- end --- */

/* Aggressive mode: among those that give way to each other, and to all others. */
void
ike_half_open_costly(struct ike *e, struct ike_sa *sa)
{
	list_remove(&sa->in_half_open);
	list_append(&e->costly, &sa->in_half_open);
	sa->costly = true;
	e->costly_count++;
}

void
ike_half_open_done(struct ike *e, struct ike_sa *sa)
{
	if (!sa->half_open)
		return;
	sa->half_open = false;
	list_remove(&sa->in_half_open);
	e->half_open_count--;
	e->costly_count -= sa->costly;
	sa->peer->half_open--;
}

/* Reference 4.11: phase1_dead is for whoever has to bring the peer back, so not for a shutdown. */
static bool
without_successor(const struct ike *e, const struct ike_sa *sa, enum status status)
{
	if (e->stopping || status == ST_REPLACED || sa->conf == NULL ||
	    sa->conf->rekey == RC_OFF || status == ST_PEERDEAD /* told already */)
		return false;
	LIST_FOREACH(at, &sa->peer->sas)
	{
		const struct ike_sa *o = container_of(at, struct ike_sa, in_peer);
		if (o != sa && o->state == IKE_S_UP && !o->retiring)
			return false;
	}
	return true;
}

void
ike_sa_end(struct ike *e, struct ike_sa *sa, enum status status, bool tell, const char *verb)
{
	char a[NET_ENDPOINT_TEXT], b[NET_ENDPOINT_TEXT], cookies[IKE_COOKIES_TEXT];
	bool was_up = sa->state == IKE_S_UP;
	struct ike_peer *p = sa->peer;

	if (sa->state == IKE_S_DEAD)
		return;
	if (was_up && tell)
		v1_delete_sa(e, sa);
	if (was_up) {
		ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "ISAKMP-SA %s %s-%s spi:%s", verb,
			net_endpoint_text(a, sizeof(a), &sa->local),
			net_endpoint_text(b, sizeof(b), &sa->remote),
			ike_cookies_text(cookies, sizeof(cookies), sa));
		ike_note_sa(e, IKE_NOTE_PH1_DOWN, sa, status, status_row(status)->text);
		if (without_successor(e, sa, status))
			ike_note_sa(e, IKE_NOTE_PH1_DEAD, sa, status, status_row(status)->text);
	}
	ike_half_open_done(e, sa);
	sa->state = IKE_S_DEAD;
	ike_disarm(e, &sa->life);
	ike_disarm(e, &sa->retire);
	ike_disarm(e, &sa->dpd.timer);
	v1_frag_forget(e, &sa->frags);
	hash_remove(&e->sa_by_cookie, &sa->by_cookie);
	hash_remove(&e->sa_by_first, &sa->by_first);
	hash_remove(&e->sa_by_serial, &sa->by_serial);
	list_remove(&sa->in_all);
	list_remove(&sa->in_peer);
	e->sa_count--;
	if (sa->x != NULL)
		ike_xchg_end(e, sa->x);
	LIST_FOREACH(at, &sa->quicks)
		ike_child_restart(e, container_of(at, struct ike_xchg, in_sa)->child);
	list_append(&e->dead_sas, &sa->in_all);
	ike_peer_tidy(e, p);
}

void
ike_sa_free(struct ike *e, struct ike_sa *sa)
{
	/* Only at the engine's own end are they still linked. */
	hash_remove(&e->sa_by_cookie, &sa->by_cookie);
	hash_remove(&e->sa_by_first, &sa->by_first);
	hash_remove(&e->sa_by_serial, &sa->by_serial);
	list_remove(&sa->in_all);
	list_remove(&sa->in_peer);
	ike_disarm(e, &sa->life);
	ike_disarm(e, &sa->retire);
	ike_disarm(e, &sa->dpd.timer);
	v1_frag_forget(e, &sa->frags);
	if (sa->x != NULL)
		ike_xchg_end(e, sa->x);
	v1_keys_wipe(&sa->keys);
	forget_id(sa);
	wipe(sa, sizeof(*sa));
	free(sa);
}

/* What this attempt was to replace must not run out because it failed. */
static void
renew_later(struct ike *e, const struct ike_peer *p)
{
	LIST_FOREACH(at, &p->sas)
	{
		struct ike_sa *sa = container_of(at, struct ike_sa, in_peer);
		int64_t left = instant_diff(sa->expires, e->now);
		if (sa->state == IKE_S_UP && sa->dying && !sa->retiring &&
		    left > 4 * IKE_ACQUIRE_RETRY_MS)
			ike_arm(e, &sa->life, instant_add(e->now, left / 4), life_fired);
	}
}

/* What the operator here has to put right is told whoever made it show. */
static bool
is_our_lack(enum status status)
{
	return status == ST_NOPSK || status == ST_NOOWNCERT || status == ST_NOPEERKEY;
}

void
ike_sa_fail(struct ike *e, struct ike_sa *sa, enum status status, const char *detail)
{
	struct ike_xchg *x = sa->x;
	struct net_endpoint local = sa->local, remote = sa->remote;
	struct ike_peer *p = sa->peer;
	bool worth = sa->side == IKE_INITIATOR || sa->verified || is_our_lack(status);

	e->count[IKE_N_PH1_FAILED]++;
	if (worth && (x == NULL || !x->told)) {
		ike_log(e, LOG_L_ERROR, &remote, sa->serial, "phase 1 failed: %s: %s",
			status_row(status)->text, detail);
		ike_failure(e, 1, sa->serial, &local, &remote, status, x == NULL ? 0 : x->hint,
			detail);
	}
	bool initiator = sa->side == IKE_INITIATOR;
	if (worth && ike_peer_up(p) == NULL &&
		(status == ST_NORESPONSE || status == ST_NOAUTHANSWER || status == ST_TIMEUP))
		ike_note_sa(e, IKE_NOTE_PH1_DEAD, sa, status, detail);
	if (initiator)
		renew_later(e, p);
	/* ike_sa_end may free the peer: keep it while there is something that waits. */
	list_remove(&sa->in_peer);
	bool other = ike_peer_up(p) != NULL || ike_peer_coming(p) != NULL;
	list_append(&p->sas, &sa->in_peer);
	if (!other && (initiator || sa->verified)) {
		ike_commands_sa_failed(e, p, status, &remote, detail);
		LIST_FOREACH(at, &p->waiting)
			ike_child_fail(e, container_of(at, struct ike_child, waiting), ST_NOPHASE1,
				0, detail);
	}
	ike_sa_end(e, sa, status, false, "deleted");
}
