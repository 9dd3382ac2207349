/*
 * eng_esp.c - ESP (RFC 4303), raw or in UDP (RFC 3948): one packet through one SA.
 *
 * Called for each step of a bundle.  Works in place; lengths are checked before anything is
 * believed, the ICV before anything is decrypted, the padding after.
 */
#include "ipsec/engine/eng_int.h"

#include <string.h>

enum { NATT_PORT = 4500 };

size_t
eng_esp_align(const struct eng_sa *sa)
{
	return sa->encr->block > 4 ? sa->encr->block : 4;
}

size_t
eng_esp_icv(const struct eng_sa *sa)
{
	if (sa->encr != NULL && sa->encr->icv != 0)
		return sa->encr->icv;
	return sa->auth == NULL ? 0 : sa->auth->icv;
}

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
eng_sa_next_seq(struct eng *e, struct eng_sa *sa, uint32_t *seq)
{
	bool cyclic = (sa->flags & SA_F_CYCSEQ) != 0;

	if (sa->seq == UINT32_MAX) {
		if (!cyclic)
			return false;
		sa->seq = 0;
	}
	*seq = ++sa->seq;
	if (*seq == ENG_SEQ_SOFT && !cyclic)
		eng_sa_soft(e, sa);
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
		eng_random(e, at, sa->encr->iv);
		return;
	}
	if (sa->encr->iv != 8)
		return;
	patch_u32(at, (uint32_t)(sa->iv >> 32));
	patch_u32(at + 4, (uint32_t)sa->iv);
	sa->iv++;
}

/* RFC 3948 2.1: the checksum is zero in IPv4; RFC 8200 8.1 wants one in IPv6. */
static void
put_udp(const struct eng_sa *sa, uint8_t *udp, size_t n, const uint8_t *ip)
{
	uint32_t sum = (uint32_t)n + IPP_UDP;
	uint16_t folded;

	patch_u16(udp, sa->src.port == 0 ? NATT_PORT : sa->src.port);
	patch_u16(udp + 2, sa->dst.port == 0 ? NATT_PORT : sa->dst.port);
	patch_u16(udp + 4, (uint16_t)n);
	patch_u16(udp + 6, 0);
	if (ip[0] >> 4 == 4)
		return;
	folded = (uint16_t)~eng_ip_sum(sum + eng_ip_sum(0, ip + 8, 32), udp, n);
	patch_u16(udp + 6, folded == 0 ? 0xffff : folded);
}

enum eng_count
eng_esp_out(struct eng *e, struct eng_sa *sa, enum sa_mode mode, struct eng_packet *p)
{
	size_t align = eng_esp_align(sa), icv = eng_esp_icv(sa), iv = sa->encr->iv;
	size_t udp = sa->natt ? ENG_UDP : 0, plain, pad;
	uint8_t *tail, *hole, next;
	struct eng_ip ip;
	uint32_t seq;

	if (!eng_ip_parse(p, &ip))
		return ENG_N_MALFORMED;
	if (mode != SA_TUNNEL && ip.fragment)
		return ENG_N_FRAGMENT;
	plain = p->len - (mode == SA_TUNNEL ? 0 : ip.in);
	pad = (align - (plain + ENG_TRAILER) % align) % align;
	if (p->room - p->head - p->len < pad + ENG_TRAILER + icv || !eng_sa_context(e, sa, true))
		return ENG_N_MALFORMED;
	if (!eng_sa_next_seq(e, sa, &seq))
		return ENG_N_SEQ_OVERFLOW;
	tail = ip.h + p->len;
	p->len += pad + ENG_TRAILER + icv;
	hole = eng_ip_push(e, p, &ip, sa, mode, udp + ENG_ESP + iv, udp != 0 ? IPP_UDP : SA_ESP,
		&next);
	if (hole == NULL)
		return ENG_N_MALFORMED;
	put_trailer(e, sa, tail, pad, next);
	patch_u32(hole + udp, sa->spi);
	patch_u32(hole + udp + 4, seq);
	put_iv(e, sa, hole + udp + ENG_ESP);
	if (cry_esp_seal(sa->seal, hole + udp, ENG_ESP, iv, plain + pad + ENG_TRAILER, false, 0) !=
		ST_NORMAL)
		return ENG_N_MALFORMED;
	if (udp != 0)
		put_udp(sa, hole, p->len - (size_t)(hole - (p->buf + p->head)), p->buf + p->head);
	return ENG_N_COUNT;
}

enum eng_count
eng_esp_in(struct eng *e, struct eng_sa *sa, struct eng_packet *p, const struct eng_ip *ip,
	size_t udp, enum sa_mode *mode, uint8_t *next)
{
	size_t icv = eng_esp_icv(sa), header = ENG_ESP + (size_t)sa->encr->iv;
	uint8_t *esp = ip->h + ip->at + udp;
	size_t n = p->len - ip->at - udp, text;
	enum status st;
	uint32_t seq;

	if (n < header + icv + ENG_TRAILER)
		return ENG_N_MALFORMED;
	text = n - header - icv;
	if (text % eng_esp_align(sa) != 0)
		return ENG_N_MALFORMED;
	seq = get_u32(esp + 4);
	if (!eng_window_fresh(&sa->window, seq))
		return ENG_N_REPLAY;
	if (!eng_sa_context(e, sa, false))
		return ENG_N_MALFORMED;
	st = cry_esp_open(sa->open, esp, n, ENG_ESP, sa->encr->iv, false, 0);
	if (st != ST_NORMAL)
		return st == ST_BADICV ? ENG_N_BAD_ICV : ENG_N_MALFORMED;
	eng_window_accept(&sa->window, seq);
	*next = esp[header + text - 1];
	if ((size_t)esp[header + text - 2] + ENG_TRAILER > text)
		return ENG_N_MALFORMED;
	p->len -= esp[header + text - 2] + (size_t)ENG_TRAILER + icv;
	*mode = eng_mode_of(sa, *next);
	if (*next == IPP_NONE) /* RFC 4303 2.6: a dummy packet; the caller drops it */
		return ENG_N_COUNT;
	if (*mode == SA_TUNNEL && *next != IPP_IPIP && *next != IPP_IPV6)
		return ENG_N_MALFORMED;
	return eng_ip_pull(p, ip, *mode, udp + header, *next) ? ENG_N_COUNT : ENG_N_MALFORMED;
}
