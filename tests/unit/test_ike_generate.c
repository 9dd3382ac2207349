/*
 * test_ike_generate.c - generate_policy: policies made from a peer's proposal, kept within what the
 * administrator allows, and removed with their SAs; support_proxy.
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

#define CONF(statements, sainfo)                                                                   \
	"timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"                     \
	"remote %s { exchange_mode main; " statements                                              \
	" proposal { encryption_algorithm aes; hash_algorithm sha256;\n"                           \
	"  authentication_method pre_shared_key; dh_group 2; } }\n"                                \
	"sainfo " sainfo " { lifetime time 10 min; encryption_algorithm aes;"                      \
	" authentication_algorithm hmac_sha1; compression_algorithm deflate; }\n"
#define CLIENT CONF("", "anonymous")

static struct pair *
begin(const char *server, const char *rule1, const char *rule2)
{
	struct pair *p = pair_new(CLIENT, NULL, server, NULL);
	struct sadb_msg flush = { .op = SADB_OP_SPDFLUSH };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &flush };

	pair_policies(p, rule1, rule2);
	pair_event(p, 1, &ev); /* the server has none */
	return p;
}

static enum status
establish(struct pair *p)
{
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);

	pair_run(p, 2000);
	return pair_reply_to(p, 0, id) == NULL ? ST_TIMEUP : pair_reply_to(p, 0, id)->status;
}

static const struct ipsec_policy *
generated(const struct pair *p, enum sp_dir dir)
{
	for (unsigned i = 0; i < p->host[1].sps; i++)
		if (p->host[1].sp[i].dir == dir)
			return &p->host[1].sp[i];
	return NULL;
}

static void
tunnel(void **state)
{
	struct pair *p = begin(CONF("generate_policy on; passive on;", "anonymous"), "esp/tunnel",
		NULL);
	struct ipsec_policy usual = pair_policy(p, 1, SP_OUT, "esp/tunnel", NULL);
	const struct ipsec_policy *out, *in;

	(void)state;
	assert_int_equal(establish(p), ST_NORMAL);
	assert_int_equal(p->host[1].sps, 3);
	out = generated(p, SP_OUT);
	in = generated(p, SP_IN);
	assert_non_null(generated(p, SP_FWD));
	assert_true(net_addr_equal(&out->rule[0].src.addr, &p->host[1].local.addr));
	assert_true(net_addr_equal(&in->rule[0].dst.addr, &p->host[1].local.addr));
	assert_int_equal(out->rule[0].mode, SA_TUNNEL);
	assert_int_equal(out->rule[0].level, SP_REQUIRE);
	assert_int_equal(out->rule[0].reqid, 0);
	assert_int_equal(out->sel.src.len, 24);
	assert_true(net_prefix_equal(&out->sel.src, &in->sel.dst));
	assert_in_range(out->hard.add_s, 600, 900); /* it ends by itself, should we die */
	assert_true(pair_agree(p, 0) && pair_agree(p, 1));
	/* The server's own traffic finds the SA; with it the policies go. */
	pair_command(p, 0, IKE_CMD_FLUSH, false);
	pair_run(p, 2000);
	assert_int_equal(p->host[1].sps, 0);
	assert_int_equal(pair_sas(p, 1), 0);
	assert_true(pair_logged(p, 1, "deleting a generated policy."));
	assert_null(ike_spd_find(p->host[1].e, SP_OUT, &usual.sel));
	assert_int_equal(establish(p), ST_NORMAL); /* and comes back */
	assert_int_equal(p->host[1].sps, 3);
	pair_free(p);
}

static void
unique(void **state)
{
	struct pair *p = begin(CONF("generate_policy unique;", "anonymous"), "esp/tunnel", NULL);
	uint32_t reqid;

	(void)state;
	assert_int_equal(establish(p), ST_NORMAL);
	assert_int_equal(generated(p, SP_OUT)->rule[0].level, SP_UNIQUE);
	reqid = generated(p, SP_OUT)->rule[0].reqid;
	assert_true(reqid >= 0x8000);
	assert_int_equal(generated(p, SP_IN)->rule[0].reqid, reqid);
	assert_int_equal(generated(p, SP_FWD)->rule[0].level, SP_REQUIRE);
	assert_int_equal(generated(p, SP_FWD)->rule[0].reqid, 0);
	for (unsigned i = 0; i < PAIR_SAS; i++)
		if (p->host[1].sa[i].used)
			assert_int_equal(p->host[1].sa[i].sa.reqid, reqid);
	/* Renewal by the client: the same policy with the same reqid, one after it. */
	pair_run(p, 540 * 1000);
	assert_true(p->host[1].notes[IKE_NOTE_PH2_UP] >= 2);
	assert_int_equal(p->host[1].sps, 3);
	assert_int_equal(generated(p, SP_OUT)->rule[0].reqid, reqid);
	pair_free(p);
}

