/*
 * queue_uv.c - runs jobs when their time has come: timer, processes, and the file that keeps the
 * queue over a crash.
 *
 * Called by verbs_queue.c and main.  A job is `netcontrol @procedure p1…p8` in a session of its
 * own, with the user's identity, groups, home directory and a small environment; standard output
 * and error go to its log file, which is opened as that user.  Never runs anything with more rights
 * than the submitter's.  Each child is watched by a descriptor (pidfd), so that it can be
 * handed to the next image of the server.
 *
 * The file is written before a job is started: after a crash no job is run twice.
 */
#include "server/super_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/stmt.h"

enum {
	QUEUE_GROUPS_MAX = 256,
	QUEUE_ENV_MAX = 64,
	LOOK_MS = 30000, /* the clock may be set meanwhile */
	STATUS_NO_PROGRAM = 127,
};

extern char **environ;

struct job_watch { /* a job's process */
	uv_poll_t poll;
	struct server *server;
	struct job *job; /* NULL: no longer of interest */
	int pidfd;
};

struct queue_host {
	uv_timer_t timer;
	char *file; /* path, NULL: none */
	bool told;  /* that it cannot be written */
};

/* ------------------------------------------------------------------ the file */

static void
save(struct server *s)
{
	struct queue_host *h = s->queue_host;
	struct text out = { .limit = 4 << 20 };
	bool good;

	if (h == NULL || h->file == NULL)
		return;
	queue_write(&s->queue, &out);
	good = !out.failed && (s->queue.count > 0 ?
		file_replace(h->file, bytes_of(text_str(&out), out.n), NULL, 0600) :
		unlink(h->file) == 0 || errno == ENOENT);
	if (!good && !h->told)
		log_line(LOG_L_WARNING, NULL, "%s: %s: jobs would not outlive a crash of the "
			"server", h->file, strerror(errno));
	h->told = !good;
	text_free(&out);
}

static void
take(struct server *s, const char *text, bool crashed)
{
	struct text line = { .limit = 64 << 10 };

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		text_clear(&line);
		text_add_n(&line, text, n);
		text += n + (text[n] == '\n');
		if (strncmp(text_str(&line), "job\t", 4) == 0 &&
			!queue_read(&s->queue, text_str(&line)))
			log_line(LOG_L_WARNING, NULL, "a job of the queue could not be taken over");
	}
	text_free(&line);
	if (!crashed)
		return;
	LIST_FOREACH(node, &s->queue.jobs) {
		struct job *job = container_of(node, struct job, node);

		if (job->state != JOB_RUNNING)
			continue;
		log_line(LOG_L_WARNING, NULL, "job %u (%s) was running when the server before this "
			"one ended; how it ends is not known", job->number, job->name);
		queue_remove(&s->queue, job);
	}
}

/* What a server before this one kept. Only ours counts: it tells whose rights jobs have. */
static void
load(struct server *s)
{
	struct queue_host *h = s->queue_host;
	struct text text = { 0 };
	char why[256];
	struct stat st;

	if (h->file == NULL || lstat(h->file, &st) != 0)
		return;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		log_line(LOG_L_ERROR, NULL, "%s is not ours alone: the jobs in it are not run",
			h->file);
		free(h->file); /* it is not overwritten either */
		h->file = NULL;
		return;
	}
	if (stmt_load(h->file, &text, why, sizeof(why)) == ST_NORMAL)
		take(s, text_str(&text), true);
	else
		log_line(LOG_L_WARNING, NULL, "%s", why);
	text_free(&text);
	if (s->queue.count > 0)
		log_line(LOG_L_INFO, NULL, "%zu jobs wait in the queue", s->queue.count);
}

/* ------------------------------------------------------------------ the child */

