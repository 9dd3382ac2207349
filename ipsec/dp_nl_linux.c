/*
 * dp_nl_linux.c - netlink requests in batches.
 *
 * Called by dp_route_linux.c and dp_guard_linux.c.  It knows framing and acknowledgements and
 * nothing of what the messages mean.  RFC 3549 2.3 describes the framing.
 */
#include "ipsec/dp_nl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	GATHER_MAX = 256 << 20,   /* octets of one batch */
	RECEIVE_ROOM = 64 * 1024,
	PATIENCE_MS = 5000,       /* for an answer of the kernel */
	EVENTS_BUFFER = 1 << 20,
	ATTR_HEADER = sizeof(struct nlattr),
	FRAMING_TYPES = NLMSG_MIN_TYPE + 2, /* below: nftables' batch begin and end */
};

bool
dp_nl_open(struct dp_nl *nl, int protocol, uint32_t groups)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int size = EVENTS_BUFFER;

	memset(nl, 0, sizeof(*nl));
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (nl->fd < 0)
		return false;
	if (bind(nl->fd, (struct sockaddr *)&local, sizeof(local)) < 0) {
		int error = errno;

		dp_nl_close(nl);
		errno = error;
		return false;
	}
	if (setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return true;
}

void
dp_nl_close(struct dp_nl *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
	free(nl->buf);
	nl->buf = NULL;
	nl->n = nl->room = 0;
	nl->messages = 0;
}

/* ----------------------------------------------------------------------------------- building */

static uint8_t *
grow(struct dp_nl *nl, size_t n)
{
	size_t padded = NLMSG_ALIGN(n);
	uint8_t *at;

	if (nl->failed)
		return NULL;
	if (nl->room - nl->n < padded) {
		size_t room = nl->room == 0 ? 16384 : nl->room * 2;
		uint8_t *p;

		while (room - nl->n < padded)
			room *= 2;
		p = room > GATHER_MAX ? NULL : realloc(nl->buf, room);
		if (p == NULL) {
			nl->failed = true;
			return NULL;
		}
		nl->buf = p;
		nl->room = room;
	}
	at = nl->buf + nl->n;
	memset(at, 0, padded);
	nl->n += padded;
	return at;
}

static void
fix_length(struct dp_nl *nl)
{
	struct nlmsghdr h;

	if (nl->failed)
		return;
	memcpy(&h, nl->buf + nl->last, sizeof(h));
	h.nlmsg_len = (uint32_t)(nl->n - nl->last);
	memcpy(nl->buf + nl->last, &h, sizeof(h));
}

uint32_t
dp_nl_begin(struct dp_nl *nl, uint16_t type, uint16_t flags, const void *header, size_t n)
{
	struct nlmsghdr h = { .nlmsg_type = type,
		.nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST) };
	size_t at = nl->n;
	uint8_t *p = grow(nl, NLMSG_HDRLEN + n);

	h.nlmsg_seq = ++nl->seq;
	if (p == NULL)
		return nl->seq;
	memcpy(p, &h, sizeof(h));
	if (n > 0)
		memcpy(p + NLMSG_HDRLEN, header, n);
	nl->last = at;
	nl->messages++;
	nl->nesting = 0;
	fix_length(nl);
	return nl->seq;
}

void
dp_nl_put(struct dp_nl *nl, uint16_t type, const void *data, size_t n)
{
	struct nlattr a = { .nla_type = type, .nla_len = (uint16_t)(ATTR_HEADER + n) };
	uint8_t *p = grow(nl, ATTR_HEADER + n);

	if (p == NULL)
		return;
	memcpy(p, &a, sizeof(a));
	if (n > 0)
		memcpy(p + ATTR_HEADER, data, n);
	fix_length(nl);
}

void
dp_nl_u32(struct dp_nl *nl, uint16_t type, uint32_t v)
{
	dp_nl_put(nl, type, &v, sizeof(v));
}

