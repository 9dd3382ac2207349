/*
 * v1_cert.h - signatures and certificates in phase 1: for v1_auth.c alone.
 */
#ifndef RACOON_IKEV1_V1_CERT_H
#define RACOON_IKEV1_V1_CERT_H

#include "racoon/ike/engine.h"

enum {
	V1_CERT_OCTETS_MAX = 32768, /* of all certificates of a peer together */
	V1_REQUESTS_MAX = 8,        /* CR payloads we send */
};

/* Our key is there, and so is the peer's where the configuration has to have it. */
enum status v1_sig_begin(struct ike *e, struct ike_xchg *x) ATTR_NODISCARD;
void v1_sig_ask(const struct ike_xchg *x, struct wire_builder *b);
void v1_sig_asked(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
/* A job that signs HASH_I or HASH_R; the result is d->proof. */
enum status v1_sig_prove(struct ike *e, struct ike_xchg *x, struct bytes hash) ATTR_NODISCARD;
/* CERT payloads, then SIG. */
void v1_sig_add(const struct ike_xchg *x, struct wire_builder *b);
enum status v1_sig_take_certs(
	struct ike *e, struct ike_xchg *x, const struct wire_msg *m) ATTR_NODISCARD;
/* A job that judges d->peer_proof over this hash; then() runs when it was found good. */
enum status v1_sig_check(struct ike *e, struct ike_xchg *x, struct bytes hash,
	void (*then)(struct ike *e, struct ike_xchg *x)) ATTR_NODISCARD;

#endif
