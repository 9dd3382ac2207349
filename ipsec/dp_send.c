/*
 * dp_send.c - sending outer packets in batches.
 *
 * Called by the datapath.  Order within one flow is kept: a packet joins a waiting message of its
 * flow or comes behind all of them.  What the kernel refuses as one datagram of many pieces is sent
 * once more piece by piece.
 */
#include "ipsec/dp_send.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "ipsec/dp_gso.h"
#include "lib/log.h"

enum { IP4 = 20, IP6 = 40, UDP = 8, P_UDP = 17, DF = 0x40 };

/* -------------------------------------------------------------------------------- one message */

static void
set_to(struct dp_message *m, const uint8_t *packet)
{
	memset(&m->to, 0, sizeof(m->to));
	if (packet[0] >> 4 == 4) {
		m->to.v4.sin_family = AF_INET;
		memcpy(&m->to.v4.sin_addr, packet + 16, 4);
	} else {
		m->to.v6.sin6_family = AF_INET6;
		memcpy(&m->to.v6.sin6_addr, packet + 24, 16);
	}
}

static void
raw_message(struct dp_send *s, struct dp_message *m, const uint8_t *packet, size_t len)
{
	m->port = NULL;
	m->fd = s->raw[packet[0] >> 4 == 6];
	set_to(m, packet);
	m->pieces = 1;
	m->size = m->total = len;
	m->iov[0] = (struct iovec){ (void *)(uintptr_t)packet, len };
}

/* End points of an encapsulated packet; false: it is to be sent as it is. */
static bool
ends_of(const uint8_t *p, size_t len, struct net_endpoint *src, struct net_endpoint *dst,
	uint8_t *class)
{
	size_t at = p[0] >> 4 == 4 ? IP4 : IP6;

	if (len < at + UDP)
		return false;
	if (p[0] >> 4 == 4) {
		if (p[0] != 0x45 || p[9] != P_UDP)
			return false;
		src->addr = net_addr_from(4, p + 12);
		dst->addr = net_addr_from(4, p + 16);
		*class = p[1];
	} else {
		if (p[6] != P_UDP)
			return false;
		src->addr = net_addr_from(6, p + 8);
		dst->addr = net_addr_from(6, p + 24);
		*class = (uint8_t)(p[0] << 4 | p[1] >> 4);
	}
	src->port = get_u16(p + at);
	dst->port = get_u16(p + at + 2);
	return true;
}

static void
udp_message(struct dp_message *m, struct dp_port *port, const uint8_t *packet)
{
	m->port = port;
	m->fd = port->fd;
	m->ended = false;
	m->pieces = 0;
	m->size = m->total = 0;
	set_to(m, packet);
	if (m->dst.addr.family == 4)
		m->to.v4.sin_port = htons(m->dst.port);
	else
		m->to.v6.sin6_port = htons(m->dst.port);
}

static void
add_piece(struct dp_message *m, const uint8_t *data, size_t n)
{
	if (m->pieces == 0)
		m->size = n;
	m->ended = n < m->size;
	m->iov[m->pieces++] = (struct iovec){ (void *)(uintptr_t)data, n };
	m->total += n;
}

/* A waiting message of this flow that takes n octets more. NULL: none. */
static struct dp_message *
joinable(struct dp_send *s, const struct dp_port *port, const struct net_endpoint *src,
	const struct net_endpoint *dst, uint8_t class, bool df, size_t n)
{
	for (unsigned i = 0; i < DP_SEND_LOOK_BACK && i < s->waiting; i++) {
		struct dp_message *m = &s->message[s->waiting - 1 - i];

		if (m->port != port || !net_endpoint_equal(&m->dst, dst) ||
			!net_endpoint_equal(&m->src, src))
			continue;
		if (m->class != class || m->df != df || m->ended || n > m->size || port->no_gso ||
			m->pieces == DP_SEND_PIECES || m->total + n > DP_SEND_OCTETS)
			return NULL;
		return m;
	}
	return NULL;
}

void
dp_send_add(struct dp_send *s, const uint8_t *packet, size_t len, bool encapsulated)
{
	struct net_endpoint src = { 0 }, dst = { 0 };
	size_t at = (packet[0] >> 4 == 4 ? IP4 : IP6) + UDP;
	struct dp_port *port = NULL;
	struct dp_message *m;
	uint8_t class = 0;
	bool df = packet[0] >> 4 == 4 && (packet[6] & DF) != 0;

	if (encapsulated && ends_of(packet, len, &src, &dst, &class))
		port = dp_udp_find(s->udp, &src);
	if (port != NULL) {
		m = joinable(s, port, &src, &dst, class, df, len - at);
		if (m != NULL) {
			add_piece(m, packet + at, len - at);
			return;
		}
	}
	m = &s->message[s->waiting++];
	if (port == NULL) {
		raw_message(s, m, packet, len);
	} else {
		m->src = src;
		m->dst = dst;
		m->class = class;
		m->df = df;
		udp_message(m, port, packet);
		add_piece(m, packet + at, len - at);
	}
	if (s->waiting == DP_SEND_MESSAGES)
		dp_send_flush(s);
}

/* -------------------------------------------------------------------------------- system calls */

static struct cmsghdr *
control(struct msghdr *h, int level, int type, const void *value, size_t n)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)((char *)h->msg_control + h->msg_controllen);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), value, n);
	h->msg_controllen += CMSG_SPACE(n);
	return c;
}

