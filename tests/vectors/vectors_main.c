/*
 * vectors_main.c - run a file of ESP and AH packets that another implementation made.
 *
 *	vectors FILE
 *
 * The file is a JSON array of cases: addresses, SPIs and `sa` in the words of `ip xfrm state add`,
 * packets as they went over the wire (`ip`) and before (`plain`).  Each packet is tried with one
 * bit changed (refused), opened and compared, and sent once more (a replay: refused).  The way back
 * is checked to the octet: the plain packet is sealed with IV and sequence number of the original.
 * Where another sender chose otherwise (TTL, padding), it is enough that the packet opens again,
 * and a comment says so.  TAP on standard output.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipsec/engine/eng_int.h"

enum { ROOM = 4096, WINDOW = 64 };

struct sides { /* one case, taken apart */
	const char *name;
	struct net_addr outer[2], inner[2];
	uint32_t spi[2]; /* a to b, b to a */
	struct ipsec_sa sa; /* without addresses and SPI */
	char skip[128];
};

struct rnd { /* the engine's randomness: a counter, or an IV that is wanted */
	uint8_t iv[16];
	size_t n;
	uint64_t x;
};

static void
fill(void *user, uint8_t *out, size_t n)
{
	struct rnd *r = user;

	for (size_t i = 0; i < n; i++) {
		r->x = r->x * 6364136223846793005u + 1442695040888963407u;
		/* Pools are used from their end; all IV lengths divide their size. */
		out[i] = r->n != 0 ? r->iv[i % r->n] : (uint8_t)(r->x >> 56);
	}
}

/* -------------------------------------------------------------------------- reading a case --- */

static bool
hex(const char *s, uint8_t *out, size_t size, size_t *n)
{
	if (s == NULL)
		return false;
	if (s[0] == '0' && s[1] == 'x')
		s += 2;
	return bytes_from_hex(s, strlen(s), out, size, n);
}

static const struct alg *
by_xfrm(enum alg_kind kind, const char *name, unsigned icv_bits)
{
	for (size_t i = 0; i < alg_count; i++) {
		const struct alg *a = &alg_table[i];

		if (a->kind == kind && a->xfrm != NULL && strcmp(a->xfrm, name) == 0 &&
			(icv_bits == 0 || a->icv * 8u == icv_bits))
			return a;
	}
	return NULL;
}

static bool
take_key(struct sa_key *k, const char *word)
{
	size_t n = 0;

	if (word == NULL || !hex(word, k->b, sizeof(k->b), &n))
		return false;
	k->octets = (uint16_t)n;
	return true;
}

static void
skip(struct sides *c, const char *why, const char *what)
{
	snprintf(c->skip, sizeof(c->skip), "%s %s", why, what == NULL ? "" : what);
}

/* The words of `ip xfrm state add`. */
static void
take_sa(struct sides *c, char *words)
{
	char *next = NULL, *w = strtok_r(words, " ", &next);

	for (; w != NULL && c->skip[0] == '\0'; w = strtok_r(NULL, " ", &next)) {
		bool aead = strcmp(w, "aead") == 0, auth = strcmp(w, "auth-trunc") == 0;

		if (strcmp(w, "enc") == 0) {
			const char *name = strtok_r(NULL, " ", &next);

			c->sa.encr = by_xfrm(ALG_ENCR, name, 0);
			/* A NULL cipher has no key: the next word may already be another. */
			if (c->sa.encr == NULL)
				skip(c, "no algorithm", name);
			else if (c->sa.encr->mode != ALG_MODE_NULL &&
				!take_key(&c->sa.encr_key, strtok_r(NULL, " ", &next)))
				skip(c, "bad key of", name);
		} else if (aead || auth) {
			const char *name = strtok_r(NULL, " ", &next);
			const char *key = strtok_r(NULL, " ", &next);
			const char *bits = strtok_r(NULL, " ", &next);
			const struct alg *a = by_xfrm(aead ? ALG_ENCR : ALG_AUTH, name,
				bits == NULL ? 0 : (unsigned)atoi(bits));

			if (a == NULL || !take_key(aead ? &c->sa.encr_key : &c->sa.auth_key, key))
				skip(c, "no algorithm", name);
			*(aead ? &c->sa.encr : &c->sa.auth) = a;
		} else if (strcmp(w, "encap") == 0) {
			c->sa.natt = true;
			for (unsigned i = 0; i < 4; i++)
				(void)strtok_r(NULL, " ", &next);
		} else if (strcmp(w, "replay-window") == 0) {
			(void)strtok_r(NULL, " ", &next);
		} else if (strcmp(w, "flag") == 0) {
			const char *flag = strtok_r(NULL, " ", &next);

			if (flag != NULL && strcmp(flag, "esn") == 0)
				c->sa.flags |= SA_F_ESN;
			else
				skip(c, "unknown flag", flag);
		} else if (strcmp(w, "''") != 0) {
			skip(c, "unknown word", w);
		}
	}
}

