/*
 * rc_sainfo.c - the `sainfo` section: its two identities and its lists of algorithms.
 *
 * Called through the rows of rc_rows.c while a file is read.  Identities follow the ID payload's
 * conventions (RFC 2407 4.6.2): port 0 and protocol 0 mean any.
 */
#include "racoon/conf/rc_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
is_word(const struct stmt *s, size_t at, const char *word)
{
	return at < s->words && s->word[at].kind == STMT_BARE &&
	       strcmp(s->word[at].text, word) == 0;
}

static struct stmt_pos
pos_at(const struct stmt *s, size_t at)
{
	return at < s->words ? s->word[at].pos : s->end;
}

/* ---------------------------------------------------------------------------------- identities */

/* "10.0.0.1", "10.0.0.0/24", "10.0.0.1-10.0.0.9", or "/24" and "-10.0.0.9" in the next word. */
static bool
take_range(struct conf_ctx *ctx, const struct stmt *s, size_t *at, struct rc_selector_id *out,
	bool *has_prefix)
{
	char text[2 * NET_ADDR_TEXT];
	size_t first = *at, n;
	char *dash;

	*has_prefix = false;
	if (first >= s->words || s->word[first].kind != STMT_BARE)
		goto bad;
	n = (size_t)snprintf(text, sizeof(text), "%s", s->word[first].text);
	++*at;
	if (*at < s->words && s->word[*at].kind == STMT_BARE && n < sizeof(text) &&
		(s->word[*at].text[0] == '/' || s->word[*at].text[0] == '-'))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", s->word[(*at)++].text);
	/* `ADDR - ADDR` */
	if (*at < s->words && n < sizeof(text) && text[n - 1] == '-' &&
		s->word[*at].kind == STMT_BARE)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", s->word[(*at)++].text);
	if (n >= sizeof(text))
		goto bad;
	dash = strchr(text, '-');
	if (dash != NULL) {
		*dash = '\0';
		if (!net_addr_parse(text, &out->prefix.addr) ||
			!net_addr_parse(dash + 1, &out->range_end) ||
			out->prefix.addr.family != out->range_end.family ||
			net_addr_compare(&out->prefix.addr, &out->range_end) > 0)
			goto bad;
		out->prefix.len = (uint8_t)net_addr_bits(&out->prefix.addr);
		out->type = out->range_end.family == 4 ? RC_ID_IPV4_RANGE : RC_ID_IPV6_RANGE;
		return true;
	}
	*has_prefix = strchr(text, '/') != NULL;
	if (net_prefix_parse(text, &out->prefix))
		return true;
bad:
	stmt_error(ctx->errors, pos_at(s, first),
		"expected an address, address/prefix or address-address after \"%s\"",
		s->word[first - 1].text);
	return false;
}

static bool
take_upper(struct conf_ctx *ctx, const struct stmt *s, size_t *at, uint8_t *upper)
{
	const struct stmt_word *w;
	int64_t value;

	if (*at >= s->words) {
		stmt_error(ctx->errors, s->end,
			"expected an upper protocol (any, icmp, tcp, udp, … or a number) after "
			"\"%s\"",
			s->word[s->words - 1].text);
		return false;
	}
	w = &s->word[(*at)++];
	if (w->kind == STMT_BARE && w->text[0] >= '0' && w->text[0] <= '9') {
		if (!stmt_number(w, 0, UINT8_MAX, &value, ctx->errors))
			return false;
	} else if (!conf_word_value(ctx, rc_upper_words, w, &value)) {
		return false;
	}
	*upper = (uint8_t)(value == SP_UPPER_ANY ? 0 : value);
	return true;
}

/* `address` and `subnet`: the range, [port] or [any], protocol. */
static bool
take_traffic(struct conf_ctx *ctx, const struct stmt *s, size_t *at, struct rc_selector_id *out)
{
	bool subnet = is_word(s, *at, "subnet"), has_prefix, v4;

	++*at;
	if (!take_range(ctx, s, at, out, &has_prefix))
		return false;
	v4 = out->prefix.addr.family == 4;
	if (subnet && (!has_prefix || out->type != RC_ID_NONE)) {
		stmt_error(
			ctx->errors, s->word[*at - 1].pos, "expected a subnet such as 10.0.0.0/24");
		return false;
	}
	if (out->type == RC_ID_NONE &&
		(subnet || out->prefix.len < net_addr_bits(&out->prefix.addr)))
		out->type = v4 ? RC_ID_IPV4_SUBNET : RC_ID_IPV6_SUBNET;
	else if (out->type == RC_ID_NONE)
		out->type = v4 ? RC_ID_IPV4 : RC_ID_IPV6;
	net_prefix_mask(&out->prefix);
	if (*at < s->words && s->word[*at].kind == STMT_BRACKET) {
		if (strcmp(s->word[*at].text, "any") != 0 && strcmp(s->word[*at].text, "0") != 0 &&
			!rc_port_word(ctx, &s->word[*at], &out->port))
			return false;
		++*at;
	}
	return take_upper(ctx, s, at, &out->upper);
}

