/*
 * nc_server.c - commands that are the server's: connect when first needed, ask, show the answer.
 *
 * Called by the console for whatever is not its own.  A connection that is gone is made anew with
 * the next command; a command is never sent twice.
 */
#include "netcontrol/nc_console.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cry_tls.h"

enum { PARAMS_MAX = 4 /* that are asked for */ };

const char *
nc_socket(struct nc *nc, char *buf, size_t size)
{
	if (nc->socket != NULL)
		return nc->socket;
	if (lnm_translate(nc->lnm, "MULTINET_NETCONTROL_SOCKET", buf, size) == ST_NORMAL)
		return buf;
	return NC_DEFAULT_SOCKET;
}

enum nc_exit
nc_exit_of(unsigned code)
{
	if (code >= 200 && code < 400)
		return NC_DONE;
	if (code == status_row(ST_NOTPERM)->reply)
		return NC_NOTPERM;
	if (code == status_row(ST_TIMEOUT)->reply)
		return NC_TIMEOUT;
	if (code == status_row(ST_NOSERVER)->reply)
		return NC_NOSERVER;
	/* The line itself was wrong: SYNTAX to IVPARM. */
	if (code >= status_row(ST_SYNTAX)->reply && code <= status_row(ST_IVPARM)->reply)
		return NC_USAGE;
	return NC_FAILED;
}

/* The console's certificate, as logical names say or where CERTIFICATE makes it. */
static enum status
find_file(struct nc *nc, const char *name, const char *otherwise, char *path, size_t size)
{
	char spec[NC_PATH_MAX];

	if (lnm_translate(nc->lnm, name, spec, sizeof(spec)) != ST_NORMAL)
		snprintf(spec, sizeof(spec), "%s", otherwise);
	return lnm_file_spec(nc->lnm, spec, path, size);
}

static enum status
open_host(struct nc *nc, struct nc_conn *conn, char *why, size_t why_size)
{
	char certificate[NC_PATH_MAX], key[NC_PATH_MAX], authority[NC_PATH_MAX];
	char revoked[NC_PATH_MAX];
	struct cry_tls_files files = { certificate, key, authority, NULL };

	TRY(find_file(nc, "MULTINET_NETCONTROL_CERTIFICATE", "MULTINET:tls/client.pem",
		certificate, sizeof(certificate)));
	TRY(find_file(nc, "MULTINET_NETCONTROL_KEY", "MULTINET:tls/client.key", key, sizeof(key)));
	TRY(find_file(nc, "MULTINET_NETCONTROL_AUTHORITY", "MULTINET:tls/authority.pem",
		authority, sizeof(authority)));
	TRY(lnm_file_spec(nc->lnm, "MULTINET:tls/revoked.pem", revoked, sizeof(revoked)));
	if (access(revoked, F_OK) == 0)
		files.revoked = revoked;
	return nc_conn_open_host(conn, nc->host, &files, why, why_size);
}

enum status
nc_open_conn(struct nc *nc, struct nc_conn *conn, char *why, size_t why_size)
{
	char buf[NC_PATH_MAX];

	return nc->host != NULL ? open_host(nc, conn, why, why_size) :
		nc_conn_open(conn, nc_socket(nc, buf, sizeof(buf)), why, why_size);
}

bool
nc_connect(struct nc *nc, bool quiet)
{
	char why[512] = "", host[128] = "localhost";
	enum status status;

	if (nc->conn.fd >= 0)
		return true;
	status = nc_open_conn(nc, &nc->conn, why, sizeof(why));
	if (status == ST_NORMAL) {
		/* A Unix socket: the server is on this host. */
		if (gethostname(host, sizeof(host) - 1) != 0)
			snprintf(host, sizeof(host), "localhost");
		if (nc->interactive && !quiet && !nc->quiet)
			printf("Connected to NETCONTROL server on \"%s\"\n",
				nc->host != NULL ? nc->host : host);
		return true;
	}
	if (nc->host == NULL)
		nc->status = status == ST_NOTPERM ? NC_NOTPERM : NC_NOSERVER;
	else
		nc->status = status == ST_NOTTLS ? NC_NOTPERM : status == ST_TIMEOUT ? NC_TIMEOUT :
			status == ST_NOSERVER ? NC_NOSERVER : NC_FAILED;
	if (!quiet)
		nc_say(nc->status, status, "%s", why);
	return false;
}

