/*
 * eng_spd.c - the SPD (RFC 4301 4.4.1): ordered by priority, then by insertion, found by
 * tuple-space search.
 *
 * Selectors that leave the same things open (prefix lengths, protocol, ports) share a hash table; a
 * look-up asks each table once, those with the best priorities first, and stops when no table left
 * can do better.  Decisions are remembered per flow until the SPD changes.
 */
#include "ipsec/engine/eng_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ID_STEP = 8 }; /* as Linux numbers them: the direction sits in the low bits */

static uint32_t
priority_of(const struct ipsec_policy *p)
{
	return p->priority == 0 ? SP_PRIORITY_DEFAULT : p->priority;
}

static bool
better(const struct eng_policy *a, const struct eng_policy *b)
{
	uint32_t pa = priority_of(&a->p), pb = priority_of(&b->p);

	return pa != pb ? pa < pb : a->serial < b->serial;
}

static unsigned
family_index(const struct net_addr *a)
{
	return a->family == 6 ? 1 : 0;
}

/* ---------------------------------------------------------------------------------- hashes --- */

static uint64_t
selector_hash(const struct eng *e, const struct sp_selector *s)
{
	uint64_t w[4], h = e->env.hash_key.k0 ^ e->env.hash_key.k1;

	memcpy(w, s->src.addr.b, 16);
	memcpy(w + 2, s->dst.addr.b, 16);
	h = hash_more(h, w[0]);
	h = hash_more(h, w[2]);
	if (s->src.addr.family == 6) {
		h = hash_more(h, w[1]);
		h = hash_more(h, w[3]);
	}
	return hash_more(h, (uint64_t)s->sport << 32 | (uint64_t)s->dport << 8 | s->upper);
}

static void
clear_host_bits(struct net_addr *a, unsigned bits)
{
	unsigned size = a->family == 6 ? 16 : 4, whole = bits / 8;

	if (whole >= size)
		return;
	if (bits % 8 != 0) {
		a->b[whole] = (uint8_t)(a->b[whole] & (0xff00 >> (bits % 8)));
		whole++;
	}
	memset(a->b + whole, 0, size - whole);
}

static void
key_of(const struct sp_selector *given, struct sp_selector *key)
{
	memset(key, 0, sizeof(*key));
	key->src = given->src;
	key->dst = given->dst;
	key->src.addr.scope = key->dst.addr.scope = 0;
	clear_host_bits(&key->src.addr, key->src.len);
	clear_host_bits(&key->dst.addr, key->dst.len);
	key->upper = given->upper;
	key->sport = given->sport;
	key->dport = given->dport;
}

/* The selector of this tuple that would fit the flow. */
static void
key_for(const struct eng_tuple *t, const struct eng_flow *f, struct sp_selector *key)
{
	key->src.addr = f->src;
	key->dst.addr = f->dst;
	key->src.len = t->src_len;
	key->dst.len = t->dst_len;
	clear_host_bits(&key->src.addr, t->src_len);
	clear_host_bits(&key->dst.addr, t->dst_len);
	key->upper = t->upper ? f->upper : SP_UPPER_ANY;
	key->sport = t->sport ? f->sport : 0;
	key->dport = t->dport ? f->dport : 0;
}

static bool
same_key(const struct sp_selector *a, const struct sp_selector *b)
{
	return a->upper == b->upper && a->sport == b->sport && a->dport == b->dport &&
		memcmp(a->src.addr.b, b->src.addr.b, 16) == 0 &&
		memcmp(a->dst.addr.b, b->dst.addr.b, 16) == 0;
}

static struct eng_policy *
find_in(const struct eng *e, const struct eng_tuple *t, const struct sp_selector *key)
{
	struct hash_node *n = hash_find(&t->table, selector_hash(e, key));

	for (; n != NULL; n = hash_again(n)) {
		struct eng_policy *p = container_of(n, struct eng_policy, by_selector);

		if (same_key(&p->key, key))
			return p;
	}
	return NULL;
}

