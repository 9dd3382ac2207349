/* test_eng_sad.c - the SAD's operations, answers, events and dumps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/eng_host.h"

static struct eng_host *h;

static int
set_up(void **state)
{
	(void)state;
	h = eng_host_new();
	return h == NULL || h->e == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	eng_host_free(h);
	return 0;
}

static struct sadb_msg
esp(enum sadb_op op, uint32_t spi)
{
	return eng_host_sa(op, SA_ESP, SA_TUNNEL, spi, "10.0.0.1", "10.0.0.2", "aes-cbc",
		"hmac-sha1");
}

static void
add_get_delete(void **state)
{
	struct sadb_msg m = esp(SADB_OP_ADD, 0x1000), answer;

	(void)state;
	m.sa.reqid = 7;
	m.sa.hard.add_s = 3600;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_true(answer.has_sa);
	assert_int_equal(answer.sa.encr_key.octets, 0); /* RFC 2367 3.1.3: no keys in the answer */
	assert_int_equal(answer.seq, 7);
	assert_int_equal(answer.pid, 99);
	assert_int_equal(eng_sa_count(h->e), 1);
	assert_int_equal(eng_host_call(h, &m, NULL), EEXIST);

	m.op = SADB_OP_GET;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_int_equal(answer.sa.spi, 0x1000);
	assert_int_equal(answer.sa.reqid, 7);
	assert_int_equal(answer.sa.state, SA_MATURE);
	assert_int_equal(answer.sa.hard.add_s, 3600);
	assert_int_equal(answer.sa.current.add_s, 1700000000);
	assert_int_equal(answer.sa.current.use_s, 0);
	assert_int_equal(answer.sa.encr_key.octets, 16);
	assert_memory_equal(answer.sa.encr_key.b, m.sa.encr_key.b, 16);
	assert_memory_equal(answer.sa.auth_key.b, m.sa.auth_key.b, 20);

	m.op = SADB_OP_DELETE;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	assert_int_equal(eng_host_call(h, &m, NULL), ESRCH);
	m.op = SADB_OP_GET;
	assert_int_equal(eng_host_call(h, &m, NULL), ESRCH);
	m.op = SADB_OP_UPDATE;
	assert_int_equal(eng_host_call(h, &m, NULL), ESRCH);
	assert_int_equal(eng_sa_count(h->e), 0);
}

static void
wrong_requests(void **state)
{
	struct sadb_msg m = esp(SADB_OP_ADD, 0);

	(void)state;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = esp(SADB_OP_ADD, 5);
	m.sa.dst.addr = eng_host_addr("fd00::1");
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = esp(SADB_OP_ADD, 5);
	m.sa.dst.addr = eng_host_addr("0.0.0.0");
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = esp(SADB_OP_ADD, 5);
	m.sa.encr_key.octets = 15;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = esp(SADB_OP_ADD, 5);
	m.sa.auth_key.octets = 16;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = esp(SADB_OP_ADD, 5);
	m.sa.encr = NULL;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = eng_host_sa(SADB_OP_ADD, SA_AH, SA_TRANSPORT, 5, "10.0.0.1", "10.0.0.2", NULL, NULL);
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = eng_host_sa(SADB_OP_ADD, SA_AH, SA_TRANSPORT, 5, "10.0.0.1", "10.0.0.2", "aes-cbc",
		"hmac-sha1");
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	/* An AEAD has no second integrity algorithm. */
	m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TRANSPORT, 5, "10.0.0.1", "10.0.0.2", "aes-gcm-16",
		"hmac-sha1");
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TRANSPORT, 5, "10.0.0.1", "10.0.0.2", "twofish-cbc",
		NULL);
	assert_int_equal(eng_host_call(h, &m, NULL), ENOSYS);
	m = esp(SADB_OP_ADD, 5);
	m.sa.proto = SA_IPCOMP;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m.sa.encr = m.sa.auth = NULL;
	m.sa.comp = alg_by_name(ALG_COMP, "lzs");
	assert_int_equal(eng_host_call(h, &m, NULL), ENOSYS);
	m.sa.comp = alg_by_name(ALG_COMP, "deflate");
	m.sa.spi = 0x10000; /* a CPI has 16 bits */
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = esp(SADB_OP_ADD, 5);
	m.sa.proto = SA_TCP;
	assert_int_equal(eng_host_call(h, &m, NULL), EPROTONOSUPPORT);
	m = esp(SADB_OP_ADD, 5);
	m.sa.flags = SA_F_OLD;
	assert_int_equal(eng_host_call(h, &m, NULL), EPROTONOSUPPORT);
	m = esp(SADB_OP_ADD, 5);
	m.has_sa = false;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m = esp(SADB_OP_EXPIRE, 5);
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m.op = (enum sadb_op)77;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	assert_int_equal(eng_sa_count(h->e), 0);
}

