/*
 * child.c - phase 2: the IPsec SAs of one negotiation; look-up, beginning, end.
 *
 * Called by events of the SA database, commands, quick mode and timers.  A child outlives the phase
 * 1 it was made on.  What happens to it once it is up: child_life.c.
 */
#include "racoon/ike/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "racoon/ikev1/v1_natt.h"
#include "racoon/ikev1/v1_rows.h"

const char *
ike_proto_name(enum sa_proto p)
{
	return p == SA_AH ? "AH" : p == SA_IPCOMP ? "IPCOMP" : "ESP";
}

const char *
ike_mode_name(enum sa_mode m, bool natt)
{
	if (m == SA_TUNNEL)
		return natt ? "UDP-Tunnel" : "Tunnel";
	return natt ? "UDP-Transport" : "Transport";
}

/* ---------------------------------------------------------------------------------- look-up --- */

static uint64_t
address_hash(const struct ike *e, const struct net_addr *a, uint64_t more)
{
	return hash_more(hash_bytes(&e->env.hash_key, a, sizeof(*a)), more);
}

static uint64_t
in_hash(const struct ike *e, enum sa_proto proto, uint32_t spi)
{
	return hash_more(e->env.hash_key.k0, (uint64_t)proto << 32 | spi);
}

static uint64_t
out_hash(const struct ike *e, const struct net_addr *remote, enum sa_proto proto, uint32_t spi)
{
	return address_hash(e, remote, (uint64_t)proto << 32 | spi);
}

static uint64_t
policy_hash(const struct ike *e, const struct net_addr *peer, const struct sp_selector *s)
{
	uint64_t h = address_hash(e, peer, (uint64_t)s->sport << 32 | (uint64_t)s->dport << 16 |
					   s->upper);

	h = hash_more(h, address_hash(e, &s->src.addr, s->src.len));
	return hash_more(h, address_hash(e, &s->dst.addr, s->dst.len));
}

static uint64_t
msgid_hash(const struct ike_sa *sa, uint32_t msgid)
{
	return hash_more(hash_more(0, sa->serial), msgid);
}

struct ike_child *
ike_child_by_msgid(const struct ike *e, const struct ike_sa *sa, uint32_t msgid)
{
	for (struct hash_node *n = hash_find(&e->child_by_msgid, msgid_hash(sa, msgid)); n != NULL;
	     n = hash_again(n)) {
		struct ike_child *c = container_of(n, struct ike_child, by_msgid);
		if (c->message_id == msgid && c->x != NULL && c->x->sa == sa)
			return c;
	}
	return NULL;
}

struct ike_child *
ike_child_by_spi_in(const struct ike *e, enum sa_proto proto, uint32_t spi)
{
	for (struct hash_node *n = hash_find(&e->by_spi_in, in_hash(e, proto, spi)); n != NULL;
	     n = hash_again(n)) {
		struct ike_pair *p = container_of(n, struct ike_pair, by_in);
		if (p->proto == proto && p->spi_in == spi)
			return p->child;
	}
	return NULL;
}

struct ike_child *
ike_child_by_spi_out(const struct ike *e, const struct net_addr *remote, enum sa_proto proto,
	uint32_t spi)
{
	for (struct hash_node *n = hash_find(&e->by_spi_out, out_hash(e, remote, proto, spi));
	     n != NULL; n = hash_again(n)) {
		struct ike_pair *p = container_of(n, struct ike_pair, by_out);
		if (p->proto == proto && p->spi_out == spi &&
		    net_addr_equal(&p->child->remote.addr, remote))
			return p->child;
	}
	return NULL;
}

/* Hosts behind one NAT choose their SPIs without knowing of each other. */
struct ike_child *
ike_child_of_peer(const struct ike *e, const struct ike_peer *peer, enum sa_proto proto,
	uint32_t spi)
{
	for (struct hash_node *n = hash_find(&e->by_spi_out,
		     out_hash(e, &peer->address, proto, spi));
	     n != NULL; n = hash_again(n)) {
		struct ike_pair *p = container_of(n, struct ike_pair, by_out);
		if (p->proto == proto && p->spi_out == spi && p->child->peer == peer)
			return p->child;
	}
	return NULL;
}

