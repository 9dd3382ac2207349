/*
 * v1_prop.h - proposals of both phases: made from the configuration, chosen from what a peer
 * offers.
 */
#ifndef RACOON_IKEV1_V1_PROP_H
#define RACOON_IKEV1_V1_PROP_H

#include "racoon/ike/engine.h"

/* ---- phase 1, RFC 2409 appendix A */

struct v1_pick1 {
	const struct alg *encr, *hash, *group;
	uint16_t bits;
	enum rc_auth auth;
	int64_t life_ms;
	unsigned proposal, transform; /* places in the offer */
};

/* All proposals of the section as one SA payload, in the arena. */
enum status v1_offer1(struct arena *arena, const struct rc_remote *conf,
	struct wire_sa *out) ATTR_NODISCARD;
/*
 * The first of the peer's transforms that one of our proposals allows (proposal_check, reference:
 * obey, strict, claim, exact).  ST_NOPROPOSAL, with the differences logged, as of the SA of that
 * serial (0: there is none yet), and the first in why.
 */
enum status v1_choose1(struct ike *e, const struct net_endpoint *peer, uint64_t serial,
	const struct rc_remote *conf, const struct wire_sa *offer, struct v1_pick1 *out, char *why,
	size_t size) ATTR_NODISCARD;
/* Initiator: is the responder's answer one of ours?  ST_NOPROPOSAL. */
enum status v1_chosen1(const struct rc_remote *conf, const struct wire_sa *answer,
	struct v1_pick1 *out, char *why, size_t size) ATTR_NODISCARD;

/* ---- phase 2, RFC 2407 4.4 and 4.5 */

struct v1_pick2 { /* for one rule of the bundle */
	const struct alg *encr, *auth, *comp;
	uint16_t bits;
	uint32_t spi; /* the peer's */
	unsigned proposal, transform;
};
struct v1_picks2 {
	struct v1_pick2 rule[SP_RULES_MAX];
	unsigned pairs; /* of the child's that are used: compression may be left out */
	const struct alg *pfs;
	int64_t life_ms;
	uint64_t life_bytes;
	bool claim; /* our lifetime is shorter: tell in RESPONDER-LIFETIME */
	bool udp;
};

enum status v1_offer2(struct arena *arena, const struct ike_child *c, const struct rc_sainfo *info,
	struct wire_sa *out) ATTR_NODISCARD;
enum status v1_choose2(struct ike *e, const struct ike_child *c, const struct rc_sainfo *info,
	enum rc_check check, const struct wire_sa *offer, struct v1_picks2 *out, char *why,
	size_t size) ATTR_NODISCARD;
enum status v1_chosen2(const struct ike_child *c, const struct rc_sainfo *info,
	const struct wire_sa *answer, struct v1_picks2 *out, char *why, size_t size) ATTR_NODISCARD;

/*
 * The policy (outbound) that the first acceptable proposal of a peer asks for; ST_NOPROPOSAL with
 * the reason.  Levels are SP_REQUIRE without a reqid.
 */
enum status v1_generate2(struct ike *e, struct ike_sa *sa, const struct rc_sainfo *info,
	const struct wire_sa *offer, const struct sp_selector *sel, struct ipsec_policy *out,
	char *why, size_t size) ATTR_NODISCARD;

/* An SPI's octets in a payload (spi: four octets, in network order), and back. */
struct bytes v1_spi_octets(enum sa_proto proto, const uint8_t *spi);
bool v1_spi_from(enum sa_proto proto, struct bytes spi, uint32_t *out);
uint8_t v1_proto_of(enum sa_proto p);          /* WIRE_P_ESP */
enum sa_proto v1_proto_from(uint8_t protocol); /* SA_NONE: none of ours */

/* ---- shared */

/* Copies an SA payload into the arena and takes it apart there. */
enum status v1_keep_sa(struct arena *arena, const struct wire_payload *p, struct wire_sa *out,
	const char **why) ATTR_NODISCARD;
/* Seconds of the life attribute pair, 0 when there is none; kilobytes likewise. */
void v1_life_of(const struct wire_attr *attr, unsigned attrs, uint16_t type_attr,
	uint16_t life_attr, uint64_t *seconds, uint64_t *kilobytes);

#endif
