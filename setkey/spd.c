/*
 * spd.c - the statements about policies: spdadd, spdupdate, spddelete, spdflush, spddump.
 *
 * Called through the directive table.  Unless -k was given, an `in` policy brings a `fwd` one
 * along, which kernels with separate forward policies need; unique levels become require there.
 */
#include <netdb.h>
#include <string.h>

#include "setkey/scan.h"
#include "setkey/words.h"

static const struct {
	const char *name; /* the first of a number is the one printed */
	uint8_t number;
} uppers[] = {
	{ "any", SP_UPPER_ANY },
	{ "icmp", 1 },
	{ "igmp", 2 },
	{ "ip4", 4 },
	{ "ipencap", 4 },
	{ "tcp", 6 },
	{ "udp", 17 },
	{ "dccp", 33 },
	{ "ipv6", 41 },
	{ "gre", 47 },
	{ "esp", 50 },
	{ "ah", 51 },
	{ "ipv6-icmp", 58 },
	{ "icmp6", 58 },
	{ "icmpv6", 58 },
	{ "ospf", 89 },
	{ "ipip", 94 },
	{ "pim", 103 },
	{ "ipcomp", 108 },
	{ "vrrp", 112 },
	{ "l2tp", 115 },
	{ "sctp", 132 },
	{ "mh", 135 },
	{ "udplite", 136 },
};

enum { UPPER_ICMP = 1, UPPER_GRE = 47, UPPER_ICMP6 = 58, UPPER_MH = 135 };

struct sp_draft {
	struct sadb_msg msg;
	struct addresses src, dst;
	unsigned src_len, dst_len; /* LEN_HOST: the family's full length */
	const struct stmt_word *src_word, *dst_word;
};

enum { LEN_HOST = 1000 };

const char *
upper_name(uint8_t upper)
{
	for (size_t i = 0; i < ARRAY_LEN(uppers); i++)
		if (uppers[i].number == upper)
			return uppers[i].name;
	return NULL;
}

bool
upper_is_icmp(uint8_t upper)
{
	return upper == UPPER_ICMP || upper == UPPER_ICMP6 || upper == UPPER_MH;
}

bool
upper_is_gre(uint8_t upper)
{
	return upper == UPPER_GRE;
}

bool
upper_has_ports(uint8_t upper)
{
	return !upper_is_icmp(upper) && !upper_is_gre(upper);
}

static int
protocol_number(const char *name)
{
	const struct protoent *proto = getprotobyname(name);

	return proto == NULL || proto->p_proto > UINT8_MAX ? -1 : proto->p_proto;
}

static bool
upper_number(struct words *w, const struct stmt_word *word, uint8_t *out)
{
	const struct setkey_script *script = w->ctx->user;
	const char *names[ARRAY_LEN(uppers) + 1] = { NULL };
	int proto = -1;
	int64_t n;

	if (word->kind == STMT_BARE && word->text[0] >= '0' && word->text[0] <= '9') {
		if (!stmt_number(word, 0, UINT8_MAX, &n, w->ctx->errors))
			return false;
		*out = (uint8_t)n;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(uppers); i++) {
		names[i] = uppers[i].name;
		if (word->kind == STMT_BARE && strcmp(uppers[i].name, word->text) == 0) {
			*out = uppers[i].number;
			return true;
		}
	}
	if (word->kind == STMT_BARE)
		proto = scan_number(script->scan, SCAN_PROTOCOLS, word->text, protocol_number);
	if (proto < 0) {
		words_unknown(w, word, "upper-layer protocol", names);
		return false;
	}
	*out = (uint8_t)proto;
	return true;
}

/* TYPE,CODE after icmp, icmp6 and mh. */
static bool
read_type_code(struct words *w, struct sp_selector *sel)
{
	const struct stmt_word *word = words_peek(w);
	int64_t type, code;

	if (word == NULL || word->kind != STMT_BARE || word->text[0] == '-')
		return true;
	if (!words_number(w, "a type", 0, UINT8_MAX, &type))
		return false;
	word = words_next(w, "\",\" and a code");
	if (word == NULL)
		return false;
	if (word->kind != STMT_COMMA) {
		words_error(w, word, "unexpected \"%s\": expected \",\" and a code", word->text);
		return false;
	}
	if (!words_number(w, "a code", 0, UINT8_MAX, &code))
		return false;
	sel->sport = (uint16_t)(type + 1);
	sel->dport = (uint16_t)(code + 1);
	return true;
}

