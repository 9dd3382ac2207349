/*
 * rc_load.c - reading racoon.conf: the top-level statements, files and includes.
 *
 * Called by the daemon at start and at RELOAD, by `racoon -t` and `-C`, by tests and the simulator.
 * It fills a new model and hands it over only when nothing is wrong with it; the configuration in
 * use is never touched.  Whatever it asks of the system goes through rc_ask.c.
 */
#include "racoon/conf/rc_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/secret.h"
#include "racoon/conf/rc_ask.h"

enum { GLOB_TEXT_MAX = 4 << 20 };

/* ---------------------------------------------------------------------------------- file names */

/* The directory part of `path` with its slash, or "" when there is none. */
static char *
directory_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	return arena_strndup(arena, path, slash == NULL ? 0 : (size_t)(slash - path) + 1);
}

/*
 * A file name as it stands in the configuration, made a path.  `MULTINET:X.CONF` is the business of
 * options->locate; a relative name is looked for in `base` (path include) or beside the file that
 * names it.
 */
const char *
rc_path(struct rc_loading *l, const char *written, const char *base, const char *from)
{
	if (l->options->locate != NULL) {
		struct rc_answer a;

		rc_ask(l, RC_ASK_LOCATE, written, 0, &a);
		if (a.error == 0)
			written = arena_strdup(l->ctx.arena, text_str(&a.text));
		text_free(&a.text);
	}
	if (written == NULL || written[0] == '/' || written[0] == '~')
		return written;
	if (base != NULL) {
		base = rc_path(l, base, NULL, from);
		return base == NULL ? NULL : arena_printf(l->ctx.arena, "%s/%s", base, written);
	}
	from = directory_of(l->ctx.arena, from);
	return from == NULL ? NULL : arena_printf(l->ctx.arena, "%s%s", from, written);
}

const char *
rc_script_path(struct rc_loading *l, const char *written)
{
	const char *base = l->c->path_script;

	if (base == NULL)
		base = "scripts";
	return rc_path(l, written, base, l->c->file);
}

static const char *
script_fault(int error, uint32_t mode, uint32_t owner, uint32_t uid)
{
	if (error != 0)
		return error == ENOENT ? "does not exist" : "cannot be looked at";
	if (!S_ISREG(mode) || (mode & 0111) == 0)
		return "is not a program";
	if (owner != uid && owner != 0)
		return "belongs to another user";
	if ((mode & 022) != 0)
		return "can be changed by others";
	return NULL;
}

const char *
rc_script_fault(const char *path, uint32_t uid)
{
	struct stat st;
	int error = stat(path, &st) != 0 ? errno : 0;

	return error != 0 ? script_fault(error, 0, 0, uid) :
		script_fault(0, (uint32_t)st.st_mode, (uint32_t)st.st_uid, uid);
}

const char *
rc_script_fault_asked(struct rc_loading *l, const char *path)
{
	struct rc_answer a;

	rc_ask(l, RC_ASK_STATUS, path, 0, &a);
	return script_fault(a.error, a.mode, a.id, l->options->uid);
}

bool
rc_set_path(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	static const struct conf_word kinds[] = { { "include", 0 }, { "pre_shared_key", 1 },
		{ "certificate", 2 }, { "backupsa", 3 }, { "script", 4 }, { "pidfile", 5 },
		{ NULL, 0 } };
	struct rc_config *c = into;
	const char **const field[] = { &c->path_include, &c->path_psk, &c->path_certificate,
		&c->path_backupsa, &c->path_script, &c->path_pidfile };
	int64_t kind;

	if (!rc_words(ctx, row, s, 2, 2) || !conf_word_value(ctx, kinds, &s->word[1], &kind) ||
		!rc_string_word(ctx, &s->word[2], "a file name"))
		return false;
	if (kind == 3)
		stmt_warn(ctx->errors, s->pos,
			"\"path backupsa\" keeps the keys of every IPsec SA in clear in \"%s\"",
			s->word[2].text);
	if (s->word[2].text[0] == '\0') {
		stmt_error(ctx->errors, s->word[2].pos, "the file name is empty");
		return false;
	}
	if (kind == 1 && *field[kind] != NULL)
		stmt_warn(ctx->errors, s->pos,
			"\"path pre_shared_key\" takes the place of that at line %u",
			rc_loading_of(ctx)->psk_pos.line);
	if (kind == 1)
		rc_loading_of(ctx)->psk_pos = s->pos;
	*field[kind] = s->word[2].text;
	return true;
}

/* ------------------------------------------------------------------------------------- include */

