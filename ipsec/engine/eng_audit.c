/*
 * eng_audit.c - auditable events (RFC 4301 4.4.1 and 5.2, 4302 4, 4303 4): what was wrong with
 * which packet, kept until the host pulls it.
 *
 * Called where a packet is refused.  Whoever can send packets can cause these, so each kind has its
 * rate; what is above it is counted and told with the next one.
 */
#include "ipsec/engine/eng_int.h"

static bool
auditable(enum eng_count what)
{
	return what == ENG_N_NO_SA || what == ENG_N_NO_POLICY || what == ENG_N_REPLAY ||
		what == ENG_N_BAD_ICV || what == ENG_N_MALFORMED || what == ENG_N_POLICY_MISMATCH ||
		what == ENG_N_FRAGMENT || what == ENG_N_EXPIRED || what == ENG_N_SEQ_OVERFLOW ||
		what == ENG_N_BAD_COMP || what == ENG_N_CONGESTION;
}

static void
count_in_sa(struct eng_sa *sa, enum eng_count what)
{
	if (what == ENG_N_REPLAY)
		sa->wrong.replayed++;
	else if (what == ENG_N_BAD_ICV)
		sa->wrong.bad_icv++;
	else
		sa->wrong.other++;
}

void
eng_audit_note(struct eng *e, instant now, enum eng_count what, struct eng_sa *sa,
	const struct eng_audit *about)
{
	struct eng_audit *a;

	if (sa != NULL)
		count_in_sa(sa, what);
	if (!auditable(what))
		return;
	if (e->audit_rate[what].told == 0 ||
		instant_diff(now, e->audit_rate[what].since) >= ENG_AUDIT_MS) {
		e->audit_rate[what].since = now;
		e->audit_rate[what].told = 0;
	}
	if (e->audit_rate[what].told >= ENG_AUDIT_BURST || e->audit_count >= ENG_AUDIT_RING) {
		e->audit_rate[what].more++;
		e->count[ENG_N_AUDIT_LOST]++;
		return;
	}
	e->audit_rate[what].told++;
	a = &e->audit[(e->audit_first + e->audit_count++) % ENG_AUDIT_RING];
	*a = *about;
	a->what = what;
	a->when = now;
	a->more = e->audit_rate[what].more;
	e->audit_rate[what].more = 0;
}

bool
eng_audit(struct eng *e, struct eng_audit *out)
{
	if (e->audit_count == 0)
		return false;
	*out = e->audit[e->audit_first];
	e->audit_first = (e->audit_first + 1) % ENG_AUDIT_RING;
	e->audit_count--;
	return true;
}

bool
eng_sa_wrong(const struct eng *e, const struct net_addr *dst, enum sa_proto proto, uint32_t spi,
	struct eng_wrong *out)
{
	const struct eng_sa *sa = eng_sa_find(e, dst, (uint8_t)proto, spi);

	if (sa == NULL)
		return false;
	*out = sa->wrong;
	return true;
}
