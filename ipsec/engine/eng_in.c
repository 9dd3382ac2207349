/*
 * eng_in.c - the way in (RFC 4301 5.2): take ESP and AH off, layer by layer, then ask the policy
 * whether what is inside was protected as it should be.
 *
 * At most ENG_NESTING_MAX headers of one packet are taken off.  What fails is dropped and counted;
 * nothing is ever sent in return.
 */
#include "ipsec/engine/eng_int.h"

#include <string.h>

struct layer { /* an SA that a packet came through */
	struct eng_sa *sa;
	enum sa_mode mode;
	bool ends; /* the addresses of the packet were those of the SA */
};

struct path { /* outermost first */
	struct layer layer[ENG_NESTING_MAX];
	unsigned n;
};

/* -------------------------------------------------------------------------------- policies --- */

/* Did this SA protect the packet as the rule says (RFC 4301 5.2, step 4)? */
static bool
fits(const struct sp_rule *r, const struct layer *l)
{
	const struct eng_sa *sa = l->sa;

	if (sa->proto != r->proto || (r->reqid != 0 && sa->reqid != r->reqid))
		return false;
	if (r->mode != SA_MODE_ANY && r->mode != l->mode)
		return false;
	if (l->mode == SA_TRANSPORT)
		return l->ends;
	if (r->src.addr.family == 0)
		return true;
	return (net_addr_is_any(&r->src.addr) ||
		memcmp(r->src.addr.b, sa->src.addr.b, 16) == 0) &&
		(net_addr_is_any(&r->dst.addr) ||
		memcmp(r->dst.addr.b, sa->dst.addr.b, 16) == 0) &&
		r->dst.addr.family == sa->dst.addr.family;
}

static bool
has_tunnel(const struct path *path, unsigned from)
{
	for (unsigned i = from; i < path->n; i++)
		if (path->layer[i].mode == SA_TUNNEL)
			return true;
	return false;
}

/*
 * Can the innermost `rules` rules be met by the layers from k on?  Rules are innermost first,
 * layers outermost first; transport layers that nobody asked for do no harm.  At most 4 of each.
 */
static bool
satisfies(const struct ipsec_policy *p, unsigned rules, const struct path *path, unsigned k)
{
	const struct sp_rule *r;

	if (rules == 0)
		return !has_tunnel(path, k);
	r = &p->rule[rules - 1];
	for (unsigned at = k; at < path->n; at++) {
		if (fits(r, &path->layer[at]) && satisfies(p, rules - 1, path, at + 1))
			return true;
		if (path->layer[at].mode == SA_TUNNEL)
			break;
	}
	return r->level == SP_USE && satisfies(p, rules - 1, path, k);
}

static enum eng_verdict
judge(struct eng *e, instant now, const struct path *path, const struct eng_ip *ip)
{
	struct eng_policy *sp;
	struct eng_flow f;
	bool good = false;

	eng_ip_flow(ip, &f);
	sp = eng_spd_find(e, SP_IN, &f);
	if (sp == NULL)
		sp = eng_spd_find(e, SP_FWD, &f);
	if (sp == NULL) {
		if (has_tunnel(path, 0))
			return eng_drop(e, ENG_N_NO_POLICY);
		e->count[ENG_N_IN]++;
		return ENG_DELIVER;
	}
	sp->used = now;
	switch (sp->p.action) {
	case SP_DISCARD:
		return eng_drop(e, ENG_N_DISCARD);
	case SP_IPSEC:
		good = satisfies(&sp->p, sp->p.rules, path, 0);
		break;
	case SP_PASS:
	case SP_ENTRUST:
	case SP_BYPASS:
		good = !has_tunnel(path, 0);
		break;
	}
	if (!good)
		return eng_drop(e, ENG_N_POLICY_MISMATCH);
	e->count[ENG_N_IN]++;
	return ENG_DELIVER;
}

/* ---------------------------------------------------------------------------------- layers --- */

enum outcome { OPENED, INSIDE, DUMMY, WRONG };

