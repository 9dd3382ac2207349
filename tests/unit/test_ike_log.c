/*
 * test_ike_log.c - the lines that administrators have always looked for in racoon's log.
 *
 * Each test is a story between two engines; behind it stand the lines that it must leave, and at
 * which end.  Those of the daemon itself are asked for in tests/system.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "racoon/ikev1/v1_rows.h"
#include "tests/unit/ike_pair.h"

#define CONF(who, mode, statements, lifetime)                                                      \
	"timer { counter 1; interval 5 sec; phase1 30 sec; phase2 20 sec; natt_keepalive 10 sec;"  \
	" }\n"                                                                                     \
	"remote " who " { exchange_mode " mode "; " statements                                     \
	" proposal { encryption_algorithm aes; hash_algorithm sha256;\n"                           \
	"  authentication_method pre_shared_key; dh_group 2; } }\n"                                \
	"sainfo anonymous { lifetime time " lifetime "; encryption_algorithm aes;"                 \
	" authentication_algorithm hmac_sha1; compression_algorithm deflate; }\n"
#define PLAIN CONF("%s", "main", "", "10 min")
#define NAT "203.0.113.7"

struct line {
	int side;
	const char *text;
};

static void
has(const struct pair *p, const struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!pair_logged(p, lines[i].side, lines[i].text))
			print_error("host %c: no line \"%s\"\n", 'A' + lines[i].side,
				lines[i].text);
		assert_true(pair_logged(p, lines[i].side, lines[i].text));
	}
}
#define HAS(p, ...)                                                                                \
	do {                                                                                       \
		const struct line lines_[] = { __VA_ARGS__ };                                      \
		has(p, lines_, sizeof(lines_) / sizeof(lines_[0]));                                \
	} while (0)

static struct pair *
up(const char *a, const char *b)
{
	struct pair *p = pair_new(a, NULL, b, NULL);

	pair_natt(p);
	pair_policies(p, "esp/tunnel", NULL);
	pair_acquire(p, 0);
	pair_run(p, 1000);
	assert_int_equal(pair_children(p, 0) + pair_children(p, 1), 2);
	return p;
}

static void
begins(void **state)
{
	const char *conf = CONF("%s", "main", "nat_traversal on; ike_frag on;", "10 min");
	struct pair *p = up(conf, conf);

	(void)state;
	HAS(p, { 0, "IPsec-SA request for 192.168.2.100 queued due to no phase1 found." },
		{ 0, "initiate new phase 1 negotiation: 192.168.1.100[500]<=>192.168.2.100[500]" },
		{ 1, "respond new phase 1 negotiation: 192.168.2.100[500]<=>192.168.1.100[500]" },
		{ 0, "begin Identity Protection mode." }, { 1, "begin Identity Protection mode." },
		{ 1, "received Vendor ID: DPD" },
		{ 1, "received broken Microsoft ID: FRAGMENTATION" },
		{ 1, "Selected NAT-T version: RFC 3947" },
		{ 1, "Hashing 192.168.2.100[500] with algo #4" },
		{ 1, "NAT-D payload #0 verified" }, { 1, "NAT not detected " },
		{ 0, "Adding remote and local NAT-D payloads." },
		{ 0, "ISAKMP-SA established 192.168.1.100[500]-192.168.2.100[500] spi:" },
		{ 0, "initiate new phase 2 negotiation: 192.168.1.100[500]<=>192.168.2.100[500]" },
		{ 1, "respond new phase 2 negotiation: 192.168.2.100[500]<=>192.168.1.100[500]" },
		{ 0, "IPsec-SA established: ESP/Tunnel 192.168.2.100[500]->192.168.1.100[500] s" },
		{ 0, "IPsec-SA established: ESP/Tunnel 192.168.1.100[500]->192.168.2.100[500] s" });
	pair_free(p);
}

static bool
other_vendor(struct pair *p, int from, uint8_t *octets, size_t n)
{
	(void)p;
	if (from == 0 && octets[18] == WIRE_X_AGGRESSIVE && octets[8] == 0)
		octets[n - 10] ^= 1;
	return true;
}

static void
modes(void **state)
{
	const char *aggressive = CONF("%s", "aggressive",
			   "my_identifier fqdn \"a.example\";", "10 min"),
		   *base = CONF("%s", "base", "", "10 min");
	struct pair *p = pair_new(aggressive, NULL, aggressive, NULL);

	(void)state;
	p->filter = other_vendor;
	pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	assert_int_equal(pair_up(p, 1), 1);
	HAS(p, { 0, "begin Aggressive mode." }, { 1, "begin Aggressive mode." },
		{ 0, "accept a request to establish IKE-SA: 192.168.2.100" },
		{ 1, "received unknown Vendor ID" },
		{ 1, "couldn't find the proper pskey, try to get one by the peer's address." });
	pair_free(p);
	p = up(base, base);
	HAS(p, { 0, "begin Base mode." }, { 1, "begin Base mode." });
	pair_free(p);
}

static void
behind_nat(void **state)
{
	const char *keys = "secret\n" NAT " secret";
	struct pair *p = pair_new(CONF("%s", "main", "nat_traversal on;", "10 min"), "secret",
		CONF("anonymous", "main", "nat_traversal on;", "10 min"), keys);

	(void)state;
	assert_true(net_addr_parse(NAT, &p->nat));
	p->nat_shift = 20000;
	pair_natt(p);
	pair_policies(p, "esp/tunnel", NULL);
	pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 1000);
	assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 2);
	HAS(p, { 0, "NAT detected: ME" }, { 1, "NAT detected: PEER" },
		{ 1, "NAT-D payload #1 doesn't match" },
		{ 0, "NAT-T: ports changed to: 192.168.1.100[4500]<->192.168.2.100[4500]" },
		{ 0, "KA list add: 192.168.1.100[4500]->192.168.2.100[4500]" },
		{ 0, "NAT detected -> UDP encapsulation (ENC_MODE 1->3)." });
	pair_command(p, 0, IKE_CMD_FLUSH, false);
	pair_run(p, 60000);
	HAS(p, { 0, "KA remove: " });
	pair_free(p);
}

static void
deleted(void **state)
{
	struct pair *p = up(PLAIN, PLAIN);
	struct ike_event ev = { .type = IKE_EV_COMMAND,
		.command = { .id = 99, .type = IKE_CMD_DELETE, .scope = IKE_SCOPE_ALL,
			.remote = p->host[1].local.addr } };

	(void)state;
	pair_event(p, 0, &ev);
	pair_run(p, 1000);
	HAS(p, { 0, "admin delete-sa any 192.168.2.100" },
		{ 0, "Flushing all SAs for peer 192.168.2.100" },
		{ 0, "phase2 sa deleted 192.168.1.100[500]-192.168.2.100[500]" },
		{ 0, "ISAKMP-SA deleted 192.168.1.100[500]-192.168.2.100[500] spi:" },
		{ 1, "purged IPsec-SA proto_id=ESP spi=" },
		{ 1, "purged ISAKMP-SA proto_id=ISAKMP spi=" });
	ev.command = (struct ike_command){ .id = 100, .type = IKE_CMD_ESTABLISH, .has_sel = true };
	assert_true(net_prefix_parse("10.9.9.0/24", &ev.command.sel.src));
	assert_true(net_prefix_parse("10.8.8.0/24", &ev.command.sel.dst));
	pair_event(p, 0, &ev);
	ev.command = (struct ike_command){ .id = 101, .type = IKE_CMD_ESTABLISH,
		.remote = net_ipv4(0x0a090909) };
	pair_event(p, 0, &ev);
	HAS(p, { 0, "no outbound policy found: 10.9.9.0/24" },
		{ 0, "no configuration found for 10.9.9.9" });
	pair_free(p);
}

static void
expires(void **state)
{
	const char *conf = CONF("%s", "main", "lifetime time 100 sec; rekey off;", "60 sec");
	struct pair *p = up(conf, conf);
	struct sadb_msg m = { .op = SADB_OP_EXPIRE, .has_sa = true };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };

	(void)state;
	for (unsigned i = 0; i < PAIR_SAS && m.sa.spi == 0; i++)
		if (p->host[0].sa[i].used && !p->host[0].sa[i].larval)
			m.sa = p->host[0].sa[i].sa;
	m.hard = true;
	pair_event(p, 0, &ev);
	pair_run(p, 120000);
	HAS(p, { 0, "IPsec-SA expired: ESP/Tunnel 192.168.1.100[500]->192.168.2.100[500] spi=" },
		{ 0, "phase2 sa expired 192.168.1.100[500]-192.168.2.100[500]" },
		{ 1, "ISAKMP-SA expired 192.168.2.100[500]-192.168.1.100[500] spi:" });
	pair_free(p);
}

static unsigned passing; /* datagrams of host 0 until none arrives any more */

