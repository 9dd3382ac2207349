/*
 * test_ike_quick.c - phase 2: quick mode between two engines, its choices and refusals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike_pair.h"

#define CONF(remote, sainfo)                                                                       \
	"timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"                     \
	"remote %s { exchange_mode main; " remote                                                  \
	" proposal { encryption_algorithm aes 256; hash_algorithm sha256;\n"                       \
	"  authentication_method pre_shared_key; dh_group modp1024; } }\n"                         \
	"sainfo anonymous { " sainfo " compression_algorithm deflate; }\n"
#define ESP_ALGS "encryption_algorithm aes 128; authentication_algorithm hmac_sha1; "

static struct ike_child_view
child(const struct pair *p, int side)
{
	struct ike_child_view v;
	uint64_t cursor = 0;

	memset(&v, 0, sizeof(v));
	if (!ike_show_child(p->host[side].e, &cursor, &v))
		fail();
	return v;
}

static void
both_up(struct pair *p, unsigned pairs)
{
	pair_run(p, 1000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_children(p, i), pairs);
		assert_int_equal(pair_sas(p, i), 2 * pairs);
		assert_true(pair_agree(p, i));
		assert_int_equal(pair_up(p, i), 1);
	}
}

static void
tunnel_by_acquire(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	struct ike_child_view v[2];

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	pair_acquire(p, 0);
	both_up(p, 1);
	v[0] = child(p, 0);
	v[1] = child(p, 1);
	assert_int_equal(v[0].spi_in, v[1].spi_out);
	assert_int_equal(v[0].spi_out, v[1].spi_in);
	assert_int_equal(v[0].mode, SA_TUNNEL);
	assert_int_equal(v[0].bits, 256);
	assert_string_equal(v[0].auth->name, "hmac-sha256");
	assert_null(v[0].pfs);
	assert_true(pair_logged(p, 0, "IPsec-SA established: ESP/Tunnel "
				      "192.168.1.100[500]->192.168.2.100[500] spi="));
	assert_true(pair_logged(p, 0, "initiate new phase 2 negotiation: "));
	assert_true(pair_logged(p, 0, "queued due to no phase1 found"));
	assert_int_equal(p->host[0].notes[IKE_NOTE_PH2_UP], 1);
	/* 3 of main mode, 2 of quick mode; the responder's INITIAL-CONTACT */
	assert_int_equal(p->host[0].sent, 5);
	assert_int_equal(p->host[1].sent, 5);
	pair_acquire(p, 1); /* the other end may begin as well, on the same phase 1 */
	pair_run(p, 1000);
	assert_int_equal(pair_up(p, 1), 1);
	pair_free(p);
}

/* The peer's first packet may want its answer before the outbound SA is there. */
static void
acquire_on_the_way(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct pair *p = pair_new(NULL, NULL, NULL, NULL);
		pair_policies(p, "esp/tunnel", NULL);
		p->host[late].acquire_at_add = true;
		pair_acquire(p, 0);
		both_up(p, 1);
		assert_int_equal(p->host[late].requests, 3); /* GETSPI, UPDATE, ADD */
		pair_free(p);
	}
}

static void
mode(const char *rule1, const char *rule2, unsigned pairs, const char *conf)
{
	struct pair *p = pair_new(conf, NULL, conf, NULL);
	uint64_t id;

	pair_policies(p, rule1, rule2);
	id = pair_command(p, 1, IKE_CMD_ESTABLISH, true);
	pair_run(p, 1000);
	assert_non_null(pair_reply_to(p, 1, id));
	assert_int_equal(pair_reply_to(p, 1, id)->status, ST_NORMAL);
	both_up(p, pairs);
	id = pair_command(p, 1, IKE_CMD_ESTABLISH, true);
	assert_int_equal(pair_reply_to(p, 1, id)->status, ST_ALREADY);
	pair_free(p);
}

static void
modes(void **state)
{
	(void)state;
	mode("esp/transport", NULL, 1, NULL);
	mode("ah/transport", NULL, 1, NULL);
	mode("ah/tunnel", NULL, 1, NULL);
	mode("esp/transport", "ah/transport", 2, NULL);
	mode("esp/tunnel", "ah/transport", 2, NULL);
}

static void
perfect_forward_secrecy(void **state)
{
	static const char conf[] = CONF("", "pfs_group modp1536; " ESP_ALGS);
	struct pair *p;

	(void)state;
	mode("esp/tunnel", NULL, 1, conf);
	mode("esp/transport", "ah/transport", 2, conf);
	p = pair_new(conf, NULL, conf, NULL);
	pair_policies(p, "esp/tunnel", NULL);
	pair_acquire(p, 0);
	both_up(p, 1);
	assert_string_equal(child(p, 0).pfs->name, "modp1536");
	assert_string_equal(child(p, 1).pfs->name, "modp1536");
	pair_free(p);
}

