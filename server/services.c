/*
 * services.c - the services file, read with directive tables (see services.h).
 *
 * Called by the master server at start and by RELOAD.  Opens nothing: the caller loads the text.
 * What is wrong with the file is reported all at once, and then nothing of it is used.
 */
#include "server/services.h"

#include <stdio.h>
#include <string.h>

#include "lib/conf.h"

const char svc_default[] =
	"service IPSEC { program \"ipsecd\"; arguments \"-F\"; }\n"
	"service RACOON { program \"racoon\"; arguments \"-F\"; after IPSEC; }\n";

static bool
set_arguments(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct svc_conf *c = into;

	c->arguments = 0;
	for (size_t i = 1; i < s->words; i++) {
		if (s->word[i].kind != STMT_STRING && s->word[i].kind != STMT_BARE) {
			stmt_error(ctx->errors, s->word[i].pos, "expected \"%s %s\"", row->keyword,
				row->shape);
			return false;
		}
		if (c->arguments == SVC_ARGS_MAX) {
			stmt_error(ctx->errors, s->word[i].pos, "at most %d arguments are allowed",
				SVC_ARGS_MAX);
			return false;
		}
		c->argument[c->arguments++] = s->word[i].text;
	}
	c->argument[c->arguments] = NULL;
	return true;
}

static bool
print_arguments(const struct conf_row *row, const void *from, struct text *out)
{
	const struct svc_conf *c = from;

	(void)row;
	for (size_t i = 0; i < c->arguments; i++)
		text_addf(out, "%s\"%s\"", i > 0 ? " " : "", c->argument[i]);
	return c->arguments > 0;
}

/* A service's name in upper case, or NULL and an error. */
static const char *
service_name(struct conf_ctx *ctx, const struct stmt_word *w)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-$";
	size_t n = strlen(w->text);
	char *name;

	if (w->kind == STMT_BRACKET || w->kind == STMT_COMMA || n == 0 || n > SVC_NAME_MAX ||
		strspn(w->text, allowed) != n) {
		stmt_error(ctx->errors, w->pos,
			"expected a service name: letters, digits, _ - $, at most %d",
			SVC_NAME_MAX);
		return NULL;
	}
	name = arena_strdup(ctx->arena, w->text);
	if (name == NULL) {
		stmt_error(ctx->errors, w->pos, "out of memory");
		return NULL;
	}
	for (char *p = name; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	return name;
}

static bool
set_after(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct svc_conf *c = into;

	if (s->words < 2) {
		stmt_error(ctx->errors, s->end, "\"%s\" is incomplete: expected \"%s %s\"",
			row->keyword, row->keyword, row->shape);
		return false;
	}
	for (size_t i = 1; i < s->words; i++) {
		const char *name;

		if (s->word[i].kind == STMT_COMMA)
			continue;
		if (c->afters == SVC_AFTER_MAX) {
			stmt_error(ctx->errors, s->word[i].pos, "at most %d services are allowed",
				SVC_AFTER_MAX);
			return false;
		}
		name = service_name(ctx, &s->word[i]);
		if (name == NULL)
			return false;
		c->after_pos[c->afters] = s->word[i].pos;
		c->after[c->afters++] = name;
	}
	return true;
}

static bool
print_after(const struct conf_row *row, const void *from, struct text *out)
{
	const struct svc_conf *c = from;

	(void)row;
	for (size_t i = 0; i < c->afters; i++)
		text_addf(out, "%s%s", i > 0 ? " " : "", c->after[i]);
	return c->afters > 0;
}

static const struct conf_word restart_words[] = {
	{ "never", SUPER_NEVER },
	{ "on-failure", SUPER_ON_FAILURE },
	{ "always", SUPER_ALWAYS },
	{ NULL, 0 },
};

#define AT(field) offsetof(struct svc_conf, field)
enum { SECOND = 1000, HOUR = 3600 * SECOND };

