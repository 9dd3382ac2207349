/* test_pfkey.c - the PF_KEYv2 codec: layout, round trips, refusals, the text of setkey -x. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipsec/pfkey.h"
#include "lib/text.h"
#include "tests/unit/eng_host.h"

static uint8_t wire[PFKEY_MSG_MAX];

static size_t
encode(const struct sadb_msg *m)
{
	struct writer w = writer_of(wire, sizeof(wire));

	memset(wire, 0xee, sizeof(wire));
	assert_int_equal(pfkey_encode(m, &w), ST_NORMAL);
	assert_int_equal(pfkey_length(bytes_of(wire, writer_len(&w))), writer_len(&w));
	return writer_len(&w);
}

static struct sadb_msg
decode(size_t n)
{
	struct sadb_msg m;
	char why[128] = "";

	assert_int_equal(pfkey_decode(bytes_of(wire, n), &m, why, sizeof(why)), ST_NORMAL);
	return m;
}

/* What comes out again is the same to the octet. */
static struct sadb_msg
round_trip(const struct sadb_msg *m)
{
	uint8_t first[PFKEY_MSG_MAX];
	size_t n = encode(m);
	struct sadb_msg back = decode(n);

	memcpy(first, wire, n);
	assert_int_equal(encode(&back), n);
	assert_memory_equal(wire, first, n);
	assert_int_equal(back.op, m->op);
	assert_int_equal(back.seq, m->seq);
	assert_int_equal(back.pid, m->pid);
	assert_int_equal(back.error, m->error);
	return back;
}

static struct sadb_msg
sample(enum sadb_op op)
{
	struct sadb_msg m = eng_host_sa(op, SA_ESP, SA_TUNNEL, 0x12345678, "10.0.0.1", "10.0.0.2",
		"aes-cbc", "hmac-sha1");

	m.sa.reqid = 77;
	m.sa.flags = SA_F_CYCSEQ;
	m.sa.hard = (struct sa_life){ .allocations = 5, .bytes = 6, .add_s = 7, .use_s = 8 };
	m.sa.soft = (struct sa_life){ .bytes = 60 };
	return m;
}

static size_t
find_ext(size_t n, uint16_t type)
{
	for (size_t at = PFKEY_HEADER; at + 4 <= n;) {
		uint16_t units, t;

		memcpy(&units, wire + at, 2);
		memcpy(&t, wire + at + 2, 2);
		if (t == type)
			return at;
		at += (size_t)units * 8;
	}
	return 0;
}

/* Offsets of <linux/pfkeyv2.h>, written out. */
static void
layout(void **state)
{
	struct sadb_msg m = sample(SADB_OP_ADD);
	size_t n = encode(&m), at;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	(void)state;
	assert_int_equal(wire[0], 2);
	assert_int_equal(wire[1], 3);
	assert_int_equal(wire[3], 3); /* SADB_SATYPE_ESP */
	memcpy(&v16, wire + 4, 2);
	assert_int_equal(v16 * 8, n);
	memcpy(&v32, wire + 8, 4);
	assert_int_equal(v32, 7);
	at = find_ext(n, 1);
	assert_int_not_equal(at, 0);
	assert_int_equal(get_u32(wire + at + 4), 0x12345678); /* network order */
	assert_int_equal(wire[at + 8], 32);
	assert_int_equal(wire[at + 9], 1);
	assert_int_equal(wire[at + 10], 3);
	assert_int_equal(wire[at + 11], 12);
	memcpy(&v32, wire + at + 12, 4);
	assert_int_equal(v32, 0x40);
	at = find_ext(n, 3);
	memcpy(&v32, wire + at + 4, 4);
	assert_int_equal(v32, 5);
	memcpy(&v64, wire + at + 16, 8);
	assert_int_equal(v64, 7);
	at = find_ext(n, 6);
	assert_int_equal(wire[at + 4], 255);
	assert_int_equal(wire[at + 5], 32);
	memcpy(&v16, wire + at + 8, 2);
	assert_int_equal(v16, 2); /* AF_INET */
	assert_int_equal(get_u32(wire + at + 12), 0x0a000002);
	at = find_ext(n, 8);
	memcpy(&v16, wire + at + 4, 2);
	assert_int_equal(v16, 160);
	assert_memory_equal(wire + at + 8, m.sa.auth_key.b, 20);
	at = find_ext(n, 19);
	assert_int_equal(wire[at + 4], 2);
	memcpy(&v32, wire + at + 12, 4);
	assert_int_equal(v32, 77);
	for (size_t i = n; i < sizeof(wire); i++)
		assert_int_equal(wire[i], 0xee);
}

