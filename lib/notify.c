/*
 * notify.c - systemd's notification, watchdog and socket hand-over, for programs that may run under
 * it.
 *
 * Called by main programs at the start and from their loop.  It never waits: a datagram that the
 * manager has no room for is lost, as sd_notify's is.
 */
#include "lib/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/attr.h"

static struct { /* what the manager said to this process */
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* of its socket; "": none */
	int64_t watchdog_us;                                        /* 0: none */
	int listen;
	char names[NOTIFY_TEXT_MAX]; /* of the sockets, colons between */
} manager;

/* A decimal number in the environment; -1: none. */
static int64_t
number(const char *name)
{
	const char *s = getenv(name);
	char *end;
	long long n;

	if (s == NULL || *s < '0' || *s > '9')
		return -1;
	errno = 0;
	n = strtoll(s, &end, 10);
	return errno == 0 && *end == '\0' ? n : -1;
}

static bool
copy(char *to, size_t size, const char *from)
{
	size_t n = from == NULL ? 0 : strlen(from);

	if (n == 0 || n >= size)
		return false;
	memcpy(to, from, n + 1);
	return true;
}

void
notify_open(void)
{
	static const char *const all[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
		"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES" };
	const char *path = getenv("NOTIFY_SOCKET");
	int64_t fds = number("LISTEN_FDS"), us = number("WATCHDOG_USEC");

	memset(&manager, 0, sizeof(manager));
	if (path != NULL && (path[0] == '/' || path[0] == '@'))
		(void)copy(manager.path, sizeof(manager.path), path);
	if (us > 0 && (getenv("WATCHDOG_PID") == NULL || number("WATCHDOG_PID") == getpid()))
		manager.watchdog_us = us;
	if (fds > 0 && fds <= NOTIFY_LISTEN_MAX && number("LISTEN_PID") == getpid() &&
		copy(manager.names, sizeof(manager.names), getenv("LISTEN_FDNAMES")))
		manager.listen = (int)fds;
	for (int i = 0; i < manager.listen; i++)
		(void)fcntl(NOTIFY_LISTEN_FIRST + i, F_SETFD, FD_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		unsetenv(all[i]);
}

void
notify_hand_on(void)
{
	char us[32];

	if (manager.path[0] != '\0')
		setenv("NOTIFY_SOCKET", manager.path, 1);
	if (manager.watchdog_us == 0)
		return;
	snprintf(us, sizeof(us), "%lld", (long long)manager.watchdog_us);
	setenv("WATCHDOG_USEC", us, 1);
}

void
notify_state(const char *fmt, ...)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = strlen(manager.path);
	char text[NOTIFY_TEXT_MAX];
	va_list ap;
	int fd, len;

	if (n == 0)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len <= 0 || (size_t)len >= sizeof(text))
		return;
	memcpy(to.sun_path, manager.path, n);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0'; /* the abstract name space */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)&to,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

int64_t
notify_watchdog_ms(void)
{
	int64_t us = manager.watchdog_us;

	return us == 0 ? 0 : us < 4000 ? 1 : us / 2000;
}

int
notify_listen_fd(const char *name)
{
	const char *at = manager.names;

	for (int i = 0; i < manager.listen && at != NULL; i++) {
		size_t n = strcspn(at, ":");

		if (n == strlen(name) && memcmp(at, name, n) == 0)
			return NOTIFY_LISTEN_FIRST + i;
		at = at[n] == ':' ? at + n + 1 : NULL;
	}
	return -1;
}
