/* test_eng_lifetime.c - limits of SAs, ACQUIRE and the packets that wait for it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/eng_host.h"

static struct eng_host *h;

static int
set_up(void **state)
{
	(void)state;
	h = eng_host_new();
	return h == NULL || h->e == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	eng_host_free(h);
	return 0;
}

static void
call(struct sadb_msg m)
{
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
}

static void
key_manager(void)
{
	call((struct sadb_msg){ .op = SADB_OP_REGISTER });
	eng_host_pull(h);
	eng_host_clear(h);
}

static struct sadb_msg
esp(uint32_t spi)
{
	return eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, spi, "192.0.2.1", "192.0.2.2", "aes-cbc",
		"hmac-sha1");
}

static struct sadb_msg
policy(const char *rule1, const char *rule2)
{
	return eng_host_policy(SADB_OP_SPDADD, SP_OUT, "172.16.1.0/24", "172.16.2.0/24", SP_IPSEC,
		rule1, rule2);
}

static const char *const tunnel_rule = "esp/tunnel/192.0.2.1-192.0.2.2/require";

static enum eng_verdict
out(size_t n)
{
	enum eng_verdict v;

	eng_host_packet(h, "172.16.1.5", "172.16.2.9", n);
	v = eng_output(h->e, h->now, &h->p);
	eng_host_pull(h);
	return v;
}

/* A released packet, or 0. */
static size_t
release(void)
{
	eng_host_put(h, NULL, 0);
	return eng_release(h->e, h->now, &h->p) ? h->p.len : 0;
}

static uint64_t
count(enum eng_count which)
{
	return eng_count(h->e, which);
}

/* ---------------------------------------------------------------------------------- limits --- */

static void
soft_then_hard(void **state)
{
	struct sadb_msg m = esp(0x1000);

	(void)state;
	key_manager();
	m.sa.soft.add_s = 8;
	m.sa.hard.add_s = 10;
	call(m);
	assert_int_equal(eng_deadline(h->e).ms, h->now.ms + 8000);
	eng_host_clear(h);
	eng_host_after(h, 7999);
	assert_int_equal(h->events, 0);
	eng_host_after(h, 1);
	assert_int_equal(h->events, 1);
	assert_int_equal(h->event[0].op, SADB_OP_EXPIRE);
	assert_false(h->event[0].hard);
	assert_int_equal(h->event[0].sa.spi, 0x1000);
	assert_int_equal(h->event[0].sa.state, SA_DYING);
	assert_int_equal(h->event[0].sa.encr_key.octets, 0);
	assert_int_equal(h->event[0].pid, 0);
	eng_host_after(h, 2000);
	assert_int_equal(h->events, 2);
	assert_true(h->event[1].hard);
	assert_int_equal(h->event[1].sa.state, SA_DEAD);
	assert_int_equal(eng_sa_count(h->e), 0);
	assert_int_equal(eng_deadline(h->e).ms, INSTANT_NEVER.ms);
}

static void
since_first_use(void **state)
{
	struct sadb_msg m = esp(0x1000), answer;

	(void)state;
	key_manager();
	m.sa.soft.use_s = 5;
	m.sa.hard.use_s = 6;
	call(m);
	call(policy(tunnel_rule, NULL));
	assert_int_equal(eng_deadline(h->e).ms, INSTANT_NEVER.ms);
	eng_host_after(h, 100000);
	assert_int_equal(out(100), ENG_SEND);
	m.op = SADB_OP_GET;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_int_equal(answer.sa.current.use_s, answer.sa.current.add_s + 100);
	assert_int_equal(answer.sa.current.bytes, 100);
	assert_int_equal(answer.sa.current.allocations, 1);
	assert_int_equal(answer.sa.seq, 1);
	eng_host_clear(h);
	eng_host_after(h, 5000);
	assert_int_equal(h->events, 1);
	assert_int_equal(out(100), ENG_SEND); /* dying still works */
	eng_host_after(h, 1000);
	assert_int_equal(h->events, 2);
	assert_int_equal(eng_sa_count(h->e), 0);
}

static void
by_octets_and_packets(void **state)
{
	struct sadb_msg m = esp(0x1000);

	(void)state;
	key_manager();
	m.sa.soft.bytes = 150;
	m.sa.hard.bytes = 300;
	call(m);
	call(policy(tunnel_rule, NULL));
	eng_host_clear(h);
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(h->events, 0);
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(h->events, 1);
	assert_false(h->event[0].hard);
	assert_int_equal(h->event[0].sa.current.bytes, 200);
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(h->events, 2);
	assert_true(h->event[1].hard);
	assert_int_equal(eng_sa_count(h->e), 0);
	m = esp(0x1001);
	m.sa.hard.allocations = 2;
	call(m);
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(eng_sa_count(h->e), 1);
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(eng_sa_count(h->e), 0);
}

