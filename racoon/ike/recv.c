/*
 * recv.c - from datagram to exchange: header, SA, duplicate, decryption, payloads.
 *
 * Called with every datagram.  Nothing is allocated for a sender before a sound message 1, nothing
 * of an SA changes before a message fits its row; what fits nowhere is counted and dropped without
 * an answer (RFC 2408 5.2, 5.3).
 */
#include "racoon/ike/engine.h"

#include <stdlib.h>
#include <string.h>

#include "racoon/ikev1/v1_natt.h"
#include "racoon/ikev1/v1_rows.h"

enum { WIRE_FLAGS_AT = 19 /* in the ISAKMP header */ };

static void
malformed(struct ike *e, const struct ike_event *ev, uint64_t serial, const char *why)
{
	e->count[IKE_N_MALFORMED]++;
	ike_log(e, LOG_L_DEBUG, &ev->datagram.remote, serial, "malformed message of %zu octets: %s",
		ev->datagram.octets.n, why);
}

static void
no_sa(struct ike *e, const struct ike_event *ev, const struct wire_header *h)
{
	char number[16];

	e->count[IKE_N_NO_SA]++;
	ike_log(e, LOG_L_DEBUG, &ev->datagram.remote, 0, "unknown cookie in %s message, dropped",
		wire_name_text(WIRE_NAMES_EXCHANGE, h->exchange, number, sizeof(number)));
}

static void
show(struct ike *e, const struct ike_event *ev, const struct wire_header *h,
	const struct wire_msg *m, uint64_t serial)
{
	struct text t = { .limit = 65536 };
	char line[WIRE_SUMMARY_MAX];

	if (!ike_logs(e, LOG_L_DEBUG))
		return;
	ike_log(e, LOG_L_DEBUG, &ev->datagram.remote, serial, "received %s",
		wire_summary(line, sizeof(line), h, m));
	wire_print(&t, h, m);
	for (const char *at = text_str(&t), *end; *at != '\0'; at = end + (*end != '\0')) {
		end = at + strcspn(at, "\n");
		if (end != at)
			ike_log(e, LOG_L_DEBUG, &ev->datagram.remote, serial, "%.*s",
				(int)(end - at), at);
	}
	text_free(&t);
}

static bool
zero_cookie(const uint8_t *c)
{
	static const uint8_t none[V1_COOKIE];

	return memcmp(c, none, V1_COOKIE) == 0;
}

/*
 * Cookies can be seen on the way and are no proof of anything: nobody is followed to another
 * address (RFC 3947 has ports in mind).  Who has moved is told to the operator, once for an SA, for
 * strangers could fill the log.
 */
void
ike_elsewhere(struct ike *e, struct ike_sa *sa)
{
	const struct net_endpoint *from = &e->arrival.remote;
	char text[NET_ENDPOINT_TEXT];

	if (net_addr_equal(&from->addr, &sa->remote.addr) || sa->state != IKE_S_UP ||
	    sa->elsewhere_told) {
		ike_log(e, LOG_L_DEBUG, from, sa->serial,
			"message of an SA from another address or port, dropped");
		return;
	}
	sa->elsewhere_told = true;
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "message from %s dropped: a peer is not "
		"followed to another address, it has to negotiate anew from there",
		net_endpoint_text(text, sizeof(text), from));
}

/* From where the peer was last, or somewhere it may have moved to: that is proven later. */
static bool
from_peer(struct ike *e, struct ike_sa *sa, const struct ike_event *ev)
{
	if (net_endpoint_equal(&sa->remote, &ev->datagram.remote) && sa->natt == ev->datagram.natt)
		return true;
	if ((ev->datagram.octets.p[WIRE_FLAGS_AT] & WIRE_F_ENCRYPTED) != 0 ||
	    sa->exchange == RC_AGGRESSIVE) {
		if (ike_path_may_move(e, sa, &e->arrival))
			return true;
	}
	ike_elsewhere(e, sa);
	return false;
}

static bool
keep_for_later(const struct ike *e, struct ike_xchg *x, const struct ike_event *ev)
{
	struct bytes b = ev->datagram.octets;

	if (x->held.octets != NULL)
		return false;
	x->held.octets = malloc(b.n);
	if (x->held.octets == NULL)
		return false;
	memcpy(x->held.octets, b.p, b.n);
	x->held.n = b.n;
	x->held.path = e->arrival;
	return true;
}

/* ----------------------------------------------------------------------------- one exchange --- */

