/*
 * test_ike_main.c - phase 1: main mode between two engines, and every way it fails.
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

#define REMOTE(statements, hash)                                                                   \
	"timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"                     \
	"remote %s { exchange_mode main; " statements                                              \
	" proposal { encryption_algorithm 3des; hash_algorithm " hash ";\n"                        \
	"  authentication_method pre_shared_key; dh_group 2; } }\n"                                \
	"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1;"         \
	" compression_algorithm deflate; }\n"

static void
establishes(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	struct ike_sa_view v[2];
	uint64_t cursor[2] = { 0, 0 };

	(void)state;
	assert_null(pair_reply_to(p, 0, id));
	pair_run(p, 100);
	assert_non_null(pair_reply_to(p, 0, id));
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	assert_int_equal(pair_up(p, 0), 1);
	assert_int_equal(pair_up(p, 1), 1);
	assert_true(ike_show_sa(p->host[0].e, &cursor[0], &v[0]));
	assert_true(ike_show_sa(p->host[1].e, &cursor[1], &v[1]));
	assert_memory_equal(v[0].cookie_i, v[1].cookie_i, 8);
	assert_memory_equal(v[0].cookie_r, v[1].cookie_r, 8);
	assert_true(v[0].initiator);
	assert_false(v[1].initiator);
	assert_string_equal(v[0].state, "ESTABLISHED");
	assert_int_equal(v[0].bits, 128);
	assert_string_equal(v[0].peer_id, "192.168.2.100");
	assert_true(pair_logged(p, 0, "initiate new phase 1 negotiation: "
				      "192.168.1.100[500]<=>192.168.2.100[500] #1"));
	assert_true(pair_logged(p, 1, "respond new phase 1 negotiation: "
				      "192.168.2.100[500]<=>192.168.1.100[500] #1"));
	assert_true(pair_logged(p, 0, "begin Identity Protection mode. #1"));
	assert_true(pair_logged(p, 0, "ISAKMP-SA established "
				      "192.168.1.100[500]-192.168.2.100[500]"));
	assert_int_equal(p->host[0].notes[IKE_NOTE_PH1_UP], 1);
	assert_int_equal(p->host[0].sent, 3);
	assert_int_equal(ike_half_open_count(p->host[1].e), 0);
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_ALREADY);
	pair_free(p);
}

/* timer { persend 3; }: so often, no more, and the copies do no harm. */
static void
copies(void **state)
{
	static const char conf[] = "timer { persend 3; } remote %s { exchange_mode main; proposal {"
		" encryption_algorithm 3des; hash_algorithm sha1; authentication_method"
		" pre_shared_key; dh_group 2; } }\n";
	struct pair *p = pair_new(conf, NULL, REMOTE("", "sha1"), NULL);
	uint64_t id;

	(void)state;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	assert_int_equal(p->host[0].sent, 3);
	assert_int_equal(p->flights, 3);
	assert_int_equal(ike_count(p->host[0].e, IKE_N_SENT), 3);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	assert_int_equal(p->host[0].sent % 3, 0);
	assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 2);
	assert_int_equal(ike_sa_count(p->host[1].e), 1);
	pair_free(p);
}

/* RFC 2409 4: every hash and cipher we have makes the same keys at both ends. */
static void
algorithms(void **state)
{
	static const char *const confs[] = {
		REMOTE("", "md5"), REMOTE("", "sha256"), REMOTE("", "sha384"), REMOTE("", "sha512"),
		"remote %s { exchange_mode main; proposal { encryption_algorithm aes 256;"
		" hash_algorithm md5; authentication_method pre_shared_key; dh_group modp1536; } }",
		"remote %s { exchange_mode main; nonce_size 256; proposal { encryption_algorithm"
		" camellia 192; hash_algorithm sha1; authentication_method pre_shared_key;"
		" dh_group modp2048; }\n proposal { encryption_algorithm 3des; hash_algorithm sha1;"
		" authentication_method pre_shared_key; dh_group modp1024; } }",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(confs); i++) {
		struct pair *p = pair_new(confs[i], NULL, confs[i], NULL);
		uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
		pair_run(p, 100);
		assert_non_null(pair_reply_to(p, 0, id));
		assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
		pair_free(p);
	}
}

/* ----------------------------------------------------------------------------- named causes --- */

