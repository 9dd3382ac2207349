/*
 * test_wire_build.c - the ISAKMP builder, the printer and the names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "racoon/conf/rc.h"
#include "racoon/wire/wire.h"

static const struct wire_header head = {
	.cookie_i = { 1, 2, 3, 4, 5, 6, 7, 8 },
	.version = WIRE_VERSION_1,
	.exchange = WIRE_X_QUICK,
	.message_id = 0xdeadbeef,
};

static const uint8_t sixteen[16] = "0123456789abcdef";

/* One of everything. */
static struct bytes
build_all(void *buf, size_t size, size_t block)
{
	static const uint8_t addr[] = { 192, 168, 1, 100 };
	struct wire_builder b;
	struct wire_attr attr[] = { wire_attr_of(WIRE_A2_ENCAP, WIRE_ENCAP_TUNNEL),
		wire_attr_of(WIRE_A2_LIFE_TYPE, 1), wire_attr_of(WIRE_A2_LIFE, 86400),
		wire_attr_of(WIRE_A2_AUTH, 2), wire_attr_of(WIRE_A2_GROUP, 2), wire_attr_of(77, 3),
		{ .type = WIRE_A2_SECCTX, .data = bytes_of(sixteen, 16) } };
	struct wire_transform t = { .number = 1, .id = 12, .attrs = ARRAY_LEN(attr), .attr = attr };
	struct wire_proposal prop = { .number = 1, .protocol = WIRE_P_ESP, .spi = bytes_of(addr, 4),
		.transforms = 1, .transform = &t };
	struct wire_sa sa = { WIRE_DOI_IPSEC, WIRE_SIT_IDENTITY_ONLY, 1, &prop };
	wire_begin(&b, buf, size, &head);
	uint8_t *hash = wire_add_hole(&b, WIRE_HASH, 20);
	if (hash)
		memset(hash, 0x5a, 20);
	wire_add_sa(&b, &sa);
	wire_add_data(&b, WIRE_NONCE, bytes_of(sixteen, 16));
	wire_add_data(&b, WIRE_KE, bytes_of(sixteen, 16));
	wire_add_id(&b, &(struct wire_id){ RC_ID_IPV4, 17, 500, bytes_of(addr, 4) });
	wire_add_notify(&b, &(struct wire_notify){ .doi = 1, .protocol = WIRE_P_ISAKMP,
		.type = WIRE_N_INITIAL_CONTACT, .spi = bytes_of(sixteen, 16) });
	wire_add_delete(&b, &(struct wire_delete){ .doi = 1, .protocol = WIRE_P_ESP, .spi_size = 4,
		.count = 1, .spis = bytes_of(addr, 4) });
	wire_add(&b, &(struct wire_payload){ .type = WIRE_NAT_OA,
		.id = { .type = RC_ID_IPV4, .data = bytes_of(addr, 4) } });
	wire_add(&b,
		&(struct wire_payload){ .type = WIRE_CERT, .cert = { 4, bytes_of(sixteen, 16) } });
	wire_add(&b, &(struct wire_payload){ .type = WIRE_ATTRIBUTES,
		.attributes = { 1, 7, bytes_of(sixteen, 16) } });
	wire_add(&b, &(struct wire_payload){ .type = WIRE_FRAGMENT,
		.fragment = { 1, 1, 1, bytes_of(sixteen, 1) } });
	wire_add_data(&b, WIRE_VENDOR, bytes_of(sixteen, 16));
	if (!b.w.bad) {
		assert_int_equal(wire_last_body(&b).n, 16);
		assert_memory_equal(wire_last_body(&b).p, sixteen, 16);
		assert_int_equal(wire_since(&b, hash + 20).n, (size_t)(b.w.p - hash) - 20);
	}
	wire_pad(&b, block);
	return wire_finish(&b);
}

