/*
 * v1_phase1.c - what main and aggressive mode share: keys, hashes, nonces, identities' proof.
 *
 * Called by their handlers, and by the receive path with a first message.  It holds nothing beyond
 * the exchange; keys go to the SA when they are made (RFC 2409 5, appendix B).
 */
#include "racoon/ikev1/v1_phase1.h"

#include <stdio.h>
#include <string.h>

static void
phase1_free(void *data)
{
	struct v1_phase1 *d = data;

	cry_dh_free(d->dh);
	d->dh = NULL;
	secret_wipe(&d->gxy);
}

enum status
v1_phase1_new(struct ike_xchg *x, struct v1_phase1 **out)
{
	struct v1_phase1 *d = arena_alloc(x->arena, sizeof(*d));

	if (d == NULL)
		return ST_NOMEMORY;
	x->data = d;
	x->data_free = phase1_free;
	*out = d;
	return ST_NORMAL;
}

enum status
v1_keep(struct ike_xchg *x, struct bytes b, struct bytes *out)
{
	*out = arena_dup(x->arena, b);
	return out->n == b.n ? ST_NORMAL : ST_NOMEMORY;
}

enum status
v1_make_nonce(struct ike *e, struct ike_xchg *x, struct bytes *out)
{
	const struct rc_remote *conf = x->sa->conf;
	int64_t n = conf == NULL ? 16 : conf->nonce_size;
	uint8_t *p;

	if (e->nonce_wanted.n != 0) /* see flood.c */
		return v1_keep(x, e->nonce_wanted, out);
	if (n < WIRE_NONCE_MIN)
		n = WIRE_NONCE_MIN;
	if (n > WIRE_NONCE_MAX)
		n = WIRE_NONCE_MAX;
	p = arena_alloc(x->arena, (size_t)n);
	if (p == NULL)
		return ST_NOMEMORY;
	e->env.random(e->env.user, p, (size_t)n);
	*out = bytes_of(p, (size_t)n);
	return ST_NORMAL;
}

void
v1_phase1_picked(struct ike *e, struct ike_xchg *x, const struct v1_pick1 *pick)
{
	struct ike_sa *sa = x->sa;

	sa->encr = pick->encr;
	sa->bits = pick->bits;
	sa->hash = pick->hash;
	sa->group = pick->group;
	sa->auth = pick->auth;
	sa->life_ms = pick->life_ms;
	ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial,
		"agreed on %s %u, %s, %s, lifetime %lld s", sa->encr->name, sa->bits,
		sa->hash->name, sa->group->name, (long long)(sa->life_ms / 1000));
}

/* The chosen proposal and transform, as they came. */
static void
answer_with(struct v1_phase1 *d, const struct wire_sa *offer, const struct v1_pick1 *pick)
{
	/* RFC 2408 4.2: unchanged, with its numbers. */
	d->answer_proposal = offer->proposal[pick->proposal];
	d->answer_proposal.transform += pick->transform;
	d->answer_proposal.transforms = 1;
	d->answer = *offer;
	d->answer.proposals = 1;
	d->answer.proposal = &d->answer_proposal;
}

enum status
v1_take_offer(struct ike *e, struct ike_xchg *x, const struct wire_msg *m,
	struct v1_phase1 **out)
{
	const struct wire_payload *p = wire_find(m, WIRE_SA, 0);
	struct v1_phase1 *d;
	char why[IKE_DETAIL_MAX];
	struct v1_pick1 pick;
	struct wire_sa offer;

	TRY(v1_phase1_new(x, &d));
	TRY(v1_keep_sa(x->arena, p, &offer, NULL));
	TRY(v1_keep(x, p->body, &d->sai_b));
	if (v1_choose1(e, &x->sa->remote, x->sa->serial, x->sa->conf, &offer, &pick, why,
		    sizeof(why)) != ST_NORMAL)
		return ike_why(x, ST_NOPROPOSAL, "%s", why);
	v1_phase1_picked(e, x, &pick);
	answer_with(d, &offer, &pick);
	v1_vendors_recv(e, x->sa, m);
	*out = d;
	return ST_NORMAL;
}

