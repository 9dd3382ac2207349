/*
 * server.h - the master server: its services at run time, their order, who waits for them.
 *
 * server.c decides, verbs.c answers operators, super_uv.c runs processes.  Nothing here includes
 * libuv; time comes from server_now.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <sys/types.h>

#include "lib/ctl.h"
#include "lib/list.h"
#include "lib/when.h"
#include "logicals/lnm.h"
#include "server/link.h"
#include "server/services.h"
#include "server/super.h"

struct server;
struct svc_host; /* process, pipe, timer: super_uv.c's */
struct ctl_server;

enum { SVC_SAID_MAX = 4, SVC_SAID_LINE_MAX = 256 };

struct svc { /* one service at run time */
	struct list node;
	struct server *server;
	const struct svc_conf *conf; /* in server->file */
	char name[SVC_NAME_MAX + 1];
	struct super super;
	struct svc_host *host;
	pid_t pid;               /* 0: no process */
	struct link *link;       /* NULL: no channel */
	struct list waiters;     /* calls that wait for it to be up or down */
	struct text verbs;       /* its verbs, one a line, as it told when it became ready */
	char problem[160];       /* why it could not be executed */
	char said[SVC_SAID_MAX][SVC_SAID_LINE_MAX]; /* what its process wrote last, a ring */
	unsigned said_count;     /* lines ever put there since the process was started */
	bool pending_start;      /* to be started once those before it are settled */
	bool removed;            /* no longer in the services file: goes when it is down */
};

enum server_phase { SERVER_UP, SERVER_STOPPING, SERVER_ENDED };

struct server {
	struct list services;
	struct svc_file *file;
	const char *file_name; /* its path */
	bool may_lack_file;    /* nobody named one: while there is none, svc_default is in force */
	struct lnm *lnm;       /* logical names as they were when the server started */
	struct ctl_service ctl;
	struct ctl_server *control;
	struct svc_loop *loop; /* super_uv.c's */
	enum server_phase phase;
	bool takes_output;     /* services without a log file write into the server's log */
	const char *log_name;  /* where the server's log goes, as told to operators */
	struct list waiters;   /* SHUTDOWN calls */
	struct list starters;  /* START calls: until every service has settled */
	instant started;
	char host[64];
	/* All services are down: end the program. */
	void (*ended)(struct server *s);
};

struct waiter { /* a call that waits for a service, or for the end of all */
	struct list node;
	struct ctl_call *call;
	bool for_up;
};

/* ---- server.c */
/* Take over a services file (the server owns it from now on): new services appear, services no
 * longer in it stop and go, the rest keep running.  The plan, a line each, goes to plan. */
bool server_apply(struct server *s, struct svc_file *file, struct text *plan);
struct svc *server_find(struct server *s, const char *name); /* any case, exact */
void server_start_enabled(struct server *s); /* those that are down */
void server_shutdown(struct server *s);
void server_plan(struct server *s);       /* start and stop what may be, in order */
void svc_changed(struct svc *svc);        /* the supervisor reports a new state */
bool server_wait(struct svc *svc, struct ctl_call *call, bool for_up);
bool server_wait_end(struct server *s, struct ctl_call *call);
bool server_wait_start(struct server *s, struct ctl_call *call);
void svc_free(struct svc *svc);
/* Why it is down and when it is tried again: "ended by signal 9 (Killed), next start in 3 s". */
void svc_explain(struct svc *svc, struct text *out);
/* The lines that its process wrote last, and where the rest is. */
void svc_last_words(struct svc *svc, struct ctl_call *call);
enum status server_reload(struct server *s, struct text *said);
/* Read s->file_name, or svc_default; what is wrong goes to said. NULL: *status tells why. */
struct svc_file *server_read_file(struct server *s, struct text *said, enum status *status);

/* ---- verbs.c */
extern const struct verb server_verbs[];
void server_show_one(struct ctl_call *call, struct svc *svc);
void server_monitor(struct ctl_call *call);

/* ---- route.c: what ctl_service.route is */
bool server_route(struct ctl_call *call);

/* ---- super_uv.c */
struct uv_loop_s;
bool server_loop_open(struct server *s, struct uv_loop_s *loop);
void server_loop_close(struct server *s); /* after all services are down */
bool svc_host_open(struct svc *svc);
bool svc_host_idle(const struct svc *svc); /* no process or pipe is open any more */
void svc_host_close(struct svc *svc);      /* then svc_free */
void svc_event(struct svc *svc, enum super_event_type type, int status);
instant server_now(const struct server *s);
wall server_wall_of(const struct server *s, instant t);
void server_news(struct server *s, const char *text);
void server_unlisten(struct server *s);

#endif
