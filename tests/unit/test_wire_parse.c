/*
 * test_wire_parse.c - the ISAKMP parser against messages good and bad.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "racoon/wire/wire.h"

#define HOSTILE "tests/vectors/hostile-datagrams/datagrams.json"

enum { OCTETS_MAX = 16384 };

struct sample {
	uint8_t b[OCTETS_MAX];
	size_t n;
};

static struct bytes
hex(struct sample *s, const char *text)
{
	char digits[2 * OCTETS_MAX];
	size_t n = 0;
	for (; *text; text++)
		if (*text != ' ')
			digits[n++] = *text;
	assert_true(bytes_from_hex(digits, n, s->b, sizeof(s->b), &s->n));
	return bytes_of(s->b, s->n);
}

static void
expect_refused(uint8_t first, const char *text, bool decrypted, const char *reason)
{
	struct sample s;
	struct wire_msg m;
	const char *why = NULL;
	assert_int_equal(wire_parse(first, hex(&s, text), decrypted, &m, &why), ST_MALFORMED);
	assert_non_null(why);
	assert_string_equal(why, reason);
	assert_int_equal(wire_parse(first, bytes_of(s.b, s.n), decrypted, &m, NULL), ST_MALFORMED);
}

static void
header_fields(void **state)
{
	(void)state;
	struct sample s;
	struct wire_header h;
	const char *why = NULL;
	struct bytes d = hex(&s, "0102030405060708 1112131415161718 01 10 02 01 a1b2c3d4 0000001c");
	assert_int_equal(wire_parse_header(d, &h, &why), ST_NORMAL);
	assert_memory_equal(h.cookie_i, s.b, 8);
	assert_memory_equal(h.cookie_r, s.b + 8, 8);
	assert_int_equal(h.next, WIRE_SA);
	assert_int_equal(h.version, WIRE_VERSION_1);
	assert_int_equal(h.exchange, WIRE_X_MAIN);
	assert_int_equal(h.flags, WIRE_F_ENCRYPTED);
	assert_int_equal(h.message_id, 0xa1b2c3d4);
	assert_int_equal(h.length, 28);
	assert_int_equal(wire_payloads_of(d).n, 0);

	d.n--;
	assert_int_equal(wire_parse_header(d, &h, &why), ST_MALFORMED);
	assert_string_equal(why, "shorter than an ISAKMP header");
	assert_int_equal(h.next, 0);
	assert_int_equal(wire_payloads_of(d).n, 0);
	assert_int_equal(wire_parse_header(bytes_of(NULL, 0), &h, NULL), ST_MALFORMED);

	s.b[28] = 0; /* longer than it says */
	assert_int_equal(wire_parse_header(bytes_of(s.b, 29), &h, &why), ST_MALFORMED);
	assert_string_equal(why, "length in the header is not that of the datagram");
	s.b[27] = 0xff; /* says more than there is */
	assert_int_equal(wire_parse_header(bytes_of(s.b, 28), &h, &why), ST_MALFORMED);
}

static void
chain_with_doubles(void **state)
{
	(void)state;
	struct sample s;
	struct wire_msg m;
	/* NONCE (8), VID (empty), VID (2), reserved octets set */
	struct bytes c = hex(&s, "0dff000c 0101010101010101 0dff0004 00ff0006 abcd");
	assert_int_equal(wire_parse(WIRE_NONCE, c, false, &m, NULL), ST_NORMAL);
	assert_int_equal(m.count, 3);
	assert_int_equal(m.unknown, 0);
	assert_true(m.present == (WIRE_BIT(WIRE_NONCE) | WIRE_BIT(WIRE_VENDOR)));
	assert_int_equal(wire_count(&m, WIRE_VENDOR), 2);
	assert_int_equal(wire_count(&m, WIRE_KE), 0);
	const struct wire_payload *second = wire_find(&m, WIRE_VENDOR, 1);
	assert_non_null(second);
	assert_int_equal(second->data.n, 2);
	assert_int_equal(second->body.p[0], 0xab);
	assert_int_equal(second->whole.n, 6);
	assert_null(wire_find(&m, WIRE_VENDOR, 2));
	assert_int_equal(wire_find(&m, WIRE_VENDOR, 0)->data.n, 0);
	assert_int_equal(wire_after(&m, wire_find(&m, WIRE_NONCE, 0)).n, 10);
	assert_int_equal(wire_after(&m, second).n, 0);
}