static void
algorithms(void **state)
{
	(void)state;
	mode("esp/tunnel", NULL, 1,
		CONF("", "encryption_algorithm 3des; authentication_algorithm hmac_md5;"));
	mode("esp/tunnel", NULL, 1,
		CONF("", "encryption_algorithm null_enc; authentication_algorithm hmac_sha512;"));
	mode("esp/tunnel", NULL, 1,
		CONF("", "encryption_algorithm aes_gcm_16 256;"
			 " authentication_algorithm hmac_sha1;"));
}

struct check {
	const char *ours, *theirs; /* statements of initiator's and responder's sainfo */
	const char *word;
	enum status status;
	int64_t life_s;
};

/* Reference: what each word of proposal_check lets the responder take. */
static void
proposal_check(void **state)
{
	static const struct check checks[] = {
		{ "lifetime time 60 sec;", "lifetime time 100 sec;", "strict", ST_NORMAL, 60 },
		{ "lifetime time 100 sec;", "lifetime time 60 sec;", "strict", ST_NOPROPOSAL, 0 },
		{ "lifetime time 100 sec;", "lifetime time 60 sec;", "obey", ST_NORMAL, 100 },
		{ "lifetime time 100 sec;", "lifetime time 60 sec;", "claim", ST_NORMAL, 60 },
		{ "lifetime time 100 sec;", "lifetime time 60 sec;", "exact", ST_NOPROPOSAL, 0 },
		{ "lifetime time 60 sec;", "lifetime time 60 sec;", "exact", ST_NORMAL, 60 },
		{ "pfs_group 2;", "", "strict", ST_NORMAL, 28800 },
		{ "pfs_group 2;", "", "exact", ST_NOPROPOSAL, 0 },
		{ "", "pfs_group 2;", "strict", ST_NOPROPOSAL, 0 },
		{ "", "pfs_group 2;", "claim", ST_NOPROPOSAL, 0 },
		{ "", "pfs_group 2;", "obey", ST_NORMAL, 28800 },
		{ "pfs_group 2;", "pfs_group 5;", "obey", ST_NORMAL, 28800 },
		{ "pfs_group 2;", "pfs_group 5;", "strict", ST_NOPROPOSAL, 0 },
	};
	char conf[2][1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		const struct check *c = &checks[i];
		struct pair *p;
		uint64_t id;
		snprintf(conf[0], sizeof(conf[0]), CONF("", "%s" ESP_ALGS), "%s", c->ours);
		snprintf(conf[1], sizeof(conf[1]), CONF("proposal_check %s;", "%s" ESP_ALGS), "%s",
			c->word, c->theirs);
		p = pair_new(conf[0], NULL, conf[1], NULL);
		pair_policies(p, "esp/tunnel", NULL);
		id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
		pair_run(p, 1000);
		assert_non_null(pair_reply_to(p, 0, id));
		if (pair_reply_to(p, 0, id)->status != c->status)
			print_message("case %zu\n", i);
		assert_int_equal(pair_reply_to(p, 0, id)->status, c->status);
		if (c->status == ST_NORMAL) {
			both_up(p, 1);
			for (int s = 0; s < 2; s++)
				assert_int_equal((child(p, s).expires.ms - p->now.ms) / 1000 + 2,
					c->life_s);
		}
		pair_free(p);
	}
}

static void
key_lengths(void **state)
{
	struct pair *p = pair_new(
		CONF("", "encryption_algorithm aes 256; authentication_algorithm hmac_sha1;"), NULL,
		CONF("", "encryption_algorithm aes 128; authentication_algorithm hmac_sha1;"),
		NULL);

	(void)state;
	/* strict: a longer key than ours is taken, a shorter one is not */
	pair_policies(p, "esp/tunnel", NULL);
	pair_acquire(p, 0);
	both_up(p, 1);
	assert_int_equal(child(p, 1).bits, 256);
	pair_free(p);
	p = pair_new(CONF("", "encryption_algorithm aes 128; authentication_algorithm hmac_sha1;"),
		NULL, CONF("", "encryption_algorithm aes 256; authentication_algorithm hmac_sha1;"),
		NULL);
	pair_policies(p, "esp/tunnel", NULL);
	pair_acquire(p, 0);
	pair_run(p, 1000);
	assert_int_equal(pair_children(p, 0) + pair_children(p, 1), 0);
	pair_free(p);
}

/* The failure at one end, newest first, must name the condition; so must the other end's. */
static void
named(const struct pair *p, int side, enum status status, const char *words)
{
	struct ike_failure_view f;

	assert_true(ike_show_failure(p->host[side].e, 0, &f));
	assert_int_equal(f.status, status);
	assert_int_equal(f.phase, 2);
	if (words != NULL && strstr(f.detail, words) == NULL)
		print_message("detail: %s\n", f.detail);
	if (words != NULL)
		assert_non_null(strstr(f.detail, words));
}

