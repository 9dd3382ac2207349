/*
 * v1_early.c - what the phase 1 exchanges begin with: offer and answer, nonces, public values; and,
 * of base and aggressive mode, identities before there are keys (RFC 2409 5, RFC 2408 4.4).
 *
 * Called by the handlers of v1_main.c, v1_aggr.c and v1_base.c.  Nothing here is authenticated yet.
 */
#include <stdio.h>
#include <string.h>

#include "racoon/ikev1/v1_phase1.h"

enum status
v1_early_begin(struct ike *e, struct ike_xchg *x, struct v1_phase1 **out)
{
	const struct rc_remote *conf = x->sa->conf;

	TRY(v1_phase1_new(x, out));
	if (conf->proposals == 0)
		return ike_why(x, ST_NOPROPOSAL, "remote %s has no proposal", conf->name);
	x->sa->auth = conf->proposal[0].auth;
	TRY(v1_auth_begin(e, x));
	return v1_own_id(x, &(*out)->own_id);
}

enum status
v1_early_offer(struct ike *e, struct ike_xchg *x, struct wire_builder *b)
{
	struct v1_phase1 *d = x->data;
	struct wire_sa offer;

	TRY(v1_offer1(x->arena, x->sa->conf, &offer));
	v1_begin(e, b, x->sa, x->exchange, 0, 0);
	wire_add_sa(b, &offer);
	return v1_keep(x, wire_last_body(b), &d->sai_b);
}

enum status
v1_early_answer(struct ike *e, struct ike_xchg *x, const struct wire_msg *m,
	const struct alg *group)
{
	char why[IKE_DETAIL_MAX];
	struct v1_pick1 pick;
	struct wire_sa answer;

	if (wire_parse_sa(wire_find(m, WIRE_SA, 0), x->arena, &answer, NULL) != ST_NORMAL)
		return ike_drop(x, ST_MALFORMED);
	if (v1_chosen1(x->sa->conf, &answer, &pick, why, sizeof(why)) != ST_NORMAL)
		return ike_why(x, ST_NOPROPOSAL, "%s", why);
	if (group != NULL && pick.group != group)
		return ike_why(x, ST_NOPROPOSAL, "the configuration has changed meanwhile");
	v1_phase1_picked(e, x, &pick);
	TRY(v1_auth_begin(e, x));
	v1_vendors_recv(e, x->sa, m);
	memcpy(x->sa->cookie_r, e->datagram.p + V1_COOKIE, V1_COOKIE);
	return ST_NORMAL;
}

enum status
v1_take_nonce(struct ike_xchg *x, const struct wire_msg *m, struct bytes *out)
{
	struct bytes n = wire_find(m, WIRE_NONCE, 0)->body;

	if (n.n < WIRE_NONCE_MIN || n.n > WIRE_NONCE_MAX)
		return ike_why(x, ST_MALFORMED, "nonce of %zu octets", n.n);
	return v1_keep(x, n, out);
}

enum status
v1_take_ke(struct ike_xchg *x, const struct wire_msg *m, struct bytes *out)
{
	struct bytes k = wire_find(m, WIRE_KE, 0)->body;

	if (k.n != x->sa->group->out)
		return ike_why(x, ST_BADKE, "public value of %zu octets for %s", k.n,
			x->sa->group->name);
	return v1_keep(x, k, out);
}

enum status
v1_early_id(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	const struct wire_payload *id = wire_find(m, WIRE_ID, 0);
	struct v1_phase1 *d = x->data;

	TRY(v1_keep_id(x->sa, &id->id));
	TRY(v1_keep(x, id->body, &d->peer_id));
	v1_auth_asked(e, x, m);
	return ST_NORMAL;
}

enum status
v1_early_respond(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;

	TRY(v1_take_nonce(x, m, &d->ni));
	TRY(v1_early_id(e, x, m));
	TRY(v1_auth_begin(e, x));
	TRY(v1_own_id(x, &d->own_id));
	return v1_make_nonce(e, x, &d->nr);
}

void
v1_early_derive(struct ike *e, struct ike_xchg *x)
{
	struct v1_phase1 *d = x->data;
	enum status status = v1_keep(x, cry_dh_public(d->dh), &d->ke_r);

	if (status == ST_NORMAL)
		status = ike_job_derive(e, x, x->sa->group, &d->dh, d->ke_i, &d->gxy,
			v1_phase1_keys);
	if (status != ST_NORMAL)
		x->failed = status;
}