/* The source of a wildcard socket, the class, the size of pieces. */
static void
fill_control(struct dp_message *m, struct msghdr *h, bool cut)
{
	int class = m->class;
	uint16_t size = (uint16_t)m->size;

	memset(&m->control, 0, sizeof(m->control));
	h->msg_control = m->control.room;
	h->msg_controllen = 0;
	if (net_addr_is_any(&m->port->local.addr) && m->src.addr.family == 4) {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, m->src.addr.b, 4);
		control(h, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else if (net_addr_is_any(&m->port->local.addr)) {
		struct in6_pktinfo info = { 0 };

		memcpy(&info.ipi6_addr, m->src.addr.b, 16);
		control(h, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
	if (class != 0 && m->src.addr.family == 4)
		control(h, IPPROTO_IP, IP_TOS, &class, sizeof(class));
	else if (class != 0)
		control(h, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof(class));
	if (cut)
		control(h, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size));
	if (h->msg_controllen == 0)
		h->msg_control = NULL;
}

static void
fill(struct dp_message *m, struct msghdr *h)
{
	*h = (struct msghdr){ .msg_name = &m->to, .msg_iov = m->iov, .msg_iovlen = m->pieces };
	h->msg_namelen = m->to.any.sa_family == AF_INET6 ? sizeof(m->to.v6) : sizeof(m->to.v4);
	if (m->port != NULL)
		fill_control(m, h, m->pieces > 1);
}

static void
refused(struct dp_send *s, const struct dp_message *m, int error)
{
	struct net_endpoint to;

	s->errors++;
	if (error == EMSGSIZE && net_from_sockaddr(&m->to.any, &to))
		s->too_big(s->user, &to.addr);
	log_line(LOG_L_DEBUG, NULL, "datapath: a packet could not be sent: %s", strerror(error));
}

/* Piece by piece what was refused as a whole. */
static void
send_pieces(struct dp_send *s, struct dp_message *m, int error)
{
	struct msghdr h;

	if (error == EIO) /* the device computes no checksums: not this way, ever */
		m->port->no_gso = true;
	fill(m, &h);
	fill_control(m, &h, false);
	for (unsigned i = 0; i < m->pieces; i++) {
		h.msg_iov = &m->iov[i];
		h.msg_iovlen = 1;
		if (sendmsg(m->fd, &h, MSG_DONTWAIT) < 0) {
			refused(s, m, errno);
			return; /* the others fare no better */
		}
		s->sent++;
	}
}

/*
 * DF is the socket's, and what is inside wants it or not.  A key daemon's socket gets its setting
 * back behind each batch: its own datagrams may be large and must be allowed to be fragmented.
 */
static void
set_discover(struct dp_port *port, int how)
{
	if (port->local.addr.family != 4 || port->discover == how)
		return;
	(void)setsockopt(port->fd, IPPROTO_IP, IP_MTU_DISCOVER, &how, sizeof(how));
	port->discover = how;
}

static void
give_back(struct dp_send *s, unsigned done)
{
	int how = IP_PMTUDISC_WANT;

	for (unsigned i = 0; i < done; i++) {
		struct dp_port *port = s->message[i].port;

		if (port == NULL || port->own || port->discover == 0)
			continue;
		(void)setsockopt(port->fd, IPPROTO_IP, IP_MTU_DISCOVER, &how, sizeof(how));
		port->discover = 0;
	}
}

/* One run of messages of the same socket; how many were dealt with, 0: it is full. */
static unsigned
send_run(struct dp_send *s, unsigned from)
{
	struct dp_message *m = &s->message[from];
	unsigned n = 0;
	int done;

	if (m->port != NULL)
		set_discover(m->port, m->df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
	while (from + n < s->waiting && s->message[from + n].fd == m->fd &&
		(m->port == NULL || s->message[from + n].df == m->df)) {
		fill(&s->message[from + n], &s->header[n].msg_hdr);
		n++;
	}
	do
		done = n == 1 ? (sendmsg(m->fd, &s->header[0].msg_hdr, MSG_DONTWAIT) < 0 ? -1 : 1) :
			sendmmsg(m->fd, s->header, n, MSG_DONTWAIT);
	while (done < 0 && errno == EINTR);
	if (done > 0) {
		for (unsigned i = 0; i < (unsigned)done; i++)
			s->sent += s->message[from + i].pieces;
		return (unsigned)done;
	}
	if (done < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
		s->full(s->user, m->port, m->to.any.sa_family == AF_INET6);
		return 0;
	}
	if (m->port != NULL && m->pieces > 1)
		send_pieces(s, m, errno);
	else
		refused(s, m, errno);
	return 1;
}

void
dp_send_flush(struct dp_send *s)
{
	unsigned done = 0;

	s->stuck = false;
	while (done < s->waiting) {
		unsigned n = s->message[done].pieces == 0 ? 1 : send_run(s, done);

		if (n == 0) {
			s->stuck = true;
			break;
		}
		done += n;
	}
	give_back(s, done < s->waiting ? done + 1 : done);
	if (done > 0 && done < s->waiting)
		memmove(s->message, s->message + done,
			(s->waiting - done) * sizeof(s->message[0]));
	s->waiting -= done;
}

bool
dp_send_now(struct dp_send *s, const uint8_t *packet, size_t len)
{
	struct dp_message m;
	struct msghdr h;

	raw_message(s, &m, packet, len);
	fill(&m, &h);
	if (sendmsg(m.fd, &h, MSG_DONTWAIT) >= 0) {
		s->sent++;
		return true;
	}
	refused(s, &m, errno);
	return false;
}

void
dp_send_forget(struct dp_send *s, const struct dp_port *port)
{
	for (unsigned i = 0; i < s->waiting; i++) {
		if (s->message[i].port != port)
			continue;
		s->message[i].port = NULL;
		s->message[i].fd = -1;
		s->message[i].pieces = 0; /* skipped */
	}
}
