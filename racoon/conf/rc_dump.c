/*
 * rc_dump.c - a configuration as text that reads back as the same configuration.
 *
 * Called by `racoon -C`, SHOW CONFIG, and by rc_plan for RELOAD.  Values that are the default are
 * left out; what a section inherited is written out in full; keys are never shown.
 */
#include "racoon/conf/rc_in.h"

#include <string.h>

static void
dump_paths(const struct rc_config *c, struct text *out)
{
	const struct {
		const char *kind, *value;
	} paths[] = {
		{ "include", c->path_include }, { "pre_shared_key", c->path_psk },
		{ "certificate", c->path_certificate }, { "backupsa", c->path_backupsa },
		{ "script", c->path_script }, { "pidfile", c->path_pidfile },
	};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (paths[i].value != NULL)
			text_addf(out, "path %s \"%s\";\n", paths[i].kind, paths[i].value);
}

static void
dump_block(const char *keyword, const struct conf_row *table, const void *from, struct text *out)
{
	struct text inside = { 0 };

	conf_print(table, from, "\t", false, &inside);
	if (inside.n > 0)
		text_addf(out, "%s {\n%s}\n", keyword, text_str(&inside));
	text_free(&inside);
}

static void
dump_listen(const struct rc_config *c, struct text *out)
{
	if (c->listens == 0 && !c->strict_address && c->adminsock == NULL && !c->adminsock_disabled)
		return;
	text_add(out, "listen {\n");
	for (unsigned i = 0; i < c->listens; i++) {
		const struct rc_listen *l = &c->listen[i];

		text_addf(out, "\t%s ", l->natt ? "isakmp_natt" : "isakmp");
		rc_print_endpoint(out, &l->address, l->natt ? RC_NATT_PORT : RC_PORT);
		text_add(out, ";\n");
	}
	if (c->strict_address)
		text_add(out, "\tstrict_address;\n");
	if (c->adminsock_disabled)
		text_add(out, "\tadminsock disabled;\n");
	else if (c->adminsock != NULL && c->adminsock_group != NULL)
		text_addf(out, "\tadminsock \"%s\" \"%s\" \"%s\" 0%03o;\n", c->adminsock,
			c->adminsock_owner, c->adminsock_group, c->adminsock_mode);
	else if (c->adminsock != NULL)
		text_addf(out, "\tadminsock \"%s\";\n", c->adminsock);
	text_add(out, "}\n");
}

void
rc_dump_remote(const struct rc_remote *r, struct text *out)
{
	text_addf(out, "remote %s {\n", r->title);
	conf_print(rc_remote_rows, r, "\t", false, out);
	for (unsigned i = 0; i < r->peer_ids; i++)
		text_addf(out, "\tpeers_identifier %s;\n", r->peer_id[i].text);
	for (unsigned i = 0; i < RC_HOOKS; i++)
		if (r->script[i] != NULL)
			text_addf(out, "\tscript \"%s\" %s;\n", r->script[i],
				rc_hook_words[i].name);
	for (unsigned i = 0; i < r->proposals; i++) {
		text_add(out, "\tproposal {\n");
		conf_print(rc_proposal_rows, &r->proposal[i], "\t\t", false, out);
		text_add(out, "\t}\n");
	}
	text_add(out, "}\n");
}

void
rc_dump_sainfo(const struct rc_sainfo *s, struct text *out)
{
	text_addf(out, "sainfo %s {\n", s->title);
	conf_print(rc_sainfo_rows, s, "\t", false, out);
	text_add(out, "}\n");
}

