/* test_net.c - numeric forms, prefixes, sockaddr conversions. */
#include "lib/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

static struct net_addr
addr(const char *text)
{
	struct net_addr a;

	assert_true(net_addr_parse(text, &a));
	return a;
}

static struct net_prefix
prefix(const char *text)
{
	struct net_prefix p;

	assert_true(net_prefix_parse(text, &p));
	return p;
}

static void
address_forms(void **state)
{
	static const char *const same[] = { "10.0.0.1", "255.255.255.255", "0.0.0.0",
		"9.10.99.100", "101.109.200.90", "::",
		"fe80::1",
		"2001:db8::1:2", "::ffff:10.0.0.1" };
	static const char *const bad[] = { "", "10.0.0", "10.0.0.256", "10.0.0.1 ", "1.2.3.4.5",
		"abc",
		":::", "fe80::1%", "fe80::1%nonesuch0", "10.0.0.1%lo", "10.0.0.1/8", "12345::",
		"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111" };
	char buf[NET_ADDR_TEXT];
	struct net_addr a, none = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		a = addr(same[i]);
		assert_string_equal(net_addr_text(buf, sizeof(buf), &a), same[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(net_addr_parse(bad[i], &a));
	a = addr("fe80::1%lo");
	assert_int_equal(a.scope, 1);
	assert_string_equal(net_addr_text(buf, sizeof(buf), &a), "fe80::1%lo");
	a = addr("fe80::1%4000000");
	assert_string_equal(net_addr_text(buf, sizeof(buf), &a), "fe80::1%4000000");
	assert_string_equal(net_addr_text(buf, sizeof(buf), &none), "?");
}

static void
address_values(void **state)
{
	struct net_addr a = net_ipv4(0x0a000001), b = addr("10.0.0.2"), c = addr("::1");
	struct net_addr none = { 0 }, any4 = addr("0.0.0.0"), any6 = addr("::");
	struct net_addr mapped = addr("::ffff:10.0.0.1");
	struct net_addr normal = net_addr_normal(mapped);

	(void)state;
	assert_int_equal(net_ipv4_value(&a), 0x0a000001);
	assert_int_equal(net_ipv4_value(&c), 0);
	assert_true(net_addr_compare(&a, &b) < 0);
	assert_true(net_addr_compare(&c, &b) > 0);
	assert_true(net_addr_equal(&normal, &a));
	normal = net_addr_normal(c);
	assert_true(net_addr_equal(&normal, &c));
	assert_true(net_addr_is_any(&any4) && net_addr_is_any(&any6) && net_addr_is_any(&none));
	assert_false(net_addr_is_any(&a));
	assert_int_equal(net_addr_bytes(&a).n, 4);
	assert_int_equal(net_addr_bytes(&c).n, 16);
	assert_int_equal(net_addr_bits(&none), 0);
	assert_int_equal(net_addr_from(5, "abcd").family, 0);
}

static void
prefixes(void **state)
{
	struct net_prefix p8 = prefix("10.0.0.0/8"), p12 = prefix("10.16.0.0/12");
	struct net_prefix host = prefix("10.31.255.255"), all = prefix("0.0.0.0/0");
	struct net_prefix six = prefix("2001:db8::/33"), odd = prefix("10.255.255.255/9");
	struct net_addr in6 = addr("2001:db8:7fff::1"), out6 = addr("2001:db8:8000::1");
	struct net_prefix p;
	char buf[NET_PREFIX_TEXT];

	(void)state;
	assert_true(net_prefix_within(&p12, &p8));
	assert_false(net_prefix_within(&p8, &p12));
	assert_true(net_prefix_within(&host, &p12));
	assert_true(net_prefix_within(&p8, &all));
	assert_true(net_prefix_contains(&six, &in6));
	assert_false(net_prefix_contains(&six, &out6));
	assert_false(net_prefix_contains(&all, &in6));
	assert_string_equal(net_prefix_text(buf, sizeof(buf), &p12), "10.16.0.0/12");
	assert_string_equal(net_prefix_text(buf, sizeof(buf), &host), "10.31.255.255");
	assert_string_equal(net_prefix_text(buf, sizeof(buf), &odd), "10.255.255.255/9");
	net_prefix_mask(&odd);
	assert_string_equal(net_prefix_text(buf, sizeof(buf), &odd), "10.128.0.0/9");
	net_prefix_mask(&host);
	assert_string_equal(net_prefix_text(buf, sizeof(buf), &host), "10.31.255.255");
	p = net_prefix_host(&in6);
	assert_int_equal(p.len, 128);
	assert_false(net_prefix_equal(&p8, &p12));
	assert_true(net_prefix_equal(&p8, &p8));
	assert_false(net_prefix_parse("10.0.0.0/33", &p));
	assert_false(net_prefix_parse("10.0.0.0/", &p));
	assert_false(net_prefix_parse("10.0.0.0/-1", &p));
	assert_false(net_prefix_parse("10.0.0.0/8x", &p));
	assert_false(net_prefix_parse("::/129", &p));
	assert_false(net_prefix_parse("/8", &p));
}

static void
sockaddrs(void **state)
{
	struct net_endpoint e4 = { addr("10.0.0.1"), 500 }, e6 = { addr("fe80::1%1"), 4500 }, back;
	struct net_endpoint none = { 0 };
	struct sockaddr_storage ss;
	struct sockaddr unix_sa = { .sa_family = AF_UNIX };
	char buf[NET_ENDPOINT_TEXT];

	(void)state;
	assert_int_equal(net_to_sockaddr(&e4, &ss), sizeof(struct sockaddr_in));
	assert_true(net_from_sockaddr((struct sockaddr *)&ss, &back));
	assert_true(net_endpoint_equal(&e4, &back));
	assert_int_equal(net_to_sockaddr(&e6, &ss), sizeof(struct sockaddr_in6));
	assert_true(net_from_sockaddr((struct sockaddr *)&ss, &back));
	assert_true(net_endpoint_equal(&e6, &back));
	assert_false(net_endpoint_equal(&e4, &e6));
	assert_int_equal(net_to_sockaddr(&none, &ss), 0);
	assert_false(net_from_sockaddr(&unix_sa, &back));
	assert_string_equal(net_endpoint_text(buf, sizeof(buf), &e4), "10.0.0.1[500]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_forms),
		cmocka_unit_test(address_values),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(sockaddrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
