/* test_eng_esp.c - packets out and in: modes, bundles, sizes, headers, policy checks. */
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
call(struct eng_host *h, struct sadb_msg m)
{
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
}

/* An SA from .1 to .2 of the outer net, on both ends. */
static void
add_sa(enum sa_proto proto, enum sa_mode mode, uint32_t spi, const char *encr, const char *auth)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, proto, mode, spi, "192.0.2.1", "192.0.2.2",
		encr, auth);

	call(a, m);
	call(b, m);
}

static void
add_policy(const char *src, const char *dst, const char *rule1, const char *rule2)
{
	call(a, eng_host_policy(SADB_OP_SPDADD, SP_OUT, src, dst, SP_IPSEC, rule1, rule2));
	call(b, eng_host_policy(SADB_OP_SPDADD, SP_IN, src, dst, SP_IPSEC, rule1, rule2));
}

static enum eng_verdict
out(void)
{
	return eng_output(a->e, a->now, &a->p);
}

/* What a made is what b gets. */
static enum eng_verdict
in(void)
{
	eng_host_put(b, eng_host_ip(a), a->p.len);
	return eng_input(b->e, b->now, &b->p);
}

static bool
header_sound(const uint8_t *p, size_t n)
{
	return p[0] >> 4 == 6 ? n == 40u + get_u16(p + 4) :
		get_u16(p + 2) == n && eng_ip_sum(0, p, (size_t)(p[0] & 15) * 4) == 0xffff;
}

/* Through both engines, and the same afterwards. */
static void
passes(const char *src, const char *dst, size_t n, uint8_t first_proto)
{
	uint8_t before[HOST_ROOM];

	eng_host_packet(a, src, dst, n);
	memcpy(before, eng_host_ip(a), n);
	assert_int_equal(out(), ENG_SEND);
	assert_true(header_sound(eng_host_ip(a), a->p.len));
	assert_int_equal(eng_host_ip(a)[eng_host_ip(a)[0] >> 4 == 6 ? 6 : 9], first_proto);
	assert_int_equal(in(), ENG_DELIVER);
	assert_int_equal(b->p.len, n);
	assert_memory_equal(eng_host_ip(b), before, n);
}

static uint64_t
count(struct eng_host *h, enum eng_count which)
{
	return eng_count(h->e, which);
}

/* ----------------------------------------------------------------------------------- modes --- */

static void
transport(void **state)
{
	(void)state;
	add_sa(SA_ESP, SA_TRANSPORT, 0x1000, "aes-cbc", "hmac-sha1");
	add_policy("192.0.2.1/32", "192.0.2.2/32", "esp/transport//require", NULL);
	for (size_t n = 28; n < 80; n++)
		passes("192.0.2.1", "192.0.2.2", n, SA_ESP);
	assert_int_equal(count(a, ENG_N_OUT), 52);
	assert_int_equal(count(b, ENG_N_IN), 52);
	/* Sent to somebody else: not protected, by policy. */
	eng_host_packet(a, "192.0.2.1", "192.0.2.3", 100);
	assert_int_equal(out(), ENG_CLEAR);
	assert_int_equal(count(a, ENG_N_CLEAR_OUT), 1);
}

static void
tunnel(void **state)
{
	(void)state;
	add_sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-gcm-16", NULL);
	add_policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	for (size_t n = 28; n < 80; n++)
		passes("172.16.1.5", "172.16.2.9", n, SA_ESP);
	passes("172.16.1.5", "172.16.2.9", 1400, SA_ESP);
	passes("172.16.1.5", "172.16.2.9", 60000, SA_ESP);
	/* What cannot become an IP packet any more. */
	eng_host_packet(a, "172.16.1.5", "172.16.2.9", 65530);
	assert_int_equal(out(), ENG_DROP);
	assert_int_equal(count(a, ENG_N_TOO_BIG), 1);
}

static void
every_algorithm(void **state)
{
	static const char *const encr[] = { "null", "3des-cbc", "aes-cbc", "aes-ctr", "aes-gcm-8",
		"aes-gcm-16", "aes-ccm-16", "camellia-cbc", "aes-gmac", "chacha20-poly1305" };
	static const char *const auth[] = { NULL, "null", "hmac-md5", "hmac-sha1", "hmac-sha256",
		"hmac-sha384", "hmac-sha512", "aes-xcbc-mac" };
	uint32_t spi = 0x2000;

	(void)state;
	add_policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	for (size_t i = 0; i < ARRAY_LEN(encr); i++)
		for (size_t k = 0; k < ARRAY_LEN(auth); k++) {
			const struct alg *e = alg_by_name(ALG_ENCR, encr[i]);

			if (!cry_has(a->cry, e) || (e->icv != 0 && k > 1))
				continue;
			add_sa(SA_ESP, SA_TUNNEL, ++spi, encr[i], auth[k]);
			passes("172.16.1.5", "172.16.2.9", 28 + eng_host_random(a) % 200, SA_ESP);
			assert_int_equal(get_u32(eng_host_ip(a) + 20), spi); /* the newest */
		}
}

