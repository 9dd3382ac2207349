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

static const char conf[] =
	"timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"
	"remote %s { exchange_mode main;"
	" proposal { encryption_algorithm aes; hash_algorithm sha256;\n"
	"  authentication_method pre_shared_key; dh_group 2; } }\n"
	"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1;"
	" compression_algorithm deflate; }\n";

/* The configuration's words may not include the mode yet: said in the model. */
static struct rc_remote *
aggressive(struct pair *p, int side, const char *name)
{
	struct rc_remote *r = p->host[side].config->remote[0];

	r->modes = 1;
	r->mode[0] = RC_AGGRESSIVE;
	if (name != NULL)
		r->my_id = (struct rc_id){ .type = RC_ID_FQDN, .value = bytes_str(name) };
	return r;
}

static struct pair *
both(const char *psk_a, const char *psk_b)
{
	struct pair *p = pair_new(conf, psk_a, conf, psk_b);

	aggressive(p, 0, "host.example.net");
	aggressive(p, 1, NULL);
	return p;
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
	struct pair *p = pair_new(conf, NULL, conf, NULL);
	uint64_t id;

	(void)state;
	aggressive(p, 0, NULL);
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

static bool
lose_nth(struct pair *p, int from, uint8_t *octets, size_t n)
{
	(void)from, (void)octets, (void)n;
	return p->counter++ != *(unsigned *)p->user;
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
		p->filter = lose_nth;
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

static void
identity(void **state)
{
	struct pair *p = both(NULL, NULL);
	struct rc_remote *r = p->host[1].config->remote[0];
	struct ike_failure_view f;
	uint64_t id;

	(void)state;
	/* a prefix of a name is another name */
	r->verify_identifier = true;
	r->peer_ids = 1;
	r->peer_id[0] = (struct rc_id){ .type = RC_ID_FQDN, .value = bytes_str("host.example.ne") };
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 60000);
	assert_non_null(pair_reply_to(p, 0, id));
	assert_true(ike_show_failure(p->host[1].e, 0, &f));
	assert_int_equal(f.status, ST_IDMISMATCH);
	assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 0);
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
		cmocka_unit_test(identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
