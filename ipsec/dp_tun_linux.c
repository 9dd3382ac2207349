/*
 * dp_tun_linux.c - Linux's TUN device, and raw sockets for ESP, AH and outer packets.
 *
 * Called by the datapath when it starts.  The device stays when the process is killed, so that its
 * routes lead nowhere rather than packets out in clear.  Only the device's own settings under
 * /proc/sys are touched, and src_valid_mark where a strict reverse path filter makes that needed.
 */
#include "ipsec/dp_tun.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h> /* before the kernel's, which then leave these definitions alone */
#include <net/if.h>
#include <linux/errqueue.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ipsec/dp_nl.h"
#include "ipsec/sadb.h"
#include "lib/log.h"

enum {
	QUEUE_PACKETS = 1000,
	SOCKET_BUFFER = 4 << 20,
	ERROR_ROOM = 512,
	IPV6_MTU_MIN = 1280,
	SEND_OCTETS = 65000, PIECES_MAX = 64, /* of one datagram that is cut */
	PROTECTION = 80, HEADERS = 60,
	F_USO4 = 0x20, F_USO6 = 0x40, /* TUN_F_USO4 and 6: headers of older kernels lack them */
};

/* One setting of our own device; best effort, in a container /proc may be read-only. */
static void
set_device(const char *family, const char *device, const char *what, const char *value)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, device, what);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		log_line(LOG_L_DEBUG, NULL, "datapath: %s = %s: %s", path, value, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* Reverse path filter: 0 off, 1 strict, 2 loose; of a device and of "all" the larger holds. */
static int
filter_of(const char *device)
{
	char path[160], value = '0';
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, &value, 1) != 1)
		value = '0';
	close(fd);
	return value - '0';
}

/* MTU, queue length, up. */
static bool
raise_device(const char *name, unsigned mtu)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_mtu = (int)mtu;
	ok = ioctl(fd, SIOCSIFMTU, &ifr) == 0;
	ifr.ifr_qlen = QUEUE_PACKETS;
	(void)ioctl(fd, SIOCSIFTXQLEN, &ifr);
	ok = ok && ioctl(fd, SIOCGIFFLAGS, &ifr) == 0;
	ifr.ifr_flags |= IFF_UP;
	ok = ok && ioctl(fd, SIOCSIFFLAGS, &ifr) == 0;
	close(fd);
	return ok;
}

/* No address of its own: what has none sends no discoveries through the tunnel. */
static void
prepare_ipv6(const char *name, unsigned mtu)
{
	set_device("ipv6", name, "addr_gen_mode", "1");
	set_device("ipv6", name, "accept_ra", "0");
	set_device("ipv6", name, "disable_ipv6", mtu >= IPV6_MTU_MIN ? "0" : "1");
}

/* Let the stack hand over super-packets: of TCP, and of UDP where the kernel can (since 6.2). */
static void
ask_offloads(struct dp_tun *t)
{
	unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

	t->udp = ioctl(t->fd, TUNSETOFFLOAD, tcp | F_USO4 | F_USO6) == 0;
	if (!t->udp && ioctl(t->fd, TUNSETOFFLOAD, tcp) < 0)
		log_line(LOG_L_DEBUG, NULL, "datapath: TUN without offloads: %s", strerror(errno));
}

/* A device that is there already and has no process. */
static bool
take_over(int fd, const char *name, struct ifreq *ifr)
{
	size_t n = strcspn(name, "%");
	struct if_nameindex *all = if_nameindex();
	bool taken = false;

	for (struct if_nameindex *i = all; i != NULL && i->if_index != 0 && !taken; i++) {
		const char *rest = i->if_name + n;

		if (strncmp(i->if_name, name, n) != 0 || (name[n] == '%' ?
			*rest == '\0' || rest[strspn(rest, "0123456789")] != '\0' : *rest != '\0'))
			continue;
		memset(ifr->ifr_name, 0, sizeof(ifr->ifr_name));
		memcpy(ifr->ifr_name, i->if_name, strnlen(i->if_name, sizeof(ifr->ifr_name) - 1));
		taken = ioctl(fd, TUNSETIFF, ifr) == 0;
	}
	if (all != NULL)
		if_freenameindex(all);
	if (!taken)
		snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	return taken;
}

