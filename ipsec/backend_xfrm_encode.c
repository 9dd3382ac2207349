/*
 * backend_xfrm_encode.c - struct sadb_msg to NETLINK_XFRM requests.
 *
 * Pure.  Called by backend_xfrm.c and by tests.  What the kernel would silently drop or change is
 * refused here with a reason.  Hardware offload, TFC padding and everything else that sadb_msg does
 * not speak of is left to the kernel's defaults.
 */
#include "ipsec/backend_xfrm.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/attr.h"

enum { ESN_WINDOW_LEAST = 32, LEGACY_WINDOW_MAX = 32, WINDOW_MAX = 4096, IPCOMP_SPI_MAX = 0xffff };

/* <linux/udp.h> leaves these to the kernel's users. */
enum { ENCAP_NON_IKE = 1, ENCAP_RFC3948 = 2 };

enum { MAPPING_S = 1 }; /* between two MAPPINGs of one SA */

struct build {
	const struct sadb_msg *m;
	const struct xfrm_env *env;
	struct writer *w;
	char *why;
	size_t why_size;
};

static int ATTR_PRINTF(3, 4)
refuse(struct build *b, int error, const char *fmt, ...)
{
	va_list ap;

	if (b->why != NULL && b->why_size != 0) {
		va_start(ap, fmt);
		vsnprintf(b->why, b->why_size, fmt, ap);
		va_end(ap);
	}
	return error;
}

/* ----------------------------------------------------------------------------------- pieces */

static void
attr(struct build *b, uint16_t type, const void *p, size_t n)
{
	write_u16_host(b->w, (uint16_t)(XFRM_ATTR + n));
	write_u16_host(b->w, type);
	write_bytes(b->w, bytes_of(p, n));
	write_zero(b->w, xfrm_align(n) - n);
}

/* An attribute of a fixed part and octets behind it. */
static void
attr_and(struct build *b, uint16_t type, const void *p, size_t n, struct bytes more)
{
	write_u16_host(b->w, (uint16_t)(XFRM_ATTR + n + more.n));
	write_u16_host(b->w, type);
	write_bytes(b->w, bytes_of(p, n));
	write_bytes(b->w, more);
	write_zero(b->w, xfrm_align(n + more.n) - (n + more.n));
}

static uint16_t
family_of(const struct net_addr *a)
{
	return a->family == 6 ? AF_INET6 : AF_INET;
}

static void
address(const struct net_addr *a, xfrm_address_t *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out, a->b, a->family == 6 ? 16 : 4);
}

static bool
is_icmp(uint8_t upper)
{
	return upper == IPPROTO_ICMP || upper == IPPROTO_ICMPV6 || upper == IPPROTO_MH;
}

static void
one_port(uint16_t port, uint8_t upper, uint16_t *value, uint16_t *mask)
{
	if (port == 0)
		return;
	*value = htons(is_icmp(upper) ? (uint16_t)(port - 1) : port);
	*mask = 0xffff;
}

static void
selector(const struct sp_selector *sel, struct xfrm_selector *out)
{
	struct net_prefix src = sel->src, dst = sel->dst;

	memset(out, 0, sizeof(*out));
	/* The kernel compares whole addresses: host bits would make another selector. */
	net_prefix_mask(&src);
	net_prefix_mask(&dst);
	address(&src.addr, &out->saddr);
	address(&dst.addr, &out->daddr);
	out->prefixlen_s = src.len;
	out->prefixlen_d = dst.len;
	out->family = family_of(&src.addr);
	out->proto = sel->upper == SP_UPPER_ANY ? 0 : sel->upper;
	one_port(sel->sport, sel->upper, &out->sport, &out->sport_mask);
	one_port(sel->dport, sel->upper, &out->dport, &out->dport_mask);
}

static void
mark(struct build *b, const struct sa_mark *k, uint32_t if_id)
{
	struct xfrm_mark v = { .v = k->value, .m = k->mask };

	if (k->mask != 0)
		attr(b, XFRMA_MARK, &v, sizeof(v));
	if (if_id != 0)
		attr(b, XFRMA_IF_ID, &if_id, sizeof(if_id));
}

