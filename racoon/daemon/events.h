/*
 * events.h - what MONITOR tells of SAs, as lines.
 */
#ifndef RACOON_DAEMON_EVENTS_H
#define RACOON_DAEMON_EVENTS_H

#include <stddef.h>

#include "racoon/ike/ike.h"

/* A note of the engine's as a line of news; its classes (enum ctl_class), 0: none of interest. */
unsigned rd_event(const struct ike_note *n, char *buf, size_t size);

/* " #17" for the end of a line about that SA; "" for 0: about none. */
char *rd_sa_text(char *buf, size_t size, uint64_t serial);
enum { RD_SA_TEXT = 24 };

#endif
