/*
 * nc_interactive.c - the conversation with a person: prompts, continuation, history, completion.
 *
 * Called by main at a terminal.  Editing a line is nc_line.h's; what may come next is asked of the
 * server, so the console knows no verb of any service.  The history is a file of the user's, closed
 * to others, each line added when it is typed, so that several consoles and a lost one keep theirs.
 */
#include "netcontrol/nc_line.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { HISTORY_LINE_MAX = NC_LINE_MAX, HISTORY_FILE_MAX = 4 << 20 };

static struct text *pending;             /* the command that the line being typed continues */
static char history_path[NC_PATH_MAX];   /* "" none */
static char last_line[HISTORY_LINE_MAX]; /* what was remembered last */

/* ------------------------------------------------------------------ completion */

static bool
has_letter(const char *s, char from, char to)
{
	for (; *s != '\0'; s++)
		if (*s >= from && *s <= to)
			return true;
	return false;
}

/* What a candidate's line puts in: without the `/` that is typed already and without its value. */
static void
add_match(struct text *out, const char *line, size_t n, bool slash, bool lower, const char *prefix)
{
	char word[256];
	size_t end = 0;

	line += slash;
	n -= slash;
	while (end < n && strchr("\t[=", line[end]) == NULL)
		end++;
	end += end < n && line[end] == '=';
	if (end >= sizeof(word))
		return;
	memcpy(word, line, end);
	word[end] = '\0';
	for (char *p = word; lower && *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	if (text_prefix(prefix, word))
		text_addf(out, "%s\n", word);
}

void
nc_matches(struct nc *nc, const char *line, size_t *start, struct text *out)
{
	/* Keywords come in the case typed: lower if the line has lower-case letters only. */
	bool lower = has_letter(line, 'a', 'z') && !has_letter(line, 'A', 'Z'), after_slash;
	struct text candidates = { 0 };

	*start = strlen(line);
	while (*start > 0 && strchr(NC_WORD_BREAKS, line[*start - 1]) == NULL)
		(*start)--;
	after_slash = *start > 0 && line[*start - 1] == '/';
	nc_candidates(nc, line, &candidates);
	for (const char *p = text_str(&candidates); *p != '\0';) {
		size_t n = strcspn(p, "\n");

		/* Qualifiers come only where a `/` asks for one, or every Tab would begin one. */
		if (p[0] != '<' && (p[0] != '/' || after_slash))
			add_match(out, p, n, after_slash && p[0] == '/', lower, line + *start);
		p += n + (p[n] == '\n');
	}
	text_free(&candidates);
}

bool
nc_in_quotes(const char *line, size_t n)
{
	bool quoted = false;

	for (size_t i = 0; i < n; i++)
		quoted = quoted != (line[i] == '"');
	return quoted;
}

bool
nc_dropped(struct nc *nc)
{
	if (nc->interrupt == 0)
		return false;
	nc->interrupt = 0;
	if (pending != NULL)
		text_clear(pending);
	return true;
}

bool
nc_idle(struct nc *nc, const char *before)
{
	size_t had = nc->conn.n - nc->conn.at;

	if (nc->conn.fd < 0)
		return false;
	if (!nc_conn_fill(&nc->conn)) {
		nc_conn_close(&nc->conn);
		return false;
	}
	if (nc->conn.n - nc->conn.at == had)
		return false;
	fputs(before, stdout);
	nc_news(nc);
	return true;
}

/* ------------------------------------------------------------------ history */

static void
find_history(void)
{
	const char *named = getenv("NETCONTROL_HISTORY"), *home = getenv("HOME");
	int n = 0;

	if (named != NULL)
		n = snprintf(history_path, sizeof(history_path), "%s", named);
	else if (home != NULL && home[0] == '/')
		n = snprintf(history_path, sizeof(history_path), "%s/.netcontrol_history", home);
	if (n <= 0 || (size_t)n >= sizeof(history_path))
		history_path[0] = '\0';
}

/* Only the last lines again; a new file takes the place of the old one at once. */
static void
shorten_history(const char *from)
{
	char path[NC_PATH_MAX + 16];
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s.%ld", history_path, (long)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (f == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	fputs(from, f);
	if (fclose(f) != 0 || rename(path, history_path) != 0)
		unlink(path);
}

/* A file of ours only: what others could write is not recalled, and may be no device or link. */
static FILE *
open_history(const char *mode, int flags)
{
	struct stat st;
	FILE *f;
	int fd;

	if (history_path[0] == '\0')
		return NULL;
	fd = open(history_path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		((st.st_mode & 077) != 0 && fchmod(fd, 0600) != 0))) {
		close(fd);
		fd = -1;
	}
	f = fd >= 0 ? fdopen(fd, mode) : NULL;
	if (f == NULL && fd >= 0)
		close(fd);
	return f;
}

