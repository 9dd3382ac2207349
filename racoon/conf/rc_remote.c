/*
 * rc_remote.c - the `remote` section: its head, its private directives, proposals, inheritance.
 *
 * Called through the rows of rc_rows.c while a file is read.  What needs the whole section (missing
 * parts, combinations) is checked in rc_check.c.
 */
#include "racoon/conf/rc_in.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct head { /* `anonymous`, an address with its port, or "name" */
	bool anonymous, named;
	const char *name;
	struct net_endpoint address;
	struct stmt_pos pos;
};

/* --------------------------------------------------------------------------------- the section */

static bool
take_head(struct conf_ctx *ctx, const struct stmt *s, size_t *at, struct head *out)
{
	const struct stmt_word *w;
	char buf[NET_ENDPOINT_TEXT];

	*out = (struct head){ .pos = s->end, .address.port = RC_PORT };
	if (*at >= s->words) {
		stmt_error(ctx->errors, s->end,
			"expected an address, \"anonymous\" or a \"name\" after \"%s\"",
			s->word[s->words - 1].text);
		return false;
	}
	w = &s->word[*at];
	out->pos = w->pos;
	if (w->kind == STMT_STRING) {
		if (w->text[0] == '\0' || strlen(w->text) > RC_NAME_MAX) {
			stmt_error(ctx->errors, w->pos, "a name has 1 to %d octets", RC_NAME_MAX);
			return false;
		}
		out->named = true;
		out->name = w->text;
		++*at;
		return true;
	}
	if (w->kind == STMT_BARE && strcmp(w->text, "anonymous") == 0) {
		out->anonymous = true;
		out->name = w->text;
		++*at;
		/* `remote anonymous [500]`: a port of peers from anywhere tells nothing. */
		return *at == s->words || s->word[*at].kind != STMT_BRACKET ||
			rc_port_word(ctx, &s->word[(*at)++], &out->address.port);
	}
	if (!rc_endpoint_words(ctx, s, at, &out->address))
		return false;
	out->name = arena_strdup(ctx->arena,
		net_addr_text(buf, sizeof(buf), &out->address.addr));
	return out->name != NULL;
}

static bool
fits_head(const struct rc_remote *r, const struct head *h)
{
	if (h->named)
		return r->named && strcmp(r->name, h->name) == 0;
	if (h->anonymous)
		return r->anonymous;
	return !r->named && !r->anonymous && net_endpoint_equal(&r->address, &h->address);
}

static struct rc_remote *
parent_of(struct conf_ctx *ctx, const struct head *h)
{
	struct rc_config *c = rc_loading_of(ctx)->c;

	for (unsigned i = 0; i < c->remotes; i++)
		if (fits_head(c->remote[i], h))
			return c->remote[i];
	stmt_error(ctx->errors, h->pos, "no remote section \"%s\" before this one to inherit from",
		h->name);
	return NULL;
}

static bool
append_remote(struct rc_loading *l, struct rc_remote *r)
{
	struct rc_config *c = l->c;

	if (c->remotes == l->remote_room) {
		size_t room = l->remote_room == 0 ? 16 : 2 * l->remote_room;
		struct rc_remote **p = reallocarray(c->remote, room, sizeof(struct rc_remote *));

		if (p == NULL)
			return false;
		c->remote = p;
		l->remote_room = room;
	}
	r->index = c->remotes;
	c->remote[c->remotes++] = r;
	return true;
}

static const char *
title_of(struct conf_ctx *ctx, const struct head *h)
{
	struct text t = { 0 };
	const char *title;

	if (h->named)
		text_addf(&t, "\"%s\"", h->name);
	else if (h->anonymous)
		text_add(&t, "anonymous");
	else
		rc_print_endpoint(&t, &h->address, RC_PORT);
	title = arena_strdup(ctx->arena, text_str(&t));
	text_free(&t);
	return title;
}

/* The parent's proposals, for a child without; its own lifetime rules where they have none. */
static void
inherit_proposals(struct rc_remote *r, const struct rc_remote *parent)
{
	if (r->proposals > 0)
		return;
	memcpy(r->proposal, parent->proposal, sizeof(r->proposal));
	r->proposals = parent->proposals;
}

static void
fill_lifetimes(struct rc_remote *r)
{
	for (unsigned i = 0; i < r->proposals; i++)
		if (!r->proposal[i].own_life)
			r->proposal[i].life_ms = r->life_ms;
}

