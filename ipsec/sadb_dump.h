/*
 * sadb_dump.h - one dump at a time from a kernel that can lose entries of it: what waits its turn,
 * what was handed on already, and which entry is the last.
 */
#ifndef IPSEC_SADB_DUMP_H
#define IPSEC_SADB_DUMP_H

#include "ipsec/sadb_link.h"
#include "ipsec/sadb_seen.h"

enum { SADB_DUMP_TRIES = 8 };

struct sadb_dump {
	bool is, ending; /* one is under way; all of it that will come is here */
	bool lost;       /* something of this try */
	bool any, held;  /* an entry was found; the newest is held back */
	uint32_t token;
	enum sadb_op op; /* SADB_OP_DUMP or SADB_OP_SPDDUMP */
	enum sa_proto proto;
	uint32_t left;   /* entries still to be handed on, as far as is known */
	unsigned tries;
	int error;       /* 0 or an errno: how it ends */
	struct sadb_msg entry; /* held back until it is known whether it is the last */
	struct sadb_seen seen;
	struct sadb_dump_waiting {
		bool is;
		uint32_t token;
		enum sa_proto proto;
	} waiting[2]; /* of SAs, of policies */
};

void sadb_dump_init(struct sadb_dump *d);
void sadb_dump_clear(struct sadb_dump *d); /* wipes and frees */
/* Queue a request; false: one of its kind waits already. */
bool sadb_dump_ask(struct sadb_dump *d, uint32_t token, const struct sadb_msg *m);
/* Begin what waits; true: the backend is to send its first try. */
bool sadb_dump_begin(struct sadb_dump *d);
/*
 * Take an entry, which may stand in c->msg.  GOT_ENTRY: the one before it is in *c; GOT_NOTHING: it
 * was the first, or an earlier try had it, or d->error is set.
 */
enum sadb_got sadb_dump_entry(struct sadb_dump *d, const struct sadb_msg *m, struct sadb_came *c);
/* The try failed to be complete: true when there may be another, which is to be sent. */
bool sadb_dump_again(struct sadb_dump *d);
/*
 * With `ending` set, until it is not: the last entry (GOT_ENTRY), then the answer (GOT_ANSWER), to
 * which `why` is the reason if it is an error.
 */
enum sadb_got sadb_dump_end(struct sadb_dump *d, const char *why, struct sadb_came *c);

#endif
