/*
 * cry_int.h - what the lib/cry_*.c files share; nobody else includes it.
 *
 * OpenSSL's types appear by their struct tags only, so that this header needs none of its headers.
 */
#ifndef LIB_CRY_INT_H
#define LIB_CRY_INT_H

#include "lib/cry.h"

struct cry_slot { /* what one row of alg_table fetched; read-only after cry_new/cry_allow_legacy */
	bool have;
	struct evp_cipher_st *cipher[ALG_BITS_MAX]; /* by index into alg.bits; ranges use [0] */
	struct evp_md_st *md;
	struct evp_mac_ctx_st *mac; /* HMAC or CMAC without a key: duplicated once per key */
	struct evp_pkey_st *group;  /* parameters of a modp or EC group */
	uint8_t *bound;             /* modp: p-1, alg.out octets; public values are below it */
};

struct cry {
	struct cry_slot *slot; /* alg_count of them */
	struct ossl_lib_ctx_st *legacy;
	struct ossl_provider_st *legacy_provider;
};

/* The slot of a row that can be had, else NULL. */
const struct cry_slot *cry_slot(const struct cry *c, const struct alg *a);
/* The fetched cipher for a key of this many bits (salt excluded), or NULL. */
struct evp_cipher_st *cry_cipher(const struct cry *c, const struct alg *a, unsigned bits);
/* OpenSSL keeps a queue of errors per thread: emptied whenever we turn one into a status. */
enum status cry_failed(void);

struct cry_key;
struct cry_trust;
/* A key object made ours, taken over in any case. ST_BADKEY, with the reason. */
enum status cry_key_wrap(struct evp_pkey_st *key, bool is_private, struct cry_key **out,
	const char **why) ATTR_NODISCARD;
void cry_trust_unref(struct cry_trust *t); /* NULL is fine */

/* Parameters of a DH group; NULL when OpenSSL does not have it. */
struct evp_pkey_st *cry_dh_group(const struct alg *a);
/* p-1 of a modp group, to be freed; NULL without memory. */
uint8_t *cry_dh_bound(const struct alg *a, struct evp_pkey_st *group);

/* cry_hmac.c: HMAC for packets. NULL: no memory, or a digest that it does not have. */
struct cry_hmac;
struct cry_hmac *cry_hmac_new(const char *name, struct bytes key);
void cry_hmac_free(struct cry_hmac *h);
bool cry_hmac_run(struct cry_hmac *h, const struct bytes *parts, size_t count, uint8_t *out);

/* A keyed integrity function of one SA, used packet after packet. */
struct cry_mac;
enum status cry_mac_new(const struct cry *c, const struct alg *auth, struct bytes key,
	struct cry_mac **out) ATTR_NODISCARD;
void cry_mac_free(struct cry_mac *m);
/* The whole MAC, not truncated, over the parts; out has room for CRY_HASH_MAX octets. */
enum status cry_mac_run(struct cry_mac *m, const struct bytes *parts, size_t count,
	uint8_t *out) ATTR_NODISCARD;

#endif
