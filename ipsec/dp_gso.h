/*
 * dp_gso.h - super-packets from the stack (TCP and UDP segmentation offload) cut into the packets
 * that they stand for, and checksums that the stack left to us.
 *
 * Pure.  The virtio header that a TUN device puts before each packet (VIRTIO 1.2, 5.1.6) says how.
 */
#ifndef IPSEC_DP_GSO_H
#define IPSEC_DP_GSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DP_VNET_NEEDS_CSUM = 1 }; /* flags */
enum { /* type; ECN is a bit beside TCP's */
	DP_VNET_NONE = 0, DP_VNET_TCP4 = 1, DP_VNET_TCP6 = 4, DP_VNET_UDP = 5, DP_VNET_ECN = 0x80
};

struct dp_vnet { /* as the TUN device has it: ten octets in the machine's order */
	uint8_t flags, type;
	uint16_t headers; /* IP and transport header; a hint */
	uint16_t size;    /* payload octets of each packet */
	uint16_t csum_start, csum_offset;
};

/* Complete a checksum whose field holds the pseudo-header's sum. False: out of the packet. */
bool dp_csum_complete(uint8_t *packet, size_t len, size_t start, size_t offset);

struct dp_gso { /* cutting one super-packet */
	const uint8_t *packet;
	size_t len;
	size_t l4, headers; /* where the transport header and the payload begin */
	size_t size, at;    /* payload octets of a packet; octets done */
	bool tcp;
	uint16_t count;     /* packets made */
};

/* False: the header and the packet do not agree, or it is none that we asked for. */
bool dp_gso_begin(struct dp_gso *s, const uint8_t *packet, size_t len, const struct dp_vnet *v);
/* Octets of the next packet; 0: there are no more. */
size_t dp_gso_size(const struct dp_gso *s);
/* The next packet, whole and with all checksums, into dp_gso_size octets at out. */
size_t dp_gso_next(struct dp_gso *s, uint8_t *out);

#endif