/*
 * Super-packets whose protected pieces fit one datagram (UDP_SEGMENT) are sent with one system
 * call; a larger one would take two, the second a short one.
 */
static void
limit_super(unsigned index, unsigned mtu)
{
	struct ifinfomsg h = { .ifi_index = (int)index };
	unsigned pieces = SEND_OCTETS / (mtu + PROTECTION);
	struct dp_nl nl;

	if (!dp_nl_open(&nl, NETLINK_ROUTE, 0))
		return;
	dp_nl_begin(&nl, RTM_NEWLINK, 0, &h, sizeof(h));
	dp_nl_u32(&nl, IFLA_GSO_MAX_SIZE, (pieces > PIECES_MAX ? PIECES_MAX : pieces) *
		(mtu - HEADERS));
	(void)dp_nl_send(&nl, NULL, NULL);
	dp_nl_close(&nl);
}

bool
dp_tun_open(struct dp_tun *t, const char *name, unsigned mtu, char *why, size_t why_size)
{
	struct ifreq ifr = { 0 };
	const char *doing = "/dev/net/tun";

	memset(t, 0, sizeof(*t));
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd >= 0) {
		doing = name;
		snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
		ifr.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
		if ((take_over(t->fd, name, &ifr) || ioctl(t->fd, TUNSETIFF, &ifr) == 0) &&
			ioctl(t->fd, TUNSETPERSIST, 1) == 0) {
			memcpy(t->name, ifr.ifr_name, sizeof(t->name));
			t->name[sizeof(t->name) - 1] = '\0';
			t->index = if_nametoindex(t->name);
			/* What it delivers was checked; its routes are ours. */
			set_device("ipv4", t->name, "rp_filter", filter_of("all") == 1 ? "2" : "0");
			set_device("ipv4", t->name, "send_redirects", "0");
			prepare_ipv6(t->name, mtu);
			ask_offloads(t);
			limit_super(t->index, mtu);
			if (t->index != 0 && raise_device(t->name, mtu))
				return true;
		}
	}
	snprintf(why, why_size, "TUN device: %s: %s", doing, strerror(errno));
	dp_tun_close(t);
	return false;
}

void
dp_tun_close(struct dp_tun *t)
{
	if (t->fd >= 0) {
		(void)ioctl(t->fd, TUNSETPERSIST, 0);
		close(t->fd);
	}
	t->fd = -1;
}

bool
dp_tun_strict(char *name, size_t size)
{
	struct if_nameindex *all = if_nameindex();
	int common = filter_of("all");
	bool found = false;

	for (struct if_nameindex *i = all; i != NULL && i->if_index != 0 && !found; i++) {
		int own = filter_of(i->if_name);

		if (strcmp(i->if_name, "lo") == 0 || (own > common ? own : common) != 1)
			continue;
		snprintf(name, size, "%s", i->if_name);
		found = true;
	}
	if (all != NULL)
		if_freenameindex(all);
	return found;
}

bool
dp_tun_valid_mark(bool on)
{
	char value = '0';
	int fd = open("/proc/sys/net/ipv4/conf/all/src_valid_mark", O_RDWR | O_CLOEXEC);
	bool was;

	if (fd < 0)
		return false;
	was = read(fd, &value, 1) == 1 && value == '1';
	if (was != on && (lseek(fd, 0, SEEK_SET) < 0 || write(fd, on ? "1" : "0", 1) != 1))
		log_line(LOG_L_WARNING, NULL, "datapath: src_valid_mark: %s", strerror(errno));
	close(fd);
	return was != on;
}

/* ---------------------------------------------------------------------------------------- raw */

