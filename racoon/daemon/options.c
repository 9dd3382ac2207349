/*
 * options.c - the command line of racoon (that of ipsec-tools, and -s and -S for sockets).
 *
 * Called by racoon_main.c and by tests; prints nothing.
 */
#include "racoon/daemon/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char rd_usage[] = "usage: racoon [-BCdFLtvV46] [-f file] [-l file] [-p port] [-P port]\n"
			"              [-s socket] [-S socket]\n"
			"  -f file    configuration (MULTINET:RACOON.CONF)\n"
			"  -t         check the configuration, then end\n"
			"  -C         print the configuration as it was understood, then end\n"
			"  -F         stay in the foreground\n"
			"  -d         more debugging; repeatable\n"
			"  -l file    log to a file\n"
			"  -p port    ISAKMP port (500)\n"
			"  -P port    NAT traversal port (4500)\n"
			"  -s socket  control socket (/run/multinet/racoon.sock)\n"
			"  -S socket  socket of the IPsec engine\n"
			"  -4, -6     only this version of IP\n"
			"  -h, --help     print this\n"
			"  -V, --version  print the version and what it can do\n"
			"  -v, -L     accepted for old scripts, without effect\n"
			"  -B         put back the IPsec SAs of path backupsa\n";

struct scan { /* through argv, one letter at a time */
	int argc, at;
	char *const *argv;
	const char *letters; /* the rest of the present word */
};

/* The value of an option: the rest of its word, or the next one. */
static const char *
value_of(struct scan *s)
{
	const char *value = s->letters;

	s->letters = "";
	if (*value != '\0')
		return value;
	return s->at < s->argc ? s->argv[s->at++] : NULL;
}

static bool
port_of(const char *text, uint16_t *out)
{
	char *end;
	unsigned long v;

	if (*text < '0' || *text > '9')
		return false;
	v = strtoul(text, &end, 10);
	if (*end != '\0' || v == 0 || v > UINT16_MAX)
		return false;
	*out = (uint16_t)v;
	return true;
}

static bool
take_value(struct scan *s, char letter, struct rd_options *o, char *why, size_t why_size)
{
	const char *value = value_of(s);

	if (value == NULL) {
		snprintf(why, why_size, "option -%c: expected a value", letter);
		return false;
	}
	switch (letter) {
	case 'f':
		o->config = value;
		return true;
	case 'l':
		o->log_file = value;
		return true;
	case 's':
		o->control = value;
		return true;
	case 'S':
		o->sadb = value;
		return true;
	}
	if (port_of(value, letter == 'p' ? &o->port : &o->natt_port))
		return true;
	snprintf(why, why_size, "option -%c: \"%s\": expected a port from 1 to 65535", letter,
		value);
	return false;
}

static bool
take_flag(char letter, struct rd_options *o, char *why, size_t why_size)
{
	switch (letter) {
	case 'F':
		o->foreground = true;
		return true;
	case 'd':
		o->debug++;
		return true;
	case 'C':
		o->task = RD_DUMP;
		return true;
	case 't':
		o->task = RD_TEST;
		return true;
	case 'V':
		o->task = RD_VERSION;
		return true;
	case 'h':
		o->task = RD_USAGE;
		return true;
	case '4':
	case '6':
		o->family = letter - '0';
		return true;
	case 'L':
	case 'v':
		return true;
	case 'B':
		o->restore = true;
		return true;
	}
	snprintf(why, why_size, "unknown option -%c", letter);
	return false;
}

bool
rd_options_parse(int argc, char *const *argv, struct rd_options *out, char *why, size_t why_size)
{
	struct scan s = { .argc = argc, .at = 1, .argv = argv, .letters = "" };

	*out = (struct rd_options){ .task = RD_RUN };
	for (;;) {
		char letter;

		if (*s.letters == '\0') {
			if (s.at >= s.argc)
				return true;
			s.letters = s.argv[s.at++];
			if (s.letters[0] != '-' || s.letters[1] == '\0') {
				snprintf(why, why_size, "unexpected \"%s\"", s.letters);
				break;
			}
			if (strcmp(s.letters, "--help") == 0)
				s.letters = "-h";
			else if (strcmp(s.letters, "--version") == 0)
				s.letters = "-V";
			s.letters++;
		}
		letter = *s.letters++;
		if (strchr("flpPsS", letter) != NULL ?
			!take_value(&s, letter, out, why, why_size) :
			!take_flag(letter, out, why, why_size))
			break;
	}
	out->task = RD_USAGE;
	return false;
}
