/*
 * eng_comp.c - IPComp (RFC 3173) with DEFLATE (RFC 2394): one packet through one SA.
 *
 * Called for each step of a bundle, and for what comes in.  A packet that does not get smaller is
 * sent as it is: in transport mode without any header, in tunnel mode as IP in IP, which is how
 * Linux does it.  After some such packets a number of others are not even tried.  What comes in may
 * grow to the largest IP packet and no further.
 */
#include "ipsec/engine/eng_int.h"

#include <stdlib.h>
#include <string.h>

enum {
	COMP_MIN = 90,       /* smaller payloads are not tried (as Linux; RFC 2394 1: about that) */
	COMP_FAILURES = 4,   /* in a row, before packets are passed by untried */
	COMP_PASS_MIN = 8, COMP_PASS_MAX = 512, /* so many: doubled with each further failure */
	CPI_DEFLATE = 2,     /* RFC 3173 3.3: the well-known CPI of DEFLATE */
	IP_LARGEST = 65535,
};

static bool
ready(struct eng *e)
{
	if (e->comp == NULL)
		e->comp = deflate_new();
	if (e->comp_buf == NULL)
		e->comp_buf = malloc(IP_LARGEST);
	return e->comp != NULL && e->comp_buf != NULL;
}

/* Did this SA's packets stop getting smaller?  RFC 3173 2.2: such traffic is best left alone. */
static bool
worth_trying(struct eng_sa *sa, size_t n)
{
	if (n < COMP_MIN)
		return false;
	if (sa->comp_pass == 0)
		return true;
	sa->comp_pass--;
	return false;
}

static void
failed(struct eng_sa *sa)
{
	if (sa->comp_failures < COMP_FAILURES) {
		sa->comp_failures++;
		sa->comp_rest = COMP_PASS_MIN;
		return;
	}
	sa->comp_pass = sa->comp_rest;
	if (sa->comp_rest < COMP_PASS_MAX)
		sa->comp_rest = (uint16_t)(sa->comp_rest * 2);
}

/* Payload of n octets at `at`; its compressed size (then in e->comp_buf), or 0. */
static size_t
squeeze(struct eng *e, struct eng_sa *sa, const uint8_t *at, size_t n)
{
	size_t got;

	if (!worth_trying(sa, n) || !ready(e))
		return 0;
	got = deflate_pack(e->comp, bytes_of(at, n), e->comp_buf, n - ENG_IPCOMP - 1);
	if (got == 0)
		failed(sa);
	else
		sa->comp_failures = 0;
	return got;
}

enum eng_count
eng_comp_out(struct eng *e, struct eng_sa *sa, enum sa_mode mode, struct eng_packet *p,
	struct eng_ip *ip)
{
	bool tunnel = mode == SA_TUNNEL;
	size_t from = tunnel ? 0 : ip->in, n = p->len - from, got;
	uint8_t *hole, next;

	if (!tunnel && ip->fragment) /* RFC 3173 2.2: whole datagrams; others go as they are */
		return ENG_N_COUNT;
	got = squeeze(e, sa, ip->h + from, n);
	if (got == 0) {
		e->count[ENG_N_NOT_COMPRESSED]++;
		if (!tunnel)
			return ENG_N_COUNT;
		next = ip->family == 6 ? IPP_IPV6 : IPP_IPIP;
		return eng_ip_push(e, p, ip, sa, mode, 0, next, &next) == NULL
			? ENG_N_MALFORMED : ENG_N_COUNT;
	}
	memcpy(ip->h + from, e->comp_buf, got);
	p->len = from + got;
	hole = eng_ip_push(e, p, ip, sa, mode, ENG_IPCOMP, SA_IPCOMP, &next);
	if (hole == NULL)
		return ENG_N_MALFORMED;
	hole[0] = next;
	hole[1] = 0;
	patch_u16(hole + 2, (uint16_t)sa->spi);
	e->count[ENG_N_COMPRESSED]++;
	return ENG_N_COUNT;
}

struct eng_sa *
eng_comp_find(struct eng *e, const struct eng_ip *ip, const struct net_addr *src,
	const struct net_addr *dst)
{
	uint16_t cpi = get_u16(ip->h + ip->at + 2);
	struct eng_sa *sa = eng_sa_find(e, dst, SA_IPCOMP, cpi);
	struct eng_pair *pair;

	if (sa != NULL || cpi != CPI_DEFLATE)
		return sa;
	/* KAME sends the algorithm's number unless told otherwise: the newest SA of the two. */
	pair = eng_pair_find(e, src, dst, SA_IPCOMP, 0);
	return pair == NULL ? NULL : container_of(pair->sas.next, struct eng_sa, in_any);
}

struct eng_sa *
eng_comp_carrier(struct eng *e, const struct net_addr *src, const struct net_addr *dst)
{
	struct eng_pair *pair;

	if (e->comp_sas == 0)
		return NULL;
	pair = eng_pair_find(e, src, dst, SA_IPCOMP, 0);
	if (pair == NULL)
		return NULL;
	LIST_FOREACH(at, &pair->sas) {
		struct eng_sa *sa = container_of(at, struct eng_sa, in_any);

		if (sa->mode != SA_TRANSPORT && sa->comp != NULL)
			return sa;
	}
	return NULL;
}

enum eng_count
eng_comp_in(struct eng *e, struct eng_sa *sa, struct eng_packet *p, const struct eng_ip *ip,
	enum sa_mode *mode, uint8_t *next)
{
	uint8_t *head = ip->h + ip->at;
	size_t n = p->len - ip->at - ENG_IPCOMP, room = p->room - p->head - ip->at - ENG_IPCOMP;
	size_t limit = IP_LARGEST - ip->at, got;

	if (room > limit)
		room = limit;
	*next = head[0];
	*mode = eng_mode_of(sa, *next);
	if (*mode == SA_TUNNEL && *next != IPP_IPIP && *next != IPP_IPV6)
		return ENG_N_MALFORMED;
	if (!ready(e))
		return ENG_N_BAD_COMP;
	got = deflate_unpack(e->comp, bytes_of(head + ENG_IPCOMP, n), e->comp_buf, room);
	if (got == 0)
		return ENG_N_BAD_COMP;
	memcpy(head + ENG_IPCOMP, e->comp_buf, got);
	p->len = ip->at + ENG_IPCOMP + got;
	return eng_ip_pull(p, ip, *mode, ENG_IPCOMP, *next);
}
