/*
 * talk_main.c - plays a transcript against a real server and prints TAP, one line a case.
 *
 *	talk FILE	SOCKET and READER name the sockets, other variables are for `!` lines
 *
 *	== title	a new case: all sessions are closed
 *	@a  @a reader	go on with session a; opened (on the readers' socket) when it is new
 *	> text		send the line with LF;  >> text with CRLF
 *	>raw text	send as it is, with \n \r \0 \\ and \*N (the octet before it N times)
 *	< pattern	the next line is like this (* ? [ ] as in a shell; CR shows as \r)
 *	<~ pattern	skip lines until one is like this
 *	<eof		the connection is closed by the server
 *	half		close our sending side;  close: close the session
 *	wait MS		pause
 *	! command	run by sh, must succeed;  !N command: must end with status N
 */
#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/text.h"

enum { SESSIONS = 16, PATIENCE_MS = 15000, LINE = 70000 };

struct session {
	char name[16];
	int fd;
	char in[1 << 20];
	size_t n;
	bool eof;
};

static struct session sessions[SESSIONS], *now;
static char why[1024];

static void
close_all(void)
{
	for (size_t i = 0; i < SESSIONS; i++) {
		if (sessions[i].name[0] != '\0' && sessions[i].fd >= 0)
			close(sessions[i].fd);
		sessions[i].name[0] = '\0';
	}
	now = NULL;
}

static bool
use_session(const char *spec)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	bool reader = strstr(spec, " reader") != NULL;
	const char *path = getenv(reader ? "READER" : "SOCKET");
	struct session *unused = NULL;
	size_t n = strcspn(spec, " ");

	for (size_t i = 0; i < SESSIONS; i++) {
		struct session *s = &sessions[i];

		if (s->name[0] == '\0')
			unused = unused == NULL ? s : unused;
		else if (strlen(s->name) == n && strncmp(s->name, spec, n) == 0) {
			now = s;
			return true;
		}
	}
	if (unused == NULL || path == NULL)
		return false;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	unused->n = 0;
	unused->eof = false;
	unused->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (unused->fd < 0 || connect(unused->fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		snprintf(why, sizeof(why), "cannot connect to %s: %s", path, strerror(errno));
		return false;
	}
	snprintf(unused->name, sizeof(unused->name), "%.*s", (int)n, spec);
	now = unused;
	return true;
}

static bool
send_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(now->fd, p, n, MSG_NOSIGNAL);

		if (sent < 0) {
			snprintf(why, sizeof(why), "send: %s", strerror(errno));
			return false;
		}
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

static bool
send_raw(const char *p)
{
	static char out[LINE];
	size_t n = 0;

	for (; *p != '\0' && n < sizeof(out); p++) {
		char c = *p;

		if (c == '\\') {
			c = *++p;
			if (c == '*') {
				size_t count = strtoul(p + 1, (char **)(uintptr_t)&p, 10);

				for (p--; count > 1 && n < sizeof(out); count--, n++)
					out[n] = out[n - 1];
				continue;
			}
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == '0' ? '\0' : c;
		}
		out[n++] = c;
	}
	return send_all(out, n);
}

/* The next line without its LF, CR shown; NULL at the end or when patience runs out. */
static const char *
receive(void)
{
	static char line[1 << 20];
	struct session *s = now;
	char *nl;

	while ((nl = memchr(s->in, '\n', s->n)) == NULL && !s->eof) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		ssize_t n;

		if (s->n == sizeof(s->in) || poll(&p, 1, PATIENCE_MS) <= 0)
			return NULL;
		n = recv(s->fd, s->in + s->n, sizeof(s->in) - s->n, 0);
		if (n <= 0)
			s->eof = true;
		else
			s->n += (size_t)n;
	}
	if (nl == NULL)
		return NULL;
	snprintf(line, sizeof(line), "%.*s", (int)(nl - s->in), s->in);
	if (nl > s->in && nl[-1] == '\r')
		snprintf(line + (nl - s->in - 1), sizeof(line) - (size_t)(nl - s->in), "\\r");
	s->n -= (size_t)(nl - s->in) + 1;
	memmove(s->in, nl + 1, s->n);
	return line;
}

