/*
 * job.c - effects that want an answer: DH computations, proofs and SADB requests.
 *
 * Called by the exchanges to start one, by the step when its DONE event comes.  A job belongs to an
 * exchange; when that dies first, the job lives on as an orphan until it is answered, and undoes
 * what it did (an SPI that was reserved, an SA that was installed).  Answers come in any order.
 */
#include "racoon/ike/engine.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cry_sign.h"

enum { SPI_MIN = 256, SPI_MAX = 0x0fffffff, CPI_MAX = 61439 /* RFC 3173 3.3 */ };

static struct ike_job *
job_new(struct ike *e, enum ike_job_type type, struct ike_xchg *x)
{
	struct ike_job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	j->id = ++e->job_serial;
	j->type = type;
	j->owner = x;
	hash_insert(&e->jobs, &j->by_id, hash_more(0, j->id));
	if (x != NULL) {
		list_append(&x->job_list, &j->in_list);
		x->jobs++;
	}
	return j;
}

static void
crypto_free(struct cry_job *c)
{
	if (c == NULL)
		return;
	secret_wipe(&c->shared);
	cry_proof_free(c->proof);
	wipe(c, sizeof(*c));
	free(c);
}

static void
job_free(struct ike *e, struct ike_job *j)
{
	hash_remove(&e->jobs, &j->by_id);
	list_remove(&j->in_list);
	crypto_free(j->crypto);
	free(j->sa);
	free(j->policy);
	free(j);
}

/* ----------------------------------------------------------------------------------- crypto --- */

static enum status
crypto_start(struct ike *e, struct ike_job *j)
{
	struct ike_effect *fx = ike_fx(e, IKE_FX_CRYPTO);

	if (fx == NULL) {
		if (j->owner != NULL)
			j->owner->jobs--;
		job_free(e, j);
		return ST_NOMEMORY;
	}
	fx->id = j->id;
	fx->job = j->crypto;
	return ST_NORMAL;
}

static struct ike_job *
crypto_new(struct ike *e, struct ike_xchg *x, enum ike_job_type type, const struct alg *group)
{
	struct cry_job *c = calloc(1, sizeof(*c));
	struct ike_job *j = c == NULL ? NULL : job_new(e, type, x);

	if (j == NULL) {
		free(c);
		return NULL;
	}
	c->type = type == IKE_JOB_KEYPAIR ? CRY_JOB_KEYPAIR : CRY_JOB_DERIVE;
	c->group = group;
	j->crypto = c;
	return j;
}

enum status
ike_job_keypair(struct ike *e, struct ike_xchg *x, const struct alg *group, struct cry_dh **dh,
	void (*then)(struct ike *, struct ike_xchg *))
{
	struct ike_job *j = crypto_new(e, x, IKE_JOB_KEYPAIR, group);

	if (j == NULL)
		return ST_NOMEMORY;
	j->dh = dh;
	j->then = then;
	return crypto_start(e, j);
}

enum status
ike_job_derive(struct ike *e, struct ike_xchg *x, const struct alg *group, struct cry_dh **dh,
	struct bytes peer, struct secret *shared, void (*then)(struct ike *, struct ike_xchg *))
{
	struct ike_job *j;

	if (peer.n > CRY_DH_MAX || *dh == NULL)
		return ST_BADKE;
	j = crypto_new(e, x, IKE_JOB_DERIVE, group);
	if (j == NULL)
		return ST_NOMEMORY;
	j->dh = dh;
	j->shared = shared;
	j->then = then;
	j->crypto->dh = *dh;
	memcpy(j->crypto->peer, peer.p, peer.n);
	j->crypto->peer_len = peer.n;
	return crypto_start(e, j);
}

static enum cry_job_type
proof_type(enum ike_job_type type)
{
	return type == IKE_JOB_SIGN ? CRY_JOB_SIGN : CRY_JOB_VERIFY;
}

enum status
ike_job_proof(struct ike *e, struct ike_xchg *x, enum ike_job_type type, struct cry_proof *proof,
	struct bytes *sig, void (*then)(struct ike *, struct ike_xchg *))
{
	struct ike_job *j = crypto_new(e, x, type, NULL);

