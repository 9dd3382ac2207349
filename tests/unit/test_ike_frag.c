/*
 * test_ike_frag.c - messages in pieces: sent, put together, and what others send of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "racoon/ikev1/v1_natt.h"
#include "tests/unit/ike_pair.h"

/* modp4096: messages 3 and 4 are longer than a piece */
#define CONF(statements)                                                                           \
	"timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"                     \
	"remote %s { exchange_mode main; " statements                                              \
	" proposal { encryption_algorithm aes; hash_algorithm sha1;\n"                             \
	"  authentication_method pre_shared_key; dh_group 16; } }\n"                               \
	"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1;"         \
	" compression_algorithm deflate; }\n"

struct wire { /* what was seen */
	unsigned pieces[2], messages[2];
	size_t longest;
	unsigned lose;       /* this one of host 0, counted from 1 */
	uint8_t held[8][1024];
	size_t held_n[8], held_count;
};

static bool
watch(struct pair *p, int from, uint8_t *octets, size_t n)
{
	struct wire *w = p->user;
	bool piece = octets[16] == WIRE_FRAGMENT;

	if (n > w->longest)
		w->longest = n;
	w->messages[from]++;
	if (!piece)
		return true;
	if (from == 0 && ++w->pieces[0] == w->lose)
		return false;
	if (from == 1)
		w->pieces[1]++;
	if (from == 0 && w->held_count < 8) {
		memcpy(w->held[w->held_count], octets, n);
		w->held_n[w->held_count++] = n;
	}
	return true;
}

static struct pair *
run(const char *a, const char *b, struct wire *w, int64_t ms)
{
	struct pair *p = pair_new(a, NULL, b, NULL);

	pair_policies(p, "esp/tunnel", NULL);
	p->user = w;
	p->filter = watch;
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, ms);
	assert_non_null(pair_reply_to(p, 0, id));
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	assert_true(pair_agree(p, 0) && pair_agree(p, 1));
	return p;
}

static void
both_ways(void **state)
{
	struct wire w = { .lose = 0 };
	struct pair *p = run(CONF("ike_frag on;"), CONF("ike_frag on;"), &w, 5000);

	(void)state;
	assert_true(pair_logged(p, 1, "received broken Microsoft ID: FRAGMENTATION"));
	assert_int_equal(w.pieces[0], 2);
	assert_int_equal(w.pieces[1], 2);
	assert_in_range(w.longest, 300, 552);
	assert_int_equal(p->host[0].e->first_frags[0] == NULL, 1);
	pair_free(p);
}

/* A peer that did not announce it gets whole messages, unless forced, which it need not take. */
static void
only_when_announced(void **state)
{
	struct wire w = { .lose = 0 };
	struct pair *p = run(CONF("ike_frag on;"), CONF("ike_frag off;"), &w, 5000);

	(void)state;
	assert_int_equal(w.pieces[0] + w.pieces[1], 0);
	assert_in_range(w.longest, 553, 700);
	pair_free(p);
	memset(&w, 0, sizeof(w));
	p = run(CONF("ike_frag force;"), CONF("ike_frag on;"), &w, 5000);
	assert_int_equal(w.pieces[0], 2);
	pair_free(p);
}

static const char many[] = "timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"
			   "remote %s { exchange_mode main; ike_frag force;\n"
#define P(hash, life)                                                                              \
	"proposal { encryption_algorithm aes; hash_algorithm " hash "; lifetime time " life        \
	" min; authentication_method pre_shared_key; dh_group 2; }\n"                              \
	"proposal { encryption_algorithm 3des; hash_algorithm " hash "; lifetime time " life       \
	" min; authentication_method pre_shared_key; dh_group 2; }\n"
#define PS(life) P("sha1", life) P("sha256", life) P("sha512", life) P("md5", life)
	PS("60") PS("70") PS("80") "}\nsainfo anonymous { encryption_algorithm aes;"
	" authentication_algorithm hmac_sha1; compression_algorithm deflate; }\n";

/* force: the first message too. */
static void
first_message(void **state)
{
	struct wire w = { .lose = 0 };
	struct pair *p = run(many, many, &w, 5000);

	(void)state;
	assert_in_range(w.pieces[0], 2, 3);
	pair_free(p);
}

