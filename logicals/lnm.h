/*
 * lnm.h - logical names: tables, translation, file specifications, and the DCL commands on them.
 *
 * Four tables are searched in this order (LNM$FILE_DEV): process, job, group, system.  The process
 * table begins as the environment's MULTINET, MULTINET_*, SSLCERTS, SSL$CERTS and SSL$CONF; since a
 * shell cannot set a variable with a `$`, SSL_CERTS and SSL_CONF are taken for the latter two.  The
 * other tables come from one file of DEFINE lines, by default DEFINE/SYSTEM.
 *
 * Values are sampled when a program loads its tables: who changes a system name restarts the
 * service that reads it.  Names are upper-cased, values keep their case.  A struct lnm belongs to
 * one thread; nothing in it is secret.
 */
#ifndef LOGICALS_LNM_H
#define LOGICALS_LNM_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"
#include "lib/status.h"
#include "lib/text.h"

enum {
	LNM_NAME_MAX = 255,    /* characters of a name, and of one value */
	LNM_VALUES_MAX = 128,  /* values of one search list */
	LNM_NAMES_MAX = 4096,  /* names in one table */
	LNM_DEPTH_MAX = 10,    /* levels of an iterative translation */
	LNM_LINE_MAX = 8192,   /* characters of one command, continuations included */
	LNM_FILE_MAX = 1 << 20, /* octets of the system table's file */
};

enum lnm_table { LNM_PROCESS, LNM_JOB, LNM_GROUP, LNM_SYSTEM, LNM_TABLES };
enum lnm_mode { LNM_USER, LNM_SUPERVISOR, LNM_EXECUTIVE, LNM_KERNEL }; /* outermost first */
enum { LNM_CONCEALED = 1, LNM_TERMINAL = 2 }; /* translation attributes of a value, or-ed */

struct lnm_value {
	char *text;
	unsigned attributes;
};

struct lnm_name {
	char *name; /* upper case */
	enum lnm_mode mode;
	size_t count; /* values, at least one */
	struct lnm_value *value;
};

struct lnm;

/* ------------------------------------------------------------ tables --- */

struct lnm *lnm_new(void); /* empty tables; NULL when out of memory */
void lnm_free(struct lnm *l);

/*
 * What every program does at start: tables from the environment and from the file that
 * MULTINET_LOGICALS names, or $(etcdir)/system.logicals.  No file is an empty system table.
 * ST_BADCONF: the file has errors, listed in `errors` as file:line:column: text, one a line; none
 * of its names is defined then.
 */
enum status lnm_load(struct lnm *l, struct text *errors) ATTR_NODISCARD;
/* The two halves of it; system_file is remembered for lnm_command. */
enum status lnm_load_environment(struct lnm *l, char *const *environment) ATTR_NODISCARD;
enum status lnm_load_file(struct lnm *l, const char *system_file, struct text *errors)
	ATTR_NODISCARD;

/* The same from a text; name stands in messages. Names of the job, group and system tables are
 * replaced. */
enum status lnm_load_text(struct lnm *l, const char *name, struct bytes text, struct text *errors)
	ATTR_NODISCARD;
/* A table as DEFINE lines, which lnm_load_text understands. */
void lnm_write(const struct lnm *l, enum lnm_table table, struct text *out);
/* From now on the tables live in this program (the master server): lnm_command changes the file
 * only for commands with /SAVE. */
void lnm_save_on_request(struct lnm *l);

/*
 * Define a name, replacing one of the same mode in the same table (*superseded, may be NULL).
 * ST_IVLOGNAM (a length or a control character), ST_LIMIT, ST_NOMEMORY.
 */
enum status lnm_define(struct lnm *l, enum lnm_table table, enum lnm_mode mode, const char *name,
	const struct lnm_value *values, size_t count, bool *superseded) ATTR_NODISCARD;
/* One value, supervisor mode, no attributes. */
enum status lnm_set(struct lnm *l, enum lnm_table table, const char *name, const char *value)
	ATTR_NODISCARD;
/* Remove a name of this mode and of the modes outside it; ST_NOLOGNAM. */
enum status lnm_deassign(struct lnm *l, enum lnm_table table, enum lnm_mode mode, const char *name)
	ATTR_NODISCARD;
/* After a program ended: user-mode names of the process table vanish. */
void lnm_run_down(struct lnm *l);

/* The name in one table, the outermost mode of it. NULL: none. */
const struct lnm_name *lnm_in_table(const struct lnm *l, enum lnm_table table, const char *name);
/* The name in the first table that has it; *table (may be NULL) says which. */
const struct lnm_name *lnm_find(const struct lnm *l, const char *name, enum lnm_table *table);
/* Names of a table in alphabetical order, modes outermost first: index 0, 1, ... until NULL. */
const struct lnm_name *lnm_at(const struct lnm *l, enum lnm_table table, size_t index);

