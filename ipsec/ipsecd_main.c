/*
 * ipsecd_main.c - the embedded IPsec engine as a program: options, logging, and no more.
 *
 * Runs as service IPSEC under the master server (its channel is inherited) or alone.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipsec/dp_tun.h"
#include "ipsec/ipsecd.h"
#include "ipsec/sadb.h"
#include "lib/ctl_uv.h"
#include "lib/log.h"

enum { EXIT_USAGE = 2 };

static void
usage(FILE *to)
{
	fputs("usage: ipsecd [-FdVh] [-s SOCKET] [-c SOCKET] [-t NAME] [-m MTU] [-l FILE]\n"
	      "  -F         stay in the foreground\n"
	      "  -s SOCKET  where setkey and the key daemons connect (MULTINET_IPSEC_SOCKET, else\n"
	      "             " SADB_ENGINE_SOCKET ")\n"
	      "  -c SOCKET  control socket for operators, when not run by the master server\n"
	      "  -t NAME    name of the TUN device (mnipsec%d)\n"
	      "  -m MTU     its MTU (1400): what fits a packet of the network with all protection\n"
	      "  -l FILE    log file (standard error in the foreground, else syslog)\n"
	      "  -d         log more; twice: still more\n"
	      "  -h, --help     print this\n"
	      "  -V, --version  print the version\n", to);
}

struct command {
	struct ipsecd_options o;
	const char *log;
	bool foreground;
	unsigned debug;
};

static bool
take_mtu(struct command *c, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	c->o.mtu = (unsigned)n;
	if (end != text && *end == '\0' && n >= DP_MTU_MIN && n <= DP_MTU_MAX)
		return true;
	fprintf(stderr, "ipsecd: -m %s: expected a number from %d to %d\n", text, DP_MTU_MIN,
		DP_MTU_MAX);
	return false;
}

/* False: end with *status. */
static bool
read_options(int argc, char **argv, struct command *c, int *status)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*status = EXIT_USAGE;
	while ((option = getopt_long(argc, argv, "Fs:c:t:m:l:dVh", longs, NULL)) != -1) {
		switch (option) {
		case 'F':
			c->foreground = true;
			break;
		case 's':
			c->o.socket = optarg;
			break;
		case 'c':
			c->o.control = optarg;
			break;
		case 't':
			c->o.tun = optarg;
			break;
		case 'm':
			if (!take_mtu(c, optarg))
				return false;
			break;
		case 'l':
			c->log = optarg;
			break;
		case 'd':
			c->debug++;
			break;
		case 'V':
			puts("ipsecd " MULTINET_VERSION);
			*status = EXIT_SUCCESS;
			return false;
		case 'h':
			usage(stdout);
			*status = EXIT_SUCCESS;
			return false;
		default:
			usage(stderr);
			return false;
		}
	}
	if (optind == argc && strlen(c->o.tun) < DP_TUN_NAME)
		return true;
	if (optind < argc)
		fprintf(stderr, "ipsecd: \\%s\\ is not expected\n", argv[optind]);
	else
		fprintf(stderr, "ipsecd: -t %s: a device's name has at most %d characters\n",
			c->o.tun, DP_TUN_NAME - 1);
	return false;
}

static bool
open_log(const struct command *c)
{
	enum log_sink sink = c->log != NULL ? LOG_TO_FILE :
		c->foreground ? LOG_TO_STDERR : LOG_TO_SYSLOG;

	log_set_level(c->debug == 0 ? LOG_L_INFO : c->debug == 1 ? LOG_L_DEBUG : LOG_L_DEBUG2);
	if (log_open("ipsecd", sink, c->log))
		return true;
	fprintf(stderr, "ipsecd: %s: the log file cannot be opened\n", c->log);
	return false;
}

int
main(int argc, char **argv)
{
	struct command c = { .o = { .tun = "mnipsec%d", .mtu = DP_MTU } };
	char why[256];
	int status;

	if (!read_options(argc, argv, &c, &status))
		return status;
	/* The master server supervises this process: it must not go to the background. */
	c.o.channel = ctl_channel_fd();
	if (c.o.channel >= 0)
		c.foreground = true;
	if (!open_log(&c))
		return EXIT_FAILURE;
	if (!c.foreground && daemon(0, 0) < 0) {
		perror("ipsecd: daemon");
		return EXIT_FAILURE;
	}
	status = ipsecd_run(&c.o, why, sizeof(why));
	if (why[0] != '\0')
		log_line(LOG_L_ERROR, NULL, "cannot start: %s", why);
	log_close();
	return status;
}
