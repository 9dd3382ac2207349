/*
 * nc_line_none.c - lines as the terminal's driver edits them (make LINE=none).
 *
 * Called by nc_interactive.c where neither readline nor libedit is wanted.  There is no completion
 * and no recall; a line that ends with `?` still lists what may come next.
 */
#include "netcontrol/nc_line.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLICE_MS = 100 };

const char nc_line_editor[] = "none";

static struct nc *the_console;
static char input[NC_LINE_MAX]; /* read and not yet used: more lines than one may come at once */
static size_t have;

void
nc_line_open(struct nc *nc)
{
	the_console = nc;
}

void
nc_line_close(void)
{
}

/* The first line of the input, taken out; NULL: none is whole yet. */
static char *
take_line(void)
{
	size_t n = 0;
	char *line;

	while (n < have && input[n] != '\n' && input[n] != NC_CONTROL_Z)
		n++;
	if (n == have && have < sizeof(input))
		return NULL;
	if (n < have && input[n] == NC_CONTROL_Z)
		the_console->quit = true;
	line = strndup(input, n);
	n += n < have;
	memmove(input, input + n, have - n);
	have -= n;
	return line;
}

char *
nc_line_read(const char *prompt, const char *fresh)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char *line;

	printf("%s", prompt);
	fflush(stdout);
	while ((line = take_line()) == NULL) {
		int ready = poll(&p, 1, SLICE_MS);
		ssize_t n;

		if (nc_dropped(the_console)) {
			printf("\n%s", fresh);
			fflush(stdout);
			have = 0;
			prompt = fresh;
			if (fresh[0] == '\0')
				return NULL;
		}
		if (ready <= 0 && nc_idle(the_console, "\n")) {
			printf("%s", prompt);
			fflush(stdout);
		}
		if (ready <= 0)
			continue;
		n = read(STDIN_FILENO, input + have, sizeof(input) - have);
		if (n == 0 || (n < 0 && errno != EINTR))
			return NULL;
		have += n > 0 ? (size_t)n : 0;
	}
	if (the_console->quit) {
		free(line);
		return NULL;
	}
	return line;
}

void
nc_line_remember(const char *line)
{
	(void)line;
}
