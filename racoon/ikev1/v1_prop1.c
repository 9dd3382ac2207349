/*
 * v1_prop1.c - phase 1 proposals: offer, choose, check the choice.
 *
 * Called by main and aggressive mode.  One proposal, many transforms; a transform with an attribute
 * we do not know is not ours to accept (RFC 2409 5, appendix A).  Which values may differ from the
 * configuration is proposal_check's decision.
 */
#include "racoon/ikev1/v1_prop.h"

#include <stdio.h>
#include <string.h>

enum { ATTRS = 7, LIFE_DEFAULT_S = 28800, AES_BITS = 128 };

void
v1_life_of(const struct wire_attr *attr, unsigned attrs, uint16_t type_attr, uint16_t life_attr,
	uint64_t *seconds, uint64_t *kilobytes)
{
	uint64_t type = 0;

	*seconds = *kilobytes = 0;
	for (unsigned i = 0; i < attrs; i++) {
		const struct wire_attr *a = &attr[i];
		/* A value that does not fit 64 bits is as good as endless. */
		uint64_t v = a->is_number ? a->number : UINT64_MAX;
		if (a->type == type_attr)
			type = v;
		else if (a->type == life_attr && type == WIRE_LIFE_SECONDS)
			*seconds = v;
		else if (a->type == life_attr && type == WIRE_LIFE_KILOBYTES)
			*kilobytes = v;
	}
	if (*seconds > IKE_LIFE_MAX_S)
		*seconds = IKE_LIFE_MAX_S;
}

enum status
v1_keep_sa(struct arena *arena, const struct wire_payload *p, struct wire_sa *out, const char **why)
{
	struct wire_payload copy = *p;
	struct bytes body = arena_dup(arena, p->body);

	if (body.n != p->body.n)
		return ST_NOMEMORY;
	copy.body = body;
	copy.sa.proposals = bytes_of(body.p + (p->sa.proposals.p - p->body.p), p->sa.proposals.n);
	return wire_parse_sa(&copy, arena, out, why);
}

/* ------------------------------------------------------------------------------------ offer --- */

enum status
v1_offer1(struct arena *arena, const struct rc_remote *conf, struct wire_sa *out)
{
	struct wire_proposal *p = arena_array(arena, 1, sizeof(*p));
	struct wire_transform *t = arena_array(arena, conf->proposals, sizeof(*t));

	if (p == NULL || t == NULL)
		return ST_NOMEMORY;
	for (unsigned i = 0; i < conf->proposals; i++) {
		const struct rc_proposal *c = &conf->proposal[i];
		struct wire_attr *a = arena_array(arena, ATTRS, sizeof(*a));
		unsigned n = 0;
		if (a == NULL)
			return ST_NOMEMORY;
		a[n++] = wire_attr_of(WIRE_A1_LIFE_TYPE, WIRE_LIFE_SECONDS);
		a[n++] = wire_attr_of(WIRE_A1_LIFE, (uint64_t)(c->life_ms / 1000));
		a[n++] = wire_attr_of(WIRE_A1_ENCR, c->encr->ike1);
		if (c->encr->key_length_attr)
			a[n++] = wire_attr_of(WIRE_A1_KEY_LENGTH,
				c->bits != 0 ? c->bits : alg_default_bits(c->encr));
		a[n++] = wire_attr_of(WIRE_A1_AUTH, c->auth);
		a[n++] = wire_attr_of(WIRE_A1_HASH, c->hash->ike1);
		a[n++] = wire_attr_of(WIRE_A1_GROUP, c->group->ike1);
		t[i] = (struct wire_transform){
			.number = (uint8_t)(i + 1), .id = WIRE_KEY_IKE, .attrs = n, .attr = a
		};
	}
	*p = (struct wire_proposal){
		.number = 1, .protocol = WIRE_P_ISAKMP, .transforms = conf->proposals,
		.transform = t
	};
	*out = (struct wire_sa){ .doi = WIRE_DOI_IPSEC, .situation = WIRE_SIT_IDENTITY_ONLY,
		.proposals = 1, .proposal = p };
	return ST_NORMAL;
}

/* ---------------------------------------------------------------------------------- reading --- */

struct seen { /* a peer's transform */
	struct v1_pick1 pick;
	uint64_t encr, hash, auth, group, bits; /* numbers as sent */
	const char *fault;
};

