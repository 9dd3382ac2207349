/*
 * pfkey.c - PF_KEYv2 octets to struct sadb_msg (RFC 2367 2, KAME/Linux extensions).
 *
 * Called by the engine's host, which takes messages from any local user, and by its clients.  Two
 * passes: the extensions are found and bounded first, then read.  Unknown extensions are skipped
 * (RFC 2367 2.3); known ones must have their length, stand once, and fit each other.
 */
#include "ipsec/pfkey.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ipsec/pfkey_wire.h"

struct parse {
	struct bytes ext[PFKEY_EXT_OURS_MAX + 1]; /* whole extensions; empty = not there */
	bool kernel;                              /* Linux's dialect */
	char *why;
	size_t why_size;
};

static enum status ATTR_PRINTF(2, 3)
bad(struct parse *p, const char *fmt, ...)
{
	va_list ap;

	if (p->why != NULL && p->why_size != 0) {
		va_start(ap, fmt);
		vsnprintf(p->why, p->why_size, fmt, ap);
		va_end(ap);
	}
	return ST_BADMSG;
}

size_t
pfkey_length(struct bytes start)
{
	struct reader r = reader_of(start);
	size_t n;

	if (start.n < PFKEY_HEADER || start.p[0] != PFKEY_VERSION)
		return 0;
	read_skip(&r, 4);
	n = (size_t)read_u16_host(&r) * PFKEY_UNIT;
	return n < PFKEY_HEADER || n > PFKEY_MSG_MAX ? 0 : n;
}

/* What is fixed in an extension's length: at least (or, when exact, just) so many octets. */
static const struct { uint8_t octets; bool exact; } shape[PFKEY_EXT_OURS_MAX + 1] = {
	[PFKEY_EXT_SA] = { PFKEY_LEN_SA, true },
	[PFKEY_EXT_CURRENT] = { PFKEY_LEN_LIFETIME, true },
	[PFKEY_EXT_HARD] = { PFKEY_LEN_LIFETIME, true },
	[PFKEY_EXT_SOFT] = { PFKEY_LEN_LIFETIME, true },
	[PFKEY_EXT_SRC] = { PFKEY_LEN_ADDRESS + PFKEY_SOCKADDR4, false },
	[PFKEY_EXT_DST] = { PFKEY_LEN_ADDRESS + PFKEY_SOCKADDR4, false },
	[PFKEY_EXT_KEY_AUTH] = { PFKEY_LEN_KEY, false },
	[PFKEY_EXT_KEY_ENCR] = { PFKEY_LEN_KEY, false },
	[PFKEY_EXT_SPIRANGE] = { PFKEY_LEN_SPIRANGE, true },
	[PFKEY_EXT_POLICY] = { PFKEY_LEN_POLICY, false },
	[PFKEY_EXT_SA2] = { PFKEY_LEN_SA2, true },
	[PFKEY_EXT_NATT_TYPE] = { PFKEY_LEN_NATT, true },
	[PFKEY_EXT_NATT_SPORT] = { PFKEY_LEN_NATT, true },
	[PFKEY_EXT_NATT_DPORT] = { PFKEY_LEN_NATT, true },
	[PFKEY_EXT_NATT_OA] = { PFKEY_LEN_ADDRESS + PFKEY_SOCKADDR4, false },
	[PFKEY_EXT_REPLAY] = { PFKEY_LEN_REPLAY, true },
	[PFKEY_EXT_SEL_SRC] = { PFKEY_LEN_ADDRESS + PFKEY_SOCKADDR4, false },
	[PFKEY_EXT_SEL_DST] = { PFKEY_LEN_ADDRESS + PFKEY_SOCKADDR4, false },
	[PFKEY_EXT_SEC_CTX] = { PFKEY_LEN_SEC_CTX, false },
	[PFKEY_EXT_SEQ_HIGH] = { PFKEY_LEN_REPLAY, true },
	[PFKEY_EXT_NATT_FRAG] = { PFKEY_LEN_REPLAY, true },
};

