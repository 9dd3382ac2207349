/*
 * racoonctl_main.c - racoonctl: the command of ipsec-tools, on the control protocol of this racoon.
 *
 *	racoonctl [-l[l]] [-d] [-s SOCK] command [argument…]
 *
 * One command per run.  Exit status: 0 done (also what was so already), 1 not.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/list.h"
#include "racoon/daemon/adm.h"

static const struct command {
	const char *name, *brief, *arguments;
	int (*run)(struct adm *a, int argc, char **argv);
} commands[] = {
	{ "reload-config", "rc", "", adm_reload },
	{ "show-schedule", "sc", "", adm_schedule },
	{ "show-sa", "ss", "[isakmp|esp|ah|ipsec]", adm_show_sa },
	{ "get-cert", "gc", "inet|inet6 SRC DST", adm_get_cert },
	{ "flush-sa", "fs", "isakmp|esp|ah|ipsec", adm_flush_sa },
	{ "delete-sa", "ds", "SAOPTS", adm_delete_sa },
	{ "establish-sa", "es", "[-u identity] [-n remoteconf] [-w] SAOPTS", adm_establish_sa },
	{ "vpn-connect", "vc", "[-u identity] vpn_gateway", adm_vpn_connect },
	{ "vpn-disconnect", "vd", "vpn_gateway", adm_vpn_disconnect },
	{ "show-event", "se", "", adm_show_event },
	{ "logout-user", "lu", "login", adm_logout_user },
	{ "status", "st", "[-v] [-f text|json]", adm_status },
};

static void
usage(FILE *to)
{
	fputs("usage: racoonctl [-l[l]] [-d] [-s SOCK] command [argument...]\n", to);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "  %s (%s) %s\n", commands[i].name, commands[i].brief,
			commands[i].arguments);
	fputs("SAOPTS is one of\n"
	      "  isakmp {inet|inet6} SRC DST\n"
	      "  {esp|ah} {inet|inet6} SRC/prefixlen/port DST/prefixlen/port "
	      "{icmp|tcp|udp|gre|any}\n", to);
}

static const struct command *
find_command(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(word, commands[i].name) == 0 || strcmp(word, commands[i].brief) == 0)
			return &commands[i];
	printf("Invalid command [%s]\n", word);
	fprintf(stderr, "kmpstat: Invalid argument\n");
	return NULL;
}

int
main(int argc, char **argv)
{
	const struct command *command;
	struct adm a = { .fd = -1 };
	int c, status = EXIT_FAILURE;

	while ((c = getopt(argc, argv, "+lds:hV")) != -1)
		switch (c) {
		case 'l':
			a.detail++;
			break;
		case 'd':
			a.dump = true;
			break;
		case 's':
			a.socket = optarg;
			break;
		case 'V':
			puts("racoonctl " MULTINET_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_FAILURE;
		}
	if (optind == argc) {
		usage(stderr);
		return EXIT_FAILURE;
	}
	command = find_command(argv[optind]);
	if (command == NULL)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	argc -= optind;
	argv += optind;
	if (adm_open(&a))
		status = command->run(&a, argc, argv);
	adm_close(&a);
	if (fflush(stdout) != 0)
		status = EXIT_FAILURE;
	return status;
}
