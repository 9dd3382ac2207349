/*
 * v1_quick.c - quick mode with and without PFS (RFC 2409 5.5).
 *
 * Handlers of the rows in v1_rows.c.  Nothing of a message is used before its HASH has been
 * verified.  The inbound SA is installed before the message that lets the peer use it goes out, the
 * outbound SA when the peer has its inbound one; so no packet meets a missing SA.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "racoon/ikev1/v1_phase1.h"

struct v1_quick { /* an exchange's data; views lie in its arena */
	struct cry_dh *dh;
	struct secret gxy;
	struct bytes ni, nr, ke_peer;
	struct bytes idci_b, idcr_b; /* as the initiator sent them; empty: none */
	struct wire_sa offer;        /* responder: what the peer sent */
	struct v1_picks2 picks;
	bool installing;
	bool commit; /* the peer set the commit bit: CONNECTED ends it (RFC 2408 3.1) */
};

static void
quick_free(void *data)
{
	struct v1_quick *d = data;

	cry_dh_free(d->dh);
	d->dh = NULL;
	secret_wipe(&d->gxy);
}

static enum status
quick_new(struct ike_xchg *x, struct v1_quick **out)
{
	struct v1_quick *d = arena_alloc(x->arena, sizeof(*d));

	if (d == NULL)
		return ST_NOMEMORY;
	x->data = d;
	x->data_free = quick_free;
	*out = d;
	return ST_NORMAL;
}

/* The sainfo for a selector; looked up each time, the configuration may have changed. */
const struct rc_sainfo *
v1_sainfo_for(const struct ike *e, const struct ike_sa *sa, const struct sp_selector *sel)
{
	struct rc_selector_id local, remote;
	struct rc_id id = { .type = sa->peer_id_type,
		.value = bytes_of(sa->peer_id, sa->peer_id_n) };

	if (e->config == NULL)
		return NULL;
	v1_selector_ids(sel, &local, &remote);
	return rc_sainfo_for(e->config, &local, &remote, &sa->remote.addr,
		sa->peer_id == NULL ? NULL : &id, sa->conf == NULL ? 0 : sa->conf->ph1id);
}

static const struct rc_sainfo *
sainfo_of(const struct ike *e, const struct ike_xchg *x)
{
	return v1_sainfo_for(e, x->sa, &x->child->sel);
}

static enum status
no_sainfo(struct ike_xchg *x)
{
	char a[NET_PREFIX_TEXT], b[NET_PREFIX_TEXT];

	return ike_why(x, ST_NOSAINFO, "local %s, remote %s",
		net_prefix_text(a, sizeof(a), &x->child->sel.src),
		net_prefix_text(b, sizeof(b), &x->child->sel.dst));
}

/* ------------------------------------------------------------------------------- installing --- */

static void
set_life(const struct ike_child *c, struct ipsec_sa *sa)
{
	/* The initiator renews first; the responder only if nobody did. */
	unsigned percent = c->side == IKE_INITIATOR ? 80 : 90;

	sa->hard.add_s = (uint64_t)(c->life_ms / 1000);
	sa->soft.add_s = sa->hard.add_s * percent / 100;
	sa->hard.bytes = c->life_bytes;
	sa->soft.bytes = c->life_bytes / 100 * percent;
	sa->replay = IKE_REPLAY_WINDOW;
	sa->state = SA_MATURE;
}

/* RFC 3948 4: the peer is at another port. */
void
v1_quick_ports(struct ike *e, struct ike_child *c)
{
	struct ipsec_sa sa;

	for (unsigned i = 0; i < 2 * c->pairs; i++) {
		const struct ike_pair *p = &c->pair[i / 2];
		bool inbound = i % 2 == 0;
		if (p->kept == NULL || !(inbound ? p->in_asked : p->out_asked))
			continue;
		ike_child_sa(c, p, inbound, &sa);
		set_life(c, &sa);
		sa.encr_key = p->kept[inbound].encr;
		sa.auth_key = p->kept[inbound].auth;
		if (ike_job_update(e, c, i / 2, inbound, &sa) != ST_NORMAL)
			ike_log(e, LOG_L_ERROR, &c->remote, c->serial,
				"ports of an IPsec-SA are not changed: out of memory");
		ipsec_sa_wipe(&sa);
	}
}

