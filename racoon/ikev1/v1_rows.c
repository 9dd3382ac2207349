/*
 * v1_rows.c - the transitions of IKEv1.
 *
 * Read by run.c, by the tests that check them, and by whoever prints the state diagrams.  A state,
 * side and exchange has one row or none; a message without a row is dropped.  Arrows are those of
 * RFC 2409 5.4 and 5.5: --> to the responder, <-- to the initiator, * sealed.
 */
#include "racoon/ikev1/v1_phase1.h"

#define P(type) WIRE_BIT(WIRE_##type)

const struct ike_row v1_rows[] = {
	/* ---------------------------------------------------------------------------- main mode */
	/* (nothing) */
	{ .story = "initiator: begin main mode", .exchange = WIRE_X_MAIN, .side = IKE_INITIATOR,
		.from = IKE_S_START, .to = IKE_S_MSG1_SENT, .recv = v1_main_i_begin,
		.send = v1_main_i1_send, .after = v1_main_i1_after },
	/* --> HDR, SA */
	{ .story = "responder: main mode message 1", .exchange = WIRE_X_MAIN, .side = IKE_RESPONDER,
		.from = IKE_S_START, .to = IKE_S_MSG2_SENT, .need = P(SA), .may = P(VENDOR),
		.recv = v1_main_r1_recv, .send = v1_main_r2_send },
	/* <-- HDR, SA */
	{ .story = "initiator: main mode message 2", .exchange = WIRE_X_MAIN, .side = IKE_INITIATOR,
		.from = IKE_S_MSG1_SENT, .to = IKE_S_MSG3_SENT, .need = P(SA), .may = P(VENDOR),
		.recv = v1_main_i2_recv, .send = v1_main_i3_send },
	/* --> HDR, KE, Ni */
	{ .story = "responder: main mode message 3", .exchange = WIRE_X_MAIN, .side = IKE_RESPONDER,
		.from = IKE_S_MSG2_SENT, .to = IKE_S_MSG4_SENT, .need = P(KE) | P(NONCE),
		.may = P(VENDOR) | P(CR) | P(NAT_D), .recv = v1_main_r3_recv,
		.send = v1_main_r4_send, .after = v1_main_r4_after },
	/* <-- HDR, KE, Nr */
	{ .story = "initiator: main mode message 4", .exchange = WIRE_X_MAIN, .side = IKE_INITIATOR,
		.from = IKE_S_MSG3_SENT, .to = IKE_S_MSG5_SENT, .need = P(KE) | P(NONCE),
		.may = P(VENDOR) | P(CR) | P(NAT_D), .recv = v1_main_i4_recv,
		.send = v1_main_i5_send },
	/* --> HDR*, IDii, [ CERT, ] HASH_I or SIG_I */
	{ .story = "responder: main mode message 5", .exchange = WIRE_X_MAIN, .side = IKE_RESPONDER,
		.from = IKE_S_MSG4_SENT, .to = IKE_S_UP, .sealed = IKE_SEALED,
		.need = P(ID), .either = P(HASH) | P(SIG),
		.may = P(VENDOR) | P(NOTIFY) | P(CERT) | P(CR), .recv = v1_main_r5_recv,
		.send = v1_main_r6_send, .after = v1_phase1_after },
	/* <-- HDR*, IDir, [ CERT, ] HASH_R or SIG_R */
	{ .story = "initiator: main mode message 6", .exchange = WIRE_X_MAIN, .side = IKE_INITIATOR,
		.from = IKE_S_MSG5_SENT, .to = IKE_S_UP, .sealed = IKE_SEALED,
		.need = P(ID), .either = P(HASH) | P(SIG),
		.may = P(VENDOR) | P(NOTIFY) | P(CERT) | P(CR), .recv = v1_main_i6_recv,
		.after = v1_phase1_after },

	/* ---------------------------------------------------------------------- aggressive mode */
	/* (nothing) */
	{ .story = "initiator: begin aggressive mode", .exchange = WIRE_X_AGGRESSIVE,
		.side = IKE_INITIATOR, .from = IKE_S_START, .to = IKE_S_AGG1_SENT,
		.recv = v1_aggr_i_begin, .send = v1_aggr_i1_send },
	/* --> HDR, SA, KE, Ni, IDii */
	{ .story = "responder: aggressive mode message 1", .exchange = WIRE_X_AGGRESSIVE,
		.side = IKE_RESPONDER, .from = IKE_S_START, .to = IKE_S_AGG2_SENT,
		.need = P(SA) | P(KE) | P(NONCE) | P(ID), .may = P(VENDOR) | P(CR),
		.recv = v1_aggr_r1_recv, .send = v1_aggr_r2_send },
	/* <-- HDR, SA, KE, Nr, IDir, [ CERT, ] HASH_R or SIG_R */
	{ .story = "initiator: aggressive mode message 2", .exchange = WIRE_X_AGGRESSIVE,
		.side = IKE_INITIATOR, .from = IKE_S_AGG1_SENT, .to = IKE_S_UP,
		.need = P(SA) | P(KE) | P(NONCE) | P(ID), .either = P(HASH) | P(SIG),
		.may = P(VENDOR) | P(CERT) | P(CR) | P(NAT_D) | P(NOTIFY),
		.recv = v1_aggr_i2_recv,
		.send = v1_aggr_i3_send, .after = v1_phase1_after },
	/* --> HDR[*], [ CERT, ] HASH_I or SIG_I */
	{ .story = "responder: aggressive mode message 3", .exchange = WIRE_X_AGGRESSIVE,
		.side = IKE_RESPONDER, .from = IKE_S_AGG2_SENT, .to = IKE_S_UP,
		.sealed = IKE_EITHER, .either = P(HASH) | P(SIG),
		.may = P(VENDOR) | P(NOTIFY) | P(NAT_D) | P(CERT),
		.recv = v1_aggr_r3_recv, .after = v1_phase1_after },

	/* ---------------------------------------------------------------------------- base mode */
	/* (nothing) */
	{ .story = "initiator: begin base mode", .exchange = WIRE_X_BASE, .side = IKE_INITIATOR,
		.from = IKE_S_START, .to = IKE_S_BASE1_SENT, .recv = v1_base_i_begin,
		.send = v1_base_i1_send },
	/* --> HDR, SA, IDii, Ni */
	{ .story = "responder: base mode message 1", .exchange = WIRE_X_BASE,
		.side = IKE_RESPONDER, .from = IKE_S_START, .to = IKE_S_BASE2_SENT,
		.need = P(SA) | P(ID) | P(NONCE), .may = P(VENDOR) | P(CR),
		.recv = v1_base_r1_recv, .send = v1_base_r2_send },
	/* <-- HDR, SA, IDir, Nr */
	{ .story = "initiator: base mode message 2", .exchange = WIRE_X_BASE,
		.side = IKE_INITIATOR, .from = IKE_S_BASE1_SENT, .to = IKE_S_BASE3_SENT,
		.need = P(SA) | P(ID) | P(NONCE), .may = P(VENDOR) | P(CR),
		.recv = v1_base_i2_recv, .send = v1_base_i3_send },
	/* --> HDR, KE, [ CERT, ] HASH_I or SIG_I */
	{ .story = "responder: base mode message 3", .exchange = WIRE_X_BASE,
		.side = IKE_RESPONDER, .from = IKE_S_BASE2_SENT, .to = IKE_S_UP,
		.need = P(KE), .either = P(HASH) | P(SIG),
		.may = P(VENDOR) | P(CERT) | P(NAT_D), .recv = v1_base_r3_recv,
		.send = v1_base_r4_send, .after = v1_phase1_after },
	/* <-- HDR, KE, [ CERT, ] HASH_R or SIG_R */
	{ .story = "initiator: base mode message 4", .exchange = WIRE_X_BASE,
		.side = IKE_INITIATOR, .from = IKE_S_BASE3_SENT, .to = IKE_S_UP,
		.need = P(KE), .either = P(HASH) | P(SIG),
		.may = P(VENDOR) | P(CERT) | P(NAT_D), .recv = v1_base_i4_recv,
		.after = v1_phase1_after },

	/* --------------------------------------------------------------------------- quick mode */
	/* (nothing) */
	{ .story = "initiator: begin quick mode", .exchange = WIRE_X_QUICK, .side = IKE_INITIATOR,
		.from = IKE_S_START, .to = IKE_S_QUICK1_SENT, .recv = v1_quick_i_begin,
		.send = v1_quick_i1_send },
	/* --> HDR*, HASH(1), SA, Ni [, KE ] [, IDci, IDcr ] */
	{ .story = "responder: quick mode message 1", .exchange = WIRE_X_QUICK,
		.side = IKE_RESPONDER, .from = IKE_S_START, .to = IKE_S_QUICK2_SENT,
		.sealed = IKE_SEALED,
		.need = P(HASH) | P(SA) | P(NONCE), .may = P(KE) | P(ID) | P(NOTIFY) | P(NAT_OA),
		.twice = P(ID) | P(NAT_OA), .recv = v1_quick_r1_recv, .send = v1_quick_r2_send },
	/* <-- HDR*, HASH(2), SA, Nr [, KE ] [, IDci, IDcr ] */
	{ .story = "initiator: quick mode message 2", .exchange = WIRE_X_QUICK,
		.side = IKE_INITIATOR, .from = IKE_S_QUICK1_SENT, .to = IKE_S_UP,
		.detour = IKE_S_QUICK3_SENT,
		.sealed = IKE_SEALED,
		.need = P(HASH) | P(SA) | P(NONCE), .may = P(KE) | P(ID) | P(NOTIFY) | P(NAT_OA),
		.twice = P(ID) | P(NAT_OA), .recv = v1_quick_i2_recv, .send = v1_quick_i3_send,
		.after = v1_quick_i3_after },
	/* --> HDR*, HASH(3) */
	{ .story = "responder: quick mode message 3", .exchange = WIRE_X_QUICK,
		.side = IKE_RESPONDER, .from = IKE_S_QUICK2_SENT, .to = IKE_S_UP,
		.sealed = IKE_SEALED,
		.need = P(HASH), .may = P(NOTIFY), .recv = v1_quick_r3_recv,
		.send = v1_quick_r4_send, .after = v1_quick_r3_after },
	/* <-- HDR*, HASH, N: after message 3, where the commit bit was set */
	{ .story = "initiator: quick mode, CONNECTED", .exchange = WIRE_X_QUICK,
		.side = IKE_INITIATOR, .from = IKE_S_QUICK3_SENT, .to = IKE_S_UP,
		.sealed = IKE_SEALED, .need = P(HASH) | P(NOTIFY), .recv = v1_quick_i4_recv,
		.after = v1_quick_i3_after },
};

const size_t v1_row_count = ARRAY_LEN(v1_rows);
