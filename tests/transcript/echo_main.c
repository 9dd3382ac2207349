/*
 * echo_main.c - a tiny managed service for the transcripts: it answers, waits, floods, breaks.
 *
 * Run by multinet_server like any other service.  Options make it misbehave at start:
 *	-x STATUS	end at once with this status
 *	-n		never say READY
 *	-k		take no notice of SHUTDOWN and SIGTERM
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "lib/ctl_uv.h"

static uv_loop_t loop;
static struct ctl_server *server;
static bool deaf;

struct waiting {
	uv_timer_t timer;
	struct ctl_call *call;
};

static void
on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
waiting_end(struct waiting *w, enum status status)
{
	struct ctl_call *call = w->call;

	uv_close((uv_handle_t *)&w->timer, on_timer_closed);
	ctl_done(call, status, NULL);
}

static void
wait_cancel(struct ctl_call *call)
{
	struct waiting *w = call->state;

	fprintf(stderr, "echo: WAIT cancelled\n");
	waiting_end(w, ST_CANCELLED);
}

static void
on_timer(uv_timer_t *timer)
{
	waiting_end(timer->data, ST_NORMAL);
}

static void
verb_wait(struct ctl_call *call)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (w == NULL || uv_timer_init(&loop, &w->timer) != 0)
		abort();
	w->call = call;
	w->timer.data = w;
	call->state = w;
	call->cancel = wait_cancel;
	uv_timer_start(&w->timer, on_timer, strtoul(ctl_param(call, 0), NULL, 10), 0);
}

static void
verb_echo(struct ctl_call *call)
{
	for (unsigned i = 0; ctl_param(call, i) != NULL; i++)
		ctl_line(call, "%s", ctl_param(call, i));
	ctl_done(call, ST_NORMAL, NULL);
}

static void
flood_more(struct ctl_call *call)
{
	uintptr_t n = (uintptr_t)call->state;
	uintptr_t upto = strtoul(ctl_param(call, 0), NULL, 10);

	for (; n < upto; n++) {
		if (ctl_congested(call)) {
			call->state = (void *)n;
			call->resume = flood_more;
			return;
		}
		ctl_line(call, "line %lu of many, each of them long enough to count for something",
			(unsigned long)n);
	}
	ctl_done(call, ST_NORMAL, NULL);
}

static void
verb_crash(struct ctl_call *call)
{
	(void)call;
	raise(SIGKILL);
}

static void
verb_quit(struct ctl_call *call)
{
	_exit(atoi(ctl_param(call, 0)));
}

static void
verb_freeze(struct ctl_call *call)
{
	(void)call;
	raise(SIGSTOP);
}

static void
verb_refuse(struct ctl_call *call)
{
	ctl_done(call, ST_NOPROPOSAL, "%s", ctl_param(call, 0));
}

static void
verb_env(struct ctl_call *call)
{
	const char *value = getenv(ctl_param(call, 0));

	ctl_line(call, "%s", value != NULL ? value : "(none)");
	ctl_done(call, ST_NORMAL, NULL);
}

static void
verb_show(struct ctl_call *call)
{
	ctl_line(call, "pid %d", (int)getpid());
	ctl_done(call, ST_NORMAL, NULL);
}

static void
verb_tell(struct ctl_call *call)
{
	ctl_server_news(server, ctl_param(call, 0));
	ctl_done(call, ST_NORMAL, NULL);
}

static void
verb_shutdown(struct ctl_call *call)
{
	if (deaf) {
		ctl_done(call, ST_NORMAL, "not listening");
		return;
	}
	ctl_line(call, "telling the peers");
	ctl_done(call, ST_NORMAL, NULL);
	ctl_server_close(server, NULL, NULL);
}

static const struct verb verbs[] = {
	{ .name = "CRASH", .role = CTL_OPERATOR, .run = verb_crash, .help = "die of signal 9" },
	{ .name = "ECHO", .params = "text...", .min_params = 1, .max_params = 60,
		.quals = ctl_quals_format, .role = CTL_READER, .run = verb_echo, .help = "say it" },
	{ .name = "ENV", .params = "name", .min_params = 1, .max_params = 1, .role = CTL_READER,
		.run = verb_env, .help = "tell an environment variable" },
	{ .name = "FLOOD", .params = "lines", .min_params = 1, .max_params = 1, .role = CTL_READER,
		.run = flood_more, .help = "say much" },
	{ .name = "FREEZE", .role = CTL_OPERATOR, .run = verb_freeze, .help = "stop answering" },
	{ .name = "HELP", .params = "[topic]", .max_params = 1, .quals = ctl_quals_help,
		.role = CTL_READER, .run = ctl_verb_help,
		.help = "list the verbs, or explain one" },
	{ .name = "NOOP", .role = CTL_READER, .run = ctl_verb_noop, .help = "do nothing" },
	{ .name = "QUIT", .params = "status", .min_params = 1, .max_params = 1,
		.role = CTL_OPERATOR, .run = verb_quit, .help = "end with a status" },
	{ .name = "REFUSE", .params = "why", .min_params = 1, .max_params = 1, .role = CTL_READER,
		.run = verb_refuse, .help = "answer with an error" },
	{ .name = "SHOW", .quals = ctl_quals_format, .role = CTL_READER, .run = verb_show,
		.help = "tell the process" },
	{ .name = "SHUTDOWN", .role = CTL_OPERATOR, .run = verb_shutdown, .help = "end" },
	{ .name = "TELL", .params = "text", .min_params = 1, .max_params = 1, .role = CTL_OPERATOR,
		.run = verb_tell, .help = "tell it to whoever monitors" },
	{ .name = "VERSION", .role = CTL_READER, .run = ctl_verb_version,
		.help = "tell the version" },
	{ .name = "WAIT", .params = "milliseconds", .min_params = 1, .max_params = 1,
		.role = CTL_READER, .run = verb_wait, .help = "answer later" },
	{ .name = NULL },
};

static const struct ctl_service service = { .facility = "ECHO", .version = "1.0", .verbs = verbs };

static void
on_orphan(void *user)
{
	(void)user;
	ctl_server_close(server, NULL, NULL);
}

int
main(int argc, char **argv)
{
	bool never = false;
	int c, fd;

	while ((c = getopt(argc, argv, "x:nk")) != -1) {
		if (c == 'x')
			return atoi(optarg);
		never = never || c == 'n';
		deaf = deaf || c == 'k';
	}
	signal(SIGPIPE, SIG_IGN);
	if (deaf)
		signal(SIGTERM, SIG_IGN);
	fd = ctl_channel_fd();
	if (fd < 0 || uv_loop_init(&loop) != 0)
		return 3;
	server = ctl_server_new(&loop, &service);
	if (server == NULL || ctl_server_channel(server, fd) != ST_NORMAL)
		return 3;
	ctl_server_on_orphan(server, on_orphan);
	if (!never)
		ctl_server_ready(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop) == 0 ? 0 : 4;
}
