/*
 * sadb_sync.c - the blocking client of the SA database, over the engine's socket.
 *
 * Called by setkey and by tests.  The socket never blocks: every wait is a poll with a limit, and
 * while requests go out answers are read, so neither side's full buffer stops the other.  Answers
 * are told from other clients' events by process id and sequence number (RFC 2367 2.2).
 */
#include "ipsec/sadb_sync.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipsec/sadb_stream.h"
#include "lib/secret.h"
#include "lib/text.h"
#include "lib/when.h"

enum {
	PATIENCE_MS = 30000, /* without any progress */
	SENDING_MAX = 16 * PFKEY_MSG_MAX,
};

struct sadb_sync {
	int fd;
	uint32_t pid, seq;
	void (*watch)(void *user, bool sent, struct bytes msg);
	void *watch_user;
	struct sadb_stream in;
	size_t out_at, out_n;
	uint8_t out[SENDING_MAX];
};

static enum status
connect_to(int fd, const char *path, char *why, size_t why_size)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const char *hint = "";

	if (strlen(path) >= sizeof(un.sun_path)) {
		snprintf(why, why_size, "engine: socket path %s is too long", path);
		return ST_NOBACKEND;
	}
	strcpy(un.sun_path, path);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return ST_NORMAL;
	if (errno == ENOENT || errno == ECONNREFUSED)
		hint = " - is service IPSEC running?";
	else if (errno == EACCES || errno == EPERM)
		hint = " - only the superuser may load SAs";
	snprintf(why, why_size, "engine: connect %s: %s%s", path, strerror(errno), hint);
	return ST_NOBACKEND;
}

enum status
sadb_sync_open(const char *backend, const char *path, struct sadb_sync **out, char *why,
	size_t why_size)
{
	char where[SADB_PATH_MAX];
	struct sadb_sync *s;
	enum status status;

	*out = NULL;
	if (backend != NULL && !text_same(backend, "auto") && !text_same(backend, "engine")) {
		snprintf(why, why_size, "backend %s is not known, expected auto or engine",
			backend);
		return ST_NOBACKEND;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		snprintf(why, why_size, "out of memory");
		return ST_NOMEMORY;
	}
	s->pid = (uint32_t)getpid();
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0) {
		snprintf(why, why_size, "engine: socket: %s", strerror(errno));
		free(s);
		return ST_NOBACKEND;
	}
	status = connect_to(s->fd, sadb_engine_path(path, where, sizeof(where)), why, why_size);
	if (status != ST_NORMAL) {
		sadb_sync_close(s);
		return status;
	}
	*out = s;
	return ST_NORMAL;
}

void
sadb_sync_close(struct sadb_sync *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		close(s->fd);
	wipe(s->out, sizeof(s->out));
	sadb_stream_wipe(&s->in);
	free(s);
}

void
sadb_sync_watch(struct sadb_sync *s, void (*watch)(void *user, bool sent, struct bytes msg),
	void *user)
{
	s->watch = watch;
	s->watch_user = user;
}

/* Queue one request under the next sequence number; false: no room now. */
static enum status
queue(struct sadb_sync *s, struct sadb_msg *m, bool *queued)
{
	struct writer w;
	enum status status;

	*queued = false;
	if (s->out_at != 0) {
		memmove(s->out, s->out + s->out_at, s->out_n - s->out_at);
		s->out_n -= s->out_at;
		s->out_at = 0;
	}
	if (sizeof(s->out) - s->out_n < PFKEY_MSG_MAX)
		return ST_NORMAL;
	m->seq = ++s->seq;
	m->pid = s->pid;
	w = writer_of(s->out + s->out_n, PFKEY_MSG_MAX);
	status = pfkey_encode(m, &w);
	if (status != ST_NORMAL)
		return status;
	if (s->watch != NULL)
		s->watch(s->watch_user, true, writer_bytes(&w));
	s->out_n += writer_len(&w);
	*queued = true;
	return ST_NORMAL;
}

