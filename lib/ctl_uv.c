/*
 * ctl_uv.c - NETCONTROL on a libuv loop: control sockets, their sessions, the channel to the
 * master.
 *
 * Called by the master server and by every daemon.  Only carries octets: what they mean is the
 * business of ctl.c and ctl_channel.c.  Answers that fit into the socket's buffer go out at once
 * (one write for all that one read brought), the rest is queued and bounded by ctl.c.
 *
 * A client that closed only its sending side (`nc -N`) still gets its answers; one that went away
 * altogether cancels what it asked for, also while reading is paused: the sweep looks for that.
 */
#include "lib/ctl_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "lib/cry_tls.h"
#include "lib/ctl_int_uv.h"

enum {
	SWEEP_MS = 500,       /* how often half-closed and ending connections are looked at */
	END_MS = 5000,        /* how long queued answers may take after the session ended */
	LINGER_MS = 1000,     /* how long a TCP peer may take to close after us */
	HANDSHAKE_MS = 10000, /* how long a TLS handshake may take */
};

struct write { /* octets that did not fit into the socket's buffer */
	uv_write_t req;
	char octets[];
};

static void conn_drop(struct conn *c);
static void conn_finished(struct conn *c);
static void conn_later(void *user);

void
ctl_uv_handle_gone(struct ctl_server *s)
{
	void (*closed)(void *) = s->closed;
	void *user = s->closed_user;

	if (--s->handles > 0)
		return;
	free(s);
	if (closed != NULL)
		closed(user);
}

/* ------------------------------------------------------------------ writing */

static void
on_written(uv_write_t *req, int status)
{
	uv_stream_t *stream = req->handle;
	struct conn *c = stream->data;

	free(container_of(req, struct write, req));
	if (c->closed)
		return;
	if (status < 0)
		conn_drop(c);
	else if (c->ending && uv_stream_get_write_queue_size(stream) == 0)
		conn_finished(c);
	else if (c->session != NULL)
		ctl_drained(c->session);
	else if (c->channel != NULL)
		ctl_channel_drained(c->channel);
}

static void conn_update_reading(struct conn *c);

/* Gone in the loop's next turn: now, whoever sends is at work on what it asked. */
static void
conn_break(struct conn *c)
{
	c->broken = true;
	conn_later(c);
}

static void
raw_send(struct conn *c, struct bytes octets)
{
	uv_stream_t *stream = (uv_stream_t *)&c->pipe;
	uv_buf_t buf;
	struct write *w;
	int n = 0;

	if (uv_stream_get_write_queue_size(stream) == 0) {
		buf = uv_buf_init((char *)(uintptr_t)octets.p, (unsigned)octets.n);
		n = uv_try_write(stream, &buf, 1);
		if (n < 0 && n != UV_EAGAIN) {
			conn_break(c);
			return;
		}
		n = n < 0 ? 0 : n;
	}
	if ((size_t)n < octets.n) {
		w = malloc(sizeof(*w) + octets.n - (size_t)n);
		if (w == NULL) {
			conn_break(c);
			return;
		}
		memcpy(w->octets, octets.p + n, octets.n - (size_t)n);
		buf = uv_buf_init(w->octets, (unsigned)(octets.n - (size_t)n));
		if (uv_write(&w->req, stream, &buf, 1, on_written) != 0) {
			free(w);
			conn_break(c);
		}
	}
}

/* What TLS has for the network. */
static void
send_cipher(struct conn *c)
{
	struct ctl_server *s = c->server;
	size_t n;

	while (!c->closed && !c->broken &&
		(n = cry_tls_output(c->tls, s->cipher, sizeof(s->cipher))) > 0)
		raw_send(c, bytes_of(s->cipher, n));
}

static void
conn_send(void *user, struct bytes octets)
{
	struct conn *c = user;

	if (c->closed || c->broken)
		return;
	c->active = uv_now(c->server->loop);
	if (c->tls == NULL) {
		raw_send(c, octets);
	} else {
		(void)cry_tls_write(c->tls, octets); /* a failure shows when it is read */
		send_cipher(c);
	}
	if (!c->closed)
		conn_update_reading(c);
}

