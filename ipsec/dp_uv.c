/*
 * dp_uv.c - the datapath of the embedded engine on a libuv loop.
 *
 * Called by ipsecd.  Packets are read into buffers with room before and behind, transformed there,
 * and sent from there; system calls are batched and each direction is bounded per turn of the loop.
 * It decides nothing about packets: the engine does.
 */
#include "ipsec/dp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "ipsec/dp_frag.h"
#include "ipsec/dp_policy.h"
#include "ipsec/dp_route.h"
#include "ipsec/dp_tun.h"
#include "lib/log.h"

enum {
	ROOM = ENG_HEADROOM + DP_PACKET_MAX + 1 + ENG_TAILROOM,
	IP_MIN = 20,
	REBUILD_SHARE = 4, /* a guard built anew rests for so many times the time it took */
};

struct path { /* one remembered destination */
	uint32_t addr, mtu;
	instant until;
};

struct dp {
	struct eng *e;
	struct dp_options o;
	struct dp_tun tun;
	struct dp_raw raw;
	struct dp_route *route;
	struct dp_guard *guard;
	char guard_why[160];
	struct dp_policies *policies;
	struct dp_defrag *defrag;
	uv_poll_t on_tun, on_esp, on_ah, on_udp, on_out, on_events;
	unsigned handles;
	void (*closed)(void *user);
	void *closed_user;

	bool changed, readdress;
	instant rebuild_after;
	bool warned_v6, warned_crowded;

	uint8_t *memory;                 /* buffers of both directions */
	uint8_t *out_buf[DP_BATCH], *in_buf[DP_BATCH];
	unsigned waiting;                /* messages in out[] */
	bool stuck;                      /* the raw socket is full; the TUN is not read */
	struct mmsghdr out[DP_BATCH], in[DP_BATCH];
	struct iovec out_iov[DP_BATCH], in_iov[DP_BATCH];
	struct sockaddr_in out_to[DP_BATCH];
	struct path outer[DP_MTU_CACHE]; /* by where packets are sent */
	struct path inner[DP_MTU_CACHE]; /* by what they are for, before they are protected */
	uint64_t sent, delivered, send_errors, torn, cut;
};

/* ------------------------------------------------------------------------------ MTU of a path */

static struct path *
path_slot(struct path *cache, uint32_t addr)
{
	return &cache[(addr * 2654435761u) >> 22 & (DP_MTU_CACHE - 1)];
}

/* Towards the address that an outer packet goes to. */
static uint32_t
outer_mtu(struct dp *dp, instant now, uint32_t addr)
{
	struct path *p = path_slot(dp->outer, addr);
	struct net_addr a;

	if (p->addr == addr && p->mtu != 0 && !instant_reached(p->until, now))
		return p->mtu;
	a = net_ipv4(addr);
	p->addr = addr;
	p->mtu = dp_route_mtu(dp->route, &a);
	p->until = instant_add(now, DP_MTU_CACHE_MS);
	return p->mtu;
}

/* For a packet not protected yet: what was seen of the last one, else its own path's. */
static uint32_t
inner_mtu(struct dp *dp, instant now, uint32_t addr)
{
	const struct path *p = path_slot(dp->inner, addr);
	uint32_t mtu;

	if (p->addr == addr && p->mtu != 0 && !instant_reached(p->until, now))
		return p->mtu;
	mtu = outer_mtu(dp, now, addr);
	return mtu != 0 ? mtu : DP_MTU_GUESS;
}

static void
remember_mtu(struct dp *dp, instant now, uint32_t addr, uint32_t mtu)
{
	struct path *p = path_slot(dp->inner, addr);

	p->addr = addr;
	p->mtu = mtu;
	p->until = instant_add(now, DP_MTU_CACHE_MS);
}

static void
forget_mtus(struct dp *dp)
{
	memset(dp->outer, 0, sizeof(dp->outer));
	memset(dp->inner, 0, sizeof(dp->inner));
}

/* ------------------------------------------------------------------------------------ sending */

static void
refused(struct dp *dp, const struct msghdr *m, int error)
{
	const struct sockaddr_in *to = m->msg_name;

	dp->send_errors++;
	if (error == EMSGSIZE)
		path_slot(dp->outer, ntohl(to->sin_addr.s_addr))->mtu = 0;
	log_line(LOG_L_DEBUG, NULL, "datapath: a packet could not be sent: %s", strerror(error));
}

static void on_room(uv_poll_t *h, int status, int events);
static void on_tun(uv_poll_t *h, int status, int events);

