/*
 * sad.c - the statements about SAs: add, update, get, delete, deleteall, flush, dump.
 *
 * Called through the directive table.  SPIs 0 to 255 are reserved (RFC 4303 2.1) and refused, as
 * are values of more than 32 bits, which the old program cut silently.
 */
#include <string.h>

#include "setkey/words.h"

struct sa_draft {
	struct sadb_msg msg;
	struct addresses src, dst;
	uint16_t sport, dport;
	struct resolution how;
	const struct stmt_word *proto_word;
	uint32_t flags; /* of -f, over the protocol's own */
};

/* -------------------------------------------------------------------------------- extensions */

static bool
ext_mode(struct words *w, struct sa_draft *d)
{
	static const char *const names[] = { "any", "transport", "tunnel", NULL };
	const struct stmt_word *word = words_next(w, "transport, tunnel or any");

	for (unsigned i = 0; word != NULL && names[i] != NULL; i++)
		if (strcmp(word->text, names[i]) == 0) {
			d->msg.sa.mode = (enum sa_mode)i;
			return true;
		}
	if (word != NULL)
		words_unknown(w, word, "mode", names);
	return false;
}

static bool
ext_flag(struct words *w, struct sa_draft *d)
{
	static const char *const names[] = { "zero-pad", "random-pad", "seq-pad", "nocyclic-seq",
		NULL };
	const struct stmt_word *word =
		words_next(w, "zero-pad, random-pad, seq-pad or nocyclic-seq");
	uint32_t pad = 0;

	if (word == NULL)
		return false;
	if (strcmp(word->text, "nocyclic-seq") == 0) {
		d->msg.sa.flags &= ~(uint32_t)SA_F_CYCSEQ;
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
	d->msg.sa.flags &= ~(uint32_t)(SA_F_PAD_ZERO | SA_F_PAD_RAND);
	d->msg.sa.flags |= pad;
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

static bool
ext_replay(struct words *w, struct sa_draft *d)
{
	return number32(w, "the size of the replay window", &d->msg.sa.replay);
}

static bool
ext_reqid(struct words *w, struct sa_draft *d)
{
	return number32(w, "the identifier of a policy rule", &d->msg.sa.reqid);
}

static bool
ext_life_hard(struct words *w, struct sa_draft *d)
{
	return number64(w, "seconds", &d->msg.sa.hard.add_s);
}

static bool
ext_life_soft(struct words *w, struct sa_draft *d)
{
	return number64(w, "seconds", &d->msg.sa.soft.add_s);
}

static bool
ext_bytes_hard(struct words *w, struct sa_draft *d)
{
	return number64(w, "a number of octets", &d->msg.sa.hard.bytes);
}

static bool
ext_bytes_soft(struct words *w, struct sa_draft *d)
{
	return number64(w, "a number of octets", &d->msg.sa.soft.bytes);
}

static bool
ext_label(struct words *w, struct sa_draft *d)
{
	(void)d;
	words_error(w, &w->s->word[w->at - 1], "security labels (-ctx) are not available here");
	return false;
}

static const struct extension {
	const char *word;
	bool (*read)(struct words *w, struct sa_draft *d);
} extensions[] = {
	{ "-m", ext_mode },
	{ "-r", ext_replay },
	{ "-u", ext_reqid },
	{ "-f", ext_flag },
	{ "-lh", ext_life_hard },
	{ "-ls", ext_life_soft },
	{ "-bh", ext_bytes_hard },
	{ "-bs", ext_bytes_soft },
	{ "-ctx", ext_label },
};

/* One extension, if one is next; *found tells. */
static bool
read_extension(struct words *w, struct sa_draft *d, bool *found)
{
	*found = false;
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
		if (words_take(w, extensions[i].word)) {
			*found = true;
			return extensions[i].read(w, d);
		}
	return true;
}

static bool
read_extensions(struct words *w, struct sa_draft *d)
{
	bool found = true;

	while (found)
		if (!read_extension(w, d, &found))
			return false;
	return true;
}

/* --------------------------------------------------------------------------- addresses and SPI */

/* esp-udp [natt-oa] ADDRESS: the original address behind the NAT (RFC 3947 5.2). */
static bool
read_original(struct words *w, struct sa_draft *d)
{
	const struct stmt_word *word = words_peek(w);
	struct addresses oa;

	if (!d->msg.sa.natt || word == NULL)
		return true;
	if (!words_take(w, "natt-oa") &&
		(word->kind != STMT_BARE || strpbrk(word->text, ".:") == NULL))
		return true;
	if (!words_addresses(
		    w, (struct resolution){ .numeric = true }, "the original address", &oa))
		return false;
	d->msg.sa.natt_oa = oa.a[0];
	return true;
}

static bool
read_head(struct words *w, struct sa_draft *d)
{
	const struct setkey_proto *proto;
	struct ipsec_sa *sa = &d->msg.sa;
	const struct stmt_word *sport, *dport;

	d->how = words_resolution(w);
	if (!words_addresses(w, d->how, "the source address", &d->src))
		return false;
	sport = words_peek(w);
	if (!words_port(w, &d->sport) ||
		!words_addresses(w, d->how, "the destination address", &d->dst))
		return false;
	dport = words_peek(w);
	if (!words_port(w, &d->dport))
		return false;
	d->proto_word = words_peek(w);
	proto = words_proto(w);
	if (proto == NULL)
		return false;
	d->msg.has_sa = true;
	sa->proto = proto->proto;
	sa->natt = proto->natt;
	sa->flags = SA_F_CYCSEQ | proto->flags;
	if (!sa->natt) {
		const struct stmt_word *port = sport->kind == STMT_BRACKET ? sport :
			dport->kind == STMT_BRACKET ? dport : NULL;

		if (port == NULL)
			return true;
		words_error(w, port, "ports belong to protocol esp-udp only");
		return false;
	}
	d->sport = d->sport == 0 ? 4500 : d->sport;
	d->dport = d->dport == 0 ? 4500 : d->dport;
	return read_original(w, d);
}

static bool
read_spi(struct words *w, struct sa_draft *d)
{
	const struct stmt_word *word = words_next(w, "the SPI");
	struct stmt_errors quiet = { 0 };
	bool reserved;
	int64_t spi;

	if (word == NULL)
		return false;
	reserved = stmt_number(word, 0, SA_SPI_MIN - 1, &spi, &quiet);
	stmt_errors_free(&quiet);
	if (reserved) {
		words_error(w, word, "SPI %s is reserved: expected a number from %d to %lld",
			word->text, SA_SPI_MIN, (long long)UINT32_MAX);
		return false;
	}
	if (!stmt_number(word, SA_SPI_MIN, UINT32_MAX, &spi, w->ctx->errors))
		return false;
	d->msg.sa.spi = (uint32_t)spi;
	return true;
}

static bool
add_pair(struct words *w, const struct net_addr *src, const struct net_addr *dst, void *user)
{
	struct sa_draft *d = user;

	d->msg.sa.src = (struct net_endpoint){ *src, d->sport };
	d->msg.sa.dst = (struct net_endpoint){ *dst, d->dport };
	return script_add(w, &d->msg, false);
}

static bool
finish(struct words *w, struct sa_draft *d)
{
	bool good = words_end(w) && words_pairs(w, &d->src, &d->dst, add_pair, d);

	sadb_msg_wipe(&d->msg);
	return good;
}

/* -------------------------------------------------------------------------------- statements */

static bool
add_or_update(struct conf_ctx *ctx, const struct stmt *s, enum sadb_op op)
{
	struct words w = { ctx, s, 1 };
	struct sa_draft d = { .msg = { .op = op } };
	struct ipsec_sa *sa = &d.msg.sa;

	if (!read_head(&w, &d) || !read_spi(&w, &d) || !read_extensions(&w, &d) ||
		!algs_read(&w, sa)) {
		sadb_msg_wipe(&d.msg);
		return false;
	}
	sa->state = SA_MATURE;
	if ((sa->flags & SA_F_OLD) != 0 && sa->replay != 0) {
		words_error(&w, d.proto_word, "%s has no sequence numbers: leave out -r",
			d.proto_word->text);
		sadb_msg_wipe(&d.msg);
		return false;
	}
	if ((sa->hard.add_s != 0 && sa->soft.add_s > sa->hard.add_s) ||
		(sa->hard.bytes != 0 && sa->soft.bytes > sa->hard.bytes))
		stmt_warn(ctx->errors, s->pos, "the soft limit is larger than the hard one");
	return finish(&w, &d);
}

bool
set_sa_add(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	(void)row;
	(void)into;
	return add_or_update(ctx, s, SADB_OP_ADD);
}

bool
set_sa_update(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	(void)row;
	(void)into;
	return add_or_update(ctx, s, SADB_OP_UPDATE);
}

static bool
get_or_delete(struct conf_ctx *ctx, const struct stmt *s, enum sadb_op op)
{
	struct words w = { ctx, s, 1 };
	struct sa_draft d = { .msg = { .op = op } };

	if (!read_head(&w, &d))
		return false;
	/* The manual shows delete without an SPI, which would take all of them: say it plainly. */
	if (op == SADB_OP_DELETE && words_peek(&w) == NULL) {
		words_error(&w, NULL,
			"expected the SPI: \"deleteall\" deletes all SAs between two addresses");
		return false;
	}
	return read_spi(&w, &d) && finish(&w, &d);
}

bool
set_sa_get(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	(void)row;
	(void)into;
	return get_or_delete(ctx, s, SADB_OP_GET);
}

bool
set_sa_delete(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	(void)row;
	(void)into;
	return get_or_delete(ctx, s, SADB_OP_DELETE);
}

bool
set_sa_deleteall(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct words w = { ctx, s, 1 };
	struct sa_draft d = { .msg = { .op = SADB_OP_DELETE } };

	(void)row;
	(void)into;
	return read_head(&w, &d) && finish(&w, &d);
}

static bool
flush_or_dump(struct conf_ctx *ctx, const struct stmt *s, enum sadb_op op)
{
	struct words w = { ctx, s, 1 };
	struct sadb_msg m = { .op = op, .has_sa = true };
	const struct setkey_proto *proto;

	if (words_peek(&w) != NULL) {
		proto = words_proto(&w);
		if (proto == NULL)
			return false;
		m.sa.proto = proto->proto;
	}
	return words_end(&w) && script_add(&w, &m, false);
}

bool
set_sa_flush(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	(void)row;
	(void)into;
	return flush_or_dump(ctx, s, SADB_OP_FLUSH);
}

bool
set_sa_dump(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	(void)row;
	(void)into;
	return flush_or_dump(ctx, s, SADB_OP_DUMP);
}