static size_t
conn_unsent(void *user)
{
	struct conn *c = user;

	return c->closed ? 0 : uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe);
}

/* Those who let others have their turn have theirs again. */
static void
on_turn(uv_idle_t *idle)
{
	struct ctl_server *s = idle->data;
	struct list now;

	if (list_empty(&s->later)) {
		uv_idle_stop(idle);
		return;
	}
	list_init(&now);
	while (!list_empty(&s->later)) {
		struct list *n = s->later.next;

		list_remove(n);
		list_append(&now, n);
	}
	while (!list_empty(&now)) { /* dropping a connection takes it off the list */
		struct conn *c = container_of(now.next, struct conn, later);

		list_remove(&c->later);
		if (c->broken)
			conn_drop(c);
		else if (c->session != NULL)
			ctl_drained(c->session);
		else if (c->channel != NULL)
			ctl_channel_drained(c->channel);
	}
}

static void
conn_later(void *user)
{
	struct conn *c = user;

	if (c->closed || c->later.next != NULL)
		return;
	list_append(&c->server->later, &c->later);
	uv_idle_start(&c->server->turn, on_turn);
}

/* ------------------------------------------------------------------ the end of a connection */

static void
on_conn_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;
	struct ctl_server *s = c->server;

	cry_tls_free(c->tls);
	free(c);
	ctl_uv_handle_gone(s);
}

static void
conn_drop(struct conn *c)
{
	struct ctl_server *s = c->server;
	struct ctl_session *session = c->session;
	struct ctl_channel *channel = c->channel;

	if (c->closed)
		return;
	c->closed = true;
	c->session = NULL;
	c->channel = NULL;
	list_remove(&c->node);
	list_remove(&c->later);
	if (!c->is_channel)
		s->sessions--;
	else
		s->channel = NULL;
	uv_close((uv_handle_t *)&c->pipe, on_conn_closed);
	if (session != NULL)
		ctl_close(session);
	if (channel != NULL)
		ctl_channel_close(channel);
	if (c->is_channel && s->orphan != NULL && !s->closing)
		s->orphan(s->service->user);
}

/* On a service's own socket: the master keeps the accounts of all. */
static void
conn_audit(void *user, const char *who, const char *line, enum status result)
{
	struct conn *c = user;

	if (c->server->channel != NULL && c->server->channel->channel != NULL)
		ctl_channel_audit(c->server->channel->channel, who, line, result);
}

/* The session is over: what is queued still goes out, for a while. */
static void
conn_end(void *user)
{
	struct conn *c = user;

	if (c->closed || c->ending)
		return;
	c->ending = true;
	c->end_by = uv_now(c->server->loop) + END_MS;
	if (c->tls != NULL) {
		cry_tls_close(c->tls);
		send_cipher(c);
		if (c->closed)
			return;
	}
	if (conn_unsent(c) > CTL_OUTPUT_MAX)
		conn_drop(c);
	else if (conn_unsent(c) == 0)
		conn_finished(c);
	else
		conn_update_reading(c);
}

/*
 * All is sent.  TCP would throw our last words away with what the peer has sent and we have not
 * read; and who was refused is about to send his first request: wait until the peer has closed.
 */
static void
conn_finished(struct conn *c)
{
	int fd;

	if (c->is_channel || (c->peer.kind == CTL_PEER_UNIX && c->session != NULL) || c->eof ||
		c->linger ||
		uv_fileno((uv_handle_t *)&c->pipe, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
		conn_drop(c);
		return;
	}
	c->linger = true;
	c->end_by = uv_now(c->server->loop) + LINGER_MS;
	conn_update_reading(c);
}

/* Has the other end gone altogether (not only shut down its sending side)? */
static bool
hung_up(struct conn *c)
{
	struct pollfd p = { .fd = -1 };
	int fd;

	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) != 0)
		return true;
	p.fd = fd;
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

/* Nothing asked, nothing told, for longer than allowed. */
static bool
is_idle(const struct conn *c, uint64_t now)
{
	int64_t idle = c->server->guard.idle_ms;

	return idle > 0 && c->session != NULL && !c->ending && !ctl_is_busy(c->session) &&
		!ctl_is_monitor(c->session) && now - c->active >= (uint64_t)idle;
}

