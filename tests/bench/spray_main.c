/*
 * spray_main.c - UDP to many addresses in turn, for benchmarks of many tunnels.
 *
 *	spray send FROM FIRST COUNT OCTETS SECONDS    to FIRST, FIRST + 1, ... in turn
 *	spray sink PORT SECONDS                       counts what comes until then
 *
 * Sends a super-packet (UDP_SEGMENT) to each address, as bulk traffic does.  Prints the datagrams
 * sent in a second, or the Mbit/s received.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

enum { PORT = 9999, BURST = 32, ROOM = 65536 };

static char buf[ROOM];

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
bound(const char *address, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = 4 << 20;

	if (fd < 0 || inet_pton(AF_INET, address, &a.sin_addr) != 1 ||
		bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		perror("spray");
		exit(EXIT_FAILURE);
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	return fd;
}

static int
send_all(char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = bound(argv[2], 0), size = atoi(argv[5]);
	uint32_t first, count = (uint32_t)atoi(argv[4]), sent = 0;
	double length = atof(argv[6]), began = seconds();

	if (inet_pton(AF_INET, argv[3], &to.sin_addr) != 1 || count == 0 || size < 1 ||
		size * BURST > ROOM || setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size,
		sizeof(size)) < 0) {
		perror("spray");
		return EXIT_FAILURE;
	}
	first = ntohl(to.sin_addr.s_addr);
	for (uint32_t i = 0; i % 64 != 0 || seconds() - began < length; i++) {
		to.sin_addr.s_addr = htonl(first + i % count);
		if (sendto(fd, buf, (size_t)size * BURST, 0, (struct sockaddr *)&to,
			sizeof(to)) > 0)
			sent += BURST;
	}
	printf("%.0f\n", sent / (seconds() - began));
	return EXIT_SUCCESS;
}

static int
sink(char **argv)
{
	int fd = bound("0.0.0.0", atoi(argv[2])), on = 1;
	double length = atof(argv[3]), began = 0, now = 0;
	struct timeval patience = { .tv_sec = 5 };
	uint64_t octets = 0;
	ssize_t n;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		now = seconds();
		if (began == 0)
			began = now;
		octets += (uint64_t)n;
		if (now - began >= length)
			break;
	}
	printf("%.1f\n", now > began ? (double)octets * 8 / (now - began) / 1e6 : 0);
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "send") == 0)
		return send_all(argv);
	if (argc == 4 && strcmp(argv[1], "sink") == 0)
		return sink(argv);
	fputs("usage: spray send FROM FIRST COUNT OCTETS SECONDS | spray sink PORT SECONDS\n",
		stderr);
	return 2;
}
