/*
 * backend_xfrm_decode.c - NETLINK_XFRM messages to struct sadb_msg.
 *
 * Pure.  Called by backend_xfrm.c and by tests, with octets that need not be the kernel's: every
 * structure and attribute is bounded before it is read.  Values are made those that PF_KEY has: no
 * limit is 0, times are wall seconds, the state follows from limits and algorithms.
 */
#include "ipsec/backend_xfrm.h"

#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/attr.h"

enum { ENCAP_NON_IKE = 1, ENCAP_RFC3948 = 2, ALGORITHM_NAME = 64 };

struct attrs {
	struct bytes v[XFRMA_MAX + 1]; /* the value of each, empty when it is not there */
	uint64_t now_s;                /* wall seconds */
	char *why;
	size_t why_size;
};

static enum xfrm_decoded ATTR_PRINTF(2, 3)
broken(struct attrs *a, const char *fmt, ...)
{
	va_list ap;

	if (a->why != NULL && a->why_size != 0) {
		va_start(ap, fmt);
		vsnprintf(a->why, a->why_size, fmt, ap);
		va_end(ap);
	}
	return XFRM_BROKEN;
}

/* Attributes behind the fixed part; of several of one type the first counts, as in the kernel's
 * own there are none. */
static bool
find_attributes(struct attrs *a, struct reader r)
{
	while (reader_left(&r) >= XFRM_ATTR) {
		struct reader one = r;
		size_t n = read_u16_host(&one), room;
		uint16_t type = (uint16_t)(read_u16_host(&one) & XFRM_ATTR_TYPE);

		if (n < XFRM_ATTR || n > reader_left(&r))
			return false;
		if (type <= XFRMA_MAX && a->v[type].p == NULL)
			a->v[type] = read_bytes(&one, n - XFRM_ATTR);
		room = xfrm_align(n);
		read_skip(&r, room < reader_left(&r) ? room : reader_left(&r));
	}
	return true;
}

/* A structure at the beginning of an attribute; false when it is not there or cut short. */
static bool
take(const struct attrs *a, unsigned type, void *out, size_t n)
{
	if (a->v[type].n < n)
		return false;
	memcpy(out, a->v[type].p, n);
	return true;
}

static bool
address(const xfrm_address_t *x, uint16_t family, struct net_addr *out)
{
	*out = (struct net_addr){ 0 };
	if (family != AF_INET && family != AF_INET6)
		return false;
	*out = net_addr_from(family == AF_INET6 ? 6 : 4, x);
	return true;
}

static bool
is_icmp(uint8_t upper)
{
	return upper == IPPROTO_ICMP || upper == IPPROTO_ICMPV6 || upper == IPPROTO_MH;
}

static uint16_t
one_port(uint16_t value, uint16_t mask, uint8_t upper)
{
	if (mask == 0)
		return 0;
	value = ntohs(value);
	if (!is_icmp(upper))
		return value;
	return value > UINT8_MAX ? 0 : (uint16_t)(value + 1);
}

static bool
selector(const struct xfrm_selector *x, struct sp_selector *out)
{
	if (!address(&x->saddr, x->family, &out->src.addr) ||
		!address(&x->daddr, x->family, &out->dst.addr) ||
		x->prefixlen_s > net_addr_bits(&out->src.addr) ||
		x->prefixlen_d > net_addr_bits(&out->dst.addr))
		return false;
	out->src.len = x->prefixlen_s;
	out->dst.len = x->prefixlen_d;
	out->upper = x->proto == 0 ? SP_UPPER_ANY : x->proto;
	out->sport = one_port(x->sport, x->sport_mask, out->upper);
	out->dport = one_port(x->dport, x->dport_mask, out->upper);
	return true;
}

static uint64_t
limit(uint64_t v)
{
	return v == XFRM_INF ? 0 : v;
}

