/*
 * v1_prop2.c - phase 2 proposals: offer, choose, check the choice (RFC 2407 4.4, 4.5; RFC 2408
 * 4.2).
 *
 * Called by quick mode.  Each rule of the policy is one proposal payload; all have one number, so
 * that they are taken together.  What may differ from sainfo is proposal_check's decision.
 */
#include "racoon/ikev1/v1_prop.h"

#include <stdio.h>
#include <string.h>

#include "racoon/ikev1/v1_natt.h"

enum { ATTRS = 8 };

struct seen { /* one transform of a peer */
	const struct alg *encr, *auth, *comp, *group;
	uint64_t encap, auth_number, group_number, bits;
	uint64_t seconds, kilobytes;
	const char *fault;
};

uint8_t
v1_proto_of(enum sa_proto p)
{
	return p == SA_AH ? WIRE_P_AH : p == SA_IPCOMP ? WIRE_P_IPCOMP : WIRE_P_ESP;
}

enum sa_proto
v1_proto_from(uint8_t protocol)
{
	switch (protocol) {
	case WIRE_P_ESP:
		return SA_ESP;
	case WIRE_P_AH:
		return SA_AH;
	case WIRE_P_IPCOMP:
		return SA_IPCOMP;
	}
	return SA_NONE;
}

static bool
is_aead(const struct alg *a)
{
	return a->mode == ALG_MODE_GCM || a->mode == ALG_MODE_CCM || a->mode == ALG_MODE_CHAPOLY ||
	       a->mode == ALG_MODE_GMAC;
}

static uint16_t
bits_of(const struct rc_alg_choice *c)
{
	return c->bits != 0 ? c->bits : (uint16_t)alg_default_bits(c->alg);
}

/* As offered: complex_bundle off has "AH tunnel and ESP tunnel" for one tunnel (RFC 2401 4.5). */
static uint64_t
encap_of(const struct ike_child *c, const struct ike_pair *pair)
{
	struct ike_pair p = *pair;

	if (c->alike)
		p.mode = SA_TUNNEL;
	return v1_natt_encap(c, &p);
}

/* ------------------------------------------------------------------------------------ offer --- */

static bool
add_transform(struct arena *arena, struct wire_proposal *p, const struct ike_child *c,
	const struct ike_pair *pair, const struct rc_sainfo *info,
	const struct rc_alg_choice *encr, const struct alg *auth, const struct alg *comp)
{
	struct wire_transform *t = &p->transform[p->transforms];
	struct wire_attr *a = arena_array(arena, ATTRS, sizeof(*a));
	unsigned n = 0;

	if (p->transforms == UINT8_MAX)
		return true; /* their number has one octet */
	if (a == NULL)
		return false;
	a[n++] = wire_attr_of(WIRE_A2_LIFE_TYPE, WIRE_LIFE_SECONDS);
	a[n++] = wire_attr_of(WIRE_A2_LIFE, (uint64_t)(info->life_ms / 1000));
	a[n++] = wire_attr_of(WIRE_A2_ENCAP, encap_of(c, pair));
	if (encr != NULL && encr->alg->key_length_attr)
		a[n++] = wire_attr_of(WIRE_A2_KEY_LENGTH, bits_of(encr));
	if (auth != NULL && auth->auth1 != 0)
		a[n++] = wire_attr_of(WIRE_A2_AUTH, auth->auth1);
	if (info->pfs != NULL)
		a[n++] = wire_attr_of(WIRE_A2_GROUP, info->pfs->ike1);
	p->transforms++;
	*t = (struct wire_transform){
		.number = (uint8_t)p->transforms,
		.id = (uint8_t)(comp != NULL ? comp->esp1 : encr != NULL ? encr->alg->esp1
									 : auth->ah1),
		.attrs = n,
		.attr = a,
	};
	return true;
}

