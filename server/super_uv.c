/*
 * super_uv.c - performs what the supervisors decide: processes, channels, timers.
 *
 * Called by server.c and main.  Every service runs in a session of its own, so that a terminal's
 * interrupt reaches only the master, which then stops them in order.  The service's end of the
 * channel is descriptor 3; it inherits no other but its output.
 */
#include "server/super_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "lib/ctl_uv.h"
#include "lib/log.h"
#include "lib/write_uv.h"
#include "server/server.h"

extern char **environ;

/* ------------------------------------------------------------------ time and news */

instant
server_now(const struct server *s)
{
	return (instant){ (int64_t)uv_now(s->loop->loop) };
}

wall
server_wall_of(const struct server *s, instant t)
{
	return (wall){ when_wall().ms - instant_diff(server_now(s), t) };
}

void
server_news_of(struct server *s, unsigned classes, const char *text)
{
	if (s->control != NULL)
		ctl_server_news_of(s->control, classes, text);
}

void
server_news(struct server *s, const char *text)
{
	server_news_of(s, CTL_NEWS_LOG, text);
}

void
server_sockets(struct server *s, void (*one)(void *user, const char *name, int fd, bool keep),
	void *user)
{
	if (s->control != NULL)
		ctl_server_sockets(s->control, one, user);
}

void
server_unlisten(struct server *s)
{
	if (s->control != NULL)
		ctl_server_unlisten(s->control);
}

/* ------------------------------------------------------------------ the channel */

static void
run_send(void *user, struct bytes octets)
{
	struct run *run = user;

	if (run->closed || run->eof)
		return;
	/* A request that is not sent gets its end from link_tick. */
	(void)!write_uv_copy((uv_stream_t *)&run->pipe, octets);
}

static size_t
run_unsent(void *user)
{
	struct run *run = user;

	return run->closed ? 0 : uv_stream_get_write_queue_size((uv_stream_t *)&run->pipe);
}

static void
run_no_close(void *user)
{
	(void)user; /* the channel lives as long as the process */
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct run *run = handle->data;

	(void)suggested;
	*buf = uv_buf_init(run->host->svc->server->loop->buf, SVC_READ_MAX);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct run *run = stream->data;
	struct svc *svc = run->host->svc;

	if (n == 0 || run->closed)
		return;
	if (n > 0) {
		link_input(svc->link, bytes_of(buf->base, (size_t)n), server_now(svc->server));
		return;
	}
	uv_read_stop(stream);
	run->eof = true;
	svc_event(svc, SUPER_LOST, 0);
}

/* What a dead service had still said: its last answers are in the socket. */
static void
run_drain(struct run *run)
{
	struct svc *svc = run->host->svc;
	char *buf = svc->server->loop->buf;
	int fd;

	if (run->eof || uv_fileno((uv_handle_t *)&run->pipe, &fd) != 0)
		return;
	for (unsigned i = 0; i < SVC_DRAIN_MAX; i++) {
		ssize_t n = recv(fd, buf, SVC_READ_MAX, MSG_DONTWAIT);

		if (n <= 0)
			return;
		link_input(svc->link, bytes_of(buf, (size_t)n), server_now(svc->server));
	}
}

static void
on_verbs(void *user, struct bytes line, bool last, bool lost)
{
	struct svc *svc = user;
	const uint8_t *tab = line.n > 4 ? memchr(line.p, '\t', line.n) : NULL;

	if (last || lost || tab == NULL)
		return;
	text_add_n(&svc->verbs, (const char *)line.p + 4, (size_t)(tab - line.p - 4));
	text_add(&svc->verbs, "\n");
}

void
svc_ask_verbs(struct svc *svc)
{
	text_clear(&svc->verbs);
	if (svc->link != NULL)
		(void)link_ask(svc->link, "COMPLETE \"\"", on_verbs, svc,
			server_now(svc->server));
}

static void
on_ready(void *user)
{
	struct svc *svc = user;

	if (svc->super.state != SUPER_STARTING)
		return;
	svc_ask_verbs(svc);
	svc_event(svc, SUPER_READY, 0);
}

static void
on_event(void *user, unsigned classes, const char *text)
{
	struct svc *svc = user;
	char line[CMD_LINE_MAX + SVC_NAME_MAX + 3];

	snprintf(line, sizeof(line), "%s: %s", svc->name, text);
	server_news_of(svc->server, classes, line);
}

