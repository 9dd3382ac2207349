/*
 * rc_find.c - look-ups in a configuration: which remote section, which sainfo.
 *
 * rc_index is called once while loading; the look-ups by the engine for every negotiation, so they
 * are hashed: by peer address, by name, by the pair of phase 2 addresses.  Only sections that name
 * no such pair (anonymous, ranges, names, clientaddr) are walked, most specific first.
 */
#include "racoon/conf/rc_in.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cry_x509.h"

/* ---------------------------------------------------------------------------------- remote */

static uint64_t
address_hash(const struct rc_config *c, const struct net_addr *a)
{
	struct net_addr plain = net_addr_normal(*a);

	return hash_bytes(&c->hash_key, plain.b, sizeof(plain.b));
}

static struct rc_remote *
find_address(const struct rc_config *c, const struct net_addr *peer)
{
	struct net_addr plain = net_addr_normal(*peer);
	struct hash_node *n = hash_find(&c->remote_by_address, address_hash(c, peer));

	for (; n != NULL; n = hash_again(n)) {
		struct rc_remote *r = container_of(n, struct rc_remote, by_address);

		/* A link-local section without a scope is for any interface. */
		if (r->address.addr.family == plain.family &&
			memcmp(r->address.addr.b, plain.b, sizeof(plain.b)) == 0 &&
			(r->address.addr.scope == 0 || plain.scope == 0 ||
				r->address.addr.scope == plain.scope))
			return r;
	}
	return NULL;
}

const struct rc_remote *
rc_remote_for(const struct rc_config *c, const struct net_addr *peer)
{
	const struct rc_remote *r = find_address(c, peer);

	return r != NULL ? r : c->anonymous;
}

static bool
says(const struct rc_remote *r, const struct rc_id *id, const struct net_addr *peer)
{
	return id->type != RC_ID_NONE && r->peer_ids != 0 &&
		rc_peer_id_fits(r, id->type, id->value, peer);
}

const struct rc_remote *
rc_remote_pick(const struct rc_config *c, const struct net_addr *peer, enum rc_exchange mode,
	const struct rc_id *id)
{
	const struct rc_remote *r = find_address(c, peer), *plain = NULL, *first = NULL;

	if (r != NULL || c->anonymous == NULL || c->anonymous->next_any == NULL)
		return r != NULL ? r : c->anonymous;
	for (r = c->anonymous; r != NULL; r = r->next_any) {
		if (!rc_remote_allows(r, mode))
			continue;
		if (says(r, id, peer))
			return r;
		if (first == NULL)
			first = r;
		if (plain == NULL && r->peer_ids == 0)
			plain = r;
	}
	if (id->type != RC_ID_NONE && plain != NULL)
		return plain;
	return first != NULL ? first : c->anonymous;
}

const struct rc_remote *
rc_remote_named(const struct rc_config *c, const char *name)
{
	struct bytes key = bytes_str(name);
	struct hash_node *n = hash_find(&c->remote_by_name, hash_bytes(&c->hash_key, key.p, key.n));

	for (; n != NULL; n = hash_again(n)) {
		struct rc_remote *r = container_of(n, struct rc_remote, by_name);

		if (strcmp(r->name, name) == 0)
			return r;
	}
	return NULL;
}

bool
rc_remote_allows(const struct rc_remote *r, enum rc_exchange mode)
{
	for (unsigned i = 0; i < r->modes; i++)
		if (r->mode[i] == mode)
			return true;
	return false;
}

const char *
rc_auth_name(enum rc_auth auth)
{
	for (const struct conf_word *w = rc_auth_words; w->name != NULL; w++)
		if (w->value == (int64_t)auth)
			return w->name;
	return "";
}

const char *
rc_exchange_name(enum rc_exchange x)
{
	switch (x) {
	case RC_BASE:
		return "base";
	case RC_MAIN:
		return "main";
	case RC_AGGRESSIVE:
		return "aggressive";
	}
	return "unknown";
}

/* ---------------------------------------------------------------------------------- sainfo */

struct net_prefix
rc_pair_prefix(const struct rc_selector_id *id)
{
	struct net_prefix p = id->prefix;

	p.addr = net_addr_normal(p.addr);
	p.addr.scope = 0;
	return p;
}

static bool
is_pair_side(const struct rc_selector_id *id)
{
	return id->type == RC_ID_IPV4 || id->type == RC_ID_IPV4_SUBNET || id->type == RC_ID_IPV6 ||
		id->type == RC_ID_IPV6_SUBNET;
}

