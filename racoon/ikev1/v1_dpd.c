/*
 * v1_dpd.c - dead peer detection (RFC 3706): R-U-THERE and its acknowledgement.
 *
 * Called when phase 1 is up, by the informational exchange and by whoever hears something that only
 * the living peer can have said now.  We ask every dpd_delay seconds in which no such message came;
 * as with racoon, packets of IPsec SAs do not count.  A question keeps its number until it is
 * answered: peers take numbers one by one.  Replays of old messages prove nothing.
 */
#include "racoon/ikev1/v1_natt.h"

#include <stdio.h>

#include "racoon/ikev1/v1_rows.h"

static void dpd_fired(struct ike *e, struct ike_timer *t);

static void
arm(struct ike *e, struct ike_sa *sa, int64_t s)
{
	ike_arm(e, &sa->dpd.timer, instant_add(e->now, s * 1000), dpd_fired);
}

static bool
asks(const struct ike_sa *sa)
{
	return sa->state == IKE_S_UP && sa->conf != NULL && sa->conf->dpd &&
	       sa->conf->dpd_delay_s > 0 && (sa->peer_vendors & V1_VENDOR_DPD) != 0;
}

static void
send_number(struct ike *e, struct ike_sa *sa, uint16_t type, uint32_t number)
{
	uint8_t cookies[2 * V1_COOKIE], data[4];

	patch_u32(data, number);
	v1_notify(e, sa, type, WIRE_P_ISAKMP, v1_cookies(sa, cookies),
		bytes_of(data, sizeof(data)));
}

/* Everything with this peer goes; what policies need is negotiated anew on demand. */
static void
dead(struct ike *e, struct ike_sa *sa)
{
	struct ike_peer *p = sa->peer;
	char cookies[IKE_COOKIES_TEXT], text[IKE_DETAIL_MAX];

	snprintf(text, sizeof(text), "no answer to %u R-U-THERE", sa->dpd.fails);
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial,
		"DPD: remote (ISAKMP-SA spi=%s) seems to be dead.",
		ike_cookies_text(cookies, sizeof(cookies), sa));
	ike_failure(e, 1, sa->serial, &sa->local, &sa->remote, ST_PEERDEAD, 0, text);
	ike_note_sa(e, IKE_NOTE_PH1_DEAD, sa, ST_PEERDEAD, text);
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "purging ISAKMP-SA spi=%s.", cookies);
	LIST_FOREACH(at, &p->children)
	{
		struct ike_child *c = container_of(at, struct ike_child, in_peer);
		if (c->state != IKE_S_UP)
			continue;
		ike_log(e, LOG_L_INFO, &c->remote, c->serial, "purged IPsec-SA spi=%u.",
			c->pair[0].spi_out);
		ike_child_end(e, c, ST_PEERDEAD, false, 0);
	}
	LIST_FOREACH(at, &p->sas)
	{
		struct ike_sa *o = container_of(at, struct ike_sa, in_peer);
		if (o->state != IKE_S_UP)
			continue;
		ike_log(e, LOG_L_INFO, &o->remote, o->serial, "purged ISAKMP-SA spi=%s.",
			ike_cookies_text(cookies, sizeof(cookies), o));
		ike_sa_end(e, o, ST_PEERDEAD, false, "deleted");
	}
}

static void
dpd_fired(struct ike *e, struct ike_timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, dpd.timer);

	if (!asks(sa))
		return;
	if (sa->retiring) { /* its successor is asked */
		arm(e, sa, sa->conf->dpd_delay_s);
		return;
	}
	if (sa->dpd.fails != 0 && (int64_t)sa->dpd.fails >= sa->conf->dpd_maxfail) {
		dead(e, sa);
		return;
	}
	if (sa->dpd.fails++ == 0 && sa->dpd.sent++ == 0)
		sa->dpd.number = ike_random32(e) & 0x0fff;
	send_number(e, sa, WIRE_N_R_U_THERE, sa->dpd.number);
	arm(e, sa, sa->conf->dpd_retry_s);
}

void
v1_dpd_alive(struct ike *e, struct ike_sa *sa)
{
	if (sa->dpd.fails != 0)
		sa->dpd.number++;
	sa->dpd.fails = 0;
	if (asks(sa))
		arm(e, sa, sa->conf->dpd_delay_s);
	else
		ike_disarm(e, &sa->dpd.timer);
}

/*
 * Whether only the living peer can have sent this: a number ahead, or the present one in a message
 * of another ID, as who got no answer asks again.  Of too many nothing is believed.
 */
static bool
is_news(struct ike_dpd *dpd, uint32_t number, uint32_t message_id)
{
	if (number != dpd->heard)
		dpd->heard_ids = 0;
	dpd->heard = number;
	for (unsigned i = 0; i < dpd->heard_ids; i++)
		if (dpd->heard_id[i] == message_id)
			return false;
	if (dpd->heard_ids == IKE_DPD_IDS_KEPT)
		return false;
	dpd->heard_id[dpd->heard_ids++] = message_id;
	return true;
}

/* RFC 3706 6.2: numbers only go up; one again is a question whose answer was lost. */
static void
question(struct ike *e, struct ike_sa *sa, uint32_t number, uint32_t message_id)
{
	if (sa->dpd.heard_ids != 0 && (int32_t)(number - sa->dpd.heard) < 0) {
		ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial,
			"DPD: R-U-THERE %u after %u, ignored", number, sa->dpd.heard);
		return;
	}
	if (is_news(&sa->dpd, number, message_id))
		ike_path_heard(e, sa, &e->arrival);
	else if (instant_diff(e->now, sa->dpd.answered) < IKE_RESEND_GUARD_MS)
		return;
	sa->dpd.answered = e->now;
	send_number(e, sa, WIRE_N_R_U_THERE_ACK, number);
}

void
v1_dpd_recv(struct ike *e, struct ike_sa *sa, const struct wire_notify *n,
	uint32_t message_id)
{
	uint8_t cookies[2 * V1_COOKIE];
	uint32_t number;

	if (sa->state != IKE_S_UP || n->data.n != sizeof(number) ||
	    !bytes_equal(n->spi, v1_cookies(sa, cookies))) {
		e->count[IKE_N_MALFORMED]++;
		ike_log(e, LOG_L_INFO, &sa->remote, sa->serial,
			"DPD: message with wrong cookies or length ignored");
		return;
	}
	number = get_u32(n->data.p);
	if (n->type == WIRE_N_R_U_THERE)
		question(e, sa, number, message_id);
	else if (sa->dpd.fails != 0 && number == sa->dpd.number)
		ike_path_heard(e, sa, &e->arrival);
	else
		ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial,
			"DPD: answer %u to no question, ignored", number);
}
