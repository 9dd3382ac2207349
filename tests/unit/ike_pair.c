/*
 * ike_pair.c - two IKE engines in one process; see ike_pair.h.
 */
#include "tests/unit/ike_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char pair_conf[] =
	"timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"
	"remote %s {\n"
	"	exchange_mode main;\n"
	"	lifetime time 1 hour;\n"
	"	proposal { encryption_algorithm aes 128; hash_algorithm sha1;\n"
	"		authentication_method pre_shared_key; dh_group 2; }\n"
	"}\n"
	"sainfo anonymous {\n"
	"	lifetime time 20 min;\n"
	"	encryption_algorithm aes 256, 3des;\n"
	"	authentication_algorithm hmac_sha256, hmac_sha1;\n"
	"	compression_algorithm deflate;\n"
	"}\n";

static const char *const address[2] = { "192.168.1.100", "192.168.2.100" };
static const char *const net[2] = { "172.16.1.0/24", "172.16.2.0/24" };

static void
fail(const char *what)
{
	fprintf(stderr, "ike_pair: %s\n", what);
	abort();
}

static void
pair_random(void *user, uint8_t *out, size_t n)
{
	struct pair_host *h = user;

	for (size_t i = 0; i < n; i++) {
		h->random = h->random * UINT64_C(6364136223846793005) + 1442695040888963407;
		out[i] = (uint8_t)(h->random >> 56);
	}
}

static void
pair_trace(void *user, enum log_level level, const struct net_endpoint *peer, const char *text)
{
	struct pair_host *h = user;
	int n;

	(void)peer;
	if (getenv("PAIR_TRACE") != NULL)
		fprintf(stderr, "[%8lld] %c %s: %s\n", (long long)h->pair->now.ms, 'A' + h->side,
			log_level_name(level), text);
	if (h->pair->line != NULL)
		h->pair->line(h->pair, h->side, level, text);
	if (h->log_n + strlen(text) + 2 > sizeof(h->log))
		h->log_n = 0;
	n = snprintf(h->log + h->log_n, sizeof(h->log) - h->log_n, "%s\n", text);
	h->log_n += n > 0 ? (size_t)n : 0;
}

bool
pair_logged(const struct pair *p, int side, const char *text)
{
	return strstr(p->host[side].log, text) != NULL;
}

static void
other_address(char *out, size_t size, const char *conf, const char *other)
{
	const char *at;
	size_t n = 0;

	for (; (at = strstr(conf, "%s")) != NULL; conf = at + 2)
		n += (size_t)snprintf(out + n, size - n, "%.*s%s", (int)(at - conf), conf, other);
	snprintf(out + n, size - n, "%s", conf);
}

/* Keys and certificates of the test PKI; tests run in the project's root. */
static bool
pair_contents(void *user, const char *path, struct text *out)
{
	char name[256], buf[4096];
	size_t n;
	FILE *f;

	(void)user;
	snprintf(name, sizeof(name), "tests/pki/%s", path);
	f = strchr(path, '/') != NULL ? NULL : fopen(name, "rb");
	if (f == NULL)
		return false;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		text_add_n(out, buf, n);
	fclose(f);
	return true;
}

static struct rc_config *
load(struct cry *cry, const char *conf, const char *psk, int side)
{
	struct rc_options o = { .cry = cry, .hash_key = { 7, 11 }, .contents = pair_contents };
	struct stmt_errors errors = { 0 };
	struct rc_config *c = NULL;
	static char keys[65536];
	char text[8192];

	other_address(text, sizeof(text), conf, address[!side]);
	snprintf(keys, sizeof(keys), "%s %s\n", address[!side], psk);
	if (rc_load_text("test.conf", text, keys, &o, &c, &errors) != ST_NORMAL) {
		fprintf(stderr, "%s\n%s", text_str(&errors.text), text);
		fail("configuration");
	}
	stmt_errors_free(&errors);
	return c;
}

