/*
 * test_sadb_sync.c - the blocking client against the engine in another process, and the framing.
 */
#include "ipsec/sadb_sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipsec/sadb_stream.h"
#include "tests/unit/keys_host.h"

static struct sadb_sync *
connected(const char *path)
{
	struct sadb_sync *s;
	char why[256] = "";
	enum status status = sadb_sync_open("auto", path, &s, why, sizeof(why));

	if (status != ST_NORMAL)
		fail_msg("%s", why);
	return s;
}

static void
test_stream(void **state)
{
	static struct sadb_stream s;
	uint8_t octets[2 * PFKEY_MSG_MAX];
	struct writer w = writer_of(octets, sizeof(octets));
	struct sadb_msg m = keys_host_add(0x1000), out;
	struct bytes msg;
	size_t room, n, first;
	unsigned seen = 0;

	(void)state;
	assert_int_equal(pfkey_encode(&m, &w), ST_NORMAL);
	first = writer_len(&w);
	m.op = SADB_OP_GET;
	assert_int_equal(pfkey_encode(&m, &w), ST_NORMAL);
	n = writer_len(&w);
	/* An octet at a time. */
	for (size_t i = 0; i < n; i++) {
		*sadb_stream_room(&s, &room) = octets[i];
		assert_true(room >= PFKEY_MSG_MAX);
		sadb_stream_filled(&s, 1);
		assert_int_equal(sadb_stream_next(&s, &msg), ST_NORMAL);
		if (msg.n == 0)
			continue;
		assert_int_equal(pfkey_decode(msg, &out, NULL, 0), ST_NORMAL);
		assert_int_equal(out.op, seen == 0 ? SADB_OP_ADD : SADB_OP_GET);
		assert_int_equal(i + 1, seen == 0 ? first : n);
		seen++;
	}
	assert_int_equal(seen, 2);
	/* What is no PF_KEY. */
	memset(sadb_stream_room(&s, &room), 0x55, 64);
	sadb_stream_filled(&s, 64);
	assert_int_equal(sadb_stream_next(&s, &msg), ST_BADMSG);
	sadb_stream_wipe(&s);
	assert_int_equal(sadb_stream_next(&s, &msg), ST_NORMAL);
	assert_int_equal(msg.n, 0);
}

static void
test_path(void **state)
{
	char buf[SADB_PATH_MAX];

	(void)state;
	unsetenv("MULTINET_IPSEC_SOCKET");
	setenv("MULTINET_LOGICALS", "/nonexistent", 1);
	assert_string_equal(sadb_engine_path(NULL, buf, sizeof(buf)), SADB_ENGINE_SOCKET);
	setenv("MULTINET_IPSEC_SOCKET", "/tmp/x.sock", 1);
	assert_string_equal(sadb_engine_path(NULL, buf, sizeof(buf)), "/tmp/x.sock");
	assert_string_equal(sadb_engine_path("/y.sock", buf, sizeof(buf)), "/y.sock");
	unsetenv("MULTINET_IPSEC_SOCKET");
}

static void
test_reasons(void **state)
{
	struct sadb_sync *s;
	char why[256], longpath[200];

	(void)state;
	assert_int_equal(sadb_sync_open("auto", "/nonexistent/ipsec.sock", &s, why, sizeof(why)),
		ST_NOBACKEND);
	assert_non_null(strstr(why, "engine: connect /nonexistent/ipsec.sock: No such file"));
	assert_non_null(strstr(why, "is service IPSEC running?"));
	assert_int_equal(sadb_sync_open("kernel", NULL, &s, why, sizeof(why)), ST_NOBACKEND);
	assert_non_null(strstr(why, "kernel"));
	memset(longpath, 'x', sizeof(longpath));
	longpath[sizeof(longpath) - 1] = '\0';
	assert_int_equal(sadb_sync_open("engine", longpath, &s, why, sizeof(why)), ST_NOBACKEND);
	assert_non_null(strstr(why, "too long"));
	assert_null(s);
	sadb_sync_close(NULL);
}

struct seen {
	size_t entries, last_seq, results;
	int error[4096];
	size_t sent, received;
};

static void
on_entry(void *user, const struct sadb_msg *m)
{
	struct seen *seen = user;

	if (seen->entries++ > 0)
		assert_true(m->seq < seen->last_seq);
	seen->last_seq = m->seq;
}

static void
on_result(void *user, size_t index, const struct sadb_msg *m)
{
	struct seen *seen = user;

	seen->results++;
	seen->error[index] = m->error;
}

static void
on_octets(void *user, bool sent, struct bytes msg)
{
	struct seen *seen = user;

	assert_int_equal(pfkey_length(msg), msg.n);
	seen->sent += sent;
	seen->received += !sent;
}

