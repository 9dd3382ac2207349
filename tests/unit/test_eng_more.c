/*
 * test_eng_more.c - the engine's rarer ways: IPComp, extended sequence numbers, NAT traversal with
 * its markers and checksums, pieces before ESP, the old ESP and AH, other keys and other end points
 * for SAs that live.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/eng_host.h"

static const char tunnel_rule[] = "esp/tunnel/192.0.2.1-192.0.2.2/require";
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
call(struct sadb_msg m)
{
	assert_int_equal(eng_host_call(a, &m, NULL), 0);
	assert_int_equal(eng_host_call(b, &m, NULL), 0);
}

static struct sadb_msg
sa(enum sa_proto proto, enum sa_mode mode, uint32_t spi, const char *encr, const char *auth)
{
	return eng_host_sa(SADB_OP_ADD, proto, mode, spi, "192.0.2.1", "192.0.2.2", encr, auth);
}

static struct sadb_msg
comp_sa(enum sa_mode mode, uint32_t cpi)
{
	struct sadb_msg m = sa(SA_IPCOMP, mode, cpi, NULL, NULL);

	m.sa.comp = alg_by_name(ALG_COMP, "deflate");
	return m;
}

static void
policy(const char *src, const char *dst, const char *rule1, const char *rule2)
{
	struct sadb_msg m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, src, dst, SP_IPSEC, rule1,
		rule2);

	assert_int_equal(eng_host_call(a, &m, NULL), 0);
	m.sp.dir = SP_IN;
	assert_int_equal(eng_host_call(b, &m, NULL), 0);
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

static uint64_t
count(const struct eng_host *h, enum eng_count which)
{
	return eng_count(h->e, which);
}

/* Payload that does, or does not, get smaller; the packet as it was in `was`. */
static uint8_t was[HOST_ROOM];

static void
packet(const char *src, const char *dst, size_t n, bool noise)
{
	uint8_t *p;

	eng_host_packet(a, src, dst, n);
	p = eng_host_ip(a);
	for (size_t i = p[0] >> 4 == 6 ? 48 : 28; i < n; i++)
		p[i] = noise ? (uint8_t)eng_host_random(a) : (uint8_t)('a' + i % 7);
	memcpy(was, p, n);
}

static void
came_as_it_was(size_t n)
{
	assert_int_equal(b->p.len, n);
	assert_memory_equal(eng_host_ip(b), was, n);
}

static struct eng_sa *
sa_of(struct eng_host *h, enum sa_proto proto, uint32_t spi)
{
	struct net_addr dst = eng_host_addr("192.0.2.2");

	return eng_sa_find(h->e, &dst, (uint8_t)proto, spi);
}

/* ---------------------------------------------------------------------------------- IPComp --- */