static int
context(struct build *b, const struct sa_context *c)
{
	struct xfrm_user_sec_ctx v = { .exttype = XFRMA_SEC_CTX, .ctx_alg = c->alg,
		.ctx_doi = c->doi };
	size_t n = strnlen(c->text, sizeof(c->text));

	if (n == 0)
		return 0;
	if (!b->env->labels)
		return refuse(b, EOPNOTSUPP,
			"this kernel has no security contexts (SELinux is not active)");
	if (n == sizeof(c->text))
		return refuse(b, EINVAL, "the security context is too long");
	v.ctx_len = (uint16_t)(n + 1);
	v.len = (uint16_t)(sizeof(v) + n + 1);
	attr_and(b, XFRMA_SEC_CTX, &v, sizeof(v), bytes_of(c->text, n + 1));
	return 0;
}

static uint64_t
limit(uint64_t v)
{
	return v == 0 ? XFRM_INF : v;
}

/* ---------------------------------------------------------------------------------------- SAs */

static int
algorithm_name(struct build *b, const struct alg *a, char name[64])
{
	if (a->xfrm == NULL)
		return refuse(b, EOPNOTSUPP, "the kernel has no %s", a->name);
	snprintf(name, 64, "%s", a->xfrm);
	return 0;
}

static int
put_auth(struct build *b, const struct ipsec_sa *sa)
{
	struct xfrm_algo_auth v = { .alg_key_len = sa->auth_key.octets * 8u };
	int error;

	if (sa->auth == NULL && sa->auth_key.octets != 0)
		return refuse(b, EINVAL, "a key of an authentication that is not known here");
	if (sa->auth == NULL)
		return 0;
	error = algorithm_name(b, sa->auth, v.alg_name);
	v.alg_trunc_len = sa->auth->icv * 8u;
	if (error == 0)
		attr_and(b, XFRMA_ALG_AUTH_TRUNC, &v, sizeof(v),
			bytes_of(sa->auth_key.b, sa->auth_key.octets));
	return error;
}

static int
put_encr(struct build *b, const struct ipsec_sa *sa)
{
	struct bytes key = bytes_of(sa->encr_key.b, sa->encr_key.octets);
	struct xfrm_algo_aead aead = { .alg_key_len = sa->encr_key.octets * 8u };
	struct xfrm_algo v = { .alg_key_len = sa->encr_key.octets * 8u };
	int error;

	/* The kernel may use a cipher that has no name here: it is not the null cipher. */
	if (sa->encr == NULL && sa->encr_key.octets != 0)
		return refuse(b, EINVAL, "a key of a cipher that is not known here");
	if (sa->encr == NULL && sa->proto == SA_ESP && sa->auth != NULL) {
		/* ESP that only authenticates: the kernel wants the null cipher by name. */
		snprintf(v.alg_name, sizeof(v.alg_name), "ecb(cipher_null)");
		attr(b, XFRMA_ALG_CRYPT, &v, sizeof(v));
		return 0;
	}
	if (sa->encr == NULL)
		return 0;
	if (sa->encr->icv == 0) {
		error = algorithm_name(b, sa->encr, v.alg_name);
		if (error == 0)
			attr_and(b, XFRMA_ALG_CRYPT, &v, sizeof(v), key);
		return error;
	}
	if (sa->auth != NULL && sa->auth->mode != ALG_MODE_NULL)
		return refuse(b, EINVAL, "%s authenticates by itself: no -A beside it",
			sa->encr->name);
	error = algorithm_name(b, sa->encr, aead.alg_name);
	aead.alg_icv_len = sa->encr->icv * 8u;
	if (error == 0)
		attr_and(b, XFRMA_ALG_AEAD, &aead, sizeof(aead), key);
	return error;
}

static int
put_algorithms(struct build *b, const struct ipsec_sa *sa)
{
	struct xfrm_algo comp = { .alg_key_len = 0 };
	bool aead = sa->encr != NULL && sa->encr->icv != 0;
	int error = 0;

	if (sa->proto == SA_IPCOMP) {
		if (sa->comp == NULL)
			return refuse(b, EINVAL, "ipcomp without an algorithm");
		error = algorithm_name(b, sa->comp, comp.alg_name);
		if (error == 0)
			attr(b, XFRMA_ALG_COMP, &comp, sizeof(comp));
		return error;
	}
	if (sa->proto == SA_ESP)
		error = put_encr(b, sa);
	else if (sa->encr != NULL)
		return refuse(b, EINVAL, "ah does not encrypt");
	if (error == 0 && !aead)
		error = put_auth(b, sa);
	return error;
}

