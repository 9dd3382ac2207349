/*
 * sadb_uv.h - the SA database client on a libuv loop, for the key daemons.
 *
 * Reconnects by itself (the engine may be restarted) and says so; after `ready` the owner dumps
 * what it needs.  Everything installed through a client is its own; nobody else's SA is touched.
 */
#ifndef IPSEC_SADB_UV_H
#define IPSEC_SADB_UV_H

#include "ipsec/sadb.h"

struct uv_loop_s;
struct sadb_client;

struct sadb_handlers {
	void *user;
	void (*ready)(void *user); /* connected and registered, again after a reconnect, and
				    * when events were lost */
	void (*lost)(void *user);  /* requests under way end with ST_BACKEND; it tries again */
	/* Answer to request `id`. Dumps: last=false per entry, then last=true with msg NULL. */
	void (*answer)(void *user, uint64_t id, enum status status, const struct sadb_msg *msg,
		bool last);
	/* ACQUIRE, EXPIRE, others' changes. */
	void (*event)(void *user, const struct sadb_msg *msg);
};

/* backend: "auto", "xfrm", "pfkey" or "engine"; NULL: what the logical name MULTINET_IPSEC_BACKEND
 * says, else auto: the first of these that can protect packets, chosen anew at each connection.
 * path: of the engine's socket, NULL = default; auto with a path means the engine.  The connection
 * comes up later: see ready. */
struct sadb_client *sadb_client_new(struct uv_loop_s *loop, const char *backend, const char *path,
	const struct sadb_handlers *handlers);
/* Kilobytes of receive buffer for this and later connections; 0: as the system has it. */
void sadb_client_buffer(struct sadb_client *c, int64_t kilobytes);
void sadb_client_request(struct sadb_client *c, uint64_t id, const struct sadb_msg *msg);
bool sadb_client_is_up(const struct sadb_client *c);
const char *sadb_client_backend(const struct sadb_client *c); /* which it is now: "engine" */
void sadb_client_close(struct sadb_client *c, void (*closed)(void *user), void *user);

#endif