static enum status
put_key(struct sa_key *k, struct bytes material)
{
	if (material.n > sizeof(k->b))
		return ST_BADKEYLEN;
	k->octets = (uint16_t)material.n;
	memcpy(k->b, material.p, material.n);
	return ST_NORMAL;
}

/* One SA's keys: RFC 2409 5.5, KEYMAT with the SPI of the receiving end. */
static enum status
key_sa(struct ike *e, struct ike_xchg *x, const struct ike_pair *p, bool inbound,
	struct ipsec_sa *sa)
{
	const struct v1_quick *d = x->data;
	uint8_t spi[4];
	size_t encr, auth;
	struct secret material = { 0 };
	enum status status;

	patch_u32(spi, inbound ? p->spi_in : p->spi_out);
	v1_keymat_octets(p->encr, p->bits, p->auth, &encr, &auth);
	if (encr + auth == 0)
		return ST_NORMAL;
	status = v1_keymat(e->env.cry, x->sa->hash, secret_view(&x->sa->keys.d),
		secret_view(&d->gxy), v1_proto_of(p->proto), bytes_of(spi, sizeof(spi)), d->ni,
		d->nr, encr + auth, &material);
	if (status == ST_NORMAL)
		status = put_key(&sa->encr_key, bytes_of(material.p, encr));
	if (status == ST_NORMAL)
		status = put_key(&sa->auth_key, bytes_of(material.p + encr, auth));
	secret_wipe(&material);
	return status;
}

/* The port of a peer behind a NAT may change: the database is then told all of the SA again. */
static enum status
keep_keys(const struct ike_child *c, struct ike_pair *p, bool inbound, const struct ipsec_sa *sa)
{
	if (!c->natt || p->proto != SA_ESP)
		return ST_NORMAL;
	if (p->kept == NULL)
		p->kept = calloc(2, sizeof(*p->kept));
	if (p->kept == NULL)
		return ST_NOMEMORY;
	p->kept[inbound] = (struct ike_kept){ sa->encr_key, sa->auth_key };
	return ST_NORMAL;
}

static enum status
install(struct ike *e, struct ike_xchg *x, bool inbound)
{
	struct ike_child *c = x->child;
	struct ipsec_sa sa;

	for (unsigned i = 0; i < c->pairs; i++) {
		struct ike_pair *p = &c->pair[i];
		enum status status;
		ike_child_sa(c, p, inbound, &sa);
		set_life(c, &sa);
		status = key_sa(e, x, p, inbound, &sa);
		if (status == ST_NORMAL)
			status = keep_keys(c, p, inbound, &sa);
		if (status == ST_NORMAL)
			status = ike_job_install(e, c, inbound ? x : NULL, i, inbound, &sa);
		ipsec_sa_wipe(&sa);
		TRY(status);
		if (inbound)
			p->in_asked = true;
		else
			p->out_asked = true;
	}
	return ST_NORMAL;
}

static void
take_picks(struct ike *e, struct ike_xchg *x)
{
	const struct v1_quick *d = x->data;
	struct ike_child *c = x->child;

	ike_child_trim(e, c, d->picks.pairs);
	c->pfs = d->picks.pfs;
	c->life_ms = d->picks.life_ms;
	c->life_bytes = d->picks.life_bytes;
	for (unsigned i = 0; i < c->pairs; i++) {
		c->pair[i].encr = d->picks.rule[i].encr;
		c->pair[i].auth = d->picks.rule[i].auth;
		c->pair[i].comp = d->picks.rule[i].comp;
		c->pair[i].bits = d->picks.rule[i].bits;
		c->pair[i].spi_out = d->picks.rule[i].spi;
		ike_child_hash_out(e, c, i);
	}
}

static bool
picks_spis_ok(const struct v1_picks2 *p)
{
	for (unsigned i = 0; i < p->pairs; i++)
		if (p->rule[i].spi < SA_SPI_MIN)
			return false;
	return true;
}

/* --------------------------------------------------------------------------------- building --- */

/* Of the message being taken: e->datagram is it, header first. */
static bool
commit_bit(const struct ike *e)
{
	enum { FLAGS_AT = 19 }; /* RFC 2408 3.1 */

	return e->datagram.n > FLAGS_AT && (e->datagram.p[FLAGS_AT] & WIRE_F_COMMIT) != 0;
}

