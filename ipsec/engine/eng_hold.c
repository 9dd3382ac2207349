/*
 * eng_hold.c - packets that wait for an SA, and the ACQUIREs that ask for it.
 *
 * One ACQUIRE per policy and pair of end points; it is not repeated before ENG_ACQUIRE_S are over,
 * but told again to a key manager that registers meanwhile.  What waits is bounded in number per
 * ACQUIRE, in number and octets in all.
 */
#include "ipsec/engine/eng_int.h"

#include <stdlib.h>
#include <string.h>

#include "lib/secret.h"

static uint64_t
ends_hash(const struct eng *e, const struct net_addr *src, const struct net_addr *dst, uint32_t id)
{
	uint64_t key[5];

	memcpy(key, src->b, 16);
	memcpy(key + 2, dst->b, 16);
	key[4] = (uint64_t)id << 32 | src->family;
	return hash_bytes(&e->env.hash_key, key, sizeof(key));
}

static bool
same_ends(const struct eng_acquire *a, const struct net_addr *src, const struct net_addr *dst)
{
	return a->src.family == src->family && memcmp(a->src.b, src->b, 16) == 0 &&
		memcmp(a->dst.b, dst->b, 16) == 0;
}

static struct eng_acquire *
acquire_find(const struct eng *e, uint32_t policy, const struct net_addr *src,
	const struct net_addr *dst)
{
	struct hash_node *n = hash_find(&e->acquires, ends_hash(e, src, dst, policy));

	for (; n != NULL; n = hash_again(n)) {
		struct eng_acquire *a = container_of(n, struct eng_acquire, by_flow);

		if (a->policy == policy && same_ends(a, src, dst))
			return a;
	}
	return NULL;
}

static void
held_free(struct eng *e, struct eng_acquire *a, struct eng_held *held)
{
	list_remove(&held->node);
	a->count--;
	e->held--;
	e->held_octets -= held->n;
	wipe(held->b, held->n);
	free(held);
}

/* Forget what waits; it counts as lost for want of an SA. */
static void
drop_held(struct eng *e, struct eng_acquire *a)
{
	e->count[ENG_N_NO_SA] += a->count;
	LIST_FOREACH(at, &a->held)
		held_free(e, a, container_of(at, struct eng_held, node));
}

static void
acquire_free(struct eng *e, struct eng_acquire *a)
{
	drop_held(e, a);
	heap_cancel(&e->acquire_timers, &a->timer);
	hash_remove(&e->acquires, &a->by_flow);
	hash_remove(&e->acquire_pairs, &a->by_pair);
	list_remove(&a->all);
	list_remove(&a->ready);
	e->acquire_count--;
	free(a);
}

static void
tell(struct eng *e, const struct eng_acquire *a, uint32_t client)
{
	const struct eng_policy *sp = eng_spd_by_id(e, a->policy);
	struct sadb_msg m;

	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_ACQUIRE;
	m.seq = a->seq;
	m.has_sa = true;
	m.sa.src.addr = a->src;
	m.sa.dst.addr = a->dst;
	m.sa.proto = a->proto;
	m.sa.mode = a->mode;
	m.sa.reqid = a->reqid;
	if (sp != NULL) {
		m.has_sp = true;
		eng_spd_show(e, sp, &m.sp);
	}
	eng_tell(e, client, 0, &m);
}

static struct eng_acquire *
acquire_new(struct eng *e, instant now, const struct eng_policy *sp, const struct sp_rule *r,
	const struct net_addr *src, const struct net_addr *dst)
{
	struct eng_acquire *a;

	if (e->acquire_count >= ENG_ACQUIRES_MAX)
		return NULL;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return NULL;
	if (!heap_set(&e->acquire_timers, &a->timer, instant_add(now, ENG_ACQUIRE_S * 1000))) {
		free(a);
		return NULL;
	}
	a->src = *src;
	a->dst = *dst;
	a->proto = r->proto;
	a->mode = r->mode;
	a->reqid = r->reqid;
	a->policy = sp->p.id;
	do
		a->seq = ++e->acquire_seq;
	while (a->seq == 0);
	list_init(&a->held);
	list_append(&e->acquire_all, &a->all);
	hash_insert(&e->acquires, &a->by_flow, ends_hash(e, src, dst, a->policy));
	hash_insert(&e->acquire_pairs, &a->by_pair, ends_hash(e, src, dst, 0));
	e->acquire_count++;
	e->count[ENG_N_ACQUIRE]++;
	tell(e, a, 0);
	return a;
}