/* A timer that comes late does not keep an SA alive. */
static void
late_timer(void **state)
{
	struct sadb_msg m = esp(0x1000);

	(void)state;
	m.sa.hard.add_s = 10;
	call(m);
	call(policy(tunnel_rule, NULL));
	h->now = instant_add(h->now, 10000);
	assert_int_equal(out(100), ENG_DROP);
	assert_int_equal(count(ENG_N_EXPIRED), 1);
	assert_int_equal(count(ENG_N_NO_SA), 1);
}

static void
both_of_a_bundle_end(void **state)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_AH, SA_TRANSPORT, 0x2000, "192.0.2.1",
		"192.0.2.2", NULL, "hmac-sha1");

	(void)state;
	m.sa.hard.allocations = 1;
	call(m);
	m = esp(0x1000);
	m.sa.hard.allocations = 1;
	call(m);
	call(policy(tunnel_rule, "ah/transport//require"));
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(eng_sa_count(h->e), 0);
	/* One SA twice in a bundle ends once. */
	call(m);
	m = policy(tunnel_rule, "esp/transport//require");
	m.op = SADB_OP_SPDUPDATE;
	call(m);
	m = eng_host_sa(SADB_OP_FLUSH, SA_NONE, SA_MODE_ANY, 0, "1.1.1.1", "2.2.2.2", NULL, NULL);
	call(m);
	m = esp(0x1000);
	m.sa.mode = SA_MODE_ANY;
	m.sa.hard.allocations = 2;
	call(m);
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(eng_sa_count(h->e), 0);
}

static void
sequence_numbers_end(void **state)
{
	struct sadb_msg m = esp(0x1000);
	struct net_addr dst = eng_host_addr("192.0.2.2");
	struct eng_sa *sa;

	(void)state;
	key_manager();
	call(m);
	call(policy(tunnel_rule, NULL));
	sa = eng_sa_find(h->e, &dst, SA_ESP, 0x1000);
	assert_non_null(sa);
	sa->seq = ENG_SEQ_SOFT - 2;
	eng_host_clear(h);
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(h->events, 0);
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(h->events, 1); /* time to make a new one */
	sa->seq = UINT32_MAX - 1;
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(out(100), ENG_DROP);
	assert_int_equal(count(ENG_N_SEQ_OVERFLOW), 1);
	/* Manual keys may go round; 0 is left out. */
	sa->flags = SA_F_CYCSEQ;
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(get_u32(eng_host_ip(h) + 24), 1);
}

/* Ten thousand SAs that end at once: not all in one call. */
static void
many_at_once(void **state)
{
	unsigned calls = 0;

	(void)state;
	for (uint32_t i = 1; i <= 10000; i++) {
		struct sadb_msg m = esp(i);

		m.sa.hard.add_s = 10;
		call(m);
	}
	h->now = instant_add(h->now, 10000);
	while (instant_reached(eng_deadline(h->e), h->now)) {
		eng_timer(h->e, h->now, h->today);
		calls++;
	}
	assert_int_equal(eng_sa_count(h->e), 0);
	assert_int_equal(calls, (10000 + ENG_EXPIRE_BATCH - 1) / ENG_EXPIRE_BATCH);
}

/* ------------------------------------------------------------------------ acquire and hold --- */

