/*
 * udp.c - opening IKE's UDP sockets.
 *
 * Called by sockets_uv.c, or, with privilege separation, by the privileged process (priv_uv.c).
 */
#include "racoon/daemon/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipsec/sadb_socket.h"

enum { RECEIVE_BUFFER = 4 << 20 };

static void
set_option(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

int
udp_open(const struct net_endpoint *local, bool natt, int *unmarked)
{
	bool v4 = local->addr.family == 4;
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_storage ss;
	socklen_t n = net_to_sockaddr(local, &ss);

	*unmarked = 0;
	if (fd < 0)
		return -1;
	/* IKE messages may be larger than the path's MTU: let them be fragmented. */
	if (v4) {
		set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	} else {
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
	}
	/* A third of a second of a flood of first messages, beyond what others are limited to. */
	set_option(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
	if (!sadb_socket_bypass(fd, v4 ? AF_INET : AF_INET6))
		*unmarked = errno;
	/* The SA database may hold the port for SAs that a racoon before us left. */
	if (natt)
		set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, (struct sockaddr *)&ss, n) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

bool
udp_source(const struct net_addr *remote, struct net_addr *out)
{
	struct net_endpoint to = { .addr = *remote, .port = 500 }, here;
	int family = remote->family == 4 ? AF_INET : AF_INET6;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage ss;
	socklen_t n = net_to_sockaddr(&to, &ss);
	bool good;

	if (fd < 0)
		return false;
	/* As IKE's own packets go, past the routes of the IPsec engine. */
	(void)sadb_socket_bypass(fd, family);
	good = connect(fd, (struct sockaddr *)&ss, n) == 0;
	n = sizeof(ss);
	good = good && getsockname(fd, (struct sockaddr *)&ss, &n) == 0 &&
		net_from_sockaddr((struct sockaddr *)&ss, &here);
	close(fd);
	if (good)
		*out = here.addr;
	return good;
}