/* RFC 4303 2.2.1 and appendix A: 64-bit numbers always come with a window. */
static int
put_window(struct build *b, const struct ipsec_sa *sa, struct xfrm_usersa_info *info)
{
	static const uint32_t bitmap[WINDOW_MAX / 32];
	struct xfrm_replay_state_esn v = { .replay_window = sa->replay };
	bool esn = (sa->flags & SA_F_ESN) != 0;

	if (sa->proto == SA_IPCOMP)
		return 0;
	if (sa->replay > WINDOW_MAX)
		return refuse(b, EINVAL, "the replay window may have %d packets at most",
			WINDOW_MAX);
	if (!esn && sa->replay <= LEGACY_WINDOW_MAX) {
		info->replay_window = (uint8_t)sa->replay;
		return 0;
	}
	if (v.replay_window == 0)
		v.replay_window = ESN_WINDOW_LEAST;
	if (esn)
		info->flags |= XFRM_STATE_ESN;
	v.bmp_len = (v.replay_window + 31) / 32;
	attr_and(b, XFRMA_REPLAY_ESN_VAL, &v, sizeof(v), bytes_of(bitmap, v.bmp_len * 4u));
	return 0;
}

static int
put_encap(struct build *b, const struct ipsec_sa *sa)
{
	struct xfrm_encap_tmpl v = { .encap_type = ENCAP_RFC3948 };
	uint32_t seconds = MAPPING_S;

	if (sa->natt_frag != 0)
		return refuse(b, EOPNOTSUPP,
			"this kernel cannot fragment before encapsulation (esp_frag)");
	if (!sa->natt)
		return 0;
	if (sa->natt_non_ike)
		v.encap_type = ENCAP_NON_IKE;
	v.encap_sport = htons(sa->src.port);
	v.encap_dport = htons(sa->dst.port);
	if (sa->natt_oa.family != 0)
		address(&sa->natt_oa, &v.encap_oa);
	attr(b, XFRMA_ENCAP, &v, sizeof(v));
	/* Linux 5.14; older ones tell of a peer that is elsewhere with every packet. */
	attr(b, XFRMA_MTIMER_THRESH, &seconds, sizeof(seconds));
	return 0;
}

static int
fill_info(struct build *b, struct xfrm_usersa_info *info)
{
	const struct ipsec_sa *sa = &b->m->sa;

	memset(info, 0, sizeof(*info));
	if (sa->src.addr.family == 0 || sa->src.addr.family != sa->dst.addr.family)
		return refuse(b, EINVAL, "an SA needs two addresses of one family");
	if (sa->proto == SA_TCP)
		return refuse(b, EOPNOTSUPP, "the kernel keeps keys of TCP-MD5 with the sockets");
	if ((sa->flags & SA_F_OLD) != 0)
		return refuse(b, EOPNOTSUPP, "the kernel has no %s-old", sa_proto_name(sa->proto));
	info->family = family_of(&sa->dst.addr);
	address(&sa->src.addr, &info->saddr);
	address(&sa->dst.addr, &info->id.daddr);
	info->id.spi = htonl(sa->spi);
	info->id.proto = (uint8_t)sa->proto;
	info->seq = b->m->seq;
	info->reqid = sa->reqid;
	info->mode = sa->mode == SA_TUNNEL ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT;
	/* A tunnel carries both families; the selector of a transport SA is its own family. */
	if (sa->mode == SA_TUNNEL)
		info->flags |= XFRM_STATE_AF_UNSPEC;
	else
		info->sel.family = info->family;
	/* RFC 4302 2.6: IPv4's AH ends on 32 bits; the kernel pads to 64 unless told. */
	if (sa->proto == SA_AH && info->family == AF_INET)
		info->flags |= XFRM_STATE_ALIGN4;
	info->lft.soft_byte_limit = limit(sa->soft.bytes);
	info->lft.hard_byte_limit = limit(sa->hard.bytes);
	info->lft.soft_packet_limit = limit(sa->soft.allocations);
	info->lft.hard_packet_limit = limit(sa->hard.allocations);
	info->lft.soft_add_expires_seconds = sa->soft.add_s;
	info->lft.hard_add_expires_seconds = sa->hard.add_s;
	info->lft.soft_use_expires_seconds = sa->soft.use_s;
	info->lft.hard_use_expires_seconds = sa->hard.use_s;
	return 0;
}

