/*
 * sadb_uv.c - the SA database client on a libuv loop.
 *
 * Called by the key daemons.  Requests are numbered here and found again by number in a hash table;
 * dumps, whose entries cannot carry a number, run one at a time per kind.  Handlers are always
 * called from the loop, never from inside a call of the owner.  It reconnects by itself and
 * registers for ACQUIRE and EXPIRE each time (RFC 2367 3.1.7); it never repeats a request.
 */
#include "ipsec/sadb_uv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "ipsec/sadb_stream.h"
#include "lib/hash.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/secret.h"

enum {
	RETRY_FIRST_MS = 100,
	RETRY_MOST_MS = 5000,
	PENDING_MAX = 65536,   /* requests under way; more are refused with ST_LIMIT */
	UNSENT_MAX = 32 << 20, /* octets the engine does not take; then the same */
};

enum state { DOWN, CONNECTING, REGISTERING, UP, CLOSING };

struct pending {
	struct hash_node by_seq;
	struct list node; /* in one of the lists of the client */
	uint64_t id;
	uint32_t seq;
	enum sadb_op op;
	enum status failed; /* in `failing`: why */
};

struct sadb_client {
	uv_loop_t *loop;
	uv_pipe_t pipe;
	uv_timer_t retry, kick;
	uv_connect_t connect;
	unsigned open_handles;
	bool pipe_open;
	enum state state;
	struct sadb_handlers h;
	char path[SADB_PATH_MAX];
	uint32_t pid, seq, register_seq;
	uint64_t delay_ms;
	int buffer; /* octets asked for, 0 = none */
	bool told_down; /* one log line per outage */
	struct hash_table by_seq;
	struct list waiting; /* for an answer, not dumps */
	struct list dumps[2]; /* SAD, SPD; the first of each is under way */
	struct list failing; /* to be answered from the loop */
	size_t count;
	struct sadb_stream in;
	void (*closed)(void *user);
	void *closed_user;
};

struct sending {
	uv_write_t req;
	size_t n;
	uint8_t octets[];
};

static void reconnect(struct sadb_client *c);

/* ------------------------------------------------------------------------------- pending ones */

static int
dump_kind(enum sadb_op op)
{
	return op == SADB_OP_DUMP ? 0 : op == SADB_OP_SPDDUMP ? 1 : -1;
}

static void
forget(struct sadb_client *c, struct pending *p)
{
	hash_remove(&c->by_seq, &p->by_seq);
	list_remove(&p->node);
	c->count--;
	free(p);
}

static void
on_kick(uv_timer_t *t)
{
	struct sadb_client *c = t->data;

	/* Only those that failed before now: the owner may fail new ones from the handler. */
	struct list batch;

	list_init(&batch);
	LIST_FOREACH(at, &c->failing) {
		list_remove(at);
		list_append(&batch, at);
	}
	while (!list_empty(&batch) && c->state != CLOSING) {
		struct pending *p = container_of(batch.next, struct pending, node);
		uint64_t id = p->id;
		enum status status = p->failed;

		forget(c, p);
		c->h.answer(c->h.user, id, status, NULL, true);
	}
	while (!list_empty(&batch)) { /* closed by a handler */
		struct list *at = batch.next;

		list_remove(at);
		list_append(&c->failing, at);
	}
}

static void
fail_later(struct sadb_client *c, struct pending *p, enum status why)
{
	hash_remove(&c->by_seq, &p->by_seq);
	list_remove(&p->node);
	p->failed = why;
	list_append(&c->failing, &p->node);
	if (!uv_is_active((uv_handle_t *)&c->kick))
		uv_timer_start(&c->kick, on_kick, 0, 0);
}

static void
fail_list(struct sadb_client *c, struct list *l)
{
	LIST_FOREACH(at, l)
		fail_later(c, container_of(at, struct pending, node), ST_BACKEND);
}

static void
free_list(struct sadb_client *c, struct list *l)
{
	LIST_FOREACH(at, l)
		forget(c, container_of(at, struct pending, node));
}

/* -------------------------------------------------------------------------------- connection */

