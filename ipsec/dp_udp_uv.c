/*
 * dp_udp_uv.c - UDP sockets for encapsulated ESP, on a libuv loop.
 *
 * Called by the datapath, which reads and writes the sockets itself.  Here they are taken over,
 * opened, found and given back.  A key daemon's connection says nothing after its hello; its end
 * takes the socket away, and our end gives it back.
 */
#include "ipsec/dp_udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "ipsec/sadb.h"
#include "ipsec/sadb_encap.h"
#include "lib/list.h"
#include "lib/log.h"

enum { BACKLOG = 64, SOCKET_BUFFER = 4 << 20, HELLO_ROOM = 16, DESCRIPTORS_MAX = 4,
	WANTED_MAX = 64 };

struct port {
	struct dp_port p; /* first: others get a pointer to it */
	struct hash_node by_local;
	struct dp_udp *u;
	struct client *client; /* NULL: our own */
	uv_poll_t poll;
	bool waiting, closing;
};

struct client { /* a key daemon's connection */
	struct list node;
	struct dp_udp *u;
	uv_poll_t poll;
	int fd;
	struct port *port; /* NULL before the hello */
	bool closing;
};

struct dp_udp {
	uv_loop_t *loop;
	struct dp_udp_handlers h;
	struct hash_key key;
	struct hash_table ports;
	struct list clients;
	unsigned count, connections;
	uv_poll_t listener;
	int listen_fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct net_endpoint last_end; /* found last, and what */
	struct port *last;
	struct net_endpoint taken; /* warned of: somebody else's */
	struct net_endpoint wanted[WANTED_MAX]; /* of SAs, the newest ones */
	unsigned wants;
	uint64_t passed, lost;
	unsigned handles;
	bool closing;
	void (*closed)(void *user);
	void *closed_user;
};

static void
handle_gone(struct dp_udp *u)
{
	void (*closed)(void *user) = u->closed;
	void *user = u->closed_user;

	if (--u->handles != 0 || !u->closing)
		return;
	hash_free(&u->ports);
	free(u);
	if (closed != NULL)
		closed(user);
}

/* --------------------------------------------------------------------------------------- ports */

static uint64_t
hash_of(const struct dp_udp *u, const struct net_endpoint *e)
{
	return hash_more(hash_bytes(&u->key, e->addr.b, 16),
		(uint64_t)e->addr.family << 16 | e->port);
}

static struct port *
find_exact(const struct dp_udp *u, const struct net_endpoint *e)
{
	for (struct hash_node *n = hash_find(&u->ports, hash_of(u, e)); n != NULL;
		n = hash_again(n)) {
		struct port *p = container_of(n, struct port, by_local);

		if (p->p.local.port == e->port && p->p.local.addr.family == e->addr.family &&
			memcmp(p->p.local.addr.b, e->addr.b, 16) == 0)
			return p;
	}
	return NULL;
}

struct dp_port *
dp_udp_find(struct dp_udp *u, const struct net_endpoint *local)
{
	struct net_endpoint any = { .addr.family = local->addr.family, .port = local->port };
	struct port *p;

	if (u->count == 0)
		return NULL;
	if (u->last != NULL && net_endpoint_equal(&u->last_end, local))
		return &u->last->p;
	p = find_exact(u, local);
	if (p == NULL)
		p = find_exact(u, &any);
	u->last = p;
	u->last_end = *local;
	return p == NULL ? NULL : &p->p;
}

static void
on_port(uv_poll_t *h, int status, int events)
{
	struct port *p = h->data;
	int error;
	socklen_t n = sizeof(error);

	if (status < 0) { /* libuv stops watching a descriptor with an error */
		(void)getsockopt(p->p.fd, SOL_SOCKET, SO_ERROR, &error, &n);
		uv_poll_start(h, UV_READABLE | (p->waiting ? UV_WRITABLE : 0), on_port);
	}
	if ((events & UV_WRITABLE) != 0 && p->waiting) {
		p->waiting = false;
		uv_poll_start(h, UV_READABLE, on_port);
		p->u->h.writable(p->u->h.user);
	}
	if ((events & UV_READABLE) != 0 && !p->closing)
		p->u->h.readable(p->u->h.user, &p->p);
}

