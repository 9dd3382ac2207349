/*
 * verbs_show.c - SHOW and ACCOUNTING of the master server.
 *
 * Called for the verbs of that name, and by route.c for a service that is down.
 */
#include "server/server.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/ctl_uv.h"
#include "lib/json.h"

const struct verb_qual server_quals_show[] = {
	{ "FORMAT", "TEXT|JSON", "form of the answer" },
	{ "FULL", NULL, "also what the services file says of it" },
	{ NULL, NULL, NULL },
};

const struct verb_qual server_quals_accounting[] = {
	{ "FORMAT", "TEXT|JSON|CSV", "form of the answer" },
	{ "SERVICE", "name", "only requests to this service" },
	{ "SINCE", "time", "only what came since then" },
	{ "WHO", "name", "only requests of these, * and ? match" },
	{ NULL, NULL, NULL },
};

/* ------------------------------------------------------------------ SHOW */

static void
since_text(struct svc *svc, instant t, char *buf, size_t size)
{
	when_vms(buf, size, server_wall_of(svc->server, t));
}

/* Who may use it, as the services file has it. */
static void
show_access(struct ctl_call *call, const struct svc_conf *c)
{
	char buf[NET_PREFIX_TEXT];

	for (size_t i = 0; i < c->access.count; i++)
		ctl_line(call, "  %s  %s", c->access.rule[i].accept ? "Accepts:" : "Rejects:",
			net_prefix_text(buf, sizeof(buf), &c->access.rule[i].net));
	for (size_t i = 0; i < c->listens; i++) {
		struct net_endpoint at = c->listen[i].at;
		char name[NET_ENDPOINT_TEXT];

		ctl_line(call, "  Listens:  %s, %s", net_endpoint_text(name, sizeof(name), &at),
			c->listen[i].tls ? "TLS" : c->listen[i].role == CTL_OPERATOR ?
			"TCP, operator" : "TCP, reader");
	}
	for (size_t i = 0; i < c->subjects; i++)
		ctl_line(call, "  Role:     %s is %s", c->subject[i].glob,
			c->subject[i].role == CTL_OPERATOR ? "operator" : "reader");
}

/* The stanza with every value in force. */
static void
show_full(struct ctl_call *call, struct svc *svc)
{
	const struct svc_conf *c = svc->conf;

	if (c == NULL)
		return;
	ctl_line(call, "  Enabled:  %s", c->enable ? "on" : "off");
	if (svc->internal == NULL) {
		ctl_line(call, "  User:     %s, priority %d", c->user != NULL ? c->user :
			"that of the server", (int)c->priority);
		for (size_t i = 0; i < c->afters; i++)
			ctl_line(call, "  After:    %s", c->after[i]);
		for (size_t i = 0; i < c->environments; i++)
			ctl_line(call, "  Environment: %s", c->environment[i]);
		for (size_t i = 0; i < c->logicals; i++)
			ctl_line(call, "  Logical:  %s", c->logical[i]);
		ctl_line(call, "  Times:    ready %lld s, stop %lld s, back-off %lld to %lld s",
			(long long)c->policy.ready_ms / 1000, (long long)c->policy.stop_ms / 1000,
			(long long)c->policy.backoff_ms / 1000,
			(long long)c->policy.backoff_max_ms / 1000);
	}
	if (c->max_sessions > 0)
		ctl_line(call, "  Sessions: at most %lld", (long long)c->max_sessions);
	if (c->idle_ms > 0)
		ctl_line(call, "  Idle:     %lld s", (long long)c->idle_ms / 1000);
	show_access(call, c);
}

static void
service_json(struct json *j, struct svc *svc)
{
	const struct super *p = &svc->super;
	struct text why = { .limit = 512 }, changed = { .limit = 4096 };
	char since[32];

	svc_explain(svc, &why);
	svc_changed_names(svc, &changed);
	json_object(j, NULL);
	json_string(j, "service", svc->name);
	json_string(j, "state", super_state_name(p->state));
	json_int(j, "pid", svc->pid);
	json_int(j, "since_ms", server_wall_of(svc->server, p->since).ms);
	json_string(j, "since", when_json(since, sizeof(since),
		server_wall_of(svc->server, p->since)));
	json_bool(j, "internal", svc->internal != NULL);
	json_uint(j, "restarts", p->restarts);
	json_uint(j, "failures", p->failures);
	json_string(j, "reason", p->state == SUPER_RUNNING ? NULL : text_str(&why));
	json_string(j, "program", svc->conf != NULL ? svc->conf->program : NULL);
	json_string(j, "log_file", svc->conf != NULL ? svc->conf->log_file : NULL);
	json_string(j, "logicals_changed", text_str(&changed));
	json_end(j);
	text_free(&why);
	text_free(&changed);
}

