/* test_setkey_dump.c - the dump's text, line for line. */
#include "setkey/dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "setkey/json.h"

enum { CREATED = 1795256528 }; /* Nov 21 10:22:08 2026 UTC */

static struct net_addr
addr(const char *text)
{
	struct net_addr a;

	assert_true(net_addr_parse(text, &a));
	return a;
}

static struct sa_key
key(const char *hex)
{
	struct sa_key k = { 0 };
	size_t n = 0;

	assert_true(bytes_from_hex(hex, strlen(hex), k.b, sizeof(k.b), &n));
	k.octets = (uint16_t)n;
	return k;
}

static struct sadb_msg
tunnel_sa(void)
{
	struct sadb_msg m = { .op = SADB_OP_DUMP, .seq = 4, .pid = 3027, .has_sa = true };
	struct ipsec_sa *sa = &m.sa;

	sa->src.addr = addr("10.0.0.1");
	sa->dst.addr = addr("10.0.0.2");
	sa->proto = SA_ESP;
	sa->mode = SA_TUNNEL;
	sa->spi = 4096;
	sa->reqid = 7;
	sa->encr = alg_by_setkey(ALG_ENCR, "rijndael-cbc");
	sa->encr_key = key("30313233343536373839616263646566");
	sa->auth = alg_by_setkey(ALG_AUTH, "hmac-sha1");
	sa->auth_key = key("00112233445566778899aabbccddeeff00112233");
	sa->replay = 32;
	sa->flags = SA_F_CYCSEQ;
	sa->state = SA_MATURE;
	sa->hard = (struct sa_life){ .add_s = 3600, .bytes = 100000 };
	sa->soft = (struct sa_life){ .add_s = 3000, .bytes = 90000 };
	sa->current.add_s = CREATED;
	return m;
}

static const wall now = { (int64_t)CREATED * 1000 };

static void
an_sa(void **state)
{
	struct sadb_msg m = tunnel_sa();
	struct text t = { 0 };

	(void)state;
	setkey_dump_sa(&m, now, &t);
	assert_string_equal(text_str(&t),
		"10.0.0.1 10.0.0.2 \n"
		"\tesp mode=tunnel spi=4096(0x00001000) reqid=7(0x00000007)\n"
		"\tE: aes-cbc  30313233 34353637 38396162 63646566\n"
		"\tA: hmac-sha1  00112233 44556677 8899aabb ccddeeff 00112233\n"
		"\tseq=0x00000000 replay=32 flags=0x00000040 state=mature \n"
		"\tcreated: Nov 21 10:22:08 2026\tcurrent: Nov 21 10:22:08 2026\n"
		"\tdiff: 0(s)\thard: 3600(s)\tsoft: 3000(s)\n"
		"\tlast:                     \thard: 0(s)\tsoft: 0(s)\n"
		"\tcurrent: 0(bytes)\thard: 100000(bytes)\tsoft: 90000(bytes)\n"
		"\tallocated: 0\thard: 0\tsoft: 0\n"
		"\tsadb_seq=4 pid=3027 refcnt=0\n");
	text_free(&t);
}

static void
used_sa(void **state)
{
	struct sadb_msg m = tunnel_sa();
	struct text t = { 0 };

	(void)state;
	m.sa.state = SA_DYING;
	m.sa.seq = 0xabc;
	m.sa.current = (struct sa_life){ .add_s = CREATED - 3100, .use_s = CREATED - 5,
		.bytes = 12345678901, .allocations = 3 };
	setkey_dump_sa(&m, now, &t);
	assert_non_null(strstr(text_str(&t),
		"\tseq=0x00000abc replay=32 flags=0x00000040 state=dying \n"
		"\tcreated: Nov 21 09:30:28 2026\tcurrent: Nov 21 10:22:08 2026\n"
		"\tdiff: 3100(s)\thard: 3600(s)\tsoft: 3000(s)\n"
		"\tlast: Nov 21 10:22:03 2026\thard: 0(s)\tsoft: 0(s)\n"
		"\tcurrent: 12345678901(bytes)\thard: 100000(bytes)\tsoft: 90000(bytes)\n"
		"\tallocated: 3\thard: 0\tsoft: 0\n"));
	text_free(&t);
}

