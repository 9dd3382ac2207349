/*
 * verbs.h - a service with verbs of every kind, for fuzz_cmd.c and fuzz_channel.c: some that answer
 * at once, one that waits to be cancelled, one that yields to a slow reader, one that relays.
 */
#ifndef TESTS_FUZZ_VERBS_H
#define TESTS_FUZZ_VERBS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ctl.h"

enum { BIG_LINES = 40, WAITS_MAX = 64 };

static struct ctl_call *waiting[WAITS_MAX]; /* of WAIT, until somebody ends or cancels it */

static void
fuzz_echo(struct ctl_call *call)
{
	for (unsigned i = 0; ctl_param(call, i); i++)
		ctl_line(call, "%s", ctl_param(call, i));
	ctl_done(call, ST_NORMAL, NULL);
}

static void
fuzz_forget(struct ctl_call *call)
{
	for (unsigned i = 0; i < WAITS_MAX; i++)
		if (waiting[i] == call) {
			waiting[i] = NULL;
			ctl_done(call, ST_CANCELLED, NULL);
			return;
		}
	abort(); /* nobody waits */
}

static void
fuzz_wait(struct ctl_call *call)
{
	for (unsigned i = 0; i < WAITS_MAX; i++)
		if (waiting[i] == NULL) {
			waiting[i] = call;
			call->cancel = fuzz_forget;
			return;
		}
	ctl_done(call, ST_LIMIT, "%u wait", (unsigned)WAITS_MAX);
}

/* The one that waits longest is done. */
static void
fuzz_wake(void)
{
	for (unsigned i = 0; i < WAITS_MAX; i++)
		if (waiting[i] != NULL) {
			struct ctl_call *call = waiting[i];

			waiting[i] = NULL;
			ctl_text(call, "woken\nin two lines");
			ctl_done(call, ST_NORMAL, "at last");
			return;
		}
}

static void
fuzz_big(struct ctl_call *call)
{
	uintptr_t n = (uintptr_t)call->state;

	for (; n < BIG_LINES; n++) {
		if (ctl_congested(call)) {
			call->state = (void *)n;
			call->resume = fuzz_big;
			return;
		}
		ctl_line(call, "%0*zu", n + 1 == BIG_LINES ? 1200 : 100, (size_t)n);
		if (n == BIG_LINES / 2) { /* and let others have their turn */
			call->state = (void *)(n + 1);
			if (ctl_yield(call, fuzz_big))
				return;
		}
	}
	ctl_done(call, ST_NORMAL, NULL);
}

static void
fuzz_relay(struct ctl_call *call)
{
	for (unsigned i = 0; ctl_param(call, i); i++)
		ctl_relay(call, bytes_str("200-of another"), false);
	ctl_relay(call, bytes_str(ctl_param(call, 0) == NULL ? "200 what" :
		"404 %RACOON-W-NOSUCHSA, none"), true);
}

static const struct verb_qual fuzz_quals[] = {
	{ .name = "SELECT", .value = "(ALPHA|BETA|GAMMA)", .help = "Which of them" },
	{ .name = "STATE", .value = "UP|DOWN|count", .help = "In what state" },
	{ .name = NULL },
};

static const struct verb fuzz_verbs[] = {
	{ .name = "NOOP", .role = CTL_READER, .run = ctl_verb_noop, .help = "Do nothing" },
	{ .name = "VERSION",
		.role = CTL_READER,
		.run = ctl_verb_version,
		.help = "Tell the version" },
	{ .name = "HELP",
		.params = "[topic]",
		.max_params = 2,
		.quals = ctl_quals_help,
		.role = CTL_READER,
		.run = ctl_verb_help,
		.help = "Tell what there is" },
	{ .name = "SHOW",
		.params = "[what]",
		.max_params = 8,
		.quals = ctl_quals_format,
		.role = CTL_READER,
		.run = fuzz_echo,
		.help = "Show",
		.more = "More of it.\nIn two lines." },
	{ .name = "WAIT", .role = CTL_READER, .run = fuzz_wait, .help = "Wait" },
	{ .name = "LARGE",
		.params = "[what] [ALL|SOME]",
		.max_params = 2,
		.quals = fuzz_quals,
		.role = CTL_READER,
		.run = fuzz_big,
		.help = "Say much" },
	{ .name = "RELAY",
		.params = "[line...]",
		.max_params = 3,
		.role = CTL_READER,
		.run = fuzz_relay,
		.help = "Hand on" },
	{ .name = "MONITOR",
		.params = "[class...]",
		.max_params = 4,
		.quals = ctl_quals_monitor,
		.role = CTL_READER,
		.run = ctl_verb_monitor,
		.help = "News" },
	{ .name = "SHUTDOWN", .role = CTL_OPERATOR, .run = fuzz_echo, .help = "End" },
	{ .name = NULL },
};

static void
fuzz_audit(void *user, const char *who, const char *line, enum status result)
{
	(void)user, (void)result;
	if (who == NULL || line == NULL || strchr(line, '\n') != NULL)
		abort();
}

static void
fuzz_candidates(void *user, const char *shape, const char *prefix, struct text *out)
{
	(void)user;
	if (strchr(shape, '<') != NULL || strchr(prefix, '\n') != NULL)
		abort();
	text_addf(out, "ONE\tof %s\nTWO\tof them\n", shape);
}

static const struct ctl_service fuzz_service = { .facility = "RACOON", .version = "0",
	.verbs = fuzz_verbs, .audit = fuzz_audit,
	.candidates = fuzz_candidates };

#endif
