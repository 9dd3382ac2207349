/*
 * eng_esp.c - ESP (RFC 4303; esp-old: RFC 1827), raw or in UDP (RFC 3948): one packet through one
 * SA.
 *
 * Called for each step of a bundle.  Works in place; lengths are checked before anything is
 * believed, the ICV before anything is decrypted, the padding after.
 */
#include "ipsec/engine/eng_int.h"

#include <string.h>

bool
eng_sa_context(struct eng *e, struct eng_sa *sa, bool sealing)
{
	struct cry_esp **at = sealing ? &sa->seal : &sa->open;

	if (*at != NULL)
		return true;
	return cry_esp_new(e->env.cry, sa->encr, bytes_of(sa->keys, sa->encr_octets), sa->auth,
		       bytes_of(sa->keys + sa->encr_octets, sa->auth_octets), sealing,
		       at) == ST_NORMAL;
}

/* RFC 4303 3.3.3: no number is used twice, unless the SA was told that it may (manual keys). */
bool
eng_sa_next_seq(struct eng *e, struct eng_sa *sa, uint64_t *seq)
{
	bool cyclic = (sa->flags & SA_F_CYCSEQ) != 0;

	if ((sa->flags & SA_F_ESN) == 0) {
		if (sa->seq == UINT32_MAX) {
			if (!cyclic)
				return false;
			sa->seq = 0;
		}
		if (sa->seq + 1 == ENG_SEQ_SOFT && !cyclic)
			eng_sa_soft(e, sa);
	} else if (sa->seq == UINT64_MAX) {
		return false;
	}
	*seq = ++sa->seq;
	return true;
}

enum sa_mode
eng_mode_of(const struct eng_sa *sa, uint8_t next)
{
	if (sa->mode != SA_MODE_ANY)
		return (enum sa_mode)sa->mode;
	return next == IPP_IPIP || next == IPP_IPV6 ? SA_TUNNEL : SA_TRANSPORT;
}

/* RFC 4303 2.4: padding 1, 2, 3, ... unless the SA's flags say otherwise. */
static void
put_trailer(struct eng *e, const struct eng_sa *sa, uint8_t *at, size_t pad, uint8_t next)
{
	if ((sa->flags & SA_F_PAD_RAND) != 0)
		eng_random(e, at, pad);
	else
		for (size_t i = 0; i < pad; i++)
			at[i] = (sa->flags & SA_F_PAD_ZERO) != 0 ? 0 : (uint8_t)(i + 1);
	at[pad] = (uint8_t)pad;
	at[pad + 1] = next;
}

/* CBC wants an unpredictable IV; the counter modes one that never comes again. */
static void
put_iv(struct eng *e, struct eng_sa *sa, uint8_t *at)
{
	if (sa->encr->mode == ALG_MODE_CBC) {
		eng_random(e, at, sa->iv_octets);
		return;
	}
	if (sa->iv_octets != 8)
		return;
	patch_u32(at, (uint32_t)(sa->iv >> 32));
	patch_u32(at + 4, (uint32_t)sa->iv);
	sa->iv++;
}

/*
 * RFC 3948 2.1: the checksum is zero in IPv4; RFC 8200 8.1 wants one in IPv6.  Behind the header,
 * the first drafts had eight zero octets where IKE has its cookie (the non-IKE marker).
 */
static void
put_udp(const struct eng_sa *sa, uint8_t *udp, size_t n, const uint8_t *ip)
{
	uint32_t sum = (uint32_t)n + IPP_UDP;
	uint16_t folded;

	patch_u16(udp, sa->src.port == 0 ? ENG_NATT_PORT : sa->src.port);
	patch_u16(udp + 2, sa->dst.port == 0 ? ENG_NATT_PORT : sa->dst.port);
	patch_u16(udp + 4, (uint16_t)n);
	patch_u16(udp + 6, 0);
	if (ip[0] >> 4 == 4)
		return;
	folded = (uint16_t)~eng_ip_sum(sum + eng_ip_sum(0, ip + 8, 32), udp, n);
	patch_u16(udp + 6, folded == 0 ? 0xffff : folded);
}

enum eng_count
eng_esp_out(struct eng *e, struct eng_sa *sa, enum sa_mode mode, struct eng_packet *p,
	struct eng_ip *ip)
{
	size_t icv = sa->icv, udp = sa->udp, header = sa->header, plain, pad;
	uint8_t *tail, *hole, next;
	uint64_t seq = 0;

