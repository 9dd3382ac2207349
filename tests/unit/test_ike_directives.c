/*
 * test_ike_directives.c - directives of racoon.conf that no other test shows to act: what they
 * change between two engines.
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

#define CONF(timer, remote, proposal, sainfo)                                                      \
	"timer { " timer " }\n"                                                                    \
	"remote %s { exchange_mode main; " remote                                                  \
	" proposal { encryption_algorithm aes; hash_algorithm sha256; " proposal                   \
	"  authentication_method pre_shared_key; dh_group 2; } }\n"                                \
	"sainfo " sainfo " { encryption_algorithm aes;"                                            \
	" authentication_algorithm hmac_sha1; compression_algorithm deflate; }\n"
#define PLAIN CONF("", "", "", "anonymous")

static enum status
establish(struct pair *p, int side, bool children, int64_t ms)
{
	uint64_t id = pair_command(p, side, IKE_CMD_ESTABLISH, children);

	pair_run(p, ms);
	return pair_reply_to(p, side, id) == NULL ? ST_TIMEUP
						  : pair_reply_to(p, side, id)->status;
}

static void
nonce_size(void **state)
{
	struct pair *p = pair_new(CONF("", "nonce_size 40;", "", "anonymous"), NULL, PLAIN, NULL);

	(void)state;
	assert_int_equal(establish(p, 0, false, 1000), ST_NORMAL);
	assert_true(pair_logged(p, 1, "NONCE: data 40 octets"));
	assert_true(pair_logged(p, 0, "NONCE: data 16 octets"));
	pair_free(p);
}

static void
passive(void **state)
{
	struct pair *p = pair_new(CONF("", "passive on;", "", "anonymous"), NULL, PLAIN, NULL);

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	assert_int_equal(establish(p, 0, false, 1000), ST_PASSIVE);
	pair_acquire(p, 0);
	pair_run(p, 1000);
	assert_int_equal(p->host[0].sent, 0);
	assert_int_equal(establish(p, 1, true, 1000), ST_NORMAL); /* but it answers */
	pair_free(p);
}

static void
initial_contact(void **state)
{
	(void)state;
	for (int on = 0; on < 2; on++) {
		struct pair *p = pair_new(on ? PLAIN
					     : CONF("", "initial_contact off;", "", "anonymous"),
			NULL, PLAIN, NULL);
		assert_int_equal(establish(p, 0, false, 1000), ST_NORMAL);
		assert_int_equal(pair_logged(p, 1, "received INITIAL-CONTACT"), on);
		assert_true(pair_logged(p, 0, "received INITIAL-CONTACT"));
		pair_free(p);
	}
}

static bool
drop_all(struct pair *p, int from, uint8_t *octets, size_t n)
{
	(void)p;
	(void)from;
	(void)octets;
	(void)n;
	return false;
}

/* counter retransmissions, interval apart; or the limit of phase 1, whichever comes first. */
static void
counter_and_interval(void **state)
{
	struct pair *p = pair_new(CONF("counter 2; interval 3 sec; phase1 60 sec;", "", "",
		"anonymous"), NULL, PLAIN, NULL);

	(void)state;
	p->filter = drop_all;
	(void)establish(p, 0, false, 2900);
	assert_int_equal(p->host[0].sent, 1);
	pair_run(p, 200);
	assert_int_equal(p->host[0].sent, 2);
	pair_run(p, 3000);
	assert_int_equal(p->host[0].sent, 3);
	assert_int_equal(ike_sa_count(p->host[0].e), 1);
	pair_run(p, 3000);
	assert_int_equal(p->host[0].sent, 3);
	assert_int_equal(ike_sa_count(p->host[0].e), 0);
	pair_free(p);
}

