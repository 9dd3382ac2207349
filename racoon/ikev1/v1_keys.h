/*
 * v1_keys.h - IKEv1 key derivation: SKEYID and its children, keys, IVs, authenticating hashes.
 *
 * Pure functions of their arguments, called by the exchanges of ikev1/ and by tests.  They hold no
 * state, choose no algorithm and compare nothing: a received hash is compared by the caller with
 * secret_equal.  Every `hash` is an ALG_HASH row whose HMAC is the prf (RFC 2409 4: no prf is
 * negotiated), every `cipher` an ALG_ENCR row in CBC mode.  Results go to a struct secret, or to a
 * buffer of hash->out octets (CRY_HASH_MAX is always enough).  Names are those of RFC 2409 section
 * 3.2; "_b" means the body of a payload without its generic header.
 *
 * All return ST_NORMAL, ST_NOALG (no such hash here), ST_NOMEMORY or ST_FAILED (OpenSSL refused);
 * v1_cipher_key and v1_keymat also ST_BADKEYLEN.  On failure results are empty, nothing is leaked.
 */
#ifndef RACOON_IKEV1_V1_KEYS_H
#define RACOON_IKEV1_V1_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/alg.h"
#include "lib/attr.h"
#include "lib/bytes.h"
#include "lib/cry.h"
#include "lib/secret.h"
#include "lib/status.h"

enum {
	V1_COOKIE = 8,           /* octets of an ISAKMP cookie */
	V1_IV_MAX = CRY_BLOCK_MAX,
	V1_KEYMAT_MAX = 1024,    /* octets of KEYMAT that may be asked for one SA */
};

/* ------------------------------------------------------------ phase 1, RFC 2409 section 5 */

struct v1_keys { /* zero-initialised = empty; owned by the phase 1 SA */
	struct secret skeyid;
	struct secret d; /* SKEYID_d: for KEYMAT of phase 2 */
	struct secret a; /* SKEYID_a: authenticates phase 2 and informational messages */
	struct secret e; /* SKEYID_e: the cipher's key comes from it */
	struct secret key; /* the ISAKMP cipher's key, appendix B */
};

void v1_keys_wipe(struct v1_keys *k); /* idempotent */

/* SKEYID = prf(pre-shared-key, Ni_b | Nr_b) */
enum status v1_skeyid_psk(struct cry *c, const struct alg *hash, struct bytes psk,
	struct bytes ni_b, struct bytes nr_b, struct secret *skeyid) ATTR_NODISCARD;
/* SKEYID = prf(Ni_b | Nr_b, g^xy): signatures, hybrid */
enum status v1_skeyid_sig(struct cry *c, const struct alg *hash, struct bytes gxy,
	struct bytes ni_b, struct bytes nr_b, struct secret *skeyid) ATTR_NODISCARD;
/*
 * SKEYID_d = prf(SKEYID, g^xy | CKY-I | CKY-R | 0)
 * SKEYID_a = prf(SKEYID, SKEYID_d | g^xy | CKY-I | CKY-R | 1)
 * SKEYID_e = prf(SKEYID, SKEYID_a | g^xy | CKY-I | CKY-R | 2)
 * from k->skeyid into k->d, k->a, k->e.  Cookies are V1_COOKIE octets each.
 */
enum status v1_skeyid_dae(struct cry *c, const struct alg *hash, struct bytes gxy,
	const uint8_t *cky_i, const uint8_t *cky_r, struct v1_keys *k) ATTR_NODISCARD;

/*
 * The ISAKMP cipher's key of `bits` bits from SKEYID_e (appendix B): its first octets, or when
 * SKEYID_e is shorter than the key, those of Ka = K1 | K2 | ..., K1 = prf(SKEYID_e, 0), Kn =
 * prf(SKEYID_e, Kn-1).  bits 0 means the cipher's default.
 */
enum status v1_cipher_key(struct cry *c, const struct alg *hash, struct bytes skeyid_e,
	const struct alg *cipher, unsigned bits, struct secret *key) ATTR_NODISCARD;

/* ------------------------------------------------------------ IVs, RFC 2409 appendix B */

/* First IV of phase 1: hash(g^xi | g^xr), cut to the cipher's block.  iv has V1_IV_MAX octets.
 * Later IVs are the last ciphertext block, which cry_cbc leaves in its iv argument. */
enum status v1_phase1_iv(struct cry *c, const struct alg *hash, const struct alg *cipher,
	struct bytes gxi, struct bytes gxr, uint8_t *iv) ATTR_NODISCARD;
/* First IV of a quick mode or informational exchange: hash(last phase 1 block | M-ID), cut.
 * `last` is the IV that phase 1 ended with, cipher->block octets; message_id in host order. */
enum status v1_phase2_iv(struct cry *c, const struct alg *hash, const struct alg *cipher,
	const uint8_t *last, uint32_t message_id, uint8_t *iv) ATTR_NODISCARD;

