/*
 * replace_uv.c - a new image of the server takes over in this process: NETCONTROL RESTART.
 *
 * Called by server.c when every service has settled.  Sessions are told and ended, the listening
 * sockets are kept open (who connects now waits), what goes down the channels is waited for, then
 * the state is written into memory that outlives the program, and the program is run anew.
 */
#include "server/super_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/ctl_uv.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/notify.h"

enum { DRAIN_MS = 10, DRAIN_TRIES = 200 };

struct replacement {
	struct server *server;
	const char *program;
	char **argv;
	struct text state;
	uv_timer_t timer;
	unsigned tries;
};

/* A second descriptor of each socket: it listens on while the first one is closed. */
static void
keep_socket(void *user, const char *name, int fd, bool keep)
{
	struct replacement *r = user;
	int kept = dup(fd);

	if (kept >= 0)
		text_addf(&r->state, "socket %d %s %s\n", kept, keep ? "theirs" : "ours", name);
}

/* Descriptors of the services are for the new image. */
static void
keep_channels(struct server *s)
{
	LIST_FOREACH(n, &s->services) {
		int channel, output;

		svc_host_descriptors(container_of(n, struct svc, node), &channel, &output);
		if (channel >= 0)
			(void)fcntl(channel, F_SETFD, 0);
		if (output >= 0)
			(void)fcntl(output, F_SETFD, 0);
	}
}

static bool
leave_state(struct replacement *r)
{
	char value[16];
	int fd = memfd_create("multinet-takeover", 0);

	if (fd < 0 || r->state.failed ||
		!file_write(fd, bytes_of(r->state.p, r->state.n)))
		return false;
	snprintf(value, sizeof(value), "%d", fd);
	return lseek(fd, 0, SEEK_SET) == 0 && setenv(SERVER_TAKEOVER, value, 1) == 0;
}

static void
run_anew(struct replacement *r)
{
	takeover_write(r->server, &r->state);
	keep_channels(r->server);
	if (!leave_state(r)) {
		log_line(LOG_L_ERROR, NULL, "cannot leave the state to a new image: %s",
			strerror(errno));
		exit(EXIT_FAILURE);
	}
	notify_hand_on();
	/* The file may have been replaced, which is what this is for, or be gone. */
	execv(r->program, r->argv);
	log_line(LOG_L_ERROR, NULL, "%s: %s: the old image goes on", r->program, strerror(errno));
	execv("/proc/self/exe", r->argv);
	log_line(LOG_L_ERROR, NULL, "/proc/self/exe: %s", strerror(errno));
	exit(EXIT_FAILURE);
}

static void
on_drain(uv_timer_t *timer)
{
	struct replacement *r = timer->data;
	size_t unsent = 0;

	LIST_FOREACH(n, &r->server->services)
		unsent += svc_host_unsent(container_of(n, struct svc, node));
	if (unsent > 0 && r->tries++ < DRAIN_TRIES)
		return;
	uv_timer_stop(timer);
	run_anew(r);
}

static void
on_sessions_closed(void *user)
{
	struct replacement *r = user;

	r->server->control = NULL;
	uv_timer_start(&r->timer, on_drain, 0, DRAIN_MS);
}

void
server_replace(struct server *s, const char *program, char **argv)
{
	static struct replacement r; /* there is only ever one: the program ends with it */

	r.server = s;
	r.program = program;
	r.argv = argv;
	r.timer.data = &r;
	if (uv_timer_init(s->loop->loop, &r.timer) != 0) {
		s->phase = SERVER_UP;
		return;
	}
	notify_state("RELOADING=1\nSTATUS=a new image takes over");
	server_sockets(s, keep_socket, &r);
	ctl_server_end_with(s->control, ST_RESTARTING, "connect again");
	ctl_server_close(s->control, on_sessions_closed, &r);
}
