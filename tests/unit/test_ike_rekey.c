/*
 * test_ike_rekey.c - lifetimes: renewal of both phases without a gap, collisions, expiry.
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

#define CONF(remote)                                                                               \
	"timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"                     \
	"remote %s { exchange_mode main; lifetime time 10 min; " remote                            \
	" proposal { encryption_algorithm aes; hash_algorithm sha1;\n"                             \
	"  authentication_method pre_shared_key; dh_group 2; } }\n"                                \
	"sainfo anonymous { lifetime time 200 sec; encryption_algorithm aes;"                      \
	" authentication_algorithm hmac_sha1; compression_algorithm deflate; }\n"

/* The SA a packet would take now: the newest outbound one, as databases choose it. */
static bool
packet_gets_through(struct pair *p, int side)
{
	const struct pair_host *h = &p->host[side];
	const struct ipsec_sa *best = NULL;
	struct ike_child_view v;
	uint64_t cursor = 0;

	while (ike_show_child(h->e, &cursor, &v)) /* in the order of their making */
		for (unsigned i = 0; i < PAIR_SAS; i++)
			if (h->sa[i].used && h->sa[i].sa.spi == v.spi_out &&
			    net_addr_equal(&h->sa[i].sa.src.addr, &h->local.addr))
				best = &h->sa[i].sa;
	if (best == NULL)
		return false;
	for (unsigned i = 0; i < PAIR_SAS; i++) {
		const struct pair_sa *s = &p->host[!side].sa[i];
		if (s->used && !s->larval && s->sa.spi == best->spi &&
		    memcmp(&s->sa.encr_key, &best->encr_key, sizeof(best->encr_key)) == 0)
			return true;
	}
	return false;
}

static unsigned
black_holes(struct pair *p, int64_t ms, int64_t step)
{
	unsigned holes = 0;

	for (int64_t t = 0; t < ms; t += step) {
		pair_run(p, step);
		for (int i = 0; i < 2; i++)
			holes += !packet_gets_through(p, i);
	}
	return holes;
}

static struct pair *
up(const char *conf)
{
	struct pair *p = pair_new(conf, NULL, conf, NULL);

	pair_policies(p, "esp/tunnel", NULL);
	pair_acquire(p, 0);
	pair_run(p, 1000);
	assert_int_equal(pair_children(p, 0), 1);
	return p;
}

static void
one_of_each(struct pair *p)
{
	pair_run(p, IKE_BACKSTOP_MS + 5000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_up(p, i), 1);
		assert_int_equal(pair_children(p, i), 1);
		assert_int_equal(pair_sas(p, i), 2);
		assert_true(pair_agree(p, i));
	}
}

static void
without_a_gap(void **state)
{
	struct pair *p = up(CONF(""));

	(void)state;
	assert_int_equal(black_holes(p, 3600 * 1000, 100), 0);
	assert_true(ike_count(p->host[0].e, IKE_N_PH2_UP) > 3600 / 200);
	assert_true(ike_count(p->host[0].e, IKE_N_PH1_UP) >= 6);
	for (int i = 0; i < 2; i++) {
		assert_true(pair_children(p, i) <= 2);
		assert_true(pair_up(p, i) <= 2);
	}
	pair_free(p);
}

static bool
lose_some(struct pair *p, int from, uint8_t *octets, size_t n)
{
	(void)from, (void)octets, (void)n;
	p->counter = p->counter * 1103515245 + 12345;
	return (p->counter >> 16) % 100 >= *(unsigned *)p->user;
}

static void
with_loss(void **state)
{
	struct pair *p = up(CONF(""));
	unsigned percent = 20, holes;

	(void)state;
	p->user = &percent;
	p->filter = lose_some;
	holes = black_holes(p, 7200 * 1000, 500);
	assert_int_equal(holes, 0);
	p->filter = NULL;
	pair_run(p, 200 * 1000);
	for (int i = 0; i < 2; i++)
		assert_true(pair_children(p, i) >= 1 && pair_children(p, i) <= 2);
	pair_free(p);
}

static void
soft_expire(struct pair *p, int side, bool hard)
{
	struct sadb_msg m = { .op = SADB_OP_EXPIRE, .has_sa = true, .hard = hard };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };

	for (unsigned i = 0; i < PAIR_SAS; i++)
		if (p->host[side].sa[i].used)
			m.sa = p->host[side].sa[i].sa;
	pair_event(p, side, &ev);
}

static void
database_expires(void **state)
{
	struct pair *p = up(CONF(""));

	(void)state;
	soft_expire(p, 1, false);
	soft_expire(p, 1, false); /* once for each direction */
	pair_run(p, 100);
	assert_int_equal(ike_count(p->host[1].e, IKE_N_REKEYED), 1);
	assert_int_equal(pair_children(p, 0), 2);
	one_of_each(p);
	soft_expire(p, 0, true);
	pair_run(p, 100);
	assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 0);
	pair_free(p);
}

