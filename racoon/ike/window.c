/*
 * window.c - the last message each way of an exchange: retransmission, duplicates.
 *
 * Called by the receive path before a message is looked into, and by the exchanges to send.  A
 * duplicate is known by the keyed digest of the whole datagram and answered from the cache, no
 * faster than a guard allows.  Only an initiator, or a responder whose peer has proven to receive
 * at its address, retransmits by itself (RFC 2408 5.1).
 */
#include "racoon/ike/engine.h"

#include <stdlib.h>
#include <string.h>

uint64_t
ike_digest(const struct ike *e, struct bytes b)
{
	return hash_bytes(&e->env.hash_key, b.p, b.n);
}

/* To the peer, or once to where it says it is now. */
static void
send_out(struct ike *e, const struct ike_xchg *x, struct bytes message)
{
	if (x->elsewhere)
		ike_send_path(e, x->sa, &x->arrival, message);
	else
		ike_send(e, x->sa, message);
}

static void
resend(struct ike *e, struct ike_xchg *x)
{
	e->count[IKE_N_RETRANSMITTED]++;
	send_out(e, x, bytes_of(x->window.sent, x->window.sent_n));
}

int
ike_window_check(struct ike *e, struct ike_xchg *x, struct bytes datagram)
{
	struct ike_window *w = &x->window;
	char peer[NET_ENDPOINT_TEXT];

	if (!w->has_digest || w->digest != ike_digest(e, datagram))
		return IKE_FRESH;
	e->count[IKE_N_DUPLICATE]++;
	if (x->child != NULL && x->state == IKE_S_UP)
		ike_child_grace(e, x->child);
	/* Its answer is being computed, or we owe none. */
	if (x->row != NULL || w->sent == NULL)
		return IKE_DUPLICATE;
	if (instant_diff(e->now, w->resent) < IKE_RESEND_GUARD_MS)
		return IKE_DUPLICATE;
	w->resent = e->now;
	ike_log(e, LOG_L_NOTIFY, &x->sa->remote, x->sa->serial,
		"the packet is retransmitted by %s (%u).",
		net_endpoint_text(peer, sizeof(peer), &x->sa->remote), w->tries + 1);
	resend(e, x);
	return IKE_DUPLICATE;
}

void
ike_window_took(struct ike *e, struct ike_xchg *x, struct bytes datagram)
{
	struct ike_window *w = &x->window;

	w->digest = ike_digest(e, datagram);
	w->has_digest = true;
	w->retransmits = false;
	ike_disarm(e, &w->retry);
}

static void retry_fired(struct ike *e, struct ike_timer *t);

static int64_t
interval(const struct ike *e, const struct ike_xchg *x)
{
	int64_t ms = e->config == NULL ? 10000 : e->config->timer.interval;

	if (x->hint != 0 && ms > IKE_HINT_MS)
		return IKE_HINT_MS;
	/* The initiator is done, and will not ask again: make haste. */
	if (x->state == IKE_S_QUICK2_SENT && x->window.tries < 8 &&
	    ms > IKE_QUICK2_MS << x->window.tries / 2)
		return IKE_QUICK2_MS << x->window.tries / 2;
	return ms > 0 ? ms : 1;
}

/* RFC 2409 5: a peer that falls silent when it hears who we are does not believe it. */
enum status
ike_silence(const struct ike_xchg *x)
{
	return x->state == IKE_S_MSG5_SENT ? ST_NOAUTHANSWER : ST_NORESPONSE;
}

static void
give_up(struct ike *e, struct ike_xchg *x)
{
	char buf[IKE_DETAIL_MAX];

	if (x->hint != 0) {
		char number[16];
		ike_xchg_fail(e, x, ike_notify_status(x->hint, x->state),
			"peer answered %s in state %s",
			wire_name_text(WIRE_NAMES_NOTIFY, x->hint, number, sizeof(number)),
			ike_state_name(x->state));
		return;
	}
	if (x->child == NULL)
		ike_log(e, LOG_L_ERROR, &x->sa->remote, x->sa->serial,
			"phase1 negotiation failed due to time up. %s",
			ike_cookies_text(buf, sizeof(buf), x->sa));
	else
		ike_log(e, LOG_L_ERROR, &x->sa->remote, x->child->serial,
			"phase2 negotiation failed due to time up. %s:%08x",
			ike_cookies_text(buf, sizeof(buf), x->sa), x->message_id);
	ike_xchg_fail(e, x, ike_silence(x), "no answer to %s after %u transmissions",
		x->state == IKE_S_MSG1_SENT || x->state == IKE_S_AGG1_SENT ||
				x->state == IKE_S_BASE1_SENT
			? "the first message"
		: x->state == IKE_S_MSG3_SENT || x->state == IKE_S_BASE3_SENT ? "message 3"
		: x->state == IKE_S_MSG5_SENT                              ? "message 5"
									   : "quick mode",
		x->window.tries + 1);
}

