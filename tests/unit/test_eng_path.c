/*
 * test_eng_path.c - where packets of the engine go and come from: the MTU of the path, asked of the
 * host; the peer behind a NAT that changes its port.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/eng_host.h"

static struct eng_host *a, *b; /* the two ends; what a sends b receives */

static int
set_up(void **state)
{
	(void)state;
	a = eng_host_new();
	b = eng_host_new();
	return a == NULL || b == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	eng_host_free(a);
	eng_host_free(b);
	return 0;
}

static void
tunnel(bool natt)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, 0x1000, "192.0.2.1",
		"192.0.2.2", "aes-cbc", "hmac-sha1");

	m.sa.natt = natt;
	m.sa.replay = 64;
	assert_int_equal(eng_host_call(a, &m, NULL), 0);
	assert_int_equal(eng_host_call(b, &m, NULL), 0);
	m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "172.16.1.0/24", "172.16.2.0/24", SP_IPSEC,
		"esp/tunnel/192.0.2.1-192.0.2.2/require", NULL);
	assert_int_equal(eng_host_call(a, &m, NULL), 0);
	m.sp.dir = SP_IN;
	assert_int_equal(eng_host_call(b, &m, NULL), 0);
}

static void
packet(size_t n, bool df)
{
	eng_host_packet(a, "172.16.1.5", "172.16.2.9", n);
	eng_host_ip(a)[6] = df ? 0x40 : 0;
	eng_ip_finish(eng_host_ip(a), n);
}

static enum eng_verdict
out(void)
{
	return eng_output(a->e, a->now, &a->p);
}

static enum eng_verdict
in(void)
{
	eng_host_put(b, eng_host_ip(a), a->p.len);
	return eng_input(b->e, b->now, &b->p);
}

struct asked {
	unsigned times;
	struct net_addr dst;
	uint32_t answer;
};

static uint32_t
path_of(void *user, const struct net_addr *dst)
{
	struct asked *q = user;

	q->times++;
	q->dst = *dst;
	return q->answer;
}

/* The path is that to where the outermost header leads, and nobody asks without need. */
static void
asked_mtu(void **state)
{
	struct net_addr gateway = eng_host_addr("192.0.2.2");
	struct asked q = { .answer = 600 };

	(void)state;
	tunnel(false);
	eng_set_paths(a->e, path_of, &q);
	packet(1000, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(q.times, 0); /* it may be fragmented */
	packet(1000, true);
	assert_int_equal(out(), ENG_REPLY);
	assert_int_equal(q.times, 1);
	assert_true(net_addr_equal(&q.dst, &gateway));
	packet(1000, true);
	a->p.mtu = 1500;
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(q.times, 1); /* it is known */
	q.answer = 0; /* no route: nothing is known */
	packet(1000, true);
	assert_int_equal(out(), ENG_SEND);
	eng_set_paths(a->e, NULL, NULL);
	packet(1000, true);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(q.times, 2);
}

/* RFC 3948 4: who may let the SAs follow a NAT's new port is told, once a second, of what is
 * authentic and new. */
static void
nat_mapping(void **state)
{
	struct sadb_msg m = { .op = SADB_OP_MAPPING }, hear;

	(void)state;
	tunnel(true);
	memset(&hear, 0, sizeof(hear));
	hear.op = SADB_OP_REGISTER;
	assert_int_equal(eng_host_call(b, &hear, NULL), 0);
	for (unsigned i = 0; i < 7; i++) {
		static const struct { uint16_t port; int64_t after; bool forged, told; } step[] = {
			{ 4500, 0, false, false }, { 61234, 0, true, false },
			{ 61234, 0, false, true }, { 61234, 500, false, false },
			{ 61234, 600, false, true }, { 4500, 2000, false, false },
			{ 61235, 0, false, true } };
		struct sadb_msg *got = &b->event[0];

		eng_host_clear(b);
		eng_host_after(b, step[i].after);
		packet(100 + i, false);
		assert_int_equal(out(), ENG_SEND);
		patch_u16(eng_host_ip(a) + 20, step[i].port);
		if (step[i].forged)
			eng_host_ip(a)[60] ^= 1;
		assert_int_equal(in(), step[i].forged ? ENG_DROP : ENG_DELIVER);
		eng_host_pull(b);
		assert_int_equal(b->events, step[i].told);
		if (!step[i].told)
			continue;
		assert_int_equal(got->op, SADB_OP_MAPPING);
		assert_int_equal(got->sa.spi, 0x1000);
		assert_int_equal(got->sa.src.port, 4500);
		assert_int_equal(got->mapped.port, step[i].port);
		assert_true(net_addr_equal(&got->mapped.addr, &got->sa.src.addr));
		assert_int_equal(got->sa.encr_key.octets, 0);
	}
	/* Ours to send. */
	assert_int_equal(eng_host_call(b, &m, NULL), EINVAL);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(asked_mtu), T(nat_mapping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
