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

enum { MEMBERS_MAX = 48 };

struct member { /* of the object, where it stands */
	const char *name, *value;
	size_t name_n, value_n;
};

/* Takes an object apart, once for all its columns; the number of members. */
static size_t
members(const char *object, struct member *m)
{
	const char *p = strchr(object, '{'), *quote;
	size_t n = 0;

	for (p = p != NULL ? p + 1 : ""; *p != '\0' && *p != '}' && n < MEMBERS_MAX; n++) {
		p += strspn(p, " ,\n");
		quote = *p == '"' ? strchr(p + 1, '"') : NULL;
		if (quote == NULL)
			return n;
		m[n].name = p + 1;
		m[n].name_n = (size_t)(quote - p - 1);
		m[n].value = quote + 1 + strspn(quote + 1, ": ");
		p = skip_value(m[n].value);
		m[n].value_n = (size_t)(p - m[n].value);
		while (m[n].value_n > 0 && (m[n].value[m[n].value_n - 1] == ' ' ||
			m[n].value[m[n].value_n - 1] == '\n'))
			m[n].value_n--;
	}
	return n;
}

/* The member of that name, looked for from *hint on; columns come in the members' order mostly. */
static const struct member *
find(const struct member *m, size_t n, const char *key, size_t key_n, size_t *hint)
{
	for (size_t k = 0; k < n; k++) {
		const struct member *one = &m[(*hint + k) % n];

		if (one->name_n != key_n || memcmp(one->name, key, key_n) != 0)
			continue;
		*hint = (size_t)(one - m) + 1;
		return one;
	}
	return NULL;
}

/* With its quotes doubled. */
static void
add_quoted(struct text *out, const char *p, size_t n)
{
	const char *quote;

	while ((quote = memchr(p, '"', n)) != NULL) {
		text_add_n(out, p, (size_t)(quote - p) + 1);
		text_add(out, "\"");
		n -= (size_t)(quote - p) + 1;
		p = quote + 1;
	}
	text_add_n(out, p, n);
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
		add_quoted(out, p, n);
		text_add(out, plain ? "" : "\"");
		return;
	}
	text_add(out, "\"");
	for (size_t i = 1, from = 1; i + 1 < n; from = i) {
		while (i + 1 < n && p[i] != '\\')
			i++;
		add_quoted(out, p + from, i - from);
		if (i + 1 >= n)
			break;
		/* The escape, then what it stands for, or as it is. */
		i += p[i + 1] == '"' || p[i + 1] == '\\' || p[i + 1] == '/';
		add_quoted(out, p + i, 1);
		i++;
	}
	text_add(out, "\"");
}

void
show_csv(const char *columns, const char *object, struct text *out)
{
	struct member m[MEMBERS_MAX];
	size_t count = members(object, m), hint = 0;

	for (bool first = true; *columns != '\0'; first = false) {
		size_t n = strcspn(columns, ",");
		const struct member *one = find(m, count, columns, n, &hint);

		if (!first)
			text_add(out, ",");
		if (one != NULL)
			add_value(out, one->value, one->value_n);
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
	s->item = (struct show_item){ .serial = k->number, .remote.addr = k->remote,
		.state = k->ended.ms == 0 ? "" : status_row(k->status)->ident,
		.created = k->begun };
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
