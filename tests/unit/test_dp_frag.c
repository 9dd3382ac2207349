/*
 * test_dp_frag.c - IPv4 fragments of outgoing packets, put together and cut.
 */
#include "ipsec/dp_frag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bytes.h"

enum { MORE = 0x2000, DF = 0x4000 };

static const instant t0 = { 1000 };

/* A fragment with an identification; octets count up from the offset. */
static size_t
fragment(uint8_t *p, uint16_t id, size_t offset, size_t n, bool more)
{
	memset(p, 0, 20);
	p[0] = 0x45;
	patch_u16(p + 2, (uint16_t)(20 + n));
	patch_u16(p + 4, id);
	patch_u16(p + 6, (uint16_t)((more ? MORE : 0) | offset / 8));
	p[8] = 64;
	p[9] = 17;
	patch_u32(p + 12, 0xc0a80164);
	patch_u32(p + 16, 0xc0a80264);
	for (size_t i = 0; i < n; i++)
		p[20 + i] = (uint8_t)(offset + i);
	return 20 + n;
}

static enum dp_whole
take(struct dp_defrag *d, instant now, uint8_t *p, uint16_t id, size_t offset, size_t n, bool more)
{
	size_t len = fragment(p, id, offset, n, more);

	return dp_defrag_take(d, now, p, &len);
}

static uint8_t packet[DP_PACKET_MAX + 64];

static void
test_whole_packets_pass(void **state)
{
	struct dp_defrag *d = dp_defrag_new();
	size_t len = fragment(packet, 1, 0, 100, false);

	(void)state;
	patch_u16(packet + 6, DF);
	assert_int_equal(dp_defrag_take(d, t0, packet, &len), DP_WHOLE);
	assert_int_equal(len, 120);
	assert_int_equal(get_u16(packet + 6), DF);
	len = 19;
	assert_int_equal(dp_defrag_take(d, t0, packet, &len), DP_TORN);
	len = 40;
	packet[0] = 0x50;
	assert_int_equal(dp_defrag_take(d, t0, packet, &len), DP_TORN);
	dp_defrag_free(d);
	dp_defrag_free(NULL);
}

static void
test_put_together_in_any_order(void **state)
{
	static const unsigned orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 }, { 2, 0, 1 } };
	struct dp_defrag *d = dp_defrag_new();

	(void)state;
	for (unsigned o = 0; o < 4; o++) {
		for (unsigned i = 0; i < 3; i++) {
			unsigned part = orders[o][i];
			size_t n = part == 2 ? 5 : 800;
			size_t len = fragment(packet, (uint16_t)o, part * 800, n, part != 2);
			enum dp_whole w = dp_defrag_take(d, t0, packet, &len);

			assert_int_equal(w, i == 2 ? DP_WHOLE : DP_KEPT);
			if (i < 2)
				continue;
			assert_int_equal(len, 20 + 1605);
			assert_int_equal(get_u16(packet + 2), len);
			assert_int_equal(get_u16(packet + 6), 0);
			for (size_t k = 0; k < 1605; k++)
				assert_int_equal(packet[20 + k], (uint8_t)k);
		}
	}
	dp_defrag_free(d);
}

static void
test_checksum(void **state)
{
	uint32_t sum = 0;

	(void)state;
	(void)fragment(packet, 7, 0, 8, false);
	dp_ip_checksum(packet, 20);
	for (size_t i = 0; i < 20; i += 2)
		sum += get_u16(packet + i);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
}

static void
test_overlap_voids_the_datagram(void **state)
{
	struct dp_defrag *d = dp_defrag_new();

	(void)state;
	assert_int_equal(take(d, t0, packet, 1, 0, 80, true), DP_KEPT);
	assert_int_equal(take(d, t0, packet, 1, 72, 80, true), DP_TORN);
	/* What comes now begins a new one, which lacks its beginning. */
	assert_int_equal(take(d, t0, packet, 1, 80, 8, false), DP_KEPT);
	dp_defrag_free(d);
}

static void
test_no_hole_is_ever_filled_with_old_octets(void **state)
{
	struct dp_defrag *d = dp_defrag_new();

	(void)state;
	/* Something beyond the end must not count for the hole in the middle. */
	assert_int_equal(take(d, t0, packet, 1, 0, 8, true), DP_KEPT);
	assert_int_equal(take(d, t0, packet, 1, 800, 8, true), DP_KEPT);
	assert_int_equal(take(d, t0, packet, 1, 16, 8, false), DP_TORN);
	assert_int_equal(take(d, t0, packet, 2, 0, 8, true), DP_KEPT);
	assert_int_equal(take(d, t0, packet, 2, 16, 8, false), DP_KEPT);
	assert_int_equal(take(d, t0, packet, 2, 24, 8, true), DP_TORN);
	/* Two ends. */
	assert_int_equal(take(d, t0, packet, 3, 16, 8, false), DP_KEPT);
	assert_int_equal(take(d, t0, packet, 3, 8, 8, false), DP_TORN);
	dp_defrag_free(d);
}

