/*
 * rc_id.c - identities: my_identifier, peers_identifier and the `from` of a sainfo.
 *
 * Called by rc_remote.c and rc_sainfo.c; rc_id_text also by the engine and SHOW.  The value is what
 * an ID payload carries after its four fixed octets (RFC 2407 4.6.2).
 */
#include "racoon/conf/rc_in.h"

#include "racoon/conf/rc_ask.h"

#include <stdio.h>
#include <string.h>

#include "lib/cry_x509.h"

static const struct conf_word id_words[] = {
	{ "address", RC_ID_IPV4 }, { "fqdn", RC_ID_FQDN }, { "user_fqdn", RC_ID_USER_FQDN },
	{ "keyid", RC_ID_KEYID }, { "subnet", RC_ID_IPV4_SUBNET }, { "asn1dn", RC_ID_DN },
	{ NULL, 0 },
};

static const struct stmt_word *
next_word(const struct stmt *s, size_t at)
{
	return at < s->words ? &s->word[at] : NULL;
}

static bool
take_address(struct conf_ctx *ctx, const struct stmt *s, size_t *at, bool own, struct rc_id *out)
{
	const struct stmt_word *w = next_word(s, *at);
	struct net_addr a;

	if (w == NULL && own) {
		out->type = RC_ID_IPV4;
		out->own_address = true;
		out->text = "address";
		return true;
	}
	if (w == NULL) {
		stmt_error(ctx->errors, s->end, "expected an address after \"address\"");
		return false;
	}
	if (w->kind == STMT_BRACKET || w->kind == STMT_COMMA || !net_addr_parse(w->text, &a)) {
		stmt_error(ctx->errors, w->pos,
			"\"%s\": expected a numeric address such as 192.168.1.100", w->text);
		return false;
	}
	++*at;
	out->type = a.family == 4 ? RC_ID_IPV4 : RC_ID_IPV6;
	out->value = arena_dup(ctx->arena, net_addr_bytes(&a));
	out->text = arena_printf(ctx->arena, "address %s", w->text);
	return out->text != NULL && out->value.n != 0;
}

static bool
take_subnet(struct conf_ctx *ctx, const struct stmt *s, size_t *at, struct rc_id *out)
{
	const struct stmt_word *w = next_word(s, *at);
	struct net_prefix p, full = { 0 };
	uint8_t octets[32];
	size_t n;

	if (w == NULL || w->kind == STMT_BRACKET || w->kind == STMT_COMMA ||
		strchr(w->text, '/') == NULL || !net_prefix_parse(w->text, &p)) {
		stmt_error(ctx->errors, w == NULL ? s->end : w->pos,
			"expected a subnet such as \"10.0.0.0/24\" after \"subnet\"");
		return false;
	}
	++*at;
	net_prefix_mask(&p);
	n = net_addr_bits(&p.addr) / 8;
	memset(full.addr.b, 0xff, n);
	full.addr.family = p.addr.family;
	full.len = p.len;
	net_prefix_mask(&full);
	memcpy(octets, p.addr.b, n);
	memcpy(octets + n, full.addr.b, n);
	out->type = p.addr.family == 4 ? RC_ID_IPV4_SUBNET : RC_ID_IPV6_SUBNET;
	out->value = arena_dup(ctx->arena, bytes_of(octets, 2 * n));
	out->text = arena_printf(ctx->arena, "subnet \"%s\"", w->text);
	return out->text != NULL && out->value.n != 0;
}

static bool
take_name(struct conf_ctx *ctx, const struct stmt *s, size_t *at, enum rc_idtype type,
	const char *before, struct rc_id *out)
{
	const struct stmt_word *w = next_word(s, *at);

	if (w == NULL || w->kind != STMT_STRING || w->text[0] == '\0') {
		stmt_error(ctx->errors, w == NULL ? s->end : w->pos,
			"expected a name in double quotes after \"%s\"", before);
		return false;
	}
	if (strlen(w->text) > RC_ID_MAX) {
		stmt_error(
			ctx->errors, w->pos, "identity is too long: at most %d octets", RC_ID_MAX);
		return false;
	}
	++*at;
	out->type = type;
	out->value = bytes_str(w->text);
	out->text = arena_printf(ctx->arena, "%s \"%s\"", before, w->text);
	return out->text != NULL;
}

