/*
 * test_ike_pad.c - the padding of encrypted messages: each setting of padding { } at work.
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

enum { BLOCK = 16, PADS = 64 };

struct pad { /* what came behind the payloads of one message */
	size_t n;
	uint8_t octets[WIRE_PADDING_MAX];
};
struct seen {
	struct pad pad[PADS];
	unsigned pads;
};

static struct ike_sa *
first_sa(struct pair *p, int side)
{
	return container_of(p->host[side].e->sas.next, struct ike_sa, in_all);
}

/* Every encrypted message on its way, opened with the receiver's keys. */
static bool
look(struct pair *p, int from, uint8_t *octets, size_t n)
{
	struct ike *e = p->host[!from].e;
	struct seen *seen = p->user;
	struct wire_header h;
	uint8_t iv[V1_IV_MAX], copy[2048];
	struct wire_msg m;

	assert_int_equal(wire_parse_header(bytes_of(octets, n), &h, NULL), ST_NORMAL);
	/* An informational message may leave before the receiver has the IV it goes by. */
	if ((h.flags & WIRE_F_ENCRYPTED) == 0 || h.exchange == WIRE_X_INFO)
		return true;
	const struct ike_sa *sa = first_sa(p, !from);
	const struct ike_child *c = ike_child_by_msgid(e, sa, h.message_id);
	n -= WIRE_HEADER;
	assert_true(n <= sizeof(copy) && n % BLOCK == 0);
	memcpy(copy, octets + WIRE_HEADER, n);
	if (h.message_id == 0)
		memcpy(iv, sa->x->iv, sizeof(iv));
	else if (c != NULL && c->x != NULL)
		memcpy(iv, c->x->iv, sizeof(iv));
	else
		assert_int_equal(v1_message_iv(e, sa, h.message_id, iv), ST_NORMAL);
	assert_int_equal(v1_open(e, sa, iv, copy, n), ST_NORMAL);
	assert_int_equal(wire_parse(h.next, bytes_of(copy, n), true, &m, NULL), ST_NORMAL);
	assert_true(seen->pads < PADS);
	struct pad *pad = &seen->pad[seen->pads++];
	pad->n = n - m.payloads.n;
	memcpy(pad->octets, m.payloads.p + m.payloads.n, pad->n);
	return true;
}

static struct pair *
with(const char *padding_a, const char *padding_b, struct seen *seen)
{
	char a[2048], b[2048];
	struct pair *p;

	snprintf(a, sizeof(a), "padding { %s }\n%s", padding_a, pair_conf);
	snprintf(b, sizeof(b), "padding { %s }\n%s", padding_b, pair_conf);
	p = pair_new(a, NULL, b, NULL);
	memset(seen, 0, sizeof(*seen));
	p->user = seen;
	p->filter = look;
	pair_policies(p, "esp/tunnel", NULL);
	return p;
}

static bool
comes_up(struct pair *p)
{
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	const struct pair_reply *r;

	pair_run(p, 60000);
	r = pair_reply_to(p, 0, id);
	assert_non_null(r);
	assert_true(r->status != ST_NORMAL || (pair_agree(p, 0) && pair_agree(p, 1)));
	return r->status == ST_NORMAL;
}

static bool
all_zero(const struct pad *pad)
{
	for (size_t i = 0; i + 1 < pad->n; i++)
		if (pad->octets[i] != 0)
			return false;
	return true;
}

/* As it is without a word: random octets, no more than the block needs, the last tells how many. */
static void
usual(void **state)
{
	struct seen seen;
	struct pair *p = with("", "", &seen);
	unsigned zero = 0;

	(void)state;
	assert_true(comes_up(p));
	assert_true(seen.pads >= 5);
	for (unsigned i = 0; i < seen.pads; i++) {
		assert_in_range(seen.pad[i].n, 1, BLOCK);
		assert_int_equal(seen.pad[i].octets[seen.pad[i].n - 1], seen.pad[i].n - 1);
		zero += seen.pad[i].n > 4 && all_zero(&seen.pad[i]);
	}
	assert_int_equal(zero, 0);
	pair_free(p);
}

