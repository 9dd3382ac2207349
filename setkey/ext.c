/*
 * ext.c - the extensions of an SA's statement (-m, -r, -lh and so on), and what policies have as
 * well: security labels, marks and interface identifiers.
 *
 * Called by sad.c, algs.c and spd.c.  What a backend cannot do it refuses itself; only what cannot
 * be meant is refused here.
 */
#include <stdio.h>
#include <string.h>

#include "setkey/words.h"

/* ---------------------------------------------------------------------------- values of options */

static bool
number16(struct words *w, const char *expected, uint16_t *out)
{
	int64_t n;

	if (!words_number(w, expected, 0, UINT16_MAX, &n))
		return false;
	*out = (uint16_t)n;
	return true;
}

static bool
number32(struct words *w, const char *expected, uint32_t *out)
{
	int64_t n;

	if (!words_number(w, expected, 0, UINT32_MAX, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool
number64(struct words *w, const char *expected, uint64_t *out)
{
	int64_t n;

	if (!words_number(w, expected, 0, INT64_MAX, &n))
		return false;
	*out = (uint64_t)n;
	return true;
}

/* ------------------------------------------------------------------------ labels, marks, if_id */

/* -ctx DOI ALGORITHM "label" */
static bool
read_label(struct words *w, struct sa_context *ctx)
{
	const struct stmt_word *word;
	int64_t doi, alg;
	size_t n;

	if (!words_number(w, "the label's domain of interpretation", 0, UINT8_MAX, &doi) ||
		!words_number(w, "the label's algorithm", 0, UINT8_MAX, &alg))
		return false;
	word = words_next(w, "a security label: \"text\"");
	if (word == NULL)
		return false;
	n = strlen(word->text);
	if (word->kind != STMT_STRING || n == 0 || n >= sizeof(ctx->text)) {
		words_error(w, word, "expected a security label: \"text\" of 1 to %zu characters",
			sizeof(ctx->text) - 1);
		return false;
	}
	ctx->doi = (uint8_t)doi;
	ctx->alg = (uint8_t)alg;
	memcpy(ctx->text, word->text, n + 1);
	return true;
}

/* -mark VALUE[/MASK] */
static bool
read_mark(struct words *w, struct sa_mark *mark)
{
	const struct stmt_word *word = words_next(w, "a mark: value or value/mask");
	struct stmt_word part;
	int64_t value, mask = UINT32_MAX;
	const char *slash;

	if (word == NULL)
		return false;
	part = *word;
	slash = word->kind == STMT_BARE ? strchr(word->text, '/') : NULL;
	if (slash != NULL)
		part.text = arena_strndup(
			w->ctx->arena, word->text, (size_t)(slash - word->text));
	if (part.text == NULL || !stmt_number(&part, 0, UINT32_MAX, &value, w->ctx->errors))
		return false;
	if (slash != NULL) {
		part.text = slash + 1;
		part.pos.column += (unsigned)(slash + 1 - word->text);
		if (!stmt_number(&part, 1, UINT32_MAX, &mask, w->ctx->errors))
			return false;
	}
	if ((value & ~mask) != 0) {
		words_error(w, word, "mark %s has bits outside its mask: no packet would match",
			word->text);
		return false;
	}
	*mark = (struct sa_mark){ (uint32_t)value, (uint32_t)mask };
	return true;
}

static bool
read_if_id(struct words *w, uint32_t *if_id)
{
	int64_t n;

	if (!words_number(w, "an interface identifier", 1, UINT32_MAX, &n))
		return false;
	*if_id = (uint32_t)n;
	return true;
}

bool
labels_read(struct words *w, struct ipsec_policy *sp)
{
	for (;;) {
		if (words_take(w, "-ctx")) {
			if (!read_label(w, &sp->ctx))
				return false;
		} else if (words_take(w, "-mark")) {
			if (!read_mark(w, &sp->mark))
				return false;
		} else if (words_take(w, "-if_id")) {
			if (!read_if_id(w, &sp->if_id))
				return false;
		} else {
			return true;
		}
	}
}

void
labels_text(const struct sa_context *ctx, const struct sa_mark *mark, uint32_t if_id,
	struct text *out)
{
	if (ctx->text[0] != '\0')
		text_addf(out, " -ctx %u %u \"%s\"", (unsigned)ctx->doi, (unsigned)ctx->alg,
			ctx->text);
	if (mark->mask == UINT32_MAX)
		text_addf(out, " -mark 0x%x", (unsigned)mark->value);
	else if (mark->mask != 0)
		text_addf(out, " -mark 0x%x/0x%x", (unsigned)mark->value, (unsigned)mark->mask);
	if (if_id != 0)
		text_addf(out, " -if_id %u", (unsigned)if_id);
}

/* ---------------------------------------------------------------------------- extensions of SAs */

static bool
ext_mode(struct words *w, struct ipsec_sa *sa)
{
	static const char *const names[] = { "any", "transport", "tunnel", NULL };
	const struct stmt_word *word = words_next(w, "transport, tunnel or any");

	for (unsigned i = 0; word != NULL && names[i] != NULL; i++)
		if (strcmp(word->text, names[i]) == 0) {
			sa->mode = (enum sa_mode)i;
			return true;
		}
	if (word != NULL)
		words_unknown(w, word, "mode", names);
	return false;
}

static bool
ext_flag(struct words *w, struct ipsec_sa *sa)
{
	static const char *const names[] = { "zero-pad", "random-pad", "seq-pad", "cyclic-seq",
		"nocyclic-seq", NULL };
	const struct stmt_word *word =
		words_next(w, "zero-pad, random-pad, seq-pad or nocyclic-seq");
	uint32_t pad = 0;

	if (word == NULL)
		return false;
	if (strcmp(word->text, "nocyclic-seq") == 0) {
		sa->flags &= ~(uint32_t)SA_F_CYCSEQ;
		return true;
	}
	if (strcmp(word->text, "cyclic-seq") == 0) {
		sa->flags |= SA_F_CYCSEQ;
		return true;
	}
	if (strcmp(word->text, "zero-pad") == 0)
		pad = SA_F_PAD_ZERO;
	else if (strcmp(word->text, "random-pad") == 0)
		pad = SA_F_PAD_RAND;
	else if (strcmp(word->text, "seq-pad") != 0) {
		words_unknown(w, word, "option", names);
		return false;
	}
	sa->flags &= ~(uint32_t)(SA_F_PAD_ZERO | SA_F_PAD_RAND);
	sa->flags |= pad;
	return true;
}

static bool
ext_replay(struct words *w, struct ipsec_sa *sa)
{
	return number32(w, "the size of the replay window", &sa->replay);
}

static bool
ext_reqid(struct words *w, struct ipsec_sa *sa)
{
	return number32(w, "the identifier of a policy rule", &sa->reqid);
}

static bool
ext_life_hard(struct words *w, struct ipsec_sa *sa)
{
	return number64(w, "seconds", &sa->hard.add_s);
}

static bool
ext_life_soft(struct words *w, struct ipsec_sa *sa)
{
	return number64(w, "seconds", &sa->soft.add_s);
}

static bool
ext_bytes_hard(struct words *w, struct ipsec_sa *sa)
{
	return number64(w, "a number of octets", &sa->hard.bytes);
}

static bool
ext_bytes_soft(struct words *w, struct ipsec_sa *sa)
{
	return number64(w, "a number of octets", &sa->soft.bytes);
}

static bool
ext_esn(struct words *w, struct ipsec_sa *sa)
{
	(void)w;
	sa->flags |= SA_F_ESN;
	return true;
}

static bool
ext_label(struct words *w, struct ipsec_sa *sa)
{
	return read_label(w, &sa->ctx);
}

static bool
ext_mark(struct words *w, struct ipsec_sa *sa)
{
	return read_mark(w, &sa->mark);
}

static bool
ext_if_id(struct words *w, struct ipsec_sa *sa)
{
	return read_if_id(w, &sa->if_id);
}

static bool
ext_hwif(struct words *w, struct ipsec_sa *sa)
{
	(void)sa;
	words_error(w, &w->s->word[w->at - 1],
		"hardware offload (-hwif) is left to the system: no SA database here takes it from"
		" setkey");
	return false;
}

static bool
ext_natt(struct words *w, struct ipsec_sa *sa)
{
	(void)sa;
	words_error(w, &w->s->word[w->at - 1],
		"unexpected -natt: expected protocol esp-udp, with the ports in brackets behind the"
		" addresses and natt-oa for the original address");
	return false;
}

/* What only ESP in UDP has. */
static bool
want_natt(struct words *w, const struct ipsec_sa *sa)
{
	const struct stmt_word *option = &w->s->word[w->at - 1];

	if (sa->natt)
		return true;
	words_error(w, option, "%s belongs to protocol esp-udp only", option->text);
	return false;
}

static bool
ext_natt_frag(struct words *w, struct ipsec_sa *sa)
{
	return want_natt(w, sa) && number16(w, "a packet size in octets", &sa->natt_frag);
}

static bool
ext_natt_non_ike(struct words *w, struct ipsec_sa *sa)
{
	sa->natt_non_ike = true;
	return want_natt(w, sa);
}

static const struct extension {
	const char *word;
	unsigned where; /* enum ext_where */
	bool (*read)(struct words *w, struct ipsec_sa *sa);
} extensions[] = {
	{ "-m", EXT_ADD | EXT_GETSPI, ext_mode },
	{ "-r", EXT_ADD, ext_replay },
	{ "-u", EXT_ADD | EXT_GETSPI, ext_reqid },
	{ "-f", EXT_ADD, ext_flag },
	{ "-lh", EXT_ADD, ext_life_hard },
	{ "-ls", EXT_ADD, ext_life_soft },
	{ "-bh", EXT_ADD, ext_bytes_hard },
	{ "-bs", EXT_ADD, ext_bytes_soft },
	{ "-esn", EXT_ADD, ext_esn },
	{ "-esp_frag", EXT_ADD, ext_natt_frag },
	{ "-natt", EXT_ADD, ext_natt },
	{ "-natt_mtu", EXT_ADD, ext_natt_frag },
	{ "-natt_non_ike", EXT_ADD, ext_natt_non_ike },
	{ "-ctx", EXT_ADD, ext_label },
	{ "-mark", EXT_ADD | EXT_GETSPI | EXT_NAME, ext_mark },
	{ "-if_id", EXT_ADD | EXT_GETSPI | EXT_NAME, ext_if_id },
	{ "-hwif", EXT_ADD, ext_hwif },
};

bool
ext_take(struct words *w, struct ipsec_sa *sa, unsigned where, bool *found)
{
	*found = false;
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
		if ((extensions[i].where & where) != 0 && words_take(w, extensions[i].word)) {
			*found = true;
			return extensions[i].read(w, sa);
		}
	return true;
}

bool
ext_read(struct words *w, struct ipsec_sa *sa, unsigned where)
{
	bool found = true;

	while (found)
		if (!ext_take(w, sa, where, &found))
			return false;
	return true;
}
