/*
 * eng_migrate.c - SADB_OP_MIGRATE: SAs and tunnel rules get other end points, as when a host moved
 * (RFC 4555, and what Linux offers as XFRM_MSG_MIGRATE).
 *
 * Called for a request of a key manager.  SAs keep keys, numbers, windows and counters; the policy
 * keeps its id.  SPIs that are taken at the new place are looked for before anything moves.
 */
#include "ipsec/engine/eng_int.h"

#include <errno.h>

static bool
sound(const struct sadb_move *m)
{
	uint8_t from = m->from_src.family, to = m->to_src.family;

	return from != 0 && from == m->from_dst.family && to != 0 && to == m->to_dst.family &&
		!net_addr_is_any(&m->to_dst);
}

static bool
meant(const struct sadb_move *m, const struct eng_sa *sa)
{
	return (m->mode == SA_MODE_ANY || sa->mode == SA_MODE_ANY ||
		       m->mode == (enum sa_mode)sa->mode) &&
		(m->reqid == 0 || sa->reqid == m->reqid);
}

static struct eng_pair *
pair_of(const struct eng *e, const struct sadb_move *m)
{
	return eng_pair_find(e, &m->from_src, &m->from_dst, (uint8_t)m->proto, 0);
}

/* Is the place of every SA free where it is to go? */
static int
check_sas(const struct eng *e, const struct sadb_move *m)
{
	struct eng_pair *pair = pair_of(e, m);

	if (pair == NULL)
		return 0;
	LIST_FOREACH(at, &pair->sas) {
		struct eng_sa *sa = container_of(at, struct eng_sa, in_any), *there;

		there = meant(m, sa) ? eng_sa_find(e, &m->to_dst, sa->proto, sa->spi) : NULL;
		if (there != NULL && there != sa)
			return EEXIST;
	}
	return 0;
}

static int
move_sas(struct eng *e, const struct sadb_move *m)
{
	struct eng_pair *pair = pair_of(e, m);
	struct list *at, *next;
	size_t left = 0;
	int error = 0;

	if (pair == NULL || (net_addr_equal(&m->from_src, &m->to_src) &&
		net_addr_equal(&m->from_dst, &m->to_dst)))
		return 0;
	for (at = pair->sas.next; at != &pair->sas; at = at->next)
		left++;
	/* From the oldest on, so that the newest stands first there too; the pair goes with its
	 * last SA. */
	for (at = pair->sas.prev; left > 0 && error == 0; left--, at = next) {
		struct eng_sa *sa = container_of(at, struct eng_sa, in_any);

		next = at->prev;
		if (!meant(m, sa))
			continue;
		error = eng_sa_move(e, sa, &m->to_src, &m->to_dst);
		if (error == 0)
			eng_hold_sa_came(e, sa);
	}
	return error;
}

static bool
rule_meant(const struct sadb_move *m, const struct sp_rule *r)
{
	return r->mode == SA_TUNNEL && r->proto == m->proto &&
		(m->mode == SA_MODE_ANY || m->mode == SA_TUNNEL) &&
		(m->reqid == 0 || r->reqid == m->reqid) &&
		net_addr_equal(&r->src.addr, &m->from_src) &&
		net_addr_equal(&r->dst.addr, &m->from_dst);
}

static void
move_rules(struct eng *e, struct eng_policy *sp, const struct sadb_move *m)
{
	for (unsigned i = 0; i < sp->p.rules; i++)
		if (rule_meant(m, &sp->p.rule[i])) {
			sp->p.rule[i].src.addr = m->to_src;
			sp->p.rule[i].dst.addr = m->to_dst;
		}
	e->spd.generation++;
	sp->sad_generation = 0; /* other end points: other SAs */
}

int
eng_migrate(struct eng *e, const struct sadb_msg *m, struct sadb_msg *answer)
{
	struct eng_policy *sp;
	int error = 0;

	if (!m->has_sp || m->moves == 0 || m->moves > SP_RULES_MAX || m->sp.dir < SP_IN ||
		m->sp.dir > SP_FWD)
		return EINVAL;
	for (unsigned i = 0; i < m->moves; i++)
		if (!sound(&m->move[i]))
			return EINVAL;
	sp = eng_spd_exact(e, m->sp.dir, &m->sp.sel);
	if (sp == NULL)
		return ENOENT;
	for (unsigned i = 0; i < m->moves && error == 0; i++)
		error = check_sas(e, &m->move[i]);
	for (unsigned i = 0; i < m->moves && error == 0; i++)
		error = move_sas(e, &m->move[i]);
	if (error != 0)
		return error;
	for (unsigned i = 0; i < m->moves; i++)
		move_rules(e, sp, &m->move[i]);
	answer->has_sp = true;
	eng_spd_show(e, sp, &answer->sp);
	answer->moves = m->moves;
	for (unsigned i = 0; i < m->moves; i++)
		answer->move[i] = m->move[i];
	return 0;
}
