/*
 * adm_conn.c - racoonctl's connection: find the socket, ask, read the answer line by line.
 *
 * Called by the commands in adm_show.c and adm_do.c.  Blocks: racoonctl does one thing at a time.
 * What the other side sends is bounded.
 */
#include "racoon/daemon/adm.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/when.h"
#include "logicals/lnm.h"

#define RACOON_SOCKET "/run/multinet/racoon.sock"
#define MASTER_SOCKET "/run/multinet/netcontrol.sock"

enum { READ_SIZE = 16 * 1024, DUMP_ROW = 16 };

/* ------------------------------------------------------------------------------------- opening */

/* 0, or the error number. */
static int
try_socket(struct adm *a, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int error;

	if (strlen(path) >= sizeof(at.sun_path))
		return ENAMETOOLONG;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->fd >= 0 && connect(a->fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return 0;
	error = errno;
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	return error;
}

/* Whose socket is it: racoon's, or the master server's, which knows racoon as a service? */
static void
see_version(void *user, const char *text)
{
	struct adm *a = user;

	if (strncmp(text, "RACOON ", 7) != 0)
		a->via_master = true;
}

/* As the console finds it: MULTINET_NETCONTROL_SOCKET, else where the server puts it. */
static int
try_master(struct adm *a, char *path, size_t size)
{
	struct text errors = { 0 };
	struct lnm *names = lnm_new();
	bool named = names != NULL && lnm_load(names, &errors) == ST_NORMAL &&
		lnm_translate(names, "MULTINET_NETCONTROL_SOCKET", path, size) == ST_NORMAL;

	lnm_free(names);
	text_free(&errors);
	if (!named)
		snprintf(path, size, "%s", MASTER_SOCKET);
	return try_socket(a, path);
}

bool
adm_open(struct adm *a)
{
	char path[512];
	int error;

	snprintf(path, sizeof(path), "%s", a->socket != NULL ? a->socket : RACOON_SOCKET);
	error = try_socket(a, path);
	if (error != 0 && a->socket == NULL) {
		int other = try_master(a, path, sizeof(path));

		error = other == ENOENT || other == ECONNREFUSED ? error : other;
	}
	if (a->fd < 0) {
		if (a->socket == NULL && (error == ENOENT || error == ECONNREFUSED))
			fprintf(stderr, "racoonctl: connect: neither racoon (%s) nor the master "
				"server (%s) answers: %s\n", RACOON_SOCKET, path, strerror(error));
		else
			fprintf(stderr, "racoonctl: connect: %s: %s\n", path, strerror(error));
		return false;
	}
	return adm_ask(a, ADM_ASK_MS, see_version, a, "VERSION") / 100 == 2;
}

void
adm_close(struct adm *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	free(a->in);
	a->in = NULL;
}

/* ------------------------------------------------------------------------------------- reading */

static bool
fill(struct adm *a)
{
	ssize_t n;
	char *p;

	if (a->in_at > 0)
		memmove(a->in, a->in + a->in_at, a->in_n - a->in_at);
	a->in_n -= a->in_at;
	a->in_at = 0;
	if (a->in_room - a->in_n < READ_SIZE) {
		if (a->in_n >= ADM_LINE_MAX)
			return false;
		p = realloc(a->in, a->in_n + 2 * READ_SIZE);
		if (p == NULL)
			return false;
		a->in = p;
		a->in_room = a->in_n + 2 * READ_SIZE;
	}
	do
		n = recv(a->fd, a->in + a->in_n, a->in_room - a->in_n, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		a->in_n += (size_t)n;
	return n > 0;
}

/* The next line, without its end; NULL: none came in time, or the connection ended. */
static char *
next_line(struct adm *a, int timeout_ms, bool *late)
{
	instant end = timeout_ms < 0 ? INSTANT_NEVER : instant_add(when_now(), timeout_ms);

	*late = false;
	for (;;) {
		char *line = a->in + a->in_at;
		char *nl = a->in_n > a->in_at ? memchr(line, '\n', a->in_n - a->in_at) : NULL;
		struct pollfd p = { .fd = a->fd, .events = POLLIN };
		int64_t left = instant_diff(end, when_now());

		if (nl != NULL) {
			*nl = '\0';
			if (nl > line && nl[-1] == '\r')
				nl[-1] = '\0';
			a->in_at += (size_t)(nl - line) + 1;
			return line;
		}
		*late = timeout_ms >= 0 && left <= 0;
		if (*late)
			return NULL;
		if (poll(&p, 1, timeout_ms < 0 ? -1 : (int)left) > 0 && !fill(a))
			return NULL;
	}
}

bool
adm_news(struct adm *a, char *buf, size_t size)
{
	char *line;
	bool late;

	do {
		line = next_line(a, -1, &late);
		if (line == NULL)
			return false;
	} while (line[0] != '+');
	snprintf(buf, size, "%s", line + 1);
	return true;
}

/* -------------------------------------------------------------------------------------- asking */

/* -d: the request as octets, the way the old program showed its own. */
static void
dump(const struct text *request)
{
	for (size_t i = 0; i < request->n; i++) {
		if (i % DUMP_ROW == 0)
			fprintf(stderr, "%s%08zx:", i == 0 ? "" : "\n", i);
		fprintf(stderr, " %02x", (unsigned)(unsigned char)request->p[i]);
	}
	fputs("\n", stderr);
}

static bool
send_request(struct adm *a, const struct text *request)
{
	size_t at = 0;

	while (at < request->n) {
		ssize_t n = send(a->fd, request->p + at, request->n - at, MSG_NOSIGNAL);

		if (n > 0)
			at += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return false;
	}
	return true;
}

/* "%RACOON-E-NOSUCHSA, no such SA: …" */
static void
keep_message(struct adm *a, const char *text)
{
	const char *comma = strstr(text, ", "), *dash;
	size_t n;

	a->ident[0] = '\0';
	snprintf(a->message, sizeof(a->message), "%s", text);
	if (text[0] != '%' || comma == NULL)
		return;
	dash = comma;
	while (dash > text && *dash != '-')
		dash--;
	n = (size_t)(comma - dash);
	if (n > 1 && n <= sizeof(a->ident))
		snprintf(a->ident, sizeof(a->ident), "%.*s", (int)(n - 1), dash + 1);
	snprintf(a->message, sizeof(a->message), "%s", comma + 2);
}

static unsigned
read_answer(struct adm *a, int timeout_ms, adm_line *line, void *user)
{
	bool late;
	char *l;

	while ((l = next_line(a, timeout_ms, &late)) != NULL) {
		unsigned code = 0;

		if (l[0] == '+' || sscanf(l, "%3u", &code) != 1 || strlen(l) < 4)
			continue;
		if (l[3] == ' ') {
			keep_message(a, l + 4);
			return code;
		}
		if (line != NULL)
			line(user, l + 4);
	}
	fprintf(stderr, late ? "racoonctl: racoon does not answer\n" :
		"racoon closed the admin connection before sending a reply header (EOF)\n");
	return 0;
}

unsigned
adm_ask(struct adm *a, int timeout_ms, adm_line *line, void *user, const char *fmt, ...)
{
	struct text request = { 0 };
	unsigned code = 0;
	va_list ap;

	text_add(&request, a->via_master ? "RACOON " : "");
	va_start(ap, fmt);
	text_addv(&request, fmt, ap);
	va_end(ap);
	text_add(&request, "\n");
	if (a->dump)
		dump(&request);
	if (!request.failed && send_request(a, &request))
		code = read_answer(a, timeout_ms, line, user);
	else
		fprintf(stderr, "racoonctl: send: %s\n", strerror(errno));
	text_free(&request);
	return code;
}

bool
adm_done(const struct adm *a, unsigned code)
{
	if (code >= 200 && code < 300)
		return true;
	if (code != 0)
		fprintf(stderr, "racoonctl: %s%s%s\n", a->ident, a->ident[0] != '\0' ? ": " : "",
			a->message);
	return false;
}

/* ----------------------------------------------------------------------------------------- CSV */

unsigned
adm_csv_split(char *line, const char **value, unsigned max)
{
	unsigned n = 0;

	for (char *p = line; n < max; p++) {
		char *to = p;

		value[n++] = to;
		if (*p == '"') {
			for (p++; *p != '\0' && (*p != '"' || p[1] == '"'); p++) {
				p += *p == '"';
				*to++ = *p;
			}
			p += *p == '"';
			*to = '\0';
		}
		p += strcspn(p, ",");
		if (*p == '\0')
			break;
		*p = '\0';
	}
	return n;
}

void
adm_rows_line(void *user, const char *text)
{
	struct adm_rows *r = user;
	char *line = strdup(text);
	unsigned n;

	if (line == NULL)
		return;
	if (r->names == NULL) {
		r->names = line;
		r->columns = adm_csv_split(line, r->name, ADM_COLUMNS_MAX);
		return;
	}
	n = adm_csv_split(line, r->value, ADM_COLUMNS_MAX);
	for (; n < r->columns; n++)
		r->value[n] = "";
	r->row(r);
	free(line);
}

const char *
adm_value(const struct adm_rows *r, const char *column)
{
	for (unsigned i = 0; i < r->columns; i++)
		if (strcmp(r->name[i], column) == 0)
			return r->value[i];
	return "";
}

void
adm_rows_free(struct adm_rows *r)
{
	free(r->names);
	r->names = NULL;
	r->columns = 0;
}