static void
ipcomp_transport(void **state)
{
	(void)state;
	call(comp_sa(SA_TRANSPORT, 0x1234));
	call(sa(SA_ESP, SA_TRANSPORT, 0x1000, "aes-cbc", "hmac-sha1"));
	policy("192.0.2.1/32", "192.0.2.2/32", "ipcomp/transport//require",
		"esp/transport//require");
	packet("192.0.2.1", "192.0.2.2", 1000, false);
	assert_int_equal(out(), ENG_SEND);
	assert_true(a->p.len < 300);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(1000);
	assert_int_equal(count(a, ENG_N_COMPRESSED), 1);
	/* Too small, or noise: it goes without IPComp, which the rule lets pass (RFC 3173 2.2). */
	packet("192.0.2.1", "192.0.2.2", 60, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(60);
	packet("192.0.2.1", "192.0.2.2", 1000, true);
	assert_int_equal(out(), ENG_SEND);
	assert_true(a->p.len <= 1000 + 60);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(1000);
	assert_int_equal(count(a, ENG_N_NOT_COMPRESSED), 2);
	/* Not with ESP left out, though. */
	packet("192.0.2.1", "192.0.2.2", 1000, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(sa_of(b, SA_IPCOMP, 0x1234)->packets, 1);
}

/* IPComp and nothing else: what may not be compressed is bare. */
static void
ipcomp_on_the_wire(void **state)
{
	const uint8_t *h;

	(void)state;
	call(comp_sa(SA_TRANSPORT, 0x1234));
	policy("192.0.2.1/32", "192.0.2.2/32", "ipcomp/transport//use", NULL);
	packet("192.0.2.1", "192.0.2.2", 400, false);
	assert_int_equal(out(), ENG_SEND);
	h = eng_host_ip(a);
	assert_int_equal(h[9], 108);
	assert_int_equal(h[20], 17); /* next header, no flags, CPI */
	assert_int_equal(h[21], 0);
	assert_int_equal(get_u16(h + 22), 0x1234);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(400);
	packet("192.0.2.1", "192.0.2.2", 60, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(a->p.len, 60);
	assert_memory_equal(eng_host_ip(a), was, 60);
	/* KAME's well-known CPI 2 finds the SA between the two. */
	packet("192.0.2.1", "192.0.2.2", 400, false);
	assert_int_equal(out(), ENG_SEND);
	patch_u16(eng_host_ip(a) + 22, 2);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(400);
	patch_u16(eng_host_ip(a) + 22, 0x1235);
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_NO_SA), 1);
}

/* A tunnel: what does not get smaller is IP in IP, as Linux has it. */
static void
ipcomp_tunnel(void **state)
{
	(void)state;
	call(comp_sa(SA_TUNNEL, 0x1234));
	call(sa(SA_ESP, SA_TRANSPORT, 0x1000, "aes-gcm-16", NULL));
	policy("172.16.1.0/24", "172.16.2.0/24", "ipcomp/tunnel/192.0.2.1-192.0.2.2/require",
		"esp/transport//require");
	for (unsigned i = 0; i < 4; i++) {
		size_t n = i % 2 == 0 ? 900 : 50;

		packet("172.16.1.5", "172.16.2.9", n, false);
		assert_int_equal(out(), ENG_SEND);
		assert_int_equal(get_u32(eng_host_ip(a) + 12), 0xc0000201);
		assert_true(n == 50 || a->p.len < 400);
		assert_int_equal(in(), ENG_DELIVER);
		came_as_it_was(n);
	}
	/* The bare carrier is not what the policy wants; nor is one from elsewhere. */
	packet("172.16.1.5", "172.16.2.9", 50, false);
	memmove(eng_host_ip(a) + 20, was, 50);
	memcpy(eng_host_ip(a), was, 20);
	eng_host_ip(a)[9] = 4;
	memcpy(eng_host_ip(a) + 12, "\xc0\0\2\1\xc0\0\2\2", 8);
	a->p.len = 70;
	eng_ip_finish(eng_host_ip(a), 70);
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_POLICY_MISMATCH), 1);
	eng_host_ip(a)[15] = 7;
	eng_ip_finish(eng_host_ip(a), 70);
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_NOT_ESP), 1);
}

static void
ipcomp_v6(void **state)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_IPCOMP, SA_TRANSPORT, 0x1234, "2001:db8::1",
		"2001:db8::2", NULL, NULL);

	(void)state;
	m.sa.comp = alg_by_name(ALG_COMP, "deflate");
	call(m);
	policy("2001:db8::1/128", "2001:db8::2/128", "ipcomp/transport//use", NULL);
	packet("2001:db8::1", "2001:db8::2", 700, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(eng_host_ip(a)[6], 108);
	assert_true(a->p.len < 300);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(700);
}

/* A few octets that want to become a megabyte, a stream that is none, one that is cut off. */
static void
ipcomp_bombs(void **state)
{
	static uint8_t zeros[60000], small[4000];
	struct deflate *d = deflate_new();
	size_t n;

	(void)state;
	assert_non_null(d);
	call(comp_sa(SA_TRANSPORT, 0x1234));
	policy("192.0.2.1/32", "192.0.2.2/32", "ipcomp/transport//use", NULL);
	n = deflate_pack(d, bytes_of(zeros, sizeof(zeros)), small, sizeof(small));
	assert_true(n > 0 && n < 400);
	for (unsigned i = 0; i < 4; i++) {
		size_t total = 24 + n;
		uint8_t *p;

		eng_host_packet(a, "192.0.2.1", "192.0.2.2", total);
		p = eng_host_ip(a);
		p[9] = 108;
		p[20] = 17;
		p[21] = 0;
		patch_u16(p + 22, 0x1234);
		memcpy(p + 24, small, n);
		if (i == 1) /* cut off */
			total -= 3;
		else if (i == 2) /* no stream */
			memset(p + 24, 0xff, n);
		a->p.len = total;
		eng_ip_finish(p, total);
		eng_host_put(b, p, total);
		if (i == 3) /* more than the buffer of the host holds */
			b->p.room = b->p.head + total + 1000;
		assert_int_equal(eng_input(b->e, b->now, &b->p), i == 0 ? ENG_DELIVER : ENG_DROP);
	}
	assert_int_equal(count(b, ENG_N_BAD_COMP), 3);
	deflate_free(d);
}