static void
limits(const struct xfrm_lifetime_cfg *x, struct sa_life *hard, struct sa_life *soft)
{
	uint64_t packets = limit(x->hard_packet_limit);

	hard->allocations = packets > UINT32_MAX ? UINT32_MAX : (uint32_t)packets;
	hard->bytes = limit(x->hard_byte_limit);
	hard->add_s = x->hard_add_expires_seconds;
	hard->use_s = x->hard_use_expires_seconds;
	packets = limit(x->soft_packet_limit);
	soft->allocations = packets > UINT32_MAX ? UINT32_MAX : (uint32_t)packets;
	soft->bytes = limit(x->soft_byte_limit);
	soft->add_s = x->soft_add_expires_seconds;
	soft->use_s = x->soft_use_expires_seconds;
}

static void
current(const struct xfrm_lifetime_cur *x, struct sa_life *out)
{
	out->allocations = x->packets > UINT32_MAX ? UINT32_MAX : (uint32_t)x->packets;
	out->bytes = x->bytes;
	out->add_s = x->add_time;
	out->use_s = x->use_time;
}

static void
mark(const struct attrs *a, struct sa_mark *k, uint32_t *if_id)
{
	struct xfrm_mark v;

	if (take(a, XFRMA_MARK, &v, sizeof(v)) && v.m != 0)
		*k = (struct sa_mark){ .value = v.v, .mask = v.m };
	(void)take(a, XFRMA_IF_ID, if_id, sizeof(*if_id));
}

static void
context(const struct attrs *a, struct sa_context *out)
{
	struct bytes v = a->v[XFRMA_SEC_CTX];
	struct xfrm_user_sec_ctx c;
	size_t n;

	if (!take(a, XFRMA_SEC_CTX, &c, sizeof(c)))
		return;
	n = v.n - sizeof(c) < c.ctx_len ? v.n - sizeof(c) : c.ctx_len;
	if (n >= sizeof(out->text))
		n = sizeof(out->text) - 1;
	memcpy(out->text, v.p + sizeof(c), n);
	out->doi = c.ctx_doi;
	out->alg = c.ctx_alg;
}

/* ---------------------------------------------------------------------------------------- SAs */

/* The row of an algorithm by the kernel's name and ICV; NULL when ours have none. */
static const struct alg *
find_alg(enum alg_kind kind, const char name[ALGORITHM_NAME], unsigned icv_bits)
{
	const struct alg *same = NULL;

	if (memchr(name, '\0', ALGORITHM_NAME) == NULL)
		return NULL;
	for (size_t i = 0; i < alg_count; i++) {
		const struct alg *a = &alg_table[i];

		if (a->kind != kind || a->xfrm == NULL || strcmp(a->xfrm, name) != 0)
			continue;
		if (icv_bits == 0 || a->icv * 8u == icv_bits)
			return a;
		same = a;
	}
	return kind == ALG_AUTH ? same : NULL;
}

static bool
key(struct attrs *a, struct bytes v, size_t fixed, unsigned bits, struct sa_key *out)
{
	size_t n = ((size_t)bits + 7) / 8;

	if (n > v.n - fixed || n > SA_KEY_MAX) {
		(void)broken(a, "a key of %u bits", bits);
		return false;
	}
	memcpy(out->b, v.p + fixed, n);
	out->octets = (uint16_t)n;
	return true;
}

static bool
auth(struct attrs *a, struct ipsec_sa *sa)
{
	struct xfrm_algo_auth t;
	struct xfrm_algo v;

	if (take(a, XFRMA_ALG_AUTH_TRUNC, &t, sizeof(t))) {
		sa->auth = find_alg(ALG_AUTH, t.alg_name, t.alg_trunc_len);
		return key(a, a->v[XFRMA_ALG_AUTH_TRUNC], sizeof(t), t.alg_key_len, &sa->auth_key);
	}
	if (!take(a, XFRMA_ALG_AUTH, &v, sizeof(v)))
		return true;
	sa->auth = find_alg(ALG_AUTH, v.alg_name, 0);
	return key(a, a->v[XFRMA_ALG_AUTH], sizeof(v), v.alg_key_len, &sa->auth_key);
}

