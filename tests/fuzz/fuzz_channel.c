/*
 * fuzz_channel.c - a service's end of the channel to the master: many conversations in one stream
 * of lines, with CANCEL, PAUSE and RESUME, in pieces.  What is sent back are lines, each with its
 * number.
 */
#include "lib/ctl_channel.h"
#include "tests/fuzz/snap.h"
#include "tests/fuzz/verbs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sink {
	bool at_start, closed, slow, later;
	uint8_t last;
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
		if (s->at_start && *p != '#')
			abort();
		eol = memchr(p, '\n', (size_t)(end - p));
		s->at_start = eol != NULL;
		if (eol == NULL)
			break;
	}
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
meanwhile(struct ctl_channel *ch, struct sink *sink, uint8_t what)
{
	switch (what % 32) {
	case 1:
		ctl_channel_news(ch, "+EVENT something");
		break;
	case 2:
		fuzz_wake();
		break;
	case 3:
		sink->slow = true;
		break;
	case 4:
		sink->slow = false;
		ctl_channel_drained(ch);
		break;
	case 5:
		ctl_channel_audit(ch, "uid 0", "SHUTDOWN", ST_NORMAL);
		break;
	}
	if (sink->later && what % 2) { /* the loop's next turn */
		sink->later = false;
		ctl_channel_drained(ch);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sink sink = { .at_start = true };
	struct ctl_transport t = { .user = &sink, .send = sink_send, .unsent = sink_unsent,
		.close = sink_close, .later = sink_later };
	size_t piece;

	if (size == 0)
		return 0;
	snap_begin();
	piece = 1 + data[0] % 63;
	struct ctl_channel *ch = ctl_channel_open(&fuzz_service, &t);
	if (ch == NULL)
		abort();
	for (size_t at = 1; at < size && !sink.closed; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		if (!ctl_channel_input(ch, bytes_of(data + at, n)))
			break;
		meanwhile(ch, &sink, data[at]);
	}
	if (data[0] & 64)
		ctl_channel_end(ch);
	sink.slow = false;
	ctl_channel_close(ch);
	for (unsigned i = 0; i < WAITS_MAX; i++)
		if (waiting[i] != NULL)
			abort(); /* not cancelled */
	snap_end();
	return 0;
}
