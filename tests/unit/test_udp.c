/*
 * test_udp.c - IKE's sockets on the loopback interface, and the address that a route gives.
 */
#include "racoon/daemon/udp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipsec/sadb_encap.h"

static struct net_endpoint
bound_to(int fd)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	struct net_endpoint e;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &n), 0);
	assert_true(net_from_sockaddr((struct sockaddr *)&ss, &e));
	return e;
}

static void
opening(void **state)
{
	struct net_endpoint at = { .addr = net_ipv4(0x7f000001) }, taken;
	int unmarked, fd = udp_open(&at, false, &unmarked);

	(void)state;
	assert_true(fd >= 0);
	taken = bound_to(fd);
	assert_true(net_addr_equal(&taken.addr, &at.addr));
	assert_int_not_equal(taken.port, 0);
	assert_int_equal(udp_open(&taken, false, &unmarked), -1); /* one at a time */
	assert_int_equal(errno, EADDRINUSE);
	close(fd);
	at.addr = net_ipv4(0xc0000201); /* RFC 5737: none of ours */
	assert_int_equal(udp_open(&at, false, &unmarked), -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
}

static void
source(void **state)
{
	struct net_addr self = net_ipv4(0x7f000001), out;

	(void)state;
	assert_true(udp_source(&self, &out));
	assert_true(net_addr_equal(&out, &self));
}

/* Newer kernels know the marker of the first drafts no longer: then it is said what is missing. */
static void
marked_esp(void **state)
{
	struct net_endpoint at = { .addr = net_ipv4(0x7f000001) };
	int unmarked, fd = udp_open(&at, false, &unmarked), from = -1;
	char why[256] = "";

	(void)state;
	assert_true(fd >= 0);
	if (sadb_encap("xfrm", NULL, fd, true, &from, why, sizeof(why)) == ST_NORMAL) {
		assert_int_equal(from, fd);
		assert_string_equal(why, "");
	} else {
		assert_non_null(strstr(why, "the marker of NAT-T drafts 00 and 01"));
		assert_non_null(strstr(why, "ipsecd"));
	}
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening),
		cmocka_unit_test(source),
		cmocka_unit_test(marked_esp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