static void
test_calls(void **state)
{
	const char *path = keys_host_path();
	int pid = keys_host_fork(path);
	struct sadb_sync *s = connected(path);
	struct seen seen = { 0 };
	struct sadb_msg m = keys_host_add(0x1234), answer;

	(void)state;
	sadb_sync_watch(s, on_octets, &seen);
	assert_int_equal(sadb_sync_call(s, &m, &answer, NULL, NULL), ST_NORMAL);
	assert_int_equal(answer.error, 0);
	assert_int_equal(sadb_sync_call(s, &m, &answer, NULL, NULL), ST_NORMAL);
	assert_int_equal(sadb_status(m.op, answer.error), ST_SAEXISTS);
	m.op = SADB_OP_GET;
	assert_int_equal(sadb_sync_call(s, &m, &answer, NULL, NULL), ST_NORMAL);
	assert_int_equal(answer.error, 0);
	assert_int_equal(answer.sa.encr_key.octets, 16);
	assert_int_equal(seen.sent, 3);
	assert_int_equal(seen.received, 3);
	m = (struct sadb_msg){ .op = SADB_OP_DUMP };
	assert_int_equal(sadb_sync_call(s, &m, &answer, on_entry, &seen), ST_NORMAL);
	assert_int_equal(seen.entries, 1);
	assert_int_equal(seen.last_seq, 0);
	m.op = SADB_OP_SPDDUMP;
	assert_int_equal(sadb_sync_call(s, &m, &answer, on_entry, &seen), ST_NORMAL);
	assert_int_equal(sadb_status(m.op, answer.error), ST_NOSUCHSP);
	sadb_sync_close(s);
	keys_host_reap(pid);
	unlink(path);
}

static void
test_bulk_and_long_dump(void **state)
{
	enum { N = 4000 };
	const char *path = keys_host_path();
	int pid = keys_host_fork(path);
	struct sadb_sync *s = connected(path);
	struct sadb_msg *m = calloc(N, sizeof(*m)), answer;
	struct seen *seen = calloc(1, sizeof(*seen));

	(void)state;
	for (size_t i = 0; i < N; i++)
		m[i] = keys_host_add((uint32_t)(0x1000 + (i == 77 ? 76 : i)));
	assert_int_equal(sadb_sync_bulk(s, m, N, on_result, seen), ST_NORMAL);
	assert_int_equal(seen->results, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(seen->error[i] != 0, i == 77);
	m[0] = (struct sadb_msg){ .op = SADB_OP_DUMP };
	assert_int_equal(sadb_sync_call(s, &m[0], &answer, on_entry, seen), ST_NORMAL);
	assert_int_equal(seen->entries, N - 1);
	/* The engine goes away under way. */
	keys_host_reap(pid);
	assert_int_equal(sadb_sync_call(s, &m[0], &answer, NULL, NULL), ST_BACKEND);
	sadb_sync_close(s);
	free(seen);
	free(m);
	unlink(path);
}

static void
test_events(void **state)
{
	const char *path = keys_host_path();
	int pid = keys_host_fork(path);
	struct sadb_sync *watcher = connected(path), *s = connected(path);
	struct sadb_msg m = { .op = SADB_OP_PROMISC }, answer;
	struct bytes raw;

	(void)state;
	assert_int_equal(sadb_sync_call(watcher, &m, &answer, NULL, NULL), ST_NORMAL);
	assert_int_equal(sadb_sync_next(watcher, 50, &raw), ST_TIMEOUT);
	m = keys_host_add(0x4321);
	assert_int_equal(sadb_sync_call(s, &m, &answer, NULL, NULL), ST_NORMAL);
	assert_int_equal(sadb_sync_next(watcher, 2000, &raw), ST_NORMAL);
	assert_int_equal(pfkey_decode(raw, &m, NULL, 0), ST_NORMAL);
	assert_int_equal(m.op, SADB_OP_ADD);
	assert_int_equal(m.sa.spi, 0x4321);
	/* Events of others do not disturb the answers to one's own. */
	m = (struct sadb_msg){ .op = SADB_OP_FLUSH };
	assert_int_equal(sadb_sync_call(s, &m, &answer, NULL, NULL), ST_NORMAL);
	m = keys_host_add(0x4322);
	assert_int_equal(sadb_sync_call(watcher, &m, &answer, NULL, NULL), ST_NORMAL);
	assert_int_equal(answer.error, 0);
	sadb_sync_close(watcher);
	sadb_sync_close(s);
	keys_host_reap(pid);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_bulk_and_long_dump),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
