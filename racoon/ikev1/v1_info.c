/*
 * v1_info.c - Informational exchanges: Delete, Notify, INITIAL-CONTACT (RFC 2409 5.7, RFC 2408
 * 3.14, 3.15, RFC 2407 4.6.3).
 *
 * Called by the receive path, and by whoever has something to tell a peer.  HASH(1) is computed
 * over everything behind the HASH payload to the end of the message.  What is not authenticated
 * changes nothing: before there are keys an error notify is remembered as a hint, once there are
 * keys it is not even that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "racoon/ikev1/v1_id.h"
#include "racoon/ikev1/v1_natt.h"
#include "racoon/ikev1/v1_prop.h"
#include "racoon/ikev1/v1_rows.h"

/* ---------------------------------------------------------------------------------- sending --- */

/* HDR*, HASH(1), N or D; a message ID and an IV of its own.  `add` writes the payload. */
struct outgoing {
	struct wire_builder b;
	uint8_t *hash;
	uint32_t message_id;
};

static void
info_begin(struct ike *e, struct ike_sa *sa, struct outgoing *o)
{
	do
		o->message_id = ike_random32(e);
	while (o->message_id == 0);
	v1_begin(e, &o->b, sa, WIRE_X_INFO, WIRE_F_ENCRYPTED, o->message_id);
	o->hash = wire_add_hole(&o->b, WIRE_HASH, sa->hash->out);
}

/*
 * RFC 3947 4: the initiator's message 5 comes from port 4500.  What we do not believe does not move
 * the SA there, but the initiator hears only there that we do not.
 */
static bool
is_answered_elsewhere(const struct ike_sa *sa)
{
	return sa->state != IKE_S_UP && sa->side == IKE_RESPONDER && sa->x != NULL &&
		sa->x->arrival.remote.port != 0 && !ike_path_is(sa, &sa->x->arrival);
}

static void
info_send(struct ike *e, struct ike_sa *sa, struct outgoing *o, bool again)
{
	uint8_t iv[V1_IV_MAX];
	struct bytes message;

	if (o->hash == NULL ||
	    v1_hash_info(e->env.cry, sa->hash, secret_view(&sa->keys.a), o->message_id,
		    wire_since(&o->b, o->hash + sa->hash->out), o->hash) != ST_NORMAL ||
	    v1_message_iv(e, sa, o->message_id, iv) != ST_NORMAL)
		return;
	message = v1_seal(e, sa, &o->b, iv);
	if (message.n == 0)
		return;
	if (is_answered_elsewhere(sa))
		ike_send_path(e, sa, &sa->x->arrival, message);
	else
		ike_send(e, sa, message);
	if (again)
		ike_send_again(e, sa, message);
}

void
v1_notify_bare(struct ike *e, uint64_t serial, const struct ike_path *path, const uint8_t *cookie_i,
	const uint8_t *cookie_r, uint16_t type)
{
	struct wire_header h = { .version = WIRE_VERSION_1, .exchange = WIRE_X_INFO };
	struct wire_notify n = { .doi = WIRE_DOI_IPSEC, .protocol = WIRE_P_ISAKMP, .type = type };
	struct wire_builder b;
	char number[16];

	memcpy(h.cookie_i, cookie_i, V1_COOKIE);
	memcpy(h.cookie_r, cookie_r, V1_COOKIE);
	do
		h.message_id = ike_random32(e);
	while (h.message_id == 0);
	wire_begin(&b, e->out, sizeof(e->out), &h);
	wire_add_notify(&b, &n);
	ike_log(e, LOG_L_DEBUG, &path->remote, serial, "sending notify %s",
		wire_name_text(WIRE_NAMES_NOTIFY, type, number, sizeof(number)));
	ike_send_for(e, serial, path, wire_finish(&b));
}

void
v1_notify(struct ike *e, struct ike_sa *sa, uint16_t type, uint8_t protocol, struct bytes spi,
	struct bytes data)
{
	struct wire_notify n = { .doi = WIRE_DOI_IPSEC, .protocol = protocol, .type = type,
		.spi = spi, .data = data };
	struct outgoing o;
	char number[16];

