/*
 * rc_inert.c - directives of blocks that are read completely and then refused as a whole: mode_cfg,
 * radiuscfg, ldapcfg.
 *
 * Called through the rows of rc_rows.c while a file is read.  A wrong word in such a block is told
 * as what it is, so that a file which is refused for the block alone is known to be sound
 * otherwise.  Nothing is kept.
 */
#include "racoon/conf/rc_in.h"

#include <string.h>

static bool
is_address(struct conf_ctx *ctx, const struct stmt_word *w)
{
	struct net_addr a;

	if (w->kind == STMT_BARE && net_addr_parse(w->text, &a))
		return true;
	stmt_error(ctx->errors, w->pos, "\"%s\": expected a numeric address such as 10.0.0.1",
		w->text);
	return false;
}

static bool
is_network(struct conf_ctx *ctx, const struct stmt_word *w)
{
	struct net_prefix p;

	if (w->kind == STMT_BARE && strchr(w->text, '/') != NULL && net_prefix_parse(w->text, &p))
		return true;
	stmt_error(ctx->errors, w->pos, "\"%s\": expected a network such as 10.0.0.0/24 or "
		"10.0.0.0/255.255.255.0", w->text);
	return false;
}

/* 10.0.0.0/255.255.255.0, as the old parser took it too. */
static bool
is_masked(const struct stmt_word *w)
{
	const char *slash = strchr(w->text, '/');
	struct net_addr mask;

	return w->kind == STMT_BARE && slash != NULL && strchr(slash, '.') != NULL &&
		net_addr_parse(slash + 1, &mask);
}

static bool
is_string(struct conf_ctx *ctx, const struct stmt_word *w)
{
	return rc_string_word(ctx, w, "a string");
}

static bool
is_list(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, size_t first,
	bool (*one)(struct conf_ctx *, const struct stmt_word *))
{
	bool good = true;

	if (!rc_words(ctx, row, s, first, STMT_WORDS_MAX))
		return false;
	for (size_t i = first; i < s->words; i++) {
		if ((i - first) % 2 == 0) {
			good &= (one == is_network && is_masked(&s->word[i])) ||
				one(ctx, &s->word[i]);
		} else if (s->word[i].kind != STMT_COMMA) {
			stmt_error(ctx->errors, s->word[i].pos, "expected \",\" before \"%s\"",
				s->word[i].text);
			return false;
		}
	}
	if ((s->words - first) % 2 == 0) {
		stmt_error(ctx->errors, s->end, "expected one more after \",\"");
		return false;
	}
	return good;
}

/* "host" [port] "secret" */
static bool
is_server(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s)
{
	size_t at = 2;
	uint16_t port;

	if (!rc_words(ctx, row, s, 2, 3) || !is_string(ctx, &s->word[1]))
		return false;
	if (s->word[at].kind == STMT_BRACKET && !rc_port_word(ctx, &s->word[at++], &port))
		return false;
	return rc_words(ctx, row, s, at, at) && is_string(ctx, &s->word[at]);
}

bool
rc_set_inert(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	int64_t value;

	(void)into;
	switch ((enum rc_inert)row->def) {
	case RC_INERT_NUMBER:
		return rc_words(ctx, row, s, 1, 1) &&
			stmt_number(&s->word[1], 0, UINT32_MAX, &value, ctx->errors);
	case RC_INERT_ADDRESS:
		return rc_words(ctx, row, s, 1, 1) && is_address(ctx, &s->word[1]);
	case RC_INERT_ADDRESSES:
		return is_list(ctx, row, s, 1, is_address);
	case RC_INERT_STRING:
		return rc_words(ctx, row, s, 1, 1) && is_string(ctx, &s->word[1]);
	case RC_INERT_STRINGS:
		return is_list(ctx, row, s, 1, is_string);
	case RC_INERT_WORD:
		return rc_words(ctx, row, s, 1, 1) &&
			conf_word_value(ctx, row->words, &s->word[1], &value);
	case RC_INERT_NETWORKS:
		return rc_words(ctx, row, s, 2, STMT_WORDS_MAX) &&
			conf_word_value(ctx, row->words, &s->word[1], &value) &&
			is_list(ctx, row, s, 2, is_network);
	case RC_INERT_SERVER:
		return is_server(ctx, row, s);
	}
	return false;
}
