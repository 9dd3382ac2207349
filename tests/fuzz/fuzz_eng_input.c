/*
 * fuzz_eng_input.c - libFuzzer target: packets and control messages for a live engine.
 *
 * The input is a row of records: one octet says what follows (in, out, PF_KEY message, time,
 * migration), two give its length.  Some SAs have no integrity check, so that what is inside is
 * reached: IPComp, the other family, more ESP.
 *
 * Most inputs change nothing but counters.  The engine is then put back to what it was, which costs
 * a tenth of making it; so it looks into the engine's own header, as nobody else may.
 */
#include <stdlib.h>
#include <string.h>

#include "ipsec/engine/eng_int.h"
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

	struct eng_audit audit;

	for (unsigned i = 0; i < 1000 && eng_answer(e, &a); i++)
		;
	while (eng_audit(e, &audit))
		if (eng_count_condition(audit.what) == ST_NORMAL)
			abort();
}

static void
control(struct eng *e, instant now, const struct sadb_msg *m)
{
	eng_control(e, now, (wall){ 1700000000000 }, 1, m);
	drain(e);
}

struct end { /* one of the SAs below */
	enum sa_proto proto;
	enum sa_mode mode;
	uint32_t spi;
	const char *encr, *auth;
	uint32_t flags;
	bool natt, marker;
	uint16_t frag;
};

static const struct end ends[] = {
	{ SA_ESP, SA_MODE_ANY, 0x101, "null", NULL, 0, false, false, 0 },
	{ SA_ESP, SA_TUNNEL, 0x102, "null", "hmac-md5", 0, false, false, 0 },
	{ SA_ESP, SA_MODE_ANY, 0x103, "null", NULL, 0, true, false, 0 },
	{ SA_ESP, SA_MODE_ANY, 0x104, "aes-cbc", NULL, 0, false, false, 0 },
	{ SA_ESP, SA_TRANSPORT, 0x105, "aes-gcm-16", NULL, SA_F_ESN, false, false, 0 },
	{ SA_ESP, SA_MODE_ANY, 0x106, "null", NULL, SA_F_ESN, true, true, 0 },
	{ SA_ESP, SA_MODE_ANY, 0x107, "null", NULL, SA_F_OLD, false, false, 0 },
	{ SA_ESP, SA_TUNNEL, 0x108, "null", NULL, SA_F_ESN, true, false, 300 },
	{ SA_AH, SA_MODE_ANY, 0x101, NULL, "hmac-md5", SA_F_ESN, false, false, 0 },
	{ SA_AH, SA_MODE_ANY, 0x102, NULL, "keyed-md5", SA_F_OLD, false, false, 0 },
	{ SA_IPCOMP, SA_MODE_ANY, 0x101, NULL, NULL, 0, false, false, 0 },
	{ SA_IPCOMP, SA_TUNNEL, 2, NULL, NULL, 0, false, false, 0 },
};

static struct net_addr
address(uint8_t family, uint32_t last)
{
	struct net_addr a = net_ipv4(0x0a000000 + last);

	if (family == 4)
		return a;
	memset(&a, 0, sizeof(a));
	a.family = 6;
	a.b[0] = 0xfd;
	a.b[15] = (uint8_t)last;
	return a;
}

enum { ENDS = sizeof(ends) / sizeof(ends[0]), SAS = 2 * ENDS };

/* The engine of all inputs, and what it was before the first. */
static struct stage {
	struct cry *cry;
	struct eng *e;
	struct eng_sa *sa[SAS], was[SAS];
	uint64_t sad_generation, spd_generation;
} stage;

