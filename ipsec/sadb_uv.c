/*
 * sadb_uv.c - the SA database client on a libuv loop, over any backend.
 *
 * Called by the key daemons.  Requests are numbered here and found again by number in a hash table;
 * dumps, whose entries cannot carry a number, run one at a time per kind.  Handlers are always
 * called from the loop, never from inside a call of the owner.  It reconnects by itself and
 * registers for ACQUIRE and EXPIRE each time (RFC 2367 3.1.7); it never repeats a request.
 */
#include "ipsec/sadb_uv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include "ipsec/sadb_link.h"
#include "ipsec/sadb_stream.h"
#include "lib/hash.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/secret.h"

enum {
	RETRY_FIRST_MS = 100,
	RETRY_MOST_MS = 5000,
	PENDING_MAX = 65536, /* requests under way; more are refused with ST_LIMIT */
	BATCH = 256,         /* messages taken before the loop's others have their turn */
};

enum state { DOWN, WAITING, REGISTERING, UP, CLOSING };

struct pending {
	struct hash_node by_seq;
	struct list node; /* in one of the lists of the client */
	uint64_t id;
	uint32_t seq;
	enum sadb_op op;
	enum sa_proto proto; /* of dumps */
	enum status failed;  /* in `failing`: why */
	struct sadb_msg *unsent; /* in `queued` */
};

struct sadb_client {
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t retry;
	uv_idle_t kick; /* not a timer: one of 0 ms that starts itself again would never end */
	unsigned open_handles;
	bool poll_open;
	int watched; /* events that poll waits for */
	enum state state;
	struct sadb_handlers h;
	struct sadb_link *link;
	const char *backend; /* as the owner named it; NULL: the logical name */
	const char *last;    /* name of the backend in use, or tried last */
	char named[32], path[SADB_PATH_MAX];
	uint32_t seq, register_seq;
	uint64_t delay_ms;
	int buffer; /* octets asked for, 0 = the backend's own choice */
	bool told_down; /* one log line per outage */
	struct hash_table by_seq;
	struct list queued;  /* the link had no room */
	struct list waiting; /* for an answer, not dumps */
	struct list dumps[2]; /* SAD, SPD; the first of each is under way */
	struct list failing; /* to be answered from the loop */
	size_t count;
	void (*closed)(void *user);
	void *closed_user;
};

static void retry_later(struct sadb_client *c);
static void turn(struct sadb_client *c);
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
	if (p->unsent != NULL)
		sadb_msg_wipe(p->unsent);
	free(p->unsent);
	free(p);
}

static void
on_kick(uv_idle_t *kick)
{
	struct sadb_client *c = kick->data;

	/* Only those that failed before now: the owner may fail new ones from the handler. */
	struct list batch;

	uv_idle_stop(kick);
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
	if (c->state == UP || c->state == REGISTERING)
		turn(c);
}

