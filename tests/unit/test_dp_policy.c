/*
 * test_dp_policy.c - which routes and guard rules follow from policies; changes stay small.
 */
#include "ipsec/dp_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A host that remembers what it was told, as a look-up would see it. */
enum { ROOM = 512 };

static struct {
	struct { struct net_prefix dst; struct net_addr src; } route[ROOM];
	size_t routes;
	struct dp_guard_rule rule[ROOM];
	size_t rules;
	struct net_addr local;
	size_t told, cleared;
} host;

static void
route_remove(void *user, const struct net_prefix *dst)
{
	(void)user;
	for (size_t i = 0; i < host.routes; i++) {
		if (!net_prefix_equal(&host.route[i].dst, dst))
			continue;
		host.route[i] = host.route[--host.routes];
		host.told++;
		return;
	}
	fail_msg("a route is removed that is not there");
}

static void
route_set(void *user, const struct net_prefix *dst, const struct net_addr *src)
{
	size_t at = 0;

	(void)user;
	while (at < host.routes && !net_prefix_equal(&host.route[at].dst, dst))
		at++;
	assert_true(at < ROOM);
	host.routes += at == host.routes;
	host.route[at].dst = *dst;
	host.route[at].src = src != NULL ? *src : (struct net_addr){ 0 };
	host.told++;
}

static void
guard_add(void *user, const struct dp_guard_rule *rule)
{
	(void)user;
	for (size_t i = 0; i < host.rules; i++)
		assert_memory_not_equal(&host.rule[i], rule, sizeof(*rule));
	assert_true(host.rules < ROOM);
	host.rule[host.rules++] = *rule;
	host.told++;
}

static void
guard_remove(void *user, const struct dp_guard_rule *rule)
{
	(void)user;
	for (size_t i = 0; i < host.rules; i++) {
		if (memcmp(&host.rule[i], rule, sizeof(*rule)) != 0)
			continue;
		host.rule[i] = host.rule[--host.rules];
		host.told++;
		return;
	}
	fail_msg("a guard rule is removed that is not there");
}

static void
guard_clear(void *user)
{
	(void)user;
	host.rules = 0;
	host.cleared++;
}

static bool
local(void *user, const struct net_prefix *within, struct net_addr *out)
{
	(void)user;
	if (host.local.family == 0 || !net_prefix_contains(within, &host.local))
		return false;
	*out = host.local;
	return true;
}

static struct dp_policies *
fresh(void)
{
	struct dp_sink sink = { .route_set = route_set, .route_remove = route_remove,
		.guard_add = guard_add, .guard_remove = guard_remove, .guard_clear = guard_clear,
		.local = local };

	memset(&host, 0, sizeof(host));
	return dp_policies_new(&sink, (struct hash_key){ 1, 2 });
}

static struct ipsec_policy
policy(uint32_t id, enum sp_dir dir, const char *src, const char *dst, enum sp_action action)
{
	struct ipsec_policy p = { .id = id, .dir = dir, .action = action,
		.sel = { .upper = SP_UPPER_ANY } };

	assert_true(net_prefix_parse(src, &p.sel.src));
	assert_true(net_prefix_parse(dst, &p.sel.dst));
	if (action == SP_IPSEC) {
		p.rules = 1;
		p.rule[0] = (struct sp_rule){ .proto = SA_ESP, .mode = SA_TRANSPORT,
			.level = SP_REQUIRE };
	}
	return p;
}

/* What the guard does with a packet: the first rank in which a rule fits. */
static bool
dropped(const char *src, const char *dst, uint8_t proto, uint16_t sport, uint16_t dport,
	bool forwarded)
{
	struct net_addr s, d;

	assert_true(net_addr_parse(src, &s));
	assert_true(net_addr_parse(dst, &d));
	for (unsigned rank = 0; rank < DP_GUARD_RANKS_MAX; rank++) {
		bool pass = false, drop = false;

		for (size_t i = 0; i < host.rules; i++) {
			const struct dp_guard_rule *r = &host.rule[i];
			struct net_prefix ps = { r->src, r->src_len }, pd = { r->dst, r->dst_len };

			if (r->rank != rank || (r->forwarded_only && !forwarded) ||
				!net_prefix_contains(&ps, &s) || !net_prefix_contains(&pd, &d) ||
				(r->proto != SP_UPPER_ANY && r->proto != proto) ||
				(r->sport != 0 && r->sport != sport) ||
				(r->dport != 0 && r->dport != dport))
				continue;
			drop = drop || r->drop;
			pass = pass || !r->drop;
		}
		if (pass)
			return false;
		if (drop)
			return true;
	}
	return false;
}

