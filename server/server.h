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
#include "lib/svc.h"
#include "lib/when.h"
#include "logicals/lnm.h"
#include "server/account.h"
#include "server/link.h"
#include "server/queue.h"
#include "server/rate.h"
#include "server/super.h"

struct server;
struct svc_host; /* process, pipe, timer: super_uv.c's */
struct ctl_server;

enum {
	SVC_SAID_MAX = 4,
	SVC_SAID_LINE_MAX = 256,
	SERVER_REFUSALS_A_MINUTE = 20, /* of one source that are written down */
};

struct svc_internal { /* a service that is part of the server: its row, internal.c */
	const char *name;
	const struct verb *verbs;
	bool raw; /* verbs take the rest of the line as it is: its own grammar */
	bool always; /* cannot be stopped */
	const char *help;
};

struct svc { /* one service at run time */
	struct list node;
	struct server *server;
	const struct svc_conf *conf; /* in server->file */
	char name[SVC_NAME_MAX + 1];
	struct super super;
	const struct svc_internal *internal; /* NULL: a program */
	struct svc_host *host;
	pid_t pid;               /* 0: no process */
	struct link *link;       /* NULL: no channel */
	struct list waiters;     /* calls that wait for it to be up or down */
	struct text verbs;       /* its verbs, one a line, as it told when it became ready */
	char problem[160];       /* why it could not be executed */
	char said[SVC_SAID_MAX][SVC_SAID_LINE_MAX]; /* what its process wrote last, a ring */
	unsigned said_count;     /* lines ever put there since the process was started */
	struct lnm *sampled;     /* logical names as of its start; NULL: not known */
	wall sampled_at;
	bool pending_start;      /* to be started once those before it are settled */
	bool removed;            /* no longer in the services file: goes when it is down */
};

enum server_phase {
	SERVER_UP,
	SERVER_RESTARTING, /* until no service is between two states; then a new image takes over */
	SERVER_STOPPING,
	SERVER_ENDED,
};

