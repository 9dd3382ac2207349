/*
 * fuzz_cmd.c - NETCONTROL: one line through the line reader and a verb table, then all octets
 * through a session, in pieces.  Answers must be framed: lines of text, each ended, each with its
 * code.
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cmd.h"
#include "lib/ctl.h"
#include "lib/verb.h"
#include "tests/fuzz/snap.h"
#include "tests/fuzz/verbs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sink {
	size_t octets, lines;
	uint8_t last;
	bool at_start, closed, slow, later;
};

static void
sink_send(void *user, struct bytes octets)
{
	struct sink *s = user;
	const uint8_t *p = octets.p, *end = octets.p + octets.n, *eol;

	if (octets.n == 0)
		return;
	if (memchr(p, '\0', octets.n) != NULL)
		abort();
	for (; p < end; p = eol + 1) {
		if (s->at_start && *p != '+' && (*p < '2' || *p > '5'))
			abort(); /* an answer begins with its code */
		eol = memchr(p, '\n', (size_t)(end - p));
		s->at_start = eol != NULL;
		if (eol == NULL)
			break;
		s->lines++;
	}
	s->last = end[-1];
	s->octets += octets.n;
}

static size_t
sink_unsent(void *user)
{
	return ((struct sink *)user)->slow ? CTL_HIGH_WATER + 1 : 0;
}

static void
sink_later(void *user)
{
	((struct sink *)user)->later = true;
}

static void
sink_close(void *user)
{
	((struct sink *)user)->closed = true;
}

static void
one_line(struct bytes line)
{
	static struct cmd cmd;
	char why[256] = "";
	const struct verb *verb = NULL;
	struct text out = { 0 }, part = { 0 };

	text_add_n(&part, (const char *)line.p, line.n);
	verb_complete(fuzz_verbs, text_str(&part), &out);
	(void)verb_take_placeholder(&out, "what");
	if (part.n > 0)
		(void)!verb_find(fuzz_verbs, text_str(&part), &verb, why, sizeof(why));
	text_free(&part);
	text_free(&out);
	if (line.n > CMD_LINE_MAX || cmd_parse(line, &cmd, why, sizeof(why)))
		return;
	if (cmd.words > CMD_WORDS_MAX || cmd.quals > CMD_QUALS_MAX)
		abort();
	if (cmd.words > 0)
		(void)!verb_match(fuzz_verbs, &cmd, 0, &verb, why, sizeof(why));
	cmd_qual(&cmd, "FORMAT");
}

/* What happens to a session between two pieces of input. */
static void
meanwhile(struct ctl_session *s, struct sink *sink, uint8_t what)
{
	switch (what % 64) {
	case 1:
		ctl_news(s, "something\nhappened");
		break;
	case 2:
		ctl_pause(s, true);
		break;
	case 3:
		ctl_pause(s, false);
		break;
	case 4:
		fuzz_wake();
		break;
	case 5:
		sink->slow = true;
		break;
	case 6:
		sink->slow = false;
		ctl_drained(s);
		break;
	case 7:
		ctl_set_monitor(s, what);
		if (ctl_is_monitor(s) != ctl_wants_news(s, UINT_MAX))
			abort();
		break;
	case 8:
		if (ctl_is_busy(s) && !ctl_wants_input(s) && !sink->slow)
			ctl_pause(s, false);
		break;
	}
	if (sink->later && what % 2) { /* the loop's next turn */
		sink->later = false;
		ctl_drained(s);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sink sink = { .at_start = true };
	struct ctl_transport t = { .user = &sink, .send = sink_send, .unsent = sink_unsent,
		.close = sink_close };
	if (size == 0)
		return 0;
	if (data[0] & 32)
		t.later = sink_later;
	snap_begin();
	one_line(bytes_of(data, size));
	struct ctl_session *s = ctl_open(&fuzz_service, &t, data[0] % 3, "fuzz");
	if (!s)
		abort();
	size_t piece = 1 + data[0] % 61;
	for (size_t at = 1; at < size && !sink.closed; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		if (!ctl_input(s, bytes_of(data + at, n)))
			break;
		meanwhile(s, &sink, data[at]);
	}
	if (!sink.closed && data[0] & 64)
		ctl_end_because(s, ST_SHUTTING, "the end");
	else if (!sink.closed && data[0] & 128)
		ctl_eof(s);
	sink.slow = false;
	if (!sink.closed)
		ctl_drained(s);
	if (sink.octets > 0 && sink.last != '\n')
		abort();
	ctl_close(s);
	snap_end();
	return 0;
}
