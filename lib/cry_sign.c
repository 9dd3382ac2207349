/*
 * cry_sign.c - RSA and ECDSA keys: reading, signing, verifying.
 *
 * Called while configurations are read, and by jobs on any thread; a key does not change once made.
 * IKEv1 signs the octets of HASH_I and HASH_R themselves: no further hash, and for RSA no
 * DigestInfo (RFC 2409 5.1).  A signature with anything else inside the padding is refused.
 */
#include "lib/cry_sign.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry_int.h"

enum { EXPONENT_BITS_MAX = 64, CURVE_NAME_MAX = 32, ECDSA_DER_MAX = 160 };

struct cry_key {
	atomic_uint refs;
	enum cry_key_kind kind;
	bool is_private;
	unsigned bits;
	EVP_PKEY *key;
};

/* ---------------------------------------------------------------------------------- the object */

struct cry_key *
cry_key_ref(struct cry_key *k)
{
	if (k != NULL)
		atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

void
cry_key_free(struct cry_key *k)
{
	if (k == NULL || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
		return;
	EVP_PKEY_free(k->key); /* OpenSSL clears private values as it frees them */
	free(k);
}

enum cry_key_kind
cry_key_kind(const struct cry_key *k)
{
	return k->kind;
}

unsigned
cry_key_bits(const struct cry_key *k)
{
	return k->bits;
}

bool
cry_key_is_private(const struct cry_key *k)
{
	return k->is_private;
}

bool
cry_key_same(const struct cry_key *a, const struct cry_key *b)
{
	bool same = a->kind == b->kind && EVP_PKEY_eq(a->key, b->key) == 1;

	ERR_clear_error();
	return same;
}

const char *
cry_key_kind_name(enum cry_key_kind kind)
{
	switch (kind) {
	case CRY_KEY_RSA:
		return "RSA";
	case CRY_KEY_P256:
		return "ECDSA P-256";
	case CRY_KEY_P384:
		return "ECDSA P-384";
	case CRY_KEY_P521:
		return "ECDSA P-521";
	}
	return "unknown";
}

/* Octets of r and of s. */
static size_t
half_of(enum cry_key_kind kind)
{
	switch (kind) {
	case CRY_KEY_P256:
		return 32;
	case CRY_KEY_P384:
		return 48;
	case CRY_KEY_P521:
		return 66;
	case CRY_KEY_RSA:
		break;
	}
	return 0;
}

static const char *
rsa_fault(EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);
	BIGNUM *e = NULL;
	const char *fault = NULL;

	if (bits < CRY_RSA_BITS_MIN)
		fault = "an RSA key of less than 1024 bits";
	else if (bits > CRY_RSA_BITS_MAX)
		fault = "an RSA key of more than 8192 bits";
	else if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		fault = "an RSA key without exponent";
	/* A long public exponent makes each check as dear as a signature. */
	else if (BN_num_bits(e) > EXPONENT_BITS_MAX || !BN_is_odd(e) || BN_is_one(e))
		fault = "an RSA key with an unusable public exponent";
	BN_free(e);
	return fault;
}

static const char *
look(EVP_PKEY *key, enum cry_key_kind *kind)
{
	char curve[CURVE_NAME_MAX];
	size_t n = 0;

	if (EVP_PKEY_is_a(key, "RSA")) {
		*kind = CRY_KEY_RSA;
		return rsa_fault(key);
	}
	if (EVP_PKEY_is_a(key, "DSA"))
		return "a DSA key: DSS signatures are not available";
	if (!EVP_PKEY_is_a(key, "EC"))
		return "a key that is neither RSA nor ECDSA";
	if (EVP_PKEY_get_group_name(key, curve, sizeof(curve), &n) != 1)
		return "an ECDSA key without a named curve";
	if (strcmp(curve, "prime256v1") == 0)
		*kind = CRY_KEY_P256;
	else if (strcmp(curve, "secp384r1") == 0)
		*kind = CRY_KEY_P384;
	else if (strcmp(curve, "secp521r1") == 0)
		*kind = CRY_KEY_P521;
	else
		return "an ECDSA key on a curve other than P-256, P-384 and P-521";
	return NULL;
}

/* Takes key over, whatever comes of it. */
enum status
cry_key_wrap(EVP_PKEY *key, bool is_private, struct cry_key **out, const char **why)
{
	enum cry_key_kind kind = CRY_KEY_RSA;
	const char *fault = look(key, &kind);
	struct cry_key *k;

	ERR_clear_error();
	*out = NULL;
	if (fault != NULL) {
		*why = fault;
		EVP_PKEY_free(key);
		return ST_BADKEY;
	}
	k = calloc(1, sizeof(*k));
	if (k == NULL) {
		EVP_PKEY_free(key);
		return ST_NOMEMORY;
	}
	atomic_init(&k->refs, 1);
	k->kind = kind;
	k->is_private = is_private;
	k->bits = (unsigned)EVP_PKEY_get_bits(key);
	k->key = key;
	*out = k;
	return ST_NORMAL;
}

/* ------------------------------------------------------------------------------------- reading */

/* No passphrase is ever asked for; that one was wanted is all we need to know. */
static int
no_passphrase(char *buf, int size, int writing, void *user)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)user = true;
	return -1;
}

