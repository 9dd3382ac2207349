/*
 * net.h - IP addresses, prefixes and endpoints as plain values.
 */
#ifndef LIB_NET_H
#define LIB_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/bytes.h"

enum { NET_ADDR_TEXT = 64, NET_ENDPOINT_TEXT = 72, NET_PREFIX_TEXT = 72 };

struct net_addr { /* all zero: no address. Unused bytes are zero, so memcmp-comparable */
	uint8_t family; /* 0, 4 or 6 */
	uint8_t pad[3];
	uint32_t scope; /* IPv6 interface index, else 0 */
	uint8_t b[16];  /* network order; IPv4 in the first four */
};

struct net_prefix {
	struct net_addr addr;
	uint8_t len; /* bits */
};

struct net_endpoint {
	struct net_addr addr;
	uint16_t port; /* host order; 0 = any */
};

struct net_addr net_ipv4(uint32_t host_order);
uint32_t net_ipv4_value(const struct net_addr *a); /* host order; 0 unless IPv4 */
struct net_addr net_addr_from(int family_4_or_6, const void *octets);
struct bytes net_addr_bytes(const struct net_addr *a); /* 4 or 16 octets */
unsigned net_addr_bits(const struct net_addr *a);      /* 32, 128 or 0 */
bool net_addr_equal(const struct net_addr *a, const struct net_addr *b);
int net_addr_compare(const struct net_addr *a, const struct net_addr *b);
bool net_addr_is_any(const struct net_addr *a); /* 0.0.0.0, :: or none */
/* ::ffff:a.b.c.d becomes a.b.c.d; anything else is returned as it is. */
struct net_addr net_addr_normal(struct net_addr a);

/* Numeric forms only. "%ifname" is accepted after an IPv6 address. False on anything else. */
bool net_addr_parse(const char *text, struct net_addr *out);
bool net_prefix_parse(const char *text, struct net_prefix *out); /* host bits kept; no "/N": full */
char *net_addr_text(char *buf, size_t size, const struct net_addr *a); /* "?" when none */
/* A host prefix has no "/N". */
char *net_prefix_text(char *buf, size_t size, const struct net_prefix *p);
char *net_endpoint_text(char *buf, size_t size, const struct net_endpoint *e); /* "a[port]" */

bool net_prefix_contains(const struct net_prefix *p, const struct net_addr *a);
bool net_prefix_within(const struct net_prefix *inner, const struct net_prefix *outer);
bool net_prefix_equal(const struct net_prefix *a, const struct net_prefix *b);
struct net_prefix net_prefix_host(const struct net_addr *a);
void net_prefix_mask(struct net_prefix *p); /* clear the host bits */

bool net_endpoint_equal(const struct net_endpoint *a, const struct net_endpoint *b);
socklen_t net_to_sockaddr(const struct net_endpoint *e, struct sockaddr_storage *ss);
bool net_from_sockaddr(const struct sockaddr *sa, struct net_endpoint *e);

#endif