static void
host_new(struct pair *p, int side, const char *conf, const char *psk)
{
	struct pair_host *h = &p->host[side];
	struct ike_env env = { .cry = p->cry, .random = pair_random, .trace = pair_trace, .user = h,
		.hash_key = { 3, (uint64_t)side }, .level = LOG_L_DEBUG };
	struct ike_event ev = { .type = IKE_EV_CONFIG };

	h->pair = p;
	h->side = side;
	h->random = (uint64_t)side + 1;
	h->spi = 0x1000u * (unsigned)(side + 1);
	h->config = load(p->cry, conf == NULL ? pair_conf : conf, psk == NULL ? "secret" : psk,
		side);
	if (!net_addr_parse(address[side], &h->local.addr))
		fail("address");
	h->local.port = 500;
	h->e = ike_new(&env);
	if (h->e == NULL)
		fail("engine");
	ev.config = h->config;
	pair_event(p, side, &ev);
	ev = (struct ike_event){ .type = IKE_EV_ADDRESSES,
		.addresses = { .local = &h->local, .count = 1 } };
	pair_event(p, side, &ev);
}

struct pair *
pair_new(const char *conf_a, const char *psk_a, const char *conf_b, const char *psk_b)
{
	struct pair *p = calloc(1, sizeof(*p));

	if (p == NULL || (p->cry = cry_new()) == NULL)
		fail("memory");
	p->now.ms = 1000000;
	p->today.ms = INT64_C(1800000000000); /* in January 2027 */
	host_new(p, 0, conf_a, psk_a);
	host_new(p, 1, conf_b, psk_b);
	return p;
}

void
pair_free(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		pair_jobs(p, i);
		ike_free(p->host[i].e);
		rc_free(p->host[i].config);
	}
	for (unsigned i = 0; i < p->flights; i++)
		free(p->flight[i].octets);
	cry_free(p->cry);
	free(p);
}

/* ------------------------------------------------------------------------------- model SADB --- */

static struct pair_sa *
sa_find(struct pair_host *h, const struct ipsec_sa *sa)
{
	for (unsigned i = 0; i < PAIR_SAS; i++) {
		struct pair_sa *s = &h->sa[i];
		if (s->used && s->sa.proto == sa->proto && s->sa.spi == sa->spi &&
		    net_addr_equal(&s->sa.dst.addr, &sa->dst.addr))
			return s;
	}
	return NULL;
}

/* Policies of the engine's making. */
static enum status
spd_request(struct pair_host *h, const struct sadb_msg *m)
{
	unsigned i = 0;

	while (i < h->sps && (h->sp[i].dir != m->sp.dir ||
				     !sp_selector_equal(&h->sp[i].sel, &m->sp.sel)))
		i++;
	if (m->op == SADB_OP_SPDDELETE) {
		if (i == h->sps)
			return ST_NOSUCHSA;
		h->sp[i] = h->sp[--h->sps];
		return ST_NORMAL;
	}
	if (i == PAIR_SPS)
		fail("SPD is full");
	h->sp[i] = m->sp;
	h->sps += i == h->sps;
	return ST_NORMAL;
}

static enum status
sadb_request(struct pair_host *h, const struct sadb_msg *m, struct sadb_msg *answer)
{
	struct pair_sa *s = sa_find(h, &m->sa), *fresh = NULL;

	for (unsigned i = 0; i < PAIR_SAS && fresh == NULL; i++)
		if (!h->sa[i].used)
			fresh = &h->sa[i];
	*answer = *m;
	h->requests++;
	if (m->op == SADB_OP_SPDUPDATE || m->op == SADB_OP_SPDDELETE)
		return spd_request(h, m);
	if (m->op == SADB_OP_GETSPI && m->sa.proto == SA_IPCOMP && h->no_comp)
		return ST_NOALG;
	if ((m->op == SADB_OP_ADD || m->op == SADB_OP_UPDATE) && h->sadb_fails != ST_NORMAL) {
		enum status status = h->sadb_fails;
		h->sadb_fails = ST_NORMAL;
		return status;
	}
	if (m->op == SADB_OP_GETSPI || m->op == SADB_OP_ADD) {
		if (fresh == NULL)
			fail("SADB is full");
		if (s != NULL && m->op == SADB_OP_ADD)
			return ST_SAEXISTS;
		*fresh = (struct pair_sa){ .used = true, .larval = m->op == SADB_OP_GETSPI,
			.sa = m->sa };
		if (m->op == SADB_OP_GETSPI)
			answer->sa.spi = fresh->sa.spi = ++h->spi;
		return ST_NORMAL;
	}
	if (s == NULL)
		return ST_NOSUCHSA;
	if (m->op == SADB_OP_UPDATE)
		*s = (struct pair_sa){ .used = true, .sa = m->sa };
	else if (m->op == SADB_OP_DELETE)
		memset(s, 0, sizeof(*s));
	else
		fail("SADB request");
	return ST_NORMAL;
}

/* ---------------------------------------------------------------------------------- effects --- */

