/*
 * cry_dh.c - key exchange: modp groups, the NIST curves, X25519; as jobs that may run anywhere.
 *
 * Called through cry_job_run by a thread pool or inline by tests.  The peer's value is checked here
 * and only here: 1 < y < p-1 for the safe-prime groups (RFC 2631 2.1.5, RFC 6989 2.1), on the curve
 * for EC (RFC 6989 2.3), not all-zero for X25519 (RFC 8031 2).  OpenSSL's own validation would
 * also raise y to the group's order, four to ten times the exchange itself, and proves nothing more
 * for a safe prime as long as no private value is used twice: so one cry_dh derives once.
 */
#include "lib/cry.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry_int.h"
#include "lib/cry_sign.h"

enum { GROUP_NAME_MAX = 24 };

struct cry_dh {
	const struct alg *group;
	EVP_PKEY *key;
	uint8_t public_value[CRY_DH_MAX];
	bool used;
};

/* ------------------------------------------------------------ groups --- */

/* OpenSSL has names for the groups of RFC 3526, but only the primes of RFC 2409's two. */
static BIGNUM *
old_prime(const struct alg *a)
{
	if (a->out == 768 / 8)
		return BN_get_rfc2409_prime_768(NULL);
	if (a->out == 1024 / 8)
		return BN_get_rfc2409_prime_1024(NULL);
	return NULL;
}

/* From a name, or from p and g. */
static EVP_PKEY *
group_key(const char *type, const char *name, const BIGNUM *p, const BIGNUM *g)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	bool ok = bld != NULL && ctx != NULL;

	if (ok && p != NULL)
		ok = OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_FFC_P, p) == 1 &&
			OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_FFC_G, g) == 1;
	else if (ok)
		ok = OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, name,
			0) == 1;
	if (ok)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEY_PARAMETERS, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

struct evp_pkey_st *
cry_dh_group(const struct alg *a)
{
	BIGNUM *p, *g;
	EVP_PKEY *key = NULL;

	if (a->mode == ALG_MODE_EC)
		return group_key("EC", a->ossl, NULL, NULL);
	p = old_prime(a);
	if (p == NULL)
		return group_key("DH", a->ossl, NULL, NULL);
	g = BN_new();
	if (g != NULL && BN_set_word(g, 2) == 1)
		key = group_key("DH", NULL, p, g);
	BN_free(p);
	BN_free(g);
	return key;
}

uint8_t *
cry_dh_bound(const struct alg *a, struct evp_pkey_st *group)
{
	uint8_t *bound = malloc(a->out);
	BIGNUM *p = NULL;

	if (bound == NULL || EVP_PKEY_get_bn_param(group, OSSL_PKEY_PARAM_FFC_P, &p) != 1 ||
		BN_sub_word(p, 1) != 1 || BN_bn2binpad(p, bound, a->out) != (int)a->out) {
		free(bound);
		bound = NULL;
	}
	BN_free(p);
	return bound;
}

/* ------------------------------------------------------------ key pair --- */

static bool
public_modp(struct cry_dh *dh)
{
	size_t n = 0;

	/* Padded in front to the length of p */
	return EVP_PKEY_get_octet_string_param(dh->key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
		dh->public_value, sizeof(dh->public_value), &n) == 1 && n == dh->group->out;
}

static bool
public_ec(struct cry_dh *dh)
{
	uint8_t point[1 + CRY_DH_MAX];
	size_t n = 0;

	/* RFC 5903 7: x | y, without the octet that says "uncompressed" */
	if (EVP_PKEY_get_octet_string_param(dh->key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
			&n) != 1 || n != (size_t)dh->group->out + 1 ||
		point[0] != POINT_CONVERSION_UNCOMPRESSED)
		return false;
	memcpy(dh->public_value, point + 1, dh->group->out);
	return true;
}

static bool
public_x25519(struct cry_dh *dh)
{
	size_t n = dh->group->out;

	return EVP_PKEY_get_raw_public_key(dh->key, dh->public_value, &n) == 1 &&
		n == dh->group->out;
}

/* Without it, the private value would be as long as the prime and four times as slow. */
static bool
set_private_bits(EVP_PKEY_CTX *ctx, const struct alg *group)
{
	int bits = group->strength;
	OSSL_PARAM params[] = { OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_DH_PRIV_LEN, &bits),
		OSSL_PARAM_construct_end() };

	return EVP_PKEY_CTX_set_params(ctx, params) == 1;
}

static bool
make_keypair(const struct cry_slot *s, struct cry_dh *dh)
{
	enum alg_mode mode = dh->group->mode;
	EVP_PKEY_CTX *ctx;
	bool ok;

	ctx = mode == ALG_MODE_X25519 ? EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL)
				      : EVP_PKEY_CTX_new_from_pkey(NULL, s->group, NULL);
	ok = ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1;
	if (ok && mode == ALG_MODE_EC)
		ok = EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_NAMED_CURVE) == 1;
	if (ok && mode == ALG_MODE_MODP)
		ok = set_private_bits(ctx, dh->group);
	ok = ok && EVP_PKEY_generate(ctx, &dh->key) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return false;
	if (mode == ALG_MODE_X25519)
		return public_x25519(dh);
	return mode == ALG_MODE_EC ? public_ec(dh) : public_modp(dh);
}

