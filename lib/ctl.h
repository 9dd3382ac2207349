/*
 * ctl.h - a NETCONTROL conversation as a pure step: octets in, answer lines out.
 *
 * A session takes request lines, runs each against a verb table and frames the answer:
 * `200-text` lines, then one `NNN %FACILITY-S-IDENT, text`.  One request at a time is active per
 * session; pipelined ones wait, in order.  A verb ends its call at once or later (ESTABLISH); a
 * session that goes away cancels its active call.  Lines nobody asked for begin with `+`.
 *
 * On the channel between the master and a service (file descriptor named by MULTINET_CHANNEL) many
 * conversations share one stream: each request line is `#ID:ROLE line`, each answer line `#ID
 * line`, `#ID:CANCEL` gives up on one, `#ID:PAUSE` and `#ID:RESUME` say that its reader is slow and
 * that it caught up, and lines with ID 0 are news (`#0 +READY`, `#0 +EVENT …`).  See
 * ctl_channel.h.
 */
#ifndef LIB_CTL_H
#define LIB_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/bytes.h"
#include "lib/cmd.h"
#include "lib/json.h"
#include "lib/net.h"
#include "lib/status.h"
#include "lib/verb.h"

enum {
	/* octets of waiting requests per session; then reading pauses */
	CTL_INPUT_MAX = 64 * 1024,
	CTL_OUTPUT_MAX = 16 << 20,   /* octets of unsent answers; then the session is ended */
	CTL_SESSIONS_MAX = 4096,
	CTL_REPLY_DATA = 200,        /* the code of continuation lines */
	CTL_BATCH = 64 * 1024,       /* octets of answers gathered before they are sent */
	CTL_GATHER = 16 * 1024,      /* the same from one turn of a yielding verb to the next */
	CTL_HIGH_WATER = 256 * 1024, /* unsent octets past which a SHOW yields and requests wait */
	CTL_LOW_WATER = 64 * 1024,   /* and under which they go on */
	CTL_PROTOCOL = 1,            /* version of the control protocol, as VERSION tells it */
};

struct ctl_service { /* what a program offers */
	const char *facility;      /* "RACOON" */
	const char *version;
	const struct verb *verbs;
	void *user;                /* handed to verbs as call->user */
	/* A first look at every sound line, before the table: true when it took the call over (the
	 * master relays what begins with a service's name).  NULL: none. */
	bool (*route)(struct ctl_call *call);
	/* Called for each request that changes something, after it ended; may be NULL. */
	void (*audit)(void *user, const char *who, const char *line, enum status result);
	/* COMPLETE: what a parameter may be that HELP shows as shape ("remote"): lines, word, tab,
	 * what it is; a bounded number of them.  NULL: nothing is known. */
	void (*candidates)(void *user, const char *shape, const char *prefix, struct text *out);
};

struct ctl_session;

struct ctl_call { /* one request being answered; lives until ctl_done */
	struct ctl_session *session;
	const struct ctl_service *service;
	void *user;
	const struct verb *verb;
	struct cmd *cmd;           /* cmd->word[first] is the verb, parameters follow */
	const char *line;          /* the request as it came, for word_at */
	size_t first;
	enum ctl_role role;
	const char *who;           /* "uid 0 (root)", for the audit line */
	const struct net_addr *from; /* where the asker is; family 0: on this host */
	int64_t uid;               /* the asker's, as the kernel told it; -1: not known */
	bool json;                 /* /FORMAT=JSON was given */
	bool looks;                /* set by an operator's verb that changes nothing: no audit */
	/* Set by a verb that ends later: the asker is gone, and it must call ctl_done, which then
	 * writes nothing. */
	void (*cancel)(struct ctl_call *call);
	/* SHOW that yields: set to be called again when the output has drained below a mark. */
	void (*resume)(struct ctl_call *call);
	void *state;               /* the verb's own, freed by the verb before ctl_done */
};

/* The n-th parameter after the verb (from 0), or NULL. */
const char *ctl_param(const struct ctl_call *call, unsigned n);
/* One continuation line; embedded newlines make several. */
void ctl_line(struct ctl_call *call, const char *fmt, ...) ATTR_PRINTF(2, 3);
void ctl_text(struct ctl_call *call, const char *text); /* the same without a format */
/* The last line; the call is gone afterwards. detail may be NULL. */
void ctl_done(struct ctl_call *call, enum status status, const char *fmt, ...) ATTR_PRINTF(3, 4);
/* Pass a line of another service's answer on as it is; `last` ends the call. (The master's
 * relay.) */
