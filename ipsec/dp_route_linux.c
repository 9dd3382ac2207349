/*
 * dp_route_linux.c - policy routing over rtnetlink.
 *
 * Called by the datapath (dp_uv.c).  The kernel's rule and table numbers stay in here; nothing but
 * our own table and our own rule is ever changed.  Routes through the TUN vanish with the device,
 * and both outlive a process that is killed: its packets are lost then, not sent in clear.  The
 * next one takes them over.
 */
#include "ipsec/dp_route.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ipsec/dp_nl.h"
#include "ipsec/sadb.h"
#include "lib/log.h"

enum { RULES_LEFT_MAX = 16 };

struct dp_route {
	struct dp_nl nl, events;
	unsigned tun;
	bool ruled;
	unsigned refused;
	bool changed; /* set while events are read */
	size_t addresses;
	struct net_addr address[DP_ADDRESSES_MAX];
};

/* --------------------------------------------------------------------------------- what exists */

static void
on_address(void *user, uint16_t type, struct bytes body)
{
	struct dp_route *r = user;
	struct reader in = reader_of(body);
	struct ifaddrmsg h;
	struct bytes value, local = { 0 };
	uint16_t attr;

	if (type != RTM_NEWADDR && type != RTM_DELADDR)
		return;
	r->changed = true;
	read_copy(&in, &h, sizeof(h));
	if (in.bad || type != RTM_NEWADDR || h.ifa_scope == RT_SCOPE_HOST ||
		(h.ifa_family == AF_INET6 && h.ifa_scope == RT_SCOPE_LINK))
		return;
	/* IPv6 has IFA_LOCAL only where the other end's address is told too. */
	while (dp_nl_attr(&in, &attr, &value))
		if (attr == IFA_LOCAL || (attr == IFA_ADDRESS && local.n == 0))
			local = value;
	if (local.n == (h.ifa_family == AF_INET6 ? 16 : 4) && r->addresses < DP_ADDRESSES_MAX)
		r->address[r->addresses++] = net_addr_from(local.n == 4 ? 4 : 6, local.p);
}

static bool
learn_addresses(struct dp_route *r)
{
	struct ifaddrmsg h = { .ifa_family = AF_UNSPEC };

	r->addresses = 0;
	dp_nl_begin(&r->nl, RTM_GETADDR, NLM_F_DUMP, &h, sizeof(h));
	return dp_nl_ask(&r->nl, on_address, r);
}

static void
on_rule(void *user, uint16_t type, struct bytes body)
{
	unsigned *ours = user;
	struct reader in = reader_of(body);
	struct fib_rule_hdr h;
	struct bytes value;
	uint16_t attr;
	uint32_t table = 0, preference = 0, mark = 0;

	read_copy(&in, &h, sizeof(h));
	if (type != RTM_NEWRULE || in.bad)
		return;
	while (dp_nl_attr(&in, &attr, &value)) {
		if (attr == FRA_TABLE)
			table = dp_nl_value32(value);
		else if (attr == FRA_PRIORITY)
			preference = dp_nl_value32(value);
		else if (attr == FRA_FWMARK)
			mark = dp_nl_value32(value);
	}
	*ours += table == DP_ROUTE_TABLE && preference == DP_ROUTE_PREFERENCE &&
		mark == SADB_BYPASS_MARK;
}

/* ---------------------------------------------------------------------------------- rule, table */

static void
count_refused(void *user, uint32_t seq, int error)
{
	struct dp_route *r = user;

	(void)seq;
	if (error == EEXIST) /* the rule of a killed predecessor */
		return;
	/* A route that is gone already went with an address or a device. */
	if (error == ESRCH)
		return;
	if (r->refused++ == 0)
		log_line(LOG_L_ERROR, NULL, "datapath: a route was refused: %s", strerror(error));
}

static void
put_rule(struct dp_route *r, uint8_t family, uint16_t type, uint16_t flags)
{
	struct fib_rule_hdr h = { .family = family, .action = FR_ACT_TO_TBL,
		.flags = FIB_RULE_INVERT };

	dp_nl_begin(&r->nl, type, flags, &h, sizeof(h));
	dp_nl_u32(&r->nl, FRA_PRIORITY, DP_ROUTE_PREFERENCE);
	dp_nl_u32(&r->nl, FRA_FWMARK, SADB_BYPASS_MARK);
	dp_nl_u32(&r->nl, FRA_FWMASK, UINT32_MAX);
	dp_nl_u32(&r->nl, FRA_TABLE, DP_ROUTE_TABLE);
}

