/*
 * args.h - parameters of verbs that take more than a word to read: traffic, protocols, one SA.
 */
#ifndef RACOON_DAEMON_ARGS_H
#define RACOON_DAEMON_ARGS_H

#include "lib/ctl.h"
#include "racoon/ike/ike.h"

/* Parameters "DST[/len][[port]] SRC…" and /POLICY=upper as an outbound selector.  False: the call
 * was ended. */
bool rd_args_selector(struct ctl_call *call, struct sp_selector *out);
/* ESP, AH or IPCOMP.  False: the call was ended. */
bool rd_args_proto(struct ctl_call *call, const char *typed, enum sa_proto *out);
/* "#17", "9a82e210a4ab479d[:…]" or "0x00001000": names one SA.  False: none of these. */
bool rd_args_one_sa(const char *typed, struct ike_command *out);

#endif
