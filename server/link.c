/*
 * link.c - the master's end of a service's channel (see link.h).
 *
 * Called by super_uv.c with what the service sent, and by the verbs.  The service is trusted to be
 * ours, not to be sound: lines are bounded, unknown IDs are ignored, silence is noticed.
 */
#include "server/link.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ctl_channel.h"
#include "lib/hash.h"
#include "lib/list.h"

struct request {
	struct list node;
	struct hash_node by_id;
	struct link *link;
	uint32_t id;
	struct ctl_call *call; /* NULL: the master's own */
	link_lines *lines;
	void *user;
	bool paused;
};

struct link {
	struct ctl_transport t;
	struct link_owner owner;
	struct list requests;
	struct hash_table by_id;
	size_t count;
	uint32_t last_id;
	struct text in; /* the line that is not whole yet */
	struct ctl_session *held; /* whose lines of this read are gathered */
	instant heard;  /* when something came in, or the first request went out */
	bool probed;
};

struct link *
link_new(const struct ctl_transport *t, const struct link_owner *owner)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL || !hash_init(&l->by_id, 64)) {
		free(l);
		return NULL;
	}
	l->t = *t;
	l->owner = *owner;
	list_init(&l->requests);
	return l;
}

/* ------------------------------------------------------------------ requests */

static void
send_line(struct link *l, const char *line)
{
	l->t.send(l->t.user, bytes_str(line));
}

static void
request_free(struct request *r)
{
	list_remove(&r->node);
	hash_remove(&r->link->by_id, &r->by_id);
	r->link->count--;
	free(r);
}

static struct request *
request_new(struct link *l, instant now)
{
	struct request *r;

	if (l->t.unsent(l->t.user) > LINK_UNSENT_MAX)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	if (++l->last_id == 0)
		l->last_id = 1;
	r->link = l;
	r->id = l->last_id;
	if (l->count++ == 0)
		l->heard = now;
	list_append(&l->requests, &r->node);
	hash_insert(&l->by_id, &r->by_id, hash_more(0, r->id));
	return r;
}

static void
request_send(struct request *r, const char *role, const char *text)
{
	char line[CTL_CHANNEL_LINE_MAX];

	snprintf(line, sizeof(line), "#%u:%s %s\n", r->id, role, text);
	send_line(r->link, line);
}

static void
relay_cancelled(struct ctl_call *call)
{
	struct request *r = call->state;
	char line[32];

	snprintf(line, sizeof(line), "#%u:CANCEL\n", r->id);
	send_line(r->link, line);
	request_free(r);
	ctl_done(call, ST_CANCELLED, NULL);
}

static void
relay_resumed(struct ctl_call *call)
{
	struct request *r = call->state;
	char line[32];

	r->paused = false;
	snprintf(line, sizeof(line), "#%u:RESUME\n", r->id);
	send_line(r->link, line);
}

void
link_relay(struct link *l, struct ctl_call *call, const char *request, instant now)
{
	struct request *r = request_new(l, now);
	char role[CTL_WHO_MAX + 16], who[CTL_WHO_MAX];

	if (r == NULL) {
		ctl_done(call, ST_LIMIT, "the service does not take requests");
		return;
	}
	/* "uid 1000 …": the number is all that the service needs; others have no blanks. */
	if (strncmp(call->who, "uid ", 4) == 0)
		snprintf(who, sizeof(who), "%.*s", (int)strspn(call->who + 4, "0123456789"),
			call->who + 4);
	else
		snprintf(who, sizeof(who), "%.*s", (int)strcspn(call->who, " "), call->who);
	snprintf(role, sizeof(role), "%s%s%s", call->role == CTL_OPERATOR ? "OPERATOR" : "READER",
		who[0] != '\0' ? ":" : "", who);
	r->call = call;
	call->state = r;
	call->cancel = relay_cancelled;
	request_send(r, role, request);
}

bool
link_ask(struct link *l, const char *request, link_lines *lines, void *user, instant now)
{
	struct request *r = request_new(l, now);

	if (r == NULL)
		return false;
	r->lines = lines;
	r->user = user;
	request_send(r, "OPERATOR:0", request);
	return true;
}

/* ------------------------------------------------------------------ answers */

static void
request_end(struct request *r, enum status status, const char *detail)
{
	struct ctl_call *call = r->call;
	link_lines *lines = r->lines;
	void *user = r->user;

	request_free(r);
	if (call != NULL) {
		call->cancel = NULL;
		call->resume = NULL;
		ctl_done(call, status, "%s", detail);
	} else if (lines != NULL) {
		lines(user, (struct bytes){ NULL, 0 }, true, true);
	}
}

/* `NNN text` is the last line of an answer; `NNN-text` and `+text` are not. */
static bool
is_last(struct bytes line)
{
	return line.n >= 4 && isdigit(line.p[0]) && isdigit(line.p[1]) && isdigit(line.p[2]) &&
		line.p[3] == ' ';
}

static struct request *
find(struct link *l, uint32_t id)
{
	struct hash_node *n = hash_find(&l->by_id, hash_more(0, id));

	for (; n != NULL; n = hash_again(n)) {
		struct request *r = container_of(n, struct request, by_id);

		if (r->id == id)
			return r;
	}
	return NULL;
}

static void
let_go(struct link *l)
{
	struct ctl_session *s = l->held;

	l->held = NULL;
	if (s != NULL)
		ctl_let_go(s);
}

