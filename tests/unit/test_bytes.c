/* test_bytes.c - cursors never pass their end, and integers have the right byte order. */
#include "lib/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void
reads_in_network_order(void **state)
{
	static const uint8_t octets[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct reader r = reader_of(bytes_of(octets, sizeof(octets)));

	(void)state;
	assert_int_equal(read_u8(&r), 1);
	assert_int_equal(read_u16(&r), 0x0203);
	assert_int_equal(read_u32(&r), 0x04050607);
	assert_true(read_u64(&r) == 0x08090a0b0c0d0e0fu);
	assert_int_equal(reader_left(&r), 1);
	assert_false(r.bad);
	assert_int_equal(read_rest(&r).n, 1);
	assert_int_equal(reader_left(&r), 0);
	assert_false(r.bad);
}

static void
error_is_sticky(void **state)
{
	static const uint8_t octets[] = { 1, 2, 3 };
	struct reader r = reader_of(bytes_of(octets, sizeof(octets)));
	uint8_t copy[4] = { 9, 9, 9, 9 };

	(void)state;
	assert_int_equal(read_u32(&r), 0);
	assert_true(r.bad);
	assert_int_equal(read_u8(&r), 0);
	assert_int_equal(reader_left(&r), 0);
	assert_null(read_bytes(&r, 1).p);
	read_copy(&r, copy, sizeof(copy));
	assert_int_equal(copy[0] | copy[3], 0);
	assert_int_equal(read_rest(&r).n, 0);
	r = reader_of(bytes_of(octets, sizeof(octets)));
	read_skip(&r, SIZE_MAX);
	assert_true(r.bad);
}

static void
empty_views_are_harmless(void **state)
{
	struct reader r = reader_of((struct bytes){ 0 });

	(void)state;
	assert_int_equal(read_bytes(&r, 0).n, 0);
	assert_false(r.bad);
	assert_true(bytes_equal((struct bytes){ 0 }, bytes_str("")));
	assert_int_equal(bytes_str(NULL).n, 0);
	read_u8(&r);
	assert_true(r.bad);
}

static void
host_order_round_trip(void **state)
{
	uint8_t buf[14];
	struct writer w = writer_of(buf, sizeof(buf));
	struct reader r;

	(void)state;
	write_u16_host(&w, 0x1234);
	write_u32_host(&w, 0x12345678);
	write_u64_host(&w, 0x123456789abcdef0u);
	assert_false(w.bad);
	r = reader_of(writer_bytes(&w));
	assert_int_equal(read_u16_host(&r), 0x1234);
	assert_int_equal(read_u32_host(&r), 0x12345678);
	assert_true(read_u64_host(&r) == 0x123456789abcdef0u);
	assert_int_equal(reader_left(&r), 0);
}

static void
writes_and_patches(void **state)
{
	static const uint8_t want[] = { 0xaa, 0, 9, 1, 2, 3, 4, 0, 0 };
	uint8_t buf[9];
	struct writer w = writer_of(buf, sizeof(buf));
	uint8_t *length;

	(void)state;
	write_u8(&w, 0xaa);
	length = write_hole(&w, 2);
	write_u32(&w, 0x01020304);
	write_zero(&w, 2);
	patch_u16(length, (uint16_t)writer_len(&w));
	assert_false(w.bad);
	assert_memory_equal(buf, want, sizeof(want));
	write_u8(&w, 1);
	assert_true(w.bad);
	assert_int_equal(writer_len(&w), 9);
	assert_null(write_hole(&w, 0));
	patch_u32(NULL, 1);
	patch_u16_host(NULL, 1);
}

static void
writer_stays_bad(void **state)
{
	uint8_t buf[4] = { 7, 7, 7, 7 };
	struct writer w = writer_of(buf, 3);

	(void)state;
	write_u32(&w, 1);
	assert_true(w.bad);
	write_u8(&w, 1);
	write_bytes(&w, bytes_str("ab"));
	write_u64(&w, 1);
	assert_int_equal(writer_len(&w), 0);
	assert_int_equal(buf[0], 7);
	assert_int_equal(buf[3], 7);
}

static void
hex_both_ways(void **state)
{
	uint8_t out[4];
	char text[16];
	size_t n = 0;

	(void)state;
	assert_true(bytes_from_hex("01aBff", 6, out, sizeof(out), &n));
	assert_int_equal(n, 3);
	assert_int_equal(out[1], 0xab);
	assert_true(bytes_from_hex("123", 3, out, sizeof(out), &n));
	assert_int_equal(n, 2);
	assert_int_equal(out[0], 0x01);
	assert_int_equal(out[1], 0x23);
	assert_false(bytes_from_hex("12g4", 4, out, sizeof(out), &n));
	assert_false(bytes_from_hex("0102030405", 10, out, sizeof(out), &n));
	assert_true(bytes_from_hex("", 0, out, 0, &n));
	assert_int_equal(n, 0);
	assert_string_equal(bytes_to_hex(text, sizeof(text), bytes_of("\x01\xab", 2)), "01ab");
	assert_string_equal(bytes_to_hex(text, 4, bytes_of("\x01\xab", 2)), "01");
}

static void
compares_like_memcmp(void **state)
{
	(void)state;
	assert_true(bytes_compare(bytes_str("ab"), bytes_str("abc")) < 0);
	assert_true(bytes_compare(bytes_str("b"), bytes_str("abc")) > 0);
	assert_int_equal(bytes_compare(bytes_str("x"), bytes_str("x")), 0);
	assert_false(bytes_equal(bytes_str("x"), bytes_str("y")));
	assert_int_equal(get_u16((const uint8_t *)"\x01\x02"), 0x0102);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_in_network_order),
		cmocka_unit_test(error_is_sticky),
		cmocka_unit_test(empty_views_are_harmless),
		cmocka_unit_test(host_order_round_trip),
		cmocka_unit_test(writes_and_patches),
		cmocka_unit_test(writer_stays_bad),
		cmocka_unit_test(hex_both_ways),
		cmocka_unit_test(compares_like_memcmp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
