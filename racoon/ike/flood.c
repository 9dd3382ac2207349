/*
 * flood.c - first messages in numbers: answered, and remembered in a few octets each.
 *
 * Called by the receive path.  While the half-open SAs are above a mark, a first message of main
 * mode is answered like any other, but what is kept of it is the datagram itself: HASH_I covers the
 * SA payload, which no later message repeats, so RFC 2522's stateless cookie alone will not do in
 * IKEv1.  The responder's cookie is a keyed hash of the initiator's, both ends and the time, so a
 * repeated first message finds its place again.  Message 3 with that cookie, from the same end,
 * proves that somebody receives there: the SA is made from what was kept.  The store is a queue of
 * bounded size; who comes first leaves first, whatever address it names, since a forged one costs
 * nothing.  How long that is, at how many messages a second, follows from the two limits:
 * 32 MB are four seconds at 20,000 messages of 350 octets.
 */
#include "racoon/ike/engine.h"

#include <stdlib.h>
#include <string.h>

#include "racoon/ikev1/v1_rows.h"

enum {
	LEAST_LIMIT = 16, /* a smaller one is kept to the letter */
	FOLDS_MAX = 131072,
	FOLD_OCTETS_MAX = 32 << 20, /* all datagrams together */
	FOLD_ONE_MAX = 2048,        /* longer ones are not answered */
	FOLD_MS = 10000,            /* message 3 comes within this time */
	EPOCH_MS = 60000,           /* of the cookies' secret */
	TOLD_MS = 60000,            /* the log says so this often */
	FIRSTS_PER_S = 200,         /* more first messages a second are not logged one by one */
};

struct ike_fold { /* one first message that was answered */
	struct hash_node by_cookie;
	struct list in_order; /* oldest first */
	instant when;
	struct ike_path path;
	uint8_t cookie_i[V1_COOKIE], cookie_r[V1_COOKIE];
	size_t n;
	uint8_t octets[];
};

bool
ike_flood(const struct ike *e)
{
	return e->env.limits.half_open >= LEAST_LIMIT &&
	       e->half_open_count >= e->env.limits.half_open / 2;
}

/* Is one more first message worth lines in the log? */
bool
ike_flood_quiet(struct ike *e)
{
	if (instant_diff(e->now, e->firsts_since) >= 1000) {
		e->firsts_since = e->now;
		e->firsts = 0;
	}
	if (++e->firsts <= FIRSTS_PER_S && !ike_flood(e))
		return false;
	if (e->flood_told.ms == 0 || instant_diff(e->now, e->flood_told) >= TOLD_MS) {
		e->flood_told = e->now;
		ike_log(e, LOG_L_WARNING, NULL, 0,
			"many first messages, %zu negotiations half-open: new ones are answered "
			"without keeping an SA, and not logged", e->half_open_count);
	}
	return true;
}

static uint64_t
cookie_hash(const struct ike *e, const uint8_t *cookie)
{
	return hash_bytes(&e->env.hash_key, cookie, V1_COOKIE);
}

void
ike_flood_cookie(const struct ike *e, const uint8_t *cookie_i, uint8_t *out)
{
	uint8_t in[V1_COOKIE + 2 * sizeof(struct net_addr) + 16] = "";
	struct writer w = writer_of(in, sizeof(in));
	uint64_t h;

	write_bytes(&w, bytes_of(cookie_i, V1_COOKIE));
	write_bytes(&w, bytes_of((const uint8_t *)&e->arrival.remote.addr,
		sizeof(struct net_addr)));
	write_bytes(&w, bytes_of((const uint8_t *)&e->arrival.local.addr, sizeof(struct net_addr)));
	write_u16(&w, e->arrival.remote.port);
	write_u16(&w, e->arrival.local.port);
	write_u32(&w, (uint32_t)(e->now.ms / EPOCH_MS));
	h = hash_bytes(&e->env.hash_key, in, sizeof(in));
	h += h == 0;
	memcpy(out, &h, V1_COOKIE);
}

/* ------------------------------------------------------------------------------- the store --- */

static void
fold_free(struct ike *e, struct ike_fold *f)
{
	hash_remove(&e->folded, &f->by_cookie);
	list_remove(&f->in_order);
	e->fold_octets -= f->n;
	free(f);
}

