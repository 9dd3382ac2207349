/*
 * test_ike_natt.c - NAT traversal: versions, detection, port 4500, encapsulation, moving peers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "racoon/ikev1/v1_natt.h"
#include "tests/unit/ike_pair.h"

#define CONF(who, mode, statements)                                                                \
	"timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; natt_keepalive 10 sec;"  \
	" }\n"                                                                                     \
	"remote " who " { exchange_mode " mode "; " statements                                     \
	" proposal { encryption_algorithm aes; hash_algorithm sha256;\n"                           \
	"  authentication_method pre_shared_key; dh_group 2; } }\n"                                \
	"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1;"         \
	" compression_algorithm deflate; }\n"
#define NAT "203.0.113.7"
#define KEYS "secret\n" NAT " secret"

static struct pair *
natted(const char *mode, const char *a, const char *b)
{
	char text[2][2048];
	struct pair *p;

	snprintf(text[0], sizeof(text[0]), CONF("%%s", "%s", "%s"), mode, a);
	snprintf(text[1], sizeof(text[1]), CONF("anonymous", "%s", "%s"), mode, b);
	p = pair_new(text[0], "secret", text[1], KEYS);
	pair_natt(p);
	return p;
}

static void
behind_nat(struct pair *p)
{
	assert_true(net_addr_parse(NAT, &p->nat));
	p->nat_shift = 20000;
}

/* Host 1's policies name the address it sees. */
static void
policies(struct pair *p, const char *rule)
{
	struct net_addr private = p->host[0].local.addr;

	for (int side = 0; side < 2; side++) {
		if (side == 1 && p->nat.family != 0)
			p->host[0].local.addr = p->nat;
		for (enum sp_dir dir = SP_IN; dir <= SP_OUT; dir++) {
			struct sadb_msg m = { .op = SADB_OP_SPDADD, .has_sp = true,
				.sp = pair_policy(p, side, dir, rule, NULL) };
			struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };
			if (strstr(rule, "transport") != NULL && side == 1 && p->nat.family != 0) {
				if (dir == SP_OUT)
					m.sp.sel.dst = net_prefix_host(&p->nat);
				else
					m.sp.sel.src = net_prefix_host(&p->nat);
			}
			pair_event(p, side, &ev);
		}
		p->host[0].local.addr = private;
	}
}

static const struct ipsec_sa *
sa_of(const struct pair *p, int side, bool inbound)
{
	const struct pair_host *h = &p->host[side];

	for (unsigned i = 0; i < PAIR_SAS; i++)
		if (h->sa[i].used && !h->sa[i].larval &&
		    net_addr_equal(&h->sa[i].sa.dst.addr, &h->local.addr) == inbound)
			return &h->sa[i].sa;
	return NULL;
}

static void
up(struct pair *p, const char *rule)
{
	policies(p, rule);
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);
	pair_run(p, 1000);
	assert_non_null(pair_reply_to(p, 0, id));
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_up(p, i), 1);
		assert_int_equal(pair_children(p, i), 1);
		/* what one sends with, the other receives with */
		const struct ipsec_sa *out = sa_of(p, i, false), *in = sa_of(p, !i, true);
		assert_non_null(out);
		assert_non_null(in);
		assert_int_equal(out->spi, in->spi);
		assert_int_equal(out->mode, in->mode);
		assert_memory_equal(&out->encr_key, &in->encr_key, sizeof(in->encr_key));
		assert_int_equal(out->natt, in->natt);
	}
}

static void
detects(void **state)
{
	static const char *const modes[] = { "main", "aggressive", "base" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct pair *p = natted(modes[i], "nat_traversal on;", "nat_traversal on;");
		struct ike_sa_view v;
		uint64_t cursor = 0;
		behind_nat(p);
		up(p, "esp/tunnel");
		assert_true(pair_logged(p, 0, "Selected NAT-T version: RFC 3947"));
		assert_true(pair_logged(p, 0, "NAT detected: ME "));
		assert_true(pair_logged(p, 1, "NAT detected: PEER"));
		assert_true(pair_logged(p, 0, "NAT-T: ports changed to: 192.168.1.100[4500]<->"));
		assert_true(ike_show_sa(p->host[1].e, &cursor, &v));
		assert_int_equal(v.remote.port, 24500);
		assert_int_equal(v.local.port, 4500);
		const struct ipsec_sa *out = sa_of(p, 1, false);
		assert_true(out->natt && !out->natt_non_ike);
		assert_int_equal(out->dst.port, 24500);
		assert_int_equal(out->src.port, 4500);
		assert_true(sa_of(p, 0, false)->natt);
		pair_run(p, 60000);
		assert_in_range(p->keepalives[0], 5, 6);
		assert_int_equal(p->keepalives[1], 0); /* it is behind none */
		pair_command(p, 0, IKE_CMD_FLUSH, false);
		pair_run(p, 10000);
		unsigned before = p->keepalives[0];
		pair_run(p, 60000);
		assert_int_equal(p->keepalives[0], before);
		pair_free(p);
	}
}