struct server {
	struct list services;
	struct svc_file *file;
	const char *file_name; /* its path */
	bool may_lack_file;    /* nobody named one: while there is none, svc_default is in force */
	struct lnm *lnm;       /* the logical names: their system table lives here */
	struct account *accounts;
	struct rate connects, refusals;
	struct queue queue;             /* jobs of SUBMIT */
	struct queue_host *queue_host;  /* queue_uv.c's */
	char socket[256];               /* the operators' control socket; "": not known yet */
	struct cry_tls_ctx *tls; /* NULL: nothing listens with TLS */
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
	/* Every service has settled: let a new image take over. */
	void (*replace)(struct server *s);
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
void server_restart(struct server *s);
/* Write down a request that changed something, or was not permitted. */
void server_account(struct server *s, const char *service, const char *who, const char *line,
	enum status result);
/* Read s->file_name, or svc_default; what is wrong goes to said. NULL: *status tells why. */
struct svc_file *server_read_file(struct server *s, struct text *said, enum status *status);

/* ---- verbs.c */
extern const struct verb server_verbs[];
void server_show_one(struct ctl_call *call, struct svc *svc);

/* ---- verbs_show.c */
void server_run_show(struct ctl_call *call);
void server_run_accounting(struct ctl_call *call);
/* ---- verbs_queue.c: SUBMIT, DELETE, SHOW QUEUE */
void server_run_submit(struct ctl_call *call);
void server_run_delete(struct ctl_call *call);
void server_show_queue(struct ctl_call *call);
void server_queue_candidates(struct server *s, const char *typed, struct text *out);
extern const struct verb_qual server_quals_submit[], server_quals_delete[];
/* ---- queue_uv.c */
/* Once it listens. before: what the image before this one left, or NULL. False: no memory. */
bool server_queue_open(struct server *s, const char *before);
void server_queue_changed(struct server *s); /* run what is due, keep the rest */
void server_queue_stop(struct server *s, struct job *job); /* one that runs: it is told to end */
void server_queue_close(struct server *s); /* what runs goes on */
/* ---- metrics.c */
void server_show_metrics(struct ctl_call *call);
extern const struct verb_qual server_quals_show[], server_quals_accounting[];

/* ---- internal.c */
extern const struct svc_internal svc_internals[];
const struct svc_internal *svc_internal_row(const char *name); /* NULL: none */

/* ---- names.c: the service LOGICALS */
extern const struct verb logicals_verbs[];
/* What a service that starts now sees, as lines of a system table's file. */
void svc_names(struct svc *svc, struct text *out);
/* Remember it; false: out of memory, or the lines are none. */
bool svc_sample(struct svc *svc, const char *lines);
/* Names whose value differs from what the service sampled, ", " between them. */
void svc_changed_names(struct svc *svc, struct text *out);

/* ---- guard.c */
/* What ctl_guard.admit and .refused are; user is the server. */
struct ctl_peer;
enum status server_admit(void *user, struct ctl_peer *peer, char *message, size_t size);
void server_refused(void *user, const struct ctl_peer *peer, const char *why);
/* May whoever asks use this service?  False: the call was ended. */
bool server_may_use(struct ctl_call *call, struct svc *svc);
const struct svc_conf *server_own_conf(const struct server *s); /* NETCONTROL's stanza */

/* ---- takeover.c: what one image tells the next, but for the sockets */
void takeover_write(struct server *s, struct text *out);
/* Service by service what is known of it; call it after server_apply. False: nothing is. */
bool takeover_read(struct server *s, const char *text);
/* The descriptor of a socket that the old image listened on; -1: none. *keep: it is the service
 * manager's. */
int takeover_socket(const char *text, const char *name, bool *keep);
/* Closes the sockets that are not among taken (names, a line each), and removes those of ours. */
void takeover_drop(const char *text, const char *taken);
/* The services file that the old image had in force. */
void takeover_file(const char *text, struct text *out);

/* ---- route.c: what ctl_service.route is */
bool server_route(struct ctl_call *call);

/* ---- super_uv.c */
struct uv_loop_s;
void server_sockets(struct server *s, void (*one)(void *user, const char *name, int fd, bool keep),
	void *user);
bool server_loop_open(struct server *s, struct uv_loop_s *loop);
void server_loop_close(struct server *s); /* after all services are down */
bool svc_host_open(struct svc *svc);
bool svc_host_idle(const struct svc *svc); /* no process or pipe is open any more */
void svc_host_close(struct svc *svc);      /* then svc_free */
/* The process's channel and the pipe of its output; -1: none. */
void svc_host_descriptors(struct svc *svc, int *channel, int *output);
size_t svc_host_unsent(struct svc *svc);   /* octets that wait to go down the channel */
/* ---- adopt_uv.c: a process that the image before this one started; the descriptors become ours */
bool svc_host_adopt(struct svc *svc, pid_t pid, int channel, int output);
void svc_host_rearm(struct svc *svc);      /* the timer, from super.deadline */
void svc_ask_verbs(struct svc *svc);       /* which verbs the service has: for abbreviations */

/* ---- listen.c */
struct server_places { /* where to listen; NULL: as logical names and services file say */
	const char *socket, *reader;
};
/* ST_ALREADY: another server answers there.  before: what the image before this one left, or
 * NULL. */
enum status server_listen(struct server *s, const struct server_places *places, const char *before,
	char *why, size_t why_size);

/* The authority's and its revoked certificates anew; sessions with one of these are dropped. */
enum status server_tls_reload(struct server *s, struct text *said);

/* ---- replace_uv.c */
/* Name of the environment variable that tells a new image where the old one left its state. */
#define SERVER_TAKEOVER "MULTINET_TAKEOVER"
/* End the sessions, then run the program anew in this process; does not return to the loop. */
void server_replace(struct server *s, const char *program, char **argv);
void svc_event(struct svc *svc, enum super_event_type type, int status);
instant server_now(const struct server *s);
wall server_wall_of(const struct server *s, instant t);
void server_news(struct server *s, const char *text);
void server_news_of(struct server *s, unsigned classes, const char *text); /* enum ctl_class */
void server_unlisten(struct server *s);

#endif
