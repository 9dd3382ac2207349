/*
 * test_sadb_client.c - the libuv client and ipsecd's socket on one loop, the engine behind.
 */
#include "ipsec/sadb_uv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipsec/sadb_stream.h"
#include "lib/log.h"
#include "tests/unit/keys_host.h"

enum { PATIENCE_MS = 5000, ANSWERS = 20000 };

struct seen { /* what one client was told */
	struct sadb_client *client;
	size_t ready, lost, answers, lasts, entries, events;
	enum status status[ANSWERS]; /* by request id, of its last answer */
	size_t done[ANSWERS];
	struct sadb_msg event, answer;
	bool closed;
};

static uv_loop_t loop;
static struct seen one, two;

static void
on_ready(void *user)
{
	((struct seen *)user)->ready++;
}

static void
on_lost(void *user)
{
	((struct seen *)user)->lost++;
}

static void
on_answer(void *user, uint64_t id, enum status status, const struct sadb_msg *m, bool last)
{
	struct seen *s = user;

	assert_true(id < ANSWERS);
	s->answers++;
	if (!last) {
		assert_non_null(m);
		s->entries++;
		return;
	}
	s->lasts++;
	s->done[id]++;
	s->status[id] = status;
	if (m != NULL)
		s->answer = *m;
}

static void
on_event(void *user, const struct sadb_msg *m)
{
	struct seen *s = user;

	s->events++;
	s->event = *m;
}

static void
open_client(struct seen *s, const char *path)
{
	struct sadb_handlers h = { .user = s, .ready = on_ready, .lost = on_lost,
		.answer = on_answer, .event = on_event };

	memset(s, 0, sizeof(*s));
	s->client = sadb_client_new(&loop, "auto", path, &h);
	assert_non_null(s->client);
	assert_false(sadb_client_is_up(s->client));
	assert_string_equal(sadb_client_backend(s->client), "engine");
}

static void
on_closed(void *user)
{
	((struct seen *)user)->closed = true;
}

static void
close_client(struct seen *s)
{
	sadb_client_close(s->client, on_closed, s);
	while (!s->closed)
		uv_run(&loop, UV_RUN_ONCE);
}

static void
on_late(uv_timer_t *t)
{
	(void)t;
}

