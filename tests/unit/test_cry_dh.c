/* test_cry_dh.c - key exchange: both ends agree; values that give the secret away are refused. */
#include "lib/cry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int
setup(void **state)
{
	*state = cry_new();
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	cry_free(*state);
	return 0;
}

static struct cry_dh *
new_pair(struct cry *c, const struct alg *g)
{
	struct cry_job job = { .type = CRY_JOB_KEYPAIR, .group = g };

	cry_job_run(c, &job);
	assert_int_equal(job.status, ST_NORMAL);
	assert_non_null(job.dh);
	assert_int_equal(cry_dh_public(job.dh).n, g->out);
	return job.dh;
}

static enum status
derive(struct cry *c, const struct alg *g, struct cry_dh *dh, struct bytes peer, struct secret *out)
{
	struct cry_job job = { .type = CRY_JOB_DERIVE, .group = g, .dh = dh };

	memcpy(job.peer, peer.p, peer.n);
	job.peer_len = peer.n;
	cry_job_run(c, &job);
	if (job.status == ST_NORMAL)
		secret_move(out, &job.shared);
	else
		assert_null(job.shared.p);
	return job.status;
}

static void
both_ends_agree(void **state)
{
	static const char *const groups[] = { "modp768", "modp1024", "modp1536", "modp2048",
		"modp3072", "modp4096", "modp6144", "modp8192", "ecp256", "ecp384", "ecp521",
		"x25519" };

	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		const struct alg *g = alg_by_name(ALG_DH, groups[i]);
		struct cry_dh *a, *b;
		struct secret ab = { 0 }, ba = { 0 };

		assert_non_null(g);
		assert_true(cry_has(*state, g));
		a = new_pair(*state, g);
		b = new_pair(*state, g);
		assert_false(bytes_equal(cry_dh_public(a), cry_dh_public(b)));
		assert_int_equal(derive(*state, g, a, cry_dh_public(b), &ab), ST_NORMAL);
		assert_int_equal(derive(*state, g, b, cry_dh_public(a), &ba), ST_NORMAL);
		assert_true(secret_equal(secret_view(&ab), secret_view(&ba)));
		/* the whole group's size, or the x coordinate */
		assert_int_equal(ab.n, g->mode == ALG_MODE_EC ? g->out / 2u : g->out);
		/* a private value serves once */
		assert_int_equal(derive(*state, g, a, cry_dh_public(b), &ba), ST_FAILED);
		secret_wipe(&ab);
		secret_wipe(&ba);
		cry_dh_free(a);
		cry_dh_free(b);
	}
}

/* One secret in 256 begins with a zero octet: it must still come out in full length. */
static void
left_padding(void **state)
{
	const struct alg *g = alg_by_name(ALG_DH, "modp768");
	bool seen = false;

	for (int i = 0; i < 3000 && !seen; i++) {
		struct cry_dh *a = new_pair(*state, g), *b = new_pair(*state, g);
		struct secret s = { 0 };

		assert_int_equal(derive(*state, g, a, cry_dh_public(b), &s), ST_NORMAL);
		assert_int_equal(s.n, 96);
		seen = s.p[0] == 0;
		secret_wipe(&s);
		cry_dh_free(a);
		cry_dh_free(b);
	}
	assert_true(seen);
}

/* p of RFC 2409 6.2: the two ends are known, the middle is pi's. */
static const char modp1024[] = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD1"
	"29024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
	"302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B"
	"0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381"
	"FFFFFFFFFFFFFFFF";

static void
refuse(struct cry *c, const struct alg *g, struct bytes peer)
{
	struct cry_dh *dh = new_pair(c, g);
	struct secret s = { 0 };

	assert_int_equal(derive(c, g, dh, peer, &s), ST_BADKE);
	assert_null(s.p);
	cry_dh_free(dh);
}