static enum status
make_keys(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	struct ike_sa *sa = x->sa;
	struct cry *c = e->env.cry;

	TRY(v1_auth_skeyid(e, x));
	TRY(v1_skeyid_dae(c, sa->hash, secret_view(&d->gxy), sa->cookie_i, sa->cookie_r,
		&sa->keys));
	TRY(v1_cipher_key(c, sa->hash, secret_view(&sa->keys.e), sa->encr, sa->bits,
		&sa->keys.key));
	return v1_phase1_iv(c, sa->hash, sa->encr, d->ke_i, d->ke_r, x->iv);
}

void
v1_phase1_keys(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	enum status status = make_keys(e, x);

	if (status != ST_NORMAL)
		x->failed = status;
	phase1_free(d);
}

/* Base mode: a proof comes before g^xy, so signatures are made with a key of the nonces alone. */
static enum status
base_hash(struct ike *e, struct ike_xchg *x, bool initiator, struct v1_auth *a, uint8_t *out)
{
	const struct v1_phase1 *d = x->data;
	const struct ike_sa *sa = x->sa;
	const struct bytes nonces[] = { d->ni, d->nr };
	struct bytes key = secret_view(&sa->keys.skeyid);
	uint8_t seed[CRY_HASH_MAX];

	if (sa->auth != RC_AUTH_PSK) {
		TRY(cry_hash(e->env.cry, sa->hash, nonces, 2, seed));
		key = bytes_of(seed, sa->hash->out);
	}
	if (initiator)
		return v1_hash_base_i(e->env.cry, sa->hash, key, a, out);
	a->idii_b = x->side == IKE_INITIATOR ? d->own_id : d->peer_id;
	return v1_hash_base_r(e->env.cry, sa->hash, key, a, out);
}

enum status
v1_auth_hash(struct ike *e, struct ike_xchg *x, bool initiator, struct bytes id_b, uint8_t *out)
{
	const struct v1_phase1 *d = x->data;
	const struct ike_sa *sa = x->sa;
	struct v1_auth a = { .gxi = d->ke_i, .gxr = d->ke_r, .cky_i = sa->cookie_i,
		.cky_r = sa->cookie_r, .sai_b = d->sai_b, .idii_b = id_b, .idir_b = id_b };
	struct bytes skeyid = secret_view(&sa->keys.skeyid);

	if (sa->exchange == RC_BASE && (initiator || sa->auth != RC_AUTH_PSK))
		return base_hash(e, x, initiator, &a, out);
	return initiator ? v1_hash_i(e->env.cry, sa->hash, skeyid, &a, out)
			 : v1_hash_r(e->env.cry, sa->hash, skeyid, &a, out);
}

enum status
v1_take_auth(struct ike *e, struct ike_xchg *x, const struct wire_msg *m, bool initiator)
{
	const struct wire_payload *id = wire_find(m, WIRE_ID, 0);
	struct v1_phase1 *d = x->data;

	TRY(v1_keep_id(x->sa, &id->id));
	TRY(v1_keep(x, id->body, &d->peer_id));
	TRY(v1_auth_take(e, x, m));
	return v1_auth_check(e, x, initiator);
}

/* ---------------------------------------------------------------------------- notifications --- */

bool
v1_says_initial_contact(const struct ike_sa *sa, const struct wire_msg *m)
{
	const struct wire_payload *p;
	uint8_t cookies[2 * V1_COOKIE];

	v1_cookies(sa, cookies);
	for (unsigned i = 0; (p = wire_find(m, WIRE_NOTIFY, i)) != NULL; i++)
		if (p->notify.type == WIRE_N_INITIAL_CONTACT &&
		    (p->notify.spi.n != sizeof(cookies) ||
			    memcmp(p->notify.spi.p, cookies, sizeof(cookies)) == 0))
			return true;
	return false;
}

