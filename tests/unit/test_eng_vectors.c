/*
 * test_eng_vectors.c - the replay window against a set, the hostile datagrams for ESP and AH, and a
 * few packets written out.  All packets of other implementations: tests/vectors/vectors_main.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/unit/eng_host.h"

static const char datagrams[] = "tests/vectors/hostile-datagrams/datagrams.json";

/* ------------------------------------------------------------------------------ the window --- */

enum { NUMBERS = 1200000 };

struct oracle {
	uint8_t *seen; /* one bit per number, up to NUMBERS * 8 */
	uint32_t top, size;
};

static bool
oracle_accepts(struct oracle *o, uint32_t seq)
{
	if (seq == 0 || (seq <= o->top && o->top - seq >= o->size))
		return false;
	if ((o->seen[seq / 8] >> (seq % 8) & 1) != 0)
		return false;
	o->seen[seq / 8] |= (uint8_t)(1u << (seq % 8));
	if (seq > o->top)
		o->top = seq;
	return true;
}

/* Numbers as a bad network delivers them: late, early, twice, far ahead. */
static uint32_t
next_number(struct eng_host *h, uint32_t top, uint32_t size)
{
	uint32_t r = eng_host_random(h) % 100, near = eng_host_random(h) % (2 * size + 2);

	if (r < 50)
		return top + 1;
	if (r < 90)
		return top > near ? top - near : near;
	if (r < 98)
		return top + 1 + eng_host_random(h) % (size / 2 + 2);
	if (r < 99)
		return top + 1 + eng_host_random(h) % (3 * size + 70);
	return eng_host_random(h) % (top + 1);
}

static void
window_against_a_set(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 4, 31, 32, 63, 64, 65, 127, 128, 129, 255, 1000,
		4095, 4096 };
	struct eng_host *h = eng_host_new();
	uint32_t limit = NUMBERS * 8u - 20000;

	(void)state;
	assert_non_null(h);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct oracle o = { .seen = calloc(NUMBERS, 1), .size = sizes[i] };
		struct eng_window w;
		unsigned accepted = 0;

		assert_non_null(o.seen);
		assert_true(eng_window_new(&w, sizes[i]));
		for (uint32_t n = 0; n < NUMBERS / ARRAY_LEN(sizes) && o.top < limit; n++) {
			uint32_t seq = next_number(h, o.top, o.size);
			bool fresh = eng_window_fresh(&w, seq);

			/* Only what has a sound ICV moves the window. */
			if (n % 16 == 5)
				continue;
			if (fresh != oracle_accepts(&o, seq))
				fail_msg("size %u: number %u, top %u", sizes[i], seq, o.top);
			if (fresh) {
				eng_window_accept(&w, seq);
				accepted++;
			}
			assert_int_equal(w.top, o.top);
		}
		assert_true(accepted > 1000);
		eng_window_free(&w);
		free(o.seen);
	}
	eng_host_free(h);
}

/* The whole set once more in one window: a million numbers. */
static void
window_million(void **state)
{
	struct eng_host *h = eng_host_new();
	struct oracle o = { .seen = calloc(NUMBERS, 1), .size = 64 };
	struct eng_window w;

	(void)state;
	assert_non_null(h);
	assert_non_null(o.seen);
	assert_true(eng_window_new(&w, 64));
	for (uint32_t n = 0; n < NUMBERS; n++) {
		uint32_t seq = next_number(h, o.top, 64) % (NUMBERS * 8u);
		bool fresh = eng_window_fresh(&w, seq);

		if (fresh != oracle_accepts(&o, seq))
			fail_msg("number %u, top %u", seq, o.top);
		if (fresh)
			eng_window_accept(&w, seq);
	}
	eng_window_free(&w);
	free(o.seen);
	eng_host_free(h);
}

static void
window_ends(void **state)
{
	struct eng_window w;

	(void)state;
	assert_true(eng_window_new(&w, 0));
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(eng_window_fresh(&w, 7)); /* off */
		eng_window_accept(&w, 7);
	}
	assert_int_equal(w.top, 7);
	eng_window_free(&w);
	assert_true(eng_window_new(&w, 100000)); /* cut to what is allowed */
	assert_int_equal(w.size, ENG_WINDOW_MAX);
	assert_false(eng_window_fresh(&w, 0));
	eng_window_accept(&w, 1);
	assert_true(eng_window_fresh(&w, UINT32_MAX));
	eng_window_accept(&w, UINT32_MAX);
	assert_false(eng_window_fresh(&w, UINT32_MAX));
	assert_true(eng_window_fresh(&w, UINT32_MAX - ENG_WINDOW_MAX + 1));
	assert_false(eng_window_fresh(&w, UINT32_MAX - ENG_WINDOW_MAX));
	assert_false(eng_window_fresh(&w, 1));
	eng_window_free(&w);
}