static void
padding_only_when_decrypted(void **state)
{
	(void)state;
	struct sample s;
	struct wire_msg m;
	struct bytes c = hex(&s, "00000005 aa 000000");
	assert_int_equal(wire_parse(WIRE_HASH, c, true, &m, NULL), ST_NORMAL);
	assert_int_equal(m.payloads.n, 5);
	assert_int_equal(wire_after(&m, &m.payload[0]).n, 0);
	expect_refused(WIRE_HASH, "00000005 aa 000000", false, "octets behind the last payload");
	memset(s.b + 5, 0, sizeof(s.b) - 5);
	assert_int_equal(wire_parse(WIRE_HASH, bytes_of(s.b, 5 + WIRE_PADDING_MAX), true, &m, NULL),
		ST_NORMAL);
	assert_int_equal(wire_parse(WIRE_HASH, bytes_of(s.b, 6 + WIRE_PADDING_MAX), true, &m, NULL),
		ST_MALFORMED);
}

static void
bad_chains(void **state)
{
	(void)state;
	expect_refused(WIRE_NONE, "", false, "message without payloads");
	expect_refused(WIRE_NONE, "00000005aa", true, "message without payloads");
	expect_refused(WIRE_VENDOR, "", false, "payload chain runs past the end");
	expect_refused(WIRE_VENDOR, "000000", false, "payload chain runs past the end");
	expect_refused(WIRE_VENDOR, "0d000004", false, "payload chain runs past the end");
	expect_refused(WIRE_VENDOR, "00000000", false, "payload length is less than 4");
	expect_refused(WIRE_VENDOR, "0d000001 0d000004", false, "payload length is less than 4");
	expect_refused(WIRE_VENDOR, "0d000003 00", false, "payload length is less than 4");
	expect_refused(WIRE_VENDOR, "00000006 aa", false, "payload runs past the end");
	expect_refused(WIRE_VENDOR, "0000ffff aa", false, "payload runs past the end");
	expect_refused(WIRE_PROPOSAL, "00000008 01010001", false,
		"proposal or transform outside of an SA payload");
	expect_refused(WIRE_TRANSFORM, "00000004", false,
		"proposal or transform outside of an SA payload");
}

static void
too_many_payloads(void **state)
{
	(void)state;
	struct wire_msg m;
	uint8_t b[4 * (WIRE_PAYLOADS_MAX + 1)];
	for (size_t i = 0; i <= WIRE_PAYLOADS_MAX; i++)
		memcpy(b + 4 * i, (uint8_t[]){ WIRE_VENDOR, 0, 0, 4 }, 4);
	b[4 * (WIRE_PAYLOADS_MAX - 1)] = WIRE_NONE;
	assert_int_equal(
		wire_parse(WIRE_VENDOR, bytes_of(b, 4 * WIRE_PAYLOADS_MAX), false, &m, NULL),
		ST_NORMAL);
	assert_int_equal(m.count, WIRE_PAYLOADS_MAX);
	b[4 * (WIRE_PAYLOADS_MAX - 1)] = WIRE_VENDOR;
	b[4 * WIRE_PAYLOADS_MAX] = WIRE_NONE;
	const char *why = NULL;
	assert_int_equal(
		wire_parse(WIRE_VENDOR, bytes_of(b, sizeof(b)), false, &m, &why), ST_MALFORMED);
	assert_string_equal(why, "too many payloads");
}

static void
unknown_types_are_kept(void **state)
{
	(void)state;
	struct sample s;
	struct wire_msg m;
	struct bytes c = hex(&s, "0d000006 0102 00000004");
	assert_int_equal(wire_parse(46, c, false, &m, NULL), ST_NORMAL);
	assert_int_equal(m.unknown, 1);
	assert_false(m.payload[0].known);
	assert_int_equal(m.payload[0].body.n, 2);
	assert_true(m.present & WIRE_BIT(WIRE_BIT_UNKNOWN));
	assert_null(wire_find(&m, (enum wire_type)46, 0));
	assert_int_equal(wire_bit_of(0), WIRE_BIT_UNKNOWN);
	assert_int_equal(wire_bit_of(WIRE_FRAGMENT), WIRE_BIT_FRAGMENT);
}