static void
fail_later(struct sadb_client *c, struct pending *p, enum status why)
{
	hash_remove(&c->by_seq, &p->by_seq);
	list_remove(&p->node);
	p->failed = why;
	list_append(&c->failing, &p->node);
	uv_idle_start(&c->kick, on_kick);
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
free_client(struct sadb_client *c)
{
	hash_free(&c->by_seq);
	sadb_link_close(c->link);
	free(c);
}

static void
on_handle_closed(uv_handle_t *handle)
{
	struct sadb_client *c = handle->data;

	if (handle == (uv_handle_t *)&c->poll) {
		c->poll_open = false;
		sadb_link_close(c->link);
		c->link = NULL;
	}
	if (c->state != CLOSING) {
		retry_later(c);
		return;
	}
	if (--c->open_handles > 0)
		return;
	if (c->closed != NULL)
		c->closed(c->closed_user);
	free_client(c);
}

static void
tell_down(struct sadb_client *c, bool was_up, const char *why)
{
	if (!c->told_down)
		log_line(was_up ? LOG_L_ERROR : LOG_L_WARNING, NULL,
			"SA database: %s%s%s. Trying again", was_up ? c->last : "",
			was_up ? ": " : "", why);
	c->told_down = true;
}

/* The connection is of no use any longer. Answers what was under way and tries again later. */
static void
connection_lost(struct sadb_client *c, const char *why)
{
	bool was_up = c->state == UP;

	if (c->state == DOWN || c->state == WAITING || c->state == CLOSING)
		return;
	c->state = DOWN;
	tell_down(c, was_up, why);
	fail_list(c, &c->queued);
	fail_list(c, &c->waiting);
	fail_list(c, &c->dumps[0]);
	fail_list(c, &c->dumps[1]);
	uv_close((uv_handle_t *)&c->poll, on_handle_closed);
	if (was_up && c->h.lost != NULL)
		c->h.lost(c->h.user);
}

static void on_poll(uv_poll_t *poll, int error, int events);

static void
watch_link(struct sadb_client *c)
{
	int events = UV_READABLE | (c->link->unsent ? UV_WRITABLE : 0);

	if (!c->poll_open || uv_is_closing((uv_handle_t *)&c->poll) || events == c->watched)
		return;
	/* Starting it anew would take the descriptor out of the kernel's set and put it back. */
	c->watched = events;
	uv_poll_start(&c->poll, events, on_poll);
}

/* Send what is queued; what came stays in the link until the loop turns. */
static void
push(struct sadb_client *c)
{
	if (sadb_link_work(c->link) != ST_NORMAL) {
		connection_lost(c, c->link->why);
		return;
	}
	watch_link(c);
	/* Kernels answer before work() returns, and the descriptor need not say so again. */
	uv_idle_start(&c->kick, on_kick);
}

static enum status
transmit(struct sadb_client *c, uint32_t seq, const struct sadb_msg *m, bool *sent)
{
	TRY(sadb_link_send(c->link, seq, m, sent));
	if (*sent)
		push(c);
	return ST_NORMAL;
}

static void
next_dump(struct sadb_client *c, int kind)
{
	while (c->state == UP && !list_empty(&c->dumps[kind])) {
		struct pending *p = container_of(c->dumps[kind].next, struct pending, node);
		struct sadb_msg m = { .op = p->op, .sa.proto = p->proto };
		bool sent;
		enum status status = transmit(c, p->seq, &m, &sent);

		if (status == ST_NORMAL && sent)
			return;
		if (c->state == UP)
			fail_later(c, p, status == ST_NORMAL ? ST_LIMIT : status);
	}
}

/* What waited for room. */
static void
send_queued(struct sadb_client *c)
{
	bool any = false;

	while (c->state == UP && !list_empty(&c->queued)) {
		struct pending *p = container_of(c->queued.next, struct pending, node);
		bool sent;
		enum status status = sadb_link_send(c->link, p->seq, p->unsent, &sent);

		if (status == ST_NORMAL && !sent)
			break;
		any = true;
		sadb_msg_wipe(p->unsent);
		free(p->unsent);
		p->unsent = NULL;
		list_remove(&p->node);
		list_append(&c->waiting, &p->node);
		if (status != ST_NORMAL)
			fail_later(c, p, status);
	}
	if (c->state == UP && any)
		push(c);
}

/* ------------------------------------------------------------------------------------ answers */

static bool
of_dump(struct sadb_client *c, const struct sadb_came *came, bool last)
{
	int kind = dump_kind(came->msg.op);
	struct pending *p;
	uint64_t id;
	enum status status = ST_NORMAL;

	if (kind < 0 || list_empty(&c->dumps[kind]))
		return false;
	p = container_of(c->dumps[kind].next, struct pending, node);
	if (p->seq != came->token)
		return false;
	id = p->id;
	if (!last) {
		c->h.answer(c->h.user, id, ST_NORMAL, &came->msg, false);
		return true;
	}
	forget(c, p);
	next_dump(c, kind);
	/* A database without entries answers ENOENT: a dump of nothing is a dump as well. */
	if (came->msg.error != 0 && came->msg.error != ENOENT)
		status = sadb_status(came->msg.op, came->msg.error);
	c->h.answer(c->h.user, id, status, NULL, true);
	return true;
}

static void
registered(struct sadb_client *c, const struct sadb_msg *m)
{
	if (m->error != 0) {
		connection_lost(c, m->why != NULL ? m->why : "we may not register");
		return;
	}
	c->state = UP;
	c->delay_ms = RETRY_FIRST_MS;
	if (c->told_down)
		log_line(LOG_L_NOTIFY, NULL, "SA database: %s: connected", c->last);
	c->told_down = false;
	if (c->h.ready != NULL)
		c->h.ready(c->h.user);
}

static bool
answered(struct sadb_client *c, const struct sadb_came *came)
{
	const struct sadb_msg *m = &came->msg;

	if (m->op == SADB_OP_REGISTER && came->token == c->register_seq) {
		if (c->state == REGISTERING)
			registered(c, m);
		return true;
	}
	if (of_dump(c, came, true))
		return true;
	for (struct hash_node *n = hash_find(&c->by_seq, came->token); n != NULL;
		n = hash_again(n)) {
		struct pending *p = container_of(n, struct pending, by_seq);
		uint64_t id = p->id;

		if (p->op != m->op || p->failed != ST_NORMAL)
			continue;
		forget(c, p);
		if (m->why != NULL)
			log_line(LOG_L_WARNING, NULL, "SA database: %s: %s", sadb_op_name(m->op),
				m->why);
		c->h.answer(c->h.user, id, sadb_status(m->op, m->error), m, true);
		return true;
	}
	return false;
}

static void
came(struct sadb_client *c, enum sadb_got got, const struct sadb_came *came)
{
	switch (got) {
	case SADB_GOT_ANSWER:
		if (answered(c, came))
			return;
		break;
	case SADB_GOT_ENTRY:
		(void)of_dump(c, came, false);
		return;
	case SADB_GOT_EVENT:
		break;
	case SADB_GOT_OVERRUN:
		log_line(LOG_L_WARNING, NULL,
			"SA database: %s: events were lost; everything is read anew", c->last);
		if (c->state == UP && c->h.ready != NULL)
			c->h.ready(c->h.user);
		return;
	case SADB_GOT_NOTHING:
	case SADB_GOT_NOISE:
		return;
	}
	/* An answer to nobody here is another client's of this process. */
	if (c->state == UP && c->h.event != NULL && came->msg.error == 0)
		c->h.event(c->h.user, &came->msg);
}

/* Hand over what the link has; true when it may have more. */
static bool
take(struct sadb_client *c)
{
	struct sadb_came c1;

	for (unsigned i = 0; i < BATCH; i++) {
		enum sadb_got got;

		if (c->state != REGISTERING && c->state != UP)
			return false;
		got = sadb_link_next(c->link, &c1);
		if (got == SADB_GOT_NOTHING)
			return false;
		if (got == SADB_GOT_NOISE)
			log_line(LOG_L_DEBUG, NULL, "SA database: a message was skipped");
		else
			came(c, got, &c1);
		sadb_msg_wipe(&c1.msg);
	}
	return true;
}

static void
turn(struct sadb_client *c)
{
	bool more = take(c);

	if (c->state != UP && c->state != REGISTERING)
		return;
	if (!list_empty(&c->queued))
		send_queued(c);
	if (more)
		uv_idle_start(&c->kick, on_kick);
	if (c->link != NULL && c->poll_open)
		watch_link(c);
}

static void
on_poll(uv_poll_t *poll, int error, int events)
{
	struct sadb_client *c = poll->data;

	(void)events;
	/* libuv says EBADF for any error; the link knows better. */
	if (sadb_link_work(c->link) != ST_NORMAL)
		connection_lost(c, c->link->why);
	else if (error < 0)
		connection_lost(c, uv_strerror(error));
	else
		turn(c);
}

static void
on_retry(uv_timer_t *t)
{
	struct sadb_client *c = t->data;

	c->state = DOWN;
	reconnect(c);
}

static void
retry_later(struct sadb_client *c)
{
	c->state = WAITING;
	uv_timer_start(&c->retry, on_retry, c->delay_ms, 0);
	c->delay_ms = c->delay_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : c->delay_ms * 2;
}

static void
set_buffer(struct sadb_client *c)
{
	int got = 0;
	socklen_t n = sizeof(got);

	if (c->buffer == 0)
		return;
	if (setsockopt(c->link->events, SOL_SOCKET, SO_RCVBUFFORCE, &c->buffer,
		    sizeof(c->buffer)) != 0)
		(void)setsockopt(c->link->events, SOL_SOCKET, SO_RCVBUF, &c->buffer,
			sizeof(c->buffer));
	if (getsockopt(c->link->events, SOL_SOCKET, SO_RCVBUF, &got, &n) != 0)
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
	if (c->state == REGISTERING || c->state == UP)
		set_buffer(c);
}

/* Called with no link, from the loop. */
static void
reconnect(struct sadb_client *c)
{
	struct sadb_msg m = { .op = SADB_OP_REGISTER };
	char why[4 * SADB_WHY];
	bool sent;

	if (c->state == CLOSING || c->poll_open)
		return;
	if (sadb_link_open(c->backend, c->path[0] == '\0' ? NULL : c->path, &c->link, why,
		    sizeof(why)) != ST_NORMAL) {
		tell_down(c, false, why);
		retry_later(c);
		return;
	}
	c->last = c->link->ops->name;
	c->poll_open = true;
	c->watched = 0;
	uv_poll_init(c->loop, &c->poll, c->link->fd);
	c->poll.data = c;
	c->state = REGISTERING;
	set_buffer(c);
	c->register_seq = ++c->seq;
	if (transmit(c, c->register_seq, &m, &sent) != ST_NORMAL || !sent)
		connection_lost(c, "cannot use the connection");
}

/* ---------------------------------------------------------------------------------- the owner */

struct sadb_client *
sadb_client_new(struct uv_loop_s *loop, const char *backend, const char *path,
	const struct sadb_handlers *handlers)
{
	struct sadb_client *c = calloc(1, sizeof(*c));

	if (c == NULL || !hash_init(&c->by_seq, 64)) {
		free(c);
		return NULL;
	}
	if (backend != NULL) {
		snprintf(c->named, sizeof(c->named), "%s", backend);
		c->backend = c->named;
	}
	snprintf(c->path, sizeof(c->path), "%s", path == NULL ? "" : path);
	c->last = "engine";
	c->loop = loop;
	c->h = *handlers;
	/* Two clients of one process must not take each other's answers for their own. */
	c->seq = (uint32_t)(uv_hrtime() >> 10) ^ (uint32_t)((uintptr_t)c << 12);
	c->delay_ms = RETRY_FIRST_MS;
	list_init(&c->queued);
	list_init(&c->waiting);
	list_init(&c->dumps[0]);
	list_init(&c->dumps[1]);
	list_init(&c->failing);
	uv_timer_init(loop, &c->retry);
	uv_idle_init(loop, &c->kick);
	c->retry.data = c->kick.data = c;
	c->state = WAITING;
	uv_timer_start(&c->retry, on_retry, 0, 0);
	return c;
}

/* The link has no room: keep the request. */
static enum status
queue(struct sadb_client *c, struct pending *p, const struct sadb_msg *msg)
{
	p->unsent = malloc(sizeof(*p->unsent));
	if (p->unsent == NULL)
		return ST_NOMEMORY;
	*p->unsent = *msg;
	list_remove(&p->node);
	list_append(&c->queued, &p->node);
	return ST_NORMAL;
}

void
sadb_client_request(struct sadb_client *c, uint64_t id, const struct sadb_msg *msg)
{
	int kind = dump_kind(msg->op);
	struct pending *p = calloc(1, sizeof(*p));
	enum status status = ST_NORMAL;
	bool sent = false;

	if (p == NULL) { /* nothing left to remember the request with: the connection goes */
		connection_lost(c, "out of memory");
		return;
	}
	p->id = id;
	p->op = msg->op;
	p->proto = msg->sa.proto;
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
	if (list_empty(&c->queued))
		status = transmit(c, p->seq, msg, &sent);
	if (status == ST_NORMAL && !sent && c->state == UP)
		status = queue(c, p, msg);
	if (status != ST_NORMAL && c->state == UP)
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
	return c->last;
}

void
sadb_client_close(struct sadb_client *c, void (*closed)(void *user), void *user)
{
	bool closing = c->poll_open && uv_is_closing((uv_handle_t *)&c->poll);

	c->state = CLOSING;
	c->closed = closed;
	c->closed_user = user;
	free_list(c, &c->queued);
	free_list(c, &c->waiting);
	free_list(c, &c->dumps[0]);
	free_list(c, &c->dumps[1]);
	free_list(c, &c->failing);
	c->open_handles = c->poll_open ? 3 : 2;
	uv_close((uv_handle_t *)&c->retry, on_handle_closed);
	uv_close((uv_handle_t *)&c->kick, on_handle_closed);
	if (c->poll_open && !closing)
		uv_close((uv_handle_t *)&c->poll, on_handle_closed);
}
