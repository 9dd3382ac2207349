/*
 * fuzz_attr.c - proposals, transforms and their attributes: SA payloads of both phases, judged as
 * an offer and as an answer by the engines of an established pair, and lists of attributes alone.
 *
 * First octet: what it is.  Either the octets are an SA payload's body, or attributes that are put
 * into one or two transforms, so that the fuzzer need not find the lengths.  What was chosen lies
 * in the offer, and what was parsed is built again as the same.
 */
#include "racoon/ikev1/v1_prop.h"
#include "tests/fuzz/pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { WHAT_BODY = 1, WHAT_TWO = 2, WHAT_LIST = 4, WHAT_LOUD = 8, WHAT_NATT = 16 };
enum { TRANSFORM = 8, PROPOSAL = 8 };

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	pair_init();
	return 0;
}

static void
check_pick1(const struct wire_sa *sa, const struct v1_pick1 *p)
{
	if (p->proposal >= sa->proposals || p->transform >= sa->proposal[p->proposal].transforms ||
		p->encr == NULL || p->hash == NULL || p->group == NULL || p->life_ms <= 0 ||
		!alg_key_ok(p->encr, p->bits))
		abort();
}

static void
phase1(struct ike *e, struct ike_sa *sa, enum rc_check check, const struct wire_sa *offer)
{
	static struct rc_remote conf;
	struct v1_pick1 pick = { 0 };
	char why[IKE_DETAIL_MAX];

	conf = *sa->conf;
	conf.proposal_check = check;
	if (v1_choose1(e, &sa->remote, 0, &conf, offer, &pick, why, sizeof(why)) == ST_NORMAL)
		check_pick1(offer, &pick);
	(void)!v1_chosen1(&conf, offer, &pick, why, sizeof(why));
}

static void
phase2(struct ike *e, struct ike_sa *sa, enum rc_check check, const struct wire_sa *offer)
{
	const struct ike_child *c = container_of(e->children.next, struct ike_child, in_all);
	const struct rc_sainfo *info = v1_sainfo_for(e, sa, &c->sel);
	struct v1_picks2 picks = { 0 };
	struct ipsec_policy policy;
	char why[IKE_DETAIL_MAX];

	if (list_empty(&e->children) || info == NULL)
		abort();
	if (v1_choose2(e, c, info, check, offer, &picks, why, sizeof(why)) == ST_NORMAL)
		for (unsigned i = 0; i < picks.pairs; i++)
			if (picks.rule[i].proposal >= offer->proposals || picks.life_ms <= 0 ||
				picks.rule[i].transform >=
					offer->proposal[picks.rule[i].proposal].transforms)
				abort();
	(void)!v1_chosen2(c, info, offer, &picks, why, sizeof(why));
	(void)!v1_generate2(e, sa, info, offer, &c->sel, &policy, why, sizeof(why));
}

/* What is built from it reads as the same. */
static void
round_trip(const struct wire_sa *sa)
{
	static uint8_t buf[2 * BUF + 512];
	static struct wire_msg m;
	struct arena *arena = arena_new(1 << 20);
	struct wire_builder b;
	struct wire_sa again;
	struct bytes d;

	wire_begin(&b, buf, sizeof(buf), &(struct wire_header){ 0 });
	wire_add_sa(&b, sa);
	d = wire_finish(&b);
	if (d.n == 0 || wire_parse(WIRE_SA, wire_payloads_of(d), false, &m, NULL) != ST_NORMAL ||
		wire_parse_sa(&m.payload[0], arena, &again, NULL) != ST_NORMAL ||
		again.proposals != sa->proposals)
		abort();
	for (unsigned i = 0; i < sa->proposals; i++)
		for (unsigned t = 0; t < sa->proposal[i].transforms; t++)
			if (!wire_transform_equal(&sa->proposal[i].transform[t],
				    &again.proposal[i].transform[t]))
				abort();
	arena_free(arena);
}