static void
load_history(void)
{
	FILE *f = open_history("r", O_RDONLY);
	size_t lines = 0, skip;
	char *text, *p;
	size_t n;

	if (f == NULL)
		return;
	text = calloc(1, HISTORY_FILE_MAX + 1);
	n = text != NULL ? fread(text, 1, HISTORY_FILE_MAX, f) : 0;
	fclose(f);
	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	skip = lines > NC_HISTORY_MAX ? lines - NC_HISTORY_MAX : 0;
	for (p = text; p != NULL && skip > 0; skip--)
		p = strchr(p, '\n') != NULL ? strchr(p, '\n') + 1 : p;
	if (lines > NC_HISTORY_MAX + NC_HISTORY_MAX / 4)
		shorten_history(p);
	for (char *line; p != NULL && (line = strsep(&p, "\n")) != NULL;)
		if (line[0] != '\0')
			nc_line_remember(line);
	free(text);
}

/* Lines that begin with a blank are not kept: they may hold what nobody else is to read. */
static void
remember(const char *line)
{
	FILE *f;

	if (line[0] == '\0' || line[0] == ' ' || strcmp(line, last_line) == 0 ||
		strlen(line) >= sizeof(last_line))
		return;
	snprintf(last_line, sizeof(last_line), "%s", line);
	nc_line_remember(line);
	f = open_history("a", O_WRONLY | O_APPEND | O_CREAT);
	if (f == NULL)
		return;
	fprintf(f, "%s\n", line);
	fclose(f);
}

/* ------------------------------------------------------------------ the terminal */

static struct termios as_it_was;
static bool terminal_taken;

/*
 * Ctrl-Z leaves the console, so the terminal must not take it for a stop; where the terminal's
 * driver gathers lines, it ends one.  (libedit gives the keys their usual meanings back, so its
 * file says it again.)
 */
static void
open_terminal(struct nc *nc)
{
	struct termios t;

	terminal_taken = tcgetattr(STDIN_FILENO, &as_it_was) == 0;
	nc_line_open(nc);
	if (!terminal_taken || tcgetattr(STDIN_FILENO, &t) != 0)
		return;
	t.c_cc[VSUSP] = _POSIX_VDISABLE;
	t.c_cc[VEOL] = NC_CONTROL_Z;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

static void
close_terminal(void)
{
	nc_line_close();
	if (terminal_taken)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &as_it_was);
}

/* ------------------------------------------------------------------ the conversation */

bool
nc_may_ask(const struct nc *nc)
{
	return nc->interactive && nc->script.depth == 0 && isatty(STDOUT_FILENO);
}

bool
nc_ask(struct nc *nc, const char *what, struct text *line)
{
	size_t n = strcspn(what, ">\t\n ].");
	char prompt[NC_PROMPT_MAX];
	struct text *before = pending, nothing = { 0 };
	char *answer;
	bool given;

	snprintf(prompt, sizeof(prompt), "_%c%.*s: ",
		what[0] >= 'a' && what[0] <= 'z' ? what[0] - 'a' + 'A' : what[0],
		n > 0 ? (int)n - 1 : 0, what + (n > 0));
	/* Ctrl-C at this prompt leaves the question unanswered. */
	pending = &nothing;
	answer = nc_line_read(prompt, "");
	if (answer == NULL)
		printf("\n"); /* nobody ended the prompt's line */
	pending = before;
	given = answer != NULL && answer[strspn(answer, " \t")] != '\0';
	if (given)
		text_add(line, answer);
	free(answer);
	/* Ctrl-Z gives up on the command, not on the console. */
	nc->quit = false;
	nc->interrupt = 0;
	return given;
}

/* One command with its continuations; false at the end of input. */
static bool
read_command(struct nc *nc, struct text *command)
{
	char prompt[NC_PROMPT_MAX], fresh[NC_PROMPT_MAX];
	bool more = false;
	char *line;

	text_clear(command);
	pending = command;
	nc_prompt(nc, fresh, sizeof(fresh), false);
	do {
		nc_prompt(nc, prompt, sizeof(prompt), more);
		line = nc_line_read(prompt, fresh);
		if (line == NULL || nc->quit) {
			printf("\n");
			free(line);
			return false;
		}
		remember(line);
		more = nc_join(command, line);
		free(line);
	} while (more);
	return true;
}

enum nc_exit
nc_interactive(struct nc *nc)
{
	struct text command = { 0 };
	enum nc_exit result;

	open_terminal(nc);
	find_history();
	load_history();
	if (nc->config == NULL)
		(void)nc_connect(nc, false);
	nc->status = NC_DONE;
	if (nc->config == NULL)
		nc_startup(nc);
	while (!nc->quit) {
		nc->interrupt = 0;
		if (!read_command(nc, &command)) {
			bool only = nc->config == NULL || nc->config_only;

			/* Ctrl-Z in the configuration mode leaves that. */
			nc->status = nc_config_end(nc, nc->status);
			nc->quit = only && nc->quit;
			if (only)
				break;
			continue;
		}
		nc->interrupt = 0;
		nc->ended = false;
		if (command.failed)
			result = nc->status = nc_say(NC_USAGE, ST_LINELONG, NULL);
		else
			result = nc_run(nc, text_str(&command));
		command.failed = false;
		nc_mark(nc, result);
	}
	close_terminal();
	text_free(&command);
	return nc->quit ? nc->status : NC_DONE;
}