static void
no_nat_no_change(void **state)
{
	struct pair *p = natted("main", "nat_traversal on;", "nat_traversal on;");

	(void)state;
	up(p, "esp/tunnel");
	assert_true(pair_logged(p, 0, "NAT not detected"));
	assert_false(sa_of(p, 0, false)->natt);
	assert_false(p->last_natt);
	pair_run(p, 60000);
	assert_int_equal(p->keepalives[0], 0);
	pair_free(p);
}

/* force: encapsulated though there is nothing between. */
static void
forced(void **state)
{
	static const char *const ends[2][2] = { { "nat_traversal force;", "nat_traversal on;" },
		{ "nat_traversal on;", "nat_traversal force;" } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair *p = natted("main", ends[i][0], ends[i][1]);
		up(p, "esp/tunnel");
		assert_true(sa_of(p, 0, false)->natt && sa_of(p, 1, false)->natt);
		assert_int_equal(sa_of(p, 0, false)->dst.port, 4500);
		pair_free(p);
	}
}

/* What goes out is cut before ESP; what comes in is not this end's to cut. */
static void
esp_frag(void **state)
{
	struct pair *p = natted("main", "nat_traversal force; esp_frag 552;", "nat_traversal on;");

	(void)state;
	up(p, "esp/tunnel");
	for (unsigned i = 0; i < PAIR_SAS; i++) {
		const struct ipsec_sa *sa = &p->host[0].sa[i].sa;
		if (p->host[0].sa[i].used)
			assert_int_equal(sa->natt_frag,
				net_addr_equal(&sa->src.addr, &p->host[0].local.addr) ? 552 : 0);
	}
	pair_free(p);
}

/* One that has it off is talked to as ever. */
static void
off_at_one_end(void **state)
{
	static const char *const ends[3][2] = { { "nat_traversal off;", "nat_traversal force;" },
		{ "nat_traversal force;", "nat_traversal off;" }, { "", "" } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair *p = natted("main", ends[i][0], ends[i][1]);
		up(p, "esp/tunnel");
		assert_false(sa_of(p, 0, false)->natt || sa_of(p, 1, false)->natt);
		assert_false(pair_logged(p, 0, "NAT-D payload"));
		pair_free(p);
	}
}

/* Without a socket for it, it is not announced. */
static void
no_socket(void **state)
{
	char a[2048];
	struct pair *p;

	(void)state;
	snprintf(a, sizeof(a), CONF("%%s", "%s", "%s"), "main", "nat_traversal on;");
	p = pair_new(a, "secret", a, "secret");
	up(p, "esp/tunnel");
	assert_false(pair_logged(p, 1, "received Vendor ID: RFC 3947"));
	pair_free(p);
}

/* ---------------------------------------------------------------------------------- versions */

static const struct {
	const char *name, *vendor;
	uint8_t nat_d;
	uint16_t encap;
	bool floats;
} versions[] = {
	{ "draft-ietf-ipsec-nat-t-ike-00", "4485152d18b6bbcd0be8a8469579ddcc", 130, 61443, false },
	{ "draft-ietf-ipsec-nat-t-ike-01", "16f6ca16e4a4066d83821a0f0aeaa862", 130, 61443, false },
	{ "draft-ietf-ipsec-nat-t-ike-02", "cd60464335df21f87cfdb2fc68b6a448", 130, 61443, true },
	{ "draft-ietf-ipsec-nat-t-ike-02\\n", "90cb80913ebb696e086381b5ec427b1f", 130, 61443,
		true },
	{ "draft-ietf-ipsec-nat-t-ike-03", "7d9419a65310ca6f2c179d9215529d56", 130, 61443, true },
	{ "draft-ietf-ipsec-nat-t-ike-04", "9909b64eed937c6573de52ace952fa6b", 15, 3, true },
	{ "draft-ietf-ipsec-nat-t-ike-05", "80d0bb3def54565ee84645d4c85ce3ee", 15, 3, true },
	{ "draft-ietf-ipsec-nat-t-ike-06", "4d1e0e136deafa34c4f3ea9f02ec7285", 15, 3, true },
	{ "draft-ietf-ipsec-nat-t-ike-07", "439b59f8ba676c4c7737ae22eab8f582", 15, 3, true },
	{ "draft-ietf-ipsec-nat-t-ike-08", "8f8d83826d246b6fc7a8a6a428c11de8", 15, 3, true },
	{ "RFC 3947", "4a131c81070358455c5728f20e95452f", 20, 3, true },
};

