/* test_eng_spd.c - the SPD: order, look-up against a linear oracle, operations, events. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/eng_host.h"

static struct eng_host *h;

static int
set_up(void **state)
{
	(void)state;
	h = eng_host_new();
	return h == NULL || h->e == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	eng_host_free(h);
	return 0;
}

static uint32_t
add(struct sadb_msg m)
{
	struct sadb_msg answer;

	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_true(answer.has_sp);
	assert_int_not_equal(answer.sp.id, 0);
	return answer.sp.id;
}

static struct eng_policy *
look(enum sp_dir dir, const char *src, uint16_t sport, const char *dst, uint16_t dport,
	uint8_t upper)
{
	struct eng_flow f = { .src = eng_host_addr(src), .dst = eng_host_addr(dst),
		.sport = sport, .dport = dport, .upper = upper };

	return eng_spd_find(h->e, dir, &f);
}

static void
operations(void **state)
{
	struct sadb_msg m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/24", "10.1.0.0/16",
		SP_IPSEC, "esp/tunnel/1.1.1.1-2.2.2.2/require", NULL), answer;
	uint32_t id = add(m), other;

	(void)state;
	assert_int_equal(eng_host_call(h, &m, NULL), EEXIST);
	m.sp.priority = 5; /* the same selector with another priority is the same policy */
	assert_int_equal(eng_host_call(h, &m, NULL), EEXIST);
	m.sp.sel.src = (struct net_prefix){ eng_host_addr("10.0.0.77"), 24 };
	assert_int_equal(eng_host_call(h, &m, NULL), EEXIST); /* host bits do not matter */
	m.sp.dir = SP_IN;
	other = add(m);
	assert_int_not_equal(id, other);
	assert_int_equal(eng_policy_count(h->e), 2);
	/* An update keeps the id; one of nothing adds. */
	m.op = SADB_OP_SPDUPDATE;
	m.sp.action = SP_DISCARD;
	assert_int_equal(add(m), other);
	assert_int_equal(eng_policy_count(h->e), 2);
	m.sp.dir = SP_FWD;
	add(m);
	assert_int_equal(eng_policy_count(h->e), 3);
	m.op = SADB_OP_SPDGET;
	m.sp.id = id;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_int_equal(answer.sp.rules, 1);
	assert_int_equal(answer.sp.current.add_s, 1700000000);
	m.op = SADB_OP_SPDDELETE2;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_int_equal(eng_host_call(h, &m, &answer), ENOENT);
	m.op = SADB_OP_SPDDELETE;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	assert_int_equal(eng_host_call(h, &m, NULL), ENOENT);
	m.sp.dir = (enum sp_dir)0;
	assert_int_equal(eng_host_call(h, &m, NULL), ENOENT);
	m.op = SADB_OP_SPDFLUSH;
	m.has_sp = false;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	assert_int_equal(eng_policy_count(h->e), 0);
	m.op = SADB_OP_SPDDUMP;
	assert_int_equal(eng_host_call(h, &m, NULL), ENOENT);
	assert_int_equal(h->e->spd.levels, 0);
}

static void
wrong_policies(void **state)
{
	struct sadb_msg m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/24", "10.1.0.0/16",
		SP_IPSEC, "esp/tunnel/1.1.1.1-2.2.2.2/require", NULL), good = m;

	(void)state;
	m.sp.rules = 0;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = good;
	m.sp.rules = SP_RULES_MAX + 1;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = good;
	m.sp.rule[0].proto = SA_TCP;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = good;
	memset(&m.sp.rule[0].dst, 0, sizeof(m.sp.rule[0].dst));
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = good;
	m.sp.rule[0].dst.addr = eng_host_addr("0.0.0.0");
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = good;
	m.sp.sel.src.len = 33;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = good;
	assert_true(net_prefix_parse("::/0", &m.sp.sel.src));
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = good;
	m.sp.dir = (enum sp_dir)4;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = good;
	m.has_sp = false;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	assert_int_equal(eng_policy_count(h->e), 0);
}

static void
order(void **state)
{
	struct sadb_msg any = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "0.0.0.0/0", "0.0.0.0/0",
		SP_DISCARD, NULL, NULL);
	struct sadb_msg net = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/8", "0.0.0.0/0",
		SP_PASS, NULL, NULL);
	struct sadb_msg port = net;
	uint32_t id_any, id_net, id_port;

	(void)state;
	assert_null(look(SP_OUT, "10.0.0.1", 1, "2.2.2.2", 500, 17));
	/* Equal priorities: the first one added wins, however wide. */
	id_any = add(any);
	id_net = add(net);
	assert_int_equal(look(SP_OUT, "10.0.0.1", 1, "2.2.2.2", 500, 17)->p.id, id_any);
	port.sp.sel.upper = 17;
	port.sp.sel.dport = 500;
	port.sp.priority = SP_PRIORITY_HIGH;
	id_port = add(port);
	assert_int_equal(look(SP_OUT, "10.0.0.1", 1, "2.2.2.2", 500, 17)->p.id, id_port);
	assert_int_equal(look(SP_OUT, "10.0.0.1", 1, "2.2.2.2", 501, 17)->p.id, id_any);
	assert_int_equal(look(SP_OUT, "10.0.0.1", 1, "2.2.2.2", 500, 6)->p.id, id_any);
	/* Without ports (a later fragment), rules with ports do not apply. */
	assert_int_equal(look(SP_OUT, "10.0.0.1", 0, "2.2.2.2", 0, 17)->p.id, id_any);
	assert_null(look(SP_IN, "10.0.0.1", 1, "2.2.2.2", 500, 17));
	assert_null(look(SP_OUT, "fd00::1", 1, "fd00::2", 500, 17));
	any.op = SADB_OP_SPDDELETE;
	assert_int_equal(eng_host_call(h, &any, NULL), 0);
	assert_int_equal(look(SP_OUT, "10.0.0.1", 1, "2.2.2.2", 501, 17)->p.id, id_net);
	assert_null(look(SP_OUT, "11.0.0.1", 1, "2.2.2.2", 501, 17));
}