static instant
deadline(const struct nc *nc)
{
	return instant_add(when_now(), (int64_t)nc->timeout_s * 1000);
}

static enum nc_exit
lost(struct nc *nc, enum status status)
{
	char why[256];

	snprintf(why, sizeof(why), "%s", nc_conn_why(&nc->conn));
	nc_conn_close(&nc->conn);
	if (status == ST_NOSERVER && why[0] != '\0')
		return nc_say(NC_NOTPERM, ST_NOTTLS, "%s", why);
	if (status == ST_CANCELLED && nc->interactive)
		printf("\n"); /* behind the terminal's ^C */
	switch ((int)status) {
	case ST_TIMEOUT:
		return nc_say(NC_TIMEOUT, status, "no answer within %u seconds", nc->timeout_s);
	case ST_CANCELLED:
		return nc_say(NC_FAILED, status, "interrupted");
	default:
		return nc_say(NC_NOSERVER, ST_NOSERVER, "the connection was lost");
	}
}

/* Standard output is for what was asked, standard error for what came of it. */
static void
show_line(const struct nc *nc, const char *line, bool last)
{
	static const char plain[] = "-S-NORMAL, normal successful completion";
	const char *answer = nc_answer_text(line), *found;
	struct text text = { 0 };
	FILE *to = last && !nc->interactive ? stderr : stdout;

	if (!last && nc->capture != NULL) {
		text_addf(nc->capture, "%s\n", answer);
		return;
	}
	/* In a script plain success needs no words of its own. */
	found = last && !nc->interactive && !nc->one_shot ? strstr(answer, plain) : NULL;
	if (found != NULL && found[sizeof(plain) - 1] == '\0')
		return;
	if (last && !nc_message_shown(answer, &text)) {
		text_free(&text);
		return;
	}
	if (nc->capture != NULL) {
		text_addf(nc->capture, "%s\n", text_str(&text));
	} else {
		if (to == stderr)
			fflush(stdout);
		fprintf(to, "%s%s\n", nc->interactive ? "< " : "",
			last ? text_str(&text) : answer);
	}
	text_free(&text);
}

/* What a command becomes on its way: with SELECT the service stands before it. */
static void
addressed(const struct nc *nc, const char *line, struct text *out)
{
	if (nc->selected[0] != '\0' && !nc_is_word(line, "NETCONTROL") &&
		!nc_is_word(line, "LOGICALS"))
		text_addf(out, "%s ", nc->selected);
	text_add(out, line);
}

static bool
send_line(struct nc *nc, const char *line)
{
	if (nc->conn.fd >= 0 && nc_conn_send(&nc->conn, line))
		return true;
	/* The server went away since: nothing was asked yet, so asking a new one is safe. */
	nc_conn_close(&nc->conn);
	return nc_connect(nc, false) && nc_conn_send(&nc->conn, line);
}

/* A parameter is missing, and a person can be asked: which? It is put behind the line. */
static bool
ask_parameter(struct nc *nc, struct text *line)
{
	struct text candidates = { 0 };
	bool asked = false;
	const char *p;

	text_add(line, " ");
	if (nc_complete(nc, text_str(line), &candidates)) {
		/* A placeholder names what is wanted; else it is one of several keywords. */
		p = strstr(text_str(&candidates), "<");
		if (p != NULL && (p == candidates.p || p[-1] == '\n'))
			asked = nc_ask(nc, p + 1, line);
		else if (candidates.n > 0 && candidates.p[0] != '/')
			asked = nc_ask(nc, "Keyword", line);
	}
	text_free(&candidates);
	return asked;
}