static const struct conf_row service_rows[] = {
	{ "program", "\"file\";", conf_set_string, NULL, AT(program), NULL, 0, 0, 0,
		"program to run: beside the server, then along PATH, unless it holds a /" },
	{ "arguments", "\"word\" …;", set_arguments, print_arguments, 0, NULL, 0, 0, 0,
		"its arguments" },
	{ "after", "SERVICE …;", set_after, print_after, 0, NULL, 0, 0, 0,
		"start after these are ready, stop before them" },
	{ "enable", "(on|off);", conf_set_switch, NULL, AT(enable), NULL, 0, 1, 1,
		"start it when the server starts" },
	{ "restart", "(never|on-failure|always);", conf_set_word, NULL, AT(policy.restart),
		restart_words, 0, 0, SUPER_ON_FAILURE, "when to start it again after it ended" },
	{ "readiness", "(on|off);", conf_set_switch, NULL, AT(policy.readiness), NULL, 0, 1, 1,
		"it says READY and takes commands on its channel" },
	{ "ready-time", "number unit;", conf_set_time, NULL, AT(policy.ready_ms), NULL, 100, HOUR,
		10 * SECOND, "how long it may take to be ready" },
	{ "stop-time", "number unit;", conf_set_time, NULL, AT(policy.stop_ms), NULL, 100, HOUR,
		5 * SECOND, "how long it may take to end before it gets SIGTERM" },
	{ "backoff", "number unit;", conf_set_time, NULL, AT(policy.backoff_ms), NULL, 0, HOUR,
		1 * SECOND, "pause before the first restart; doubles with each failure" },
	{ "backoff-limit", "number unit;", conf_set_time, NULL, AT(policy.backoff_max_ms), NULL, 0,
		24 * HOUR, 60 * SECOND, "longest pause between restarts" },
	{ "stable-time", "number unit;", conf_set_time, NULL, AT(policy.stable_ms), NULL, 0,
		24 * HOUR,
		60 * SECOND, "after running this long, earlier failures are forgotten" },
	{ "attempts", "number;", conf_set_number, NULL, AT(policy.attempts), NULL, 0, 1000000, 0,
		"failures in a row before it is given up; 0 = never" },
	{ "log-file", "\"file\";", conf_set_string, NULL, AT(log_file), NULL, 0, 0, 0,
		"where its output goes; default: the server's own" },
	{ .keyword = NULL },
};

#undef AT

static bool
set_service(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct svc_file *f = into;
	struct svc_conf *c;
	const char *name;

	if (s->words != 2) {
		stmt_error(ctx->errors, s->pos, "expected \"%s %s\"", row->keyword, row->shape);
		return false;
	}
	name = service_name(ctx, &s->word[1]);
	if (name == NULL)
		return false;
	if (strcmp(name, "NETCONTROL") == 0) {
		stmt_error(ctx->errors, s->word[1].pos, "NETCONTROL is the master server itself");
		return false;
	}
	if (svc_find(f, name) != NULL) {
		stmt_error(ctx->errors, s->word[1].pos,
			"service %s is given twice: it is at line %u already",
			name, svc_find(f, name)->pos.line);
		return false;
	}
	if (f->services == SVC_MAX) {
		stmt_error(ctx->errors, s->pos, "at most %d services are allowed", SVC_MAX);
		return false;
	}
	c = &f->service[f->services++];
	conf_defaults(service_rows, c);
	c->name = name;
	c->pos = s->pos;
	if (!conf_read_block(ctx, service_rows, s->block, s->block_count, c))
		return false;
	if (c->program == NULL || c->program[0] == '\0') {
		stmt_error(ctx->errors, s->end,
			"service %s has no program: expected program \"file\";",
			name);
		return false;
	}
	return true;
}

#define AT(field) offsetof(struct svc_file, field)