static void
retry_fired(struct ike *e, struct ike_timer *t)
{
	struct ike_xchg *x = container_of(t, struct ike_xchg, window.retry);
	struct ike_window *w = &x->window;
	int64_t most = e->config == NULL ? 5 : e->config->timer.counter;

	if (!w->retransmits || w->sent == NULL)
		return;
	/* A complaint that anyone may have forged gets one more try, not the whole wait. */
	if (x->state == IKE_S_QUICK2_SENT)
		most = INT64_MAX; /* until the exchange's limit */
	if ((x->hint != 0 && x->hint_tries++ >= 1) || (int64_t)w->tries >= most) {
		give_up(e, x);
		return;
	}
	w->tries++;
	resend(e, x);
	ike_arm(e, &w->retry, instant_add(e->now, interval(e, x)), retry_fired);
}

/* Send and keep; retransmit: until an answer comes. */
void
ike_window_send(struct ike *e, struct ike_xchg *x, struct bytes message, bool retransmit)
{
	struct ike_window *w = &x->window;
	uint8_t *copy = malloc(message.n == 0 ? 1 : message.n);

	free(w->sent);
	w->sent = copy;
	w->sent_n = copy == NULL ? 0 : message.n;
	if (copy != NULL)
		memcpy(copy, message.p, message.n);
	w->tries = 0;
	w->resent = (instant){ e->now.ms - IKE_RESEND_GUARD_MS };
	w->retransmits = retransmit && !x->elsewhere;
	send_out(e, x, message);
	if (w->retransmits)
		ike_arm(e, &w->retry, instant_add(e->now, interval(e, x)), retry_fired);
	else
		ike_disarm(e, &w->retry);
}

void
ike_window_nudge(struct ike *e, struct ike_xchg *x)
{
	if (x->window.sent == NULL || instant_diff(e->now, x->window.resent) < IKE_RESEND_GUARD_MS)
		return;
	x->window.resent = e->now;
	resend(e, x);
}

/* The peer complained, but nothing proves that it was the peer. */
void
ike_window_hint(struct ike *e, struct ike_xchg *x, uint16_t notify)
{
	if (x->hint != 0 || !x->window.retransmits)
		return;
	x->hint = notify;
	ike_arm(e, &x->window.retry, instant_add(e->now, interval(e, x)), retry_fired);
}

void
ike_window_free(struct ike *e, struct ike_window *w)
{
	ike_disarm(e, &w->retry);
	free(w->sent);
	w->sent = NULL;
	w->has_digest = false;
}

/* ---------------------------------------------------------------------------- sending again --- */

struct again {
	struct list in_engine;
	struct ike_timer timer;
	struct ike_path path;
	uint64_t serial;
	unsigned sent;
	size_t n;
	uint8_t octets[];
};

static void
again_fired(struct ike *e, struct ike_timer *t)
{
	struct again *a = container_of(t, struct again, timer);

	ike_send_for(e, a->serial, &a->path, bytes_of(a->octets, a->n));
	if (++a->sent < IKE_DELETE_COPIES) {
		int64_t ms = (int64_t)IKE_DELETE_AGAIN_MS << (2 * a->sent - 2);
		ike_arm(e, &a->timer, instant_add(e->now, ms), again_fired);
		return;
	}
	list_remove(&a->in_engine);
	e->again_count--;
	free(a);
}

void
ike_send_again(struct ike *e, const struct ike_sa *sa, struct bytes octets)
{
	struct again *a;

	if (e->stopping) { /* there is no later */
		ike_send(e, sa, octets);
		return;
	}
	if (e->again_count >= IKE_AGAIN_MAX || (a = calloc(1, sizeof(*a) + octets.n)) == NULL)
		return;
	a->path = (struct ike_path){ sa->local, sa->remote, sa->natt };
	a->serial = sa->serial;
	a->sent = 1;
	a->n = octets.n;
	memcpy(a->octets, octets.p, octets.n);
	list_append(&e->again, &a->in_engine);
	e->again_count++;
	ike_arm(e, &a->timer, instant_add(e->now, IKE_DELETE_AGAIN_MS), again_fired);
}

bool
ike_again_due(const struct ike *e, unsigned index, struct ike_timer_view *out)
{
	LIST_FOREACH(at, &e->again)
	{
		const struct again *a = container_of(at, struct again, in_engine);
		if (index-- != 0)
			continue;
		out->when = a->timer.node.when;
		out->remote = a->path.remote;
		out->serial = a->serial;
		return true;
	}
	return false;
}

void
ike_again_free(struct ike *e)
{
	LIST_FOREACH(at, &e->again)
	{
		struct again *a = container_of(at, struct again, in_engine);
		ike_disarm(e, &a->timer);
		free(a);
	}
	list_init(&e->again);
}