static void
fold_trim(struct ike *e, size_t need)
{
	while (!list_empty(&e->folds)) {
		struct ike_fold *f = container_of(e->folds.next, struct ike_fold, in_order);
		if (e->folded.count < FOLDS_MAX && e->fold_octets + need <= FOLD_OCTETS_MAX &&
		    instant_diff(e->now, f->when) < FOLD_MS)
			return;
		fold_free(e, f);
	}
}

/* Nobody comes any more: give the memory back. */
static void
fold_late(struct ike *e, struct ike_timer *t)
{
	fold_trim(e, 0);
	if (!list_empty(&e->folds))
		ike_arm(e, t, instant_add(e->now, FOLD_MS), fold_late);
}

static struct ike_fold *
fold_find(const struct ike *e, const uint8_t *cookie_i, const uint8_t *cookie_r)
{
	struct hash_node *n = hash_find(&e->folded, cookie_hash(e, cookie_r));

	for (; n != NULL; n = hash_again(n)) {
		struct ike_fold *f = container_of(n, struct ike_fold, by_cookie);
		if (memcmp(f->cookie_r, cookie_r, V1_COOKIE) == 0 &&
		    memcmp(f->cookie_i, cookie_i, V1_COOKIE) == 0)
			return f;
	}
	return NULL;
}

void
ike_fold(struct ike *e, struct ike_sa *sa)
{
	struct ike_fold *f = fold_find(e, sa->cookie_i, sa->cookie_r);

	if (f != NULL)
		fold_free(e, f); /* repeated: it begins anew */
	fold_trim(e, e->datagram.n);
	f = e->datagram.n > FOLD_ONE_MAX ? NULL : calloc(1, sizeof(*f) + e->datagram.n);
	if (f != NULL) {
		f->when = e->now;
		f->path = (struct ike_path){ sa->local, sa->remote, sa->natt };
		memcpy(f->cookie_i, sa->cookie_i, V1_COOKIE);
		memcpy(f->cookie_r, sa->cookie_r, V1_COOKIE);
		f->n = e->datagram.n;
		memcpy(f->octets, e->datagram.p, f->n);
		if (list_empty(&e->folds))
			ike_arm(e, &e->fold_timer, instant_add(e->now, FOLD_MS), fold_late);
		list_append(&e->folds, &f->in_order);
		hash_insert(&e->folded, &f->by_cookie, cookie_hash(e, f->cookie_r));
		e->fold_octets += f->n;
		e->count[IKE_N_FOLDED]++;
	}
	ike_sa_end(e, sa, ST_HALFOPEN, false, "deleted");
}

/* Message 3 of a negotiation that was folded: its SA as if it had been there all the time. */
struct ike_sa *
ike_unfold(struct ike *e, const struct wire_header *h)
{
	struct ike_fold *f = fold_find(e, h->cookie_i, h->cookie_r);
	struct ike_event first = { .now = e->now, .today = e->today, .type = IKE_EV_DATAGRAM };
	struct wire_header h1;

	if (f == NULL || f->path.natt != e->arrival.natt ||
	    !net_endpoint_equal(&f->path.remote, &e->arrival.remote) ||
	    !net_endpoint_equal(&f->path.local, &e->arrival.local))
		return NULL;
	first.datagram.local = f->path.local;
	first.datagram.remote = f->path.remote;
	first.datagram.natt = f->path.natt;
	first.datagram.octets = bytes_of(f->octets, f->n);
	if (wire_parse_header(first.datagram.octets, &h1, NULL) == ST_NORMAL &&
	    wire_parse(h1.next, wire_payloads_of(first.datagram.octets), false, &e->msg, NULL) ==
		    ST_NORMAL) {
		e->datagram = first.datagram.octets;
		e->unfolding = true; /* message 2 is away already */
		e->cookie_wanted = f->cookie_r;
		v1_first_message(e, &first, &h1, &e->msg);
		e->cookie_wanted = NULL;
		e->unfolding = false;
	}
	e->datagram = bytes_of(NULL, 0);
	struct ike_sa *sa = ike_sa_find(e, h);
	if (sa != NULL) /* else there is no room yet: message 3 will be repeated */
		fold_free(e, f);
	return sa;
}

void
ike_folds_free(struct ike *e)
{
	ike_disarm(e, &e->fold_timer);
	LIST_FOREACH(at, &e->folds)
		fold_free(e, container_of(at, struct ike_fold, in_order));
}
