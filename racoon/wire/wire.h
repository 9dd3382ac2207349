/*
 * wire.h - the ISAKMP codec: octets in, structs out, and back (RFC 2408 3, RFC 2407 4.5 and 4.6).
 *
 * One parser, one builder, one printer over the field rows of wire_rows.c.  The parser is pure and
 * bounded: views into the message, no copies, every length checked before it is used, limits on all
 * counts.  Nothing here knows a state, a key or a configuration; what a payload means is the
 * caller's affair.  The only thing that takes memory is the nested SA payload, from an arena.
 *
 * Receiving:  wire_parse_header(datagram), decrypt if WIRE_F_ENCRYPTED, wire_parse(payloads),
 *             wire_find(msg, WIRE_SA, 0), wire_parse_sa(payload).
 * Sending:    wire_begin, wire_add…, wire_pad when it will be encrypted, wire_finish.
 */
#ifndef RACOON_WIRE_WIRE_H
#define RACOON_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/bytes.h"
#include "lib/status.h"
#include "lib/text.h"

enum {
	WIRE_HEADER = 28,          /* octets of the ISAKMP header */
	WIRE_GENERIC = 4,          /* … of the generic payload header */
	WIRE_COOKIE = 8,
	WIRE_PAYLOADS_MAX = 64,    /* in one message */
	WIRE_PROPOSALS_MAX = 64,   /* in one SA payload */
	WIRE_TRANSFORMS_MAX = 256, /* in one SA payload, all proposals together */
	WIRE_ATTRS_MAX = 32,       /* in one transform, or in one attribute payload */
	WIRE_PADDING_MAX = 256,    /* octets behind the last payload of a decrypted message */
	WIRE_NONCE_MIN = 8,        /* RFC 2409 5 */
	WIRE_NONCE_MAX = 256,
	WIRE_SUMMARY_MAX = 256,    /* octets that hold any wire_summary worth reading */
	WIRE_VERSION_1 = 0x10,     /* major 1, minor 0 */
};

enum wire_type { /* payload types, RFC 2408 3.1 and RFC 3947; those ≥ 128 are private */
	WIRE_NONE = 0,
	WIRE_SA = 1,
	WIRE_PROPOSAL = 2,  /* only within WIRE_SA */
	WIRE_TRANSFORM = 3, /* only within WIRE_PROPOSAL */
	WIRE_KE = 4,
	WIRE_ID = 5,
	WIRE_CERT = 6,
	WIRE_CR = 7,
	WIRE_HASH = 8,
	WIRE_SIG = 9,
	WIRE_NONCE = 10,
	WIRE_NOTIFY = 11,
	WIRE_DELETE = 12,
	WIRE_VENDOR = 13,
	WIRE_ATTRIBUTES = 14, /* mode-cfg, XAUTH */
	WIRE_NAT_D_DRAFT4 = 15, /* drafts 04 to 08 of RFC 3947 */
	WIRE_NAT_OA_DRAFT4 = 16,
	WIRE_NAT_D = 20,
	WIRE_NAT_OA = 21,
	WIRE_GSS = 129,
	WIRE_NAT_D_DRAFT = 130,  /* drafts 00 to 03 */
	WIRE_NAT_OA_DRAFT = 131,
	WIRE_FRAGMENT = 132, /* Cisco's IKE fragmentation */
};

enum wire_exchange {
	WIRE_X_BASE = 1,
	WIRE_X_MAIN = 2,
	WIRE_X_AUTH_ONLY = 3,
	WIRE_X_AGGRESSIVE = 4,
	WIRE_X_INFO = 5,
	WIRE_X_CONFIG = 6,
	WIRE_X_QUICK = 32,
	WIRE_X_NEW_GROUP = 33,
	WIRE_X_ACK_INFO = 34,
};

enum wire_flag { WIRE_F_ENCRYPTED = 1, WIRE_F_COMMIT = 2, WIRE_F_AUTH_ONLY = 4 };