static const int raw_proto[DP_RAWS] = { [DP_ESP4] = IPPROTO_ESP, [DP_AH4] = IPPROTO_AH,
	[DP_COMP4] = IPPROTO_COMP, [DP_IPIP4] = IPPROTO_IPIP, [DP_6IN4] = IPPROTO_IPV6,
	[DP_ESP6] = IPPROTO_ESP, [DP_AH6] = IPPROTO_AH, [DP_COMP6] = IPPROTO_COMP,
	[DP_4IN6] = IPPROTO_IPIP, [DP_IPIP6] = IPPROTO_IPV6 };

static bool
for_tunnels(unsigned kind)
{
	return raw_proto[kind] == IPPROTO_IPIP || raw_proto[kind] == IPPROTO_IPV6;
}

/* So that the kernel keeps path MTUs and tells of ICMP; IPv6 tells what its header had. */
static void
ask_for_news(int family, int fd)
{
	int on = 1, discover = IP_PMTUDISC_WANT;

	if (family == AF_INET) {
		(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover));
		(void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
		return;
	}
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof(on));
}

static int
raw_socket(int family, int proto)
{
	int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	uint32_t mark = SADB_BYPASS_MARK;
	int buffer = SOCKET_BUFFER;

	if (fd < 0)
		return -1;
	/* On receiving sockets the mark makes the kernel keep path MTUs for the right route. */
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0) {
		close(fd);
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	if (proto != IPPROTO_RAW)
		ask_for_news(family, fd);
	return fd;
}

bool
dp_raw_open(struct dp_raw *r, char *why, size_t why_size)
{
	int error = 0;

	for (unsigned i = 0; i < DP_RAWS; i++) {
		r->in[i] = for_tunnels(i) ? -1 :
			raw_socket(i < DP_ESP6 ? AF_INET : AF_INET6, raw_proto[i]);
		if (r->in[i] < 0 && i < DP_ESP6 && !for_tunnels(i))
			error = errno;
	}
	r->out[0] = raw_socket(AF_INET, IPPROTO_RAW);
	if (r->out[0] < 0)
		error = errno;
	r->out[1] = raw_socket(AF_INET6, IPPROTO_RAW);
	if (error == 0)
		return true;
	snprintf(why, why_size, "raw sockets: %s", strerror(error));
	dp_raw_close(r);
	return false;
}

void
dp_raw_open_tunnels(struct dp_raw *r)
{
	for (unsigned i = 0; i < DP_RAWS; i++)
		if (for_tunnels(i) && r->in[i] < 0)
			r->in[i] = raw_socket(i < DP_ESP6 ? AF_INET : AF_INET6, raw_proto[i]);
}

void
dp_raw_close(struct dp_raw *r)
{
	for (unsigned i = 0; i < DP_RAWS + 2; i++) {
		int *fd = i < DP_RAWS ? &r->in[i] : &r->out[i - DP_RAWS];

		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
}

/* The size in an error message; false: it is about something else. */
static bool
is_too_big(struct msghdr *m, uint32_t *mtu)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		struct sock_extended_err e;

		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
			!(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		*mtu = e.ee_info;
		return e.ee_errno == EMSGSIZE;
	}
	return false;
}

bool
dp_raw_path_mtu(const struct dp_raw *r, enum dp_raw_kind kind, struct net_addr *dst, uint32_t *spi,
	uint32_t *mtu)
{
	uint8_t packet[ERROR_ROOM], control[ERROR_ROOM];
	bool ah = kind == DP_AH4 || kind == DP_AH6;
	size_t at = ah ? 4 : 0; /* of the SPI in the header */

	for (;;) {
		struct sockaddr_storage from = { 0 };
		struct net_endpoint to;
		struct iovec iov = { packet, sizeof(packet) };
		struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov,
			.msg_iovlen = 1, .msg_control = control,
			.msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(r->in[kind], &m, MSG_ERRQUEUE | MSG_DONTWAIT);

		if (n < 0)
			return false;
		if ((size_t)n < at + 4 || !net_from_sockaddr((struct sockaddr *)&from, &to) ||
			!is_too_big(&m, mtu))
			continue;
		*dst = to.addr;
		*spi = get_u32(packet + at);
		if (kind == DP_COMP4 || kind == DP_COMP6) /* the CPI */
			*spi &= UINT16_MAX;
		return true;
	}
}