void
ike_child_hash_in(struct ike *e, struct ike_child *c, unsigned pair)
{
	struct ike_pair *p = &c->pair[pair];

	hash_remove(&e->by_spi_in, &p->by_in);
	hash_insert(&e->by_spi_in, &p->by_in, in_hash(e, p->proto, p->spi_in));
}

void
ike_child_hash_out(struct ike *e, struct ike_child *c, unsigned pair)
{
	struct ike_pair *p = &c->pair[pair];

	hash_remove(&e->by_spi_out, &p->by_out);
	hash_insert(&e->by_spi_out, &p->by_out,
		out_hash(e, &c->remote.addr, p->proto, p->spi_out));
}

void
ike_child_hash_policy(struct ike *e, struct ike_child *c)
{
	hash_remove(&e->child_by_policy, &c->by_policy);
	hash_insert(&e->child_by_policy, &c->by_policy,
		policy_hash(e, &c->peer->address, &c->sel));
}

/* The next child for the same traffic with the same peer; NULL begins. */
struct ike_child *
ike_child_same(const struct ike *e, const struct ike_peer *p, const struct sp_selector *sel,
	const struct ike_child *after)
{
	struct hash_node *n = after == NULL
		? hash_find(&e->child_by_policy, policy_hash(e, &p->address, sel))
		: hash_again(&after->by_policy);

	for (; n != NULL; n = hash_again(n)) {
		struct ike_child *c = container_of(n, struct ike_child, by_policy);
		if (c->peer == p && sp_selector_equal(&c->sel, sel))
			return c;
	}
	return NULL;
}

bool
ike_child_policy_up(const struct ike *e, const struct ike_peer *p, const struct sp_selector *sel)
{
	for (struct ike_child *c = NULL; (c = ike_child_same(e, p, sel, c)) != NULL;)
		if (c->state == IKE_S_UP && !c->retiring)
			return true;
	return false;
}

/* ------------------------------------------------------------------------------------ birth --- */

static bool
rules_ok(const struct ipsec_policy *p)
{
	bool any = false;

	for (unsigned i = 0; i < p->rules; i++)
		any |= p->rule[i].proto == SA_ESP || p->rule[i].proto == SA_AH;
	return any && p->action == SP_IPSEC;
}

/* Pairs that there must be: compression with level `use` may be left out; it stands last. */
unsigned
ike_child_needed(const struct ike_child *c)
{
	unsigned n = c->pairs;

	while (n > 0 && c->pair[n - 1].proto == SA_IPCOMP && c->pair[n - 1].level == SP_USE)
		n--;
	return n == 0 ? c->pairs : n;
}

/* Use only the first n pairs: what was reserved for the others is given back. */
void
ike_child_trim(struct ike *e, struct ike_child *c, unsigned n)
{
	struct ipsec_sa sa;

	while (c->pairs > n) {
		struct ike_pair *p = &c->pair[c->pairs - 1];
		if (p->spi_in != 0) {
			ike_child_sa(c, p, true, &sa);
			ike_job_delete(e, &sa, 0);
		}
		hash_remove(&e->by_spi_in, &p->by_in);
		hash_remove(&e->by_spi_out, &p->by_out);
		c->pairs--;
	}
}

/* Ends of a transport rule's SA: those of the tunnel it runs in, else the two hosts. */
static void
pair_init(struct ike_pair *pair, struct ike_child *c, const struct ipsec_policy *policy,
	const struct sp_rule *r)
{
	const struct sp_rule *ends = r;

	pair->child = c;
	pair->proto = r->proto;
	pair->mode = r->mode == SA_TUNNEL ? SA_TUNNEL : SA_TRANSPORT;
	pair->level = r->level;
	pair->reqid = r->reqid;
	pair->local = c->local.addr;
	pair->remote = c->remote.addr;
	for (unsigned i = 0; r->mode != SA_TUNNEL && i < policy->rules; i++)
		if (policy->rule[i].mode == SA_TUNNEL)
			ends = &policy->rule[i];
	if (ends->mode == SA_TUNNEL && ends->src.addr.family != 0 && ends->dst.addr.family != 0) {
		pair->local = ends->src.addr;
		pair->remote = ends->dst.addr;
	}
}

