/*
 * nc_prime.c - PRIME: ESTABLISH with every peer of a file, several at a time.
 *
 * Called by the console and by START_SERVER.COM.  Each of up to /PARALLEL sessions has one request
 * under way; a session whose request took too long is given up and opened anew, which cancels it.
 */
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/stmt.h"
#include "netcontrol/nc_console.h"

enum { PEERS_MAX = 10000, PARALLEL_MAX = 64, PARALLEL = 8, TIMEOUT_S = 60, TIMEOUT_MAX_S = 3600,
	GRACE_MS = 5000, NAME_MAX_OCTETS = 255,
	PROGRESS_MS = 10000 /* between lines where nothing can be drawn */ };

struct peer {
	const char *remote, *local; /* in the file's text; local may be NULL */
};

struct lane {
	struct nc_conn conn;
	const struct peer *peer; /* NULL: idle */
	instant deadline;
};

struct prime {
	struct nc *nc;
	const char *service;
	unsigned timeout_s;
	bool draws; /* progress is drawn over itself */
	instant next_progress;
	struct text text;
	struct peer *peer;
	size_t peers, next, good, bad;
	struct lane lane[PARALLEL_MAX];
	size_t lanes;
	enum nc_exit status;
};

/* ------------------------------------------------------------------ the file */

static bool
is_address(const char *word)
{
	size_t n = strlen(word);

	for (const char *p = word; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr(".:_-%$", *p) == NULL)
			return false;
	return n > 0 && n <= NAME_MAX_OCTETS && word[0] != '-';
}

static bool
read_peers(struct prime *p, const char *path)
{
	unsigned number = 0;
	char *save = NULL;

	p->peer = calloc(PEERS_MAX, sizeof(*p->peer));
	if (p->peer == NULL || p->text.p == NULL)
		return p->peer != NULL;
	for (char *at = p->text.p, *line; (line = strsep(&at, "\n")) != NULL;) {
		const char *remote, *local, *more;

		number++;
		line[strcspn(line, "#!\r")] = '\0';
		remote = strtok_r(line, " \t", &save);
		local = remote != NULL ? strtok_r(NULL, " \t", &save) : NULL;
		more = local != NULL ? strtok_r(NULL, " \t", &save) : NULL;
		if (remote == NULL)
			continue;
		if (!is_address(remote) || (local != NULL && !is_address(local)) || more != NULL) {
			nc_say(NC_FAILED, ST_BADCONF, "%s:%u: expected \"remote [local]\"", path,
				number);
			return false;
		}
		if (p->peers == PEERS_MAX) {
			nc_say(NC_FAILED, ST_LIMIT, "%s:%u: at most %d peers", path, number,
				PEERS_MAX);
			return false;
		}
		p->peer[p->peers++] = (struct peer){ remote, local };
	}
	return true;
}

/* ------------------------------------------------------------------ the lanes */

/* Done, failed, waiting: over itself at a terminal, else now and then. */
static void
tell_progress(struct prime *p)
{
	size_t under_way = p->next - p->good - p->bad;

	if (p->nc->quiet || (!p->draws && !instant_reached(p->next_progress, when_now())))
		return;
	fflush(stdout);
	fprintf(stderr, "%s%zu of %zu: %zu established, %zu failed, %zu under way, %zu waiting%s",
		p->draws ? "\r" : "", p->good + p->bad, p->peers, p->good, p->bad, under_way,
		p->peers - p->next, p->draws ? "\033[K" : "\n");
	fflush(stderr);
	p->next_progress = instant_add(when_now(), PROGRESS_MS);
}

static void
clear_progress(const struct prime *p)
{
	if (!p->draws)
		return;
	fprintf(stderr, "\r\033[K");
	fflush(stderr);
}

static void
result(struct prime *p, struct lane *l, bool good, const char *text)
{
	clear_progress(p);
	if (!good || !p->nc->quiet)
		printf("%-24s %s\n", l->peer->remote, text);
	fflush(stdout);
	l->peer = NULL;
	if (good)
		p->good++;
	else
		p->bad++;
}

static void
result_of(struct prime *p, struct lane *l, enum status status, const char *detail)
{
	char message[512];

	status_format(message, sizeof(message), status, NULL, detail);
	result(p, l, false, message);
	nc_conn_close(&l->conn);
}

static void
begin(struct prime *p, struct lane *l)
{
	char line[2 * NAME_MAX_OCTETS + 128], why[512] = "";
	enum status status = ST_NORMAL;

	l->peer = &p->peer[p->next++];
	l->deadline = instant_add(when_now(), (int64_t)p->timeout_s * 1000 + GRACE_MS);
	if (l->conn.fd < 0)
		status = nc_open_conn(p->nc, &l->conn, why, sizeof(why));
	if (status != ST_NORMAL) {
		if (p->status == NC_DONE)
			p->status = status == ST_NOTPERM || status == ST_NOTTLS ? NC_NOTPERM :
				NC_NOSERVER;
		result_of(p, l, status, why);
		return;
	}
	snprintf(line, sizeof(line), "%s ESTABLISH %s%s%s/TIMEOUT=%u", p->service, l->peer->remote,
		l->peer->local != NULL ? " " : "", l->peer->local != NULL ? l->peer->local : "",
		p->timeout_s);
	if (!nc_conn_send(&l->conn, line))
		result_of(p, l, ST_NOSERVER, "the connection was lost");
}

