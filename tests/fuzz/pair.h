/*
 * pair.h - two IKE engines that talk to each other, stopped in the middle of it: what fuzz_ike.c
 * and fuzz_frag.c begin each input with.
 *
 * A conversation (exchange of phase 1, authentication, NAT traversal, and after how many datagrams
 * it stops) is led once and kept as a snapshot of the heap (snap.h); pair_begin goes back to it, so
 * that an input costs what the attack costs, and one input cannot change what the next one meets.
 */
#ifndef TESTS_FUZZ_PAIR_H
#define TESTS_FUZZ_PAIR_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "racoon/ike/engine.h"
#include "racoon/ikev1/v1_natt.h"
#include "racoon/ikev1/v1_rows.h"
#include "tests/fuzz/snap.h"
#include "tests/fuzz/toy_cry.h"

enum { QUEUE = 4096, ROUNDS_MAX = 4096, BUF = 8192,
	REST_MS = 58 * 1000 /* a peer that says nothing is dead by then; more is rounds of DPD */ };
enum { MODES = 3, DATAGRAMS = 16, VARIANTS = MODES * 2 * 2 * 2 };
enum pair_with { PAIR_CERTIFICATES = 1, PAIR_NATT = 2 /* and fragments */, PAIR_NO_CHILDREN = 4 };

struct item { /* something on its way */
	enum { IT_DATAGRAM, IT_SADB, IT_JOB, IT_DONE } type;
	unsigned to;
	uint64_t id;
	struct cry_job *job;
	struct sadb_msg *msg;
	uint8_t *octets;
	size_t n;
	struct net_endpoint local, remote; /* as the receiver sees them */
	bool natt;
};

struct world { /* all that a snapshot must know beside the heap */
	size_t head, tail; /* of the queue */
	unsigned passed;
	instant now;
	uint64_t rng, toy;
	uint32_t spi;
};

struct place { /* a conversation that was stopped */
	struct snap snap;
	struct world w;
	struct item *queue;
	bool taken;
};

static struct cry *cry;
static struct rc_config *config[VARIANTS][2];
static struct ike *engine[2];
static struct net_endpoint address[2];
static struct item queue[QUEUE];
static struct world w;
static struct place first_place, place[VARIANTS][DATAGRAMS];

/* Phase 1 with the key of psk.txt, or with ECDSA certificates of the test PKI.  Some say that they
 * are somebody whom the other does not expect, and are believed or not. */
static const char psk_text[] =
	"my_identifier %s; peers_identifier address; verify_identifier %s;\n"
	"proposal { encryption_algorithm aes 128; hash_algorithm sha1;\n"
	"authentication_method pre_shared_key; dh_group x25519; } }\n";
static const char sign_text[] =
	"my_identifier asn1dn; certificate_type x509 \"%c256.pem\" \"%c256.key\";\n"
	"ca_type x509 \"root-crl.pem\"; peers_identifier asn1dn \"C=DE, O=*, CN=*\";\n"
	"verify_identifier on; proposal { encryption_algorithm aes 128; hash_algorithm sha256;\n"
	"authentication_method ecdsasig; dh_group x25519; } }\n";
static const char common_text[] =
	"path pre_shared_key \"/psk\";\n"
	"timer { counter 2; interval 2 sec; persend 1; phase1 20 sec; phase2 10 sec; }\n"
	"sainfo anonymous { pfs_group x25519; encryption_algorithm aes 128;\n"
	"authentication_algorithm hmac_sha1; compression_algorithm deflate; }\n";

static const char strict_text[] =
	"padding { maximum_length 20; randomize_length on; strict_check on; exclusive_tail on; }\n";

static bool
contents(void *user, const char *path, struct text *out)
{
	char name[128], buf[4096];
	size_t n;

	(void)user;
	snprintf(name, sizeof(name), "tests/pki/%s", path);
	FILE *f = fopen(name, "rb");
	if (!f)
		return false;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		text_add_n(out, buf, n);
	fclose(f);
	return true;
}