static void
sa_round_trips(void **state)
{
	static const enum sadb_op ops[] = { SADB_OP_ADD, SADB_OP_UPDATE, SADB_OP_GET, SADB_OP_DUMP,
		SADB_OP_DELETE };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		struct sadb_msg m = sample(ops[i]), back;

		m.sa.current = (struct sa_life){ .bytes = 1, .add_s = 1700000000, .use_s = 3 };
		m.sa.replay = 1024;
		m.sa.seq = 99;
		m.sa.state = SA_DYING;
		back = round_trip(&m);
		assert_true(back.has_sa);
		assert_false(back.has_sp);
		assert_int_equal(back.sa.spi, m.sa.spi);
		assert_int_equal(back.sa.replay, 1024);
		assert_int_equal(back.sa.state, SA_DYING);
		assert_int_equal(back.sa.seq, 99);
		assert_int_equal(back.sa.reqid, 77);
		assert_ptr_equal(back.sa.encr, m.sa.encr);
		assert_ptr_equal(back.sa.auth, m.sa.auth);
		assert_memory_equal(&back.sa.encr_key, &m.sa.encr_key, sizeof(m.sa.encr_key));
		assert_memory_equal(&back.sa.hard, &m.sa.hard, sizeof(m.sa.hard));
		assert_memory_equal(&back.sa.soft, &m.sa.soft, sizeof(m.sa.soft));
		assert_memory_equal(&back.sa.current, &m.sa.current, sizeof(m.sa.current));
		assert_true(net_endpoint_equal(&back.sa.dst, &m.sa.dst));
	}
}

static void
ipv6_and_nat(void **state)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TRANSPORT, 0x100, "fe80::1",
		"fe80::2", "aes-gcm-16", NULL), back;

	(void)state;
	m.sa.src.addr.scope = 3;
	back = round_trip(&m);
	assert_true(net_addr_equal(&back.sa.src.addr, &m.sa.src.addr));
	assert_int_equal(back.sa.encr_key.octets, 20);
	m = sample(SADB_OP_ADD);
	m.sa.natt = true;
	m.sa.src.port = 4500;
	m.sa.dst.port = 30000;
	m.sa.natt_oa = eng_host_addr("192.168.7.7");
	back = round_trip(&m);
	assert_true(back.sa.natt);
	assert_int_equal(back.sa.src.port, 4500);
	assert_int_equal(back.sa.dst.port, 30000);
	assert_true(net_addr_equal(&back.sa.natt_oa, &m.sa.natt_oa));
	m = eng_host_sa(SADB_OP_ADD, SA_AH, SA_TRANSPORT, 0x100, "1.1.1.1", "2.2.2.2", NULL,
		"hmac-sha512");
	back = round_trip(&m);
	assert_int_equal(back.sa.proto, SA_AH);
	assert_null(back.sa.encr);
}

