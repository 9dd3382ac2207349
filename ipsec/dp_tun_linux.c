/*
 * dp_tun_linux.c - Linux's TUN device, and raw sockets for ESP, AH and outer packets.
 *
 * Called by the datapath when it starts.  The device is not persistent: it goes with the process,
 * and its routes with it.  Only the device's own settings under /proc/sys are touched.
 */
#include "ipsec/dp_tun.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h> /* before the kernel's, which then leave these definitions alone */
#include <net/if.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ipsec/sadb.h"
#include "lib/log.h"

enum {
	QUEUE_PACKETS = 1000,
	SOCKET_BUFFER = 4 << 20,
	ERROR_ROOM = 512,
	NATT_PORT = 4500,
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
		ifr.ifr_flags = IFF_TUN | IFF_NO_PI;
		if (ioctl(t->fd, TUNSETIFF, &ifr) == 0) {
			memcpy(t->name, ifr.ifr_name, sizeof(t->name));
			t->name[sizeof(t->name) - 1] = '\0';
			t->index = if_nametoindex(t->name);
			/* What it delivers was checked; its routes are ours. */
			set_device("ipv4", t->name, "rp_filter", filter_of("all") == 1 ? "2" : "0");
			set_device("ipv4", t->name, "send_redirects", "0");
			set_device("ipv6", t->name, "disable_ipv6", "1");
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
	if (t->fd >= 0)
		close(t->fd);
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

/* ---------------------------------------------------------------------------------------- raw */

static int
raw_socket(int proto)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	uint32_t mark = SADB_BYPASS_MARK;
	int on = 1, buffer = SOCKET_BUFFER, discover = IP_PMTUDISC_WANT;

	if (fd < 0)
		return -1;
	/* On receiving sockets the mark makes the kernel keep path MTUs for the right route. */
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0) {
		close(fd);
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	if (proto == IPPROTO_RAW || proto == IPPROTO_UDP)
		return fd;
	(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover));
	(void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	return fd;
}

/*
 * Let pass what is ESP in UDP (RFC 3948 2.1): to port 4500, four octets that are not all zero.  The
 * other packets of the port are for the IKE daemon's own socket.
 */
static bool
only_natt(int fd)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATT_PORT, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT16_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = ARRAY_LEN(code),
		.filter = (struct sock_filter *)(uintptr_t)code };

	return fd >= 0 &&
		setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

bool
dp_raw_open(struct dp_raw *r, char *why, size_t why_size)
{
	r->esp = raw_socket(IPPROTO_ESP);
	r->ah = r->esp < 0 ? -1 : raw_socket(IPPROTO_AH);
	r->out = r->ah < 0 ? -1 : raw_socket(IPPROTO_RAW);
	r->udp = r->out < 0 ? -1 : raw_socket(IPPROTO_UDP);
	if (only_natt(r->udp))
		return true;
	snprintf(why, why_size, "raw sockets: %s", strerror(errno));
	dp_raw_close(r);
	return false;
}

void
dp_raw_close(struct dp_raw *r)
{
	int *fd[] = { &r->esp, &r->ah, &r->udp, &r->out };

	for (unsigned i = 0; i < ARRAY_LEN(fd); i++) {
		if (*fd[i] >= 0)
			close(*fd[i]);
		*fd[i] = -1;
	}
}

bool
dp_raw_path_mtu(int fd, bool ah, struct net_addr *dst, uint32_t *spi, uint32_t *mtu)
{
	uint8_t packet[ERROR_ROOM], control[ERROR_ROOM];
	size_t at = ah ? 4 : 0; /* of the SPI in the header */

	for (;;) {
		struct sockaddr_in from = { 0 };
		struct iovec iov = { packet, sizeof(packet) };
		struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov,
			.msg_iovlen = 1, .msg_control = control,
			.msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);

		if (n < 0)
			return false;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
			struct sock_extended_err e;

			if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR)
				continue;
			memcpy(&e, CMSG_DATA(c), sizeof(e));
			if (e.ee_errno != EMSGSIZE || (size_t)n < at + 4)
				continue;
			*dst = net_addr_from(4, &from.sin_addr);
			*spi = get_u32(packet + at);
			*mtu = e.ee_info;
			return true;
		}
	}
}