/* A piece that is lost is repeated with its message. */
static void
lost(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		struct wire w = { .lose = i };
		struct pair *p = run(CONF("ike_frag on;"), CONF("ike_frag on;"), &w, 12000);
		assert_int_equal(pair_up(p, 0), 1);
		pair_free(p);
	}
}

/* Every datagram twice: a repeated last piece does no harm (NetBSD PR 53646). */
static void
doubled(void **state)
{
	struct pair *p = pair_new(CONF("ike_frag on;"), NULL, CONF("ike_frag on;"), NULL);

	(void)state;
	p->copy_after = 3;
	pair_policies(p, "esp/tunnel", NULL);
	pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 12000);
	assert_int_equal(pair_children(p, 0), 1);
	assert_int_equal(pair_children(p, 1), 1);
	pair_free(p);
}

/* ------------------------------------------------------------------------------------ hostile */

static size_t
piece(uint8_t *buf, const uint8_t *cookies, uint16_t id, unsigned index, unsigned flags, size_t n)
{
	struct wire_header h = { .version = WIRE_VERSION_1, .exchange = WIRE_X_MAIN };
	struct wire_builder b;
	static uint8_t data[65536];
	struct wire_payload p = { .type = WIRE_FRAGMENT,
		.fragment = { .id = id, .index = (uint8_t)index, .flags = (uint8_t)flags,
			.data = bytes_of(data, n) } };

	memcpy(h.cookie_i, cookies, 8);
	memcpy(h.cookie_r, cookies + 8, 8);
	wire_begin(&b, buf, 65536, &h);
	wire_add(&b, &p);
	return wire_finish(&b).n;
}

/* Host 1 in the middle of phase 1 with host 0: its cookies, and pieces that are not host 0's. */
static struct pair *
in_the_middle(struct wire *w, uint8_t *cookies)
{
	struct pair *p = pair_new(CONF("ike_frag on;"), NULL, CONF("ike_frag on;"), NULL);
	struct ike_sa *sa;

	p->user = w;
	p->filter = watch;
	w->lose = 2; /* the second piece of message 3 does not come */
	pair_policies(p, "esp/tunnel", NULL);
	pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 1000);
	sa = container_of(p->host[1].e->sas.next, struct ike_sa, in_all);
	assert_non_null(sa->frags);
	memcpy(cookies, sa->cookie_i, 8);
	memcpy(cookies + 8, sa->cookie_r, 8);
	return p;
}

static void
goes_on(struct pair *p)
{
	pair_run(p, 12000);
	assert_int_equal(pair_children(p, 0), 1);
	assert_int_equal(pair_children(p, 1), 1);
	pair_free(p);
}

static void
bad_pieces(void **state)
{
	static const struct {
		unsigned index, flags;
		size_t n;
	} bad[] = { { 0, 0, 8 }, { 0, 1, 8 }, { 65, 0, 8 }, { 255, 1, 8 }, { 64, 0, 8 },
		{ 1, 1, 8 }, { 2, 0, 40000 }, { 2, 0, 60000 } };
	static uint8_t buf[65536];
	uint8_t cookies[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct wire w = { .lose = 0 };
		struct pair *p = in_the_middle(&w, cookies);
		size_t n = piece(buf, cookies, 7, bad[i].index, bad[i].flags, bad[i].n);
		pair_datagram(p, 1, &p->host[0].local, bytes_of(buf, n));
		goes_on(p);
	}
}

/* A piece without data, one shorter than its header, and lengths that lie (CVE-2009-1574). */
static void
empty_pieces(void **state)
{
	static uint8_t buf[65536];
	uint8_t cookies[16];

	(void)state;
	for (unsigned cut = 0; cut <= 8; cut++) {
		struct wire w = { .lose = 0 };
		struct pair *p = in_the_middle(&w, cookies);
		uint64_t before = ike_count(p->host[1].e, IKE_N_MALFORMED);
		size_t n = piece(buf, cookies, 7, 1, 1, 1);
		n = 28 + cut;
		patch_u32(buf + 24, (uint32_t)n);
		buf[30] = 0;
		buf[31] = (uint8_t)cut;
		pair_datagram(p, 1, &p->host[0].local, bytes_of(buf, n));
		assert_int_equal(ike_count(p->host[1].e, IKE_N_MALFORMED), before + 1);
		goes_on(p);
	}
}

