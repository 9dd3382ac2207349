/*
 * algs.c - the algorithms and keys of an SA: -E, -A, -C.
 *
 * Called by sad.c.  Names and key sizes come from the rows of lib/alg.c only; an algorithm that has
 * a number in some SA database passes, and whether the one at hand has it is that one's answer.  A
 * key is "text" or 0xhex (an odd number of digits gets a leading zero).
 */
#include <string.h>

#include "lib/secret.h"
#include "setkey/words.h"

enum { NAMES_MAX = 64 };

static void
unknown_algorithm(struct words *w, const struct stmt_word *at, enum alg_kind kind)
{
	static const char *const what[] = { [ALG_ENCR] = "encryption algorithm",
		[ALG_AUTH] = "authentication algorithm", [ALG_HASH] = "hash", [ALG_DH] = "group",
		[ALG_COMP] = "compression algorithm" };
	const char *names[NAMES_MAX + 1] = { NULL };
	size_t n = 0;

	for (size_t i = 0; i < alg_count; i++)
		for (size_t j = 0; j < ALG_AKA_MAX && alg_table[i].kind == kind; j++)
			if (alg_table[i].setkey[j] != NULL && n < NAMES_MAX)
				names[n++] = alg_table[i].setkey[j];
	words_unknown(w, at, what[kind], names);
}

static const struct alg *
read_algorithm(struct words *w, enum alg_kind kind)
{
	const struct stmt_word *word = words_next(w, "an algorithm");
	const struct alg *alg;

	if (word == NULL)
		return NULL;
	alg = word->kind == STMT_BARE ? alg_by_setkey(kind, word->text) : NULL;
	if (alg == NULL)
		unknown_algorithm(w, word, kind);
	else if (alg->pfkey == 0 && alg->xfrm == NULL) {
		words_error(w, word, "algorithm \"%s\" is not available here", word->text);
		return NULL;
	}
	return alg;
}

/* The lengths with the salt that follows the key: "160, 224 or 288 bits (32 of them salt)". */
static void
lengths_text(const struct alg *alg, struct text *out)
{
	unsigned salt = alg->salt * 8u, last = 0;
	char sizes[80];

	if (salt == 0) {
		text_addf(out, "%s bits", alg_bits_text(alg, sizes, sizeof(sizes)));
		return;
	}
	while (last + 1 < ALG_BITS_MAX && alg->bits[last + 1] != 0)
		last++;
	for (unsigned i = 0; i <= last; i++)
		text_addf(out, "%s%u", i == 0 ? "" : i == last ? " or " : ", ",
			alg->bits[i] + salt);
	text_addf(out, " bits (the last %u are the salt)", salt);
}

static bool
check_length(struct words *w, const struct stmt_word *at, const struct alg *alg, size_t octets)
{
	struct text lengths = { 0 };
	size_t bits = octets * 8, salt = alg->salt * 8u;

	if (bits >= salt && bits - salt <= UINT16_MAX && octets <= SA_KEY_MAX &&
		alg_key_ok(alg, (unsigned)(bits - salt)))
		return true;
	lengths_text(alg, &lengths);
	words_error(w, at, "key of %zu bits (%zu octets) does not fit %s: expected %s", bits,
		octets, alg->name, text_str(&lengths));
	text_free(&lengths);
	return false;
}

static bool
read_key(struct words *w, const struct alg *alg, struct sa_key *key)
{
	const struct stmt_word *word = words_peek(w);
	size_t n;

	/* Without a cipher the key may be left out. */
	if (alg->mode == ALG_MODE_NULL && (word == NULL || word->text[0] == '-') &&
		(word == NULL || word->kind == STMT_BARE))
		return true;
	word = words_next(w, "a key: \"text\" or 0x and hexadecimal digits");
	if (word == NULL)
		return false;
	n = strlen(word->text);
	if (word->kind == STMT_STRING) {
		if (!check_length(w, word, alg, n))
			return false;
		memcpy(key->b, word->text, n);
		key->octets = (uint16_t)n;
		return true;
	}
	if (word->kind != STMT_BARE || strncmp(word->text, "0x", 2) != 0) {
		/* The word may be a key typed without quotes: it is not shown. */
		words_error(w, word, "expected a key: \"text\" or 0x and hexadecimal digits");
		return false;
	}
	if (!check_length(w, word, alg, (n - 2 + 1) / 2))
		return false;
	if (!bytes_from_hex(word->text + 2, n - 2, key->b, sizeof(key->b), &n)) {
		words_error(w, word, "the key has a character that is no hexadecimal digit");
		return false;
	}
	key->octets = (uint16_t)n;
	return true;
}

