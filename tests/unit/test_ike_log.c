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

/* ------------------------------------------------------------------ one id in every line --- */

enum { STORIES = 64 };

static struct {
	bool begun[STORIES];
	bool first; /* a first message is shown: its SA is not there yet */
	unsigned lines;
} story[2];

/* What concerns no SA: the operator's words, an address, a message that belongs to none. */
static bool
of_no_sa(const char *text)
{
	static const char *const known[] = { "accept a request to establish IKE-SA: ",
		"Flushing all SAs for peer ", "admin delete-sa ", "KA remove: ",
		"unknown cookie in ", "informational message for no SA ignored" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strncmp(text, known[i], strlen(known[i])) == 0)
			return true;
	return false;
}

static bool
begins_story(const char *text)
{
	static const char *const known[] = { "initiate new phase 1 negotiation: ",
		"respond new phase 1 negotiation: ", "initiate new phase 2 negotiation: ",
		"respond new phase 2 negotiation: ", "IPsec-SA request for ",
		"request for establishing IPsec-SA was queued " };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strncmp(text, known[i], strlen(known[i])) == 0)
			return true;
	return false;
}

/* Each line ends in " #id"; an id's first line says what it is. */
static void
about_its_sa(struct pair *p, int side, enum log_level level, const char *text)
{
	const char *at = strrchr(text, '#');
	unsigned long id;
	char *end;

	(void)p;
	(void)level;
	story[side].lines++;
	if (at == NULL || at == text || at[-1] != ' ' ||
	    (id = strtoul(at + 1, &end, 10)) == 0 || *end != '\0') {
		bool first = strncmp(text, "received ", 9) == 0 && strstr(text, " first {") != NULL;
		story[side].first = story[side].first || first;
		if (!story[side].first && !of_no_sa(text))
			fail_msg("host %c: no id in \"%s\"", 'A' + side, text);
		return;
	}
	story[side].first = false;
	assert_in_range(id, 1, STORIES - 1);
	if (!story[side].begun[id] && !begins_story(text))
		fail_msg("host %c: #%lu begins with \"%s\"", 'A' + side, id, text);
	story[side].begun[id] = true;
}

static void
told(struct pair *p, int side, const char *text, uint64_t serial)
{
	char line[256];

	snprintf(line, sizeof(line), "%s #%llu\n", text, (unsigned long long)serial);
	if (!pair_logged(p, side, line))
		fail_msg("host %c: no line \"%s\"", 'A' + side, line);
}

/* What SHOW calls it and what the log calls it is the same. */
static void
same_names(struct pair *p)
{
	for (int side = 0; side < 2; side++) {
		uint64_t cursor = 0, at = 0;
		struct ike_child_view child;
		struct ike_sa_view sa;
		char text[128];
		while (ike_show_sa(p->host[side].e, &cursor, &sa)) {
			char i[17], r[17], ends[2][NET_ENDPOINT_TEXT];
			bytes_to_hex(i, sizeof(i), bytes_of(sa.cookie_i, 8));
			bytes_to_hex(r, sizeof(r), bytes_of(sa.cookie_r, 8));
			snprintf(text, sizeof(text), "ISAKMP-SA established %s-%s spi:%s:%s",
				net_endpoint_text(ends[0], sizeof(ends[0]), &sa.local),
				net_endpoint_text(ends[1], sizeof(ends[1]), &sa.remote), i, r);
			told(p, side, text, sa.serial);
		}
		while (ike_show_child(p->host[side].e, &at, &child)) {
			char from[NET_ENDPOINT_TEXT], to[NET_ENDPOINT_TEXT];
			snprintf(text, sizeof(text),
				"IPsec-SA established: ESP/%sTunnel %s->%s spi=%u(0x%x)",
				child.natt ? "UDP-" : "",
				net_endpoint_text(from, sizeof(from), &child.local),
				net_endpoint_text(to, sizeof(to), &child.remote), child.spi_out,
				child.spi_out);
			told(p, side, text, child.serial);
		}
	}
}

/* A whole life: NAT, dead peer detection, renewal of both phases, loss, the peer's end, Deletes. */
static void
every_line_has_its_id(void **state)
{
	const char *asks = "nat_traversal on; ike_frag on; dpd_delay 7; dpd_retry 2; dpd_maxfail 3;"
			   " lifetime time 90 sec;";
	struct sadb_msg flush = { .op = SADB_OP_SPDFLUSH };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &flush };
	char conf[2][2048];
	struct pair *p;

	(void)state;
	snprintf(conf[0], sizeof(conf[0]), CONF("%s", "main", "%s", "60 sec"), "%s", asks);
	snprintf(conf[1], sizeof(conf[1]), CONF("anonymous", "main",
		"generate_policy on; %s", "60 sec"), asks);
	p = pair_new(conf[0], "secret", conf[1], "secret\n" NAT " secret");
	memset(story, 0, sizeof(story));
	p->line = about_its_sa;
	assert_true(net_addr_parse(NAT, &p->nat));
	p->nat_shift = 20000;
	pair_natt(p);
	pair_policies(p, "esp/tunnel", NULL);
	pair_event(p, 1, &ev);
	pair_acquire(p, 0);
	pair_run(p, 2000);
	assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 2);
	same_names(p);
	p->copy_after = 700;
	pair_run(p, 200000);
	assert_in_range(ike_count(p->host[0].e, IKE_N_REKEYED) +
			ike_count(p->host[1].e, IKE_N_REKEYED), 4, 100);
	assert_in_range(pair_children(p, 0), 1, 3);
	HAS(p, { 0, "R-U-THERE" }, { 1, "R-U-THERE" });
	passing = 0;
	p->filter = then_silence;
	pair_run(p, 60000);
	HAS(p, { 0, ") seems to be dead." }, { 0, "purged IPsec-SA spi=" });
	p->filter = NULL;
	p->copy_after = 0;
	pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 20000);
	assert_int_equal(pair_children(p, 0), 1);
	pair_command(p, 0, IKE_CMD_FLUSH, false);
	pair_run(p, 10000);
	assert_int_equal(pair_children(p, 0) + pair_children(p, 1) + pair_up(p, 1), 0);
	assert_true(story[0].lines > 500 && story[1].lines > 500);
	pair_free(p);
}

/* The same of what fails: other proposals, another key, another identity. */
static void
failures_have_their_id(void **state)
{
	static const struct {
		const char *remote, *key, *life;
	} cases[] = {
		{ "", "other", "10 min" },
		{ "verify_identifier on; peers_identifier fqdn \"x\";", "secret", "10 min" },
		{ "proposal_check exact;", "secret", "5 min" },
	};
	char conf[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(conf, sizeof(conf), CONF("%s", "main", "%s", "%s"), "%s", cases[i].remote,
			cases[i].life);
		struct pair *p = pair_new(PLAIN, "secret", conf, cases[i].key);
		memset(story, 0, sizeof(story));
		p->line = about_its_sa;
		pair_policies(p, "esp/tunnel", NULL);
		pair_command(p, 0, IKE_CMD_ESTABLISH, true);
		pair_run(p, 60000);
		struct ike_failure_view v;
		assert_true(ike_show_failure(p->host[1].e, 0, &v));
		assert_true(v.serial != 0 && story[1].begun[v.serial]);
		pair_free(p);
	}
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
		cmocka_unit_test(every_line_has_its_id),
		cmocka_unit_test(failures_have_their_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
