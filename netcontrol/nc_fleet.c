/*
 * nc_fleet.c - one command on several hosts at the same time: /HOST=(a,b,c).
 *
 * Called by main.  Each host has a process of its own, so a host that does not answer holds nobody
 * up; what they say is shown line by line behind the host's name, and summed up at the end.
 */
#include "netcontrol/nc_console.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STREAMS = 2 /* what was asked for, what came of it */ };

struct member {
	char name[128];
	pid_t pid; /* 0: not yet, or ended */
	int fd[STREAMS]; /* -1: closed */
	struct text line[STREAMS];
	enum nc_exit status;
	bool started;
};

struct fleet {
	struct member *member;
	size_t count, running, width;
};

static void
show(const struct fleet *f, struct member *m, size_t stream)
{
	FILE *to = stream == 0 ? stdout : stderr;

	fflush(stream == 0 ? stderr : stdout);
	fprintf(to, "%-*s  %s\n", (int)f->width, m->name, text_str(&m->line[stream]));
	text_clear(&m->line[stream]);
}

static void
take(const struct fleet *f, struct member *m, size_t stream, const char *p, size_t n)
{
	while (n > 0) {
		const char *nl = memchr(p, '\n', n);
		size_t part = nl != NULL ? (size_t)(nl - p) : n;

		text_add_n(&m->line[stream], p, part);
		if (nl == NULL)
			return;
		show(f, m, stream);
		p += part + 1;
		n -= part + 1;
	}
}

/* The member's process: its output goes into the pipes. Does not return. */
static void
be_member(struct nc *nc, struct member *m, int pipes[STREAMS][2], enum nc_exit (*run)(void *user),
	void *user)
{
	int status;

	dup2(pipes[0][1], STDOUT_FILENO);
	dup2(pipes[1][1], STDERR_FILENO);
	for (size_t i = 0; i < STREAMS; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	nc->host = m->name;
	status = (int)run(user);
	fflush(stdout);
	fflush(stderr);
	_exit(status);
}

static bool
start(struct nc *nc, struct fleet *f, struct member *m, enum nc_exit (*run)(void *user), void *user)
{
	int pipes[STREAMS][2];

	m->started = true;
	m->status = NC_FAILED;
	if (pipe(pipes[0]) != 0)
		return false;
	if (pipe(pipes[1]) != 0) {
		close(pipes[0][0]);
		close(pipes[0][1]);
		return false;
	}
	fflush(stdout);
	fflush(stderr);
	m->pid = fork();
	if (m->pid == 0)
		be_member(nc, m, pipes, run, user);
	for (size_t i = 0; i < STREAMS; i++) {
		close(pipes[i][1]);
		m->fd[i] = pipes[i][0];
	}
	f->running++;
	return m->pid > 0;
}

/* Both its pipes are closed: how did it end? */
static void
finish(struct fleet *f, struct member *m)
{
	int how = 0;

	for (size_t i = 0; i < STREAMS; i++)
		if (m->line[i].n > 0)
			show(f, m, i);
	while (waitpid(m->pid, &how, 0) < 0 && errno == EINTR)
		continue;
	m->status = WIFEXITED(how) ? (enum nc_exit)WEXITSTATUS(how) : NC_FAILED;
	m->pid = 0;
	f->running--;
}

static void
read_from(struct fleet *f, struct member *m, size_t stream)
{
	char buf[16 * 1024];
	ssize_t n = read(m->fd[stream], buf, sizeof(buf));

	if (n > 0) {
		take(f, m, stream, buf, (size_t)n);
	} else if (n == 0 || errno != EINTR) {
		close(m->fd[stream]);
		m->fd[stream] = -1;
	}
	if (m->fd[0] < 0 && m->fd[1] < 0)
		finish(f, m);
}

static void
wait_some(struct fleet *f)
{
	struct pollfd p[NC_HOSTS_AT_ONCE * STREAMS];
	struct member *of[NC_HOSTS_AT_ONCE * STREAMS];
	size_t stream[NC_HOSTS_AT_ONCE * STREAMS], n = 0;

	for (size_t i = 0; i < f->count; i++)
		for (size_t k = 0; k < STREAMS && n < ARRAY_LEN(p); k++)
			if (f->member[i].pid > 0 && f->member[i].fd[k] >= 0) {
				p[n] = (struct pollfd){ .fd = f->member[i].fd[k],
					.events = POLLIN };
				of[n] = &f->member[i];
				stream[n++] = k;
			}
	if (poll(p, n, -1) <= 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (p[i].revents != 0)
			read_from(f, of[i], stream[i]);
}

static bool
read_hosts(struct fleet *f, const char *hosts)
{
	f->member = calloc(NC_HOSTS_MAX, sizeof(*f->member));
	while (f->member != NULL && *hosts != '\0') {
		size_t n = strcspn(hosts, ", ()");
		struct member *m = &f->member[f->count];

		if (n > 0 && (f->count == NC_HOSTS_MAX || n >= sizeof(m->name)))
			return false;
		if (n > 0) {
			memcpy(m->name, hosts, n);
			m->fd[0] = m->fd[1] = -1;
			f->width = n > f->width ? n : f->width;
			f->count++;
		}
		hosts += n + (hosts[n] != '\0');
	}
	return f->count > 0;
}

enum nc_exit
nc_fleet(struct nc *nc, const char *hosts, enum nc_exit (*run)(void *user), void *user)
{
	struct fleet f = { .count = 0 };
	enum nc_exit worst = NC_DONE;
	size_t next = 0, done = 0;

	if (!read_hosts(&f, hosts)) {
		free(f.member);
		return nc_say(NC_USAGE, ST_IVPARM, "/HOST=(name,...): at most %d", NC_HOSTS_MAX);
	}
	while (next < f.count || f.running > 0) {
		while (next < f.count && f.running < NC_HOSTS_AT_ONCE) {
			if (!start(nc, &f, &f.member[next], run, user))
				f.member[next].pid = 0;
			next++;
		}
		if (f.running > 0)
			wait_some(&f);
	}
	for (size_t i = 0; i < f.count; i++) {
		done += f.member[i].status == NC_DONE;
		/* The same failure everywhere is that failure, different ones are a failure. */
		if (f.member[i].status != NC_DONE)
			worst = worst == NC_DONE || worst == f.member[i].status ?
				f.member[i].status : NC_FAILED;
		for (size_t k = 0; k < STREAMS; k++)
			text_free(&f.member[i].line[k]);
	}
	fflush(stdout);
	if (!nc->quiet || done < f.count)
		fprintf(stderr, "%zu of %zu hosts: done\n", done, f.count);
	free(f.member);
	return worst;
}
