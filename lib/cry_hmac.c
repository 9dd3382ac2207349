/*
 * cry_hmac.c - HMAC (RFC 2104) for packets: both pads are digested once per key, and their states
 * copied for each packet.
 *
 * Called by lib/cry_mac.c.  OpenSSL's own HMAC allocates and frees contexts with every copy; its
 * old digest functions have plain structures, run the same code of the processor, and cost half as
 * much for short packets.  That they are called deprecated is why they stand alone here.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lib/cry.h"

#include <openssl/md5.h>
#include <openssl/ripemd.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry_int.h"

enum { BLOCK_MAX = 128, IPAD = 0x36, OPAD = 0x5c };

union state {
	MD5_CTX md5;
	SHA_CTX sha1;
	SHA256_CTX sha256;
	SHA512_CTX sha512;
	RIPEMD160_CTX ripemd;
};

struct digest {
	const char *name; /* as the rows of the algorithm table have it */
	size_t size, block, out;
	int (*init)(union state *s);
	int (*update)(union state *s, const void *p, size_t n);
	int (*final)(uint8_t *out, union state *s);
};

#define DIGEST(id, member, prefix)                                                                 \
	static int id##_init(union state *s) { return prefix##_Init(&s->member); }                 \
	static int id##_update(union state *s, const void *p, size_t n)                            \
	{                                                                                          \
		return prefix##_Update(&s->member, p, n);                                          \
	}                                                                                          \
	static int id##_final(uint8_t *out, union state *s)                                        \
	{                                                                                          \
		return prefix##_Final(out, &s->member);                                            \
	}
DIGEST(md5, md5, MD5)
DIGEST(sha1, sha1, SHA1)
DIGEST(sha256, sha256, SHA256)
DIGEST(sha384, sha512, SHA384)
DIGEST(sha512, sha512, SHA512)
DIGEST(ripemd, ripemd, RIPEMD160)

static const struct digest digests[] = {
	{ "MD5", sizeof(MD5_CTX), 64, 16, md5_init, md5_update, md5_final },
	{ "SHA1", sizeof(SHA_CTX), 64, 20, sha1_init, sha1_update, sha1_final },
	{ "SHA2-256", sizeof(SHA256_CTX), 64, 32, sha256_init, sha256_update, sha256_final },
	{ "SHA2-384", sizeof(SHA512_CTX), 128, 48, sha384_init, sha384_update, sha384_final },
	{ "SHA2-512", sizeof(SHA512_CTX), 128, 64, sha512_init, sha512_update, sha512_final },
	{ "RIPEMD-160", sizeof(RIPEMD160_CTX), 64, 20, ripemd_init, ripemd_update, ripemd_final },
};

struct cry_hmac {
	const struct digest *d;
	union state inner, outer, run;
};

static bool
pad(const struct digest *d, union state *s, const uint8_t *key, size_t n, uint8_t with)
{
	uint8_t block[BLOCK_MAX];
	bool ok;

	memset(block, with, d->block);
	for (size_t i = 0; i < n; i++)
		block[i] ^= key[i];
	ok = d->init(s) == 1 && d->update(s, block, d->block) == 1;
	wipe(block, sizeof(block));
	return ok;
}

struct cry_hmac *
cry_hmac_new(const char *name, struct bytes key)
{
	uint8_t shorter[CRY_HASH_MAX];
	const struct digest *d = NULL;
	struct cry_hmac *h;
	bool ok = true;

	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
		if (strcmp(digests[i].name, name) == 0)
			d = &digests[i];
	h = d == NULL ? NULL : calloc(1, sizeof(*h));
	if (h == NULL)
		return NULL;
	h->d = d;
	if (key.n > d->block) { /* RFC 2104 2 */
		ok = d->init(&h->run) == 1 && d->update(&h->run, key.p, key.n) == 1 &&
			d->final(shorter, &h->run) == 1;
		key = bytes_of(shorter, d->out);
	}
	ok = ok && pad(d, &h->inner, key.p, key.n, IPAD) && pad(d, &h->outer, key.p, key.n, OPAD);
	wipe(shorter, sizeof(shorter));
	if (ok)
		return h;
	cry_hmac_free(h);
	return NULL;
}

void
cry_hmac_free(struct cry_hmac *h)
{
	if (h == NULL)
		return;
	wipe(h, sizeof(*h));
	free(h);
}

bool
cry_hmac_run(struct cry_hmac *h, const struct bytes *parts, size_t count, uint8_t *out)
{
	const struct digest *d = h->d;
	uint8_t inner[CRY_HASH_MAX];

	memcpy(&h->run, &h->inner, d->size);
	for (size_t i = 0; i < count; i++)
		if (parts[i].n > 0 && d->update(&h->run, parts[i].p, parts[i].n) != 1)
			return false;
	if (d->final(inner, &h->run) != 1)
		return false;
	memcpy(&h->run, &h->outer, d->size);
	return d->update(&h->run, inner, d->out) == 1 && d->final(out, &h->run) == 1;
}
