/*
 * nc_readline.c - the console at a terminal: editing, history, completion and `?`.
 *
 * The only file that knows readline.  Called by main when a person types.  What may come next is
 * asked of the server, so the console knows no verb of any service.
 */
#include "netcontrol/nc_console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

enum { HISTORY_MAX = 1000, CONTROL_Z = 26 };

static struct nc *the_console; /* readline's hooks get no argument of ours */
static struct text candidates; /* lines of the completion under way */
static struct text *pending;   /* the command that the line being typed continues */
static bool lower_case;        /* its keywords are to be in lower case */

/* ------------------------------------------------------------------ completion */

static bool
has_letter(const char *s, size_t n, char from, char to)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] >= from && s[i] <= to)
			return true;
	return false;
}

/* Keywords come in the case that is being typed: lower if the line has lower-case letters only. */
static bool
wants_lower(const char *line)
{
	size_t n = strlen(line);

	return has_letter(line, n, 'a', 'z') && !has_letter(line, n, 'A', 'Z');
}

/* What a candidate's line puts in: without the `/` that is typed already and without its value. */
static char *
insertion(const char *line, size_t n, bool slash, bool lower)
{
	size_t end = 0;
	char *word;

	line += slash;
	n -= slash;
	while (end < n && strchr("\t[=", line[end]) == NULL)
		end++;
	end += end < n && line[end] == '=';
	word = strndup(line, end);
	for (char *p = word; lower && p != NULL && *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return word;
}

/* One word for readline from the next line of candidates; *at moves on. */
static char *
next_candidate(const char **at, const char *prefix)
{
	int start = rl_point - (int)strlen(prefix);
	bool after_slash = start > 0 && rl_line_buffer[start - 1] == '/';

	while (**at != '\0') {
		const char *p = *at;
		size_t n = strcspn(p, "\n");
		char *word;

		*at = p + n + (p[n] == '\n');
		/* Qualifiers come only where a `/` asks for one, or every Tab would begin one. */
		if (p[0] == '<' || (p[0] == '/' && !after_slash))
			continue;
		word = insertion(p, n, after_slash && p[0] == '/', lower_case);
		if (word != NULL && text_prefix(prefix, word)) {
			/* A value follows at once. */
			if (word[0] != '\0' && word[strlen(word) - 1] == '=')
				rl_completion_append_character = '\0';
			return word;
		}
		free(word);
	}
	return NULL;
}

static char *
generate(const char *prefix, int state)
{
	static const char *at;

	if (state == 0)
		at = text_str(&candidates);
	return next_candidate(&at, prefix);
}

static void
show_at(int point)
{
	char *line = strndup(rl_line_buffer, (size_t)point);

	if (line != NULL)
		nc_show_candidates(the_console, line);
	free(line);
}

/* Instead of readline's bare list: with what each is. */
static void
show_matches(char **matches, int count, int longest)
{
	(void)matches;
	(void)count;
	(void)longest;
	printf("\n");
	show_at(rl_point);
	rl_forced_update_display();
}

static char **
complete(const char *word, int start, int end)
{
	char *line = strndup(rl_line_buffer, (size_t)end);
	char **matches;

	(void)start;
	rl_attempted_completion_over = 1; /* no file names */
	rl_completion_append_character = ' ';
	text_clear(&candidates);
	if (line == NULL)
		return NULL;
	nc_candidates(the_console, line, &candidates);
	lower_case = wants_lower(line);
	free(line);
	matches = rl_completion_matches(word, generate);
	/* Only values can follow: say which. */
	if (matches == NULL && candidates.n > 0)
		show_matches(NULL, 0, 0);
	return matches;
}

/* `?` lists what may come next; inside quotes it is only itself. */
static int
question(int count, int key)
{
	bool quoted = false;

	for (int i = 0; i < rl_point; i++)
		quoted = quoted != (rl_line_buffer[i] == '"');
	if (quoted)
		return rl_insert(count, key);
	printf("?\n");
	show_at(rl_point);
	rl_on_new_line();
	rl_redisplay();
	return 0;
}

static int
leave(int count, int key)
{
	(void)count;
	(void)key;
	the_console->quit = true;
	rl_done = 1;
	return 0;
}

/* Ctrl-C drops the line, and what it continues; what is typed behind it counts. */
static void
drop_line(void)
{
	char prompt[NC_PROMPT_MAX];

	if (the_console->interrupt == 0)
		return;
	the_console->interrupt = 0;
	text_clear(pending);
	nc_prompt(the_console, prompt, sizeof(prompt), false);
	rl_replace_line("", 1);
	rl_set_prompt(prompt);
	rl_crlf();
	rl_on_new_line();
	rl_redisplay();
}

static int
next_key(FILE *in)
{
	int key = rl_getc(in);

	drop_line();
	return key;
}

/* Between keys: lines that nobody asked for. */
static int
idle(void)
{
	size_t before = the_console->conn.n - the_console->conn.at;

	drop_line();
	if (the_console->conn.fd < 0)
		return 0;
	if (!nc_conn_fill(&the_console->conn)) {
		nc_conn_close(&the_console->conn);
		return 0;
	}
	if (the_console->conn.n - the_console->conn.at == before)
		return 0;
	printf("\r\n");
	nc_news(the_console);
	rl_on_new_line();
	rl_redisplay();
	return 0;
}

/* ------------------------------------------------------------------ history and terminal */

static bool
history_file(char *buf, size_t size)
{
	const char *home = getenv("HOME");
	int n;

	if (home == NULL || home[0] != '/')
		return false;
	n = snprintf(buf, size, "%s/.netcontrol_history", home);
	return n > 0 && (size_t)n < size;
}

/* Ctrl-Z leaves the console, so the terminal must not take it for a stop; restored at the end. */
static void
take_suspend(struct termios *old, bool *taken)
{
	struct termios t;

	*taken = tcgetattr(STDIN_FILENO, old) == 0;
	if (!*taken)
		return;
	t = *old;
	t.c_cc[VSUSP] = _POSIX_VDISABLE;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

static void
setup(void)
{
	rl_readline_name = "netcontrol";
	rl_attempted_completion_function = complete;
	rl_completer_word_break_characters = " \t\"/=(,";
	rl_basic_quote_characters = "\"";
	rl_catch_signals = 1;
	rl_event_hook = idle;
	rl_getc_function = next_key;
	rl_completion_display_matches_hook = show_matches;
	rl_variable_bind("show-all-if-ambiguous", "on");
	rl_variable_bind("enable-bracketed-paste", "off");
	rl_bind_key('?', question);
	rl_bind_key(CONTROL_Z, leave);
	using_history();
	stifle_history(HISTORY_MAX);
}

static void
remember(const char *line)
{
	HIST_ENTRY *last = history_length > 0 ? history_get(history_base + history_length - 1) :
						NULL;

	if (line[0] != '\0' && (last == NULL || strcmp(last->line, line) != 0))
		add_history(line);
}

/* One command with its continuations; false at the end of input. */
static bool
read_command(struct nc *nc, struct text *command)
{
	char prompt[NC_PROMPT_MAX];
	bool more = false;
	char *line;

	text_clear(command);
	pending = command;
	do {
		nc_prompt(nc, prompt, sizeof(prompt), more);
		line = readline(prompt);
		if (line == NULL) {
			printf("\n");
			return false;
		}
		if (nc->quit) {
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
	char history[NC_PATH_MAX];
	struct termios old;
	bool kept = history_file(history, sizeof(history)), taken;

	the_console = nc;
	setup();
	if (kept)
		(void)read_history(history);
	take_suspend(&old, &taken);
	(void)nc_connect(nc, false);
	nc->status = NC_DONE;
	while (!nc->quit) {
		nc->interrupt = 0;
		if (!read_command(nc, &command))
			break;
		nc->interrupt = 0;
		nc->ended = false;
		if (command.failed)
			nc->status = nc_say(NC_USAGE, ST_LINELONG, NULL);
		else
			(void)nc_run(nc, text_str(&command));
		command.failed = false;
	}
	if (taken)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
	if (kept)
		(void)write_history(history);
	clear_history();
	text_free(&command);
	text_free(&candidates);
	return nc->quit ? nc->status : NC_DONE;
}