static void
drop_rules(struct dp_route *r, uint8_t family)
{
	struct fib_rule_hdr h = { .family = family };
	unsigned ours = 0;

	dp_nl_begin(&r->nl, RTM_GETRULE, NLM_F_DUMP, &h, sizeof(h));
	(void)dp_nl_ask(&r->nl, on_rule, &ours);
	for (unsigned i = 0; i < ours && i < RULES_LEFT_MAX; i++)
		put_rule(r, family, RTM_DELRULE, 0);
	(void)dp_nl_send(&r->nl, NULL, NULL);
}

struct dp_route *
dp_route_open(char *why, size_t why_size)
{
	struct dp_route *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	r->events.fd = -1;
	if (!dp_nl_open(&r->nl, NETLINK_ROUTE, 0) ||
		!dp_nl_open(&r->events, NETLINK_ROUTE, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR) ||
		!learn_addresses(r)) {
		snprintf(why, why_size, "netlink: %s", strerror(errno));
		dp_nl_close(&r->nl);
		dp_nl_close(&r->events);
		free(r);
		return NULL;
	}
	return r;
}

bool
dp_route_start(struct dp_route *r, unsigned tun, char *why, size_t why_size)
{
	r->tun = tun;
	r->refused = 0;
	/* A host may have no IPv6 at all. */
	put_rule(r, AF_INET6, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	(void)dp_nl_send(&r->nl, NULL, NULL);
	put_rule(r, AF_INET, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	if (dp_nl_send(&r->nl, count_refused, r) && r->refused == 0) {
		r->ruled = true;
		return true;
	}
	snprintf(why, why_size, "the routing rule was refused: %s", strerror(errno));
	return false;
}

void
dp_route_close(struct dp_route *r)
{
	if (r == NULL)
		return;
	r->nl.n = 0;
	r->nl.messages = 0;
	if (r->ruled) {
		drop_rules(r, AF_INET);
		drop_rules(r, AF_INET6);
	}
	dp_nl_close(&r->nl);
	dp_nl_close(&r->events);
	free(r);
}

/* -------------------------------------------------------------------------------------- routes */

static uint8_t
family_of(const struct net_addr *a)
{
	return a->family == 6 ? AF_INET6 : AF_INET;
}

static void
begin_route(struct dp_route *r, uint16_t type, uint16_t flags, const struct net_prefix *dst)
{
	struct rtmsg h = { .rtm_family = family_of(&dst->addr), .rtm_dst_len = dst->len,
		.rtm_table = RT_TABLE_UNSPEC, .rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_LINK, .rtm_type = RTN_UNICAST };

	dp_nl_begin(&r->nl, type, flags, &h, sizeof(h));
	dp_nl_put(&r->nl, RTA_DST, dst->addr.b, net_addr_bits(&dst->addr) / 8);
	dp_nl_u32(&r->nl, RTA_TABLE, DP_ROUTE_TABLE);
	dp_nl_u32(&r->nl, RTA_OIF, r->tun);
}

static void
send_when_full(struct dp_route *r)
{
	if (r->nl.messages >= DP_ROUTE_GATHER &&
		!dp_nl_send(&r->nl, count_refused, r))
		log_line(LOG_L_ERROR, NULL, "datapath: netlink: %s", strerror(errno));
}

void
dp_route_set(struct dp_route *r, const struct net_prefix *dst, const struct net_addr *src)
{
	begin_route(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, dst);
	if (src != NULL)
		dp_nl_put(&r->nl, RTA_PREFSRC, src->b, net_addr_bits(src) / 8);
	send_when_full(r);
}

void
dp_route_remove(struct dp_route *r, const struct net_prefix *dst)
{
	begin_route(r, RTM_DELROUTE, 0, dst);
	send_when_full(r);
}

unsigned
dp_route_commit(struct dp_route *r)
{
	unsigned refused;

	if (!dp_nl_send(&r->nl, count_refused, r))
		log_line(LOG_L_ERROR, NULL, "datapath: netlink: %s", strerror(errno));
	refused = r->refused;
	r->refused = 0;
	return refused;
}

struct sweep {
	bool (*keep)(void *user, const struct net_prefix *dst);
	void *user;
	struct net_prefix *gone;
	size_t count, room;
};

static void
on_route(void *user, uint16_t type, struct bytes body)
{
	struct sweep *s = user;
	struct reader in = reader_of(body);
	struct rtmsg h;
	struct bytes value;
	uint16_t attr;
	uint32_t table = 0;
	struct net_prefix dst = { { 0 }, 0 };

	read_copy(&in, &h, sizeof(h));
	if (type != RTM_NEWROUTE || in.bad)
		return;
	dst.len = h.rtm_dst_len;
	dst.addr.family = h.rtm_family == AF_INET6 ? 6 : 4;
	while (dp_nl_attr(&in, &attr, &value)) {
		if (attr == RTA_TABLE)
			table = dp_nl_value32(value);
		if (attr == RTA_DST && value.n == (dst.addr.family == 6 ? 16 : 4))
			memcpy(dst.addr.b, value.p, value.n);
	}
	if (table != DP_ROUTE_TABLE || s->keep(s->user, &dst))
		return;
	if (s->count == s->room) {
		size_t room = s->room == 0 ? 64 : s->room * 2;
		struct net_prefix *gone = realloc(s->gone, room * sizeof(*gone));

		if (gone == NULL)
			return;
		s->gone = gone;
		s->room = room;
	}
	s->gone[s->count++] = dst;
}

void
dp_route_sweep(struct dp_route *r, bool (*keep)(void *user, const struct net_prefix *dst),
	void *user)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct sweep s = { .keep = keep, .user = user };

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		struct rtmsg h = { .rtm_family = families[i] };

		dp_nl_begin(&r->nl, RTM_GETROUTE, NLM_F_DUMP, &h, sizeof(h));
		dp_nl_u32(&r->nl, RTA_TABLE, DP_ROUTE_TABLE);
		(void)dp_nl_ask(&r->nl, on_route, &s);
	}
	for (size_t i = 0; i < s.count; i++)
		dp_route_remove(r, &s.gone[i]);
	(void)dp_route_commit(r);
	free(s.gone);
}