/* Send what waits. When the socket is full, stop reading the TUN until it takes more. */
static void
flush(struct dp *dp)
{
	unsigned done = 0;

	while (done < dp->waiting) {
		int n = sendmmsg(dp->raw.out, dp->out + done, dp->waiting - done, 0);

		if (n > 0) {
			done += (unsigned)n;
			dp->sent += (unsigned)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		refused(dp, &dp->out[done].msg_hdr, n < 0 ? errno : EIO);
		done++;
	}
	if (done == dp->waiting) {
		dp->waiting = 0;
		return;
	}
	/* Keep the rest in front, each message with its buffer. */
	for (unsigned i = 0; done > 0 && done + i < dp->waiting; i++) {
		uint8_t *buf = dp->out_buf[i];

		dp->out_buf[i] = dp->out_buf[done + i];
		dp->out_buf[done + i] = buf;
		dp->out_iov[i] = dp->out_iov[done + i];
		dp->out_to[i] = dp->out_to[done + i];
	}
	dp->waiting -= done;
	dp->stuck = true;
	uv_poll_stop(&dp->on_tun);
	uv_poll_start(&dp->on_out, UV_WRITABLE, on_room);
}

/* Too large for its path: cut into pieces, sent one by one. Rare. */
static void
send_pieces(struct dp *dp, const uint8_t *packet, size_t len, uint32_t mtu)
{
	uint8_t piece[DP_MTU_MAX];
	struct dp_cut cut;
	size_t n;
	struct sockaddr_in to = { .sin_family = AF_INET };

	if (mtu > sizeof(piece))
		mtu = sizeof(piece);
	if (!dp_cut_begin(&cut, packet, len, mtu)) {
		dp->send_errors++;
		return;
	}
	memcpy(&to.sin_addr, packet + 16, 4);
	while ((n = dp_cut_next(&cut, piece)) != 0) {
		struct iovec iov = { piece, n };
		struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov,
			.msg_iovlen = 1 };

		if (sendmsg(dp->raw.out, &m, 0) < 0) {
			refused(dp, &m, errno);
			return; /* the others would be of no use */
		}
	}
	dp->cut++;
	dp->sent++;
}

/* Queue the packet that lies in the next free out buffer. */
static void
send_packet(struct dp *dp, const struct eng_packet *p, uint32_t mtu)
{
	unsigned i = dp->waiting;
	uint8_t *packet = p->buf + p->head;

	if (mtu != 0 && p->len > mtu) {
		/* The kernel numbers packets without an identification, but not pieces. */
		if (get_u16(packet + 4) == 0)
			patch_u16(packet + 4, (uint16_t)(dp->cut + 1));
		flush(dp);
		send_pieces(dp, packet, p->len, mtu);
		return;
	}
	dp->out_iov[i] = (struct iovec){ packet, p->len };
	memcpy(&dp->out_to[i].sin_addr, packet + 16, 4);
	if (++dp->waiting == DP_BATCH)
		flush(dp);
}

static void
to_tun(struct dp *dp, const struct eng_packet *p)
{
	if (write(dp->tun.fd, p->buf + p->head, p->len) >= 0)
		dp->delivered++;
	else
		log_line(LOG_L_DEBUG, NULL, "datapath: the TUN refused a packet: %s",
			strerror(errno));
}

/* ----------------------------------------------------------------------------------- outgoing */

/* A packet of n octets from the stack, in the next free out buffer. */
static void
outgoing(struct dp *dp, instant now, size_t n)
{
	uint8_t *buf = dp->out_buf[dp->waiting], *packet = buf + ENG_HEADROOM;
	struct eng_packet p = { .buf = buf, .room = ROOM, .head = ENG_HEADROOM };
	uint32_t inner, mtu;

	switch (dp_defrag_take(dp->defrag, now, packet, &n)) {
	case DP_WHOLE:
		break;
	case DP_KEPT:
		return;
	case DP_TORN:
		dp->torn++;
		return;
	}
	inner = get_u32(packet + 16);
	p.len = n;
	p.mtu = inner_mtu(dp, now, inner);
	switch (eng_output(dp->e, now, &p)) {
	case ENG_CLEAR:
		mtu = outer_mtu(dp, now, inner);
		if (mtu != 0 && p.len > mtu && dp_refuse(packet, &p.len, mtu))
			to_tun(dp, &p);
		else
			send_packet(dp, &p, mtu);
		return;
	case ENG_SEND:
		mtu = outer_mtu(dp, now, get_u32(p.buf + p.head + 16));
		remember_mtu(dp, now, inner, mtu);
		send_packet(dp, &p, mtu);
		return;
	case ENG_DELIVER:
	case ENG_REPLY:
		to_tun(dp, &p);
		return;
	case ENG_HELD:
	case ENG_DROP:
		return;
	}
}