static void
on_pipe_closed(uv_handle_t *handle)
{
	struct sadb_client *c = handle->data;

	c->pipe_open = false;
	if (c->state != CLOSING) {
		reconnect(c);
		return;
	}
	if (--c->open_handles == 0 && c->closed != NULL)
		c->closed(c->closed_user);
	if (c->open_handles == 0) {
		hash_free(&c->by_seq);
		sadb_stream_wipe(&c->in);
		free(c);
	}
}

static void
on_retry(uv_timer_t *t)
{
	reconnect(t->data);
}

/* The connection is of no use any longer. Answers what was under way and tries again later. */
static void
connection_lost(struct sadb_client *c, const char *why)
{
	bool was_up = c->state == UP;

	if (c->state == DOWN || c->state == CLOSING)
		return;
	c->state = DOWN;
	if (!c->told_down)
		log_line(was_up ? LOG_L_ERROR : LOG_L_WARNING, NULL,
			"engine: %s: %s - is service IPSEC running? Trying again",
			c->path, why);
	c->told_down = true;
	fail_list(c, &c->waiting);
	fail_list(c, &c->dumps[0]);
	fail_list(c, &c->dumps[1]);
	sadb_stream_wipe(&c->in);
	uv_close((uv_handle_t *)&c->pipe, on_pipe_closed);
	if (was_up && c->h.lost != NULL)
		c->h.lost(c->h.user);
}

static void
on_written(uv_write_t *req, int error)
{
	struct sending *s = container_of(req, struct sending, req);
	struct sadb_client *c = req->handle->data;

	wipe(s->octets, s->n);
	free(s);
	if (error < 0 && error != UV_ECANCELED)
		connection_lost(c, uv_strerror(error));
}

