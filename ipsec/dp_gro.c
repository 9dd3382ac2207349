/*
 * dp_gro.c - joining TCP segments and UDP datagrams, pure.
 *
 * Called by the datapath for each packet that leaves a tunnel, and at the end of each batch.  What
 * a segment says is checked against its length before it is believed: the peer made it.
 */
#include "ipsec/dp_gro.h"

#include <string.h>

#include "lib/bytes.h"
#include "lib/inetsum.h"

enum {
	IP4 = 20, IP6 = 40, TCP = 20, UDP = 8, P_TCP = 6, P_UDP = 17, DF = 0x40,
	FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, URG = 0x20, CWR = 0x80,
	TCP_FLAGS = 13, TCP_SUM = 16, UDP_SUM = 6,
};

struct segment {
	uint8_t *p;
	size_t len;
	size_t l4, headers;
	bool v4, tcp;
};

void
dp_gro_init(struct dp_gro *g, void (*emit)(void *user, const struct dp_super *s), void *user)
{
	memset(g, 0, sizeof(*g));
	g->emit = emit;
	g->user = user;
}

static uint32_t
pseudo(const struct segment *s, size_t l4_len)
{
	return (uint32_t)l4_len + (s->tcp ? P_TCP : P_UDP) + (s->v4 ? inet_sum(0, s->p + 12, 8) :
		inet_sum(0, s->p + 8, 32));
}

/* A whole segment or datagram without IP options or extension headers? */
static bool
parse(struct segment *s)
{
	const uint8_t *p = s->p, *t;

	if (s->len >= IP4 + UDP && p[0] == 0x45) {
		if ((get_u16(p + 6) & 0x3fff) != 0 || get_u16(p + 2) != s->len)
			return false;
		s->v4 = true;
		s->l4 = IP4;
	} else if (s->len >= IP6 + UDP && p[0] >> 4 == 6) {
		if (get_u16(p + 4) + (size_t)IP6 != s->len)
			return false;
		s->v4 = false;
		s->l4 = IP6;
	} else {
		return false;
	}
	t = p + s->l4;
	s->tcp = p[s->v4 ? 9 : 6] == P_TCP;
	if (!s->tcp) {
		s->headers = s->l4 + UDP;
		return p[s->v4 ? 9 : 6] == P_UDP && get_u16(t + 4) == s->len - s->l4 &&
			get_u16(t + UDP_SUM) != 0;
	}
	if (s->len < s->l4 + TCP)
		return false;
	s->headers = s->l4 + (t[12] >> 4) * 4u;
	return s->headers >= s->l4 + TCP && s->headers <= s->len;
}

static bool
sums_right(const struct segment *s)
{
	if (s->v4 && inet_sum(0, s->p, IP4) != 0xffff)
		return false;
	return inet_sum(pseudo(s, s->len - s->l4), s->p + s->l4, s->len - s->l4) == 0xffff;
}

static bool
same_connection(const struct dp_gro_flow *f, const struct segment *s)
{
	const uint8_t *h = f->super.iov[0].iov_base;
	size_t at = s->v4 ? 12 : 8;

	/* Addresses and ports lie side by side. */
	return f->super.pieces != 0 && f->tcp == s->tcp && f->l4 == s->l4 &&
		h[0] >> 4 == s->p[0] >> 4 && memcmp(h + at, s->p + at, s->l4 - at + 4) == 0;
}

/* n octets of header. */
static bool
tcp_continues(const struct dp_gro_flow *f, const uint8_t *t, const uint8_t *st, size_t n)
{
	return get_u32(st + 4) == f->next && get_u32(st + 8) == get_u32(t + 8) && /* seq, ack */
		((st[TCP_FLAGS] ^ t[TCP_FLAGS]) & ~(FIN | PSH)) == 0 &&
		(st[TCP_FLAGS] & CWR) == 0 && st[12] == t[12] &&
		get_u16(st + 14) == get_u16(t + 14) && /* window */
		memcmp(st + TCP, t + TCP, n - TCP) == 0;
}

