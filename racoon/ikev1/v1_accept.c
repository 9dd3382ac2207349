/*
 * v1_accept.c - the first quick mode message of a peer: is it authentic, which traffic is it about,
 * and is there a policy for that, or may one be generated (RFC 2409 5.5)?
 *
 * Called by the receive path.  Nothing is kept of a message that is refused; what is accepted goes
 * on in v1_quick.c.
 */
#include <stdio.h>
#include <string.h>

#include "racoon/ikev1/v1_phase1.h"

static void
refuse_quick(struct ike *e, struct ike_sa *sa, const struct wire_msg *m, enum status status,
	const char *detail)
{
	const struct wire_payload *p = wire_find(m, WIRE_SA, 0);
	struct bytes spi = { 0 };
	struct wire_sa offer;
	uint8_t protocol = WIRE_P_ESP;

	ike_log(e, LOG_L_ERROR, &sa->remote, sa->serial, "phase 2 refused: %s: %s",
		status_row(status)->text, detail);
	ike_failure(e, 2, sa->serial, &sa->local, &sa->remote, status, 0, detail);
	e->count[IKE_N_PH2_FAILED]++;
	/* Its own SPI tells the initiator which negotiation is meant. */
	if (p != NULL && wire_parse_sa(p, e->step, &offer, NULL) == ST_NORMAL &&
	    offer.proposals != 0) {
		spi = offer.proposal[0].spi;
		protocol = offer.proposal[0].protocol;
	}
	if (status_row(status)->notify != 0)
		v1_notify(e, sa, status_row(status)->notify, protocol, spi, bytes_of(NULL, 0));
}

/* Which traffic: from the IDs, or the two phase 1 addresses (RFC 2409 5.5). */
static bool
selector_of(const struct ike_sa *sa, const struct wire_msg *m, struct sp_selector *sel)
{
	const struct wire_payload *i = wire_find(m, WIRE_ID, 0), *r = wire_find(m, WIRE_ID, 1);

	if (i != NULL && r != NULL)
		return v1_ids_selector(&r->id, &i->id, sel);
	memset(sel, 0, sizeof(*sel));
	sel->src = net_prefix_host(&sa->local.addr);
	sel->dst = net_prefix_host(&sa->remote.addr);
	sel->upper = SP_UPPER_ANY;
	return i == NULL;
}

/* support_proxy: what a transport policy protects may have other addresses than the peer. */
static bool
is_proxy(const struct ike_sa *sa, const struct ipsec_policy *p)
{
	for (unsigned i = 0; i < p->rules; i++)
		if (p->rule[i].mode == SA_TUNNEL)
			return false;
	return sa->conf != NULL && sa->conf->support_proxy;
}

/* The outbound policy for the IDs, when there is an inbound one too. */
static const struct ipsec_policy *
policy_for(const struct ike *e, const struct ike_sa *sa, const struct sp_selector *sel)
{
	struct sp_selector in = sp_selector_reversed(sel);
	const struct ipsec_policy *out_p = ike_spd_find(e, SP_OUT, sel);
	const struct ipsec_policy *in_p = ike_spd_find(e, SP_IN, &in);
	struct net_addr local, remote;

	if (out_p == NULL || in_p == NULL || out_p->action != SP_IPSEC || out_p->rules == 0 ||
	    in_p->action != SP_IPSEC)
		return NULL;
	/* The policy of another peer's tunnel is not this peer's to use. */
	if (!is_proxy(sa, out_p) && ike_policy_ends(out_p, &local, &remote) &&
	    !net_addr_equal(&remote, &sa->remote.addr))
		return NULL;
	return out_p;
}

struct generated { /* a policy made from what the peer asks for */
	struct ipsec_policy policy; /* its selector is that of the negotiation */
	struct sp_selector sel;     /* of the packets: another one in transport mode behind a NAT */
};

/* Everything there is would go to this peer: only a sainfo that says so in words allows that. */
static bool
takes_all(const struct sp_selector *sel, const struct rc_sainfo *info)
{
	return sel->dst.len == 0 && (info->remote.anonymous || info->remote.client_address);
}