static void
look(const struct wire_transform *t, struct seen *s)
{
	uint64_t seconds, kilobytes;

	memset(s, 0, sizeof(*s));
	if (t->id != WIRE_KEY_IKE)
		s->fault = "transform is not KEY_IKE";
	for (unsigned i = 0; i < t->attrs; i++) {
		const struct wire_attr *a = &t->attr[i];
		uint64_t v = a->is_number ? a->number : UINT64_MAX;
		switch (a->type) {
		case WIRE_A1_ENCR:
			s->encr = v;
			break;
		case WIRE_A1_HASH:
			s->hash = v;
			break;
		case WIRE_A1_AUTH:
			s->auth = v;
			break;
		case WIRE_A1_GROUP:
			s->group = v;
			break;
		case WIRE_A1_KEY_LENGTH:
			s->bits = v;
			if (v == 0 || v > UINT16_MAX)
				s->fault = "impossible key length";
			break;
		case WIRE_A1_LIFE_TYPE:
		case WIRE_A1_LIFE:
			break;
		default:
			s->fault = "an attribute that is not known here";
		}
	}
	v1_life_of(t->attr, t->attrs, WIRE_A1_LIFE_TYPE, WIRE_A1_LIFE, &seconds, &kilobytes);
	s->pick.life_ms = (int64_t)(seconds == 0 ? LIFE_DEFAULT_S : seconds) * 1000;
	if (s->encr > UINT16_MAX || s->hash > UINT16_MAX || s->group > UINT16_MAX ||
	    s->auth > UINT16_MAX) {
		s->fault = "a number that is out of range";
		return;
	}
	s->pick.encr = alg_by_ike1(ALG_ENCR, (uint16_t)s->encr);
	s->pick.hash = alg_by_ike1(ALG_HASH, (uint16_t)s->hash);
	s->pick.group = alg_by_ike1(ALG_DH, (uint16_t)s->group);
	s->pick.auth = (enum rc_auth)s->auth;
	s->pick.bits = (uint16_t)s->bits;
	/* Some leave the key length out and mean the shortest. */
	if (s->bits == 0 && s->pick.encr != NULL)
		s->pick.bits = s->pick.encr->mode == ALG_MODE_CBC && s->pick.encr->block == 16
			? AES_BITS
			: (uint16_t)alg_default_bits(s->pick.encr);
	if (s->pick.encr != NULL && s->fault == NULL && !alg_key_ok(s->pick.encr, s->pick.bits))
		s->fault = "key length does not fit the cipher";
}

static const char *
name_of(const struct alg *a, uint64_t number, char *buf, size_t size)
{
	if (a != NULL)
		return a->name;
	snprintf(buf, size, "%llu", (unsigned long long)number);
	return buf;
}

static uint16_t
our_bits(const struct rc_proposal *p)
{
	return p->bits != 0 ? p->bits : (uint16_t)alg_default_bits(p->encr);
}

/* What keeps our proposal and the peer's transform apart: "hashtype … = ours:peer's"; or NULL. */
static const char *
difference(const struct rc_proposal *m, const struct seen *s, enum rc_check check, char *buf,
	size_t size)
{
	char number[24];

	if (s->pick.encr != m->encr)
		snprintf(buf, size, "enctype = %s:%s", m->encr->name,
			name_of(s->pick.encr, s->encr, number, sizeof(number)));
	else if (s->pick.hash != m->hash)
		snprintf(buf, size, "hashtype = %s:%s", m->hash->name,
			name_of(s->pick.hash, s->hash, number, sizeof(number)));
	else if (s->pick.auth != m->auth)
		snprintf(buf, size, "authmethod = %u:%llu", (unsigned)m->auth,
			(unsigned long long)s->auth);
	else if (s->pick.group != m->group)
		snprintf(buf, size, "dh_group = %s:%s", m->group->name,
			name_of(s->pick.group, s->group, number, sizeof(number)));
	else if ((check == RC_CHECK_EXACT && s->pick.bits != our_bits(m)) ||
		 (check != RC_CHECK_OBEY && s->pick.bits < our_bits(m)))
		snprintf(buf, size, "encklen = %u:%u", our_bits(m), s->pick.bits);
	else if ((check == RC_CHECK_EXACT && s->pick.life_ms != m->life_ms) ||
		 (check != RC_CHECK_OBEY && s->pick.life_ms > m->life_ms))
		snprintf(buf, size, "lifetime = %lld:%lld", (long long)(m->life_ms / 1000),
			(long long)(s->pick.life_ms / 1000));
	else
		return NULL;
	return buf;
}

