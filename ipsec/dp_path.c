/*
 * dp_path.c - a small cache of path MTUs, pure.
 *
 * Called by the datapath for each packet.  A slot per hash value, the newest address wins: a miss
 * costs a question to the kernel and nothing else.
 */
#include "ipsec/dp_path.h"

#include <string.h>

static struct dp_path *
slot(struct dp_path *cache, const struct net_addr *a)
{
	uint32_t w[4];

	memcpy(w, a->b, sizeof(w));
	w[0] ^= w[1] * 0x9e3779b1u ^ w[2] * 0x85ebca6bu ^ w[3] * 0xc2b2ae35u;
	return &cache[(w[0] * 2654435761u) >> 22 & (DP_PATHS - 1)];
}

static bool
knows(const struct dp_path *p, instant now, const struct net_addr *a)
{
	return memcmp(p->addr.b, a->b, sizeof(a->b)) == 0 && p->addr.family == a->family &&
		!instant_reached(p->until, now);
}

static void
set(struct dp_path *p, instant now, const struct net_addr *a, uint32_t mtu)
{
	p->addr = *a;
	p->mtu = mtu;
	p->until = instant_add(now, DP_PATH_MS);
}

uint32_t
dp_path_outer(struct dp_paths *p, instant now, const struct net_addr *dst)
{
	struct dp_path *at = slot(p->outer, dst);

	if (!knows(at, now, dst))
		set(at, now, dst, p->ask(p->user, dst));
	return at->mtu;
}

uint32_t
dp_path_inner(struct dp_paths *p, instant now, const struct net_addr *dst)
{
	const struct dp_path *at = slot(p->inner, dst);
	uint32_t mtu;

	if (at->mtu != 0 && knows(at, now, dst))
		return at->mtu;
	mtu = dp_path_outer(p, now, dst);
	return mtu != 0 ? mtu : DP_PATH_GUESS;
}

void
dp_path_remember(struct dp_paths *p, instant now, const struct net_addr *dst, uint32_t mtu)
{
	struct dp_path *at = slot(p->inner, dst);

	if (at->mtu != mtu || !knows(at, now, dst))
		set(at, now, dst, mtu);
}

void
dp_path_forget(struct dp_paths *p, const struct net_addr *dst)
{
	slot(p->outer, dst)->addr.family = 0;
	memset(p->inner, 0, sizeof(p->inner));
}

void
dp_path_forget_all(struct dp_paths *p)
{
	memset(p->outer, 0, sizeof(p->outer));
	memset(p->inner, 0, sizeof(p->inner));
}