static void
other_messages(void **state)
{
	struct sadb_msg m = sample(SADB_OP_GETSPI), back;

	(void)state;
	m.sa.spi = 0;
	m.sa.encr = m.sa.auth = NULL;
	m.sa.encr_key.octets = m.sa.auth_key.octets = 0;
	m.spi_min = 0x100;
	m.spi_max = 0xfffffff;
	back = round_trip(&m);
	assert_int_equal(back.spi_min, 0x100);
	assert_int_equal(back.spi_max, 0xfffffff);
	/* deleteall has no SA extension */
	m = sample(SADB_OP_DELETE);
	m.sa.spi = 0;
	m.sa.encr_key.octets = m.sa.auth_key.octets = 0;
	back = round_trip(&m);
	assert_int_equal(find_ext(encode(&m), 1), 0);
	assert_int_equal(back.sa.spi, 0);
	/* an error is a bare header */
	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_ADD;
	m.error = EEXIST;
	m.sa.proto = SA_AH;
	assert_int_equal(encode(&m), PFKEY_HEADER);
	back = round_trip(&m);
	assert_int_equal(back.sa.proto, SA_AH);
	for (int op = 1; op <= 22; op++) {
		memset(&m, 0, sizeof(m));
		m.op = (enum sadb_op)op;
		m.error = ESRCH;
		if (sadb_op_name(m.op)[0] != '?')
			round_trip(&m);
	}
	m = sample(SADB_OP_EXPIRE);
	m.sa.encr_key.octets = m.sa.auth_key.octets = 0;
	assert_false(round_trip(&m).hard);
	m.hard = true;
	back = round_trip(&m);
	assert_true(back.hard);
	assert_int_equal(back.sa.hard.add_s, 7);
	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_FLUSH;
	back = round_trip(&m);
	assert_false(back.has_sa);
	assert_int_equal(back.sa.proto, SA_NONE);
	m.op = SADB_OP_PROMISC;
	round_trip(&m);
	assert_int_equal(wire[3], 1);
}

static void
policies(void **state)
{
	struct sadb_msg m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/24", "10.1.0.0/16",
		SP_IPSEC, "esp/tunnel/1.1.1.1-2.2.2.2/unique:3", "ah/transport//use"), back;

	(void)state;
	m.sp.sel.upper = 6;
	m.sp.sel.sport = 500;
	m.sp.priority = SP_PRIORITY_HIGH - 10;
	m.sp.id = 281;
	m.sp.hard = (struct sa_life){ .add_s = 10, .use_s = 20 };
	m.sp.current = (struct sa_life){ .add_s = 1700000000 };
	back = round_trip(&m);
	assert_true(back.has_sp);
	assert_false(back.has_sa);
	assert_true(sp_selector_equal(&back.sp.sel, &m.sp.sel));
	assert_int_equal(back.sp.rules, 2);
	assert_true(sp_rule_equal(&back.sp.rule[0], &m.sp.rule[0]));
	assert_true(sp_rule_equal(&back.sp.rule[1], &m.sp.rule[1]));
	assert_int_equal(back.sp.priority, m.sp.priority);
	assert_int_equal(back.sp.id, 281);
	assert_int_equal(back.sp.hard.use_s, 20);
	assert_int_equal(back.sp.current.add_s, 1700000000);
	m = eng_host_policy(SADB_OP_SPDADD, SP_IN, "::/0", "::/0", SP_PASS, NULL, NULL);
	m.sp.sel.upper = 58;
	m.sp.sel.sport = 136; /* type 135 */
	m.sp.sel.dport = 1;   /* code 0, not any */
	back = round_trip(&m);
	assert_int_equal(back.sp.sel.sport, 136);
	assert_int_equal(back.sp.sel.dport, 1);
	m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "fd00::/64", "fd01::/64", SP_IPSEC,
		"esp/tunnel/fd09::1-fd09::2/require", NULL);
	back = round_trip(&m);
	assert_true(sp_rule_equal(&back.sp.rule[0], &m.sp.rule[0]));
	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_SPDGET;
	m.has_sp = true;
	m.sp.id = 5;
	assert_int_equal(round_trip(&m).sp.id, 5);
	m.op = SADB_OP_SPDDUMP;
	m.has_sp = false;
	assert_false(round_trip(&m).has_sp);
}

static void
acquire(void **state)
{
	struct sadb_msg m = eng_host_policy(SADB_OP_ACQUIRE, SP_OUT, "10.0.0.0/24", "10.1.0.0/16",
		SP_IPSEC, "esp/tunnel/1.1.1.1-2.2.2.2/require", NULL), back;

	(void)state;
	m.has_sa = true;
	m.sa.proto = SA_ESP;
	m.sa.mode = SA_TUNNEL;
	m.sa.src.addr = eng_host_addr("1.1.1.1");
	m.sa.dst.addr = eng_host_addr("2.2.2.2");
	m.sp.id = 9;
	back = round_trip(&m);
	assert_true(back.has_sa && back.has_sp);
	assert_int_equal(back.sa.proto, SA_ESP);
	assert_true(net_endpoint_equal(&back.sa.dst, &m.sa.dst));
	assert_true(sp_selector_equal(&back.sp.sel, &m.sp.sel));
	assert_int_equal(back.sp.id, 9);
}

