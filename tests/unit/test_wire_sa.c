/*
 * test_wire_sa.c - the nested SA payload: proposals, transforms, attributes, both ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "racoon/wire/wire.h"

enum { ARENA = 65536 };

static uint8_t octets[16384];
static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new(ARENA);
	return arena ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* An SA payload with this text (blanks allowed) for its proposals. */
static struct wire_payload
sa_of(const char *text)
{
	char digits[2 * sizeof(octets)];
	size_t n = 0, count;
	for (; *text; text++)
		if (*text != ' ')
			digits[n++] = *text;
	assert_true(bytes_from_hex(digits, n, octets, sizeof(octets), &count));
	return (struct wire_payload){ .type = WIRE_SA, .known = true,
		.sa = { WIRE_DOI_IPSEC, WIRE_SIT_IDENTITY_ONLY, bytes_of(octets, count) } };
}

static void
expect_refused(const char *text, const char *reason)
{
	struct wire_payload p = sa_of(text);
	struct wire_sa sa;
	const char *why = NULL;
	assert_int_equal(wire_parse_sa(&p, arena, &sa, &why), ST_MALFORMED);
	assert_int_equal(sa.proposals, 0);
	assert_non_null(why);
	assert_string_equal(why, reason);
}

#define PHASE1                                                                                     \
	"0000002c 01 01 00 01 00000024 01 01 0000 80010007 800e0080 80020002 80030001 80040002"    \
	" 800b0001 800c7080"

static void
phase1_offer(void **state)
{
	(void)state;
	struct wire_payload p = sa_of(PHASE1);
	struct wire_sa sa;
	assert_int_equal(wire_parse_sa(&p, arena, &sa, NULL), ST_NORMAL);
	assert_int_equal(sa.doi, WIRE_DOI_IPSEC);
	assert_int_equal(sa.proposals, 1);
	assert_int_equal(sa.proposal[0].number, 1);
	assert_int_equal(sa.proposal[0].protocol, WIRE_P_ISAKMP);
	assert_int_equal(sa.proposal[0].spi.n, 0);
	assert_int_equal(sa.proposal[0].whole.n, 44);
	assert_int_equal(sa.proposal[0].transforms, 1);
	const struct wire_transform *t = &sa.proposal[0].transform[0];
	assert_int_equal(t->id, WIRE_KEY_IKE);
	assert_int_equal(t->whole.n, 36);
	assert_int_equal(t->attrs, 7);
	assert_int_equal(wire_attr_find(t->attr, t->attrs, WIRE_A1_KEY_LENGTH)->number, 128);
	assert_int_equal(wire_attr_find(t->attr, t->attrs, WIRE_A1_LIFE)->number, 28800);
	assert_null(wire_attr_find(t->attr, t->attrs, WIRE_A1_PRF));
}

static void
proposals_and_transforms(void **state)
{
	(void)state;
	/* ESP with two transforms, then AH with the same number */
	struct wire_payload p = sa_of("02000024 01 03 04 02 0a0b0c0d 0300000c 01 0c 0000 80060080"
				      "0000000c 02 03 0000 80050002"
				      "00000018 01 02 04 01 01020304 0000000c 01 03 ffff 80050002");
	struct wire_sa sa;
	assert_int_equal(wire_parse_sa(&p, arena, &sa, NULL), ST_NORMAL);
	assert_int_equal(sa.proposals, 2);
	assert_int_equal(sa.proposal[0].transforms, 2);
	assert_int_equal(sa.proposal[0].spi.p[0], 0x0a);
	assert_int_equal(sa.proposal[0].transform[1].id, 3);
	assert_int_equal(sa.proposal[1].number, 1);
	assert_int_equal(sa.proposal[1].protocol, WIRE_P_AH);
	assert_int_equal(sa.proposal[1].transform[0].attr[0].number, 2);
}

