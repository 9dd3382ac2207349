/*
 * words.c - walking through a statement's words: numbers, addresses, ports, protocols.
 *
 * Called by the statements' setters.  Every failure is told with its place and what was expected.
 */
#include "setkey/words.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>

#include "setkey/scan.h"

static const struct setkey_proto protos[] = {
	{ .name = "esp", .proto = SA_ESP },
	{ .name = "ah", .proto = SA_AH },
	{ .name = "esp-old", .proto = SA_ESP, .flags = SA_F_OLD },
	{ .name = "ah-old", .proto = SA_AH, .flags = SA_F_OLD },
	{ .name = "ipcomp", .proto = SA_IPCOMP },
	{ .name = "esp-udp", .proto = SA_ESP, .natt = true },
	{ .name = "tcp", .proto = SA_TCP },
};

static const char *const proto_names[] = { "esp", "ah", "ipcomp", "esp-udp", "esp-old", "ah-old",
	"tcp", NULL };

void
words_error(const struct words *w, const struct stmt_word *at, const char *fmt, ...)
{
	struct text t = { 0 };
	va_list ap;

	va_start(ap, fmt);
	text_addv(&t, fmt, ap);
	va_end(ap);
	stmt_error(w->ctx->errors, at == NULL ? w->s->end : at->pos, "%s", text_str(&t));
	text_free(&t);
}

const struct stmt_word *
words_peek(const struct words *w)
{
	return w->at < w->s->words ? &w->s->word[w->at] : NULL;
}

const struct stmt_word *
words_next(struct words *w, const char *expected)
{
	if (w->at < w->s->words)
		return &w->s->word[w->at++];
	words_error(w, NULL, "\"%s\" is incomplete: expected %s after \"%s\"", w->s->word[0].text,
		expected, w->s->word[w->s->words - 1].text);
	return NULL;
}

bool
words_take(struct words *w, const char *word)
{
	const struct stmt_word *next = words_peek(w);

	if (next == NULL || next->kind != STMT_BARE || strcmp(next->text, word) != 0)
		return false;
	w->at++;
	return true;
}

bool
words_end(struct words *w)
{
	const struct stmt_word *extra = words_peek(w);
	const struct stmt_word *before = w->at == 0 ? NULL : &w->s->word[w->at - 1];

	if (extra == NULL)
		return true;
	if (before != NULL && extra->pos.line > before->pos.line)
		words_error(w, extra,
			"unexpected \"%s\": is a \";\" missing at the end of line %u?", extra->text,
			before->pos.line);
	else
		words_error(w, extra, "unexpected \"%s\": expected \";\"", extra->text);
	return false;
}

bool
words_number(struct words *w, const char *expected, int64_t min, int64_t max, int64_t *out)
{
	const struct stmt_word *word = words_next(w, expected);

	return word != NULL && stmt_number(word, min, max, out, w->ctx->errors);
}

void
words_unknown(const struct words *w, const struct stmt_word *at, const char *what,
	const char *const *names)
{
	const char *nearest = text_nearest(at->text, names);
	struct text list = { 0 };

	for (size_t i = 0; names[i] != NULL; i++)
		text_addf(&list, "%s%s", i == 0 ? "" : names[i + 1] == NULL ? " or " : ", ",
			names[i]);
	if (nearest != NULL)
		words_error(w, at, "unknown %s \"%s\": did you mean \"%s\"? (expected %s)", what,
			at->text, nearest, text_str(&list));
	else
		words_error(w, at, "unknown %s \"%s\": expected %s", what, at->text,
			text_str(&list));
	text_free(&list);
}

/* -------------------------------------------------------------------------------- addresses */

struct resolution
words_resolution(struct words *w)
{
	struct resolution how = { 0 };

	for (;;) {
		const struct stmt_word *word = words_peek(w);

		if (word == NULL || word->kind != STMT_BARE || word->text[0] != '-' ||
			word->text[1] == '\0' ||
			word->text[1 + strspn(word->text + 1, "46n")] != '\0')
			return how;
		for (const char *c = word->text + 1; *c != '\0'; c++) {
			if (*c == 'n')
				how.numeric = true;
			else
				how.family = *c - '0';
		}
		w->at++;
	}
}

