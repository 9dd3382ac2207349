/*
 * rc_hashed.h - the hashed directory of CAs and revocation lists, read for somebody else.
 */
#ifndef RACOON_CONF_RC_HASHED_H
#define RACOON_CONF_RC_HASHED_H

#include <stdbool.h>

#include "lib/text.h"

enum {
	RC_HASHED_MAX = 1000,             /* files of a directory that are looked at */
	RC_HASHED_NAMES_MAX = 16 << 20, /* octets of their names */
};

/* A name under which a hashed directory has a certificate or, *is_list, a revocation list? */
bool rc_hashed_name(const char *name, bool *is_list);
/*
 * What a hashed directory has now, as one PEM text (the caller frees it).  An unreadable or wrongly
 * named file is left out, an empty directory is an empty text.  False with errno: it cannot be
 * read, or holds more than CRY_HASHED_MAX octets.
 */
bool rc_hashed_read(const char *dir, struct text *out);

#endif
