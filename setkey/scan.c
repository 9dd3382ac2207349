/*
 * scan.c - the memory between the two readings of a script: names and written-out `fwd` policies.
 *
 * Called by script.c, words.c and spd.c.  Both tables are hashed, so that a script of any length is
 * read in linear time.
 */
#include "setkey/scan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/arena.h"
#include "lib/hash.h"

struct name { /* of a host, resolved */
	struct hash_node node;
	const char *text;
	int family;
	size_t n;
	struct net_addr *a;
};

struct number { /* of a service or protocol; -1: there is none */
	struct hash_node node;
	const char *text;
	enum scan_table table;
	int value;
};

struct forward {
	struct hash_node node;
	enum sadb_op op;
	uint32_t chapter;
	struct sp_selector sel;
	struct sa_mark mark;
	uint32_t if_id;
};

struct scan {
	struct arena *arena;
	struct hash_key key;
	struct hash_table names, numbers, forwards;
	uint32_t additions, deletions; /* the chapter that each kind is in */
};

struct scan *
scan_new(void)
{
	struct scan *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->arena = arena_new(SCAN_MEMORY_MAX);
	if (s->arena == NULL || !hash_init(&s->names, 16) || !hash_init(&s->numbers, 16) ||
		!hash_init(&s->forwards, 16) ||
		getrandom(&s->key, sizeof(s->key), 0) != (ssize_t)sizeof(s->key)) {
		scan_free(s);
		return NULL;
	}
	return s;
}

void
scan_free(struct scan *s)
{
	if (s == NULL)
		return;
	hash_free(&s->names);
	hash_free(&s->numbers);
	hash_free(&s->forwards);
	arena_free(s->arena);
	free(s);
}

/* --------------------------------------------------------------------------------------- names */

static void
remember(struct scan *s, uint64_t hash, const char *text, int family, const struct net_addr *a,
	size_t n)
{
	struct name *name = arena_alloc(s->arena, sizeof(*name));

	if (name == NULL)
		return;
	name->text = arena_strdup(s->arena, text);
	name->a = arena_array(s->arena, n, sizeof(*a));
	if (name->text == NULL || name->a == NULL)
		return;
	name->family = family;
	name->n = n;
	memcpy(name->a, a, n * sizeof(*a));
	hash_insert(&s->names, &name->node, hash);
}

size_t
scan_resolve(struct scan *s, const struct setkey_resolver *resolver, const char *name, int family,
	struct net_addr *out, char *why, size_t why_size)
{
	uint64_t hash = hash_more(hash_bytes(&s->key, name, strlen(name)), (uint64_t)family);
	size_t n;

	for (struct hash_node *at = hash_find(&s->names, hash); at != NULL; at = hash_again(at)) {
		const struct name *known = container_of(at, struct name, node);

		if (known->family == family && strcmp(known->text, name) == 0) {
			memcpy(out, known->a, known->n * sizeof(*out));
			return known->n;
		}
	}
	if (s->names.count >= SCAN_NAMES_MAX) {
		strncpy(why, "too many names in one script", why_size - 1);
		return 0;
	}
	n = resolver->resolve(resolver->user, name, family, out, SETKEY_ADDRESSES_MAX, why,
		why_size);
	if (n != 0)
		remember(s, hash, name, family, out, n);
	return n;
}

int
scan_number(struct scan *s, enum scan_table table, const char *name,
	int (*look_up)(const char *name))
{
	uint64_t hash = hash_more(hash_bytes(&s->key, name, strlen(name)), (uint64_t)table);
	struct number *new;
	int value;

	for (struct hash_node *at = hash_find(&s->numbers, hash); at != NULL; at = hash_again(at)) {
		const struct number *known = container_of(at, struct number, node);

		if (known->table == table && strcmp(known->text, name) == 0)
			return known->value;
	}
	value = look_up(name);
	new = s->numbers.count < SCAN_NAMES_MAX ? arena_alloc(s->arena, sizeof(*new)) : NULL;
	if (new == NULL)
		return value;
	new->text = arena_strdup(s->arena, name);
	new->table = table;
	new->value = value;
	if (new->text != NULL)
		hash_insert(&s->numbers, &new->node, hash);
	return value;
}

/* ------------------------------------------------------------------------------------ forwards */

void
scan_pass(struct scan *s, enum sadb_op op)
{
	if (op == SADB_OP_SPDFLUSH || op == SADB_OP_SPDDELETE)
		s->additions++;
	if (op == SADB_OP_SPDFLUSH || op == SADB_OP_SPDADD || op == SADB_OP_SPDUPDATE)
		s->deletions++;
}

void
scan_rewind(struct scan *s)
{
	s->additions = s->deletions = 0;
}

static struct forward
forward_of(const struct scan *s, const struct sadb_msg *m)
{
	struct forward f = { .op = m->op, .sel = m->sp.sel, .mark = m->sp.mark,
		.if_id = m->sp.if_id };

	f.chapter = m->op == SADB_OP_SPDDELETE ? s->deletions : s->additions;
	return f;
}

static uint64_t
forward_hash(const struct scan *s, const struct forward *f)
{
	uint64_t h = hash_bytes(&s->key, f->sel.src.addr.b, sizeof(f->sel.src.addr.b));

	h ^= hash_bytes(&s->key, f->sel.dst.addr.b, sizeof(f->sel.dst.addr.b)) << 1;
	h = hash_more(h, (uint64_t)f->sel.src.len << 48 | (uint64_t)f->sel.dst.len << 40 |
			(uint64_t)f->sel.upper << 32 | (uint64_t)f->sel.sport << 16 |
			f->sel.dport);
	return hash_more(h, (uint64_t)f->op << 32 | f->chapter);
}

static const struct forward *
find(const struct scan *s, const struct forward *f, uint64_t hash)
{
	for (struct hash_node *at = hash_find(&s->forwards, hash); at != NULL;
		at = hash_again(at)) {
		const struct forward *g = container_of(at, struct forward, node);

		if (g->op == f->op && g->chapter == f->chapter && g->if_id == f->if_id &&
			g->mark.value == f->mark.value && g->mark.mask == f->mark.mask &&
			sp_selector_equal(&g->sel, &f->sel))
			return g;
	}
	return NULL;
}

bool
scan_note_forward(struct scan *s, const struct sadb_msg *m)
{
	struct forward f = forward_of(s, m), *kept;
	uint64_t hash = forward_hash(s, &f);

	if (find(s, &f, hash) != NULL)
		return true;
	kept = arena_alloc(s->arena, sizeof(*kept));
	if (kept == NULL)
		return false;
	*kept = f;
	hash_insert(&s->forwards, &kept->node, hash);
	return true;
}

bool
scan_has_forward(const struct scan *s, const struct sadb_msg *m)
{
	struct forward f = forward_of(s, m);

	return s->forwards.count != 0 && find(s, &f, forward_hash(s, &f)) != NULL;
}
