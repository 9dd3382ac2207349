/*
 * sockets_uv.c - the UDP sockets of IKE: one for each address of this host, or for each one listed.
 *
 * Called by host_uv.c.  Addresses come and go: the kernel says so (rtnetlink), and every ten
 * seconds they are looked at anyway.  A message leaves through the socket of its local address, so
 * the peer sees the address it knows.  Packets carry a mark that keeps the IPsec engine's hands off
 * them.
 */
#include "racoon/daemon/host_uv.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "ipsec/sadb_encap.h"
#include "lib/log.h"
#include "racoon/daemon/events.h"
#include "racoon/daemon/udp.h"

enum { NON_ESP_MARKER = 4, NATT_KEEPALIVE = 1 };

struct sock {
	struct list node;
	struct hash_node by_address;
	uv_poll_t poll;
	struct rd *d;
	struct net_endpoint local;
	int fd;
	bool natt;   /* for NAT traversal: a marker tells IKE from ESP */
	bool marked_esp; /* not for NAT traversal, and ESP comes behind eight zero octets */
	bool shared; /* the SA database takes the ESP out of it */
	int passed;  /* … and passes on the rest here; -1: it comes out of fd */
	uv_poll_t *passed_poll;
	bool wanted; /* by the scan that is under way */
};

struct rd_sockets {
	struct list all;
	struct hash_table by_address;
	size_t count;
	uv_timer_t scan;
	uv_poll_t route;
	int route_fd;
	struct list failed; /* told about, so that each is told once */
	bool mark_told, strict_failed, first;
	struct net_endpoint local[RD_SOCKETS_MAX], natt[RD_SOCKETS_MAX];
	struct iovec iov[RD_DATAGRAMS];
	struct mmsghdr msg[RD_DATAGRAMS];
	struct sockaddr_storage from[RD_DATAGRAMS];
	uint8_t octets[RD_DATAGRAMS][IKE_DATAGRAM_MAX];
};

struct failed { /* an address that could not be bound */
	struct list node;
	struct net_endpoint local;
};

/* ----------------------------------------------------------------------------------- receiving */

/* RFC 3948 2.2, 2.3: four zero octets before IKE's messages; one octet is a keepalive. */
static void
give_engine(struct sock *s, const struct net_endpoint *remote, struct bytes octets)
{
	static const uint8_t marker[NON_ESP_MARKER];
	struct ike_event ev = { .type = IKE_EV_DATAGRAM };

	if (s->natt) {
		if (octets.n < sizeof(marker) || memcmp(octets.p, marker, sizeof(marker)) != 0)
			return; /* ESP or a keepalive, before the SA database has the socket */
		octets = bytes_of(octets.p + sizeof(marker), octets.n - sizeof(marker));
	} else if (octets.n == NATT_KEEPALIVE && octets.p[0] == 0xff) {
		return;
	}
	ev.datagram.local = s->local;
	ev.datagram.remote = *remote;
	ev.datagram.natt = s->natt;
	ev.datagram.octets = octets;
	rd_capture_datagram(s->d, remote, &s->local, s->natt, octets);
	rd_step(s->d, &ev);
	rd_capture_key(s->d, octets);
}

static void
take_datagram(struct sock *s, const struct mmsghdr *m, uint8_t *octets)
{
	struct net_endpoint remote;

	if (m->msg_hdr.msg_flags & MSG_TRUNC || !net_from_sockaddr(m->msg_hdr.msg_name, &remote))
		return;
	give_engine(s, &remote, bytes_of(octets, m->msg_len));
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct sock *s = poll->data;
	struct rd_sockets *all = s->d->sockets;

	(void)status;
	(void)events;
	for (int round = 0; round < RD_ROUNDS; round++) {
		int n;

		for (int i = 0; i < RD_DATAGRAMS; i++) {
			all->iov[i] = (struct iovec){ all->octets[i], IKE_DATAGRAM_MAX };
			all->msg[i].msg_hdr = (struct msghdr){ .msg_name = &all->from[i],
				.msg_namelen = sizeof(all->from[i]), .msg_iov = &all->iov[i],
				.msg_iovlen = 1 };
		}
		n = recvmmsg(s->fd, all->msg, RD_DATAGRAMS, MSG_DONTWAIT, NULL);
		/* An ICMP error about an earlier message comes out of here: retransmission's
		 * business. */
		for (int i = 0; i < n; i++)
			take_datagram(s, &all->msg[i], all->octets[i]);
		if (n < RD_DATAGRAMS || uv_is_closing((uv_handle_t *)poll))
			return;
	}
}

