/*
 * sorted.h - a list put in order a little at a time: `/SORT` of SHOW.
 *
 * Entries (a key of octets and a reference) go in one by one, and come out in the order of their
 * keys; each step costs O(log n), so that a hundred thousand entries never hold up a loop.  What it
 * may take of memory is bounded, for one list and, by a budget, for all of a program together.
 *
 * Keys are octets that compare as memcmp does: numbers in network order, addresses by family, then
 * value, then port; words in lower case, cut to a width.  A descending part is inverted.
 */
#ifndef LIB_SORTED_H
#define LIB_SORTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/net.h"
#include "lib/status.h"

enum {
	SORTED_KEYS_MAX = 4,              /* keys of one /SORT */
	SORTED_KEY_MAX = 112,             /* octets of all of them */
	SORTED_WORD = 24,                 /* octets of a word that count */
	SORTED_OCTETS_MAX = 64 << 20,     /* of all lists of a program together */
};

struct sorted_order { /* what /SORT asked for */
	unsigned count;                   /* 0: nothing */
	uint8_t key[SORTED_KEYS_MAX];     /* index into the names */
	bool descends[SORTED_KEYS_MAX];
};
/*
 * "name,-name": names in any case, abbreviated, `-` before those that descend; the list ends with
 * NULL.  ST_IVKEYW or ST_LIMIT with why.
 */
enum status sorted_parse(const char *text, const char *const *names, struct sorted_order *out,
	char *why, size_t why_size) ATTR_NODISCARD;

struct sorted_key { /* all zero to begin with */
	uint8_t b[SORTED_KEY_MAX];
	size_t n;
	size_t from; /* where the part being made began */
};
void sorted_key_uint(struct sorted_key *k, uint64_t v);
void sorted_key_word(struct sorted_key *k, const char *word); /* NULL: before all others */
void sorted_key_endpoint(struct sorted_key *k, const struct net_endpoint *e);
void sorted_key_end(struct sorted_key *k, bool descends);     /* of one part */

struct sorted_budget { size_t used, max; }; /* max 0: SORTED_OCTETS_MAX */

struct sorted {
	struct sorted_budget *budget;
	uint8_t *entry;
	size_t n, room, key_n, ref_n;
};
/* References have ref_n octets; the first key tells the keys' length. */
void sorted_init(struct sorted *s, struct sorted_budget *budget, size_t ref_n);
/* ST_LIMIT: the budget is used up. ST_NOMEMORY. */
enum status sorted_add(struct sorted *s, const struct sorted_key *key,
	const void *ref) ATTR_NODISCARD;
bool sorted_take(struct sorted *s, void *ref); /* the least; false: empty */
void sorted_free(struct sorted *s);

#endif
