/*
 * super.c - the supervisor of one service as a pure step (see super.h).
 *
 * Called by super_uv.c with what happened and by table tests.  Never touches a process or a clock.
 */
#include "server/super.h"

#include <signal.h>
#include <string.h>

#include "lib/attr.h"

static void
act(struct super_actions *out, struct super_action action)
{
	if (out->count < SUPER_ACTIONS_MAX)
		out->action[out->count++] = action;
}

static void
arm(struct super *s, struct super_actions *out, instant when)
{
	s->deadline = when;
	act(out, (struct super_action){ .type = SUPER_ARM, .when = when });
}

static void
enter(struct super *s, enum super_state state, instant now, struct super_actions *out)
{
	s->state = state;
	s->since = now;
	act(out, (struct super_action){ .type = SUPER_REPORT });
}

static void
spawn(struct super *s, instant now, struct super_actions *out)
{
	s->again = s->failing = false;
	s->stage = SUPER_STAGE_NONE;
	act(out, (struct super_action){ .type = SUPER_SPAWN });
	if (s->policy.readiness) {
		arm(s, out, instant_add(now, s->policy.ready_ms));
		enter(s, SUPER_STARTING, now, out);
	} else {
		arm(s, out, INSTANT_NEVER);
		enter(s, SUPER_RUNNING, now, out);
	}
}

static void
term(struct super *s, instant now, struct super_actions *out)
{
	s->stage = SUPER_STAGE_TERM;
	act(out, (struct super_action){ .type = SUPER_SIGNAL, .signal = SIGTERM });
	arm(s, out, instant_add(now, SUPER_TERM_MS));
}

/* Delay before the next attempt: doubled for every failure in a row, up to the cap. */
static int64_t
backoff_delay(const struct super *s)
{
	int64_t delay = s->policy.backoff_ms;

	for (unsigned i = 1; i < s->failures && delay < s->policy.backoff_max_ms; i++)
		delay *= 2;
	return delay < s->policy.backoff_max_ms ? delay : s->policy.backoff_max_ms;
}

static void
failed(struct super *s, instant now, struct super_actions *out)
{
	s->failures++;
	if (s->policy.restart == SUPER_NEVER ||
		(s->policy.attempts > 0 && s->failures >= s->policy.attempts)) {
		arm(s, out, INSTANT_NEVER);
		enter(s, SUPER_FAILED, now, out);
		return;
	}
	s->restarts++;
	arm(s, out, instant_add(now, backoff_delay(s)));
	enter(s, SUPER_BACKOFF, now, out);
}

static void
halted(struct super *s, instant now, struct super_actions *out)
{
	arm(s, out, INSTANT_NEVER);
	enter(s, SUPER_HALTED, now, out);
}

/* The process is gone without having been asked to go. */
static void
ended_by_itself(struct super *s, bool was_running, const struct super_event *e,
	struct super_actions *out)
{
	bool clean = was_running && e->status == 0;

	if (s->why != SUPER_WHY_NOTREADY)
		s->why = SUPER_WHY_EXITED;
	if (clean && s->policy.restart != SUPER_ALWAYS)
		halted(s, e->now, out);
	else
		failed(s, e->now, out);
}

static void
child_exited(struct super *s, const struct super_event *e, struct super_actions *out)
{
	s->last_status = e->status;
	s->ended = e->now;
	switch (s->state) {
	case SUPER_STARTING:
		s->why = SUPER_WHY_EXITED;
		ended_by_itself(s, false, e, out);
		break;
	case SUPER_RUNNING:
		if (instant_diff(e->now, s->since) >= s->policy.stable_ms)
			s->failures = 0;
		s->why = SUPER_WHY_EXITED;
		ended_by_itself(s, true, e, out);
		break;
	case SUPER_STOPPING:
		if (s->again) {
			spawn(s, e->now, out);
		} else if (!s->failing) {
			s->why = SUPER_WHY_OPERATOR;
			halted(s, e->now, out);
		} else {
			/* A service that closed its channel and then ended in good order only
			 * ended. */
			ended_by_itself(s, s->why == SUPER_WHY_LOST, e, out);
		}
		break;
	case SUPER_HALTED:
	case SUPER_BACKOFF:
	case SUPER_FAILED:
		break;
	}
}

static void
start(struct super *s, instant now, struct super_actions *out)
{
	switch (s->state) {
	case SUPER_HALTED:
	case SUPER_BACKOFF:
	case SUPER_FAILED:
		s->failures = s->restarts = 0;
		spawn(s, now, out);
		break;
	case SUPER_STOPPING:
		s->again = true;
		break;
	case SUPER_STARTING:
	case SUPER_RUNNING:
		break;
	}
}

static void
stop(struct super *s, instant now, struct super_actions *out)
{
	switch (s->state) {
	case SUPER_STARTING:
		s->failing = false;
		term(s, now, out);
		enter(s, SUPER_STOPPING, now, out);
		break;
	case SUPER_RUNNING:
		s->failing = false;
		if (s->policy.readiness) {
			s->stage = SUPER_STAGE_ASKED;
			act(out, (struct super_action){ .type = SUPER_ASK });
			arm(s, out, instant_add(now, s->policy.stop_ms));
		} else {
			term(s, now, out);
		}
		enter(s, SUPER_STOPPING, now, out);
		break;
	case SUPER_STOPPING:
		s->again = s->failing = false;
		break;
	case SUPER_BACKOFF:
	case SUPER_FAILED:
		s->why = SUPER_WHY_OPERATOR;
		halted(s, now, out);
		break;
	case SUPER_HALTED:
		break;
	}
}

