/*
 * queue.h - jobs that wait for their time: SUBMIT.
 *
 * A job is a command procedure of a user of this host; when its time has come the server runs the
 * console on it with that user's rights (queue_uv.c).  This is the list alone: no clock, no
 * process, no file.  Its text form is kept in a file beside the control socket and handed to the
 * next image.
 */
#ifndef SERVER_QUEUE_H
#define SERVER_QUEUE_H

#include <sys/types.h>

#include "lib/list.h"
#include "lib/status.h"
#include "lib/text.h"
#include "lib/when.h"

enum {
	QUEUE_JOBS_MAX = 256,    /* waiting and running */
	QUEUE_USER_MAX = 64,     /* of one user other than root */
	QUEUE_RUNNING_MAX = 8,   /* at once; others are pending until one has ended */
	QUEUE_PARAMS_MAX = 8,
	QUEUE_NAME_MAX = 39,
	QUEUE_AHEAD_DAYS = 366,  /* the furthest time that a job may wait for */
};

enum job_state { JOB_HOLDING, JOB_RUNNING };

struct job {
	struct list node;
	unsigned number; /* "entry 3" */
	uid_t uid;
	wall when;       /* to be run */
	enum job_state state;
	pid_t pid;       /* while it runs; leads its session */
	bool stopped;    /* DELETE was asked for while it ran */
	char name[QUEUE_NAME_MAX + 1];
	char *path, *log; /* absolute; log "": as the server's own output */
	char *param[QUEUE_PARAMS_MAX];
	unsigned params;
	void *watch;      /* queue_uv.c's */
};

struct queue {
	struct list jobs; /* by number */
	unsigned last;    /* number given last */
	size_t count, running;
};

void queue_init(struct queue *q);
void queue_free(struct queue *q);
/*
 * A copy of `like` under the next number.  ST_LIMIT, ST_NOMEMORY, ST_IVPARM (a tab or line end in
 * a text) with why.
 */
enum status queue_add(struct queue *q, const struct job *like, struct job **out, char *why,
	size_t why_size) ATTR_NODISCARD;
void queue_remove(struct queue *q, struct job *job);
struct job *queue_find(struct queue *q, unsigned number); /* NULL: none */
void queue_set_state(struct queue *q, struct job *job, enum job_state state, pid_t pid);
/* The job whose turn it is: due, and fewer than QUEUE_RUNNING_MAX run; NULL: none. */
struct job *queue_due(struct queue *q, wall now);
/* When the next one is due; false: none is waiting, or too many run. */
bool queue_deadline(const struct queue *q, wall *when);
const char *queue_state_name(const struct job *job, wall now); /* HOLDING, PENDING, EXECUTING */
/* A line for each job; queue_read takes one, false: it is none, or there are too many. */
void queue_write(const struct queue *q, struct text *out);
bool queue_read(struct queue *q, const char *line);

#endif
