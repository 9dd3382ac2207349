/*
 * svc.c - the services file, read with directive tables (see svc.h).
 *
 * Called by the master server at start and by RELOAD.  Opens nothing: the caller loads the text.
 * What is wrong with the file is reported all at once, and then nothing of it is used.
 */
#include "lib/svc.h"

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

/* "NAME=value" words, kept in an array of SVC_ENV_MAX. */
static bool
add_pairs(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, const char **to,
	size_t *count, size_t max)
{
	if (s->words < 2) {
		stmt_error(ctx->errors, s->end, "\"%s\" is incomplete: expected \"%s %s\"",
			row->keyword, row->keyword, row->shape);
		return false;
	}
	for (size_t i = 1; i < s->words; i++) {
		const char *text = s->word[i].text, *equals = strchr(text, '=');

		if (s->word[i].kind != STMT_STRING || equals == NULL || equals == text) {
			stmt_error(ctx->errors, s->word[i].pos,
				"expected \"NAME=value\" in quotes: %s %s", row->keyword,
				row->shape);
			return false;
		}
		if (*count == max) {
			stmt_error(ctx->errors, s->word[i].pos, "at most %zu are allowed", max);
			return false;
		}
		to[(*count)++] = text;
	}
	return true;
}

static bool
set_environment(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct svc_conf *c = into;

	return add_pairs(ctx, row, s, c->environment, &c->environments, SVC_ENV_MAX);
}

static bool
set_logical(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct svc_conf *c = into;

	return add_pairs(ctx, row, s, c->logical, &c->logicals, SVC_LOGICALS_MAX);
}

static bool
print_pairs(const char *const *pair, size_t count, struct text *out)
{
	for (size_t i = 0; i < count; i++)
		text_addf(out, "%s\"%s\"", i > 0 ? " " : "", pair[i]);
	return count > 0;
}

static bool
print_environment(const struct conf_row *row, const void *from, struct text *out)
{
	const struct svc_conf *c = from;

	(void)row;
	return print_pairs(c->environment, c->environments, out);
}

static bool
print_logical(const struct conf_row *row, const void *from, struct text *out)
{
	const struct svc_conf *c = from;

	(void)row;
	return print_pairs(c->logical, c->logicals, out);
}

/* ------------------------------------------------------------------ who may use it */

/* The row's default tells which of the four lists it is. */
enum { RULE_ACCEPT = 1, RULE_NET = 2 };
enum { SVC_FIRST = 4 }; /* services there is room for at first */

static bool
set_rules(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct svc_conf *c = into;
	bool is_net = (row->def & RULE_NET) != 0, accept = (row->def & RULE_ACCEPT) != 0;

	if (s->words < 2) {
		stmt_error(ctx->errors, s->end, "\"%s\" is incomplete: expected \"%s %s\"",
			row->keyword, row->keyword, row->shape);
		return false;
	}
	for (size_t i = 1; i < s->words; i++) {
		if (s->word[i].kind == STMT_COMMA)
			continue;
		if (c->access.count == ACC_RULES_MAX) {
			stmt_error(ctx->errors, s->word[i].pos, "at most %d hosts and nets",
				ACC_RULES_MAX);
			return false;
		}
		if (!acc_rule_parse(s->word[i].text, is_net, accept,
			    &c->access.rule[c->access.count])) {
			stmt_error(ctx->errors, s->word[i].pos,
				"\"%s\" is no %s: names are not looked up", s->word[i].text,
				is_net ? "net, as in 10.1.0.0/16" : "address, as in 10.1.2.3");
			return false;
		}
		c->access.count++;
	}
	return true;
}

static bool
print_rules(const struct conf_row *row, const void *from, struct text *out)
{
	const struct svc_conf *c = from;
	bool is_net = (row->def & RULE_NET) != 0, accept = (row->def & RULE_ACCEPT) != 0;
	size_t before = out->n;
	char buf[NET_PREFIX_TEXT];

	for (size_t i = 0; i < c->access.count; i++) {
		const struct acc_rule *r = &c->access.rule[i];

		if (r->is_net == is_net && r->accept == accept)
			text_addf(out, "%s%s", out->n > before ? " " : "",
				net_prefix_text(buf, sizeof(buf), &r->net));
	}
	return out->n > before;
}

