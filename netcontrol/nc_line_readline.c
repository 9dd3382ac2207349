/*
 * nc_line_readline.c - lines edited with GNU readline (make LINE=readline, the default).
 *
 * The only file that knows readline.  Called by nc_interactive.c.
 */
#include "netcontrol/nc_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/history.h>
#include <readline/readline.h>

const char nc_line_editor[] = "readline";

static struct nc *the_console; /* readline's hooks get no argument of ours */
static struct text matches;    /* words of the completion under way */
static const char *fresh_prompt;

/* ------------------------------------------------------------------ completion */

static char *
generate(const char *prefix, int state)
{
	static const char *at;
	size_t n;
	char *word;

	(void)prefix;
	if (state == 0)
		at = text_str(&matches);
	if (*at == '\0')
		return NULL;
	n = strcspn(at, "\n");
	word = strndup(at, n);
	at += n + (at[n] == '\n');
	/* A value follows at once. */
	if (n > 0 && at[-2] == '=')
		rl_completion_append_character = '\0';
	return word;
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
show_matches(char **found, int count, int longest)
{
	(void)found;
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
	char **found;
	size_t at;

	(void)start;
	rl_attempted_completion_over = 1; /* no file names */
	rl_completion_append_character = ' ';
	text_clear(&matches);
	if (line == NULL)
		return NULL;
	nc_matches(the_console, line, &at, &matches);
	free(line);
	found = rl_completion_matches(word, generate);
	/* Only values can follow: say which. */
	if (found == NULL)
		show_matches(NULL, 0, 0);
	return found;
}

/* `?` lists what may come next; inside quotes it is only itself. */
static int
question(int count, int key)
{
	if (nc_in_quotes(rl_line_buffer, (size_t)rl_point))
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
	if (!nc_dropped(the_console))
		return;
	rl_replace_line("", 1);
	rl_crlf();
	if (fresh_prompt[0] == '\0') {
		rl_done = 1; /* a question that is not answered */
		return;
	}
	rl_set_prompt(fresh_prompt);
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
	drop_line();
	if (nc_idle(the_console, "\r\n")) {
		rl_on_new_line();
		rl_redisplay();
	}
	return 0;
}

/* ------------------------------------------------------------------ the terminal */

void
nc_line_open(struct nc *nc)
{
	the_console = nc;
	rl_readline_name = "netcontrol";
	rl_attempted_completion_function = complete;
	rl_completer_word_break_characters = NC_WORD_BREAKS;
	rl_basic_quote_characters = "\"";
	rl_catch_signals = 1;
	rl_event_hook = idle;
	rl_getc_function = next_key;
	rl_completion_display_matches_hook = show_matches;
	rl_variable_bind("show-all-if-ambiguous", "on");
	rl_variable_bind("enable-bracketed-paste", "off");
	rl_bind_key('?', question);
	rl_bind_key(NC_CONTROL_Z, leave);
	using_history();
	stifle_history(NC_HISTORY_MAX);
}

void
nc_line_close(void)
{
	clear_history();
	text_free(&matches);
}

char *
nc_line_read(const char *prompt, const char *fresh)
{
	char *line;

	fresh_prompt = fresh;
	line = readline(prompt);
	if (the_console->quit) {
		free(line);
		return NULL;
	}
	return line;
}

void
nc_line_remember(const char *line)
{
	add_history(line);
}