static enum status
keypair(const struct cry_slot *s, struct cry_job *job)
{
	struct cry_dh *dh = calloc(1, sizeof(*dh));

	job->dh = NULL;
	if (dh == NULL)
		return ST_NOMEMORY;
	dh->group = job->group;
	if (!make_keypair(s, dh)) {
		cry_dh_free(dh);
		return cry_failed();
	}
	job->dh = dh;
	return ST_NORMAL;
}

/* ------------------------------------------------------------ derive --- */

/* RFC 6989 2.1: 1 < y < p-1, both big-endian and equally long; nothing here is secret. */
static bool
in_range(const struct cry_slot *s, const struct cry_job *job)
{
	size_t last = job->peer_len - 1, i = 0;

	while (i < last && job->peer[i] == 0)
		i++;
	return (i < last || job->peer[last] > 1) && memcmp(job->peer, s->bound, job->peer_len) < 0;
}

/* A key of the group with this public value; decoding a point checks that it is on the curve. */
static EVP_PKEY *
key_in_group(const struct cry_slot *s, const uint8_t *value, size_t n)
{
	EVP_PKEY *key = EVP_PKEY_new();

	if (key != NULL && EVP_PKEY_copy_parameters(key, s->group) == 1 &&
		EVP_PKEY_set1_encoded_public_key(key, value, n) == 1)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* The peer's value as a key; NULL if it is refused. */
static EVP_PKEY *
peer_key(const struct cry_slot *s, const struct cry_job *job)
{
	uint8_t point[1 + CRY_DH_MAX];

	if (job->peer_len != job->group->out)
		return NULL;
	if (job->group->mode == ALG_MODE_X25519)
		return EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, job->peer,
			job->peer_len);
	if (job->group->mode == ALG_MODE_MODP)
		return in_range(s, job) ? key_in_group(s, job->peer, job->peer_len) : NULL;
	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(point + 1, job->peer, job->peer_len);
	return key_in_group(s, point, job->peer_len + 1);
}

static enum status
derive_with(struct cry_job *job, EVP_PKEY *peer)
{
	/* EC: the secret is the x coordinate alone (RFC 5903 9) */
	size_t want = job->group->mode == ALG_MODE_EC ? job->group->out / 2u : job->group->out;
	size_t n = want;
	unsigned pad = 1;
	OSSL_PARAM params[] = { OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, job->dh->key, NULL);
	bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1;
	enum status st;

	if (ok && job->group->mode == ALG_MODE_MODP) { /* RFC 2409 5: as long as the prime */
		params[0] = OSSL_PARAM_construct_uint(OSSL_EXCHANGE_PARAM_PAD, &pad);
		ok = EVP_PKEY_CTX_set_params(ctx, params) == 1;
	}
	ok = ok && EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) == 1;
	st = ok ? secret_alloc(&job->shared, want) : cry_failed();
	if (st == ST_NORMAL && (EVP_PKEY_derive(ctx, job->shared.p, &n) != 1 || n != want)) {
		/* What OpenSSL refuses as late as this is the peer's value: all-zero X25519. */
		ERR_clear_error();
		secret_wipe(&job->shared);
		st = ST_BADKE;
	}
	EVP_PKEY_CTX_free(ctx);
	return st;
}

static enum status
derive(const struct cry_slot *s, struct cry_job *job)
{
	EVP_PKEY *peer;
	enum status st;

	secret_wipe(&job->shared);
	if (job->dh == NULL || job->dh->group != job->group || job->dh->used)
		return ST_FAILED;
	peer = peer_key(s, job);
	if (peer == NULL) {
		ERR_clear_error();
		return ST_BADKE;
	}
	job->dh->used = true; /* RFC 6989 2.1: no order check, hence no reuse */
	st = derive_with(job, peer);
	EVP_PKEY_free(peer);
	return st;
}

static enum status
exchange(const struct cry *c, struct cry_job *job)
{
	const struct cry_slot *s = job->group == NULL ? NULL : cry_slot(c, job->group);

	if (s == NULL || job->group->kind != ALG_DH)
		return ST_NOALG;
	return job->type == CRY_JOB_KEYPAIR ? keypair(s, job) : derive(s, job);
}

void
cry_job_run(struct cry *c, struct cry_job *job)
{
	switch (job->type) {
	case CRY_JOB_KEYPAIR:
	case CRY_JOB_DERIVE:
		job->status = exchange(c, job);
		break;
	case CRY_JOB_SIGN:
		job->status = cry_proof_sign(job->proof);
		break;
	case CRY_JOB_VERIFY:
		job->status = cry_proof_verify(job->proof);
		break;
	}
}

unsigned
cry_job_tenths(const struct cry_job *job)
{
	const struct alg *a = job->group;

	if (job->type == CRY_JOB_SIGN || job->type == CRY_JOB_VERIFY)
		return 0; /* VERIFY may read files */
	if (a == NULL || a->mode == ALG_MODE_X25519)
		return 1;
	if (a->mode == ALG_MODE_EC)
		return a->out <= 2 * 256 / 8 ? 1 : 0;
	return a->out <= 1024 / 8 ? 1 : a->out <= 1536 / 8 ? 2 : a->out <= 2048 / 8 ? 3 : 0;
}

struct bytes
cry_dh_public(const struct cry_dh *dh)
{
	return bytes_of(dh->public_value, dh->group->out);
}

void
cry_dh_free(struct cry_dh *dh)
{
	if (dh == NULL)
		return;
	EVP_PKEY_free(dh->key); /* OpenSSL clears private values as it frees them */
	wipe(dh, sizeof(*dh));
	free(dh);
}
