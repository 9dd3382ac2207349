/* test_backend_xfrm.c - the NETLINK_XFRM codec: layout, round trips, what is refused and why. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipsec/backend_xfrm.h"
#include "tests/unit/eng_host.h"

static uint8_t wire[XFRM_MESSAGE_MAX];
static const struct xfrm_env env = { .now_s = 1000, .unique = 70000 };

static size_t
encode(const struct sadb_msg *m)
{
	struct writer w = writer_of(wire, sizeof(wire));
	char why[128] = "";
	int error = xfrm_encode(m, &env, &w, why, sizeof(why));

	if (error != 0)
		fail_msg("%s: %s", strerror(error), why);
	assert_int_equal(*(uint32_t *)(void *)wire, writer_len(&w));
	return writer_len(&w);
}

static struct sadb_msg
decode(size_t n)
{
	struct sadb_msg m;
	char why[128] = "";

	if (xfrm_decode(bytes_of(wire, n), &env, &m, why, sizeof(why)) != XFRM_MESSAGE)
		fail_msg("%s", why);
	return m;
}

static void
refused(const struct sadb_msg *m, int error, const char *what)
{
	struct writer w = writer_of(wire, sizeof(wire));
	char why[128] = "";

	assert_int_equal(xfrm_encode(m, &env, &w, why, sizeof(why)), error);
	if (strstr(why, what) == NULL)
		fail_msg("reason is \"%s\", not \"%s\"", why, what);
}

static struct sadb_msg
sample(const char *encr, const char *auth)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, 0x12345678, "10.0.0.1",
		"10.0.0.2", encr, auth);

	m.sa.reqid = 77;
	m.sa.replay = 32;
	return m;
}

/* An attribute's place in wire, or NULL. */
static const uint8_t *
attribute(size_t n, size_t fixed, uint16_t type, size_t *octets)
{
	for (size_t at = NLMSG_HDRLEN + fixed; at + 4 <= n;) {
		uint16_t len, t;

		memcpy(&len, wire + at, 2);
		memcpy(&t, wire + at + 2, 2);
		*octets = len - 4u;
		if (t == type)
			return wire + at + 4;
		at += xfrm_align(len);
	}
	return NULL;
}

static void
algorithms(void **state)
{
	struct sadb_msg m, back;
	const uint8_t *at;
	struct xfrm_algo_auth auth;
	struct xfrm_algo_aead aead;
	size_t n, octets;

	(void)state;
	/* RFC 4868: 128 bits, which the kernel's own default is not. */
	m = sample("aes-cbc", "hmac-sha256");
	n = encode(&m);
	at = attribute(n, sizeof(struct xfrm_usersa_info), XFRMA_ALG_AUTH_TRUNC, &octets);
	assert_non_null(at);
	memcpy(&auth, at, sizeof(auth));
	assert_string_equal(auth.alg_name, "hmac(sha256)");
	assert_int_equal(auth.alg_trunc_len, 128);
	assert_int_equal(auth.alg_key_len, 256);
	assert_memory_equal(at + sizeof(auth), m.sa.auth_key.b, 32);
	back = decode(n);
	assert_ptr_equal(back.sa.auth, m.sa.auth);
	m = sample("aes-cbc", "hmac-sha256-96");
	back = decode(encode(&m));
	assert_string_equal(back.sa.auth->name, "hmac-sha256-96");
	m = sample("aes-gcm-12", NULL);
	n = encode(&m);
	at = attribute(n, sizeof(struct xfrm_usersa_info), XFRMA_ALG_AEAD, &octets);
	assert_non_null(at);
	memcpy(&aead, at, sizeof(aead));
	assert_int_equal(aead.alg_icv_len, 96);
	back = decode(n);
	assert_ptr_equal(back.sa.encr, m.sa.encr);
	assert_int_equal(back.sa.encr_key.octets, m.sa.encr_key.octets);
	/* What the kernel has no name for. */
	m = sample("aes-cbc", "keyed-md5");
	refused(&m, EOPNOTSUPP, "keyed-md5");
	m = sample("aes-gcm-16", "hmac-sha1");
	refused(&m, EINVAL, "authenticates by itself");
	/* What we have no name for: an SA of the kernel's is not made one of the null cipher. */
	m = sample("aes-cbc", "hmac-sha1");
	m.sa.encr = NULL;
	refused(&m, EINVAL, "a cipher that is not known");
	m = sample("aes-cbc", "hmac-sha1");
	m.sa.auth = NULL;
	refused(&m, EINVAL, "an authentication that is not known");
}