static enum status
find_extensions(struct parse *p, struct reader r)
{
	while (reader_left(&r) != 0) {
		struct reader peek = r;
		size_t n = (size_t)read_u16_host(&peek) * PFKEY_UNIT;
		uint16_t type = read_u16_host(&peek);
		struct bytes whole;

		if (n < PFKEY_UNIT || n > reader_left(&r))
			return bad(p, "extension %u has length %zu", type, n);
		whole = read_bytes(&r, n);
		if (type == 0)
			return bad(p, "extension of the reserved type 0");
		if (type > PFKEY_EXT_OURS_MAX)
			continue;
		if (p->ext[type].n != 0)
			return bad(p, "extension %u stands twice", type);
		if (n < shape[type].octets || (shape[type].exact && n != shape[type].octets))
			return bad(p, "extension %u has length %zu", type, n);
		p->ext[type] = whole;
	}
	return ST_NORMAL;
}

static bool
has(const struct parse *p, enum pfkey_ext type)
{
	return p->ext[type].n != 0;
}

/* A cursor behind the header of an extension that is there. */
static struct reader
body(const struct parse *p, enum pfkey_ext type)
{
	struct reader r = reader_of(p->ext[type]);

	read_skip(&r, PFKEY_EXT_HEADER);
	return r;
}

/* A sockaddr of its native length; false when cut short or of no IP family. */
static bool
take_sockaddr(struct reader *r, struct net_endpoint *e)
{
	uint16_t family = read_u16_host(r);

	memset(e, 0, sizeof(*e));
	e->port = read_u16(r);
	if (family == PFKEY_AF_INET) {
		e->addr.family = 4;
		read_copy(r, e->addr.b, 4);
		read_skip(r, 8);
	} else if (family == PFKEY_AF_INET6) {
		e->addr.family = 6;
		read_skip(r, 4);
		read_copy(r, e->addr.b, 16);
		e->addr.scope = read_u32_host(r);
	} else {
		return false;
	}
	return !r->bad;
}

struct address {
	struct net_prefix prefix;
	uint8_t upper;
	uint16_t flags;
	uint16_t port;
};

static enum status
take_address(struct parse *p, enum pfkey_ext type, struct address *a)
{
	struct reader r = body(p, type);
	struct net_endpoint e;

	memset(a, 0, sizeof(*a));
	a->upper = read_u8(&r);
	a->prefix.len = read_u8(&r);
	a->flags = read_u16_host(&r);
	if (!take_sockaddr(&r, &e))
		return bad(p, "address extension %u: family or length", type);
	if (a->prefix.len > net_addr_bits(&e.addr))
		return bad(p, "address extension %u: prefix length %u", type, a->prefix.len);
	a->prefix.addr = e.addr;
	a->port = e.port;
	return ST_NORMAL;
}

/* Both addresses, of one family; absent together is fine. */
static enum status
take_pair(struct parse *p, enum pfkey_ext from, enum pfkey_ext to, struct address *src,
	struct address *dst)
{
	memset(src, 0, sizeof(*src));
	memset(dst, 0, sizeof(*dst));
	if (!has(p, from) && !has(p, to))
		return ST_NORMAL;
	if (!has(p, from) || !has(p, to))
		return bad(p, "one of the two addresses is missing");
	TRY(take_address(p, from, src));
	TRY(take_address(p, to, dst));
	if (src->prefix.addr.family != dst->prefix.addr.family)
		return bad(p, "the two addresses are of different families");
	return ST_NORMAL;
}

static bool
is_icmp(uint8_t upper)
{
	return upper == 1 || upper == 58;
}

static uint16_t
selector_port(const struct address *a, uint8_t upper)
{
	bool icmp = upper == 1 || upper == 58 || upper == 135;

	if (!icmp)
		return a->port;
	if (a->port == 0 && (a->flags & PFKEY_PORT_IS_MEANT) == 0)
		return 0;
	return (uint16_t)(a->port + 1);
}

