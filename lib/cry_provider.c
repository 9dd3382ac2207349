/*
 * cry_provider.c - the crypto context: fetches OpenSSL's algorithms once, by row.
 *
 * Called by the programs at start and when a configuration names a legacy algorithm.  Everything
 * fetched here is read-only afterwards, so that jobs on other threads may use it; cry_allow_legacy
 * only fills slots that nobody could use before.  The legacy provider gets a library context of its
 * own: loading it beside the default one would change what the rest of the process can fetch.
 */
#include "lib/cry.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry_int.h"

enum { ALG_NAME_MAX = 48 };

enum status
cry_failed(void)
{
	ERR_clear_error();
	return ST_FAILED;
}

const struct cry_slot *
cry_slot(const struct cry *c, const struct alg *a)
{
	const struct cry_slot *s;

	if (a < alg_table || a >= alg_table + alg_count)
		return NULL;
	s = &c->slot[a - alg_table];
	return s->have ? s : NULL;
}

struct evp_cipher_st *
cry_cipher(const struct cry *c, const struct alg *a, unsigned bits)
{
	const struct cry_slot *s = cry_slot(c, a);

	if (s == NULL || !alg_key_ok(a, bits))
		return NULL;
	for (size_t i = 0; i < ALG_BITS_MAX; i++)
		if (a->bits[i] != 0 && a->bits[i] == bits)
			return s->cipher[i];
	return s->cipher[0];
}

/* "AES-*-CBC" and 128 make "AES-128-CBC". */
static const char *
ossl_name(const struct alg *a, unsigned bits, char *buf, size_t size)
{
	const char *star = strchr(a->ossl, '*');

	if (star == NULL)
		return a->ossl;
	snprintf(buf, size, "%.*s%u%s", (int)(star - a->ossl), a->ossl, bits, star + 1);
	return buf;
}

static bool
fetch_cipher(struct cry_slot *s, const struct alg *a, OSSL_LIB_CTX *lib)
{
	char name[ALG_NAME_MAX];

	for (size_t i = 0; i < ALG_BITS_MAX && (i == 0 || a->bits[i] != 0); i++) {
		s->cipher[i] = EVP_CIPHER_fetch(lib, ossl_name(a, a->bits[i], name, sizeof(name)),
			NULL);
		if (s->cipher[i] == NULL)
			return false;
	}
	return true;
}

static bool
fetch_mac(struct cry_slot *s, const char *which, const char *key, const char *value)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, which, NULL);
	char copy[ALG_NAME_MAX];
	OSSL_PARAM params[2];
	bool ok;

	if (mac == NULL)
		return false;
	snprintf(copy, sizeof(copy), "%s", value);
	params[0] = OSSL_PARAM_construct_utf8_string(key, copy, 0);
	params[1] = OSSL_PARAM_construct_end();
	s->mac = EVP_MAC_CTX_new(mac);
	ok = s->mac != NULL && EVP_MAC_CTX_set_params(s->mac, params) == 1;
	EVP_MAC_free(mac); /* the context keeps its own reference */
	return ok;
}

static bool
fetch(struct cry_slot *s, const struct alg *a, OSSL_LIB_CTX *lib)
{
	static const uint8_t no_key[32];
	char name[ALG_NAME_MAX];

	switch (a->mode) {
	case ALG_MODE_NONE:
		return false;
	case ALG_MODE_NULL:
		return true;
	case ALG_MODE_CBC:
	case ALG_MODE_CTR:
	case ALG_MODE_GCM:
	case ALG_MODE_CCM:
	case ALG_MODE_GMAC:
	case ALG_MODE_CHAPOLY:
	case ALG_MODE_XCBC:
		return fetch_cipher(s, a, lib);
	case ALG_MODE_HMAC:
		s->md = EVP_MD_fetch(lib, a->ossl, NULL);
		return s->md != NULL && fetch_mac(s, "HMAC", OSSL_MAC_PARAM_DIGEST, a->ossl);
	case ALG_MODE_KEYED:
		s->md = EVP_MD_fetch(lib, a->ossl, NULL);
		return s->md != NULL;
	case ALG_MODE_CMAC: /* a CMAC context cannot be duplicated before it has seen some key */
		return fetch_mac(s, "CMAC", OSSL_MAC_PARAM_CIPHER,
			       ossl_name(a, a->bits[0], name, sizeof(name))) &&
			EVP_MAC_init(s->mac, no_key, a->bits[0] / 8u, NULL) == 1;
	case ALG_MODE_MODP:
		s->group = cry_dh_group(a);
		s->bound = s->group == NULL ? NULL : cry_dh_bound(a, s->group);
		return s->bound != NULL;
	case ALG_MODE_EC:
		s->group = cry_dh_group(a);
		return s->group != NULL;
	case ALG_MODE_X25519:
		return true;
	}
	return false;
}

static void
slot_clear(struct cry_slot *s)
{
	for (size_t i = 0; i < ALG_BITS_MAX; i++)
		EVP_CIPHER_free(s->cipher[i]);
	EVP_MD_free(s->md);
	EVP_MAC_CTX_free(s->mac);
	EVP_PKEY_free(s->group);
	free(s->bound);
	memset(s, 0, sizeof(*s));
}

static void
fetch_rows(struct cry *c, bool legacy, OSSL_LIB_CTX *lib)
{
	for (size_t i = 0; i < alg_count; i++) {
		const struct alg *a = &alg_table[i];

		if (a->legacy != legacy || c->slot[i].have)
			continue;
		if (fetch(&c->slot[i], a, lib))
			c->slot[i].have = true;
		else
			slot_clear(&c->slot[i]);
	}
	ERR_clear_error(); /* what is missing is not an error: cry_has tells */
}

struct cry *
cry_new(void)
{
	struct cry *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->slot = calloc(alg_count, sizeof(c->slot[0]));
	if (c->slot == NULL) {
		free(c);
		return NULL;
	}
	fetch_rows(c, false, NULL);
	if (!cry_has(c, alg_by_name(ALG_HASH, "sha256"))) {
		cry_free(c);
		return NULL;
	}
	return c;
}

void
cry_free(struct cry *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < alg_count; i++)
		slot_clear(&c->slot[i]);
	free(c->slot);
	if (c->legacy_provider != NULL)
		OSSL_PROVIDER_unload(c->legacy_provider);
	OSSL_LIB_CTX_free(c->legacy);
	free(c);
}

enum status
cry_allow_legacy(struct cry *c)
{
	if (c->legacy_provider != NULL)
		return ST_NORMAL;
	if (c->legacy == NULL)
		c->legacy = OSSL_LIB_CTX_new();
	if (c->legacy == NULL)
		return ST_NOMEMORY;
	c->legacy_provider = OSSL_PROVIDER_load(c->legacy, "legacy");
	if (c->legacy_provider == NULL) {
		ERR_clear_error();
		return ST_NOALG;
	}
	fetch_rows(c, true, c->legacy);
	return ST_NORMAL;
}

bool
cry_has(struct cry *c, const struct alg *a)
{
	return a != NULL && cry_slot(c, a) != NULL;
}

void
cry_random(void *out, size_t n)
{
	/* Keys and nonces must never be guessable: without randomness there is no going on. */
	if (RAND_bytes_ex(NULL, out, n, 0) != 1) {
		fprintf(stderr, "no random numbers to be had from OpenSSL\n");
		abort();
	}
}
