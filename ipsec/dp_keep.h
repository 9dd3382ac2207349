/*
 * dp_keep.h - policies that outlive an ipsecd that was killed: a file beside its socket.
 *
 * PF_KEY messages, one behind the other as they happened; the next ipsecd does the same things and
 * has the same policies before anybody's cleartext passes.  No keys are in it.  An ipsecd that ends
 * in order takes the file away.
 */
#ifndef IPSEC_DP_KEEP_H
#define IPSEC_DP_KEEP_H

#include "ipsec/sadb.h"

enum { DP_KEEP_SLACK = 1 << 20 }; /* octets a file may have more than twice what it needs */

struct dp_keep;

/* pfkey: path of the PF_KEY socket. NULL: out of memory, or the path is too long. */
struct dp_keep *dp_keep_open(const char *pfkey);
/* What a predecessor left; how many messages. What follows one that is torn is not believed. */
unsigned dp_keep_load(struct dp_keep *k, void (*each)(void *user, const struct sadb_msg *m),
	void *user);
/* From now on: op SPDUPDATE, SPDDELETE (by selector) or SPDFLUSH. Goes to the file with
 * dp_keep_write. */
void dp_keep_note(struct dp_keep *k, enum sadb_op op, const struct ipsec_policy *p);
/* True: the file is far longer than it needs to be: begin anew, note every policy, write. */
bool dp_keep_write(struct dp_keep *k);
void dp_keep_begin(struct dp_keep *k);
void dp_keep_close(struct dp_keep *k, bool in_order); /* in order: the file goes; NULL is fine */

#endif