static enum status
take_selector(struct parse *p, enum pfkey_ext from, enum pfkey_ext to, struct sp_selector *sel)
{
	struct address src, dst;

	TRY(take_pair(p, from, to, &src, &dst));
	if (src.upper != dst.upper)
		return bad(p, "the two addresses name different protocols");
	sel->src = src.prefix;
	sel->dst = dst.prefix;
	sel->upper = src.upper == 0 ? SP_UPPER_ANY : src.upper;
	sel->sport = selector_port(&src, sel->upper);
	sel->dport = selector_port(&dst, sel->upper);
	if ((sel->upper == 1 || sel->upper == 58 || sel->upper == 135) &&
		(sel->sport > 256 || sel->dport > 256))
		return bad(p, "ICMP type or code above 255");
	return ST_NORMAL;
}

static void
take_life(const struct parse *p, enum pfkey_ext type, struct sa_life *l)
{
	struct reader r;

	if (!has(p, type))
		return;
	r = body(p, type);
	l->allocations = read_u32_host(&r);
	l->bytes = read_u64_host(&r);
	l->add_s = read_u64_host(&r);
	l->use_s = read_u64_host(&r);
}

static enum status
take_key(struct parse *p, enum pfkey_ext type, const struct alg *a, struct sa_key *k)
{
	struct reader r;
	unsigned bits;
	size_t octets;

	if (!has(p, type))
		return ST_NORMAL;
	r = body(p, type);
	bits = read_u16_host(&r);
	read_skip(&r, 2);
	octets = (bits + 7) / 8;
	if (bits == 0 || octets > SA_KEY_MAX || octets > reader_left(&r) ||
		reader_left(&r) - octets >= PFKEY_UNIT)
		return bad(p, "key extension %u: %u bits", type, bits);
	if (a != NULL && (bits < a->salt * 8u || !alg_key_ok(a, bits - a->salt * 8u)))
		return bad(p, "a key of %u bits does not fit %s", bits, a->name);
	read_copy(&r, k->b, octets);
	k->octets = (uint16_t)octets;
	return ST_NORMAL;
}

static enum status
find_alg(struct parse *p, enum alg_kind kind, uint8_t number, const struct alg **out)
{
	*out = NULL;
	if (number == 0)
		return ST_NORMAL;
	*out = alg_by_pfkey(kind, number);
	if (*out != NULL || p->kernel)
		return ST_NORMAL;
	(void)bad(p, "unknown algorithm number %u", number);
	return ST_NOALG;
}

/* The number in one of our extensions; `other` when it is not there. */
static uint32_t
own_number(const struct parse *p, enum pfkey_ext type, uint32_t other)
{
	struct reader r;

	if (!has(p, type))
		return other;
	r = body(p, type);
	return read_u32_host(&r);
}

static enum status
take_sa(struct parse *p, struct ipsec_sa *sa)
{
	struct reader r = body(p, PFKEY_EXT_SA);
	uint8_t state, auth, second;

	sa->spi = read_u32(&r);
	sa->replay = read_u8(&r);
	state = read_u8(&r);
	auth = read_u8(&r);
	second = read_u8(&r);
	sa->flags = read_u32_host(&r);
	if (state > SA_DEAD)
		return bad(p, "SA state %u", state);
	sa->state = (enum sa_state)state;
	TRY(find_alg(p, ALG_AUTH, auth, &sa->auth));
	if (sa->proto == SA_IPCOMP)
		TRY(find_alg(p, ALG_COMP, second, &sa->comp));
	else
		TRY(find_alg(p, ALG_ENCR, second, &sa->encr));
	sa->replay = own_number(p, PFKEY_EXT_REPLAY, sa->replay);
	sa->seq_high = own_number(p, PFKEY_EXT_SEQ_HIGH, 0);
	return ST_NORMAL;
}

static enum status
take_sa2(struct parse *p, struct ipsec_sa *sa)
{
	struct reader r;
	uint8_t mode;

	if (!has(p, PFKEY_EXT_SA2))
		return ST_NORMAL;
	r = body(p, PFKEY_EXT_SA2);
	mode = read_u8(&r);
	read_skip(&r, 3);
	sa->seq = read_u32_host(&r);
	sa->reqid = read_u32_host(&r);
	if (mode > SA_TUNNEL) {
		(void)bad(p, "SA mode %u", mode);
		return p->kernel ? ST_NOALG : ST_BADMSG;
	}
	sa->mode = (enum sa_mode)mode;
	return ST_NORMAL;
}