enum wire_doi { WIRE_DOI_ISAKMP = 0, WIRE_DOI_IPSEC = 1 };
enum wire_situation { WIRE_SIT_IDENTITY_ONLY = 1, WIRE_SIT_SECRECY = 2, WIRE_SIT_INTEGRITY = 4 };
enum wire_protocol { WIRE_P_ISAKMP = 1, WIRE_P_AH = 2, WIRE_P_ESP = 3, WIRE_P_IPCOMP = 4 };
enum { WIRE_KEY_IKE = 1 }; /* the transform ID of phase 1 */

enum wire_attr1 { /* phase 1 attributes, RFC 2409 appendix A */
	WIRE_A1_ENCR = 1,
	WIRE_A1_HASH = 2,
	WIRE_A1_AUTH = 3,
	WIRE_A1_GROUP = 4,
	WIRE_A1_GROUP_TYPE = 5,
	WIRE_A1_GROUP_PRIME = 6,
	WIRE_A1_GROUP_GEN1 = 7,
	WIRE_A1_GROUP_GEN2 = 8,
	WIRE_A1_GROUP_CURVE_A = 9,
	WIRE_A1_GROUP_CURVE_B = 10,
	WIRE_A1_LIFE_TYPE = 11,
	WIRE_A1_LIFE = 12,
	WIRE_A1_PRF = 13,
	WIRE_A1_KEY_LENGTH = 14,
	WIRE_A1_FIELD_SIZE = 15,
	WIRE_A1_GROUP_ORDER = 16,
	WIRE_A1_BLOCK_SIZE = 17,
	WIRE_A1_GSS_ID = 16384,
};
enum wire_attr2 { /* IPsec DOI attributes, RFC 2407 4.5 */
	WIRE_A2_LIFE_TYPE = 1,
	WIRE_A2_LIFE = 2,
	WIRE_A2_GROUP = 3,
	WIRE_A2_ENCAP = 4,
	WIRE_A2_AUTH = 5,
	WIRE_A2_KEY_LENGTH = 6,
	WIRE_A2_KEY_ROUNDS = 7,
	WIRE_A2_DICT_SIZE = 8,
	WIRE_A2_COMP_PRIVATE = 9,
	WIRE_A2_SECCTX = 10,
	WIRE_A2_ESN = 11,
};
enum wire_life_type { WIRE_LIFE_SECONDS = 1, WIRE_LIFE_KILOBYTES = 2 };
enum wire_encap {
	WIRE_ENCAP_TUNNEL = 1,
	WIRE_ENCAP_TRANSPORT = 2,
	WIRE_ENCAP_UDP_TUNNEL = 3, /* RFC 3947 5.1 */
	WIRE_ENCAP_UDP_TRANSPORT = 4,
	WIRE_ENCAP_UDP_TUNNEL_DRAFT = 61443,
	WIRE_ENCAP_UDP_TRANSPORT_DRAFT = 61444,
};