void
v1_add_initial_contact(const struct ike_sa *sa, struct wire_builder *b)
{
	uint8_t cookies[2 * V1_COOKIE];
	struct wire_notify n = { .doi = WIRE_DOI_IPSEC, .protocol = WIRE_P_ISAKMP,
		.type = WIRE_N_INITIAL_CONTACT, .spi = v1_cookies(sa, cookies) };

	if (!sa->conf->initial_contact || ike_peer_known(sa))
		return;
	wire_add_notify(b, &n);
}

/* What may come with an authenticated last message. */
void
v1_phase1_notifies(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct ike_sa *sa = x->sa;
	const struct wire_payload *p;
	uint64_t seconds, kilobytes;
	struct wire_attr *attr;
	unsigned attrs;
	char number[16];

	for (unsigned i = 0; (p = wire_find(m, WIRE_NOTIFY, i)) != NULL; i++) {
		ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial, "received notify %s",
			wire_name_text(WIRE_NAMES_NOTIFY, p->notify.type, number, sizeof(number)));
		if (p->notify.type != WIRE_N_RESPONDER_LIFETIME ||
		    wire_parse_attrs(p->notify.data, x->arena, &attr, &attrs, NULL) != ST_NORMAL)
			continue;
		v1_life_of(attr, attrs, WIRE_A2_LIFE_TYPE, WIRE_A2_LIFE, &seconds, &kilobytes);
		if (seconds != 0 && (int64_t)seconds * 1000 < sa->life_ms) {
			sa->life_ms = (int64_t)seconds * 1000;
			ike_log(e, LOG_L_INFO, &sa->remote, sa->serial,
				"received RESPONDER-LIFETIME: %llu seconds",
				(unsigned long long)seconds);
		}
	}
}

/* -------------------------------------------------------------------------------- both ends --- */

enum status
v1_phase1_send(struct ike *e, struct ike_xchg *x, struct wire_builder *b, bool sealed,
	bool retransmit)
{
	struct bytes message = v1_seal(e, x->sa, b, sealed ? x->iv : NULL);

	if (message.n == 0)
		return ST_LIMIT;
	ike_window_send(e, x, message, retransmit);
	return ST_NORMAL;
}

void
v1_phase1_after(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	struct ike_sa *sa = x->sa;
	bool contact = d->contact;

	ike_path_follow(e, x);
	ike_sa_up(e, sa);
	v1_dpd_alive(e, sa);
	ike_xchg_settle(x);
	if (contact && sa->state == IKE_S_UP)
		ike_peer_contact(e, sa);
}

const char *
v1_exchange_title(uint8_t exchange)
{
	switch (exchange) {
	case WIRE_X_BASE:
		return "Base";
	case WIRE_X_MAIN:
		return "Identity Protection";
	case WIRE_X_AGGRESSIVE:
		return "Aggressive";
	}
	return "unknown";
}

/* ---------------------------------------------------------------------------- first message --- */

struct first { /* a message 1, looked at before anything is made of it */
	const struct ike_event *ev;
	const struct wire_header *h;
	const struct rc_remote *conf;
	const struct alg *group; /* of the proposal that will be taken */
};

static void
refuse_first(struct ike *e, const struct first *f, enum status status, const char *detail)
{
	uint8_t cookie_r[V1_COOKIE];

	ike_log(e, LOG_L_ERROR, &f->ev->datagram.remote, 0, "phase 1 refused: %s: %s",
		status_row(status)->text, detail);
	ike_failure(e, 1, 0, &f->ev->datagram.local, &f->ev->datagram.remote, status, 0, detail);
	e->count[IKE_N_PH1_FAILED]++;
	if (status_row(status)->notify == 0)
		return;
	/* Nothing is kept, but some initiators want to see a responder's cookie. */
	e->env.random(e->env.user, cookie_r, sizeof(cookie_r));
	v1_notify_bare(e, 0, &e->arrival, f->h->cookie_i, cookie_r, status_row(status)->notify);
}

