/*
 * test_ike_bundle.c - bundles of ESP, AH and IPComp, complex_bundle, the commit bit, lifetimes in
 * bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "racoon/ikev1/v1_prop.h"
#include "racoon/ikev1/v1_rows.h"
#include "tests/unit/ike_pair.h"

#define CONF(top, remote, sainfo)                                                                  \
	top "timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"                 \
	"remote %s { exchange_mode main; " remote                                                  \
	" proposal { encryption_algorithm aes; hash_algorithm sha256;\n"                           \
	"  authentication_method pre_shared_key; dh_group 2; } }\n"                                \
	"sainfo anonymous { " sainfo " encryption_algorithm aes;"                                  \
	" authentication_algorithm hmac_sha1; compression_algorithm deflate; }\n"
#define PLAIN CONF("", "", "")

static void
policies(struct pair *p, const char *const *rule)
{
	for (int side = 0; side < 2; side++)
		for (enum sp_dir dir = SP_IN; dir <= SP_OUT; dir++) {
			struct ipsec_policy sp = pair_policy(p, side, dir, rule[0], rule[1]);
			if (rule[1] != NULL && rule[2] != NULL) {
				struct ipsec_policy more = pair_policy(p, side, dir, rule[2], NULL);
				sp.rule[sp.rules++] = more.rule[0];
			}
			struct sadb_msg m = { .op = SADB_OP_SPDADD, .has_sp = true, .sp = sp };
			struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };
			pair_event(p, side, &ev);
		}
}

static enum status
establish(struct pair *p)
{
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);

	pair_run(p, 2000);
	return pair_reply_to(p, 0, id) == NULL ? ST_TIMEUP : pair_reply_to(p, 0, id)->status;
}

static unsigned
count(const struct pair *p, int side, enum sa_proto proto)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PAIR_SAS; i++)
		if (p->host[side].sa[i].used && p->host[side].sa[i].sa.proto == proto) {
			n++;
			if (proto == SA_IPCOMP) {
				assert_string_equal(p->host[side].sa[i].sa.comp->name, "deflate");
				assert_in_range(p->host[side].sa[i].sa.spi, 256, 65535);
			}
		}
	return n;
}

/* ESP, AH and IPComp as one bundle, in transport and in tunnel mode. */
static void
three(void **state)
{
	static const char *const rules[][3] = {
		{ "ipcomp/transport", "esp/transport", "ah/transport" },
		{ "ipcomp/tunnel", "esp/tunnel", "ah/tunnel" },
		{ "ipcomp/transport/use", "esp/tunnel", "ah/transport" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		struct pair *p = pair_new(PLAIN, NULL, PLAIN, NULL);
		policies(p, rules[i]);
		assert_int_equal(establish(p), ST_NORMAL);
		for (int side = 0; side < 2; side++) {
			assert_int_equal(count(p, side, SA_ESP), 2);
			assert_int_equal(count(p, side, SA_AH), 2);
			assert_int_equal(count(p, side, SA_IPCOMP), 2);
			assert_true(pair_agree(p, side));
		}
		pair_command(p, 0, IKE_CMD_FLUSH, false);
		pair_run(p, 2000);
		assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 0);
		pair_free(p);
	}
}

/* Compression with level use is left out where one end cannot do it; with require it fails. */
static void
compression_is_optional(void **state)
{
	static const char *const use[] = { "ipcomp/transport/use", "esp/transport", NULL };
	static const char *const require[] = { "ipcomp/transport", "esp/transport", NULL };

	(void)state;
	for (int side = 0; side < 2; side++) {
		struct pair *p = pair_new(PLAIN, NULL, PLAIN, NULL);
		p->host[0].no_comp = true; /* the initiator offers none */
		policies(p, side == 0 ? use : require);
		if (side == 0) {
			assert_int_equal(establish(p), ST_NORMAL);
			assert_int_equal(count(p, 1, SA_IPCOMP), 0);
			assert_int_equal(pair_sas(p, 0), 2);
			assert_true(pair_agree(p, 0) && pair_agree(p, 1));
		} else {
			assert_int_equal(establish(p), ST_SADBFAILED);
			assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 0);
		}
		pair_free(p);
	}
	/* The responder's policy has none: the second choice of the offer is taken. */
	struct pair *p = pair_new(PLAIN, NULL, PLAIN, NULL);
	static const char *const plain[] = { "esp/transport", NULL };
	policies(p, use);
	for (enum sp_dir dir = SP_IN; dir <= SP_OUT; dir++) {
		struct sadb_msg m = { .op = SADB_OP_SPDADD, .has_sp = true,
			.sp = pair_policy(p, 1, dir, plain[0], NULL) };
		struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };
		pair_event(p, 1, &ev);
	}
	assert_int_equal(establish(p), ST_NORMAL);
	assert_int_equal(pair_sas(p, 0), 2);
	for (unsigned i = 0; i < PAIR_SAS; i++) /* and the CPI that was reserved is given back */
		assert_false(p->host[0].sa[i].used && p->host[0].sa[i].sa.proto == SA_IPCOMP);
	pair_free(p);
}

/* complex_bundle off: AH tunnel and ESP tunnel on the wire, whatever the other end has. */
static void
complex_bundle(void **state)
{
	static const char off[] = CONF("complex_bundle off;\n", "", ""),
			  on[] = CONF("complex_bundle on;\n", "", "");
	static const struct {
		const char *a, *b;
		enum status status;
	} cases[] = {
		{ on, on, ST_NORMAL },
		{ off, off, ST_NORMAL },
		{ off, on, ST_NORMAL },
		{ on, off, ST_NOPROPOSAL }, /* "AH transport" is not what off expects */
	};
	static const char *const rules[] = { "esp/tunnel", "ah/transport", NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pair *p = pair_new(cases[i].a, NULL, cases[i].b, NULL);
		policies(p, rules);
		assert_int_equal(establish(p), cases[i].status);
		if (cases[i].status == ST_NORMAL)
			assert_true(pair_agree(p, 0) && pair_agree(p, 1));
		pair_free(p);
	}
}