enum wire_notify_type { /* RFC 2408 3.14.1, RFC 2407 4.6.3, RFC 3706 */
	WIRE_N_INVALID_PAYLOAD_TYPE = 1,
	WIRE_N_DOI_NOT_SUPPORTED = 2,
	WIRE_N_SITUATION_NOT_SUPPORTED = 3,
	WIRE_N_INVALID_COOKIE = 4,
	WIRE_N_INVALID_MAJOR_VERSION = 5,
	WIRE_N_INVALID_MINOR_VERSION = 6,
	WIRE_N_INVALID_EXCHANGE_TYPE = 7,
	WIRE_N_INVALID_FLAGS = 8,
	WIRE_N_INVALID_MESSAGE_ID = 9,
	WIRE_N_INVALID_PROTOCOL_ID = 10,
	WIRE_N_INVALID_SPI = 11,
	WIRE_N_INVALID_TRANSFORM_ID = 12,
	WIRE_N_ATTRIBUTES_NOT_SUPPORTED = 13,
	WIRE_N_NO_PROPOSAL_CHOSEN = 14,
	WIRE_N_BAD_PROPOSAL_SYNTAX = 15,
	WIRE_N_PAYLOAD_MALFORMED = 16,
	WIRE_N_INVALID_KEY_INFORMATION = 17,
	WIRE_N_INVALID_ID_INFORMATION = 18,
	WIRE_N_INVALID_CERT_ENCODING = 19,
	WIRE_N_INVALID_CERTIFICATE = 20,
	WIRE_N_CERT_TYPE_UNSUPPORTED = 21,
	WIRE_N_INVALID_CERT_AUTHORITY = 22,
	WIRE_N_INVALID_HASH_INFORMATION = 23,
	WIRE_N_AUTHENTICATION_FAILED = 24,
	WIRE_N_INVALID_SIGNATURE = 25,
	WIRE_N_ADDRESS_NOTIFICATION = 26,
	WIRE_N_NOTIFY_SA_LIFETIME = 27,
	WIRE_N_CERTIFICATE_UNAVAILABLE = 28,
	WIRE_N_UNSUPPORTED_EXCHANGE_TYPE = 29,
	WIRE_N_UNEQUAL_PAYLOAD_LENGTHS = 30,
	WIRE_N_ERROR_LAST = 16383, /* up to here a notify is an error */
	WIRE_N_CONNECTED = 16384,
	WIRE_N_RESPONDER_LIFETIME = 24576,
	WIRE_N_REPLAY_STATUS = 24577,
	WIRE_N_INITIAL_CONTACT = 24578,
	WIRE_N_R_U_THERE = 36136,
	WIRE_N_R_U_THERE_ACK = 36137,
	WIRE_N_UNITY_HEARTBEAT = 40500,
	WIRE_N_HEARTBEAT = 40503,
};

/* ------------------------------------------------------------------------------- structs --- */

struct wire_header {
	uint8_t cookie_i[WIRE_COOKIE], cookie_r[WIRE_COOKIE];
	uint8_t next;     /* type of the first payload */
	uint8_t version;
	uint8_t exchange; /* enum wire_exchange when it is one */
	uint8_t flags;
	uint32_t message_id; /* host order */
	uint32_t length;
};

struct wire_sa_head { /* proposals: see wire_parse_sa */
	uint32_t doi, situation;
	struct bytes proposals;
};
struct wire_id { /* also NAT-OA, which has neither protocol nor port */
	uint8_t type;     /* enum rc_idtype when it is one */
	uint8_t protocol;
	uint16_t port;
	struct bytes data; /* length fits the type */
};
struct wire_cert { /* CERT and CR */
	uint8_t encoding;
	struct bytes data;
};
struct wire_notify {
	uint32_t doi;
	uint8_t protocol, spi_size;
	uint16_t type; /* enum wire_notify_type when it is one */
	struct bytes spi, data;
};
struct wire_delete {
	uint32_t doi;
	uint8_t protocol, spi_size;
	uint16_t count;
	struct bytes spis; /* count * spi_size octets: see wire_delete_spi */
};
struct wire_attributes { /* attribute payload: see wire_parse_attrs */
	uint8_t type;
	uint16_t id;
	struct bytes attrs;
};
struct wire_fragment {
	uint16_t id;
	uint8_t index; /* from 1 */
	uint8_t flags; /* 1 = last */
	struct bytes data;
};

struct wire_payload {
	uint8_t type;       /* enum wire_type when `known` */
	bool known;         /* there is a row; else only whole and body are set */
	struct bytes whole; /* with the generic header */
	struct bytes body;  /* without it: "_b" of RFC 2409 */
	union {
		struct wire_sa_head sa;
		struct wire_id id;
		struct wire_cert cert;
		struct wire_notify notify;
		struct wire_delete delete;
		struct wire_attributes attributes;
		struct wire_fragment fragment;
		struct bytes data; /* KE, HASH, SIG, NONCE, VENDOR, NAT-D, GSS: the body */
	};
};

struct wire_msg {
	unsigned count, unknown; /* payloads; those of them without a row */
	uint64_t present;        /* set of WIRE_BIT(type), drafts' types under the standard's */
	struct bytes payloads;   /* from the first to the end of the last, without padding */
	struct wire_payload payload[WIRE_PAYLOADS_MAX];
};

