/*
 * lnm_int.h - what the files of logicals/ share; nobody else includes it.
 */
#ifndef LOGICALS_LNM_INT_H
#define LOGICALS_LNM_INT_H

#include "logicals/lnm.h"

struct lnm_list { /* one table: sorted by name, then mode */
	struct lnm_name **name;
	size_t count, room;
};

struct lnm {
	struct lnm_list table[LNM_TABLES];
	char *system_file; /* NULL: tables live in memory only */
	bool on_request;   /* commands change the file only with /SAVE */
};

enum lnm_verb { LNM_DEFINE, LNM_ASSIGN, LNM_DEASSIGN, LNM_SHOW_LOGICAL, LNM_SHOW_TRANSLATION };

/* One command taken apart.  Strings point into `text`. */
struct lnm_stmt {
	enum lnm_verb verb;
	bool has_table, file_dev; /* /TABLE=LNM$FILE_DEV: all four */
	enum lnm_table table;
	bool has_mode;
	enum lnm_mode mode;
	bool nolog, all, full, save;
	const char *name; /* upper case; NULL: none given */
	struct lnm_value value[LNM_VALUES_MAX];
	size_t count;
	size_t at;          /* column, from 0, of what is wrong; else of the end or the comment */
	const char *detail; /* on failure: what is wrong, or NULL */
	char text[2 * LNM_LINE_MAX];
};

/* ST_IVVERB (no command of ours), ST_SYNTAX, ST_IVQUAL, ST_ABQUAL, ST_VALREQ, ST_INSFPRM,
 * ST_MAXPARM, ST_IVLOGNAM, ST_NOLOGTAB, ST_LINELONG. */
enum status lnm_parse(const char *line, struct lnm_stmt *s) ATTR_NODISCARD;
/* "%SYSTEM-F-IDENT, text: detail" */
enum { LNM_MESSAGE_MAX = 1024 };
void lnm_message(char *line, size_t size, enum status st, const char *detail);

bool lnm_name_ok(const char *s); /* 1 to 255 characters, none of them control */

/*
 * Put a DEFINE or ASSIGN into the file, or take names out (DEASSIGN); the tables are not touched.
 * ST_NOFILE, ST_NOTPERM, ST_SYSERR, ST_LIMIT, with the system's reason in `why`.
 */
enum status lnm_edit_file(const char *path, const struct lnm_stmt *s, struct text *why)
	ATTR_NODISCARD;

#endif
