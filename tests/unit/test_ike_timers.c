/*
 * test_ike_timers.c - SHOW SCHEDULE's source: every timer the engine has set is told, as what it is
 * and for whom.
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

#define CONF(who, statements)                                                                      \
	"timer { counter 2; interval 5 sec; phase1 30 sec; phase2 20 sec; natt_keepalive 10 sec;"  \
	" }\n"                                                                                     \
	"remote " who " { exchange_mode main; lifetime time 90 sec; ike_frag on; " statements      \
	" proposal { encryption_algorithm aes; hash_algorithm sha256;\n"                           \
	"  authentication_method pre_shared_key; dh_group 2; } }\n"                                \
	"sainfo anonymous { lifetime time 60 sec; encryption_algorithm aes;"                       \
	" authentication_algorithm hmac_sha1; compression_algorithm deflate; }\n"
#define DPD "nat_traversal on; dpd_delay 7; dpd_retry 2; dpd_maxfail 2; "
#define NAT "203.0.113.7"

enum { ROWS = 256 };

static struct ike_timer_view row[ROWS];
static size_t rows;

static void
look(const struct pair *p, int side)
{
	struct ike_timer_walk walk = { 0 };

	for (rows = 0; ike_show_timer(p->host[side].e, &walk, &row[rows]); rows++)
		assert_in_range(rows, 0, ROWS - 2);
}

/* The one of that event; NULL: there is none. */
static const struct ike_timer_view *
find(const char *event)
{
	for (size_t i = 0; i < rows; i++)
		if (strcmp(row[i].event, event) == 0)
			return &row[i];
	return NULL;
}

static void
says(const struct pair *p, int side, const char *event, int64_t least_ms, int64_t most_ms)
{
	const struct ike_timer_view *v;

	look(p, side);
	v = find(event);
	if (v == NULL)
		fail_msg("host %c: nothing says \"%s\"", 'A' + side, event);
	assert_in_range(v->when.ms - p->now.ms, least_ms, most_ms);
}

/* One that does nothing when it fires: what it stands for is another one's turn now. */
static bool
is_idle(const struct ike *e, const struct heap_node *n)
{
	LIST_FOREACH(at, &e->sas)
	{
		const struct ike_sa *sa = container_of(at, struct ike_sa, in_all);
		if (sa->retiring && n == &sa->dpd.timer.node)
			return true;
	}
	LIST_FOREACH(at, &e->children)
	{
		const struct ike_child *c = container_of(at, struct ike_child, in_all);
		if (c->retiring && n == &c->life.node)
			return true;
	}
	return false;
}

static void
all_are_told(const struct pair *p)
{
	for (int side = 0; side < 2; side++) {
		const struct ike *e = p->host[side].e;
		look(p, side);
		for (size_t i = 0; i < e->timers.count; i++) {
			const struct heap_node *n = e->timers.node[i];
			size_t k = 0;
			while (k < rows && row[k].when.ms != n->when.ms)
				k++;
			if (k == rows && !is_idle(e, n))
				fail_msg("host %c: a timer that fires in %lld ms is not told",
					'A' + side, (long long)(n->when.ms - p->now.ms));
		}
		for (size_t k = 0; k < rows; k++) {
			assert_true(row[k].when.ms >= p->now.ms);
			assert_true(row[k].serial == 0 || row[k].remote.addr.family == 4);
		}
	}
}

static void
run(struct pair *p, int64_t ms)
{
	for (int64_t t = 0; t < ms; t += 250) {
		pair_run(p, 250);
		all_are_told(p);
	}
}

static bool silent;

static bool
silence(struct pair *p, int from, uint8_t *octets, size_t n)
{
	(void)p, (void)from, (void)octets, (void)n;
	return !silent;
}

static struct pair *
behind_nat(void)
{
	struct sadb_msg flush = { .op = SADB_OP_SPDFLUSH };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &flush };
	struct pair *p = pair_new(CONF("%s", DPD), "secret",
		CONF("anonymous", DPD "generate_policy on;"), "secret\n" NAT " secret");

	silent = false;
	p->filter = silence;
	assert_true(net_addr_parse(NAT, &p->nat));
	p->nat_shift = 20000;
	pair_natt(p);
	pair_policies(p, "esp/tunnel", NULL);
	pair_event(p, 1, &ev);
	pair_acquire(p, 0);
	return p;
}