static bool
then_silence(struct pair *p, int from, uint8_t *octets, size_t n)
{
	(void)p;
	(void)octets;
	(void)n;
	if (from == 0 && passing > 0)
		passing--;
	return from == 1 || passing > 0;
}

static void
no_answer(void **state)
{
	const char *patient = CONF("%s", "main", "", "10 min");
	struct pair *p = pair_new(patient, NULL, patient, NULL);

	(void)state;
	passing = 0;
	p->filter = then_silence;
	pair_policies(p, "esp/tunnel", "ah/transport");
	pair_acquire(p, 0);
	pair_run(p, 60000);
	HAS(p, { 0, "phase1 negotiation failed due to time up. " });
	pair_free(p);

	p = pair_new(patient, NULL, patient, NULL);
	passing = 4; /* phase 1, and message 1 of quick mode is lost */
	p->filter = then_silence;
	pair_policies(p, "esp/tunnel", NULL);
	pair_acquire(p, 0);
	pair_run(p, 60000);
	HAS(p, { 0, "phase2 negotiation failed due to time up. " });
	pair_free(p);
}

/* A child that came while phase 1 was under way waits no longer than phase 1 may take. */
static void
waits_in_vain(void **state)
{
	const char *slow = "timer { counter 20; interval 5 sec; phase1 20 sec; phase2 20 sec; }\n"
			   "remote %s { exchange_mode main; proposal { encryption_algorithm aes;"
			   " hash_algorithm sha1; authentication_method pre_shared_key; dh_group 2;"
			   " } }\n"
			   "sainfo anonymous { encryption_algorithm aes; authentication_algorithm"
			   " hmac_sha1; compression_algorithm deflate; }\n";
	struct pair *p = pair_new(slow, NULL, slow, NULL);

	(void)state;
	passing = 0;
	p->filter = then_silence;
	pair_policies(p, "esp/tunnel", NULL);
	p->host[0].hold_jobs = true;
	pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_acquire(p, 0);
	HAS(p, { 0, "request for establishing IPsec-SA was queued due to no phase1 found." });
	pair_run(p, 60000);
	HAS(p, { 0, "phase2 negotiation failed due to time up waiting for phase1. 192.168.1.100" },
		{ 0, "192.168.2.100 give up to get IPsec-SA due to time up to wait." },
		{ 0, "delete phase 2 handler." });
	pair_free(p);
}