/*
 * Looks that cost nothing, before OpenSSL asks all of its decoders in turn, for milliseconds: is
 * there a PEM of that label, or a SEQUENCE that is all there and begins with a version?
 */
static bool
has_pem(struct bytes text, const char *label)
{
	static const char begin[] = "-----BEGIN ";

	return text.n > sizeof(begin) && memmem(text.p, text.n, begin, sizeof(begin) - 1) != NULL &&
	       memmem(text.p, text.n, label, strlen(label)) != NULL;
}

static bool
has_der(struct bytes text)
{
	size_t at = 2, n = text.n > 1 ? text.p[1] : 0;

	if (text.n < 2 || text.p[0] != 0x30)
		return false;
	if (n > 0x80) {
		size_t octets = n & 0x7f;

		if (octets > 3 || octets > text.n - at)
			return false;
		for (n = 0; octets > 0; octets--)
			n = n << 8 | text.p[at++];
	}
	return n > 2 && n <= text.n - at && text.p[at] == 0x02; /* an INTEGER */
}

enum status
cry_key_private(struct bytes text, struct cry_key **out, const char **why)
{
	EVP_PKEY *key = NULL;
	bool asked = false;
	bool der, pem;
	BIO *bio;

	*out = NULL;
	*why = "not a private key in PEM or DER";
	der = text.n <= SECRET_MAX && has_der(text);
	pem = text.n <= SECRET_MAX && has_pem(text, "PRIVATE KEY-----");
	if (pem) {
		bio = BIO_new_mem_buf(text.p, (int)text.n);
		if (bio == NULL)
			return ST_NOMEMORY;
		key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
		BIO_free(bio);
	}
	if (key == NULL && !asked && der) {
		const unsigned char *p = text.p;

		key = d2i_AutoPrivateKey(NULL, &p, (long)text.n);
	}
	ERR_clear_error();
	if (key != NULL)
		return cry_key_wrap(key, true, out, why);
	if (!asked)
		return ST_BADKEY;
	*why = "the private key is encrypted";
	return ST_KEYENCRYPTED;
}

enum status
cry_key_public(struct bytes text, struct cry_key **out, const char **why)
{
	BIO *bio = text.n > SECRET_MAX || !has_pem(text, "PUBLIC KEY-----")
				 ? NULL
				 : BIO_new_mem_buf(text.p, (int)text.n);
	EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

	BIO_free(bio);
	ERR_clear_error();
	*out = NULL;
	*why = "not a key in PEM";
	return key == NULL ? ST_BADKEY : cry_key_wrap(key, false, out, why);
}

static bool
push(OSSL_PARAM_BLD *bld, const char *name, struct bytes b, BIGNUM **hold)
{
	*hold = BN_bin2bn(b.p, (int)b.n, NULL);
	return *hold != NULL && OSSL_PARAM_BLD_push_BN(bld, name, *hold) == 1;
}

