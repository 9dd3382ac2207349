/*
 * v1_natt.h - vendor IDs, NAT traversal, dead peer detection and fragments of IKEv1.
 */
#ifndef RACOON_IKEV1_V1_NATT_H
#define RACOON_IKEV1_V1_NATT_H

#include "racoon/ike/engine.h"

/* ---- v1_vid.c */

enum v1_vendor { /* bits in ike_sa.peer_vendors */
	V1_VENDOR_RACOON = 1 << 0,
	V1_VENDOR_KAME = 1 << 1,
	V1_VENDOR_DPD = 1 << 2,
	V1_VENDOR_XAUTH = 1 << 3,
	V1_VENDOR_UNITY = 1 << 4,
	V1_VENDOR_FRAGMENTATION = 1 << 5,
	V1_VENDOR_MICROSOFT = 1 << 6,
	V1_VENDOR_GSSAPI = 1 << 7,
	V1_VENDOR_NATT_00 = 1 << 8, /* in the order of preference: the highest both have */
	V1_VENDOR_NATT_01 = 1 << 9,
	V1_VENDOR_NATT_02 = 1 << 10,
	V1_VENDOR_NATT_02N = 1 << 11,
	V1_VENDOR_NATT_03 = 1 << 12,
	V1_VENDOR_NATT_04 = 1 << 13,
	V1_VENDOR_NATT_05 = 1 << 14,
	V1_VENDOR_NATT_06 = 1 << 15,
	V1_VENDOR_NATT_07 = 1 << 16,
	V1_VENDOR_NATT_08 = 1 << 17,
	V1_VENDOR_NATT_RFC = 1 << 18,
};

/* Take note of those in a first message, and choose what follows from them (NAT-T's version). */
void v1_vendors_recv(struct ike *e, struct ike_sa *sa, const struct wire_msg *m);
/* Those the configuration enables; a responder answers with the NAT-T version it chose. */
void v1_vendors_send(const struct ike_sa *sa, struct wire_builder *b);

/* ---- v1_natt.c: RFC 3947 and its drafts */

struct v1_natt { /* one version */
	const char *name;
	enum v1_vendor vendor;
	uint8_t nat_d, nat_oa;      /* payload types */
	uint16_t tunnel, transport; /* encapsulation modes */
	bool floats;  /* to port 4500, with the non-ESP marker; else ESP with the non-IKE marker */
	bool both_oa; /* NAT-OA of both ends, the initiator's first; else of the sender alone */
};

/* Is NAT traversal wanted, and possible (there is a socket for it)? */
bool v1_natt_enabled(const struct ike_sa *sa);
const struct v1_natt *v1_natt_choose(uint32_t vendors); /* NULL: none in common */
/* NAT-D payloads of both ends into a message; nothing when NAT-T was not agreed on. */
enum status v1_natt_add(struct ike *e, struct ike_sa *sa, struct wire_builder *b) ATTR_NODISCARD;
/* … and out of one: sets sa->nat, and says what was found. */
enum status v1_natt_take(struct ike *e, struct ike_sa *sa, const struct wire_msg *m) ATTR_NODISCARD;
/* Initiator: from now on through port 4500, if there is a NAT. */
void v1_natt_float(struct ike *e, struct ike_sa *sa);
/* Quick mode: NAT-OA payloads where they are needed, and the peer's original address from them. */
void v1_natt_add_oa(const struct ike_child *c, struct wire_builder *b);
void v1_natt_take_oa(struct ike_child *c, const struct wire_msg *m);
/* The traffic a peer names, with the addresses the NAT shows, where transport mode is offered. */
void v1_natt_selector(struct ike *e, const struct ike_sa *sa, const struct wire_msg *m,
	struct sp_selector *sel);
/* Does one of the child's rules travel in UDP, and in transport mode? */
bool v1_natt_transport(const struct ike_child *c);
void v1_natt_tell(struct ike *e, const struct ike_child *c); /* into the log: what is in UDP */
/* The encapsulation attribute of a rule. */
uint16_t v1_natt_encap(const struct ike_child *c, const struct ike_pair *p);

/* ---- v1_frag.c: fragments of messages */

/* Is a message for this peer to go in pieces? */
bool v1_frag_wanted(const struct ike_sa *sa, size_t octets);
void v1_frag_send(struct ike *e, uint64_t serial, const struct ike_path *path,
	struct bytes message);
/* When parts that are kept are forgotten, and (if not NULL) whose they are; false: none are. */
bool v1_frag_due(const struct ike_frags *f, struct net_addr *remote, instant *when);
/* A datagram whose first payload is a fragment; true: *whole is the message it completes. */
bool v1_frag_recv(struct ike *e, const struct ike_event *ev, const struct wire_header *h,
	struct bytes *whole);
void v1_frag_forget(struct ike *e, struct ike_frags **owner);

/* ---- v1_dpd.c: RFC 3706 */

/* The peer has said something that is no replay: it lives, and is asked again after dpd_delay. */
void v1_dpd_alive(struct ike *e, struct ike_sa *sa);
/*
 * An authenticated R-U-THERE or R-U-THERE-ACK.  A question follows the peer to where it comes from
 * (ike_path_heard), unless its number is old or its message ID was heard before: that is a replay.
 */
void v1_dpd_recv(struct ike *e, struct ike_sa *sa, const struct wire_notify *n,
	uint32_t message_id);

#endif
