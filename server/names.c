/*
 * names.c - the service LOGICALS: the system's logical names, shown, changed and saved; and what
 * each service sampled of them.
 *
 * The tables are the server's (server->lnm).  A service gets them when it is started, as they are
 * then; who changes a name restarts the service that reads it.  The commands are DCL's, lnm_command
 * carries them out; here the default table is the system's.
 */
#include "server/server.h"

#include <stdio.h>
#include <string.h>

static const char *
rest_of(const struct ctl_call *call)
{
	const char *p = call->line + call->cmd->word_at[call->first];

	p += strcspn(p, " \t/");
	return p;
}

/* Carry out "VERB rest" and end the call with its message, in the command's own words. */
static void
run_command(struct ctl_call *call, const char *verb)
{
	struct server *s = call->user;
	struct text line = { .limit = LNM_LINE_MAX }, out = { 0 }, last = { 0 };
	enum status status;
	char *at;

	text_addf(&line, "%s%s", verb, rest_of(call));
	status = line.failed ? ST_LINELONG : lnm_command(s->lnm, text_str(&line), &out);
	/* The message becomes the answer's last line; what stands before it are data. */
	if (out.n > 0 && (lnm_failed(status) || status == ST_SUPERSEDE || status == ST_NOTRAN)) {
		out.p[--out.n] = '\0';
		at = strrchr(out.p, '\n');
		at = at != NULL ? at + 1 : out.p;
		text_addf(&last, "%03u %s", status_row(status)->reply % 1000u, at);
		*at = '\0';
	}
	ctl_text(call, text_str(&out));
	if (last.n > 0)
		ctl_relay(call, bytes_of(last.p, last.n), true);
	else
		ctl_done(call, status, NULL);
	text_free(&line);
	text_free(&out);
	text_free(&last);
}

static void
change(struct ctl_call *call, const char *verb)
{
	struct text line = { .limit = LNM_LINE_MAX }, request = { 0 };
	bool of_a_process;

	text_addf(&line, "%s%s", verb, rest_of(call));
	of_a_process = lnm_for_server(text_str(&line), &request) == ST_NOTRAN;
	text_free(&line);
	text_free(&request);
	if (of_a_process)
		ctl_done(call, ST_NOLOGTAB, "the process table is each program's own");
	else
		run_command(call, verb);
}

static void
run_define(struct ctl_call *call)
{
	change(call, "DEFINE/SYSTEM");
}

static void
run_assign(struct ctl_call *call)
{
	change(call, "ASSIGN/SYSTEM");
}

static void
run_deassign(struct ctl_call *call)
{
	change(call, "DEASSIGN/SYSTEM");
}

static void
run_export(struct ctl_call *call)
{
	struct server *s = call->user;
	struct text out = { 0 };

	for (enum lnm_table t = LNM_JOB; t < LNM_TABLES; t++)
		lnm_write(s->lnm, t, &out);
	ctl_text(call, text_str(&out));
	text_free(&out);
	ctl_done(call, ST_NORMAL, NULL);
}

static void
run_help(struct ctl_call *call)
{
	char *end, topic[64];
	const char *rest = rest_of(call);
	struct text out = { 0 };

	rest += strspn(rest, " \t");
	snprintf(topic, sizeof(topic), "%s", rest);
	end = topic + strcspn(topic, " \t");
	*end = '\0';
	if (!verb_help(logicals_verbs, "LOGICALS", topic[0] != '\0' ? topic : NULL, &out)) {
		ctl_done(call, ST_NOTOPIC, "\\%s\\", topic);
	} else {
		ctl_text(call, text_str(&out));
		ctl_done(call, ST_NORMAL, NULL);
	}
	text_free(&out);
}

/* ------------------------------------------------------------------ known names */

static void
run_names(struct ctl_call *call)
{
	struct server *s = call->user;

	ctl_line(call, "%-44s %-11s %s", "Name", "Read by", "Value");
	for (const struct lnm_known *k = lnm_known; k->name != NULL; k++) {
		const char *value = lnm_value(s->lnm, k->name, 0);

		ctl_line(call, "%-44s %-11s %s", k->name, k->reader, k->value);
		ctl_line(call, "  %s", k->meaning);
		if (k->waiting)
			ctl_line(call, "  Waits for %s, which is not there yet.", k->reader);
		if (value != NULL)
			ctl_line(call, "  Now: \"%s\"", value);
	}
	ctl_done(call, ST_NORMAL, NULL);
}

/* ------------------------------------------------------------------ what services sampled */