static void
show_json(struct ctl_call *call, struct server *s, struct svc *only)
{
	struct text out = { 0 };
	struct json j = json_to(&out);

	json_object(&j, NULL);
	json_string(&j, "schema", "multinet.services");
	json_int(&j, "version", 1);
	json_string(&j, "host", s->host);
	json_int(&j, "pid", getpid());
	json_int(&j, "started_ms", server_wall_of(s, s->started).ms);
	json_array(&j, "services");
	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);

		if (only == NULL || svc == only)
			service_json(&j, svc);
	}
	json_end(&j);
	json_end(&j);
	ctl_text(call, text_str(&out));
	text_free(&out);
}

void
server_show_one(struct ctl_call *call, struct svc *svc)
{
	const struct super *p = &svc->super;
	struct text line = { .limit = 8192 };
	char when[32], delta[32];

	if (call->json) {
		show_json(call, svc->server, svc);
		return;
	}
	since_text(svc, p->since, when, sizeof(when));
	ctl_line(call, "Service %s is %s since %s", svc->name, super_state_phrase(p->state), when);
	if (svc->pid > 0)
		ctl_line(call, "  Process:  pid %d", (int)svc->pid);
	if (p->state != SUPER_RUNNING) {
		svc_explain(svc, &line);
		ctl_line(call, "  Reason:   %s", text_str(&line));
	}
	if (p->why != SUPER_WHY_NEVER && p->ended.ms > 0) {
		text_clear(&line);
		super_explain_exit(p, &line);
		since_text(svc, p->ended, when, sizeof(when));
		when_delta(delta, sizeof(delta), instant_diff(server_now(svc->server), p->ended));
		ctl_line(call, "  Last:     %s, %s, %s ago", text_str(&line), when, delta);
	}
	if (svc->internal == NULL)
		ctl_line(call, "  Restarts: %u since it was started, %u failures in a row",
			p->restarts, p->failures);
	if (svc->internal != NULL)
		ctl_line(call, "  Part of the server: %s", svc->internal->help);
	if (svc->conf != NULL && svc->internal == NULL) {
		text_clear(&line);
		for (size_t i = 0; i < svc->conf->arguments; i++)
			text_addf(&line, " %s", svc->conf->argument[i]);
		ctl_line(call, "  Program:  %s%s", svc->conf->program, text_str(&line));
		if (p->state == SUPER_RUNNING)
			ctl_line(call, "  Log:      %s", svc->conf->log_file != NULL ?
				svc->conf->log_file : svc->server->log_name);
	}
	text_clear(&line);
	svc_changed_names(svc, &line);
	if (line.n > 0)
		ctl_line(call, "  Names:    changed since it was started: %s", text_str(&line));
	if (cmd_qual(call->cmd, "FULL") != NULL)
		show_full(call, svc);
	if (p->state != SUPER_RUNNING && svc->internal == NULL)
		svc_last_words(svc, call);
	text_free(&line);
}

/* ------------------------------------------------------------------ sessions */

static void
one_session(void *user, const struct ctl_peer *peer, int64_t idle_ms, bool busy)
{
	struct ctl_call *call = user;
	char idle[32];

	ctl_line(call, "%-8s  %-13s %s  %s", peer->role == CTL_OPERATOR ? "operator" : "reader",
		when_delta(idle, sizeof(idle), idle_ms), busy ? "busy" : "idle", peer->who);
}

static void
show_sessions(struct ctl_call *call, struct server *s)
{
	ctl_line(call, "%-8s  %-13s %-4s  %s", "Role", "Last heard", "", "Who");
	ctl_server_each(s->control, one_session, call);
	ctl_done(call, ST_NORMAL, "%zu session%s", ctl_server_sessions(s->control),
		ctl_server_sessions(s->control) == 1 ? "" : "s");
}