/* Pieces of nobody's messages cost nothing (CVE-2016-10396), those of a peer a bounded amount. */
static void
floods(void **state)
{
	static uint8_t buf[65536];
	uint8_t cookies[16], others[16];
	struct wire w = { .lose = 0 };
	struct pair *p = in_the_middle(&w, cookies);
	struct net_endpoint from = { .port = 500 };
	unsigned kept = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) { /* other cookies, other addresses */
		memset(others, (int)(i & 0xff), sizeof(others));
		others[0] = (uint8_t)(i >> 8);
		from.addr = net_ipv4(0x0a000000u + i);
		size_t n = piece(buf, others, (uint16_t)i, 1 + i % 60, 0, 500);
		pair_datagram(p, 1, &from, bytes_of(buf, n));
	}
	for (unsigned i = 0; i < 20000; i++) { /* first messages of nobody we know */
		memset(others + 8, 0, 8);
		others[0] = (uint8_t)(i >> 8);
		others[1] = (uint8_t)i;
		size_t n = piece(buf, others, 1, 1 + i % 60, 0, 500);
		pair_datagram(p, 1, &from, bytes_of(buf, n));
	}
	for (size_t i = 0; i < IKE_FIRST_FRAGS; i++)
		kept += p->host[1].e->first_frags[i] != NULL;
	assert_int_equal(kept, 0); /* remote anonymous would have up to IKE_FIRST_FRAGS */
	/* of the SA itself, with both cookies: one message at a time, forgotten after a while */
	for (unsigned i = 0; i < 2000; i++) {
		size_t n = piece(buf, cookies, (uint16_t)(i / 60), 1 + i % 60, 0, 500);
		pair_datagram(p, 1, &p->host[0].local, bytes_of(buf, n));
	}
	goes_on(p);
}

/* Pieces of pieces: no recursion. */
static void
nested(void **state)
{
	uint8_t inner[600], outer[700], cookies[16];
	struct wire w = { .lose = 0 };
	struct pair *p = in_the_middle(&w, cookies);
	static uint8_t buf[65536];

	(void)state;
	size_t n = piece(buf, cookies, 9, 1, 1, 100);
	memcpy(inner, buf, n);
	for (unsigned level = 0; level < 5; level++) {
		struct wire_header h = { .version = WIRE_VERSION_1, .exchange = WIRE_X_MAIN };
		struct wire_payload f = { .type = WIRE_FRAGMENT,
			.fragment = { .id = 10, .index = 1, .flags = 1,
				.data = bytes_of(inner, n) } };
		struct wire_builder b;
		memcpy(h.cookie_i, cookies, 8);
		memcpy(h.cookie_r, cookies + 8, 8);
		wire_begin(&b, outer, sizeof(outer), &h);
		wire_add(&b, &f);
		n = wire_finish(&b).n;
		memcpy(inner, outer, n);
	}
	pair_datagram(p, 1, &p->host[0].local, bytes_of(outer, n));
	goes_on(p);
}

/* ike_frag off: not taken. */
static void
off(void **state)
{
	static uint8_t buf[65536];
	struct pair *p = pair_new(CONF(""), NULL, CONF(""), NULL);
	uint8_t cookies[16] = { 1, 2, 3 };

	(void)state;
	size_t n = piece(buf, cookies, 7, 1, 0, 100);
	pair_datagram(p, 1, &p->host[0].local, bytes_of(buf, n));
	for (size_t i = 0; i < IKE_FIRST_FRAGS; i++)
		assert_null(p->host[1].e->first_frags[i]);
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(only_when_announced),
		cmocka_unit_test(first_message),
		cmocka_unit_test(lost),
		cmocka_unit_test(doubled),
		cmocka_unit_test(bad_pieces),
		cmocka_unit_test(empty_pieces),
		cmocka_unit_test(floods),
		cmocka_unit_test(nested),
		cmocka_unit_test(off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
