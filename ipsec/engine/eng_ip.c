/*
 * eng_ip.c - reading and making IP headers: selectors of packets, tunnel headers (RFC 4301 5.1.2),
 * room for ESP and AH, ICMP errors.
 *
 * Works on untrusted octets in place; every offset is checked against the packet first.
 */
#include "ipsec/engine/eng_int.h"

#include <endian.h>
#include <string.h>

enum { IP4_DF = 0x40, IP4_MF = 0x20, ECN_MASK = 3, ECN_ECT0 = 2, ECN_CE = 3 };
enum { GRE_CHECKSUM = 0x80, GRE_KEY = 0x20, GRE_VERSION = 7 };

/* --------------------------------------------------------------------------------- parsing --- */

static bool
parse4(struct eng_packet *p, struct eng_ip *ip)
{
	uint8_t *h = ip->h;
	size_t ihl, total;

	if (p->len < ENG_IP4)
		return false;
	ihl = (size_t)(h[0] & 15) * 4;
	total = get_u16(h + 2);
	if (ihl < ENG_IP4 || total < ihl || total > p->len)
		return false;
	p->len = total;
	ip->family = 4;
	ip->proto = h[9];
	ip->later = (get_u16(h + 6) & 0x1fff) != 0;
	ip->fragment = ip->later || (h[6] & IP4_MF) != 0;
	ip->at = ip->in = ihl;
	ip->at_next = ip->in_next = 9;
	return true;
}

/* Walk the extension headers before the upper layer; false when they do not fit the packet. */
static bool
walk6(struct eng_ip *ip)
{
	for (unsigned i = 0; i < ENG_EXT_MAX; i++) {
		const uint8_t *x = ip->h + ip->at;
		size_t n = IPP_FRAGMENT == ip->proto ? 8 : 0;

		if (ip->later || (ip->proto != IPP_HOPOPT && ip->proto != IPP_ROUTING &&
			ip->proto != IPP_DSTOPT && ip->proto != IPP_FRAGMENT))
			return true;
		if (ip->len - ip->at < 8)
			return false;
		if (n == 0)
			n = ((size_t)x[1] + 1) * 8;
		else
			ip->fragment = (get_u16(x + 2) & 0xfff9) != 0;
		if (n > ip->len - ip->at)
			return false;
		if (ip->proto == IPP_FRAGMENT)
			ip->later = (get_u16(x + 2) & 0xfff8) != 0;
		/* RFC 4303 3.1.1: behind hop-by-hop and routing, before destination options. */
		if (ip->proto == IPP_HOPOPT || ip->proto == IPP_ROUTING) {
			ip->in = ip->at + n;
			ip->in_next = ip->at;
		}
		ip->proto = x[0];
		ip->at_next = ip->at;
		ip->at += n;
	}
	return false;
}

static bool
parse6(struct eng_packet *p, struct eng_ip *ip)
{
	size_t total;

	if (p->len < ENG_IP6)
		return false;
	total = ENG_IP6 + (size_t)get_u16(ip->h + 4);
	if (total > p->len)
		return false;
	p->len = ip->len = total;
	ip->family = 6;
	ip->proto = ip->h[6];
	ip->at = ip->in = ENG_IP6;
	ip->at_next = ip->in_next = 6;
	return walk6(ip);
}

bool
eng_ip_parse(struct eng_packet *p, struct eng_ip *ip)
{
	memset(ip, 0, sizeof(*ip));
	ip->h = p->buf + p->head;
	if (p->len == 0)
		return false;
	if (ip->h[0] >> 4 == 4) {
		if (!parse4(p, ip))
			return false;
	} else if (ip->h[0] >> 4 != 6 || !parse6(p, ip)) {
		return false;
	}
	ip->len = p->len;
	return true;
}

void
eng_ip_addresses(const struct eng_ip *ip, struct net_addr *src, struct net_addr *dst)
{
	size_t at = ip->family == 4 ? 12 : 8, n = ip->family == 4 ? 4 : 16;

	memset(src, 0, sizeof(*src));
	memset(dst, 0, sizeof(*dst));
	src->family = dst->family = ip->family;
	memcpy(src->b, ip->h + at, n);
	memcpy(dst->b, ip->h + at + n, n);
}