/* --------------------------------------------------------------------------------- look-up --- */

static struct eng_policy *
search(const struct eng *e, enum sp_dir dir, const struct eng_flow *f)
{
	struct eng_tuple *const *tuple = e->spd.index[dir][family_index(&f->src)].tuple;
	size_t count = e->spd.index[dir][family_index(&f->src)].count;
	struct eng_policy *best = NULL;
	struct sp_selector key;

	memset(&key, 0, sizeof(key));
	for (size_t i = 0; i < count; i++) {
		struct eng_policy *p;

		if (best != NULL && priority_of(&best->p) < tuple[i]->best)
			break;
		if ((tuple[i]->sport && f->sport == 0) || (tuple[i]->dport && f->dport == 0))
			continue;
		key_for(tuple[i], f, &key);
		p = find_in(e, tuple[i], &key);
		if (p != NULL && (best == NULL || better(p, best)))
			best = p;
	}
	return best;
}

static bool
same_flow(const struct eng_flow *a, const struct eng_flow *b)
{
	return a->upper == b->upper && a->sport == b->sport && a->dport == b->dport &&
		a->src.family == b->src.family && memcmp(a->src.b, b->src.b, 16) == 0 &&
		memcmp(a->dst.b, b->dst.b, 16) == 0;
}

struct eng_policy *
eng_spd_find(struct eng *e, enum sp_dir dir, const struct eng_flow *f)
{
	uint64_t a, b, h;
	struct eng_decision *d;

	if (e->spd.count == 0)
		return NULL;
	memcpy(&a, f->src.b + (f->src.family == 6 ? 8 : 0), sizeof(a));
	memcpy(&b, f->dst.b + (f->dst.family == 6 ? 8 : 0), sizeof(b));
	h = hash_more(hash_more(e->env.hash_key.k0, a), b);
	h = hash_more(h, (uint64_t)f->sport << 32 | (uint64_t)f->dport << 16 |
		(uint64_t)f->upper << 8 | dir);
	d = &e->flow[h % ENG_FLOWS];
	if (d->generation == e->spd.generation && d->dir == dir && same_flow(&d->flow, f))
		return d->policy;
	d->flow = *f;
	d->dir = (uint8_t)dir;
	d->generation = e->spd.generation;
	d->policy = search(e, dir, f);
	return d->policy;
}

static bool
tuple_fits(const struct eng_tuple *t, const struct sp_selector *s)
{
	return t->src_len == s->src.len && t->dst_len == s->dst.len &&
		t->upper == (s->upper != SP_UPPER_ANY) && t->sport == (s->sport != 0) &&
		t->dport == (s->dport != 0);
}

static struct eng_tuple *
tuple_of(const struct eng *e, enum sp_dir dir, const struct sp_selector *s)
{
	struct eng_tuple *const *tuple = e->spd.index[dir][family_index(&s->src.addr)].tuple;
	size_t count = e->spd.index[dir][family_index(&s->src.addr)].count;

	for (size_t i = 0; i < count; i++)
		if (tuple_fits(tuple[i], s))
			return tuple[i];
	return NULL;
}

struct eng_policy *
eng_spd_exact(const struct eng *e, enum sp_dir dir, const struct sp_selector *s)
{
	struct eng_tuple *t = tuple_of(e, dir, s);
	struct sp_selector key;

	if (t == NULL)
		return NULL;
	key_of(s, &key);
	return find_in(e, t, &key);
}

struct eng_policy *
eng_spd_by_id(const struct eng *e, uint32_t id)
{
	struct hash_node *n = hash_find(&e->spd.by_id, hash_more(e->env.hash_key.k1, id));

	for (; n != NULL; n = hash_again(n)) {
		struct eng_policy *p = container_of(n, struct eng_policy, by_id);

		if (p->p.id == id)
			return p;
	}
	return NULL;
}

/* -------------------------------------------------------------------------- tuples, levels --- */

