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
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "lib/ctl_channel.h"
#include "lib/list.h"

enum {
	SWEEP_MS = 500,      /* how often half-closed and ending connections are looked at */
	END_MS = 5000,       /* how long queued answers may take after the session ended */
	BACKLOG = 128,
	GROUPS_MAX = 256,
};

struct listener {
	struct list node;
	struct ctl_server *server;
	uv_pipe_t pipe;
	char *path;
	dev_t dev;
	ino_t ino;
	unsigned mode;
	gid_t gid;
	enum ctl_role role;
};

struct conn {
	struct list node;
	struct ctl_server *server;
	uv_pipe_t pipe;
	struct ctl_session *session; /* NULL: channel, or over */
	struct ctl_channel *channel;
	bool is_channel, reading, eof, ending, closed;
	uint64_t end_by; /* loop time at which an ending connection is cut */
};

struct ctl_server {
	uv_loop_t *loop;
	const struct ctl_service *service;
	struct list listeners, conns;
	size_t sessions;
	struct conn *channel;
	void (*orphan)(void *user);
	uv_timer_t sweep;
	size_t handles; /* open ones: the server goes with the last */
	bool closing;
	void (*closed)(void *user);
	void *closed_user;
	char buf[CTL_INPUT_MAX]; /* what is being read; one for all, the loop is one thread */
};

struct write { /* octets that did not fit into the socket's buffer */
	uv_write_t req;
	char octets[];
};

static void conn_drop(struct conn *c);

static void
handle_gone(struct ctl_server *s)
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
		conn_drop(c);
	else if (c->session != NULL)
		ctl_drained(c->session);
	else if (c->channel != NULL)
		ctl_channel_drained(c->channel);
}

static void conn_update_reading(struct conn *c);

static void
conn_send(void *user, struct bytes octets)
{
	struct conn *c = user;
	uv_stream_t *stream = (uv_stream_t *)&c->pipe;
	uv_buf_t buf;
	struct write *w;
	int n = 0;

	if (c->closed)
		return;
	if (uv_stream_get_write_queue_size(stream) == 0) {
		buf = uv_buf_init((char *)(uintptr_t)octets.p, (unsigned)octets.n);
		n = uv_try_write(stream, &buf, 1);
		if (n < 0 && n != UV_EAGAIN) {
			conn_drop(c);
			return;
		}
		n = n < 0 ? 0 : n;
	}
	if ((size_t)n < octets.n) {
		w = malloc(sizeof(*w) + octets.n - (size_t)n);
		if (w == NULL) {
			conn_drop(c);
			return;
		}
		memcpy(w->octets, octets.p + n, octets.n - (size_t)n);
		buf = uv_buf_init(w->octets, (unsigned)(octets.n - (size_t)n));
		if (uv_write(&w->req, stream, &buf, 1, on_written) != 0) {
			free(w);
			conn_drop(c);
			return;
		}
	}
	conn_update_reading(c);
}

static size_t
conn_unsent(void *user)
{
	struct conn *c = user;

	return c->closed ? 0 : uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe);
}

/* ------------------------------------------------------------------ the end of a connection */

static void
on_conn_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;
	struct ctl_server *s = c->server;

	free(c);
	handle_gone(s);
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