static enum status
offer_rule(struct arena *arena, struct wire_proposal *p, const struct ike_child *c,
	const struct ike_pair *pair, const struct rc_sainfo *info, uint8_t number)
{
	uint8_t *spi = arena_alloc(arena, 4);
	bool fine = true;

	p->transform = arena_array(arena,
		(size_t)(info->encrs + 1) * (info->auths + 1) + info->comps,
		sizeof(*p->transform));
	if (spi == NULL || p->transform == NULL)
		return ST_NOMEMORY;
	patch_u32(spi, pair->spi_in);
	p->number = number;
	p->protocol = v1_proto_of(pair->proto);
	p->spi = v1_spi_octets(pair->proto, spi);
	for (unsigned i = 0; pair->proto == SA_AH && i < info->auths; i++)
		if (info->auth[i].alg->ah1 != 0)
			fine &= add_transform(arena, p, c, pair, info, NULL, info->auth[i].alg,
				NULL);
	for (unsigned i = 0; pair->proto == SA_ESP && i < info->encrs; i++) {
		if (info->encr[i].alg->esp1 == 0)
			continue;
		if (is_aead(info->encr[i].alg)) {
			fine &= add_transform(arena, p, c, pair, info, &info->encr[i], NULL,
				NULL);
			continue;
		}
		for (unsigned k = 0; k < info->auths; k++)
			fine &= add_transform(arena, p, c, pair, info, &info->encr[i],
				info->auth[k].alg, NULL);
	}
	for (unsigned i = 0; pair->proto == SA_IPCOMP && i < info->comps; i++)
		fine &= add_transform(arena, p, c, pair, info, NULL, NULL, info->comp[i].alg);
	if (!fine)
		return ST_NOMEMORY;
	return p->transforms == 0 ? ST_NOPROPOSAL : ST_NORMAL;
}

/* RFC 3173 4.1: a CPI has 16 bits, and may come in four octets. */
struct bytes
v1_spi_octets(enum sa_proto proto, const uint8_t *spi)
{
	return proto == SA_IPCOMP ? bytes_of(spi + 2, 2) : bytes_of(spi, 4);
}

bool
v1_spi_from(enum sa_proto proto, struct bytes spi, uint32_t *out)
{
	if (spi.n == 4)
		*out = get_u32(spi.p);
	else if (spi.n == 2 && proto == SA_IPCOMP)
		*out = get_u16(spi.p);
	else
		return false;
	return proto != SA_IPCOMP || *out <= UINT16_MAX;
}

/*
 * All protocols of the policy with one number; where compression is optional (level use), without
 * it as a second choice (RFC 2408 4.2: same number, all of them; other number, instead of them).
 */
enum status
v1_offer2(struct arena *arena, const struct ike_child *c, const struct rc_sainfo *info,
	struct wire_sa *out)
{
	unsigned needed = ike_child_needed(c), n = 0;
	struct wire_proposal *p = arena_array(arena, c->pairs + needed, sizeof(*p));

	if (p == NULL)
		return ST_NOMEMORY;
	for (unsigned i = 0; i < c->pairs; i++)
		TRY(offer_rule(arena, &p[n++], c, &c->pair[i], info, 1));
	for (unsigned i = 0; needed < c->pairs && i < needed; i++)
		TRY(offer_rule(arena, &p[n++], c, &c->pair[i], info, 2));
	*out = (struct wire_sa){ .doi = WIRE_DOI_IPSEC, .situation = WIRE_SIT_IDENTITY_ONLY,
		.proposals = n, .proposal = p };
	return ST_NORMAL;
}

/* ---------------------------------------------------------------------------------- reading --- */

static void
look_attr(struct seen *s, const struct wire_attr *a)
{
	uint64_t v = a->is_number ? a->number : UINT64_MAX;

	switch (a->type) {
	case WIRE_A2_LIFE_TYPE:
	case WIRE_A2_LIFE:
		return;
	case WIRE_A2_ENCAP:
		s->encap = v;
		return;
	case WIRE_A2_AUTH:
		s->auth_number = v;
		return;
	case WIRE_A2_GROUP:
		s->group_number = v;
		return;
	case WIRE_A2_KEY_LENGTH:
		s->bits = v;
		if (v == 0 || v > UINT16_MAX)
			s->fault = "impossible key length";
		return;
	case WIRE_A2_ESN:
		if (v != 0)
			s->fault = "extended sequence numbers";
		return;
	default:
		s->fault = "an attribute that is not known here";
	}
}

