/*
 * test_ike_dpd.c - dead peer detection: questions, answers, dead peers, replays.
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

#define CONF(statements)                                                                           \
	"timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"                     \
	"remote %s { exchange_mode main; " statements                                              \
	" proposal { encryption_algorithm aes; hash_algorithm sha1;\n"                             \
	"  authentication_method pre_shared_key; dh_group 2; } }\n"                                \
	"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1;"         \
	" compression_algorithm deflate; }\n"
#define ASKS "dpd_delay 20; dpd_retry 4; dpd_maxfail 3;"

struct seen {
	unsigned infos[2];
	bool cut[2]; /* nothing of this host arrives */
	uint8_t octets[512];
	size_t n;
};

static bool
watch(struct pair *p, int from, uint8_t *octets, size_t n)
{
	struct seen *s = p->user;

	if (octets[18] == WIRE_X_INFO) {
		s->infos[from]++;
		if (from == 0 && s->n == 0 && n <= sizeof(s->octets)) {
			memcpy(s->octets, octets, n);
			s->n = n;
		}
	}
	return !s->cut[from];
}

static struct pair *
up(const char *a, const char *b, struct seen *s)
{
	struct pair *p = pair_new(a, NULL, b, NULL);

	pair_policies(p, "esp/tunnel", NULL);
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	memset(s, 0, sizeof(*s));
	p->user = s;
	p->filter = watch;
	return p;
}

/* One asks, the other only answers: both stay. */
static void
asked_and_answered(void **state)
{
	struct seen s;
	struct pair *p = up(CONF(ASKS), CONF(""), &s);

	(void)state;
	pair_run(p, 205000);
	assert_int_equal(s.infos[0], 10);
	assert_int_equal(s.infos[1], 10);
	assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 2);
	assert_false(pair_logged(p, 0, "seems to be dead"));
	pair_free(p);
}

static void
both_ask(void **state)
{
	struct seen s;
	struct pair *p = up(CONF(ASKS), CONF("dpd_delay 30; dpd_maxfail 1;"), &s);

	(void)state;
	pair_run(p, 600000);
	assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 2);
	assert_int_equal(pair_children(p, 0), 1);
	/* a question is a sign of life: the slower one needs not ask */
	assert_in_range(s.infos[1], 29, 31);
	pair_free(p);
}

static void
dead(void **state)
{
	struct seen s;
	struct pair *p = up(CONF(ASKS), CONF(""), &s);
	struct ike_failure_view f;

	(void)state;
	s.cut[1] = true;
	pair_run(p, 30000); /* 20, 24, 28: asked; 32: given up */
	assert_int_equal(pair_up(p, 0), 1);
	assert_int_equal(s.infos[0], 3);
	pair_run(p, 3000);
	assert_true(pair_logged(p, 0, "DPD: remote (ISAKMP-SA spi="));
	assert_true(pair_logged(p, 0, ") seems to be dead."));
	assert_int_equal(pair_up(p, 0) + pair_children(p, 0) + pair_sas(p, 0), 0);
	assert_int_equal(p->host[0].notes[IKE_NOTE_PH1_DEAD], 1);
	assert_int_equal(p->host[0].note_status[IKE_NOTE_PH1_DOWN], ST_PEERDEAD);
	assert_int_equal(p->host[0].note_status[IKE_NOTE_PH2_DOWN], ST_PEERDEAD);
	assert_true(ike_show_failure(p->host[0].e, 0, &f));
	assert_int_equal(f.status, ST_PEERDEAD);
	/* nobody is told, nothing more is asked; when it is back, all comes up again */
	pair_run(p, 60000);
	assert_int_equal(s.infos[0], 3);
	s.cut[1] = false;
	pair_acquire(p, 0);
	pair_run(p, 20000);
	assert_int_equal(pair_children(p, 0), 1);
	pair_free(p);
}

/* Two answers lost are not three: the peer lives, and the number went on by one. */
static void
late_answer(void **state)
{
	struct seen s;
	struct pair *p = up(CONF(ASKS), CONF(""), &s);

	(void)state;
	s.cut[1] = true;
	pair_run(p, 26000);
	s.cut[1] = false;
	pair_run(p, 200000);
	assert_int_equal(pair_up(p, 0), 1);
	assert_int_equal(pair_children(p, 0), 1);
	assert_false(pair_logged(p, 0, "seems to be dead"));
	pair_free(p);
}

static void
off(void **state)
{
	static const char *const ends[3][2] = { { CONF("dpd off;" ASKS), CONF("") },
		{ CONF(ASKS), CONF("dpd off;") }, { CONF("dpd on;"), CONF("") } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct seen s;
		struct pair *p = up(ends[i][0], ends[i][1], &s);
		s.cut[1] = true;
		pair_run(p, 300000);
		assert_int_equal(s.infos[0] + s.infos[1], 0);
		assert_int_equal(pair_up(p, 0), 1);
		pair_free(p);
	}
}

/* A question of before, said again: is not answered twice, and is no sign of life. */
static void
replayed(void **state)
{
	struct seen s;
	struct pair *p = up(CONF(ASKS), CONF("dpd_delay 7; dpd_retry 3; dpd_maxfail 2;"), &s);
	unsigned answers;

	(void)state;
	pair_run(p, 70000); /* they ask each other; s.octets has the first of host 0 */
	assert_int_not_equal(s.n, 0);
	s.cut[0] = true;
	answers = s.infos[1];
	for (unsigned i = 0; i < 20; i++) {
		pair_datagram(p, 1, &p->host[0].local, bytes_of(s.octets, s.n));
		pair_run(p, 1000);
	}
	assert_true(pair_logged(p, 1, "seems to be dead"));
	assert_in_range(s.infos[1] - answers, 0, 3);
	pair_free(p);
}

/* Authentic, but not as RFC 3706 has it: length and cookies are looked at before they are used. */
static void
malformed(void **state)
{
	struct seen s;
	struct pair *p = up(CONF(""), CONF(""), &s);
	struct pair_host *h = &p->host[0];
	struct ike_sa *sa = container_of(h->e->sas.next, struct ike_sa, in_all);
	uint8_t cookies[16], data[8] = { 0 };
	struct ike_event ev = { .type = IKE_EV_TIMER };
	static const struct {
		size_t spi, data;
	} cases[] = { { 16, 0 }, { 16, 3 }, { 16, 5 }, { 16, 8 }, { 0, 4 }, { 8, 4 }, { 15, 4 } };

	(void)state;
	v1_cookies(sa, cookies);
	for (size_t i = 0; i <= ARRAY_LEN(cases); i++) {
		bool good = i == ARRAY_LEN(cases);
		h->e->now = p->now;
		v1_notify(h->e, sa, WIRE_N_R_U_THERE, WIRE_P_ISAKMP,
			bytes_of(cookies, good ? 16 : cases[i].spi),
			bytes_of(data, good ? 4 : cases[i].data));
		unsigned before = s.infos[1];
		ev.type = IKE_EV_TIMER;
		pair_event(p, 0, &ev); /* the effects */
		pair_run(p, 1000);
		assert_int_equal(s.infos[1] - before, good);
	}
	assert_int_equal(ike_count(p->host[1].e, IKE_N_MALFORMED), ARRAY_LEN(cases));
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_and_answered),
		cmocka_unit_test(both_ask),
		cmocka_unit_test(dead),
		cmocka_unit_test(late_answer),
		cmocka_unit_test(off),
		cmocka_unit_test(replayed),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
