/*
 * nc_console.h - the console: what a command does, whoever typed it.
 *
 * A command is the console's own (SELECT, DEFINE, SPAWN, @file …), a program's (`$ setkey -D`),
 * or the server's.  Lines are edited by nc_line_*.c, of which one is built: with readline, with
 * libedit, or without either.
 */
#ifndef NETCONTROL_NC_CONSOLE_H
#define NETCONTROL_NC_CONSOLE_H

#include "lib/cmd.h"
#include "lib/verb.h"
#include "logicals/lnm.h"
#include "netcontrol/nc_conn.h"
#include "netcontrol/nc_script.h"

enum nc_exit { /* also the program's exit status */
	NC_DONE = 0,
	NC_FAILED = 1,
	NC_USAGE = 2,
	NC_NOSERVER = 3,
	NC_NOTPERM = 4,
	NC_TIMEOUT = 5,
};

enum { NC_DEFAULT_TIMEOUT_S = 300, NC_PROMPT_MAX = 48, NC_PATH_MAX = 4096 };

enum { /* parts of messages */
	NC_MSG_FACILITY = 1, NC_MSG_SEVERITY = 2, NC_MSG_IDENT = 4, NC_MSG_TEXT = 8, NC_MSG_ALL = 15
};

#define NC_DEFAULT_SOCKET "/run/multinet/netcontrol.sock"

struct nc {
	struct lnm *lnm;
	struct nc_script script;
	struct nc_symbols symbols;
	struct nc_conn conn;
	const char *socket;       /* /SOCKET=path, or NULL */
	const char *host;         /* /HOST=name[:port]: over TLS; NULL: this host */
	unsigned timeout_s;
	char selected[NC_PROMPT_MAX - 8]; /* service, or "" */
	char lookup[NC_PATH_MAX]; /* what the last substitution gave */
	bool interactive;         /* a person types: prompt, `< ` before server lines */
	bool one_shot;            /* one command was given: success is told too */
	bool noon;                /* SET NOON: go on after errors */
	bool verify;              /* SET VERIFY: show the commands of procedures */
	bool quiet;               /* -q: no words about success */
	bool marks;               /* -e: a line that tells where each answer ends */
	struct text *capture;     /* where answers go instead of standard output; NULL */
	bool quit;                /* leave, with status */
	bool ended;               /* EXIT: leave the innermost procedure */
	enum nc_exit status;      /* of the last command */
	bool keep_status;         /* the command under way leaves $STATUS as it was: GOTO, IF … */
	volatile int interrupt;   /* Ctrl-C */
	struct nc_config *config; /* SERVER-CONFIG: the mode is on; NULL: off */
	bool config_only;         /* whoever leaves it leaves the console */
};

bool nc_open(struct nc *nc);
void nc_close(struct nc *nc);

/* Run one command: comments gone, continuations joined. */
enum nc_exit nc_run(struct nc *nc, const char *command);
/* The same without looking for symbols and `$`: words that a shell has already treated. */
enum nc_exit nc_run_as_is(struct nc *nc, const char *command);
/* Run a procedure to its end. */
enum nc_exit nc_procedure(struct nc *nc, const char *spec, const char *const *params, size_t count);
/* The procedure that NETCONTROL_STARTUP names, as a logical name or in the environment. */
void nc_startup(struct nc *nc);
/* Evaluate an expression, with this console's symbols; *rest is what follows. False: it is none. */
bool nc_evaluate(struct nc *nc, const char *p, struct text *out, const char **rest);
void nc_prompt(const struct nc *nc, char *buf, size_t size, bool more);

/* ---- nc_server.c: commands of the server */
const char *nc_socket(struct nc *nc, char *buf, size_t size);
/* A connection to this console's server, /HOST or socket; as nc_conn_open and nc_conn_open_host. */
enum status nc_open_conn(struct nc *nc, struct nc_conn *conn, char *why, size_t why_size)
	ATTR_NODISCARD;
bool nc_connect(struct nc *nc, bool quiet); /* true: connected; else nc->status is set */
enum nc_exit nc_server(struct nc *nc, const char *line);
/* Candidates that may follow the line so far, one a line, to out. */
bool nc_complete(struct nc *nc, const char *line, struct text *out);
/* Show `+` lines that came without being asked for. */
void nc_news(struct nc *nc);
enum nc_exit nc_monitor(struct nc *nc); /* show them until interrupted */
/* The exit status that an answer's code stands for. */
enum nc_exit nc_exit_of(unsigned code);

