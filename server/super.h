/*
 * super.h - the supervisor of one service as a pure step: event in, actions out.
 *
 *	HALTED --START--> STARTING --READY--> RUNNING --STOP--> STOPPING --CHILD_EXITED--> HALTED
 *	                  STARTING, RUNNING --CHILD_EXITED--> BACKOFF --TIMEOUT--> STARTING
 *	                                                  or FAILED
 *
 * No clock, process or signal in here: super_uv.c performs the actions and reports the events.
 * Stopping goes in stages, each with a time limit: the service is asked (so that it can tell its
 * peers), then gets SIGTERM, then SIGKILL.
 */
#ifndef SERVER_SUPER_H
#define SERVER_SUPER_H

#include <stdbool.h>

#include "lib/svc.h" /* super_policy: what the services file says of one service */
#include "lib/text.h"
#include "lib/when.h"

enum super_state {
	SUPER_HALTED,
	SUPER_STARTING,
	SUPER_RUNNING,
	SUPER_STOPPING,
	SUPER_BACKOFF,
	SUPER_FAILED,
};

enum super_event_type {
	SUPER_START,
	SUPER_STOP,
	SUPER_RESTART,
	SUPER_READY,        /* the service says that it can be used */
	SUPER_LOST,         /* it closed its channel: it ends, or is broken */
	SUPER_CHILD_EXITED,
	SUPER_SPAWN_FAILED, /* the program could not be executed at all */
	SUPER_TIMEOUT,      /* what SUPER_ARM asked for */
};

enum super_action_type {
	SUPER_SPAWN,  /* run the program */
	SUPER_ASK,    /* ask the service to shut down, over its channel */
	SUPER_SIGNAL, /* .signal */
	SUPER_ARM,    /* one timer for .when; INSTANT_NEVER stops it */
	SUPER_REPORT, /* the state changed: tell log, waiting requests, monitors */
};

enum {
	SUPER_TERM_MS = 2000,   /* between SIGTERM and SIGKILL */
	SUPER_LOST_MS = 1000,   /* between a lost channel and SIGTERM */
	SUPER_ACTIONS_MAX = 4,
};

enum super_why { /* the reason for the last change, for SHOW */
	SUPER_WHY_NEVER,    /* never started */
	SUPER_WHY_OPERATOR, /* stopped on request */
	SUPER_WHY_EXITED,   /* ended by itself: .last_status */
	SUPER_WHY_NOTREADY, /* did not say READY in time */
	SUPER_WHY_LOST,     /* closed its channel and went on */
	SUPER_WHY_EXEC,     /* could not be executed */
};

enum super_stage { SUPER_STAGE_NONE, SUPER_STAGE_ASKED, SUPER_STAGE_TERM, SUPER_STAGE_KILL };

struct super { /* zero-initialised but for policy = HALTED, never started */
	struct super_policy policy;
	enum super_state state;
	enum super_stage stage;  /* of STOPPING */
	enum super_why why;
	bool again;              /* STOPPING: start once it is down */
	bool failing;            /* STOPPING because of a failure, not a request */
	int last_status;         /* exit status, or -signal */
	unsigned failures;       /* in a row */
	unsigned restarts;       /* since the operator's last START */
	instant since;           /* of the present state */
	instant deadline;        /* what is armed */
	instant ended;           /* of the last process */
};

struct super_event {
	enum super_event_type type;
	instant now;
	int status; /* CHILD_EXITED: exit status, or -signal */
};

struct super_action {
	enum super_action_type type;
	int signal;
	instant when;
};

struct super_actions {
	size_t count;
	struct super_action action[SUPER_ACTIONS_MAX];
};

void super_step(struct super *s, const struct super_event *e, struct super_actions *out);

const char *super_state_name(enum super_state state);   /* "backoff" */
/* What stands behind "service X is": "waiting to be started again (back-off)". */
const char *super_state_phrase(enum super_state state);
bool super_is_up(const struct super *s);   /* has, or should have, a process */
bool super_is_down(const struct super *s); /* HALTED or FAILED: nothing will happen by itself */
/* "ended by signal 9 (Killed)", "was never started" … */
void super_explain(const struct super *s, struct text *out);
/* How the last process ended, asked to or not. */
void super_explain_exit(const struct super *s, struct text *out);

#endif
