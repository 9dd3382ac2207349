/* test_super.c - the supervisor as a table: state, event, what is done, the next state. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/super.h"

static struct super s;
static struct super_actions did;
static int64_t now;

static const struct super_policy policy = { .restart = SUPER_ON_FAILURE, .readiness = true,
	.ready_ms = 10000, .stop_ms = 5000, .backoff_ms = 1000, .backoff_max_ms = 8000,
	.stable_ms = 60000, .attempts = 0 };

static int
setup(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	s.policy = policy;
	now = 1000;
	return 0;
}

static void
event(enum super_event_type type, int status)
{
	struct super_event e = { .type = type, .now = { now }, .status = status };

	super_step(&s, &e, &did);
}

/* What was done, as letters: s spawn, a ask, T SIGTERM, K SIGKILL, t timer, - timer off, r
 * report. */
static const char *
done(void)
{
	static char text[SUPER_ACTIONS_MAX + 1];

	for (size_t i = 0; i < did.count; i++) {
		switch (did.action[i].type) {
		case SUPER_SPAWN:
			text[i] = 's';
			break;
		case SUPER_ASK:
			text[i] = 'a';
			break;
		case SUPER_SIGNAL:
			text[i] = did.action[i].signal == SIGTERM ? 'T' : 'K';
			break;
		case SUPER_ARM:
			text[i] = did.action[i].when.ms == INSTANT_NEVER.ms ? '-' : 't';
			break;
		case SUPER_REPORT:
			text[i] = 'r';
			break;
		}
	}
	text[did.count] = '\0';
	return text;
}

#define EXPECT(actions, next)                                                                      \
	do {                                                                                       \
		assert_string_equal(done(), actions);                                              \
		assert_int_equal(s.state, next);                                                   \
	} while (0)

static const char *
explained(void)
{
	static char buf[128];
	struct text t = { 0 };

	super_explain(&s, &t);
	strncpy(buf, text_str(&t), sizeof(buf) - 1);
	text_free(&t);
	return buf;
}

static void
test_start_ready_stop(void **state)
{
	(void)state;
	assert_string_equal(explained(), "was never started");
	event(SUPER_START, 0);
	EXPECT("str", SUPER_STARTING);
	assert_int_equal(s.deadline.ms, now + 10000);
	event(SUPER_START, 0);
	EXPECT("", SUPER_STARTING);
	event(SUPER_READY, 0);
	EXPECT("-r", SUPER_RUNNING);
	event(SUPER_READY, 0);
	EXPECT("", SUPER_RUNNING);
	event(SUPER_START, 0);
	EXPECT("", SUPER_RUNNING);
	event(SUPER_STOP, 0);
	EXPECT("atr", SUPER_STOPPING);
	assert_int_equal(s.deadline.ms, now + 5000);
	event(SUPER_CHILD_EXITED, 0);
	EXPECT("-r", SUPER_HALTED);
	assert_string_equal(explained(), "was stopped by the operator");
	event(SUPER_STOP, 0);
	EXPECT("", SUPER_HALTED);
	event(SUPER_CHILD_EXITED, 0);
	EXPECT("", SUPER_HALTED);
}

static void
test_stop_gets_harder(void **state)
{
	(void)state;
	event(SUPER_START, 0);
	event(SUPER_READY, 0);
	event(SUPER_STOP, 0);
	EXPECT("atr", SUPER_STOPPING);
	event(SUPER_TIMEOUT, 0);
	EXPECT("Tt", SUPER_STOPPING);
	event(SUPER_TIMEOUT, 0);
	EXPECT("K-", SUPER_STOPPING);
	event(SUPER_TIMEOUT, 0);
	EXPECT("", SUPER_STOPPING);
	event(SUPER_CHILD_EXITED, -SIGKILL);
	EXPECT("-r", SUPER_HALTED);
}

static void
test_stop_while_starting(void **state)
{
	(void)state;
	event(SUPER_START, 0);
	event(SUPER_STOP, 0);
	EXPECT("Ttr", SUPER_STOPPING);
	event(SUPER_CHILD_EXITED, -SIGTERM);
	EXPECT("-r", SUPER_HALTED);
}

