/*
 * engine.c - the engine's skeleton: make, step, pull effects, deadline.
 *
 * Called by the host (daemon, simulator, tests) through ike.h.  A step takes one event, runs what
 * is due, and leaves effects in a queue; whatever died during the step is freed at its end.
 * Nothing here knows an exchange.
 */
#include "racoon/ike/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "racoon/ikev1/v1_natt.h"

enum { STEP_ARENA = 64 << 20, LOG_MAX = 1024 };

static uint32_t
or_default(uint32_t given, uint32_t standard)
{
	return given != 0 ? given : standard;
}

static bool
tables_init(struct ike *e)
{
	return hash_init(&e->sa_by_cookie, 64) && hash_init(&e->sa_by_first, 64) &&
	       hash_init(&e->sa_by_serial, 64) && hash_init(&e->peers, 64) &&
	       hash_init(&e->peers_by_remote, 64) &&
	       hash_init(&e->child_by_serial, 64) && hash_init(&e->child_by_msgid, 64) &&
	       hash_init(&e->child_by_policy, 64) && hash_init(&e->by_spi_in, 64) &&
	       hash_init(&e->by_spi_out, 64) &&
	       hash_init(&e->folded, 64) && hash_init(&e->jobs, 64) && ike_spd_init(e);
}

struct ike *
ike_new(const struct ike_env *env)
{
	struct ike *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->env = *env;
	struct ike_limits *l = &e->env.limits;
	l->half_open = or_default(l->half_open, IKE_HALF_OPEN);
	l->half_open_per_peer = or_default(l->half_open_per_peer, IKE_HALF_OPEN_PER_PEER);
	l->sas = or_default(l->sas, IKE_SAS);
	l->children_per_sa = or_default(l->children_per_sa, IKE_CHILDREN_PER_SA);
	l->arena = or_default(l->arena, IKE_ARENA);
	list_init(&e->sas);
	list_init(&e->children);
	list_init(&e->commands);
	list_init(&e->half_open);
	list_init(&e->costly);
	list_init(&e->again);
	list_init(&e->folds);
	list_init(&e->dead_sas);
	list_init(&e->dead_children);
	list_init(&e->dead_xchgs);
	list_init(&e->idle_peers);
	e->step = arena_new(STEP_ARENA);
	if (e->step == NULL || !tables_init(e)) {
		ike_free(e);
		return NULL;
	}
	return e;
}

/* ---------------------------------------------------------------------------------- effects --- */

/* A slot in the queue; NULL only when memory ran out. */
struct ike_effect *
ike_fx(struct ike *e, enum ike_effect_type type)
{
	if (e->fx_count == e->fx_room) {
		size_t room = e->fx_room == 0 ? 16 : e->fx_room * 2;
		struct ike_effect *more;
		if (room > IKE_FX_MAX)
			return NULL;
		more = realloc(e->fx, room * sizeof(*more));
		if (more == NULL)
			return NULL;
		e->fx = more;
		e->fx_room = room;
	}
	struct ike_effect *fx = &e->fx[e->fx_count++];
	memset(fx, 0, sizeof(*fx));
	fx->type = type;
	return fx;
}

void
ike_send_for(struct ike *e, uint64_t serial, const struct ike_path *path, struct bytes octets)
{
	struct bytes copy = arena_dup(e->step, octets);
	int64_t copies = e->config == NULL ? 1 : e->config->timer.persend;

	if (copy.n == 0 || e->unfolding)
		return;
	for (int64_t i = 0; i < copies || i == 0; i++) {
		struct ike_effect *fx = ike_fx(e, IKE_FX_SEND);
		if (fx == NULL)
			return;
		fx->send.local = path->local;
		fx->send.remote = path->remote;
		fx->send.natt = path->natt;
		fx->send.octets = copy;
		fx->send.serial = serial;
		e->count[IKE_N_SENT]++;
	}
}

