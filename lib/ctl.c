/*
 * ctl.c - a NETCONTROL conversation as a pure step (see ctl.h).
 *
 * Called by ctl_uv.c for sockets, by ctl_channel.c for the conversations on a service's channel,
 * and by tests.  Does no input or output: octets come in through ctl_input, answers leave through
 * the transport, gathered so that everything one read brought is answered by one write.  Input is
 * untrusted: lines, waiting input and unsent output are bounded.
 *
 * Life of a session: public functions bracket their work with enter() and leave(); only the
 * outermost leave() runs waiting requests, flushes, and frees a session whose client is gone.  So a
 * verb may do anything in its run function, ending the session included.
 */
#include "lib/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct active { /* the request being answered */
	struct ctl_call call;
	struct cmd cmd;
	char line[CMD_LINE_MAX + 1];
};

struct ctl_session {
	const struct ctl_service *service;
	struct ctl_transport t;
	enum ctl_role role;
	char *who;
	struct net_addr from;
	int64_t uid;
	uint8_t *in; /* waiting input: from in_at to in_n */
	size_t in_at, in_n, in_room;
	struct text out; /* answers not yet handed to the transport */
	struct active *active;
	struct active *spare; /* for the next request of this round: they are large */
	struct text normal;   /* "200 %…-S-NORMAL, …", for the commonest answer; made once */
	uint64_t news_lost;
	unsigned busy; /* depth of public functions at work on this session */
	bool gathers;  /* a verb goes on in the loop's next turn: what it said may wait for more */
	bool crlf;     /* the request ended with CRLF: answer in kind */
	bool eof, over, gone, paused;
	bool drowned;  /* too much is unsent: nothing is added any more, leave() ends the session */
	unsigned monitor; /* classes of news */
};

static size_t
unsent(const struct ctl_session *s)
{
	return s->out.n + (s->t.unsent != NULL ? s->t.unsent(s->t.user) : 0);
}

static bool
congested(const struct ctl_session *s, size_t mark)
{
	return !s->gone && !s->over && (s->paused || unsent(s) > mark);
}

static void
session_end(struct ctl_session *s)
{
	if (s->over || s->gone)
		return;
	if (s->out.n > 0)
		s->t.send(s->t.user, bytes_of(s->out.p, s->out.n));
	text_clear(&s->out);
	s->over = true;
	s->t.close(s->t.user);
}

/* Hands on what was gathered.  Calls nothing else: a verb may be at work up the stack. */
static void
hand_on(struct ctl_session *s)
{
	bool failed = s->out.failed;

	if (!s->over && !s->gone) { /* else there may be no transport any more */
		if (s->out.n > 0 && !failed)
			s->t.send(s->t.user, bytes_of(s->out.p, s->out.n));
		text_clear(&s->out);
		s->drowned = s->drowned || failed || unsent(s) > CTL_OUTPUT_MAX;
	}
	text_clear(&s->out);
}

/* From the outermost leave(): the session may end over it, and what it asked be cancelled. */
static void
flush(struct ctl_session *s)
{
	char note[160];

	hand_on(s);
	if (!s->drowned || s->over || s->gone)
		return;
	/* Whoever reads so slowly gets no more than a note, if there is room for that. */
	status_format(note, sizeof(note), ST_TOOSLOW, NULL, NULL);
	text_addf(&s->out, "%u %s%s", status_row(ST_TOOSLOW)->reply, note, s->crlf ? "\r\n" : "\n");
	session_end(s);
}

static void
session_free(struct ctl_session *s)
{
	text_free(&s->out);
	text_free(&s->normal);
	free(s->spare);
	free(s->in);
	free(s->who);
	free(s);
}

/* ------------------------------------------------------------------ answers */

static bool
disturbs(char octet)
{
	unsigned char c = (unsigned char)octet;

	return (c < ' ' && c != '\t') || c == 0x7f;
}

/*
 * Where the first octet is that could disturb a terminal or the framing; n: nowhere.  Every octet
 * of a long SHOW comes by here, so eight at a time: subtracting leaves a top bit where one is
 * smaller.
 */
