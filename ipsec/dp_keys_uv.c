/*
 * dp_keys_uv.c - ipsecd's PF_KEY socket on a libuv loop.
 *
 * Called by ipsecd.  A message that cannot be decoded is answered with its error, as a kernel does;
 * octets that are no PF_KEY end the connection.  Messages hold keys: buffers are wiped when done.
 */
#include "ipsec/dp_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "ipsec/sadb_stream.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/secret.h"

enum { BACKLOG = 64, OUT_FIRST = 8192 };

struct out { /* octets on their way */
	uint8_t *p;
	size_t n, room;
};

struct client {
	struct list node;
	struct dp_keys *keys;
	uv_pipe_t pipe;
	uv_write_t req;
	uint32_t id;
	bool writing, paused, closing;
	struct out gathered, sent; /* sent: in the hands of libuv while writing */
	struct sadb_stream in;
};

struct dp_keys {
	uv_loop_t *loop;
	uv_pipe_t listener;
	struct dp_keys_handlers h;
	char path[SADB_PATH_MAX];
	struct list clients; /* by number, ascending */
	size_t count;
	uint32_t last_id;
	size_t handles;
	bool closing;
	void (*closed)(void *user);
	void *closed_user;
};

static void
handle_gone(struct dp_keys *k)
{
	void (*closed)(void *user) = k->closed;
	void *user = k->closed_user;

	if (--k->handles != 0)
		return;
	free(k);
	if (closed != NULL)
		closed(user);
}

static void
out_free(struct out *o)
{
	if (o->p != NULL)
		wipe(o->p, o->room);
	free(o->p);
	*o = (struct out){ 0 };
}

static void
on_client_closed(uv_handle_t *h)
{
	struct client *c = h->data;
	struct dp_keys *k = c->keys;

	out_free(&c->gathered);
	out_free(&c->sent);
	sadb_stream_wipe(&c->in);
	free(c);
	handle_gone(k);
}

static void
disconnect(struct client *c)
{
	struct dp_keys *k = c->keys;

	if (c->closing)
		return;
	c->closing = true;
	list_remove(&c->node);
	k->count--;
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
	k->h.gone(k->h.user, c->id);
}

/* -------------------------------------------------------------------------------------- sending */

static size_t
unread(const struct client *c)
{
	return c->gathered.n + (c->writing ? c->sent.n : 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);
static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf);

static void
set_paused(struct client *c, bool paused)
{
	if (c->paused == paused || c->closing)
		return;
	c->paused = paused;
	if (paused)
		uv_read_stop((uv_stream_t *)&c->pipe);
	else
		uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read);
	c->keys->h.pause(c->keys->h.user, c->id, paused);
}

static void
gather(struct client *c, struct bytes msg)
{
	struct out *o = &c->gathered;

	if (o->room - o->n < msg.n) {
		size_t room = o->room == 0 ? OUT_FIRST : o->room * 2;
		uint8_t *p = room > 2 * (size_t)DP_CLIENT_UNREAD_MAX ? NULL : malloc(room);

		if (p == NULL) {
			disconnect(c);
			return;
		}
		if (o->n > 0)
			memcpy(p, o->p, o->n);
		if (o->p != NULL)
			wipe(o->p, o->room);
		free(o->p);
		o->p = p;
		o->room = room;
	}
	memcpy(o->p + o->n, msg.p, msg.n);
	o->n += msg.n;
	if (unread(c) > DP_CLIENT_UNREAD_MAX) {
		log_line(LOG_L_WARNING, NULL, "pfkey: a client does not read its messages and is "
			"disconnected");
		disconnect(c);
		return;
	}
	if (unread(c) > DP_CLIENT_HIGH)
		set_paused(c, true);
}

static void flush_client(struct client *c);

