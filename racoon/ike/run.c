/*
 * run.c - the interpreter of transition rows.
 *
 * Called with one message (decrypted) of an exchange, or to begin one.  It finds the row, checks
 * the payload sets before a handler runs, runs `recv`, waits for the jobs that recv started, runs
 * `send` and `after`.  It knows no payload's meaning.  RFC 2408 5.1, 5.3.
 */
#include "racoon/ike/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "racoon/ikev1/v1_rows.h"

/* Any number of these is fine. */
#define MANY                                                                                       \
	(WIRE_BIT(WIRE_VENDOR) | WIRE_BIT(WIRE_NOTIFY) | WIRE_BIT(WIRE_CERT) |                     \
		WIRE_BIT(WIRE_CR) | WIRE_BIT(WIRE_DELETE) | WIRE_BIT(WIRE_NAT_D))

enum { PRIVATE_TYPES = 128 };

const struct ike_row *
ike_row_find(uint8_t exchange, enum ike_side side, enum ike_state from)
{
	for (size_t i = 0; i < v1_row_count; i++) {
		const struct ike_row *r = &v1_rows[i];
		if (r->exchange == exchange && r->side == side && r->from == from)
			return r;
	}
	return NULL;
}

struct ike_xchg *
ike_xchg_new(struct ike *e, struct ike_sa *sa, struct ike_child *child, uint8_t exchange,
	enum ike_side side, uint32_t message_id)
{
	struct ike_xchg *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->arena = arena_new(e->env.limits.arena);
	if (x->arena == NULL) {
		free(x);
		return NULL;
	}
	x->sa = sa;
	x->child = child;
	x->exchange = exchange;
	x->side = side;
	x->message_id = message_id;
	x->begun = e->now;
	list_init(&x->job_list);
	return x;
}

/* Unlink and forget; whoever is in the middle of it may still read it until the step ends. */
void
ike_xchg_end(struct ike *e, struct ike_xchg *x)
{
	if (x->state == IKE_S_DEAD)
		return;
	bool under_way = x->state != IKE_S_UP;
	x->state = IKE_S_DEAD;
	x->row = NULL;
	ike_jobs_orphan(&x->job_list);
	x->jobs = 0;
	ike_disarm(e, &x->limit);
	ike_disarm(e, &x->window.retry);
	if (x->child != NULL) {
		if (x->in_sa.next != NULL && under_way)
			x->sa->quick_count--;
		list_remove(&x->in_sa);
		hash_remove(&e->child_by_msgid, &x->child->by_msgid);
		x->child->x = NULL;
	} else {
		x->sa->x = NULL;
	}
	list_append(&e->dead_xchgs, &x->in_sa);
}

/* Established: only the last message is kept, for duplicates of the peer's. */
void
ike_xchg_settle(struct ike_xchg *x)
{
	if (x->data != NULL && x->data_free != NULL)
		x->data_free(x->data);
	x->data = NULL;
	x->why = NULL;
	arena_free(x->arena);
	x->arena = NULL;
}

void
ike_xchg_free(struct ike *e, struct ike_xchg *x)
{
	ike_window_free(e, &x->window);
	free(x->held.octets);
	if (x->data != NULL && x->data_free != NULL)
		x->data_free(x->data);
	arena_free(x->arena);
	wipe(x, sizeof(*x));
	free(x);
}

/* A handler's way to say: this message is not worth the exchange. */
enum status
ike_drop(struct ike_xchg *x, enum status status)
{
	x->drop = true;
	return status;
}

