/*
 * journal_uv.c - the journal's file: read at start, appended to, rewritten from libuv's pool.
 *
 * Called by host_uv.c after each step and by sadb_host_uv.c before an SA is asked for.  A line goes
 * into the page cache there and then: it costs less than to wake a thread, and it is there before
 * the SA is.  While the file is rewritten, what comes waits in the journal's pending text.  The
 * file is locked while we live, so that two instances that were given the same name do not clean up
 * after each other.  Without a file (no directory, no room) racoon runs on and says so.
 */
#include "racoon/daemon/host_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"

#define RUN_DIRECTORY "/run/multinet"

struct rd_file {
	uv_work_t work;
	struct rd *d;
	char path[RC_PATH_MAX], temporary[RC_PATH_MAX + 8];
	int fd;
	bool busy, closing, clean; /* busy: being rewritten */
	int error;
	struct text writing;
};

/* ---------------------------------------------------------------------- in the pool's thread */

static int
open_new(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* A whole new file beside the old one, locked before it takes the name. */
static bool
write_anew(struct rd_file *f)
{
	struct priv *priv = f->d->priv;
	int fd = priv != NULL ? priv_journal_new(priv) : open_new(f->temporary);

	if (fd < 0)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 ||
		!file_write(fd, bytes_of(f->writing.p, f->writing.n)) ||
		(priv != NULL ? !priv_do(priv, PRIV_JOURNAL_TAKE) :
				rename(f->temporary, f->path) != 0)) {
		int error = errno;

		close(fd);
		errno = error;
		return false;
	}
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	return true;
}

static void
on_work(uv_work_t *work)
{
	struct rd_file *f = container_of(work, struct rd_file, work);

	f->error = write_anew(f) ? 0 : errno;
}

/* ------------------------------------------------------------------------------------ the loop */

static void
file_free(struct rd_file *f)
{
	if (f->clean && f->d->priv != NULL)
		(void)priv_do(f->d->priv, PRIV_JOURNAL_GONE);
	else if (f->clean)
		(void)unlink(f->path);
	if (f->fd >= 0)
		close(f->fd);
	text_free(&f->writing);
	free(f);
}

static void
give_up(const char *path, const char *why)
{
	log_line(LOG_L_WARNING, NULL,
		"journal %s: %s; after a crash SAs will not be cleaned up", path, why);
}

static void
on_written(uv_work_t *work, int status)
{
	struct rd_file *f = container_of(work, struct rd_file, work);
	struct rd *d = f->d;

	f->busy = false;
	text_clear(&f->writing);
	if (f->closing) {
		file_free(f);
		return;
	}
	if (status < 0 || f->error != 0) {
		give_up(f->path, strerror(f->error != 0 ? f->error : EIO));
		d->file = NULL;
		file_free(f);
		return;
	}
	rd_journal_flush(d);
}

void
rd_journal_flush(struct rd *d)
{
	struct rd_file *f = d->file;

	if (f == NULL) {
		text_clear(&d->journal.pending);
		return;
	}
	if (f->busy || f->closing || (d->journal.pending.n == 0 && !d->journal.pending.failed))
		return;
	if (!journal_wants_rewrite(&d->journal)) {
		if (!file_write(f->fd, bytes_of(d->journal.pending.p, d->journal.pending.n))) {
			give_up(f->path, strerror(errno));
			d->file = NULL;
			file_free(f);
		}
		text_clear(&d->journal.pending);
		return;
	}
	journal_rewrite(&d->journal, d->sadb_path, &f->writing);
	f->busy = uv_queue_work(&d->loop, &f->work, on_work, on_written) == 0;
	if (!f->busy)
		text_clear(&f->writing);
}

/* -------------------------------------------------------------------------- opening, closing */

static bool
journal_name(struct rd *d, char *path, size_t size)
{
	const char *control = d->options->control, *dot;
	char spec[LNM_NAME_MAX + 1];

	if (rd_logical(d, "MULTINET_RACOON_JOURNAL", spec, sizeof(spec)) != NULL)
		return rd_locate(d, spec, path, size);
	if (control == NULL)
		return (size_t)snprintf(path, size, RUN_DIRECTORY "/racoon-%u.journal",
			(unsigned)d->port) < size;
	dot = strrchr(control, '.');
	if (dot == NULL || strchr(dot, '/') != NULL)
		dot = control + strlen(control);
	return (size_t)snprintf(path, size, "%.*s.journal", (int)(dot - control), control) < size;
}