void
dp_udp_wait(struct dp_udp *u, struct dp_port *port)
{
	struct port *p = container_of(port, struct port, p);

	(void)u;
	p->waiting = true;
	uv_poll_start(&p->poll, UV_READABLE | UV_WRITABLE, on_port);
}

static void
on_port_closed(uv_handle_t *h)
{
	struct port *p = h->data;
	struct dp_udp *u = p->u;
	int off = 0;

	/* Who has it too reads single datagrams. */
	(void)setsockopt(p->p.fd, IPPROTO_UDP, UDP_GRO, &off, sizeof(off));
	close(p->p.fd);
	/* SAs that its key daemon left behind go on, unless it still has the port. */
	for (unsigned i = 0; i < WANTED_MAX && i < u->wants && !p->p.own; i++)
		dp_udp_want(u, &u->wanted[i]);
	free(p);
	handle_gone(u);
}

static void
port_end(struct port *p)
{
	struct dp_udp *u = p->u;

	if (p->closing)
		return;
	p->closing = true;
	u->h.closing(u->h.user, &p->p);
	if (p->waiting)
		u->h.writable(u->h.user);
	hash_remove(&u->ports, &p->by_local);
	u->last = NULL;
	u->count--;
	uv_close((uv_handle_t *)&p->poll, on_port_closed);
}

/* What a socket must have to be read in batches and to be sent through. */
static bool
prepare(int fd, int family)
{
	int on = 1, buffer = SOCKET_BUFFER;
	uint32_t mark = SADB_BYPASS_MARK;
	bool ok;

	ok = setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0;
	if (family == AF_INET6) {
		ok = ok && setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) == 0;
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof(on));
	}
	/* Also of an IPv6 socket, for what is IPv4 on it. */
	(void)setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
	if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0 && family == AF_INET)
		ok = false;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	(void)setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
	return ok;
}

static struct port *
port_new(struct dp_udp *u, int fd, const struct net_endpoint *local, struct client *client)
{
	struct port *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->p = (struct dp_port){ .fd = fd, .local = *local, .own = client == NULL };
	p->u = u;
	p->client = client;
	uv_poll_init(u->loop, &p->poll, fd);
	p->poll.data = p;
	u->handles++;
	uv_poll_start(&p->poll, UV_READABLE, on_port);
	hash_insert(&u->ports, &p->by_local, hash_of(u, local));
	u->last = NULL; /* a better one may have come */
	u->count++;
	return p;
}

/* ------------------------------------------------------------------------------ own sockets */

/*
 * Bound without SO_REUSEADDR, so that nobody's packets are taken away; allowed afterwards, so that
 * a key daemon that comes later can bind.
 */
static int
own_socket(const struct net_endpoint *end)
{
	struct sockaddr_storage ss;
	socklen_t n = net_to_sockaddr(end, &ss);
	int family = end->addr.family == 6 ? AF_INET6 : AF_INET, on = 1, error;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&ss, n) == 0 && prepare(fd, family) &&
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static void
remember(struct dp_udp *u, const struct net_endpoint *e)
{
	for (unsigned i = 0; i < WANTED_MAX && i < u->wants; i++)
		if (net_endpoint_equal(&u->wanted[i], e))
			return;
	u->wanted[u->wants++ % WANTED_MAX] = *e;
}

