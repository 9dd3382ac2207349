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
	assert_int_equal(establish(p, 10), ST_UNSUPPORTED);
	pair_free(p);
	p = pair_new(NULL, NULL, NULL, NULL);
	p->host[0].config->remote[0]->mode[0] = RC_BASE;
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
	assert_int_equal(establish(p, 40000), ST_NORESPONSE);
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
		cmocka_unit_test(payload_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