/* What the first protocol of 2367 has no room for. */
static void
newer_fields(void **state)
{
	struct sadb_msg m = sample(SADB_OP_ADD), back;

	(void)state;
	m.sa.flags |= SA_F_ESN;
	m.sa.replay = 4096;
	m.sa.seq_high = 0x01020304;
	m.sa.natt = m.sa.natt_non_ike = true;
	m.sa.natt_frag = 1200;
	m.sa.src.port = 500;
	m.sa.dst.port = 4500;
	m.sa.ctx = (struct sa_context){ .doi = 1, .alg = 1, .text = "system_u:object_r:t" };
	back = round_trip(&m);
	assert_int_equal(back.sa.flags, SA_F_ESN | SA_F_CYCSEQ);
	assert_int_equal(back.sa.replay, 4096);
	assert_int_equal(back.sa.seq_high, 0x01020304);
	assert_true(back.sa.natt && back.sa.natt_non_ike);
	assert_int_equal(back.sa.natt_frag, 1200);
	assert_int_equal(back.sa.ctx.doi, 1);
	assert_string_equal(back.sa.ctx.text, "system_u:object_r:t");
	m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/24", "10.1.0.0/16", SP_IPSEC,
		"esp/tunnel/1.1.1.1-2.2.2.2/require", NULL);
	m.sp.ctx = (struct sa_context){ .doi = 1, .alg = 1, .text = "x" };
	back = round_trip(&m);
	assert_string_equal(back.sp.ctx.text, "x");
	memset(m.sp.ctx.text, 'x', sizeof(m.sp.ctx.text)); /* no end */
	struct writer w = writer_of(wire, sizeof(wire));
	assert_int_equal(pfkey_encode(&m, &w), ST_LIMIT);
}

static void
migration(void **state)
{
	struct sadb_msg m = eng_host_policy(SADB_OP_MIGRATE, SP_OUT, "10.0.0.0/24", "10.1.0.0/16",
		SP_IPSEC, "esp/tunnel/1.1.1.1-2.2.2.2/require", NULL), back;
	size_t n;

	(void)state;
	for (m.moves = 0; m.moves < SP_RULES_MAX; m.moves++)
		m.move[m.moves] = (struct sadb_move){ .from_src = eng_host_addr("1.1.1.1"),
			.from_dst = eng_host_addr("2.2.2.2"), .to_src = eng_host_addr("fd00::1"),
			.to_dst = eng_host_addr("fd00::2"), .proto = SA_ESP, .mode = SA_TUNNEL,
			.reqid = 7 + m.moves };
	back = round_trip(&m);
	assert_int_equal(back.moves, SP_RULES_MAX);
	assert_memory_equal(&back.move[3].to_dst, &m.move[3].to_dst, sizeof(struct net_addr));
	assert_int_equal(back.move[3].reqid, 10);
	assert_int_equal(back.sp.dir, SP_OUT);
	m.moves = 0;
	n = encode(&m);
	assert_int_equal(pfkey_decode(bytes_of(wire, n), &back, NULL, 0), ST_BADMSG);
}

/* As Linux's pfkey_send_new_mapping lays it out: old source, new source in the place of a
 * destination. */
static void
mapping(void **state)
{
	struct sadb_msg m = { .op = SADB_OP_MAPPING, .has_sa = true, .seq = 5 }, back;
	size_t n;

	(void)state;
	m.sa.proto = SA_ESP;
	m.sa.spi = 0x1234;
	m.sa.src = (struct net_endpoint){ eng_host_addr("192.0.2.1"), 4500 };
	m.mapped = (struct net_endpoint){ eng_host_addr("192.0.2.9"), 61234 };
	back = round_trip(&m);
	assert_true(back.has_sa);
	assert_int_equal(back.sa.spi, 0x1234);
	assert_int_equal(back.sa.proto, SA_ESP);
	assert_true(net_endpoint_equal(&back.sa.src, &m.sa.src));
	assert_true(net_endpoint_equal(&back.mapped, &m.mapped));
	m.mapped.port = 0;
	n = encode(&m);
	assert_int_equal(pfkey_decode(bytes_of(wire, n), &back, NULL, 0), ST_BADMSG);
}

