/*
 * pfkey_encode.c - struct sadb_msg to PF_KEYv2 octets.
 *
 * Called by the engine's host and by every client that speaks PF_KEY.  Which extensions a message
 * gets follows from its operation and from what it carries (RFC 2367 3.1, and the SPD messages of
 * KAME).  It never allocates.
 */
#include "ipsec/pfkey.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ipsec/pfkey_wire.h"

/* An extension begins: where its header goes, or NULL. */
static uint8_t *
begin(struct writer *w, enum pfkey_ext type)
{
	uint8_t *at = write_hole(w, PFKEY_EXT_HEADER);

	if (at != NULL)
		patch_u16_host(at + 2, (uint16_t)type);
	return at;
}

/* It ends: pad to the unit, fill in the length. */
static void
finish(struct writer *w, uint8_t *at)
{
	size_t n;

	if (at == NULL || w->bad)
		return;
	n = (size_t)(w->p - at);
	write_zero(w, (PFKEY_UNIT - n % PFKEY_UNIT) % PFKEY_UNIT);
	patch_u16_host(at, (uint16_t)((size_t)(w->p - at) / PFKEY_UNIT));
}

static void
put_sockaddr(struct writer *w, const struct net_addr *a, uint16_t port)
{
	bool v6 = a->family == 6;

	write_u16_host(w, v6 ? PFKEY_AF_INET6 : PFKEY_AF_INET);
	write_u16(w, port);
	if (v6)
		write_u32(w, 0);
	write_bytes(w, bytes_of(a->b, v6 ? 16 : 4));
	if (v6)
		write_u32_host(w, a->scope);
	else
		write_zero(w, 8);
}

static void
put_address(struct writer *w, enum pfkey_ext type, const struct net_prefix *p, uint8_t upper,
	uint16_t port, uint16_t flags)
{
	uint8_t *at = begin(w, type);

	write_u8(w, upper);
	write_u8(w, p->len);
	write_u16_host(w, flags);
	put_sockaddr(w, &p->addr, port);
	finish(w, at);
}

static void
put_host(struct writer *w, enum pfkey_ext type, const struct net_addr *a)
{
	struct net_prefix p = { .addr = *a, .len = (uint8_t)net_addr_bits(a) };

	if (a->family != 0)
		put_address(w, type, &p, SP_UPPER_ANY, 0, 0);
}

static bool
is_icmp(uint8_t upper)
{
	return upper == 1 || upper == 58 || upper == 135; /* mobility headers too */
}

/*
 * One end of a selector.  ICMP types and codes travel as ports, 0 meaning any as in other
 * implementations; a flag tells ours that 0 is meant.
 */
static void
put_selector_end(struct writer *w, enum pfkey_ext type, const struct net_prefix *p, uint8_t upper,
	uint16_t port)
{
	uint16_t flags = 0;

	if (p->addr.family == 0)
		return;
	if (is_icmp(upper) && port != 0) {
		port--;
		if (port == 0)
			flags = PFKEY_PORT_IS_MEANT;
	}
	put_address(w, type, p, upper, port, flags);
}

static void
put_life(struct writer *w, enum pfkey_ext type, const struct sa_life *l, bool always)
{
	uint8_t *at;

	if (!always && l->allocations == 0 && l->bytes == 0 && l->add_s == 0 && l->use_s == 0)
		return;
	at = begin(w, type);
	write_u32_host(w, l->allocations);
	write_u64_host(w, l->bytes);
	write_u64_host(w, l->add_s);
	write_u64_host(w, l->use_s);
	finish(w, at);
}

static void
put_key(struct writer *w, enum pfkey_ext type, const struct sa_key *k)
{
	uint8_t *at;

	if (k->octets == 0)
		return;
	if (k->octets > SA_KEY_MAX) {
		w->bad = true;
		return;
	}
	at = begin(w, type);
	write_u16_host(w, (uint16_t)(k->octets * 8));
	write_u16_host(w, 0);
	write_bytes(w, bytes_of(k->b, k->octets));
	finish(w, at);
}

static void
put_number(struct writer *w, enum pfkey_ext type, uint32_t v)
{
	uint8_t *at = begin(w, type);

	write_u32_host(w, v);
	finish(w, at);
}