static void
getspi_then_update(void **state)
{
	struct sadb_msg m = esp(SADB_OP_GETSPI, 0), answer;
	uint32_t spi;

	(void)state;
	m.spi_min = 0x500;
	m.spi_max = 0x501;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	spi = answer.sa.spi;
	assert_in_range(spi, 0x500, 0x501);
	assert_int_equal(answer.sa.state, SA_LARVAL);
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_int_equal(answer.sa.spi, spi ^ 1);
	assert_int_equal(eng_host_call(h, &m, NULL), EEXIST); /* the range is used up */
	m.spi_min = 9;
	m.spi_max = 8;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m.spi_min = m.spi_max = 0;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_true(answer.sa.spi >= SA_SPI_MIN);
	assert_int_equal(eng_sa_count(h->e), 3);

	/* ADD cannot take it, UPDATE does; mode and reqid come with UPDATE. */
	m = esp(SADB_OP_ADD, spi);
	assert_int_equal(eng_host_call(h, &m, NULL), EEXIST);
	m.op = SADB_OP_UPDATE;
	m.sa.reqid = 11;
	m.sa.encr_key.octets = 3;
	assert_int_equal(eng_host_call(h, &m, NULL), EINVAL);
	m.sa.encr_key.octets = 16;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_int_equal(answer.sa.state, SA_MATURE);
	assert_int_equal(answer.sa.reqid, 11);

	/* The others vanish when nobody completes them; without an event. */
	eng_host_clear(h);
	eng_host_after(h, ENG_ACQUIRE_S * 1000 + 1);
	assert_int_equal(eng_sa_count(h->e), 1);
	assert_int_equal(h->events, 0);
}

static void
update_changes_lifetimes(void **state)
{
	struct sadb_msg m = esp(SADB_OP_ADD, 0x300), answer;

	(void)state;
	m.sa.hard.add_s = 10;
	m.sa.soft.add_s = 5;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	eng_host_after(h, 6000);
	m.op = SADB_OP_GET;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_int_equal(answer.sa.state, SA_DYING);
	m.op = SADB_OP_UPDATE;
	m.sa.hard.add_s = 100;
	m.sa.soft.add_s = 90;
	assert_int_equal(eng_host_call(h, &m, &answer), 0);
	assert_int_equal(answer.sa.state, SA_MATURE);
	eng_host_after(h, 6000);
	assert_int_equal(eng_sa_count(h->e), 1);
	eng_host_after(h, 90000);
	assert_int_equal(eng_sa_count(h->e), 0);
}

