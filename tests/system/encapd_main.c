/*
 * encapd_main.c - a key daemon's UDP socket for tests: handed to ipsecd, and what comes back told.
 *
 *	encapd SOCKET ADDRESS PORT
 *
 * Prints a line when ipsecd took the socket, one when ipsecd gave it back, and one per datagram:
 * who told of it ("passed" by ipsecd, "read" from the socket itself), its octets and end points.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipsec/sadb_encap.h"

enum { RETRY_MS = 100, ROOM = 65536 };

static int
bound_socket(const char *address, const char *port)
{
	struct net_endpoint e = { .port = (uint16_t)atoi(port) };
	struct sockaddr_storage ss;
	int fd, on = 1;

	if (!net_addr_parse(address, &e.addr))
		return -1;
	fd = socket(e.addr.family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&ss, net_to_sockaddr(&e, &ss)) < 0)
		return -1;
	return fd;
}

/* One datagram. False: the descriptor ended. */
static bool
tell(const char *how, int from)
{
	static uint8_t buf[ROOM];
	char a[NET_ENDPOINT_TEXT], b[NET_ENDPOINT_TEXT];
	struct net_endpoint remote, local;
	ssize_t n = sadb_encap_read(from, buf, sizeof(buf), &remote, &local);

	if (n < 0)
		return errno == EAGAIN;
	if (n == 0)
		return false;
	printf("%s %zd octets %s -> %s\n", how, n, net_endpoint_text(a, sizeof(a), &remote),
		net_endpoint_text(b, sizeof(b), &local));
	return true;
}

int
main(int argc, char **argv)
{
	int fd = argc == 4 ? bound_socket(argv[2], argv[3]) : -1, from = -1;
	char why[256];

	if (fd < 0) {
		perror("encapd");
		return EXIT_FAILURE;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (;;) {
		struct pollfd p = { .fd = from >= 0 ? from : fd, .events = POLLIN };

		if (from < 0 && sadb_encap("engine", argv[1], fd, false, &from, why, sizeof(why)) ==
			ST_NORMAL) {
			puts("taken");
			continue;
		}
		if (poll(&p, 1, from >= 0 ? -1 : RETRY_MS) <= 0)
			continue;
		if (tell(from >= 0 ? "passed" : "read", p.fd) || from < 0)
			continue;
		puts("given back");
		close(from);
		from = -1;
	}
}
