/*
 * eng_control.c - requests of clients, as a kernel carries them out (RFC 2367 3.1): the SAD's here,
 * the SPD's in eng_control_sp.c.
 *
 * Every request is answered once, with an errno when it failed; dumps answer by their entries.
 * What changed something is also told to the registered clients, without keys.
 */
#include "ipsec/engine/eng_int.h"

#include <errno.h>
#include <string.h>

enum { ENG_ANSWERED = -1 }; /* no errno: the answers follow by themselves */
enum { SPI_DEFAULT_MIN = 0x100, SPI_DEFAULT_MAX = 0x0fffffff,
	CPI_MAX = 0xefff }; /* RFC 3173 3.3: those above are for private use */

static bool
ends_ok(const struct ipsec_sa *v)
{
	return v->src.addr.family != 0 && v->src.addr.family == v->dst.addr.family &&
		!net_addr_is_any(&v->dst.addr);
}

static struct eng_sa *
find(const struct eng *e, const struct ipsec_sa *v)
{
	return eng_sa_find(e, &v->dst.addr, (uint8_t)v->proto, v->spi);
}

/* ------------------------------------------------------------------------------ making SAs --- */

static bool
spi_free(const struct eng *e, const struct ipsec_sa *v, uint32_t spi)
{
	return eng_sa_find(e, &v->dst.addr, (uint8_t)v->proto, spi) == NULL;
}

/* A free SPI between min and max, or 0. */
static uint32_t
choose_spi(struct eng *e, const struct ipsec_sa *v, uint32_t min, uint32_t max)
{
	uint64_t width = (uint64_t)max - min + 1;
	uint32_t r = 0;

	for (unsigned i = 0; i < ENG_GETSPI_TRIES; i++) {
		if (width > ENG_GETSPI_TRIES)
			eng_random(e, (uint8_t *)&r, sizeof(r));
		else
			r = i; /* a small range is searched through */
		if (width <= ENG_GETSPI_TRIES && i >= width)
			break;
		r = min + (uint32_t)(r % width);
		if (spi_free(e, v, r))
			return r;
	}
	return 0;
}

static int
op_getspi(struct eng *e, instant now, const struct sadb_msg *m, struct sadb_msg *answer)
{
	uint32_t min = m->spi_min == 0 ? SPI_DEFAULT_MIN : m->spi_min;
	bool comp = m->sa.proto == SA_IPCOMP;
	uint32_t max = m->spi_max != 0 ? m->spi_max : comp ? CPI_MAX : SPI_DEFAULT_MAX;
	struct ipsec_sa v = { .src = m->sa.src, .dst = m->sa.dst, .proto = m->sa.proto,
		.mode = m->sa.mode, .reqid = m->sa.reqid };
	struct eng_sa *sa;
	int error;

	if (comp && max > CPI_MAX)
		max = CPI_MAX;
	if (!m->has_sa || !ends_ok(&v) || (v.proto != SA_ESP && v.proto != SA_AH && !comp) ||
		min > max)
		return EINVAL;
	v.spi = choose_spi(e, &v, min, max);
	if (v.spi == 0)
		return EEXIST;
	sa = eng_sa_new(e, now, &v, &error);
	if (sa == NULL)
		return error;
	eng_sa_arm(e, sa);
	answer->has_sa = true;
	eng_sa_show(sa, &answer->sa, false);
	return 0;
}

static int
install(struct eng *e, instant now, const struct sadb_msg *m, struct sadb_msg *answer)
{
	int error;
	struct eng_sa *sa = eng_sa_new(e, now, &m->sa, &error);

	if (sa == NULL)
		return error;
	error = eng_sa_fill(e, sa, &m->sa);
	if (error != 0) {
		eng_sa_free(e, sa);
		return error;
	}
	eng_sa_arm(e, sa);
	eng_hold_sa_came(e, sa);
	answer->has_sa = true;
	eng_sa_show(sa, &answer->sa, false);
	return 0;
}

