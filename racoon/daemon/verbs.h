/* verbs.h - RACOON's verb table; its user is a struct rd (host.h). */
#ifndef RACOON_DAEMON_VERBS_H
#define RACOON_DAEMON_VERBS_H

#include "lib/verb.h"

extern const struct verb rd_verbs[];

#endif