static enum status
transmit(struct sadb_client *c, const struct sadb_msg *m)
{
	uint8_t octets[PFKEY_MSG_MAX];
	struct writer w = writer_of(octets, sizeof(octets));
	struct sending *s;
	uv_buf_t buf;
	enum status status = pfkey_encode(m, &w);
	size_t n = writer_len(&w);
	int taken;

	if (status != ST_NORMAL)
		return status;
	if (c->pipe.write_queue_size > UNSENT_MAX)
		return ST_LIMIT;
	s = malloc(sizeof(*s) + n);
	if (s == NULL)
		return ST_NOMEMORY;
	memcpy(s->octets, octets, n);
	wipe(octets, n);
	s->n = n;
	buf = uv_buf_init((char *)s->octets, (unsigned)n);
	/* Nearly always there is room, and nothing left for the loop to do. */
	taken = uv_try_write((uv_stream_t *)&c->pipe, &buf, 1);
	if (taken == (int)n) {
		wipe(s->octets, n);
		free(s);
		return ST_NORMAL;
	}
	if (taken > 0)
		buf = uv_buf_init((char *)s->octets + taken, (unsigned)(n - (size_t)taken));
	if (uv_write(&s->req, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0) {
		wipe(s->octets, n);
		free(s);
		return ST_BACKEND;
	}
	return ST_NORMAL;
}

static void
next_dump(struct sadb_client *c, int kind)
{
	while (!list_empty(&c->dumps[kind])) {
		struct pending *p = container_of(c->dumps[kind].next, struct pending, node);
		struct sadb_msg m = { .op = p->op, .seq = p->seq, .pid = c->pid };
		enum status status = transmit(c, &m);

		if (status == ST_NORMAL)
			return;
		fail_later(c, p, status);
	}
}

/* ------------------------------------------------------------------------------------ answers */

static void
dump_entry(struct sadb_client *c, int kind, const struct sadb_msg *m)
{
	struct pending *p;
	uint64_t id;
	bool last = m->error != 0 || m->seq == 0;

	if (list_empty(&c->dumps[kind]))
		return;
	p = container_of(c->dumps[kind].next, struct pending, node);
	id = p->id;
	if (last) {
		forget(c, p);
		next_dump(c, kind);
	}
	if (m->error == 0)
		c->h.answer(c->h.user, id, ST_NORMAL, m, false);
	if (!last || c->state == CLOSING)
		return;
	/* A database without entries answers ENOENT: a dump of nothing is a dump as well. */
	c->h.answer(c->h.user, id,
		sadb_status(m->op, m->error) == sadb_status(m->op, 2 /* ENOENT */) ? ST_NORMAL :
		sadb_status(m->op, m->error), NULL, true);
}

static void
registered(struct sadb_client *c, const struct sadb_msg *m)
{
	if (m->error != 0) {
		connection_lost(c, "the engine refuses to register us");
		return;
	}
	c->state = UP;
	c->delay_ms = RETRY_FIRST_MS;
	if (c->told_down)
		log_line(LOG_L_NOTIFY, NULL, "engine: %s: connected", c->path);
	c->told_down = false;
	if (c->h.ready != NULL)
		c->h.ready(c->h.user);
}

static void
message(struct sadb_client *c, const struct sadb_msg *m)
{
	bool ours = m->pid == c->pid;
	int kind = dump_kind(m->op);

	if (ours && m->op == SADB_OP_REGISTER && m->seq == c->register_seq) {
		if (c->state == REGISTERING)
			registered(c, m);
		return;
	}
	if (ours && kind >= 0) {
		dump_entry(c, kind, m);
		return;
	}
	for (struct hash_node *n = ours ? hash_find(&c->by_seq, m->seq) : NULL; n != NULL;
		n = hash_again(n)) {
		struct pending *p = container_of(n, struct pending, by_seq);
		uint64_t id = p->id;

		if (p->op != m->op)
			continue;
		forget(c, p);
		c->h.answer(c->h.user, id, sadb_status(m->op, m->error), m, true);
		return;
	}
	if (c->h.event != NULL && m->error == 0)
		c->h.event(c->h.user, m);
}

static void
on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct sadb_client *c = handle->data;
	size_t room;

	(void)suggested;
	buf->base = (char *)sadb_stream_room(&c->in, &room);
	buf->len = room;
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct sadb_client *c = stream->data;
	struct sadb_msg m;
	struct bytes raw;
	char why[128];

	(void)buf;
	if (n < 0) {
		connection_lost(c, n == UV_EOF ? "the engine closed the connection" :
			uv_strerror((int)n));
		return;
	}
	sadb_stream_filled(&c->in, (size_t)n);
	while (c->state == REGISTERING || c->state == UP) {
		if (sadb_stream_next(&c->in, &raw) != ST_NORMAL) {
			connection_lost(c, "what came is no PF_KEY message");
			return;
		}
		if (raw.n == 0)
			return;
		if (pfkey_decode(raw, &m, why, sizeof(why)) == ST_NORMAL)
			message(c, &m);
		else
			log_line(LOG_L_DEBUG, NULL, "engine: message skipped: %s", why);
		sadb_msg_wipe(&m);
	}
}

static void
set_buffer(struct sadb_client *c)
{
	int have = c->buffer, got = 0;

	if (c->buffer == 0 || uv_recv_buffer_size((uv_handle_t *)&c->pipe, &have) != 0 ||
		uv_recv_buffer_size((uv_handle_t *)&c->pipe, &got) != 0)
		return;
	got /= 2; /* the kernel says twice what one may use */
	if (got != c->buffer)
		log_line(LOG_L_WARNING, NULL,
			"pfkey socket receive buffer set to %dKB, instead of %d", got / 1024,
			c->buffer / 1024);
}

void
sadb_client_buffer(struct sadb_client *c, int64_t kilobytes)
{
	c->buffer = (int)(kilobytes * 1024);
	if (c->pipe_open && (c->state == REGISTERING || c->state == UP))
		set_buffer(c);
}

static void
on_connected(uv_connect_t *req, int error)
{
	struct sadb_client *c = req->data;
	struct sadb_msg m = { .op = SADB_OP_REGISTER, .pid = c->pid };

	if (c->state != CONNECTING)
		return;
	if (error < 0) {
		connection_lost(c, uv_strerror(error));
		return;
	}
	c->state = REGISTERING;
	set_buffer(c);
	m.seq = c->register_seq = ++c->seq;
	if (uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read) < 0 ||
		transmit(c, &m) != ST_NORMAL)
		connection_lost(c, "cannot use the connection");
}

