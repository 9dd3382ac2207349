/*
 * v1_main.c - main mode (RFC 2409 5.1, 5.4).
 *
 * Handlers of the rows in v1_rows.c; run.c has checked state and payload sets.  recv reads and
 * starts computations, send builds when they are done.  The responder computes its secret after
 * message 4 is away, while the initiator computes the same.
 */
#include "racoon/ikev1/v1_phase1.h"

#include <stdio.h>
#include <string.h>

/* -------------------------------------------------------------------------------- initiator --- */

enum status
v1_main_i_begin(struct ike *e, struct ike_xchg *x, const struct wire_msg *none)
{
	struct v1_phase1 *d;

	(void)none;
	return v1_early_begin(e, x, &d);
}

enum status
v1_main_i1_send(struct ike *e, struct ike_xchg *x)
{
	struct wire_builder b;

	TRY(v1_early_offer(e, x, &b));
	v1_vendors_send(x->sa, &b);
	return v1_phase1_send(e, x, &b, false, true);
}

/* Message 1 is away.  One group in all proposals: its key pair is made while the peer thinks. */
void
v1_main_i1_after(struct ike *e, struct ike_xchg *x)
{
	const struct rc_remote *conf = x->sa->conf;
	struct v1_phase1 *d = x->data;

	for (unsigned i = 1; i < conf->proposals; i++)
		if (conf->proposal[i].group != conf->proposal[0].group)
			return;
	d->dh_group = conf->proposal[0].group;
	if (ike_job_keypair(e, x, d->dh_group, &d->dh, NULL) != ST_NORMAL)
		d->dh_group = NULL; /* it is tried again with message 2 */
}

/* HDR, SA <-- */
enum status
v1_main_i2_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;

	TRY(v1_early_answer(e, x, m, NULL));
	if (d->dh_group == x->sa->group && (d->dh != NULL || x->jobs != 0))
		return ST_NORMAL;
	return ike_job_keypair(e, x, x->sa->group, &d->dh, NULL);
}

enum status
v1_main_i3_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	struct wire_builder b;

	TRY(v1_make_nonce(e, x, &d->ni));
	TRY(v1_keep(x, cry_dh_public(d->dh), &d->ke_i));
	v1_begin(e, &b, x->sa, WIRE_X_MAIN, 0, 0);
	wire_add_data(&b, WIRE_KE, d->ke_i);
	wire_add_data(&b, WIRE_NONCE, d->ni);
	v1_auth_ask(x, &b);
	TRY(v1_natt_add(e, x->sa, &b));
	return v1_phase1_send(e, x, &b, false, true);
}

/* HDR, KE, Nr <-- */
enum status
v1_main_i4_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;

	TRY(v1_take_ke(x, m, &d->ke_r));
	TRY(v1_take_nonce(x, m, &d->nr));
	v1_auth_asked(e, x, m);
	v1_vendors_recv(e, x->sa, m);
	TRY(v1_natt_take(e, x->sa, m));
	return ike_job_derive(e, x, x->sa->group, &d->dh, d->ke_r, &d->gxy, v1_phase1_keys);
}

enum status
v1_main_i5_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	struct wire_builder b;

	TRY(v1_auth_prove(e, x, true));
	if (v1_auth_waits(x))
		return ST_NORMAL;
	v1_natt_float(e, x->sa);
	v1_begin(e, &b, x->sa, WIRE_X_MAIN, WIRE_F_ENCRYPTED, 0);
	wire_add_body(&b, WIRE_ID, d->own_id);
	v1_auth_add(x, &b);
	v1_add_initial_contact(x->sa, &b);
	return v1_phase1_send(e, x, &b, true, true);
}

/* HDR*, IDir, HASH_R <-- */
enum status
v1_main_i6_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	TRY(v1_take_auth(e, x, m, false));
	v1_phase1_notifies(e, x, m);
	return ST_NORMAL;
}

/* -------------------------------------------------------------------------------- responder --- */

/* --> HDR, SA */
enum status
v1_main_r1_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d;

	TRY(v1_take_offer(e, x, m, &d));
	TRY(v1_auth_begin(e, x));
	return v1_own_id(x, &d->own_id);
}

enum status
v1_main_r2_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	struct wire_builder b;

	v1_begin(e, &b, x->sa, WIRE_X_MAIN, 0, 0);
	wire_add_sa(&b, &d->answer);
	v1_vendors_send(x->sa, &b);
	return v1_phase1_send(e, x, &b, false, false);
}

/* --> HDR, KE, Ni */
enum status
v1_main_r3_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;

	TRY(v1_take_ke(x, m, &d->ke_i));
	TRY(v1_take_nonce(x, m, &d->ni));
	v1_auth_asked(e, x, m);
	v1_vendors_recv(e, x->sa, m);
	TRY(v1_natt_take(e, x->sa, m));
	/* Our cookie came back: the peer receives at its address. */
	x->sa->verified = true;
	return ike_job_keypair(e, x, x->sa->group, &d->dh, NULL);
}

enum status
v1_main_r4_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	struct wire_builder b;

	TRY(v1_make_nonce(e, x, &d->nr));
	TRY(v1_keep(x, cry_dh_public(d->dh), &d->ke_r));
	v1_begin(e, &b, x->sa, WIRE_X_MAIN, 0, 0);
	wire_add_data(&b, WIRE_KE, d->ke_r);
	wire_add_data(&b, WIRE_NONCE, d->nr);
	v1_auth_ask(x, &b);
	TRY(v1_natt_add(e, x->sa, &b));
	return v1_phase1_send(e, x, &b, false, false);
}

void
v1_main_r4_after(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	enum status status = ike_job_derive(e, x, x->sa->group, &d->dh, d->ke_i, &d->gxy,
		v1_phase1_keys);

	if (status != ST_NORMAL)
		ike_xchg_fail(e, x, status, "key exchange could not be started");
}

/* --> HDR*, IDii, HASH_I */
enum status
v1_main_r5_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;

	TRY(v1_take_auth(e, x, m, true));
	d->contact = v1_says_initial_contact(x->sa, m);
	v1_phase1_notifies(e, x, m);
	return ST_NORMAL;
}

enum status
v1_main_r6_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	struct wire_builder b;

	TRY(v1_auth_prove(e, x, false));
	if (v1_auth_waits(x))
		return ST_NORMAL;
	ike_path_follow(e, x); /* message 5 was authentic */
	v1_begin(e, &b, x->sa, WIRE_X_MAIN, WIRE_F_ENCRYPTED, 0);
	wire_add_body(&b, WIRE_ID, d->own_id);
	v1_auth_add(x, &b);
	return v1_phase1_send(e, x, &b, true, false);
}