static void
acquire_hold_release(void **state)
{
	(void)state;
	key_manager();
	call(policy(tunnel_rule, NULL));
	eng_host_clear(h);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(out(100 + i), ENG_HELD);
	/* Asked once. */
	assert_int_equal(h->events, 1);
	assert_int_equal(h->event[0].op, SADB_OP_ACQUIRE);
	assert_int_equal(h->event[0].pid, 0);
	assert_int_not_equal(h->event[0].seq, 0);
	assert_int_equal(h->event[0].sa.proto, SA_ESP);
	assert_int_equal(h->event[0].sa.mode, SA_TUNNEL);
	assert_int_equal(net_ipv4_value(&h->event[0].sa.dst.addr), 0xc0000202);
	assert_true(h->event[0].has_sp);
	assert_int_equal(h->event[0].sp.dir, SP_OUT);
	assert_int_equal(h->event[0].sp.rules, 1);
	assert_int_equal(count(ENG_N_ACQUIRE), 1);
	assert_int_equal(count(ENG_N_HELD), 3);
	assert_int_equal(release(), 0);
	/* The other direction's SA does not help. */
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, 0x99, "192.0.2.2",
		"192.0.2.1", "aes-cbc", "hmac-sha1");
	call(m);
	assert_int_equal(release(), 0);
	call(esp(0x1000));
	for (size_t i = 0; i < 3; i++) {
		size_t n = release();

		assert_true(n > 100 + i);
		assert_int_equal(get_u32(eng_host_ip(h) + 20), 0x1000);
		assert_int_equal(get_u32(eng_host_ip(h) + 24), i + 1); /* in order */
	}
	assert_int_equal(release(), 0);
	assert_int_equal(h->e->acquire_count, 0);
	assert_int_equal(h->e->held, 0);
	assert_int_equal(h->e->held_octets, 0);
}

static void
nobody_to_ask(void **state)
{
	(void)state;
	call(policy(tunnel_rule, NULL));
	assert_int_equal(out(100), ENG_DROP);
	assert_int_equal(count(ENG_N_NO_SA), 1);
	assert_int_equal(count(ENG_N_ACQUIRE), 0);
	/* As soon as somebody registers the next packet asks. */
	key_manager();
	assert_int_equal(out(100), ENG_HELD);
	assert_int_equal(h->events, 1);
}

static void
asked_again(void **state)
{
	(void)state;
	key_manager();
	call(policy(tunnel_rule, NULL));
	assert_int_equal(out(100), ENG_HELD);
	eng_host_after(h, (ENG_ACQUIRE_S - 1) * 1000);
	assert_int_equal(out(100), ENG_HELD);
	assert_int_equal(count(ENG_N_ACQUIRE), 1);
	eng_host_after(h, 1000);
	assert_int_equal(h->e->held, 0); /* too old */
	assert_int_equal(count(ENG_N_NO_SA), 2);
	assert_int_equal(out(100), ENG_HELD);
	assert_int_equal(count(ENG_N_ACQUIRE), 2);
	/* A key manager that starts now hears of it at once. */
	eng_host_clear(h);
	eng_control(h->e, h->now, h->today, 2, &(struct sadb_msg){ .op = SADB_OP_REGISTER });
	eng_host_pull(h);
	assert_int_equal(h->events, 2);
	assert_int_equal(h->event[0].op, SADB_OP_ACQUIRE);
	/* It gives up: what waits is dropped, and it is not asked again too soon. */
	call((struct sadb_msg){ .op = SADB_OP_ACQUIRE, .seq = h->event[0].seq,
		.error = ETIMEDOUT });
	assert_int_equal(h->e->held, 0);
	assert_int_equal(out(100), ENG_HELD);
	assert_int_equal(count(ENG_N_ACQUIRE), 2);
	/* Only the kernel asks. */
	struct sadb_msg m = { .op = SADB_OP_ACQUIRE };
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
}

static void
queues_are_bounded(void **state)
{
	(void)state;
	key_manager();
	call(policy(tunnel_rule, NULL));
	for (unsigned i = 0; i < ENG_HELD_PER_POLICY; i++)
		assert_int_equal(out(100), ENG_HELD);
	assert_int_equal(out(100), ENG_DROP);
	assert_int_equal(count(ENG_N_QUEUE_FULL), 1);
	/* Over many destinations in transport mode. */
	call(eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/8", "10.0.0.0/8", SP_IPSEC,
		"esp/transport//require", NULL));
	for (unsigned i = 0; i < ENG_HELD_MAX; i++) {
		eng_host_packet(h, "10.0.0.1", "10.1.0.0", 60);
		patch_u32(eng_host_ip(h) + 16, 0x0a010000 + i);
		(void)eng_output(h->e, h->now, &h->p);
		eng_host_pull(h);
	}
	assert_int_equal(h->e->held, ENG_HELD_MAX);
	assert_int_equal(count(ENG_N_QUEUE_FULL), 1 + ENG_HELD_PER_POLICY);
	/* The policy goes, and with it what waits. */
	call((struct sadb_msg){ .op = SADB_OP_SPDFLUSH });
	assert_int_equal(h->e->held, 0);
	assert_int_equal(h->e->acquire_count, 0);
	assert_int_equal(eng_deadline(h->e).ms, INSTANT_NEVER.ms);
}

