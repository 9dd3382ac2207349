/*
 * fuzz_ike.c - two live IKE engines in the middle of a conversation, and an attacker who may also
 * be a peer that knows the keys.
 *
 * First octet: how many datagrams pass before the attack (low four bits) and the exchange of phase
 * 1; second: bits, see below.  Then records of an op, a length and contents: datagrams as they are,
 * with the cookies of the SA, in fragments, or as payloads that are hashed and sealed with its keys.
 * Nothing may crash, and the engines must come to rest.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "racoon/ike/engine.h"
#include "racoon/ikev1/v1_natt.h"
#include "racoon/ikev1/v1_rows.h"
#include "tests/fuzz/toy_cry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { QUEUE = 4096, RECORDS_MAX = 16, ROUNDS_MAX = 4096, BUF = 8192, FRAG_PART = 64,
	REST_MS = 100 * 1000 };
enum op { OP_RAW, OP_COOKIES, OP_INFO, OP_QUICK, OP_PLAIN, OP_MAIN, OP_CHILD, OP_TIME, OP_FRAG,
	OP_SEALED_FRAG, OP_COUNT };
enum { /* the second octet */
	BIT_NO_CHILDREN = 1, BIT_BETWEEN = 2, BIT_RUN_OUT = 4, BIT_SIGN = 8, BIT_NATT = 16,
	BIT_LOUD = 32 | 64, /* both: with traces, which are half the time */
};
enum { MODES = 3, VARIANTS = MODES * 2 * 2 }; /* exchange, certificates, NAT-T and fragments */

struct item { /* something on its way */
	enum { IT_DATAGRAM, IT_SADB, IT_JOB } type;
	unsigned to;
	uint64_t id;
	struct cry_job *job;
	struct sadb_msg *msg;
	uint8_t *octets;
	size_t n;
	struct net_endpoint local, remote; /* as the receiver sees them */
	bool natt;
};

static struct cry *cry;
static struct rc_config *config[VARIANTS][2];
static struct ike *engine[2]; /* made once: half of an input's time would go into two new ones */
static const struct rc_config *loaded[2];
static struct net_endpoint address[2];
static struct item queue[QUEUE];
static size_t head, tail;
static unsigned passed;
static instant now;
static uint64_t rng;
static uint32_t spi;

/* Phase 1 with the key of psk.txt, or with ECDSA certificates of the test PKI. */
static const char psk_text[] =
	"my_identifier address; proposal { encryption_algorithm aes 128; hash_algorithm sha1;\n"
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
read_config(unsigned side, unsigned mode, bool sign, bool natt)
{
	static const char *const modes[MODES] = { "main, aggressive, base",
		"aggressive, main, base", "base, main, aggressive" };
	struct rc_options options = { .cry = cry, .contents = contents };
	struct stmt_errors errors = { 0 };
	struct rc_config *c = NULL;
	char text[4096], remote[2048];
	char who = side == 0 ? 'p' : 'q';

	snprintf(remote, sizeof(remote), sign_text, who, who);
	snprintf(text, sizeof(text),
		"%sremote anonymous { exchange_mode %s; nat_traversal %s;\n"
		"ike_frag %s; dpd_delay 30; dpd_retry 5; generate_policy on; proposal_check claim;\n%s",
		common_text, modes[mode], natt ? "force" : "on", natt ? "force" : "on",
		sign ? remote : psk_text);
	if (rc_load_text("fuzz", text, side == 0 ? "10.0.0.2 key\n" : "10.0.0.1 key\n", &options,
		    &c, &errors) != ST_NORMAL) {
		fprintf(stderr, "%s(run from the project's root)\n", text_str(&errors.text));
		exit(1);
	}
	stmt_errors_free(&errors);
	return c;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	cry = cry_new();
	for (unsigned i = 0; i < 2; i++) {
		address[i] = (struct net_endpoint){ net_ipv4(0x0a000001 + i), 500 };
		for (unsigned v = 0; v < VARIANTS; v++)
			config[v][i] = read_config(i, v / 4, v & 1, (v & 2) != 0);
	}
	return 0;
}

