/*
 * cry_hash.c - digests and HMAC for IKE.
 *
 * Contexts are made per call: a struct cry is shared by threads, and two allocations are little
 * beside a negotiation.  ESP and AH, where they would matter, keep theirs (lib/cry_mac.c).
 */
#include "lib/cry.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "lib/cry_int.h"

enum status
cry_hash(struct cry *c, const struct alg *hash, const struct bytes *parts, size_t count,
	uint8_t *out)
{
	const struct cry_slot *s = cry_slot(c, hash);
	EVP_MD_CTX *ctx;
	unsigned n = 0;
	bool ok;

	if (s == NULL || s->md == NULL)
		return ST_NOALG;
	ctx = EVP_MD_CTX_new();
	if (ctx == NULL)
		return ST_NOMEMORY;
	ok = EVP_DigestInit_ex2(ctx, s->md, NULL) == 1;
	for (size_t i = 0; ok && i < count; i++)
		ok = parts[i].n == 0 || EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, &n) == 1 && n == hash->out;
	EVP_MD_CTX_free(ctx);
	return ok ? ST_NORMAL : cry_failed();
}

enum status
cry_hmac(struct cry *c, const struct alg *hash, struct bytes key, const struct bytes *parts,
	size_t count, uint8_t *out)
{
	static const uint8_t nothing[1];
	const struct cry_slot *s = cry_slot(c, hash);
	EVP_MAC_CTX *ctx;
	size_t n = 0;
	bool ok;

	if (s == NULL || s->mac == NULL)
		return ST_NOALG;
	ctx = EVP_MAC_CTX_dup(s->mac); /* carries the fetched digest: no look-up by name */
	if (ctx == NULL)
		return ST_NOMEMORY;
	/* A NULL key would mean "the key of before", so an empty one needs an address. */
	ok = EVP_MAC_init(ctx, key.n == 0 ? nothing : key.p, key.n, NULL) == 1;
	for (size_t i = 0; ok && i < count; i++)
		ok = parts[i].n == 0 || EVP_MAC_update(ctx, parts[i].p, parts[i].n) == 1;
	ok = ok && EVP_MAC_final(ctx, out, &n, CRY_HASH_MAX) == 1 && n == hash->out;
	EVP_MAC_CTX_free(ctx); /* wipes the key state */
	return ok ? ST_NORMAL : cry_failed();
}
