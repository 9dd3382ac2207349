/*
 * test_v1_keys.c - IKEv1 key derivation against values computed with another program's HMAC, from
 * the formulas of RFC 2409.  NIST's vectors for SKEYID and its children are in test_cry_kat.
 */
#include "racoon/ikev1/v1_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static uint8_t gxi[96], gxr[96], gxy[96], cky_i[8], cky_r[8], ni[16], nr[20], sai[44], idi[8],
	idr[8], rest[77];
static const struct alg *sha1, *des3, *aes;
static struct v1_keys keys;

static const uint32_t mid = 0x89abcdef;

static struct bytes
count_up(uint8_t *p, size_t n, uint8_t first)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(first + i);
	return bytes_of(p, n);
}

#define VIEW(a) bytes_of(a, sizeof(a))

static void
is(struct bytes got, const char *hex)
{
	char text[256];

	assert_string_equal(bytes_to_hex(text, sizeof(text), got), hex);
}

static int
setup(void **state)
{
	*state = cry_new();
	if (*state == NULL)
		return -1;
	sha1 = alg_by_name(ALG_HASH, "sha1");
	des3 = alg_by_name(ALG_ENCR, "3des-cbc");
	aes = alg_by_name(ALG_ENCR, "aes-cbc");
	count_up(gxi, sizeof(gxi), 1);
	count_up(gxr, sizeof(gxr), 101);
	count_up(gxy, sizeof(gxy), 7);
	count_up(cky_i, sizeof(cky_i), 0x10);
	count_up(cky_r, sizeof(cky_r), 0x20);
	count_up(ni, sizeof(ni), 0x30);
	count_up(nr, sizeof(nr), 0x50);
	count_up(sai, sizeof(sai), 0x60);
	count_up(idi, sizeof(idi), 0x70);
	count_up(idr, sizeof(idr), 0x80);
	count_up(rest, sizeof(rest), 0x90);
	if (v1_skeyid_psk(*state, sha1, bytes_str("mekmitasdigoat"), VIEW(ni), VIEW(nr),
		    &keys.skeyid) != ST_NORMAL)
		return -1;
	return v1_skeyid_dae(*state, sha1, VIEW(gxy), cky_i, cky_r, &keys) == ST_NORMAL ? 0 : -1;
}

static int
teardown(void **state)
{
	v1_keys_wipe(&keys);
	v1_keys_wipe(&keys);
	cry_free(*state);
	return keys.skeyid.p == NULL && keys.e.p == NULL ? 0 : -1;
}

static void
skeyid(void **state)
{
	struct secret s = { 0 };

	is(secret_view(&keys.e), "cfc9309b93e58d01e5d98653b95e2a90d72ec7c5");
	assert_int_equal(v1_skeyid_sig(*state, sha1, VIEW(gxy), VIEW(ni), VIEW(nr), &s), ST_NORMAL);
	is(secret_view(&s), "70c876988da6519fd608ecc1bcd3116d8dfa51bd");
	assert_int_equal(v1_skeyid_psk(*state, alg_by_name(ALG_HASH, "tiger"), bytes_str("x"),
		VIEW(ni), VIEW(nr), &s), ST_NOALG);
	assert_null(s.p);
}

/* RFC 2409 appendix B: SHA-1's 20 octets are too few for 3DES and for AES-256. */
static void
cipher_keys(void **state)
{
	struct bytes e = secret_view(&keys.e);

	assert_int_equal(v1_cipher_key(*state, sha1, e, aes, 128, &keys.key), ST_NORMAL);
	is(secret_view(&keys.key), "cfc9309b93e58d01e5d98653b95e2a90");
	assert_int_equal(v1_cipher_key(*state, sha1, e, aes, 0, &keys.key), ST_NORMAL);
	assert_int_equal(keys.key.n, 16);
	assert_int_equal(v1_cipher_key(*state, sha1, e, des3, 0, &keys.key), ST_NORMAL);
	is(secret_view(&keys.key), "38464344e9d525b47a59825b80f0717e5bdc96a447ae5f0f");
	assert_int_equal(v1_cipher_key(*state, sha1, e, aes, 256, &keys.key), ST_NORMAL);
	is(secret_view(&keys.key),
		"38464344e9d525b47a59825b80f0717e5bdc96a447ae5f0f8e5abcfcfa1e0a2b");
	assert_int_equal(v1_cipher_key(*state, sha1, e, aes, 100, &keys.key), ST_BADKEYLEN);
	assert_null(keys.key.p);
}

