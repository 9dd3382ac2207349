/*
 * host_uv.c - the engine's host: step, perform the effects, arm one timer.
 *
 * Called by racoon_main.c.  The six lines everything turns around are in rd_step.  Effects that
 * want an answer get it from the loop, never from inside; verbs run only between steps.
 */
#include "racoon/daemon/host_uv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cry.h"
#include "lib/cry_x509.h"
#include "lib/log.h"
#include "racoon/daemon/events.h"
#include "racoon/daemon/tickets.h"

struct rd_job {
	uv_work_t work;
	struct list node;
	struct rd *d;
	uint64_t id;
	struct cry_job *job;
	bool here; /* to be run on the loop */
};

uint64_t
rd_now(const struct rd *d)
{
	return uv_now(&d->loop);
}

/* --------------------------------------------------------------------------------- crypto jobs */

static void
on_work(uv_work_t *work)
{
	struct rd_job *j = container_of(work, struct rd_job, work);
	struct cry_proof *p = j->job->type == CRY_JOB_VERIFY ? j->job->proof : NULL;

	/* The CAs and their lists as they are now: the privileged process can see them. */
	if (p != NULL && p->knowns == 0 && j->d->priv != NULL && cry_trust_has_dir(p->trust) &&
		!priv_hashed(j->d->priv, &p->hashed)) {
		snprintf(p->why, sizeof(p->why), "the directory of CAs cannot be read: %s",
			strerror(errno));
		j->job->status = ST_CERTNOCA;
		return;
	}
	cry_job_run(j->d->cry, j->job);
}

static void
job_done(struct rd_job *j)
{
	struct rd *d = j->d;
	struct ike_event ev = { .type = IKE_EV_DONE, .done.id = j->id,
		.done.status = j->job->status };

	d->jobs--;
	free(j);
	if (d->closing)
		rd_finish(d);
	else
		rd_step(d, &ev);
}

static void
on_worked(uv_work_t *work, int status)
{
	struct rd_job *j = container_of(work, struct rd_job, work);

	if (status < 0)
		j->job->status = ST_CANCELLED;
	job_done(j);
}

static void
perform_crypto(struct rd *d, const struct ike_effect *fx)
{
	struct rd_job *j = calloc(1, sizeof(*j));
	unsigned tenths = cry_job_tenths(fx->job);

	/* Without memory the job's answer never comes, and the exchange ends by its own limit. */
	if (j == NULL) {
		log_line(LOG_L_ERROR, NULL, "out of memory: a key exchange is given up");
		return;
	}
	j->d = d;
	j->id = fx->id;
	j->job = fx->job;
	d->jobs++;
	/*
	 * Run when this step and its like are done: what they send goes out first.  When more comes
	 * at once than the loop may do, the other processors take it.
	 */
	if (tenths > 0 && d->tenths_here + tenths <= RD_HERE_TENTHS) {
		j->here = true;
		d->tenths_here += tenths;
		list_append(&d->jobs_here, &j->node);
		return;
	}
	if (uv_queue_work(&d->loop, &j->work, on_work, on_worked) == 0)
		return;
	j->job->status = ST_LIMIT;
	list_append(&d->jobs_here, &j->node);
}

/* -------------------------------------------------------------------------------------- notes */

static const char *
peer_text(const struct net_endpoint *e, char *buf, size_t size)
{
	return e == NULL || e->addr.family == 0 ? NULL : net_addr_text(buf, size, &e->addr);
}

/* A line of news, with its class before it while it waits. */
static void
news_add(struct rd *d, unsigned classes, const char *line)
{
	text_addf(&d->news, "%c%s\n", (char)('@' + classes), line);
}

static void
perform_note(struct rd *d, const struct ike_note *n)
{
	char peer[NET_ADDR_TEXT], message[512], id[RD_SA_TEXT];
	unsigned classes = rd_event(n, message, sizeof(message));

	if (classes != 0)
		news_add(d, classes, message);

	if (n->type != IKE_NOTE_FAILURE)
		return;
	/* The engine's trace has told the story; this is the condition, as an operator sees it. */
	status_format(message, sizeof(message), n->status, NULL, n->detail);
	log_line(LOG_L_NOTIFY, peer_text(&n->remote, peer, sizeof(peer)), "%s%s", message,
		rd_sa_text(id, sizeof(id), n->serial));
}

static void
on_trace(void *user, enum log_level level, const struct net_endpoint *peer, const char *text)
{
	char buf[NET_ADDR_TEXT];

	(void)user;
	log_line(level, peer_text(peer, buf, sizeof(buf)), "%s", text);
}

/* ----------------------------------------------------------------------------- the six lines */

static void
perform(struct rd *d, const struct ike_effect *fx)
{
	switch (fx->type) {
	case IKE_FX_SEND:
		rd_sockets_send(d, fx);
		break;
	case IKE_FX_SADB:
		rd_sadb_request(d, fx);
		break;
	case IKE_FX_CRYPTO:
		perform_crypto(d, fx);
		break;
	case IKE_FX_REPLY:
		rd_commands_reply(d, fx);
		break;
	case IKE_FX_NOTE:
		perform_note(d, &fx->note);
		rd_hooks_note(d, &fx->note);
		break;
	}
}