static void
octets_are_bounded(void **state)
{
	unsigned held = 0;

	(void)state;
	key_manager();
	call(eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/8", "10.0.0.0/8", SP_IPSEC,
		"esp/transport//require", NULL));
	for (unsigned i = 0; i < 1000; i++) {
		eng_host_packet(h, "10.0.0.1", "10.1.0.0", 60000);
		patch_u32(eng_host_ip(h) + 16, 0x0a010000 + i);
		held += eng_output(h->e, h->now, &h->p) == ENG_HELD ? 1 : 0;
		eng_host_pull(h);
	}
	assert_int_equal(held, ENG_HELD_OCTETS / 60000);
}

static void
level_use(void **state)
{
	(void)state;
	call(policy("esp/tunnel/192.0.2.1-192.0.2.2/use", NULL));
	assert_int_equal(out(100), ENG_CLEAR);
	key_manager();
	/* In clear, but asked for. */
	assert_int_equal(out(100), ENG_CLEAR);
	assert_int_equal(out(100), ENG_CLEAR);
	assert_int_equal(count(ENG_N_ACQUIRE), 1);
	assert_int_equal(count(ENG_N_CLEAR_OUT), 3);
	call(esp(0x1000));
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(h->e->acquire_count, 0);
	assert_int_equal(release(), 0);
}

/* ESP comes first, AH later: the packet goes when both are there; one question for both. */
static void
bundle_is_awaited(void **state)
{
	(void)state;
	key_manager();
	call(policy(tunnel_rule, "ah/transport//require"));
	assert_int_equal(out(100), ENG_HELD);
	assert_int_equal(out(101), ENG_HELD);
	call(esp(0x1000));
	assert_int_equal(release(), 0);
	assert_int_equal(out(102), ENG_HELD);
	assert_int_equal(count(ENG_N_ACQUIRE), 1);
	call(eng_host_sa(SADB_OP_ADD, SA_AH, SA_TRANSPORT, 0x2000, "192.0.2.1", "192.0.2.2", NULL,
		"hmac-sha1"));
	assert_int_not_equal(release(), 0);
	assert_int_not_equal(release(), 0);
	assert_int_not_equal(release(), 0);
	assert_int_equal(release(), 0);
	assert_int_equal(h->e->acquire_count, 0);
}

/* GETSPI and UPDATE, as a key daemon does it. */
static void
update_releases(void **state)
{
	struct sadb_msg m = esp(0), answer;

	(void)state;
	key_manager();
	call(policy(tunnel_rule, NULL));
	assert_int_equal(out(100), ENG_HELD);
	m.op = SADB_OP_GETSPI;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_int_equal(release(), 0);
	m = esp(answer.sa.spi);
	m.op = SADB_OP_UPDATE;
	call(m);
	assert_int_not_equal(release(), 0);
}

/* Rekeying: the new SA is used at once, the old one still understood. */
static void
rekey_without_loss(void **state)
{
	struct eng_host *peer = eng_host_new();
	struct sadb_msg m;
	uint8_t old[300];
	size_t n;

	(void)state;
	assert_non_null(peer);
	call(policy(tunnel_rule, NULL));
	m = policy(tunnel_rule, NULL);
	m.sp.dir = SP_IN;
	assert_int_equal(eng_host_call(peer, &m, NULL), 0);
	for (uint32_t spi = 0x1000; spi < 0x1002; spi++) {
		m = esp(spi);
		assert_int_equal(eng_host_call(peer, &m, NULL), 0);
	}
	call(esp(0x1000));
	assert_int_equal(out(100), ENG_SEND);
	n = h->p.len;
	memcpy(old, eng_host_ip(h), n);
	call(esp(0x1001));
	assert_int_equal(out(100), ENG_SEND);
	assert_int_equal(get_u32(eng_host_ip(h) + 20), 0x1001);
	eng_host_put(peer, eng_host_ip(h), h->p.len);
	assert_int_equal(eng_input(peer->e, peer->now, &peer->p), ENG_DELIVER);
	eng_host_put(peer, old, n);
	assert_int_equal(eng_input(peer->e, peer->now, &peer->p), ENG_DELIVER);
	eng_host_free(peer);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(soft_then_hard), T(since_first_use), T(by_octets_and_packets), T(late_timer),
		T(both_of_a_bundle_end), T(sequence_numbers_end), T(many_at_once),
		T(acquire_hold_release), T(nobody_to_ask), T(asked_again), T(queues_are_bounded),
		T(octets_are_bounded), T(level_use), T(bundle_is_awaited), T(update_releases),
		T(rekey_without_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