	if (sa->keys.a.n == 0) {
		v1_notify_bare(e, sa->serial,
			&(struct ike_path){ sa->local, sa->remote, sa->natt }, sa->cookie_i,
			sa->cookie_r, type);
		return;
	}
	ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial, "sending notify %s",
		wire_name_text(WIRE_NAMES_NOTIFY, type, number, sizeof(number)));
	info_begin(e, sa, &o);
	wire_add_notify(&o.b, &n);
	info_send(e, sa, &o, false);
}

void
v1_delete_sa(struct ike *e, struct ike_sa *sa)
{
	uint8_t cookies[2 * V1_COOKIE];
	struct wire_delete d = { .doi = WIRE_DOI_IPSEC, .protocol = WIRE_P_ISAKMP,
		.spi_size = sizeof(cookies), .count = 1, .spis = v1_cookies(sa, cookies) };
	struct outgoing o;

	info_begin(e, sa, &o);
	wire_add_delete(&o.b, &d);
	info_send(e, sa, &o, true);
}

void
v1_delete_spis(struct ike *e, struct ike_sa *sa, enum sa_proto proto, const uint32_t *spi,
	size_t count)
{
	uint8_t spis[4 * IKE_SPIS_PER_DELETE] = { 0 };
	struct outgoing o;

	while (count != 0) {
		size_t n = count < IKE_SPIS_PER_DELETE ? count : IKE_SPIS_PER_DELETE;
		struct wire_delete d = { .doi = WIRE_DOI_IPSEC, .protocol = v1_proto_of(proto),
			.spi_size = proto == SA_IPCOMP ? 2 : 4, .count = (uint16_t)n };
		for (size_t i = 0; i < n && proto == SA_IPCOMP; i++)
			patch_u16(spis + 2 * i, (uint16_t)spi[i]);
		for (size_t i = 0; i < n && proto != SA_IPCOMP; i++)
			patch_u32(spis + 4 * i, spi[i]);
		d.spis = bytes_of(spis, d.spi_size * n);
		info_begin(e, sa, &o);
		wire_add_delete(&o.b, &d);
		info_send(e, sa, &o, true);
		spi += n;
		count -= n;
	}
}

/* RFC 2407 4.6.3.3.  The initiator has put it into its last message, which is retransmitted;
 * that of base mode authenticates nothing beside its hash. */
void
v1_initial_contact(struct ike *e, struct ike_sa *sa)
{
	uint8_t cookies[2 * V1_COOKIE];

	bool said = sa->side == IKE_INITIATOR && sa->exchange != RC_BASE;

	if (said || sa->conf == NULL || !sa->conf->initial_contact || ike_peer_known(sa))
		return;
	v1_notify(e, sa, WIRE_N_INITIAL_CONTACT, WIRE_P_ISAKMP, v1_cookies(sa, cookies),
		bytes_of(NULL, 0));
}

void
v1_refuse(struct ike *e, struct ike_xchg *x, enum status status, const char *detail)
{
	uint16_t notify = status_row(status)->notify;
	struct ike_sa *sa = x->sa;
	uint8_t cookies[2 * V1_COOKIE], spi[4];

	if (notify != 0 && x->child != NULL) {
		struct ike_child *c = x->child;
		/* The initiator's SPI names the negotiation to either end. */
		patch_u32(spi, x->side == IKE_INITIATOR ? c->pair[0].spi_in : c->pair[0].spi_out);
		v1_notify(e, sa, notify, v1_proto_of(c->pair[0].proto), bytes_of(spi, 4),
			bytes_of(NULL, 0));
	} else if (notify != 0 && x->state == IKE_S_AGG1_SENT) {
		/* Keys that do not fit are no use for telling. */
		v1_notify_bare(e, sa->serial,
			&(struct ike_path){ sa->local, sa->remote, sa->natt }, sa->cookie_i,
			sa->cookie_r, notify);
	} else if (notify != 0 && (x->state != IKE_S_START || x->side == IKE_RESPONDER)) {
		v1_notify(e, sa, notify, WIRE_P_ISAKMP, v1_cookies(sa, cookies), bytes_of(NULL, 0));
		/* The other end is up when its last message displeases us. */
		if (x->state == IKE_S_MSG5_SENT || x->state == IKE_S_AGG2_SENT ||
		    x->state == IKE_S_BASE3_SENT)
			v1_delete_sa(e, sa);
	}
	ike_xchg_fail(e, x, status, "%s", detail);
}

