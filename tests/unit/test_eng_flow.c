/* test_eng_flow.c - what stands for ports in packets of protocols that have none. */
#include "ipsec/engine/eng_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct eng_flow
flow_of(uint8_t proto, const uint8_t *upper, size_t n)
{
	uint8_t buf[64] = { 0x45, 0, 0, (uint8_t)(20 + n), 0, 0, 0, 0, 64, proto, 0, 0, 10, 0, 0, 1,
		10, 0, 0, 2 };
	struct eng_packet p = { .buf = buf, .room = sizeof(buf), .len = 20 + n };
	struct eng_flow f;
	struct eng_ip ip;

	memcpy(buf + 20, upper, n);
	assert_true(eng_ip_parse(&p, &ip));
	eng_ip_flow(&ip, &f);
	assert_int_equal(f.upper, proto);
	return f;
}

static void
keys_of_gre(void **state)
{
	static const uint8_t key[] = { 0x20, 0, 8, 0, 1, 2, 3, 4 };
	static const uint8_t both[] = { 0xa0, 0, 8, 0, 9, 9, 0, 0, 1, 2, 3, 4 };
	static const uint8_t none[] = { 0x00, 0, 8, 0, 1, 2, 3, 4 };
	static const uint8_t pptp[] = { 0x20, 1, 8, 0, 1, 2, 3, 4 };
	struct eng_flow f = flow_of(47, key, sizeof(key));

	(void)state;
	assert_int_equal(f.sport, 0x0102);
	assert_int_equal(f.dport, 0x0304);
	f = flow_of(47, both, sizeof(both));
	assert_int_equal(f.sport, 0x0102);
	assert_int_equal(f.dport, 0x0304);
	assert_int_equal(flow_of(47, both, 8).sport, 0); /* cut short */
	assert_int_equal(flow_of(47, key, 4).sport, 0);
	assert_int_equal(flow_of(47, none, sizeof(none)).sport, 0);
	assert_int_equal(flow_of(47, pptp, sizeof(pptp)).sport, 0); /* another header */
}

static void
mobility_headers(void **state)
{
	static const uint8_t update[] = { 59, 1, 5, 0, 0, 0, 0, 0 };
	struct eng_flow f = flow_of(135, update, sizeof(update));

	(void)state;
	assert_int_equal(f.sport, 6);
	assert_int_equal(f.dport, 1);
	assert_int_equal(flow_of(135, update, 3).sport, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_gre),
		cmocka_unit_test(mobility_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