static void
windows(void **state)
{
	struct sadb_msg m = sample("aes-cbc", "hmac-sha1"), back;
	struct xfrm_usersa_info info;
	size_t n, octets;

	(void)state;
	n = encode(&m);
	memcpy(&info, wire + NLMSG_HDRLEN, sizeof(info));
	assert_int_equal(info.replay_window, 32);
	assert_null(attribute(n, sizeof(info), XFRMA_REPLAY_ESN_VAL, &octets));
	for (unsigned esn = 0; esn < 2; esn++) {
		m.sa.flags = esn ? SA_F_ESN : 0;
		m.sa.replay = 4096;
		n = encode(&m);
		memcpy(&info, wire + NLMSG_HDRLEN, sizeof(info));
		assert_int_equal(info.replay_window, 0);
		assert_int_equal((info.flags & XFRM_STATE_ESN) != 0, esn);
		back = decode(n);
		assert_int_equal(back.sa.replay, 4096);
		assert_int_equal(back.sa.flags, m.sa.flags);
	}
	m.sa.replay = 0; /* 64 bits without a window do not exist */
	back = decode(encode(&m));
	assert_int_equal(back.sa.replay, 32);
	m.sa.replay = 4097;
	refused(&m, EINVAL, "4096");
}

static void
everything(void **state)
{
	struct sadb_msg m = sample("aes-cbc", "hmac-sha1"), back;

	(void)state;
	m.sa.flags = SA_F_CYCSEQ;
	m.sa.natt = m.sa.natt_non_ike = true;
	m.sa.src.port = 500;
	m.sa.dst.port = 4500;
	m.sa.natt_oa = eng_host_addr("192.0.2.9");
	m.sa.hard = (struct sa_life){ .allocations = 5, .bytes = 6, .add_s = 7, .use_s = 8 };
	m.sa.soft = (struct sa_life){ .bytes = 4 };
	m.sa.mark = (struct sa_mark){ .value = 3, .mask = 0xff };
	m.sa.if_id = 9;
	m.seq = 0x55;
	back = decode(encode(&m));
	assert_true(back.sa.natt && back.sa.natt_non_ike);
	assert_true(net_endpoint_equal(&back.sa.dst, &m.sa.dst));
	assert_true(net_addr_equal(&back.sa.natt_oa, &m.sa.natt_oa));
	assert_memory_equal(&back.sa.hard, &m.sa.hard, sizeof(m.sa.hard));
	assert_memory_equal(&back.sa.soft, &m.sa.soft, sizeof(m.sa.soft));
	assert_int_equal(back.sa.mark.value, 3);
	assert_int_equal(back.sa.if_id, 9);
	assert_int_equal(back.sa.flags, SA_F_CYCSEQ);
	assert_int_equal(back.seq, 0x55);
	m.sa.ctx = (struct sa_context){ .doi = 1, .alg = 1, .text = "label" };
	refused(&m, EOPNOTSUPP, "SELinux");
	m.sa.ctx.text[0] = '\0';
	m.sa.natt_frag = 1000;
	refused(&m, EOPNOTSUPP, "esp_frag");
	m.sa.natt_frag = 0;
	m.sa.flags = SA_F_OLD;
	refused(&m, EOPNOTSUPP, "esp-old");
	m.sa.flags = 0;
	m.sa.src.addr = eng_host_addr("fd00::1");
	refused(&m, EINVAL, "one family");
	m.op = SADB_OP_DELETE;
	m.sa.spi = 0;
	refused(&m, EOPNOTSUPP, "one SA at a time");
}