static bool
option_encr(struct words *w, struct ipsec_sa *sa)
{
	sa->encr = read_algorithm(w, ALG_ENCR);
	return sa->encr != NULL && read_key(w, sa->encr, &sa->encr_key);
}

static bool
option_auth(struct words *w, struct ipsec_sa *sa)
{
	sa->auth = read_algorithm(w, ALG_AUTH);
	return sa->auth != NULL && read_key(w, sa->auth, &sa->auth_key);
}

/* -R: the SPI is the CPI on the wire, which has 16 bits (RFC 3173 3.3). */
static bool
option_comp(struct words *w, struct ipsec_sa *sa)
{
	sa->comp = read_algorithm(w, ALG_COMP);
	if (sa->comp == NULL)
		return false;
	if (!words_take(w, "-R"))
		return true;
	sa->flags |= SA_F_RAWCPI;
	if (sa->spi <= UINT16_MAX)
		return true;
	words_error(w, &w->s->word[w->at - 1],
		"with -R the SPI is the CPI: expected a number from %d to %d", SA_SPI_MIN,
		UINT16_MAX);
	return false;
}

static bool
is_tcp_md5(const struct alg *alg)
{
	return alg != NULL && strcmp(alg->name, "tcp-md5") == 0;
}

/* Which of the three each protocol needs and allows. */
static bool
check_combination(struct words *w, const struct ipsec_sa *sa)
{
	const char *want = NULL;

	if (sa->proto == SA_ESP && (sa->encr == NULL || sa->comp != NULL))
		want = "esp needs -E algorithm key (\"-E null\" for none)"
		       " and may have -A algorithm key";
	else if (sa->proto == SA_AH && (sa->auth == NULL || sa->encr != NULL || sa->comp != NULL))
		want = "ah needs -A algorithm key and nothing else";
	else if (sa->proto == SA_TCP &&
		(!is_tcp_md5(sa->auth) || sa->encr != NULL || sa->comp != NULL))
		want = "tcp needs -A tcp-md5 key and nothing else";
	else if (sa->proto != SA_TCP && is_tcp_md5(sa->auth))
		want = "tcp-md5 belongs to protocol tcp only";
	else if (sa->proto == SA_IPCOMP &&
		 (sa->comp == NULL || sa->encr != NULL || sa->auth != NULL))
		want = "ipcomp needs -C algorithm and nothing else";
	else if (sa->encr != NULL && sa->encr->icv != 0 && sa->auth != NULL)
		want = "this cipher authenticates by itself: leave out -A";
	if (want == NULL)
		return true;
	words_error(w, &w->s->word[0], "%s", want);
	return false;
}

bool
algs_read(struct words *w, struct ipsec_sa *sa)
{
	static const char *const options[] = { "-E", "-A", "-C", "-m", "-r", "-u", "-f", "-lh",
		"-ls", "-bh", "-bs", "-esn", "-esp_frag", "-natt_non_ike", "-ctx", "-mark",
		"-if_id", NULL };
	const struct stmt_word *word;

	while ((word = words_peek(w)) != NULL) {
		bool good, found;

		if (words_take(w, "-E"))
			good = option_encr(w, sa);
		else if (words_take(w, "-A"))
			good = option_auth(w, sa);
		else if (words_take(w, "-C"))
			good = option_comp(w, sa);
		else if (!ext_take(w, sa, EXT_ADD, &found))
			return false;
		else if (found)
			continue;
		else if (word->kind == STMT_BARE && word->text[0] == '-') {
			words_unknown(w, word, "option", options);
			return false;
		} else
			return words_end(w);
		if (!good)
			return false;
	}
	return check_combination(w, sa);
}
