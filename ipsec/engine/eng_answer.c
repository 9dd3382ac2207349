/*
 * eng_answer.c - who is told what: answers, events for registered clients, dumps.
 *
 * Events wait in a bounded queue until the host pulls them; dumps wait in their tables and are made
 * entry by entry.  A dump shows what was there when it was asked for, less what went meanwhile.
 */
#include "ipsec/engine/eng_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------------------------- clients --- */

static struct eng_client *
client_find(struct eng *e, uint32_t id)
{
	for (size_t i = 0; i < e->clients; i++)
		if (e->client[i].id == id)
			return &e->client[i];
	return NULL;
}

static struct eng_client *
client_make(struct eng *e, uint32_t id)
{
	struct eng_client *c = client_find(e, id);

	if (c != NULL)
		return c;
	if (e->clients >= ENG_CLIENTS_MAX)
		return NULL;
	c = &e->client[e->clients++];
	*c = (struct eng_client){ .id = id };
	return c;
}

int
eng_client_set(struct eng *e, uint32_t client, bool registered, bool promiscuous)
{
	struct eng_client *c = client_make(e, client);

	if (c == NULL)
		return ENOBUFS;
	if (registered && !c->registered) {
		c->registered = true;
		e->registered++;
	}
	c->promiscuous |= promiscuous;
	return 0;
}

bool
eng_has_key_manager(const struct eng *e)
{
	return e->registered != 0;
}

bool
eng_wants(const struct eng *e, uint32_t client, const struct eng_answer *a)
{
	if (a->client == client)
		return true;
	for (size_t i = 0; i < e->clients; i++)
		if (e->client[i].id == client)
			return e->client[i].promiscuous || (a->client == 0 &&
				a->except != client && e->client[i].registered);
	return false;
}

void
eng_client_pause(struct eng *e, uint32_t client, bool paused)
{
	struct eng_client *c = paused ? client_make(e, client) : client_find(e, client);

	if (c != NULL)
		c->paused = paused;
}

/* ---------------------------------------------------------------------------------- events --- */

static void
event_free(struct eng *e, struct eng_event *ev)
{
	list_remove(&ev->node);
	e->event_count--;
	sadb_msg_wipe(&ev->a.msg);
	free(ev);
}

void
eng_tell(struct eng *e, uint32_t client, uint32_t except, const struct sadb_msg *m)
{
	struct eng_event *ev;

	if (client == 0 && (e->clients == 0 || e->event_count >= ENG_EVENTS_MAX))
		return;
	ev = malloc(sizeof(*ev));
	if (ev == NULL)
		return;
	ev->node = (struct list){ 0 };
	ev->a = (struct eng_answer){ .client = client, .except = except, .msg = *m };
	list_append(&e->events, &ev->node);
	e->event_count++;
}

/* ----------------------------------------------------------------------------------- dumps --- */

static struct eng_sa *
sa_from(const struct eng *e, const struct list *at, const struct eng_dump *d)
{
	for (; at != &e->sas; at = at->next) {
		struct eng_sa *sa = container_of(at, struct eng_sa, all);

		if (sa->serial > d->until)
			return NULL;
		if (d->proto == SA_NONE || sa->proto == d->proto)
			return sa;
	}
	return NULL;
}

static struct eng_policy *
sp_from(const struct eng *e, struct eng_policy *sp, const struct eng_dump *d)
{
	while (sp != NULL && sp->serial > d->until)
		sp = eng_spd_next(e, sp);
	return sp;
}

static void
dump_advance(const struct eng *e, struct eng_dump *d)
{
	if (d->sa != NULL)
		d->sa = sa_from(e, d->sa->all.next, d);
	if (d->sp != NULL)
		d->sp = sp_from(e, eng_spd_next(e, d->sp), d);
}

/* Make the entry the cursor points at, and move on. */
static void
dump_prepare(const struct eng *e, struct eng_dump *d)
{
	memset(&d->ready, 0, sizeof(d->ready));
	d->ready.op = d->op;
	d->ready.pid = d->pid;
	if (d->sa != NULL) {
		d->ready.has_sa = true;
		eng_sa_show(d->sa, &d->ready.sa, true);
	} else {
		d->ready.has_sp = true;
		eng_spd_show(e, d->sp, &d->ready.sp);
	}
	dump_advance(e, d);
}