static enum status
take_natt(struct parse *p, struct ipsec_sa *sa)
{
	struct reader r;
	uint8_t type;

	if (!has(p, PFKEY_EXT_NATT_TYPE))
		return ST_NORMAL;
	r = body(p, PFKEY_EXT_NATT_TYPE);
	type = read_u8(&r);
	if (type == 0)
		return ST_NORMAL;
	if ((type != PFKEY_ESPINUDP && type != PFKEY_ESPINUDP_NON_IKE) || sa->proto != SA_ESP)
		return bad(p, "UDP encapsulation of type %u", type);
	sa->natt = true;
	sa->natt_non_ike = type == PFKEY_ESPINUDP_NON_IKE;
	if (own_number(p, PFKEY_EXT_NATT_FRAG, 0) > UINT16_MAX)
		return bad(p, "fragments above 65535 octets");
	sa->natt_frag = (uint16_t)own_number(p, PFKEY_EXT_NATT_FRAG, 0);
	if (has(p, PFKEY_EXT_NATT_SPORT)) {
		r = body(p, PFKEY_EXT_NATT_SPORT);
		sa->src.port = read_u16(&r);
	}
	if (has(p, PFKEY_EXT_NATT_DPORT)) {
		r = body(p, PFKEY_EXT_NATT_DPORT);
		sa->dst.port = read_u16(&r);
	}
	if (has(p, PFKEY_EXT_NATT_OA)) {
		struct address oa;

		TRY(take_address(p, PFKEY_EXT_NATT_OA, &oa));
		sa->natt_oa = oa.prefix.addr;
	}
	return ST_NORMAL;
}

/* struct sadb_x_sec_ctx: algorithm, domain, length of the text, with or without its NUL. */
static enum status
take_context(struct parse *p, struct sa_context *ctx)
{
	struct reader r;
	struct bytes text;
	uint16_t n;

	if (!has(p, PFKEY_EXT_SEC_CTX))
		return ST_NORMAL;
	r = body(p, PFKEY_EXT_SEC_CTX);
	ctx->alg = read_u8(&r);
	ctx->doi = read_u8(&r);
	n = read_u16_host(&r);
	text = read_bytes(&r, n);
	if (text.n != 0 && text.p[text.n - 1] == '\0')
		text.n--;
	if (r.bad || text.n == 0 || text.n >= SA_CTX_MAX || memchr(text.p, '\0', text.n) != NULL)
		return bad(p, "security context of %u octets", n);
	memcpy(ctx->text, text.p, text.n);
	return ST_NORMAL;
}

static enum status
take_sa_message(struct parse *p, struct sadb_msg *m)
{
	struct address src, dst;

	TRY(take_pair(p, PFKEY_EXT_SRC, PFKEY_EXT_DST, &src, &dst));
	m->sa.src.addr = src.prefix.addr;
	m->sa.dst.addr = dst.prefix.addr;
	m->has_sa = src.prefix.addr.family != 0;
	if (has(p, PFKEY_EXT_SA)) {
		TRY(take_sa(p, &m->sa));
		m->has_sa |= m->sa.spi != 0;
	}
	if (m->has_sa && m->sa.proto == SA_NONE)
		return bad(p, "%s of an SA without SA type", sadb_op_name(m->op));
	TRY(take_sa2(p, &m->sa));
	TRY(take_natt(p, &m->sa));
	TRY(take_context(p, &m->sa.ctx));
	TRY(take_key(p, PFKEY_EXT_KEY_AUTH, m->sa.auth, &m->sa.auth_key));
	TRY(take_key(p, PFKEY_EXT_KEY_ENCR, m->sa.encr, &m->sa.encr_key));
	take_life(p, PFKEY_EXT_CURRENT, &m->sa.current);
	take_life(p, PFKEY_EXT_HARD, &m->sa.hard);
	take_life(p, PFKEY_EXT_SOFT, &m->sa.soft);
	m->hard = m->op == SADB_OP_EXPIRE && has(p, PFKEY_EXT_HARD);
	if (has(p, PFKEY_EXT_SPIRANGE)) {
		struct reader r = body(p, PFKEY_EXT_SPIRANGE);

		m->spi_min = read_u32_host(&r);
		m->spi_max = read_u32_host(&r);
	}
	return ST_NORMAL;
}

