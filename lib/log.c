/*
 * log.c - the process's log: level, sink, and the one watcher who feeds MONITOR sessions.
 *
 * Called by glue and programs, from the main thread only.  Engines trace through their environment
 * instead.  It never writes control characters from the outside to a terminal or a file.
 */
#include "lib/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/journal.h"
#include "lib/text.h"

enum { LINE_MAX_OCTETS = 2048, PROGRAM_MAX = 32 };

static struct {
	enum log_level level;
	enum log_sink sink;
	FILE *file;
	int journal; /* behind standard error; 0: none */
	char program[PROGRAM_MAX]; /* openlog keeps the pointer */
	struct log_watch watch;
	bool watching; /* inside the watcher: what it logs is not told to it again */
} the_log = { .level = LOG_L_INFO, .sink = LOG_TO_STDERR };

static const char *const names[] = {
	[LOG_L_ERROR] = "ERROR",
	[LOG_L_WARNING] = "WARNING",
	[LOG_L_NOTIFY] = "NOTIFY",
	[LOG_L_INFO] = "INFO",
	[LOG_L_DEBUG] = "DEBUG",
	[LOG_L_DEBUG2] = "DEBUG2",
};

bool
log_open(const char *program, enum log_sink sink, const char *file)
{
	FILE *f = NULL;

	if (sink == LOG_TO_FILE) {
		int fd = file == NULL ? -1 : open(file,
			O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);

		if (fd < 0)
			return false;
		f = fdopen(fd, "a");
		if (f == NULL) {
			close(fd);
			return false;
		}
	}
	log_close();
	snprintf(the_log.program, sizeof(the_log.program), "%s", program);
	the_log.sink = sink;
	the_log.file = f;
	if (sink == LOG_TO_STDERR) {
		int fd = journal_open(NULL);

		the_log.journal = fd > 0 ? fd : 0;
	}
	if (sink == LOG_TO_SYSLOG)
		openlog(the_log.program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	return true;
}

void
log_close(void)
{
	if (the_log.sink == LOG_TO_SYSLOG)
		closelog();
	if (the_log.file != NULL)
		fclose(the_log.file);
	if (the_log.journal > 0)
		close(the_log.journal);
	the_log.journal = 0;
	the_log.file = NULL;
	the_log.sink = LOG_TO_STDERR;
}

void
log_set_level(enum log_level level)
{
	the_log.level = level;
}

enum log_level
log_level(void)
{
	return the_log.level;
}

void
log_set_watch(const struct log_watch *watch)
{
	the_log.watch = watch == NULL ? (struct log_watch){ 0 } : *watch;
}

const char *
log_level_name(enum log_level level)
{
	return (unsigned)level < ARRAY_LEN(names) ? names[level] : "ERROR";
}

/* Copy s with everything that could act on a terminal made visible; the line is cut at size. */
static void
visible(char *buf, size_t size, const char *s)
{
	size_t at = 0, n = strlen(s);

	while (n > 0) {
		unsigned char c = (unsigned char)*s;
		size_t len = text_utf8(s, n);
		/* U+0080 to U+009F are control characters too. */
		bool plain = len > 0 && c >= 0x20 && c != 0x7f &&
			!(c == 0xc2 && (unsigned char)s[1] < 0xa0);

		if (len == 0 || !plain)
			len = 1;
		if (at + (plain ? len : 4) >= size)
			break;
		if (plain)
			memcpy(buf + at, s, len);
		else
			snprintf(buf + at, size - at, "\\x%02x", c);
		at += plain ? len : 4;
		s += len;
		n -= len;
	}
	buf[at] = '\0';
}

static void
tail_format(char *buf, size_t size, enum log_level level, const char *peer, const char *text)
{
	int n;

	if (peer != NULL)
		n = snprintf(buf, size, "[%s] %s: ", peer, log_level_name(level));
	else
		n = snprintf(buf, size, "%s: ", log_level_name(level));
	if (n > 0 && (size_t)n < size)
		visible(buf + n, size - (size_t)n, text);
}

void
log_format(char *buf, size_t size, wall t, enum log_level level, const char *peer, const char *text)
{
	char date[32];
	int n = snprintf(buf, size, "%s: ", when_iso(date, sizeof(date), t));

	if (n > 0 && (size_t)n < size)
		tail_format(buf + n, size - (size_t)n, level, peer, text);
}

static int
syslog_priority(enum log_level level)
{
	static const int priority[] = {
		[LOG_L_ERROR] = LOG_ERR,
		[LOG_L_WARNING] = LOG_WARNING,
		[LOG_L_NOTIFY] = LOG_NOTICE,
		[LOG_L_INFO] = LOG_INFO,
		[LOG_L_DEBUG] = LOG_DEBUG,
		[LOG_L_DEBUG2] = LOG_DEBUG,
	};

	return priority[level];
}

static void
to_syslog(enum log_level level, const char *peer, const char *text)
{
	char line[LINE_MAX_OCTETS];

	tail_format(line, sizeof(line), level, peer, text);
	syslog(syslog_priority(level), "%s", line);
}

static bool
to_journal(enum log_level level, const char *peer, const char *text)
{
	char line[LINE_MAX_OCTETS];

	if (the_log.journal <= 0)
		return false;
	visible(line, sizeof(line), text);
	return journal_send(the_log.journal, syslog_priority(level), the_log.program, peer, line);
}

void
log_line(enum log_level level, const char *peer, const char *fmt, ...)
{
	char text[LINE_MAX_OCTETS], line[LINE_MAX_OCTETS];
	va_list ap;

	if (level > the_log.level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_format(line, sizeof(line), when_wall(), level, peer, text);
	switch (the_log.sink) {
	case LOG_TO_SYSLOG:
		to_syslog(level, peer, text);
		break;
	case LOG_TO_STDERR:
		if (to_journal(level, peer, text))
			break;
		fprintf(stderr, "%s\n", line);
		break;
	case LOG_TO_FILE:
		fprintf(the_log.file, "%s\n", line);
		fflush(the_log.file);
		break;
	}
	if (the_log.watch.line == NULL || the_log.watching)
		return;
	the_log.watching = true;
	the_log.watch.line(the_log.watch.user, level, line);
	the_log.watching = false;
}
