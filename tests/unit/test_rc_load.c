/* test_rc_load.c - racoon.conf from text: values, defaults, errors, the dump, the reload plan. */
#include "racoon/conf/rc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/cry.h"
#include "lib/log.h"

#define AUTH "authentication_method pre_shared_key;"
#define GOOD                                                                                       \
	"exchange_mode main; proposal { encryption_algorithm aes 256; hash_algorithm "             \
	"sha256; " AUTH " dh_group 14; }"
#define ALGS                                                                                       \
	"{ encryption_algorithm aes; authentication_algorithm hmac_sha1;"                          \
	" compression_algorithm deflate; }"

static const struct rc_options options = { .hash_key = { 3, 4 } };

static struct rc_config *
load(const char *text)
{
	struct stmt_errors errors = { 0 };
	struct rc_config *c;
	enum status status = rc_load_text("t", text, NULL, &options, &c, &errors);

	assert_string_equal(text_str(&errors.text), "");
	assert_int_equal(status, ST_NORMAL);
	stmt_errors_free(&errors);
	return c;
}

static void
refuse(const char *text, const char *want)
{
	struct stmt_errors errors = { 0 };
	struct rc_config *c;

	assert_int_equal(rc_load_text("t", text, NULL, &options, &c, &errors), ST_BADCONF);
	assert_null(c);
	assert_string_equal(text_str(&errors.text), want);
	stmt_errors_free(&errors);
}

static void
defaults(void **state)
{
	struct rc_config *c = load("remote 10.0.0.1 { " GOOD " }");
	const struct rc_remote *r = c->remote[0];

	(void)state;
	assert_int_equal(c->log_level, LOG_L_INFO);
	assert_true(c->complex_bundle);
	assert_int_equal(c->timer.counter, 5);
	assert_int_equal(c->timer.interval, 10000);
	assert_int_equal(c->timer.persend, 1);
	assert_int_equal(c->timer.phase1, 30000);
	assert_int_equal(c->timer.phase2, 30000);
	assert_int_equal(c->timer.natt_keepalive, 20000);
	assert_int_equal(c->padding.maximum_length, 20);
	assert_true(c->padding.randomize && c->padding.exclusive_tail);
	assert_false(c->padding.randomize_length || c->padding.strict_check);
	assert_int_equal(r->proposal_check, RC_CHECK_STRICT);
	assert_int_equal(r->rekey, RC_ON);
	assert_int_equal(r->nat_traversal, RC_OFF);
	assert_int_equal(r->nonce_size, 16);
	assert_true(r->initial_contact && r->dpd && r->send_cert && r->send_cr && r->verify_cert);
	assert_false(r->passive || r->verify_identifier || r->weak_phase1_check);
	assert_true(r->my_id.own_address);
	assert_int_equal(r->my_id.type, RC_ID_IPV4);
	assert_int_equal(r->life_ms, 28800000);
	assert_int_equal(r->proposal[0].life_ms, 28800000);
	assert_int_equal(r->proposal[0].bits, 256);
	assert_string_equal(r->proposal[0].encr->name, "aes-cbc");
	assert_int_equal(r->proposal[0].auth, RC_AUTH_PSK);
	assert_int_equal(r->mode[0], RC_MAIN);
	rc_free(c);
}