static size_t
first_disturbing(const char *text, size_t n)
{
	const uint64_t each = UINT64_C(0x0101010101010101), top = each << 7;
	size_t i = 0;

	for (uint64_t w, del; i + sizeof(w) <= n; i += sizeof(w)) {
		memcpy(&w, text + i, sizeof(w));
		del = w ^ each * 0x7f;
		if ((((w - each * ' ') & ~w) | ((del - each) & ~del)) & top)
			for (size_t k = i; k < i + sizeof(w); k++)
				if (disturbs(text[k]))
					return k;
	}
	while (i < n && !disturbs(text[i]))
		i++;
	return i;
}

/* One line of an answer; what could disturb a terminal or the framing is shown as `?`. */
static void
put_line(struct ctl_session *s, const char *prefix, const char *text, size_t n)
{
	size_t plain;

	if (s->gone || s->over || s->drowned)
		return;
	text_add(&s->out, prefix);
	while ((plain = first_disturbing(text, n)) < n) {
		text_add_n(&s->out, text, plain);
		text_add_n(&s->out, "?", 1);
		text += plain + 1;
		n -= plain + 1;
	}
	text_add_n(&s->out, text, n);
	text_add(&s->out, s->crlf ? "\r\n" : "\n");
	if (s->out.n >= CTL_BATCH)
		hand_on(s);
}

/* Plain success, which is most answers. */
static void
put_normal(struct ctl_session *s)
{
	char message[128];

	if (s->normal.n == 0) {
		status_format(message, sizeof(message), ST_NORMAL, s->service->facility, NULL);
		text_addf(&s->normal, "%03u %s", status_row(ST_NORMAL)->reply % 1000u, message);
	}
	text_add_n(&s->out, s->normal.p, s->normal.n);
	text_add(&s->out, s->crlf ? "\r\n" : "\n");
	if (s->out.n >= CTL_BATCH)
		hand_on(s);
}

static void
put_last(struct ctl_session *s, enum status status, const char *detail)
{
	const struct message_row *row = status_row(status);
	struct text line = { .limit = 2 * CMD_LINE_MAX };
	char message[512];
	char code[8];

	if (status == ST_NORMAL && (detail == NULL || detail[0] == '\0') && !s->gone && !s->over &&
		!s->drowned && !s->normal.failed) {
		put_normal(s);
		return;
	}
	status_format(message, sizeof(message), status,
		status == ST_NORMAL ? s->service->facility : NULL, NULL);
	snprintf(code, sizeof(code), "%03u ", row->reply % 1000u);
	text_add(&line, message);
	if (detail != NULL && detail[0] != '\0')
		text_addf(&line, ": %s", detail);
	put_line(s, code, text_str(&line), strlen(text_str(&line)));
	text_free(&line);
}

/* ------------------------------------------------------------------ requests */

static void
end_call(struct ctl_session *s, enum status status)
{
	struct active *a = s->active;

	if (a->call.verb != NULL && a->call.verb->role == CTL_OPERATOR &&
		(!a->call.looks || status == ST_NOTPERM)) {
		if (s->service->audit != NULL)
			s->service->audit(s->service->user, s->who, a->line, status);
		if (s->t.audit != NULL)
			s->t.audit(s->t.user, s->who, a->line, status);
	}
	s->active = NULL;
	s->gathers = false;
	free(s->spare);
	s->spare = a;
}

/* "<remote>": words that fit what was typed, if the service knows any. */
static void
add_candidates(struct ctl_session *s, const char *line, size_t len, const char *partial,
	struct text *out)
{
	const char *last = partial + strlen(partial), *end = memchr(line, '>', len);
	char shape[64];

	while (last > partial && strchr(" \t\"/=", last[-1]) == NULL)
		last--;
	if (line[0] != '<' || end == NULL || s->service->candidates == NULL ||
		(last > partial && last[-1] == '=')) /* a qualifier's value */
		return;
	snprintf(shape, sizeof(shape), "%.*s", (int)(end - line - 1), line + 1);
	s->service->candidates(s->service->user, shape, last, out);
}