/* ------------------------------------------------------------------ where NETCONTROL listens */

static const struct conf_word role_words[] = {
	{ "reader", CTL_READER },
	{ "operator", CTL_OPERATOR },
	{ NULL, 0 },
};

static bool
is_loopback(const struct net_addr *a)
{
	struct net_prefix four, six;

	return net_prefix_parse("127.0.0.0/8", &four) && net_prefix_parse("::1", &six) &&
		(net_prefix_contains(&four, a) || net_prefix_contains(&six, a));
}

/* listen address [port] role;  listen-tls address [port]; */
static bool
set_listen(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct svc_conf *c = into;
	struct svc_listen l = { .tls = row->def != 0, .role = CTL_NOBODY };
	int64_t port = l.tls ? SVC_TLS_PORT : SVC_PORT, role = CTL_READER;
	size_t i = 2;

	if (s->words < 2 || s->word[1].kind != STMT_BARE ||
		!net_addr_parse(s->word[1].text, &l.at.addr)) {
		stmt_error(ctx->errors, s->words < 2 ? s->end : s->word[1].pos,
			"expected \"%s %s\"", row->keyword, row->shape);
		return false;
	}
	if (i < s->words && s->word[i].kind == STMT_BRACKET &&
		!stmt_number(&s->word[i++], 1, 65535, &port, ctx->errors))
		return false;
	if (!l.tls && i < s->words &&
		!conf_word_value(ctx, role_words, &s->word[i++], &role))
		return false;
	if (i < s->words) {
		stmt_error(ctx->errors, s->word[i].pos, "unexpected \"%s\": expected \"%s %s\"",
			s->word[i].text, row->keyword, row->shape);
		return false;
	}
	if (!l.tls && !is_loopback(&l.at.addr)) {
		stmt_error(ctx->errors, s->word[1].pos, "%s is no loopback address: whoever comes "
			"from another host must show a certificate, use listen-tls",
			s->word[1].text);
		return false;
	}
	if (c->listens == SVC_LISTEN_MAX) {
		stmt_error(ctx->errors, s->pos, "at most %d are allowed", SVC_LISTEN_MAX);
		return false;
	}
	l.at.port = (uint16_t)port;
	l.role = l.tls ? CTL_NOBODY : (enum ctl_role)role;
	c->listen[c->listens++] = l;
	return true;
}

/* Several statements: conf_print ends the last one. */
static bool
print_listen(const struct conf_row *row, const void *from, struct text *out)
{
	const struct svc_conf *c = from;
	size_t before = out->n;
	char buf[NET_ADDR_TEXT];

	for (size_t i = 0; i < c->listens; i++) {
		const struct svc_listen *l = &c->listen[i];

		if (l->tls != (row->def != 0))
			continue;
		if (out->n > before)
			text_addf(out, ";\n\t%s ", row->keyword);
		text_addf(out, "%s [%u]", net_addr_text(buf, sizeof(buf), &l->at.addr), l->at.port);
		if (!l->tls)
			text_addf(out, " %s", l->role == CTL_OPERATOR ? "operator" : "reader");
	}
	return out->n > before;
}

static bool
set_certificate(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct svc_conf *c = into;
	int64_t role;

	if (s->words != 3 || s->word[1].kind != STMT_STRING) {
		stmt_error(ctx->errors, s->words > 1 ? s->word[1].pos : s->end,
			"expected \"%s %s\"", row->keyword, row->shape);
		return false;
	}
	if (!conf_word_value(ctx, role_words, &s->word[2], &role))
		return false;
	if (c->subjects == SVC_SUBJECTS_MAX) {
		stmt_error(ctx->errors, s->pos, "at most %d are allowed", SVC_SUBJECTS_MAX);
		return false;
	}
	c->subject[c->subjects++] = (struct svc_subject){ s->word[1].text, (enum ctl_role)role };
	return true;
}

static bool
print_certificate(const struct conf_row *row, const void *from, struct text *out)
{
	const struct svc_conf *c = from;

	for (size_t i = 0; i < c->subjects; i++) {
		if (i > 0)
			text_addf(out, ";\n\t%s ", row->keyword);
		text_addf(out, "\"%s\" %s", c->subject[i].glob,
			c->subject[i].role == CTL_OPERATOR ? "operator" : "reader");
	}
	return c->subjects > 0;
}