static void
ah_after_esp(void **state)
{
	(void)state;
	add_sa(SA_ESP, SA_TRANSPORT, 0x1000, "3des-cbc", "hmac-md5");
	add_sa(SA_AH, SA_TRANSPORT, 0x1001, NULL, "hmac-sha256");
	add_policy("192.0.2.1/32", "192.0.2.2/32", "esp/transport//require",
		"ah/transport//require");
	passes("192.0.2.1", "192.0.2.2", 100, SA_AH);
	/* AH stands first, then ESP. */
	assert_int_equal(eng_host_ip(a)[20], SA_ESP);
	assert_int_equal(get_u32(eng_host_ip(a) + 24), 0x1001);
	assert_int_equal(get_u32(eng_host_ip(a) + 20 + 28), 0x1000);
	/* RFC 4302 2.6: 12 + 16 octets need no padding in IPv4. */
	assert_int_equal(eng_host_ip(a)[21], (12 + 16) / 4 - 2);
}

static void
nested_tunnels(void **state)
{
	struct sadb_msg m;

	(void)state;
	add_sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-cbc", "hmac-sha1");
	m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, 0x1001, "198.51.100.1", "198.51.100.2",
		"aes-gcm-16", NULL);
	call(a, m);
	call(b, m);
	add_policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule,
		"esp/tunnel/198.51.100.1-198.51.100.2/require");
	passes("172.16.1.5", "172.16.2.9", 200, SA_ESP);
	assert_int_equal(get_u32(eng_host_ip(a) + 20), 0x1001);
	assert_int_equal(net_ipv4_value(&(struct net_addr){ .family = 4, .b = { eng_host_ip(a)[16],
		eng_host_ip(a)[17], eng_host_ip(a)[18], eng_host_ip(a)[19] } }), 0xc6336402);
}

static void
ipv6(void **state)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_AH, SA_TRANSPORT, 0x1000, "fd00::1",
		"fd00::2", NULL, "hmac-sha256");

	(void)state;
	call(a, m);
	call(b, m);
	m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, 0x1001, "fd00::1", "fd00::2", "aes-cbc",
		"hmac-sha256");
	call(a, m);
	call(b, m);
	add_policy("fd00::1/128", "fd00::2/128", "ah/transport//require", NULL);
	passes("fd00::1", "fd00::2", 333, SA_AH);
	assert_int_equal(eng_host_ip(a)[41], (12 + 16 + 4) / 4 - 2);
	/* IPv6 in IPv6, IPv4 in IPv6, IPv6 in IPv4 */
	add_policy("fd01::/64", "fd02::/64", "esp/tunnel/fd00::1-fd00::2/require", NULL);
	passes("fd01::1", "fd02::2", 1000, SA_ESP);
	add_policy("10.1.0.0/16", "10.2.0.0/16", "esp/tunnel/fd00::1-fd00::2/require", NULL);
	passes("10.1.0.1", "10.2.0.1", 1000, SA_ESP);
	add_sa(SA_ESP, SA_TUNNEL, 0x1002, "aes-cbc", "hmac-sha256");
	add_policy("fd03::/64", "fd04::/64", tunnel_rule, NULL);
	passes("fd03::1", "fd04::2", 1000, SA_ESP);
}

/* RFC 4303 3.1.1: ESP goes behind hop-by-hop options and routing, before destination options. */
static void
ipv6_extension_headers(void **state)
{
	static const uint8_t ext[] = { 60, 0, 1, 4, 0, 0, 0, 0, /* hop-by-hop, PadN */
		17, 0, 1, 4, 0, 0, 0, 0 };                      /* destination options */
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_AH, SA_TRANSPORT, 0x1000, "fd00::1",
		"fd00::2", NULL, "hmac-sha1");
	uint8_t before[256], *p;

	(void)state;
	call(a, m);
	call(b, m);
	add_policy("fd00::1/128", "fd00::2/128", "ah/transport//require", NULL);
	for (unsigned hop = 0; hop < 2; hop++) {
		eng_host_packet(a, "fd00::1", "fd00::2", 100);
		p = eng_host_ip(a);
		memmove(p + 56, p + 40, 60);
		memcpy(p + 40, ext, 16);
		if (hop == 0)
			p[40] = 60; /* two destination options headers, none is hop-by-hop */
		p[6] = hop == 0 ? 60 : 0;
		a->p.len = 116;
		eng_ip_finish(p, 116);
		memcpy(before, p, 116);
		assert_int_equal(out(), ENG_SEND);
		p = eng_host_ip(a);
		assert_int_equal(p[6], hop == 0 ? SA_AH : 0);
		assert_int_equal(p[40], hop == 0 ? 60 : SA_AH);
		p[7]--; /* a router on the way */
		assert_int_equal(in(), ENG_DELIVER);
		before[7]--;
		assert_int_equal(b->p.len, 116);
		assert_memory_equal(eng_host_ip(b), before, 116);
	}
	/* Ports behind extension headers are found. */
	struct eng_ip ip;
	struct eng_flow f;
	assert_true(eng_ip_parse(&b->p, &ip));
	eng_ip_flow(&ip, &f);
	assert_int_equal(f.upper, 17);
	assert_int_equal(f.dport, 2222);
	/* A chain that never ends, and one that ends nowhere. */
	p = eng_host_ip(b);
	p[48] = 60;
	assert_false(eng_ip_parse(&b->p, &ip));
	p[48] = 17;
	p[49] = 200;
	assert_false(eng_ip_parse(&b->p, &ip));
}

