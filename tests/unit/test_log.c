/* test_log.c - the line's form, what is made visible, levels, the file sink and the watcher. */
#include "lib/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

static void
line_form(void **state)
{
	wall t = { 1795256539750 };
	char line[256];

	(void)state;
	log_format(line, sizeof(line), t, LOG_L_INFO, "10.0.0.1", "up");
	assert_string_equal(line, "2026-11-21 10:22:19: [10.0.0.1] INFO: up");
	log_format(line, sizeof(line), t, LOG_L_ERROR, NULL, "a\x1b[1m\nb\x7f\xff\xc2\x9b\xc3\xa9");
	assert_string_equal(line,
		"2026-11-21 10:22:19: ERROR: a\\x1b[1m\\x0ab\\x7f\\xff\\xc2\\x9b\xc3\xa9");
	log_format(line, 32, t, LOG_L_ERROR, NULL, "abcdefgh");
	assert_string_equal(line, "2026-11-21 10:22:19: ERROR: abc");
	log_format(line, 10, t, LOG_L_ERROR, NULL, "abcdefgh");
	assert_int_equal(strlen(line), 9);
	assert_string_equal(log_level_name(LOG_L_DEBUG2), "DEBUG2");
	assert_string_equal(log_level_name((enum log_level)77), "ERROR");
}

static unsigned told;

static void
watcher(void *user, enum log_level level, const char *line)
{
	told++;
	assert_string_equal(user, "me");
	assert_true(level <= LOG_L_DEBUG);
	assert_non_null(strstr(line, "hello"));
	log_line(LOG_L_ERROR, NULL, "from inside the watcher");
}

static void
file_level_watch(void **state)
{
	char name[] = "/tmp/test_log.XXXXXX";
	int fd = mkstemp(name);
	struct log_watch watch = { watcher, (void *)(uintptr_t)"me" };
	char longer[5000], buf[8192];
	ssize_t n;

	(void)state;
	close(fd);
	unlink(name);
	assert_false(log_open("t", LOG_TO_FILE, "/nonexistent/dir/file"));
	assert_false(log_open("t", LOG_TO_FILE, NULL));
	assert_true(log_open("t", LOG_TO_FILE, name));
	log_set_watch(&watch);
	assert_int_equal(log_level(), LOG_L_INFO);
	log_line(LOG_L_DEBUG, NULL, "hello unseen");
	assert_int_equal(told, 0);
	log_line(LOG_L_INFO, "p", "hello %d", 1);
	log_set_level(LOG_L_DEBUG);
	log_line(LOG_L_DEBUG, NULL, "hello 2");
	assert_int_equal(told, 2);
	log_set_watch(NULL);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	log_line(LOG_L_ERROR, NULL, "%s", longer);
	assert_int_equal(told, 2);
	log_close();
	fd = open(name, O_RDONLY);
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	unlink(name);
	assert_true(n > 0 && n < 3000);
	buf[n] = '\0';
	assert_non_null(strstr(buf, ": [p] INFO: hello 1\n"));
	assert_non_null(strstr(buf, ": DEBUG: hello 2\n"));
	assert_non_null(strstr(buf, "from inside the watcher\n"));
	assert_null(strstr(buf, "unseen"));
	assert_int_equal(buf[n - 1], '\n');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_form),
		cmocka_unit_test(file_level_watch),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
