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
 *	$ IF expression …  $ THEN …  $ ELSE …  $ ENDIF
 *	$ LOOP: …  $ GOTO LOOP         labels, in a procedure
 *	$ ON ERROR THEN command        once, at the next error; without one the procedure ends
 */
#ifndef NETCONTROL_NC_SCRIPT_H
#define NETCONTROL_NC_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/status.h"
#include "lib/text.h"
#include "netcontrol/nc_expr.h"

enum {
	NC_DEPTH_MAX = 16,       /* procedures within procedures */
	NC_PARAMS = 8,           /* P1 to P8 */
	NC_LINE_MAX = 8192,      /* octets of one command with its continuations */
	NC_SYMBOLS_MAX = 256,
	NC_NAME_MAX = 64,        /* octets of a symbol's name, with the NUL */
	NC_FILE_MAX = 1 << 20,   /* octets of a procedure */
	NC_ARGS_MAX = 128,       /* words of a program's command line, with the NULL */
	NC_BLOCKS_MAX = 16,      /* IF … ENDIF in each other */
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

/*
 * `NAME = expression`, `NAME := text`, both also with ==: true when the line is an assignment; name
 * is filled, *text points at what is assigned, *verbatim: it stands for itself.
 */
bool nc_assignment(const char *line, char *name, size_t size, const char **text, bool *verbatim);
/* The value of it.  Words without operators, quotes or a leading digit that no expression can be
 * made of stand for themselves.  ST_SYNTAX with why. */
enum status nc_assigned(const char *text, bool verbatim, nc_lookup *lookup, void *user,
	struct text *value, char *why, size_t why_size) ATTR_NODISCARD;

struct nc_flow { /* which commands are run: of one procedure, or of what is typed */
	struct nc_block {
		bool outer; /* what is around the block runs */
		bool taken; /* its condition was true */
		bool in_else;
	} block[NC_BLOCKS_MAX];
	size_t blocks;
};

enum nc_on { NC_ON_EXIT, NC_ON_ERROR, NC_ON_SEVERE };

struct nc_frame { /* one procedure being run */
	char *name, *text;
	size_t at;
	unsigned line; /* of the command last read, from 1 */
	char *param[NC_PARAMS];
	struct nc_flow flow;
	enum nc_on on; /* what is done at the next error: NC_ON_EXIT, or the command */
	char *on_command;
};

struct nc_script {
	struct nc_frame frame[NC_DEPTH_MAX];
	struct nc_flow typed; /* of the lines outside procedures */
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

/* Put parameters and symbols in their places. ST_SYNTAX with why. */
enum status nc_substitute(const char *in, nc_lookup *lookup, void *user, struct text *out,
	char *why,
	size_t why_size) ATTR_NODISCARD;
/* `IF expression THEN command`: the command in *then, NULL when the expression is false, "" when
 * the command is missing: a block begins, and *truth tells of its condition. */
enum status nc_if(const char *line, nc_lookup *lookup, void *user, bool *truth, const char **then,
	char *why, size_t why_size) ATTR_NODISCARD;
/*
 * Words as a program gets them: blanks separate, "…" quotes, nothing else is special.  argv has
 * NC_ARGS_MAX places and is closed with NULL; store has the line's length + 2.  False: a quote is
 * never closed, or too many words.
 */
bool nc_split(const char *line, char *store, size_t size, char **argv, size_t *count);

/* ---- which commands are run */
struct nc_flow *nc_flow(struct nc_script *s); /* of the innermost procedure, or of what is typed */
/* Are commands run here, or skipped? */
bool nc_flow_runs(const struct nc_flow *f);
/* A block begins. ST_LIMIT: too many in each other. */
enum status nc_flow_if(struct nc_flow *f, bool truth) ATTR_NODISCARD;
/*
 * A line that steers: THEN, ELSE and ENDIF, and while skipping all others.  True: it is done with,
 * but for *rest (behind THEN and ELSE), which is "" when there is nothing more to run.  *status is
 * ST_SYNTAX with why when it stands where it may not.
 */
bool nc_flow_line(struct nc_flow *f, const char *line, const char **rest, enum status *status,
	char *why, size_t why_size);
/* The command without its label; a label alone leaves "". */
const char *nc_skip_label(const char *line);
/* Go on behind the label of the innermost procedure. False: there is none. */
bool nc_script_goto(struct nc_script *s, const char *label);
/* ON condition THEN command. ST_SYNTAX with why; ST_NOMEMORY. */
enum status nc_script_on(struct nc_script *s, const char *line, char *why, size_t why_size)
	ATTR_NODISCARD;

/* The first word of a line is this keyword (any case, whole). */
bool nc_is_word(const char *line, const char *keyword);

#endif