static void
udp_encapsulation(void **state)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, 0x1000, "192.0.2.1",
		"192.0.2.2", "aes-cbc", "hmac-sha1");
	const uint8_t *udp;

	(void)state;
	m.sa.natt = true;
	m.sa.src.port = 4500;
	m.sa.dst.port = 32000;
	call(a, m);
	call(b, m);
	add_policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	passes("172.16.1.5", "172.16.2.9", 100, 17);
	udp = eng_host_ip(a) + 20;
	assert_int_equal(get_u16(udp), 4500);
	assert_int_equal(get_u16(udp + 2), 32000);
	assert_int_equal(get_u16(udp + 4), a->p.len - 20);
	assert_int_equal(get_u16(udp + 6), 0); /* RFC 3948 2.1 */
	/* IKE with its non-ESP marker is not ours. */
	eng_host_packet(b, "192.0.2.1", "192.0.2.2", 100);
	memset(eng_host_ip(b) + 28, 0, 4);
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DROP);
	assert_int_equal(count(b, ENG_N_NOT_ESP), 1);
	/* Bare ESP with an SA that was negotiated with UDP, and the other way round. */
	add_sa(SA_ESP, SA_TUNNEL, 0x1001, "aes-cbc", "hmac-sha1");
	eng_host_packet(a, "172.16.1.5", "172.16.2.9", 100);
	assert_int_equal(out(), ENG_SEND);
	patch_u32(eng_host_ip(a) + 20, 0x1000);
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_NO_SA), 1);
	/* RFC 3948 2.3 */
	eng_host_packet(b, "192.0.2.1", "192.0.2.2", 29);
	eng_host_ip(b)[28] = 0xff;
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DROP);
	assert_int_equal(count(b, ENG_N_KEEPALIVE), 1);
	eng_host_packet(b, "192.0.2.1", "192.0.2.2", 28);
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DROP);
	assert_int_equal(count(b, ENG_N_MALFORMED), 1);
}

/* --------------------------------------------------------------------------------- headers --- */

static void
fields_of_the_outer_header(void **state)
{
	uint8_t *p;

	(void)state;
	add_sa(SA_ESP, SA_TUNNEL, 0x1000, "null", "hmac-sha1");
	add_policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	for (unsigned df = 0; df < 2; df++) {
		eng_host_packet(a, "172.16.1.5", "172.16.2.9", 100);
		p = eng_host_ip(a);
		p[1] = 0xb8 | 2; /* DSCP EF, ECT(0) */
		p[6] = df != 0 ? 0x40 : 0;
		p[8] = 3;
		eng_ip_finish(p, 100);
		assert_int_equal(out(), ENG_SEND);
		p = eng_host_ip(a);
		assert_int_equal(p[1], 0xba);
		assert_int_equal(p[6] & 0x40, df != 0 ? 0x40 : 0);
		assert_int_equal(p[8], ENG_TTL);
		assert_int_equal(get_u32(p + 12), 0xc0000201);
		/* A router marks congestion; the inner packet gets the mark, its TTL stays. */
		p[1] |= 3;
		eng_ip_finish(p, a->p.len);
		assert_int_equal(in(), ENG_DELIVER);
		p = eng_host_ip(b);
		assert_int_equal(p[1], 0xbb);
		assert_int_equal(p[8], 3);
		assert_true(header_sound(p, 100));
	}
	/* Who cannot understand the mark should not have got it (RFC 6040 4.2). */
	eng_host_packet(a, "172.16.1.5", "172.16.2.9", 100);
	assert_int_equal(out(), ENG_SEND);
	eng_host_ip(a)[1] = 3;
	eng_ip_finish(eng_host_ip(a), a->p.len);
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_CONGESTION), 1);
}