/* COMPLETE "line so far": what may come next. */
static void
run_complete(struct ctl_session *s, struct cmd *c)
{
	struct text shapes = { 0 }, out = { 0 };
	const char *partial = c->words > 1 ? c->word[1] : "";

	verb_complete(s->service->verbs, partial, &shapes);
	for (const char *p = text_str(&shapes); *p != '\0';) {
		size_t len = strcspn(p, "\n");

		add_candidates(s, p, len, partial, &out);
		text_addf(&out, "%.*s\n", (int)len, p);
		p += len + (p[len] == '\n');
	}
	for (const char *p = text_str(&out); *p != '\0';) {
		size_t len = strcspn(p, "\n");

		put_line(s, "200-", p, len);
		p += len + (p[len] == '\n');
	}
	text_free(&shapes);
	text_free(&out);
	put_last(s, ST_NORMAL, NULL);
}

static void
run_request(struct ctl_session *s, struct active *a, struct bytes line)
{
	char why[512];
	const char *format;
	enum status status;

	status = cmd_parse(line, &a->cmd, why, sizeof(why));
	if (status == ST_NORMAL && a->cmd.words == 0 && a->cmd.quals == 0) {
		end_call(s, ST_NORMAL);
		return; /* a blank line asks nothing */
	}
	if (status == ST_NORMAL && s->service->route != NULL && s->service->route(&a->call))
		return;
	if (status == ST_NORMAL && a->cmd.words > 0 && text_same(a->cmd.word[0], "COMPLETE")) {
		run_complete(s, &a->cmd);
		end_call(s, ST_NORMAL);
		return;
	}
	if (status == ST_NORMAL)
		status = verb_match(s->service->verbs, &a->cmd, a->call.first, &a->call.verb, why,
			sizeof(why));
	if (status == ST_NORMAL && a->call.verb->role > s->role) {
		status = ST_NOTPERM;
		snprintf(why, sizeof(why), "%s needs the operator's role", a->call.verb->name);
	}
	if (status != ST_NORMAL) {
		put_last(s, status, why);
		end_call(s, status);
		return;
	}
	format = cmd_qual(&a->cmd, "FORMAT");
	a->call.json = format != NULL && text_same(format, "JSON");
	a->call.verb->run(&a->call);
}

static void
start_request(struct ctl_session *s, struct bytes line)
{
	struct active *a = s->spare != NULL ? s->spare : malloc(sizeof(*a));
	size_t n = line.n <= CMD_LINE_MAX ? line.n : 0;

	s->spare = NULL;
	if (a == NULL) {
		put_last(s, ST_NOMEMORY, NULL);
		return;
	}
	/* Not cleared as a whole: cmd_parse fills what it counts. */
	a->cmd.words = a->cmd.quals = 0;
	if (n > 0)
		memcpy(a->line, line.p, n);
	a->line[n] = '\0';
	a->call = (struct ctl_call){ .session = s, .service = s->service,
		.user = s->service->user, .cmd = &a->cmd, .line = a->line, .role = s->role,
		.who = s->who, .from = &s->from, .uid = s->uid };
	s->active = a;
	run_request(s, a, line);
}

/* The next whole line without its end. False: none yet, or the session ended over it. */
static bool
take_line(struct ctl_session *s, struct bytes *line)
{
	const uint8_t *p, *nl;
	size_t n = s->in_n - s->in_at, len;
	bool cr;

	if (n == 0) /* there may be no buffer at all */
		return false;
	p = s->in + s->in_at;
	nl = memchr(p, '\n', n);
	len = nl != NULL ? (size_t)(nl - p) : n;
	cr = len > 0 && p[len - 1] == '\r';
	if (len - cr > CMD_LINE_MAX || memchr(p, 0, len) != NULL) {
		s->crlf = cr;
		put_last(s, len - cr > CMD_LINE_MAX ? ST_LINELONG : ST_SYNTAX,
			len - cr > CMD_LINE_MAX ? "at most 4096 octets are allowed" : "NUL octet");
		session_end(s);
		return false;
	}
	if (nl == NULL && !s->eof)
		return false;
	s->crlf = cr;
	s->in_at += len + (nl != NULL);
	*line = bytes_of(p, len - cr);
	return true;
}

static void
run_waiting(struct ctl_session *s)
{
	struct bytes line;

	while (s->active == NULL && !s->over && !s->gone && !congested(s, CTL_HIGH_WATER) &&
		take_line(s, &line))
		start_request(s, line);
	if (s->eof && s->active == NULL && s->in_at == s->in_n && !s->gone)
		session_end(s);
}

