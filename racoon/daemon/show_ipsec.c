/*
 * show_ipsec.c - the section of SHOW about IPsec SAs, with the traffic the database has counted.
 *
 * Called by show.c for one item at a time.  With /FULL the database is asked, a batch of SAs at a
 * time; while its answers are out SHOW waits and everything else goes on.  Whoever asked may go
 * away meanwhile: then the batch takes the answers by itself and ends with the last.
 */
#include "racoon/daemon/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	IPSEC_ALGS_TEXT = 96,
	SELECTOR_TEXT = 2 * NET_PREFIX_TEXT + 48,
	BATCH = 64, /* pairs of SAs asked for at once */
};

struct use { /* of one SA, as far as it is known */
	struct show_batch *batch;
	bool known;
	struct sa_life current;
};

struct show_batch {
	struct show *show; /* NULL: gone */
	unsigned count, at, pending;
	bool end;          /* there are no more */
	struct ike_child_view child[BATCH];
	struct use in[BATCH], out[BATCH];
};

/* -------------------------------------------------------------------------------------- asking */

static void
answered(void *user, const struct ipsec_sa *sa)
{
	struct use *u = user;
	struct show_batch *b = u->batch;
	struct show *s = b->show;

	if (sa != NULL) {
		u->known = true;
		u->current = sa->current;
	}
	if (--b->pending > 0)
		return;
	if (s == NULL) {
		free(b);
		return;
	}
	s->waiting = false;
	show_go(s->call);
}

void
show_batch_free(struct show *s)
{
	struct show_batch *b = s->batch;

	s->batch = NULL;
	if (b == NULL)
		return;
	b->show = NULL;
	if (b->pending == 0)
		free(b);
}

static void
ask(struct show_batch *b, struct use *u, const struct net_addr *src, const struct net_addr *dst,
	enum sa_proto proto, uint32_t spi)
{
	*u = (struct use){ .batch = b };
	b->pending++;
	if (spi == 0 || !rd_traffic(b->show->d, proto, src, dst, spi, answered, u))
		b->pending--;
}

static bool
next_child(struct show *s, struct ike_child_view *v)
{
	uint64_t at;

	if (show_is_sorted(s)) {
		while (show_sorted(s, &at))
			if (ike_show_child_at(rd_engine(s->d), at, v))
				return true;
		return false;
	}
	do
		if (!ike_show_child(rd_engine(s->d), &s->cursor, v))
			return false;
	while (!show_wants(s, &v->remote, v->state, v->established, v->created) ||
		(s->local.family != 0 && !net_addr_equal(&s->local, &v->local.addr)));
	return true;
}

bool
show_ipsec_look(struct show *s)
{
	struct ike_child_view v;

	if (!next_child(s, &v))
		return false;
	s->item = (struct show_item){ .ref = v.at, .serial = v.serial, .local = v.local,
		.remote = v.remote, .state = v.state, .protocol = sa_proto_name(v.proto),
		.initiator = v.initiator, .created = v.created, .expires = v.expires,
		.spi = v.spi_in };
	return true;
}

/* The next SAs and what the database says of them. */
static void
fill(struct show *s, struct show_batch *b)
{
	b->at = b->count = 0;
	b->pending = 1; /* this function */
	while (b->count < BATCH && next_child(s, &b->child[b->count])) {
		const struct ike_child_view *v = &b->child[b->count];

		ask(b, &b->in[b->count], &v->sa_remote, &v->sa_local, v->proto, v->spi_in);
		ask(b, &b->out[b->count], &v->sa_local, &v->sa_remote, v->proto, v->spi_out);
		b->count++;
	}
	b->end = b->count < BATCH;
	b->pending--;
	if (b->pending == 0)
		return;
	s->waiting = true;
}

/* The next child, with its traffic when that was asked for. */
static bool
next_item(struct show *s, struct ike_child_view *v, struct use *in, struct use *out)
{
	struct show_batch *b = s->batch;

	*in = *out = (struct use){ 0 };
	if (!s->full && !s->traffic)
		return next_child(s, v);
	if (b == NULL) {
		b = s->batch = calloc(1, sizeof(*b));
		if (b == NULL)
			return next_child(s, v);
		b->show = s;
	}
	if (b->at == b->count && !b->end) {
		fill(s, b);
		if (s->waiting)
			return false;
	}
	if (b->at == b->count) {
		show_batch_free(s);
		return false;
	}
	*v = b->child[b->at];
	*in = b->in[b->at];
	*out = b->out[b->at++];
	return true;
}

/* ------------------------------------------------------------------------------------- the item */