/* After some packets that did not get smaller, others are passed by untried. */
static void
ipcomp_backs_off(void **state)
{
	struct eng_sa *s;
	unsigned passed = 0;

	(void)state;
	call(comp_sa(SA_TRANSPORT, 0x1234));
	policy("192.0.2.1/32", "192.0.2.2/32", "ipcomp/transport//use", NULL);
	s = sa_of(a, SA_IPCOMP, 0x1234);
	for (unsigned i = 0; i < 200; i++) {
		uint16_t before = s->comp_pass;

		packet("192.0.2.1", "192.0.2.2", 500, true);
		assert_int_equal(out(), ENG_SEND);
		assert_int_equal(a->p.len, 500);
		passed += before != 0;
	}
	assert_true(passed > 150);
	/* When it pays again, it is done again. */
	for (unsigned i = 0; i < 600; i++) {
		packet("192.0.2.1", "192.0.2.2", 500, false);
		assert_int_equal(out(), ENG_SEND);
	}
	assert_true(a->p.len < 200);
}

static void
ipcomp_getspi(void **state)
{
	struct sadb_msg m = comp_sa(SA_TRANSPORT, 0), answer;

	(void)state;
	m.op = SADB_OP_GETSPI;
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(eng_host_call(a, &m, &answer), 0);
		assert_true(answer.sa.spi >= 256 && answer.sa.spi <= 0xefff);
	}
	m.op = SADB_OP_UPDATE;
	m.sa.spi = answer.sa.spi;
	assert_int_equal(eng_host_call(a, &m, &answer), 0);
	assert_string_equal(answer.sa.comp->name, "deflate");
}

/* ------------------------------------------------------------------------------------- ESN --- */

static void
esn_with(enum sa_proto proto, const char *encr, const char *auth)
{
	struct sadb_msg m = sa(proto, SA_TRANSPORT, 0x1000, encr, auth);
	struct eng_sa *s;

	m.sa.flags = SA_F_ESN;
	m.sa.replay = 128;
	call(m);
	policy("192.0.2.1/32", "192.0.2.2/32",
		proto == SA_AH ? "ah/transport//require" : "esp/transport//require", NULL);
	s = sa_of(a, proto, 0x1000);
	s->seq = 0xfffffff0;
	for (unsigned i = 0; i < 40; i++) {
		packet("192.0.2.1", "192.0.2.2", 100, false);
		assert_int_equal(out(), ENG_SEND);
		assert_int_equal(in(), ENG_DELIVER);
		came_as_it_was(100);
		assert_int_equal(in(), ENG_DROP); /* a replay */
	}
	assert_true(s->seq == 0x100000018);
	assert_true(sa_of(b, proto, 0x1000)->window.top == 0x100000018);
	assert_int_equal(count(b, ENG_N_REPLAY), 40);
	/* The upper half is part of what the ICV covers: a packet of 2^32 ago has a wrong one. */
	s->seq = 0x18;
	packet("192.0.2.1", "192.0.2.2", 100, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(in(), ENG_DROP);
	s->seq = 0x40;
	packet("192.0.2.1", "192.0.2.2", 100, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_BAD_ICV), 2);
	s->seq = UINT64_MAX;
	packet("192.0.2.1", "192.0.2.2", 100, false);
	assert_int_equal(out(), ENG_DROP);
	assert_int_equal(count(a, ENG_N_SEQ_OVERFLOW), 1);
}

static void
esn_gcm(void **state)
{
	(void)state;
	esn_with(SA_ESP, "aes-gcm-16", NULL);
}

static void
esn_cbc(void **state)
{
	(void)state;
	esn_with(SA_ESP, "aes-cbc", "hmac-sha256");
}

static void
esn_ah(void **state)
{
	(void)state;
	esn_with(SA_AH, NULL, "hmac-sha1");
}

static void
esn_shown(void **state)
{
	struct sadb_msg m = sa(SA_ESP, SA_TRANSPORT, 0x1000, "aes-gcm-16", NULL), answer;

	(void)state;
	m.sa.flags = SA_F_ESN;
	call(m);
	sa_of(a, SA_ESP, 0x1000)->seq = 0x500000007;
	m.op = SADB_OP_GET;
	assert_int_equal(eng_host_call(a, &m, &answer), 0);
	assert_int_equal(answer.sa.seq, 7);
	assert_int_equal(answer.sa.seq_high, 5);
	assert_int_equal(answer.sa.flags, SA_F_ESN);
}