static void
test_malformed_fragments(void **state)
{
	struct dp_defrag *d = dp_defrag_new();
	size_t len;

	(void)state;
	assert_int_equal(take(d, t0, packet, 1, 0, 7, true), DP_TORN); /* no multiple of 8 */
	assert_int_equal(take(d, t0, packet, 1, 0, 0, true), DP_TORN); /* empty */
	assert_int_equal(take(d, t0, packet, 1, 65528, 8, false), DP_TORN); /* past 65535 */
	len = fragment(packet, 1, 0, 80, true);
	patch_u16(packet + 2, 200); /* longer than what came */
	assert_int_equal(dp_defrag_take(d, t0, packet, &len), DP_TORN);
	len = fragment(packet, 1, 0, 80, true);
	packet[0] = 0x44; /* header too short */
	assert_int_equal(dp_defrag_take(d, t0, packet, &len), DP_TORN);
	dp_defrag_free(d);
}

static void
test_patience_and_number_are_bounded(void **state)
{
	struct dp_defrag *d = dp_defrag_new();

	(void)state;
	assert_int_equal(take(d, t0, packet, 9, 0, 8, true), DP_KEPT);
	assert_int_equal(take(d, instant_add(t0, DP_DEFRAG_MS), packet, 9, 8, 8, false), DP_KEPT);
	/* More at once than there is room for: the oldest go. */
	for (uint16_t i = 0; i < 3 * DP_DEFRAG_MAX; i++)
		assert_int_equal(take(d, instant_add(t0, 20000 + i), packet, (uint16_t)(100 + i), 0,
			8, true), DP_KEPT);
	assert_int_equal(take(d, instant_add(t0, 20200), packet, 100, 8, 8, false), DP_KEPT);
	assert_int_equal(take(d, instant_add(t0, 20200), packet, 100 + 3 * DP_DEFRAG_MAX - 1, 8, 8,
		false), DP_WHOLE);
	dp_defrag_free(d);
}

static void
test_cut_and_put_together(void **state)
{
	static uint8_t original[4000], piece[1500];
	struct dp_defrag *d = dp_defrag_new();
	struct dp_cut cut;
	size_t n, pieces = 0;
	enum dp_whole w = DP_KEPT;

	(void)state;
	(void)fragment(original, 77, 0, sizeof(original) - 20, false);
	assert_true(dp_cut_begin(&cut, original, sizeof(original), 1400));
	while ((n = dp_cut_next(&cut, piece)) != 0) {
		size_t len = n;

		assert_true(n <= 1400);
		assert_int_equal(get_u16(piece + 2), n);
		pieces++;
		memcpy(packet, piece, n);
		w = dp_defrag_take(d, t0, packet, &len);
		if (w == DP_WHOLE)
			assert_int_equal(len, sizeof(original));
	}
	assert_int_equal(pieces, 3);
	assert_int_equal(w, DP_WHOLE);
	assert_memory_equal(packet + 20, original + 20, sizeof(original) - 20);
	dp_defrag_free(d);
}

static void
test_options_of_later_pieces(void **state)
{
	static uint8_t original[200], piece[200];
	struct dp_cut cut;

	(void)state;
	(void)fragment(original, 5, 0, 180, false);
	original[0] = 0x47; /* 8 octets: one option to copy, one not to, an end */
	memcpy(original + 20, "\x83\x03\x04\x07\x03\x04\x00\x00", 8);
	assert_true(dp_cut_begin(&cut, original, 200, 100));
	assert_int_equal(dp_cut_next(&cut, piece), 28 + 72);
	assert_int_equal(piece[0], 0x47);
	assert_int_equal(dp_cut_next(&cut, piece), 24 + 72);
	assert_int_equal(piece[0], 0x46);
	assert_memory_equal(piece + 20, "\x83\x03\x04\x00", 4);
	assert_int_equal(dp_cut_next(&cut, piece), 24 + 28);
	assert_int_equal(get_u16(piece + 6) & MORE, 0);
	assert_int_equal(dp_cut_next(&cut, piece), 0);
}

static void
test_what_must_not_be_cut(void **state)
{
	struct dp_cut cut;

	(void)state;
	(void)fragment(packet, 5, 0, 180, false);
	assert_false(dp_cut_begin(&cut, packet, 200, 27));
	assert_false(dp_cut_begin(&cut, packet, 20, 100));
	patch_u16(packet + 6, DF);
	assert_false(dp_cut_begin(&cut, packet, 200, 100));
}

