/*
 * alg.h - the algorithm table: the only place where a number meets a name.
 *
 * One row holds every name and number an algorithm has in racoon.conf, setkey, IKEv1 phase 1 and
 * phase 2, PF_KEY, XFRM and OpenSSL, with its key sizes.  An absent number (0 or NULL) means that
 * the algorithm is not usable there.
 */
#ifndef LIB_ALG_H
#define LIB_ALG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum alg_kind {
	ALG_ENCR, /* ciphers, AEADs and NULL */
	ALG_AUTH, /* integrity of ESP and AH */
	ALG_HASH, /* IKE phase 1 hash, and its HMAC as prf */
	ALG_DH,   /* key exchange groups */
	ALG_COMP, /* IPComp */
};

enum alg_mode { ALG_MODE_NONE, ALG_MODE_NULL, ALG_MODE_CBC, ALG_MODE_CTR, ALG_MODE_GCM, ALG_MODE_CCM,
	ALG_MODE_GMAC, ALG_MODE_CHAPOLY, ALG_MODE_HMAC, ALG_MODE_KEYED, ALG_MODE_XCBC, ALG_MODE_CMAC,
	ALG_MODE_MODP, ALG_MODE_EC, ALG_MODE_X25519 };

enum { ALG_AKA_MAX = 6, ALG_BITS_MAX = 4 };

struct alg {
	enum alg_kind kind;
	const char *name;              /* our display name: "aes-cbc", "hmac-sha1", "modp1024" */
	const char *racoon[ALG_AKA_MAX]; /* words in racoon.conf: "aes", "rijndael" */
	const char *setkey[ALG_AKA_MAX]; /* words in setkey: "aes-cbc", "rijndael-cbc" */
	uint16_t ike1;                 /* phase-1 attribute value (RFC 2409 app. A and IANA) */
	uint16_t esp1;                 /* ESP or IPComp transform ID (RFC 2407 4.4.4) */
	uint16_t ah1;                  /* AH transform ID (RFC 2407 4.4.3) */
	uint16_t auth1;                /* authentication-algorithm attribute (RFC 2407 4.5) */
	uint16_t ike2;                 /* IKEv2 transform ID */
	uint16_t pfkey;                /* SADB_EALG_, SADB_AALG_ or SADB_X_CALG_ */
	const char *xfrm;              /* "cbc(aes)" */
	const char *ossl;              /* EVP fetch name; for modp/ec the group name */
	bool legacy;                   /* in OpenSSL's legacy provider */
	bool weak;                     /* warn when a configuration asks for it */
	enum alg_mode mode;
	uint16_t bits[ALG_BITS_MAX];   /* key sizes, first is the default; fixed size: one entry */
	uint16_t bits_min, bits_max;   /* any multiple of 8 between them, when bits[] is empty */
	bool key_length_attr;          /* the key length is negotiated (variable-length ciphers) */
	uint8_t salt;                  /* octets of salt/nonce after the key in the key material */
	uint8_t block;                 /* cipher block, octets */
	uint8_t iv;                    /* octets of IV on the wire */
	uint8_t icv;                   /* octets of the ICV on the wire */
	uint16_t out;                  /* digest octets; for DH: octets of the public value */
	uint16_t strength;             /* DH: private exponent bits; else 0 */
};

extern const struct alg alg_table[];
extern const size_t alg_count;

/* All return NULL when there is none. Words compare in any case. */
const struct alg *alg_by_racoon(enum alg_kind kind, const char *word);
const struct alg *alg_by_setkey(enum alg_kind kind, const char *word);
const struct alg *alg_by_ike1(enum alg_kind kind, uint16_t value);
const struct alg *alg_by_esp1(enum alg_kind kind, uint16_t transform);
const struct alg *alg_by_ah1(uint16_t transform);
const struct alg *alg_by_auth1(uint16_t value);
const struct alg *alg_by_pfkey(enum alg_kind kind, uint16_t value);
const struct alg *alg_by_name(enum alg_kind kind, const char *name);

/* Is `bits` (without salt) a key size of this algorithm? */
bool alg_key_ok(const struct alg *a, unsigned bits);
unsigned alg_default_bits(const struct alg *a);
/* The sizes as the error message lists them: "128, 192 or 256" / "40 to 448". */
char *alg_bits_text(const struct alg *a, char *buf, size_t size);

#endif