/* ---- nc_message.c */
/* Say a condition on standard error. */
enum nc_exit nc_say(enum nc_exit status, enum status condition, const char *fmt, ...)
	ATTR_PRINTF(3, 4);
void nc_message_parts(unsigned parts); /* NC_MSG_… or-ed: what is shown of messages */
unsigned nc_message_parts_now(void);
void nc_message_quiet(void); /* those of success are not shown */
/* What is shown of a line that may begin with a message; false: nothing. */
bool nc_message_shown(const char *line, struct text *out);
/* Every message in Markdown, for the guide. */
void nc_message_list(void);
/* Remember for the next mark; code: of the reply. */
void nc_message_last(unsigned code, const char *message);
/* `%END status reply FACILITY-S-IDENT`, with nc->marks. */
void nc_mark(const struct nc *nc, enum nc_exit status);

/* ---- nc_complete.c: candidates for any line, the console's own commands included */
void nc_candidates(struct nc *nc, const char *typed, struct text *out);
void nc_show_candidates(struct nc *nc, const char *typed); /* for people */

/* ---- nc_local.c: commands of the console */
extern const struct verb nc_local_verbs[];
extern const struct verb nc_logical_verbs[]; /* for HELP and `?`; lnm_command runs them */
/* The row of the line's first word; NULL: it is the server's. */
const struct verb *nc_local_verb(const char *line);
/* SHOW SYMBOL, SHOW CONSOLE: false when the line is another SHOW. */
bool nc_show(struct nc *nc, const char *line, enum nc_exit *status);
/* True when the line was the console's own; *status is what came of it. */
bool nc_local(struct nc *nc, const char *line, enum nc_exit *status);

/* ---- nc_help.c: HELP [topic...]; rest: what follows the word, as it was typed */
enum nc_exit nc_help(struct nc *nc, const struct cmd *cmd, const char *rest);

/* ---- nc_child.c: programs */
/* Is this the name of a program that `$ name …` runs? The symbol's value or the name itself. */
bool nc_is_program(struct nc *nc, const char *line);
/* Nobody else's word: a symbol for a program, setkey, logical. */
bool nc_needs_no_dollar(struct nc *nc, const char *line);
enum nc_exit nc_program(struct nc *nc, const char *line);
/* The user's shell, asked for by name; a symbol's program without one.  rest: [/NOWAIT]
 * [/OUTPUT=file] [command]. */
enum nc_exit nc_spawn(struct nc *nc, const char *rest);
/* The path of a command procedure: here, MULTINET:, beside the installation. */
bool nc_find_procedure(struct nc *nc, const char *spec, char *path, size_t size);

/* ---- nc_certificate.c */
enum nc_exit nc_certificate(struct nc *nc, const struct cmd *cmd);

/* ---- nc_config.c: SERVER-CONFIG, the configuration mode */
enum nc_exit nc_config_enter(struct nc *nc, const struct cmd *cmd);
enum nc_exit nc_config_line(struct nc *nc, const char *line); /* a command of the mode */
/* The input has ended: asks a person, drops a script's changes. The status is the console's. */
enum nc_exit nc_config_end(struct nc *nc, enum nc_exit status);
void nc_config_candidates(struct nc *nc, const char *line, struct text *out);

/* ---- nc_fleet.c: one command on several hosts at the same time */
enum { NC_HOSTS_MAX = 256, NC_HOSTS_AT_ONCE = 32 };
/* run is called in a process of its own for each host; its output is shown with the host's name. */
enum nc_exit nc_fleet(struct nc *nc, const char *hosts, enum nc_exit (*run)(void *user),
	void *user);

/* ---- nc_submit.c */
enum nc_exit nc_submit(struct nc *nc, const struct cmd *cmd);

/* ---- nc_prime.c */
enum nc_exit nc_prime(struct nc *nc, const struct cmd *cmd);

/* ---- nc_watch.c: /WATCH[=seconds] on SHOW */
/* True when the line had it: it was run until interrupted, and *status is what came of it. */
bool nc_watch(struct nc *nc, const char *line, enum nc_exit *status);

/* ---- nc_completion.c: `netcontrol --completion bash|zsh|fish` */
enum nc_exit nc_completion(const char *shell);
/* What may come next, for those: a word and what it is a line. */
void nc_completion_words(struct nc *nc, const char *line);

/* ---- nc_interactive.c */
enum nc_exit nc_interactive(struct nc *nc);
bool nc_may_ask(const struct nc *nc); /* is there a person who could be asked? */
/* Ask for what (its name ends with `>`, a tab or the string), and add the answer to line. False:
 * there was none. */
bool nc_ask(struct nc *nc, const char *what, struct text *line);

#endif