void
dp_udp_want(struct dp_udp *u, const struct net_endpoint *end)
{
	struct net_endpoint e = *end;
	char text[NET_ENDPOINT_TEXT];
	int fd;

	e.addr.scope = 0;
	if (e.port == 0)
		e.port = DP_UDP_NATT;
	if (u->closing || !u->h.local(u->h.user, &e.addr))
		return;
	remember(u, &e);
	if (dp_udp_find(u, &e) != NULL)
		return;
	net_endpoint_text(text, sizeof(text), &e);
	fd = u->count == DP_UDP_PORTS_MAX ? -1 : own_socket(&e);
	if (fd >= 0 && port_new(u, fd, &e, NULL) != NULL) {
		log_line(LOG_L_DEBUG, NULL, "datapath: own socket for ESP in UDP at %s", text);
		return;
	}
	if (!net_endpoint_equal(&e, &u->taken))
		log_line(LOG_L_WARNING, NULL, "datapath: ESP in UDP to %s will not be received: %s",
			text, fd >= 0 ? "out of memory" : u->count == DP_UDP_PORTS_MAX ?
			"too many ports" : errno == EADDRINUSE ?
			"a program has the port and did not hand it over" : strerror(errno));
	u->taken = e;
	if (fd >= 0)
		close(fd);
}

/* ------------------------------------------------------------------------------ key daemons */

static void
on_client_closed(uv_handle_t *h)
{
	struct client *c = h->data;
	struct dp_udp *u = c->u;

	close(c->fd);
	free(c);
	handle_gone(u);
}

static void
client_end(struct client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (c->port != NULL) {
		c->port->client = NULL;
		port_end(c->port);
		c->port = NULL;
	}
	list_remove(&c->node);
	c->u->connections--;
	uv_close((uv_handle_t *)&c->poll, on_client_closed);
}

/* The descriptors of the hello; all but the first are closed. -1: there is none. */
static int
receive_hello(int from, bool *isakmp)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control;
	uint8_t hello[HELLO_ROOM];
	struct iovec iov = { hello, sizeof(hello) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	ssize_t n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
	int fd = -1, one;

	if (n < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			*isakmp = n == 4 && get_u32(hello) == SADB_ENCAP_HELLO_ISAKMP;
			if (fd < 0 && n == 4 && (*isakmp || get_u32(hello) == SADB_ENCAP_HELLO))
				fd = one;
			else
				close(one);
		}
	}
	return fd;
}

static bool
is_bound_udp(int fd, struct net_endpoint *local, int *family)
{
	struct sockaddr_storage ss = { 0 };
	int type = 0, protocol = 0;
	socklen_t n = sizeof(type), ss_size = sizeof(ss);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_DGRAM ||
		getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &n) < 0 ||
		protocol != IPPROTO_UDP ||
		getsockname(fd, (struct sockaddr *)&ss, &ss_size) < 0 ||
		!net_from_sockaddr((struct sockaddr *)&ss, local) || local->port == 0)
		return false;
	*family = ss.ss_family;
	local->addr.scope = 0;
	return true;
}

static bool
take_over(struct client *c, int fd, bool isakmp)
{
	struct net_endpoint local = { 0 };
	char text[NET_ENDPOINT_TEXT];
	struct port *old;
	int family;

	if (!is_bound_udp(fd, &local, &family)) {
		log_line(LOG_L_WARNING, NULL, "datapath: a key daemon handed over what is no bound "
			"UDP socket");
		return false;
	}
	net_endpoint_text(text, sizeof(text), &local);
	old = find_exact(c->u, &local);
	if (old != NULL && old->client == NULL)
		port_end(old); /* ours; the key daemon's takes its place */
	else if (old != NULL)
		client_end(old->client); /* of an earlier connection that has not ended yet */
	if (c->u->count == DP_UDP_PORTS_MAX || !prepare(fd, family)) {
		log_line(LOG_L_WARNING, NULL, "datapath: the socket at %s cannot be taken over: %s",
			text, c->u->count == DP_UDP_PORTS_MAX ? "too many" : strerror(errno));
		return false;
	}
	c->port = port_new(c->u, fd, &local, c);
	if (c->port == NULL)
		return false;
	c->port->p.isakmp = isakmp;
	log_line(LOG_L_INFO, NULL, "datapath: a key daemon handed over its socket at %s", text);
	return true;
}

static void
on_client(uv_poll_t *h, int status, int events)
{
	struct client *c = h->data;
	bool isakmp = false;
	int fd;

	(void)events;
	fd = status < 0 || c->port != NULL ? -1 : receive_hello(c->fd, &isakmp);
	if (fd >= 0 && take_over(c, fd, isakmp))
		return;
	if (fd >= 0)
		close(fd);
	client_end(c); /* it ended, or says what nobody understands */
}