/* RFC 4303 A2.2, every corner. */
static void
esn_guesses(void **state)
{
	static const struct { uint64_t top; uint32_t size, low; uint64_t want; } rows[] = {
		{ 0, 32, 1, 1 }, { 0, 32, 0xffffffff, 0xffffffff }, { 100, 32, 69, 69 },
		{ 100, 32, 68, 0x100000044 }, { 0xffffffff, 32, 0, 0x100000000 },
		{ 0x100000005, 32, 0xfffffff0, 0xfffffff0 },
		{ 0x100000005, 32, 0xffffffe5, 0x1ffffffe5 }, /* one below the window */
		{ 0x100000005, 32, 6, 0x100000006 }, { 0x200000005, 4096, 0xfffff100, 0x1fffff100 },
		{ 0x10000001f, 32, 0, 0x100000000 }, { 0x10000001f, 32, 0xffffffff, 0x1ffffffff },
		{ 0x100000000, 1, 0, 0x100000000 }, { 0x100000000, 1, 1, 0x100000001 },
		{ 0x100000000, 0, 0xf0000000, 0xf0000000 }, { 0x180000000, 0, 5, 0x100000005 },
		{ 0x1f0000000, 0, 5, 0x200000005 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct eng_window w = { .size = rows[i].size, .top = rows[i].top };

		if (eng_window_guess(&w, rows[i].low) != rows[i].want)
			fail_msg("row %zu: %llx", i,
				(unsigned long long)eng_window_guess(&w, rows[i].low));
	}
}

/* --------------------------------------------------------------------------- both families --- */

static void
mixed_tunnels(void **state)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, 0x1000, "2001:db8::1",
		"2001:db8::2", "aes-gcm-16", NULL);

	(void)state;
	call(m);
	call(sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-gcm-16", NULL));
	policy("172.16.1.0/24", "172.16.2.0/24", "esp/tunnel/2001:db8::1-2001:db8::2/require",
		NULL);
	policy("fd01::/64", "fd02::/64", tunnel_rule, NULL);
	packet("172.16.1.5", "172.16.2.9", 100, false);
	eng_host_ip(a)[1] = was[1] = 0xba;
	eng_host_ip(a)[6] = was[6] = 0x40;
	eng_ip_finish(eng_host_ip(a), 100);
	eng_ip_finish(was, 100);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(get_u16(eng_host_ip(a)), 0x6ba0 & 0xfff0); /* the class is copied */
	assert_int_equal(eng_host_ip(a)[6], 50);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(100);
	packet("fd01::5", "fd02::9", 120, false);
	eng_host_ip(a)[0] = was[0] = 0x6b;
	eng_host_ip(a)[1] = was[1] = 0xa7;
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(eng_host_ip(a)[0], 0x45);
	assert_int_equal(eng_host_ip(a)[1], 0xba);
	assert_int_equal(eng_host_ip(a)[6] & 0x40, 0); /* its sender was told what fits */
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(120);
}

