/*
 * show_sas.c - the sections of SHOW about SAs: ISAKMP, IPSEC, SCHEDULE, FAILURES.
 *
 * Called by show.c for one item at a time; the engine's walks survive changes between the calls.
 */
#include "racoon/daemon/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PROPOSAL_TEXT = 96, SELECTOR_TEXT = 2 * NET_PREFIX_TEXT + 48 };

static const char *
alg_text(const struct alg *a)
{
	return a == NULL ? "-" : a->name;
}

/* "aes-cbc-256/sha256/modp2048" */
static const char *
algs_text(char *buf, size_t size, const struct alg *a, uint16_t bits, const struct alg *b,
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
	json_end(j);
}

bool
show_isakmp(struct show *s)
{
	char local[NET_ENDPOINT_TEXT], remote[NET_ENDPOINT_TEXT], algs[PROPOSAL_TEXT];
	char until[32], cookies[40], created[24];
	struct ike_sa_view v;

	do
		if (!ike_show_sa(rd_engine(s->d), &s->cursor, &v))
			return false;
	while (!show_wants(s, &v.remote, v.state, v.established, v.created));
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
		text_addf(&s->out, "\n         %s mode, %s, created %s, peer \"%s\", section %s",
			rc_exchange_name(v.exchange),
			algs_text(algs, sizeof(algs), v.encr, v.bits, v.hash, v.group),
			v.created.ms == 0 ? "-" : when_vms(created, sizeof(created), v.created),
			v.peer_id, v.remote_name == NULL ? "-" : v.remote_name);
	if (s->full && (v.nat_me || v.nat_peer))
		text_addf(&s->out, ", %s%s%s behind a NAT (%s)", v.nat_me ? "we" : "",
			v.nat_me && v.nat_peer ? " and " : "", v.nat_peer ? "the peer" : "",
			v.natt);
	if (s->full && v.dpd_fails != 0)
		text_addf(&s->out, ", %u questions (DPD) not answered", v.dpd_fails);
	return true;
}

/* --------------------------------------------------------------------------------------- IPSEC */

static const char *
selector_text(char *buf, size_t size, const struct sp_selector *sel)
{
	char src[NET_PREFIX_TEXT], dst[NET_PREFIX_TEXT], port[2][12] = { "", "" },
							 upper[16] = "any";

	if (sel->upper != SP_UPPER_ANY)
		snprintf(upper, sizeof(upper), "%u", (unsigned)sel->upper);
	if (sel->sport != 0)
		snprintf(port[0], sizeof(port[0]), "[%u]", (unsigned)sel->sport);
	if (sel->dport != 0)
		snprintf(port[1], sizeof(port[1]), "[%u]", (unsigned)sel->dport);
	snprintf(buf, size, "%s%s %s%s %s", net_prefix_text(src, sizeof(src), &sel->src), port[0],
		net_prefix_text(dst, sizeof(dst), &sel->dst), port[1], upper);
	return buf;
}

static void
ipsec_json(struct show *s, const struct ike_child_view *v)
{
	char selector[SELECTOR_TEXT];
	struct json *j = &s->json;

	json_object(j, NULL);
	json_uint(j, "serial", v->serial);
	json_uint(j, "parent", v->parent);
	show_json_endpoint(j, "local", "local_port", &v->local);
	show_json_endpoint(j, "remote", "remote_port", &v->remote);
	json_string(j, "protocol", sa_proto_name(v->proto));
	json_string(j, "mode", sa_mode_name(v->mode));
	json_stringf(j, "spi_in", "0x%08" PRIx32, v->spi_in);
	json_stringf(j, "spi_out", "0x%08" PRIx32, v->spi_out);
	json_string(j, "selector", selector_text(selector, sizeof(selector), &v->sel));
	json_string(j, "encryption", v->encr == NULL ? NULL : v->encr->name);
	json_uint(j, "encryption_bits", v->bits);
	json_string(j, "authentication", v->auth == NULL ? NULL : v->auth->name);
	json_string(j, "pfs_group", v->pfs == NULL ? NULL : v->pfs->name);
	json_string(j, "side", v->initiator ? "initiator" : "responder");
	json_string(j, "state", v->state);
	json_bool(j, "established", v->established);
	json_int(j, "created", v->created.ms / 1000);
	if (v->expires.ms != INSTANT_NEVER.ms)
		json_int(j, "expires_in", show_seconds(s, v->expires));
	json_end(j);
}

