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
};

/* name may hold %d. The device exists while fd is open. False: why tells. */
bool dp_tun_open(struct dp_tun *t, const char *name, unsigned mtu, char *why, size_t why_size);
void dp_tun_close(struct dp_tun *t);

/* An interface whose strict reverse path filter would drop packets of peers that a route of ours
 * leads to (transport mode, and policies for everything). False: there is none. */
bool dp_tun_strict(char *name, size_t size);

struct dp_raw { /* non-blocking */
	int esp, ah; /* for receiving */
	int udp;     /* for receiving ESP in UDP on port 4500, and nothing else */
	int out;     /* for sending whole IP packets */
};

bool dp_raw_open(struct dp_raw *r, char *why, size_t why_size); /* all carry the bypass mark */
void dp_raw_close(struct dp_raw *r);

/* One ICMP "fragmentation needed" that came for an ESP or AH packet of ours. False: no more. */
bool dp_raw_path_mtu(int fd, bool ah, struct net_addr *dst, uint32_t *spi, uint32_t *mtu);

#endif