enum { NUMBERS = 8 };

static const char *const number_name[NUMBERS] = { OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E,
	OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
	OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
	OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };

static EVP_PKEY *
key_from(const struct bytes *number, size_t count, int selection)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *hold[NUMBERS] = { NULL };
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	bool good = bld != NULL && ctx != NULL;

	for (size_t i = 0; good && i < count; i++)
		good = push(bld, number_name[i], number[i], &hold[i]);
	if (good)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &key, selection, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	for (size_t i = 0; i < NUMBERS; i++)
		BN_clear_free(hold[i]);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Do the private numbers belong to the public ones? */
static bool
is_pair(EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool good = ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

enum status
cry_key_rsa(const struct cry_rsa *r, struct cry_key **out, const char **why)
{
	const struct bytes number[NUMBERS] = { r->n, r->e, r->d, r->p, r->q, r->dp, r->dq, r->qi };
	bool is_private = r->d.n != 0;
	EVP_PKEY *key;

	*out = NULL;
	*why = "the numbers are not an RSA key";
	for (size_t i = 0; i < (is_private ? NUMBERS : 2); i++)
		if (number[i].n == 0 || number[i].n > CRY_SIG_MAX + 1)
			return ST_BADKEY;
	key = key_from(number, is_private ? NUMBERS : 2,
		is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
	ERR_clear_error();
	if (key == NULL)
		return ST_BADKEY;
	TRY(cry_key_wrap(key, is_private, out, why));
	if (!is_private || is_pair((*out)->key))
		return ST_NORMAL;
	ERR_clear_error();
	cry_key_free(*out);
	*out = NULL;
	*why = "the private numbers do not belong to the modulus";
	return ST_BADKEY;
}

enum status
cry_key_generate_rsa(unsigned bits, unsigned long e, struct cry_key **out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *exponent = BN_new();
	EVP_PKEY *key = NULL;
	const char *why;
	bool good = ctx != NULL && exponent != NULL && BN_set_word(exponent, e) == 1 &&
		    EVP_PKEY_keygen_init(ctx) == 1 &&
		    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) == 1 &&
		    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, exponent) == 1 &&
		    EVP_PKEY_generate(ctx, &key) == 1;

	BN_free(exponent);
	EVP_PKEY_CTX_free(ctx);
	*out = NULL;
	return good ? cry_key_wrap(key, true, out, &why) : cry_failed();
}

enum status
cry_key_numbers(const struct cry_key *k, struct secret *hold, struct cry_rsa *out)
{
	struct bytes *const field[NUMBERS] = { &out->n, &out->e, &out->d, &out->p, &out->q,
		&out->dp, &out->dq, &out->qi };
	uint8_t *at;
	enum status status;

	memset(out, 0, sizeof(*out));
	if (k->kind != CRY_KEY_RSA)
		return ST_BADKEY;
	status = secret_alloc(hold, NUMBERS * (CRY_SIG_MAX + 1));
	at = hold->p;
	for (size_t i = 0; status == ST_NORMAL && i < (k->is_private ? NUMBERS : 2); i++) {
		BIGNUM *n = NULL;

		if (EVP_PKEY_get_bn_param(k->key, number_name[i], &n) != 1 ||
			BN_num_bytes(n) > CRY_SIG_MAX + 1)
			status = cry_failed();
		else
			*field[i] = bytes_of(at, (size_t)BN_bn2bin(n, at));
		at += CRY_SIG_MAX + 1;
		BN_clear_free(n);
	}
	if (status != ST_NORMAL)
		secret_wipe(hold);
	return status;
}

/* ------------------------------------------------------------------------------------- signing */

static EVP_PKEY_CTX *
context(const struct cry_key *k, bool signing)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->key, NULL);

	if (ctx != NULL && (signing ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) == 1 &&
		(k->kind != CRY_KEY_RSA ||
			EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1))
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

