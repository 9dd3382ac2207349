/*
 * notify.h - talking to the service manager that started the process: systemd's datagrams, watchdog
 * and sockets, without its library.  Without such a manager every call does nothing.
 *
 * Protocols of sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3).
 */
#ifndef LIB_NOTIFY_H
#define LIB_NOTIFY_H

#include <stdint.h>

#include "lib/attr.h"

enum { NOTIFY_LISTEN_FIRST = 3, NOTIFY_LISTEN_MAX = 64, NOTIFY_TEXT_MAX = 512 };

/* At the start of the program: take what the manager said out of the environment, which children
 * inherit, and remember it. */
void notify_open(void);
/* Before another image takes this process over: put it back. */
void notify_hand_on(void);
/* Assignments, one a line: "READY=1\nSTATUS=3 services up". Never blocks. */
void notify_state(const char *fmt, ...) ATTR_PRINTF(1, 2);
/* How often to tell "WATCHDOG=1", in milliseconds: half the time allowed.  0: nobody watches. */
int64_t notify_watchdog_ms(void);
/* A listening socket that was handed over under this name (FileDescriptorName=), close-on-exec by
 * now; -1: there is none. */
int notify_listen_fd(const char *name);

#endif
