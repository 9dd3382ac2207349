/*
 * pfkey.h - the PF_KEYv2 codec: octets <-> struct sadb_msg (RFC 2367 2, KAME/Linux extensions).
 *
 * Pure and bounded.  Host byte order, as PF_KEY has it; own definitions of the layout, so that it
 * also works where <linux/pfkeyv2.h> is not (the engine's socket).
 */
#ifndef IPSEC_PFKEY_H
#define IPSEC_PFKEY_H

#include "ipsec/sadb.h"
#include "lib/bytes.h"

enum {
	PFKEY_HEADER = 16,      /* octets of struct sadb_msg on the wire */
	PFKEY_MSG_MAX = 4096,   /* octets of any message we make or take */
};

/* Length in octets promised by the header (at least PFKEY_HEADER octets given); 0: not sane. */
size_t pfkey_length(struct bytes start);
/* ST_BADMSG, ST_NOALG (unknown algorithm number), with a reason in why (may be NULL). Also then op,
 * seq, pid and sa.proto of the header are in out when it was sound, for an answer with EINVAL. */
enum status pfkey_decode(struct bytes msg, struct sadb_msg *out, char *why, size_t why_size)
	ATTR_NODISCARD;
/* Appends one message. ST_LIMIT: no room in w (PFKEY_MSG_MAX octets always suffice). */
enum status pfkey_encode(const struct sadb_msg *m, struct writer *w) ATTR_NODISCARD;
/*
 * The dialect of Linux's AF_KEY: KAME's messages without our extensions, stricter in what must be
 * there and poorer in what can be said.  Encoding gives an errno and a reason for what that kernel
 * would silently drop or change.  labels: it has security contexts.
 */
int pfkey_encode_kernel(const struct sadb_msg *m, bool labels, struct writer *w, char *why,
	size_t why_size);
/* ST_NOALG: sound, but of a kind that sadb_msg cannot say (a socket's own policy, another mode);
 * algorithms that we do not know are left out. */
enum status pfkey_decode_kernel(struct bytes msg, struct sadb_msg *out, char *why, size_t why_size)
	ATTR_NODISCARD;
/* The text of setkey -x for one message, appended to out. */
struct text;
void pfkey_print(struct bytes msg, struct text *out);

#endif