static struct rc_config *
read_config(unsigned side, unsigned variant)
{
	static const char *const modes[MODES] = { "main, aggressive, base",
		"aggressive, main, base", "base, main, aggressive" };
	struct rc_options options = { .cry = cry, .contents = contents };
	struct stmt_errors errors = { 0 };
	struct rc_config *c = NULL;
	char text[4096], remote[2048];
	char who = side == 0 ? 'p' : 'q';
	unsigned mode = variant / 8;
	bool sign = (variant & PAIR_CERTIFICATES) != 0, natt = (variant & PAIR_NATT) != 0;
	bool stranger = mode == 2 && natt && !sign;

	if (sign)
		snprintf(remote, sizeof(remote), sign_text, who, who);
	else
		snprintf(remote, sizeof(remote), psk_text,
			stranger ? "fqdn \"other.example\"" : "address",
			stranger && (variant & PAIR_NO_CHILDREN) == 0 ? "off" : "on");
	snprintf(text, sizeof(text),
		"%s%sremote anonymous { exchange_mode %s; nat_traversal %s;\n"
		"ike_frag %s; dpd_delay 30; dpd_retry 5; generate_policy %s;\n"
		"weak_phase1_check %s; proposal_check claim;\n%s",
		common_text, mode == 2 && sign && natt ? strict_text : "",
		stranger ? "base, aggressive" : modes[mode],
		natt ? "force" : "on", natt ? "force" : "on",
		natt ? "unique" : "on", natt ? "on" : "off",
		remote);
	if (rc_load_text("fuzz", text, "10.0.0.1 key\n10.0.0.2 key\nother.example key\n", &options,
		    &c, &errors) != ST_NORMAL) {
		fprintf(stderr, "%s(run from the project's root)\n", text_str(&errors.text));
		exit(1);
	}
	stmt_errors_free(&errors);
	return c;
}

static void
pair_init(void)
{
	snap_init();
	cry = cry_new();
	for (unsigned i = 0; i < 2; i++) {
		address[i] = (struct net_endpoint){ net_ipv4(0x0a000001 + i), 500 };
		for (unsigned v = 0; v < VARIANTS; v++)
			config[v][i] = read_config(i, v);
	}
}

static void
fuzz_random(void *user, uint8_t *out, size_t n)
{
	(void)user;
	for (size_t i = 0; i < n; i++) {
		w.rng = w.rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		out[i] = (uint8_t)(w.rng >> 33);
	}
}

static void
fuzz_trace(void *user, enum log_level level, const struct net_endpoint *peer, const char *text)
{
	(void)user, (void)level, (void)peer;
	if (strlen(text) > 65536)
		abort();
}

/* ------------------------------------------------------------------------------ the host --- */

static struct item *
push(unsigned to)
{
	static struct item lost;
	if (w.tail == QUEUE)
		return &lost;
	struct item *it = &queue[w.tail++];
	memset(it, 0, sizeof(*it));
	it->to = to;
	return it;
}

static void
step(unsigned i, struct ike_event *ev)
{
	struct ike_effect fx;
	ev->now = w.now;
	ev->today = (wall){ 1800000000000 + w.now.ms };
	ike_step(engine[i], ev);
	while (ike_next(engine[i], &fx)) {
		struct item *it;
		switch (fx.type) {
		case IKE_FX_SEND:
			if (!net_addr_equal(&fx.send.remote.addr, &address[!i].addr) ||
				w.tail == QUEUE)
				break;
			it = push(!i);
			it->type = IT_DATAGRAM;
			it->octets = malloc(fx.send.octets.n);
			it->n = fx.send.octets.n;
			it->local = fx.send.remote;
			it->remote = fx.send.local;
			it->natt = fx.send.natt;
			if (!it->octets)
				abort();
			memcpy(it->octets, fx.send.octets.p, it->n);
			break;
		case IKE_FX_SADB:
			if (w.tail == QUEUE)
				break;
			it = push(i);
			it->type = IT_SADB;
			it->id = fx.id;
			it->msg = malloc(sizeof(*it->msg));
			if (!it->msg)
				abort();
			*it->msg = *fx.sadb;
			break;
		case IKE_FX_CRYPTO:
			it = push(i);
			it->type = IT_JOB;
			it->id = fx.id;
			it->job = fx.job;
			break;
		case IKE_FX_REPLY:
		case IKE_FX_NOTE:
			break;
		}
	}
}

