/*
 * script.c - setkey's statements as a directive table, and the list of requests they make.
 *
 * Called by setkey_main.c and the tests.  It sends nothing and opens nothing; names are resolved by
 * whoever the script's resolver is.
 */
#include "setkey/script.h"

#include <stdlib.h>
#include <string.h>

#include "setkey/scan.h"
#include "setkey/words.h"

static bool
set_quit(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct setkey_script *script = into;
	struct words w = { ctx, s, 1 };

	(void)row;
	script->quit = true;
	return words_end(&w);
}

const struct conf_row setkey_commands[] = {
	{ .keyword = "add", .shape = "[-46n] src dst protocol spi [extensions] algorithm ...;",
		.set = set_sa_add, .help = "add an SA" },
	{ .keyword = "update", .shape = "[-46n] src dst protocol spi [extensions] algorithm ...;",
		.set = set_sa_update, .help = "replace an SA's keys and limits" },
	{ .keyword = "getspi",
		.shape = "[-46n] src dst protocol [least[-greatest]] [-m mode] [-u id];",
		.set = set_sa_getspi, .help = "take a free SPI for an SA to come" },
	{ .keyword = "get", .shape = "[-46n] src dst protocol spi;", .set = set_sa_get,
		.help = "show one SA" },
	{ .keyword = "delete", .shape = "[-46n] src dst protocol spi;", .set = set_sa_delete,
		.help = "delete one SA" },
	{ .keyword = "deleteall", .shape = "[-46n] src dst protocol;", .set = set_sa_deleteall,
		.help = "delete all SAs between two addresses" },
	{ .keyword = "flush", .shape = "[protocol];", .set = set_sa_flush,
		.help = "delete all SAs" },
	{ .keyword = "dump", .shape = "[protocol];", .set = set_sa_dump, .help = "show all SAs" },
	{ .keyword = "spdadd", .shape = "[-46n] src_range dst_range upperspec policy;",
		.set = set_sp_add, .help = "add a policy" },
	{ .keyword = "spdsetidx", .shape = "[-46n] src_range dst_range upperspec policy;",
		.set = set_sp_add, .help = "as spdadd" },
	{ .keyword = "spdupdate", .shape = "[-46n] src_range dst_range upperspec policy;",
		.set = set_sp_update, .help = "add a policy, or replace the one there" },
	{ .keyword = "spddelete", .shape = "[-46n] src_range dst_range upperspec -P direction;",
		.set = set_sp_delete, .help = "delete a policy" },
	{ .keyword = "spdflush", .shape = ";", .set = set_sp_flush,
		.help = "delete all policies" },
	{ .keyword = "spddump", .shape = ";", .set = set_sp_dump, .help = "show all policies" },
	{ .keyword = "exit", .shape = ";", .set = set_quit, .help = "read no further" },
	{ .keyword = "quit", .shape = ";", .set = set_quit, .help = "read no further" },
	{ .keyword = "bye", .shape = ";", .set = set_quit, .help = "read no further" },
	{ .keyword = NULL },
};

static bool
grow(struct setkey_script *script)
{
	size_t room = script->room == 0 ? 16 : script->room * 2;
	struct sadb_msg *msg = calloc(room, sizeof(*msg));
	struct setkey_origin *origin = calloc(room, sizeof(*origin));

	if (msg == NULL || origin == NULL) {
		free(msg);
		free(origin);
		return false;
	}
	for (size_t i = 0; i < script->count; i++) {
		msg[i] = script->msg[i];
		origin[i] = script->origin[i];
		sadb_msg_wipe(&script->msg[i]);
	}
	free(script->msg);
	free(script->origin);
	script->msg = msg;
	script->origin = origin;
	script->room = room;
	return true;
}

static void
drop_requests(struct setkey_script *script)
{
	for (size_t i = 0; i < script->count; i++)
		sadb_msg_wipe(&script->msg[i]);
	script->count = 0;
}

/* A policy and its twin stay in one batch. */
static bool
hand_over(struct setkey_script *script, size_t at_least)
{
	if (script->batch == NULL || script->count < at_least || script->stopped)
		return !script->stopped;
	script->stopped = !script->batch(script->batch_user, script);
	drop_requests(script);
	return !script->stopped;
}

bool
script_add(struct words *w, const struct sadb_msg *m, bool twin)
{
	struct setkey_script *script = w->ctx->user;

	/* Twins depend on what the first reading finds, chapters must not. */
	if (!twin)
		scan_pass(script->scan, m->op);
	if (!script->making) {
		if (script->total++ < SETKEY_REQUESTS_MAX)
			return true;
		words_error(w, NULL, "the script makes more than %d requests", SETKEY_REQUESTS_MAX);
		return false;
	}
	if (!twin && !hand_over(script, SETKEY_BATCH))
		return false;
	if (script->count == script->room && !grow(script)) {
		words_error(w, NULL, "out of memory");
		return false;
	}
	script->msg[script->count] = *m;
	script->origin[script->count] = (struct setkey_origin){ w->s->pos.line, w->s->pos.column,
		twin };
	script->count++;
	return true;
}

static bool
read_text(struct setkey_script *script, const char *file, struct bytes text,
	struct stmt_errors *errors)
{
	struct stmt_reader *r = stmt_open(file, text, errors);
	unsigned before = errors->count;
	bool more = r != NULL && script->scan != NULL;

	if (!more)
		stmt_error(errors, (struct stmt_pos){ file, 1, 1 }, "out of memory");
	/* One arena per statement: a script of any length needs little more than its requests. */
	while (more && !script->quit && !script->stopped) {
		struct conf_ctx ctx = { .arena = arena_new(SETKEY_STATEMENT_MEMORY),
			.errors = errors, .user = script };
		struct stmt *s = NULL;

		if (ctx.arena == NULL)
			stmt_error(errors, (struct stmt_pos){ file, 1, 1 }, "out of memory");
		else
			s = stmt_next(r, ctx.arena);
		if (s != NULL)
			conf_read_stmt(&ctx, setkey_commands, s, script);
		more = s != NULL && errors->count <= STMT_ERRORS_MAX;
		arena_free(ctx.arena);
	}
	stmt_close(r);
	return errors->count == before;
}

bool
setkey_scan(struct setkey_script *script, const char *file, struct bytes text,
	struct stmt_errors *errors)
{
	scan_free(script->scan);
	script->scan = scan_new();
	script->making = script->quit = script->stopped = false;
	script->total = 0;
	return read_text(script, file, text, errors);
}

bool
setkey_make(struct setkey_script *script, const char *file, struct bytes text)
{
	struct stmt_errors told = { 0 };
	bool good;

	script->making = true;
	script->quit = script->stopped = false;
	if (script->scan != NULL)
		scan_rewind(script->scan);
	good = read_text(script, file, text, &told) && hand_over(script, 1);
	stmt_errors_free(&told);
	return good;
}

bool
setkey_read(struct setkey_script *script, const char *file, struct bytes text,
	struct stmt_errors *errors)
{
	if (!setkey_scan(script, file, text, errors))
		return false;
	if (setkey_make(script, file, text))
		return true;
	stmt_error(errors, (struct stmt_pos){ file, 1, 1 }, "out of memory");
	return false;
}

void
setkey_script_clear(struct setkey_script *script)
{
	drop_requests(script);
	free(script->msg);
	free(script->origin);
	scan_free(script->scan);
	script->msg = NULL;
	script->origin = NULL;
	script->scan = NULL;
	script->room = script->total = 0;
	script->making = script->quit = script->stopped = false;
}
