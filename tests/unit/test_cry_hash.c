/* test_cry_hash.c - the provider, digests, HMAC and ISAKMP's CBC; known answers: test_cry_kat. */
#include "lib/cry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

static int
setup(void **state)
{
	*state = cry_new();
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	cry_free(*state);
	return 0;
}

static void
parts_are_concatenated(void **state)
{
	static const char *const names[] = { "md5", "sha1", "sha256", "sha384", "sha512" };
	const struct bytes whole = bytes_str("abcdefgh");
	const struct bytes parts[] = { bytes_str("abc"), { NULL, 0 }, bytes_str("de"),
		bytes_str("fgh") };
	uint8_t a[CRY_HASH_MAX], b[CRY_HASH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct alg *h = alg_by_name(ALG_HASH, names[i]);

		assert_int_equal(cry_hash(*state, h, &whole, 1, a), ST_NORMAL);
		assert_int_equal(cry_hash(*state, h, parts, ARRAY_LEN(parts), b), ST_NORMAL);
		assert_memory_equal(a, b, h->out);
		assert_int_equal(cry_hmac(*state, h, bytes_str("k"), &whole, 1, a), ST_NORMAL);
		assert_int_equal(cry_hmac(*state, h, bytes_str("k"), parts, ARRAY_LEN(parts), b),
			ST_NORMAL);
		assert_memory_equal(a, b, h->out);
	}
}

/* HMAC-SHA1 with an empty key over nothing: fbdb1d1b18aa6c08324b7d64b71fb76370690e1d */
static void
empty_key(void **state)
{
	uint8_t want[20], got[CRY_HASH_MAX];
	const struct alg *sha1 = alg_by_name(ALG_HASH, "sha1");
	size_t n;

	assert_true(bytes_from_hex("fbdb1d1b18aa6c08324b7d64b71fb76370690e1d", 40, want,
		sizeof(want), &n));
	assert_int_equal(cry_hmac(*state, sha1, (struct bytes){ 0 }, NULL, 0, got), ST_NORMAL);
	assert_memory_equal(got, want, 20);
}

static void
absent_algorithms(void **state)
{
	uint8_t out[CRY_HASH_MAX], iv[16] = { 0 }, data[16] = { 0 }, key[16] = { 0 };
	const struct alg *des = alg_by_name(ALG_ENCR, "des-cbc");

	assert_int_equal(cry_hash(*state, alg_by_name(ALG_HASH, "tiger"), NULL, 0, out), ST_NOALG);
	assert_int_equal(cry_hmac(*state, alg_by_name(ALG_HASH, "tiger"), bytes_str("k"), NULL, 0,
		out), ST_NOALG);
	assert_false(cry_has(*state, NULL));
	assert_false(cry_has(*state, alg_by_name(ALG_ENCR, "rc5")));
	assert_false(cry_has(*state, alg_by_name(ALG_DH, "ec2n155")));
	/* legacy ones are not there until they are asked for */
	assert_false(cry_has(*state, des));
	assert_int_equal(cry_cbc(*state, des, bytes_of(key, 8), iv, data, 8, true), ST_NOALG);
	assert_int_equal(cry_allow_legacy(*state), ST_NORMAL);
	assert_int_equal(cry_allow_legacy(*state), ST_NORMAL);
	assert_true(cry_has(*state, des));
	assert_true(cry_has(*state, alg_by_name(ALG_ENCR, "blowfish-cbc")));
	assert_int_equal(cry_cbc(*state, des, bytes_of(key, 8), iv, data, 8, true), ST_NORMAL);
}

