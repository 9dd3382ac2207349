/*
 * dp_guard_linux.c - the guard against cleartext as an nftables table.
 *
 * Called by the datapath (dp_uv.c).  Talks netlink itself: no library, no program, and changes of
 * one policy stay one small message.  Rules with equal prefix lengths share one hash set whose key
 * is the masked addresses (with protocol and ports where policies name them), so a packet costs one
 * look-up per shape and not one per policy.  The tables belong to our socket (owner flag): nobody
 * flushes them by mistake; where the kernel can (6.9), they outlive a process that is killed.
 */
#include "ipsec/dp_guard.h"

#include <errno.h>
#include <netinet/in.h> /* before the kernel's, which then leave these definitions alone */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipsec/dp_nl.h"
#include "ipsec/sadb.h"
#include "lib/log.h"

/* Two names, so that the next table is complete before that of a killed predecessor goes. */
static const char *const table_names[] = { "multinet_ipsec", "multinet_ipsec_2" };
#define COUNTER "cleartext"

enum {
	NAME_MAX_OCTETS = 32,
	ELEMENTS_MAX = 60000, /* octets of elements in one message: its length field has 16 bits */
	KEY_MAX = 44,
	FAMILIES = 2, /* IPv4, IPv6: a table each */
	IKE_PORT = 500,
	IKE_NATT_PORT = 4500,
	ND_FIRST = 133, ND_LAST = 137, /* ICMPv6 types of neighbour discovery (RFC 4861 4) */
	HOPS_MAX = 255,
	TABLE_F_PERSIST = 4, /* NFT_TABLE_F_PERSIST, Linux 6.9; headers may be older */
	/* nft's numbers of data types, for its listings only. */
	NFT_TYPE_IPADDR = 7,
	NFT_TYPE_IP6ADDR = 8,
	NFT_TYPE_INET_PROTOCOL = 12,
	NFT_TYPE_INET_SERVICE = 13,
	NFT_TYPE_BITS_ = 6,
};

enum ports { PORTS_NONE, PORTS_TH = 1, PORTS_ICMP = 2 }; /* kind of what follows the protocol */

struct shape { /* rules that share one set and one nft rule */
	bool v6, forwarded_only, drop;
	uint8_t rank, src_len, dst_len;
	bool proto;
	enum ports ports;
	bool first, second; /* source port or ICMP type; destination port or ICMP code */
};

struct dp_guard {
	struct dp_nl nl;
	unsigned tun;
	bool v6;                 /* what is being gathered is for IPv6's table */
	bool has[FAMILIES];      /* the tables there are */
	const char *name;        /* of the tables */
	uint32_t flags;          /* ... and theirs */
	bool strict;             /* see mark_local */
	bool sockets;            /* the kernel can ask for a socket's mark */
	bool began;              /* a batch is being gathered */
	int open;                /* shape whose elements are being listed, -1: none */
	uint16_t open_message;   /* NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM */
	bool chain[FAMILIES][2][DP_GUARD_RANKS_MAX]; /* there are: both ways, forwarded only */
	uint64_t counted[FAMILIES]; /* of the present counters, already looked at */
	uint64_t dropped;        /* not told yet */
	bool renewed;            /* the batch makes a new counter */
	int error;               /* first refusal of the batch */
	unsigned shapes;
	struct shape shape[DP_GUARD_SHAPES_MAX];
};

/* ---------------------------------------------------------------------------------- messages */

static void
begin(struct dp_guard *g, uint16_t message, uint16_t flags)
{
	struct nfgenmsg h = { .nfgen_family = g->v6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
		.version = NFNETLINK_V0 };

	if (g->open >= 0) {
		dp_nl_nest_end(&g->nl);
		g->open = -1;
	}
	if (!g->began) {
		struct nfgenmsg all = { .version = NFNETLINK_V0,
			.res_id = htons(NFNL_SUBSYS_NFTABLES) };

		dp_nl_begin(&g->nl, NFNL_MSG_BATCH_BEGIN, 0, &all, sizeof(all));
		g->began = true;
	}
	dp_nl_begin(&g->nl, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message), flags, &h, sizeof(h));
}

