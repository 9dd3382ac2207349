/*
 * ctl_channel.c - the service's end of the channel to the master (see ctl_channel.h).
 *
 * Called by ctl_uv.c and by tests.  Each request becomes a ctl_session of its own that lives as
 * long as its answer, so verbs cannot tell a relayed request from one on the program's own socket.
 */
#include "lib/ctl_channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/list.h"

struct talk { /* one conversation */
	struct list node;
	struct hash_node by_id;
	struct ctl_channel *ch;
	struct ctl_session *session;
	uint32_t id;
	char head[16]; /* "#ID ", before each line of the answer */
	bool answered;
};

struct ctl_channel {
	const struct ctl_service *service;
	struct ctl_transport t;
	struct list talks;
	struct hash_table by_id;
	size_t count;
	struct text out;
	uint8_t in[CTL_CHANNEL_LINE_MAX];
	size_t in_n;
	/* depth of functions at work: the outermost one sends, and frees when closed */
	unsigned busy;
	bool bad, gone;
};

static void
enter(struct ctl_channel *ch)
{
	ch->busy++;
}

static void
flush(struct ctl_channel *ch)
{
	if (ch->out.n > 0 && !ch->gone)
		ch->t.send(ch->t.user, bytes_of(ch->out.p, ch->out.n));
	text_clear(&ch->out);
}

/* From the outermost function: the channel may be gone afterwards. */
static void
leave(struct ctl_channel *ch)
{
	if (ch->busy == 1 || ch->out.n >= CTL_BATCH)
		flush(ch);
	if (--ch->busy > 0 || !ch->gone)
		return;
	text_free(&ch->out);
	hash_free(&ch->by_id);
	free(ch);
}

/* ------------------------------------------------------------------ transport of a conversation */

static void
talk_send(void *user, struct bytes octets)
{
	struct talk *t = user;
	const char *p = (const char *)octets.p, *end = p + octets.n;

	enter(t->ch);
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl != NULL ? (size_t)(nl - p) + 1 : (size_t)(end - p);

		text_add(&t->ch->out, t->head);
		text_add_n(&t->ch->out, p, n);
		p += n;
	}
	t->answered = true;
	leave(t->ch);
}

static size_t
talk_unsent(void *user)
{
	struct talk *t = user;

	return t->ch->out.n + t->ch->t.unsent(t->ch->t.user);
}

static void
talk_later(void *user)
{
	struct talk *t = user;

	if (t->ch->t.later != NULL)
		t->ch->t.later(t->ch->t.user);
}

/* The master keeps the accounts of all services. */
static void
talk_audit(void *user, const char *who, const char *line, enum status result)
{
	struct talk *t = user;

	ctl_channel_audit(t->ch, who, line, result);
}

static void
answer_now(struct ctl_channel *ch, uint32_t id, enum status status, const char *detail)
{
	char message[256];

	enter(ch);
	status_format(message, sizeof(message), status, NULL, detail);
	text_addf(&ch->out, "#%u %u %s\n", id, status_row(status)->reply, message);
	leave(ch);
}

static void
talk_close(void *user)
{
	struct talk *t = user;

	if (!t->answered)
		answer_now(t->ch, t->id, ST_SYNTAX, "empty request");
	list_remove(&t->node);
	hash_remove(&t->ch->by_id, &t->by_id);
	t->ch->count--;
	ctl_close(t->session);
	free(t);
}

/* ------------------------------------------------------------------ lines from the master */

static struct talk *
find_talk(struct ctl_channel *ch, uint32_t id)
{
	struct hash_node *n = hash_find(&ch->by_id, hash_more(0, id));

	for (; n != NULL; n = hash_again(n)) {
		struct talk *t = container_of(n, struct talk, by_id);

		if (t->id == id)
			return t;
	}
	return NULL;
}

static void
begin_talk(struct ctl_channel *ch, uint32_t id, enum ctl_role role, const char *who,
	struct bytes request)
{
	struct ctl_transport t = { .send = talk_send, .unsent = talk_unsent, .close = talk_close,
		.audit = talk_audit, .later = ch->t.later != NULL ? talk_later : NULL };
	struct talk *talk;
	struct ctl_session *s;
	char name[CTL_WHO_MAX];