static void
policies(void **state)
{
	struct sadb_msg m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.1/24", "10.1.0.0/16",
		SP_IPSEC, "esp/tunnel/1.1.1.1-2.2.2.2/unique", "ah/transport//use"), back;

	(void)state;
	m.sp.sel.upper = 1;
	m.sp.sel.sport = 1; /* ICMP type 0 */
	back = decode(encode(&m));
	assert_int_equal(back.sp.sel.sport, 1);
	assert_int_equal(back.sp.sel.dport, 0);
	assert_int_equal(back.sp.sel.src.addr.b[3], 0); /* host bits are gone */
	assert_int_equal(back.sp.rules, 2);
	assert_int_equal(back.sp.rule[0].level, SP_UNIQUE);
	assert_int_equal(back.sp.rule[0].reqid, 70000);
	assert_int_equal(back.sp.rule[1].level, SP_USE);
	assert_int_equal(back.sp.rule[1].mode, SA_TRANSPORT);
	assert_int_equal(back.sp.dir, SP_OUT);
	assert_int_equal(back.sp.action, SP_IPSEC);
	assert_int_equal(back.sp.priority, SP_PRIORITY_DEFAULT);
	m.sp.priority = SP_PRIORITY_HIGH;
	back = decode(encode(&m));
	assert_int_equal(back.sp.priority, SP_PRIORITY_HIGH);
	m.sp.action = SP_ENTRUST;
	refused(&m, EOPNOTSUPP, "entrust");
	m.sp.dir = (enum sp_dir)0;
	refused(&m, EINVAL, "direction");
	m.op = SADB_OP_SPDGET;
	m.sp.id = 7; /* a socket's */
	refused(&m, ENOENT, "no policy");
}

/* What the kernel tells of authentic ESP from another port. */
static void
mapping(void **state)
{
	struct xfrm_user_mapping x = { .reqid = 7, .old_sport = htons(4500),
		.new_sport = htons(61234) };
	struct nlmsghdr h = { .nlmsg_type = XFRM_MSG_MAPPING,
		.nlmsg_len = NLMSG_HDRLEN + sizeof(x) };
	struct sadb_msg m;

	(void)state;
	x.id.family = AF_INET;
	x.id.proto = SA_ESP;
	x.id.spi = htonl(0x1234);
	x.id.daddr.a4 = htonl(0x0a000002);
	x.old_saddr.a4 = htonl(0x0a000001);
	x.new_saddr.a4 = htonl(0x0a000009);
	memcpy(wire, &h, sizeof(h));
	memcpy(wire + NLMSG_HDRLEN, &x, sizeof(x));
	m = decode(h.nlmsg_len);
	assert_int_equal(m.op, SADB_OP_MAPPING);
	assert_int_equal(m.sa.spi, 0x1234);
	assert_int_equal(m.sa.proto, SA_ESP);
	assert_int_equal(m.sa.reqid, 7);
	assert_int_equal(m.sa.src.port, 4500);
	assert_int_equal(m.mapped.port, 61234);
	assert_int_equal(get_u32(m.mapped.addr.b), 0x0a000009);
	assert_int_equal(get_u32(m.sa.dst.addr.b), 0x0a000002);
	h.nlmsg_len -= 8;
	memcpy(wire, &h, sizeof(h));
	assert_int_equal(xfrm_decode(bytes_of(wire, h.nlmsg_len), &env, &m, NULL, 0), XFRM_BROKEN);
	x.id.family = 99;
	h.nlmsg_len += 8;
	memcpy(wire, &h, sizeof(h));
	memcpy(wire + NLMSG_HDRLEN, &x, sizeof(x));
	assert_int_equal(xfrm_decode(bytes_of(wire, h.nlmsg_len), &env, &m, NULL, 0), XFRM_BROKEN);
	refused(&(struct sadb_msg){ .op = SADB_OP_MAPPING }, EINVAL, "no request");
}

/* Octets that are cut anywhere, or changed, are an error or a message, never a crash. */
static void
mutations(void **state)
{
	uint64_t x = 9;
	unsigned decoded = 0;

	(void)state;
	for (unsigned i = 0; i < 40000; i++) {
		struct sadb_msg m = i % 2 == 0 ? sample("aes-cbc", "hmac-sha256") :
			eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/24", "10.1.0.0/16",
				SP_IPSEC, "esp/tunnel/1.1.1.1-2.2.2.2/require", NULL), back;
		size_t n = encode(&m);
		uint32_t cut;

		for (unsigned k = 0; k < 1 + i % 4; k++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			wire[8 + (x >> 33) % (n - 8)] = (uint8_t)(x >> 24);
		}
		if (i % 5 == 0)
			n = (size_t)(x >> 33) % n;
		cut = (uint32_t)n;
		memcpy(wire, &cut, sizeof(cut));
		if (xfrm_decode(bytes_of(wire, n), &env, &back, NULL, 0) == XFRM_MESSAGE)
			decoded++;
	}
	assert_true(decoded > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(algorithms),
		cmocka_unit_test(windows),
		cmocka_unit_test(everything),
		cmocka_unit_test(policies),
		cmocka_unit_test(mapping),
		cmocka_unit_test(mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
