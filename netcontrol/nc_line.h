/*
 * nc_line.h - reading lines from a terminal: one of nc_line_readline.c, nc_line_libedit.c and
 * nc_line_none.c is built (make LINE=…), and nc_interactive.c does not know which.
 */
#ifndef NETCONTROL_NC_LINE_H
#define NETCONTROL_NC_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "netcontrol/nc_console.h"

enum { NC_HISTORY_MAX = 1000 /* lines */, NC_CONTROL_Z = 26 };

/* Characters that a word being completed begins behind. */
#define NC_WORD_BREAKS " \t\"/=(,"

extern const char nc_line_editor[]; /* "readline", "libedit", "none" */

/* The terminal is as it is to be for a line, but Ctrl-Z is a character, and ends one. */
void nc_line_open(struct nc *nc);
void nc_line_close(void);
/*
 * A line without its end, to be freed; NULL at the end of input and when nc->quit was set (Ctrl-Z).
 * Ctrl-C drops what is typed and, through nc_dropped, what it continues; then the prompt is
 * `fresh`, or the question is given up when that is "".
 */
char *nc_line_read(const char *prompt, const char *fresh);
void nc_line_remember(const char *line); /* for the arrow keys */

/* ---- nc_interactive.c, for the editors */
/*
 * Words that may take the place of the one typed at the end of the line, one a line; that word
 * begins at *start.  Those that end with `=` want a value at once.
 */
void nc_matches(struct nc *nc, const char *line, size_t *start, struct text *out);
/* Is there an open quotation mark in the line? Then `?` is only itself. */
bool nc_in_quotes(const char *line, size_t n);
/* Ctrl-C: true when the line is to be dropped; what it continues is. */
bool nc_dropped(struct nc *nc);
/* News came while a line is typed: shown, on lines of their own. before: what to print first. True:
 * there were some. */
bool nc_idle(struct nc *nc, const char *before);

#endif
