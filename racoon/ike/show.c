/*
 * show.c - looking into the engine: SAs, children, counters, limits.
 *
 * Called by SHOW between steps.  A cursor is the serial of what was shown last; as lists are in the
 * order of serials, the walk goes on after objects have come and gone.
 */
#include <stdio.h>
#include <string.h>

#include "racoon/ike/engine.h"
#include "racoon/ikev1/v1_natt.h"

const struct ike_sa *
ike_sa_after(const struct ike *e, uint64_t cursor)
{
	const struct ike_sa *last = cursor == 0 ? NULL : ike_sa_by_serial(e, cursor);

	if (last != NULL)
		return last->in_all.next == &e->sas
			? NULL
			: container_of(last->in_all.next, struct ike_sa, in_all);
	LIST_FOREACH(at, &e->sas)
		if (container_of(at, struct ike_sa, in_all)->serial > cursor)
			return container_of(at, struct ike_sa, in_all);
	return NULL;
}

static void
sa_view(const struct ike_sa *sa, struct ike_sa_view *out)
{
	memset(out, 0, sizeof(*out));
	out->serial = sa->serial;
	out->local = sa->local;
	out->remote = sa->remote;
	memcpy(out->cookie_i, sa->cookie_i, sizeof(out->cookie_i));
	memcpy(out->cookie_r, sa->cookie_r, sizeof(out->cookie_r));
	out->initiator = sa->side == IKE_INITIATOR;
	out->established = sa->state == IKE_S_UP;
	out->dying = sa->dying;
	out->exchange = sa->exchange;
	out->state = out->established && sa->dying ? "DYING" : ike_state_name(sa->state);
	out->remote_name = sa->conf == NULL ? "" : sa->conf->name;
	out->encr = sa->encr;
	out->hash = sa->hash;
	out->group = sa->group;
	out->bits = sa->bits;
	out->natt = sa->natt_how == NULL ? "" : sa->natt_how->name;
	out->nat_me = (sa->nat & IKE_NAT_ME) != 0;
	out->nat_peer = (sa->nat & IKE_NAT_PEER) != 0;
	out->dpd = (sa->peer_vendors & V1_VENDOR_DPD) != 0;
	out->dpd_fails = sa->dpd.fails;
	out->created = sa->created;
	out->expires = sa->expires;
	LIST_FOREACH(at, &sa->peer->children)
		out->children += container_of(at, struct ike_child, in_peer)->parent == sa->serial;
	out->auth = sa->auth;
	out->life_ms = sa->life_ms;
	out->nat_known = sa->nat_known;
	out->dpd_asks = out->dpd && sa->conf != NULL && sa->conf->dpd && sa->conf->dpd_delay_s > 0;
	out->dpd_asked = sa->dpd.sent;
	snprintf(out->peer_id, sizeof(out->peer_id), "%s",
		sa->peer_id_text == NULL ? "" : sa->peer_id_text);
	out->peer_cert = sa->peer_cert;
}

bool
ike_show_sa(const struct ike *e, uint64_t *cursor, struct ike_sa_view *out)
{
	const struct ike_sa *sa = ike_sa_after(e, *cursor);

	if (sa == NULL)
		return false;
	*cursor = sa->serial;
	sa_view(sa, out);
	return true;
}

bool
ike_show_sa_at(const struct ike *e, uint64_t serial, struct ike_sa_view *out)
{
	const struct ike_sa *sa = ike_sa_by_serial(e, serial);

	if (sa != NULL)
		sa_view(sa, out);
	return sa != NULL;
}

bool
ike_show_key(const struct ike *e, const uint8_t *cookies, struct bytes *key)
{
	struct wire_header h = { 0 };
	const struct ike_sa *sa;

	memcpy(h.cookie_i, cookies, sizeof(h.cookie_i));
	memcpy(h.cookie_r, cookies + sizeof(h.cookie_i), sizeof(h.cookie_r));
	sa = ike_sa_find(e, &h);
	*key = sa == NULL ? (struct bytes){ NULL, 0 } : secret_view(&sa->keys.key);
	return key->n > 0;
}

const struct ike_child *
ike_child_by_serial(const struct ike *e, uint64_t serial)
{
	struct hash_node *n = serial == 0 ? NULL
					  : hash_find(&e->child_by_serial, hash_more(0, serial));

	for (; n != NULL; n = hash_again(n)) {
		const struct ike_child *c = container_of(n, struct ike_child, by_serial);
		if (c->serial == serial)
			return c;
	}
	return NULL;
}

const struct ike_child *
ike_child_after(const struct ike *e, uint64_t cursor)
{
	const struct ike_child *last = ike_child_by_serial(e, cursor);

	if (last != NULL)
		return last->in_all.next == &e->children
			? NULL
			: container_of(last->in_all.next, struct ike_child, in_all);
	LIST_FOREACH(at, &e->children)
		if (container_of(at, struct ike_child, in_all)->serial > cursor)
			return container_of(at, struct ike_child, in_all);
	return NULL;
}

