/*
 * dp_tun.h - the TUN device and the raw sockets: descriptors, and nothing about what goes through.
 */
#ifndef IPSEC_DP_TUN_H
#define IPSEC_DP_TUN_H

#include <stdbool.h>

#include "lib/net.h"

enum { DP_TUN_NAME = 16, DP_MTU_MIN = 576, DP_MTU_MAX = 9000 };

struct dp_tun {
	int fd; /* non-blocking; -1: not open */
	char name[DP_TUN_NAME];
	unsigned index;
	bool udp; /* it takes super-packets of UDP, as it does of TCP */
};
/* Packets to and from the device have a virtio header (struct dp_vnet of dp_gso.h) before them. */

/* name may hold %d. A device of that name that a killed predecessor left is taken over: it outlives
 * the process, unless dp_tun_close ends it. False: why tells. */
bool dp_tun_open(struct dp_tun *t, const char *name, unsigned mtu, char *why, size_t why_size);
void dp_tun_close(struct dp_tun *t);

/* An interface whose strict reverse path filter would drop packets of peers that a route of ours
 * leads to (transport mode, and policies for everything). False: there is none. */
bool dp_tun_strict(char *name, size_t size);

/* Let reverse path filters look at marks (src_valid_mark of all). True: it was not so before. */
bool dp_tun_valid_mark(bool on);

enum dp_raw_kind {
	DP_ESP4, DP_AH4, DP_COMP4, DP_IPIP4, DP_6IN4, DP_ESP6, DP_AH6, DP_COMP6, DP_4IN6, DP_IPIP6,
	DP_RAWS
};

struct dp_raw { /* non-blocking; IPv6's are -1 on a host without IPv6 */
	/* The kinds of IP in IP are opened by dp_raw_open_tunnels only. */
	int in[DP_RAWS]; /* for receiving; IPv6's give no IP header, but tell what was in it */
	int out[2];      /* for sending whole packets: IPv4, IPv6 */
};

bool dp_raw_open(struct dp_raw *r, char *why, size_t why_size); /* all carry the bypass mark */
/* For IPComp tunnels, whose small packets come as bare IP in IP. */
void dp_raw_open_tunnels(struct dp_raw *r);
void dp_raw_close(struct dp_raw *r);

/* One ICMP "too big" that came for a packet of ours. False: no more. */
bool dp_raw_path_mtu(const struct dp_raw *r, enum dp_raw_kind kind, struct net_addr *dst,
	uint32_t *spi, uint32_t *mtu);

#endif