void
dp_nl_be32(struct dp_nl *nl, uint16_t type, uint32_t v)
{
	uint8_t octets[4];

	patch_u32(octets, v);
	dp_nl_put(nl, type, octets, sizeof(octets));
}

void
dp_nl_str(struct dp_nl *nl, uint16_t type, const char *s)
{
	dp_nl_put(nl, type, s, strlen(s) + 1);
}

void
dp_nl_nest(struct dp_nl *nl, uint16_t type)
{
	if (nl->nesting == ARRAY_LEN(nl->nest)) {
		nl->failed = true;
		return;
	}
	nl->nest[nl->nesting++] = nl->n;
	dp_nl_put(nl, (uint16_t)(type | NLA_F_NESTED), NULL, 0);
}

size_t
dp_nl_nested(const struct dp_nl *nl)
{
	return nl->nesting == 0 ? 0 : nl->n - nl->nest[nl->nesting - 1];
}

void
dp_nl_nest_end(struct dp_nl *nl)
{
	struct nlattr a;
	size_t at;

	if (nl->failed || nl->nesting == 0)
		return;
	at = nl->nest[--nl->nesting];
	if (nl->n - at > UINT16_MAX) {
		nl->failed = true;
		return;
	}
	memcpy(&a, nl->buf + at, sizeof(a));
	a.nla_len = (uint16_t)(nl->n - at);
	memcpy(nl->buf + at, &a, sizeof(a));
}

/* ------------------------------------------------------------------------------------ talking */

