/*
 * test_priv.c - privilege separation: requests as octets, what is refused, and the tape by which a
 * worker reads the configuration that it may not open.
 */
#include "racoon/daemon/priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "racoon/conf/rc_ask.h"

static struct priv_request
hook_request(void)
{
	struct priv_request q = { .op = PRIV_HOOK, .generation = 3, .section = 7,
		.hook = RC_HOOK_DEAD, .serial = UINT64_C(1) << 40 | 7, .natt = true };

	q.local = (struct net_endpoint){ net_ipv4(0x0a000001), 500 };
	assert_true(net_addr_parse("2001:db8::1", &q.remote.addr));
	q.remote.port = 4500;
	memcpy(q.cookie_i, "12345678", 8);
	memcpy(q.cookie_r, "abcdefgh", 8);
	strcpy(q.peer_id, "USER_FQDN a@example.net");
	return q;
}

static void
test_requests(void **state)
{
	struct priv_request q = hook_request(), got;
	uint8_t buf[PRIV_MESSAGE_MAX];
	size_t n = priv_put(&q, buf, sizeof(buf));

	(void)state;
	assert_true(n > 0);
	assert_true(priv_get(bytes_of(buf, n), &got));
	assert_int_equal(got.op, PRIV_HOOK);
	assert_true(net_endpoint_equal(&got.local, &q.local));
	assert_true(net_endpoint_equal(&got.remote, &q.remote));
	assert_true(got.natt);
	assert_false(got.packets);
	assert_int_equal(got.generation, 3);
	assert_int_equal(got.section, 7);
	assert_int_equal(got.hook, RC_HOOK_DEAD);
	assert_int_equal(got.serial, q.serial);
	assert_memory_equal(got.cookie_i, q.cookie_i, 8);
	assert_memory_equal(got.cookie_r, q.cookie_r, 8);
	assert_string_equal(got.peer_id, q.peer_id);
	assert_int_equal(priv_put(&q, buf, n - 1), 0);

	memset(q.peer_id, 'x', sizeof(q.peer_id) - 1); /* the longest */
	q.peer_id[sizeof(q.peer_id) - 1] = '\0';
	n = priv_put(&q, buf, sizeof(buf));
	assert_true(priv_get(bytes_of(buf, n), &got));
	assert_string_equal(got.peer_id, q.peer_id);
}

/* Whatever the octets, nothing out of range comes of them. */
static void
test_strange_requests(void **state)
{
	struct priv_request q = hook_request(), got;
	uint8_t buf[PRIV_MESSAGE_MAX], bad[PRIV_MESSAGE_MAX];
	size_t n = priv_put(&q, buf, sizeof(buf));

	(void)state;
	for (size_t k = 0; k < n; k++)
		assert_false(priv_get(bytes_of(buf, k), &got)); /* cut off */
	memcpy(bad, buf, n);
	bad[n] = 0;
	assert_false(priv_get(bytes_of(bad, n + 1), &got)); /* too long */
	bad[0] = PRIV_OPS;
	assert_false(priv_get(bytes_of(bad, n), &got));
	memcpy(bad, buf, n);
	bad[1] = 5; /* the address's family */
	assert_false(priv_get(bytes_of(bad, n), &got));
	memcpy(bad, buf, n);
	bad[n - 3] = '\0'; /* inside the identity */
	assert_false(priv_get(bytes_of(bad, n), &got));
	for (size_t k = 0; k < n; k++)
		for (unsigned v = 1; v < 256; v <<= 1) {
			memcpy(bad, buf, n);
			bad[k] ^= (uint8_t)v;
			if (!priv_get(bytes_of(bad, n), &got))
				continue;
			assert_in_range(got.op, 0, PRIV_OPS - 1);
			assert_in_range(got.hook, 0, RC_HOOKS - 1);
			assert_true(strlen(got.peer_id) < sizeof(got.peer_id));
		}
}

/* ------------------------------------------------------------------------------------ the tape */

static void
write_file(const char *dir, const char *name, const char *text, mode_t mode)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void
remove_file(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

static const char main_text[] =
	"path pre_shared_key \"psk.txt\";\n"
	"include \"more-*.conf\";\n"
	"remote 10.0.0.2 {\n"
	"	exchange_mode aggressive;\n"
	"	my_identifier keyid file \"kid\";\n"
	"	script \"none\" phase1_up;\n"
	"	proposal { encryption_algorithm aes; hash_algorithm sha256;\n"
	"		authentication_method pre_shared_key; dh_group 14; }\n"
	"}\n";
static const char more_text[] =
	"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha256;\n"
	"	compression_algorithm deflate; }\n";

static enum status
load(const char *dir, struct rc_tape *tape, struct rc_config **out, struct stmt_errors *errors)
{
	struct rc_options o = { .uid = (uint32_t)geteuid(), .tape = tape };
	char path[256];

	snprintf(path, sizeof(path), "%s/racoon.conf", dir);
	return rc_load(path, &o, out, errors);
}

static void
test_tape(void **state)
{
	char dir[] = "/tmp/test_priv.XXXXXX";
	struct rc_tape tape = { 0 };
	struct stmt_errors told = { 0 }, again = { 0 };
	struct text a = { 0 }, b = { 0 };
	struct rc_config *first, *second;
	struct net_addr peer = net_ipv4(0x0a000002);

	(void)state;
	assert_non_null(mkdtemp(dir));
	write_file(dir, "racoon.conf", main_text, 0644);
	write_file(dir, "more-1.conf", more_text, 0644);
	write_file(dir, "psk.txt", "10.0.0.2 a secret\n", 0600);
	write_file(dir, "kid", "key id", 0600);
	assert_int_equal(load(dir, &tape, &first, &told), ST_NORMAL);
	assert_true(strstr(text_str(&told.warnings), "does not exist") != NULL);
	remove_file(dir, "racoon.conf");
	remove_file(dir, "more-1.conf");
	remove_file(dir, "psk.txt");
	remove_file(dir, "kid");
	assert_int_equal(rmdir(dir), 0);

	/* Nothing of it is there any more: all comes from the tape, warnings too. */
	tape.playing = true;
	assert_int_equal(load(dir, &tape, &second, &again), ST_NORMAL);
	assert_false(tape.astray);
	assert_string_equal(text_str(&again.warnings), text_str(&told.warnings));
	rc_dump(first, &a);
	rc_dump(second, &b);
	assert_string_equal(text_str(&a), text_str(&b));
	assert_true(bytes_equal(rc_psk_for_address(second, &peer), bytes_str("a secret")));
	assert_int_equal(second->remote[0]->my_id.value.n, 6);
	assert_int_equal(second->remote[0]->index, 0);
	rc_free(second);

	/* Cut off, or of something else: an error, never another file. */
	stmt_errors_free(&again);
	tape.at = 0;
	tape.octets.n -= 40;
	assert_int_not_equal(load(dir, &tape, &second, &again), ST_NORMAL);
	assert_true(tape.astray);
	assert_null(second);
	stmt_errors_free(&again);
	tape.at = 0;
	tape.astray = false;
	assert_int_not_equal(load("/elsewhere", &tape, &second, &again), ST_NORMAL);
	assert_true(tape.astray);
	rc_free(first);
	text_free(&a);
	text_free(&b);
	text_free(&tape.octets);
	stmt_errors_free(&told);
	stmt_errors_free(&again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_strange_requests),
		cmocka_unit_test(test_tape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