/* -------------------------------------------------------------- sharing with the SA database */

static void
on_poll_closed(uv_handle_t *h)
{
	free(h);
}

static void
take_back(struct sock *s)
{
	s->shared = false;
	if (s->passed_poll == NULL)
		return;
	uv_poll_stop(s->passed_poll);
	uv_close((uv_handle_t *)s->passed_poll, on_poll_closed);
	s->passed_poll = NULL;
	close(s->passed);
	s->passed = -1;
}

/* What the embedded engine read from our socket and is not ESP; its end means: read it yourself. */
static void
on_passed(uv_poll_t *poll, int status, int events)
{
	struct sock *s = poll->data;
	struct rd_sockets *all = s->d->sockets;
	struct net_endpoint remote, local;

	(void)events;
	for (int i = 0; status == 0 && i < RD_DATAGRAMS * RD_ROUNDS; i++) {
		ssize_t n = sadb_encap_read(s->passed, all->octets[0], IKE_DATAGRAM_MAX, &remote,
			&local);

		if (n > 0) {
			give_engine(s, &remote, bytes_of(all->octets[0], (size_t)n));
			if (s->passed < 0)
				return; /* closed by what it said */
			continue;
		}
		if (n < 0 && errno != ECONNRESET)
			return; /* nothing more, or one that was not for us */
		status = UV_EOF;
	}
	if (status == 0)
		return;
	take_back(s);
	uv_poll_start(&s->poll, UV_READABLE, on_readable);
}

static struct sock *sock_for(const struct rd_sockets *all, const struct net_endpoint *local);

static void
share(struct rd *d, struct sock *s)
{
	char why[256], text[NET_ENDPOINT_TEXT];
	int from;

	if (!(s->natt || s->marked_esp) || s->shared || d->sadb == NULL ||
		!sadb_client_is_up(d->sadb))
		return;
	if (sadb_encap(sadb_client_backend(d->sadb), d->options->sadb, s->fd, !s->natt, &from,
		    why, sizeof(why)) != ST_NORMAL) {
		log_line(LOG_L_ERROR, NULL, "%s: ESP in UDP will not pass: %s",
			net_endpoint_text(text, sizeof(text), &s->local), why);
		return;
	}
	s->shared = true;
	if (from == s->fd)
		return;
	s->passed_poll = calloc(1, sizeof(*s->passed_poll));
	if (s->passed_poll == NULL || uv_poll_init(&d->loop, s->passed_poll, from) != 0) {
		free(s->passed_poll);
		s->passed_poll = NULL;
		s->shared = false;
		close(from);
		return;
	}
	s->passed = from;
	s->passed_poll->data = s;
	uv_poll_stop(&s->poll);
	uv_poll_start(s->passed_poll, UV_READABLE, on_passed);
}

void
rd_sockets_share(struct rd *d)
{
	if (d->sockets == NULL)
		return;
	LIST_FOREACH(at, &d->sockets->all)
		share(d, container_of(at, struct sock, node));
}

/*
 * ESP of this SA comes to an isakmp port, behind the marker of the first drafts: that one socket is
 * shared from now on.
 */
void
rd_sockets_marked_esp(struct rd *d, const struct ipsec_sa *sa)
{
	const struct net_endpoint *ends[] = { &sa->src, &sa->dst };

	for (size_t i = 0; i < ARRAY_LEN(ends) && d->sockets != NULL; i++) {
		struct sock *s = sock_for(d->sockets, ends[i]);

		if (s == NULL || s->natt || s->marked_esp)
			continue;
		s->marked_esp = true;
		share(d, s);
	}
}

/* ------------------------------------------------------------------------------------- sending */

static uint64_t
address_hash(const struct net_addr *a)
{
	uint64_t h = 0;

	for (size_t i = 0; i < sizeof(a->b); i += 8)
		h = hash_more(h, get_u64(a->b + i));
	return h;
}

static struct sock *
sock_for(const struct rd_sockets *all, const struct net_endpoint *local)
{
	struct hash_node *n = hash_find(&all->by_address, address_hash(&local->addr));

	for (; n != NULL; n = hash_again(n)) {
		struct sock *s = container_of(n, struct sock, by_address);

		if (net_endpoint_equal(&s->local, local))
			return s;
	}
	return NULL;
}