bool
show_ipsec(struct show *s)
{
	char local[NET_ENDPOINT_TEXT], remote[NET_ENDPOINT_TEXT], until[32], kind[32];
	char selector[SELECTOR_TEXT], algs[PROPOSAL_TEXT], created[24];
	struct ike_child_view v;

	do
		if (!ike_show_child(rd_engine(s->d), &s->cursor, &v))
			return false;
	while (!show_wants(s, &v.remote, v.state, v.established, v.created));
	if (s->call->json) {
		ipsec_json(s, &v);
		return true;
	}
	snprintf(kind, sizeof(kind), "%s/%s", sa_proto_name(v.proto), sa_mode_name(v.mode));
	text_addf(&s->out, "#%-7" PRIu64 " %-22s %-22s %-13s %08" PRIx32 " %08" PRIx32
		" %-12s %-11s %s", v.serial,
		net_endpoint_text(local, sizeof(local), &v.local),
		net_endpoint_text(remote, sizeof(remote), &v.remote), kind, v.spi_in, v.spi_out,
		v.state, show_until(s, v.expires, until, sizeof(until)),
		selector_text(selector, sizeof(selector), &v.sel));
	if (s->full)
		text_addf(&s->out,
			"\n         %s, %s, of SA #%" PRIu64 ", message ID %08" PRIx32
			", created %s",
			algs_text(algs, sizeof(algs), v.encr, v.bits, v.auth, v.pfs),
			v.initiator ? "initiator" : "responder", v.parent, v.msgid,
			v.created.ms == 0 ? "-" : when_vms(created, sizeof(created), v.created));
	return true;
}

/* ------------------------------------------------------------------------------------ SCHEDULE */

static void
schedule_item(struct show *s, instant when, uint64_t serial, const struct net_endpoint *remote,
	const char *event)
{
	char until[32], peer[NET_ENDPOINT_TEXT];

	if (s->call->json) {
		json_object(&s->json, NULL);
		json_int(&s->json, "in", show_seconds(s, when));
		json_uint(&s->json, "serial", serial);
		show_json_endpoint(&s->json, "remote", "remote_port", remote);
		json_string(&s->json, "event", event);
		json_end(&s->json);
		return;
	}
	text_addf(&s->out, "%-11s #%-7" PRIu64 " %-22s %s",
		show_until(s, when, until, sizeof(until)), serial,
		net_endpoint_text(peer, sizeof(peer), remote), event);
}

/* ISAKMP SAs first (index 0), then IPsec SAs. */
bool
show_schedule(struct show *s)
{
	struct ike_child_view child;
	struct ike_sa_view sa;

	while (s->index == 0 && ike_show_sa(rd_engine(s->d), &s->cursor, &sa))
		if (sa.expires.ms != INSTANT_NEVER.ms) {
			schedule_item(s, sa.expires, sa.serial, &sa.remote, sa.established ?
				"ISAKMP SA expires" : "phase 1 negotiation is given up");
			return true;
		}
	if (s->index == 0) {
		s->index = 1;
		s->cursor = 0;
	}
	while (ike_show_child(rd_engine(s->d), &s->cursor, &child))
		if (child.expires.ms != INSTANT_NEVER.ms) {
			schedule_item(s, child.expires, child.serial, &child.remote,
				child.established ? "IPsec SA expires" :
						    "phase 2 negotiation is given up");
			return true;
		}
	return false;
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
	json_end(j);
}

bool
show_failure(struct show *s)
{
	char local[NET_ENDPOINT_TEXT], remote[NET_ENDPOINT_TEXT], when[24], message[512];
	struct ike_failure_view v;

	do
		if (!ike_show_failure(rd_engine(s->d), s->index++, &v))
			return false;
	while (!show_wants(s, &v.remote, "", true, v.when));
	if (s->call->json) {
		failure_json(s, &v);
		return true;
	}
	status_format(message, sizeof(message), v.status, NULL, v.detail);
	text_addf(&s->out, "%s  phase %u  %s -> %s\n  %s",
		when_vms(when, sizeof(when), v.when), v.phase,
		net_endpoint_text(local, sizeof(local), &v.local),
		net_endpoint_text(remote, sizeof(remote), &v.remote), message);
	if (v.peer_notify != 0)
		text_addf(&s->out, "\n  the peer said: notification %u", (unsigned)v.peer_notify);
	text_addf(&s->out, "\n  remedy: %s", status_row(v.status)->action);
	return true;
}