static void
delete_all_and_flush(void **state)
{
	struct sadb_msg m;

	(void)state;
	for (uint32_t spi = 0x1000; spi < 0x1040; spi++) {
		m = esp(SADB_OP_ADD, spi);
		m.sa.reqid = spi % 3;
		if (spi % 4 == 0)
			m.sa.src.addr = eng_host_addr("10.0.0.9");
		assert_int_equal(eng_host_call(h, &m, NULL), 0);
	}
	m = eng_host_sa(SADB_OP_ADD, SA_AH, SA_TRANSPORT, 0x1000, "10.0.0.1", "10.0.0.2", NULL,
		"hmac-sha256");
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	m = esp(SADB_OP_DELETE, 0);
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	assert_int_equal(eng_sa_count(h->e), 0x10 + 1);
	assert_int_equal(eng_host_call(h, &m, NULL), ESRCH);
	m.op = SADB_OP_FLUSH;
	m.has_sa = false;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	assert_int_equal(eng_sa_count(h->e), 1); /* the AH one */
	m.sa.proto = SA_NONE;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	assert_int_equal(eng_sa_count(h->e), 0);
	assert_int_equal(h->e->pairs.count, 0);
}

static void
dumps(void **state)
{
	struct sadb_msg m = esp(SADB_OP_DUMP, 0);
	struct eng_answer a;
	uint32_t expect = 99;

	(void)state;
	m.has_sa = false;
	m.sa.proto = SA_NONE;
	assert_int_equal(eng_host_call(h, &m, NULL), ENOENT);
	for (uint32_t i = 0; i < 100; i++) {
		struct sadb_msg one = esp(SADB_OP_ADD, 0x2000 + i);

		assert_int_equal(eng_host_call(h, &one, NULL), 0);
	}
	eng_control(h->e, h->now, h->today, 1, &m);
	/* What comes later is not shown. */
	struct sadb_msg late = esp(SADB_OP_ADD, 0x9999);
	eng_control(h->e, h->now, h->today, 2, &late);
	while (eng_answer(h->e, &a)) {
		if (a.client != 1)
			continue;
		assert_int_equal(a.msg.op, SADB_OP_DUMP);
		assert_int_equal(a.msg.seq, expect);
		assert_int_equal(a.msg.sa.spi, 0x2000 + 99 - expect);
		assert_int_equal(a.msg.sa.encr_key.octets, 16);
		expect--;
	}
	assert_int_equal(expect, UINT32_MAX);
	m.sa.proto = SA_AH;
	assert_int_equal(eng_host_call(h, &m, NULL), ENOENT);
}

/* SAs that go while they are being dumped: still an end, and no entry twice. */
static void
dump_while_deleting(void **state)
{
	struct sadb_msg m = esp(SADB_OP_DUMP, 0);
	struct eng_answer a;
	bool ended = false;
	uint32_t last = 0;

	(void)state;
	m.has_sa = false;
	for (uint32_t i = 0; i < 50; i++) {
		struct sadb_msg one = esp(SADB_OP_ADD, 0x2000 + i);

		assert_int_equal(eng_host_call(h, &one, NULL), 0);
	}
	eng_control(h->e, h->now, h->today, 1, &m);
	for (unsigned n = 0; eng_answer(h->e, &a); n++) {
		if (a.client != 1)
			continue;
		assert_false(ended);
		assert_true(a.msg.sa.spi > last);
		last = a.msg.sa.spi;
		ended = a.msg.seq == 0;
		if (n == 10)
			for (uint32_t i = 5; i < 50; i += 2) {
				struct sadb_msg one = esp(SADB_OP_DELETE, 0x2000 + i);

				eng_control(h->e, h->now, h->today, 2, &one);
			}
		if (n == 60) {
			struct sadb_msg flush = esp(SADB_OP_FLUSH, 0);

			eng_control(h->e, h->now, h->today, 2, &flush);
		}
	}
	assert_true(ended);
	assert_int_equal(h->e->dump_count, 0);
}