	if (j == NULL) {
		cry_proof_free(proof);
		return ST_NOMEMORY;
	}
	j->crypto->type = proof_type(type);
	j->crypto->proof = proof;
	j->sig = sig;
	j->then = then;
	return crypto_start(e, j);
}

/* A signature to where it was asked for, or the words on what was found. */
static enum status
take_proof(struct ike *e, struct ike_job *j, struct ike_xchg *x)
{
	struct cry_proof *p = j->crypto->proof;
	enum status status = j->crypto->status;

	if (status != ST_NORMAL && p->why[0] != '\0')
		(void)ike_why(x, status, "%s", p->why);
	if (j->type == IKE_JOB_VERIFY) {
		if (status != ST_NORMAL)
			e->count[IKE_N_BAD_HASH]++;
		else if (p->why[0] != '\0')
			ike_log(e, LOG_L_INFO, &x->sa->remote, x->sa->serial,
				"peer's certificate: %s", p->why);
		if (status == ST_NORMAL && p->leaf.n != 0) {
			cry_proof_free_view(&x->sa->peer_cert);
			x->sa->peer_cert = p->leaf;
			p->leaf = (struct bytes){ 0 };
		}
		return status;
	}
	if (status != ST_NORMAL)
		return status;
	*j->sig = arena_dup(x->arena, bytes_of(p->sig, p->sig_n));
	return j->sig->n == 0 ? ST_NOMEMORY : ST_NORMAL;
}

/* ------------------------------------------------------------------------------------- SADB --- */

static struct sadb_msg *
sadb_fx(struct ike *e, struct ike_job *j, enum sadb_op op, const struct ipsec_sa *sa)
{
	struct sadb_msg *m = arena_alloc(e->step, sizeof(*m));
	struct ike_effect *fx = m == NULL ? NULL : ike_fx(e, IKE_FX_SADB);

	if (fx == NULL)
		return NULL;
	m->op = op;
	m->has_sa = true;
	m->sa = *sa;
	fx->id = j->id;
	fx->sadb = m;
	return m;
}

/* What it takes to undo a request: the SA's name, not its keys. */
static bool
remember(struct ike_job *j, const struct ipsec_sa *sa)
{
	j->sa = malloc(sizeof(*j->sa));
	if (j->sa == NULL)
		return false;
	*j->sa = *sa;
	ipsec_sa_wipe(j->sa);
	return true;
}

static enum status
sadb_failed(struct ike *e, struct ike_job *j)
{
	if (j->owner != NULL)
		j->owner->jobs--;
	job_free(e, j);
	return ST_NOMEMORY;
}

enum status
ike_job_getspi(struct ike *e, struct ike_xchg *x, unsigned pair)
{
	struct ike_child *c = x->child;
	struct ike_job *j = job_new(e, IKE_JOB_GETSPI, x);
	struct ipsec_sa sa;
	struct sadb_msg *m;

	if (j == NULL)
		return ST_NOMEMORY;
	j->pair = pair;
	j->inbound = true;
	ike_child_sa(c, &c->pair[pair], true, &sa);
	sa.spi = 0;
	if (!remember(j, &sa) || (m = sadb_fx(e, j, SADB_OP_GETSPI, &sa)) == NULL)
		return sadb_failed(e, j);
	m->spi_min = SPI_MIN;
	m->spi_max = sa.proto == SA_IPCOMP ? CPI_MAX : SPI_MAX;
	m->seq = c->acquire_seq;
	return ST_NORMAL;
}

enum status
ike_job_install(struct ike *e, struct ike_child *c, struct ike_xchg *x, unsigned pair, bool inbound,
	const struct ipsec_sa *sa)
{
	struct ike_job *j = job_new(e, IKE_JOB_INSTALL, x);
	struct sadb_msg *m;

	if (j == NULL)
		return ST_NOMEMORY;
	if (x == NULL) {
		j->child = c;
		list_append(&c->job_list, &j->in_list);
	}
	j->pair = pair;
	j->inbound = inbound;
	if (!remember(j, sa) ||
	    (m = sadb_fx(e, j, inbound ? SADB_OP_UPDATE : SADB_OP_ADD, sa)) == NULL)
		return sadb_failed(e, j);
	m->seq = c->acquire_seq;
	return ST_NORMAL;
}