/* keyid tag "text" | keyid [file] "name of a file that holds it" */
static bool
take_keyid(struct conf_ctx *ctx, const struct stmt *s, size_t *at, struct rc_id *out)
{
	struct rc_loading *l = rc_loading_of(ctx);
	const struct stmt_word *w = next_word(s, *at);
	struct text content = { 0 };
	struct stmt_pos pos;
	char why[RC_PATH_MAX + 128] = "";
	const char *path;

	if (w != NULL && w->kind == STMT_BARE && strcmp(w->text, "tag") == 0) {
		++*at;
		return take_name(ctx, s, at, RC_ID_KEYID, "keyid tag", out);
	}
	if (w != NULL && w->kind == STMT_BARE && strcmp(w->text, "file") == 0)
		++*at;
	pos = *at < s->words ? s->word[*at].pos : s->end;
	if (!take_name(ctx, s, at, RC_ID_KEYID, "keyid file", out))
		return false;
	path = rc_path(l, (const char *)out->value.p, NULL, pos.file);
	if (path != NULL && strcmp(path, "-") == 0)
		path = "./-"; /* not standard input */
	if (path == NULL || rc_ask_text(l, path, &content, why, sizeof(why)) != ST_NORMAL) {
		stmt_error(ctx->errors, pos, "keyid: %s", why);
		return false;
	}
	if (content.n == 0 || content.n > RC_ID_MAX) {
		stmt_error(ctx->errors, pos, "keyid: %s must hold 1 to %d octets", path, RC_ID_MAX);
		text_free(&content);
		return false;
	}
	out->value = arena_dup(ctx->arena, bytes_of(content.p, content.n));
	text_free(&content);
	return out->value.n != 0;
}

/* asn1dn: our certificate's subject, or of a peer any name that its certificate bears. */
static bool
take_dn(struct conf_ctx *ctx, const struct stmt *s, size_t *at, struct rc_id *out)
{
	const struct stmt_word *w = next_word(s, *at);
	uint8_t der[CRY_NAME_MAX];
	const char *why;
	size_t n;

	out->type = RC_ID_DN;
	out->text = "asn1dn";
	if (w == NULL || w->kind != STMT_STRING)
		return true;
	if (!cry_dn_parse(w->text, der, sizeof(der), &n, &why)) {
		stmt_error(ctx->errors, w->pos, "asn1dn \"%s\": %s", w->text, why);
		return false;
	}
	++*at;
	out->value = arena_dup(ctx->arena, bytes_of(der, n));
	out->text = arena_printf(ctx->arena, "asn1dn \"%s\"", w->text);
	return out->text != NULL && out->value.n == n;
}

bool
rc_id_words(struct conf_ctx *ctx, const struct stmt *s, size_t *at, bool own, struct rc_id *out)
{
	const struct stmt_word *w = next_word(s, *at);
	int64_t type;

	*out = (struct rc_id){ 0 };
	if (w == NULL) {
		stmt_error(ctx->errors, s->end,
			"expected an identity: address, fqdn, user_fqdn, keyid, subnet "
			"or asn1dn");
		return false;
	}
	if (!conf_word_value(ctx, id_words, w, &type))
		return false;
	++*at;
	switch ((enum rc_idtype)type) {
	case RC_ID_IPV4:
		return take_address(ctx, s, at, own, out);
	case RC_ID_IPV4_SUBNET:
		return take_subnet(ctx, s, at, out);
	case RC_ID_FQDN:
	case RC_ID_USER_FQDN:
		return take_name(ctx, s, at, (enum rc_idtype)type, w->text, out);
	case RC_ID_KEYID:
		return take_keyid(ctx, s, at, out);
	case RC_ID_DN:
		return take_dn(ctx, s, at, out);
	case RC_ID_NONE:
	case RC_ID_IPV6:
	case RC_ID_IPV6_SUBNET:
	case RC_ID_IPV4_RANGE:
	case RC_ID_IPV6_RANGE:
	case RC_ID_GN:
		break;
	}
	return false;
}

