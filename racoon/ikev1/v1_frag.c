/*
 * v1_frag.c - fragments of IKE messages, Cisco's way: payload 132.
 *
 * Called by the sending and the receiving side of the engine.  Nothing authenticates a fragment, so
 * what is kept of them is bounded and belongs to somebody: to the SA whose two cookies they show,
 * one message at a time, or, of first messages, to a slot that the sender's address chooses, which
 * nobody can take away from a younger one.  A message that was put together may be no fragment.
 */
#include "racoon/ikev1/v1_natt.h"

#include <stdlib.h>
#include <string.h>

#include "racoon/ikev1/v1_rows.h"

enum {
	FRAG_DATAGRAM = 552, /* what is longer goes in pieces */
	FRAG_DATA = 512,
	FRAG_FIXED = WIRE_HEADER + 8,
	FRAG_LAST = 1,       /* flag */
	FRAG_PARTS_MAX = 64,
	FRAG_OCTETS_MAX = 32768, /* of a message of an SA */
	FRAG_FIRST_MAX = 8192,   /* of a first message */
	FRAG_MS = 10000,         /* for all parts to come */
	FRAG_FIRST_MS = 2000,    /* so long nobody else gets the slot of a first message */
};

struct ike_frags { /* one message */
	struct ike_timer timer;
	struct ike_frags **owner; /* where it hangs */
	uint8_t cookie_i[V1_COOKIE];
	struct net_addr remote;
	uint16_t id;
	uint8_t last; /* index of the last part, 0: not seen */
	uint8_t count;
	size_t octets, most;
	instant begun;
	struct bytes part[FRAG_PARTS_MAX + 1]; /* from 1; owned */
};

/* --------------------------------------------------------------------------------- sending --- */

bool
v1_frag_wanted(const struct ike_sa *sa, size_t octets)
{
	if (octets <= FRAG_DATAGRAM || octets > (size_t)FRAG_DATA * FRAG_PARTS_MAX ||
	    sa->conf == NULL)
		return false;
	return sa->conf->ike_frag == RC_FORCE ||
	       (sa->conf->ike_frag == RC_ON &&
		       (sa->peer_vendors & V1_VENDOR_FRAGMENTATION) != 0);
}

void
v1_frag_send(struct ike *e, uint64_t serial, const struct ike_path *path, struct bytes message)
{
	uint8_t buf[FRAG_FIXED + FRAG_DATA];
	uint64_t digest = ike_digest(e, message);
	unsigned index = 1;
	/* The same number for the same message, so that repeated parts fill gaps. */
	uint16_t id = (uint16_t)(digest == 0 ? 1 : digest % UINT16_MAX + 1);

	for (size_t at = 0; at < message.n; at += FRAG_DATA, index++) {
		size_t n = message.n - at < FRAG_DATA ? message.n - at : FRAG_DATA;
		struct writer w = writer_of(buf, sizeof(buf));
		write_bytes(&w, bytes_of(message.p, WIRE_HEADER));
		write_u8(&w, 0); /* no payload follows */
		write_u8(&w, 0);
		write_u16(&w, (uint16_t)(FRAG_FIXED - WIRE_HEADER + n));
		write_u16(&w, id);
		write_u8(&w, (uint8_t)index);
		write_u8(&w, at + n == message.n ? FRAG_LAST : 0);
		write_bytes(&w, bytes_of(message.p + at, n));
		buf[2 * V1_COOKIE] = WIRE_FRAGMENT;
		patch_u32(buf + WIRE_HEADER - 4, (uint32_t)(FRAG_FIXED + n));
		ike_send_for(e, serial, path, writer_bytes(&w));
	}
}

/* --------------------------------------------------------------------------- what is kept --- */

static void
frags_free(struct ike *e, struct ike_frags *f)
{
	ike_disarm(e, &f->timer);
	*f->owner = NULL;
	for (unsigned i = 1; i <= FRAG_PARTS_MAX; i++)
		free((void *)(uintptr_t)f->part[i].p);
	free(f);
}

void
v1_frag_forget(struct ike *e, struct ike_frags **owner)
{
	if (*owner != NULL)
		frags_free(e, *owner);
}

bool
v1_frag_due(const struct ike_frags *f, struct net_addr *remote, instant *when)
{
	if (f == NULL)
		return false;
	if (remote != NULL)
		*remote = f->remote;
	*when = f->timer.node.when;
	return true;
}

static void
frags_late(struct ike *e, struct ike_timer *t)
{
	frags_free(e, container_of(t, struct ike_frags, timer));
}

static struct ike_frags *
frags_new(struct ike *e, struct ike_frags **owner, const struct ike_event *ev,
	const struct wire_header *h, uint16_t id, size_t most)
{
	struct ike_frags *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->owner = owner;
	f->remote = ev->datagram.remote.addr;
	f->id = id;
	f->most = most;
	f->begun = e->now;
	memcpy(f->cookie_i, h->cookie_i, V1_COOKIE);
	*owner = f;
	ike_arm(e, &f->timer, instant_add(e->now, FRAG_MS), frags_late);
	return f;
}