static void
phase1_limit(void **state)
{
	struct pair *p = pair_new(CONF("counter 9; interval 3 sec; phase1 7 sec;", "", "",
		"anonymous"), NULL, PLAIN, NULL);

	(void)state;
	p->filter = drop_all;
	(void)establish(p, 0, false, 6900);
	assert_int_equal(ike_sa_count(p->host[0].e), 1);
	pair_run(p, 200);
	assert_int_equal(ike_sa_count(p->host[0].e), 0);
	assert_true(pair_logged(p, 0, "phase1 negotiation failed due to time up."));
	pair_free(p);
}

static void
phase2_limit(void **state)
{
	struct pair *p = pair_new(CONF("counter 9; interval 3 sec; phase2 5 sec;", "", "",
		"anonymous"), NULL, PLAIN, NULL);

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	assert_int_equal(establish(p, 0, false, 1000), ST_NORMAL);
	p->filter = drop_all;
	pair_acquire(p, 0);
	pair_run(p, 4900);
	assert_false(list_empty(&p->host[0].e->children));
	pair_run(p, 200);
	assert_true(list_empty(&p->host[0].e->children));
	assert_true(pair_logged(p, 0, "phase2 negotiation failed due to time up."));
	pair_free(p);
}

static int64_t
phase1_life_s(const struct pair *p, int side)
{
	struct ike_sa_view v;
	uint64_t cursor = 0;

	assert_true(ike_show_sa(p->host[side].e, &cursor, &v));
	return (v.expires.ms - p->now.ms + 999) / 1000;
}

/* Reference 4.9: what each word of proposal_check lets the responder take in phase 1. */
static void
proposal_check_phase1(void **state)
{
	static const struct {
		const char *theirs, *ours, *word;
		enum status status;
		int64_t life_s;
	} cases[] = {
		{ "lifetime time 100 sec;", "lifetime time 60 sec;", "obey", ST_NORMAL, 100 },
		{ "lifetime time 100 sec;", "lifetime time 60 sec;", "strict", ST_NOPROPOSAL, 0 },
		{ "lifetime time 100 sec;", "lifetime time 60 sec;", "claim", ST_NOPROPOSAL, 0 },
		{ "lifetime time 100 sec;", "lifetime time 60 sec;", "exact", ST_NOPROPOSAL, 0 },
		{ "lifetime time 60 sec;", "lifetime time 100 sec;", "strict", ST_NORMAL, 60 },
		{ "lifetime time 60 sec;", "lifetime time 100 sec;", "claim", ST_NORMAL, 60 },
		{ "lifetime time 60 sec;", "lifetime time 100 sec;", "exact", ST_NOPROPOSAL, 0 },
		{ "lifetime time 60 sec;", "lifetime time 60 sec;", "exact", ST_NORMAL, 60 },
	};
	char conf[2][1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(conf[0], sizeof(conf[0]), CONF("", "", "%s", "anonymous"), "%s",
			cases[i].theirs);
		snprintf(conf[1], sizeof(conf[1]),
			CONF("", "proposal_check %s;", "%s", "anonymous"), "%s", cases[i].word,
			cases[i].ours);
		struct pair *p = pair_new(conf[0], NULL, conf[1], NULL);
		(void)establish(p, 0, false, cases[i].status == ST_NORMAL ? 1000 : 30000);
		assert_non_null(pair_reply_to(p, 0, 1));
		assert_int_equal(pair_reply_to(p, 0, 1)->status, cases[i].status);
		if (cases[i].status == ST_NORMAL)
			assert_in_range(phase1_life_s(p, 1), cases[i].life_s - 2, cases[i].life_s);
		pair_free(p);
	}
}

/* A remote's lifetime is that of its proposals which have none. */
static void
lifetime_of_remote(void **state)
{
	static const char conf[] = CONF("", "lifetime time 77 sec;", "", "anonymous");
	struct pair *p = pair_new(conf, NULL, conf, NULL);

	(void)state;
	assert_int_equal(establish(p, 0, false, 1000), ST_NORMAL);
	assert_in_range(phase1_life_s(p, 0), 75, 77);
	pair_free(p);
}

