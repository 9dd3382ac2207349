/*
 * json.c - a JSON writer (RFC 8259) on a text.
 *
 * Called by SHOW verbs and tools.  It never writes anything that is not JSON: octets that are not
 * UTF-8 become U+FFFD, and a nesting too deep makes the whole result bad rather than wrong.
 */
#include "lib/json.h"

#include <stdarg.h>
#include <string.h>

struct json
json_to(struct text *out)
{
	return (struct json){ .out = out };
}

/* Octets that stand for themselves, from here on. */
static size_t
plain_run(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && (unsigned char)s[i] >= 0x20 && (unsigned char)s[i] < 0x7f && s[i] != '"' &&
		s[i] != '\\')
		i++;
	return i;
}

/* Most strings need nothing done to them: all in one piece.  False: this one does. */
static bool
plain(struct json *j, bool comma, const char *s, bool colon)
{
	size_t n = strlen(s);
	char *at;

	if (plain_run(s, n) < n)
		return false;
	at = text_room(j->out, n + 2 + comma + colon);
	if (at == NULL)
		return true; /* the text remembers it */
	if (comma)
		*at++ = ',';
	*at++ = '"';
	memcpy(at, s, n);
	at += n;
	*at++ = '"';
	if (colon)
		*at++ = ':';
	*at = '\0';
	return true;
}

static void
quoted(struct json *j, const char *s)
{
	size_t n = strlen(s);

	if (plain(j, false, s, false))
		return;
	text_add_n(j->out, "\"", 1);
	while (n > 0) {
		size_t len = plain_run(s, n);
		unsigned char c;

		text_add_n(j->out, s, len);
		s += len;
		n -= len;
		if (n == 0)
			break;
		len = text_utf8(s, n);
		c = (unsigned char)*s;

		if (len == 0)
			text_add(j->out, "\\ufffd");
		else if (c == '"' || c == '\\')
			text_addf(j->out, "\\%c", c);
		else if (c == '\n')
			text_add(j->out, "\\n");
		else if (c < 0x20 || c == 0x7f)
			text_addf(j->out, "\\u%04x", c);
		else
			text_add_n(j->out, s, len);
		s += len == 0 ? 1 : len;
		n -= len == 0 ? 1 : len;
	}
	text_add_n(j->out, "\"", 1);
}

/* What stands before every value: the comma and the key. False when the writer is bad. */
static bool
begin(struct json *j, const char *key)
{
	bool comma = j->comma[j->depth];

	if (j->out->failed)
		j->bad = true;
	if (j->bad)
		return false;
	j->comma[j->depth] = true;
	if (key != NULL && plain(j, comma, key, true))
		return true;
	if (comma)
		text_add(j->out, ",");
	if (key != NULL) {
		quoted(j, key);
		text_add(j->out, ":");
	}
	return true;
}

static void
open_container(struct json *j, const char *key, const char *opener, char closer)
{
	if (j->depth + 1 >= JSON_NESTING_MAX)
		j->bad = true;
	if (!begin(j, key))
		return;
	text_add(j->out, opener);
	j->depth++;
	j->comma[j->depth] = false;
	j->closer[j->depth] = closer;
}

void
json_object(struct json *j, const char *key)
{
	open_container(j, key, "{", '}');
}

void
json_array(struct json *j, const char *key)
{
	open_container(j, key, "[", ']');
}

void
json_end(struct json *j)
{
	if (j->bad || j->depth == 0) {
		j->bad = true;
		return;
	}
	text_add_n(j->out, &j->closer[j->depth], 1);
	j->depth--;
	if (j->out->failed)
		j->bad = true;
}

void
json_string(struct json *j, const char *key, const char *value)
{
	if (!begin(j, key))
		return;
	if (value == NULL)
		text_add(j->out, "null");
	else
		quoted(j, value);
}

void
json_stringf(struct json *j, const char *key, const char *fmt, ...)
{
	struct text value = { 0 };
	va_list ap;

	va_start(ap, fmt);
	text_addv(&value, fmt, ap);
	va_end(ap);
	if (value.failed)
		j->bad = true;
	else
		json_string(j, key, text_str(&value));
	text_free(&value);
}

static void
decimal(struct text *out, uint64_t value, bool negative)
{
	char digits[24];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	if (negative)
		digits[--at] = '-';
	text_add_n(out, digits + at, sizeof(digits) - at);
}

void
json_int(struct json *j, const char *key, int64_t value)
{
	if (begin(j, key))
		decimal(j->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

void
json_uint(struct json *j, const char *key, uint64_t value)
{
	if (begin(j, key))
		decimal(j->out, value, false);
}

void
json_bool(struct json *j, const char *key, bool value)
{
	if (begin(j, key))
		text_add(j->out, value ? "true" : "false");
}