	if (mode != SA_TUNNEL && ip->fragment)
		return ENG_N_FRAGMENT;
	plain = p->len - (mode == SA_TUNNEL ? 0 : ip->in);
	pad = (0 - plain - ENG_TRAILER) & (sa->align - 1u);
	if (p->room - p->head - p->len < pad + ENG_TRAILER + icv || !eng_sa_context(e, sa, true))
		return ENG_N_MALFORMED;
	if (!eng_sa_next_seq(e, sa, &seq))
		return ENG_N_SEQ_OVERFLOW;
	tail = ip->h + p->len;
	p->len += pad + ENG_TRAILER + icv;
	hole = eng_ip_push(e, p, ip, sa, mode, udp + header + sa->iv_octets,
		udp != 0 ? IPP_UDP : SA_ESP, &next);
	if (hole == NULL)
		return ENG_N_MALFORMED;
	put_trailer(e, sa, tail, pad, next);
	patch_u32(hole + udp, sa->spi);
	if (header == ENG_ESP) /* RFC 1827 has no sequence number */
		patch_u32(hole + udp + 4, (uint32_t)seq);
	put_iv(e, sa, hole + udp + header);
	if (cry_esp_seal(sa->seal, hole + udp, header, sa->iv_octets, plain + pad + ENG_TRAILER,
		(sa->flags & SA_F_ESN) != 0, (uint32_t)(seq >> 32)) != ST_NORMAL)
		return ENG_N_MALFORMED;
	if (udp == 0)
		return ENG_N_COUNT;
	memset(hole + ENG_UDP, 0, udp - ENG_UDP);
	put_udp(sa, hole, p->len - (size_t)(hole - (p->buf + p->head)), p->buf + p->head);
	return ENG_N_COUNT;
}

/* What was opened: padding away, mode known, and the headers closed over the gap. */
static enum eng_count
strip(struct eng_sa *sa, struct eng_packet *p, const struct eng_ip *ip, size_t header,
	const uint8_t *text, size_t n, enum sa_mode *mode, uint8_t *next)
{
	*next = text[n - 1];
	if ((size_t)text[n - 2] + ENG_TRAILER > n)
		return ENG_N_MALFORMED;
	p->len -= text[n - 2] + (size_t)ENG_TRAILER + sa->icv;
	*mode = eng_mode_of(sa, *next);
	if (*next == IPP_NONE) /* RFC 4303 2.6: a dummy packet; the caller drops it */
		return ENG_N_COUNT;
	if (*mode == SA_TUNNEL && *next != IPP_IPIP && *next != IPP_IPV6)
		return ENG_N_MALFORMED;
	return eng_ip_pull(p, ip, *mode, header, *next);
}

enum eng_count
eng_esp_in(struct eng *e, struct eng_sa *sa, struct eng_packet *p, const struct eng_ip *ip,
	enum sa_mode *mode, uint8_t *next, uint64_t *seq)
{
	size_t header = (size_t)sa->header + sa->iv_octets;
	uint8_t *esp = ip->h + ip->at + sa->udp;
	size_t n = p->len - ip->at - sa->udp, text;
	bool numbered = sa->header == ENG_ESP;
	enum status st;

	if (n < header + sa->icv + ENG_TRAILER)
		return ENG_N_MALFORMED;
	text = n - header - sa->icv;
	if ((text & (sa->align - 1u)) != 0)
		return ENG_N_MALFORMED;
	if (numbered) {
		*seq = eng_sa_seq(sa, get_u32(esp + 4));
		if (!eng_window_fresh(&sa->window, *seq))
			return ENG_N_REPLAY;
	}
	if (!eng_sa_context(e, sa, false))
		return ENG_N_MALFORMED;
	st = cry_esp_open(sa->open, esp, n, sa->header, sa->iv_octets,
		(sa->flags & SA_F_ESN) != 0, (uint32_t)(*seq >> 32));
	if (st != ST_NORMAL)
		return st == ST_BADICV ? ENG_N_BAD_ICV : ENG_N_MALFORMED;
	if (numbered)
		eng_window_accept(&sa->window, *seq);
	return strip(sa, p, ip, sa->udp + header, esp + header, text, mode, next);
}
