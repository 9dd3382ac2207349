/*
 * hostile_main.c - replay hostile datagrams against live daemons and judge what they do.  TAP.
 *
 *	hostile FILE --target ADDR --source ADDR --racoon SOCKET [--ipsec SOCKET] [--peer SOCKET]
 *
 * FILE is a JSON list of { file, hex, expect }.  The prefix of `file` says where a datagram goes:
 * ike-, ike1-, ike2- to UDP 500, natt4500- to UDP 4500, esp- ah- ipcomp- to the IP protocol.  Each
 * comes from --source through a socket of its own.  Judged after each: the daemons answer on their
 * control sockets, the replies are not too many and not too large, no half-open negotiation is left
 * where none may be, and the peer (whose racoon listens on --peer) can still negotiate.  At the end
 * the sockets are read again: nothing may have been repeated to those who proved nothing.
 * Run by tests/hostile/run.sh in two network namespaces.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/attr.h"

enum {
	DATAGRAM_MAX = 65535,
	ENTRIES_MAX = 4096,
	REPLY_WAIT_MS = 150,
	CONTROL_WAIT_MS = 20000,
	LATE_WAIT_MS = 3000,
	ANSWER_MAX = 65536,
	WHY_MAX = 512,
};

struct options {
	const char *file, *target, *source, *racoon, *ipsec, *peer;
};

struct verdict {
	char why[WHY_MAX];
};

struct rule { /* what `expect` allows */
	unsigned replies_min, replies_max;
	unsigned tenths;     /* of the request's size, per reply */
	bool no_half_open;   /* none may be left */
	bool one_half_open;  /* one must be there */
};

struct entry {
	const char *file, *expect;
	uint8_t *octets;
	size_t n;
	int fd;
	unsigned replies;
	struct rule rule;
};

static struct entry entries[ENTRIES_MAX];
static size_t entry_count;

static void blame(struct verdict *v, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void
blame(struct verdict *v, const char *fmt, ...)
{
	size_t n = strlen(v->why);
	va_list ap;
	if (n > 0 && n + 2 < sizeof(v->why))
		n += (size_t)snprintf(v->why + n, sizeof(v->why) - n, "; ");
	va_start(ap, fmt);
	if (n < sizeof(v->why))
		vsnprintf(v->why + n, sizeof(v->why) - n, fmt, ap);
	va_end(ap);
}

/* ----------------------------------------------------------------------- control sockets --- */

static int64_t
now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The answer's last line begins with a code and a blank. 0: none came. */
static int
final_code(const char *answer)
{
	for (const char *line = answer; *line; line = strchr(line, '\n') + 1) {
		if (!strchr(line, '\n'))
			break;
		if (isdigit((unsigned char)line[0]) && isdigit((unsigned char)line[1]) &&
			isdigit((unsigned char)line[2]) && line[3] == ' ')
			return atoi(line);
	}
	return 0;
}

static int
control(const char *path, const char *request, char *answer, size_t size)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), code = 0;
	size_t n = 0;
	int64_t end = now_ms() + CONTROL_WAIT_MS;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	answer[0] = '\0';
	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0 ||
		dprintf(fd, "%s\r\n", request) < 0) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (code == 0 && n + 1 < size && now_ms() < end) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (poll(&p, 1, (int)(end - now_ms())) <= 0)
			break;
		ssize_t got = read(fd, answer + n, size - n - 1);
		if (got <= 0)
			break;
		n += (size_t)got;
		answer[n] = '\0';
		code = final_code(answer);
	}
	close(fd);
	return code;
}

/* Half-open negotiations now, from SHOW's JSON; -1: it does not tell. */
static int
half_open(const char *path)
{
	static char answer[ANSWER_MAX], text[ANSWER_MAX];
	json_int_t value = -1;
	if (control(path, "SHOW/FORMAT=JSON", answer, sizeof(answer)) / 100 != 2)
		return -1;
	text[0] = '\0';
	for (char *save = NULL, *line = strtok_r(answer, "\r\n", &save); line;
		line = strtok_r(NULL, "\r\n", &save))
		if (strlen(line) > 4 && line[3] == '-')
			strcat(text, line + 4); /* shorter than the answer */
	json_t *root = json_loads(text, 0, NULL);
	json_t *state = json_array_get(json_object_get(root, "state"), 0);
	if (json_is_integer(json_object_get(state, "half_open")))
		value = json_integer_value(json_object_get(state, "half_open"));
	json_decref(root);
	return (int)value;
}

static void
check_alive(const struct options *o, struct verdict *v)
{
	static char answer[ANSWER_MAX];
	if (control(o->racoon, "NOOP", answer, sizeof(answer)) / 100 != 2)
		blame(v, "racoon does not answer");
	if (o->ipsec && control(o->ipsec, "NOOP", answer, sizeof(answer)) / 100 != 2)
		blame(v, "ipsecd does not answer");
}