static void
put_sa(struct writer *w, const struct ipsec_sa *sa)
{
	const struct alg *second = sa->proto == SA_IPCOMP ? sa->comp : sa->encr;
	uint8_t *at = begin(w, PFKEY_EXT_SA);

	write_u32(w, sa->spi);
	write_u8(w, sa->replay > PFKEY_REPLAY_OCTET ? PFKEY_REPLAY_OCTET : (uint8_t)sa->replay);
	write_u8(w, (uint8_t)sa->state);
	write_u8(w, sa->auth == NULL ? 0 : (uint8_t)sa->auth->pfkey);
	write_u8(w, second == NULL ? 0 : (uint8_t)second->pfkey);
	write_u32_host(w, sa->flags);
	finish(w, at);
	if (sa->replay > PFKEY_REPLAY_OCTET)
		put_number(w, PFKEY_EXT_REPLAY, sa->replay);
	if (sa->seq_high != 0)
		put_number(w, PFKEY_EXT_SEQ_HIGH, sa->seq_high);
}

static void
put_sa2(struct writer *w, const struct ipsec_sa *sa)
{
	uint8_t *at = begin(w, PFKEY_EXT_SA2);

	write_u8(w, (uint8_t)sa->mode);
	write_zero(w, 3);
	write_u32_host(w, sa->seq);
	write_u32_host(w, sa->reqid);
	finish(w, at);
}

static void
put_natt_port(struct writer *w, enum pfkey_ext type, uint16_t port)
{
	uint8_t *at = begin(w, type);

	write_u16(w, port);
	write_u16_host(w, 0);
	finish(w, at);
}

static void
put_natt(struct writer *w, const struct ipsec_sa *sa)
{
	uint8_t *at = begin(w, PFKEY_EXT_NATT_TYPE);

	write_u8(w, sa->natt_non_ike ? PFKEY_ESPINUDP_NON_IKE : PFKEY_ESPINUDP);
	write_zero(w, 3);
	finish(w, at);
	put_natt_port(w, PFKEY_EXT_NATT_SPORT, sa->src.port);
	put_natt_port(w, PFKEY_EXT_NATT_DPORT, sa->dst.port);
	put_host(w, PFKEY_EXT_NATT_OA, &sa->natt_oa);
	if (sa->natt_frag != 0)
		put_number(w, PFKEY_EXT_NATT_FRAG, sa->natt_frag);
}

static void
put_context(struct writer *w, const struct sa_context *ctx)
{
	size_t n = strnlen(ctx->text, sizeof(ctx->text));
	uint8_t *at;

	if (n == 0)
		return;
	if (n == sizeof(ctx->text)) {
		w->bad = true;
		return;
	}
	at = begin(w, PFKEY_EXT_SEC_CTX);
	write_u8(w, ctx->alg);
	write_u8(w, ctx->doi);
	write_u16_host(w, (uint16_t)(n + 1));
	write_bytes(w, bytes_of(ctx->text, n + 1));
	finish(w, at);
}

static void
put_spirange(struct writer *w, uint32_t min, uint32_t max)
{
	uint8_t *at = begin(w, PFKEY_EXT_SPIRANGE);

	write_u32_host(w, min);
	write_u32_host(w, max);
	write_u32_host(w, 0);
	finish(w, at);
}

static void
put_rule(struct writer *w, const struct sp_rule *r)
{
	uint8_t *at = write_hole(w, 2);
	bool ends = r->src.addr.family != 0 && r->dst.addr.family != 0;

	write_u16_host(w, (uint16_t)r->proto);
	write_u8(w, (uint8_t)r->mode);
	write_u8(w, (uint8_t)r->level);
	write_u16_host(w, 0);
	write_u32_host(w, r->reqid);
	write_u32_host(w, 0);
	if (ends) {
		put_sockaddr(w, &r->src.addr, r->src.port);
		put_sockaddr(w, &r->dst.addr, r->dst.port);
	}
	if (at != NULL && !w->bad) /* octets here, not units */
		patch_u16_host(at, (uint16_t)(w->p - at));
}

static void
put_move(struct writer *w, const struct sadb_move *m)
{
	struct sp_rule r = { .proto = m->proto, .mode = m->mode, .level = SP_REQUIRE,
		.reqid = m->reqid };

	r.src.addr = m->from_src;
	r.dst.addr = m->from_dst;
	put_rule(w, &r);
	r.src.addr = m->to_src;
	r.dst.addr = m->to_dst;
	put_rule(w, &r);
}

