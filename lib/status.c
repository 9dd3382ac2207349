/*
 * status.c - the message table made from messages.def.
 *
 * Called by whoever turns a status into an answer, a log line, a notify or a manual page.  It never
 * translates, formats user data into the phrase, or allocates.
 */
#include "lib/status.h"

#include <stdio.h>

#include "lib/text.h"

/* messages.def writes severities as bare letters. */
#define SEVERITY(letter) (#letter)[0]

static const struct message_row rows[ST_COUNT] = {
#define M(facility_, ident_, severity_, reply_, notify_, text_, explain_, action_)                 \
	[ST_##ident_] = { .facility = facility_, .ident = #ident_, .severity = SEVERITY(severity_),\
		.reply = reply_, .notify = notify_, .text = text_, .explain = explain_,            \
		.action = action_ },
#include "lib/messages.def"
#undef M
};

const struct message_row *
status_row(enum status status)
{
	if ((unsigned)status >= ST_COUNT)
		return &rows[ST_BUG];
	return &rows[status];
}

enum status
status_by_ident(const char *ident)
{
	for (unsigned i = 0; i < ST_COUNT; i++)
		if (text_same(rows[i].ident, ident))
			return (enum status)i;
	return ST_COUNT;
}

void
status_format(char *buf, size_t size, enum status status, const char *facility, const char *detail)
{
	const struct message_row *row = status_row(status);

	if (size == 0)
		return;
	if (facility == NULL)
		facility = row->facility;
	if (detail == NULL || detail[0] == '\0')
		snprintf(buf, size, "%%%s-%c-%s, %s", facility, row->severity, row->ident,
			row->text);
	else
		snprintf(buf, size, "%%%s-%c-%s, %s: %s", facility, row->severity, row->ident,
			row->text, detail);
}

unsigned
status_severity_bits(enum status status)
{
	switch (status_row(status)->severity) {
	case 'W':
		return 0;
	case 'S':
		return 1;
	case 'E':
		return 2;
	case 'I':
		return 3;
	}
	return 4;
}