static enum status
send_some(struct sadb_sync *s)
{
	ssize_t n = send(s->fd, s->out + s->out_at, s->out_n - s->out_at,
		MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? ST_NORMAL : ST_BACKEND;
	wipe(s->out + s->out_at, (size_t)n);
	s->out_at += (size_t)n;
	return ST_NORMAL;
}

static enum status
read_some(struct sadb_sync *s)
{
	size_t room;
	uint8_t *to = sadb_stream_room(&s->in, &room);
	ssize_t n = recv(s->fd, to, room, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? ST_NORMAL : ST_BACKEND;
	if (n == 0)
		return ST_BACKEND;
	sadb_stream_filled(&s->in, (size_t)n);
	return ST_NORMAL;
}

/* Wait until octets came or went. A negative limit waits for ever. */
static enum status
progress(struct sadb_sync *s, int limit_ms)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	int n;

	if (s->out_at < s->out_n)
		p.events |= POLLOUT;
	n = poll(&p, 1, limit_ms);
	if (n < 0)
		return errno == EINTR ? ST_NORMAL : ST_BACKEND;
	if (n == 0)
		return ST_TIMEOUT;
	if (p.revents & POLLOUT)
		TRY(send_some(s));
	if (p.revents & (POLLIN | POLLHUP | POLLERR))
		TRY(read_some(s));
	return ST_NORMAL;
}

/* The next message, decoded; waits. A message that cannot be decoded is skipped: it is not ours. */
static enum status
next_message(struct sadb_sync *s, struct sadb_msg *m)
{
	struct bytes raw;

	for (;;) {
		TRY(sadb_stream_next(&s->in, &raw));
		if (raw.n == 0) {
			TRY(progress(s, PATIENCE_MS));
			continue;
		}
		if (s->watch != NULL)
			s->watch(s->watch_user, false, raw);
		if (pfkey_decode(raw, m, NULL, 0) == ST_NORMAL)
			return ST_NORMAL;
	}
}

static bool
is_dump(enum sadb_op op)
{
	return op == SADB_OP_DUMP || op == SADB_OP_SPDDUMP;
}

enum status
sadb_sync_call(struct sadb_sync *s, struct sadb_msg *request, struct sadb_msg *answer,
	void (*each)(void *user, const struct sadb_msg *entry), void *user)
{
	enum status status;
	bool queued;

	TRY(queue(s, request, &queued));
	while (!queued) { /* what an earlier call left unsent */
		TRY(progress(s, PATIENCE_MS));
		TRY(queue(s, request, &queued));
	}
	for (;;) {
		status = next_message(s, answer);
		if (status != ST_NORMAL)
			return status == ST_TIMEOUT ? ST_TIMEOUT : ST_BACKEND;
		if (answer->op != request->op || answer->pid != s->pid)
			continue;
		/* A dump's entries count down to 0 and so cannot carry the request's number. */
		if (!is_dump(request->op) && answer->seq != request->seq)
			continue;
		if (!is_dump(request->op) || answer->error != 0)
			return ST_NORMAL;
		if (each != NULL)
			each(user, answer);
		if (answer->seq == 0)
			return ST_NORMAL;
		sadb_msg_wipe(answer);
	}
}

enum status
sadb_sync_bulk(struct sadb_sync *s, struct sadb_msg *requests, size_t count,
	void (*result)(void *user, size_t index, const struct sadb_msg *answer), void *user)
{
	uint32_t base = s->seq + 1;
	size_t sent = 0, done = 0;
	struct sadb_msg m;
	struct bytes raw;
	enum status status;

	while (done < count) {
		bool queued = true;

		while (sent < count && queued) {
			TRY(queue(s, &requests[sent], &queued));
			sent += queued;
		}
		if (sadb_stream_next(&s->in, &raw) != ST_NORMAL)
			return ST_BACKEND;
		if (raw.n == 0) {
			status = progress(s, PATIENCE_MS);
			if (status != ST_NORMAL)
				return status;
			continue;
		}
		if (s->watch != NULL)
			s->watch(s->watch_user, false, raw);
		if (pfkey_decode(raw, &m, NULL, 0) != ST_NORMAL || m.pid != s->pid ||
			(size_t)(m.seq - base) >= sent || m.op != requests[m.seq - base].op)
			continue;
		done++;
		if (result != NULL)
			result(user, m.seq - base, &m);
		sadb_msg_wipe(&m);
	}
	return ST_NORMAL;
}

enum status
sadb_sync_next(struct sadb_sync *s, int timeout_ms, struct bytes *msg)
{
	instant until = instant_add(when_now(), timeout_ms);

	for (;;) {
		int64_t left = instant_diff(until, when_now());
		enum status status;

		if (sadb_stream_next(&s->in, msg) != ST_NORMAL)
			return ST_BACKEND;
		if (msg->n != 0)
			break;
		status = progress(s, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0);
		if (status != ST_NORMAL)
			return status;
	}
	if (s->watch != NULL)
		s->watch(s->watch_user, false, *msg);
	return ST_NORMAL;
}
