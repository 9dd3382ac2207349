/*
 * verbs.c - what operators may ask of the master server itself, and of any service.
 *
 * `[SERVICE] VERB …`: server_route looks at the first word.  Verbs that concern a service's
 * process are answered here and work while it is down; every other one is relayed to it, or refused
 * at once.
 */
#include "server/server.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/log.h"

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

static void
run_reload(struct ctl_call *call)
{
	struct text said = { 0 };
	enum status status = server_reload(call->user, &said), tls = ST_NORMAL;

	if (status == ST_NORMAL)
		tls = server_tls_reload(call->user, &said);
	ctl_text(call, text_str(&said));
	if (status != ST_NORMAL)
		ctl_done(call, status, "nothing was changed");
	else if (tls != ST_NORMAL)
		ctl_done(call, tls, "the services file is in force");
	else
		ctl_done(call, status, "%s",
			said.n == 0 ? "nothing changed" : "changes are listed");
	text_free(&said);
}

static const struct verb_qual restart_quals[] = {
	{ "SERVICES", NULL, "stop all services and start them again as well: their SAs go" },
	{ NULL, NULL, NULL },
};

/* Services file and program must be sound: after this there is no way back. */
static void
run_restart(struct ctl_call *call)
{
	struct server *s = call->user;
	struct text said = { 0 };
	enum status status = ST_NORMAL;
	struct svc_file *file;

	if (s->phase != SERVER_UP) {
		ctl_done(call, ST_SHUTTING, "the server is ending");
		return;
	}
	file = server_read_file(s, &said, &status);
	ctl_text(call, text_str(&said));
	text_free(&said);
	svc_file_free(file);
	if (file == NULL) {
		ctl_done(call, status, "nothing was restarted");
		return;
	}
	if (cmd_qual(call->cmd, "SERVICES") != NULL)
		LIST_FOREACH(n, &s->services) {
			struct svc *svc = container_of(n, struct svc, node);

			if (super_is_up(&svc->super) && svc->internal == NULL)
				svc_event(svc, SUPER_RESTART, 0);
		}
	/* The answer first: the session ends with what follows. */
	ctl_done(call, ST_RESTARTING, "pid %d goes on with a new image", (int)getpid());
	server_restart(s);
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
	{ .name = "ACCOUNTING", .quals = server_quals_accounting, .role = CTL_OPERATOR,
		.run = server_run_accounting,
		.help = "who did what: requests that changed something, and refusals",
		.more = "The last 1024 are kept, also over a RESTART; the log has all of them.\n"
			"/SINCE=time: 21-NOV-2026:10:22, 10:22, TODAY, or -0:30: half an hour." },
	{ .name = "DEBUG", .params = "level", .min_params = 1, .max_params = 1,
		.role = CTL_OPERATOR,
		.run = run_debug, .help = "set the debug level of the server: 0 is off" },
	{ .name = "DELETE", .params = "[entry]", .max_params = 1, .quals = server_quals_delete,
		.role = CTL_OPERATOR, .run = server_run_delete,
		.help = "take a job off the queue of SUBMIT, or end it when it runs",
		.more = "Root may delete every job, others their own." },
	{ .name = "HELP", .params = "[topic]", .max_params = 1, .quals = ctl_quals_help,
		.role = CTL_READER, .run = run_help, .help = "list the verbs, or explain one",
		.more = "HELP SERVICE [topic] is the same as SERVICE HELP [topic]." },
	{ .name = "MONITOR", .params = "[ON|OFF|ALL|class...]", .max_params = 4,
		.quals = ctl_quals_monitor, .role = CTL_READER, .run = ctl_verb_monitor,
		.help = "show what happens, as lines that begin with +",
		.more = "Classes: LOG (what is logged; alone when none is named), ISAKMP, IPSEC, "
			"FAILURE." },
	{ .name = "NOOP", .role = CTL_READER, .run = ctl_verb_noop, .help = "do nothing" },
	{ .name = "RELOAD", .role = CTL_OPERATOR, .run = run_reload,
		.help = "read the services file again",
		.more = "The file is read to its end first; if it has errors nothing changes.\n"
			"New services start, services no longer in it stop, the others go on:\n"
			"what changed for them takes effect when they are next started.\n"
			"The list of revoked certificates is read as well; who has one is out." },
	{ .name = "RESTART", .quals = restart_quals, .role = CTL_OPERATOR, .run = run_restart,
		.help = "let a new image of the server take over; services and SAs stay",
		.more = "The services file is read first; with errors nothing happens. Then every\n"
			"session is told and ended, the program is loaded anew, and takes over\n"
			"sockets and services. Whoever connects meanwhile waits." },
	{ .name = "SHOW", .params = "[service|SESSIONS|QUEUE|METRICS]", .max_params = 1,
		.quals = server_quals_show, .role = CTL_READER, .run = server_run_show,
		.help = "show the services and their state, or who is connected",
		.more = "QUEUE: the jobs of SUBMIT.\n"
			"METRICS: numbers for Prometheus, which metricsd serves." },
	{ .name = "SHUTDOWN", .role = CTL_OPERATOR, .run = run_shutdown,
		.help = "stop all services in order, then the server",
		.more = "The answer comes when all of them are down." },
	{ .name = "START", .role = CTL_OPERATOR, .run = run_start,
		.help = "start every enabled service that is down, and wait for them" },
	{ .name = "SUBMIT", .params = "file", .min_params = 1, .max_params = 1,
		.quals = server_quals_submit, .role = CTL_OPERATOR, .run = server_run_submit,
		.help = "run a command procedure later, with the submitter's rights",
		.more = "For users of this host. The console's SUBMIT finds the file as the user\n"
			"would and names a log file at home. See SHOW QUEUE, DELETE entry." },
	{ .name = "VERSION", .role = CTL_READER, .run = ctl_verb_version,
		.help = "tell the version of the server and of the control interface" },
	{ .name = NULL },
};