static void
named(const struct pair *p, int side, enum status status, const char *words)
{
	struct ike_failure_view f;

	assert_true(ike_show_failure(p->host[side].e, 0, &f));
	assert_int_equal(f.status, status);
	assert_int_equal(f.phase, 1);
	assert_true(net_addr_equal(&f.remote.addr, &p->host[!side].local.addr));
	if (words != NULL && strstr(f.detail, words) == NULL)
		print_message("detail: %s\n", f.detail);
	if (words != NULL)
		assert_non_null(strstr(f.detail, words));
}

static void
fails(const char *conf_a, const char *psk_a, const char *conf_b, const char *psk_b,
	enum status there, enum status here, const char *words, int64_t within)
{
	struct pair *p = pair_new(conf_a, psk_a, conf_b, psk_b);
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);

	pair_run(p, within);
	assert_non_null(pair_reply_to(p, 0, id));
	assert_int_equal(pair_reply_to(p, 0, id)->status, here);
	if (words != NULL)
		assert_non_null(strstr(pair_reply_to(p, 0, id)->detail, words));
	named(p, 0, here, words);
	named(p, 1, there, NULL);
	pair_run(p, 120000);
	assert_int_equal(ike_sa_count(p->host[0].e), 0);
	assert_int_equal(ike_sa_count(p->host[1].e), 0);
	assert_int_equal(ike_half_open_count(p->host[1].e), 0);
	assert_int_equal(p->host[0].notes[IKE_NOTE_FAILURE], 1);
	pair_free(p);
}

static void
wrong_psk(void **state)
{
	(void)state;
	fails(NULL, "secret", NULL, "Secret", ST_PSKMISMATCH, ST_PSKMISMATCH, "PAYLOAD-MALFORMED",
		10000);
}

static void
no_common_proposal(void **state)
{
	(void)state;
	fails(REMOTE("", "sha1"), NULL, REMOTE("", "md5"), NULL, ST_NOPROPOSAL, ST_NOPROPOSAL,
		"NO-PROPOSAL-CHOSEN", 10000);
}

static void
wrong_identity(void **state)
{
	(void)state;
	/* the responder does not like the initiator's */
	fails(REMOTE("", "sha1"), NULL,
		REMOTE("peers_identifier address 10.9.9.9; verify_identifier on;", "sha1"), NULL,
		ST_IDMISMATCH, ST_IDMISMATCH, "INVALID-ID-INFORMATION", 1000);
	/* and the other way */
	fails(REMOTE("peers_identifier address 10.9.9.9; verify_identifier on;", "sha1"), NULL,
		REMOTE("", "sha1"), NULL, ST_IDMISMATCH, ST_IDMISMATCH, "192.168.2.100", 1000);
}

/* Without peers_identifier nothing is verified, whatever verify_identifier says. */
static void
nothing_to_verify(void **state)
{
	static const char alone[] = REMOTE("verify_identifier on;", "sha1");
	struct pair *p = pair_new(alone, NULL, REMOTE("my_identifier address 10.7.7.7;", "sha1"),
		NULL);
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	struct ike_sa_view v;
	uint64_t cursor = 0;

	(void)state;
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	assert_true(ike_show_sa(p->host[0].e, &cursor, &v));
	assert_string_equal(v.peer_id, "10.7.7.7");
	pair_free(p);
}

static void
identity_unverified(void **state)
{
	struct pair *p = pair_new(REMOTE("peers_identifier address 10.9.9.9;", "sha1"), NULL,
		REMOTE("my_identifier address 10.7.7.7;", "sha1"), NULL);
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);

	(void)state;
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	assert_true(pair_logged(p, 0, "ID value mismatched: peer says 10.7.7.7"));
	pair_free(p);
}

static bool
all_lost(struct pair *p, int from, uint8_t *octets, size_t n)
{
	(void)p, (void)from, (void)octets, (void)n;
	return false;
}

static void
silent_peer(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t id;

	(void)state;
	p->filter = all_lost;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 19000);
	assert_null(pair_reply_to(p, 0, id));
	assert_int_equal(p->host[0].sent, 4); /* and three retransmissions */
	pair_run(p, 2000);
	assert_non_null(pair_reply_to(p, 0, id));
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORESPONSE);
	named(p, 0, ST_NORESPONSE, "no answer to the first message after 4 transmissions");
	assert_true(pair_logged(p, 0, "phase1 negotiation failed due to time up."));
	assert_int_equal(ike_sa_count(p->host[0].e), 0);
	assert_int_equal(ike_count(p->host[0].e, IKE_N_PH1_FAILED), 1);
	pair_free(p);
}

