/*
 * server.c - the services at run time: their order, what waits for them, reload (see server.h).
 *
 * Called by the verbs, by super_uv.c when a supervisor reports a new state, and by main.  Runs no
 * process itself.  Order: a service starts when those it is `after` are ready or have settled
 * otherwise; it is stopped, when the server ends, before those it is after.
 */
#include "server/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"

/* ------------------------------------------------------------------ the list */

static struct svc *
find(struct server *s, const char *name)
{
	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);

		if (text_same(svc->name, name))
			return svc;
	}
	return NULL;
}

struct svc *
server_find(struct server *s, const char *name)
{
	struct svc *svc = find(s, name);

	return svc == NULL || svc->removed ? NULL : svc;
}

static struct svc *
svc_new(struct server *s, const struct svc_conf *conf)
{
	struct svc *svc = calloc(1, sizeof(*svc));

	if (svc == NULL)
		return NULL;
	svc->server = s;
	svc->conf = conf;
	svc->internal = svc_internal_row(conf->internal);
	svc->super.policy = conf->policy;
	svc->super.since = server_now(s);
	if (svc->internal != NULL && conf->enable)
		svc->super.state = SUPER_RUNNING;
	snprintf(svc->name, sizeof(svc->name), "%s", conf->name);
	list_init(&svc->waiters);
	if (!svc_host_open(svc)) {
		free(svc);
		return NULL;
	}
	list_append(&s->services, &svc->node);
	return svc;
}

void
svc_free(struct svc *svc)
{
	list_remove(&svc->node);
	text_free(&svc->verbs);
	lnm_free(svc->sampled);
	free(svc);
}

/* ------------------------------------------------------------------ order */

static bool
is_after(const struct svc *svc, const struct svc *other)
{
	for (size_t i = 0; svc->conf != NULL && i < svc->conf->afters; i++)
		if (text_same(svc->conf->after[i], other->name))
			return true;
	return false;
}

static bool
may_start(struct server *s, const struct svc *svc)
{
	LIST_FOREACH(n, &s->services) {
		struct svc *other = container_of(n, struct svc, node);

		if (is_after(svc, other) &&
			(other->pending_start || other->super.state == SUPER_STARTING))
			return false;
	}
	return true;
}

static bool
may_stop(struct server *s, const struct svc *svc)
{
	LIST_FOREACH(n, &s->services) {
		struct svc *other = container_of(n, struct svc, node);

		if (other != svc && is_after(other, svc) && !super_is_down(&other->super))
			return false;
	}
	return true;
}

static void
end_of_all(struct server *s)
{
	s->phase = SERVER_ENDED;
	/* First nobody finds the server any more, then those who wait are told: whoever starts the
	 * next one on this answer finds the way free. */
	server_unlisten(s);
	while (!list_empty(&s->waiters)) {
		struct waiter *w = container_of(s->waiters.next, struct waiter, node);
		struct ctl_call *call = w->call;

		list_remove(&w->node);
		free(w);
		call->cancel = NULL;
		ctl_done(call, ST_SHUTTING, "all services are down");
	}
	s->ended(s);
}

/* Every enabled service has settled: tell what became of them. */
static void
starter_end(struct server *s, struct ctl_call *call)
{
	struct text why = { .limit = 512 };
	unsigned failed = 0, running = 0;

	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);

		if (svc->internal != NULL)
			continue;
		if (svc->super.state == SUPER_RUNNING) {
			ctl_line(call, "%s is running, pid %d", svc->name, (int)svc->pid);
			running++;
		} else if (svc->conf != NULL && svc->conf->enable) {
			text_clear(&why);
			svc_explain(svc, &why);
			ctl_line(call, "%s %s", svc->name, text_str(&why));
			svc_last_words(svc, call);
			failed++;
		}
	}
	text_free(&why);
	if (failed > 0)
		ctl_done(call, ST_STARTFAILED, "%u of %u", failed, failed + running);
	else
		ctl_done(call, ST_NORMAL, "%u service%s running", running, running == 1 ? "" : "s");
}

