/*
 * svc_edit.h - a services file being edited: the text itself, statement by statement.
 *
 * Called by the console's configuration mode.  What is edited is the text, not what was read of it,
 * so that comments, blank lines, order and spelling of all that is not touched stay as they are.
 * Each change is made in a copy that is read as the master server would read it; with an error the
 * copy is dropped and nothing has changed, so the text is sound at any time.  A statement that is
 * set stands where the old one stood; comments between its words go with it.
 *
 * Pure: text in, text out; files are the caller's.
 */
#ifndef LIB_SVC_EDIT_H
#define LIB_SVC_EDIT_H

#include <stdbool.h>

#include "lib/svc.h"
#include "lib/text.h"

enum { SVC_TEXT_MAX = 4 << 20 }; /* octets of a services file that is edited */

struct svc_edit {
	struct text text;      /* as it is now; sound */
	struct text saved;     /* as it was read or saved last */
	struct svc_file *file; /* the text, read */
};

/*
 * Begin with this text; what was there is dropped.  False with errors: e is as it was.  name is for
 * messages.  Errors of the functions below tell lines of the text as it would have become.
 */
bool svc_edit_open(struct svc_edit *e, const char *name, struct bytes text,
	struct stmt_errors *errors);
void svc_edit_close(struct svc_edit *e);

/* A new service at the end of the file. */
bool svc_edit_add(struct svc_edit *e, const char *name, const char *program,
	struct stmt_errors *errors);
/* A new service, at the end, with the stanza of another, comments included. */
bool svc_edit_copy(struct svc_edit *e, const char *from, const char *to,
	struct stmt_errors *errors);
/* The stanza goes, comments before it stay. A service of the server has its defaults then. */
bool svc_edit_delete(struct svc_edit *e, const char *name, struct stmt_errors *errors);
/*
 * One statement of a service (NULL: of the file itself).  words: all after the keyword, as in the
 * file, without `;`; NULL: the default, every statement with this keyword goes.  more: one more
 * such statement beside those that are there.
 */
bool svc_edit_set(struct svc_edit *e, const char *service, const struct conf_row *row,
	const char *words, bool more, struct stmt_errors *errors);

bool svc_edit_changed(const struct svc_edit *e);
/* Back to what was read or saved last. */
void svc_edit_restore(struct svc_edit *e);
/* What is there now has been saved. */
void svc_edit_saved(struct svc_edit *e);
/* "service NAME: ...", then "  - statement" and "  + statement"; nothing when none differs. */
void svc_edit_differences(const struct svc_edit *e, struct text *out);

#endif