static bool
expect(const char *pattern, bool skip)
{
	const char *line, *first = NULL;
	char kept[200] = "";

	do {
		line = receive();
		if (line == NULL) {
			snprintf(why, sizeof(why), "expected \"%s\", got %s%s%s", pattern,
				now->eof ? "the end" : "nothing in time",
				kept[0] != '\0' ? " after " : "", kept);
			return false;
		}
		if (fnmatch(pattern, line, FNM_NOESCAPE) == 0)
			return true;
		first = first == NULL ? line : first;
		snprintf(kept, sizeof(kept), "\"%.150s\"", line);
	} while (skip);
	snprintf(why, sizeof(why), "expected \"%s\", got \"%.500s\"", pattern, line);
	return false;
}

static bool
expect_eof(void)
{
	const char *line = receive();

	if (line == NULL && now->eof)
		return true;
	snprintf(why, sizeof(why), "expected the end, got %.200s", line != NULL ? line : "nothing");
	return false;
}

static bool
shell(const char *line)
{
	char *command;
	long wanted = strtol(line, &command, 10);
	char whole[LINE];
	int status;

	/* Standard output is for verdicts only. */
	snprintf(whole, sizeof(whole), "exec >&2; %s", command);
	fflush(stdout);
	status = system(whole);
	if (WIFEXITED(status) && WEXITSTATUS(status) == wanted)
		return true;
	snprintf(why, sizeof(why), "status %d, not %ld: %s",
		WIFEXITED(status) ? WEXITSTATUS(status) :
		-WTERMSIG(status), wanted, command);
	return false;
}

static bool
step(char *line)
{
	if (line[0] == '@')
		return use_session(line + 1);
	if (line[0] == '!')
		return shell(line + 1);
	if (strncmp(line, "wait ", 5) == 0)
		return usleep((useconds_t)atoi(line + 5) * 1000) == 0;
	if (now == NULL && !use_session("a"))
		return false;
	if (strncmp(line, ">raw ", 5) == 0)
		return send_raw(line + 5);
	if (strncmp(line, ">> ", 3) == 0)
		return send_all(line + 3, strlen(line + 3)) && send_all("\r\n", 2);
	if (strncmp(line, "> ", 2) == 0)
		return send_all(line + 2, strlen(line + 2)) && send_all("\n", 1);
	if (strncmp(line, "<~ ", 3) == 0)
		return expect(line + 3, true);
	if (strcmp(line, "<eof") == 0)
		return expect_eof();
	if (strncmp(line, "< ", 2) == 0)
		return expect(line + 2, false);
	if (strcmp(line, "half") == 0)
		return shutdown(now->fd, SHUT_WR) == 0;
	if (strcmp(line, "close") == 0) {
		close(now->fd);
		now->name[0] = '\0';
		now = NULL;
		return true;
	}
	snprintf(why, sizeof(why), "cannot understand \"%.200s\"", line);
	return false;
}

static void
verdict(const char *name, const char *title, bool good, unsigned number)
{
	if (title[0] == '\0')
		return;
	if (!good)
		printf("# line %u: %s\n", number, why);
	printf("%s - transcript: %s: %s\n", good ? "ok" : "not ok", name, title);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	static char line[LINE - 16];
	char title[200] = "", name[64];
	unsigned number = 0, failed_at = 0, failures = 0;
	bool good = true;
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (f == NULL) {
		fprintf(stderr, "usage: talk FILE\n");
		return 2;
	}
	snprintf(name, sizeof(name), "%s",
		strrchr(argv[1], '/') != NULL ? strrchr(argv[1], '/') + 1 : argv[1]);
	name[strcspn(name, ".")] = '\0';
	while (fgets(line, sizeof(line), f) != NULL) {
		number++;
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "== ", 3) == 0) {
			verdict(name, title, good, failed_at);
			failures += !good;
			good = true;
			close_all();
			snprintf(title, sizeof(title), "%s", line + 3);
		} else if (good && line[0] != '\0' && line[0] != '#' && line[0] != '%') {
			good = step(line);
			failed_at = number;
		}
	}
	verdict(name, title, good, failed_at);
	close_all();
	fclose(f);
	return failures > 0 || !good;
}
