/*
 * eng_life.c - lifetimes of SAs (RFC 2367 2.3.2, RFC 4301 4.4.2.1): by age, by age since first use,
 * by octets and by packets; soft means "make a new one", hard ends it.
 *
 * Time limits sit in a timer heap; the others are looked at after each packet, when nobody holds
 * the SA any more.
 */
#include "ipsec/engine/eng_int.h"

#include <string.h>

static instant
limit_at(const struct eng_sa *sa, const struct sa_life *l)
{
	instant at = INSTANT_NEVER;

	if (l->add_s != 0 && l->add_s < INT64_MAX / 1000)
		at = instant_add(sa->created, (int64_t)l->add_s * 1000);
	if (l->use_s != 0 && l->use_s < INT64_MAX / 1000 && sa->first_use.ms != 0)
		at = instant_min(at, instant_add(sa->first_use, (int64_t)l->use_s * 1000));
	return at;
}

void
eng_sa_arm(struct eng *e, struct eng_sa *sa)
{
	instant at = limit_at(sa, &sa->hard);

	if (sa->state == SA_LARVAL)
		at = instant_add(sa->created, ENG_ACQUIRE_S * 1000);
	else if (!sa->soft_told)
		at = instant_min(at, limit_at(sa, &sa->soft));
	/* Out of memory for a timer: the limits still hold for whoever uses the SA. */
	(void)heap_set(&e->sa_timers, &sa->timer, at);
}

bool
eng_sa_usable(const struct eng_sa *sa, instant now)
{
	if (sa->state != SA_MATURE && sa->state != SA_DYING)
		return false;
	return !instant_reached(limit_at(sa, &sa->hard), now);
}

static void
tell_expired(struct eng *e, const struct eng_sa *sa, bool hard)
{
	struct sadb_msg m;

	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_EXPIRE;
	m.has_sa = true;
	m.hard = hard;
	eng_sa_show(sa, &m.sa, false);
	if (hard)
		m.sa.state = SA_DEAD;
	eng_tell(e, 0, 0, &m);
}

void
eng_sa_soft(struct eng *e, struct eng_sa *sa)
{
	if (sa->soft_told || sa->state != SA_MATURE)
		return;
	sa->soft_told = true;
	sa->state = SA_DYING;
	e->sad_generation++;
	tell_expired(e, sa, false);
	eng_sa_arm(e, sa);
}

static void
hard_end(struct eng *e, struct eng_sa *sa)
{
	/* A larval SA that nobody completed was never an SA to anyone. */
	if (sa->state != SA_LARVAL)
		tell_expired(e, sa, true);
	eng_sa_free(e, sa);
}

void
eng_sa_used(struct eng *e, struct eng_sa *sa, instant now, size_t n)
{
	sa->bytes += n;
	sa->packets++;
	if (sa->first_use.ms != 0)
		return;
	sa->first_use = now.ms == 0 ? (instant){ 1 } : now;
	sa->used_s = eng_wall_s(e, now);
	if (sa->hard.use_s != 0 || sa->soft.use_s != 0)
		eng_sa_arm(e, sa);
}

static bool
volume_reached(const struct eng_sa *sa, const struct sa_life *l)
{
	return (l->bytes != 0 && sa->bytes >= l->bytes) ||
		(l->allocations != 0 && sa->packets >= l->allocations);
}

void
eng_sa_settle(struct eng *e, struct eng_sa *sa)
{
	if (volume_reached(sa, &sa->hard))
		hard_end(e, sa);
	else if (!sa->soft_told && volume_reached(sa, &sa->soft))
		eng_sa_soft(e, sa);
}

void
eng_life_timer(struct eng *e, instant now)
{
	struct heap_node *n;

	for (unsigned i = 0; i < ENG_EXPIRE_BATCH; i++) {
		struct eng_sa *sa;

		n = heap_due(&e->sa_timers, now);
		if (n == NULL)
			return;
		sa = container_of(n, struct eng_sa, timer);
		if (sa->state == SA_LARVAL || instant_reached(limit_at(sa, &sa->hard), now)) {
			hard_end(e, sa);
		} else {
			eng_sa_soft(e, sa);
			eng_sa_arm(e, sa);
		}
	}
}
