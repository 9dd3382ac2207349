/*
 * dp_frag.c - reassembly and fragmentation of IPv4 (RFC 791 3.2) and IPv6 (RFC 8200 4.5), pure.
 *
 * Called by the datapath for outgoing packets only; what comes in was put together by the stack.
 * Overlapping fragments void their datagram, as RFC 5722 demands of IPv6 and as Linux does.
 */
#include "ipsec/dp_frag.h"

#include <stdlib.h>
#include <string.h>

#include "lib/bytes.h"
#include "lib/inetsum.h"

enum {
	IP_MIN = 20, IP6 = 40, FRAGMENT = 8, IP_MORE = 0x2000, IP_DF = 0x4000, IP_OFFSET = 0x1fff,
	UNIT = 8,
	ICMP_HEADER = 8, ICMP_PROTO = 1, ICMP_UNREACHABLE = 3, ICMP_TOO_BIG = 4,
	ICMP_ECHO_REPLY = 0, ICMP_ECHO = 8,
	KEY = 38,
	UNITS = (DP_PACKET_MAX + UNIT) / UNIT,
	P_HOPOPT = 0, P_ROUTING = 43, P_FRAGMENT = 44, P_ICMP6 = 58, P_DSTOPT = 60,
	HEADERS_MAX = 256, /* octets of IPv6 headers that are in every fragment */
	ICMP6_TOO_BIG = 2, ICMP6_INFO = 128, IP6_MTU_MIN = 1280,
	OPTION_END = 0, OPTION_NOP = 1, OPTION_COPIED = 0x80,
};