static bool
allowed(int fd)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
		(who.uid == 0 || who.uid == geteuid());
}

static void
on_connection(uv_poll_t *h, int status, int events)
{
	struct dp_udp *u = h->data;
	int fd = accept4(u->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)status;
	(void)events;
	if (fd < 0)
		return;
	c = allowed(fd) && u->connections < DP_UDP_CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (c == NULL) {
		close(fd);
		return;
	}
	c->u = u;
	c->fd = fd;
	uv_poll_init(u->loop, &c->poll, fd);
	c->poll.data = c;
	u->handles++;
	u->connections++;
	list_append(&u->clients, &c->node);
	uv_poll_start(&c->poll, UV_READABLE | UV_DISCONNECT, on_client);
}

void
dp_udp_pass(struct dp_udp *u, struct dp_port *port, const struct net_endpoint *remote,
	const struct net_endpoint *local, const uint8_t *data, size_t n)
{
	struct port *p = container_of(port, struct port, p);
	uint8_t header[SADB_ENCAP_HEADER];
	struct iovec iov[2] = { { header, sizeof(header) },
		{ (void *)(uintptr_t)data, n } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	if (p->client == NULL) {
		u->lost++;
		return;
	}
	sadb_encap_put(header, remote, local);
	if (sendmsg(p->client->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		u->lost++;
	else
		u->passed++;
}

/* ----------------------------------------------------------------------------------- life cycle */

/* The lock on the engine is held: whatever is at that path is nobody's. */
static int
listen_at(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	int fd, error, ok;

	memcpy(un.sun_path, path, strlen(path) + 1);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mask = umask(0177);
	ok = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&un, sizeof(un));
	umask(mask);
	if (ok == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

struct dp_udp *
dp_udp_open(struct uv_loop_s *loop, const char *pfkey, struct hash_key key,
	const struct dp_udp_handlers *handlers, char *why, size_t why_size)
{
	struct dp_udp *u = calloc(1, sizeof(*u));

	if (u == NULL || !hash_init(&u->ports, DP_UDP_PORTS_MAX)) {
		snprintf(why, why_size, "out of memory");
		free(u);
		return NULL;
	}
	u->loop = loop;
	u->key = key;
	u->h = *handlers;
	list_init(&u->clients);
	errno = ENAMETOOLONG;
	u->listen_fd = sadb_encap_path(pfkey, u->path, sizeof(u->path)) ? listen_at(u->path) : -1;
	if (u->listen_fd < 0) {
		snprintf(why, why_size, "%s: %s", u->path, strerror(errno));
		hash_free(&u->ports);
		free(u);
		return NULL;
	}
	uv_poll_init(loop, &u->listener, u->listen_fd);
	u->listener.data = u;
	u->handles = 1;
	uv_poll_start(&u->listener, UV_READABLE, on_connection);
	return u;
}

static void
on_listener_closed(uv_handle_t *h)
{
	struct dp_udp *u = h->data;

	close(u->listen_fd);
	handle_gone(u);
}

void
dp_udp_close(struct dp_udp *u, void (*closed)(void *user), void *user)
{
	u->closed = closed;
	u->closed_user = user;
	u->closing = true;
	unlink(u->path);
	while (!list_empty(&u->clients))
		client_end(container_of(u->clients.next, struct client, node));
	for (struct hash_node *n = hash_first(&u->ports), *next; n != NULL; n = next) {
		next = hash_next(&u->ports, n);
		port_end(container_of(n, struct port, by_local));
	}
	uv_close((uv_handle_t *)&u->listener, on_listener_closed);
}

void
dp_udp_status(const struct dp_udp *u, struct dp_udp_status *out)
{
	*out = (struct dp_udp_status){ .passed = u->passed, .lost = u->lost };
	for (struct hash_node *n = hash_first(&u->ports); n != NULL; n = hash_next(&u->ports, n)) {
		if (container_of(n, struct port, by_local)->p.own)
			out->own++;
		else
			out->handed++;
	}
}
