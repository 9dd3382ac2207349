/*
 * hash.c - keyed hashing (SipHash-2-4, Aumasson and Bernstein) and tables with intrusive nodes.
 *
 * Called for every look-up by a value that a peer may choose.  It never owns, allocates or frees
 * nodes; when the table cannot grow it stays correct, with longer chains.
 */
#include "lib/hash.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 16 };
#define SLOTS_MAX ((size_t)1 << 28)

/* -------------------------------------------------------------------------------- SipHash-2-4 */

static uint64_t
rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static inline void
sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

static inline uint64_t
little_endian(const uint8_t *p, size_t n)
{
	uint64_t m = 0;

	if (n == 8) {
		memcpy(&m, p, 8);
		return le64toh(m);
	}
	for (size_t i = 0; i < n; i++)
		m |= (uint64_t)p[i] << (8 * i);
	return m;
}

uint64_t
hash_bytes(const struct hash_key *key, const void *p, size_t n)
{
	const uint8_t *at = p;
	size_t whole = n / 8;
	uint64_t v[4] = {
		key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du,
		key->k0 ^ 0x6c7967656e657261u, key->k1 ^ 0x7465646279746573u,
	};

	for (size_t i = 0; i < whole; i++)
		sip_word(v, little_endian(at + 8 * i, 8));
	/* The last word carries the length, so that trailing zeros count. */
	sip_word(v, (n % 8 == 0 ? 0 : little_endian(at + 8 * whole, n % 8)) | (uint64_t)n << 56);
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
hash_more(uint64_t h, uint64_t word)
{
	h ^= word + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	return h;
}

/* -------------------------------------------------------------------------------------- tables */

bool
hash_init(struct hash_table *t, size_t expected)
{
	size_t slots = SLOTS_MIN;

	while (slots < expected && slots < SLOTS_MAX)
		slots *= 2;
	*t = (struct hash_table){ .slot = calloc(slots, sizeof(struct hash_node *)) };
	if (t->slot == NULL)
		return false;
	t->slots = slots;
	return true;
}

void
hash_free(struct hash_table *t)
{
	free(t->slot);
	*t = (struct hash_table){ 0 };
}

static void
link_at(struct hash_node **slot, struct hash_node *n)
{
	n->next = *slot;
	n->link = slot;
	if (n->next != NULL)
		n->next->link = &n->next;
	*slot = n;
}

static void
grow(struct hash_table *t)
{
	size_t slots = t->slots * 2;
	struct hash_node **slot;

	if (t->slots >= SLOTS_MAX)
		return;
	slot = calloc(slots, sizeof(struct hash_node *));
	if (slot == NULL)
		return;
	for (size_t i = 0; i < t->slots; i++)
		for (struct hash_node *n = t->slot[i], *next; n != NULL; n = next) {
			next = n->next;
			link_at(&slot[n->hash & (slots - 1)], n);
		}
	free(t->slot);
	t->slot = slot;
	t->slots = slots;
}

void
hash_insert(struct hash_table *t, struct hash_node *n, uint64_t h)
{
	if (t->count >= t->slots)
		grow(t);
	n->hash = h;
	link_at(&t->slot[h & (t->slots - 1)], n);
	t->count++;
}

void
hash_remove(struct hash_table *t, struct hash_node *n)
{
	if (n->link == NULL)
		return;
	*n->link = n->next;
	if (n->next != NULL)
		n->next->link = n->link;
	/* next stays: a walk may go on from a node that was just removed. */
	n->link = NULL;
	t->count--;
}

struct hash_node *
hash_find(const struct hash_table *t, uint64_t h)
{
	struct hash_node *n;

	if (t->slots == 0)
		return NULL;
	n = t->slot[h & (t->slots - 1)];
	while (n != NULL && n->hash != h)
		n = n->next;
	return n;
}

struct hash_node *
hash_again(const struct hash_node *n)
{
	struct hash_node *next = n->next;

	while (next != NULL && next->hash != n->hash)
		next = next->next;
	return next;
}

static struct hash_node *
first_from(const struct hash_table *t, size_t slot)
{
	for (; slot < t->slots; slot++)
		if (t->slot[slot] != NULL)
			return t->slot[slot];
	return NULL;
}

struct hash_node *
hash_first(const struct hash_table *t)
{
	return first_from(t, 0);
}

struct hash_node *
hash_next(const struct hash_table *t, const struct hash_node *n)
{
	if (n->next != NULL)
		return n->next;
	return first_from(t, (size_t)(n->hash & (t->slots - 1)) + 1);
}