static void
other_protocols(void **state)
{
	struct sadb_msg m = tunnel_sa();
	struct text t = { 0 };

	(void)state;
	m.sa.mode = SA_MODE_ANY;
	m.sa.natt = true;
	m.sa.src.port = 4500;
	m.sa.dst.port = 30000;
	m.sa.natt_oa = addr("192.168.7.1");
	m.sa.encr_key.octets = 6;
	setkey_dump_sa(&m, now, &t);
	assert_ptr_equal(text_str(&t), strstr(text_str(&t),
		"10.0.0.1[4500] 10.0.0.2[30000] \n"
		"\tesp-udp mode=any spi=4096(0x00001000) reqid=7(0x00000007)\n"
		"\tNAT OA=192.168.7.1\n"
		"\tE: aes-cbc  30313233 3435\n"));
	text_clear(&t);
	m = tunnel_sa();
	m.sa.src.addr = addr("fe80::1");
	m.sa.dst.addr = addr("fe80::2");
	m.sa.encr = alg_by_setkey(ALG_ENCR, "null");
	m.sa.encr_key.octets = 0;
	m.sa.auth = NULL;
	setkey_dump_sa(&m, now, &t);
	assert_non_null(strstr(text_str(&t), "fe80::1 fe80::2 \n"));
	assert_non_null(strstr(text_str(&t), "\tE: null \n\tseq="));
	text_clear(&t);
	m.sa.proto = SA_IPCOMP;
	m.sa.encr = NULL;
	m.sa.comp = alg_by_setkey(ALG_COMP, "deflate");
	setkey_dump_sa(&m, now, &t);
	assert_non_null(strstr(text_str(&t), "\tipcomp mode=tunnel spi=4096"));
	assert_non_null(strstr(text_str(&t), "\tC: deflate \n\tseq="));
	text_clear(&t);
	m = tunnel_sa();
	m.sa.flags |= SA_F_OLD;
	m.sa.current.add_s = 0;
	setkey_dump_sa(&m, now, &t);
	assert_non_null(strstr(text_str(&t), "\tesp-old mode="));
	assert_non_null(strstr(text_str(&t), "\tcreated:                     \tcurrent: Nov"));
	assert_non_null(strstr(text_str(&t), "\tdiff: 0(s)"));
	text_free(&t);
}

static void
short_form(void **state)
{
	struct sadb_msg m = tunnel_sa();
	struct text t = { 0 };

	(void)state;
	m.sa.current.add_s = CREATED - 588;
	setkey_dump_short(&m, now, &t);
	m.sa.hard.add_s = 0;
	m.sa.proto = SA_AH;
	m.sa.state = SA_DEAD;
	setkey_dump_short(&m, now, &t);
	assert_string_equal(text_str(&t),
		"2208 esp M 00001000 588/big #255 10.0.0.1 -> #255 10.0.0.2\n"
		"2208 ah d 00001000 ???" "/??? #255 10.0.0.1 -> #255 10.0.0.2\n");
	text_free(&t);
}

