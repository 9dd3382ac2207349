/*
 * run.h - carrying out a script, a dump or a flush against the SA database.
 */
#ifndef SETKEY_RUN_H
#define SETKEY_RUN_H

#include <signal.h>

#include "ipsec/sadb_sync.h"
#include "lib/when.h"
#include "setkey/script.h"

struct setkey_run {
	struct sadb_sync *db;
	const char *file; /* the script's name in messages */
	wall now;         /* "current:" of the dumps */
	wall (*clock)(void); /* for what is watched, which takes long */
	const volatile sig_atomic_t *stop; /* set when watching has to end; NULL: never */
	bool all;         /* -a: show dead SAs as well */
	bool ports;       /* -p */
	bool brief;       /* -l: one line for each SA */
	bool update;      /* --update: what is there already is no failure */
	struct json *json; /* entries go there, not to text; NULL: text */
	struct text line;  /* kept between entries */
	bool failed;      /* something was refused: the exit status is 1 */
	bool broken;      /* the connection is gone: nothing more can be done */
};

/* The requests of the script in order; goes on after a refusal, as the old program did. */
void setkey_run_script(struct setkey_run *run, struct setkey_script *script);
/* The same as a script's batch(); user is the run. */
bool setkey_run_batch(void *user, struct setkey_script *script);
void setkey_run_dump(struct setkey_run *run, bool policies);
void setkey_run_flush(struct setkey_run *run, bool policies);
/* What of the two is wanted, as one JSON document (doc/setkey.schema.json). */
void setkey_run_json(struct setkey_run *run, bool sas, bool policies);
void setkey_run_clear(struct setkey_run *run); /* wipes what it keeps; not the connection */
/* Print every message of the database from now on with its time, until the connection ends. */
void setkey_run_watch(struct setkey_run *run, bool hex);
/* The messages in a file, one behind the other; false, and an error, where there is none. */
bool setkey_replay(const char *file, struct bytes messages, bool hex);
/* One message as -v and -x print it. */
void setkey_show_message(void *user, bool sent, struct bytes msg);

#endif
