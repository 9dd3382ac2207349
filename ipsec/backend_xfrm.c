/*
 * backend_xfrm.c - Linux's NETLINK_XFRM as a SA database: the sockets.
 *
 * Used through sadb_link.h.  One socket asks, one hears events, so that events can never crowd out
 * answers.  Requests go out up to WINDOW in one send with one ACK asked for, of the last; the
 * kernel works on them in order before the send returns, and tells each failure by its number.
 * Dumps stream; when anything was lost they are asked for again and only what is new is handed on.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ipsec/backend_xfrm.h"
#include "ipsec/sadb_dump.h"
#include "lib/secret.h"

enum {
	WINDOW = 64,                /* requests under way */
	SENDING_MAX = 96 << 10,     /* octets of them: well under the default send buffer */
	READING_MAX = 32 << 10,     /* the most the kernel puts into one part of a dump */
	ANSWERS_BUFFER = 1 << 20,   /* socket buffers, octets */
	EVENTS_BUFFER = 8 << 20,
	REQID_FIRST = 0x10000, /* above those that are set by hand */
};

struct flight { /* one request under way */
	uint32_t token, seq;
	enum sadb_op op;
	enum sa_proto proto;
	bool sent, known, told; /* gone out; its outcome is known; was handed on */
	int error;
};

struct reading { /* what one recv gave */
	uint8_t octets[READING_MAX];
	size_t at, n;
};

struct xfrm_link {
	struct sadb_link link;
	struct mnl_socket *asks, *hears;
	uint32_t seq;
	uint32_t unique; /* the next reqid of a rule of level unique */
	bool labels, answers_lost, events_lost;
	size_t first, flights; /* a ring */
	struct flight flight[WINDOW];
	struct sadb_dump dump;
	uint32_t dump_seq, count_seq; /* the numbers of its requests */
	struct reading answer, event;
	char text[SADB_WHY]; /* the kernel's words about the last failure */
	size_t out_n;
	uint8_t out[SENDING_MAX];
};

static struct xfrm_link *
of(struct sadb_link *l)
{
	return container_of(l, struct xfrm_link, link);
}

static struct xfrm_env
env_of(const struct xfrm_link *x)
{
	return (struct xfrm_env){ .now_s = (uint64_t)time(NULL), .unique = x->unique,
		.labels = x->labels };
}

/* ------------------------------------------------------------------------------------- sending */

/* A message is in out: give it the next number. */
static uint32_t
number(struct xfrm_link *x, uint8_t *at)
{
	struct nlmsghdr h;

	memcpy(&h, at, sizeof(h));
	h.nlmsg_seq = ++x->seq;
	memcpy(at, &h, sizeof(h));
	return h.nlmsg_seq;
}

static void
all_fail(struct xfrm_link *x, int error)
{
	for (size_t i = 0; i < x->flights; i++) {
		struct flight *f = &x->flight[(x->first + i) % WINDOW];

		if (!f->known)
			f->error = error;
		f->known = true;
	}
	if (x->dump.is) {
		x->dump.error = error;
		x->dump.ending = true;
	}
}

/* Everything that is queued, in one send; the last asks for an ACK. */
static void
flush(struct xfrm_link *x)
{
	struct nlmsghdr h;
	size_t last = 0;

	if (x->out_n == 0)
		return;
	for (size_t at = 0; at < x->out_n; at += xfrm_align(h.nlmsg_len)) {
		memcpy(&h, x->out + at, sizeof(h));
		last = at;
	}
	h.nlmsg_flags |= NLM_F_ACK;
	memcpy(x->out + last, &h, sizeof(h));
	if (mnl_socket_sendto(x->asks, x->out, x->out_n) < 0)
		all_fail(x, errno);
	wipe(x->out, x->out_n);
	x->out_n = 0;
	for (size_t i = 0; i < x->flights; i++)
		x->flight[(x->first + i) % WINDOW].sent = true;
}