static void
look(const struct wire_proposal *p, const struct wire_transform *t, struct seen *s)
{
	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; i < t->attrs; i++)
		look_attr(s, &t->attr[i]);
	v1_life_of(t->attr, t->attrs, WIRE_A2_LIFE_TYPE, WIRE_A2_LIFE, &s->seconds, &s->kilobytes);
	if (s->auth_number > UINT16_MAX || s->group_number > UINT16_MAX) {
		s->fault = "a number that is out of range";
		return;
	}
	s->auth = alg_by_auth1((uint16_t)s->auth_number);
	s->group = alg_by_ike1(ALG_DH, (uint16_t)s->group_number);
	if (s->group_number != 0 && (s->group == NULL || s->group->mode == ALG_MODE_NONE))
		s->fault = "PFS group that is not known here";
	if (s->auth_number != 0 && s->auth == NULL)
		s->fault = "authentication algorithm that is not known here";
	if (p->protocol == WIRE_P_AH) {
		/* RFC 2407 4.4.3: both name the algorithm, and must agree. */
		if (s->auth == NULL || s->auth->ah1 != t->id)
			s->fault = "AH transform and authentication attribute differ";
		return;
	}
	if (p->protocol == WIRE_P_IPCOMP) {
		s->comp = alg_by_esp1(ALG_COMP, t->id);
		if (s->comp == NULL)
			s->fault = "compression that is not known here";
		return;
	}
	s->encr = alg_by_esp1(ALG_ENCR, t->id);
	if (s->encr == NULL)
		s->fault = "ESP transform that is not known here";
	else if (s->bits == 0)
		s->bits = alg_default_bits(s->encr);
	if (s->encr != NULL && s->fault == NULL && !alg_key_ok(s->encr, (unsigned)s->bits))
		s->fault = "key length does not fit the cipher";
	if (s->encr != NULL && is_aead(s->encr) && s->auth != NULL)
		s->fault = "authentication algorithm beside a combined one";
}

static bool
auth_listed(const struct rc_sainfo *info, const struct seen *s)
{
	if (s->encr != NULL && is_aead(s->encr))
		return true;
	for (unsigned i = 0; i < info->auths; i++) {
		const struct alg *a = info->auth[i].alg;
		if (a == s->auth || (s->auth == NULL && a->auth1 == 0))
			return true;
	}
	return false;
}

static bool
encr_listed(const struct rc_sainfo *info, const struct seen *s, enum rc_check check)
{
	for (unsigned i = 0; i < info->encrs; i++) {
		uint16_t ours = bits_of(&info->encr[i]);
		if (info->encr[i].alg != s->encr)
			continue;
		if (s->bits == ours || check == RC_CHECK_OBEY ||
		    (check != RC_CHECK_EXACT && s->bits > ours))
			return true;
	}
	return false;
}

static bool
comp_listed(const struct rc_sainfo *info, const struct seen *s)
{
	for (unsigned i = 0; i < info->comps; i++)
		if (info->comp[i].alg == s->comp)
			return true;
	return false;
}

static bool
encap_fits(const struct ike_child *c, const struct ike_pair *pair, const struct seen *s)
{
	uint64_t want = encap_of(c, pair);
	struct ike_pair other = *pair;

	/*
	 * In a bundle around a tunnel both ways of putting it mean the same packets; IPComp has no
	 * end points of its own.
	 */
	other.mode = pair->mode == SA_TUNNEL ? SA_TRANSPORT : SA_TUNNEL;
	if (((c->bundle && c->any && pair->mode == SA_TRANSPORT) || pair->proto == SA_IPCOMP) &&
	    (s->encap == v1_natt_encap(c, pair) || s->encap == v1_natt_encap(c, &other)))
		return true;

	/* The first drafts of RFC 3947 had numbers of their own, and some peers mix them. */
	switch (want) {
	case WIRE_ENCAP_UDP_TUNNEL:
	case WIRE_ENCAP_UDP_TUNNEL_DRAFT:
		return s->encap == 0 || s->encap == WIRE_ENCAP_UDP_TUNNEL ||
		       s->encap == WIRE_ENCAP_UDP_TUNNEL_DRAFT;
	case WIRE_ENCAP_UDP_TRANSPORT:
	case WIRE_ENCAP_UDP_TRANSPORT_DRAFT:
		return s->encap == 0 || s->encap == WIRE_ENCAP_UDP_TRANSPORT ||
		       s->encap == WIRE_ENCAP_UDP_TRANSPORT_DRAFT;
	}
	return s->encap == 0 || s->encap == want;
}