static bool
must_go(struct conn *c, uint64_t now)
{
	if ((c->ending || c->handshake) && now >= c->end_by)
		return true;
	return !c->reading && hung_up(c);
}

static void
on_sweep(uv_timer_t *timer)
{
	struct ctl_server *s = timer->data;
	uint64_t now = uv_now(s->loop);
	bool more, again;

	do { /* dropping one may drop others: begin again after each */
		more = again = false;
		LIST_FOREACH(n, &s->conns) {
			struct conn *c = container_of(n, struct conn, node);

			more = more || !c->reading || c->handshake || c->linger ||
				(c->session != NULL && s->guard.idle_ms > 0);
			if (must_go(c, now))
				conn_drop(c);
			else if (is_idle(c, now))
				ctl_end_because(c->session, ST_IDLE, "nothing was asked");
			else
				continue;
			again = true;
			break;
		}
	} while (again);
	if (!more)
		uv_timer_stop(timer);
}

/* ------------------------------------------------------------------ reading */

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct conn *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->server->buf, sizeof(c->server->buf));
}

static void session_open(struct conn *c);

/* The handshake is done, or has failed: who is it? */
static void
handshake_step(struct conn *c)
{
	switch (cry_tls_state(c->tls)) {
	case CRY_TLS_HANDSHAKE:
		return;
	case CRY_TLS_OPEN:
		c->handshake = false;
		c->peer.subject = cry_tls_subject(c->tls);
		c->peer.unit = cry_tls_unit(c->tls);
		session_open(c);
		return;
	case CRY_TLS_CLOSED:
	case CRY_TLS_FAILED:
		if (c->server->guard.refused != NULL)
			c->server->guard.refused(c->server->guard.user, &c->peer,
				cry_tls_why(c->tls));
		conn_end(c);
	}
}

static void
read_cipher(struct conn *c, struct bytes octets)
{
	struct ctl_server *s = c->server;
	size_t n;

	(void)cry_tls_input(c->tls, octets);
	send_cipher(c);
	if (!c->closed && c->handshake)
		handshake_step(c);
	while (!c->closed && c->session != NULL &&
		(n = cry_tls_read(c->tls, s->plain, sizeof(s->plain))) > 0)
		if (!ctl_input(c->session, bytes_of(s->plain, n)))
			return;
	if (c->closed)
		return;
	send_cipher(c);
	if (c->closed || c->handshake || c->ending)
		return;
	if (cry_tls_state(c->tls) == CRY_TLS_FAILED) {
		conn_drop(c);
	} else if (cry_tls_state(c->tls) == CRY_TLS_CLOSED && c->session != NULL && !c->eof) {
		c->eof = true;
		ctl_eof(c->session);
	} else {
		conn_update_reading(c);
	}
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	if (n == 0)
		return;
	c->active = uv_now(c->server->loop);
	if (n == UV_EOF && c->session != NULL && c->tls == NULL && !hung_up(c)) {
		c->eof = true;
		conn_update_reading(c);
		ctl_eof(c->session);
		return;
	}
	if (n < 0) {
		conn_drop(c);
		return;
	}
	if (c->linger)
		return;
	if (c->tls != NULL) {
		read_cipher(c, bytes_of(buf->base, (size_t)n));
	} else if (c->channel != NULL) {
		if (!ctl_channel_input(c->channel, bytes_of(buf->base, (size_t)n)))
			conn_drop(c);
	} else if (c->session != NULL) {
		if (ctl_input(c->session, bytes_of(buf->base, (size_t)n)))
			conn_update_reading(c);
	}
}

/* Read when the session wants input; while it does not, the sweep watches for a hang-up. */
static void
conn_update_reading(struct conn *c)
{
	bool want = !c->closed && !c->eof && (c->linger || (!c->ending &&
		(c->channel != NULL || c->handshake ||
			(c->session != NULL && ctl_wants_input(c->session)))));

	if (c->closed)
		return;
	if (want && !c->reading)
		c->reading = uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) == 0;
	else if (!want && c->reading) {
		uv_read_stop((uv_stream_t *)&c->pipe);
		c->reading = false;
	}
	if ((!c->reading || c->handshake || c->linger || c->server->guard.idle_ms > 0) &&
		!uv_is_active((uv_handle_t *)&c->server->sweep) && !c->server->closing)
		uv_timer_start(&c->server->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

/* ------------------------------------------------------------------ new connections */

static struct conn *
conn_new(struct ctl_server *s)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	if (uv_pipe_init(s->loop, &c->pipe, 0) != 0) {
		free(c);
		return NULL;
	}
	c->server = s;
	c->pipe.data = c;
	s->handles++;
	list_append(&s->conns, &c->node);
	return c;
}

