/*
 * test_cry_tls.c - TLS between two ends in memory: right and wrong certificates, names, no data
 * before both sides are known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cry_ca.h"
#include "lib/cry_tls.h"

static char dir[64], other[80];
static char why[512];

static void
issue(const char *where, const char *name, const char *unit, bool server, const char *base)
{
	struct cry_ca_request r = { .name = name, .unit = unit, .server = server, .days = 30,
		.base = base };

	if (cry_ca_issue(where, &r, why, sizeof(why)) != ST_NORMAL)
		fail_msg("%s: %s", base, why);
}

static int
set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_tls.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(other, sizeof(other), "%s/other", dir);
	if (cry_ca_new(dir, "ours", 30, why, sizeof(why)) != ST_NORMAL ||
		cry_ca_new(other, "theirs", 30, why, sizeof(why)) != ST_NORMAL)
		return 1;
	issue(dir, "host.example", "server", true, "server");
	issue(dir, "192.0.2.1", NULL, true, "address");
	issue(dir, "ops, the first", "operator", false, "client");
	issue(other, "ops1", "operator", false, "client");
	return 0;
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct cry_tls_ctx *
context(bool server, const char *where, const char *base, const char *authority)
{
	char certificate[128], key[128], ca[128];
	struct cry_tls_files files = { certificate, key, ca, NULL };
	struct cry_tls_ctx *ctx;

	snprintf(certificate, sizeof(certificate), "%s/%s.pem", where, base);
	snprintf(key, sizeof(key), "%s/%s.key", where, base);
	snprintf(ca, sizeof(ca), "%s/authority.pem", authority);
	if (cry_tls_ctx_new(server, &files, &ctx, why, sizeof(why)) != ST_NORMAL)
		fail_msg("%s", why);
	return ctx;
}

/* Octets from one end to the other, `size` at a time. */
static bool
carry(struct cry_tls *from, struct cry_tls *to, size_t size)
{
	uint8_t buf[20000];
	size_t n;
	bool any = false;

	while ((n = cry_tls_output(from, buf, size)) > 0) {
		any = true;
		(void)cry_tls_input(to, bytes_of(buf, n));
	}
	return any;
}

struct pair {
	struct cry_tls_ctx *sc, *cc;
	struct cry_tls *server, *client;
};

static void
meet(struct pair *p, const char *client_dir, const char *authority, const char *server_base,
	const char *name, size_t step)
{
	p->sc = context(true, dir, server_base, dir);
	p->cc = context(false, client_dir, "client", authority);
	p->server = cry_tls_new(p->sc, NULL);
	p->client = cry_tls_new(p->cc, name);
	assert_non_null(p->server);
	assert_non_null(p->client);
	(void)cry_tls_input(p->client, (struct bytes){ NULL, 0 });
	for (unsigned i = 0; i < 20; i++)
		if (!carry(p->client, p->server, step) && !carry(p->server, p->client, step))
			break;
}

static void
part(struct pair *p)
{
	cry_tls_free(p->server);
	cry_tls_free(p->client);
	cry_tls_ctx_free(p->sc);
	cry_tls_ctx_free(p->cc);
}

static void
test_good(void **state)
{
	struct pair p;
	char buf[64];
	size_t n;

	(void)state;
	for (size_t step = 1; step < 20000; step = step * 20 + 7) {
		meet(&p, dir, dir, "server", "host.example", step);
		assert_int_equal(cry_tls_state(p.client), CRY_TLS_OPEN);
		assert_int_equal(cry_tls_state(p.server), CRY_TLS_OPEN);
		assert_string_equal(cry_tls_subject(p.server), "CN=ops\\,_the_first,OU=operator");
		assert_string_equal(cry_tls_unit(p.server), "operator");
		assert_true(cry_tls_write(p.client, bytes_str("NOOP\n")));
		carry(p.client, p.server, step);
		n = cry_tls_read(p.server, buf, sizeof(buf));
		assert_int_equal(n, 5);
		assert_memory_equal(buf, "NOOP\n", 5);
		cry_tls_close(p.server);
		carry(p.server, p.client, step);
		assert_int_equal(cry_tls_read(p.client, buf, sizeof(buf)), 0);
		assert_int_equal(cry_tls_state(p.client), CRY_TLS_CLOSED);
		part(&p);
	}
	meet(&p, dir, dir, "address", "192.0.2.1", 1000);
	assert_int_equal(cry_tls_state(p.client), CRY_TLS_OPEN);
	part(&p);
}

