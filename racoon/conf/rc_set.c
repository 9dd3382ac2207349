/*
 * rc_set.c - the setters that several directives of racoon.conf share: enumerations, refusals,
 * endpoints, algorithms.
 *
 * Called through the rows of rc_rows.c.  Nothing here opens a file.
 */
#include "racoon/conf/rc_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cry.h"

struct rc_loading *
rc_loading_of(struct conf_ctx *ctx)
{
	return ctx->user;
}

bool
rc_words(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, size_t min,
	size_t max)
{
	const struct stmt_word *extra;

	/* More words than fit, and some on another line: that is where the statement should end. */
	for (size_t i = 2; s->words > max + 1 && i < s->words; i++)
		if (s->word[i].pos.line > s->word[i - 1].pos.line) {
			stmt_error(ctx->errors, s->word[i].pos,
				"unexpected \"%s\": is a \";\" missing at the end of line %u?",
				s->word[i].text, s->word[i - 1].pos.line);
			return false;
		}
	if (s->words < min + 1) {
		stmt_error(ctx->errors, s->end, "\"%s\" is incomplete: expected \"%s %s\"",
			row->keyword, row->keyword, row->shape);
		return false;
	}
	if (s->words <= max + 1)
		return true;
	extra = &s->word[max + 1];
	stmt_error(ctx->errors, extra->pos, "unexpected \"%s\": expected \"%s %s\"", extra->text,
		row->keyword, row->shape);
	return false;
}

/* ------------------------------------------------------------------------------------- blocks */

/* Directives that may stand several times in one block. */
static bool
is_repeatable(const char *keyword)
{
	static const char *const words[] = { "isakmp", "isakmp_natt", "peers_identifier",
		"proposal", "script", "auth", "acct", "split_network", "split_dns",
		/* of a sainfo: the lists are one */
		"encryption_algorithm", "authentication_algorithm", "compression_algorithm" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], keyword) == 0)
			return true;
	return false;
}

static bool
is_given_before(struct stmt *const *stmts, size_t n, const char *keyword, unsigned *line)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(stmts[i]->word[0].text, keyword) == 0) {
			*line = stmts[i]->pos.line;
			return true;
		}
	return false;
}

/*
 * What an old file may well say and this version does not act on.  Values that switch something off
 * which is not there (nat_traversal off, dpd_delay 0) are carried out, and need no warning.
 */
void
rc_warn_idle(struct conf_ctx *ctx, const struct stmt *s)
{
	static const struct {
		const char *keyword, *second, *why;
	} idle[] = {
		{ "gss_id_enc", NULL, "there is no GSS-API" },
	};
	struct rc_loading *l = rc_loading_of(ctx);

	for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
		const char *second = idle[i].second;

		if ((l->idle_told & UINT32_C(1) << i) != 0 ||
			strcmp(idle[i].keyword, s->word[0].text) != 0)
			continue;
		if (second != NULL && (s->words < 2 || strcmp(second, s->word[1].text) != 0))
			continue;
		l->idle_told |= UINT32_C(1) << i;
		stmt_warn(ctx->errors, s->pos, "\"%s%s%s\" is read without effect: %s",
			idle[i].keyword, second == NULL ? "" : " ", second == NULL ? "" : second,
			idle[i].why);
	}
}

bool
rc_read_block(struct conf_ctx *ctx, const struct conf_row *table, const struct stmt *s, void *into)
{
	bool good = true;
	unsigned line;

	for (size_t i = 0; i < s->block_count; i++) {
		const struct stmt *at = s->block[i];
		const char *keyword = at->word[0].text;

		/* As racoon: the last one counts. */
		if (!is_repeatable(keyword) && is_given_before(s->block, i, keyword, &line))
			stmt_warn(ctx->errors, at->pos,
				"\"%s\" is given twice: this one counts, not that at line %u",
				keyword, line);
		if (!conf_read_stmt(ctx, table, at, into)) {
			good = false;
		} else {
			rc_warn_idle(ctx, at);
		}
	}
	return good;
}

