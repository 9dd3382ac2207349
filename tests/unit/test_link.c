/* test_link.c - the master's end of a service's channel, joined to the service's end. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ctl_channel.h"
#include "server/link.h"

static struct link *l;
static struct ctl_session *client;
static struct text to_service, to_client;
static size_t client_unsent, service_unsent;
static unsigned readies, sends;
static char last_event[64];
static unsigned last_classes;
static const char *relayed; /* what RELAY sends on */

static void
add(void *user, struct bytes b)
{
	text_add_n(user, (const char *)b.p, b.n);
}

static void
add_client(void *user, struct bytes b)
{
	sends++;
	add(user, b);
}

static size_t
unsent_client(void *user)
{
	(void)user;
	return client_unsent;
}

static size_t
unsent_service(void *user)
{
	(void)user;
	return service_unsent;
}

static void
no_close(void *user)
{
	(void)user;
}

static void
on_ready(void *user)
{
	(void)user;
	readies++;
}

static void
on_event(void *user, unsigned classes, const char *text)
{
	(void)user;
	last_classes = classes;
	snprintf(last_event, sizeof(last_event), "%s", text);
}

static bool
route(struct ctl_call *call)
{
	link_relay(l, call, relayed, (instant){ 0 });
	return true;
}

static const struct verb none[] = { { .name = NULL } };
static const struct ctl_service master = { .facility = "M", .version = "1", .verbs = none,
	.route = route };

static int
setup(void **state)
{
	struct ctl_transport out = { .user = &to_service, .send = add,
		.unsent = unsent_service, .close = no_close };
	struct ctl_transport back = { .user = &to_client, .send = add_client,
		.unsent = unsent_client, .close = no_close };
	struct link_owner owner = { .ready = on_ready, .event = on_event };

	(void)state;
	client_unsent = service_unsent = readies = sends = 0;
	l = link_new(&out, &owner);
	client = ctl_open(&master, &back, CTL_OPERATOR, "uid 42 (someone)");
	return l == NULL || client == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	if (client != NULL)
		ctl_close(client);
	if (l != NULL)
		link_free(l, ST_SERVICELOST, "gone");
	text_free(&to_service);
	text_free(&to_client);
	return 0;
}

static void
request(const char *what)
{
	relayed = what;
	assert_true(ctl_input(client, bytes_str("x\n")));
}

static void
service_says(const char *text, int64_t now)
{
	link_input(l, bytes_str(text), (instant){ now });
}

static void
test_relay(void **state)
{
	(void)state;
	request("SHOW/FULL a  b");
	assert_string_equal(text_str(&to_service), "#1:OPERATOR:42 SHOW/FULL a  b\n");
	service_says("#1 200-o", 1);
	service_says("ne\r\n#9 200-stray\n#1 +news\n#1 460 %RACOON-E-NOPROPOSAL, no", 1);
	assert_string_equal(text_str(&to_client), "200-one\n+news\n");
	service_says(" luck\n", 1);
	assert_string_equal(text_str(&to_client),
		"200-one\n+news\n460 %RACOON-E-NOPROPOSAL, no luck\n");
	assert_int_equal(link_busy(l), 0);
	assert_false(ctl_is_busy(client));
	service_says("#1 200 late\n\n#\nnonsense\n#0\n", 1);
}

static void
test_news(void **state)
{
	(void)state;
	service_says("#0 +READY\n#0 +EVENT peer up\n#0 +OTHER\n", 1);
	assert_int_equal(readies, 1);
	assert_string_equal(last_event, "peer up");
	assert_int_equal(last_classes, CTL_NEWS_LOG);
	service_says("#0 +EVENT:10 ISAKMP FAILED\n", 1);
	assert_string_equal(last_event, "ISAKMP FAILED");
	assert_int_equal(last_classes, CTL_NEWS_ISAKMP | CTL_NEWS_FAILURE);
}

static void
test_lost(void **state)
{
	(void)state;
	request("SHOW");
	service_says("#1 200-half of it\n", 1);
	link_free(l, ST_SERVICELOST, "killed");
	l = NULL;
	assert_string_equal(text_str(&to_client),
		"200-half of it\n"
		"422 %NETCTL-E-SERVICELOST, service ended before it answered: killed\n");
}

