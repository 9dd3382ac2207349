/*
 * takeover.c - what an image of the server leaves to the one that replaces it (NETCONTROL RESTART).
 *
 * One line of text for each fact, so that images of different versions understand each other:
 * what a line begins with that is not known is passed over, what is missing has its default.
 *
 *	socket FD ours|theirs NAME	a socket that listens; theirs: the service manager's
 *	service NAME STATE PID CHANNEL OUTPUT LAST-ID WHY STATUS RESTARTS FAILURES SINCE
 *		DEADLINE ENDED
 *	partial NAME HEX		what it had sent of a line that is not whole
 *	sampled NAME MS			then its logical names, lines `| DEFINE …`
 *	names				then the tables, lines `| DEFINE …`
 *	file				then the services file in force, lines `| …`
 *	account …			as account.c writes it
 *	job …				as queue.c writes it
 *
 * Times are of the monotonic clock, which goes on.  Descriptors are numbers in this process.
 */
#include "server/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"

/* ------------------------------------------------------------------ writing */

static void
add_lines(struct text *out, const char *lines)
{
	while (*lines != '\0') {
		size_t n = strcspn(lines, "\n");

		text_addf(out, "| %.*s\n", (int)n, lines);
		lines += n + (lines[n] == '\n');
	}
}

static void
write_service(struct svc *svc, struct text *out)
{
	const struct super *p = &svc->super;
	struct bytes partial = { NULL, 0 };
	struct text names = { 0 };
	int channel, output;
	uint32_t last_id = 0;

	svc_host_descriptors(svc, &channel, &output);
	if (svc->link != NULL)
		last_id = link_state(svc->link, &partial);
	text_addf(out, "service %s %s %d %d %d %u %d %d %u %u", svc->name,
		super_state_name(p->state), (int)svc->pid, channel, output, last_id, (int)p->why,
		p->last_status, p->restarts, p->failures);
	text_addf(out, " %" PRId64 " %" PRId64 " %" PRId64 "\n", p->since.ms, p->deadline.ms,
		p->ended.ms);
	if (partial.n > 0) {
		text_addf(out, "partial %s ", svc->name);
		text_add_hex(out, partial);
		text_add(out, "\n");
	}
	if (svc->sampled == NULL)
		return;
	text_addf(out, "sampled %s %" PRId64 "\n", svc->name, svc->sampled_at.ms);
	for (enum lnm_table t = LNM_JOB; t < LNM_TABLES; t++)
		lnm_write(svc->sampled, t, &names);
	add_lines(out, text_str(&names));
	text_free(&names);
}

void
takeover_write(struct server *s, struct text *out)
{
	struct text part = { 0 };
	const char *line;

	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);

		if (svc->internal == NULL || svc->super.state != SUPER_RUNNING)
			write_service(svc, out);
	}
	text_add(out, "names\n");
	for (enum lnm_table t = LNM_JOB; t < LNM_TABLES; t++)
		lnm_write(s->lnm, t, &part);
	add_lines(out, text_str(&part));
	text_clear(&part);
	text_add(out, "file\n");
	svc_print(s->file, &part);
	add_lines(out, text_str(&part));
	text_clear(&part);
	account_write(s->accounts, &part);
	for (line = text_str(&part); *line != '\0';) {
		size_t n = strcspn(line, "\n");

		text_addf(out, "account %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	text_free(&part);
	queue_write(&s->queue, out);
}

/* ------------------------------------------------------------------ reading */

/* The next line into buf; false at the end. */
static bool
next_line(const char **at, struct text *line)
{
	size_t n = strcspn(*at, "\n");

	text_clear(line);
	if (**at == '\0')
		return false;
	text_add_n(line, *at, n);
	*at += n + ((*at)[n] == '\n');
	return true;
}

/* Lines that begin with a bar, without it; `at` is left behind them. */
static void
take_lines(const char **at, struct text *out)
{
	while (strncmp(*at, "| ", 2) == 0) {
		size_t n = strcspn(*at, "\n");

		text_add_n(out, *at + 2, n - 2);
		text_add(out, "\n");
		*at += n + ((*at)[n] == '\n');
	}
}

int
takeover_socket(const char *text, const char *name, bool *keep)
{
	struct text line = { 0 };
	int fd, found = -1, n;
	char whose[8];

	while (next_line(&text, &line)) {
		n = 0;
		if (sscanf(text_str(&line), "socket %9d %7s %n", &fd, whose, &n) != 2 || n == 0 ||
			strcmp(text_str(&line) + n, name) != 0)
			continue;
		found = fd;
		*keep = strcmp(whose, "theirs") == 0;
	}
	text_free(&line);
	return found;
}

static bool
has_line(const char *lines, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = lines; *p != '\0'; p += strcspn(p, "\n") + 1)
		if (strncmp(p, line, n) == 0 && p[n] == '\n')
			return true;
	return false;
}

