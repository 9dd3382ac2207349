/*
 * flood.c - first messages in numbers: answered, and remembered in a few octets each.
 *
 * Called by the receive path.  While the half-open SAs are above a mark, a first message of main
 * or base mode is answered like any other, but what is kept of it is the datagram itself (of
 * base mode our nonce as well): HASH_I covers the SA payload, which no later message repeats, so
 * RFC 2522's stateless cookie alone will not do in IKEv1.  The responder's cookie is a keyed
 * hash of the initiator's, both ends and the time, so a repeated first message finds its place
 * again.  Message 3 with that cookie, from the same end, proves that somebody receives there:
 * the SA is made from what was kept.  The store is a queue of bounded size; who comes first
 * leaves first, whatever address it names, since a forged one costs nothing.  How long that is,
 * at how many messages a second, follows from the two limits: 32 MB are four seconds at 20,000
 * messages of 350 octets.
 *
 * Aggressive mode is answered with a hash that takes a whole Diffie-Hellman exchange, whoever asks:
 * nothing can be kept back until the address is proven.  So it has a budget of computing time, and
 * places among the half-open of its own, and takes none from the other modes.  A peer that has an
 * SA with us is served before strangers.
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
	BUDGET_PER_S = 2500,        /* tenths of a millisecond for strangers' aggressive mode */
	LONG_TENTHS = 40,           /* what a power takes that cry_job_tenths calls long */
};

struct ike_fold { /* one first message that was answered */
	struct hash_node by_cookie;
	struct list in_order; /* oldest first */
	instant when;
	struct ike_path path;
	uint8_t cookie_i[V1_COOKIE], cookie_r[V1_COOKIE];
	size_t n, nonce_n;
	uint8_t octets[]; /* the datagram, then the nonce */
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

/* ---------------------------------------------------------------------------------- budget --- */

/* What the two powers of a group cost: public value and shared secret. */
static int64_t
tenths_of(const struct alg *group)
{
	const struct cry_job power = { .type = CRY_JOB_DERIVE, .group = group };
	unsigned one = cry_job_tenths(&power);

	return 2 * (int64_t)(one != 0 ? one : LONG_TENTHS);
}

/* Places that aggressive mode may fill. */
static size_t
costly_most(const struct ike *e)
{
	return e->env.limits.half_open / 4 + 1;
}

static bool
afford(struct ike *e, int64_t tenths)
{
	int64_t more = instant_diff(e->now, e->budget_at) * BUDGET_PER_S / 1000;

	if (more > 0) {
		e->budget_at = e->now;
		e->budget = e->budget + more < BUDGET_PER_S ? e->budget + more : BUDGET_PER_S;
	}
	if (e->budget < tenths)
		return false;
	e->budget -= tenths;
	return true;
}

bool
ike_costly_room(struct ike *e, const struct net_endpoint *local, const struct net_endpoint *remote,
	const struct alg *group)
{
	struct ike_peer *p = ike_peer_of(e, &local->addr, &remote->addr, false);
	bool known = p != NULL && ike_peer_any(p) != NULL;

	if ((p == NULL || p->half_open < e->env.limits.half_open_per_peer) &&
	    (known || afford(e, tenths_of(group)))) {
		if (e->costly_count < costly_most(e))
			return true;
		LIST_FOREACH(at, &e->costly)
		{
			struct ike_sa *o = container_of(at, struct ike_sa, in_half_open);
			if (o->verified)
				continue;
			e->count[IKE_N_HALF_OPEN_REFUSED]++;
			ike_sa_end(e, o, ST_HALFOPEN, false, "deleted");
			return true;
		}
	}
	e->count[IKE_N_HALF_OPEN_REFUSED]++;
	if (e->costly_told.ms == 0 || instant_diff(e->now, e->costly_told) >= TOLD_MS) {
		e->costly_told = e->now;
		ike_log(e, LOG_L_WARNING, remote, 0, "many first messages of aggressive mode: some "
			"are not answered (%s)", status_row(ST_HALFOPEN)->text);
	}
	return false;
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
	e->fold_octets -= f->n + f->nonce_n;
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

/* What message 2 to the same first message had, if that is known; borrowed. */
struct bytes
ike_fold_nonce(const struct ike *e, const uint8_t *cookie_i, const uint8_t *cookie_r)
{
	const struct ike_fold *f = fold_find(e, cookie_i, cookie_r);

	return f == NULL ? bytes_of(NULL, 0) : bytes_of(f->octets + f->n, f->nonce_n);
}

void
ike_fold(struct ike *e, struct ike_sa *sa, struct bytes nonce)
{
	struct ike_fold *f = fold_find(e, sa->cookie_i, sa->cookie_r);
	size_t size = e->datagram.n + nonce.n;

	if (f != NULL)
		fold_free(e, f); /* repeated: it begins anew */
	fold_trim(e, size);
	f = size > FOLD_ONE_MAX ? NULL : calloc(1, sizeof(*f) + size);
	if (f != NULL) {
		f->when = e->now;
		f->path = (struct ike_path){ sa->local, sa->remote, sa->natt };
		memcpy(f->cookie_i, sa->cookie_i, V1_COOKIE);
		memcpy(f->cookie_r, sa->cookie_r, V1_COOKIE);
		f->n = e->datagram.n;
		memcpy(f->octets, e->datagram.p, f->n);
		f->nonce_n = nonce.n;
		if (nonce.n != 0)
			memcpy(f->octets + f->n, nonce.p, nonce.n);
		if (list_empty(&e->folds))
			ike_arm(e, &e->fold_timer, instant_add(e->now, FOLD_MS), fold_late);
		list_append(&e->folds, &f->in_order);
		hash_insert(&e->folded, &f->by_cookie, cookie_hash(e, f->cookie_r));
		e->fold_octets += size;
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
		e->nonce_wanted = bytes_of(f->octets + f->n, f->nonce_n);
		v1_first_message(e, &first, &h1, &e->msg);
		e->cookie_wanted = NULL;
		e->nonce_wanted = bytes_of(NULL, 0);
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