const char *lnm_table_name(enum lnm_table table); /* "LNM$SYSTEM_TABLE" */
/* "LNM$SYSTEM" and "LNM$SYSTEM_TABLE", any case; ST_NOLOGTAB. */
enum status lnm_table_by_name(const char *name, enum lnm_table *table) ATTR_NODISCARD;

/* ------------------------------------------------------------ translation --- */

/* One level, as F$TRNLNM: value `index` of the search list. NULL: no such name or value. */
const char *lnm_value(const struct lnm *l, const char *name, size_t index);
/*
 * Iteratively: the first value, while that (without a trailing colon) is a name again and not
 * TERMINAL.  ST_NOLOGNAM: `name` itself is not defined; ST_TOOMANYLNAM; ST_LIMIT: no room.
 */
enum status lnm_translate(const struct lnm *l, const char *name, char *out, size_t size)
	ATTR_NODISCARD;
/* Is it TRUE, YES, ON or 1 (FALSE, NO, OFF or 0)?  First letters decide, as in DCL; fallback when
 * undefined or neither. */
bool lnm_true(const struct lnm *l, const char *name, bool fallback);

/* ------------------------------------------------------------ files --- */

/*
 * A file specification to a path (size bytes with the NUL):
 *	MULTINET:RACOON.CONF        the translation of MULTINET, joined with racoon.conf
 *	DEV:[DIR.SUB]FILE.EXT;3     dir/sub/file.ext under DEV's translation; the version is dropped
 *	/etc/x  ./x  x.conf         no colon, or begins with / or ./ or ../: left alone
 * A component is taken as given if it exists so, else in lower case.  DEV may be a search list: the
 * first value under which the file exists wins, else the first.  MULTINET undefined means
 * $(etcdir).  ST_NOLOGNAM: DEV is not defined; ST_TOOMANYLNAM; ST_LIMIT: the path is too long, or
 * more than 256 places would have to be tried; ST_IVPARM: the directory part is not well-formed.
 */
enum status lnm_file_spec(const struct lnm *l, const char *spec, char *path, size_t size)
	ATTR_NODISCARD;

/* ------------------------------------------------------------ names with a meaning --- */

struct lnm_known { /* a name that the documents of this system mention */
	const char *name;
	const char *reader;   /* who reads it: "RACOON" */
	bool waiting;         /* its reader is not there yet: it is kept, and does nothing */
	const char *value;    /* what its value is */
	const char *meaning;
};

extern const struct lnm_known lnm_known[]; /* ended by a NULL name */
const struct lnm_known *lnm_known_name(const char *name); /* any case; NULL: it has none */

/* Environment for a program: the names of all tables, first table first, before `base`; the array
 * is the caller's, its strings are in *made. Names that a logical name hides in base go. NULL: out
 * of memory. */
char **lnm_environment(const struct lnm *l, char *const *base, struct text *made);

/* ------------------------------------------------------------ commands --- */

/*
 * One DCL command: DEFINE, ASSIGN, DEASSIGN, SHOW LOGICAL, SHOW TRANSLATION, with their qualifiers.
 * Output and messages ("%SHOW-S-NOTRAN, ...") go to `out`, lines ended by \n.  Commands that change
 * the job, group or system table also change the file remembered by lnm_load: written anew beside
 * it and renamed, comments and unrelated lines kept.
 *
 * Returns the status whose message was written: also ST_SUPERSEDE and ST_NOTRAN, which are no
 * failures (lnm_failed tells).  ST_IVVERB, with nothing written, when the command is none of these.
 */
enum status lnm_command(struct lnm *l, const char *line, struct text *out) ATTR_NODISCARD;
/*
 * For programs that ask whoever has the tables: the command, changed so that it can stand behind
 * LOGICALS.  ST_NORMAL: it changes the job, group or system table; ST_NOTRAN: it is not for a
 * server; else what is wrong with it.
 */
enum status lnm_for_server(const char *line, struct text *request) ATTR_NODISCARD;
/*
 * Ask the server on that socket (NULL: where it is by default): data lines go to out, and the last
 * line's message unless it is plain success.  ST_NOSERVER: none answers, nothing was asked.
 */
enum status lnm_ask_server(const struct lnm *l, const char *socket_path, const char *request,
	struct text *out) ATTR_NODISCARD;
/* Take the job, group and system tables from it; false: they stay as they are. */
bool lnm_from_server(struct lnm *l, const char *socket_path);
/* Is this text one of the commands above (verb and, for SHOW, its keyword)? */
bool lnm_is_command(const char *line);
bool lnm_failed(enum status status);       /* severity W, E or F */
unsigned lnm_condition(enum status status); /* $STATUS: VMS's condition value, 1 = NORMAL */

#endif
