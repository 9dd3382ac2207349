/*
 * kern_main.c - what the tests in the private kernel need beside setkey: SA pairs for every
 * algorithm, a socket that takes ESP in UDP, migration, events, and a large dump under stress.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipsec/pfkey.h"
#include "ipsec/sadb_sync.h"
#include "lib/cry.h"

enum { KEY_OCTET = 0x5a, MANY_MAX = 100000, SMALL_BUFFER = 8192 };

static struct sadb_sync *
database(const char *backend)
{
	struct sadb_sync *s;
	char why[512];

	if (sadb_sync_open(backend, NULL, &s, why, sizeof(why)) == ST_NORMAL)
		return s;
	fprintf(stderr, "kern: %s\n", why);
	exit(1);
}

/* --------------------------------------------------------------------------------------- pairs */

static void
print_key(const struct alg *a, unsigned bits)
{
	unsigned octets = bits / 8 + a->salt;

	if (octets == 0)
		return;
	printf(" 0x");
	/* Odd and varied, so that it is no weak key of anything. */
	for (unsigned i = 0; i < octets; i++)
		printf("%02x", (KEY_OCTET + i * 37) & 0xff);
}

static void
print_add(const char *src, const char *dst, unsigned spi, const struct alg *encr,
	const struct alg *auth, unsigned bits)
{
	bool aead = encr != NULL && encr->icv != 0;

	printf(" add %s %s %s %u -m transport -r 32", src, dst, encr == NULL ? "ah" : "esp",
		spi);
	if (encr != NULL) {
		printf(" -E %s", encr->setkey[0]);
		print_key(encr, bits);
	}
	if (auth != NULL && !aead) {
		printf(" -A %s", auth->setkey[0]);
		print_key(auth, alg_default_bits(auth));
	}
	printf(";");
}

static void
print_pair(const char *what, const char *a, const char *b, const struct alg *encr,
	const struct alg *auth, unsigned bits)
{
	static unsigned spi = 0x2000;

	printf("%s %s", what, encr != NULL && what[0] == 'c' ? encr->name : auth->name);
	if (bits != 0)
		printf(" %u", bits);
	printf("\t");
	print_add(a, b, spi++, encr, auth, bits);
	print_add(b, a, spi++, encr, auth, bits);
	printf("\n");
}

/* Every cipher, AES-CBC at each of its sizes; every authentication in ESP and in AH. */
static int
pairs(const char *a, const char *b)
{
	struct cry *cry = cry_new();
	const struct alg *null = alg_by_name(ALG_ENCR, "null");
	const struct alg *sha1 = alg_by_name(ALG_AUTH, "hmac-sha1");

	if (cry == NULL || cry_allow_legacy(cry) != ST_NORMAL)
		return 1;
	for (size_t i = 0; i < alg_count; i++) {
		const struct alg *x = &alg_table[i];

		if (x->xfrm == NULL || x->setkey[0] == NULL || !cry_has(cry, x))
			continue;
		for (unsigned k = 0; x->kind == ALG_ENCR && k < ALG_BITS_MAX; k++) {
			if (k != 0 && (x->bits[k] == 0 || strcmp(x->name, "aes-cbc") != 0))
				break;
			print_pair("cipher", a, b, x, sha1,
				x->bits[k] != 0 ? x->bits[k] : x->bits_min == 0 ? 0 : 128);
		}
		if (x->kind != ALG_AUTH)
			continue;
		print_pair("esp", a, b, null, x, 0);
		if (x->mode != ALG_MODE_NULL)
			print_pair("ah", a, b, NULL, x, 0);
	}
	cry_free(cry);
	return 0;
}

/* ---------------------------------------------------------------------------------------- hold */

static int
hold(const char *port, const char *type)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), encap = atoi(type);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
		setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &encap, sizeof(encap)) < 0) {
		perror("kern: hold");
		return 1;
	}
	puts("holding");
	fflush(stdout);
	pause();
	return 0;
}