static const char *
text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static bool
take_addresses(const json_t *o, const char *key, struct net_addr *a)
{
	const json_t *pair = json_object_get(o, key);

	for (size_t i = 0; i < 2; i++) {
		const char *s = json_string_value(json_array_get(pair, i));

		if (s == NULL || !net_addr_parse(s, &a[i]))
			return false;
	}
	return true;
}

static bool
take_case(const json_t *o, struct sides *c)
{
	const char *proto = text_of(o, "proto"), *mode = text_of(o, "mode"), *sa = text_of(o, "sa");
	const char *ab = text_of(o, "spi_ab"), *ba = text_of(o, "spi_ba");
	char *words;

	memset(c, 0, sizeof(*c));
	c->name = text_of(o, "name");
	if (c->name == NULL || proto == NULL || mode == NULL || sa == NULL || ab == NULL ||
		ba == NULL || !take_addresses(o, "outer", c->outer) ||
		!take_addresses(o, "inner", c->inner))
		return false;
	c->spi[0] = (uint32_t)strtoul(ab, NULL, 0);
	c->spi[1] = (uint32_t)strtoul(ba, NULL, 0);
	c->sa.mode = strcmp(mode, "tunnel") == 0 ? SA_TUNNEL : SA_TRANSPORT;
	if (strcmp(proto, "esp") == 0)
		c->sa.proto = SA_ESP;
	else if (strcmp(proto, "ah") == 0)
		c->sa.proto = SA_AH;
	else
		skip(c, "not in this version: protocol", proto);
	c->sa.replay = WINDOW;
	words = strdup(sa);
	if (words == NULL)
		return false;
	take_sa(c, words);
	free(words);
	return true;
}

/* --------------------------------------------------------------------------------- engines --- */

static bool
control(struct eng *e, const struct sadb_msg *m)
{
	struct eng_answer a;
	int error = -1;

	eng_control(e, (instant){ 1000 }, (wall){ 1700000000000 }, 1, m);
	while (eng_answer(e, &a))
		if (a.client == 1)
			error = a.msg.error;
	if (error != 0)
		printf("# %s: errno %d\n", sadb_op_name(m->op), error);
	return error == 0;
}

static bool
add_sa(struct eng *e, const struct sides *c, unsigned way)
{
	struct sadb_msg m;

	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_ADD;
	m.has_sa = true;
	m.sa = c->sa;
	m.sa.src.addr = c->outer[way];
	m.sa.dst.addr = c->outer[1 - way];
	m.sa.src.port = m.sa.dst.port = c->sa.natt ? 4500 : 0;
	m.sa.spi = c->spi[way];
	return control(e, &m);
}

static bool
add_policy(struct eng *e, const struct sides *c, unsigned way, enum sp_dir dir)
{
	struct sadb_msg m;

	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_SPDADD;
	m.has_sp = true;
	m.sp.dir = dir;
	m.sp.action = SP_IPSEC;
	m.sp.sel.upper = SP_UPPER_ANY;
	m.sp.sel.src = net_prefix_host(&c->inner[way]);
	m.sp.sel.dst = net_prefix_host(&c->inner[1 - way]);
	m.sp.rules = 1;
	m.sp.rule[0].proto = c->sa.proto;
	m.sp.rule[0].mode = c->sa.mode;
	m.sp.rule[0].level = SP_REQUIRE;
	if (c->sa.mode == SA_TUNNEL) {
		m.sp.rule[0].src.addr = c->outer[way];
		m.sp.rule[0].dst.addr = c->outer[1 - way];
	}
	return control(e, &m);
}

