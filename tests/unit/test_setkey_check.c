/* test_setkey_check.c - what setkey --check finds, and what it leaves alone. */
#include "setkey/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#define AES    "-E aes-cbc 0x000102030405060708090a0b0c0d0e0f"
#define SHA256 "-A hmac-sha256 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define GOOD   AES " " SHA256 ";\n"

static struct text report;

static int
clear(void **state)
{
	(void)state;
	text_free(&report);
	return 0;
}

static size_t
findings(const char *text)
{
	struct setkey_script script = { .batch = check_batch };
	struct stmt_errors errors = { 0 };
	struct check *c = check_new();
	size_t n;

	assert_non_null(c);
	script.batch_user = c;
	if (!setkey_read(&script, "f", bytes_str(text), &errors))
		fail_msg("%s", text_str(&errors.text));
	text_free(&report);
	n = check_report(c, "f", &report);
	assert_false(c->failed);
	check_free(c);
	setkey_script_clear(&script);
	stmt_errors_free(&errors);
	return n;
}

static void
says(const char *line)
{
	if (strstr(text_str(&report), line) == NULL)
		fail_msg("\"%s\" is not in:\n%s", line, text_str(&report));
}

static void
a_sound_script(void **state)
{
	(void)state;
	assert_int_equal(findings("add 10.0.0.1 10.0.0.2 esp 0x1000 -m tunnel " GOOD
		"add 10.0.0.2 10.0.0.1 esp 0x1001 " GOOD
		"spdadd 10.1.0.0/16 10.2.0.0/16 any -P out ipsec"
		" esp/tunnel/10.0.0.1-10.0.0.2/require;\n"
		"spdadd 10.2.0.0/16 10.1.0.0/16 any -P in ipsec"
		" esp/tunnel/10.0.0.2-10.0.0.1/require;\n"), 0);
	assert_string_equal(text_str(&report), "f: 2 SAs, 2 policies: 0 findings\n");
}

static void
weak_algorithms(void **state)
{
	(void)state;
	assert_int_equal(findings("add 10.0.0.1 10.0.0.2 esp 0x1000 -E des-cbc \"12345678\";\n"
		"add 10.0.0.1 10.0.0.2 ah 0x1000 -A hmac-md5 \"1234567890123456\";\n"
		"add 10.0.0.1 10.0.0.2 esp 0x1001 -E aes-gcm-16 \"12345678901234567890\";\n"
		"spdadd 10.0.0.1 10.0.0.2 tcp -P out ipsec esp/transport//use;\n"
		"spdadd 10.0.0.1 10.0.0.2 udp -P out ipsec ah/transport//use;\n"), 3);
	says("f:1:1: des-cbc is weak: use ");
	says("f:1:1: esp without authentication: packets can be forged");
	says("f:2:1: hmac-md5 is weak: use hmac-sha256\n");
}

static void
unused_sas(void **state)
{
	(void)state;
	/* Another end, another mode, another identifier; the protocol that no policy has. */
	assert_int_equal(findings("add 10.0.0.1 10.0.0.3 esp 0x1000 " GOOD
		"add 10.0.0.1 10.0.0.2 esp 0x1001 -m transport " GOOD
		"add 10.0.0.1 10.0.0.2 esp 0x1002 -m tunnel -u 5 " GOOD
		"add 10.0.0.1 10.0.0.2 esp 0x1003 -m tunnel -u 6 " GOOD
		"add 10.0.0.1 10.0.0.2 ah 0x1004 " SHA256 ";\n"
		"spdadd 10.1.0.0/16 10.2.0.0/16 any -P out ipsec"
		" esp/tunnel/10.0.0.1-10.0.0.2/unique:6;\n"), 4);
	says("f:1:1: no policy of this script uses this SA\n");
	says("f:2:1: no policy of this script uses this SA\n");
	says("f:3:1: no policy of this script uses this SA\n");
	says("f:5:1: no policy of this script uses this SA\n");
}

