/*
 * sadb_sync.h - a blocking client of the SA database, for setkey: send many, then read answers.
 */
#ifndef IPSEC_SADB_SYNC_H
#define IPSEC_SADB_SYNC_H

#include <stddef.h>

#include "ipsec/sadb.h"
#include "lib/bytes.h"

struct sadb_sync;

/* backend: "auto", "xfrm", "pfkey" or "engine"; path (of the engine's socket) NULL = default.
 * ST_NOBACKEND with a reason. */
enum status sadb_sync_open(const char *backend, const char *path, struct sadb_sync **out,
	char *why, size_t why_size) ATTR_NODISCARD;
void sadb_sync_close(struct sadb_sync *s);
/* One request, one answer (answer->error is the errno). For DUMP, SPDDUMP: each() per entry, in
 * order; answer gets the last. Events of others are skipped. ST_BACKEND when the connection broke,
 * ST_TIMEOUT when nothing comes. */
enum status sadb_sync_call(struct sadb_sync *s, struct sadb_msg *request, struct sadb_msg *answer,
	void (*each)(void *user, const struct sadb_msg *entry), void *user) ATTR_NODISCARD;
/* Pipelined bulk: each result reported with the index of the request. */
enum status sadb_sync_bulk(struct sadb_sync *s, struct sadb_msg *requests, size_t count,
	void (*result)(void *user, size_t index, const struct sadb_msg *answer), void *user)
	ATTR_NODISCARD;
/* Raw messages, for -v and -x: called for each message sent and received when set. */
void sadb_sync_watch(struct sadb_sync *s, void (*watch)(void *user, bool sent, struct bytes msg),
	void *user);
/* Wait for the next message of any kind (-x); ST_TIMEOUT after ms. */
enum status sadb_sync_next(struct sadb_sync *s, int timeout_ms, struct bytes *msg) ATTR_NODISCARD;

#endif
