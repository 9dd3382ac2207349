/*
 * command.c - what an operator asks for: ESTABLISH, FLUSH, DELETE, SHUTDOWN, CANCEL.
 *
 * Called by the step.  Every command but CANCEL is answered once: at once, or when the negotiations
 * or deletions it waits for have ended.  Peers are told before SAs go; only SAs this engine made
 * are deleted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "racoon/ike/engine.h"
#include "racoon/ikev1/v1_rows.h"

enum { SLOTS = 64 /* ESTABLISH /CHILD at once for one peer: bits of ike_child.cmds */ };

static struct ike_cmd *
cmd_new(struct ike *e, const struct ike_command *what, struct ike_peer *p)
{
	struct ike_cmd *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->id = what->id;
	c->what = *what;
	c->what.remote_name = NULL; /* the asker's memory */
	c->peer = p;
	list_append(&e->commands, &c->in_all);
	if (p != NULL)
		list_append(&p->commands, &c->in_peer);
	return c;
}

static void
cmd_free(struct ike *e, struct ike_cmd *c)
{
	struct ike_peer *p = c->peer;

	list_remove(&c->in_all);
	list_remove(&c->in_peer);
	free(c);
	if (p != NULL)
		ike_peer_tidy(e, p);
}

static void
cmd_reply(struct ike *e, struct ike_cmd *c, enum status status, const char *detail)
{
	struct net_endpoint remote = { .addr = c->what.remote };

	ike_reply(e, c->id, status, &remote, detail);
	cmd_free(e, c);
}

static struct ike_cmd *
cmd_by_id(const struct ike *e, uint64_t id)
{
	LIST_FOREACH(at, &e->commands)
	{
		struct ike_cmd *c = container_of(at, struct ike_cmd, in_all);
		if (c->id == id)
			return c;
	}
	return NULL;
}

void
ike_commands_free(struct ike *e)
{
	LIST_FOREACH(at, &e->commands)
		free(container_of(at, struct ike_cmd, in_all));
	list_init(&e->commands);
}

/* -------------------------------------------------------------------------------- ESTABLISH --- */

static void
establish_phase1(struct ike *e, struct ike_cmd *c, const struct rc_remote *conf)
{
	struct ike_peer *p = c->peer;
	char why[IKE_DETAIL_MAX], text[IKE_PAIR_TEXT];
	struct ike_sa *sa = ike_peer_up(p);
	enum status status;

	if (sa != NULL) {
		cmd_reply(e, c, ST_ALREADY,
			ike_pair_text(text, sizeof(text), &sa->local, "<=>", &sa->remote));
		return;
	}
	if (ike_peer_coming(p) != NULL)
		return;
	status = conf != NULL ? ike_sa_initiate_as(e, conf, p, &sa, why, sizeof(why)) :
				ike_sa_initiate_peer(e, p, &sa, why, sizeof(why));
	if (status != ST_NORMAL)
		cmd_reply(e, c, status, why);
}

static bool
take_slot(struct ike_cmd *c)
{
	uint64_t used = 0;

	LIST_FOREACH(at, &c->peer->commands)
	{
		const struct ike_cmd *o = container_of(at, struct ike_cmd, in_peer);
		if (o != c && o->what.children)
			used |= UINT64_C(1) << o->slot;
	}
	for (c->slot = 0; c->slot < SLOTS; c->slot++)
		if ((used >> c->slot & 1) == 0)
			return true;
	c->slot = 0;
	return false;
}

/*
 * One child for each policy to the peer.  Children are begun after all are counted: one may fail at
 * once and would otherwise end the command early.
 */
