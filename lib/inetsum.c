/*
 * inetsum.c - the Internet checksum, 64 octets a step.
 *
 * Called by the IPsec engine and the datapath for headers, super-packets and what came out of
 * tunnels.  One's complement sums do not care about the order of octets in a word (RFC 1071 2 (B)),
 * so words are added as the machine has them and the result is turned at the end.
 */
#include "lib/inetsum.h"

#include <string.h>

enum { STEP = 64 };

/* Four sums of 32-bit halves side by side: compilers make vector code of it. No overflow before
 * 2^32 steps. */
static uint64_t
add_steps(const uint8_t *p, size_t steps)
{
	uint64_t a = 0, b = 0, c = 0, d = 0;

	for (; steps > 0; steps--, p += STEP) {
		uint32_t w[STEP / 4];

		memcpy(w, p, STEP);
		for (size_t i = 0; i < STEP / 4; i += 4) {
			a += w[i];
			b += w[i + 1];
			c += w[i + 2];
			d += w[i + 3];
		}
	}
	return (a & UINT32_MAX) + (a >> 32) + (b & UINT32_MAX) + (b >> 32) + (c & UINT32_MAX) +
		(c >> 32) + (d & UINT32_MAX) + (d >> 32);
}

uint16_t
inet_sum(uint32_t start, const uint8_t *p, size_t n)
{
	uint64_t sum = add_steps(p, n / STEP);
	uint16_t word, one = 1, last = 0;
	uint8_t low;

	p += n / STEP * STEP;
	n %= STEP;
	for (; n >= 2; n -= 2, p += 2) {
		memcpy(&word, p, 2);
		sum += word;
	}
	if (n == 1) {
		memcpy(&last, p, 1);
		sum += last;
	}
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	memcpy(&low, &one, 1);
	if (low == 1) /* little-endian */
		sum = (sum >> 8 | sum << 8) & 0xffff;
	sum += start;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}
