/*
 * test_dp_gso.c - super-packets cut and joined: the same octets, checksums by an independent sum.
 */
#include "ipsec/dp_gro.h"
#include "ipsec/dp_gso.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include "lib/bytes.h"
#include "lib/inetsum.h"

enum { TCP4, TCP6, UDP4, UDP6, KINDS };
enum { FIN = 1, SYN = 2, PSH = 8, ACK = 0x10, ECE = 0x40, CWR = 0x80, SLOT = 2048 };

static uint8_t super[70000], slots[64][SLOT], joined[70000];
static size_t slot_len[64], slot_count, joined_len, emitted;
static struct dp_vnet joined_vnet;

static uint32_t seed = 1;

static unsigned
any(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* Octet by octet, unlike the one under test. */
static uint16_t
slow_sum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static size_t
l4_of(int kind)
{
	return kind == TCP4 || kind == UDP4 ? 20 : 40;
}

static size_t
headers_of(int kind)
{
	return l4_of(kind) + (kind >= UDP4 ? 8 : 32);
}

static bool
right(const uint8_t *p, size_t n, int kind)
{
	size_t l4 = l4_of(kind);
	uint32_t sum = (uint32_t)(n - l4) + (kind >= UDP4 ? 17u : 6u);

	if (l4 == 20 && (slow_sum(0, p, 20) != 0xffff || get_u16(p + 2) != n))
		return false;
	if (l4 == 40 && get_u16(p + 4) + 40u != n)
		return false;
	sum += l4 == 20 ? slow_sum(0, p + 12, 8) : slow_sum(0, p + 8, 32);
	return slow_sum(sum, p + l4, n - l4) == 0xffff;
}

/* A super-packet as the stack makes it: pseudo-header sum in the checksum field. */
static size_t
make(int kind, size_t payload, uint8_t flags, struct dp_vnet *v, uint16_t size)
{
	size_t l4 = l4_of(kind), h = headers_of(kind), n = h + payload;
	uint8_t *t = super + l4;
	uint32_t sum = (uint32_t)(n - l4) + (kind >= UDP4 ? 17u : 6u);

	memset(super, 0, h);
	for (size_t i = 0; i < payload; i++)
		super[h + i] = (uint8_t)any(256);
	if (l4 == 20) {
		super[0] = 0x45;
		super[1] = 2;
		patch_u16(super + 2, (uint16_t)n);
		patch_u16(super + 4, 0xfffe);
		super[6] = 0x40;
		super[8] = 64;
		super[9] = kind >= UDP4 ? 17 : 6;
		patch_u32(super + 12, 0xac100101);
		patch_u32(super + 16, 0xac100201);
		patch_u16(super + 10, (uint16_t)~slow_sum(0, super, 20));
		sum += slow_sum(0, super + 12, 8);
	} else {
		patch_u32(super, 0x60012345);
		patch_u16(super + 4, (uint16_t)(n - 40));
		super[6] = kind >= UDP4 ? 17 : 6;
		super[7] = 64;
		super[8] = 0xfd;
		super[24] = 0xfd;
		super[39] = 1;
		sum += slow_sum(0, super + 8, 32);
	}
	patch_u16(t, 4000);
	patch_u16(t + 2, 5001);
	if (kind >= UDP4) {
		patch_u16(t + 4, (uint16_t)(n - l4));
		patch_u16(t + 6, slow_sum(sum, NULL, 0));
	} else {
		patch_u32(t + 4, 0xffffff00);
		patch_u32(t + 8, 77);
		t[12] = 0x80;
		t[13] = flags;
		patch_u16(t + 14, 512);
		memcpy(t + 20, "\1\1\10\12abcdefgh", 12);
		patch_u16(t + 16, slow_sum(sum, NULL, 0));
	}
	*v = (struct dp_vnet){ .flags = DP_VNET_NEEDS_CSUM, .size = size, .headers = (uint16_t)h,
		.csum_start = (uint16_t)l4, .csum_offset = kind >= UDP4 ? 6 : 16,
		.type = kind >= UDP4 ? DP_VNET_UDP : kind == TCP4 ? DP_VNET_TCP4 : DP_VNET_TCP6 };
	return n;
}

static void
cut_all(size_t n, const struct dp_vnet *v)
{
	struct dp_gso g;

	slot_count = 0;
	assert_true(dp_gso_begin(&g, super, n, v));
	for (size_t want; (want = dp_gso_size(&g)) != 0; slot_count++) {
		assert_true(slot_count < 64 && want <= SLOT);
		slot_len[slot_count] = dp_gso_next(&g, slots[slot_count]);
		assert_int_equal(slot_len[slot_count], want);
	}
}

static void
on_emit(void *user, const struct dp_super *s)
{
	(void)user;
	emitted++;
	joined_vnet = s->vnet;
	joined_len = 0;
	for (unsigned i = 0; i < s->pieces; i++) {
		memcpy(joined + joined_len, s->iov[i].iov_base, s->iov[i].iov_len);
		joined_len += s->iov[i].iov_len;
	}
	assert_int_equal(joined_len, s->len);
}

static void
join_all(void)
{
	struct dp_gro g;

	dp_gro_init(&g, on_emit, NULL);
	g.udp = true;
	emitted = 0;
	for (size_t i = 0; i < slot_count; i++)
		dp_gro_add(&g, slots[i], slot_len[i]);
	dp_gro_flush(&g);
}

static void
test_sum(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		size_t at = any(9), n = any(300);
		uint32_t start = any(1 << 20);

		for (size_t k = 0; k < at + n; k++)
			super[k] = i % 3 == 0 ? 0xff : (uint8_t)any(256);
		assert_int_equal(inet_sum(start, super + at, n), slow_sum(start, super + at, n));
	}
	memset(super, 0xff, 65535);
	assert_int_equal(inet_sum(0, super, 65535), slow_sum(0, super, 65535));
	assert_int_equal(inet_sum(0, super, 0), 0);
}