void
ike_send_to(struct ike *e, const struct net_endpoint *local, const struct net_endpoint *remote,
	bool natt, struct bytes octets)
{
	ike_send_for(e, 0, &(struct ike_path){ *local, *remote, natt }, octets);
}

void
ike_send_path(struct ike *e, const struct ike_sa *sa, const struct ike_path *path,
	struct bytes octets)
{
	if (v1_frag_wanted(sa, octets.n))
		v1_frag_send(e, sa->serial, path, octets);
	else
		ike_send_for(e, sa->serial, path, octets);
}

void
ike_send(struct ike *e, const struct ike_sa *sa, struct bytes octets)
{
	ike_send_path(e, sa, &(struct ike_path){ sa->local, sa->remote, sa->natt }, octets);
}

void
ike_reply(struct ike *e, uint64_t id, enum status status, const struct net_endpoint *remote,
	const char *detail)
{
	struct ike_effect *fx = ike_fx(e, IKE_FX_REPLY);

	if (fx == NULL)
		return;
	fx->id = id;
	fx->reply.status = status;
	if (remote != NULL)
		fx->reply.remote = *remote;
	fx->reply.detail = detail == NULL ? "" : arena_strndup(e->step, detail, IKE_DETAIL_MAX);
	if (fx->reply.detail == NULL)
		fx->reply.detail = "";
}

bool
ike_next(struct ike *e, struct ike_effect *fx)
{
	if (e->fx_next == e->fx_count)
		return false;
	*fx = e->fx[e->fx_next++];
	return true;
}

/* ----------------------------------------------------------------------------------- timers --- */

void
ike_arm(struct ike *e, struct ike_timer *t, instant when,
	void (*fire)(struct ike *e, struct ike_timer *t))
{
	t->fire = fire;
	/* Out of memory leaves the timer off: the exchange's limit or the next event sees to it. */
	(void)heap_set(&e->timers, &t->node, when);
}

void
ike_disarm(struct ike *e, struct ike_timer *t)
{
	heap_cancel(&e->timers, &t->node);
}

static void
run_timers(struct ike *e)
{
	struct heap_node *n;

	while ((n = heap_due(&e->timers, e->now)) != NULL) {
		struct ike_timer *t = container_of(n, struct ike_timer, node);
		t->fire(e, t);
	}
}

instant
ike_deadline(const struct ike *e)
{
	return heap_deadline(&e->timers);
}

/* ------------------------------------------------------------------------------------- step --- */

static void
bury(struct ike *e)
{
	LIST_FOREACH(at, &e->dead_children)
		ike_child_free(e, container_of(at, struct ike_child, in_all));
	list_init(&e->dead_children);
	LIST_FOREACH(at, &e->dead_sas)
		ike_sa_free(e, container_of(at, struct ike_sa, in_all));
	list_init(&e->dead_sas);
	LIST_FOREACH(at, &e->dead_xchgs)
		ike_xchg_free(e, container_of(at, struct ike_xchg, in_sa));
	list_init(&e->dead_xchgs);
	ike_peers_bury(e);
}

static bool
copy_endpoints(const struct net_endpoint *from, size_t n, struct net_endpoint **out, size_t *out_n)
{
	struct net_endpoint *copy = n == 0 ? NULL : calloc(n, sizeof(*copy));

	if (n != 0 && copy == NULL)
		return false;
	if (n != 0)
		memcpy(copy, from, n * sizeof(*copy));
	free(*out);
	*out = copy;
	*out_n = n;
	return true;
}

/* Out of memory leaves the old ones. */
static void
set_addresses(struct ike *e, const struct ike_event *ev)
{
	(void)copy_endpoints(ev->addresses.local, ev->addresses.count, &e->address, &e->addresses);
	(void)copy_endpoints(ev->addresses.natt, ev->addresses.natts, &e->natt_address,
		&e->natt_addresses);
}