static void
refused_at_once(void **state)
{
	struct pair *p = pair_new(REMOTE("passive on;", "sha1"), NULL, NULL, NULL);
	struct ike_event ev = { .type = IKE_EV_COMMAND };
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);

	(void)state;
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_PASSIVE);
	ev.command = (struct ike_command){ .id = 99, .type = IKE_CMD_ESTABLISH };
	assert_true(net_addr_parse("10.9.9.9", &ev.command.remote));
	pair_event(p, 0, &ev);
	assert_int_equal(pair_reply_to(p, 0, 99)->status, ST_NOCONF);
	assert_int_equal(hash_first(&p->host[0].e->peers) == NULL, 1);
	pair_free(p);
	/* no key: known before the first message is sent */
	p = pair_new("remote 10.9.9.9 { exchange_mode main; proposal { encryption_algorithm 3des;"
		     " hash_algorithm sha1; authentication_method pre_shared_key; dh_group 2; } }"
		     " # %s",
		NULL, NULL, NULL);
	ev.command.id = 100;
	pair_event(p, 0, &ev);
	assert_int_equal(pair_reply_to(p, 0, 100)->status, ST_NOPSK);
	assert_int_equal(p->host[0].sent, 0);
	assert_int_equal(ike_sa_count(p->host[0].e), 0);
	pair_free(p);
}

/* -------------------------------------------------------------- loss, duplicates, strangers --- */

static void
any_one_lost(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 8; lost++) {
		struct pair *p = pair_new(NULL, NULL, NULL, NULL);
		uint64_t id = pair_command(p, 1, IKE_CMD_CANCEL, false);
		p->user = &lost;
		p->filter = pair_lose_nth;
		p->counter = 0;
		struct ike_event ev = { .type = IKE_EV_COMMAND,
			.command = { .id = 7, .type = IKE_CMD_ESTABLISH,
				.remote = p->host[1].local.addr } };
		pair_event(p, 0, &ev);
		pair_run(p, 6000);
		assert_non_null(pair_reply_to(p, 0, 7));
		assert_int_equal(pair_reply_to(p, 0, 7)->status, ST_NORMAL);
		assert_int_equal(pair_up(p, 0), 1);
		assert_int_equal(pair_up(p, 1), 1);
		(void)id;
		pair_free(p);
	}
}

static void
duplicates(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t id;

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	p->copy_after = 700;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 5000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_up(p, i), 1);
		assert_int_equal(pair_children(p, i), 1);
		assert_true(pair_agree(p, i));
		assert_true(ike_count(p->host[i].e, IKE_N_DUPLICATE) > 2);
	}
	pair_free(p);
}

/* Every datagram is remembered and sent again, much later: nothing must come of it. */
struct recorded {
	unsigned n;
	int to[64];
	size_t size[64];
	uint8_t octets[64][1024];
};

static bool
record(struct pair *p, int from, uint8_t *octets, size_t n)
{
	struct recorded *r = p->user;

	if (r->n < 64 && n <= 1024) {
		r->to[r->n] = !from;
		r->size[r->n] = n;
		memcpy(r->octets[r->n++], octets, n);
	}
	return true;
}

static void
replayed(void **state)
{
	static struct recorded r;
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);

	(void)state;
	memset(&r, 0, sizeof(r));
	p->user = &r;
	p->filter = record;
	pair_policies(p, "esp/tunnel", NULL);
	pair_acquire(p, 0);
	pair_run(p, 1000);
	p->filter = NULL;
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < r.n; i++) {
			unsigned before = p->host[r.to[i]].sent;
			pair_datagram(p, r.to[i], &p->host[!r.to[i]].local,
				bytes_of(r.octets[i], r.size[i]));
			assert_true(p->host[r.to[i]].sent <= before + 1);
		}
		pair_run(p, 70000); /* after that nothing is kept for duplicates */
		for (int i = 0; i < 2; i++) {
			assert_int_equal(pair_up(p, i), 1);
			assert_int_equal(pair_children(p, i), 1);
			assert_int_equal(pair_sas(p, i), 2);
			assert_true(pair_agree(p, i));
		}
	}
	assert_int_equal(p->host[1].notes[IKE_NOTE_PH2_UP], 1);
	pair_free(p);
}

