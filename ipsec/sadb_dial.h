/*
 * sadb_dial.h - connecting to ipsecd's sockets, or having somebody connect for us.
 *
 * A daemon that has given up its privileges cannot reach these sockets: it says who can.
 */
#ifndef IPSEC_SADB_DIAL_H
#define IPSEC_SADB_DIAL_H

#include <stdbool.h>

/* A connected, non-blocking socket, or -1 with errno; packets: SOCK_SEQPACKET, else SOCK_STREAM. */
typedef int sadb_dialler(void *user, bool packets);

/* From now on every sadb_dial of this process asks `dial`; NULL: itself again. */
void sadb_dial_by(sadb_dialler *dial, void *user);
/* -1 with errno; ENAMETOOLONG for a path that fits no socket. */
int sadb_dial(const char *path, bool packets);

#endif