/* Octets of the number in "10sec", or 0 when the word is not a number with a unit behind it. */
static size_t
glued_number(const struct stmt_word *w)
{
	static const char *const units[] = { "sec", "secs", "second", "seconds", "min", "mins",
		"minute", "minutes", "hour", "hours" };
	size_t n = strspn(w->text, "0123456789");

	if (w->kind != STMT_BARE || n == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strcmp(w->text + n, units[i]) == 0)
			return n;
	return 0;
}

bool
rc_split_units(struct conf_ctx *ctx, struct stmt *s)
{
	for (size_t i = 0; i < s->words; i++) {
		size_t n = glued_number(&s->word[i]);
		struct stmt_word *word;

		if (n == 0)
			continue;
		word = arena_array(ctx->arena, s->words + 1, sizeof(*word));
		if (word == NULL)
			return false;
		memcpy(word, s->word, (i + 1) * sizeof(*word));
		memcpy(word + i + 1, s->word + i, (s->words - i) * sizeof(*word));
		word[i].text = arena_strndup(ctx->arena, s->word[i].text, n);
		word[i + 1].text += n;
		word[i + 1].pos.column += (unsigned)n;
		if (word[i].text == NULL)
			return false;
		s->word = word;
		s->words++;
	}
	for (size_t i = 0; i < s->block_count; i++)
		if (!rc_split_units(ctx, s->block[i]))
			return false;
	return true;
}

bool
rc_set_timer_block(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	struct rc_config *c = into;

	return rc_words(ctx, row, s, 0, 0) && rc_read_block(ctx, rc_timer_rows, s, &c->timer);
}

bool
rc_set_listen_block(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	return rc_words(ctx, row, s, 0, 0) && rc_read_block(ctx, rc_listen_rows, s, into);
}

bool
rc_set_padding_block(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	struct rc_config *c = into;

	return rc_words(ctx, row, s, 0, 0) && rc_read_block(ctx, rc_padding_rows, s, &c->padding);
}

/* The words inside are checked, so that a slip is told as what it is; then the block is refused. */
bool
rc_set_refused_block(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s,
	void *into)
{
	const struct conf_row *table = strcmp(row->keyword, "mode_cfg") == 0 ? rc_mode_cfg_rows :
		strcmp(row->keyword, "radiuscfg") == 0 ? rc_radius_rows : rc_ldap_rows;

	if (!rc_words(ctx, row, s, 0, 0) || !rc_read_block(ctx, table, s, into))
		return false;
	return s->block_count == 0 || rc_set_refused(ctx, row, s, into);
}

/* -------------------------------------------------------------------- enumerations, refusals */

bool
rc_set_enum(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	int64_t value;
	unsigned v;

	if (!rc_words(ctx, row, s, 1, 1) ||
		!conf_word_value(ctx, row->words, &s->word[1], &value))
		return false;
	v = (unsigned)value; /* the type every enumeration of rc.h has */
	memcpy((char *)into + row->offset, &v, sizeof(v));
	return true;
}

bool
rc_print_enum(const struct conf_row *row, const void *from, struct text *out)
{
	unsigned v;

	memcpy(&v, (const char *)from + row->offset, sizeof(v));
	if (v == row->def)
		return false;
	for (const struct conf_word *w = row->words; w->name != NULL; w++)
		if (w->value == v) {
			text_add(out, w->name);
			return true;
		}
	return false;
}

static const char *
word_for(const struct conf_word *words, int64_t value)
{
	for (; words->name != NULL; words++)
		if (words->value == value)
			return words->name;
	return "off";
}

bool
rc_set_fixed(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	int64_t value;

	(void)into;
	if (!rc_words(ctx, row, s, 1, 1) ||
		!conf_word_value(ctx, row->words, &s->word[1], &value))
		return false;
	if (value == row->def)
		return true;
	stmt_error(ctx->errors, s->pos, "\"%s %s\" " RC_UNAVAILABLE " (%s): expected \"%s %s\"",
		row->keyword, s->word[1].text, row->help, row->keyword,
		word_for(row->words, row->def));
	return false;
}

