/*
 * eng_ah.c - AH (RFC 4302; ah-old: RFC 1826, without a sequence number): one packet through one
 * SA.
 *
 * The ICV covers the IP header with what routers may change set to zero (3.3.3.1, appendix A), the
 * AH with its ICV zero, and all that follows.
 */
#include "ipsec/engine/eng_int.h"

#include <string.h>

#include "lib/secret.h"

enum { ICV_MAX = 64, OPT_END = 0, OPT_NOP = 1, OPT_LSRR = 131, OPT_SSRR = 137 };

/*
 * RFC 4302 2.6: to a multiple of 4 octets in IPv4, 8 in IPv6.  Linux pads to 8 in IPv4 too unless
 * it is told otherwise, and takes nothing else: who was heard to do so is answered likewise.
 */
size_t
eng_ah_size(const struct eng_sa *sa, uint8_t family)
{
	size_t n = (size_t)sa->header + sa->icv, unit = family == 6 || sa->wide ? 8 : 4;

	return (n + unit - 1) / unit * unit;
}

/* RFC 4302 A1: the options that do not change on the way. */
static bool
immutable4(uint8_t option)
{
	return option == 130 || option == 133 || option == 134 || option == 148 || option == 149;
}

static bool
zero_options4(uint8_t *h, size_t n, bool sending)
{
	size_t at = ENG_IP4;

	while (at < n && h[at] != OPT_END) {
		size_t len;

		if (h[at] == OPT_NOP) {
			at++;
			continue;
		}
		if (n - at < 2 || h[at + 1] < 2 || h[at + 1] > n - at)
			return false;
		len = h[at + 1];
		/* A source route ends where the receiver will see the packet. */
		if (sending && (h[at] == OPT_LSRR || h[at] == OPT_SSRR) && len >= 7)
			memmove(h + 16, h + at + len - 4, 4);
		if (!immutable4(h[at]))
			memset(h + at, 0, len);
		at += len;
	}
	return true;
}

/* Options of a hop-by-hop or destination header whose third bit says that they may change. */
static bool
zero_options6(uint8_t *x, size_t n)
{
	size_t at = 2;

	while (at < n) {
		if (x[at] == 0) { /* Pad1 */
			at++;
			continue;
		}
		if (n - at < 2 || x[at + 1] > n - at - 2)
			return false;
		if ((x[at] & 0x20) != 0)
			memset(x + at + 2, 0, x[at + 1]);
		at += 2 + (size_t)x[at + 1];
	}
	return true;
}

static bool
zero_extensions6(uint8_t *h, size_t n)
{
	uint8_t proto = h[6];
	size_t at = ENG_IP6;

	while (at < n) {
		size_t len;

		if (n - at < 8)
			return false;
		len = ((size_t)h[at + 1] + 1) * 8;
		if (len > n - at)
			return false;
		if ((proto == IPP_HOPOPT || proto == IPP_DSTOPT) && !zero_options6(h + at, len))
			return false;
		/* RFC 4302 3.3.3.1.2.1: as the receiver sees it, so no segments may be left. */
		if (proto == IPP_ROUTING && h[at + 3] != 0)
			return false;
		if (proto == IPP_FRAGMENT)
			return false;
		proto = h[at];
		at += len;
	}
	return true;
}

/* The n octets of headers before the AH, as the ICV sees them. */
static bool
predictable(const uint8_t *h, size_t n, uint8_t *out, bool sending)
{
	if (n > ENG_AH_HEADERS_MAX)
		return false;
	memcpy(out, h, n);
	if (h[0] >> 4 == 4) {
		out[1] = out[6] = out[7] = out[8] = out[10] = out[11] = 0;
		return zero_options4(out, n, sending);
	}
	out[0] = 0x60;
	out[1] = out[2] = out[3] = out[7] = 0;
	return zero_extensions6(out, n);
}