/* generate_policy: the reference's "no policy found, try to generate the policy". */
static enum status
generated_for(struct ike *e, struct ike_sa *sa, const struct wire_msg *m,
	const struct sp_selector *sel, struct generated *g, char *why, size_t size)
{
	char a[NET_PREFIX_TEXT], b[NET_PREFIX_TEXT];
	const struct ike_child *old = ike_generated_by(e, sa->peer, sel);
	const struct wire_payload *p = wire_find(m, WIRE_SA, 0);
	const struct rc_sainfo *info;
	struct wire_sa offer;
	bool tunnel = false;

	snprintf(why, size, "local %s, remote %s", net_prefix_text(a, sizeof(a), &sel->src),
		net_prefix_text(b, sizeof(b), &sel->dst));
	if (!ike_may_generate(e, sa, sel)) {
		ike_log(e, LOG_L_ERROR, &sa->remote, sa->serial, "no policy found: %s", why);
		return ST_BADID;
	}
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial,
		"no policy found, try to generate the policy : %s", why);
	info = v1_sainfo_for(e, sa, sel);
	if (info == NULL)
		return ST_NOSAINFO;
	if (takes_all(sel, info)) {
		ike_log(e, LOG_L_ERROR, &sa->remote, sa->serial,
			"no policy is generated for %s: no sainfo names these identities", why);
		return ST_BADID;
	}
	/* The row's payloads are asked for only when there is a child. */
	if (p == NULL || wire_parse_sa(p, e->step, &offer, NULL) != ST_NORMAL)
		return ST_MALFORMED;
	TRY(v1_generate2(e, sa, info, &offer, sel, &g->policy, why, size));
	for (unsigned i = 0; i < g->policy.rules; i++) {
		struct sp_rule *r = &g->policy.rule[i];
		tunnel |= r->mode == SA_TUNNEL;
		if (sa->conf->generate_policy == RC_GENERATE_UNIQUE) {
			r->level = SP_UNIQUE;
			r->reqid = old != NULL && i < old->pairs && old->pair[i].reqid != 0
				? old->pair[i].reqid
				: ike_generated_reqid(e);
		}
	}
	g->sel = *sel;
	if (tunnel || sa->conf->support_proxy)
		return ST_NORMAL;
	/* Transport mode protects what runs between the two hosts, and nothing else. */
	g->sel.src = net_prefix_host(&sa->local.addr);
	g->sel.dst = net_prefix_host(&sa->remote.addr);
	if (sa->natt || sp_selector_equal(&g->sel, sel))
		return ST_NORMAL;
	snprintf(why, size, "transport mode for others than the two hosts: remote %s", b);
	return ST_BADID;
}

void
v1_quick_first(struct ike *e, struct ike_sa *sa, const struct wire_header *h,
	const struct wire_msg *m, const uint8_t *iv)
{
	const struct ipsec_policy *policy;
	uint8_t hash[CRY_HASH_MAX];
	char why[IKE_DETAIL_MAX], pair[IKE_PAIR_TEXT];
	struct sp_selector sel;
	struct generated g;

	if (!v1_first_is_hash(m) ||
	    v1_hash_1(e->env.cry, sa->hash, secret_view(&sa->keys.a), h->message_id,
		    wire_after(m, &m->payload[0]), hash) != ST_NORMAL ||
	    !v1_hash_is(m, sa->hash, hash)) {
		e->count[IKE_N_BAD_HASH]++;
		ike_log(e, LOG_L_ERROR, &sa->remote, sa->serial, "%s, message dropped",
			status_row(ST_BADHASH)->text);
		return;
	}
	if (sa->quick_count >= e->env.limits.children_per_sa) {
		ike_log(e, LOG_L_WARNING, &sa->remote, sa->serial,
			"%u phase 2 negotiations under way, another one refused", sa->quick_count);
		return;
	}
	if (ike_msgid_seen(sa, h->message_id)) {
		e->count[IKE_N_DUPLICATE]++;
		return;
	}
	if (!selector_of(sa, m, &sel)) {
		refuse_quick(e, sa, m, ST_BADID, "identities that name no address range");
		return;
	}
	v1_natt_selector(e, sa, m, &sel);
	e->cmd_mask = 0;
	policy = policy_for(e, sa, &sel);
	if (policy == NULL) {
		enum status status = generated_for(e, sa, m, &sel, &g, why, sizeof(why));
		if (status != ST_NORMAL) {
			refuse_quick(e, sa, m, status, why);
			return;
		}
		policy = &g.policy;
	}
	if (ike_child_collides(e, sa->peer, &sel, h->message_id)) {
		e->cmd_mask = 0;
		return;
	}
	ike_msgid_remember(sa, h->message_id);
	const struct ike_child *old = ike_generated_by(e, sa->peer, &sel);
	struct ike_child *c = ike_child_new(e, sa->peer, &sa->local, &sa->remote, IKE_RESPONDER,
		policy);
	e->cmd_mask = 0;
	if (c == NULL)
		return;
	c->sel = sel;
	c->generated = policy == &g.policy || old != NULL;
	if (c->generated)
		c->gen_sel = policy == &g.policy ? g.sel : old->gen_sel;
	if (sa->conf != NULL && sa->conf->support_proxy)
		ike_child_proxy(c);
	ike_child_hash_policy(e, c);
	if (!ike_child_attach(e, c, sa, h->message_id)) {
		ike_child_end(e, c, ST_NOMEMORY, false, 0);
		return;
	}
	memcpy(c->x->iv, iv, V1_IV_MAX);
	c->x->arrival = e->arrival;
	c->x->elsewhere = !ike_path_is(sa, &e->arrival);
	v1_natt_take_oa(c, m);
	ike_log(e, LOG_L_INFO, &sa->remote, c->serial, "respond new phase 2 negotiation: %s",
		ike_pair_text(pair, sizeof(pair), &sa->local, "<=>", &sa->remote));
	if (ike_run(e, c->x, h, m) != ST_NORMAL && c->state != IKE_S_DEAD)
		ike_child_end(e, c, ST_MALFORMED, false, 0);
}