/* --------------------------------------------------------------------------------- choosing --- */

struct choice {
	struct ike *e;
	const struct net_endpoint *peer;
	uint64_t serial; /* of the SA; 0: there is none yet */
	const struct rc_remote *conf;
	char *why;
	size_t size;
	unsigned logged;
};

static bool
try_transform(struct choice *ch, const struct wire_proposal *p, const struct wire_transform *t,
	struct v1_pick1 *out)
{
	char diff[128];
	struct seen s;

	look(t, &s);
	for (unsigned i = 0; i < ch->conf->proposals; i++) {
		const struct rc_proposal *m = &ch->conf->proposal[i];
		const char *d = s.fault != NULL
			? s.fault
			: difference(m, &s, ch->conf->proposal_check, diff, sizeof(diff));
		if (d == NULL) {
			*out = s.pick;
			if (ch->conf->proposal_check != RC_CHECK_OBEY && m->life_ms < out->life_ms)
				out->life_ms = m->life_ms;
			return true;
		}
		if (ch->logged == 0)
			snprintf(ch->why, ch->size, "%s (ours:peer's)", d);
		if (ch->logged++ < IKE_REJECTS_SHOWN)
			ike_log(ch->e, LOG_L_INFO, ch->peer, ch->serial,
				"rejected: DB(prop#1:trns#%u):Peer(prop#%u:trns#%u): %s", i + 1,
				p->number, t->number, d);
	}
	return false;
}

enum status
v1_choose1(struct ike *e, const struct net_endpoint *peer, uint64_t serial,
	const struct rc_remote *conf, const struct wire_sa *offer, struct v1_pick1 *out, char *why,
	size_t size)
{
	struct choice ch = { .e = e, .peer = peer, .serial = serial, .conf = conf, .why = why,
		.size = size };

	snprintf(why, size, "no ISAKMP proposal");
	if (offer->doi != WIRE_DOI_IPSEC || offer->situation != WIRE_SIT_IDENTITY_ONLY) {
		snprintf(why, size, "DOI %u, situation %u", offer->doi, offer->situation);
		return ST_NOPROPOSAL;
	}
	for (unsigned i = 0; i < offer->proposals; i++) {
		const struct wire_proposal *p = &offer->proposal[i];
		if (p->protocol != WIRE_P_ISAKMP)
			continue;
		for (unsigned k = 0; k < p->transforms; k++) {
			if (!try_transform(&ch, p, &p->transform[k], out))
				continue;
			out->proposal = i;
			out->transform = k;
			return ST_NORMAL;
		}
	}
	return ST_NOPROPOSAL;
}

enum status
v1_chosen1(const struct rc_remote *conf, const struct wire_sa *answer, struct v1_pick1 *out,
	char *why, size_t size)
{
	char diff[128];
	struct seen s;

	/* RFC 2408 4.2: exactly one proposal and one transform come back. */
	if (answer->doi != WIRE_DOI_IPSEC || answer->proposals != 1 ||
	    answer->proposal[0].transforms != 1 || answer->proposal[0].protocol != WIRE_P_ISAKMP) {
		snprintf(why, size, "peer did not choose one of our transforms");
		return ST_NOPROPOSAL;
	}
	look(&answer->proposal[0].transform[0], &s);
	snprintf(why, size, "%s", s.fault != NULL ? s.fault : "peer chose what was not offered");
	for (unsigned i = 0; s.fault == NULL && i < conf->proposals; i++) {
		const struct rc_proposal *m = &conf->proposal[i];
		if (s.pick.bits != our_bits(m) ||
		    difference(m, &s, RC_CHECK_OBEY, diff, sizeof(diff)) != NULL)
			continue;
		*out = s.pick;
		if (m->life_ms < out->life_ms)
			out->life_ms = m->life_ms;
		return ST_NORMAL;
	}
	return ST_NOPROPOSAL;
}