static uint8_t
flags_of(const struct v1_quick *d)
{
	return (uint8_t)(WIRE_F_ENCRYPTED | (d->commit ? WIRE_F_COMMIT : 0));
}

/* The octets after HASH are what it covers: filled in when they are there. */
static struct bytes
after_hash(const struct wire_builder *b, const uint8_t *hole, const struct alg *hash)
{
	return hole == NULL ? bytes_of(NULL, 0) : wire_since(b, hole + hash->out);
}

static enum status
seal_and_send(struct ike *e, struct ike_xchg *x, struct wire_builder *b, bool retransmit)
{
	struct bytes message = v1_seal(e, x->sa, b, x->iv);

	if (message.n == 0)
		return ST_LIMIT;
	ike_window_send(e, x, message, retransmit);
	return ST_NORMAL;
}

static enum status
keep_ids(struct ike_xchg *x)
{
	const struct sp_selector *sel = &x->child->sel;
	struct v1_quick *d = x->data;
	uint8_t buffer[V1_ID_DATA_MAX], body[2][4 + V1_ID_DATA_MAX];
	struct bytes *out[2] = { &d->idci_b, &d->idcr_b };

	for (unsigned i = 0; i < 2; i++) {
		struct wire_id id = i == 0 ? v1_id_of(&sel->src, sel->sport, sel->upper, buffer)
					   : v1_id_of(&sel->dst, sel->dport, sel->upper, buffer);
		struct writer w = writer_of(body[i], sizeof(body[i]));
		write_u8(&w, id.type);
		write_u8(&w, id.protocol);
		write_u16(&w, id.port);
		write_bytes(&w, id.data);
		TRY(v1_keep(x, writer_bytes(&w), out[i]));
	}
	return ST_NORMAL;
}

static void
add_rest(struct wire_builder *b, const struct ike_child *c, const struct v1_quick *d,
	struct bytes nonce)
{
	wire_add_data(b, WIRE_NONCE, nonce);
	if (d->dh != NULL)
		wire_add_data(b, WIRE_KE, cry_dh_public(d->dh));
	if (d->idci_b.n != 0) {
		wire_add_body(b, WIRE_ID, d->idci_b);
		wire_add_body(b, WIRE_ID, d->idcr_b);
	}
	v1_natt_add_oa(c, b);
}

/* -------------------------------------------------------------------------------- initiator --- */

enum status
v1_quick_i_begin(struct ike *e, struct ike_xchg *x, const struct wire_msg *none)
{
	const struct rc_sainfo *info = sainfo_of(e, x);
	struct v1_quick *d;

	(void)none;
	TRY(quick_new(x, &d));
	if (info == NULL)
		return no_sainfo(x);
	TRY(v1_make_nonce(e, x, &d->ni));
	TRY(keep_ids(x));
	TRY(v1_message_iv(e, x->sa, x->message_id, x->iv));
	d->picks.pfs = info->pfs;
	for (unsigned i = 0; i < x->child->pairs; i++)
		TRY(ike_job_getspi(e, x, i));
	if (info->pfs != NULL)
		return ike_job_keypair(e, x, info->pfs, &d->dh, NULL);
	return ST_NORMAL;
}

enum status
v1_quick_i1_send(struct ike *e, struct ike_xchg *x)
{
	const struct rc_sainfo *info = sainfo_of(e, x);
	const struct ike_sa *sa = x->sa;
	struct v1_quick *d = x->data;
	struct wire_builder b;
	struct wire_sa offer;
	uint8_t *hash;

	if (info == NULL || info->pfs != d->picks.pfs)
		return no_sainfo(x);
	for (unsigned i = ike_child_needed(x->child); i < x->child->pairs; i++)
		if (x->child->pair[i].spi_in == 0) /* no compression to be had */
			ike_child_trim(e, x->child, i);
	TRY(v1_offer2(x->arena, x->child, info, &offer));
	v1_natt_tell(e, x->child);
	v1_begin(e, &b, sa, WIRE_X_QUICK, WIRE_F_ENCRYPTED, x->message_id);
	hash = wire_add_hole(&b, WIRE_HASH, sa->hash->out);
	wire_add_sa(&b, &offer);
	add_rest(&b, x->child, d, d->ni);
	if (hash == NULL)
		return ST_LIMIT;
	TRY(v1_hash_1(e->env.cry, sa->hash, secret_view(&sa->keys.a), x->message_id,
		after_hash(&b, hash, sa->hash), hash));
	return seal_and_send(e, x, &b, true);
}