/* Where SPI and protocol stand: false when the packet carries neither ESP nor AH. */
static bool
header_at(const struct eng_ip *ip, bool first, uint8_t *proto, size_t *udp)
{
	*proto = ip->proto;
	*udp = 0;
	if (ip->proto == SA_ESP || ip->proto == SA_AH)
		return true;
	if (ip->proto != IPP_UDP || !first)
		return false;
	*proto = SA_ESP;
	*udp = ENG_UDP;
	return true;
}

static struct eng_sa *
find_sa(struct eng *e, instant now, const struct eng_ip *ip, uint8_t proto, size_t udp,
	enum eng_count *wrong)
{
	size_t left = ip->len - ip->at, need = udp + (proto == SA_AH ? ENG_AH : ENG_ESP);
	const uint8_t *h = ip->h + ip->at + udp;
	struct net_addr src, dst;
	struct eng_sa *sa;

	*wrong = ENG_N_MALFORMED;
	if (left < need)
		return NULL;
	*wrong = ENG_N_FRAGMENT;
	if (ip->fragment)
		return NULL;
	eng_ip_addresses(ip, &src, &dst);
	*wrong = ENG_N_NO_SA;
	sa = eng_sa_find(e, &dst, proto, get_u32(proto == SA_AH ? h + 4 : h));
	if (sa == NULL || sa->state == SA_LARVAL || sa->natt != (udp != 0))
		return NULL;
	*wrong = ENG_N_EXPIRED;
	return eng_sa_usable(sa, now) ? sa : NULL;
}

/* Take one layer off. */
static enum outcome
open_one(struct eng *e, instant now, struct eng_packet *p, struct eng_ip *ip, struct path *path,
	enum eng_count *wrong)
{
	struct layer *l = &path->layer[path->n];
	struct net_addr src, dst;
	uint8_t proto, next = 0;
	size_t udp;

	if (!header_at(ip, path->n == 0, &proto, &udp))
		return INSIDE;
	*wrong = ENG_N_MALFORMED;
	if (path->n == ENG_NESTING_MAX)
		return WRONG;
	l->sa = find_sa(e, now, ip, proto, udp, wrong);
	if (l->sa == NULL) /* from out of a tunnel, it may be for somebody behind us */
		return path->n > 0 && path->layer[path->n - 1].mode == SA_TUNNEL ? INSIDE : WRONG;
	eng_ip_addresses(ip, &src, &dst);
	l->ends = memcmp(src.b, l->sa->src.addr.b, 16) == 0;
	if (proto == SA_AH)
		*wrong = eng_ah_in(e, l->sa, p, ip, &l->mode, &next);
	else
		*wrong = eng_esp_in(e, l->sa, p, ip, udp, &l->mode, &next);
	if (*wrong != ENG_N_COUNT)
		return WRONG;
	eng_sa_used(e, l->sa, now, p->len); /* what was protected, as on the way out */
	path->n++;
	return next == IPP_NONE ? DUMMY : OPENED;
}

static enum eng_verdict
open_all(struct eng *e, instant now, struct eng_packet *p, struct path *path)
{
	enum eng_count wrong = ENG_N_MALFORMED;
	struct eng_ip ip;

	for (;;) {
		if (!eng_ip_parse(p, &ip))
			return eng_drop(e, ENG_N_MALFORMED);
		switch (open_one(e, now, p, &ip, path, &wrong)) {
		case OPENED:
			break;
		case INSIDE:
			if (path->n == 0)
				return eng_drop(e, ENG_N_MALFORMED);
			return judge(e, now, path, &ip);
		case DUMMY:
			e->count[ENG_N_IN]++;
			return ENG_DROP;
		case WRONG:
			return eng_drop(e, wrong);
		}
	}
}

enum eng_verdict
eng_input(struct eng *e, instant now, struct eng_packet *p)
{
	struct path path = { .n = 0 };
	enum eng_verdict v;

	e->latest = now;
	if (p->head > p->room || p->len > p->room - p->head)
		return eng_drop(e, ENG_N_MALFORMED);
	v = open_all(e, now, p, &path);
	for (unsigned i = 0; i < path.n; i++) {
		bool again = false;

		for (unsigned k = 0; k < i; k++)
			again |= path.layer[k].sa == path.layer[i].sa;
		if (!again)
			eng_sa_settle(e, path.layer[i].sa);
	}
	return v;
}
