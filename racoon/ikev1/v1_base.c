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

/* -------------------------------------------------------------------------------- initiator --- */

enum status
v1_base_i_begin(struct ike *e, struct ike_xchg *x, const struct wire_msg *none)
{
	struct v1_phase1 *d;

	(void)none;
	TRY(v1_early_begin(e, x, &d));
	return v1_make_nonce(e, x, &d->ni);
}

enum status
v1_base_i1_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	struct wire_builder b;

	TRY(v1_early_offer(e, x, &b));
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

	TRY(v1_early_answer(e, x, m, NULL));
	TRY(v1_take_nonce(x, m, &d->nr));
	TRY(v1_early_id(e, x, m));
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

	TRY(v1_take_ke(x, m, &d->ke_r));
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
	return v1_early_respond(e, x, m);
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

/* --> HDR, KE, HASH_I ; a wrong hash costs no Diffie-Hellman */
enum status
v1_base_r3_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;

	TRY(v1_take_ke(x, m, &d->ke_i));
	TRY(v1_auth_take(e, x, m));
	x->sa->verified = true; /* our cookie came back */
	TRY(v1_natt_take(e, x->sa, m));
	TRY(early_skeyid(e, x));
	TRY(v1_auth_check(e, x, true));
	return ike_job_keypair(e, x, x->sa->group, &d->dh, v1_early_derive);
}

enum status
v1_base_r4_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;

	return send_ke_proof(e, x, d->ke_r, false);
}
