/*
 * nc_submit.c - SUBMIT: a procedure is run later, by the master server.
 *
 * Called by the console.  Here the procedure is looked for as the user would, and its log file is
 * named; the server keeps the job, over restarts of its own too, and runs it with the rights of the
 * user who submitted it.  Without a server nothing is promised: there is nobody to keep the job.
 */
#include "netcontrol/nc_console.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* NAME of "multinet:name.com" */
static void
job_name(const char *spec, char *name, size_t size)
{
	const char *base = spec + strlen(spec);

	while (base > spec && strchr("/:]", base[-1]) == NULL)
		base--;
	snprintf(name, size, "%.*s", (int)strcspn(base, ".;"), base);
}

/* The file that was named, else NAME.log at home; from the root on, as the server is elsewhere. */
static void
log_path(struct nc *nc, const char *named, const char *name, struct text *out)
{
	const char *home = getenv("HOME");
	char path[NC_PATH_MAX], here[NC_PATH_MAX];

	if (named == NULL) {
		text_addf(out, "%s/%s.log", home != NULL && home[0] == '/' ? home : "/tmp", name);
		return;
	}
	if (lnm_file_spec(nc->lnm, named, path, sizeof(path)) != ST_NORMAL)
		snprintf(path, sizeof(path), "%s", named);
	if (path[0] != '/' && getcwd(here, sizeof(here)) != NULL)
		text_addf(out, "%s/", here);
	text_add(out, path);
}

static void
add_quoted(struct text *line, const char *before, const char *value)
{
	text_addf(line, "%s\"", before);
	for (; *value != '\0'; value++)
		text_add_n(line, *value == '"' ? "\"\"" : value, *value == '"' ? 2 : 1);
	text_add(line, "\"");
}

/* "a,b" as ("a","b"). */
static void
add_list(struct text *line, const char *list)
{
	text_add(line, " /PARAMETERS=");
	for (bool first = true;; first = false) {
		size_t n = strcspn(list, ",");
		struct text one = { .limit = CMD_LINE_MAX };

		text_add_n(&one, list, n);
		add_quoted(line, first ? "(" : ",", text_str(&one));
		text_free(&one);
		if (list[n] == '\0')
			break;
		list += n + 1;
	}
	text_add(line, ")");
}

enum nc_exit
nc_submit(struct nc *nc, const struct cmd *cmd)
{
	const char *after = cmd_qual(cmd, "AFTER"), *list = cmd_qual(cmd, "PARAMETERS");
	const char *named = cmd_qual(cmd, "NAME");
	struct text line = { .limit = 2 * CMD_LINE_MAX }, log = { .limit = NC_PATH_MAX };
	char path[NC_PATH_MAX], full[PATH_MAX], name[128];
	enum nc_exit status;

	if (!nc_find_procedure(nc, cmd->word[1], path, sizeof(path)) ||
		realpath(path, full) == NULL)
		return nc_say(NC_FAILED, ST_NOFILE, "no procedure %s", cmd->word[1]);
	job_name(cmd->word[1], name, sizeof(name));
	log_path(nc, cmd_qual(cmd, "LOG_FILE"), name, &log);
	add_quoted(&line, "NETCONTROL SUBMIT ", full);
	add_quoted(&line, " /NAME=", named != NULL ? named : name);
	add_quoted(&line, " /LOG_FILE=", text_str(&log));
	if (after != NULL)
		add_quoted(&line, " /AFTER=", after);
	if (list != NULL)
		add_list(&line, list);
	status = line.failed || log.failed || line.n > CMD_LINE_MAX ?
		nc_say(NC_USAGE, ST_LINELONG, "names and parameters of a job") :
		nc_server(nc, text_str(&line));
	text_free(&line);
	text_free(&log);
	return status;
}