/* RFC 6040 4.2, figure 4: what comes out, by what was inside and what arrived; -1: dropped. */
static void
congestion(void **state)
{
	static const int want[4][4] = { /* [inside][arrived]; Not-ECT, ECT(1), ECT(0), CE */
		{ 0, 0, 0, -1 }, { 1, 1, 1, 3 }, { 2, 1, 2, 3 }, { 3, 3, 3, 3 } };

	(void)state;
	add_sa(SA_ESP, SA_TUNNEL, 0x1000, "null", "hmac-sha1");
	add_policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	for (uint8_t inside = 0; inside < 4; inside++)
		for (uint8_t arrived = 0; arrived < 4; arrived++) {
			int w = want[inside][arrived];

			eng_host_packet(a, "172.16.1.5", "172.16.2.9", 100);
			eng_host_ip(a)[1] = 0xb8 | inside;
			eng_ip_finish(eng_host_ip(a), 100);
			assert_int_equal(out(), ENG_SEND);
			assert_int_equal(eng_host_ip(a)[1], 0xb8 | inside);
			eng_host_ip(a)[1] = arrived;
			eng_ip_finish(eng_host_ip(a), a->p.len);
			assert_int_equal(in(), w < 0 ? ENG_DROP : ENG_DELIVER);
			if (w < 0)
				continue;
			assert_int_equal(eng_host_ip(b)[1], 0xb8 | w);
			assert_true(header_sound(eng_host_ip(b), 100));
		}
}

/* AH: routers may change TOS, TTL, and some options; nothing else (RFC 4302 3.3.3.1). */
static void
ah_and_what_routers_change(void **state)
{
	static const uint8_t options[] = { 7, 7, 4, 0, 0, 0, 0, /* record route */
		148, 4, 0, 0, 1 };                              /* router alert */
	uint8_t sent[256], *p;
	size_t n;

	(void)state;
	add_sa(SA_AH, SA_TRANSPORT, 0x1000, NULL, "hmac-sha1");
	add_policy("192.0.2.1/32", "192.0.2.2/32", "ah/transport//require", NULL);
	for (unsigned way = 0; way < 5; way++) {
		eng_host_packet(a, "192.0.2.1", "192.0.2.2", 100);
		p = eng_host_ip(a);
		memmove(p + 32, p + 20, 80);
		memcpy(p + 20, options, sizeof(options));
		p[0] = 0x48;
		a->p.len = 112;
		eng_ip_finish(p, 112);
		assert_int_equal(out(), ENG_SEND);
		n = a->p.len;
		p = eng_host_ip(a);
		memcpy(sent, p, n);
		switch (way) {
		case 0: /* on its way */
			p[1] = 0x20;
			p[8] = 9;
			memcpy(p + 23, "\x0a\x0a\x0a\x0a", 4);
			break;
		case 1: /* the router alert was forged */
			p[30] ^= 1;
			break;
		case 2: /* so was the sender */
			p[15] ^= 1;
			break;
		case 3:
			p[4] ^= 1; /* identification */
			break;
		case 4:
			p[n - 1] ^= 1;
			break;
		}
		eng_ip_finish(p, n);
		assert_int_equal(in(), way == 0 ? ENG_DELIVER : ENG_DROP);
		assert_int_equal(count(b, ENG_N_BAD_ICV), way);
		if (way == 0) {
			assert_int_equal(b->p.len, 112);
			assert_true(header_sound(eng_host_ip(b), 112));
			assert_int_equal(eng_host_ip(b)[9], 17);
		}
	}
	/* An option that does not fit. */
	eng_host_packet(a, "192.0.2.1", "192.0.2.2", 100);
	p = eng_host_ip(a);
	memmove(p + 24, p + 20, 80);
	memcpy(p + 20, "\x44\x09\x01\x01", 4);
	p[0] = 0x46;
	a->p.len = 104;
	eng_ip_finish(p, 104);
	assert_int_equal(out(), ENG_DROP);
	assert_int_equal(count(a, ENG_N_MALFORMED), 1);
}

/* ----------------------------------------------------------------------------------- sizes --- */

static void
set_df(struct eng_host *h)
{
	eng_host_ip(h)[6] = 0x40;
	eng_ip_finish(eng_host_ip(h), h->p.len);
}

