/*
 * test_ike_aggr.c - phase 1: aggressive mode with pre-shared keys.
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

#define CONF(mode, statements)                                                                     \
	"timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"                     \
	"remote %s { exchange_mode " mode "; " statements                                          \
	" proposal { encryption_algorithm aes; hash_algorithm sha256;\n"                           \
	"  authentication_method pre_shared_key; dh_group 2; } }\n"                                \
	"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1;"         \
	" compression_algorithm deflate; }\n"
#define NAMED "my_identifier fqdn \"host.example.net\";"

static struct pair *
both(const char *psk_a, const char *psk_b)
{
	return pair_new(CONF("aggressive", NAMED), psk_a, CONF("main, aggressive", ""), psk_b);
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
	assert_true(pair_logged(p, 0, "begin Aggressive mode."));
	assert_true(ike_show_sa(p->host[1].e, &cursor, &v));
	assert_int_equal(v.exchange, RC_AGGRESSIVE);
	assert_non_null(strstr(v.peer_id, "host.example.net"));
	assert_true(pair_agree(p, 0) && pair_agree(p, 1));
	assert_int_equal(ike_half_open_count(p->host[1].e), 0);
	pair_free(p);
}

static void
not_where_it_is_not_named(void **state)
{
	struct pair *p = pair_new(CONF("aggressive", ""), NULL, CONF("main", ""), NULL);
	uint64_t id;

	(void)state;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 60000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORESPONSE);
	assert_int_equal(p->host[1].sent, 0);
	assert_true(pair_logged(p, 1, "Aggressive mode is not allowed"));
	pair_free(p);
}

static void
wrong_psk(void **state)
{
	struct pair *p = both("secret", "other");
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	struct ike_failure_view f;

	(void)state;
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_AUTHFAILED);
	assert_true(ike_show_failure(p->host[1].e, 0, &f));
	assert_int_equal(f.status, ST_AUTHFAILED);
	pair_run(p, 60000);
	assert_int_equal(ike_sa_count(p->host[1].e), 0);
	pair_free(p);
}

/* Message 3 may be lost as well: what the initiator sends next shows that it had message 2. */
static void
any_one_lost(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 7; lost++) {
		struct pair *p = both(NULL, NULL);
		struct ike_event ev = { .type = IKE_EV_COMMAND,
			.command = { .id = 7, .type = IKE_CMD_ESTABLISH, .children = true,
				.remote = p->host[1].local.addr } };
		pair_policies(p, "esp/tunnel", NULL);
		p->user = &lost;
		p->filter = pair_lose_nth;
		p->counter = 0;
		pair_event(p, 0, &ev);
		pair_run(p, 12000);
		assert_non_null(pair_reply_to(p, 0, 7));
		assert_int_equal(pair_reply_to(p, 0, 7)->status, ST_NORMAL);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(pair_up(p, i), 1);
			assert_int_equal(pair_children(p, i), 1);
			assert_true(pair_agree(p, i));
		}
		pair_free(p);
	}
}

/* The first mode of the list that there is begins; the other is accepted as well. */
static void
first_of_the_list(void **state)
{
	static const struct {
		const char *modes, *begins;
	} cases[] = {
		{ "aggressive, main, base", "Aggressive" },
		{ "base, aggressive, main", "Base" },
		{ "main, base, aggressive", "Identity Protection" },
		{ "main", "Identity Protection" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[2048], want[64];
		snprintf(text, sizeof(text), CONF("%s", ""), "%s", cases[i].modes);
		snprintf(want, sizeof(want), "begin %s mode.", cases[i].begins);
		struct pair *p = pair_new(text, NULL, CONF("main, aggressive, base", ""), NULL);
		uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
		pair_run(p, 1000);
		assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
		assert_true(pair_logged(p, 0, want));
		assert_true(pair_logged(p, 1, want));
		pair_free(p);
	}
}

static const struct {
	const char *mine, *theirs, *text;
	bool fits;
} names[] = {
	{ "fqdn \"host.example.net\"", "fqdn \"host.example.net\"", "FQDN host.example.net",
		true },
	{ "user_fqdn \"ops@example.net\"", "user_fqdn \"ops@example.net\"",
		"USER_FQDN ops@example.net", true },
	{ "keyid tag \"branch\"", "keyid tag \"branch\"", "KEYID branch", true },
	{ "address", "address", "192.168.1.100", true },
	/* a prefix of a name is another name, and so is the same word of another type */
	{ "fqdn \"host.example.net\"", "fqdn \"host.example.ne\"", NULL, false },
	{ "fqdn \"branch\"", "keyid tag \"branch\"", NULL, false },
	{ "fqdn \"host.example.net\"", "address", NULL, false },
};

static void
identity(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char a[2048], b[2048];
		struct ike_failure_view f;
		struct ike_sa_view v;
		uint64_t cursor = 0;
		snprintf(a, sizeof(a), CONF("aggressive", "my_identifier %s;"), "%s",
			names[i].mine);
		snprintf(b, sizeof(b),
			CONF("aggressive", "verify_identifier on; peers_identifier %s;"), "%s",
			names[i].theirs);
		struct pair *p = pair_new(a, NULL, b, NULL);
		uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
		pair_run(p, 60000);
		assert_non_null(pair_reply_to(p, 0, id));
		if (names[i].fits) {
			assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
			assert_true(ike_show_sa(p->host[1].e, &cursor, &v));
			assert_string_equal(v.peer_id, names[i].text);
		} else {
			assert_true(ike_show_failure(p->host[1].e, 0, &f));
			assert_int_equal(f.status, ST_IDMISMATCH);
			assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 0);
		}
		pair_free(p);
	}
}

/* psk.txt by identity: the name the peer says, before its address. */
static void
key_by_name(void **state)
{
	static const char text[] = CONF("aggressive", "");
	static const char keys[] = "192.168.1.100 of the address\nhost.example.net a long key\n";
	struct rc_options o = { .hash_key = { 7, 11 } };
	struct stmt_errors errors = { 0 };
	struct pair *p = both("a long key", "of the address");
	struct ike_event ev = { .type = IKE_EV_CONFIG };
	struct rc_config *c = NULL;
	char conf[2048];
	uint64_t id;

	(void)state;
	snprintf(conf, sizeof(conf), text, "192.168.1.100");
	assert_int_equal(rc_load_text("b.conf", conf, keys, &o, &c, &errors), ST_NORMAL);
	assert_non_null(strstr(text_str(&errors.warnings), "guess the pre-shared key off-line"));
	stmt_errors_free(&errors);
	ev.config = c;
	pair_event(p, 1, &ev);
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	pair_command(p, 0, IKE_CMD_FLUSH, false);
	pair_run(p, 10000);
	ev.config = p->host[1].config;
	pair_event(p, 1, &ev);
	rc_free(c);
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_AUTHFAILED);
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(establishes),
		cmocka_unit_test(not_where_it_is_not_named),
		cmocka_unit_test(wrong_psk),
		cmocka_unit_test(any_one_lost),
		cmocka_unit_test(first_of_the_list),
		cmocka_unit_test(identity),
		cmocka_unit_test(key_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