static void
attribute_forms(void **state)
{
	(void)state;
	struct wire_attr *a;
	unsigned n;
	static const uint8_t text[] = { 0x80, 12, 0x70, 0x80, 0, 12, 0, 4, 0, 1, 0x51, 0x80, 0, 6,
		0, 0, 0, 7, 0, 10, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x40, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7,
		8, 9 };
	assert_int_equal(
		wire_parse_attrs(bytes_of(text, sizeof(text)), arena, &a, &n, NULL), ST_NORMAL);
	assert_int_equal(n, 5);
	assert_true(a[0].tv && a[0].is_number && a[0].number == 28800);
	assert_true(!a[1].tv && a[1].is_number && a[1].number == 86400 && a[1].data.n == 4);
	assert_true(!a[2].is_number && a[2].data.n == 0);
	assert_true(a[3].is_number && a[3].number == 0x0102030405060708);
	assert_true(!a[4].is_number && a[4].type == WIRE_A1_GSS_ID && a[4].data.n == 9);

	assert_int_equal(wire_parse_attrs(bytes_of(text, 0), arena, &a, &n, NULL), ST_NORMAL);
	assert_int_equal(n, 0);
	const char *why = NULL;
	for (size_t cut = 1; cut < 4; cut++)
		assert_int_equal(
			wire_parse_attrs(bytes_of(text, cut), arena, &a, &n, &why), ST_MALFORMED);
	assert_string_equal(why, "attribute runs past the end");
	assert_int_equal(wire_parse_attrs(bytes_of(text, 11), arena, &a, &n, NULL), ST_MALFORMED);

	uint8_t many[4 * (WIRE_ATTRS_MAX + 1)];
	memset(many, 0x80, sizeof(many));
	assert_int_equal(
		wire_parse_attrs(bytes_of(many, sizeof(many)), arena, &a, &n, &why), ST_MALFORMED);
	assert_string_equal(why, "too many attributes");
	assert_int_equal(
		wire_parse_attrs(bytes_of(many, sizeof(many) - 4), arena, &a, &n, &why), ST_NORMAL);
	assert_int_equal(n, WIRE_ATTRS_MAX);
}

static void
refusals(void **state)
{
	(void)state;
	expect_refused("", "proposal or transform chain runs past the end");
	expect_refused("000000", "proposal or transform chain runs past the end");
	expect_refused("00000003 01", "proposal or transform length is less than 4");
	expect_refused("0000ffff 01010001", "proposal or transform runs past the end");
	expect_refused("03000008 01010001", "proposal or transform is followed by something else");
	expect_refused("00000008 01010001 00", "octets behind the last proposal or transform");
	expect_refused("02000008 01010001", "proposal or transform chain runs past the end");
	expect_refused("00000006 0101", "proposal is too short, or its SPI runs past the end");
	expect_refused("00000008 0103ff01", "proposal is too short, or its SPI runs past the end");
	expect_refused("00000008 01010000", "proposal without transforms");
	expect_refused(
		"00000010 010100ff 00000008 01010000", "transform count does not fit the proposal");
	expect_refused("00000018 01010002 00000010 01010000 80010007 80020002",
		"fewer transforms than the proposal says");
	expect_refused("00000018 01010001 03000008 01010000 00000008 02010000",
		"more transforms than the proposal says");
	expect_refused(
		"00000010 01010001 03000008 01010000", "more transforms than the proposal says");
	expect_refused("00000010 01010001 00000006 0101 0000",
		"octets behind the last proposal or transform");
	expect_refused("00000010 01010001 02000008 01010000",
		"proposal or transform is followed by something else");
	expect_refused("00000013 01010001 0000000b 01010000 800100", "attribute runs past the end");
	expect_refused(
		"0000000e 01010001 00000006 0101", "transform count does not fit the proposal");
	expect_refused("00000012 01030201 0102 00000008 010c0000",
		"SPI of an ESP or AH proposal is not 4 octets");
	expect_refused("00000011 01020101 01 00000008 010c0000",
		"SPI of an ESP or AH proposal is not 4 octets");
	expect_refused(
		"00000013 01040301 010203 00000008 01020000", "CPI is neither 2 nor 4 octets");
	expect_refused("00000021 01011101 0102030405060708090a0b0c0d0e0f1011 00000008 01010000",
		"SPI of an ISAKMP proposal is too long");
}

static void
sizes_of_spis(void **state)
{
	(void)state;
	struct wire_sa sa;
	struct wire_payload p = sa_of("00000012 01040201 0102 00000008 01020000");
	assert_int_equal(wire_parse_sa(&p, arena, &sa, NULL), ST_NORMAL);
	p = sa_of("00000018 01010801 0102030405060708 00000008 01010000");
	assert_int_equal(wire_parse_sa(&p, arena, &sa, NULL), ST_NORMAL);
	p = sa_of("00000011 01630101 01 00000008 01010000"); /* unknown protocol: the engine's
								affair */
	assert_int_equal(wire_parse_sa(&p, arena, &sa, NULL), ST_NORMAL);
	assert_int_equal(sa.proposal[0].protocol, 0x63);
}