/*
 * A bundle is shown as several children, one for each protocol: the cursor's upper bits count them.
 */
enum { PAIR_SHIFT = 60 };

static void
child_view(const struct ike *e, const struct ike_child *c, unsigned pair,
	struct ike_child_view *out)
{
	const struct ike_pair *p = &c->pair[pair];
	const struct ike_sa *parent = ike_sa_by_serial(e, c->parent);

	memset(out, 0, sizeof(*out));
	out->serial = c->serial;
	out->parent = parent == NULL ? 0 : c->parent;
	out->local = c->local;
	out->remote = c->remote;
	out->sel = c->sel;
	out->proto = p->proto;
	out->mode = p->mode;
	out->sa_local = p->local;
	out->sa_remote = p->remote;
	out->retiring = c->retiring;
	out->spi_in = p->spi_in;
	out->spi_out = p->spi_out;
	out->encr = p->encr;
	out->auth = p->auth;
	out->comp = p->comp;
	out->natt = c->natt;
	out->life_ms = c->life_ms;
	out->life_bytes = c->life_bytes;
	out->pfs = c->pfs;
	out->bits = p->bits;
	out->initiator = c->side == IKE_INITIATOR;
	out->established = c->state == IKE_S_UP;
	out->state = c->waits ? "WAIT-PHASE1" : c->retiring ? "RETIRING" : ike_state_name(c->state);
	out->msgid = c->message_id;
	out->created = c->created;
	out->expires = c->expires;
}

bool
ike_show_child(const struct ike *e, uint64_t *cursor, struct ike_child_view *out)
{
	uint64_t serial = *cursor & ((UINT64_C(1) << PAIR_SHIFT) - 1);
	unsigned pair = (unsigned)(*cursor >> PAIR_SHIFT);
	const struct ike_child *c = NULL;

	if (pair != 0) /* more pairs of the same one */
		c = ike_child_by_serial(e, serial);
	if (c == NULL || c->serial != serial || pair >= c->pairs) {
		c = ike_child_after(e, serial);
		pair = 0;
	}
	if (c == NULL)
		return false;
	*cursor = c->serial | (pair + 1 < c->pairs ? (uint64_t)(pair + 1) << PAIR_SHIFT : 0);
	child_view(e, c, pair, out);
	out->at = c->serial | (uint64_t)pair << PAIR_SHIFT;
	return true;
}

bool
ike_show_child_at(const struct ike *e, uint64_t at, struct ike_child_view *out)
{
	const struct ike_child *c = ike_child_by_serial(e, at & ((UINT64_C(1) << PAIR_SHIFT) - 1));
	unsigned pair = (unsigned)(at >> PAIR_SHIFT);

	if (c == NULL || (pair != 0 && pair >= c->pairs))
		return false;
	child_view(e, c, pair, out);
	out->at = at;
	return true;
}

uint64_t
ike_count(const struct ike *e, enum ike_count which)
{
	return (unsigned)which < IKE_N_COUNT ? e->count[which] : 0;
}

uint64_t
ike_failed_count(const struct ike *e, enum status why)
{
	return (unsigned)why < ST_COUNT ? e->failed[why] : 0;
}

const char *
ike_count_name(enum ike_count which)
{
	static const char *const name[IKE_N_COUNT] = {
		[IKE_N_RECEIVED] = "messages received",
		[IKE_N_SENT] = "messages sent",
		[IKE_N_RETRANSMITTED] = "messages retransmitted",
		[IKE_N_DUPLICATE] = "duplicates received",
		[IKE_N_MALFORMED] = "malformed messages",
		[IKE_N_NO_SA] = "messages of no SA",
		[IKE_N_HALF_OPEN] = "half-open negotiations",
		[IKE_N_HALF_OPEN_REFUSED] = "half-open limit reached",
		[IKE_N_PH1_UP] = "phase 1 established",
		[IKE_N_PH1_FAILED] = "phase 1 failed",
		[IKE_N_PH2_UP] = "phase 2 established",
		[IKE_N_PH2_FAILED] = "phase 2 failed",
		[IKE_N_ACQUIRE] = "acquires",
		[IKE_N_BAD_HASH] = "bad hashes",
		[IKE_N_REKEYED] = "renewals begun",
		[IKE_N_FOLDED] = "first messages answered without an SA",
	};

	return (unsigned)which < IKE_N_COUNT ? name[which] : "?";
}

size_t
ike_sa_count(const struct ike *e)
{
	return e->sa_count;
}

size_t
ike_half_open_count(const struct ike *e)
{
	return e->half_open_count;
}

const struct ike_limits *
ike_limits(const struct ike *e)
{
	return &e->env.limits;
}
