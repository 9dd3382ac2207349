/*
 * dp_keys.h - ipsecd's socket for key managers and setkey: PF_KEY messages over a Unix stream.
 *
 * Only carries messages: what they mean and who gets which is the business of the owner.  What a
 * client does not read is bounded; past a mark the owner is asked to make no more dump entries.
 */
#ifndef IPSEC_DP_KEYS_H
#define IPSEC_DP_KEYS_H

#include "ipsec/pfkey.h"

enum {
	DP_CLIENTS_MAX = 256,
	DP_CLIENT_FIRST = 16,          /* smaller numbers are the owner's own */
	DP_CLIENT_HIGH = 256 * 1024,   /* octets not read yet: dumps pause, requests wait */
	DP_CLIENT_LOW = 64 * 1024,     /* and go on */
	DP_CLIENT_UNREAD_MAX = 32 << 20, /* then the client is disconnected */
};

struct uv_loop_s;
struct dp_keys;

struct dp_keys_handlers {
	void *user;
	void (*request)(void *user, uint32_t client, const struct sadb_msg *m);
	void (*gone)(void *user, uint32_t client);
	void (*pause)(void *user, uint32_t client, bool paused);
};

/* Mode 0600; an old socket is replaced when nobody answers on it. NULL: why tells. */
struct dp_keys *dp_keys_open(struct uv_loop_s *loop, const char *path,
	const struct dp_keys_handlers *handlers, char *why, size_t why_size);
void dp_keys_close(struct dp_keys *k, void (*closed)(void *user), void *user);

/* Walk the clients' numbers: 0 begins, 0 ends. */
uint32_t dp_keys_next(const struct dp_keys *k, uint32_t client);
size_t dp_keys_count(const struct dp_keys *k);
/* Queue a message; it goes out with dp_keys_flush. */
void dp_keys_send(struct dp_keys *k, uint32_t client, struct bytes msg);
void dp_keys_flush(struct dp_keys *k);

#endif