/* GETSADINFO or GETSPDINFO: how many entries there are, for their numbers. */
static void
ask_count(struct xfrm_link *x, uint16_t type, uint32_t *seq)
{
	struct nlmsghdr h = { .nlmsg_len = NLMSG_HDRLEN + 4, .nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST };
	uint32_t flags = UINT32_MAX;
	uint8_t *at = x->out + x->out_n;

	memcpy(at, &h, sizeof(h));
	memcpy(at + NLMSG_HDRLEN, &flags, sizeof(flags));
	*seq = number(x, at);
	x->out_n += h.nlmsg_len;
}

static void
send_dump(struct xfrm_link *x)
{
	struct sadb_dump *d = &x->dump;
	struct sadb_msg m = { .op = d->op, .sa.proto = d->proto };
	struct xfrm_env env = env_of(x);
	struct writer w;

	flush(x);
	d->lost = false;
	/* Once: with a small buffer the answer may be what leaves no room for the dump. */
	if (d->tries == 0)
		ask_count(x, d->op == SADB_OP_DUMP ? XFRM_MSG_GETSADINFO : XFRM_MSG_GETSPDINFO,
			&x->count_seq);
	w = writer_of(x->out + x->out_n, XFRM_MESSAGE_MAX);
	if (xfrm_encode(&m, &env, &w, NULL, 0) != 0)
		return; /* both fit, always */
	x->dump_seq = number(x, x->out + x->out_n);
	x->out_n += writer_len(&w);
	/* A dump's end is its answer; an ACK beside it would be in the way. */
	if (mnl_socket_sendto(x->asks, x->out, x->out_n) < 0) {
		d->error = errno;
		d->ending = true;
	}
	x->out_n = 0;
}

static void
start_dump(struct xfrm_link *x)
{
	if (sadb_dump_begin(&x->dump))
		send_dump(x);
}

static struct flight *
new_flight(struct xfrm_link *x, uint32_t token, const struct sadb_msg *m)
{
	struct flight *f = &x->flight[(x->first + x->flights++) % WINDOW];

	*f = (struct flight){ .token = token, .op = m->op, .proto = m->sa.proto };
	return f;
}

/* Events from now on: all of them, as PF_KEY's REGISTER and PROMISC together give. */
static int
hear(struct xfrm_link *x)
{
	static const int groups[] = { XFRMNLGRP_ACQUIRE, XFRMNLGRP_EXPIRE, XFRMNLGRP_SA,
		XFRMNLGRP_POLICY, XFRMNLGRP_MIGRATE, XFRMNLGRP_MAPPING };

	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(x->hears, NETLINK_ADD_MEMBERSHIP, &group,
			    sizeof(group)) < 0 && group < XFRMNLGRP_MIGRATE) /* older kernels */
			return errno;
	}
	return 0;
}

static bool
local_answer(struct xfrm_link *x, uint32_t token, const struct sadb_msg *m)
{
	struct flight *f;

	if (m->op != SADB_OP_REGISTER && m->op != SADB_OP_PROMISC && m->op != SADB_OP_ACQUIRE)
		return false;
	f = new_flight(x, token, m);
	f->seq = ++x->seq;
	/* A failed ACQUIRE needs no word to the kernel: it forgets by itself. */
	f->error = m->op == SADB_OP_ACQUIRE ? 0 : hear(x);
	f->known = true;
	return true;
}

