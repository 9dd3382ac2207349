/*
 * net.c - addresses, prefixes and endpoints: parsing, printing, comparing.
 *
 * Called everywhere an address is a value.  It never resolves names; numeric forms only.  An
 * interface name after "%" is turned into its index by the system (RFC 4007 11).
 */
#include "lib/net.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct net_addr
net_ipv4(uint32_t host_order)
{
	struct net_addr a = { .family = 4 };

	patch_u32(a.b, host_order);
	return a;
}

uint32_t
net_ipv4_value(const struct net_addr *a)
{
	return a->family == 4 ? get_u32(a->b) : 0;
}

struct net_addr
net_addr_from(int family_4_or_6, const void *octets)
{
	struct net_addr a = { 0 };

	if (family_4_or_6 != 4 && family_4_or_6 != 6)
		return a;
	a.family = (uint8_t)family_4_or_6;
	memcpy(a.b, octets, family_4_or_6 == 4 ? 4 : 16);
	return a;
}

struct bytes
net_addr_bytes(const struct net_addr *a)
{
	return bytes_of(a->b, net_addr_bits(a) / 8);
}

unsigned
net_addr_bits(const struct net_addr *a)
{
	if (a->family == 4)
		return 32;
	return a->family == 6 ? 128 : 0;
}

bool
net_addr_equal(const struct net_addr *a, const struct net_addr *b)
{
	return net_addr_compare(a, b) == 0;
}

int
net_addr_compare(const struct net_addr *a, const struct net_addr *b)
{
	int c;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	c = memcmp(a->b, b->b, net_addr_bits(a) / 8);
	if (c != 0)
		return c < 0 ? -1 : 1;
	return (a->scope > b->scope) - (a->scope < b->scope);
}

bool
net_addr_is_any(const struct net_addr *a)
{
	for (unsigned i = 0; i < net_addr_bits(a) / 8; i++)
		if (a->b[i] != 0)
			return false;
	return true;
}

struct net_addr
net_addr_normal(struct net_addr a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (a.family == 6 && memcmp(a.b, mapped, sizeof(mapped)) == 0)
		return net_addr_from(4, a.b + 12);
	return a;
}

/* ------------------------------------------------------------------------------------ parsing */

/* Decimal digits only, at most max. */
static bool
decimal(const char *s, unsigned long max, unsigned long *out)
{
	unsigned long v = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (unsigned long)(*s - '0');
		if (v > max)
			return false;
	}
	*out = v;
	return true;
}

static bool
parse_scope(const char *text, uint32_t *scope)
{
	unsigned long n;

	if (*text == '\0' || strlen(text) >= IF_NAMESIZE)
		return false;
	if (decimal(text, UINT32_MAX, &n)) {
		*scope = (uint32_t)n;
		return true;
	}
	*scope = if_nametoindex(text);
	return *scope != 0;
}

bool
net_addr_parse(const char *text, struct net_addr *out)
{
	char buf[NET_ADDR_TEXT];
	struct net_addr a = { 0 };
	char *percent;

	if (strlen(text) >= sizeof(buf))
		return false;
	if (inet_pton(AF_INET, text, a.b) == 1) {
		a.family = 4;
		*out = a;
		return true;
	}
	strcpy(buf, text);
	percent = strchr(buf, '%');
	if (percent != NULL)
		*percent++ = '\0';
	if (inet_pton(AF_INET6, buf, a.b) != 1)
		return false;
	if (percent != NULL && !parse_scope(percent, &a.scope))
		return false;
	a.family = 6;
	*out = a;
	return true;
}

bool
net_prefix_parse(const char *text, struct net_prefix *out)
{
	const char *slash = strchr(text, '/');
	char buf[NET_ADDR_TEXT];
	struct net_prefix p = { 0 };
	unsigned long len;
	size_t n = slash == NULL ? strlen(text) : (size_t)(slash - text);

	if (n >= sizeof(buf))
		return false;
	memcpy(buf, text, n);
	buf[n] = '\0';
	if (!net_addr_parse(buf, &p.addr))
		return false;
	p.len = (uint8_t)net_addr_bits(&p.addr);
	if (slash != NULL) {
		if (!decimal(slash + 1, p.len, &len))
			return false;
		p.len = (uint8_t)len;
	}
	*out = p;
	return true;
}

/* ----------------------------------------------------------------------------------- printing */