static void
dump_end(struct eng *e, struct eng_dump *d)
{
	list_remove(&d->node);
	e->dump_count--;
	sadb_msg_wipe(&d->ready);
	free(d);
}

static uint32_t
count_matches(const struct eng *e, const struct eng_dump *d)
{
	uint32_t n = 0;

	if (d->op == SADB_OP_SPDDUMP)
		return (uint32_t)e->spd.count;
	if (d->proto == SA_NONE)
		return (uint32_t)e->sa_count;
	for (const struct eng_sa *sa = d->sa; sa != NULL; sa = sa_from(e, sa->all.next, d))
		n++;
	return n;
}

int
eng_dump_begin(struct eng *e, uint32_t client, const struct sadb_msg *request)
{
	struct eng_dump *d;

	if (e->dump_count >= ENG_DUMPS_MAX)
		return ENOBUFS;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return ENOMEM;
	d->client = client;
	d->op = request->op;
	d->proto = request->sa.proto;
	d->pid = request->pid;
	d->until = e->serial;
	if (d->op == SADB_OP_DUMP)
		d->sa = sa_from(e, e->sas.next, d);
	else
		d->sp = eng_spd_first(e);
	if (d->sa == NULL && d->sp == NULL) {
		free(d);
		return ENOENT;
	}
	d->left = count_matches(e, d);
	dump_prepare(e, d);
	list_append(&e->dumps, &d->node);
	e->dump_count++;
	return 0;
}

void
eng_dump_forget_sa(struct eng *e, const struct eng_sa *sa)
{
	LIST_FOREACH(at, &e->dumps) {
		struct eng_dump *d = container_of(at, struct eng_dump, node);

		if (d->sa == sa)
			dump_advance(e, d);
	}
}

void
eng_dump_forget_sp(struct eng *e, const struct eng_policy *sp)
{
	LIST_FOREACH(at, &e->dumps) {
		struct eng_dump *d = container_of(at, struct eng_dump, node);

		if (d->sp == sp)
			dump_advance(e, d);
	}
}

/* One entry of this dump; entries are numbered down to 0. */
static void
dump_yield(struct eng *e, struct eng_dump *d, struct eng_answer *out)
{
	bool last = d->sa == NULL && d->sp == NULL;

	*out = (struct eng_answer){ .client = d->client, .msg = d->ready };
	if (d->left > 1)
		d->left--;
	out->msg.seq = last ? 0 : d->left;
	if (last) {
		dump_end(e, d);
		return;
	}
	dump_prepare(e, d);
	/* The next client's turn. */
	list_remove(&d->node);
	list_append(&e->dumps, &d->node);
}

bool
eng_answer(struct eng *e, struct eng_answer *out)
{
	if (!list_empty(&e->events)) {
		struct eng_event *ev = container_of(e->events.next, struct eng_event, node);

		*out = ev->a;
		event_free(e, ev);
		return true;
	}
	LIST_FOREACH(at, &e->dumps) {
		struct eng_dump *d = container_of(at, struct eng_dump, node);
		struct eng_client *c = client_find(e, d->client);

		if (c != NULL && c->paused)
			continue;
		dump_yield(e, d, out);
		return true;
	}
	return false;
}

/* ------------------------------------------------------------------------------------- end --- */

void
eng_client_gone(struct eng *e, uint32_t client)
{
	struct eng_client *c = client_find(e, client);

	LIST_FOREACH(at, &e->dumps) {
		struct eng_dump *d = container_of(at, struct eng_dump, node);

		if (d->client == client)
			dump_end(e, d);
	}
	LIST_FOREACH(at, &e->events) {
		struct eng_event *ev = container_of(at, struct eng_event, node);

		if (ev->a.client == client)
			event_free(e, ev);
	}
	if (c == NULL)
		return;
	if (c->registered)
		e->registered--;
	*c = e->client[--e->clients];
}

void
eng_answer_free(struct eng *e)
{
	LIST_FOREACH(at, &e->dumps)
		dump_end(e, container_of(at, struct eng_dump, node));
	LIST_FOREACH(at, &e->events)
		event_free(e, container_of(at, struct eng_event, node));
}