struct child { /* all that it needs, got ready before it is made */
	const char *program, *argv[3 + QUEUE_PARAMS_MAX];
	char *env[QUEUE_ENV_MAX + 1];
	size_t envs;
	char at[PATH_MAX + 1], home[PATH_MAX];
	char exe[PATH_MAX];
	gid_t gid, groups[QUEUE_GROUPS_MAX];
	int group_count;
	bool changes_user;
	const struct job *job;
};

static void
add_env(struct child *c, const char *name, const char *value)
{
	if (c->envs < QUEUE_ENV_MAX && value != NULL &&
		asprintf(&c->env[c->envs], "%s=%s", name, value) > 0)
		c->envs++;
	c->env[c->envs] = NULL;
}

static void
make_env(struct server *s, struct child *c, const struct passwd *user)
{
	static const char *const kept[] = { "PATH", "TZ", "LANG", "LC_ALL", "LC_TIME", NULL };

	for (size_t i = 0; kept[i] != NULL; i++)
		add_env(c, kept[i], getenv(kept[i]));
	/* Where things are; not what belongs to the server's own process. */
	for (char **e = environ; *e != NULL && c->envs < QUEUE_ENV_MAX - 8; e++)
		if (strncmp(*e, "MULTINET", 8) == 0 && strncmp(*e, "MULTINET_CHANNEL=", 17) != 0 &&
			strncmp(*e, "MULTINET_NETCONTROL_SOCKET=", 27) != 0 &&
			(c->env[c->envs] = strdup(*e)) != NULL)
			c->envs++;
	add_env(c, "MULTINET_NETCONTROL_SOCKET", s->socket);
	add_env(c, "HOME", c->home);
	add_env(c, "USER", user != NULL ? user->pw_name : NULL);
	add_env(c, "LOGNAME", user != NULL ? user->pw_name : NULL);
	add_env(c, "SHELL", "/bin/sh");
}

static void
find_console(struct server *s, struct child *c)
{
	static const char *const places[] = { "%s/netcontrol", "%s/../bin/netcontrol", NULL };

	for (size_t i = 0; places[i] != NULL; i++) {
		snprintf(c->exe, sizeof(c->exe), i == 0 ? "%s/netcontrol" : "%s/../bin/netcontrol",
			s->loop->dir);
		if (access(c->exe, X_OK) == 0)
			return;
	}
	snprintf(c->exe, sizeof(c->exe), "/usr/bin/netcontrol");
}

/* False: there is no such user, or the server has not the right. why tells. */
static bool
prepare(struct server *s, const struct job *job, struct child *c, char *why, size_t size)
{
	const struct passwd *user = getpwuid(job->uid);
	size_t n = 0;

	c->job = job;
	c->changes_user = job->uid != geteuid();
	if (user == NULL || (c->changes_user && geteuid() != 0)) {
		snprintf(why, size, user == NULL ? "there is no user %u any more" :
			"the server may not become user %u", (unsigned)job->uid);
		return false;
	}
	c->gid = user->pw_gid;
	c->group_count = QUEUE_GROUPS_MAX;
	if (getgrouplist(user->pw_name, user->pw_gid, c->groups, &c->group_count) < 0)
		c->group_count = QUEUE_GROUPS_MAX;
	snprintf(c->home, sizeof(c->home), "%s", user->pw_dir[0] == '/' ? user->pw_dir : "/");
	make_env(s, c, user);
	find_console(s, c);
	snprintf(c->at, sizeof(c->at), "@%s", job->path);
	c->argv[n++] = "netcontrol";
	c->argv[n++] = c->at;
	for (unsigned i = 0; i < job->params; i++)
		c->argv[n++] = job->param[i];
	c->argv[n] = NULL;
	return true;
}

/* In the child: only system calls from here on, and no way back. */
static void
become(const struct child *c)
{
	if (c->changes_user && (setgroups((size_t)c->group_count, c->groups) != 0 ||
		setresgid(c->gid, c->gid, c->gid) != 0 ||
		setresuid(c->job->uid, c->job->uid, c->job->uid) != 0))
		_exit(STATUS_NO_PROGRAM);
}