static void
restart(struct super *s, instant now, struct super_actions *out)
{
	if (s->state == SUPER_RUNNING || s->state == SUPER_STARTING || s->state == SUPER_STOPPING) {
		s->failures = s->restarts = 0;
		stop(s, now, out);
		s->again = true;
	} else {
		start(s, now, out);
	}
}

static void
lost(struct super *s, instant now, struct super_actions *out)
{
	if (!s->policy.readiness || (s->state != SUPER_STARTING && s->state != SUPER_RUNNING))
		return;
	if (s->state == SUPER_RUNNING && instant_diff(now, s->since) >= s->policy.stable_ms)
		s->failures = 0;
	/* Most likely it is ending: wait a moment for its status before using force. */
	s->why = SUPER_WHY_LOST;
	s->failing = true;
	s->stage = SUPER_STAGE_ASKED;
	arm(s, out, instant_add(now, SUPER_LOST_MS));
	enter(s, SUPER_STOPPING, now, out);
}

static void
timeout(struct super *s, instant now, struct super_actions *out)
{
	switch (s->state) {
	case SUPER_STARTING:
		s->why = SUPER_WHY_NOTREADY;
		s->failing = true;
		term(s, now, out);
		enter(s, SUPER_STOPPING, now, out);
		break;
	case SUPER_STOPPING:
		switch (s->stage) {
		case SUPER_STAGE_NONE:
		case SUPER_STAGE_ASKED:
			term(s, now, out);
			break;
		case SUPER_STAGE_TERM:
			s->stage = SUPER_STAGE_KILL;
			act(out, (struct super_action){ .type = SUPER_SIGNAL, .signal = SIGKILL });
			arm(s, out, INSTANT_NEVER);
			break;
		case SUPER_STAGE_KILL:
			break;
		}
		break;
	case SUPER_BACKOFF:
		spawn(s, now, out);
		break;
	case SUPER_HALTED:
	case SUPER_RUNNING:
	case SUPER_FAILED:
		break;
	}
}

void
super_step(struct super *s, const struct super_event *e, struct super_actions *out)
{
	out->count = 0;
	switch (e->type) {
	case SUPER_START:
		start(s, e->now, out);
		break;
	case SUPER_STOP:
		stop(s, e->now, out);
		break;
	case SUPER_RESTART:
		restart(s, e->now, out);
		break;
	case SUPER_READY:
		if (s->state != SUPER_STARTING)
			break;
		arm(s, out, INSTANT_NEVER);
		enter(s, SUPER_RUNNING, e->now, out);
		break;
	case SUPER_LOST:
		lost(s, e->now, out);
		break;
	case SUPER_CHILD_EXITED:
		child_exited(s, e, out);
		break;
	case SUPER_SPAWN_FAILED:
		/* Trying again would not make the program appear: that is the operator's to
		 * mend. */
		s->why = SUPER_WHY_EXEC;
		s->ended = e->now;
		s->failures++;
		arm(s, out, INSTANT_NEVER);
		enter(s, SUPER_FAILED, e->now, out);
		break;
	case SUPER_TIMEOUT:
		timeout(s, e->now, out);
		break;
	}
}

const char *
super_state_name(enum super_state state)
{
	static const char *const names[] = {
		[SUPER_HALTED] = "halted",
		[SUPER_STARTING] = "starting",
		[SUPER_RUNNING] = "running",
		[SUPER_STOPPING] = "stopping",
		[SUPER_BACKOFF] = "backoff",
		[SUPER_FAILED] = "failed",
	};

	return (unsigned)state < ARRAY_LEN(names) ? names[state] : "unknown";
}

const char *
super_state_phrase(enum super_state state)
{
	static const char *const phrases[] = {
		[SUPER_HALTED] = "halted",
		[SUPER_STARTING] = "being started",
		[SUPER_RUNNING] = "running",
		[SUPER_STOPPING] = "being stopped",
		[SUPER_BACKOFF] = "waiting to be started again (back-off)",
		[SUPER_FAILED] = "given up (failed)",
	};

	return (unsigned)state < ARRAY_LEN(phrases) ? phrases[state] : "unknown";
}

bool
super_is_up(const struct super *s)
{
	return s->state == SUPER_STARTING || s->state == SUPER_RUNNING ||
		s->state == SUPER_STOPPING;
}

bool
super_is_down(const struct super *s)
{
	return s->state == SUPER_HALTED || s->state == SUPER_FAILED;
}

void
super_explain_exit(const struct super *s, struct text *out)
{
	int status = s->last_status;

	if (s->why == SUPER_WHY_EXEC)
		text_add(out, "could not be executed");
	else if (status < 0)
		text_addf(out, "ended by signal %d (%s)", -status, strsignal(-status));
	else
		text_addf(out, "ended with status %d", status);
}

void
super_explain(const struct super *s, struct text *out)
{
	switch (s->why) {
	case SUPER_WHY_NEVER:
		text_add(out, "was never started");
		break;
	case SUPER_WHY_OPERATOR:
		text_add(out, "was stopped by the operator");
		break;
	case SUPER_WHY_EXITED:
		super_explain_exit(s, out);
		break;
	case SUPER_WHY_NOTREADY:
		text_add(out, "was not ready in time");
		break;
	case SUPER_WHY_LOST:
		text_add(out, "closed its channel");
		break;
	case SUPER_WHY_EXEC:
		text_add(out, "could not be executed");
		break;
	}
}