static enum status
send_message(struct sadb_link *l, uint32_t token, const struct sadb_msg *m, bool *queued)
{
	struct xfrm_link *x = of(l);
	struct xfrm_env env = env_of(x);
	char why[SADB_WHY] = "";
	struct writer w;
	int error;

	*queued = false;
	if (l->refusal.is)
		return ST_NORMAL;
	if (x->flights == WINDOW || sizeof(x->out) - x->out_n < 2 * XFRM_MESSAGE_MAX) {
		flush(x);
		return ST_NORMAL;
	}
	if (sadb_is_dump(m->op)) {
		*queued = sadb_dump_ask(&x->dump, token, m);
		start_dump(x);
		return ST_NORMAL;
	}
	*queued = true;
	if (local_answer(x, token, m))
		return ST_NORMAL;
	w = writer_of(x->out + x->out_n, XFRM_MESSAGE_MAX);
	error = xfrm_encode(m, &env, &w, why, sizeof(why));
	if (error != 0) {
		sadb_link_refuse(l, token, m, error, "%s", why);
		return ST_NORMAL;
	}
	new_flight(x, token, m)->seq = number(x, x->out + x->out_n);
	x->out_n += writer_len(&w);
	if (m->op == SADB_OP_SPDADD || m->op == SADB_OP_SPDUPDATE)
		x->unique += SP_RULES_MAX;
	if (x->unique < REQID_FIRST)
		x->unique = REQID_FIRST;
	return ST_NORMAL;
}

/* ----------------------------------------------------------------------------------- receiving */

/* False: nothing there. */
static bool
receive(struct mnl_socket *s, struct reading *r, bool *lost)
{
	struct iovec iov = { .iov_base = r->octets, .iov_len = sizeof(r->octets) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	r->at = r->n = 0;
	for (;;) {
		n = recvmsg(mnl_socket_get_fd(s), &m, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS)
			*lost = true;
		else
			break;
	}
	if (n <= 0)
		return false;
	if ((m.msg_flags & MSG_TRUNC) != 0)
		*lost = true;
	r->n = (size_t)n;
	return true;
}

/* The next whole message in what was read. */
static bool
cut(struct reading *r, struct nlmsghdr *h, struct bytes *msg)
{
	size_t room = r->n - r->at, n;

	if (room < sizeof(*h))
		return false;
	memcpy(h, r->octets + r->at, sizeof(*h));
	if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > room)
		return false;
	*msg = bytes_of(r->octets + r->at, h->nlmsg_len);
	n = xfrm_align(h->nlmsg_len);
	r->at += n < room ? n : room;
	return true;
}

static const char *
hint(int error)
{
	switch (error) {
	case EPROTONOSUPPORT:
		return "the kernel has not this protocol (modules esp4, ah4, ipcomp and their 6)";
	case ENOSYS:
	case ENOENT:
		return "the kernel has not this algorithm";
	case EPERM:
		return "only the superuser may do this";
	case ENOPROTOOPT:
		return "the kernel was built without this";
	case EAFNOSUPPORT:
		return "the kernel has not this address family";
	case ENOBUFS:
		return "the kernel's answer was lost";
	}
	return NULL;
}

/* NLMSG_ERROR: the errno, and the text where the kernel gives one (extended ACK). */
static int
error_of(struct xfrm_link *x, struct bytes msg, const struct nlmsghdr *h)
{
	struct reader r = reader_of(msg);
	int32_t error;

	x->text[0] = '\0';
	read_skip(&r, NLMSG_HDRLEN);
	error = (int32_t)read_u32_host(&r);
	read_skip(&r, sizeof(struct nlmsghdr)); /* capped: only the header of the request */
	while ((h->nlmsg_flags & NLM_F_ACK_TLVS) != 0 && reader_left(&r) >= XFRM_ATTR) {
		size_t n = read_u16_host(&r);
		uint16_t type = (uint16_t)(read_u16_host(&r) & XFRM_ATTR_TYPE);
		struct bytes v;

		if (n < XFRM_ATTR)
			break;
		v = read_bytes(&r, n - XFRM_ATTR);
		read_skip(&r, xfrm_align(n) - n);
		if (type == NLMSGERR_ATTR_MSG && v.n != 0)
			snprintf(x->text, sizeof(x->text), "%.*s", (int)v.n, (const char *)v.p);
	}
	return r.bad || error > 0 ? EPROTO : -error;
}

