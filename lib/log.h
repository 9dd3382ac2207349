/*
 * log.h - the log line: levels, and one sink per process (terminal, file or syslog).
 *
 * Engines never call this: they trace through their environment.  Line form, kept for those who
 * grep racoon's log:  "2026-11-21 10:22:19: [peer] LEVEL: text".
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"
#include "lib/when.h"

enum log_level { LOG_L_ERROR, LOG_L_WARNING, LOG_L_NOTIFY, LOG_L_INFO, LOG_L_DEBUG, LOG_L_DEBUG2 };

enum log_sink { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_FILE };

struct log_watch { /* who else wants each line: MONITOR sessions */
	void (*line)(void *user, enum log_level level, const char *line);
	void *user;
};

bool log_open(const char *program, enum log_sink sink, const char *file); /* file for LOG_TO_FILE */
void log_close(void);
void log_set_level(enum log_level level);
enum log_level log_level(void);
void log_set_watch(const struct log_watch *watch); /* NULL: none; one per process */
const char *log_level_name(enum log_level level);  /* "INFO" */
/* peer may be NULL. Control characters in the text are shown as \xNN. */
void log_line(enum log_level level, const char *peer, const char *fmt, ...) ATTR_PRINTF(3, 4);
/* The line as it will be written, without a newline: shared with golden tests. */
void log_format(char *buf, size_t size, wall t, enum log_level level, const char *peer,
	const char *text);

#endif