/* Decrypt into e->in with iv; false: cannot be. */
static bool
opened(struct ike *e, const struct ike_sa *sa, uint8_t *iv, struct bytes octets, struct bytes *out)
{
	size_t n = octets.n - WIRE_HEADER;

	if (sa->encr == NULL || n == 0 || n % sa->encr->block != 0)
		return false;
	memcpy(e->in, octets.p + WIRE_HEADER, n);
	if (v1_open(e, sa, iv, e->in, n) != ST_NORMAL)
		return false;
	*out = bytes_of(e->in, n);
	return true;
}

static void
to_exchange(struct ike *e, struct ike_xchg *x, const struct ike_event *ev,
	const struct wire_header *h)
{
	struct bytes payloads = wire_payloads_of(ev->datagram.octets);
	bool sealed = (h->flags & WIRE_F_ENCRYPTED) != 0;
	uint8_t before[V1_IV_MAX], iv[V1_IV_MAX];
	const char *why = NULL;
	enum status status;

	if (ike_window_check(e, x, ev->datagram.octets) == IKE_DUPLICATE)
		return;
	if (x->row != NULL)
		return; /* it can only be an older one */
	memcpy(before, x->iv, sizeof(before));
	memcpy(iv, x->iv, sizeof(iv));
	if (sealed && x->sa->keys.key.n == 0) {
		if (x->jobs != 0)
			(void)keep_for_later(e, x, ev);
		return;
	}
	if (sealed && !opened(e, x->sa, iv, ev->datagram.octets, &payloads)) {
		v1_unreadable(e, x, "length is not a multiple of the cipher's block");
		return;
	}
	if (v1_parse(e, h->next, payloads, sealed, &why) != ST_NORMAL) {
		if (sealed)
			v1_unreadable(e, x, why);
		else
			malformed(e, ev, x->sa->serial, why);
		return;
	}
	show(e, ev, h, &e->msg, x->sa->serial);
	if (sealed)
		memcpy(x->iv, iv, sizeof(iv));
	e->datagram = ev->datagram.octets;
	x->arrival = e->arrival;
	status = ike_run(e, x, h, &e->msg);
	if (status != ST_NORMAL && x->state != IKE_S_DEAD)
		memcpy(x->iv, before, sizeof(before));
	/* Garbage may look like payloads, the wrong ones. */
	if (status == ST_INVALIDPAYLOAD && sealed && x->state != IKE_S_DEAD)
		v1_unreadable(e, x, "payloads do not belong here");
}

void
ike_recv_held(struct ike *e, struct ike_xchg *x)
{
	struct ike_held held = x->held;
	struct wire_header h;
	struct ike_event ev = { .now = e->now, .today = e->today, .type = IKE_EV_DATAGRAM };

	x->held.octets = NULL;
	ev.datagram.local = held.path.local;
	ev.datagram.remote = held.path.remote;
	ev.datagram.natt = held.path.natt;
	e->arrival = held.path;
	ev.datagram.octets = bytes_of(held.octets, held.n);
	if (wire_parse_header(ev.datagram.octets, &h, NULL) == ST_NORMAL)
		to_exchange(e, x, &ev, &h);
	free(held.octets);
}

static void
phase1(struct ike *e, const struct ike_event *ev, const struct wire_header *h)
{
	const char *why = NULL;
	struct ike_sa *sa;

	if (h->message_id != 0) {
		malformed(e, ev, 0, "message ID in phase 1");
		return;
	}
	if (!zero_cookie(h->cookie_r)) {
		sa = ike_sa_find(e, h);
		if (sa == NULL && h->exchange != WIRE_X_AGGRESSIVE && !list_empty(&e->folds))
			sa = ike_unfold(e, h);
		if (sa == NULL)
			no_sa(e, ev, h);
		else if (sa->x != NULL && from_peer(e, sa, ev))
			to_exchange(e, sa->x, ev, h);
		return;
	}
	sa = ike_sa_by_first(e, h->cookie_i, &ev->datagram.remote);
	if (sa != NULL) {
		if (sa->x != NULL)
			(void)ike_window_check(e, sa->x, ev->datagram.octets);
		return;
	}
	if ((h->flags & WIRE_F_ENCRYPTED) != 0) {
		malformed(e, ev, 0, "encrypted first message");
		return;
	}
	if (wire_parse(h->next, wire_payloads_of(ev->datagram.octets), false, &e->msg, &why) !=
		ST_NORMAL) {
		malformed(e, ev, 0, why);
		return;
	}
	e->quiet = ike_flood_quiet(e);
	show(e, ev, h, &e->msg, 0);
	e->datagram = ev->datagram.octets;
	v1_first_message(e, ev, h, &e->msg);
	e->quiet = false;
}

