/*
 * sa.c - names and comparisons of security associations and policies.
 *
 * Called by everyone who shows or matches them; knows nothing of where they are kept.  The words
 * are those that setkey reads and prints.
 */
#include "ipsec/sa.h"

#include "lib/secret.h"

struct sp_selector
sp_selector_reversed(const struct sp_selector *s)
{
	struct sp_selector r = *s;

	r.src = s->dst;
	r.dst = s->src;
	r.sport = s->dport;
	r.dport = s->sport;
	return r;
}

bool
sp_selector_equal(const struct sp_selector *a, const struct sp_selector *b)
{
	return a->upper == b->upper && a->sport == b->sport && a->dport == b->dport &&
		net_prefix_equal(&a->src, &b->src) && net_prefix_equal(&a->dst, &b->dst);
}

bool
sp_rule_equal(const struct sp_rule *a, const struct sp_rule *b)
{
	return a->proto == b->proto && a->mode == b->mode && a->level == b->level &&
		a->reqid == b->reqid && net_endpoint_equal(&a->src, &b->src) &&
		net_endpoint_equal(&a->dst, &b->dst);
}

void
ipsec_sa_wipe(struct ipsec_sa *sa)
{
	wipe(&sa->encr_key, sizeof(sa->encr_key));
	wipe(&sa->auth_key, sizeof(sa->auth_key));
}

const char *
sa_proto_name(enum sa_proto proto)
{
	switch (proto) {
	case SA_NONE:
		return "any";
	case SA_TCP:
		return "tcp";
	case SA_ESP:
		return "esp";
	case SA_AH:
		return "ah";
	case SA_IPCOMP:
		return "ipcomp";
	}
	return "?";
}

const char *
sa_mode_name(enum sa_mode mode)
{
	switch (mode) {
	case SA_MODE_ANY:
		return "any";
	case SA_TRANSPORT:
		return "transport";
	case SA_TUNNEL:
		return "tunnel";
	}
	return "?";
}

const char *
sa_state_name(enum sa_state state)
{
	switch (state) {
	case SA_LARVAL:
		return "larval";
	case SA_MATURE:
		return "mature";
	case SA_DYING:
		return "dying";
	case SA_DEAD:
		return "dead";
	}
	return "unknown";
}