static void
put(struct dp_policies *ps, struct ipsec_policy p)
{
	assert_true(dp_policy_put(ps, &p));
	assert_true(dp_policies_settle(ps));
}

static void
test_routes(void **state)
{
	struct dp_policies *ps = fresh();
	struct ipsec_policy p;

	(void)state;
	assert_true(net_addr_parse("172.16.1.1", &host.local));
	put(ps, policy(1, SP_OUT, "172.16.1.0/24", "172.16.2.7/24", SP_IPSEC));
	assert_int_equal(host.routes, 1);
	assert_int_equal(host.route[0].dst.len, 24);
	assert_int_equal(net_ipv4_value(&host.route[0].dst.addr), 0xac100200);
	assert_true(net_addr_equal(&host.route[0].src, &host.local));

	/* A second one to the same place changes nothing, and leaves nothing when it goes. */
	p = policy(2, SP_OUT, "10.0.0.0/8", "172.16.2.0/24", SP_IPSEC);
	p.sel.upper = 6;
	host.told = 0;
	put(ps, p);
	dp_policy_remove(ps, 2);
	dp_policy_remove(ps, 2);
	assert_int_equal(host.told, 0);

	/* The one with the local source goes: no preferred source any longer. */
	put(ps, p);
	dp_policy_remove(ps, 1);
	assert_int_equal(host.routes, 1);
	assert_int_equal(host.route[0].src.family, 0);
	dp_policy_remove(ps, 2);
	assert_int_equal(host.routes, 0);

	/* What passes unprotected needs no route; IPv6 and discard do. */
	put(ps, policy(3, SP_OUT, "0.0.0.0/0", "10.1.0.0/16", SP_PASS));
	assert_int_equal(host.routes, 0);
	put(ps, policy(4, SP_OUT, "::/0", "2001:db8::/32", SP_IPSEC));
	assert_int_equal(host.routes, 1);
	dp_policy_remove(ps, 4);
	assert_int_equal(host.routes, 0);
	put(ps, policy(5, SP_OUT, "0.0.0.0/0", "10.2.0.0/16", SP_DISCARD));
	assert_int_equal(host.routes, 1);
	assert_int_equal(dp_policies_routes(ps), 1);
	dp_policies_clear(ps);
	assert_int_equal(host.routes, 0);
	dp_policies_free(ps);
}

static void
test_source_follows_addresses(void **state)
{
	struct dp_policies *ps = fresh();

	(void)state;
	put(ps, policy(1, SP_OUT, "172.16.1.0/24", "172.16.2.0/24", SP_IPSEC));
	assert_int_equal(host.route[0].src.family, 0);
	assert_true(net_addr_parse("172.16.1.9", &host.local));
	dp_policies_readdress(ps);
	assert_true(net_addr_equal(&host.route[0].src, &host.local));
	dp_policies_free(ps);
}