static int
op_add(struct eng *e, instant now, const struct sadb_msg *m, struct sadb_msg *answer)
{
	int error;

	if (!m->has_sa || !ends_ok(&m->sa) || m->sa.spi == 0)
		return EINVAL;
	error = eng_sa_check(e, &m->sa);
	if (error != 0)
		return error;
	if (find(e, &m->sa) != NULL)
		return EEXIST;
	return install(e, now, m, answer);
}

/* A mature SA takes other keys when they differ, and is then a fresh one; limits, ports always. */
static int
change(struct eng *e, struct eng_sa *sa, const struct ipsec_sa *v)
{
	int error = eng_sa_rekey(e, sa, v);

	if (error != 0)
		return error;
	sa->hard = v->hard;
	sa->soft = v->soft;
	if (sa->natt && v->natt) {
		sa->src.port = v->src.port;
		sa->dst.port = v->dst.port;
	}
	sa->soft_told = false;
	sa->state = SA_MATURE;
	e->sad_generation++;
	/* Limits that are already behind it take effect with the next timer or packet. */
	eng_sa_arm(e, sa);
	return 0;
}

static int
op_update(struct eng *e, instant now, const struct sadb_msg *m, struct sadb_msg *answer)
{
	struct eng_sa *sa;
	int error;

	if (!m->has_sa || !ends_ok(&m->sa) || m->sa.spi == 0)
		return EINVAL;
	sa = find(e, &m->sa);
	if (sa == NULL)
		return ESRCH;
	if (sa->state != SA_LARVAL) {
		error = change(e, sa, &m->sa);
		if (error != 0)
			return error;
		answer->has_sa = true;
		eng_sa_show(sa, &answer->sa, false);
		return 0;
	}
	error = eng_sa_check(e, &m->sa);
	if (error != 0)
		return error;
	/* Mode and reqid may differ from what GETSPI named: make it anew in its place. */
	eng_sa_free(e, sa);
	return install(e, now, m, answer);
}

/* ------------------------------------------------------------------------- ending, showing --- */

/* RFC 2367 with KAME's deleteall: no SPI means all between the two addresses. */
static int
op_delete_all(struct eng *e, const struct ipsec_sa *v)
{
	struct eng_pair *pair = eng_pair_find(e, &v->src.addr, &v->dst.addr, (uint8_t)v->proto, 0);
	struct list *at, *next;
	size_t left = 0;

	if (pair == NULL)
		return ESRCH;
	for (at = pair->sas.next; at != &pair->sas; at = at->next)
		left++;
	/* The pair goes with its last SA. */
	for (at = pair->sas.next; left > 0; left--, at = next) {
		next = at->next;
		eng_sa_free(e, container_of(at, struct eng_sa, in_any));
	}
	return 0;
}

static int
op_delete(struct eng *e, const struct sadb_msg *m, struct sadb_msg *answer)
{
	struct eng_sa *sa;

	if (!m->has_sa || !ends_ok(&m->sa))
		return EINVAL;
	answer->has_sa = true;
	if (m->sa.spi == 0) {
		answer->sa.src = m->sa.src;
		answer->sa.dst = m->sa.dst;
		return op_delete_all(e, &m->sa);
	}
	sa = find(e, &m->sa);
	if (sa == NULL)
		return ESRCH;
	eng_sa_show(sa, &answer->sa, false);
	eng_sa_free(e, sa);
	return 0;
}

static int
op_get(const struct eng *e, const struct sadb_msg *m, struct sadb_msg *answer)
{
	struct eng_sa *sa;

	if (!m->has_sa || !ends_ok(&m->sa))
		return EINVAL;
	sa = find(e, &m->sa);
	if (sa == NULL)
		return ESRCH;
	answer->has_sa = true;
	eng_sa_show(sa, &answer->sa, true);
	return 0;
}

static int
op_flush(struct eng *e, enum sa_proto proto)
{
	LIST_FOREACH(at, &e->sas) {
		struct eng_sa *sa = container_of(at, struct eng_sa, all);

		if (proto == SA_NONE || sa->proto == proto)
			eng_sa_free(e, sa);
	}
	return 0;
}