static void
unsatisfied_policies(void **state)
{
	(void)state;
	assert_int_equal(findings("add 10.0.0.1 10.0.0.2 esp 0x1000 -m transport " GOOD
		"add fe80::1 fe80::2 esp 0x1000 -m transport " GOOD
		"spdadd 10.0.0.0/24 10.0.0.0/24 tcp -P out ipsec esp/transport//require;\n"
		"spdadd fe80::/10 fe80::/10 tcp -P out ipsec esp/transport//require;\n"
		"spdadd 10.0.0.1 10.0.0.2 udp -P out ipsec esp/transport//require"
		" ah/transport//require;\n"
		"spdadd 10.0.0.2 10.0.0.1 udp -P in ipsec esp/transport//use;\n"
		"spdadd 10.0.0.1 10.0.0.2 icmp -P out ipsec esp/transport//unique;\n"
		"spdadd 10.9.0.0/16 10.8.0.0/16 any -P out ipsec"
		" esp/tunnel/10.0.0.1-10.0.0.2/require;\n"), 4);
	says("f:5:1: no SA of this script can satisfy ah/transport//require: packets wait for a key"
	     " daemon\n");
	says("f:6:1: no SA of this script can satisfy esp/transport//use: packets pass"
	     " unprotected\n");
	says("f:7:1: no SA of a script can satisfy \"unique\" without an identifier");
	says("f:8:1: no SA of this script can satisfy esp/tunnel/10.0.0.1-10.0.0.2/require");
}

static void
authentication_by_ah(void **state)
{
	static const char sas[] = "add 10.0.0.1 10.0.0.2 esp 0x1000 " AES ";\n"
		"add 10.0.0.1 10.0.0.2 ah 0x1000 " SHA256 ";\n"
		"spdadd 10.0.0.1 10.0.0.2 tcp -P out ipsec esp/transport//require"
		" ah/transport//require;\n";
	struct text t = { 0 };

	(void)state;
	assert_int_equal(findings(sas), 0);
	text_add(&t, sas);
	text_add(&t, "spdadd 10.0.0.1 10.0.0.2 udp -P out ipsec esp/transport//require;\n");
	assert_int_equal(findings(text_str(&t)), 1);
	says("f:1:1: esp without authentication");
	text_free(&t);
}

/* AH around a tunnel is between the tunnel's ends. */
static void
bundles(void **state)
{
	(void)state;
	assert_int_equal(findings("add 10.0.0.1 10.0.0.2 esp 0x1000 -m tunnel " GOOD
		"add 10.0.0.1 10.0.0.2 ah 0x1000 -m transport " SHA256 ";\n"
		"spdadd 10.1.0.0/16 10.2.0.0/16 any -P out ipsec"
		" esp/tunnel/10.0.0.1-10.0.0.2/require ah/transport//require;\n"), 0);
}

static void
overlaps(void **state)
{
	(void)state;
	assert_int_equal(findings("spdadd 10.0.0.0/8 0.0.0.0/0 any -P out none;\n"
		"spdadd 10.1.0.0/16 0.0.0.0/0 any -P out discard;\n"
		"spdadd 10.2.0.0/16 0.0.0.0/0 any -P out prio high discard;\n"
		"spdadd 10.3.0.0/16 0.0.0.0/0 any -P out prio low discard;\n"
		"spdadd 10.0.0.0/8 0.0.0.0/0 any -P fwd discard;\n"
		"spdadd 11.0.0.0/8 0.0.0.0/0 any -P out discard;\n"
		"spdadd ::/0 ::/0 any -P out discard;\n"), 2);
	says("f:2:1: the selector overlaps the policy of line 1, which has the same priority");
	says("f:4:1: the policy is never used: that of line 1 covers it and has a higher"
	     " priority\n");
}

/* Neither covers the other: 10.1.0.0/16 to 20.2.2.2 is in both, or tcp from 1000 to 80. */
static void
crossing_selectors(void **state)
{
	(void)state;
	assert_int_equal(findings("spdadd 10.1.0.0/16 20.0.0.0/8 any -P out none;\n"
		"spdadd 10.0.0.0/8 20.2.0.0/16 any -P out discard;\n"
		"spdadd 10.0.0.0/8 20.3.0.0/16 any -P out prio low discard;\n"
		"spdadd 10.0.0.0/8 21.3.0.0/16 any -P out discard;\n"), 1);
	says("f:2:1: the selector overlaps the policy of line 1,");
	assert_int_equal(findings("spdadd 10.0.0.1[1000] 10.0.0.2 tcp -P out none;\n"
		"spdadd 10.0.0.1 10.0.0.2[80] tcp -P out discard;\n"
		"spdadd 10.0.0.1 10.0.0.2[80] udp -P out discard;\n"
		"spdadd 10.0.0.1 10.0.0.2[81] tcp -P in discard;\n"), 1);
	says("f:2:1: the selector overlaps the policy of line 1,");
}

static void
many_overlaps_are_one_finding(void **state)
{
	struct text t = { 0 };

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		text_addf(&t, "spdadd 10.0.0.%u 10.0.1.1 any -P out none;\n", i);
	text_add(&t, "spdadd 10.0.0.0/24 10.0.1.0/24 any -P out discard;\n");
	assert_int_equal(findings(text_str(&t)), 1);
	says("f:201:1: the selector overlaps the policy of line 1 and 199 more,");
	text_free(&t);
}