bool
rc_is_pair(const struct rc_sainfo *s)
{
	return is_pair_side(&s->local) && is_pair_side(&s->remote);
}

uint64_t
rc_pair_hash(const struct rc_config *c, const struct net_prefix *local,
	const struct net_prefix *remote)
{
	uint64_t h = hash_bytes(&c->hash_key, local->addr.b, sizeof(local->addr.b));

	h = hash_more(h, hash_bytes(&c->hash_key, remote->addr.b, sizeof(remote->addr.b)));
	return hash_more(h, (uint64_t)local->len << 8 | remote->len);
}

static bool
fits_side(const struct rc_selector_id *ours, const struct rc_selector_id *asked,
	const struct net_addr *peer)
{
	struct net_prefix a, b;

	if (ours->anonymous)
		return true;
	if (ours->client_address) {
		b = rc_pair_prefix(asked);
		a = net_prefix_host(peer);
		a.addr = net_addr_normal(a.addr);
		a.addr.scope = 0;
		a.len = (uint8_t)net_addr_bits(&a.addr);
		return is_pair_side(asked) && net_prefix_equal(&a, &b);
	}
	/* A port or protocol that ours leaves open takes any. */
	if ((ours->port != 0 && ours->port != asked->port) ||
		(ours->upper != 0 && ours->upper != asked->upper))
		return false;
	if (is_pair_side(ours) && is_pair_side(asked)) {
		a = rc_pair_prefix(ours);
		b = rc_pair_prefix(asked);
		return net_prefix_equal(&a, &b); /* 10.0.0.1 is 10.0.0.1/32 */
	}
	if (ours->type != asked->type)
		return false;
	if (ours->type == RC_ID_IPV4_RANGE || ours->type == RC_ID_IPV6_RANGE)
		return net_addr_equal(&ours->prefix.addr, &asked->prefix.addr) &&
			net_addr_equal(&ours->range_end, &asked->range_end);
	return bytes_equal(ours->name, asked->name);
}

/* A DN by its components; without a name of its own, `from asn1dn` is any. */
static bool
fits_from(const struct rc_sainfo *s, struct bytes value)
{
	if (s->from.type == RC_ID_DN)
		return s->from.value.n == 0 || cry_dn_match(s->from.value, value);
	return bytes_equal(value, s->from.value);
}

static bool
fits(const struct rc_sainfo *s, const struct rc_selector_id *local,
	const struct rc_selector_id *remote, const struct net_addr *peer,
	const struct rc_id *peer_id, int64_t ph1id)
{
	if (s->remoteid != 0 && s->remoteid != ph1id)
		return false;
	if (s->from.type != RC_ID_NONE &&
		(peer_id == NULL || peer_id->type != s->from.type || !fits_from(s, peer_id->value)))
		return false;
	return fits_side(&s->local, local, peer) && fits_side(&s->remote, remote, peer);
}

const struct rc_sainfo *
rc_sainfo_for(const struct rc_config *c, const struct rc_selector_id *local,
	const struct rc_selector_id *remote, const struct net_addr *peer,
	const struct rc_id *peer_id, int64_t ph1id)
{
	struct net_prefix l = rc_pair_prefix(local), r = rc_pair_prefix(remote);
	const struct rc_sainfo *best = NULL, *s;
	struct hash_node *n = NULL;

	if (is_pair_side(local) && is_pair_side(remote))
		n = hash_find(&c->sainfo_by_pair, rc_pair_hash(c, &l, &r));
	for (; n != NULL; n = hash_again(n)) {
		s = container_of(n, struct rc_sainfo, by_pair);
		if ((best == NULL || s->rank > best->rank) &&
			fits(s, local, remote, peer, peer_id, ph1id))
			best = s;
	}
	for (s = c->sainfo_general; s != NULL; s = s->next_general) {
		if (best != NULL && s->rank <= best->rank)
			break;
		if (fits(s, local, remote, peer, peer_id, ph1id))
			return s;
	}
	return best;
}

/* ----------------------------------------------------------------------------------- index */

enum {
	RANK_EXACT = 8,
	RANK_CLIENT = 4,
	RANK_PORT = 2,
	RANK_UPPER = 1,
	RANK_TAG = 64,
	RANK_FROM = 128
};