static enum status
bad_hash(struct ike *e, struct ike_xchg *x)
{
	e->count[IKE_N_BAD_HASH]++;
	ike_log(e, LOG_L_ERROR, &x->sa->remote, x->child->serial, "%s, message dropped",
		status_row(ST_BADHASH)->text);
	return ike_drop(x, ST_BADHASH);
}

/* The peer's nonce and, with PFS, its public value. */
static enum status
take_nonce_ke(struct ike_xchg *x, const struct wire_msg *m, struct bytes *nonce)
{
	struct v1_quick *d = x->data;
	const struct wire_payload *ke = wire_find(m, WIRE_KE, 0);
	struct bytes n = wire_find(m, WIRE_NONCE, 0)->body;

	if (n.n < WIRE_NONCE_MIN || n.n > WIRE_NONCE_MAX)
		return ike_why(x, ST_MALFORMED, "nonce of %zu octets", n.n);
	TRY(v1_keep(x, n, nonce));
	if ((ke != NULL) != (d->picks.pfs != NULL))
		return ike_why(x, ST_NOPROPOSAL, ke != NULL
				? "KE payload without a PFS group in the proposal"
				: "PFS group in the proposal without a KE payload");
	if (ke == NULL)
		return ST_NORMAL;
	if (ke->body.n != d->picks.pfs->out)
		return ike_why(x, ST_BADKE, "public value of %zu octets for %s", ke->body.n,
			d->picks.pfs->name);
	return v1_keep(x, ke->body, &d->ke_peer);
}

static void
responder_lifetime(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_quick *d = x->data;
	const struct wire_payload *p;
	uint64_t seconds, kilobytes;
	struct wire_attr *attr;
	unsigned attrs;

	for (unsigned i = 0; (p = wire_find(m, WIRE_NOTIFY, i)) != NULL; i++) {
		if (p->notify.type != WIRE_N_RESPONDER_LIFETIME ||
		    wire_parse_attrs(p->notify.data, x->arena, &attr, &attrs, NULL) != ST_NORMAL)
			continue;
		v1_life_of(attr, attrs, WIRE_A2_LIFE_TYPE, WIRE_A2_LIFE, &seconds, &kilobytes);
		if (seconds != 0 && (int64_t)seconds * 1000 < d->picks.life_ms) {
			d->picks.life_ms = (int64_t)seconds * 1000;
			ike_log(e, LOG_L_INFO, &x->sa->remote, x->child->serial,
				"received RESPONDER-LIFETIME: %llu seconds",
				(unsigned long long)seconds);
		}
		if (kilobytes != 0 && kilobytes < UINT64_MAX / 1024 &&
		    (d->picks.life_bytes == 0 || kilobytes * 1024 < d->picks.life_bytes)) {
			d->picks.life_bytes = kilobytes * 1024;
			ike_log(e, LOG_L_INFO, &x->sa->remote, x->child->serial,
				"received RESPONDER-LIFETIME: %llu kbytes",
				(unsigned long long)kilobytes);
		}
	}
}

/* RFC 2409 5.5: the responder returns the initiator's IDs; other ones would be another SA. */
static bool
ids_came_back(const struct v1_quick *d, const struct wire_msg *m, bool udp)
{
	const struct wire_payload *i = wire_find(m, WIRE_ID, 0), *r = wire_find(m, WIRE_ID, 1);
	struct net_prefix a, b;
	const struct bytes *want[2] = { &d->idci_b, &d->idcr_b };
	const struct wire_payload *got[2] = { i, r };

	if (i == NULL && r == NULL)
		return true;
	if (i == NULL || r == NULL)
		return false;
	for (unsigned k = 0; k < 2; k++) {
		struct wire_id w = { .type = want[k]->p[0], .protocol = want[k]->p[1],
			.port = get_u16(want[k]->p + 2),
			.data = bytes_of(want[k]->p + 4, want[k]->n - 4) };
		if (!v1_id_prefix(&w, &a) || !v1_id_prefix(&got[k]->id, &b))
			return false;
		/* Some peers name the addresses that they see, not those from behind the NAT. */
		bool hosts = udp && a.len == net_addr_bits(&a.addr) &&
			     b.len == net_addr_bits(&b.addr);
		if ((!hosts && !net_prefix_equal(&a, &b)) || w.protocol != got[k]->id.protocol ||
		    w.port != got[k]->id.port)
			return false;
	}
	return true;
}

