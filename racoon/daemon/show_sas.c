/*
 * show_sas.c - the sections of SHOW about ISAKMP SAs and what happens to SAs: ISAKMP, CERTIFICATE,
 * SCHEDULE, FAILURES.
 *
 * Called by show.c for one item at a time; the engine's walks survive changes between the calls.
 */
#include "racoon/daemon/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "racoon/daemon/events.h"
#include "racoon/wire/wire.h"

enum { PROPOSAL_TEXT = 96, HEX_ROW = 32 /* octets of a certificate in a line */ };

static const char *
alg_text(const struct alg *a)
{
	return a == NULL ? "-" : a->name;
}

const char *
show_algs(char *buf, size_t size, const struct alg *a, uint16_t bits, const struct alg *b,
	const struct alg *c)
{
	struct text t = { 0 };

	text_add(&t, alg_text(a));
	if (a != NULL && bits != 0)
		text_addf(&t, "-%u", (unsigned)bits);
	if (b != NULL)
		text_addf(&t, "/%s", b->name);
	if (c != NULL)
		text_addf(&t, "/%s", c->name);
	snprintf(buf, size, "%s", text_str(&t));
	text_free(&t);
	return buf;
}

static const char *
cookies_text(char *buf, const uint8_t *i, const uint8_t *r)
{
	bytes_to_hex(buf, 17, bytes_of(i, 8));
	buf[16] = ':';
	bytes_to_hex(buf + 17, 17, bytes_of(r, 8));
	return buf;
}

/* -------------------------------------------------------------------------------------- ISAKMP */

static const char *
nat_word(const struct ike_sa_view *v)
{
	if (v->nat_me && v->nat_peer)
		return "both";
	return v->nat_me ? "local" : v->nat_peer ? "remote" : v->nat_known ? "none" : "unknown";
}

static const char *
dpd_word(const struct ike_sa_view *v)
{
	return v->dpd_asks ? "asking" : v->dpd ? "answering" : "off";
}

static void
isakmp_json(struct show *s, const struct ike_sa_view *v)
{
	char cookies[40];
	struct json *j = &s->json;

	json_object(j, NULL);
	json_uint(j, "serial", v->serial);
	show_json_endpoint(j, "local", "local_port", &v->local);
	show_json_endpoint(j, "remote", "remote_port", &v->remote);
	json_string(j, "cookies", cookies_text(cookies, v->cookie_i, v->cookie_r));
	json_string(j, "side", v->initiator ? "initiator" : "responder");
	json_string(j, "exchange", rc_exchange_name(v->exchange));
	json_string(j, "state", v->state);
	json_bool(j, "established", v->established);
	json_bool(j, "dying", v->dying);
	json_string(j, "remote_section", v->remote_name);
	json_string(j, "encryption", v->encr == NULL ? NULL : v->encr->name);
	json_uint(j, "encryption_bits", v->bits);
	json_string(j, "hash", v->hash == NULL ? NULL : v->hash->name);
	json_string(j, "dh_group", v->group == NULL ? NULL : v->group->name);
	json_string(j, "peer_id", v->peer_id);
	json_int(j, "created", v->created.ms / 1000);
	if (v->expires.ms != INSTANT_NEVER.ms)
		json_int(j, "expires_in", show_seconds(s, v->expires));
	json_uint(j, "children", v->children);
	json_string(j, "authentication", rc_auth_name(v->auth));
	json_int(j, "lifetime", v->life_ms / 1000);
	json_string(j, "nat", nat_word(v));
	json_string(j, "nat_traversal", v->natt == NULL || v->natt[0] == '\0' ? NULL : v->natt);
	json_string(j, "dpd", dpd_word(v));
	json_uint(j, "dpd_asked", v->dpd_asked);
	json_uint(j, "dpd_unanswered", v->dpd_fails);
	json_bool(j, "certificate", v->peer_cert.n > 0);
	json_end(j);
}