bool
rc_read_text(struct rc_loading *l, const char *name, struct bytes text)
{
	struct stmt_reader *reader = stmt_open(name, text, l->ctx.errors);
	struct stmt *s;

	if (reader == NULL) {
		stmt_error(l->ctx.errors, (struct stmt_pos){ name, 1, 1 }, "out of memory");
		return false;
	}
	while ((s = stmt_next(reader, l->ctx.arena)) != NULL) {
		if (!rc_split_units(&l->ctx, s)) {
			stmt_error(l->ctx.errors, s->pos, "out of memory");
			break;
		}
		/* errors are collected */
		if (conf_read_stmt(&l->ctx, rc_top_rows, s, l->c))
			rc_warn_idle(&l->ctx, s);
	}
	stmt_close(reader);
	return true;
}

/* from: the include statement, or NULL for the file that was asked for. */
bool
rc_read_file(struct rc_loading *l, const char *path, const struct stmt_pos *from)
{
	struct text text = { 0 };
	char why[RC_PATH_MAX + 128];
	bool good;

	/* "-" is standard input, but only for whoever typed it. */
	if (from != NULL && strcmp(path, "-") == 0)
		path = "./-";
	good = rc_ask_text(l, path, &text, why, sizeof(why)) == ST_NORMAL;
	if (!good && from != NULL) {
		stmt_error(l->ctx.errors, *from, "cannot include: %s", why);
	} else if (!good) {
		text_addf(&l->ctx.errors->text, "%s\n", why);
		l->ctx.errors->count++;
	} else {
		l->reading[l->depth++] = path;
		good = rc_read_text(l, path, bytes_of(text.p, text.n));
		l->depth--;
	}
	text_free(&text);
	return good;
}

static bool
is_being_read(const struct rc_loading *l, const char *path)
{
	for (unsigned i = 0; i < l->depth; i++)
		if (strcmp(l->reading[i], path) == 0)
			return true;
	return false;
}

static void
include_one(struct rc_loading *l, const char *path, const struct stmt *s)
{
	if (path == NULL)
		stmt_error(l->ctx.errors, s->pos, "out of memory");
	else if (is_being_read(l, path))
		stmt_error(l->ctx.errors, s->pos, "\"%s\" includes itself", path);
	else if (l->depth > RC_INCLUDE_MAX)
		stmt_error(l->ctx.errors, s->pos, "files are included more than %d deep",
			RC_INCLUDE_MAX);
	else
		(void)rc_read_file(l, path, &s->pos);
}

bool
rc_set_include(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct rc_loading *l = rc_loading_of(ctx);
	const char *path;
	struct rc_answer a;

	(void)into;
	if (!rc_words(ctx, row, s, 1, 1) || !rc_string_word(ctx, &s->word[1], "a file name"))
		return false;
	path = rc_path(l, s->word[1].text, l->c->path_include, s->pos.file);
	if (path == NULL)
		return false;
	rc_ask(l, RC_ASK_GLOB, path, GLOB_TEXT_MAX, &a);
	if (a.error == ENOENT && strpbrk(path, "*?[") != NULL)
		stmt_warn(ctx->errors, s->pos, "no file fits \"%s\"", path);
	else if (a.error == ENOENT)
		include_one(l, path, s);
	else if (a.error != 0)
		stmt_error(ctx->errors, s->pos, "cannot include \"%s\": %s", path,
			a.error == EACCES ? "a directory cannot be read" : strerror(a.error));
	for (size_t at = 0; a.error == 0 && at < a.text.n; at += strlen(a.text.p + at) + 1)
		include_one(l, arena_strdup(ctx->arena, a.text.p + at), s);
	text_free(&a.text);
	return true;
}

/* -------------------------------------------------------------------------------------- listen */

bool
rc_set_isakmp(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct rc_config *c = into;
	bool natt = row->def != 0;
	struct rc_listen listen = { .natt = natt,
		.address.port = natt ? RC_NATT_PORT : RC_PORT };
	size_t at = 1;

	if (!rc_words(ctx, row, s, 1, 2) || !rc_endpoint_words(ctx, s, &at, &listen.address))
		return false;
	if (at < s->words)
		return rc_words(ctx, row, s, 1, at - 1);
	for (unsigned i = 0; i < c->listens; i++)
		if (net_endpoint_equal(&c->listen[i].address, &listen.address)) {
			if (c->listen[i].natt != natt) {
				stmt_error(ctx->errors, s->pos,
					"this address and port are listed already, as %s",
					natt ? "isakmp" : "isakmp_natt");
				return false;
			}
			stmt_warn(ctx->errors, s->pos, "this address and port are listed twice");
			return true;
		}
	if (c->listens == RC_LISTEN_MAX) {
		stmt_error(ctx->errors, s->pos, "more than %d addresses are listed", RC_LISTEN_MAX);
		return false;
	}
	if (c->listen == NULL)
		c->listen = arena_array(ctx->arena, RC_LISTEN_MAX, sizeof(*c->listen));
	if (c->listen == NULL)
		return false;
	c->listen[c->listens++] = listen;
	return true;
}

bool
rc_set_strict_address(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	struct rc_config *c = into;

	c->strict_address = true;
	return rc_words(ctx, row, s, 0, 0);
}