/* Open the pipe at once the first time; later after the delay, which doubles. */
static void
reconnect(struct sadb_client *c)
{
	if (c->state == CLOSING || c->pipe_open)
		return;
	if (c->state == DOWN) {
		c->state = CONNECTING;
		uv_timer_start(&c->retry, on_retry, c->delay_ms, 0);
		c->delay_ms = c->delay_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : c->delay_ms * 2;
		return;
	}
	uv_pipe_init(c->loop, &c->pipe, 0);
	c->pipe.data = c;
	c->pipe_open = true;
	c->connect.data = c;
	uv_pipe_connect(&c->connect, &c->pipe, c->path, on_connected);
}

/* ---------------------------------------------------------------------------------- the owner */

struct sadb_client *
sadb_client_new(struct uv_loop_s *loop, const char *backend, const char *path,
	const struct sadb_handlers *handlers)
{
	struct sadb_client *c = calloc(1, sizeof(*c));

	(void)backend; /* the engine is the one backend there is: "auto" and "engine" mean it */
	if (c == NULL || !hash_init(&c->by_seq, 64)) {
		free(c);
		return NULL;
	}
	sadb_engine_path(path, c->path, sizeof(c->path));
	c->loop = loop;
	c->h = *handlers;
	c->pid = (uint32_t)getpid();
	/* Two clients of one process must not take each other's answers for their own. */
	c->seq = (uint32_t)(uv_hrtime() >> 10) ^ (uint32_t)((uintptr_t)c << 12);
	c->delay_ms = RETRY_FIRST_MS;
	list_init(&c->waiting);
	list_init(&c->dumps[0]);
	list_init(&c->dumps[1]);
	list_init(&c->failing);
	uv_timer_init(loop, &c->retry);
	uv_timer_init(loop, &c->kick);
	c->retry.data = c->kick.data = c;
	c->state = CONNECTING;
	uv_timer_start(&c->retry, on_retry, 0, 0);
	return c;
}

void
sadb_client_request(struct sadb_client *c, uint64_t id, const struct sadb_msg *msg)
{
	int kind = dump_kind(msg->op);
	struct pending *p = calloc(1, sizeof(*p));
	struct sadb_msg m;
	enum status status;

	if (p == NULL) { /* nothing left to remember the request with: the connection goes */
		connection_lost(c, "out of memory");
		return;
	}
	p->id = id;
	p->op = msg->op;
	p->seq = ++c->seq;
	c->count++;
	if (c->state != UP || c->count > PENDING_MAX) {
		fail_later(c, p, c->state != UP ? ST_BACKEND : ST_LIMIT);
		return;
	}
	if (kind >= 0) {
		bool first = list_empty(&c->dumps[kind]);

		list_append(&c->dumps[kind], &p->node);
		if (first)
			next_dump(c, kind);
		return;
	}
	list_append(&c->waiting, &p->node);
	hash_insert(&c->by_seq, &p->by_seq, p->seq);
	m = *msg;
	m.seq = p->seq;
	m.pid = c->pid;
	status = transmit(c, &m);
	sadb_msg_wipe(&m);
	if (status != ST_NORMAL)
		fail_later(c, p, status);
}

bool
sadb_client_is_up(const struct sadb_client *c)
{
	return c->state == UP;
}

const char *
sadb_client_backend(const struct sadb_client *c)
{
	(void)c;
	return "engine";
}

void
sadb_client_close(struct sadb_client *c, void (*closed)(void *user), void *user)
{
	bool closing = c->pipe_open && uv_is_closing((uv_handle_t *)&c->pipe);

	c->state = CLOSING;
	c->closed = closed;
	c->closed_user = user;
	free_list(c, &c->waiting);
	free_list(c, &c->dumps[0]);
	free_list(c, &c->dumps[1]);
	free_list(c, &c->failing);
	c->open_handles = c->pipe_open ? 3 : 2;
	uv_close((uv_handle_t *)&c->retry, on_pipe_closed);
	uv_close((uv_handle_t *)&c->kick, on_pipe_closed);
	if (c->pipe_open && !closing)
		uv_close((uv_handle_t *)&c->pipe, on_pipe_closed);
}
