/*
 * eng_bench_main.c - what one packet costs in the engine, without any input or output.
 *
 *	eng_bench [PACKETS [SAS [TRANSFORM]]]
 *
 * For each transform (or the one named) and size: packets per second and Gbit/s of eng_output and
 * eng_input, once with one SA and one policy, and once with SAS (100000) of each while the packets
 * go through one; then through all of them in turn, which is what memory costs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ipsec/engine/eng_int.h"

enum { ROOM = 2400, BATCH = 64 };

struct bench {
	struct cry *cry;
	struct eng *out, *in;
	uint32_t sas;
	uint8_t buf[BATCH][ROOM];
	struct eng_packet p[BATCH];
};

static const struct { const char *name, *encr, *auth; } transforms[] = {
	{ "aes-gcm-16", "aes-gcm-16", NULL },
	{ "aes-cbc+hmac-sha1", "aes-cbc", "hmac-sha1" },
	{ "aes-cbc+hmac-sha256", "aes-cbc", "hmac-sha256" },
	{ "chacha20-poly1305", "chacha20-poly1305", NULL },
	{ "null+hmac-sha1", "null", "hmac-sha1" },
};
static const size_t sizes[] = { 64, 576, 1400 };

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
fill(void *user, uint8_t *out, size_t n)
{
	(void)user;
	cry_random(out, n);
}

static void
call(struct eng *e, const struct sadb_msg *m)
{
	struct eng_answer a;

	eng_control(e, (instant){ 1000 }, (wall){ 1700000000000 }, 1, m);
	while (eng_answer(e, &a))
		if (a.msg.error != 0) {
			fprintf(stderr, "%s: errno %d\n", sadb_op_name(m->op), a.msg.error);
			exit(1);
		}
}

/* Tunnel i: 10.a.b.c/32 to 172.16.0.1 through 192.0.2.1 and 198.51.a.b. */
static void
add_tunnel(struct bench *b, unsigned t, uint32_t i)
{
	struct sadb_msg m;

	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_ADD;
	m.has_sa = true;
	m.sa.proto = SA_ESP;
	m.sa.mode = SA_TUNNEL;
	m.sa.spi = 0x1000 + i;
	m.sa.reqid = i + 1;
	m.sa.replay = 64;
	m.sa.src.addr = net_ipv4(0xc0000201);
	m.sa.dst.addr = net_ipv4(0xc6330001);
	m.sa.encr = alg_by_name(ALG_ENCR, transforms[t].encr);
	m.sa.encr_key.octets = (uint16_t)(alg_default_bits(m.sa.encr) / 8 + m.sa.encr->salt);
	if (transforms[t].auth != NULL) {
		m.sa.auth = alg_by_name(ALG_AUTH, transforms[t].auth);
		m.sa.auth_key.octets = (uint16_t)(alg_default_bits(m.sa.auth) / 8);
	}
	call(b->out, &m);
	call(b->in, &m);
	memset(&m, 0, sizeof(m));
	m.op = SADB_OP_SPDADD;
	m.has_sp = true;
	m.sp.dir = SP_OUT;
	m.sp.action = SP_IPSEC;
	m.sp.sel.upper = SP_UPPER_ANY;
	m.sp.sel.src = (struct net_prefix){ .addr = net_ipv4(0x0a000000 + i), .len = 32 };
	m.sp.sel.dst = (struct net_prefix){ .addr = net_ipv4(0xac100001), .len = 32 };
	m.sp.rules = 1;
	m.sp.rule[0].proto = SA_ESP;
	m.sp.rule[0].mode = SA_TUNNEL;
	m.sp.rule[0].level = SP_UNIQUE;
	m.sp.rule[0].reqid = i + 1;
	m.sp.rule[0].src.addr = net_ipv4(0xc0000201);
	m.sp.rule[0].dst.addr = net_ipv4(0xc6330001);
	call(b->out, &m);
	m.sp.dir = SP_IN;
	call(b->in, &m);
}

