/*
 * journal.c - log lines for journald, without its library.
 *
 * A datagram of FIELD=value lines; our texts have no newlines (log.c shows control characters), so
 * the form for binary values is never needed.
 */
#include "lib/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { DATAGRAM_MAX = 4096 };
#define JOURNAL "/run/systemd/journal/socket"

/* Is standard error the stream that the environment says leads to the journal? */
static bool
behind_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
		fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

int
journal_open(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (path == NULL && !behind_stderr())
		return -1;
	if (path == NULL)
		path = JOURNAL;
	if (strlen(path) >= sizeof(to.sun_path))
		return -1;
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool
journal_send(int fd, int priority, const char *program, const char *peer, const char *text)
{
	char line[DATAGRAM_MAX];
	const char *who = peer != NULL ? peer : "";
	int n = snprintf(line, sizeof(line),
		"PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n%s%s%sMESSAGE=%s%s%s\n", priority, program,
		peer != NULL ? "MULTINET_PEER=" : "", who, peer != NULL ? "\n" : "", who,
		peer != NULL ? ": " : "", text);

	return n > 0 && (size_t)n < sizeof(line) &&
		send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n;
}