static void
on_service_audit(void *user, const char *who, const char *line, enum status result)
{
	struct svc *svc = user;

	/* Its own log has the line already. */
	account_add(svc->server->accounts, when_wall(), svc->name, who, line, result);
}

void
svc_run_read(struct run *run)
{
	if (run->channel)
		uv_read_start((uv_stream_t *)&run->pipe, on_alloc, on_read);
}

/* ------------------------------------------------------------------ processes */

static void
on_run_closed(uv_handle_t *handle)
{
	struct run *run = handle->data;

	if (--run->handles == 0)
		free(run);
}

void
svc_run_close(struct run *run)
{
	run->closed = true;
	if (run->process.type == UV_UNKNOWN_HANDLE && !run->adopted) {
		/* it was never started */
	} else if (run->adopted) {
		uv_close((uv_handle_t *)&run->ended, on_run_closed);
		close(run->pidfd);
	} else {
		uv_close((uv_handle_t *)&run->process, on_run_closed);
	}
	uv_close((uv_handle_t *)&run->pipe, on_run_closed);
}

static void
on_process_exit(uv_process_t *process, int64_t status, int signal)
{
	svc_run_exited(process->data, (int)status, signal);
}

void
svc_run_exited(struct run *run, int status, int signal)
{
	struct svc_host *host = run->host;
	struct svc *svc = host->svc;
	struct link *lost = svc->link;
	struct text why = { .limit = 256 };

	if (lost != NULL)
		run_drain(run);
	svc_output_drain(svc, &svc->server->loop->outputs);
	svc_run_close(run);
	host->run = NULL;
	lnm_free(svc->sampled);
	svc->sampled = NULL;
	svc->link = NULL;
	svc->pid = 0;
	/* First the state, then the requests that were under way: what comes behind them on the
	 * same session must already find the service down. */
	svc_event(svc, SUPER_CHILD_EXITED, signal != 0 ? -signal : status);
	if (lost == NULL)
		return;
	text_addf(&why, "%s ", svc->name);
	super_explain(&svc->super, &why);
	link_free(lost, ST_SERVICELOST, text_str(&why));
	text_free(&why);
}

/* Where the program is: as named, beside this one, or (by its bare name) along PATH. */
static enum status
find_program(struct svc *svc, char *path, size_t size)
{
	const char *program = svc->conf->program;

	if (strpbrk(program, "/:") != NULL)
		return lnm_file_spec(svc->server->lnm, program, path, size);
	if (snprintf(path, size, "%s/%s", svc->server->loop->dir, program) < (int)size &&
		access(path, X_OK) == 0)
		return ST_NORMAL;
	return snprintf(path, size, "%s", program) < (int)size ? ST_NORMAL : ST_LIMIT;
}

struct surroundings { /* what a new process finds: its environment and its logical names */
	char **env;
	char channel[32], names[64];
	int fd; /* the names; -1 */
};

/* The system's names as they are now, as a file that the service reads when it starts. */
static void
give_names(struct svc *svc, struct surroundings *x)
{
	struct text lines = { .limit = LNM_FILE_MAX };

	svc_names(svc, &lines);
	x->fd = memfd_create("multinet-logicals", MFD_CLOEXEC);
	if (x->fd >= 0 && (lines.failed || !svc_sample(svc, text_str(&lines)) ||
		write(x->fd, text_str(&lines), lines.n) != (ssize_t)lines.n ||
		lseek(x->fd, 0, SEEK_SET) != 0)) {
		close(x->fd);
		x->fd = -1;
	}
	if (x->fd < 0)
		log_line(LOG_L_WARNING, NULL, "service %s reads the logical names from their file",
			svc->name);
	text_free(&lines);
}

static bool
same_variable(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return strncmp(a, b, n + 1) == 0;
}

/* Our own environment, what the services file adds, where channel and names are. False: no
 * memory. */
static bool
make_surroundings(struct svc *svc, struct surroundings *x)
{
	const struct svc_conf *c = svc->conf;
	size_t n = 0, k = 0;

	snprintf(x->channel, sizeof(x->channel), "MULTINET_CHANNEL=%d", SVC_CHANNEL_FD);
	give_names(svc, x);
	snprintf(x->names, sizeof(x->names), "MULTINET_LOGICALS=/proc/self/fd/%d", SVC_NAMES_FD);
	while (environ[n] != NULL)
		n++;
	x->env = calloc(n + c->environments + 3, sizeof(*x->env));
	if (x->env == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool hidden = same_variable(x->channel, environ[i]) ||
			(x->fd >= 0 && same_variable(x->names, environ[i]));

		for (size_t j = 0; j < c->environments && !hidden; j++)
			hidden = same_variable(c->environment[j], environ[i]);
		if (!hidden)
			x->env[k++] = environ[i];
	}
	for (size_t j = 0; j < c->environments; j++)
		x->env[k++] = (char *)(uintptr_t)c->environment[j];
	x->env[k++] = x->channel;
	if (x->fd >= 0)
		x->env[k] = x->names;
	return true;
}