/* The key of gre (RFC 2890): a number or a dotted quad, whose halves travel as ports. */
static bool
read_gre_key(struct words *w, struct sp_selector *sel)
{
	const struct stmt_word *word = words_peek(w);
	struct net_addr quad;
	int64_t key;

	if (word == NULL || word->kind != STMT_BARE || word->text[0] == '-')
		return true;
	w->at++;
	if (strchr(word->text, '.') != NULL) {
		if (!net_addr_parse(word->text, &quad) || quad.family != 4) {
			words_error(w, word,
				"\"%s\" is no key of gre: expected a number or a dotted quad",
				word->text);
			return false;
		}
		key = net_ipv4_value(&quad);
	} else if (!stmt_number(word, 0, UINT32_MAX, &key, w->ctx->errors)) {
		return false;
	}
	sel->sport = (uint16_t)(key >> 16);
	sel->dport = (uint16_t)(key & UINT16_MAX);
	if (sel->sport == 0 || sel->dport == 0)
		stmt_warn(w->ctx->errors, word->pos,
			"a half of the gre key %s is 0, which stands for any value: keys that"
			" differ there match as well", word->text);
	return true;
}

bool
upper_read(struct words *w, struct sp_selector *sel)
{
	const struct stmt_word *word = words_next(w, "an upper-layer protocol: any, tcp, udp, ...");

	if (word == NULL || !upper_number(w, word, &sel->upper))
		return false;
	if (!upper_has_ports(sel->upper) && (sel->sport != 0 || sel->dport != 0)) {
		words_error(w, word, "protocol \"%s\" has no ports", word->text);
		return false;
	}
	if (upper_is_icmp(sel->upper))
		return read_type_code(w, sel);
	if (upper_is_gre(sel->upper))
		return read_gre_key(w, sel);
	return true;
}

/* ADDRESS[/LENGTH][[PORT]] */
static bool
read_range(struct words *w, struct resolution how, const char *expected, struct addresses *out,
	unsigned *len, uint16_t *port)
{
	const struct stmt_word *word = words_next(w, expected);
	const char *slash;
	struct stmt_word digits;
	int64_t n;

	if (word == NULL)
		return false;
	if (word->kind != STMT_BARE || word->text[0] == '-') {
		words_error(w, word, "unexpected \"%s\": expected %s", word->text, expected);
		return false;
	}
	slash = strchr(word->text, '/');
	*len = LEN_HOST;
	if (slash == NULL)
		return words_lookup(w, how, word, word->text, out) && words_port(w, port);
	digits = *word;
	digits.text = slash + 1;
	digits.pos.column += (unsigned)(slash + 1 - word->text);
	if (!stmt_number(&digits, 0, 128, &n, w->ctx->errors))
		return false;
	*len = (unsigned)n;
	return words_lookup(w, how, word,
		arena_strndup(w->ctx->arena, word->text, (size_t)(slash - word->text)), out) &&
		words_port(w, port);
}

static bool
prefix_of(struct words *w, const struct stmt_word *word, const struct net_addr *a, unsigned len,
	struct net_prefix *out)
{
	unsigned bits = net_addr_bits(a);

	if (len != LEN_HOST && len > bits) {
		words_error(w, word,
			"prefix length %u is out of range: IPv%d addresses have %u bits", len,
			a->family, bits);
		return false;
	}
	*out = (struct net_prefix){ *a, (uint8_t)(len == LEN_HOST ? bits : len) };
	return true;
}