static bool
in_group(int fd, gid_t primary, gid_t wanted)
{
	gid_t groups[CTL_GROUPS_MAX];
	socklen_t n = sizeof(groups);

	if (primary == wanted)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) != 0)
		return false;
	for (size_t i = 0; i < n / sizeof(groups[0]); i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

/*
 * The kernel tells who is on the other end of a Unix socket.  Root and the user who runs the server
 * always may, others when the socket is for all or they are in its group.
 */
static void
unix_peer(const struct listener *l, int fd, struct ctl_peer *peer)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	peer->kind = CTL_PEER_UNIX;
	peer->role = CTL_NOBODY;
	snprintf(peer->who, sizeof(peer->who), "unknown");
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0)
		return;
	peer->uid = cred.uid;
	snprintf(peer->who, sizeof(peer->who), "uid %u%s", cred.uid,
		cred.uid == 0 ? " (root)" : "");
	if (cred.uid == 0 || cred.uid == geteuid() || cred.uid == l->uid ||
	    (!l->everyone && (l->mode & 0006) != 0))
		peer->role = l->role;
	else if ((l->mode & 0060) != 0 && in_group(fd, cred.gid, l->gid))
		peer->role = l->role;
	else if (l->has_reader_gid && in_group(fd, cred.gid, l->reader_gid))
		peer->role = CTL_READER;
}

static void
ip_peer(const struct listener *l, int fd, struct ctl_peer *peer)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);
	char buf[NET_ENDPOINT_TEXT];

	peer->kind = l->tls != NULL ? CTL_PEER_TLS : CTL_PEER_TCP;
	peer->role = l->role;
	if (getpeername(fd, (struct sockaddr *)&ss, &n) != 0 ||
		!net_from_sockaddr((const struct sockaddr *)&ss, &peer->from))
		peer->role = CTL_NOBODY;
	peer->from.addr = net_addr_normal(peer->from.addr);
	snprintf(peer->who, sizeof(peer->who), "%s:%s", l->tls != NULL ? "tls" : "tcp",
		net_endpoint_text(buf, sizeof(buf), &peer->from));
}

static void
refuse(struct conn *c, enum status status, const char *detail)
{
	char line[512], message[480];

	status_format(message, sizeof(message), status, NULL, detail);
	snprintf(line, sizeof(line), "%u %s\n", status_row(status)->reply, message);
	conn_send(c, bytes_str(line));
	if (!c->closed)
		conn_end(c);
}

/* May this peer have a session?  False: it was refused. */
static bool
admit(struct conn *c)
{
	struct ctl_server *s = c->server;
	char message[256] = "";
	enum status status = ST_NORMAL;

	if (s->guard.admit != NULL)
		status = s->guard.admit(s->guard.user, &c->peer, message, sizeof(message));
	else if (c->peer.role == CTL_NOBODY)
		status = ST_NOTPERM;
	if (status == ST_NORMAL)
		return true;
	/* During a handshake nothing is said: whoever has shown no certificate gets no data. */
	if (c->handshake)
		conn_drop(c);
	else
		refuse(c, status, message[0] != '\0' ? message : c->peer.who);
	return false;
}

static void
session_open(struct conn *c)
{
	struct ctl_transport t = { .user = c, .send = conn_send, .unsent = conn_unsent,
		.close = conn_end, .audit = conn_audit, .later = conn_later };

	if (!admit(c))
		return;
	c->session = ctl_open(c->server->service, &t, c->peer.role, c->peer.who);
	if (c->session == NULL) {
		refuse(c, ST_NOMEMORY, NULL);
		return;
	}
	if (c->peer.kind != CTL_PEER_UNIX)
		ctl_set_from(c->session, &c->peer.from.addr);
	else
		ctl_set_uid(c->session, c->peer.uid);
	conn_update_reading(c);
}