static int
put_state(struct build *b)
{
	const struct ipsec_sa *sa = &b->m->sa;
	struct xfrm_usersa_info info;
	uint32_t extra = XFRM_SA_XFLAG_OSEQ_MAY_WRAP;
	uint8_t *at;
	int error = fill_info(b, &info);

	if (error != 0)
		return error;
	at = write_hole(b->w, sizeof(info));
	error = put_algorithms(b, sa);
	if (error == 0)
		error = put_window(b, sa, &info);
	if (error == 0)
		error = put_encap(b, sa);
	if (error == 0)
		error = context(b, &sa->ctx);
	if (error != 0)
		return error;
	if ((sa->flags & SA_F_CYCSEQ) != 0 && (sa->flags & SA_F_ESN) == 0 &&
		sa->proto != SA_IPCOMP)
		attr(b, XFRMA_SA_EXTRA_FLAGS, &extra, sizeof(extra));
	mark(b, &sa->mark, sa->if_id);
	if (at != NULL)
		memcpy(at, &info, sizeof(info));
	return 0;
}

static int
put_allocspi(struct build *b)
{
	struct xfrm_userspi_info v;
	int error = fill_info(b, &v.info);

	if (error != 0)
		return error;
	v.info.id.spi = 0;
	v.min = b->m->spi_min == 0 ? SA_SPI_MIN : b->m->spi_min;
	v.max = b->m->spi_max == 0 ? UINT32_MAX : b->m->spi_max;
	if (b->m->sa.proto == SA_IPCOMP && v.max > IPCOMP_SPI_MAX)
		v.max = IPCOMP_SPI_MAX;
	write_bytes(b->w, bytes_of(&v, sizeof(v)));
	mark(b, &b->m->sa.mark, b->m->sa.if_id);
	return 0;
}

/* Which SA: for GET and DELETE. */
static int
put_sa_id(struct build *b)
{
	const struct ipsec_sa *sa = &b->m->sa;
	struct xfrm_usersa_id v = { .spi = htonl(sa->spi), .family = family_of(&sa->dst.addr),
		.proto = (uint8_t)sa->proto };

	if (sa->dst.addr.family == 0 || sa->proto == SA_NONE)
		return refuse(b, EINVAL, "which SA: destination, protocol and SPI name it");
	if (sa->spi == 0)
		return refuse(b, EOPNOTSUPP, "the kernel deletes one SA at a time");
	address(&sa->dst.addr, &v.daddr);
	write_bytes(b->w, bytes_of(&v, sizeof(v)));
	mark(b, &sa->mark, 0);
	return 0;
}

static int
put_flush(struct build *b)
{
	struct xfrm_usersa_flush v = { .proto = (uint8_t)b->m->sa.proto };

	/* 255: ESP, AH and IPComp, but not the transforms of Mobile IPv6. */
	if (b->m->sa.proto == SA_NONE)
		v.proto = 255;
	write_bytes(b->w, bytes_of(&v, sizeof(v)));
	write_zero(b->w, xfrm_align(sizeof(v)) - sizeof(v));
	return 0;
}

static int
put_dump(struct build *b)
{
	uint8_t proto = (uint8_t)b->m->sa.proto;

	/* The kernel reads attributes of dumps right behind the header. */
	if (proto != SA_NONE)
		attr(b, XFRMA_PROTO, &proto, sizeof(proto));
	return 0;
}

/* ----------------------------------------------------------------------------------- policies */

static int
put_rules(struct build *b)
{
	const struct ipsec_policy *sp = &b->m->sp;
	struct xfrm_user_tmpl v[SP_RULES_MAX];
	uint32_t unique = b->env->unique;

	memset(v, 0, sizeof(v));
	if (sp->rules > SP_RULES_MAX)
		return refuse(b, EINVAL, "more than %d rules", SP_RULES_MAX);
	for (unsigned i = 0; i < sp->rules; i++) {
		const struct sp_rule *r = &sp->rule[i];
		bool tunnel = r->mode == SA_TUNNEL;

		v[i].id.proto = (uint8_t)r->proto;
		v[i].family = family_of(tunnel ? &r->dst.addr : &sp->sel.src.addr);
		v[i].mode = tunnel ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT;
		v[i].optional = r->level == SP_USE;
		v[i].aalgos = v[i].ealgos = v[i].calgos = UINT32_MAX;
		if (r->level == SP_UNIQUE)
			v[i].reqid = r->reqid != 0 ? r->reqid : unique++;
		if (tunnel && (r->src.addr.family == 0 ||
			r->src.addr.family != r->dst.addr.family))
			return refuse(b, EINVAL, "a tunnel rule needs two end points");
		if (tunnel) {
			address(&r->src.addr, &v[i].saddr);
			address(&r->dst.addr, &v[i].id.daddr);
		}
	}
	if (sp->rules != 0)
		attr(b, XFRMA_TMPL, v, sp->rules * sizeof(v[0]));
	return 0;
}

