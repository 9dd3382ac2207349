/*
 * svc.h - the services file: what the master server listens on and which programs it runs.
 *
 *	socket "/run/multinet/netcontrol.sock";
 *	service RACOON {
 *		program "racoon";
 *		arguments "-F" "-f" "multinet:racoon.conf";
 *		after IPSEC;
 *		enable on;
 *		restart on-failure;
 *		ready-time 10 sec;
 *		stop-time 5 sec;
 *		log-file "multinet:racoon.log";
 *	}
 *
 * A service is a stanza and no code.  Pure: text in, structs out, errors with file:line:column.
 * Read by the master server, and edited by the console's configuration mode (svc_edit.h).
 */
#ifndef LIB_SVC_H
#define LIB_SVC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/acc.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/stmt.h"
#include "lib/verb.h"

enum { SVC_MAX = 64, SVC_ARGS_MAX = 32, SVC_AFTER_MAX = 16, SVC_NAME_MAX = 31,
	SVC_INTERNAL_MAX = 4, /* services that are part of the server */
	SVC_ENV_MAX = 64, SVC_LOGICALS_MAX = 64, SVC_LISTEN_MAX = 8, SVC_SUBJECTS_MAX = 64,
	SVC_PORT = 4510, SVC_TLS_PORT = 4511, /* of `listen` without [port] */
	SVC_FILE_CAP = 8 << 20 };

#define SVC_SOCKET "/run/multinet/netcontrol.sock"
#define SVC_GROUP "multinet"
#define SVC_READER_SOCKET "/run/multinet/netcontrol-reader.sock"

/* Log file of a service: its lines are operator messages, shown to MONITOR and kept in the log. */
#define SVC_OPCOM "OPCOM"
/* Where NETCONTROL looks for its own certificate, its key, and the authority of others. */
#define SVC_TLS_CERTIFICATE "MULTINET:tls/server.pem"
#define SVC_TLS_KEY "MULTINET:tls/server.key"
#define SVC_TLS_AUTHORITY "MULTINET:tls/authority.pem"
#define SVC_TLS_REVOKED "MULTINET:tls/revoked.pem" /* if there is one */

/* The services of a host without a services file: IPSEC and RACOON. */
extern const char svc_default[];

enum super_restart { SUPER_NEVER, SUPER_ON_FAILURE, SUPER_ALWAYS };

struct super_policy { /* what the supervisor does with it (server/super.h) */
	int64_t restart;         /* enum super_restart */
	bool readiness;          /* says READY over the channel; else it runs once it is spawned */
	int64_t ready_ms;        /* from spawn to READY */
	int64_t stop_ms;         /* from being asked to SIGTERM */
	int64_t backoff_ms;      /* before the first restart; doubles each time */
	int64_t backoff_max_ms;
	int64_t stable_ms;       /* after running this long, failures are forgotten */
	int64_t attempts;        /* failures in a row before FAILED; 0 = no limit */
};

struct svc_listen { /* NETCONTROL over IP */
	struct net_endpoint at;
	bool tls;
	enum ctl_role role; /* of whoever connects; with TLS the certificate tells */
};

struct svc_subject { /* whose certificate has which role; the first that matches counts */
	const char *glob; /* of the subject, "CN=ops*" */
	enum ctl_role role;
};

struct svc_conf { /* strings live in the file's arena */
	const char *name; /* upper case */
	const char *internal; /* the row that it is, upper case; NULL: a program */
	bool implied;         /* not in the file: an internal service with its defaults */
	const char *program;
	const char *argument[SVC_ARGS_MAX + 1]; /* NULL-terminated, without argv[0] */
	size_t arguments;
	const char *after[SVC_AFTER_MAX];       /* names, upper case */
	struct stmt_pos after_pos[SVC_AFTER_MAX];
	size_t afters;
	const char *user;     /* who runs it; NULL: who runs the server */
	const char *environment[SVC_ENV_MAX]; /* "NAME=value" */
	size_t environments;
	const char *logical[SVC_LOGICALS_MAX]; /* "NAME value,value": its job table */
	size_t logicals;
	const char *log_file; /* NULL: the server's own standard error; or SVC_OPCOM */
	bool enable;          /* start it when the server starts */
	int64_t priority;     /* nice value */
	int64_t max_sessions; /* requests under way at once; of NETCONTROL sessions. 0: no limit */
	struct acc_list access; /* who may use it over IP */
	const char *reject_message;
	bool log_accepts, log_rejects;
	/* NETCONTROL's own */
	struct svc_listen listen[SVC_LISTEN_MAX];
	size_t listens;
	struct svc_subject subject[SVC_SUBJECTS_MAX];
	size_t subjects;
	const char *tls_certificate, *tls_key, *tls_authority, *tls_revoked;
	int64_t idle_ms;      /* a session that asks nothing for so long is ended; 0: never */
	int64_t rate;         /* connections a minute from one address; 0: no limit */
	struct super_policy policy;
	struct stmt_pos pos;
};

struct svc_file {
	struct arena *arena; /* owns everything */
	const char *socket, *reader_socket, *group, *reader_group, *log_file;
	struct svc_conf *service; /* services of them, SVC_MAX + SVC_INTERNAL_MAX at most */
	size_t services, room;
};

/* NULL when anything is wrong: errors tells what. name is for messages. */
struct svc_file *svc_read(const char *name, struct bytes text, struct stmt_errors *errors);
void svc_file_free(struct svc_file *f);
const struct svc_conf *svc_find(const struct svc_file *f, const char *name);
bool svc_same(const struct svc_conf *a, const struct svc_conf *b);
/* The file as it would be written: read back it gives the same. */
void svc_print(const struct svc_file *f, struct text *out);
/* One service as a stanza; all: with what is at its default too. */
void svc_print_one(const struct svc_conf *c, bool all, struct text *out);
/* Statements of a service like this one (NULL: of the file itself), without its name. */
const struct conf_row *svc_rows(const struct svc_conf *c);
/* Names of the services that are part of the server, NULL-terminated; NETCONTROL is the first. */
extern const char *const svc_internal_names[];
#endif