static void
settle_starters(struct server *s)
{
	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);

		if (svc->pending_start || svc->super.state == SUPER_STARTING ||
			(svc->super.state == SUPER_STOPPING && svc->super.failing))
			return;
	}
	while (!list_empty(&s->starters)) {
		struct waiter *w = container_of(s->starters.next, struct waiter, node);
		struct ctl_call *call = w->call;

		list_remove(&w->node);
		free(w);
		call->cancel = NULL;
		starter_end(s, call);
	}
}

/* No service is between two states. */
static bool
is_settled(struct server *s)
{
	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);

		if (svc->pending_start || svc->super.state == SUPER_STARTING ||
			svc->super.state == SUPER_STOPPING)
			return false;
	}
	return true;
}

void
server_plan(struct server *s)
{
	bool all_down = true;

	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);

		if ((s->phase == SERVER_UP || s->phase == SERVER_RESTARTING) &&
			svc->pending_start && may_start(s, svc)) {
			svc->pending_start = false;
			svc_event(svc, SUPER_START, 0);
		}
		if (s->phase != SERVER_STOPPING)
			continue;
		svc->pending_start = false;
		if (!super_is_down(&svc->super) && may_stop(s, svc) &&
			(svc->super.state != SUPER_STOPPING || svc->super.again ||
			svc->super.failing))
			svc_event(svc, SUPER_STOP, 0);
		if (!super_is_down(&svc->super))
			all_down = false;
	}
	settle_starters(s);
	if (s->phase == SERVER_RESTARTING && is_settled(s) && s->replace != NULL) {
		void (*replace)(struct server *) = s->replace;

		s->replace = NULL; /* once */
		replace(s);
	}
	if (s->phase == SERVER_STOPPING && all_down)
		end_of_all(s);
}

void
server_restart(struct server *s)
{
	if (s->phase != SERVER_UP)
		return;
	log_line(LOG_L_INFO, NULL, "restarting, services go on");
	s->phase = SERVER_RESTARTING;
	server_plan(s);
}

void
server_account(struct server *s, const char *service, const char *who, const char *line,
	enum status result)
{
	const struct message_row *row = status_row(result);

	log_line(LOG_L_INFO, NULL, "%s: %s%s%s: %%%s-%c-%s", who,
		text_same(service, "NETCONTROL") ? "" : service,
		text_same(service, "NETCONTROL") ? "" : " ", line, row->facility, row->severity,
		row->ident);
	if (s->accounts != NULL)
		account_add(s->accounts, when_wall(), service, who, line, result);
}

void
server_start_enabled(struct server *s)
{
	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);

		/* Whoever waits to be tried again is down as well. */
		if (svc->conf != NULL && svc->conf->enable && (super_is_down(&svc->super) ||
			svc->super.state == SUPER_BACKOFF))
			svc->pending_start = true;
	}
	server_plan(s);
}

void
server_shutdown(struct server *s)
{
	if (s->phase != SERVER_UP)
		return;
	log_line(LOG_L_INFO, NULL, "shutting down");
	s->phase = SERVER_STOPPING;
	server_plan(s);
}

/* ------------------------------------------------------------------ waiting */

static void
waiter_cancelled(struct ctl_call *call)
{
	struct waiter *w = call->state;

	list_remove(&w->node);
	free(w);
	ctl_done(call, ST_CANCELLED, NULL);
}

static bool
wait_in(struct list *list, struct ctl_call *call, bool for_up)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		ctl_done(call, ST_NOMEMORY, NULL);
		return false;
	}
	w->call = call;
	w->for_up = for_up;
	call->state = w;
	call->cancel = waiter_cancelled;
	list_append(list, &w->node);
	return true;
}

bool
server_wait(struct svc *svc, struct ctl_call *call, bool for_up)
{
	return wait_in(&svc->waiters, call, for_up);
}

bool
server_wait_end(struct server *s, struct ctl_call *call)
{
	return wait_in(&s->waiters, call, false);
}

