/*
 * test_ike_flood.c - forged first messages in numbers: who means it still gets through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "racoon/ikev1/v1_rows.h"
#include "tests/unit/ike_pair.h"

#define CONF(who, modes)                                                                           \
	"timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"                     \
	"remote " who " { exchange_mode " modes ";"                                                \
	" proposal { encryption_algorithm aes; hash_algorithm sha1;\n"                             \
	"  authentication_method pre_shared_key; dh_group 2; } }\n"                                \
	"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1;"         \
	" compression_algorithm deflate; }\n"

enum { FORGED = 1000 /* addresses */ };

struct first { /* a first message, as host 0 sends it */
	uint8_t octets[1024];
	size_t n;
	unsigned answers;
	size_t largest; /* answer */
	uint32_t from; /* the next forged address */
};

static bool
take_first(struct pair *p, int from, uint8_t *octets, size_t n)
{
	struct first *f = p->user;

	if (from == 0 && f->n == 0) {
		memcpy(f->octets, octets, n);
		f->n = n;
	}
	if (from == 1 && p->last_to.addr.b[0] == 100) { /* to a forged address */
		f->answers++;
		f->largest = n > f->largest ? n : f->largest;
		return false;
	}
	return true;
}

static void
flood(struct pair *p, unsigned count)
{
	struct first *f = p->user;
	struct net_endpoint from = { .port = 500 };

	for (unsigned i = 0; i < count; i++) {
		from.addr = net_ipv4(0x64000000u + f->from % FORGED);
		patch_u32(f->octets, f->from++ * 2654435761u);
		pair_datagram(p, 1, &from, bytes_of(f->octets, f->n));
	}
}

/* Every address has a key: the flood is as good as it can be. */
static struct pair *
pair_of(const char *initiator, struct first *f)
{
	static char keys[65536];
	struct pair *p;
	size_t n = (size_t)snprintf(keys, sizeof(keys), "secret\n");

	for (unsigned i = 0; i < FORGED; i++)
		n += (size_t)snprintf(keys + n, sizeof(keys) - n, "100.0.%u.%u secret\n", i / 256,
			i % 256);
	p = pair_new(initiator, NULL, CONF("anonymous", "main, aggressive, base"), keys);
	p->user = f;
	p->filter = take_first;
	pair_policies(p, "esp/tunnel", NULL);
	pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 1000);
	assert_int_equal(pair_children(p, 1), 1);
	return p;
}

static struct pair *
new_pair(struct first *f)
{
	memset(f, 0, sizeof(*f));
	return pair_of(CONF("%s", "main"), f);
}

/* 20,000 a second: what is up stays, and what is new comes up, while it goes on. */
static void
goes_on(void **state)
{
	struct first f;
	struct pair *p = new_pair(&f);
	struct ike *e = p->host[1].e;

	(void)state;
	for (unsigned ms = 0; ms < 3000; ms += 10) {
		flood(p, 200);
		pair_run(p, 10);
		assert_true(ike_half_open_count(e) <= ike_limits(e)->half_open);
		assert_true(e->fold_octets <= 32u << 20);
		if (ms == 1000)
			pair_command(p, 0, IKE_CMD_FLUSH, false);
		if (ms == 1500)
			pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	}
	assert_int_equal(pair_up(p, 0), 1);
	assert_int_equal(pair_children(p, 0), 1);
	assert_int_equal(pair_children(p, 1), 1);
	/* one answer for each that has a key, no repetitions, no larger than 1.5 times */
	assert_in_range(f.answers, 1, 60000);
	assert_true(f.largest * 2 <= f.n * 3);
	assert_true(ike_count(e, IKE_N_FOLDED) > 50000);
	unsigned before = f.answers;
	pair_run(p, 60000);
	assert_int_equal(f.answers, before);
	assert_int_equal(ike_half_open_count(e), 0);
	assert_int_equal(e->folded.count, 0);
	assert_int_equal(e->fold_octets, 0);
	pair_free(p);
}

/* In the flood a message lost is repeated, and finds its place; a stranger's message 3 does not. */
static bool
lose_first_of_each(struct pair *p, int from, uint8_t *octets, size_t n)
{
	static unsigned seen;

	if (!take_first(p, from, octets, n))
		return false;
	if (from == 1 && octets[18] == WIRE_X_MAIN)
		return seen++ % 2 == 1;
	return true;
}

static void
repeated(void **state)
{
	struct first f;
	struct pair *p = new_pair(&f);

	(void)state;
	pair_command(p, 0, IKE_CMD_FLUSH, false);
	pair_run(p, 5000);
	flood(p, 600);
	assert_true(ike_flood(p->host[1].e));
	p->filter = lose_first_of_each;
	pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	for (unsigned i = 0; i < 20; i++) {
		flood(p, 100);
		pair_run(p, 1000);
	}
	assert_int_equal(pair_children(p, 0), 1);
	assert_int_equal(pair_children(p, 1), 1);
	pair_free(p);
}