void
takeover_drop(const char *text, const char *taken)
{
	struct text line = { 0 };
	char whose[8];
	int fd, n;

	while (next_line(&text, &line)) {
		const char *name = text_str(&line);

		n = 0;
		if (sscanf(name, "socket %9d %7s %n", &fd, whose, &n) != 2 || n == 0 ||
			has_line(taken, name + n))
			continue;
		log_line(LOG_L_INFO, NULL, "no longer listening on %s", name + n);
		close(fd);
		if (strcmp(whose, "ours") == 0 && name[n] == '/')
			(void)unlink(name + n);
	}
	text_free(&line);
}

void
takeover_file(const char *text, struct text *out)
{
	struct text line = { 0 };

	while (next_line(&text, &line))
		if (strcmp(text_str(&line), "file") == 0)
			take_lines(&text, out);
	text_free(&line);
}

static bool
state_by_name(const char *name, enum super_state *out)
{
	for (enum super_state s = SUPER_HALTED; s <= SUPER_FAILED; s++)
		if (strcmp(super_state_name(s), name) == 0) {
			*out = s;
			return true;
		}
	return false;
}

static void
read_service(struct server *s, const char *line)
{
	char name[SVC_NAME_MAX + 1], state[16];
	int pid, channel, output, why, status;
	unsigned last_id, restarts, failures;
	int64_t since, deadline, ended;
	struct svc *svc;
	struct super *p;

	if (sscanf(line, "service %31s %15s %d %d %d %u %d %d %u %u %" SCNd64 " %" SCNd64
		" %" SCNd64, name, state, &pid, &channel, &output, &last_id, &why, &status,
		&restarts, &failures, &since, &deadline, &ended) != 13)
		return;
	svc = server_find(s, name);
	if (svc == NULL)
		return;
	p = &svc->super;
	if (!state_by_name(state, &p->state) || why < 0 || why > (int)SUPER_WHY_EXEC) {
		p->state = SUPER_HALTED;
		return;
	}
	p->why = (enum super_why)why;
	p->last_status = status;
	p->restarts = restarts;
	p->failures = failures;
	p->since.ms = since;
	p->deadline.ms = deadline;
	p->ended.ms = ended;
	svc->pending_start = false;
	if (pid > 0 && svc->internal == NULL) {
		if (svc_host_adopt(svc, pid, channel, output)) {
			if (svc->link != NULL)
				link_restore(svc->link, last_id, (struct bytes){ NULL, 0 });
			log_line(LOG_L_INFO, NULL, "service %s goes on, pid %d", svc->name, pid);
		} else {
			p->state = SUPER_HALTED;
		}
	}
	svc_host_rearm(svc);
	if (p->state == SUPER_RUNNING)
		svc_ask_verbs(svc);
}

static void
read_partial(struct server *s, const char *line)
{
	char name[SVC_NAME_MAX + 1];
	struct text octets = { 0 };
	struct bytes none;
	struct svc *svc;
	unsigned octet;
	int n = 0;

	if (sscanf(line, "partial %31s %n", name, &n) != 1 || n == 0)
		return;
	svc = server_find(s, name);
	for (line += n; svc != NULL && svc->link != NULL && sscanf(line, "%2x", &octet) == 1;
		line += 2) {
		char c = (char)octet;

		text_add_n(&octets, &c, 1);
	}
	if (svc != NULL && svc->link != NULL)
		link_restore(svc->link, link_state(svc->link, &none),
			bytes_of(text_str(&octets), octets.n));
	text_free(&octets);
}

static void
read_sampled(struct server *s, const char *line, const char **at)
{
	char name[SVC_NAME_MAX + 1];
	struct text lines = { 0 };
	struct svc *svc;
	int64_t ms;

	take_lines(at, &lines);
	if (sscanf(line, "sampled %31s %" SCNd64, name, &ms) == 2 &&
		(svc = server_find(s, name)) != NULL && svc_sample(svc, text_str(&lines)))
		svc->sampled_at.ms = ms;
	text_free(&lines);
}

bool
takeover_read(struct server *s, const char *text)
{
	struct text line = { 0 }, names = { 0 }, errors = { 0 };
	bool any = false;

	while (next_line(&text, &line)) {
		const char *p = text_str(&line);

		if (strncmp(p, "service ", 8) == 0) {
			read_service(s, p);
			any = true;
		} else if (strncmp(p, "partial ", 8) == 0) {
			read_partial(s, p);
		} else if (strncmp(p, "sampled ", 8) == 0) {
			read_sampled(s, p, &text);
		} else if (strcmp(p, "names") == 0) {
			take_lines(&text, &names);
			if (lnm_load_text(s->lnm, "names of the server before",
				    bytes_of(text_str(&names), names.n), &errors) != ST_NORMAL)
				log_line(LOG_L_WARNING, NULL, "%s", text_str(&errors));
		} else if (strncmp(p, "account ", 8) == 0) {
			(void)account_read(s->accounts, p + 8);
		}
	}
	text_free(&line);
	text_free(&names);
	text_free(&errors);
	return any;
}
