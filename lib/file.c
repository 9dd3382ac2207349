/*
 * file.c - writing files whole.
 *
 * A replacement is written beside the old file, synchronised and renamed over it.  Never follows a
 * link in the temporary name: mkostemp makes that one anew.
 */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool
file_write(int fd, struct bytes content)
{
	while (content.n > 0) {
		ssize_t done = write(fd, content.p, content.n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		content = bytes_of(content.p + done, content.n - (size_t)done);
	}
	return true;
}

/* Only root can give the file to its old owner; else it becomes ours, as with editors. */
static bool
dress(int fd, const struct stat *as, mode_t mode)
{
	if (as != NULL && fchown(fd, as->st_uid, as->st_gid) != 0 && errno != EPERM)
		return false;
	return fchmod(fd, as == NULL ? mode : as->st_mode & 07777) == 0;
}

bool
file_replace(const char *path, struct bytes content, const struct stat *as, mode_t mode)
{
	char fresh[PATH_MAX];
	bool good;
	int fd, reason;

	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path) >= sizeof(fresh)) {
		errno = ENAMETOOLONG;
		return false;
	}
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return false;
	good = dress(fd, as, mode) && file_write(fd, content) && fsync(fd) == 0;
	reason = errno;
	if (close(fd) != 0 && good) {
		good = false;
		reason = errno;
	}
	if (good && rename(fresh, path) == 0)
		return true;
	if (good)
		reason = errno;
	(void)unlink(fresh);
	errno = reason;
	return false;
}
