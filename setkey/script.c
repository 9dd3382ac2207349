/*
 * script.c - setkey's statements as a directive table, and the list of requests they make.
 *
 * Called by setkey_main.c and the tests.  It sends nothing and opens nothing; names are resolved by
 * whoever the script's resolver is.
 */
#include "setkey/script.h"

#include <stdlib.h>
#include <string.h>

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

bool
script_add(struct words *w, const struct sadb_msg *m, bool twin)
{
	struct setkey_script *script = w->ctx->user;

	if (script->count >= SETKEY_REQUESTS_MAX) {
		words_error(w, NULL, "the script makes more than %d requests", SETKEY_REQUESTS_MAX);
		return false;
	}
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

bool
setkey_read(struct setkey_script *script, const char *file, struct bytes text,
	struct stmt_errors *errors)
{
	struct stmt_reader *r = stmt_open(file, text, errors);
	unsigned before = errors->count;
	bool more = r != NULL;

	if (r == NULL)
		stmt_error(errors, (struct stmt_pos){ file, 1, 1 }, "out of memory");
	/* One arena per statement: a script of any length needs little more than its requests. */
	while (more && !script->quit) {
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

void
setkey_script_clear(struct setkey_script *script)
{
	for (size_t i = 0; i < script->count; i++)
		sadb_msg_wipe(&script->msg[i]);
	free(script->msg);
	free(script->origin);
	script->msg = NULL;
	script->origin = NULL;
	script->count = script->room = script->forwards = 0;
	script->quit = false;
}