static void
ivs(void **state)
{
	uint8_t iv[V1_IV_MAX], last[V1_IV_MAX];

	assert_int_equal(v1_phase1_iv(*state, sha1, aes, VIEW(gxi), VIEW(gxr), iv), ST_NORMAL);
	is(bytes_of(iv, 16), "dad6ef58baa6fc0bd8c088e6c27a097c");
	memset(last, 0, sizeof(last));
	assert_int_equal(v1_phase1_iv(*state, sha1, des3, VIEW(gxi), VIEW(gxr), last), ST_NORMAL);
	is(bytes_of(last, 16), "dad6ef58baa6fc0b0000000000000000");
	assert_int_equal(v1_phase2_iv(*state, sha1, des3, last, mid, iv), ST_NORMAL);
	is(bytes_of(iv, 8), "9f654117ded07904");
}

static void
hashes(void **state)
{
	const struct v1_auth auth = { .gxi = VIEW(gxi), .gxr = VIEW(gxr), .cky_i = cky_i,
		.cky_r = cky_r, .sai_b = VIEW(sai), .idii_b = VIEW(idi), .idir_b = VIEW(idr) };
	struct bytes a = secret_view(&keys.a);
	uint8_t h[CRY_HASH_MAX];

	assert_int_equal(v1_hash_i(*state, sha1, secret_view(&keys.skeyid), &auth, h), ST_NORMAL);
	is(bytes_of(h, 20), "99d66c0682dbb6868aaf4accd4dd868c95135f10");
	assert_int_equal(v1_hash_r(*state, sha1, secret_view(&keys.skeyid), &auth, h), ST_NORMAL);
	is(bytes_of(h, 20), "2a6b6fccdb894d33750e60cd5d4ea1d22967f8b8");
	assert_int_equal(v1_hash_1(*state, sha1, a, mid, VIEW(rest), h), ST_NORMAL);
	is(bytes_of(h, 20), "933071e4197ae7f027fe7cadf940ecd005ffc5d3");
	assert_int_equal(v1_hash_info(*state, sha1, a, mid, VIEW(rest), h), ST_NORMAL);
	is(bytes_of(h, 20), "933071e4197ae7f027fe7cadf940ecd005ffc5d3");
	assert_int_equal(v1_hash_2(*state, sha1, a, mid, VIEW(ni), VIEW(rest), h), ST_NORMAL);
	is(bytes_of(h, 20), "c12547333d5b1705c229473c9eb0e37c02ae7c08");
	assert_int_equal(v1_hash_3(*state, sha1, a, mid, VIEW(ni), VIEW(nr), h), ST_NORMAL);
	is(bytes_of(h, 20), "d643319351ef5b9c128393bb38be08d551bc7470");
}

static void
keymat(void **state)
{
	static const uint8_t spi[] = { 0x0b, 0xad, 0xca, 0xfe };
	const struct alg *gcm = alg_by_name(ALG_ENCR, "aes-gcm-16");
	const struct alg *mac = alg_by_name(ALG_AUTH, "hmac-sha1");
	struct bytes d = secret_view(&keys.d), none = { 0 };
	struct secret k = { 0 };
	size_t e = 0, a = 0;

	v1_keymat_octets(aes, 256, mac, &e, &a);
	assert_int_equal(e, 32);
	assert_int_equal(a, 20);
	assert_int_equal(v1_keymat(*state, sha1, d, none, 3, VIEW(spi), VIEW(ni), VIEW(nr), e + a,
		&k), ST_NORMAL);
	is(secret_view(&k), "1d20f7ad9abd7c12d001afcf351efdd162872cab3eff075fca8ccb40dfffe74ad16a92"
		"ec5592ede2f143e7c8ea3b161dc75f0c07");
	assert_int_equal(v1_keymat(*state, sha1, d, VIEW(gxy), 3, VIEW(spi), VIEW(ni), VIEW(nr), 52,
		&k), ST_NORMAL);
	is(secret_view(&k), "fffc04e76849153e9f9faf9c97ca20c53bea939f705f7c9c70302ae690c8ecadb665a1"
		"19f1c00503aca7d6b3e193bb2d2d2cdf98");
	assert_int_equal(v1_keymat(*state, sha1, d, none, 3, VIEW(spi), VIEW(ni), VIEW(nr), 0, &k),
		ST_NORMAL);
	assert_int_equal(k.n, 0);
	assert_int_equal(v1_keymat(*state, sha1, d, none, 3, VIEW(spi), VIEW(ni), VIEW(nr),
		V1_KEYMAT_MAX + 1, &k), ST_BADKEYLEN);
	v1_keymat_octets(gcm, 0, NULL, &e, &a);
	assert_int_equal(e, 20);
	assert_int_equal(a, 0);
	v1_keymat_octets(NULL, 0, mac, &e, &a);
	assert_int_equal(e, 0);
	assert_int_equal(a, 20);
	secret_wipe(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skeyid),
		cmocka_unit_test(cipher_keys),
		cmocka_unit_test(ivs),
		cmocka_unit_test(hashes),
		cmocka_unit_test(keymat),
	};

	return cmocka_run_group_tests_name("v1_keys", tests, setup, teardown);
}
