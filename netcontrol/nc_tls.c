/*
 * nc_tls.c - the console's connection to a server on another host.
 *
 * Called by nc_conn.c.  Waits with poll, as all of the console does.  Nothing is sent to a server
 * before its certificate has been checked for the name that the operator gave.
 */
#include "netcontrol/nc_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cry_tls.h"

enum { CHUNK = 16 * 1024, CONNECT_MS = 10000, HOST_MAX = 256 };

#define DEFAULT_PORT "4511"

static bool
flush(struct nc_conn *c)
{
	uint8_t buf[CHUNK];
	size_t n;

	while ((n = cry_tls_output(c->tls, buf, sizeof(buf))) > 0)
		if (!nc_conn_send_all(c->fd, bytes_of(buf, n)))
			return false;
	return true;
}

bool
nc_tls_send(struct nc_conn *c, struct bytes octets)
{
	return cry_tls_write(c->tls, octets) && flush(c);
}

bool
nc_tls_fill(struct nc_conn *c)
{
	uint8_t buf[CHUNK];
	ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
	size_t got;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	(void)cry_tls_input(c->tls, bytes_of(buf, (size_t)n));
	/* One record's data is never longer than the record. */
	while (c->room - c->n > 0 &&
		(got = cry_tls_read(c->tls, c->in + c->n, c->room - c->n)) > 0)
		c->n += got;
	return flush(c) && (cry_tls_state(c->tls) == CRY_TLS_OPEN || c->n > c->at);
}

void
nc_tls_close(struct nc_conn *c)
{
	cry_tls_close(c->tls);
	if (c->fd >= 0)
		(void)flush(c);
	cry_tls_free(c->tls);
	cry_tls_ctx_free(c->ctx);
	c->tls = NULL;
	c->ctx = NULL;
}

const char *
nc_conn_why(const struct nc_conn *c)
{
	return c->tls != NULL ? cry_tls_why(c->tls) : "";
}

/* ------------------------------------------------------------------ opening */

/* "name", "name:port", "[address]:port", "address". */
static bool
split_host(const char *host, char *name, char *port)
{
	const char *colon = strrchr(host, ':'), *close_bracket = strchr(host, ']');
	size_t n = strlen(host);

	snprintf(port, 16, "%s", DEFAULT_PORT);
	if (host[0] == '[' && close_bracket != NULL) {
		n = (size_t)(close_bracket - host - 1);
		host++;
		if (close_bracket[1] == ':')
			snprintf(port, 16, "%.15s", close_bracket + 2);
	} else if (colon != NULL && strchr(host, ':') == colon) {
		n = (size_t)(colon - host);
		snprintf(port, 16, "%.15s", colon + 1);
	}
	if (n == 0 || n >= HOST_MAX)
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	return true;
}

static int
connect_one(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t n = sizeof(error);

	if (fd < 0)
		return -1;
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return fd;
	if (errno == EINPROGRESS) {
		if (poll(&p, 1, CONNECT_MS) != 1)
			error = ETIMEDOUT;
		else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
			error = errno;
		if (error == 0)
			return fd;
		errno = error;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static enum status
handshake(struct nc_conn *c)
{
	instant end = instant_add(when_now(), CONNECT_MS);
	uint8_t buf[CHUNK];

	(void)cry_tls_input(c->tls, (struct bytes){ NULL, 0 });
	while (flush(c) && cry_tls_state(c->tls) == CRY_TLS_HANDSHAKE) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		int64_t left = instant_diff(end, when_now());
		ssize_t n;

		if (left <= 0 || (poll(&p, 1, (int)left) == 0))
			return ST_TIMEOUT;
		n = recv(c->fd, buf, sizeof(buf), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return ST_NOTTLS;
		if (n > 0)
			(void)cry_tls_input(c->tls, bytes_of(buf, (size_t)n));
	}
	return cry_tls_state(c->tls) == CRY_TLS_OPEN ? ST_NORMAL : ST_NOTTLS;
}

enum status
nc_conn_open_host(struct nc_conn *c, const char *host, const struct cry_tls_files *files, char *why,
	size_t why_size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	char name[HOST_MAX], port[16];
	enum status status;
	int rc;

	*c = (struct nc_conn){ .fd = -1 };
	if (!split_host(host, name, port)) {
		snprintf(why, why_size, "\\%.80s\\ is no host", host);
		return ST_IVPARM;
	}
	TRY(cry_tls_ctx_new(false, files, &c->ctx, why, why_size));
	rc = getaddrinfo(name, port, &hints, &list);
	for (const struct addrinfo *a = list; rc == 0 && a != NULL && c->fd < 0; a = a->ai_next)
		c->fd = connect_one(a);
	if (c->fd < 0) {
		snprintf(why, why_size, "%s: %s", host, rc != 0 ? gai_strerror(rc) :
			strerror(errno));
		status = ST_NOSERVER;
	} else {
		c->tls = cry_tls_new(c->ctx, name);
		status = c->tls == NULL ? ST_NOMEMORY : handshake(c);
		snprintf(why, why_size, "%s%s%s", host, status == ST_NORMAL ||
			nc_conn_why(c)[0] == '\0' ? "" : ": ", nc_conn_why(c));
	}
	if (list != NULL)
		freeaddrinfo(list);
	if (status == ST_NORMAL)
		return status;
	if (c->tls == NULL)
		cry_tls_ctx_free(c->ctx);
	nc_conn_close(c);
	return status;
}
