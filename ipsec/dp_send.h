/*
 * dp_send.h - outer packets on their way: gathered, then sent with as few system calls as can be.
 *
 * A packet is an IPv4 or IPv6 packet with its header.  Encapsulated ESP goes through the UDP socket
 * of its source where there is one, many packets of one flow as one datagram that the kernel or the
 * device cuts (UDP_SEGMENT); all others go through raw sockets.  Packets stay where they are until
 * dp_send_flush has sent them.
 */
#ifndef IPSEC_DP_SEND_H
#define IPSEC_DP_SEND_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "ipsec/dp_udp.h"

enum {
	DP_SEND_MESSAGES = 64, /* waiting at once */
	DP_SEND_PIECES = 64,   /* packets of one UDP_SEGMENT message; older kernels take no more */
	DP_SEND_OCTETS = 65000,
	DP_SEND_LOOK_BACK = 4, /* messages looked at for one that a packet can join */
	DP_SEND_CONTROL = 96,
};

struct dp_message {
	struct dp_port *port; /* NULL: raw */
	int fd;
	unsigned pieces;
	size_t size, total;   /* octets of the first piece; of all */
	bool ended;           /* the last piece was smaller */
	bool df;              /* IPv4: must not be fragmented on its way */
	uint8_t class;
	struct net_endpoint src, dst;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	union {
		size_t align; /* of struct cmsghdr */
		char room[DP_SEND_CONTROL];
	} control;
	struct iovec iov[DP_SEND_PIECES];
};

struct dp_send {
	int raw[2]; /* IPv4, IPv6 */
	struct dp_udp *udp;
	void *user;
	/* The path to dst takes no packets of this size. */
	void (*too_big)(void *user, const struct net_addr *dst);
	/* A socket is full (port NULL: the raw one of that family). */
	void (*full)(void *user, struct dp_port *port, bool v6);
	unsigned waiting;
	bool stuck;
	uint64_t sent, errors;
	struct dp_message message[DP_SEND_MESSAGES];
	struct mmsghdr header[DP_SEND_MESSAGES];
};

/* Queue a packet. May flush; while stuck nothing may be queued. encapsulated: ESP in UDP. */
void dp_send_add(struct dp_send *s, const uint8_t *packet, size_t len, bool encapsulated);
/* Send what waits. Stuck: a socket is full, `full` was called, what is left waits in place. */
void dp_send_flush(struct dp_send *s);
/* Send one packet at once, past the queue. False: it was refused; errno tells. */
bool dp_send_now(struct dp_send *s, const uint8_t *packet, size_t len);
/* The port goes away: nothing more is sent through it. */
void dp_send_forget(struct dp_send *s, const struct dp_port *port);

#endif