static void
list(struct bytes in)
{
	struct arena *arena = arena_new(65536);
	uint64_t seconds, kilobytes;
	struct wire_attr *attr;
	unsigned n;

	if (wire_parse_attrs(in, arena, &attr, &n, NULL) == ST_NORMAL) {
		if (n > WIRE_ATTRS_MAX)
			abort();
		(void)wire_attr_find(attr, n, WIRE_A2_LIFE);
		v1_life_of(attr, n, WIRE_A2_LIFE_TYPE, WIRE_A2_LIFE, &seconds, &kilobytes);
	}
	arena_free(arena);
}

/* Attributes as a body: one proposal with one transform, or with two of halves of them. */
static struct bytes
body_of(uint8_t what, uint8_t protocol, uint8_t id, struct bytes attrs, uint8_t *buf, size_t size)
{
	size_t spi = protocol == WIRE_P_ISAKMP ? 0 : protocol == WIRE_P_IPCOMP ? 2 : 4;
	size_t cut = what & WHAT_TWO ? attrs.n / 2 / 4 * 4 : attrs.n;
	unsigned count = what & WHAT_TWO ? 2 : 1;
	struct writer out = writer_of(buf, size);
	static const uint8_t spis[4] = { 0, 0, 4, 1 };

	write_u32(&out, WIRE_DOI_IPSEC);
	write_u32(&out, WIRE_SIT_IDENTITY_ONLY);
	write_u16(&out, 0);
	write_u16(&out, (uint16_t)(PROPOSAL + spi + count * TRANSFORM + attrs.n));
	write_u8(&out, 1);
	write_u8(&out, protocol);
	write_u8(&out, (uint8_t)spi);
	write_u8(&out, (uint8_t)count);
	write_bytes(&out, bytes_of(spis + 4 - spi, spi));
	for (unsigned i = 0; i < count; i++) {
		struct bytes part = i == 0 ? bytes_of(attrs.p, cut)
					   : bytes_of(attrs.p + cut, attrs.n - cut);
		write_u8(&out, i + 1 < count ? WIRE_TRANSFORM : 0);
		write_u8(&out, 0);
		write_u16(&out, (uint16_t)(TRANSFORM + part.n));
		write_u8(&out, (uint8_t)(i + 1));
		write_u8(&out, id);
		write_u16(&out, 0);
		write_bytes(&out, part);
	}
	return writer_bytes(&out);
}

static void
judge(uint8_t what, enum rc_check check, struct bytes body)
{
	struct wire_payload p = { .type = WIRE_SA, .known = true, .body = body,
		.sa = { .doi = get_u32(body.p), .situation = get_u32(body.p + 4),
			.proposals = bytes_of(body.p + 8, body.n - 8) } };
	struct arena *arena = arena_new(IKE_ARENA);
	struct wire_sa offer;

	if (wire_parse_sa(&p, arena, &offer, NULL) == ST_NORMAL && offer.proposals > 0) {
		struct ike_sa *sa = sa_of(1);

		if (sa == NULL)
			abort();
		if (offer.proposal[0].protocol == WIRE_P_ISAKMP)
			phase1(engine[1], sa, check, &offer);
		else
			phase2(engine[1], sa, check, &offer);
		if (what & WHAT_BODY)
			round_trip(&offer);
	}
	arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[BUF + 64];
	struct bytes body;

	if (size < 12 || size > BUF)
		return 0;
	pair_begin(0, data[0] & WHAT_NATT ? PAIR_NATT : 0, DATAGRAMS - 1,
		data[0] & WHAT_LOUD ? LOG_L_DEBUG2 : LOG_L_ERROR);
	body = data[0] & WHAT_BODY ? bytes_of(data + 3, size - 3)
				   : body_of(data[0], data[1], data[2],
					     bytes_of(data + 3, size - 3), buf, sizeof(buf));
	uint8_t *exact = malloc(body.n); /* so that a read past the end is seen */
	if (exact == NULL)
		abort();
	memcpy(exact, body.p, body.n);
	if (data[0] & WHAT_LIST)
		list(bytes_of(exact, body.n));
	else
		judge(data[0], (enum rc_check)(data[0] >> 6), bytes_of(exact, body.n));
	free(exact);
	pair_end(false);
	return 0;
}