static bool
take_side(struct conf_ctx *ctx, const struct stmt *s, size_t *at, bool remote,
	struct rc_selector_id *out)
{
	struct rc_id id;

	*out = (struct rc_selector_id){ 0 };
	if (is_word(s, *at, "anonymous")) {
		++*at;
		out->anonymous = true;
		return true;
	}
	if (remote && is_word(s, *at, "clientaddr")) {
		++*at;
		out->client_address = true;
		return true;
	}
	if (is_word(s, *at, "address") || is_word(s, *at, "subnet"))
		return take_traffic(ctx, s, at, out);
	if (!is_word(s, *at, "fqdn") && !is_word(s, *at, "user_fqdn") &&
		!is_word(s, *at, "keyid") && !is_word(s, *at, "asn1dn")) {
		stmt_error(ctx->errors, pos_at(s, *at),
			"expected anonymous, %saddress, subnet, fqdn, user_fqdn or keyid%s%s",
			remote ? "clientaddr, " : "", remote ? " as remote identity after " : "",
			remote ? s->word[*at - 1].text : "");
		return false;
	}
	if (!rc_id_words(ctx, s, at, false, &id))
		return false;
	out->type = id.type;
	out->name = id.value;
	return true;
}

/* --------------------------------------------------------------------------------------- titles */

static const char *
upper_name(uint8_t upper, char *buf, size_t size)
{
	for (const struct conf_word *w = rc_upper_words; w->name != NULL; w++)
		if (w->value == upper)
			return w->name;
	snprintf(buf, size, "%u", (unsigned)upper);
	return buf;
}

static void
add_side(struct text *t, const struct rc_selector_id *id)
{
	char buf[NET_PREFIX_TEXT], end[NET_ADDR_TEXT], upper[8];

	switch (id->type) {
	case RC_ID_FQDN:
	case RC_ID_USER_FQDN:
	case RC_ID_KEYID:
		text_addf(t, "%s \"%.*s\"", id->type == RC_ID_FQDN ? "fqdn" :
			id->type == RC_ID_KEYID ? "keyid tag" : "user_fqdn",
			(int)id->name.n, (const char *)id->name.p);
		return;
	case RC_ID_IPV4:
	case RC_ID_IPV6:
		text_addf(t, "address %s", net_addr_text(buf, sizeof(buf), &id->prefix.addr));
		break;
	case RC_ID_IPV4_SUBNET:
	case RC_ID_IPV6_SUBNET:
		text_addf(t, "subnet %s/%u", net_addr_text(buf, sizeof(buf), &id->prefix.addr),
			(unsigned)id->prefix.len);
		break;
	case RC_ID_IPV4_RANGE:
	case RC_ID_IPV6_RANGE:
		text_addf(t, "address %s-%s", net_addr_text(buf, sizeof(buf), &id->prefix.addr),
			net_addr_text(end, sizeof(end), &id->range_end));
		break;
	case RC_ID_NONE:
	case RC_ID_DN:
	case RC_ID_GN:
		text_add(t, id->client_address ? "clientaddr" : "anonymous");
		return;
	}
	if (id->port != 0)
		text_addf(t, " [%u]", (unsigned)id->port);
	text_addf(t, " %s", upper_name(id->upper, upper, sizeof(upper)));
}

static const char *
title_of(struct arena *arena, const struct rc_sainfo *sa)
{
	struct text t = { 0 };
	const char *title;

	if (sa->local.anonymous && sa->remote.anonymous) {
		text_add(&t, "anonymous");
	} else {
		add_side(&t, &sa->local);
		text_add(&t, " ");
		add_side(&t, &sa->remote);
	}
	if (sa->from.type != RC_ID_NONE)
		text_addf(&t, " from %s", sa->from.text);
	title = t.failed ? NULL : arena_strdup(arena, text_str(&t));
	text_free(&t);
	return title;
}

