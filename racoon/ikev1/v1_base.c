/*
 * v1_base.c - base mode (exchange type 1 of RFC 2408 4.4; the hashes are those of
 * draft-ietf-ipsec-ike-base-mode, as racoon has always had them).
 *
 * Handlers of the rows in v1_rows.c.  Four messages, none of them sealed: offer, identities and
 * nonces first, public values and proofs second.  A key is found by the peer's identity, and unlike
 * in aggressive mode the initiator proves itself first, so an observer who does not take part gets
 * no HASH_R of a key that he only asked for.  Nothing but the proof authenticates message 3, so
 * nothing else is taken from it.
 */
#include <stdio.h>
#include <string.h>

#include "racoon/ikev1/v1_phase1.h"

/* SKEYID of a pre-shared key needs no g^xy: the hashes can be made before it is computed. */
static enum status
early_skeyid(struct ike *e, struct ike_xchg *x)
{
	return x->sa->auth == RC_AUTH_PSK ? v1_auth_skeyid(e, x) : ST_NORMAL;
}

static enum status
take_nonce(struct ike_xchg *x, const struct wire_msg *m, struct bytes *out)
{
	struct bytes n = wire_find(m, WIRE_NONCE, 0)->body;

	if (n.n < WIRE_NONCE_MIN || n.n > WIRE_NONCE_MAX)
		return ike_why(x, ST_MALFORMED, "nonce of %zu octets", n.n);
	return v1_keep(x, n, out);
}

static enum status
take_ke(struct ike_xchg *x, const struct wire_msg *m, struct bytes *out)
{
	struct bytes k = wire_find(m, WIRE_KE, 0)->body;

	if (k.n != x->sa->group->out)
		return ike_why(x, ST_BADKE, "public value of %zu octets for %s", k.n,
			x->sa->group->name);
	return v1_keep(x, k, out);
}

static enum status
take_id(struct ike_xchg *x, const struct wire_msg *m)
{
	const struct wire_payload *id = wire_find(m, WIRE_ID, 0);
	struct v1_phase1 *d = x->data;

	TRY(v1_keep_id(x->sa, &id->id));
	return v1_keep(x, id->body, &d->peer_id);
}

/* -------------------------------------------------------------------------------- initiator --- */

enum status
v1_base_i_begin(struct ike *e, struct ike_xchg *x, const struct wire_msg *none)
{
	const struct rc_remote *conf = x->sa->conf;
	struct v1_phase1 *d;

	(void)none;
	TRY(v1_phase1_new(x, &d));
	if (conf->proposals == 0)
		return ike_why(x, ST_NOPROPOSAL, "remote %s has no proposal", conf->name);
	x->sa->auth = conf->proposal[0].auth;
	TRY(v1_auth_begin(e, x));
	TRY(v1_own_id(x, &d->own_id));
	return v1_make_nonce(e, x, &d->ni);
}

enum status
v1_base_i1_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	struct wire_builder b;
	struct wire_sa offer;

	TRY(v1_offer1(x->arena, x->sa->conf, &offer));
	v1_begin(e, &b, x->sa, WIRE_X_BASE, 0, 0);
	wire_add_sa(&b, &offer);
	TRY(v1_keep(x, wire_last_body(&b), &d->sai_b));
	wire_add_body(&b, WIRE_ID, d->own_id);
	wire_add_data(&b, WIRE_NONCE, d->ni);
	v1_auth_ask(x, &b);
	v1_vendors_send(x->sa, &b);
	return v1_phase1_send(e, x, &b, false, true);
}

