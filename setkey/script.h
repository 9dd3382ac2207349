/*
 * script.h - a setkey script as the list of SA database requests it stands for.
 *
 * Reading is a pure function of the text, the options and a resolver: nothing is sent before the
 * whole text was found sound, so a bad script changes nothing.  For that it is read twice, first to
 * find its errors, then to make its requests, a batch at a time if wanted: memory does not grow
 * with the script, but for what setkey/scan.h says.
 */
#ifndef SETKEY_SCRIPT_H
#define SETKEY_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "ipsec/sadb.h"
#include "lib/bytes.h"
#include "lib/conf.h"
#include "lib/stmt.h"
#include "lib/text.h"

enum {
	SETKEY_REQUESTS_MAX = 8 << 20,     /* of one script */
	SETKEY_BATCH = 1024,               /* requests held at a time, where there is a batch() */
	SETKEY_ADDRESSES_MAX = 16,         /* of one name */
	SETKEY_STATEMENT_MEMORY = 8 << 20, /* octets for one statement */
};

struct setkey_resolver { /* NULL instead of one: numeric addresses only */
	void *user;
	/* Addresses of a name (family 4, 6, or 0: both), at most max; how many, or 0 and why. */
	size_t (*resolve)(void *user, const char *name, int family, struct net_addr *out,
		size_t max, char *why, size_t why_size);
};

struct setkey_origin { /* where a request was asked for */
	unsigned line, column;
	bool twin; /* the `fwd` policy that an `in` one brings along */
};

struct scan;

struct setkey_script { /* zero-initialise, then set the options */
	bool kernel_style; /* -k: an `in` policy stands for itself only */
	bool force;        /* --force: SPIs 1 to 255 may be used */
	const struct setkey_resolver *resolver;

	/* What to do with each SETKEY_BATCH requests and with the last ones; they are dropped
	 * afterwards. False: make no more. NULL: keep all. */
	bool (*batch)(void *user, struct setkey_script *script);
	void *batch_user;

	struct sadb_msg *msg; /* the requests in order, and origins by the same index */
	struct setkey_origin *origin;
	size_t count, room;
	size_t total; /* requests that the text makes, known after setkey_scan */
	bool quit; /* exit, quit or bye was read: nothing after it */
	bool making;  /* the second reading */
	bool stopped; /* by batch() */
	struct scan *scan;
};

/* The first reading: false when errors were told, and then nothing may be sent. */
bool setkey_scan(struct setkey_script *script, const char *file, struct bytes text,
	struct stmt_errors *errors);
/* The second, of the same text: make the requests. False: batch() said so, or out of memory. */
bool setkey_make(struct setkey_script *script, const char *file, struct bytes text);
/* Both. */
bool setkey_read(struct setkey_script *script, const char *file, struct bytes text,
	struct stmt_errors *errors);
void setkey_script_clear(struct setkey_script *script); /* wipes; options stay */

/* The request as the statement that makes it, with a newline: reads back with -k. */
void setkey_print(const struct sadb_msg *m, struct text *out);

extern const struct conf_row setkey_commands[]; /* one row per statement; for HELP and manuals */

#endif
