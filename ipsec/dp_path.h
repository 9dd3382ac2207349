/*
 * dp_path.h - the MTU of paths: what the host's routes say, remembered for a while.
 */
#ifndef IPSEC_DP_PATH_H
#define IPSEC_DP_PATH_H

#include "lib/net.h"
#include "lib/when.h"

enum {
	DP_PATHS = 1024,         /* destinations remembered */
	DP_PATH_MS = 10000,      /* so long */
	DP_PATH_GUESS = 1500,    /* where nothing is known */
};

struct dp_path {
	struct net_addr addr;
	uint32_t mtu;
	instant until;
};

struct dp_paths { /* zero-initialised = nothing known */
	void *user;
	uint32_t (*ask)(void *user, const struct net_addr *dst); /* 0: no route */
	struct dp_path outer[DP_PATHS]; /* by where packets are sent */
	struct dp_path inner[DP_PATHS]; /* by what they are for, before they are protected */
};

/* Towards the address that an outer packet goes to; 0: unknown. */
uint32_t dp_path_outer(struct dp_paths *p, instant now, const struct net_addr *dst);
/* For a packet not protected yet: what was seen of the last one, else its own path's. */
uint32_t dp_path_inner(struct dp_paths *p, instant now, const struct net_addr *dst);
/* Packets for dst take a path of this MTU. */
void dp_path_remember(struct dp_paths *p, instant now, const struct net_addr *dst, uint32_t mtu);
/* The path to dst changed. */
void dp_path_forget(struct dp_paths *p, const struct net_addr *dst);
void dp_path_forget_all(struct dp_paths *p);

#endif
