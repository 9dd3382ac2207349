/*
 * dp_guard_linux.c - the guard against cleartext as an nftables table.
 *
 * Called by the datapath (dp_uv.c).  Talks netlink itself: no library, no program, and changes of
 * one policy stay one small message.  Rules with equal prefix lengths share one hash set whose key
 * is the masked addresses (with protocol and ports where policies name them), so a packet costs one
 * look-up per shape and not one per policy.  The table belongs to our socket (owner flag): it goes
 * when the process does, however it ends.
 */
#include "ipsec/dp_guard.h"

#include <errno.h>
#include <netinet/in.h> /* before the kernel's, which then leave these definitions alone */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipsec/dp_nl.h"
#include "ipsec/sadb.h"

#define TABLE "multinet_ipsec"
#define COUNTER "cleartext"

enum {
	NAME_MAX_OCTETS = 32,
	ELEMENTS_MAX = 60000, /* octets of elements in one message: its length field has 16 bits */
	KEY_MAX = 20,
	IKE_PORT = 500,
	IKE_NATT_PORT = 4500,
	/* nft's numbers of data types, for its listings only. */
	NFT_TYPE_IPADDR = 7,
	NFT_TYPE_INET_PROTOCOL = 12,
	NFT_TYPE_INET_SERVICE = 13,
	NFT_TYPE_BITS_ = 6,
};

enum ports { PORTS_NONE, PORTS_TH = 1, PORTS_ICMP = 2 }; /* kind of what follows the protocol */

struct shape { /* rules that share one set and one nft rule */
	bool forwarded_only, drop;
	uint8_t rank, src_len, dst_len;
	bool proto;
	enum ports ports;
	bool first, second; /* source port or ICMP type; destination port or ICMP code */
};

