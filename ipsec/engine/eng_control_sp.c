/*
 * eng_control_sp.c - the SPD operations of KAME and Linux: add, update, delete by selector or by
 * id, get, flush.
 */
#include "ipsec/engine/eng_int.h"

#include <errno.h>

static void
show(const struct eng *e, const struct eng_policy *sp, struct sadb_msg *answer)
{
	answer->has_sp = true;
	eng_spd_show(e, sp, &answer->sp);
}

/* An update of what is not there adds it; it keeps the id of what it replaces. */
static int
op_add(struct eng *e, instant now, const struct sadb_msg *m, struct sadb_msg *answer)
{
	struct ipsec_policy p = m->sp;
	struct eng_policy *old, *sp;
	int error;

	if (!m->has_sp)
		return EINVAL;
	error = eng_spd_check(&p);
	if (error != 0)
		return error;
	p.id = 0;
	old = eng_spd_exact(e, p.dir, &p.sel);
	if (old != NULL && m->op == SADB_OP_SPDADD)
		return EEXIST;
	if (old != NULL) {
		p.id = old->p.id;
		eng_spd_remove(e, old);
	}
	sp = eng_spd_add(e, now, &p, &error);
	if (sp == NULL)
		return error;
	show(e, sp, answer);
	return 0;
}

static struct eng_policy *
named(const struct eng *e, const struct sadb_msg *m)
{
	if (!m->has_sp)
		return NULL;
	if (m->op == SADB_OP_SPDGET || m->op == SADB_OP_SPDDELETE2)
		return eng_spd_by_id(e, m->sp.id);
	if (m->sp.dir < SP_IN || m->sp.dir > SP_FWD)
		return NULL;
	return eng_spd_exact(e, m->sp.dir, &m->sp.sel);
}

static int
op_flush(struct eng *e)
{
	for (struct eng_policy *sp; (sp = eng_spd_first(e)) != NULL;)
		eng_spd_remove(e, sp);
	return 0;
}

int
eng_control_sp(struct eng *e, instant now, const struct sadb_msg *m, struct sadb_msg *answer)
{
	struct eng_policy *sp;

	if (m->op == SADB_OP_SPDADD || m->op == SADB_OP_SPDUPDATE)
		return op_add(e, now, m, answer);
	if (m->op == SADB_OP_SPDFLUSH)
		return op_flush(e);
	sp = named(e, m);
	if (sp == NULL)
		return ENOENT;
	show(e, sp, answer);
	if (m->op != SADB_OP_SPDGET)
		eng_spd_remove(e, sp);
	return 0;
}
