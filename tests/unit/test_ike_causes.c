/*
 * test_ike_causes.c - why something failed or ended is named: the rarer conditions.
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

static void
failed(const struct pair *p, int side, unsigned phase, enum status status)
{
	struct ike_failure_view f;

	for (unsigned i = 0; ike_show_failure(p->host[side].e, i, &f); i++)
		if (f.phase == phase && f.status == status)
			return;
	print_message("no failure %s\n", status_row(status)->ident);
	assert_true(false);
}

static enum status
establish(struct pair *p, int64_t within)
{
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);

	pair_run(p, within);
	assert_non_null(pair_reply_to(p, 0, id));
	return pair_reply_to(p, 0, id)->status;
}

static void
identity_type(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	struct rc_remote *r = p->host[0].config->remote[0];

	(void)state;
	r->my_id = (struct rc_id){ .type = RC_ID_FQDN, .value = bytes_str("host.example.net") };
	assert_int_equal(establish(p, 10), ST_IDTYPE);
	assert_int_equal(p->host[0].sent, 0);
	pair_free(p);
}

static void
method(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);

	(void)state;
	p->host[0].config->remote[0]->proposal[0].auth = RC_AUTH_RSASIG;
	assert_int_equal(establish(p, 10), ST_NOOWNCERT);
	pair_free(p);
	p = pair_new(NULL, NULL, NULL, NULL);
	p->host[0].config->remote[0]->proposal[0].auth = RC_AUTH_GSSAPI;
	assert_int_equal(establish(p, 10), ST_UNSUPPORTED);
	pair_free(p);
	p = pair_new(NULL, NULL, NULL, NULL);
	p->host[0].config->remote[0]->mode[0] = (enum rc_exchange)3; /* no such mode */
	assert_int_equal(establish(p, 10), ST_UNSUPPORTED);
	pair_free(p);
}

static void
limit(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);

	(void)state;
	p->host[0].e->env.limits.sas = 0;
	assert_int_equal(establish(p, 10), ST_LIMIT);
	pair_free(p);
}

static bool
all_lost(struct pair *p, int from, uint8_t *octets, size_t n)
{
	(void)p, (void)from, (void)octets, (void)n;
	return false;
}

static void
no_phase1(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	p->filter = all_lost;
	pair_acquire(p, 0);
	pair_run(p, 40000);
	failed(p, 0, 1, ST_NORESPONSE);
	failed(p, 0, 2, ST_NOPHASE1);
	assert_true(list_empty(&p->host[0].e->children));
	pair_free(p);
}

static bool
no_message5(struct pair *p, int from, uint8_t *octets, size_t n)
{
	(void)p, (void)n;
	return from == 1 || (octets[19] & WIRE_F_ENCRYPTED) == 0;
}

static void
time_up(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);

	(void)state;
	p->filter = no_message5;
	assert_int_equal(establish(p, 40000), ST_NOAUTHANSWER);
	failed(p, 1, 1, ST_TIMEUP);
	pair_free(p);
}

/* CVE-2015-3240 and its like: 0, 1, p-1, p are refused, and so is a value of another length. */
static bool
bad_value(struct pair *p, int from, uint8_t *octets, size_t n)
{
	uint8_t *ke = octets + WIRE_HEADER + WIRE_GENERIC;

	if (from != *(int *)p->user || octets[16] != WIRE_KE || n < WIRE_HEADER + 132)
		return true;
	memset(ke, 0, 128);
	ke[127] = 1;
	return true;
}

static void
weak_public_value(void **state)
{
	(void)state;
	for (int who = 0; who < 2; who++) {
		struct pair *p = pair_new(NULL, NULL, NULL, NULL);
		p->user = &who;
		p->filter = bad_value;
		enum status status = establish(p, 40000);
		assert_int_not_equal(status, ST_NORMAL);
		failed(p, !who, 1, ST_BADKE);
		assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 0);
		pair_free(p);
	}
}

static void
other_complaints(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t id;
	struct wire_header h = { .version = WIRE_VERSION_1, .exchange = WIRE_X_INFO };
	struct wire_notify n = { .doi = WIRE_DOI_IPSEC, .protocol = WIRE_P_ISAKMP,
		.type = WIRE_N_SITUATION_NOT_SUPPORTED };
	struct wire_builder b;
	uint8_t out[256];

	(void)state;
	p->filter = all_lost;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	const struct ike_sa *sa = container_of(p->host[0].e->sas.next, struct ike_sa, in_all);
	memcpy(h.cookie_i, sa->cookie_i, V1_COOKIE);
	wire_begin(&b, out, sizeof(out), &h);
	wire_add_notify(&b, &n);
	pair_datagram(p, 0, &p->host[1].local, wire_finish(&b));
	pair_run(p, 5000);
	assert_non_null(pair_reply_to(p, 0, id));
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_PEERREFUSED);
	assert_non_null(strstr(pair_reply_to(p, 0, id)->detail, "SITUATION-NOT-SUPPORTED"));
	pair_free(p);
}

