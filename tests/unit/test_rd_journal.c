/* test_rd_journal.c - the journal of installed SAs: lines, reading back, when it is written anew.
 */
#include "racoon/daemon/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const struct hash_key key = { 7, 8 };

static struct ipsec_sa
sa(enum sa_proto proto, const char *src, const char *dst, uint32_t spi)
{
	struct ipsec_sa s = { .proto = proto, .spi = spi };

	assert_true(net_addr_parse(src, &s.src.addr));
	assert_true(net_addr_parse(dst, &s.dst.addr));
	return s;
}

static void
lines(void **state)
{
	struct ipsec_sa in = sa(SA_ESP, "10.0.0.2", "10.0.0.1", 0xc0ffee);
	struct ipsec_sa out = sa(SA_AH, "2001:db8::1", "2001:db8::2", 0x100);
	struct journal j;

	(void)state;
	assert_true(journal_init(&j, &key));
	in.encr_key = (struct sa_key){ 4, "key" };
	journal_add(&j, &in, &in.src.addr);
	journal_add(&j, &in, &in.src.addr); /* UPDATE after ADD: once */
	journal_add(&j, &out, &out.dst.addr);
	assert_int_equal(j.count, 2);
	assert_true(journal_has(&j, SA_ESP, &in.dst.addr, 0xc0ffee));
	assert_false(journal_has(&j, SA_AH, &in.dst.addr, 0xc0ffee));
	journal_remove(&j, SA_ESP, &in.dst.addr, 0xc0ffee);
	journal_remove(&j, SA_ESP, &in.dst.addr, 0xc0ffee);
	assert_string_equal(text_str(&j.pending),
		"+ esp 10.0.0.2 10.0.0.1 0x00c0ffee 10.0.0.2\n"
		"+ ah 2001:db8::1 2001:db8::2 0x00000100 2001:db8::2\n"
		"- esp 10.0.0.2 10.0.0.1 0x00c0ffee\n");
	assert_int_equal(j.lines, 3);
	journal_free(&j);
}

static void
reading(void **state)
{
	struct ipsec_sa a = sa(SA_ESP, "10.0.0.2", "10.0.0.1", 0x1000);
	struct text again = { 0 };
	struct journal j;

	(void)state;
	assert_true(journal_init(&j, &key));
	assert_true(journal_read(&j, "racoon-journal 1 /run/x.sock\n"
		"+ esp 10.0.0.2 10.0.0.1 0x00001000 10.0.0.2\n"
		"+ esp 10.0.0.1 10.0.0.2 0x00002000 10.0.0.2\n"
		"+ esp 10.0.0.1 10.0.0.2 0x00003000 10.0.0.2\n"
		"- esp 10.0.0.1 10.0.0.2 0x00002000\n"
		"- esp 10.0.0.1 10.0.0.2 0x00004000\n"
		"+ tcp 10.0.0.1 10.0.0.2 0x00005000 10.0.0.2\n"
		"+ esp here there 0x00005000 10.0.0.2\n"
		"+ esp 10.0.0.1 10.0.0.2 0x00005000\n"
		"nonsense\n\n"
		"+ esp 10.0.0.1 10.0.0.2 0x00006000 10.0.", "/run/x.sock"));
	assert_int_equal(j.count, 2);
	assert_true(journal_has(&j, SA_ESP, &a.dst.addr, 0x1000));
	assert_false(journal_has(&j, SA_ESP, &a.src.addr, 0x2000));
	assert_true(journal_has(&j, SA_ESP, &a.src.addr, 0x3000));
	journal_rewrite(&j, "/run/x.sock", &again);
	assert_string_equal(text_str(&again), "racoon-journal 1 /run/x.sock\n"
		"+ esp 10.0.0.2 10.0.0.1 0x00001000 10.0.0.2\n"
		"+ esp 10.0.0.1 10.0.0.2 0x00003000 10.0.0.2\n");
	journal_clear(&j);
	assert_int_equal(j.count, 0);
	assert_false(journal_read(&j, text_str(&again), "/run/y.sock"));
	assert_false(journal_read(&j, text_str(&again), "/run/x"));
	assert_false(journal_read(&j, "", "/run/x.sock"));
	assert_false(journal_read(&j, "racoon-journal 2 /run/x.sock\n", "/run/x.sock"));
	assert_int_equal(j.count, 0);
	text_free(&again);
	journal_free(&j);
}

static void
growth(void **state)
{
	struct ipsec_sa a = sa(SA_ESP, "10.0.0.2", "10.0.0.1", 0);
	struct text again = { 0 };
	struct journal j;

	(void)state;
	assert_true(journal_init(&j, &key));
	for (uint32_t i = 0; i < JOURNAL_SLACK / 2; i++) {
		a.spi = 0x1000 + i;
		journal_add(&j, &a, &a.src.addr);
		assert_false(journal_wants_rewrite(&j));
		journal_remove(&j, a.proto, &a.dst.addr, a.spi);
	}
	a.spi = 0x100;
	journal_add(&j, &a, &a.src.addr);
	journal_remove(&j, a.proto, &a.dst.addr, a.spi);
	assert_true(journal_wants_rewrite(&j));
	journal_rewrite(&j, "x", &again);
	assert_string_equal(text_str(&again), "racoon-journal 1 x\n");
	assert_false(journal_wants_rewrite(&j));
	assert_int_equal(j.pending.n, 0);
	text_free(&again);
	journal_free(&j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(reading),
		cmocka_unit_test(growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
