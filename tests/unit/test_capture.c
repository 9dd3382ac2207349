/*
 * test_capture.c - datagrams as packets of a pcap file: lengths, addresses, checksums; keys.
 */
#include "racoon/daemon/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/inetsum.h"

static struct net_endpoint
at(const char *text, uint16_t port)
{
	struct net_endpoint e = { .port = port };

	assert_true(net_addr_parse(text, &e.addr));
	return e;
}

static uint32_t
host32(const struct text *t, size_t offset)
{
	uint32_t v;

	memcpy(&v, t->p + offset, sizeof(v));
	return v;
}

static void
head(void **state)
{
	struct text out = { 0 };

	(void)state;
	capture_head(&out);
	assert_int_equal(out.n, 24);
	assert_int_equal(host32(&out, 0), 0xa1b2c3d4u);
	assert_int_equal(host32(&out, 20), 101); /* raw IP */
	text_free(&out);
}

/* What a receiver sums up: all ones when it is right. */
static uint16_t
udp_sum(const uint8_t *src, const uint8_t *dst, size_t address, const uint8_t *udp, size_t n)
{
	uint16_t sum = inet_sum((uint32_t)(17 + n), src, address);

	sum = inet_sum(sum, dst, address);
	return inet_sum(sum, udp, n);
}

static void
packet4(void **state)
{
	const struct net_endpoint a = at("10.0.0.1", 4500), b = at("10.0.0.2", 4501);
	static const uint8_t octets[5] = { 1, 2, 3, 4, 5 };
	struct text out = { 0 };
	const uint8_t *ip;

	(void)state;
	capture_packet(&out, (wall){ 1500 }, &a, &b, true, bytes_of(octets, 5));
	assert_int_equal(out.n, 16 + 20 + 8 + 4 + 5);
	assert_int_equal(host32(&out, 0), 1);
	assert_int_equal(host32(&out, 4), 500000);
	assert_int_equal(host32(&out, 8), 37);
	ip = (const uint8_t *)out.p + 16;
	assert_int_equal(get_u16(ip + 2), 37);
	assert_int_equal(inet_sum(0, ip, 20), 0xffff);
	assert_int_equal(get_u16(ip + 20), 4500);
	assert_int_equal(get_u16(ip + 22), 4501);
	assert_int_equal(get_u16(ip + 24), 17);
	assert_int_equal(udp_sum(ip + 12, ip + 16, 4, ip + 20, 17), 0xffff);
	assert_memory_equal(ip + 28, "\0\0\0\0\1\2\3\4\5", 9);
	text_free(&out);
}

static void
packet6(void **state)
{
	const struct net_endpoint a = at("fd00::1", 500), b = at("fd00::2", 500);
	const struct net_endpoint c = at("10.0.0.1", 500);
	static const uint8_t octets[4] = { 9, 8, 7, 6 };
	static uint8_t large[65536];
	struct text out = { 0 };
	const uint8_t *ip;

	(void)state;
	capture_packet(&out, (wall){ 1 }, &a, &b, false, bytes_of(octets, 4));
	assert_int_equal(out.n, 16 + 40 + 8 + 4);
	ip = (const uint8_t *)out.p + 16;
	assert_int_equal(get_u16(ip + 4), 12);
	assert_int_equal(udp_sum(ip + 8, ip + 24, 16, ip + 40, 12), 0xffff);
	text_clear(&out);
	capture_packet(&out, (wall){ 1 }, &a, &c, false, bytes_of(octets, 4)); /* none */
	capture_packet(&out, (wall){ 1 }, &a, &b, false, bytes_of(large, sizeof(large)));
	assert_int_equal(out.n, 0);
	text_free(&out);
}

static void
key(void **state)
{
	static const uint8_t cookie[8] = { 1, 2, 3, 4, 5, 6, 7, 0xff }, k[2] = { 0xab, 0xcd };
	struct text out = { 0 };

	(void)state;
	capture_key(&out, cookie, bytes_of(k, 2));
	assert_string_equal(text_str(&out), "01020304050607ff,abcd\n");
	text_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head),
		cmocka_unit_test(packet4),
		cmocka_unit_test(packet6),
		cmocka_unit_test(key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