/* Why an SA went is told in the note that says so. */
static void
endings(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	pair_acquire(p, 0);
	pair_run(p, 100);
	pair_command(p, 0, IKE_CMD_FLUSH, false);
	pair_run(p, 100);
	assert_int_equal(p->host[0].note_status[IKE_NOTE_PH1_DOWN], ST_FLUSHED);
	assert_int_equal(p->host[0].note_status[IKE_NOTE_PH2_DOWN], ST_FLUSHED);
	assert_int_equal(p->host[1].note_status[IKE_NOTE_PH1_DOWN], ST_PEERDELETED);
	assert_int_equal(p->host[1].note_status[IKE_NOTE_PH2_DOWN], ST_PEERDELETED);
	pair_acquire(p, 0);
	pair_run(p, 1100 * 1000); /* one renewal */
	assert_int_equal(p->host[0].note_status[IKE_NOTE_PH2_DOWN], ST_REPLACED);
	p->filter = all_lost;
	pair_run(p, 4000 * 1000);
	assert_int_equal(p->host[0].note_status[IKE_NOTE_PH2_DOWN], ST_EXPIRED);
	assert_int_equal(p->host[0].note_status[IKE_NOTE_PH1_DOWN], ST_EXPIRED);
	pair_free(p);
}

/* What does not fit is dropped for a reason of its own, and counted. */
static void
drops(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	struct ike *e = p->host[0].e;
	struct wire_header h = { .version = WIRE_VERSION_1, .exchange = WIRE_X_MAIN };
	uint8_t nonce[16] = { 1 };
	struct wire_msg m;
	struct wire_builder b;
	uint8_t out[256];

	(void)state;
	p->filter = all_lost;
	pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	struct ike_sa *sa = container_of(e->sas.next, struct ike_sa, in_all);
	wire_begin(&b, out, sizeof(out), &h);
	wire_add_data(&b, WIRE_NONCE, bytes_of(nonce, sizeof(nonce)));
	struct bytes message = wire_finish(&b);
	assert_int_equal(wire_parse(WIRE_NONCE, wire_payloads_of(message), false, &m, NULL),
		ST_NORMAL);
	assert_int_equal(ike_run(e, sa->x, &h, &m), ST_INVALIDPAYLOAD);
	h.flags = WIRE_F_ENCRYPTED;
	assert_int_equal(ike_run(e, sa->x, &h, &m), ST_INVALIDPAYLOAD);
	h.exchange = WIRE_X_AGGRESSIVE;
	assert_int_equal(ike_run(e, sa->x, &h, &m), ST_INVALIDEXCH);
	assert_int_equal(sa->x->state, IKE_S_MSG1_SENT);
	assert_int_equal(ike_count(e, IKE_N_MALFORMED), 1);
	pair_free(p);
}

/* A quick mode message of the peer with one bit of its HASH turned, sealed as it should be. */
static struct bytes
with_bad_hash(struct pair *p, int to, uint8_t *octets, size_t n)
{
	struct ike *e = p->host[to].e;
	const struct ike_sa *sa = container_of(e->sas.next, struct ike_sa, in_all);
	uint32_t id = get_u32(octets + 20);
	const struct ike_child *c = ike_child_by_msgid(e, sa, id);
	uint8_t iv[V1_IV_MAX], again[V1_IV_MAX], *hash = octets + WIRE_HEADER + WIRE_GENERIC;

	if (c != NULL && c->x != NULL)
		memcpy(iv, c->x->iv, sizeof(iv));
	else
		assert_int_equal(v1_message_iv(e, sa, id, iv), ST_NORMAL);
	memcpy(again, iv, sizeof(iv));
	assert_int_equal(v1_open(e, sa, iv, octets + WIRE_HEADER, n - WIRE_HEADER), ST_NORMAL);
	assert_int_equal(octets[16], WIRE_HASH);
	hash[sa->hash->out - 1] ^= 1;
	assert_int_equal(cry_cbc(p->cry, sa->encr, secret_view(&sa->keys.key), again,
				 octets + WIRE_HEADER, n - WIRE_HEADER, true),
		ST_NORMAL);
	return bytes_of(octets, n);
}

/* Before each quick mode message its forgery, from the peer's own address. */
static bool
forgery_first(struct pair *p, int from, uint8_t *octets, size_t n)
{
	struct net_endpoint here = p->host[from].local;
	uint64_t before = ike_count(p->host[!from].e, IKE_N_BAD_HASH);
	unsigned sent = p->host[!from].sent;
	uint8_t copy[2048];

	if (octets[18] != WIRE_X_QUICK)
		return true;
	assert_true(n <= sizeof(copy));
	memcpy(copy, octets, n);
	pair_datagram(p, !from, &here, with_bad_hash(p, !from, copy, n));
	assert_int_equal(ike_count(p->host[!from].e, IKE_N_BAD_HASH), before + 1);
	assert_int_equal(p->host[!from].sent, sent);
	assert_true(pair_logged(p, !from, status_row(ST_BADHASH)->text));
	assert_int_equal(pair_children(p, !from), 0);
	return true;
}