static void
listed_in_order(void **state)
{
	static const uint32_t priority[] = { 30, 10, 20, 0, 10, 30, SP_PRIORITY_LOW };
	uint32_t cursor = 0, last = 0, id[ARRAY_LEN(priority)], n = 0;
	struct ipsec_policy p;

	(void)state;
	assert_false(eng_policy_next(h->e, &cursor, &p));
	for (unsigned i = 0; i < ARRAY_LEN(priority); i++) {
		struct sadb_msg m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/8",
			"0.0.0.0/0", SP_PASS, NULL, NULL);

		m.sp.sel.dst = net_prefix_host(&(struct net_addr){ .family = 4, .b = { 1, 1, 1,
			(uint8_t)i } });
		m.sp.priority = priority[i];
		id[i] = add(m);
	}
	for (cursor = 0; eng_policy_next(h->e, &cursor, &p); n++) {
		uint32_t at = p.priority == 0 ? SP_PRIORITY_DEFAULT : p.priority;

		assert_int_equal(cursor, p.id);
		assert_true(at >= last);
		last = at;
		if (n == 0)
			assert_int_equal(p.id, id[1]); /* the older of the two */
	}
	assert_int_equal(n, ARRAY_LEN(priority));
	cursor = 999;
	assert_false(eng_policy_next(h->e, &cursor, &p));
}

/* ---------------------------------------------------------------------------------- oracle --- */

enum { POLICIES = 800, FLOWS = 6000 };

struct entry {
	struct sp_selector sel;
	uint32_t priority, id;
	bool there;
};

static struct net_addr
random_addr(bool v6)
{
	struct net_addr a = { .family = v6 ? 6 : 4 };

	/* Few distinct values, so that things overlap. */
	a.b[0] = 10;
	for (unsigned i = 1; i < (v6 ? 16u : 4u); i++)
		a.b[i] = (uint8_t)(eng_host_random(h) % 3);
	return a;
}

static bool
matches(const struct sp_selector *s, const struct eng_flow *f)
{
	return net_prefix_contains(&s->src, &f->src) && net_prefix_contains(&s->dst, &f->dst) &&
		(s->upper == SP_UPPER_ANY || s->upper == f->upper) &&
		(s->sport == 0 || s->sport == f->sport) && (s->dport == 0 || s->dport == f->dport);
}

static uint32_t
oracle(const struct entry *entry, const struct eng_flow *f)
{
	const struct entry *best = NULL;

	for (unsigned i = 0; i < POLICIES; i++)
		if (entry[i].there && matches(&entry[i].sel, f) &&
			(best == NULL || entry[i].priority < best->priority))
			best = &entry[i];
	return best == NULL ? 0 : best->id;
}

static void
compare(const struct entry *entry)
{
	for (unsigned i = 0; i < FLOWS; i++) {
		bool v6 = i % 4 == 0;
		struct eng_flow f = { .src = random_addr(v6), .dst = random_addr(v6),
			.upper = eng_host_random(h) % 2 == 0 ? 6 : 17,
			.sport = (uint16_t)(eng_host_random(h) % 3),
			.dport = (uint16_t)(eng_host_random(h) % 3) };
		struct eng_policy *p = eng_spd_find(h->e, SP_OUT, &f);

		assert_int_equal(p == NULL ? 0 : p->p.id, oracle(entry, &f));
		/* and from memory */
		assert_ptr_equal(eng_spd_find(h->e, SP_OUT, &f), p);
	}
}