/* <-- HDR*, HASH(2), SA, Nr [, KE ] [, IDci, IDcr ] */
enum status
v1_quick_i2_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	const struct rc_sainfo *info = sainfo_of(e, x);
	const struct ike_sa *sa = x->sa;
	struct v1_quick *d = x->data;
	uint8_t hash[CRY_HASH_MAX];
	char why[IKE_DETAIL_MAX];
	struct wire_sa answer;

	if (!v1_first_is_hash(m))
		return bad_hash(e, x);
	TRY(v1_hash_2(e->env.cry, sa->hash, secret_view(&sa->keys.a), x->message_id, d->ni,
		wire_after(m, &m->payload[0]), hash));
	if (!v1_hash_is(m, sa->hash, hash))
		return bad_hash(e, x);
	ike_path_follow(e, x); /* our nonce is in it: no replay */
	v1_natt_take_oa(x->child, m);
	if (info == NULL)
		return no_sainfo(x);
	if (wire_parse_sa(wire_find(m, WIRE_SA, 0), x->arena, &answer, NULL) != ST_NORMAL)
		return ike_why(x, ST_MALFORMED, "SA payload of the answer");
	if (v1_chosen2(x->child, info, &answer, &d->picks, why, sizeof(why)) != ST_NORMAL)
		return ike_why(x, ST_NOPROPOSAL, "%s", why);
	if (!picks_spis_ok(&d->picks))
		return ike_why(x, ST_MALFORMED, "SPI below %d", SA_SPI_MIN);
	if (!ids_came_back(d, m, v1_natt_transport(x->child)))
		return ike_why(x, ST_BADID, "peer answered with other identities");
	TRY(take_nonce_ke(x, m, &d->nr));
	d->commit = commit_bit(e);
	responder_lifetime(e, x, m);
	take_picks(e, x);
	if (d->picks.pfs != NULL)
		return ike_job_derive(e, x, d->picks.pfs, &d->dh, d->ke_peer, &d->gxy, NULL);
	return ST_NORMAL;
}

enum status
v1_quick_i3_send(struct ike *e, struct ike_xchg *x)
{
	const struct ike_sa *sa = x->sa;
	struct v1_quick *d = x->data;
	struct wire_builder b;
	uint8_t *hash;

	if (!d->installing) {
		d->installing = true;
		x->more = true;
		if (x->child->generated)
			TRY(ike_generate(e, x->child));
		return install(e, x, true);
	}
	v1_begin(e, &b, sa, WIRE_X_QUICK, flags_of(d), x->message_id);
	hash = wire_add_hole(&b, WIRE_HASH, sa->hash->out);
	if (hash == NULL)
		return ST_LIMIT;
	TRY(v1_hash_3(e->env.cry, sa->hash, secret_view(&sa->keys.a), x->message_id, d->ni, d->nr,
		hash));
	x->detours = d->commit;
	return seal_and_send(e, x, &b, d->commit);
}

/* <-- HDR*, HASH(1), N (CONNECTED): fourth message of those who set the commit bit */
enum status
v1_quick_i4_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	const struct ike_sa *sa = x->sa;
	uint8_t hash[CRY_HASH_MAX];

	if (!v1_first_is_hash(m))
		return bad_hash(e, x);
	TRY(v1_hash_1(e->env.cry, sa->hash, secret_view(&sa->keys.a), x->message_id,
		wire_after(m, &m->payload[0]), hash));
	if (!v1_hash_is(m, sa->hash, hash))
		return bad_hash(e, x);
	for (unsigned i = 0; wire_find(m, WIRE_NOTIFY, i) != NULL; i++)
		if (wire_find(m, WIRE_NOTIFY, i)->notify.type == WIRE_N_CONNECTED)
			return ST_NORMAL;
	return ike_drop(x, ST_INVALIDPAYLOAD);
}

