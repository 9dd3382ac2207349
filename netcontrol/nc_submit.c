/*
 * nc_submit.c - SUBMIT: a procedure is run later, by a process that waits for its time.
 *
 * Called by the console.  The process is the submitter's own, with the submitter's rights, and
 * outlives the console and restarts of the server; what the procedure prints goes to a log file.
 */
#include "netcontrol/nc_console.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/when.h"

enum { AFTER_MAX_S = 366 * 86400, SLICE_S = 30 };

/* "+0:1:00", "+1-00:00", "0:30": days-hours:minutes:seconds; seconds from now, or -1. */
static int64_t
delta_seconds(const char *text)
{
	unsigned days = 0, h = 0, m = 0, s = 0;
	int n = 0;

	if (*text++ != '+')
		return -1;
	if (sscanf(text, "%3u-%n", &days, &n) == 1 && n > 0)
		text += n;
	else
		days = 0;
	n = 0;
	if (sscanf(text, "%4u%n:%2u%n:%2u%n", &h, &n, &m, &n, &s, &n) < 1 || text[n] != '\0' ||
		m > 59 || s > 59)
		return -1;
	return (int64_t)days * 86400 + (int64_t)h * 3600 + (int64_t)m * 60 + s;
}

/* When: a delta, TOMORROW or a time of the calendar; what is past is now. */
static bool
start_time(const char *after, wall now, wall *at)
{
	int64_t s;

	*at = now;
	if (after == NULL)
		return true;
	s = delta_seconds(after);
	if (s >= 0)
		at->ms += s * 1000;
	else if (text_same(after, "TOMORROW") && when_parse("TODAY", now, at))
		at->ms += 86400 * INT64_C(1000);
	else if (!when_parse(after, now, at))
		return false;
	return at->ms - now.ms <= AFTER_MAX_S * INT64_C(1000);
}

/* NAME of "multinet:name.com" */
static void
job_name(const char *spec, char *name, size_t size)
{
	const char *base = spec + strlen(spec);

	while (base > spec && strchr("/:]", base[-1]) == NULL)
		base--;
	snprintf(name, size, "%.*s", (int)strcspn(base, ".;"), base);
}

static void
log_path(const char *named, const char *name, char *path, size_t size)
{
	const char *home = getenv("HOME");

	if (named != NULL)
		snprintf(path, size, "%s", named);
	else
		snprintf(path, size, "%s/%s.log",
			home != NULL && home[0] == '/' ? home : "/tmp", name);
}

/* The waiting process. Does not return. */
static void
wait_and_run(struct nc *nc, wall at, const char *path, const char *const *params, size_t count,
	int log)
{
	int null = open("/dev/null", O_RDONLY), status;

	(void)setsid();
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	signal(SIGINT, SIG_DFL);
	/* The session is the parent's. */
	close(nc->conn.fd);
	nc->conn = (struct nc_conn){ .fd = -1 };
	nc->interactive = nc->one_shot = nc->marks = false;
	nc->script.depth = 0;
	nc->noon = false;
	/* By the calendar: the clock may be set meanwhile. */
	for (int64_t left; (left = at.ms - when_wall().ms) > 0;)
		usleep((useconds_t)(left < SLICE_S * 1000 ? left : SLICE_S * 1000) * 1000);
	status = (int)nc_procedure(nc, path, params, count);
	fflush(stdout);
	_exit(status);
}

/* "(a,b)" came as "a,b". */
static size_t
split_parameters(char *list, const char *params[NC_PARAMS])
{
	size_t n = 0;

	for (char *p = list, *one; p != NULL && (one = strsep(&p, ",")) != NULL;) {
		if (n == NC_PARAMS)
			return NC_PARAMS + 1;
		params[n++] = one;
	}
	return n;
}

enum nc_exit
nc_submit(struct nc *nc, const struct cmd *cmd)
{
	const char *after = cmd_qual(cmd, "AFTER"), *list = cmd_qual(cmd, "PARAMETERS");
	char path[NC_PATH_MAX], log_name[NC_PATH_MAX], name[128], time_text[32], *copy = NULL;
	const char *params[NC_PARAMS] = { NULL };
	wall now = when_wall(), at;
	size_t count = 0;
	pid_t pid;
	int log;

	if (!start_time(after, now, &at))
		return nc_say(NC_USAGE, ST_VALREQ, "/AFTER=\\%.60s\\ is no time: \"+0:30:00\", "
			"10:22, 21-NOV-2026:10:22 or TOMORROW, within a year", after);
	if (!nc_find_procedure(nc, cmd->word[1], path, sizeof(path)))
		return nc_say(NC_FAILED, ST_NOFILE, "no procedure %s", cmd->word[1]);
	if (list != NULL && (copy = strdup(list)) == NULL)
		return nc_say(NC_FAILED, ST_NOMEMORY, NULL);
	count = copy != NULL ? split_parameters(copy, params) : 0;
	job_name(cmd->word[1], name, sizeof(name));
	log_path(cmd_qual(cmd, "LOG_FILE"), name, log_name, sizeof(log_name));
	log = count > NC_PARAMS ? -1 :
		open(log_name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (log < 0) {
		free(copy);
		return count > NC_PARAMS ? nc_say(NC_USAGE, ST_MAXPARM, "at most %d", NC_PARAMS) :
			nc_say(NC_FAILED, ST_SYSERR, "cannot open %s", log_name);
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		wait_and_run(nc, at, path, params, count, log);
	close(log);
	free(copy);
	if (pid < 0)
		return nc_say(NC_FAILED, ST_SYSERR, "cannot start a process");
	if (!nc->quiet)
		printf("Job %s, process %ld, %s %s, log file %s\n", name, (long)pid,
			at.ms > now.ms ? "holding until" : "started at",
			when_vms(time_text, sizeof(time_text), at), log_name);
	return NC_DONE;
}