static void
other_doi_is_left_alone(void **state)
{
	(void)state;
	struct wire_sa sa;
	struct wire_payload p = sa_of("ff");
	p.sa.doi = 99;
	assert_int_equal(wire_parse_sa(&p, arena, &sa, NULL), ST_NORMAL);
	assert_int_equal(sa.doi, 99);
	assert_int_equal(sa.proposals, 0);
	p.sa.doi = WIRE_DOI_IPSEC;
	p.sa.situation = WIRE_SIT_IDENTITY_ONLY | WIRE_SIT_SECRECY;
	assert_int_equal(wire_parse_sa(&p, arena, &sa, NULL), ST_NORMAL);
	assert_int_equal(sa.proposals, 0);
}

/* Build `count` proposals of `each` transforms. */
static struct bytes
offer(unsigned count, unsigned each, uint8_t *buf, size_t size, struct wire_payload *p)
{
	static struct wire_transform t[WIRE_TRANSFORMS_MAX + 1];
	static struct wire_proposal list[WIRE_PROPOSALS_MAX + 1];
	struct wire_attr a = wire_attr_of(WIRE_A1_ENCR, 7);
	struct wire_header h = { .exchange = WIRE_X_MAIN, .version = WIRE_VERSION_1 };
	for (unsigned i = 0; i < each; i++)
		t[i] = (struct wire_transform){
			.number = (uint8_t)(i + 1), .id = 1, .attrs = 1, .attr = &a
		};
	for (unsigned i = 0; i < count; i++)
		list[i] = (struct wire_proposal){ .number = (uint8_t)(i + 1), .protocol = 1,
			.transforms = each, .transform = t };
	struct wire_sa sa = { WIRE_DOI_IPSEC, WIRE_SIT_IDENTITY_ONLY, count, list };
	struct wire_builder b;
	struct wire_msg m;
	wire_begin(&b, buf, size, &h);
	wire_add_sa(&b, &sa);
	struct bytes done = wire_finish(&b);
	if (done.n > 0) {
		assert_int_equal(
			wire_parse(WIRE_SA, wire_payloads_of(done), false, &m, NULL), ST_NORMAL);
		*p = m.payload[0];
	}
	return done;
}

static void
limits(void **state)
{
	(void)state;
	static uint8_t buf[65535];
	struct wire_payload p;
	struct wire_sa sa;
	const char *why = NULL;
	assert_int_not_equal(offer(WIRE_PROPOSALS_MAX, 4, buf, sizeof(buf), &p).n, 0);
	assert_int_equal(wire_parse_sa(&p, arena, &sa, &why), ST_NORMAL);
	assert_int_equal(sa.proposals, WIRE_PROPOSALS_MAX);
	assert_int_not_equal(offer(WIRE_PROPOSALS_MAX + 1, 1, buf, sizeof(buf), &p).n, 0);
	assert_int_equal(wire_parse_sa(&p, arena, &sa, &why), ST_MALFORMED);
	assert_string_equal(why, "too many proposals");
	assert_int_not_equal(offer(2, WIRE_TRANSFORMS_MAX / 2 + 1, buf, sizeof(buf), &p).n, 0);
	assert_int_equal(wire_parse_sa(&p, arena, &sa, &why), ST_MALFORMED);
	assert_string_equal(why, "too many transforms");
	assert_int_equal(sa.proposals, 0);
	assert_int_equal(offer(1, 256, buf, sizeof(buf), &p).n, 0); /* the count is one octet */
	assert_int_equal(offer(64, 64, buf, sizeof(buf) / 2, &p).n, 0);

	/* the arena's cap is an answer, not an accident, wherever it strikes */
	assert_int_not_equal(offer(4, 8, buf, sizeof(buf), &p).n, 0);
	bool done = false;
	for (size_t cap = 0; cap < 8192 && !done; cap += 16) {
		struct arena *small = arena_new(cap);
		enum status status = wire_parse_sa(&p, small, &sa, NULL);
		assert_true(status == ST_NOMEMORY || status == ST_NORMAL);
		done = status == ST_NORMAL;
		arena_free(small);
	}
	assert_true(done);
}