/* What passes is never larger than the MTU, and the MTU told is the largest that passes. */
static void
mtu_exact(const char *src, const char *dst, bool v6)
{
	for (uint32_t mtu = v6 ? 1480 : 576; mtu < (v6 ? 1530 : 620u); mtu++) {
		uint32_t told;
		uint8_t *p;

		eng_host_packet(a, src, dst, mtu);
		if (!v6)
			set_df(a);
		a->p.mtu = mtu;
		assert_int_equal(out(), ENG_REPLY);
		p = eng_host_ip(a);
		assert_true(header_sound(p, a->p.len));
		told = v6 ? get_u32(p + 44) : get_u16(p + 26);
		assert_int_equal(p[v6 ? 40 : 20], v6 ? 2 : 3);
		assert_int_equal(p[v6 ? 41 : 21], v6 ? 0 : 4);
		if (!v6)
			assert_int_equal(eng_ip_sum(0, p + 20, a->p.len - 20), 0xffff);
		assert_true(told < mtu);
		for (int more = 0; more < 2; more++) {
			eng_host_packet(a, src, dst, told + (uint32_t)more);
			if (!v6)
				set_df(a);
			a->p.mtu = mtu;
			assert_int_equal(out(), more != 0 ? ENG_REPLY : ENG_SEND);
			if (more == 0)
				assert_true(a->p.len <= mtu);
		}
	}
}

static void
path_mtu(void **state)
{
	static const char *const encr[] = { "null", "3des-cbc", "aes-cbc", "aes-gcm-16" };
	struct sadb_msg m;

	(void)state;
	add_policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	add_policy("192.0.2.1/32", "192.0.2.2/32", "esp/transport//require",
		"ah/transport//require");
	add_policy("fd01::/64", "fd02::/64", tunnel_rule,
		"ah/transport//require");
	add_sa(SA_AH, SA_TRANSPORT, 0x900, NULL, "hmac-sha256");
	for (size_t i = 0; i < ARRAY_LEN(encr); i++) {
		m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, 0x1000 + (uint32_t)i, "192.0.2.1",
			"192.0.2.2", encr[i], i == 3 ? NULL : "hmac-sha1");
		m.sa.natt = i == 1;
		call(a, m);
		m.sa.spi += 0x100;
		m.sa.mode = SA_TRANSPORT;
		call(a, m);
		mtu_exact("172.16.1.5", "172.16.2.9", false);
		mtu_exact("192.0.2.1", "192.0.2.2", false);
		mtu_exact("fd01::5", "fd02::9", true);
	}
	/* Without DF the host fragments what comes out. */
	eng_host_packet(a, "172.16.1.5", "172.16.2.9", 1500);
	a->p.mtu = 1000;
	assert_int_equal(out(), ENG_SEND);
	assert_int_equal(eng_host_ip(a)[6] & 0x40, 0);
	/* The smallest IPv6 packet must pass (RFC 8200 5). */
	eng_host_packet(a, "fd01::5", "fd02::9", 1280);
	a->p.mtu = 1280;
	assert_int_equal(out(), ENG_SEND);
	eng_host_packet(a, "fd01::5", "fd02::9", 1281);
	a->p.mtu = 1000;
	assert_int_equal(out(), ENG_REPLY);
	assert_int_equal(get_u32(eng_host_ip(a) + 44), 1280);
}

static void
learned_mtu(void **state)
{
	struct net_addr dst = eng_host_addr("192.0.2.2");

	(void)state;
	add_sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-cbc", "hmac-sha1");
	add_policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	eng_path_mtu(a->e, &dst, 0x999, 600); /* no such SA: nothing happens */
	eng_path_mtu(a->e, &dst, 0x1000, 600);
	for (unsigned i = 0; i < 3; i++) {
		eng_host_packet(a, "172.16.1.5", "172.16.2.9", 1000);
		set_df(a);
		a->p.mtu = 1500;
		assert_int_equal(out(), i == 2 ? ENG_SEND : ENG_REPLY);
		if (i == 0)
			eng_path_mtu(a->e, &dst, 0x1000, 1); /* absurd */
		if (i == 1) {
			assert_true(get_u16(eng_host_ip(a) + 26) > ENG_PMTU_MIN - 80);
			eng_host_after(a, (ENG_PMTU_S + 1) * 1000);
		}
	}
}

static void
no_errors_about_errors(void **state)
{
	(void)state;
	add_sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-cbc", "hmac-sha1");
	add_policy("172.16.1.0/24", "0.0.0.0/0", tunnel_rule, NULL);
	eng_host_packet(a, "172.16.1.5", "172.16.2.9", 1500);
	eng_host_ip(a)[9] = 1;
	eng_host_ip(a)[20] = 3; /* unreachable */
	set_df(a);
	a->p.mtu = 1500;
	assert_int_equal(out(), ENG_DROP);
	eng_host_packet(a, "172.16.1.5", "172.16.2.9", 1500);
	eng_host_ip(a)[9] = 1;
	eng_host_ip(a)[20] = 8; /* an echo request may be answered */
	set_df(a);
	a->p.mtu = 1500;
	assert_int_equal(out(), ENG_REPLY);
	assert_int_equal(a->p.len, 576);
	eng_host_packet(a, "172.16.1.5", "224.0.0.9", 1500);
	set_df(a);
	a->p.mtu = 1500;
	assert_int_equal(out(), ENG_DROP);
	assert_int_equal(count(a, ENG_N_TOO_BIG), 3);
}