void
ctl_uv_on_connection(uv_stream_t *stream, int status)
{
	struct listener *l = stream->data;
	struct ctl_server *s = l->server;
	size_t most = s->guard.sessions_max > 0 && s->guard.sessions_max < CTL_SESSIONS_MAX ?
		s->guard.sessions_max : CTL_SESSIONS_MAX;
	struct conn *c;
	int fd;

	if (status < 0 || s->closing)
		return; /* libuv closes what nobody accepts with the listener */
	c = conn_new(s);
	if (c == NULL)
		return;
	s->sessions++;
	c->active = uv_now(s->loop);
	if (uv_accept(stream, (uv_stream_t *)&c->pipe) != 0 ||
		uv_fileno((uv_handle_t *)&c->pipe, &fd) != 0) {
		conn_drop(c);
		return;
	}
	if (l->path != NULL)
		unix_peer(l, fd, &c->peer);
	else
		ip_peer(l, fd, &c->peer);
	c->handshake = l->tls != NULL;
	c->end_by = c->active + HANDSHAKE_MS;
	if (s->sessions > most) {
		if (c->handshake)
			conn_drop(c);
		else
			refuse(c, ST_LIMIT, "too many sessions");
		return;
	}
	if (l->tls == NULL) {
		session_open(c);
		return;
	}
	if (!admit(c))
		return;
	c->tls = cry_tls_new(l->tls, NULL);
	if (c->tls == NULL)
		conn_drop(c);
	else
		conn_update_reading(c);
}

/* ------------------------------------------------------------------ the server */

struct ctl_server *
ctl_server_new(struct uv_loop_s *loop, const struct ctl_service *service)
{
	struct ctl_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->loop = loop;
	s->service = service;
	s->end_status = ST_NORMAL;
	list_init(&s->listeners);
	list_init(&s->conns);
	list_init(&s->later);
	if (uv_timer_init(loop, &s->sweep) != 0) {
		free(s);
		return NULL;
	}
	(void)uv_idle_init(loop, &s->turn); /* cannot fail */
	s->sweep.data = s;
	s->turn.data = s;
	s->handles = 2;
	return s;
}

