/*
 * test_auth_plain.c - plain RSA key files: forms, errors, which key is for whom.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "racoon/auth/auth_plain.h"

/* Public keys of 1024 bits: any odd number of that size will do. */
static char key_a[256], key_b[256];

static int
make_keys(void **state)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *const out[] = { key_a, key_b };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		/* one octet of length, exponent 3, then the modulus; 130 octets make 176 digits */
		int n = sprintf(out[k], "0sAQOB");

		for (; n < 2 + 172; n++)
			out[k][n] = digits[(n * 7 + (int)k) % 64];
		sprintf(out[k] + n, "AB==");
	}
	return 0;
}

static ATTR_PRINTF(4, 5) enum status
read_text(struct auth_plains *p, bool want_private, char *why, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	why[0] = '\0';
	return auth_plain_read(bytes_str(text), want_private, p, why, 256);
}

static struct net_addr
addr(const char *text)
{
	struct net_addr a;

	assert_true(net_addr_parse(text, &a));
	return a;
}

static void
who_has_which(void **state)
{
	struct net_addr me = addr("10.0.0.1"), near = addr("192.168.1.7"), far = addr("172.16.0.1"),
			six = addr("2001:db8::1");
	struct cry_key *k[4];
	struct auth_plains p;
	char why[256];

	(void)state;
	assert_int_equal(read_text(&p, false, why,
				 "# keys\n192.168.1.0/24 any\n\t: PUB %s\nany 10.0.0.0/8 :PUB %s # "
				 "the rest\n"
				 "2001:db8::/32 : PUB %s",
				 key_a, key_b, key_a),
		ST_NORMAL);
	assert_int_equal(p.count, 3);
	/* the longer prefix counts, however the other end is named */
	assert_int_equal(auth_plain_find(&p, &near, &me, k, 4), 1);
	assert_ptr_equal(k[0], p.entry[0].key);
	assert_int_equal(auth_plain_find(&p, &far, &me, k, 4), 1);
	assert_ptr_equal(k[0], p.entry[1].key);
	assert_int_equal(auth_plain_find(&p, &far, &near, k, 4), 0);
	assert_int_equal(auth_plain_find(&p, &six, &me, k, 4), 1);
	assert_false(cry_key_same(p.entry[0].key, p.entry[1].key));
	auth_plain_free(&p);
	/* two that fit alike are both possible; no more than there is room for */
	assert_int_equal(read_text(&p, false, why, ": PUB %s : PUB %s", key_a, key_b), ST_NORMAL);
	assert_int_equal(auth_plain_find(&p, &far, &me, k, 4), 2);
	assert_int_equal(auth_plain_find(&p, &far, &me, k, 1), 1);
	auth_plain_free(&p);
}

static void
round_trip(void **state)
{
	struct cry_key *k;
	struct text private = { 0 }, public = { 0 };
	struct auth_plains p;
	char why[256];

	(void)state;
	assert_int_equal(cry_key_generate_rsa(1024, 3, &k), ST_NORMAL);
	assert_int_equal(auth_plain_print(k, &private), ST_NORMAL);
	assert_int_equal(
		auth_plain_read(bytes_of(private.p, private.n), true, &p, why, sizeof(why)),
		ST_NORMAL);
	assert_int_equal(p.count, 1);
	assert_true(cry_key_is_private(p.entry[0].key) && cry_key_same(p.entry[0].key, k));
	auth_plain_free(&p);
	/* a private key in a file of others' keys is a slip that must not go unseen */
	assert_int_equal(
		auth_plain_read(bytes_of(private.p, private.n), false, &p, why, sizeof(why)),
		ST_BADKEY);
	assert_non_null(strstr(why, "line 2: expected PUB"));
	assert_int_equal(auth_plain_public(k, &public), ST_NORMAL);
	assert_int_equal(
		read_text(&p, false, why, "any any : PUB %s", text_str(&public)), ST_NORMAL);
	assert_true(cry_key_same(p.entry[0].key, k));
	auth_plain_free(&p);
	assert_int_equal(read_text(&p, true, why, ": PUB %s", text_str(&public)), ST_BADKEY);
	assert_string_equal(why, "there is no private key in it");
	text_free(&private);
	text_free(&public);
	cry_key_free(k);
}

static void
errors(void **state)
{
	static const char *const bad[][2] = {
		{ "", "there is no public key in it" },
		{ "# only\n# comments", "there is no public key in it" },
		{ "10.0.0.1", "line 1: expected \":\"" },
		{ "host : PUB 0sAQ", "line 1: expected an address" },
		{ "any any any : PUB 0sAQ", "line 1: expected an address" },
		{ "\n: DSA", "line 2: expected RSA or PUB" },
		{ ": PUB", "line 1: expected a key in base64" },
		{ ": PUB AQOB", "line 1: expected a key in base64" },
		{ ": PUB 0sA?OB", "line 1: expected a key in base64" },
		{ ": PUB 0sA", "line 1: expected a key in base64" },
		{ ": PUB 0sAQ==", "line 1: expected an RSA key as RFC 3110" },
		{ ": PUB 0s/w==", "line 1: expected an RSA key as RFC 3110" },
		{ ": PUB 0sAQOB", "line 1: " },
		{ ": RSA", "line 1: expected PUB" },
	};
	static const char *const bad_private[][2] = {
		{ ": RSA", "line 1: expected \"{\"" },
		{ ": RSA {", "line 1: expected \"}\"" },
		{ ": RSA { }", "line 1: the key has no Modulus" },
		{ ": RSA {\nModulus 0x1 }", "line 2: expected \":\"" },
		{ ": RSA {\nModulus: 1 }", "line 2: expected a hexadecimal number" },
		{ ": RSA {\nModulus: 0x1\nModulus: 0x1 }", "line 3: expected each number once" },
		{ ": RSA { Secret: 0x1 }", "line 1: expected Modulus:" },
		{ ": RSA { Modulus: 0x1 PublicExponent: 0x3 PrivateExponent: 0x1 Prime1: 0x1 "
		  "Prime2: 0x1 Exponent1: 0x1 Exponent2: 0x1 Coefficient: 0x1 }",
			"line 1: " },
	};
	struct auth_plains p;
	char why[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(read_text(&p, false, why, "%s", bad[i][0]), ST_BADKEY);
		assert_non_null(strstr(why, bad[i][1]));
		assert_int_equal(p.count, 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad_private); i++) {
		assert_int_equal(read_text(&p, true, why, "%s", bad_private[i][0]), ST_BADKEY);
		assert_non_null(strstr(why, bad_private[i][1]));
	}
	/* a number longer than any key */
	char longest[4096];
	memset(longest, 'f', sizeof(longest));
	longest[sizeof(longest) - 64] = '\0';
	assert_int_equal(read_text(&p, true, why, ": RSA { Modulus: 0x%s }", longest), ST_BADKEY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_which),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, make_keys, NULL);
}
