/*
 * dp_udp.h - the UDP sockets that ESP in UDP (RFC 3948) goes through: those that key daemons handed
 * over, and own ones for SAs whose port nobody handed over.
 *
 * A key daemon hands its socket over at a Unix socket (ipsec/sadb_encap.h) and is sent back what is
 * not ESP.  A port stays until its key daemon or ipsecd ends the connection.
 */
#ifndef IPSEC_DP_UDP_H
#define IPSEC_DP_UDP_H

#include <stdbool.h>

#include "lib/hash.h"
#include "lib/net.h"

enum {
	DP_UDP_PORTS_MAX = 256,  /* sockets, own ones and handed over together */
	DP_UDP_CLIENTS_MAX = 512, /* connections, also such that handed nothing over yet */
	DP_UDP_NATT = 4500,
};

struct uv_loop_s;
struct dp_udp;

struct dp_port { /* one socket, its address family and where it is bound */
	int fd;
	struct net_endpoint local; /* address any: a wildcard */
	bool own;
	bool isakmp; /* IKE has no marker here; ESP has eight zero octets (NAT-T drafts 00, 01) */
	bool no_gso; /* the kernel refused to cut for this one */
	int discover; /* IP_MTU_DISCOVER as the sender set it; 0: as it was */
};

struct dp_udp_handlers {
	void *user;
	void (*readable)(void *user, struct dp_port *port);
	void (*writable)(void *user); /* after dp_udp_wait */
	void (*closing)(void *user, struct dp_port *port); /* forget it */
	/* Is there such an address on this host? */
	bool (*local)(void *user, const struct net_addr *addr);
};

/* pfkey: path of the PF_KEY socket; ours is beside it, mode 0600. NULL: why tells. */
struct dp_udp *dp_udp_open(struct uv_loop_s *loop, const char *pfkey, struct hash_key key,
	const struct dp_udp_handlers *handlers, char *why, size_t why_size);
void dp_udp_close(struct dp_udp *u, void (*closed)(void *user), void *user);

/* An SA uses this end point: see that ESP is received there. Best effort, logged. */
void dp_udp_want(struct dp_udp *u, const struct net_endpoint *end);
/* The port to send from, as if from that end point; NULL: there is none. */
struct dp_port *dp_udp_find(struct dp_udp *u, const struct net_endpoint *local);
/* The port's socket is full: tell when it takes more. */
void dp_udp_wait(struct dp_udp *u, struct dp_port *port);
/* What is not ESP, for the key daemon; dropped when there is none or it does not read. */
void dp_udp_pass(struct dp_udp *u, struct dp_port *port, const struct net_endpoint *remote,
	const struct net_endpoint *local, const uint8_t *data, size_t n);

struct dp_udp_status {
	unsigned own, handed;   /* ports */
	uint64_t passed, lost;  /* datagrams for key daemons */
};
void dp_udp_status(const struct dp_udp *u, struct dp_udp_status *out);

#endif