static void
modp_refused(void **state)
{
	const struct alg *g = alg_by_name(ALG_DH, "modp1024");
	uint8_t p[128], y[130] = { 0 };
	struct secret s = { 0 };
	struct cry_dh *dh;
	size_t n;

	assert_true(bytes_from_hex(modp1024, strlen(modp1024), p, sizeof(p), &n));
	assert_int_equal(n, 128);
	refuse(*state, g, bytes_of(y, 128)); /* 0 */
	y[127] = 1;
	refuse(*state, g, bytes_of(y, 128)); /* 1 */
	refuse(*state, g, bytes_of(p, 128)); /* p */
	memcpy(y, p, 128);
	y[127]--;
	refuse(*state, g, bytes_of(y, 128)); /* p-1 */
	memset(y, 0xff, 128);
	refuse(*state, g, bytes_of(y, 128)); /* > p */
	memset(y, 0, sizeof(y));
	y[126] = 2;
	refuse(*state, g, bytes_of(y, 127)); /* too short */
	refuse(*state, g, bytes_of(y, 129)); /* too long */
	refuse(*state, g, bytes_of(y, 0));
	/* 2 and p-2 lie inside the range */
	memset(y, 0, sizeof(y));
	y[127] = 2;
	dh = new_pair(*state, g);
	assert_int_equal(derive(*state, g, dh, bytes_of(y, 128), &s), ST_NORMAL);
	assert_true(bytes_equal(secret_view(&s), cry_dh_public(dh))); /* 2^x is the public value */
	cry_dh_free(dh);
	memcpy(y, p, 128);
	y[127] = (uint8_t)(y[127] - 2);
	dh = new_pair(*state, g);
	assert_int_equal(derive(*state, g, dh, bytes_of(y, 128), &s), ST_NORMAL);
	cry_dh_free(dh);
	secret_wipe(&s);
}

/* The same for every modp group, without knowing p: all-ones is above each of them. */
static void
every_modp_refuses(void **state)
{
	for (size_t i = 0; i < alg_count; i++) {
		const struct alg *g = &alg_table[i];
		uint8_t y[CRY_DH_MAX];

		if (g->mode != ALG_MODE_MODP || g->out > 512)
			continue;
		memset(y, 0, sizeof(y));
		refuse(*state, g, bytes_of(y, g->out));
		y[g->out - 1] = 1;
		refuse(*state, g, bytes_of(y, g->out));
		memset(y, 0xff, sizeof(y));
		refuse(*state, g, bytes_of(y, g->out));
	}
}

static void
ec_refused(void **state)
{
	static const char *const groups[] = { "ecp256", "ecp384", "ecp521" };

	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		const struct alg *g = alg_by_name(ALG_DH, groups[i]);
		struct cry_dh *dh = new_pair(*state, g);
		uint8_t y[CRY_DH_MAX] = { 0 };

		refuse(*state, g, bytes_of(y, g->out)); /* (0,0) */
		memcpy(y, cry_dh_public(dh).p, g->out);
		y[g->out - 1] ^= 1; /* off the curve */
		refuse(*state, g, bytes_of(y, g->out));
		refuse(*state, g, bytes_of(cry_dh_public(dh).p, g->out - 1u));
		memset(y, 0xff, sizeof(y)); /* coordinates above the field's prime */
		refuse(*state, g, bytes_of(y, g->out));
		cry_dh_free(dh);
	}
}

static void
x25519_refused(void **state)
{
	/* RFC 7748 6.1 and the points of small order */
	static const char *const small[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	const struct alg *g = alg_by_name(ALG_DH, "x25519");
	uint8_t y[33] = { 9 };
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(small); i++) {
		assert_true(bytes_from_hex(small[i], 64, y, sizeof(y), &n));
		refuse(*state, g, bytes_of(y, 32));
	}
	y[0] = 9;
	refuse(*state, g, bytes_of(y, 31));
	refuse(*state, g, bytes_of(y, 33));
}