/* One sadb_x_ipsecrequest; its length counts octets. */
static enum status
take_rule(struct parse *p, struct reader *r, struct sp_rule *rule)
{
	struct reader one;
	uint16_t n, proto;
	uint8_t mode, level;

	one = *r;
	n = read_u16_host(&one);
	if (n < PFKEY_LEN_REQUEST || n > reader_left(r))
		return bad(p, "policy rule has length %u", n);
	one = reader_of(read_bytes(r, n));
	read_skip(&one, 2);
	proto = read_u16_host(&one);
	mode = read_u8(&one);
	level = read_u8(&one);
	read_skip(&one, 2);
	rule->reqid = read_u32_host(&one);
	read_skip(&one, 4);
	if (proto != SA_ESP && proto != SA_AH && proto != SA_IPCOMP)
		return bad(p, "policy rule with protocol %u", proto);
	if (mode > SA_TUNNEL || level > SP_UNIQUE)
		return bad(p, "policy rule with mode %u, level %u", mode, level);
	rule->proto = (enum sa_proto)proto;
	rule->mode = (enum sa_mode)mode;
	rule->level = (enum sp_level)level;
	if (reader_left(&one) < PFKEY_SOCKADDR4)
		return rule->mode == SA_TUNNEL ? bad(p, "tunnel rule without end points")
					       : ST_NORMAL;
	if (!take_sockaddr(&one, &rule->src) || !take_sockaddr(&one, &rule->dst) ||
		rule->src.addr.family != rule->dst.addr.family)
		return bad(p, "end points of a policy rule");
	return ST_NORMAL;
}

/* Two rules, before and after: the end points that move (KAME's MIGRATE as Linux has it). */
static enum status
take_move(struct parse *p, struct reader *r, struct sadb_msg *m)
{
	struct sp_rule from = { .proto = SA_NONE }, to = { .proto = SA_NONE };
	struct sadb_move *move;

	if (m->moves == SP_RULES_MAX)
		return bad(p, "more than %u moves", SP_RULES_MAX);
	TRY(take_rule(p, r, &from));
	if (reader_left(r) < PFKEY_UNIT)
		return bad(p, "a move without its new end points");
	TRY(take_rule(p, r, &to));
	if (from.src.addr.family == 0 || to.src.addr.family == 0 || from.proto != to.proto ||
		from.mode != to.mode)
		return bad(p, "the two halves of a move do not fit");
	move = &m->move[m->moves++];
	*move = (struct sadb_move){ .from_src = from.src.addr, .from_dst = from.dst.addr,
		.to_src = to.src.addr, .to_dst = to.dst.addr, .proto = from.proto,
		.mode = from.mode, .reqid = from.reqid };
	return ST_NORMAL;
}

static enum status
take_policy(struct parse *p, struct sadb_msg *m)
{
	struct reader r = body(p, PFKEY_EXT_POLICY);
	struct ipsec_policy *sp = &m->sp;
	uint16_t action = read_u16_host(&r);
	uint8_t dir = read_u8(&r);

	read_skip(&r, 1);
	sp->id = read_u32_host(&r);
	sp->priority = read_u32_host(&r);
	if (action > SP_BYPASS)
		return bad(p, "policy action %u", action);
	if (dir > SP_FWD) {
		(void)bad(p, "policy direction %u", dir);
		return p->kernel ? ST_NOALG : ST_BADMSG;
	}
	sp->action = (enum sp_action)action;
	sp->dir = (enum sp_dir)dir;
	while (reader_left(&r) >= PFKEY_UNIT) {
		if (m->op == SADB_OP_MIGRATE) {
			TRY(take_move(p, &r, m));
			continue;
		}
		if (sp->rules == SP_RULES_MAX)
			return bad(p, "policy has more than %u rules", SP_RULES_MAX);
		TRY(take_rule(p, &r, &sp->rule[sp->rules]));
		sp->rules++;
	}
	return ST_NORMAL;
}

