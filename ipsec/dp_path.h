/*
 * dp_path.h - the MTU of paths: what the host's routes say, remembered for a while.
 */
#ifndef IPSEC_DP_PATH_H
#define IPSEC_DP_PATH_H

#include "lib/net.h"
#include "lib/when.h"

enum {
	DP_PATHS = 16384,        /* destinations remembered, a power of two */
	DP_PATH_MS = 10000,      /* so long */
};

struct dp_path {
	struct net_addr addr;
	uint32_t mtu;
	uint32_t generation; /* of the cache when it was asked; 0: never */
	instant until;
};

struct dp_paths { /* zero-initialised = nothing known */
	void *user;
	uint32_t (*ask)(void *user, const struct net_addr *dst); /* 0: no route */
	uint32_t generation;
	struct dp_path path[DP_PATHS];
};

/* Towards the address that a packet is sent to; 0: unknown. */
uint32_t dp_path_mtu(struct dp_paths *p, instant now, const struct net_addr *dst);
/* The path to dst changed. */
void dp_path_forget(struct dp_paths *p, const struct net_addr *dst);
void dp_path_forget_all(struct dp_paths *p);

#endif
