/*
 * noop_main.c - asks a line server on a Unix socket again and again, and tells how fast it is.
 *
 *	noop SOCKET REQUEST ANSWER COUNT DEPTH
 *	noop SOCKET - ANSWER COUNT 1
 *
 * DEPTH requests are under way at a time; an answer ends with a line that begins with ANSWER (what
 * begins with 200- goes before one).  Prints requests a second and the median and 99th percentile
 * of one round, in microseconds.  With - the requests are lines of standard input, and each round's
 * microseconds are printed, a line each.  The same client for every server that is compared.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, REQUEST_MAX = 64, LINE_MAX_READ = 512 };

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int
fail(const char *what)
{
	fprintf(stderr, "noop: %s\n", what);
	return 1;
}

/* One round: all requests in one write, then as many lines. */
static int
one_round(int fd, const char *out, size_t n, const char *answer, unsigned long depth)
{
	static char in[BUFFER];
	size_t have = 0, answer_n = strlen(answer);
	unsigned long lines = 0;

	if (write(fd, out, n) != (ssize_t)n)
		return fail("cannot write");
	while (lines < depth) {
		ssize_t got = read(fd, in + have, sizeof(in) - have);
		char *line = in, *nl;

		if (got <= 0)
			return fail("the server has closed");
		have += (size_t)got;
		while ((nl = memchr(line, '\n', have - (size_t)(line - in))) != NULL) {
			if (strncmp(line, "200-", 4) != 0) {
				if (strncmp(line, answer, answer_n) != 0)
					return fail("another answer was expected");
				lines++;
			}
			line = nl + 1;
		}
		have -= (size_t)(line - in);
		memmove(in, line, have);
	}
	return lines == depth ? 0 : fail("too many answers");
}

/* The requests of standard input, one after another. */
static int
each_line(int fd, const char *answer, unsigned long count)
{
	char line[LINE_MAX_READ];

	for (unsigned long i = 0; i < count; i++) {
		double start;

		if (fgets(line, sizeof(line), stdin) == NULL)
			return fail("too few requests");
		start = now();
		if (one_round(fd, line, strlen(line), answer, 1) != 0)
			return 1;
		printf("%.0f\n", (now() - start) * 1e6);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	static char out[BUFFER];
	unsigned long count, depth, rounds;
	double *times, begin, total;
	size_t n = 0;
	int fd;

	if (argc != 6 || strlen(argv[1]) >= sizeof(a.sun_path) || strlen(argv[2]) > REQUEST_MAX)
		return fail("usage: noop SOCKET REQUEST ANSWER COUNT DEPTH");
	count = strtoul(argv[4], NULL, 10);
	depth = strtoul(argv[5], NULL, 10);
	if (depth == 0 || count < depth || depth > BUFFER / (REQUEST_MAX + 2))
		return fail("COUNT and DEPTH do not fit");
	rounds = count / depth;
	times = calloc(rounds, sizeof(*times));
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", argv[1]);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (times == NULL || fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		return fail("cannot connect");
	if (strcmp(argv[2], "-") == 0)
		return each_line(fd, argv[3], count);
	for (unsigned long i = 0; i < depth; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s\r\n", argv[2]);
	begin = now();
	for (unsigned long i = 0; i < rounds; i++) {
		double start = now();

		if (one_round(fd, out, n, argv[3], depth) != 0)
			return 1;
		times[i] = now() - start;
	}
	total = now() - begin;
	qsort(times, rounds, sizeof(*times), by_size);
	printf("%.0f %.1f %.1f\n", (double)(rounds * depth) / total, times[rounds / 2] * 1e6,
		times[rounds * 99 / 100] * 1e6);
	free(times);
	close(fd);
	return 0;
}