static void
packet(struct bench *b, unsigned at, uint32_t flow, size_t size)
{
	uint8_t *h = b->buf[at] + ENG_HEADROOM;

	b->p[at] = (struct eng_packet){ .buf = b->buf[at], .room = ROOM, .head = ENG_HEADROOM,
		.len = size, .mtu = 9000 };
	memset(h, 0, 28);
	h[0] = 0x45;
	h[8] = 64;
	h[9] = 17;
	patch_u32(h + 12, 0x0a000000 + flow);
	patch_u32(h + 16, 0xac100001);
	patch_u16(h + 20, 1000);
	patch_u16(h + 22, 2000);
	patch_u16(h + 24, (uint16_t)(size - 20));
	eng_ip_finish(h, size);
}

/* Seconds of the processor for each direction for n packets. */
static void
run(struct bench *b, size_t size, uint32_t n, uint32_t flows, double *out, double *in)
{
	instant now = { 2000 };
	uint32_t flow = 0;

	*out = *in = 0;
	for (uint32_t done = 0; done < n; done += BATCH) {
		double t;

		for (unsigned i = 0; i < BATCH; i++) {
			packet(b, i, flow, size);
			flow = flow + 1 == flows ? 0 : flow + 1;
		}
		t = seconds();
		for (unsigned i = 0; i < BATCH; i++)
			if (eng_output(b->out, now, &b->p[i]) != ENG_SEND)
				exit(1);
		*out += seconds() - t;
		t = seconds();
		for (unsigned i = 0; i < BATCH; i++)
			if (eng_input(b->in, now, &b->p[i]) != ENG_DELIVER)
				exit(1);
		*in += seconds() - t;
	}
}

static void
report(struct bench *b, unsigned t, size_t size, uint32_t n, uint32_t flows)
{
	double out, in;

	run(b, size, BATCH * 16 > flows * 2 ? BATCH * 16 : flows * 2, flows, &out, &in);
	run(b, size, n, flows, &out, &in);
	printf("%-20s %5zu octets %7" PRIu32 " SAs %7" PRIu32 " used: out %8.0f/s %6.2f Gbit/s, "
		"in %8.0f/s %6.2f Gbit/s\n", transforms[t].name, size, b->sas, flows, n / out,
		n / out * (double)size * 8e-9, n / in, n / in * (double)size * 8e-9);
	fflush(stdout);
}

/* One transform with `sas` SAs and policies: through one of them, then through all in turn. */
static void
measure(struct bench *b, unsigned t, uint32_t n, uint32_t sas)
{
	struct eng_env env = { .cry = b->cry, .random = fill };

	b->sas = sas;
	b->out = eng_new(&env);
	b->in = eng_new(&env);
	if (b->out == NULL || b->in == NULL)
		exit(2);
	for (uint32_t i = 0; i < sas; i++)
		add_tunnel(b, t, i);
	for (unsigned s = 0; s < ARRAY_LEN(sizes); s++)
		report(b, t, sizes[s], n, 1);
	if (sas > 1 && t == 0) {
		report(b, t, sizes[0], n, sas < n ? sas : n);
		report(b, t, sizes[2], n, sas < n ? sas : n);
	}
	eng_free(b->out);
	eng_free(b->in);
}

int
main(int argc, char **argv)
{
	uint32_t n = argc > 1 ? (uint32_t)atoi(argv[1]) / BATCH * BATCH : 200000 / BATCH * BATCH;
	uint32_t many = argc > 2 ? (uint32_t)atoi(argv[2]) : 100000;
	struct bench *b = calloc(1, sizeof(*b));

	if (b == NULL || n == 0 || many == 0 || (b->cry = cry_new()) == NULL)
		return 2;
	for (unsigned t = 0; t < ARRAY_LEN(transforms); t++) {
		if (argc > 3 && strcmp(argv[3], transforms[t].name) != 0)
			continue;
		measure(b, t, n, 1);
		measure(b, t, n, many);
	}
	cry_free(b->cry);
	free(b);
	return 0;
}