/* `peers_identifier address;` stands for the address of the section. */
static bool
fill_peer_address(struct conf_ctx *ctx, struct rc_remote *r)
{
	char buf[NET_ADDR_TEXT];

	for (unsigned i = 0; i < r->peer_ids; i++) {
		struct rc_id *id = &r->peer_id[i];

		/* One that was inherited means the heir's address. */
		if (!id->own_address && !id->of_section)
			continue;
		id->of_section = r->address.addr.family != 0;
		id->own_address = !id->of_section;
		if (id->own_address) { /* for any peer: the address it speaks from */
			id->text = "address";
			id->value = (struct bytes){ 0 };
			continue;
		}
		id->type = r->address.addr.family == 4 ? RC_ID_IPV4 : RC_ID_IPV6;
		id->value = arena_dup(ctx->arena, net_addr_bytes(&r->address.addr));
		id->text = arena_printf(ctx->arena, "address %s",
			net_addr_text(buf, sizeof(buf), &r->address.addr));
	}
	return true;
}

static struct rc_remote *
remote_new(struct conf_ctx *ctx, const struct head *h, const struct rc_remote *parent)
{
	struct rc_remote *r = arena_alloc(ctx->arena, sizeof(*r));

	if (r == NULL)
		return NULL;
	if (parent != NULL) {
		*r = *parent;
		r->by_address = r->by_name = (struct hash_node){ 0 };
		r->proposals = 0;
		r->is_parent = false;
		r->inherit = parent->name;
	} else {
		rc_remote_defaults(r);
	}
	r->name = h->name;
	r->title = title_of(ctx, h);
	r->anonymous = h->anonymous;
	r->named = h->named;
	/* A child's peer is its own; only one with a name may take over its parent's address. */
	if (!h->named || parent == NULL || !parent->named)
		r->address = h->address;
	r->pos = h->pos;
	return r->title == NULL ? NULL : r;
}

bool
rc_set_remote(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct rc_remote *r, *parent = NULL;
	struct head head, parent_head;
	size_t at = 1;
	bool good = true;

	(void)into;
	if (!take_head(ctx, s, &at, &head))
		return false;
	if (at < s->words && s->word[at].kind == STMT_BARE &&
		strcmp(s->word[at].text, "inherit") == 0) {
		at++;
		if (!take_head(ctx, s, &at, &parent_head))
			return false;
		parent = parent_of(ctx, &parent_head);
		if (parent == NULL)
			return false;
	}
	if (!rc_words(ctx, row, s, 1, at - 1))
		return false;
	if (!s->has_block && parent == NULL) {
		stmt_error(ctx->errors, s->end, "expected \"{\": the form is \"remote %s\"",
			row->shape);
		return false;
	}
	r = remote_new(ctx, &head, parent);
	if (r == NULL || !append_remote(rc_loading_of(ctx), r)) {
		stmt_error(ctx->errors, s->pos, "out of memory");
		return false;
	}
	if (s->has_block)
		good = rc_read_block(ctx, rc_remote_rows, s, r);
	if (parent != NULL) {
		inherit_proposals(r, parent);
		parent->is_parent = true;
	}
	fill_lifetimes(r);
	/* What a bad section lacks is not told as well: it may be in the statement that was
	 * refused. */
	r->bad = !good;
	return good && fill_peer_address(ctx, r);
}

bool
rc_set_remote_address(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	struct rc_remote *r = into;
	struct net_endpoint e = { .port = RC_PORT };
	size_t at = 1;

	if (!rc_words(ctx, row, s, 1, 2) || !rc_endpoint_words(ctx, s, &at, &e) ||
		!rc_words(ctx, row, s, 1, at - 1))
		return false;
	if (!r->named) {
		stmt_error(ctx->errors, s->pos,
			"remote_address belongs in a section with a name: remote \"name\" { … }");
		return false;
	}
	r->address = e;
	return true;
}

bool
rc_print_remote_address(const struct conf_row *row, const void *from, struct text *out)
{
	const struct rc_remote *r = from;

	(void)row;
	if (!r->named || r->address.addr.family == 0)
		return false;
	rc_print_endpoint(out, &r->address, RC_PORT);
	return true;
}

/* ------------------------------------------------------------------------------- its directives */

static bool
take_mode(struct conf_ctx *ctx, const struct stmt_word *w, struct rc_remote *r)
{
	int64_t value;

	if (!conf_word_value(ctx, rc_exchange_words, w, &value))
		return false;
	if (!rc_remote_allows(r, (enum rc_exchange)value))
		r->mode[r->modes++] = (enum rc_exchange)value;
	return true;
}