static void
dumps_of_gone_and_paused_clients(void **state)
{
	struct sadb_msg m = esp(SADB_OP_DUMP, 0);
	struct eng_answer a;
	unsigned of[4] = { 0 };

	(void)state;
	m.has_sa = false;
	for (uint32_t i = 0; i < 10; i++) {
		struct sadb_msg one = esp(SADB_OP_ADD, 0x2000 + i);

		assert_int_equal(eng_host_call(h, &one, NULL), 0);
	}
	for (uint32_t c = 1; c <= 3; c++)
		eng_control(h->e, h->now, h->today, c, &m);
	eng_client_pause(h->e, 2, true);
	assert_true(eng_answer(h->e, &a));
	of[a.client]++;
	eng_client_gone(h->e, 3);
	while (eng_answer(h->e, &a))
		of[a.client]++;
	assert_int_equal(of[1], 10);
	assert_int_equal(of[2], 0);
	assert_int_equal(of[3], 0);
	eng_client_pause(h->e, 2, false);
	while (eng_answer(h->e, &a))
		of[a.client]++;
	assert_int_equal(of[2], 10);
	for (unsigned i = 0; i < ENG_DUMPS_MAX; i++)
		eng_control(h->e, h->now, h->today, 4, &m);
	assert_int_equal(eng_host_call(h, &m, NULL), ENOBUFS);
	eng_client_gone(h->e, 4);
	assert_int_equal(h->e->dump_count, 0);
}

static void
events_go_to_registered(void **state)
{
	struct sadb_msg m = esp(SADB_OP_REGISTER, 0);
	struct eng_answer a;

	(void)state;
	m.has_sa = false;
	assert_false(eng_has_key_manager(h->e));
	eng_control(h->e, h->now, h->today, 5, &m);
	m.op = SADB_OP_PROMISC;
	eng_control(h->e, h->now, h->today, 6, &m);
	eng_host_pull(h);
	assert_true(eng_has_key_manager(h->e));
	m = esp(SADB_OP_ADD, 0x77);
	eng_control(h->e, h->now, h->today, 1, &m);
	assert_true(eng_answer(h->e, &a));
	assert_int_equal(a.client, 1);
	assert_true(eng_wants(h->e, 1, &a));
	assert_false(eng_wants(h->e, 5, &a));
	assert_true(eng_wants(h->e, 6, &a));
	assert_true(eng_answer(h->e, &a));
	assert_int_equal(a.client, 0);
	assert_int_equal(a.except, 1);
	assert_int_equal(a.msg.op, SADB_OP_ADD);
	assert_int_equal(a.msg.sa.encr_key.octets, 0);
	assert_true(eng_wants(h->e, 5, &a));
	assert_false(eng_wants(h->e, 1, &a));
	assert_false(eng_wants(h->e, 9, &a));
	assert_false(eng_answer(h->e, &a));
	/* A failed request is nobody else's business. */
	eng_control(h->e, h->now, h->today, 1, &m);
	assert_true(eng_answer(h->e, &a));
	assert_int_equal(a.msg.error, EEXIST);
	assert_false(a.msg.has_sa);
	assert_false(eng_answer(h->e, &a));
	eng_client_gone(h->e, 5);
	eng_client_gone(h->e, 5);
	assert_false(eng_has_key_manager(h->e));
}

static struct eng_sa *
chosen(const char *rule)
{
	struct sadb_msg p = eng_host_policy(SADB_OP_SPDADD, SP_OUT, "0.0.0.0/0", "0.0.0.0/0",
		SP_IPSEC, rule, NULL);
	struct net_addr src = eng_host_addr("10.0.0.1"), dst = eng_host_addr("10.0.0.2");

	return eng_sa_for(h->e, &p.sp.rule[0], &src, &dst);
}

static void
outbound_choice(void **state)
{
	struct sadb_msg m;

	(void)state;
	assert_null(chosen("esp/transport//require"));
	m = esp(SADB_OP_ADD, 0x301);
	m.sa.mode = SA_TRANSPORT;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	m = esp(SADB_OP_ADD, 0x302);
	m.sa.mode = SA_MODE_ANY;
	m.sa.soft.add_s = 5;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	m = esp(SADB_OP_ADD, 0x303);
	m.sa.reqid = 9;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	m = esp(SADB_OP_GETSPI, 0);
	assert_int_equal(eng_host_call(h, &m, NULL), 0); /* larval: never chosen */
	/* The newest that fits; `any` mode fits both. */
	assert_int_equal(chosen("esp/transport//require")->spi, 0x302);
	assert_int_equal(chosen("esp/tunnel/10.0.0.1-10.0.0.2/require")->spi, 0x303);
	assert_int_equal(chosen("esp/tunnel/10.0.0.1-10.0.0.2/unique:9")->spi, 0x303);
	assert_null(chosen("esp/tunnel/10.0.0.1-10.0.0.2/unique:8"));
	assert_null(chosen("ah/transport//require"));
	/* One that is about to end yields to an older mature one. */
	eng_host_after(h, 6000);
	assert_int_equal(chosen("esp/transport//require")->spi, 0x301);
	m = esp(SADB_OP_DELETE, 0x301);
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	assert_int_equal(chosen("esp/transport//require")->spi, 0x302);
}