static int
open_log(struct svc *svc)
{
	char path[PATH_MAX];
	enum status status;
	int fd;

	if (svc->conf->log_file == NULL || text_same(svc->conf->log_file, SVC_OPCOM))
		return -1;
	status = lnm_file_spec(svc->server->lnm, svc->conf->log_file, path, sizeof(path));
	if (status != ST_NORMAL) {
		log_line(LOG_L_WARNING, NULL, "service %s: log file %s: %s", svc->name,
			svc->conf->log_file, status_row(status)->text);
		return -1;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd < 0)
		log_line(LOG_L_WARNING, NULL, "service %s: cannot open log file %s: %s", svc->name,
			path,
			strerror(errno));
	return fd;
}

/* Run the program; 0, or why not in svc->problem. The handles of run are open afterwards. */
static int
run_spawn(struct svc *svc, struct run *run, const char *path, const struct surroundings *x, int log)
{
	const char *args[SVC_ARGS_MAX + 2];
	uv_stdio_container_t stdio[SVC_NAMES_FD + 1] = { 0 };
	uv_process_options_t o = { 0 };
	int rc;

	args[0] = path;
	for (size_t i = 0; i <= svc->conf->arguments; i++)
		args[i + 1] = svc->conf->argument[i];
	stdio[0].flags = UV_IGNORE;
	stdio[1].flags = stdio[2].flags = UV_INHERIT_FD;
	stdio[1].data.fd = stdio[2].data.fd = log >= 0 ? log : STDERR_FILENO;
	stdio[SVC_CHANNEL_FD].flags = run->channel ?
		UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE : UV_IGNORE;
	stdio[SVC_CHANNEL_FD].data.stream = (uv_stream_t *)&run->pipe;
	o.file = path;
	o.args = (char **)(uintptr_t)args;
	o.env = x->env;
	o.exit_cb = on_process_exit;
	o.stdio = stdio;
	o.stdio_count = SVC_CHANNEL_FD + (run->channel ? 1 : 0);
	if (x->fd >= 0) {
		stdio[SVC_NAMES_FD].flags = UV_INHERIT_FD;
		stdio[SVC_NAMES_FD].data.fd = x->fd;
		o.stdio_count = SVC_NAMES_FD + 1;
	}
	o.flags = UV_PROCESS_DETACHED;
	if (svc->conf->user != NULL) {
		const struct passwd *user = getpwnam(svc->conf->user);

		if (user == NULL) {
			snprintf(svc->problem, sizeof(svc->problem), "there is no user %.60s",
				svc->conf->user);
			return UV_ENOENT;
		}
		o.uid = user->pw_uid;
		o.gid = user->pw_gid;
		o.flags |= UV_PROCESS_SETUID | UV_PROCESS_SETGID;
	}
	rc = uv_spawn(svc->server->loop->loop, &run->process, &o);
	if (rc != 0)
		snprintf(svc->problem, sizeof(svc->problem), "%.100s: %s", path, uv_strerror(rc));
	else if (svc->conf->priority != 0 &&
		setpriority(PRIO_PROCESS, (id_t)run->process.pid, (int)svc->conf->priority) != 0)
		log_line(LOG_L_WARNING, NULL, "service %s: priority %d: %s", svc->name,
			(int)svc->conf->priority, strerror(errno));
	return rc;
}