	if (ch->count >= CTL_SESSIONS_MAX) {
		answer_now(ch, id, ST_LIMIT, "too many requests at once");
		return;
	}
	talk = calloc(1, sizeof(*talk));
	if (talk == NULL) {
		answer_now(ch, id, ST_NOMEMORY, NULL);
		return;
	}
	t.user = talk;
	/* A number is a user of this host; else it is as the master knows him. */
	if (who[0] == '\0' || who[strspn(who, "0123456789")] == '\0')
		snprintf(name, sizeof(name), "uid %.16s%s", who[0] != '\0' ? who : "unknown",
			strcmp(who, "0") == 0 ? " (root)" : "");
	else
		snprintf(name, sizeof(name), "%s", who);
	s = ctl_open(ch->service, &t, role, name);
	if (s == NULL) {
		free(talk);
		answer_now(ch, id, ST_NOMEMORY, NULL);
		return;
	}
	talk->ch = ch;
	talk->id = id;
	snprintf(talk->head, sizeof(talk->head), "#%u ", id);
	talk->session = s;
	list_append(&ch->talks, &talk->node);
	hash_insert(&ch->by_id, &talk->by_id, hash_more(0, id));
	ch->count++;
	/* The request may be answered, and the conversation gone, before ctl_input returns; the end
	 * of input is the line's end, so that one call does both. */
	if (ctl_input(s, request))
		ctl_eof(s);
}

static void
take_line(struct ctl_channel *ch, const uint8_t *p, size_t n)
{
	char head[CTL_WHO_MAX + 32], word[16] = "", who[CTL_WHO_MAX] = "";
	const uint8_t *blank = memchr(p, ' ', n);
	size_t head_n = blank != NULL ? (size_t)(blank - p) : n;
	enum ctl_role role;
	struct talk *t;
	unsigned id;

	if (head_n >= sizeof(head))
		return;
	memcpy(head, p, head_n);
	head[head_n] = '\0';
	if (sscanf(head, "#%10u:%15[A-Z]:%159s", &id, word, who) < 2 || id == 0)
		return;
	t = find_talk(ch, id);
	if (t != NULL) {
		if (strcmp(word, "CANCEL") == 0) {
			t->answered = true;
			talk_close(t);
		} else if (strcmp(word, "PAUSE") == 0) {
			ctl_pause(t->session, true);
		} else if (strcmp(word, "RESUME") == 0) {
			ctl_pause(t->session, false);
		}
		return;
	}
	if (blank == NULL)
		return;
	if (strcmp(word, "OPERATOR") == 0)
		role = CTL_OPERATOR;
	else if (strcmp(word, "READER") == 0)
		role = CTL_READER;
	else
		return;
	/* With its newline: the line's end is what starts the request. */
	begin_talk(ch, id, role, who, bytes_of(blank + 1, (size_t)(p + n - blank - 1)));
}

bool
ctl_channel_input(struct ctl_channel *ch, struct bytes octets)
{
	bool good;

	enter(ch);
	for (size_t i = 0; i < octets.n && !ch->bad && !ch->gone; i++) {
		if (ch->in_n == sizeof(ch->in)) {
			ch->bad = true;
			break;
		}
		ch->in[ch->in_n++] = octets.p[i];
		if (octets.p[i] == '\n') {
			size_t n = ch->in_n;

			ch->in_n = 0;
			take_line(ch, ch->in, n);
		}
	}
	good = !ch->bad && !ch->gone;
	leave(ch);
	return good;
}

/* ------------------------------------------------------------------ the rest */

struct ctl_channel *
ctl_channel_open(const struct ctl_service *service, const struct ctl_transport *t)
{
	struct ctl_channel *ch = calloc(1, sizeof(*ch));

	if (ch == NULL || !hash_init(&ch->by_id, 16)) {
		free(ch);
		return NULL;
	}
	ch->service = service;
	ch->t = *t;
	list_init(&ch->talks);
	return ch;
}

void
ctl_channel_drained(struct ctl_channel *ch)
{
	enter(ch);
	LIST_FOREACH(n, &ch->talks)
		ctl_drained(container_of(n, struct talk, node)->session);
	leave(ch);
}

void
ctl_channel_news(struct ctl_channel *ch, const char *text)
{
	/* A master that does not read gets no news: it would only pile up. */
	if (ch->t.unsent(ch->t.user) > CTL_OUTPUT_MAX)
		return;
	enter(ch);
	text_addf(&ch->out, "#0 %.*s\n", (int)strcspn(text, "\r\n"), text);
	leave(ch);
}

void
ctl_channel_audit(struct ctl_channel *ch, const char *who, const char *line, enum status result)
{
	char news[CTL_CHANNEL_LINE_MAX];

	snprintf(news, sizeof(news), "+AUDIT %s %s\t%s", status_row(result)->ident, who, line);
	ctl_channel_news(ch, news);
}

size_t
ctl_channel_busy(const struct ctl_channel *ch)
{
	return ch->count;
}

void
ctl_channel_end(struct ctl_channel *ch)
{
	enter(ch);
	/* Ending one may end others (a verb that waits for another): always take the first. */
	while (!list_empty(&ch->talks))
		ctl_end(container_of(ch->talks.next, struct talk, node)->session);
	/* Now, even when a request is being run further up: the transport may be closed next. */
	flush(ch);
	leave(ch);
}

void
ctl_channel_close(struct ctl_channel *ch)
{
	enter(ch);
	ch->gone = true;
	ctl_channel_end(ch);
	leave(ch);
}