/* One bit per payload type for sets: need, may, present.  For types up to 63. */
#define WIRE_BIT(type) (UINT64_C(1) << (type))
enum { WIRE_BIT_GSS = 61, WIRE_BIT_FRAGMENT = 62, WIRE_BIT_UNKNOWN = 63 };
/* The bit number of any payload type: drafts' NAT-D and NAT-OA give those of the standard's. */
unsigned wire_bit_of(uint8_t type);

struct wire_attr {
	uint16_t type;
	bool tv;           /* short form: type and 16-bit value */
	bool is_number;    /* false: a TLV whose value does not fit 64 bits */
	uint64_t number;
	struct bytes data; /* TLV: the value; building: empty means the number in 4 (or 8) octets */
};
struct wire_transform {
	uint8_t number, id;
	unsigned attrs;
	struct wire_attr *attr;
	struct bytes whole; /* parsed only */
};
struct wire_proposal { /* equal numbers: all of them together; different: a choice */
	uint8_t number, protocol;
	struct bytes spi;
	unsigned transforms;
	struct wire_transform *transform;
	struct bytes whole; /* parsed only */
};
struct wire_sa {
	uint32_t doi, situation;
	unsigned proposals;
	struct wire_proposal *proposal;
};

/* ------------------------------------------------------------------------------- parsing --- */

/*
 * The header of a datagram.  ST_MALFORMED when it is shorter than a header, or its length is not
 * that of the header's length field (RFC 2408 5.1).  Version, exchange, flags and cookies are not
 * judged.  why, when not NULL, gets a static text on failure (also below).
 */
enum status wire_parse_header(struct bytes datagram, struct wire_header *out,
	const char **why) ATTR_NODISCARD;
/*
 * The chain of payloads that begins with type `first`.  Refuses an empty chain, lengths below 4 or
 * past the end, more than WIRE_PAYLOADS_MAX payloads, bodies that break their row (too short, too
 * long, inner counts that lie, ID data that does not fit the ID type), and octets behind the last
 * payload, unless `decrypted`, when up to WIRE_PADDING_MAX are padding.  ST_MALFORMED.
 * Doubled payloads are kept, in order.  Payload types without a row are kept and counted in
 * out->unknown.  Reserved fields are not looked at.  The nested parts of SA and attribute payloads
 * are not looked into here.
 */
enum status wire_parse(uint8_t first, struct bytes payloads, bool decrypted, struct wire_msg *out,
	const char **why) ATTR_NODISCARD;
/* The n-th payload (from 0) of a type, the drafts' NAT-D and NAT-OA included, or NULL. */
const struct wire_payload *wire_find(const struct wire_msg *m, enum wire_type type, unsigned n);
unsigned wire_count(const struct wire_msg *m, enum wire_type type);
/* What follows a payload, up to the end of the last one: what HASH(1) and HASH(2) cover. */
struct bytes wire_after(const struct wire_msg *m, const struct wire_payload *p);
/* The i-th SPI of a Delete payload; empty when there is none. */
struct bytes wire_delete_spi(const struct wire_delete *d, unsigned i);

/*
 * Proposals, transforms and attributes of an SA payload, in `arena` (views into the message).
 * ST_MALFORMED: lengths, counts that lie, chains that run off the end or leave a rest, no proposal,
 * no transform, an SPI size that does not fit the protocol, too many of something.  ST_NOMEMORY:
 * the arena is full.  DOI, situation and the attributes' meaning are not judged; proposals of a DOI
 * other than IPsec's (and ISAKMP's 0) are not parsed: out->proposals is 0.
 */
enum status wire_parse_sa(const struct wire_payload *p, struct arena *arena, struct wire_sa *out,
	const char **why) ATTR_NODISCARD;
/* A run of attributes (transform, attribute payload, RESPONDER-LIFETIME data). */
enum status wire_parse_attrs(struct bytes attrs, struct arena *arena, struct wire_attr **out,
	unsigned *count, const char **why) ATTR_NODISCARD;
/* The first attribute of a type, or NULL. */
const struct wire_attr *wire_attr_find(const struct wire_attr *attr, unsigned count, uint16_t type);
/* Attributes the same, whatever their form and order: is this reply's transform the one offered? */
bool wire_transform_equal(const struct wire_transform *a, const struct wire_transform *b);

