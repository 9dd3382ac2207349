/*
 * netcontrol_main.c - the NETCONTROL console: options, then one command, a script, or a person.
 *
 *	netcontrol [/SOCKET=path] [/TIMEOUT=seconds] [-c command]… [command…]
 *
 * With a command it runs that; without one it talks to the terminal, or runs its standard input as
 * a script that stops at the first error.  Called by the name server-config it begins in the
 * configuration mode.  Exit status: 0 done, 1 command failed, 2 usage, 3 no
 * server, 4 not permitted, 5 timed out.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netcontrol/nc_console.h"

enum { TIMEOUT_MAX = 86400, COMMANDS_MAX = 256 };

static const char *given[COMMANDS_MAX]; /* of -c, in their order */
static size_t given_count;

static struct nc console;

static void
on_interrupt(int number)
{
	(void)number;
	console.interrupt = 1;
}

static void
usage(FILE *to)
{
	fputs("usage: netcontrol [/HOST=name | /SOCKET=path] [/TIMEOUT=seconds] [command "
	      "[parameter...]]\n"
	      "  netcontrol                     talk to the server (or read commands from a pipe)\n"
	      "  netcontrol racoon show         one command\n"
	      "  netcontrol @file [p1 ... p8]   run a command procedure\n"
	      "  netcontrol -c 'select racoon' -c show    several, up to the first that fails\n"
	      "  /HOST=name[:port]              ask a server on another host, over TLS\n"
	      "  /HOST=(name,name,...)          one command on several hosts at the same time\n"
	      "  -H NAME, -s PATH, -t SECONDS   the same as /HOST, /SOCKET and /TIMEOUT\n"
	      "  -e  end marks: behind each answer a line `%END status reply message`\n"
	      "  -q  quiet: no messages of success\n"
	      "  --completion bash|zsh|fish     print the completion for a shell\n"
	      "  --messages                     print every message, in Markdown\n"
	      "  -h, --help; -V, --version      print this, or the version\n"
	      "Exit status: 0 done, 1 command failed, 2 usage, 3 no server,\n"
	      "4 not permitted, 5 timed out.\n", to);
}

static bool
set_timeout(const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*end != '\0' || value[0] == '-' || n < 1 || n > TIMEOUT_MAX) {
		fprintf(stderr,
			"netcontrol: /TIMEOUT=%s: a number of seconds from 1 to %d is expected\n",
			value, TIMEOUT_MAX);
		return false;
	}
	console.timeout_s = (unsigned)n;
	return true;
}

/* /SOC=… and the like: the value, when arg is this qualifier (four letters are enough). */
static const char *
qualifier(const char *arg, const char *name)
{
	const char *equal = strchr(arg, '=');
	char typed[16];

	if (arg[0] != '/' || equal == NULL || equal - arg - 1 < 3 ||
		equal - arg - 1 >= (ptrdiff_t)sizeof(typed))
		return NULL;
	snprintf(typed, sizeof(typed), "%.*s", (int)(equal - arg - 1), arg + 1);
	return text_prefix(typed, name) ? equal + 1 : NULL;
}

