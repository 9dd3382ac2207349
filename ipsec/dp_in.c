/*
 * dp_in.c - from the network to the TUN device: packets are opened, TCP segments joined, written.
 *
 * Called by the datapath's loop.  What a UDP socket has is one flow's datagrams side by side
 * (UDP_GRO); each gets the IP and UDP headers that the kernel took off, over the end of the one
 * before, whose octets there are put back afterwards.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ipsec/dp_int.h"
#include "lib/log.h"

enum { UDP_BATCH = 8, TTL = 64, P_UDP = 17, HEADERS_MAX = DP_IP6 + DP_UDP, KEEPALIVE = 0xff };

static const uint8_t raw_proto[DP_RAWS] = { [DP_ESP6] = 50, [DP_AH6] = 51, [DP_COMP6] = 108,
	[DP_4IN6] = 4, [DP_IPIP6] = 41 }; /* IPv4's come with their header */

/* --------------------------------------------------------------------------------- to the stack */

static void
emit(void *user, const struct dp_super *s)
{
	struct dp *dp = user;
	struct iovec iov[1 + DP_GRO_SEGMENTS];
	struct dp_vnet v = s->vnet;

	iov[0] = (struct iovec){ &v, sizeof(v) };
	memcpy(iov + 1, s->iov, s->pieces * sizeof(s->iov[0]));
	if (writev(dp->tun.fd, iov, (int)s->pieces + 1) >= 0)
		dp->delivered += s->pieces;
	else
		log_line(LOG_L_DEBUG, NULL, "datapath: the TUN refused a packet: %s",
			strerror(errno));
}

void
dp_in_prepare(struct dp *dp)
{
	for (unsigned i = 0; i < DP_BATCH; i++)
		dp->in.iov[i] = (struct iovec){ dp->in.buf[i] + ENG_HEADROOM, DP_PACKET_MAX };
	dp_gro_init(&dp->gro, emit, dp);
}

static int
receive(struct dp *dp, int fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		dp->in.msg[i].msg_hdr = (struct msghdr){ .msg_iov = &dp->in.iov[i], .msg_iovlen = 1,
			.msg_name = &dp->in.from[i], .msg_namelen = sizeof(dp->in.from[i]),
			.msg_control = dp->in.control[i].room,
			.msg_controllen = sizeof(dp->in.control[i].room) };
	return recvmmsg(fd, dp->in.msg, n, MSG_DONTWAIT, NULL);
}

/* What the kernel tells beside the octets. */
struct beside {
	struct net_endpoint remote, local;
	uint8_t class;
	size_t piece; /* octets of each datagram; 0: there is one */
};

static bool
read_beside(struct msghdr *m, struct beside *b)
{
	memset(b, 0, sizeof(*b));
	if (!net_from_sockaddr(m->msg_name, &b->remote))
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		int value = 0;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			b->local.addr = net_addr_from(4, &info.ipi_addr);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			b->local.addr = net_addr_from(6, &info.ipi6_addr);
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			b->class = *CMSG_DATA(c);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
			memcpy(&value, CMSG_DATA(c), sizeof(value));
			b->class = (uint8_t)value;
		} else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&value, CMSG_DATA(c), sizeof(value));
			b->piece = value > 0 ? (size_t)value : 0;
		}
	}
	b->remote.addr = net_addr_normal(b->remote.addr);
	b->local.addr = net_addr_normal(b->local.addr);
	return b->local.addr.family == b->remote.addr.family;
}

/* The IP header of a packet of n octets after it, as the network had it where it matters. */
static void
put_ip(uint8_t *h, const struct beside *b, uint8_t proto, size_t n)
{
	if (b->local.addr.family == 4) {
		memset(h, 0, 12);
		h[0] = 0x45;
		h[1] = b->class;
		patch_u16(h + 2, (uint16_t)(DP_IP4 + n));
		h[8] = TTL;
		h[9] = proto;
		memcpy(h + 12, b->remote.addr.b, 4);
		memcpy(h + 16, b->local.addr.b, 4);
		return;
	}
	patch_u32(h, 6u << 28 | (uint32_t)b->class << 20);
	patch_u16(h + 4, (uint16_t)n);
	h[6] = proto;
	h[7] = TTL;
	memcpy(h + 8, b->remote.addr.b, 16);
	memcpy(h + 24, b->local.addr.b, 16);
}

/* ----------------------------------------------------------------------------------------- raw */

static void
open_raw(struct dp *dp, instant now, unsigned i, enum dp_raw_kind kind)
{
	struct msghdr *m = &dp->in.msg[i].msg_hdr;
	struct eng_packet p = { .buf = dp->in.buf[i], .room = DP_ROOM, .head = ENG_HEADROOM,
		.len = dp->in.msg[i].msg_len };
	struct beside b;

	if ((m->msg_flags & MSG_TRUNC) != 0) {
		dp->torn++;
		return;
	}
	if (kind >= DP_ESP6) { /* these come without their header */
		if (!read_beside(m, &b) || p.len > DP_PACKET_MAX - DP_IP6)
			return;
		p.head -= DP_IP6;
		put_ip(p.buf + p.head, &b, raw_proto[kind], p.len);
		p.len += DP_IP6;
	}
	switch (eng_input(dp->e, now, &p)) {
	case ENG_DELIVER:
	case ENG_REPLY:
		dp_gro_add(&dp->gro, p.buf + p.head, p.len);
		return;
	case ENG_SEND:
	case ENG_CLEAR:
	case ENG_HELD:
	case ENG_DROP:
		return;
	}
}