static struct eng *
engine(struct cry *cry, struct rnd *rnd, const struct sides *c, enum sp_dir dir)
{
	struct eng_env env = { .cry = cry, .random = fill, .user = rnd };
	struct eng *e = eng_new(&env);

	for (unsigned way = 0; e != NULL && way < 2; way++)
		if (!add_sa(e, c, way) || !add_policy(e, c, way, dir)) {
			eng_free(e);
			e = NULL;
		}
	return e;
}

static struct eng_packet
packet(uint8_t *room, const uint8_t *p, size_t n)
{
	memcpy(room + ENG_HEADROOM, p, n);
	return (struct eng_packet){ .buf = room, .room = ROOM + ENG_HEADROOM + ENG_TAILROOM,
		.head = ENG_HEADROOM, .len = n };
}

/* ---------------------------------------------------------------------------------- checks --- */

static bool
opens(struct eng *e, const uint8_t *ip, size_t n, const uint8_t *plain, size_t plain_n)
{
	uint8_t room[ROOM + ENG_HEADROOM + ENG_TAILROOM];
	struct eng_packet p;
	uint64_t replays = eng_count(e, ENG_N_REPLAY);

	/* One bit wrong: refused, and no harm to what follows. */
	p = packet(room, ip, n);
	p.buf[p.head + n - 1] ^= 1;
	if (eng_input(e, (instant){ 2000 }, &p) != ENG_DROP) {
		printf("# a changed packet was accepted\n");
		return false;
	}
	p = packet(room, ip, n);
	if (eng_input(e, (instant){ 2000 }, &p) != ENG_DELIVER) {
		printf("# not opened:");
		for (unsigned i = 0; i < ENG_N_COUNT; i++)
			if (eng_count(e, (enum eng_count)i) != 0)
				printf(" %s %llu", eng_count_name((enum eng_count)i),
					(unsigned long long)eng_count(e, (enum eng_count)i));
		printf("\n");
		return false;
	}
	if (plain_n != 0 && (p.len != plain_n || memcmp(p.buf + p.head, plain, plain_n) != 0)) {
		printf("# opened, but to something else\n");
		return false;
	}
	p = packet(room, ip, n);
	if (eng_input(e, (instant){ 2000 }, &p) != ENG_DROP ||
		eng_count(e, ENG_N_REPLAY) != replays + 1) {
		printf("# a replayed packet was accepted\n");
		return false;
	}
	return true;
}

/* What is not ours to choose again: IV, sequence number, IPv4 identification. */
static bool
prepare(struct eng *e, struct rnd *rnd, const struct sides *c, unsigned way, const uint8_t *ip,
	size_t n)
{
	struct eng_sa *sa = eng_sa_find(e, &c->outer[1 - way], (uint8_t)c->sa.proto, c->spi[way]);
	size_t at = ip[0] >> 4 == 6 ? ENG_IP6 : (size_t)(ip[0] & 15) * 4;
	size_t iv = c->sa.encr == NULL ? 0 : c->sa.encr->iv;

	if (c->sa.natt)
		at += ENG_UDP;
	if (sa == NULL || n < at + ENG_AH + iv)
		return false;
	e->ip_id = get_u16(ip + 4);
	if (c->sa.proto == SA_AH) {
		sa->seq = get_u32(ip + at + 8) - 1;
		return true;
	}
	sa->seq = get_u32(ip + at + 4) - 1;
	sa->iv = iv == 8 ? get_u64(ip + at + ENG_ESP) : 0;
	rnd->n = iv <= sizeof(rnd->iv) ? iv : 0;
	memcpy(rnd->iv, ip + at + ENG_ESP, rnd->n);
	e->pool_left = 0;
	return true;
}

/* Does a fresh receiver get the plain packet out of this one? */
static bool
opens_again(struct cry *cry, const struct sides *c, struct eng_packet *p, const uint8_t *plain,
	size_t plain_n)
{
	struct rnd rnd = { .n = 0 };
	struct eng *e = engine(cry, &rnd, c, SP_IN);
	bool good = e != NULL && eng_input(e, (instant){ 2000 }, p) == ENG_DELIVER &&
		p->len == plain_n && memcmp(p->buf + p->head, plain, plain_n) == 0;

	eng_free(e);
	return good;
}