/* One datagram of the kernel, waiting for it if need be. 0 or less: errno tells. */
static ssize_t
receive(struct dp_nl *nl, uint8_t *buf, size_t size, int wait_ms)
{
	for (;;) {
		struct pollfd p = { .fd = nl->fd, .events = POLLIN };
		ssize_t n = recv(nl->fd, buf, size, 0);

		if (n >= 0)
			return n;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || wait_ms == 0)
			return -1;
		if (poll(&p, 1, wait_ms) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

static bool
transmit(struct dp_nl *nl)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec iov = { nl->buf, nl->n };
	struct msghdr m = { .msg_name = &kernel, .msg_namelen = sizeof(kernel), .msg_iov = &iov,
		.msg_iovlen = 1 };
	int size = (int)(nl->n * 2 + RECEIVE_ROOM);
	ssize_t n;

	/* The whole batch is one datagram and must fit the send buffer. */
	if (nl->n > RECEIVE_ROOM &&
		setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	do
		n = sendmsg(nl->fd, &m, 0);
	while (n < 0 && errno == EINTR);
	return n >= 0;
}

struct collect {
	void (*refused)(void *user, uint32_t seq, int error);
	void (*each)(void *user, uint16_t type, struct bytes body);
	void *user;
	uint32_t until; /* the sequence number whose acknowledgement ends it */
	uint32_t frame; /* that of a batch's begin: refused, it ends everything; 0: none */
	bool done;
};

static void
one_message(struct collect *c, const struct nlmsghdr *h, struct bytes body)
{
	int error;

	switch (h->nlmsg_type) {
	case NLMSG_DONE:
		c->done = true;
		return;
	case NLMSG_NOOP:
	case NLMSG_OVERRUN:
		return;
	case NLMSG_ERROR:
		memcpy(&error, body.p, body.n < sizeof(error) ? body.n : sizeof(error));
		if (body.n < sizeof(error))
			return;
		if (error != 0 && c->refused != NULL)
			c->refused(c->user, h->nlmsg_seq, -error);
		if (h->nlmsg_seq == c->until || (error != 0 && h->nlmsg_seq == c->frame))
			c->done = true;
		return;
	}
	if (c->each == NULL)
		return;
	c->each(c->user, h->nlmsg_type, body);
	if (h->nlmsg_seq == c->until && (h->nlmsg_flags & NLM_F_MULTI) == 0)
		c->done = true;
}

static void
datagram(struct collect *c, const uint8_t *p, size_t n)
{
	struct nlmsghdr h;

	while (n >= sizeof(h)) {
		size_t step;

		memcpy(&h, p, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > n)
			return;
		one_message(c, &h, bytes_of(p + NLMSG_HDRLEN, h.nlmsg_len - NLMSG_HDRLEN));
		step = NLMSG_ALIGN(h.nlmsg_len);
		if (step >= n)
			return;
		p += step;
		n -= step;
	}
}

static bool
exchange(struct dp_nl *nl, struct collect *c)
{
	uint8_t *buf = malloc(RECEIVE_ROOM);
	bool ok = buf != NULL && !nl->failed && transmit(nl);
	int error = nl->failed ? ENOMEM : errno;

	while (ok && !c->done) {
		ssize_t n = receive(nl, buf, RECEIVE_ROOM, PATIENCE_MS);

		ok = n > 0;
		error = errno;
		if (ok)
			datagram(c, buf, (size_t)n);
	}
	free(buf);
	nl->n = 0;
	nl->messages = 0;
	nl->failed = false;
	errno = error;
	return ok;
}

bool
dp_nl_send(struct dp_nl *nl, void (*refused)(void *user, uint32_t seq, int error), void *user)
{
	struct collect c = { .refused = refused, .user = user };
	size_t at = 0;
	struct nlmsghdr h;

	if (nl->messages == 0 && !nl->failed)
		return true;
	/* Framing messages (nftables' batch end) are no requests of their own: ask for the
	 * acknowledgement on the last one that is. */
	for (size_t next = 0; !nl->failed && next < nl->n; next += NLMSG_ALIGN(h.nlmsg_len)) {
		memcpy(&h, nl->buf + next, sizeof(h));
		if (h.nlmsg_type >= FRAMING_TYPES)
			at = next;
		else if (next == 0)
			c.frame = h.nlmsg_seq;
	}
	if (!nl->failed) {
		memcpy(&h, nl->buf + at, sizeof(h));
		h.nlmsg_flags |= NLM_F_ACK;
		memcpy(nl->buf + at, &h, sizeof(h));
		c.until = h.nlmsg_seq;
	}
	return exchange(nl, &c);
}

bool
dp_nl_ask(struct dp_nl *nl, void (*each)(void *user, uint16_t type, struct bytes body), void *user)
{
	struct collect c = { .each = each, .user = user, .until = nl->seq };

	return exchange(nl, &c);
}

bool
dp_nl_events(struct dp_nl *nl, void (*each)(void *user, uint16_t type, struct bytes body),
	void *user)
{
	static const unsigned turns = 64;
	struct collect c = { .each = each, .user = user };
	uint8_t *buf = malloc(RECEIVE_ROOM);
	bool complete = buf != NULL;

	for (unsigned i = 0; buf != NULL && i < turns; i++) {
		ssize_t n = receive(nl, buf, RECEIVE_ROOM, 0);

		if (n > 0)
			datagram(&c, buf, (size_t)n);
		else if (n < 0 && errno == ENOBUFS)
			complete = false;
		else
			break;
	}
	free(buf);
	return complete;
}

bool
dp_nl_attr(struct reader *r, uint16_t *type, struct bytes *value)
{
	struct nlattr a;
	size_t pad;

	if (reader_left(r) < ATTR_HEADER)
		return false;
	read_copy(r, &a, sizeof(a));
	if (a.nla_len < ATTR_HEADER || (size_t)a.nla_len - ATTR_HEADER > reader_left(r))
		return false;
	*type = (uint16_t)(a.nla_type & 0x3fff); /* without NLA_F_NESTED and NLA_F_NET_BYTEORDER */
	*value = read_bytes(r, (size_t)a.nla_len - ATTR_HEADER);
	pad = (4 - a.nla_len % 4u) % 4u;
	read_skip(r, pad < reader_left(r) ? pad : reader_left(r));
	return true;
}

uint32_t
dp_nl_value32(struct bytes value)
{
	uint32_t v = 0;

	if (value.n >= sizeof(v))
		memcpy(&v, value.p, sizeof(v));
	return v;
}