int
ctl_channel_fd(void)
{
	const char *value = getenv("MULTINET_CHANNEL");
	struct stat st;
	char *end;
	long fd;

	if (value == NULL || value[0] == '\0')
		return -1;
	fd = strtol(value, &end, 10);
	if (*end != '\0' || fd < 0 || fd > 65535 || fstat((int)fd, &st) != 0 ||
		!S_ISSOCK(st.st_mode))
		return -1;
	/* Neither the descriptor nor its name is for our own children. */
	(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	unsetenv("MULTINET_CHANNEL");
	return (int)fd;
}

enum status
ctl_server_channel(struct ctl_server *s, int fd)
{
	struct ctl_transport t = { .send = conn_send, .unsent = conn_unsent, .close = conn_end,
		.later = conn_later };
	struct conn *c;

	if (s->channel != NULL)
		return ST_ALREADY;
	c = conn_new(s);
	if (c == NULL)
		return ST_NOMEMORY;
	c->is_channel = true;
	s->channel = c;
	if (uv_pipe_open(&c->pipe, fd) != 0) {
		bool closing = s->closing;

		s->closing = true; /* this is no orphan: the caller learns it from the status */
		conn_drop(c);
		s->closing = closing;
		return ST_SYSERR;
	}
	t.user = c;
	c->channel = ctl_channel_open(s->service, &t);
	if (c->channel == NULL)
		return ST_NOMEMORY;
	conn_update_reading(c);
	return ST_NORMAL;
}

void
ctl_server_ready(struct ctl_server *s)
{
	if (s->channel != NULL && s->channel->channel != NULL)
		ctl_channel_news(s->channel->channel, "+READY");
}

void
ctl_server_news(struct ctl_server *s, const char *text)
{
	ctl_server_news_of(s, CTL_NEWS_LOG, text);
}

/* On the channel: "+EVENT text", or "+EVENT:2 text" for another class than LOG. */
void
ctl_server_news_of(struct ctl_server *s, unsigned classes, const char *text)
{
	char event[CMD_LINE_MAX];

	LIST_FOREACH(n, &s->conns) {
		struct conn *c = container_of(n, struct conn, node);

		if (c->session != NULL && ctl_wants_news(c->session, classes))
			ctl_news(c->session, text);
	}
	if (s->channel != NULL && s->channel->channel != NULL) {
		if (classes == CTL_NEWS_LOG)
			snprintf(event, sizeof(event), "+EVENT %s", text);
		else
			snprintf(event, sizeof(event), "+EVENT:%u %s", classes, text);
		ctl_channel_news(s->channel->channel, event);
	}
}

void
ctl_server_on_orphan(struct ctl_server *s, void (*orphan)(void *user))
{
	s->orphan = orphan;
}

static void
on_sweep_closed(uv_handle_t *handle)
{
	ctl_uv_handle_gone(handle->data);
}

/* The sweep runs on while connections end: it cuts those that do not read. */
static void
on_close_sweep(uv_timer_t *timer)
{
	struct ctl_server *s = timer->data;

	if (list_empty(&s->conns)) {
		uv_close((uv_handle_t *)timer, on_sweep_closed);
		uv_close((uv_handle_t *)&s->turn, on_sweep_closed);
		return;
	}
	LIST_FOREACH(n, &s->conns) {
		struct conn *c = container_of(n, struct conn, node);

		if (uv_now(s->loop) >= c->end_by || hung_up(c)) {
			conn_drop(c);
			break; /* the others in the next round */
		}
	}
}

static void
conn_finish(struct conn *c)
{
	if (c->channel != NULL)
		ctl_channel_end(c->channel);
	if (c->session != NULL && c->server->end_status != ST_NORMAL)
		ctl_end_because(c->session, c->server->end_status, c->server->end_text);
	else if (c->session != NULL)
		ctl_end(c->session);
	if (!c->closed)
		conn_end(c);
}

void
ctl_server_guard(struct ctl_server *s, const struct ctl_guard *guard)
{
	s->guard = *guard;
}

void
ctl_server_end_with(struct ctl_server *s, enum status status, const char *text)
{
	s->end_status = status;
	s->end_text = text;
	s->keep_sockets = true;
}

size_t
ctl_server_sessions(const struct ctl_server *s)
{
	return s->sessions;
}

void
ctl_server_each(struct ctl_server *s, void (*one)(void *user, const struct ctl_peer *peer,
	int64_t idle_ms, bool busy), void *user)
{
	LIST_FOREACH(n, &s->conns) {
		struct conn *c = container_of(n, struct conn, node);

		if (c->session != NULL)
			one(user, &c->peer, (int64_t)(uv_now(s->loop) - c->active),
				ctl_is_busy(c->session));
	}
}

void
ctl_server_recheck(struct ctl_server *s)
{
	bool again;

	do { /* dropping one may drop others: begin again after each */
		again = false;
		LIST_FOREACH(n, &s->conns) {
			struct conn *c = container_of(n, struct conn, node);

			if (c->tls == NULL || c->session == NULL || cry_tls_is_good_still(c->tls))
				continue;
			if (s->guard.refused != NULL)
				s->guard.refused(s->guard.user, &c->peer, cry_tls_why(c->tls));
			conn_drop(c);
			again = true;
			break;
		}
	} while (again);
}

void
ctl_server_close(struct ctl_server *s, void (*closed)(void *user), void *user)
{
	struct list ending;

	if (s->closing)
		return;
	s->closing = true;
	s->closed = closed;
	s->closed_user = user;
	ctl_server_unlisten(s);
	/* Ending one session may end others: always take the first, and set aside what is left. */
	list_init(&ending);
	while (!list_empty(&s->conns)) {
		struct conn *c = container_of(s->conns.next, struct conn, node);

		list_remove(&c->node);
		list_append(&ending, &c->node);
		conn_finish(c);
	}
	while (!list_empty(&ending)) {
		struct list *n = ending.next;

		list_remove(n);
		list_append(&s->conns, n);
	}
	uv_timer_start(&s->sweep, on_close_sweep, 0, 50);
}