static void
values(void **state)
{
	struct rc_config *c = load(
		"timer { interval 5sec; }\n"
		"remote \"p\" { remote_address 10.0.0.1; lifetime time 0x10 min; my_identifier "
		"address"
		" 10.0.0.9; peers_identifier subnet \"10.7.1.0/16\"; exchange_mode base, main; "
		"proposal {"
		" encryption_algorithm 3des; hash_algorithm md5; " AUTH
		" dh_group modp1024; lifetime"
		" time 3 hours; } proposal { encryption_algorithm aes; hash_algorithm sha1; " AUTH
		" dh_group 5; } }\n"
		"sainfo anonymous { encryption_algorithm aes 256, 3des; authentication_algorithm"
		" hmac_md5, non_auth; compression_algorithm deflate; pfs_group 2; lifetime time 90 "
		"sec; }");
	const struct rc_remote *r = rc_remote_named(c, "p");
	const uint8_t subnet[] = { 10, 7, 0, 0, 255, 255, 0, 0 };

	(void)state;
	assert_int_equal(c->timer.interval, 5000);
	assert_int_equal(r->life_ms, 960000);
	assert_int_equal(r->proposal[0].life_ms, 3 * 3600000);
	assert_int_equal(r->proposal[0].bits, 0);
	assert_int_equal(r->proposal[1].life_ms, 960000);
	assert_int_equal(r->proposal[1].bits, 128);
	assert_int_equal(r->modes, 2);
	assert_int_equal(r->mode[0], RC_BASE);
	assert_int_equal(r->mode[1], RC_MAIN);
	assert_int_equal(r->my_id.value.n, 4);
	assert_false(r->my_id.own_address);
	assert_int_equal(r->peer_id[0].type, RC_ID_IPV4_SUBNET);
	assert_int_equal(r->peer_id[0].value.n, 8);
	assert_memory_equal(r->peer_id[0].value.p, subnet, 8);
	assert_int_equal(c->sainfo[0]->encrs, 2);
	assert_int_equal(c->sainfo[0]->encr[0].bits, 256);
	assert_int_equal(c->sainfo[0]->auths, 2);
	assert_int_equal(c->sainfo[0]->life_ms, 90000);
	assert_string_equal(c->sainfo[0]->pfs->name, "modp1024");
	assert_false(c->wants_legacy);
	rc_free(c);
}

/* All of them at once, in one reading, with positions. */
static void
errors_together(void **state)
{
	(void)state;
	refuse("log lowd;\nremote 10.0.0.1 {\n\tmode_cfg on;\n\texchange_mode "
	       "main\n}\nnonsense;\n",
		"t:1:5: unknown word \"lowd\": expected error, warning, notify, info, debug or "
		"debug2\n"
		"t:5:1: expected \";\" after \"main\" at line 4, found \"}\"\n"
		"t:3:2: \"mode_cfg on\" is not available in this version (ISAKMP mode "
		"configuration): expected \"mode_cfg off\"\n"
		"t:6:1: unknown keyword \"nonsense\": it is not one of this place's statements\n");
}

/* Without the provider only the table decides; with it, what OpenSSL has; and legacy is noted. */
static void
provider(void **state)
{
	struct cry *cry = cry_new();
	struct rc_options with = { .hash_key = { 5, 6 }, .cry = cry };
	struct stmt_errors e = { 0 };
	struct rc_config *c;

	(void)state;
	assert_non_null(cry);
	assert_int_equal(rc_load_text("t",
				 "remote anonymous { exchange_mode main; proposal {"
				 " encryption_algorithm blowfish; hash_algorithm sha1; " AUTH
				 " dh_group 5; } }",
				 NULL, &with, &c, &e),
		ST_NORMAL);
	assert_true(c->wants_legacy);
	assert_int_equal(c->remote[0]->proposal[0].bits, 448);
	assert_string_equal(text_str(&e.warnings),
		"t:1:40: remote anonymous: encryption_algorithm blowfish is weak\n");
	stmt_errors_free(&e);
	rc_free(c);
	cry_free(cry);
}

