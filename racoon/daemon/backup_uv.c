/*
 * backup_uv.c - the file of `path backupsa`, and `racoon -B`.
 *
 * Called by sadb_host_uv.c: with every SA before it is asked for, and once when the SA database is
 * ready.  The file holds keys in clear: it is made with mode 0600, opened without following links,
 * and said so at each start.  A start without -B begins it anew, for the SAs in it are those of a
 * racoon that is gone; with -B they are put back as far as their time is not over.
 */
#include "racoon/daemon/host_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/secret.h"
#include "racoon/daemon/backup.h"

static void
give_up(struct rd *d, const char *path, const char *why)
{
	log_line(LOG_L_ERROR, NULL, "backup of SAs \"%s\": %s; no SA is written there", path, why);
	if (d->backup_fd >= 0)
		close(d->backup_fd);
	d->backup_fd = -1;
}

/* Ours alone, or none. */
static const char *
fault_of(int fd, uint32_t uid)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is not a regular file";
	if (st.st_uid != uid)
		return "it belongs to another user";
	if ((st.st_mode & 077) != 0 && fchmod(fd, 0600) != 0)
		return "it is open to others (expected mode 0600)";
	return NULL;
}

static void
read_line(struct rd *d, const char *line)
{
	struct ipsec_sa *sa;
	enum status status;

	if (d->restores == d->restore_room) {
		size_t room = d->restore_room == 0 ? 64 : 2 * d->restore_room;
		struct ipsec_sa *more = room > BACKUP_SAS_MAX ? NULL : calloc(room, sizeof(*more));
		if (more == NULL)
			return;
		if (d->restores != 0)
			memcpy(more, d->restore, d->restores * sizeof(*more));
		if (d->restore != NULL)
			wipe(d->restore, d->restores * sizeof(*d->restore));
		free(d->restore);
		d->restore = more;
		d->restore_room = room;
	}
	sa = &d->restore[d->restores];
	status = backup_parse(line, when_wall(), sa);
	if (status == ST_NORMAL)
		d->restores++;
	else if (status == ST_BADCONF)
		log_line(LOG_L_WARNING, NULL, "a line of the backup file is no SA: left out");
	if (status != ST_NORMAL)
		ipsec_sa_wipe(sa);
}

static void
read_all(struct rd *d)
{
	struct text text = { .limit = BACKUP_FILE_MAX };
	char buf[16384];
	ssize_t n;

	while ((n = read(d->backup_fd, buf, sizeof(buf))) > 0)
		text_add_n(&text, buf, (size_t)n);
	wipe(buf, sizeof(buf));
	for (char *line = text.p, *end; !text.failed && line != NULL && *line != '\0'; line = end) {
		end = line + strcspn(line, "\n");
		if (*end != '\0')
			*end++ = '\0';
		read_line(d, line);
	}
	if (text.p != NULL)
		wipe(text.p, text.n);
	text_free(&text);
}

void
rd_backup_open(struct rd *d)
{
	const char *path = d->config->path_backupsa, *fault;

	d->backup_fd = -1;
	if (path == NULL) {
		if (d->options->restore)
			log_line(LOG_L_WARNING, NULL, "-B has no effect without \"path backupsa\"");
		return;
	}
	d->backup_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		0600);
	fault = d->backup_fd < 0 ? strerror(errno) : fault_of(d->backup_fd, d->rc_options.uid);
	if (fault != NULL) {
		give_up(d, path, fault);
		return;
	}
	if (d->options->restore)
		read_all(d);
	if (ftruncate(d->backup_fd, 0) != 0) {
		give_up(d, path, strerror(errno));
		return;
	}
	log_line(LOG_L_WARNING, NULL, "the keys of every IPsec SA are written to \"%s\"", path);
}

void
rd_backup_add(struct rd *d, const struct ipsec_sa *sa)
{
	struct text line = { .limit = BACKUP_LINE_MAX };

	if (d->backup_fd < 0)
		return;
	if (backup_line(sa, when_wall(), &line) &&
		write(d->backup_fd, line.p, line.n) != (ssize_t)line.n)
		give_up(d, d->config->path_backupsa == NULL ? "" : d->config->path_backupsa,
			strerror(errno));
	if (line.p != NULL)
		wipe(line.p, line.n);
	text_free(&line);
}

/* -B, once the database is there.  One that it has already stays as it is. */
void
rd_backup_restore(struct rd *d, uint64_t id)
{
	if (d->restores != 0)
		log_line(LOG_L_NOTIFY, NULL, "%zu IPsec SAs of the backup file are put back",
			d->restores);
	for (size_t i = 0; i < d->restores; i++) {
		struct sadb_msg m = { .op = SADB_OP_ADD, .has_sa = true, .sa = d->restore[i] };

		sadb_client_request(d->sadb, id, &m);
		rd_backup_add(d, &m.sa);
		sadb_msg_wipe(&m);
	}
	rd_backup_forget(d);
}

void
rd_backup_forget(struct rd *d)
{
	if (d->restore != NULL)
		wipe(d->restore, d->restore_room * sizeof(*d->restore));
	free(d->restore);
	d->restore = NULL;
	d->restores = d->restore_room = 0;
}

void
rd_backup_close(struct rd *d)
{
	rd_backup_forget(d);
	if (d->backup_fd >= 0)
		close(d->backup_fd);
	d->backup_fd = -1;
}
