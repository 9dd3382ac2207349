/*
 * v1_natt.c - NAT traversal: detection, port 4500, original addresses (RFC 3947, drafts 00 to 08).
 *
 * Called by the exchanges of phase 1 and by quick mode.  The versions differ in numbers only, which
 * are rows.  A NAT-D that was not agreed on by vendor IDs is not looked at.  Where a peer moved to
 * is believed elsewhere (racoon/ike/path.c), when it has proven itself.
 */
#include "racoon/ikev1/v1_natt.h"

#include <string.h>

#include "lib/cry.h"

static const struct v1_natt versions[] = { /* the best first */
	{ "RFC 3947", V1_VENDOR_NATT_RFC, WIRE_NAT_D, WIRE_NAT_OA, WIRE_ENCAP_UDP_TUNNEL,
		WIRE_ENCAP_UDP_TRANSPORT, .floats = true, .both_oa = true },
#define DRAFT4(n)                                                                                  \
	{ "draft-ietf-ipsec-nat-t-ike-" #n, V1_VENDOR_NATT_##n, WIRE_NAT_D_DRAFT4,                 \
		WIRE_NAT_OA_DRAFT4, WIRE_ENCAP_UDP_TUNNEL, WIRE_ENCAP_UDP_TRANSPORT,               \
		.floats = true, .both_oa = true }
	DRAFT4(08), DRAFT4(07), DRAFT4(06), DRAFT4(05), DRAFT4(04),
#define DRAFT(name, n, f)                                                                          \
	{ name, V1_VENDOR_NATT_##n, WIRE_NAT_D_DRAFT, WIRE_NAT_OA_DRAFT,                           \
		WIRE_ENCAP_UDP_TUNNEL_DRAFT, WIRE_ENCAP_UDP_TRANSPORT_DRAFT, .floats = f }
	DRAFT("draft-ietf-ipsec-nat-t-ike-03", 03, true),
	DRAFT("draft-ietf-ipsec-nat-t-ike-02\\n", 02N, true),
	DRAFT("draft-ietf-ipsec-nat-t-ike-02", 02, true),
	DRAFT("draft-ietf-ipsec-nat-t-ike-01", 01, false),
	DRAFT("draft-ietf-ipsec-nat-t-ike-00", 00, false),
};

bool
v1_natt_enabled(const struct ike_sa *sa)
{
	return sa->conf != NULL && sa->conf->nat_traversal != RC_OFF && sa->natt_possible;
}

const struct v1_natt *
v1_natt_choose(uint32_t vendors)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++)
		if ((vendors & (uint32_t)versions[i].vendor) != 0)
			return &versions[i];
	return NULL;
}

/* RFC 3947 3.2: HASH(CKY-I | CKY-R | IP | Port). */
static enum status
nat_d(struct ike *e, const struct ike_sa *sa, const struct net_endpoint *end, uint8_t *out)
{
	uint8_t port[2] = { (uint8_t)(end->port >> 8), (uint8_t)end->port };
	const struct bytes parts[] = { bytes_of(sa->cookie_i, V1_COOKIE),
		bytes_of(sa->cookie_r, V1_COOKIE), net_addr_bytes(&end->addr),
		bytes_of(port, sizeof(port)) };
	char text[NET_ENDPOINT_TEXT];

	ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial, "Hashing %s with algo #%u",
		net_endpoint_text(text, sizeof(text), end), sa->hash->ike1);
	return cry_hash(e->env.cry, sa->hash, parts, ARRAY_LEN(parts), out);
}

enum status
v1_natt_add(struct ike *e, struct ike_sa *sa, struct wire_builder *b)
{
	uint8_t theirs[CRY_HASH_MAX], ours[CRY_HASH_MAX];

	if (sa->natt_how == NULL)
		return ST_NORMAL;
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "Adding remote and local NAT-D payloads.");
	TRY(nat_d(e, sa, &sa->remote, theirs));
	TRY(nat_d(e, sa, &sa->local, ours));
	/* force: claim a NAT before us, so that the peer encapsulates. */
	if (sa->conf->nat_traversal == RC_FORCE)
		ours[0] ^= 0xff;
	wire_add_data(b, (enum wire_type)sa->natt_how->nat_d, bytes_of(theirs, sa->hash->out));
	wire_add_data(b, (enum wire_type)sa->natt_how->nat_d, bytes_of(ours, sa->hash->out));
	return ST_NORMAL;
}

enum status
v1_natt_take(struct ike *e, struct ike_sa *sa, const struct wire_msg *m)
{
	uint8_t ours[CRY_HASH_MAX], theirs[CRY_HASH_MAX];
	const struct wire_payload *p;
	bool me = false, peer = true;
	unsigned n = 0;

	if (sa->natt_how == NULL || sa->nat_known)
		return ST_NORMAL;
	/* The first is about us; any of the rest may be the peer's (RFC 3947 3.2). */
	TRY(nat_d(e, sa, &e->arrival.local, ours));
	TRY(nat_d(e, sa, &e->arrival.remote, theirs));
	for (; (p = wire_find(m, WIRE_NAT_D, n)) != NULL; n++) {
		bool same = bytes_equal(p->body, bytes_of(n == 0 ? ours : theirs, sa->hash->out));
		ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "NAT-D payload #%u %s", n,
			same ? "verified" : "doesn't match");
		if (n == 0)
			me = !same;
		else if (same)
			peer = false;
	}
	if (n < 2) /* nothing about the one or the other */
		peer = me = false;
	if (sa->conf->nat_traversal == RC_FORCE)
		me = true;
	sa->nat_known = true;
	sa->nat = (uint8_t)((me ? IKE_NAT_ME : 0) | (peer ? IKE_NAT_PEER : 0));
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "NAT %s %s%s",
		sa->nat != 0 ? "detected:" : "not detected", me ? "ME " : "", peer ? "PEER" : "");
	return ST_NORMAL;
}

