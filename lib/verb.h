/*
 * verb.h - verb tables: one row gives parsing, abbreviation, roles, HELP, `?`, completion and the
 * manual's list.
 */
#ifndef LIB_VERB_H
#define LIB_VERB_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/cmd.h"
#include "lib/status.h"
#include "lib/text.h"

struct ctl_call;

enum ctl_role { CTL_NOBODY, CTL_READER, CTL_OPERATOR };

struct verb_qual {
	const char *name;  /* "FORMAT"; NULL ends the list */
	const char *value; /* what the value is: "TEXT|JSON", or NULL for none */
	const char *help;
};

struct verb {
	const char *name;   /* upper case; NULL ends a table */
	const char *params; /* as HELP shows them: "remote [local]", "[ISAKMP|IPSEC|ALL]" */
	unsigned min_params, max_params;
	const struct verb_qual *quals; /* NULL: none */
	enum ctl_role role;            /* least role that may use it */
	void (*run)(struct ctl_call *call);
	const char *help; /* one line */
	const char *more; /* further lines, or NULL */
};

/*
 * Find word[first] in the table (any case, unique prefix), check the parameter count, and replace
 * the qualifiers' names by their full upper-case names.  Statuses: ST_IVVERB, ST_ABVERB, ST_IVQUAL,
 * ST_ABQUAL, ST_INSFPRM (too few), ST_MAXPARM (too many), ST_VALREQ; why says which and the
 * nearest valid word.
 */
enum status verb_match(const struct verb *table, struct cmd *cmd, size_t first,
	const struct verb **out, char *why, size_t why_size) ATTR_NODISCARD;
/* The row alone, for verbs whose parameters have a grammar of their own. */
enum status verb_find(const struct verb *table, const char *typed, const struct verb **out,
	char *why, size_t why_size) ATTR_NODISCARD;
/* Keyword lists in parameters: index of the unique-prefix match in words, -1 none, -2 ambiguous. */
int verb_keyword(const char *const *words, const char *typed);
/* HELP text: all verbs (topic NULL) or one, as lines separated by \n. false: no such topic. */
bool verb_help(const struct verb *table, const char *service, const char *topic, struct text *out);
/* One entry of a list: what is typed, then (in a column, wrapped) what it does. */
void verb_entry(struct text *out, const char *head, const char *help);
/*
 * What may come next after a line that begins with the verb: one candidate a line, for `?` and
 * completion: the word (with `/` when it is a qualifier), a tab, what it is.  `<seconds>` stands
 * where any value may.
 */
void verb_complete(const struct verb *table, const char *line, struct text *out);
/* The words of `<topic>` and of other placeholders are the caller's: true when line `<name>` is
 * among the candidates; it is taken out. */
bool verb_take_placeholder(struct text *candidates, const char *name);

#endif