static bool
encr(struct attrs *a, struct ipsec_sa *sa)
{
	struct xfrm_algo_aead t;
	struct xfrm_algo v;

	if (take(a, XFRMA_ALG_AEAD, &t, sizeof(t))) {
		sa->encr = find_alg(ALG_ENCR, t.alg_name, t.alg_icv_len);
		return key(a, a->v[XFRMA_ALG_AEAD], sizeof(t), t.alg_key_len, &sa->encr_key);
	}
	if (take(a, XFRMA_ALG_COMP, &v, sizeof(v)))
		sa->comp = find_alg(ALG_COMP, v.alg_name, 0);
	if (!take(a, XFRMA_ALG_CRYPT, &v, sizeof(v)))
		return true;
	sa->encr = find_alg(ALG_ENCR, v.alg_name, 0);
	return key(a, a->v[XFRMA_ALG_CRYPT], sizeof(v), v.alg_key_len, &sa->encr_key);
}

static void
window(const struct attrs *a, struct ipsec_sa *sa)
{
	struct xfrm_replay_state_esn e;
	struct xfrm_replay_state v;

	if (take(a, XFRMA_REPLAY_ESN_VAL, &e, sizeof(e))) {
		bool out = e.oseq_hi > e.seq_hi || (e.oseq_hi == e.seq_hi && e.oseq > e.seq);

		sa->replay = e.replay_window;
		sa->seq = out ? e.oseq : e.seq;
		sa->seq_high = out ? e.oseq_hi : e.seq_hi;
	} else if (take(a, XFRMA_REPLAY_VAL, &v, sizeof(v))) {
		sa->seq = v.oseq > v.seq ? v.oseq : v.seq;
	}
}

static void
encap(const struct attrs *a, uint16_t family, struct ipsec_sa *sa)
{
	struct xfrm_encap_tmpl v;
	struct net_addr oa;

	if (!take(a, XFRMA_ENCAP, &v, sizeof(v)) || sa->proto != SA_ESP ||
		(v.encap_type != ENCAP_RFC3948 && v.encap_type != ENCAP_NON_IKE))
		return;
	sa->natt = true;
	sa->natt_non_ike = v.encap_type == ENCAP_NON_IKE;
	sa->src.port = ntohs(v.encap_sport);
	sa->dst.port = ntohs(v.encap_dport);
	if (address(&v.encap_oa, family, &oa) && !net_addr_is_any(&oa))
		sa->natt_oa = oa;
}

static bool
behind(uint64_t used, uint64_t soft)
{
	return soft != 0 && used >= soft;
}

/* The kernel calls an SA dying when a soft limit is behind it, and does not tell. */
static enum sa_state
state_of(const struct ipsec_sa *sa, uint64_t now_s)
{
	const struct sa_life *c = &sa->current;
	uint64_t age = now_s > c->add_s ? now_s - c->add_s : 0;
	uint64_t used = c->use_s != 0 && now_s > c->use_s ? now_s - c->use_s : 0;

	if (sa->spi == 0)
		return SA_LARVAL;
	if (behind(age, sa->soft.add_s) || behind(used, sa->soft.use_s) ||
		behind(c->bytes, sa->soft.bytes) || behind(c->allocations, sa->soft.allocations))
		return SA_DYING;
	return SA_MATURE;
}

static uint32_t
flags_of(const struct attrs *a, const struct xfrm_usersa_info *info)
{
	uint32_t extra = 0, flags = 0;

	(void)take(a, XFRMA_SA_EXTRA_FLAGS, &extra, sizeof(extra));
	if ((extra & XFRM_SA_XFLAG_OSEQ_MAY_WRAP) != 0)
		flags |= SA_F_CYCSEQ;
	if ((info->flags & XFRM_STATE_ESN) != 0)
		flags |= SA_F_ESN;
	return flags;
}