static void
answer_line(struct link *l, uint32_t id, struct bytes line)
{
	struct request *r = find(l, id);
	struct ctl_call *call;
	bool last = is_last(line);
	char pause[32];

	if (r == NULL)
		return; /* given up meanwhile */
	call = r->call;
	if (call != NULL && call->session != l->held) {
		let_go(l);
		if (find(l, id) != r)
			return; /* what waited behind the other's answer was run, and ended it */
		l->held = ctl_hold(call);
	}
	if (last) {
		link_lines *lines = r->lines;
		void *user = r->user;

		request_free(r);
		if (call != NULL) {
			call->cancel = NULL;
			call->resume = NULL;
			ctl_relay(call, line, true);
		} else if (lines != NULL) {
			lines(user, line, true, false);
		}
		return;
	}
	if (call == NULL) {
		if (r->lines != NULL)
			r->lines(r->user, line, false, false);
		return;
	}
	ctl_relay(call, line, false);
	if (!r->paused && ctl_congested(call)) {
		r->paused = true;
		call->resume = relay_resumed;
		snprintf(pause, sizeof(pause), "#%u:PAUSE\n", id);
		send_line(l, pause);
	}
}

/* "IDENT who<TAB>line" */
static void
take_audit(struct link *l, char *text)
{
	char *who = strchr(text, ' '), *line = strchr(text, '\t');
	enum status result;

	if (who == NULL || line == NULL || who > line)
		return;
	*who++ = '\0';
	*line++ = '\0';
	result = status_by_ident(text);
	l->owner.audit(l->owner.user, who, line, result == ST_COUNT ? ST_BUG : result);
}

/* "#ID " as the number and the length of all that; 0: it is none. */
static size_t
head_of(const char *p, size_t n, uint32_t *id)
{
	uint64_t value = 0;
	size_t i = 1;

	if (n == 0 || p[0] != '#')
		return 0;
	for (; i < n && p[i] >= '0' && p[i] <= '9' && value <= UINT32_MAX; i++)
		value = 10 * value + (uint64_t)(p[i] - '0');
	*id = (uint32_t)value;
	return i > 1 && i < n && p[i] == ' ' && value <= UINT32_MAX ? i + 1 : 0;
}

static void
take_line(struct link *l, const char *p, size_t n)
{
	char news[CTL_CHANNEL_LINE_MAX], blank_found;
	struct bytes rest;
	unsigned classes;
	uint32_t id;
	size_t head;

	if (n > 0 && p[n - 1] == '\r')
		n--;
	head = head_of(p, n, &id);
	if (head == 0)
		return;
	rest = bytes_of(p + head, n - head);
	if (id != 0) {
		answer_line(l, id, rest);
		return;
	}
	snprintf(news, sizeof(news), "%.*s", (int)(rest.n < sizeof(news) ? rest.n : sizeof(news)),
		(const char *)rest.p);
	if (strcmp(news, "+READY") == 0)
		l->owner.ready(l->owner.user);
	else if (strncmp(news, "+EVENT ", 7) == 0)
		l->owner.event(l->owner.user, CTL_NEWS_LOG, news + 7);
	else if (sscanf(news, "+EVENT:%2u%c", &classes, &blank_found) == 2 && blank_found == ' ')
		l->owner.event(l->owner.user, classes & CTL_NEWS_ALL, strchr(news, ' ') + 1);
	else if (strncmp(news, "+AUDIT ", 7) == 0 && l->owner.audit != NULL)
		take_audit(l, news + 7);
}

static void
take_lines(struct link *l, const char *p, const char *end)
{
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (nl == NULL) {
			text_add_n(&l->in, p, (size_t)(end - p));
			return;
		}
		if (l->in.n == 0 && !l->in.failed) {
			take_line(l, p, (size_t)(nl - p));
		} else {
			/* A line past the limit is cut, not taken for several. */
			text_add_n(&l->in, p, (size_t)(nl - p));
			take_line(l, text_str(&l->in), l->in.n);
			text_clear(&l->in);
			l->in.failed = false;
		}
		p = nl + 1;
	}
}

void
link_input(struct link *l, struct bytes octets, instant now)
{
	const char *p = (const char *)octets.p;

	l->heard = now;
	l->probed = false;
	take_lines(l, p, p + octets.n);
	let_go(l);
}

/* ------------------------------------------------------------------ ends */

static void
end_all(struct link *l, enum status status, const char *detail)
{
	while (!list_empty(&l->requests))
		request_end(container_of(l->requests.next, struct request, node), status, detail);
}

void
link_free(struct link *l, enum status status, const char *detail)
{
	end_all(l, status, detail);
	hash_free(&l->by_id);
	text_free(&l->in);
	free(l);
}

void
link_tick(struct link *l, instant now)
{
	struct request *probe;

	if (l->count == 0 || instant_diff(now, l->heard) < LINK_PROBE_MS)
		return;
	if (!l->probed) {
		l->probed = true;
		probe = request_new(l, l->heard);
		if (probe != NULL)
			request_send(probe, "OPERATOR:0", "NOOP");
	}
	if (instant_diff(now, l->heard) >= LINK_SILENT_MS) {
		end_all(l, ST_TIMEOUT, "the service gives no sign of life");
		l->probed = false;
	}
}

uint32_t
link_state(const struct link *l, struct bytes *partial)
{
	*partial = bytes_of(text_str(&l->in), l->in.n);
	return l->last_id;
}

void
link_restore(struct link *l, uint32_t last_id, struct bytes partial)
{
	l->last_id = last_id;
	text_add_n(&l->in, (const char *)partial.p, partial.n);
}

size_t
link_busy(const struct link *l)
{
	return l->count;
}