static void
put_policy(struct writer *w, const struct sadb_msg *m)
{
	const struct ipsec_policy *sp = &m->sp;
	uint8_t *at = begin(w, PFKEY_EXT_POLICY);

	write_u16_host(w, (uint16_t)sp->action);
	write_u8(w, (uint8_t)sp->dir);
	write_u8(w, 0);
	write_u32_host(w, sp->id);
	write_u32_host(w, sp->priority);
	for (unsigned i = 0; i < sp->rules && i < SP_RULES_MAX && m->op != SADB_OP_MIGRATE; i++)
		put_rule(w, &sp->rule[i]);
	for (unsigned i = 0; i < m->moves && i < SP_RULES_MAX; i++)
		put_move(w, &m->move[i]);
	finish(w, at);
}

static void
put_whole_sa(struct writer *w, const struct sadb_msg *m)
{
	const struct ipsec_sa *sa = &m->sa;

	if (sa->spi != 0)
		put_sa(w, sa);
	put_life(w, PFKEY_EXT_CURRENT, &sa->current, m->op == SADB_OP_EXPIRE);
	if (m->op != SADB_OP_EXPIRE || m->hard)
		put_life(w, PFKEY_EXT_HARD, &sa->hard, m->op == SADB_OP_EXPIRE);
	if (m->op != SADB_OP_EXPIRE || !m->hard)
		put_life(w, PFKEY_EXT_SOFT, &sa->soft, m->op == SADB_OP_EXPIRE);
	put_host(w, PFKEY_EXT_SRC, &sa->src.addr);
	put_host(w, PFKEY_EXT_DST, &sa->dst.addr);
	put_key(w, PFKEY_EXT_KEY_AUTH, &sa->auth_key);
	put_key(w, PFKEY_EXT_KEY_ENCR, &sa->encr_key);
	put_sa2(w, sa);
	if (sa->natt)
		put_natt(w, sa);
	put_context(w, &sa->ctx);
	if (m->op == SADB_OP_GETSPI && m->spi_max != 0)
		put_spirange(w, m->spi_min, m->spi_max);
}

static void
put_whole_sp(struct writer *w, const struct sadb_msg *m)
{
	const struct sp_selector *sel = &m->sp.sel;
	bool told = m->op == SADB_OP_SPDDUMP || m->op == SADB_OP_SPDGET;

	put_selector_end(w, PFKEY_EXT_SRC, &sel->src, sel->upper, sel->sport);
	put_selector_end(w, PFKEY_EXT_DST, &sel->dst, sel->upper, sel->dport);
	if (sel->src.addr.family != 0) {
		put_life(w, PFKEY_EXT_HARD, &m->sp.hard, told);
		put_life(w, PFKEY_EXT_CURRENT, &m->sp.current, told);
	}
	put_policy(w, m);
	put_context(w, &m->sp.ctx);
}

static void
put_acquire(struct writer *w, const struct sadb_msg *m)
{
	const struct sp_selector *sel = &m->sp.sel;

	put_host(w, PFKEY_EXT_SRC, &m->sa.src.addr);
	put_host(w, PFKEY_EXT_DST, &m->sa.dst.addr);
	put_sa2(w, &m->sa);
	if (!m->has_sp)
		return;
	put_selector_end(w, PFKEY_EXT_SEL_SRC, &sel->src, sel->upper, sel->sport);
	put_selector_end(w, PFKEY_EXT_SEL_DST, &sel->dst, sel->upper, sel->dport);
	put_policy(w, m);
}

/* As Linux tells it: the source that was, and as destination the one that is. */
static void
put_mapping(struct writer *w, const struct sadb_msg *m)
{
	put_sa(w, &m->sa);
	put_host(w, PFKEY_EXT_SRC, &m->sa.src.addr);
	put_natt_port(w, PFKEY_EXT_NATT_SPORT, m->sa.src.port);
	put_host(w, PFKEY_EXT_DST, &m->mapped.addr);
	put_natt_port(w, PFKEY_EXT_NATT_DPORT, m->mapped.port);
}

static uint8_t
satype_of(enum sa_proto proto)
{
	switch (proto) {
	case SA_NONE:
		return PFKEY_SATYPE_ANY;
	case SA_TCP:
		return PFKEY_SATYPE_TCP;
	case SA_ESP:
		return PFKEY_SATYPE_ESP;
	case SA_AH:
		return PFKEY_SATYPE_AH;
	case SA_IPCOMP:
		return PFKEY_SATYPE_IPCOMP;
	}
	return PFKEY_SATYPE_ANY;
}