static void
equality(void **state)
{
	(void)state;
	uint8_t seconds[] = { 0, 0, 0x70, 0x80 };
	struct wire_attr x[] = { wire_attr_of(11, 1), wire_attr_of(12, 28800), wire_attr_of(1, 7) };
	struct wire_attr y[] = { wire_attr_of(1, 7), wire_attr_of(11, 1),
		{ .type = 12, .is_number = true, .number = 28800, .data = bytes_of(seconds, 4) } };
	struct wire_transform a = { .id = 1, .attrs = 3, .attr = x },
			      b = { .id = 1, .attrs = 3, .attr = y };
	assert_true(wire_transform_equal(&a, &b));
	y[0].number = 5;
	assert_false(wire_transform_equal(&a, &b));
	y[0].number = 7;
	b.attrs = 2;
	assert_false(wire_transform_equal(&a, &b));
	b.attrs = 3;
	b.id = 2;
	assert_false(wire_transform_equal(&a, &b));
	b.id = 1;
	y[0] = (struct wire_attr){ .type = 1, .data = bytes_of("123456789", 9) };
	assert_false(wire_transform_equal(&a, &b));
	x[2] = y[0];
	assert_true(wire_transform_equal(&a, &b));
	y[1] = y[2]; /* the same attribute twice instead of two different ones */
	assert_false(wire_transform_equal(&a, &b));
}

static void
round_trip(void **state)
{
	(void)state;
	uint8_t buf[512], spi[] = { 1, 2, 3, 4 };
	struct wire_attr attrs[] = { wire_attr_of(1, 1), wire_attr_of(2, 65535),
		wire_attr_of(2, 65536), wire_attr_of(2, UINT64_C(1) << 40),
		{ .type = 10, .data = bytes_of("label", 5) }, { .type = 9 } };
	struct wire_transform t = { .number = 3, .id = 12, .attrs = 6, .attr = attrs };
	struct wire_proposal p = { .number = 1,
		.protocol = 3,
		.spi = bytes_of(spi, 4),
		.transforms = 1,
		.transform = &t };
	struct wire_sa sa = { 1, 1, 1, &p }, back;
	struct wire_header h = { 0 };
	struct wire_builder b;
	struct wire_msg m;
	wire_begin(&b, buf, sizeof(buf), &h);
	wire_add_sa(&b, &sa);
	struct bytes body = wire_last_body(&b);
	struct bytes done = wire_finish(&b);
	assert_int_equal(done.n, WIRE_HEADER + WIRE_GENERIC + body.n);
	assert_int_equal(wire_parse(WIRE_SA, wire_payloads_of(done), false, &m, NULL), ST_NORMAL);
	assert_int_equal(wire_parse_sa(&m.payload[0], arena, &back, NULL), ST_NORMAL);
	const struct wire_transform *r = &back.proposal[0].transform[0];
	assert_int_equal(r->number, 3);
	assert_int_equal(r->attrs, 6);
	assert_true(r->attr[1].tv && r->attr[1].number == 65535);
	assert_true(!r->attr[2].tv && r->attr[2].number == 65536 && r->attr[2].data.n == 4);
	assert_true(r->attr[3].number == UINT64_C(1) << 40 && r->attr[3].data.n == 8);
	assert_int_equal(r->attr[4].data.n, 5);
	assert_int_equal(r->attr[5].data.n, 0);
	/* what was parsed builds the same octets */
	uint8_t again[512];
	wire_begin(&b, again, sizeof(again), &h);
	wire_add_sa(&b, &back);
	assert_true(bytes_equal(wire_finish(&b), done));
	attrs[0].type = 0x8001;
	wire_begin(&b, again, sizeof(again), &h);
	wire_add_sa(&b, &sa);
	assert_int_equal(wire_finish(&b).n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(phase1_offer, setup, teardown),
		cmocka_unit_test_setup_teardown(proposals_and_transforms, setup, teardown),
		cmocka_unit_test_setup_teardown(attribute_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(sizes_of_spis, setup, teardown),
		cmocka_unit_test_setup_teardown(other_doi_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(limits, setup, teardown),
		cmocka_unit_test_setup_teardown(equality, setup, teardown),
		cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