/* A key of GRE (RFC 2890 2.1) stands for ports: its upper half and its lower. */
static void
gre_key(const uint8_t *t, size_t left, struct eng_flow *f)
{
	size_t at = (t[0] & GRE_CHECKSUM) != 0 ? 8 : 4;

	if ((t[0] & GRE_KEY) == 0 || (t[1] & GRE_VERSION) != 0 || left < at + 4)
		return;
	f->sport = get_u16(t + at);
	f->dport = get_u16(t + at + 2);
}

void
eng_ip_flow(const struct eng_ip *ip, struct eng_flow *f)
{
	const uint8_t *t = ip->h + ip->at;
	size_t left = ip->len - ip->at;

	eng_ip_addresses(ip, &f->src, &f->dst);
	f->upper = ip->proto;
	f->fragment = ip->fragment;
	f->sport = f->dport = 0;
	if (ip->later || left < 4)
		return;
	switch (ip->proto) {
	case IPP_TCP:
	case IPP_UDP:
	case 33:  /* DCCP */
	case 132: /* SCTP */
	case 136: /* UDP-Lite */
		f->sport = get_u16(t);
		f->dport = get_u16(t + 2);
		break;
	case IPP_ICMP:
	case IPP_ICMP6:
		f->sport = (uint16_t)(t[0] + 1);
		f->dport = (uint16_t)(t[1] + 1);
		break;
	case 47:
		gre_key(t, left, f);
		break;
	case 135: /* mobility header: its type (RFC 6275 6.1.1), and no code */
		f->sport = (uint16_t)(t[2] + 1);
		f->dport = 1;
		break;
	}
}

bool
eng_ip_df(const struct eng_ip *ip)
{
	return ip->family == 6 || (ip->h[6] & IP4_DF) != 0;
}

/* ------------------------------------------------------------------------------- checksums --- */