void
v1_quick_connected(struct ike *e, struct ike_child *c)
{
	struct ike_xchg *x = c->x;

	if (x == NULL || x->state != IKE_S_QUICK3_SENT || x->row != NULL)
		return;
	ike_disarm(e, &x->window.retry);
	x->window.retransmits = false;
	x->state = c->state = IKE_S_UP;
	v1_quick_i3_after(e, x);
}

static void
both_installed(struct ike *e, struct ike_xchg *x)
{
	enum status status = install(e, x, false);

	if (status != ST_NORMAL) {
		ike_xchg_fail(e, x, status, "outbound SA");
		return;
	}
	ike_xchg_settle(x);
	ike_child_up(e, x->child);
}

void
v1_quick_i3_after(struct ike *e, struct ike_xchg *x)
{
	if (x->state == IKE_S_UP) /* else the peer is to say CONNECTED first */
		both_installed(e, x);
}

/* -------------------------------------------------------------------------------- responder --- */

static void
derive_next(struct ike *e, struct ike_xchg *x)
{
	struct v1_quick *d = x->data;
	enum status status = ike_job_derive(e, x, d->picks.pfs, &d->dh, d->ke_peer, &d->gxy, NULL);

	if (status != ST_NORMAL)
		x->failed = status;
}

/* --> HDR*, HASH(1), SA, Ni [, KE ] [, IDci, IDcr ] ; v1_quick_first has verified HASH(1) */
enum status
v1_quick_r1_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	const struct rc_sainfo *info = sainfo_of(e, x);
	const struct wire_payload *id = wire_find(m, WIRE_ID, 0);
	struct ike_child *c = x->child;
	struct v1_quick *d;
	char why[IKE_DETAIL_MAX];

	TRY(quick_new(x, &d));
	if (info == NULL)
		return no_sainfo(x);
	if (v1_keep_sa(x->arena, wire_find(m, WIRE_SA, 0), &d->offer, NULL) != ST_NORMAL)
		return ike_why(x, ST_MALFORMED, "SA payload");
	enum rc_check check = x->sa->conf == NULL ? RC_CHECK_STRICT : x->sa->conf->proposal_check;
	if (v1_choose2(e, c, info, check, &d->offer, &d->picks, why, sizeof(why)) != ST_NORMAL)
		return ike_why(x, ST_NOPROPOSAL, "%s", why);
	if (!picks_spis_ok(&d->picks))
		return ike_why(x, ST_MALFORMED, "SPI below %d", SA_SPI_MIN);
	TRY(take_nonce_ke(x, m, &d->ni));
	d->commit = commit_bit(e);
	if (id != NULL) {
		TRY(v1_keep(x, id->body, &d->idci_b));
		TRY(v1_keep(x, wire_find(m, WIRE_ID, 1)->body, &d->idcr_b));
	}
	take_picks(e, x);
	TRY(v1_make_nonce(e, x, &d->nr));
	for (unsigned i = 0; i < c->pairs; i++)
		TRY(ike_job_getspi(e, x, i));
	if (d->picks.pfs != NULL)
		return ike_job_keypair(e, x, d->picks.pfs, &d->dh, derive_next);
	return ST_NORMAL;
}

/* The proposals chosen, with their numbers, in their order, with our SPIs. */
static enum status
answer_sa(struct ike_xchg *x, struct wire_sa *out)
{
	struct v1_quick *d = x->data;
	struct ike_child *c = x->child;
	struct wire_proposal *p = arena_array(x->arena, c->pairs, sizeof(*p));
	unsigned n = 0;

	if (p == NULL)
		return ST_NOMEMORY;
	for (unsigned i = 0; i < d->offer.proposals; i++) {
		for (unsigned r = 0; r < c->pairs; r++) {
			uint8_t *spi;
			if (d->picks.rule[r].proposal != i || n == c->pairs)
				continue;
			spi = arena_alloc(x->arena, 4);
			if (spi == NULL)
				return ST_NOMEMORY;
			patch_u32(spi, c->pair[r].spi_in);
			p[n] = d->offer.proposal[i];
			/* A CPI in as many octets as the peer used. */
			p[n].spi = p[n].spi.n == 2 ? bytes_of(spi + 2, 2) : bytes_of(spi, 4);
			p[n].transform += d->picks.rule[r].transform;
			p[n].transforms = 1;
			n++;
		}
	}
	*out = d->offer;
	out->proposals = n;
	out->proposal = p;
	return ST_NORMAL;
}