/* From .1 to .2, in both directions of the datapath. */
static struct eng_sa *
add_sa(struct eng *e, const struct end *s, uint8_t family)
{
	struct ipsec_sa v;
	struct eng_sa *sa;
	int error;

	memset(&v, 0, sizeof(v));
	v.proto = s->proto;
	v.mode = s->mode;
	v.spi = s->spi;
	v.src.addr = address(family, 1);
	v.dst.addr = address(family, 2);
	v.flags = s->flags;
	v.natt = s->natt;
	v.natt_non_ike = s->marker;
	v.natt_frag = s->frag;
	v.replay = (s->flags & SA_F_ESN) != 0 ? 64 : 0;
	if (s->proto == SA_IPCOMP)
		v.comp = alg_by_name(ALG_COMP, "deflate");
	if (s->encr != NULL) {
		v.encr = alg_by_name(ALG_ENCR, s->encr);
		v.encr_key.octets = (uint16_t)(alg_default_bits(v.encr) / 8 + v.encr->salt);
	}
	if (s->auth != NULL) {
		v.auth = alg_by_name(ALG_AUTH, s->auth);
		v.auth_key.octets = (uint16_t)(alg_default_bits(v.auth) / 8);
	}
	sa = eng_sa_new(e, (instant){ 1 }, &v, &error);
	if (sa == NULL || eng_sa_fill(e, sa, &v) != 0)
		abort();
	eng_sa_arm(e, sa);
	return sa;
}

static void
add_policy(struct eng *e, enum sp_dir dir, uint8_t family, uint8_t upper, enum sa_mode mode,
	bool comp)
{
	struct ipsec_policy p;
	int error;

	memset(&p, 0, sizeof(p));
	p.dir = dir;
	p.action = SP_IPSEC;
	p.sel.upper = upper;
	p.sel.src.addr.family = p.sel.dst.addr.family = family;
	if (comp)
		p.rule[p.rules++] = (struct sp_rule){ .proto = SA_IPCOMP, .mode = SA_TRANSPORT,
			.level = SP_USE };
	p.rule[p.rules] = (struct sp_rule){ .proto = SA_ESP, .mode = mode, .level = SP_REQUIRE };
	p.rule[p.rules].src.addr = address(family, 1);
	p.rule[p.rules++].dst.addr = address(family, 2);
	if (eng_spd_check(&p) != 0 || eng_spd_add(e, (instant){ 1 }, &p, &error) == NULL)
		abort();
}

static void
set_up(void)
{
	struct eng_env env = { .random = zero, .hash_key = { 1, 2 } };
	size_t n = 0;

	if (stage.cry == NULL)
		stage.cry = cry_new();
	env.cry = stage.cry;
	eng_free(stage.e);
	stage.e = eng_new(&env);
	if (stage.e == NULL)
		abort();
	for (uint8_t family = 4; family <= 6; family = (uint8_t)(family + 2)) {
		for (size_t i = 0; i < ENDS; i++)
			stage.sa[n++] = add_sa(stage.e, &ends[i], family);
		add_policy(stage.e, SP_IN, family, SP_UPPER_ANY, SA_TUNNEL, false);
		add_policy(stage.e, SP_OUT, family, SP_UPPER_ANY, SA_TUNNEL, false);
		add_policy(stage.e, SP_OUT, family, 17, SA_TRANSPORT, true);
	}
	for (size_t i = 0; i < SAS; i++)
		stage.was[i] = *stage.sa[i];
	stage.sad_generation = stage.e->sad_generation;
	stage.spd_generation = stage.e->spd.generation;
}

/* Did the last input add, remove or change anything, or leave anything waiting? */
static bool
is_changed(const struct eng *e)
{
	return e == NULL || e->sad_generation != stage.sad_generation || e->sa_count != SAS ||
		e->spd.generation != stage.spd_generation || e->acquire_count != 0 ||
		e->dump_count != 0 || e->piece_count != 0 || e->event_count != 0;
}

/* Numbers, windows and counters as they were; what ciphers keep between packets means nothing. */
static void
put_back(struct eng *e)
{
	for (size_t i = 0; i < SAS; i++) {
		struct eng_sa *sa = stage.sa[i];
		struct cry_esp *seal = sa->seal, *open = sa->open;

		*sa = stage.was[i];
		sa->seal = seal;
		sa->open = open;
		sa->any->wide = false;
		if (sa->window.size != 0)
			memset(sa->window.word, 0, (sa->window.mask + 1) * sizeof(uint64_t));
	}
	for (struct eng_policy *sp = eng_spd_first(e); sp != NULL; sp = eng_spd_next(e, sp)) {
		sp->used = sp->created;
		sp->packets = sp->bytes = 0;
	}
	stage.spd_generation = ++e->spd.generation; /* nor is any decision remembered */
	memset(e->recent, 0, sizeof(e->recent));
	memset(e->audit_rate, 0, sizeof(e->audit_rate));
	memset(e->count, 0, sizeof(e->count));
	e->audit_first = e->audit_count = 0;
	e->pool_left = 0;
	e->ip_id = 0;
	e->noon = e->latest = (instant){ 0 };
	e->today = (wall){ 0 };
	eng_client_gone(e, 1);
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
	p = (struct eng_packet){ .buf = p.buf, .room = room };
	while (eng_release(e, now, &p)) {
		if (p.head > p.room || p.len > p.room - p.head || p.len == 0)
			abort();
		p = (struct eng_packet){ .buf = p.buf, .room = room };
	}
	free(p.buf);
	drain(e);
}