/* Options before the command. The index of what follows them, or -1 with *status. */
static int
read_options(int argc, char **argv, int *status)
{
	int i;

	*status = NC_USAGE;
	for (i = 1; i < argc && (argv[i][0] == '-' || argv[i][0] == '/'); i++) {
		const char *arg = argv[i], *value;

		if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
			usage(stdout);
			*status = NC_DONE;
			return -1;
		}
		if (strcmp(arg, "--version") == 0 || strcmp(arg, "-V") == 0) {
			printf("netcontrol %s\n", MULTINET_VERSION);
			*status = NC_DONE;
			return -1;
		}
		if (strcmp(arg, "--completion") == 0) {
			*status = (int)nc_completion(i + 1 < argc ? argv[i + 1] : "");
			return -1;
		}
		if (strcmp(arg, "--complete") == 0) {
			nc_completion_words(&console, i + 1 < argc ? argv[i + 1] : "");
			*status = NC_DONE;
			return -1;
		}
		if (strcmp(arg, "--messages") == 0) {
			nc_message_list();
			*status = NC_DONE;
			return -1;
		}
		if (strcmp(arg, "-e") == 0) {
			console.marks = true;
		} else if (strcmp(arg, "-q") == 0) {
			console.quiet = true;
			nc_message_quiet();
		} else if (strcmp(arg, "-c") == 0 && i + 1 < argc) {
			if (given_count == COMMANDS_MAX) {
				fprintf(stderr, "netcontrol: -c: at most %d\n", COMMANDS_MAX);
				return -1;
			}
			given[given_count++] = argv[++i];
		} else if ((value = qualifier(arg, "SOCKET")) != NULL) {
			console.socket = value;
		} else if ((value = qualifier(arg, "HOST")) != NULL) {
			console.host = value;
		} else if (strcmp(arg, "-H") == 0 && i + 1 < argc) {
			console.host = argv[++i];
		} else if ((value = qualifier(arg, "TIMEOUT")) != NULL) {
			if (!set_timeout(value))
				return -1;
		} else if (strcmp(arg, "-s") == 0 && i + 1 < argc) {
			console.socket = argv[++i];
		} else if (strcmp(arg, "-t") == 0 && i + 1 < argc) {
			if (!set_timeout(argv[++i]))
				return -1;
		} else {
			fprintf(stderr, "netcontrol: %s is no option\n", arg);
			usage(stderr);
			return -1;
		}
	}
	return i;
}

/* "/tmp/new.pcap" and not "/FULL/FORMAT=JSON": it is there, or its directory is. */
static bool
is_path(const char *word)
{
	char directory[PATH_MAX];
	const char *last = strrchr(word, '/');

	if (word[0] != '/' || strlen(word) >= sizeof(directory))
		return false;
	snprintf(directory, sizeof(directory), "%.*s", (int)(last - word), word);
	return access(word, F_OK) == 0 || (last > word && access(directory, F_OK) == 0);
}

/* One word of the shell's as one word of ours: quoted where it would be taken for more. */
static void
add_word(struct text *line, const char *word)
{
	bool path = is_path(word);

	if (line->n > 0)
		text_add(line, " ");
	if (word[0] != '\0' && !path && strpbrk(word, " \t\"") == NULL) {
		text_add(line, word);
		return;
	}
	text_add(line, "\"");
	for (; *word != '\0'; word++)
		text_add_n(line, *word == '"' ? "\"\"" : word, *word == '"' ? 2 : 1);
	text_add(line, "\"");
}

static enum nc_exit
one_command(int count, char **words)
{
	struct text line = { 0 };
	enum nc_exit status;

	if (words[0][0] == '@' && words[0][1] != '\0') {
		if (count - 1 > NC_PARAMS)
			return nc_say(NC_USAGE, ST_MAXPARM, "a procedure has at most %d",
				NC_PARAMS);
		return nc_procedure(&console, words[0] + 1, (const char *const *)words + 1,
			(size_t)(count - 1));
	}
	/* One word with blanks is a whole command: netcontrol "racoon show". */
	if (count == 1)
		text_add(&line, words[0]);
	for (int i = 0; i < count && count > 1; i++)
		add_word(&line, words[i]);
	status = nc_run_as_is(&console, text_str(&line));
	if (status == NC_DONE && strlen(words[0]) >= 4 && text_prefix(words[0], "MONITOR") &&
		console.conn.fd >= 0)
		status = nc_monitor(&console);
	text_free(&line);
	nc_mark(&console, status);
	return status;
}

static enum nc_exit
given_commands(void)
{
	enum nc_exit status = NC_DONE;

	for (size_t i = 0; i < given_count && !console.quit && console.interrupt == 0; i++) {
		struct text command = { 0 };

		(void)nc_join(&command, given[i]);
		status = command.failed ? nc_say(NC_USAGE, ST_LINELONG, NULL) :
			nc_run(&console, text_str(&command));
		text_free(&command);
		nc_mark(&console, status);
		if (status != NC_DONE && !console.noon)
			break;
	}
	return status;
}

static enum nc_exit
given_member(void *user)
{
	(void)user;
	return given_commands();
}

struct words {
	int count;
	char **word;
};