static bool
acceptable(struct ike *e, struct first *f, const struct wire_msg *m)
{
	const char *fault = NULL;
	char why[IKE_DETAIL_MAX];
	struct v1_pick1 pick;
	struct wire_sa offer;
	enum status status;

	if (wire_parse_sa(wire_find(m, WIRE_SA, 0), e->step, &offer, &fault) != ST_NORMAL) {
		e->count[IKE_N_MALFORMED]++;
		ike_log(e, LOG_L_INFO, &f->ev->datagram.remote, 0, "malformed SA payload: %s",
			fault == NULL ? "too large" : fault);
		return false;
	}
	status = v1_choose1(e, &f->ev->datagram.remote, 0, f->conf, &offer, &pick, why,
		sizeof(why));
	if (status != ST_NORMAL)
		refuse_first(e, f, status, why);
	else
		f->group = pick.group;
	return status == ST_NORMAL;
}

/* The section for a peer: of several without an address, by its identity, else by its offer. */
static const struct rc_remote *
candidate(struct ike *e, const struct ike_event *ev, const struct wire_header *h,
	const struct wire_msg *m)
{
	const struct wire_payload *p = wire_find(m, WIRE_ID, 0), *sa = wire_find(m, WIRE_SA, 0);
	struct rc_id id = { .type = RC_ID_NONE };
	enum rc_exchange mode = (enum rc_exchange)h->exchange;
	const struct rc_remote *r;
	char why[IKE_DETAIL_MAX];
	struct v1_pick1 pick;
	struct wire_sa offer;

	if (p != NULL) {
		id.type = (enum rc_idtype)p->id.type;
		id.value = p->id.data;
	}
	r = rc_remote_pick(e->config, &ev->datagram.remote.addr, mode, &id);
	if (p != NULL || r == NULL || r != e->config->anonymous || r->next_any == NULL ||
	    sa == NULL || wire_parse_sa(sa, e->step, &offer, NULL) != ST_NORMAL)
		return r;
	for (const struct rc_remote *o = r; o != NULL; o = o->next_any)
		if (rc_remote_allows(o, mode) &&
		    v1_choose1(e, &ev->datagram.remote, 0, o, &offer, &pick, why, sizeof(why)) ==
			    ST_NORMAL)
			return o;
	return r;
}

/* Can an SA be done without until message 3 comes?  Not where message 2 is the whole answer. */
static bool
folds(const struct wire_header *h)
{
	return h->exchange != WIRE_X_AGGRESSIVE;
}

static bool
has_room(struct ike *e, const struct first *f)
{
	const struct net_endpoint *local = &f->ev->datagram.local,
				  *remote = &f->ev->datagram.remote;

	if (!folds(f->h))
		return ike_costly_room(e, local, remote, f->group);
	if (!e->unfolding && ike_flood(e))
		return true;
	return ike_half_open_room(e, local, remote);
}

/* The SA and its exchange; fold: as it would have come of the same message before. */
static struct ike_sa *
first_sa(struct ike *e, const struct first *f, bool fold)
{
	uint8_t cookie_r[V1_COOKIE];
	struct ike_sa *sa;

	if (fold) {
		ike_flood_cookie(e, f->h->cookie_i, cookie_r);
		e->cookie_wanted = cookie_r;
		e->nonce_wanted = ike_fold_nonce(e, f->h->cookie_i, cookie_r);
	}
	sa = ike_sa_new(e, &f->ev->datagram.local, &f->ev->datagram.remote, f->ev->datagram.natt,
		IKE_RESPONDER, f->h->cookie_i);
	e->cookie_wanted = NULL;
	if (sa == NULL)
		return NULL;
	sa->conf = f->conf;
	sa->answer_most = e->datagram.n + e->datagram.n / 2;
	sa->exchange = (enum rc_exchange)f->h->exchange;
	if (!folds(f->h))
		ike_half_open_costly(e, sa);
	sa->x = ike_xchg_new(e, sa, NULL, f->h->exchange, IKE_RESPONDER, 0);
	if (sa->x != NULL)
		return sa;
	ike_sa_end(e, sa, ST_NOMEMORY, false, "deleted");
	return NULL;
}

