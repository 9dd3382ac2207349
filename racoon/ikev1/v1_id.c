/*
 * v1_id.c - identities: who we are, who the peer says it is, which traffic quick mode is about.
 *
 * Called by the exchanges.  An ID payload is data until it is compared whole, length first; prefix
 * matches of names are no matches (RFC 2407 4.6.2).
 */
#include "racoon/ikev1/v1_id.h"

#include <stdlib.h>
#include <string.h>

enum { ID_HEADER = 4 };

/* ---------------------------------------------------------------------------------- phase 1 --- */

static enum rc_idtype
address_type(const struct net_addr *a)
{
	return a->family == 6 ? RC_ID_IPV6 : RC_ID_IPV4;
}

enum status
v1_own_id(struct ike_xchg *x, struct bytes *body)
{
	const struct ike_sa *sa = x->sa;
	const struct rc_id *id = &sa->conf->my_id;
	enum rc_idtype type = id->type;
	struct bytes data = id->value;
	uint8_t *p;

	if (id->own_address || type == RC_ID_NONE) {
		type = address_type(&sa->local.addr);
		data = net_addr_bytes(&sa->local.addr);
	}
	/* RFC 2409 5.4: the key is looked up by address, so another identity helps nobody. */
	if (sa->exchange == RC_MAIN && sa->auth == RC_AUTH_PSK && type != RC_ID_IPV4 &&
	    type != RC_ID_IPV6)
		return ike_why(x, ST_IDTYPE, "my_identifier of remote %s is not an address",
			sa->conf->name);
	p = arena_alloc(x->arena, ID_HEADER + data.n);
	if (p == NULL)
		return ST_NOMEMORY;
	/* RFC 2407 4.6.2: in phase 1 protocol and port are zero, or UDP 500. */
	p[0] = (uint8_t)type;
	memcpy(p + ID_HEADER, data.p, data.n);
	*body = bytes_of(p, ID_HEADER + data.n);
	return ST_NORMAL;
}

enum status
v1_keep_id(struct ike_sa *sa, const struct wire_id *id)
{
	char text[NET_ADDR_TEXT * 4];
	uint8_t *copy = malloc(id->data.n == 0 ? 1 : id->data.n);
	char *name = strdup(rc_id_text(text, sizeof(text), (enum rc_idtype)id->type, id->data));

	if (copy == NULL || name == NULL) {
		free(copy);
		free(name);
		return ST_NOMEMORY;
	}
	memcpy(copy, id->data.p, id->data.n);
	free(sa->peer_id);
	free(sa->peer_id_text);
	sa->peer_id = copy;
	sa->peer_id_n = id->data.n;
	sa->peer_id_type = (enum rc_idtype)id->type;
	sa->peer_id_text = name;
	return ST_NORMAL;
}

/* In main mode the identity comes late: another section without an address may be the peer's. */
static void
choose_again(struct ike *e, struct ike_sa *sa)
{
	struct rc_id id = { .type = sa->peer_id_type,
		.value = bytes_of(sa->peer_id, sa->peer_id_n) };
	const struct rc_remote *r;

	if (sa->side != IKE_RESPONDER || e->config == NULL ||
	    (sa->conf->peer_ids != 0 &&
		    rc_peer_id_fits(sa->conf, id.type, id.value, &sa->remote.addr)))
		return;
	r = rc_remote_pick(e->config, &sa->remote.addr, sa->exchange, &id);
	if (r == NULL || r == sa->conf || !ike_conf_fits(r, sa))
		return;
	ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial, "remote %s is for %s, not remote %s",
		r->name, sa->peer_id_text, sa->conf->name);
	sa->conf = r;
}

enum status
v1_check_id(struct ike *e, struct ike_xchg *x)
{
	struct ike_sa *sa = x->sa;
	const char *text = sa->peer_id_text;
	char number[16];

	if (sa->exchange == RC_MAIN && sa->auth == RC_AUTH_PSK && sa->peer_id_type != RC_ID_IPV4 &&
	    sa->peer_id_type != RC_ID_IPV6) {
		ike_log(e, LOG_L_ERROR, &sa->remote, sa->serial,
			"Expecting IP address type in main mode, but %s.",
			wire_name_text(WIRE_NAMES_ID, sa->peer_id_type, number, sizeof(number)));
		return ike_why(x, ST_IDTYPE, "peer's identity is %s", text);
	}
	choose_again(e, sa);
	/* Without peers_identifier there is nothing to compare with; rc_check.c has warned. */
	if (sa->conf->peer_ids == 0 ||
	    rc_peer_id_fits(sa->conf, sa->peer_id_type, bytes_of(sa->peer_id, sa->peer_id_n),
		    &sa->remote.addr))
		return ST_NORMAL;
	if (!sa->conf->verify_identifier) {
		ike_log(e, LOG_L_WARNING, &sa->remote, sa->serial,
			"ID value mismatched: peer says %s", text);
		return ST_NORMAL;
	}
	ike_log(e, LOG_L_ERROR, &sa->remote, sa->serial, "invalid ID payload: peer says %s", text);
	return ike_why(x, ST_IDMISMATCH, "peer says it is %s, remote %s expects %s", text,
		sa->conf->name,
		sa->conf->peer_id[0].text == NULL ? "its address" : sa->conf->peer_id[0].text);
}

