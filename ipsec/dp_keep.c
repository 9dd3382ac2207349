/*
 * dp_keep.c - the file of policies.
 *
 * Called by ipsecd.  What is noted is gathered and written once per turn of the loop, before
 * answers go out.  The file lies where the socket does, usually in memory (/run), so nothing is
 * waited for.
 */
#include "ipsec/dp_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipsec/pfkey.h"
#include "ipsec/sadb_stream.h"
#include "lib/file.h"
#include "lib/log.h"

enum { FILE_MAX = 256 << 20, ROOM_FIRST = 16384 };

struct dp_keep {
	char path[SADB_PATH_MAX], next[SADB_PATH_MAX];
	int fd;         /* -1: not begun, or given up */
	bool renewing;  /* fd is of `next` until it is written */
	size_t size, fresh; /* octets of the file; of what was written when it was begun */
	uint8_t *buf;
	size_t n, room;
};

struct dp_keep *
dp_keep_open(const char *pfkey)
{
	struct dp_keep *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->fd = -1;
	if (snprintf(k->path, sizeof(k->path), "%s.spd", pfkey) < (int)sizeof(k->path) &&
		snprintf(k->next, sizeof(k->next), "%s.new", pfkey) < (int)sizeof(k->next))
		return k;
	free(k);
	return NULL;
}

/* Ours, closed to others, a plain file: it says what passes unprotected. */
static uint8_t *
read_all(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	uint8_t *p = NULL;
	ssize_t got = 0;

	*n = 0;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
		(st.st_mode & 077) == 0 && st.st_size > 0 && st.st_size <= FILE_MAX)
		p = malloc((size_t)st.st_size);
	while (p != NULL && *n < (size_t)st.st_size &&
		(got = read(fd, p + *n, (size_t)st.st_size - *n)) > 0)
		*n += (size_t)got;
	close(fd);
	return p;
}

unsigned
dp_keep_load(struct dp_keep *k, void (*each)(void *user, const struct sadb_msg *m), void *user)
{
	size_t n, at = 0, len;
	uint8_t *p = read_all(k->path, &n);
	struct sadb_msg m;
	unsigned count = 0;

	while (p != NULL && n - at >= PFKEY_HEADER) {
		len = pfkey_length(bytes_of(p + at, n - at));
		if (len < PFKEY_HEADER || len > n - at ||
			pfkey_decode(bytes_of(p + at, len), &m, NULL, 0) != ST_NORMAL ||
			(m.op != SADB_OP_SPDUPDATE && m.op != SADB_OP_SPDDELETE &&
			m.op != SADB_OP_SPDFLUSH))
			break;
		each(user, &m);
		at += len;
		count++;
	}
	free(p);
	return count;
}

static void
give_up(struct dp_keep *k, const char *what)
{
	log_line(LOG_L_WARNING, NULL, "policies are not kept over a crash: %s: %s", what,
		strerror(errno));
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	(void)unlink(k->next);
	k->n = 0;
}

void
dp_keep_begin(struct dp_keep *k)
{
	if (k->fd >= 0)
		close(k->fd);
	(void)unlink(k->next);
	k->n = k->size = k->fresh = 0;
	k->renewing = true;
	k->fd = open(k->next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (k->fd < 0)
		give_up(k, k->next);
}

void
dp_keep_note(struct dp_keep *k, enum sadb_op op, const struct ipsec_policy *p)
{
	struct sadb_msg m = { .op = op, .has_sp = p != NULL };
	struct writer w;

	if (k->fd < 0)
		return;
	if (p != NULL)
		m.sp = *p;
	if (k->room - k->n < PFKEY_MSG_MAX) {
		size_t room = k->room == 0 ? ROOM_FIRST + PFKEY_MSG_MAX : k->room * 2;
		uint8_t *buf = realloc(k->buf, room);

		if (buf == NULL) {
			give_up(k, "memory");
			return;
		}
		k->buf = buf;
		k->room = room;
	}
	w = writer_of(k->buf + k->n, k->room - k->n);
	if (pfkey_encode(&m, &w) == ST_NORMAL)
		k->n += writer_len(&w);
}

bool
dp_keep_write(struct dp_keep *k)
{
	if (k->fd < 0 || (k->n == 0 && !k->renewing))
		return false;
	if (!file_write(k->fd, bytes_of(k->buf, k->n))) {
		give_up(k, k->path);
		return false;
	}
	k->size += k->n;
	k->n = 0;
	if (k->renewing) {
		k->renewing = false;
		k->fresh = k->size;
		if (rename(k->next, k->path) < 0)
			give_up(k, k->path);
	}
	return k->size > 2 * k->fresh + DP_KEEP_SLACK;
}

void
dp_keep_close(struct dp_keep *k, bool in_order)
{
	if (k == NULL)
		return;
	if (k->fd >= 0)
		close(k->fd);
	(void)unlink(k->next);
	if (in_order)
		(void)unlink(k->path);
	free(k->buf);
	free(k);
}
