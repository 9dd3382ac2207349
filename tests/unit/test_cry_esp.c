/* test_cry_esp.c - ESP and AH contexts: every algorithm round-trips, every octet is protected. */
#include "lib/cry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

enum { AAD = 8, TEXT = 96, PACKET = AAD + 16 + TEXT + 64 };

static uint8_t keys[600];

static int
setup(void **state)
{
	struct cry *c = cry_new();

	if (c == NULL || cry_allow_legacy(c) != ST_NORMAL)
		return -1;
	for (size_t i = 0; i < sizeof(keys); i++)
		keys[i] = (uint8_t)(i * 31 + 5);
	*state = c;
	return 0;
}

static int
teardown(void **state)
{
	cry_free(*state);
	return 0;
}

struct pair {
	struct cry_esp *seal, *open;
	size_t iv, icv, n;
};

static bool
is_aead(const struct alg *a)
{
	return a->icv > 0;
}

static void
open_pair(struct cry *c, const struct alg *encr, unsigned bits, const struct alg *auth,
	struct pair *p)
{
	struct bytes ek = bytes_of(keys, encr == NULL ? 0 : bits / 8 + encr->salt);
	struct bytes ak = bytes_of(keys + 300, auth == NULL ? 0 : alg_default_bits(auth) / 8);

	assert_int_equal(cry_esp_new(c, encr, ek, auth, ak, true, &p->seal), ST_NORMAL);
	assert_int_equal(cry_esp_new(c, encr, ek, auth, ak, false, &p->open), ST_NORMAL);
	p->iv = encr == NULL ? 0 : encr->iv;
	p->icv = auth != NULL ? auth->icv : encr == NULL ? 0 : encr->icv;
	p->n = AAD + p->iv + TEXT + p->icv;
}

static void
close_pair(struct pair *p)
{
	cry_esp_free(p->seal);
	cry_esp_free(p->open);
}

static void
fill(uint8_t *packet, const struct pair *p, uint8_t seed)
{
	for (size_t i = 0; i < PACKET; i++)
		packet[i] = (uint8_t)(i + seed);
	memset(packet + AAD, seed, p->iv);
}

static void
tamper(const struct pair *p, const uint8_t *sealed, bool esn, bool iv_too)
{
	uint8_t packet[PACKET];

	for (size_t at = 0; at < p->n; at++) {
		if (!iv_too && at >= AAD && at < AAD + p->iv)
			continue;
		memcpy(packet, sealed, p->n);
		packet[at] ^= 0x10;
		assert_int_equal(cry_esp_open(p->open, packet, p->n, AAD, p->iv, esn, 7),
			ST_BADICV);
	}
	memcpy(packet, sealed, p->n);
	assert_int_equal(cry_esp_open(p->open, packet, p->n, AAD, p->iv, esn, 8),
		esn ? ST_BADICV : ST_NORMAL);
	memcpy(packet, sealed, p->n);
	assert_int_equal(cry_esp_open(p->open, packet, p->n, AAD, p->iv, !esn, 7), ST_BADICV);
	memcpy(packet, sealed, p->n);
	assert_int_equal(cry_esp_open(p->open, packet, p->n - 1, AAD, p->iv, esn, 7), ST_BADICV);
}

static void
round_trip(struct cry *c, const struct alg *encr, unsigned bits, const struct alg *auth)
{
	uint8_t packet[PACKET], before[PACKET], sealed[PACKET];
	struct pair p;

	open_pair(c, encr, bits, auth, &p);
	for (uint8_t round = 0; round < 6; round++) { /* contexts serve packet after packet */
		bool esn = round % 2 == 1;

		fill(packet, &p, round);
		memcpy(before, packet, sizeof(before));
		assert_int_equal(cry_esp_seal(p.seal, packet, AAD, p.iv, TEXT, esn, 7), ST_NORMAL);
		/* header and IV are left alone, and nothing is written behind the ICV */
		assert_memory_equal(packet, before, AAD + p.iv);
		assert_memory_equal(packet + p.n, before + p.n, PACKET - p.n);
		if (encr != NULL && encr->mode != ALG_MODE_NULL && encr->mode != ALG_MODE_GMAC)
			assert_memory_not_equal(packet + AAD + p.iv, before + AAD + p.iv, TEXT);
		memcpy(sealed, packet, sizeof(sealed));
		if (p.icv > 0 && round < 2)
			tamper(&p, sealed, esn, true);
		assert_int_equal(cry_esp_open(p.open, packet, p.n, AAD, p.iv, esn, 7), ST_NORMAL);
		assert_memory_equal(packet, before, AAD + p.iv + TEXT);
	}
	close_pair(&p);
}