static void
test_guard_basics(void **state)
{
	struct dp_policies *ps = fresh();
	struct ipsec_policy p = policy(1, SP_IN, "10.0.0.0/8", "10.9.9.9", SP_IPSEC);

	(void)state;
	put(ps, p);
	assert_true(dropped("10.1.1.1", "10.9.9.9", 6, 5, 6, false));
	assert_false(dropped("11.1.1.1", "10.9.9.9", 6, 5, 6, false));
	/* Two policies, one rule; it goes with the second. */
	p.id = 2;
	host.told = 0;
	put(ps, p);
	assert_int_equal(host.told, 0);
	dp_policy_remove(ps, 1);
	assert_int_equal(host.rules, 1);
	dp_policy_remove(ps, 2);
	assert_int_equal(host.rules, 0);

	p.rule[0].level = SP_USE;
	put(ps, p);
	assert_false(dropped("10.1.1.1", "10.9.9.9", 6, 5, 6, false));
	p.rules = 2;
	p.rule[1] = (struct sp_rule){ .proto = SA_AH, .mode = SA_TRANSPORT, .level = SP_REQUIRE };
	put(ps, p);
	assert_true(dropped("10.1.1.1", "10.9.9.9", 6, 5, 6, false));
	put(ps, policy(2, SP_IN, "10.0.0.0/8", "10.9.9.9", SP_DISCARD));
	assert_true(dropped("10.1.1.1", "10.9.9.9", 6, 5, 6, false));
	dp_policy_remove(ps, 2);

	put(ps, policy(3, SP_FWD, "10.0.0.0/8", "10.8.0.0/16", SP_IPSEC));
	assert_true(dropped("10.1.1.1", "10.8.1.1", 6, 5, 6, true));
	assert_false(dropped("10.1.1.1", "10.8.1.1", 6, 5, 6, false));
	dp_policies_free(ps);
}

static void
test_guard_ports(void **state)
{
	struct dp_policies *ps = fresh();
	struct ipsec_policy p = policy(1, SP_IN, "10.0.0.0/8", "10.9.9.9", SP_IPSEC);

	(void)state;
	p.sel.upper = 6;
	p.sel.dport = 80;
	put(ps, p);
	assert_true(dropped("10.1.1.1", "10.9.9.9", 6, 5, 80, false));
	assert_false(dropped("10.1.1.1", "10.9.9.9", 6, 80, 81, false));
	assert_false(dropped("10.1.1.1", "10.9.9.9", 17, 5, 80, false));
	/* Any protocol with a port: those that have ports. */
	p.sel.upper = SP_UPPER_ANY;
	put(ps, p);
	assert_int_equal(host.rules, 5);
	assert_true(dropped("10.1.1.1", "10.9.9.9", 17, 5, 80, false));
	assert_false(dropped("10.1.1.1", "10.9.9.9", 1, 5, 80, false));
	/* Ports of a protocol without any are none. */
	p.sel.upper = 47;
	put(ps, p);
	assert_int_equal(host.rules, 1);
	assert_true(dropped("10.1.1.1", "10.9.9.9", 47, 0, 0, false));
	dp_policies_free(ps);
}

static void
test_guard_order(void **state)
{
	struct dp_policies *ps = fresh();
	struct ipsec_policy p = policy(1, SP_IN, "10.0.0.0/8", "10.9.9.9", SP_IPSEC);
	struct ipsec_policy none = policy(2, SP_IN, "10.1.0.0/16", "10.9.9.9", SP_PASS);

	(void)state;
	put(ps, p);
	put(ps, none);
	assert_true(dropped("10.1.1.1", "10.9.9.9", 6, 5, 6, false));
	assert_int_equal(host.cleared, 0);
	/* A better priority moves it to the front. */
	none.priority = SP_PRIORITY_HIGH;
	put(ps, none);
	assert_int_equal(host.cleared, 1);
	assert_false(dropped("10.1.1.1", "10.9.9.9", 6, 5, 6, false));
	assert_true(dropped("10.2.1.1", "10.9.9.9", 6, 5, 6, false));
	/* Equal priorities: who came first. */
	dp_policies_clear(ps);
	none.priority = 0;
	put(ps, none);
	put(ps, p);
	assert_false(dropped("10.1.1.1", "10.9.9.9", 6, 5, 6, false));
	assert_true(dropped("10.2.1.1", "10.9.9.9", 6, 5, 6, false));
	/* An update goes behind the others. */
	none.rules = 0;
	put(ps, none);
	assert_true(dropped("10.1.1.1", "10.9.9.9", 6, 5, 6, false));
	dp_policies_free(ps);
}

