/* test_file.c - files written whole, or left as they were. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/file.h"

static char folder[] = "/tmp/test_file.XXXXXX", path[64];

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/it", folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder); /* fails when something was left beside it */
}

static void
holds(const char *text)
{
	char got[64] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_int_equal(fread(got, 1, sizeof(got) - 1, f), strlen(text));
	fclose(f);
	assert_string_equal(got, text);
}

static void
replaced(void **state)
{
	struct stat st;

	(void)state;
	assert_true(file_replace(path, bytes_str("one\n"), NULL, 0640));
	holds("one\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(chmod(path, 0604), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(file_replace(path, bytes_str("two"), &st, 0600));
	holds("two");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
}

static void
refused(void **state)
{
	char absent[80], too_long[PATH_MAX + 1];

	(void)state;
	snprintf(absent, sizeof(absent), "%s/absent/it", folder);
	assert_false(file_replace(absent, bytes_str("x"), NULL, 0600));
	assert_int_equal(errno, ENOENT);
	memset(too_long, 'a', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	assert_false(file_replace(too_long, bytes_str("x"), NULL, 0600));
	assert_int_equal(errno, ENAMETOOLONG);
	assert_true(file_replace(path, bytes_str("kept"), NULL, 0600));
	assert_int_equal(mkdir(absent, 0700), -1);
	snprintf(absent, sizeof(absent), "%s/folder", folder);
	assert_int_equal(mkdir(absent, 0700), 0);
	assert_false(file_replace(absent, bytes_str("x"), NULL, 0600)); /* no file takes its name */
	assert_int_equal(rmdir(absent), 0);
	holds("kept");
}

static void
every_octet(void **state)
{
	static char big[1 << 20];
	int full = open("/dev/full", O_WRONLY), fd[2];

	(void)state;
	assert_true(full >= 0);
	assert_false(file_write(full, bytes_str("x")));
	assert_int_equal(errno, ENOSPC);
	close(full);
	/* A pipe takes it in pieces. */
	assert_int_equal(pipe(fd), 0);
	pid_t child = fork();
	if (child == 0) {
		close(fd[0]);
		memset(big, 'b', sizeof(big));
		_exit(file_write(fd[1], bytes_of(big, sizeof(big))) ? 0 : 1);
	}
	close(fd[1]);
	size_t n = 0;
	for (ssize_t got; (got = read(fd[0], big, 1000)) > 0;)
		n += (size_t)got;
	assert_int_equal(n, sizeof(big));
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fd[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaced),
		cmocka_unit_test(refused),
		cmocka_unit_test(every_octet),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
