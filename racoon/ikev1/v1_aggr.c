/*
 * v1_aggr.c - aggressive mode (RFC 2409 5.1, 5.4).
 *
 * Handlers of the rows in v1_rows.c.  Who listens can try keys against HASH_R off-line, so a
 * responder does this only where the configuration names the mode.  Message 3 is taken in clear, as
 * the RFC has it, and sealed, as most send it; ours is sealed.
 */
#include <stdio.h>
#include <string.h>

#include "racoon/ikev1/v1_phase1.h"

/* The exchange cannot negotiate a group: KE comes with the offer. */
static enum status
one_group(struct ike_xchg *x)
{
	const struct rc_remote *conf = x->sa->conf;

	for (unsigned i = 1; i < conf->proposals; i++)
		if (conf->proposal[i].group != conf->proposal[0].group)
			return ike_why(x, ST_UNSUPPORTED,
				"proposals of remote %s have several groups", conf->name);
	return ST_NORMAL;
}

/* -------------------------------------------------------------------------------- initiator --- */

enum status
v1_aggr_i_begin(struct ike *e, struct ike_xchg *x, const struct wire_msg *none)
{
	struct v1_phase1 *d;

	(void)none;
	TRY(v1_early_begin(e, x, &d));
	TRY(one_group(x));
	TRY(v1_make_nonce(e, x, &d->ni));
	d->dh_group = x->sa->conf->proposal[0].group;
	return ike_job_keypair(e, x, d->dh_group, &d->dh, NULL);
}

enum status
v1_aggr_i1_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	struct wire_builder b;

	TRY(v1_keep(x, cry_dh_public(d->dh), &d->ke_i));
	TRY(v1_early_offer(e, x, &b));
	wire_add_data(&b, WIRE_KE, d->ke_i);
	wire_add_data(&b, WIRE_NONCE, d->ni);
	wire_add_body(&b, WIRE_ID, d->own_id);
	v1_auth_ask(x, &b);
	v1_vendors_send(x->sa, &b);
	return v1_phase1_send(e, x, &b, false, true);
}

/* HDR, SA, KE, Nr, IDir, HASH_R <-- */
enum status
v1_aggr_i2_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;

	TRY(v1_early_answer(e, x, m, d->dh_group));
	TRY(v1_take_ke(x, m, &d->ke_r));
	TRY(v1_take_nonce(x, m, &d->nr));
	TRY(v1_early_id(e, x, m));
	TRY(v1_auth_take(e, x, m));
	TRY(v1_natt_take(e, x->sa, m));
	return ike_job_derive(e, x, x->sa->group, &d->dh, d->ke_r, &d->gxy, v1_phase1_keys);
}

enum status
v1_aggr_i3_send(struct ike *e, struct ike_xchg *x)
{
	struct wire_builder b;

	TRY(v1_auth_check(e, x, false));
	if (v1_auth_waits(x))
		return ST_NORMAL;
	TRY(v1_auth_prove(e, x, true));
	if (v1_auth_waits(x))
		return ST_NORMAL;
	v1_natt_float(e, x->sa);
	v1_begin(e, &b, x->sa, WIRE_X_AGGRESSIVE, WIRE_F_ENCRYPTED, 0);
	v1_auth_add(x, &b);
	TRY(v1_natt_add(e, x->sa, &b));
	v1_add_initial_contact(x->sa, &b);
	return v1_phase1_send(e, x, &b, true, false);
}

/* -------------------------------------------------------------------------------- responder --- */

/* --> HDR, SA, KE, Ni, IDii */
enum status
v1_aggr_r1_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d;

	TRY(v1_take_offer(e, x, m, &d));
	TRY(v1_take_ke(x, m, &d->ke_i));
	TRY(v1_early_respond(e, x, m));
	return ike_job_keypair(e, x, x->sa->group, &d->dh, v1_early_derive);
}

enum status
v1_aggr_r2_send(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	struct wire_builder b;

	TRY(v1_auth_prove(e, x, false));
	if (v1_auth_waits(x))
		return ST_NORMAL;
	v1_begin(e, &b, x->sa, WIRE_X_AGGRESSIVE, 0, 0);
	wire_add_sa(&b, &d->answer);
	wire_add_data(&b, WIRE_KE, d->ke_r);
	wire_add_data(&b, WIRE_NONCE, d->nr);
	wire_add_body(&b, WIRE_ID, d->own_id);
	v1_auth_add(x, &b);
	v1_auth_ask(x, &b);
	v1_vendors_send(x->sa, &b);
	TRY(v1_natt_add(e, x->sa, &b));
	return v1_phase1_send(e, x, &b, false, false);
}

/* --> HDR[*], HASH_I */
enum status
v1_aggr_r3_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;

	TRY(v1_auth_take(e, x, m));
	x->sa->verified = true; /* it holds what only message 2 could tell it */
	TRY(v1_natt_take(e, x->sa, m));
	TRY(v1_auth_check(e, x, true));
	d->contact = v1_says_initial_contact(x->sa, m);
	v1_phase1_notifies(e, x, m);
	return ST_NORMAL;
}
