/*
 * host_uv.h - the daemon's own structure, shared by the _uv.c files here and racoon_main.c.
 *
 * Everything runs on one loop and one thread; only DH runs on libuv's pool.  Nothing may call the
 * engine from inside a step: what a step causes (replies, news for MONITOR) is gathered and handed
 * out from the loop's prepare phase, after which verbs may run.
 */
#ifndef RACOON_DAEMON_HOST_UV_H
#define RACOON_DAEMON_HOST_UV_H

#include <uv.h>

#include "ipsec/sadb_stream.h"
#include "ipsec/sadb_uv.h"
#include "lib/ctl_uv.h"
#include "lib/list.h"
#include "logicals/lnm.h"
#include "racoon/daemon/host.h"
#include "racoon/daemon/journal.h"
#include "racoon/daemon/options.h"
#include "racoon/daemon/priv.h"

enum {
	RD_SCAN_MS =
		10 * 1000,  /* addresses are looked at this often, and when the kernel says so */
	RD_SETTLE_MS = 200, /* after the kernel said so */
	RD_DATAGRAMS = 16,  /* read at once */
	RD_ROUNDS = 4,      /* such reads per turn and socket */
	RD_SOCKETS_MAX = 4096,
	RD_HERE_TENTHS = 16, /* of a ms of key exchanges on the loop in one turn */
	RD_NEWS_MAX = 1 << 20,  /* octets of news waiting */
	RD_EMERGENCY_MS = 2000, /* after the end was decided, handles get so long to close */
};

#define RD_OWN_ID (UINT64_C(1) << 63) /* of SADB requests that are ours, not the engine's */
#define RD_USAGE_ID (UINT64_C(1) << 62) /* … and of those that ask for an SA's traffic */

struct rd_sockets;
struct rd_file; /* of the journal */

struct rd_command { /* given to the engine, its reply awaited */
	struct list node;
	struct hash_node by_id;
	struct rd *d;
	uint64_t id;
	rd_reply *done; /* NULL: nobody waits any longer */
	void *user;
	uint64_t due; /* loop time, 0 = never */
	bool replied; /* in the list of those to be told */
	enum status status;
	struct net_endpoint remote;
	char detail[IKE_DETAIL_MAX];
};

struct rd_dump { /* what is going on with the SA database */
	unsigned times_ready;
	bool spd_under_way, sad_under_way;
	struct journal_sa *dead; /* SAs of our predecessor, copied: its journal entries */
	size_t deads, deads_left;
	struct hash_table sad;   /* struct rd_seen: what the database holds, while comparing */
};

struct rd {
	uv_loop_t loop;
	const struct rd_options *options;
	struct rc_options rc_options;
	struct lnm *logicals;
	struct cry *cry;
	struct ike *engine;
	struct rc_config *config;
	const char *config_file;
	char sadb_path[SADB_PATH_MAX];
	struct hash_key hash_key;
	enum log_level base_level;
	int channel; /* from the master; -1: alone */
	bool managed;
	uint16_t port, natt_port;

	uv_timer_t timer;     /* the engine's deadline */
	uv_timer_t patience;  /* of commands, and of the end */
	uv_prepare_t prepare;
	uv_signal_t signals[5];
	bool stepping;
	size_t jobs;
	struct rd_tickets *tickets; /* of ESTABLISH/NOWAIT */
	struct list jobs_here; /* those that no thread takes: short, or the pool refused them */
	unsigned tenths_here; /* of a ms, that the loop spends on them in this turn */

	int backup_fd; /* of path backupsa; -1: none */
	struct ipsec_sa *restore; /* -B: to be put back */
	size_t restores, restore_room;

	struct list hooks_waiting, hooks_active; /* struct rd_hook */
	unsigned hooks_running, hooks_pending;

	struct list commands, replied;
	struct hash_table command_by_id;
	uint64_t last_id;
	size_t command_count;

	struct list lookups;
	uint64_t last_lookup;
	char host_name[RD_NAME_MAX + 1];
	struct net_addr host_address;

	struct hash_table usage_by_id; /* struct usage */
	uint64_t last_usage;

	struct rd_capture *capture; /* NULL: none */
	struct priv *priv;  /* privsep: who does what we may not; NULL: we may everything */
	uv_poll_t priv_poll;
	int privileged;     /* its process */
	struct rd_sockets *sockets;
	struct sadb_client *sadb;
	struct rd_dump dump;
	struct journal journal;
	struct rd_file *file;
	struct ctl_server *ctl;
	struct ctl_service service;
	struct text news;
	wall started, loaded;

