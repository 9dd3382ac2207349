/*
 * nc_conn.c - the console's connection to a NETCONTROL server (see nc_conn.h).
 *
 * Called for every command that is the server's.  One request is under way at a time, so waiting
 * with poll is all that is needed.  What the server sends is bounded, never executed.
 */
#include "netcontrol/nc_conn.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024, SLICE_MS = 1000 };

enum status
nc_conn_open(struct nc_conn *c, const char *path, char *why, size_t why_size)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int error;

	*c = (struct nc_conn){ .fd = -1 };
	if (strlen(path) >= sizeof(a.sun_path)) {
		snprintf(why, why_size, "socket path is longer than %zu octets: %s",
			sizeof(a.sun_path) - 1, path);
		return ST_SYSERR;
	}
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&a, sizeof(a)) == 0) {
		if (fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0)
			return ST_NORMAL;
	}
	error = errno;
	nc_conn_close(c);
	snprintf(why, why_size, "%s: %s", path, strerror(error));
	if (error == EACCES || error == EPERM)
		return ST_NOTPERM;
	if (error == ENOENT || error == ECONNREFUSED || error == EAGAIN)
		return ST_NOSERVER;
	return ST_SYSERR;
}

void
nc_conn_close(struct nc_conn *c)
{
	if (c->tls != NULL)
		nc_tls_close(c);
	if (c->fd >= 0)
		close(c->fd);
	free(c->in);
	*c = (struct nc_conn){ .fd = -1 };
}

bool
nc_conn_send(struct nc_conn *c, const char *line)
{
	struct text t = { 0 };
	bool sent;

	text_addf(&t, "%s\n", line);
	sent = !t.failed && (c->tls != NULL ? nc_tls_send(c, bytes_of(t.p, t.n)) :
					      nc_conn_send_all(c->fd, bytes_of(t.p, t.n)));
	text_free(&t);
	return sent;
}

bool
nc_conn_send_all(int fd, struct bytes octets)
{
	size_t at = 0;

	while (at < octets.n) {
		ssize_t n = send(fd, octets.p + at, octets.n - at, MSG_NOSIGNAL);
		struct pollfd p = { .fd = fd, .events = POLLOUT };

		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			(void)poll(&p, 1, SLICE_MS);
		else if (n < 0 && errno != EINTR)
			break;
	}
	return at == octets.n;
}

char *
nc_conn_line(struct nc_conn *c)
{
	char *start = c->in + c->at, *nl;

	if (c->n == c->at)
		return NULL;
	nl = memchr(start, '\n', c->n - c->at);
	if (nl == NULL)
		return NULL;
	*nl = '\0';
	if (nl > start && nl[-1] == '\r')
		nl[-1] = '\0';
	c->at += (size_t)(nl - start) + 1;
	return start;
}

bool
nc_conn_fill(struct nc_conn *c)
{
	ssize_t n;
	char *p;

	if (c->at > 0) {
		memmove(c->in, c->in + c->at, c->n - c->at);
		c->n -= c->at;
		c->at = 0;
	}
	if (c->room - c->n < READ_SIZE) {
		size_t room = 2 * c->n + READ_SIZE;

		if (room > NC_ANSWER_MAX)
			return false;
		p = realloc(c->in, room);
		if (p == NULL)
			return false;
		c->in = p;
		c->room = room;
	}
	if (c->tls != NULL)
		return nc_tls_fill(c);
	n = recv(c->fd, c->in + c->n, c->room - c->n, 0);
	if (n > 0)
		c->n += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

enum status
nc_conn_wait(struct nc_conn *c, instant deadline, const volatile int *interrupt, char **line)
{
	for (;;) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		int64_t left;

		*line = nc_conn_line(c);
		if (*line != NULL)
			return ST_NORMAL;
		if (*interrupt != 0)
			return ST_CANCELLED;
		left = instant_diff(deadline, when_now());
		if (left <= 0)
			return ST_TIMEOUT;
		/* In slices: a signal that comes just before poll is seen all the same. */
		if (poll(&p, 1, left < SLICE_MS ? (int)left : SLICE_MS) > 0 && !nc_conn_fill(c)) {
			*line = nc_conn_line(c);
			return *line != NULL ? ST_NORMAL : ST_NOSERVER;
		}
	}
}

unsigned
nc_answer_code(const char *line, bool *last)
{
	*last = false;
	for (unsigned i = 0; i < 3; i++)
		if (!isdigit((unsigned char)line[i]))
			return 0;
	if (line[3] != '-' && line[3] != ' ')
		return 0;
	*last = line[3] == ' ';
	return (unsigned)(line[0] - '0') * 100 + (unsigned)(line[1] - '0') * 10 +
		(unsigned)(line[2] - '0');
}

const char *
nc_answer_text(const char *line)
{
	bool last;

	return nc_answer_code(line, &last) != 0 ? line + 4 : line;
}