/* --------------------------------------------------------------------------- the commit bit --- */

struct flags {
	int from;             /* whose datagrams get the bit */
	unsigned lose;        /* this one is lost, counted from the first quick mode message */
	unsigned quick;
};

static bool
set_commit(struct pair *p, int from, uint8_t *octets, size_t n)
{
	struct flags *f = p->user;

	(void)n;
	if (octets[18] != WIRE_X_QUICK)
		return true;
	if (from == f->from)
		octets[19] |= WIRE_F_COMMIT;
	return ++f->quick != f->lose;
}

/* Either end sets it; CONNECTED ends the exchange, also when messages are lost. */
static void
commit_bit(void **state)
{
	(void)state;
	for (int from = 0; from < 2; from++)
		for (unsigned lose = 0; lose < 6; lose++) {
			struct pair *p = pair_new(PLAIN, NULL, PLAIN, NULL);
			struct flags f = { .from = from, .lose = lose };
			p->filter = set_commit;
			p->user = &f;
			pair_policies(p, "esp/tunnel", NULL);
			pair_acquire(p, 0);
			pair_run(p, 25000);
			for (int side = 0; side < 2; side++) {
				assert_int_equal(pair_children(p, side), 1);
				assert_int_equal(pair_sas(p, side), 2);
				assert_true(pair_agree(p, side));
			}
			if (from == 0)
				assert_true(f.quick >= 4); /* the responder said CONNECTED */
			pair_free(p);
		}
}

/* Until CONNECTED the initiator installs no outbound SA; it comes in an informational exchange. */
static void
connected_by_notify(void **state)
{
	struct pair *p = pair_new(PLAIN, NULL, PLAIN, NULL);
	struct flags f = { .from = 1 };
	struct ike_child_view v;
	uint64_t cursor = 0;

	(void)state;
	p->filter = set_commit;
	p->user = &f;
	pair_policies(p, "esp/tunnel", NULL);
	pair_acquire(p, 0);
	for (unsigned i = 0; i < 20 && p->host[0].e->children.next != NULL; i++) {
		pair_run(p, 1);
		cursor = 0;
		if (ike_show_child(p->host[0].e, &cursor, &v) &&
			strcmp(v.state, "QUICK3-SENT") == 0)
			break;
	}
	assert_string_equal(v.state, "QUICK3-SENT");
	assert_int_equal(pair_sas(p, 0), 1); /* inbound only */
	struct ike_child *c = container_of(p->host[0].e->children.next, struct ike_child, in_all);
	struct ike_event ev = { .type = IKE_EV_TIMER };
	v1_quick_connected(p->host[0].e, c);
	pair_event(p, 0, &ev);
	pair_run(p, 10);
	assert_int_equal(pair_sas(p, 0), 2);
	pair_free(p);
}

/* ---------------------------------------------------------------------- lifetimes in bytes --- */

/* A peer that limits the octets: obey, strict and claim take its limit, exact refuses it. */
static void
bytes_of_a_peer(void **state)
{
	static const struct {
		enum rc_check check;
		enum status status;
	} cases[] = { { RC_CHECK_OBEY, ST_NORMAL }, { RC_CHECK_STRICT, ST_NORMAL },
		{ RC_CHECK_CLAIM, ST_NORMAL }, { RC_CHECK_EXACT, ST_NOPROPOSAL } };
	struct pair *p = pair_new(PLAIN, NULL, PLAIN, NULL);
	struct arena *arena = arena_new(1 << 20);
	const struct rc_sainfo *info = p->host[1].config->sainfo[0];
	const struct ike_child *c;
	struct wire_attr attr[16];
	struct wire_sa offer;

	(void)state;
	assert_non_null(arena);
	pair_policies(p, "esp/tunnel", NULL);
	assert_int_equal(establish(p), ST_NORMAL);
	c = container_of(p->host[1].e->children.next, struct ike_child, in_all);
	assert_int_equal(v1_offer2(arena, c, info, &offer), ST_NORMAL);
	struct wire_transform *t = &offer.proposal[0].transform[0];
	memcpy(attr, t->attr, t->attrs * sizeof(*attr));
	attr[t->attrs] = wire_attr_of(WIRE_A2_LIFE_TYPE, WIRE_LIFE_KILOBYTES);
	attr[t->attrs + 1] = wire_attr_of(WIRE_A2_LIFE, 4096);
	t->attr = attr;
	t->attrs += 2;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct v1_picks2 picks;
		char why[IKE_DETAIL_MAX];
		assert_int_equal(v1_choose2(p->host[1].e, c, info, cases[i].check, &offer, &picks,
					 why, sizeof(why)),
			cases[i].status);
		if (cases[i].status == ST_NORMAL)
			assert_int_equal(picks.life_bytes, 4096 * 1024);
		else
			assert_non_null(strstr(why, "bytes"));
	}
	arena_free(arena);
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three),
		cmocka_unit_test(compression_is_optional),
		cmocka_unit_test(complex_bundle),
		cmocka_unit_test(commit_bit),
		cmocka_unit_test(connected_by_notify),
		cmocka_unit_test(bytes_of_a_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
