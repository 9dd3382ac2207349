/*
 * nc_watch.c - /WATCH[=seconds]: a SHOW again and again, until it is interrupted.
 *
 * Called by nc_console.c before a line goes to the server, which knows nothing of /WATCH.  On a
 * terminal that can, the answer is drawn over the one before; on a dumb one and in a pipe it is
 * printed again, behind a line with the time.
 */
#include "netcontrol/nc_console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/when.h"

enum { INTERVAL_S = 2, INTERVAL_MAX_S = 86400, ROWS = 24, COLUMNS = 80 };

/* The place of /WATCH outside quotes, its length to *n and its value's place; NULL: none. */
static const char *
find_watch(const char *line, size_t *n, const char **value)
{
	bool quoted = false;

	for (const char *p = line; *p != '\0'; p++) {
		size_t word;

		if (*p == '"')
			quoted = !quoted;
		if (quoted || *p != '/')
			continue;
		word = strcspn(p + 1, " \t/=\"");
		if (word < 4 || word > 5 || strncasecmp(p + 1, "WATCH", word) != 0)
			continue;
		*value = p[1 + word] == '=' ? p + 2 + word : NULL;
		*n = 1 + word;
		if (*value != NULL)
			*n += 1 + strcspn(*value, " \t/\"");
		return p;
	}
	return NULL;
}

/* SHOW, or a service and SHOW. */
static bool
is_show(const char *line)
{
	for (unsigned word = 0; word < 2; word++) {
		size_t n = strcspn(line, " \t/");

		if (n >= 2 && n <= 4 && strncasecmp(line, "SHOW", n) == 0)
			return true;
		line += n;
		line += strspn(line, " \t");
	}
	return false;
}

static bool
can_draw(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term != NULL && term[0] != '\0' &&
		strcmp(term, "dumb") != 0 && strcmp(term, "unknown") != 0;
}

/* Over what was there: no more than fits, each line cleared behind its end. */
static void
draw(const char *text, const char *head)
{
	struct winsize w = { 0 };
	unsigned rows = ROWS, columns = COLUMNS, row = 0, more = 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 2 && w.ws_col > 8) {
		rows = w.ws_row;
		columns = w.ws_col;
	}
	printf("\033[H%.*s\033[K\n", (int)columns, head);
	for (const char *p = text; *p != '\0';) {
		size_t n = strcspn(p, "\n");

		if (row + 3 < rows)
			printf("%.*s\033[K\n", n < columns ? (int)n : (int)columns, p);
		else
			more++;
		row++;
		p += n + (p[n] == '\n');
	}
	if (more > 0)
		printf("(%u more lines)", more);
	printf("\033[J");
	if (more > 0)
		printf("\n");
}

static enum nc_exit
watch(struct nc *nc, const char *line, unsigned interval_s)
{
	struct timespec slice = { .tv_nsec = 50 * 1000 * 1000 };
	struct text answer = { 0 };
	enum nc_exit status = NC_DONE;
	bool drawn = can_draw(), first = true;

	while (nc->interrupt == 0 && !ferror(stdout)) {
		instant next = instant_add(when_now(), (int64_t)interval_s * 1000);
		char head[160], time_text[32];

		text_clear(&answer);
		nc->capture = &answer;
		status = nc_server(nc, line);
		nc->capture = NULL;
		if (nc->interrupt != 0)
			break;
		/* The line itself is wrong, or nobody is there to ask: that will not get better. */
		if (first && status != NC_DONE && status != NC_FAILED) {
			fputs(text_str(&answer), stdout);
			break;
		}
		snprintf(head, sizeof(head), "%s  %.100s  (each %u s, Ctrl-C ends)",
			when_vms(time_text, sizeof(time_text), when_wall()), line, interval_s);
		if (drawn && first)
			printf("\033[2J");
		if (drawn)
			draw(text_str(&answer), head);
		else
			printf("%s%s\n%s", first ? "" : "\n", head, text_str(&answer));
		if (fflush(stdout) != 0)
			break;
		first = false;
		while (!instant_reached(next, when_now()) && nc->interrupt == 0)
			nanosleep(&slice, NULL);
	}
	text_free(&answer);
	/* Who ends it has seen what was wanted. */
	return nc->interrupt != 0 ? NC_DONE : status;
}

bool
nc_watch(struct nc *nc, const char *line, enum nc_exit *status)
{
	unsigned long interval = INTERVAL_S;
	struct text rest = { 0 };
	const char *at, *value = NULL;
	char *end = NULL;
	size_t n = 0;

	at = find_watch(line, &n, &value);
	if (at == NULL || !is_show(line))
		return false;
	if (value != NULL)
		interval = strtoul(value, &end, 10);
	if (interval < 1 || interval > INTERVAL_MAX_S || (value != NULL && end != at + n)) {
		*status = nc_say(NC_USAGE, ST_VALREQ, "/WATCH=seconds, from 1 to %d",
			INTERVAL_MAX_S);
		return true;
	}
	text_add_n(&rest, line, (size_t)(at - line));
	text_add(&rest, at + n);
	*status = watch(nc, text_str(&rest), (unsigned)interval);
	if (nc->interactive && nc->interrupt != 0) {
		printf("\n"); /* behind the terminal's ^C */
		nc->interrupt = 0;
	}
	text_free(&rest);
	return true;
}
