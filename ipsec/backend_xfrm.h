/*
 * backend_xfrm.h - the NETLINK_XFRM codec: struct sadb_msg <-> one netlink message.
 *
 * Pure and bounded: no socket, clock or random source; the kernel's headers stay in the .c files.
 * Used by backend_xfrm.c, which owns the sockets, and by tests.
 */
#ifndef IPSEC_BACKEND_XFRM_H
#define IPSEC_BACKEND_XFRM_H

#include "ipsec/sadb.h"
#include "lib/bytes.h"

enum {
	XFRM_MESSAGE_MAX = 4096, /* octets of any message we make */
	XFRM_ATTR = 4,           /* an attribute's header: length and type */
	XFRM_ATTR_TYPE = 0x3fff, /* of its type, without the flags above */
};

static inline size_t
xfrm_align(size_t n) /* of messages and attributes */
{
	return (n + 3) & ~(size_t)3;
}

struct xfrm_env {
	uint64_t now_s;  /* wall seconds: the kernel does not tell whether a soft limit is behind */
	uint32_t unique; /* reqid for the first rule of level unique that has none; then + 1 */
	bool labels;     /* the kernel has security contexts (else it would not see them) */
};

/* Appends one request, its nlmsg_seq and pid 0. An errno when the kernel cannot have it, with a
 * reason; EMSGSIZE: no room in w. */
int xfrm_encode(const struct sadb_msg *m, const struct xfrm_env *env, struct writer *w, char *why,
	size_t why_size);

enum xfrm_decoded {
	XFRM_MESSAGE,
	XFRM_FOREIGN, /* of no interest: other transforms, per-socket policies, other messages */
	XFRM_BROKEN,  /* with a reason */
};

/* One whole netlink message.  op: ADD, UPDATE, DELETE, FLUSH, those of the SPD, ACQUIRE, EXPIRE,
 * SPDEXPIRE, MIGRATE; for an entry of a dump or an answer the caller knows better. */
enum xfrm_decoded xfrm_decode(struct bytes msg, const struct xfrm_env *env, struct sadb_msg *out,
	char *why, size_t why_size);

#endif
