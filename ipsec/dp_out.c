/*
 * dp_out.c - from the TUN device to the network: super-packets cut, packets protected and sent.
 *
 * Called by the datapath's loop.  The packets of a super-packet are cut straight into the buffers
 * that the engine transforms in place, and go out with one system call.  Decides nothing about
 * packets: the engine does.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ipsec/dp_int.h"
#include "lib/log.h"

enum { ALIGN = 64, SEND_SOON = 48 * 1024, P_UDP = 17 };

void
dp_to_stack(struct dp *dp, const uint8_t *packet, size_t len)
{
	struct dp_super s;

	s.vnet = (struct dp_vnet){ 0 };
	s.pieces = 1;
	s.len = len;
	s.iov[0] = (struct iovec){ (void *)(uintptr_t)packet, len };
	dp->gro.emit(dp, &s);
}

/* ------------------------------------------------------------------------------------- sending */

/* Too large for its path: cut into pieces, sent one by one. Rare. */
static void
send_pieces(struct dp *dp, uint8_t *packet, size_t len, uint32_t mtu)
{
	uint8_t piece[DP_MTU_MAX];
	struct dp_cut cut;
	size_t n;

	if (mtu > sizeof(piece))
		mtu = sizeof(piece);
	/* The kernel numbers packets without an identification, but not pieces. */
	if (packet[0] >> 4 == 4 && get_u16(packet + 4) == 0)
		patch_u16(packet + 4, (uint16_t)(dp->cut + 1));
	if (!dp_cut_begin(&cut, packet, len, mtu)) {
		dp->send.errors++;
		return;
	}
	cut.id = (uint32_t)dp->cut;
	while ((n = dp_cut_next(&cut, piece)) != 0)
		if (!dp_send_now(&dp->send, piece, n))
			return; /* the others would be of no use */
	dp->cut++;
}

static void
send_packet(struct dp *dp, const struct eng_packet *p, uint32_t mtu, bool protected)
{
	uint8_t *packet = p->buf + p->head;

	if (mtu != 0 && p->len > mtu) {
		dp_send_flush(&dp->send);
		send_pieces(dp, packet, p->len, mtu);
		return;
	}
	dp_send_add(&dp->send, packet, p->len,
		protected && packet[packet[0] >> 4 == 4 ? 9 : 6] == P_UDP);
}

/* A slot for a packet of n octets; NULL: nothing can be sent now. */
static uint8_t *
claim(struct dp *dp, size_t n)
{
	size_t room = (ENG_HEADROOM + n + ENG_TAILROOM + ALIGN - 1) / ALIGN * ALIGN;
	uint8_t *slot;

	if (DP_ARENA - dp->at < room) {
		dp_send_flush(&dp->send);
		if (dp->send.stuck)
			return NULL;
		dp->at = dp->base;
	}
	slot = dp->arena + dp->at;
	dp->at += room;
	return slot;
}

/* ---------------------------------------------------------------------------------- protecting */

/* IPv6 within a link: multicast of interface or link scope, link-local addresses. */
static bool
is_for_link(const struct net_addr *a)
{
	return a->family == 6 && ((a->b[0] == 0xff && (a->b[1] & 15) <= 2) ||
		(a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80));
}

/* A packet of n octets in a slot. False: more of the same kind would fare no better. */
static bool
protect(struct dp *dp, instant now, uint8_t *slot, size_t n, bool may_cut)
{
	struct eng_packet p = { .buf = slot, .room = ENG_HEADROOM + n + ENG_TAILROOM,
		.head = ENG_HEADROOM, .len = n, .may_cut = may_cut };
	struct net_addr to;
	uint32_t mtu;

	switch (eng_output(dp->e, now, &p)) {
	case ENG_CLEAR:
		to = dp_destination(p.buf + p.head);
		if (is_for_link(&to)) /* the device's own, of no use behind it */
			return true;
		mtu = dp_path_mtu(&dp->paths, now, &to);
		if (mtu != 0 && p.len > mtu && !may_cut &&
			dp_refuse(p.buf + p.head, &p.len, mtu)) {
			dp_to_stack(dp, p.buf + p.head, p.len);
			return false;
		}
		send_packet(dp, &p, mtu, false);
		return true;
	case ENG_SEND:
		to = dp_destination(p.buf + p.head);
		send_packet(dp, &p, dp_path_mtu(&dp->paths, now, &to), true);
		return true;
	case ENG_DELIVER:
	case ENG_REPLY:
		dp_to_stack(dp, p.buf + p.head, p.len);
		return false;
	case ENG_HELD:
	case ENG_DROP:
		return true;
	}
	return true;
}