static void
negotiate(const struct options *o, struct verdict *v)
{
	static char answer[ANSWER_MAX];
	char request[128];
	if (!o->peer)
		return;
	snprintf(request, sizeof(request), "ESTABLISH %s /TIMEOUT=15 /CHILD", o->target);
	if (control(o->peer, request, answer, sizeof(answer)) / 100 != 2) {
		answer[strcspn(answer, "\r\n")] = '\0';
		blame(v, "a legitimate negotiation fails: %s", answer);
	}
	if (control(o->peer, "FLUSH ALL", answer, sizeof(answer)) / 100 != 2)
		blame(v, "the peer cannot flush");
}

/* -------------------------------------------------------------------------- expectations --- */

static bool
says(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

static struct rule
rule_of(const struct entry *e)
{
	const char *x = e->expect;
	struct rule r = { .replies_max = 1, .tenths = 15 };
	bool ours = strncmp(e->file, "ike2-", 5) != 0; /* racoon speaks IKEv1 only */
	if (strncasecmp(x, "one ", 4) == 0 && ours && !says(x, " only if "))
		r.replies_min = 1;
	if (says(x, "no larger than the request"))
		r.tenths = 10;
	/* "drop", "drop; ...", "ignore; ...": silence; "drop or ...", "drop / ...": a choice */
	bool choice = says(x, " or ") || says(x, "/ INVALID") || says(x, "at most");
	if ((strncasecmp(x, "drop", 4) == 0 && !choice) || strncasecmp(x, "ignore", 6) == 0 ||
		says(x, "no reply") || says(x, "keepalive ignored"))
		r.replies_max = 0;
	r.one_half_open = ours && says(x, "one half-open");
	r.no_half_open = !says(x, "one half-open") && strncasecmp(x, "one ", 4) != 0 &&
		!says(x, "accept ") && !says(x, "negotiate");
	return r;
}

/* ------------------------------------------------------------------------------- sending --- */

struct way {
	const char *prefix;
	int type, protocol;
	uint16_t port;
};
static const struct way ways[] = {
	{ "ike-", SOCK_DGRAM, IPPROTO_UDP, 500 }, { "ike1-", SOCK_DGRAM, IPPROTO_UDP, 500 },
	{ "ike2-", SOCK_DGRAM, IPPROTO_UDP, 500 }, { "natt4500-", SOCK_DGRAM, IPPROTO_UDP, 4500 },
	{ "esp-", SOCK_RAW, IPPROTO_ESP, 0 }, { "ah-", SOCK_RAW, IPPROTO_AH, 0 },
	{ "ipcomp-", SOCK_RAW, IPPROTO_COMP, 0 },
};

static const struct way *
way_of(const char *file)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strncmp(file, ways[i].prefix, strlen(ways[i].prefix)) == 0)
			return &ways[i];
	return NULL;
}

static int
open_way(const struct way *way, const struct options *o)
{
	struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, way->type | SOCK_CLOEXEC, way->protocol);
	to.sin_port = htons(way->port);
	if (inet_pton(AF_INET, o->source, &from.sin_addr) != 1 ||
		inet_pton(AF_INET, o->target, &to.sin_addr) != 1)
		errno = EINVAL;
	else if (fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
		connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Take what comes within ms; raw sockets see no replies of ours. */
static void
take_replies(struct entry *e, struct verdict *v, int ms)
{
	static uint8_t buf[DATAGRAM_MAX];
	for (int64_t end = now_ms() + ms; now_ms() <= end;) {
		struct pollfd p = { .fd = e->fd, .events = POLLIN };
		int64_t left = end - now_ms();
		if (poll(&p, 1, left > 0 ? (int)left : 0) <= 0)
			return;
		ssize_t n = recv(e->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0) { /* an ICMP error is no reply of the daemon */
			if (errno == ECONNREFUSED)
				continue;
			return;
		}
		e->replies++;
		if ((size_t)n * 10 > e->n * e->rule.tenths)
			blame(v, "a reply of %zd octets to %zu", n, e->n);
	}
}

static void
send_entry(struct entry *e, struct verdict *v)
{
	if (send(e->fd, e->octets, e->n, 0) < 0 && errno != ECONNREFUSED)
		blame(v, "cannot send: %s", strerror(errno));
}

static void
judge(struct entry *e, const struct options *o)
{
	struct verdict v = { "" };
	const struct way *way = way_of(e->file);
	if (!way) {
		printf("ok - hostile: %s # SKIP no such prefix\n", e->file);
		return;
	}
	e->rule = rule_of(e);
	e->fd = open_way(way, o);
	if (e->fd < 0) {
		printf("# %s\nnot ok - hostile: %s: no socket\n", strerror(errno), e->file);
		return;
	}
	int before = half_open(o->racoon);
	send_entry(e, &v);
	if (way->type == SOCK_DGRAM)
		take_replies(e, &v, REPLY_WAIT_MS);
	check_alive(o, &v);
	int after = half_open(o->racoon);
	if (before < 0 || after < 0)
		blame(&v, "SHOW tells no half-open negotiations");
	else if (e->rule.no_half_open && after > before)
		blame(&v, "a half-open negotiation is left (%d, then %d)", before, after);
	else if (e->rule.one_half_open && after != before + 1)
		blame(&v, "the negotiation is not half-open (%d, then %d)", before, after);
	if (e->replies > e->rule.replies_max)
		blame(&v, "%u replies", e->replies);
	if (e->replies < e->rule.replies_min)
		blame(&v, "no reply");
	negotiate(o, &v);
	if (v.why[0])
		printf("# expected: %s\n# %s\n", e->expect, v.why);
	printf("%s - hostile: %s\n", v.why[0] ? "not ok" : "ok", e->file);
	fflush(stdout);
}

/* ------------------------------------------------------------------------------ the file --- */

static uint8_t *
octets_of(const char *hex, size_t *n)
{
	size_t digits = strlen(hex);
	uint8_t *out = malloc(digits / 2 + 1);
	*n = digits / 2;
	for (size_t i = 0; out && i < *n; i++) {
		unsigned v;
		if (sscanf(hex + 2 * i, "%2x", &v) != 1) {
			free(out);
			return NULL;
		}
		out[i] = (uint8_t)v;
	}
	return out;
}

static bool
read_entries(json_t *list)
{
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item) {
		struct entry *e = &entries[entry_count];
		const char *hex = json_string_value(json_object_get(item, "hex"));
		e->file = json_string_value(json_object_get(item, "file"));
		e->expect = json_string_value(json_object_get(item, "expect"));
		if (!e->file || !hex)
			return false;
		if (!e->expect)
			e->expect = "";
		e->octets = octets_of(hex, &e->n);
		if (!e->octets || e->n > DATAGRAM_MAX || ++entry_count == ENTRIES_MAX)
			return false;
	}
	return entry_count > 0;
}

