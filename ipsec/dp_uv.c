/*
 * dp_uv.c - the datapath of the embedded engine on a libuv loop.
 *
 * Called by ipsecd.  Packets are read into buffers with room before and behind, transformed there,
 * and sent from there; system calls are batched and each direction is bounded per turn of the loop.
 * It decides nothing about packets: the engine does.
 */
#include "ipsec/dp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include "ipsec/dp_int.h"
#include "lib/log.h"

enum { REBUILD_SHARE = 4 }; /* a guard built anew rests for so many times the time it took */

struct watched { /* the datapath and what the loop watches for it */
	struct dp dp; /* first: that is what everybody has a pointer to */
	uv_loop_t *loop;
	uv_poll_t on_tun, on_in[DP_RAWS], on_room[2], on_events;
	unsigned handles;
	void (*closed)(void *user);
	void *closed_user;
};

static struct watched *
watched(struct dp *dp)
{
	return container_of(dp, struct watched, dp);
}

/* ------------------------------------------------------------------------------------- packets */

static void
on_tun(uv_poll_t *h, int status, int events)
{
	struct dp *dp = h->data;

	(void)events;
	if (dp->send.stuck)
		return;
	if (!dp_out_take(dp, when_now()) || status < 0)
		dp->o.broken(dp->o.user, strerror(status < 0 ? ENODEV : errno));
}

/* A socket takes packets again. */
static void
go_on(struct dp *dp)
{
	if (!dp->send.stuck)
		return;
	dp_send_flush(&dp->send);
	if (!dp->send.stuck)
		uv_poll_start(&watched(dp)->on_tun, UV_READABLE, on_tun);
}

static void
on_room(uv_poll_t *h, int status, int events)
{
	(void)status;
	(void)events;
	uv_poll_stop(h);
	go_on(h->data);
}

/* Until it takes more, the TUN is not read. */
static void
full(void *user, struct dp_port *port, bool v6)
{
	struct dp *dp = user;

	uv_poll_stop(&watched(dp)->on_tun);
	if (port != NULL)
		dp_udp_wait(dp->udp, port);
	else
		uv_poll_start(&watched(dp)->on_room[v6], UV_WRITABLE, on_room);
}

static void
too_big(void *user, const struct net_addr *dst)
{
	dp_path_forget(&((struct dp *)user)->paths, dst);
}

static void on_raw(uv_poll_t *h, int status, int events);

/* ICMP about packets of ours. libuv stops watching a descriptor with an error. */
static void
path_errors(struct dp *dp, uv_poll_t *h, enum dp_raw_kind kind)
{
	struct net_addr dst;
	uint32_t spi, mtu;
	int error;
	socklen_t n = sizeof(error);

	for (unsigned i = 0;
		i < DP_TURN && dp_raw_path_mtu(&dp->raw, kind, &dst, &spi, &mtu); i++) {
		eng_path_mtu(dp->e, &dst, spi, mtu);
		dp_path_forget(&dp->paths, &dst);
	}
	(void)getsockopt(dp->raw.in[kind], SOL_SOCKET, SO_ERROR, &error, &n);
	uv_poll_start(h, UV_READABLE, on_raw);
}

static void
on_raw(uv_poll_t *h, int status, int events)
{
	struct dp *dp = h->data;
	enum dp_raw_kind kind = (enum dp_raw_kind)(h - watched(dp)->on_in);

	(void)events;
	if (status < 0)
		path_errors(dp, h, kind);
	else
		dp_in_raw(dp, when_now(), kind);
}

static void
on_udp_readable(void *user, struct dp_port *port)
{
	dp_in_udp(user, when_now(), port);
}

static void
on_udp_writable(void *user)
{
	go_on(user);
}

static void
on_udp_closing(void *user, struct dp_port *port)
{
	struct dp *dp = user;

	dp_send_forget(&dp->send, port);
}

static bool
is_local(void *user, const struct net_addr *addr)
{
	struct dp *dp = user;
	struct net_prefix host = net_prefix_host(addr);
	struct net_addr found;

	return dp_route_local(dp->route, &host, &found);
}

static uint32_t
ask_mtu(void *user, const struct net_addr *dst)
{
	struct dp *dp = user;

	return dp_route_mtu(dp->route, dst);
}

/* The engine asks, for packets that must not be fragmented behind it. */
static uint32_t
path_mtu(void *user, const struct net_addr *dst)
{
	struct dp *dp = user;

	return dp_path_mtu(&dp->paths, dp->now, dst);
}

