/*
 * backend_bypass.h - a socket's own policies in the kernel; for sadb_socket.c only.
 */
#ifndef IPSEC_BACKEND_BYPASS_H
#define IPSEC_BACKEND_BYPASS_H

/* Nothing protects this socket's packets, in or out. A kernel without IPsec has nothing to do. */
void backend_bypass(int fd, int family);

#endif
