/*
 * policy.c - `-P direction [priority] action rules`: reading it, and writing it back.
 *
 * Called by spd.c for statements and by the dump.  A rule is protocol/mode/src-dst/level; the rules
 * of a bundle stand innermost first.
 */
#include <stdio.h>
#include <string.h>

#include "setkey/words.h"

enum {
	UNIQUE_MAX = 32767,            /* larger request ids are the kernel's own */
	OFFSET_MAX = 0x7fffffff,       /* prio N, from the default */
	OFFSET_NAMED_MAX = 0x3fffffff, /* prio low|def|high + N */
};

static const char *const directions[] = { [0] = "in", [1] = "out", [2] = "fwd", NULL };
static const char *const actions[] = { [SP_DISCARD] = "discard", [SP_PASS] = "none",
	[SP_IPSEC] = "ipsec", [SP_ENTRUST] = "entrust", [SP_BYPASS] = "bypass", NULL };
static const char *const levels[] = { [SP_DEFAULT] = "default", [SP_USE] = "use",
	[SP_REQUIRE] = "require", [SP_UNIQUE] = "unique", NULL };

static int
index_of(const char *const *names, const char *word, size_t n)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strlen(names[i]) == n && strncmp(names[i], word, n) == 0)
			return i;
	return -1;
}

bool
policy_direction(struct words *w, struct ipsec_policy *sp)
{
	const struct stmt_word *word = words_next(w, "-P and a direction");
	int dir;

	if (word == NULL)
		return false;
	if (word->kind != STMT_BARE || strcmp(word->text, "-P") != 0) {
		words_error(w, word, "unexpected \"%s\": expected -P and a direction", word->text);
		return false;
	}
	word = words_next(w, "a direction: in, out or fwd");
	if (word == NULL)
		return false;
	dir = index_of(directions, word->text, strlen(word->text));
	if (dir < 0) {
		words_unknown(w, word, "direction", directions);
		return false;
	}
	sp->dir = (enum sp_dir)(SP_IN + dir);
	return true;
}

/* --------------------------------------------------------------------------------- priority */

/* "+ N" or "- N" after a named priority; all of it may also be one word, or two. */
static bool
read_offset(struct words *w, const struct stmt_word *name, const char *rest, int64_t *offset)
{
	const struct stmt_word *word = words_peek(w);
	struct stmt_word number;
	bool minus;

	*offset = 0;
	if (*rest != '\0') {
		number = *name;
		number.text = rest;
		number.pos.column += (unsigned)(rest - name->text);
	} else {
		if (word == NULL || word->kind != STMT_BARE ||
			(word->text[0] != '+' && word->text[0] != '-'))
			return true;
		w->at++;
		number = *word;
	}
	minus = number.text[0] == '-';
	number.text++;
	if (number.text[0] == '\0') {
		word = words_next(w, "a number");
		if (word == NULL)
			return false;
		number = *word;
	}
	if (!stmt_number(&number, 0, OFFSET_NAMED_MAX, offset, w->ctx->errors))
		return false;
	if (minus)
		*offset = -*offset;
	return true;
}

static uint32_t
named_priority(const char *word, size_t n)
{
	static const char *const names[] = { "low", "def", "high", NULL };
	static const uint32_t values[] = { SP_PRIORITY_LOW, SP_PRIORITY_DEFAULT,
		SP_PRIORITY_HIGH };
	int i = index_of(names, word, n);

	return i < 0 ? 0 : values[i];
}

/* Positive offsets mean earlier, which is a lower number. */
static bool
read_priority(struct words *w, struct ipsec_policy *sp)
{
	const struct stmt_word *word;
	struct stmt_word number;
	uint32_t base;
	int64_t offset;
	size_t n;

	sp->priority = SP_PRIORITY_DEFAULT;
	if (!words_take(w, "priority") && !words_take(w, "prio"))
		return true;
	word = words_next(w, "a priority: low, def, high or a number");
	if (word == NULL)
		return false;
	n = strcspn(word->text, "+-");
	base = named_priority(word->text, n);
	if (base != 0) {
		if (!read_offset(w, word, word->text + n, &offset))
			return false;
	} else {
		base = SP_PRIORITY_DEFAULT;
		number = *word;
		number.text += number.text[0] == '+';
		if (!stmt_number(&number, -OFFSET_MAX, OFFSET_MAX, &offset, w->ctx->errors))
			return false;
	}
	sp->priority = (uint32_t)((int64_t)base - offset);
	return true;
}

