/*
 * cry_esp.c - ESP and AH: one cipher and one MAC context per SA, restarted for every packet.
 *
 * Called by the embedded IPsec engine for each packet.  Nothing is then fetched, allocated or
 * duplicated.  IVs are the caller's business (it owns the randomness and the counters), as are
 * padding, sequence numbers and replay.
 *
 * RFC 4303 (ESP), 4302 (AH), 3686 (CTR), 4106 (GCM), 4309 (CCM), 4543 (GMAC), 7634 (ChaCha20).
 */
#include "lib/cry.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry_int.h"

enum { SALT_MAX = 4, NONCE_MAX = 16, ICV_MAX = 64, ESN_OCTETS = 4, SPI_OCTETS = 4,
	AAD_ESN_MAX = 16 };

struct cry_esp {
	const struct alg *encr, *auth; /* auth NULL: none, or AEAD */
	bool sealing;
	bool aead;
	size_t icv;
	EVP_CIPHER_CTX *cipher; /* NULL for the NULL cipher */
	struct cry_mac *mac;
	uint8_t salt[SALT_MAX];
	/* AEADs: the tag of this packet, and the parameters that name it. */
	uint8_t tag[ICV_MAX];
	OSSL_PARAM tag_param[2];
};

static bool
is_aead(const struct alg *a)
{
	return a->mode == ALG_MODE_GCM || a->mode == ALG_MODE_CCM || a->mode == ALG_MODE_GMAC ||
		a->mode == ALG_MODE_CHAPOLY;
}

/* ------------------------------------------------------------ set-up --- */

static bool
cipher_key(struct cry_esp *e, EVP_CIPHER *fetched, struct bytes key)
{
	int enc = e->sealing ? 1 : 0;
	int nonce_len = e->encr->salt + e->encr->iv;

	e->cipher = EVP_CIPHER_CTX_new();
	if (e->cipher == NULL ||
		EVP_CipherInit_ex2(e->cipher, fetched, NULL, NULL, enc, NULL) != 1)
		return false;
	if (e->aead &&
		EVP_CIPHER_CTX_ctrl(e->cipher, EVP_CTRL_AEAD_SET_IVLEN, nonce_len, NULL) != 1)
		return false;
	/* CCM must know the tag's length before the key; it stays for all packets. */
	if (e->encr->mode == ALG_MODE_CCM &&
		EVP_CIPHER_CTX_ctrl(e->cipher, EVP_CTRL_AEAD_SET_TAG, e->encr->icv, NULL) != 1)
		return false;
	if (!e->aead && EVP_CIPHER_CTX_set_key_length(e->cipher, (int)key.n) != 1)
		return false;
	return EVP_CipherInit_ex2(e->cipher, NULL, key.p, NULL, enc, NULL) == 1 &&
		(e->aead || EVP_CIPHER_CTX_set_padding(e->cipher, 0) == 1);
}

static enum status
set_encr(struct cry_esp *e, struct cry *c, struct bytes key)
{
	const struct alg *a = e->encr;
	EVP_CIPHER *fetched;
	size_t n;

	if (a->kind != ALG_ENCR || !cry_has(c, a))
		return ST_NOALG;
	if (key.n < a->salt || key.n > UINT16_MAX)
		return ST_BADKEYLEN;
	n = key.n - a->salt;
	if (!alg_key_ok(a, (unsigned)(n * 8)))
		return ST_BADKEYLEN;
	if (a->mode == ALG_MODE_NULL)
		return ST_NORMAL;
	fetched = cry_cipher(c, a, (unsigned)(n * 8));
	if (a->salt > 0)
		memcpy(e->salt, key.p + n, a->salt);
	return cipher_key(e, fetched, bytes_of(key.p, n)) ? ST_NORMAL : cry_failed();
}

static enum status
set_auth(struct cry_esp *e, struct cry *c, const struct alg *auth, struct bytes key)
{
	if (auth->kind != ALG_AUTH || !cry_has(c, auth))
		return ST_NOALG;
	if (auth->mode == ALG_MODE_NULL)
		return key.n <= UINT16_MAX && alg_key_ok(auth, (unsigned)(key.n * 8))
			? ST_NORMAL : ST_BADKEYLEN;
	if (e->aead) /* RFC 7296 3.3.2: an AEAD has no integrity transform beside it */
		return ST_NOALG;
	TRY(cry_mac_new(c, auth, key, &e->mac));
	e->auth = auth;
	e->icv = auth->icv;
	return ST_NORMAL;
}

enum status
cry_esp_new(struct cry *c, const struct alg *encr, struct bytes encr_key, const struct alg *auth,
	struct bytes auth_key, bool sealing, struct cry_esp **out)
{
	struct cry_esp *e = calloc(1, sizeof(*e));
	enum status st = ST_NORMAL;

