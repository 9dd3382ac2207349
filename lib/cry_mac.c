/*
 * cry_mac.c - integrity functions of ESP and AH, keyed once and run per packet.
 *
 * Called by lib/cry_esp.c.  HMAC is lib/cry_hmac.c's; CMAC is OpenSSL's, restarted from the saved
 * key state by initialising with a NULL key.  AES-XCBC-MAC (RFC 3566) is made from AES-CBC, and
 * keyed MD5 and SHA-1 (RFC 1828, 1852) from the bare digests, the padded key digested once
 * beforehand.
 * Never truncates and never compares: the caller does.
 */
#include "lib/cry.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry_int.h"

enum { XCBC_BLOCK = 16, XCBC_CHUNK = 512, KEYED_BLOCK = 64 };

struct cry_mac {
	enum alg_mode mode;
	size_t out;
	struct cry_hmac *hmac;
	EVP_MAC_CTX *mac;              /* CMAC */
	EVP_MD_CTX *md, *keyed;        /* keyed digests: running, and as it was after the key */
	struct secret key;             /* keyed digests: the key again, for the end */
	EVP_CIPHER_CTX *cbc;           /* XCBC: AES-CBC under K1 */
	uint8_t k2[XCBC_BLOCK], k3[XCBC_BLOCK];
	uint8_t block[XCBC_BLOCK];     /* XCBC: octets that may be the last block */
	size_t fill;
};

/* RFC 3566 4: K1 = E(K, 0x01...), K2 = E(K, 0x02...), K3 = E(K, 0x03...), of one block each. */
static bool
xcbc_key(struct cry_mac *m, EVP_CIPHER *cipher, struct bytes key)
{
	static const uint8_t zero[XCBC_BLOCK];
	uint8_t k1[XCBC_BLOCK], *keys[3] = { k1, m->k2, m->k3 }, in[XCBC_BLOCK];
	int n = 0;
	bool ok;

	m->cbc = EVP_CIPHER_CTX_new();
	ok = m->cbc != NULL;
	for (int i = 0; ok && i < 3; i++) { /* one block under a zero IV is ECB */
		memset(in, i + 1, sizeof(in));
		ok = EVP_EncryptInit_ex2(m->cbc, cipher, key.p, zero, NULL) == 1 &&
			EVP_CIPHER_CTX_set_padding(m->cbc, 0) == 1 &&
			EVP_EncryptUpdate(m->cbc, keys[i], &n, in, XCBC_BLOCK) == 1;
	}
	ok = ok && EVP_EncryptInit_ex2(m->cbc, cipher, k1, zero, NULL) == 1 &&
		EVP_CIPHER_CTX_set_padding(m->cbc, 0) == 1;
	wipe(k1, sizeof(k1));
	return ok;
}

/* Chain whole blocks; only the state of the chain is wanted, not the ciphertext. */
static bool
xcbc_chain(struct cry_mac *m, const uint8_t *p, size_t n, uint8_t *last)
{
	uint8_t scratch[XCBC_CHUNK];
	int done = 0;

	while (n > 0) {
		size_t some = n < XCBC_CHUNK ? n : XCBC_CHUNK;

		if (EVP_EncryptUpdate(m->cbc, scratch, &done, p, (int)some) != 1)
			return false;
		if (last != NULL)
			memcpy(last, scratch + some - XCBC_BLOCK, XCBC_BLOCK);
		p += some;
		n -= some;
	}
	return true;
}

static bool
xcbc_add(struct cry_mac *m, struct bytes b)
{
	size_t room = XCBC_BLOCK - m->fill, bulk;

	if (b.n <= room) { /* may be the last: it stays */
		if (b.n > 0)
			memcpy(m->block + m->fill, b.p, b.n);
		m->fill += b.n;
		return true;
	}
	memcpy(m->block + m->fill, b.p, room);
	if (!xcbc_chain(m, m->block, XCBC_BLOCK, NULL))
		return false;
	b.p += room;
	b.n -= room;
	bulk = (b.n - 1) / XCBC_BLOCK * XCBC_BLOCK;
	if (!xcbc_chain(m, b.p, bulk, NULL))
		return false;
	m->fill = b.n - bulk;
	memcpy(m->block, b.p + bulk, m->fill);
	return true;
}

/* RFC 3566 4 (5): a full last block is xored with K2, a padded one (0x80 0x00...) with K3. */
static bool
xcbc_end(struct cry_mac *m, uint8_t *out)
{
	const uint8_t *k = m->fill == XCBC_BLOCK ? m->k2 : m->k3;

	if (m->fill < XCBC_BLOCK) {
		m->block[m->fill] = 0x80;
		memset(m->block + m->fill + 1, 0, XCBC_BLOCK - m->fill - 1);
	}
	for (size_t i = 0; i < XCBC_BLOCK; i++)
		m->block[i] ^= k[i];
	return xcbc_chain(m, m->block, XCBC_BLOCK, out);
}

/*
 * RFC 1828 2, RFC 1852 2: digest(key, keyfill, datagram, key).  keyfill is the padding that the
 * digest itself would put behind the key: 0x80, zeros, and the length in bits at the end of the
 * block, little-endian for MD5 and big-endian for SHA-1.
 */