static void
test_crash_backs_off(void **state)
{
	static const int64_t delays[] = { 1000, 2000, 4000, 8000, 8000, 8000 };

	(void)state;
	event(SUPER_START, 0);
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		event(SUPER_READY, 0);
		now += 500;
		event(SUPER_CHILD_EXITED, -SIGKILL);
		EXPECT("tr", SUPER_BACKOFF);
		assert_int_equal(s.deadline.ms - now, delays[i]);
		assert_string_equal(explained(), "ended by signal 9 (Killed)");
		now = s.deadline.ms;
		event(SUPER_TIMEOUT, 0);
		EXPECT("str", SUPER_STARTING);
	}
	assert_int_equal(s.restarts, 6);
	/* Having run long enough, it starts from the shortest pause again. */
	event(SUPER_READY, 0);
	now += 60000;
	event(SUPER_CHILD_EXITED, 1);
	EXPECT("tr", SUPER_BACKOFF);
	assert_int_equal(s.deadline.ms - now, 1000);
	assert_string_equal(explained(), "ended with status 1");
	/* The operator need not wait. */
	event(SUPER_START, 0);
	EXPECT("str", SUPER_STARTING);
	assert_int_equal(s.restarts, 0);
}

static void
test_stop_in_backoff(void **state)
{
	(void)state;
	event(SUPER_START, 0);
	event(SUPER_CHILD_EXITED, 3);
	EXPECT("tr", SUPER_BACKOFF);
	event(SUPER_STOP, 0);
	EXPECT("-r", SUPER_HALTED);
	event(SUPER_TIMEOUT, 0);
	EXPECT("", SUPER_HALTED);
}

static void
test_attempts_end(void **state)
{
	(void)state;
	s.policy.attempts = 2;
	event(SUPER_START, 0);
	event(SUPER_CHILD_EXITED, 1);
	EXPECT("tr", SUPER_BACKOFF);
	event(SUPER_TIMEOUT, 0);
	event(SUPER_CHILD_EXITED, 1);
	EXPECT("-r", SUPER_FAILED);
	event(SUPER_START, 0);
	EXPECT("str", SUPER_STARTING);
	event(SUPER_CHILD_EXITED, 1);
	EXPECT("tr", SUPER_BACKOFF);
}

static void
test_restart_policies(void **state)
{
	(void)state;
	event(SUPER_START, 0);
	event(SUPER_READY, 0);
	event(SUPER_CHILD_EXITED, 0); /* ended in good order by itself */
	EXPECT("-r", SUPER_HALTED);
	assert_string_equal(explained(), "ended with status 0");
	s.policy.restart = SUPER_ALWAYS;
	event(SUPER_START, 0);
	event(SUPER_READY, 0);
	event(SUPER_CHILD_EXITED, 0);
	EXPECT("tr", SUPER_BACKOFF);
	s.policy.restart = SUPER_NEVER;
	event(SUPER_TIMEOUT, 0);
	event(SUPER_READY, 0);
	event(SUPER_CHILD_EXITED, -SIGSEGV);
	EXPECT("-r", SUPER_FAILED);
	event(SUPER_STOP, 0);
	EXPECT("-r", SUPER_HALTED);
}

static void
test_never_ready(void **state)
{
	(void)state;
	event(SUPER_START, 0);
	now += 10000;
	event(SUPER_TIMEOUT, 0);
	EXPECT("Ttr", SUPER_STOPPING);
	assert_string_equal(explained(), "was not ready in time");
	event(SUPER_READY, 0); /* too late */
	EXPECT("", SUPER_STOPPING);
	event(SUPER_CHILD_EXITED, 0);
	EXPECT("tr", SUPER_BACKOFF);
	assert_string_equal(explained(), "was not ready in time");
}

