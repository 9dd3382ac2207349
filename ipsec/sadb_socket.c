/*
 * sadb_socket.c - sockets whose packets no policy may touch.
 *
 * Called by the key daemons for each of their sockets.  The mark is what the embedded engine's
 * routes and guard look at; the policies are for kernels.
 */
#include "ipsec/sadb_socket.h"

#include <sys/socket.h>

#include "ipsec/backend_bypass.h"
#include "ipsec/sadb.h"

bool
sadb_socket_bypass(int fd, int family)
{
	unsigned mark = SADB_BYPASS_MARK;

	backend_bypass(fd, family);
	return setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0;
}
