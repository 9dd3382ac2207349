/*
 * status.h - every condition the system reports, as a value.
 *
 * One row of messages.def yields the C enumerator (ST_IDENT, 0 = success), the operator's text
 * (`%FACILITY-S-IDENT, text`), the NETCONTROL reply class, the ISAKMP notify for the peer and the
 * explanation that HELP/MESSAGE and the manual print.  Fallible functions return enum status.
 */
#ifndef LIB_STATUS_H
#define LIB_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

enum status {
#define M(facility, ident, severity, reply, notify, text, explain, action) ST_##ident,
#include "lib/messages.def"
#undef M
	ST_COUNT
};

/* Return early with the first status that is not ST_NORMAL: the only control-flow macro. */
#define TRY(expr)                                                                                  \
	do {                                                                                       \
		enum status try_status_ = (expr);                                                  \
		if (try_status_ != ST_NORMAL)                                                      \
			return try_status_;                                                        \
	} while (0)

struct message_row {
	const char *facility; /* "RACOON" */
	const char *ident;    /* "NOPROPOSAL" */
	char severity;        /* S I W E F */
	uint16_t reply;       /* NETCONTROL reply code, 2xx 3xx 4xx 5xx */
	uint16_t notify;      /* ISAKMP notify message type for the peer, 0 = none */
	const char *text;     /* one phrase, no format directives */
	const char *explain;  /* what happened, for HELP/MESSAGE */
	const char *action;   /* what the operator does about it */
};

/* The row of a status; never NULL (an out-of-range value yields ST_BUG's row). */
const struct message_row *status_row(enum status status);

/* Find a row by ident, any case; ST_COUNT when there is none. */
enum status status_by_ident(const char *ident);

/*
 * Write "%FACILITY-S-IDENT, text" and, when detail is not NULL or empty, ": detail", truncated to
 * size bytes with the NUL.  facility NULL means the row's own.
 */
void status_format(char *buf, size_t size, enum status status, const char *facility,
	const char *detail);

/* VMS condition severity bits: W 0, S 1, E 2, I 3, F 4 (low three bits; odd means success). */
unsigned status_severity_bits(enum status status);

#endif
