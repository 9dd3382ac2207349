/*
 * sadb_encap.c - handing a key daemon's UDP socket to whoever takes the ESP out of it (RFC 3948).
 *
 * Called by key daemons.  A kernel is told with a socket option; ipsecd gets the descriptor itself
 * over a Unix socket beside the one for PF_KEY, and sends back there what is not ESP, each datagram
 * behind a header with its end points.  Nothing here waits for ipsecd.
 */
#include "ipsec/sadb_encap.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipsec/sadb_dial.h"
#include "ipsec/sadb_stream.h"

#ifndef UDP_GRO
enum { UDP_GRO = 104 };
#endif

enum { SOCKET_QUEUE = 1 << 20, CONTROL_ROOM = 256 };

bool
sadb_encap_path(const char *pfkey, char *out, size_t size)
{
	char path[SADB_PATH_MAX];
	int n;

	sadb_engine_path(pfkey, path, sizeof(path));
	n = snprintf(out, size, "%s.udp", path);
	return n > 0 && (size_t)n < size;
}

/* -------------------------------------------------------------------------- the header's octets */

void
sadb_encap_put(uint8_t header[SADB_ENCAP_HEADER], const struct net_endpoint *remote,
	const struct net_endpoint *local)
{
	memset(header, 0, SADB_ENCAP_HEADER);
	header[0] = remote->addr.family;
	patch_u16(header + 2, remote->port);
	patch_u16(header + 4, local->port);
	patch_u32(header + 8, remote->addr.scope);
	memcpy(header + 12, remote->addr.b, 16);
	memcpy(header + 28, local->addr.b, 16);
}

static bool
get(const uint8_t header[SADB_ENCAP_HEADER], struct net_endpoint *remote,
	struct net_endpoint *local)
{
	if (header[0] != 4 && header[0] != 6)
		return false;
	*remote = (struct net_endpoint){ .addr = net_addr_from(header[0], header + 12),
		.port = get_u16(header + 2) };
	*local = (struct net_endpoint){ .addr = net_addr_from(header[0], header + 28),
		.port = get_u16(header + 4) };
	remote->addr.scope = get_u32(header + 8);
	return true;
}

/* ------------------------------------------------------------------------------- handing over */

static enum status
kernel_takes(int fd, bool isakmp, int *from, char *why, size_t why_size)
{
	int type = isakmp ? UDP_ENCAP_ESPINUDP_NON_IKE : UDP_ENCAP_ESPINUDP;

	if (setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &type, sizeof(type)) == 0) {
		*from = fd;
		return ST_NORMAL;
	}
	snprintf(why, why_size, "the kernel does not take ESP out of UDP%s: %s",
		isakmp ? " behind the marker of NAT-T drafts 00 and 01 (Linux from 6.11 on does "
			 "not; ipsecd, the SA database \"engine\", does)" : "",
		strerror(errno));
	return ST_BACKEND;
}

static bool
send_descriptor(int to, int fd, bool isakmp)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	uint8_t hello[4];
	struct iovec iov = { hello, sizeof(hello) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	patch_u32(hello, isakmp ? SADB_ENCAP_HELLO_ISAKMP : SADB_ENCAP_HELLO);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(to, &m, MSG_NOSIGNAL) == (ssize_t)sizeof(hello);
}

static enum status
engine_takes(const char *path, int fd, bool isakmp, int *from, char *why, size_t why_size)
{
	char at[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int to, off = 0, queue = SOCKET_QUEUE;

	/* An ipsecd that was killed left its setting: who reads fd now wants single datagrams. */
	(void)setsockopt(fd, IPPROTO_UDP, UDP_GRO, &off, sizeof(off));
	if (!sadb_encap_path(path, at, sizeof(at))) {
		snprintf(why, why_size, "the path of ipsecd's socket is too long");
		return ST_BACKEND;
	}
	to = sadb_dial(at, true);
	if (to >= 0)
		(void)setsockopt(to, SOL_SOCKET, SO_RCVBUF, &queue, sizeof(queue));
	if (to >= 0 && send_descriptor(to, fd, isakmp)) {
		*from = to;
		return ST_NORMAL;
	}
	snprintf(why, why_size, "ipsecd does not take the socket at %s: %s", at,
		strerror(errno));
	if (to >= 0)
		close(to);
	return ST_BACKEND;
}

enum status
sadb_encap(const char *backend, const char *path, int fd, bool isakmp, int *from, char *why,
	size_t why_size)
{
	*from = -1;
	why[0] = '\0';
	if (strcmp(backend, "engine") != 0)
		return kernel_takes(fd, isakmp, from, why, why_size);
	return engine_takes(path, fd, isakmp, from, why, why_size);
}

/* ------------------------------------------------------------------------------------ reading */

/* From ipsecd. */
static ssize_t
read_passed(int from, uint8_t *buf, size_t room, struct net_endpoint *remote,
	struct net_endpoint *local)
{
	uint8_t header[SADB_ENCAP_HEADER];
	struct iovec iov[2] = { { header, sizeof(header) }, { buf, room } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n = recvmsg(from, &m, 0);

	if (n <= 0)
		return n;
	if ((size_t)n <= sizeof(header) || !get(header, remote, local)) {
		errno = EBADMSG;
		return -1;
	}
	return n - (ssize_t)sizeof(header);
}

static void
destination(struct msghdr *m, struct net_addr *addr)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			*addr = net_addr_from(4, &info.ipi_addr);
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			*addr = net_addr_normal(net_addr_from(6, &info.ipi6_addr));
		}
	}
}

/* From the UDP socket itself, where a kernel took the ESP out. */
static ssize_t
read_socket(int fd, uint8_t *buf, size_t room, struct net_endpoint *remote,
	struct net_endpoint *local)
{
	struct sockaddr_storage name = { 0 }, own = { 0 };
	socklen_t own_size = sizeof(own);
	union {
		struct cmsghdr align;
		char room[CONTROL_ROOM];
	} control;
	struct iovec iov = { buf, room };
	struct msghdr m = { .msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &iov,
		.msg_iovlen = 1, .msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	ssize_t n = recvmsg(fd, &m, 0);

	if (n < 0)
		return -1;
	memset(local, 0, sizeof(*local));
	if (!net_from_sockaddr((struct sockaddr *)&name, remote)) {
		errno = EBADMSG;
		return -1;
	}
	remote->addr = net_addr_normal(remote->addr);
	if (getsockname(fd, (struct sockaddr *)&own, &own_size) == 0)
		(void)net_from_sockaddr((struct sockaddr *)&own, local);
	local->addr = net_addr_normal(local->addr);
	destination(&m, &local->addr);
	return n;
}

ssize_t
sadb_encap_read(int from, uint8_t *buf, size_t room, struct net_endpoint *remote,
	struct net_endpoint *local)
{
	int domain = AF_UNIX;
	socklen_t n = sizeof(domain);

	if (getsockopt(from, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0)
		return -1;
	if (domain == AF_UNIX)
		return read_passed(from, buf, room, remote, local);
	return read_socket(from, buf, room, remote, local);
}