static void
notices(void **state)
{
	const char *strict = CONF("%s", "main", "proposal_check claim;", "5 min"),
		   *asks = CONF("%s", "main", "dpd_delay 5; dpd_retry 2; dpd_maxfail 2;", "10 min");
	struct pair *p = pair_new(PLAIN, NULL, strict, NULL);

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	p->copy_after = 400;
	pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 5000);
	HAS(p, { 0, "received RESPONDER-LIFETIME: 300 seconds" },
		{ 1, "the packet is retransmitted by 192.168.1.100" },
		{ 1, "received INITIAL-CONTACT" });
	pair_free(p);
	p = up(asks, PLAIN);
	passing = 0;
	p->filter = then_silence;
	pair_run(p, 60000);
	HAS(p, { 0, "DPD: remote (ISAKMP-SA spi=" }, { 0, ") seems to be dead." },
		{ 0, "purging ISAKMP-SA spi=" }, { 0, "purged IPsec-SA spi=" },
		{ 0, "purged ISAKMP-SA spi=" });
	/* The other end knows nothing of that until it hears of the first contact. */
	p->filter = NULL;
	pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 5000);
	HAS(p, { 1, "purging ESP SAs for 192.168.2.100[500] -> 192.168.1.100[500]" },
		{ 1, "purging spi=" });
	pair_free(p);
}

static void
generates(void **state)
{
	struct pair *p = pair_new(PLAIN, NULL,
		CONF("%s", "main", "generate_policy on; passive on;", "10 min"), NULL);
	struct sadb_msg flush = { .op = SADB_OP_SPDFLUSH };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &flush };

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	pair_event(p, 1, &ev);
	pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 2000);
	pair_command(p, 0, IKE_CMD_FLUSH, false);
	pair_run(p, 2000);
	HAS(p, { 1, "no policy found, try to generate the policy : " },
		{ 1, "deleting a generated policy." });
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins),
		cmocka_unit_test(modes),
		cmocka_unit_test(behind_nat),
		cmocka_unit_test(deleted),
		cmocka_unit_test(expires),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(waits_in_vain),
		cmocka_unit_test(notices),
		cmocka_unit_test(generates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
