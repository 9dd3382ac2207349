/*
 * lnm_server.c - asking the master server, which has the system's logical names while it runs.
 *
 * Used by the program `logical` and by the console.  One connection to the operators' socket for
 * each request; waits, but not for long.  Without a server the file is the system table.
 */
#include "logicals/lnm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_S = 10, ANSWER_MAX = 4 << 20, SOCKET_MAX = 108 };

#define DEFAULT_SOCKET "/run/multinet/netcontrol.sock"

static int
open_socket(const struct lnm *l, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	char logical[SOCKET_MAX];
	int fd;

	if (path == NULL && lnm_translate(l, "MULTINET_NETCONTROL_SOCKET", logical,
		sizeof(logical)) == ST_NORMAL)
		path = logical;
	if (path == NULL)
		path = DEFAULT_SOCKET;
	if (strlen(path) >= sizeof(a.sun_path))
		return -1;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool
converse(int fd, const char *request, struct text *all)
{
	struct text line = { 0 };
	char buf[8192];
	ssize_t n;
	bool sent;

	text_addf(&line, "%s\n", request);
	sent = !line.failed && send(fd, line.p, line.n, MSG_NOSIGNAL) == (ssize_t)line.n &&
		shutdown(fd, SHUT_WR) == 0;
	text_free(&line);
	all->limit = ANSWER_MAX;
	while (sent && (n = recv(fd, buf, sizeof(buf), 0)) > 0)
		text_add_n(all, buf, (size_t)n);
	return sent && n == 0 && !all->failed;
}

enum status
lnm_ask_server(const struct lnm *l, const char *socket_path, const char *request, struct text *out)
{
	struct text all = { 0 };
	enum status st = ST_NOSERVER;
	int fd = open_socket(l, socket_path);

	if (fd < 0)
		return st;
	if (converse(fd, request, &all))
		for (const char *p = text_str(&all); *p != '\0';) {
			size_t n = strcspn(p, "\n"), len = n > 0 && p[n - 1] == '\r' ? n - 1 : n;
			char ident[32] = "";

			if (len > 4 && p[3] == '-') {
				text_addf(out, "%.*s\n", (int)(len - 4), p + 4);
			} else if (len > 4 && p[3] == ' ') {
				if (sscanf(p, "%*3[0-9] %%%*[A-Z0-9]-%*1[A-Z]-%31[A-Z0-9]",
					    ident) == 1)
					st = status_by_ident(ident);
				if (st == ST_COUNT)
					st = ST_BUG;
				if (st != ST_NORMAL)
					text_addf(out, "%.*s\n", (int)(len - 4), p + 4);
			}
			p += n + (p[n] == '\n');
		}
	close(fd);
	text_free(&all);
	return st;
}

bool
lnm_from_server(struct lnm *l, const char *socket_path)
{
	struct text lines = { 0 }, errors = { 0 };
	bool taken = lnm_ask_server(l, socket_path, "LOGICALS EXPORT", &lines) == ST_NORMAL &&
		lnm_load_text(l, "the server's names", bytes_of(text_str(&lines), lines.n),
			&errors) == ST_NORMAL;

	text_free(&lines);
	text_free(&errors);
	return taken;
}
