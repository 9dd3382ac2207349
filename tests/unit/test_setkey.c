/* test_setkey.c - from the script's text to the requests it stands for. */
#include "setkey/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct setkey_script script;
static struct stmt_errors errors;

static struct net_addr
addr(const char *text)
{
	struct net_addr a;

	assert_true(net_addr_parse(text, &a));
	return a;
}

/* "two" has two IPv4 addresses, "both" one of each family, "six" one of IPv6. */
static size_t
fake_resolve(void *user, const char *name, int family, struct net_addr *out, size_t max, char *why,
	size_t why_size)
{
	static const struct {
		const char *name, *address;
	} hosts[] = { { "two", "10.0.0.1" }, { "two", "10.0.0.2" }, { "both", "10.0.1.1" },
		{ "both", "2001:db8::1" }, { "six", "2001:db8::6" } };
	size_t n = 0;

	assert_string_equal(user, "me");
	for (size_t i = 0; i < ARRAY_LEN(hosts) && n < max; i++) {
		struct net_addr a = addr(hosts[i].address);

		if (strcmp(hosts[i].name, name) == 0 && (family == 0 || family == a.family))
			out[n++] = a;
	}
	if (n == 0)
		strncpy(why, "no such host", why_size);
	return n;
}

static const struct setkey_resolver resolver = { (void *)(uintptr_t)"me", fake_resolve };

static bool
read_it(const char *text)
{
	return setkey_read(&script, "f", bytes_str(text), &errors);
}

static int
setup(void **state)
{
	(void)state;
	script = (struct setkey_script){ .resolver = &resolver };
	errors = (struct stmt_errors){ 0 };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	setkey_script_clear(&script);
	stmt_errors_free(&errors);
	return 0;
}

static void
an_sa(void **state)
{
	const struct ipsec_sa *sa;
	struct net_addr dst = addr("10.0.0.2");

	(void)state;
	assert_true(read_it("\nadd 10.0.0.1 10.0.0.2 esp 0x201 -m tunnel -u 7 -r 32 -lh 3600 -bs "
		"9\n"
		"-E 3des-cbc \"123456789012345678901234\" -A hmac-md5 "
		"0x0102030405060708090a0b0c0d0e0f10;"));
	assert_int_equal(script.count, 1);
	assert_int_equal(script.msg[0].op, SADB_OP_ADD);
	assert_true(script.msg[0].has_sa);
	assert_int_equal(script.origin[0].line, 2);
	assert_int_equal(script.origin[0].column, 1);
	sa = &script.msg[0].sa;
	assert_int_equal(sa->proto, SA_ESP);
	assert_true(net_addr_equal(&sa->dst.addr, &dst));
	assert_int_equal(sa->dst.port, 0);
	assert_int_equal(sa->spi, 0x201);
	assert_int_equal(sa->mode, SA_TUNNEL);
	assert_int_equal(sa->reqid, 7);
	assert_int_equal(sa->replay, 32);
	assert_int_equal(sa->flags, SA_F_CYCSEQ);
	assert_int_equal(sa->state, SA_MATURE);
	assert_int_equal(sa->hard.add_s, 3600);
	assert_int_equal(sa->soft.bytes, 9);
	assert_string_equal(sa->encr->name, "3des-cbc");
	assert_int_equal(sa->encr_key.octets, 24);
	assert_memory_equal(sa->encr_key.b, "123456789012345678901234", 24);
	assert_string_equal(sa->auth->name, "hmac-md5");
	assert_int_equal(sa->auth_key.octets, 16);
	assert_int_equal(sa->auth_key.b[15], 0x10);
	assert_false(sa->natt);
}

static void
other_sa_statements(void **state)
{
	(void)state;
	assert_true(read_it("add 1.1.1.1[500] 1.1.1.2 esp-udp natt-oa 10.9.9.9 256 -E null;"
		"add 1.1.1.1 1.1.1.2 ipcomp 300 -C deflate -R;"
		"get 1.1.1.1 1.1.1.2 ah 300; delete 1.1.1.1 1.1.1.2 esp 300;"
		"deleteall 1.1.1.1 1.1.1.2 esp; flush; flush ah; dump esp; spdflush; spddump;"));
	assert_int_equal(script.count, 10);
	assert_true(script.msg[0].sa.natt);
	assert_int_equal(script.msg[0].sa.src.port, 500);
	assert_int_equal(script.msg[0].sa.dst.port, 4500);
	assert_int_equal(net_ipv4_value(&script.msg[0].sa.natt_oa), 0x0a090909);
	assert_int_equal(script.msg[1].sa.flags, SA_F_CYCSEQ | SA_F_RAWCPI);
	assert_string_equal(script.msg[1].sa.comp->name, "deflate");
	assert_int_equal(script.msg[2].op, SADB_OP_GET);
	assert_int_equal(script.msg[3].sa.spi, 300);
	assert_int_equal(script.msg[4].op, SADB_OP_DELETE);
	assert_int_equal(script.msg[4].sa.spi, 0);
	assert_int_equal(script.msg[5].op, SADB_OP_FLUSH);
	assert_int_equal(script.msg[5].sa.proto, SA_NONE);
	assert_int_equal(script.msg[6].sa.proto, SA_AH);
	assert_int_equal(script.msg[7].op, SADB_OP_DUMP);
	assert_int_equal(script.msg[8].op, SADB_OP_SPDFLUSH);
	assert_int_equal(script.msg[9].op, SADB_OP_SPDDUMP);
}