	*out = NULL;
	if (e == NULL)
		return ST_NOMEMORY;
	e->encr = encr;
	e->sealing = sealing;
	if (encr != NULL) {
		e->aead = is_aead(encr);
		e->icv = encr->icv;
		e->tag_param[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG,
			e->tag, e->icv);
		e->tag_param[1] = OSSL_PARAM_construct_end();
		st = set_encr(e, c, encr_key);
	}
	if (st == ST_NORMAL && auth != NULL)
		st = set_auth(e, c, auth, auth_key);
	if (st != ST_NORMAL) {
		cry_esp_free(e);
		return st;
	}
	*out = e;
	return ST_NORMAL;
}

void
cry_esp_free(struct cry_esp *e)
{
	if (e == NULL)
		return;
	EVP_CIPHER_CTX_free(e->cipher);
	cry_mac_free(e->mac);
	wipe(e, sizeof(*e));
	free(e);
}

/* ------------------------------------------------------------ per packet --- */

struct part { /* where things are in the packet */
	uint8_t *packet, *text, *icv;
	size_t aad, iv, n;
	bool has_esn;
	uint8_t esn[ESN_OCTETS];
};

static bool
part_of(const struct cry_esp *e, struct part *t, uint8_t *packet, size_t aad_len, size_t iv_len,
	size_t text_len)
{
	size_t block = e->encr == NULL ? 1 : e->encr->block;

	/* Lengths of the ciphers' interface are int. */
	if (aad_len > INT_MAX / 4 || text_len > INT_MAX / 4 ||
		iv_len != (e->encr == NULL ? 0 : e->encr->iv) || text_len % block != 0)
		return false;
	t->packet = packet;
	t->text = packet + aad_len + iv_len;
	t->icv = t->text + text_len;
	t->aad = aad_len;
	t->iv = iv_len;
	t->n = text_len;
	return true;
}

static void
set_esn(struct part *t, bool has_esn, uint32_t high)
{
	t->has_esn = has_esn;
	t->esn[0] = (uint8_t)(high >> 24);
	t->esn[1] = (uint8_t)(high >> 16);
	t->esn[2] = (uint8_t)(high >> 8);
	t->esn[3] = (uint8_t)high;
}

/* RFC 4303 2.2.1: the high half of the sequence number follows the text, and is not sent. */
static enum status
packet_mac(struct cry_esp *e, const struct part *t, uint8_t *out)
{
	struct bytes parts[2] = { { t->packet, (size_t)(t->icv - t->packet) },
		{ t->esn, ESN_OCTETS } };

	return cry_mac_run(e->mac, parts, t->has_esn ? 2 : 1, out);
}

/* The starting block or nonce: salt, then the packet's IV, then the counter for bare CTR. */
static void
nonce_of(const struct cry_esp *e, const struct part *t, uint8_t *nonce)
{
	size_t salt = e->encr->salt;

	memcpy(nonce, e->salt, salt);
	memcpy(nonce + salt, t->packet + t->aad, t->iv);
	if (e->encr->mode == ALG_MODE_CTR) { /* RFC 3686 4: the block counter begins at one */
		memset(nonce + salt + t->iv, 0, 3);
		nonce[salt + t->iv + 3] = 1;
	}
}

static bool
crypt_text(struct cry_esp *e, const struct part *t)
{
	uint8_t nonce[NONCE_MAX];
	int n = 0;

	if (e->cipher == NULL || t->n == 0)
		return true;
	nonce_of(e, t, nonce);
	return EVP_CipherInit_ex2(e->cipher, NULL, NULL, nonce, -1, NULL) == 1 &&
		EVP_CipherUpdate(e->cipher, t->text, &n, t->text, (int)t->n) == 1 &&
		(size_t)n == t->n;
}

static bool
aad_add(struct cry_esp *e, const uint8_t *p, size_t n)
{
	int done = 0;

	return n == 0 || EVP_CipherUpdate(e->cipher, NULL, &done, p, (int)n) == 1;
}

/*
 * AAD is SPI and sequence number; with ESN the high half goes between them (RFC 4106 5).  CCM takes
 * it in one piece only.  GMAC has the whole packet as AAD, its IV too: Linux and its peers do so,
 * although RFC 4543 3.3 draws the AAD without it.
 */
static bool
aead_aad(struct cry_esp *e, const struct part *t)
{
	uint8_t aad[AAD_ESN_MAX];
	size_t rest = t->aad - SPI_OCTETS;

	if (!t->has_esn) {
		if (!aad_add(e, t->packet, t->aad))
			return false;
	} else {
		if (t->aad < SPI_OCTETS || t->aad + ESN_OCTETS > sizeof(aad))
			return false;
		memcpy(aad, t->packet, SPI_OCTETS);
		memcpy(aad + SPI_OCTETS, t->esn, ESN_OCTETS);
		memcpy(aad + SPI_OCTETS + ESN_OCTETS, t->packet + SPI_OCTETS, rest);
		if (!aad_add(e, aad, t->aad + ESN_OCTETS))
			return false;
	}
	return e->encr->mode != ALG_MODE_GMAC || aad_add(e, t->packet + t->aad, t->iv + t->n);
}