static bool
seals(struct cry *cry, struct eng *e, struct rnd *rnd, const struct sides *c, unsigned way,
	const uint8_t *ip, size_t n, const uint8_t *plain, size_t plain_n)
{
	uint8_t room[ROOM + ENG_HEADROOM + ENG_TAILROOM];
	struct eng_packet p = packet(room, plain, plain_n);

	if (!prepare(e, rnd, c, way, ip, n))
		return false;
	if (eng_output(e, (instant){ 2000 }, &p) != ENG_SEND) {
		printf("# not sealed\n");
		return false;
	}
	if (p.len == n && memcmp(p.buf + p.head, ip, n) == 0)
		return true;
	printf("# sealed to other octets (%zu; original %zu)\n", p.len, n);
	return opens_again(cry, c, &p, plain, plain_n);
}

static bool
run_packet(struct cry *cry, struct eng *in, struct eng *out, struct rnd *rnd,
	const struct sides *c, const json_t *o)
{
	uint8_t ip[ROOM], plain[ROOM];
	const char *dir = text_of(o, "dir");
	size_t n = 0, plain_n = 0;
	unsigned way = dir != NULL && strcmp(dir, "ba") == 0 ? 1 : 0;

	if (!hex(text_of(o, "ip"), ip, sizeof(ip), &n) || n < ENG_IP4)
		return false;
	if (text_of(o, "plain") != NULL &&
		!hex(text_of(o, "plain"), plain, sizeof(plain), &plain_n))
		return false;
	if (!opens(in, ip, n, plain, plain_n))
		return false;
	return plain_n == 0 || seals(cry, out, rnd, c, way, ip, n, plain, plain_n);
}

static bool
run_case(struct cry *cry, const struct sides *c, const json_t *packets)
{
	struct rnd in_rnd = { .n = 0 }, out_rnd = { .n = 0 };
	struct eng *in = engine(cry, &in_rnd, c, SP_IN);
	struct eng *out = engine(cry, &out_rnd, c, SP_OUT);
	bool good = in != NULL && out != NULL && json_array_size(packets) != 0;
	size_t i;
	json_t *o;

	if (good)
		json_array_foreach(packets, i, o)
			if (!run_packet(cry, in, out, &out_rnd, c, o)) {
				printf("# packet %zu of %s\n", i + 1, c->name);
				good = false;
			}
	eng_free(in);
	eng_free(out);
	return good;
}

int
main(int argc, char **argv)
{
	json_error_t error;
	json_t *file, *o;
	struct cry *cry = cry_new();
	unsigned failed = 0;
	size_t i;

	if (argc != 2 || cry == NULL) {
		fprintf(stderr, "usage: vectors FILE\n");
		return 2;
	}
	file = json_load_file(argv[1], 0, &error);
	if (!json_is_array(file)) {
		fprintf(stderr, "%s:%d: %s\n", argv[1], error.line, error.text);
		return 2;
	}
	/* Old algorithms count as well where OpenSSL has them. */
	if (cry_allow_legacy(cry) != ST_NORMAL)
		printf("# no legacy provider\n");
	printf("1..%zu\n", json_array_size(file));
	json_array_foreach(file, i, o) {
		struct sides c;
		bool read = take_case(o, &c);

		if (read && c.skip[0] == '\0' && ((c.sa.encr != NULL && !cry_has(cry, c.sa.encr)) ||
			(c.sa.auth != NULL && !cry_has(cry, c.sa.auth))))
			skip(&c, "OpenSSL lacks an algorithm", NULL);
		if (read && c.skip[0] != '\0') {
			printf("ok %zu - %s # SKIP %s\n", i + 1, c.name, c.skip);
			continue;
		}
		if (!read || !run_case(cry, &c, json_object_get(o, "packets"))) {
			printf("not ");
			failed++;
		}
		printf("ok %zu - %s\n", i + 1, c.name == NULL ? "?" : c.name);
	}
	json_decref(file);
	cry_free(cry);
	return failed != 0;
}
