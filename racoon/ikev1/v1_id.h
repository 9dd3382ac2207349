/*
 * v1_id.h - identities of both phases.
 */
#ifndef RACOON_IKEV1_V1_ID_H
#define RACOON_IKEV1_V1_ID_H

#include "racoon/ike/engine.h"

/* Body of our phase 1 ID payload, in the arena. ST_IDTYPE: not for this exchange. */
enum status v1_own_id(struct ike_xchg *x, struct bytes *body) ATTR_NODISCARD;
/* Keep the peer's phase 1 ID in the SA. */
enum status v1_keep_id(struct ike_sa *sa, const struct wire_id *id) ATTR_NODISCARD;
/* Judge the one that is kept. ST_IDTYPE, ST_IDMISMATCH. */
enum status v1_check_id(struct ike *e, struct ike_xchg *x) ATTR_NODISCARD;

/* A phase 2 ID payload from one side of a selector. */
struct wire_id v1_id_of(const struct net_prefix *p, uint16_t port, uint8_t upper, uint8_t *buffer);
enum { V1_ID_DATA_MAX = 32 };
/* The other way; false: not an address form, or prefix is none. */
bool v1_id_prefix(const struct wire_id *id, struct net_prefix *out);
/* Selector of a negotiation from both IDs: src is ours. */
bool v1_ids_selector(const struct wire_id *local, const struct wire_id *remote,
	struct sp_selector *out);
/* The same as the configuration's look-up wants them. */
void v1_selector_ids(const struct sp_selector *sel, struct rc_selector_id *local,
	struct rc_selector_id *remote);

#endif