static void
add_pairs(struct ike_child *c, const struct ipsec_policy *policy, bool comp)
{
	for (unsigned i = 0; i < policy->rules; i++) {
		const struct sp_rule *r = &policy->rule[i];
		bool is_comp = r->proto == SA_IPCOMP;
		if (is_comp == comp && (is_comp || r->proto == SA_ESP || r->proto == SA_AH))
			pair_init(&c->pair[c->pairs++], c, policy, r);
	}
}

struct ike_child *
ike_child_new(struct ike *e, struct ike_peer *p, const struct net_endpoint *local,
	const struct net_endpoint *remote, enum ike_side side, const struct ipsec_policy *policy)
{
	struct ike_child *c;
	bool tunnel = false;

	if (!rules_ok(policy))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL || (c->pair = calloc(policy->rules, sizeof(*c->pair))) == NULL) {
		free(c);
		return NULL;
	}
	c->serial = ++e->serial;
	c->cmds = e->cmd_mask;
	c->peer = p;
	c->local = *local;
	c->remote = *remote;
	c->side = side;
	c->sel = policy->sel;
	c->policy_id = policy->id;
	c->begun = e->now;
	c->begun_step = e->steps;
	c->expires = INSTANT_NEVER;
	list_init(&c->job_list);
	add_pairs(c, policy, false);
	add_pairs(c, policy, true); /* what may be left out comes last */
	for (unsigned i = 0; i < c->pairs; i++)
		tunnel |= c->pair[i].mode == SA_TUNNEL;
	c->bundle = c->pairs > 1 && tunnel;
	c->any = e->config == NULL || e->config->complex_bundle;
	c->alike = c->bundle && !c->any;
	list_append(&e->children, &c->in_all);
	list_append(&p->children, &c->in_peer);
	hash_insert(&e->child_by_serial, &c->by_serial, hash_more(0, c->serial));
	ike_child_hash_policy(e, c);
	return c;
}

void
ike_child_natt(struct ike_child *c, const struct ike_sa *sa)
{
	c->natt = sa->nat != 0;
	c->nat_me = (sa->nat & IKE_NAT_ME) != 0;
	c->natt_how = sa->natt_how;
}

bool
ike_child_attach(struct ike *e, struct ike_child *c, struct ike_sa *sa, uint32_t message_id)
{
	c->x = ike_xchg_new(e, sa, c, WIRE_X_QUICK, c->side, message_id);
	if (c->x == NULL)
		return false;
	c->local = sa->local;
	c->remote = sa->remote;
	ike_child_natt(c, sa);
	c->esp_frag = sa->conf == NULL || sa->conf->esp_frag >= UINT16_MAX
		? 0
		: (uint16_t)sa->conf->esp_frag;
	c->parent = sa->serial;
	c->message_id = message_id;
	list_append(&sa->quicks, &c->x->in_sa);
	sa->quick_count++;
	hash_insert(&e->child_by_msgid, &c->by_msgid, msgid_hash(sa, message_id));
	ike_sa_limit(e, c->x);
	return true;
}

