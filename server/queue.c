/*
 * queue.c - the list of jobs that wait for their time (see queue.h).
 *
 * Called by verbs_queue.c, queue_uv.c and takeover.c.  Pure.  The list is short (QUEUE_JOBS_MAX),
 * so it is walked.
 */
#include "server/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
queue_init(struct queue *q)
{
	*q = (struct queue){ .last = 0 };
	list_init(&q->jobs);
}

static void
job_free(struct job *job)
{
	free(job->path);
	free(job->log);
	for (unsigned i = 0; i < job->params; i++)
		free(job->param[i]);
	free(job);
}

void
queue_remove(struct queue *q, struct job *job)
{
	queue_set_state(q, job, JOB_HOLDING, 0);
	list_remove(&job->node);
	q->count--;
	job_free(job);
}

void
queue_free(struct queue *q)
{
	while (!list_empty(&q->jobs))
		queue_remove(q, container_of(q->jobs.next, struct job, node));
}

struct job *
queue_find(struct queue *q, unsigned number)
{
	LIST_FOREACH(n, &q->jobs) {
		struct job *job = container_of(n, struct job, node);

		if (job->number == number)
			return job;
	}
	return NULL;
}

/* Tabs and line ends part the fields of the text form. */
static bool
is_sound(const char *s)
{
	return s != NULL && strpbrk(s, "\t\r\n") == NULL;
}

static struct job *
job_copy(const struct job *like)
{
	struct job *job = calloc(1, sizeof(*job));
	bool whole = job != NULL;

	if (job == NULL)
		return NULL;
	job->uid = like->uid;
	job->when = like->when;
	snprintf(job->name, sizeof(job->name), "%s", like->name);
	job->path = strdup(like->path);
	job->log = strdup(like->log);
	for (; job->params < like->params && whole; job->params++) {
		job->param[job->params] = strdup(like->param[job->params]);
		whole = job->param[job->params] != NULL;
	}
	if (whole && job->path != NULL && job->log != NULL)
		return job;
	job_free(job);
	return NULL;
}

static enum status
check(const struct queue *q, const struct job *like, char *why, size_t size)
{
	bool sound = is_sound(like->path) && is_sound(like->log) && is_sound(like->name) &&
		like->name[0] != '\0';
	size_t own = 0;

	for (unsigned i = 0; i < like->params; i++)
		sound = sound && is_sound(like->param[i]);
	if (!sound || like->path[0] != '/' || (like->log[0] != '\0' && like->log[0] != '/')) {
		snprintf(why, size, "%s", sound ? "paths have to begin with /" :
			"tabs and line ends cannot be part of a job");
		return ST_IVPARM;
	}
	LIST_FOREACH(n, &q->jobs)
		own += container_of(n, struct job, node)->uid == like->uid;
	if (q->count >= QUEUE_JOBS_MAX || (like->uid != 0 && own >= QUEUE_USER_MAX)) {
		snprintf(why, size, "%zu jobs are in the queue, %zu of them yours", q->count, own);
		return ST_LIMIT;
	}
	return ST_NORMAL;
}

static enum status
add(struct queue *q, const struct job *like, unsigned number, struct job **out)
{
	struct job *job = job_copy(like);

	if (job == NULL)
		return ST_NOMEMORY;
	job->number = number;
	if (number > q->last)
		q->last = number;
	q->count++;
	list_append(&q->jobs, &job->node);
	*out = job;
	return ST_NORMAL;
}

enum status
queue_add(struct queue *q, const struct job *like, struct job **out, char *why, size_t why_size)
{
	why[0] = '\0';
	TRY(check(q, like, why, why_size));
	if (q->last >= INT32_MAX) /* begins anew where nobody is */
		q->last = 0;
	while (queue_find(q, q->last + 1) != NULL)
		q->last++;
	return add(q, like, q->last + 1, out);
}

void
queue_set_state(struct queue *q, struct job *job, enum job_state state, pid_t pid)
{
	q->running += (state == JOB_RUNNING) - (size_t)(job->state == JOB_RUNNING);
	job->state = state;
	job->pid = pid;
}