static void
enter(struct ctl_session *s)
{
	s->busy++;
}

/* True: the session goes on. After false from the outermost call it may be freed. */
static bool
leave(struct ctl_session *s)
{
	bool alive;

	if (s->busy == 1) {
		run_waiting(s);
		if (!s->gathers || s->out.n >= CTL_GATHER || s->gone)
			flush(s);
		free(s->spare);
		s->spare = NULL;
	}
	alive = !s->over && !s->gone;
	if (--s->busy == 0 && s->gone && s->active == NULL)
		session_free(s);
	return alive;
}

/* ------------------------------------------------------------------ for verbs */

const char *
ctl_param(const struct ctl_call *call, unsigned n)
{
	size_t i = call->first + 1 + n;

	return i < call->cmd->words ? call->cmd->word[i] : NULL;
}

void
ctl_text(struct ctl_call *call, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		put_line(call->session, "200-", text, n);
		text += n + (text[n] == '\n');
	}
}

void
ctl_line(struct ctl_call *call, const char *fmt, ...)
{
	char small[512], *big = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(small)) {
		va_start(ap, fmt);
		if (vasprintf(&big, fmt, ap) < 0)
			big = NULL;
		va_end(ap);
	}
	if (big == NULL && small[0] == '\0')
		put_line(call->session, "200-", "", 0);
	else
		ctl_text(call, big != NULL ? big : small);
	free(big);
}

void
ctl_done(struct ctl_call *call, enum status status, const char *fmt, ...)
{
	struct ctl_session *s = call->session;
	char detail[1024];
	va_list ap;

	detail[0] = '\0';
	if (fmt != NULL) {
		va_start(ap, fmt);
		vsnprintf(detail, sizeof(detail), fmt, ap);
		va_end(ap);
	}
	enter(s);
	put_last(s, status, detail);
	end_call(s, status);
	leave(s);
}

/* The status that `NNN %FACILITY-S-IDENT, text` tells. */
static enum status
relayed_status(struct bytes line)
{
	char text[128], ident[32];
	size_t n = line.n < sizeof(text) - 1 ? line.n : sizeof(text) - 1;
	enum status status;

	memcpy(text, line.p, n);
	text[n] = '\0';
	if (sscanf(text, "%*3[0-9] %%%*[A-Z0-9]-%*1[A-Z]-%31[A-Z0-9]", ident) != 1)
		return ST_BUG;
	status = status_by_ident(ident);
	return status == ST_COUNT ? ST_BUG : status;
}

void
ctl_relay(struct ctl_call *call, struct bytes line, bool last)
{
	struct ctl_session *s = call->session;

	enter(s);
	put_line(s, "", (const char *)line.p, line.n);
	if (last)
		end_call(s, relayed_status(line));
	leave(s);
}

bool
ctl_congested(const struct ctl_call *call)
{
	return congested(call->session, CTL_HIGH_WATER);
}

bool
ctl_yield(struct ctl_call *call, void (*again)(struct ctl_call *call))
{
	struct ctl_session *s = call->session;

	if (s->t.later == NULL || s->gone || s->over)
		return false;
	call->resume = again;
	s->gathers = true;
	s->t.later(s->t.user);
	return true;
}

struct ctl_session *
ctl_hold(struct ctl_call *call)
{
	enter(call->session);
	return call->session;
}

void
ctl_let_go(struct ctl_session *s)
{
	leave(s);
}

/* ------------------------------------------------------------------ for transports */

