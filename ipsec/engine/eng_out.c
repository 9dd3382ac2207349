/*
 * eng_out.c - the way out (RFC 4301 5.1): policy, SAs of its rules, does it fit, transform.
 *
 * Nothing is walked but the rules of one policy, and nothing allocated but for a packet that must
 * be cut before ESP.
 */
#include "ipsec/engine/eng_int.h"

#include <stdlib.h>
#include <string.h>

enum { IP_MAX = 65535, IP6_MTU_MIN = 1280 };

struct step { /* one transform that will be applied */
	struct eng_sa *sa;
	enum sa_mode mode;
	size_t headers; /* octets of IP headers that stay before it */
};

struct bundle {
	struct step step[SP_RULES_MAX];
	unsigned steps;
	const struct sp_rule *missing; /* a rule without SA that cannot be left out */
	struct net_addr src, dst;      /* its end points */
};

static enum sa_mode
mode_of_rule(const struct sp_rule *r)
{
	if (r->mode == SA_MODE_ANY)
		return r->src.addr.family != 0 ? SA_TUNNEL : SA_TRANSPORT;
	return r->mode;
}

static size_t
header_of(const struct eng_sa *sa)
{
	return sa->dst.addr.family == 6 ? ENG_IP6 : ENG_IP4;
}

/* The SA of rule i. Tunnels always have the same end points, so theirs is remembered. */
static struct eng_sa *
sa_for_rule(const struct eng *e, struct eng_policy *sp, unsigned i, bool tunnel,
	const struct net_addr *src, const struct net_addr *dst)
{
	if (!tunnel)
		return eng_sa_for(e, &sp->p.rule[i], src, dst);
	if (sp->sad_generation != e->sad_generation) {
		memset(sp->sa, 0, sizeof(sp->sa));
		sp->sad_generation = e->sad_generation;
	}
	if (sp->sa[i] == NULL)
		sp->sa[i] = eng_sa_for(e, &sp->p.rule[i], src, dst);
	return sp->sa[i];
}

/* Find the SAs; rules that may be left out (level use) are, and are asked for. */
static void
resolve(struct eng *e, instant now, struct eng_policy *sp, const struct eng_ip *ip,
	struct bundle *b)
{
	size_t headers = ip->in;

	b->steps = 0;
	b->missing = NULL;
	eng_ip_addresses(ip, &b->src, &b->dst);
	for (unsigned i = 0; i < sp->p.rules; i++) {
		const struct sp_rule *r = &sp->p.rule[i];
		bool tunnel = mode_of_rule(r) == SA_TUNNEL;
		const struct net_addr src = tunnel ? r->src.addr : b->src;
		const struct net_addr dst = tunnel ? r->dst.addr : b->dst;
		struct eng_sa *sa = sa_for_rule(e, sp, i, tunnel, &src, &dst);

		if (sa != NULL && !eng_sa_usable(sa, now)) {
			e->count[ENG_N_EXPIRED]++;
			sa = NULL;
		}
		if (sa == NULL && r->level == SP_USE) {
			(void)eng_hold(e, now, sp, r, &src, &dst, NULL);
			continue;
		}
		b->src = src;
		b->dst = dst;
		if (sa == NULL) {
			b->missing = r;
			return;
		}
		b->step[b->steps++] = (struct step){ .sa = sa, .headers = headers,
			.mode = tunnel ? SA_TUNNEL : SA_TRANSPORT };
		if (tunnel)
			headers = header_of(sa);
	}
}

/* The largest packet before this step whose result has at most `room` octets. */
static size_t
room_before(const struct step *s, size_t room)
{
	const struct eng_sa *sa = s->sa;
	size_t outside = s->mode == SA_TUNNEL ? header_of(sa) : s->headers, n;

	switch ((enum sa_proto)sa->proto) {
	case SA_AH:
		n = eng_ah_size(sa, header_of(sa) == ENG_IP6 ? 6 : 4);
		n += s->mode == SA_TUNNEL ? outside : 0;
		return room < n ? 0 : room - n;
	case SA_IPCOMP: /* it never grows, but for the carrier of a tunnel */
		n = s->mode == SA_TUNNEL ? outside : 0;
		return room < n ? 0 : room - n;
	case SA_ESP:
		break;
	case SA_NONE:
	case SA_TCP:
		return 0;
	}
	n = outside + sa->udp + sa->header + sa->iv_octets + sa->icv;
	if (room < n + sa->align)
		return 0;
	n = ((room - n) & ~(sa->align - (size_t)1)) - ENG_TRAILER;
	return s->mode == SA_TUNNEL ? n : n + s->headers;
}