static enum xfrm_decoded
take_info(struct attrs *a, const struct xfrm_usersa_info *info, struct sadb_msg *m)
{
	struct ipsec_sa *sa = &m->sa;

	if (info->id.proto != SA_ESP && info->id.proto != SA_AH && info->id.proto != SA_IPCOMP)
		return XFRM_FOREIGN;
	if (info->mode != XFRM_MODE_TRANSPORT && info->mode != XFRM_MODE_TUNNEL)
		return XFRM_FOREIGN;
	if (!address(&info->saddr, info->family, &sa->src.addr) ||
		!address(&info->id.daddr, info->family, &sa->dst.addr))
		return broken(a, "an SA of family %u", info->family);
	sa->proto = (enum sa_proto)info->id.proto;
	sa->mode = info->mode == XFRM_MODE_TUNNEL ? SA_TUNNEL : SA_TRANSPORT;
	sa->spi = ntohl(info->id.spi);
	sa->reqid = info->reqid;
	sa->replay = info->replay_window;
	sa->flags = flags_of(a, info);
	limits(&info->lft, &sa->hard, &sa->soft);
	current(&info->curlft, &sa->current);
	if (!auth(a, sa) || !encr(a, sa))
		return XFRM_BROKEN;
	window(a, sa);
	encap(a, info->family, sa);
	context(a, &sa->ctx);
	mark(a, &sa->mark, &sa->if_id);
	sa->state = state_of(sa, a->now_s);
	m->seq = info->seq;
	m->has_sa = true;
	return XFRM_MESSAGE;
}

/* What ALLOCSPI made: an SPI, and no algorithm yet. */
static void
note_larval(const struct attrs *a, struct ipsec_sa *sa)
{
	if (a->v[XFRMA_ALG_AUTH].n == 0 && a->v[XFRMA_ALG_AUTH_TRUNC].n == 0 &&
		a->v[XFRMA_ALG_CRYPT].n == 0 && a->v[XFRMA_ALG_AEAD].n == 0 &&
		a->v[XFRMA_ALG_COMP].n == 0)
		sa->state = SA_LARVAL;
}

union body { /* the fixed part of a message */
	struct xfrm_usersa_info sa;
	struct xfrm_usersa_id sa_id;
	struct xfrm_user_expire expire;
	struct xfrm_usersa_flush flush;
	struct xfrm_userpolicy_info policy;
	struct xfrm_userpolicy_id policy_id;
	struct xfrm_user_polexpire policy_expire;
	struct xfrm_user_acquire acquire;
	struct xfrm_user_mapping mapping;
};

static enum xfrm_decoded
decode_sa(struct attrs *a, const union body *b, struct sadb_msg *m)
{
	enum xfrm_decoded d = take_info(a, &b->sa, m);

	if (d == XFRM_MESSAGE)
		note_larval(a, &m->sa);
	return d;
}

static enum xfrm_decoded
decode_delsa(struct attrs *a, const union body *b, struct sadb_msg *m)
{
	struct xfrm_usersa_info info;

	(void)b; /* its name; the whole SA goes with it */
	if (!take(a, XFRMA_SA, &info, sizeof(info)))
		return broken(a, "a deletion without its SA");
	return take_info(a, &info, m);
}

static enum xfrm_decoded
decode_expire(struct attrs *a, const union body *b, struct sadb_msg *m)
{
	enum xfrm_decoded d = take_info(a, &b->expire.state, m);

	/* What only waited for a key manager was never an SA to anyone. */
	if (d == XFRM_MESSAGE && m->sa.spi == 0)
		return XFRM_FOREIGN;
	m->hard = b->expire.hard != 0;
	if (m->hard)
		m->sa.state = SA_DEAD;
	return d;
}

static enum xfrm_decoded
decode_flush(struct attrs *a, const union body *b, struct sadb_msg *m)
{
	uint8_t proto = b->flush.proto;

	(void)a;
	if (proto == SA_ESP || proto == SA_AH || proto == SA_IPCOMP)
		m->sa.proto = (enum sa_proto)proto;
	else if (proto != 0 && proto != 255)
		return XFRM_FOREIGN;
	return XFRM_MESSAGE;
}

/* ----------------------------------------------------------------------------------- policies */