struct assembly {
	bool used;
	uint8_t key[KEY]; /* source, destination, identification, protocol */
	instant began;
	size_t header, total; /* of the first fragment; payload octets, 0 until the last came */
	size_t have, highest; /* octets; the end of what lies farthest out */
	uint8_t got[UNITS / 8 + 1];
	uint8_t first[HEADERS_MAX]; /* header of the first fragment */
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
	return (uint16_t)~inet_sum(0, p, n);
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
begin(struct dp_defrag *d, instant now, const uint8_t key[KEY])
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
find(struct dp_defrag *d, instant now, const uint8_t key[KEY])
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

struct piece { /* one fragment */
	uint8_t key[KEY];
	size_t keep, header; /* octets of headers that the whole has; before the payload */
	size_t offset, n;
	bool more;
	size_t next_at; /* IPv6: the octet that names the fragment header */
	uint8_t next;   /* IPv6: what follows in the whole */
};

/* Add one fragment's payload; false: the datagram is void. */
static bool
add(struct assembly *a, const uint8_t *packet, const struct piece *f)
{
	if (f->offset == 0) {
		memcpy(a->first, packet, f->keep);
		if (packet[0] >> 4 == 6)
			a->first[f->next_at] = f->next;
		a->header = f->keep;
	}
	if (!f->more) {
		if (a->total != 0)
			return false;
		a->total = f->offset + f->n;
	}
	if (f->offset + f->n > a->highest)
		a->highest = f->offset + f->n;
	if ((a->total != 0 && a->highest > a->total) || !mark(a, f->offset, f->n))
		return false;
	memcpy(a->payload + f->offset, packet + f->header, f->n);
	a->have += f->n;
	return true;
}

/* DP_KEPT: it is a fragment. */
static enum dp_whole
read4(const uint8_t *packet, size_t len, struct piece *f)
{
	uint16_t word;

	if (len < IP_MIN)
		return DP_TORN;
	word = get_u16(packet + 6);
	if ((word & (IP_MORE | IP_OFFSET)) == 0)
		return DP_WHOLE;
	f->keep = f->header = (packet[0] & 15u) * 4u;
	if (f->header < IP_MIN || get_u16(packet + 2) <= f->header || get_u16(packet + 2) > len)
		return DP_TORN;
	f->offset = (word & IP_OFFSET) * (size_t)UNIT;
	f->n = get_u16(packet + 2) - f->header;
	f->more = (word & IP_MORE) != 0;
	memcpy(f->key, packet + 12, 8);
	memcpy(f->key + 8, packet + 4, 2);
	f->key[10] = packet[9];
	return DP_KEPT;
}

/* The headers that every fragment has; what they name next, and where. 0: too many, or torn. */
static size_t
unfragmentable(const uint8_t *packet, size_t len, uint8_t *next, size_t *next_at)
{
	size_t at = IP6;

	*next = packet[6];
	*next_at = 6;
	while (*next == P_HOPOPT || *next == P_ROUTING || *next == P_DSTOPT) {
		size_t n;

		if (len - at < UNIT)
			return 0;
		n = (packet[at + 1] + 1u) * (size_t)UNIT;
		if (n > len - at || at + n > HEADERS_MAX)
			return 0;
		*next = packet[at];
		*next_at = at;
		at += n;
	}
	return at;
}

bool
dp_is_fragment6(const uint8_t *packet, size_t len)
{
	uint8_t next;
	size_t next_at;

	return len >= IP6 && unfragmentable(packet, len, &next, &next_at) != 0 &&
		next == P_FRAGMENT;
}

static enum dp_whole
read6(const uint8_t *packet, size_t len, struct piece *f)
{
	uint8_t next;
	uint16_t word;

	if (len < IP6 || get_u16(packet + 4) + (size_t)IP6 > len)
		return DP_TORN;
	len = get_u16(packet + 4) + (size_t)IP6;
	f->keep = unfragmentable(packet, len, &next, &f->next_at);
	if (f->keep == 0)
		return DP_TORN;
	if (next != P_FRAGMENT)
		return DP_WHOLE;
	f->header = f->keep + FRAGMENT;
	if (len <= f->header)
		return DP_TORN;
	f->next = packet[f->keep];
	word = get_u16(packet + f->keep + 2);
	f->offset = word & 0xfff8u;
	f->n = len - f->header;
	f->more = (word & 1) != 0;
	memcpy(f->key, packet + 8, 32);
	memcpy(f->key + 32, packet + f->keep + 4, 4);
	f->key[36] = 6;
	return f->offset == 0 && !f->more ? DP_WHOLE : DP_KEPT;
}

static enum dp_whole
put_together(struct assembly *a, uint8_t *packet, size_t *len)
{
	if (a->header + a->total > DP_PACKET_MAX)
		return DP_TORN;
	memcpy(packet, a->first, a->header);
	memcpy(packet + a->header, a->payload, a->total);
	*len = a->header + a->total;
	if (packet[0] >> 4 == 6) {
		patch_u16(packet + 4, (uint16_t)(*len - IP6));
		return DP_WHOLE;
	}
	patch_u16(packet + 2, (uint16_t)*len);
	patch_u16(packet + 6, 0); /* who cut it does not mind its being cut */
	dp_ip_checksum(packet, a->header);
	return DP_WHOLE;
}

enum dp_whole
dp_defrag_take(struct dp_defrag *d, instant now, uint8_t *packet, size_t *len)
{
	struct piece f = { .n = 0 };
	enum dp_whole what = DP_TORN;
	struct assembly *a;

	if (*len >= IP_MIN && packet[0] >> 4 == 4)
		what = read4(packet, *len, &f);
	else if (*len >= IP6 && packet[0] >> 4 == 6)
		what = read6(packet, *len, &f);
	if (what != DP_KEPT)
		return what;
	if ((f.more && f.n % UNIT != 0) || f.offset + f.n + f.keep > DP_PACKET_MAX)
		return DP_TORN;
	a = find(d, now, f.key);
	if (a == NULL)
		a = begin(d, now, f.key);
	if (a == NULL)
		return DP_TORN;
	if (!add(a, packet, &f)) {
		give_up(d, a);
		return DP_TORN;
	}
	if (a->total == 0 || a->have < a->total || a->header == 0)
		return DP_KEPT;
	give_up(d, a);
	return put_together(a, packet, len);
}

/* -------------------------------------------------------------------------------------- cutting */

bool
dp_cut_begin(struct dp_cut *c, const uint8_t *packet, size_t len, size_t mtu)
{
	size_t header = len < IP_MIN ? 0 : (packet[0] & 15u) * 4u;
	uint8_t next;
	size_t next_at;

	c->packet = packet;
	c->len = len;
	c->mtu = mtu;
	c->at = 0;
	c->v6 = len > IP6 && packet[0] >> 4 == 6;
	if (c->v6) {
		c->header = unfragmentable(packet, len, &next, &next_at);
		return c->header != 0 && c->header < len &&
			mtu >= c->header + FRAGMENT + UNIT;
	}
	c->header = header;
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

static size_t
cut_next4(struct dp_cut *c, uint8_t *out)
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

/* RFC 8200 4.5 */
static size_t
cut_next6(struct dp_cut *c, uint8_t *out)
{
	size_t left = c->len - c->header - c->at, h = c->header + FRAGMENT, n, next_at;
	uint8_t next, *f = out + c->header;
	bool more;

	if (left == 0)
		return 0;
	n = (c->mtu - h) / UNIT * UNIT;
	more = n < left;
	if (!more)
		n = left;
	(void)unfragmentable(c->packet, c->len, &next, &next_at);
	memcpy(out, c->packet, c->header);
	out[next_at] = P_FRAGMENT;
	patch_u16(out + 4, (uint16_t)(h - IP6 + n));
	f[0] = next;
	f[1] = 0;
	patch_u16(f + 2, (uint16_t)(c->at | more));
	patch_u32(f + 4, c->id);
	memcpy(out + h, c->packet + c->header + c->at, n);
	c->at += n;
	return h + n;
}

size_t
dp_cut_next(struct dp_cut *c, uint8_t *out)
{
	if (c->v6)
		return cut_next6(c, out);
	return cut_next4(c, out);
}

/* ------------------------------------------------------------------------------------- refusing */

static bool
refuse4(uint8_t *packet, size_t *len, size_t mtu)
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

/* RFC 4443 3.2: as if the far end complained. No router may cut IPv6. */
static bool
refuse6(uint8_t *packet, size_t *len, size_t mtu)
{
	size_t quoted = *len < IP6_MTU_MIN - IP6 - ICMP_HEADER ? *len :
		IP6_MTU_MIN - IP6 - ICMP_HEADER;
	uint8_t *icmp = packet + IP6, to[16];
	uint32_t sum = (uint32_t)(ICMP_HEADER + quoted) + P_ICMP6;

	if (packet[24] == 0xff || (packet[6] == P_ICMP6 && packet[IP6] < ICMP6_INFO))
		return false;
	memmove(icmp + ICMP_HEADER, packet, quoted);
	memset(icmp, 0, ICMP_HEADER);
	icmp[0] = ICMP6_TOO_BIG;
	patch_u32(icmp + 4, (uint32_t)mtu);
	memcpy(to, packet + 8, 16);
	memcpy(packet + 8, packet + 24, 16);
	memcpy(packet + 24, to, 16);
	patch_u32(packet, 6u << 28);
	patch_u16(packet + 4, (uint16_t)(ICMP_HEADER + quoted));
	packet[6] = P_ICMP6;
	packet[7] = 64;
	*len = IP6 + ICMP_HEADER + quoted;
	sum += inet_sum(0, packet + 8, 32);
	patch_u16(icmp + 2, (uint16_t)~inet_sum(sum, icmp, ICMP_HEADER + quoted));
	return true;
}

bool
dp_refuse(uint8_t *packet, size_t *len, size_t mtu)
{
	if (*len > IP6 && packet[0] >> 4 == 6)
		return refuse6(packet, len, mtu);
	return refuse4(packet, len, mtu);
}