static void
on_written(uv_write_t *req, int error)
{
	struct client *c = req->data;

	c->writing = false;
	wipe(c->sent.p, c->sent.n);
	c->sent.n = 0;
	if (error < 0) {
		disconnect(c);
		return;
	}
	flush_client(c);
	if (unread(c) < DP_CLIENT_LOW)
		set_paused(c, false);
}

static void
flush_client(struct client *c)
{
	struct out swap;
	uv_buf_t buf;
	int taken;

	if (c->writing || c->closing || c->gathered.n == 0)
		return;
	/* Nearly always there is room for all of it, and nothing left for the loop to do.  A client
	 * that is behind goes on when the loop says so. */
	buf = uv_buf_init((char *)c->gathered.p, (unsigned)c->gathered.n);
	taken = c->paused ? 0 : uv_try_write((uv_stream_t *)&c->pipe, &buf, 1);
	if (taken == (int)c->gathered.n) {
		wipe(c->gathered.p, c->gathered.n);
		c->gathered.n = 0;
		return;
	}
	swap = c->sent;
	c->sent = c->gathered;
	c->gathered = swap;
	c->gathered.n = 0;
	if (taken < 0)
		taken = 0;
	buf = uv_buf_init((char *)c->sent.p + taken, (unsigned)c->sent.n - (unsigned)taken);
	c->req.data = c;
	c->writing = true;
	if (uv_write(&c->req, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0) {
		c->writing = false;
		disconnect(c);
	}
}

void
dp_keys_flush(struct dp_keys *k)
{
	LIST_FOREACH(at, &k->clients)
		flush_client(container_of(at, struct client, node));
}

static struct client *
find(const struct dp_keys *k, uint32_t id)
{
	LIST_FOREACH(at, &k->clients) {
		struct client *c = container_of(at, struct client, node);

		if (c->id == id)
			return c;
	}
	return NULL;
}

void
dp_keys_send(struct dp_keys *k, uint32_t client, struct bytes msg)
{
	struct client *c = find(k, client);

	if (c != NULL)
		gather(c, msg);
}

uint32_t
dp_keys_next(const struct dp_keys *k, uint32_t client)
{
	LIST_FOREACH(at, &k->clients) {
		const struct client *c = container_of(at, struct client, node);

		if (c->id > client)
			return c->id;
	}
	return 0;
}

size_t
dp_keys_count(const struct dp_keys *k)
{
	return k->count;
}

/* -------------------------------------------------------------------------------------- reading */

/* A message nobody can read: its header comes back with the error. */
static void
answer_bad(struct client *c, struct bytes raw, enum status status)
{
	uint8_t header[PFKEY_HEADER];
	struct writer w = writer_of(header, sizeof(header));

	write_bytes(&w, bytes_of(raw.p, PFKEY_HEADER));
	header[2] = status == ST_NOALG ? EOPNOTSUPP : EINVAL;
	patch_u16_host(header + 4, PFKEY_HEADER / 8);
	gather(c, writer_bytes(&w));
	flush_client(c);
}

static void
on_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct client *c = h->data;
	size_t room;

	(void)suggested;
	buf->base = (char *)sadb_stream_room(&c->in, &room);
	buf->len = room;
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;
	struct sadb_msg m;
	struct bytes raw;
	char why[128];
	enum status status;

	(void)buf;
	if (n < 0) {
		disconnect(c);
		return;
	}
	sadb_stream_filled(&c->in, (size_t)n);
	while (!c->closing) {
		if (sadb_stream_next(&c->in, &raw) != ST_NORMAL) {
			log_line(LOG_L_WARNING, NULL, "pfkey: a client sent what is no PF_KEY "
				"message and is disconnected");
			disconnect(c);
			return;
		}
		if (raw.n == 0)
			return;
		status = pfkey_decode(raw, &m, why, sizeof(why));
		if (status == ST_NORMAL) {
			c->keys->h.request(c->keys->h.user, c->id, &m);
		} else {
			log_line(LOG_L_WARNING, NULL, "pfkey: %s: %s", status_row(status)->text,
				why);
			answer_bad(c, raw, status);
		}
		sadb_msg_wipe(&m);
	}
}