/* The outcome of a request is also that of all before it: they succeeded, unless told. */
static struct flight *
outcome(struct xfrm_link *x, uint32_t seq, int error)
{
	struct flight *found = NULL;

	for (size_t i = 0; i < x->flights; i++) {
		struct flight *f = &x->flight[(x->first + i) % WINDOW];

		if ((int32_t)(f->seq - seq) > 0)
			break;
		if (f->seq == seq) {
			found = f;
			if (!f->known)
				f->error = error;
		}
		f->known = true;
	}
	return found;
}

/* ---------------------------------------------------------------------------------------- dumps */

static enum sadb_got
dump_entry(struct xfrm_link *x, struct bytes msg, struct sadb_came *c)
{
	struct sadb_dump *d = &x->dump;
	struct xfrm_env env = env_of(x);
	struct sadb_msg m;
	enum sadb_got got;

	switch (xfrm_decode(msg, &env, &m, x->text, sizeof(x->text))) {
	case XFRM_FOREIGN:
		return SADB_GOT_NOTHING;
	case XFRM_BROKEN:
		d->error = EPROTO;
		return SADB_GOT_NOTHING;
	case XFRM_MESSAGE:
		break;
	}
	m.op = d->op;
	m.pid = (uint32_t)getpid();
	m.has_sa = d->op == SADB_OP_DUMP;
	m.has_sp = !m.has_sa;
	got = sadb_dump_entry(d, &m, c);
	sadb_msg_wipe(&m);
	return got;
}

static void
dump_done(struct xfrm_link *x, int error)
{
	struct sadb_dump *d = &x->dump;

	if (error == ENOBUFS) {
		d->lost = true;
		error = 0;
	}
	if (d->lost && error == 0 && d->error == 0 && sadb_dump_again(d)) {
		send_dump(x);
		return;
	}
	if (d->error == 0)
		d->error = error != 0 ? error : d->lost ? EAGAIN : 0;
	d->ending = true;
}

static enum sadb_got
dump_ends(struct xfrm_link *x, struct sadb_came *c)
{
	struct sadb_dump *d = &x->dump;
	enum sadb_got got;

	got = sadb_dump_end(d, d->error == EPROTO ? x->text : hint(d->error), c);
	start_dump(x);
	return got;
}

static void
take_count(struct xfrm_link *x, struct bytes msg, const struct nlmsghdr *h)
{
	struct reader r = reader_of(msg);

	read_skip(&r, NLMSG_HDRLEN + 4);
	while (reader_left(&r) >= XFRM_ATTR) {
		size_t n = read_u16_host(&r);
		uint16_t type = (uint16_t)(read_u16_host(&r) & XFRM_ATTR_TYPE);
		struct reader v;

		if (n < XFRM_ATTR)
			return;
		v = reader_of(read_bytes(&r, n - XFRM_ATTR));
		read_skip(&r, xfrm_align(n) - n);
		if (h->nlmsg_type == XFRM_MSG_NEWSADINFO && type == XFRMA_SAD_CNT)
			x->dump.left = read_u32_host(&v);
		if (h->nlmsg_type == XFRM_MSG_NEWSPDINFO && type == XFRMA_SPD_INFO) {
			x->dump.left = read_u32_host(&v);
			x->dump.left += read_u32_host(&v);
			x->dump.left += read_u32_host(&v);
		}
	}
}

/* --------------------------------------------------------------------------------- handing on */

static enum sadb_got
flight_ends(struct xfrm_link *x, struct sadb_came *c)
{
	while (x->flights != 0 && x->flight[x->first].known) {
		struct flight f = x->flight[x->first];

		x->first = (x->first + 1) % WINDOW;
		x->flights--;
		if (f.told)
			continue;
		memset(c, 0, sizeof(*c));
		c->token = f.token;
		c->msg.op = f.op;
		c->msg.error = f.error;
		c->msg.pid = (uint32_t)getpid();
		c->msg.sa.proto = f.proto;
		if (f.error != 0)
			c->msg.why = x->text[0] != '\0' ? x->text : hint(f.error);
		/* ENOENT of a policy means that there is none. */
		if (x->text[0] == '\0' && f.error == ENOENT && f.op >= SADB_OP_SPDUPDATE)
			c->msg.why = NULL;
		return SADB_GOT_ANSWER;
	}
	return SADB_GOT_NOTHING;
}