struct only {
	uint8_t vendor[16];
	uint8_t nat_d_seen;
	bool natt_seen;
};

/* Of the versions that message 1 offers all but one are made unknown. */
static bool
leave_one(struct pair *p, int from, uint8_t *octets, size_t n)
{
	struct only *o = p->user;
	struct wire_header h;
	struct wire_msg m;

	o->natt_seen |= p->last_natt;
	if (wire_parse_header(bytes_of(octets, n), &h, NULL) != ST_NORMAL ||
	    (h.flags & WIRE_F_ENCRYPTED) != 0 ||
	    wire_parse(h.next, bytes_of(octets + WIRE_HEADER, n - WIRE_HEADER), false, &m, NULL) !=
		    ST_NORMAL)
		return true;
	if (wire_find(&m, WIRE_NAT_D, 0) != NULL)
		o->nat_d_seen = wire_find(&m, WIRE_NAT_D, 0)->type;
	for (unsigned i = 0; from == 0 && i < m.count; i++) {
		const struct wire_payload *w = &m.payload[i];
		for (size_t k = 0; w->type == WIRE_VENDOR && k < ARRAY_LEN(versions); k++) {
			uint8_t vendor[16];
			size_t got;
			assert_true(bytes_from_hex(versions[k].vendor, 32, vendor, 16, &got));
			if (w->body.n == 16 && memcmp(w->body.p, vendor, 16) == 0 &&
			    memcmp(vendor, o->vendor, 16) != 0)
				octets[w->body.p - octets] ^= 0x55;
		}
	}
	return true;
}

static void
every_version(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct pair *p = natted("main", "nat_traversal on;", "nat_traversal on;");
		struct only only = { .nat_d_seen = 0 };
		char text[128];
		size_t got;
		assert_true(bytes_from_hex(versions[i].vendor, 32, only.vendor, 16, &got));
		behind_nat(p);
		p->user = &only;
		p->filter = leave_one;
		up(p, "esp/tunnel");
		for (int k = 0; k < 2; k++) {
			snprintf(text, sizeof(text), "Selected NAT-T version: %s",
				versions[i].name);
			assert_true(pair_logged(p, k, text));
			assert_true(sa_of(p, k, false)->natt);
			assert_int_equal(sa_of(p, k, false)->natt_non_ike, !versions[i].floats);
		}
		assert_int_equal(only.nat_d_seen, versions[i].nat_d);
		assert_int_equal(only.natt_seen, versions[i].floats);
		const struct v1_natt *how = v1_natt_choose(1u << (8 + i));
		assert_non_null(how);
		if (i != 2 && i != 3) /* these two have one number of the order */
			assert_string_equal(how->name, versions[i].name);
		assert_int_equal(how->tunnel, versions[i].encap);
		assert_int_equal(how->transport, versions[i].encap + 1);
		pair_free(p);
	}
	/* the highest of several */
	assert_string_equal(v1_natt_choose(V1_VENDOR_NATT_02 | V1_VENDOR_NATT_07)->name,
		"draft-ietf-ipsec-nat-t-ike-07");
	assert_null(v1_natt_choose(V1_VENDOR_DPD));
}

/* --------------------------------------------------------------------------- transport mode */

static void
original_addresses(void **state)
{
	struct pair *p = natted("main", "nat_traversal on;", "nat_traversal on;");

	(void)state;
	behind_nat(p);
	up(p, "esp/transport");
	const struct ipsec_sa *in = sa_of(p, 1, true), *out = sa_of(p, 0, false);
	assert_int_equal(in->mode, SA_TRANSPORT);
	/* host 1 sees packets of the NAT whose checksums are those of the private address */
	assert_true(net_addr_equal(&in->src.addr, &p->nat));
	assert_true(net_addr_equal(&in->natt_oa, &p->host[0].local.addr));
	assert_int_equal(out->natt_oa.family, 0); /* the peer's is what we see */
	pair_free(p);
}

