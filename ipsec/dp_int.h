/*
 * dp_int.h - the datapath's inside: what dp_uv.c, dp_out.c and dp_in.c share.
 *
 * dp_uv.c holds it together on the loop, dp_out.c takes packets from the TUN device to the network,
 * dp_in.c the other way.  Packets are read into buffers with room before and behind, transformed
 * there and sent from there.
 */
#ifndef IPSEC_DP_INT_H
#define IPSEC_DP_INT_H

#include <sys/socket.h>

#include "ipsec/dp.h"
#include "ipsec/dp_frag.h"
#include "ipsec/dp_gro.h"
#include "ipsec/dp_path.h"
#include "ipsec/dp_policy.h"
#include "ipsec/dp_route.h"
#include "ipsec/dp_send.h"
#include "ipsec/dp_tun.h"

enum {
	DP_ROOM = ENG_HEADROOM + DP_PACKET_MAX + 1 + ENG_TAILROOM,
	DP_ARENA = 512 * 1024 + 2 * DP_ROOM, /* outgoing packets that wait to be sent together */
	DP_TURN_OCTETS = 1 << 20, /* per direction before others get their turn */
	DP_IN_CONTROL = 128,
	DP_IP4 = 20, DP_IP6 = 40, DP_UDP = 8,
};

struct dp_in { /* packets of one receiving system call */
	uint8_t *buf[DP_BATCH]; /* DP_ROOM octets each */
	struct mmsghdr msg[DP_BATCH];
	struct iovec iov[DP_BATCH];
	struct sockaddr_storage from[DP_BATCH];
	union {
		struct cmsghdr align;
		char room[DP_IN_CONTROL];
	} control[DP_BATCH];
};

struct dp {
	struct eng *e;
	struct dp_options o;
	struct dp_tun tun;
	struct dp_raw raw;
	struct dp_udp *udp;
	struct dp_route *route;
	struct dp_guard *guard;
	char guard_why[160];
	struct dp_policies *policies;
	struct dp_defrag *defrag;
	bool changed, readdress;
	instant rebuild_after;
	bool warned_crowded;
	bool valid_mark; /* we set src_valid_mark */

	uint8_t *arena;
	size_t at, base; /* free from `at`; what is before `base` must stay */
	struct dp_in in;
	bool comp;      /* there are, or were, SAs of IPComp */
	uint8_t *spare; /* DP_ROOM octets */
	struct dp_gro gro;
	struct dp_send send;
	struct dp_paths paths;
	instant now; /* of the turn, for who asks for a path in it */
	uint64_t delivered, torn, cut;
};

/* dp_out.c */
/* What the TUN device has; false: the device is gone, errno tells. */
bool dp_out_take(struct dp *dp, instant now);
/* Packets that waited for an SA. */
void dp_out_release(struct dp *dp, instant now);
/* One packet for the stack, as it is. */
void dp_to_stack(struct dp *dp, const uint8_t *packet, size_t len);

/* dp_in.c */
void dp_in_prepare(struct dp *dp);
/* What a raw socket has. */
void dp_in_raw(struct dp *dp, instant now, enum dp_raw_kind kind);
/* What a UDP socket has. */
void dp_in_udp(struct dp *dp, instant now, struct dp_port *port);

static inline struct net_addr
dp_destination(const uint8_t *packet) /* of an IPv4 or IPv6 packet */
{
	return packet[0] >> 4 == 4 ? net_addr_from(4, packet + 16) : net_addr_from(6, packet + 24);
}

#endif