static const char *
alg_name(const struct alg *a)
{
	return a == NULL ? "none" : a->name;
}

/* What keeps sainfo and the transform apart, or NULL. */
static const char *
difference(const struct ike_child *c, const struct ike_pair *pair, const struct rc_sainfo *info,
	enum rc_check check, const struct seen *s, char *buf, size_t size)
{
	uint64_t ours = (uint64_t)(info->life_ms / 1000);
	bool exact = check == RC_CHECK_EXACT, obey = check == RC_CHECK_OBEY;

	if (s->fault != NULL)
		return s->fault;
	if (!encap_fits(c, pair, s))
		snprintf(buf, size, "encmode = %s:%llu", ike_mode_name(pair->mode, c->natt),
			(unsigned long long)s->encap);
	else if (pair->proto == SA_ESP && !encr_listed(info, s, check))
		snprintf(buf, size, "trns_id = %s:%s, encklen = %u:%llu",
			info->encrs == 0 ? "none" : info->encr[0].alg->name, alg_name(s->encr),
			info->encrs == 0 ? 0 : bits_of(&info->encr[0]),
			(unsigned long long)s->bits);
	else if (pair->proto == SA_IPCOMP && !comp_listed(info, s))
		snprintf(buf, size, "comp_algo = %s:%s",
			info->comps == 0 ? "none" : info->comp[0].alg->name, alg_name(s->comp));
	else if (pair->proto != SA_IPCOMP && !auth_listed(info, s))
		snprintf(buf, size, "authtype = %s:%s",
			info->auths == 0 ? "none" : info->auth[0].alg->name, alg_name(s->auth));
	else if (pair->proto != SA_IPCOMP && s->group != info->pfs &&
		 (exact || (!obey && info->pfs != NULL)))
		snprintf(buf, size, "pfs_group = %s:%s", alg_name(info->pfs), alg_name(s->group));
	else if (s->seconds != 0 && ((exact && s->seconds != ours) ||
			(check == RC_CHECK_STRICT && s->seconds > ours)))
		snprintf(buf, size, "lifetime = %llu:%llu", (unsigned long long)ours,
			(unsigned long long)s->seconds);
	else if (exact && s->kilobytes != 0)
		snprintf(buf, size, "lifetime bytes = none:%llu kilobytes",
			(unsigned long long)s->kilobytes);
	else
		return NULL;
	return buf;
}

/* --------------------------------------------------------------------------------- choosing --- */

struct choice {
	struct ike *e;
	const struct ike_child *c;
	const struct rc_sainfo *info;
	enum rc_check check;
	char *why;
	size_t size;
	unsigned logged;
};

static void
rejected(struct choice *ch, const struct wire_proposal *p, unsigned transform, const char *what)
{
	if (ch->logged == 0)
		snprintf(ch->why, ch->size, "%s (ours:peer's)", what);
	if (ch->logged++ < IKE_REJECTS_SHOWN)
		ike_log(ch->e, LOG_L_INFO, &ch->c->remote, ch->c->serial,
			"rejected: DB:Peer(prop#%u:trns#%u): %s", p->number, transform, what);
}

static void
take_life(struct choice *ch, const struct seen *s, struct v1_picks2 *out)
{
	int64_t ours = ch->info->life_ms, theirs = (int64_t)s->seconds * 1000;

	out->life_bytes = s->kilobytes > UINT64_MAX / 1024 ? 0 : s->kilobytes * 1024;
	out->life_ms = theirs == 0 ? ours : theirs;
	if (ch->check != RC_CHECK_OBEY && out->life_ms > ours) {
		out->life_ms = ours;
		out->claim = true;
	}
}