static void
dump_is_fixpoint(void **state)
{
	struct rc_config *c =
		load("remote \"top\" { " GOOD " }\nremote 10.0.0.1 inherit \"top\" { lifetime"
		     " time 61 sec; }\nsainfo address 10.0.0.1 icmp address 10.0.0.2 [7] 17 " ALGS);
	struct text first = { 0 }, second = { 0 };
	struct rc_config *again;

	(void)state;
	rc_dump(c, &first);
	again = load(text_str(&first));
	rc_dump(again, &second);
	assert_string_equal(text_str(&first), text_str(&second));
	assert_string_equal(text_str(&first),
		"remote 10.0.0.1 {\n\texchange_mode main;\n\tlifetime time 61 sec;\n\tproposal {\n"
		"\t\tencryption_algorithm aes 256;\n\t\thash_algorithm sha256;\n\t\tdh_group "
		"modp2048;\n"
		"\t\tauthentication_method pre_shared_key;\n\t}\n}\n"
		"sainfo address 10.0.0.1 icmp address 10.0.0.2 [7] udp {\n\tencryption_algorithm "
		"aes;\n"
		"\tauthentication_algorithm hmac_sha1;\n\tcompression_algorithm deflate;\n}\n");
	text_free(&first);
	text_free(&second);
	rc_free(c);
	rc_free(again);
}

static void
plan(void **state)
{
	struct rc_config *a = load("remote 10.0.0.1 { " GOOD " }\nremote 10.0.0.2 { " GOOD " }\n"
		"remote 10.0.0.3 { " GOOD " }\nsainfo anonymous " ALGS
		"\nsainfo fqdn \"a\" anonymous " ALGS "\nsainfo fqdn \"b\" anonymous " ALGS);
	struct rc_config *b = load("# moved about\nremote 10.0.0.4 { " GOOD " }\n"
		"remote 10.0.0.2 { passive on; " GOOD " }\nremote 10.0.0.1 { " GOOD " }\n"
		"sainfo anonymous " ALGS "\nsainfo fqdn \"b\" anonymous { lifetime time 1 hour;"
		" encryption_algorithm aes; authentication_algorithm hmac_sha1;"
		" compression_algorithm deflate; }\nsainfo fqdn \"c\" anonymous " ALGS);
	struct text out = { 0 };
	struct rc_plan p = rc_plan(a, b, &out);

	(void)state;
	assert_string_equal(text_str(&out),
		"remote 10.0.0.2: changed\nremote 10.0.0.3: removed\nremote 10.0.0.4: added\n"
		"sainfo fqdn \"a\" anonymous: removed\nsainfo fqdn \"b\" anonymous: changed\n"
		"sainfo fqdn \"c\" anonymous: added\n");
	assert_int_equal(p.kept, 2);
	assert_int_equal(p.changed, 2);
	assert_int_equal(p.removed, 2);
	assert_int_equal(p.added, 2);
	text_free(&out);
	rc_free(a);
	rc_free(b);
}

static void
psk_errors(void **state)
{
	struct stmt_errors e = { 0 };
	struct rc_config *c;
	struct text psk = { 0 };

	(void)state;
	text_add(&psk, "a 0x\nb 0xfg\r\nc key\r\nc other\n");
	for (int i = 0; i < 1100; i++)
		text_add(&psk, "x");
	assert_int_equal(rc_load_text("t", "remote 10.0.0.1 { " GOOD " }", text_str(&psk), &options,
		&c, &e), ST_BADCONF);
	assert_string_equal(text_str(&e.text),
		"psk.txt:1:3: the key begins with 0x: expected hexadecimal digits\n"
		"psk.txt:2:3: the key begins with 0x: expected hexadecimal digits\n"
		"psk.txt:5:1: line is too long: at most 1023 octets are allowed\n");
	assert_string_equal(text_str(&e.warnings),
		"psk.txt:2:1: lines end in CR LF: the CR is not taken into the keys\n"
		"psk.txt:4:1: a second line for \"c\": that at line 3 counts\n");
	stmt_errors_free(&e);
	text_free(&psk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(values),
		cmocka_unit_test(errors_together),
		cmocka_unit_test(provider),
		cmocka_unit_test(dump_is_fixpoint),
		cmocka_unit_test(plan),
		cmocka_unit_test(psk_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