/* The whole message; body puts what is between header and end. */
static enum status
put_message(const struct sadb_msg *m, struct writer *w,
	void (*body)(struct writer *w, const struct sadb_msg *m))
{
	uint8_t *start = w->p;
	uint8_t *len;
	size_t n;

	write_u8(w, PFKEY_VERSION);
	write_u8(w, (uint8_t)m->op);
	write_u8(w, (uint8_t)m->error);
	/* RFC 2367 3.1.11: the SA type of PROMISC is its switch. */
	write_u8(w, m->op == SADB_OP_PROMISC ? 1 : satype_of(m->sa.proto));
	len = write_hole(w, 2);
	write_u16_host(w, 0);
	write_u32_host(w, m->seq);
	write_u32_host(w, m->pid);
	body(w, m);
	if (w->bad)
		return ST_LIMIT;
	n = (size_t)(w->p - start);
	if (n > PFKEY_MSG_MAX)
		return ST_LIMIT;
	patch_u16_host(len, (uint16_t)(n / PFKEY_UNIT));
	return ST_NORMAL;
}

static void
put_body(struct writer *w, const struct sadb_msg *m)
{
	if (m->op == SADB_OP_ACQUIRE) {
		if (m->has_sa)
			put_acquire(w, m);
	} else if (m->op == SADB_OP_MAPPING) {
		put_mapping(w, m);
	} else if (m->has_sp) {
		put_whole_sp(w, m);
	} else if (m->has_sa) {
		put_whole_sa(w, m);
	}
}

enum status
pfkey_encode(const struct sadb_msg *m, struct writer *w)
{
	return put_message(m, w, put_body);
}

/* ------------------------------------------------------------------------- Linux's dialect --- */

enum { KERNEL_WINDOW_MAX = 32 };

static int ATTR_PRINTF(4, 5)
refuse(char *why, size_t why_size, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (why != NULL && why_size != 0)
		vsnprintf(why, why_size, fmt, ap);
	va_end(ap);
	return error;
}

static int
check_sa(const struct ipsec_sa *sa, char *why, size_t size)
{
	if (sa->encr != NULL && sa->encr->icv != 0)
		return refuse(why, size, EOPNOTSUPP, "the kernel's PF_KEY has no %s: use the "
			"backend xfrm", sa->encr->name);
	if (sa->auth != NULL && strcmp(sa->auth->name, "hmac-sha256") == 0)
		return refuse(why, size, EOPNOTSUPP, "the kernel's PF_KEY cuts hmac-sha256 to 96 "
			"bits: use the backend xfrm, or hmac-sha256-96 if that is meant");
	if ((sa->encr != NULL && sa->encr->pfkey == 0) ||
		(sa->auth != NULL && sa->auth->pfkey == 0))
		return refuse(why, size, EOPNOTSUPP, "PF_KEY has no number for this algorithm");
	if ((sa->flags & SA_F_ESN) != 0)
		return refuse(why, size, EOPNOTSUPP, "PF_KEY has no 64-bit sequence numbers: use "
			"the backend xfrm");
	if ((sa->flags & SA_F_OLD) != 0)
		return refuse(why, size, EOPNOTSUPP, "the kernel has no %s-old",
			sa_proto_name(sa->proto));
	if (sa->proto == SA_TCP)
		return refuse(why, size, EOPNOTSUPP,
			"the kernel keeps keys of TCP-MD5 with the sockets");
	if (sa->replay > KERNEL_WINDOW_MAX)
		return refuse(why, size, EOPNOTSUPP, "the kernel's PF_KEY has replay windows of %d "
			"packets at most: use the backend xfrm", KERNEL_WINDOW_MAX);
	if (sa->natt_frag != 0)
		return refuse(why, size, EOPNOTSUPP,
			"this kernel cannot fragment before encapsulation (esp_frag)");
	if (sa->mark.mask != 0 || sa->if_id != 0)
		return refuse(why, size, EOPNOTSUPP, "PF_KEY has no marks and interfaces: use the "
			"backend xfrm");
	return 0;
}

static int
check_sp(const struct ipsec_policy *sp, char *why, size_t size)
{
	bool icmp = sp->sel.upper == 1 || sp->sel.upper == 58;

	if (icmp && sp->sel.sport == 1)
		return refuse(why, size, EOPNOTSUPP, "PF_KEY cannot tell ICMP type 0 from any: use "
			"the backend xfrm");
	if (sp->action == SP_ENTRUST)
		return refuse(why, size, EOPNOTSUPP, "entrust is for policies of sockets");
	if (sp->mark.mask != 0 || sp->if_id != 0)
		return refuse(why, size, EOPNOTSUPP, "PF_KEY has no marks and interfaces: use the "
			"backend xfrm");
	return 0;
}