struct ctl_session *
ctl_open(const struct ctl_service *service, const struct ctl_transport *t, enum ctl_role role,
	const char *who)
{
	struct ctl_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->service = service;
	s->t = *t;
	s->role = role;
	s->uid = -1;
	s->who = strdup(who != NULL ? who : "unknown");
	if (s->who == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

/* Room for n more octets of input behind what waits. */
static bool
input_room(struct ctl_session *s, size_t n)
{
	size_t room = s->in_room > 0 ? s->in_room : 1024;
	uint8_t *p;

	if (s->in_at > 0) {
		memmove(s->in, s->in + s->in_at, s->in_n - s->in_at);
		s->in_n -= s->in_at;
		s->in_at = 0;
	}
	while (room < s->in_n + n)
		room *= 2;
	if (room == s->in_room)
		return true;
	p = realloc(s->in, room);
	if (p == NULL)
		return false;
	s->in = p;
	s->in_room = room;
	return true;
}

bool
ctl_input(struct ctl_session *s, struct bytes octets)
{
	if (s->over || s->gone)
		return false;
	enter(s);
	/* A transport that heeds ctl_wants_input never gets near this bound. */
	if (octets.n > CTL_INPUT_MAX || s->in_n - s->in_at > 2 * CTL_INPUT_MAX ||
		!input_room(s, octets.n)) {
		put_last(s, ST_LIMIT, "too many requests wait for their answers");
		session_end(s);
		return leave(s);
	}
	if (octets.n > 0)
		memcpy(s->in + s->in_n, octets.p, octets.n);
	s->in_n += octets.n;
	return leave(s);
}

void
ctl_eof(struct ctl_session *s)
{
	enter(s);
	s->eof = true;
	leave(s);
}

bool
ctl_wants_input(const struct ctl_session *s)
{
	return !s->over && !s->gone && !s->eof && s->in_n - s->in_at < CTL_INPUT_MAX;
}

bool
ctl_is_busy(const struct ctl_session *s)
{
	return s->active != NULL;
}

void
ctl_drained(struct ctl_session *s)
{
	void (*resume)(struct ctl_call *);

	enter(s);
	if (s->active != NULL && s->active->call.resume != NULL && !congested(s, CTL_LOW_WATER)) {
		resume = s->active->call.resume;
		s->active->call.resume = NULL;
		s->gathers = false;
		resume(&s->active->call);
	}
	leave(s);
}

void
ctl_pause(struct ctl_session *s, bool paused)
{
	s->paused = paused;
	if (!paused)
		ctl_drained(s);
}

void
ctl_news(struct ctl_session *s, const char *text)
{
	char lost[96];

	if (congested(s, CTL_HIGH_WATER)) {
		s->news_lost++;
		return;
	}
	enter(s);
	if (s->news_lost > 0) {
		snprintf(lost, sizeof(lost), "%llu lines were lost, answers are read too slowly",
			(unsigned long long)s->news_lost);
		s->news_lost = 0;
		put_line(s, "+", lost, strlen(lost));
	}
	put_line(s, "+", text, strcspn(text, "\r\n"));
	leave(s);
}

void
ctl_close(struct ctl_session *s)
{
	struct ctl_call *call;

	enter(s);
	s->gone = true;
	if (s->active != NULL) {
		call = &s->active->call;
		if (call->cancel != NULL) {
			void (*cancel)(struct ctl_call *) = call->cancel;

			call->cancel = NULL;
			cancel(call);
		} else if (call->resume != NULL) {
			/* A SHOW that yielded: nothing congests now, so it runs to its end. */
			void (*resume)(struct ctl_call *) = call->resume;

			call->resume = NULL;
			resume(call);
		}
	}
	leave(s);
}

void
ctl_end_because(struct ctl_session *s, enum status status, const char *detail)
{
	struct ctl_call *call;

	enter(s);
	if (!s->over && !s->gone)
		put_last(s, status, detail);
	session_end(s);
	/* The transport may have closed the session at once, cancelling the call. */
	if (s->active != NULL && s->active->call.cancel != NULL) {
		void (*cancel)(struct ctl_call *);

		call = &s->active->call;
		cancel = call->cancel;
		call->cancel = NULL;
		cancel(call);
	}
	leave(s);
}

void
ctl_end(struct ctl_session *s)
{
	if (s->active != NULL) {
		ctl_end_because(s, ST_CANCELLED, "the service is ending");
		return;
	}
	enter(s);
	session_end(s);
	leave(s);
}

void
ctl_set_from(struct ctl_session *s, const struct net_addr *from)
{
	s->from = *from;
}

void
ctl_set_uid(struct ctl_session *s, int64_t uid)
{
	s->uid = uid;
}

void
ctl_set_monitor(struct ctl_session *s, unsigned classes)
{
	s->monitor = classes;
}

bool
ctl_is_monitor(const struct ctl_session *s)
{
	return s->monitor != 0;
}

bool
ctl_wants_news(const struct ctl_session *s, unsigned classes)
{
	return (s->monitor & classes) != 0;
}
