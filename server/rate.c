/*
 * rate.c - token buckets for each source (see rate.h).
 */
#include "server/rate.h"

#include <string.h>

enum { MINUTE_MS = 60000, THOUSAND = 1000 };

static struct rate_source *
find(struct rate *r, const struct net_addr *from, int64_t full, instant now)
{
	struct rate_source *quiet = &r->source[0];

	for (size_t i = 0; i < r->count; i++) {
		if (net_addr_equal(&r->source[i].from, from))
			return &r->source[i];
		if (r->source[i].since.ms < quiet->since.ms)
			quiet = &r->source[i];
	}
	if (r->count < RATE_SOURCES_MAX)
		quiet = &r->source[r->count++];
	*quiet = (struct rate_source){ .from = *from, .since = now, .left = full };
	return quiet;
}

bool
rate_take(struct rate *r, const struct net_addr *from, int64_t per_minute, instant now)
{
	struct net_addr source = net_addr_normal(*from);
	int64_t full = per_minute * THOUSAND, gone;
	struct rate_source *s;

	if (per_minute <= 0)
		return true;
	if (source.family == 6) {
		struct net_prefix p = { .addr = source, .len = RATE_NET6_BITS };

		net_prefix_mask(&p);
		source = p.addr;
		source.scope = 0;
	}
	s = find(r, &source, full, now);
	gone = instant_diff(now, s->since);
	if (gone > MINUTE_MS)
		gone = MINUTE_MS;
	if (gone > 0)
		s->left += full * gone / MINUTE_MS;
	if (s->left > full)
		s->left = full;
	s->since = now;
	if (s->left < THOUSAND)
		return false;
	s->left -= THOUSAND;
	return true;
}

struct net_addr
rate_of_uid(unsigned uid)
{
	struct net_addr a = { .family = 4, .pad = { 1 } }; /* no address looks like this */

	memcpy(a.b, &uid, sizeof(uid));
	return a;
}