/* -------------------------------------------------------------------------------- refusals --- */

static void
refused(size_t n, enum status expect, const char *what)
{
	struct sadb_msg m;
	char why[128] = "";

	assert_int_equal(pfkey_decode(bytes_of(wire, n), &m, why, sizeof(why)), expect);
	if (strstr(why, what) == NULL)
		fail_msg("reason is \"%s\", not \"%s\"", why, what);
	assert_int_equal(pfkey_decode(bytes_of(wire, n), &m, NULL, 0), expect);
}

static void
set16(size_t at, uint16_t v)
{
	memcpy(wire + at, &v, sizeof(v));
}

static void
bad_frames(void **state)
{
	struct sadb_msg m = sample(SADB_OP_ADD);
	size_t n = encode(&m), at;

	(void)state;
	for (size_t i = 0; i < n; i++)
		refused(i, ST_BADMSG, "header");
	wire[0] = 3;
	refused(n, ST_BADMSG, "header");
	assert_int_equal(pfkey_length(bytes_of(wire, n)), 0);
	n = encode(&m);
	set16(4, 1);
	refused(n, ST_BADMSG, "header");
	assert_int_equal(pfkey_length(bytes_of(wire, n)), 0);
	n = encode(&m);
	set16(4, 0xffff);
	assert_int_equal(pfkey_length(bytes_of(wire, n)), 0);
	n = encode(&m);
	wire[1] = 12;
	refused(n, ST_BADMSG, "message type");
	n = encode(&m);
	wire[3] = 7;
	refused(n, ST_BADMSG, "SA type");
	n = encode(&m);
	at = find_ext(n, 5);
	set16(at, 0);
	refused(n, ST_BADMSG, "length");
	set16(at, 200);
	refused(n, ST_BADMSG, "length");
	set16(at, 1);
	refused(n, ST_BADMSG, "length");
	n = encode(&m);
	set16(find_ext(n, 5) + 2, 6); /* two destinations */
	refused(n, ST_BADMSG, "twice");
	n = encode(&m);
	set16(find_ext(n, 5) + 2, 0);
	refused(n, ST_BADMSG, "reserved");
	n = encode(&m);
	set16(find_ext(n, 5) + 2, 250); /* unknown: skipped, and so the source is missing */
	refused(n, ST_BADMSG, "missing");
}

static void
bad_values(void **state)
{
	struct sadb_msg m = sample(SADB_OP_ADD);
	size_t n = encode(&m), at = find_ext(n, 6);

	(void)state;
	wire[at + 5] = 33;
	refused(n, ST_BADMSG, "prefix length");
	n = encode(&m);
	set16(at + 8, 10); /* an IPv6 address in the room of an IPv4 one */
	refused(n, ST_BADMSG, "family");
	set16(at + 8, 1);
	refused(n, ST_BADMSG, "family");
	n = encode(&m);
	at = find_ext(n, 1);
	wire[at + 10] = 200;
	refused(n, ST_NOALG, "algorithm");
	n = encode(&m);
	wire[at + 9] = 4;
	refused(n, ST_BADMSG, "state");
	n = encode(&m);
	wire[find_ext(n, 19) + 4] = 3;
	refused(n, ST_BADMSG, "mode");
	n = encode(&m);
	at = find_ext(n, 9);
	set16(at + 4, 120);
	refused(n, ST_BADMSG, "key of 120 bits");
	set16(at + 4, 0);
	refused(n, ST_BADMSG, "bits");
	set16(at + 4, 2048);
	refused(n, ST_BADMSG, "bits");
	/* Addresses of two families. */
	m = sample(SADB_OP_ADD);
	m.sa.src.addr = eng_host_addr("fd00::1");
	refused(encode(&m), ST_BADMSG, "different families");
	/* Nothing but a header where more is needed. */
	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_UPDATE;
	refused(encode(&m), ST_BADMSG, "without");
	m.op = SADB_OP_SPDADD;
	refused(encode(&m), ST_BADMSG, "without");
	m.op = SADB_OP_SPDGET;
	refused(encode(&m), ST_BADMSG, "without");
	m.op = SADB_OP_GETSPI;
	refused(encode(&m), ST_BADMSG, "without");
	/* An SA of no protocol, whatever the operation. */
	m = sample(SADB_OP_DUMP);
	m.sa.proto = SA_NONE;
	refused(encode(&m), ST_BADMSG, "without SA type");
	m = sample(SADB_OP_ADD);
	m.sa.ctx.text[0] = 'x';
	n = encode(&m);
	set16(find_ext(n, 24) + 6, 200);
	refused(n, ST_BADMSG, "security context");
}