static void
fragments(void **state)
{
	(void)state;
	add_sa(SA_ESP, SA_MODE_ANY, 0x1000, "aes-cbc", "hmac-sha1");
	add_policy("192.0.2.1/32", "192.0.2.2/32", "esp/transport//require", NULL);
	add_policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	for (unsigned later = 0; later < 2; later++) {
		eng_host_packet(a, "192.0.2.1", "192.0.2.2", 100);
		patch_u16(eng_host_ip(a) + 6, later != 0 ? 0x00b9 : 0x2000);
		eng_ip_finish(eng_host_ip(a), 100);
		assert_int_equal(out(), ENG_DROP);
		assert_int_equal(count(a, ENG_N_FRAGMENT), later + 1);
		/* A tunnel carries them. */
		eng_host_packet(a, "172.16.1.5", "172.16.2.9", 100);
		patch_u16(eng_host_ip(a) + 6, later != 0 ? 0x00b9 : 0x2000);
		eng_ip_finish(eng_host_ip(a), 100);
		assert_int_equal(out(), ENG_SEND);
		assert_int_equal(in(), ENG_DELIVER);
	}
	/* ESP that was not reassembled (RFC 4303 3.4.1). */
	eng_host_packet(a, "192.0.2.1", "192.0.2.2", 100);
	assert_int_equal(out(), ENG_SEND);
	eng_host_ip(a)[6] = 0x20;
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_FRAGMENT), 1);
}

/* -------------------------------------------------------------------------------- policies --- */

static void
send_plain(const char *src, const char *dst)
{
	eng_host_packet(a, src, dst, 100);
	assert_int_equal(out(), ENG_SEND);
}

static void
inbound_policy(void **state)
{
	(void)state;
	add_sa(SA_ESP, SA_MODE_ANY, 0x1000, "aes-cbc", "hmac-sha1");
	call(a, eng_host_policy(SADB_OP_SPDADD, SP_OUT, "0.0.0.0/0", "0.0.0.0/0", SP_IPSEC,
		tunnel_rule, NULL));
	/* A tunnel that no policy speaks of. */
	send_plain("172.16.1.5", "172.16.2.9");
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_NO_POLICY), 1);
	/* fwd alone will do; */
	call(b, eng_host_policy(SADB_OP_SPDADD, SP_FWD, "172.16.1.0/24", "172.16.2.0/24", SP_IPSEC,
		tunnel_rule, NULL));
	send_plain("172.16.1.5", "172.16.2.9");
	assert_int_equal(in(), ENG_DELIVER);
	/* `in` decides where both are. */
	call(b, eng_host_policy(SADB_OP_SPDADD, SP_IN, "172.16.1.0/24", "172.16.2.0/24", SP_IPSEC,
		"esp/tunnel/192.0.2.7-192.0.2.2/require", NULL));
	send_plain("172.16.1.5", "172.16.2.9");
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_POLICY_MISMATCH), 1);
	/* What is inside must lie within the policy. */
	send_plain("172.16.9.5", "172.16.2.9");
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_NO_POLICY), 2);
	/* A tunnel into what goes in clear, or nowhere. */
	call(b, eng_host_policy(SADB_OP_SPDADD, SP_IN, "172.16.9.0/24", "0.0.0.0/0", SP_PASS, NULL,
		NULL));
	send_plain("172.16.9.5", "172.16.2.9");
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_POLICY_MISMATCH), 2);
	call(b, eng_host_policy(SADB_OP_SPDADD, SP_IN, "172.16.8.0/24", "0.0.0.0/0", SP_DISCARD,
		NULL, NULL));
	send_plain("172.16.8.5", "172.16.2.9");
	assert_int_equal(in(), ENG_DROP);
	assert_int_equal(count(b, ENG_N_DISCARD), 1);
}