/* What came later: retransmissions to somebody who has proven nothing. */
static void
check_late(void)
{
	struct verdict v = { "" };
	unsigned late = 0;
	usleep(LATE_WAIT_MS * 1000);
	for (size_t i = 0; i < entry_count; i++) {
		struct entry *e = &entries[i];
		unsigned before = e->replies;
		if (e->fd < 0 || !way_of(e->file) || way_of(e->file)->type != SOCK_DGRAM)
			continue;
		take_replies(e, &v, 0);
		if (e->replies > before && e->replies > e->rule.replies_max) {
			printf("# %s: %u replies in all\n", e->file, e->replies);
			late++;
		}
	}
	printf("%s - hostile: nothing is repeated to strangers\n",
		late || v.why[0] ? "not ok" : "ok");
}

static bool
parse(int argc, char **argv, struct options *o)
{
	const struct {
		const char *name;
		const char **value;
	} names[] = { { "--target", &o->target }, { "--source", &o->source },
		{ "--racoon", &o->racoon }, { "--ipsec", &o->ipsec }, { "--peer", &o->peer } };
	o->file = argc > 1 ? argv[1] : NULL;
	for (int i = 2; i < argc; i += 2) {
		size_t k = 0;
		while (k < sizeof(names) / sizeof(names[0]) && strcmp(names[k].name, argv[i]) != 0)
			k++;
		if (k == sizeof(names) / sizeof(names[0]) || i + 1 >= argc)
			return false;
		*names[k].value = argv[i + 1];
	}
	return o->file && o->target && o->source && o->racoon;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	struct verdict v = { "" };
	json_error_t error;
	if (!parse(argc, argv, &o)) {
		fprintf(stderr, "usage: hostile FILE --target ADDR --source ADDR --racoon SOCKET "
			"[--ipsec SOCKET] [--peer SOCKET]\n");
		return 2;
	}
	json_t *list = json_load_file(o.file, 0, &error);
	if (!list || !json_is_array(list) || !read_entries(list)) {
		fprintf(stderr, "hostile: %s:%d: %s\n", o.file, list ? 1 : error.line,
			list ? "not a list of { file, hex, expect }" : error.text);
		return 2;
	}
	for (size_t i = 0; i < entry_count; i++)
		entries[i].fd = -1;
	negotiate(&o, &v); /* before anything: the set-up works */
	check_alive(&o, &v);
	printf("%s - hostile: before the first datagram\n", v.why[0] ? "not ok" : "ok");
	if (v.why[0]) {
		printf("# %s\n", v.why);
		return 1;
	}
	for (size_t i = 0; i < entry_count; i++)
		judge(&entries[i], &o);
	check_late();
	for (size_t i = 0; i < entry_count; i++) {
		free(entries[i].octets);
		if (entries[i].fd >= 0)
			close(entries[i].fd);
	}
	json_decref(list);
	return 0;
}