/* The one that is due first, whether or not it is due yet. */
static struct job *
first_waiting(const struct queue *q)
{
	struct job *first = NULL;

	LIST_FOREACH(n, &q->jobs) {
		struct job *job = container_of(n, struct job, node);

		if (job->state == JOB_HOLDING && (first == NULL || job->when.ms < first->when.ms))
			first = job;
	}
	return first;
}

struct job *
queue_due(struct queue *q, wall now)
{
	struct job *first = q->running < QUEUE_RUNNING_MAX ? first_waiting(q) : NULL;

	return first != NULL && first->when.ms <= now.ms ? first : NULL;
}

bool
queue_deadline(const struct queue *q, wall *when)
{
	const struct job *first = q->running < QUEUE_RUNNING_MAX ? first_waiting(q) : NULL;

	if (first != NULL)
		*when = first->when;
	return first != NULL;
}

const char *
queue_state_name(const struct job *job, wall now)
{
	if (job->state == JOB_RUNNING)
		return "EXECUTING";
	return job->when.ms > now.ms ? "HOLDING" : "PENDING";
}

/* ------------------------------------------------------------------ as text */

void
queue_write(const struct queue *q, struct text *out)
{
	LIST_FOREACH(n, &q->jobs) {
		const struct job *job = container_of(n, struct job, node);

		text_addf(out, "job\t%u\t%u\t%" PRId64 "\t%s\t%d\t%s\t%s\t%s", job->number,
			(unsigned)job->uid, job->when.ms,
			job->state == JOB_RUNNING ? "EXECUTING" : "HOLDING", (int)job->pid,
			job->name, job->path, job->log);
		for (unsigned i = 0; i < job->params; i++)
			text_addf(out, "\t%s", job->param[i]);
		text_add(out, "\n");
	}
}

/* The fields of a line, cut in place; their number, most + 1 when there are too many. */
static size_t
fields_of(char *line, char *field[], size_t most)
{
	size_t n = 0;

	for (char *p = line, *one; p != NULL && (one = strsep(&p, "\t")) != NULL; n++) {
		if (n == most)
			return most + 1;
		field[n] = one;
	}
	return n;
}

static bool
number_of(const char *text, int64_t most, int64_t *out)
{
	char *end;

	*out = strtoll(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *out <= most;
}

enum { FIELDS = 9 };

/* The numbers among the fields, and that the rest is sound. */
static bool
read_job(char *field[], size_t n, struct job *like, int64_t *number, int64_t *pid)
{
	int64_t uid, when;

	if (n < FIELDS || n > FIELDS + QUEUE_PARAMS_MAX || strcmp(field[0], "job") != 0 ||
		!number_of(field[1], INT32_MAX, number) || *number == 0 ||
		!number_of(field[2], UINT32_MAX, &uid) || !number_of(field[3], INT64_MAX, &when) ||
		!number_of(field[5], INT32_MAX, pid) || strlen(field[6]) > QUEUE_NAME_MAX)
		return false;
	like->uid = (uid_t)uid;
	like->when.ms = when;
	snprintf(like->name, sizeof(like->name), "%s", field[6]);
	like->path = field[7];
	like->log = field[8];
	like->params = (unsigned)(n - FIELDS);
	for (unsigned i = 0; i < like->params; i++)
		like->param[i] = field[FIELDS + i];
	return true;
}

bool
queue_read(struct queue *q, const char *line)
{
	char *copy = strdup(line), *field[FIELDS + QUEUE_PARAMS_MAX], why[96];
	struct job like = { .number = 0 }, *job;
	int64_t number, pid;
	bool good;

	if (copy == NULL)
		return false;
	good = read_job(field, fields_of(copy, field, ARRAY_LEN(field)), &like, &number, &pid) &&
		queue_find(q, (unsigned)number) == NULL &&
		check(q, &like, why, sizeof(why)) == ST_NORMAL &&
		add(q, &like, (unsigned)number, &job) == ST_NORMAL;
	if (good && strcmp(field[4], "EXECUTING") == 0)
		queue_set_state(q, job, JOB_RUNNING, (pid_t)pid);
	free(copy);
	return good;
}