static void
test_refusal(void **state)
{
	size_t len = fragment(packet, 5, 0, 1480, false);
	uint8_t before[28];
	uint32_t sum = 0;

	(void)state;
	assert_false(dp_refuse(packet, &len, 1400)); /* may be cut */
	patch_u16(packet + 6, DF);
	memcpy(before, packet, sizeof(before));
	assert_true(dp_refuse(packet, &len, 1400));
	assert_int_equal(len, 20 + 8 + 28);
	assert_int_equal(packet[9], 1);
	assert_memory_equal(packet + 12, before + 16, 4);
	assert_memory_equal(packet + 16, before + 12, 4);
	assert_memory_equal(packet + 20, "\x03\x04", 2);
	assert_int_equal(get_u16(packet + 26), 1400);
	assert_memory_equal(packet + 28, before, 28);
	for (size_t i = 20; i < len; i += 2)
		sum += get_u16(packet + i);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	/* Nothing is said about errors. */
	len = fragment(packet, 5, 0, 1480, false);
	patch_u16(packet + 6, DF);
	packet[9] = 1;
	packet[20] = 3;
	assert_false(dp_refuse(packet, &len, 1400));
	packet[20] = 8;
	assert_true(dp_refuse(packet, &len, 1400));
}

/* IPv6: cut with a hop-by-hop header before, put together in any order, the same octets. */
static void
test_ipv6_there_and_back(void **state)
{
	static uint8_t whole[3000], piece[8][1500];
	size_t len[8], n = 0, got;
	struct dp_defrag *d = dp_defrag_new();
	struct dp_cut c;
	enum dp_whole what = DP_TORN;

	(void)state;
	for (size_t i = 0; i < sizeof(whole); i++)
		whole[i] = (uint8_t)(i * 7);
	patch_u32(whole, 0x60000000);
	patch_u16(whole + 4, sizeof(whole) - 40);
	whole[6] = 0;
	memcpy(whole + 40, "\x32\0\1\4\0\0\0\0", 8); /* then ESP */
	assert_false(dp_is_fragment6(whole, sizeof(whole)));
	assert_true(dp_cut_begin(&c, whole, sizeof(whole), 1280));
	c.id = 77;
	while ((len[n] = dp_cut_next(&c, piece[n])) != 0) {
		assert_true(len[n] <= 1280);
		assert_int_equal(get_u16(piece[n] + 4) + 40, len[n]);
		assert_int_equal(piece[n][40], 44);
		assert_true(dp_is_fragment6(piece[n], len[n]));
		n++;
	}
	assert_int_equal(n, 3);
	for (size_t i = n; i-- > 0;) {
		memcpy(packet, piece[i], len[i]);
		got = len[i];
		what = dp_defrag_take(d, t0, packet, &got);
		assert_int_equal(what, i > 0 ? DP_KEPT : DP_WHOLE);
	}
	assert_int_equal(got, sizeof(whole));
	assert_memory_equal(packet, whole, sizeof(whole));
	/* A piece that comes twice voids its datagram. */
	memcpy(packet, piece[0], len[0]);
	got = len[0];
	assert_int_equal(dp_defrag_take(d, t0, packet, &got), DP_KEPT);
	memcpy(packet, piece[0], len[0]);
	assert_int_equal(dp_defrag_take(d, t0, packet, &got), DP_TORN);
	/* Headers that lie about their lengths. */
	memcpy(packet, whole, sizeof(whole));
	packet[41] = 0xff;
	got = 200;
	patch_u16(packet + 4, 160);
	assert_int_equal(dp_defrag_take(d, t0, packet, &got), DP_TORN);
	assert_false(dp_cut_begin(&c, packet, 200, 100));
	/* Too big for IPv6 is said with ICMPv6, whatever is inside. */
	got = sizeof(whole);
	memcpy(packet, whole, got);
	assert_true(dp_refuse(packet, &got, 1300));
	assert_int_equal(got, 1280);
	assert_int_equal(packet[6], 58);
	assert_int_equal(packet[40], 2);
	assert_int_equal(get_u32(packet + 44), 1300);
	assert_memory_equal(packet + 48, whole, 1232);
	dp_defrag_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_packets_pass),
		cmocka_unit_test(test_put_together_in_any_order),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_overlap_voids_the_datagram),
		cmocka_unit_test(test_no_hole_is_ever_filled_with_old_octets),
		cmocka_unit_test(test_malformed_fragments),
		cmocka_unit_test(test_patience_and_number_are_bounded),
		cmocka_unit_test(test_cut_and_put_together),
		cmocka_unit_test(test_options_of_later_pieces),
		cmocka_unit_test(test_what_must_not_be_cut),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_ipv6_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