/* inet_aton would take 10.1 or 1 for an address; nobody means it. */
static bool
looks_numeric(const char *text)
{
	return strchr(text, ':') != NULL || text[strspn(text, "0123456789./")] == '\0';
}

bool
words_lookup(struct words *w, struct resolution how, const struct stmt_word *at, const char *text,
	struct addresses *out)
{
	const struct setkey_script *script = w->ctx->user;
	char why[128] = "";

	out->pos = at->pos;
	out->text = text;
	out->n = 1;
	if (net_addr_parse(text, &out->a[0])) {
		if (how.family == 0 || how.family == out->a[0].family)
			return true;
		words_error(w, at, "\"%s\" is no IPv%d address, and -%d was given", text,
			how.family, how.family);
		return false;
	}
	if (looks_numeric(text)) {
		words_error(w, at, "\"%s\" is not an IPv4 or IPv6 address", text);
		return false;
	}
	if (how.numeric || script->resolver == NULL) {
		words_error(w, at, "\"%s\" is not a numeric address, and names are forbidden by -n",
			text);
		return false;
	}
	out->n = scan_resolve(script->scan, script->resolver, text, how.family, out->a, why,
		sizeof(why));
	if (out->n == 0)
		words_error(w, at, "\"%s\" cannot be resolved: %s", text, why);
	return out->n != 0;
}

bool
words_addresses(struct words *w, struct resolution how, const char *expected, struct addresses *out)
{
	const struct stmt_word *word = words_next(w, expected);

	if (word == NULL)
		return false;
	if (word->kind != STMT_BARE) {
		words_error(w, word, "unexpected \"%s\": expected %s", word->text, expected);
		return false;
	}
	return words_lookup(w, how, word, word->text, out);
}

bool
words_pairs(struct words *w, const struct addresses *src, const struct addresses *dst,
	bool (*each)(struct words *w, const struct net_addr *src, const struct net_addr *dst,
		void *user), void *user)
{
	size_t pairs = 0;

	for (size_t i = 0; i < src->n; i++)
		for (size_t j = 0; j < dst->n; j++) {
			if (src->a[i].family != dst->a[j].family)
				continue;
			pairs++;
			if (!each(w, &src->a[i], &dst->a[j], user))
				return false;
		}
	if (pairs == 0) {
		stmt_error(w->ctx->errors, src->pos,
			"\"%s\" and \"%s\" have no addresses of the same family", src->text,
			dst->text);
		return false;
	}
	if (pairs < src->n * dst->n)
		stmt_warn(w->ctx->errors, src->pos,
			"\"%s\" and \"%s\" have addresses of both families: only pairs of the same"
			" family are used", src->text, dst->text);
	return true;
}

static int
service_number(const char *name)
{
	const struct servent *service = getservbyname(name, NULL);

	return service == NULL ? -1 : ntohs((uint16_t)service->s_port);
}

bool
words_port(struct words *w, uint16_t *port)
{
	const struct setkey_script *script = w->ctx->user;
	const struct stmt_word *word = words_peek(w);
	int service;
	int64_t n;

	if (word == NULL || word->kind != STMT_BRACKET)
		return true;
	w->at++;
	if (strcmp(word->text, "any") == 0) {
		*port = 0;
		return true;
	}
	if ((word->text[0] | 0x20) >= 'a' && (word->text[0] | 0x20) <= 'z') {
		service = scan_number(script->scan, SCAN_SERVICES, word->text, service_number);
		if (service < 0) {
			words_error(w, word,
				"unknown service \"%s\": expected a port number or any",
				word->text);
			return false;
		}
		*port = (uint16_t)service;
		return true;
	}
	if (!stmt_number(word, 0, UINT16_MAX, &n, w->ctx->errors))
		return false;
	*port = (uint16_t)n;
	return true;
}

const struct setkey_proto *
words_proto(struct words *w)
{
	const struct stmt_word *word = words_next(w, "a protocol: esp, ah or ipcomp");

	if (word == NULL)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(protos); i++)
		if (word->kind == STMT_BARE && strcmp(word->text, protos[i].name) == 0)
			return &protos[i];
	words_unknown(w, word, "protocol", proto_names);
	return NULL;
}