static bool
choose_rule(struct choice *ch, unsigned rule, const struct wire_proposal *p, struct v1_picks2 *out)
{
	const struct ike_pair *pair = &ch->c->pair[rule];
	char diff[160];
	struct seen s;

	for (unsigned k = 0; k < p->transforms; k++) {
		const char *d;
		look(p, &p->transform[k], &s);
		d = difference(ch->c, pair, ch->info, ch->check, &s, diff, sizeof(diff));
		if (d == NULL && rule > 0 && pair->proto != SA_IPCOMP && s.group != out->pfs)
			d = "another PFS group than the bundle's first";
		if (d != NULL) {
			rejected(ch, p, p->transform[k].number, d);
			continue;
		}
		out->rule[rule] = (struct v1_pick2){ .encr = s.encr, .auth = s.auth,
			.comp = s.comp, .bits = (uint16_t)s.bits, .transform = k };
		(void)v1_spi_from(pair->proto, p->spi, &out->rule[rule].spi);
		if (rule == 0) {
			out->pfs = s.group;
			take_life(ch, &s, out);
		}
		return true;
	}
	return false;
}

/* Proposals [from, to) have one number: do they give what the policy wants? */
static bool
choose_group(struct choice *ch, const struct wire_sa *offer, unsigned from, unsigned to,
	struct v1_picks2 *out)
{
	unsigned n = to - from;
	uint32_t spi;

	memset(out, 0, sizeof(*out));
	if (n != ch->c->pairs && n != ike_child_needed(ch->c)) {
		rejected(ch, &offer->proposal[from], 0,
			"another number of protocols than the policy has rules");
		return false;
	}
	out->pairs = n;
	for (unsigned rule = 0; rule < n; rule++) {
		enum sa_proto proto = ch->c->pair[rule].proto;
		unsigned i = from;
		while (i < to && (v1_proto_from(offer->proposal[i].protocol) != proto ||
				 !v1_spi_from(proto, offer->proposal[i].spi, &spi)))
			i++;
		if (i == to) {
			rejected(ch, &offer->proposal[from], 0,
				"another protocol than the policy's");
			return false;
		}
		if (!choose_rule(ch, rule, &offer->proposal[i], out))
			return false;
		out->rule[rule].proposal = i;
	}
	return true;
}

enum status
v1_choose2(struct ike *e, const struct ike_child *c, const struct rc_sainfo *info,
	enum rc_check check, const struct wire_sa *offer, struct v1_picks2 *out, char *why,
	size_t size)
{
	struct choice ch = { .e = e, .c = c, .info = info, .check = check, .why = why,
		.size = size };

	snprintf(why, size, "no proposal");
	if (offer->doi != WIRE_DOI_IPSEC || offer->situation != WIRE_SIT_IDENTITY_ONLY)
		return ST_NOPROPOSAL;
	for (unsigned i = 0, end; i < offer->proposals; i = end) {
		for (end = i + 1; end < offer->proposals; end++)
			if (offer->proposal[end].number != offer->proposal[i].number)
				break;
		if (choose_group(&ch, offer, i, end, out))
			return ST_NORMAL;
	}
	return ST_NOPROPOSAL;
}

enum status
v1_chosen2(const struct ike_child *c, const struct rc_sainfo *info, const struct wire_sa *answer,
	struct v1_picks2 *out, char *why, size_t size)
{
	char diff[160];
	struct seen s;

