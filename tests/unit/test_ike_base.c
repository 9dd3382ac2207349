/*
 * test_ike_base.c - phase 1: base mode with pre-shared keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike_pair.h"

#define CONF(mode, statements, group)                                                              \
	"timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"                     \
	"remote %s { exchange_mode " mode "; " statements                                          \
	" proposal { encryption_algorithm aes; hash_algorithm sha256;\n"                           \
	"  authentication_method pre_shared_key; dh_group " group "; } }\n"                        \
	"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1;"         \
	" compression_algorithm deflate; }\n"
#define NAMED "my_identifier fqdn \"host.example.net\";"

static struct pair *
both(const char *psk_a, const char *psk_b)
{
	return pair_new(CONF("base", NAMED, "2"), psk_a, CONF("main, base", "", "2"), psk_b);
}

static void
establishes(void **state)
{
	struct pair *p = both(NULL, NULL);
	struct ike_sa_view v;
	uint64_t id, cursor = 0;

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	assert_true(pair_logged(p, 0, "begin Base mode."));
	assert_true(ike_show_sa(p->host[1].e, &cursor, &v));
	assert_int_equal(v.exchange, RC_BASE);
	assert_non_null(strstr(v.peer_id, "host.example.net"));
	assert_true(pair_agree(p, 0) && pair_agree(p, 1));
	/* INITIAL-CONTACT comes sealed, for the exchange itself covers no notify */
	assert_true(pair_logged(p, 1, "received notify INITIAL-CONTACT"));
	assert_int_equal(ike_half_open_count(p->host[1].e), 0);
	pair_free(p);
}

static void
not_where_it_is_not_named(void **state)
{
	struct pair *p = pair_new(CONF("base", "", "2"), NULL, CONF("main", "", "2"), NULL);
	uint64_t id;

	(void)state;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 60000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORESPONSE);
	assert_int_equal(ike_sa_count(p->host[1].e), 0);
	assert_true(pair_logged(p, 1, "Base mode is not allowed"));
	pair_free(p);
}

static void
other_key(void **state)
{
	struct pair *p = both("one", "two");
	struct ike_failure_view f;
	uint64_t id;

	(void)state;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 60000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_AUTHFAILED);
	assert_true(ike_show_failure(p->host[1].e, 0, &f));
	assert_int_equal(f.status, ST_AUTHFAILED);
	assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 0);
	pair_free(p);
}

static void
no_proposal(void **state)
{
	struct pair *p = pair_new(CONF("base", "", "2"), NULL, CONF("base", "", "5"), NULL);
	uint64_t id;

	(void)state;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 60000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NOPROPOSAL);
	pair_free(p);
}

static bool
lose(struct pair *p, int from, uint8_t *octets, size_t n)
{
	unsigned *at = p->user;

	(void)from;
	(void)octets;
	(void)n;
	return at[0]++ != at[1];
}

/* Each message lost once, and all of them doubled. */
static void
lost_and_doubled(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 8; k++) {
		struct pair *p = both(NULL, NULL);
		unsigned at[2] = { 0, k };
		uint64_t id;

		p->filter = lose;
		p->user = at;
		p->copy_after = k % 2 == 0 ? 0 : 700;
		pair_policies(p, "esp/tunnel", NULL);
		id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
		pair_run(p, 40000);
		assert_non_null(pair_reply_to(p, 0, id));
		assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
		assert_int_equal(pair_up(p, 0), 1);
		assert_int_equal(pair_up(p, 1), 1);
		assert_int_equal(pair_sas(p, 0), 2);
		assert_true(pair_agree(p, 0) && pair_agree(p, 1));
		pair_free(p);
	}
}

static bool
spoil(struct pair *p, int from, uint8_t *octets, size_t n)
{
	unsigned *at = p->user;

	(void)from;
	if (at[0]++ == at[1])
		octets[n - 1] ^= 1; /* the last octet of the last payload */
	return true;
}

/* A hash that does not fit ends it at either end; a Diffie-Hellman is not computed for it. */
static void
spoilt_hash(void **state)
{
	(void)state;
	for (unsigned k = 2; k < 4; k++) {
		struct pair *p = both(NULL, NULL);
		unsigned at[2] = { 0, k };
		uint64_t id;

		p->filter = spoil;
		p->user = at;
		id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
		pair_run(p, 60000);
		assert_int_equal(pair_reply_to(p, 0, id)->status, ST_AUTHFAILED);
		assert_true(pair_logged(p, k == 2 ? 1 : 0, k == 2 ? "HASH_I" : "HASH_R"));
		assert_int_equal(ike_count(p->host[k == 2 ? 1 : 0].e, IKE_N_BAD_HASH), 1);
		pair_free(p);
	}
}

/* The hash of base mode as the draft has it: prf(SKEYID, g^xi | CKY-I | CKY-R | SAi_b | IDii_b). */
static void
hash_of_the_draft(void **state)
{
	struct cry *c = cry_new();
	const struct alg *hash = alg_by_racoon(ALG_HASH, "sha1");
	uint8_t cookie[2][V1_COOKIE] = { "initiat", "respond" }, got[CRY_HASH_MAX],
		want[CRY_HASH_MAX];
	struct v1_auth a = { .gxi = bytes_str("public of initiator"), .gxr = bytes_str("unused"),
		.cky_i = cookie[0], .cky_r = cookie[1], .sai_b = bytes_str("sa"),
		.idii_b = bytes_str("id") };
	const struct bytes parts[] = { a.gxi, bytes_of(cookie[0], V1_COOKIE),
		bytes_of(cookie[1], V1_COOKIE), a.sai_b, a.idii_b };

	(void)state;
	assert_non_null(c);
	assert_int_equal(v1_hash_base_i(c, hash, bytes_str("skeyid"), &a, got), ST_NORMAL);
	assert_int_equal(cry_hmac(c, hash, bytes_str("skeyid"), parts, 5, want), ST_NORMAL);
	assert_memory_equal(got, want, hash->out);
	cry_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(establishes),
		cmocka_unit_test(not_where_it_is_not_named),
		cmocka_unit_test(other_key),
		cmocka_unit_test(no_proposal),
		cmocka_unit_test(lost_and_doubled),
		cmocka_unit_test(spoilt_hash),
		cmocka_unit_test(hash_of_the_draft),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
