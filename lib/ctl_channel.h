/*
 * ctl_channel.h - the service's end of the channel to the master: many conversations, one stream.
 *
 *	master to service	#ID:ROLE[:WHO] request line	ROLE is OPERATOR or READER
 *				#ID:CANCEL  #ID:PAUSE  #ID:RESUME
 *	service to master	#ID answer line			#0 +READY  #0 +EVENT text
 *							#0 +AUDIT IDENT who<TAB>line
 *
 * An ID (1 to 4294967295, chosen by the master) is one request: it ends with the last line of its
 * answer or with CANCEL.  Pure: octets in, octets out through the transport.
 */
#ifndef LIB_CTL_CHANNEL_H
#define LIB_CTL_CHANNEL_H

#include "lib/ctl.h"

enum {
	CTL_WHO_MAX = 160, /* octets of an asker's name on the wire, with the NUL; no blanks */
	CTL_CHANNEL_LINE_MAX = CMD_LINE_MAX + CTL_WHO_MAX + 64,
};

struct ctl_channel;

struct ctl_channel *ctl_channel_open(const struct ctl_service *service,
	const struct ctl_transport *t); /* NULL: out of memory */
/* False: the stream is not what a master sends; nothing more is taken. */
bool ctl_channel_input(struct ctl_channel *ch, struct bytes octets);
void ctl_channel_drained(struct ctl_channel *ch);
void ctl_channel_news(struct ctl_channel *ch, const char *text); /* "#0 text" */
/* A request that changed something has ended, wherever it came from: for the master's accounts. */
void ctl_channel_audit(struct ctl_channel *ch, const char *who, const char *line,
	enum status result);
size_t ctl_channel_busy(const struct ctl_channel *ch);           /* conversations under way */
/* Answer what is under way with ST_CANCELLED; the channel stays until ctl_channel_close. */
void ctl_channel_end(struct ctl_channel *ch);
void ctl_channel_close(struct ctl_channel *ch); /* the master is gone: cancels all, frees */

#endif