static void
put_in_flight(struct pair *p, const struct pair_flight *f, const uint8_t *octets)
{
	struct pair_flight *slot = &p->flight[p->flights];

	if (p->flights == PAIR_FLIGHT)
		fail("too many datagrams in flight");
	*slot = *f;
	slot->octets = malloc(f->n);
	if (slot->octets == NULL)
		fail("memory");
	memcpy(slot->octets, octets, f->n);
	p->flights++;
}

/* What the NAT makes of a datagram; false: it knows of no host that is meant. */
static bool
translate(const struct pair *p, int side, struct pair_flight *f)
{
	if (p->nat.family == 0)
		return true;
	if (side == 0) {
		f->remote.addr = p->nat;
		f->remote.port = (uint16_t)(f->remote.port + p->nat_shift);
		return true;
	}
	if (!net_addr_equal(&f->local.addr, &p->nat))
		return false;
	f->local.addr = p->host[0].local.addr;
	f->local.port = (uint16_t)(f->local.port - p->nat_shift);
	return f->local.port == 500 || f->local.port == 4500;
}

static void
send_one(struct pair *p, int side, const struct ike_effect *fx)
{
	struct pair_flight f = { .when = instant_add(p->now, 1), .to = !side,
		.local = fx->send.remote, .remote = fx->send.local, .natt = fx->send.natt,
		.n = fx->send.octets.n };
	uint8_t *octets = malloc(f.n);

	if (octets == NULL)
		fail("memory");
	memcpy(octets, fx->send.octets.p, f.n);
	p->host[side].sent++;
	p->last_natt = f.natt;
	p->last_to = f.local;
	bool known = translate(p, side, &f);
	p->last_from = f.remote;
	if (f.n == 1 && octets[0] == 0xff)
		p->keepalives[side]++;
	else if (known && (p->filter == NULL || p->filter(p, side, octets, f.n))) {
		put_in_flight(p, &f, octets);
		f.when = instant_add(f.when, p->copy_after);
		if (p->copy_after != 0)
			put_in_flight(p, &f, octets);
	}
	free(octets);
}

static void
done(struct pair *p, int side, uint64_t id, enum status status, const struct sadb_msg *answer)
{
	struct ike_event ev = { .type = IKE_EV_DONE,
		.done = { .id = id, .status = status, .sadb = answer } };

	pair_event(p, side, &ev);
}

struct pending {
	uint64_t id;
	struct cry_job *job;
	bool acquire;
	enum status status;
	struct sadb_msg *answer;
};

static void
take_effect(struct pair *p, int side, const struct ike_effect *fx, struct pending *todo,
	unsigned *n)
{
	struct pair_host *h = &p->host[side];

	switch (fx->type) {
	case IKE_FX_SEND:
		send_one(p, side, fx);
		return;
	case IKE_FX_SADB:
		todo[*n] = (struct pending){ .id = fx->id,
			.acquire = h->acquire_at_add && fx->sadb->op == SADB_OP_ADD,
			.answer = malloc(sizeof(struct sadb_msg)) };
		h->acquire_at_add &= !todo[*n].acquire;
		todo[*n].status = sadb_request(h, fx->sadb, todo[*n].answer);
		++*n;
		return;
	case IKE_FX_CRYPTO:
		if (h->hold_jobs) {
			h->job_id[h->jobs] = fx->id;
			h->job[h->jobs++] = fx->job;
			return;
		}
		todo[(*n)++] = (struct pending){ .id = fx->id, .job = fx->job };
		return;
	case IKE_FX_REPLY:
		if (h->replies == PAIR_REPLIES)
			fail("replies");
		h->reply[h->replies] = (struct pair_reply){ .id = fx->id,
			.status = fx->reply.status };
		snprintf(h->reply[h->replies++].detail, IKE_DETAIL_MAX, "%s", fx->reply.detail);
		return;
	case IKE_FX_NOTE:
		h->notes[fx->note.type]++;
		h->note_status[fx->note.type] = fx->note.status;
		return;
	}
}

void
pair_event(struct pair *p, int side, struct ike_event *ev)
{
	struct ike *e = p->host[side].e;
	struct pending *todo = calloc(4096, sizeof(*todo));
	struct ike_effect fx;
	unsigned n = 0;

	if (todo == NULL)
		fail("memory");
	ev->now = p->now;
	ev->today = p->today;
	ike_step(e, ev);
	while (ike_next(e, &fx))
		take_effect(p, side, &fx, todo, &n);
	for (unsigned i = 0; i < n; i++) {
		if (todo[i].job != NULL)
			cry_job_run(p->cry, todo[i].job);
		if (todo[i].acquire)
			pair_acquire(p, side);
		done(p, side, todo[i].id, todo[i].status, todo[i].answer);
		free(todo[i].answer);
	}
	free(todo);
}