/* Lines that came in one read go out in one write, whoever's they are, and in their order. */
static void
test_lines_are_gathered(void **state)
{
	struct ctl_transport back = { .user = &to_client, .send = add_client,
		.unsent = unsent_client, .close = no_close };
	struct ctl_session *other = ctl_open(&master, &back, CTL_OPERATOR, "uid 43");

	(void)state;
	assert_non_null(other);
	request("SHOW");
	assert_true(ctl_input(other, bytes_str("x\n")));
	service_says("#1 200-a\n#1 200-b\n#1 200-c\n#1 200", 1);
	assert_int_equal(sends, 1);
	assert_string_equal(text_str(&to_client), "200-a\n200-b\n200-c\n");
	service_says("-d\n#2 200-e\n#2 200-f\n#1 200 g\n#2 200 h\n#4294967297 200 i\n", 1);
	assert_int_equal(sends, 1 + 4);
	assert_string_equal(text_str(&to_client),
		"200-a\n200-b\n200-c\n200-d\n200-e\n200-f\n200 g\n200 h\n");
	/* One of them goes while the other's lines are at hand. */
	request("SHOW");
	assert_true(ctl_input(other, bytes_str("x\n")));
	ctl_close(other);
	service_says("#3 200-a\n#4 200-late\n#3 200 b\n", 1);
	assert_int_equal(link_busy(l), 0);
	assert_int_equal(sends, 1 + 4 + 1);
}

static void
test_client_gone(void **state)
{
	(void)state;
	request("ESTABLISH 10.0.0.1");
	ctl_close(client);
	client = NULL;
	assert_string_equal(text_str(&to_service),
		"#1:OPERATOR:42 ESTABLISH 10.0.0.1\n#1:CANCEL\n");
	assert_int_equal(link_busy(l), 0);
	service_says("#1 200 too late\n", 1);
}

static void
test_slow_client_pauses(void **state)
{
	(void)state;
	request("SHOW");
	client_unsent = CTL_HIGH_WATER + 1;
	service_says("#1 200-a\n#1 200-b\n", 1);
	assert_string_equal(text_str(&to_service), "#1:OPERATOR:42 SHOW\n#1:PAUSE\n");
	client_unsent = 0;
	ctl_drained(client);
	assert_string_equal(text_str(&to_service), "#1:OPERATOR:42 SHOW\n#1:PAUSE\n#1:RESUME\n");
	service_says("#1 200 %X-S-NORMAL, done\n", 1);
	assert_int_equal(link_busy(l), 0);
}

static unsigned asked_lines, asked_ends;

static void
asked(void *user, struct bytes line, bool last, bool lost)
{
	assert_ptr_equal(user, &asked_lines);
	asked_lines += line.n > 0;
	asked_ends += last || lost;
}

static void
test_ask(void **state)
{
	(void)state;
	asked_lines = asked_ends = 0;
	assert_true(link_ask(l, "SHUTDOWN", asked, &asked_lines, (instant){ 0 }));
	assert_string_equal(text_str(&to_service), "#1:OPERATOR:0 SHUTDOWN\n");
	service_says("#1 200-2 SAs deleted\n#1 200 done\n", 1);
	assert_int_equal(asked_lines, 2);
	assert_int_equal(asked_ends, 1);
	assert_true(link_ask(l, "NOOP", asked, &asked_lines, (instant){ 0 }));
	assert_true(link_ask(l, "NOOP", NULL, NULL, (instant){ 0 }));
	link_free(l, ST_SERVICELOST, "gone");
	l = NULL;
	assert_int_equal(asked_ends, 2);
}

static void
test_silent_service(void **state)
{
	(void)state;
	request("SHOW");
	link_tick(l, (instant){ LINK_PROBE_MS - 1 });
	assert_null(strstr(text_str(&to_service), "NOOP"));
	link_tick(l, (instant){ LINK_PROBE_MS });
	assert_non_null(strstr(text_str(&to_service), "#2:OPERATOR:0 NOOP\n"));
	/* A sign of life, and the request has all the time it wants. */
	service_says("#2 200 %X-S-NORMAL, ok\n", LINK_PROBE_MS + 10);
	link_tick(l, (instant){ LINK_SILENT_MS });
	assert_string_equal(text_str(&to_client), "");
	link_tick(l, (instant){ LINK_PROBE_MS + 10 + LINK_SILENT_MS });
	assert_non_null(strstr(text_str(&to_client), "430 %NETCTL-E-TIMEOUT"));
	assert_int_equal(link_busy(l), 0);
}

static void
test_service_does_not_read(void **state)
{
	(void)state;
	service_unsent = LINK_UNSENT_MAX + 1;
	request("SHOW");
	assert_non_null(strstr(text_str(&to_client), "452 %SYSTEM-E-LIMIT"));
	assert_false(link_ask(l, "NOOP", NULL, NULL, (instant){ 0 }));
}

static void
test_endless_line(void **state)
{
	char chunk[65536];

	(void)state;
	request("SHOW");
	memset(chunk, 'x', sizeof(chunk));
	service_says("#1 200-", 1);
	for (unsigned i = 0; i < 300; i++)
		link_input(l, bytes_of(chunk, sizeof(chunk)), (instant){ 1 });
	service_says("\n#1 200 %X-S-NORMAL, ok\n", 1);
	assert_int_equal(link_busy(l), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_relay),
		T(test_news),
		T(test_lost),
		T(test_client_gone),
		T(test_lines_are_gathered),
		T(test_slow_client_pauses),
		T(test_ask),
		T(test_silent_service),
		T(test_service_does_not_read),
		T(test_endless_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