/* What the kernel sent as an answer to one request: the SA or the policy. */
static enum sadb_got
content(struct xfrm_link *x, struct bytes msg, uint32_t seq, struct sadb_came *c)
{
	struct xfrm_env env = env_of(x);
	struct flight *f = outcome(x, seq, 0);

	if (f == NULL || f->told)
		return SADB_GOT_NOTHING;
	c->raw = bytes_of(NULL, 0);
	c->token = f->token;
	f->told = true;
	if (xfrm_decode(msg, &env, &c->msg, x->text, sizeof(x->text)) != XFRM_MESSAGE) {
		c->msg.error = EPROTO;
		c->msg.why = x->text;
	}
	c->msg.op = f->op;
	c->msg.pid = (uint32_t)getpid();
	return SADB_GOT_ANSWER;
}

static enum sadb_got
answer_message(struct xfrm_link *x, const struct nlmsghdr *h, struct bytes msg,
	struct sadb_came *c)
{
	struct sadb_dump *d = &x->dump;
	bool of_dump = d->is && h->nlmsg_seq == x->dump_seq;
	struct reader r = reader_of(msg);

	if (of_dump && (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
		d->lost = true;
	switch (h->nlmsg_type) {
	case NLMSG_NOOP:
	case NLMSG_OVERRUN:
		return SADB_GOT_NOTHING;
	case NLMSG_ERROR:
		if (of_dump)
			dump_done(x, error_of(x, msg, h));
		else if (!d->is || h->nlmsg_seq != x->count_seq)
			(void)outcome(x, h->nlmsg_seq, error_of(x, msg, h));
		return SADB_GOT_NOTHING;
	case NLMSG_DONE:
		read_skip(&r, NLMSG_HDRLEN);
		if (of_dump)
			dump_done(x, reader_left(&r) < 4 ? 0 : -(int32_t)read_u32_host(&r));
		return SADB_GOT_NOTHING;
	}
	if (of_dump)
		return dump_entry(x, msg, c);
	if (d->is && h->nlmsg_seq == x->count_seq) {
		take_count(x, msg, h);
		return SADB_GOT_NOTHING;
	}
	return content(x, msg, h->nlmsg_seq, c);
}

/* The kernel answers before the send returns: what is not there now never comes. */
static void
nothing_more(struct xfrm_link *x)
{
	if (!x->answers_lost)
		return;
	x->answers_lost = false;
	x->text[0] = '\0';
	for (size_t i = 0; i < x->flights; i++) {
		struct flight *f = &x->flight[(x->first + i) % WINDOW];

		if (f->sent && !f->known)
			f->error = ENOBUFS;
		f->known |= f->sent;
	}
	if (x->dump.is && !x->dump.ending)
		dump_done(x, 0);
}

static enum sadb_got
next_answer(struct xfrm_link *x, struct sadb_came *c)
{
	struct nlmsghdr h;
	struct bytes msg;
	enum sadb_got got;

	for (;;) {
		got = flight_ends(x, c);
		if (got != SADB_GOT_NOTHING)
			return got;
		if (x->dump.is && x->dump.ending)
			return dump_ends(x, c);
		if (cut(&x->answer, &h, &msg)) {
			got = answer_message(x, &h, msg, c);
			if (got != SADB_GOT_NOTHING)
				return got;
			continue;
		}
		flush(x);
		if (receive(x->asks, &x->answer, &x->answers_lost)) {
			x->dump.lost |= x->answers_lost;
			continue;
		}
		if (!x->answers_lost)
			return SADB_GOT_NOTHING;
		x->dump.lost = true;
		nothing_more(x);
	}
}

static enum sadb_got
next_event(struct xfrm_link *x, struct sadb_came *c)
{
	struct xfrm_env env = env_of(x);
	struct nlmsghdr h;
	struct bytes msg;

	for (;;) {
		if (x->events_lost) {
			x->events_lost = false;
			return SADB_GOT_OVERRUN;
		}
		if (!cut(&x->event, &h, &msg)) {
			if (!receive(x->hears, &x->event, &x->events_lost) && !x->events_lost)
				return SADB_GOT_NOTHING;
			continue;
		}
		/* What we asked for is told by its answer. */
		if (h.nlmsg_pid == mnl_socket_get_portid(x->asks))
			continue;
		memset(c, 0, sizeof(*c));
		if (xfrm_decode(msg, &env, &c->msg, NULL, 0) == XFRM_MESSAGE)
			return SADB_GOT_EVENT;
	}
}

static enum sadb_got
next(struct sadb_link *l, struct sadb_came *c)
{
	struct xfrm_link *x = of(l);
	enum sadb_got got;

	if (sadb_link_refused(l, c))
		return SADB_GOT_ANSWER;
	got = next_answer(x, c);
	return got != SADB_GOT_NOTHING ? got : next_event(x, c);
}

static enum status
work(struct sadb_link *l)
{
	flush(of(l));
	return ST_NORMAL;
}

/* --------------------------------------------------------------------------- opening, closing */

static void
close_link(struct sadb_link *l)
{
	struct xfrm_link *x = of(l);

	if (x->asks != NULL)
		mnl_socket_close(x->asks);
	if (x->hears != NULL)
		mnl_socket_close(x->hears);
	if (l->fd >= 0)
		close(l->fd);
	sadb_dump_clear(&x->dump);
	wipe(x, sizeof(*x));
	free(x);
}

static const struct sadb_link_ops ops = { .name = "xfrm", .send = send_message, .work = work,
	.next = next, .close = close_link };

static void
set_buffer(int fd, int octets)
{
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof(octets)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof(octets));
}

static struct mnl_socket *
open_socket(int epoll, int buffer)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct epoll_event ev = { .events = EPOLLIN };
	int yes = 1;

