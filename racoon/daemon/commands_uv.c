/*
 * commands_uv.c - commands under way in the engine, and look-ups of host names.
 *
 * Called by the verbs through host.h, and by host_uv.c.  A command's reply is gathered during the
 * step that causes it and delivered from the loop, so that whoever gets it may do anything.
 */
#include "racoon/daemon/host_uv.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

struct lookup {
	uv_getaddrinfo_t req;
	struct list node;
	struct rd *d;
	uint64_t id;
	rd_resolved *done; /* NULL: nobody waits any longer */
	void *user;
};

/* ----------------------------------------------------------------------------------- commands */

static void
on_patience(uv_timer_t *t)
{
	rd_commands_timeouts(t->data);
}

bool
rd_commands_open(struct rd *d)
{
	list_init(&d->commands);
	list_init(&d->replied);
	list_init(&d->lookups);
	uv_timer_init(&d->loop, &d->patience);
	d->patience.data = d;
	return hash_init(&d->command_by_id, 64);
}

static uint64_t
id_hash(uint64_t id)
{
	return hash_more(0, id);
}

static struct rd_command *
find_command(struct rd *d, uint64_t id)
{
	struct hash_node *n = hash_find(&d->command_by_id, id_hash(id));

	for (; n != NULL; n = hash_again(n)) {
		struct rd_command *c = container_of(n, struct rd_command, by_id);

		if (c->id == id)
			return c;
	}
	return NULL;
}

static void
command_free(struct rd_command *c)
{
	hash_remove(&c->d->command_by_id, &c->by_id);
	list_remove(&c->node);
	c->d->command_count--;
	free(c);
}

/* One timer for all: at the earliest of their ends. */
static void
arm_patience(struct rd *d)
{
	uint64_t first = 0, now = rd_now(d);

	LIST_FOREACH(at, &d->commands) {
		struct rd_command *c = container_of(at, struct rd_command, node);

		if (c->due != 0 && (first == 0 || c->due < first))
			first = c->due;
	}
	if (d->closing)
		return;
	if (first == 0)
		uv_timer_stop(&d->patience);
	else
		uv_timer_start(&d->patience, on_patience, first > now ? first - now : 0, 0);
}

uint64_t
rd_submit(struct rd *d, const struct ike_command *command, int64_t timeout_ms, rd_reply *done,
	void *user)
{
	struct ike_event ev = { .type = IKE_EV_COMMAND, .command = *command };
	struct rd_command *c;

	if (d->command_count >= RD_COMMANDS_MAX || d->closing)
		return 0;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return 0;
	c->d = d;
	c->id = ++d->last_id;
	c->done = done;
	c->user = user;
	c->due = timeout_ms > 0 ? rd_now(d) + (uint64_t)timeout_ms : 0;
	hash_insert(&d->command_by_id, &c->by_id, id_hash(c->id));
	list_append(&d->commands, &c->node);
	d->command_count++;
	arm_patience(d);
	ev.command.id = c->id;
	rd_step(d, &ev);
	return ev.command.id;
}

static void
tell_engine_cancelled(struct rd *d, uint64_t id)
{
	struct ike_event ev = { .type = IKE_EV_COMMAND,
		.command = { .type = IKE_CMD_CANCEL, .cancels = id } };

	rd_step(d, &ev);
}

void
rd_cancel(struct rd *d, uint64_t id)
{
	struct rd_command *c = find_command(d, id);

	if (c == NULL)
		return;
	command_free(c);
	arm_patience(d);
	tell_engine_cancelled(d, id);
}

static void
move_to_replied(struct rd_command *c)
{
	c->replied = true;
	list_remove(&c->node);
	list_append(&c->d->replied, &c->node);
}

bool
rd_is_answered(struct rd *d, uint64_t id)
{
	const struct rd_command *c = find_command(d, id);

	return c != NULL && c->replied;
}

void
rd_hand_over(struct rd *d, uint64_t id, rd_reply *done, void *user)
{
	struct rd_command *c = find_command(d, id);

	if (c == NULL)
		return;
	c->done = done;
	c->user = user;
}

/* An effect of the step that is under way. */
void
rd_commands_reply(struct rd *d, const struct ike_effect *fx)
{
	struct rd_command *c = find_command(d, fx->id);

	if (c == NULL || c->replied)
		return;
	c->status = fx->reply.status;
	c->remote = fx->reply.remote;
	snprintf(c->detail, sizeof(c->detail), "%s",
		fx->reply.detail != NULL ? fx->reply.detail : "");
	move_to_replied(c);
}

static struct rd_command *
overdue(struct rd *d)
{
	LIST_FOREACH(at, &d->commands) {
		struct rd_command *c = container_of(at, struct rd_command, node);

		if (c->due != 0 && c->due <= rd_now(d))
			return c;
	}
	return NULL;
}

void
rd_commands_timeouts(struct rd *d)
{
	struct rd_command *c;

	while ((c = overdue(d)) != NULL) {
		c->status = ST_TIMEOUT;
		snprintf(c->detail, sizeof(c->detail), "the negotiation goes on");
		move_to_replied(c);
		tell_engine_cancelled(d, c->id); /* this step may bring replies to others */
	}
	arm_patience(d);
}

void
rd_commands_deliver(struct rd *d)
{
	while (!list_empty(&d->replied)) {
		struct rd_command *c = container_of(d->replied.next, struct rd_command, node);
		struct rd_command told = *c;

		command_free(c);
		if (told.done != NULL)
			told.done(told.user, told.status, &told.remote, told.detail);
	}
}

void
rd_commands_free(struct rd *d)
{
	rd_commands_deliver(d);
	while (!list_empty(&d->commands))
		command_free(container_of(d->commands.next, struct rd_command, node));
	hash_free(&d->command_by_id);
}

/* ---------------------------------------------------------------------------------- host names */

static void
on_addresses(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct lookup *l = container_of(req, struct lookup, req);
	struct net_endpoint e = { 0 };
	bool good = status == 0 && found != NULL && net_from_sockaddr(found->ai_addr, &e);

	uv_freeaddrinfo(found);
	list_remove(&l->node);
	if (l->done != NULL && !l->d->closing)
		l->done(l->user, good ? &e.addr : NULL);
	free(l);
}

uint64_t
rd_resolve(struct rd *d, const char *name, rd_resolved *done, void *user)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
		.ai_family = d->options->family == 6 ? AF_INET6 :
			d->options->family == 4 ? AF_INET : AF_UNSPEC };
	struct lookup *l;

	if (strlen(name) > RD_NAME_MAX || d->closing)
		return 0;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return 0;
	l->d = d;
	l->id = ++d->last_lookup;
	l->done = done;
	l->user = user;
	if (uv_getaddrinfo(&d->loop, &l->req, on_addresses, name, NULL, &hints) != 0) {
		free(l);
		return 0;
	}
	list_append(&d->lookups, &l->node);
	return l->id;
}

void
rd_resolve_cancel(struct rd *d, uint64_t id)
{
	LIST_FOREACH(at, &d->lookups) {
		struct lookup *l = container_of(at, struct lookup, node);

		if (l->id == id)
			l->done = NULL;
	}
}

void
rd_lookups_cancel_all(struct rd *d)
{
	LIST_FOREACH(at, &d->lookups) {
		struct lookup *l = container_of(at, struct lookup, node);

		l->done = NULL;
		uv_cancel((uv_req_t *)&l->req);
	}
}