static void
refusals(void **state)
{
	static const char narrow[] = CONF("", ESP_ALGS);
	static const char other[] = CONF("",
		"encryption_algorithm 3des; authentication_algorithm hmac_md5;");
	struct pair *p = pair_new(narrow, NULL, other, NULL);
	uint64_t id;

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NOPROPOSAL);
	named(p, 0, ST_NOPROPOSAL, "NO-PROPOSAL-CHOSEN");
	named(p, 1, ST_NOPROPOSAL, "3des");
	assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 0);
	for (unsigned i = 0; i < PAIR_SAS; i++)
		assert_false(p->host[0].sa[i].used || p->host[1].sa[i].used);
	pair_free(p);

	/* no policy at the other end */
	p = pair_new(NULL, NULL, NULL, NULL);
	pair_policies(p, "esp/tunnel", NULL);
	struct ike_event ev = { .type = IKE_EV_SPD_RESET };
	pair_event(p, 1, &ev);
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_BADID);
	named(p, 0, ST_BADID, "INVALID-ID-INFORMATION");
	named(p, 1, ST_BADID, "172.16.2.0/24");
	pair_free(p);

	/* no sainfo for these identities */
	p = pair_new(NULL, NULL,
		"remote %s { exchange_mode main; proposal { encryption_algorithm aes;"
		" hash_algorithm sha1; authentication_method pre_shared_key; dh_group 2; } }\n"
		"sainfo address 10.9.9.0/24 any address 10.8.8.0/24 any { " ESP_ALGS
		" compression_algorithm deflate; }",
		NULL);
	pair_policies(p, "esp/tunnel", NULL);
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_BADID);
	named(p, 1, ST_NOSAINFO, "172.16.1.0/24");
	pair_free(p);
}

static void
no_policy(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);

	(void)state;
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NOPOLICY);
	pair_free(p);
}

static void
database_refuses(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t id;

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	p->host[0].sadb_fails = ST_NOALG;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 60000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_SADBFAILED);
	assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 0);
	pair_free(p);
}

static void
narrower_than_the_policy(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	struct sadb_msg m = { .op = SADB_OP_ACQUIRE, .has_sp = true, .has_sa = true };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	m.sp = pair_policy(p, 0, SP_OUT, "esp/tunnel", NULL);
	assert_true(net_prefix_parse("172.16.1.7/32", &m.sp.sel.src));
	m.sp.sel.upper = 6;
	m.sp.sel.dport = 80;
	m.sa.src = p->host[0].local;
	m.sa.dst = p->host[1].local;
	pair_event(p, 0, &ev);
	both_up(p, 1);
	assert_int_equal(child(p, 1).sel.upper, 6);
	assert_int_equal(child(p, 1).sel.sport, 80);
	assert_int_equal(child(p, 1).sel.dst.len, 32);
	pair_free(p);
}

/* More policies than negotiations allowed at once: the rest waits, and none is forgotten. */
static void
many_at_once(void **state)
{
	enum { POLICIES = 50 };
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t id;

	(void)state;
	for (int side = 0; side < 2; side++)
		for (enum sp_dir dir = SP_IN; dir <= SP_OUT; dir++)
			for (unsigned i = 0; i < POLICIES; i++) {
				struct sadb_msg m = { .op = SADB_OP_SPDADD, .has_sp = true,
					.sp = pair_policy(p, side, dir, "esp/tunnel", NULL) };
				struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };
				bool mine = (dir == SP_OUT) == (side == 0);
				m.sp.id += 2 * i;
				*(mine ? &m.sp.sel.src : &m.sp.sel.dst) = (struct net_prefix){
					net_ipv4(0xac100000u + (i << 8)), 24 };
				pair_event(p, side, &ev);
			}
	p->host[0].e->env.limits.children_per_sa = 4;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	both_up(p, POLICIES);
	id = pair_command(p, 0, IKE_CMD_FLUSH, false);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	pair_run(p, 100);
	assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 0);
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tunnel_by_acquire),
		cmocka_unit_test(acquire_on_the_way),
		cmocka_unit_test(modes),
		cmocka_unit_test(perfect_forward_secrecy),
		cmocka_unit_test(algorithms),
		cmocka_unit_test(proposal_check),
		cmocka_unit_test(key_lengths),
		cmocka_unit_test(refusals),
		cmocka_unit_test(no_policy),
		cmocka_unit_test(database_refuses),
		cmocka_unit_test(narrower_than_the_policy),
		cmocka_unit_test(many_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
