/*
 * auth_plain.c - plain RSA key files: read, looked up, printed.
 *
 * Called while a configuration is loaded, by plainrsa-gen, and (look-up only) by the IKE engine.
 * The numbers of a private key pass through wiped memory alone, and appear in no message.
 */
#include "racoon/auth/auth_plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/secret.h"

enum { NUMBER_MAX = CRY_SIG_MAX + 1, PUBLIC_MAX = 3 + 2 * NUMBER_MAX };

/* ------------------------------------------------------------------------------------- reading */

struct lexer {
	const char *at, *end;
	unsigned line;
	struct bytes word; /* the one read last */
	char *why;
	size_t size;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum status
bad(struct lexer *l, const char *expected)
{
	snprintf(l->why, l->size, "line %u: expected %s", l->line, expected);
	return ST_BADKEY;
}

/* The next word: up to a blank or brace; `{`, `}`, and a `:` before RSA or PUB stand alone. */
static bool
next_word(struct lexer *l)
{
	const char *start;

	for (; l->at < l->end && (is_space(*l->at) || *l->at == '#'); l->at++) {
		if (*l->at == '#')
			while (l->at + 1 < l->end && *l->at != '\n')
				l->at++;
		if (*l->at == '\n')
			l->line++;
	}
	start = l->at;
	if (start == l->end)
		return false;
	l->at++;
	if (*start != '{' && *start != '}' &&
		!(*start == ':' && l->at < l->end && (*l->at == 'R' || *l->at == 'P')))
		while (l->at < l->end && !is_space(*l->at) && *l->at != '{' && *l->at != '}')
			l->at++;
	l->word = bytes_of(start, (size_t)(l->at - start));
	return true;
}

static bool
is_word(const struct lexer *l, const char *text)
{
	return bytes_equal(l->word, bytes_str(text));
}

static bool
take_end(const struct lexer *l, struct net_prefix *out)
{
	char text[NET_PREFIX_TEXT];

	*out = (struct net_prefix){ 0 };
	if (is_word(l, "any"))
		return true;
	if (l->word.n >= sizeof(text))
		return false;
	memcpy(text, l->word.p, l->word.n);
	text[l->word.n] = '\0';
	if (!net_prefix_parse(text, out))
		return false;
	net_prefix_mask(out);
	return true;
}

static const struct {
	const char *title;
	size_t field;
} numbers[] = {
	{ "Modulus", offsetof(struct cry_rsa, n) },
	{ "PublicExponent", offsetof(struct cry_rsa, e) },
	{ "PrivateExponent", offsetof(struct cry_rsa, d) },
	{ "Prime1", offsetof(struct cry_rsa, p) },
	{ "Prime2", offsetof(struct cry_rsa, q) },
	{ "Exponent1", offsetof(struct cry_rsa, dp) },
	{ "Exponent2", offsetof(struct cry_rsa, dq) },
	{ "Coefficient", offsetof(struct cry_rsa, qi) },
};

static struct bytes *
field_of(struct cry_rsa *r, size_t i)
{
	return (struct bytes *)(void *)((char *)r + numbers[i].field);
}

/* "Modulus:" or "Modulus" ":" was read: its number, into hold. */
static enum status
take_number(struct lexer *l, struct cry_rsa *r, struct secret *hold)
{
	size_t i = 0, n, len = l->word.n;

	if (len > 0 && l->word.p[len - 1] == ':')
		len--;
	while (i < ARRAY_LEN(numbers) &&
		!bytes_equal(bytes_of(l->word.p, len), bytes_str(numbers[i].title)))
		i++;
	if (i == ARRAY_LEN(numbers))
		return bad(l, "Modulus:, PublicExponent:, PrivateExponent:, Prime1:, Prime2:, "
			      "Exponent1:, Exponent2: or Coefficient:");
	if (len == l->word.n && (!next_word(l) || !is_word(l, ":")))
		return bad(l, "\":\"");
	if (!next_word(l) || l->word.n < 3 || memcmp(l->word.p, "0x", 2) != 0 ||
		!bytes_from_hex((const char *)l->word.p + 2, l->word.n - 2,
			hold->p + i * NUMBER_MAX, NUMBER_MAX, &n))
		return bad(l, "a hexadecimal number that begins with 0x");
	if (field_of(r, i)->n != 0)
		return bad(l, "each number once");
	*field_of(r, i) = bytes_of(hold->p + i * NUMBER_MAX, n);
	return ST_NORMAL;
}

static enum status
take_numbers(struct lexer *l, struct secret *hold, struct cry_key **out)
{
	struct cry_rsa r = { 0 };
	unsigned line = l->line;
	const char *why;
	enum status status;

	if (!next_word(l) || !is_word(l, "{"))
		return bad(l, "\"{\" after RSA");
	while (next_word(l) && !is_word(l, "}"))
		TRY(take_number(l, &r, hold));
	if (!is_word(l, "}"))
		return bad(l, "\"}\" before the end of the file");
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (field_of(&r, i)->n == 0) {
			snprintf(l->why, l->size, "line %u: the key has no %s", line,
				numbers[i].title);
			return ST_BADKEY;
		}
	status = cry_key_rsa(&r, out, &why);
	if (status == ST_BADKEY)
		snprintf(l->why, l->size, "line %u: %s", line, why);
	return status;
}

static enum status
take_private(struct lexer *l, struct cry_key **out)
{
	struct secret hold = { 0 };
	enum status status;

	TRY(secret_alloc(&hold, ARRAY_LEN(numbers) * NUMBER_MAX));
	status = take_numbers(l, &hold, out);
	secret_wipe(&hold);
	return status;
}

static int
digit_of(uint8_t c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* Base64 without line breaks; "=" only at the end. */
static bool
from_base64(struct bytes in, uint8_t *out, size_t room, size_t *n)
{
	uint32_t bits = 0;
	unsigned have = 0;

	*n = 0;
	while (in.n > 0 && in.p[in.n - 1] == '=')
		in.n--;
	for (size_t i = 0; i < in.n; i++) {
		int digit = digit_of(in.p[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (*n == room)
			return false;
		out[(*n)++] = (uint8_t)(bits >> have);
		bits &= (1u << have) - 1;
	}
	return in.n % 4 != 1;
}

/* RFC 3110 2: length of the exponent in one octet, or in two behind a zero; exponent; modulus. */
static enum status
take_public(struct lexer *l, struct cry_key **out)
{
	uint8_t raw[PUBLIC_MAX];
	struct cry_rsa r = { 0 };
	struct reader in;
	const char *why;
	size_t n, e;
	enum status status;

	if (!next_word(l) || l->word.n < 3 || memcmp(l->word.p, "0s", 2) != 0 ||
		!from_base64(bytes_of(l->word.p + 2, l->word.n - 2), raw, sizeof(raw), &n))
		return bad(l, "a key in base64 that begins with 0s");
	in = reader_of(bytes_of(raw, n));
	e = read_u8(&in);
	if (e == 0)
		e = read_u16(&in);
	r.e = read_bytes(&in, e);
	r.n = read_rest(&in);
	if (in.bad)
		return bad(l, "an RSA key as RFC 3110 has it");
	status = cry_key_rsa(&r, out, &why);
	if (status == ST_BADKEY)
		snprintf(l->why, l->size, "line %u: %s", l->line, why);
	return status;
}

static bool
append(struct auth_plains *p, const struct auth_plain *one)
{
	if (p->count == p->room) {
		size_t room = p->room == 0 ? 4 : 2 * p->room;
		struct auth_plain *more = reallocarray(p->entry, room, sizeof(*more));

		if (more == NULL)
			return false;
		p->entry = more;
		p->room = room;
	}
	p->entry[p->count++] = *one;
	return true;
}

/* [FROM [TO]] : has been begun with l->word. */
static enum status
take_ends(struct lexer *l, struct auth_plain *one)
{
	struct net_prefix *end[] = { &one->from, &one->to };
	size_t i = 0;

	while (!is_word(l, ":")) {
		if (i == ARRAY_LEN(end) || !take_end(l, end[i++]))
			return bad(l, "an address, a prefix, \"any\" or \":\"");
		if (!next_word(l))
			return bad(l, "\":\"");
	}
	return ST_NORMAL;
}

static enum status
take_entry(struct lexer *l, bool want_private, struct auth_plains *out)
{
	struct auth_plain one = { 0 };
	bool is_private;
	enum status status;

	TRY(take_ends(l, &one));
	if (!next_word(l) || (!is_word(l, "RSA") && !is_word(l, "PUB")))
		return bad(l, "RSA or PUB after \":\"");
	is_private = is_word(l, "RSA");
	if (is_private && !want_private)
		return bad(l, "PUB: a private key does not belong into a file of peers' keys");
	status = is_private ? take_private(l, &one.key) : take_public(l, &one.key);
	if (status != ST_NORMAL)
		return status;
	if (is_private != want_private) { /* our own public half, beside the private one */
		cry_key_free(one.key);
		return ST_NORMAL;
	}
	if (out->count < AUTH_PLAIN_MAX && append(out, &one))
		return ST_NORMAL;
	cry_key_free(one.key);
	snprintf(l->why, l->size, "line %u: more than %d keys", l->line, AUTH_PLAIN_MAX);
	return ST_LIMIT;
}

enum status
auth_plain_read(
	struct bytes text, bool want_private, struct auth_plains *out, char *why, size_t size)
{
	struct lexer l = { .at = (const char *)text.p, .line = 1, .why = why, .size = size };
	enum status status = ST_NORMAL;

	*out = (struct auth_plains){ 0 };
	l.end = l.at + text.n;
	while (status == ST_NORMAL && text.n > 0 && next_word(&l))
		status = take_entry(&l, want_private, out);
	if (status == ST_NORMAL && out->count == 0) {
		snprintf(
			why, size, "there is no %s key in it", want_private ? "private" : "public");
		status = ST_BADKEY;
	}
	if (status != ST_NORMAL)
		auth_plain_free(out);
	return status;
}

void
auth_plain_free(struct auth_plains *p)
{
	for (size_t i = 0; i < p->count; i++)
		cry_key_free(p->entry[i].key);
	free(p->entry);
	*p = (struct auth_plains){ 0 };
}

/* ------------------------------------------------------------------------------------- look-up */

/* How well an end fits: 0 = not, 1 = any, 2 + bits of the prefix. */
static unsigned
fit(const struct net_prefix *p, const struct net_addr *a)
{
	if (p->addr.family == 0)
		return 1;
	return net_prefix_contains(p, a) ? 2u + p->len : 0;
}

size_t
auth_plain_find(const struct auth_plains *p, const struct net_addr *from, const struct net_addr *to,
	struct cry_key **out, size_t room)
{
	unsigned best = 0;
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct auth_plain *at = &p->entry[i];
		unsigned a = fit(&at->from, from), b = fit(&at->to, to);

		if (a == 0 || b == 0 || a + b < best)
			continue;
		if (a + b > best)
			n = 0;
		best = a + b;
		if (n < room)
			out[n++] = at->key;
	}
	return n;
}

/* ------------------------------------------------------------------------------------ printing */

static void
add_base64(struct text *out, const uint8_t *p, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
			     (i + 2 < n ? p[i + 2] : 0u);
		char four[5] = { digits[v >> 18], digits[v >> 12 & 63],
			i + 1 < n ? digits[v >> 6 & 63] : '=', i + 2 < n ? digits[v & 63] : '=',
			0 };

		text_add(out, four);
	}
}

enum status
auth_plain_public(const struct cry_key *k, struct text *out)
{
	struct secret hold = { 0 };
	uint8_t raw[PUBLIC_MAX];
	struct writer w = writer_of(raw, sizeof(raw));
	struct cry_rsa r;

	TRY(cry_key_numbers(k, &hold, &r));
	if (r.e.n > 255) {
		write_u8(&w, 0);
		write_u16(&w, (uint16_t)r.e.n);
	} else {
		write_u8(&w, (uint8_t)r.e.n);
	}
	write_bytes(&w, r.e);
	write_bytes(&w, r.n);
	secret_wipe(&hold);
	if (w.bad)
		return ST_LIMIT;
	text_add(out, "0s");
	add_base64(out, raw, writer_len(&w));
	return ST_NORMAL;
}

enum status
auth_plain_print(const struct cry_key *k, struct text *out)
{
	struct secret hold = { 0 };
	struct text public = { 0 };
	struct cry_rsa r;
	enum status status = auth_plain_public(k, &public);

	if (status == ST_NORMAL)
		status = cry_key_numbers(k, &hold, &r);
	if (status == ST_NORMAL && !cry_key_is_private(k)) {
		text_addf(out, ": PUB %s\n", text_str(&public));
	} else if (status == ST_NORMAL) {
		text_addf(out, "# : PUB %s\n: RSA\t{\n\t# RSA %u bits\n\t# pubkey=%s\n",
			text_str(&public), cry_key_bits(k), text_str(&public));
		for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
			text_addf(out, "\t%s: 0x", numbers[i].title);
			text_add_hex(out, *field_of(&r, i));
			text_add(out, "\n");
		}
		text_add(out, "  }\n");
	}
	secret_wipe(&hold);
	text_free(&public);
	return status;
}
