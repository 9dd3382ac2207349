/*
 * ctl_listen_uv.c - the sockets on which sessions arrive: Unix, TCP, TLS, or handed on by the
 * program that ran here before.
 *
 * Called by the master server and by every daemon through ctl_uv.h.  Makes, protects and removes
 * the sockets; what comes in is ctl_uv.c's business.
 */
#include "lib/ctl_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/ctl_int_uv.h"

enum { BACKLOG = 1024 };

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
find_owners(struct listener *l, const struct ctl_listen *want, char *why, size_t size)
{
	const char *name = want->group;
	struct passwd *owner;
	struct group *group;

	l->uid = geteuid();
	if (want->owner != NULL) {
		owner = getpwnam(want->owner);
		if (owner == NULL) {
			snprintf(why, size, "no user %s for %s", want->owner, want->path);
			return ST_SYSERR;
		}
		l->uid = owner->pw_uid;
	}
	l->gid = getegid();
	if (name != NULL) {
		group = getgrnam(name);
		if (group == NULL)
			goto none;
		l->gid = group->gr_gid;
	}
	name = want->reader_group;
	if (name != NULL) {
		group = getgrnam(name);
		if (group == NULL)
			goto none;
		l->reader_gid = group->gr_gid;
		l->has_reader_gid = true;
	}
	return ST_NORMAL;
none:
	snprintf(why, size, "no group %s for %s", name, want->path);
	return ST_SYSERR;
}

static enum status
bind_ip(const struct ctl_listen *want, int *out, char *why, size_t size)
{
	struct sockaddr_storage ss;
	socklen_t n = net_to_sockaddr(&want->at, &ss);
	char name[NET_ENDPOINT_TEXT];
	int on = 1, fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	net_endpoint_text(name, sizeof(name), &want->at);
	if (fd < 0)
		return say_errno(why, size, "socket for", name);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&ss, n) != 0) {
		enum status status = errno == EADDRINUSE ? ST_ALREADY : ST_SYSERR;

		(void)say_errno(why, size, "cannot bind", name);
		close(fd);
		return status;
	}
	*out = fd;
	return ST_NORMAL;
}

static enum status
bind_socket(const struct listener *l, const struct ctl_listen *want, int *out, char *why,
	size_t size)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t old;
	int fd, rc;

	if (strlen(want->path) >= sizeof(a.sun_path)) {
		snprintf(why, size, "socket path is longer than %zu octets: %s",
			sizeof(a.sun_path) - 1, want->path);
		return ST_SYSERR;
	}
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", want->path);
	make_directory(want->path);
	TRY(clear_path(&a, why, size));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return say_errno(why, size, "socket for", want->path);
	old = umask(0777 & ~(mode_t)(want->everyone ? 0666 : want->mode));
	rc = bind(fd, (struct sockaddr *)&a, sizeof(a));
	umask(old);
	if (rc == 0 && (want->owner != NULL || want->group != NULL))
		rc = lchown(want->path, l->uid, l->gid);
	if (rc != 0 || lstat(want->path, &st) != 0) {
		enum status status = say_errno(why, size, "cannot make socket", want->path);

		close(fd);
		return status;
	}
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
	ctl_uv_handle_gone(s);
}

static void
listener_close(struct listener *l)
{
	struct stat st;

	list_remove(&l->node);
	/* Only our own: another server may have replaced it. */
	if (l->path != NULL && !l->keep && !l->server->keep_sockets && lstat(l->path, &st) == 0 &&
		st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	uv_close((uv_handle_t *)&l->pipe, on_listener_closed);
}

/* The socket: one that was handed on, or a new one. */
static enum status
make_socket(struct listener *l, const struct ctl_listen *want, int *fd, char *why, size_t size)
{
	struct stat st;

	if (want->path != NULL)
		TRY(find_owners(l, want, why, size));
	*fd = want->fd;
	if (want->fd > 0)
		(void)fcntl(want->fd, F_SETFD, FD_CLOEXEC);
	else
		TRY(want->path != NULL ? bind_socket(l, want, fd, why, size) :
					 bind_ip(want, fd, why, size));
	if (want->path != NULL && lstat(want->path, &st) == 0) {
		l->dev = st.st_dev;
		l->ino = st.st_ino;
	}
	return ST_NORMAL;
}

enum status
ctl_server_listen(struct ctl_server *s, const struct ctl_listen *want, char *why, size_t why_size)
{
	struct listener *l = calloc(1, sizeof(*l));
	enum status status;
	int fd = -1, rc;

	if (l == NULL)
		return ST_NOMEMORY;
	l->server = s;
	l->mode = want->mode;
	l->role = want->role;
	l->everyone = want->everyone;
	l->keep = want->keep;
	l->at = want->at;
	l->tls = want->tls;
	l->path = want->path != NULL ? strdup(want->path) : NULL;
	status = want->path != NULL && l->path == NULL ? ST_NOMEMORY :
		make_socket(l, want, &fd, why, why_size);
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
		rc = uv_listen((uv_stream_t *)&l->pipe, BACKLOG, ctl_uv_on_connection);
	if (rc != 0) {
		snprintf(why, why_size, "cannot listen on %s: %s",
			want->path != NULL ? want->path : "an address", uv_strerror(rc));
		listener_close(l);
		return ST_SYSERR;
	}
	return ST_NORMAL;
}

void
ctl_server_unlisten(struct ctl_server *s)
{
	LIST_FOREACH(n, &s->listeners)
		listener_close(container_of(n, struct listener, node));
}

void
ctl_server_sockets(struct ctl_server *s, void (*one)(void *user, const char *name, int fd,
	bool keep),
	void *user)
{
	LIST_FOREACH(n, &s->listeners) {
		struct listener *l = container_of(n, struct listener, node);
		char name[NET_ENDPOINT_TEXT + 8], buf[NET_ENDPOINT_TEXT];
		int fd;

		snprintf(name, sizeof(name), "%s:%s", l->tls != NULL ? "tls" : "tcp",
			net_endpoint_text(buf, sizeof(buf), &l->at));
		if (uv_fileno((uv_handle_t *)&l->pipe, &fd) == 0)
			one(user, l->path != NULL ? l->path : name, fd, l->keep);
	}
}