static bool
take_rule(const struct xfrm_user_tmpl *t, struct sp_rule *r)
{
	if ((t->id.proto != SA_ESP && t->id.proto != SA_AH && t->id.proto != SA_IPCOMP) ||
		(t->mode != XFRM_MODE_TRANSPORT && t->mode != XFRM_MODE_TUNNEL))
		return false;
	r->proto = (enum sa_proto)t->id.proto;
	r->mode = t->mode == XFRM_MODE_TUNNEL ? SA_TUNNEL : SA_TRANSPORT;
	r->reqid = t->reqid;
	r->level = t->optional ? SP_USE : t->reqid != 0 ? SP_UNIQUE : SP_REQUIRE;
	return r->mode != SA_TUNNEL || (address(&t->saddr, t->family, &r->src.addr) &&
		address(&t->id.daddr, t->family, &r->dst.addr));
}

static bool
take_rules(const struct attrs *a, struct ipsec_policy *sp)
{
	struct bytes v = a->v[XFRMA_TMPL];
	struct xfrm_user_tmpl t;

	for (; v.n >= sizeof(t); v.p += sizeof(t), v.n -= sizeof(t)) {
		memcpy(&t, v.p, sizeof(t));
		if (sp->rules == SP_RULES_MAX || !take_rule(&t, &sp->rule[sp->rules]))
			return false;
		sp->rules++;
	}
	return true;
}

static enum xfrm_decoded
take_policy(struct attrs *a, const struct xfrm_userpolicy_info *info, struct sadb_msg *m)
{
	struct ipsec_policy *sp = &m->sp;
	struct sa_life soft;

	if (info->dir > XFRM_POLICY_FWD)
		return XFRM_FOREIGN; /* a socket's own */
	if (!selector(&info->sel, &sp->sel))
		return broken(a, "a policy's selector");
	if (!take_rules(a, sp))
		return XFRM_FOREIGN; /* of Mobile IPv6 and the like */
	sp->dir = (enum sp_dir)(info->dir + SP_IN);
	sp->action = info->action == XFRM_POLICY_BLOCK ? SP_DISCARD :
		sp->rules != 0 ? SP_IPSEC : SP_PASS;
	sp->priority = info->priority;
	sp->id = info->index;
	limits(&info->lft, &sp->hard, &soft);
	sp->hard.allocations = 0;
	sp->hard.bytes = 0;
	current(&info->curlft, &sp->current);
	sp->current.allocations = 0;
	sp->current.bytes = 0;
	context(a, &sp->ctx);
	mark(a, &sp->mark, &sp->if_id);
	m->has_sp = true;
	return XFRM_MESSAGE;
}

static enum xfrm_decoded
decode_policy(struct attrs *a, const union body *b, struct sadb_msg *m)
{
	return take_policy(a, &b->policy, m);
}

static enum xfrm_decoded
decode_delpolicy(struct attrs *a, const union body *b, struct sadb_msg *m)
{
	struct xfrm_userpolicy_info info;

	(void)b;
	if (!take(a, XFRMA_POLICY, &info, sizeof(info)))
		return broken(a, "a deletion without its policy");
	return take_policy(a, &info, m);
}

static enum xfrm_decoded
decode_polexpire(struct attrs *a, const union body *b, struct sadb_msg *m)
{
	m->hard = b->policy_expire.hard != 0;
	return take_policy(a, &b->policy_expire.pol, m);
}

/* The rule that the missing SA is for: mode and reqid of what is to be negotiated. */
static void
wanted(const struct ipsec_policy *sp, struct ipsec_sa *sa)
{
	for (unsigned i = 0; i < sp->rules; i++) {
		const struct sp_rule *r = &sp->rule[i];

		if (r->proto != sa->proto || (r->mode == SA_TUNNEL &&
			!net_addr_is_any(&r->dst.addr) &&
			!net_addr_equal(&r->dst.addr, &sa->dst.addr)))
			continue;
		sa->mode = r->mode;
		sa->reqid = r->reqid;
		return;
	}
}

