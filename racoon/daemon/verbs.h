/* verbs.h - RACOON's verb table; its user is a struct rd (host.h). */
#ifndef RACOON_DAEMON_VERBS_H
#define RACOON_DAEMON_VERBS_H

#include "lib/verb.h"

struct ctl_call;

extern const struct verb rd_verbs[];

/* verbs_capture.c */
void rd_verb_capture(struct ctl_call *call);
extern const struct verb_qual rd_quals_capture[];

#endif
