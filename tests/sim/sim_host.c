/*
 * sim_host.c - a host: the engine, what carries out its effects, and its configuration.
 *
 * The loop is the one of every host: step, perform effects until there are none, then wait for the
 * deadline.  Jobs and database requests take random time and end in any order.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/stmt.h"

enum { LOST_JOB_PER_MILLE = 400 };

static void
host_random(void *user, uint8_t *out, size_t n)
{
	struct sim_host *h = user;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)sim_random(&h->rng);
}

/* The engine's `user` is the host; the world is found from there. */
static struct sim_world *
world_of(struct sim_host *h)
{
	return container_of(h - h->index, struct sim_world, host[0]);
}

static void
host_trace(void *user, enum log_level level, const struct net_endpoint *peer, const char *text)
{
	struct sim_host *h = user;
	struct sim_world *w = world_of(h);
	char where[NET_ENDPOINT_TEXT + 4] = "";
	if (peer) {
		char addr[NET_ADDR_TEXT];
		snprintf(where, sizeof(where), "[%s] ",
			net_addr_text(addr, sizeof(addr), &peer->addr));
	}
	sim_say(w, h->name, "%s%s: %s", where, log_level_name(level), text);
	sim_check_line(w, h, text);
}

void
sim_secret(struct sim_world *w, struct bytes secret)
{
	if (secret.n < 8 || w->keys == SIM_KEYS)
		return;
	memset(w->key[w->keys], 0, sizeof(w->key[0]));
	memcpy(w->key[w->keys++], secret.p, secret.n < 16 ? secret.n : 16);
	if (w->plant == SIM_PLANT_LEAK) {
		char hex[40];
		sim_say(w, 'A', "key %s", bytes_to_hex(hex, sizeof(hex), bytes_of(secret.p, 8)));
	}
}

/* ------------------------------------------------------------------------------- effects --- */

static void
fx_note(struct sim_world *w, struct sim_host *h, const struct ike_note *n)
{
	static const char *const names[] = { "phase 1 up", "phase 1 down", "phase 2 up",
		"phase 2 down", "failure", "phase 1 dead" };
	sim_say(w, h->name, "note: %s, %s%s%s", names[n->type], status_row(n->status)->ident,
		n->detail && *n->detail ? ": " : "", n->detail ? n->detail : "");
	w->stats.ph1_up += n->type == IKE_NOTE_PH1_UP;
	w->stats.ph2_up += n->type == IKE_NOTE_PH2_UP;
	w->stats.failures += n->type == IKE_NOTE_FAILURE;
	for (unsigned i = 0; i < 2; i++) {
		const struct ipsec_sa *sa = i ? n->in : n->out;
		for (unsigned k = 0; sa && k < SA_KEY_MAX; k++)
			if (sa->encr_key.b[k] | sa->auth_key.b[k])
				sim_fail(w, "a note of host %c carries keys", h->name);
	}
}

static void
fx_reply(struct sim_world *w, struct sim_host *h, const struct ike_effect *fx)
{
	if (w->plant == SIM_PLANT_NO_REPLY)
		return;
	sim_say(w, h->name, "reply %llu: %s%s%s", (unsigned long long)fx->id,
		status_row(fx->reply.status)->ident,
		fx->reply.detail && *fx->reply.detail ? ": " : "",
		fx->reply.detail ? fx->reply.detail : "");
	for (unsigned i = 0; i < w->commands; i++) {
		struct sim_command *c = &w->command[i];
		if (c->id != fx->id || c->host != h->index || c->generation != h->generation)
			continue;
		if (c->answered)
			sim_fail(w, "host %c answered command %llu twice", h->name,
				(unsigned long long)fx->id);
		c->answered = true;
		if (instant_diff(w->now, c->given) > SIM_REPLY_MS)
			sim_fail(w, "host %c answered command %llu after %lld s", h->name,
				(unsigned long long)fx->id,
				(long long)instant_diff(w->now, c->given) / 1000);
		c->status = fx->reply.status;
		return;
	}
	sim_fail(w, "host %c answered command %llu that nobody gave", h->name,
		(unsigned long long)fx->id);
}

static void
fx_crypto(struct sim_world *w, struct sim_host *h, const struct ike_effect *fx)
{
	int64_t ms = w->faults ? sim_between(&w->rng, 1, 80) : 2;
	w->stats.jobs++;
	if (w->plant == SIM_PLANT_LOST_JOB && sim_chance(&w->rng, LOST_JOB_PER_MILLE))
		return;
	struct sim_event *ev = sim_event(w, SIM_EV_JOB, h->index, ms);
	ev->job.id = fx->id;
	ev->job.job = fx->job;
}

static void
perform(struct sim_world *w, struct sim_host *h, const struct ike_effect *fx)
{
	switch (fx->type) {
	case IKE_FX_SEND:
		sim_send(w, h->index, &fx->send.local, &fx->send.remote, fx->send.natt,
			fx->send.octets);
		break;
	case IKE_FX_SADB:
		sim_sadb_request(w, h->index, fx->id, fx->sadb);
		break;
	case IKE_FX_CRYPTO:
		fx_crypto(w, h, fx);
		break;
	case IKE_FX_REPLY:
		fx_reply(w, h, fx);
		break;
	case IKE_FX_NOTE:
		fx_note(w, h, &fx->note);
		break;
	}
}