static void
establish_children(struct ike *e, struct ike_cmd *c)
{
	const struct ipsec_policy *policy = NULL;
	struct ike_peer *p = c->peer;
	uint64_t id = c->id;
	char why[IKE_DETAIL_MAX];
	enum status status = ST_NORMAL;
	unsigned policies = 0;

	if (!take_slot(c)) {
		cmd_reply(e, c, ST_LIMIT, "ESTABLISH /CHILD under way for this peer");
		return;
	}
	c->pending = 1; /* this loop */
	while (status == ST_NORMAL &&
	       (policy = ike_spd_peer_next(e, &p->address, policy)) != NULL) {
		struct ike_child *child = NULL;
		struct net_addr local, remote;
		if (c->policy_id != 0 && policy->id != c->policy_id)
			continue;
		if (!ike_policy_ends(policy, &local, &remote) || !net_addr_equal(&local, &p->local))
			continue; /* another pair of ends */
		policies++;
		if (ike_child_policy_up(e, p, &policy->sel))
			continue;
		c->started = true;
		e->cmd_mask = UINT64_C(1) << c->slot;
		c->pending++;
		status = ike_child_initiate(e, policy, NULL, NULL, 0, false, &child, why,
			sizeof(why));
		e->cmd_mask = 0;
		c = cmd_by_id(e, id);
		if (c == NULL)
			return; /* phase 1 failed at once, and the answer is given */
		if (child != NULL && child->state != IKE_S_DEAD)
			child->cmds |= UINT64_C(1) << c->slot;
		else if (child == NULL)
			c->pending--;
	}
	if (status != ST_NORMAL) {
		cmd_reply(e, c, status, why);
		return;
	}
	if (policies == 0) {
		cmd_reply(e, c, ST_NOPOLICY, "");
		return;
	}
	if (!c->started) {
		cmd_reply(e, c, ST_ALREADY, "");
		return;
	}
	if (--c->pending == 0)
		cmd_reply(e, c, c->failed, c->detail);
}

/* The address asked for, else that of the policies to the peer, of its route, else the nearest. */
static bool
our_end(const struct ike *e, const struct ike_command *what, struct net_addr *out)
{
	const struct ipsec_policy *policy = NULL;
	struct net_endpoint here;
	struct net_addr remote;

	if (what->local.family != 0) {
		*out = what->local;
		return ike_local_for(e, &what->remote, out, &here);
	}
	while ((policy = ike_spd_peer_next(e, &what->remote, policy)) != NULL)
		if (ike_policy_ends(policy, out, &remote) &&
		    ike_local_for(e, &what->remote, out, &here))
			return true;
	if (!(what->route.family != 0 &&
		    ike_local_for(e, &what->remote, &what->route, &here)) &&
		!ike_local_for(e, &what->remote, NULL, &here))
		return false;
	*out = here.addr;
	return true;
}

static void
establish_peer(struct ike *e, const struct ike_command *what, const struct rc_remote *conf,
	uint32_t policy_id)
{
	struct net_endpoint remote = { .addr = what->remote };
	char text[NET_ADDR_TEXT];
	struct net_addr local;
	struct ike_peer *p;
	struct ike_cmd *c;

	net_addr_text(text, sizeof(text), &what->remote);
	if (!our_end(e, what, &local)) {
		ike_reply(e, what->id, ST_SYSERR, &remote,
			"no socket on a local address to reach it from");
		return;
	}
	p = ike_peer_reach(e, &local, &remote, true);
	c = p == NULL ? NULL : cmd_new(e, what, p);
	if (c == NULL) {
		if (p != NULL)
			ike_peer_tidy(e, p);
		ike_reply(e, what->id, ST_NOMEMORY, &remote, "");
		return;
	}
	c->policy_id = policy_id;
	ike_log(e, LOG_L_INFO, NULL, 0, "accept a request to establish IKE-SA: %s", text);
	if (what->children)
		establish_children(e, c);
	else
		establish_phase1(e, c, conf);
}

/* Traffic instead of a peer: its policy says who that is. */
static enum status
by_traffic(struct ike *e, struct ike_command *what, uint32_t *policy_id)
{
	const struct ipsec_policy *policy = ike_spd_find(e, SP_OUT, &what->sel);

	if (policy == NULL || policy->action != SP_IPSEC ||
	    !ike_policy_ends(policy, &what->local, &what->remote)) {
		char src[NET_PREFIX_TEXT], dst[NET_PREFIX_TEXT];
		ike_log(e, LOG_L_NOTIFY, NULL, 0, "no outbound policy found: %s %s",
			net_prefix_text(src, sizeof(src), &what->sel.src),
			net_prefix_text(dst, sizeof(dst), &what->sel.dst));
		return ST_NOPOLICY;
	}
	*policy_id = policy->id;
	what->children = true;
	return ST_NORMAL;
}

