/*
 * timers.c - what the engine will do by itself, and when: SHOW SCHEDULE.
 *
 * Called between steps, for one timer at a time.  The walk goes by the objects that own the timers,
 * not through the heap, whose order changes with every step: SAs and what is negotiated on them in
 * the order of their serials, then what belongs to neither.  The end of a lifetime is told as well
 * while the timer that stands for it is set for the renewal before it.  Changes nothing.
 */
#include "racoon/ike/engine.h"

#include <string.h>

#include "racoon/ikev1/v1_natt.h"

enum stage { OF_SAS, OF_CHILDREN, OF_FIRSTS, OF_FRAGMENTS, OF_DELETES, AT_END };

enum sa_timer { SA_EXPIRES, SA_RENEWED, SA_RETIRES, SA_DPD, SA_KEEPALIVE, SA_LIMIT, SA_RETRY,
	SA_FRAGMENTS, SA_TIMERS };
enum child_timer { CHILD_EXPIRES, CHILD_RENEWED, CHILD_RETIRES, CHILD_KEEPALIVE, CHILD_WAITS,
	CHILD_LIMIT, CHILD_RETRY, CHILD_TIMERS };

static bool
told(struct ike_timer_view *out, instant when, const char *event)
{
	out->when = when;
	out->event = event;
	return when.ms != INSTANT_NEVER.ms;
}

static bool
armed(struct ike_timer_view *out, const struct ike_timer *t, const char *event)
{
	return heap_armed(&t->node) && told(out, t->node.when, event);
}

/* Before the end of the lifetime the same timer stands for something else. */
static bool
before(struct ike_timer_view *out, const struct ike_timer *t, instant end, const char *event)
{
	return armed(out, t, event) && t->node.when.ms < end.ms;
}

static bool
sends_again(struct ike_timer_view *out, const struct ike_xchg *x)
{
	return x != NULL && x->window.retransmits &&
	       armed(out, &x->window.retry, "message is sent again, or given up");
}

static const char *
dpd_event(const struct ike_sa *sa)
{
	if (sa->dpd.fails == 0)
		return "DPD: the peer is asked";
	if (sa->conf != NULL && (int64_t)sa->dpd.fails >= sa->conf->dpd_maxfail)
		return "DPD: the peer is taken for dead";
	return "DPD: the peer is asked again";
}

/* The peer's keepalive is told once: with its SA, or else with the first child it has. */
static bool
keepalive(struct ike_timer_view *out, const struct ike_peer *p, const struct ike_sa *sa,
	const struct ike_child *c)
{
	const struct ike_sa *owner = ike_peer_any(p);

	if (!heap_armed(&p->keepalive.node))
		return false;
	if (owner == NULL && !list_empty(&p->sas))
		owner = container_of(p->sas.next, struct ike_sa, in_peer);
	if (owner != sa || (sa == NULL && p->children.next != &c->in_peer))
		return false;
	return armed(out, &p->keepalive, "NAT keepalive");
}

static bool
sa_timer(const struct ike_sa *sa, enum sa_timer which, struct ike_timer_view *out)
{
	bool up = sa->state == IKE_S_UP;

	switch (which) {
	case SA_EXPIRES:
		return up && told(out, sa->expires, "ISAKMP SA expires");
	case SA_RENEWED:
		return before(out, &sa->life, sa->expires, ike_sa_wants_rekey(sa)
				? "ISAKMP SA is renewed"
				: "ISAKMP SA takes on nothing new");
	case SA_RETIRES:
		return sa->retiring &&
		       armed(out, &sa->retire, "ISAKMP SA is deleted: another took over");
	case SA_DPD:
		return up && !sa->retiring && armed(out, &sa->dpd.timer, dpd_event(sa));
	case SA_KEEPALIVE:
		return keepalive(out, sa->peer, sa, NULL);
	case SA_LIMIT:
		return sa->x != NULL && armed(out, &sa->x->limit, up
				? "last message of phase 1 is forgotten"
				: "phase 1 negotiation is given up");
	case SA_RETRY:
		return sends_again(out, sa->x);
	case SA_FRAGMENTS:
		return v1_frag_due(sa->frags, NULL, &out->when) &&
		       told(out, out->when, "fragments of a message are forgotten");
	case SA_TIMERS:
		break;
	}
	return false;
}