/* ------------------------------------------------------------------------------------- migrate */

static int
migrate(const char *backend, char **a) /* SRC DST as the policy has them, FROM, TO (destination) */
{
	struct sadb_sync *s = database(backend);
	struct sadb_msg m = { .op = SADB_OP_MIGRATE, .has_sp = true, .moves = 1 }, answer;
	struct sadb_move *v = &m.move[0];
	struct net_addr from, to, ours;

	if (!net_prefix_parse(a[0], &m.sp.sel.src) || !net_prefix_parse(a[1], &m.sp.sel.dst) ||
		!net_addr_parse(a[2], &ours) || !net_addr_parse(a[3], &from) ||
		!net_addr_parse(a[4], &to))
		return 1;
	m.sp.sel.upper = SP_UPPER_ANY;
	m.sp.dir = SP_OUT;
	m.sp.action = SP_IPSEC;
	*v = (struct sadb_move){ .from_src = ours, .from_dst = from, .to_src = ours, .to_dst = to,
		.proto = SA_ESP, .mode = SA_TUNNEL };
	if (sadb_sync_call(s, &m, &answer, NULL, NULL) != ST_NORMAL)
		return 1;
	printf("migrate: %s%s%s\n", strerror(answer.error), answer.why != NULL ? ": " : "",
		answer.why != NULL ? answer.why : "");
	sadb_sync_close(s);
	return answer.error == 0 ? 0 : 1;
}

/* -------------------------------------------------------------------------------------- events */

static void
show_event(const struct sadb_msg *m)
{
	char src[NET_ADDR_TEXT], dst[NET_ADDR_TEXT];

	printf("%s", sadb_op_name(m->op));
	if (m->has_sa)
		printf(" %s %s %s spi=%u mode=%s reqid=%u", sa_proto_name(m->sa.proto),
			net_addr_text(src, sizeof(src), &m->sa.src.addr),
			net_addr_text(dst, sizeof(dst), &m->sa.dst.addr), m->sa.spi,
			sa_mode_name(m->sa.mode), m->sa.reqid);
	if (m->op == SADB_OP_EXPIRE)
		printf(" %s", m->hard ? "hard" : "soft");
	if (m->op == SADB_OP_ACQUIRE)
		printf(" policy=%s rules=%u seq=%s", m->sp.id != 0 ? "known" : "none", m->sp.rules,
			m->seq != 0 ? "set" : "none");
	if (m->op == SADB_OP_MAPPING)
		printf(" now %s port %u", net_addr_text(src, sizeof(src), &m->mapped.addr),
			m->mapped.port);
	printf("\n");
	fflush(stdout);
}

static int
events(const char *backend, int seconds)
{
	struct sadb_sync *s = database(backend);
	struct sadb_msg m = { .op = SADB_OP_REGISTER }, answer;
	instant end;
	struct bytes raw;

	if (sadb_sync_call(s, &m, &answer, NULL, NULL) != ST_NORMAL || answer.error != 0)
		return 1;
	puts("registered");
	fflush(stdout);
	end = instant_add(when_now(), seconds * 1000);
	while (!instant_reached(end, when_now()))
		if (sadb_sync_next(s, 200, &raw) == ST_NORMAL &&
			pfkey_decode(raw, &m, NULL, 0) == ST_NORMAL)
			show_event(&m);
	sadb_sync_close(s);
	return 0;
}

/* ---------------------------------------------------------------------------------------- many */

struct tally {
	uint8_t seen[MANY_MAX];
	size_t twice, others, errors, entries;
	uint32_t last_seq;
	bool numbered;
};

static struct sadb_msg
one_sa(uint32_t spi)
{
	struct sadb_msg m = { .op = SADB_OP_ADD, .has_sa = true };

	m.sa.proto = SA_ESP;
	m.sa.mode = SA_TUNNEL;
	m.sa.spi = spi;
	m.sa.src.addr = net_ipv4(0x0a010101);
	/* One host each: the kernel walks all SAs between two hosts with each new one. */
	m.sa.dst.addr = net_ipv4(0x0a020000 + spi);
	m.sa.encr = alg_by_name(ALG_ENCR, "null");
	return m;
}