void
ike_child_sa(const struct ike_child *c, const struct ike_pair *p, bool inbound,
	struct ipsec_sa *out)
{
	memset(out, 0, sizeof(*out));
	out->src.addr = inbound ? p->remote : p->local;
	out->dst.addr = inbound ? p->local : p->remote;
	out->proto = p->proto;
	out->mode = p->mode;
	out->spi = inbound ? p->spi_in : p->spi_out;
	out->reqid = p->reqid;
	out->encr = p->encr;
	out->auth = p->auth;
	out->comp = p->comp;
	if (c->natt && p->proto == SA_ESP) {
		out->natt = true;
		out->natt_non_ike = !c->natt_how->floats;
		out->natt_frag = inbound ? 0 : c->esp_frag;
		if (p->mode != SA_TUNNEL)
			out->natt_oa = c->natt_oa;
		out->src.port = inbound ? c->remote.port : c->local.port;
		out->dst.port = inbound ? c->local.port : c->remote.port;
	}
}

/* A policy that would lead to the same child: to renew it. */
void
ike_child_policy(const struct ike_child *c, struct ipsec_policy *out)
{
	memset(out, 0, sizeof(*out));
	out->sel = c->sel;
	out->dir = SP_OUT;
	out->action = SP_IPSEC;
	out->id = c->policy_id;
	out->rules = c->pairs;
	for (unsigned i = 0; i < c->pairs; i++) {
		const struct ike_pair *p = &c->pair[i];
		struct sp_rule *r = &out->rule[i];
		r->proto = p->proto;
		r->mode = p->mode;
		r->level = p->level;
		r->reqid = p->reqid;
		if (p->mode == SA_TUNNEL) {
			r->src.addr = p->local;
			r->dst.addr = p->remote;
			r->dst.port = c->peer->port;
		}
	}
}

/* -------------------------------------------------------------------------------- beginning --- */

static void
wait_fired(struct ike *e, struct ike_timer *t)
{
	struct ike_child *c = container_of(t, struct ike_child, wait);
	char to[NET_ADDR_TEXT], pair[IKE_PAIR_TEXT];

	ike_log(e, LOG_L_ERROR, &c->remote, c->serial,
		"phase2 negotiation failed due to time up waiting for phase1. %s",
		ike_pair_text(pair, sizeof(pair), &c->local, "->", &c->remote));
	ike_log(e, LOG_L_ERROR, &c->remote, c->serial,
		"%s give up to get IPsec-SA due to time up to wait.",
		net_addr_text(to, sizeof(to), &c->remote.addr));
	ike_log(e, LOG_L_INFO, &c->remote, c->serial, "delete phase 2 handler.");
	ike_child_fail(e, c, ST_NOPHASE1, 0, "time up waiting for phase 1");
}

static void
stop_waiting(struct ike *e, struct ike_child *c)
{
	c->waits = false;
	list_remove(&c->waiting);
	ike_disarm(e, &c->wait);
}

/* Queue it; begin at once when phase 1 is there, else see that there will be one. */
static enum status
enqueue(struct ike *e, struct ike_child *c, const struct net_addr *local, char *why, size_t size)
{
	struct ike_peer *p = c->peer;
	struct ike_sa *sa;
	char to[NET_ADDR_TEXT];

	c->waits = true;
	list_append(&p->waiting, &c->waiting);
	int64_t ms = e->config == NULL ? 30000 : e->config->timer.phase1;
	ike_arm(e, &c->wait, instant_add(e->now, ms), wait_fired);
	if (ike_peer_up(p) != NULL) {
		ike_child_kick(e, p);
		return ST_NORMAL;
	}
	if (ike_peer_coming(p) != NULL) {
		ike_log(e, LOG_L_INFO, &c->remote, c->serial, "request for establishing IPsec-SA "
			"was queued due to no phase1 found.");
		return ST_NORMAL;
	}
	ike_log(e, LOG_L_INFO, &c->remote, c->serial,
		"IPsec-SA request for %s queued due to no phase1 found.",
		net_addr_text(to, sizeof(to), &p->address));
	return p->port != 0 ? ike_sa_initiate_peer(e, p, &sa, why, size)
			    : ike_sa_initiate(e, &p->address, local, &sa, why, size);
}

void
ike_child_kick(struct ike *e, struct ike_peer *p)
{
	struct ike_sa *sa;

	while (!list_empty(&p->waiting) && (sa = ike_peer_up(p)) != NULL &&
	       sa->quick_count < e->env.limits.children_per_sa)
		ike_child_begin(e, container_of(p->waiting.next, struct ike_child, waiting), sa);
}