/* Everything that all packets of a super-packet have in common. */
static bool
continues(const struct dp_gro_flow *f, const struct segment *s)
{
	const uint8_t *h = f->super.iov[0].iov_base, *t = h + f->l4;
	const uint8_t *st = s->p + s->l4;
	size_t payload = s->len - s->headers;

	if (s->headers != f->headers || payload == 0 || payload > f->super.vnet.size ||
		f->super.pieces == DP_GRO_SEGMENTS || f->super.len + payload > DP_GRO_OCTETS)
		return false;
	if (s->tcp && !tcp_continues(f, t, st, s->headers - s->l4))
		return false;
	if (!s->v4)
		return get_u32(s->p) == get_u32(h) && s->p[7] == h[7]; /* class, label; hops */
	if (s->p[1] != h[1] || s->p[6] != h[6] || s->p[8] != h[8])
		return false;
	/* Cut again, identifications count up; where DF is set they mean nothing. */
	return (h[6] & DF) != 0 || get_u16(s->p + 4) == (uint16_t)(f->id + 1);
}
/* Header of the joined packet (the stack computes the TCP checksum, or skips it). */
static void
finish(struct dp_gro_flow *f)
{
	uint8_t *h = f->super.iov[0].iov_base;
	struct segment s = { .p = h, .v4 = h[0] >> 4 == 4, .tcp = f->tcp, .l4 = f->l4 };
	size_t n = f->super.len, sum = f->tcp ? TCP_SUM : UDP_SUM;

	if (f->super.pieces == 1) {
		f->super.vnet = (struct dp_vnet){ 0 };
		return;
	}
	if (s.v4) {
		patch_u16(h + 2, (uint16_t)n);
		patch_u16(h + 10, 0);
		patch_u16(h + 10, (uint16_t)~inet_sum(0, h, IP4));
	} else {
		patch_u16(h + 4, (uint16_t)(n - IP6));
	}
	if (!f->tcp)
		patch_u16(h + f->l4 + 4, (uint16_t)(n - f->l4));
	patch_u16(h + f->l4 + sum, inet_sum(pseudo(&s, n - f->l4), h, 0));
	f->super.vnet.flags = DP_VNET_NEEDS_CSUM;
	f->super.vnet.type = !f->tcp ? DP_VNET_UDP : s.v4 ? DP_VNET_TCP4 : DP_VNET_TCP6;
	f->super.vnet.headers = (uint16_t)f->headers;
	f->super.vnet.csum_start = (uint16_t)f->l4;
	f->super.vnet.csum_offset = (uint16_t)sum;
}

static void
emit(struct dp_gro *g, struct dp_gro_flow *f)
{
	if (f->super.pieces == 0)
		return;
	finish(f);
	g->emit(g->user, &f->super);
	f->super.pieces = 0;
}

static void
emit_alone(struct dp_gro *g, uint8_t *packet, size_t len)
{
	struct dp_super s;

	s.vnet = (struct dp_vnet){ 0 };
	s.pieces = 1;
	s.len = len;
	s.iov[0] = (struct iovec){ packet, len };
	g->emit(g->user, &s);
}

static struct dp_gro_flow *
find(struct dp_gro *g, const struct segment *s)
{
	for (unsigned i = 0; i < DP_GRO_FLOWS; i++)
		if (same_connection(&g->flow[i], s))
			return &g->flow[i];
	return NULL;
}

static struct dp_gro_flow *
free_place(struct dp_gro *g)
{
	struct dp_gro_flow *f;

	for (unsigned i = 0; i < DP_GRO_FLOWS; i++)
		if (g->flow[i].super.pieces == 0)
			return &g->flow[i];
	f = &g->flow[g->turn++ % DP_GRO_FLOWS];
	emit(g, f);
	return f;
}

static void
begin(struct dp_gro *g, const struct segment *s)
{
	struct dp_gro_flow *f = free_place(g);

	f->l4 = s->l4;
	f->tcp = s->tcp;
	f->headers = s->headers;
	f->super.pieces = 1;
	f->super.len = s->len;
	f->super.iov[0] = (struct iovec){ s->p, s->len };
	f->super.vnet = (struct dp_vnet){ .size = (uint16_t)(s->len - s->headers) };
	f->next = get_u32(s->p + s->l4 + 4) + (uint32_t)(s->len - s->headers);
	f->id = get_u16(s->p + 4);
}

static uint8_t
flags_of(const struct segment *s)
{
	return s->tcp ? s->p[s->l4 + TCP_FLAGS] : 0;
}

static void
join(struct dp_gro *g, struct dp_gro_flow *f, const struct segment *s)
{
	uint8_t *flags = (uint8_t *)f->super.iov[0].iov_base + f->l4 + TCP_FLAGS;
	size_t payload = s->len - s->headers;
	uint8_t own = flags_of(s);

	f->super.iov[f->super.pieces++] = (struct iovec){ s->p + s->headers, payload };
	f->super.len += payload;
	f->next += (uint32_t)payload;
	f->id = get_u16(s->p + 4);
	if (s->tcp)
		*flags = (uint8_t)(*flags | (own & (FIN | PSH)));
	if (payload < f->super.vnet.size || (own & (FIN | PSH)) != 0)
		emit(g, f);
}

void
dp_gro_add(struct dp_gro *g, uint8_t *packet, size_t len)
{
	struct segment s = { .p = packet, .len = len };
	struct dp_gro_flow *f;
	uint8_t flags;

	if (!parse(&s) || (!s.tcp && !g->udp)) {
		emit_alone(g, packet, len);
		return;
	}
	flags = flags_of(&s);
	f = find(g, &s);
	if (f != NULL && continues(f, &s) && (flags & (SYN | RST | URG)) == 0 && sums_right(&s)) {
		join(g, f, &s);
		return;
	}
	if (f != NULL)
		emit(g, f);
	if (s.len == s.headers || (flags & (FIN | SYN | RST | PSH | URG | CWR)) != 0 ||
		!sums_right(&s))
		emit_alone(g, packet, len);
	else
		begin(g, &s);
}

void
dp_gro_flush(struct dp_gro *g)
{
	for (unsigned i = 0; i < DP_GRO_FLOWS; i++)
		emit(g, &g->flow[i]);
}
