/*
 * nc_expr.h - expressions of command procedures: IF, and what stands behind `NAME =`.
 *
 * DCL's: strings in quotes, integers (%X… in hexadecimal), symbols, F$ functions, + - * /,
 * comparisons .EQ. .NE. .LT. .LE. .GT. .GE. of numbers and .EQS. … of strings, .NOT. .AND. .OR.
 * bit by bit, parentheses.  A number is true when it is odd, a string when it begins with T or Y.
 * Pure: what a name stands for is asked of the caller.
 */
#ifndef NETCONTROL_NC_EXPR_H
#define NETCONTROL_NC_EXPR_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/status.h"
#include "lib/text.h"

enum { NC_NESTING_MAX = 32 /* parentheses and functions in each other */ };

/* Value of a name for substitution and expressions; NULL: there is none. arg is that of
 * F$NAME("arg"), or NULL. What it returns stays valid until the next call. */
typedef const char *nc_lookup(void *user, const char *name, const char *arg);

/*
 * Evaluate the expression that begins at p: its value to out (numbers in decimal), whether it is
 * true to *truth, what follows it to *rest.  ST_SYNTAX with why; out is then undefined.
 */
enum status nc_expr(const char *p, nc_lookup *lookup, void *user, struct text *out, bool *truth,
	const char **rest, char *why, size_t why_size) ATTR_NODISCARD;
/* A string in quotes, "" inside standing for one quote; returns what follows it, NULL when it is
 * never closed. */
const char *nc_take_string(const char *p, struct text *out);
/* May this octet stand in a symbol's name? */
bool nc_is_name_char(char c);

#endif