/* ------------------------------------------------------------------------------- the section */

static bool
append_sainfo(struct rc_loading *l, struct rc_sainfo *sa)
{
	struct rc_config *c = l->c;

	if (c->sainfos == l->sainfo_room) {
		size_t room = l->sainfo_room == 0 ? 16 : 2 * l->sainfo_room;
		struct rc_sainfo **p = reallocarray(c->sainfo, room, sizeof(struct rc_sainfo *));

		if (p == NULL)
			return false;
		c->sainfo = p;
		l->sainfo_room = room;
	}
	c->sainfo[c->sainfos++] = sa;
	return true;
}

static bool
take_from_and_group(struct conf_ctx *ctx, const struct stmt *s, size_t *at, struct rc_sainfo *sa)
{
	if (is_word(s, *at, "from")) {
		++*at;
		if (!rc_id_words(ctx, s, at, false, &sa->from))
			return false;
	}
	if (is_word(s, *at, "group")) {
		struct stmt_pos pos = pos_at(s, (*at)++);

		if (*at >= s->words) {
			stmt_error(ctx->errors, s->end, "expected a group in double quotes after "
				"\"group\"");
			return false;
		}
		if (!rc_string_word(ctx, &s->word[(*at)++], "a group"))
			return false;
		stmt_error(ctx->errors, pos, "\"group\" " RC_UNAVAILABLE " (XAUTH)");
		return false;
	}
	return true;
}

static bool
take_head(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	struct rc_sainfo *sa)
{
	size_t at = 1;

	if (!rc_words(ctx, row, s, 1, STMT_WORDS_MAX))
		return false;
	if (!take_side(ctx, s, &at, false, &sa->local))
		return false;
	if (sa->local.anonymous &&
		(at == s->words || is_word(s, at, "from") || is_word(s, at, "group")))
		sa->remote.anonymous = true;
	else if (!take_side(ctx, s, &at, true, &sa->remote))
		return false;
	if (sa->local.prefix.addr.family != 0 && sa->remote.prefix.addr.family != 0 &&
		sa->local.prefix.addr.family != sa->remote.prefix.addr.family) {
		stmt_error(ctx->errors, s->pos, "the two identities are of different IP versions");
		return false;
	}
	return take_from_and_group(ctx, s, &at, sa) && rc_words(ctx, row, s, 1, at - 1);
}

bool
rc_set_sainfo(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct rc_sainfo *sa = arena_alloc(ctx->arena, sizeof(*sa));
	bool good;

	(void)into;
	if (sa == NULL) {
		stmt_error(ctx->errors, s->pos, "out of memory");
		return false;
	}
	conf_defaults(rc_sainfo_rows, sa);
	sa->life_ms = 28800 * 1000;
	sa->pos = s->pos;
	good = take_head(ctx, row, s, sa);
	if (!rc_read_block(ctx, rc_sainfo_rows, s, sa))
		good = false;
	if (!good)
		return false;
	if (sa->encrs == 0)
		stmt_error(ctx->errors, s->end, "the sainfo has no encryption_algorithm");
	if (sa->auths == 0)
		stmt_error(ctx->errors, s->end, "the sainfo has no authentication_algorithm");
	if (sa->comps == 0)
		stmt_error(ctx->errors, s->end,
			"the sainfo has no compression_algorithm: expected "
			"\"compression_algorithm deflate;\", it is used where a policy asks for "
			"ipcomp");
	sa->title = title_of(ctx->arena, sa);
	if (sa->title == NULL || !append_sainfo(rc_loading_of(ctx), sa)) {
		stmt_error(ctx->errors, s->pos, "out of memory");
		return false;
	}
	return true;
}

/* ---------------------------------------------------------------------------- its algorithms */

bool
rc_set_pfs_group(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct rc_sainfo *sa = into;

	if (!rc_words(ctx, row, s, 1, 1))
		return false;
	sa->pfs = rc_alg_word(ctx, &s->word[1], ALG_DH, RC_FOR_PHASE2);
	return sa->pfs != NULL;
}