static void
bounds_of_rows(void **state)
{
	(void)state;
	expect_refused(
		WIRE_NONCE, "0000000b 01010101010101", false, "payload is too short for its type");
	expect_refused(WIRE_KE, "00000004", false, "payload is too short for its type");
	expect_refused(
		WIRE_SA, "0000000b 00000001000000", false, "payload is too short for its type");
	expect_refused(
		WIRE_FRAGMENT, "00000008 00010101", false, "payload is too short for its type");
	struct wire_msg m;
	uint8_t b[WIRE_GENERIC + WIRE_NONCE_MAX + 1] = { 0, 0, 1, 5 };
	const char *why = NULL;
	assert_int_equal(
		wire_parse(WIRE_NONCE, bytes_of(b, sizeof(b)), false, &m, &why), ST_MALFORMED);
	assert_string_equal(why, "payload is too long for its type");
	b[3] = 4;
	assert_int_equal(
		wire_parse(WIRE_NONCE, bytes_of(b, sizeof(b) - 1), false, &m, NULL), ST_NORMAL);
}

static void
identities(void **state)
{
	(void)state;
	struct sample s;
	struct wire_msg m;
	assert_int_equal(
		wire_parse(WIRE_ID, hex(&s, "0000000c 011101f4 c0a80164"), false, &m, NULL),
		ST_NORMAL);
	assert_int_equal(m.payload[0].id.type, 1);
	assert_int_equal(m.payload[0].id.protocol, 17);
	assert_int_equal(m.payload[0].id.port, 500);
	assert_int_equal(m.payload[0].id.data.n, 4);
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "00000010 04000000 ac100100ffffff00", true },
		{ "0000000c 04000000 ac100100", false },
		{ "00000010 07000000 ac100100ac1001ff", true },
		{ "00000009 02000000 61", true },
		{ "00000008 02000000", false },
		{ "00000008 0b000000", false },
		{ "0000000b 01000000 c0a801", false },
		{ "0000000c 05000000 c0a80164", false },
		{ "00000018 05000000 20010db8000000000000000000000001", true },
		{ "0000000c 00000000 c0a80164", false },
		{ "0000000c ff000000 c0a80164", false },
		{ "00000009 09000000 30", true },
		{ "00000007 010000", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(wire_parse(WIRE_ID, hex(&s, cases[i].text), false, &m, NULL),
			cases[i].good ? ST_NORMAL : ST_MALFORMED);
	expect_refused(
		WIRE_ID, "0000000b 01000000 c0a801", false, "ID data does not fit the ID type");
	expect_refused(WIRE_ID, "0000000c 0c000000 c0a80164", false, "unknown ID type");
	expect_refused(WIRE_ID, "00000008 02000000", false, "empty ID");
}

static void
notify_and_delete(void **state)
{
	(void)state;
	struct sample s;
	struct wire_msg m;
	struct bytes c =
		hex(&s, "0c000012 00000001 03 04 000e 01020304 aabb 00000014 00000001 03 04 0002 "
			"0a0b0c0d 01020304");
	assert_int_equal(wire_parse(WIRE_NOTIFY, c, false, &m, NULL), ST_NORMAL);
	const struct wire_notify *n = &wire_find(&m, WIRE_NOTIFY, 0)->notify;
	assert_int_equal(n->doi, 1);
	assert_int_equal(n->protocol, WIRE_P_ESP);
	assert_int_equal(n->type, WIRE_N_NO_PROPOSAL_CHOSEN);
	assert_int_equal(n->spi.n, 4);
	assert_int_equal(n->data.n, 2);
	const struct wire_delete *d = &wire_find(&m, WIRE_DELETE, 0)->delete;
	assert_int_equal(d->count, 2);
	assert_int_equal(wire_delete_spi(d, 1).p[0], 1);
	assert_int_equal(wire_delete_spi(d, 1).n, 4);
	assert_null(wire_delete_spi(d, 2).p);

	expect_refused(WIRE_NOTIFY, "0000000e 00000001 03 ff 000e 0102", false,
		"a field runs past the end of its payload");
	expect_refused(WIRE_NOTIFY, "0000000b 00000001 030400", false,
		"payload is too short for its type");
	expect_refused(WIRE_DELETE, "00000010 00000001 03 04 ffff 0a0b0c0d", false,
		"Delete's SPI count does not fit its length");
	expect_refused(WIRE_DELETE, "00000010 00000001 03 ff 0001 0a0b0c0d", false,
		"Delete's SPI count does not fit its length");
	expect_refused(WIRE_DELETE, "0000000c 00000001 03 00 ffff", false, "Delete names no SPI");
	expect_refused(WIRE_DELETE, "0000000c 00000001 03 04 0000", false, "Delete names no SPI");
}