static void
a_policy(void **state)
{
	struct sadb_msg m = { .op = SADB_OP_SPDDUMP, .seq = 6, .pid = 3029, .has_sp = true };
	struct ipsec_policy *sp = &m.sp;
	struct text t = { 0 };

	(void)state;
	assert_true(net_prefix_parse("10.0.0.0/24", &sp->sel.src));
	assert_true(net_prefix_parse("10.1.0.0/16", &sp->sel.dst));
	sp->sel.sport = 500;
	sp->sel.upper = 6;
	sp->dir = SP_OUT;
	sp->action = SP_IPSEC;
	sp->priority = SP_PRIORITY_HIGH - 10;
	sp->id = 281;
	sp->rules = 2;
	sp->rule[0] = (struct sp_rule){ SA_ESP, SA_TUNNEL, SP_UNIQUE, 3, { addr("1.1.1.1"), 0 },
		{ addr("2.2.2.2"), 0 } };
	sp->rule[1] = (struct sp_rule){ .proto = SA_AH, .mode = SA_TRANSPORT, .level = SP_USE };
	sp->current.add_s = CREATED;
	setkey_dump_sp(&m, false, &t);
	assert_string_equal(text_str(&t),
		"10.0.0.0/24[500] 10.1.0.0/16[any] tcp\n"
		"\tout prio high + 10 ipsec\n"
		"\tesp/tunnel/1.1.1.1-2.2.2.2/unique:3\n"
		"\tah/transport//use\n"
		"\tcreated: Nov 21 10:22:08 2026  lastused:                     \n"
		"\tlifetime: 0(s) validtime: 0(s)\n"
		"\tspid=281 seq=6 pid=3029\n"
		"\trefcnt=0\n");
	text_clear(&t);
	sp->rule[0].reqid = 40000;
	setkey_dump_sp(&m, true, &t);
	assert_non_null(strstr(text_str(&t), "\tesp/tunnel/1.1.1.1[0]-2.2.2.2[0]/unique#40000\n"));
	text_free(&t);
}

static void
selectors_and_priorities(void **state)
{
	struct sadb_msg m = { .has_sp = true };
	struct ipsec_policy *sp = &m.sp;
	struct text t = { 0 };

	(void)state;
	assert_true(net_prefix_parse("::/0", &sp->sel.src));
	assert_true(net_prefix_parse("::/0", &sp->sel.dst));
	sp->sel.upper = 58;
	sp->sel.sport = 136;
	sp->sel.dport = 1;
	sp->dir = SP_IN;
	sp->action = SP_PASS;
	sp->priority = SP_PRIORITY_DEFAULT;
	setkey_dump_sp(&m, false, &t);
	assert_non_null(strstr(text_str(&t), "::/0 ::/0 ipv6-icmp 135,0\n\tin prio def none\n"));
	text_clear(&t);
	sp->sel.dport = 0; /* as kernels tell it over PF_KEY */
	setkey_dump_sp(&m, false, &t);
	assert_non_null(strstr(text_str(&t), "::/0 ::/0 ipv6-icmp 135,0\n\tin prio def none\n"));
	text_clear(&t);
	sp->sel.upper = 253;
	sp->sel.sport = sp->sel.dport = 0;
	sp->dir = SP_FWD;
	sp->action = SP_DISCARD;
	sp->priority = SP_PRIORITY_LOW + 7;
	setkey_dump_sp(&m, false, &t);
	assert_non_null(strstr(text_str(&t),
		"::/0[any] ::/0[any] 253\n\tfwd prio low - 7 discard\n"));
	text_clear(&t);
	assert_true(net_prefix_parse("10.0.0.1", &sp->sel.src));
	assert_true(net_prefix_parse("10.0.0.2", &sp->sel.dst));
	sp->sel.upper = SP_UPPER_ANY;
	sp->priority = 0;
	setkey_dump_sp(&m, false, &t);
	assert_non_null(strstr(text_str(&t),
		"10.0.0.1[any] 10.0.0.2[any] any\n\tfwd prio def discard\n"));
	text_free(&t);
}