static bool
from_elsewhere(struct pair *p, int from, uint8_t *octets, size_t n)
{
	struct net_endpoint stranger = p->host[from].local;

	/* the same message from another port, just before */
	stranger.port = 501;
	if (octets[18] == WIRE_X_MAIN && memcmp(octets + 8, "\0\0\0\0\0\0\0\0", 8) != 0)
		pair_datagram(p, !from, &stranger, bytes_of(octets, n));
	return true;
}

static void
strangers(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t id;

	(void)state;
	p->filter = from_elsewhere;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	assert_int_equal(ike_sa_count(p->host[1].e), 1);
	pair_free(p);
}

/* Message 5 that cannot be read does not end the exchange: a good one may follow. */
static bool
garble_message5(struct pair *p, int from, uint8_t *octets, size_t n)
{
	if (from == 0 && (octets[19] & WIRE_F_ENCRYPTED) != 0 && p->counter++ == 1)
		octets[WIRE_HEADER + 3] ^= 0x55;
	(void)n;
	return true;
}

static void
garbage_is_survived(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);

	(void)state;
	assert_int_equal(p->counter, 1);
	p->filter = garble_message5;
	pair_run(p, 20000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	named(p, 1, ST_PSKMISMATCH, NULL);
	assert_int_equal(pair_up(p, 1), 1);
	pair_free(p);
}

/* -------------------------------------------------------------------------------- half-open --- */

static size_t
message1(uint8_t *out, uint32_t number)
{
	static const char hex[] =
		"00000000000000000000000000000000011002000000000000000050"
		"0000003400000001000000010000"
		"002801010001000000200101000080010007800e008080020002800300018004"
		"0002800b0001800c0e10";
	size_t n = 0;

	assert_true(bytes_from_hex(hex, sizeof(hex) - 1, out, 256, &n));
	patch_u32(out, number);
	patch_u32(out + 24, (uint32_t)n);
	patch_u16(out + WIRE_HEADER + 2, (uint16_t)(n - WIRE_HEADER));
	patch_u16(out + WIRE_HEADER + 14, (uint16_t)(n - WIRE_HEADER - 12));
	patch_u16(out + WIRE_HEADER + 22, (uint16_t)(n - WIRE_HEADER - 20));
	return n;
}

static void
flood(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	struct net_endpoint from = p->host[0].local;
	uint8_t m[256];
	uint64_t id;

	(void)state;
	p->filter = NULL;
	for (uint32_t i = 1; i <= 2000; i++) {
		size_t n = message1(m, i);
		unsigned before = p->host[1].sent;
		pair_datagram(p, 1, &from, bytes_of(m, n));
		assert_int_equal(p->host[1].sent, before + 1);
		assert_true(p->flight[p->flights - 1].n * 2 <= n * 3); /* no amplifier */
		while (p->flights != 0)
			free(p->flight[--p->flights].octets);
	}
	assert_int_equal(ike_half_open_count(p->host[1].e), IKE_HALF_OPEN_PER_PEER);
	assert_int_equal(ike_count(p->host[1].e, IKE_N_HALF_OPEN_REFUSED),
		2000 - IKE_HALF_OPEN_PER_PEER);
	/* the peer whose address was forged gets in */
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	pair_run(p, 60000);
	assert_int_equal(ike_half_open_count(p->host[1].e), 0);
	assert_int_equal(ike_sa_count(p->host[1].e), 1);
	assert_false(pair_logged(p, 1, "phase 1 failed"));
	pair_free(p);
}

static void
flood_from_everywhere(void **state)
{
	static const char any[] =
		"remote anonymous { exchange_mode main; proposal { encryption_algorithm aes;"
		" hash_algorithm sha1; authentication_method pre_shared_key; dh_group 2; } } # %s";
	struct pair *p = pair_new(NULL, NULL, any, NULL);
	struct ike *e = p->host[1].e;
	struct net_endpoint from = p->host[0].local;
	uint8_t m[256];

	(void)state;
	for (uint32_t i = 1; i <= 3000; i++) {
		size_t n = message1(m, i);
		from.addr = net_ipv4(0x0a000000 + i);
		pair_datagram(p, 1, &from, bytes_of(m, n));
		while (p->flights != 0)
			free(p->flight[--p->flights].octets);
	}
	/* no key for these: nothing is kept at all */
	assert_int_equal(ike_half_open_count(e), 0);
	assert_int_equal(e->peers.count, 0);
	pair_free(p);
}