static void
bad_policies(void **state)
{
	struct sadb_msg m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/24", "10.1.0.0/16",
		SP_IPSEC, "esp/tunnel/1.1.1.1-2.2.2.2/require", NULL);
	size_t n = encode(&m), at = find_ext(n, 18);

	(void)state;
	set16(at + 4, 9);
	refused(n, ST_BADMSG, "action");
	n = encode(&m);
	wire[at + 6] = 4;
	refused(n, ST_BADMSG, "direction");
	wire[at + 6] = 0;
	refused(n, ST_BADMSG, "direction");
	n = encode(&m);
	set16(at + 16, 15);
	refused(n, ST_BADMSG, "rule has length");
	set16(at + 16, 999);
	refused(n, ST_BADMSG, "rule has length");
	set16(at + 16, 16); /* the end points become a rule of their own */
	refused(n, ST_BADMSG, "end points");
	n = encode(&m);
	set16(at + 18, 6);
	refused(n, ST_BADMSG, "protocol 6");
	n = encode(&m);
	wire[at + 21] = 4;
	refused(n, ST_BADMSG, "level");
	n = encode(&m);
	set16(at + 32, 77);
	refused(n, ST_BADMSG, "end points");
	n = encode(&m);
	wire[find_ext(n, 5) + 4] = 6;
	refused(n, ST_BADMSG, "different protocols");
	/* More rules than we keep. */
	memset(&m.sp.rule, 0, sizeof(m.sp.rule));
	for (m.sp.rules = 0; m.sp.rules < SP_RULES_MAX; m.sp.rules++)
		m.sp.rule[m.sp.rules] = (struct sp_rule){ .proto = SA_ESP, .mode = SA_TRANSPORT };
	n = encode(&m);
	at = find_ext(n, 18);
	assert_int_equal(at + 16 + 4 * 16, n);
	memcpy(wire + n, wire + n - 16, 16);
	set16(at, (uint16_t)((n + 16 - at) / 8));
	set16(4, (uint16_t)((n + 16) / 8));
	refused(n + 16, ST_BADMSG, "more than 4 rules");
}

static void
no_room(void **state)
{
	struct sadb_msg m = sample(SADB_OP_ADD);
	size_t n = encode(&m);
	uint8_t small[PFKEY_MSG_MAX];

	(void)state;
	for (size_t i = 0; i < n; i += 4) {
		struct writer w = writer_of(small, i);

		assert_int_equal(pfkey_encode(&m, &w), ST_LIMIT);
	}
	m.sa.encr_key.octets = SA_KEY_MAX + 1;
	struct writer w = writer_of(small, sizeof(small));
	assert_int_equal(pfkey_encode(&m, &w), ST_LIMIT);
}

/* Whatever is changed in good messages: no crash, and what decodes encodes again. */
static void
mutations(void **state)
{
	uint64_t x = 5;
	unsigned decoded = 0;

	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		struct sadb_msg m = i % 3 == 0 ? sample(SADB_OP_ADD) : i % 3 == 1 ?
			eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/24", "10.1.0.0/16",
				SP_IPSEC, "esp/tunnel/1.1.1.1-2.2.2.2/require",
				"ah/transport//use") : sample(SADB_OP_GETSPI), back;
		size_t n = encode(&m);
		struct text t = { 0 };

		for (unsigned k = 0; k < 1 + i % 4; k++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			wire[(x >> 33) % n] = (uint8_t)(x >> 24);
		}
		if (pfkey_decode(bytes_of(wire, n), &back, NULL, 0) == ST_NORMAL) {
			struct writer w;
			uint8_t again[PFKEY_MSG_MAX];

			decoded++;
			w = writer_of(again, sizeof(again));
			assert_int_equal(pfkey_encode(&back, &w), ST_NORMAL);
			assert_int_equal(pfkey_decode(writer_bytes(&w), &back, NULL, 0), ST_NORMAL);
		}
		pfkey_print(bytes_of(wire, n), &t);
		text_free(&t);
	}
	assert_true(decoded > 1000);
}

