/*
 * rc_privsep.c - `privsep { user; group; chroot; }`: whose process handles the network.
 *
 * The setters are called through rc_rows.c, rc_privsep_check by rc_check.c before anything is
 * loaded that depends on it.  As racoon has it, a section without a user, or with the superuser,
 * asks for nothing; a user that does not exist is an error.
 */
#include "racoon/conf/rc_ask.h"
#include "racoon/conf/rc_in.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

bool
rc_set_privsep_block(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	struct rc_config *c = into;

	c->privsep.pos = s->pos;
	return rc_words(ctx, row, s, 0, 0) &&
		rc_read_block(ctx, rc_privsep_rows, s, &c->privsep);
}

/* user, group: "name" or a number; chroot: "directory" */
bool
rc_set_privsep_name(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	const struct stmt_word *w = s->word + 1;
	bool number;

	if (!rc_words(ctx, row, s, 1, 1))
		return false;
	number = row->def != 0 && w->kind == STMT_BARE &&
		w->text[strspn(w->text, "0123456789")] == '\0';
	if (!number &&
		!rc_string_word(ctx, w, row->def != 0 ? "a number, or a name" : "a directory"))
		return false;
	if (w->text[0] == '\0') {
		stmt_error(ctx->errors, w->pos, "the name is empty");
		return false;
	}
	memcpy((char *)into + row->offset, &w->text, sizeof(w->text));
	return true;
}

bool
rc_print_privsep_name(const struct conf_row *row, const void *from, struct text *out)
{
	const char *name;

	memcpy(&name, (const char *)from + row->offset, sizeof(name));
	if (name != NULL)
		text_addf(out, "\"%s\"", name);
	return name != NULL;
}

/* The directory must stay what it is, whatever the worker does. */
static void
check_chroot(struct rc_loading *l, const struct rc_privsep *p)
{
	struct rc_answer a;

	if (p->chroot[0] != '/') {
		stmt_error(l->ctx.errors, p->pos,
			"chroot \"%s\": expected a path that begins with /", p->chroot);
		return;
	}
	rc_ask(l, RC_ASK_STATUS, p->chroot, 0, &a);
	if (a.error != 0)
		stmt_error(l->ctx.errors, p->pos, "chroot \"%s\": %s", p->chroot,
			strerror(a.error));
	else if (!S_ISDIR(a.mode))
		stmt_error(l->ctx.errors, p->pos, "chroot \"%s\" is not a directory",
			p->chroot);
	else if (a.id != 0 || (a.mode & 022) != 0)
		stmt_error(l->ctx.errors, p->pos,
			"chroot \"%s\" can be changed by others than the superuser (chown 0 %s; "
			"chmod 755 %s)", p->chroot, p->chroot, p->chroot);
}

void
rc_privsep_check(struct rc_loading *l)
{
	struct rc_privsep *p = &l->c->privsep;
	struct rc_answer user, group;

	if (p->user == NULL) {
		if (p->group != NULL || p->chroot != NULL)
			stmt_warn(l->ctx.errors, p->pos,
				"privsep without \"user\" has no effect: racoon keeps its "
				"privileges");
		return;
	}
	rc_ask(l, RC_ASK_USER, p->user, 0, &user);
	if (user.error != 0) {
		stmt_error(l->ctx.errors, p->pos, "unknown user \"%s\"", p->user);
		return;
	}
	if (user.id == 0) {
		if (p->chroot != NULL)
			stmt_warn(l->ctx.errors, p->pos,
				"privsep with the superuser has no effect: no chroot is made");
		return;
	}
	p->uid = user.id;
	p->gid = user.mode;
	if (p->group != NULL) {
		rc_ask(l, RC_ASK_GROUP, p->group, 0, &group);
		if (group.error != 0)
			stmt_error(l->ctx.errors, p->pos, "unknown group \"%s\"", p->group);
		p->gid = group.id;
	} else if (p->gid == UINT32_MAX) {
		stmt_error(l->ctx.errors, p->pos,
			"user %s has no account and so no group: expected \"group\" too", p->user);
	}
	if (p->chroot != NULL)
		check_chroot(l, p);
	p->on = true;
}