static void
every_cipher(void **state)
{
	const struct alg *sha1 = alg_by_name(ALG_AUTH, "hmac-sha1");
	size_t tried = 0;

	for (size_t i = 0; i < alg_count; i++) {
		const struct alg *a = &alg_table[i];

		if (a->kind != ALG_ENCR || !cry_has(*state, a))
			continue;
		for (size_t k = 0; k < ALG_BITS_MAX && (k == 0 || a->bits[k] != 0); k++) {
			unsigned bits = k == 0 ? alg_default_bits(a) : a->bits[k];

			round_trip(*state, a, bits, is_aead(a) ? NULL : sha1);
			if (!is_aead(a))
				round_trip(*state, a, bits, NULL);
			tried++;
		}
	}
	assert_true(tried >= 30);
}

static void
every_integrity(void **state)
{
	static const char *const must[] = { "hmac-md5", "hmac-sha1", "hmac-sha256", "hmac-sha384",
		"hmac-sha512", "hmac-ripemd160", "aes-xcbc-mac", "aes-cmac", "keyed-md5",
		"keyed-sha1" };

	for (size_t i = 0; i < ARRAY_LEN(must); i++) {
		const struct alg *a = alg_by_name(ALG_AUTH, must[i]);

		assert_true(cry_has(*state, a));
		round_trip(*state, alg_by_name(ALG_ENCR, "null"), 0, a);
		round_trip(*state, alg_by_name(ALG_ENCR, "aes-cbc"), 256, a);
	}
	round_trip(*state, alg_by_name(ALG_ENCR, "aes-cbc"), 128, alg_by_name(ALG_AUTH, "null"));
}

static void
ah_icv(void **state)
{
	static const uint8_t data[100] = { 1, 2, 3 };

	for (size_t i = 0; i < alg_count; i++) {
		const struct alg *a = &alg_table[i];
		const struct bytes whole = bytes_of(data, sizeof(data));
		uint8_t one[CRY_HASH_MAX], two[CRY_HASH_MAX];
		struct cry_esp *e;
		size_t n = 0;

		if (a->kind != ALG_AUTH || a->mode == ALG_MODE_NULL || !cry_has(*state, a))
			continue;
		assert_int_equal(cry_esp_new(*state, NULL, (struct bytes){ 0 }, a,
			bytes_of(keys, alg_default_bits(a) / 8), true, &e), ST_NORMAL);
		assert_int_equal(cry_ah_icv(e, &whole, 1, one, &n), ST_NORMAL);
		assert_int_equal(n, a->icv);
		/* cut anywhere, the octets are the same */
		for (size_t cut = 0; cut <= sizeof(data); cut++) {
			const struct bytes parts[] = { bytes_of(data, cut), { NULL, 0 },
				bytes_of(data + cut, sizeof(data) - cut) };

			assert_int_equal(cry_ah_icv(e, parts, 3, two, &n), ST_NORMAL);
			assert_memory_equal(one, two, a->out);
		}
		cry_esp_free(e);
	}
}

