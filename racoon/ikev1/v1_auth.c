/*
 * v1_auth.c - proofs of identity in phase 1: made, sent, taken, judged (RFC 2409 5.1, 5.4).
 *
 * Called by the handlers of main, aggressive and base mode.  Nothing of a peer is believed before
 * v1_auth_check has found its proof good; the ID is data until then.
 */
#include "racoon/ikev1/v1_auth.h"

#include "racoon/ikev1/v1_cert.h"
#include "racoon/ikev1/v1_phase1.h"

/* ------------------------------------------------------------------------- pre-shared keys --- */

/* RFC 2409 5.4: in main mode nothing but the address can tell which key. */
static struct bytes
psk(const struct ike *e, const struct ike_sa *sa)
{
	struct bytes key = { 0 };

	if (e->config == NULL)
		return key;
	if (sa->exchange != RC_MAIN && sa->peer_id != NULL)
		key = rc_psk_for_id(
			e->config, sa->peer_id_type, bytes_of(sa->peer_id, sa->peer_id_n));
	if (key.n == 0)
		key = rc_psk_for_address(e->config, &sa->remote.addr);
	return key;
}

static enum status
have_psk(struct ike *e, struct ike_xchg *x)
{
	const struct ike_sa *sa = x->sa;
	char text[NET_ADDR_TEXT];

	bool first = x->state == IKE_S_START || x->state == IKE_S_AGG1_SENT ||
		     x->state == IKE_S_BASE1_SENT;
	if (first && sa->exchange != RC_MAIN && sa->peer_id != NULL && e->config != NULL &&
	    rc_psk_for_id(e->config, sa->peer_id_type, bytes_of(sa->peer_id, sa->peer_id_n)).n == 0)
		ike_log(e, LOG_L_NOTIFY, &sa->remote, sa->serial,
			"couldn't find the proper pskey, try to get one by the peer's address.");
	if (psk(e, sa).n != 0)
		return ST_NORMAL;
	/* The key may be that of an ID which is still to come. */
	if (x->sa->exchange != RC_MAIN && x->side == IKE_INITIATOR && x->sa->peer_id == NULL)
		return ST_NORMAL;
	return ike_why(x, ST_NOPSK, "%s in %s",
		net_addr_text(text, sizeof(text), &x->sa->remote.addr),
		e->config != NULL && e->config->path_psk != NULL ? e->config->path_psk : "psk.txt");
}

/* ------------------------------------------------------------------------------ the method --- */

enum status
v1_auth_begin(struct ike *e, struct ike_xchg *x)
{
	if (x->sa->auth == RC_AUTH_PSK)
		return have_psk(e, x);
	if (rc_auth_is_signature(x->sa->auth))
		return v1_sig_begin(e, x);
	return ike_why(x, ST_UNSUPPORTED, "authentication method %u", (unsigned)x->sa->auth);
}

enum status
v1_auth_skeyid(struct ike *e, struct ike_xchg *x)
{
	const struct v1_phase1 *d = x->data;
	struct ike_sa *sa = x->sa;

	if (rc_auth_is_signature(sa->auth))
		return v1_skeyid_sig(
			e->env.cry, sa->hash, secret_view(&d->gxy), d->ni, d->nr, &sa->keys.skeyid);
	TRY(v1_auth_begin(e, x)); /* the configuration may have changed meanwhile */
	return v1_skeyid_psk(e->env.cry, sa->hash, psk(e, sa), d->ni, d->nr, &sa->keys.skeyid);
}

/* -------------------------------------------------------------------- certificate requests --- */

void
v1_auth_ask(const struct ike_xchg *x, struct wire_builder *b)
{
	if (rc_auth_is_signature(x->sa->auth))
		v1_sig_ask(x, b);
}

void
v1_auth_asked(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	if (rc_auth_is_signature(x->sa->auth))
		v1_sig_asked(e, x, m);
}

/* ------------------------------------------------------------------------------- our proof --- */

enum status
v1_auth_prove(struct ike *e, struct ike_xchg *x, bool initiator)
{
	struct v1_phase1 *d = x->data;
	uint8_t hash[CRY_HASH_MAX];

	if (d->proof.n != 0)
		return ST_NORMAL;
	TRY(v1_auth_hash(e, x, initiator, d->own_id, hash));
	if (rc_auth_is_signature(x->sa->auth))
		return v1_sig_prove(e, x, bytes_of(hash, x->sa->hash->out));
	return v1_keep(x, bytes_of(hash, x->sa->hash->out), &d->proof);
}

bool
v1_auth_waits(struct ike_xchg *x)
{
	x->more = x->jobs != 0;
	return x->more;
}

void
v1_auth_add(const struct ike_xchg *x, struct wire_builder *b)
{
	const struct v1_phase1 *d = x->data;

	if (rc_auth_is_signature(x->sa->auth))
		v1_sig_add(x, b);
	else
		wire_add_data(b, WIRE_HASH, d->proof);
}

/* ------------------------------------------------------------------------- the peer's proof --- */

enum status
v1_auth_take(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;
	bool signature = rc_auth_is_signature(x->sa->auth);
	const struct wire_payload *p = wire_find(m, signature ? WIRE_SIG : WIRE_HASH, 0);

	if (p == NULL) {
		e->count[IKE_N_MALFORMED]++;
		ike_log(e, LOG_L_INFO, &x->sa->remote, x->sa->serial,
			"the proof is not that of the method agreed on, message dropped");
		return ike_drop(x, ST_INVALIDPAYLOAD);
	}
	if (signature)
		TRY(v1_sig_take_certs(e, x, m));
	return v1_keep(x, p->body, &d->peer_proof);
}

/* The signature is good, and its certificate vouches for the ID: is it the peer we expect? */
static void
proved(struct ike *e, struct ike_xchg *x)
{
	enum status status = v1_check_id(e, x);

	if (status != ST_NORMAL)
		x->failed = status;
}

enum status
v1_auth_check(struct ike *e, struct ike_xchg *x, bool initiator)
{
	struct v1_phase1 *d = x->data;
	uint8_t hash[CRY_HASH_MAX];

	if (d->judged)
		return ST_NORMAL;
	d->judged = true;
	TRY(v1_auth_hash(e, x, initiator, d->peer_id, hash));
	if (rc_auth_is_signature(x->sa->auth))
		return v1_sig_check(e, x, bytes_of(hash, x->sa->hash->out), proved);
	if (!secret_equal(d->peer_proof, bytes_of(hash, x->sa->hash->out))) {
		e->count[IKE_N_BAD_HASH]++;
		return ike_why(x, ST_AUTHFAILED, "HASH_%c of %s does not match",
			initiator ? 'I' : 'R', x->sa->peer_id_text);
	}
	return v1_check_id(e, x);
}