static void
builds_what_parses(void **state)
{
	(void)state;
	uint8_t buf[1024];
	struct wire_header h;
	struct wire_msg m;
	struct bytes d = build_all(buf, sizeof(buf), 16);
	assert_int_not_equal(d.n, 0);
	assert_int_equal((d.n - WIRE_HEADER) % 16, 0);
	assert_int_equal(wire_parse_header(d, &h, NULL), ST_NORMAL);
	assert_int_equal(h.next, WIRE_HASH);
	assert_int_equal(h.message_id, 0xdeadbeef);
	assert_int_equal(h.exchange, WIRE_X_QUICK);
	const char *why = NULL;
	assert_int_equal(wire_parse(h.next, wire_payloads_of(d), true, &m, &why), ST_NORMAL);
	assert_int_equal(m.count, 12);
	assert_int_equal(m.unknown, 0);
	assert_int_equal(wire_find(&m, WIRE_NOTIFY, 0)->notify.spi_size, 16);
	assert_int_equal(wire_find(&m, WIRE_ID, 0)->id.port, 500);
	assert_int_equal(wire_find(&m, WIRE_ATTRIBUTES, 0)->attributes.id, 7);
	assert_int_equal(wire_after(&m, &m.payload[0]).n, m.payloads.n - 24);
	/* parsed payloads build the same message again */
	uint8_t again[1024];
	struct wire_builder b;
	wire_begin(&b, again, sizeof(again), &h);
	for (unsigned i = 0; i < m.count; i++)
		wire_add(&b, &m.payload[i]);
	wire_pad(&b, 16);
	assert_true(bytes_equal(wire_finish(&b), d));
}

static void
every_buffer_too_small(void **state)
{
	(void)state;
	uint8_t buf[1024];
	size_t n = build_all(buf, sizeof(buf), 1).n;
	for (size_t size = 0; size < n; size++) {
		buf[size] = 0xee;
		assert_int_equal(build_all(buf, size, 1).n, 0);
		assert_int_equal(buf[size], 0xee);
	}
	assert_int_equal(build_all(buf, n, 1).n, n);
}

static void
padding(void **state)
{
	(void)state;
	uint8_t buf[128];
	struct wire_builder b;
	for (size_t i = 0; i < 20; i++) {
		wire_begin(&b, buf, sizeof(buf), &head);
		wire_add_data(&b, WIRE_VENDOR, bytes_of(sixteen, i % 17));
		wire_pad(&b, 8);
		wire_pad(&b, 8); /* nothing more to do */
		struct bytes d = wire_finish(&b);
		assert_int_equal((d.n - WIRE_HEADER) % 8, 0);
		assert_true(d.n - WIRE_HEADER - WIRE_GENERIC - i % 17 < 8);
	}
	wire_begin(&b, buf, sizeof(buf), &head);
	assert_int_equal(wire_last_body(&b).n, 0);
	assert_int_equal(wire_since(&b, NULL).n, 0);
	assert_int_equal(wire_since(&b, buf + 100).n, 0);
	assert_int_equal(wire_finish(&b).n, WIRE_HEADER);
}

static void
refuses_nonsense(void **state)
{
	(void)state;
	static uint8_t buf[WIRE_HEADER + 70000], big[65536];
	struct wire_builder b;
	wire_begin(&b, buf, sizeof(buf), &head);
	wire_add_data(&b, WIRE_VENDOR, bytes_of(big, 65532)); /* length field has 16 bits */
	assert_int_equal(wire_finish(&b).n, 0);
	wire_begin(&b, buf, sizeof(buf), &head);
	wire_add(&b, &(struct wire_payload){ .type = 99 });
	assert_int_equal(wire_finish(&b).n, 0);
	wire_begin(&b, buf, sizeof(buf), &head);
	wire_add_delete(
		&b, &(struct wire_delete){ .spi_size = 4, .count = 2, .spis = bytes_of(big, 4) });
	assert_int_equal(wire_finish(&b).n, 0);
	wire_begin(&b, buf, sizeof(buf), &head);
	wire_add_notify(&b, &(struct wire_notify){ .spi = bytes_of(big, 256) });
	assert_int_equal(wire_finish(&b).n, 0);
	wire_begin(&b, buf, sizeof(buf), &head);
	struct wire_proposal p = { .spi = bytes_of(big, 256) };
	wire_add_sa(&b, &(struct wire_sa){ .proposals = 1, .proposal = &p });
	assert_int_equal(wire_finish(&b).n, 0);
	wire_begin(&b, buf, sizeof(buf), &head);
	struct wire_attr a = { .type = 1, .data = bytes_of(big, 65536) };
	wire_write_attrs(&b.w, &a, 1);
	assert_int_equal(wire_finish(&b).n, 0);
	assert_null(wire_add_hole(&b, WIRE_HASH, 4));
	wire_pad(&b, 8);
	assert_int_equal(wire_last_body(&b).n, 0);
}