/* The record of a process to be, its pipe open; NULL and svc->problem when that cannot be had. */
struct run *
svc_run_new(struct svc_host *host, bool adopted)
{
	struct ctl_transport t = { .send = run_send, .unsent = run_unsent, .close = run_no_close };
	struct link_owner owner = { .user = host->svc, .ready = on_ready, .event = on_event,
		.audit = on_service_audit };
	struct svc *svc = host->svc;
	struct run *run = calloc(1, sizeof(*run));

	if (run == NULL)
		return NULL;
	run->host = host;
	run->process.data = run->pipe.data = run->ended.data = run;
	run->adopted = adopted;
	run->pidfd = -1;
	run->handles = 2;
	run->channel = svc->super.policy.readiness;
	t.user = run;
	if (run->channel) {
		svc->link = link_new(&t, &owner);
		if (svc->link == NULL) {
			free(run);
			return NULL;
		}
	}
	if (uv_pipe_init(svc->server->loop->loop, &run->pipe, 0) != 0) {
		if (svc->link != NULL)
			link_free(svc->link, ST_NOMEMORY, NULL);
		svc->link = NULL;
		free(run);
		return NULL;
	}
	return run;
}

static void
host_spawn(struct svc_host *host)
{
	struct svc *svc = host->svc;
	struct surroundings x = { .fd = -1 };
	char path[PATH_MAX];
	enum status status = find_program(svc, path, sizeof(path));
	bool opcom = svc->conf->log_file != NULL && text_same(svc->conf->log_file, SVC_OPCOM);
	struct run *run = NULL;
	int log = -1, rc = -1;

	snprintf(svc->problem, sizeof(svc->problem), "%.60s: %s", svc->conf->program,
		status_row(status == ST_NORMAL ? ST_NOMEMORY : status)->text);
	host->spawn_failed = true;
	svc->said_count = 0;
	if (status == ST_NORMAL && make_surroundings(svc, &x))
		run = svc_run_new(host, false);
	if (run != NULL) {
		log = open_log(svc);
		if (log < 0 && (svc->server->takes_output || opcom))
			log = svc_output_open(svc, svc->server->loop->loop,
				&svc->server->loop->outputs);
		/* On a failure before uv_spawn its handle would not be open. */
		run->process.type = UV_UNKNOWN_HANDLE;
		rc = run_spawn(svc, run, path, &x, log);
	}
	free(x.env);
	if (x.fd >= 0)
		close(x.fd);
	if (log >= 0)
		close(log);
	if (run == NULL)
		return;
	if (rc != 0) {
		if (svc->link != NULL)
			link_free(svc->link, ST_STARTFAILED, svc->problem);
		svc->link = NULL;
		if (run->process.type == UV_UNKNOWN_HANDLE)
			run->handles--;
		svc_run_close(run);
		return;
	}
	host->spawn_failed = false;
	svc->problem[0] = '\0';
	host->run = run;
	svc->pid = (pid_t)run->process.pid;
	svc_run_read(run);
}

static void
host_signal(struct svc_host *host, int signal)
{
	if (host->run == NULL)
		return;
	log_line(LOG_L_INFO, NULL, "service %s, pid %d: sending signal %d (%s)", host->svc->name,
		(int)host->svc->pid, signal, strsignal(signal));
	/* It leads a session of its own: what it started goes with it when force is needed. */
	if (signal == SIGKILL)
		kill(-host->svc->pid, SIGKILL);
	kill(host->svc->pid, signal);
}

static void
on_timer(uv_timer_t *timer)
{
	struct svc_host *host = timer->data;

	svc_event(host->svc, SUPER_TIMEOUT, 0);
}

static void
host_arm(struct svc_host *host, instant when)
{
	int64_t left;

	if (when.ms == INSTANT_NEVER.ms) {
		uv_timer_stop(&host->timer);
		return;
	}
	left = instant_diff(when, server_now(host->svc->server));
	uv_timer_start(&host->timer, on_timer, left > 0 ? (uint64_t)left : 0, 0);
}

/* What the service says while it is asked to shut down is for those who wait for that. */
static void
on_asked(void *user, struct bytes line, bool last, bool lost)
{
	struct svc *svc = user;

	if (last || lost || line.n < 4)
		return;
	LIST_FOREACH(n, &svc->waiters) {
		struct waiter *w = container_of(n, struct waiter, node);

		ctl_relay(w->call, line, false);
	}
}

static void
perform(struct svc *svc, const struct super_action *a)
{
	switch (a->type) {
	case SUPER_SPAWN:
		host_spawn(svc->host);
		break;
	case SUPER_ASK:
		if (svc->link == NULL || !link_ask(svc->link, "SHUTDOWN", on_asked, svc,
						 server_now(svc->server)))
			host_signal(svc->host, SIGTERM);
		break;
	case SUPER_SIGNAL:
		host_signal(svc->host, a->signal);
		break;
	case SUPER_ARM:
		host_arm(svc->host, a->when);
		break;
	case SUPER_REPORT:
		svc_changed(svc);
		break;
	}
}