bool
rc_set_ignored(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	int64_t value;

	(void)into;
	if (row->words == NULL)
		return true;
	return rc_words(ctx, row, s, 1, 1) &&
		conf_word_value(ctx, row->words, &s->word[1], &value);
}

bool
rc_set_refused(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	(void)into;
	stmt_error(ctx->errors, s->pos, "\"%s\" " RC_UNAVAILABLE " (%s): remove it", row->keyword,
		row->help);
	return false;
}

bool
rc_set_obsolete(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	(void)into;
	stmt_error(ctx->errors, s->pos, "\"%s\" has no place here: %s", row->keyword, row->help);
	return false;
}

/* ------------------------------------------------------------------------------ words of values */

bool
rc_string_word(struct conf_ctx *ctx, const struct stmt_word *w, const char *what)
{
	if (w->kind == STMT_STRING)
		return true;
	stmt_error(ctx->errors, w->pos, "\"%s\": expected %s in double quotes", w->text, what);
	return false;
}

bool
rc_port_word(struct conf_ctx *ctx, const struct stmt_word *w, uint16_t *port)
{
	int64_t value;

	if (w->kind != STMT_BRACKET) {
		stmt_error(ctx->errors, w->pos, "\"%s\": expected a port in brackets, as in [%d]",
			w->text, RC_PORT);
		return false;
	}
	if (!stmt_number(w, 1, UINT16_MAX, &value, ctx->errors))
		return false;
	*port = (uint16_t)value;
	return true;
}

bool
rc_endpoint_words(struct conf_ctx *ctx, const struct stmt *s, size_t *at, struct net_endpoint *out)
{
	const struct stmt_word *w;

	if (*at >= s->words) {
		stmt_error(ctx->errors, s->end, "expected an address after \"%s\"",
			s->word[s->words - 1].text);
		return false;
	}
	w = &s->word[*at];
	if (w->kind != STMT_BARE || !net_addr_parse(w->text, &out->addr)) {
		stmt_error(ctx->errors, w->pos,
			"\"%s\": expected a numeric address such as 192.168.1.100", w->text);
		return false;
	}
	++*at;
	if (*at < s->words && s->word[*at].kind == STMT_BRACKET)
		return rc_port_word(ctx, &s->word[(*at)++], &out->port);
	return true;
}

void
rc_print_endpoint(struct text *out, const struct net_endpoint *e, uint16_t usual_port)
{
	char buf[NET_ADDR_TEXT];

	text_add(out, net_addr_text(buf, sizeof(buf), &e->addr));
	if (e->port != usual_port)
		text_addf(out, " [%u]", (unsigned)e->port);
}

/* --------------------------------------------------------------------------------- algorithms */

const char *
rc_kind_name(enum alg_kind kind)
{
	switch (kind) {
	case ALG_ENCR:
		return "cipher";
	case ALG_AUTH:
		return "authentication algorithm";
	case ALG_HASH:
		return "hash";
	case ALG_DH:
		return "Diffie-Hellman group";
	case ALG_COMP:
		return "compression algorithm";
	}
	return "algorithm";
}

static bool
fits_purpose(const struct alg *a, enum rc_purpose purpose)
{
	if (a->mode == ALG_MODE_NONE && a->kind != ALG_COMP)
		return false;
	switch (a->kind) {
	case ALG_ENCR:
		return purpose == RC_FOR_PHASE1 ? a->ike1 != 0 && a->mode == ALG_MODE_CBC :
						  a->esp1 != 0;
	case ALG_AUTH:
		return a->auth1 != 0 || a->mode == ALG_MODE_NULL;
	case ALG_HASH:
	case ALG_DH:
		return a->ike1 != 0;
	case ALG_COMP:
		return true;
	}
	return false;
}

