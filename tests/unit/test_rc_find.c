/* test_rc_find.c - look-ups in a racoon.conf: remote sections, sainfos, pre-shared keys. */
#include "racoon/conf/rc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROPOSAL                                                                                   \
	"exchange_mode main; proposal { encryption_algorithm aes; hash_algorithm sha256;"          \
	" authentication_method pre_shared_key; dh_group 14; }"
#define ALGS                                                                                       \
	"{ encryption_algorithm aes; authentication_algorithm hmac_sha1;"                          \
	" compression_algorithm deflate; }"

static struct rc_config *
load(const char *text, const char *psk)
{
	static const struct rc_options options = { .hash_key = { 1, 2 } };
	struct stmt_errors errors = { 0 };
	struct rc_config *c;
	enum status status = rc_load_text("test.conf", text, psk, &options, &c, &errors);

	assert_string_equal(text_str(&errors.text), "");
	assert_int_equal(status, ST_NORMAL);
	stmt_errors_free(&errors);
	return c;
}

static struct net_addr
addr(const char *text)
{
	struct net_addr a;

	assert_true(net_addr_parse(text, &a));
	return a;
}

static const char *
remote_for(const struct rc_config *c, const char *peer)
{
	struct net_addr a = addr(peer);
	const struct rc_remote *r = rc_remote_for(c, &a);

	return r == NULL ? "none" : r->name;
}

static void
remotes(void **state)
{
	struct rc_config *c = load(
		"remote \"base\" { " PROPOSAL " }\n"
		"remote 10.0.0.1 { " PROPOSAL " }\n"
		"remote 2001:db8::1 [1500] { " PROPOSAL " }\n"
		"remote \"b\" inherit \"base\" { remote_address 10.0.0.2 [501]; }\n"
		"remote anonymous inherit \"base\";\n", NULL);

	(void)state;
	assert_string_equal(remote_for(c, "10.0.0.1"), "10.0.0.1");
	assert_string_equal(remote_for(c, "::ffff:10.0.0.1"), "10.0.0.1");
	assert_string_equal(remote_for(c, "2001:db8::1"), "2001:db8::1");
	assert_string_equal(remote_for(c, "10.0.0.2"), "b");
	assert_string_equal(remote_for(c, "10.0.0.3"), "anonymous");
	assert_int_equal(rc_remote_named(c, "b")->address.port, 501);
	assert_int_equal(rc_remote_named(c, "2001:db8::1")->address.port, 1500);
	assert_int_equal(rc_remote_named(c, "10.0.0.1")->address.port, 500);
	assert_null(rc_remote_named(c, "c"));
	assert_true(rc_remote_allows(rc_remote_named(c, "b"), RC_MAIN));
	assert_false(rc_remote_allows(rc_remote_named(c, "b"), RC_AGGRESSIVE));
	rc_free(c);

	c = load("remote 10.0.0.1 { " PROPOSAL " }", NULL);
	assert_string_equal(remote_for(c, "10.0.0.3"), "none");
	rc_free(c);
}

/* "10.1.0.0/16", "10.0.0.1 tcp 80" */
static struct rc_selector_id
selector(const char *prefix, uint8_t upper, uint16_t port)
{
	struct rc_selector_id id = { .upper = upper, .port = port };

	assert_true(net_prefix_parse(prefix, &id.prefix));
	id.type = strchr(prefix, '/') != NULL ? RC_ID_IPV4_SUBNET : RC_ID_IPV4;
	return id;
}

static const char *
sainfo_for(const struct rc_config *c, struct rc_selector_id local, struct rc_selector_id remote,
	const char *peer, const char *fqdn, int64_t ph1id)
{
	struct net_addr a = addr(peer);
	struct rc_id id = { .type = RC_ID_FQDN };
	const struct rc_sainfo *s;

	if (fqdn != NULL)
		id.value = bytes_str(fqdn);
	s = rc_sainfo_for(c, &local, &remote, &a, fqdn == NULL ? NULL : &id, ph1id);
	return s == NULL ? "none" : s->title;
}