static void
test_cut_and_join(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		int kind = (int)(round % KINDS);
		uint16_t size = (uint16_t)(1 + any(1400));
		size_t pieces = 2 + any(40), payload = size * (pieces - 1) + 1 + any(size), n;
		struct dp_vnet v;

		if (headers_of(kind) + payload > 65535)
			continue;
		n = make(kind, payload, PSH | ACK, &v, size);
		cut_all(n, &v);
		assert_int_equal(slot_count, (payload + size - 1) / size);
		for (size_t i = 0; i < slot_count; i++)
			assert_true(right(slots[i], slot_len[i], kind));
		join_all();
		assert_int_equal(emitted, 1);
		assert_int_equal(joined_len, n);
		assert_memory_equal(joined, super, n);
		assert_int_equal(joined_vnet.type, v.type);
		assert_int_equal(joined_vnet.size, size);
		assert_int_equal(joined_vnet.flags, DP_VNET_NEEDS_CSUM);
		assert_true(dp_csum_complete(joined, n, joined_vnet.csum_start,
			joined_vnet.csum_offset));
		assert_true(right(joined, n, kind));
	}
}

static void
test_flags_of_pieces(void **state)
{
	struct dp_vnet v;
	size_t n = make(TCP4, 2500, FIN | PSH | ACK | ECE | CWR, &v, 1000);

	(void)state;
	v.type |= DP_VNET_ECN;
	cut_all(n, &v);
	assert_int_equal(slot_count, 3);
	assert_int_equal(slots[0][33], ACK | ECE | CWR);
	assert_int_equal(slots[1][33], ACK | ECE);
	assert_int_equal(slots[2][33], FIN | PSH | ACK | ECE);
	assert_int_equal(get_u32(slots[1] + 24), 0xffffff00 + 1000);
	assert_int_equal(get_u32(slots[2] + 24), 0xffffff00u + 2000);
	assert_int_equal(get_u16(slots[0] + 4), 0xfffe);
	assert_int_equal(get_u16(slots[2] + 4), 0);
	assert_int_equal(slots[1][1], 2);
}

static void
refuse(size_t n, const struct dp_vnet *v)
{
	struct dp_gso g;

	assert_false(dp_gso_begin(&g, super, n, v));
}

static void
test_refused_supers(void **state)
{
	struct dp_vnet v, w;
	size_t n = make(TCP4, 3000, ACK, &v, 1000);

	(void)state;
	w = v;
	w.size = 0;
	refuse(n, &w);
	w = v;
	w.type = DP_VNET_TCP6;
	refuse(n, &w);
	w.type = DP_VNET_UDP;
	refuse(n, &w);
	w.type = 3;
	refuse(n, &w);
	for (size_t i = 0; i <= headers_of(TCP4); i++)
		refuse(i, &v);
	super[32] = 0x40; /* a TCP header of 16 octets */
	refuse(n, &v);
	super[32] = 0x80;
	patch_u16(super + 6, 0x2000); /* a fragment */
	refuse(n, &v);
	patch_u16(super + 6, 0);
	super[0] = 0x44;
	refuse(n, &v);
	super[0] = 0x75;
	refuse(n, &v);
	assert_false(dp_csum_complete(super, 40, 40, 0));
	assert_false(dp_csum_complete(super, 40, 20, 19));
	assert_true(dp_csum_complete(super, 40, 20, 16));
}