/* An array with room for one more element, or NULL. */
static void *
grow(void *array, size_t count, size_t *room, size_t size)
{
	size_t more = *room == 0 ? 16 : *room * 2;
	void *bigger;

	if (count < *room)
		return array;
	bigger = reallocarray(array, more, size);
	if (bigger != NULL)
		*room = more;
	return bigger;
}

/* Keep the tables with the best priorities first. */
static void
tuple_improve(struct eng *e, struct eng_policy *p)
{
	unsigned family = family_index(&p->key.src.addr);
	struct eng_tuple **tuple = e->spd.index[p->p.dir][family].tuple;
	size_t count = e->spd.index[p->p.dir][family].count, i = 0;

	if (p->tuple->best <= priority_of(&p->p))
		return;
	p->tuple->best = priority_of(&p->p);
	while (i < count && tuple[i] != p->tuple)
		i++;
	for (; i > 0 && i < count && tuple[i - 1]->best > tuple[i]->best; i--) {
		struct eng_tuple *t = tuple[i];

		tuple[i] = tuple[i - 1];
		tuple[i - 1] = t;
	}
}

static struct eng_tuple *
tuple_make(struct eng *e, enum sp_dir dir, const struct sp_selector *s)
{
	unsigned f = family_index(&s->src.addr);
	struct eng_tuple *t = tuple_of(e, dir, s), **array;

	if (t != NULL)
		return t;
	array = grow(e->spd.index[dir][f].tuple, e->spd.index[dir][f].count,
		&e->spd.index[dir][f].room, sizeof(t));
	if (array == NULL)
		return NULL;
	e->spd.index[dir][f].tuple = array;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	if (!hash_init(&t->table, 0)) {
		free(t);
		return NULL;
	}
	t->src_len = s->src.len;
	t->dst_len = s->dst.len;
	t->upper = s->upper != SP_UPPER_ANY;
	t->sport = s->sport != 0;
	t->dport = s->dport != 0;
	t->best = UINT32_MAX;
	e->spd.index[dir][f].tuple[e->spd.index[dir][f].count++] = t;
	return t;
}

/* `best` may stay too good when policies go: it only prunes less then. */
static void
tuple_drop(struct eng *e, enum sp_dir dir, unsigned family, struct eng_tuple *t)
{
	struct eng_tuple **tuple = e->spd.index[dir][family].tuple;
	size_t count = e->spd.index[dir][family].count, i = 0;

	if (t == NULL || t->table.count != 0)
		return;
	while (i < count && tuple[i] != t)
		i++;
	if (i < count) {
		memmove(tuple + i, tuple + i + 1, (count - i - 1) * sizeof(*tuple));
		e->spd.index[dir][family].count--;
	}
	hash_free(&t->table);
	free(t);
}

