/*
 * toy_cry.h - the crypto provider of the targets that drive the IKE engine: the functions of
 * lib/cry_provider.c, cry_hash.c, cry_cipher.c and cry_dh.c, defined here in their place.
 *
 * What is fuzzed is what the engine makes of messages, not OpenSSL, and a real exchange would cost
 * a hundred times the rest.  Digests are SipHash, a cipher leaves the text as it is and moves the
 * IV on as CBC does, so that the fuzzer's octets are what the parser of sealed messages gets; both
 * ends of a Diffie-Hellman exchange compute the same, and a signature is the digest of a digest.
 * Refusals are those of the real ones: a value of the wrong length or zero, a text that is not
 * whole blocks, a signature that does not fit.  Included by one file of a program, never by two.
 */
#ifndef TESTS_FUZZ_TOY_CRY_H
#define TESTS_FUZZ_TOY_CRY_H

#include <stdlib.h>
#include <string.h>

#include "lib/cry_int.h"
#include "lib/cry_sign.h"
#include "lib/cry_x509.h"
#include "lib/hash.h"

struct cry_dh {
	const struct alg *group;
	uint8_t value[CRY_DH_MAX];
};

static const struct hash_key toy_key = { 0x746f79, 0x637279 };
static uint64_t toy_serial; /* of key pairs; a target sets it back for each input */

static void
toy_expand(uint64_t h, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i += sizeof(h)) {
		h = hash_more(h, i + 1);
		memcpy(out + i, &h, n - i < sizeof(h) ? n - i : sizeof(h));
	}
}

static uint64_t
toy_digest(uint64_t h, const struct bytes *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (parts[i].n > 0)
			h = hash_more(h, hash_bytes(&toy_key, parts[i].p, parts[i].n));
	return h;
}

/* ---------------------------------------------------------------------------- cry_provider.c */

struct cry *
cry_new(void)
{
	static struct cry c;

	return &c;
}

void
cry_free(struct cry *c)
{
	(void)c;
}

bool
cry_has(struct cry *c, const struct alg *a)
{
	(void)c;
	return a != NULL && a->mode != ALG_MODE_NONE;
}

enum status
cry_allow_legacy(struct cry *c)
{
	(void)c;
	return ST_NORMAL;
}

/* Nobody here has anything that OpenSSL fetched. */
const struct cry_slot *
cry_slot(const struct cry *c, const struct alg *a)
{
	(void)c, (void)a;
	return NULL;
}

struct evp_cipher_st *
cry_cipher(const struct cry *c, const struct alg *a, unsigned bits)
{
	(void)c, (void)a, (void)bits;
	return NULL;
}

enum status
cry_failed(void)
{
	return ST_FAILED;
}

void
cry_random(void *out, size_t n)
{
	toy_expand(++toy_serial, out, n);
}

/* ------------------------------------------------------------------ cry_hash.c, cry_cipher.c */

enum status
cry_hash(struct cry *c, const struct alg *hash, const struct bytes *parts, size_t count,
	uint8_t *out)
{
	(void)c;
	toy_expand(toy_digest(hash->out, parts, count), out, hash->out);
	return ST_NORMAL;
}

enum status
cry_hmac(struct cry *c, const struct alg *hash, struct bytes key, const struct bytes *parts,
	size_t count, uint8_t *out)
{
	(void)c;
	toy_expand(toy_digest(toy_digest(hash->out, &key, 1), parts, count), out, hash->out);
	return ST_NORMAL;
}

enum status
cry_cbc(struct cry *c, const struct alg *cipher, struct bytes key, uint8_t *iv, uint8_t *data,
	size_t n, bool encrypt)
{
	(void)c, (void)encrypt;
	if (cipher->mode != ALG_MODE_CBC)
		return ST_NOALG;
	if (!alg_key_ok(cipher, (unsigned)(key.n * 8)))
		return ST_BADKEYLEN;
	if (n == 0 || n % cipher->block != 0)
		return ST_FAILED;
	memcpy(iv, data + n - cipher->block, cipher->block);
	return ST_NORMAL;
}

/* ---------------------------------------------------------------------------------- cry_dh.c */

static enum status
toy_keypair(struct cry_job *job)
{
	struct cry_dh *dh = malloc(sizeof(*dh));

	if (dh == NULL)
		return ST_NOMEMORY;
	dh->group = job->group;
	toy_expand(++toy_serial, dh->value, job->group->out);
	job->dh = dh;
	return ST_NORMAL;
}

static enum status
toy_derive(struct cry_job *job)
{
	size_t n = job->group->mode == ALG_MODE_EC ? job->group->out / 2u : job->group->out;
	uint64_t both;
	bool zero = true;

	secret_wipe(&job->shared);
	if (job->dh == NULL || job->dh->group != job->group)
		return ST_FAILED;
	if (job->peer_len != job->group->out)
		return ST_BADKE;
	for (size_t i = 0; i < job->peer_len && zero; i++)
		zero = job->peer[i] == 0;
	if (zero)
		return ST_BADKE;
	both = hash_bytes(&toy_key, job->peer, job->peer_len) ^
		hash_bytes(&toy_key, job->dh->value, job->peer_len);
	if (secret_alloc(&job->shared, n) != ST_NORMAL)
		return ST_NOMEMORY;
	toy_expand(both, job->shared.p, n);
	return ST_NORMAL;
}

static enum status
toy_sign(struct cry_proof *p)
{
	p->sig_n = p->kind == CRY_KEY_RSA ? 128 : 64;
	toy_expand(hash_bytes(&toy_key, p->digest, p->digest_n), p->sig, p->sig_n);
	return ST_NORMAL;
}

/* A certificate is believed that can be read; what makes one good is fuzz_x509's. */
static enum status
toy_verify(struct cry_proof *p)
{
	uint8_t sig[128];

	toy_expand(hash_bytes(&toy_key, p->digest, p->digest_n), sig, sizeof(sig));
	if (p->sig_n != (p->kind == CRY_KEY_RSA ? 128 : 64) || memcmp(sig, p->sig, p->sig_n) != 0)
		return ST_BADSIG;
	if (p->certs == 0 && p->knowns == 0)
		return ST_NOPEERCERT;
	if (p->certs > 0)
		p->leaf = cry_proof_dup(p->cert[0]);
	return ST_NORMAL;
}

void
cry_job_run(struct cry *c, struct cry_job *job)
{
	(void)c;
	switch (job->type) {
	case CRY_JOB_KEYPAIR:
		job->status = toy_keypair(job);
		break;
	case CRY_JOB_DERIVE:
		job->status = toy_derive(job);
		break;
	case CRY_JOB_SIGN:
		job->status = toy_sign(job->proof);
		break;
	case CRY_JOB_VERIFY:
		job->status = toy_verify(job->proof);
		break;
	}
}

unsigned
cry_job_tenths(const struct cry_job *job)
{
	(void)job;
	return 0;
}

struct bytes
cry_dh_public(const struct cry_dh *dh)
{
	return bytes_of(dh->value, dh->group->out);
}

void
cry_dh_free(struct cry_dh *dh)
{
	free(dh);
}

struct evp_pkey_st *
cry_dh_group(const struct alg *a)
{
	(void)a;
	return NULL;
}

uint8_t *
cry_dh_bound(const struct alg *a, struct evp_pkey_st *group)
{
	(void)a, (void)group;
	return NULL;
}

#endif