static void
transport_and_bundle(void **state)
{
	struct pair *p = begin(CONF("generate_policy require;", "anonymous"), "esp/transport",
		"ah/transport");
	const struct ipsec_policy *out;

	(void)state;
	assert_int_equal(establish(p), ST_NORMAL);
	assert_int_equal(p->host[1].sps, 2); /* nothing is forwarded in transport mode */
	out = generated(p, SP_OUT);
	assert_int_equal(out->rules, 2);
	assert_int_equal(out->rule[0].proto, SA_ESP);
	assert_int_equal(out->rule[1].proto, SA_AH);
	assert_int_equal(out->sel.src.len, 32);
	assert_int_equal(pair_sas(p, 1), 4);
	pair_free(p);
}

/* A road warrior behind a NAT box: the policy made is for the address the gateway sees. */
static void
behind_nat(void **state)
{
	static const char *const modes[] = { "esp/tunnel", "esp/transport" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct pair *p = pair_new(CONF("nat_traversal on;", "anonymous"), NULL,
			"timer { counter 3; interval 5 sec; }\n"
			"remote anonymous { exchange_mode main; nat_traversal on;"
			" generate_policy on; passive on;"
			" proposal { encryption_algorithm aes; hash_algorithm sha256;"
			"  authentication_method pre_shared_key; dh_group 2; } }\n"
			"sainfo anonymous { lifetime time 10 min; encryption_algorithm aes;"
			" authentication_algorithm hmac_sha1; compression_algorithm deflate; }\n",
			"secret\n203.0.113.7 secret");
		struct sadb_msg flush = { .op = SADB_OP_SPDFLUSH };
		struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &flush };
		const struct ipsec_policy *out;

		pair_natt(p);
		pair_policies(p, modes[i], NULL);
		pair_event(p, 1, &ev);
		assert_true(net_addr_parse("203.0.113.7", &p->nat));
		p->nat_shift = 20000;
		assert_int_equal(establish(p), ST_NORMAL);
		out = generated(p, SP_OUT);
		assert_non_null(out);
		assert_int_equal(p->host[1].sps, i == 0 ? 3 : 2);
		if (i == 0)
			assert_true(net_addr_equal(&out->rule[0].dst.addr, &p->nat));
		else
			assert_true(net_addr_equal(&out->sel.dst.addr, &p->nat));
		assert_int_equal(pair_sas(p, 1), 2);
		for (unsigned k = 0; k < PAIR_SAS; k++)
			if (p->host[1].sa[k].used)
				assert_true(p->host[1].sa[k].sa.natt);
		pair_command(p, 0, IKE_CMD_FLUSH, false);
		pair_run(p, 2000);
		assert_int_equal(p->host[1].sps, 0);
		pair_free(p);
	}
}

static void
off_is_off(void **state)
{
	struct pair *p = begin(CONF("", "anonymous"), "esp/tunnel", NULL);

	(void)state;
	assert_int_equal(establish(p), ST_BADID);
	assert_int_equal(p->host[1].sps, 0);
	pair_free(p);
}

/* The peer asks for what no sainfo names. */
static void
within_sainfo(void **state)
{
	struct pair *p = begin(CONF("generate_policy on;",
		"address 172.16.2.0/24 any address 10.9.9.0/24 any"), "esp/tunnel", NULL);

	(void)state;
	assert_true(establish(p) != ST_NORMAL);
	assert_int_equal(p->host[1].sps, 0);
	pair_free(p);
	p = begin(CONF("generate_policy on;",
		"address 172.16.2.0/24 any address 172.16.1.0/24 any"), "esp/tunnel", NULL);
	assert_int_equal(establish(p), ST_NORMAL);
	assert_int_equal(p->host[1].sps, 3);
	pair_free(p);
}

static void
load(struct pair *p, enum sp_dir dir, const struct ipsec_policy *like, enum sp_action action,
	uint32_t other)
{
	struct sadb_msg m = { .op = SADB_OP_SPDADD, .has_sp = true, .sp = *like };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };

	m.sp.action = action;
	m.sp.dir = dir;
	if (other != 0)
		m.sp.rule[0].dst.addr = net_ipv4(other);
	pair_event(p, 1, &ev);
}

