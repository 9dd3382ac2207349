/*
 * show_csv.c - one item of SHOW as a line of comma-separated values, out of its JSON object; and
 * SHOW TICKETS.
 *
 * Called by show.c.  The object is our own, so only what json.c writes is understood: members of
 * the first level, strings with escapes, numbers and words.
 */
#include "racoon/daemon/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "racoon/daemon/tickets.h"

/* Behind a value. */
static const char *
skip_value(const char *p)
{
	unsigned depth = 0;

	for (; *p != '\0'; p++) {
		if (*p == '"') {
			for (p++; *p != '\0' && *p != '"'; p++)
				if (*p == '\\' && p[1] != '\0')
					p++;
			if (*p == '\0')
				return p;
		} else if (*p == '{' || *p == '[') {
			depth++;
		} else if (*p == '}' || *p == ']') {
			if (depth-- == 0)
				return p;
		} else if (*p == ',' && depth == 0) {
			return p;
		}
	}
	return p;
}

/* The value of a member of the object; *n its length. NULL: it has none. */
static const char *
find(const char *object, const char *key, size_t key_n, size_t *n)
{
	const char *p = strchr(object, '{');

	for (p = p != NULL ? p + 1 : ""; *p != '\0' && *p != '}';) {
		const char *name, *value, *end;

		p += strspn(p, " ,\n");
		if (*p != '"')
			return NULL;
		name = p + 1;
		value = strchr(name, '"');
		if (value == NULL)
			return NULL;
		end = value + 1;
		end += strspn(end, ": ");
		p = skip_value(end);
		if ((size_t)(value - name) == key_n && memcmp(name, key, key_n) == 0) {
			*n = (size_t)(p - end);
			while (*n > 0 && (end[*n - 1] == ' ' || end[*n - 1] == '\n'))
				--*n;
			return end;
		}
	}
	return NULL;
}

/* JSON's text as CSV's: quotes are doubled, what cannot stand in a line is left escaped. */
static void
add_value(struct text *out, const char *p, size_t n)
{
	if (n == 4 && memcmp(p, "null", 4) == 0)
		return;
	if (*p != '"') {
		bool plain = memchr(p, ',', n) == NULL;

		text_add(out, plain ? "" : "\"");
		for (size_t i = 0; i < n; i++)
			text_add_n(out, p[i] == '"' ? "\"\"" : p + i, p[i] == '"' ? 2 : 1);
		text_add(out, plain ? "" : "\"");
		return;
	}
	text_add(out, "\"");
	for (size_t i = 1; i + 1 < n; i++) {
		if (p[i] == '\\' && (p[i + 1] == '"' || p[i + 1] == '\\' || p[i + 1] == '/'))
			i++;
		text_add_n(out, p[i] == '"' ? "\"\"" : p + i, p[i] == '"' ? 2 : 1);
	}
	text_add(out, "\"");
}

void
show_csv(const char *columns, const char *object, struct text *out)
{
	for (bool first = true; *columns != '\0'; first = false) {
		size_t n = strcspn(columns, ","), value_n = 0;
		const char *value = find(object, columns, n, &value_n);

		if (!first)
			text_add(out, ",");
		if (value != NULL)
			add_value(out, value, value_n);
		columns += n + (columns[n] == ',');
	}
}

/* -------------------------------------------------------------------------------------- TICKETS */

bool
show_ticket(struct show *s)
{
	const struct rd_ticket *k = rd_ticket_at(rd_tickets_of(s->d), s->index++);
	char peer[NET_ADDR_TEXT], begun[32], ended[32], message[320];

	if (k == NULL)
		return false;
	net_addr_text(peer, sizeof(peer), &k->remote);
	if (s->call->json) {
		json_object(&s->json, NULL);
		json_uint(&s->json, "ticket", k->number);
		json_string(&s->json, "remote", peer);
		json_string(&s->json, "begun", when_json(begun, sizeof(begun), k->begun));
		json_string(&s->json, "ended", k->ended.ms == 0 ? NULL :
			when_json(ended, sizeof(ended), k->ended));
		json_string(&s->json, "ident", k->ended.ms == 0 ? NULL :
			status_row(k->status)->ident);
		json_string(&s->json, "detail", k->detail);
		json_end(&s->json);
		return true;
	}
	status_format(message, sizeof(message), k->status, NULL, k->detail);
	text_addf(&s->out, "%-8" PRIu64 " %-22s %-23s  %s", k->number, peer,
		when_vms(begun, sizeof(begun), k->begun), k->ended.ms == 0 ? "under way" : message);
	return true;
}
