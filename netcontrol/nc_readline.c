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

/* ------------------------------------------------------------------ completion */

/* One word for readline from the next line of candidates; *at moves on. */
static char *
next_candidate(const char **at, const char *prefix)
{
	while (**at != '\0') {
		const char *p = *at;
		size_t n = strcspn(p, "\n"), word = strcspn(p, "\t\n=");
		char *copy;

		*at = p + n + (p[n] == '\n');
		if (p[0] == '<' || !text_prefix(prefix, p))
			continue;
		copy = strndup(p, word + (p[word] == '='));
		return copy;
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
ask_candidates(int end)
{
	char *line = strndup(rl_line_buffer, (size_t)end);
	bool dollar;

	text_clear(&candidates);
	if (line == NULL)
		return;
	(void)nc_complete(the_console, nc_body(line, &dollar), &candidates);
	/* The console's own commands, where the first word is being typed. */
	if (strcspn(nc_body(line, &dollar), " \t/") == strlen(nc_body(line, &dollar)))
		for (const struct verb *v = nc_local_verbs; v->name != NULL; v++)
			if (text_prefix(nc_body(line, &dollar), v->name))
				text_addf(&candidates, "%s\t%s\n", v->name, v->help);
	free(line);
}

static char **
complete(const char *word, int start, int end)
{
	(void)start;
	rl_attempted_completion_over = 1; /* no file names */
	ask_candidates(end);
	return rl_completion_matches(word, generate);
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
	ask_candidates(rl_point);
	printf("?\n");
	for (const char *p = text_str(&candidates); *p != '\0';) {
		size_t n = strcspn(p, "\n"), word = strcspn(p, "\t\n");

		printf("  %-24.*s %.*s\n", (int)word, p, (int)(n > word ? n - word - 1 : 0),
			p + word + (n > word));
		p += n + (p[n] == '\n');
	}
	fflush(stdout);
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

/* Between keys: lines that nobody asked for. */
static int
idle(void)
{
	size_t before = the_console->conn.n - the_console->conn.at;

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
	rl_completer_word_break_characters = " \t\"=(,";
	rl_basic_quote_characters = "\"";
	rl_catch_signals = 1;
	rl_event_hook = idle;
	rl_bind_key('?', question);
	rl_bind_key(CONTROL_Z, leave);
	using_history();
	stifle_history(HISTORY_MAX);
}

/* One command with its continuations; false at the end of input. */
static bool
read_command(struct nc *nc, struct text *command)
{
	char prompt[NC_PROMPT_MAX];
	bool more = false;
	char *line;

	text_clear(command);
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
		if (line[0] != '\0')
			add_history(line);
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
	while (!nc->quit && read_command(nc, &command)) {
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