static void
progress(struct prime *p, struct lane *l, bool readable)
{
	bool alive = !readable || nc_conn_fill(&l->conn), last;
	unsigned code;
	char *line;

	while (l->peer != NULL && (line = nc_conn_line(&l->conn)) != NULL) {
		code = nc_answer_code(line, &last);
		if (last)
			result(p, l, nc_exit_of(code) == NC_DONE, nc_answer_text(line));
	}
	if (l->peer == NULL)
		return;
	if (!alive)
		result_of(p, l, ST_NOSERVER, "the connection was lost");
	else if (instant_reached(l->deadline, when_now()))
		result_of(p, l, ST_TIMEOUT, NULL);
}

static void
run(struct prime *p)
{
	struct pollfd fds[PARALLEL_MAX];
	bool busy = true;

	while (busy && p->nc->interrupt == 0) {
		busy = false;
		for (size_t i = 0; i < p->lanes; i++) {
			while (p->lane[i].peer == NULL && p->next < p->peers)
				begin(p, &p->lane[i]);
			fds[i] = (struct pollfd){ .events = POLLIN,
				.fd = p->lane[i].peer != NULL ? p->lane[i].conn.fd : -1 };
			busy = busy || p->lane[i].peer != NULL;
		}
		if (busy)
			tell_progress(p);
		if (!busy || poll(fds, p->lanes, 500) < 0)
			continue;
		for (size_t i = 0; i < p->lanes; i++)
			if (p->lane[i].peer != NULL)
				progress(p, &p->lane[i], fds[i].revents != 0);
	}
	clear_progress(p);
}

/* ------------------------------------------------------------------ the command */

static bool
number_of(const struct cmd *c, const char *qual, unsigned fallback, unsigned max, unsigned *out)
{
	const char *value = cmd_qual(c, qual);
	unsigned long n;
	char *end;

	*out = fallback;
	if (value == NULL)
		return true;
	n = strtoul(value, &end, 10);
	if (*end != '\0' || value[0] == '-' || n < 1 || n > max) {
		nc_say(NC_USAGE, ST_VALREQ, "/%s=\\%s\\ is not a number from 1 to %u", qual, value,
			max);
		return false;
	}
	*out = (unsigned)n;
	return true;
}

enum nc_exit
nc_prime(struct nc *nc, const struct cmd *cmd)
{
	struct prime *p = calloc(1, sizeof(*p));
	char path[NC_PATH_MAX], why[256] = "";
	const char *term = getenv("TERM");
	const char *service = cmd_qual(cmd, "SERVICE");
	enum nc_exit status = NC_USAGE;
	enum status loaded;
	unsigned lanes;

	if (p == NULL)
		return nc_say(NC_FAILED, ST_NOMEMORY, NULL);
	p->nc = nc;
	p->service = service != NULL && is_address(service) ? service : "RACOON";
	p->draws = isatty(STDERR_FILENO) && term != NULL && term[0] != '\0' &&
		strcmp(term, "dumb") != 0 && !nc->quiet;
	p->next_progress = instant_add(when_now(), PROGRESS_MS);
	for (size_t i = 0; i < PARALLEL_MAX; i++)
		p->lane[i].conn.fd = -1;
	if (!number_of(cmd, "PARALLEL", PARALLEL, PARALLEL_MAX, &lanes) ||
		!number_of(cmd, "TIMEOUT", TIMEOUT_S, TIMEOUT_MAX_S, &p->timeout_s))
		goto out;
	status = NC_FAILED;
	loaded = lnm_file_spec(nc->lnm, cmd->word[1], path, sizeof(path));
	if (loaded == ST_NORMAL)
		loaded = stmt_load(path, &p->text, why, sizeof(why));
	else
		snprintf(why, sizeof(why), "%.200s", cmd->word[1]);
	if (loaded != ST_NORMAL) {
		nc_say(status, loaded, "%s", why);
		goto out;
	}
	if (!read_peers(p, path))
		goto out;
	p->lanes = lanes < p->peers ? lanes : p->peers;
	run(p);
	printf("%zu peer%s: %zu established, %zu failed\n", p->peers, p->peers == 1 ? "" : "s",
		p->good, p->peers - p->good);
	status = p->good == p->peers ? NC_DONE : p->good == 0 && p->status != NC_DONE ? p->status :
											NC_FAILED;
out:
	for (size_t i = 0; i < PARALLEL_MAX; i++)
		nc_conn_close(&p->lane[i].conn);
	text_free(&p->text);
	free(p->peer);
	free(p);
	return status;
}
