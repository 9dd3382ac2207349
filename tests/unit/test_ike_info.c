/*
 * test_ike_info.c - Delete, Notify, INITIAL-CONTACT, and the commands that send them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "racoon/ikev1/v1_prop.h"
#include "racoon/ikev1/v1_rows.h"
#include "tests/unit/ike_pair.h"

static struct pair *
up(const char *rule1, const char *rule2)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);

	pair_policies(p, rule1, rule2);
	pair_acquire(p, 0);
	pair_run(p, 1000);
	assert_int_equal(pair_up(p, 0), 1);
	assert_true(pair_children(p, 1) > 0);
	return p;
}

static void
nothing_left(const struct pair *p, int side)
{
	assert_int_equal(ike_sa_count(p->host[side].e), 0);
	assert_int_equal(pair_children(p, side), 0);
	assert_int_equal(pair_sas(p, side), 0);
	assert_true(list_empty(&p->host[side].e->children));
}

static void
flush_tells_the_peer(void **state)
{
	struct pair *p = up("esp/transport", "ah/transport");
	uint64_t id = pair_command(p, 0, IKE_CMD_FLUSH, false);

	(void)state;
	assert_non_null(pair_reply_to(p, 0, id));
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	assert_string_equal(pair_reply_to(p, 0, id)->detail,
		"1 ISAKMP-SA, 1 IPsec-SA pairs deleted");
	pair_run(p, 1000);
	nothing_left(p, 0);
	nothing_left(p, 1);
	assert_true(pair_logged(p, 1, "purged IPsec-SA proto_id=ESP spi="));
	assert_int_equal(p->host[1].notes[IKE_NOTE_PH1_DOWN], 1);
	assert_int_equal(p->host[1].notes[IKE_NOTE_PH2_DOWN], 1);
	/* traffic brings it back */
	pair_acquire(p, 1);
	pair_run(p, 1000);
	assert_int_equal(pair_children(p, 0), 2);
	assert_true(pair_agree(p, 0) && pair_agree(p, 1));
	pair_free(p);
}

static void
scopes(void **state)
{
	struct pair *p = up("esp/tunnel", NULL);
	struct ike_event ev = { .type = IKE_EV_COMMAND,
		.command = { .id = 50, .type = IKE_CMD_FLUSH, .scope = IKE_SCOPE_IPSEC } };

	(void)state;
	pair_event(p, 1, &ev);
	pair_run(p, 100);
	assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 2);
	assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 0);
	pair_acquire(p, 0);
	pair_run(p, 100);
	ev.command.id = 51;
	ev.command.scope = IKE_SCOPE_ISAKMP;
	pair_event(p, 1, &ev);
	pair_run(p, 100);
	assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 0);
	assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 4);
	/* no phase 1 is left to tell the peer with; both ends' own SAs go all the same */
	ev.command.id = 52;
	ev.command.scope = IKE_SCOPE_ALL;
	pair_event(p, 0, &ev);
	pair_event(p, 1, &ev);
	nothing_left(p, 0);
	nothing_left(p, 1);
	pair_free(p);
}

static void
delete_one_peer(void **state)
{
	struct pair *p = up("esp/tunnel", NULL);
	struct ike_event ev = { .type = IKE_EV_COMMAND,
		.command = { .id = 60, .type = IKE_CMD_DELETE, .scope = IKE_SCOPE_ALL } };
	uint64_t id;

	(void)state;
	assert_true(net_addr_parse("10.9.9.9", &ev.command.remote));
	pair_event(p, 0, &ev);
	assert_int_equal(pair_reply_to(p, 0, 60)->status, ST_NOSUCHSA);
	id = pair_command(p, 0, IKE_CMD_DELETE, false);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	pair_run(p, 100);
	nothing_left(p, 1);
	pair_free(p);
}

static void
shutdown_is_final(void **state)
{
	struct pair *p = up("esp/tunnel", NULL);
	uint64_t id = pair_command(p, 1, IKE_CMD_SHUTDOWN, false);

	(void)state;
	assert_int_equal(pair_reply_to(p, 1, id)->status, ST_NORMAL);
	nothing_left(p, 1);
	pair_run(p, 1000);
	nothing_left(p, 0);
	pair_acquire(p, 1);
	id = pair_command(p, 1, IKE_CMD_ESTABLISH, false);
	assert_int_equal(pair_reply_to(p, 1, id)->status, ST_CANCELLED);
	pair_acquire(p, 0);
	pair_run(p, 60000);
	nothing_left(p, 1);
	pair_free(p);
}