bool
server_wait_start(struct server *s, struct ctl_call *call)
{
	return wait_in(&s->starters, call, true);
}

void
svc_explain(struct svc *svc, struct text *out)
{
	const struct super *p = &svc->super;
	int64_t left;

	if (p->state == SUPER_STARTING)
		text_add(out, "is being started");
	else if (p->state == SUPER_STOPPING && !p->failing)
		text_add(out, "is being stopped");
	else
		super_explain(p, out);
	if (p->state == SUPER_STARTING && p->restarts > 0) {
		text_add(out, ", the last one ");
		super_explain(p, out);
	}
	if (p->why == SUPER_WHY_EXEC && svc->problem[0] != '\0')
		text_addf(out, " (%s)", svc->problem);
	switch (p->state) {
	case SUPER_BACKOFF:
		left = instant_diff(p->deadline, server_now(svc->server));
		text_addf(out, ", next start in %lld s",
			(long long)(left > 0 ? (left + 999) / 1000 : 0));
		break;
	case SUPER_FAILED:
		text_addf(out, ", given up after %u failure%s: START tries again", p->failures,
			p->failures == 1 ? "" : "s");
		break;
	case SUPER_STARTING:
	case SUPER_STOPPING:
	case SUPER_HALTED:
	case SUPER_RUNNING:
		break;
	}
}

void
svc_last_words(struct svc *svc, struct ctl_call *call)
{
	unsigned n = svc->said_count < SVC_SAID_MAX ? svc->said_count : SVC_SAID_MAX;
	const char *log = svc->conf != NULL ? svc->conf->log_file : NULL;

	for (unsigned i = svc->said_count - n; i != svc->said_count; i++)
		ctl_line(call, "  It wrote: %s", svc->said[i % SVC_SAID_MAX]);
	ctl_line(call, "  Log:      %s", log != NULL ? log : svc->server->log_name);
}

static void
waiter_end(struct svc *svc, struct waiter *w)
{
	struct ctl_call *call = w->call;
	bool up = svc->super.state == SUPER_RUNNING;
	struct text why = { .limit = 512 };

	list_remove(&w->node);
	call->cancel = NULL;
	call->state = NULL;
	if (!w->for_up && super_is_down(&svc->super)) {
		ctl_done(call, ST_NORMAL, "%s is stopped", svc->name);
	} else if (!w->for_up) {
		ctl_done(call, ST_CANCELLED, "%s was started again", svc->name);
	} else if (up) {
		ctl_done(call, ST_NORMAL, "%s is running, pid %d", svc->name, (int)svc->pid);
	} else {
		svc_explain(svc, &why);
		svc_last_words(svc, call);
		ctl_done(call, ST_STARTFAILED, "%s %s", svc->name, text_str(&why));
	}
	text_free(&why);
	free(w);
}

/* Each answer may lead to the next request, which may change the state again: look anew each
 * time. */
static void
settle_waiters(struct svc *svc)
{
	struct waiter *found;

	do {
		found = NULL;
		LIST_FOREACH(n, &svc->waiters) {
			struct waiter *w = container_of(n, struct waiter, node);
			enum super_state state = svc->super.state;
			bool settled = state != SUPER_STOPPING &&
				(!w->for_up || state != SUPER_STARTING);

			if (settled) {
				found = w;
				break;
			}
		}
		if (found != NULL)
			waiter_end(svc, found);
	} while (found != NULL);
}

void
svc_changed(struct svc *svc)
{
	const struct super *p = &svc->super;
	struct text line = { .limit = 512 };
	enum log_level level = LOG_L_INFO;

	text_addf(&line, "service %s is %s", svc->name, p->state == SUPER_STOPPING && p->failing ?
		"ending" : super_state_phrase(p->state));
	if (p->state == SUPER_RUNNING && svc->pid > 0)
		text_addf(&line, ", pid %d", (int)svc->pid);
	if (p->state == SUPER_BACKOFF || p->state == SUPER_FAILED || p->state == SUPER_HALTED ||
		(p->state == SUPER_STOPPING && p->failing)) {
		text_add(&line, ": ");
		svc_explain(svc, &line);
	}
	if (p->state == SUPER_BACKOFF || p->state == SUPER_FAILED)
		level = LOG_L_ERROR;
	log_line(level, NULL, "%s", text_str(&line));
	server_news(svc->server, text_str(&line));
	text_free(&line);
	settle_waiters(svc);
	server_plan(svc->server);
}