void
svc_names(struct svc *svc, struct text *out)
{
	struct server *s = svc->server;

	/* Its own first: in the job table they stand before the system's. */
	for (size_t i = 0; svc->conf != NULL && i < svc->conf->logicals; i++) {
		const char *pair = svc->conf->logical[i], *equals = strchr(pair, '=');

		text_addf(out, "DEFINE/JOB \"%.*s\" ", (int)(equals - pair), pair);
		for (const char *p = equals + 1;; p++) {
			size_t n = strcspn(p, ",");

			text_addf(out, "\"%.*s\"", (int)n, p);
			p += n;
			if (*p == '\0')
				break;
			text_add(out, ",");
		}
		text_add(out, "\n");
	}
	for (enum lnm_table t = LNM_JOB; t < LNM_TABLES; t++)
		lnm_write(s->lnm, t, out);
}

bool
svc_sample(struct svc *svc, const char *lines)
{
	struct lnm *l = lnm_new();
	struct text errors = { 0 };
	bool good = l != NULL &&
		lnm_load_text(l, svc->name, bytes_str(lines), &errors) == ST_NORMAL;

	text_free(&errors);
	if (!good) {
		lnm_free(l);
		return false;
	}
	lnm_free(svc->sampled);
	svc->sampled = l;
	svc->sampled_at = when_wall();
	return true;
}

/* The values of a name in the tables that services share, "a,b"; false: there is none. */
static bool
value_of(const struct lnm *l, const char *name, struct text *out)
{
	const struct lnm_name *n = NULL;

	text_clear(out);
	for (enum lnm_table t = LNM_JOB; t < LNM_TABLES && n == NULL; t++)
		n = lnm_in_table(l, t, name);
	for (size_t i = 0; n != NULL && i < n->count; i++)
		text_addf(out, "%s%s", i > 0 ? "," : "", n->value[i].text);
	return n != NULL;
}

struct walk { /* over the names that a service sampled, or would sample now */
	struct lnm *now;
	struct text was_value, now_value;
};

static bool
walk_open(struct walk *w, struct svc *svc)
{
	struct text lines = { 0 }, errors = { 0 };

	*w = (struct walk){ .now = lnm_new() };
	svc_names(svc, &lines);
	if (w->now != NULL && lnm_load_text(w->now, svc->name, bytes_str(text_str(&lines)),
				      &errors) != ST_NORMAL) {
		lnm_free(w->now);
		w->now = NULL;
	}
	text_free(&lines);
	text_free(&errors);
	return w->now != NULL;
}

static void
walk_close(struct walk *w)
{
	lnm_free(w->now);
	text_free(&w->was_value);
	text_free(&w->now_value);
}

enum difference { DIFF_NONE, DIFF_CHANGED, DIFF_NEW, DIFF_GONE };

static enum difference
differs(struct walk *w, struct svc *svc, const char *name)
{
	bool was = value_of(svc->sampled, name, &w->was_value);
	bool is = value_of(w->now, name, &w->now_value);

	if (was != is)
		return was ? DIFF_GONE : DIFF_NEW;
	return strcmp(text_str(&w->was_value), text_str(&w->now_value)) != 0 ? DIFF_CHANGED :
									       DIFF_NONE;
}

/* Every name once: of the sampled ones, then of those that are new. */
static void
each_name(struct walk *w, struct svc *svc, void (*one)(void *user, const char *name,
	enum difference d, struct walk *w), void *user)
{
	const struct lnm *l[2] = { svc->sampled, w->now };
	const struct lnm_name *n;

	for (size_t k = 0; k < 2; k++)
		for (enum lnm_table t = LNM_JOB; t < LNM_TABLES; t++)
			for (size_t i = 0; (n = lnm_at(l[k], t, i)) != NULL; i++) {
				enum difference d = differs(w, svc, n->name);
				bool hidden = false;

				for (enum lnm_table u = LNM_JOB; u < t; u++)
					hidden = hidden || lnm_in_table(l[k], u, n->name) != NULL;
				if (!hidden && (k == 0 || d == DIFF_NEW))
					one(user, n->name, d, w);
			}
}

static void
add_changed(void *user, const char *name, enum difference d, struct walk *w)
{
	struct text *out = user;

	(void)w;
	if (d != DIFF_NONE)
		text_addf(out, "%s%s", out->n > 0 ? ", " : "", name);
}