static size_t
room_for(const struct bundle *b, size_t mtu)
{
	for (unsigned i = b->steps; i-- > 0;)
		mtu = room_before(&b->step[i], mtu);
	return mtu;
}

/* What the path takes: what the host says, and what the network told about the outermost SA. */
static size_t
path_mtu(const struct eng *e, const struct bundle *b, instant now, uint32_t given)
{
	const struct eng_sa *outer = b->step[b->steps - 1].sa;
	size_t mtu;

	if (given == 0 && e->path_mtu != NULL)
		given = e->path_mtu(e->path_user, &b->dst);
	mtu = given == 0 || given > IP_MAX ? IP_MAX : given;

	if (outer->pmtu != 0 && !instant_reached(outer->pmtu_until, now) && outer->pmtu < mtu)
		return outer->pmtu;
	return mtu;
}

/* ENG_SEND when it fits or may be fragmented behind us. */
static enum eng_verdict
check_size(struct eng *e, instant now, const struct bundle *b, struct eng_packet *p,
	const struct eng_ip *ip)
{
	size_t fits;

	if (p->len > room_for(b, IP_MAX))
		return eng_drop(e, ENG_N_TOO_BIG);
	if (!eng_ip_df(ip) || p->may_cut)
		return ENG_SEND;
	fits = room_for(b, path_mtu(e, b, now, p->mtu));
	if (p->len <= fits)
		return ENG_SEND;
	if (ip->family == 6) {
		if (p->len <= IP6_MTU_MIN)
			return ENG_SEND;
		if (fits < IP6_MTU_MIN)
			fits = IP6_MTU_MIN;
	}
	e->count[ENG_N_TOO_BIG]++;
	return eng_ip_too_big(p, ip, fits) ? ENG_REPLY : ENG_DROP;
}

static void
settle(struct eng *e, const struct bundle *b, unsigned done)
{
	for (unsigned i = 0; i < done; i++) {
		bool again = false;

		for (unsigned k = 0; k < i; k++)
			again |= b->step[k].sa == b->step[i].sa;
		if (!again)
			eng_sa_settle(e, b->step[i].sa);
	}
}

static enum eng_count
transform(struct eng *e, const struct step *s, struct eng_packet *p, struct eng_ip *ip)
{
	switch ((enum sa_proto)s->sa->proto) {
	case SA_ESP:
		return eng_esp_out(e, s->sa, s->mode, p, ip);
	case SA_AH:
		return eng_ah_out(e, s->sa, s->mode, p, ip);
	case SA_IPCOMP:
		return eng_comp_out(e, s->sa, s->mode, p, ip);
	case SA_NONE:
	case SA_TCP:
		break;
	}
	return ENG_N_MALFORMED;
}

/* ip: the packet as it is now. */
static enum eng_verdict
apply(struct eng *e, instant now, struct bundle *b, struct eng_packet *p, struct eng_ip *ip)
{
	enum eng_count wrong = ENG_N_COUNT;
	unsigned i;

	for (i = 0; i < b->steps && wrong == ENG_N_COUNT; i++) {
		struct eng_sa *sa = b->step[i].sa;
		size_t n = p->len;

		wrong = i > 0 && !eng_ip_parse(p, ip) ? ENG_N_MALFORMED
						      : transform(e, &b->step[i], p, ip);
		if (wrong == ENG_N_COUNT) {
			eng_sa_used(e, sa, now, n);
		} else {
			struct eng_audit about = { .src = sa->src.addr, .dst = sa->dst.addr,
				.proto = (enum sa_proto)sa->proto, .spi = sa->spi,
				.seq = sa->seq };

			eng_audit_note(e, now, wrong, sa, &about);
		}
	}
	settle(e, b, i);
	if (wrong != ENG_N_COUNT)
		return eng_drop(e, wrong);
	e->count[ENG_N_OUT]++;
	return ENG_SEND;
}