static bool
temporary_name(const char *path, char *temporary, size_t size)
{
	int n = snprintf(temporary, size, "%s.new", path);

	return n > 0 && (size_t)n < size;
}

int
rd_journal_file_new(struct rd *d)
{
	char path[RC_PATH_MAX], temporary[RC_PATH_MAX + 8];

	errno = ENAMETOOLONG;
	return journal_name(d, path, sizeof(path)) &&
			temporary_name(path, temporary, sizeof(temporary)) ?
		open_new(temporary) : -1;
}

bool
rd_journal_file_do(struct rd *d, bool take)
{
	char path[RC_PATH_MAX], temporary[RC_PATH_MAX + 8];

	errno = ENAMETOOLONG;
	if (!journal_name(d, path, sizeof(path)) ||
		!temporary_name(path, temporary, sizeof(temporary)))
		return false;
	return (take ? rename(temporary, path) : unlink(path)) == 0;
}

/* The file, locked, and still the one of that name. -1 with errno. */
static int
open_locked(const char *path)
{
	for (int i = 0; i < 3; i++) {
		struct stat of_fd, of_path;
		int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &of_fd) != 0) {
			close(fd);
			return -1;
		}
		if (stat(path, &of_path) == 0 && of_path.st_ino == of_fd.st_ino &&
			of_path.st_dev == of_fd.st_dev)
			return fd;
		close(fd);
	}
	errno = EWOULDBLOCK;
	return -1;
}

static void
read_old(struct rd *d, struct rd_file *f)
{
	struct text text = { .limit = JOURNAL_FILE_MAX };
	char buf[16384];
	ssize_t n;

	while ((n = read(f->fd, buf, sizeof(buf))) > 0)
		text_add_n(&text, buf, (size_t)n);
	if (n < 0 || text.failed)
		give_up(f->path, n < 0 ? strerror(errno) : "the file is too large");
	else if (text.n > 0 && !journal_read(&d->journal, text_str(&text), d->sadb_path))
		log_line(LOG_L_NOTIFY, NULL, "journal %s is of another SA database: not used",
			f->path);
	text_free(&text);
}

void
rd_journal_open(struct rd *d)
{
	struct rd_file *f = calloc(1, sizeof(*f));

	sadb_engine_path(d->options->sadb, d->sadb_path, sizeof(d->sadb_path));
	if (f == NULL)
		return;
	f->d = d;
	f->fd = -1;
	if (!journal_name(d, f->path, sizeof(f->path))) {
		give_up("file", "the name cannot be used");
		file_free(f);
		return;
	}
	(void)temporary_name(f->path, f->temporary, sizeof(f->temporary));
	if (strncmp(f->path, RUN_DIRECTORY "/", sizeof(RUN_DIRECTORY)) == 0)
		(void)mkdir(RUN_DIRECTORY, 0755);
	f->fd = open_locked(f->path);
	if (f->fd < 0) {
		give_up(f->path, errno == EWOULDBLOCK ? "another racoon uses it" :
			strerror(errno));
		file_free(f);
		return;
	}
	read_old(d, f);
	/* Header and what is still to be cleaned up, in one piece; nothing else runs yet. */
	journal_rewrite(&d->journal, d->sadb_path, &f->writing);
	if (!write_anew(f)) {
		give_up(f->path, strerror(errno));
		file_free(f);
		return;
	}
	text_clear(&f->writing);
	d->file = f;
}

void
rd_journal_close(struct rd *d, bool clean)
{
	struct rd_file *f = d->file;

	d->file = NULL;
	if (f == NULL)
		return;
	f->clean = clean;
	f->closing = true;
	if (f->busy)
		return;
	/* Not clean: what is pending is what the next start needs to know. */
	if (!clean && d->journal.pending.n > 0 &&
		!file_write(f->fd, bytes_of(d->journal.pending.p, d->journal.pending.n)))
		give_up(f->path, strerror(errno));
	file_free(f);
}

const char *
rd_journal_path(const struct rd *d)
{
	return d->file == NULL ? NULL : d->file->path;
}