/* One request and its answer.  A refusal for want of parameters goes to *refusal, not shown. */
static enum nc_exit
request_once(struct nc *nc, const char *line, struct text *refusal)
{
	struct text request = { 0 };
	enum status status;
	unsigned code = 0;
	bool last = false, sent;
	char *answer;

	addressed(nc, line, &request);
	if (request.n > CMD_LINE_MAX) {
		text_free(&request);
		return nc_say(NC_USAGE, ST_LINELONG, NULL);
	}
	nc->status = NC_NOSERVER;
	/* An idle connection may have ended: find out before anything is asked. */
	if (nc->conn.fd >= 0)
		nc_news(nc);
	sent = nc_connect(nc, false) && send_line(nc, text_str(&request));
	text_free(&request);
	if (!sent)
		return nc->status;
	while (!last) {
		status = nc_conn_wait(&nc->conn, deadline(nc), &nc->interrupt, &answer);
		if (status != ST_NORMAL)
			return lost(nc, status);
		code = nc_answer_code(answer, &last);
		if (last)
			nc_message_last(code, nc_answer_text(answer));
		if (last && code == status_row(ST_INSFPRM)->reply)
			text_add(refusal, answer);
		else
			show_line(nc, answer, last);
	}
	fflush(stdout);
	return nc_exit_of(code);
}

enum nc_exit
nc_server(struct nc *nc, const char *line)
{
	struct text refusal = { 0 }, full = { 0 };
	enum nc_exit status;

	if (line[strspn(line, " \t")] == '\0')
		return NC_DONE; /* asks nothing, and would not be answered */
	status = request_once(nc, line, &refusal);
	/* The line was refused, so nothing was done: asking again is safe. */
	text_add(&full, line);
	for (unsigned i = 0; i < PARAMS_MAX && refusal.n > 0 && nc_may_ask(nc); i++) {
		if (!ask_parameter(nc, &full))
			break;
		text_clear(&refusal);
		status = request_once(nc, text_str(&full), &refusal);
	}
	if (refusal.n > 0)
		show_line(nc, text_str(&refusal), true);
	text_free(&refusal);
	text_free(&full);
	return status;
}

bool
nc_complete(struct nc *nc, const char *line, struct text *out)
{
	struct text request = { 0 }, asked = { 0 };
	enum status status = ST_NOSERVER;
	bool last = false;
	char *answer;

	addressed(nc, line, &request);
	text_add(&asked, "COMPLETE \"");
	for (const char *p = text_str(&request); *p != '\0'; p++)
		text_add_n(&asked, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
	text_add(&asked, "\"");
	if (asked.n <= CMD_LINE_MAX && nc_connect(nc, true) &&
		nc_conn_send(&nc->conn, text_str(&asked)))
		status = ST_NORMAL;
	while (status == ST_NORMAL && !last) {
		status = nc_conn_wait(&nc->conn, deadline(nc), &nc->interrupt, &answer);
		if (status == ST_NORMAL && nc_answer_code(answer, &last) != 0 && !last)
			text_addf(out, "%s\n", nc_answer_text(answer));
	}
	if (status != ST_NORMAL)
		nc_conn_close(&nc->conn);
	text_free(&request);
	text_free(&asked);
	return status == ST_NORMAL;
}

void
nc_news(struct nc *nc)
{
	bool alive;
	char *line;

	if (nc->conn.fd < 0)
		return;
	alive = nc_conn_fill(&nc->conn);
	while ((line = nc_conn_line(&nc->conn)) != NULL)
		printf("%s%s\n", nc->interactive ? "< " : "", line);
	fflush(stdout);
	if (!alive)
		nc_conn_close(&nc->conn);
}

enum nc_exit
nc_monitor(struct nc *nc)
{
	enum status status;
	char *line;

	for (;;) {
		status = nc_conn_wait(&nc->conn, INSTANT_NEVER, &nc->interrupt, &line);
		if (status == ST_CANCELLED)
			return NC_DONE;
		if (status != ST_NORMAL)
			return lost(nc, status);
		printf("%s\n", line);
		fflush(stdout);
	}
}
