/*
 * super_uv.h - where the supervisor's actions are performed; what it offers is in server.h.
 */
#ifndef SERVER_SUPER_UV_H
#define SERVER_SUPER_UV_H

#include <limits.h>
#include <uv.h>

#include "server/server.h"

enum {
	SVC_TICK_MS = 1000,          /* how often silent services are looked at */
	SVC_CHANNEL_FD = 3,          /* the channel's descriptor in the service */
	SVC_NAMES_FD = 4,            /* and of its logical names */
	SVC_READ_MAX = 64 * 1024,
	SVC_DRAIN_MAX = 1024,        /* reads from a dead service's channel: all that it can hold */
	SVC_LOG_LINE_MAX = 1024,     /* octets of one line of a service's output in the log */
};

struct svc_loop {
	uv_loop_t *loop;
	uv_timer_t tick;
	struct list outputs; /* readers of services' output */
	char dir[PATH_MAX]; /* of the running program: services are looked for beside it */
	char buf[SVC_READ_MAX];
};

struct run { /* one process and its channel; goes when all its handles are closed */
	struct svc_host *host;
	uv_process_t process;
	uv_poll_t ended;    /* of a process that was adopted: its pidfd */
	int pidfd;
	uv_pipe_t pipe;
	unsigned handles;
	bool channel, closed, eof, adopted;
};

struct svc_host {
	struct svc *svc;
	uv_timer_t timer;
	struct run *run; /* NULL: no process */
	bool spawn_failed;
};

/* ---- super_uv.c, for adopt_uv.c */
struct run *svc_run_new(struct svc_host *host, bool adopted);
void svc_run_close(struct run *run);
void svc_run_read(struct run *run); /* begin to read its channel */
void svc_run_exited(struct run *run, int status, int signal);

/* ---- output_uv.c */
/* A reader of a pipe that exists already; false: it cannot be had, fd is closed. */
bool svc_output_adopt(struct svc *svc, int fd);
int svc_output_descriptor(struct svc *svc, struct list *outputs); /* the newest one's; -1 */
/* A descriptor for a new process's output, whose lines go to the log; -1. The reader is in
 * outputs. */
int svc_output_open(struct svc *svc, struct uv_loop_s *loop, struct list *outputs);
void svc_output_close_all(struct list *outputs);
/* What the service's processes have written so far, now. */
void svc_output_drain(struct svc *svc, struct list *outputs);

#endif
