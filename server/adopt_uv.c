/*
 * adopt_uv.c - processes that the image before this one started.
 *
 * Called by takeover.c after NETCONTROL RESTART has replaced the program.  The processes are still
 * our children, only libuv does not know them: a descriptor for each (pidfd) tells when it ends.
 */
#include "server/super_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"

static void
on_ended(uv_poll_t *poll, int status, int events)
{
	struct run *run = poll->data;
	int how = 0;

	(void)status;
	(void)events;
	if (waitpid(run->host->svc->pid, &how, WNOHANG) == 0)
		return; /* not yet */
	uv_poll_stop(poll);
	svc_run_exited(run, WIFEXITED(how) ? WEXITSTATUS(how) : 0,
		WIFSIGNALED(how) ? WTERMSIG(how) : 0);
}

static bool
watch(struct run *run, pid_t pid)
{
	uv_loop_t *loop = run->host->svc->server->loop->loop;

	run->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (run->pidfd < 0)
		return false;
	(void)fcntl(run->pidfd, F_SETFD, FD_CLOEXEC);
	if (uv_poll_init(loop, &run->ended, run->pidfd) != 0) {
		close(run->pidfd);
		return false;
	}
	return uv_poll_start(&run->ended, UV_READABLE, on_ended) == 0;
}

bool
svc_host_adopt(struct svc *svc, pid_t pid, int channel, int output)
{
	struct run *run = svc_run_new(svc->host, true);

	if (run == NULL)
		return false;
	if (!watch(run, pid)) {
		log_line(LOG_L_ERROR, NULL, "service %s, pid %d: cannot be watched: %s", svc->name,
			(int)pid, strerror(errno));
		if (svc->link != NULL)
			link_free(svc->link, ST_SERVICELOST, NULL);
		svc->link = NULL;
		run->adopted = false; /* only its pipe is open */
		run->handles--;
		svc_run_close(run);
		return false;
	}
	svc->host->run = run;
	svc->pid = pid;
	if (channel >= 0) {
		(void)fcntl(channel, F_SETFD, FD_CLOEXEC);
		if (uv_pipe_open(&run->pipe, channel) == 0)
			svc_run_read(run);
	}
	if (output >= 0) {
		(void)fcntl(output, F_SETFD, FD_CLOEXEC);
		(void)svc_output_adopt(svc, output);
	}
	return true;
}