static void
on_deadline(uv_timer_t *t)
{
	struct ike_event ev = { .type = IKE_EV_TIMER };

	rd_step(t->data, &ev);
}

static void
arm(struct rd *d)
{
	instant deadline = ike_deadline(d->engine);
	int64_t ms = deadline.ms - (int64_t)rd_now(d);

	if (deadline.ms == INSTANT_NEVER.ms)
		uv_timer_stop(&d->timer);
	else
		uv_timer_start(&d->timer, on_deadline, ms > 0 ? (uint64_t)ms : 0, 0);
}

void
rd_step(struct rd *d, struct ike_event *ev)
{
	struct ike_effect fx;

	if (d->closing)
		return;
	if (d->stepping) {
		log_line(LOG_L_ERROR, NULL, "internal: a step inside a step was refused");
		return;
	}
	ev->now = (instant){ (int64_t)rd_now(d) };
	ev->today = when_wall();
	d->stepping = true;
	ike_step(d->engine, ev);
	while (ike_next(d->engine, &fx))
		perform(d, &fx);
	arm(d);
	d->stepping = false;
	rd_journal_flush(d);
}

/* ------------------------------------------------------------------------- between the steps */

static void
deliver_news(struct rd *d)
{
	struct text news = d->news;

	if (news.n == 0 || d->ctl == NULL)
		return;
	d->news = (struct text){ .limit = RD_NEWS_MAX };
	for (char *line = news.p, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if (line[0] != '\0')
			ctl_server_news_of(d->ctl, (unsigned)(line[0] - '@'), line + 1);
	}
	if (news.failed)
		ctl_server_news(d->ctl, "some lines were lost: too many at once");
	text_free(&news);
}

static void
finish_jobs(struct rd *d)
{
	while (!list_empty(&d->jobs_here)) {
		struct rd_job *j = container_of(d->jobs_here.next, struct rd_job, node);

		list_remove(&j->node);
		if (j->here)
			cry_job_run(d->cry, j->job);
		job_done(j);
	}
}

static void
on_prepare(uv_prepare_t *p)
{
	struct rd *d = p->data;

	/* Again when the verbs that come of it have started jobs: the loop is about to sleep. */
	do {
		finish_jobs(d);
		rd_commands_deliver(d);
		deliver_news(d);
	} while (!list_empty(&d->jobs_here));
	d->tenths_here = 0;
}

static void
on_log_line(void *user, enum log_level level, const char *line)
{
	struct rd *d = user;

	(void)level;
	news_add(d, CTL_NEWS_LOG, line);
}

void
rd_trace_open(struct rd *d)
{
	log_set_watch(&(struct log_watch){ on_log_line, d });
}

/* ------------------------------------------------------------------------------------- opening */

static void
on_random(void *user, uint8_t *out, size_t n)
{
	(void)user;
	cry_random(out, n);
}

bool
rd_engine_open(struct rd *d)
{
	struct ike_env env = { .cry = d->cry, .random = on_random, .trace = on_trace, .user = d,
		.hash_key = d->hash_key, .level = log_level() };
	struct ike_event ev = { .type = IKE_EV_CONFIG, .config = d->config };

	d->engine = ike_new(&env);
	if (d->engine == NULL)
		return false;
	rd_step(d, &ev);
	return true;
}

static void
on_signal(uv_signal_t *handle, int number)
{
	struct rd *d = handle->data;
	struct text out = { 0 };
	struct rc_plan plan;

	log_line(LOG_L_INFO, NULL, "caught signal %d", number);
	switch (number) {
	case SIGTERM:
	case SIGINT:
		if (d->ending)
			rd_finish(d); /* asked twice: no more waiting for peers */
		else
			(void)rd_shutdown(d, NULL, NULL);
		break;
	case SIGHUP:
		if (rd_reload(d, &plan, &out) == ST_NORMAL)
			log_line(LOG_L_NOTIFY, NULL,
				"configuration reloaded: %u kept, %u changed, %u removed, %u added",
				plan.kept, plan.changed, plan.removed, plan.added);
		text_free(&out);
		break;
	}
}

bool
rd_host_open(struct rd *d)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 };

	signal(SIGPIPE, SIG_IGN);
	list_init(&d->jobs_here);
	list_init(&d->hooks_waiting);
	list_init(&d->hooks_active);
	d->news.limit = RD_NEWS_MAX;
	d->started = when_wall();
	if (uv_loop_init(&d->loop) != 0)
		return false;
	uv_timer_init(&d->loop, &d->timer);
	uv_prepare_init(&d->loop, &d->prepare);
	d->timer.data = d->prepare.data = d;
	uv_prepare_start(&d->prepare, on_prepare);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uv_signal_init(&d->loop, &d->signals[i]);
		d->signals[i].data = d;
		uv_signal_start(&d->signals[i], on_signal, numbers[i]);
	}
	d->tickets = rd_tickets_new();
	return d->tickets != NULL && journal_init(&d->journal, &d->hash_key) &&
		rd_commands_open(d);
}