/* Part of the server: it is there or not, and nothing can fail. */
static void
internal_event(struct svc *svc, enum super_event_type type)
{
	bool up = type == SUPER_START || type == SUPER_RESTART;

	if (!up && type != SUPER_STOP)
		return;
	svc->super.state = up ? SUPER_RUNNING : SUPER_HALTED;
	svc->super.why = up ? SUPER_WHY_NEVER : SUPER_WHY_OPERATOR;
	svc->super.since = server_now(svc->server);
	svc_changed(svc);
}

void
svc_event(struct svc *svc, enum super_event_type type, int status)
{
	struct super_event e = { .type = type, .now = server_now(svc->server), .status = status };
	struct super_actions actions;

	if (svc->internal != NULL) {
		internal_event(svc, type);
		return;
	}
	super_step(&svc->super, &e, &actions);
	/* SUPER_REPORT comes last: whoever is told may cause the next event. */
	for (size_t i = 0; i < actions.count; i++) {
		if (actions.action[i].type == SUPER_REPORT && svc->host->spawn_failed)
			continue;
		perform(svc, &actions.action[i]);
	}
	if (svc->host->spawn_failed) {
		svc->host->spawn_failed = false;
		svc_event(svc, SUPER_SPAWN_FAILED, 0);
	}
}

/* ------------------------------------------------------------------ opening and closing */

bool
svc_host_open(struct svc *svc)
{
	struct svc_host *host = calloc(1, sizeof(*host));

	if (host == NULL)
		return false;
	if (uv_timer_init(svc->server->loop->loop, &host->timer) != 0) {
		free(host);
		return false;
	}
	host->svc = svc;
	host->timer.data = host;
	svc->host = host;
	return true;
}

void
svc_host_rearm(struct svc *svc)
{
	host_arm(svc->host, svc->super.deadline);
}

void
svc_host_descriptors(struct svc *svc, int *channel, int *output)
{
	struct run *run = svc->host->run;
	uv_os_fd_t fd;

	*channel = *output = -1;
	if (run == NULL)
		return;
	if (run->channel && !run->eof && uv_fileno((uv_handle_t *)&run->pipe, &fd) == 0)
		*channel = fd;
	*output = svc_output_descriptor(svc, &svc->server->loop->outputs);
}

size_t
svc_host_unsent(struct svc *svc)
{
	return svc->host->run != NULL ? run_unsent(svc->host->run) : 0;
}

bool
svc_host_idle(const struct svc *svc)
{
	return svc->host->run == NULL;
}

static void
on_host_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
svc_host_close(struct svc *svc)
{
	uv_close((uv_handle_t *)&svc->host->timer, on_host_closed);
	svc->host = NULL;
}

static void
on_tick(uv_timer_t *timer)
{
	struct server *s = timer->data;

	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);

		if (svc->link != NULL)
			link_tick(svc->link, server_now(s));
		if (svc->removed && super_is_down(&svc->super) && svc_host_idle(svc) &&
			list_empty(&svc->waiters)) {
			svc_host_close(svc);
			svc_free(svc);
		}
	}
}

bool
server_loop_open(struct server *s, struct uv_loop_s *loop)
{
	struct svc_loop *l = calloc(1, sizeof(*l));
	ssize_t n;
	char *slash;

	if (l == NULL)
		return false;
	l->loop = loop;
	list_init(&l->outputs);
	n = readlink("/proc/self/exe", l->dir, sizeof(l->dir) - 1);
	l->dir[n > 0 ? n : 0] = '\0';
	slash = strrchr(l->dir, '/');
	if (slash != NULL)
		*slash = '\0';
	if (uv_timer_init(loop, &l->tick) != 0) {
		free(l);
		return false;
	}
	l->tick.data = s;
	s->loop = l;
	uv_timer_start(&l->tick, on_tick, SVC_TICK_MS, SVC_TICK_MS);
	return true;
}

static void
on_loop_closed(uv_handle_t *handle)
{
	struct server *s = handle->data;

	free(s->loop);
	s->loop = NULL;
}

void
server_loop_close(struct server *s)
{
	while (!list_empty(&s->services)) {
		struct svc *svc = container_of(s->services.next, struct svc, node);

		svc_host_close(svc);
		svc_free(svc);
	}
	svc_output_close_all(&s->loop->outputs);
	uv_close((uv_handle_t *)&s->loop->tick, on_loop_closed);
}
