/*
 * verbs.c - what operators may ask of the master server itself, and of any service.
 *
 * `[SERVICE] VERB …`: server_route looks at the first word.  Verbs that concern a service's
 * process are answered here and work while it is down; every other one is relayed to it, or refused
 * at once.
 */
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/log.h"

/* ------------------------------------------------------------------ SHOW */

static void
since_text(struct svc *svc, instant t, char *buf, size_t size)
{
	when_vms(buf, size, server_wall_of(svc->server, t));
}

static void
service_json(struct json *j, struct svc *svc)
{
	const struct super *p = &svc->super;
	struct text why = { .limit = 512 };

	svc_explain(svc, &why);
	json_object(j, NULL);
	json_string(j, "service", svc->name);
	json_string(j, "state", super_state_name(p->state));
	json_int(j, "pid", svc->pid);
	json_int(j, "since_ms", server_wall_of(svc->server, p->since).ms);
	json_uint(j, "restarts", p->restarts);
	json_uint(j, "failures", p->failures);
	json_string(j, "reason", p->state == SUPER_RUNNING ? NULL : text_str(&why));
	json_string(j, "program", svc->conf != NULL ? svc->conf->program : NULL);
	json_string(j, "log_file", svc->conf != NULL ? svc->conf->log_file : NULL);
	json_end(j);
	text_free(&why);
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
	ctl_line(call, "  Restarts: %u since it was started, %u failures in a row", p->restarts,
		p->failures);
	if (svc->conf != NULL) {
		text_clear(&line);
		for (size_t i = 0; i < svc->conf->arguments; i++)
			text_addf(&line, " %s", svc->conf->argument[i]);
		ctl_line(call, "  Program:  %s%s", svc->conf->program, text_str(&line));
		if (p->state == SUPER_RUNNING)
			ctl_line(call, "  Log:      %s", svc->conf->log_file != NULL ?
				svc->conf->log_file : svc->server->log_name);
	}
	if (p->state != SUPER_RUNNING)
		svc_last_words(svc, call);
	text_free(&line);
}

static void
run_show(struct ctl_call *call)
{
	struct server *s = call->user;
	const char *name = ctl_param(call, 0);
	struct svc *svc = name != NULL ? server_find(s, name) : NULL;
	char up[32], when[32];

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

/* ------------------------------------------------------------------ the server's other verbs */

static void
run_debug(struct ctl_call *call)
{
	static const enum log_level levels[] = { LOG_L_INFO, LOG_L_DEBUG, LOG_L_DEBUG2 };
	const char *typed = ctl_param(call, 0);
	char *end;
	unsigned long n = strtoul(typed, &end, 10);

	if (*end != '\0' || end == typed || typed[0] == '-') {
		ctl_done(call, ST_IVPARM, "\\%s\\ is not a number: 0 is off, larger is more",
			typed);
		return;
	}
	log_set_level(levels[n < ARRAY_LEN(levels) ? n : ARRAY_LEN(levels) - 1]);
	ctl_done(call, ST_NORMAL, "log level is %s", log_level_name(log_level()));
}

static void
run_help(struct ctl_call *call)
{
	struct server *s = call->user;
	const char *topic = ctl_param(call, 0);
	struct text out = { 0 };

	/* Topics, messages and JSON are the common ones; the list alone names the services too. */
	if (topic != NULL || call->json || cmd_qual(call->cmd, "MESSAGE") != NULL) {
		ctl_verb_help(call);
		return;
	}
	(void)verb_help(server_verbs, NULL, NULL, &out);
	ctl_line(call, "NETCONTROL: [SERVICE] VERB [parameter...] [/QUALIFIER[=value]]...");
	ctl_line(call, "Any unique abbreviation will do. Verbs of the server itself:");
	ctl_text(call, text_str(&out));
	ctl_line(call, "Services (SERVICE HELP tells their verbs):");
	LIST_FOREACH(n, &s->services)
		ctl_line(call, "  %s", container_of(n, struct svc, node)->name);
	text_free(&out);
	ctl_done(call, ST_NORMAL, NULL);
}

void
server_monitor(struct ctl_call *call)
{
	static const char *const words[] = { "ON", "OFF", NULL };
	const char *typed = ctl_param(call, 0);
	int which = typed != NULL ? verb_keyword(words, typed) : 0;

	if (which < 0) {
		ctl_done(call, ST_IVKEYW, "\\%s\\, ON or OFF is expected", typed);
		return;
	}
	ctl_set_monitor(call->session, which == 0);
	ctl_done(call, ST_NORMAL, "monitoring is %s", which == 0 ? "on" : "off");
}

static void
run_reload(struct ctl_call *call)
{
	struct text said = { 0 };
	enum status status = server_reload(call->user, &said);

	ctl_text(call, text_str(&said));
	if (status == ST_NORMAL)
		ctl_done(call, status, "%s",
			said.n == 0 ? "nothing changed" : "changes are listed");
	else
		ctl_done(call, status, "nothing was changed");
	text_free(&said);
}

static void
run_shutdown(struct ctl_call *call)
{
	struct server *s = call->user;

	if (server_wait_end(s, call))
		server_shutdown(s);
}

static void
run_start(struct ctl_call *call)
{
	struct server *s = call->user;

	if (s->phase != SERVER_UP)
		ctl_done(call, ST_SHUTTING, "the server is ending");
	else if (server_wait_start(s, call))
		server_start_enabled(s);
}

const struct verb server_verbs[] = {
	{ .name = "DEBUG", .params = "level", .min_params = 1, .max_params = 1,
		.role = CTL_OPERATOR,
		.run = run_debug, .help = "set the debug level of the server: 0 is off" },
	{ .name = "HELP", .params = "[topic]", .max_params = 1, .quals = ctl_quals_help,
		.role = CTL_READER, .run = run_help, .help = "list the verbs, or explain one",
		.more = "HELP SERVICE [topic] is the same as SERVICE HELP [topic]." },
	{ .name = "MONITOR", .params = "[ON|OFF]", .max_params = 1, .role = CTL_READER,
		.run = server_monitor, .help = "show what happens, as lines that begin with +" },
	{ .name = "NOOP", .role = CTL_READER, .run = ctl_verb_noop, .help = "do nothing" },
	{ .name = "RELOAD", .role = CTL_OPERATOR, .run = run_reload,
		.help = "read the services file again",
		.more = "The file is read to its end first; if it has errors nothing changes.\n"
			"New services start, services no longer in it stop, the others go on:\n"
			"what changed for them takes effect when they are next started." },
	{ .name = "SHOW", .params = "[service]", .max_params = 1, .quals = ctl_quals_format,
		.role = CTL_READER, .run = run_show, .help = "show the services and their state" },
	{ .name = "SHUTDOWN", .role = CTL_OPERATOR, .run = run_shutdown,
		.help = "stop all services in order, then the server",
		.more = "The answer comes when all of them are down." },
	{ .name = "START", .role = CTL_OPERATOR, .run = run_start,
		.help = "start every enabled service that is down, and wait for them" },
	{ .name = "VERSION", .role = CTL_READER, .run = ctl_verb_version,
		.help = "tell the version of the server and of the control interface" },
	{ .name = NULL },
};
