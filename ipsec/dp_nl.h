/*
 * dp_nl.h - netlink requests in batches, for the datapath's routes and guard.
 *
 * Messages are gathered in one buffer; dp_nl_send hands them to the kernel and collects what it
 * says.  The kernel works inside the send, so nothing here waits for long.
 */
#ifndef IPSEC_DP_NL_H
#define IPSEC_DP_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/bytes.h"

struct dp_nl {
	int fd;            /* -1: not open */
	uint32_t seq;      /* of the newest message */
	uint8_t *buf;      /* messages not sent yet */
	size_t n, room;
	size_t last;       /* where the newest message begins */
	unsigned messages; /* in buf */
	unsigned nesting;
	size_t nest[8];
	bool failed;       /* out of memory while building: what is in buf is not sent */
};

/* groups: multicast groups as a bit mask. Close-on-exec, non-blocking. False: errno tells why. */
bool dp_nl_open(struct dp_nl *nl, int protocol, uint32_t groups);
void dp_nl_close(struct dp_nl *nl); /* idempotent */

/* Begin a message: type, NLM_F_ flags besides NLM_F_REQUEST, fixed header. Returns its seq. */
uint32_t dp_nl_begin(struct dp_nl *nl, uint16_t type, uint16_t flags, const void *header, size_t n);
void dp_nl_put(struct dp_nl *nl, uint16_t type, const void *data, size_t n);
void dp_nl_u32(struct dp_nl *nl, uint16_t type, uint32_t v); /* host order */
void dp_nl_be32(struct dp_nl *nl, uint16_t type, uint32_t v);
void dp_nl_str(struct dp_nl *nl, uint16_t type, const char *s);
void dp_nl_nest(struct dp_nl *nl, uint16_t type);
void dp_nl_nest_end(struct dp_nl *nl);
size_t dp_nl_nested(const struct dp_nl *nl); /* octets in the innermost open nest */

/*
 * Send everything gathered, the last message that is a request asking for an acknowledgement, and
 * wait for that.  refused() hears of each message that failed. False: the
 * socket itself failed, or memory did; errno tells.
 */
bool dp_nl_send(struct dp_nl *nl, void (*refused)(void *user, uint32_t seq, int error), void *user);
/* Ask with NLM_F_DUMP or for one object; each() gets the messages of the answer. */
bool dp_nl_ask(struct dp_nl *nl, void (*each)(void *user, uint16_t type, struct bytes body),
	void *user);
/* Messages of a multicast group that are waiting; false: some were lost (ENOBUFS), ask again. */
bool dp_nl_events(struct dp_nl *nl, void (*each)(void *user, uint16_t type, struct bytes body),
	void *user);

/* Walk attributes; false at the end. The type comes without its flag bits. */
bool dp_nl_attr(struct reader *r, uint16_t *type, struct bytes *value);
uint32_t dp_nl_value32(struct bytes value); /* host order; 0 when short */

#endif
