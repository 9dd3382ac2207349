/*
 * nc_help.c - HELP of the console: its own commands, and topics that are no command by themselves.
 *
 * Called by nc_local.c.  Topics that a service has, and the verbs of all services, are the server's
 * to explain; SHOW and EXIT have something here and there, so both are told.
 */
#include "netcontrol/nc_console.h"

#include <stdio.h>
#include <string.h>

enum { ABBREVIATION_MIN = 3 };

struct topic {
	const char *name; /* upper case */
	const char *text;
	bool server_too;  /* the server knows the word as well */
};

static const struct topic topics[] = {
	{ "@", "@file [p1 ... p8]\n"
		"  run a command procedure: HELP PROCEDURES\n"
		"  file is looked for, with or without .com, in the working directory, in\n"
		"  MULTINET: and where procedures are installed.\n",
		false },
	{ "PROCEDURES", "@file [p1 ... p8]\n"
		"  Commands of a file. `!` begins a comment, a `$` before a command may be\n"
		"  left out, a `-` at the end continues. 'P1' is replaced by the first\n"
		"  parameter, within quotes ''P1'. An error ends it, with its status, unless\n"
		"  SET NOON or ON ERROR is in force. HELP IF, GOTO, ON, SYMBOLS, EXPRESSIONS.\n",
		false },
	{ "IF", "IF expression THEN command\n"
		"  In procedures also as a block, each on a line of its own:\n"
		"  IF expression, THEN, commands, ELSE, commands, ENDIF. HELP EXPRESSIONS.\n",
		false },
	{ "GOTO", "GOTO label\n"
		"  In a procedure: go on behind the line `label:` of the same procedure.\n",
		false },
	{ "ON", "ON WARNING|ERROR|SEVERE_ERROR THEN command\n"
		"  In a procedure: at the next error run the command (GOTO label, EXIT,\n"
		"  CONTINUE) instead of ending the procedure, once. SEVERE_ERROR: no server\n"
		"  answers, not permitted, or no answer in time; others then end nothing.\n",
		false },
	{ "SYMBOLS", "name = expression    name := text    name :== $program [argument...]\n"
		"  A symbol; 'name' is replaced by its value. The last makes a command of a\n"
		"  program, as in SETKEY :== $MULTINET:SETKEY. SHOW SYMBOL lists them.\n"
		"  $STATUS is 1 after success and 2 after an error, $SEVERITY likewise.\n",
		false },
	{ "EXPRESSIONS", "Expressions, of IF and of symbols\n"
		"  Strings in quotes, integers, symbols, ( ), + - * /; .EQ. .NE. .LT. .LE.\n"
		"  .GT. .GE. of numbers, with an S (.EQS.) of strings; .NOT. .AND. .OR.;\n"
		"  F$SEARCH(\"file\") F$TRNLNM(\"name\") F$TIME() F$LENGTH F$EXTRACT F$LOCATE\n"
		"  F$ELEMENT F$EDIT F$INTEGER F$STRING F$GETSYI(\"NODENAME\").\n",
		false },
	{ "WATCH", "SHOW .../WATCH[=seconds]\n"
		"  Any SHOW again and again, each 2 seconds unless told otherwise, in its\n"
		"  place on the screen, until Ctrl-C.\n",
		false },
	{ "KEYS", "At a terminal\n"
		"  ? lists what may come next, Tab completes it, arrows bring lines back,\n"
		"  Ctrl-C drops the line or gives up on the command under way, Ctrl-Z and\n"
		"  Ctrl-D leave. A parameter that is missing is asked for.\n",
		false },
	{ "SHOW", "SHOW LOGICAL [name] | TRANSLATION name | SYMBOL [name] | CONSOLE\n"
		"  logical names, all levels or one; symbols; what is set in this console\n"
		"  Every other SHOW is the server's. With /WATCH[=seconds] it is shown again\n"
		"  and again, until Ctrl-C.\n\n",
		true },
	{ "$", "$ program [argument...]\n"
		"  run setkey, another program of this system, or a symbol's: HELP SYMBOLS\n",
		false },
	{ NULL, NULL, false },
};

/* The topic of this name, abbreviated or not; NULL: none. */
static const struct topic *
topic_of(const char *word)
{
	for (const struct topic *t = topics; t->name != NULL; t++)
		if (text_same(word, t->name) ||
			(strlen(word) >= ABBREVIATION_MIN && text_prefix(word, t->name)))
			return t;
	return NULL;
}

/* The console's rows on it, all (NULL) or one; false: none. */
static bool
show_rows(const char *topic)
{
	struct text out = { 0 };
	bool found = verb_help(nc_local_verbs, NULL, topic, &out);

	found = verb_help(nc_logical_verbs, NULL, topic, &out) || found;
	if (found)
		fputs(text_str(&out), stdout);
	text_free(&out);
	return found;
}

static void
show_all(void)
{
	struct text out = { 0 };

	printf("Commands of the console:\n");
	show_rows(NULL);
	verb_entry(&out, "@file [p1 ... p8]", "run a command procedure");
	verb_entry(&out, "$ program [argument...]", "run setkey or a program of a symbol");
	verb_entry(&out, "SHOW LOGICAL [name]", "logical names; SHOW TRANSLATION name");
	verb_entry(&out, "SHOW SYMBOL [name]", "symbols; SHOW CONSOLE: what is set here");
	verb_entry(&out, "SHOW .../WATCH[=seconds]", "again and again, until Ctrl-C");
	verb_entry(&out, "IF, ON ERROR, GOTO", "in procedures");
	verb_entry(&out, "...?", "what may come next; Tab completes it");
	verb_entry(&out, "HELP topic", "of these commands, and PROCEDURES, SYMBOLS, EXPRESSIONS, "
		"KEYS, WATCH");
	fputs(text_str(&out), stdout);
	text_free(&out);
}

enum nc_exit
nc_help(struct nc *nc, const struct cmd *c, const char *rest)
{
	const char *word = c->words > 1 ? c->word[1] : NULL;
	const struct topic *t = word != NULL && c->quals == 0 ? topic_of(word) : NULL;
	char line[256];

	if (word == NULL && c->quals == 0) {
		show_all();
		if (!nc_connect(nc, true)) {
			printf("No server answers, so its commands are not listed.\n");
			return NC_DONE;
		}
	} else if (t != NULL) {
		fputs(t->text, stdout);
		if (!t->server_too || !nc_connect(nc, true))
			return NC_DONE;
		rest = t->name; /* HELP SHOW LOGICAL is about SHOW */
	} else if (word != NULL && c->quals == 0 && strlen(word) >= ABBREVIATION_MIN &&
		show_rows(word)) {
		return NC_DONE; /* of HELP SET MESSAGE, SET */
	}
	snprintf(line, sizeof(line), "HELP%s%s", rest[0] != '\0' && rest[0] != '/' ? " " : "",
		rest);
	return nc_server(nc, line);
}
