/* eng_host.c - see eng_host.h. */
#include "tests/unit/eng_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
fill(void *user, uint8_t *out, size_t n)
{
	struct eng_host *h = user;

	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)eng_host_random(h);
}

uint32_t
eng_host_random(struct eng_host *h)
{
	h->x = h->x * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(h->x >> 32);
}

struct eng_host *
eng_host_new(void)
{
	struct eng_host *h = calloc(1, sizeof(*h));
	struct eng_env env = { .random = fill, .user = h, .hash_key = { 1, 2 } };

	if (h == NULL)
		return NULL;
	h->x = 42;
	h->now.ms = 1000;
	h->today.ms = 1700000000000;
	env.cry = h->cry = cry_new();
	h->e = eng_new(&env);
	return h;
}

void
eng_host_free(struct eng_host *h)
{
	eng_free(h->e);
	cry_free(h->cry);
	free(h);
}

void
eng_host_clear(struct eng_host *h)
{
	h->events = 0;
}

static void
keep(struct eng_host *h, const struct sadb_msg *m)
{
	if (h->events < HOST_EVENTS)
		h->event[h->events++] = *m;
}

void
eng_host_pull(struct eng_host *h)
{
	struct eng_answer a;

	while (eng_answer(h->e, &a))
		keep(h, &a.msg);
}

void
eng_host_after(struct eng_host *h, int64_t ms)
{
	h->now = instant_add(h->now, ms);
	h->today.ms += ms;
	while (instant_reached(eng_deadline(h->e), h->now))
		eng_timer(h->e, h->now, h->today);
	eng_host_pull(h);
}

int
eng_host_call(struct eng_host *h, const struct sadb_msg *m, struct sadb_msg *answer)
{
	struct eng_answer a;
	int error = -1;

	eng_control(h->e, h->now, h->today, 1, m);
	while (eng_answer(h->e, &a)) {
		if (a.client == 1 && a.msg.op == m->op && a.msg.seq == m->seq && error == -1) {
			error = a.msg.error;
			if (answer != NULL)
				*answer = a.msg;
		} else {
			keep(h, &a.msg);
		}
	}
	return error;
}

struct net_addr
eng_host_addr(const char *text)
{
	struct net_addr a = { 0 };

	if (!net_addr_parse(text, &a))
		fprintf(stderr, "bad address %s\n", text);
	return a;
}

static void
key_of(struct sa_key *k, const struct alg *a, uint32_t spi)
{
	if (a == NULL)
		return;
	k->octets = (uint16_t)(alg_default_bits(a) / 8 + a->salt);
	for (unsigned i = 0; i < k->octets; i++)
		k->b[i] = (uint8_t)(i * 7 + spi);
}

struct sadb_msg
eng_host_sa(enum sadb_op op, enum sa_proto proto, enum sa_mode mode, uint32_t spi, const char *src,
	const char *dst, const char *encr, const char *auth)
{
	struct sadb_msg m;

	memset(&m, 0, sizeof(m));
	m.op = op;
	m.seq = 7;
	m.pid = 99;
	m.has_sa = true;
	m.sa.proto = proto;
	m.sa.mode = mode;
	m.sa.spi = spi;
	m.sa.src.addr = eng_host_addr(src);
	m.sa.dst.addr = eng_host_addr(dst);
	m.sa.replay = 32;
	m.sa.state = SA_MATURE;
	if (encr != NULL)
		m.sa.encr = alg_by_name(ALG_ENCR, encr);
	if (auth != NULL)
		m.sa.auth = alg_by_name(ALG_AUTH, auth);
	key_of(&m.sa.encr_key, m.sa.encr, spi);
	key_of(&m.sa.auth_key, m.sa.auth, spi + 1);
	return m;
}

/* Cut "word<sep>rest"; the word, and rest behind it. */
static char *
cut(char **rest, char sep)
{
	char *word = *rest, *at = strchr(word, sep);

	*rest = at == NULL ? word + strlen(word) : at + 1;
	if (at != NULL)
		*at = '\0';
	return word;
}