/* -------------------------------------------------------------------------------- receiving --- */

static void
delete_isakmp(struct ike *e, struct ike_sa *on, const struct wire_delete *d)
{
	for (unsigned i = 0; i < d->count; i++) {
		struct bytes spi = wire_delete_spi(d, i);
		struct wire_header h = { 0 };
		struct ike_sa *sa;
		if (spi.n != 2 * V1_COOKIE)
			return;
		memcpy(h.cookie_i, spi.p, V1_COOKIE);
		memcpy(h.cookie_r, spi.p + V1_COOKIE, V1_COOKIE);
		sa = ike_sa_find(e, &h);
		/* A peer deletes its own SAs only; one under negotiation it can just leave. */
		if (sa == NULL || sa->peer != on->peer)
			continue;
		/* What ends its own SA is no replay: the last word on where the peer is. */
		if (sa == on && sa->state == IKE_S_UP)
			ike_path_heard(e, sa, &e->arrival);
		char cookies[IKE_COOKIES_TEXT];
		ike_log(e, LOG_L_INFO, &sa->remote, sa->serial,
			"purged ISAKMP-SA proto_id=ISAKMP spi=%s.",
			ike_cookies_text(cookies, sizeof(cookies), sa));
		if (sa->state == IKE_S_UP)
			ike_sa_end(e, sa, ST_PEERDELETED, false, "deleted");
		else if (sa == on)
			ike_sa_fail(e, sa, ST_PEERREFUSED, "peer deleted the SA under negotiation");
	}
}

static void
delete_spis(struct ike *e, const struct ike_sa *on, const struct wire_delete *d)
{
	enum sa_proto proto = v1_proto_from(d->protocol);

	for (unsigned i = 0; i < d->count && proto != SA_NONE; i++) {
		struct bytes spi = wire_delete_spi(d, i);
		struct ike_child *c;
		uint32_t number;
		if (!v1_spi_from(proto, spi, &number))
			return;
		c = ike_child_of_peer(e, on->peer, proto, number);
		if (c == NULL)
			continue;
		ike_log(e, LOG_L_INFO, &on->remote, c->serial,
			"purged IPsec-SA proto_id=%s spi=%u.", ike_proto_name(proto), number);
		if (c->state == IKE_S_UP)
			ike_child_end(e, c, ST_PEERDELETED, false, 0);
		else
			ike_child_fail(e, c, ST_PEERDELETED, 0,
				"peer deleted the SA under negotiation");
	}
}

/* The quick mode an authenticated error is about: by our SPI, else the only one we began. */
static struct ike_child *
refused_child(const struct ike *e, const struct ike_sa *sa, const struct wire_notify *n)
{
	struct ike_child *only = NULL;
	enum sa_proto proto = v1_proto_from(n->protocol);

	if (n->spi.n == 4 && proto != SA_NONE) {
		uint32_t spi = get_u32(n->spi.p);
		struct ike_child *c = ike_child_by_spi_in(e, proto, spi);
		if (c == NULL)
			c = ike_child_of_peer(e, sa->peer, proto, spi);
		if (c != NULL && c->x != NULL && c->x->sa == sa && c->state != IKE_S_UP)
			return c;
	}
	LIST_FOREACH(at, &sa->quicks)
	{
		struct ike_xchg *x = container_of(at, struct ike_xchg, in_sa);
		if (x->state != IKE_S_QUICK1_SENT)
			continue;
		if (only != NULL)
			return NULL;
		only = x->child;
	}
	return only;
}

