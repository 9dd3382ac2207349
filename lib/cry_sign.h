/*
 * cry_sign.h - keys that sign: RSA and ECDSA, private and public; and the proofs made with them.
 *
 * Keys are read when a configuration is loaded and used by jobs (CRY_JOB_SIGN, CRY_JOB_VERIFY) that
 * may run on other threads while the configuration is exchanged: so they are counted references.
 * Private values live in OpenSSL's key objects only, which clear them when the last reference goes;
 * they are never printed, but by cry_key_numbers for plainrsa-gen.
 */
#ifndef LIB_CRY_SIGN_H
#define LIB_CRY_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cry.h"

enum {
	CRY_RSA_BITS_MIN = 1024, /* smaller ones are refused, whoever's they are */
	CRY_RSA_BITS_MAX = 8192, /* larger ones cost too much to check */
	CRY_SIG_MAX = CRY_RSA_BITS_MAX / 8,
	CRY_KEYS_MAX = 16,    /* keys that may be the peer's */
	CRY_CERTS_MAX = 8,    /* certificates of a peer in one exchange */
	CRY_CERT_MAX = 16384, /* octets of a certificate */
	CRY_NAME_MAX = 4096,  /* octets of a distinguished name */
	CRY_WHY_MAX = 200,
	CRY_HASHED_MAX = 4 << 20, /* octets of a directory of CAs that are given with a proof */
};

enum cry_key_kind { CRY_KEY_RSA, CRY_KEY_P256, CRY_KEY_P384, CRY_KEY_P521 };

struct cry_key;

/* The numbers of an RSA key, big-endian; all but n and e are empty in a public one. */
struct cry_rsa {
	struct bytes n, e, d, p, q, dp, dq, qi;
};

/*
 * From PEM ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY") or DER.  ST_KEYENCRYPTED: wants a
 * passphrase, which nobody is there to give.  ST_BADKEY: no key, or of a kind, size or curve that
 * is not used here (DSA among them); *why tells.
 */
enum status cry_key_private(
	struct bytes text, struct cry_key **out, const char **why) ATTR_NODISCARD;
/* The same of a public key ("PUBLIC KEY", "RSA PUBLIC KEY"). */
enum status cry_key_public(
	struct bytes text, struct cry_key **out, const char **why) ATTR_NODISCARD;
/* From numbers: private when r->d is there; p … qi are then needed too.  ST_BADKEY. */
enum status cry_key_rsa(
	const struct cry_rsa *r, struct cry_key **out, const char **why) ATTR_NODISCARD;
/* A new one: for plainrsa-gen. */
enum status cry_key_generate_rsa(
	unsigned bits, unsigned long e, struct cry_key **out) ATTR_NODISCARD;

struct cry_key *cry_key_ref(struct cry_key *k);
void cry_key_free(struct cry_key *k); /* drops a reference; NULL is fine */

enum cry_key_kind cry_key_kind(const struct cry_key *k);
const char *cry_key_kind_name(enum cry_key_kind kind); /* "RSA", "ECDSA P-256" */
unsigned cry_key_bits(const struct cry_key *k);
bool cry_key_is_private(const struct cry_key *k);
bool cry_key_same(const struct cry_key *a, const struct cry_key *b); /* their public halves */
/* An RSA key's numbers, copied to `hold` (a wiped holder of the caller). */
enum status cry_key_numbers(
	const struct cry_key *k, struct secret *hold, struct cry_rsa *out) ATTR_NODISCARD;

/*
 * A signature over a digest as it is: RSA with PKCS #1 padding and without DigestInfo (RFC 2409
 * 5.1), ECDSA as r | s (RFC 4754 7).  sig has room for CRY_SIG_MAX octets.
 */
enum status cry_sign(
	const struct cry_key *k, struct bytes digest, uint8_t *sig, size_t *n) ATTR_NODISCARD;
enum status cry_verify(const struct cry_key *k, struct bytes digest,
	struct bytes sig) ATTR_NODISCARD; /* ST_BADSIG */

/* ---------------------------------------------------------------------------- proofs, as jobs */

enum cry_name_type { CRY_NAME_NONE, CRY_NAME_IP, CRY_NAME_DNS, CRY_NAME_EMAIL, CRY_NAME_DN };

struct cry_trust; /* see cry_x509.h */

/*
 * SIGN: kind, digest, key -> sig.
 * VERIFY: kind, digest, sig, and the peer's key: one of known[], or that of cert[0], which has to
 * be trusted (trust; NULL: any is) and to name the peer (name_type other than NONE).
 */
struct cry_proof {
	enum cry_key_kind kind; /* the method's: another key is refused */
	uint8_t digest[CRY_HASH_MAX];
	size_t digest_n;
	struct cry_key *key; /* SIGN */
	uint8_t sig[CRY_SIG_MAX];
	size_t sig_n;
	struct cry_key *known[CRY_KEYS_MAX];
	unsigned knowns;
	struct bytes cert[CRY_CERTS_MAX]; /* DER, the peer's first, each malloc'ed */
	unsigned certs;
	struct cry_trust *trust;
	struct bytes hashed; /* PEM, malloc'ed: what its directory has now; NULL: to be looked up */
	int64_t today; /* seconds since 1970 */
	enum cry_name_type name_type;
	struct bytes name;     /* malloc'ed; IP: 4 or 16 octets; DN: DER */
	bool name_optional;    /* a certificate without the name is only remarked */
	struct bytes leaf;     /* result: DER of the certificate whose key it was, malloc'ed */
	char why[CRY_WHY_MAX]; /* result: words for the status, or remarks on a success */
};

struct cry_proof *cry_proof_new(void);
void cry_proof_free(struct cry_proof *p);  /* with its references and copies; NULL is fine */
void cry_proof_free_view(struct bytes *b); /* of those that are malloc'ed */
/* A copy for p->name or a place in p->cert; empty without memory. */
struct bytes cry_proof_dup(struct bytes b);
/* Both run by cry_job_run; the result is p->sig, or the status alone. */
enum status cry_proof_sign(struct cry_proof *p) ATTR_NODISCARD;
enum status cry_proof_verify(struct cry_proof *p) ATTR_NODISCARD;

#endif