/* -------------------------------------------------------------------------------- dispatch --- */

/* 0, an errno or ENG_ANSWERED. */
static int
carry_out(struct eng *e, instant now, uint32_t client, const struct sadb_msg *m,
	struct sadb_msg *answer)
{
	int error;

	switch (m->op) {
	case SADB_OP_GETSPI:
		return op_getspi(e, now, m, answer);
	case SADB_OP_UPDATE:
		return op_update(e, now, m, answer);
	case SADB_OP_ADD:
		return op_add(e, now, m, answer);
	case SADB_OP_DELETE:
		return op_delete(e, m, answer);
	case SADB_OP_GET:
		return op_get(e, m, answer);
	case SADB_OP_ACQUIRE:
		/* RFC 2367 3.1.6: the key manager could not help. */
		if (m->error != 0)
			eng_hold_failed(e, m->seq);
		return m->error != 0 ? 0 : EINVAL;
	case SADB_OP_REGISTER:
		error = eng_client_set(e, client, true, false);
		if (error == 0)
			eng_hold_retell(e, client);
		return error;
	case SADB_OP_EXPIRE:
	case SADB_OP_SPDEXPIRE:
	case SADB_OP_MAPPING:
		return EINVAL; /* ours to send */
	case SADB_OP_MIGRATE:
		return eng_migrate(e, m, answer);
	case SADB_OP_FLUSH:
		return op_flush(e, m->sa.proto);
	case SADB_OP_PROMISC:
		return eng_client_set(e, client, false, true);
	case SADB_OP_DUMP:
	case SADB_OP_SPDDUMP:
		error = eng_dump_begin(e, client, m);
		return error == 0 ? ENG_ANSWERED : error;
	case SADB_OP_SPDUPDATE:
	case SADB_OP_SPDADD:
	case SADB_OP_SPDDELETE:
	case SADB_OP_SPDGET:
	case SADB_OP_SPDFLUSH:
	case SADB_OP_SPDDELETE2:
		return eng_control_sp(e, now, m, answer);
	}
	return EINVAL;
}

static bool
changes(enum sadb_op op)
{
	switch (op) {
	case SADB_OP_UPDATE:
	case SADB_OP_ADD:
	case SADB_OP_DELETE:
	case SADB_OP_FLUSH:
	case SADB_OP_SPDUPDATE:
	case SADB_OP_SPDADD:
	case SADB_OP_SPDDELETE:
	case SADB_OP_SPDFLUSH:
	case SADB_OP_SPDDELETE2:
	case SADB_OP_MIGRATE:
		return true;
	case SADB_OP_GETSPI:
	case SADB_OP_GET:
	case SADB_OP_ACQUIRE:
	case SADB_OP_REGISTER:
	case SADB_OP_EXPIRE:
	case SADB_OP_DUMP:
	case SADB_OP_PROMISC:
	case SADB_OP_SPDGET:
	case SADB_OP_SPDDUMP:
	case SADB_OP_SPDEXPIRE:
	case SADB_OP_MAPPING:
		break;
	}
	return false;
}

void
eng_control(struct eng *e, instant now, wall today, uint32_t client, const struct sadb_msg *m)
{
	struct sadb_msg answer;
	int error;

	e->today = today;
	e->noon = e->latest = now;
	memset(&answer, 0, sizeof(answer));
	answer.op = m->op;
	answer.seq = m->seq;
	answer.pid = m->pid;
	answer.sa.proto = m->sa.proto;
	error = carry_out(e, now, client, m, &answer);
	if (error == ENG_ANSWERED)
		return;
	if (error != 0) {
		answer.error = error;
		answer.has_sa = answer.has_sp = false;
	}
	eng_tell(e, client, 0, &answer);
	if (error == 0 && changes(m->op))
		eng_tell(e, 0, client, &answer);
	sadb_msg_wipe(&answer);
}