/* ------------------------------------------------------------------------------------- rules */

/* a[500]: the address and the port, in place. */
static bool
parse_endpoint(char *text, struct net_endpoint *out)
{
	char *bracket = strchr(text, '[');
	unsigned port = 0;
	int used = 0;

	if (bracket != NULL) {
		if (sscanf(bracket, "[%5u]%n", &port, &used) != 1 || bracket[used] != '\0' ||
			port > UINT16_MAX)
			return false;
		*bracket = '\0';
	}
	out->port = (uint16_t)port;
	return net_addr_parse(text, &out->addr);
}

/* src-dst: a hyphen may also be part of an interface's name, so each is tried. */
static bool
parse_endpoints(const char *text, size_t n, struct sp_rule *r)
{
	for (size_t i = 1; i + 1 < n; i++) {
		char a[NET_ENDPOINT_TEXT], b[NET_ENDPOINT_TEXT];

		if (text[i] != '-' || i >= sizeof(a) || n - i - 1 >= sizeof(b))
			continue;
		memcpy(a, text, i);
		a[i] = '\0';
		memcpy(b, text + i + 1, n - i - 1);
		b[n - i - 1] = '\0';
		if (parse_endpoint(a, &r->src) && parse_endpoint(b, &r->dst))
			return true;
	}
	return false;
}

static bool
parse_level(struct words *w, const struct stmt_word *at, const char *text, struct sp_rule *r)
{
	size_t n = strcspn(text, ":");
	int level = n == 0 ? SP_DEFAULT : index_of(levels, text, n);
	struct stmt_word number = *at;
	int64_t id;

	if (level < 0 || (text[n] == ':' && level != SP_UNIQUE)) {
		struct stmt_word word = *at;

		word.text = text;
		words_unknown(w, &word, "level", levels);
		return false;
	}
	r->level = (enum sp_level)level;
	if (text[n] == '\0')
		return true;
	number.kind = STMT_BARE;
	number.text = text + n + 1;
	if (!stmt_number(&number, 1, UNIQUE_MAX, &id, w->ctx->errors))
		return false;
	r->reqid = (uint32_t)id;
	return true;
}

/* me-any out, any-me in: whatever the packet's own addresses are, as no end points at all. */
static bool
is_me(enum sp_dir dir, const char *text, size_t n)
{
	const char *word = dir == SP_OUT ? "me-any" : "any-me";

	return strlen(word) == n && strncmp(word, text, n) == 0;
}

static bool
check_endpoints(struct words *w, const struct stmt_word *at, enum sp_dir dir, const char *text,
	size_t n, struct sp_rule *r)
{
	static const char missing[] =
		"a tunnel needs its end points: expected %s/tunnel/SRC-DST/LEVEL";

	if (n == 0 || (n == 1 && text[0] == '-') || is_me(dir, text, n)) {
		if (r->mode != SA_TUNNEL)
			return true;
		words_error(w, at, missing, sa_proto_name(r->proto));
		return false;
	}
	if (!parse_endpoints(text, n, r)) {
		words_error(w, at, "\"%.*s\" is not SRC-DST, two numeric addresses", (int)n, text);
		return false;
	}
	if (r->src.addr.family != r->dst.addr.family) {
		words_error(w, at, "\"%.*s\" mixes IPv4 and IPv6", (int)n, text);
		return false;
	}
	if (r->mode != SA_TUNNEL) {
		stmt_warn(w->ctx->errors, at->pos,
			"end points are ignored in transport mode: did you mean tunnel?");
		r->src = r->dst = (struct net_endpoint){ 0 };
	}
	return true;
}