/* Base mode needs its nonce again, and a repeated message 1 the same one. */
static void
base_goes_on(void **state)
{
	struct first f = { .n = 0 };
	struct pair *p = pair_of(CONF("%s", "base"), &f);
	struct ike *e = p->host[1].e;

	(void)state;
	pair_command(p, 0, IKE_CMD_FLUSH, false);
	pair_run(p, 5000);
	assert_int_equal(f.octets[18], WIRE_X_BASE);
	p->copy_after = 2; /* message 1 comes again, folded, before message 3 */
	for (unsigned ms = 0; ms < 1000; ms += 10) {
		flood(p, 200);
		pair_run(p, 10);
		if (ms == 500)
			pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	}
	assert_true(ike_count(e, IKE_N_FOLDED) > 10000);
	assert_int_equal(pair_up(p, 0), 1);
	assert_int_equal(pair_children(p, 0), 1);
	assert_int_equal(pair_children(p, 1), 1);
	assert_true(f.largest * 2 <= f.n * 3);
	pair_free(p);
}

static bool
is_served(const struct ike *e, const struct net_endpoint *remote)
{
	LIST_FOREACH(at, &e->costly)
		if (net_endpoint_equal(&container_of(at, struct ike_sa, in_half_open)->remote,
			    remote))
			return true;
	return false;
}

/* Aggressive mode computes for whoever asks: so many a second, of each address so many at once, and
 * never in the place of another mode's.  Who is up already is served. */
static void
aggressive_goes_on(void **state)
{
	struct first f = { .n = 0 };
	struct pair *p = pair_of(CONF("%s", "aggressive"), &f);
	struct net_endpoint one = { .addr = net_ipv4(0x64000005u), .port = 500 };
	struct ike *e;

	(void)state;
	assert_int_equal(f.octets[18], WIRE_X_AGGRESSIVE);
	pair_free(p);
	p = pair_of(CONF("%s", "main"), &f);
	e = p->host[1].e;
	for (uint32_t i = 0; i < 50; i++) { /* one address, each time as somebody new */
		patch_u32(f.octets, 0x11110000u + i);
		pair_datagram(p, 1, &one, bytes_of(f.octets, f.n));
	}
	pair_run(p, 10);
	assert_int_equal(f.answers, ike_limits(e)->half_open_per_peer);
	for (unsigned ms = 0; ms < 1500; ms += 10) {
		flood(p, 200);
		pair_run(p, 10);
		assert_true(e->costly_count <= ike_limits(e)->half_open / 4 + 1);
		if (ms == 500)
			pair_command(p, 0, IKE_CMD_FLUSH, false);
		if (ms == 1000)
			pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	}
	assert_int_equal(pair_up(p, 0), 1);
	assert_int_equal(pair_children(p, 0), 1);
	assert_int_equal(pair_children(p, 1), 1);
	/* two powers of a tenth of a millisecond each, in a quarter of the time */
	assert_in_range(f.answers, 1000, 1250 * 5 / 2 + 100);
	assert_int_not_equal(e->costly_told.ms, 0); /* the log says so, once a minute */
	flood(p, 200);
	assert_false(is_served(e, &p->host[0].local));
	patch_u32(f.octets, 0x22220000u);
	pair_datagram(p, 1, &p->host[0].local, bytes_of(f.octets, f.n));
	assert_true(is_served(e, &p->host[0].local));
	pair_run(p, 60000);
	assert_int_equal(e->costly_count, 0);
	assert_int_equal(ike_half_open_count(e), 0);
	pair_free(p);
}

static void
cookies_of_others(void **state)
{
	struct first f;
	struct pair *p = new_pair(&f);
	struct ike *e = p->host[1].e;
	uint8_t cookie[8], again[8], other[8];
	struct net_endpoint from = { .port = 500 };
	uint8_t third[64] = { 0 };

	(void)state;
	flood(p, 700);
	assert_true(e->folded.count > 100);
	/* the same for the same, another for others and later */
	from.addr = net_ipv4(0x64000001u);
	e->arrival = (struct ike_path){ p->host[1].local, from, false };
	ike_flood_cookie(e, f.octets, cookie);
	ike_flood_cookie(e, f.octets, again);
	assert_memory_equal(cookie, again, 8);
	e->arrival.remote.port = 501;
	ike_flood_cookie(e, f.octets, other);
	assert_memory_not_equal(cookie, other, 8);
	e->arrival.remote.port = 500;
	e->now = instant_add(e->now, 120000);
	ike_flood_cookie(e, f.octets, other);
	assert_memory_not_equal(cookie, other, 8);
	/* message 3 with a cookie that nobody got, and with one from another address */
	struct ike_sa *sa = container_of(e->half_open.next, struct ike_sa, in_half_open);
	memcpy(third, sa->cookie_i, 8);
	memcpy(third + 8, cookie, 8);
	third[16] = WIRE_KE;
	third[17] = WIRE_VERSION_1;
	third[18] = WIRE_X_MAIN;
	patch_u32(third + 24, sizeof(third));
	uint64_t none = ike_count(e, IKE_N_NO_SA);
	size_t kept = e->folded.count;
	pair_datagram(p, 1, &from, bytes_of(third, sizeof(third)));
	assert_int_equal(ike_count(e, IKE_N_NO_SA), none + 1);
	assert_int_equal(e->folded.count, kept);
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on),
		cmocka_unit_test(repeated),
		cmocka_unit_test(base_goes_on),
		cmocka_unit_test(aggressive_goes_on),
		cmocka_unit_test(cookies_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
