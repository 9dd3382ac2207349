/*
 * test_journal.c - journald's side, played with a socket of our own.
 */
#include "lib/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void
test_fields(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int from = socket(AF_UNIX, SOCK_DGRAM, 0), to;
	char got[8192];
	ssize_t n;

	(void)state;
	snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/test_journal.%d", (int)getpid());
	unlink(a.sun_path);
	assert_int_equal(bind(from, (struct sockaddr *)&a, sizeof(a)), 0);
	to = journal_open(a.sun_path);
	assert_true(to >= 0);
	assert_true(journal_send(to, 6, "racoon", "192.0.2.1[500]", "ISAKMP-SA established"));
	n = recv(from, got, sizeof(got) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got, "PRIORITY=6\nSYSLOG_IDENTIFIER=racoon\n"
				 "MULTINET_PEER=192.0.2.1[500]\n"
				 "MESSAGE=192.0.2.1[500]: ISAKMP-SA established\n");
	assert_true(journal_send(to, 3, "racoon", NULL, "no peer"));
	n = recv(from, got, sizeof(got) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got, "PRIORITY=3\nSYSLOG_IDENTIFIER=racoon\nMESSAGE=no peer\n");
	memset(got, 'x', 5000);
	got[5000] = '\0';
	assert_false(journal_send(to, 3, "racoon", NULL, got)); /* too long: written another way */
	close(from);
	assert_false(journal_send(to, 3, "racoon", NULL, "nobody reads"));
	close(to);
	unlink(a.sun_path);
}

static void
test_not_behind_stderr(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	assert_int_equal(journal_open(NULL), -1);
	setenv("JOURNAL_STREAM", "1:1", 1); /* some other stream */
	assert_int_equal(journal_open(NULL), -1);
	setenv("JOURNAL_STREAM", "nonsense", 1);
	assert_int_equal(journal_open(NULL), -1);
	unsetenv("JOURNAL_STREAM");
	assert_int_equal(journal_open("/nonexistent/socket"), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_not_behind_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