/* protocol/mode/src-dst/level */
static bool
parse_rule(struct words *w, const struct stmt_word *at, enum sp_dir dir, const char *text,
	struct sp_rule *r)
{
	static const char *const protos[] = { "esp", "ah", "ipcomp", NULL };
	static const enum sa_proto numbers[] = { SA_ESP, SA_AH, SA_IPCOMP };
	static const char *const modes[] = { "transport", "tunnel", NULL };
	const char *part[4] = { "", "", "", "" };
	size_t n[4] = { 0 };
	struct stmt_word word = *at;
	unsigned parts = 0;
	int proto, mode;

	for (const char *p = text; parts < 4;) {
		part[parts] = p;
		n[parts] = strcspn(p, parts < 3 ? "/" : "");
		p += n[parts++];
		if (*p == '\0')
			break;
		p++;
	}
	proto = index_of(protos, part[0], n[0]);
	mode = index_of(modes, part[1], n[1]);
	if (proto < 0 || parts < 2 || mode < 0) {
		bool bad_proto = proto < 0;

		if (parts < 2) {
			words_error(w, at,
				"unexpected \"%s\": expected a rule protocol/mode/src-dst/level",
				text);
			return false;
		}
		word.text = arena_strndup(w->ctx->arena, part[bad_proto ? 0 : 1],
			n[bad_proto ? 0 : 1]);
		words_unknown(
			w, &word, bad_proto ? "protocol" : "mode", bad_proto ? protos : modes);
		return false;
	}
	r->proto = numbers[proto];
	r->mode = (enum sa_mode)(SA_TRANSPORT + mode);
	return check_endpoints(w, at, dir, part[2], n[2], r) && parse_level(w, at, part[3], r);
}

/* The words of one rule as one: ports stand in brackets, which end a word. */
static const char *
rule_words(struct words *w)
{
	const char *rule = w->s->word[w->at++].text;

	for (;;) {
		const struct stmt_word *next = words_peek(w);

		if (next == NULL || next->kind != STMT_BRACKET)
			return rule;
		rule = arena_printf(w->ctx->arena, "%s[%s]", rule, next->text);
		w->at++;
		next = words_peek(w);
		if (rule == NULL || next == NULL || next->kind != STMT_BARE ||
			strchr("-/", next->text[0]) == NULL)
			return rule;
		rule = arena_printf(w->ctx->arena, "%s%s", rule, next->text);
		w->at++;
	}
}

static bool
read_rules(struct words *w, struct ipsec_policy *sp)
{
	const struct stmt_word *at;

	while ((at = words_peek(w)) != NULL) {
		struct sp_rule rule = { 0 };
		const char *text;

		if (at->kind != STMT_BARE || strchr(at->text, '/') == NULL) {
			if (sp->action != SP_IPSEC || sp->rules != 0)
				return words_end(w);
			words_error(w, at,
				"unexpected \"%s\": expected a rule protocol/mode/src-dst/level",
				at->text);
			return false;
		}
		text = rule_words(w);
		if (text == NULL) {
			words_error(w, at, "out of memory");
			return false;
		}
		if (!parse_rule(w, at, sp->dir, text, &rule))
			return false;
		if (sp->rules >= SP_RULES_MAX) {
			words_error(w, at, "a policy may have at most %d rules", SP_RULES_MAX);
			return false;
		}
		sp->rule[sp->rules++] = rule;
	}
	return true;
}

bool
policy_read(struct words *w, struct ipsec_policy *sp)
{
	const struct stmt_word *word;
	int action;

	if (!policy_direction(w, sp) || !read_priority(w, sp))
		return false;
	word = words_next(w, "an action: ipsec, none or discard");
	if (word == NULL)
		return false;
	action = index_of(actions, word->text, strlen(word->text));
	if (action < 0) {
		words_unknown(w, word, "action", actions);
		return false;
	}
	sp->action = (enum sp_action)action;
	if (!read_rules(w, sp))
		return false;
	if (sp->action == SP_IPSEC && sp->rules == 0) {
		words_error(w, NULL, "ipsec needs a rule: expected protocol/mode/src-dst/level");
		return false;
	}
	if (sp->action != SP_IPSEC && sp->rules != 0) {
		stmt_warn(w->ctx->errors, word->pos, "rules after \"%s\" are ignored", word->text);
		sp->rules = 0;
		memset(sp->rule, 0, sizeof(sp->rule));
	}
	return true;
}