/* SEQUENCE { r, s } made r | s, each as long as the curve's order */
static bool
halves_of(const uint8_t *der, size_t der_n, size_t half, uint8_t *out)
{
	const unsigned char *p = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der_n);
	bool good = sig != NULL &&
		    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)half) == (int)half &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + half, (int)half) == (int)half;

	ECDSA_SIG_free(sig);
	return good;
}

/* The reverse; octets written, 0 = out of memory. */
static size_t
der_of(struct bytes halves, uint8_t *out)
{
	int half = (int)(halves.n / 2), n = 0;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(halves.p, half, NULL), *s = BN_bin2bn(halves.p + half, half, NULL);

	if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else if (i2d_ECDSA_SIG(sig, NULL) <= ECDSA_DER_MAX) {
		unsigned char *p = out;

		n = i2d_ECDSA_SIG(sig, &p);
	}
	ECDSA_SIG_free(sig);
	return n > 0 ? (size_t)n : 0;
}

enum status
cry_sign(const struct cry_key *k, struct bytes digest, uint8_t *sig, size_t *n)
{
	EVP_PKEY_CTX *ctx = k->is_private ? context(k, true) : NULL;
	uint8_t der[ECDSA_DER_MAX];
	size_t half = half_of(k->kind);
	bool good;

	if (ctx == NULL)
		return cry_failed();
	if (half == 0) {
		*n = CRY_SIG_MAX;
		good = EVP_PKEY_sign(ctx, sig, n, digest.p, digest.n) == 1;
	} else {
		size_t der_n = sizeof(der);

		good = EVP_PKEY_sign(ctx, der, &der_n, digest.p, digest.n) == 1 &&
		       halves_of(der, der_n, half, sig);
		*n = 2 * half;
	}
	EVP_PKEY_CTX_free(ctx);
	return good ? ST_NORMAL : cry_failed();
}

enum status
cry_verify(const struct cry_key *k, struct bytes digest, struct bytes sig)
{
	uint8_t der[ECDSA_DER_MAX];
	size_t half = half_of(k->kind);
	EVP_PKEY_CTX *ctx;
	bool good;

	/* RFC 8017 8.2.2: as long as the modulus; RFC 4754: as long as the order, twice. */
	if (sig.n != (half == 0 ? (k->bits + 7) / 8 : 2 * half))
		return ST_BADSIG;
	if (half != 0) {
		sig = bytes_of(der, der_of(sig, der));
		if (sig.n == 0)
			return cry_failed();
	}
	ctx = context(k, false);
	if (ctx == NULL)
		return cry_failed();
	good = EVP_PKEY_verify(ctx, sig.p, sig.n, digest.p, digest.n) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return good ? ST_NORMAL : ST_BADSIG;
}

/* -------------------------------------------------------------------------------------- proofs */

struct cry_proof *
cry_proof_new(void)
{
	return calloc(1, sizeof(struct cry_proof));
}

struct bytes
cry_proof_dup(struct bytes b)
{
	uint8_t *p = malloc(b.n == 0 ? 1 : b.n);

	if (p == NULL)
		return (struct bytes){ 0 };
	if (b.n != 0)
		memcpy(p, b.p, b.n);
	return bytes_of(p, b.n);
}

void
cry_proof_free_view(struct bytes *b)
{
	free((void *)(uintptr_t)b->p);
	*b = (struct bytes){ 0 };
}

void
cry_proof_free(struct cry_proof *p)
{
	if (p == NULL)
		return;
	cry_key_free(p->key);
	for (unsigned i = 0; i < p->knowns; i++)
		cry_key_free(p->known[i]);
	for (unsigned i = 0; i < p->certs; i++)
		cry_proof_free_view(&p->cert[i]);
	cry_proof_free_view(&p->name);
	cry_proof_free_view(&p->hashed);
	cry_proof_free_view(&p->leaf);
	cry_trust_unref(p->trust);
	free(p);
}

enum status
cry_proof_sign(struct cry_proof *p)
{
	if (p->key == NULL || p->key->kind != p->kind)
		return ST_FAILED;
	return cry_sign(p->key, bytes_of(p->digest, p->digest_n), p->sig, &p->sig_n);
}
