/*
 * sad.c - the statements about SAs: add, update, getspi, get, delete, deleteall, flush, dump.
 *
 * Called through the directive table.  SPIs 0 to 255 are reserved (RFC 4303 2.1) and refused unless
 * forced, as are values of more than 32 bits always, which the old program cut silently.
 */
#include <string.h>

#include "setkey/words.h"

enum {
	SPI_CHOSEN_MAX = 0x0fffffff,  /* getspi without a range, as libraries of PF_KEY ask */
	CPI_NEGOTIATED_MAX = 61439,   /* RFC 3173 3.3: above is for private use */
};

struct sa_draft {
	struct sadb_msg msg;
	struct addresses src, dst;
	uint16_t sport, dport;
	struct resolution how;
	const struct stmt_word *proto_word;
};

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

/* The least SPI that may be asked for: 1 to 255 are reserved (RFC 4303 2.1), --force or not 0. */
static int64_t
spi_min(const struct words *w)
{
	const struct setkey_script *script = w->ctx->user;

	return script->force ? 1 : SA_SPI_MIN;
}

static bool
check_spi(struct words *w, const struct stmt_word *word, int64_t *spi)
{
	struct stmt_errors quiet = { 0 };
	bool reserved = stmt_number(word, 0, spi_min(w) - 1, spi, &quiet);

	stmt_errors_free(&quiet);
	if (!reserved)
		return stmt_number(word, spi_min(w), UINT32_MAX, spi, w->ctx->errors);
	words_error(w, word, "SPI %s is reserved: expected a number from %d to %lld", word->text,
		SA_SPI_MIN, (long long)UINT32_MAX);
	return false;
}

static bool
read_spi(struct words *w, struct sa_draft *d)
{
	const struct stmt_word *word = words_next(w, "the SPI");
	int64_t spi;

	if (word == NULL || !check_spi(w, word, &spi))
		return false;
	d->msg.sa.spi = (uint32_t)spi;
	return true;
}

/* [SPI | LEAST-GREATEST] of getspi. */
static bool
read_spi_range(struct words *w, struct sa_draft *d)
{
	const struct stmt_word *word = words_peek(w);
	struct stmt_word part;
	const char *hyphen;
	int64_t least, greatest;

	d->msg.spi_min = SA_SPI_MIN;
	d->msg.spi_max = d->msg.sa.proto == SA_IPCOMP ? CPI_NEGOTIATED_MAX : SPI_CHOSEN_MAX;
	if (word == NULL || word->kind != STMT_BARE || word->text[0] == '-')
		return true;
	w->at++;
	hyphen = strchr(word->text, '-');
	part = *word;
	if (hyphen != NULL)
		part.text = arena_strndup(
			w->ctx->arena, word->text, (size_t)(hyphen - word->text));
	if (part.text == NULL || !check_spi(w, &part, &least))
		return false;
	greatest = least;
	if (hyphen != NULL) {
		part.text = hyphen + 1;
		part.pos.column += (unsigned)(hyphen + 1 - word->text);
		if (!stmt_number(&part, least, UINT32_MAX, &greatest, w->ctx->errors))
			return false;
	}
	d->msg.spi_min = (uint32_t)least;
	d->msg.spi_max = (uint32_t)greatest;
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
has_no_sequence(const struct ipsec_sa *sa)
{
	return (sa->flags & SA_F_OLD) != 0 || sa->proto == SA_IPCOMP || sa->proto == SA_TCP;
}

static bool
add_or_update(struct conf_ctx *ctx, const struct stmt *s, enum sadb_op op)
{
	struct words w = { ctx, s, 1 };
	struct sa_draft d = { .msg = { .op = op } };
	struct ipsec_sa *sa = &d.msg.sa;

	if (!read_head(&w, &d) || !read_spi(&w, &d) || !ext_read(&w, sa, EXT_ADD) ||
		!algs_read(&w, sa)) {
		sadb_msg_wipe(&d.msg);
		return false;
	}
	sa->state = SA_MATURE;
	if (has_no_sequence(sa) && (sa->replay != 0 || (sa->flags & SA_F_ESN) != 0)) {
		words_error(&w, d.proto_word, "%s has no sequence numbers: leave out %s",
			d.proto_word->text, sa->replay != 0 ? "-r" : "-esn");
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
	return read_spi(&w, &d) && ext_read(&w, &d.msg.sa, EXT_NAME) && finish(&w, &d);
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
	return read_head(&w, &d) && ext_read(&w, &d.msg.sa, EXT_NAME) && finish(&w, &d);
}

bool
set_sa_getspi(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct words w = { ctx, s, 1 };
	struct sa_draft d = { .msg = { .op = SADB_OP_GETSPI } };

	(void)row;
	(void)into;
	return read_head(&w, &d) && read_spi_range(&w, &d) &&
		ext_read(&w, &d.msg.sa, EXT_GETSPI) && finish(&w, &d);
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