static void
other_payloads(void **state)
{
	(void)state;
	struct sample s;
	struct wire_msg m;
	/* NAT-OA of the drafts and of RFC 3947 are found under one name */
	struct bytes c = hex(&s, "1500000c 01000000 c0a80001 0000000c 01ffffff c0a80002");
	assert_int_equal(wire_parse(WIRE_NAT_OA_DRAFT, c, false, &m, NULL), ST_NORMAL);
	assert_int_equal(wire_count(&m, WIRE_NAT_OA), 2);
	assert_true(m.present == WIRE_BIT(WIRE_NAT_OA));
	assert_int_equal(wire_find(&m, WIRE_NAT_OA, 1)->id.data.p[3], 2);
	expect_refused(
		WIRE_NAT_OA, "0000000c 02000000 c0a80001", false, "NAT-OA is not an address");
	expect_refused(WIRE_NAT_OA, "0000000c 05000000 c0a80001", false,
		"ID data does not fit the ID type");

	c = hex(&s, "0700000a 04 3082010203 0e000005 04 0000000c 01 00 1234 40890000");
	assert_int_equal(wire_parse(WIRE_CERT, c, false, &m, NULL), ST_NORMAL);
	assert_int_equal(m.payload[0].cert.encoding, 4);
	assert_int_equal(m.payload[0].cert.data.n, 5);
	assert_int_equal(m.payload[1].cert.data.n, 0);
	const struct wire_attributes *a = &wire_find(&m, WIRE_ATTRIBUTES, 0)->attributes;
	assert_int_equal(a->type, 1);
	assert_int_equal(a->id, 0x1234);
	assert_int_equal(a->attrs.n, 4);

	c = hex(&s, "0000000a 0001 02 01 beef");
	assert_int_equal(wire_parse(WIRE_FRAGMENT, c, false, &m, NULL), ST_NORMAL);
	assert_int_equal(m.payload[0].fragment.id, 1);
	assert_int_equal(m.payload[0].fragment.index, 2);
	assert_int_equal(m.payload[0].fragment.flags, 1);
	assert_int_equal(m.payload[0].fragment.data.n, 2);
}

/* Every octet of a sound message cut off, then every octet set to what hurts. */
static void
cut_and_bent(void **state)
{
	(void)state;
	static const uint8_t values[] = { 0, 1, 3, 4, 0x7f, 0x80, 0xff };
	struct sample s;
	struct wire_msg m;
	struct bytes c = hex(&s,
		"05000018 00000001 00000001 0000000c 01 03 00 01 00000000"
		"0b00000c 01 11 01f4 c0a80164 0c00000e 00000001 01 00 6002 0102"
		"0d000010 00000001 03 04 0001 0a0b0c0d 00000008 01020304");
	assert_int_equal(wire_parse(WIRE_SA, c, false, &m, NULL), ST_NORMAL);
	assert_int_equal(m.count, 5);
	for (size_t n = 0; n < c.n; n++)
		assert_int_equal(
			wire_parse(WIRE_SA, bytes_of(s.b, n), false, &m, NULL), ST_MALFORMED);
	for (size_t i = 0; i < c.n; i++) {
		uint8_t old = s.b[i];
		for (size_t v = 0; v < sizeof(values); v++) {
			s.b[i] = values[v];
			enum status status = wire_parse(WIRE_SA, c, false, &m, NULL);
			assert_true(status == ST_NORMAL || status == ST_MALFORMED);
			assert_true(m.count <= WIRE_PAYLOADS_MAX);
		}
		s.b[i] = old;
	}
}

/* -------------------------------------------------------- the datagrams that hurt others --- */

