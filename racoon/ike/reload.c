/*
 * reload.c - a new configuration: which SAs still fit it.
 *
 * Called by the step for IKE_EV_CONFIG.  What was negotiated stays as long as the new configuration
 * could have led to it: the same peer, mode and algorithms; lifetimes and the like hold from the
 * next negotiation on.  What does not fit is deleted, and its peer told.
 */
#include "racoon/ike/engine.h"

#include "racoon/ikev1/v1_rows.h"

bool
ike_conf_fits(const struct rc_remote *conf, const struct ike_sa *sa)
{
	if (sa->encr == NULL)
		return true; /* nothing is agreed on yet */
	for (unsigned i = 0; i < conf->proposals; i++) {
		const struct rc_proposal *p = &conf->proposal[i];
		bool bits = p->bits == 0 || p->bits == sa->bits ||
			    (p->bits < sa->bits && conf->proposal_check != RC_CHECK_EXACT) ||
			    conf->proposal_check == RC_CHECK_OBEY;
		if (p->encr == sa->encr && p->hash == sa->hash && p->group == sa->group &&
		    p->auth == sa->auth && bits)
			return true;
	}
	return false;
}

static void
look_again(struct ike *e, struct ike_sa *sa)
{
	struct rc_id id = { .type = sa->peer_id == NULL ? RC_ID_NONE : sa->peer_id_type,
		.value = bytes_of(sa->peer_id, sa->peer_id_n) };

	sa->conf = e->config == NULL ? NULL
		: rc_remote_pick(e->config, &sa->remote.addr, sa->exchange, &id);
	if (sa->conf != NULL && rc_remote_allows(sa->conf, sa->exchange) &&
	    ike_conf_fits(sa->conf, sa))
		return;
	if (sa->state == IKE_S_UP)
		ike_sa_end(e, sa, ST_NOCONF, true, "deleted");
	else
		ike_sa_fail(e, sa, ST_NOCONF, "the configuration was changed");
}

static bool
has(const struct rc_alg_choice *list, unsigned n, const struct alg *alg)
{
	if (alg == NULL)
		return true;
	for (unsigned i = 0; i < n; i++)
		if (list[i].alg == alg)
			return true;
	return false;
}

/* Only while its phase 1 is there can be told which sainfo is the peer's (from, remoteid). */
static bool
still_fits(const struct ike *e, const struct ike_child *c)
{
	const struct ike_sa *sa = ike_peer_any(c->peer);
	const struct rc_sainfo *info;

	if (c->state != IKE_S_UP || sa == NULL)
		return true;
	info = v1_sainfo_for(e, sa, &c->sel);
	if (info == NULL)
		return false;
	for (unsigned i = 0; i < c->pairs; i++) {
		const struct ike_pair *p = &c->pair[i];
		if (!has(info->encr, info->encrs, p->encr) ||
		    !has(info->auth, info->auths, p->auth) ||
		    !has(info->comp, info->comps, p->comp))
			return false;
	}
	return true;
}

void
ike_config_changed(struct ike *e)
{
	LIST_FOREACH(at, &e->children)
	{
		struct ike_child *c = container_of(at, struct ike_child, in_all);
		if (!still_fits(e, c))
			ike_child_end(e, c, ST_NOSAINFO, true, 0);
	}
	LIST_FOREACH(at, &e->sas)
		look_again(e, container_of(at, struct ike_sa, in_all));
}
