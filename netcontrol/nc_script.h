/*
 * nc_script.h - command procedures as text: lines, comments, continuations, parameters, symbols,
 * IF.
 *
 * Pure: what a line means is decided here, what it does in nc_console.c.  The conventions are
 * DCL's, as far as operators' procedures need them:
 *
 *	! comment                    outside quotes, to the end of the line
 *	$ command -                  the `$` is optional; a trailing `-` continues
 *	'P1'  ''P1''                 parameter or symbol, put in its place (inside quotes ''P1')
 *	$ SETKEY :== $multinet:setkey    a symbol; `$` in its value makes it a program
 *	$ IF F$SEARCH("multinet:peers.dat") .NES. "" THEN PRIME multinet:peers.dat
 */
#ifndef NETCONTROL_NC_SCRIPT_H
#define NETCONTROL_NC_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/status.h"
#include "lib/text.h"

enum {
	NC_DEPTH_MAX = 16,       /* procedures within procedures */
	NC_PARAMS = 8,           /* P1 to P8 */
	NC_LINE_MAX = 8192,      /* octets of one command with its continuations */
	NC_SYMBOLS_MAX = 256,
	NC_NAME_MAX = 64,        /* octets of a symbol's name, with the NUL */
	NC_FILE_MAX = 1 << 20,   /* octets of a procedure */
	NC_ARGS_MAX = 128,       /* words of a program's command line, with the NULL */
};

struct nc_symbol {
	char name[NC_NAME_MAX]; /* upper case */
	char *value;
};

struct nc_symbols {
	struct nc_symbol *symbol;
	size_t count, room;
};

enum status nc_symbol_set(struct nc_symbols *t, const char *name, const char *value) ATTR_NODISCARD;
const char *nc_symbol_get(const struct nc_symbols *t, const char *name); /* NULL: none */
void nc_symbols_free(struct nc_symbols *t);

/* `NAME = value`, `NAME :== text`: true when the line is an assignment; name and value are
 * filled. */
bool nc_assignment(const char *line, char *name, size_t size, struct text *value);

struct nc_frame { /* one procedure being run */
	char *name, *text;
	size_t at;
	unsigned line; /* of the command last read, from 1 */
	char *param[NC_PARAMS];
};

struct nc_script {
	struct nc_frame frame[NC_DEPTH_MAX];
	size_t depth;
};

/* text and params are copied. ST_LIMIT: nested too deeply, or too large. */
enum status nc_script_push(struct nc_script *s, const char *name, const char *text,
	const char *const *params, size_t count) ATTR_NODISCARD;
void nc_script_pop(struct nc_script *s);
/* The next command of the innermost procedure, joined and without comments; false at its end. */
bool nc_script_next(struct nc_script *s, struct text *out);
const char *nc_script_param(const struct nc_script *s, unsigned n); /* from 1; "" when not given */

/* Add one line of input to a command; true: it goes on, more lines are wanted. */
bool nc_join(struct text *command, const char *line);
/* The command without its `$`; *dollar tells whether there was one. */
const char *nc_body(const char *command, bool *dollar);

/* Value of a name for substitution and IF; NULL: there is none. arg is that of F$…("arg"), or
 * NULL. What it returns stays valid until the next call. */
typedef const char *nc_lookup(void *user, const char *name, const char *arg);

/* Put parameters and symbols in their places. ST_SYNTAX with why. */
enum status nc_substitute(const char *in, nc_lookup *lookup, void *user, struct text *out,
	char *why,
	size_t why_size) ATTR_NODISCARD;
/* `IF expression THEN command`: the command in *then, NULL when the expression is false. */
enum status nc_if(const char *line, nc_lookup *lookup, void *user, const char **then, char *why,
	size_t why_size) ATTR_NODISCARD;
/*
 * Words as a program gets them: blanks separate, "…" quotes, nothing else is special.  argv has
 * NC_ARGS_MAX places and is closed with NULL; store has the line's length + 2.  False: a quote is
 * never closed, or too many words.
 */
bool nc_split(const char *line, char *store, size_t size, char **argv, size_t *count);
/* The first word of a line is this keyword (any case, whole). */
bool nc_is_word(const char *line, const char *keyword);

#endif