/* The session is over: what is queued still goes out, for a while. */
static void
conn_end(void *user)
{
	struct conn *c = user;

	if (c->closed || c->ending)
		return;
	c->ending = true;
	c->end_by = uv_now(c->server->loop) + END_MS;
	if (conn_unsent(c) == 0 || conn_unsent(c) > CTL_OUTPUT_MAX)
		conn_drop(c);
	else
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

static void
on_sweep(uv_timer_t *timer)
{
	struct ctl_server *s = timer->data;
	uint64_t now = uv_now(s->loop);
	bool more;

	do { /* dropping one may drop others: begin again after each */
		struct conn *gone = NULL;

		more = false;
		LIST_FOREACH(n, &s->conns) {
			struct conn *c = container_of(n, struct conn, node);

			if (c->reading)
				continue;
			more = true;
			if ((c->ending && now >= c->end_by) || hung_up(c)) {
				gone = c;
				break;
			}
		}
		if (gone == NULL)
			break;
		conn_drop(gone);
	} while (more);
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

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	if (n == 0)
		return;
	if (n == UV_EOF && c->session != NULL && !hung_up(c)) {
		c->eof = true;
		conn_update_reading(c);
		ctl_eof(c->session);
		return;
	}
	if (n < 0) {
		conn_drop(c);
		return;
	}
	if (c->channel != NULL) {
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
	bool want = !c->closed && !c->ending && !c->eof &&
		(c->channel != NULL || (c->session != NULL && ctl_wants_input(c->session)));

	if (c->closed)
		return;
	if (want && !c->reading)
		c->reading = uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) == 0;
	else if (!want && c->reading) {
		uv_read_stop((uv_stream_t *)&c->pipe);
		c->reading = false;
	}
	if (!c->reading && !uv_is_active((uv_handle_t *)&c->server->sweep))
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
	gid_t groups[GROUPS_MAX];
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
 * The socket's protection let the client connect; its credentials must agree.  Root and the user
 * who runs the server always may.
 */
static enum ctl_role
conn_role(const struct listener *l, int fd, char *who, size_t size)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0) {
		snprintf(who, size, "unknown");
		return CTL_NOBODY;
	}
	snprintf(who, size, "uid %u%s", cred.uid, cred.uid == 0 ? " (root)" : "");
	if (cred.uid == 0 || cred.uid == geteuid() || (l->mode & 0006) != 0)
		return l->role;
	if ((l->mode & 0060) != 0 && in_group(fd, cred.gid, l->gid))
		return l->role;
	return CTL_NOBODY;
}

static void
refuse(struct conn *c, enum status status, const char *detail)
{
	char line[256], message[240];

	status_format(message, sizeof(message), status, NULL, detail);
	snprintf(line, sizeof(line), "%u %s\n", status_row(status)->reply, message);
	conn_send(c, bytes_str(line));
	conn_end(c);
}

static void
on_connection(uv_stream_t *stream, int status)
{
	struct listener *l = stream->data;
	struct ctl_server *s = l->server;
	struct ctl_transport t = { .send = conn_send, .unsent = conn_unsent, .close = conn_end };
	enum ctl_role role = CTL_NOBODY;
	char who[48] = "unknown";
	struct conn *c;
	int fd;

	if (status < 0 || s->closing)
		return; /* libuv closes what nobody accepts with the listener */
	c = conn_new(s);
	if (c == NULL)
		return;
	s->sessions++;
	if (uv_accept(stream, (uv_stream_t *)&c->pipe) != 0) {
		conn_drop(c);
		return;
	}
	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) == 0)
		role = conn_role(l, fd, who, sizeof(who));
	if (s->sessions > CTL_SESSIONS_MAX) {
		refuse(c, ST_LIMIT, "too many sessions");
		return;
	}
	if (role == CTL_NOBODY) {
		refuse(c, ST_NOTPERM, who);
		return;
	}
	t.user = c;
	c->session = ctl_open(s->service, &t, role, who);
	if (c->session == NULL)
		refuse(c, ST_NOMEMORY, NULL);
	else
		conn_update_reading(c);
}

/* ------------------------------------------------------------------ listening */

static enum status
say_errno(char *why, size_t size, const char *what, const char *path)
{
	snprintf(why, size, "%s %s: %s", what, path, strerror(errno));
	return ST_SYSERR;
}

/* Make way for our socket: an old one on which nobody answers is removed, nothing else ever. */
static enum status
clear_path(const struct sockaddr_un *a, char *why, size_t size)
{
	struct stat st;
	int fd, rc;

	if (lstat(a->sun_path, &st) != 0)
		return errno == ENOENT ? ST_NORMAL : say_errno(why, size, "cannot look at",
			a->sun_path);
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, size, "%s exists and is not a socket", a->sun_path);
		return ST_SYSERR;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return say_errno(why, size, "socket for", a->sun_path);
	rc = connect(fd, (const struct sockaddr *)a, sizeof(*a));
	if (rc == 0 || errno != ECONNREFUSED) {
		bool busy = rc == 0 || errno == EAGAIN;

		close(fd);
		if (!busy)
			return say_errno(why, size, "cannot try", a->sun_path);
		snprintf(why, size, "another server answers on %s", a->sun_path);
		return ST_ALREADY;
	}
	close(fd);
	if (unlink(a->sun_path) != 0)
		return say_errno(why, size, "cannot remove", a->sun_path);
	return ST_NORMAL;
}

/* The directory of the socket, made when missing (one level: /run/multinet). */
static void
make_directory(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL || slash == dir)
		return;
	*slash = '\0';
	(void)mkdir(dir, 0755); /* if it fails, bind tells why */
}