/* Lines that only come when there is something to say. */
static void
later_lines(void **state)
{
	struct sadb_msg m = tunnel_sa();
	struct text t = { 0 };

	(void)state;
	m.sa.natt = true;
	m.sa.src.port = m.sa.dst.port = 4500;
	m.sa.natt_oa = addr("192.168.7.1");
	m.sa.natt_frag = 552;
	m.sa.natt_non_ike = true;
	m.sa.flags |= SA_F_ESN;
	m.sa.seq_high = 2;
	m.sa.mark = (struct sa_mark){ 0x10, 0xff };
	m.sa.if_id = 7;
	m.sa.ctx = (struct sa_context){ .doi = 1, .alg = 1, .text = "a:b" };
	setkey_dump_sa(&m, now, &t);
	assert_non_null(strstr(text_str(&t), "reqid=7(0x00000007)\n"
		"\tNAT OA=192.168.7.1\n"
		"\tNAT-T esp_frag=552\n"
		"\tNAT-T non-IKE marker\n"
		"\tE: aes-cbc "));
	assert_non_null(strstr(text_str(&t), "flags=0x00000140 state=mature \n"
		"\tesn seq_high=0x00000002\n"
		"\tmark=0x00000010/0x000000ff\n"
		"\tif_id=7(0x00000007)\n"
		"\tcreated: "));
	assert_non_null(strstr(text_str(&t), "\tsadb_seq=4 pid=3027 refcnt=0\n"
		"\tsecurity context doi: 1\n"
		"\tsecurity context algorithm: 1\n"
		"\tsecurity context length: 3\n"
		"\tsecurity context: a:b\n"));
	text_free(&t);
}

/* What kernels dump of sockets, and a key of gre. */
static void
odd_policies(void **state)
{
	struct sadb_msg m = { .op = SADB_OP_SPDDUMP, .has_sp = true };
	struct ipsec_policy *sp = &m.sp;
	struct text t = { 0 };

	(void)state;
	sp->sel.upper = SP_UPPER_ANY;
	sp->dir = (enum sp_dir)5;
	sp->action = SP_BYPASS;
	setkey_dump_sp(&m, false, &t);
	assert_ptr_equal(strstr(text_str(&t),
		"(no selector, probably per-socket policy) \n\tout prio def bypass\n"),
		text_str(&t));
	text_clear(&t);
	sp->dir = (enum sp_dir)4;
	sp->sel.src = sp->sel.dst = (struct net_prefix){ addr("0.0.0.0"), 0 };
	setkey_dump_sp(&m, false, &t);
	assert_ptr_equal(strstr(text_str(&t),
		"(per-socket policy) 0.0.0.0/0[any] 0.0.0.0/0[any] any\n\tin prio def bypass\n"),
		text_str(&t));
	text_clear(&t);
	sp->dir = SP_OUT;
	sp->sel.upper = 47;
	sp->sel.sport = 0x0102;
	sp->sel.dport = 0x0304;
	setkey_dump_sp(&m, false, &t);
	assert_ptr_equal(strstr(text_str(&t), "0.0.0.0/0 0.0.0.0/0 gre 1.2.3.4\n"), text_str(&t));
	text_free(&t);
}

static void
json_sa(void **state)
{
	struct sadb_msg m = tunnel_sa();
	struct text t = { 0 };
	struct json j = json_to(&t);

	(void)state;
	m.sa.natt = true;
	m.sa.src.port = 4500;
	m.sa.dst.port = 30000;
	m.sa.natt_oa = addr("192.168.7.1");
	m.sa.flags |= SA_F_ESN;
	m.sa.seq = 5;
	m.sa.seq_high = 1;
	m.sa.mark = (struct sa_mark){ 1, 3 };
	m.sa.if_id = 7;
	m.sa.ctx = (struct sa_context){ .doi = 1, .alg = 2, .text = "a\"b" };
	setkey_json_sa(&m, &j);
	assert_false(j.bad);
	assert_string_equal(text_str(&t),
		"{\"src\":\"10.0.0.1\",\"dst\":\"10.0.0.2\",\"protocol\":\"esp-udp\","
		"\"mode\":\"tunnel\",\"spi\":4096,\"reqid\":7,\"state\":\"mature\","
		"\"udp\":{\"src_port\":4500,\"dst_port\":30000,\"non_ike_marker\":false,"
		"\"original\":\"192.168.7.1\"},"
		"\"encryption\":{\"algorithm\":\"aes-cbc\","
		"\"key\":\"30313233343536373839616263646566\"},"
		"\"authentication\":{\"algorithm\":\"hmac-sha1\","
		"\"key\":\"00112233445566778899aabbccddeeff00112233\"},"
		"\"sequence\":4294967301,\"replay\":32,\"flags\":{\"value\":320,\"esn\":true,"
		"\"cyclic_seq\":true,\"padding\":\"seq\"},"
		"\"created_s\":1795256528,\"used_s\":0,\"bytes\":0,\"allocations\":0,"
		"\"hard\":{\"seconds\":3600,\"use_seconds\":0,\"bytes\":100000,"
		"\"allocations\":0},"
		"\"soft\":{\"seconds\":3000,\"use_seconds\":0,\"bytes\":90000,"
		"\"allocations\":0},"
		"\"mark\":{\"value\":1,\"mask\":3},\"if_id\":7,"
		"\"context\":{\"doi\":1,\"algorithm\":2,\"label\":\"a\\\"b\"}}");
	text_free(&t);
}

