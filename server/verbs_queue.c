/*
 * verbs_queue.c - SUBMIT, SHOW QUEUE and DELETE: command procedures that are run later.
 *
 * Called for the verbs of these names.  Whoever submits has to be a user of this host, told by the
 * kernel: the job has his rights and no others.
 */
#include "server/server.h"

#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/json.h"

const struct verb_qual server_quals_submit[] = {
	{ "AFTER", "time", "when: \"+0:30:00\", 10:22, TOMORROW; at once without" },
	{ "LOG_FILE", "file", "where what it prints goes; the server's log without" },
	{ "NAME", "name", "what it is called; else as the file" },
	{ "NOPRINT", NULL, "the log file is never printed here anyway" },
	{ "PARAMETERS", "list", "(a,b): P1, P2 ... of the procedure" },
	{ NULL, NULL, NULL },
};
const struct verb_qual server_quals_delete[] = {
	{ "ENTRY", "number", "the job of that number" },
	{ NULL, NULL, NULL },
};

static const char *
user_name(uid_t uid, char *buf, size_t size)
{
	const struct passwd *user = getpwuid(uid);

	if (user != NULL)
		snprintf(buf, size, "%s", user->pw_name);
	else
		snprintf(buf, size, "uid %u", (unsigned)uid);
	return buf;
}

/* NAME of "multinet:name.com" */
static void
name_of(const char *spec, char *name, size_t size)
{
	const char *base = spec + strlen(spec);

	while (base > spec && strchr("/:]", base[-1]) == NULL)
		base--;
	snprintf(name, size, "%.*s", (int)strcspn(base, ".;"), base);
}

/* A path as the server's logical names have it; the console has looked already. */
static enum status
path_of(struct server *s, const char *spec, char *path, size_t size)
{
	size_t n;

	TRY(lnm_file_spec(s->lnm, spec, path, size));
	n = strlen(path);
	if (access(path, F_OK) != 0 && strchr(spec, '.') == NULL)
		snprintf(path + n, size - n, ".com");
	return ST_NORMAL;
}

/* "(a,b)" came as "a,b". False: too many. */
static bool
take_parameters(char *list, struct job *job)
{
	for (char *p = list, *one; p != NULL && (one = strsep(&p, ",")) != NULL;) {
		if (job->params == QUEUE_PARAMS_MAX)
			return false;
		job->param[job->params++] = one;
	}
	return true;
}

/* False: the call was ended. */
static bool
take_time(struct ctl_call *call, wall now, wall *when)
{
	const char *after = cmd_qual(call->cmd, "AFTER");

	*when = now;
	if (after == NULL || (when_parse_later(after, now, when) &&
		when->ms - now.ms <= QUEUE_AHEAD_DAYS * INT64_C(86400000)))
		return true;
	ctl_done(call, ST_VALREQ, "/AFTER=\\%.60s\\ is no time: \"+0:30:00\", 10:22, "
		"21-NOV-2026:10:22 or TOMORROW, within a year", after);
	return false;
}

static void
submitted(struct ctl_call *call, struct server *s, const struct job *job)
{
	char when[32];

	when_vms(when, sizeof(when), job->when);
	ctl_line(call, "Job %s (queue NETCONTROL, entry %u) %s %s%s%s", job->name, job->number,
		job->when.ms > when_wall().ms ? "holding until" : "started at", when,
		job->log[0] != '\0' ? ", log file " : "", job->log);
	ctl_done(call, ST_NORMAL, "entry %u", job->number);
	server_queue_changed(s);
}

void
server_run_submit(struct ctl_call *call)
{
	struct server *s = call->user;
	const char *list = cmd_qual(call->cmd, "PARAMETERS"), *name = cmd_qual(call->cmd, "NAME");
	const char *log = cmd_qual(call->cmd, "LOG_FILE");
	char path[PATH_MAX], log_path[PATH_MAX] = "", why[160] = "", *copy;
	struct job like = { .path = path, .log = log_path }, *job;
	enum status status;

	if (call->uid < 0 || (geteuid() != 0 && call->uid != (int64_t)geteuid())) {
		ctl_done(call, ST_NOTPERM, "%s", call->uid < 0 ?
			"jobs have the rights of a user of this host: submit them here" :
			"the server runs as another user and cannot become you");
		return;
	}
	if (!take_time(call, when_wall(), &like.when))
		return;
	like.uid = (uid_t)call->uid;
	status = path_of(s, ctl_param(call, 0), path, sizeof(path));
	if (status == ST_NORMAL && log != NULL)
		status = lnm_file_spec(s->lnm, log, log_path, sizeof(log_path));
	if (name != NULL)
		snprintf(like.name, sizeof(like.name), "%s", name);
	else
		name_of(path, like.name, sizeof(like.name));
	copy = list != NULL ? strdup(list) : NULL;
	if (status != ST_NORMAL) {
		ctl_done(call, status, "%s", ctl_param(call, 0));
	} else if (list != NULL && (copy == NULL || !take_parameters(copy, &like))) {
		ctl_done(call, copy == NULL ? ST_NOMEMORY : ST_MAXPARM, "at most %d",
			QUEUE_PARAMS_MAX);
	} else {
		status = queue_add(&s->queue, &like, &job, why, sizeof(why));
		if (status == ST_NORMAL)
			submitted(call, s, job);
		else
			ctl_done(call, status, "%s", why);
	}
	free(copy);
}