void
svc_changed_names(struct svc *svc, struct text *out)
{
	struct walk w;

	if (svc->sampled == NULL || svc->pid <= 0)
		return;
	if (walk_open(&w, svc))
		each_name(&w, svc, add_changed, out);
	walk_close(&w);
}

struct shown {
	struct ctl_call *call;
	const char *glob;
};

static void
show_sampled(void *user, const char *name, enum difference d, struct walk *w)
{
	struct shown *s = user;

	if (s->glob != NULL && !text_glob(s->glob, name, true))
		return;
	switch (d) {
	case DIFF_NONE:
		ctl_line(s->call, "  \"%s\" = \"%s\"", name, text_str(&w->was_value));
		break;
	case DIFF_CHANGED:
		ctl_line(s->call, "  \"%s\" = \"%s\", changed since: now \"%s\"", name,
			text_str(&w->was_value), text_str(&w->now_value));
		break;
	case DIFF_NEW:
		ctl_line(s->call, "  \"%s\" was not defined, now \"%s\"", name,
			text_str(&w->now_value));
		break;
	case DIFF_GONE:
		ctl_line(s->call, "  \"%s\" = \"%s\", deassigned since", name,
			text_str(&w->was_value));
		break;
	}
}

static void
run_sampled(struct ctl_call *call)
{
	struct server *s = call->user;
	char name[LNM_NAME_MAX + 1], when[32];
	const char *rest = rest_of(call);
	struct shown shown = { .call = call };

	rest += strspn(rest, " \t");
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest, " \t"), rest);
	shown.glob = name[0] != '\0' ? name : NULL;
	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);
		struct text changed = { .limit = 4096 };
		struct walk w;

		if (svc->sampled == NULL || svc->pid <= 0)
			continue;
		svc_changed_names(svc, &changed);
		ctl_line(call, "%s, sampled %s%s", svc->name,
			when_vms(when, sizeof(when), svc->sampled_at),
			changed.n > 0 ? ": RESTART takes over what has changed" : "");
		text_free(&changed);
		if (walk_open(&w, svc))
			each_name(&w, svc, show_sampled, &shown);
		walk_close(&w);
	}
	ctl_done(call, ST_NORMAL, NULL);
}

static bool
begins(const char *p, const char *word)
{
	char typed[16];
	size_t n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	if (n < 3 || n >= sizeof(typed))
		return false;
	memcpy(typed, p, n);
	typed[n] = '\0';
	return text_prefix(typed, word);
}

/* SHOW [LOGICAL] [name], SHOW TRANSLATION name: without a table named, all of them. */
static void
run_show(struct ctl_call *call)
{
	const char *rest = rest_of(call), *p = rest + strspn(rest, " \t");
	bool named = begins(p, "LOGICAL") || begins(p, "TRANSLATION");

	run_command(call, named ? "SHOW" : "SHOW LOGICAL");
}

const struct verb logicals_verbs[] = {
	{ .name = "ASSIGN", .params = "value[,value...] name", .role = CTL_OPERATOR,
		.run = run_assign, .help = "the same as DEFINE, value first" },
	{ .name = "DEASSIGN", .params = "name", .role = CTL_OPERATOR, .run = run_deassign,
		.help = "remove a name",
		.more = "/ALL removes all names of the table. Qualifiers as for DEFINE." },
	{ .name = "DEFINE", .params = "name value[,value...]", .role = CTL_OPERATOR,
		.run = run_define, .help = "define a logical name in the system table",
		.more = "/GROUP, /JOB or /TABLE=name take another table; /SAVE also writes it\n"
			"into the file, for the next start of the server; /NOLOG,\n"
			"/EXECUTIVE_MODE, /TRANSLATION_ATTRIBUTES=(CONCEALED,TERMINAL).\n"
			"Services sample names when they start: RESTART those that read it." },
	{ .name = "EXPORT", .role = CTL_READER, .run = run_export,
		.help = "the tables as DEFINE commands" },
	{ .name = "HELP", .params = "[topic]", .role = CTL_READER, .run = run_help,
		.help = "list the verbs, or explain one" },
	{ .name = "NAMES", .role = CTL_READER, .run = run_names,
		.help = "names that have a meaning here, who reads them, which wait for whom" },
	{ .name = "SAMPLED", .params = "[name]", .role = CTL_READER, .run = run_sampled,
		.help = "values that running services sampled, and what has changed since" },
	{ .name = "SHOW", .params = "[LOGICAL|TRANSLATION] [name]", .role = CTL_READER,
		.run = run_show, .help = "show names; * and % stand for any characters, one" },
	{ .name = NULL },
};