static void
on_tun(uv_poll_t *h, int status, int events)
{
	struct dp *dp = h->data;
	instant now = when_now();

	(void)events;
	for (unsigned i = 0; i < DP_TURN && !dp->stuck; i++) {
		uint8_t *to = dp->out_buf[dp->waiting] + ENG_HEADROOM;
		ssize_t n = read(dp->tun.fd, to, DP_PACKET_MAX);

		if (n < 0 && (errno == EBADFD || errno == ENODEV || status < 0)) {
			dp->o.broken(dp->o.user, strerror(errno));
			return;
		}
		if (n <= 0)
			break;
		outgoing(dp, now, (size_t)n);
	}
	if (!dp->stuck)
		flush(dp);
}

static void
on_room(uv_poll_t *h, int status, int events)
{
	struct dp *dp = h->data;

	(void)status;
	(void)events;
	uv_poll_stop(&dp->on_out);
	dp->stuck = false;
	uv_poll_start(&dp->on_tun, UV_READABLE, on_tun);
	flush(dp);
}

/* ----------------------------------------------------------------------------------- incoming */

static void
incoming(struct dp *dp, instant now, unsigned i)
{
	struct eng_packet p = { .buf = dp->in_buf[i], .room = ROOM, .head = ENG_HEADROOM,
		.len = dp->in[i].msg_len };

	if (dp->in[i].msg_hdr.msg_flags & MSG_TRUNC) {
		dp->torn++;
		return;
	}
	switch (eng_input(dp->e, now, &p)) {
	case ENG_DELIVER:
	case ENG_REPLY:
		to_tun(dp, &p);
		return;
	case ENG_SEND:
	case ENG_CLEAR:
	case ENG_HELD:
	case ENG_DROP:
		return;
	}
}

static void on_raw(uv_poll_t *h, int status, int events);

/* ICMP about packets of ours. libuv stops watching a descriptor with an error. */
static void
path_errors(struct dp *dp, uv_poll_t *h, int fd)
{
	struct net_addr dst;
	uint32_t spi, mtu;
	int error;
	socklen_t n = sizeof(error);

	for (unsigned i = 0; i < DP_TURN && dp_raw_path_mtu(fd, fd == dp->raw.ah, &dst, &spi, &mtu);
		i++) {
		eng_path_mtu(dp->e, &dst, spi, mtu);
		path_slot(dp->outer, net_ipv4_value(&dst))->mtu = 0;
		memset(dp->inner, 0, sizeof(dp->inner));
	}
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
	uv_poll_start(h, UV_READABLE, on_raw);
}