static unsigned
side_rank(const struct rc_selector_id *id)
{
	if (id->anonymous)
		return 0;
	if (id->client_address)
		return RANK_CLIENT;
	return RANK_EXACT + (id->port != 0 ? RANK_PORT : 0u) + (id->upper != 0 ? RANK_UPPER : 0u);
}

static unsigned
rank_of(const struct rc_sainfo *s)
{
	/* Twice, plus one where the remote side is the exact one: of two half-open sections the one
	 * that names the peer's network wins. */
	unsigned rank = 2 * (side_rank(&s->local) + side_rank(&s->remote));

	if (side_rank(&s->remote) > side_rank(&s->local))
		rank++;
	return rank + (s->remoteid != 0 ? RANK_TAG : 0u) +
		(s->from.type != RC_ID_NONE ? RANK_FROM : 0u);
}

static int
by_rank(const void *a, const void *b)
{
	const struct rc_sainfo *x = *(struct rc_sainfo *const *)a,
			       *y = *(struct rc_sainfo *const *)b;
	int order = (x->rank < y->rank) - (x->rank > y->rank);

	return order != 0 ? order : strcmp(x->title, y->title);
}

static bool
index_remote(struct rc_loading *l, struct rc_remote *r)
{
	struct rc_config *c = l->c;
	const struct rc_remote *other = rc_remote_named(c, r->name);
	struct bytes key = bytes_str(r->name);
	char buf[NET_ADDR_TEXT];

	if (r->anonymous && other != NULL && other->anonymous) {
		stmt_error(l->ctx.errors, r->pos,
			"remote anonymous: there is one at %s:%u already; give one of them a name",
			other->pos.file, other->pos.line);
		return false;
	}
	if (other != NULL && other->named == r->named && other->anonymous == r->anonymous) {
		stmt_error(l->ctx.errors, r->pos, "remote %s: there is one for it at %s:%u already",
			r->title, other->pos.file, other->pos.line);
		return false;
	}
	hash_insert(&c->remote_by_name, &r->by_name, hash_bytes(&c->hash_key, key.p, key.n));
	if (r->address.addr.family == 0)
		return true;
	r->address.addr = net_addr_normal(r->address.addr);
	other = find_address(c, &r->address.addr);
	if (other != NULL) {
		stmt_error(l->ctx.errors, r->pos,
			"remote %s: \"remote %s\" at %s:%u is for %s already", r->title,
			other->title, other->pos.file, other->pos.line,
			net_addr_text(buf, sizeof(buf), &r->address.addr));
		return false;
	}
	hash_insert(&c->remote_by_address, &r->by_address, address_hash(c, &r->address.addr));
	return true;
}

static bool
index_sainfos(struct rc_loading *l)
{
	struct rc_config *c = l->c;
	struct rc_sainfo **tail = &c->sainfo_general;
	bool good = true;

	for (unsigned i = 0; i < c->sainfos; i++)
		c->sainfo[i]->rank = rank_of(c->sainfo[i]);
	if (c->sainfos > 1)
		qsort(c->sainfo, c->sainfos, sizeof(struct rc_sainfo *), by_rank);
	for (unsigned i = 0; i < c->sainfos; i++) {
		struct rc_sainfo *s = c->sainfo[i], *before = i > 0 ? c->sainfo[i - 1] : NULL;

		if (before != NULL && before->rank == s->rank && before->remoteid == s->remoteid &&
			strcmp(before->title, s->title) == 0) {
			bool later = s->pos.line > before->pos.line;
			const struct stmt_pos *first = later ? &before->pos : &s->pos;

			stmt_error(l->ctx.errors, later ? s->pos : before->pos,
				"sainfo %s: there is one for it at %s:%u already", s->title,
				first->file, first->line);
			good = false;
		}
		if (rc_is_pair(s)) {
			struct net_prefix a = rc_pair_prefix(&s->local),
					  b = rc_pair_prefix(&s->remote);

			hash_insert(&c->sainfo_by_pair, &s->by_pair, rc_pair_hash(c, &a, &b));
		} else {
			*tail = s;
			tail = &s->next_general;
		}
	}
	return good;
}

bool
rc_index(struct rc_loading *l)
{
	bool good = true;

	for (unsigned i = 0; i < l->c->remotes; i++)
		good = index_remote(l, l->c->remote[i]) && good;
	return index_sainfos(l) && good;
}