/* ------------------------------------------------------------------------ policies, addresses */

static void
sink_route_set(void *user, const struct net_prefix *dst, const struct net_addr *src)
{
	struct dp *dp = user;

	dp->changed = true;
	dp_route_set(dp->route, dst, src);
}

static void
sink_route_remove(void *user, const struct net_prefix *dst)
{
	struct dp *dp = user;

	dp->changed = true;
	dp_route_remove(dp->route, dst);
}

static void
sink_guard_add(void *user, const struct dp_guard_rule *rule)
{
	struct dp *dp = user;

	dp->changed = true;
	if (dp->guard != NULL)
		dp_guard_add(dp->guard, rule);
}

static void
sink_guard_remove(void *user, const struct dp_guard_rule *rule)
{
	struct dp *dp = user;

	dp->changed = true;
	if (dp->guard != NULL)
		dp_guard_remove(dp->guard, rule);
}

static void
sink_guard_clear(void *user)
{
	struct dp *dp = user;

	dp->changed = true;
	if (dp->guard != NULL)
		dp_guard_clear(dp->guard);
}

static bool
sink_local(void *user, const struct net_prefix *within, struct net_addr *out)
{
	struct dp *dp = user;

	return dp_route_local(dp->route, within, out);
}

void
dp_spd_changed(struct dp *dp, const struct sadb_msg *m)
{
	bool ok = true;

	if (m->error != 0)
		return;
	switch (m->op) {
	case SADB_OP_SPDADD:
	case SADB_OP_SPDUPDATE:
		dp->changed = true;
		ok = dp_policy_put(dp->policies, &m->sp);
		break;
	case SADB_OP_SPDDELETE:
	case SADB_OP_SPDDELETE2:
	case SADB_OP_SPDEXPIRE:
		dp->changed = true;
		dp_policy_remove(dp->policies, m->sp.id);
		break;
	case SADB_OP_SPDFLUSH:
		dp->changed = true;
		dp_policies_clear(dp->policies);
		break;
	case SADB_OP_GETSPI:
	case SADB_OP_UPDATE:
	case SADB_OP_ADD:
	case SADB_OP_DELETE:
	case SADB_OP_GET:
	case SADB_OP_ACQUIRE:
	case SADB_OP_REGISTER:
	case SADB_OP_EXPIRE:
	case SADB_OP_FLUSH:
	case SADB_OP_DUMP:
	case SADB_OP_PROMISC:
	case SADB_OP_SPDGET:
	case SADB_OP_SPDDUMP:
	case SADB_OP_MIGRATE:
	case SADB_OP_MAPPING:
		break;
	}
	if (!ok)
		log_line(LOG_L_ERROR, NULL, "datapath: out of memory, a policy has no effect");
}

static void
settle_guard(struct dp *dp, instant now)
{
	char why[160];
	bool again = false;

	if (instant_reached(dp->rebuild_after, now)) {
		if (!dp_policies_settle(dp->policies))
			log_line(LOG_L_ERROR, NULL, "datapath: out of memory for the guard");
	} else {
		again = true;
	}
	if (dp->guard != NULL && !dp_guard_commit(dp->guard, why, sizeof(why))) {
		/* Once more from scratch; a second refusal leaves the guard as it was. */
		dp_policies_rebuild(dp->policies);
		(void)dp_policies_settle(dp->policies);
		if (!dp_guard_commit(dp->guard, why, sizeof(why)))
			log_line(LOG_L_ERROR, NULL, "datapath: the guard against cleartext could "
				"not be changed: %s", why);
	}
	if (!again)
		dp->rebuild_after = instant_add(now,
			REBUILD_SHARE * instant_diff(when_now(), now));
	dp->changed = again;
	if (dp_policies_crowded(dp->policies) != 0 && !dp->warned_crowded) {
		dp->warned_crowded = true;
		log_line(LOG_L_WARNING, NULL, "datapath: inbound policies that require protection "
			"and such that do not alternate too often; cleartext that fits both is "
			"dropped");
	}
}

void
dp_settle(struct dp *dp)
{
	if (dp->readdress) {
		dp->readdress = false;
		dp->changed = true;
		dp_policies_readdress(dp->policies);
	}
	if (dp->changed) {
		settle_guard(dp, when_now());
		dp_route_commit(dp->route);
	}
	dp_out_release(dp, when_now());
}

static bool
routed(void *user, const struct net_prefix *dst)
{
	return dp_policies_routed(user, dst);
}