/* HDR, SA, IDir, Nr <-- */
enum status
v1_base_i2_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;
	char why[IKE_DETAIL_MAX];
	struct v1_pick1 pick;
	struct wire_sa answer;

	if (wire_parse_sa(wire_find(m, WIRE_SA, 0), x->arena, &answer, NULL) != ST_NORMAL)
		return ike_drop(x, ST_MALFORMED);
	if (v1_chosen1(x->sa->conf, &answer, &pick, why, sizeof(why)) != ST_NORMAL)
		return ike_why(x, ST_NOPROPOSAL, "%s", why);
	v1_phase1_picked(e, x, &pick);
	v1_vendors_recv(e, x->sa, m);
	memcpy(x->sa->cookie_r, e->datagram.p + V1_COOKIE, V1_COOKIE);
	TRY(take_nonce(x, m, &d->nr));
	TRY(take_id(x, m));
	v1_auth_asked(e, x, m);
	TRY(early_skeyid(e, x));
	return ike_job_keypair(e, x, x->sa->group, &d->dh, NULL);
}

static enum status
send_ke_proof(struct ike *e, struct ike_xchg *x, struct bytes ke, bool initiator)
{
	struct wire_builder b;

	TRY(v1_auth_prove(e, x, initiator));
	if (v1_auth_waits(x))
		return ST_NORMAL;
	v1_begin(e, &b, x->sa, WIRE_X_BASE, 0, 0);
	wire_add_data(&b, WIRE_KE, ke);
	v1_auth_add(x, &b);
	TRY(v1_natt_add(e, x->sa, &b));
	return v1_phase1_send(e, x, &b, false, initiator);
}

enum status
v1_base_i3_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;

	if (d->ke_i.n == 0)
		TRY(v1_keep(x, cry_dh_public(d->dh), &d->ke_i));
	return send_ke_proof(e, x, d->ke_i, true);
}

/* HDR, KE, HASH_R <-- */
enum status
v1_base_i4_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;

	TRY(take_ke(x, m, &d->ke_r));
	TRY(v1_auth_take(e, x, m));
	TRY(v1_auth_check(e, x, false));
	TRY(v1_natt_take(e, x->sa, m));
	v1_natt_float(e, x->sa); /* quick mode goes there; base mode has ended */
	return ike_job_derive(e, x, x->sa->group, &d->dh, d->ke_r, &d->gxy, v1_phase1_keys);
}

/* -------------------------------------------------------------------------------- responder --- */

/* --> HDR, SA, IDii, Ni */
enum status
v1_base_r1_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d;

	TRY(v1_take_offer(e, x, m, &d));
	TRY(take_nonce(x, m, &d->ni));
	TRY(take_id(x, m));
	v1_auth_asked(e, x, m);
	TRY(v1_auth_begin(e, x));
	TRY(v1_own_id(x, &d->own_id));
	return v1_make_nonce(e, x, &d->nr);
}

enum status
v1_base_r2_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	struct wire_builder b;

	v1_begin(e, &b, x->sa, WIRE_X_BASE, 0, 0);
	wire_add_sa(&b, &d->answer);
	wire_add_body(&b, WIRE_ID, d->own_id);
	wire_add_data(&b, WIRE_NONCE, d->nr);
	v1_auth_ask(x, &b);
	v1_vendors_send(x->sa, &b);
	return v1_phase1_send(e, x, &b, false, false);
}

static void
derive_next(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	enum status status = v1_keep(x, cry_dh_public(d->dh), &d->ke_r);

	if (status == ST_NORMAL)
		status = ike_job_derive(e, x, x->sa->group, &d->dh, d->ke_i, &d->gxy,
			v1_phase1_keys);
	if (status != ST_NORMAL)
		x->failed = status;
}

/* --> HDR, KE, HASH_I ; a wrong hash costs no Diffie-Hellman */
enum status
v1_base_r3_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;

	TRY(take_ke(x, m, &d->ke_i));
	TRY(v1_auth_take(e, x, m));
	x->sa->verified = true; /* our cookie came back */
	TRY(v1_natt_take(e, x->sa, m));
	TRY(early_skeyid(e, x));
	TRY(v1_auth_check(e, x, true));
	return ike_job_keypair(e, x, x->sa->group, &d->dh, derive_next);
}

enum status
v1_base_r4_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;

	return send_ke_proof(e, x, d->ke_r, false);
}
