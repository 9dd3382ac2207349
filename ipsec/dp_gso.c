/*
 * dp_gso.c - segmentation of TCP over IPv4 and IPv6 and of UDP, pure.
 *
 * Called by the datapath for each super-packet that the stack hands to the TUN device.  Each packet
 * gets the headers of the super-packet with its own lengths, sequence number, IPv4 identification,
 * flags and checksums, as Linux's own segmentation gives it.
 */
#include "ipsec/dp_gso.h"

#include <string.h>

#include "lib/bytes.h"
#include "lib/inetsum.h"

enum {
	IP4 = 20, IP6 = 40, TCP = 20, UDP = 8,
	P_TCP = 6, P_UDP = 17,
	TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_CWR = 0x80,
	TCP_FLAGS = 13, TCP_SUM = 16, UDP_SUM = 6,
};

bool
dp_csum_complete(uint8_t *packet, size_t len, size_t start, size_t offset)
{
	uint16_t sum;

	if (start >= len || offset + 2 > len - start)
		return false;
	sum = (uint16_t)~inet_sum(0, packet + start, len - start);
	/* RFC 768: zero would mean none; for TCP both zeros are the same. */
	patch_u16(packet + start + offset, sum == 0 ? 0xffff : sum);
	return true;
}

/* Where the transport header begins: no extension headers, for the stack sends none with these. */
static size_t
ip_header(const uint8_t *p, size_t len, uint8_t *proto)
{
	size_t n = len < IP4 ? 0 : (p[0] & 15u) * 4u;

	if (len >= IP4 && p[0] >> 4 == 4 && n >= IP4 && n < len) {
		*proto = p[9];
		return (get_u16(p + 6) & 0x3fff) == 0 ? n : 0; /* no fragments */
	}
	if (len > IP6 && p[0] >> 4 == 6) {
		*proto = p[6];
		return IP6;
	}
	return 0;
}

bool
dp_gso_begin(struct dp_gso *s, const uint8_t *packet, size_t len, const struct dp_vnet *v)
{
	uint8_t type = (uint8_t)(v->type & ~DP_VNET_ECN), proto = 0;

	*s = (struct dp_gso){ .packet = packet, .len = len, .size = v->size };
	s->l4 = ip_header(packet, len, &proto);
	s->tcp = type != DP_VNET_UDP;
	if (s->l4 == 0 || v->size == 0 || (type != DP_VNET_UDP && type != DP_VNET_TCP4 &&
		type != DP_VNET_TCP6) || proto != (s->tcp ? P_TCP : P_UDP))
		return false;
	if (s->tcp && (packet[0] >> 4 == 4) != (type == DP_VNET_TCP4))
		return false;
	s->headers = s->l4 + UDP;
	if (s->tcp) {
		if (len - s->l4 < TCP)
			return false;
		s->headers = s->l4 + (packet[s->l4 + 12] >> 4) * 4u;
		if (s->headers < s->l4 + TCP)
			return false;
	}
	return s->headers < len;
}

size_t
dp_gso_size(const struct dp_gso *s)
{
	size_t left = s->len - s->headers - s->at;

	return left == 0 ? 0 : s->headers + (left < s->size ? left : s->size);
}

/* What the transport's checksum covers besides its octets (RFC 9293 3.1, RFC 8200 8.1). */
static uint32_t
pseudo(const uint8_t *ip, size_t l4_len, uint8_t proto)
{
	uint32_t sum = (uint32_t)l4_len + proto;

	return sum + (ip[0] >> 4 == 4 ? inet_sum(0, ip + 12, 8) : inet_sum(0, ip + 8, 32));
}

static void
finish_ip(const struct dp_gso *s, uint8_t *out, size_t n)
{
	if (out[0] >> 4 == 6) {
		patch_u16(out + 4, (uint16_t)(n - IP6));
		return;
	}
	patch_u16(out + 2, (uint16_t)n);
	patch_u16(out + 4, (uint16_t)(get_u16(out + 4) + s->count));
	patch_u16(out + 10, 0);
	patch_u16(out + 10, (uint16_t)~inet_sum(0, out, s->l4));
}

static void
finish_tcp(const struct dp_gso *s, uint8_t *out, size_t n, bool last)
{
	uint8_t *t = out + s->l4;

	patch_u32(t + 4, get_u32(t + 4) + (uint32_t)s->at);
	if (!last)
		t[TCP_FLAGS] = (uint8_t)(t[TCP_FLAGS] & ~(TCP_FIN | TCP_PSH));
	if (s->count > 0) /* RFC 3168 6.1.2: said once */
		t[TCP_FLAGS] = (uint8_t)(t[TCP_FLAGS] & ~TCP_CWR);
	patch_u16(t + TCP_SUM, 0);
	patch_u16(t + TCP_SUM,
		(uint16_t)~inet_sum(pseudo(out, n - s->l4, P_TCP), t, n - s->l4));
}

static void
finish_udp(const struct dp_gso *s, uint8_t *out, size_t n)
{
	uint8_t *u = out + s->l4;
	uint16_t sum;

	patch_u16(u + 4, (uint16_t)(n - s->l4));
	patch_u16(u + UDP_SUM, 0);
	sum = (uint16_t)~inet_sum(pseudo(out, n - s->l4, P_UDP), u, n - s->l4);
	patch_u16(u + UDP_SUM, sum == 0 ? 0xffff : sum);
}

size_t
dp_gso_next(struct dp_gso *s, uint8_t *out)
{
	size_t n = dp_gso_size(s), payload = n - s->headers;
	bool last = s->headers + s->at + payload == s->len;

	if (n == 0)
		return 0;
	memcpy(out, s->packet, s->headers);
	memcpy(out + s->headers, s->packet + s->headers + s->at, payload);
	finish_ip(s, out, n);
	if (s->tcp)
		finish_tcp(s, out, n, last);
	else
		finish_udp(s, out, n);
	s->at += payload;
	s->count++;
	return n;
}