static int
check_selector(struct build *b)
{
	const struct ipsec_policy *sp = &b->m->sp;

	if (sp->sel.src.addr.family == 0 ||
		sp->sel.src.addr.family != sp->sel.dst.addr.family || sp->dir < SP_IN ||
		sp->dir > SP_FWD)
		return refuse(b, EINVAL, "a policy needs a direction and two ranges of one family");
	return 0;
}

static int
put_policy(struct build *b)
{
	const struct ipsec_policy *sp = &b->m->sp;
	struct xfrm_userpolicy_info info;
	int error = check_selector(b);

	if (error != 0)
		return error;
	if (sp->action == SP_ENTRUST)
		return refuse(b, EOPNOTSUPP, "entrust is for policies of sockets");
	memset(&info, 0, sizeof(info));
	selector(&sp->sel, &info.sel);
	info.lft.soft_byte_limit = info.lft.hard_byte_limit = XFRM_INF;
	info.lft.soft_packet_limit = info.lft.hard_packet_limit = XFRM_INF;
	info.lft.hard_add_expires_seconds = sp->hard.add_s;
	info.lft.hard_use_expires_seconds = sp->hard.use_s;
	info.priority = sp->priority == 0 ? SP_PRIORITY_DEFAULT : sp->priority;
	info.dir = (uint8_t)(sp->dir - SP_IN);
	info.action = sp->action == SP_DISCARD ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
	write_bytes(b->w, bytes_of(&info, sizeof(info)));
	if (sp->action == SP_IPSEC)
		error = put_rules(b);
	if (error == 0)
		error = context(b, &sp->ctx);
	mark(b, &sp->mark, sp->if_id);
	return error;
}

static int
put_policy_id(struct build *b, bool by_id)
{
	const struct ipsec_policy *sp = &b->m->sp;
	struct xfrm_userpolicy_id v;
	int error = by_id ? 0 : check_selector(b);

	if (error != 0)
		return error;
	memset(&v, 0, sizeof(v));
	if (by_id) {
		v.index = sp->id;
		v.dir = (uint8_t)(sp->id & 7); /* the kernel makes its indexes so */
		if (sp->id == 0 || v.dir > XFRM_POLICY_FWD)
			return refuse(b, ENOENT, "there is no policy of this number");
	} else {
		selector(&sp->sel, &v.sel);
		v.dir = (uint8_t)(sp->dir - SP_IN);
	}
	write_bytes(b->w, bytes_of(&v, sizeof(v)));
	error = context(b, &sp->ctx);
	mark(b, &sp->mark, sp->if_id);
	return error;
}

static int
put_migrate(struct build *b)
{
	struct xfrm_userpolicy_id v;
	struct xfrm_user_migrate move[SP_RULES_MAX];
	int error = check_selector(b);

	if (error != 0)
		return error;
	if (b->m->moves == 0 || b->m->moves > SP_RULES_MAX)
		return refuse(b, EINVAL, "migrate needs 1 to %d moves", SP_RULES_MAX);
	memset(&v, 0, sizeof(v));
	memset(move, 0, sizeof(move));
	selector(&b->m->sp.sel, &v.sel);
	v.dir = (uint8_t)(b->m->sp.dir - SP_IN);
	for (unsigned i = 0; i < b->m->moves; i++) {
		const struct sadb_move *from = &b->m->move[i];

		address(&from->from_src, &move[i].old_saddr);
		address(&from->from_dst, &move[i].old_daddr);
		address(&from->to_src, &move[i].new_saddr);
		address(&from->to_dst, &move[i].new_daddr);
		move[i].old_family = family_of(&from->from_dst);
		move[i].new_family = family_of(&from->to_dst);
		move[i].proto = (uint8_t)from->proto;
		move[i].mode = from->mode == SA_TUNNEL ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT;
		move[i].reqid = from->reqid;
	}
	write_bytes(b->w, bytes_of(&v, sizeof(v)));
	attr(b, XFRMA_MIGRATE, move, b->m->moves * sizeof(move[0]));
	if (b->m->sp.if_id != 0)
		attr(b, XFRMA_IF_ID, &b->m->sp.if_id, sizeof(b->m->sp.if_id));
	return 0;
}