static bool
child_timer(const struct ike_child *c, enum child_timer which, struct ike_timer_view *out)
{
	bool up = c->state == IKE_S_UP;

	switch (which) {
	case CHILD_EXPIRES:
		return up && told(out, c->expires, "IPsec SA expires");
	case CHILD_RENEWED:
		return !c->retiring && before(out, &c->life, c->expires, "IPsec SA is renewed");
	case CHILD_RETIRES:
		return c->retiring &&
		       armed(out, &c->retire, "IPsec SA is deleted: another took over");
	case CHILD_KEEPALIVE:
		return keepalive(out, c->peer, NULL, c);
	case CHILD_WAITS:
		return c->waits && armed(out, &c->wait, "waiting for phase 1 is given up");
	case CHILD_LIMIT:
		return c->x != NULL && armed(out, &c->x->limit, up
				? "last message of quick mode is forgotten"
				: "phase 2 negotiation is given up");
	case CHILD_RETRY:
		return sends_again(out, c->x);
	case CHILD_TIMERS:
		break;
	}
	return false;
}

/* walk->cursor: the serial of the object being shown; walk->index: its next timer. */
static bool
next_of_sas(const struct ike *e, struct ike_timer_walk *w, struct ike_timer_view *out)
{
	const struct ike_sa *sa = w->cursor == 0 ? NULL : ike_sa_by_serial(e, w->cursor);

	for (;; sa = NULL) {
		if (sa == NULL) {
			sa = ike_sa_after(e, w->cursor);
			w->index = 0;
		}
		if (sa == NULL)
			return false;
		w->cursor = out->serial = sa->serial;
		out->remote = sa->remote;
		out->created = sa->created;
		while (w->index < SA_TIMERS)
			if (sa_timer(sa, (enum sa_timer)w->index++, out))
				return true;
	}
}

static bool
next_of_children(const struct ike *e, struct ike_timer_walk *w, struct ike_timer_view *out)
{
	const struct ike_child *c = ike_child_by_serial(e, w->cursor);

	for (;; c = NULL) {
		if (c == NULL) {
			c = ike_child_after(e, w->cursor);
			w->index = 0;
		}
		if (c == NULL)
			return false;
		w->cursor = out->serial = c->serial;
		out->remote = c->remote;
		out->created = c->created;
		while (w->index < CHILD_TIMERS)
			if (child_timer(c, (enum child_timer)w->index++, out))
				return true;
	}
}

static bool
next_of_fragments(const struct ike *e, struct ike_timer_walk *w, struct ike_timer_view *out)
{
	while (w->index < IKE_FIRST_FRAGS)
		if (v1_frag_due(e->first_frags[w->index++], &out->remote.addr, &out->when))
			return told(out, out->when, "fragments of a first message are forgotten");
	return false;
}

static bool
next_of_stage(const struct ike *e, struct ike_timer_walk *w, struct ike_timer_view *out)
{
	switch ((enum stage)w->stage) {
	case OF_SAS:
		return next_of_sas(e, w, out);
	case OF_CHILDREN:
		return next_of_children(e, w, out);
	case OF_FIRSTS:
		return w->index++ == 0 &&
		       armed(out, &e->fold_timer, "first messages kept are forgotten");
	case OF_FRAGMENTS:
		return next_of_fragments(e, w, out);
	case OF_DELETES:
		return ike_again_due(e, w->index++, out) &&
		       told(out, out->when, "Delete is sent again");
	case AT_END:
		break;
	}
	return false;
}

bool
ike_show_timer(const struct ike *e, struct ike_timer_walk *w, struct ike_timer_view *out)
{
	for (; w->stage < AT_END; w->stage++, w->cursor = 0, w->index = 0) {
		memset(out, 0, sizeof(*out));
		if (next_of_stage(e, w, out))
			return true;
	}
	return false;
}
