/*
 * account.c - the ring of requests that changed something (see account.h).
 */
#include "server/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct account {
	struct account_entry entry[ACCOUNT_MAX];
	unsigned long count; /* ever added */
};

struct account *
account_new(void)
{
	return calloc(1, sizeof(struct account));
}

void
account_free(struct account *a)
{
	free(a);
}

/* Blanks and controls would break the line that account_write makes. */
static void
copy(char *to, size_t size, const char *from, bool blanks)
{
	snprintf(to, size, "%.*s", (int)size - 1, from);
	for (char *p = to; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || (!blanks && *p == ' '))
			*p = *p == ' ' ? '_' : ' ';
}

void
account_add(struct account *a, wall when, const char *service, const char *who, const char *line,
	enum status result)
{
	struct account_entry *e = &a->entry[a->count++ % ACCOUNT_MAX];

	e->when = when;
	e->result = result;
	copy(e->service, sizeof(e->service), service, false);
	copy(e->who, sizeof(e->who), who, true);
	copy(e->line, sizeof(e->line), line, true);
}

const struct account_entry *
account_at(const struct account *a, size_t index)
{
	size_t kept = a->count < ACCOUNT_MAX ? a->count : ACCOUNT_MAX;

	return index < kept ? &a->entry[(a->count - kept + index) % ACCOUNT_MAX] : NULL;
}

unsigned long
account_lost(const struct account *a)
{
	return a->count < ACCOUNT_MAX ? 0 : a->count - ACCOUNT_MAX;
}

void
account_write(const struct account *a, struct text *out)
{
	const struct account_entry *e;

	for (size_t i = 0; (e = account_at(a, i)) != NULL; i++)
		text_addf(out, "%lld %s %s %s\t%s\n", (long long)e->when.ms, e->service,
			status_row(e->result)->ident, e->who, e->line);
}

bool
account_read(struct account *a, const char *line)
{
	char service[ACCOUNT_SERVICE_MAX], ident[16];
	const char *tab = strchr(line, '\t');
	char who[ACCOUNT_WHO_MAX];
	enum status result;
	long long ms;
	int n = 0;

	if (tab == NULL || sscanf(line, "%19lld %31s %15s %n", &ms, service, ident, &n) != 3 ||
		n == 0 || line + n > tab)
		return false;
	result = status_by_ident(ident);
	if (result == ST_COUNT)
		return false;
	snprintf(who, sizeof(who), "%.*s", (int)(tab - line - n), line + n);
	account_add(a, (wall){ ms }, service, who, tab + 1, result);
	return true;
}
