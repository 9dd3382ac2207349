/*
 * eng_in.c - the way in (RFC 4301 5.2): take ESP, AH and IPComp off, layer by layer, then ask the
 * policy whether what is inside was protected as it should be.
 *
 * At most ENG_NESTING_MAX headers of one packet are taken off.  What fails is dropped, counted and
 * noted for the audit; nothing is ever sent in return.
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
	bool natted; /* a NAT may have changed the addresses of what is inside */
	struct eng_audit about; /* the layer under way, should it be wrong */
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
	/* RFC 3173 2.2: what does not get smaller goes without IPComp. */
	return (r->level == SP_USE || (r->proto == SA_IPCOMP && r->mode != SA_TUNNEL)) &&
		satisfies(p, rules - 1, path, k);
}

/* What was inside is refused: told with the addresses of that, and the SA that it came through. */
static enum eng_verdict
refuse(struct eng *e, instant now, struct path *path, const struct eng_flow *f,
	enum eng_count why)
{
	struct eng_sa *sa = path->layer[path->n - 1].sa;
	struct eng_audit about = { .src = f->src, .dst = f->dst,
		.proto = (enum sa_proto)sa->proto, .spi = sa->spi };

	eng_audit_note(e, now, why, sa, &about);
	return eng_drop(e, why);
}

static enum eng_verdict
judge(struct eng *e, instant now, struct path *path, struct eng_packet *p, const struct eng_ip *ip)
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
			return refuse(e, now, path, &f, ENG_N_NO_POLICY);
	} else {
		sp->used = now;
		sp->packets++;
		sp->bytes += p->len;
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
			return refuse(e, now, path, &f, ENG_N_POLICY_MISMATCH);
	}
	if (path->natted)
		eng_ip_fix_checksum(p);
	e->count[ENG_N_IN]++;
	return ENG_DELIVER;
}

/* ---------------------------------------------------------------------------------- layers --- */

enum { KEEPALIVE = 0xff }; /* RFC 3948 2.3 */
enum outcome { OPENED, INSIDE, DUMMY, WRONG };

/* RFC 3948 2: a keepalive, IKE behind a non-ESP marker, or ESP, maybe behind a non-IKE marker. */
static enum eng_count
look_into_udp(const struct eng_ip *ip, size_t *udp)
{
	static const uint8_t zero[ENG_MARKER];
	size_t n = ip->len - ip->at - ENG_UDP;
	const uint8_t *data = ip->h + ip->at + ENG_UDP;

	*udp = ENG_UDP;
	if (n == 1 && data[0] == KEEPALIVE)
		return ENG_N_KEEPALIVE;
	if (n < ENG_ESP || memcmp(data, zero, 4) != 0)
		return ENG_N_COUNT;
	if (memcmp(data, zero, sizeof(zero)) != 0)
		return ENG_N_NOT_ESP;
	*udp = ENG_UDP + ENG_MARKER;
	return ENG_N_COUNT;
}

/* Where SPI and protocol stand: false when the packet carries nothing to be taken off. */
static bool
header_at(const struct eng *e, const struct eng_ip *ip, const struct path *path, uint8_t *proto,
	size_t *udp, enum eng_count *wrong)
{
	*proto = ip->proto;
	*udp = 0;
	*wrong = ENG_N_COUNT;
	switch (ip->proto) {
	case SA_ESP:
	case SA_AH:
	case SA_IPCOMP:
		return true;
	case IPP_IPIP:
	case IPP_IPV6: /* maybe an IPComp tunnel's */
		return e->comp_sas != 0;
	case IPP_UDP:
		if (path->n != 0)
			return false;
		*proto = SA_ESP;
		*udp = ENG_UDP;
		if (ip->len - ip->at < ENG_UDP)
			*wrong = ENG_N_MALFORMED;
		else if (!ip->fragment)
			*wrong = look_into_udp(ip, udp);
		return true;
	}
	return false;
}

static size_t
least(uint8_t proto, size_t udp)
{
	return proto == SA_IPCOMP ? ENG_IPCOMP : proto == SA_AH ? ENG_AH_OLD : udp + ENG_ESP_OLD;
}

static struct eng_sa *
find_sa(struct eng *e, instant now, const struct eng_ip *ip, size_t udp, struct eng_audit *about,
	enum eng_count *wrong)
{
	const uint8_t *h = ip->h + ip->at + udp;
	struct eng_sa *sa;

	*wrong = ENG_N_MALFORMED;
	if (ip->len - ip->at < least((uint8_t)about->proto, udp))
		return NULL;
	*wrong = ENG_N_FRAGMENT;
	if (ip->fragment)
		return NULL;
	*wrong = ENG_N_NO_SA;
	if (about->proto == SA_IPCOMP) {
		about->spi = get_u16(h + 2);
		sa = eng_comp_find(e, ip, &about->src, &about->dst);
	} else {
		about->spi = get_u32(about->proto == SA_AH ? h + 4 : h);
		sa = eng_sa_incoming(e, &about->dst, (uint8_t)about->proto, about->spi);
	}
	if (sa == NULL || sa->state == SA_LARVAL || sa->udp != udp)
		return NULL;
	*wrong = ENG_N_EXPIRED;
	return eng_sa_usable(sa, now) ? sa : NULL;
}