/* ------------------------------------------------------------------ the tables */

static const struct conf_word restart_words[] = {
	{ "never", SUPER_NEVER },
	{ "on-failure", SUPER_ON_FAILURE },
	{ "always", SUPER_ALWAYS },
	{ NULL, 0 },
};

#define AT(field) offsetof(struct svc_conf, field)
enum { SECOND = 1000, HOUR = 3600 * SECOND };

/* Every service has these. */
#define ACCESS_ROWS                                                                                \
	{ "accept-hosts", "address …;", set_rules, print_rules, 0, NULL, 0, 0, RULE_ACCEPT,      \
		"hosts that may use it over IP; any rule here refuses all others" },               \
	{ "accept-nets", "net/bits …;", set_rules, print_rules, 0, NULL, 0, 0,                   \
		RULE_ACCEPT | RULE_NET, "nets that may use it over IP" },                          \
	{ "reject-hosts", "address …;", set_rules, print_rules, 0, NULL, 0, 0, 0,                \
		"hosts that may not" },                                                            \
	{ "reject-nets", "net/bits …;", set_rules, print_rules, 0, NULL, 0, 0, RULE_NET,         \
		"nets that may not" },                                                             \
	{ "reject-message", "\"text\";", conf_set_string, NULL, AT(reject_message), NULL, 0, 0, 0, \
		"what is said to those who are refused" },                                         \
	{ "log-accepts", "(on|off);", conf_set_switch, NULL, AT(log_accepts), NULL, 0, 1, 0,       \
		"write down who came over IP" },                                                   \
	{ "log-rejects", "(on|off);", conf_set_switch, NULL, AT(log_rejects), NULL, 0, 1, 1,       \
		"write down who was refused" },                                                    \
	{ "max-sessions", "number;", conf_set_number, NULL, AT(max_sessions), NULL, 0, 4096, 0,    \
		"at most so many requests (of NETCONTROL: sessions) at once; 0 = 4096" }

#define SET_STRING(keyword, shape, field, help)                                                    \
	{ keyword, shape, conf_set_string, NULL, AT(field), NULL, 0, 0, 0, help }

static const struct conf_row netcontrol_rows[] = {
	{ "listen", "loopback-address [port] (reader|operator);", set_listen, print_listen, 0, NULL,
		0, 0, 0, "take sessions over TCP from this host, without asking who" },
	{ "listen-tls", "address [port];", set_listen, print_listen, 0, NULL, 0, 0, 1,
		"take sessions over TLS 1.3 from whoever has a certificate" },
	SET_STRING("tls-certificate", "\"file\";", tls_certificate, "our certificate, PEM"),
	SET_STRING("tls-key", "\"file\";", tls_key, "its private key, closed to others"),
	SET_STRING("tls-authority", "\"file\";", tls_authority,
		"authority of the certificates that are accepted"),
	SET_STRING("tls-revoked", "\"file\";", tls_revoked,
		"its list of revoked certificates, read anew by RELOAD"),
	{ "certificate", "\"subject\" (reader|operator);", set_certificate, print_certificate, 0,
		NULL, 0, 0, 0,
		"role of certificates whose subject fits (* and ?); the first fit counts" },
	{ "idle-time", "number unit;", conf_set_time, NULL, AT(idle_ms), NULL, 0, 24 * HOUR, 0,
		"end sessions that ask nothing for so long; 0 = never" },
	{ "rate", "number;", conf_set_number, NULL, AT(rate), NULL, 0, 1000000, 600,
		"connections a minute from one address; 0 = no limit" },
	ACCESS_ROWS,
	{ .keyword = NULL },
};