static void
run_child(const struct child *c)
{
	int null = open("/dev/null", O_RDONLY), log = -1;
	sigset_t none;

	(void)setsid();
	become(c);
	umask(027);
	if (chdir(c->home) != 0 && chdir("/") != 0)
		_exit(STATUS_NO_PROGRAM);
	if (c->job->log[0] != '\0') {
		log = open(c->job->log,
			O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY, 0600);
		if (log < 0)
			dprintf(STDERR_FILENO, "job %u: %s: %s; what it prints follows here\n",
				c->job->number, c->job->log, strerror(errno));
	}
	dup2(null, STDIN_FILENO);
	dup2(log >= 0 ? log : STDERR_FILENO, STDOUT_FILENO);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	(void)syscall(SYS_close_range, 3u, ~0u, 0u);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(c->exe, (char *const *)(uintptr_t)c->argv, c->env);
	dprintf(STDERR_FILENO, "%s: %s\n", c->exe, strerror(errno));
	_exit(STATUS_NO_PROGRAM);
}

/* ------------------------------------------------------------------ what becomes of it */

static void
on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
watch_close(struct job_watch *w)
{
	if (w->job != NULL)
		w->job->watch = NULL;
	uv_close((uv_handle_t *)&w->poll, on_watch_closed);
	close(w->pidfd);
}

/* Tell the log, whoever monitors, and the accounts. */
static void
tell(struct server *s, const struct job *job, const char *what, enum status status)
{
	char line[256], who[64];

	snprintf(line, sizeof(line), "job %u (%s) %s", job->number, job->name, what);
	snprintf(who, sizeof(who), "uid %u%s", (unsigned)job->uid, job->uid == 0 ? " (root)" : "");
	log_line(status == ST_NORMAL ? LOG_L_INFO : LOG_L_WARNING, NULL, "%s: %s", who, line);
	server_news(s, line);
	if (s->accounts != NULL)
		account_add(s->accounts, when_wall(), "NETCONTROL", who, line, status);
}

static void
ended(struct server *s, struct job *job, int how)
{
	char what[96];

	if (WIFSIGNALED(how))
		snprintf(what, sizeof(what), "ended by signal %d%s", WTERMSIG(how),
			job->stopped ? ", as asked for" : "");
	else
		snprintf(what, sizeof(what), "ended with exit status %d", WEXITSTATUS(how));
	tell(s, job, what, how == 0 ? ST_NORMAL : ST_PROGFAILED);
	queue_remove(&s->queue, job);
	server_queue_changed(s);
}

static void
on_ended(uv_poll_t *poll, int status, int events)
{
	struct job_watch *w = poll->data;
	struct job *job = w->job;
	struct server *s = w->server;
	int how = 0;

	(void)status;
	(void)events;
	if (job == NULL || waitpid(job->pid, &how, WNOHANG) == 0)
		return; /* not yet */
	watch_close(w);
	ended(s, job, how);
}

static bool
watch(struct server *s, struct job *job)
{
	struct job_watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return false;
	w->server = s;
	w->poll.data = w;
	w->pidfd = (int)syscall(SYS_pidfd_open, job->pid, 0);
	if (w->pidfd < 0 || fcntl(w->pidfd, F_SETFD, FD_CLOEXEC) != 0 ||
		uv_poll_init(s->loop->loop, &w->poll, w->pidfd) != 0) {
		if (w->pidfd >= 0)
			close(w->pidfd);
		free(w);
		return false;
	}
	w->job = job;
	job->watch = w;
	return uv_poll_start(&w->poll, UV_READABLE, on_ended) == 0;
}