void
server_run_show(struct ctl_call *call)
{
	struct server *s = call->user;
	const char *name = ctl_param(call, 0);
	struct svc *svc = name != NULL ? server_find(s, name) : NULL;
	char up[32], when[32];

	if (name != NULL && svc == NULL && strlen(name) >= 4 && text_prefix(name, "SESSIONS")) {
		show_sessions(call, s);
		return;
	}
	if (name != NULL && svc == NULL && strlen(name) >= 4 && text_prefix(name, "QUEUE")) {
		server_show_queue(call);
		return;
	}
	if (name != NULL && svc == NULL && strlen(name) >= 4 && text_prefix(name, "METRICS")) {
		server_show_metrics(call);
		return;
	}
	if (name != NULL && svc == NULL) {
		ctl_done(call, ST_NOSERVICE, "\\%s\\, SHOW lists them", name);
		return;
	}
	if (svc != NULL) {
		server_show_one(call, svc);
	} else if (call->json) {
		show_json(call, s, NULL);
	} else {
		when_delta(up, sizeof(up), instant_diff(server_now(s), s->started));
		ctl_line(call, "NETCONTROL server on \"%s\", version %s, pid %d, up %s", s->host,
			s->ctl.version, (int)getpid(), up);
		ctl_line(call, "%-16s %-9s %8s  %-23s %8s", "Service", "State", "Pid", "Since",
			"Restarts");
		LIST_FOREACH(n, &s->services) {
			char pid[16] = "-";

			svc = container_of(n, struct svc, node);
			if (svc->pid > 0)
				snprintf(pid, sizeof(pid), "%d", (int)svc->pid);
			since_text(svc, svc->super.since, when, sizeof(when));
			ctl_line(call, "%-16s %-9s %8s  %-23s %8u", svc->name,
				super_state_name(svc->super.state), pid, when, svc->super.restarts);
		}
	}
	ctl_done(call, ST_NORMAL, NULL);
}

/* ------------------------------------------------------------------ ACCOUNTING */

static void
csv_field(struct text *out, const char *value)
{
	text_add(out, "\"");
	for (; *value != '\0'; value++)
		text_add_n(out, *value == '"' ? "\"\"" : value, *value == '"' ? 2 : 1);
	text_add(out, "\"");
}

static void
account_csv(struct ctl_call *call, const struct account_entry *e)
{
	struct text out = { 0 };
	char when[32];

	text_addf(&out, "%s,", when_json(when, sizeof(when), e->when));
	csv_field(&out, e->service);
	text_add(&out, ",");
	csv_field(&out, e->who);
	text_addf(&out, ",%s,", status_row(e->result)->ident);
	csv_field(&out, e->line);
	ctl_text(call, text_str(&out));
	text_free(&out);
}

static void
account_json(struct ctl_call *call, const struct account_entry *e, bool first)
{
	struct text out = { 0 };
	struct json j = json_to(&out);
	char when[32];

	json_object(&j, NULL);
	json_string(&j, "time", when_json(when, sizeof(when), e->when));
	json_string(&j, "service", e->service);
	json_string(&j, "who", e->who);
	json_string(&j, "result", status_row(e->result)->ident);
	json_uint(&j, "reply", status_row(e->result)->reply);
	json_string(&j, "request", e->line);
	json_end(&j);
	ctl_line(call, "%s%s", first ? "" : ", ", text_str(&out));
	text_free(&out);
}

static void
account_text(struct ctl_call *call, const struct account_entry *e)
{
	char when[32];

	ctl_line(call, "%-23s  %-10s %s", when_vms(when, sizeof(when), e->when), e->service,
		e->who);
	ctl_line(call, "  %s: %%%s-%c-%s", e->line, status_row(e->result)->facility,
		status_row(e->result)->severity, status_row(e->result)->ident);
}

void
server_run_accounting(struct ctl_call *call)
{
	struct server *s = call->user;
	const char *since = cmd_qual(call->cmd, "SINCE"), *who = cmd_qual(call->cmd, "WHO");
	const char *service = cmd_qual(call->cmd, "SERVICE");
	const char *format = cmd_qual(call->cmd, "FORMAT");
	const struct account_entry *e;
	wall from = { 0 };
	size_t shown = 0;
	bool csv = format != NULL && text_same(format, "CSV");

	call->looks = true;
	if (since != NULL && !when_parse(since, when_wall(), &from)) {
		ctl_done(call, ST_IVPARM,
			"\\%s\\ is no time: 21-NOV-2026:10:22, 10:22, TODAY or -0:30", since);
		return;
	}
	if (call->json)
		ctl_line(call, "{ \"schema\": \"multinet.accounting\", \"version\": 1, "
			"\"lost\": %lu, \"entries\": [", account_lost(s->accounts));
	if (csv)
		ctl_line(call, "time,service,who,result,request");
	for (size_t i = 0; (e = account_at(s->accounts, i)) != NULL; i++) {
		if (e->when.ms < from.ms || (who != NULL && !text_glob(who, e->who, false)) ||
			(service != NULL && !text_prefix(service, e->service)))
			continue;
		if (call->json)
			account_json(call, e, shown == 0);
		else if (csv)
			account_csv(call, e);
		else
			account_text(call, e);
		shown++;
	}
	if (call->json)
		ctl_line(call, "] }");
	ctl_done(call, ST_NORMAL, "%zu entries", shown);
}
