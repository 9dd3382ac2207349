/*
 * backend_engine.c - the embedded engine as a SA database: PF_KEYv2 messages on ipsecd's socket.
 *
 * Used through sadb_link.h.  Answers are told from other clients' events by process id and number
 * (RFC 2367 2.2); entries of a dump, which are numbered down, by process id and kind.  The socket
 * never blocks; what it does not take stays in a buffer of fixed size.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipsec/sadb_dial.h"
#include "ipsec/sadb_link.h"
#include "ipsec/sadb_stream.h"
#include "lib/secret.h"

enum { SENDING_MAX = 16 * PFKEY_MSG_MAX };

struct engine_link {
	struct sadb_link link;
	uint32_t pid;
	uint32_t dump[2];    /* tokens of the dumps of the SAD and the SPD */
	enum sadb_op ended;  /* this dump gave its last entry, its end is still to be told */
	struct sadb_stream in;
	size_t out_at, out_n;
	uint8_t out[SENDING_MAX];
};

static struct engine_link *
of(struct sadb_link *l)
{
	return container_of(l, struct engine_link, link);
}

static enum status
send_some(struct engine_link *e)
{
	ssize_t n;

	if (e->out_at == e->out_n)
		return ST_NORMAL;
	n = send(e->link.fd, e->out + e->out_at, e->out_n - e->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		snprintf(e->link.why, sizeof(e->link.why), "%s", strerror(errno));
		return ST_BACKEND;
	}
	if (n > 0) {
		wipe(e->out + e->out_at, (size_t)n);
		e->out_at += (size_t)n;
	}
	e->link.unsent = e->out_at < e->out_n;
	return ST_NORMAL;
}