/* ICV of the packet whose AH of n octets stands at ah. */
static bool
compute(struct cry_esp *c, const struct eng_sa *sa, const struct eng_packet *p, const uint8_t *ah,
	size_t n, uint64_t seq, bool sending, uint8_t *out)
{
	static const uint8_t zero[ICV_MAX];
	const uint8_t *h = p->buf + p->head;
	uint8_t header[ENG_AH_HEADERS_MAX], high[4];
	size_t before = (size_t)(ah - h), fixed = sa->header, got = 0;
	struct bytes part[5] = {
		{ header, before },
		{ ah, fixed },
		{ zero, sa->icv },
		/* The padding of the ICV field counts as it is, and so does the rest. */
		{ ah + fixed + sa->icv, p->len - before - fixed - sa->icv },
		/* RFC 4302 3.3.3.2.2: the upper half of an extended number, which is not sent. */
		{ high, (sa->flags & SA_F_ESN) != 0 ? sizeof(high) : 0 },
	};

	patch_u32(high, (uint32_t)(seq >> 32));
	if (!predictable(h, before, header, sending) || before + n > p->len)
		return false;
	return cry_ah_icv(c, part, ARRAY_LEN(part), out, &got) == ST_NORMAL;
}

enum eng_count
eng_ah_out(struct eng *e, struct eng_sa *sa, enum sa_mode mode, struct eng_packet *p,
	struct eng_ip *ip)
{
	uint8_t icv[ICV_MAX], *ah, next;
	uint64_t seq = 0;
	size_t n;

	if (!eng_sa_context(e, sa, true))
		return ENG_N_MALFORMED;
	if (mode != SA_TUNNEL && ip->fragment)
		return ENG_N_FRAGMENT;
	n = eng_ah_size(sa, mode == SA_TUNNEL ? sa->dst.addr.family : ip->family);
	if (!eng_sa_next_seq(e, sa, &seq))
		return ENG_N_SEQ_OVERFLOW;
	ah = eng_ip_push(e, p, ip, sa, mode, n, SA_AH, &next);
	if (ah == NULL)
		return ENG_N_MALFORMED;
	memset(ah, 0, n);
	ah[0] = next;
	ah[1] = (uint8_t)(n / 4 - 2);
	patch_u32(ah + 4, sa->spi);
	if (sa->header == ENG_AH)
		patch_u32(ah + 8, (uint32_t)seq);
	if (!compute(sa->seal, sa, p, ah, n, seq, true, icv))
		return ENG_N_MALFORMED;
	memcpy(ah + sa->header, icv, sa->icv);
	return ENG_N_COUNT;
}

/* The peer pads otherwise than we do: what goes back to it shall look alike. */
static void
follow_padding(struct eng *e, struct eng_sa *sa, bool wide)
{
	struct eng_pair *back;

	sa->wide = wide;
	back = eng_pair_find(e, &sa->dst.addr, &sa->src.addr, SA_AH, 0);
	if (back == NULL)
		return;
	back->wide = wide;
	LIST_FOREACH(at, &back->sas)
		container_of(at, struct eng_sa, in_any)->wide = wide;
}

enum eng_count
eng_ah_in(struct eng *e, struct eng_sa *sa, struct eng_packet *p, const struct eng_ip *ip,
	enum sa_mode *mode, uint8_t *next, uint64_t *seq)
{
	size_t want = (size_t)sa->header + sa->icv, left = p->len - ip->at, n;
	const uint8_t *ah = ip->h + ip->at;
	uint8_t icv[ICV_MAX];
	bool wide;

	if (left < want)
		return ENG_N_MALFORMED;
	/* Some senders (Linux) pad to 8 octets in IPv4 too. */
	n = ((size_t)ah[1] + 2) * 4;
	if (n < want || n > want + 7 || n > left)
		return ENG_N_MALFORMED;
	if (sa->header == ENG_AH) {
		*seq = eng_sa_seq(sa, get_u32(ah + 8));
		if (!eng_window_fresh(&sa->window, *seq))
			return ENG_N_REPLAY;
	}
	if (!eng_sa_context(e, sa, false) || !compute(sa->open, sa, p, ah, n, *seq, false, icv))
		return ENG_N_MALFORMED;
	if (!secret_equal(bytes_of(icv, sa->icv), bytes_of(ah + sa->header, sa->icv)))
		return ENG_N_BAD_ICV;
	if (sa->header == ENG_AH)
		eng_window_accept(&sa->window, *seq);
	wide = n % 8 == 0;
	if (ip->family == 4 && wide != sa->wide && want % 8 != 0)
		follow_padding(e, sa, wide);
	*next = ah[0];
	*mode = eng_mode_of(sa, *next);
	if (*next == IPP_NONE)
		return ENG_N_COUNT;
	if (*mode == SA_TUNNEL && *next != IPP_IPIP && *next != IPP_IPV6)
		return ENG_N_MALFORMED;
	return eng_ip_pull(p, ip, *mode, n, *next);
}
