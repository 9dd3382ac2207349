/*
 * sadb_dial.c - connecting to ipsecd.
 *
 * Called by backend_engine.c and sadb_encap.c.  Glue, not an engine: who dials is a setting of the
 * process, made once before there are threads.
 */
#include "ipsec/sadb_dial.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
	sadb_dialler *dial;
	void *user;
} other;

void
sadb_dial_by(sadb_dialler *dial, void *user)
{
	other.dial = dial;
	other.user = user;
}

int
sadb_dial(const char *path, bool packets)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, type = (packets ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;

	if (other.dial != NULL)
		return other.dial(other.user, packets);
	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(un.sun_path, path);
	fd = socket(AF_UNIX, type, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}