static void
what_a_script_leaves(void **state)
{
	(void)state;
	/* Nothing: all of it is flushed or deleted again. */
	assert_int_equal(findings("add 10.0.0.1 10.0.0.2 esp 0x1000 -E des-cbc \"12345678\";\n"
		"flush;\n"
		"add 10.0.0.1 10.0.0.2 esp 0x1000 -E des-cbc \"12345678\"; flush esp;\n"
		"add 10.0.0.1 10.0.0.2 esp 0x1000 -E des-cbc \"12345678\";\n"
		"delete 10.0.0.1 10.0.0.2 esp 0x1000;\n"
		"add 10.0.0.1 10.0.0.2 esp 0x1000 -E des-cbc \"12345678\";\n"
		"add 10.0.0.1 10.0.0.2 esp 0x1001 -E des-cbc \"12345678\";\n"
		"deleteall 10.0.0.1 10.0.0.2 esp;\n"
		"spdadd 10.0.0.0/8 0.0.0.0/0 any -P out none; spdflush;\n"
		"spdadd 10.1.0.0/16 0.0.0.0/0 any -P out none;\n"
		"spddelete 10.1.0.0/16 0.0.0.0/0 any -P out;\n"
		"spdadd 10.0.0.0/8 0.0.0.0/0 any -P out none;\n"), 0);
	says("f: 0 SAs, 1 policy: 0 findings\n");
	assert_int_equal(findings("add 10.0.0.1 10.0.0.2 ah 0x1000 " SHA256 ";\n"
		"flush esp;\n"
		"add 10.0.0.1 10.0.0.2 ah 0x1000 " SHA256 ";\n"
		"update 10.0.0.1 10.0.0.2 ah 0x1000 " SHA256 ";\n"
		"spdadd 10.0.0.1/8 10.0.0.2 any -P in ipsec ah/transport//require;\n"
		"spdadd 10.9.9.9/8 10.0.0.2 any -P in none;\n"
		"spdupdate 10.0.0.1/8 10.0.0.2 any -P in ipsec ah/transport//require;\n"), 2);
	says("f:3:1: this SA is there already, since line 1");
	says("f:6:1: this policy is there already, since line 5");
	says("f: 1 SA, 1 policy: 2 findings\n");
}

static void
notes(void **state)
{
	(void)state;
	assert_int_equal(findings("spdadd 10.0.0.1 10.0.0.2 any -P in ipsec esp/transport;\n"), 0);
	says("f: there are no SAs here: a key daemon has to negotiate them\n");
	assert_int_equal(findings("add 10.0.0.1 10.0.0.2 esp 0x1000 " GOOD), 0);
	says("f: there are no policies here that could use the SAs\n");
}

/* Everything at once, at a size where comparing all with all would take minutes. */
static void
many(void **state)
{
	enum { N = 40000 };
	struct text t = { .limit = 64 << 20 };

	(void)state;
	alarm(60);
	for (unsigned i = 0; i < N; i++)
		text_addf(&t, "add 10.%u.%u.%u 10.200.0.1 esp %u -E null;\n", i >> 16,
			i >> 8 & 255, i & 255, i + 1000);
	for (unsigned i = 0; i < N; i++)
		text_addf(&t, "spdadd 10.%u.%u.%u/%u 10.200.0.1 %s -P out ipsec"
			      " esp/transport//require;\n",
			i >> 16, i >> 8 & 255, i & 255, 25 + i % 8, i % 3 == 0 ? "tcp" : "any");
	text_add(&t, "spdadd 10.0.0.0/8 10.200.0.1 any -P out prio high none;\n");
	assert_true(findings(text_str(&t)) > N);
	says("more findings are not shown\n");
	text_free(&t);
	alarm(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_sound_script, clear),
		cmocka_unit_test_teardown(weak_algorithms, clear),
		cmocka_unit_test_teardown(unused_sas, clear),
		cmocka_unit_test_teardown(unsatisfied_policies, clear),
		cmocka_unit_test_teardown(authentication_by_ah, clear),
		cmocka_unit_test_teardown(bundles, clear),
		cmocka_unit_test_teardown(overlaps, clear),
		cmocka_unit_test_teardown(crossing_selectors, clear),
		cmocka_unit_test_teardown(many_overlaps_are_one_finding, clear),
		cmocka_unit_test_teardown(what_a_script_leaves, clear),
		cmocka_unit_test_teardown(notes, clear),
		cmocka_unit_test_teardown(many, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