static void
test_one_change_is_one_rule(void **state)
{
	struct dp_policies *ps = fresh();
	char dst[32];

	(void)state;
	put(ps, policy(1, SP_IN, "0.0.0.0/0", "10.9.9.9", SP_PASS));
	for (unsigned i = 0; i < 200; i++) {
		snprintf(dst, sizeof(dst), "10.2.%u.0/24", i);
		host.told = 0;
		put(ps, policy(10 + i, SP_IN, "10.0.0.0/8", dst, SP_IPSEC));
		assert_int_equal(host.told, 1);
	}
	assert_int_equal(host.cleared, 0);
	host.told = 0;
	dp_policy_remove(ps, 100);
	assert_int_equal(host.told, 1);
	assert_int_equal(dp_policies_guarded(ps), 200);
	dp_policies_free(ps);
}

/* Too many changes of verdict: what is to be dropped is dropped, always. */
static void
test_out_of_ranks(void **state)
{
	struct dp_policies *ps = fresh();
	char dst[32];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(dst, sizeof(dst), "10.2.%u.0/24", i);
		put(ps, policy(10 + i, SP_IN, "10.0.0.0/8", dst, i % 2 ? SP_PASS : SP_IPSEC));
	}
	put(ps, policy(200, SP_IN, "0.0.0.0/0", "10.2.0.0/16", SP_IPSEC));
	assert_true(dp_policies_crowded(ps) > 0);
	for (unsigned i = 0; i < 100; i += 2) {
		snprintf(dst, sizeof(dst), "10.2.%u.1", i);
		assert_true(dropped("10.1.1.1", dst, 6, 5, 6, false));
	}
	assert_false(dropped("10.1.1.1", "10.2.1.1", 6, 5, 6, false));
	assert_true(dropped("10.1.1.1", "10.2.99.1", 6, 5, 6, false));
	dp_policies_free(ps);
}

/* Against a model: random policies come and go, the guard decides as the ordered list does. */
static void
test_random_against_list(void **state)
{
	enum { N = 40, ROUNDS = 600 };
	struct dp_policies *ps = fresh();
	static struct ipsec_policy list[N];
	static uint64_t serial[N];
	bool there[N] = { false };
	unsigned seed = 12345;

	(void)state;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		unsigned i = (seed = seed * 1103515245u + 12345u) >> 16 & 31;
		unsigned bits = (seed = seed * 1103515245u + 12345u) >> 16;
		struct net_addr probe = net_ipv4(0x0a000000 | (bits & 7) << 21);
		uint32_t best_priority = 0;
		const struct ipsec_policy *best = NULL;
		uint64_t best_serial = 0;
		char text[NET_ADDR_TEXT];

		if (there[i] && bits & 0x100) {
			dp_policy_remove(ps, i + 1);
			there[i] = false;
		} else {
			list[i] = policy(i + 1, SP_IN, "10.0.0.0/8", "10.9.9.9",
				bits & 0x200 ? SP_PASS : SP_IPSEC);
			list[i].sel.src.len = (uint8_t)(8 + (bits & 3));
			list[i].sel.src.addr = net_ipv4(0x0a000000 | (bits >> 4 & 7) << 21);
			list[i].priority = 0x80000000u + (bits >> 10 & 3);
			there[i] = true;
			serial[i] = round;
			assert_true(dp_policy_put(ps, &list[i]));
		}
		assert_true(dp_policies_settle(ps));
		if (dp_policies_crowded(ps) > 0)
			continue;
		for (unsigned k = 0; k < N; k++) {
			if (!there[k] || !net_prefix_contains(&list[k].sel.src, &probe))
				continue;
			if (best == NULL || list[k].priority < best_priority ||
				(list[k].priority == best_priority && serial[k] < best_serial)) {
				best = &list[k];
				best_priority = list[k].priority;
				best_serial = serial[k];
			}
		}
		net_addr_text(text, sizeof(text), &probe);
		assert_int_equal(dropped(text, "10.9.9.9", 6, 1, 2, false),
			best != NULL && best->action == SP_IPSEC);
	}
	dp_policies_free(ps);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_source_follows_addresses),
		cmocka_unit_test(test_guard_basics),
		cmocka_unit_test(test_guard_ports),
		cmocka_unit_test(test_guard_order),
		cmocka_unit_test(test_one_change_is_one_rule),
		cmocka_unit_test(test_out_of_ranks),
		cmocka_unit_test(test_random_against_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
