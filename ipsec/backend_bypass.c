/*
 * backend_bypass.c - a socket's own policies: IP_XFRM_POLICY, and IP_IPSEC_POLICY where the kernel
 * has PF_KEY alone.
 *
 * Called by sadb_socket.c.  A policy of a socket wins over those of the SPD (RFC 4301 4.4.1), so
 * IKE reaches the peer with which it is to negotiate SAs.
 */
#include "ipsec/backend_bypass.h"

#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum { /* KAME's struct sadb_x_policy, whose header would clash with ours */
	EXT_POLICY = 18, POLICY_BYPASS = 4, POLICY_UNITS = 2, DIR_IN = 1, DIR_OUT = 2,
	OPTION_IP_IPSEC = 16, OPTION_IP_XFRM = 17, OPTION_IPV6_IPSEC = 34, OPTION_IPV6_XFRM = 35,
};

struct kame_policy {
	uint16_t len, exttype, type;
	uint8_t dir, reserved;
	uint32_t id, priority;
};

static void
one_way(int fd, int family, uint8_t dir)
{
	bool v6 = family == AF_INET6;
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	struct xfrm_userpolicy_info p;
	struct kame_policy k = { .len = POLICY_UNITS, .exttype = EXT_POLICY,
		.type = POLICY_BYPASS, .dir = dir == XFRM_POLICY_IN ? DIR_IN : DIR_OUT };

	memset(&p, 0, sizeof(p));
	p.sel.family = (uint16_t)family;
	p.dir = dir;
	p.action = XFRM_POLICY_ALLOW;
	p.lft.soft_byte_limit = p.lft.hard_byte_limit = XFRM_INF;
	p.lft.soft_packet_limit = p.lft.hard_packet_limit = XFRM_INF;
	if (setsockopt(fd, level, v6 ? OPTION_IPV6_XFRM : OPTION_IP_XFRM, &p, sizeof(p)) != 0)
		(void)setsockopt(fd, level, v6 ? OPTION_IPV6_IPSEC : OPTION_IP_IPSEC, &k,
			sizeof(k));
}

void
backend_bypass(int fd, int family)
{
	one_way(fd, family, XFRM_POLICY_IN);
	one_way(fd, family, XFRM_POLICY_OUT);
}
