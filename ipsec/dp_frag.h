/*
 * dp_frag.h - IP fragments: putting those of outgoing packets together, and cutting protected
 * packets that are too large for their path.
 *
 * Transport mode protects whole datagrams (RFC 4301 7: never fragments), and selectors with ports
 * need them too; but the stack hands the TUN fragments of what does not fit its MTU.
 */
#ifndef IPSEC_DP_FRAG_H
#define IPSEC_DP_FRAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hash.h"
#include "lib/when.h"

enum {
	DP_DEFRAG_MAX = 64,        /* datagrams under assembly; then the oldest goes */
	DP_DEFRAG_MS = 15000,      /* patience for missing pieces (RFC 791 3.2) */
	DP_PACKET_MAX = 65535,
};

struct dp_defrag;

struct dp_defrag *dp_defrag_new(void);
void dp_defrag_free(struct dp_defrag *d);

enum dp_whole {
	DP_WHOLE, /* the packet is (now) a whole datagram */
	DP_KEPT,  /* a fragment; others are missing */
	DP_TORN,  /* malformed, overlapping, or no memory: drop it */
};

/* Does this IPv6 packet have a fragment header? */
bool dp_is_fragment6(const uint8_t *packet, size_t len);
/* One IP packet in a buffer of DP_PACKET_MAX octets; put together in place, *len changes. */
enum dp_whole dp_defrag_take(struct dp_defrag *d, instant now, uint8_t *packet, size_t *len);

struct dp_cut { /* cutting one packet */
	const uint8_t *packet;
	size_t len, mtu, header;
	bool v6;
	size_t at; /* payload octets done */
	uint32_t id; /* IPv6: of the fragments */
};

/* May the packet be cut to mtu at all? */
bool dp_cut_begin(struct dp_cut *c, const uint8_t *packet, size_t len, size_t mtu);
/* The next piece into out (mtu octets of room); its size, 0 when there are no more.
 * Header checksums are left to the raw socket. */
size_t dp_cut_next(struct dp_cut *c, uint8_t *out);

/* Put an ICMP "fragmentation needed" (RFC 1191 4) or ICMPv6 "too big" (RFC 4443 3.2) in place of a
 * packet that must not be cut; false: it may be cut, or is none to be answered. */
bool dp_refuse(uint8_t *packet, size_t *len, size_t mtu);

/* The IPv4 header checksum, computed and stored. */
void dp_ip_checksum(uint8_t *packet, size_t header);

#endif