/* A message that only a peer with our cookie can send; ours must have been lost. */
static void
early_quick(struct ike *e, struct ike_sa *sa)
{
	struct ike_xchg *x = sa->x;

	if (x == NULL || sa->side != IKE_RESPONDER || x->state != IKE_S_AGG2_SENT ||
	    x->window.sent == NULL ||
	    instant_diff(e->now, x->window.resent) < IKE_RESEND_GUARD_MS)
		return;
	x->window.resent = e->now;
	e->count[IKE_N_RETRANSMITTED]++;
	ike_send(e, sa, bytes_of(x->window.sent, x->window.sent_n));
}

static void
quick(struct ike *e, const struct ike_event *ev, const struct wire_header *h)
{
	struct ike_sa *sa = ike_sa_find(e, h);
	uint8_t iv[V1_IV_MAX];
	struct bytes payloads;
	const char *why = NULL;

	if (sa == NULL) {
		no_sa(e, ev, h);
		return;
	}
	if (h->message_id == 0 || (h->flags & WIRE_F_ENCRYPTED) == 0) {
		malformed(e, ev, sa->serial, "quick mode in the clear or without a message ID");
		return;
	}
	if (!from_peer(e, sa, ev))
		return;
	if (sa->state != IKE_S_UP) {
		early_quick(e, sa);
		return;
	}
	struct ike_child *c = ike_child_by_msgid(e, sa, h->message_id);
	if (c != NULL) {
		if (c->x != NULL)
			to_exchange(e, c->x, ev, h);
		return;
	}
	if (e->stopping)
		return;
	if (v1_message_iv(e, sa, h->message_id, iv) != ST_NORMAL ||
	    !opened(e, sa, iv, ev->datagram.octets, &payloads) ||
	    v1_parse(e, h->next, payloads, true, &why) != ST_NORMAL) {
		malformed(e, ev, sa->serial, why != NULL ? why : "does not decrypt");
		return;
	}
	show(e, ev, h, &e->msg, sa->serial);
	e->datagram = ev->datagram.octets;
	v1_quick_first(e, sa, h, &e->msg, iv);
}

static void
take_message(struct ike *e, const struct ike_event *ev, const struct wire_header *h)
{
	const struct ike_sa *sa;
	char number[16];

	switch (h->exchange) {
	case WIRE_X_MAIN:
	case WIRE_X_AGGRESSIVE:
	case WIRE_X_BASE:
		phase1(e, ev, h);
		return;
	case WIRE_X_QUICK:
		quick(e, ev, h);
		return;
	case WIRE_X_INFO:
		v1_info(e, ike_sa_find(e, h), ev, h);
		return;
	}
	if (h->exchange == WIRE_X_NEW_GROUP) {
		v1_new_group(e, ike_sa_find(e, h), ev, h);
		return;
	}
	sa = ike_sa_find(e, h);
	e->count[IKE_N_MALFORMED]++;
	ike_log(e, LOG_L_INFO, &ev->datagram.remote, sa == NULL ? 0 : sa->serial,
		"%s exchange is not supported, dropped",
		wire_name_text(WIRE_NAMES_EXCHANGE, h->exchange, number, sizeof(number)));
}

/* Something is there, and it is as long as it says, and IKEv1. */
static bool
sound(struct ike *e, const struct ike_event *ev, struct wire_header *h)
{
	const char *why = NULL;

	if (ev->datagram.octets.n > IKE_DATAGRAM_MAX)
		why = "longer than any datagram";
	else if (wire_parse_header(ev->datagram.octets, h, &why) != ST_NORMAL)
		why = why == NULL ? "" : why;
	else if (h->version != WIRE_VERSION_1)
		why = "version is not ISAKMP 1.0";
	else if (zero_cookie(h->cookie_i))
		why = "initiator cookie is zero";
	if (why != NULL)
		malformed(e, ev, 0, why);
	return why == NULL;
}

void
ike_recv(struct ike *e, const struct ike_event *ev)
{
	struct ike_event whole = *ev;
	struct wire_header h;

	e->count[IKE_N_RECEIVED]++;
	e->arrival = (struct ike_path){ ev->datagram.local, ev->datagram.remote,
		ev->datagram.natt };
	if (!sound(e, ev, &h))
		return;
	if (h.next != WIRE_FRAGMENT) {
		take_message(e, ev, &h);
		return;
	}
	/* What comes of the last piece is no piece again: v1_frag_recv has seen to that. */
	if (v1_frag_recv(e, ev, &h, &whole.datagram.octets) && sound(e, &whole, &h))
		take_message(e, &whole, &h);
}
