/*
 * journal.h - journald's native protocol: a log line with fields.
 *
 * Used by log.c when standard error leads to the journal anyway (systemd.exec(5), JOURNAL_STREAM),
 * so that priority and peer can be asked for: `journalctl MULTINET_PEER=192.0.2.1[500]`.
 */
#ifndef LIB_JOURNAL_H
#define LIB_JOURNAL_H

#include <stdbool.h>

/* A socket to journald at `path` (NULL: where it listens); -1: no journal behind standard error.
 * With `path` the question is not asked. */
int journal_open(const char *path);
/* False: could not be sent; write it another way. peer may be NULL. */
bool journal_send(int fd, int priority, const char *program, const char *peer, const char *text);

#endif