/* ---------------------------------------------------------------------------------- phase 2 --- */

struct wire_id
v1_id_of(const struct net_prefix *p, uint16_t port, uint8_t upper, uint8_t *buffer)
{
	struct bytes a = net_addr_bytes(&p->addr);
	bool v6 = p->addr.family == 6, host = p->len == net_addr_bits(&p->addr);
	struct wire_id id = { .protocol = upper == SP_UPPER_ANY ? 0 : upper, .port = port };

	memset(buffer, 0, V1_ID_DATA_MAX);
	memcpy(buffer, a.p, a.n);
	id.type = (uint8_t)(host ? (v6 ? RC_ID_IPV6 : RC_ID_IPV4)
				 : (v6 ? RC_ID_IPV6_SUBNET : RC_ID_IPV4_SUBNET));
	id.data = bytes_of(buffer, host ? a.n : 2 * a.n);
	if (host)
		return id;
	for (size_t bit = 0; bit < p->len; bit++)
		buffer[a.n + bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	for (size_t i = 0; i < a.n; i++)
		buffer[i] &= buffer[a.n + i];
	return id;
}

/* RFC 2407 4.6.2.5: a mask of ones, then zeros. */
static bool
mask_length(const uint8_t *mask, size_t n, uint8_t *len)
{
	size_t bits = 0;

	while (bits < n * 8 && (mask[bits / 8] & (0x80 >> (bits % 8))) != 0)
		bits++;
	for (size_t i = bits; i < n * 8; i++)
		if ((mask[i / 8] & (0x80 >> (i % 8))) != 0)
			return false;
	*len = (uint8_t)bits;
	return true;
}

/* A range that is a prefix is taken as one; others name no policy of ours. */
static bool
range_prefix(int family, const uint8_t *from, const uint8_t *to, size_t n, struct net_prefix *out)
{
	uint8_t mask[16];

	for (size_t i = 0; i < n; i++)
		mask[i] = (uint8_t)~(from[i] ^ to[i]);
	out->addr = net_addr_from(family, from);
	if (!mask_length(mask, n, &out->len))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((from[i] & (uint8_t)~mask[i]) != 0 || (to[i] | mask[i]) != 0xff)
			return false;
	return true;
}

bool
v1_id_prefix(const struct wire_id *id, struct net_prefix *out)
{
	const uint8_t *d = id->data.p;

	memset(out, 0, sizeof(*out));
	switch ((enum rc_idtype)id->type) {
	case RC_ID_IPV4:
		out->addr = net_addr_from(4, d);
		out->len = 32;
		return id->data.n == 4;
	case RC_ID_IPV6:
		out->addr = net_addr_from(6, d);
		out->len = 128;
		return id->data.n == 16;
	case RC_ID_IPV4_SUBNET:
		if (id->data.n != 8 || !mask_length(d + 4, 4, &out->len))
			return false;
		out->addr = net_addr_from(4, d);
		break;
	case RC_ID_IPV6_SUBNET:
		if (id->data.n != 32 || !mask_length(d + 16, 16, &out->len))
			return false;
		out->addr = net_addr_from(6, d);
		break;
	case RC_ID_IPV4_RANGE:
		return id->data.n == 8 && range_prefix(4, d, d + 4, 4, out);
	case RC_ID_IPV6_RANGE:
		return id->data.n == 32 && range_prefix(6, d, d + 16, 16, out);
	case RC_ID_NONE:
	case RC_ID_FQDN:
	case RC_ID_USER_FQDN:
	case RC_ID_DN:
	case RC_ID_GN:
	case RC_ID_KEYID:
		return false;
	}
	if (out->addr.family != 0)
		net_prefix_mask(out);
	return out->addr.family != 0;
}

bool
v1_ids_selector(const struct wire_id *local, const struct wire_id *remote, struct sp_selector *out)
{
	memset(out, 0, sizeof(*out));
	if (!v1_id_prefix(local, &out->src) || !v1_id_prefix(remote, &out->dst) ||
	    out->src.addr.family != out->dst.addr.family || local->protocol != remote->protocol)
		return false;
	out->sport = local->port;
	out->dport = remote->port;
	out->upper = local->protocol == 0 ? SP_UPPER_ANY : local->protocol;
	return true;
}

static void
side_id(const struct net_prefix *p, uint16_t port, uint8_t upper, struct rc_selector_id *out)
{
	bool v6 = p->addr.family == 6, host = p->len == net_addr_bits(&p->addr);

	memset(out, 0, sizeof(*out));
	out->type = host ? (v6 ? RC_ID_IPV6 : RC_ID_IPV4)
			 : (v6 ? RC_ID_IPV6_SUBNET : RC_ID_IPV4_SUBNET);
	out->prefix = *p;
	out->port = port;
	out->upper = upper == SP_UPPER_ANY ? 0 : upper;
}

void
v1_selector_ids(const struct sp_selector *sel, struct rc_selector_id *local,
	struct rc_selector_id *remote)
{
	side_id(&sel->src, sel->sport, sel->upper, local);
	side_id(&sel->dst, sel->dport, sel->upper, remote);
}
