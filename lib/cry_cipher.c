/*
 * cry_cipher.c - CBC for ISAKMP messages (RFC 2409 appendix B).
 *
 * Called for one message at a time, with the IV chain kept by the caller.  ESP has its own contexts
 * in lib/cry_esp.c.
 */
#include "lib/cry.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/cry_int.h"

static bool
run_cbc(EVP_CIPHER_CTX *ctx, EVP_CIPHER *cipher, struct bytes key, const uint8_t *iv,
	uint8_t *data, size_t n, bool encrypt)
{
	int done = 0, rest = 0;

	/* The cipher first, alone: Blowfish and CAST must hear the key's length before the key. */
	return EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, NULL) == 1 &&
		EVP_CIPHER_CTX_set_key_length(ctx, (int)key.n) == 1 &&
		EVP_CipherInit_ex2(ctx, NULL, key.p, iv, encrypt, NULL) == 1 &&
		EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
		EVP_CipherUpdate(ctx, data, &done, data, (int)n) == 1 &&
		EVP_CipherFinal_ex(ctx, data + done, &rest) == 1 && (size_t)(done + rest) == n;
}

enum status
cry_cbc(struct cry *c, const struct alg *cipher, struct bytes key, uint8_t *iv, uint8_t *data,
	size_t n, bool encrypt)
{
	uint8_t next[CRY_BLOCK_MAX];
	EVP_CIPHER_CTX *ctx;
	EVP_CIPHER *fetched;
	bool ok;

	if (cipher->mode != ALG_MODE_CBC || !cry_has(c, cipher))
		return ST_NOALG;
	if (!alg_key_ok(cipher, (unsigned)(key.n * 8)) || key.n > UINT16_MAX)
		return ST_BADKEYLEN;
	if (n == 0 || n % cipher->block != 0 || n > INT_MAX)
		return ST_FAILED;
	fetched = cry_cipher(c, cipher, (unsigned)(key.n * 8));
	ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL)
		return ST_NOMEMORY;
	if (!encrypt) /* the last ciphertext block, before it is overwritten */
		memcpy(next, data + n - cipher->block, cipher->block);
	ok = run_cbc(ctx, fetched, key, iv, data, n, encrypt);
	EVP_CIPHER_CTX_free(ctx); /* wipes the key schedule */
	if (!ok)
		return cry_failed();
	memcpy(iv, encrypt ? data + n - cipher->block : next, cipher->block);
	return ST_NORMAL;
}
