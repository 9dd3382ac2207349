/*
 * v1_rows.h - the exchanges of IKEv1 as the engine sees them: rows, and a few entry points.
 */
#ifndef RACOON_IKEV1_V1_ROWS_H
#define RACOON_IKEV1_V1_ROWS_H

#include "racoon/ike/engine.h"

extern const struct ike_row v1_rows[];
extern const size_t v1_row_count;

const char *v1_exchange_title(uint8_t exchange); /* "Identity Protection" */

/* ---- v1_msg.c: sealing, opening, hashing */

/* Decrypt payloads (whole blocks) in place with sa's key and iv, which moves on. */
enum status v1_open(struct ike *e, const struct ike_sa *sa, uint8_t *iv, uint8_t *data,
	size_t n) ATTR_NODISCARD;
/*
 * The payloads into e->msg: wire_parse, and of a message that was sealed its padding, where the
 * configuration is strict about it.
 */
enum status v1_parse(struct ike *e, uint8_t first, struct bytes octets, bool sealed,
	const char **why) ATTR_NODISCARD;
/* Finish the message under construction: pad and encrypt when iv is given. Empty: did not fit. */
struct bytes v1_seal(struct ike *e, const struct ike_sa *sa, struct wire_builder *b, uint8_t *iv);
void v1_begin(struct ike *e, struct wire_builder *b, const struct ike_sa *sa, uint8_t exchange,
	uint8_t flags, uint32_t message_id);
/* IV of a quick mode or informational exchange; phase 1 may be in its last message. */
enum status v1_message_iv(struct ike *e, const struct ike_sa *sa, uint32_t message_id,
	uint8_t *iv) ATTR_NODISCARD;
/* CKY-I | CKY-R, the SPI of phase 1, in buf (2 * V1_COOKIE octets). */
struct bytes v1_cookies(const struct ike_sa *sa, uint8_t *buf);
/* Is there a HASH payload, equal to value? Constant time. */
bool v1_hash_is(const struct wire_msg *m, const struct alg *hash, const uint8_t *value);

/* ---- v1_main.c */

/* Message 1 from a peer: makes the SA, or refuses without keeping anything. */
void v1_first_message(struct ike *e, const struct ike_event *ev, const struct wire_header *h,
	const struct wire_msg *m);
/* An encrypted message of phase 1 does not decrypt to payloads. */
void v1_unreadable(struct ike *e, struct ike_xchg *x, const char *why);

/* ---- v1_quick.c */

/* The sainfo for traffic of a peer (outbound selector), or NULL. */
const struct rc_sainfo *v1_sainfo_for(const struct ike *e, const struct ike_sa *sa,
	const struct sp_selector *sel);
/* RFC 2409 5.5: HASH comes first. */
static inline bool
v1_first_is_hash(const struct wire_msg *m)
{
	return m->count != 0 && m->payload[0].type == WIRE_HASH;
}
/* First quick mode message of a peer (v1_accept.c). */
/* The peer's port changed: the SAs in the database follow. */
void v1_quick_ports(struct ike *e, struct ike_child *c);
void v1_quick_first(struct ike *e, struct ike_sa *sa, const struct wire_header *h,
	const struct wire_msg *m, const uint8_t *iv);

/* The peer said CONNECTED in an informational exchange (RFC 2408 3.1). */
void v1_quick_connected(struct ike *e, struct ike_child *c);

/* ---- v1_info.c */

/* New group mode: an authentic request is refused (RFC 2409 5.6), all else is dropped. */
void v1_new_group(struct ike *e, struct ike_sa *sa, const struct ike_event *ev,
	const struct wire_header *h);

void v1_info(struct ike *e, struct ike_sa *sa, const struct ike_event *ev,
	const struct wire_header *h);
/* The exchange ends in failure: tell the peer if there is a notify for it, then fail. */
void v1_refuse(struct ike *e, struct ike_xchg *x, enum status status, const char *detail);
/* An authenticated notify, or a bare one when there are no keys. */
void v1_notify(struct ike *e, struct ike_sa *sa, uint16_t type, uint8_t protocol, struct bytes spi,
	struct bytes data);
void v1_notify_bare(struct ike *e, uint64_t serial, const struct ike_path *path,
	const uint8_t *cookie_i, const uint8_t *cookie_r, uint16_t type);
void v1_delete_sa(struct ike *e, struct ike_sa *sa);
/* One Delete payload for SPIs of one protocol, sent on sa. */
void v1_delete_spis(struct ike *e, struct ike_sa *sa, enum sa_proto proto, const uint32_t *spi,
	size_t count);
void v1_initial_contact(struct ike *e, struct ike_sa *sa);

#endif