static void
a_policy(void **state)
{
	const struct ipsec_policy *sp;

	(void)state;
	assert_true(read_it("spdadd 172.16.1.0/24[80] 172.16.2.0/24 tcp -P in prio high + 10 "
		"ipsec\n"
		"esp/tunnel/192.168.2.100-192.168.1.100/unique:5 ah/transport//use;"));
	assert_int_equal(script.count, 2);
	sp = &script.msg[0].sp;
	assert_int_equal(script.msg[0].op, SADB_OP_SPDADD);
	assert_true(script.msg[0].has_sp);
	assert_int_equal(sp->sel.src.len, 24);
	assert_int_equal(sp->sel.sport, 80);
	assert_int_equal(sp->sel.dport, 0);
	assert_int_equal(sp->sel.upper, 6);
	assert_int_equal(sp->dir, SP_IN);
	assert_int_equal(sp->action, SP_IPSEC);
	assert_true(sp->priority == SP_PRIORITY_HIGH - 10);
	assert_int_equal(sp->rules, 2);
	assert_int_equal(sp->rule[0].proto, SA_ESP);
	assert_int_equal(sp->rule[0].mode, SA_TUNNEL);
	assert_int_equal(sp->rule[0].level, SP_UNIQUE);
	assert_int_equal(sp->rule[0].reqid, 5);
	assert_int_equal(net_ipv4_value(&sp->rule[0].dst.addr), 0xc0a80164);
	assert_int_equal(sp->rule[1].proto, SA_AH);
	assert_int_equal(sp->rule[1].src.addr.family, 0);
	assert_int_equal(sp->rule[1].level, SP_USE);
	/* Its twin for forwarded packets. */
	assert_true(script.origin[1].twin);
	assert_int_equal(script.msg[1].sp.dir, SP_FWD);
	assert_int_equal(script.msg[1].sp.rule[0].level, SP_REQUIRE);
	assert_int_equal(script.msg[1].sp.rule[0].reqid, 0);
}

static void
kernel_style_has_no_twin(void **state)
{
	(void)state;
	script.kernel_style = true;
	assert_true(read_it("spdadd 1.1.1.1 2.2.2.2 any -P in none; spddelete 1.1.1.1 2.2.2.2 any "
		"-P in;"));
	assert_int_equal(script.count, 2);
	assert_int_equal(script.msg[1].op, SADB_OP_SPDDELETE);
	assert_true(script.msg[0].sp.priority == SP_PRIORITY_DEFAULT);
	assert_int_equal(script.msg[0].sp.sel.src.len, 32);
	assert_int_equal(script.msg[0].sp.sel.upper, SP_UPPER_ANY);
}

/* fwd policies that are written out are not doubled by those that come by themselves. */
static void
written_out_forwards(void **state)
{
	(void)state;
	assert_true(read_it("spdadd 1.1.1.1 2.2.2.2 any -P in none;"
		"spdadd 1.1.1.1 2.2.2.2 any -P fwd discard;"
		"spdadd 3.3.3.3 2.2.2.2 any -P fwd discard;"
		"spdadd 3.3.3.3 2.2.2.2 any -P in none;"));
	assert_int_equal(script.count, 4);
	assert_int_equal(script.msg[1].sp.dir, SP_FWD);
	assert_int_equal(script.msg[1].sp.action, SP_DISCARD);
	assert_false(script.origin[1].twin);
	assert_int_equal(script.msg[2].sp.action, SP_DISCARD);
	assert_int_equal(script.msg[3].sp.dir, SP_IN);
	/* What is added twice is the database's to refuse; after a flush there is nothing. */
	assert_true(read_it("spdadd 3.3.3.3 2.2.2.2 any -P fwd discard; spdflush;"
		"spdadd 3.3.3.3 2.2.2.2 any -P in none;"));
	assert_int_equal(script.count, 8);
	assert_true(script.origin[7].twin);
}