static void
prints_without_secrets(void **state)
{
	(void)state;
	uint8_t buf[1024];
	struct wire_header h;
	struct wire_msg m;
	struct text out = { 0 };
	struct bytes d = build_all(buf, sizeof(buf), 8);
	assert_int_equal(wire_parse_header(d, &h, NULL), ST_NORMAL);
	assert_int_equal(wire_parse(h.next, wire_payloads_of(d), true, &m, NULL), ST_NORMAL);
	wire_print(&out, &h, &m);
	const char *text = text_str(&out);
	assert_non_null(
		strstr(text, "header cookie_i 0102030405060708 cookie_r 0000000000000000 "
			     "next HASH version 16 exchange quick flags 0 message_id 3735928559"));
	assert_non_null(strstr(text, "HASH: data 20 octets\n"));
	assert_non_null(strstr(text, "NONCE: data 16 octets\n"));
	assert_non_null(strstr(text, "KE: data 16 octets\n"));
	assert_non_null(
		strstr(text, "ID: type IPv4_address protocol 17 port 500 data 192.168.1.100\n"));
	assert_non_null(strstr(text, "N: doi 1 protocol ISAKMP spi_size 16 type INITIAL-CONTACT"));
	assert_non_null(strstr(text, "  proposal number 1 protocol ESP spi_size 4 transforms 1"));
	assert_non_null(
		strstr(text, "encapsulation Tunnel, life type seconds, life duration 86400"));
	assert_non_null(strstr(text, "77 3, security context 16 octets\n"));
	assert_non_null(strstr(text, "ATTR: type REQUEST id 7 attrs 16 octets\n"));
	assert_null(strstr(text, "5a5a5a5a")); /* the hash */
	const char *nonce = strstr(text, "NONCE:");
	assert_true(
		strstr(nonce, "30313233") > strstr(nonce, "N: doi")); /* not before the cookies */
	text_clear(&out);
	wire_print(&out, NULL, NULL);
	assert_string_equal(text_str(&out), "");
	text_free(&out);
}

