/*
 * host.h - what the daemon offers to its verbs: the engine, commands, the configuration, sockets.
 *
 * Free of libuv.  Implemented by host_uv.c and its neighbours; tests of the verbs implement it
 * themselves around a made-up engine.
 */
#ifndef RACOON_DAEMON_HOST_H
#define RACOON_DAEMON_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/net.h"
#include "lib/status.h"
#include "lib/text.h"
#include "lib/when.h"
#include "racoon/conf/rc.h"
#include "racoon/ike/ike.h"

enum {
	RD_COMMANDS_MAX = 4096,        /* waiting at once */
	RD_ESTABLISH_MS = 120 * 1000,  /* without /TIMEOUT */
	RD_SHUTDOWN_MS = 5000,         /* telling the peers may take so long */
	RD_NAME_MAX = 255,
};

struct rd;

typedef void rd_reply(void *user, enum status status, const struct net_endpoint *remote,
	const char *detail);
typedef void rd_resolved(void *user, const struct net_addr *addr); /* NULL: no such host */

struct rd_state { /* for SHOW */
	wall started, loaded;   /* the process, the configuration in use */
	instant now;
	const char *sadb;       /* backend's name */
	bool sadb_up;
	size_t sockets, journal, jobs, commands;
	bool ending;
};

const struct ike *rd_engine(const struct rd *d);
const struct rc_config *rd_config(const struct rd *d);
void rd_state(const struct rd *d, struct rd_state *out);
bool rd_socket(const struct rd *d, size_t index, struct net_endpoint *out); /* false: no more */
bool rd_is_local(const struct rd *d, const struct net_addr *a); /* have we a socket there? */
/* Our address towards a peer, as the host's routes have it, where we have a socket there. */
bool rd_route_source(const struct rd *d, const struct net_addr *remote, struct net_addr *out);
const struct net_addr *rd_host_address(const struct rd *d); /* MULTINET_HOST_NAME, or NULL */

/*
 * Give the engine a command.  done is called exactly once, from the loop, never from inside the
 * call; with ST_TIMEOUT after timeout_ms (0 = none).  Returns a number for rd_cancel, 0 when there
 * are too many commands (done is not called then).
 */
uint64_t rd_submit(struct rd *d, const struct ike_command *command, int64_t timeout_ms,
	rd_reply *done, void *user);
void rd_cancel(struct rd *d, uint64_t id); /* done is not called */
/* Has it been answered, and done will be called as soon as the loop goes on? */
bool rd_is_answered(struct rd *d, uint64_t id);
void rd_hand_over(struct rd *d, uint64_t id, rd_reply *done, void *user); /* to be told instead */

/* Look up a host name; done is called from the loop unless cancelled. 0: cannot. */
uint64_t rd_resolve(struct rd *d, const char *name, rd_resolved *done, void *user);
void rd_resolve_cancel(struct rd *d, uint64_t id);

/* Read the configuration again; on ST_NORMAL it is in use and out is the plan; else the errors. */
enum status rd_reload(struct rd *d, struct rc_plan *plan, struct text *out);

/* Tell the peers, remove our SAs, then call done (may be NULL) and end the program. */
enum status rd_shutdown(struct rd *d, rd_reply *done, void *user);
void rd_shutdown_forget(struct rd *d, void *user); /* whoever waited is gone; it goes on */

/*
 * What the SA database has counted for an SA: done is called once, from the loop, with the SA or
 * NULL (there is none any more, or no database).  False: it cannot be asked, done is not called.
 */
typedef void rd_traffic_done(void *user, const struct ipsec_sa *sa);
bool rd_traffic(struct rd *d, enum sa_proto proto, const struct net_addr *src,
	const struct net_addr *dst, uint32_t spi, rd_traffic_done *done, void *user);

/* CAPTURE: see capture.h.  why: what went wrong, or the files' names. */
enum status rd_capture_start(struct rd *d, const char *path, uint64_t octets, int64_t seconds,
	char *why, size_t size);
void rd_capture_stop(struct rd *d, const char *why); /* if there is one */
bool rd_capture_state(const struct rd *d, struct text *out); /* is there one? out may be NULL */

void rd_debug(struct rd *d, enum log_level level);
enum log_level rd_base_level(const struct rd *d); /* from the configuration and -d */

#endif