static void
arrive(unsigned to, const struct net_endpoint *local, const struct net_endpoint *remote, bool natt,
	const uint8_t *p, size_t n)
{
	struct ike_event ev = { .type = IKE_EV_DATAGRAM,
		.datagram = { .local = *local, .remote = *remote, .natt = natt } };
	uint8_t *exact = malloc(n ? n : 1); /* so that a read past the end is seen */
	if (!exact)
		abort();
	memcpy(exact, p, n);
	ev.datagram.octets = bytes_of(exact, n);
	step(to, &ev);
	free(exact);
}

static void
happen(struct item *at)
{
	struct item it = *at;
	struct ike_event ev = { .type = IKE_EV_DONE, .done.id = it.id };

	at->type = IT_DONE;
	switch (it.type) {
	case IT_DATAGRAM:
		w.passed++;
		arrive(it.to, &it.local, &it.remote, it.natt, it.octets, it.n);
		free(it.octets);
		break;
	case IT_SADB:
		if (it.msg->op == SADB_OP_GETSPI)
			it.msg->sa.spi = w.spi++;
		ev.done.sadb = it.msg;
		step(it.to, &ev);
		sadb_msg_wipe(it.msg);
		free(it.msg);
		break;
	case IT_JOB:
		cry_job_run(cry, it.job);
		ev.done.status = it.job->status;
		step(it.to, &ev);
		break;
	case IT_DONE:
		break;
	}
}

/* Let what is under way happen, up to the first datagram that is one too many. */
static void
settle(unsigned datagrams)
{
	for (unsigned n = 0; w.head < w.tail && n < ROUNDS_MAX; n++) {
		if (queue[w.head].type == IT_DATAGRAM && w.passed >= datagrams)
			return;
		happen(&queue[w.head++]);
	}
}

/* … and all behind it that is no datagram: no job may be under way in a snapshot, for the keys it
 * refers to are counted outside. */
static void
settle_rest(void)
{
	for (size_t i = w.head; i < w.tail; i++)
		if (queue[i].type != IT_DATAGRAM)
			happen(&queue[i]);
}

static void
policies(unsigned i)
{
	struct ike_event ev = { .type = IKE_EV_SPD_RESET };
	step(i, &ev);
	for (unsigned k = 0; k < 2; k++) {
		struct sadb_msg m = { .op = SADB_OP_SPDDUMP, .has_sp = true, .seq = 1 - k };
		unsigned from = k ? !i : i;
		m.sp = (struct ipsec_policy){ .dir = k ? SP_IN : SP_OUT,
			.action = SP_IPSEC,
			.id = 1 + k,
			.priority = SP_PRIORITY_DEFAULT,
			.rules = 1,
			.sel.upper = SP_UPPER_ANY,
			.rule[0] = { .proto = SA_ESP, .mode = SA_TRANSPORT, .level = SP_REQUIRE } };
		m.sp.sel.src = net_prefix_host(&address[from].addr);
		m.sp.sel.dst = net_prefix_host(&address[!from].addr);
		ev = (struct ike_event){ .type = IKE_EV_SADB, .sadb = &m };
		step(i, &ev);
	}
}

static void
make_engine(unsigned i)
{
	struct net_endpoint natt = { address[i].addr, 4500 };
	struct ike_env env = { .cry = cry, .random = fuzz_random, .trace = fuzz_trace,
		.hash_key = { 1, i } };
	struct ike_event ev = { .type = IKE_EV_ADDRESSES,
		.addresses = { .local = &address[i], .natt = &natt, .count = 1, .natts = 1 } };

	engine[i] = ike_new(&env);
	if (!engine[i])
		abort();
	step(i, &ev);
	policies(i);
}

static void
place_take(struct place *p)
{
	size_t n = (w.tail - w.head) * sizeof(queue[0]);

	w.toy = toy_serial;
	snap_take(&p->snap);
	p->w = w;
	p->queue = __real_malloc(n + 1);
	if (!p->queue)
		abort();
	memcpy(p->queue, queue + w.head, n);
	p->taken = true;
}