/* Three segments, the second changed; how many packets come out? */
static size_t
after(int kind, size_t at, uint8_t with, bool resum)
{
	struct dp_vnet v;
	size_t l4 = l4_of(kind), n = make(kind, 3000, ACK, &v, 1000);
	uint8_t *p = slots[1];
	uint32_t sum;

	cut_all(n, &v);
	p[at] ^= with;
	if (resum) {
		n = slot_len[1];
		if (l4 == 20) {
			patch_u16(p + 10, 0);
			patch_u16(p + 10, (uint16_t)~slow_sum(0, p, 20));
		}
		sum = (uint32_t)(n - l4) + (kind >= UDP4 ? 17u : 6u);
		sum += l4 == 20 ? slow_sum(0, p + 12, 8) : slow_sum(0, p + 8, 32);
		patch_u16(p + l4 + (kind >= UDP4 ? 6 : 16), 0);
		patch_u16(p + l4 + (kind >= UDP4 ? 6 : 16),
			(uint16_t)~slow_sum(sum, p + l4, n - l4));
	}
	join_all();
	return emitted;
}

static void
test_what_is_not_joined(void **state)
{
	(void)state;
	assert_int_equal(after(TCP4, 600, 0, true), 1);
	assert_int_equal(after(TCP4, 600, 1, false), 3); /* wrong checksum: it passes as it is */
	assert_int_equal(after(TCP4, 600, 1, true), 1);
	assert_int_equal(after(TCP4, 11, 1, false), 3);  /* wrong IP checksum */
	assert_int_equal(after(TCP4, 1, 4, true), 3);    /* DSCP */
	assert_int_equal(after(TCP4, 8, 1, true), 3);    /* TTL */
	assert_int_equal(after(TCP4, 6, 0x40, true), 3); /* DF */
	assert_int_equal(after(TCP4, 27, 1, true), 3);   /* sequence number */
	assert_int_equal(after(TCP4, 31, 1, true), 3);   /* acknowledgement */
	assert_int_equal(after(TCP4, 33, ECE, true), 3); /* flags */
	assert_int_equal(after(TCP4, 33, CWR, true), 3);
	assert_int_equal(after(TCP4, 33, SYN, true), 3);
	assert_int_equal(after(TCP4, 33, PSH, true), 2); /* ends it */
	assert_int_equal(after(TCP4, 35, 1, true), 3);   /* window */
	assert_int_equal(after(TCP4, 45, 1, true), 3);   /* options */
	assert_int_equal(after(TCP4, 20, 1, true), 3);   /* another connection: a gap is left */
	assert_int_equal(after(UDP4, 20, 1, true), 2);   /* ... and none among datagrams */
	assert_int_equal(after(TCP6, 3, 1, true), 3);    /* flow label */
	assert_int_equal(after(TCP6, 7, 1, true), 3);    /* hop limit */
	assert_int_equal(after(UDP4, 600, 1, false), 3);
	assert_int_equal(after(UDP4, 8, 1, true), 3);
	assert_int_equal(after(UDP6, 600, 0, true), 1);
}

/* Whatever comes, every packet comes out once, alone or joined, and nothing is read beyond. */
static void
test_noise(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		struct dp_vnet v;
		uint16_t size = (uint16_t)(100 + any(900));
		size_t n = make((int)any(KINDS), 200 + any(3000), ACK, &v, size), in = 0;

		cut_all(n, &v);
		for (size_t i = 0; i < slot_count; i++) {
			if (any(2) == 0)
				slots[i][any(60)] ^= (uint8_t)(1u << any(8));
			if (any(8) == 0)
				slot_len[i] = 1 + any((unsigned)slot_len[i]);
			in += slot_len[i];
		}
		join_all();
		assert_true(emitted >= 1 && emitted <= slot_count);
		assert_true(joined_len <= in);
		/* The header of a super-packet may lie as well. */
		v.size = (uint16_t)any(2000);
		v.type = (uint8_t)any(7);
		super[any(80)] ^= (uint8_t)(1u << any(8));
		n = 1 + any((unsigned)n);
		struct dp_gso g;
		if (dp_gso_begin(&g, super, n, &v))
			while ((in = dp_gso_size(&g)) != 0)
				assert_int_equal(dp_gso_next(&g, joined), in);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_cut_and_join),
		cmocka_unit_test(test_flags_of_pieces),
		cmocka_unit_test(test_refused_supers),
		cmocka_unit_test(test_what_is_not_joined),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