/* ----------------------------------------------------------------------------------- writing */

static void
endpoint_text(const struct net_endpoint *e, bool ports, struct text *out)
{
	char buf[NET_ENDPOINT_TEXT];

	if (ports || e->port != 0)
		text_add(out, net_endpoint_text(buf, sizeof(buf), e));
	else
		text_add(out, net_addr_text(buf, sizeof(buf), &e->addr));
}

void
rule_text(const struct sp_rule *r, bool ports, struct text *out)
{
	text_addf(out, "%s/%s/", sa_proto_name(r->proto), sa_mode_name(r->mode));
	if (r->src.addr.family != 0) {
		endpoint_text(&r->src, ports, out);
		text_add(out, "-");
		endpoint_text(&r->dst, ports, out);
	}
	text_addf(out, "/%s", (unsigned)r->level < 4 ? levels[r->level] : "?");
	if (r->level == SP_UNIQUE && r->reqid != 0)
		text_addf(out, "%c%u", r->reqid <= UNIQUE_MAX ? ':' : '#', (unsigned)r->reqid);
}

static void
priority_text(uint32_t priority, struct text *out)
{
	const char *name = "low";
	int64_t base = SP_PRIORITY_LOW, offset;

	/* The named priority that is nearest. */
	if (priority < SP_PRIORITY_DEFAULT / 4 * 3) {
		name = "high";
		base = SP_PRIORITY_HIGH;
	} else if (priority < SP_PRIORITY_DEFAULT / 4 * 5) {
		name = "def";
		base = SP_PRIORITY_DEFAULT;
	}
	offset = base - (int64_t)priority;
	text_addf(out, "prio %s ", name);
	if (offset != 0)
		text_addf(out, "%c %lld ", offset > 0 ? '+' : '-',
			(long long)(offset > 0 ? offset : -offset));
}

void
policy_text(const struct ipsec_policy *sp, struct text *out)
{
	/* Those of sockets follow: their in is 4, their out 5. */
	unsigned dir = sp->dir > SP_FWD ? sp->dir - SP_FWD : sp->dir;

	text_addf(out, "%s ", dir >= SP_IN && dir <= SP_FWD ? directions[dir - SP_IN] : "?");
	priority_text(sp->priority == 0 ? SP_PRIORITY_DEFAULT : sp->priority, out);
	text_add(out, (unsigned)sp->action <= SP_BYPASS ? actions[sp->action] : "?");
}

static void
range_text(const struct net_prefix *p, uint16_t port, bool ports, struct text *out)
{
	char buf[NET_PREFIX_TEXT];

	text_add(out, net_prefix_text(buf, sizeof(buf), p));
	if (!ports)
		return;
	if (port == 0)
		text_add(out, "[any]");
	else
		text_addf(out, "[%u]", (unsigned)port);
}

void
selector_text(const struct sp_selector *sel, struct text *out)
{
	bool ports = upper_has_ports(sel->upper);
	const char *name = upper_name(sel->upper);

	range_text(&sel->src, sel->sport, ports, out);
	text_add(out, " ");
	range_text(&sel->dst, sel->dport, ports, out);
	if (name != NULL)
		text_addf(out, " %s", name);
	else
		text_addf(out, " %u", (unsigned)sel->upper);
	if (upper_is_gre(sel->upper) && (sel->sport != 0 || sel->dport != 0))
		text_addf(out, " %u.%u.%u.%u", sel->sport >> 8u, sel->sport & 0xffu,
			sel->dport >> 8u, sel->dport & 0xffu);
	/* Kernels cannot tell 0 from any: code 0, or type 0, where the other is given. */
	if (upper_is_icmp(sel->upper) && (sel->sport != 0 || sel->dport != 0))
		text_addf(out, " %u,%u", sel->sport == 0 ? 0u : sel->sport - 1u,
			sel->dport == 0 ? 0u : sel->dport - 1u);
}
