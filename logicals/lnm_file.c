/*
 * lnm_file.c - where tables come from: the environment and the system table's file.
 *
 * The file holds DEFINE and ASSIGN commands, one a line, continued by a "-" at the end, with
 * comments behind "!".  Without a table qualifier a line defines a system name.  Editing keeps
 * every other line as it is: the new file is written beside the old one and renamed, under a lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "logicals/lnm_int.h"

enum { SEGMENTS_MAX = 64, LOCK_TRIES = 16 };

extern char **environ;

/* ------------------------------------------------------------ environment --- */

/* Beside MULTINET and MULTINET_*.  The last two are for shells, which know no `$` in names. */
static const struct {
	const char *variable, *name;
} also[] = {
	{ "SSLCERTS", "SSLCERTS" },
	{ "SSL$CERTS", "SSL$CERTS" },
	{ "SSL$CONF", "SSL$CONF" },
	{ "SSL_CERTS", "SSL$CERTS" },
	{ "SSL_CONF", "SSL$CONF" },
};

static const char *
name_of_variable(const char *variable)
{
	if (strcmp(variable, "MULTINET") == 0 || strncmp(variable, "MULTINET_", 9) == 0)
		return variable;
	for (size_t i = 0; i < ARRAY_LEN(also); i++)
		if (strcmp(variable, also[i].variable) == 0)
			return also[i].name;
	return NULL;
}

enum status
lnm_load_environment(struct lnm *l, char *const *environment)
{
	char variable[LNM_NAME_MAX + 1];

	for (; *environment != NULL; environment++) {
		const char *equals = strchr(*environment, '='), *name;
		size_t n = equals == NULL ? 0 : (size_t)(equals - *environment);
		enum status st;

		if (n == 0 || n >= sizeof(variable))
			continue;
		memcpy(variable, *environment, n);
		variable[n] = '\0';
		name = name_of_variable(variable);
		/* An empty variable is as good as none, and so is one too long for a value. */
		if (name == NULL || !lnm_name_ok(equals + 1))
			continue;
		st = lnm_set(l, LNM_PROCESS, name, equals + 1);
		if (st != ST_NORMAL)
			return st;
	}
	return ST_NORMAL;
}

/* ------------------------------------------------------------ reading --- */

struct line { /* one command of the file, continuations joined */
	size_t begin, end;  /* octets of the file, newline included */
	size_t number, lines; /* of its first line; how many there are */
	size_t segments, segment_at[SEGMENTS_MAX];
	char text[LNM_LINE_MAX];
	bool too_long;
};

/* "-" as the last character but blanks: the command goes on. */
static bool
continued(const char *p, size_t *n)
{
	while (*n > 0 && (p[*n - 1] == ' ' || p[*n - 1] == '\t' || p[*n - 1] == '\r'))
		(*n)--;
	if (*n == 0 || p[*n - 1] != '-')
		return false;
	(*n)--;
	return true;
}

static bool
next_line(struct bytes file, struct line *at)
{
	const char *text = (const char *)file.p;
	size_t used = 0;
	bool more = true;

	at->begin = at->end;
	at->number += at->lines;
	at->segments = at->lines = 0;
	at->too_long = false;
	if (at->begin >= file.n)
		return false;
	while (more && at->end < file.n) {
		const char *p = text + at->end, *newline = memchr(p, '\n', file.n - at->end);
		size_t n = newline == NULL ? file.n - at->end : (size_t)(newline - p);

		at->end += n + (newline != NULL);
		at->lines++;
		more = continued(p, &n);
		if (at->segments == SEGMENTS_MAX || used + n >= sizeof(at->text)) {
			at->too_long = true;
			n = 0;
		}
		if (at->segments < SEGMENTS_MAX)
			at->segment_at[at->segments++] = used;
		memcpy(at->text + used, p, n);
		used += n;
	}
	at->text[used] = '\0';
	/* A NUL would hide what follows it. */
	if (strlen(at->text) != used)
		at->too_long = true;
	return true;
}

static bool
is_nothing(const char *text)
{
	text += strspn(text, " \t$");
	return *text == '\0' || *text == '!';
}

static void
report(struct text *errors, const char *path, const struct line *at, const struct lnm_stmt *s,
	enum status st)
{
	size_t segment = at->segments - 1;

	while (segment > 0 && at->segment_at[segment] > s->at)
		segment--;
	text_addf(errors, "%s:%zu:%zu: %s", path, at->number + segment,
		s->at - at->segment_at[segment] + 1, status_row(st)->text);
	if (s->detail != NULL)
		text_addf(errors, ": %s", s->detail);
	text_add(errors, "\n");
}