/* ---------------------------------------------------------------------------- two beginners --- */

static void
both_begin(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t a = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	uint64_t b = pair_command(p, 1, IKE_CMD_ESTABLISH, false);

	(void)state;
	pair_run(p, 100);
	assert_int_equal(pair_reply_to(p, 0, a)->status, ST_NORMAL);
	assert_int_equal(pair_reply_to(p, 1, b)->status, ST_NORMAL);
	pair_run(p, IKE_GRACE_MS + IKE_GRACE_SPREAD_MS);
	assert_int_equal(pair_up(p, 0), 1);
	assert_int_equal(pair_up(p, 1), 1);
	pair_free(p);
}

/* Jobs outstanding when the exchange dies are waited for and their results thrown away. */
static void
jobs_outlive(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);

	(void)state;
	p->host[0].hold_jobs = p->host[1].hold_jobs = true;
	pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 10);
	assert_int_equal(p->host[0].jobs, 1);
	pair_jobs(p, 0);
	pair_run(p, 10);
	assert_int_equal(p->host[1].jobs, 1);
	pair_run(p, 60000); /* both give up meanwhile */
	assert_int_equal(ike_sa_count(p->host[0].e), 0);
	assert_int_equal(ike_sa_count(p->host[1].e), 0);
	pair_jobs(p, 1);
	assert_int_equal(p->host[1].e->jobs.count, 0);
	pair_free(p);
}

/* Message 5 comes while the responder still computes: it is kept, not lost. */
static void
message5_waits_for_keys(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);

	(void)state;
	p->host[1].hold_jobs = true;
	pair_run(p, 10);
	assert_int_equal(p->host[1].jobs, 1); /* its key pair */
	pair_jobs(p, 1);                      /* sends message 4, and begins with the secret */
	assert_int_equal(p->host[1].jobs, 0);
	pair_run(p, 10);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	pair_free(p);
}

/* -------------------------------------------------------------------------------- the table --- */

static void
rows_are_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < v1_row_count; i++) {
		const struct ike_row *r = &v1_rows[i];
		assert_non_null(r->story);
		assert_true(r->from != r->to && r->to != IKE_S_START);
		assert_int_equal(r->need & r->may, 0);
		assert_true((r->twice & ~(r->need | r->may)) == 0);
		assert_true(r->recv != NULL);
		for (size_t k = i + 1; k < v1_row_count; k++)
			assert_false(v1_rows[k].exchange == r->exchange &&
				     v1_rows[k].side == r->side && v1_rows[k].from == r->from);
		/* every state but START is reached, every state but UP goes on */
		bool reached = r->from == IKE_S_START, goes_on = r->to == IKE_S_UP;
		for (size_t k = 0; k < v1_row_count; k++) {
			const struct ike_row *o = &v1_rows[k];
			if (o->exchange != r->exchange || o->side != r->side)
				continue;
			reached |= o->to == r->from || o->detour == r->from;
			goes_on |= o->from == r->to;
		}
		assert_true(reached && goes_on);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(establishes),
		cmocka_unit_test(copies),
		cmocka_unit_test(algorithms),
		cmocka_unit_test(wrong_psk),
		cmocka_unit_test(no_common_proposal),
		cmocka_unit_test(wrong_identity),
		cmocka_unit_test(identity_unverified),
		cmocka_unit_test(nothing_to_verify),
		cmocka_unit_test(silent_peer),
		cmocka_unit_test(refused_at_once),
		cmocka_unit_test(any_one_lost),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(replayed),
		cmocka_unit_test(strangers),
		cmocka_unit_test(garbage_is_survived),
		cmocka_unit_test(flood),
		cmocka_unit_test(flood_from_everywhere),
		cmocka_unit_test(both_begin),
		cmocka_unit_test(jobs_outlive),
		cmocka_unit_test(message5_waits_for_keys),
		cmocka_unit_test(rows_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