void
pair_jobs(struct pair *p, int side)
{
	struct pair_host *h = &p->host[side];

	while (h->jobs != 0) {
		uint64_t id = h->job_id[0];
		struct cry_job *job = h->job[0];
		h->jobs--;
		memmove(h->job_id, h->job_id + 1, h->jobs * sizeof(h->job_id[0]));
		memmove(h->job, h->job + 1, h->jobs * sizeof(h->job[0]));
		cry_job_run(p->cry, job);
		done(p, side, id, ST_NORMAL, NULL);
	}
}

/* ------------------------------------------------------------------------------------- time --- */

void
pair_datagram_at(struct pair *p, int side, const struct net_endpoint *local,
	const struct net_endpoint *from, bool natt, struct bytes octets)
{
	struct ike_event ev = { .type = IKE_EV_DATAGRAM };

	ev.datagram.local = *local;
	ev.datagram.remote = *from;
	ev.datagram.natt = natt;
	ev.datagram.octets = octets;
	pair_event(p, side, &ev);
}

void
pair_datagram(struct pair *p, int side, const struct net_endpoint *from, struct bytes octets)
{
	pair_datagram_at(p, side, &p->host[side].local, from, false, octets);
}

void
pair_natt(struct pair *p)
{
	for (int side = 0; side < 2; side++) {
		struct net_endpoint natt = { p->host[side].local.addr, 4500 };
		struct ike_event ev = { .type = IKE_EV_ADDRESSES,
			.addresses = { .local = &p->host[side].local, .count = 1, .natt = &natt,
				.natts = 1 } };
		pair_event(p, side, &ev);
	}
}

static bool
deliver(struct pair *p, instant until)
{
	unsigned first = 0;

	if (p->flights == 0)
		return false;
	for (unsigned i = 1; i < p->flights; i++)
		if (p->flight[i].when.ms < p->flight[first].when.ms)
			first = i;
	struct pair_flight f = p->flight[first];
	if (f.when.ms > until.ms)
		return false;
	memmove(&p->flight[first], &p->flight[first + 1], (--p->flights - first) * sizeof(f));
	if (f.when.ms > p->now.ms) {
		p->today.ms += f.when.ms - p->now.ms;
		p->now = f.when;
	}
	if (net_addr_equal(&f.local.addr, &p->host[f.to].local.addr))
		pair_datagram_at(p, f.to, &f.local, &f.remote, f.natt, bytes_of(f.octets, f.n));
	free(f.octets);
	return true;
}

void
pair_run(struct pair *p, int64_t ms)
{
	instant until = instant_add(p->now, ms);

	for (unsigned steps = 0; steps < 100000; steps++) {
		instant next = until;
		struct ike_event ev = { .type = IKE_EV_TIMER };
		int who = -1;
		for (int i = 0; i < 2; i++) {
			instant d = ike_deadline(p->host[i].e);
			if (d.ms <= next.ms) {
				next = d;
				who = i;
			}
		}
		if (deliver(p, next))
			continue;
		if (next.ms > p->now.ms) {
			p->today.ms += next.ms - p->now.ms;
			p->now = next;
		}
		if (who < 0)
			return;
		pair_event(p, who, &ev);
	}
	fail("no progress");
}

/* ---------------------------------------------------------------------------- what tests do --- */

static void
add_rule(const struct pair *p, struct ipsec_policy *out, const char *text, int from)
{
	struct sp_rule *r = &out->rule[out->rules++];

	r->proto = strncmp(text, "ah", 2) == 0       ? SA_AH
		   : strncmp(text, "ipcomp", 6) == 0 ? SA_IPCOMP
						     : SA_ESP;
	r->mode = strstr(text, "tunnel") != NULL ? SA_TUNNEL : SA_TRANSPORT;
	r->level = strstr(text, "/use") != NULL ? SP_USE : SP_REQUIRE;
	if (r->mode == SA_TUNNEL) {
		r->src.addr = p->host[from].local.addr;
		r->dst.addr = p->host[!from].local.addr;
	}
}