/* Run until *count reaches want. */
static void
until(const size_t *count, size_t want)
{
	uint64_t end = uv_hrtime() / 1000000 + PATIENCE_MS;
	uv_timer_t tick;

	uv_timer_init(&loop, &tick);
	uv_timer_start(&tick, on_late, 20, 20);
	while (*count < want && uv_hrtime() / 1000000 < end)
		uv_run(&loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_true(*count >= want);
}

static void
test_requests(void **state)
{
	struct keys_host host;
	const char *path = keys_host_path();
	struct sadb_msg m = keys_host_add(0x1000);
	struct stat st;

	(void)state;
	keys_host_open(&host, &loop, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	open_client(&one, path);
	until(&one.ready, 1);
	assert_true(sadb_client_is_up(one.client));

	sadb_client_request(one.client, 1, &m);
	sadb_client_request(one.client, 2, &m);
	m.op = SADB_OP_GETSPI;
	m.spi_min = 0x100;
	m.spi_max = 0xfffffff;
	m.sa.spi = 0;
	sadb_client_request(one.client, 3, &m);
	assert_int_equal(one.answers, 0); /* never from inside the call */
	until(&one.lasts, 3);
	assert_int_equal(one.status[1], ST_NORMAL);
	assert_int_equal(one.status[2], ST_SAEXISTS);
	assert_int_equal(one.status[3], ST_NORMAL);
	assert_true(one.answer.sa.spi >= 0x100);

	m = (struct sadb_msg){ .op = SADB_OP_DUMP };
	sadb_client_request(one.client, 4, &m);
	m.op = SADB_OP_SPDDUMP;
	sadb_client_request(one.client, 5, &m);
	m.op = SADB_OP_DUMP;
	sadb_client_request(one.client, 6, &m);
	until(&one.lasts, 6);
	assert_int_equal(one.entries, 4); /* the SA and the larval one, twice */
	for (unsigned id = 4; id <= 6; id++)
		assert_int_equal(one.status[id], ST_NORMAL);
	assert_int_equal(one.events, 0);
	close_client(&one);
	keys_host_close(&host);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_events_go_to_others(void **state)
{
	struct keys_host host;
	const char *path = keys_host_path();
	struct sadb_msg m = keys_host_add(0x2000);

	(void)state;
	keys_host_open(&host, &loop, path);
	open_client(&one, path);
	open_client(&two, path);
	until(&one.ready, 1);
	until(&two.ready, 1);
	sadb_client_request(one.client, 1, &m);
	until(&two.events, 1);
	until(&one.lasts, 1);
	assert_int_equal(two.event.op, SADB_OP_ADD);
	assert_int_equal(two.event.sa.spi, 0x2000);
	assert_int_equal(one.events, 0);
	/* An expiry is for both. */
	m = keys_host_add(0x2001);
	m.sa.hard.add_s = 1;
	sadb_client_request(two.client, 1, &m);
	until(&two.lasts, 1);
	eng_timer(host.eng, instant_add(when_now(), 2000), when_wall());
	until(&one.events, 2);
	until(&two.events, 2);
	assert_int_equal(one.event.op, SADB_OP_EXPIRE);
	assert_true(one.event.hard);
	close_client(&one);
	close_client(&two);
	keys_host_close(&host);
}

static void
test_lost_and_found(void **state)
{
	struct keys_host host;
	const char *path = keys_host_path();
	struct sadb_msg m = keys_host_add(0x3000);

	(void)state;
	open_client(&one, path); /* nobody there yet */
	sadb_client_request(one.client, 1, &m);
	until(&one.lasts, 1);
	assert_int_equal(one.status[1], ST_BACKEND);
	keys_host_open(&host, &loop, path);
	until(&one.ready, 1);
	assert_int_equal(one.lost, 0);

	sadb_client_request(one.client, 2, &m);
	m.op = SADB_OP_DUMP;
	sadb_client_request(one.client, 3, &m);
	sadb_client_request(one.client, 4, &m);
	keys_host_close(&host);
	until(&one.lost, 1);
	until(&one.lasts, 4);
	for (unsigned id = 2; id <= 4; id++) {
		assert_int_equal(one.done[id], 1);
		assert_int_equal(one.status[id], ST_BACKEND);
	}
	assert_false(sadb_client_is_up(one.client));
	keys_host_open(&host, &loop, path);
	until(&one.ready, 2);
	close_client(&one);
	keys_host_close(&host);

	/* Closed while it waits for the next attempt. */
	open_client(&one, path);
	sadb_client_request(one.client, 1, &m);
	uv_run(&loop, UV_RUN_NOWAIT);
	close_client(&one);
}

/* Entries of a dump, read while the loop runs. */
static size_t
read_dump(int fd)
{
	static struct sadb_stream in;
	uint64_t end = uv_hrtime() / 1000000 + PATIENCE_MS;
	struct sadb_msg m = { .seq = 1 };
	struct bytes raw;
	size_t room, entries = 0;

	while (m.seq != 0 && uv_hrtime() / 1000000 < end) {
		uint8_t *to = sadb_stream_room(&in, &room);
		ssize_t n = recv(fd, to, room, MSG_DONTWAIT);

		uv_run(&loop, UV_RUN_NOWAIT);
		if (n <= 0)
			continue;
		sadb_stream_filled(&in, (size_t)n);
		while (sadb_stream_next(&in, &raw) == ST_NORMAL && raw.n != 0) {
			assert_int_equal(pfkey_decode(raw, &m, NULL, 0), ST_NORMAL);
			entries++;
		}
	}
	return entries;
}

static void
test_many_and_a_slow_reader(void **state)
{
	struct keys_host host;
	const char *path = keys_host_path();
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sadb_msg m;
	uint8_t octets[PFKEY_MSG_MAX];
	struct writer w = writer_of(octets, sizeof(octets));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	keys_host_open(&host, &loop, path);
	open_client(&one, path);
	until(&one.ready, 1);
	for (uint32_t i = 0; i < 8000; i++) {
		m = keys_host_add(0x10000 + i);
		sadb_client_request(one.client, i, &m);
	}
	until(&one.lasts, 8000);
	for (uint32_t i = 0; i < 8000; i++)
		assert_int_equal(one.status[i], ST_NORMAL);
	/* Somebody asks for a dump and does not read it. */
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	m = (struct sadb_msg){ .op = SADB_OP_DUMP, .seq = 1, .pid = 99 };
	assert_int_equal(pfkey_encode(&m, &w), ST_NORMAL);
	assert_int_equal(write(fd, octets, writer_len(&w)), (ssize_t)writer_len(&w));
	until(&host.paused, 1);
	/* Others do not wait for it. */
	sadb_client_request(one.client, 8000, &m);
	until(&one.lasts, 8001);
	assert_int_equal(one.entries, 8000);
	/* It begins to read and gets everything. */
	assert_int_equal(read_dump(fd), 8000);
	close(fd);
	close_client(&one);
	keys_host_close(&host);
}

static void
test_garbage_ends_the_connection(void **state)
{
	struct keys_host host;
	const char *path = keys_host_path();
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint8_t answer[64];
	/* A sound header whose type nobody knows, then none. */
	uint8_t unknown[16] = { [0] = 2, [1] = 99, [4] = 2, [8] = 7, [12] = 8 };
	ssize_t n = -1;

	(void)state;
	keys_host_open(&host, &loop, path);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(write(fd, unknown, sizeof(unknown)), 16);
	for (unsigned i = 0; i < 1000 && n < 0; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
	}
	assert_int_equal(n, 16);
	assert_int_equal(answer[2], 22); /* EINVAL */
	assert_int_equal(answer[8], 7);
	memset(answer, 0x41, sizeof(answer));
	assert_int_equal(write(fd, answer, sizeof(answer)), (ssize_t)sizeof(answer));
	n = -1;
	for (unsigned i = 0; i < 1000 && n < 0; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
	}
	assert_int_equal(n, 0);
	assert_int_equal(dp_keys_count(host.keys), 0);
	close(fd);
	keys_host_close(&host);
}

static void
test_socket_in_use(void **state)
{
	struct keys_host host;
	const char *path = keys_host_path();
	struct dp_keys_handlers h = { 0 };
	char why[256];
	FILE *f;

	(void)state;
	keys_host_open(&host, &loop, path);
	assert_null(dp_keys_open(&loop, path, &h, why, sizeof(why)));
	assert_non_null(strstr(why, "answers there already"));
	keys_host_close(&host);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_null(dp_keys_open(&loop, path, &h, why, sizeof(why)));
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(access(path, F_OK), 0); /* no socket: not ours to remove */
	unlink(path);
}

static int
group_begin(void **state)
{
	(void)state;
	log_set_level(LOG_L_ERROR);
	return uv_loop_init(&loop);
}

static int
group_end(void **state)
{
	(void)state;
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_events_go_to_others),
		cmocka_unit_test(test_lost_and_found),
		cmocka_unit_test(test_many_and_a_slow_reader),
		cmocka_unit_test(test_garbage_ends_the_connection),
		cmocka_unit_test(test_socket_in_use),
	};

	return cmocka_run_group_tests(tests, group_begin, group_end);
}