static const struct conf_row internal_rows[] = {
	{ "enable", "(on|off);", conf_set_switch, NULL, AT(enable), NULL, 0, 1, 1,
		"start it when the server starts" },
	ACCESS_ROWS,
	{ .keyword = NULL },
};

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
		"where its output goes, or OPCOM: to MONITOR; default: the server's own" },
	SET_STRING("user", "name;", user, "who runs it; default: who runs the server"),
	{ "environment", "\"NAME=value\" …;", set_environment, print_environment, 0, NULL, 0, 0,
		0, "environment variables" },
	{ "logical", "\"NAME=value[,value]\" …;", set_logical, print_logical, 0, NULL, 0, 0, 0,
		"logical names that it alone sees, before those of the system" },
	{ "priority", "number;", conf_set_number, NULL, AT(priority), NULL, -20, 19, 0,
		"nice value: lower is served first" },
	ACCESS_ROWS,
	{ .keyword = NULL },
};

#undef AT

const char *const svc_internal_names[] = { "NETCONTROL", "LOGICALS", NULL };

static const char *
internal_name(const char *name)
{
	for (size_t i = 0; svc_internal_names[i] != NULL; i++)
		if (strcmp(svc_internal_names[i], name) == 0)
			return svc_internal_names[i];
	return NULL;
}

static const struct conf_row *
rows_of(const struct svc_conf *c)
{
	if (c->internal == NULL)
		return service_rows;
	return strcmp(c->internal, svc_internal_names[0]) == 0 ? netcontrol_rows : internal_rows;
}

/* NULL: out of memory.  Those there were may have moved. */
static struct svc_conf *
new_service(struct svc_file *f, const char *name)
{
	struct svc_conf *c = f->service;

	if (f->services == f->room) {
		size_t room = f->room == 0 ? SVC_FIRST : 2 * f->room;

		c = arena_array(f->arena, room, sizeof(*c));
		if (c == NULL)
			return NULL;
		if (f->services > 0)
			memcpy(c, f->service, f->services * sizeof(*c));
		f->service = c;
		f->room = room;
	}
	c = &f->service[f->services++];
	c->name = name;
	c->internal = internal_name(name);
	conf_defaults(rows_of(c), c);
	if (c->internal != NULL)
		c->enable = true;
	return c;
}

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
	c = new_service(f, name);
	if (c == NULL) {
		stmt_error(ctx->errors, s->pos, "out of memory");
		return false;
	}
	c->pos = s->pos;
	if (!conf_read_block(ctx, rows_of(c), s->block, s->block_count, c))
		return false;
	if (c->internal == NULL && (c->program == NULL || c->program[0] == '\0')) {
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
	{ "reader-group", "name;", conf_set_string, NULL, AT(reader_group), NULL, 0, 0, 0,
		"group that may only look, on the operators' socket" },
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
	unsigned errors_before = errors->count;
	size_t done = 0, before;
	bool placed[SVC_MAX + SVC_INTERNAL_MAX] = { false };

	for (size_t i = 0; i < f->services; i++)
		for (size_t k = 0; k < f->service[i].afters; k++)
			if (svc_find(f, f->service[i].after[k]) == NULL)
				stmt_error(errors, f->service[i].after_pos[k],
					"no service %s in this file",
					f->service[i].after[k]);
	if (errors->count > errors_before)
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

/* One of the master's own, that the file does not speak of. */
static void
add_implied(struct svc_file *f, const char *name, struct stmt_errors *errors)
{
	struct svc_conf *c = svc_find(f, name) != NULL ? NULL : new_service(f, name);

	if (c != NULL)
		c->implied = true;
	else if (svc_find(f, name) == NULL)
		stmt_error(errors, (struct stmt_pos){ name, 1, 1 }, "out of memory");
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
	for (size_t i = 0; svc_internal_names[i] != NULL; i++)
		add_implied(f, svc_internal_names[i], errors);
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

void
svc_print_one(const struct svc_conf *c, bool all, struct text *out)
{
	text_addf(out, "service %s {\n", c->name);
	conf_print(rows_of(c), c, "\t", all, out);
	text_add(out, "}\n");
}

const struct conf_row *
svc_rows(const struct svc_conf *c)
{
	return c != NULL ? rows_of(c) : file_rows;
}

bool
svc_same(const struct svc_conf *a, const struct svc_conf *b)
{
	struct text ta = { 0 }, tb = { 0 };
	bool same;

	svc_print_one(a, false, &ta);
	svc_print_one(b, false, &tb);
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
		if (!f->service[i].implied)
			svc_print_one(&f->service[i], false, out);
}
