/*
 * rd_fake.h - a made-up daemon for test_rd_verbs.c: host.h's functions, what they were asked, what
 * they are to answer.
 */
#ifndef TESTS_UNIT_RD_FAKE_H
#define TESTS_UNIT_RD_FAKE_H

#include "racoon/daemon/host.h"

struct question { /* of the SA database */
	rd_traffic_done *done;
	void *user;
	uint32_t spi;
};

static struct {
	struct question question[256];
	size_t questions;
	bool no_traffic, capturing;
	const uint8_t *cert;
	uint64_t answered; /* command that is answered at once */
	struct rc_config *config;
	struct ike_command command;
	rd_reply *done;
	void *user;
	int64_t timeout_ms;
	uint64_t submitted, cancelled;
	rd_resolved *resolved;
	void *resolved_user;
	rd_reply *ended;
	void *ended_user;
	enum log_level level;
	enum status reload;
	size_t sas, children, failures;
	uint64_t gone; /* serial of an SA that went away after it was looked at */
	struct net_addr host;
	bool full; /* too many commands */
} rd;

const struct ike *
rd_engine(const struct rd *d)
{
	(void)d;
	return NULL;
}

const struct rc_config *
rd_config(const struct rd *d)
{
	(void)d;
	return rd.config;
}

void
rd_state(const struct rd *d, struct rd_state *out)
{
	(void)d;
	*out = (struct rd_state){ .started = { 1000 }, .loaded = { 2000 }, .now = { 5000 },
		.sadb = "engine", .sadb_up = true, .sockets = 1, .journal = 7 };
}

static struct net_addr
addr(const char *text)
{
	struct net_addr a;

	assert_true(net_addr_parse(text, &a));
	return a;
}

bool
rd_socket(const struct rd *d, size_t index, struct net_endpoint *out)
{
	(void)d;
	*out = (struct net_endpoint){ addr("10.0.0.1"), 500 };
	return index == 0;
}

bool
rd_route_source(const struct rd *d, const struct net_addr *remote, struct net_addr *out)
{
	(void)d, (void)remote, (void)out;
	return false;
}

bool
rd_is_local(const struct rd *d, const struct net_addr *a)
{
	struct net_addr own = addr("10.0.0.1");

	(void)d;
	return net_addr_equal(a, &own);
}

struct rd_tickets *
rd_tickets_of(struct rd *d)
{
	static struct rd_tickets *tickets;

	(void)d;
	if (tickets == NULL)
		tickets = rd_tickets_new();
	return tickets;
}

const struct net_addr *
rd_host_address(const struct rd *d)
{
	(void)d;
	return rd.host.family == 0 ? NULL : &rd.host;
}

uint64_t
rd_submit(struct rd *d, const struct ike_command *command, int64_t timeout_ms, rd_reply *done,
	void *user)
{
	(void)d;
	if (rd.full)
		return 0;
	rd.command = *command;
	rd.timeout_ms = timeout_ms;
	rd.done = done;
	rd.user = user;
	return ++rd.submitted;
}

/* What the made-up daemon answers at once is answered when the loop goes on. */
bool
rd_is_answered(struct rd *d, uint64_t id)
{
	(void)d;
	return id == rd.answered;
}

void
rd_hand_over(struct rd *d, uint64_t id, rd_reply *done, void *user)
{
	(void)d;
	assert_int_equal(id, rd.submitted);
	rd.done = done;
	rd.user = user;
}

bool
rd_traffic(struct rd *d, enum sa_proto proto, const struct net_addr *src,
	const struct net_addr *dst, uint32_t spi, rd_traffic_done *done, void *user)
{
	(void)d;
	(void)src;
	(void)dst;
	assert_int_equal(proto, SA_ESP);
	if (rd.questions == ARRAY_LEN(rd.question) || rd.no_traffic)
		return false;
	rd.question[rd.questions++] = (struct question){ done, user, spi };
	return true;
}

void
rd_cancel(struct rd *d, uint64_t id)
{
	(void)d;
	rd.cancelled = id;
}

uint64_t
rd_resolve(struct rd *d, const char *name, rd_resolved *done, void *user)
{
	(void)d;
	if (strcmp(name, "unknown.example") == 0)
		return 0;
	rd.resolved = done;
	rd.resolved_user = user;
	return 1;
}

void
rd_resolve_cancel(struct rd *d, uint64_t id)
{
	(void)d;
	(void)id;
	rd.resolved = NULL;
}

enum status
rd_reload(struct rd *d, struct rc_plan *plan, struct text *out)
{
	(void)d;
	*plan = (struct rc_plan){ 1, 2, 3, 4 };
	text_add(out, rd.reload == ST_NORMAL ? "remote 10.0.0.9: added\n" : "f:1:1: wrong\n");
	return rd.reload;
}

enum status
rd_shutdown(struct rd *d, rd_reply *done, void *user)
{
	(void)d;
	rd.ended = done;
	rd.ended_user = user;
	return ST_NORMAL;
}

void
rd_shutdown_forget(struct rd *d, void *user)
{
	(void)d;
	assert_ptr_equal(user, rd.ended_user);
	rd.ended = NULL;
}

enum status
rd_capture_start(struct rd *d, const char *path, uint64_t octets, int64_t seconds, char *why,
	size_t size)
{
	(void)d;
	snprintf(why, size, "%s %llu %lld", path, (unsigned long long)octets, (long long)seconds);
	rd.capturing = true;
	return ST_NORMAL;
}

void
rd_capture_stop(struct rd *d, const char *why)
{
	(void)d;
	(void)why;
	rd.capturing = false;
}

bool
rd_capture_state(const struct rd *d, struct text *out)
{
	(void)d;
	if (rd.capturing && out != NULL)
		text_add(out, "to here");
	return rd.capturing;
}

void
rd_debug(struct rd *d, enum log_level level)
{
	(void)d;
	rd.level = level;
}

enum log_level
rd_base_level(const struct rd *d)
{
	(void)d;
	return LOG_L_INFO;
}

#endif