static void
icmp_types_are_stored_plus_one(void **state)
{
	(void)state;
	assert_true(read_it("spdadd ::/0 ::/0 icmp6 135,0 -P out none; spdadd ::/0 ::/0 icmp6 -P "
		"out none;"));
	assert_int_equal(script.msg[0].sp.sel.sport, 136);
	assert_int_equal(script.msg[0].sp.sel.dport, 1);
	assert_int_equal(script.msg[1].sp.sel.sport, 0);
}

static void
names_make_all_combinations(void **state)
{
	(void)state;
	assert_true(read_it("add two two esp 0x1000 -E null;"));
	assert_int_equal(script.count, 4);
	assert_int_equal(errors.warning_count, 0);
	assert_int_equal(net_ipv4_value(&script.msg[1].sa.src.addr), 0x0a000001);
	assert_int_equal(net_ipv4_value(&script.msg[1].sa.dst.addr), 0x0a000002);
	assert_true(read_it("spdadd both/24 two any -P out none;"));
	assert_int_equal(script.count, 6);
	assert_int_equal(script.msg[4].sp.sel.src.len, 24);
	assert_int_equal(script.msg[4].sp.sel.dst.len, 32);
	assert_int_equal(errors.warning_count, 1);
	assert_non_null(strstr(text_str(&errors.warnings),
		"f:1:8: \"both\" and \"two\" have addresses of both families"));
	assert_true(read_it("add -4 both two esp 0x1000 -E null;"));
	assert_int_equal(script.count, 8);
	assert_int_equal(errors.warning_count, 1);
}

static void
names_that_do_not_fit(void **state)
{
	(void)state;
	assert_false(read_it("add two six esp 0x1000 -E null;"));
	assert_false(read_it("add nohost six esp 0x1000 -E null;"));
	assert_false(read_it("add -n two two esp 0x1000 -E null;"));
	assert_false(read_it("add -4 six two esp 0x1000 -E null;"));
	assert_false(read_it("add 10.1 10.2 esp 0x1000 -E null;"));
	assert_false(read_it("spdadd both/64 six any -P out none; spdadd both/64 two any -P out "
		"none;"));
	assert_int_equal(errors.count, 6);
	assert_non_null(strstr(text_str(&errors.text),
		"\"nohost\" cannot be resolved: no such host"));
	assert_non_null(strstr(text_str(&errors.text), "prefix length 64 is out of range"));
	script.resolver = NULL;
	assert_false(read_it("add two two esp 0x1000 -E null;"));
}

/* Errors are collected over the whole text, and the caller sends nothing. */
static void
all_errors_at_once(void **state)
{
	(void)state;
	assert_false(read_it("flush;\nadd 1.1.1.1 2.2.2.2 esp 0x1000 -E 3des-cbc "
		"\"short\";\nspdflush;\n"
		"spdadd 1.1.1.1 2.2.2.2 any -P out ipsec esp/tunnel//require;"));
	assert_int_equal(errors.count, 2);
	assert_string_equal(text_str(&errors.text),
		"f:2:44: key of 40 bits (5 octets) does not fit 3des-cbc: expected 192 bits\n"
		"f:4:41: a tunnel needs its end points: expected esp/tunnel/SRC-DST/LEVEL\n");
}

/* A key that was typed wrong is not shown again. */
static void
keys_are_not_in_errors(void **state)
{
	(void)state;
	assert_false(read_it("add 1.1.1.1 2.2.2.2 esp 0x1000 -E aes-cbc \"hush\";"
		"add 1.1.1.1 2.2.2.2 esp 0x1000 -E aes-cbc hush;"
		"add 1.1.1.1 2.2.2.2 esp 0x1000 -E aes-cbc 0xhush;"));
	assert_int_equal(errors.count, 3);
	assert_null(strstr(text_str(&errors.text), "hush"));
}

