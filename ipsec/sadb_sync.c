/*
 * sadb_sync.c - the blocking client of the SA database, over any backend.
 *
 * Called by setkey and by tests.  The descriptor never blocks: every wait is a poll with a limit,
 * and while requests go out answers are read, so neither side's full buffer stops the other.  What
 * the kernels lack of PF_KEY, deleting all SAs between two hosts, is done here with a dump.
 */
#include "ipsec/sadb_sync.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipsec/pfkey.h"
#include "ipsec/sadb_link.h"
#include "lib/secret.h"
#include "lib/text.h"
#include "lib/when.h"

enum {
	PATIENCE_MS = 30000, /* without any progress */
	DELETE_ALL_MAX = 1 << 20, /* SAs between two hosts */
};

struct sadb_sync {
	struct sadb_link *link;
	uint32_t seq;
	void (*watch)(void *user, bool sent, struct bytes msg);
	void *watch_user;
	char why[SADB_WHY];          /* of the last answer */
	uint8_t shown[PFKEY_MSG_MAX]; /* a message as PF_KEY octets */
};

enum status
sadb_sync_open(const char *backend, const char *path, struct sadb_sync **out, char *why,
	size_t why_size)
{
	struct sadb_sync *s = calloc(1, sizeof(*s));
	enum status status;

	*out = NULL;
	if (s == NULL) {
		snprintf(why, why_size, "out of memory");
		return ST_NOMEMORY;
	}
	status = sadb_link_open(backend, path, &s->link, why, why_size);
	if (status != ST_NORMAL)
		free(s);
	else
		*out = s;
	return status;
}

void
sadb_sync_close(struct sadb_sync *s)
{
	if (s == NULL)
		return;
	sadb_link_close(s->link);
	wipe(s->shown, sizeof(s->shown));
	free(s);
}

const char *
sadb_sync_backend(const struct sadb_sync *s)
{
	return s->link->ops->name;
}

void
sadb_sync_watch(struct sadb_sync *s, void (*watch)(void *user, bool sent, struct bytes msg),
	void *user)
{
	s->watch = watch;
	s->watch_user = user;
}

/* A message as octets, whatever it came as; empty when PF_KEY cannot say it. */
static struct bytes
octets_of(struct sadb_sync *s, const struct sadb_msg *m)
{
	struct writer w = writer_of(s->shown, sizeof(s->shown));

	if (pfkey_encode(m, &w) != ST_NORMAL)
		return bytes_of(NULL, 0);
	return writer_bytes(&w);
}

static void
show(struct sadb_sync *s, bool sent, struct bytes raw, const struct sadb_msg *m)
{
	if (s->watch == NULL)
		return;
	if (raw.n == 0)
		raw = octets_of(s, m);
	if (raw.n != 0)
		s->watch(s->watch_user, sent, raw);
}

/* Queue one request under the next token; false: no room now. */
static enum status
queue(struct sadb_sync *s, const struct sadb_msg *m, bool *queued)
{
	TRY(sadb_link_send(s->link, s->seq + 1, m, queued));
	if (!*queued)
		return ST_NORMAL;
	s->seq++;
	show(s, true, bytes_of(NULL, 0), m);
	return ST_NORMAL;
}

/* Wait until something can be done, and do it. A negative limit waits for ever. */
static enum status
progress(struct sadb_sync *s, int limit_ms)
{
	struct pollfd p = { .fd = s->link->fd, .events = POLLIN };
	int n;

	if (s->link->unsent)
		p.events |= POLLOUT;
	n = poll(&p, 1, limit_ms);
	if (n < 0)
		return errno == EINTR ? ST_NORMAL : ST_BACKEND;
	if (n == 0)
		return ST_TIMEOUT;
	return sadb_link_work(s->link);
}