/* IPv6 is never fragmented on its way: its sender hears what fits through either tunnel. */
static void
packet_too_big(void **state)
{
	const uint8_t *h;
	uint32_t fits;

	(void)state;
	call(sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-cbc", "hmac-sha1"));
	policy("fd01::/64", "fd02::/64", tunnel_rule, NULL);
	packet("fd01::5", "fd02::9", 1480, false);
	a->p.mtu = 1500;
	assert_int_equal(out(), ENG_REPLY);
	h = eng_host_ip(a);
	assert_int_equal(h[6], 58);
	assert_int_equal(h[40], 2);
	assert_memory_equal(h + 8, was + 24, 16); /* from where it was going */
	assert_memory_equal(h + 24, was + 8, 16);
	assert_int_equal(eng_ip_sum((uint32_t)(a->p.len - 40) + 58 + eng_ip_sum(0, h + 8, 32),
		h + 40, a->p.len - 40), 0xffff);
	fits = get_u32(h + 44);
	packet("fd01::5", "fd02::9", fits, false);
	a->p.mtu = 1500;
	assert_int_equal(out(), ENG_SEND);
	assert_true(a->p.len <= 1500 && a->p.len > 1500 - 16);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(fits);
}

/* ---------------------------------------------------------------------------- NAT traversal --- */

static void
non_ike_marker(void **state)
{
	static const uint8_t zero[8];
	struct sadb_msg m = sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-cbc", "hmac-sha1"), answer;

	(void)state;
	m.sa.natt = m.sa.natt_non_ike = true;
	m.sa.src.port = m.sa.dst.port = 500;
	call(m);
	policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	packet("172.16.1.5", "172.16.2.9", 100, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(get_u16(eng_host_ip(a) + 20), 500);
	assert_memory_equal(eng_host_ip(a) + 28, zero, 8);
	assert_int_equal(get_u32(eng_host_ip(a) + 36), 0x1000);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(100);
	m.op = SADB_OP_GET;
	assert_int_equal(eng_host_call(a, &m, &answer), 0);
	assert_true(answer.sa.natt_non_ike);
	/* With it and without it are not the same. */
	m = sa(SA_ESP, SA_TUNNEL, 0x1001, "aes-cbc", "hmac-sha1");
	m.sa.natt = true;
	call(m);
	packet("172.16.1.5", "172.16.2.9", 100, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(get_u32(eng_host_ip(a) + 28), 0x1001);
	patch_u32(eng_host_ip(a) + 28, 0x1000);
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_NO_SA), 1);
}

static uint16_t
checksum(const uint8_t *p, size_t n)
{
	return (uint16_t)~eng_ip_sum((uint32_t)(n - 20) + p[9] + eng_ip_sum(0, p + 12, 8), p + 20,
		n - 20);
}

/* RFC 3948 3.1.2: behind a NAT the sender's checksum is over an address that nobody sees. */
static void
nat_checksum(void **state)
{
	struct sadb_msg m = sa(SA_ESP, SA_TRANSPORT, 0x1000, "aes-cbc", "hmac-sha1");
	uint8_t *p;

	(void)state;
	m.sa.natt = true;
	m.sa.natt_oa = eng_host_addr("10.0.0.1");
	assert_int_equal(eng_host_call(b, &m, NULL), 0);
	m.sa.src.addr = eng_host_addr("10.0.0.1");
	assert_int_equal(eng_host_call(a, &m, NULL), 0);
	m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.1/32", "192.0.2.2/32", SP_IPSEC,
		"esp/transport//require", NULL);
	assert_int_equal(eng_host_call(a, &m, NULL), 0);
	m = eng_host_policy(SADB_OP_SPDADD, SP_IN, "192.0.2.1/32", "192.0.2.2/32", SP_IPSEC,
		"esp/transport//require", NULL);
	assert_int_equal(eng_host_call(b, &m, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		size_t at = i == 1 ? 36 : 26;

		packet("10.0.0.1", "192.0.2.2", 100 + i, false);
		p = eng_host_ip(a);
		p[9] = i == 1 ? 6 : 17;
		patch_u16(p + at, 0);
		if (i != 2) /* UDP without a checksum stays so */
			patch_u16(p + at, checksum(p, 100 + i));
		eng_ip_finish(p, 100 + i);
		assert_int_equal(out(), ENG_SEND);
		/* The NAT. */
		memcpy(eng_host_ip(a) + 12, "\xc0\0\2\1", 4);
		patch_u16(eng_host_ip(a) + 20, 61234);
		eng_ip_finish(eng_host_ip(a), a->p.len);
		assert_int_equal(in(), ENG_DELIVER);
		p = eng_host_ip(b);
		assert_int_equal(b->p.len, 100 + i);
		if (i == 2)
			assert_int_equal(get_u16(p + at), 0);
		else
			assert_int_equal(checksum(p, 100 + i), 0);
	}
}

/* esp_frag: the pieces go through the tunnel, not the tunnel's packet in pieces. */
static void
pieces_before_esp(void **state)
{
	struct sadb_msg m = sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-cbc", "hmac-sha1");
	uint8_t whole[3000];
	size_t got = 0;
	unsigned pieces = 0;
	enum eng_verdict v;

	(void)state;
	m.sa.natt = true;
	m.sa.natt_frag = 552;
	call(m);
	policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	packet("172.16.1.5", "172.16.2.9", 2000, false);
	v = out();
	for (; v == ENG_SEND; pieces++) {
		const uint8_t *p;
		size_t offset;

		assert_true(a->p.len <= 552 + 80);
		assert_int_equal(in(), ENG_DELIVER);
		p = eng_host_ip(b);
		assert_true(b->p.len <= 552);
		offset = (size_t)(get_u16(p + 6) & 0x1fff) * 8;
		assert_int_equal(offset, got);
		assert_int_equal((p[6] & 0x20) != 0, offset + b->p.len - 20 != 1980);
		memcpy(whole + offset, p + 20, b->p.len - 20);
		got += b->p.len - 20;
		a->p = (struct eng_packet){ .buf = a->buf, .room = sizeof(a->buf) };
		v = eng_release(a->e, a->now, &a->p) ? ENG_SEND : ENG_DROP;
	}
	assert_int_equal(pieces, 4);
	assert_int_equal(got, 1980);
	assert_memory_equal(whole, was + 20, 1980);
	/* Small ones stay whole, and so do those that must. */
	packet("172.16.1.5", "172.16.2.9", 500, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(500);
	packet("172.16.1.5", "172.16.2.9", 900, false);
	eng_host_ip(a)[6] = 0x40;
	eng_ip_finish(eng_host_ip(a), 900);
	assert_int_equal(out(), ENG_SEND);
	assert_true(a->p.len > 900);
	assert_false(eng_release(a->e, a->now, &a->p));
}

/* -------------------------------------------------------------------------------- old ones --- */

static void
old_esp(void **state)
{
	struct sadb_msg m = sa(SA_ESP, SA_TRANSPORT, 0x1000, "3des-cbc", NULL);

	(void)state;
	m.sa.flags = SA_F_OLD;
	call(m);
	policy("192.0.2.1/32", "192.0.2.2/32", "esp/transport//require", NULL);
	packet("192.0.2.1", "192.0.2.2", 100, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(get_u32(eng_host_ip(a) + 20), 0x1000);
	assert_int_equal(a->p.len, 20 + 4 + 8 + 88); /* SPI, IV, text with its trailer */
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(100);
	assert_int_equal(in(), ENG_DELIVER); /* without numbers, a replay looks like any */
	/* What it cannot have. */
	m.sa.spi = 0x1001;
	m.sa.auth = alg_by_name(ALG_AUTH, "hmac-sha1");
	m.sa.auth_key.octets = 20;
	assert_int_equal(eng_host_call(a, &m, NULL), EPROTONOSUPPORT);
	m = sa(SA_ESP, SA_TRANSPORT, 0x1001, "aes-gcm-16", NULL);
	m.sa.flags = SA_F_OLD;
	assert_int_equal(eng_host_call(a, &m, NULL), EPROTONOSUPPORT);
	m = sa(SA_ESP, SA_TRANSPORT, 0x1001, "3des-cbc", NULL);
	m.sa.flags = SA_F_OLD | SA_F_ESN;
	assert_int_equal(eng_host_call(a, &m, NULL), EINVAL);
}

static void
old_ah(void **state)
{
	static const char *const auth[] = { "keyed-md5", "keyed-sha1", "hmac-md5", "hmac-sha1" };
	struct sadb_msg m;

	(void)state;
	policy("192.0.2.1/32", "192.0.2.2/32", "ah/transport//require", NULL);
	for (uint32_t i = 0; i < ARRAY_LEN(auth); i++) {
		m = sa(SA_AH, SA_TRANSPORT, 0x1000 + i, NULL, auth[i]);
		m.sa.flags = SA_F_OLD;
		call(m);
		packet("192.0.2.1", "192.0.2.2", 100, false);
		assert_int_equal(out(), ENG_SEND);
		assert_int_equal(get_u32(eng_host_ip(a) + 24), 0x1000 + i);
		assert_int_equal(a->p.len, 100 + 8 + 16);
		assert_int_equal(eng_host_ip(a)[21], 4); /* the ICV in words (RFC 1826 3.1) */
		assert_int_equal(in(), ENG_DELIVER);
		came_as_it_was(100);
		eng_host_ip(a)[30] ^= 1;
		assert_int_equal(in(), ENG_DROP);
		assert_int_equal(count(b, ENG_N_BAD_ICV), i + 1);
	}
	m = sa(SA_AH, SA_TRANSPORT, 0x1010, NULL, "hmac-sha256");
	m.sa.flags = SA_F_OLD;
	assert_int_equal(eng_host_call(a, &m, NULL), EPROTONOSUPPORT);
}

/* Linux pads AH in IPv4 to 8 octets and takes nothing else: it is answered likewise. */
static void
ah_padding_is_followed(void **state)
{
	struct sadb_msg there = sa(SA_AH, SA_TRANSPORT, 0x1000, NULL, "hmac-sha256");
	struct sadb_msg back = eng_host_sa(SADB_OP_ADD, SA_AH, SA_TRANSPORT, 0x2000, "192.0.2.2",
		"192.0.2.1", NULL, "hmac-sha256");
	struct sadb_msg m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "192.0.2.2/32", "192.0.2.1/32",
		SP_IPSEC, "ah/transport//require", NULL);

	(void)state;
	call(there);
	call(back);
	policy("192.0.2.1/32", "192.0.2.2/32", "ah/transport//require", NULL);
	assert_int_equal(eng_host_call(b, &m, NULL), 0);
	eng_host_packet(b, "192.0.2.2", "192.0.2.1", 100);
	assert_int_equal(eng_output(b->e, b->now, &b->p), ENG_SEND);
	assert_int_equal(b->p.len, 128);
	sa_of(a, SA_AH, 0x1000)->wide = true; /* as Linux */
	packet("192.0.2.1", "192.0.2.2", 100, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(a->p.len, 132);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(100);
	eng_host_packet(b, "192.0.2.2", "192.0.2.1", 100);
	assert_int_equal(eng_output(b->e, b->now, &b->p), ENG_SEND);
	assert_int_equal(b->p.len, 132);
	/* And by the SA that comes after it. */
	back.sa.spi = 0x2001;
	assert_int_equal(eng_host_call(b, &back, NULL), 0);
	eng_host_packet(b, "192.0.2.2", "192.0.2.1", 100);
	assert_int_equal(eng_output(b->e, b->now, &b->p), ENG_SEND);
	assert_int_equal(get_u32(eng_host_ip(b) + 24), 0x2001);
	assert_int_equal(b->p.len, 132);
}

/* ------------------------------------------------------------------- changes of what lives --- */

static void
update_takes_other_keys(void **state)
{
	struct sadb_msg m = sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-gcm-16", NULL), other = m;

	(void)state;
	call(m);
	policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	for (unsigned i = 0; i < 3; i++) {
		packet("172.16.1.5", "172.16.2.9", 100, false);
		assert_int_equal(out(), ENG_SEND);
		assert_int_equal(in(), ENG_DELIVER);
	}
	/* The same keys: numbers go on, a replay stays one. */
	m.op = other.op = SADB_OP_UPDATE;
	m.sa.hard.add_s = 1000;
	call(m);
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_REPLAY), 1);
	assert_int_equal(sa_of(a, SA_ESP, 0x1000)->seq, 3);
	/* Others: only one end has them, then both. */
	other.sa.encr_key.b[5] ^= 0x40;
	assert_int_equal(eng_host_call(a, &other, NULL), 0);
	assert_int_equal(sa_of(a, SA_ESP, 0x1000)->seq, 0);
	for (unsigned i = 0; i < 5; i++) {
		packet("172.16.1.5", "172.16.2.9", 100, false);
		assert_int_equal(out(), ENG_SEND);
		assert_int_equal(in(), ENG_DROP);
	}
	assert_int_equal(count(b, ENG_N_BAD_ICV), 2); /* the first three look like replays */
	assert_int_equal(eng_host_call(b, &other, NULL), 0);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(100);
	/* Another algorithm; one that is none changes nothing. */
	m = sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-cbc", "hmac-sha256");
	m.op = SADB_OP_UPDATE;
	call(m);
	m.sa.auth_key.octets = 3;
	assert_int_equal(eng_host_call(a, &m, NULL), EINVAL);
	packet("172.16.1.5", "172.16.2.9", 100, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(100);
}

static struct sadb_msg
migration(const char *src, const char *dst, enum sp_dir dir)
{
	struct sadb_msg m = eng_host_policy(SADB_OP_MIGRATE, dir, "172.16.1.0/24", "172.16.2.0/24",
		SP_IPSEC, tunnel_rule, NULL);

	m.moves = 1;
	m.move[0] = (struct sadb_move){ .from_src = eng_host_addr("192.0.2.1"),
		.from_dst = eng_host_addr("192.0.2.2"), .to_src = eng_host_addr(src),
		.to_dst = eng_host_addr(dst), .proto = SA_ESP, .mode = SA_TUNNEL };
	return m;
}

static void
migrate(void **state)
{
	struct sadb_msg m = migration("198.51.100.7", "192.0.2.2", SP_OUT), answer;

	(void)state;
	call(sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-gcm-16", NULL));
	policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	packet("172.16.1.5", "172.16.2.9", 100, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(in(), ENG_DELIVER);
	assert_int_equal(eng_host_call(a, &m, &answer), 0);
	assert_int_equal(net_ipv4_value(&answer.sp.rule[0].src.addr), 0xc6336407);
	m.sp.dir = SP_IN;
	assert_int_equal(eng_host_call(b, &m, NULL), 0);
	packet("172.16.1.5", "172.16.2.9", 100, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(get_u32(eng_host_ip(a) + 12), 0xc6336407);
	assert_int_equal(get_u32(eng_host_ip(a) + 24), 2); /* the numbers go on */
	assert_int_equal(in(), ENG_DELIVER);
	came_as_it_was(100);
	assert_int_equal(eng_sa_count(a->e), 1);
	assert_null(eng_pair_find(a->e, &(struct net_addr){ .family = 4, .b = { 192, 0, 2, 1 } },
		&(struct net_addr){ .family = 4, .b = { 192, 0, 2, 2 } }, SA_ESP, 0));
}

static void
migrate_refused(void **state)
{
	struct sadb_msg m = migration("192.0.2.1", "198.51.100.9", SP_OUT), other;

	(void)state;
	assert_int_equal(eng_host_call(a, &m, NULL), ENOENT); /* no such policy */
	call(sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-gcm-16", NULL));
	policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	other = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, 0x1000, "192.0.2.8", "198.51.100.9",
		"aes-gcm-16", NULL);
	assert_int_equal(eng_host_call(a, &other, NULL), 0);
	assert_int_equal(eng_host_call(a, &m, NULL), EEXIST);
	packet("172.16.1.5", "172.16.2.9", 100, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(get_u32(eng_host_ip(a) + 16), 0xc0000202); /* all is as it was */
	m.moves = 0;
	assert_int_equal(eng_host_call(a, &m, NULL), EINVAL);
	m = migration("192.0.2.1", "2001:db8::1", SP_OUT);
	assert_int_equal(eng_host_call(a, &m, NULL), EINVAL);
}

/* What is counted for one SA and one policy. */
static void
counters(void **state)
{
	struct net_addr dst = eng_host_addr("192.0.2.2");
	struct sadb_msg m = eng_host_policy(SADB_OP_SPDGET, SP_OUT, "172.16.1.0/24",
		"172.16.2.0/24", SP_IPSEC, tunnel_rule, NULL), answer;
	struct eng_wrong wrong;
	struct eng_audit audit;
	uint32_t cursor = 0;
	struct ipsec_policy p;

	(void)state;
	call(sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-cbc", "hmac-sha1"));
	policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	packet("172.16.1.5", "172.16.2.9", 100, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(in(), ENG_DELIVER);
	assert_int_equal(in(), ENG_DROP);
	eng_host_ip(a)[27]++; /* another number: the ICV tells */
	assert_int_equal(in(), ENG_DROP);
	assert_true(eng_sa_wrong(b->e, &dst, SA_ESP, 0x1000, &wrong));
	assert_int_equal(wrong.replayed, 1);
	assert_int_equal(wrong.bad_icv, 1);
	assert_false(eng_sa_wrong(b->e, &dst, SA_ESP, 0x1001, &wrong));
	assert_true(eng_policy_next(a->e, &cursor, &p));
	m.sp.id = p.id;
	assert_int_equal(eng_host_call(a, &m, &answer), 0);
	assert_int_equal(answer.sp.current.allocations, 1);
	assert_int_equal(answer.sp.current.bytes, 100);
	/* From inside the tunnel, but not what its policy is about. */
	assert_int_equal(eng_audit(b->e, &audit), true);
	assert_int_equal(audit.what, ENG_N_REPLAY);
	assert_int_equal(eng_audit(b->e, &audit), true);
	assert_int_equal(audit.what, ENG_N_BAD_ICV);
	m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "172.16.9.0/24", "172.16.2.0/24", SP_IPSEC,
		tunnel_rule, NULL);
	assert_int_equal(eng_host_call(a, &m, NULL), 0);
	packet("172.16.9.5", "172.16.2.9", 100, false);
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_NO_POLICY), 1);
	assert_true(eng_audit(b->e, &audit));
	assert_int_equal(audit.what, ENG_N_NO_POLICY);
	assert_int_equal(audit.spi, 0x1000);
	assert_int_equal(net_ipv4_value(&audit.src), 0xac100905);
	assert_false(eng_audit(b->e, &audit));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(ipcomp_transport), T(ipcomp_on_the_wire), T(ipcomp_tunnel), T(ipcomp_v6),
		T(ipcomp_bombs), T(ipcomp_backs_off), T(ipcomp_getspi), T(esn_gcm), T(esn_cbc),
		T(mixed_tunnels), T(packet_too_big), T(esn_ah), T(esn_shown), T(esn_guesses),
		T(non_ike_marker), T(nat_checksum), T(pieces_before_esp), T(old_esp), T(old_ah),
		T(ah_padding_is_followed), T(update_takes_other_keys), T(migrate),
		T(migrate_refused), T(counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