/* ------------------------------------------------------------------------------ building --- */

struct wire_builder { /* over a buffer of the caller; the first overflow makes wire_finish fail */
	struct writer w;
	uint8_t *next;     /* where the type of the next payload goes */
	uint8_t *length;   /* of the header */
	uint8_t *last;     /* where the last payload begins */
};

/* h->next and h->length are filled in later. */
void wire_begin(struct wire_builder *b, void *buf, size_t size, const struct wire_header *h);
/* One payload with a one-piece body: KE, HASH, SIG, NONCE, VENDOR, NAT-D, GSS. */
void wire_add_data(struct wire_builder *b, enum wire_type type, struct bytes data);
/* … whose n octets are filled in later (HASH); NULL when there is no room. */
uint8_t *wire_add_hole(struct wire_builder *b, enum wire_type type, size_t n);
/* A payload with a body ready made (an SA payload sent back, an ID of the configuration). */
void wire_add_body(struct wire_builder *b, enum wire_type type, struct bytes body);
/* Any payload but SA from its fields: p->type says which member of the union. */
void wire_add(struct wire_builder *b, const struct wire_payload *p);
void wire_add_id(struct wire_builder *b, const struct wire_id *id);
void wire_add_notify(struct wire_builder *b, const struct wire_notify *n); /* spi_size from spi */
void wire_add_delete(struct wire_builder *b, const struct wire_delete *d);
void wire_add_sa(struct wire_builder *b, const struct wire_sa *sa);
/* An attribute from a number: short form when it fits 16 bits, else 4 octets (8 when they must be).
 */
struct wire_attr wire_attr_of(uint16_t type, uint64_t number);
void wire_write_attrs(struct writer *w, const struct wire_attr *attr, unsigned count);

/* What was written from `from` (within the buffer) to now: what a hash covers.  Empty when bad. */
struct bytes wire_since(const struct wire_builder *b, const uint8_t *from);
/* The body of the last payload: SAi_b, IDii_b.  Empty when there is none. */
struct bytes wire_last_body(const struct wire_builder *b);
/* Zero octets until the payloads fill whole blocks (encryption); none when they already do. */
void wire_pad(struct wire_builder *b, size_t block);
/* Patch the lengths; the whole message, or an empty view when it did not fit. */
struct bytes wire_finish(struct wire_builder *b);
/* The payloads behind the header of a message (to encrypt in place). */
struct bytes wire_payloads_of(struct bytes message);

/* -------------------------------------------------------------------- printing and names --- */

/*
 * Several lines "payload: field value …\n", for DEBUG.  Nothing of KE, HASH, SIG, NONCE, and no
 * value of an attribute payload (XAUTH passwords) but its length; other data in hex, shortened.
 */
void wire_print(struct text *out, const struct wire_header *h, const struct wire_msg *m);
/* "main first {SA VID VID}" ("first": no responder cookie yet): one line, for traces.  m NULL:
 * still encrypted.  Returns buf. */
char *wire_summary(char *buf, size_t size, const struct wire_header *h, const struct wire_msg *m);

enum wire_names { /* which numbers */
	WIRE_NAMES_PAYLOAD,
	WIRE_NAMES_EXCHANGE,
	WIRE_NAMES_NOTIFY,
	WIRE_NAMES_PROTOCOL,
	WIRE_NAMES_ATTR1, /* phase 1 attribute types */
	WIRE_NAMES_ATTR2, /* IPsec DOI attribute types */
	WIRE_NAMES_ID,
	WIRE_NAMES_AUTH,  /* authentication methods of phase 1 */
	WIRE_NAMES_ENCAP,
	WIRE_NAMES_LIFE,
	WIRE_NAMES_CFG,   /* types of the attribute payload */
};
const char *wire_name(enum wire_names which, uint32_t number); /* NULL when it has none */
/* The name, or the number when it has none. Returns buf or a static text. */
const char *wire_name_text(enum wire_names which, uint32_t number, char *buf, size_t size);

#endif