bool
rc_set_exchange_mode(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	struct rc_remote *r = into;

	if (!rc_words(ctx, row, s, 1, 2 * RC_MODES_MAX - 1))
		return false;
	r->modes = 0;
	for (size_t i = 1; i < s->words; i++) {
		if (i % 2 == 1 && !take_mode(ctx, &s->word[i], r))
			return false;
		if (i % 2 == 0 && s->word[i].kind != STMT_COMMA) {
			stmt_error(ctx->errors, s->word[i].pos, "expected \",\" before \"%s\"",
				s->word[i].text);
			return false;
		}
	}
	if (s->words % 2 != 0) {
		stmt_error(ctx->errors, s->end, "expected a mode after \",\"");
		return false;
	}
	return true;
}

/* support_mip6 is what support_proxy was called before: either one switches it. */
bool
rc_set_mip6(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct conf_row proxy = *row;

	proxy.offset = offsetof(struct rc_remote, support_proxy);
	return conf_set_switch(ctx, &proxy, s, into);
}

/* One program for each event; a second one for the same event takes its place (inherit). */
bool
rc_set_script(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct rc_remote *r = into;
	int64_t hook;

	if (!rc_words(ctx, row, s, 2, 2) ||
		!rc_string_word(ctx, &s->word[1], "the file name of a program") ||
		!conf_word_value(ctx, row->words, &s->word[2], &hook))
		return false;
	if (s->word[1].text[0] == '\0') {
		stmt_error(ctx->errors, s->word[1].pos, "the file name is empty");
		return false;
	}
	r->script[hook] = s->word[1].text;
	r->script_pos[hook] = s->pos;
	return true;
}

bool
rc_print_exchange_mode(const struct conf_row *row, const void *from, struct text *out)
{
	const struct rc_remote *r = from;

	(void)row;
	for (unsigned i = 0; i < r->modes; i++)
		text_addf(out, "%s%s", i == 0 ? "" : ", ", rc_exchange_name(r->mode[i]));
	return r->modes > 0;
}

bool
rc_set_my_identifier(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	struct rc_remote *r = into;
	size_t at = 1;

	return rc_id_words(ctx, s, &at, true, &r->my_id) && rc_words(ctx, row, s, 1, at - 1);
}

bool
rc_print_my_identifier(const struct conf_row *row, const void *from, struct text *out)
{
	const struct rc_remote *r = from;

	(void)row;
	if (r->my_id.own_address || r->my_id.text == NULL)
		return false;
	text_add(out, r->my_id.text);
	return true;
}

bool
rc_set_peers_identifier(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	struct rc_remote *r = into;
	size_t at = 1;

	if (r->peer_ids == RC_IDS_MAX) {
		stmt_error(ctx->errors, s->pos, "more than %d identities of one peer", RC_IDS_MAX);
		return false;
	}
	/* `peers_identifier address;` is the address of the peer itself. */
	if (!rc_id_words(ctx, s, &at, true, &r->peer_id[r->peer_ids]) ||
		!rc_words(ctx, row, s, 1, at - 1))
		return false;
	r->peer_ids++;
	return true;
}

/* lifetime time N unit; the keyword's row says which field, in a remote as in a sainfo. */
bool
rc_set_lifetime(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	if (s->words > 1 && s->word[1].kind == STMT_BARE && strcmp(s->word[1].text, "byte") == 0) {
		stmt_error(ctx->errors, s->word[1].pos,
			"byte lifetime support is deprecated: expected \"lifetime time number "
			"unit\"");
		return false;
	}
	if (!rc_words(ctx, row, s, 1, 3))
		return false;
	if (s->word[1].kind != STMT_BARE || strcmp(s->word[1].text, "time") != 0) {
		stmt_error(ctx->errors, s->word[1].pos, "\"%s\": expected \"lifetime %s\"",
			s->word[1].text, row->shape);
		return false;
	}
	return rc_words(ctx, row, s, 3, 3) && conf_time_value(ctx, &s->word[2], &s->word[3],
		row->min, row->max, (int64_t *)(void *)((char *)into + row->offset));
}

static void
print_time(int64_t ms, struct text *out)
{
	int64_t s = ms / 1000;

	if (s % 3600 == 0)
		text_addf(out, "time %" PRId64 " hour", s / 3600);
	else if (s % 60 == 0)
		text_addf(out, "time %" PRId64 " min", s / 60);
	else
		text_addf(out, "time %" PRId64 " sec", s);
}