/* ------------------------------------------------------------------------------------ text --- */

static void
printed(void **state)
{
	struct sadb_msg m;
	struct text t = { 0 };
	size_t n;

	(void)state;
	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_GET;
	m.pid = 23171;
	m.has_sa = true;
	m.sa.proto = SA_ESP;
	m.sa.spi = 4096;
	m.sa.flags = SA_F_CYCSEQ;
	m.sa.src.addr = eng_host_addr("10.0.0.1");
	m.sa.dst.addr = eng_host_addr("10.0.0.2");
	m.sa.encr_key.octets = 16;
	memcpy(m.sa.encr_key.b, "0123456789abcdef", 16);
	m.sa.hard = (struct sa_life){ .bytes = 100000, .add_s = 3600 };
	n = encode(&m);
	pfkey_print(bytes_of(wire, n), &t);
	assert_string_equal(text_str(&t),
		"sadb_msg{ version=2 type=5 errno=0 satype=3\n"
		"  len=19 reserved=0 seq=0 pid=23171\n"
		"sadb_ext{ len=2 type=1 }\n"
		"sadb_sa{ spi=4096 replay=0 state=0\n"
		"  auth=0 encrypt=0 flags=0x00000040 }\n"
		"sadb_ext{ len=4 type=3 }\n"
		"sadb_lifetime{ alloc=0, bytes=100000\n"
		"  addtime=3600, usetime=0 }\n"
		"sadb_ext{ len=3 type=5 }\n"
		"sadb_address{ proto=255 prefixlen=32 reserved=0x0000 }\n"
		"sockaddr{ len=16 family=2 port=0\n"
		" 0a000001  }\n"
		"sadb_ext{ len=3 type=6 }\n"
		"sadb_address{ proto=255 prefixlen=32 reserved=0x0000 }\n"
		"sockaddr{ len=16 family=2 port=0\n"
		" 0a000002  }\n"
		"sadb_ext{ len=3 type=9 }\n"
		"sadb_key{ bits=128 reserved=0\n"
		"  key= 30313233 34353637 38396162 63646566 }\n"
		"sadb_ext{ len=2 type=19 }\n"
		"sadb_x_sa2{ mode=0 reqid=0\n"
		"  reserved1=0 reserved2=0 sequence=0 }\n");
	text_clear(&t);
	set16(find_ext(n, 9), 100);
	pfkey_print(bytes_of(wire, n), &t);
	assert_non_null(strstr(text_str(&t), "sadb_ext{ len=100 type=9 }\n"
		"invalid extension length\n"));
	text_clear(&t);
	pfkey_print(bytes_of(wire, 9), &t);
	assert_string_equal(text_str(&t), "invalid message of 9 octets\n");
	text_clear(&t);
	m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/24", "10.1.0.0/16", SP_IPSEC,
		"esp/tunnel/1.1.1.1-2.2.2.2/require", NULL);
	pfkey_print(bytes_of(wire, encode(&m)), &t);
	assert_non_null(strstr(text_str(&t), "sadb_x_policy{ type=2 dir=2 id=0 priority=0 }\n"
		" { len=48 proto=50 mode=2 level=2 reqid=0\nsockaddr{ len=16 family=2 port=0\n"
		" 01010101  }\n"));
	text_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout),
		cmocka_unit_test(sa_round_trips),
		cmocka_unit_test(ipv6_and_nat),
		cmocka_unit_test(other_messages),
		cmocka_unit_test(policies),
		cmocka_unit_test(acquire),
		cmocka_unit_test(newer_fields),
		cmocka_unit_test(migration),
		cmocka_unit_test(mapping),
		cmocka_unit_test(bad_frames),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(bad_policies),
		cmocka_unit_test(no_room),
		cmocka_unit_test(mutations),
		cmocka_unit_test(printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
