/*
 * sim_dh.c - key pairs and shared secrets that have been computed before.
 *
 * Nine tenths of a run would be spent on powers modulo long primes.  So a host draws its key pair
 * from a pool of each group's, which OpenSSL made, each from a seed of its own, and what two of the
 * pool agree on is computed once and looked up afterwards.  Values are real: a peer's value that is
 * not of the pool, since somebody bent it, is judged and computed with by OpenSSL as ever, and a
 * pair serves once, as lib/cry_dh.c has it.  Which pair is drawn follows from the world's seed, so
 * a run does not depend on those before it.
 *
 * The linker leads the engine's calls of cry_dh_public and cry_dh_free here (--wrap).
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

enum { POOL = 8 /* pairs of a group, half of them for each host */, GROUPS_MAX = 32 };

struct cry_dh { /* what the engine holds: a place in the pool */
	struct sim_pool *pool;
	unsigned index;
	bool used;
};

struct sim_pool {
	const struct alg *group;
	bool made[POOL];
	uint8_t value[POOL][CRY_DH_MAX]; /* public ones */
	struct secret shared[POOL][POOL];
};
static struct sim_pool pools[GROUPS_MAX];

struct bytes __wrap_cry_dh_public(const struct cry_dh *dh);
void __wrap_cry_dh_free(struct cry_dh *dh);
struct bytes __real_cry_dh_public(const struct cry_dh *dh);
void __real_cry_dh_free(struct cry_dh *dh);

struct bytes
__wrap_cry_dh_public(const struct cry_dh *dh)
{
	return bytes_of(dh->pool->value[dh->index], dh->pool->group->out);
}

void
__wrap_cry_dh_free(struct cry_dh *dh)
{
	free(dh);
}

static struct sim_pool *
pool_of(const struct alg *group)
{
	for (unsigned i = 0; i < GROUPS_MAX; i++) {
		if (pools[i].group == NULL)
			pools[i].group = group;
		if (pools[i].group == group)
			return &pools[i];
	}
	abort();
}

/* The pair itself, made from its seed, the same every time; the caller's. */
static struct cry_dh *
make(struct cry *c, const struct sim_pool *p, unsigned index)
{
	struct cry_job job = { .type = CRY_JOB_KEYPAIR, .group = p->group };
	uint64_t kept = sim_reseed_openssl(((uint64_t)p->group->ike1 << 8) + index);

	cry_job_run(c, &job);
	sim_reseed_openssl(kept);
	return job.status == ST_NORMAL ? job.dh : NULL;
}

static void
keypair(struct sim_world *w, unsigned host, struct cry_job *job)
{
	struct sim_pool *p = pool_of(job->group);
	unsigned i = 2 * sim_below(&w->draws, POOL / 2) + host;

	if (!p->made[i]) {
		struct cry_dh *dh = make(w->cry, p, i);
		if (!dh)
			abort();
		struct bytes b = __real_cry_dh_public(dh);
		memcpy(p->value[i], b.p, b.n);
		p->made[i] = true;
		__real_cry_dh_free(dh);
	}
	job->dh = calloc(1, sizeof(*job->dh));
	if (!job->dh)
		abort();
	*job->dh = (struct cry_dh){ .pool = p, .index = i };
	job->status = ST_NORMAL;
}

static void
compute(struct sim_world *w, struct cry_job *job, const struct cry_dh *ours)
{
	struct cry_dh *real = make(w->cry, ours->pool, ours->index), *kept = job->dh;

	job->dh = real;
	cry_job_run(w->cry, job);
	job->dh = kept;
	__real_cry_dh_free(real);
}

/* What two pairs agree on, whoever asks. */
static struct secret *
shared_by(struct sim_pool *p, unsigned a, unsigned b)
{
	return a < b ? &p->shared[a][b] : &p->shared[b][a];
}

static void
derive(struct sim_world *w, struct cry_job *job)
{
	struct cry_dh *ours = job->dh;
	struct secret *known = NULL;

	secret_wipe(&job->shared);
	if (ours == NULL || ours->pool->group != job->group || ours->used) {
		job->status = ST_FAILED;
		return;
	}
	ours->used = true;
	for (unsigned i = 0; i < POOL && job->peer_len == job->group->out; i++)
		if (ours->pool->made[i] &&
			memcmp(ours->pool->value[i], job->peer, job->peer_len) == 0)
			known = shared_by(ours->pool, i, ours->index);
	if (known != NULL && known->n > 0) {
		job->status = secret_set(&job->shared, secret_view(known));
		return;
	}
	compute(w, job, ours);
	if (known != NULL && job->status == ST_NORMAL &&
		secret_set(known, secret_view(&job->shared)) != ST_NORMAL)
		abort();
}

void
sim_job_run(struct sim_world *w, unsigned host, struct cry_job *job)
{
	switch (job->type) {
	case CRY_JOB_KEYPAIR:
		keypair(w, host, job);
		break;
	case CRY_JOB_DERIVE:
		derive(w, job);
		break;
	case CRY_JOB_SIGN:
	case CRY_JOB_VERIFY:
		cry_job_run(w->cry, job);
		break;
	}
}

void
sim_dh_free(void)
{
	for (unsigned g = 0; g < GROUPS_MAX; g++)
		for (unsigned i = 0; i < POOL; i++)
			for (unsigned k = 0; k < POOL; k++)
				secret_wipe(&pools[g].shared[i][k]);
}