static void
cancelled(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	struct ike_event ev = { .type = IKE_EV_COMMAND, .command = { .type = IKE_CMD_CANCEL } };
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);

	(void)state;
	ev.command.cancels = id;
	pair_event(p, 0, &ev);
	pair_run(p, 1000);
	assert_null(pair_reply_to(p, 0, id));
	assert_int_equal(pair_up(p, 0), 1); /* what was begun goes on */
	pair_free(p);
}

static void
flush_while_establishing(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t a = pair_command(p, 0, IKE_CMD_ESTABLISH, false), b;

	(void)state;
	p->host[0].hold_jobs = true;
	pair_run(p, 3);
	b = pair_command(p, 0, IKE_CMD_FLUSH, false);
	assert_int_equal(pair_reply_to(p, 0, a)->status, ST_FLUSHED);
	assert_int_equal(pair_reply_to(p, 0, b)->status, ST_NORMAL);
	nothing_left(p, 0);
	pair_free(p);
}

/* -------------------------------------------------------------------------------- forgeries --- */

static struct ike_sa *
first_sa(struct pair *p, int side)
{
	assert_false(list_empty(&p->host[side].e->sas));
	return container_of(p->host[side].e->sas.next, struct ike_sa, in_all);
}

static const struct ike_child *
first_child(struct pair *p, int side)
{
	assert_false(list_empty(&p->host[side].e->children));
	return container_of(p->host[side].e->children.next, struct ike_child, in_all);
}

enum forgery { IN_CLEAR, NO_HASH, WRONG_HASH, FIRST_ONLY, RIGHT };

/* A message from side to the other: Notify and Delete of a child, authenticated as told. */
static struct bytes
forge(struct pair *p, int side, enum forgery how)
{
	struct ike *e = p->host[side].e;
	struct ike_sa *sa = first_sa(p, side);
	const struct ike_child *c = first_child(p, side);
	struct wire_notify n = { .doi = WIRE_DOI_IPSEC, .protocol = WIRE_P_ISAKMP,
		.type = WIRE_N_INITIAL_CONTACT };
	uint8_t spi[4], iv[V1_IV_MAX], *hash = NULL;
	struct wire_delete d = { .doi = WIRE_DOI_IPSEC, .protocol = WIRE_P_ESP, .spi_size = 4,
		.count = 1, .spis = bytes_of(spi, 4) };
	struct wire_builder b;
	const uint8_t *from;
	struct bytes covered;

	patch_u32(spi, c->pair[0].spi_in);
	v1_begin(e, &b, sa, WIRE_X_INFO, how == IN_CLEAR ? 0 : WIRE_F_ENCRYPTED, 0x1234567);
	if (how != IN_CLEAR && how != NO_HASH)
		hash = wire_add_hole(&b, WIRE_HASH, sa->hash->out);
	from = e->out + WIRE_HEADER + (hash == NULL ? 0 : 4 + sa->hash->out);
	wire_add_notify(&b, &n);
	covered = wire_since(&b, from);
	wire_add_delete(&b, &d);
	if (how == RIGHT)
		covered = wire_since(&b, from);
	if (hash != NULL) {
		/* the generic header of the first payload names the next one by now */
		assert_int_equal(v1_hash_info(e->env.cry, sa->hash, secret_view(&sa->keys.a),
					 0x1234567, covered, hash),
			ST_NORMAL);
		if (how == WRONG_HASH)
			hash[sa->hash->out - 1] ^= 1;
	}
	if (how == IN_CLEAR)
		return wire_finish(&b);
	assert_int_equal(v1_message_iv(e, sa, 0x1234567, iv), ST_NORMAL);
	return v1_seal(e, sa, &b, iv);
}