/* ----------------------------------------------------------------------------------- questions */

bool
dp_route_local(const struct dp_route *r, const struct net_prefix *within, struct net_addr *out)
{
	bool found = false;

	for (size_t i = 0; i < r->addresses; i++) {
		const struct net_addr *a = &r->address[i];

		if (!net_prefix_contains(within, a))
			continue;
		if (!found || net_addr_equal(a, &within->addr))
			*out = *a;
		found = true;
	}
	return found;
}

struct path {
	uint32_t oif, mtu;
};

static void
on_path(void *user, uint16_t type, struct bytes body)
{
	struct path *path = user;
	struct reader in = reader_of(body);
	struct bytes value, metric;
	uint16_t attr, inner;

	read_skip(&in, sizeof(struct rtmsg));
	while (type == RTM_NEWROUTE && dp_nl_attr(&in, &attr, &value)) {
		if (attr == RTA_OIF)
			path->oif = dp_nl_value32(value);
		if (attr != RTA_METRICS)
			continue;
		for (struct reader m = reader_of(value); dp_nl_attr(&m, &inner, &metric);)
			if (inner == RTAX_MTU)
				path->mtu = dp_nl_value32(metric);
	}
}

static uint32_t
device_mtu(uint32_t index)
{
	struct ifreq ifr = { 0 };
	uint32_t mtu = 0;
	int fd;

	if (if_indextoname(index, ifr.ifr_name) == NULL)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && ioctl(fd, SIOCGIFMTU, &ifr) == 0)
		mtu = (uint32_t)ifr.ifr_mtu;
	if (fd >= 0)
		close(fd);
	return mtu;
}

uint32_t
dp_route_mtu(struct dp_route *r, const struct net_addr *dst)
{
	struct rtmsg h = { .rtm_family = family_of(dst),
		.rtm_dst_len = (uint8_t)net_addr_bits(dst) };
	struct path path = { 0, 0 };
	uint32_t mtu;

	if (dst->family == 0 || r->nl.messages != 0)
		return 0;
	dp_nl_begin(&r->nl, RTM_GETROUTE, 0, &h, sizeof(h));
	dp_nl_put(&r->nl, RTA_DST, dst->b, net_addr_bits(dst) / 8);
	dp_nl_u32(&r->nl, RTA_MARK, SADB_BYPASS_MARK);
	if (!dp_nl_ask(&r->nl, on_path, &path) || path.oif == 0)
		return 0;
	mtu = device_mtu(path.oif);
	return path.mtu != 0 && (mtu == 0 || path.mtu < mtu) ? path.mtu : mtu;
}

int
dp_route_fd(const struct dp_route *r)
{
	return r->events.fd;
}

bool
dp_route_events(struct dp_route *r)
{
	r->changed = false;
	if (!dp_nl_events(&r->events, on_address, r))
		r->changed = true;
	if (r->changed && (r->nl.messages != 0 || !learn_addresses(r)))
		log_line(LOG_L_WARNING, NULL, "datapath: local addresses could not be read again");
	return r->changed;
}