static void
prints_phase1_and_unknown(void **state)
{
	(void)state;
	uint8_t buf[512], long_data[40] = { 0xab };
	struct wire_builder b;
	struct wire_header h = head;
	struct wire_msg m;
	struct text out = { 0 };
	struct wire_attr attr[] = { wire_attr_of(WIRE_A1_ENCR, 7), wire_attr_of(WIRE_A1_HASH, 2),
		wire_attr_of(WIRE_A1_GROUP, 2), wire_attr_of(WIRE_A1_AUTH, 1),
		wire_attr_of(WIRE_A1_LIFE_TYPE, 1), wire_attr_of(WIRE_A1_LIFE, 100000),
		wire_attr_of(WIRE_A1_ENCR, 9999) };
	struct wire_transform t = { .number = 1, .id = 1, .attrs = ARRAY_LEN(attr), .attr = attr };
	struct wire_proposal p[] = {
		{ .number = 1, .protocol = WIRE_P_ISAKMP, .transforms = 1, .transform = &t },
		{ .number = 2,
			.protocol = WIRE_P_AH,
			.spi = bytes_of("abcd", 4),
			.transforms = 1,
			.transform = &t },
		{ .number = 3,
			.protocol = WIRE_P_IPCOMP,
			.spi = bytes_of("ab", 2),
			.transforms = 1,
			.transform = &t },
	};
	wire_begin(&b, buf, sizeof(buf), &h);
	wire_add_sa(&b, &(struct wire_sa){ 1, 1, 3, p });
	wire_add_data(&b, WIRE_VENDOR, bytes_of(long_data, sizeof(long_data)));
	wire_add_data(&b, (enum wire_type)46, bytes_of(sixteen, 3));
	struct bytes d = wire_finish(&b);
	assert_int_equal(wire_parse(WIRE_SA, wire_payloads_of(d), false, &m, NULL), ST_NORMAL);
	wire_print(&out, NULL, &m);
	const char *text = text_str(&out);
	assert_non_null(
		strstr(text, "transform 1 KEY_IKE: encryption aes-cbc, hash sha1, group modp1024, "
			     "authentication pre-shared key, life type seconds, "
			     "life duration 100000, encryption 9999\n"));
	assert_non_null(strstr(text, "...\n"));
	assert_non_null(strstr(text, "payload 46: 3 octets\n"));
	text_free(&out);
}

static void
summaries(void **state)
{
	(void)state;
	uint8_t buf[1024];
	char text[WIRE_SUMMARY_MAX], tiny[12];
	struct wire_header h;
	struct wire_msg m;
	struct bytes d = build_all(buf, sizeof(buf), 8);
	assert_int_equal(wire_parse_header(d, &h, NULL), ST_NORMAL);
	assert_int_equal(wire_parse(h.next, wire_payloads_of(d), true, &m, NULL), ST_NORMAL);
	assert_string_equal(wire_summary(text, sizeof(text), &h, &m),
		"quick first deadbeef {HASH SA NONCE KE ID N(INITIAL-CONTACT) D NAT-OA CERT ATTR "
		"FRAG VID}");
	for (size_t i = 0; i < sizeof(tiny); i++)
		assert_true(strlen(wire_summary(tiny, i + 1, &h, &m)) <= i);
	h.cookie_r[7] = 1;
	h.message_id = 0;
	h.exchange = 200;
	h.length = 92;
	assert_string_equal(
		wire_summary(text, sizeof(text), &h, NULL), "200 {encrypted, 92 octets}");
}

static void
names(void **state)
{
	(void)state;
	char buf[16];
	assert_string_equal(wire_name(WIRE_NAMES_NOTIFY, 14), "NO-PROPOSAL-CHOSEN");
	assert_null(wire_name(WIRE_NAMES_NOTIFY, 12345));
	assert_string_equal(wire_name_text(WIRE_NAMES_EXCHANGE, 35, buf, sizeof(buf)), "35");
	assert_string_equal(wire_name_text(WIRE_NAMES_EXCHANGE, 2, buf, sizeof(buf)), "main");
	assert_string_equal(wire_name(WIRE_NAMES_AUTH, RC_AUTH_PSK), "pre-shared key");
	assert_string_equal(wire_name(WIRE_NAMES_CFG, 3), "SET");
	for (unsigned type = 1; type < 31; type++) /* all of RFC 2408's errors have names */
		assert_non_null(wire_name(WIRE_NAMES_NOTIFY, type));
	for (unsigned type = 1; type < 256; type++) /* every payload with a row has a name */
		if (wire_bit_of((uint8_t)type) != WIRE_BIT_UNKNOWN)
			assert_non_null(wire_name(WIRE_NAMES_PAYLOAD, type));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_what_parses),
		cmocka_unit_test(every_buffer_too_small),
		cmocka_unit_test(padding),
		cmocka_unit_test(refuses_nonsense),
		cmocka_unit_test(prints_without_secrets),
		cmocka_unit_test(prints_phase1_and_unknown),
		cmocka_unit_test(summaries),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