/* Octal digits, as chmod takes them. */
static bool
mode_word(struct conf_ctx *ctx, const struct stmt_word *w, unsigned *mode)
{
	char *end;
	unsigned long v = strtoul(w->text, &end, 8);

	if (w->kind != STMT_BARE || *end != '\0' || w->text[0] == '\0' || v > 0777) {
		stmt_error(ctx->errors, w->pos, "\"%s\": expected an octal mode such as 0660",
			w->text);
		return false;
	}
	*mode = (unsigned)v;
	return true;
}

bool
rc_set_adminsock(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct rc_config *c = into;
	struct rc_answer a;

	if (!rc_words(ctx, row, s, 1, 4))
		return false;
	if (s->words == 2 && s->word[1].kind == STMT_BARE &&
		strcmp(s->word[1].text, "disabled") == 0) {
		c->adminsock_disabled = true;
		return true;
	}
	if (!rc_string_word(ctx, &s->word[1], "a path, or the word disabled,"))
		return false;
	c->adminsock = s->word[1].text;
	if (s->words == 2)
		return true;
	if (!rc_words(ctx, row, s, 4, 4) || !rc_string_word(ctx, &s->word[2], "an owner") ||
		!rc_string_word(ctx, &s->word[3], "a group") ||
		!mode_word(ctx, &s->word[4], &c->adminsock_mode))
		return false;
	rc_ask(rc_loading_of(ctx), RC_ASK_USER, s->word[2].text, 0, &a);
	if (a.error != 0)
		stmt_warn(ctx->errors, s->word[2].pos, "there is no user \"%s\" here",
			s->word[2].text);
	c->adminsock_owner = s->word[2].text;
	c->adminsock_group = s->word[3].text;
	return true;
}

/* ------------------------------------------------------------------------------------- loading */

static struct rc_config *
config_new(const char *file, const struct rc_options *options)
{
	struct rc_config *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->arena = arena_new(RC_ARENA_MAX);
	if (c->arena != NULL)
		c->file = arena_strdup(c->arena, file);
	if (c->file == NULL || !hash_init(&c->psk_by_id, 16) ||
		!hash_init(&c->remote_by_address, 16) || !hash_init(&c->remote_by_name, 16) ||
		!hash_init(&c->sainfo_by_pair, 16) || !hash_init(&c->loaded_by_name, 16)) {
		rc_free(c);
		return NULL;
	}
	c->hash_key = options->hash_key;
	conf_defaults(rc_top_rows, c);
	conf_defaults(rc_timer_rows, &c->timer);
	conf_defaults(rc_padding_rows, &c->padding);
	return c;
}

void
rc_free(struct rc_config *c)
{
	if (c == NULL)
		return;
	rc_certs_free(c);
	hash_free(&c->psk_by_id);
	hash_free(&c->remote_by_address);
	hash_free(&c->remote_by_name);
	hash_free(&c->sainfo_by_pair);
	free(c->remote);
	free(c->sainfo);
	arena_free(c->arena);
	free(c);
}

static enum status
outcome(struct rc_loading *l, bool opened, struct rc_config **out)
{
	if (opened && l->ctx.errors->count == 0) {
		*out = l->c;
		return ST_NORMAL;
	}
	rc_free(l->c);
	if (!opened)
		return ST_NOFILE;
	return l->key_file_open && l->ctx.errors->count == 1 ? ST_FILEPROT : ST_BADCONF;
}

static bool
begin(struct rc_loading *l, const char *name, const struct rc_options *options,
	struct stmt_errors *errors)
{
	*l = (struct rc_loading){ .options = options, .c = config_new(name, options) };
	if (l->c == NULL)
		return false;
	l->ctx = (struct conf_ctx){ .arena = l->c->arena, .errors = errors, .user = l };
	l->psk_pos = (struct stmt_pos){ l->c->file, 1, 1 };
	return true;
}

enum status
rc_load(const char *file, const struct rc_options *options, struct rc_config **out,
	struct stmt_errors *errors)
{
	struct rc_loading l;
	bool opened;

	*out = NULL;
	if (!begin(&l, file, options, errors))
		return ST_NOMEMORY;
	opened = rc_read_file(&l, l.c->file, NULL);
	if (opened) {
		rc_check(&l);
		rc_psk_read_file(&l);
	}
	return outcome(&l, opened, out);
}

enum status
rc_load_text(const char *name, const char *text, const char *psk_text,
	const struct rc_options *options, struct rc_config **out, struct stmt_errors *errors)
{
	struct rc_loading l;

	*out = NULL;
	if (!begin(&l, name, options, errors))
		return ST_NOMEMORY;
	if (!rc_read_text(&l, l.c->file, bytes_str(text)) ||
		(psk_text != NULL && !rc_psk_read_text(&l, "psk.txt", bytes_str(psk_text)))) {
		rc_free(l.c);
		return ST_NOMEMORY;
	}
	rc_check(&l);
	return outcome(&l, true, out);
}