static void
place_back(const struct place *p)
{
	snap_back(&p->snap);
	w = p->w;
	toy_serial = w.toy;
	memcpy(queue + w.head, p->queue, (w.tail - w.head) * sizeof(queue[0]));
}

/* Both engines with their policies, and nothing else. */
static void
make_first_place(void)
{
	w = (struct world){ .now = { 1000 }, .rng = 1, .spi = 1000 };
	snap_on = true;
	for (unsigned i = 0; i < 2; i++) {
		make_engine(i);
		snap_hole(engine[i]->failure, (uint8_t *)engine[i]->failure +
			sizeof(engine[i]->failure) + sizeof(engine[i]->failed_at));
		snap_hole(&engine[i]->msg, engine[i] + 1);
	}
	snap_on = false;
	place_take(&first_place);
}

static void
make_place(struct place *p, unsigned variant, unsigned datagrams)
{
	struct ike_event ev = { .type = IKE_EV_COMMAND,
		.command = { .id = 1,
			.type = IKE_CMD_ESTABLISH,
			.remote = address[1].addr,
			.children = (variant & PAIR_NO_CHILDREN) == 0 } };

	place_back(&first_place);
	snap_on = true;
	for (unsigned i = 0; i < 2; i++) {
		struct ike_event load = { .type = IKE_EV_CONFIG, .config = config[variant][i] };
		step(i, &load);
	}
	step(0, &ev);
	settle(datagrams);
	settle_rest();
	snap_on = false;
	place_take(p);
}

/* Begin an input: a conversation of this exchange (0 main, 1 aggressive, 2 base), stopped. */
static void
pair_begin(unsigned mode, unsigned with, unsigned datagrams, enum log_level level)
{
	unsigned variant = mode % MODES * 8 + with % 8;
	struct place *p = &place[variant][datagrams % DATAGRAMS];

	if (!first_place.taken)
		make_first_place();
	if (!p->taken)
		make_place(p, variant, datagrams % DATAGRAMS);
	place_back(p);
	ike_set_level(engine[0], level);
	ike_set_level(engine[1], level);
	snap_on = true;
}

/* End it.  all: everything is freed, and what is left over then is a leak. */
static void
pair_end(bool all)
{
	for (; all && w.head < w.tail; w.head++) {
		if (queue[w.head].type == IT_DATAGRAM)
			free(queue[w.head].octets);
		if (queue[w.head].type == IT_SADB)
			free(queue[w.head].msg);
	}
	for (unsigned i = 0; all && i < 2; i++)
		ike_free(engine[i]);
	if (all && snap.live != 0)
		abort();
	snap_on = false;
}

static struct ike_sa *
sa_of(unsigned to)
{
	LIST_FOREACH(at, &engine[to]->sas)
		return container_of(at, struct ike_sa, in_all);
	return NULL;
}

/* From where the peer would send it. */
static ATTR_UNUSED void
datagram(unsigned to, const uint8_t *p, size_t n)
{
	const struct ike_sa *sa = sa_of(to);

	if (sa != NULL)
		arrive(to, &sa->local, &sa->remote, sa->natt, p, n);
	else
		arrive(to, &address[to], &address[!to], false, p, n);
}

/* Until both have nothing to do, or all that is unfinished has been given up. */
static ATTR_UNUSED void
run_out(void)
{
	for (unsigned n = 0; n < ROUNDS_MAX; n++) {
		settle(UINT32_MAX);
		instant d = instant_min(ike_deadline(engine[0]), ike_deadline(engine[1]));
		if (d.ms > REST_MS)
			return;
		if (d.ms > w.now.ms)
			w.now = d;
		for (unsigned i = 0; i < 2; i++) {
			struct ike_event ev = { .type = IKE_EV_TIMER };
			if (instant_reached(ike_deadline(engine[i]), w.now))
				step(i, &ev);
		}
		if (w.tail > QUEUE / 2)
			return;
	}
	abort(); /* never comes to rest */
}

#endif