static void
against_oracle(void **state)
{
	static const uint8_t lens[] = { 0, 8, 16, 22, 24, 32 };
	struct entry *entry = calloc(POLICIES, sizeof(*entry));

	(void)state;
	assert_non_null(entry);
	for (unsigned i = 0; i < POLICIES; i++) {
		struct sadb_msg m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "0.0.0.0/0",
			"0.0.0.0/0", SP_PASS, NULL, NULL), answer;
		bool v6 = i % 4 == 0;

		m.sp.sel.src = (struct net_prefix){ random_addr(v6),
			lens[eng_host_random(h) % ARRAY_LEN(lens)] };
		m.sp.sel.dst = (struct net_prefix){ random_addr(v6),
			lens[eng_host_random(h) % ARRAY_LEN(lens)] };
		m.sp.sel.upper = eng_host_random(h) % 2 == 0 ? SP_UPPER_ANY : 17;
		m.sp.sel.dport = (uint16_t)(eng_host_random(h) % 3);
		m.sp.sel.sport = (uint16_t)(eng_host_random(h) % 2);
		m.sp.priority = 1 + eng_host_random(h) % 40;
		if (eng_host_call(h, &m, &answer) != 0)
			continue; /* there already */
		entry[i] = (struct entry){ m.sp.sel, m.sp.priority, answer.sp.id, true };
	}
	compare(entry);
	for (unsigned i = 0; i < POLICIES; i += 2) {
		struct sadb_msg m = { .op = SADB_OP_SPDDELETE2, .has_sp = true,
			.sp.id = entry[i].id };

		if (!entry[i].there)
			continue;
		assert_int_equal(eng_host_call(h, &m, NULL), 0);
		entry[i].there = false;
	}
	compare(entry);
	free(entry);
}

/* -------------------------------------------------------------------------- numbers, times --- */

static void
unique_gets_a_number(void **state)
{
	struct sadb_msg m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/24", "10.1.0.0/16",
		SP_IPSEC, "esp/tunnel/1.1.1.1-2.2.2.2/unique", "ah/transport//unique:12"), answer;

	(void)state;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_int_equal(answer.sp.rule[0].reqid, ENG_REQID_FIRST);
	assert_int_equal(answer.sp.rule[1].reqid, 12);
	m.sp.dir = SP_IN;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_int_equal(answer.sp.rule[0].reqid, ENG_REQID_FIRST + 1);
}

static void
lifetimes(void **state)
{
	struct sadb_msg m = { .op = SADB_OP_REGISTER };

	(void)state;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/24", "10.1.0.0/16", SP_PASS, NULL,
		NULL);
	m.sp.hard.add_s = 100;
	add(m);
	m.sp.dir = SP_IN;
	m.sp.hard = (struct sa_life){ .use_s = 10 };
	add(m);
	/* Use puts the second one off. */
	eng_host_after(h, 9000);
	look(SP_IN, "10.0.0.1", 1, "10.1.0.1", 1, 6)->used = h->now;
	eng_host_after(h, 9000);
	assert_int_equal(eng_policy_count(h->e), 2);
	eng_host_clear(h);
	eng_host_after(h, 2000);
	assert_int_equal(eng_policy_count(h->e), 1);
	assert_int_equal(h->events, 1);
	assert_int_equal(h->event[0].op, SADB_OP_SPDEXPIRE);
	assert_int_equal(h->event[0].sp.dir, SP_IN);
	assert_int_equal(h->event[0].sp.current.use_s, 1700000009);
	eng_host_after(h, 81000);
	assert_int_equal(eng_policy_count(h->e), 0);
	assert_int_equal(eng_deadline(h->e).ms, INSTANT_NEVER.ms);
}

static void
dump_survives_deletion(void **state)
{
	struct sadb_msg m = { .op = SADB_OP_SPDDUMP };
	struct eng_answer a;
	unsigned n = 0;
	bool ended = false;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct sadb_msg one = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/8",
			"0.0.0.0/0", SP_PASS, NULL, NULL);

		one.sp.sel.dport = (uint16_t)(i + 1);
		one.sp.priority = 100 - i % 5;
		add(one);
	}
	eng_control(h->e, h->now, h->today, 1, &m);
	while (eng_answer(h->e, &a)) {
		assert_int_equal(a.msg.op, SADB_OP_SPDDUMP);
		assert_false(ended);
		ended = a.msg.seq == 0;
		if (++n == 20) {
			struct eng_policy *sp;

			while ((sp = eng_spd_first(h->e)) != NULL)
				eng_spd_remove(h->e, sp);
		}
	}
	assert_true(ended);
	assert_int_equal(n, 21);
}

/* 20,000 policies of one shape: look-ups do not walk them. */
static void
many(void **state)
{
	struct sadb_msg m = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "10.0.0.0/8", "0.0.0.0/0",
		SP_PASS, NULL, NULL);

	(void)state;
	for (uint32_t i = 1; i <= 20000; i++) {
		struct net_addr a = net_ipv4(i * 7919);

		m.sp.sel.dst = net_prefix_host(&a);
		m.sp.priority = i % 100;
		assert_int_equal(eng_host_call(h, &m, NULL), 0);
	}
	assert_int_equal(h->e->spd.index[SP_OUT][0].count, 1);
	for (uint32_t i = 1; i <= 20000; i++) {
		struct eng_flow f = { .src = net_ipv4(0x0a000001), .dst = net_ipv4(i * 7919) };

		assert_non_null(eng_spd_find(h->e, SP_OUT, &f));
	}
	m.op = SADB_OP_SPDFLUSH;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	assert_int_equal(eng_policy_count(h->e), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(operations, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_policies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(listed_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(against_oracle, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unique_gets_a_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lifetimes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(dump_survives_deletion, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