static void
test_wrong_client(void **state)
{
	struct pair p;
	char buf[64];

	(void)state;
	/* The client trusts us, but another authority made its certificate. */
	meet(&p, other, dir, "server", "host.example", 1000);
	assert_int_equal(cry_tls_state(p.server), CRY_TLS_FAILED);
	assert_non_null(strstr(cry_tls_why(p.server), "certificate"));
	assert_string_equal(cry_tls_subject(p.server), "");
	assert_false(cry_tls_write(p.server, bytes_str("secret")));
	assert_int_equal(cry_tls_read(p.server, buf, sizeof(buf)), 0);
	(void)cry_tls_read(p.client, buf, sizeof(buf));
	assert_int_equal(cry_tls_state(p.client), CRY_TLS_FAILED);
	part(&p);
}

static void
test_wrong_server(void **state)
{
	struct pair p;

	(void)state;
	meet(&p, dir, dir, "server", "another.example", 1000);
	assert_int_equal(cry_tls_state(p.client), CRY_TLS_FAILED);
	assert_non_null(strstr(cry_tls_why(p.client), "ostname mismatch"));
	assert_int_not_equal(cry_tls_state(p.server), CRY_TLS_OPEN);
	part(&p);
	meet(&p, dir, other, "server", "host.example", 1000);
	assert_int_equal(cry_tls_state(p.client), CRY_TLS_FAILED);
	part(&p);
	/* A client's certificate is none for a server. */
	meet(&p, dir, dir, "client", "ops, the first", 1000);
	assert_int_equal(cry_tls_state(p.client), CRY_TLS_FAILED);
	part(&p);
}

static void
test_garbage(void **state)
{
	struct cry_tls_ctx *ctx = context(true, dir, "server", dir);
	static const char *const lines[] = { "NOOP\r\n", "GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01" };
	struct cry_tls *t;
	uint8_t buf[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		t = cry_tls_new(ctx, NULL);
		(void)cry_tls_input(t, bytes_str(lines[i]));
		assert_int_not_equal(cry_tls_state(t), CRY_TLS_OPEN);
		assert_int_equal(cry_tls_read(t, buf, sizeof(buf)), 0);
		cry_tls_free(t);
	}
	cry_tls_ctx_free(ctx);
}

static void
test_files(void **state)
{
	char certificate[128], key[128], missing[128];
	struct cry_tls_files files = { certificate, key, certificate, NULL };
	struct cry_ca_request r = { .name = "x", .server = true, .days = 1, .base = "server" };
	struct cry_tls_ctx *ctx;

	(void)state;
	snprintf(certificate, sizeof(certificate), "%s/server.pem", dir);
	snprintf(key, sizeof(key), "%s/server.key", dir);
	snprintf(missing, sizeof(missing), "%s/none.pem", dir);
	assert_int_equal(chmod(key, 0640), 0);
	assert_int_equal(cry_tls_ctx_new(true, &files, &ctx, why, sizeof(why)), ST_FILEPROT);
	assert_int_equal(chmod(key, 0600), 0);
	files.authority = missing;
	assert_int_equal(cry_tls_ctx_new(true, &files, &ctx, why, sizeof(why)), ST_NOFILE);
	files.authority = certificate;
	files.certificate = key;
	assert_int_equal(cry_tls_ctx_new(true, &files, &ctx, why, sizeof(why)), ST_FAILED);
	assert_null(ctx);
	/* Nothing is ever overwritten. */
	assert_int_equal(cry_ca_new(dir, "again", 1, why, sizeof(why)), ST_ALREADY);
	assert_int_equal(cry_ca_issue(dir, &r, why, sizeof(why)), ST_ALREADY);
	assert_int_equal(cry_ca_issue("/nonexistent", &r, why, sizeof(why)), ST_NOFILE);
}