	if (s == NULL)
		return NULL;
	set_buffer(mnl_socket_get_fd(s), buffer);
	(void)mnl_socket_setsockopt(s, NETLINK_CAP_ACK, &yes, sizeof(yes));
	(void)mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &yes, sizeof(yes));
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
		epoll_ctl(epoll, EPOLL_CTL_ADD, mnl_socket_get_fd(s), &ev) < 0) {
		int error = errno;

		mnl_socket_close(s);
		errno = error;
		return NULL;
	}
	return s;
}

enum status
backend_xfrm_open(struct sadb_link **out, char *why, size_t why_size)
{
	struct xfrm_link *x = calloc(1, sizeof(*x));

	if (x == NULL) {
		snprintf(why, why_size, "out of memory");
		return ST_NOMEMORY;
	}
	x->link.ops = &ops;
	x->link.fd = epoll_create1(EPOLL_CLOEXEC);
	if (x->link.fd >= 0)
		x->asks = open_socket(x->link.fd, ANSWERS_BUFFER);
	if (x->asks != NULL)
		x->hears = open_socket(x->link.fd, EVENTS_BUFFER);
	if (x->hears == NULL) {
		snprintf(why, why_size, "xfrm: %s", errno == EPROTONOSUPPORT ?
			"the kernel has no NETLINK_XFRM" : strerror(errno));
		close_link(&x->link);
		return ST_NOBACKEND;
	}
	x->link.events = mnl_socket_get_fd(x->hears);
	sadb_dump_init(&x->dump);
	if (getrandom(&x->unique, sizeof(x->unique), 0) < 0)
		x->unique = (uint32_t)getpid() << 8;
	x->unique = REQID_FIRST + (x->unique & 0x3fffffff);
	x->labels = access("/sys/fs/selinux/enforce", F_OK) == 0;
	*out = &x->link;
	return ST_NORMAL;
}