void
dp_ready(struct dp *dp)
{
	dp_settle(dp);
	dp_route_sweep(dp->route, routed, dp->policies);
	if (dp->guard != NULL)
		dp_guard_sweep(dp->guard);
}

instant
dp_deadline(const struct dp *dp)
{
	return dp->changed ? dp->rebuild_after : INSTANT_NEVER;
}

static void
on_events(uv_poll_t *h, int status, int events)
{
	struct dp *dp = h->data;

	(void)events;
	if (dp_route_events(dp->route))
		dp->readdress = true;
	dp_path_forget_all(&dp->paths);
	if (status < 0)
		uv_poll_start(h, UV_READABLE, on_events);
}

/* ---------------------------------------------------------------------------------- life cycle */

static bool
make_buffers(struct dp *dp)
{
	dp->arena = malloc(DP_ARENA);
	dp->in.buf[0] = malloc((size_t)(DP_BATCH + 1) * DP_ROOM);
	if (dp->arena == NULL || dp->in.buf[0] == NULL)
		return false;
	for (unsigned i = 1; i < DP_BATCH; i++)
		dp->in.buf[i] = dp->in.buf[0] + (size_t)i * DP_ROOM;
	dp->spare = dp->in.buf[0] + (size_t)DP_BATCH * DP_ROOM;
	dp_in_prepare(dp);
	dp->paths.user = dp->send.user = dp;
	dp->paths.ask = ask_mtu;
	eng_set_paths(dp->e, path_mtu, dp);
	dp->send.too_big = too_big;
	dp->send.full = full;
	return true;
}

static void
dispose(struct dp *dp)
{
	eng_set_paths(dp->e, NULL, NULL);
	dp_guard_close(dp->guard);
	if (dp->valid_mark)
		(void)dp_tun_valid_mark(false);
	dp_route_close(dp->route);
	dp_raw_close(&dp->raw);
	dp_tun_close(&dp->tun);
	dp_policies_free(dp->policies);
	dp_defrag_free(dp->defrag);
	free(dp->arena);
	free(dp->in.buf[0]);
	free(watched(dp));
}

static void
watch(struct dp *dp, uv_loop_t *loop, uv_poll_t *h, int fd, uv_poll_cb cb)
{
	if (fd < 0)
		return;
	uv_poll_init(loop, h, fd);
	h->data = dp;
	watched(dp)->handles++;
	if (cb != NULL)
		uv_poll_start(h, UV_READABLE, cb);
}

static void
watch_raw(struct dp *dp)
{
	struct watched *w = watched(dp);

	for (unsigned i = 0; i < DP_RAWS; i++)
		if (w->on_in[i].data == NULL)
			watch(dp, w->loop, &w->on_in[i], dp->raw.in[i], on_raw);
}

void
dp_sad_changed(struct dp *dp, const struct sadb_msg *m)
{
	if (m->error == 0 && m->has_sa && m->sa.proto == SA_IPCOMP && !dp->comp) {
		dp->comp = true;
		dp_raw_open_tunnels(&dp->raw);
		watch_raw(dp);
	}
	if (m->error == 0 && m->has_sa && m->sa.natt && dp->udp != NULL &&
		(m->op == SADB_OP_ADD || m->op == SADB_OP_UPDATE || m->op == SADB_OP_GETSPI)) {
		dp_udp_want(dp->udp, &m->sa.src);
		dp_udp_want(dp->udp, &m->sa.dst);
	}
}

/* Is there a strict reverse path filter to get along with? */
static bool
get_along(struct dp *dp)
{
	char name[DP_TUN_NAME];

	if (!dp_tun_strict(name, sizeof(name)))
		return false;
	dp->valid_mark = dp_tun_valid_mark(true);
	log_line(LOG_L_INFO, NULL, "datapath: the reverse path filter of %s is strict: packets to "
		"this host are marked for it (net.ipv4.conf.all.src_valid_mark); what is forwarded "
		"under a policy for everything may need net.ipv4.conf.%s.rp_filter = 2", name,
		name);
	return true;
}