static void
key_lengths(void **state)
{
	static const struct {
		const char *alg;
		unsigned octets;
		bool good;
	} cases[] = {
		{ "3des-cbc", 24, true }, { "3des-cbc", 23, false }, { "3des-cbc", 26, false },
		{ "aes-cbc", 16, true }, { "aes-cbc", 24, true }, { "aes-cbc", 32, true },
		{ "aes-cbc", 20, false }, { "aes-gcm-16", 20, true }, { "aes-gcm-16", 16, false },
		{ "aes-ctr", 36, true }, { "blowfish-cbc", 5, true }, { "blowfish-cbc", 56, true },
		{ "blowfish-cbc", 57, false }, { "cast128-cbc", 16, true }, { "cast128-cbc", 17,
		false },
		{ "des-cbc", 8, true }, { "des-cbc", 7, false }, { "null", 0, true }, { "null", 256,
		true },
		{ "null", 257, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct text t = { 0 };

		text_addf(&t, "add 1.1.1.1 2.2.2.2 esp 0x1000 -E %s \"", cases[i].alg);
		for (unsigned j = 0; j < cases[i].octets; j++)
			text_add(&t, "k");
		text_add(&t, "\";");
		if (read_it(text_str(&t)) != cases[i].good)
			fail_msg("%s with %u octets", cases[i].alg, cases[i].octets);
		text_free(&t);
	}
}

static void
long_scripts(void **state)
{
	struct text t = { 0 };

	(void)state;
	for (unsigned i = 0; i < 3000; i++)
		text_addf(&t,
		"spdadd 10.%u.%u.0/24 10.0.0.1 any -P out ipsec esp/transport//require;\n",
			i / 256, i % 256);
	assert_true(read_it(text_str(&t)));
	assert_int_equal(script.count, 3000);
	assert_int_equal(script.origin[2999].line, 3000);
	assert_int_equal(net_ipv4_value(&script.msg[2999].sp.sel.src.addr), 0x0a0bb700);
	text_free(&t);
}

static void
printed_form(void **state)
{
	struct text t = { 0 };
	struct sadb_msg event = { .op = SADB_OP_EXPIRE };

	(void)state;
	assert_true(read_it("add 1.1.1.1 2.2.2.2 ah 256 -A hmac-md5 \"0123456789abcdef\"; exit; "
		"nonsense"));
	assert_true(script.quit);
	setkey_print(&script.msg[0], &t);
	setkey_print(&event, &t);
	assert_string_equal(text_str(&t),
		"add 1.1.1.1 2.2.2.2 ah 0x100 -A hmac-md5 0x30313233343536373839616263646566;\n"
		"# expire;\n");
	text_free(&t);
}

static unsigned asked;

static size_t
one_address(void *user, const char *name, int family, struct net_addr *out, size_t max, char *why,
	size_t why_size)
{
	(void)user;
	(void)name;
	(void)family;
	(void)max;
	(void)why;
	(void)why_size;
	asked++;
	out[0] = net_ipv4(0x0a000000 + asked); /* another one each time */
	return 1;
}

/* The second reading must not come to other addresses than the first. */
static void
names_are_asked_for_once(void **state)
{
	static const struct setkey_resolver changing = { NULL, one_address };

	(void)state;
	script.resolver = &changing;
	asked = 0;
	assert_true(read_it("add h 10.9.9.9 esp 300 -E null; add h 10.9.9.9 esp 301 -E null;"
		"add -4 h 10.9.9.9 esp 302 -E null;"));
	assert_int_equal(asked, 2); /* any family, and IPv4 */
	assert_int_equal(script.count, 3);
	assert_int_equal(net_ipv4_value(&script.msg[0].sa.src.addr), 0x0a000001);
	assert_int_equal(net_ipv4_value(&script.msg[1].sa.src.addr), 0x0a000001);
	assert_int_equal(net_ipv4_value(&script.msg[2].sa.src.addr), 0x0a000002);
}

struct batches {
	size_t calls, requests, largest;
	bool twins_together;
	size_t stop_after;
};

static bool
count_batch(void *user, struct setkey_script *s)
{
	struct batches *b = user;

	b->calls++;
	b->requests += s->count;
	b->largest = s->count > b->largest ? s->count : b->largest;
	if (s->origin[0].twin)
		b->twins_together = false;
	return b->stop_after == 0 || b->calls < b->stop_after;
}

static void
batches(void **state)
{
	struct batches b = { .twins_together = true };
	struct text t = { 0 };

	(void)state;
	text_add(&t, "add 10.0.0.1 10.0.0.2 esp 0x1000 -E null;\n");
	for (unsigned i = 0; i < 2000; i++)
		text_addf(&t, "spdadd 10.0.0.1[%u] 10.0.0.2 udp -P in none;\n", i + 1);
	script.batch = count_batch;
	script.batch_user = &b;
	assert_true(read_it(text_str(&t)));
	assert_int_equal(b.requests, 4001);
	assert_int_equal(script.total, 4001);
	assert_int_equal(b.calls, 4);
	assert_true(b.largest <= SETKEY_BATCH + 1);
	assert_true(b.twins_together);
	assert_int_equal(script.count, 0);
	assert_true(setkey_scan(&script, "f", bytes_str(text_str(&t)), &errors));
	b = (struct batches){ .stop_after = 2 };
	assert_false(setkey_make(&script, "f", bytes_str(text_str(&t))));
	assert_int_equal(b.calls, 2);
	text_free(&t);
}

static void
later_extensions(void **state)
{
	const struct ipsec_sa *sa;

	(void)state;
	assert_true(read_it("add 1.1.1.1 1.1.1.2 esp 300 -r 64 -esn -ctx 1 2 \"label\""
		" -mark 0x10/0xf0 -if_id 9 -E null;"
		"add 1.1.1.1 1.1.1.2 esp-udp 301 -esp_frag 552 -natt_non_ike -E null;"
		"add 1.1.1.1 1.1.1.2 tcp 0x1000 -A tcp-md5 \"s\";"
		"getspi 1.1.1.1 1.1.1.2 esp 0x300-0x400 -m tunnel -u 4;"
		"getspi 1.1.1.1 1.1.1.2 ipcomp;"
		"spdadd 1.1.1.1 1.1.1.2 gre 0x10002 -ctx 1 1 \"l\" -mark 5 -if_id 3 -P out none;"));
	assert_int_equal(script.count, 6);
	sa = &script.msg[0].sa;
	assert_true((sa->flags & SA_F_ESN) != 0);
	assert_int_equal(sa->ctx.doi, 1);
	assert_int_equal(sa->ctx.alg, 2);
	assert_string_equal(sa->ctx.text, "label");
	assert_int_equal(sa->mark.value, 0x10);
	assert_int_equal(sa->mark.mask, 0xf0);
	assert_int_equal(sa->if_id, 9);
	sa = &script.msg[1].sa;
	assert_int_equal(sa->natt_frag, 552);
	assert_true(sa->natt_non_ike);
	assert_int_equal(script.msg[2].sa.proto, SA_TCP);
	assert_int_equal(script.msg[2].sa.auth_key.octets, 1);
	assert_int_equal(script.msg[3].op, SADB_OP_GETSPI);
	assert_int_equal(script.msg[3].spi_min, 0x300);
	assert_int_equal(script.msg[3].spi_max, 0x400);
	assert_int_equal(script.msg[3].sa.reqid, 4);
	assert_int_equal(script.msg[4].spi_min, 256);
	assert_int_equal(script.msg[4].spi_max, 61439);
	assert_int_equal(script.msg[5].sp.sel.sport, 1);
	assert_int_equal(script.msg[5].sp.sel.dport, 2);
	assert_string_equal(script.msg[5].sp.ctx.text, "l");
	assert_int_equal(script.msg[5].sp.mark.value, 5);
	assert_int_equal(script.msg[5].sp.mark.mask, UINT32_MAX);
	assert_int_equal(script.msg[5].sp.if_id, 3);
}

static void
reserved_spis(void **state)
{
	(void)state;
	assert_false(read_it("add 1.1.1.1 1.1.1.2 esp 255 -E null;"));
	assert_non_null(strstr(text_str(&errors.text), "SPI 255 is reserved"));
	stmt_errors_free(&errors);
	script.force = true;
	assert_true(read_it("add 1.1.1.1 1.1.1.2 esp 255 -E null;"));
	assert_int_equal(script.msg[0].sa.spi, 255);
	assert_false(read_it("add 1.1.1.1 1.1.1.2 esp 0 -E null;"));
	assert_false(read_it("add 1.1.1.1 1.1.1.2 esp 4294967296 -E null;"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_sa, setup, teardown),
		cmocka_unit_test_setup_teardown(other_sa_statements, setup, teardown),
		cmocka_unit_test_setup_teardown(a_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(kernel_style_has_no_twin, setup, teardown),
		cmocka_unit_test_setup_teardown(written_out_forwards, setup, teardown),
		cmocka_unit_test_setup_teardown(icmp_types_are_stored_plus_one, setup, teardown),
		cmocka_unit_test_setup_teardown(names_make_all_combinations, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_do_not_fit, setup, teardown),
		cmocka_unit_test_setup_teardown(all_errors_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_are_not_in_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(key_lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(long_scripts, setup, teardown),
		cmocka_unit_test_setup_teardown(printed_form, setup, teardown),
		cmocka_unit_test_setup_teardown(names_are_asked_for_once, setup, teardown),
		cmocka_unit_test_setup_teardown(batches, setup, teardown),
		cmocka_unit_test_setup_teardown(later_extensions, setup, teardown),
		cmocka_unit_test_setup_teardown(reserved_spis, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