static enum status
take_sp_message(struct parse *p, struct sadb_msg *m)
{
	if (!has(p, PFKEY_EXT_POLICY))
		return ST_NORMAL;
	TRY(take_selector(p, PFKEY_EXT_SRC, PFKEY_EXT_DST, &m->sp.sel));
	TRY(take_policy(p, m));
	TRY(take_context(p, &m->sp.ctx));
	take_life(p, PFKEY_EXT_HARD, &m->sp.hard);
	take_life(p, PFKEY_EXT_CURRENT, &m->sp.current);
	m->has_sp = true;
	return ST_NORMAL;
}

static enum status
take_acquire(struct parse *p, struct sadb_msg *m)
{
	struct address src, dst;

	TRY(take_pair(p, PFKEY_EXT_SRC, PFKEY_EXT_DST, &src, &dst));
	m->sa.src.addr = src.prefix.addr;
	m->sa.dst.addr = dst.prefix.addr;
	TRY(take_sa2(p, &m->sa));
	m->has_sa = src.prefix.addr.family != 0;
	if (m->has_sa && m->sa.proto == SA_NONE)
		return bad(p, "acquire without SA type");
	if (!has(p, PFKEY_EXT_POLICY))
		return ST_NORMAL;
	TRY(take_selector(p, PFKEY_EXT_SEL_SRC, PFKEY_EXT_SEL_DST, &m->sp.sel));
	TRY(take_policy(p, m));
	m->has_sp = true;
	return ST_NORMAL;
}

static uint16_t
natt_port(const struct parse *p, enum pfkey_ext type)
{
	struct reader r = body(p, type);

	return has(p, type) ? read_u16(&r) : 0;
}

/* As Linux tells it: the source that was, and as destination the one that is. */
static enum status
take_mapping(struct parse *p, struct sadb_msg *m)
{
	struct address was, is;

	TRY(take_pair(p, PFKEY_EXT_SRC, PFKEY_EXT_DST, &was, &is));
	if (has(p, PFKEY_EXT_SA))
		TRY(take_sa(p, &m->sa));
	m->sa.src = (struct net_endpoint){ was.prefix.addr, natt_port(p, PFKEY_EXT_NATT_SPORT) };
	m->mapped = (struct net_endpoint){ is.prefix.addr, natt_port(p, PFKEY_EXT_NATT_DPORT) };
	m->has_sa = true;
	return ST_NORMAL;
}

/* What a request cannot do without; answers that report an error may be bare. */
static enum status
check_complete(struct parse *p, const struct sadb_msg *m)
{
	bool ends = m->sa.src.addr.family != 0;

	switch (m->op) {
	case SADB_OP_ADD:
	case SADB_OP_UPDATE:
	case SADB_OP_GET:
	case SADB_OP_EXPIRE:
		if (!ends || m->sa.spi == 0 || m->sa.proto == SA_NONE)
			return bad(p, "%s without SPI, addresses or SA type", sadb_op_name(m->op));
		break;
	case SADB_OP_DELETE:
	case SADB_OP_GETSPI:
		if (!ends || m->sa.proto == SA_NONE)
			return bad(p, "%s without addresses or SA type", sadb_op_name(m->op));
		break;
	case SADB_OP_SPDADD:
	case SADB_OP_SPDUPDATE:
	case SADB_OP_SPDDELETE:
	case SADB_OP_MIGRATE:
		if (m->op == SADB_OP_MIGRATE && m->moves == 0)
			return bad(p, "migrate without end points");
		if (!m->has_sp || m->sp.sel.src.addr.family == 0 || m->sp.dir == 0)
			return bad(p, "%s without policy, addresses or direction",
				sadb_op_name(m->op));
		break;
	case SADB_OP_MAPPING:
		if (!ends || m->sa.spi == 0 || m->sa.proto == SA_NONE || m->mapped.port == 0)
			return bad(p, "mapping without SPI, addresses or port");
		break;
	case SADB_OP_SPDGET:
	case SADB_OP_SPDDELETE2:
		if (!m->has_sp)
			return bad(p, "%s without policy", sadb_op_name(m->op));
		break;
	case SADB_OP_ACQUIRE:
	case SADB_OP_REGISTER:
	case SADB_OP_FLUSH:
	case SADB_OP_DUMP:
	case SADB_OP_PROMISC:
	case SADB_OP_SPDDUMP:
	case SADB_OP_SPDFLUSH:
	case SADB_OP_SPDEXPIRE:
		break;
	}
	return ST_NORMAL;
}