static void
fuzz_random(void *user, uint8_t *out, size_t n)
{
	(void)user;
	for (size_t i = 0; i < n; i++) {
		rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		out[i] = (uint8_t)(rng >> 33);
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
	if (tail == QUEUE)
		return &lost;
	struct item *it = &queue[tail++];
	memset(it, 0, sizeof(*it));
	it->to = to;
	return it;
}

static void
step(unsigned i, struct ike_event *ev)
{
	struct ike_effect fx;
	ev->now = now;
	ev->today = (wall){ 1800000000000 + now.ms };
	ike_step(engine[i], ev);
	while (ike_next(engine[i], &fx)) {
		struct item *it;
		switch (fx.type) {
		case IKE_FX_SEND:
			if (!net_addr_equal(&fx.send.remote.addr, &address[!i].addr) ||
				tail == QUEUE)
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
			if (tail == QUEUE)
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

/* Let what is under way happen; at most `datagrams` of them. */
static void
settle(unsigned datagrams)
{
	for (unsigned n = 0; head < tail && n < ROUNDS_MAX; n++) {
		struct item it = queue[head];
		if (it.type == IT_DATAGRAM && passed >= datagrams)
			return;
		head++;
		struct ike_event ev = { .type = IKE_EV_DONE, .done.id = it.id };
		switch (it.type) {
		case IT_DATAGRAM:
			passed++;
			arrive(it.to, &it.local, &it.remote, it.natt, it.octets, it.n);
			free(it.octets);
			break;
		case IT_SADB:
			if (it.msg->op == SADB_OP_GETSPI)
				it.msg->sa.spi = spi++;
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
		}
	}
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

/* Everything goes but the policies, as ike_free does it; what is left over then is a leak. */
static void
forget(unsigned i)
{
	struct ike *e = engine[i];
	struct ike_event ev = { .type = IKE_EV_TIMER };

	LIST_FOREACH(at, &e->children)
		ike_child_free(e, container_of(at, struct ike_child, in_all));
	LIST_FOREACH(at, &e->sas)
		ike_sa_free(e, container_of(at, struct ike_sa, in_all));
	for (unsigned k = 0; k < IKE_FIRST_FRAGS; k++)
		v1_frag_forget(e, &e->first_frags[k]);
	ike_again_free(e);
	ike_folds_free(e);
	ike_commands_free(e);
	ike_jobs_free(e);
	for (struct hash_node *n; (n = hash_first(&e->peers)) != NULL;) {
		struct ike_peer *p = container_of(n, struct ike_peer, by_ends);

		ike_disarm(e, &p->keepalive);
		hash_remove(&e->peers, &p->by_ends);
		hash_remove(&e->peers_by_remote, &p->by_remote);
		free(p);
	}
	list_init(&e->idle_peers);
	list_init(&e->half_open);
	e->sa_count = e->half_open_count = e->again_count = e->fold_octets = 0;
	e->serial = e->job_serial = e->cmd_mask = e->steps = 0;
	e->failures = e->failure_next = e->firsts = 0;
	e->firsts_since = e->flood_told = (instant){ 0 };
	e->reqid = 0;
	e->stopping = false;
	memset(e->count, 0, sizeof(e->count));
	memset(e->failed, 0, sizeof(e->failed));
	step(i, &ev); /* buries the exchanges */
	if (e->timers.count + e->sa_by_cookie.count + e->sa_by_first.count + e->jobs.count +
			e->sa_by_serial.count + e->peers_by_remote.count + e->folded.count +
			e->child_by_serial.count + e->child_by_msgid.count +
			e->child_by_policy.count + e->by_spi_in.count + e->by_spi_out.count != 0 ||
		!list_empty(&e->sas) || !list_empty(&e->children))
		abort();
}

static void
begin(unsigned mode, uint8_t bits)
{
	unsigned variant = mode % MODES * 4 + ((bits & BIT_SIGN) != 0) + 2 * ((bits & BIT_NATT) != 0);

	head = tail = 0;
	passed = 0;
	now = (instant){ 1000 };
	rng = 1;
	spi = 1000;
	toy_serial = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct ike_event ev = { .type = IKE_EV_CONFIG, .config = config[variant][i] };

		if (!engine[i])
			make_engine(i);
		ike_set_level(engine[i], (bits & BIT_LOUD) == BIT_LOUD ? LOG_L_DEBUG2 : LOG_L_ERROR);
		if (loaded[i] != config[variant][i])
			step(i, &ev);
		loaded[i] = config[variant][i];
	}
}

/* ---------------------------------------------------------------------------- the attack --- */

static struct ike_sa *
sa_of(unsigned to)
{
	LIST_FOREACH(at, &engine[to]->sas)
		return container_of(at, struct ike_sa, in_all);
	return NULL;
}

/* From where the peer would send it. */
static void
datagram(unsigned to, const uint8_t *p, size_t n)
{
	const struct ike_sa *sa = sa_of(to);

	if (sa != NULL)
		arrive(to, &sa->local, &sa->remote, sa->natt, p, n);
	else
		arrive(to, &address[to], &address[!to], false, p, n);
}

/* The same in fragments. */
static void
pieces(unsigned to, const uint8_t *p, size_t n)
{
	uint8_t buf[WIRE_HEADER + 8 + FRAG_PART];

	if (n < WIRE_HEADER)
		return;
	memcpy(buf, p, WIRE_HEADER);
	buf[2 * V1_COOKIE] = WIRE_FRAGMENT;
	for (size_t at = 0, index = 1; at < n; at += FRAG_PART, index++) {
		size_t part = n - at < FRAG_PART ? n - at : FRAG_PART;
		struct writer w = writer_of(buf + WIRE_HEADER, sizeof(buf) - WIRE_HEADER);

		write_u16(&w, 0);
		write_u16(&w, (uint16_t)(8 + part));
		write_u16(&w, 1);
		write_u8(&w, (uint8_t)index);
		write_u8(&w, at + part == n);
		write_bytes(&w, bytes_of(p + at, part));
		patch_u32(buf + WIRE_HEADER - 4, (uint32_t)(WIRE_HEADER + 8 + part));
		datagram(to, buf, WIRE_HEADER + 8 + part);
	}
}

/* Payloads whose first type is `first`, behind a right HASH when wanted, sealed. */
static void
sealed(unsigned to, enum op op, uint8_t first, struct bytes payloads, bool fragments)
{
	static uint8_t buf[BUF + 512];
	struct ike_sa *sa = sa_of(to);
	uint8_t iv[V1_IV_MAX], hash[CRY_HASH_MAX];
	if (!sa || sa->keys.key.n == 0 || !sa->encr || payloads.n > BUF)
		return;
	struct wire_header h = { .version = WIRE_VERSION_1, .flags = WIRE_F_ENCRYPTED,
		.exchange = WIRE_X_INFO, .message_id = (uint32_t)rng | 1 };
	memcpy(h.cookie_i, sa->cookie_i, V1_COOKIE);
	memcpy(h.cookie_r, sa->cookie_r, V1_COOKIE);
	if (op == OP_QUICK)
		h.exchange = WIRE_X_QUICK;
	if (op == OP_MAIN) {
		h.exchange = WIRE_X_MAIN;
		h.message_id = 0;
	}
	if (op == OP_CHILD) {
		h.exchange = WIRE_X_QUICK;
		LIST_FOREACH(at, &sa->quicks)
			h.message_id = container_of(at, struct ike_xchg, in_sa)->message_id;
	}
	if (op == OP_MAIN && sa->x)
		memcpy(iv, sa->x->iv, sizeof(iv));
	else if (v1_message_iv(engine[to], sa, h.message_id, iv))
		return;
	struct wire_builder b;
	wire_begin(&b, buf, sizeof(buf), &h);
	if (op == OP_INFO || op == OP_QUICK) {
		if (v1_hash_1(
			    cry, sa->hash, secret_view(&sa->keys.a), h.message_id, payloads, hash))
			return;
		wire_add_data(&b, WIRE_HASH, bytes_of(hash, sa->hash->out));
		*b.next = first;
	} else {
		*b.next = first;
	}
	write_bytes(&b.w, payloads);
	wire_pad(&b, sa->encr->block);
	struct bytes d = wire_finish(&b);
	if (d.n == 0)
		return;
	if (cry_cbc(cry, sa->encr, secret_view(&sa->keys.key), iv, buf + WIRE_HEADER,
		    d.n - WIRE_HEADER, true))
		return;
	if (fragments)
		pieces(to, buf, d.n);
	else
		datagram(to, buf, d.n);
}

static void
record(unsigned to, enum op op, const uint8_t *p, size_t n)
{
	static uint8_t buf[BUF + 64];
	struct ike_sa *sa = sa_of(to);
	struct ike_event ev = { .type = IKE_EV_TIMER };
	switch (op) {
	case OP_RAW:
		datagram(to, p, n);
		break;
	case OP_COOKIES:
	case OP_FRAG:
		if (n + 2 * V1_COOKIE > BUF || !sa)
			break;
		memcpy(buf, sa->cookie_i, V1_COOKIE);
		memcpy(buf + V1_COOKIE, sa->cookie_r, V1_COOKIE);
		memcpy(buf + 2 * V1_COOKIE, p, n);
		if (n >= 12)
			patch_u32(buf + 24, (uint32_t)(n + 2 * V1_COOKIE));
		if (op == OP_FRAG)
			pieces(to, buf, n + 2 * V1_COOKIE);
		else
			datagram(to, buf, n + 2 * V1_COOKIE);
		break;
	case OP_INFO:
	case OP_QUICK:
	case OP_PLAIN:
	case OP_MAIN:
	case OP_CHILD:
		if (n > 0)
			sealed(to, op, p[0], bytes_of(p + 1, n - 1), false);
		break;
	case OP_SEALED_FRAG:
		if (n > 0)
			sealed(to, OP_INFO, p[0], bytes_of(p + 1, n - 1), true);
		break;
	case OP_TIME:
		now = instant_add(now, n > 0 ? p[0] * 100 : 1);
		step(to, &ev);
		break;
	case OP_COUNT:
		break;
	}
}

/* Until both have nothing to do, or all that is unfinished has been given up. */
static void
run_out(void)
{
	for (unsigned n = 0; n < ROUNDS_MAX; n++) {
		settle(UINT32_MAX);
		instant d = instant_min(ike_deadline(engine[0]), ike_deadline(engine[1]));
		if (d.ms > REST_MS)
			return;
		if (d.ms > now.ms)
			now = d;
		for (unsigned i = 0; i < 2; i++) {
			struct ike_event ev = { .type = IKE_EV_TIMER };
			if (instant_reached(ike_deadline(engine[i]), now))
				step(i, &ev);
		}
		if (tail > QUEUE / 2)
			return;
	}
	abort(); /* never comes to rest */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > BUF)
		return 0;
	begin(data[0] >> 4, data[1]);
	struct ike_event ev = { .type = IKE_EV_COMMAND,
		.command = { .id = 1,
			.type = IKE_CMD_ESTABLISH,
			.remote = address[1].addr,
			.children = (data[1] & BIT_NO_CHILDREN) == 0 } };
	step(0, &ev);
	settle(data[0] % 16);
	size_t at = 2;
	for (unsigned i = 0; i < RECORDS_MAX && at + 3 <= size; i++) {
		unsigned to = data[at] >> 7;
		enum op op = (enum op)((data[at] & 0x7f) % OP_COUNT);
		size_t n = get_u16(data + at + 1);
		at += 3;
		if (n > size - at)
			n = size - at;
		record(to, op, data + at, n);
		at += n;
		if (data[1] & BIT_BETWEEN)
			settle(passed + 1);
	}
	if (data[1] & BIT_RUN_OUT)
		run_out();
	for (; head < tail; head++) {
		if (queue[head].type == IT_DATAGRAM)
			free(queue[head].octets);
		if (queue[head].type == IT_SADB)
			free(queue[head].msg);
	}
	for (unsigned i = 0; i < 2; i++)
		forget(i);
	return 0;
}
