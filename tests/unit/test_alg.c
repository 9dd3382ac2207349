/* test_alg.c - the algorithm table: words resolve, numbers are unique, key sizes hold. */
#include "lib/alg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void
words_resolve(void **state)
{
	(void)state;
	for (size_t i = 0; i < alg_count; i++) {
		const struct alg *a = &alg_table[i];

		assert_non_null(a->name);
		assert_ptr_equal(alg_by_name(a->kind, a->name), a);
		for (size_t k = 0; k < ALG_AKA_MAX && a->racoon[k] != NULL; k++)
			assert_ptr_equal(alg_by_racoon(a->kind, a->racoon[k]), a);
		for (size_t k = 0; k < ALG_AKA_MAX && a->setkey[k] != NULL; k++)
			assert_ptr_equal(alg_by_setkey(a->kind, a->setkey[k]), a);
	}
	assert_ptr_equal(alg_by_racoon(ALG_ENCR, "Rijndael"), alg_by_racoon(ALG_ENCR, "aes"));
	assert_ptr_equal(alg_by_racoon(ALG_DH, "14"), alg_by_racoon(ALG_DH, "modp2048"));
	assert_ptr_equal(alg_by_setkey(ALG_AUTH, "hmac-sha2-256"),
		alg_by_setkey(ALG_AUTH, "HMAC-SHA256"));
	assert_null(alg_by_racoon(ALG_ENCR, "md5"));
	assert_null(alg_by_setkey(ALG_ENCR, "aes"));
	assert_null(alg_by_name(ALG_DH, ""));
}

static void
numbers_are_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < alg_count; i++) {
		const struct alg *a = &alg_table[i];

		if (a->ike1 != 0)
			assert_ptr_equal(alg_by_ike1(a->kind, a->ike1), a);
		if (a->esp1 != 0)
			assert_ptr_equal(alg_by_esp1(a->kind, a->esp1), a);
		if (a->ah1 != 0)
			assert_ptr_equal(alg_by_ah1(a->ah1), a);
		if (a->auth1 != 0)
			assert_ptr_equal(alg_by_auth1(a->auth1), a);
		if (a->pfkey != 0)
			assert_ptr_equal(alg_by_pfkey(a->kind, a->pfkey), a);
		for (size_t k = 0; k < i; k++)
			if (alg_table[k].kind == a->kind && a->ike2 != 0)
				assert_int_not_equal(alg_table[k].ike2, a->ike2);
	}
	assert_null(alg_by_ike1(ALG_ENCR, 0));
	assert_null(alg_by_esp1(ALG_ENCR, 9999));
	assert_null(alg_by_ah1(0));
	assert_null(alg_by_auth1(0));
	assert_null(alg_by_pfkey(ALG_AUTH, 0));
}

/* Numbers that peers know, checked against the registries by hand. */
static void
known_numbers(void **state)
{
	static const struct {
		enum alg_kind kind;
		const char *name;
		uint16_t ike1, esp1, ah1, auth1, ike2, pfkey;
	} want[] = {
		{ ALG_ENCR, "3des-cbc", 5, 3, 0, 0, 3, 3 },
		{ ALG_ENCR, "aes-cbc", 7, 12, 0, 0, 12, 12 },
		{ ALG_ENCR, "aes-ctr", 0, 13, 0, 0, 13, 13 },
		{ ALG_ENCR, "aes-gcm-16", 0, 20, 0, 0, 20, 20 },
		{ ALG_ENCR, "camellia-cbc", 8, 22, 0, 0, 23, 22 },
		{ ALG_ENCR, "null", 0, 11, 0, 0, 11, 11 },
		{ ALG_AUTH, "hmac-md5", 0, 0, 2, 1, 1, 2 },
		{ ALG_AUTH, "hmac-sha1", 0, 0, 3, 2, 2, 3 },
		{ ALG_AUTH, "hmac-sha256", 0, 0, 5, 5, 12, 5 },
		{ ALG_AUTH, "hmac-sha512", 0, 0, 7, 7, 14, 7 },
		{ ALG_HASH, "sha1", 2, 0, 0, 0, 2, 0 },
		{ ALG_HASH, "sha256", 4, 0, 0, 0, 5, 0 },
		{ ALG_DH, "modp1024", 2, 0, 0, 0, 2, 0 },
		{ ALG_DH, "modp1536", 5, 0, 0, 0, 5, 0 },
		{ ALG_DH, "x25519", 31, 0, 0, 0, 31, 0 },
		{ ALG_COMP, "deflate", 0, 2, 0, 0, 2, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct alg *a = alg_by_name(want[i].kind, want[i].name);

		assert_non_null(a);
		assert_int_equal(a->ike1, want[i].ike1);
		assert_int_equal(a->esp1, want[i].esp1);
		assert_int_equal(a->ah1, want[i].ah1);
		assert_int_equal(a->auth1, want[i].auth1);
		assert_int_equal(a->ike2, want[i].ike2);
		assert_int_equal(a->pfkey, want[i].pfkey);
	}
}

static void
key_sizes(void **state)
{
	const struct alg *aes = alg_by_name(ALG_ENCR, "aes-cbc");
	const struct alg *bf = alg_by_name(ALG_ENCR, "blowfish-cbc");
	const struct alg *null = alg_by_name(ALG_ENCR, "null");
	char buf[64], tiny[6];

	(void)state;
	assert_true(alg_key_ok(aes, 128));
	assert_true(alg_key_ok(aes, 256));
	assert_false(alg_key_ok(aes, 0));
	assert_false(alg_key_ok(aes, 160));
	assert_int_equal(alg_default_bits(aes), 128);
	assert_string_equal(alg_bits_text(aes, buf, sizeof(buf)), "128, 192 or 256");
	assert_string_equal(alg_bits_text(aes, tiny, sizeof(tiny)), "128, ");
	assert_true(alg_key_ok(bf, 40));
	assert_true(alg_key_ok(bf, 448));
	assert_false(alg_key_ok(bf, 44));
	assert_false(alg_key_ok(bf, 456));
	assert_false(alg_key_ok(bf, 32));
	assert_int_equal(alg_default_bits(bf), 448);
	assert_string_equal(alg_bits_text(bf, buf, sizeof(buf)), "40 to 448");
	assert_true(alg_key_ok(null, 0));
	assert_true(alg_key_ok(null, 2048));
	assert_int_equal(alg_default_bits(null), 0);
	assert_string_equal(alg_bits_text(alg_by_name(ALG_ENCR, "3des-cbc"), buf, sizeof(buf)),
		"192");
}

/* What the codecs and the engine take for granted. */
static void
sizes_are_sane(void **state)
{
	(void)state;
	for (size_t i = 0; i < alg_count; i++) {
		const struct alg *a = &alg_table[i];

		assert_true(a->icv <= 32);
		assert_true(a->iv <= 16);
		if (a->kind == ALG_ENCR)
			assert_true(a->block >= 1 && a->block <= 16);
		if (a->kind == ALG_ENCR && a->mode == ALG_MODE_CBC)
			assert_int_equal(a->iv, a->block);
		if (a->kind == ALG_DH && a->ossl != NULL)
			assert_true(a->strength >= 160 && a->out <= 1024 && a->out >= 32);
		if (a->kind == ALG_HASH)
			assert_true(a->out >= 16 && a->out <= 64);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_resolve),
		cmocka_unit_test(numbers_are_unique),
		cmocka_unit_test(known_numbers),
		cmocka_unit_test(key_sizes),
		cmocka_unit_test(sizes_are_sane),
	};

	return cmocka_run_group_tests_name("alg", tests, NULL, NULL);
}