/* Who is on the list is not let in, and is out when the list is read while he is in. */
static void
test_revoked(void **state)
{
	char list[128], authority[128], file[300];
	struct cry_tls_files files = { NULL, NULL, authority, list };
	struct pair p;
	unsigned count;
	bool expired;

	(void)state;
	snprintf(list, sizeof(list), "%s/revoked.pem", dir);
	snprintf(authority, sizeof(authority), "%s/authority.pem", dir);
	snprintf(file, sizeof(file), "%s/address.pem", dir);
	/* A list with somebody else on it. */
	assert_int_equal(cry_ca_revoke(dir, file, NULL, 30, &count, why, sizeof(why)), ST_NORMAL);
	assert_int_equal(count, 1);
	meet(&p, dir, dir, "server", "host.example", 16384);
	assert_int_equal(cry_tls_state(p.server), CRY_TLS_OPEN);
	assert_int_equal(cry_tls_ctx_renew(p.sc, &files, &expired, why, sizeof(why)), ST_NORMAL);
	assert_false(expired);
	assert_true(cry_tls_is_good_still(p.server));
	/* Now the client as well. */
	snprintf(file, sizeof(file), "%s/client.pem", dir);
	assert_int_equal(cry_ca_revoke(dir, file, NULL, 30, &count, why, sizeof(why)), ST_NORMAL);
	assert_int_equal(count, 2);
	assert_true(cry_tls_is_good_still(p.server)); /* not read yet */
	assert_int_equal(cry_tls_ctx_renew(p.sc, &files, &expired, why, sizeof(why)), ST_NORMAL);
	assert_false(cry_tls_is_good_still(p.server));
	assert_non_null(strstr(cry_tls_why(p.server), "revoked"));
	/* And anew: the handshake fails, the client gets nothing. */
	cry_tls_free(p.server);
	cry_tls_free(p.client);
	p.server = cry_tls_new(p.sc, NULL);
	p.client = cry_tls_new(p.cc, "host.example");
	(void)cry_tls_input(p.client, (struct bytes){ NULL, 0 });
	for (unsigned i = 0; i < 20; i++)
		if (!carry(p.client, p.server, 16384) && !carry(p.server, p.client, 16384))
			break;
	assert_int_equal(cry_tls_state(p.server), CRY_TLS_FAILED);
	assert_non_null(strstr(cry_tls_why(p.server), "revoked"));
	assert_false(cry_tls_write(p.server, bytes_str("secret")));
	part(&p);
	assert_int_equal(cry_ca_revoke(dir, file, NULL, 30, &count, why, sizeof(why)), ST_ALREADY);
	assert_int_equal(cry_ca_revoke(dir, NULL, "0AFF", 30, &count, why, sizeof(why)), ST_NORMAL);
	assert_int_equal(count, 3);
	assert_int_equal(cry_ca_revoke(dir, NULL, "xyz", 30, &count, why, sizeof(why)), ST_FAILED);
	assert_int_equal(cry_ca_revoke(dir, NULL, NULL, 30, &count, why, sizeof(why)), ST_NORMAL);
	assert_int_equal(count, 3);
	/* Another authority's certificate, and another's list. */
	snprintf(file, sizeof(file), "%s/client.pem", other);
	assert_int_equal(cry_ca_revoke(dir, file, NULL, 30, &count, why, sizeof(why)), ST_FAILED);
	assert_int_equal(cry_ca_revoke(other, file, NULL, 30, &count, why, sizeof(why)), ST_NORMAL);
	snprintf(file, sizeof(file), "cp %s/revoked.pem %s", other, list);
	assert_int_equal(system(file), 0);
	assert_int_equal(cry_ca_revoke(dir, NULL, "0B", 30, &count, why, sizeof(why)), ST_FAILED);
	snprintf(list, sizeof(list), "%s/authority.pem", dir);
	p.sc = context(true, dir, "server", dir);
	assert_int_equal(cry_tls_ctx_renew(p.sc, &files, &expired, why, sizeof(why)), ST_FAILED);
	snprintf(list, sizeof(list), "%s/nothing.pem", dir);
	assert_int_equal(cry_tls_ctx_renew(p.sc, &files, &expired, why, sizeof(why)), ST_NOFILE);
	cry_tls_ctx_free(p.sc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_wrong_client),
		cmocka_unit_test(test_wrong_server),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_revoked),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
