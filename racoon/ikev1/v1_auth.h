/*
 * v1_auth.h - how the two ends of phase 1 prove who they are (RFC 2409 5.1, 5.4).
 *
 * For the exchanges: main, aggressive, base.  They know when a proof is due; which payloads it
 * consists of, what it is computed over and who vouches for it is decided here, by the method that
 * was agreed on (sa->auth).  A proof is HASH_I or HASH_R, as such (pre-shared key) or signed (SIG),
 * with certificates beside it.
 *
 * Signing and verifying are jobs.  An exchange's send handler therefore goes
 *
 *	TRY(v1_auth_prove(e, x, initiator));
 *	if (v1_auth_waits(x))
 *		return ST_NORMAL;    // called again when the job is done
 *	… wire_add_body(&b, WIRE_ID, d->own_id); v1_auth_add(x, &b); …
 *
 * and a recv handler ends with v1_auth_take and v1_auth_check: the exchange goes on, to the row's
 * send or state, only when the proof was found good.  A send handler may call v1_auth_check as
 * well, where the keys are not there earlier (aggressive mode); then v1_auth_waits as above.
 */
#ifndef RACOON_IKEV1_V1_AUTH_H
#define RACOON_IKEV1_V1_AUTH_H

#include "racoon/ike/engine.h"

/*
 * Have we what the method needs: a pre-shared key, a certificate with its key?  Called as soon as
 * sa->auth is known, so that a negotiation that must fail does so at once.  ST_NOPSK, ST_NOCERT,
 * ST_UNSUPPORTED.
 */
enum status v1_auth_begin(struct ike *e, struct ike_xchg *x) ATTR_NODISCARD;
/* SKEYID by method, into sa->keys.skeyid: d->ni, d->nr and d->gxy are there. */
enum status v1_auth_skeyid(struct ike *e, struct ike_xchg *x) ATTR_NODISCARD;

/* Certificate requests: put ours into a message (send_cr), read the peer's in one. */
void v1_auth_ask(const struct ike_xchg *x, struct wire_builder *b);
void v1_auth_asked(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);

/* Our proof as this side: HASH_I of an initiator.  Idempotent; see v1_auth_waits. */
enum status v1_auth_prove(struct ike *e, struct ike_xchg *x, bool initiator) ATTR_NODISCARD;
/* In a send handler: is a job under way, so that it has to be called again? */
bool v1_auth_waits(struct ike_xchg *x);
/* CERT payloads, and SIG or HASH, behind our ID. */
void v1_auth_add(const struct ike_xchg *x, struct wire_builder *b);

/* Keep the peer's proof of m, with its certificates. ST_INVALIDPAYLOAD: not that of the method. */
enum status v1_auth_take(struct ike *e, struct ike_xchg *x,
	const struct wire_msg *m) ATTR_NODISCARD;
/*
 * Judge it: is it authentic, does the key belong to the ID (d->peer_id), is the ID the one
 * expected?  initiator: the peer is.  Idempotent.  At once or by a job, which fails the exchange
 * with the reason: ST_AUTHFAILED, ST_BADSIG, ST_CERT…, ST_IDMISMATCH.
 */
enum status v1_auth_check(struct ike *e, struct ike_xchg *x, bool initiator) ATTR_NODISCARD;

#endif