static void
on_raw(uv_poll_t *h, int status, int events)
{
	struct dp *dp = h->data;
	int fd = h == &dp->on_ah ? dp->raw.ah : h == &dp->on_udp ? dp->raw.udp : dp->raw.esp;
	instant now = when_now();

	(void)events;
	if (status < 0) {
		path_errors(dp, h, fd);
		return;
	}
	for (unsigned done = 0; done < DP_TURN;) {
		int n = recvmmsg(fd, dp->in, DP_BATCH, 0, NULL);

		if (n <= 0)
			break;
		for (unsigned i = 0; i < (unsigned)n; i++)
			incoming(dp, now, i);
		done += (unsigned)n;
		if (n < DP_BATCH)
			break;
	}
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
		if (m->sp.sel.src.addr.family == 6 && !dp->warned_v6) {
			log_line(LOG_L_WARNING, NULL, "datapath: policies for IPv6 are kept and "
				"shown, but IPv6 traffic is not protected");
			dp->warned_v6 = true;
		}
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

static void
release_held(struct dp *dp)
{
	instant now = when_now();

	for (unsigned i = 0; i < DP_TURN && !dp->stuck; i++) {
		struct eng_packet p = { .buf = dp->out_buf[dp->waiting], .room = ROOM };

		if (!eng_release(dp->e, now, &p))
			break;
		send_packet(dp, &p, outer_mtu(dp, now, get_u32(p.buf + p.head + 16)));
	}
	if (!dp->stuck)
		flush(dp);
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
	release_held(dp);
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
	forget_mtus(dp);
	if (status < 0)
		uv_poll_start(h, UV_READABLE, on_events);
}

/* ---------------------------------------------------------------------------------- life cycle */

static bool
make_buffers(struct dp *dp)
{
	dp->memory = calloc(2 * DP_BATCH, ROOM);
	if (dp->memory == NULL)
		return false;
	for (unsigned i = 0; i < DP_BATCH; i++) {
		dp->out_buf[i] = dp->memory + (size_t)i * ROOM;
		dp->in_buf[i] = dp->memory + (size_t)(DP_BATCH + i) * ROOM;
		dp->out_to[i].sin_family = AF_INET;
		dp->out[i].msg_hdr = (struct msghdr){ .msg_name = &dp->out_to[i],
			.msg_namelen = sizeof(dp->out_to[i]), .msg_iov = &dp->out_iov[i],
			.msg_iovlen = 1 };
		dp->in_iov[i] = (struct iovec){ dp->in_buf[i] + ENG_HEADROOM, DP_PACKET_MAX };
		dp->in[i].msg_hdr = (struct msghdr){ .msg_iov = &dp->in_iov[i], .msg_iovlen = 1 };
	}
	return true;
}

static void
dispose(struct dp *dp)
{
	dp_guard_close(dp->guard);
	dp_route_close(dp->route);
	dp_raw_close(&dp->raw);
	dp_tun_close(&dp->tun);
	dp_policies_free(dp->policies);
	dp_defrag_free(dp->defrag);
	free(dp->memory);
	free(dp);
}

static void
watch(struct dp *dp, uv_loop_t *loop, uv_poll_t *h, int fd, uv_poll_cb cb)
{
	uv_poll_init(loop, h, fd);
	h->data = dp;
	dp->handles++;
	if (cb != NULL)
		uv_poll_start(h, UV_READABLE, cb);
}

static void
warn_of_filter(void)
{
	char name[DP_TUN_NAME];

	if (dp_tun_strict(name, sizeof(name)))
		log_line(LOG_L_WARNING, NULL, "datapath: the reverse path filter of %s is strict "
			"and will drop packets of peers in transport mode: set "
			"net.ipv4.conf.%s.rp_filter to 2 (loose)", name, name);
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
	warn_of_filter();
	dp->guard = dp_guard_open(dp->tun.index, dp->guard_why, sizeof(dp->guard_why));
	if (dp->guard == NULL)
		log_line(LOG_L_WARNING, NULL, "datapath: no guard against cleartext (%s): packets "
			"that inbound policies want protected are accepted unprotected",
			dp->guard_why);
	return true;
}

struct dp *
dp_new(struct uv_loop_s *loop, struct eng *e, const struct dp_options *o, char *why,
	size_t why_size)
{
	struct dp *dp = calloc(1, sizeof(*dp));

	if (dp == NULL) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	dp->e = e;
	dp->o = *o;
	dp->tun.fd = dp->raw.esp = dp->raw.ah = dp->raw.udp = dp->raw.out = -1;
	if (!open_all(dp, why, why_size)) {
		dispose(dp);
		return NULL;
	}
	watch(dp, loop, &dp->on_tun, dp->tun.fd, on_tun);
	watch(dp, loop, &dp->on_esp, dp->raw.esp, on_raw);
	watch(dp, loop, &dp->on_ah, dp->raw.ah, on_raw);
	watch(dp, loop, &dp->on_udp, dp->raw.udp, on_raw);
	watch(dp, loop, &dp->on_out, dp->raw.out, NULL);
	watch(dp, loop, &dp->on_events, dp_route_fd(dp->route), on_events);
	return dp;
}

static void
on_handle_closed(uv_handle_t *h)
{
	struct dp *dp = h->data;
	void (*closed)(void *user) = dp->closed;
	void *user = dp->closed_user;

	if (--dp->handles != 0)
		return;
	dispose(dp);
	if (closed != NULL)
		closed(user);
}

void
dp_close(struct dp *dp, void (*closed)(void *user), void *user)
{
	uv_poll_t *all[] = { &dp->on_tun, &dp->on_esp, &dp->on_ah, &dp->on_udp, &dp->on_out,
		&dp->on_events };

	dp->closed = closed;
	dp->closed_user = user;
	for (unsigned i = 0; i < ARRAY_LEN(all); i++)
		uv_close((uv_handle_t *)all[i], on_handle_closed);
}

void
dp_status(struct dp *dp, struct dp_status *out)
{
	*out = (struct dp_status){ .tun = dp->tun.name, .mtu = dp->o.mtu,
		.routes = dp_policies_routes(dp->policies),
		.guard_rules = dp->guard == NULL ? 0 : dp_policies_guarded(dp->policies),
		.crowded = dp_policies_crowded(dp->policies), .guard = dp->guard != NULL,
		.guard_why = dp->guard_why, .sent = dp->sent, .delivered = dp->delivered,
		.send_errors = dp->send_errors, .torn = dp->torn, .cut = dp->cut };
}

uint64_t
dp_cleartext(struct dp *dp)
{
	return dp->guard == NULL ? 0 : dp_guard_dropped(dp->guard);
}