/* ------------------------------------------------------------------------------ moving peers */

static void
child_again(struct pair *p)
{
	struct ike_event ev = { .type = IKE_EV_SADB };
	struct sadb_msg m = { .op = SADB_OP_EXPIRE, .has_sa = true, .sa = *sa_of(p, 0, false) };

	ev.sadb = &m;
	pair_event(p, 0, &ev); /* soft: host 0 negotiates anew */
	pair_run(p, 1000);
}

/* The NAT lost its mapping: host 1 follows when it hears something authentic, and not before. */
static void
follows(void **state)
{
	struct pair *p = natted("main", "nat_traversal on;", "nat_traversal on;");
	struct ike_sa_view v;
	uint64_t cursor = 0;

	(void)state;
	behind_nat(p);
	up(p, "esp/tunnel");
	uint32_t old = sa_of(p, 1, true)->spi; /* the inbound one stays for a while */
	struct sa_key key = sa_of(p, 1, true)->encr_key;
	p->nat_shift = 30000;
	child_again(p);
	assert_true(ike_show_sa(p->host[1].e, &cursor, &v));
	assert_int_equal(v.remote.port, 34500);
	assert_true(pair_logged(p, 1, "NAT-T: ports changed to: 192.168.2.100[4500]<->" NAT
				      "[34500]"));
	for (unsigned i = 0; i < PAIR_SAS; i++)
		if (p->host[1].sa[i].used && p->host[1].sa[i].sa.spi == old) {
			assert_int_equal(p->host[1].sa[i].sa.src.port, 34500);
			assert_memory_equal(&p->host[1].sa[i].sa.encr_key, &key, sizeof(key));
		}
	assert_int_equal(pair_up(p, 1), 1);
	pair_free(p);
}

/* Loses the answers of host 1 while told to, and keeps the last question of host 0. */
struct asked {
	bool deaf;
	uint8_t octets[256];
	size_t n;
};

static bool
keep_question(struct pair *p, int from, uint8_t *octets, size_t n)
{
	struct asked *a = p->user;

	if (from == 1)
		return !a->deaf;
	if (octets[18] == WIRE_X_INFO) {
		assert_true(n <= sizeof(a->octets));
		memcpy(a->octets, octets, n);
		a->n = n;
	}
	return true;
}

static uint16_t
port_of_peer(const struct pair *p)
{
	struct ike_sa_view v;
	uint64_t cursor = 0;

	assert_true(ike_show_sa(p->host[1].e, &cursor, &v));
	return v.remote.port;
}

/*
 * The NAT forgets while a question of dead peer detection waits for its answer.  Asked again it has
 * the number of before, and no living peer would be found by waiting for another: its message ID is
 * what nobody has seen.  That very message from elsewhere, again, is a replay, answered or not.
 */
static void
follows_question(void **state)
{
	const char *asks = "nat_traversal on; dpd_delay 20; dpd_retry 4; dpd_maxfail 3;";
	struct pair *p = natted("main", asks, "nat_traversal on;");
	struct net_endpoint here = { p->host[1].local.addr, 4500 }, elsewhere;
	struct asked asked = { .deaf = true };

	(void)state;
	behind_nat(p);
	up(p, "esp/tunnel");
	p->user = &asked;
	p->filter = keep_question;
	pair_run(p, 20000);
	assert_int_equal(port_of_peer(p), 24500);
	assert_true(asked.n != 0);
	p->nat_shift = 30000;
	asked.deaf = false;
	pair_run(p, 4000);
	assert_int_equal(port_of_peer(p), 34500);
	elsewhere = (struct net_endpoint){ p->nat, 44500 };
	for (int i = 0; i < 3; i++) {
		pair_datagram_at(p, 1, &here, &elsewhere, true, bytes_of(asked.octets, asked.n));
		assert_int_equal(port_of_peer(p), 34500);
		pair_run(p, 1000);
	}
	pair_run(p, 60000);
	assert_false(pair_logged(p, 0, "seems to be dead"));
	assert_int_equal(pair_up(p, 0), 1);
	assert_int_equal(pair_children(p, 1), 1);
	pair_free(p);
}

static void
mapped(struct pair *p, uint32_t spi, const struct net_addr *addr, uint16_t port)
{
	struct sadb_msg m = { .op = SADB_OP_MAPPING, .has_sa = true };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };

	m.sa.proto = SA_ESP;
	m.sa.spi = spi;
	m.mapped = (struct net_endpoint){ *addr, port };
	pair_event(p, 1, &ev);
	pair_run(p, 1000);
}