/* The other lines of /FULL. */
static void
isakmp_full(struct show *s, const struct ike_sa_view *v)
{
	char algs[PROPOSAL_TEXT], created[24];

	text_addf(&s->out, "\n         %s mode, %s, created %s, peer \"%s\", section %s",
		rc_exchange_name(v->exchange),
		show_algs(algs, sizeof(algs), v->encr, v->bits, v->hash, v->group),
		v->created.ms == 0 ? "-" : when_vms(created, sizeof(created), v->created),
		v->peer_id, v->remote_name == NULL ? "-" : v->remote_name);
	if (v->established)
		text_addf(&s->out, "\n         lifetime %" PRId64 " seconds, %s",
			v->life_ms / 1000, rc_auth_name(v->auth));
	if (v->nat_me || v->nat_peer)
		text_addf(&s->out, ", %s%s%s behind a NAT (%s)", v->nat_me ? "we" : "",
			v->nat_me && v->nat_peer ? " and " : "", v->nat_peer ? "the peer" : "",
			v->natt);
	else if (v->nat_known)
		text_addf(&s->out, ", no NAT (%s)", v->natt);
	if (!v->established)
		return;
	text_addf(&s->out, ", DPD %s", !v->dpd ? "off: the peer has not got it" : v->dpd_asks ?
		"on" : "only answered");
	if (v->dpd_asked != 0)
		text_addf(&s->out, ", %u questions", v->dpd_asked);
	if (v->dpd_fails != 0)
		text_addf(&s->out, ", %u questions (DPD) not answered", v->dpd_fails);
}

/* The next one that is wanted. */
static bool
next_sa(struct show *s, struct ike_sa_view *v)
{
	uint64_t serial;

	if (show_is_sorted(s)) {
		while (show_sorted(s, &serial))
			if (ike_show_sa_at(rd_engine(s->d), serial, v))
				return true;
		return false;
	}
	do
		if (!ike_show_sa(rd_engine(s->d), &s->cursor, v))
			return false;
	while (!show_wants(s, &v->remote, v->state, v->established, v->created) ||
		(s->local.family != 0 && !net_addr_equal(&s->local, &v->local.addr)));
	return true;
}

bool
show_isakmp_look(struct show *s)
{
	struct ike_sa_view v;

	if (!next_sa(s, &v))
		return false;
	s->item = (struct show_item){ .ref = v.serial, .serial = v.serial, .local = v.local,
		.remote = v.remote, .state = v.dying ? "DYING" : v.state, .section = v.remote_name,
		.initiator = v.initiator, .created = v.created, .expires = v.expires,
		.children = v.children };
	return true;
}

bool
show_isakmp(struct show *s)
{
	char local[NET_ENDPOINT_TEXT], remote[NET_ENDPOINT_TEXT];
	char until[32], cookies[40];
	struct ike_sa_view v;

	if (!next_sa(s, &v))
		return false;
	if (s->call->json) {
		isakmp_json(s, &v);
		return true;
	}
	text_addf(&s->out, "#%-7" PRIu64 " %-22s %-22s %-33s %-4s %-12s %-11s %u", v.serial,
		net_endpoint_text(local, sizeof(local), &v.local),
		net_endpoint_text(remote, sizeof(remote), &v.remote),
		cookies_text(cookies, v.cookie_i, v.cookie_r), v.initiator ? "init" : "resp",
		v.dying ? "DYING" : v.state, show_until(s, v.expires, until, sizeof(until)),
		v.children);
	if (s->full)
		isakmp_full(s, &v);
	return true;
}

/* --------------------------------------------------------------------------------- CERTIFICATE */

bool
show_certificate(struct show *s)
{
	char remote[NET_ENDPOINT_TEXT], row[2 * HEX_ROW + 1];
	struct ike_sa_view v;
	struct text hex = { 0 };

	do
		if (!next_sa(s, &v))
			return false;
	while (v.peer_cert.n == 0);
	net_endpoint_text(remote, sizeof(remote), &v.remote);
	if (s->call->json) {
		text_add_hex(&hex, v.peer_cert);
		json_object(&s->json, NULL);
		json_uint(&s->json, "serial", v.serial);
		show_json_endpoint(&s->json, "remote", "remote_port", &v.remote);
		json_string(&s->json, "peer_id", v.peer_id);
		json_string(&s->json, "der", text_str(&hex));
		json_end(&s->json);
		text_free(&hex);
		return true;
	}
	text_addf(&s->out, "#%-7" PRIu64 " %s \"%s\"", v.serial, remote, v.peer_id);
	for (size_t at = 0; at < v.peer_cert.n; at += HEX_ROW) {
		size_t n = v.peer_cert.n - at < HEX_ROW ? v.peer_cert.n - at : HEX_ROW;

		bytes_to_hex(row, sizeof(row), bytes_of(v.peer_cert.p + at, n));
		text_addf(&s->out, "\n%s", row);
	}
	return true;
}