static void
on_added(void *user, size_t index, const struct sadb_msg *answer)
{
	struct tally *t = user;

	(void)index;
	t->errors += answer->error != 0;
}

static void
on_entry(void *user, const struct sadb_msg *m)
{
	struct tally *t = user;
	uint32_t i = m->sa.spi - 0x10000;

	/* With others at work there may be more than were counted. */
	if (t->entries++ != 0 && m->seq > t->last_seq)
		t->numbered = false;
	t->last_seq = m->seq;
	if (i >= MANY_MAX)
		t->others++;
	else if (t->seen[i]++ != 0)
		t->twice++;
}

/* Others change the database all the time. */
static pid_t
make_noise(const char *backend)
{
	pid_t child = fork();
	struct sadb_sync *s;
	struct sadb_msg answer;

	if (child != 0)
		return child;
	s = database(backend);
	for (uint32_t i = 0;; i++) {
		struct sadb_msg m = one_sa(0x1000 + i % 1000);

		(void)!sadb_sync_call(s, &m, &answer, NULL, NULL);
		m.op = SADB_OP_DELETE;
		(void)!sadb_sync_call(s, &m, &answer, NULL, NULL);
		usleep(1000);
	}
}

static int
many(const char *backend, size_t n)
{
	struct sadb_sync *s = database(backend);
	struct sadb_msg *m = calloc(n, sizeof(*m));
	struct tally *t = calloc(1, sizeof(*t));
	struct sadb_msg dump = { .op = SADB_OP_DUMP }, answer;
	int small = SMALL_BUFFER;
	size_t missing = 0;
	instant begun = when_now(), added, dumped;
	pid_t noise;

	if (m == NULL || t == NULL || n > MANY_MAX)
		return 1;
	for (size_t i = 0; i < n; i++)
		m[i] = one_sa(0x10000 + (uint32_t)i);
	if (sadb_sync_bulk(s, m, n, on_added, t) != ST_NORMAL)
		return 1;
	added = when_now();
	for (int fd = 3; fd < 32; fd++)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	noise = make_noise(backend);
	usleep(300000);
	t->numbered = true;
	if (sadb_sync_call(s, &dump, &answer, on_entry, t) != ST_NORMAL)
		return 1;
	dumped = when_now();
	kill(noise, SIGKILL);
	waitpid(noise, NULL, 0);
	for (size_t i = 0; i < n; i++)
		missing += t->seen[i] == 0;
	printf("%zu SAs: %zu refused, %zu missing, %zu twice, numbers %s, end %s\n", n, t->errors,
		missing, t->twice, t->numbered && t->last_seq == 0 ? "right" : "wrong",
		strerror(answer.error));
	printf("added in %lld ms, dumped in %lld ms\n", (long long)instant_diff(added, begun),
		(long long)instant_diff(dumped, added));
	dump.op = SADB_OP_FLUSH;
	(void)!sadb_sync_call(s, &dump, &answer, NULL, NULL);
	sadb_sync_close(s);
	free(m);
	free(t);
	return missing == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "pairs") == 0)
		return pairs(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "hold") == 0)
		return hold(argv[2], argv[3]);
	if (argc == 8 && strcmp(argv[1], "migrate") == 0)
		return migrate(argv[2], argv + 3);
	if (argc == 4 && strcmp(argv[1], "events") == 0)
		return events(argv[2], atoi(argv[3]));
	if (argc == 4 && strcmp(argv[1], "many") == 0)
		return many(argv[2], (size_t)atol(argv[3]));
	fputs("usage: kern pairs A B | hold PORT TYPE | migrate BACKEND SRC DST OURS FROM TO |\n"
	      "       events BACKEND SECONDS | many BACKEND COUNT\n", stderr);
	return 2;
}