static void
sadb_event(struct ike *e, const struct sadb_msg *m)
{
	char why[IKE_DETAIL_MAX];

	switch (m->op) {
	case SADB_OP_ACQUIRE:
		e->count[IKE_N_ACQUIRE]++;
		if (m->has_sp && !e->stopping &&
		    ike_child_initiate(e, &m->sp, &m->sa.src.addr, &m->sa.dst.addr, m->seq, false,
			    NULL, why, sizeof(why)) != ST_NORMAL)
			ike_log(e, LOG_L_ERROR, NULL, 0, "ACQUIRE cannot be served: %s", why);
		return;
	case SADB_OP_EXPIRE:
		ike_child_expire(e, m);
		return;
	case SADB_OP_DELETE:
	case SADB_OP_FLUSH:
		ike_child_gone(e, m);
		return;
	case SADB_OP_MAPPING:
		ike_path_mapped(e, m);
		return;
	case SADB_OP_SPDADD:
	case SADB_OP_SPDUPDATE:
	case SADB_OP_SPDDELETE:
	case SADB_OP_SPDDELETE2:
	case SADB_OP_MIGRATE:
	case SADB_OP_SPDGET:
	case SADB_OP_SPDDUMP:
	case SADB_OP_SPDFLUSH:
	case SADB_OP_SPDEXPIRE:
		ike_spd_event(e, m);
		return;
	case SADB_OP_GETSPI:
	case SADB_OP_UPDATE:
	case SADB_OP_ADD:
	case SADB_OP_GET:
	case SADB_OP_REGISTER:
	case SADB_OP_DUMP:
	case SADB_OP_PROMISC:
		return; /* others' affairs */
	}
}

void
ike_step(struct ike *e, const struct ike_event *ev)
{
	if (e->fx_next == e->fx_count) {
		e->fx_next = e->fx_count = 0;
		if (arena_used(e->step) != 0) {
			struct arena *fresh = arena_new(STEP_ARENA);
			if (fresh != NULL) {
				arena_free(e->step);
				e->step = fresh;
			}
		}
	}
	e->now = ev->now;
	e->today = ev->today;
	e->steps++;
	switch (ev->type) {
	case IKE_EV_TIMER:
		break;
	case IKE_EV_DATAGRAM:
		ike_recv(e, ev);
		break;
	case IKE_EV_DONE:
		ike_job_done(e, ev);
		break;
	case IKE_EV_SADB:
		if (ev->sadb != NULL)
			sadb_event(e, ev->sadb);
		break;
	case IKE_EV_SPD_RESET:
		ike_spd_clear(e);
		break;
	case IKE_EV_SPD_KNOWN:
		e->spd.known = true;
		break;
	case IKE_EV_COMMAND:
		ike_command(e, &ev->command);
		break;
	case IKE_EV_CONFIG:
		e->config = ev->config;
		ike_config_changed(e);
		break;
	case IKE_EV_ADDRESSES:
		set_addresses(e, ev);
		break;
	}
	run_timers(e);
	bury(e);
}

void
ike_free(struct ike *e)
{
	if (e == NULL)
		return;
	bury(e);
	LIST_FOREACH(at, &e->children)
		ike_child_free(e, container_of(at, struct ike_child, in_all));
	LIST_FOREACH(at, &e->sas)
		ike_sa_free(e, container_of(at, struct ike_sa, in_all));
	bury(e);
	for (size_t i = 0; i < IKE_FIRST_FRAGS; i++)
		v1_frag_forget(e, &e->first_frags[i]);
	ike_again_free(e);
	ike_folds_free(e);
	ike_commands_free(e);
	ike_jobs_free(e);
	for (struct hash_node *n; e->peers.slot != NULL && (n = hash_first(&e->peers)) != NULL;) {
		ike_disarm(e, &container_of(n, struct ike_peer, by_ends)->keepalive);
		hash_remove(&e->peers, n);
		free(container_of(n, struct ike_peer, by_ends));
	}
	ike_spd_free(e);
	hash_free(&e->sa_by_cookie);
	hash_free(&e->sa_by_first);
	hash_free(&e->sa_by_serial);
	hash_free(&e->peers);
	hash_free(&e->peers_by_remote);
	hash_free(&e->child_by_serial);
	hash_free(&e->child_by_msgid);
	hash_free(&e->child_by_policy);
	hash_free(&e->by_spi_in);
	hash_free(&e->by_spi_out);
	hash_free(&e->folded);
	hash_free(&e->jobs);
	heap_free(&e->timers);
	arena_free(e->step);
	free(e->fx);
	free(e->address);
	free(e->natt_address);
	wipe(e, sizeof(*e));
	free(e);
}