void
ike_child_begin(struct ike *e, struct ike_child *c, struct ike_sa *sa)
{
	char pair[IKE_PAIR_TEXT];
	uint32_t id;

	stop_waiting(e, c);
	do
		id = ike_random32(e);
	while (id == 0 || ike_msgid_seen(sa, id));
	ike_msgid_remember(sa, id);
	if (!ike_child_attach(e, c, sa, id)) {
		ike_child_fail(e, c, ST_NOMEMORY, 0, "");
		return;
	}
	c->begun_step = e->steps;
	ike_log(e, LOG_L_INFO, &sa->remote, c->serial, "initiate new phase 2 negotiation: %s",
		ike_pair_text(pair, sizeof(pair), &sa->local, "<=>", &sa->remote));
	ike_run_start(e, c->x);
}

/* Its phase 1 went away under it: from the start, on another one, a few times. */
void
ike_child_restart(struct ike *e, struct ike_child *c)
{
	char why[IKE_DETAIL_MAX];
	struct ipsec_sa sa;
	enum status status;

	if (c->state == IKE_S_UP) {
		ike_xchg_end(e, c->x);
		return;
	}
	if (c->renewal && c->cmds == 0 && !ike_child_policy_up(e, c->peer, &c->sel)) {
		/* The peer deleted what was to be renewed as well: traffic asks if there is any. */
		ike_child_end(e, c, ST_PEERDELETED, false, 0);
		return;
	}
	if (c->side != IKE_INITIATOR || e->stopping || c->restarts++ >= IKE_RESTARTS_MAX) {
		ike_child_fail(e, c, ST_NOPHASE1, 0, "phase 1 went away");
		return;
	}
	ike_xchg_end(e, c->x);
	for (unsigned i = 0; i < c->pairs; i++) {
		struct ike_pair *p = &c->pair[i];
		hash_remove(&e->by_spi_in, &p->by_in);
		hash_remove(&e->by_spi_out, &p->by_out);
		if (p->spi_in != 0) {
			ike_child_sa(c, p, true, &sa);
			ike_job_delete(e, &sa, 0);
		}
		p->spi_in = p->spi_out = 0;
		p->in_asked = p->out_asked = false;
	}
	c->state = IKE_S_START;
	status = enqueue(e, c, &c->local.addr, why, sizeof(why));
	if (status != ST_NORMAL)
		ike_child_fail(e, c, status, 0, why);
}

/*
 * Which ends, which traffic; transport mode is between the two hosts, whatever the policy covers.
 */
static enum status
place(const struct ipsec_policy *policy, const struct net_addr *src, const struct net_addr *dst,
	struct net_addr *local, struct net_addr *remote, struct sp_selector *sel)
{
	bool tunnel = false;

	*sel = policy->sel;
	for (unsigned i = 0; i < policy->rules; i++)
		tunnel |= policy->rule[i].mode == SA_TUNNEL;
	if (!ike_policy_ends(policy, local, remote)) {
		if (src == NULL || dst == NULL || src->family == 0 || dst->family == 0)
			return ST_NOPOLICY;
		*local = *src;
		*remote = *dst;
	}
	if (!tunnel) {
		sel->src = net_prefix_host(local);
		sel->dst = net_prefix_host(remote);
	}
	return ST_NORMAL;
}

/* Of a peer behind a NAT, where the policy was made for one. */
static uint16_t
port_of(const struct ipsec_policy *policy)
{
	for (unsigned i = 0; i < policy->rules; i++)
		if (policy->rule[i].mode == SA_TUNNEL && policy->rule[i].dst.port != 0)
			return policy->rule[i].dst.port;
	return 0;
}

