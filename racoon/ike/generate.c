/*
 * generate.c - policies made from what a peer asks for (generate_policy), and their end.
 *
 * Called by quick mode as responder and when a child ends.  A generated policy is never put before
 * one that an administrator has loaded, is limited to what a sainfo allows, lives as long as the
 * IPsec SAs it was made for, and is taken away with the last of them.  Its lifetime in the SA
 * database sees to it even when this process dies.
 */
#include "racoon/ike/engine.h"

#include <stdlib.h>
#include <string.h>

enum {
	GENERATED_REQID = 0x8000,   /* above what setkey's unique:N can say */
	GENERATED_REQIDS = 0x40000000,
	GENERATED_SPARE_S = 120, /* a policy outlives its SAs by so much, if nobody removes it */
};

/* Is the administrator's word on this traffic that no policy of a peer's may be put before it? */
static bool
forbids(const struct ike_sa *sa, const struct ipsec_policy *p, bool inbound)
{
	struct net_addr local, remote;

	if (p == NULL)
		return false;
	if (p->action != SP_IPSEC)
		return true;
	if (!ike_policy_ends(p, &local, &remote))
		return false;
	return !net_addr_equal(inbound ? &local : &remote, &sa->remote.addr);
}

bool
ike_may_generate(struct ike *e, const struct ike_sa *sa, const struct sp_selector *sel)
{
	struct sp_selector in = sp_selector_reversed(sel);

	if (sa->conf == NULL || sa->conf->generate_policy == RC_GENERATE_OFF || !e->spd.known)
		return false;
	return !forbids(sa, ike_spd_find(e, SP_OUT, sel), false) &&
	       !forbids(sa, ike_spd_find(e, SP_IN, &in), true);
}

uint32_t
ike_generated_reqid(struct ike *e)
{
	return GENERATED_REQID + e->reqid++ % GENERATED_REQIDS;
}

const struct ike_child *
ike_generated_by(const struct ike *e, const struct ike_peer *p, const struct sp_selector *sel)
{
	for (struct ike_child *c = NULL; (c = ike_child_same(e, p, sel, c)) != NULL;)
		if (c->generated && c->state != IKE_S_DEAD)
			return c;
	return NULL;
}

/* ----------------------------------------------------------------------------- the three --- */

static bool
has_tunnel(const struct ike_child *c)
{
	for (unsigned i = 0; i < c->pairs; i++)
		if (c->pair[i].mode == SA_TUNNEL)
			return true;
	return false;
}

/* Innermost first, as the database has bundles: IPComp, ESP, AH. */
static int
rank(enum sa_proto p)
{
	return p == SA_IPCOMP ? 0 : p == SA_ESP ? 1 : 2;
}

static void
turn(struct ipsec_policy *p, enum sp_dir dir)
{
	p->dir = dir;
	for (unsigned i = 1; i < p->rules; i++)
		for (unsigned k = i; k > 0 && rank(p->rule[k].proto) < rank(p->rule[k - 1].proto);
		     k--) {
			struct sp_rule r = p->rule[k];
			p->rule[k] = p->rule[k - 1];
			p->rule[k - 1] = r;
		}
	if (dir == SP_OUT)
		return;
	p->sel = sp_selector_reversed(&p->sel);
	for (unsigned i = 0; i < p->rules; i++) {
		struct net_endpoint src = p->rule[i].src;
		p->rule[i].src = p->rule[i].dst;
		p->rule[i].dst = src;
		/* What is forwarded may have come through any of the peer's SAs. */
		if (dir == SP_FWD && p->rule[i].level == SP_UNIQUE) {
			p->rule[i].level = SP_REQUIRE;
			p->rule[i].reqid = 0;
		}
	}
}

static enum status
each(struct ike *e, struct ike_child *c, enum sadb_op op, uint64_t cmd)
{
	static const enum sp_dir dirs[] = { SP_OUT, SP_IN, SP_FWD };
	bool forward = has_tunnel(c);

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		struct ipsec_policy p;
		if (dirs[i] == SP_FWD && !forward)
			continue;
		ike_child_policy(c, &p);
		p.sel = c->gen_sel;
		p.id = 0;
		p.hard.add_s = (uint64_t)(c->life_ms / 1000) + GENERATED_SPARE_S;
		turn(&p, dirs[i]);
		TRY(ike_job_policy(e, op == SADB_OP_SPDDELETE ? NULL : c, op, &p, cmd));
	}
	return ST_NORMAL;
}

enum status
ike_generate(struct ike *e, struct ike_child *c)
{
	if (!c->policy_made)
		ike_log(e, LOG_L_INFO, &c->remote, c->serial,
			"no policy found, policies are generated from the peer's proposal");
	c->policy_made = true;
	return each(e, c, SADB_OP_SPDUPDATE, 0);
}

void
ike_generated_end(struct ike *e, struct ike_child *c, uint64_t cmd)
{
	if (!c->generated || !c->policy_made)
		return;
	c->policy_made = false;
	for (struct ike_child *o = NULL; (o = ike_child_same(e, c->peer, &c->sel, o)) != NULL;)
		if (o != c && o->generated && o->state != IKE_S_DEAD) {
			o->policy_made = true; /* it is that one's to remove */
			return;
		}
	ike_log(e, LOG_L_INFO, &c->remote, c->serial, "deleting a generated policy.");
	(void)each(e, c, SADB_OP_SPDDELETE, cmd);
}
