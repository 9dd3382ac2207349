/*
 * rc_check.c - what can only be told when the whole configuration has been read.
 *
 * Called by rc_load.c after the last file.  Missing parts and combinations that cannot work are
 * errors; algorithms that are broken by today's measure are warnings, at each start, with the name
 * of the section that asks for them.
 */
#include "racoon/conf/rc_in.h"

#include <string.h>

static bool
is_psk(const struct rc_remote *r)
{
	for (unsigned i = 0; i < r->proposals; i++)
		if (r->proposal[i].auth == RC_AUTH_PSK)
			return true;
	return false;
}

/* RFC 2409 5.4: in main mode the key must be found before the peer's identity can be decrypted. */
static void
check_identity(struct rc_loading *l, const struct rc_remote *r)
{
	bool address = r->my_id.type == RC_ID_IPV4 || r->my_id.type == RC_ID_IPV6;

	if (address || !is_psk(r) || !rc_remote_allows(r, RC_MAIN))
		return;
	if (r->mode[0] == RC_MAIN)
		stmt_error(l->ctx.errors, r->pos,
			"remote %s: my_identifier %s does not go with exchange_mode main and "
			"pre_shared_key: expected \"my_identifier address\"",
			r->title, r->my_id.text);
	else
		stmt_warn(l->ctx.errors, r->pos,
			"remote %s: my_identifier %s does not go with exchange_mode main and "
			"pre_shared_key: a peer that begins with main mode is refused",
			r->title, r->my_id.text);
}

/* RFC 2409 5.4: its first message has the public value already, and HASH_R comes in clear. */
static void
check_aggressive(struct rc_loading *l, const struct rc_remote *r)
{
	if (!rc_remote_allows(r, RC_AGGRESSIVE))
		return;
	if (is_psk(r))
		stmt_warn(l->ctx.errors, r->pos,
			"remote %s: in exchange_mode aggressive an observer can guess the "
			"pre-shared key off-line: use main where the peer can, and a long random "
			"key",
			r->title);
	for (unsigned i = 1; i < r->proposals && r->mode[0] == RC_AGGRESSIVE; i++)
		if (r->proposal[i].group != r->proposal[0].group) {
			stmt_error(l->ctx.errors, r->proposal[i].pos,
				"remote %s: exchange_mode aggressive cannot negotiate the "
				"dh_group: expected the same one in every proposal",
				r->title);
			return;
		}
}

static void
warn_weak(struct rc_loading *l, struct stmt_pos pos, const char *section, const char *title,
	const char *directive, const struct alg *a)
{
	if (a != NULL && a->weak)
		stmt_warn(l->ctx.errors, pos, "%s %s: %s %s is weak", section, title, directive,
			rc_alg_name(a));
}

/* Programs of `script`: found, ours alone to change, executable; else they are not run. */
static void
check_scripts(struct rc_loading *l, struct rc_remote *r)
{
	for (unsigned i = 0; i < RC_HOOKS; i++) {
		const char *fault;

		if (r->script[i] == NULL)
			continue;
		r->script_path[i] = rc_script_path(l, r->script[i]);
		if (r->script_path[i] == NULL) {
			stmt_error(l->ctx.errors, r->script_pos[i], "out of memory");
			continue;
		}
		fault = rc_script_fault_asked(l, r->script_path[i]);
		if (fault != NULL)
			stmt_warn(l->ctx.errors, r->script_pos[i],
				"script \"%s\" %s: it will not be run", r->script_path[i], fault);
	}
}

static void
check_remote(struct rc_loading *l, struct rc_remote *r)
{
	if (r->bad)
		return;
	check_scripts(l, r);
	/* A section that only hands its values down needs not be whole. */
	if (r->is_parent && r->named && r->address.addr.family == 0)
		return;
	if (r->modes == 0)
		stmt_error(l->ctx.errors, r->pos,
			"remote %s has no exchange_mode: expected \"exchange_mode main;\"",
			r->title);
	if (r->proposals == 0)
		stmt_error(l->ctx.errors, r->pos, "remote %s has no proposal { … }", r->title);
	rc_certs_load(l, r);
	check_identity(l, r);
	check_aggressive(l, r);
	for (unsigned i = 0; i < r->proposals; i++) {
		const struct rc_proposal *p = &r->proposal[i];

		warn_weak(l, p->pos, "remote", r->title, "encryption_algorithm", p->encr);
		warn_weak(l, p->pos, "remote", r->title, "hash_algorithm", p->hash);
		warn_weak(l, p->pos, "remote", r->title, "dh_group", p->group);
	}
	if (r->verify_identifier && r->peer_ids == 0)
		stmt_warn(l->ctx.errors, r->pos,
			"remote %s: verify_identifier on has no effect without peers_identifier",
			r->title);
}

static void
check_sainfo(struct rc_loading *l, const struct rc_sainfo *sa)
{
	warn_weak(l, sa->pos, "sainfo", sa->title, "pfs_group", sa->pfs);
	for (unsigned i = 0; i < sa->encrs; i++)
		warn_weak(l, sa->pos, "sainfo", sa->title, "encryption_algorithm", sa->encr[i].alg);
	for (unsigned i = 0; i < sa->auths; i++)
		warn_weak(l, sa->pos, "sainfo", sa->title, "authentication_algorithm",
			sa->auth[i].alg);
}

/* Whom a section without an address is for: every peer that no other one names. */
static bool
is_for_anybody(const struct rc_remote *r)
{
	return r->anonymous || (r->named && !r->is_parent && r->address.addr.family == 0);
}

static void
check_anonymous(struct rc_loading *l)
{
	struct rc_config *c = l->c;
	struct rc_remote **tail = &c->anonymous;
	const struct rc_remote *plain = NULL;

	for (unsigned i = 0; i < c->remotes; i++) {
		struct rc_remote *r = c->remote[i];

		r->next_any = NULL;
		if (!is_for_anybody(r))
			continue;
		*tail = r;
		tail = &r->next_any;
		if (r->peer_ids != 0)
			continue;
		if (plain != NULL && !(plain->anonymous && r->anonymous)) /* told by rc_index */
			stmt_error(l->ctx.errors, r->pos,
				"remote %s: \"remote %s\" at %s:%u is for any peer already; give "
				"one of them a remote_address or a peers_identifier",
				r->title, plain->title, plain->pos.file, plain->pos.line);
		plain = r;
	}
}

static void
check_sainfo_tags(struct rc_loading *l, const struct rc_sainfo *sa)
{
	if (sa->remoteid == 0)
		return;
	for (unsigned i = 0; i < l->c->remotes; i++)
		if (l->c->remote[i]->ph1id == sa->remoteid)
			return;
	stmt_warn(l->ctx.errors, sa->pos, "sainfo %s: no remote section has ph1id %lld", sa->title,
		(long long)sa->remoteid);
}

void
rc_check(struct rc_loading *l)
{
	struct rc_config *c = l->c;

	rc_privsep_check(l);
	for (unsigned i = 0; i < c->remotes; i++)
		check_remote(l, c->remote[i]);
	check_anonymous(l);
	for (unsigned i = 0; i < c->sainfos; i++) {
		check_sainfo(l, c->sainfo[i]);
		check_sainfo_tags(l, c->sainfo[i]);
	}
	(void)rc_index(l);
}
