/*
 * acc.c - accept and reject lists (see access.h).
 */
#include "lib/acc.h"

#include <string.h>

enum { MAPPED_BITS = 96 };

static void
normalise(struct net_prefix *p)
{
	struct net_addr a = net_addr_normal(p->addr);

	if (a.family != p->addr.family && p->len >= MAPPED_BITS) {
		p->addr = a;
		p->len = (uint8_t)(p->len - MAPPED_BITS);
	}
	net_prefix_mask(p);
}

bool
acc_rule_parse(const char *text, bool is_net, bool accept, struct acc_rule *out)
{
	struct net_prefix p;

	if (!net_prefix_parse(text, &p))
		return false;
	if (!is_net && (strchr(text, '/') != NULL || p.len != net_addr_bits(&p.addr)))
		return false;
	normalise(&p);
	*out = (struct acc_rule){ .net = p, .accept = accept, .is_net = is_net };
	return true;
}

bool
acc_accepts(const struct acc_list *l, const struct net_addr *from, const struct acc_rule **decided)
{
	struct net_addr a = net_addr_normal(*from);
	const struct acc_rule *best = NULL;
	bool any_accept = false;

	for (size_t i = 0; i < l->count; i++) {
		const struct acc_rule *r = &l->rule[i];

		any_accept = any_accept || r->accept;
		if (!net_prefix_contains(&r->net, &a))
			continue;
		if (best == NULL || r->net.len > best->net.len ||
			(r->net.len == best->net.len && !r->accept))
			best = r;
	}
	if (decided != NULL)
		*decided = best;
	return best != NULL ? best->accept : !any_accept;
}