static void
rule_of(struct sp_rule *r, const char *text)
{
	char copy[128], *rest = copy, *mode, *ends, *level, *proto;

	snprintf(copy, sizeof(copy), "%s", text);
	proto = cut(&rest, '/');
	mode = cut(&rest, '/');
	ends = cut(&rest, '/');
	level = cut(&rest, ':');
	r->proto = strcmp(proto, "ah") == 0 ? SA_AH :
		strcmp(proto, "ipcomp") == 0 ? SA_IPCOMP : SA_ESP;
	r->mode = strcmp(mode, "tunnel") == 0 ? SA_TUNNEL : SA_TRANSPORT;
	r->level = strcmp(level, "use") == 0 ? SP_USE :
		strcmp(level, "unique") == 0 ? SP_UNIQUE : SP_REQUIRE;
	r->reqid = (uint32_t)atoi(rest);
	if (*ends == '\0')
		return;
	r->src.addr = eng_host_addr(cut(&ends, '-'));
	r->dst.addr = eng_host_addr(ends);
}

struct sadb_msg
eng_host_policy(enum sadb_op op, enum sp_dir dir, const char *src, const char *dst,
	enum sp_action action, const char *rule1, const char *rule2)
{
	struct sadb_msg m;

	memset(&m, 0, sizeof(m));
	m.op = op;
	m.seq = 8;
	m.has_sp = true;
	m.sp.dir = dir;
	m.sp.action = action;
	m.sp.sel.upper = SP_UPPER_ANY;
	if (!net_prefix_parse(src, &m.sp.sel.src) || !net_prefix_parse(dst, &m.sp.sel.dst))
		fprintf(stderr, "bad prefix %s or %s\n", src, dst);
	if (rule1 != NULL)
		rule_of(&m.sp.rule[m.sp.rules++], rule1);
	if (rule2 != NULL)
		rule_of(&m.sp.rule[m.sp.rules++], rule2);
	return m;
}

void
eng_host_put(struct eng_host *h, const uint8_t *p, size_t n)
{
	h->p = (struct eng_packet){ .buf = h->buf, .room = sizeof(h->buf), .head = ENG_HEADROOM,
		.len = n };
	if (n != 0)
		memmove(h->buf + h->p.head, p, n);
}

void
eng_host_packet(struct eng_host *h, const char *src, const char *dst, size_t n)
{
	struct net_addr from = eng_host_addr(src), to = eng_host_addr(dst);
	size_t ip = from.family == 6 ? 40 : 20;
	uint8_t *p = h->buf + ENG_HEADROOM;

	memset(p, 0, ip + 8);
	if (from.family == 4) {
		p[0] = 0x45;
		p[5] = 1;
		p[8] = 64;
		p[9] = 17;
		memcpy(p + 12, from.b, 4);
		memcpy(p + 16, to.b, 4);
	} else {
		p[0] = 0x60;
		p[6] = 17;
		p[7] = 64;
		memcpy(p + 8, from.b, 16);
		memcpy(p + 24, to.b, 16);
	}
	patch_u16(p + ip, 1111);
	patch_u16(p + ip + 2, 2222);
	patch_u16(p + ip + 4, (uint16_t)(n - ip));
	for (size_t i = ip + 8; i < n; i++)
		p[i] = (uint8_t)i;
	eng_ip_finish(p, n);
	eng_host_put(h, p, n);
}

bool
eng_host_hex(struct eng_host *h, const char *hex)
{
	static uint8_t octets[HOST_ROOM];
	size_t n;

	if (!bytes_from_hex(hex, strlen(hex), octets, sizeof(octets) - 1024, &n))
		return false;
	eng_host_put(h, octets, n);
	return true;
}

uint8_t *
eng_host_ip(struct eng_host *h)
{
	return h->p.buf + h->p.head;
}
