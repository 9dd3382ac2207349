/*
 * super_uv.h - where the supervisor's actions are performed; what it offers is in server.h.
 */
#ifndef SERVER_SUPER_UV_H
#define SERVER_SUPER_UV_H

#include "lib/list.h"

struct svc;
struct uv_loop_s;

enum {
	SVC_TICK_MS = 1000,          /* how often silent services are looked at */
	SVC_CHANNEL_FD = 3,          /* the channel's descriptor in the service */
	SVC_READ_MAX = 64 * 1024,
	SVC_DRAIN_MAX = 1024,        /* reads from a dead service's channel: all that it can hold */
	SVC_LOG_LINE_MAX = 1024,     /* octets of one line of a service's output in the log */
};

/* ---- output_uv.c */
/* A descriptor for a new process's output, whose lines go to the log; -1. The reader is in
 * outputs. */
int svc_output_open(struct svc *svc, struct uv_loop_s *loop, struct list *outputs);
void svc_output_close_all(struct list *outputs);
/* What the service's processes have written so far, now. */
void svc_output_drain(struct svc *svc, struct list *outputs);

#endif