void
dp_in_raw(struct dp *dp, instant now, enum dp_raw_kind kind)
{
	for (unsigned done = 0; done < DP_TURN;) {
		int n = receive(dp, dp->raw.in[kind], DP_BATCH);

		if (n <= 0)
			return;
		for (unsigned i = 0; i < (unsigned)n; i++)
			open_raw(dp, now, i, kind);
		dp_gro_flush(&dp->gro);
		done += (unsigned)n;
		if (n < DP_BATCH)
			return;
	}
}

/* ----------------------------------------------------------------------------------------- UDP */

/* ESP of n octets at data, in a buffer where other datagrams lie before and behind. */
static void
open_udp(struct dp *dp, instant now, uint8_t *buf, uint8_t *data, size_t n,
	const struct beside *b)
{
	size_t ip = b->local.addr.family == 4 ? DP_IP4 : DP_IP6, headers = ip + DP_UDP;
	uint8_t *h = data - headers, kept[HEADERS_MAX];
	struct eng_packet p = { .buf = buf, .head = (size_t)(h - buf), .len = headers + n };
	enum eng_verdict v;

	memcpy(kept, h, headers);
	put_ip(h, b, P_UDP, DP_UDP + n);
	patch_u16(h + ip, b->remote.port);
	patch_u16(h + ip + 2, b->local.port);
	patch_u16(h + ip + 4, (uint16_t)(DP_UDP + n));
	patch_u16(h + ip + 6, 0);
	p.room = buf == dp->spare ? DP_ROOM : p.head + p.len;
	v = eng_input(dp->e, now, &p);
	if ((v == ENG_DELIVER || v == ENG_REPLY) && p.buf + p.head < data) {
		/* In transport mode the result lies where the one before may still wait. */
		uint8_t result[HEADERS_MAX];
		size_t over = (size_t)(data - (p.buf + p.head));

		memcpy(result, p.buf + p.head, over);
		memcpy(h, kept, headers);
		dp_gro_flush(&dp->gro);
		memcpy(p.buf + p.head, result, over);
		dp_to_stack(dp, p.buf + p.head, p.len);
		return;
	}
	memcpy(h, kept, headers);
	if (v == ENG_DELIVER || v == ENG_REPLY)
		dp_gro_add(&dp->gro, p.buf + p.head, p.len);
}

/* Behind the marker of the first drafts, where IKE has its initiator's cookie. */
static bool
is_marked_esp(const struct dp_port *port, const uint8_t *data, size_t n)
{
	return (port->isakmp || port->own) && n > 8 && get_u64(data) == 0;
}

/* RFC 3948 2: IKE's has four zero octets in front, a keepalive is one octet. */
static void
take_datagram(struct dp *dp, instant now, struct dp_port *port, uint8_t *buf, uint8_t *data,
	size_t n, const struct beside *b)
{
	if (n == 1 && data[0] == KEEPALIVE)
		return;
	if (n < 4) {
		dp->torn++;
		return;
	}
	if (!is_marked_esp(port, data, n) && (port->isakmp || get_u32(data) == 0)) {
		dp_udp_pass(dp->udp, port, &b->remote, &b->local, data, n);
		return;
	}
	if (dp->comp) { /* what is inside may grow */
		memcpy(dp->spare + ENG_HEADROOM, data, n);
		open_udp(dp, now, dp->spare, dp->spare + ENG_HEADROOM, n, b);
		dp_gro_flush(&dp->gro);
		return;
	}
	open_udp(dp, now, buf, data, n, b);
}

static void
take_message(struct dp *dp, instant now, struct dp_port *port, unsigned i)
{
	size_t n = dp->in.msg[i].msg_len, piece;
	struct beside b;

	if ((dp->in.msg[i].msg_hdr.msg_flags & MSG_TRUNC) != 0 ||
		!read_beside(&dp->in.msg[i].msg_hdr, &b)) {
		dp->torn++;
		return;
	}
	b.local.port = port->local.port;
	piece = b.piece == 0 ? n : b.piece;
	for (size_t at = 0; at < n; at += piece)
		take_datagram(dp, now, port, dp->in.buf[i], dp->in.buf[i] + ENG_HEADROOM + at,
			n - at < piece ? n - at : piece, &b);
}

void
dp_in_udp(struct dp *dp, instant now, struct dp_port *port)
{
	size_t octets = 0;

	while (octets < DP_TURN_OCTETS) {
		int n = receive(dp, port->fd, UDP_BATCH);

		if (n <= 0)
			return;
		for (unsigned i = 0; i < (unsigned)n; i++) {
			take_message(dp, now, port, i);
			octets += dp->in.msg[i].msg_len;
		}
		dp_gro_flush(&dp->gro);
		if (n < UDP_BATCH)
			return;
	}
}
