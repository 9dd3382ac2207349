/*
 * backup.h - one line of the file of `path backupsa`: an IPsec SA with its keys.
 *
 * Pure; backup_uv.c has the file.  The format is that of ipsec-tools: date, '%', then addresses, SA
 * type, SPI, mode, reqid, window, algorithms with key lengths in octets, flags, lifetimes, sequence
 * number, keys in hexadecimal digits.
 */
#ifndef RACOON_DAEMON_BACKUP_H
#define RACOON_DAEMON_BACKUP_H

#include "ipsec/sa.h"
#include "lib/status.h"
#include "lib/text.h"

enum { BACKUP_LINE_MAX = 2048, BACKUP_FILE_MAX = 16 << 20, BACKUP_SAS_MAX = 65536 };

/* Append the SA's line with its newline. False: one that the format cannot hold (UDP ports). */
bool backup_line(const struct ipsec_sa *sa, wall now, struct text *out);
/*
 * A line back to an SA; its lifetimes are what is left of them.  ST_BADCONF: not such a line;
 * ST_EXPIRED: its time is over.  The caller wipes *out.
 */
enum status backup_parse(const char *line, wall now, struct ipsec_sa *out) ATTR_NODISCARD;

#endif