/* One algorithm with its key length; *at moves past it. */
static bool
take_choice(struct conf_ctx *ctx, const struct stmt *s, size_t *at, enum alg_kind kind,
	struct rc_alg_choice *out)
{
	*out = (struct rc_alg_choice){ .alg = rc_alg_word(
					       ctx, &s->word[*at], kind, RC_FOR_PHASE2) };
	++*at;
	if (*at < s->words && s->word[*at].kind != STMT_COMMA)
		return out->alg != NULL &&
		       rc_bits_word(ctx, &s->word[(*at)++], out->alg, &out->bits);
	return out->alg != NULL;
}

/*
 * One that racoon.conf may well name and that this version has not: of a list of alternatives it is
 * left out, with its key length, as long as others remain.
 */
static bool
leave_out(struct conf_ctx *ctx, const struct stmt *s, size_t *at, enum alg_kind kind)
{
	const struct stmt_word *w = &s->word[*at];
	const struct alg *a = w->kind == STMT_BARE ? alg_by_racoon(kind, w->text) : NULL;

	if (a == NULL || rc_alg_available(rc_loading_of(ctx), a, RC_FOR_PHASE2))
		return false;
	stmt_warn(ctx->errors, w->pos, "%s \"%s\" " RC_UNAVAILABLE ": it is left out of the list",
		rc_kind_name(kind), w->text);
	++*at;
	if (*at < s->words && s->word[*at].kind != STMT_COMMA)
		++*at;
	return true;
}

static bool
is_in(const struct rc_alg_choice *list, unsigned n, const struct rc_alg_choice *choice)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].alg == choice->alg && list[i].bits == choice->bits)
			return true;
	return false;
}

/* The three lists; row->def is the kind.  Every word is looked at: all errors are told at once. */
bool
rc_set_sainfo_algs(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	struct rc_sainfo *sa = into;
	enum alg_kind kind = (enum alg_kind)row->def;
	struct rc_alg_choice *list = kind == ALG_ENCR   ? sa->encr
				     : kind == ALG_AUTH ? sa->auth
							: sa->comp;
	unsigned *n = kind == ALG_ENCR ? &sa->encrs : kind == ALG_AUTH ? &sa->auths : &sa->comps;
	bool good = true, left_out = false;

	if (!rc_words(ctx, row, s, 1, STMT_WORDS_MAX))
		return false;
	for (size_t at = 1; at < s->words; at++) { /* over the comma */
		struct rc_alg_choice choice;
		size_t first = at;

		if (leave_out(ctx, s, &at, kind)) {
			left_out = true;
		} else if (!take_choice(ctx, s, &at, kind, &choice)) {
			good = false;
		} else if (is_in(list, *n, &choice)) {
			stmt_warn(ctx->errors, s->word[first].pos, "\"%s\" is listed twice",
				s->word[first].text);
		} else if (*n == RC_ALGS_MAX) {
			stmt_error(ctx->errors, s->word[first].pos, "more than %d algorithms",
				RC_ALGS_MAX);
			return false;
		} else {
			list[(*n)++] = choice;
		}
		if (at < s->words && s->word[at].kind != STMT_COMMA) {
			stmt_error(ctx->errors, s->word[at].pos, "expected \",\" before \"%s\"",
				s->word[at].text);
			return false;
		}
		if (at + 1 == s->words) {
			stmt_error(ctx->errors, s->end, "expected an algorithm after \",\"");
			return false;
		}
	}
	if (good && left_out && *n == 0) {
		stmt_error(ctx->errors, s->pos, "%s names none that " RC_AVAILABLE, row->keyword);
		return false;
	}
	return good;
}

static bool
print_choices(const struct rc_alg_choice *list, unsigned n, struct text *out)
{
	for (unsigned i = 0; i < n; i++) {
		text_addf(out, "%s%s", i == 0 ? "" : ", ", rc_alg_name(list[i].alg));
		if (list[i].bits != 0)
			text_addf(out, " %u", (unsigned)list[i].bits);
	}
	return n > 0;
}

bool
rc_print_sainfo_encr(const struct conf_row *row, const void *from, struct text *out)
{
	const struct rc_sainfo *sa = from;

	(void)row;
	return print_choices(sa->encr, sa->encrs, out);
}

bool
rc_print_sainfo_auth(const struct conf_row *row, const void *from, struct text *out)
{
	const struct rc_sainfo *sa = from;

	(void)row;
	return print_choices(sa->auth, sa->auths, out);
}

bool
rc_print_sainfo_comp(const struct conf_row *row, const void *from, struct text *out)
{
	const struct rc_sainfo *sa = from;

	(void)row;
	return print_choices(sa->comp, sa->comps, out);
}
