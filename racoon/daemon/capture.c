/*
 * capture.c - IKE's datagrams as packets of a pcap file (see capture.h).
 *
 * Called by capture_uv.c.  What goes in are the messages as they were sent and received; the
 * headers before them are made up, so that tshark and others know them for IKE.  RFC 791, 8200,
 * 768, 3948 2.2.
 */
#include "racoon/daemon/capture.h"

#include <string.h>

#include "lib/inetsum.h"

#define PCAP_MAGIC 0xa1b2c3d4u /* microseconds, in the order of this machine */

enum {
	LINKTYPE_RAW = 101,
	SNAP = 256 * 1024,
	UDP_HEADER = 8,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	UDP = 17,
	TTL = 64,
	MARKER = 4,
	IP_MOST = 65535,
};

static void
put(struct text *out, const void *p, size_t n)
{
	text_add_n(out, p, n);
}

static void
put32(struct text *out, uint32_t v)
{
	put(out, &v, sizeof(v));
}

void
capture_head(struct text *out)
{
	const uint16_t version[] = { 2, 4 };

	put32(out, PCAP_MAGIC);
	put(out, version, sizeof(version));
	put32(out, 0);
	put32(out, 0);
	put32(out, SNAP);
	put32(out, LINKTYPE_RAW);
}

static void
patch16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
ip_header(struct text *out, const struct net_addr *src, const struct net_addr *dst, size_t n)
{
	uint8_t h[IPV6_HEADER] = { 0 };

	if (src->family == 4) {
		h[0] = 0x45;
		patch16(h + 2, (uint16_t)(IPV4_HEADER + n));
		h[8] = TTL;
		h[9] = UDP;
		memcpy(h + 12, src->b, 4);
		memcpy(h + 16, dst->b, 4);
		patch16(h + 10, (uint16_t)~inet_sum(0, h, IPV4_HEADER));
		put(out, h, IPV4_HEADER);
		return;
	}
	h[0] = 0x60;
	patch16(h + 4, (uint16_t)n);
	h[6] = UDP;
	h[7] = TTL;
	memcpy(h + 8, src->b, 16);
	memcpy(h + 24, dst->b, 16);
	put(out, h, IPV6_HEADER);
}

/* RFC 768: over the pseudo-header, the header and the data; 0 is written as all ones. */
static uint16_t
udp_sum(const struct net_addr *src, const struct net_addr *dst, const uint8_t *udp,
	struct bytes marker, struct bytes octets)
{
	struct bytes a = net_addr_bytes(src), b = net_addr_bytes(dst);
	uint32_t sum = (uint32_t)(UDP + UDP_HEADER + marker.n + octets.n);

	sum = inet_sum((sum & 0xffff) + (sum >> 16), a.p, a.n);
	sum = inet_sum(sum, b.p, b.n);
	sum = inet_sum(sum, udp, UDP_HEADER); /* the marker is zeros */
	sum = inet_sum(sum, octets.p, octets.n);
	return (uint16_t)~sum == 0 ? 0xffff : (uint16_t)~sum;
}

void
capture_packet(struct text *out, wall t, const struct net_endpoint *from,
	const struct net_endpoint *to, bool natt, struct bytes octets)
{
	static const uint8_t zeros[MARKER];
	struct bytes marker = bytes_of(zeros, natt ? MARKER : 0);
	size_t head = from->addr.family == 4 ? IPV4_HEADER : IPV6_HEADER;
	size_t n = UDP_HEADER + marker.n + octets.n;
	uint8_t udp[UDP_HEADER] = { 0 };

	if (head + n > IP_MOST || from->addr.family != to->addr.family)
		return;
	put32(out, (uint32_t)(t.ms / 1000));
	put32(out, (uint32_t)(t.ms % 1000 * 1000));
	put32(out, (uint32_t)(head + n));
	put32(out, (uint32_t)(head + n));
	ip_header(out, &from->addr, &to->addr, n);
	patch16(udp, from->port);
	patch16(udp + 2, to->port);
	patch16(udp + 4, (uint16_t)n);
	patch16(udp + 6, udp_sum(&from->addr, &to->addr, udp, marker, octets));
	put(out, udp, sizeof(udp));
	put(out, marker.p, marker.n);
	put(out, octets.p, octets.n);
}

void
capture_key(struct text *out, const uint8_t *cookie_i, struct bytes key)
{
	text_add_hex(out, bytes_of(cookie_i, 8));
	text_add(out, ",");
	text_add_hex(out, key);
	text_add(out, "\n");
}