static void
establish(struct ike *e, const struct ike_command *asked)
{
	struct ike_command what = *asked;
	struct net_endpoint remote = { 0 };
	const struct rc_remote *conf;
	char text[IKE_DETAIL_MAX];
	uint32_t policy_id = 0;

	if (e->stopping) {
		ike_reply(e, what.id, ST_CANCELLED, &remote, "shutting down");
		return;
	}
	if (what.has_sel && by_traffic(e, &what, &policy_id) != ST_NORMAL) {
		ike_reply(e, what.id, ST_NOPOLICY, &remote, "");
		return;
	}
	remote.addr = what.remote;
	net_addr_text(text, sizeof(text), &what.remote);
	if (what.remote_name != NULL)
		snprintf(text, sizeof(text), "\"%s\"", what.remote_name);
	conf = e->config == NULL ? NULL : what.remote_name != NULL ?
		rc_remote_named(e->config, what.remote_name) :
		rc_remote_for(e->config, &what.remote);
	if (conf == NULL) {
		ike_log(e, LOG_L_ERROR, NULL, 0, "no configuration found for %s", text);
		ike_reply(e, what.id, ST_NOCONF, &remote, text);
		return;
	}
	establish_peer(e, &what, what.remote_name != NULL ? conf : NULL, policy_id);
}

void
ike_commands_sa_up(struct ike *e, struct ike_sa *sa)
{
	char text[IKE_PAIR_TEXT];

	LIST_FOREACH(at, &sa->peer->commands)
	{
		struct ike_cmd *c = container_of(at, struct ike_cmd, in_peer);
		if (c->what.type == IKE_CMD_ESTABLISH && !c->what.children)
			cmd_reply(e, c, ST_NORMAL,
				ike_pair_text(text, sizeof(text), &sa->local, "<=>", &sa->remote));
	}
}

void
ike_commands_sa_failed(struct ike *e, struct ike_peer *p, enum status status,
	const struct net_endpoint *remote, const char *detail)
{
	(void)remote;
	LIST_FOREACH(at, &p->commands)
	{
		struct ike_cmd *c = container_of(at, struct ike_cmd, in_peer);
		if (c->what.type == IKE_CMD_ESTABLISH)
			cmd_reply(e, c, status, detail);
	}
}

void
ike_commands_child(struct ike *e, struct ike_child *child, enum status status, const char *detail)
{
	LIST_FOREACH(at, &child->peer->commands)
	{
		struct ike_cmd *c = container_of(at, struct ike_cmd, in_peer);
		if (!c->what.children || (child->cmds >> c->slot & 1) == 0)
			continue;
		if (status != ST_NORMAL && c->failed == ST_NORMAL) {
			c->failed = status;
			snprintf(c->detail, sizeof(c->detail), "%s", detail);
		}
		if (c->policy_id != 0 && status == ST_NORMAL)
			ike_pair_text(c->detail, sizeof(c->detail), &child->local, "<=>",
				&child->remote);
		if (--c->pending == 0)
			cmd_reply(e, c, c->failed, c->detail);
	}
	child->cmds = 0;
}

/* ---------------------------------------------------------------------------- FLUSH, DELETE --- */

struct flush {
	struct ike_cmd *cmd;
	unsigned children, sas;
};

/* Only SAs of one protocol, or for certain traffic? */
static bool
is_meant(const struct ike_command *what, const struct ike_child *c)
{
	bool proto = what->proto == SA_NONE;

	for (unsigned i = 0; i < c->pairs; i++)
		proto = proto || c->pair[i].proto == what->proto;
	return proto && (!what->has_sel || sp_selector_equal(&what->sel, &c->sel));
}

/*
 * RFC 2408 3.15: all SPIs of a peer in as few messages as possible, while there is phase 1 for it.
 */