static void
hash_covers_the_whole_message(void **state)
{
	static const enum forgery bad[] = { IN_CLEAR, NO_HASH, WRONG_HASH, FIRST_ONLY };
	struct pair *p = up("esp/tunnel", NULL);
	unsigned before = p->host[1].sent;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct bytes m = forge(p, 0, bad[i]);
		assert_true(m.n != 0);
		pair_datagram(p, 1, &p->host[0].local, m);
		assert_int_equal(pair_children(p, 1), 1);
		assert_int_equal(pair_up(p, 1), 1);
		assert_int_equal(pair_sas(p, 1), 2);
		assert_int_equal(p->host[1].sent, before);
	}
	assert_int_equal(ike_count(p->host[1].e, IKE_N_BAD_HASH), 3);
	pair_datagram(p, 1, &p->host[0].local, forge(p, 0, RIGHT));
	assert_int_equal(pair_children(p, 1), 0);
	assert_int_equal(pair_sas(p, 1), 0);
	pair_free(p);
}

/* CVE-2007-1841 and its like: in the clear while phase 1 is being negotiated. */
static void
hint_does_not_end_the_exchange(void **state)
{
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	struct ike_sa *sa = first_sa(p, 0);
	struct wire_header h = { .version = WIRE_VERSION_1, .exchange = WIRE_X_INFO,
		.message_id = 99 };
	struct wire_notify n = { .doi = WIRE_DOI_IPSEC, .protocol = WIRE_P_ISAKMP,
		.type = WIRE_N_NO_PROPOSAL_CHOSEN };
	struct wire_delete d = { .doi = WIRE_DOI_IPSEC, .protocol = WIRE_P_ISAKMP, .spi_size = 16,
		.count = 1, .spis = bytes_of(sa->cookie_i, 16) };
	uint8_t out[256];
	struct wire_builder b;

	(void)state;
	memcpy(h.cookie_i, sa->cookie_i, V1_COOKIE);
	for (int i = 0; i < 5; i++) {
		wire_begin(&b, out, sizeof(out), &h);
		if (i % 2 == 0)
			wire_add_notify(&b, &n);
		else
			wire_add_delete(&b, &d);
		pair_datagram(p, 0, &p->host[1].local, wire_finish(&b));
		assert_null(pair_reply_to(p, 0, id));
	}
	assert_int_equal(p->host[0].sent, 1);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	pair_free(p);
}

/* weak_phase1_check: such a Delete ends the negotiation, and no more than that. */
static void
weak_phase1_check(void **state)
{
	(void)state;
	for (int up_already = 0; up_already < 2; up_already++) {
		struct pair *p = pair_new("remote %s { exchange_mode main; weak_phase1_check on;"
			" proposal { encryption_algorithm aes; hash_algorithm sha256;"
			" authentication_method pre_shared_key; dh_group 2; } }",
			NULL, "remote %s { exchange_mode main;"
			" proposal { encryption_algorithm aes; hash_algorithm sha256;"
			" authentication_method pre_shared_key; dh_group 2; } }", NULL);
		uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
		struct ike_sa *sa = first_sa(p, 0);
		struct wire_header h = { .version = WIRE_VERSION_1, .exchange = WIRE_X_INFO,
			.message_id = 99 };
		uint8_t cookies[16], out[256];
		struct wire_delete d = { .doi = WIRE_DOI_IPSEC, .protocol = WIRE_P_ISAKMP,
			.spi_size = 16, .count = 1, .spis = bytes_of(cookies, 16) };
		struct wire_builder b;

		if (up_already)
			pair_run(p, 1000);
		memcpy(cookies, sa->cookie_i, 8);
		memcpy(cookies + 8, sa->cookie_r, 8);
		memcpy(h.cookie_i, sa->cookie_i, V1_COOKIE);
		memcpy(h.cookie_r, sa->cookie_r, V1_COOKIE);
		wire_begin(&b, out, sizeof(out), &h);
		wire_add_delete(&b, &d);
		pair_datagram(p, 0, &p->host[1].local, wire_finish(&b));
		assert_non_null(pair_reply_to(p, 0, id));
		assert_int_equal(pair_reply_to(p, 0, id)->status,
			up_already ? ST_NORMAL : ST_PEERREFUSED);
		assert_int_equal(pair_up(p, 0), up_already);
		pair_free(p);
	}
}