/* ----------------------------------------------------------------------- hostile datagrams --- */

static void
install(struct eng_host *h)
{
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TRANSPORT, 0x1000, "192.0.2.1",
		"192.0.2.2", "aes-cbc", "hmac-sha1");

	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	m = eng_host_sa(SADB_OP_ADD, SA_AH, SA_TRANSPORT, 0x1000, "192.0.2.1", "192.0.2.2", NULL,
		"hmac-sha1");
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	m = eng_host_sa(SADB_OP_ADD, SA_IPCOMP, SA_MODE_ANY, 2, "192.0.2.1", "192.0.2.2", NULL,
		NULL);
	m.sa.comp = alg_by_name(ALG_COMP, "deflate");
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, 0x1001, "192.0.2.1", "192.0.2.2", "aes-cbc",
		"hmac-sha1");
	m.sa.natt = true;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	m = eng_host_policy(SADB_OP_SPDADD, SP_IN, "192.0.2.1/32", "192.0.2.2/32", SP_IPSEC,
		"esp/transport//require", NULL);
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	m.sp.dir = SP_OUT;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
}

static uint64_t
counted(const struct eng_host *h)
{
	uint64_t n = 0;

	/* The last one only says that there was more to tell. */
	for (unsigned i = 0; i < ENG_N_AUDIT_LOST; i++)
		n += eng_count(h->e, (enum eng_count)i);
	return n;
}

/* One datagram behind an IPv4 header, in a buffer that ends with it. */
static void
throw(struct eng_host *h, uint8_t proto, const char *hex)
{
	size_t n = 0, digits = strlen(hex);
	uint8_t *tight = malloc(20 + digits / 2 + 1);
	struct eng_packet p = { .buf = tight };
	uint64_t before = counted(h);

	assert_non_null(tight);
	memset(tight, 0, 20);
	assert_true(bytes_from_hex(hex, digits, tight + 20, digits / 2 + 1, &n));
	tight[0] = 0x45;
	tight[8] = 64;
	tight[9] = proto;
	memcpy(tight + 12, "\xc0\0\2\1\xc0\0\2\2", 8);
	eng_ip_finish(tight, 20 + n);
	p.room = p.len = 20 + n;
	assert_int_equal(eng_input(h->e, h->now, &p), ENG_DROP);
	assert_int_equal(counted(h), before + 1); /* once */
	free(tight);
}

static void
throw_udp(struct eng_host *h, const char *hex)
{
	char text[300];

	/* Ports 4500, the length, no checksum. */
	snprintf(text, sizeof(text), "11941194%04x0000%.200s", (unsigned)(8 + strlen(hex) / 2),
		hex);
	throw(h, IPP_UDP, text);
}

/* A sound packet cut off at every length, and sent twice: refused each time, and told. */
static void
truncated_and_replayed(void **state)
{
	struct eng_host *h = eng_host_new();
	struct eng_audit a;
	uint8_t whole[200];
	unsigned told = 0;
	size_t n;

	(void)state;
	assert_non_null(h);
	install(h);
	eng_host_packet(h, "192.0.2.1", "192.0.2.2", 100);
	assert_int_equal(eng_output(h->e, h->now, &h->p), ENG_SEND);
	n = h->p.len;
	assert_true(n < sizeof(whole));
	memcpy(whole, eng_host_ip(h), n);
	for (size_t cut = 1; cut < n; cut++) {
		uint64_t before = counted(h);

		eng_host_put(h, whole, cut);
		if (cut >= 20) /* a shorter one, or one that lies about its length */
			eng_ip_finish(eng_host_ip(h), cut % 2 == 0 ? cut : n);
		assert_int_equal(eng_input(h->e, h->now, &h->p), ENG_DROP);
		assert_int_equal(counted(h), before + 1);
	}
	while (eng_audit(h->e, &a))
		;
	eng_host_after(h, 11000);
	eng_host_put(h, whole, n);
	assert_int_equal(eng_input(h->e, h->now, &h->p), ENG_DELIVER);
	for (unsigned i = 0; i < 20; i++) {
		eng_host_put(h, whole, n);
		assert_int_equal(eng_input(h->e, h->now, &h->p), ENG_DROP);
	}
	assert_int_equal(eng_count(h->e, ENG_N_REPLAY), 20);
	for (; eng_audit(h->e, &a); told++) {
		assert_int_equal(a.what, ENG_N_REPLAY);
		assert_int_equal(a.spi, 0x1000);
		assert_int_equal(a.seq, 1);
		assert_int_equal(a.proto, SA_ESP);
		assert_int_equal(net_ipv4_value(&a.src), 0xc0000201);
		assert_int_equal(a.more, 0);
	}
	assert_int_equal(told, ENG_AUDIT_BURST);
	/* Later, one more: it says how many were not told. */
	eng_host_after(h, 11000);
	eng_host_put(h, whole, n);
	assert_int_equal(eng_input(h->e, h->now, &h->p), ENG_DROP);
	assert_true(eng_audit(h->e, &a));
	assert_int_equal(a.more, 20 - ENG_AUDIT_BURST);
	eng_host_free(h);
}

