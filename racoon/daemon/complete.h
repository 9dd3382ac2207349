/*
 * complete.h - COMPLETE: the peers that a verb's parameter may name.
 */
#ifndef RACOON_DAEMON_COMPLETE_H
#define RACOON_DAEMON_COMPLETE_H

#include "lib/text.h"

/* struct ctl_service's candidates; user is the struct rd. */
void rd_candidates(void *user, const char *shape, const char *prefix, struct text *out);

#endif