static enum status
parse_line(const struct line *at, struct lnm_stmt *s)
{
	enum status st = at->too_long ? ST_LINELONG : lnm_parse(at->text, s);

	if (at->too_long) {
		s->at = 0;
		s->detail = "a command has at most 8191 characters, on at most 64 lines";
		return st;
	}
	if (st == ST_IVVERB) {
		s->at = 0;
		s->detail = "only DEFINE and ASSIGN may stand in this file";
		return st;
	}
	TRY(st);
	if (s->verb != LNM_DEFINE && s->verb != LNM_ASSIGN) {
		s->detail = "only DEFINE and ASSIGN may stand in this file";
		return ST_IVVERB;
	}
	if (!s->has_table)
		s->table = LNM_SYSTEM;
	if (s->table == LNM_PROCESS) {
		s->detail = "the process table is the environment; no file holds it";
		return ST_NOLOGTAB;
	}
	return ST_NORMAL;
}

static enum status
load_text(struct lnm *fresh, const char *path, struct bytes file, struct text *errors)
{
	struct line *at = calloc(1, sizeof(*at));
	struct lnm_stmt *s = calloc(1, sizeof(*s));
	enum status all = at == NULL || s == NULL ? ST_NOMEMORY : ST_NORMAL;

	if (all == ST_NORMAL)
		at->number = 1;
	while (all != ST_NOMEMORY && next_line(file, at)) {
		enum status st;

		if (!at->too_long && is_nothing(at->text))
			continue;
		st = parse_line(at, s);
		if (st == ST_NORMAL)
			st = lnm_define(fresh, s->table, s->mode, s->name, s->value, s->count,
				NULL);
		if (st != ST_NORMAL) {
			report(errors, path, at, s, st);
			all = st == ST_NOMEMORY ? st : ST_BADCONF;
		}
	}
	free(at);
	free(s);
	return all;
}

static void
take_tables(struct lnm *l, struct lnm *fresh)
{
	/* the old ones go with fresh */
	for (enum lnm_table t = LNM_JOB; t < LNM_TABLES; t++) {
		struct lnm_list old = l->table[t];

		l->table[t] = fresh->table[t];
		fresh->table[t] = old;
	}
}

enum status
lnm_load_text(struct lnm *l, const char *name, struct bytes text, struct text *errors)
{
	struct lnm *fresh = lnm_new();
	enum status st = fresh == NULL ? ST_NOMEMORY : load_text(fresh, name, text, errors);

	if (st == ST_NORMAL)
		take_tables(l, fresh);
	lnm_free(fresh);
	return st;
}

/* The whole file; nothing is ST_NORMAL and empty. Owned by the caller. */
static enum status
read_fd(int fd, struct text *out)
{
	char buf[4096];
	ssize_t n;

	out->limit = LNM_FILE_MAX;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		text_add_n(out, buf, (size_t)n);
	if (n < 0)
		return ST_SYSERR;
	return out->failed ? ST_LIMIT : ST_NORMAL;
}

enum status
lnm_load_file(struct lnm *l, const char *system_file, struct text *errors)
{
	struct lnm *fresh = lnm_new();
	struct text file = { 0 };
	char *copy = strdup(system_file);
	enum status st = ST_NORMAL;
	int fd = open(system_file, O_RDONLY | O_CLOEXEC);

	if (fresh == NULL || copy == NULL) {
		st = ST_NOMEMORY;
	} else if (fd < 0 && errno != ENOENT) {
		text_addf(errors, "%s:1:1: %s\n", system_file, strerror(errno));
		st = ST_NOFILE;
	} else if (fd >= 0) {
		st = read_fd(fd, &file);
		if (st != ST_NORMAL)
			text_addf(errors, "%s:1:1: %s\n", system_file, status_row(st)->text);
		else
			st = load_text(fresh, system_file, bytes_of(file.p, file.n), errors);
	}
	if (fd >= 0)
		close(fd);
	text_free(&file);
	if (st == ST_NORMAL)
		take_tables(l, fresh);
	if (st != ST_NOMEMORY) { /* a file in error may still be edited */
		free(l->system_file);
		l->system_file = copy;
	} else {
		free(copy);
	}
	lnm_free(fresh);
	return st;
}

enum status
lnm_load(struct lnm *l, struct text *errors)
{
	const char *file = getenv("MULTINET_LOGICALS");

	TRY(lnm_load_environment(l, environ));
	if (file == NULL || file[0] == '\0')
		file = MULTINET_ETC "/system.logicals";
	return lnm_load_file(l, file, errors);
}

/* ------------------------------------------------------------ editing --- */

static void
add_quoted(struct text *out, const char *s)
{
	text_add(out, "\"");
	for (; *s != '\0'; s++) {
		if (*s == '"')
			text_add(out, "\"");
		text_add_n(out, s, 1);
	}
	text_add(out, "\"");
}