/* ----------------------------------------------------------------------------- small things --- */

void
ike_set_level(struct ike *e, enum log_level level)
{
	e->env.level = level;
}

bool
ike_logs(const struct ike *e, enum log_level level)
{
	return e->env.trace != NULL && level <= e->env.level && !e->quiet;
}

void
ike_log(struct ike *e, enum log_level level, const struct net_endpoint *peer, uint64_t serial,
	const char *fmt, ...)
{
	char line[LOG_MAX];
	va_list ap;
	int n;

	if (!ike_logs(e, level))
		return;
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (serial != 0 && (size_t)n < sizeof(line))
		snprintf(line + n, sizeof(line) - (size_t)n, " #%llu", (unsigned long long)serial);
	e->env.trace(e->env.user, level, peer, line);
}

uint32_t
ike_random32(struct ike *e)
{
	uint8_t b[4];

	e->env.random(e->env.user, b, sizeof(b));
	return get_u32(b);
}

int64_t
ike_jitter(struct ike *e, int64_t ms)
{
	return ms - (int64_t)((uint64_t)ms / 1000 * (ike_random32(e) % 100));
}

const char *
ike_state_name(enum ike_state s)
{
	static const char *const name[IKE_S_COUNT] = {
		[IKE_S_START] = "START",
		[IKE_S_MSG1_SENT] = "MSG1-SENT",
		[IKE_S_MSG2_SENT] = "MSG2-SENT",
		[IKE_S_MSG3_SENT] = "MSG3-SENT",
		[IKE_S_MSG4_SENT] = "MSG4-SENT",
		[IKE_S_MSG5_SENT] = "MSG5-SENT",
		[IKE_S_AGG1_SENT] = "AGG1-SENT",
		[IKE_S_AGG2_SENT] = "AGG2-SENT",
		[IKE_S_BASE1_SENT] = "BASE1-SENT",
		[IKE_S_BASE2_SENT] = "BASE2-SENT",
		[IKE_S_BASE3_SENT] = "BASE3-SENT",
		[IKE_S_QUICK1_SENT] = "QUICK1-SENT",
		[IKE_S_QUICK2_SENT] = "QUICK2-SENT",
		[IKE_S_QUICK3_SENT] = "QUICK3-SENT",
		[IKE_S_UP] = "ESTABLISHED",
		[IKE_S_DEAD] = "DEAD",
	};

	return (unsigned)s < IKE_S_COUNT ? name[s] : "?";
}

char *
ike_pair_text(char *buf, size_t size, const struct net_endpoint *a, const char *arrow,
	const struct net_endpoint *b)
{
	char from[NET_ENDPOINT_TEXT], to[NET_ENDPOINT_TEXT];

	snprintf(buf, size, "%s%s%s", net_endpoint_text(from, sizeof(from), a), arrow,
		net_endpoint_text(to, sizeof(to), b));
	return buf;
}

char *
ike_cookies_text(char *buf, size_t size, const struct ike_sa *sa)
{
	char i[2 * V1_COOKIE + 1], r[2 * V1_COOKIE + 1];

	snprintf(buf, size, "%s:%s", bytes_to_hex(i, sizeof(i), bytes_of(sa->cookie_i, V1_COOKIE)),
		bytes_to_hex(r, sizeof(r), bytes_of(sa->cookie_r, V1_COOKIE)));
	return buf;
}