static enum status
phase2_status(uint16_t notify)
{
	switch (notify) {
	case WIRE_N_NO_PROPOSAL_CHOSEN:
	case WIRE_N_ATTRIBUTES_NOT_SUPPORTED:
	case WIRE_N_BAD_PROPOSAL_SYNTAX:
		return ST_NOPROPOSAL;
	case WIRE_N_INVALID_ID_INFORMATION:
		return ST_BADID;
	case WIRE_N_INVALID_KEY_INFORMATION:
		return ST_BADKE;
	}
	return ST_PEERREFUSED;
}

static void
error_notify(struct ike *e, struct ike_sa *sa, const struct wire_notify *n)
{
	char number[16], detail[IKE_DETAIL_MAX];
	struct ike_child *c;

	snprintf(detail, sizeof(detail), "peer answered %s",
		wire_name_text(WIRE_NAMES_NOTIFY, n->type, number, sizeof(number)));
	if (sa->state != IKE_S_UP) {
		ike_sa_fail(e, sa, ike_notify_status(n->type, sa->state), detail);
		return;
	}
	if (n->protocol == WIRE_P_ISAKMP && n->spi.n == 2 * V1_COOKIE) {
		/* Message 6 displeased the peer; its Delete follows. */
		ike_failure(e, 1, sa->serial, &sa->local, &sa->remote,
			ike_notify_status(n->type, IKE_S_MSG5_SENT), n->type, detail);
		return;
	}
	c = refused_child(e, sa, n);
	if (c != NULL)
		ike_child_fail(e, c, phase2_status(n->type), n->type, detail);
}

/* RFC 2408 3.1: its message ID is that of the quick mode; some name the SPI instead. */
static void
connected(struct ike *e, struct ike_sa *sa, const struct wire_notify *n, uint32_t message_id)
{
	struct ike_child *c = ike_child_by_msgid(e, sa, message_id);

	if (c == NULL && n->spi.n == 4)
		c = ike_child_by_spi_out(e, &sa->remote.addr, v1_proto_from(n->protocol),
			get_u32(n->spi.p));
	if (c != NULL && c->x != NULL && c->x->sa == sa)
		v1_quick_connected(e, c);
}

static void
notify(struct ike *e, struct ike_sa *sa, const struct wire_notify *n, uint32_t message_id)
{
	char number[16];

	if (n->type == WIRE_N_R_U_THERE || n->type == WIRE_N_R_U_THERE_ACK) {
		v1_dpd_recv(e, sa, n, message_id);
		return;
	}
	ike_log(e, n->type <= WIRE_N_ERROR_LAST ? LOG_L_ERROR : LOG_L_DEBUG, &sa->remote,
		sa->serial, "received notify %s",
		wire_name_text(WIRE_NAMES_NOTIFY, n->type, number, sizeof(number)));
	if (n->type == WIRE_N_CONNECTED)
		connected(e, sa, n, message_id);
	else if (n->type == WIRE_N_INITIAL_CONTACT && sa->state == IKE_S_UP)
		ike_peer_contact(e, sa);
	else if (n->type != 0 && n->type <= WIRE_N_ERROR_LAST)
		error_notify(e, sa, n);
}

static void
authentic(struct ike *e, struct ike_sa *sa, const struct wire_msg *m, uint32_t message_id)
{
	for (unsigned i = 0; i < m->count && sa->state != IKE_S_DEAD; i++) {
		const struct wire_payload *p = &m->payload[i];
		if (p->type == WIRE_NOTIFY)
			notify(e, sa, &p->notify, message_id);
		else if (p->type == WIRE_DELETE && p->delete.protocol == WIRE_P_ISAKMP)
			delete_isakmp(e, sa, &p->delete);
		else if (p->type == WIRE_DELETE)
			delete_spis(e, sa, &p->delete);
	}
}

