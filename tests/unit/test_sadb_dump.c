/* test_sadb_dump.c - dumps of kernels that lose entries: turns, tries, each once, the last. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipsec/sadb_dump.h"

static struct sadb_msg
sa(uint32_t spi)
{
	struct sadb_msg m = { .op = SADB_OP_DUMP, .seq = 9, .has_sa = true, .sa.spi = spi };

	m.sa.proto = SA_ESP;
	return m;
}

static void
seen(void **state)
{
	struct sadb_seen s = { .key = { 1, 2 } };
	bool known;

	(void)state;
	for (unsigned try = 0; try < 3; try++) {
		for (uint32_t i = 0; i < 1000 * (try + 1); i++) {
			struct sadb_msg m = sa(256 + i * 7);
			assert_true(sadb_seen_add(&s, &m, &known));
			assert_int_equal(known, i < 1000 * try);
		}
		sadb_seen_again(&s);
	}
	assert_int_equal(s.count, 3000);
	sadb_seen_clear(&s);
	struct sadb_msg m = sa(256);
	assert_true(sadb_seen_add(&s, &m, &known));
	assert_false(known);
	sadb_seen_clear(&s);
}

static bool
ask(struct sadb_dump *d, uint32_t token, enum sadb_op op)
{
	struct sadb_msg m = { .op = op, .sa.proto = SA_AH };

	return sadb_dump_ask(d, token, &m);
}

/* One at a time; one of each kind waits. */
static void
turns(void **state)
{
	struct sadb_dump d;
	struct sadb_came c;

	(void)state;
	sadb_dump_init(&d);
	assert_false(sadb_dump_begin(&d));
	assert_true(ask(&d, 1, SADB_OP_SPDDUMP));
	assert_true(sadb_dump_begin(&d));
	assert_int_equal(d.op, SADB_OP_SPDDUMP);
	assert_true(ask(&d, 2, SADB_OP_SPDDUMP));
	assert_false(ask(&d, 3, SADB_OP_SPDDUMP));
	assert_true(ask(&d, 4, SADB_OP_DUMP));
	assert_false(sadb_dump_begin(&d));
	for (uint32_t i = 0; i < 3; i++) {
		static const uint32_t tokens[] = { 1, 4, 2 };
		assert_int_equal(sadb_dump_end(&d, NULL, &c), SADB_GOT_ANSWER);
		assert_int_equal(c.token, tokens[i]);
		assert_int_equal(c.msg.error, ENOENT); /* nothing was found */
		assert_null(c.msg.why);
		assert_int_equal(sadb_dump_begin(&d), i != 2);
	}
	sadb_dump_clear(&d);
}

/* Each entry once, however many tries it takes; the last has number 0. */
static void
tries(void **state)
{
	struct sadb_dump d;
	struct sadb_came c;
	uint32_t spi = 256, given = 0;

	(void)state;
	sadb_dump_init(&d);
	assert_true(ask(&d, 7, SADB_OP_DUMP));
	assert_true(sadb_dump_begin(&d));
	d.left = 30;
	for (unsigned try = 0; try < 3; try++) {
		for (uint32_t i = 0; i < 10 * (try + 1); i++) {
			c.msg = sa(256 + i); /* where the backends have it */
			if (sadb_dump_entry(&d, &c.msg, &c) != SADB_GOT_ENTRY)
				continue;
			assert_int_equal(c.token, 7);
			assert_int_equal(c.msg.sa.spi, spi++);
			assert_int_equal(c.msg.seq, 30 - ++given);
		}
		assert_true(sadb_dump_again(&d));
	}
	assert_int_equal(given, 29);
	assert_int_equal(sadb_dump_end(&d, NULL, &c), SADB_GOT_ENTRY);
	assert_int_equal(c.msg.sa.spi, 285);
	assert_int_equal(c.msg.seq, 0);
	assert_int_equal(sadb_dump_end(&d, NULL, &c), SADB_GOT_ANSWER);
	assert_int_equal(c.msg.error, 0);
	assert_false(d.is);
	sadb_dump_clear(&d);
}

/* Never a silently short list. */
static void
incomplete(void **state)
{
	struct sadb_dump d;
	struct sadb_came c = { .msg = sa(300) };
	unsigned again = 0;

	(void)state;
	sadb_dump_init(&d);
	assert_true(ask(&d, 8, SADB_OP_DUMP));
	assert_true(sadb_dump_begin(&d));
	assert_int_equal(sadb_dump_entry(&d, &c.msg, &c), SADB_GOT_NOTHING);
	while (sadb_dump_again(&d))
		again++;
	assert_int_equal(again, SADB_DUMP_TRIES - 1);
	d.error = EAGAIN;
	assert_int_equal(sadb_dump_end(&d, "the backend's", &c), SADB_GOT_ENTRY);
	assert_int_equal(sadb_dump_end(&d, "the backend's", &c), SADB_GOT_ANSWER);
	assert_int_equal(c.msg.error, EAGAIN);
	assert_non_null(strstr(c.msg.why, "not complete"));
	assert_true(ask(&d, 9, SADB_OP_DUMP));
	assert_true(sadb_dump_begin(&d));
	d.error = EPROTO;
	assert_int_equal(sadb_dump_end(&d, "the backend's", &c), SADB_GOT_ANSWER);
	assert_int_equal(c.msg.error, EPROTO);
	assert_string_equal(c.msg.why, "the backend's");
	sadb_dump_clear(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seen),
		cmocka_unit_test(turns),
		cmocka_unit_test(tries),
		cmocka_unit_test(incomplete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