/* ... or when the SA database did: ESP comes before IKE has anything to say. */
static void
follows_esp(void **state)
{
	struct pair *p = natted("main", "nat_traversal on;", "nat_traversal on;");
	struct net_addr other = { .family = 4, .b = { 198, 51, 100, 7 } };
	struct ike_sa_view v;
	uint64_t cursor = 0;
	uint32_t spi;

	(void)state;
	behind_nat(p);
	up(p, "esp/tunnel");
	spi = sa_of(p, 1, true)->spi;
	mapped(p, spi + 1, &p->nat, 34500); /* of no SA of ours */
	mapped(p, spi, &other, 34500);      /* the peer has one address */
	assert_int_equal(sa_of(p, 1, false)->dst.port, 24500);
	p->nat_shift = 30000;
	mapped(p, spi, &p->nat, 34500);
	assert_true(ike_show_sa(p->host[1].e, &cursor, &v));
	assert_int_equal(v.remote.port, 34500);
	assert_int_equal(sa_of(p, 1, false)->dst.port, 34500);
	assert_int_equal(sa_of(p, 1, true)->src.port, 34500);
	assert_int_equal(pair_up(p, 1), 1);
	child_again(p); /* and IKE goes there too */
	assert_int_equal(sa_of(p, 1, false)->dst.port, 34500);
	pair_free(p);
}

struct grab {
	uint8_t octets[2048];
	size_t n;
	unsigned skip;
};

static bool
grab_first_quick(struct pair *p, int from, uint8_t *octets, size_t n)
{
	struct grab *g = p->user;

	if (from == 0 && n < sizeof(g->octets) && octets[18] == WIRE_X_QUICK && g->n == 0) {
		memcpy(g->octets, octets, n);
		g->n = n;
	}
	return true;
}

/*
 * Somebody repeats messages of the peer from elsewhere, and sends some of his own: nobody moves,
 * and the legitimate traffic goes on.
 */
static void
does_not_follow_strangers(void **state)
{
	struct pair *p = natted("main", "nat_traversal on;", "nat_traversal on;");
	struct net_endpoint elsewhere = { .port = 666 }, local = { .port = 4500 };
	struct ike_sa_view v;
	struct grab g = { .n = 0 };
	uint64_t cursor = 0;

	(void)state;
	behind_nat(p);
	p->user = &g;
	p->filter = grab_first_quick;
	up(p, "esp/tunnel");
	assert_int_not_equal(g.n, 0);
	elsewhere.addr = p->nat;
	local.addr = p->host[1].local.addr;
	unsigned sent = p->host[1].sent;
	pair_datagram_at(p, 1, &local, &elsewhere, true, bytes_of(g.octets, g.n));
	for (unsigned i = 0; i < 40; i++) { /* wrong ones, and of other addresses */
		g.octets[g.n - 1 - i]++;
		elsewhere.addr.b[3] = (uint8_t)(7 + i % 2);
		pair_datagram_at(p, 1, &local, &elsewhere, true, bytes_of(g.octets, g.n));
	}
	pair_run(p, 5000);
	assert_int_equal(p->host[1].sent, sent);
	assert_true(ike_show_sa(p->host[1].e, &cursor, &v));
	assert_int_equal(v.remote.port, 24500);
	p->filter = NULL;
	child_again(p);
	assert_int_equal(sa_of(p, 1, false)->dst.port, 24500);
	pair_free(p);
}

/* Two hosts behind one NAT: each has its own SAs, and what one deletes is its own. */
static void
two_behind_one(void **state)
{
	struct pair *p = natted("main", "nat_traversal on;", "nat_traversal on; passive on;");
	struct pair *q = natted("main", "nat_traversal on;", "nat_traversal on;");
	struct ike *first = q->host[1].e;

	(void)state;
	behind_nat(p);
	behind_nat(q);
	q->nat_shift = 31000;
	up(p, "esp/tunnel");
	/* host 0 of the other pair talks to the same host 1 */
	struct pair_host own = q->host[1];
	q->host[1] = p->host[1];
	q->host[1].pair = q;
	q->host[0].random = 77;
	q->host[0].spi = 0x7000;
	q->now = p->now;
	q->today = p->today;
	policies(q, "esp/tunnel");
	uint64_t id = pair_command(q, 0, IKE_CMD_ESTABLISH, true);
	pair_run(q, 1000);
	assert_int_equal(pair_reply_to(q, 0, id)->status, ST_NORMAL);
	assert_int_equal(pair_up(q, 1), 2);
	assert_int_equal(pair_children(q, 1), 2);
	pair_run(q, 60000); /* nobody replaces anybody */
	assert_int_equal(pair_up(q, 1), 2);
	assert_int_equal(pair_children(q, 1), 2);
	pair_command(q, 0, IKE_CMD_FLUSH, false);
	pair_run(q, 10000);
	assert_int_equal(pair_up(q, 1), 1);
	assert_int_equal(pair_children(q, 1), 1);
	p->host[1] = q->host[1];
	p->host[1].pair = p;
	q->host[1] = own;
	assert_ptr_equal(q->host[1].e, first);
	pair_free(p);
	pair_free(q);
}

