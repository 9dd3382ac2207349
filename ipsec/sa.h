/*
 * sa.h - what a security association and a policy are, whoever keeps them.
 *
 * Plain values: no pointers but those to algorithm rows, so they may be copied.  Numbers are those
 * of PF_KEYv2 with the KAME/Linux extensions, because setkey shows them.
 */
#ifndef IPSEC_SA_H
#define IPSEC_SA_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/alg.h"
#include "lib/net.h"
#include "lib/when.h"

enum { SA_KEY_MAX = 256, SP_RULES_MAX = 4, SP_UPPER_ANY = 255, SA_SPI_MIN = 256, SA_CTX_MAX = 128 };

enum sa_proto { /* IP protocol numbers */
	SA_NONE = 0,
	SA_TCP = 6,
	SA_ESP = 50,
	SA_AH = 51,
	SA_IPCOMP = 108,
};
enum sa_mode { SA_MODE_ANY = 0, SA_TRANSPORT = 1, SA_TUNNEL = 2 };
enum sa_state { SA_LARVAL = 0, SA_MATURE = 1, SA_DYING = 2, SA_DEAD = 3 };
enum sa_flag { /* SADB_SAFLAGS_ and SADB_X_EXT_ values */
	SA_F_PFS = 0x0001,
	SA_F_OLD = 0x0002,         /* esp-old, ah-old (ours on the wire) */
	SA_F_CYCSEQ = 0x0040,      /* allow the sequence number to wrap (setkey's default) */
	SA_F_PAD_RAND = 0x0010,    /* random-pad */
	SA_F_PAD_ZERO = 0x0020,    /* zero-pad; neither bit: seq-pad */
	SA_F_RAWCPI = 0x0080,
	SA_F_ESN = 0x0100,         /* 64-bit sequence numbers (RFC 4303 2.2.1; ours on the wire) */
};

struct sa_key {
	uint16_t octets;
	uint8_t b[SA_KEY_MAX];
};

struct sa_life { /* limits, 0 = none; as "current": what has been used, add/use as wall seconds */
	uint32_t allocations;
	uint64_t bytes;
	uint64_t add_s; /* seconds since creation */
	uint64_t use_s; /* seconds since first use */
};

struct sa_mark { /* of packets; mask 0: none is asked for */
	uint32_t value, mask;
};

struct sa_context { /* a security label, as SELinux has it; text empty: none */
	uint8_t doi, alg;
	char text[SA_CTX_MAX];
};

struct ipsec_sa {
	struct net_endpoint src, dst; /* ports: only with natt, those of the encapsulation */
	enum sa_proto proto;
	enum sa_mode mode;
	uint32_t spi; /* host order; identifies the SA with dst and proto */
	uint32_t reqid;
	const struct alg *encr, *auth, *comp; /* NULL: none */
	struct sa_key encr_key, auth_key;     /* encr_key includes an AEAD's salt */
	uint32_t replay;                      /* window in packets, 0 = off */
	uint32_t flags;                       /* enum sa_flag */
	enum sa_state state;
	bool natt;                /* ESP in UDP (RFC 3948) */
	bool natt_non_ike;        /* … with the marker of the first drafts (eight zero octets) */
	uint16_t natt_frag;       /* fragment before ESP to this size (esp_frag), 0 = off */
	struct net_addr natt_oa;  /* original address, or none */
	struct sa_life hard, soft, current;
	uint32_t seq, seq_high;   /* last sent or highest received; its upper half (ESN) */
	struct sa_mark mark;      /* xfrm only, like if_id */
	uint32_t if_id;           /* 0 = none */
	struct sa_context ctx;
};

enum sp_dir { SP_IN = 1, SP_OUT = 2, SP_FWD = 3 };
enum sp_action { SP_DISCARD = 0, SP_PASS = 1 /* none */, SP_IPSEC = 2, SP_ENTRUST = 3,
	SP_BYPASS = 4 };
enum sp_level { SP_DEFAULT = 0, SP_USE = 1, SP_REQUIRE = 2, SP_UNIQUE = 3 };

struct sp_selector {
	struct net_prefix src, dst;
	uint16_t sport, dport; /* 0 = any; for ICMP: type and code + 1 each, 0 = any */
	uint8_t upper;         /* IP protocol, SP_UPPER_ANY */
};

struct sp_rule { /* one transform of the bundle, innermost first */
	enum sa_proto proto;
	enum sa_mode mode;
	enum sp_level level;
	uint32_t reqid;               /* 0 = any SA */
	struct net_endpoint src, dst; /* tunnel end points; no address in transport mode */
};

/* Kernel values; lower numbers win. */
#define SP_PRIORITY_HIGH    0x40000000u
#define SP_PRIORITY_DEFAULT 0x80000000u
#define SP_PRIORITY_LOW     0xC0000000u

struct ipsec_policy {
	struct sp_selector sel;
	enum sp_dir dir;
	enum sp_action action;
	uint32_t priority; /* kernel value, lower wins; 0 = 0x80000000 */
	uint32_t id;       /* spid */
	unsigned rules;
	struct sp_rule rule[SP_RULES_MAX];
	struct sa_mark mark;      /* xfrm only, like if_id */
	uint32_t if_id;           /* 0 = none */
	struct sa_context ctx;
	struct sa_life hard, current; /* add_s: lifetime; use_s: validtime; current: wall seconds */
};

/* The same traffic, the other way. */
struct sp_selector sp_selector_reversed(const struct sp_selector *s);
bool sp_selector_equal(const struct sp_selector *a, const struct sp_selector *b);
bool sp_rule_equal(const struct sp_rule *a, const struct sp_rule *b);
void ipsec_sa_wipe(struct ipsec_sa *sa); /* the keys */
const char *sa_proto_name(enum sa_proto proto); /* "esp" */
const char *sa_mode_name(enum sa_mode mode);    /* "any transport tunnel" */
const char *sa_state_name(enum sa_state state); /* "larval mature dying dead" */

#endif