static void
tell_children(struct ike *e, struct ike_peer *p, const struct ike_command *what)
{
	static const enum sa_proto protos[] = { SA_ESP, SA_AH, SA_IPCOMP };
	uint32_t spi[IKE_SPIS_PER_DELETE];
	struct ike_sa *sa = ike_peer_any(p);

	for (size_t k = 0; sa != NULL && k < ARRAY_LEN(protos); k++) {
		size_t n = 0;
		LIST_FOREACH(at, &p->children)
		{
			const struct ike_child *c = container_of(at, struct ike_child, in_peer);
			for (unsigned i = 0; c->state == IKE_S_UP && i < c->pairs; i++) {
				if (c->pair[i].proto != protos[k] || !is_meant(what, c))
					continue;
				spi[n++] = c->pair[i].spi_in;
				if (n < IKE_SPIS_PER_DELETE)
					continue;
				v1_delete_spis(e, sa, protos[k], spi, n);
				n = 0;
			}
		}
		v1_delete_spis(e, sa, protos[k], spi, n);
	}
}

static void
flush_peer(struct ike *e, struct ike_peer *p, struct flush *f)
{
	bool ipsec = (f->cmd->what.scope & IKE_SCOPE_IPSEC) != 0;
	bool isakmp = (f->cmd->what.scope & IKE_SCOPE_ISAKMP) != 0;
	char text[NET_ADDR_TEXT];

	ike_log(e, LOG_L_INFO, NULL, 0, "Flushing all SAs for peer %s",
		net_addr_text(text, sizeof(text), &p->address));
	if (ipsec)
		tell_children(e, p, &f->cmd->what);
	if (isakmp || (f->cmd->what.proto == SA_NONE && !f->cmd->what.has_sel))
		ike_commands_sa_failed(e, p, ST_FLUSHED, NULL, "by the operator");
	LIST_FOREACH(at, &p->children)
	{
		struct ike_child *c = container_of(at, struct ike_child, in_peer);
		if ((c->state == IKE_S_UP && !ipsec) || !is_meant(&f->cmd->what, c))
			continue;
		f->children += c->state == IKE_S_UP;
		ike_child_end(e, c, ST_FLUSHED, false, f->cmd->id);
	}
	if (!isakmp)
		return;
	LIST_FOREACH(at, &p->sas)
	{
		struct ike_sa *sa = container_of(at, struct ike_sa, in_peer);
		f->sas += sa->state == IKE_S_UP;
		ike_sa_end(e, sa, ST_FLUSHED, true, "deleted");
	}
}

/* While the command hangs on it, the peer stays. */
static void
flush_begin(struct ike_peer *p, struct flush *f)
{
	list_append(&p->commands, &f->cmd->in_peer);
}

static void
flush_end(struct ike *e, struct ike_peer *p, struct flush *f)
{
	list_remove(&f->cmd->in_peer);
	ike_peer_tidy(e, p);
}

/* DELETE of one SA, named by its number, its cookie or its SPI. */
static void
delete_one(struct ike *e, const struct ike_command *what, struct flush *f)
{
	static const uint8_t none[V1_COOKIE];
	bool by_cookie = memcmp(what->cookie, none, sizeof(none)) != 0;

	LIST_FOREACH(at, &e->sas)
	{
		struct ike_sa *sa = container_of(at, struct ike_sa, in_all);
		bool cookie = memcmp(what->cookie, sa->cookie_i, V1_COOKIE) == 0 ||
			memcmp(what->cookie, sa->cookie_r, V1_COOKIE) == 0;
		if (!(by_cookie && cookie) && (what->serial == 0 || sa->serial != what->serial))
			continue;
		f->sas++;
		ike_sa_end(e, sa, ST_FLUSHED, true, "deleted");
	}
	LIST_FOREACH(at, &e->children)
	{
		struct ike_child *c = container_of(at, struct ike_child, in_all);
		bool spi = false;
		for (unsigned i = 0; what->spi != 0 && i < c->pairs; i++)
			spi = spi || c->pair[i].spi_in == what->spi ||
				c->pair[i].spi_out == what->spi;
		if (!spi && (what->serial == 0 || c->serial != what->serial))
			continue;
		f->children++;
		ike_child_end(e, c, ST_FLUSHED, true, f->cmd->id);
	}
}