/* What the responder does not believe of message 5, it says where message 5 came from. */
static void
refused_at_port_4500(void **state)
{
	static const struct {
		const char *server, *keys;
		enum status status;
	} cases[] = {
		{ "nat_traversal on;", "secret\n" NAT " another", ST_PSKMISMATCH },
		{ "nat_traversal on; verify_identifier on; peers_identifier address 10.9.9.9;",
			KEYS, ST_IDMISMATCH },
	};
	char text[2][2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text[0], sizeof(text[0]), CONF("%%s", "%s", "%s"), "main",
			"nat_traversal on;");
		snprintf(text[1], sizeof(text[1]), CONF("anonymous", "%s", "%s"), "main",
			cases[i].server);
		struct pair *p = pair_new(text[0], "secret", text[1], cases[i].keys);
		pair_natt(p);
		behind_nat(p);
		uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
		pair_run(p, 30000);
		assert_non_null(pair_reply_to(p, 0, id));
		assert_int_equal(pair_reply_to(p, 0, id)->status, cases[i].status);
		pair_free(p);
	}
}

static bool
address_is(const struct net_addr *a, const char *text)
{
	struct net_addr wanted;

	return net_addr_parse(text, &wanted) && net_addr_equal(a, &wanted);
}

static unsigned
times_logged(const struct pair *p, int side, const char *text)
{
	unsigned n = 0;

	for (const char *at = p->host[side].log; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

/* A peer that has another address: not followed, told once, found dead by both ends; then anew. */
static void
address_changes(void **state)
{
	const char *dpd = "nat_traversal on; dpd_delay 5; dpd_retry 2; dpd_maxfail 3;";
	struct ike_sa_view v;
	uint64_t cursor = 0;
	char text[2][2048];
	struct pair *p;

	(void)state;
	snprintf(text[0], sizeof(text[0]), CONF("%%s", "main", "%s"), dpd);
	snprintf(text[1], sizeof(text[1]), CONF("anonymous", "main", "%s"), dpd);
	p = pair_new(text[0], "secret", text[1], KEYS "\n203.0.113.8 secret");
	pair_natt(p);
	behind_nat(p);
	pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	assert_int_equal(pair_up(p, 1), 1);
	assert_true(net_addr_parse("203.0.113.8", &p->nat));
	pair_run(p, 10000);
	assert_int_equal(times_logged(p, 1, "message from 203.0.113.8[24500] dropped: a peer is "
		"not followed to another address"), 1);
	assert_true(times_logged(p, 1, "message of an SA from another address or port") > 0);
	assert_true(ike_show_sa(p->host[1].e, &cursor, &v));
	assert_true(address_is(&v.remote.addr, NAT));
	pair_run(p, 10000);
	for (int side = 0; side < 2; side++) {
		assert_int_equal(pair_up(p, side), 0);
		assert_true(pair_logged(p, side, "seems to be dead."));
	}
	pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	cursor = 0;
	assert_true(ike_show_sa(p->host[1].e, &cursor, &v) && v.established);
	assert_true(address_is(&v.remote.addr, "203.0.113.8"));
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(detects),
		cmocka_unit_test(no_nat_no_change),
		cmocka_unit_test(forced),
		cmocka_unit_test(esp_frag),
		cmocka_unit_test(off_at_one_end),
		cmocka_unit_test(no_socket),
		cmocka_unit_test(every_version),
		cmocka_unit_test(original_addresses),
		cmocka_unit_test(follows),
		cmocka_unit_test(follows_question),
		cmocka_unit_test(follows_esp),
		cmocka_unit_test(does_not_follow_strangers),
		cmocka_unit_test(refused_at_port_4500),
		cmocka_unit_test(two_behind_one),
		cmocka_unit_test(address_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