static void
children_collide(void **state)
{
	struct pair *p = up(CONF(""));

	(void)state;
	soft_expire(p, 0, false);
	soft_expire(p, 1, false);
	assert_int_equal(black_holes(p, 40000, 100), 0);
	one_of_each(p);
	/* and from nothing: both have traffic at once, on one phase 1 and on none */
	pair_command(p, 0, IKE_CMD_FLUSH, false);
	pair_run(p, 100);
	pair_acquire(p, 0);
	pair_acquire(p, 1);
	pair_run(p, 1000);
	assert_int_equal(black_holes(p, 40000, 100), 0);
	one_of_each(p);
	pair_free(p);
}

static void
collide_with_loss(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 40; seed++) {
		struct pair *p = up(CONF(""));
		unsigned percent = 30;
		p->user = &percent;
		p->counter = seed * 7919;
		p->filter = lose_some;
		soft_expire(p, 0, false);
		soft_expire(p, 1, false);
		assert_int_equal(black_holes(p, 30000, 500), 0);
		p->filter = NULL;
		one_of_each(p);
		pair_free(p);
	}
}

static void
rekey_words(void **state)
{
	struct pair *p = up(CONF("rekey off;"));

	(void)state;
	pair_run(p, 595 * 1000);
	assert_false(pair_logged(p, 0, "renewing phase 1"));
	assert_false(pair_logged(p, 1, "renewing phase 1"));
	/* the next phase 2 needs a phase 1, and gets one */
	pair_run(p, 200 * 1000);
	assert_in_range(pair_children(p, 0), 1, 2); /* one may be in its grace time */
	pair_free(p);
	/* force: also when no phase 2 is there */
	p = pair_new(CONF("rekey force;"), NULL, CONF("rekey force;"), NULL);
	pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 3600 * 1000);
	assert_true(ike_count(p->host[0].e, IKE_N_PH1_UP) >= 6);
	assert_true(pair_up(p, 0) >= 1);
	pair_free(p);
	/* on: not without phase 2 */
	p = pair_new(CONF(""), NULL, CONF(""), NULL);
	pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 3600 * 1000);
	assert_int_equal(ike_count(p->host[0].e, IKE_N_PH1_UP), 1);
	assert_int_equal(ike_sa_count(p->host[0].e) + ike_sa_count(p->host[1].e), 0);
	assert_true(pair_logged(p, 1, "ISAKMP-SA expired 192.168.2.100[500]-192.168.1.100[500]"));
	pair_free(p);
}

/* What no policy protects any more is not renewed. */
static void
policy_gone(void **state)
{
	struct pair *p = up(CONF(""));

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sadb_msg m = { .op = SADB_OP_SPDFLUSH };
		struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };
		pair_event(p, i, &ev);
	}
	pair_run(p, 210 * 1000);
	assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 0);
	pair_free(p);
}

static bool
all_lost(struct pair *p, int from, uint8_t *octets, size_t n)
{
	(void)p, (void)from, (void)octets, (void)n;
	return false;
}

/* The peer is gone for good: nothing is left in the end, nothing spins. */
static void
peer_dies(void **state)
{
	struct pair *p = up(CONF(""));

	(void)state;
	p->filter = all_lost;
	pair_run(p, 3600 * 1000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ike_sa_count(p->host[i].e), 0);
		assert_int_equal(pair_sas(p, i), 0);
		assert_true(p->host[i].e->peers.count == 0);
		assert_true(p->host[i].sent < 200);
		assert_int_equal(ike_deadline(p->host[i].e).ms, INSTANT_NEVER.ms);
	}
	pair_free(p);
}

static void
configuration_changes(void **state)
{
	struct pair *p = up(CONF(""));
	struct rc_options o = { .cry = p->cry, .hash_key = { 1, 2 } };
	struct stmt_errors errors = { 0 };
	struct rc_config *c = NULL;
	struct ike_event ev = { .type = IKE_EV_CONFIG };

	(void)state;
	assert_int_equal(rc_load_text("new", "remote 10.0.0.1 { exchange_mode main; proposal {"
					     " encryption_algorithm aes; hash_algorithm sha1;"
					     " authentication_method pre_shared_key;"
					     " dh_group 2; } }",
				 "10.0.0.1 x\n", &o, &c, &errors),
		ST_NORMAL);
	stmt_errors_free(&errors);
	/* the same again: nothing happens; without the peer: it goes, and is told */
	ev.config = p->host[0].config;
	pair_event(p, 0, &ev);
	assert_int_equal(pair_up(p, 0), 1);
	ev.config = c;
	pair_event(p, 0, &ev);
	assert_int_equal(pair_up(p, 0), 0);
	pair_run(p, 100);
	assert_int_equal(pair_up(p, 1), 0);
	rc_free(p->host[0].config);
	p->host[0].config = c;
	pair_run(p, 1000);
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_gap),
		cmocka_unit_test(with_loss),
		cmocka_unit_test(database_expires),
		cmocka_unit_test(children_collide),
		cmocka_unit_test(collide_with_loss),
		cmocka_unit_test(rekey_words),
		cmocka_unit_test(policy_gone),
		cmocka_unit_test(peer_dies),
		cmocka_unit_test(configuration_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