/*
 * A peer whose pre-shared key differs complains under keys that differ too (strongSwan does): that
 * it complains at all, right after message 5, is the hint.  Unauthenticated like any hint, so it
 * only shortens the wait.
 */
static void
unreadable_complaint(struct ike *e, struct ike_sa *sa)
{
	if (sa->x != NULL && sa->x->state == IKE_S_MSG5_SENT)
		ike_window_hint(e, sa->x, WIRE_N_PAYLOAD_MALFORMED);
}

/* Decrypt, take apart, and check HASH(1) over all that follows it; what fails is counted. */
static bool
open_info(struct ike *e, struct ike_sa *sa, const struct ike_event *ev, const struct wire_header *h,
	const char *kind)
{
	struct bytes octets = ev->datagram.octets;
	size_t n = octets.n - WIRE_HEADER;
	uint8_t iv[V1_IV_MAX], hash[CRY_HASH_MAX];
	const char *why = NULL;

	if (sa->keys.key.n == 0 || h->message_id == 0 || n == 0 || n % sa->encr->block != 0 ||
	    v1_message_iv(e, sa, h->message_id, iv) != ST_NORMAL) {
		e->count[IKE_N_MALFORMED]++;
		return false;
	}
	memcpy(e->in, octets.p + WIRE_HEADER, n);
	if (v1_open(e, sa, iv, e->in, n) != ST_NORMAL ||
	    v1_parse(e, h->next, bytes_of(e->in, n), true, &why) != ST_NORMAL) {
		e->count[IKE_N_MALFORMED]++;
		ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial,
			"%s message does not decrypt: %s", kind, why == NULL ? "" : why);
		unreadable_complaint(e, sa);
		return false;
	}
	if (e->msg.payload[0].type != WIRE_HASH ||
	    v1_hash_info(e->env.cry, sa->hash, secret_view(&sa->keys.a), h->message_id,
		    wire_after(&e->msg, &e->msg.payload[0]), hash) != ST_NORMAL ||
	    !v1_hash_is(&e->msg, sa->hash, hash)) {
		e->count[IKE_N_BAD_HASH]++;
		ike_log(e, LOG_L_ERROR, &sa->remote, sa->serial, "%s message: %s, dropped", kind,
			status_row(ST_BADHASH)->text);
		unreadable_complaint(e, sa);
		return false;
	}
	return true;
}

static void
sealed_info(struct ike *e, struct ike_sa *sa, const struct ike_event *ev,
	const struct wire_header *h)
{
	char line[WIRE_SUMMARY_MAX];

	if (!open_info(e, sa, ev, h, "informational"))
		return;
	ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial, "received %s",
		wire_summary(line, sizeof(line), h, &e->msg));
	authentic(e, sa, &e->msg, h->message_id);
}

/*
 * RFC 2409 5.6: no group but those of the configuration is acceptable here, and that is answered.
 * Only who is authenticated gets an answer, and each message ID is answered once.
 */
void
v1_new_group(struct ike *e, struct ike_sa *sa, const struct ike_event *ev,
	const struct wire_header *h)
{
	uint8_t cookies[2 * V1_COOKIE];

	if (sa == NULL || sa->state != IKE_S_UP ||
	    !net_endpoint_equal(&sa->remote, &ev->datagram.remote) ||
	    (h->flags & WIRE_F_ENCRYPTED) == 0) {
		e->count[IKE_N_MALFORMED]++;
		return;
	}
	if (!open_info(e, sa, ev, h, "new group mode"))
		return;
	if (ike_msgid_seen(sa, h->message_id)) {
		e->count[IKE_N_DUPLICATE]++;
		return;
	}
	ike_msgid_remember(sa, h->message_id);
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "new group mode is refused: groups are "
		"those of the configuration");
	v1_notify(e, sa, WIRE_N_ATTRIBUTES_NOT_SUPPORTED, WIRE_P_ISAKMP, v1_cookies(sa, cookies),
		bytes_of(NULL, 0));
}

