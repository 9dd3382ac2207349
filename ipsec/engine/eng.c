/*
 * eng.c - the engine put together: its life, its clock, its counters.
 *
 * Called by ipsecd's datapath, the simulator and the vector tests.  Time comes with each call,
 * randomness through the environment, in pools.
 */
#include "ipsec/engine/eng_int.h"

#include <stdlib.h>
#include <string.h>

#include "lib/secret.h"

static bool
set_up(struct eng *e)
{
	list_init(&e->sas);
	list_init(&e->dumps);
	list_init(&e->events);
	list_init(&e->acquire_all);
	list_init(&e->acquire_ready);
	list_init(&e->pieces);
	e->sad_generation = 1;
	e->env.random(e->env.user, (uint8_t *)&e->ip_id, sizeof(e->ip_id));
	return hash_init(&e->by_spi, 0) && hash_init(&e->pairs, 0) &&
		hash_init(&e->acquires, 0) && hash_init(&e->acquire_pairs, 0) && eng_spd_init(e);
}

struct eng *
eng_new(const struct eng_env *env)
{
	struct eng *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->env = *env;
	if (!set_up(e)) {
		eng_free(e);
		return NULL;
	}
	return e;
}

void
eng_free(struct eng *e)
{
	if (e == NULL)
		return;
	eng_answer_free(e);
	eng_hold_free(e);
	LIST_FOREACH(at, &e->sas)
		eng_sa_free(e, container_of(at, struct eng_sa, all));
	eng_spd_free(e);
	eng_frag_free(e);
	deflate_free(e->comp);
	if (e->comp_buf != NULL)
		wipe(e->comp_buf, UINT16_MAX);
	free(e->comp_buf);
	heap_free(&e->sa_timers);
	heap_free(&e->acquire_timers);
	hash_free(&e->by_spi);
	hash_free(&e->pairs);
	hash_free(&e->acquires);
	hash_free(&e->acquire_pairs);
	wipe(e, sizeof(*e));
	free(e);
}

void
eng_set_paths(struct eng *e, uint32_t (*mtu)(void *user, const struct net_addr *dst), void *user)
{
	e->path_mtu = mtu;
	e->path_user = user;
}

void
eng_random(struct eng *e, uint8_t *out, size_t n)
{
	if (e->pool_left < n) {
		e->env.random(e->env.user, e->pool, sizeof(e->pool));
		e->pool_left = sizeof(e->pool);
	}
	e->pool_left -= n;
	memcpy(out, e->pool + e->pool_left, n);
}

int64_t
eng_wall_s(const struct eng *e, instant now)
{
	if (e->today.ms == 0)
		return 0;
	return (e->today.ms + instant_diff(now, e->noon)) / 1000;
}

instant
eng_deadline(const struct eng *e)
{
	return instant_min(heap_deadline(&e->sa_timers),
		instant_min(heap_deadline(&e->spd.timers), heap_deadline(&e->acquire_timers)));
}

void
eng_timer(struct eng *e, instant now, wall today)
{
	e->today = today;
	e->noon = e->latest = now;
	eng_life_timer(e, now);
	eng_spd_timer(e, now);
	eng_hold_timer(e, now);
}

/* ------------------------------------------------------------------------------ looking in --- */

uint64_t
eng_count(const struct eng *e, enum eng_count which)
{
	return (unsigned)which < ENG_N_COUNT ? e->count[which] : 0;
}

enum status
eng_count_condition(enum eng_count which)
{
	switch (which) {
	case ENG_N_REPLAY:
		return ST_REPLAY;
	case ENG_N_BAD_ICV:
		return ST_BADICV;
	case ENG_N_POLICY_MISMATCH:
	case ENG_N_NO_POLICY:
	case ENG_N_CLEARTEXT:
		return ST_SELECTOR;
	case ENG_N_NO_SA:
		return ST_NOSUCHSA;
	case ENG_N_MALFORMED:
	case ENG_N_FRAGMENT:
		return ST_BADPACKET;
	case ENG_N_BAD_COMP:
		return ST_BADCOMP;
	case ENG_N_EXPIRED:
		return ST_SAEXPIRED;
	case ENG_N_SEQ_OVERFLOW:
		return ST_SEQOVER;
	case ENG_N_CONGESTION:
		return ST_CONGESTED;
	case ENG_N_OUT:
	case ENG_N_IN:
	case ENG_N_CLEAR_OUT:
	case ENG_N_HELD:
	case ENG_N_DISCARD:
	case ENG_N_TOO_BIG:
	case ENG_N_ACQUIRE:
	case ENG_N_QUEUE_FULL:
	case ENG_N_KEEPALIVE:
	case ENG_N_NOT_ESP:
	case ENG_N_COMPRESSED:
	case ENG_N_NOT_COMPRESSED:
	case ENG_N_AUDIT_LOST:
	case ENG_N_COUNT:
		break;
	}
	return ST_NORMAL;
}

const char *
eng_count_name(enum eng_count which)
{
	switch (which) {
	case ENG_N_OUT:
		return "protected";
	case ENG_N_IN:
		return "opened";
	case ENG_N_CLEAR_OUT:
		return "sent in clear";
	case ENG_N_HELD:
		return "held";
	case ENG_N_NO_SA:
		return "no SA";
	case ENG_N_NO_POLICY:
		return "no policy";
	case ENG_N_DISCARD:
		return "discarded by policy";
	case ENG_N_REPLAY:
		return "replayed";
	case ENG_N_BAD_ICV:
		return "bad ICV";
	case ENG_N_MALFORMED:
		return "malformed";
	case ENG_N_POLICY_MISMATCH:
		return "policy mismatch";
	case ENG_N_CLEARTEXT:
		return "cleartext refused";
	case ENG_N_TOO_BIG:
		return "too big";
	case ENG_N_FRAGMENT:
		return "fragments";
	case ENG_N_EXPIRED:
		return "SA expired";
	case ENG_N_SEQ_OVERFLOW:
		return "sequence overflow";
	case ENG_N_ACQUIRE:
		return "acquires";
	case ENG_N_QUEUE_FULL:
		return "queue full";
	case ENG_N_KEEPALIVE:
		return "NAT keepalives";
	case ENG_N_NOT_ESP:
		return "not for IPsec";
	case ENG_N_COMPRESSED:
		return "compressed";
	case ENG_N_NOT_COMPRESSED:
		return "not compressed";
	case ENG_N_BAD_COMP:
		return "bad compression";
	case ENG_N_CONGESTION:
		return "congestion unexpected";
	case ENG_N_AUDIT_LOST:
		return "audit events lost";
	case ENG_N_COUNT:
		break;
	}
	return "?";
}

void
eng_add_cleartext(struct eng *e, uint64_t n)
{
	e->count[ENG_N_CLEARTEXT] += n;
}

size_t
eng_sa_count(const struct eng *e)
{
	return e->sa_count;
}

size_t
eng_policy_count(const struct eng *e)
{
	return e->spd.count;
}

bool
eng_policy_next(const struct eng *e, uint32_t *cursor, struct ipsec_policy *out)
{
	struct eng_policy *sp;

	if (*cursor == 0) {
		sp = eng_spd_first(e);
	} else {
		sp = eng_spd_by_id(e, *cursor);
		if (sp != NULL)
			sp = eng_spd_next(e, sp);
	}
	if (sp == NULL)
		return false;
	*cursor = sp->p.id;
	*out = sp->p;
	return true;
}