/* A packet as the stack made it. */
static void
outgoing(struct dp *dp, instant now, uint8_t *slot, size_t n)
{
	size_t before = n;

	if (n == 0 || (slot[ENG_HEADROOM] >> 4 == 4 ? n < DP_IP4 : n < DP_IP6)) {
		dp->torn++;
		return;
	}
	/* Whoever is behind a tunnel cannot cut IPv6 again: fragments stay fragments. */
	if (slot[ENG_HEADROOM] >> 4 == 6 && dp_is_fragment6(slot + ENG_HEADROOM, n) &&
		!eng_wants_whole(dp->e, slot + ENG_HEADROOM, n)) {
		dp->at += (ENG_HEADROOM + n + ENG_TAILROOM + ALIGN - 1) / ALIGN * ALIGN;
		(void)protect(dp, now, slot, n, false);
		return;
	}
	switch (dp_defrag_take(dp->defrag, now, slot + ENG_HEADROOM, &n)) {
	case DP_WHOLE:
		dp->at += (ENG_HEADROOM + n + ENG_TAILROOM + ALIGN - 1) / ALIGN * ALIGN;
		/* Its sender made pieces of it already, and IPv6 has no other way to say so. */
		(void)protect(dp, now, slot, n, n > before);
		return;
	case DP_KEPT:
		return;
	case DP_TORN:
		dp->torn++;
		return;
	}
}

static void
cut_super(struct dp *dp, instant now, const uint8_t *packet, size_t len, const struct dp_vnet *v)
{
	struct dp_gso g;
	uint8_t *slot;
	size_t n;
	bool more = true;

	if (!dp_gso_begin(&g, packet, len, v)) {
		dp->torn++;
		return;
	}
	dp->at += (ENG_HEADROOM + len + ALIGN - 1) / ALIGN * ALIGN;
	dp->base = dp->at;
	while (more && (n = dp_gso_size(&g)) != 0) {
		slot = dp->send.stuck ? NULL : claim(dp, n);
		if (slot == NULL) { /* as a full device queue does */
			dp->send.errors++;
			break;
		}
		(void)dp_gso_next(&g, slot + ENG_HEADROOM);
		more = protect(dp, now, slot, n, false);
	}
	dp->base = 0;
	if (dp->at >= SEND_SOON && !dp->send.stuck)
		dp_send_flush(&dp->send);
}

/* Everything that is sent is sent: the arena is free. False: it is not. */
static bool
make_room(struct dp *dp)
{
	if (dp->send.waiting != 0 && DP_ARENA - dp->at < DP_ROOM)
		dp_send_flush(&dp->send);
	if (dp->send.waiting == 0)
		dp->at = 0;
	return !dp->send.stuck;
}

/* One packet from the device. Octets, 0: there are no more, -1: errno tells. */
static ssize_t
take_one(struct dp *dp, instant now)
{
	uint8_t *slot = dp->arena + dp->at;
	struct dp_vnet v;
	struct iovec iov[2] = { { &v, sizeof(v) }, { slot + ENG_HEADROOM, DP_PACKET_MAX } };
	ssize_t n = readv(dp->tun.fd, iov, 2);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if ((size_t)n < sizeof(v)) {
		dp->torn++;
		return 1;
	}
	n -= (ssize_t)sizeof(v);
	if (v.type != DP_VNET_NONE)
		cut_super(dp, now, slot + ENG_HEADROOM, (size_t)n, &v);
	else if ((v.flags & DP_VNET_NEEDS_CSUM) != 0 && !dp_csum_complete(slot + ENG_HEADROOM,
		(size_t)n, v.csum_start, v.csum_offset))
		dp->torn++;
	else
		outgoing(dp, now, slot, (size_t)n);
	return n > 0 ? n : 1;
}

bool
dp_out_take(struct dp *dp, instant now)
{
	size_t octets = 0;
	ssize_t n;

	dp->now = now;
	for (unsigned i = 0; i < DP_TURN && octets < DP_TURN_OCTETS && make_room(dp); i++) {
		n = take_one(dp, now);
		if (n < 0)
			return false;
		if (n == 0)
			break;
		octets += (size_t)n;
	}
	if (!dp->send.stuck)
		dp_send_flush(&dp->send);
	return true;
}

void
dp_out_release(struct dp *dp, instant now)
{
	dp->now = now;
	for (unsigned i = 0; i < DP_TURN && make_room(dp); i++) {
		struct eng_packet p = { .buf = dp->arena + dp->at, .room = DP_ROOM };
		struct net_addr to;

		if (!eng_release(dp->e, now, &p))
			break;
		dp->at += (p.head + p.len + ENG_TAILROOM + ALIGN - 1) / ALIGN * ALIGN;
		to = dp_destination(p.buf + p.head);
		send_packet(dp, &p, dp_path_mtu(&dp->paths, now, &to), true);
	}
	if (!dp->send.stuck)
		dp_send_flush(&dp->send);
}