void
v1_natt_float(struct ike *e, struct ike_sa *sa)
{
	struct net_endpoint local, remote = sa->remote;

	if (sa->nat == 0 || sa->natt || !sa->natt_how->floats ||
	    !ike_natt_local(e, &sa->local.addr, &local))
		return;
	remote.port = RC_NATT_PORT;
	ike_path_move(e, sa, &(struct ike_path){ local, remote, true });
}

/* --------------------------------------------------------------------------------- phase 2 --- */

static bool
in_udp(const struct ike_child *c, const struct ike_pair *p)
{
	return c->natt && p->proto == SA_ESP;
}

uint16_t
v1_natt_encap(const struct ike_child *c, const struct ike_pair *p)
{
	const struct v1_natt *how = in_udp(c, p) ? c->natt_how : NULL;

	if (p->mode == SA_TUNNEL)
		return how == NULL ? WIRE_ENCAP_TUNNEL : how->tunnel;
	return how == NULL ? WIRE_ENCAP_TRANSPORT : how->transport;
}

bool
v1_natt_transport(const struct ike_child *c)
{
	for (unsigned i = 0; i < c->pairs; i++)
		if (c->pair[i].mode != SA_TUNNEL && in_udp(c, &c->pair[i]))
			return true;
	return false;
}

void
v1_natt_tell(struct ike *e, const struct ike_child *c)
{
	for (unsigned i = 0; i < c->pairs; i++)
		if (in_udp(c, &c->pair[i]))
			ike_log(e, LOG_L_INFO, &c->remote, c->serial,
				"NAT detected -> UDP encapsulation (ENC_MODE %d->%u).",
				c->pair[i].mode == SA_TUNNEL ? WIRE_ENCAP_TUNNEL
							     : WIRE_ENCAP_TRANSPORT,
				v1_natt_encap(c, &c->pair[i]));
}

static void
add_oa(struct wire_builder *b, uint8_t type, const struct net_addr *a)
{
	struct wire_payload p = { .type = type,
		.id = { .type = a->family == 4 ? RC_ID_IPV4 : RC_ID_IPV6,
			.data = net_addr_bytes(a) } };

	wire_add(b, &p);
}

void
v1_natt_add_oa(const struct ike_child *c, struct wire_builder *b)
{
	bool first_ours = c->side == IKE_INITIATOR;

	if (!v1_natt_transport(c))
		return;
	if (!c->natt_how->both_oa) {
		add_oa(b, c->natt_how->nat_oa, &c->local.addr);
		return;
	}
	add_oa(b, c->natt_how->nat_oa, first_ours ? &c->local.addr : &c->remote.addr);
	add_oa(b, c->natt_how->nat_oa, first_ours ? &c->remote.addr : &c->local.addr);
}

void
v1_natt_take_oa(struct ike_child *c, const struct wire_msg *m)
{
	const struct wire_payload *i = wire_find(m, WIRE_NAT_OA, 0),
				  *r = wire_find(m, WIRE_NAT_OA, 1), *theirs;

	if (!v1_natt_transport(c) || i == NULL)
		return;
	theirs = c->side == IKE_INITIATOR && r != NULL ? r : i;
	c->natt_oa = net_addr_from(theirs->id.type == RC_ID_IPV4 ? 4 : 6, theirs->id.data.p);
	/* Redundant when it is the address the packets come from. */
	if (net_addr_equal(&c->natt_oa, &c->remote.addr))
		memset(&c->natt_oa, 0, sizeof(c->natt_oa));
}

static bool
offers_udp_transport(struct ike *e, const struct wire_msg *m)
{
	const struct wire_payload *p = wire_find(m, WIRE_SA, 0);
	struct wire_sa offer;

	if (p == NULL || wire_parse_sa(p, e->step, &offer, NULL) != ST_NORMAL)
		return false;
	for (unsigned i = 0; i < offer.proposals; i++) {
		const struct wire_transform *t = &offer.proposal[i].transform[0];
		const struct wire_attr *a = wire_attr_find(t->attr, t->attrs, WIRE_A2_ENCAP);
		if (a != NULL && (a->number == WIRE_ENCAP_UDP_TRANSPORT ||
				a->number == WIRE_ENCAP_UDP_TRANSPORT_DRAFT))
			return true;
	}
	return false;
}

static void
seen_address(struct net_prefix *p, const struct net_addr *seen)
{
	if (p->addr.family == seen->family && p->len == net_addr_bits(&p->addr))
		p->addr = *seen;
}

/*
 * RFC 3947 5.2: in transport mode the identities hold addresses from behind the NAT; the packets,
 * once decrypted, have those in front of it, and so have our policies.
 */
void
v1_natt_selector(struct ike *e, const struct ike_sa *sa, const struct wire_msg *m,
	struct sp_selector *sel)
{
	if (sa->nat == 0 || !offers_udp_transport(e, m))
		return;
	seen_address(&sel->dst, &sa->remote.addr);
	seen_address(&sel->src, &sa->local.addr);
}