static const struct {
	const char *file, *outcome; /* of header and chain alone */
} outcomes[] = {
	{ "ike1-000-control-valid-mm1.bin", "good" }, { "ike-hdr-trunc-00.bin", "header" },
	{ "ike-hdr-trunc-17.bin", "header" }, { "ike1-hdr-len-27.bin", "header" },
	{ "ike1-hdr-len-short.bin", "header" }, { "ike1-plen-0.bin", "chain" },
	{ "ike1-plen-1.bin", "chain" }, { "ike1-plen-2.bin", "chain" },
	{ "ike1-plen-past-end.bin", "chain" }, { "ike1-np-016.bin", "chain" },
	{ "ike1-np-046.bin", "unknown" }, { "ike1-agg-control.bin", "good" },
	{ "ike1-agg-ke-len0.bin", "chain" }, { "ike1-agg-nonce-7.bin", "chain" },
	{ "ike1-agg-nonce-8.bin", "good" }, { "ike1-agg-nonce-256.bin", "good" },
	{ "ike1-agg-id-len3.bin", "chain" }, { "ike1-agg-id-ip-3bytes.bin", "chain" },
	{ "ike1-agg-id-ip6-4bytes.bin", "chain" }, { "ike1-agg-id-dn-empty.bin", "chain" },
	{ "ike1-agg-id-type0.bin", "chain" }, { "ike1-agg-id-type255.bin", "chain" },
	{ "ike1-info-d-n-65535.bin", "chain" }, { "ike1-info-d-sz255.bin", "chain" },
	{ "ike1-frag-short.bin", "chain" }, { "ike1-two-sa.bin", "good" },
	{ "ike1-prop-len-ffff.bin", "sa" }, { "ike1-prop-spilen-255.bin", "sa" },
	{ "ike1-prop-ntrans-255.bin", "sa" }, { "ike1-trans-loop.bin", "sa" },
	{ "ike1-attr-tlv-len-7fff.bin", "sa" }, { "ike1-attr-tlv-len-0004.bin", "sa" },
	{ "ike1-attr-keylen-0.bin", "good" }, { "ike1-sa-doi-99.bin", "good" },
	{ "ike2-notify-x500.bin", "chain" },
};

static const char *
outcome_of(struct bytes datagram)
{
	struct wire_header h;
	struct wire_msg m;
	struct wire_sa sa;
	if (wire_parse_header(datagram, &h, NULL))
		return "header";
	if (wire_parse(h.next, wire_payloads_of(datagram), false, &m, NULL))
		return "chain";
	struct arena *arena = arena_new(65536);
	assert_non_null(arena);
	const char *outcome = m.unknown ? "unknown" : "good";
	for (unsigned i = 0; i < wire_count(&m, WIRE_SA); i++)
		if (wire_parse_sa(wire_find(&m, WIRE_SA, i), arena, &sa, NULL))
			outcome = "sa";
	arena_free(arena);
	return outcome;
}

static void
hostile_datagrams(void **state)
{
	(void)state;
	static char line[65536];
	static struct sample s;
	char file[128] = "", digits[65536];
	size_t seen = 0, named = 0;
	FILE *f = fopen(HOSTILE, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		digits[0] = '\0';
		if (sscanf(line, "\"file\": \"%127[^\"]\"", file) == 1 ||
			strncmp(line, "\"hex\": \"", 8) != 0)
			continue;
		if (sscanf(line, "\"hex\": \"%65535[0-9a-f]\"", digits) < 0)
			continue;
		const char *outcome = outcome_of(hex(&s, digits));
		seen++;
		for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
			if (strcmp(outcomes[i].file, file) != 0)
				continue;
			named++;
			if (strcmp(outcome, outcomes[i].outcome) != 0)
				fail_msg("%s: %s, not %s", file, outcome, outcomes[i].outcome);
		}
	}
	fclose(f);
	assert_true(seen > 100);
	assert_int_equal(named, ARRAY_LEN(outcomes));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_fields),
		cmocka_unit_test(chain_with_doubles),
		cmocka_unit_test(padding_only_when_decrypted),
		cmocka_unit_test(bad_chains),
		cmocka_unit_test(too_many_payloads),
		cmocka_unit_test(unknown_types_are_kept),
		cmocka_unit_test(bounds_of_rows),
		cmocka_unit_test(identities),
		cmocka_unit_test(notify_and_delete),
		cmocka_unit_test(other_payloads),
		cmocka_unit_test(cut_and_bent),
		cmocka_unit_test(hostile_datagrams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