/* ------------------------------------------------------------------------------------- matching */

static bool
fits_one(const struct rc_id *want, enum rc_idtype type, struct bytes value,
	const struct net_addr *peer)
{
	if (want->own_address)
		return type == (peer->family == 6 ? RC_ID_IPV6 : RC_ID_IPV4) &&
			bytes_equal(value, net_addr_bytes(peer));
	if (want->type != type)
		return false;
	if (type == RC_ID_DN) /* without a name of its own: any, for the certificate vouches */
		return want->value.n == 0 || cry_dn_match(want->value, value);
	return bytes_equal(want->value, value);
}

bool
rc_peer_id_fits(const struct rc_remote *r, enum rc_idtype type, struct bytes value,
	const struct net_addr *peer)
{
	for (unsigned i = 0; i < r->peer_ids; i++)
		if (fits_one(&r->peer_id[i], type, value, peer))
			return true;
	return false;
}

/* ----------------------------------------------------------------------------------------- text */

static const char *
type_name(enum rc_idtype type)
{
	switch (type) {
	case RC_ID_FQDN:
		return "FQDN ";
	case RC_ID_USER_FQDN:
		return "USER_FQDN ";
	case RC_ID_DN:
		return "DN ";
	case RC_ID_GN:
		return "GN ";
	case RC_ID_KEYID:
		return "KEYID ";
	case RC_ID_IPV4:
	case RC_ID_IPV6:
	case RC_ID_IPV4_SUBNET:
	case RC_ID_IPV6_SUBNET:
	case RC_ID_IPV4_RANGE:
	case RC_ID_IPV6_RANGE:
	case RC_ID_NONE:
		break;
	}
	return "";
}

/* Text as it is, anything else in hexadecimal. */
static void
add_octets(struct text *t, struct bytes value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < 0x20 || value.p[i] > 0x7e) {
			text_add(t, "0x");
			text_add_hex(t, value);
			return;
		}
	text_add_n(t, (const char *)value.p, value.n);
}

static unsigned
mask_bits(const uint8_t *mask, size_t n)
{
	unsigned bits = 0;

	while (bits < n * 8 && (mask[bits / 8] & (0x80 >> bits % 8)) != 0)
		bits++;
	return bits;
}

char *
rc_id_text(char *buf, size_t size, enum rc_idtype type, struct bytes value)
{
	bool v6 = type == RC_ID_IPV6 || type == RC_ID_IPV6_SUBNET || type == RC_ID_IPV6_RANGE;
	size_t n = v6 ? 16 : 4;
	char addr[NET_ADDR_TEXT];
	struct text t = { 0 };
	struct net_addr a, b;

	if (size == 0)
		return buf;
	if ((type == RC_ID_IPV4 || type == RC_ID_IPV6) && value.n == n) {
		a = net_addr_from(v6 ? 6 : 4, value.p);
		text_add(&t, net_addr_text(addr, sizeof(addr), &a));
	} else if ((type == RC_ID_IPV4_SUBNET || type == RC_ID_IPV6_SUBNET ||
			   type == RC_ID_IPV4_RANGE || type == RC_ID_IPV6_RANGE) &&
		   value.n == 2 * n) {
		a = net_addr_from(v6 ? 6 : 4, value.p);
		b = net_addr_from(v6 ? 6 : 4, value.p + n);
		text_add(&t, net_addr_text(addr, sizeof(addr), &a));
		if (type == RC_ID_IPV4_SUBNET || type == RC_ID_IPV6_SUBNET)
			text_addf(&t, "/%u", mask_bits(b.b, n));
		else
			text_addf(&t, "-%s", net_addr_text(addr, sizeof(addr), &b));
	} else if (type == RC_ID_DN) {
		char name[1024];

		text_addf(&t, "DN %s", cry_dn_text(name, sizeof(name), value));
	} else {
		text_add(&t, type_name(type));
		if (type_name(type)[0] == '\0')
			text_addf(&t, "ID type %u ", (unsigned)type);
		add_octets(&t, value);
	}
	snprintf(buf, size, "%s", text_str(&t));
	text_free(&t);
	return buf;
}
