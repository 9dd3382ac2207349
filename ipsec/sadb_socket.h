/*
 * sadb_socket.h - sockets whose packets no policy may touch: IKE's own.
 */
#ifndef IPSEC_SADB_SOCKET_H
#define IPSEC_SADB_SOCKET_H

#include <stdbool.h>

/*
 * Let the packets of an IPv4 or IPv6 socket pass both policies and guards, whichever backend is
 * in use: the engine's bypass mark (SADB_BYPASS_MARK) and, where the kernel has IPsec, a bypass
 * policy on the socket each way (IP_XFRM_POLICY, else IP_IPSEC_POLICY).  False with errno when not
 * even the mark could be set; a kernel without IPsec is no failure.
 */
bool sadb_socket_bypass(int fd, int family);

#endif
