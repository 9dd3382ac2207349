/*
 * journal.h - which IPsec SAs this racoon has installed, kept on disk so that its successor can
 * clean up after a crash.
 *
 *	racoon-journal 1 /run/multinet/ipsec.sock
 *	+ esp 192.168.1.100 192.168.2.100 0x0c0ffee1 192.168.2.100
 *	- esp 192.168.1.100 192.168.2.100 0x0c0ffee1
 *
 * No keys.  The pure half: lines, the set of SAs, when to write anew; journal_uv.c does the files.
 */
#ifndef RACOON_DAEMON_JOURNAL_H
#define RACOON_DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "ipsec/sa.h"
#include "lib/hash.h"
#include "lib/list.h"
#include "lib/text.h"

enum {
	JOURNAL_SAS_MAX = 1 << 20,
	JOURNAL_FILE_MAX = 256 << 20, /* octets; a larger file is not believed */
	JOURNAL_SLACK = 1024, /* lines beyond twice the live ones before it is written anew */
};

struct journal_sa {
	struct hash_node by_sa;
	struct list node;
	enum sa_proto proto;
	struct net_addr src, dst, peer;
	uint32_t spi;
};

struct journal {
	struct hash_table by_sa;
	struct hash_key key;
	struct list all;
	size_t count, lines; /* live SAs; lines in the file */
	struct text pending; /* lines not yet written */
};

bool journal_init(struct journal *j, const struct hash_key *key);
void journal_free(struct journal *j);
void journal_clear(struct journal *j); /* forget all; pending lines too */

/* An SA was, or is about to be, installed; removed.  Each adds a pending line when it is news. */
void journal_add(struct journal *j, const struct ipsec_sa *sa, const struct net_addr *peer);
void journal_remove(struct journal *j, enum sa_proto proto, const struct net_addr *dst,
	uint32_t spi);
bool journal_has(const struct journal *j, enum sa_proto proto, const struct net_addr *dst,
	uint32_t spi);

/*
 * Take what a file holds.  False: it is no journal of ours, or of another database than `sadb`.  A
 * last line without its end (we died writing it) and lines that make no sense are passed over.
 */
bool journal_read(struct journal *j, const char *text, const char *sadb);
bool journal_wants_rewrite(const struct journal *j);
/* The whole file anew: header and live SAs; pending becomes empty. */
void journal_rewrite(struct journal *j, const char *sadb, struct text *out);

#endif
