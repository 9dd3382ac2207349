/*
 * auth_file.c - reading key and certificate files.
 *
 * Called while a configuration is loaded, never by an engine.  A private key that others can read
 * is as good as published: such a file is refused, not warned of.
 */
#include "racoon/auth/auth_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/secret.h"

enum status
auth_file_fault(const char *path, uint32_t mode, uint32_t owner, bool secret, uint32_t uid,
	char *why, size_t size)
{
	if (!S_ISREG(mode)) {
		snprintf(why, size, "%s is not a regular file", path);
		return ST_NOFILE;
	}
	if (secret && owner != uid) {
		snprintf(why, size,
			"%s belongs to user %u: it must belong to user %u, who runs "
			"racoon (chown %u %s)",
			path, (unsigned)owner, (unsigned)uid, (unsigned)uid, path);
		return ST_FILEPROT;
	}
	if (secret && (mode & 077) != 0) {
		snprintf(why, size,
			"%s is open to others (mode %04o): expected mode 0600 (chmod 600 %s)", path,
			(unsigned)mode & 07777, path);
		return ST_FILEPROT;
	}
	return ST_NORMAL;
}

enum status
auth_read_file(
	const char *path, bool secret, uint32_t uid, struct text *out, char *why, size_t size)
{
	/* O_NONBLOCK: what turns out to be a pipe must not hold us up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st = { .st_mode = 0 };
	char buf[4096];
	enum status status;
	ssize_t n;

	out->limit = AUTH_FILE_MAX;
	if (fd < 0) {
		snprintf(why, size, "%s: %s", path, strerror(errno));
		return ST_NOFILE;
	}
	if (fstat(fd, &st) != 0)
		st.st_mode = 0; /* not regular, then */
	status = auth_file_fault(path, (uint32_t)st.st_mode, (uint32_t)st.st_uid, secret, uid, why,
		size);
	while (status == ST_NORMAL && (n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0) {
			snprintf(why, size, "%s: %s", path, strerror(errno));
			status = ST_SYSERR;
		} else {
			text_add_n(out, buf, (size_t)n);
		}
		if (out->failed) {
			snprintf(why, size, "%s: the file is too large", path);
			status = ST_LIMIT;
		}
	}
	wipe(buf, sizeof(buf));
	close(fd);
	if (status != ST_NORMAL)
		text_free(out);
	return status;
}