/* ------------------------------------------------------------ authentication, section 5 */

struct v1_auth { /* what HASH_I and HASH_R cover */
	struct bytes gxi, gxr;             /* the two public values, as in the KE payloads */
	const uint8_t *cky_i, *cky_r;      /* V1_COOKIE octets each */
	struct bytes sai_b;                /* the initiator's SA payload body, as first sent */
	struct bytes idii_b, idir_b;       /* ID payload bodies */
};

/* HASH_I = prf(SKEYID, g^xi | g^xr | CKY-I | CKY-R | SAi_b | IDii_b) */
enum status v1_hash_i(struct cry *c, const struct alg *hash, struct bytes skeyid,
	const struct v1_auth *auth, uint8_t *out) ATTR_NODISCARD;
/* Base mode, where g^xr is not known yet: HASH_I = prf(SKEYID, g^xi | CKY-I | CKY-R | SAi_b |
 * IDii_b); with signatures hash(Ni_b | Nr_b) stands for SKEYID.  HASH_R of a pre-shared key is the
 * usual one. */
enum status v1_hash_base_i(struct cry *c, const struct alg *hash, struct bytes skeyid,
	const struct v1_auth *auth, uint8_t *out) ATTR_NODISCARD;
/* With signatures: HASH_R = prf(hash(Ni_b | Nr_b), g^xi | g^xr | CKY-I | CKY-R | SAi_b |
 * IDii_b). */
enum status v1_hash_base_r(struct cry *c, const struct alg *hash, struct bytes key,
	const struct v1_auth *auth, uint8_t *out) ATTR_NODISCARD;
/* HASH_R = prf(SKEYID, g^xr | g^xi | CKY-R | CKY-I | SAi_b | IDir_b) */
enum status v1_hash_r(struct cry *c, const struct alg *hash, struct bytes skeyid,
	const struct v1_auth *auth, uint8_t *out) ATTR_NODISCARD;

/* ------------------------------------------------------------ phase 2, section 5.5 and 5.7 */

/*
 * `rest` is every octet of the message behind the HASH payload, generic payload headers included,
 * up to the end of the last payload (without the cipher's padding): the hash covers all of it.
 */
/* HASH(1) = prf(SKEYID_a, M-ID | rest): first quick mode message. */
enum status v1_hash_1(struct cry *c, const struct alg *hash, struct bytes skeyid_a,
	uint32_t message_id, struct bytes rest, uint8_t *out) ATTR_NODISCARD;
/* HASH(2) = prf(SKEYID_a, M-ID | Ni_b | rest): second quick mode message. */
enum status v1_hash_2(struct cry *c, const struct alg *hash, struct bytes skeyid_a,
	uint32_t message_id, struct bytes ni_b, struct bytes rest, uint8_t *out) ATTR_NODISCARD;
/* HASH(3) = prf(SKEYID_a, 0 | M-ID | Ni_b | Nr_b): third quick mode message. */
enum status v1_hash_3(struct cry *c, const struct alg *hash, struct bytes skeyid_a,
	uint32_t message_id, struct bytes ni_b, struct bytes nr_b, uint8_t *out) ATTR_NODISCARD;
/* HASH(1) = prf(SKEYID_a, M-ID | N/D): informational exchange, and transaction exchanges. */
enum status v1_hash_info(struct cry *c, const struct alg *hash, struct bytes skeyid_a,
	uint32_t message_id, struct bytes rest, uint8_t *out) ATTR_NODISCARD;

/*
 * KEYMAT of one SA in one direction, `octets` long (section 5.5):
 *	K1 = prf(SKEYID_d, [g(qm)^xy |] protocol | SPI | Ni_b | Nr_b)
 *	Kn = prf(SKEYID_d, Kn-1 | [g(qm)^xy |] protocol | SPI | Ni_b | Nr_b)
 * gqm is empty without PFS.  spi is the destination's SPI, in the octets and the length of the
 * proposal payload (4; IPComp's CPI has no KEYMAT).  The encryption key comes first, then the
 * authentication key (RFC 2407 4.4.4): see v1_keymat_octets for the length.
 */
enum status v1_keymat(struct cry *c, const struct alg *hash, struct bytes skeyid_d,
	struct bytes gqm, uint8_t protocol, struct bytes spi, struct bytes ni_b, struct bytes nr_b,
	size_t octets, struct secret *keymat) ATTR_NODISCARD;

/* Octets that ESP or AH with these algorithms takes from KEYMAT: first *encr (salt included),
 * then *auth.  Either algorithm may be NULL; encr_bits 0 means the default. */
void v1_keymat_octets(const struct alg *encr, unsigned encr_bits, const struct alg *auth,
	size_t *encr_octets, size_t *auth_octets);

#endif