enum eng_verdict
eng_hold(struct eng *e, instant now, const struct eng_policy *sp, const struct sp_rule *r,
	const struct net_addr *src, const struct net_addr *dst, const struct eng_packet *p)
{
	struct eng_acquire *a = acquire_find(e, sp->p.id, src, dst);
	struct eng_held *held;

	/* Nobody there to ask: the packet is lost, but the next one may ask anew. */
	if (a == NULL && !eng_has_key_manager(e))
		return p == NULL ? ENG_DROP : eng_drop(e, ENG_N_NO_SA);
	if (a == NULL)
		a = acquire_new(e, now, sp, r, src, dst);
	if (p == NULL)
		return ENG_HELD;
	if (a == NULL || a->count >= ENG_HELD_PER_POLICY || e->held >= ENG_HELD_MAX ||
		p->len > ENG_HELD_OCTETS - e->held_octets)
		return eng_drop(e, ENG_N_QUEUE_FULL);
	held = malloc(sizeof(*held) + p->len);
	if (held == NULL)
		return eng_drop(e, ENG_N_QUEUE_FULL);
	held->node = (struct list){ 0 };
	held->head = 0;
	held->n = p->len;
	memcpy(held->b, p->buf + p->head, p->len);
	list_append(&a->held, &held->node);
	a->count++;
	e->held++;
	e->held_octets += held->n;
	e->count[ENG_N_HELD]++;
	return ENG_HELD;
}

/* Any SA between the end points is worth a try: a bundle may want several. */
void
eng_hold_sa_came(struct eng *e, const struct eng_sa *sa)
{
	struct hash_node *n, *next;

	n = hash_find(&e->acquire_pairs, ends_hash(e, &sa->src.addr, &sa->dst.addr, 0));
	for (; n != NULL; n = next) {
		struct eng_acquire *a = container_of(n, struct eng_acquire, by_pair);

		next = hash_again(n);
		if (!same_ends(a, &sa->src.addr, &sa->dst.addr))
			continue;
		if (a->count == 0) {
			if (a->proto == (enum sa_proto)sa->proto)
				acquire_free(e, a);
			continue;
		}
		a->tries = a->count;
		list_remove(&a->ready);
		list_append(&e->acquire_ready, &a->ready);
	}
}

/* The next packet that waited with this ACQUIRE goes out again; true when p can be sent. */
static bool
try_one(struct eng *e, instant now, struct eng_acquire *a, struct eng_packet *p)
{
	struct eng_held *held = container_of(a->held.next, struct eng_held, node);
	enum eng_verdict v;

	a->tries--;
	if (p->room < held->n + ENG_HEADROOM + ENG_TAILROOM) {
		held_free(e, a, held);
		(void)eng_drop(e, ENG_N_MALFORMED);
		return false;
	}
	p->head = ENG_HEADROOM;
	p->len = held->n;
	memcpy(p->buf + p->head, held->b, held->n);
	held_free(e, a, held);
	v = eng_output(e, now, p); /* it may be held again, behind the others */
	return v == ENG_SEND || v == ENG_CLEAR;
}

bool
eng_release(struct eng *e, instant now, struct eng_packet *p)
{
	if (eng_frag_take(e, p))
		return true;
	while (!list_empty(&e->acquire_ready)) {
		struct eng_acquire *a =
			container_of(e->acquire_ready.next, struct eng_acquire, ready);

		if (a->tries > 0 && a->count > 0) {
			if (try_one(e, now, a, p))
				return true;
			continue;
		}
		list_remove(&a->ready);
		if (a->count == 0)
			acquire_free(e, a);
	}
	return false;
}

void
eng_hold_forget_policy(struct eng *e, uint32_t id)
{
	LIST_FOREACH(at, &e->acquire_all) {
		struct eng_acquire *a = container_of(at, struct eng_acquire, all);

		if (a->policy == id)
			acquire_free(e, a);
	}
}

/* What waited is lost, but the question is not asked again before its time. */
void
eng_hold_failed(struct eng *e, uint32_t seq)
{
	LIST_FOREACH(at, &e->acquire_all) {
		struct eng_acquire *a = container_of(at, struct eng_acquire, all);

		if (a->seq == seq)
			drop_held(e, a);
	}
}

void
eng_hold_retell(struct eng *e, uint32_t client)
{
	LIST_FOREACH(at, &e->acquire_all) {
		if (e->event_count >= ENG_EVENTS_MAX)
			return;
		tell(e, container_of(at, struct eng_acquire, all), client);
	}
}

void
eng_hold_timer(struct eng *e, instant now)
{
	struct heap_node *n;

	for (unsigned i = 0; i < ENG_EXPIRE_BATCH; i++) {
		n = heap_due(&e->acquire_timers, now);
		if (n == NULL)
			return;
		acquire_free(e, container_of(n, struct eng_acquire, timer));
	}
}

void
eng_hold_free(struct eng *e)
{
	LIST_FOREACH(at, &e->acquire_all)
		acquire_free(e, container_of(at, struct eng_acquire, all));
}