static void
note_refusal(void *user, uint32_t seq, int error)
{
	struct dp_guard *g = user;

	(void)seq;
	if (g->error == 0)
		g->error = error;
}

static bool
commit(struct dp_guard *g)
{
	struct nfgenmsg all = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	if (!g->began)
		return true;
	if (g->open >= 0)
		dp_nl_nest_end(&g->nl);
	g->open = -1;
	dp_nl_begin(&g->nl, NFNL_MSG_BATCH_END, 0, &all, sizeof(all));
	g->began = false;
	g->error = 0;
	if (!dp_nl_send(&g->nl, note_refusal, g))
		g->error = errno;
	return g->error == 0;
}

static void
put_chain(struct dp_guard *g, const char *name, int hook)
{
	begin(g, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	dp_nl_str(&g->nl, NFTA_CHAIN_TABLE, g->name);
	dp_nl_str(&g->nl, NFTA_CHAIN_NAME, name);
	if (hook < 0)
		return;
	dp_nl_nest(&g->nl, NFTA_CHAIN_HOOK);
	dp_nl_be32(&g->nl, NFTA_HOOK_HOOKNUM, (uint32_t)hook);
	dp_nl_be32(&g->nl, NFTA_HOOK_PRIORITY, (uint32_t)-1); /* just before ordinary filters */
	dp_nl_nest_end(&g->nl);
	dp_nl_be32(&g->nl, NFTA_CHAIN_POLICY, NF_ACCEPT);
	dp_nl_str(&g->nl, NFTA_CHAIN_TYPE, "filter");
}

/* -------------------------------------------------------------------- the expressions of a rule */

static void
begin_rule(struct dp_guard *g, const char *chain)
{
	begin(g, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	dp_nl_str(&g->nl, NFTA_RULE_TABLE, g->name);
	dp_nl_str(&g->nl, NFTA_RULE_CHAIN, chain);
	dp_nl_nest(&g->nl, NFTA_RULE_EXPRESSIONS);
}

static void
end_rule(struct dp_guard *g)
{
	dp_nl_nest_end(&g->nl);
}

static void
begin_expr(struct dp_guard *g, const char *name)
{
	dp_nl_nest(&g->nl, NFTA_LIST_ELEM);
	dp_nl_str(&g->nl, NFTA_EXPR_NAME, name);
	dp_nl_nest(&g->nl, NFTA_EXPR_DATA);
}

static void
end_expr(struct dp_guard *g)
{
	dp_nl_nest_end(&g->nl);
	dp_nl_nest_end(&g->nl);
}

static void
put_value(struct dp_guard *g, uint16_t type, const void *value, size_t n)
{
	dp_nl_nest(&g->nl, type);
	dp_nl_put(&g->nl, NFTA_DATA_VALUE, value, n);
	dp_nl_nest_end(&g->nl);
}

static void
expr_meta(struct dp_guard *g, enum nft_meta_keys key, uint32_t reg)
{
	begin_expr(g, "meta");
	dp_nl_be32(&g->nl, NFTA_META_KEY, key);
	dp_nl_be32(&g->nl, NFTA_META_DREG, reg);
	end_expr(g);
}

static void
expr_payload(struct dp_guard *g, enum nft_payload_bases base, uint32_t offset, uint32_t n,
	uint32_t reg)
{
	begin_expr(g, "payload");
	dp_nl_be32(&g->nl, NFTA_PAYLOAD_DREG, reg);
	dp_nl_be32(&g->nl, NFTA_PAYLOAD_BASE, base);
	dp_nl_be32(&g->nl, NFTA_PAYLOAD_OFFSET, offset);
	dp_nl_be32(&g->nl, NFTA_PAYLOAD_LEN, n);
	end_expr(g);
}

static void
expr_compare(struct dp_guard *g, enum nft_cmp_ops how, uint32_t reg, const void *value, size_t n)
{
	begin_expr(g, "cmp");
	dp_nl_be32(&g->nl, NFTA_CMP_SREG, reg);
	dp_nl_be32(&g->nl, NFTA_CMP_OP, how);
	put_value(g, NFTA_CMP_DATA, value, n);
	end_expr(g);
}

static void
expr_equal(struct dp_guard *g, uint32_t reg, const void *value, size_t n)
{
	expr_compare(g, NFT_CMP_EQ, reg, value, n);
}

/* Keep so many leading bits of an address of n octets. */
static void
expr_mask(struct dp_guard *g, uint32_t reg, unsigned bits, size_t n)
{
	uint8_t mask[16] = { 0 }, zero[16] = { 0 };

	if (bits == n * 8)
		return;
	memset(mask, 0xff, bits / 8);
	if (bits % 8 != 0)
		mask[bits / 8] = (uint8_t)(0xff00u >> bits % 8);
	begin_expr(g, "bitwise");
	dp_nl_be32(&g->nl, NFTA_BITWISE_SREG, reg);
	dp_nl_be32(&g->nl, NFTA_BITWISE_DREG, reg);
	dp_nl_be32(&g->nl, NFTA_BITWISE_LEN, (uint32_t)n);
	put_value(g, NFTA_BITWISE_MASK, mask, n);
	put_value(g, NFTA_BITWISE_XOR, zero, n);
	end_expr(g);
}

static void
expr_verdict(struct dp_guard *g, int code, const char *chain)
{
	begin_expr(g, "immediate");
	dp_nl_be32(&g->nl, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	dp_nl_nest(&g->nl, NFTA_IMMEDIATE_DATA);
	dp_nl_nest(&g->nl, NFTA_DATA_VERDICT);
	dp_nl_be32(&g->nl, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain != NULL)
		dp_nl_str(&g->nl, NFTA_VERDICT_CHAIN, chain);
	dp_nl_nest_end(&g->nl);
	dp_nl_nest_end(&g->nl);
	end_expr(g);
}

static void
expr_count(struct dp_guard *g)
{
	begin_expr(g, "objref");
	dp_nl_be32(&g->nl, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	dp_nl_str(&g->nl, NFTA_OBJREF_IMM_NAME, COUNTER);
	end_expr(g);
}

/* ------------------------------------------------------------------------------- fixed rules */

static void
accept_meta(struct dp_guard *g, const char *chain, enum nft_meta_keys key, uint32_t value)
{
	begin_rule(g, chain);
	expr_meta(g, key, NFT_REG_1);
	expr_equal(g, NFT_REG_1, &value, sizeof(value));
	expr_verdict(g, NF_ACCEPT, NULL);
	end_rule(g);
}

/* What must reach us unprotected: the protection itself, and (port not 0) IKE. */
static void
accept_proto(struct dp_guard *g, const char *chain, uint8_t proto, uint16_t port)
{
	uint8_t dport[2] = { (uint8_t)(port >> 8), (uint8_t)port };

	begin_rule(g, chain);
	expr_meta(g, NFT_META_L4PROTO, NFT_REG_1);
	expr_equal(g, NFT_REG_1, &proto, sizeof(proto));
	if (port != 0) {
		expr_payload(g, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
		expr_equal(g, NFT_REG_1, dport, sizeof(dport));
	}
	expr_verdict(g, NF_ACCEPT, NULL);
	end_rule(g);
}

/* Router and neighbour discovery from the link itself: without it there is no IPv6. */
static void
accept_discovery(struct dp_guard *g, const char *chain)
{
	uint8_t proto = IPPROTO_ICMPV6, first = ND_FIRST, last = ND_LAST, hops = HOPS_MAX;

	begin_rule(g, chain);
	expr_meta(g, NFT_META_L4PROTO, NFT_REG_1);
	expr_equal(g, NFT_REG_1, &proto, sizeof(proto));
	expr_payload(g, NFT_PAYLOAD_NETWORK_HEADER, 7, 1, NFT_REG_1);
	expr_equal(g, NFT_REG_1, &hops, sizeof(hops));
	expr_payload(g, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1);
	expr_compare(g, NFT_CMP_GTE, NFT_REG_1, &first, sizeof(first));
	expr_compare(g, NFT_CMP_LTE, NFT_REG_1, &last, sizeof(last));
	expr_verdict(g, NF_ACCEPT, NULL);
	end_rule(g);
}

/* Later fragments under AH, which this hook sees before they are put together: nft finds no
 * protocol in them.  The fragment header is the first. */
static void
accept_ah_fragments(struct dp_guard *g, const char *chain)
{
	uint8_t fragment = IPPROTO_FRAGMENT, ah = IPPROTO_AH;

	begin_rule(g, chain);
	expr_payload(g, NFT_PAYLOAD_NETWORK_HEADER, 6, 1, NFT_REG_1);
	expr_equal(g, NFT_REG_1, &fragment, sizeof(fragment));
	expr_payload(g, NFT_PAYLOAD_NETWORK_HEADER, 40, 1, NFT_REG_1);
	expr_equal(g, NFT_REG_1, &ah, sizeof(ah));
	expr_verdict(g, NF_ACCEPT, NULL);
	end_rule(g);
}

/* What comes to a socket of IKE's, whatever its port. */
static void
accept_sockets(struct dp_guard *g, const char *chain)
{
	uint32_t mark = SADB_BYPASS_MARK;

	begin_rule(g, chain);
	begin_expr(g, "socket");
	dp_nl_be32(&g->nl, NFTA_SOCKET_KEY, NFT_SOCKET_MARK);
	dp_nl_be32(&g->nl, NFTA_SOCKET_DREG, NFT_REG_1);
	end_expr(g);
	expr_equal(g, NFT_REG_1, &mark, sizeof(mark));
	expr_verdict(g, NF_ACCEPT, NULL);
	end_rule(g);
}

static void
jump(struct dp_guard *g, const char *from, const char *to)
{
	begin_rule(g, from);
	expr_verdict(g, NFT_JUMP, to);
	end_rule(g);
}

static void
set_mark(struct dp_guard *g, uint32_t mark)
{
	begin_expr(g, "immediate");
	dp_nl_be32(&g->nl, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	put_value(g, NFTA_IMMEDIATE_DATA, &mark, sizeof(mark));
	end_expr(g);
	begin_expr(g, "meta");
	dp_nl_be32(&g->nl, NFTA_META_KEY, NFT_META_MARK);
	dp_nl_be32(&g->nl, NFTA_META_SREG, NFT_REG_1);
	end_expr(g);
}

/*
 * A strict reverse path filter asks where answers to a packet's source would go, and our routes
 * say: to the TUN.  With the bypass mark (and src_valid_mark) it gets the true way.  Only packets
 * for this host have it, from before they are routed until the guard looks at them.
 */
static void
mark_local(struct dp_guard *g)
{
	uint32_t none = 0, local = RTN_LOCAL, mark = SADB_BYPASS_MARK;

	put_chain(g, "prerouting", NF_INET_PRE_ROUTING);
	accept_meta(g, "prerouting", NFT_META_IIF, if_nametoindex("lo"));
	accept_meta(g, "prerouting", NFT_META_IIF, g->tun);
	begin_rule(g, "prerouting");
	expr_meta(g, NFT_META_MARK, NFT_REG_1);
	expr_equal(g, NFT_REG_1, &none, sizeof(none));
	begin_expr(g, "fib");
	dp_nl_be32(&g->nl, NFTA_FIB_DREG, NFT_REG_1);
	dp_nl_be32(&g->nl, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	dp_nl_be32(&g->nl, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	end_expr(g);
	expr_equal(g, NFT_REG_1, &local, sizeof(local));
	set_mark(g, SADB_BYPASS_MARK);
	end_rule(g);
	begin_rule(g, "input");
	expr_meta(g, NFT_META_MARK, NFT_REG_1);
	expr_equal(g, NFT_REG_1, &mark, sizeof(mark));
	set_mark(g, 0);
	end_rule(g);
}

static void
put_table(struct dp_guard *g)
{
	begin(g, NFT_MSG_NEWTABLE, NLM_F_CREATE | (g->has[g->v6] ? 0 : NLM_F_EXCL));
	dp_nl_str(&g->nl, NFTA_TABLE_NAME, g->name);
	dp_nl_be32(&g->nl, NFTA_TABLE_FLAGS, g->flags);
	begin(g, NFT_MSG_NEWOBJ, NLM_F_CREATE);
	dp_nl_str(&g->nl, NFTA_OBJ_TABLE, g->name);
	dp_nl_str(&g->nl, NFTA_OBJ_NAME, COUNTER);
	dp_nl_be32(&g->nl, NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	dp_nl_nest(&g->nl, NFTA_OBJ_DATA);
	dp_nl_nest_end(&g->nl);
	put_chain(g, "check_in", -1);
	put_chain(g, "check_fwd", -1);
	put_chain(g, "input", NF_INET_LOCAL_IN);
	put_chain(g, "forward", NF_INET_FORWARD);
	accept_meta(g, "input", NFT_META_IIF, if_nametoindex("lo"));
	accept_meta(g, "input", NFT_META_IIF, g->tun);
	if (g->strict && !g->v6) /* IPv6 has no such filter of its own */
		mark_local(g);
	accept_meta(g, "input", NFT_META_MARK, SADB_BYPASS_MARK);
	accept_proto(g, "input", IPPROTO_ESP, 0);
	accept_proto(g, "input", IPPROTO_AH, 0);
	accept_proto(g, "input", IPPROTO_COMP, 0);
	accept_proto(g, "input", IPPROTO_UDP, IKE_PORT);
	accept_proto(g, "input", IPPROTO_UDP, IKE_NATT_PORT);
	if (g->v6) {
		accept_discovery(g, "input");
		accept_ah_fragments(g, "input");
	}
	if (g->sockets)
		accept_sockets(g, "input");
	jump(g, "input", "check_in");
	accept_meta(g, "forward", NFT_META_IIF, g->tun);
	accept_meta(g, "forward", NFT_META_MARK, SADB_BYPASS_MARK);
	jump(g, "forward", "check_in");
	jump(g, "forward", "check_fwd");
	memset(g->chain[g->v6], 0, sizeof(g->chain[0]));
}

static void
drop_table(struct dp_guard *g)
{
	begin(g, NFT_MSG_DELTABLE, 0);
	dp_nl_str(&g->nl, NFTA_TABLE_NAME, g->name);
}

/* ------------------------------------------------------------------------------------- shapes */

static struct shape
shape_of(const struct dp_guard_rule *r)
{
	bool icmp = r->proto == IPPROTO_ICMP || r->proto == IPPROTO_ICMPV6;
	bool ported = r->proto != SP_UPPER_ANY && (r->sport != 0 || r->dport != 0);

	return (struct shape){ .v6 = r->src.family == 6,
		.forwarded_only = r->forwarded_only, .drop = r->drop,
		.rank = r->rank, .src_len = r->src_len, .dst_len = r->dst_len,
		.proto = r->proto != SP_UPPER_ANY,
		.ports = !ported ? PORTS_NONE : icmp ? PORTS_ICMP : PORTS_TH,
		.first = ported && r->sport != 0, .second = ported && r->dport != 0 };
}

static bool
same_shape(const struct shape *a, const struct shape *b)
{
	return a->v6 == b->v6 && a->forwarded_only == b->forwarded_only &&
		a->drop == b->drop && a->rank == b->rank &&
		a->src_len == b->src_len && a->dst_len == b->dst_len && a->proto == b->proto &&
		a->ports == b->ports && a->first == b->first && a->second == b->second;
}

/* Octets of the set's key. */
static unsigned
key_octets(const struct shape *s)
{
	return (s->v6 ? 32u : 8u) + 4u * (0u + s->proto + s->first + s->second);
}

static const char *
set_name(char *buf, size_t size, const struct shape *s)
{
	snprintf(buf, size, "%s%u_%u_%u%s%s%s%s", s->forwarded_only ? "fwd" : "in", s->rank,
		s->src_len, s->dst_len, s->proto ? "_p" : "", s->ports == PORTS_ICMP ? "i" : "",
		s->first ? "s" : "", s->second ? "d" : "");
	return buf;
}

static void
put_rank(struct dp_guard *g, const struct shape *s, char *chain, size_t size)
{
	bool *there = &g->chain[s->v6][s->forwarded_only][s->rank];

	snprintf(chain, size, "%s%u", s->forwarded_only ? "fwd" : "in", s->rank);
	if (*there)
		return;
	put_chain(g, chain, -1);
	jump(g, s->forwarded_only ? "check_fwd" : "check_in", chain);
	*there = true;
}

static void
put_set(struct dp_guard *g, const struct shape *s, const char *name, uint32_t id)
{
	uint32_t addr = s->v6 ? NFT_TYPE_IP6ADDR : NFT_TYPE_IPADDR;
	uint32_t type = addr << NFT_TYPE_BITS_ | addr;

	if (s->proto)
		type = type << NFT_TYPE_BITS_ | NFT_TYPE_INET_PROTOCOL;
	for (int i = 0; i < s->first + s->second; i++)
		type = type << NFT_TYPE_BITS_ | NFT_TYPE_INET_SERVICE;
	begin(g, NFT_MSG_NEWSET, NLM_F_CREATE);
	dp_nl_str(&g->nl, NFTA_SET_TABLE, g->name);
	dp_nl_str(&g->nl, NFTA_SET_NAME, name);
	dp_nl_be32(&g->nl, NFTA_SET_FLAGS, 0);
	dp_nl_be32(&g->nl, NFTA_SET_KEY_TYPE, type);
	dp_nl_be32(&g->nl, NFTA_SET_KEY_LEN, key_octets(s));
	dp_nl_be32(&g->nl, NFTA_SET_ID, id);
}

/* A shape not seen before: its set, and the rule that looks packets up in it. */
static void
put_shape(struct dp_guard *g, const struct shape *s, uint32_t id)
{
	char chain[NAME_MAX_OCTETS], set[NAME_MAX_OCTETS];
	uint32_t reg = NFT_REG32_00, n = s->v6 ? 16 : 4, src = s->v6 ? 8 : 12;

	put_rank(g, s, chain, sizeof(chain));
	put_set(g, s, set_name(set, sizeof(set), s), id);
	begin_rule(g, chain);
	expr_payload(g, NFT_PAYLOAD_NETWORK_HEADER, src, n, reg);
	expr_mask(g, reg, s->src_len, n);
	reg += n / 4;
	expr_payload(g, NFT_PAYLOAD_NETWORK_HEADER, src + n, n, reg);
	expr_mask(g, reg, s->dst_len, n);
	reg += n / 4;
	if (s->proto)
		expr_meta(g, NFT_META_L4PROTO, reg++);
	if (s->first)
		expr_payload(g, NFT_PAYLOAD_TRANSPORT_HEADER, 0, s->ports == PORTS_ICMP ? 1 : 2,
			reg++);
	if (s->second)
		expr_payload(g, NFT_PAYLOAD_TRANSPORT_HEADER, s->ports == PORTS_ICMP ? 1 : 2,
			s->ports == PORTS_ICMP ? 1 : 2, reg++);
	begin_expr(g, "lookup");
	dp_nl_str(&g->nl, NFTA_LOOKUP_SET, set);
	dp_nl_be32(&g->nl, NFTA_LOOKUP_SREG, NFT_REG32_00);
	end_expr(g);
	if (s->drop)
		expr_count(g);
	expr_verdict(g, s->drop ? NF_DROP : NF_ACCEPT, NULL);
	end_rule(g);
}

static int
find_shape(struct dp_guard *g, const struct dp_guard_rule *r)
{
	struct shape s = shape_of(r);

	g->v6 = s.v6;
	for (unsigned i = 0; i < g->shapes; i++)
		if (same_shape(&g->shape[i], &s))
			return (int)i;
	if (g->shapes == DP_GUARD_SHAPES_MAX)
		return -1;
	put_shape(g, &s, g->shapes + 1);
	g->shape[g->shapes] = s;
	return (int)g->shapes++;
}

/* ----------------------------------------------------------------------------------- elements */

static void
put_port(uint8_t **at, enum ports kind, uint16_t port)
{
	uint16_t v = kind == PORTS_ICMP ? (uint16_t)(port - 1) : port;

	if (kind == PORTS_ICMP) {
		(*at)[0] = (uint8_t)v;
	} else {
		(*at)[0] = (uint8_t)(v >> 8);
		(*at)[1] = (uint8_t)v;
	}
	*at += 4;
}

static void
element(struct dp_guard *g, uint16_t message, const struct dp_guard_rule *r)
{
	int which = g->has[r->src.family == 6] ? find_shape(g, r) : -2;
	const struct shape *s = &g->shape[which < 0 ? 0 : which];
	size_t n = r->src.family == 6 ? 16 : 4;
	uint8_t key[KEY_MAX] = { 0 }, *at = key + 2 * n;
	char name[NAME_MAX_OCTETS];

	if (which == -2)
		return; /* said when it was opened */

	if (which < 0) {
		g->nl.failed = true; /* reported, and acted upon, at the commit */
		return;
	}
	memcpy(key, r->src.b, n);
	memcpy(key + n, r->dst.b, n);
	if (s->proto) {
		*at = r->proto;
		at += 4;
	}
	if (s->first)
		put_port(&at, s->ports, r->sport);
	if (s->second)
		put_port(&at, s->ports, r->dport);
	if (g->open != which || g->open_message != message || dp_nl_nested(&g->nl) > ELEMENTS_MAX) {
		begin(g, message, message == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
		dp_nl_str(&g->nl, NFTA_SET_ELEM_LIST_TABLE, g->name);
		dp_nl_str(&g->nl, NFTA_SET_ELEM_LIST_SET, set_name(name, sizeof(name), s));
		dp_nl_nest(&g->nl, NFTA_SET_ELEM_LIST_ELEMENTS);
		g->open = which;
		g->open_message = message;
	}
	dp_nl_nest(&g->nl, NFTA_LIST_ELEM);
	put_value(g, NFTA_SET_ELEM_KEY, key, key_octets(s));
	dp_nl_nest_end(&g->nl);
}

void
dp_guard_add(struct dp_guard *g, const struct dp_guard_rule *rule)
{
	element(g, NFT_MSG_NEWSETELEM, rule);
}

void
dp_guard_remove(struct dp_guard *g, const struct dp_guard_rule *rule)
{
	element(g, NFT_MSG_DELSETELEM, rule);
}

/* ---------------------------------------------------------------------------------- life cycle */

/* As much as this kernel can of: outliving us when we are killed, looking for sockets. */
static bool
open_table(struct dp_guard *g, bool v6)
{
	static const uint32_t flags[] = { NFT_TABLE_F_OWNER | TABLE_F_PERSIST, NFT_TABLE_F_OWNER };

	g->v6 = v6;
	for (unsigned i = 0; i < 2 * ARRAY_LEN(flags); i++) {
		g->flags = flags[i / 2];
		g->sockets = i % 2 == 0;
		put_table(g);
		g->has[v6] = commit(g);
		if (g->has[v6] || g->error == EEXIST)
			break;
	}
	return g->has[v6];
}

/* Both families' tables under this name. EEXIST: a predecessor's are there. */
static bool
open_tables(struct dp_guard *g, const char *name)
{
	int error;

	g->name = name;
	memset(g->has, 0, sizeof(g->has));
	if (open_table(g, false) && (open_table(g, true) || g->error != EEXIST))
		return true;
	error = g->error;
	if (g->has[0]) {
		g->v6 = false;
		drop_table(g);
		(void)commit(g);
	}
	g->error = error;
	return false;
}

/* Tables that have a name, if there are any, each by itself: one may be there without the other. */
static void
drop_named(struct dp_guard *g, const char *name)
{
	const char *own = g->name;

	g->name = name;
	for (unsigned f = 0; f < FAMILIES; f++) {
		g->v6 = f == 1;
		drop_table(g);
		(void)commit(g);
	}
	g->name = own;
}

void
dp_guard_sweep(struct dp_guard *g)
{
	drop_named(g, table_names[g->name == table_names[0]]);
}

struct dp_guard *
dp_guard_open(unsigned tun, bool strict, char *why, size_t why_size)
{
	struct dp_guard *g = calloc(1, sizeof(*g));

	if (g == NULL) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	g->tun = tun;
	g->strict = strict;
	g->open = -1;
	if (!dp_nl_open(&g->nl, NETLINK_NETFILTER, 0)) {
		snprintf(why, why_size, "netfilter's netlink: %s", strerror(errno));
		free(g);
		return NULL;
	}
	if (!open_tables(g, table_names[0]) && g->error == EEXIST) {
		drop_named(g, table_names[1]); /* of one before that */
		(void)open_tables(g, table_names[1]);
	}
	if (g->has[0] && !g->has[1])
		log_line(LOG_L_WARNING, NULL, "datapath: no guard for IPv6: nftables: %s",
			strerror(g->error));
	if (!g->has[0]) {
		snprintf(why, why_size, "nftables: %s", strerror(g->error));
		dp_nl_close(&g->nl);
		free(g);
		return NULL;
	}
	return g;
}

bool
dp_guard_commit(struct dp_guard *g, char *why, size_t why_size)
{
	if (commit(g)) {
		if (g->renewed)
			memset(g->counted, 0, sizeof(g->counted));
		g->renewed = false;
		return true;
	}
	g->renewed = false;
	snprintf(why, why_size, "nftables: %s", strerror(g->error));
	return false;
}

static void
on_counter(void *user, uint16_t type, struct bytes body)
{
	uint64_t *packets = user;
	struct reader in = reader_of(body);
	struct bytes value, inner;
	uint16_t attr, which;

	(void)type;
	read_skip(&in, sizeof(struct nfgenmsg));
	while (dp_nl_attr(&in, &attr, &value)) {
		if (attr != NFTA_OBJ_DATA)
			continue;
		for (struct reader d = reader_of(value); dp_nl_attr(&d, &which, &inner);)
			if (which == NFTA_COUNTER_PACKETS && inner.n == 8)
				*packets = get_u64(inner.p);
	}
}

static void
read_counter(struct dp_guard *g, bool v6)
{
	struct nfgenmsg h = { .nfgen_family = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
		.version = NFNETLINK_V0 };
	uint64_t packets = g->counted[v6];

	if (!g->has[v6])
		return;
	dp_nl_begin(&g->nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETOBJ, 0, &h, sizeof(h));
	dp_nl_str(&g->nl, NFTA_OBJ_TABLE, g->name);
	dp_nl_str(&g->nl, NFTA_OBJ_NAME, COUNTER);
	dp_nl_be32(&g->nl, NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	(void)dp_nl_ask(&g->nl, on_counter, &packets);
	g->dropped += packets > g->counted[v6] ? packets - g->counted[v6] : 0;
	g->counted[v6] = packets;
}

uint64_t
dp_guard_dropped(struct dp_guard *g)
{
	uint64_t dropped;

	for (unsigned f = 0; f < FAMILIES && !g->began; f++)
		read_counter(g, f == 1);
	dropped = g->dropped;
	g->dropped = 0;
	return dropped;
}

static void
forget_batch(struct dp_guard *g)
{
	g->nl.n = 0;
	g->nl.messages = 0;
	g->nl.failed = false;
	g->began = false;
	g->open = -1;
}

void
dp_guard_clear(struct dp_guard *g)
{
	forget_batch(g);
	for (unsigned f = 0; f < FAMILIES; f++)
		read_counter(g, f == 1);
	for (unsigned f = 0; f < FAMILIES; f++) {
		g->v6 = f == 1;
		if (!g->has[f])
			continue;
		drop_table(g);
		put_table(g);
	}
	g->shapes = 0;
	g->renewed = true;
}

void
dp_guard_close(struct dp_guard *g)
{
	if (g == NULL)
		return;
	forget_batch(g);
	for (unsigned f = 0; f < FAMILIES; f++) {
		g->v6 = f == 1;
		if (g->has[f])
			drop_table(g);
	}
	(void)commit(g);
	dp_nl_close(&g->nl);
	free(g);
}
