/*
 * account.h - who did what: the last requests that changed something, or were not permitted.
 *
 * Filled by the server with its own audit and with that of its services (+AUDIT on the channel);
 * shown by ACCOUNTING.  Pure: a ring in memory; the log keeps every line.
 */
#ifndef SERVER_ACCOUNT_H
#define SERVER_ACCOUNT_H

#include "lib/status.h"
#include "lib/text.h"
#include "lib/when.h"

enum {
	ACCOUNT_MAX = 1024,
	ACCOUNT_WHO_MAX = 160,
	ACCOUNT_LINE_MAX = 256,
	ACCOUNT_SERVICE_MAX = 32,
};

struct account_entry {
	wall when;
	enum status result;
	char who[ACCOUNT_WHO_MAX];
	char service[ACCOUNT_SERVICE_MAX];
	char line[ACCOUNT_LINE_MAX]; /* the request, cut when longer */
};

struct account; /* a ring of ACCOUNT_MAX entries */

struct account *account_new(void); /* NULL: out of memory */
void account_free(struct account *a);
void account_add(struct account *a, wall when, const char *service, const char *who,
	const char *line, enum status result);
/* Entries still kept, oldest first: index 0, 1 … until NULL. */
const struct account_entry *account_at(const struct account *a, size_t index);
unsigned long account_lost(const struct account *a); /* that made way for newer ones */
/* One line an entry; account_read takes such lines, false: it is none. */
void account_write(const struct account *a, struct text *out);
bool account_read(struct account *a, const char *line);

#endif
