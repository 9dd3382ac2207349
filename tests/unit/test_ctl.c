/* test_ctl.c - control sessions and the service's channel, octets in and octets out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ctl_channel.h"

/* A client: gathers what it was sent; `held` plays a socket nobody reads. */
struct client {
	struct text got;
	size_t held;
	unsigned sends;
	bool hold, closed;
};

static struct client cl;
static struct ctl_session *s;
static struct ctl_call *pending; /* the call of a WAIT under way */
static unsigned cancels, audits;
static char audit_line[128];

static void
cl_send(void *user, struct bytes b)
{
	struct client *c = user;

	text_add_n(&c->got, (const char *)b.p, b.n);
	c->sends++;
	if (c->hold)
		c->held += b.n;
}

static size_t
cl_unsent(void *user)
{
	return ((struct client *)user)->held;
}

static void
cl_close(void *user)
{
	((struct client *)user)->closed = true;
}

static void
verb_echo(struct ctl_call *call)
{
	ctl_line(call, "%s", ctl_param(call, 0));
	ctl_done(call, ST_NORMAL, NULL);
}

static void
wait_cancel(struct ctl_call *call)
{
	cancels++;
	pending = NULL;
	ctl_done(call, ST_CANCELLED, NULL);
}

static void
verb_wait(struct ctl_call *call)
{
	call->cancel = wait_cancel;
	pending = call;
}

static void
flood_more(struct ctl_call *call)
{
	uintptr_t n = (uintptr_t)call->state;

	for (; n < 20000; n++) {
		if (ctl_congested(call)) {
			call->state = (void *)n;
			call->resume = flood_more;
			return;
		}
		ctl_line(call, "line %lu of a long answer that goes on and on and on",
			(unsigned long)n);
	}
	ctl_done(call, ST_NORMAL, NULL);
}

enum { TURNS = 5000 };
static unsigned laters;

static void
cl_later(void *user)
{
	(void)user;
	laters++;
}

static void
turn(struct ctl_call *call) /* a line in each turn of the loop */
{
	for (uintptr_t n = (uintptr_t)call->state; n < TURNS; n = (uintptr_t)call->state) {
		ctl_line(call, "line %u, one in a turn", (unsigned)n);
		call->state = (void *)(n + 1);
		if (ctl_yield(call, turn))
			return;
	}
	ctl_done(call, ST_NORMAL, NULL);
}

static void
verb_blurt(struct ctl_call *call) /* a verb that never yields */
{
	for (unsigned n = 0; n < 400000; n++)
		ctl_line(call, "line %u of a long answer that goes on and on and on", n);
	ctl_done(call, ST_NORMAL, NULL);
}

static void
verb_fail(struct ctl_call *call)
{
	ctl_line(call, "one\ntwo\x1b[2J");
	ctl_done(call, ST_NOTRUNNING, "because of %d", 42);
}

static void
verb_odd(struct ctl_call *call)
{
	static const char odd[] = { '\x01', '\x1f', '\x7f', '\x00' }, fine[] = "\t ~\x80\xff";

	for (unsigned at = 0; at < 20; at++)
		for (const char *c = at % 2 == 0 ? odd : fine; *c != '\0'; c++)
			ctl_line(call, "%.*s%c%.*s", (int)at, "abcdefghijklmnopqrstuvwxyz", *c,
				(int)(25 - at), "abcdefghijklmnopqrstuvwxyz");
	ctl_done(call, ST_NORMAL, NULL);
}

static const struct verb verbs[] = {
	{ .name = "BLURT", .role = CTL_READER, .run = verb_blurt, .help = "much, at once" },
	{ .name = "ECHO", .params = "text", .min_params = 1, .max_params = 1,
		.quals = ctl_quals_format,
		.role = CTL_READER, .run = verb_echo, .help = "say it" },
	{ .name = "FAIL", .role = CTL_OPERATOR, .run = verb_fail, .help = "fail" },
	{ .name = "FLOOD", .role = CTL_READER, .run = flood_more, .help = "much" },
	{ .name = "HELP", .params = "[topic]", .max_params = 1, .quals = ctl_quals_help,
		.role = CTL_READER, .run = ctl_verb_help, .help = "help" },
	{ .name = "NOOP", .role = CTL_READER, .run = ctl_verb_noop, .help = "nothing" },
	{ .name = "ODD", .role = CTL_READER, .run = verb_odd, .help = "odd octets" },
	{ .name = "TURN", .role = CTL_READER, .run = turn, .help = "a line in each turn" },
	{ .name = "VERSION", .role = CTL_READER, .run = ctl_verb_version, .help = "version" },
	{ .name = "WAIT", .role = CTL_OPERATOR, .run = verb_wait, .help = "wait" },
	{ .name = NULL },
};

