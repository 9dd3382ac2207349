/*
 * dp_frag.c - IPv4 reassembly and fragmentation (RFC 791 3.2), pure.
 *
 * Called by the datapath for outgoing packets only; what comes in was put together by the stack.
 * Overlapping fragments void their datagram, as RFC 5722 demands of IPv6 and as Linux does.
 */
#include "ipsec/dp_frag.h"

#include <stdlib.h>
#include <string.h>

#include "lib/bytes.h"

enum {
	IP_MIN = 20, IP6 = 40, IP_MORE = 0x2000, IP_DF = 0x4000, IP_OFFSET = 0x1fff,
	UNIT = 8,
	ICMP_HEADER = 8, ICMP_PROTO = 1, ICMP_UNREACHABLE = 3, ICMP_TOO_BIG = 4,
	ICMP_ECHO_REPLY = 0, ICMP_ECHO = 8,
	UNITS = (DP_PACKET_MAX + UNIT) / UNIT,
	OPTION_END = 0, OPTION_NOP = 1, OPTION_COPIED = 0x80,
};

struct assembly {
	bool used;
	uint8_t key[11]; /* source, destination, identification, protocol */
	instant began;
	size_t header, total; /* of the first fragment; payload octets, 0 until the last came */
	size_t have, highest; /* octets; the end of what lies farthest out */
	uint8_t got[UNITS / 8 + 1];
	uint8_t first[60]; /* header of the first fragment */
	uint8_t payload[DP_PACKET_MAX + UNIT];
};

struct dp_defrag {
	struct assembly *slot[DP_DEFRAG_MAX]; /* memory kept once used */
	unsigned busy;
};

struct dp_defrag *
dp_defrag_new(void)
{
	return calloc(1, sizeof(struct dp_defrag));
}

void
dp_defrag_free(struct dp_defrag *d)
{
	if (d == NULL)
		return;
	for (unsigned i = 0; i < DP_DEFRAG_MAX; i++)
		free(d->slot[i]);
	free(d);
}

static uint16_t
checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get_u16(p + i);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void
dp_ip_checksum(uint8_t *packet, size_t header)
{
	packet[10] = packet[11] = 0;
	patch_u16(packet + 10, checksum(packet, header));
}

static void
give_up(struct dp_defrag *d, struct assembly *a)
{
	a->used = false;
	d->busy--;
}

static struct assembly *
begin(struct dp_defrag *d, instant now, const uint8_t key[11])
{
	struct assembly *a = NULL;
	unsigned oldest = 0;

	for (unsigned i = 0; i < DP_DEFRAG_MAX && a == NULL; i++) {
		if (d->slot[i] == NULL)
			d->slot[i] = calloc(1, sizeof(*a));
		if (d->slot[i] == NULL)
			return NULL;
		if (!d->slot[i]->used)
			a = d->slot[i];
		else if (d->slot[i]->began.ms < d->slot[oldest]->began.ms)
			oldest = i;
	}
	if (a == NULL) {
		a = d->slot[oldest];
		give_up(d, a);
	}
	memset(a->got, 0, sizeof(a->got));
	memcpy(a->key, key, sizeof(a->key));
	a->used = true;
	a->began = now;
	a->header = a->total = a->have = a->highest = 0;
	d->busy++;
	return a;
}

static struct assembly *
find(struct dp_defrag *d, instant now, const uint8_t key[11])
{
	struct assembly *found = NULL;

	for (unsigned i = 0; d->busy > 0 && i < DP_DEFRAG_MAX; i++) {
		struct assembly *a = d->slot[i];

		if (a == NULL || !a->used)
			continue;
		if (instant_diff(now, a->began) >= DP_DEFRAG_MS)
			give_up(d, a);
		else if (memcmp(a->key, key, sizeof(a->key)) == 0)
			found = a;
	}
	return found;
}

/* Note which units came; false when one of them was there already. */
static bool
mark(struct assembly *a, size_t from, size_t n)
{
	for (size_t u = from / UNIT; u < (from + n + UNIT - 1) / UNIT; u++) {
		if (a->got[u / 8] & 1u << u % 8)
			return false;
		a->got[u / 8] |= (uint8_t)(1u << u % 8);
	}
	return true;
}

/* Add one fragment's payload; false: the datagram is void. */
static bool
add(struct assembly *a, const uint8_t *packet, size_t header, size_t offset, size_t n, bool more)
{
	if (offset == 0) {
		memcpy(a->first, packet, header);
		a->header = header;
	}
	if (!more) {
		if (a->total != 0)
			return false;
		a->total = offset + n;
	}
	if (offset + n > a->highest)
		a->highest = offset + n;
	if ((a->total != 0 && a->highest > a->total) || !mark(a, offset, n))
		return false;
	memcpy(a->payload + offset, packet + header, n);
	a->have += n;
	return true;
}

