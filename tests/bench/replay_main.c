/*
 * replay_main.c - a service that gives kept answers again, at the cost of processor time that they
 * had: what SHOW does to the machine, without the key daemon.
 *
 *	replay TEXT NS JSON NS
 *
 * Run by multinet_server for show.sh.  SHOW gives the lines of the file TEXT, SHOW/FORMAT=JSON
 * those of JSON, taking NS nanoseconds of the processor for each.  It gives way as often as RACOON
 * does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "lib/ctl_uv.h"

enum { TURN = 32 /* lines before others get their turn */ };

struct kept {
	char *text; /* lines, each ended by NUL */
	size_t n;
	double ns;  /* for each line */
};

struct replay { /* an answer under way */
	const struct kept *kept;
	size_t at;
};

static struct kept kept[2];

static double
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static bool
load(struct kept *k, const char *path, const char *ns)
{
	FILE *f = fopen(path, "r");
	size_t room = 0;
	ssize_t n = f != NULL ? getdelim(&k->text, &room, EOF, f) : -1;

	if (f != NULL)
		fclose(f);
	if (n <= 0)
		return false;
	k->n = (size_t)n;
	k->ns = strtod(ns, NULL);
	for (char *nl = k->text; (nl = memchr(nl, '\n', (size_t)(k->text + k->n - nl))) != NULL;)
		*nl = '\0';
	return true;
}

static void
end(struct ctl_call *call, enum status status)
{
	free(call->state);
	call->state = NULL;
	call->cancel = call->resume = NULL;
	ctl_done(call, status, NULL);
}

static void
cancel(struct ctl_call *call)
{
	end(call, ST_CANCELLED);
}

static void
go_on(struct ctl_call *call)
{
	struct replay *r = call->state;
	double from = cpu_ns();

	for (unsigned shown = 0; r->at < r->kept->n; shown++) {
		if (shown == TURN) {
			while (cpu_ns() - from < TURN * r->kept->ns)
				;
			if (ctl_yield(call, go_on))
				return;
		}
		if (ctl_congested(call)) {
			call->resume = go_on;
			return;
		}
		ctl_text(call, r->kept->text + r->at);
		r->at += strlen(r->kept->text + r->at) + 1;
	}
	end(call, ST_NORMAL);
}

static void
verb_show(struct ctl_call *call)
{
	struct replay *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		ctl_done(call, ST_NOMEMORY, NULL);
		return;
	}
	r->kept = &kept[call->json];
	call->state = r;
	call->cancel = cancel;
	go_on(call);
}

static void
verb_shutdown(struct ctl_call *call)
{
	ctl_done(call, ST_SHUTTING, NULL);
	exit(0);
}

static const struct verb verbs[] = {
	{ .name = "HELP", .params = "[topic]", .max_params = 1, .quals = ctl_quals_help,
		.role = CTL_READER, .run = ctl_verb_help, .help = "list the verbs" },
	{ .name = "NOOP", .role = CTL_READER, .run = ctl_verb_noop, .help = "do nothing" },
	{ .name = "SHOW", .quals = ctl_quals_format, .role = CTL_READER, .run = verb_show,
		.help = "the kept answer" },
	{ .name = "SHUTDOWN", .role = CTL_OPERATOR, .run = verb_shutdown, .help = "end" },
	{ .name = NULL },
};
static const struct ctl_service service = { .facility = "REPLAY", .version = "1",
	.verbs = verbs };

static void
orphan(void *user)
{
	(void)user;
	exit(0);
}

int
main(int argc, char **argv)
{
	struct ctl_server *server = ctl_server_new(uv_default_loop(), &service);
	int fd = ctl_channel_fd();

	if (argc != 5 || !load(&kept[0], argv[1], argv[2]) || !load(&kept[1], argv[3], argv[4])) {
		fprintf(stderr, "usage: replay TEXT NS JSON NS\n");
		return 1;
	}
	if (server == NULL || fd < 0 || ctl_server_channel(server, fd) != ST_NORMAL)
		return 1;
	ctl_server_on_orphan(server, orphan);
	ctl_server_ready(server);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
