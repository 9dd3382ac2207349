/*
 * sadb_sync.h - a blocking client of the SA database, for setkey: send many, then read answers.
 */
#ifndef IPSEC_SADB_SYNC_H
#define IPSEC_SADB_SYNC_H

#include <stddef.h>

#include "ipsec/sadb.h"
#include "lib/bytes.h"

struct sadb_sync;

/* backend: "auto", "xfrm", "pfkey" or "engine"; NULL: what the logical name MULTINET_IPSEC_BACKEND
 * says, else auto: the first of these that can protect packets.  path: of the engine's socket, NULL
 * = default; auto with a path means the engine.  ST_NOBACKEND with a reason. */
enum status sadb_sync_open(const char *backend, const char *path, struct sadb_sync **out,
	char *why, size_t why_size) ATTR_NODISCARD;
void sadb_sync_close(struct sadb_sync *s);
const char *sadb_sync_backend(const struct sadb_sync *s); /* which it is: "engine" */
/* One request, one answer (answer->error is the errno). For DUMP, SPDDUMP: each() per entry, in
 * order; then answer.error is 0, or ENOENT without any. Events of others are skipped.
 * ST_BACKEND when the connection broke, ST_TIMEOUT when nothing comes. */
enum status sadb_sync_call(struct sadb_sync *s, struct sadb_msg *request, struct sadb_msg *answer,
	void (*each)(void *user, const struct sadb_msg *entry), void *user) ATTR_NODISCARD;
/* Pipelined bulk: each result reported with the index of the request, in any order. */
enum status sadb_sync_bulk(struct sadb_sync *s, struct sadb_msg *requests, size_t count,
	void (*result)(void *user, size_t index, const struct sadb_msg *answer), void *user)
	ATTR_NODISCARD;
/* Raw messages, for -v and -x: called for each message sent and received when set; PF_KEY octets
 * whatever the backend speaks. */
void sadb_sync_watch(struct sadb_sync *s, void (*watch)(void *user, bool sent, struct bytes msg),
	void *user);
/* Wait for the next message of any kind (-x); ST_TIMEOUT after ms. */
enum status sadb_sync_next(struct sadb_sync *s, int timeout_ms, struct bytes *msg) ATTR_NODISCARD;

#endif