/* ------------------------------------------------------------------------------------ SCHEDULE */

bool
show_schedule(struct show *s)
{
	char until[32], peer[NET_ENDPOINT_TEXT] = "-", number[24] = "-";
	struct ike_timer_view v;

	if (!ike_show_timer(rd_engine(s->d), &s->timers, &v))
		return false;
	s->item = (struct show_item){ .serial = v.serial, .remote = v.remote, .created = v.created,
		.expires = v.when };
	if (s->call->json) {
		json_object(&s->json, NULL);
		json_int(&s->json, "in", show_seconds(s, v.when));
		json_uint(&s->json, "serial", v.serial);
		show_json_endpoint(&s->json, "remote", "remote_port", &v.remote);
		json_string(&s->json, "event", v.event);
		json_int(&s->json, "at", v.when.ms / 1000);
		json_int(&s->json, "created", v.created.ms / 1000);
		json_end(&s->json);
		return true;
	}
	if (v.serial != 0)
		snprintf(number, sizeof(number), "#%" PRIu64, v.serial);
	if (v.remote.addr.family != 0)
		net_endpoint_text(peer, sizeof(peer), &v.remote);
	text_addf(&s->out, "%-11s %-8s %-22s %s",
		show_until(s, v.when, until, sizeof(until)), number, peer, v.event);
	return true;
}

/* ------------------------------------------------------------------------------------ FAILURES */

static void
failure_json(struct show *s, const struct ike_failure_view *v)
{
	const struct message_row *row = status_row(v->status);
	struct json *j = &s->json;

	json_object(j, NULL);
	json_int(j, "when", v->when.ms / 1000);
	json_uint(j, "phase", v->phase);
	show_json_endpoint(j, "local", "local_port", &v->local);
	show_json_endpoint(j, "remote", "remote_port", &v->remote);
	json_string(j, "ident", row->ident);
	json_string(j, "text", row->text);
	json_string(j, "detail", v->detail);
	json_uint(j, "peer_notify", v->peer_notify);
	json_string(j, "remedy", row->action);
	if (v->serial != 0)
		json_uint(j, "serial", v->serial);
	json_end(j);
}

static const char *
notify_text(const struct ike_failure_view *v, char *buf, size_t size)
{
	char number[16];

	snprintf(buf, size, "%s (notification %u)",
		wire_name_text(WIRE_NAMES_NOTIFY, v->peer_notify, number, sizeof(number)),
		(unsigned)v->peer_notify);
	return buf;
}

bool
show_failure(struct show *s)
{
	char said[64], local[NET_ENDPOINT_TEXT], remote[NET_ENDPOINT_TEXT], when[24], message[512];
	char id[RD_SA_TEXT];
	struct ike_failure_view v;

	do
		if (!ike_show_failure(rd_engine(s->d), s->index++, &v))
			return false;
	while (!show_wants(s, &v.remote, "", true, v.when));
	s->item = (struct show_item){ .local = v.local, .remote = v.remote,
		.state = status_row(v.status)->ident, .created = v.when };
	if (s->call->json) {
		failure_json(s, &v);
		return true;
	}
	status_format(message, sizeof(message), v.status, NULL, v.detail);
	text_addf(&s->out, "%s  phase %u  %s -> %s%s\n  %s",
		when_vms(when, sizeof(when), v.when), v.phase,
		net_endpoint_text(local, sizeof(local), &v.local),
		net_endpoint_text(remote, sizeof(remote), &v.remote),
		rd_sa_text(id, sizeof(id), v.serial), message);
	if (v.peer_notify != 0)
		text_addf(&s->out, "\n  the peer said: %s", notify_text(&v, said, sizeof(said)));
	text_addf(&s->out, "\n  remedy: %s", status_row(v.status)->action);
	return true;
}