/* ------------------------------------------------------------------ the services file */

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static void
plan_removed(struct server *s, const struct svc_file *file, struct text *plan)
{
	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);

		if (svc->removed || svc_find(file, svc->name) != NULL)
			continue;
		text_addf(plan, "%s: removed%s\n", svc->name,
			super_is_down(&svc->super) ? "" : ", being stopped");
		svc->removed = true;
		svc->pending_start = false;
		svc->conf = NULL;
	}
}

bool
server_apply(struct server *s, struct svc_file *file, struct text *plan)
{
	struct svc_file *old = s->file;

	if (old != NULL && (!same_text(old->socket, file->socket) ||
		!same_text(old->reader_socket, file->reader_socket) ||
		!same_text(old->group, file->group) ||
		!same_text(old->reader_group, file->reader_group) ||
		!same_text(old->log_file, file->log_file)))
		text_add(plan, "sockets, group or log file changed: takes effect when the server "
			"is next started\n");
	plan_removed(s, file, plan);
	for (size_t i = 0; i < file->services; i++) {
		const struct svc_conf *c = &file->service[i];
		struct svc *svc = find(s, c->name);
		bool fresh = svc == NULL || svc->removed;

		if (svc == NULL)
			svc = svc_new(s, c);
		if (svc == NULL) {
			text_addf(plan, "%s: out of memory, not added\n", c->name);
			continue;
		}
		if (fresh) {
			if (svc->internal == NULL)
				text_addf(plan, "%s: added%s\n", c->name,
					c->enable ? ", being started" : "");
			svc->pending_start = old != NULL && c->enable;
		} else if (!svc_same(svc->conf, c)) {
			text_addf(plan, "%s: changed%s\n", c->name,
				svc->internal != NULL && svc->internal->always ?
				", listen and TLS take effect after NETCONTROL RESTART" :
				svc->internal == NULL && super_is_up(&svc->super) ?
				", takes effect when it is next started" : "");
		}
		svc->removed = false;
		svc->conf = c;
		svc->super.policy = c->policy;
	}
	s->file = file;
	svc_file_free(old);
	/* Only now: nothing points into the old file any more. */
	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);

		if (svc->removed && !super_is_down(&svc->super))
			svc_event(svc, SUPER_STOP, 0);
	}
	server_plan(s);
	return true;
}

struct svc_file *
server_read_file(struct server *s, struct text *said, enum status *status)
{
	struct stmt_errors errors = { 0 };
	struct text text = { 0 };
	struct svc_file *file = NULL;
	char why[256] = "";

	if (s->may_lack_file && access(s->file_name, F_OK) != 0 && errno == ENOENT) {
		file = svc_read("built-in services", bytes_str(svc_default), &errors);
		*status = file != NULL ? ST_NORMAL : ST_BUG;
	} else {
		*status = stmt_load(s->file_name, &text, why, sizeof(why));
		if (*status == ST_NORMAL) {
			file = svc_read(s->file_name, bytes_of(text_str(&text), text.n), &errors);
			*status = file != NULL ? ST_NORMAL : ST_BADCONF;
		} else {
			text_addf(said, "%s\n", why);
		}
	}
	text_add(said, text_str(&errors.warnings));
	text_add(said, text_str(&errors.text));
	text_free(&text);
	stmt_errors_free(&errors);
	return file;
}

enum status
server_reload(struct server *s, struct text *said)
{
	enum status status;
	struct svc_file *file = server_read_file(s, said, &status);

	if (file != NULL) {
		server_apply(s, file, said);
		log_line(LOG_L_INFO, NULL, "services file %s was read again", s->file_name);
	}
	return status;
}