static void
rules_must_fit(void **state)
{
	static const struct { const char *rule1, *rule2; bool good; } want[] = {
		{ "esp/transport//require", "ah/transport//require", true },
		{ "ah/transport//require", "esp/transport//require", false },
		{ "esp/transport//require", NULL, true }, /* AH besides does no harm */
		{ "ah/transport//require", NULL, true },
		{ tunnel_rule, NULL, false },
		{ "esp/transport//unique:5", NULL, true },
		{ "esp/transport//unique:6", NULL, false },
		{ "esp/transport//require", "esp/transport//require", false },
		{ "esp/transport//require", "esp/transport//use", true },
		{ "esp/tunnel/192.0.2.1-192.0.2.2/use", "ah/transport//use", true },
	};
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TRANSPORT, 0x1000, "192.0.2.1",
		"192.0.2.2", "aes-cbc", "hmac-sha1"), p;

	(void)state;
	m.sa.reqid = 5;
	call(a, m);
	call(b, m);
	add_sa(SA_AH, SA_TRANSPORT, 0x1001, NULL, "hmac-sha1");
	add_policy("192.0.2.1/32", "192.0.2.2/32", "esp/transport//require",
		"ah/transport//require");
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		p = eng_host_policy(SADB_OP_SPDUPDATE, SP_IN, "192.0.2.1/32", "192.0.2.2/32",
			SP_IPSEC, want[i].rule1, want[i].rule2);
		call(b, p);
		send_plain("192.0.2.1", "192.0.2.2");
		if (in() != (want[i].good ? ENG_DELIVER : ENG_DROP))
			fail_msg("row %zu", i);
	}
	/* ESP does not cover the source, so in transport mode the SA's ends count. */
	p = eng_host_policy(SADB_OP_SPDADD, SP_IN, "192.0.2.9/32", "192.0.2.2/32", SP_IPSEC,
		"esp/transport//require", NULL);
	call(b, p);
	p = eng_host_policy(SADB_OP_SPDUPDATE, SP_OUT, "192.0.2.1/32", "192.0.2.2/32", SP_IPSEC,
		"esp/transport//require", NULL);
	call(a, p);
	send_plain("192.0.2.1", "192.0.2.2");
	eng_host_ip(a)[15] = 9;
	eng_ip_finish(eng_host_ip(a), a->p.len);
	assert_int_equal(in(), ENG_DROP);
}

/* ------------------------------------------------------------------------ hostile, unusual --- */

/* Plain ESP (NULL, no authentication) with whatever trailer is wanted. */
static void
forge(uint8_t pad, uint8_t next, size_t text)
{
	uint8_t p[512] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 50, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2 };

	patch_u32(p + 20, 0x1000);
	patch_u32(p + 24, eng_host_random(b) | 1);
	if (text >= 20)
		memcpy(p + 28, "\x45\0\0\x14\0\0\0\0\x40\x63\0\0\xac\x10\1\5\xac\x10\2\x09", 20);
	p[28 + text - 2] = pad;
	p[28 + text - 1] = next;
	eng_ip_finish(p, 28 + text);
	eng_host_put(b, p, 28 + text);
}

static void
lying_trailers(void **state)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, 0x1000, "192.0.2.1",
		"192.0.2.2", "null", NULL);

	(void)state;
	m.sa.replay = 0;
	call(b, m);
	call(b, eng_host_policy(SADB_OP_SPDADD, SP_IN, "172.16.1.0/24", "172.16.2.0/24", SP_IPSEC,
		tunnel_rule, NULL));
	forge(2, 4, 24);
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DELIVER);
	assert_int_equal(b->p.len, 20);
	/* Traffic flow confidentiality: more behind the inner packet (RFC 4303 2.7). */
	forge(2, 4, 200);
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DELIVER);
	assert_int_equal(b->p.len, 20);
	/* A dummy packet (2.6). */
	forge(2, 59, 24);
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DROP);
	assert_int_equal(count(b, ENG_N_IN), 3);
	assert_int_equal(count(b, ENG_N_MALFORMED), 0);
	/* More padding than packet; padding that eats the packet; no IP in a tunnel. */
	forge(255, 4, 24);
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DROP);
	forge(23, 4, 24);
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DROP);
	forge(22, 4, 24);
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DROP);
	forge(2, 6, 24);
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DROP);
	forge(2, 41, 24);
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DROP);
	assert_int_equal(count(b, ENG_N_MALFORMED), 5);
	/* Not a multiple of four. */
	forge(2, 4, 25);
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DROP);
	assert_int_equal(count(b, ENG_N_MALFORMED), 6);
}

/* All lengths from nothing to whole, for ESP and AH, in a buffer that ends there. */
static void
truncated(void **state)
{
	(void)state;
	add_sa(SA_ESP, SA_TRANSPORT, 0x1000, "aes-cbc", "hmac-sha1");
	add_sa(SA_AH, SA_TRANSPORT, 0x1001, NULL, "hmac-sha1");
	add_policy("192.0.2.1/32", "192.0.2.2/32", "esp/transport//require",
		"ah/transport//require");
	send_plain("192.0.2.1", "192.0.2.2");
	for (unsigned fix = 0; fix < 2; fix++)
		for (size_t n = 0; n < a->p.len; n++) {
			uint8_t *tight = malloc(n + 1);
			struct eng_packet p = { .buf = tight, .room = n, .len = n };

			assert_non_null(tight);
			memcpy(tight, eng_host_ip(a), n);
			if (fix != 0 && n >= 20)
				eng_ip_finish(tight, n);
			assert_int_equal(eng_input(b->e, b->now, &p), ENG_DROP);
			p = (struct eng_packet){ .buf = tight, .room = n, .len = n };
			(void)eng_output(a->e, a->now, &p);
			free(tight);
		}
	assert_int_equal(in(), ENG_DELIVER);
}

