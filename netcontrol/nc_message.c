/*
 * nc_message.c - messages as the operator wants them (SET MESSAGE, -q), and end marks (-e).
 *
 * Called by the whole console.  What was said last is kept for the mark that follows the answer, so
 * that a program which drives the console knows where an answer ends and what came of it.
 */
#include "netcontrol/nc_console.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static unsigned parts = NC_MSG_ALL; /* of messages that are shown */
static bool quiet;
static unsigned last_code;
static char last_ident[64]; /* FACILITY-S-IDENT */

void
nc_message_parts(unsigned wanted)
{
	parts = wanted;
}

unsigned
nc_message_parts_now(void)
{
	return parts;
}

void
nc_message_quiet(void)
{
	quiet = true;
}

/* Length of `%FACILITY-S-IDENT` at the beginning, with where its pieces end; 0: no message. */
static size_t
message_head(const char *line, size_t *facility, size_t *severity)
{
	size_t a = strcspn(line, "-"), n;

	if ((line[0] != '%' && line[0] != '-') || a < 2 || line[a] != '-' || line[a + 1] == '\0' ||
		line[a + 2] != '-')
		return 0;
	n = a + 3 + strspn(line + a + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	*facility = a;
	*severity = a + 1;
	return n > a + 3 && (line[n] == ',' || line[n] == '\0') ? n : 0;
}

bool
nc_message_shown(const char *line, struct text *out)
{
	size_t facility = 0, severity = 0, n = message_head(line, &facility, &severity);
	bool any = false;

	text_clear(out);
	if (n == 0 || parts == NC_MSG_ALL) {
		text_add(out, line);
		return n == 0 || !quiet || strchr("SI", line[severity]) == NULL;
	}
	if (quiet && strchr("SI", line[severity]) != NULL)
		return false;
	if (parts & NC_MSG_FACILITY) {
		text_add_n(out, line, facility);
		any = true;
	}
	if (parts & NC_MSG_SEVERITY) {
		text_addf(out, "%s%c", any ? "-" : "%", line[severity]);
		any = true;
	}
	if (parts & NC_MSG_IDENT) {
		text_addf(out, "%s%.*s", any ? "-" : "%", (int)(n - facility - 3),
			line + facility + 3);
		any = true;
	}
	if (parts & NC_MSG_TEXT)
		text_addf(out, "%s%s", any ? ", " : "",
			line[n] == ',' ? line + n + 1 + (line[n + 1] == ' ') : "");
	return out->n > 0;
}

enum nc_exit
nc_say(enum nc_exit status, enum status condition, const char *fmt, ...)
{
	char detail[512] = "", message[768];
	struct text shown = { 0 };
	va_list ap;

	if (fmt != NULL) {
		va_start(ap, fmt);
		vsnprintf(detail, sizeof(detail), fmt, ap);
		va_end(ap);
	}
	status_format(message, sizeof(message), condition, NULL, detail);
	nc_message_last(status_row(condition)->reply, message);
	fflush(stdout);
	if (nc_message_shown(message, &shown))
		fprintf(stderr, "%s\n", text_str(&shown));
	text_free(&shown);
	return status;
}

void
nc_message_list(void)
{
	const char *facility = "";

	for (unsigned i = 0; i < ST_COUNT; i++) {
		const struct message_row *row = status_row((enum status)i);

		if (strcmp(row->facility, facility) != 0)
			printf("\n### %s\n", row->facility);
		facility = row->facility;
		printf("\n- **`%%%s-%c-%s`, %s**  \n  %s  \n  *%s*\n", row->facility, row->severity,
			row->ident, row->text, row->explain, row->action);
	}
}

void
nc_message_last(unsigned code, const char *message)
{
	size_t facility, severity, n = message_head(message, &facility, &severity);

	last_code = code;
	snprintf(last_ident, sizeof(last_ident), "%.*s", n > 0 ? (int)n - 1 : 0,
		n > 0 ? message + 1 : "");
}

void
nc_mark(const struct nc *nc, enum nc_exit status)
{
	if (nc->marks) {
		/* Only what the console itself did has no message of its own. */
		if (last_ident[0] == '\0' && status == NC_DONE)
			nc_message_last(status_row(ST_NORMAL)->reply, "%NETCTL-S-NORMAL");
		printf("%%END %d %u %s\n", (int)status, last_code,
			last_ident[0] != '\0' ? last_ident : "-");
		fflush(stdout);
	}
	last_code = 0;
	last_ident[0] = '\0';
}