static void
on_audit(void *user, const char *who, const char *line, enum status result)
{
	(void)user;
	audits++;
	snprintf(audit_line, sizeof(audit_line), "%s|%s|%d", who, line, (int)result);
}

static const struct ctl_service service = { .facility = "TEST", .version = "1.0", .verbs = verbs,
	.audit = on_audit };
static const struct ctl_transport transport = { .user = &cl, .send = cl_send, .unsent = cl_unsent,
	.close = cl_close };

static int
setup(void **state)
{
	(void)state;
	memset(&cl, 0, sizeof(cl));
	cl.got.limit = 64u << 20;
	cancels = audits = 0;
	pending = NULL;
	s = ctl_open(&service, &transport, CTL_OPERATOR, "uid 0 (root)");
	return s == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	if (s != NULL)
		ctl_close(s);
	s = NULL;
	text_free(&cl.got);
	return 0;
}

static bool
say(const char *text)
{
	return ctl_input(s, bytes_str(text));
}

#define OK "200 %TEST-S-NORMAL, normal successful completion"

static void
test_framing(void **state)
{
	(void)state;
	assert_true(say("echo hello\n"));
	assert_string_equal(cl.got.p, "200-hello\n" OK "\n");
	text_clear(&cl.got);
	assert_true(say("echo hello\r\n")); /* in kind */
	assert_string_equal(cl.got.p, "200-hello\r\n" OK "\r\n");
	text_clear(&cl.got);
	assert_true(say("no"));
	assert_true(say("op"));
	assert_string_equal(text_str(&cl.got), "");
	assert_true(say("\n\n  \n"));
	assert_string_equal(cl.got.p, OK "\n");
	text_clear(&cl.got);
	assert_true(say("fail\n"));
	assert_string_equal(cl.got.p, "200-one\n200-two?[2J\n"
		"421 %NETCTL-E-NOTRUNNING, service is not running: because of 42\n");
	assert_int_equal(audits, 1);
	snprintf(cl.got.p, 64, "uid 0 (root)|fail|%d", ST_NOTRUNNING);
	assert_string_equal(audit_line, cl.got.p);
}

static void
test_pipelining_one_write(void **state)
{
	(void)state;
	assert_true(say("echo 1\necho 2\r\nbad\necho 3\n"));
	assert_int_equal(cl.sends, 1);
	assert_non_null(strstr(cl.got.p, "200-1\n" OK "\n200-2\r\n" OK "\r\n502 %NETCTL-W-IVVERB"));
	text_clear(&cl.got);
	assert_true(say("echo 1\nwait\necho 2\n"));
	assert_string_equal(cl.got.p, "200-1\n" OK "\n"); /* 2 waits for its turn */
	text_clear(&cl.got);
	assert_true(ctl_is_busy(s));
	ctl_line(pending, "now");
	ctl_done(pending, ST_NORMAL, NULL);
	assert_string_equal(cl.got.p, "200-now\n" OK "\n200-2\n" OK "\n");
	assert_int_equal(cl.sends, 3);
}

static void
test_long_line_and_nul(void **state)
{
	char big[CMD_LINE_MAX + 8];

	(void)state;
	memset(big, 'x', sizeof(big));
	big[CMD_LINE_MAX] = '\r';
	big[CMD_LINE_MAX + 1] = '\n';
	assert_true(ctl_input(s, bytes_of(big, CMD_LINE_MAX + 2)));
	assert_non_null(strstr(cl.got.p, "502 %NETCTL-W-IVVERB"));
	text_clear(&cl.got);
	memset(big, 'x', sizeof(big));
	assert_true(say("wait\n"));
	assert_true(ctl_input(s, bytes_of(big, sizeof(big)))); /* judged when its turn comes */
	ctl_done(pending, ST_NORMAL, NULL);
	assert_true(cl.closed);
	assert_non_null(strstr(cl.got.p, OK "\n501 %NETCTL-E-LINELONG"));
	assert_false(say("noop\n"));
}