static void
sainfos(void **state)
{
	struct rc_config *c = load(
		"remote 10.0.0.2 { ph1id 5; " PROPOSAL " }\n"
		"sainfo anonymous " ALGS "\n"
		"sainfo anonymous clientaddr " ALGS "\n"
		"sainfo subnet 10.1.0.0/16 any anonymous " ALGS "\n"
		"sainfo anonymous subnet 10.2.0.0/16 any " ALGS "\n"
		"sainfo subnet 10.1.0.0/16 any subnet 10.2.0.0/16 any " ALGS "\n"
		"sainfo subnet 10.1.0.0/16 tcp subnet 10.2.0.0/16 [80] tcp " ALGS "\n"
		"sainfo subnet 10.1.0.0/16 any subnet 10.3.0.0/16 any { remoteid 5; "
		" encryption_algorithm 3des; authentication_algorithm hmac_sha1;"
		" compression_algorithm deflate; }\n"
		"sainfo address 10.0.0.1 any address 10.0.0.2 any " ALGS "\n"
		"sainfo anonymous from fqdn \"road\" " ALGS "\n"
		"sainfo fqdn \"a\" fqdn \"b\" " ALGS "\n"
		"sainfo address 10.5.0.1-10.5.0.9 any anonymous " ALGS "\n", NULL);
	struct rc_selector_id l = selector("10.1.0.0/16", 0, 0), r = selector("10.2.0.0/16", 0, 0);
	struct rc_selector_id name[2] = { { .type = RC_ID_FQDN }, { .type = RC_ID_FQDN } };
	struct rc_selector_id range = selector("10.5.0.1", 0, 0);

	(void)state;
	assert_string_equal(sainfo_for(c, l, r, "9.9.9.9", NULL, 0),
		"subnet 10.1.0.0/16 any subnet 10.2.0.0/16 any");
	/* A section that says more wins; one that leaves protocol and port open takes any. */
	assert_string_equal(sainfo_for(c, selector("10.1.0.0/16", 6, 0),
		selector("10.2.0.0/16", 6, 80), "9.9.9.9", NULL, 0),
		"subnet 10.1.0.0/16 tcp subnet 10.2.0.0/16 [80] tcp");
	assert_string_equal(sainfo_for(c, selector("10.1.0.0/16", 6, 0),
		selector("10.2.0.0/16", 6, 81), "9.9.9.9", NULL, 0),
		"subnet 10.1.0.0/16 any subnet 10.2.0.0/16 any");
	/* Not a filter: a part of the subnet is another identity. */
	assert_string_equal(sainfo_for(c, selector("10.1.1.0/24", 0, 0), r, "9.9.9.9", NULL, 0),
		"anonymous subnet 10.2.0.0/16 any");
	assert_string_equal(sainfo_for(c, l, selector("10.9.0.0/16", 0, 0), "9.9.9.9", NULL, 0),
		"subnet 10.1.0.0/16 any anonymous");
	assert_string_equal(sainfo_for(c, selector("10.8.0.0/16", 0, 0),
		selector("10.9.0.0/16", 0, 0), "9.9.9.9", NULL, 0), "anonymous");
	assert_string_equal(sainfo_for(c, selector("10.8.0.0/16", 0, 0),
		selector("9.9.9.9", 0, 0), "9.9.9.9", NULL, 0), "anonymous clientaddr");
	/* remoteid: only that remote. */
	assert_string_equal(sainfo_for(c, l, selector("10.3.0.0/16", 0, 0), "9.9.9.9", NULL, 5),
		"subnet 10.1.0.0/16 any subnet 10.3.0.0/16 any");
	assert_string_equal(sainfo_for(c, l, selector("10.3.0.0/16", 0, 0), "9.9.9.9", NULL, 4),
		"subnet 10.1.0.0/16 any anonymous");
	/* An address is its own /32. */
	assert_string_equal(sainfo_for(c, selector("10.0.0.1/32", 0, 0),
		selector("10.0.0.2", 0, 0), "10.0.0.2", NULL, 0),
		"address 10.0.0.1 any address 10.0.0.2 any");
	/* from: the identity decides before all else. */
	assert_string_equal(
		sainfo_for(c, l, r, "9.9.9.9", "road", 0), "anonymous from fqdn \"road\"");
	assert_string_equal(sainfo_for(c, l, r, "9.9.9.9", "rood", 0),
		"subnet 10.1.0.0/16 any subnet 10.2.0.0/16 any");
	name[0].name = bytes_str("a");
	name[1].name = bytes_str("b");
	assert_string_equal(sainfo_for(c, name[0], name[1], "9.9.9.9", NULL, 0),
		"fqdn \"a\" fqdn \"b\"");
	name[1].name = bytes_str("c");
	assert_string_equal(sainfo_for(c, name[0], name[1], "9.9.9.9", NULL, 0), "anonymous");
	range.type = RC_ID_IPV4_RANGE;
	range.range_end = addr("10.5.0.9");
	assert_string_equal(sainfo_for(c, range, selector("10.9.0.0/16", 0, 0), "9.9.9.9", NULL, 0),
		"address 10.5.0.1-10.5.0.9 any anonymous");
	range.range_end = addr("10.5.0.8");
	assert_string_equal(sainfo_for(c, range, selector("10.9.0.0/16", 0, 0), "9.9.9.9", NULL, 0),
		"anonymous");
	rc_free(c);
}

