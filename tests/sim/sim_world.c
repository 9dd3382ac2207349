/*
 * sim_world.c - the clock and the queue of events.
 */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t
sim_random(struct sim_rng *r) /* splitmix64 */
{
	uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint32_t
sim_below(struct sim_rng *r, uint32_t limit)
{
	return limit == 0 ? 0 : (uint32_t)(sim_random(r) % limit);
}

int64_t
sim_between(struct sim_rng *r, int64_t low, int64_t high)
{
	return high <= low ? low : low + (int64_t)(sim_random(r) % (uint64_t)(high - low + 1));
}

bool
sim_chance(struct sim_rng *r, unsigned per_mille)
{
	return per_mille > 0 && sim_below(r, 1000) < per_mille;
}

/* ----------------------------------------------------------------------- queue of events --- */

static bool
before(const struct sim_event *a, const struct sim_event *b)
{
	return a->when.ms != b->when.ms ? a->when.ms < b->when.ms : a->serial < b->serial;
}

static void
event_push(struct sim_world *w, struct sim_event *ev)
{
	if (w->events == w->event_room) {
		w->event_room = w->event_room ? 2 * w->event_room : 64;
		w->event = realloc(w->event, w->event_room * sizeof(struct sim_event *));
		if (!w->event)
			abort();
	}
	size_t i = w->events++;
	for (; i > 0 && before(ev, w->event[(i - 1) / 2]); i = (i - 1) / 2)
		w->event[i] = w->event[(i - 1) / 2];
	w->event[i] = ev;
}

static struct sim_event *
event_pop(struct sim_world *w)
{
	struct sim_event *top = w->event[0], *last = w->event[--w->events];
	size_t i = 0;
	while (2 * i + 1 < w->events) {
		size_t child = 2 * i + 1;
		if (child + 1 < w->events && before(w->event[child + 1], w->event[child]))
			child++;
		if (before(last, w->event[child]))
			break;
		w->event[i] = w->event[child];
		i = child;
	}
	w->event[i] = last;
	return top;
}

static void
event_free(struct sim_event *ev)
{
	if (ev->type == SIM_EV_DATAGRAM)
		free(ev->datagram.octets);
	if ((ev->type == SIM_EV_SADB || ev->type == SIM_EV_ANSWER) && ev->sadb.msg) {
		sadb_msg_wipe(ev->sadb.msg);
		free(ev->sadb.msg);
	}
	free(ev);
}

struct sim_event *
sim_event(struct sim_world *w, enum sim_event_type type, unsigned host, int64_t in_ms)
{
	struct sim_event *ev = calloc(1, sizeof(*ev));
	if (!ev)
		abort();
	ev->when = instant_add(w->now, in_ms);
	ev->serial = w->serial++;
	ev->type = type;
	ev->host = host;
	ev->generation = w->host[host].generation;
	event_push(w, ev);
	return ev;
}

void
sim_at(struct sim_world *w, instant when, unsigned host,
	void (*run)(struct sim_world *, unsigned, int64_t, int64_t), int64_t a, int64_t b)
{
	struct sim_event *ev = sim_event(w, SIM_EV_CALL, host, instant_diff(when, w->now));
	ev->call.run = run;
	ev->call.a = a;
	ev->call.b = b;
}

/* ----------------------------------------------------------------------------- the world --- */

struct sim_world *
sim_new(uint64_t seed, const struct sim_profile *profile, struct cry *cry)
{
	struct sim_world *w = calloc(1, sizeof(*w));
	if (!w)
		abort();
	w->seed = seed;
	sim_seed_openssl(seed);
	w->profile = profile;
	w->cry = cry;
	w->rng.state = seed * 2654435761u + 17;
	w->draws.state = seed;
	w->now = (instant){ 1000 };
	w->epoch = (wall){ INT64_C(1790000000000) };
	w->cut_from = -1;
	w->level = LOG_L_DEBUG2;
	w->trace.limit = SIM_TRACE_MAX;
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		struct sim_host *h = &w->host[i];
		h->index = i;
		h->name = (char)('A' + i);
		h->rng.state = sim_random(&w->rng);
		h->address = (struct net_endpoint){ net_ipv4(0xc0a80064 + ((i + 1) << 8)), 500 };
		h->seen = h->address.addr;
	}
	return w;
}

void
sim_free(struct sim_world *w)
{
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		sim_host_stop(w, i);
		free(w->host[i].config_text);
		free(w->host[i].psk_text);
		sim_sadb_flush(&w->host[i]);
	}
	for (size_t i = 0; i < w->events; i++)
		event_free(w->event[i]);
	for (unsigned i = 0; i < SIM_CAPTURED; i++)
		free(w->captured[i]);
	free(w->event);
	text_free(&w->trace);
	text_free(&w->why);
	free(w);
}

void
sim_fail(struct sim_world *w, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!sim_failed(w))
		text_addf(&w->why, "at %lld ms: %s", (long long)w->now.ms, line);
}

bool
sim_failed(const struct sim_world *w)
{
	return w->why.n > 0;
}

void
sim_say(struct sim_world *w, char who, const char *fmt, ...)
{
	char line[2048];
	va_list ap;
	va_start(ap, fmt);
	int n = snprintf(line, sizeof(line), "[%7lld] %c ", (long long)w->now.ms - 1000, who);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	size_t length = (size_t)n < sizeof(line) - 2 ? (size_t)n : sizeof(line) - 2;
	line[length] = '\n';
	text_add_n(&w->trace, line, length + 1);
	if (w->verbose)
		fwrite(line, 1, length + 1, stderr);
}

static void
happen(struct sim_world *w, struct sim_event *ev)
{
	switch (ev->type) {
	case SIM_EV_DATAGRAM:
		sim_deliver(w, ev);
		break;
	case SIM_EV_JOB:
		sim_host_job(w, ev);
		break;
	case SIM_EV_SADB:
		sim_sadb_run(w, ev);
		break;
	case SIM_EV_ANSWER:
		sim_host_answer(w, ev);
		break;
	case SIM_EV_PACKET:
		sim_packet_in(w, ev);
		break;
	case SIM_EV_CALL:
		ev->call.run(w, ev->host, ev->call.a, ev->call.b);
		break;
	}
}

static instant
host_deadline(const struct sim_world *w, const struct sim_host *h)
{
	if (!h->up)
		return INSTANT_NEVER;
	if (w->plant == SIM_PLANT_STUCK_TIME)
		return w->now;
	return ike_deadline(h->ike);
}

void
sim_run(struct sim_world *w, instant until)
{
	while (!sim_failed(w)) {
		instant next = w->events > 0 ? w->event[0]->when : INSTANT_NEVER;
		struct sim_host *timer = NULL;
		for (unsigned i = 0; i < SIM_HOSTS; i++) {
			instant d = host_deadline(w, &w->host[i]);
			if (d.ms < next.ms) {
				next = d;
				timer = &w->host[i];
			}
		}
		if (next.ms > until.ms)
			break;
		if (next.ms > w->now.ms)
			w->now = next;
		if (timer) {
			struct ike_event ev = { .type = IKE_EV_TIMER };
			sim_step(w, timer->index, &ev);
		} else {
			struct sim_event *ev = event_pop(w);
			happen(w, ev);
			event_free(ev);
		}
	}
	if (!sim_failed(w))
		w->now = until;
}

bool
sim_in_flight(const struct sim_world *w)
{
	for (size_t i = 0; i < w->events; i++)
		if (w->event[i]->type != SIM_EV_CALL)
			return true;
	return false;
}
