/*
 * sadb_encap.h - a key daemon's UDP socket for NAT traversal: ESP in UDP (RFC 3948) that comes to
 * it belongs to the SAs, the rest to the key daemon.
 *
 * Kernel databases take the ESP out of the socket themselves.  ipsecd cannot: it is handed the
 * socket, reads it (in batches, with UDP GRO), and passes on what is not ESP.  The key daemon sends
 * through its socket as ever.
 */
#ifndef IPSEC_SADB_ENCAP_H
#define IPSEC_SADB_ENCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/attr.h"
#include "lib/net.h"
#include "lib/status.h"

/*
 * fd: a bound UDP socket.  isakmp: one where IKE's messages have no marker and ESP is behind
 * eight zero octets, as in drafts 00 and 01 of NAT traversal.  backend: "engine", "pfkey" or
 * "xfrm", as sadb_client_backend tells; path: of the engine's socket, NULL = default.  After
 * ST_NORMAL, *from is where IKE's datagrams come out: with a kernel fd itself; with the engine a
 * new non-blocking descriptor that the caller closes to take the socket back, and that ends (read
 * 0) when ipsecd went away, in which case fd is to be read again and may be handed over anew.
 * Blocks no longer than a local connect. ST_BACKEND: why tells.  ipsecd sets options of the
 * socket while it has it (IP_PKTINFO, IPV6_RECVPKTINFO, IP_RECVTOS, UDP_GRO, SO_MARK, buffer
 * sizes) and turns UDP_GRO off when it gives it back.  With a kernel, set IP_PKTINFO or
 * IPV6_RECVPKTINFO to learn the local address.
 */
enum status sadb_encap(const char *backend, const char *path, int fd, bool isakmp, int *from,
	char *why, size_t why_size) ATTR_NODISCARD;
/*
 * One datagram from such a descriptor, marker and all, as recvmsg on fd would give it: octets, 0 at
 * the end, or -1 with errno.
 */
ssize_t sadb_encap_read(int from, uint8_t *buf, size_t room, struct net_endpoint *remote,
	struct net_endpoint *local);

/*
 * What goes over the connection (SOCK_SEQPACKET at sadb_encap_path).  To ipsecd: one message, the
 * hello in network order with the socket as SCM_RIGHTS.  Back: datagrams, each behind a header:
 * family 4 or 6, a zero octet, remote port, local port, two zero octets, interface of a link-local
 * remote address, both addresses in 16 octets each.
 */
enum { SADB_ENCAP_HEADER = 44, SADB_ENCAP_HELLO = 0x4d4e5531 /* "MNU1" */,
	SADB_ENCAP_HELLO_ISAKMP = 0x4d4e4931 /* "MNI1" */ };

/* Beside the PF_KEY socket (NULL: the default). False: too long for out. */
bool sadb_encap_path(const char *pfkey, char *out, size_t size) ATTR_NODISCARD;
void sadb_encap_put(uint8_t header[SADB_ENCAP_HEADER], const struct net_endpoint *remote,
	const struct net_endpoint *local);

#endif