/* The next thing that came; waits. */
static enum status
wait_for(struct sadb_sync *s, enum sadb_got *got, struct sadb_came *c)
{
	enum status status;

	for (;;) {
		*got = sadb_link_next(s->link, c);
		if (*got != SADB_GOT_NOTHING)
			break;
		status = progress(s, PATIENCE_MS);
		if (status != ST_NORMAL)
			return status == ST_TIMEOUT ? ST_TIMEOUT : ST_BACKEND;
	}
	if (*got != SADB_GOT_OVERRUN)
		show(s, false, c->raw, &c->msg);
	return ST_NORMAL;
}

/* The reason must outlive the link's next message. */
static void
keep_why(struct sadb_sync *s, struct sadb_msg *answer)
{
	if (answer->why == NULL)
		return;
	snprintf(s->why, sizeof(s->why), "%s", answer->why);
	answer->why = s->why;
}

static bool
deletes_all(const struct sadb_sync *s, const struct sadb_msg *m)
{
	return m->op == SADB_OP_DELETE && m->has_sa && m->sa.spi == 0 &&
		strcmp(s->link->ops->name, "engine") != 0;
}

/* ------------------------------------------------------------------------------ all between two */

struct between { /* the SAs of a dump that are to go */
	const struct ipsec_sa *like;
	struct sadb_msg *msg;
	size_t count, room;
	bool full;
	int error;
};

static void
collect(void *user, const struct sadb_msg *m)
{
	struct between *b = user;
	struct sadb_msg *grown;

	if (!net_addr_equal(&m->sa.src.addr, &b->like->src.addr) ||
		!net_addr_equal(&m->sa.dst.addr, &b->like->dst.addr) || m->sa.spi == 0 || b->full)
		return;
	if (b->count == b->room) {
		size_t room = b->room == 0 ? 16 : b->room * 2;

		grown = room > DELETE_ALL_MAX ? NULL : reallocarray(b->msg, room, sizeof(*b->msg));
		b->full = grown == NULL;
		if (grown == NULL)
			return;
		b->msg = grown;
		b->room = room;
	}
	b->msg[b->count] = (struct sadb_msg){ .op = SADB_OP_DELETE, .has_sa = true };
	b->msg[b->count].sa.proto = m->sa.proto;
	b->msg[b->count].sa.src.addr = m->sa.src.addr;
	b->msg[b->count].sa.dst.addr = m->sa.dst.addr;
	b->msg[b->count].sa.spi = m->sa.spi;
	b->msg[b->count++].sa.mark = m->sa.mark;
}

static void
deleted(void *user, size_t index, const struct sadb_msg *answer)
{
	struct between *b = user;

	(void)index;
	/* Gone meanwhile is as good. */
	if (answer->error != 0 && answer->error != ESRCH)
		b->error = answer->error;
}

static enum status
delete_all(struct sadb_sync *s, const struct sadb_msg *request, struct sadb_msg *answer)
{
	struct sadb_msg m = { .op = SADB_OP_DUMP };
	struct between b = { .like = &request->sa };
	enum status status;

	m.sa.proto = request->sa.proto;
	status = sadb_sync_call(s, &m, answer, collect, &b);
	if (status == ST_NORMAL && b.count != 0)
		status = sadb_sync_bulk(s, b.msg, b.count, deleted, &b);
	if (answer->error == 0 || answer->error == ENOENT)
		answer->error = b.count == 0 ? ESRCH : b.error;
	if (b.full)
		answer->error = ENOMEM;
	answer->op = request->op;
	free(b.msg);
	return status;
}

/* --------------------------------------------------------------------------------------- calls */

enum status
sadb_sync_call(struct sadb_sync *s, struct sadb_msg *request, struct sadb_msg *answer,
	void (*each)(void *user, const struct sadb_msg *entry), void *user)
{
	struct sadb_came c;
	enum sadb_got got;
	uint32_t token;
	bool queued;

	if (deletes_all(s, request))
		return delete_all(s, request, answer);
	TRY(queue(s, request, &queued));
	while (!queued) { /* what an earlier call left unsent */
		TRY(progress(s, PATIENCE_MS));
		TRY(queue(s, request, &queued));
	}
	token = s->seq;
	for (;;) {
		enum status status = wait_for(s, &got, &c);

		if (status != ST_NORMAL)
			return status;
		if ((got != SADB_GOT_ANSWER && got != SADB_GOT_ENTRY) || c.token != token ||
			c.msg.op != request->op)
			continue;
		if (got == SADB_GOT_ANSWER)
			break;
		if (each != NULL)
			each(user, &c.msg);
		sadb_msg_wipe(&c.msg);
	}
	*answer = c.msg;
	sadb_msg_wipe(&c.msg);
	keep_why(s, answer);
	return ST_NORMAL;
}