/* Never before a word of the administrator: discard, none, or another peer's tunnel. */
static void
not_before_the_administrator(void **state)
{
	static const char conf[] = CONF("generate_policy on;", "anonymous");

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct pair *p = begin(conf, "esp/tunnel", NULL);
		struct ipsec_policy like = pair_policy(p, 1, SP_OUT, "esp/tunnel", NULL);
		like.sel.dst.len = 16; /* covers what is asked for */
		load(p, SP_OUT, &like, i == 0 ? SP_DISCARD : i == 1 ? SP_PASS : SP_IPSEC,
			i == 2 ? 0xc0a86301 : 0);
		assert_int_equal(establish(p), ST_BADID);
		assert_int_equal(p->host[1].sps, 0);
		pair_free(p);
	}
}

/* A peer must not draw everything to itself because sainfo is anonymous. */
static void
not_the_whole_world(void **state)
{
	struct pair *p = begin(CONF("generate_policy on;", "anonymous"), "esp/tunnel", NULL);
	struct sadb_msg m = { .op = SADB_OP_ACQUIRE, .has_sp = true, .has_sa = true };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };

	(void)state;
	m.sp = pair_policy(p, 0, SP_OUT, "esp/tunnel", NULL);
	m.sp.sel.src = (struct net_prefix){ net_ipv4(0), 0 };
	m.sa.src = p->host[0].local;
	m.sa.dst = p->host[1].local;
	pair_event(p, 0, &ev);
	pair_run(p, 2000);
	assert_int_equal(p->host[1].sps, 0);
	assert_true(pair_logged(p, 1, "no policy is generated"));
	pair_free(p);
}

/* The half-made ones leave nothing behind. */
static void
failure_leaves_none(void **state)
{
	struct pair *p = begin(CONF("generate_policy on;", "anonymous"), "esp/tunnel", NULL);

	(void)state;
	p->host[1].sadb_fails = ST_NOALG;
	assert_true(establish(p) != ST_NORMAL);
	pair_run(p, 60000);
	assert_int_equal(p->host[1].sps, 0);
	assert_int_equal(pair_sas(p, 1), 0);
	pair_free(p);
}

/*
 * support_proxy: a mobile host negotiates from where it is for its home address; the SAs are
 * between the identities of phase 2, at both ends.
 */
static void
support_proxy(void **state)
{
	static const char conf[] = CONF("support_proxy on;", "anonymous");
	struct pair *p = pair_new(conf, NULL, conf, NULL);
	struct net_addr home = net_ipv4(0x0a000001);
	struct sadb_msg m = { .has_sp = true, .has_sa = true };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };
	unsigned at_home = 0;

	(void)state;
	for (int side = 0; side < 2; side++)
		for (enum sp_dir dir = SP_IN; dir <= SP_OUT; dir++) {
			m.op = SADB_OP_SPDADD;
			m.sp = pair_policy(p, side, dir, "esp/transport", NULL);
			*((dir == SP_OUT) == (side == 0) ? &m.sp.sel.src : &m.sp.sel.dst) =
				net_prefix_host(&home);
			pair_event(p, side, &ev);
		}
	m.op = SADB_OP_ACQUIRE;
	m.sp = *ike_spd_by_id(p->host[0].e, 10 + SP_OUT);
	m.sa.src = p->host[0].local; /* care-of address: where the packet would leave from */
	m.sa.dst = p->host[1].local;
	pair_event(p, 0, &ev);
	pair_run(p, 2000);
	assert_int_equal(pair_children(p, 1), 1);
	for (int side = 0; side < 2; side++)
		for (unsigned i = 0; i < PAIR_SAS; i++) {
			const struct ipsec_sa *sa = &p->host[side].sa[i].sa;
			if (p->host[side].sa[i].used)
				at_home += net_addr_equal(&sa->src.addr, &home) ||
					   net_addr_equal(&sa->dst.addr, &home);
		}
	assert_int_equal(at_home, 4);
	assert_true(pair_agree(p, 0) && pair_agree(p, 1));
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tunnel),
		cmocka_unit_test(unique),
		cmocka_unit_test(transport_and_bundle),
		cmocka_unit_test(behind_nat),
		cmocka_unit_test(off_is_off),
		cmocka_unit_test(within_sainfo),
		cmocka_unit_test(not_before_the_administrator),
		cmocka_unit_test(not_the_whole_world),
		cmocka_unit_test(failure_leaves_none),
		cmocka_unit_test(support_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