static bool
is_to_be_had(struct rc_loading *l, const struct alg *a)
{
	struct cry *cry = l->options->cry;

	if (a->kind == ALG_COMP)
		return strcmp(a->name, "deflate") == 0;
	/* NULL needs no provider; without one (tests, the simulator) the row decides. */
	if (a->mode == ALG_MODE_NULL || cry == NULL)
		return true;
	if (a->legacy && cry_allow_legacy(cry) != ST_NORMAL)
		return false;
	return cry_has(cry, a);
}

bool
rc_alg_available(struct rc_loading *l, const struct alg *a, enum rc_purpose purpose)
{
	return fits_purpose(a, purpose) && is_to_be_had(l, a);
}

/* "aes256" for "aes 256": told. */
static bool
is_glued(struct conf_ctx *ctx, const struct stmt_word *w, enum alg_kind kind)
{
	size_t n = strcspn(w->text, "0123456789");
	const char *name = arena_strndup(ctx->arena, w->text, n);

	if (kind != ALG_ENCR || w->text[n] == '\0' || name == NULL ||
		w->text[n + strspn(w->text + n, "0123456789")] != '\0' ||
		alg_by_racoon(kind, name) == NULL)
		return false;
	stmt_error(ctx->errors, w->pos, "unknown %s \"%s\": did you mean \"%s %s\"?",
		rc_kind_name(kind), w->text, name, w->text + n);
	return true;
}

static void
unknown_alg(struct conf_ctx *ctx, const struct stmt_word *w, enum alg_kind kind,
	enum rc_purpose purpose)
{
	const char *names[96];
	const char *nearest;
	size_t n = 0;

	for (size_t i = 0; i < alg_count && n + ALG_AKA_MAX < ARRAY_LEN(names); i++)
		if (alg_table[i].kind == kind && fits_purpose(&alg_table[i], purpose))
			for (size_t k = 0; k < ALG_AKA_MAX && alg_table[i].racoon[k] != NULL; k++)
				names[n++] = alg_table[i].racoon[k];
	names[n] = NULL;
	if (is_glued(ctx, w, kind))
		return;
	nearest = text_nearest(w->text, names);
	if (nearest != NULL)
		stmt_error(ctx->errors, w->pos, "unknown %s \"%s\": did you mean \"%s\"?",
			rc_kind_name(kind), w->text, nearest);
	else
		stmt_error(ctx->errors, w->pos, "unknown %s \"%s\"", rc_kind_name(kind),
			w->text);
}

const struct alg *
rc_alg_word(struct conf_ctx *ctx, const struct stmt_word *w, enum alg_kind kind,
	enum rc_purpose purpose)
{
	struct rc_loading *l = rc_loading_of(ctx);
	const struct alg *a = w->kind == STMT_BARE ? alg_by_racoon(kind, w->text) : NULL;

	if (a == NULL) {
		unknown_alg(ctx, w, kind, purpose);
		return NULL;
	}
	if (!rc_alg_available(l, a, purpose)) {
		stmt_error(ctx->errors, w->pos, "%s \"%s\" " RC_UNAVAILABLE "%s",
			rc_kind_name(kind), w->text,
			purpose == RC_FOR_PHASE1 && kind == ALG_ENCR ? " for phase 1" : "");
		return NULL;
	}
	if (a->legacy)
		l->c->wants_legacy = true;
	return a;
}

bool
rc_bits_word(struct conf_ctx *ctx, const struct stmt_word *w, const struct alg *a, uint16_t *bits)
{
	char sizes[64];
	int64_t value;

	if (!stmt_number(w, 0, UINT16_MAX, &value, ctx->errors))
		return false;
	if (!alg_key_ok(a, (unsigned)value)) {
		stmt_error(ctx->errors, w->pos, "key length %s does not fit %s: expected %s bits",
			w->text, rc_alg_name(a), alg_bits_text(a, sizes, sizeof(sizes)));
		return false;
	}
	*bits = a->key_length_attr ? (uint16_t)value : 0;
	return true;
}

const char *
rc_alg_name(const struct alg *a)
{
	return a->racoon[0] != NULL ? a->racoon[0] : a->name;
}
