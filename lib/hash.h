/*
 * hash.h - keyed, growing hash tables with intrusive nodes.
 *
 * SipHash-2-4 with a random key, so a peer who chooses cookies or SPIs cannot make long chains.
 * The table stores nodes it does not own; look-up walks the (short) chain of one hash value:
 *
 *	for (n = hash_find(&t, h); n; n = hash_again(n))
 *		if (matches(container_of(n, struct sa, by_spi)))
 */
#ifndef LIB_HASH_H
#define LIB_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

struct hash_node { /* zero-initialised = in no table */
	struct hash_node *next, **link;
	uint64_t hash;
};

struct hash_table {
	struct hash_node **slot;
	size_t slots, count; /* slots is a power of two */
};

uint64_t hash_bytes(const struct hash_key *key, const void *p, size_t n);
/* Cheap mixing of one more word into a hash; for composed keys. */
uint64_t hash_more(uint64_t h, uint64_t word);

bool hash_init(struct hash_table *t, size_t expected); /* false: out of memory */
void hash_free(struct hash_table *t);                  /* nodes are untouched */
void hash_insert(struct hash_table *t, struct hash_node *n, uint64_t h); /* grows when it can */
void hash_remove(struct hash_table *t, struct hash_node *n); /* no-op when not inserted */
struct hash_node *hash_find(const struct hash_table *t, uint64_t h);
struct hash_node *hash_again(const struct hash_node *n); /* next node with the same hash */
/* Walk all nodes in no order; the node returned may be removed before the next call, others not. */
struct hash_node *hash_first(const struct hash_table *t);
struct hash_node *hash_next(const struct hash_table *t, const struct hash_node *n);

#endif