static enum status
bind_socket(struct listener *l, const struct ctl_listen *want, int *out, char *why, size_t size)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct group *group = NULL;
	struct stat st;
	mode_t old;
	int fd, rc;

	if (strlen(want->path) >= sizeof(a.sun_path)) {
		snprintf(why, size, "socket path is longer than %zu octets: %s",
			sizeof(a.sun_path) - 1, want->path);
		return ST_SYSERR;
	}
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", want->path);
	l->gid = getegid();
	if (want->group != NULL) {
		group = getgrnam(want->group);
		if (group == NULL) {
			snprintf(why, size, "no group %s for %s", want->group, want->path);
			return ST_SYSERR;
		}
		l->gid = group->gr_gid;
	}
	make_directory(want->path);
	TRY(clear_path(&a, why, size));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return say_errno(why, size, "socket for", want->path);
	old = umask(0777 & ~(mode_t)want->mode);
	rc = bind(fd, (struct sockaddr *)&a, sizeof(a));
	umask(old);
	if (rc == 0 && group != NULL)
		rc = lchown(want->path, (uid_t)-1, l->gid);
	if (rc != 0 || lstat(want->path, &st) != 0) {
		enum status status = say_errno(why, size, "cannot make socket", want->path);

		close(fd);
		return status;
	}
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	*out = fd;
	return ST_NORMAL;
}

static void
on_listener_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;
	struct ctl_server *s = l->server;

	free(l->path);
	free(l);
	handle_gone(s);
}

static void
listener_close(struct listener *l)
{
	struct stat st;

	list_remove(&l->node);
	/* Only our own: another server may have replaced it. */
	if (lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	uv_close((uv_handle_t *)&l->pipe, on_listener_closed);
}

enum status
ctl_server_listen(struct ctl_server *s, const struct ctl_listen *want, char *why, size_t why_size)
{
	struct listener *l = calloc(1, sizeof(*l));
	enum status status;
	int fd, rc;

	if (l == NULL)
		return ST_NOMEMORY;
	l->server = s;
	l->mode = want->mode;
	l->role = want->role;
	l->path = strdup(want->path);
	if (l->path == NULL) {
		free(l);
		return ST_NOMEMORY;
	}
	status = bind_socket(l, want, &fd, why, why_size);
	if (status == ST_NORMAL && uv_pipe_init(s->loop, &l->pipe, 0) != 0) {
		close(fd);
		status = ST_NOMEMORY;
	}
	if (status != ST_NORMAL) {
		free(l->path);
		free(l);
		return status;
	}
	l->pipe.data = l;
	s->handles++;
	list_append(&s->listeners, &l->node);
	rc = uv_pipe_open(&l->pipe, fd);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&l->pipe, BACKLOG, on_connection);
	if (rc != 0) {
		snprintf(why, why_size, "cannot listen on %s: %s", want->path, uv_strerror(rc));
		listener_close(l);
		return ST_SYSERR;
	}
	return ST_NORMAL;
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
	list_init(&s->listeners);
	list_init(&s->conns);
	if (uv_timer_init(loop, &s->sweep) != 0) {
		free(s);
		return NULL;
	}
	s->sweep.data = s;
	s->handles = 1;
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
	struct ctl_transport t = { .send = conn_send, .unsent = conn_unsent, .close = conn_end };
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
	char event[CMD_LINE_MAX];

	LIST_FOREACH(n, &s->conns) {
		struct conn *c = container_of(n, struct conn, node);

		if (c->session != NULL && ctl_is_monitor(c->session))
			ctl_news(c->session, text);
	}
	if (s->channel != NULL && s->channel->channel != NULL) {
		snprintf(event, sizeof(event), "+EVENT %s", text);
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
	handle_gone(handle->data);
}

/* The sweep runs on while connections end: it cuts those that do not read. */
static void
on_close_sweep(uv_timer_t *timer)
{
	struct ctl_server *s = timer->data;

	if (list_empty(&s->conns)) {
		uv_close((uv_handle_t *)timer, on_sweep_closed);
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
	if (c->session != NULL)
		ctl_end(c->session);
	if (!c->closed)
		conn_end(c);
}

void
ctl_server_unlisten(struct ctl_server *s)
{
	LIST_FOREACH(n, &s->listeners)
		listener_close(container_of(n, struct listener, node));
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
