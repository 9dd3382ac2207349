/*
 * keys_host.c - the engine behind its PF_KEY socket, for tests of its clients.
 */
#include "tests/unit/keys_host.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/attr.h"

struct sadb_msg
keys_host_add(uint32_t spi)
{
	struct sadb_msg m = { .op = SADB_OP_ADD, .has_sa = true };

	m.sa.proto = SA_ESP;
	m.sa.mode = SA_TUNNEL;
	m.sa.spi = spi;
	m.sa.state = SA_MATURE;
	m.sa.src.addr = net_ipv4(0x0a000001);
	m.sa.dst.addr = net_ipv4(0x0a000002);
	m.sa.encr = alg_by_name(ALG_ENCR, "aes-cbc");
	m.sa.encr_key.octets = 16;
	return m;
}

static void
random_octets(void *user, uint8_t *out, size_t n)
{
	(void)user;
	cry_random(out, n);
}

static void
on_busy(uv_idle_t *idle)
{
	(void)idle;
}

static bool
pull(struct keys_host *h)
{
	struct eng_answer a;
	uint8_t buf[PFKEY_MSG_MAX];

	for (unsigned i = 0; i < 64; i++) {
		struct writer w = writer_of(buf, sizeof(buf));

		if (!eng_answer(h->eng, &a))
			return false;
		if (pfkey_encode(&a.msg, &w) != ST_NORMAL)
			abort();
		for (uint32_t id = dp_keys_next(h->keys, 0); id != 0; id = dp_keys_next(h->keys,
			id))
			if (eng_wants(h->eng, id, &a))
				dp_keys_send(h->keys, id, writer_bytes(&w));
	}
	return true;
}

static void
on_turn(uv_prepare_t *p)
{
	struct keys_host *h = p->data;

	if (pull(h))
		uv_idle_start(&h->busy, on_busy);
	else
		uv_idle_stop(&h->busy);
	dp_keys_flush(h->keys);
}

static void
on_request(void *user, uint32_t client, const struct sadb_msg *m)
{
	struct keys_host *h = user;

	eng_control(h->eng, when_now(), when_wall(), client, m);
}

static void
on_gone(void *user, uint32_t client)
{
	struct keys_host *h = user;

	eng_client_gone(h->eng, client);
}

static void
on_pause(void *user, uint32_t client, bool paused)
{
	struct keys_host *h = user;

	h->paused += paused;
	eng_client_pause(h->eng, client, paused);
	uv_idle_start(&h->busy, on_busy);
}

const char *
keys_host_path(void)
{
	static char path[128];
	static unsigned count;

	snprintf(path, sizeof(path), "/tmp/mn-keys-%d-%u.sock", (int)getpid(), count++);
	unlink(path);
	return path;
}

void
keys_host_open(struct keys_host *h, uv_loop_t *loop, const char *path)
{
	struct dp_keys_handlers handlers = { .user = h, .request = on_request, .gone = on_gone,
		.pause = on_pause };
	struct eng_env env = { .random = random_octets, .hash_key = { 3, 4 } };
	char why[256];

	memset(h, 0, sizeof(*h));
	h->loop = loop;
	h->cry = env.cry = cry_new();
	h->eng = eng_new(&env);
	uv_prepare_init(loop, &h->turn);
	uv_idle_init(loop, &h->busy);
	h->turn.data = h->busy.data = h;
	h->keys = dp_keys_open(loop, path, &handlers, why, sizeof(why));
	if (h->cry == NULL || h->eng == NULL || h->keys == NULL) {
		fprintf(stderr, "keys_host: %s\n", why);
		abort();
	}
	uv_prepare_start(&h->turn, on_turn);
}

static void
on_closed(void *user)
{
	*(bool *)user = true;
}

void
keys_host_close(struct keys_host *h)
{
	bool closed = false;

	uv_prepare_stop(&h->turn);
	uv_idle_stop(&h->busy);
	uv_close((uv_handle_t *)&h->turn, NULL);
	uv_close((uv_handle_t *)&h->busy, NULL);
	dp_keys_close(h->keys, on_closed, &closed);
	while (!closed)
		uv_run(h->loop, UV_RUN_ONCE);
	eng_free(h->eng);
	cry_free(h->cry);
}

int
keys_host_fork(const char *path)
{
	static struct keys_host h;
	uv_loop_t loop;
	int pid, tell[2];
	char c;

	if (pipe(tell) < 0)
		abort();
	pid = fork();
	if (pid != 0) {
		close(tell[1]);
		if (read(tell[0], &c, 1) != 1)
			abort();
		close(tell[0]);
		return pid;
	}
	uv_loop_init(&loop);
	keys_host_open(&h, &loop, path);
	if (write(tell[1], "r", 1) != 1)
		_exit(1);
	uv_run(&loop, UV_RUN_DEFAULT);
	_exit(0);
}

void
keys_host_reap(int pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