/* Ten thousand sections: each found, and the reading stays quick. */
static void
many(void **state)
{
	struct text t = { 0 };
	struct rc_config *c;

	(void)state;
	text_add(&t, "remote anonymous { " PROPOSAL " }\n");
	for (unsigned i = 0; i < 10000; i++)
		text_addf(&t, "remote 10.1.%u.%u inherit anonymous;\n"
			"sainfo subnet 10.2.%u.%u/32 any subnet 10.3.%u.%u/32 any " ALGS "\n",
			i / 250, i % 250, i / 250, i % 250, i / 250, i % 250);
	c = load(text_str(&t), NULL);
	text_free(&t);
	for (unsigned i = 0; i < 10000; i += 7) {
		char peer[32], l[32], r[32], title[128];

		snprintf(peer, sizeof(peer), "10.1.%u.%u", i / 250, i % 250);
		snprintf(l, sizeof(l), "10.2.%u.%u", i / 250, i % 250);
		snprintf(r, sizeof(r), "10.3.%u.%u", i / 250, i % 250);
		snprintf(title, sizeof(title), "subnet %s/32 any subnet %s/32 any", l, r);
		assert_string_equal(remote_for(c, peer), peer);
		assert_string_equal(
			sainfo_for(c, selector(l, 0, 0), selector(r, 0, 0), peer, NULL, 0), title);
	}
	rc_free(c);
}

static void
check_key(struct bytes key, const char *want)
{
	assert_int_equal(key.n, strlen(want));
	assert_memory_equal(key.p == NULL ? (const uint8_t *)"" : key.p, want, key.n);
}

static void
keys(void **state)
{
	struct rc_config *c = load("remote anonymous { " PROPOSAL " }",
		"# comment\n\n"
		"192.168.2.100          simple psk\n"
		"5.0.0.1                0x6b6579\n"
		"ralf@spenneberg.net    This is a psk for an email address\n"
		"www.spenneberg.net\tThis is a psk  \n"
		"2001:0db8::0001 six\n"
		"10.0.0.1 0x123\n"
		"192.168.2.100 second\n"
		"branch no end of line");
	struct net_addr a = addr("192.168.2.100"), b = addr("2001:db8::1"), d = addr("5.0.0.2");
	uint8_t id[] = { 5, 0, 0, 1 };

	(void)state;
	assert_int_equal(c->psks, 7);
	check_key(rc_psk_for_address(c, &a), "simple psk");
	check_key(rc_psk_for_address(c, &b), "six");
	check_key(rc_psk_for_address(c, &d), "");
	a = addr("10.0.0.1");
	check_key(rc_psk_for_address(c, &a), "\x01\x23");
	check_key(rc_psk_for_id(c, RC_ID_IPV4, bytes_of(id, 4)), "key");
	check_key(rc_psk_for_id(c, RC_ID_IPV4, bytes_of(id, 3)), "");
	check_key(rc_psk_for_id(c, RC_ID_FQDN, bytes_str("www.spenneberg.net")), "This is a psk  ");
	check_key(rc_psk_for_id(c, RC_ID_USER_FQDN, bytes_str("ralf@spenneberg.net")),
		"This is a psk for an email address");
	check_key(rc_psk_for_id(c, RC_ID_KEYID, bytes_str("branch")), "no end of line");
	check_key(rc_psk_for_id(c, RC_ID_FQDN, bytes_str("www.spenneberg.ne")), "");
	check_key(rc_psk_for_id(c, RC_ID_DN, bytes_str("branch")), "");
	check_key(rc_psk_for_id(c, RC_ID_FQDN, (struct bytes){ 0 }), "");
	rc_free(c);
}

static void
id_text(void **state)
{
	uint8_t subnet[] = { 10, 1, 0, 0, 255, 255, 0, 0 },
		v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	char buf[80], tiny[4];

	(void)state;
	assert_string_equal(
		rc_id_text(buf, sizeof(buf), RC_ID_IPV4, bytes_of(subnet, 4)), "10.1.0.0");
	assert_string_equal(rc_id_text(buf, sizeof(buf), RC_ID_IPV4_SUBNET, bytes_of(subnet, 8)),
		"10.1.0.0/16");
	assert_string_equal(rc_id_text(buf, sizeof(buf), RC_ID_IPV4_RANGE, bytes_of(subnet, 8)),
		"10.1.0.0-255.255.0.0");
	assert_string_equal(
		rc_id_text(buf, sizeof(buf), RC_ID_IPV6, bytes_of(v6, 16)), "2001:db8::1");
	assert_string_equal(rc_id_text(buf, sizeof(buf), RC_ID_FQDN, bytes_str("a.b")), "FQDN a.b");
	assert_string_equal(rc_id_text(buf, sizeof(buf), RC_ID_KEYID, bytes_str("a\nb")),
		"KEYID 0x610a62");
	assert_string_equal(rc_id_text(buf, sizeof(buf), RC_ID_IPV4, bytes_of(subnet, 3)),
		"ID type 1 0x0a0100");
	assert_string_equal(rc_id_text(tiny, sizeof(tiny), RC_ID_FQDN, bytes_str("a.b")), "FQD");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remotes),
		cmocka_unit_test(sainfos),
		cmocka_unit_test(many),
		cmocka_unit_test(keys),
		cmocka_unit_test(id_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