/* Where the level of this priority is, or would be. */
static size_t
level_place(const struct eng *e, uint32_t priority)
{
	size_t low = 0, high = e->spd.levels;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (e->spd.level[mid]->priority < priority)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct eng_level *
level_make(struct eng *e, uint32_t priority)
{
	size_t i = level_place(e, priority);
	struct eng_level *l, **array;

	if (i < e->spd.levels && e->spd.level[i]->priority == priority)
		return e->spd.level[i];
	array = grow(e->spd.level, e->spd.levels, &e->spd.level_room, sizeof(l));
	if (array == NULL)
		return NULL;
	e->spd.level = array;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->priority = priority;
	list_init(&l->policies);
	memmove(e->spd.level + i + 1, e->spd.level + i,
		(e->spd.levels - i) * sizeof(struct eng_level *));
	e->spd.level[i] = l;
	e->spd.levels++;
	return l;
}

static void
level_drop(struct eng *e, uint32_t priority)
{
	size_t i = level_place(e, priority);

	if (i >= e->spd.levels || e->spd.level[i]->priority != priority ||
		!list_empty(&e->spd.level[i]->policies))
		return;
	free(e->spd.level[i]);
	memmove(e->spd.level + i, e->spd.level + i + 1,
		(e->spd.levels - i - 1) * sizeof(struct eng_level *));
	e->spd.levels--;
}

struct eng_policy *
eng_spd_first(const struct eng *e)
{
	if (e->spd.levels == 0)
		return NULL;
	return container_of(e->spd.level[0]->policies.next, struct eng_policy, in_level);
}

struct eng_policy *
eng_spd_next(const struct eng *e, const struct eng_policy *p)
{
	size_t i = level_place(e, priority_of(&p->p));

	if (i < e->spd.levels && p->in_level.next != &e->spd.level[i]->policies)
		return container_of(p->in_level.next, struct eng_policy, in_level);
	if (i + 1 >= e->spd.levels)
		return NULL;
	return container_of(e->spd.level[i + 1]->policies.next, struct eng_policy, in_level);
}

/* -------------------------------------------------------------------------- making, ending --- */

static int
check_rule(const struct ipsec_policy *p, const struct sp_rule *r)
{
	unsigned family = r->src.addr.family;

	if (r->proto != SA_ESP && r->proto != SA_AH && r->proto != SA_IPCOMP)
		return EINVAL;
	if (r->mode != SA_TUNNEL)
		return 0;
	if (family == 0 || family != r->dst.addr.family)
		return EINVAL;
	/* An inbound rule may leave its peer open; outbound both ends are needed. */
	if (p->dir == SP_OUT && (net_addr_is_any(&r->src.addr) || net_addr_is_any(&r->dst.addr)))
		return EINVAL;
	return 0;
}

int
eng_spd_check(const struct ipsec_policy *p)
{
	const struct sp_selector *s = &p->sel;

	if (p->dir < SP_IN || p->dir > SP_FWD)
		return EINVAL;
	if (s->src.addr.family == 0 || s->src.addr.family != s->dst.addr.family ||
		s->src.len > net_addr_bits(&s->src.addr) ||
		s->dst.len > net_addr_bits(&s->dst.addr))
		return EINVAL;
	if (p->rules > SP_RULES_MAX || (p->action == SP_IPSEC && p->rules == 0))
		return EINVAL;
	for (unsigned i = 0; p->action == SP_IPSEC && i < p->rules; i++) {
		int error = check_rule(p, &p->rule[i]);

		if (error != 0)
			return error;
	}
	return 0;
}

static uint32_t
new_id(struct eng *e, enum sp_dir dir)
{
	uint32_t id;

	do {
		e->spd.next_id += ID_STEP;
		id = e->spd.next_id | ((uint32_t)dir - 1);
	} while (id < ID_STEP || eng_spd_by_id(e, id) != NULL);
	return id;
}

static void
number_rules(struct eng *e, struct ipsec_policy *p)
{
	for (unsigned i = 0; i < p->rules; i++)
		if (p->rule[i].level == SP_UNIQUE && p->rule[i].reqid == 0) {
			p->rule[i].reqid = e->spd.next_reqid++;
			if (e->spd.next_reqid < ENG_REQID_FIRST)
				e->spd.next_reqid = ENG_REQID_FIRST;
		}
}

static void
arm(struct eng *e, struct eng_policy *sp)
{
	const struct sa_life *l = &sp->p.hard;
	instant at = INSTANT_NEVER;

	if (l->add_s != 0 && l->add_s < INT64_MAX / 1000)
		at = instant_add(sp->created, (int64_t)l->add_s * 1000);
	if (l->use_s != 0 && l->use_s < INT64_MAX / 1000)
		at = instant_min(at, instant_add(sp->used, (int64_t)l->use_s * 1000));
	(void)heap_set(&e->spd.timers, &sp->timer, at);
}

static bool
place(struct eng *e, struct eng_policy *sp)
{
	struct eng_level *l;

	sp->tuple = tuple_make(e, sp->p.dir, &sp->key);
	if (sp->tuple == NULL)
		return false;
	l = level_make(e, priority_of(&sp->p));
	if (l == NULL) {
		tuple_drop(e, sp->p.dir, family_index(&sp->key.src.addr), sp->tuple);
		return false;
	}
	hash_insert(&sp->tuple->table, &sp->by_selector, selector_hash(e, &sp->key));
	hash_insert(&e->spd.by_id, &sp->by_id, hash_more(e->env.hash_key.k1, sp->p.id));
	list_append(&l->policies, &sp->in_level);
	tuple_improve(e, sp);
	return true;
}

struct eng_policy *
eng_spd_add(struct eng *e, instant now, const struct ipsec_policy *p, int *error)
{
	struct eng_policy *sp;

	*error = ENOBUFS;
	if (e->spd.count >= ENG_POLICIES_MAX)
		return NULL;
	*error = ENOMEM;
	sp = calloc(1, sizeof(*sp));
	if (sp == NULL)
		return NULL;
	sp->p = *p;
	key_of(&p->sel, &sp->key);
	if (sp->p.id == 0)
		sp->p.id = new_id(e, p->dir);
	number_rules(e, &sp->p);
	sp->serial = ++e->serial;
	sp->created = sp->used = now;
	sp->p.current = (struct sa_life){ .add_s = (uint64_t)eng_wall_s(e, now) };
	if (!place(e, sp)) {
		free(sp);
		return NULL;
	}
	arm(e, sp);
	e->spd.count++;
	e->spd.generation++;
	*error = 0;
	return sp;
}

void
eng_spd_remove(struct eng *e, struct eng_policy *sp)
{
	eng_dump_forget_sp(e, sp);
	eng_hold_forget_policy(e, sp->p.id);
	heap_cancel(&e->spd.timers, &sp->timer);
	hash_remove(&sp->tuple->table, &sp->by_selector);
	hash_remove(&e->spd.by_id, &sp->by_id);
	list_remove(&sp->in_level);
	level_drop(e, priority_of(&sp->p));
	tuple_drop(e, sp->p.dir, family_index(&sp->key.src.addr), sp->tuple);
	e->spd.count--;
	e->spd.generation++;
	free(sp);
}

void
eng_spd_show(const struct eng *e, const struct eng_policy *sp, struct ipsec_policy *v)
{
	*v = sp->p;
	v->current.bytes = sp->bytes;
	v->current.allocations = sp->packets > UINT32_MAX ? UINT32_MAX : (uint32_t)sp->packets;
	if (instant_diff(sp->used, sp->created) > 0)
		v->current.use_s = (uint64_t)eng_wall_s(e, sp->used);
}

void
eng_spd_timer(struct eng *e, instant now)
{
	for (unsigned i = 0; i < ENG_EXPIRE_BATCH; i++) {
		struct heap_node *n = heap_due(&e->spd.timers, now);
		struct eng_policy *sp;
		struct sadb_msg m;

		if (n == NULL)
			return;
		sp = container_of(n, struct eng_policy, timer);
		arm(e, sp); /* it may have been used meanwhile */
		if (!heap_armed(n) || !instant_reached(n->when, now))
			continue;
		memset(&m, 0, sizeof(m));
		m.op = SADB_OP_SPDEXPIRE;
		m.has_sp = m.hard = true;
		eng_spd_show(e, sp, &m.sp);
		eng_spd_remove(e, sp);
		eng_tell(e, 0, 0, &m);
	}
}

bool
eng_spd_init(struct eng *e)
{
	e->spd.next_reqid = ENG_REQID_FIRST;
	e->spd.generation = 1;
	return hash_init(&e->spd.by_id, 0);
}

void
eng_spd_free(struct eng *e)
{
	for (struct eng_policy *sp; (sp = eng_spd_first(e)) != NULL;)
		eng_spd_remove(e, sp);
	for (unsigned d = 0; d < ENG_DIRS; d++)
		for (unsigned f = 0; f < ENG_FAMILIES; f++)
			free(e->spd.index[d][f].tuple);
	free(e->spd.level);
	hash_free(&e->spd.by_id);
	heap_free(&e->spd.timers);
}