struct ipsec_policy
pair_policy(const struct pair *p, int side, enum sp_dir dir, const char *rule1, const char *rule2)
{
	struct ipsec_policy out = { .dir = dir, .action = SP_IPSEC, .id = 10u + (unsigned)dir };
	int from = dir == SP_OUT ? side : !side;
	bool tunnel = strstr(rule1, "tunnel") != NULL || (rule2 && strstr(rule2, "tunnel") != NULL);

	if (!net_prefix_parse(tunnel ? net[from] : address[from], &out.sel.src) ||
	    !net_prefix_parse(tunnel ? net[!from] : address[!from], &out.sel.dst))
		fail("selector");
	out.sel.upper = SP_UPPER_ANY;
	add_rule(p, &out, rule1, from);
	if (rule2 != NULL)
		add_rule(p, &out, rule2, from);
	return out;
}

void
pair_policies(struct pair *p, const char *rule1, const char *rule2)
{
	for (int side = 0; side < 2; side++)
		for (enum sp_dir dir = SP_IN; dir <= SP_OUT; dir++) {
			struct sadb_msg m = { .op = SADB_OP_SPDADD, .has_sp = true,
				.sp = pair_policy(p, side, dir, rule1, rule2) };
			struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };
			pair_event(p, side, &ev);
		}
}

bool
pair_lose_nth(struct pair *p, int from, uint8_t *octets, size_t n)
{
	(void)from, (void)octets, (void)n;
	return p->counter++ != *(unsigned *)p->user;
}

void
pair_acquire(struct pair *p, int side)
{
	struct sadb_msg m = { .op = SADB_OP_ACQUIRE, .has_sp = true, .has_sa = true, .seq = 77 };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };
	const struct ipsec_policy *sp = ike_spd_by_id(p->host[side].e, 10 + SP_OUT);

	if (sp == NULL)
		fail("no policy");
	m.sp = *sp;
	m.sa.src = p->host[side].local;
	m.sa.dst = p->host[!side].local;
	pair_event(p, side, &ev);
}

uint64_t
pair_command(struct pair *p, int side, enum ike_command_type type, bool children)
{
	struct ike_event ev = { .type = IKE_EV_COMMAND };

	ev.command.id = ++p->counter;
	ev.command.type = type;
	ev.command.remote = p->host[!side].local.addr;
	ev.command.children = children;
	ev.command.scope = IKE_SCOPE_ALL;
	pair_event(p, side, &ev);
	return ev.command.id;
}

const struct pair_reply *
pair_reply_to(const struct pair *p, int side, uint64_t id)
{
	for (unsigned i = 0; i < p->host[side].replies; i++)
		if (p->host[side].reply[i].id == id)
			return &p->host[side].reply[i];
	return NULL;
}

unsigned
pair_sas(const struct pair *p, int side)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PAIR_SAS; i++)
		n += p->host[side].sa[i].used && !p->host[side].sa[i].larval;
	return n;
}

unsigned
pair_children(const struct pair *p, int side)
{
	struct ike_child_view v;
	uint64_t cursor = 0;
	unsigned n = 0;

	while (ike_show_child(p->host[side].e, &cursor, &v))
		n += v.established;
	return n;
}

unsigned
pair_up(const struct pair *p, int side)
{
	struct ike_sa_view v;
	uint64_t cursor = 0;
	unsigned n = 0;

	while (ike_show_sa(p->host[side].e, &cursor, &v))
		n += v.established;
	return n;
}

bool
pair_agree(const struct pair *p, int side)
{
	const struct pair_host *h = &p->host[side];
	struct pair_host *o = (struct pair_host *)(uintptr_t)&p->host[!side];

	for (unsigned i = 0; i < PAIR_SAS; i++) {
		const struct ipsec_sa *sa = &h->sa[i].sa;
		const struct pair_sa *there;
		if (!h->sa[i].used || !net_addr_equal(&sa->src.addr, &h->local.addr))
			continue;
		there = sa_find(o, sa);
		if (there == NULL || there->larval || there->sa.encr != sa->encr ||
		    there->sa.auth != sa->auth || there->sa.mode != sa->mode ||
		    memcmp(&there->sa.encr_key, &sa->encr_key, sizeof(sa->encr_key)) != 0 ||
		    memcmp(&there->sa.auth_key, &sa->auth_key, sizeof(sa->auth_key)) != 0)
			return false;
		if (sa->encr != NULL && sa->encr->mode != ALG_MODE_NULL && sa->encr_key.octets == 0)
			return false;
	}
	return true;
}