static enum nc_exit
one_member(void *user)
{
	struct words *w = user;

	return one_command(w->count, w->word);
}

static enum nc_exit
standard_input(void)
{
	struct text command = { 0 };
	char *line = NULL;
	size_t room = 0;
	enum nc_exit status = NC_DONE;
	bool more = false;
	ssize_t n;

	while (!console.quit && console.interrupt == 0 && (n = getline(&line, &room, stdin)) >= 0) {
		if (!more)
			text_clear(&command);
		if (strlen(line) != (size_t)n) {
			status = nc_say(NC_USAGE, ST_SYNTAX, "NUL octet in the input");
			break;
		}
		more = nc_join(&command, line);
		if (more)
			continue;
		if (command.failed)
			status = nc_say(NC_USAGE, ST_LINELONG, NULL);
		else
			status = nc_run(&console, text_str(&command));
		command.failed = false;
		if (command.n > 0)
			nc_mark(&console, status);
		if (status != NC_DONE && !console.noon)
			break;
	}
	if (more && status == NC_DONE)
		status = nc_run(&console, text_str(&command));
	if (status == NC_DONE && !console.quit && console.script.typed.blocks > 0)
		status = nc_say(NC_USAGE, ST_SYNTAX, "ENDIF is missing at the end of the input");
	free(line);
	text_free(&command);
	return status;
}

static enum nc_exit
run_all(int count, char **words)
{
	struct words w = { count, words };
	bool fleet = console.host != NULL && strpbrk(console.host, "(,") != NULL;

	if (given_count > 0 && count > 0)
		return nc_say(NC_USAGE, ST_MAXPARM, "-c or a command, not both");
	if (fleet && given_count + (size_t)count == 0)
		return nc_say(NC_USAGE, ST_INSFPRM, "/HOST=(...) wants a command");
	console.one_shot = count > 0 && words[0][0] != '@';
	console.interactive = !fleet && count == 0 && given_count == 0 && isatty(STDIN_FILENO);
	if (!console.interactive)
		nc_startup(&console);
	if (console.quit)
		return NC_DONE;
	if (fleet)
		return nc_fleet(&console, console.host, count > 0 ? one_member : given_member, &w);
	if (given_count > 0)
		return given_commands();
	if (count > 0)
		return one_command(count, words);
	return console.interactive ? nc_interactive(&console) : standard_input();
}

/* The configuration mode: called by its name, the words are those of SERVER-CONFIG. */
static enum nc_exit
configure(int count, char **words, enum nc_exit status)
{
	char *all[2] = { (char[]){ "SERVER-CONFIG" }, count > 0 ? words[0] : NULL };

	if (count > 1)
		return nc_say(NC_USAGE, ST_MAXPARM, "one file");
	if (count >= 0) {
		console.one_shot = true;
		status = one_command(count + 1, all);
	}
	if (console.config == NULL)
		return status;
	console.one_shot = false;
	console.config_only = true;
	console.interactive = isatty(STDIN_FILENO);
	return console.interactive ? nc_interactive(&console) : standard_input();
}

static bool
is_called(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash != NULL ? slash + 1 : path, name) == 0;
}

int
main(int argc, char **argv)
{
	struct sigaction interrupt = { .sa_handler = on_interrupt };
	enum nc_exit status;
	int first, early;

	if (!nc_open(&console)) {
		fprintf(stderr, "netcontrol: out of memory\n");
		return NC_FAILED;
	}
	first = read_options(argc, argv, &early);
	if (first < 0) {
		nc_close(&console);
		return early;
	}
	sigaction(SIGINT, &interrupt, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (is_called(argv[0], "server-config")) {
		status = configure(argc - first, argv + first, NC_DONE);
	} else {
		status = run_all(argc - first, argv + first);
		/* SERVER-CONFIG was the command: its own come from where commands come from. */
		if (console.config != NULL && first < argc)
			status = configure(-1, NULL, status);
	}
	status = nc_config_end(&console, status);
	nc_close(&console);
	if (fflush(stdout) != 0 && status == NC_DONE)
		status = NC_FAILED;
	return (int)status;
}