bool
ike_job_installing(const struct ike_child *c)
{
	LIST_FOREACH(at, &c->job_list)
		if (container_of(at, struct ike_job, in_list)->type == IKE_JOB_INSTALL)
			return true;
	return false;
}

enum status
ike_job_update(struct ike *e, struct ike_child *c, unsigned pair, bool inbound,
	const struct ipsec_sa *sa)
{
	struct ike_job *j = job_new(e, IKE_JOB_INSTALL, NULL);

	if (j == NULL)
		return ST_NOMEMORY;
	j->child = c;
	list_append(&c->job_list, &j->in_list);
	j->pair = pair;
	j->inbound = inbound;
	if (!remember(j, sa) || sadb_fx(e, j, SADB_OP_UPDATE, sa) == NULL)
		return sadb_failed(e, j);
	return ST_NORMAL;
}

void
ike_job_delete(struct ike *e, const struct ipsec_sa *sa, uint64_t cmd)
{
	struct ike_job *j = job_new(e, IKE_JOB_DELETE, NULL);

	if (j == NULL)
		return;
	j->cmd = cmd;
	if (sadb_fx(e, j, SADB_OP_DELETE, sa) == NULL)
		job_free(e, j);
	else
		ike_command_deleting(e, cmd);
}

enum status
ike_job_policy(struct ike *e, struct ike_child *c, enum sadb_op op,
	const struct ipsec_policy *policy, uint64_t cmd)
{
	struct ike_job *j = job_new(e, IKE_JOB_POLICY, NULL);
	struct sadb_msg *m = arena_alloc(e->step, sizeof(*m));
	struct ike_effect *fx;

	if (j == NULL)
		return ST_NOMEMORY;
	j->policy = malloc(sizeof(*j->policy));
	fx = j->policy == NULL || m == NULL ? NULL : ike_fx(e, IKE_FX_SADB);
	if (fx == NULL) {
		job_free(e, j);
		return ST_NOMEMORY;
	}
	*j->policy = *policy;
	j->op = op;
	j->cmd = cmd;
	m->op = op;
	m->has_sp = true;
	m->sp = *policy;
	fx->id = j->id;
	fx->sadb = m;
	if (c != NULL) {
		j->child = c;
		list_append(&c->job_list, &j->in_list);
	}
	ike_command_deleting(e, cmd);
	return ST_NORMAL;
}

static void
install_failed(struct ike *e, struct ike_child *c, enum status status)
{
	char why[IKE_DETAIL_MAX];

	status_format(why, sizeof(why), status, NULL, NULL);
	ike_child_fail(e, c, ST_SADBFAILED, 0, why);
}

/* The mirror of the policies follows at once: the database's own news may come later. */
static void
policy_done(struct ike *e, struct ike_job *j, enum status status)
{
	struct sadb_msg *m = arena_alloc(e->step, sizeof(*m));

	/* What is not there to be deleted is gone as well. */
	if (m != NULL && (status == ST_NORMAL || j->op == SADB_OP_SPDDELETE)) {
		m->op = j->op;
		m->has_sp = true;
		m->sp = *j->policy;
		ike_spd_event(e, m);
	}
	if (status != ST_NORMAL && j->child != NULL)
		install_failed(e, j->child, status);
	ike_command_deleted(e, j->cmd);
}

/* ---------------------------------------------------------------------------------- answers --- */

static void
orphan(struct ike_job *j)
{
	list_remove(&j->in_list);
	/* A thread may be reading the private value: it is freed when the answer comes. */
	if (j->type == IKE_JOB_DERIVE && j->dh != NULL)
		*j->dh = NULL;
	j->owner = NULL;
	j->child = NULL;
}

/* Who waits for these is going away. */
void
ike_jobs_orphan(struct list *jobs)
{
	LIST_FOREACH(at, jobs)
		orphan(container_of(at, struct ike_job, in_list));
}

