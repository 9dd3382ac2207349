/*
 * cry.h - the crypto provider: what the protocol engines compute with.
 *
 * Implemented on OpenSSL 3 EVP in lib/cry_*.c, the only files that know OpenSSL.  Everything here
 * but cry_random is a pure function of its arguments.  A `struct cry` holds fetched algorithms; the
 * legacy provider sits in a library context of its own and is loaded only by cry_allow_legacy.
 * A struct cry may be used by several threads at once for cry_job_run; contexts (cry_esp) belong to
 * one thread at a time.
 */
#ifndef LIB_CRY_H
#define LIB_CRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/alg.h"
#include "lib/bytes.h"
#include "lib/secret.h"
#include "lib/status.h"

enum { CRY_HASH_MAX = 64, CRY_DH_MAX = 1024 /* octets of modp8192 */, CRY_BLOCK_MAX = 16 };

struct cry;

struct cry *cry_new(void); /* NULL: OpenSSL is unusable */
void cry_free(struct cry *c);
/* Load the legacy provider (DES, Blowfish, CAST): when a configuration names such an algorithm. */
enum status cry_allow_legacy(struct cry *c) ATTR_NODISCARD;
/* Can this algorithm be had now (legacy ones only after cry_allow_legacy)? */
bool cry_has(struct cry *c, const struct alg *a);

/* OpenSSL's generator: production only, never inside an engine (engines get env->random). */
void cry_random(void *out, size_t n);

/* Digest over the concatenation of parts; out has room for a->out octets. a: ALG_HASH row. */
enum status cry_hash(struct cry *c, const struct alg *hash, const struct bytes *parts,
	size_t count, uint8_t *out) ATTR_NODISCARD;
/* HMAC with the hash of an ALG_HASH row: IKE's prf (RFC 2409 4, appendix B). */
enum status cry_hmac(struct cry *c, const struct alg *hash, struct bytes key,
	const struct bytes *parts, size_t count, uint8_t *out) ATTR_NODISCARD;

/* CBC in place without padding, for ISAKMP messages. n is a multiple of the block; iv is updated
 * to the last ciphertext block (the next IV of RFC 2409 appendix B). a: ALG_ENCR row, CBC mode. */
enum status cry_cbc(struct cry *c, const struct alg *cipher, struct bytes key, uint8_t *iv,
	uint8_t *data, size_t n, bool encrypt) ATTR_NODISCARD;

/* ----------------------------------------------- DH and signatures, as jobs --- */

enum cry_job_type { CRY_JOB_KEYPAIR, CRY_JOB_DERIVE, CRY_JOB_SIGN, CRY_JOB_VERIFY };

struct cry_proof;
struct cry_dh; /* a private value and its public one */

struct cry_job { /* one slow computation: filled in, run anywhere, read back */
	enum cry_job_type type;
	const struct alg *group;
	struct cry_dh *dh;             /* KEYPAIR: result, owned by the caller; DERIVE: input */
	uint8_t peer[CRY_DH_MAX];      /* DERIVE: the peer's public value */
	size_t peer_len;
	struct secret shared;          /* DERIVE: result, padded to the group's size (RFC 2409 5) */
	struct cry_proof *proof;       /* SIGN, VERIFY: see cry_sign.h */
	enum status status;            /* result */
};

/* DERIVE refuses (ST_BADKE) values of the wrong length, 0, 1, p-1 and >= p (RFC 2631 2.1.5, RFC
 * 6989 2.1), points off the curve and an all-zero X25519 result. Reentrant. */
void cry_job_run(struct cry *c, struct cry_job *job);
/*
 * How many tenths of a millisecond it keeps a processor, rounded up; 0: long, or it may read files,
 * so that it belongs into another thread.  Waking one costs half a tenth and more.
 */
unsigned cry_job_tenths(const struct cry_job *job);
struct bytes cry_dh_public(const struct cry_dh *dh); /* padded to group->out octets */
void cry_dh_free(struct cry_dh *dh);                 /* NULL is fine; wipes */

/* -------------------------------------------------------- ESP and AH, one context per SA --- */

struct cry_esp; /* reused EVP contexts of one SA, one direction */

/* encr may be NULL (AH) and auth NULL (AEAD, or ESP without authentication). Keys include the salt.
 * ST_BADKEYLEN, ST_NOALG. */
enum status cry_esp_new(struct cry *c, const struct alg *encr, struct bytes encr_key,
	const struct alg *auth, struct bytes auth_key, bool sealing,
	struct cry_esp **out) ATTR_NODISCARD;
void cry_esp_free(struct cry_esp *e);
/*
 * Encrypt-then-MAC (or AEAD) in place.  packet is: aad (SPI and sequence number, aad_len octets),
 * then IV (already filled by the caller; AEAD counter IV too), then text.  The ICV is written
 * behind the text.  esn_high goes into the MAC or AAD when has_esn (RFC 4303 2.2.1).
 */
enum status cry_esp_seal(struct cry_esp *e, uint8_t *packet, size_t aad_len, size_t iv_len,
	size_t text_len, bool has_esn, uint32_t esn_high) ATTR_NODISCARD;
/* The reverse: verify first, decrypt after; ST_BADICV. packet_len includes the ICV. */
enum status cry_esp_open(struct cry_esp *e, uint8_t *packet, size_t packet_len, size_t aad_len,
	size_t iv_len, bool has_esn, uint32_t esn_high) ATTR_NODISCARD;
/* The ICV over parts, truncated to the algorithm's size: AH. out has room for 64 octets. */
enum status cry_ah_icv(struct cry_esp *e, const struct bytes *parts, size_t count, uint8_t *out,
	size_t *icv_len) ATTR_NODISCARD;

#endif
