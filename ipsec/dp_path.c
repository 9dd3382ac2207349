/*
 * dp_path.c - a cache of path MTUs, pure.
 *
 * Called by the datapath for each packet.  A slot per hash value, the newest address wins: a miss
 * costs a question to the kernel and nothing else.
 */
#include "ipsec/dp_path.h"

#include <string.h>

static struct dp_path *
slot(struct dp_paths *p, const struct net_addr *a)
{
	uint32_t w[4];

	memcpy(w, a->b, sizeof(w));
	w[0] ^= w[1] * 0x9e3779b1u ^ w[2] * 0x85ebca6bu ^ w[3] * 0xc2b2ae35u;
	w[0] *= 2654435761u;
	return &p->path[(w[0] ^ w[0] >> 16) & (DP_PATHS - 1)];
}

uint32_t
dp_path_mtu(struct dp_paths *p, instant now, const struct net_addr *dst)
{
	struct dp_path *at = slot(p, dst);

	if (at->addr.family == dst->family && at->generation == p->generation + 1 &&
		memcmp(at->addr.b, dst->b, sizeof(dst->b)) == 0 && !instant_reached(at->until, now))
		return at->mtu;
	*at = (struct dp_path){ .addr = *dst, .mtu = p->ask(p->user, dst),
		.generation = p->generation + 1, .until = instant_add(now, DP_PATH_MS) };
	return at->mtu;
}

void
dp_path_forget(struct dp_paths *p, const struct net_addr *dst)
{
	slot(p, dst)->addr.family = 0;
}

void
dp_path_forget_all(struct dp_paths *p)
{
	p->generation++;
}