static void
reap(struct ike *e, struct ike_job *j, enum status status, const struct sadb_msg *answer)
{
	switch (j->type) {
	case IKE_JOB_KEYPAIR:
	case IKE_JOB_DERIVE:
		cry_dh_free(j->crypto->dh);
		j->crypto->dh = NULL;
		return;
	case IKE_JOB_SIGN:
	case IKE_JOB_VERIFY:
		return;
	case IKE_JOB_GETSPI:
		if (status == ST_NORMAL && answer != NULL && answer->sa.spi != 0) {
			j->sa->spi = answer->sa.spi;
			ike_job_delete(e, j->sa, 0);
		}
		return;
	case IKE_JOB_INSTALL:
		if (status == ST_NORMAL)
			ike_job_delete(e, j->sa, 0);
		return;
	case IKE_JOB_DELETE:
		ike_command_deleted(e, j->cmd);
		return;
	case IKE_JOB_POLICY:
		return;
	}
}

static enum status
take(struct ike *e, struct ike_job *j, enum status status, const struct sadb_msg *answer)
{
	struct ike_xchg *x = j->owner;

	switch (j->type) {
	case IKE_JOB_KEYPAIR:
		cry_dh_free(*j->dh);
		*j->dh = j->crypto->dh;
		j->crypto->dh = NULL;
		return j->crypto->status;
	case IKE_JOB_DERIVE:
		j->crypto->dh = NULL;
		if (j->crypto->status == ST_NORMAL)
			secret_move(j->shared, &j->crypto->shared);
		return j->crypto->status;
	case IKE_JOB_SIGN:
	case IKE_JOB_VERIFY:
		return take_proof(e, j, x);
	case IKE_JOB_GETSPI:
		/* Compression that is not to be had here, and may be left out. */
		if (status != ST_NORMAL && j->pair >= ike_child_needed(x->child))
			return ST_NORMAL;
		if (status != ST_NORMAL)
			return status == ST_BACKEND ? status : ST_SADBFAILED;
		if (answer == NULL || answer->sa.spi < SA_SPI_MIN)
			return ST_SADBFAILED;
		x->child->pair[j->pair].spi_in = answer->sa.spi;
		ike_child_hash_in(e, x->child, j->pair);
		return ST_NORMAL;
	case IKE_JOB_INSTALL:
		return status == ST_NORMAL || status == ST_BACKEND ? status : ST_SADBFAILED;
	case IKE_JOB_DELETE:
	case IKE_JOB_POLICY:
		return ST_NORMAL;
	}
	return ST_BUG;
}

void
ike_job_done(struct ike *e, const struct ike_event *ev)
{
	struct hash_node *n = hash_find(&e->jobs, hash_more(0, ev->done.id));

	while (n != NULL && container_of(n, struct ike_job, by_id)->id != ev->done.id)
		n = hash_again(n);
	if (n == NULL)
		return; /* answered twice, or never asked */
	struct ike_job *j = container_of(n, struct ike_job, by_id);
	struct ike_xchg *x = j->owner;
	enum status status = ev->done.status;
	if (j->type == IKE_JOB_POLICY) {
		policy_done(e, j, status);
		job_free(e, j);
		return;
	}
	if (x == NULL && j->child != NULL) { /* install in the background */
		if (status != ST_NORMAL)
			install_failed(e, j->child, status);
		job_free(e, j);
		return;
	}
	if (x == NULL) {
		reap(e, j, status, ev->done.sadb);
		job_free(e, j);
		return;
	}
	status = take(e, j, status, ev->done.sadb);
	if (status != ST_NORMAL && x->failed == ST_NORMAL)
		x->failed = status;
	void (*then)(struct ike *, struct ike_xchg *) = j->then;
	job_free(e, j);
	x->jobs--;
	if (then != NULL && x->failed == ST_NORMAL)
		then(e, x);
	if (x->jobs == 0 && x->state != IKE_S_DEAD)
		ike_run_jobs_done(e, x);
}

void
ike_jobs_free(struct ike *e)
{
	struct hash_node *n;

	while (e->jobs.slot != NULL && (n = hash_first(&e->jobs)) != NULL) {
		struct ike_job *j = container_of(n, struct ike_job, by_id);
		if (j->crypto != NULL)
			cry_dh_free(j->crypto->dh);
		job_free(e, j);
	}
}
