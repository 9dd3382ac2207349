/*
 * priv.h - privilege separation (`privsep { user … }`): a worker who handles the network as
 * another user, and a privileged process that does for it what it may not do itself.
 *
 * They share a SOCK_SEQPACKET pair; one request, one answer, some with a descriptor.  No request
 * names a file, a program or a user: the privileged process knows from its own reading of
 * racoon.conf what there is to be read, run and opened, and a request only says which of it.
 *
 *	LOAD          read racoon.conf and all it names again: a tape of it (racoon/conf/rc_ask.h)
 *	BIND          a UDP socket of IKE, at a port that the configuration has
 *	DIAL          a connection to ipsecd
 *	HOOK          run the program of a remote section's `script`; no answer
 *	JOURNAL_…     make the journal's file anew; put it in place; remove it
 *	HASHED        what is in the directory of CAs and revocation lists now
 *	END           the worker ends in order: remove the control socket and the pid file
 */
#ifndef RACOON_DAEMON_PRIV_H
#define RACOON_DAEMON_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "racoon/ike/ike.h"

enum priv_op { PRIV_LOAD, PRIV_BIND, PRIV_DIAL, PRIV_HOOK, PRIV_JOURNAL_NEW, PRIV_JOURNAL_TAKE,
	PRIV_JOURNAL_GONE, PRIV_HASHED, PRIV_END, PRIV_OPS };

enum {
	PRIV_MESSAGE_MAX = 1024,
	PRIV_ID_MAX = 512, /* of a peer's identity, as text */
	PRIV_WAIT_S = 30,  /* for an answer */
};

struct priv_request {
	enum priv_op op;
	struct net_endpoint local, remote; /* BIND: local; HOOK: both */
	bool natt;                         /* BIND */
	bool packets;                      /* DIAL: where ESP in UDP is handed over, else PF_KEY */
	uint32_t generation, section;      /* HOOK: of the configuration; rc_remote.index */
	enum rc_hook hook;
	uint64_t serial;                   /* HOOK: of the SA, for the log */
	uint8_t cookie_i[8], cookie_r[8];
	char peer_id[PRIV_ID_MAX];
};

struct priv_answer {
	int error; /* errno */
	uint32_t generation;
};

/* Octets written, 0: no room. */
size_t priv_put(const struct priv_request *q, uint8_t *buf, size_t size);
/* False: not one of ours (unknown operation, wrong length, values out of range). */
bool priv_get(struct bytes octets, struct priv_request *out);

/* ------------------------------------------------------------- the worker's side (priv_call.c) */

struct priv;

struct priv *priv_new(int fd); /* takes over the descriptor; NULL: out of memory, fd is closed */
void priv_free(struct priv *p);
int priv_fd(const struct priv *p); /* to be watched for its end */
/* A descriptor, or -1 with errno.  From any thread. */
int priv_bind(struct priv *p, const struct net_endpoint *local, bool natt);
int priv_dial(struct priv *p, bool packets);
int priv_load(struct priv *p);
int priv_journal_new(struct priv *p);
/* PEM of the directory of CAs and revocation lists, to be freed; empty when there is nothing in it.
 * False with errno. */
bool priv_hashed(struct priv *p, struct bytes *out);
bool priv_do(struct priv *p, enum priv_op op); /* one without descriptor; false with errno */
/* False with errno: it will not be run. */
bool priv_hook(struct priv *p, enum rc_hook hook, const struct ike_note *n);

/*
 * Become the worker, for good: its group and user, its root directory, no privilege but
 * CAP_NET_ADMIN where the kernel's SA database asks for it (net_admin).  False: told in why.
 */
bool priv_drop(const struct rc_privsep *p, bool net_admin, char *why, size_t size) ATTR_NODISCARD;

#endif
