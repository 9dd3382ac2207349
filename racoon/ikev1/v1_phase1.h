/*
 * v1_phase1.h - what main and aggressive mode share.
 */
#ifndef RACOON_IKEV1_V1_PHASE1_H
#define RACOON_IKEV1_V1_PHASE1_H

#include "lib/cry_sign.h"
#include "racoon/ikev1/v1_auth.h"
#include "racoon/ikev1/v1_id.h"
#include "racoon/ikev1/v1_natt.h"
#include "racoon/ikev1/v1_prop.h"
#include "racoon/ikev1/v1_rows.h"

struct v1_phase1 { /* an exchange's data; views lie in its arena */
	struct cry_dh *dh;
	const struct alg *dh_group;
	struct secret gxy;
	struct bytes ke_i, ke_r, ni, nr;
	struct bytes sai_b; /* the initiator's SA payload, as sent */
	struct bytes own_id;
	struct bytes proof;      /* HASH or SIG we send, once made */
	struct bytes peer_id, peer_proof; /* aggressive mode: judged when there are keys */
	bool judged;             /* … and have been, or a job is at it */
	struct bytes cert[CRY_CERTS_MAX]; /* DER or PKCS #7, as the peer sent them */
	unsigned certs;
	/* it asked for a certificate: of any CA, of ours, of another */
	bool cr_any, cr_ours, cr_other;
	struct wire_sa answer;
	struct wire_proposal answer_proposal;
	bool contact; /* the peer said INITIAL-CONTACT */
};

enum status v1_phase1_new(struct ike_xchg *x, struct v1_phase1 **out) ATTR_NODISCARD;
enum status v1_keep(struct ike_xchg *x, struct bytes b, struct bytes *out) ATTR_NODISCARD;
enum status v1_make_nonce(struct ike *e, struct ike_xchg *x, struct bytes *out) ATTR_NODISCARD;
void v1_phase1_picked(struct ike *e, struct ike_xchg *x, const struct v1_pick1 *pick);
/* Responder: the exchange's data from message 1's SA payload; ST_NOPROPOSAL with its reason. */
enum status v1_take_offer(struct ike *e, struct ike_xchg *x, const struct wire_msg *m,
	struct v1_phase1 **out) ATTR_NODISCARD;

/* v1_early.c.  A value of the wrong length ends the exchange. */
enum status v1_take_ke(struct ike_xchg *x, const struct wire_msg *m,
	struct bytes *out) ATTR_NODISCARD;
enum status v1_take_nonce(struct ike_xchg *x, const struct wire_msg *m,
	struct bytes *out) ATTR_NODISCARD;
/* Initiator: the exchange's data, with our identity. */
enum status v1_early_begin(struct ike *e, struct ike_xchg *x,
	struct v1_phase1 **out) ATTR_NODISCARD;
/* Message 1 up to its SA payload, which is kept for HASH_I. */
enum status v1_early_offer(struct ike *e, struct ike_xchg *x,
	struct wire_builder *b) ATTR_NODISCARD;
/* Message 2's SA, vendor IDs and cookie; group: the one that was offered already, or NULL. */
enum status v1_early_answer(struct ike *e, struct ike_xchg *x, const struct wire_msg *m,
	const struct alg *group) ATTR_NODISCARD;
/* The peer's identity and what certificates it asks for: to be proven later. */
enum status v1_early_id(struct ike *e, struct ike_xchg *x, const struct wire_msg *m) ATTR_NODISCARD;
/* Responder of base and aggressive mode: message 1 behind its SA, our identity and nonce. */
enum status v1_early_respond(struct ike *e, struct ike_xchg *x,
	const struct wire_msg *m) ATTR_NODISCARD;
/* Responder, when there is a key pair: its public value, then g^xy. */
void v1_early_derive(struct ike *e, struct ike_xchg *x);

/* When g^xy is there: SKEYIDs, key, IV. A failure goes to x->failed. */
void v1_phase1_keys(struct ike *e, struct ike_xchg *x);
/* HASH_I (initiator) or HASH_R with the given ID body. */
enum status v1_auth_hash(struct ike *e, struct ike_xchg *x, bool initiator, struct bytes id_b,
	uint8_t *out) ATTR_NODISCARD;
/* The ID and the proof of a message, kept and judged: see v1_auth.h. */
enum status v1_take_auth(struct ike *e, struct ike_xchg *x, const struct wire_msg *m,
	bool initiator) ATTR_NODISCARD;
bool v1_says_initial_contact(const struct ike_sa *sa, const struct wire_msg *m);
void v1_add_initial_contact(const struct ike_sa *sa, struct wire_builder *b);
void v1_phase1_notifies(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_phase1_send(struct ike *e, struct ike_xchg *x, struct wire_builder *b, bool sealed,
	bool retransmit) ATTR_NODISCARD;
void v1_phase1_after(struct ike *e, struct ike_xchg *x); /* row action: established */

/* Handlers of main mode, in the order of the messages. */
enum status v1_main_i_begin(struct ike *e, struct ike_xchg *x, const struct wire_msg *none);
enum status v1_main_i1_send(struct ike *e, struct ike_xchg *x);
void v1_main_i1_after(struct ike *e, struct ike_xchg *x);
enum status v1_main_r1_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_main_r2_send(struct ike *e, struct ike_xchg *x);
enum status v1_main_i2_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_main_i3_send(struct ike *e, struct ike_xchg *x);
enum status v1_main_r3_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_main_r4_send(struct ike *e, struct ike_xchg *x);
void v1_main_r4_after(struct ike *e, struct ike_xchg *x);
enum status v1_main_i4_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_main_i5_send(struct ike *e, struct ike_xchg *x);
enum status v1_main_r5_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_main_r6_send(struct ike *e, struct ike_xchg *x);
enum status v1_main_i6_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);

/* … of aggressive mode … */
enum status v1_aggr_i_begin(struct ike *e, struct ike_xchg *x, const struct wire_msg *none);
enum status v1_aggr_i1_send(struct ike *e, struct ike_xchg *x);
enum status v1_aggr_r1_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_aggr_r2_send(struct ike *e, struct ike_xchg *x);
enum status v1_aggr_i2_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_aggr_i3_send(struct ike *e, struct ike_xchg *x);
enum status v1_aggr_r3_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);

/* … of base mode … */
enum status v1_base_i_begin(struct ike *e, struct ike_xchg *x, const struct wire_msg *none);
enum status v1_base_i1_send(struct ike *e, struct ike_xchg *x);
enum status v1_base_r1_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_base_r2_send(struct ike *e, struct ike_xchg *x);
enum status v1_base_i2_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_base_i3_send(struct ike *e, struct ike_xchg *x);
enum status v1_base_r3_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_base_r4_send(struct ike *e, struct ike_xchg *x);
enum status v1_base_i4_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);

/* … and of quick mode. */
enum status v1_quick_i_begin(struct ike *e, struct ike_xchg *x, const struct wire_msg *none);
enum status v1_quick_i1_send(struct ike *e, struct ike_xchg *x);
enum status v1_quick_r1_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_quick_r2_send(struct ike *e, struct ike_xchg *x);
enum status v1_quick_i2_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_quick_i3_send(struct ike *e, struct ike_xchg *x);
void v1_quick_i3_after(struct ike *e, struct ike_xchg *x);
enum status v1_quick_i4_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
enum status v1_quick_r4_send(struct ike *e, struct ike_xchg *x);
enum status v1_quick_r3_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
void v1_quick_r3_after(struct ike *e, struct ike_xchg *x);

#endif
