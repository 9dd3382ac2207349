/*
 * flood_main.c - first messages of main mode from forged addresses, for benchmarks and tests.
 *
 *	flood TO FIRST COUNT RATE SECONDS GROUP [aggressive]
 *
 * Sends RATE messages a second to port 500 of TO, each with another cookie, from random addresses
 * among FIRST … FIRST + COUNT - 1 and random ports.  The proposal is one that a responder takes
 * (AES-128, SHA-1, pre-shared key, GROUP by its number), with as many vendor IDs as usual, so that
 * the responder has all the work of a real one.  With `aggressive` they are of that mode (group 2
 * only), with a public value, so that each costs the responder a key exchange.  Nobody ever answers
 * message 2.  Prints how many
 * were sent, and in how many milliseconds.  Needs a raw socket; for namespaces only.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

enum { BURST = 32, HEADERS = sizeof(struct iphdr) + sizeof(struct udphdr), PORT = 500, COOKIE = 8,
	VENDORS = 8, MESSAGE = 28 + 56 + VENDORS * 20, KE = 4 + 128, NONCE = 4 + 16, ID = 4 + 8,
	AGGRESSIVE = MESSAGE + KE + NONCE + ID };

struct datagram {
	struct iphdr ip;
	struct udphdr udp;
	uint8_t octets[AGGRESSIVE];
};

static struct datagram d[BURST];
static uint64_t state;
static size_t length = MESSAGE;

static uint64_t
draw(void) /* splitmix64 */
{
	uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* RFC 2408 3.1, 3.4 to 3.6, 3.16: header, one SA payload, vendor IDs nobody knows. */
static void
make_message(uint8_t *p, uint8_t group)
{
	const uint8_t header[] = { 1 /* SA */, 0x10, 2 /* identity protection */, 0,
		0, 0, 0, 0, 0, 0, MESSAGE >> 8, MESSAGE & 0xff };
	const uint8_t sa[] = { 13, 0, 0, 56, 0, 0, 0, 1, 0, 0, 0, 1,
		0, 0, 0, 44, 1, 1, 0, 1, 0, 0, 0, 36, 1, 1, 0, 0,
		0x80, 1, 0, 7, 0x80, 14, 0, 128, 0x80, 2, 0, 2, 0x80, 3, 0, 1,
		0x80, 4, 0, group, 0x80, 11, 0, 1, 0x80, 12, 0x70, 0x80 };
	uint8_t *v = p + 28 + sizeof(sa);

	_Static_assert(sizeof(sa) == 56, "the SA payload's length");
	memset(p, 0, MESSAGE);
	memcpy(p + 2 * COOKIE, header, sizeof(header));
	memcpy(p + 28, sa, sizeof(sa));
	for (unsigned i = 0; i < VENDORS; i++, v += 20) {
		v[0] = i + 1 < VENDORS ? 13 : 0;
		v[3] = 20;
		memset(v + 4, (int)(0xa0 + i), 16);
	}
}

/* RFC 2408 3.7, 3.8, 3.13: before the vendor IDs, which become its end; the ID is an address. */
static void
make_aggressive(uint8_t *p)
{
	uint8_t *ke = p + 28 + 56, *nonce = ke + KE, *id = nonce + NONCE;

	memmove(id + ID, ke, VENDORS * 20);
	memset(ke, 0, KE + NONCE + ID);
	p[18] = 4;
	p[28] = 4; /* KE follows the SA */
	p[26] = AGGRESSIVE >> 8;
	p[27] = AGGRESSIVE & 0xff;
	ke[0] = 10;
	ke[3] = KE;
	memset(ke + 4, 0x5a, KE - 4);
	nonce[0] = 5;
	nonce[3] = NONCE;
	id[0] = 13;
	id[3] = ID;
	id[4] = 1; /* ID_IPV4_ADDR */
}

static void
make_datagram(struct datagram *g, struct in_addr to, uint8_t group)
{
	g->ip.version = 4;
	g->ip.ihl = 5;
	g->ip.ttl = 64;
	g->ip.protocol = IPPROTO_UDP;
	g->ip.tot_len = htons((uint16_t)(HEADERS + length));
	g->ip.daddr = to.s_addr;
	g->udp.dest = htons(PORT);
	g->udp.len = htons((uint16_t)(sizeof(g->udp) + length)); /* no checksum */
	make_message(g->octets, group);
	if (length == AGGRESSIVE)
		make_aggressive(g->octets);
}

static void
vary(struct datagram *g, uint32_t first, uint32_t count)
{
	uint64_t cookie = draw(), where = draw();

	g->ip.saddr = htonl(first + (uint32_t)(where >> 32) % count);
	g->udp.source = htons((uint16_t)(1024 + where % 60000));
	memcpy(g->octets, &cookie, COOKIE);
	if (length == AGGRESSIVE) /* the ID is whom it claims to come from */
		memcpy(g->octets + 28 + 56 + KE + NONCE + 8, &g->ip.saddr, 4);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET }, from;
	struct mmsghdr m[BURST] = { 0 };
	struct iovec iov[BURST];
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW), buffer = 4 << 20;
	uint64_t sent = 0, all;
	double began, rate;

	if (argc == 8 && strcmp(argv[7], "aggressive") == 0) {
		length = AGGRESSIVE;
		argc--;
	}
	if (argc != 7 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 ||
		inet_pton(AF_INET, argv[2], &from.sin_addr) != 1 || atol(argv[3]) < 1 ||
		atof(argv[4]) < 1) {
		fputs("usage: flood TO FIRST COUNT RATE SECONDS GROUP [aggressive]\n", stderr);
		return 2;
	}
	if (fd < 0 || getrandom(&state, sizeof(state), 0) != sizeof(state)) {
		perror("flood");
		return EXIT_FAILURE;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	for (unsigned i = 0; i < BURST; i++) {
		make_datagram(&d[i], to.sin_addr, (uint8_t)atoi(argv[6]));
		iov[i] = (struct iovec){ &d[i], HEADERS + length };
		m[i].msg_hdr = (struct msghdr){ .msg_name = &to, .msg_namelen = sizeof(to),
			.msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	rate = atof(argv[4]);
	all = (uint64_t)(rate * atof(argv[5]));
	began = seconds();
	while (sent < all) {
		double ahead = (double)sent / rate - (seconds() - began);
		struct timespec nap = { 0, (long)(ahead * 1e9) };
		int n;

		if (ahead > 0 && ahead < 1)
			nanosleep(&nap, NULL);
		for (unsigned i = 0; i < BURST; i++)
			vary(&d[i], ntohl(from.sin_addr.s_addr), (uint32_t)atol(argv[3]));
		n = sendmmsg(fd, m, BURST, 0);
		if (n < 0) {
			perror("flood");
			return EXIT_FAILURE;
		}
		sent += (uint64_t)n;
	}
	printf("%llu %.0f\n", (unsigned long long)sent, (seconds() - began) * 1000);
	return EXIT_SUCCESS;
}