/* Each piece goes its own way through the bundle: the SAs may end meanwhile. */
static void
send_pieces(struct eng *e, instant now, struct eng_policy *sp, struct list *pieces)
{
	LIST_FOREACH(at, pieces) {
		struct eng_held *piece = container_of(at, struct eng_held, node);
		struct eng_packet p = eng_frag_packet(piece);
		struct bundle b;
		struct eng_ip ip;

		list_remove(&piece->node);
		if (eng_ip_parse(&p, &ip)) {
			resolve(e, now, sp, &ip, &b);
			if (b.missing == NULL && b.steps != 0 &&
				apply(e, now, &b, &p, &ip) == ENG_SEND) {
				eng_frag_queue(e, piece, &p);
				continue;
			}
		}
		free(piece);
	}
}

/* Does the first tunnel of the bundle want smaller packets in it (esp_frag)? */
static size_t
piece_size(const struct eng *e, const struct bundle *b, const struct eng_packet *p,
	const struct eng_ip *ip)
{
	const struct step *s = &b->step[0];

	if (s->mode != SA_TUNNEL || s->sa->frag == 0 || e->piece_count >= ENG_HELD_MAX)
		return 0;
	return eng_frag_size(p, ip, s->sa);
}

static enum eng_verdict
protect(struct eng *e, instant now, struct eng_policy *sp, struct eng_packet *p,
	struct eng_ip *ip)
{
	struct bundle b;
	struct list rest;
	enum eng_verdict v;
	size_t piece;

	resolve(e, now, sp, ip, &b);
	if (b.missing != NULL)
		return eng_hold(e, now, sp, b.missing, &b.src, &b.dst, p);
	if (b.steps == 0) { /* all of level use, and no SA */
		e->count[ENG_N_CLEAR_OUT]++;
		return ENG_CLEAR;
	}
	v = check_size(e, now, &b, p, ip);
	if (v != ENG_SEND)
		return v;
	piece = piece_size(e, &b, p, ip);
	if (piece == 0)
		return apply(e, now, &b, p, ip);
	if (!eng_frag_cut(p, piece, &rest) || !eng_ip_parse(p, ip))
		return eng_drop(e, ENG_N_QUEUE_FULL);
	v = apply(e, now, &b, p, ip);
	send_pieces(e, now, sp, &rest);
	return v;
}

bool
eng_wants_whole(struct eng *e, uint8_t *packet, size_t len)
{
	struct eng_packet p = { .buf = packet, .room = len, .len = len };
	const struct eng_policy *sp;
	struct eng_flow f;
	struct eng_ip ip;

	if (!eng_ip_parse(&p, &ip))
		return false;
	eng_ip_flow(&ip, &f);
	sp = eng_spd_find(e, SP_OUT, &f);
	return sp == NULL || sp->p.action != SP_IPSEC || mode_of_rule(&sp->p.rule[0]) != SA_TUNNEL;
}

enum eng_verdict
eng_output(struct eng *e, instant now, struct eng_packet *p)
{
	struct eng_policy *sp;
	struct eng_flow f;
	struct eng_ip ip;

	e->latest = now;
	if (p->head > p->room || p->len > p->room - p->head || !eng_ip_parse(p, &ip))
		return eng_drop(e, ENG_N_MALFORMED);
	eng_ip_flow(&ip, &f);
	sp = eng_spd_find(e, SP_OUT, &f);
	if (sp != NULL) {
		sp->used = now;
		sp->packets++;
		sp->bytes += p->len;
		switch (sp->p.action) {
		case SP_DISCARD:
			return eng_drop(e, ENG_N_DISCARD);
		case SP_IPSEC:
			return protect(e, now, sp, p, &ip);
		case SP_PASS:
		case SP_ENTRUST:
		case SP_BYPASS:
			break;
		}
	}
	e->count[ENG_N_CLEAR_OUT]++;
	return ENG_CLEAR;
}

void
eng_path_mtu(struct eng *e, const struct net_addr *dst, uint32_t spi, uint32_t mtu)
{
	struct eng_sa *sa = eng_sa_find(e, dst, SA_ESP, spi);

	if (sa == NULL)
		sa = eng_sa_find(e, dst, SA_AH, spi);
	if (sa == NULL)
		sa = eng_sa_find(e, dst, SA_IPCOMP, spi);
	if (sa == NULL)
		return;
	/* RFC 4301 8.2: anybody can send these; believe nothing absurd, and not for ever. */
	sa->pmtu = mtu < ENG_PMTU_MIN ? ENG_PMTU_MIN : mtu;
	sa->pmtu_until = instant_add(e->latest, ENG_PMTU_S * 1000);
}