/* The command as a line; comment (may be empty) is what stood behind the one it replaces. */
static void
add_definition(struct text *out, const struct lnm_stmt *s, const char *comment)
{
	static const char *const tables[LNM_TABLES] = { [LNM_PROCESS] = "/PROCESS",
		[LNM_JOB] = "/JOB", [LNM_GROUP] = "/GROUP", [LNM_SYSTEM] = "/SYSTEM" };
	static const char *const modes[] = { [LNM_USER] = "/USER_MODE", [LNM_SUPERVISOR] = "",
		[LNM_EXECUTIVE] = "/EXECUTIVE_MODE", [LNM_KERNEL] = "/KERNEL_MODE" };
	static const char *const attributes[] = { "", "/TRANSLATION_ATTRIBUTES=(CONCEALED)",
		"/TRANSLATION_ATTRIBUTES=(TERMINAL)",
		"/TRANSLATION_ATTRIBUTES=(CONCEALED,TERMINAL)" };

	text_addf(out, "DEFINE%s%s ", tables[s->table], modes[s->mode]);
	if (strpbrk(s->name, " \t\"/,!") != NULL)
		add_quoted(out, s->name);
	else
		text_add(out, s->name);
	for (size_t i = 0; i < s->count; i++) {
		text_add(out, i == 0 ? " " : ",");
		add_quoted(out, s->value[i].text);
		text_add(out, attributes[s->value[i].attributes & 3]);
	}
	text_addf(out, "%s%s\n", *comment == '\0' ? "" : " ", comment);
}

void
lnm_write(const struct lnm *l, enum lnm_table table, struct text *out)
{
	struct lnm_stmt *s = calloc(1, sizeof(*s));
	const struct lnm_name *n;

	if (s == NULL) {
		out->failed = true;
		return;
	}
	s->table = table;
	for (size_t i = 0; (n = lnm_at(l, table, i)) != NULL; i++) {
		s->mode = n->mode;
		s->name = n->name;
		s->count = n->count;
		memcpy(s->value, n->value, n->count * sizeof(s->value[0]));
		add_definition(out, s, "");
	}
	free(s);
}

/* Does this line define what the command is about? */
static bool
concerns(const struct lnm_stmt *line, const struct lnm_stmt *s)
{
	if (line->table != s->table)
		return false;
	if (s->verb == LNM_DEASSIGN)
		return line->mode <= s->mode && (s->all || strcmp(line->name, s->name) == 0);
	return line->mode == s->mode && strcmp(line->name, s->name) == 0;
}

static enum status
edit_text(struct bytes file, const struct lnm_stmt *s, struct text *out)
{
	struct line *at = calloc(1, sizeof(*at));
	struct lnm_stmt *other = calloc(1, sizeof(*other));
	enum status st = at == NULL || other == NULL ? ST_NOMEMORY : ST_NORMAL;
	bool written = s->verb == LNM_DEASSIGN;

	while (st == ST_NORMAL && next_line(file, at)) {
		if (parse_line(at, other) != ST_NORMAL || !concerns(other, s)) {
			text_add_n(out, (const char *)file.p + at->begin, at->end - at->begin);
			continue;
		}
		if (!written)
			add_definition(out, s, other->text + other->at);
		written = true;
	}
	if (st == ST_NORMAL && !written) {
		if (file.n > 0 && file.p[file.n - 1] != '\n')
			text_add(out, "\n");
		add_definition(out, s, "");
	}
	free(at);
	free(other);
	return st == ST_NORMAL && out->failed ? ST_LIMIT : st;
}

/* Open and lock the file that has this name now, not one that was renamed away meanwhile. */
static int
lock_file(const char *path, struct stat *meta)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		struct stat named;

		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX) == 0 && fstat(fd, meta) == 0 && stat(path, &named) == 0 &&
			named.st_ino == meta->st_ino && named.st_dev == meta->st_dev)
			return fd;
		close(fd);
	}
	errno = EAGAIN;
	return -1;
}

static enum status
failed(const char *path, struct text *why)
{
	int reason = errno;

	text_addf(why, "%s: %s", path, strerror(reason));
	return reason == EACCES || reason == EPERM || reason == EROFS ? ST_NOTPERM
		: reason == ENOENT || reason == ENOTDIR ? ST_NOFILE : ST_SYSERR;
}

enum status
lnm_edit_file(const char *path, const struct lnm_stmt *s, struct text *why)
{
	struct text old = { 0 }, fresh = { .limit = LNM_FILE_MAX };
	struct stat meta;
	int fd = lock_file(path, &meta);
	enum status st;

	if (fd < 0)
		return failed(path, why);
	st = read_fd(fd, &old);
	if (st == ST_NORMAL)
		st = edit_text(bytes_of(old.p, old.n), s, &fresh);
	if (st == ST_LIMIT)
		text_addf(why, "%s: more than %d octets", path, LNM_FILE_MAX);
	if (st == ST_NORMAL && !file_replace(path, bytes_of(fresh.p, fresh.n), &meta, 0644))
		st = failed(path, why);
	close(fd); /* unlocks */
	text_free(&old);
	text_free(&fresh);
	return st;
}