static void
test_lost_channel(void **state)
{
	(void)state;
	event(SUPER_START, 0);
	event(SUPER_READY, 0);
	event(SUPER_LOST, 0);
	EXPECT("tr", SUPER_STOPPING);
	event(SUPER_CHILD_EXITED, 0); /* it was only ending */
	EXPECT("-r", SUPER_HALTED);
	event(SUPER_START, 0);
	event(SUPER_READY, 0);
	event(SUPER_LOST, 0);
	event(SUPER_CHILD_EXITED, -SIGKILL);
	EXPECT("tr", SUPER_BACKOFF);
	assert_string_equal(explained(), "ended by signal 9 (Killed)");
	event(SUPER_TIMEOUT, 0);
	event(SUPER_READY, 0);
	event(SUPER_LOST, 0);
	event(SUPER_TIMEOUT, 0); /* it goes on without a channel */
	EXPECT("Tt", SUPER_STOPPING);
	event(SUPER_LOST, 0);
	EXPECT("", SUPER_STOPPING);
}

static void
test_restart(void **state)
{
	(void)state;
	event(SUPER_RESTART, 0); /* of what is down: a start */
	EXPECT("str", SUPER_STARTING);
	event(SUPER_READY, 0);
	event(SUPER_RESTART, 0);
	EXPECT("atr", SUPER_STOPPING);
	event(SUPER_CHILD_EXITED, 0);
	EXPECT("str", SUPER_STARTING);
	event(SUPER_READY, 0);
	event(SUPER_STOP, 0);
	event(SUPER_START, 0); /* while stopping: afterwards */
	EXPECT("", SUPER_STOPPING);
	event(SUPER_CHILD_EXITED, 0);
	EXPECT("str", SUPER_STARTING);
	event(SUPER_RESTART, 0);
	event(SUPER_STOP, 0); /* and the last word counts */
	event(SUPER_CHILD_EXITED, 0);
	EXPECT("-r", SUPER_HALTED);
}

static void
test_spawn_failed(void **state)
{
	(void)state;
	event(SUPER_START, 0);
	event(SUPER_SPAWN_FAILED, 0);
	EXPECT("-r", SUPER_FAILED);
	assert_string_equal(explained(), "could not be executed");
	assert_true(super_is_down(&s));
}

static void
test_without_readiness(void **state)
{
	(void)state;
	s.policy.readiness = false;
	event(SUPER_START, 0);
	EXPECT("s-r", SUPER_RUNNING);
	event(SUPER_LOST, 0);
	EXPECT("", SUPER_RUNNING);
	event(SUPER_STOP, 0); /* nobody to ask */
	EXPECT("Ttr", SUPER_STOPPING);
	event(SUPER_CHILD_EXITED, -SIGTERM);
	EXPECT("-r", SUPER_HALTED);
}

/* Every event in every state: no surprise state, a timer wherever something is awaited. */
static void
test_every_pair(void **state)
{
	(void)state;
	for (int from = SUPER_HALTED; from <= SUPER_FAILED; from++) {
		for (int type = SUPER_START; type <= SUPER_TIMEOUT; type++) {
			bool report = false;

			(void)setup(NULL);
			s.state = (enum super_state)from;
			event((enum super_event_type)type, -SIGKILL);
			assert_true(did.count <= SUPER_ACTIONS_MAX);
			assert_true(s.state <= SUPER_FAILED);
			for (size_t i = 0; i < did.count; i++)
				report = report || did.action[i].type == SUPER_REPORT;
			assert_true(report || (int)s.state == from || s.state == SUPER_STOPPING);
			if (s.state != (enum super_state)from &&
				(s.state == SUPER_STARTING || s.state == SUPER_STOPPING ||
					s.state == SUPER_BACKOFF))
				assert_int_not_equal(s.deadline.ms, INSTANT_NEVER.ms);
			assert_string_not_equal(super_state_name(s.state), "unknown");
		}
	}
}

#define T(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_start_ready_stop),
		T(test_stop_gets_harder),
		T(test_stop_while_starting),
		T(test_crash_backs_off),
		T(test_stop_in_backoff),
		T(test_attempts_end),
		T(test_restart_policies),
		T(test_never_ready),
		T(test_lost_channel),
		T(test_restart),
		T(test_spawn_failed),
		T(test_without_readiness),
		T(test_every_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