static bool
proto_of(uint8_t satype, enum sa_proto *out)
{
	switch (satype) {
	case PFKEY_SATYPE_ANY:
		*out = SA_NONE;
		return true;
	case PFKEY_SATYPE_AH:
		*out = SA_AH;
		return true;
	case PFKEY_SATYPE_ESP:
		*out = SA_ESP;
		return true;
	case PFKEY_SATYPE_IPCOMP:
		*out = SA_IPCOMP;
		return true;
	case PFKEY_SATYPE_TCP:
		*out = SA_TCP;
		return true;
	}
	return false;
}

static enum status
take_header(struct parse *p, struct bytes msg, struct sadb_msg *m)
{
	struct reader r = reader_of(msg);
	uint8_t op, satype;

	if (pfkey_length(msg) == 0 || pfkey_length(msg) != msg.n)
		return bad(p, "version or length of the header");
	read_skip(&r, 1);
	op = read_u8(&r);
	m->error = read_u8(&r);
	satype = read_u8(&r);
	read_skip(&r, 4);
	m->seq = read_u32_host(&r);
	m->pid = read_u32_host(&r);
	m->op = (enum sadb_op)op;
	if (sadb_op_name(m->op)[0] == '?')
		return bad(p, "message type %u", op);
	if (m->op != SADB_OP_PROMISC && !proto_of(satype, &m->sa.proto))
		return bad(p, "SA type %u", satype);
	return ST_NORMAL;
}

static enum status
decode(struct bytes msg, bool kernel, struct sadb_msg *out, char *why, size_t why_size)
{
	struct parse p = { .kernel = kernel, .why = why, .why_size = why_size };
	struct reader r = reader_of(msg);

	memset(out, 0, sizeof(*out));
	TRY(take_header(&p, msg, out));
	read_skip(&r, PFKEY_HEADER);
	TRY(find_extensions(&p, r));
	/* A registration is answered with lists of algorithms, PROMISC's type is its switch. */
	if (out->op == SADB_OP_REGISTER || out->op == SADB_OP_PROMISC)
		return ST_NORMAL;
	if (out->op == SADB_OP_MAPPING)
		TRY(take_mapping(&p, out));
	else if (out->op >= SADB_OP_SPDUPDATE)
		TRY(take_sp_message(&p, out));
	else if (out->op == SADB_OP_ACQUIRE)
		TRY(take_acquire(&p, out));
	else
		TRY(take_sa_message(&p, out));
	return out->error != 0 ? ST_NORMAL : check_complete(&p, out);
}

enum status
pfkey_decode(struct bytes msg, struct sadb_msg *out, char *why, size_t why_size)
{
	return decode(msg, false, out, why, why_size);
}

enum status
pfkey_decode_kernel(struct bytes msg, struct sadb_msg *out, char *why, size_t why_size)
{
	TRY(decode(msg, true, out, why, why_size));
	/* A code of 0 means any to this kernel, and cannot be said otherwise. */
	if (is_icmp(out->sp.sel.upper) && out->sp.sel.sport != 0 && out->sp.sel.dport == 0)
		out->sp.sel.dport = 1;
	out->sp.hard.allocations = out->sp.current.allocations = 0;
	out->sp.hard.bytes = out->sp.current.bytes = 0;
	/* Linux cuts HMAC-SHA-256 to 96 bits when it is asked by this number. */
	if (out->sa.auth != NULL && strcmp(out->sa.auth->name, "hmac-sha256") == 0)
		out->sa.auth = alg_by_name(ALG_AUTH, "hmac-sha256-96");
	return ST_NORMAL;
}