/* RFC 2409 5.6: an authentic new group mode is refused by a notify; a forged one by silence. */
static void
new_group_mode(void **state)
{
	struct pair *p = up("esp/tunnel", NULL);
	struct ike_sa *sa = first_sa(p, 0);
	struct ike *e = p->host[0].e;
	struct wire_notify n = { .doi = WIRE_DOI_IPSEC, .protocol = WIRE_P_ISAKMP, .type = 1 };

	(void)state;
	for (int bad = 1; bad >= 0; bad--) {
		struct wire_builder b;
		uint8_t iv[V1_IV_MAX], *hash, copy[512];
		unsigned before = p->host[1].sent;
		v1_begin(e, &b, sa, WIRE_X_NEW_GROUP, WIRE_F_ENCRYPTED, 0x7654321);
		hash = wire_add_hole(&b, WIRE_HASH, sa->hash->out);
		wire_add_notify(&b, &n);
		assert_int_equal(v1_hash_info(e->env.cry, sa->hash, secret_view(&sa->keys.a),
					 0x7654321, wire_since(&b, hash + sa->hash->out), hash),
			ST_NORMAL);
		hash[0] ^= (uint8_t)bad;
		assert_int_equal(v1_message_iv(e, sa, 0x7654321, iv), ST_NORMAL);
		struct bytes m = v1_seal(e, sa, &b, iv);
		memcpy(copy, m.p, m.n);
		m.p = copy;
		pair_datagram(p, 1, &p->host[0].local, m);
		assert_int_equal(p->host[1].sent - before, bad ? 0 : 1);
		pair_datagram(p, 1, &p->host[0].local, m); /* again: no second answer */
		assert_int_equal(p->host[1].sent - before, bad ? 0 : 1);
	}
	pair_run(p, 100);
	assert_true(pair_logged(p, 1, "new group mode is refused"));
	assert_true(pair_logged(p, 0, "received notify ATTRIBUTES-NOT-SUPPORTED"));
	assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 2);
	pair_free(p);
}

/* DELETE with a local address: only the SAs between these two. */
static void
delete_honours_local(void **state)
{
	struct pair *p = up("esp/tunnel", NULL);
	struct ike_event ev = { .type = IKE_EV_COMMAND,
		.command = { .id = 70, .type = IKE_CMD_DELETE, .scope = IKE_SCOPE_ALL } };

	(void)state;
	ev.command.remote = p->host[1].local.addr;
	ev.command.local = net_ipv4(0x0a000063);
	pair_event(p, 0, &ev);
	assert_int_equal(pair_reply_to(p, 0, 70)->status, ST_NOSUCHSA);
	assert_int_equal(pair_up(p, 0), 1);
	ev.command.id = 71;
	ev.command.local = p->host[0].local.addr;
	pair_event(p, 0, &ev);
	assert_int_equal(pair_reply_to(p, 0, 71)->status, ST_NORMAL);
	nothing_left(p, 0);
	pair_free(p);
}

/* ----------------------------------------------------------------------------------- RELOAD --- */

static struct rc_config *
changed(const struct pair *p, const char *from, const char *to)
{
	struct rc_options o = { .cry = p->cry, .hash_key = { 7, 11 } };
	struct stmt_errors errors = { 0 };
	struct rc_config *c = NULL;
	const char *mark = strstr(pair_conf, "%s");
	char text[4096], *at;

	snprintf(text, sizeof(text), "%.*s192.168.2.100%s", (int)(mark - pair_conf), pair_conf,
		mark + 2);
	at = strstr(text, from);
	assert_non_null(at);
	char *rest = strdup(at + strlen(from));
	snprintf(at, sizeof(text) - (size_t)(at - text), "%s%s", to, rest);
	free(rest);
	assert_int_equal(rc_load_text("t", text, "192.168.2.100 secret\n", &o, &c, &errors),
		ST_NORMAL);
	stmt_errors_free(&errors);
	return c;
}

