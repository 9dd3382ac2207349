/*
 * dump.h - the text of setkey -D and -DP, line for line as the old program printed it.
 *
 * One difference: the old program left out the newline after the `C:` line.
 */
#ifndef SETKEY_DUMP_H
#define SETKEY_DUMP_H

#include "ipsec/sadb.h"
#include "lib/text.h"

/* Addresses, protocol, mode, SPI and request id: the first two lines. */
void setkey_dump_head(const struct sadb_msg *m, struct text *out);
void setkey_dump_sa(const struct sadb_msg *m, wall now, struct text *out);
void setkey_dump_short(const struct sadb_msg *m, wall now, struct text *out); /* -l: one line */
/* ports: -p, show them at tunnel end points also where they are 0. */
void setkey_dump_sp(const struct sadb_msg *m, bool ports, struct text *out);

#endif