bool
rc_print_lifetime(const struct conf_row *row, const void *from, struct text *out)
{
	int64_t ms = *(const int64_t *)(const void *)((const char *)from + row->offset);

	if (ms == row->def)
		return false;
	print_time(ms, out);
	return true;
}

/* ------------------------------------------------------------------------------------ proposals */

static bool
is_whole(struct conf_ctx *ctx, const struct stmt *s, const struct rc_proposal *p)
{
	const struct {
		bool there;
		const char *keyword;
	} parts[] = {
		{ p->encr != NULL, "encryption_algorithm" },
		{ p->hash != NULL, "hash_algorithm" },
		{ p->auth != 0, "authentication_method" },
		{ p->group != NULL, "dh_group" },
	};
	bool whole = true;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (!parts[i].there) {
			stmt_error(ctx->errors, s->end, "the proposal has no %s", parts[i].keyword);
			whole = false;
		}
	return whole;
}

bool
rc_set_proposal(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct rc_remote *r = into;
	struct rc_proposal p = { .pos = s->pos };

	if (!rc_words(ctx, row, s, 0, 0))
		return false;
	if (r->proposals == RC_PROPOSALS_MAX) {
		stmt_error(ctx->errors, s->pos, "more than %d proposals", RC_PROPOSALS_MAX);
		return false;
	}
	if (!rc_read_block(ctx, rc_proposal_rows, s, &p))
		return false;
	if (!is_whole(ctx, s, &p))
		return false;
	r->proposal[r->proposals++] = p;
	return true;
}

bool
rc_set_proposal_encr(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	struct rc_proposal *p = into;

	if (!rc_words(ctx, row, s, 1, 2))
		return false;
	p->encr = rc_alg_word(ctx, &s->word[1], ALG_ENCR, RC_FOR_PHASE1);
	if (p->encr == NULL)
		return false;
	p->bits = p->encr->key_length_attr ? (uint16_t)alg_default_bits(p->encr) : 0;
	return s->words == 2 || rc_bits_word(ctx, &s->word[2], p->encr, &p->bits);
}

bool
rc_print_proposal_encr(const struct conf_row *row, const void *from, struct text *out)
{
	const struct rc_proposal *p = from;

	(void)row;
	text_add(out, rc_alg_name(p->encr));
	if (p->bits != 0)
		text_addf(out, " %u", (unsigned)p->bits);
	return true;
}

/* hash_algorithm, dh_group: row->def is the kind. */
bool
rc_set_proposal_alg(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	const struct alg **field = (const struct alg **)(void *)((char *)into + row->offset);

	if (!rc_words(ctx, row, s, 1, 1))
		return false;
	*field = rc_alg_word(ctx, &s->word[1], (enum alg_kind)row->def, RC_FOR_PHASE1);
	return *field != NULL;
}

bool
rc_print_alg(const struct conf_row *row, const void *from, struct text *out)
{
	const struct alg *const *field =
		(const struct alg *const *)(const void *)((const char *)from + row->offset);

	if (*field == NULL)
		return false;
	text_add(out, rc_alg_name(*field));
	return true;
}

bool
rc_set_proposal_auth(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	struct rc_proposal *p = into;
	int64_t value;

	if (!rc_words(ctx, row, s, 1, 1) ||
		!conf_word_value(ctx, row->words, &s->word[1], &value))
		return false;
	if (value != RC_AUTH_PSK && !rc_auth_is_signature((enum rc_auth)value)) {
		stmt_error(ctx->errors, s->word[1].pos,
			"authentication_method \"%s\" " RC_UNAVAILABLE ": expected pre_shared_key, "
			"rsasig or ecdsasig",
			s->word[1].text);
		return false;
	}
	p->auth = (enum rc_auth)value;
	return true;
}

bool
rc_print_proposal_auth(const struct conf_row *row, const void *from, struct text *out)
{
	const struct rc_proposal *p = from;

	for (const struct conf_word *w = row->words; w->name != NULL; w++)
		if (w->value == (int64_t)p->auth) {
			text_add(out, w->name);
			return true;
		}
	return false;
}

bool
rc_set_proposal_lifetime(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	struct rc_proposal *p = into;

	p->own_life = rc_set_lifetime(ctx, row, s, into);
	return p->own_life;
}

bool
rc_print_proposal_lifetime(const struct conf_row *row, const void *from, struct text *out)
{
	const struct rc_proposal *p = from;

	(void)row;
	if (!p->own_life)
		return false;
	print_time(p->life_ms, out);
	return true;
}