	memset(out, 0, sizeof(*out));
	out->life_ms = info->life_ms;
	out->pfs = info->pfs;
	snprintf(why, size, "peer did not choose one proposal for each protocol");
	if (answer->doi != WIRE_DOI_IPSEC || (answer->proposals != c->pairs &&
		    answer->proposals != ike_child_needed(c)))
		return ST_NOPROPOSAL;
	out->pairs = answer->proposals;
	for (unsigned rule = 0; rule < out->pairs; rule++) {
		uint32_t spi;
		const struct wire_proposal *p = NULL;
		for (unsigned i = 0; i < answer->proposals; i++)
			if (v1_proto_from(answer->proposal[i].protocol) == c->pair[rule].proto)
				p = &answer->proposal[i];
		if (p == NULL || p->transforms != 1 ||
		    !v1_spi_from(c->pair[rule].proto, p->spi, &spi))
			return ST_NOPROPOSAL;
		look(p, &p->transform[0], &s);
		const char *d = difference(c, &c->pair[rule], info, RC_CHECK_EXACT, &s, diff,
			sizeof(diff));
		/* The lifetime may have been shortened. */
		if (d != NULL && strncmp(d, "lifetime", 8) != 0) {
			snprintf(why, size, "peer chose what was not offered: %s", d);
			return ST_NOPROPOSAL;
		}
		out->rule[rule] = (struct v1_pick2){ .encr = s.encr, .auth = s.auth,
			.comp = s.comp, .bits = (uint16_t)s.bits, .spi = spi };
		if (s.seconds != 0 && (int64_t)s.seconds * 1000 < out->life_ms)
			out->life_ms = (int64_t)s.seconds * 1000;
		if (s.kilobytes != 0 && s.kilobytes < UINT64_MAX / 1024)
			out->life_bytes = s.kilobytes * 1024;
	}
	return ST_NORMAL;
}

/* ------------------------------------------------------------------------------- generating --- */

static bool
tunnel_encap(uint64_t encap)
{
	return encap == WIRE_ENCAP_TUNNEL || encap == WIRE_ENCAP_UDP_TUNNEL ||
	       encap == WIRE_ENCAP_UDP_TUNNEL_DRAFT;
}

/* Proposals [from, to) as the rules of a policy; false: they cannot be any. */
static bool
rules_of(const struct ike_sa *sa, const struct wire_sa *offer, unsigned from, unsigned to,
	struct ipsec_policy *p)
{
	struct seen s;

	p->rules = 0;
	for (unsigned i = from; i < to; i++) {
		const struct wire_proposal *o = &offer->proposal[i];
		struct sp_rule *r = &p->rule[p->rules];
		if (p->rules == SP_RULES_MAX || o->transforms == 0 ||
		    v1_proto_from(o->protocol) == SA_NONE)
			return false;
		look(o, &o->transform[0], &s);
		*r = (struct sp_rule){ .proto = v1_proto_from(o->protocol),
			.mode = tunnel_encap(s.encap) ? SA_TUNNEL : SA_TRANSPORT,
			.level = SP_REQUIRE };
		if (r->mode == SA_TUNNEL) {
			r->src.addr = sa->local.addr;
			r->dst.addr = sa->remote.addr;
		}
		p->rules++;
	}
	return p->rules != 0;
}

enum status
v1_generate2(struct ike *e, struct ike_sa *sa, const struct rc_sainfo *info,
	const struct wire_sa *offer, const struct sp_selector *sel, struct ipsec_policy *out,
	char *why, size_t size)
{
	struct v1_picks2 picks;

	snprintf(why, size, "no proposal that a policy can be made of");
	for (unsigned i = 0, end; i < offer->proposals; i = end) {
		struct wire_sa group = *offer;
		struct ike_child *c;
		enum status status;
		for (end = i + 1; end < offer->proposals; end++)
			if (offer->proposal[end].number != offer->proposal[i].number)
				break;
		memset(out, 0, sizeof(*out));
		out->sel = *sel;
		out->dir = SP_OUT;
		out->action = SP_IPSEC;
		if (!rules_of(sa, offer, i, end, out))
			continue;
		/* A child for the asking: it gets no SPI and leaves no trace. */
		c = ike_child_new(e, sa->peer, &sa->local, &sa->remote, IKE_RESPONDER, out);
		if (c == NULL)
			continue;
		ike_child_natt(c, sa);
		group.proposal = &offer->proposal[i];
		group.proposals = end - i;
		status = v1_choose2(e, c, info, sa->conf->proposal_check, &group, &picks, why,
			size);
		ike_child_end(e, c, ST_REPLACED, false, 0);
		if (status == ST_NORMAL)
			return ST_NORMAL;
	}
	return ST_NOPROPOSAL;
}