/* support_proxy: SAs are between the identities of phase 2, where these are hosts. */
void
ike_child_proxy(struct ike_child *c)
{
	bool hosts = c->sel.src.len == net_addr_bits(&c->sel.src.addr) &&
		     c->sel.dst.len == net_addr_bits(&c->sel.dst.addr);

	for (unsigned i = 0; hosts && !c->bundle && i < c->pairs; i++)
		if (c->pair[i].mode == SA_TRANSPORT) {
			c->pair[i].local = c->sel.src.addr;
			c->pair[i].remote = c->sel.dst.addr;
		}
}

/*
 * The same as initiator: a transport policy's own address may be one that no IKE runs on (a mobile
 * host's home address); then IKE runs from where the host is.
 */
static bool
is_proxy(const struct ike *e, const struct net_addr *remote, struct net_addr *local)
{
	const struct rc_remote *conf = e->config == NULL ? NULL : rc_remote_for(e->config, remote);
	struct net_endpoint here;

	if (conf == NULL || !conf->support_proxy)
		return false;
	if (!ike_local_for(e, remote, local, &here) && ike_local_for(e, remote, NULL, &here))
		*local = here.addr;
	return true;
}

enum status
ike_child_initiate(struct ike *e, const struct ipsec_policy *policy, const struct net_addr *src,
	const struct net_addr *dst, uint32_t seq, bool again, struct ike_child **out, char *why,
	size_t size)
{
	struct net_addr local, remote;
	struct net_endpoint here = { 0 }, there = { 0 };
	struct sp_selector sel;
	struct ike_child *c = NULL;
	struct ike_peer *p;
	enum status status;

	snprintf(why, size, "policy %u", policy->id);
	if (policy->rules == 0 && ike_spd_by_id(e, policy->id) != NULL)
		policy = ike_spd_by_id(e, policy->id);
	if (!rules_ok(policy))
		return ST_UNSUPPORTED;
	TRY(place(policy, src, dst, &local, &remote, &sel));
	bool proxy = is_proxy(e, &remote, &local);
	there.addr = remote;
	there.port = port_of(policy);
	p = ike_peer_reach(e, &local, &there, true);
	if (p == NULL)
		return ST_NOMEMORY;
	/*
	 * One may be under way already.  An ACQUIRE read before the database's word that it has the
	 * outbound SA is of a packet that came earlier: the answer to the peer's first, as a rule.
	 */
	while ((c = ike_child_same(e, p, &sel, c)) != NULL)
		if (c->state != IKE_S_UP || (again && c->up_step == e->steps) ||
		    (seq != 0 && ike_job_installing(c)))
			break;
	if (c != NULL) {
		c->renewal = c->renewal && again;
		if (out != NULL)
			*out = c;
		return ST_NORMAL;
	}
	here.addr = local;
	there.port = p->port != 0 ? p->port : RC_PORT;
	const struct ike_child *old = ike_generated_by(e, p, &sel);
	c = ike_child_new(e, p, &here, &there, IKE_INITIATOR, policy);
	if (c == NULL) {
		ike_peer_tidy(e, p);
		return ST_NOMEMORY;
	}
	c->sel = sel;
	if (proxy)
		ike_child_proxy(c);
	c->acquire_seq = seq;
	c->renewal = again;
	if (old != NULL) {
		c->generated = true;
		c->gen_sel = old->gen_sel;
	}
	ike_child_hash_policy(e, c);
	if (out != NULL)
		*out = c;
	status = enqueue(e, c, &local, why, size);
	if (status != ST_NORMAL && c->state != IKE_S_DEAD)
		ike_child_fail(e, c, status, 0, why);
	return status;
}

/* -------------------------------------------------------------------------------------- end --- */

static void
unlink_child(struct ike *e, struct ike_child *c)
{
	for (unsigned i = 0; i < c->pairs; i++) {
		hash_remove(&e->by_spi_in, &c->pair[i].by_in);
		hash_remove(&e->by_spi_out, &c->pair[i].by_out);
	}
	hash_remove(&e->child_by_serial, &c->by_serial);
	hash_remove(&e->child_by_msgid, &c->by_msgid);
	hash_remove(&e->child_by_policy, &c->by_policy);
	list_remove(&c->in_all);
	list_remove(&c->in_peer);
	list_remove(&c->waiting);
	ike_disarm(e, &c->life);
	ike_disarm(e, &c->retire);
	ike_disarm(e, &c->wait);
	if (c->x != NULL)
		ike_xchg_end(e, c->x);
	ike_jobs_orphan(&c->job_list);
}