struct dp_guard {
	struct dp_nl nl;
	unsigned tun;
	bool began;              /* a batch is being gathered */
	int open;                /* shape whose elements are being listed, -1: none */
	uint16_t open_message;   /* NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM */
	bool chain[2][DP_GUARD_RANKS_MAX]; /* rank chains there are: both ways, forwarded only */
	uint64_t counted;        /* of the present counter, already looked at */
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
	struct nfgenmsg h = { .nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0 };

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
	dp_nl_str(&g->nl, NFTA_CHAIN_TABLE, TABLE);
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
	dp_nl_str(&g->nl, NFTA_RULE_TABLE, TABLE);
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
expr_equal(struct dp_guard *g, uint32_t reg, const void *value, size_t n)
{
	begin_expr(g, "cmp");
	dp_nl_be32(&g->nl, NFTA_CMP_SREG, reg);
	dp_nl_be32(&g->nl, NFTA_CMP_OP, NFT_CMP_EQ);
	put_value(g, NFTA_CMP_DATA, value, n);
	end_expr(g);
}

static void
expr_mask(struct dp_guard *g, uint32_t reg, unsigned bits)
{
	uint8_t mask[4], zero[4] = { 0 };

	if (bits == 32)
		return;
	patch_u32(mask, bits == 0 ? 0 : UINT32_MAX << (32 - bits));
	begin_expr(g, "bitwise");
	dp_nl_be32(&g->nl, NFTA_BITWISE_SREG, reg);
	dp_nl_be32(&g->nl, NFTA_BITWISE_DREG, reg);
	dp_nl_be32(&g->nl, NFTA_BITWISE_LEN, 4);
	put_value(g, NFTA_BITWISE_MASK, mask, 4);
	put_value(g, NFTA_BITWISE_XOR, zero, 4);
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

static void
jump(struct dp_guard *g, const char *from, const char *to)
{
	begin_rule(g, from);
	expr_verdict(g, NFT_JUMP, to);
	end_rule(g);
}

static void
put_table(struct dp_guard *g)
{
	begin(g, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	dp_nl_str(&g->nl, NFTA_TABLE_NAME, TABLE);
	dp_nl_be32(&g->nl, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	begin(g, NFT_MSG_NEWOBJ, NLM_F_CREATE);
	dp_nl_str(&g->nl, NFTA_OBJ_TABLE, TABLE);
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
	accept_meta(g, "input", NFT_META_MARK, SADB_BYPASS_MARK);
	accept_proto(g, "input", IPPROTO_ESP, 0);
	accept_proto(g, "input", IPPROTO_AH, 0);
	accept_proto(g, "input", IPPROTO_COMP, 0);
	accept_proto(g, "input", IPPROTO_UDP, IKE_PORT);
	accept_proto(g, "input", IPPROTO_UDP, IKE_NATT_PORT);
	jump(g, "input", "check_in");
	accept_meta(g, "forward", NFT_META_IIF, g->tun);
	accept_meta(g, "forward", NFT_META_MARK, SADB_BYPASS_MARK);
	jump(g, "forward", "check_in");
	jump(g, "forward", "check_fwd");
	memset(g->chain, 0, sizeof(g->chain));
	g->shapes = 0;
}

static void
drop_table(struct dp_guard *g)
{
	begin(g, NFT_MSG_DELTABLE, 0);
	dp_nl_str(&g->nl, NFTA_TABLE_NAME, TABLE);
}

/* ------------------------------------------------------------------------------------- shapes */

static struct shape
shape_of(const struct dp_guard_rule *r)
{
	bool icmp = r->proto == IPPROTO_ICMP;
	bool ported = r->proto != SP_UPPER_ANY && (r->sport != 0 || r->dport != 0);

	return (struct shape){ .forwarded_only = r->forwarded_only, .drop = r->drop,
		.rank = r->rank, .src_len = r->src_len, .dst_len = r->dst_len,
		.proto = r->proto != SP_UPPER_ANY,
		.ports = !ported ? PORTS_NONE : icmp ? PORTS_ICMP : PORTS_TH,
		.first = ported && r->sport != 0, .second = ported && r->dport != 0 };
}

static bool
same_shape(const struct shape *a, const struct shape *b)
{
	return a->forwarded_only == b->forwarded_only && a->drop == b->drop && a->rank == b->rank &&
		a->src_len == b->src_len && a->dst_len == b->dst_len && a->proto == b->proto &&
		a->ports == b->ports && a->first == b->first && a->second == b->second;
}

/* Octets of the set's key. */
static unsigned
key_octets(const struct shape *s)
{
	return 4u * (2u + s->proto + s->first + s->second);
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
	bool *there = &g->chain[s->forwarded_only][s->rank];

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
	uint32_t type = NFT_TYPE_IPADDR << NFT_TYPE_BITS_ | NFT_TYPE_IPADDR;

	if (s->proto)
		type = type << NFT_TYPE_BITS_ | NFT_TYPE_INET_PROTOCOL;
	for (int i = 0; i < s->first + s->second; i++)
		type = type << NFT_TYPE_BITS_ | NFT_TYPE_INET_SERVICE;
	begin(g, NFT_MSG_NEWSET, NLM_F_CREATE);
	dp_nl_str(&g->nl, NFTA_SET_TABLE, TABLE);
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
	uint32_t reg = NFT_REG32_00;

	put_rank(g, s, chain, sizeof(chain));
	put_set(g, s, set_name(set, sizeof(set), s), id);
	begin_rule(g, chain);
	expr_payload(g, NFT_PAYLOAD_NETWORK_HEADER, 12, 4, reg);
	expr_mask(g, reg++, s->src_len);
	expr_payload(g, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, reg);
	expr_mask(g, reg++, s->dst_len);
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
	int which = find_shape(g, r);
	const struct shape *s = &g->shape[which < 0 ? 0 : which];
	uint8_t key[KEY_MAX] = { 0 }, *at = key + 8;
	char name[NAME_MAX_OCTETS];

	if (which < 0) {
		g->nl.failed = true; /* reported, and acted upon, at the commit */
		return;
	}
	memcpy(key, r->src.b, 4);
	memcpy(key + 4, r->dst.b, 4);
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
		dp_nl_str(&g->nl, NFTA_SET_ELEM_LIST_TABLE, TABLE);
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

struct dp_guard *
dp_guard_open(unsigned tun, char *why, size_t why_size)
{
	struct dp_guard *g = calloc(1, sizeof(*g));

	if (g == NULL) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	g->tun = tun;
	g->open = -1;
	if (!dp_nl_open(&g->nl, NETLINK_NETFILTER, 0)) {
		snprintf(why, why_size, "netfilter's netlink: %s", strerror(errno));
		free(g);
		return NULL;
	}
	/* One that a predecessor without the owner flag left; usually refused with ENOENT. */
	drop_table(g);
	(void)commit(g);
	put_table(g);
	if (!commit(g)) {
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
			g->counted = 0;
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
read_counter(struct dp_guard *g)
{
	struct nfgenmsg h = { .nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0 };
	uint64_t packets = g->counted;

	dp_nl_begin(&g->nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETOBJ, 0, &h, sizeof(h));
	dp_nl_str(&g->nl, NFTA_OBJ_TABLE, TABLE);
	dp_nl_str(&g->nl, NFTA_OBJ_NAME, COUNTER);
	dp_nl_be32(&g->nl, NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	(void)dp_nl_ask(&g->nl, on_counter, &packets);
	g->dropped += packets > g->counted ? packets - g->counted : 0;
	g->counted = packets;
}

uint64_t
dp_guard_dropped(struct dp_guard *g)
{
	uint64_t dropped;

	if (!g->began)
		read_counter(g);
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
	read_counter(g);
	drop_table(g);
	put_table(g);
	g->renewed = true;
}

void
dp_guard_close(struct dp_guard *g)
{
	if (g == NULL)
		return;
	forget_batch(g);
	drop_table(g);
	(void)commit(g);
	dp_nl_close(&g->nl);
	free(g);
}