/* ----------------------------------------------------------------------------------- the end */

static void
close_handle(uv_handle_t *h)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void
on_impatience(uv_timer_t *t)
{
	uv_stop(t->loop);
}

static void
end_all(void *user)
{
	struct rd *d = user;

	d->ctl = NULL;
	rd_priv_close(d);
	close_handle((uv_handle_t *)&d->timer);
	/* A look-up in the resolver's hands may hold the loop for long: then it is left behind. */
	uv_timer_start(&d->patience, on_impatience, RD_EMERGENCY_MS, 0);
	uv_unref((uv_handle_t *)&d->patience);
	close_handle((uv_handle_t *)&d->prepare);
	for (size_t i = 0; i < ARRAY_LEN(d->signals); i++)
		close_handle((uv_handle_t *)&d->signals[i]);
}

/* Called when the end is decided, and again when a job ends that was waited for. */
void
rd_finish(struct rd *d)
{
	if (!d->closing) {
		d->closing = true;
		uv_timer_stop(&d->timer);
		log_set_watch(NULL);
		rd_hooks_close(d);
		rd_capture_stop(d, "racoon ends");
		rd_lookups_cancel_all(d);
		rd_sockets_close(d);
		rd_sadb_close(d);
		rd_journal_close(d, d->clean);
		log_line(LOG_L_INFO, NULL, "racoon process %d shutdown", (int)getpid());
	}
	if (d->jobs > 0 || d->timer.data == NULL)
		return;
	d->timer.data = NULL; /* once */
	if (d->ctl != NULL)
		ctl_server_close(d->ctl, end_all, d);
	else
		end_all(d);
}

void
rd_host_free(struct rd *d)
{
	rd_commands_free(d);
	rd_tickets_free(d->tickets);
	ike_free(d->engine);
	rc_free(d->config);
	rd_sockets_free(d);
	rd_sadb_free(d);
	journal_free(&d->journal);
	text_free(&d->news);
	close_handle((uv_handle_t *)&d->patience);
	uv_run(&d->loop, UV_RUN_NOWAIT);
	uv_loop_close(&d->loop);
}

/* ------------------------------------------------------------------------------------- host.h */

const struct ike *
rd_engine(const struct rd *d)
{
	return d->engine;
}

const struct rc_config *
rd_config(const struct rd *d)
{
	return d->config;
}

struct rd_tickets *
rd_tickets_of(struct rd *d)
{
	return d->tickets;
}

const struct net_addr *
rd_host_address(const struct rd *d)
{
	return d->host_address.family == 0 ? NULL : &d->host_address;
}

void
rd_state(const struct rd *d, struct rd_state *out)
{
	*out = (struct rd_state){
		.started = d->started,
		.loaded = d->loaded,
		.now = (instant){ (int64_t)rd_now(d) },
		.sadb = d->sadb == NULL ? "none" : sadb_client_backend(d->sadb),
		.sadb_up = d->sadb != NULL && sadb_client_is_up(d->sadb),
		.sockets = rd_sockets_count(d),
		.journal = d->journal.count,
		.jobs = d->jobs,
		.commands = d->command_count,
		.ending = d->ending,
	};
}

void
rd_debug(struct rd *d, enum log_level level)
{
	log_set_level(level);
	ike_set_level(d->engine, level);
}

enum log_level
rd_base_level(const struct rd *d)
{
	return d->base_level;
}

/* All our SAs are gone, or the peers took too long. */
static void
on_shut_down(void *user, enum status status, const struct net_endpoint *remote, const char *detail)
{
	struct rd *d = user;

	(void)remote;
	(void)detail;
	d->clean = status == ST_NORMAL;
	if (!d->clean)
		log_line(LOG_L_WARNING, NULL,
			"not all SAs could be removed in time; the next start will do that");
	for (unsigned i = 0; i < d->end_waiter_count; i++)
		if (d->end_waiters[i].done != NULL)
			d->end_waiters[i].done(d->end_waiters[i].user, status, NULL, "");
	rd_finish(d);
}

enum status
rd_shutdown(struct rd *d, rd_reply *done, void *user)
{
	struct ike_command command = { .type = IKE_CMD_SHUTDOWN };

	if (done != NULL && d->end_waiter_count == ARRAY_LEN(d->end_waiters))
		return ST_LIMIT;
	if (done != NULL) {
		d->end_waiters[d->end_waiter_count].done = done;
		d->end_waiters[d->end_waiter_count++].user = user;
	}
	if (d->ending)
		return ST_NORMAL;
	d->ending = true;
	if (d->ctl != NULL)
		ctl_server_unlisten(d->ctl);
	if (rd_submit(d, &command, RD_SHUTDOWN_MS, on_shut_down, d) == 0)
		on_shut_down(d, ST_LIMIT, NULL, "");
	return ST_NORMAL;
}

void
rd_shutdown_forget(struct rd *d, void *user)
{
	for (unsigned i = 0; i < d->end_waiter_count; i++)
		if (d->end_waiters[i].user == user)
			d->end_waiters[i].done = NULL;
}