void
sim_step(struct sim_world *w, unsigned host, struct ike_event *ev)
{
	struct sim_host *h = &w->host[host];
	struct ike_effect fx;
	if (!h->up || sim_failed(w))
		return;
	ev->now = w->now;
	ev->today = (wall){ w->epoch.ms + w->now.ms };
	if (h->last_step.ms != w->now.ms) {
		h->last_step = w->now;
		h->steps = 0;
	}
	if (++h->steps > SIM_STEPS_MAX)
		sim_fail(w, "host %c: %d steps and time stands still", h->name, SIM_STEPS_MAX);
	ike_step(h->ike, ev);
	while (ike_next(h->ike, &fx))
		perform(w, h, &fx);
	/* after a step whatever was due has been done: a deadline in the past is a livelock */
	instant d = ike_deadline(h->ike);
	if (ev->type == IKE_EV_TIMER && d.ms <= w->now.ms && h->steps > SIM_STEPS_MAX / 10)
		sim_fail(w, "host %c: the deadline does not move forward", h->name);
	if (h->old_config) {
		rc_free(h->old_config);
		h->old_config = NULL;
	}
}

void
sim_host_job(struct sim_world *w, const struct sim_event *ev)
{
	struct sim_host *h = &w->host[ev->host];
	if (!h->up || ev->generation != h->generation)
		return; /* the job went with its engine */
	if (w->faults && sim_chance(&w->rng, w->profile->refused))
		ev->job.job->status = ST_FAILED;
	else
		sim_job_run(w, ev->host, ev->job.job);
	if (ev->job.job->type == CRY_JOB_DERIVE)
		sim_secret(w, secret_view(&ev->job.job->shared));
	struct ike_event done = { .type = IKE_EV_DONE,
		.done = { .id = ev->job.id, .status = ev->job.job->status } };
	sim_step(w, ev->host, &done);
}

void
sim_host_answer(struct sim_world *w, const struct sim_event *ev)
{
	struct sim_host *h = &w->host[ev->host];
	if (!h->up || ev->generation != h->generation)
		return;
	struct ike_event done = { .type = IKE_EV_DONE,
		.done = { .id = ev->sadb.id,
			.status = sadb_status(ev->sadb.msg->op, ev->sadb.msg->error),
			.sadb = ev->sadb.msg } };
	sim_step(w, ev->host, &done);
	sim_release(w, ev->host);
}

/* ------------------------------------------------------------------ configuration, start --- */

/* Certificates of the test PKI; the simulator runs in the project's root. */
static bool
contents(void *user, const char *path, struct text *out)
{
	char name[128], buf[4096];
	size_t n;

	(void)user;
	snprintf(name, sizeof(name), "tests/pki/%s", path);
	FILE *f = fopen(name, "rb");
	if (!f)
		return false;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		text_add_n(out, buf, n);
	fclose(f);
	return true;
}

static struct rc_config *
load(struct sim_world *w, struct sim_host *h)
{
	struct rc_options options = { .cry = w->cry, .hash_key = { 1, 2 },
		.contents = contents };
	struct stmt_errors errors = { 0 };
	struct rc_config *c = NULL;
	char name[] = "racoon-A.conf";
	name[7] = h->name;
	if (rc_load_text(name, h->config_text, h->psk_text, &options, &c, &errors))
		sim_fail(w, "configuration of %c:\n%s", h->name, text_str(&errors.text));
	stmt_errors_free(&errors);
	return c;
}

bool
sim_host_config(struct sim_world *w, unsigned host, const char *text, const char *psk)
{
	struct sim_host *h = &w->host[host];
	free(h->config_text);
	free(h->psk_text);
	h->config_text = strdup(text);
	h->psk_text = strdup(psk);
	return h->config_text && h->psk_text;
}

bool
sim_host_start(struct sim_world *w, unsigned host)
{
	struct sim_host *h = &w->host[host];
	h->config = load(w, h);
	if (!h->config)
		return false;
	struct ike_env env = { .cry = w->cry, .random = host_random, .trace = host_trace, .user = h,
		.hash_key = { sim_random(&h->rng), sim_random(&h->rng) }, .level = w->level };
	h->ike = ike_new(&env);
	if (!h->ike)
		abort();
	h->up = true;
	struct ike_event ev = { .type = IKE_EV_CONFIG, .config = h->config };
	sim_step(w, host, &ev);
	struct net_endpoint natt = { h->address.addr, 4500 };
	ev = (struct ike_event){ .type = IKE_EV_ADDRESSES,
		.addresses = { .local = &h->address, .count = 1, .natt = &natt, .natts = 1 } };
	sim_step(w, host, &ev);
	sim_tell_policies(w, host);
	return true;
}

void
sim_host_stop(struct sim_world *w, unsigned host)
{
	struct sim_host *h = &w->host[host];
	(void)w;
	if (h->ike)
		ike_free(h->ike);
	rc_free(h->config);
	rc_free(h->old_config);
	h->ike = NULL;
	h->config = h->old_config = NULL;
	h->up = false;
	h->generation++;
	for (unsigned i = 0; i < SIM_POLICIES; i++)
		h->policy[i].acquiring = false;
}

void
sim_host_reload(struct sim_world *w, unsigned host)
{
	struct sim_host *h = &w->host[host];
	if (!h->up)
		return;
	struct rc_config *c = load(w, h);
	if (!c)
		return;
	h->old_config = h->config;
	h->config = c;
	struct ike_event ev = { .type = IKE_EV_CONFIG, .config = c };
	sim_step(w, host, &ev);
}

uint64_t
sim_command(struct sim_world *w, unsigned host, const struct ike_command *c)
{
	struct sim_host *h = &w->host[host];
	if (!h->up || w->commands == SIM_COMMANDS)
		return 0;
	struct sim_command *mine = &w->command[w->commands++];
	*mine = (struct sim_command){ .id = w->commands, .host = host, .generation = h->generation,
		.type = c->type, .given = w->now };
	struct ike_event ev = { .type = IKE_EV_COMMAND, .command = *c };
	ev.command.id = mine->id;
	sim_step(w, host, &ev);
	return mine->id;
}