static void
of_a_tunnel(void **state)
{
	struct pair *p = behind_nat();
	struct ike_sa_view sa;
	struct ike_child_view child;
	uint64_t cursor = 0, at = 0;

	(void)state;
	run(p, 1000);
	assert_true(ike_show_sa(p->host[0].e, &cursor, &sa));
	assert_true(ike_show_child(p->host[0].e, &at, &child));
	says(p, 0, "ISAKMP SA expires", 89000, 90000);
	assert_int_equal(find("ISAKMP SA expires")->serial, sa.serial);
	assert_int_equal(find("ISAKMP SA expires")->created.ms, sa.created.ms);
	says(p, 0, "ISAKMP SA is renewed", 60000, 75000);
	says(p, 0, "IPsec SA expires", 59000, 60000);
	assert_int_equal(find("IPsec SA expires")->serial, child.serial);
	says(p, 0, "IPsec SA is renewed", 40000, 50000);
	assert_int_equal(find("IPsec SA is renewed")->serial, child.serial);
	says(p, 0, "DPD: the peer is asked", 6000, 7000);
	assert_int_equal(find("DPD: the peer is asked")->serial, sa.serial);
	says(p, 0, "NAT keepalive", 9000, 10000);
	assert_true(net_endpoint_equal(&find("NAT keepalive")->remote, &sa.remote));
	says(p, 1, "DPD: the peer is asked", 6000, 7000);
	assert_null(find("NAT keepalive")); /* it is not behind one */
	silent = true;
	pair_run(p, 7000);
	says(p, 0, "DPD: the peer is asked again", 1, 2000);
	pair_run(p, 2000);
	says(p, 0, "DPD: the peer is taken for dead", 1, 2000);
	pair_run(p, 2000);
	assert_int_equal(pair_up(p, 0), 0);
	all_are_told(p);
	pair_free(p);
}

/* Nothing is set that is not told, through renewals, losses and the end. */
static void
of_a_life(void **state)
{
	struct pair *p = behind_nat();

	(void)state;
	p->copy_after = 300;
	run(p, 200000);
	assert_true(ike_count(p->host[0].e, IKE_N_REKEYED) >= 4);
	silent = true;
	run(p, 60000);
	silent = false;
	pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	run(p, 3000);
	assert_int_equal(pair_up(p, 0), 1);
	pair_command(p, 0, IKE_CMD_FLUSH, false);
	says(p, 0, "Delete is sent again", 1, IKE_DELETE_AGAIN_MS);
	run(p, 60000);
	look(p, 0);
	assert_int_equal(rows, 0);
	assert_int_equal(p->host[0].e->timers.count, 0);
	pair_free(p);
}

static void
of_negotiations(void **state)
{
	struct pair *p = pair_new(CONF("%s", ""), NULL, CONF("%s", ""), NULL);

	(void)state;
	p->filter = silence;
	silent = true;
	pair_policies(p, "esp/tunnel", NULL);
	pair_acquire(p, 0);
	pair_run(p, 100);
	says(p, 0, "phase 1 negotiation is given up", 29000, 30000);
	says(p, 0, "message is sent again, or given up", 4000, 5000);
	says(p, 0, "waiting for phase 1 is given up", 29000, 30000);
	assert_int_equal(find("waiting for phase 1 is given up")->serial, 1);
	assert_int_equal(find("phase 1 negotiation is given up")->serial, 2);
	all_are_told(p);
	pair_free(p);
}

/* A part of a first message: nobody's SA. */
static void
of_fragments(void **state)
{
	static const uint8_t part[] = { 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0,
		132, 0x10, 2, 0, 0, 0, 0, 0, 0, 0, 0, 40, /* the rest of the header */
		0, 0, 0, 12, 0, 1, 1, 0, 9, 9, 9, 9 };
	struct pair *p = pair_new(CONF("%s", ""), NULL, CONF("%s", ""), NULL);

	(void)state;
	pair_datagram(p, 1, &p->host[0].local, bytes_of(part, sizeof(part)));
	says(p, 1, "fragments of a first message are forgotten", 1, 10000);
	assert_int_equal(find("fragments of a first message are forgotten")->serial, 0);
	assert_int_equal(rows, 1);
	all_are_told(p);
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_tunnel),
		cmocka_unit_test(of_a_life),
		cmocka_unit_test(of_negotiations),
		cmocka_unit_test(of_fragments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