/* A new configuration keeps what it could have led to, and nothing else. */
static void
reload_keeps_what_fits(void **state)
{
	static const struct {
		const char *from, *to;
		unsigned up, children;
	} cases[] = {
		{ "lifetime time 20 min", "lifetime time 10 min", 1, 1 },
		{ "exchange_mode main", "exchange_mode aggressive, main", 1, 1 },
		{ "exchange_mode main", "exchange_mode aggressive", 0, 1 },
		{ "encryption_algorithm aes 128", "encryption_algorithm 3des", 0, 1 },
		{ "dh_group 2", "dh_group 5", 0, 1 },
		{ "encryption_algorithm aes 256, 3des", "encryption_algorithm 3des", 1, 0 },
		{ "sainfo anonymous",
			"sainfo address 10.0.0.0/8 any address 10.0.0.0/8 any", 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pair *p = up("esp/tunnel", NULL);
		struct rc_config *old = p->host[0].config;
		struct ike_event ev = { .type = IKE_EV_CONFIG,
			.config = changed(p, cases[i].from, cases[i].to) };
		p->host[0].config = (struct rc_config *)(uintptr_t)ev.config;
		pair_event(p, 0, &ev);
		rc_free(old);
		if (pair_up(p, 0) != cases[i].up || pair_children(p, 0) != cases[i].children)
			print_message("case %zu\n", i);
		assert_int_equal(pair_up(p, 0), cases[i].up);
		assert_int_equal(pair_children(p, 0), cases[i].children);
		pair_run(p, 500); /* the peer has been told */
		assert_int_equal(pair_up(p, 1), cases[i].up);
		assert_int_equal(pair_children(p, 1), cases[i].children);
		pair_free(p);
	}
}

/* -------------------------------------------------------------------------- INITIAL-CONTACT --- */

static void
restart(struct pair *p, int side)
{
	struct pair_host *h = &p->host[side];
	struct ike_env env = h->e->env;
	struct ike_event ev = { .type = IKE_EV_CONFIG };

	ike_free(h->e);
	memset(h->sa, 0, sizeof(h->sa));
	h->e = ike_new(&env);
	assert_non_null(h->e);
	ev.config = h->config;
	pair_event(p, side, &ev);
	ev = (struct ike_event){ .type = IKE_EV_ADDRESSES,
		.addresses = { .local = &h->local, .count = 1 } };
	pair_event(p, side, &ev);
	pair_policies(p, "esp/tunnel", NULL);
}

static void
initial_contact(void **state)
{
	(void)state;
	/* who comes back begins, or its peer does: the old SAs go in either case */
	for (int beginner = 0; beginner < 2; beginner++) {
		struct pair *p = up("esp/tunnel", NULL);
		restart(p, 0);
		assert_int_equal(pair_children(p, 1), 1);
		if (beginner == 1) { /* its phase 1 is gone, but it does not know about ours */
			struct ike_event ev = { .type = IKE_EV_COMMAND,
				.command = { .id = 9, .type = IKE_CMD_FLUSH,
					.scope = IKE_SCOPE_ISAKMP } };
			pair_event(p, 1, &ev);
		}
		pair_acquire(p, beginner);
		pair_run(p, 1000);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(pair_up(p, i), 1);
			assert_int_equal(pair_children(p, i), 1);
			assert_int_equal(pair_sas(p, i), 2);
			assert_true(pair_agree(p, i));
		}
		pair_free(p);
	}
}

static void
others_delete(void **state)
{
	struct pair *p = up("esp/tunnel", NULL);
	struct sadb_msg m = { .op = SADB_OP_DELETE, .has_sa = true };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };
	const struct ike_child *c = first_child(p, 0);

	(void)state;
	ike_child_sa(c, &c->pair[0], false, &m.sa);
	pair_event(p, 0, &ev);
	pair_run(p, 100);
	assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 0);
	pair_acquire(p, 0);
	pair_run(p, 100);
	m = (struct sadb_msg){ .op = SADB_OP_FLUSH };
	pair_event(p, 1, &ev);
	pair_run(p, 100);
	assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 0);
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flush_tells_the_peer),
		cmocka_unit_test(scopes),
		cmocka_unit_test(delete_one_peer),
		cmocka_unit_test(shutdown_is_final),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(flush_while_establishing),
		cmocka_unit_test(hash_covers_the_whole_message),
		cmocka_unit_test(hint_does_not_end_the_exchange),
		cmocka_unit_test(initial_contact),
		cmocka_unit_test(weak_phase1_check),
		cmocka_unit_test(new_group_mode),
		cmocka_unit_test(delete_honours_local),
		cmocka_unit_test(reload_keeps_what_fits),
		cmocka_unit_test(others_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
