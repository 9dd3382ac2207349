/*
 * sadb_seen.h - which entries of a dump were handed on already, for asking again without telling
 * anything twice: eight octets an entry.
 */
#ifndef IPSEC_SADB_SEEN_H
#define IPSEC_SADB_SEEN_H

#include "ipsec/sadb.h"
#include "lib/hash.h"

enum { SADB_SEEN_MAX = 4 << 20 }; /* entries of one dump */

struct sadb_seen { /* zero-initialised, with a key = empty */
	struct hash_key key;
	uint64_t *id;
	size_t count, room;
	size_t sorted; /* the first so many are in order: those of earlier tries */
};

void sadb_seen_clear(struct sadb_seen *s); /* frees; the key stays */
/* The entries of this try become those of earlier ones. */
void sadb_seen_again(struct sadb_seen *s);
/* Note an entry (an SA by destination, protocol, SPI and mark, a policy by its number).
 * *known: an earlier try had it. False: out of memory, or SADB_SEEN_MAX. */
bool sadb_seen_add(struct sadb_seen *s, const struct sadb_msg *m, bool *known);

#endif