/* "192.0.2.1"; every line of the log and the journal has some, and printf takes its time. */
static void
dotted(char *out, const uint8_t *b)
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*out++ = '.';
		if (b[i] >= 100)
			*out++ = (char)('0' + b[i] / 100);
		if (b[i] >= 10)
			*out++ = (char)('0' + b[i] / 10 % 10);
		*out++ = (char)('0' + b[i] % 10);
	}
	*out = '\0';
}

char *
net_addr_text(char *buf, size_t size, const struct net_addr *a)
{
	char digits[INET6_ADDRSTRLEN] = "?";
	char name[IF_NAMESIZE];

	if (a->family == 4 && size >= INET_ADDRSTRLEN) {
		dotted(buf, a->b);
		return buf;
	}
	if (a->family == 4)
		dotted(digits, a->b);
	else if (a->family == 6)
		inet_ntop(AF_INET6, a->b, digits, sizeof(digits));
	if (a->family != 6 || a->scope == 0)
		snprintf(buf, size, "%s", digits);
	else if (if_indextoname(a->scope, name) != NULL)
		snprintf(buf, size, "%s%%%s", digits, name);
	else
		snprintf(buf, size, "%s%%%u", digits, (unsigned)a->scope);
	return buf;
}

char *
net_prefix_text(char *buf, size_t size, const struct net_prefix *p)
{
	char addr[NET_ADDR_TEXT];

	net_addr_text(addr, sizeof(addr), &p->addr);
	if (p->len == net_addr_bits(&p->addr))
		snprintf(buf, size, "%s", addr);
	else
		snprintf(buf, size, "%s/%u", addr, (unsigned)p->len);
	return buf;
}

char *
net_endpoint_text(char *buf, size_t size, const struct net_endpoint *e)
{
	char addr[NET_ADDR_TEXT];

	net_addr_text(addr, sizeof(addr), &e->addr);
	snprintf(buf, size, "%s[%u]", addr, (unsigned)e->port);
	return buf;
}

/* ----------------------------------------------------------------------------------- prefixes */

bool
net_prefix_contains(const struct net_prefix *p, const struct net_addr *a)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (p->addr.family == 0 || p->addr.family != a->family || p->len > net_addr_bits(a))
		return false;
	if (memcmp(p->addr.b, a->b, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.b[whole] ^ a->b[whole]) >> (8 - rest)) == 0;
}

bool
net_prefix_within(const struct net_prefix *inner, const struct net_prefix *outer)
{
	return inner->len >= outer->len && net_prefix_contains(outer, &inner->addr);
}

bool
net_prefix_equal(const struct net_prefix *a, const struct net_prefix *b)
{
	if (a->addr.family == 0 || b->addr.family == 0)
		return a->addr.family == b->addr.family;
	return a->len == b->len && net_prefix_contains(a, &b->addr);
}

struct net_prefix
net_prefix_host(const struct net_addr *a)
{
	return (struct net_prefix){ .addr = *a, .len = (uint8_t)net_addr_bits(a) };
}

void
net_prefix_mask(struct net_prefix *p)
{
	unsigned octets = net_addr_bits(&p->addr) / 8;
	unsigned whole = p->len / 8;

	if (whole >= octets)
		return;
	p->addr.b[whole] = (uint8_t)(p->addr.b[whole] & ~(0xffu >> p->len % 8));
	memset(p->addr.b + whole + 1, 0, octets - whole - 1);
}

/* ---------------------------------------------------------------------------------- endpoints */

bool
net_endpoint_equal(const struct net_endpoint *a, const struct net_endpoint *b)
{
	return a->port == b->port && net_addr_equal(&a->addr, &b->addr);
}

socklen_t
net_to_sockaddr(const struct net_endpoint *e, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (e->addr.family == 4) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(e->port) };

		memcpy(&in.sin_addr, e->addr.b, 4);
		memcpy(ss, &in, sizeof(in));
		return sizeof(in);
	}
	if (e->addr.family == 6) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(e->port),
			.sin6_scope_id = e->addr.scope };

		memcpy(&in6.sin6_addr, e->addr.b, 16);
		memcpy(ss, &in6, sizeof(in6));
		return sizeof(in6);
	}
	return 0;
}

bool
net_from_sockaddr(const struct sockaddr *sa, struct net_endpoint *e)
{
	*e = (struct net_endpoint){ 0 };
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		e->addr = net_addr_from(4, &in.sin_addr);
		e->port = ntohs(in.sin_port);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		e->addr = net_addr_from(6, &in6.sin6_addr);
		e->addr.scope = in6.sin6_scope_id;
		e->port = ntohs(in6.sin6_port);
		return true;
	}
	return false;
}
