/*
 * udp.h - one UDP socket for IKE, with the options that it needs; some of them need privileges.
 */
#ifndef RACOON_DAEMON_UDP_H
#define RACOON_DAEMON_UDP_H

#include <stdbool.h>

#include "lib/net.h"

/*
 * A non-blocking socket bound to a local address and port, or -1 with errno.  *unmarked: errno, if
 * its packets could not be kept out of policies' hands (the socket is usable nevertheless), or 0.
 */
int udp_open(const struct net_endpoint *local, bool natt, int *unmarked);
/* The address from which this host would send to that one; nothing is sent. */
bool udp_source(const struct net_addr *remote, struct net_addr *out);

#endif
