/*
 * dp_gro.h - TCP segments and UDP datagrams that came out of tunnels, put together for the stack.
 *
 * Pure.  Segments that follow each other in one connection become one super-packet with a virtio
 * header from which the stack, or a router behind, makes the same segments again.  The rules are
 * Linux's for its own receive offload: consecutive numbers, equal headers but for length,
 * identification, PSH and FIN; a short or pushed segment ends it.  Only segments whose checksum is
 * right are joined.  All other packets pass unchanged, and never overtake one of their connection.
 *
 * Datagrams of one flow and one size (the last may be smaller) are joined where the stack takes
 * that apart again before anybody reads them, whatever the reader asked for: Linux since 6.2.
 */
#ifndef IPSEC_DP_GRO_H
#define IPSEC_DP_GRO_H

#include <sys/uio.h>

#include "ipsec/dp_gso.h"

enum {
	DP_GRO_FLOWS = 8,     /* connections at once, as in Linux */
	DP_GRO_SEGMENTS = 64, /* of one super-packet */
	DP_GRO_OCTETS = 65535,
};

struct dp_super { /* what goes to the TUN device: header, then the pieces */
	struct dp_vnet vnet;
	unsigned pieces;
	size_t len; /* of all pieces */
	struct iovec iov[DP_GRO_SEGMENTS];
};

struct dp_gro_flow {
	struct dp_super super; /* pieces 0: free; the first piece has the headers */
	size_t l4, headers;
	bool tcp;
	uint32_t next;         /* TCP: sequence number that continues it */
	uint16_t id;           /* IPv4 identification of the newest */
};

struct dp_gro {
	void *user;
	/* A packet is ready; its pieces are where they were given, valid during the call. */
	void (*emit)(void *user, const struct dp_super *s);
	bool udp;      /* join datagrams too */
	unsigned turn; /* whose place is taken when there is none */
	struct dp_gro_flow flow[DP_GRO_FLOWS];
};

void dp_gro_init(struct dp_gro *g, void (*emit)(void *user, const struct dp_super *s), void *user);
/* One IP packet, which must stay where it is until dp_gro_flush; its header may be changed. */
void dp_gro_add(struct dp_gro *g, uint8_t *packet, size_t len);
void dp_gro_flush(struct dp_gro *g); /* emit all that is held */

#endif