void
rd_sockets_send(struct rd *d, const struct ike_effect *fx)
{
	const struct sock *s = sock_for(d->sockets, &fx->send.local);
	char local[NET_ENDPOINT_TEXT], remote[NET_ADDR_TEXT], id[RD_SA_TEXT];
	uint8_t marker[NON_ESP_MARKER] = { 0 };
	struct sockaddr_storage to;
	struct iovec iov[2];
	struct msghdr m = { .msg_name = &to, .msg_iov = iov };

	if (s == NULL) {
		log_line(LOG_L_WARNING,
			net_addr_text(remote, sizeof(remote), &fx->send.remote.addr),
			"no socket at %s any longer: a message is not sent%s",
			net_endpoint_text(local, sizeof(local), &fx->send.local),
			rd_sa_text(id, sizeof(id), fx->send.serial));
		return;
	}
	rd_capture_datagram(d, &s->local, &fx->send.remote, fx->send.natt, fx->send.octets);
	m.msg_namelen = net_to_sockaddr(&fx->send.remote, &to);
	if (fx->send.natt)
		iov[m.msg_iovlen++] = (struct iovec){ marker, sizeof(marker) };
	iov[m.msg_iovlen++] = (struct iovec){ (void *)(uintptr_t)fx->send.octets.p,
		fx->send.octets.n };
	/* `persend` is the engine's: each copy is an effect of its own. */
	if (sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_line(LOG_L_DEBUG,
			net_addr_text(remote, sizeof(remote), &fx->send.remote.addr),
			"sending failed: %s%s", strerror(errno),
			rd_sa_text(id, sizeof(id), fx->send.serial));
}

/* -------------------------------------------------------------------------- opening, closing */

void
rd_tell_unmarked(int error, bool *told)
{
	if (error == 0 || *told)
		return;
	log_line(LOG_L_WARNING, NULL,
		"packets cannot be marked (%s): policies that cover IKE's own packets will "
		"catch them", strerror(error));
	*told = true;
}

static int
socket_at(struct rd *d, const struct net_endpoint *local, bool natt)
{
	int unmarked, error, fd;

	if (d->priv != NULL)
		return priv_bind(d->priv, local, natt);
	fd = udp_open(local, natt, &unmarked);
	error = errno;
	rd_tell_unmarked(unmarked, &d->sockets->mark_told);
	errno = error;
	return fd;
}

static struct failed *
find_failed(struct rd_sockets *all, const struct net_endpoint *local)
{
	LIST_FOREACH(at, &all->failed) {
		struct failed *f = container_of(at, struct failed, node);

		if (net_endpoint_equal(&f->local, local))
			return f;
	}
	return NULL;
}

static void
bind_failed(struct rd *d, const struct net_endpoint *local, int error)
{
	char text[NET_ENDPOINT_TEXT];
	struct failed *f = find_failed(d->sockets, local);

	if (d->config->strict_address && d->config->listens > 0)
		d->sockets->strict_failed = true;
	if (f != NULL)
		return;
	log_line(LOG_L_ERROR, NULL, "%s cannot be used as isakmp port: %s",
		net_endpoint_text(text, sizeof(text), local), strerror(error));
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return;
	f->local = *local;
	list_append(&d->sockets->failed, &f->node);
}

static void
on_sock_closed(uv_handle_t *h)
{
	struct sock *s = h->data;

	close(s->fd);
	free(s);
}

static void
sock_close(struct rd_sockets *all, struct sock *s)
{
	list_remove(&s->node);
	hash_remove(&all->by_address, &s->by_address);
	all->count--;
	take_back(s);
	uv_poll_stop(&s->poll);
	uv_close((uv_handle_t *)&s->poll, on_sock_closed);
}

static void
sock_open(struct rd *d, const struct net_endpoint *local, bool natt)
{
	char text[NET_ENDPOINT_TEXT];
	struct failed *f;
	struct sock *s;
	int fd = socket_at(d, local, natt);

	if (fd < 0) {
		bind_failed(d, local, errno);
		return;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL || uv_poll_init(&d->loop, &s->poll, fd) != 0) {
		free(s);
		close(fd);
		bind_failed(d, local, ENOMEM);
		return;
	}
	s->d = d;
	s->fd = fd;
	s->local = *local;
	s->natt = natt;
	s->passed = -1;
	s->wanted = true;
	s->poll.data = s;
	list_append(&d->sockets->all, &s->node);
	hash_insert(&d->sockets->by_address, &s->by_address, address_hash(&local->addr));
	d->sockets->count++;
	uv_poll_start(&s->poll, UV_READABLE, on_readable);
	f = find_failed(d->sockets, local);
	if (f != NULL) {
		list_remove(&f->node);
		free(f);
	}
	log_line(LOG_L_INFO, NULL, "%s used %s (fd=%d)",
		net_endpoint_text(text, sizeof(text), local),
		natt ? "for NAT-T" : "as isakmp port", fd);
	share(d, s);
}

/* ------------------------------------------------------------------------------------ scanning */

static bool
family_wanted(const struct rd *d, const struct net_addr *a)
{
	return d->options->family == 0 || d->options->family == a->family;
}

/* Are there NAT-T sockets at all, and are their addresses listed? */
static bool
natt_wanted(const struct rc_config *c)
{
	for (unsigned i = 0; i < c->remotes; i++)
		if (c->remote[i]->nat_traversal != RC_OFF)
			return true;
	return false;
}

static bool
lists(const struct rc_config *c, bool natt)
{
	for (unsigned i = 0; i < c->listens; i++)
		if (c->listen[i].natt == natt)
			return true;
	return false;
}

static uint16_t
port_of(const struct rd *d, const struct rc_listen *l)
{
	if (l->natt)
		return l->address.port == RC_NATT_PORT ? d->natt_port : l->address.port;
	return l->address.port == RC_PORT ? d->port : l->address.port;
}

/*
 * The next port to use at an address of this host, or 0.  Where no isakmp_natt is listed, NAT-T
 * goes with the addresses of isakmp.
 */
static uint16_t
port_at(const struct rd *d, const struct net_addr *a, bool natt, unsigned *next)
{
	const struct rc_config *c = d->config;
	bool follow = natt && !lists(c, true);

	if (!family_wanted(d, a) || (follow && !natt_wanted(c)))
		return 0;
	if (follow ? !lists(c, false) : !lists(c, natt) && c->listens == 0)
		return (*next)++ == 0 ? (natt ? d->natt_port : d->port) : 0;
	while (*next < c->listens) {
		const struct rc_listen *l = &c->listen[(*next)++];

		if (l->natt != (natt && !follow) || l->address.addr.family != a->family ||
			memcmp(l->address.addr.b, a->b, sizeof(a->b)) != 0)
			continue;
		if (!follow)
			return port_of(d, l);
		*next = c->listens; /* once, however many ports of isakmp there are */
		return d->natt_port;
	}
	return 0;
}

static void
want_ports(struct rd *d, const struct net_addr *a, bool natt)
{
	struct net_endpoint local = { .addr = *a };
	unsigned next = 0;

	while ((local.port = port_at(d, a, natt, &next)) != 0) {
		struct sock *s = sock_for(d->sockets, &local);

		if (s != NULL && s->natt == natt)
			s->wanted = true;
		else if (s == NULL && d->sockets->count < RD_SOCKETS_MAX)
			sock_open(d, &local, natt);
	}
}

static void
want(struct rd *d, const struct net_addr *a)
{
	want_ports(d, a, false);
	want_ports(d, a, true);
}

static void
tell_engine(struct rd *d)
{
	struct rd_sockets *all = d->sockets;
	struct ike_event ev = { .type = IKE_EV_ADDRESSES };
	size_t n = 0, natts = 0;

	LIST_FOREACH(at, &all->all) {
		const struct sock *s = container_of(at, struct sock, node);

		if (s->natt && natts < RD_SOCKETS_MAX)
			all->natt[natts++] = s->local;
		else if (!s->natt && n < RD_SOCKETS_MAX)
			all->local[n++] = s->local;
	}
	ev.addresses.local = all->local;
	ev.addresses.count = n;
	ev.addresses.natt = all->natt;
	ev.addresses.natts = natts;
	rd_step(d, &ev);
}

/* An address that `listen` names and that no interface has. */
static void
check_listed(struct rd *d)
{
	const struct rc_config *c = d->config;

	for (unsigned i = 0; i < c->listens; i++) {
		struct net_endpoint e = c->listen[i].address;

		if (!family_wanted(d, &e.addr))
			continue;
		e.port = port_of(d, &c->listen[i]);
		if (sock_for(d->sockets, &e) == NULL)
			bind_failed(d, &e, EADDRNOTAVAIL);
	}
}

static void
scan(struct rd *d)
{
	struct rd_sockets *all = d->sockets;
	struct ifaddrs *list = NULL;
	size_t before = all->count, opened, closed = 0;
	struct net_endpoint e;

	if (getifaddrs(&list) != 0) {
		log_line(LOG_L_ERROR, NULL, "interfaces cannot be listed: %s", strerror(errno));
		return;
	}
	LIST_FOREACH(at, &all->all)
		container_of(at, struct sock, node)->wanted = false;
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next)
		if (i->ifa_addr != NULL && (i->ifa_flags & IFF_UP) &&
			net_from_sockaddr(i->ifa_addr, &e))
			want(d, &e.addr);
	freeifaddrs(list);
	opened = all->count - before;
	LIST_FOREACH(at, &all->all) {
		struct sock *s = container_of(at, struct sock, node);
		char text[NET_ENDPOINT_TEXT];

		if (s->wanted)
			continue;
		log_line(LOG_L_INFO, NULL, "%s is gone: its socket is closed",
			net_endpoint_text(text, sizeof(text), &s->local));
		sock_close(all, s);
		closed++;
	}
	check_listed(d);
	if (opened + closed > 0 || all->first)
		tell_engine(d);
	all->first = false;
}