static void
tell_peer(struct ike *e, const struct ike_child *c)
{
	struct ike_sa *sa = ike_peer_any(c->peer);

	for (unsigned i = 0; sa != NULL && i < c->pairs; i++)
		v1_delete_spis(e, sa, c->pair[i].proto, &c->pair[i].spi_in, 1);
}

void
ike_child_end(struct ike *e, struct ike_child *c, enum status status, bool tell, uint64_t cmd)
{
	char pair[IKE_PAIR_TEXT];
	struct ike_peer *p = c->peer;
	struct ipsec_sa sa;

	if (c->state == IKE_S_DEAD)
		return;
	if (tell)
		tell_peer(e, c);
	if (c->state == IKE_S_UP) {
		ike_log(e, LOG_L_INFO, &c->remote, c->serial, "phase2 sa %s %s: %s",
			status == ST_EXPIRED ? "expired" : "deleted",
			ike_pair_text(pair, sizeof(pair), &c->local, "-", &c->remote),
			status_row(status)->text);
		ike_note_child(e, IKE_NOTE_PH2_DOWN, c, status, status_row(status)->text);
	}
	for (unsigned i = 0; i < c->pairs; i++) {
		if (c->pair[i].spi_in != 0) {
			ike_child_sa(c, &c->pair[i], true, &sa);
			ike_job_delete(e, &sa, cmd);
		}
		if (c->pair[i].out_asked) {
			ike_child_sa(c, &c->pair[i], false, &sa);
			ike_job_delete(e, &sa, cmd);
		}
	}
	ike_generated_end(e, c, cmd);
	c->state = IKE_S_DEAD;
	if (c->cmds != 0) /* nobody told them */
		ike_commands_child(e, c, status, status_row(status)->text);
	unlink_child(e, c);
	list_append(&e->dead_children, &c->in_all);
	ike_peer_tidy(e, p);
}

void
ike_child_free(struct ike *e, struct ike_child *c)
{
	unlink_child(e, c);
	for (unsigned i = 0; i < c->pairs; i++)
		if (c->pair[i].kept != NULL) {
			wipe(c->pair[i].kept, 2 * sizeof(*c->pair[i].kept));
			free(c->pair[i].kept);
		}
	free(c->pair);
	free(c);
}

void
ike_child_fail(struct ike *e, struct ike_child *c, enum status status, uint16_t notify,
	const char *detail)
{
	struct ike_peer *p = c->peer;
	char text[IKE_DETAIL_MAX];

	if (c->state == IKE_S_DEAD)
		return;
	snprintf(text, sizeof(text), "%s", detail);
	e->count[IKE_N_PH2_FAILED]++;
	ike_log(e, LOG_L_ERROR, &c->remote, c->serial, "phase 2 failed: %s: %s",
		status_row(status)->text, text);
	ike_failure(e, 2, c->serial, &c->local, &c->remote, status, notify, text);
	for (struct ike_child *o = NULL; (o = ike_child_same(e, p, &c->sel, o)) != NULL;)
		if (o != c && o->state == IKE_S_UP && o->rekeying && !o->retiring)
			ike_child_try_later(e, o);
	ike_commands_child(e, c, status, text);
	if (status == ST_NORESPONSE && c->side == IKE_INITIATOR && c->x != NULL && !c->x->answered)
		ike_sa_doubt(e, c->x->sa);
	list_remove(&c->waiting);
	ike_child_kick(e, p);
	/* The initiator of a half-made one may think that it is up. */
	ike_child_end(e, c, status, c->state == IKE_S_UP || c->state == IKE_S_QUICK2_SENT, 0);
}