/* Take off what `l` says. */
static enum eng_count
open_layer(struct eng *e, struct eng_packet *p, const struct eng_ip *ip, struct layer *l,
	uint64_t *seq, uint8_t *next)
{
	switch ((enum sa_proto)l->sa->proto) {
	case SA_AH:
		return eng_ah_in(e, l->sa, p, ip, &l->mode, next, seq);
	case SA_ESP:
		return eng_esp_in(e, l->sa, p, ip, &l->mode, next, seq);
	case SA_IPCOMP:
		if (ip->proto == SA_IPCOMP)
			return eng_comp_in(e, l->sa, p, ip, &l->mode, next);
		l->mode = SA_TUNNEL;
		*next = ip->proto;
		return eng_ip_pull(p, ip, SA_TUNNEL, 0, ip->proto);
	case SA_NONE:
	case SA_TCP:
		break;
	}
	return ENG_N_MALFORMED;
}

/* A NAT before the peer chose another port (RFC 3948 4): key managers may let the SA's other half
 * follow.  Only for packets that proved authentic and new. */
static void
tell_mapping(struct eng *e, instant now, struct eng_sa *sa, const struct net_addr *src,
	uint16_t port)
{
	uint16_t known = sa->src.port == 0 ? ENG_NATT_PORT : sa->src.port;
	struct sadb_msg m;

	if ((port == known && memcmp(src->b, sa->src.addr.b, 16) == 0) ||
		(sa->mapping_told.ms != 0 &&
			instant_diff(now, sa->mapping_told) < ENG_MAPPING_MS))
		return;
	sa->mapping_told = now;
	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_MAPPING;
	m.has_sa = true;
	eng_sa_show(sa, &m.sa, false);
	m.sa.src.port = known;
	m.mapped = (struct net_endpoint){ *src, port };
	eng_tell(e, 0, 0, &m);
}

/* Take one layer off. */
static enum outcome
open_one(struct eng *e, instant now, struct eng_packet *p, struct eng_ip *ip, struct path *path,
	enum eng_count *wrong)
{
	bool inside = path->n > 0 && path->layer[path->n - 1].mode == SA_TUNNEL;
	struct eng_audit *about = &path->about;
	struct layer *l;
	uint8_t proto, next = 0;
	uint16_t port;
	size_t udp;

	if (!header_at(e, ip, path, &proto, &udp, wrong))
		return INSIDE;
	if (*wrong != ENG_N_COUNT)
		return WRONG;
	*wrong = ENG_N_MALFORMED;
	eng_ip_addresses(ip, &about->src, &about->dst);
	about->proto = (enum sa_proto)proto;
	about->spi = 0;
	about->seq = 0;
	if (path->n == ENG_NESTING_MAX)
		return WRONG;
	l = &path->layer[path->n];
	if (proto == IPP_IPIP || proto == IPP_IPV6) {
		l->sa = ip->fragment ? NULL : eng_comp_carrier(e, &about->src, &about->dst);
		inside = true;
	} else {
		l->sa = find_sa(e, now, ip, udp, about, wrong);
	}
	if (l->sa == NULL && inside) /* from out of a tunnel, it may be for somebody behind us */
		return INSIDE;
	if (l->sa == NULL) {
		eng_audit_note(e, now, *wrong, NULL, about);
		return WRONG;
	}
	l->ends = memcmp(about->src.b, l->sa->src.addr.b, 16) == 0;
	port = udp == 0 ? 0 : get_u16(ip->h + ip->at);
	*wrong = open_layer(e, p, ip, l, &about->seq, &next);
	if (*wrong != ENG_N_COUNT) {
		eng_audit_note(e, now, *wrong, l->sa, about);
		return WRONG;
	}
	if (udp != 0)
		tell_mapping(e, now, l->sa, &about->src, port);
	path->natted = l->mode != SA_TUNNEL && (path->natted || l->sa->natt);
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
			if (path->n == 0) /* IP in IP of somebody else's tunnel, too */
				return eng_drop(e, ip.proto == IPP_IPIP || ip.proto == IPP_IPV6
						? ENG_N_NOT_ESP : ENG_N_MALFORMED);
			return judge(e, now, path, p, &ip);
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
	struct path path;
	enum eng_verdict v;

	e->latest = now;
	if (p->head > p->room || p->len > p->room - p->head)
		return eng_drop(e, ENG_N_MALFORMED);
	path.n = 0;
	path.natted = false;
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