struct bulk {
	struct sadb_msg *request;
	size_t count, sent, done;
	uint32_t base; /* token of the first */
	void (*result)(void *user, size_t index, const struct sadb_msg *answer);
	void *user;
};

static enum status
bulk_more(struct sadb_sync *s, struct bulk *b)
{
	struct sadb_came c;
	enum sadb_got got = sadb_link_next(s->link, &c);
	size_t index;

	if (got == SADB_GOT_NOTHING)
		return progress(s, PATIENCE_MS);
	if (got != SADB_GOT_OVERRUN)
		show(s, false, c.raw, &c.msg);
	index = c.token - b->base;
	if (got != SADB_GOT_ANSWER || index >= b->sent || c.msg.op != b->request[index].op)
		return ST_NORMAL;
	b->done++;
	if (b->result != NULL)
		b->result(b->user, index, &c.msg);
	sadb_msg_wipe(&c.msg);
	return ST_NORMAL;
}

/* A run of requests that each are one message. */
static enum status
bulk_run(struct sadb_sync *s, struct bulk *b)
{
	b->base = s->seq + 1;
	while (b->done < b->count) {
		bool queued = true;

		while (b->sent < b->count && queued) {
			TRY(queue(s, &b->request[b->sent], &queued));
			b->sent += queued;
		}
		TRY(bulk_more(s, b));
	}
	return ST_NORMAL;
}

struct shifted { /* results of a part, told by their index in the whole */
	size_t first;
	void (*result)(void *user, size_t index, const struct sadb_msg *answer);
	void *user;
};

static void
shift(void *user, size_t index, const struct sadb_msg *answer)
{
	struct shifted *p = user;

	if (p->result != NULL)
		p->result(p->user, p->first + index, answer);
}

enum status
sadb_sync_bulk(struct sadb_sync *s, struct sadb_msg *requests, size_t count,
	void (*result)(void *user, size_t index, const struct sadb_msg *answer), void *user)
{
	struct shifted p = { .result = result, .user = user };
	struct sadb_msg answer;

	while (p.first < count) {
		struct bulk b = { .request = requests + p.first, .result = shift, .user = &p };

		while (p.first + b.count < count && !deletes_all(s, &b.request[b.count]))
			b.count++;
		TRY(bulk_run(s, &b));
		p.first += b.count;
		if (p.first == count)
			break;
		TRY(delete_all(s, &requests[p.first], &answer));
		shift(&p, 0, &answer);
		p.first++;
	}
	return ST_NORMAL;
}

enum status
sadb_sync_next(struct sadb_sync *s, int timeout_ms, struct bytes *msg)
{
	instant until = instant_add(when_now(), timeout_ms);
	struct sadb_came c;
	enum sadb_got got;

	for (;;) {
		int64_t left = instant_diff(until, when_now());
		enum status status;

		got = sadb_link_next(s->link, &c);
		if (got != SADB_GOT_NOTHING && got != SADB_GOT_OVERRUN) {
			*msg = c.raw.n != 0 ? c.raw : octets_of(s, &c.msg);
			sadb_msg_wipe(&c.msg);
			if (msg->n != 0)
				break;
			continue;
		}
		if (got == SADB_GOT_OVERRUN)
			continue;
		status = progress(s, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0);
		if (status != ST_NORMAL)
			return status;
	}
	if (s->watch != NULL)
		s->watch(s->watch_user, false, *msg);
	return ST_NORMAL;
}