static void
misuse(void **state)
{
	const struct alg *g = alg_by_name(ALG_DH, "x25519");
	struct cry_dh *dh = new_pair(*state, g);
	struct cry_job job = { .type = CRY_JOB_DERIVE, .group = g };
	uint8_t y[128] = { 2 };
	struct secret s = { 0 };

	cry_job_run(*state, &job); /* no private value */
	assert_int_equal(job.status, ST_FAILED);
	assert_int_equal(derive(*state, alg_by_name(ALG_DH, "modp1024"), dh, bytes_of(y, 128), &s),
		ST_FAILED); /* private value of another group */
	job = (struct cry_job){ .type = CRY_JOB_KEYPAIR, .group = alg_by_name(ALG_DH, "ec2n155") };
	cry_job_run(*state, &job);
	assert_int_equal(job.status, ST_NOALG);
	job.group = alg_by_name(ALG_HASH, "md5");
	cry_job_run(*state, &job);
	assert_int_equal(job.status, ST_NOALG);
	job.group = NULL;
	cry_job_run(*state, &job);
	assert_int_equal(job.status, ST_NOALG);
	cry_dh_free(dh);
	cry_dh_free(NULL);
}

enum { THREADS = 4, ROUNDS = 12 };

/* No assertions here: they belong to the main thread. NULL: all went well. */
static void *
exchange_many(void *arg)
{
	static const char *const groups[] = { "modp1024", "modp1536", "ecp256", "x25519" };

	for (int i = 0; i < ROUNDS; i++) {
		const struct alg *g = alg_by_name(ALG_DH, groups[i % 4]);
		struct cry_job pair[2] = { { .type = CRY_JOB_KEYPAIR, .group = g },
			{ .type = CRY_JOB_KEYPAIR, .group = g } };
		struct cry_job both[2] = { { .type = CRY_JOB_DERIVE, .group = g },
			{ .type = CRY_JOB_DERIVE, .group = g } };
		bool same;

		cry_job_run(arg, &pair[0]);
		cry_job_run(arg, &pair[1]);
		if (pair[0].status != ST_NORMAL || pair[1].status != ST_NORMAL)
			return arg;
		for (int k = 0; k < 2; k++) {
			both[k].dh = pair[k].dh;
			both[k].peer_len = g->out;
			memcpy(both[k].peer, cry_dh_public(pair[1 - k].dh).p, g->out);
			cry_job_run(arg, &both[k]);
		}
		same = both[0].status == ST_NORMAL && both[1].status == ST_NORMAL &&
			secret_equal(secret_view(&both[0].shared), secret_view(&both[1].shared));
		for (int k = 0; k < 2; k++) {
			secret_wipe(&both[k].shared);
			cry_dh_free(pair[k].dh);
		}
		if (!same)
			return arg;
	}
	return NULL;
}

static void
several_threads(void **state)
{
	pthread_t t[THREADS];
	void *bad;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, exchange_many, *state), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
}

/* What may run on the daemon's own loop, and what may not. */
static void
short_ones(void **state)
{
	static const struct {
		const char *group;
		unsigned tenths;
	} expected[] = { { "modp768", 1 }, { "modp1024", 1 }, { "ecp256", 1 }, { "x25519", 1 },
		{ "modp1536", 2 }, { "modp2048", 3 }, { "modp3072", 0 }, { "modp8192", 0 },
		{ "ecp384", 0 }, { "ecp521", 0 } };
	struct cry_job job = { .type = CRY_JOB_DERIVE };

	(void)state;
	assert_int_equal(cry_job_tenths(&job), 1); /* fails at once */
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		job.group = alg_by_name(ALG_DH, expected[i].group);
		assert_non_null(job.group);
		assert_int_equal(cry_job_tenths(&job), expected[i].tenths);
	}
	job.type = CRY_JOB_VERIFY; /* reads files */
	assert_int_equal(cry_job_tenths(&job), 0);
	job.type = CRY_JOB_SIGN;
	assert_int_equal(cry_job_tenths(&job), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_agree),
		cmocka_unit_test(left_padding),
		cmocka_unit_test(modp_refused),
		cmocka_unit_test(every_modp_refuses),
		cmocka_unit_test(ec_refused),
		cmocka_unit_test(x25519_refused),
		cmocka_unit_test(misuse),
		cmocka_unit_test(several_threads),
		cmocka_unit_test(short_ones),
	};

	return cmocka_run_group_tests_name("cry_dh", tests, setup, teardown);
}
