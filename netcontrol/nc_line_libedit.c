/*
 * nc_line_libedit.c - lines edited with libedit (make LINE=libedit).
 *
 * The only file that knows libedit.  Called by nc_interactive.c.  libedit has no hook for the time
 * between keys, so keys are read here, and news are looked for while waiting for one.
 */
#include "netcontrol/nc_line.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <histedit.h>

enum { SLICE_MS = 100 };

const char nc_line_editor[] = "libedit";

static struct nc *the_console; /* libedit's functions get no argument of ours */
static EditLine *editor;
static History *history_of;
static HistEvent event;
static const char *shown_prompt, *fresh_prompt;
static bool was_dropped;

static char *
prompt_of(EditLine *el)
{
	static char copy[NC_PROMPT_MAX];

	(void)el;
	snprintf(copy, sizeof(copy), "%s", shown_prompt);
	return copy;
}

/* What stands before the cursor, to be freed. */
static char *
line_so_far(EditLine *el)
{
	const LineInfo *l = el_line(el);

	return strndup(l->buffer, (size_t)(l->cursor - l->buffer));
}

/* ------------------------------------------------------------------ keys */

/* How many octets all words begin with alike, in any case. */
static size_t
common(const char *words)
{
	size_t n = strcspn(words, "\n");

	for (const char *p = words; *p != '\0';) {
		size_t same = 0;

		while (same < n && p[same] != '\n' && ((p[same] ^ words[same]) & ~0x20) == 0)
			same++;
		n = same;
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return n;
}

static unsigned char
complete(EditLine *el, int key)
{
	char *line = line_so_far(el), word[256];
	struct text words = { 0 };
	size_t start = 0, n, typed;
	const char *first;
	bool single;

	(void)key;
	if (line == NULL)
		return CC_ERROR;
	nc_matches(the_console, line, &start, &words);
	first = text_str(&words);
	n = words.n > 0 ? common(first) : 0;
	typed = strlen(line) - start;
	single = words.n > 0 && first[strcspn(first, "\n") + 1] == '\0';
	if (n >= sizeof(word) - 2 || (!single && n <= typed)) {
		printf("\n");
		nc_show_candidates(the_console, line);
		el_set(el, EL_REFRESH);
		n = 0;
	}
	if (n > 0) {
		snprintf(word, sizeof(word), "%.*s%s", (int)n, first,
			single && first[n - 1] != '=' ? " " : "");
		el_deletestr(el, (int)typed);
		el_insertstr(el, word);
	}
	text_free(&words);
	free(line);
	return CC_REDISPLAY;
}

static unsigned char
question(EditLine *el, int key)
{
	char *line = line_so_far(el);

	(void)key;
	if (line == NULL)
		return CC_ERROR;
	if (nc_in_quotes(line, strlen(line))) {
		free(line);
		return el_insertstr(el, "?") == 0 ? CC_REFRESH : CC_ERROR;
	}
	printf("?\n");
	nc_show_candidates(the_console, line);
	free(line);
	return CC_REDISPLAY;
}

/* libedit gives the terminal's keys their usual meanings back, Ctrl-Z's too, for each line. */
static void
take_suspend(void)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &t) != 0 || t.c_cc[VSUSP] == _POSIX_VDISABLE)
		return;
	t.c_cc[VSUSP] = _POSIX_VDISABLE;
	if ((t.c_lflag & ICANON) != 0)
		t.c_cc[VEOL] = NC_CONTROL_Z;
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

/*
 * The next key; Ctrl-C ends the line as it is, and nc_line_read begins a new one.  Ctrl-Z is taken
 * here, as on a dumb terminal libedit looks at no key.
 */
static int
next_key(EditLine *el, wchar_t *out)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char bytes[8];
	size_t n = 0;
	wchar_t wide;

	take_suspend();
	for (;;) {
		int ready = poll(&p, 1, SLICE_MS);

		if (nc_dropped(the_console)) {
			was_dropped = true;
			return 0;
		}
		if (ready <= 0 && nc_idle(the_console, "\r\n"))
			el_set(el, EL_REFRESH);
		if (ready <= 0)
			continue;
		if (read(STDIN_FILENO, bytes + n, 1) != 1)
			return errno == EINTR ? -1 : 0;
		if (bytes[n++] == NC_CONTROL_Z) {
			the_console->quit = true;
			return 0;
		}
		if (mbtowc(&wide, bytes, n) >= 0) {
			*out = n == 1 && bytes[0] == '\0' ? L'\0' : wide;
			return 1;
		}
		if (n == sizeof(bytes) - 1)
			n = 0; /* no character: dropped */
	}
}

/* ------------------------------------------------------------------ the terminal */

void
nc_line_open(struct nc *nc)
{
	the_console = nc;
	editor = el_init("netcontrol", stdin, stdout, stderr);
	history_of = history_init();
	if (editor == NULL || history_of == NULL)
		return;
	(void)history(history_of, &event, H_SETSIZE, NC_HISTORY_MAX);
	el_set(editor, EL_EDITOR, "emacs");
	el_set(editor, EL_PROMPT, prompt_of);
	el_set(editor, EL_HIST, history, history_of);
	el_set(editor, EL_GETCFN, next_key);
	el_set(editor, EL_ADDFN, "nc-complete", "complete the word", complete);
	el_set(editor, EL_ADDFN, "nc-question", "list what may come next", question);
	el_set(editor, EL_BIND, "\t", "nc-complete", NULL);
	el_set(editor, EL_BIND, "?", "nc-question", NULL);
}

void
nc_line_close(void)
{
	if (history_of != NULL)
		history_end(history_of);
	if (editor != NULL)
		el_end(editor);
	history_of = NULL;
	editor = NULL;
}

char *
nc_line_read(const char *prompt, const char *fresh)
{
	const char *line;
	int n = 0;

	shown_prompt = prompt;
	fresh_prompt = fresh;
	do {
		was_dropped = false;
		line = editor != NULL ? el_gets(editor, &n) : NULL;
		if (was_dropped) {
			printf("\n");
			if (fresh_prompt[0] == '\0')
				return NULL;
			shown_prompt = fresh_prompt;
			el_set(editor, EL_UNBUFFERED, 0);
		}
	} while (was_dropped);
	if (line == NULL || n <= 0 || the_console->quit)
		return NULL;
	return strndup(line, (size_t)n - (line[n - 1] == '\n'));
}

void
nc_line_remember(const char *line)
{
	if (history_of != NULL)
		(void)history(history_of, &event, H_ENTER, line);
}