/*
 * Octets behind headers that lead to an SA, or on the way out to a policy, which chance alone would
 * seldom make.  The first says which, and what is wanted of the IP header.
 */
static void
crafted(struct eng *e, instant now, bool in, struct bytes b)
{
	uint8_t p[ROOM + 100] = { 0 }, pick = b.p[0], family = (pick & 0x80) != 0 ? 6 : 4;
	const struct end *s = &ends[(pick & 15) % ENDS];
	struct net_addr src = address(family, 1), dst = address(family, 2);
	size_t ip = family == 6 ? 40 : 20, n = ip;

	p[family == 6 ? 6 : 9] = in ? (uint8_t)(s->natt ? 17 : s->proto) : b.n > 1 ? b.p[1] : 17;
	p[0] = family == 6 ? 0x60 : 0x45;
	p[1] = family == 6 ? 0 : pick >> 5 & 3;
	if (family == 4 && (pick & 0x10) != 0)
		p[6] = 0x40;
	memcpy(p + (family == 6 ? 8 : 12), src.b, family == 6 ? 16 : 4);
	memcpy(p + (family == 6 ? 24 : 16), dst.b, family == 6 ? 16 : 4);
	if (in && s->natt)
		n += s->marker ? 16 : 8;
	if (in && s->proto == SA_IPCOMP) {
		p[n] = b.n > 1 ? b.p[1] : 17;
		patch_u16(p + n + 2, (uint16_t)s->spi);
		n += 4;
	} else if (in) {
		patch_u32(p + n + (s->proto == SA_AH ? 4 : 0), s->spi);
		n += s->proto == SA_AH ? 8 : 4;
	}
	memcpy(p + n, b.p + 1, b.n - 1);
	n += b.n - 1;
	patch_u16(p + (family == 6 ? 4 : 2), (uint16_t)(family == 6 ? n - ip : n));
	packet(e, now, in, p, n);
}

/* What PF_KEY messages cannot say well enough by chance: end points move, networks tell MTUs. */
static void
move(struct eng *e, instant now, struct bytes b)
{
	struct reader r = reader_of(b);
	uint8_t what = read_u8(&r), family = (what & 1) != 0 ? 6 : 4;
	uint8_t to = (what & 2) != 0 ? 6 : 4;
	struct sadb_msg m;
	struct net_addr dst = address(family, read_u8(&r));

	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_MIGRATE;
	m.has_sp = true;
	m.sp.dir = (enum sp_dir)(read_u8(&r) & 3);
	m.sp.sel.upper = (what & 4) != 0 ? 17 : SP_UPPER_ANY;
	m.sp.sel.src.addr.family = m.sp.sel.dst.addr.family = family;
	m.moves = 1 + (what >> 3 & 1);
	for (unsigned i = 0; i < m.moves; i++)
		m.move[i] = (struct sadb_move){ .from_src = address(family, read_u8(&r)),
			.from_dst = address(family, read_u8(&r)),
			.to_src = address(to, read_u8(&r)), .to_dst = address(to, read_u8(&r)),
			.proto = (enum sa_proto)read_u8(&r), .mode = (enum sa_mode)(what >> 6) };
	control(e, now, &m);
	eng_path_mtu(e, &dst, read_u32(&r), read_u32(&r));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(bytes_of(data, size));
	struct eng *e;
	instant now = { 1000 };

	if (is_changed(stage.e))
		set_up();
	else
		put_back(stage.e);
	e = stage.e;
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
		if ((what & 0xf0) == 0xf0) {
			move(e, now, b);
			continue;
		}
		switch (what & 3) {
		case 0:
		case 1:
			if (b.n != 0 && (what & 8) != 0)
				crafted(e, now, (what & 3) == 0, b);
			else if (b.n != 0)
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
	return 0;
}
