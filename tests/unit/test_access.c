/*
 * test_access.c - accept and reject lists, rates, accounts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/acc.h"
#include "server/account.h"
#include "server/rate.h"

static struct acc_list list;

static void
rule(const char *text, bool accept)
{
	bool is_net = strchr(text, '/') != NULL;

	assert_true(acc_rule_parse(text, is_net, accept, &list.rule[list.count++]));
}

static bool
accepted(const char *text)
{
	struct net_addr a;

	assert_true(net_addr_parse(text, &a));
	return acc_accepts(&list, &a, NULL);
}

static void
test_precedence(void **state)
{
	(void)state;
	list.count = 0;
	assert_true(accepted("10.0.0.1")); /* no rule at all */
	rule("10.0.0.0/8", false);
	assert_false(accepted("10.0.0.1"));
	assert_true(accepted("11.0.0.1")); /* only rejections: the rest may */
	rule("10.1.0.0/16", true); /* more specific than the rejection */
	assert_true(accepted("10.1.2.3"));
	assert_false(accepted("10.2.2.3"));
	assert_false(accepted("11.0.0.1")); /* an acceptance refuses whatever it does not name */
	rule("10.1.0.0/16", false); /* the same net: the rejection wins */
	assert_false(accepted("10.1.2.3"));
	rule("10.1.2.3", true);
	assert_true(accepted("10.1.2.3"));
	rule("10.1.2.3", false);
	assert_false(accepted("10.1.2.3"));
}

static void
test_mapped(void **state)
{
	(void)state;
	list.count = 0;
	rule("192.0.2.7", false);
	assert_false(accepted("::ffff:192.0.2.7"));
	assert_false(accepted("192.0.2.7"));
	assert_true(accepted("192.0.2.8"));
	rule("::ffff:198.51.100.0/120", false);
	assert_false(accepted("198.51.100.9"));
	assert_false(accepted("::ffff:198.51.100.9"));
	assert_true(accepted("2001:db8::1"));
	rule("2001:db8::/32", false);
	assert_false(accepted("2001:db8::1"));
}

static void
test_parse(void **state)
{
	struct acc_rule r;

	(void)state;
	assert_false(acc_rule_parse("10.0.0.0/8", false, true, &r));
	assert_false(acc_rule_parse("host.example", false, true, &r));
	assert_false(acc_rule_parse("10.0.0.0/33", true, true, &r));
	assert_true(acc_rule_parse("10.1.2.3/8", true, true, &r));
	assert_int_equal(net_ipv4_value(&r.net.addr), 0x0a000000); /* host bits are dropped */
}

static void
test_rate(void **state)
{
	static struct rate r;
	struct net_addr a = net_ipv4(0x0a000001), b = net_ipv4(0x0a000002);
	instant now = { 1000 };

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_true(rate_take(&r, &a, 10, now));
	assert_false(rate_take(&r, &a, 10, now));
	assert_true(rate_take(&r, &b, 10, now)); /* another source has its own share */
	assert_true(rate_take(&r, &a, 0, now));  /* no limit */
	now.ms += 6000;                          /* a tenth of a minute: one more */
	assert_true(rate_take(&r, &a, 10, now));
	assert_false(rate_take(&r, &a, 10, now));
	now.ms += 600000;
	for (int i = 0; i < 10; i++)
		assert_true(rate_take(&r, &a, 10, now));
	assert_false(rate_take(&r, &a, 10, now));
}

static void
test_rate_full(void **state)
{
	static struct rate r;
	struct net_addr six, other;
	instant now = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 2 * RATE_SOURCES_MAX; i++) {
		struct net_addr a = net_ipv4(0x0a000000 + i);

		now.ms++;
		assert_true(rate_take(&r, &a, 1, now));
		assert_false(rate_take(&r, &a, 1, now));
	}
	assert_int_equal(r.count, RATE_SOURCES_MAX);
	/* One host may have a whole /64: all of it is one source. */
	assert_true(net_addr_parse("2001:db8::1", &six) && net_addr_parse("2001:db8::2", &other));
	assert_true(rate_take(&r, &six, 1, now));
	assert_false(rate_take(&r, &other, 1, now));
}

static void
test_account(void **state)
{
	struct account *a = account_new(), *b = account_new();
	struct text out = { 0 };
	char line[64];
	unsigned count = 0;

	(void)state;
	assert_null(account_at(a, 0));
	account_add(a, (wall){ 5 }, "RACOON", "uid 0 (root)", "FLUSH\tALL", ST_NOTPERM);
	assert_string_equal(account_at(a, 0)->line, "FLUSH ALL");
	account_write(a, &out);
	assert_string_equal(text_str(&out), "5 RACOON NOTPERM uid 0 (root)\tFLUSH ALL\n");
	out.p[out.n - 1] = '\0';
	assert_true(account_read(b, out.p));
	assert_string_equal(account_at(b, 0)->who, "uid 0 (root)");
	assert_int_equal(account_at(b, 0)->result, ST_NOTPERM);
	assert_false(account_read(b, "5 RACOON NOTPERM"));
	assert_false(account_read(b, "5 RACOON NOSUCH uid 0\tx"));
	assert_false(account_read(b, "\t"));
	for (int i = 0; i < ACCOUNT_MAX; i++) {
		snprintf(line, sizeof(line), "line %d", i);
		account_add(a, (wall){ i }, "X", "uid 1", line, ST_NORMAL);
	}
	assert_int_equal(account_lost(a), 1);
	assert_string_equal(account_at(a, 0)->line, "line 0");
	while (account_at(a, count) != NULL)
		count++;
	assert_int_equal(count, ACCOUNT_MAX);
	text_free(&out);
	account_free(a);
	account_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_rate_full),
		cmocka_unit_test(test_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