static void
test_nul_octet(void **state)
{
	(void)state;
	assert_false(ctl_input(s, bytes_of("noop\nsh\0ow\n", 11)));
	assert_true(cl.closed);
	assert_non_null(strstr(cl.got.p, OK "\n500 %NETCTL-W-SYNTAX"));
	assert_non_null(strstr(cl.got.p, "NUL octet"));
}

static void
test_roles(void **state)
{
	struct ctl_session *reader = ctl_open(&service, &transport, CTL_READER, "uid 7");

	(void)state;
	assert_true(ctl_input(reader, bytes_str("fail\nnoop\n")));
	assert_non_null(strstr(cl.got.p, "530 %NETCTL-E-NOTPERM"));
	assert_non_null(strstr(cl.got.p, OK));
	assert_int_equal(audits, 1); /* also what was refused */
	ctl_close(reader);
}

static void
test_cancel(void **state)
{
	(void)state;
	assert_true(say("wait\n"));
	ctl_close(s);
	s = NULL;
	assert_int_equal(cancels, 1);
	assert_string_equal(text_str(&cl.got), "");
}

static void
test_eof_answers_first(void **state)
{
	(void)state;
	assert_true(say("wait\necho a\necho b"));
	ctl_eof(s);
	assert_false(cl.closed);
	assert_false(ctl_wants_input(s));
	ctl_done(pending, ST_NORMAL, NULL);
	assert_true(cl.closed);
	assert_string_equal(cl.got.p, OK "\n200-a\n" OK "\n200-b\n" OK "\n");
}

static void
test_slow_reader(void **state)
{
	(void)state;
	cl.hold = true;
	assert_true(say("flood\necho after\n"));
	assert_true(cl.held < CTL_HIGH_WATER + 2 * CTL_BATCH);
	assert_null(strstr(cl.got.p, "200-after"));
	for (unsigned i = 0; i < 100 && strstr(cl.got.p, "200-after") == NULL; i++) {
		cl.held = 0;
		ctl_drained(s);
	}
	assert_non_null(strstr(cl.got.p, "200-line 19999 "));
	assert_non_null(strstr(cl.got.p, "200-after"));
	/* Requests behind unread answers wait; input is bounded by ctl_wants_input. */
	cl.held = CTL_HIGH_WATER + 1;
	text_clear(&cl.got);
	for (unsigned i = 0; i < 20000 && ctl_wants_input(s); i++)
		assert_true(say("noop\n"));
	assert_false(ctl_wants_input(s));
	assert_string_equal(text_str(&cl.got), "");
	cl.held = 0;
	cl.hold = false;
	ctl_drained(s);
	assert_true(ctl_wants_input(s));
}