static enum xfrm_decoded
decode_acquire(struct attrs *a, const union body *b, struct sadb_msg *m)
{
	const struct xfrm_user_acquire *x = &b->acquire;
	enum xfrm_decoded d;
	uint16_t family;

	if (x->id.proto != SA_ESP && x->id.proto != SA_AH && x->id.proto != SA_IPCOMP)
		return XFRM_FOREIGN;
	d = take_policy(a, &x->policy, m);
	if (d != XFRM_MESSAGE)
		return d;
	/* The end points of a tunnel may be of another family than what goes through it. */
	family = x->sel.family;
	m->sa.proto = (enum sa_proto)x->id.proto;
	for (unsigned i = 0; i < m->sp.rules; i++)
		if (m->sp.rule[i].mode == SA_TUNNEL && m->sp.rule[i].proto == m->sa.proto)
			family = m->sp.rule[i].dst.addr.family == 6 ? AF_INET6 : AF_INET;
	if (!address(&x->saddr, family, &m->sa.src.addr) ||
		!address(&x->id.daddr, family, &m->sa.dst.addr))
		return broken(a, "an acquire of family %u", family);
	m->seq = x->seq;
	m->sa.mode = SA_TRANSPORT;
	wanted(&m->sp, &m->sa);
	m->sa.mark = m->sp.mark;
	m->sa.if_id = m->sp.if_id;
	m->has_sa = true;
	return XFRM_MESSAGE;
}

static enum xfrm_decoded
decode_migrate(struct attrs *a, const union body *b, struct sadb_msg *m)
{
	const struct xfrm_userpolicy_id *id = &b->policy_id;
	struct xfrm_user_migrate x;
	struct bytes v;

	if (id->dir > XFRM_POLICY_FWD || !selector(&id->sel, &m->sp.sel))
		return broken(a, "a migration's selector");
	m->sp.dir = (enum sp_dir)(id->dir + SP_IN);
	m->sp.action = SP_IPSEC;
	m->has_sp = true;
	for (v = a->v[XFRMA_MIGRATE]; v.n >= sizeof(x); v.p += sizeof(x), v.n -= sizeof(x)) {
		struct sadb_move *to = &m->move[m->moves];

		memcpy(&x, v.p, sizeof(x));
		if (m->moves == SP_RULES_MAX ||
			!address(&x.old_saddr, x.old_family, &to->from_src) ||
			!address(&x.old_daddr, x.old_family, &to->from_dst) ||
			!address(&x.new_saddr, x.new_family, &to->to_src) ||
			!address(&x.new_daddr, x.new_family, &to->to_dst) ||
			(x.proto != SA_ESP && x.proto != SA_AH && x.proto != SA_IPCOMP))
			return broken(a, "end points of a migration");
		to->proto = (enum sa_proto)x.proto;
		to->mode = x.mode == XFRM_MODE_TUNNEL ? SA_TUNNEL : SA_TRANSPORT;
		to->reqid = x.reqid;
		m->moves++;
	}
	return m->moves == 0 ? broken(a, "a migration to nowhere") : XFRM_MESSAGE;
}

/* ESP in UDP that proved authentic came from elsewhere. */
static enum xfrm_decoded
decode_mapping(struct attrs *a, const union body *b, struct sadb_msg *m)
{
	const struct xfrm_user_mapping *x = &b->mapping;

	if (x->id.proto != SA_ESP)
		return XFRM_FOREIGN;
	if (!address(&x->id.daddr, x->id.family, &m->sa.dst.addr) ||
		!address(&x->old_saddr, x->id.family, &m->sa.src.addr) ||
		!address(&x->new_saddr, x->id.family, &m->mapped.addr))
		return broken(a, "a mapping of family %u", x->id.family);
	m->sa.proto = SA_ESP;
	m->sa.spi = ntohl(x->id.spi);
	m->sa.reqid = x->reqid;
	m->sa.src.port = ntohs(x->old_sport);
	m->mapped.port = ntohs(x->new_sport);
	m->has_sa = true;
	return XFRM_MESSAGE;
}