static void
start(struct server *s, struct job *job)
{
	struct child c = { .envs = 0 };
	char why[96];
	pid_t pid = -1;

	/* On the way: should the server die now, the job is not run a second time. */
	queue_set_state(&s->queue, job, JOB_RUNNING, 0);
	save(s);
	if (prepare(s, job, &c, why, sizeof(why))) {
		pid = fork();
		if (pid == 0)
			run_child(&c);
		if (pid < 0)
			snprintf(why, sizeof(why), "no process: %s", strerror(errno));
	}
	for (size_t i = 0; i < c.envs; i++)
		free(c.env[i]);
	if (pid < 0) {
		tell(s, job, why, ST_PROGFAILED);
		queue_remove(&s->queue, job);
		return;
	}
	queue_set_state(&s->queue, job, JOB_RUNNING, pid);
	snprintf(why, sizeof(why), "is running, pid %d", (int)pid);
	tell(s, job, why, ST_NORMAL);
	if (!watch(s, job)) {
		tell(s, job, "cannot be watched", ST_SYSERR);
		queue_remove(&s->queue, job);
	}
}

void
server_queue_stop(struct server *s, struct job *job)
{
	job->stopped = true;
	if (job->pid > 0) {
		kill(-job->pid, SIGTERM);
		kill(job->pid, SIGTERM);
	}
	(void)s;
}

/* ------------------------------------------------------------------ time */

static void
on_time(uv_timer_t *timer)
{
	server_queue_changed(timer->data);
}

static void
arm(struct server *s)
{
	struct queue_host *h = s->queue_host;
	int64_t left;
	wall when;

	if (!queue_deadline(&s->queue, &when)) {
		uv_timer_stop(&h->timer);
		return;
	}
	left = when.ms - when_wall().ms;
	left = left < 0 ? 0 : left > LOOK_MS ? LOOK_MS : left;
	uv_update_time(s->loop->loop);
	uv_timer_start(&h->timer, on_time, (uint64_t)left, 0);
}

void
server_queue_changed(struct server *s)
{
	struct job *job;

	if (s->queue_host == NULL)
		return;
	while (s->phase == SERVER_UP && (job = queue_due(&s->queue, when_wall())) != NULL)
		start(s, job);
	save(s);
	arm(s);
}

/* Jobs run elsewhere: the socket's path from the root on. */
static void
whole_path(struct server *s)
{
	char *whole = s->socket[0] != '/' ? realpath(s->socket, NULL) : NULL;

	if (whole != NULL && strlen(whole) < sizeof(s->socket))
		snprintf(s->socket, sizeof(s->socket), "%s", whole);
	free(whole);
}

bool
server_queue_open(struct server *s, const char *before)
{
	struct queue_host *h = calloc(1, sizeof(*h));

	if (h == NULL || uv_timer_init(s->loop->loop, &h->timer) != 0) {
		free(h);
		return false;
	}
	h->timer.data = s;
	s->queue_host = h;
	whole_path(s);
	if (s->socket[0] == '/' && asprintf(&h->file, "%s.queue", s->socket) < 0)
		h->file = NULL;
	if (before == NULL)
		load(s);
	else
		take(s, before, false);
	LIST_FOREACH(node, &s->queue.jobs) {
		struct job *job = container_of(node, struct job, node);

		if (job->state == JOB_RUNNING && (job->pid <= 0 || !watch(s, job)))
			queue_remove(&s->queue, job);
	}
	server_queue_changed(s);
	return true;
}

static void
on_timer_closed(uv_handle_t *handle)
{
	struct server *s = handle->data;

	free(s->queue_host->file);
	free(s->queue_host);
	s->queue_host = NULL;
}

void
server_queue_close(struct server *s)
{
	if (s->queue_host == NULL)
		return;
	save(s);
	LIST_FOREACH(node, &s->queue.jobs) {
		struct job *job = container_of(node, struct job, node);

		if (job->watch != NULL)
			watch_close(job->watch);
	}
	uv_close((uv_handle_t *)&s->queue_host->timer, on_timer_closed);
}