static const char *
selector_text(char *buf, size_t size, const struct sp_selector *sel)
{
	char src[NET_PREFIX_TEXT], dst[NET_PREFIX_TEXT], port[2][12] = { "", "" };
	char upper[16] = "any";

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

/* Octets until the SA ends; the one of the two that is further counts. */
static uint64_t
octets_left(const struct ike_child_view *v, const struct use *in, const struct use *out)
{
	uint64_t used = in->current.bytes > out->current.bytes ? in->current.bytes :
		out->current.bytes;

	return v->life_bytes > used ? v->life_bytes - used : 0;
}

static void
use_json(struct json *j, const struct ike_child_view *v, const struct use *in,
	const struct use *out)
{
	uint64_t last = in->current.use_s > out->current.use_s ? in->current.use_s :
		out->current.use_s;

	if (in->known) {
		json_uint(j, "octets_in", in->current.bytes);
		json_uint(j, "packets_in", in->current.allocations);
	}
	if (out->known) {
		json_uint(j, "octets_out", out->current.bytes);
		json_uint(j, "packets_out", out->current.allocations);
	}
	if ((in->known || out->known) && v->life_bytes != 0)
		json_uint(j, "octets_left", octets_left(v, in, out));
	if (last != 0)
		json_uint(j, "used", last);
}

static void
ipsec_json(struct show *s, const struct ike_child_view *v, const struct use *in,
	const struct use *out)
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
	json_int(j, "lifetime", v->life_ms / 1000);
	json_uint(j, "lifetime_octets", v->life_bytes);
	json_string(j, "compression", v->comp == NULL ? NULL : v->comp->name);
	json_bool(j, "udp", v->natt);
	use_json(j, v, in, out);
	json_end(j);
}

static void
use_text(struct text *out_text, const struct ike_child_view *v, const struct use *in,
	const struct use *out)
{
	char last[24];
	uint64_t used = in->current.use_s > out->current.use_s ? in->current.use_s :
		out->current.use_s;

	text_addf(out_text, "\n         lifetime %" PRId64 " seconds", v->life_ms / 1000);
	if (v->life_bytes != 0)
		text_addf(out_text, " and %" PRIu64 " octets", v->life_bytes);
	if (!in->known && !out->known) {
		text_add(out_text, v->established ? ", traffic not known" : "");
		return;
	}
	text_addf(out_text, "; in %" PRIu64 " octets, %u packets; out %" PRIu64
		" octets, %u packets", in->current.bytes, in->current.allocations,
		out->current.bytes, out->current.allocations);
	if (v->life_bytes != 0)
		text_addf(out_text, "; %" PRIu64 " octets left", octets_left(v, in, out));
	text_addf(out_text, "; %s%s", used == 0 ? "not used yet" : "in use since ",
		used == 0 ? "" : when_vms(last, sizeof(last), (wall){ (int64_t)used * 1000 }));
}

bool
show_ipsec(struct show *s)
{
	char local[NET_ENDPOINT_TEXT], remote[NET_ENDPOINT_TEXT], until[32], kind[32];
	char selector[SELECTOR_TEXT], algs[IPSEC_ALGS_TEXT], created[24];
	struct ike_child_view v;
	struct use in, out;

	if (!next_item(s, &v, &in, &out))
		return false;
	if (s->call->json) {
		ipsec_json(s, &v, &in, &out);
		return true;
	}
	snprintf(kind, sizeof(kind), "%s/%s", sa_proto_name(v.proto), sa_mode_name(v.mode));
	text_addf(&s->out, "#%-7" PRIu64 " %-22s %-22s %-13s %08" PRIx32 " %08" PRIx32
		" %-12s %-11s %s", v.serial,
		net_endpoint_text(local, sizeof(local), &v.local),
		net_endpoint_text(remote, sizeof(remote), &v.remote), kind, v.spi_in, v.spi_out,
		v.state, show_until(s, v.expires, until, sizeof(until)),
		selector_text(selector, sizeof(selector), &v.sel));
	if (!s->full)
		return true;
	text_addf(&s->out,
		"\n         %s, %s, of SA #%" PRIu64 ", message ID %08" PRIx32 ", created %s%s%s%s",
		show_algs(algs, sizeof(algs), v.encr, v.bits, v.auth, v.pfs),
		v.initiator ? "initiator" : "responder", v.parent, v.msgid,
		v.created.ms == 0 ? "-" : when_vms(created, sizeof(created), v.created),
		v.natt ? ", in UDP" : "", v.comp == NULL ? "" : ", ",
		v.comp == NULL ? "" : v.comp->name);
	use_text(&s->out, &v, &in, &out);
	return true;
}

bool
show_next_traffic(struct show *s, struct show_traffic *t)
{
	struct ike_child_view v;
	struct use in, out;

	s->traffic = true;
	do
		if (!next_item(s, &v, &in, &out)) {
			s->traffic = s->waiting;
			return false;
		}
	while (!v.established);
	*t = (struct show_traffic){ .serial = v.serial, .octets_in = in.current.bytes,
		.octets_out = out.current.bytes, .in_known = in.known, .out_known = out.known,
		.spi_in = v.spi_in, .spi_out = v.spi_out, .protocol = sa_proto_name(v.proto) };
	net_addr_text(t->remote, sizeof(t->remote), &v.remote.addr);
	return true;
}
