/*
 * test_notify.c - the service manager's side, played with sockets of our own.
 */
#include "lib/notify.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void
test_nobody(void **state)
{
	(void)state;
	notify_open();
	notify_state("READY=1");
	assert_int_equal(notify_watchdog_ms(), 0);
	assert_int_equal(notify_listen_fd("operator"), -1);
}

static void
hears(int fd, const char *text)
{
	char got[256];
	ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);

	if (text == NULL) {
		assert_int_equal(n, -1);
		return;
	}
	assert_int_equal(n, strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static void
with_socket(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(a.sun_path, path, strlen(path));
	if (path[0] == '@')
		a.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&a,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	notify_open();
	assert_null(getenv("NOTIFY_SOCKET"));
	notify_state("READY=1\nSTATUS=%d services", 3);
	hears(fd, "READY=1\nSTATUS=3 services");
	notify_state("STATUS=%600d", 1); /* longer than any */
	hears(fd, NULL);
	notify_hand_on();
	assert_string_equal(getenv("NOTIFY_SOCKET"), path);
	unsetenv("NOTIFY_SOCKET");
	close(fd);
	notify_state("READY=1"); /* nobody listens any longer: no harm */
}

static void
test_notify(void **state)
{
	char path[64], name[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_notify.%d", (int)getpid());
	snprintf(name, sizeof(name), "@test_notify.%d", (int)getpid());
	with_socket(path);
	unlink(path);
	with_socket(name);
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_open();
	notify_hand_on();
	assert_null(getenv("NOTIFY_SOCKET"));
}

static void
test_watchdog(void **state)
{
	char pid[32];

	(void)state;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	notify_open();
	assert_int_equal(notify_watchdog_ms(), 15000);
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", "1", 1); /* not for us */
	notify_open();
	assert_int_equal(notify_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "3e7", 1);
	notify_open();
	assert_int_equal(notify_watchdog_ms(), 0);
}

static void
test_listen(void **state)
{
	char pid[32];
	int kept[2];

	(void)state;
	/* Descriptors 3 and 4, whatever they were. */
	kept[0] = fcntl(3, F_DUPFD, 10);
	kept[1] = fcntl(4, F_DUPFD, 10);
	assert_int_not_equal(dup2(STDIN_FILENO, 3), -1);
	assert_int_not_equal(dup2(STDIN_FILENO, 4), -1);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDNAMES", "operator:reader", 1);
	notify_open();
	assert_int_equal(notify_listen_fd("operator"), 3);
	assert_int_equal(notify_listen_fd("reader"), 4);
	assert_int_equal(notify_listen_fd("read"), -1);
	assert_int_equal(notify_listen_fd(""), -1);
	assert_true(fcntl(4, F_GETFD) & FD_CLOEXEC);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDNAMES", "operator:reader", 1);
	notify_open();
	assert_int_equal(notify_listen_fd("operator"), -1);
	for (int i = 0; i < 2; i++) {
		if (kept[i] >= 0) {
			dup2(kept[i], 3 + i);
			close(kept[i]);
		} else {
			close(3 + i);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