void
server_run_delete(struct ctl_call *call)
{
	struct server *s = call->user;
	const char *typed = ctl_param(call, 0);
	char *end, name[QUEUE_NAME_MAX + 1];
	unsigned long n;
	struct job *job;

	if (typed == NULL)
		typed = cmd_qual(call->cmd, "ENTRY");
	if (typed == NULL) {
		ctl_done(call, ST_INSFPRM, "the number of an entry, SHOW QUEUE tells it");
		return;
	}
	n = strtoul(typed, &end, 10);
	if (typed[0] < '0' || typed[0] > '9' || *end != '\0' || n > INT_MAX) {
		ctl_done(call, ST_IVPARM, "\\%.40s\\: the number of an entry is expected", typed);
		return;
	}
	job = queue_find(&s->queue, (unsigned)n);
	if (job == NULL) {
		ctl_done(call, ST_NOSUCHENT, "%lu", n);
	} else if (call->uid != 0 && call->uid != (int64_t)job->uid) {
		ctl_done(call, ST_NOTPERM, "entry %u is another user's", job->number);
	} else if (job->state == JOB_RUNNING) {
		server_queue_stop(s, job);
		ctl_done(call, ST_NORMAL, "entry %lu is running and was told to end", n);
	} else {
		snprintf(name, sizeof(name), "%s", job->name);
		queue_remove(&s->queue, job);
		server_queue_changed(s);
		ctl_done(call, ST_NORMAL, "entry %lu (%s) is deleted", n, name);
	}
}

/* ------------------------------------------------------------------ SHOW QUEUE */

static void
job_json(struct json *j, const struct job *job, wall now)
{
	char buf[64];

	json_object(j, NULL);
	json_uint(j, "entry", job->number);
	json_string(j, "name", job->name);
	json_string(j, "user", user_name(job->uid, buf, sizeof(buf)));
	json_string(j, "state", queue_state_name(job, now));
	json_string(j, "after", when_json(buf, sizeof(buf), job->when));
	json_int(j, "pid", job->pid);
	json_string(j, "procedure", job->path);
	json_string(j, "log_file", job->log[0] != '\0' ? job->log : NULL);
	json_array(j, "parameters");
	for (unsigned i = 0; i < job->params; i++)
		json_string(j, NULL, job->param[i]);
	json_end(j);
	json_end(j);
}

static void
show_json(struct ctl_call *call, struct server *s)
{
	struct text out = { 0 };
	struct json j = json_to(&out);

	json_object(&j, NULL);
	json_string(&j, "schema", "multinet.queue");
	json_int(&j, "version", 1);
	json_array(&j, "jobs");
	LIST_FOREACH(n, &s->queue.jobs)
		job_json(&j, container_of(n, struct job, node), when_wall());
	json_end(&j);
	json_end(&j);
	ctl_text(call, text_str(&out));
	text_free(&out);
}

static void
job_full(struct ctl_call *call, const struct job *job)
{
	ctl_line(call, "       Procedure: %s", job->path);
	for (unsigned i = 0; i < job->params; i++)
		ctl_line(call, "       P%u: %s", i + 1, job->param[i]);
	ctl_line(call, "       Log file: %s", job->log[0] != '\0' ? job->log : "the server's own");
}

void
server_show_queue(struct ctl_call *call)
{
	struct server *s = call->user;
	char when[32], user[64], pid[24];

	if (call->json) {
		show_json(call, s);
		ctl_done(call, ST_NORMAL, NULL);
		return;
	}
	if (s->queue.count > 0)
		ctl_line(call, "%-5s  %-20s  %-12s  %s", "Entry", "Job name", "Username", "Status");
	LIST_FOREACH(n, &s->queue.jobs) {
		const struct job *job = container_of(n, struct job, node);
		const char *state = queue_state_name(job, when_wall());

		snprintf(pid, sizeof(pid), ", pid %d", (int)job->pid);
		when_vms(when, sizeof(when), job->when);
		ctl_line(call, "%5u  %-20s  %-12s  %s%s%s", job->number, job->name,
			user_name(job->uid, user, sizeof(user)), state,
			job->state == JOB_RUNNING ? pid : " until ",
			job->state == JOB_RUNNING ? "" : when);
		if (cmd_qual(call->cmd, "FULL") != NULL)
			job_full(call, job);
	}
	ctl_done(call, ST_NORMAL, "%zu job%s, %zu running", s->queue.count,
		s->queue.count == 1 ? "" : "s", s->queue.running);
}

/* The entries whose number begins as typed, for COMPLETE. */
void
server_queue_candidates(struct server *s, const char *typed, struct text *out)
{
	char number[16];

	LIST_FOREACH(n, &s->queue.jobs) {
		const struct job *job = container_of(n, struct job, node);

		snprintf(number, sizeof(number), "%u", job->number);
		if (text_prefix(typed, number))
			text_addf(out, "%s\t%s\n", number, job->name);
	}
	if (typed[0] == '\0')
		text_add(out, "<entry>\t\n");
}