/* remoteid is for the remote with that ph1id, from for the peer with that identity. */
static void
remoteid_and_from(void **state)
{
	static const struct {
		const char *remote, *sainfo;
		enum status status;
	} cases[] = {
		{ "ph1id 7;", "anonymous { remoteid 7;", ST_NORMAL },
		{ "ph1id 8;", "anonymous { remoteid 7;", ST_BADID },
		{ "", "anonymous from address 192.168.1.100 {", ST_NORMAL },
		{ "", "anonymous from address 10.0.0.1 {", ST_BADID },
	};
	char conf[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(conf, sizeof(conf),
			"remote %s { exchange_mode main; %s proposal { encryption_algorithm aes;"
			" hash_algorithm sha256; authentication_method pre_shared_key; dh_group 2;"
			" } }"
			" sainfo %s encryption_algorithm aes; authentication_algorithm hmac_sha1;"
			" compression_algorithm deflate; }",
			"%s", cases[i].remote, cases[i].sainfo);
		struct pair *p = pair_new(PLAIN, NULL, conf, NULL);
		pair_policies(p, "esp/tunnel", NULL);
		assert_int_equal(establish(p, 0, true, 2000), cases[i].status);
		pair_free(p);
	}
}

/* Several sections for any peer: the identity decides, at once or when it comes. */
static void
several_for_anybody(void **state)
{
	static const char server[] =
		"remote \"one\" { exchange_mode main, base; peers_identifier fqdn \"one.example\";"
		" verify_identifier on; ph1id 1; proposal { encryption_algorithm aes;"
		" hash_algorithm sha256; authentication_method pre_shared_key; dh_group 2; } }"
		"remote \"two\" { exchange_mode base, main; peers_identifier address;"
		" remote_address 10.9.9.9; proposal { encryption_algorithm aes;"
		" hash_algorithm sha256; authentication_method pre_shared_key; dh_group 2; } }"
		"remote \"three\" { exchange_mode main, base; peers_identifier address %s;"
		" verify_identifier on; ph1id 3; proposal { encryption_algorithm aes;"
		" hash_algorithm sha256; authentication_method pre_shared_key; dh_group 2; } }"
		"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1;"
		" compression_algorithm deflate; }";
	static const struct {
		const char *client, *name;
		enum status status;
	} cases[] = {
		{ "exchange_mode main;", "three", ST_NORMAL },
		{ "exchange_mode base;", "three", ST_NORMAL },
		{ "exchange_mode base; my_identifier fqdn \"one.example\";", "one", ST_NORMAL },
		{ "exchange_mode base; my_identifier fqdn \"four.example\";", NULL,
			ST_IDMISMATCH },
	};
	char conf[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ike_sa_view v;
		uint64_t cursor = 0;
		snprintf(conf, sizeof(conf),
			"remote %s { %s proposal { encryption_algorithm aes; hash_algorithm sha256;"
			" authentication_method pre_shared_key; dh_group 2; } }"
			" sainfo anonymous { encryption_algorithm aes; authentication_algorithm"
			" hmac_sha1; compression_algorithm deflate; }",
			"%s", cases[i].client);
		struct pair *p = pair_new(conf, NULL, server, NULL);
		assert_int_equal(establish(p, 0, false, 30000), cases[i].status);
		if (cases[i].name != NULL) {
			assert_true(ike_show_sa(p->host[1].e, &cursor, &v));
			assert_string_equal(v.remote_name, cases[i].name);
		}
		pair_free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonce_size),
		cmocka_unit_test(passive),
		cmocka_unit_test(initial_contact),
		cmocka_unit_test(counter_and_interval),
		cmocka_unit_test(phase1_limit),
		cmocka_unit_test(phase2_limit),
		cmocka_unit_test(proposal_check_phase1),
		cmocka_unit_test(lifetime_of_remote),
		cmocka_unit_test(remoteid_and_from),
		cmocka_unit_test(several_for_anybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