void
rc_dump(const struct rc_config *c, struct text *out)
{
	dump_paths(c, out);
	conf_print(rc_top_rows, c, "", false, out);
	dump_block("timer", rc_timer_rows, &c->timer, out);
	dump_listen(c, out);
	dump_block("padding", rc_padding_rows, &c->padding, out);
	dump_block("privsep", rc_privsep_rows, &c->privsep, out);
	for (unsigned i = 0; i < c->remotes; i++) {
		const struct rc_remote *r = c->remote[i];

		/* Sections that only others inherited from have done their work. */
		if (!r->is_parent || r->address.addr.family != 0 || r->anonymous)
			rc_dump_remote(r, out);
	}
	for (unsigned i = 0; i < c->sainfos; i++)
		rc_dump_sainfo(c->sainfo[i], out);
}

/* ------------------------------------------------------------------------------------- the plan */

static bool
same_dump(const void *a, const void *b, void (*dump)(const void *, struct text *))
{
	struct text x = { 0 }, y = { 0 };
	bool same;

	dump(a, &x);
	dump(b, &y);
	same = !x.failed && !y.failed && strcmp(text_str(&x), text_str(&y)) == 0;
	text_free(&x);
	text_free(&y);
	return same;
}

static void
remote_text(const void *r, struct text *out)
{
	rc_dump_remote(r, out);
}

static void
sainfo_text(const void *s, struct text *out)
{
	rc_dump_sainfo(s, out);
}

/* The section of c that a section of the other configuration corresponds to. */
static const struct rc_remote *
same_remote(const struct rc_config *c, const struct rc_remote *r)
{
	const struct rc_remote *found = rc_remote_named(c, r->name);

	return found != NULL && found->named == r->named && found->anonymous == r->anonymous ?
		found : NULL;
}

/* In the order of by_rank: both lists are sorted by it. */
static int
compare_sainfos(const struct rc_sainfo *x, const struct rc_sainfo *y)
{
	int order = (x->rank < y->rank) - (x->rank > y->rank);

	if (order == 0)
		order = strcmp(x->title, y->title);
	return order != 0 ? order : (x->remoteid > y->remoteid) - (x->remoteid < y->remoteid);
}

static void
plan_remotes(const struct rc_config *from, const struct rc_config *to, struct rc_plan *plan,
	struct text *out)
{
	for (unsigned i = 0; i < from->remotes; i++) {
		const struct rc_remote *r = from->remote[i], *now = same_remote(to, r);

		if (now == NULL) {
			plan->removed++;
			text_addf(out, "remote %s: removed\n", r->title);
		} else if (same_dump(r, now, remote_text)) {
			plan->kept++;
		} else {
			plan->changed++;
			text_addf(out, "remote %s: changed\n", now->title);
		}
	}
	for (unsigned i = 0; i < to->remotes; i++)
		if (same_remote(from, to->remote[i]) == NULL) {
			plan->added++;
			text_addf(out, "remote %s: added\n", to->remote[i]->title);
		}
}

static void
plan_sainfos(const struct rc_config *from, const struct rc_config *to, struct rc_plan *plan,
	struct text *out)
{
	unsigned i = 0, k = 0;

	while (i < from->sainfos || k < to->sainfos) {
		const struct rc_sainfo *x = i < from->sainfos ? from->sainfo[i] : NULL;
		const struct rc_sainfo *y = k < to->sainfos ? to->sainfo[k] : NULL;
		int order = x == NULL ? 1 : y == NULL ? -1 : compare_sainfos(x, y);

		if (order == 0 && same_dump(x, y, sainfo_text))
			plan->kept++;
		else if (order == 0 && ++plan->changed)
			text_addf(out, "sainfo %s: changed\n", y->title);
		else if (order < 0 && ++plan->removed)
			text_addf(out, "sainfo %s: removed\n", x->title);
		else if (++plan->added)
			text_addf(out, "sainfo %s: added\n", y->title);
		i += order <= 0;
		k += order >= 0;
	}
}

struct rc_plan
rc_plan(const struct rc_config *from, const struct rc_config *to, struct text *out)
{
	struct rc_plan plan = { 0 };

	plan_remotes(from, to, &plan, out);
	plan_sainfos(from, to, &plan, out);
	return plan;
}