/* The same SA in a row: taken off ENG_NESTING_MAX times and no more. */
static void
nesting(void **state)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_AH, SA_TRANSPORT, 0x1000, "192.0.2.1",
		"192.0.2.2", NULL, "hmac-sha1");

	(void)state;
	m.sa.replay = 0;
	m.sa.flags = SA_F_CYCSEQ;
	call(a, m);
	call(b, m);
	add_policy("192.0.2.1/32", "192.0.2.2/32", "ah/transport//require", NULL);
	for (unsigned layers = 1; layers <= ENG_NESTING_MAX + 2; layers++) {
		eng_host_packet(a, "192.0.2.1", "192.0.2.2", 100);
		for (unsigned i = 0; i < layers; i++)
			assert_int_equal(out(), ENG_SEND);
		assert_int_equal(in(), layers <= ENG_NESTING_MAX ? ENG_DELIVER : ENG_DROP);
	}
	assert_int_equal(count(b, ENG_N_MALFORMED), 2);
}

static void
no_room(void **state)
{
	(void)state;
	add_sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-cbc", "hmac-sha1");
	add_policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	eng_host_packet(a, "172.16.1.5", "172.16.2.9", 100);
	a->p.room = a->p.head + a->p.len + 5;
	assert_int_equal(out(), ENG_DROP);
	eng_host_packet(a, "172.16.1.5", "172.16.2.9", 100);
	memmove(a->buf + 30, eng_host_ip(a), 100);
	a->p.head = 30;
	assert_int_equal(out(), ENG_DROP);
	assert_int_equal(count(a, ENG_N_MALFORMED), 2);
	eng_host_packet(a, "172.16.1.5", "172.16.2.9", 100);
	a->p.head = SIZE_MAX;
	assert_int_equal(out(), ENG_DROP);
	assert_int_equal(eng_input(a->e, a->now, &a->p), ENG_DROP);
	assert_int_equal(count(a, ENG_N_MALFORMED), 4);
}

static void
unknown_spi(void **state)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_GETSPI, SA_ESP, SA_TRANSPORT, 0, "192.0.2.1",
		"192.0.2.2", NULL, NULL);

	(void)state;
	m.spi_min = m.spi_max = 0x1000;
	call(b, m); /* larval: as good as none */
	forge(2, 4, 24);
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DROP);
	assert_int_equal(count(b, ENG_N_NO_SA), 1);
	eng_host_packet(b, "192.0.2.1", "192.0.2.2", 100);
	eng_host_ip(b)[9] = 6; /* not for us at all */
	assert_int_equal(eng_input(b->e, b->now, &b->p), ENG_DROP);
	assert_int_equal(count(b, ENG_N_MALFORMED), 1);
}

/* IVs: never the same, and for counters in sequence from a start that nobody knows. */
static void
ivs(void **state)
{
	uint64_t last = 0, iv;

	(void)state;
	add_sa(SA_ESP, SA_TUNNEL, 0x1000, "aes-gcm-16", NULL);
	add_policy("172.16.1.0/24", "172.16.2.0/24", tunnel_rule, NULL);
	for (unsigned i = 0; i < 10; i++) {
		send_plain("172.16.1.5", "172.16.2.9");
		iv = get_u64(eng_host_ip(a) + 28);
		assert_int_equal(get_u32(eng_host_ip(a) + 24), i + 1);
		if (i != 0)
			assert_int_equal(iv, last + 1);
		else
			assert_int_not_equal(iv, 0);
		last = iv;
	}
	add_sa(SA_ESP, SA_TUNNEL, 0x1001, "aes-cbc", "hmac-sha1");
	for (unsigned i = 0; i < 1000; i++) {
		send_plain("172.16.1.5", "172.16.2.9");
		iv = get_u64(eng_host_ip(a) + 28);
		assert_int_not_equal(iv, last);
		last = iv;
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(transport), T(tunnel), T(every_algorithm), T(ah_after_esp), T(nested_tunnels),
		T(ipv6), T(ipv6_extension_headers), T(udp_encapsulation),
		T(fields_of_the_outer_header), T(ah_and_what_routers_change), T(path_mtu),
		T(congestion),
		T(learned_mtu), T(no_errors_about_errors), T(fragments), T(inbound_policy),
		T(rules_must_fit), T(lying_trailers), T(truncated), T(nesting), T(no_room),
		T(unknown_spi), T(ivs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
