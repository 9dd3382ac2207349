/*
 * rc_ask.c - the questions of rc_ask.h, answered by the system or from a tape.
 *
 * The only file of racoon/conf that opens files, beside auth_read_file of standalone programs.
 * What it finds is judged by the callers: a tape holds facts, not verdicts.
 */
#include "racoon/conf/rc_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/secret.h"
#include "racoon/conf/rc_in.h"

enum { RECORD_HEAD = 1 + 5 * 4, GLOB_MAX = 100000 };

/* ----------------------------------------------------------------------------------- the system */

static void
facts_of(const struct stat *st, struct rc_answer *out)
{
	out->mode = (uint32_t)st->st_mode;
	out->id = (uint32_t)st->st_uid;
}

static void
slurp(int fd, size_t limit, struct rc_answer *out)
{
	char buf[16384];
	ssize_t n;

	out->text.limit = limit;
	while ((n = read(fd, buf, sizeof(buf))) > 0 && !out->text.failed)
		text_add_n(&out->text, buf, (size_t)n);
	out->error = n < 0 ? errno : out->text.failed ? EFBIG : 0;
	wipe(buf, sizeof(buf));
}

static void
answer_file(const char *path, size_t limit, struct rc_answer *out)
{
	/* O_NONBLOCK: what turns out to be a pipe must not hold us up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		out->error = errno;
	} else {
		facts_of(&st, out);
		if (S_ISREG(st.st_mode))
			slurp(fd, limit, out);
	}
	if (fd >= 0)
		close(fd);
}

/* A configuration may come out of a pipe: whoever typed its name waits for it. */
static void
answer_text(const char *path, size_t limit, struct rc_answer *out)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		out->error = errno;
		return;
	}
	slurp(fd, limit, out);
	if (fd != STDIN_FILENO)
		close(fd);
}

static void
answer_glob(const char *pattern, size_t limit, struct rc_answer *out)
{
	glob_t found = { 0 };
	int result = glob(pattern, GLOB_TILDE, NULL, &found);

	out->text.limit = limit;
	for (size_t i = 0; i < found.gl_pathc && i < GLOB_MAX; i++)
		text_add_n(&out->text, found.gl_pathv[i], strlen(found.gl_pathv[i]) + 1);
	globfree(&found);
	out->error = result == 0 ? (out->text.failed ? EFBIG : 0) :
		result == GLOB_NOMATCH ? ENOENT : result == GLOB_NOSPACE ? ENOMEM : EACCES;
}

static bool
is_number(const char *s, uint32_t *out)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	*out = (uint32_t)v;
	return s[0] >= '0' && s[0] <= '9' && *end == '\0' && v < UINT32_MAX;
}

static void
answer_user(const char *name, struct rc_answer *out)
{
	bool number = is_number(name, &out->id);
	const struct passwd *p = number ? getpwuid(out->id) : getpwnam(name);

	out->mode = UINT32_MAX; /* a number without an account has no group of its own */
	if (p != NULL) {
		out->id = (uint32_t)p->pw_uid;
		out->mode = (uint32_t)p->pw_gid;
	} else if (!number) {
		out->error = ENOENT;
	}
}

static void
answer_group(const char *name, struct rc_answer *out)
{
	const struct group *g = is_number(name, &out->id) ? NULL : getgrnam(name);

	if (g != NULL)
		out->id = (uint32_t)g->gr_gid;
	else if (!is_number(name, &out->id))
		out->error = ENOENT;
}

static void
answer_locate(const struct rc_options *o, const char *spec, struct rc_answer *out)
{
	char path[RC_PATH_MAX];

	if (o->locate != NULL && o->locate(o->user, spec, path, sizeof(path)))
		text_add(&out->text, path);
	else
		out->error = ENOENT;
}

static void
answer(const struct rc_options *o, enum rc_question what, const char *name, size_t limit,
	struct rc_answer *out)
{
	struct stat st;

	switch (what) {
	case RC_ASK_TEXT:
		answer_text(name, limit, out);
		return;
	case RC_ASK_FILE:
		answer_file(name, limit, out);
		return;
	case RC_ASK_STATUS:
		out->error = stat(name, &st) != 0 ? errno : 0;
		if (out->error == 0)
			facts_of(&st, out);
		return;
	case RC_ASK_GLOB:
		answer_glob(name, limit, out);
		return;
	case RC_ASK_LOCATE:
		answer_locate(o, name, out);
		return;
	case RC_ASK_USER:
		answer_user(name, out);
		return;
	case RC_ASK_GROUP:
		answer_group(name, out);
		return;
	case RC_QUESTIONS:
		break;
	}
	out->error = EINVAL;
}

void
rc_ask(struct rc_loading *l, enum rc_question what, const char *name, size_t limit,
	struct rc_answer *out)
{
	struct rc_tape *t = l->options->tape;

	*out = (struct rc_answer){ 0 };
	if (t != NULL && t->playing) {
		rc_tape_play(t, what, name, out);
		return;
	}
	answer(l->options, what, name, limit, out);
	if (t != NULL)
		rc_tape_record(t, what, name, out);
}

enum status
rc_ask_text(struct rc_loading *l, const char *path, struct text *out, char *why, size_t why_size)
{
	struct rc_answer a;

	rc_ask(l, RC_ASK_TEXT, path, STMT_FILE_MAX, &a);
	*out = a.text;
	if (a.error == 0)
		return ST_NORMAL;
	text_free(out);
	if (a.error != EFBIG) {
		snprintf(why, why_size, "%s: %s", path, strerror(a.error));
		return ST_NOFILE;
	}
	snprintf(why, why_size, "%s: larger than %d octets", path, STMT_FILE_MAX);
	return ST_LIMIT;
}

/* ------------------------------------------------------------------------------------- the tape */

void
rc_tape_record(struct rc_tape *t, enum rc_question what, const char *name,
	const struct rc_answer *a)
{
	uint8_t head[RECORD_HEAD];
	struct writer w = writer_of(head, sizeof(head));
	size_t n = strlen(name);

	t->octets.limit = RC_TAPE_MAX;
	write_u8(&w, (uint8_t)what);
	write_u32(&w, (uint32_t)n);
	write_u32(&w, (uint32_t)a->error);
	write_u32(&w, a->mode);
	write_u32(&w, a->id);
	write_u32(&w, (uint32_t)a->text.n);
	text_add_n(&t->octets, (const char *)head, sizeof(head));
	text_add_n(&t->octets, name, n);
	if (a->text.n > 0)
		text_add_n(&t->octets, a->text.p, a->text.n);
}

/* The same questions in the same order, or the two readings are of different files. */
void
rc_tape_play(struct rc_tape *t, enum rc_question what, const char *name, struct rc_answer *out)
{
	struct reader r = reader_of(bytes_of((const uint8_t *)t->octets.p + t->at,
		t->octets.n - t->at));
	uint8_t asked = read_u8(&r);
	size_t name_n = read_u32(&r), text_n;
	struct bytes asked_name, text;

	out->error = (int)read_u32(&r);
	out->mode = read_u32(&r);
	out->id = read_u32(&r);
	text_n = read_u32(&r);
	asked_name = read_bytes(&r, name_n);
	text = read_bytes(&r, text_n);
	if (t->astray || r.bad || asked != what || !bytes_equal(asked_name, bytes_str(name))) {
		t->astray = true;
		*out = (struct rc_answer){ .error = EIO };
		return;
	}
	t->at = t->octets.n - reader_left(&r);
	out->text.limit = text.n + 1;
	if (text.n > 0)
		text_add_n(&out->text, (const char *)text.p, text.n);
}