/* Both limits or none; a key also where it is empty, for the null cipher. */
static void
put_kernel_sa(struct writer *w, const struct sadb_msg *m)
{
	const struct ipsec_sa *sa = &m->sa;
	struct sa_life none = { 0 };
	bool limits = memcmp(&sa->hard, &none, sizeof(none)) != 0 ||
		memcmp(&sa->soft, &none, sizeof(none)) != 0;
	bool whole = m->op == SADB_OP_ADD || m->op == SADB_OP_UPDATE;

	if (sa->spi != 0)
		put_sa(w, sa);
	if (whole && limits) {
		put_life(w, PFKEY_EXT_HARD, &sa->hard, true);
		put_life(w, PFKEY_EXT_SOFT, &sa->soft, true);
	}
	put_host(w, PFKEY_EXT_SRC, &sa->src.addr);
	put_host(w, PFKEY_EXT_DST, &sa->dst.addr);
	if (whole) {
		put_key(w, PFKEY_EXT_KEY_AUTH, &sa->auth_key);
		put_key(w, PFKEY_EXT_KEY_ENCR, &sa->encr_key);
		if (sa->proto == SA_ESP && sa->encr_key.octets == 0)
			put_number(w, PFKEY_EXT_KEY_ENCR, 0);
	}
	put_sa2(w, sa);
	if (whole && sa->natt)
		put_natt(w, sa);
	if (whole)
		put_context(w, &sa->ctx);
	if (m->op == SADB_OP_GETSPI && m->spi_max != 0)
		put_spirange(w, m->spi_min, m->spi_max);
}

static void
put_kernel_body(struct writer *w, const struct sadb_msg *m)
{
	if (m->has_sp)
		put_whole_sp(w, m);
	else if (m->has_sa)
		put_kernel_sa(w, m);
}

/* What the kernel means by the words. */
static void
translate(struct sadb_msg *m)
{
	struct ipsec_policy *sp = &m->sp;

	if (m->op == SADB_OP_DUMP || m->op == SADB_OP_FLUSH || m->op == SADB_OP_REGISTER)
		m->has_sa = false;
	if (m->op == SADB_OP_SPDDUMP || m->op == SADB_OP_SPDFLUSH)
		m->has_sp = false;
	m->sa.seq = m->sa.seq_high = 0;
	m->sa.flags = 0; /* Linux has other flags at these places */
	if (m->sa.auth != NULL && strcmp(m->sa.auth->name, "hmac-sha256-96") == 0)
		m->sa.auth = alg_by_name(ALG_AUTH, "hmac-sha256");
	if (m->sa.proto == SA_ESP && m->sa.encr == NULL && m->sa.auth != NULL)
		m->sa.encr = alg_by_name(ALG_ENCR, "null");
	if (sp->priority == 0)
		sp->priority = SP_PRIORITY_DEFAULT;
	if (sp->action == SP_BYPASS)
		sp->action = SP_PASS;
	net_prefix_mask(&sp->sel.src);
	net_prefix_mask(&sp->sel.dst);
	for (unsigned i = 0; i < sp->rules && i < SP_RULES_MAX; i++) {
		if (sp->rule[i].mode == SA_MODE_ANY)
			sp->rule[i].mode = SA_TRANSPORT;
		if (sp->rule[i].level != SP_UNIQUE)
			sp->rule[i].reqid = 0;
	}
}

int
pfkey_encode_kernel(const struct sadb_msg *m, bool labels, struct writer *w, char *why, size_t size)
{
	struct sadb_msg copy = *m;
	bool labelled = (m->has_sa && m->sa.ctx.text[0] != '\0') ||
		(m->has_sp && m->sp.ctx.text[0] != '\0');
	enum status status;
	int error = 0;

	if (m->has_sa && (m->op == SADB_OP_ADD || m->op == SADB_OP_UPDATE))
		error = check_sa(&m->sa, why, size);
	if (error == 0 && m->has_sp)
		error = check_sp(&m->sp, why, size);
	if (error == 0 && labelled && !labels)
		error = refuse(why, size, EOPNOTSUPP,
			"this kernel has no security contexts (SELinux is not active)");
	if (error != 0)
		return error;
	translate(&copy);
	status = put_message(&copy, w, put_kernel_body);
	sadb_msg_wipe(&copy);
	return status == ST_NORMAL ? 0 : refuse(why, size, EMSGSIZE, "the request is too large");
}