void
v1_first_message(struct ike *e, const struct ike_event *ev, const struct wire_header *h,
	const struct wire_msg *m)
{
	const struct ike_row *row = ike_row_find(h->exchange, IKE_RESPONDER, IKE_S_START);
	struct first f = { .ev = ev, .h = h };
	char pair[IKE_PAIR_TEXT], text[NET_ADDR_TEXT];
	const char *fault;

	if (e->stopping)
		return;
	f.conf = e->config == NULL ? NULL : candidate(e, ev, h, m);
	if (f.conf == NULL) {
		ike_log(e, LOG_L_ERROR, &ev->datagram.remote, 0,
			"couldn't find configuration for %s",
			net_addr_text(text, sizeof(text), &ev->datagram.remote.addr));
		ike_failure(e, 1, 0, &ev->datagram.local, &ev->datagram.remote, ST_NOCONF, 0,
			"message 1 from a peer without a remote section");
		return;
	}
	if (row == NULL || !rc_remote_allows(f.conf, (enum rc_exchange)h->exchange)) {
		ike_log(e, LOG_L_ERROR, &ev->datagram.remote, 0,
			"%s mode is not allowed by remote %s", v1_exchange_title(h->exchange),
			f.conf->name);
		return;
	}
	fault = ike_set_fault(row, m);
	if (fault != NULL) {
		e->count[IKE_N_MALFORMED]++;
		ike_log(e, LOG_L_INFO, &ev->datagram.remote, 0, "%s: %s, message dropped",
			row->story, fault);
		return;
	}
	if (!acceptable(e, &f, m))
		return;
	if (!has_room(e, &f))
		return;
	bool fold = folds(h) && !e->unfolding && ike_flood(e);
	struct ike_sa *sa = first_sa(e, &f, fold);
	if (sa == NULL)
		return;
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "respond new phase 1 negotiation: %s",
		ike_pair_text(pair, sizeof(pair), &sa->local, "<=>", &sa->remote));
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "begin %s mode.",
		v1_exchange_title(h->exchange));
	ike_sa_limit(e, sa->x);
	if (ike_run(e, sa->x, h, m) != ST_NORMAL)
		ike_sa_end(e, sa, ST_MALFORMED, false, "deleted");
	else if (fold && sa->state == IKE_S_MSG2_SENT)
		ike_fold(e, sa, bytes_of(NULL, 0));
	else if (fold && sa->state == IKE_S_BASE2_SENT)
		ike_fold(e, sa, ((const struct v1_phase1 *)sa->x->data)->nr);
	e->nonce_wanted = bytes_of(NULL, 0);
}

void
v1_unreadable(struct ike *e, struct ike_xchg *x, const char *why)
{
	struct ike_sa *sa = x->sa;

	e->count[IKE_N_MALFORMED]++;
	if (x->child != NULL || (x->state != IKE_S_MSG4_SENT && x->state != IKE_S_AGG2_SENT)) {
		ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "message cannot be decrypted: %s",
			why);
		return;
	}
	/* Anyone may have sent it: the exchange goes on, but the likely cause is named at once. */
	if (!x->told) {
		x->told = true;
		ike_log(e, LOG_L_ERROR, &sa->remote, sa->serial, "%s (%s)",
			status_row(ST_PSKMISMATCH)->text, why);
		ike_failure(e, 1, sa->serial, &sa->local, &sa->remote, ST_PSKMISMATCH, 0, why);
	}
	if (instant_diff(e->now, x->window.resent) < IKE_RESEND_GUARD_MS)
		return;
	x->window.resent = e->now;
	/* RFC 3947 4: the initiator has gone to port 4500 with it, and hears us only there. */
	v1_notify_bare(e, sa->serial, &e->arrival, sa->cookie_i, sa->cookie_r,
		WIRE_N_PAYLOAD_MALFORMED);
}