	bool ending, closing, clean;
	int exit_status;
	struct { rd_reply *done; void *user; } end_waiters[8];
	unsigned end_waiter_count;
	enum status end_status;
};

/* host_uv.c */
bool rd_host_open(struct rd *d);
void rd_step(struct rd *d, struct ike_event *ev); /* fills in the time */
void rd_trace_open(struct rd *d);
bool rd_engine_open(struct rd *d);
void rd_finish(struct rd *d); /* close everything; the loop ends when all is closed */
void rd_host_free(struct rd *d);
uint64_t rd_now(const struct rd *d);

/* commands_uv.c */
bool rd_commands_open(struct rd *d);
void rd_commands_reply(struct rd *d, const struct ike_effect *fx);
void rd_commands_deliver(struct rd *d);
void rd_commands_timeouts(struct rd *d);
void rd_commands_free(struct rd *d);
void rd_lookups_cancel_all(struct rd *d);

/* sockets_uv.c */
bool rd_sockets_open(struct rd *d, char *why, size_t why_size);
void rd_sockets_rescan(struct rd *d); /* the configuration may list other addresses */
void rd_sockets_marked_esp(struct rd *d, const struct ipsec_sa *sa); /* NAT-T drafts 00, 01 */
void rd_sockets_share(struct rd *d); /* NAT-T sockets with the SA database, now that it is there */
void rd_sockets_send(struct rd *d, const struct ike_effect *fx);
void rd_sockets_close(struct rd *d);
void rd_sockets_free(struct rd *d);
size_t rd_sockets_count(const struct rd *d);
void rd_tell_unmarked(int error, bool *told); /* of udp_open */

/* sadb_host_uv.c */
bool rd_sadb_open(struct rd *d);
void rd_sadb_request(struct rd *d, const struct ike_effect *fx);
void rd_sadb_close(struct rd *d);
void rd_sadb_free(struct rd *d);

/* traffic_uv.c */
bool rd_traffic_open(struct rd *d);
void rd_traffic_answer(struct rd *d, uint64_t id, enum status status, const struct sadb_msg *m);
void rd_traffic_close(struct rd *d);

/* capture_uv.c: nothing happens while there is no capture */
void rd_capture_datagram(struct rd *d, const struct net_endpoint *from,
	const struct net_endpoint *to, bool natt, struct bytes octets);
void rd_capture_key(struct rd *d, struct bytes octets); /* of the message's SA */

/* backup_uv.c */
void rd_backup_open(struct rd *d);
void rd_backup_add(struct rd *d, const struct ipsec_sa *sa);
void rd_backup_restore(struct rd *d, uint64_t id); /* id: of the requests */
void rd_backup_forget(struct rd *d);
void rd_backup_close(struct rd *d);

/* hooks_uv.c */
void rd_hooks_note(struct rd *d, const struct ike_note *n);
void rd_hooks_next(struct rd *d); /* run what waits, as far as the limit allows */
void rd_hooks_close(struct rd *d);

/* journal_uv.c */
void rd_journal_open(struct rd *d);
void rd_journal_flush(struct rd *d);          /* write what is pending, asynchronously */
void rd_journal_close(
	struct rd *d, bool clean); /* waits for what is under way; empties when clean */
const char *rd_journal_path(const struct rd *d);
/* The file that will replace the journal's, or -1; and that it does, or that there is none. */
int rd_journal_file_new(struct rd *d);
bool rd_journal_file_do(struct rd *d, bool take);

/* priv_uv.c: without privsep these do nothing */
bool rd_priv_fork(struct rd *d); /* before anything is opened */
bool rd_priv_drop(struct rd *d); /* when everything is, and before any thread */
bool rd_priv_load(struct rd *d, struct rc_tape *tape);
void rd_priv_close(struct rd *d); /* its handles */
void rd_priv_end(struct rd *d);

/* config_uv.c */
bool rd_config_load_first(struct rd *d);
bool rd_locate(void *user, const char *spec, char *path, size_t size);
const char *rd_logical(struct rd *d, const char *name, char *buf, size_t size); /* NULL: none */
void rd_report(const struct stmt_errors *errors);
const char *rd_control_path(const struct rd *d); /* of a racoon run alone; NULL: there is none */
bool rd_pidfile_path(const struct rd *d, char *path, size_t size);



#endif