static bool
keyed_key(struct cry_mac *m, const struct alg *auth, EVP_MD *md, struct bytes key)
{
	uint8_t block[KEYED_BLOCK] = { 0 };
	size_t bits = key.n * 8;
	bool md5 = auth->out == 16, ok;

	if (key.n > KEYED_BLOCK - 9 || secret_set(&m->key, key) != ST_NORMAL)
		return false;
	memcpy(block, key.p, key.n);
	block[key.n] = 0x80;
	block[md5 ? KEYED_BLOCK - 8 : KEYED_BLOCK - 1] = (uint8_t)bits;
	block[md5 ? KEYED_BLOCK - 7 : KEYED_BLOCK - 2] = (uint8_t)(bits >> 8);
	m->md = EVP_MD_CTX_new();
	m->keyed = EVP_MD_CTX_new();
	ok = m->md != NULL && m->keyed != NULL && EVP_DigestInit_ex2(m->keyed, md, NULL) == 1 &&
		EVP_DigestUpdate(m->keyed, block, sizeof(block)) == 1;
	wipe(block, sizeof(block));
	return ok;
}

static bool
mac_key(struct cry_mac *m, const struct cry *c, const struct alg *auth, struct bytes key)
{
	const struct cry_slot *s = cry_slot(c, auth);

	switch (auth->mode) {
	case ALG_MODE_HMAC:
		m->hmac = cry_hmac_new(auth->ossl, key);
		return m->hmac != NULL;
	case ALG_MODE_CMAC:
		m->mac = EVP_MAC_CTX_dup(s->mac);
		return m->mac != NULL && EVP_MAC_init(m->mac, key.p, key.n, NULL) == 1;
	case ALG_MODE_XCBC:
		return xcbc_key(m, cry_cipher(c, auth, (unsigned)(key.n * 8)), key);
	case ALG_MODE_KEYED:
		return keyed_key(m, auth, s->md, key);
	case ALG_MODE_NONE:
	case ALG_MODE_NULL:
	case ALG_MODE_CBC:
	case ALG_MODE_CTR:
	case ALG_MODE_GCM:
	case ALG_MODE_CCM:
	case ALG_MODE_GMAC:
	case ALG_MODE_CHAPOLY:
	case ALG_MODE_MODP:
	case ALG_MODE_EC:
	case ALG_MODE_X25519:
		break;
	}
	return false;
}

enum status
cry_mac_new(const struct cry *c, const struct alg *auth, struct bytes key, struct cry_mac **out)
{
	struct cry_mac *m;

	*out = NULL;
	if (auth->kind != ALG_AUTH || cry_slot(c, auth) == NULL)
		return ST_NOALG;
	if (key.n > UINT16_MAX || !alg_key_ok(auth, (unsigned)(key.n * 8)))
		return ST_BADKEYLEN;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return ST_NOMEMORY;
	m->mode = auth->mode;
	m->out = auth->out;
	if (!mac_key(m, c, auth, key)) {
		cry_mac_free(m);
		return cry_failed();
	}
	*out = m;
	return ST_NORMAL;
}

void
cry_mac_free(struct cry_mac *m)
{
	if (m == NULL)
		return;
	cry_hmac_free(m->hmac);
	EVP_MAC_CTX_free(m->mac);
	EVP_MD_CTX_free(m->md);
	EVP_MD_CTX_free(m->keyed);
	EVP_CIPHER_CTX_free(m->cbc);
	secret_wipe(&m->key);
	wipe(m, sizeof(*m));
	free(m);
}

static bool
mac_openssl(struct cry_mac *m, const struct bytes *parts, size_t count, uint8_t *out)
{
	size_t n = 0;

	if (EVP_MAC_init(m->mac, NULL, 0, NULL) != 1) /* the key stays */
		return false;
	for (size_t i = 0; i < count; i++)
		if (parts[i].n > 0 && EVP_MAC_update(m->mac, parts[i].p, parts[i].n) != 1)
			return false;
	return EVP_MAC_final(m->mac, out, &n, CRY_HASH_MAX) == 1 && n == m->out;
}

static bool
mac_xcbc(struct cry_mac *m, const struct bytes *parts, size_t count, uint8_t *out)
{
	static const uint8_t zero[XCBC_BLOCK];

	m->fill = 0;
	if (EVP_EncryptInit_ex2(m->cbc, NULL, NULL, zero, NULL) != 1)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!xcbc_add(m, parts[i]))
			return false;
	return xcbc_end(m, out);
}

static bool
mac_keyed(struct cry_mac *m, const struct bytes *parts, size_t count, uint8_t *out)
{
	unsigned n = 0;

	if (EVP_MD_CTX_copy_ex(m->md, m->keyed) != 1)
		return false;
	for (size_t i = 0; i < count; i++)
		if (parts[i].n > 0 && EVP_DigestUpdate(m->md, parts[i].p, parts[i].n) != 1)
			return false;
	return EVP_DigestUpdate(m->md, m->key.p, m->key.n) == 1 &&
		EVP_DigestFinal_ex(m->md, out, &n) == 1 && n == m->out;
}

enum status
cry_mac_run(struct cry_mac *m, const struct bytes *parts, size_t count, uint8_t *out)
{
	bool ok;

	if (m->hmac != NULL)
		ok = cry_hmac_run(m->hmac, parts, count, out);
	else if (m->mac != NULL)
		ok = mac_openssl(m, parts, count, out);
	else if (m->cbc != NULL)
		ok = mac_xcbc(m, parts, count, out);
	else
		ok = mac_keyed(m, parts, count, out);
	return ok ? ST_NORMAL : cry_failed();
}