static bool
names_one(const struct ike_command *what)
{
	static const uint8_t none[V1_COOKIE];

	return what->type == IKE_CMD_DELETE && (what->serial != 0 || what->spi != 0 ||
		memcmp(what->cookie, none, sizeof(none)) != 0);
}

static void
flush_all(struct ike *e, struct flush *f)
{
	struct hash_node *next;

	for (struct hash_node *n = hash_first(&e->peers); n != NULL; n = next) {
		struct ike_peer *p = container_of(n, struct ike_peer, by_ends);
		flush_begin(p, f);
		flush_peer(e, p, f);
		next = hash_next(&e->peers, n);
		flush_end(e, p, f);
	}
}

static void
flush(struct ike *e, const struct ike_command *what)
{
	struct flush f = { 0 };
	struct ike_peer *p, *after;

	if (what->type == IKE_CMD_SHUTDOWN)
		e->stopping = true;
	f.cmd = cmd_new(e, what, NULL);
	if (f.cmd == NULL) {
		ike_reply(e, what->id, ST_NOMEMORY, NULL, "");
		return;
	}
	if (what->type == IKE_CMD_SHUTDOWN || f.cmd->what.scope == 0)
		f.cmd->what.scope = IKE_SCOPE_ALL;
	f.cmd->deletes = 1; /* this function */
	if (names_one(what)) {
		delete_one(e, what, &f);
	} else if (what->type == IKE_CMD_DELETE && what->remote.family != 0) {
		char here[NET_ADDR_TEXT], there[NET_ADDR_TEXT];
		ike_log(e, LOG_L_INFO, NULL, 0, "admin delete-sa %s %s",
			what->local.family == 0 ? "any"
				: net_addr_text(here, sizeof(here), &what->local),
			net_addr_text(there, sizeof(there), &what->remote));
		for (p = ike_peer_remote(e, &what->remote, NULL); p != NULL; p = after) {
			bool ours = what->local.family == 0 ||
				    net_addr_equal(&what->local, &p->local);
			flush_begin(p, &f);
			if (ours)
				flush_peer(e, p, &f);
			after = ike_peer_remote(e, &what->remote, p);
			flush_end(e, p, &f);
		}
	} else {
		flush_all(e, &f);
	}
	snprintf(f.cmd->detail, sizeof(f.cmd->detail), "%u ISAKMP-SA, %u IPsec-SA pairs deleted",
		f.sas, f.children);
	if (what->type == IKE_CMD_DELETE && f.sas + f.children == 0)
		f.cmd->failed = ST_NOSUCHSA;
	ike_command_deleted(e, what->id);
}

void
ike_command_deleting(struct ike *e, uint64_t cmd)
{
	struct ike_cmd *c = cmd == 0 ? NULL : cmd_by_id(e, cmd);

	if (c != NULL)
		c->deletes++;
}

void
ike_command_deleted(struct ike *e, uint64_t cmd)
{
	struct ike_cmd *c = cmd == 0 ? NULL : cmd_by_id(e, cmd);

	if (c != NULL && c->deletes != 0 && --c->deletes == 0)
		cmd_reply(e, c, c->failed, c->detail);
}

/* ---------------------------------------------------------------------------------------------- */

void
ike_command(struct ike *e, const struct ike_command *what)
{
	struct ike_cmd *c;

	switch (what->type) {
	case IKE_CMD_ESTABLISH:
		establish(e, what);
		return;
	case IKE_CMD_FLUSH:
	case IKE_CMD_DELETE:
	case IKE_CMD_SHUTDOWN:
		flush(e, what);
		return;
	case IKE_CMD_CANCEL:
		c = cmd_by_id(e, what->cancels);
		if (c != NULL)
			cmd_free(e, c);
		return;
	}
}