/*
 * The initiator of aggressive mode tells why it will not answer: names the cause, changes nothing.
 */
static void
aggressive_hint(struct ike *e, struct ike_sa *sa, uint16_t type, const char *name)
{
	char detail[IKE_DETAIL_MAX];

	if (sa->x == NULL || sa->x->state != IKE_S_AGG2_SENT || sa->x->told)
		return;
	sa->x->told = true;
	snprintf(detail, sizeof(detail), "peer answered %s", name);
	ike_failure(e, 1, sa->serial, &sa->local, &sa->remote,
		ike_notify_status(type, IKE_S_AGG2_SENT), type, detail);
}

/*
 * weak_phase1_check: an unauthenticated Delete of the SA under negotiation ends it.  It never does
 * once phase 1 is up.
 */
static void
bare_delete(struct ike *e, struct ike_sa *sa, const struct wire_delete *d)
{
	uint8_t cookies[2 * V1_COOKIE];

	if (sa->conf == NULL || !sa->conf->weak_phase1_check) {
		ike_log(e, LOG_L_INFO, &sa->remote, sa->serial,
			"Ignoring unencrypted delete payload (check the weak_phase1_check option)");
		return;
	}
	v1_cookies(sa, cookies);
	for (unsigned i = 0; d->protocol == WIRE_P_ISAKMP && i < d->count; i++)
		if (bytes_equal(wire_delete_spi(d, i), bytes_of(cookies, sizeof(cookies)))) {
			ike_sa_fail(e, sa, ST_PEERREFUSED,
				"peer deleted the SA under negotiation, unauthenticated");
			return;
		}
}

/* In the clear: no more than a hint, and only while there are no keys or none that fit. */
static void
bare_info(struct ike *e, struct ike_sa *sa, const struct ike_event *ev, const struct wire_header *h)
{
	const struct wire_payload *p;
	const char *why = NULL, *name;
	char number[16];

	if (sa->state == IKE_S_UP || sa->x == NULL ||
	    wire_parse(h->next, wire_payloads_of(ev->datagram.octets), false, &e->msg, &why) !=
		    ST_NORMAL) {
		ike_log(e, LOG_L_DEBUG, &ev->datagram.remote, sa->serial,
			"informational message in the clear ignored");
		return;
	}
	if (wire_find(&e->msg, WIRE_DELETE, 0) != NULL) {
		bare_delete(e, sa, &wire_find(&e->msg, WIRE_DELETE, 0)->delete);
		return;
	}
	p = wire_find(&e->msg, WIRE_NOTIFY, 0);
	if (p == NULL || p->notify.type == 0 || p->notify.type > WIRE_N_ERROR_LAST)
		return;
	name = wire_name_text(WIRE_NAMES_NOTIFY, p->notify.type, number, sizeof(number));
	ike_log(e, LOG_L_ERROR, &sa->remote, sa->serial, "peer seems to have answered %s", name);
	if (sa->side == IKE_INITIATOR)
		ike_window_hint(e, sa->x, p->notify.type);
	else
		aggressive_hint(e, sa, p->notify.type, name);
}

void
v1_info(struct ike *e, struct ike_sa *sa, const struct ike_event *ev, const struct wire_header *h)
{
	if (sa == NULL) {
		e->count[IKE_N_NO_SA]++;
		ike_log(e, LOG_L_DEBUG, &ev->datagram.remote, 0,
			"informational message for no SA ignored");
		return;
	}
	if (!ike_path_is(sa, &e->arrival) &&
	    ((h->flags & WIRE_F_ENCRYPTED) == 0 || !ike_path_may_move(e, sa, &e->arrival))) {
		ike_elsewhere(e, sa);
		return;
	}
	if ((h->flags & WIRE_F_ENCRYPTED) != 0)
		sealed_info(e, sa, ev, h);
	else
		bare_info(e, sa, ev, h);
}
