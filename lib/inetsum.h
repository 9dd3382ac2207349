/*
 * inetsum.h - the Internet checksum (RFC 1071), fast enough for every octet of bulk traffic.
 */
#ifndef LIB_INETSUM_H
#define LIB_INETSUM_H

#include <stddef.h>
#include <stdint.h>

/* The one's complement sum of n octets (an odd last one padded with zero) and of start, a sum so
 * far: folded to 16 bits in host order, not inverted. */
uint16_t inet_sum(uint32_t start, const uint8_t *p, size_t n);

#endif