static void
hostile_datagrams(void **state)
{
	struct eng_host *h = eng_host_new();
	json_t *file = json_load_file(datagrams, 0, NULL), *o;
	unsigned thrown = 0;
	size_t i;

	(void)state;
	assert_non_null(h);
	install(h);
	if (file == NULL)
		fail_msg("cannot read %s: run from the top folder", datagrams);
	json_array_foreach(file, i, o) {
		const char *name = json_string_value(json_object_get(o, "file"));
		const char *hex = json_string_value(json_object_get(o, "hex"));

		if (name == NULL || hex == NULL)
			continue;
		if (strncmp(name, "esp-", 4) == 0)
			throw(h, SA_ESP, hex);
		else if (strncmp(name, "ah-", 3) == 0)
			throw(h, SA_AH, hex);
		else if (strncmp(name, "ipcomp-", 7) == 0)
			throw(h, SA_IPCOMP, hex);
		else if (strncmp(name, "natt4500-", 9) == 0)
			throw_udp(h, hex);
		else
			continue;
		thrown++;
		/* Legitimate traffic goes on. */
		eng_host_packet(h, "192.0.2.1", "192.0.2.2", 100);
		assert_int_equal(eng_output(h->e, h->now, &h->p), ENG_SEND);
		assert_int_equal(eng_input(h->e, h->now, &h->p), ENG_DELIVER);
	}
	assert_true(thrown >= 20);
	json_decref(file);
	eng_host_free(h);
}

/* ----------------------------------------------------------------------------- written out --- */

/* A packet of Linux 6.1: NULL encryption with HMAC-MD5, transport mode. */
static void
a_packet_of_linux(void **state)
{
	static const char wire[] = "4500006c92f24000403292a50a6300010a6300020000100000000001"
		"0800959f03730001d770016b00000000901f050000000000a5a5a5a5a5a5a5a5a5a5"
		"a5a5a5a5a5a5a5a5a5a5"
		"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a501020201323fccc942954085279c465e";
	static const char plain[] = "4500005492f24000400192ee0a6300010a630002"
		"0800959f03730001d770016b00000000901f050000000000a5a5a5a5a5a5a5a5a5a5"
		"a5a5a5a5a5a5a5a5a5a5"
		"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5";
	struct eng_host *h = eng_host_new();
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TRANSPORT, 0x1000, "10.99.0.1",
		"10.99.0.2", "null", "hmac-md5");
	char text[400];
	size_t n;

	(void)state;
	assert_non_null(h);
	assert_true(bytes_from_hex("050c131a21282f363d444b525960676e", 32, m.sa.auth_key.b, 16,
		&n));
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.99.0.1/32", "10.99.0.2/32", SP_IPSEC,
		"esp/transport//require", NULL);
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	assert_true(eng_host_hex(h, plain));
	assert_int_equal(eng_output(h->e, h->now, &h->p), ENG_SEND);
	bytes_to_hex(text, sizeof(text), bytes_of(eng_host_ip(h), h->p.len));
	assert_string_equal(text, wire);
	assert_int_equal(eng_input(h->e, h->now, &h->p), ENG_DELIVER);
	bytes_to_hex(text, sizeof(text), bytes_of(eng_host_ip(h), h->p.len));
	assert_string_equal(text, plain);
	assert_true(eng_host_hex(h, wire));
	assert_int_equal(eng_input(h->e, h->now, &h->p), ENG_DROP);
	assert_int_equal(eng_count(h->e, ENG_N_REPLAY), 1);
	assert_int_equal(eng_count_condition(ENG_N_REPLAY), ST_REPLAY);
	assert_int_equal(eng_count_condition(ENG_N_CLEARTEXT), ST_SELECTOR);
	assert_int_equal(eng_count_condition(ENG_N_OUT), ST_NORMAL);
	assert_int_equal(eng_count_condition(ENG_N_FRAGMENT), ST_BADPACKET);
	assert_int_equal(eng_count_condition(ENG_N_BAD_COMP), ST_BADCOMP);
	assert_int_equal(eng_count_condition(ENG_N_EXPIRED), ST_SAEXPIRED);
	assert_int_equal(eng_count_condition(ENG_N_SEQ_OVERFLOW), ST_SEQOVER);
	assert_int_equal(eng_count_condition(ENG_N_CONGESTION), ST_CONGESTED);
	eng_host_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_against_a_set),
		cmocka_unit_test(window_million),
		cmocka_unit_test(window_ends),
		cmocka_unit_test(hostile_datagrams),
		cmocka_unit_test(truncated_and_replayed),
		cmocka_unit_test(a_packet_of_linux),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