static enum status
read_some(struct engine_link *e)
{
	size_t room;
	uint8_t *to = sadb_stream_room(&e->in, &room);
	ssize_t n = room == 0 ? -1 : recv(e->link.fd, to, room, MSG_DONTWAIT);

	if (room == 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return ST_NORMAL;
	if (n <= 0) {
		snprintf(e->link.why, sizeof(e->link.why), "%s", n == 0 ?
			"the engine closed the connection" : strerror(errno));
		return ST_BACKEND;
	}
	sadb_stream_filled(&e->in, (size_t)n);
	return ST_NORMAL;
}

static enum status
work(struct sadb_link *l)
{
	TRY(send_some(of(l)));
	if (l->why[0] != '\0') /* what came was no PF_KEY */
		return ST_BACKEND;
	return read_some(of(l));
}

/* What the engine has not, and would not see. */
static const char *
lacks(const struct sadb_msg *m)
{
	if ((m->has_sa && m->sa.ctx.text[0] != '\0') || (m->has_sp && m->sp.ctx.text[0] != '\0'))
		return "the embedded engine has no security contexts";
	if ((m->has_sa && m->sa.mark.mask != 0) || (m->has_sp && m->sp.mark.mask != 0))
		return "the embedded engine has no marks";
	if ((m->has_sa && m->sa.if_id != 0) || (m->has_sp && m->sp.if_id != 0))
		return "the embedded engine has no XFRM interfaces";
	if (m->has_sa && m->sa.proto == SA_TCP &&
		(m->op == SADB_OP_ADD || m->op == SADB_OP_UPDATE))
		return "the embedded engine has no TCP-MD5: such keys belong to the sockets";
	return NULL;
}

static enum status
send_message(struct sadb_link *l, uint32_t token, const struct sadb_msg *m, bool *queued)
{
	struct engine_link *e = of(l);
	struct sadb_msg copy;
	struct writer w;
	enum status status;

	*queued = false;
	if (l->refusal.is)
		return ST_NORMAL;
	if (lacks(m) != NULL) {
		sadb_link_refuse(l, token, m, EOPNOTSUPP, "%s", lacks(m));
		*queued = true;
		return ST_NORMAL;
	}
	if (e->out_at != 0) {
		memmove(e->out, e->out + e->out_at, e->out_n - e->out_at);
		e->out_n -= e->out_at;
		e->out_at = 0;
	}
	if (sizeof(e->out) - e->out_n < PFKEY_MSG_MAX)
		return ST_NORMAL;
	copy = *m;
	copy.seq = token;
	copy.pid = e->pid;
	/* RFC 2367 3.1.6: a failed ACQUIRE is told by its own number. */
	if (m->op == SADB_OP_ACQUIRE)
		copy.seq = m->seq;
	w = writer_of(e->out + e->out_n, PFKEY_MSG_MAX);
	status = pfkey_encode(&copy, &w);
	sadb_msg_wipe(&copy);
	if (status != ST_NORMAL)
		return status;
	if (sadb_is_dump(m->op))
		e->dump[m->op == SADB_OP_SPDDUMP] = token;
	e->out_n += writer_len(&w);
	l->unsent = true;
	*queued = true;
	return ST_NORMAL;
}

static enum sadb_got
dump_part(struct engine_link *e, struct sadb_came *c)
{
	c->token = e->dump[c->msg.op == SADB_OP_SPDDUMP];
	if (c->msg.error != 0)
		return SADB_GOT_ANSWER;
	if (c->msg.seq == 0)
		e->ended = c->msg.op;
	return SADB_GOT_ENTRY;
}

static enum sadb_got
next(struct sadb_link *l, struct sadb_came *c)
{
	struct engine_link *e = of(l);

	if (sadb_link_refused(l, c))
		return SADB_GOT_ANSWER;
	if (e->ended != 0) {
		memset(c, 0, sizeof(*c));
		c->msg.op = e->ended;
		c->msg.pid = e->pid;
		c->token = e->dump[e->ended == SADB_OP_SPDDUMP];
		e->ended = (enum sadb_op)0;
		return SADB_GOT_ANSWER;
	}
	if (sadb_stream_next(&e->in, &c->raw) != ST_NORMAL) {
		snprintf(l->why, sizeof(l->why), "what came is no PF_KEY message");
		return SADB_GOT_NOTHING;
	}
	if (c->raw.n == 0)
		return SADB_GOT_NOTHING;
	if (pfkey_decode(c->raw, &c->msg, NULL, 0) != ST_NORMAL)
		return SADB_GOT_NOISE;
	c->token = c->msg.seq;
	if (c->msg.pid != e->pid)
		return SADB_GOT_EVENT;
	return sadb_is_dump(c->msg.op) ? dump_part(e, c) : SADB_GOT_ANSWER;
}

static void
close_link(struct sadb_link *l)
{
	struct engine_link *e = of(l);

	if (l->fd >= 0)
		close(l->fd);
	wipe(e->out, sizeof(e->out));
	sadb_stream_wipe(&e->in);
	free(e);
}

static const struct sadb_link_ops ops = { .name = "engine", .send = send_message, .work = work,
	.next = next, .close = close_link };

/* The socket, or -1: told. */
static int
connect_to(const char *path, char *why, size_t why_size)
{
	int fd = sadb_dial(path, false);
	const char *hint = "";

	if (fd >= 0)
		return fd;
	if (errno == ENAMETOOLONG) {
		snprintf(why, why_size, "engine: socket path %s is too long", path);
		return -1;
	}
	if (errno == ENOENT || errno == ECONNREFUSED)
		hint = " - is service IPSEC running?";
	else if (errno == EACCES || errno == EPERM)
		hint = " - only the superuser may load SAs";
	snprintf(why, why_size, "engine: connect %s: %s%s", path, strerror(errno), hint);
	return -1;
}

enum status
backend_engine_open(const char *path, struct sadb_link **out, char *why, size_t why_size)
{
	struct engine_link *e = calloc(1, sizeof(*e));
	char where[SADB_PATH_MAX];

	if (e == NULL) {
		snprintf(why, why_size, "out of memory");
		return ST_NOMEMORY;
	}
	e->link.ops = &ops;
	e->pid = (uint32_t)getpid();
	e->link.fd = connect_to(sadb_engine_path(path, where, sizeof(where)), why, why_size);
	if (e->link.fd < 0) {
		free(e);
		return ST_NOBACKEND;
	}
	e->link.events = e->link.fd;
	*out = &e->link;
	return ST_NORMAL;
}