static void
zero_octets(void **state)
{
	struct seen seen;
	struct pair *p = with("randomize off;", "randomize off;", &seen);

	(void)state;
	assert_true(comes_up(p));
	assert_true(seen.pads >= 5);
	for (unsigned i = 0; i < seen.pads; i++) {
		assert_in_range(seen.pad[i].n, 1, BLOCK);
		assert_true(all_zero(&seen.pad[i]));
	}
	pair_free(p);
}

/* Whole blocks more, never past the maximum unless the block itself needs it. */
static void
random_length(void **state)
{
	static const struct {
		const char *conf;
		size_t most;
		bool longer;
	} cases[] = {
		{ "randomize_length on; maximum_length 255;", 255, true },
		{ "randomize_length on; maximum_length 100;", 100, true },
		{ "randomize_length on; maximum_length 1;", BLOCK, false },
		{ "randomize_length off; maximum_length 255;", BLOCK, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seen seen;
		struct pair *p = with(cases[i].conf, cases[i].conf, &seen);
		bool longer = false;
		assert_true(comes_up(p));
		for (unsigned k = 0; k < seen.pads; k++) {
			assert_in_range(seen.pad[k].n, 1, cases[i].most);
			longer |= seen.pad[k].n > BLOCK;
		}
		assert_int_equal(longer, cases[i].longer);
		pair_free(p);
	}
}

static void
tail_counts_itself(void **state)
{
	struct seen seen;
	struct pair *p = with("exclusive_tail off;", "exclusive_tail off;", &seen);

	(void)state;
	assert_true(comes_up(p));
	for (unsigned i = 0; i < seen.pads; i++)
		assert_int_equal(seen.pad[i].octets[seen.pad[i].n - 1], seen.pad[i].n);
	pair_free(p);
}

/* Who is strict takes what its own words describe, and nothing else; who is not takes either. */
static void
strict(void **state)
{
	static const struct {
		const char *a, *b;
		bool up;
	} cases[] = {
		{ "strict_check on;", "strict_check on;", true },
		{ "strict_check on; randomize_length on; maximum_length 255;",
			"strict_check on; randomize off;", true },
		{ "strict_check on; exclusive_tail off;", "strict_check on; exclusive_tail off;",
			true },
		{ "exclusive_tail off;", "exclusive_tail on;", true },
		{ "exclusive_tail off;", "strict_check on;", false },
		{ "strict_check on;", "exclusive_tail off;", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seen seen;
		struct pair *p = with(cases[i].a, cases[i].b, &seen);
		p->filter = NULL;
		assert_int_equal(comes_up(p), cases[i].up);
		if (!cases[i].up) {
			assert_true(pair_logged(p, 0, "the pad is not as long") ||
				    pair_logged(p, 1, "the pad is not as long"));
			assert_int_equal(pair_up(p, 0) + pair_up(p, 1) < 2, true);
			assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 0);
		}
		pair_free(p);
	}
}

/* Quick mode and informational messages are looked at as closely as those of phase 1. */
static void
strict_later(void **state)
{
	struct seen seen;
	struct pair *p = with("", "strict_check on;", &seen);
	uint64_t id;

	(void)state;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	p->filter = NULL;
	p->host[0].config->padding.exclusive_tail = false;
	pair_acquire(p, 0);
	pair_run(p, 60000);
	assert_int_equal(pair_children(p, 0) + pair_children(p, 1), 0);
	uint64_t before = ike_count(p->host[1].e, IKE_N_MALFORMED);
	pair_command(p, 0, IKE_CMD_FLUSH, false);
	pair_run(p, 100);
	assert_int_equal(pair_up(p, 1), 1);
	assert_true(ike_count(p->host[1].e, IKE_N_MALFORMED) > before);
	p->host[0].config->padding.exclusive_tail = true;
	assert_true(comes_up(p));
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual),
		cmocka_unit_test(zero_octets),
		cmocka_unit_test(random_length),
		cmocka_unit_test(tail_counts_itself),
		cmocka_unit_test(strict),
		cmocka_unit_test(strict_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