static void
json_sp(void **state)
{
	struct sadb_msg m = { .op = SADB_OP_SPDDUMP, .has_sp = true };
	struct ipsec_policy *sp = &m.sp;
	struct text t = { 0 };
	struct json j = json_to(&t);

	(void)state;
	sp->sel = (struct sp_selector){ .src = { addr("::"), 0 }, .dst = { addr("fe80::1"), 128 },
		.upper = 58, .sport = 136, .dport = 1 };
	sp->dir = SP_OUT;
	sp->action = SP_IPSEC;
	sp->priority = SP_PRIORITY_DEFAULT;
	sp->id = 8;
	sp->rules = 1;
	sp->rule[0] = (struct sp_rule){ .proto = SA_ESP, .mode = SA_TUNNEL, .level = SP_UNIQUE,
		.reqid = 3, .src.addr = addr("10.0.0.1"), .dst.addr = addr("10.0.0.2") };
	json_array(&j, NULL);
	setkey_json_sp(&m, &j);
	sp->dir = (enum sp_dir)4;
	sp->rules = 0;
	sp->sel.upper = 6;
	sp->sel.sport = 80;
	setkey_json_sp(&m, &j);
	json_end(&j);
	assert_false(j.bad);
	assert_string_equal(text_str(&t),
		"[{\"id\":8,\"direction\":\"out\",\"per_socket\":false,"
		"\"src\":{\"address\":\"::\",\"prefix\":0},"
		"\"dst\":{\"address\":\"fe80::1\",\"prefix\":128},"
		"\"upper\":58,\"upper_name\":\"ipv6-icmp\",\"icmp_type\":135,\"icmp_code\":0,"
		"\"action\":\"ipsec\",\"priority\":2147483648,"
		"\"rules\":[{\"protocol\":\"esp\",\"mode\":\"tunnel\",\"level\":\"unique\","
		"\"reqid\":3,\"src\":\"10.0.0.1\",\"dst\":\"10.0.0.2\"}],"
		"\"created_s\":0,\"used_s\":0,\"lifetime_s\":0,\"validtime_s\":0},"
		"{\"id\":8,\"direction\":\"in\",\"per_socket\":true,"
		"\"src\":{\"address\":\"::\",\"prefix\":0,\"port\":80},"
		"\"dst\":{\"address\":\"fe80::1\",\"prefix\":128,\"port\":1},"
		"\"upper\":6,\"upper_name\":\"tcp\",\"action\":\"ipsec\","
		"\"priority\":2147483648,\"rules\":[],"
		"\"created_s\":0,\"used_s\":0,\"lifetime_s\":0,\"validtime_s\":0}]");
	text_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_sa),
		cmocka_unit_test(used_sa),
		cmocka_unit_test(other_protocols),
		cmocka_unit_test(short_form),
		cmocka_unit_test(a_policy),
		cmocka_unit_test(selectors_and_priorities),
		cmocka_unit_test(later_lines),
		cmocka_unit_test(odd_policies),
		cmocka_unit_test(json_sa),
		cmocka_unit_test(json_sp),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