/* ------------------------------------------------------------------------------------ messages */

#define BODY(member) sizeof(((union body *)NULL)->member)
static const struct kind { /* numbers that are not here are the kernel's own affairs */
	uint16_t type;
	enum sadb_op op;
	size_t size;
	const char *what;
	/* NULL: the type says all. */
	enum xfrm_decoded (*decode)(struct attrs *a, const union body *b, struct sadb_msg *m);
} kinds[] = {
	{ XFRM_MSG_NEWSA, SADB_OP_ADD, BODY(sa), "an SA", decode_sa },
	{ XFRM_MSG_UPDSA, SADB_OP_UPDATE, BODY(sa), "an SA", decode_sa },
	{ XFRM_MSG_DELSA, SADB_OP_DELETE, BODY(sa_id), "a deletion", decode_delsa },
	{ XFRM_MSG_FLUSHSA, SADB_OP_FLUSH, BODY(flush), "a flush", decode_flush },
	{ XFRM_MSG_EXPIRE, SADB_OP_EXPIRE, BODY(expire), "an expiry", decode_expire },
	{ XFRM_MSG_ACQUIRE, SADB_OP_ACQUIRE, BODY(acquire), "an acquire", decode_acquire },
	{ XFRM_MSG_MAPPING, SADB_OP_MAPPING, BODY(mapping), "a mapping", decode_mapping },
	{ XFRM_MSG_NEWPOLICY, SADB_OP_SPDADD, BODY(policy), "a policy", decode_policy },
	{ XFRM_MSG_UPDPOLICY, SADB_OP_SPDUPDATE, BODY(policy), "a policy", decode_policy },
	{ XFRM_MSG_DELPOLICY, SADB_OP_SPDDELETE, BODY(policy_id), "a deletion", decode_delpolicy },
	{ XFRM_MSG_FLUSHPOLICY, SADB_OP_SPDFLUSH, 0, "a flush", NULL },
	{ XFRM_MSG_POLEXPIRE, SADB_OP_SPDEXPIRE, BODY(policy_expire), "an expiry",
		decode_polexpire },
	{ XFRM_MSG_MIGRATE, SADB_OP_MIGRATE, BODY(policy_id), "a migration", decode_migrate },
};

static enum xfrm_decoded
decode_body(struct attrs *a, uint16_t type, struct reader r, struct sadb_msg *m)
{
	const struct kind *k = kinds;
	union body b;
	size_t room;

	while (k < kinds + ARRAY_LEN(kinds) && k->type != type)
		k++;
	if (k == kinds + ARRAY_LEN(kinds))
		return XFRM_FOREIGN;
	m->op = k->op;
	room = xfrm_align(k->size);
	if (reader_left(&r) < k->size)
		return broken(a, "%s that is cut short", k->what);
	memset(&b, 0, sizeof(b));
	read_copy(&r, &b, k->size);
	read_skip(&r, room - k->size < reader_left(&r) ? room - k->size : reader_left(&r));
	if (!find_attributes(a, r))
		return broken(a, "%s that is cut short", k->what);
	return k->decode == NULL ? XFRM_MESSAGE : k->decode(a, &b, m);
}

enum xfrm_decoded
xfrm_decode(struct bytes msg, const struct xfrm_env *env, struct sadb_msg *out, char *why,
	size_t why_size)
{
	struct attrs a = { .now_s = env->now_s, .why = why, .why_size = why_size };
	struct reader r = reader_of(msg);
	struct nlmsghdr h;

	memset(out, 0, sizeof(*out));
	if (msg.n < sizeof(h))
		return broken(&a, "%zu octets are no message", msg.n);
	memcpy(&h, msg.p, sizeof(h));
	if (h.nlmsg_len != msg.n)
		return broken(&a, "length %u of %zu octets", h.nlmsg_len, msg.n);
	read_skip(&r, NLMSG_HDRLEN);
	out->pid = h.nlmsg_pid;
	return decode_body(&a, h.nlmsg_type, r, out);
}