/* --------------------------------------------------------------------------------- connections */

/* The mode of the socket keeps others out; this is for sockets whose mode somebody changed. */
static bool
allowed(uv_pipe_t *pipe)
{
	struct ucred who;
	socklen_t n = sizeof(who);
	int fd;

	return uv_fileno((uv_handle_t *)pipe, &fd) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
		(who.uid == 0 || who.uid == geteuid());
}

static void
on_connection(uv_stream_t *listener, int status)
{
	struct dp_keys *k = listener->data;
	struct client *c = status < 0 ? NULL : calloc(1, sizeof(*c));

	if (c == NULL)
		return;
	uv_pipe_init(k->loop, &c->pipe, 0);
	c->keys = k;
	c->pipe.data = c;
	c->id = k->last_id == UINT32_MAX ? 0 : ++k->last_id;
	k->handles++;
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) < 0 || !allowed(&c->pipe) ||
		k->count == DP_CLIENTS_MAX || c->id == 0) {
		c->closing = true;
		uv_close((uv_handle_t *)&c->pipe, on_client_closed);
		return;
	}
	list_append(&k->clients, &c->node);
	k->count++;
	uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read);
}

/* Is somebody there already? */
static bool
answered(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool there;

	memcpy(un.sun_path, path, strnlen(path, sizeof(un.sun_path) - 1));
	there = fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0;
	if (fd >= 0)
		close(fd);
	return there;
}

/* /run is empty after a boot. Only the last level; what goes wrong shows when binding. */
static void
make_folder(const char *path)
{
	char folder[SADB_PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return;
	*slash = '\0';
	(void)mkdir(folder, 0755);
}

static int
listen_on(struct dp_keys *k)
{
	struct stat st;
	mode_t mask;
	int error;

	if (lstat(k->path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode) || answered(k->path))
			return UV_EADDRINUSE;
		unlink(k->path);
	}
	make_folder(k->path);
	mask = umask(0177);
	error = uv_pipe_bind(&k->listener, k->path);
	umask(mask);
	return error < 0 ? error : uv_listen((uv_stream_t *)&k->listener, BACKLOG, on_connection);
}

static void
on_listener_closed(uv_handle_t *h)
{
	handle_gone(h->data);
}

struct dp_keys *
dp_keys_open(struct uv_loop_s *loop, const char *path, const struct dp_keys_handlers *handlers,
	char *why, size_t why_size)
{
	struct dp_keys *k = calloc(1, sizeof(*k));
	int error;

	if (k == NULL || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		snprintf(why, why_size, "%s: %s", path, k == NULL ? "out of memory" :
			"a socket's path has at most 107 characters");
		free(k);
		return NULL;
	}
	snprintf(k->path, sizeof(k->path), "%s", path);
	k->loop = loop;
	k->h = *handlers;
	k->last_id = DP_CLIENT_FIRST;
	list_init(&k->clients);
	uv_pipe_init(loop, &k->listener, 0);
	k->listener.data = k;
	k->handles = 1;
	error = listen_on(k);
	if (error < 0) {
		snprintf(why, why_size, "%s: %s", path, error == UV_EADDRINUSE ?
			"somebody answers there already, or it is no socket" : uv_strerror(error));
		k->path[0] = '\0';
		dp_keys_close(k, NULL, NULL);
		return NULL;
	}
	return k;
}

void
dp_keys_close(struct dp_keys *k, void (*closed)(void *user), void *user)
{
	k->closed = closed;
	k->closed_user = user;
	if (k->path[0] != '\0')
		unlink(k->path);
	while (!list_empty(&k->clients))
		disconnect(container_of(k->clients.next, struct client, node));
	uv_close((uv_handle_t *)&k->listener, on_listener_closed);
}
