/*
 * rc_ask.h - what a configuration asks of the system while it is read: files, names, accounts.
 *
 * For rc_*.c, and for the daemon's privilege separation: there the privileged process reads the
 * configuration with a tape that records every answer, and the worker, who may open none of these
 * files, reads it again from the tape.  So the worker never says which file it wants.
 */
#ifndef RACOON_CONF_RC_ASK_H
#define RACOON_CONF_RC_ASK_H

#include "lib/bytes.h"
#include "racoon/conf/rc.h"

enum rc_question {
	RC_ASK_TEXT,   /* a configuration file's contents; "-" is standard input */
	RC_ASK_FILE,   /* the contents of a regular file, with its mode and owner */
	RC_ASK_STATUS, /* mode and owner of whatever has this name */
	RC_ASK_GLOB,   /* the files that fit a pattern, each name with a NUL, sorted */
	RC_ASK_LOCATE, /* the path of MULTINET:X.CONF */
	RC_ASK_USER,   /* id: of a user's name or number; mode: the user's group */
	RC_ASK_GROUP,  /* id: of a group's name or number */
	RC_QUESTIONS
};

enum { RC_TAPE_MAX = 160 << 20 /* octets of a tape */ };

struct rc_answer {
	int error; /* errno; of RC_ASK_GLOB ENOENT: nothing fits */
	uint32_t mode, id;
	struct text text; /* text_free wipes it */
};

struct rc_loading;

/* limit: octets of text at most, else EFBIG. */
void rc_ask(struct rc_loading *l, enum rc_question what, const char *name, size_t limit,
	struct rc_answer *out);
/* stmt_load by way of rc_ask. */
enum status rc_ask_text(struct rc_loading *l, const char *path, struct text *out, char *why,
	size_t why_size) ATTR_NODISCARD;

struct rc_tape { /* zero-initialised and `playing` false: an empty one that records */
	struct text octets; /* wiped by text_free */
	bool playing;
	size_t at;   /* read so far */
	bool astray; /* another question came than the one recorded */
};

void rc_tape_record(struct rc_tape *t, enum rc_question what, const char *name,
	const struct rc_answer *a);
void rc_tape_play(struct rc_tape *t, enum rc_question what, const char *name,
	struct rc_answer *out);

#endif