/* RFC 2407 4.6.3.1: our lifetime is shorter than the one offered. */
static void
add_lifetime(struct wire_builder *b, const struct ike_child *c)
{
	uint8_t spi[4], data[16];
	struct wire_attr attr[2] = {
		wire_attr_of(WIRE_A2_LIFE_TYPE, WIRE_LIFE_SECONDS),
		wire_attr_of(WIRE_A2_LIFE, (uint64_t)(c->life_ms / 1000)),
	};
	struct writer w = writer_of(data, sizeof(data));
	struct wire_notify n = { .doi = WIRE_DOI_IPSEC, .protocol = v1_proto_of(c->pair[0].proto),
		.type = WIRE_N_RESPONDER_LIFETIME, .spi = bytes_of(spi, sizeof(spi)) };

	patch_u32(spi, c->pair[0].spi_in);
	wire_write_attrs(&w, attr, 2);
	n.data = writer_bytes(&w);
	wire_add_notify(b, &n);
}

enum status
v1_quick_r2_send(struct ike *e, struct ike_xchg *x)
{
	const struct ike_sa *sa = x->sa;
	struct v1_quick *d = x->data;
	struct wire_builder b;
	struct wire_sa answer;
	uint8_t *hash;

	if (!d->installing) {
		d->installing = true;
		x->more = true;
		if (x->child->generated)
			TRY(ike_generate(e, x->child));
		return install(e, x, true);
	}
	TRY(answer_sa(x, &answer));
	v1_begin(e, &b, sa, WIRE_X_QUICK, flags_of(d), x->message_id);
	hash = wire_add_hole(&b, WIRE_HASH, sa->hash->out);
	wire_add_sa(&b, &answer);
	add_rest(&b, x->child, d, d->nr);
	if (d->picks.claim && sa->conf != NULL && sa->conf->proposal_check == RC_CHECK_CLAIM)
		add_lifetime(&b, x->child);
	if (hash == NULL)
		return ST_LIMIT;
	TRY(v1_hash_2(e->env.cry, sa->hash, secret_view(&sa->keys.a), x->message_id, d->ni,
		after_hash(&b, hash, sa->hash), hash));
	return seal_and_send(e, x, &b, true);
}

/* --> HDR*, HASH(3) */
enum status
v1_quick_r3_recv(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	const struct ike_sa *sa = x->sa;
	struct v1_quick *d = x->data;
	uint8_t hash[CRY_HASH_MAX];

	TRY(v1_hash_3(e->env.cry, sa->hash, secret_view(&sa->keys.a), x->message_id, d->ni, d->nr,
		hash));
	if (!v1_hash_is(m, sa->hash, hash))
		return bad_hash(e, x);
	d->commit |= commit_bit(e);
	ike_path_follow(e, x); /* our nonce is in it: no replay */
	return ST_NORMAL;
}

/* RFC 2408 3.1: who was asked by the commit bit tells when the SA can be used. */
enum status
v1_quick_r4_send(struct ike *e, struct ike_xchg *x)
{
	const struct ike_sa *sa = x->sa;
	struct v1_quick *d = x->data;
	struct wire_builder b;
	uint8_t *hash, spi[4];
	struct wire_notify n = { .doi = WIRE_DOI_IPSEC,
		.protocol = v1_proto_of(x->child->pair[0].proto), .type = WIRE_N_CONNECTED,
		.spi = bytes_of(spi, sizeof(spi)) };

	if (!d->commit)
		return ST_NORMAL;
	patch_u32(spi, x->child->pair[0].spi_in);
	v1_begin(e, &b, sa, WIRE_X_QUICK, flags_of(d), x->message_id);
	hash = wire_add_hole(&b, WIRE_HASH, sa->hash->out);
	wire_add_notify(&b, &n);
	if (hash == NULL)
		return ST_LIMIT;
	TRY(v1_hash_1(e->env.cry, sa->hash, secret_view(&sa->keys.a), x->message_id,
		after_hash(&b, hash, sa->hash), hash));
	x->kept = true;
	return seal_and_send(e, x, &b, false);
}

void
v1_quick_r3_after(struct ike *e, struct ike_xchg *x)
{
	both_installed(e, x);
}