static void
on_scan(uv_timer_t *t)
{
	scan(t->data);
}

static void
on_route(uv_poll_t *poll, int status, int events)
{
	struct rd *d = poll->data;
	char buf[8192];

	(void)status;
	(void)events;
	while (recv(d->sockets->route_fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	/* Several changes come together: look when they have settled. */
	uv_timer_start(&d->sockets->scan, on_scan, RD_SETTLE_MS, RD_SCAN_MS);
}

static void
open_route(struct rd *d)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	struct rd_sockets *all = d->sockets;

	all->route_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (all->route_fd < 0)
		return;
	if (bind(all->route_fd, (struct sockaddr *)&nl, sizeof(nl)) == 0 &&
		uv_poll_init(&d->loop, &all->route, all->route_fd) == 0) {
		all->route.data = d;
		uv_poll_start(&all->route, UV_READABLE, on_route);
		return;
	}
	close(all->route_fd);
	all->route_fd = -1;
}

bool
rd_sockets_open(struct rd *d, char *why, size_t why_size)
{
	struct rd_sockets *all = calloc(1, sizeof(*all));

	if (all == NULL || !hash_init(&all->by_address, 16)) {
		free(all);
		snprintf(why, why_size, "out of memory");
		return false;
	}
	d->sockets = all;
	list_init(&all->all);
	list_init(&all->failed);
	all->first = true;
	all->route_fd = -1;
	uv_timer_init(&d->loop, &all->scan);
	all->scan.data = d;
	scan(d);
	open_route(d);
	uv_timer_start(&all->scan, on_scan, RD_SCAN_MS, RD_SCAN_MS);
	if (all->strict_failed)
		snprintf(why, why_size, "strict_address: not every address listed can be used");
	else if (all->count == 0)
		snprintf(why, why_size, "no address can be used");
	return !all->strict_failed && all->count > 0;
}

void
rd_sockets_rescan(struct rd *d)
{
	scan(d);
}

void
rd_sockets_close(struct rd *d)
{
	struct rd_sockets *all = d->sockets;

	if (all == NULL)
		return;
	LIST_FOREACH(at, &all->all)
		sock_close(all, container_of(at, struct sock, node));
	uv_close((uv_handle_t *)&all->scan, NULL);
	if (all->route_fd >= 0)
		uv_close((uv_handle_t *)&all->route, NULL);
}

void
rd_sockets_free(struct rd *d)
{
	struct rd_sockets *all = d->sockets;

	if (all == NULL)
		return;
	while (!list_empty(&all->failed)) {
		struct failed *f = container_of(all->failed.next, struct failed, node);

		list_remove(&f->node);
		free(f);
	}
	if (all->route_fd >= 0)
		close(all->route_fd);
	hash_free(&all->by_address);
	free(all);
	d->sockets = NULL;
}

/* ------------------------------------------------------------------------------------- host.h */

size_t
rd_sockets_count(const struct rd *d)
{
	return d->sockets == NULL ? 0 : d->sockets->count;
}

bool
rd_socket(const struct rd *d, size_t index, struct net_endpoint *out)
{
	LIST_FOREACH(at, &d->sockets->all)
		if (index-- == 0) {
			*out = container_of(at, struct sock, node)->local;
			return true;
		}
	return false;
}

bool
rd_is_local(const struct rd *d, const struct net_addr *a)
{
	struct hash_node *n = hash_find(&d->sockets->by_address, address_hash(a));

	for (; n != NULL; n = hash_again(n))
		if (net_addr_equal(&container_of(n, struct sock, by_address)->local.addr, a))
			return true;
	return false;
}

bool
rd_route_source(const struct rd *d, const struct net_addr *remote, struct net_addr *out)
{
	struct net_addr a;

	if (remote->family == 0 || !udp_source(remote, &a) || !rd_is_local(d, &a))
		return false;
	*out = a;
	return true;
}