/* What a verb says in its turns is gathered, and nothing of it is late at the end. */
static void
test_turns_are_gathered(void **state)
{
	struct ctl_transport t = { .user = &cl, .send = cl_send, .unsent = cl_unsent,
		.close = cl_close, .later = cl_later };
	unsigned lines = 0;

	(void)state;
	ctl_close(s);
	s = ctl_open(&service, &t, CTL_OPERATOR, "tester");
	assert_non_null(s);
	cl.sends = laters = 0;
	assert_true(say("turn\necho after\n"));
	assert_int_equal(cl.got.n, 0);
	for (; laters < 2 * TURNS && strstr(text_str(&cl.got), "after") == NULL;)
		ctl_drained(s);
	assert_int_equal(laters, TURNS);
	assert_true(cl.sends > 2 && cl.sends <= cl.got.n / CTL_GATHER + 1);
	for (const char *p = cl.got.p; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_int_equal(lines, TURNS + 1 + 2);
	assert_non_null(strstr(cl.got.p, "one in a turn\n" OK "\n200-after\n" OK "\n"));
	/* Who goes away in between loses what is gathered, and the verb comes to its end. */
	assert_true(say("turn\n"));
	assert_true(ctl_is_busy(s));
}

/* Wherever in a line it stands. */
static void
test_odd_octets(void **state)
{
	unsigned questions = 0, kept = 0;

	(void)state;
	assert_true(say("odd\n"));
	for (const char *p = cl.got.p; *p != '\0'; p++) {
		assert_true((unsigned char)*p >= ' ' || *p == '\n' || *p == '\t');
		assert_int_not_equal(*p, 0x7f);
		questions += *p == '?';
		kept += *p == '\t' || *p == '~' || (unsigned char)*p >= 0x80;
	}
	assert_int_equal(questions, 10 * 3);
	assert_int_equal(kept, 10 * 4);
}

static void
test_too_slow(void **state)
{
	(void)state;
	cl.hold = true;
	assert_false(say("blurt\n"));
	assert_true(cl.closed);
	assert_non_null(strstr(cl.got.p, "432 %NETCTL-E-TOOSLOW"));
	assert_true(cl.held < CTL_OUTPUT_MAX + 2 * CTL_BATCH);
}

static void
test_yielded_show_is_closed(void **state)
{
	(void)state;
	cl.hold = true;
	assert_true(say("flood\n"));
	ctl_close(s); /* the sanitizer sees a leak if the call never ends */
	s = NULL;
}

static void
test_news(void **state)
{
	(void)state;
	assert_false(ctl_is_monitor(s));
	ctl_set_monitor(s, true);
	assert_true(ctl_is_monitor(s));
	ctl_news(s, "peer up");
	assert_string_equal(cl.got.p, "+peer up\n");
	cl.held = CTL_HIGH_WATER + 1;
	ctl_news(s, "lost one");
	cl.held = 0;
	text_clear(&cl.got);
	ctl_news(s, "kept");
	assert_string_equal(cl.got.p, "+1 lines were lost, answers are read too slowly\n+kept\n");
}

static void
test_help(void **state)
{
	(void)state;
	assert_true(say("help\nhelp echo\nhelp/message noproposal\nhelp xyz\nhelp/mess=zzz\n"));
	assert_non_null(strstr(cl.got.p, "200-  ECHO text"));
	assert_non_null(strstr(cl.got.p, "200-TEST ECHO text\n"));
	assert_non_null(strstr(cl.got.p, "200-%RACOON-E-NOPROPOSAL, "));
	assert_non_null(strstr(cl.got.p, "200-  Action: "));
	assert_non_null(strstr(cl.got.p, "512 %NETCTL-W-NOTOPIC, no such help topic: \\xyz\\"));
	text_clear(&cl.got);
	assert_true(say("help /format=json\nhelp/message/format=json noproposal\n"));
	assert_non_null(strstr(cl.got.p, "\"schema\":\"multinet.help\""));
	assert_non_null(strstr(cl.got.p, "\"verb\":\"ECHO\""));
	assert_non_null(strstr(cl.got.p, "\"schema\":\"multinet.message\""));
	text_clear(&cl.got);
	assert_true(say("help/message\nversion\n"));
	assert_non_null(strstr(cl.got.p, "NOPROPOSAL"));
	assert_non_null(strstr(cl.got.p, "200-TEST version 1.0, control interface 1\n"));
	text_clear(&cl.got);
	assert_true(say("complete \"ec\"\ncomplete\n"));
	assert_non_null(strstr(cl.got.p, "200-ECHO\tsay it\n" OK "\n200-BLURT"));
}

static void
test_relay(void **state)
{
	(void)state;
	assert_true(say("wait\r\n"));
	ctl_relay(pending, bytes_str("200-from afar"), false);
	ctl_relay(pending, bytes_str("460 %RACOON-E-NOPROPOSAL, no"), true);
	assert_string_equal(cl.got.p, "200-from afar\r\n460 %RACOON-E-NOPROPOSAL, no\r\n");
	snprintf(cl.got.p, 64, "uid 0 (root)|wait|%d", ST_NOPROPOSAL);
	assert_string_equal(audit_line, cl.got.p);
	assert_false(ctl_is_busy(s));
}

static void
test_end_while_waiting(void **state)
{
	(void)state;
	assert_true(say("wait\n"));
	ctl_end(s);
	assert_int_equal(cancels, 1);
	assert_true(cl.closed);
	assert_non_null(strstr(cl.got.p, "431 %NETCTL-W-CANCELLED"));
	assert_null(strstr(strstr(cl.got.p, "431") + 1, "431")); /* said once */
}

/* ------------------------------------------------------------------ the channel */

static struct ctl_channel *ch;

static bool
feed(const char *text)
{
	return ctl_channel_input(ch, bytes_str(text));
}

static void
test_channel(void **state)
{
	(void)state;
	ch = ctl_channel_open(&service, &transport);
	assert_non_null(ch);
	assert_true(feed("#7:OPERATOR:0 echo hi\n#8:READER fail\n"
			 "#9:OPERATOR:7 wait\n#10:OPERATOR no"));
	assert_string_equal(cl.got.p, "#7 200-hi\n#7 " OK "\n"
		"#0 +AUDIT NOTPERM uid unknown\tfail\n"
		"#8 530 %NETCTL-E-NOTPERM, not permitted: FAIL needs the operator's role\n");
	assert_int_equal(cl.sends, 1);
	assert_int_equal(ctl_channel_busy(ch), 1);
	text_clear(&cl.got);
	assert_true(feed("op\n"));
	assert_string_equal(cl.got.p, "#10 " OK "\n");
	text_clear(&cl.got);
	ctl_line(pending, "done");
	ctl_done(pending, ST_NORMAL, NULL);
	assert_non_null(strstr(cl.got.p, "#9 200-done\n"));
	assert_non_null(strstr(cl.got.p, "#9 " OK "\n"));
	assert_non_null(strstr(cl.got.p, "#0 +AUDIT NORMAL uid 7\twait\n"));
	assert_string_equal(audit_line + 0, audit_line);
	assert_non_null(strstr(audit_line, "uid 7|wait|0"));
	assert_int_equal(ctl_channel_busy(ch), 0);
	text_clear(&cl.got);
	assert_true(feed("#11:OPERATOR wait\n#11:CANCEL\n#12:OPERATOR   \n#99:CANCEL\nnonsense\n"));
	assert_int_equal(cancels, 1);
	assert_string_equal(cl.got.p,
		"#0 +AUDIT CANCELLED uid unknown\twait\n"
		"#12 500 %NETCTL-W-SYNTAX, command line cannot be understood: empty request\n");
	text_clear(&cl.got);
	ctl_channel_news(ch, "+READY");
	assert_string_equal(cl.got.p, "#0 +READY\n");
	text_clear(&cl.got);
	assert_true(feed("#13:OPERATOR wait\n"));
	ctl_channel_end(ch);
	assert_int_equal(cancels, 2);
	assert_non_null(strstr(cl.got.p, "#13 431 "));
	assert_true(feed("#14:OPERATOR wait\n"));
	ctl_channel_close(ch);
	assert_int_equal(cancels, 3);
}

static void
test_channel_pause(void **state)
{
	(void)state;
	ch = ctl_channel_open(&service, &transport);
	assert_true(feed("#1:READER flood\n"));
	assert_non_null(strstr(cl.got.p, "#1 " OK)); /* nobody holds it up */
	text_clear(&cl.got);
	cl.hold = true;
	assert_true(feed("#2:READER flood\n#2:PAUSE\n"));
	assert_null(strstr(cl.got.p, "#2 " OK));
	cl.hold = false;
	cl.held = 0;
	ctl_channel_drained(ch);
	assert_null(strstr(cl.got.p, "#2 " OK)); /* the channel is free, its reader is not */
	assert_true(feed("#2:RESUME\n"));
	assert_non_null(strstr(cl.got.p, "#2 " OK));
	assert_int_equal(ctl_channel_busy(ch), 0);
	ctl_channel_close(ch);
}

static void
test_channel_garbage(void **state)
{
	char big[CTL_CHANNEL_LINE_MAX + 1];

	(void)state;
	ch = ctl_channel_open(&service, &transport);
	assert_true(feed("\n#\n#0:OPERATOR noop\n#5:ROOT noop\n#5\n"
			 "#99999999999999:OPERATOR noop\n"));
	memset(big, '#', sizeof(big));
	assert_false(ctl_channel_input(ch, bytes_of(big, sizeof(big))));
	assert_false(feed("#1:OPERATOR noop\n"));
	ctl_channel_close(ch);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_framing),
		T(test_pipelining_one_write),
		T(test_long_line_and_nul),
		T(test_nul_octet),
		T(test_roles),
		T(test_cancel),
		T(test_eof_answers_first),
		T(test_slow_reader),
		T(test_turns_are_gathered),
		T(test_odd_octets),
		T(test_too_slow),
		T(test_yielded_show_is_closed),
		T(test_news),
		T(test_help),
		T(test_relay),
		T(test_end_while_waiting),
		T(test_channel),
		T(test_channel_pause),
		T(test_channel_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