uint16_t
eng_ip_sum(uint32_t start, const uint8_t *p, size_t n)
{
	uint64_t sum = start;
	size_t i = 0;

	for (; i + 4 <= n; i += 4) {
		uint32_t word;

		memcpy(&word, p + i, sizeof(word));
		sum += be32toh(word);
	}
	for (; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (i < n)
		sum += (uint32_t)p[i] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

void
eng_ip_finish(uint8_t *h, size_t len)
{
	if (h[0] >> 4 == 6) {
		patch_u16(h + 4, (uint16_t)(len - ENG_IP6));
		return;
	}
	patch_u16(h + 2, (uint16_t)len);
	patch_u16(h + 10, 0);
	patch_u16(h + 10, (uint16_t)~eng_ip_sum(0, h, (size_t)(h[0] & 15) * 4));
}

/* --------------------------------------------------------------------------- room, headers --- */

static uint8_t
traffic_class(const uint8_t *h)
{
	if (h[0] >> 4 == 4)
		return h[1];
	return (uint8_t)(h[0] << 4 | h[1] >> 4);
}

/*
 * RFC 4301 5.1.2.1: DSCP and ECN are copied, DF is copied from an IPv4 header inside, the rest is
 * ours.  From IPv6 inside no DF: its sender was told what fits, down to 1280 octets.
 */
static void
outer4(struct eng *e, uint8_t *o, const uint8_t *inner, const struct eng_sa *sa, uint8_t proto)
{
	memset(o, 0, ENG_IP4);
	o[0] = 0x45;
	o[1] = traffic_class(inner);
	if (inner[0] >> 4 == 4)
		o[6] = inner[6] & IP4_DF;
	patch_u16(o + 4, e->ip_id++);
	o[8] = ENG_TTL;
	o[9] = proto;
	memcpy(o + 12, sa->src.addr.b, 4);
	memcpy(o + 16, sa->dst.addr.b, 4);
}

static void
outer6(uint8_t *o, const uint8_t *inner, const struct eng_sa *sa, uint8_t proto)
{
	uint8_t class = traffic_class(inner);

	memset(o, 0, ENG_IP6);
	o[0] = (uint8_t)(0x60 | class >> 4);
	o[1] = (uint8_t)(class << 4);
	if (inner[0] >> 4 == 6) { /* RFC 4301 5.1.2.2: the flow label is copied */
		o[1] = (uint8_t)(o[1] | (inner[1] & 15));
		o[2] = inner[2];
		o[3] = inner[3];
	}
	o[6] = proto;
	o[7] = ENG_TTL;
	memcpy(o + 8, sa->src.addr.b, 16);
	memcpy(o + 24, sa->dst.addr.b, 16);
}

uint8_t *
eng_ip_push(struct eng *e, struct eng_packet *p, const struct eng_ip *ip, const struct eng_sa *sa,
	enum sa_mode mode, size_t n, uint8_t proto, uint8_t *next)
{
	size_t outer = mode != SA_TUNNEL ? 0 : sa->dst.addr.family == 6 ? ENG_IP6 : ENG_IP4;
	uint8_t *h;

	if (p->head < n + outer)
		return NULL;
	h = ip->h - n - outer;
	p->head -= n + outer;
	p->len += n + outer;
	if (mode != SA_TUNNEL) {
		*next = ip->h[ip->in_next];
		memmove(h, ip->h, ip->in);
		h[ip->in_next] = proto;
		outer = ip->in;
	} else {
		*next = ip->family == 6 ? IPP_IPV6 : IPP_IPIP;
		if (outer == ENG_IP6)
			outer6(h, ip->h, sa, proto);
		else
			outer4(e, h, ip->h, sa, proto);
	}
	eng_ip_finish(h, p->len);
	return h + outer;
}

/*
 * RFC 6040 4.2: congestion met on the way is passed inwards.  False: the outer header says that it
 * was met by a packet whose sender does not know what that means; such a packet is dropped, as it
 * would have been there.
 */
static bool
pass_congestion(uint8_t outer, uint8_t *h, size_t len)
{
	uint8_t inner = traffic_class(h) & ECN_MASK, ecn = outer & ECN_MASK;

	if (ecn == inner || ecn == 0 || ecn == ECN_ECT0 || inner == ECN_CE)
		return true;
	if (inner == 0)
		return ecn != ECN_CE;
	if (h[0] >> 4 == 6) {
		h[1] = (uint8_t)((h[1] & ~(ECN_MASK << 4)) | ecn << 4);
		return true;
	}
	if (len < ENG_IP4 || (size_t)(h[0] & 15) * 4 > len)
		return true; /* the next parse refuses it */
	h[1] = (uint8_t)((h[1] & ~ECN_MASK) | ecn);
	patch_u16(h + 10, 0);
	patch_u16(h + 10, (uint16_t)~eng_ip_sum(0, h, (size_t)(h[0] & 15) * 4));
	return true;
}

enum eng_count
eng_ip_pull(struct eng_packet *p, const struct eng_ip *ip, enum sa_mode mode, size_t n,
	uint8_t next)
{
	uint8_t class = traffic_class(ip->h);

	if (n > p->len - ip->at)
		return ENG_N_MALFORMED;
	if (mode == SA_TUNNEL) {
		uint8_t version = next == IPP_IPV6 ? 6 : 4;
		uint8_t *h = ip->h + ip->at + n;

		p->head += ip->at + n;
		p->len -= ip->at + n;
		if (p->len < (version == 6 ? ENG_IP6 : ENG_IP4) || h[0] >> 4 != version)
			return ENG_N_MALFORMED;
		return pass_congestion(class, h, p->len) ? ENG_N_COUNT : ENG_N_CONGESTION;
	}
	ip->h[ip->at_next] = next;
	memmove(ip->h + n, ip->h, ip->at);
	p->head += n;
	p->len -= n;
	eng_ip_finish(ip->h + n, p->len);
	return ENG_N_COUNT;
}

/* Where the checksum of the upper layer stands in it, or 0. */
static size_t
checksum_at(const struct eng_ip *ip)
{
	if (ip->proto == IPP_TCP)
		return 16;
	return ip->proto == IPP_UDP ? 6 : 0;
}

/*
 * The sender computed it over addresses that we cannot know all of: those of both ends may have
 * been changed.  The ICV proved the packet sound, so it is made anew (RFC 3948 3.1.2).
 */
void
eng_ip_fix_checksum(struct eng_packet *p)
{
	struct eng_ip ip;
	size_t at, n;
	uint32_t sum;
	uint16_t folded;
	uint8_t *t;

	if (!eng_ip_parse(p, &ip) || ip.fragment)
		return;
	at = checksum_at(&ip);
	n = ip.len - ip.at;
	t = ip.h + ip.at;
	if (at == 0 || n < at + 2 || (ip.proto == IPP_UDP && get_u16(t + at) == 0))
		return;
	if (ip.proto == IPP_UDP && get_u16(t + 4) >= ENG_UDP && get_u16(t + 4) < n)
		n = get_u16(t + 4);
	sum = (uint32_t)n + ip.proto;
	sum += ip.family == 4 ? eng_ip_sum(0, ip.h + 12, 8) : eng_ip_sum(0, ip.h + 8, 32);
	patch_u16(t + at, 0);
	folded = (uint16_t)~eng_ip_sum(sum, t, n);
	patch_u16(t + at, folded == 0 && ip.proto == IPP_UDP ? 0xffff : folded);
}

/* ------------------------------------------------------------------------------------ ICMP --- */

enum { ICMP_HEADER = 8, ICMP4_MAX = 576, ICMP6_MAX = 1280, ICMP_ECHO = 8, ICMP_ECHO_REPLY = 0 };

/* RFC 1122 3.2.2, RFC 4443 2.4: no errors about errors, broadcasts or later fragments. */
static bool
may_complain(const struct eng_ip *ip)
{
	uint8_t type = ip->len > ip->at ? ip->h[ip->at] : 0;

	if (ip->later)
		return false;
	if (ip->family == 4) {
		if (ip->h[16] >= 224 || ip->h[12] >= 224)
			return false;
		return ip->proto != IPP_ICMP || type == ICMP_ECHO || type == ICMP_ECHO_REPLY;
	}
	/* RFC 4443 2.4 (e.3): "too big" is the one error that multicast may cause. */
	return ip->h[8] != 0xff && (ip->proto != IPP_ICMP6 || type >= 128);
}

static void
too_big4(uint8_t *h, const uint8_t *original, size_t n, size_t mtu)
{
	uint8_t *icmp = h + ENG_IP4;

	memset(h, 0, ENG_IP4 + ICMP_HEADER);
	h[0] = 0x45;
	h[1] = 0xc0; /* RFC 1812 4.3.2.5: internetwork control */
	h[8] = ENG_TTL;
	h[9] = IPP_ICMP;
	memcpy(h + 12, original + 16, 4); /* from where it was going, back to who sent it */
	memcpy(h + 16, original + 12, 4);
	icmp[0] = 3;
	icmp[1] = 4;
	patch_u16(icmp + 6, (uint16_t)(mtu > 0xffff ? 0xffff : mtu)); /* RFC 1191 4 */
	patch_u16(icmp + 2, (uint16_t)~eng_ip_sum(0, icmp, ICMP_HEADER + n));
	eng_ip_finish(h, ENG_IP4 + ICMP_HEADER + n);
}

static void
too_big6(uint8_t *h, const uint8_t *original, size_t n, size_t mtu)
{
	uint8_t *icmp = h + ENG_IP6;
	uint32_t sum = (uint32_t)(ICMP_HEADER + n) + IPP_ICMP6;
	uint8_t from[16], to[16];

	memcpy(from, original + 24, 16);
	memcpy(to, original + 8, 16);
	memset(h, 0, ENG_IP6 + ICMP_HEADER);
	h[0] = 0x60;
	h[6] = IPP_ICMP6;
	h[7] = ENG_TTL;
	memcpy(h + 8, from, 16);
	memcpy(h + 24, to, 16);
	icmp[0] = 2;
	patch_u32(icmp + 4, (uint32_t)mtu);
	sum += eng_ip_sum(0, h + 8, 32);
	patch_u16(icmp + 2, (uint16_t)~eng_ip_sum(sum, icmp, ICMP_HEADER + n));
	eng_ip_finish(h, ENG_IP6 + ICMP_HEADER + n);
}

bool
eng_ip_too_big(struct eng_packet *p, const struct eng_ip *ip, size_t mtu)
{
	size_t header = (ip->family == 4 ? ENG_IP4 : ENG_IP6) + ICMP_HEADER;
	size_t n = (ip->family == 4 ? ICMP4_MAX : ICMP6_MAX) - header;
	uint8_t *h;

	if (!may_complain(ip) || p->head < header)
		return false;
	if (n > p->len)
		n = p->len;
	h = ip->h - header;
	p->head -= header;
	p->len = header + n;
	if (ip->family == 4)
		too_big4(h, ip->h, n, mtu);
	else
		too_big6(h, ip->h, n, mtu);
	return true;
}