/* Quick mode messages 1, 2 and 3 with a wrong hash: ST_BADHASH, dropped, the exchange goes on. */
static void
bad_hash(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);

	(void)state;
	pair_policies(p, "esp/tunnel", NULL);
	assert_int_equal(establish(p, 100), ST_NORMAL);
	p->filter = forgery_first;
	pair_acquire(p, 0);
	pair_run(p, 1000);
	assert_int_equal(ike_count(p->host[0].e, IKE_N_BAD_HASH), 1);
	assert_int_equal(ike_count(p->host[1].e, IKE_N_BAD_HASH), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_children(p, i), 1);
		assert_true(pair_agree(p, i));
	}
	pair_free(p);
}

struct kept { /* the first message 1 that was seen */
	uint8_t octets[1024];
	size_t n;
};

static bool
keep_first(struct pair *p, int from, uint8_t *octets, size_t n)
{
	struct kept *k = p->user;

	if (from == 0 && k->n == 0 && n <= sizeof(k->octets)) {
		memcpy(k->octets, octets, n);
		k->n = n;
	}
	return no_message5(p, from, octets, n);
}

/* Another message 1 like it, with a cookie of its own; true: there was an answer. */
static bool
another_first(struct pair *p, struct kept *k, uint16_t port)
{
	struct net_endpoint from = p->host[0].local;
	unsigned before = p->host[1].sent;

	from.port = port;
	k->octets[0]++;
	pair_datagram(p, 1, &from, bytes_of(k->octets, k->n));
	return p->host[1].sent != before;
}

/*
 * The limits of ST_HALFOPEN, for one peer and for all: what has shown that it receives stays, what
 * has not makes room, and who means it gets through in the end.
 */
static void
half_open(void **state)
{
	(void)state;
	for (int overall = 0; overall < 2; overall++) {
		struct pair *p = pair_new(NULL, NULL, NULL, NULL);
		struct ike_limits *l = &p->host[1].e->env.limits;
		struct kept k = { .n = 0 };
		*(overall ? &l->half_open : &l->half_open_per_peer) = 1;
		p->user = &k;
		p->filter = keep_first;
		pair_command(p, 0, IKE_CMD_ESTABLISH, false);
		pair_run(p, 100);
		/* message 3 has come: proven, so there is no room */
		assert_int_equal(ike_half_open_count(p->host[1].e), 1);
		assert_false(another_first(p, &k, 500));
		assert_true(pair_logged(p, 1, status_row(ST_HALFOPEN)->text));
		assert_int_equal(ike_count(p->host[1].e, IKE_N_HALF_OPEN_REFUSED), 1);
		assert_int_equal(ike_half_open_count(p->host[1].e), 1);
		pair_run(p, 60000);
		assert_int_equal(ike_half_open_count(p->host[1].e), 0);
		/* strangers who never go on: each gives way to the next */
		for (uint16_t i = 0; i < 3; i++) {
			assert_true(another_first(p, &k, (uint16_t)(1000 + i)));
			assert_int_equal(ike_half_open_count(p->host[1].e), 1);
		}
		assert_int_equal(ike_count(p->host[1].e, IKE_N_HALF_OPEN_REFUSED), 3);
		p->filter = NULL;
		assert_int_equal(establish(p, 1000), ST_NORMAL);
		assert_int_equal(ike_half_open_count(p->host[1].e), 0);
		pair_free(p);
	}
}

/* Payload sets: unknown ones of the private range are let pass, others and doubles are not. */
static void
payload_sets(void **state)
{
	const struct ike_row *row = ike_row_find(WIRE_X_MAIN, IKE_RESPONDER, IKE_S_MSG2_SENT);
	struct wire_header h = { .version = WIRE_VERSION_1, .exchange = WIRE_X_MAIN };
	uint8_t data[16] = { 0 };
	static const struct {
		uint8_t extra;
		bool fine;
	} cases[] = { { WIRE_VENDOR, true }, { 200, true }, { 60, false }, { WIRE_NONCE, false },
		{ WIRE_KE, false }, { WIRE_HASH, false }, { WIRE_CR, true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wire_builder b;
		struct wire_msg m;
		uint8_t out[256];
		wire_begin(&b, out, sizeof(out), &h);
		wire_add_data(&b, WIRE_KE, bytes_of(data, 16));
		wire_add_data(&b, WIRE_NONCE, bytes_of(data, 16));
		wire_add_body(&b, (enum wire_type)cases[i].extra, bytes_of(data, 16));
		struct bytes message = wire_finish(&b);
		assert_int_equal(wire_parse(WIRE_KE, wire_payloads_of(message), false, &m, NULL),
			ST_NORMAL);
		assert_int_equal(ike_set_fault(row, &m) == NULL, cases[i].fine);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_type),
		cmocka_unit_test(method),
		cmocka_unit_test(limit),
		cmocka_unit_test(no_phase1),
		cmocka_unit_test(time_up),
		cmocka_unit_test(weak_public_value),
		cmocka_unit_test(other_complaints),
		cmocka_unit_test(endings),
		cmocka_unit_test(drops),
		cmocka_unit_test(bad_hash),
		cmocka_unit_test(half_open),
		cmocka_unit_test(payload_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