static void
refused_keys(void **state)
{
	const struct alg *aes = alg_by_name(ALG_ENCR, "aes-cbc");
	const struct alg *gcm = alg_by_name(ALG_ENCR, "aes-gcm-16");
	const struct alg *sha1 = alg_by_name(ALG_AUTH, "hmac-sha1");
	const struct bytes none = { 0 };
	struct cry_esp *e = (struct cry_esp *)keys;

	assert_int_equal(cry_esp_new(*state, aes, bytes_of(keys, 17), NULL, none, true, &e),
		ST_BADKEYLEN);
	assert_null(e);
	assert_int_equal(cry_esp_new(*state, aes, none, NULL, none, true, &e), ST_BADKEYLEN);
	assert_int_equal(cry_esp_new(*state, gcm, bytes_of(keys, 16), NULL, none, true, &e),
		ST_BADKEYLEN); /* the salt is missing */
	assert_int_equal(cry_esp_new(*state, gcm, bytes_of(keys, 2), NULL, none, true, &e),
		ST_BADKEYLEN);
	assert_int_equal(cry_esp_new(*state, aes, bytes_of(keys, 16), sha1, bytes_of(keys, 16),
		true, &e), ST_BADKEYLEN);
	assert_int_equal(cry_esp_new(*state, gcm, bytes_of(keys, 20), sha1, bytes_of(keys, 20),
		true, &e), ST_NOALG);
	assert_int_equal(cry_esp_new(*state, sha1, bytes_of(keys, 20), NULL, none, true, &e),
		ST_NOALG);
	assert_int_equal(cry_esp_new(*state, alg_by_name(ALG_ENCR, "rc5"), bytes_of(keys, 16), NULL,
		none, true, &e), ST_NOALG);
	assert_int_equal(cry_esp_new(*state, aes, bytes_of(keys, 16),
		alg_by_name(ALG_AUTH, "tcp-md5"), bytes_of(keys, 16), true, &e), ST_NOALG);
	assert_null(e);
	cry_esp_free(NULL);
}

/* Lengths as an enemy may choose them. */
static void
refused_lengths(void **state)
{
	uint8_t packet[PACKET] = { 0 };
	struct pair p;

	open_pair(*state, alg_by_name(ALG_ENCR, "aes-cbc"), 128, alg_by_name(ALG_AUTH, "hmac-sha1"),
		&p);
	for (size_t n = 0; n < AAD + 16 + 12; n++)
		assert_int_equal(cry_esp_open(p.open, packet, n, AAD, 16, false, 0), ST_BADICV);
	for (size_t n = 1; n < 16; n++)
		assert_int_equal(cry_esp_open(p.open, packet, AAD + 16 + 12 + n, AAD, 16, false, 0),
			ST_BADICV);
	assert_int_equal(cry_esp_seal(p.seal, packet, AAD, 16, 15, false, 0), ST_FAILED);
	assert_int_equal(cry_esp_seal(p.seal, packet, AAD, 8, 16, false, 0), ST_FAILED);
	/* one direction each */
	assert_int_equal(cry_esp_seal(p.open, packet, AAD, 16, 16, false, 0), ST_FAILED);
	assert_int_equal(cry_esp_open(p.seal, packet, 100, AAD, 16, false, 0), ST_FAILED);
	close_pair(&p);
	open_pair(*state, alg_by_name(ALG_ENCR, "aes-gcm-16"), 128, NULL, &p);
	for (size_t n = 0; n < AAD + 8 + 16 + 4; n++)
		assert_int_equal(cry_esp_open(p.open, packet, n, AAD, 8, false, 0), ST_BADICV);
	close_pair(&p);
	open_pair(*state, alg_by_name(ALG_ENCR, "null"), 0, NULL, &p);
	assert_int_equal(cry_ah_icv(p.seal, NULL, 0, packet, &p.n), ST_NOALG);
	close_pair(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cipher),
		cmocka_unit_test(every_integrity),
		cmocka_unit_test(ah_icv),
		cmocka_unit_test(refused_keys),
		cmocka_unit_test(refused_lengths),
	};

	return cmocka_run_group_tests_name("cry_esp", tests, setup, teardown);
}
