/*
 * fuzz_eng_input.c - libFuzzer target: packets and control messages for a live engine.
 *
 * The input is a row of records: one octet says what follows (in, out, PF_KEY message, time), two
 * give its length.  Some SAs have no integrity check, so that what is inside is reached.
 */
#include <stdlib.h>
#include <string.h>

#include "ipsec/engine/eng.h"
#include "ipsec/pfkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 9000 };

static void
zero(void *user, uint8_t *out, size_t n)
{
	(void)user;
	memset(out, 0, n);
}

static void
drain(struct eng *e)
{
	struct eng_answer a;

	for (unsigned i = 0; i < 1000 && eng_answer(e, &a); i++)
		;
}

static void
control(struct eng *e, instant now, const struct sadb_msg *m)
{
	eng_control(e, now, (wall){ 1700000000000 }, 1, m);
	drain(e);
}

static void
add_sa(struct eng *e, enum sa_proto proto, enum sa_mode mode, uint32_t spi, const char *encr,
	const char *auth)
{
	struct sadb_msg m;

	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_ADD;
	m.has_sa = true;
	m.sa.proto = proto;
	m.sa.mode = mode;
	m.sa.spi = spi;
	m.sa.src.addr = net_ipv4(0x0a000001);
	m.sa.dst.addr = net_ipv4(0x0a000002);
	m.sa.natt = spi == 3;
	if (encr != NULL) {
		m.sa.encr = alg_by_name(ALG_ENCR, encr);
		m.sa.encr_key.octets = (uint16_t)(alg_default_bits(m.sa.encr) / 8 +
			m.sa.encr->salt);
	}
	if (auth != NULL) {
		m.sa.auth = alg_by_name(ALG_AUTH, auth);
		m.sa.auth_key.octets = (uint16_t)(alg_default_bits(m.sa.auth) / 8);
	}
	control(e, (instant){ 1 }, &m);
}

static void
add_policy(struct eng *e, enum sp_dir dir, enum sa_mode mode)
{
	struct sadb_msg m;

	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_SPDADD;
	m.has_sp = true;
	m.sp.dir = dir;
	m.sp.action = SP_IPSEC;
	m.sp.sel.upper = mode == SA_TUNNEL ? SP_UPPER_ANY : 17;
	m.sp.sel.src.addr = m.sp.sel.dst.addr = net_ipv4(0);
	m.sp.rules = 1;
	m.sp.rule[0] = (struct sp_rule){ .proto = SA_ESP, .mode = mode, .level = SP_REQUIRE };
	m.sp.rule[0].src.addr = net_ipv4(0x0a000001);
	m.sp.rule[0].dst.addr = net_ipv4(0x0a000002);
	control(e, (instant){ 1 }, &m);
}

static struct eng *
engine(struct cry *cry)
{
	struct eng_env env = { .cry = cry, .random = zero, .hash_key = { 1, 2 } };
	struct eng *e = eng_new(&env);

	if (e == NULL)
		abort();
	add_sa(e, SA_ESP, SA_MODE_ANY, 1, "null", NULL);
	add_sa(e, SA_ESP, SA_TUNNEL, 2, "null", "hmac-md5");
	add_sa(e, SA_ESP, SA_MODE_ANY, 3, "null", NULL);
	add_sa(e, SA_ESP, SA_MODE_ANY, 4, "aes-cbc", NULL);
	add_sa(e, SA_ESP, SA_TRANSPORT, 5, "aes-gcm-16", NULL);
	add_sa(e, SA_AH, SA_MODE_ANY, 1, NULL, "hmac-md5");
	add_policy(e, SP_IN, SA_TUNNEL);
	add_policy(e, SP_OUT, SA_TUNNEL);
	add_policy(e, SP_OUT, SA_TRANSPORT);
	return e;
}

static void
packet(struct eng *e, instant now, bool in, const uint8_t *data, size_t n)
{
	/* Exactly as much room as is promised, so that a step too far is seen. */
	size_t room = ENG_HEADROOM + n + ENG_TAILROOM;
	struct eng_packet p = { .buf = malloc(room), .room = room, .head = ENG_HEADROOM, .len = n };
	enum eng_verdict v;

	if (p.buf == NULL)
		abort();
	memcpy(p.buf + p.head, data, n);
	p.mtu = n % 3 == 0 ? 600 : 0;
	v = in ? eng_input(e, now, &p) : eng_output(e, now, &p);
	if ((v == ENG_SEND || v == ENG_DELIVER || v == ENG_REPLY || v == ENG_CLEAR) &&
		(p.head > p.room || p.len > p.room - p.head || p.len == 0))
		abort();
	free(p.buf);
	drain(e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cry *cry;
	struct reader r = reader_of(bytes_of(data, size));
	struct eng *e;
	instant now = { 1000 };

	if (cry == NULL)
		cry = cry_new();
	e = engine(cry);
	for (unsigned i = 0; i < 64 && reader_left(&r) > 3; i++) {
		uint8_t what = read_u8(&r);
		size_t n = read_u16(&r);
		struct sadb_msg m;
		struct bytes b;

		if (n > reader_left(&r))
			n = reader_left(&r);
		if (n > ROOM)
			n = ROOM;
		b = read_bytes(&r, n);
		switch (what & 3) {
		case 0:
		case 1:
			if (b.n != 0)
				packet(e, now, (what & 3) == 0, b.p, b.n);
			break;
		case 2:
			if (pfkey_decode(b, &m, NULL, 0) == ST_NORMAL)
				control(e, now, &m);
			break;
		case 3:
			now = instant_add(now, (int64_t)n * 100);
			eng_timer(e, now, (wall){ 1700000000000 + now.ms });
			drain(e);
			break;
		}
	}
	eng_free(e);
	return 0;
}