static bool
open_all(struct dp *dp, char *why, size_t why_size)
{
	struct dp_sink sink = { .user = dp, .route_set = sink_route_set,
		.route_remove = sink_route_remove, .guard_add = sink_guard_add,
		.guard_remove = sink_guard_remove, .guard_clear = sink_guard_clear,
		.local = sink_local };

	dp->policies = dp_policies_new(&sink, dp->o.key);
	dp->defrag = dp_defrag_new();
	if (dp->policies == NULL || dp->defrag == NULL || !make_buffers(dp)) {
		snprintf(why, why_size, "out of memory");
		return false;
	}
	dp->route = dp_route_open(why, why_size);
	if (dp->route == NULL || !dp_raw_open(&dp->raw, why, why_size) ||
		!dp_tun_open(&dp->tun, dp->o.tun, dp->o.mtu, why, why_size) ||
		!dp_route_start(dp->route, dp->tun.index, why, why_size))
		return false;
	dp->gro.udp = dp->tun.udp;
	dp->guard = dp_guard_open(dp->tun.index, get_along(dp), dp->guard_why,
		sizeof(dp->guard_why));
	if (dp->guard == NULL)
		log_line(LOG_L_WARNING, NULL, "datapath: no guard against cleartext (%s): packets "
			"that inbound policies want protected are accepted unprotected",
			dp->guard_why);
	return true;
}

static struct dp_udp *
open_udp(struct dp *dp, uv_loop_t *loop, char *why, size_t why_size)
{
	struct dp_udp_handlers h = { .user = dp, .readable = on_udp_readable,
		.writable = on_udp_writable, .closing = on_udp_closing, .local = is_local };

	return dp_udp_open(loop, dp->o.socket, dp->o.key, &h, why, why_size);
}

struct dp *
dp_new(struct uv_loop_s *loop, struct eng *e, const struct dp_options *o, char *why,
	size_t why_size)
{
	struct watched *w = calloc(1, sizeof(*w));
	struct dp *dp = w == NULL ? NULL : &w->dp;

	if (dp == NULL) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	dp->e = e;
	dp->o = *o;
	dp->tun.fd = -1;
	memset(&dp->raw, 0xff, sizeof(dp->raw)); /* all -1 */
	if (!open_all(dp, why, why_size)) {
		dispose(dp);
		return NULL;
	}
	dp->udp = open_udp(dp, loop, why, why_size);
	if (dp->udp == NULL) {
		dispose(dp);
		return NULL;
	}
	watched(dp)->handles = 1;
	dp->send.udp = dp->udp;
	dp->send.raw[0] = dp->raw.out[0];
	dp->send.raw[1] = dp->raw.out[1];
	watch(dp, loop, &watched(dp)->on_tun, dp->tun.fd, on_tun);
	watch(dp, loop, &watched(dp)->on_events, dp_route_fd(dp->route), on_events);
	watched(dp)->loop = loop;
	watch_raw(dp);
	for (unsigned i = 0; i < 2; i++)
		watch(dp, loop, &watched(dp)->on_room[i], dp->raw.out[i], NULL);
	return dp;
}

static void
gone(struct dp *dp)
{
	void (*closed)(void *user) = watched(dp)->closed;
	void *user = watched(dp)->closed_user;

	if (--watched(dp)->handles != 0)
		return;
	dispose(dp);
	if (closed != NULL)
		closed(user);
}

static void
on_udp_closed(void *user)
{
	gone(user);
}

static void
on_handle_closed(uv_handle_t *h)
{
	gone(h->data);
}

static void
close_poll(uv_poll_t *h)
{
	if (h->data != NULL)
		uv_close((uv_handle_t *)h, on_handle_closed);
}

void
dp_close(struct dp *dp, void (*closed)(void *user), void *user)
{
	watched(dp)->closed = closed;
	watched(dp)->closed_user = user;
	close_poll(&watched(dp)->on_tun);
	close_poll(&watched(dp)->on_events);
	for (unsigned i = 0; i < DP_RAWS; i++)
		close_poll(&watched(dp)->on_in[i]);
	for (unsigned i = 0; i < 2; i++)
		close_poll(&watched(dp)->on_room[i]);
	dp_udp_close(dp->udp, on_udp_closed, dp);
}

void
dp_status(struct dp *dp, struct dp_status *out)
{
	*out = (struct dp_status){ .tun = dp->tun.name, .mtu = dp->o.mtu,
		.routes = dp_policies_routes(dp->policies),
		.guard_rules = dp->guard == NULL ? 0 : dp_policies_guarded(dp->policies),
		.crowded = dp_policies_crowded(dp->policies), .guard = dp->guard != NULL,
		.guard_why = dp->guard_why, .sent = dp->send.sent, .delivered = dp->delivered,
		.send_errors = dp->send.errors, .torn = dp->torn, .cut = dp->cut };
}

uint64_t
dp_cleartext(struct dp *dp)
{
	return dp->guard == NULL ? 0 : dp_guard_dropped(dp->guard);
}