/* Everything between the nonce and the tag. */
static bool
aead_body(struct cry_esp *e, const struct part *t)
{
	bool gmac = e->encr->mode == ALG_MODE_GMAC;
	int n = 0, rest = 0;
	uint8_t nothing[NONCE_MAX];

	/* CCM hashes the length first. */
	if (e->encr->mode == ALG_MODE_CCM &&
		EVP_CipherUpdate(e->cipher, NULL, &n, NULL, (int)t->n) != 1)
		return false;
	if (!aead_aad(e, t))
		return false;
	if (!gmac && EVP_CipherUpdate(e->cipher, t->text, &n, t->text, (int)t->n) != 1)
		return false;
	/* CCM verifies while it decrypts and has no final step then. */
	if (e->encr->mode == ALG_MODE_CCM && !e->sealing)
		return true;
	return EVP_CipherFinal_ex(e->cipher, nothing, &rest) == 1;
}

/*
 * OpenSSL's ChaCha20-Poly1305 for AVX-512 leaves the upper halves of the vector registers in use,
 * and on some processors the older instructions are slow until they are cleared.
 */
#if defined(__x86_64__)
__attribute__((target("avx"))) static void
zero_upper(void)
{
	__builtin_ia32_vzeroupper();
}
#endif

static void
tidy_registers(const struct cry_esp *e)
{
#if defined(__x86_64__)
	if (e->encr->mode == ALG_MODE_CHAPOLY && __builtin_cpu_supports("avx"))
		zero_upper();
#else
	(void)e;
#endif
}

static bool
aead_seal(struct cry_esp *e, const struct part *t)
{
	uint8_t nonce[NONCE_MAX];

	nonce_of(e, t, nonce);
	if (EVP_CipherInit_ex2(e->cipher, NULL, NULL, nonce, -1, NULL) != 1 || !aead_body(e, t) ||
		EVP_CIPHER_CTX_get_params(e->cipher, e->tag_param) != 1)
		return false;
	memcpy(t->icv, e->tag, e->icv);
	tidy_registers(e);
	return true;
}

static bool
aead_open(struct cry_esp *e, const struct part *t)
{
	uint8_t nonce[NONCE_MAX];
	bool ok;

	nonce_of(e, t, nonce);
	memcpy(e->tag, t->icv, e->icv);
	ok = EVP_CipherInit_ex2(e->cipher, NULL, NULL, nonce, -1, NULL) == 1 &&
		EVP_CIPHER_CTX_set_params(e->cipher, e->tag_param) == 1 && aead_body(e, t);
	tidy_registers(e);
	return ok;
}

enum status
cry_esp_seal(struct cry_esp *e, uint8_t *packet, size_t aad_len, size_t iv_len, size_t text_len,
	bool has_esn, uint32_t esn_high)
{
	uint8_t icv[ICV_MAX];
	struct part t;

	if (!e->sealing || !part_of(e, &t, packet, aad_len, iv_len, text_len))
		return ST_FAILED;
	set_esn(&t, has_esn, esn_high);
	if (e->aead)
		return aead_seal(e, &t) ? ST_NORMAL : cry_failed();
	if (!crypt_text(e, &t))
		return cry_failed();
	if (e->mac != NULL) {
		TRY(packet_mac(e, &t, icv));
		memcpy(t.icv, icv, e->icv);
	}
	return ST_NORMAL;
}

enum status
cry_esp_open(struct cry_esp *e, uint8_t *packet, size_t packet_len, size_t aad_len, size_t iv_len,
	bool has_esn, uint32_t esn_high)
{
	uint8_t icv[ICV_MAX];
	struct part t;

	if (e->sealing)
		return ST_FAILED;
	if (packet_len < aad_len || packet_len - aad_len < iv_len ||
		packet_len - aad_len - iv_len < e->icv ||
		!part_of(e, &t, packet, aad_len, iv_len, packet_len - aad_len - iv_len - e->icv))
		return ST_BADICV;
	set_esn(&t, has_esn, esn_high);
	if (e->aead) {
		if (aead_open(e, &t))
			return ST_NORMAL;
		ERR_clear_error();
		return ST_BADICV;
	}
	if (e->mac != NULL) {
		TRY(packet_mac(e, &t, icv));
		if (!secret_equal(bytes_of(icv, e->icv), bytes_of(t.icv, e->icv)))
			return ST_BADICV;
	}
	return crypt_text(e, &t) ? ST_NORMAL : cry_failed();
}

enum status
cry_ah_icv(struct cry_esp *e, const struct bytes *parts, size_t count, uint8_t *out,
	size_t *icv_len)
{
	if (e->mac == NULL)
		return ST_NOALG;
	TRY(cry_mac_run(e->mac, parts, count, out));
	*icv_len = e->icv;
	return ST_NORMAL;
}