static void
cbc_round_trip(void **state)
{
	uint8_t key[56], data[64], before[64], iv[16], back[16];

	assert_int_equal(cry_allow_legacy(*state), ST_NORMAL);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 7 + 1);
	for (size_t i = 0; i < alg_count; i++) {
		const struct alg *a = &alg_table[i];
		size_t octets = alg_default_bits(a) / 8;

		if (a->kind != ALG_ENCR || a->mode != ALG_MODE_CBC)
			continue;
		if (!cry_has(*state, a)) { /* patents kept IDEA out of some OpenSSLs */
			assert_string_equal(a->name, "idea-cbc");
			continue;
		}
		memset(iv, 9, sizeof(iv));
		memset(back, 9, sizeof(back));
		memset(data, 0x5a, sizeof(data));
		memcpy(before, data, sizeof(data));
		/* in two messages, the IV carried from the first to the second */
		assert_int_equal(cry_cbc(*state, a, bytes_of(key, octets), iv, data, 32, true),
			ST_NORMAL);
		assert_memory_equal(iv, data + 32 - a->block, a->block);
		assert_int_equal(cry_cbc(*state, a, bytes_of(key, octets), iv, data + 32, 32, true),
			ST_NORMAL);
		assert_memory_not_equal(data, before, 64);
		assert_int_equal(cry_cbc(*state, a, bytes_of(key, octets), back, data, 64, false),
			ST_NORMAL);
		assert_memory_equal(data, before, 64);
		assert_memory_equal(back, iv, a->block);
		/* refused */
		assert_int_equal(cry_cbc(*state, a, bytes_of(key, octets), iv, data,
			a->block + 1u, true), ST_FAILED);
		assert_int_equal(cry_cbc(*state, a, bytes_of(key, octets), iv, data, 0, true),
			ST_FAILED);
		assert_int_equal(cry_cbc(*state, a, bytes_of(key, 3), iv, data, 64, true),
			ST_BADKEYLEN);
	}
	assert_int_equal(cry_cbc(*state, alg_by_name(ALG_ENCR, "aes-gcm-16"), bytes_of(key, 16), iv,
		data, 64, true), ST_NOALG);
}

/* Short Blowfish and CAST keys are other keys, not the long ones cut. */
static void
variable_keys(void **state)
{
	static const char *const names[] = { "blowfish-cbc", "cast128-cbc" };
	uint8_t key[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

	assert_int_equal(cry_allow_legacy(*state), ST_NORMAL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct alg *a = alg_by_name(ALG_ENCR, names[i]);
		uint8_t iv[16] = { 0 }, x[8] = { 0 }, y[8] = { 0 };

		assert_int_equal(cry_cbc(*state, a, bytes_of(key, 5), iv, x, 8, true), ST_NORMAL);
		memset(iv, 0, sizeof(iv));
		assert_int_equal(cry_cbc(*state, a, bytes_of(key, 16), iv, y, 8, true), ST_NORMAL);
		assert_memory_not_equal(x, y, 8);
	}
}

enum { THREADS = 4, ROUNDS = 200 };

static void *
hmac_many(void *arg)
{
	const struct alg *h = alg_by_name(ALG_HASH, "sha256");
	const struct bytes part = bytes_str("data");
	uint8_t first[CRY_HASH_MAX], out[CRY_HASH_MAX];

	if (cry_hmac(arg, h, bytes_str("key"), &part, 1, first) != ST_NORMAL)
		return arg;
	for (int i = 0; i < ROUNDS; i++)
		if (cry_hmac(arg, h, bytes_str("key"), &part, 1, out) != ST_NORMAL ||
			memcmp(first, out, h->out) != 0)
			return arg;
	return NULL;
}

static void
several_threads(void **state)
{
	pthread_t t[THREADS];
	void *bad;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hmac_many, *state), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
}

static void
random_differs(void **state)
{
	uint8_t a[32], b[32];

	(void)state;
	cry_random(a, sizeof(a));
	cry_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(parts_are_concatenated, setup, teardown),
		cmocka_unit_test_setup_teardown(empty_key, setup, teardown),
		cmocka_unit_test_setup_teardown(absent_algorithms, setup, teardown),
		cmocka_unit_test_setup_teardown(cbc_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(variable_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(several_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(random_differs, setup, teardown),
	};

	return cmocka_run_group_tests_name("cry_hash", tests, NULL, NULL);
}