static const struct conf_row file_rows[] = {
	{ "socket", "\"path\";", conf_set_string, NULL, AT(socket), NULL, 0, 0, 0,
		"control socket of the operators" },
	{ "reader-socket", "\"path\";", conf_set_string, NULL, AT(reader_socket), NULL, 0, 0, 0,
		"control socket of those who may only look; none when not given" },
	{ "group", "name;", conf_set_string, NULL, AT(group), NULL, 0, 0, 0,
		"group that may use the operators' socket" },
	{ "log-file", "\"file\";", conf_set_string, NULL, AT(log_file), NULL, 0, 0, 0,
		"log of the server" },
	{ "service", "NAME { … }", set_service, NULL, 0, NULL, 0, 0, 0, "a service" },
	{ .keyword = NULL },
};

#undef AT

/* Every `after` must name a service, and following them must come to an end. */
static void
check_after(const struct svc_file *f, struct stmt_errors *errors)
{
	size_t done = 0, before;
	bool placed[SVC_MAX] = { false };

	for (size_t i = 0; i < f->services; i++)
		for (size_t k = 0; k < f->service[i].afters; k++)
			if (svc_find(f, f->service[i].after[k]) == NULL)
				stmt_error(errors, f->service[i].after_pos[k],
					"no service %s in this file",
					f->service[i].after[k]);
	if (errors->count > 0)
		return;
	do { /* place whatever waits for nothing that is not placed */
		before = done;
		for (size_t i = 0; i < f->services; i++) {
			bool free_to_go = !placed[i];

			for (size_t k = 0; k < f->service[i].afters && free_to_go; k++)
				free_to_go = placed[svc_find(f,
					f->service[i].after[k]) - f->service];
			if (free_to_go) {
				placed[i] = true;
				done++;
			}
		}
	} while (done > before);
	for (size_t i = 0; i < f->services; i++)
		if (!placed[i]) {
			stmt_error(errors, f->service[i].after_pos[0],
				"service %s is, in the end, after itself", f->service[i].name);
			return;
		}
}

struct svc_file *
svc_read(const char *name, struct bytes text, struct stmt_errors *errors)
{
	struct arena *arena = arena_new(SVC_FILE_CAP);
	struct conf_ctx ctx = { .arena = arena, .errors = errors };
	struct stmt_reader *r = NULL;
	struct svc_file *f = NULL;
	struct stmt *s;
	unsigned before = errors->count;

	if (arena != NULL) {
		f = arena_alloc(arena, sizeof(*f));
		r = stmt_open(name, text, errors);
	}
	if (f == NULL || r == NULL) {
		stmt_error(errors, (struct stmt_pos){ name, 1, 1 }, "out of memory");
		goto out;
	}
	f->arena = arena;
	while ((s = stmt_next(r, arena)) != NULL)
		(void)conf_read_stmt(&ctx, file_rows, s, f);
	if (errors->count == before)
		check_after(f, errors);
out:
	if (r != NULL)
		stmt_close(r);
	if (errors->count == before && f != NULL)
		return f;
	arena_free(arena);
	return NULL;
}

void
svc_file_free(struct svc_file *f)
{
	if (f != NULL)
		arena_free(f->arena); /* which holds f itself */
}

const struct svc_conf *
svc_find(const struct svc_file *f, const char *name)
{
	for (size_t i = 0; i < f->services; i++)
		if (text_same(f->service[i].name, name))
			return &f->service[i];
	return NULL;
}

static void
print_one(const struct svc_conf *c, struct text *out)
{
	text_addf(out, "service %s {\n", c->name);
	conf_print(service_rows, c, "\t", false, out);
	text_add(out, "}\n");
}

bool
svc_same(const struct svc_conf *a, const struct svc_conf *b)
{
	struct text ta = { 0 }, tb = { 0 };
	bool same;

	print_one(a, &ta);
	print_one(b, &tb);
	same = !ta.failed && !tb.failed && strcmp(text_str(&ta), text_str(&tb)) == 0;
	text_free(&ta);
	text_free(&tb);
	return same;
}

void
svc_print(const struct svc_file *f, struct text *out)
{
	conf_print(file_rows, f, "", false, out);
	for (size_t i = 0; i < f->services; i++)
		print_one(&f->service[i], out);
}