void ctl_relay(struct ctl_call *call, struct bytes line, bool last);
/*
 * What is relayed to the session of this call is gathered until ctl_let_go: many lines in one read
 * are not so many writes.  The session may be over by then; it is not freed before.
 */
struct ctl_session *ctl_hold(struct ctl_call *call) ATTR_NODISCARD;
void ctl_let_go(struct ctl_session *s);
/* True when so much is waiting to be sent that a SHOW should set call->resume and return. */
bool ctl_congested(const struct ctl_call *call);
/*
 * A verb that has been at it for a while lets others have their turn: true when `again` will be
 * called (as call->resume) once the loop came round and what is unsent is below the mark; false:
 * go on at once.
 */
bool ctl_yield(struct ctl_call *call, void (*again)(struct ctl_call *call)) ATTR_NODISCARD;

/* What the transport gives a session. */
struct ctl_transport {
	void *user;
	/* Queue for sending; copies. Calls nothing of the session: it may be in a verb's midst. */
	void (*send)(void *user, struct bytes octets);
	size_t (*unsent)(void *user);                  /* octets queued */
	void (*close)(void *user);                     /* after what is queued has gone out */
	/* Call ctl_drained (of a channel: ctl_channel_drained) in the loop's next turn; NULL: the
	 * transport cannot, and nothing yields to it. */
	void (*later)(void *user);
	/* A request that changes something has ended; may be NULL. The service's own audit is
	 * called as well. */
	void (*audit)(void *user, const char *who, const char *line, enum status result);
};

struct ctl_session *ctl_open(const struct ctl_service *service, const struct ctl_transport *t,
	enum ctl_role role, const char *who); /* NULL: out of memory */
/* Octets from the client. False: the session is over (the line was too long or held a NUL octet:
 * the error answer is queued and close was called). */
bool ctl_input(struct ctl_session *s, struct bytes octets);
/* The client will send no more (half-closed): a last line without its end counts; what was asked is
 * answered, then the transport's close is called. */
void ctl_eof(struct ctl_session *s);
/* Where the other end is, when not on this host. */
void ctl_set_from(struct ctl_session *s, const struct net_addr *from);
void ctl_set_uid(struct ctl_session *s, int64_t uid); /* who it is, by peer credentials */
bool ctl_wants_input(const struct ctl_session *s); /* false: stop reading for now */
bool ctl_is_busy(const struct ctl_session *s);     /* a call is being answered */
void ctl_pause(struct ctl_session *s, bool paused); /* the reader behind the transport is slow */
void ctl_drained(struct ctl_session *s);           /* the transport sent something */
void ctl_news(struct ctl_session *s, const char *text); /* `+text` */
void ctl_close(struct ctl_session *s); /* the client is gone: cancels the active call, frees */

/* The service ends: an active call is answered with ST_CANCELLED and cancelled, then close is
 * called. */
void ctl_end(struct ctl_session *s);
/* The same, the reason told as a last line: in place of the answer under way, or on its own. */
void ctl_end_because(struct ctl_session *s, enum status status, const char *detail);

/* News come in classes; a session that asked for MONITOR gets those it named. */
enum ctl_class { /* bits */
	CTL_NEWS_LOG = 1,     /* what is logged; what a session gets that named none */
	CTL_NEWS_ISAKMP = 2,  /* phase 1 came up, went down, failed */
	CTL_NEWS_IPSEC = 4,   /* phase 2 likewise */
	CTL_NEWS_FAILURE = 8, /* failures of both */
	CTL_NEWS_ALL = 15,
};
enum { CTL_CLASS_NAME_MAX = 16 };
/* The classes' names, in the order of their bits; ends with NULL. */
extern const char *const ctl_classes[];
void ctl_set_monitor(struct ctl_session *s, unsigned classes); /* 0: none */
bool ctl_is_monitor(const struct ctl_session *s);
bool ctl_wants_news(const struct ctl_session *s, unsigned classes); /* one of them? */
/* MONITOR [class…|ON|OFF|ALL] [/OFF]: the verb of that name, everywhere. */
void ctl_verb_monitor(struct ctl_call *call);
extern const struct verb_qual ctl_quals_monitor[];

/*
 * The verbs every service has, for use in tables.  COMPLETE "line so far" is answered for every
 * service without a row: one candidate a line with what it is after a tab, `<…>` where any value
 * may stand.
 */
void ctl_verb_noop(struct ctl_call *call);
void ctl_verb_version(struct ctl_call *call);
void ctl_verb_help(struct ctl_call *call); /* HELP [topic], HELP/MESSAGE ident, /FORMAT=JSON */
extern const struct verb_qual ctl_quals_format[]; /* /FORMAT=TEXT|JSON */
extern const struct verb_qual ctl_quals_help[];

#endif