/* 50,000 SAs: found, dumped once each, and gone. */
static void
many(void **state)
{
	enum { COUNT = 50000 };
	struct sadb_msg m = eng_host_sa(SADB_OP_ADD, SA_ESP, SA_TUNNEL, 1, "10.0.0.1", "10.0.0.2",
		"aes-gcm-16", NULL);
	struct eng_answer a;
	uint32_t n = 0;

	(void)state;
	for (uint32_t i = 1; i <= COUNT; i++) {
		m.sa.spi = i;
		m.sa.reqid = i;
		m.sa.dst.addr = net_ipv4(0x0a000000 + i % 5000);
		if (net_addr_is_any(&m.sa.dst.addr))
			m.sa.dst.addr = net_ipv4(1);
		assert_int_equal(eng_host_call(h, &m, NULL), 0);
	}
	assert_int_equal(eng_sa_count(h->e), COUNT);
	m.op = SADB_OP_DUMP;
	m.has_sa = false;
	eng_control(h->e, h->now, h->today, 1, &m);
	while (eng_answer(h->e, &a))
		n++;
	assert_int_equal(n, COUNT);
	m.op = SADB_OP_FLUSH;
	assert_int_equal(eng_host_call(h, &m, NULL), 0);
	assert_int_equal(eng_sa_count(h->e), 0);
	/* What an SA costs, without contexts: the aim is 1.5 KB with them. */
	assert_true(sizeof(struct eng_sa) + 2 * sizeof(struct eng_pair) <= 900);
}

static void
names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ENG_N_COUNT; i++) {
		assert_string_not_equal(eng_count_name((enum eng_count)i), "?");
		assert_int_equal(eng_count(h->e, (enum eng_count)i), 0);
	}
	assert_string_equal(eng_count_name(ENG_N_COUNT), "?");
	assert_int_equal(eng_count(h->e, ENG_N_COUNT), 0);
	eng_add_cleartext(h->e, 3);
	assert_int_equal(eng_count(h->e, ENG_N_CLEARTEXT), 3);
	assert_string_equal(sa_state_name(SA_DYING), "dying");
	assert_string_equal(sadb_op_name(SADB_OP_SPDDUMP), "spddump");
	assert_int_equal(sadb_status(SADB_OP_ADD, EEXIST), ST_SAEXISTS);
	assert_int_equal(sadb_status(SADB_OP_SPDADD, EEXIST), ST_SPEXISTS);
	assert_int_equal(sadb_status(SADB_OP_GETSPI, EEXIST), ST_NOTUNIQUE);
	assert_int_equal(sadb_status(SADB_OP_GET, ESRCH), ST_NOSUCHSA);
	assert_int_equal(sadb_status(SADB_OP_SPDDELETE, ENOENT), ST_NOSUCHSP);
	assert_int_equal(sadb_status(SADB_OP_ADD, 0), ST_NORMAL);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(add_get_delete),
		T(wrong_requests),
		T(getspi_then_update),
		T(update_changes_lifetimes),
		T(delete_all_and_flush),
		T(dumps),
		T(dump_while_deleting),
		T(dumps_of_gone_and_paused_clients),
		T(events_go_to_registered),
		T(outbound_choice),
		T(many),
		T(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