/* What the fwd twin of an in policy asks for. */
static struct sadb_msg
forward_twin(const struct sadb_msg *in)
{
	struct sadb_msg m = *in;

	m.sp.dir = SP_FWD;
	for (unsigned i = 0; i < m.sp.rules; i++)
		if (m.sp.rule[i].level == SP_UNIQUE) {
			m.sp.rule[i].level = SP_REQUIRE;
			m.sp.rule[i].reqid = 0;
		}
	return m;
}

/* A script may also write out the fwd policies that come by themselves: then its own one counts,
 * wherever it stands. */
static bool
add_forward(struct words *w, const struct sadb_msg *m, bool twin)
{
	struct setkey_script *script = w->ctx->user;

	if (twin && scan_has_forward(script->scan, m))
		return true;
	if (!twin && !script->kernel_style && !script->making &&
		!scan_note_forward(script->scan, m)) {
		words_error(w, NULL, "out of memory");
		return false;
	}
	return script_add(w, m, twin);
}

static bool
add_pair(struct words *w, const struct net_addr *src, const struct net_addr *dst, void *user)
{
	const struct setkey_script *script = w->ctx->user;
	struct sp_draft *d = user;
	struct sp_selector *sel = &d->msg.sp.sel;
	struct sadb_msg twin;

	if (!prefix_of(w, d->src_word, src, d->src_len, &sel->src) ||
		!prefix_of(w, d->dst_word, dst, d->dst_len, &sel->dst) ||
		!(d->msg.sp.dir == SP_FWD ? add_forward(w, &d->msg, false) :
					    script_add(w, &d->msg, false)))
		return false;
	if (d->msg.sp.dir != SP_IN || script->kernel_style)
		return true;
	twin = forward_twin(&d->msg);
	return add_forward(w, &twin, true);
}

/* tagged "TAG" POLICY: packets are tagged by pf(4), which no system with our databases has. */
static bool
tagged(struct words *w, struct ipsec_policy *sp)
{
	const struct stmt_word *word = &w->s->word[w->at - 1];
	const struct stmt_word *tag = words_next(w, "a tag: \"text\"");

	if (tag == NULL || !policy_read(w, sp))
		return false;
	words_error(w, word,
		"policies for packet tags are not available: no SA database here knows tags");
	return false;
}

static bool
spd_statement(struct conf_ctx *ctx, const struct stmt *s, enum sadb_op op)
{
	struct words w = { ctx, s, 1 };
	struct sp_draft d = { .msg = { .op = op, .has_sp = true } };
	struct ipsec_policy *sp = &d.msg.sp;
	struct resolution how;

	if (words_take(&w, "tagged"))
		return tagged(&w, sp);
	how = words_resolution(&w);
	d.src_word = words_peek(&w);
	if (!read_range(&w, how, "the source range", &d.src, &d.src_len, &sp->sel.sport))
		return false;
	d.dst_word = words_peek(&w);
	if (!read_range(&w, how, "the destination range", &d.dst, &d.dst_len, &sp->sel.dport) ||
		!upper_read(&w, &sp->sel) || !labels_read(&w, sp))
		return false;
	if (op == SADB_OP_SPDDELETE ? !policy_direction(&w, sp) : !policy_read(&w, sp))
		return false;
	return words_end(&w) && words_pairs(&w, &d.src, &d.dst, add_pair, &d);
}

bool
set_sp_add(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	(void)row;
	(void)into;
	return spd_statement(ctx, s, SADB_OP_SPDADD);
}

bool
set_sp_update(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	(void)row;
	(void)into;
	return spd_statement(ctx, s, SADB_OP_SPDUPDATE);
}

bool
set_sp_delete(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	(void)row;
	(void)into;
	return spd_statement(ctx, s, SADB_OP_SPDDELETE);
}

bool
set_sp_flush(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct words w = { ctx, s, 1 };
	struct sadb_msg m = { .op = SADB_OP_SPDFLUSH };

	(void)row;
	(void)into;
	return words_end(&w) && script_add(&w, &m, false);
}

bool
set_sp_dump(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct words w = { ctx, s, 1 };
	struct sadb_msg m = { .op = SADB_OP_SPDDUMP };

	(void)row;
	(void)into;
	return words_end(&w) && script_add(&w, &m, false);
}
