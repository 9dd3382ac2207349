/*
 * cmd.h - one NETCONTROL command line, taken apart.
 *
 *	[SERVICE] VERB [parameter…] [/QUALIFIER[=value]]…
 *
 * Words are separated by blanks; "…" quotes (doubled "" is one quote); keywords are any case,
 * values keep theirs.  A `/` begins a qualifier at the start of a word, or glued to a keyword when
 * a letter follows (SHOW/FULL); `10.0.0.0/8` is a value.  /NAME=(a,b) gives the list text "a,b".
 */
#ifndef LIB_CMD_H
#define LIB_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/bytes.h"
#include "lib/status.h"

enum { CMD_LINE_MAX = 4096, CMD_WORDS_MAX = 64, CMD_QUALS_MAX = 32 };

struct cmd_qual {
	const char *name;  /* upper case as matched, or as typed before matching */
	const char *value; /* NULL: none given */
};

struct cmd {
	char text[2 * CMD_LINE_MAX]; /* storage of the pieces */
	size_t words, quals;
	const char *word[CMD_WORDS_MAX];
	size_t word_at[CMD_WORDS_MAX]; /* where the word began in the line, octets from 0 */
	struct cmd_qual qual[CMD_QUALS_MAX];
};

/* ST_SYNTAX with a reason in why: unbalanced quote, NUL or control octet, too many words. */
enum status cmd_parse(struct bytes line, struct cmd *out, char *why,
	size_t why_size) ATTR_NODISCARD;

/* The qualifier's value ("" when given without one), or NULL when absent. name: full, upper
 * case. */
const char *cmd_qual(const struct cmd *c, const char *name);

#endif