/* One more part; false: the message cannot be completed, and is forgotten. */
static bool
add_part(struct ike_frags *f, const struct wire_fragment *p)
{
	bool is_last = (p->flags & FRAG_LAST) != 0;
	uint8_t *copy;

	if (p->index == 0 || p->index > FRAG_PARTS_MAX || p->data.n == 0)
		return true; /* none of it */
	if (f->part[p->index].p != NULL)
		return true; /* repeated */
	if (f->last != 0 && (p->index > f->last || is_last))
		return true;
	for (unsigned i = p->index + 1u; is_last && i <= FRAG_PARTS_MAX; i++)
		if (f->part[i].p != NULL)
			return true; /* a last one that is not */
	if (f->octets + p->data.n > f->most)
		return false;
	copy = malloc(p->data.n);
	if (copy == NULL)
		return false;
	memcpy(copy, p->data.p, p->data.n);
	f->part[p->index] = bytes_of(copy, p->data.n);
	f->octets += p->data.n;
	f->count++;
	if (is_last)
		f->last = p->index;
	return true;
}

/* ------------------------------------------------------------------------------- receiving --- */

static void
dropped(struct ike *e, const struct ike_event *ev, const struct wire_header *h, const char *why)
{
	const struct ike_sa *sa = ike_logs(e, LOG_L_DEBUG) ? ike_sa_find(e, h) : NULL;

	e->count[IKE_N_MALFORMED]++;
	ike_log(e, LOG_L_DEBUG, &ev->datagram.remote, sa == NULL ? 0 : sa->serial,
		"fragment dropped: %s", why);
}

static struct ike_frags **
slot_of(struct ike *e, const struct ike_event *ev)
{
	const struct net_addr *a = &ev->datagram.remote.addr;

	return &e->first_frags[hash_bytes(&e->env.hash_key, a, sizeof(*a)) % IKE_FIRST_FRAGS];
}

/* Where fragments of this message are kept, NULL: nowhere. */
static struct ike_frags **
place_of(struct ike *e, const struct ike_event *ev, const struct wire_header *h, size_t *most,
	const char **why)
{
	static const uint8_t none[V1_COOKIE];
	struct ike_frags **slot;
	const struct rc_remote *conf;
	struct ike_sa *sa;

	*why = "ike_frag is off";
	if (memcmp(h->cookie_r, none, V1_COOKIE) != 0) {
		sa = ike_sa_find(e, h);
		if (sa == NULL || !net_addr_equal(&sa->remote.addr, &ev->datagram.remote.addr)) {
			*why = "of no SA";
			return NULL;
		}
		*most = FRAG_OCTETS_MAX;
		return sa->conf == NULL || sa->conf->ike_frag == RC_OFF ? NULL : &sa->frags;
	}
	conf = e->config == NULL ? NULL : rc_remote_for(e->config, &ev->datagram.remote.addr);
	if (conf == NULL || conf->ike_frag == RC_OFF)
		return NULL;
	*most = FRAG_FIRST_MAX;
	slot = slot_of(e, ev);
	if (*slot == NULL || (memcmp((*slot)->cookie_i, h->cookie_i, V1_COOKIE) == 0 &&
				     net_addr_equal(&(*slot)->remote, &ev->datagram.remote.addr)))
		return slot;
	*why = "others are waited for";
	if (instant_diff(e->now, (*slot)->begun) < FRAG_FIRST_MS)
		return NULL;
	frags_free(e, *slot);
	return slot;
}

/* All parts are there: the message, in the step's arena. */
static struct bytes
join(struct ike *e, struct ike_frags *f)
{
	uint8_t *whole = arena_alloc(e->step, f->octets);
	struct bytes out = bytes_of(whole, 0);

	for (unsigned i = 1; whole != NULL && i <= f->last; i++) {
		memcpy(whole + out.n, f->part[i].p, f->part[i].n);
		out.n += f->part[i].n;
	}
	frags_free(e, f);
	return out;
}

bool
v1_frag_recv(struct ike *e, const struct ike_event *ev, const struct wire_header *h,
	struct bytes *whole)
{
	const struct wire_fragment *p = &e->msg.payload[0].fragment;
	struct ike_frags **owner;
	struct wire_header inner;
	const char *why = NULL;
	size_t most = 0;

	if (wire_parse(h->next, wire_payloads_of(ev->datagram.octets), false, &e->msg, &why) !=
		    ST_NORMAL ||
	    e->msg.count != 1 || e->msg.payload[0].type != WIRE_FRAGMENT) {
		dropped(e, ev, h, why == NULL ? "not alone in its message" : why);
		return false;
	}
	owner = place_of(e, ev, h, &most, &why);
	if (owner == NULL) {
		dropped(e, ev, h, why);
		return false;
	}
	if (*owner != NULL && (*owner)->id != p->id)
		frags_free(e, *owner);
	if (*owner == NULL && frags_new(e, owner, ev, h, p->id, most) == NULL)
		return false;
	if (!add_part(*owner, p)) {
		dropped(e, ev, h, "the message is too long");
		frags_free(e, *owner);
		return false;
	}
	if ((*owner)->last == 0 || (*owner)->count != (*owner)->last)
		return false;
	*whole = join(e, *owner);
	if (wire_parse_header(*whole, &inner, &why) != ST_NORMAL || inner.next == WIRE_FRAGMENT ||
	    memcmp(inner.cookie_i, h->cookie_i, V1_COOKIE) != 0 ||
	    memcmp(inner.cookie_r, h->cookie_r, V1_COOKIE) != 0) {
		dropped(e, ev, h, why == NULL ? "what it is part of is another message" : why);
		return false;
	}
	return true;
}