enum status
ike_why(struct ike_xchg *x, enum status status, const char *fmt, ...)
{
	char text[IKE_DETAIL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	x->why = arena_strdup(x->arena, text);
	return status;
}

void
ike_xchg_fail(struct ike *e, struct ike_xchg *x, enum status status, const char *fmt, ...)
{
	char detail[IKE_DETAIL_MAX];
	uint16_t notify = x->hint;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	if (x->state == IKE_S_DEAD)
		return;
	if (x->child != NULL)
		ike_child_fail(e, x->child, status, notify, detail);
	else
		ike_sa_fail(e, x->sa, status, detail);
}

/* --------------------------------------------------------------------------------- one step --- */

static void
refuse(struct ike *e, struct ike_xchg *x, enum status status)
{
	v1_refuse(e, x, status, x->why != NULL ? x->why : status_row(status)->text);
}

static void
finish(struct ike *e, struct ike_xchg *x)
{
	const struct ike_row *row = x->row;
	enum status status = x->failed;

	if (status == ST_NORMAL && row->send != NULL)
		status = row->send(e, x);
	if (x->state == IKE_S_DEAD)
		return;
	if (status != ST_NORMAL) {
		refuse(e, x, status);
		return;
	}
	if (x->more) { /* send has started jobs, and wants to be called again after them */
		x->more = false;
		if (x->jobs == 0)
			finish(e, x);
		return;
	}
	x->row = NULL;
	x->state = x->detours ? row->detour : row->to;
	x->detours = false;
	if (x->child != NULL)
		x->child->state = x->state;
	else
		x->sa->state = x->state;
	if (row->after != NULL)
		row->after(e, x);
}

void
ike_run_jobs_done(struct ike *e, struct ike_xchg *x)
{
	if (x->row != NULL) {
		finish(e, x);
		return;
	}
	if (x->failed != ST_NORMAL) {
		refuse(e, x, x->failed);
		return;
	}
	if (x->held.octets != NULL)
		ike_recv_held(e, x);
}

static void
start(struct ike *e, struct ike_xchg *x, const struct ike_row *row, const struct wire_msg *m,
	enum status *status)
{
	x->row = row;
	x->drop = false;
	*status = row->recv == NULL ? ST_NORMAL : row->recv(e, x, m);
	if (x->state == IKE_S_DEAD)
		return;
	if (*status != ST_NORMAL) {
		x->row = NULL;
		if (!x->drop)
			refuse(e, x, *status);
		return;
	}
	if (m != NULL) {
		ike_window_took(e, x, e->datagram);
		x->answered = true;
		x->hint = 0;
		x->hint_tries = 0;
	}
	if (x->jobs == 0)
		finish(e, x);
}

void
ike_run_start(struct ike *e, struct ike_xchg *x)
{
	const struct ike_row *row = ike_row_find(x->exchange, x->side, IKE_S_START);
	enum status status;

	if (row != NULL)
		start(e, x, row, NULL, &status);
}

/* RFC 2408 5.3: what the row does not name is refused, before anybody looks into it. */
const char *
ike_set_fault(const struct ike_row *row, const struct wire_msg *m)
{
	uint64_t seen = 0, twice = 0;

	if ((m->present & row->need) != row->need)
		return "a payload is missing";
	if (row->either != 0 && (m->present & row->either) == 0)
		return "a payload is missing";
	for (unsigned i = 0; i < m->count; i++) {
		uint64_t bit = WIRE_BIT(wire_bit_of(m->payload[i].type));
		if (!m->payload[i].known) {
			if (m->payload[i].type < PRIVATE_TYPES)
				return "a payload of unknown type";
			continue;
		}
		if ((bit & (row->need | row->may | row->either)) == 0)
			return "a payload that does not belong here";
		if ((seen & bit & ~MANY) != 0 && ((row->twice & bit) == 0 || (twice & bit) != 0))
			return "a payload is doubled";
		if ((row->either & bit) != 0 && (seen & row->either & ~bit) != 0)
			return "two payloads exclude each other";
		twice |= seen & bit;
		seen |= bit;
	}
	return NULL;
}

enum status
ike_run(struct ike *e, struct ike_xchg *x, const struct wire_header *h, const struct wire_msg *m)
{
	const struct ike_row *row = ike_row_find(h->exchange, x->side, x->state);
	const char *fault;
	enum status status;

	if (row == NULL || x->row != NULL) {
		ike_log(e, LOG_L_DEBUG, &x->sa->remote, x->sa->serial,
			"message does not fit state %s, dropped", ike_state_name(x->state));
		return ST_INVALIDEXCH;
	}
	bool sealed = (h->flags & WIRE_F_ENCRYPTED) != 0;
	if (row->sealed != IKE_EITHER && (row->sealed == IKE_SEALED) != sealed) {
		ike_log(e, LOG_L_INFO, &x->sa->remote, x->sa->serial, "%s: message %s, dropped",
			row->story, sealed ? "is encrypted" : "is not encrypted");
		return ST_INVALIDPAYLOAD;
	}
	fault = ike_set_fault(row, m);
	if (fault != NULL) {
		e->count[IKE_N_MALFORMED]++;
		ike_log(e, LOG_L_INFO, &x->sa->remote, x->sa->serial, "%s: %s, message dropped",
			row->story, fault);
		return ST_INVALIDPAYLOAD;
	}
	ike_log(e, LOG_L_DEBUG, &x->sa->remote, x->sa->serial, "%s", row->story);
	start(e, x, row, m, &status);
	return status;
}
