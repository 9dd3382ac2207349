/*
 * options.h - the command line of racoon, as values.
 */
#ifndef RACOON_DAEMON_OPTIONS_H
#define RACOON_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

enum rd_task { RD_RUN, RD_TEST, RD_DUMP, RD_VERSION, RD_USAGE };

struct rd_options {
	enum rd_task task;
	const char *config;      /* -f; NULL = default */
	const char *log_file;    /* -l */
	const char *control;     /* -s: control socket */
	const char *sadb;        /* -S: socket of the IPsec engine */
	bool foreground;         /* -F */
	bool restore;            /* -B: put back the SAs of path backupsa */
	unsigned debug;          /* -d, repeatable */
	uint16_t port, natt_port; /* -p, -P; 0 = default */
	int family;              /* -4, -6; 0 = both */
};

/* False: told in why. RD_USAGE: the usage is asked for. Strings are argv's. */
bool rd_options_parse(int argc, char *const *argv, struct rd_options *out, char *why,
	size_t why_size) ATTR_NODISCARD;
extern const char rd_usage[];

#endif