/* ------------------------------------------------------------------------------------ messages */

static int
put_body(struct build *b)
{
	switch (b->m->op) {
	case SADB_OP_GETSPI:
		return put_allocspi(b);
	case SADB_OP_UPDATE:
	case SADB_OP_ADD:
		return put_state(b);
	case SADB_OP_DELETE:
	case SADB_OP_GET:
		return put_sa_id(b);
	case SADB_OP_FLUSH:
		return put_flush(b);
	case SADB_OP_DUMP:
		return put_dump(b);
	case SADB_OP_SPDUPDATE:
	case SADB_OP_SPDADD:
		return put_policy(b);
	case SADB_OP_SPDDELETE:
		return put_policy_id(b, false);
	case SADB_OP_SPDGET:
	case SADB_OP_SPDDELETE2:
		return put_policy_id(b, true);
	case SADB_OP_SPDDUMP:
	case SADB_OP_SPDFLUSH:
		return 0;
	case SADB_OP_MIGRATE:
		return put_migrate(b);
	case SADB_OP_ACQUIRE:
	case SADB_OP_REGISTER:
	case SADB_OP_EXPIRE:
	case SADB_OP_PROMISC:
	case SADB_OP_MAPPING:
	case SADB_OP_SPDEXPIRE:
		break;
	}
	return refuse(b, EINVAL, "%s is no request to the kernel", sadb_op_name(b->m->op));
}

static uint16_t
type_of(enum sadb_op op)
{
	static const struct { enum sadb_op op; uint16_t type; } types[] = {
		{ SADB_OP_GETSPI, XFRM_MSG_ALLOCSPI },
		{ SADB_OP_UPDATE, XFRM_MSG_UPDSA },
		{ SADB_OP_ADD, XFRM_MSG_NEWSA },
		{ SADB_OP_DELETE, XFRM_MSG_DELSA },
		{ SADB_OP_GET, XFRM_MSG_GETSA },
		{ SADB_OP_FLUSH, XFRM_MSG_FLUSHSA },
		{ SADB_OP_DUMP, XFRM_MSG_GETSA },
		{ SADB_OP_SPDUPDATE, XFRM_MSG_UPDPOLICY },
		{ SADB_OP_SPDADD, XFRM_MSG_NEWPOLICY },
		{ SADB_OP_SPDDELETE, XFRM_MSG_DELPOLICY },
		{ SADB_OP_SPDGET, XFRM_MSG_GETPOLICY },
		{ SADB_OP_SPDDUMP, XFRM_MSG_GETPOLICY },
		{ SADB_OP_SPDFLUSH, XFRM_MSG_FLUSHPOLICY },
		{ SADB_OP_SPDDELETE2, XFRM_MSG_DELPOLICY },
		{ SADB_OP_MIGRATE, XFRM_MSG_MIGRATE },
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].op == op)
			return types[i].type;
	return 0;
}

int
xfrm_encode(const struct sadb_msg *m, const struct xfrm_env *env, struct writer *w, char *why,
	size_t why_size)
{
	struct build b = { .m = m, .env = env, .w = w, .why = why, .why_size = why_size };
	bool dump = m->op == SADB_OP_DUMP || m->op == SADB_OP_SPDDUMP;
	struct nlmsghdr h = { .nlmsg_type = type_of(m->op),
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0)) };
	uint8_t *at = w->p;
	int error;

	write_bytes(w, bytes_of(&h, sizeof(h)));
	error = put_body(&b);
	if (error == 0 && w->bad)
		error = refuse(&b, EMSGSIZE, "the request is too large");
	if (error != 0)
		return error;
	h.nlmsg_len = (uint32_t)(w->p - at);
	memcpy(at, &h, sizeof(h));
	return 0;
}