enum dp_whole
dp_defrag_take(struct dp_defrag *d, instant now, uint8_t *packet, size_t *len)
{
	size_t header, n, offset;
	uint16_t word;
	uint8_t key[11];
	struct assembly *a;
	bool more;

	if (*len >= IP6 && packet[0] >> 4 == 6)
		return DP_WHOLE;
	if (*len < IP_MIN || packet[0] >> 4 != 4)
		return DP_TORN;
	word = get_u16(packet + 6);
	if ((word & (IP_MORE | IP_OFFSET)) == 0)
		return DP_WHOLE;
	header = (packet[0] & 15u) * 4u;
	offset = (word & IP_OFFSET) * (size_t)UNIT;
	more = (word & IP_MORE) != 0;
	if (header < IP_MIN || get_u16(packet + 2) <= header || get_u16(packet + 2) > *len)
		return DP_TORN;
	n = get_u16(packet + 2) - header;
	if ((more && n % UNIT != 0) || offset + n + IP_MIN > DP_PACKET_MAX)
		return DP_TORN;
	memcpy(key, packet + 12, 8);
	memcpy(key + 8, packet + 4, 2);
	key[10] = packet[9];
	a = find(d, now, key);
	if (a == NULL)
		a = begin(d, now, key);
	if (a == NULL)
		return DP_TORN;
	if (!add(a, packet, header, offset, n, more)) {
		give_up(d, a);
		return DP_TORN;
	}
	if (a->total == 0 || a->have < a->total || a->header == 0)
		return DP_KEPT;
	give_up(d, a);
	if (a->header + a->total > DP_PACKET_MAX)
		return DP_TORN;
	memcpy(packet, a->first, a->header);
	memcpy(packet + a->header, a->payload, a->total);
	*len = a->header + a->total;
	patch_u16(packet + 2, (uint16_t)*len);
	patch_u16(packet + 6, 0); /* who cut it does not mind its being cut */
	dp_ip_checksum(packet, a->header);
	return DP_WHOLE;
}

/* -------------------------------------------------------------------------------------- cutting */

bool
dp_cut_begin(struct dp_cut *c, const uint8_t *packet, size_t len, size_t mtu)
{
	size_t header = len < IP_MIN ? 0 : (packet[0] & 15u) * 4u;

	c->packet = packet;
	c->len = len;
	c->mtu = mtu;
	c->at = 0;
	return header >= IP_MIN && header < len && mtu >= header + UNIT &&
		(get_u16(packet + 6) & IP_DF) == 0;
}

/* Header for a piece that is not the first: only options that say so are copied. */
static size_t
later_header(const uint8_t *packet, size_t header, uint8_t *out)
{
	size_t n = IP_MIN;

	memcpy(out, packet, IP_MIN);
	for (size_t at = IP_MIN; at < header && packet[at] != OPTION_END;) {
		size_t octets = packet[at] == OPTION_NOP ? 1 : at + 1 < header ? packet[at + 1] : 0;

		if (octets == 0 || octets > header - at)
			break;
		if (packet[at] & OPTION_COPIED) {
			memcpy(out + n, packet + at, octets);
			n += octets;
		}
		at += octets;
	}
	while (n % 4 != 0)
		out[n++] = OPTION_END;
	out[0] = (uint8_t)(0x40 | n / 4);
	return n;
}

size_t
dp_cut_next(struct dp_cut *c, uint8_t *out)
{
	size_t header = (c->packet[0] & 15u) * 4u, left = c->len - header - c->at, h, n;
	uint16_t word = get_u16(c->packet + 6);

	if (left == 0)
		return 0;
	if (c->at == 0) {
		memcpy(out, c->packet, header);
		h = header;
	} else {
		h = later_header(c->packet, header, out);
	}
	n = (c->mtu - h) / UNIT * UNIT;
	if (n >= left)
		n = left;
	else
		word |= IP_MORE;
	memcpy(out + h, c->packet + header + c->at, n);
	patch_u16(out + 2, (uint16_t)(h + n));
	patch_u16(out + 6, (uint16_t)((word & (IP_MORE | IP_DF)) |
		((word + c->at / UNIT) & IP_OFFSET)));
	c->at += n;
	return h + n;
}

/* ------------------------------------------------------------------------------------- refusing */

bool
dp_refuse(uint8_t *packet, size_t *len, size_t mtu)
{
	size_t header = (packet[0] & 15u) * 4u, quoted = header + ICMP_HEADER;
	uint8_t *icmp = packet + IP_MIN;

	if (header < IP_MIN || *len < quoted || (get_u16(packet + 6) & IP_DF) == 0)
		return false;
	/* RFC 1122 3.2.2: never about ICMP errors, nor about any but the first fragment. */
	if ((get_u16(packet + 6) & IP_OFFSET) != 0 || (packet[9] == ICMP_PROTO &&
		packet[header] != ICMP_ECHO && packet[header] != ICMP_ECHO_REPLY))
		return false;
	memmove(icmp + ICMP_HEADER, packet, quoted);
	memset(icmp, 0, ICMP_HEADER);
	icmp[0] = ICMP_UNREACHABLE;
	icmp[1] = ICMP_TOO_BIG;
	patch_u16(icmp + 6, (uint16_t)(mtu > UINT16_MAX ? UINT16_MAX : mtu));
	patch_u16(icmp + 2, checksum(icmp, ICMP_HEADER + quoted));
	*len = IP_MIN + ICMP_HEADER + quoted;
	memset(packet, 0, 12);
	packet[0] = 0x45;
	patch_u16(packet + 2, (uint16_t)*len);
	packet[8] = 64;
	packet[9] = ICMP_PROTO;
	/* As if the far end complained: it surely is no address of our own. */
	memcpy(packet + 12, icmp + ICMP_HEADER + 16, 4);
	memcpy(packet + 16, icmp + ICMP_HEADER + 12, 4);
	dp_ip_checksum(packet, IP_MIN);
	return true;
}
