/*
 * show.c - SHOW: which sections, in text or JSON, as far as the asker reads.
 *
 * The verb of that name.  Each section is a row with a function that gives the next item; between
 * items SHOW stops when too much is unsent and goes on when that has drained, so that a hundred
 * thousand SAs cost no more memory than one screen; and every SHOW_TURN items negotiations have
 * their turn.  JSON answers are one value over many lines.
 */
#include "racoon/daemon/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOW_ROWS_MAX = 16 };

#define KEYS_ISAKMP                                                                                \
	(SHOW_KEY(SERIAL) | SHOW_KEY(LOCAL) | SHOW_KEY(REMOTE) | SHOW_KEY(STATE) |                 \
		SHOW_KEY(SIDE) | SHOW_KEY(CREATED) | SHOW_KEY(EXPIRES) | SHOW_KEY(SECTION) |       \
		SHOW_KEY(IPSEC))

const struct show_row show_rows[] = {
	{ "STATE", "state", NULL, NULL, true, false, NULL, show_state, 0, NULL },
	{ "ISAKMP", "isakmp",
		"SA       Local                  Remote                 Cookies                    "
		"       "
		"Side State        Expires in  IPsec",
		"no ISAKMP SAs", true, false,
		"serial,local,local_port,remote,remote_port,cookies,side,exchange,state,"
		"established,dying,remote_section,encryption,encryption_bits,hash,dh_group,"
		"peer_id,created,expires_in,children,authentication,lifetime,nat,nat_traversal,dpd,"
		"dpd_asked,dpd_unanswered,certificate", show_isakmp, KEYS_ISAKMP,
		show_isakmp_look },
	{ "IPSEC", "ipsec",
		"SA       Local                  Remote                 Proto/Mode    In       Out "
		"     "
		"State        Expires in  Selector",
		"no IPsec SAs", true, false,
		"serial,parent,local,remote,protocol,mode,spi_in,spi_out,selector,encryption,"
		"encryption_bits,authentication,pfs_group,side,state,established,created,"
		"expires_in,lifetime,lifetime_octets,compression,udp,octets_in,octets_out,"
		"packets_in,packets_out,octets_left,used", show_ipsec,
		SHOW_KEY(SERIAL) | SHOW_KEY(LOCAL) | SHOW_KEY(REMOTE) | SHOW_KEY(STATE) |
			SHOW_KEY(SIDE) | SHOW_KEY(CREATED) | SHOW_KEY(EXPIRES) |
			SHOW_KEY(PROTOCOL) | SHOW_KEY(SPI), show_ipsec_look },
	{ "PEERS", "peers",
		"Peer                   Address                State         ISAKMP  IPsec  Last "
		"failure",
		"no remote sections", false, false, NULL, show_peer,
		SHOW_KEY(REMOTE) | SHOW_KEY(STATE) | SHOW_KEY(CREATED) | SHOW_KEY(SECTION) |
			SHOW_KEY(IPSEC), NULL },
	{ "FAILURES", "failures", NULL, "no failures", false, false,
		"when,phase,local,remote,ident,text,detail,peer_notify,remedy,serial", show_failure,
		SHOW_KEY(LOCAL) | SHOW_KEY(REMOTE) | SHOW_KEY(STATE) | SHOW_KEY(CREATED), NULL },
	{ "COUNTERS", "counters", NULL, NULL, false, false, NULL, show_counters, 0, NULL },
	{ "LIMITS", "limits", NULL, NULL, false, false, NULL, show_limits, 0, NULL },
	{ "SCHEDULE", "schedule", "In          SA       Peer                   Event",
		"nothing is scheduled", false, false,
		"in,serial,remote,event,at,created", show_schedule,
		SHOW_KEY(SERIAL) | SHOW_KEY(REMOTE) | SHOW_KEY(CREATED) | SHOW_KEY(EXPIRES), NULL },
	{ "TICKETS", "tickets", "Ticket   Peer                   Begun                    Result",
		"no tickets", false, false, "ticket,remote,begun,ended,ident,detail", show_ticket,
		SHOW_KEY(SERIAL) | SHOW_KEY(REMOTE) | SHOW_KEY(STATE) | SHOW_KEY(CREATED), NULL },
	{ "CONFIG", "config", NULL, NULL, false, false, NULL, show_config, 0, NULL },
	{ "CERTIFICATE", "certificates", NULL, "no peer has shown a certificate", false, true, NULL,
		show_certificate, KEYS_ISAKMP, show_isakmp_look },
	{ "METRICS", "metrics", NULL, NULL, false, true, NULL, show_metrics, 0, NULL },
	{ .name = NULL },
};

/* -------------------------------------------------------------------------------------- helpers */

const char *
show_until(const struct show *s, instant when, char *buf, size_t size)
{
	if (when.ms == INSTANT_NEVER.ms)
		snprintf(buf, size, "-");
	else
		when_delta(buf, size, when.ms > s->now.ms ? when.ms - s->now.ms : 0);
	return buf;
}

int64_t
show_seconds(const struct show *s, instant when)
{
	return when.ms > s->now.ms ? (when.ms - s->now.ms) / 1000 : 0;
}

void
show_json_endpoint(struct json *j, const char *name, const char *port_name,
	const struct net_endpoint *e)
{
	char buf[NET_ADDR_TEXT];

	json_string(j, name, e->addr.family == 0 ? NULL :
		net_addr_text(buf, sizeof(buf), &e->addr));
	json_uint(j, port_name, e->port);
}

/* ----------------------------------------------------------------------------------- the walk */

static void
show_over(struct show *s, enum status status, const char *why)
{
	struct ctl_call *call = s->call;

	show_peers_free(s);
	show_batch_free(s);
	show_sort_free(s);
	text_free(&s->out);
	free(s);
	call->state = NULL;
	call->cancel = call->resume = NULL;
	ctl_done(call, status, "%s", why);
}

static void
show_end(struct show *s)
{
	if (s->call->json && !s->csv)
		ctl_line(s->call, "}");
	show_over(s, ST_NORMAL, "");
}

void
show_fail(struct show *s, enum status status, const char *why)
{
	show_over(s, status, why);
}

static void
show_cancel(struct ctl_call *call)
{
	show_over(call->state, ST_CANCELLED, "");
}

static void
section_head(struct show *s, const struct show_row *row, bool is_first, bool alone)
{
	if (s->csv) {
		ctl_line(s->call, "%s", row->csv);
		return;
	}
	if (s->call->json) {
		ctl_line(s->call, "%s\"%s\": [", is_first ? "" : ", ", row->key);
		return;
	}
	if (!is_first)
		ctl_line(s->call, "%s", "");
	if (!alone && row->title != NULL && row->none != NULL)
		ctl_line(s->call, "%s:", row->name);
}

static void
section_item(struct show *s, const struct show_row *row)
{
	struct text line = { 0 };

	if (s->csv) {
		show_csv(row->csv, text_str(&s->out), &line);
		ctl_text(s->call, text_str(&line));
		text_free(&line);
		s->first = false;
		return;
	}
	if (s->first && !s->call->json && row->title != NULL)
		ctl_text(s->call, row->title);
	ctl_text(s->call, text_str(&s->out));
	s->first = false;
}

static void
section_end(struct show *s, const struct show_row *row)
{
	if (s->csv)
		return;
	if (s->call->json)
		ctl_line(s->call, "]");
	else if (s->first && row->none != NULL)
		ctl_line(s->call, "%s", row->none);
}

static bool
is_first_wanted(const struct show *s)
{
	return (s->wanted & ((1u << s->at) - 1)) == 0;
}

static bool
one_item(struct show *s, const struct show_row *row)
{
	text_clear(&s->out);
	if (s->call->json && !s->csv && !s->first)
		text_add(&s->out, ", ");
	s->json = json_to(&s->out);
	return show_is_sorted(s) && row->look == NULL ? show_sorted_kept(s) : row->next(s);
}

/* The rest of a section; false: it is not over, and goes on later. */
static bool
section_go(struct show *s, const struct show_row *row)
{
	for (;;) {
		switch (show_sort_step(s, row)) {
		case SHOW_SORT_FAILED:
			return false;
		case SHOW_SORT_MORE:
			if (ctl_yield(s->call, show_go))
				return false;
			continue;
		case SHOW_SORT_DONE:
			break;
		}
		break;
	}
	for (unsigned shown = 0;; shown++) {
		if (shown >= SHOW_TURN) {
			if (ctl_yield(s->call, show_go))
				return false;
			shown = 0;
		}
		if (ctl_congested(s->call)) {
			s->call->resume = show_go;
			return false;
		}
		if (!one_item(s, row))
			return !s->waiting;
		section_item(s, row);
	}
}

void
show_go(struct ctl_call *call)
{
	struct show *s = call->state;
	struct rd_state state;

	rd_state(s->d, &state);
	s->now = state.now;
	for (; show_rows[s->at].name != NULL; s->at++) {
		const struct show_row *row = &show_rows[s->at];

		if ((s->wanted & 1u << s->at) == 0)
			continue;
		if (!s->begun) {
			section_head(s, row, is_first_wanted(s), s->wanted == 1u << s->at);
			s->begun = s->first = true;
			s->cursor = 0;
			s->index = 0;
			s->timers = (struct ike_timer_walk){ 0 };
		}
		if (!section_go(s, row))
			return;
		section_end(s, row);
		show_sort_end(s);
		s->begun = false;
	}
	show_end(s);
}

bool
show_wants(const struct show *s, const struct net_endpoint *remote, const char *state,
	bool established, wall created)
{
	char addr[NET_ADDR_TEXT];

	if (s->glob != NULL &&
		!text_glob(s->glob, net_addr_text(addr, sizeof(addr), &remote->addr), false))
		return false;
	if (s->state != NULL && !text_prefix(s->state, state) &&
		!(established && text_prefix(s->state, "ESTABLISHED")))
		return false;
	return created.ms >= s->since.ms;
}

/* What narrows the answer; false: the call was ended. */
static bool
take_filters(struct show *s, unsigned section)
{
	struct ctl_call *call = s->call;
	const char *format = cmd_qual(call->cmd, "FORMAT"), *since = cmd_qual(call->cmd, "SINCE");
	const char *local = cmd_qual(call->cmd, "LOCAL");
	bool one = s->wanted == 1u << section;

	s->glob = ctl_param(call, 1);
	s->state = cmd_qual(call->cmd, "STATE");
	s->csv = format != NULL && text_same(format, "CSV");
	if (since != NULL && !when_parse(since, when_wall(), &s->since)) {
		ctl_done(call, ST_IVPARM,
			"\\%s\\ is no time: 21-NOV-2026:10:22, 10:22, TODAY or -0:30", since);
		return false;
	}
	if (local != NULL && !net_addr_parse(local, &s->local)) {
		ctl_done(call, ST_IVPARM, "/LOCAL=%s: an address is expected", local);
		return false;
	}
	s->local = net_addr_normal(s->local);
	if (s->csv && (!one || show_rows[section].csv == NULL)) {
		ctl_done(call, ST_IVPARM, "/FORMAT=CSV is for one of ISAKMP, IPSEC, FAILURES, "
			"SCHEDULE and TICKETS");
		return false;
	}
	if (cmd_qual(call->cmd, "SORT") != NULL && !show_sort_take(s, cmd_qual(call->cmd, "SORT")))
		return false;
	call->json = call->json || s->csv; /* the lines are made of the objects */
	return true;
}

static void
unknown_section(struct ctl_call *call, const char *const *names, const char *typed, bool ambiguous)
{
	struct text list = { .limit = 512 };

	for (; *names != NULL; names++)
		if (!ambiguous || text_prefix(typed, *names))
			text_addf(&list, "%s%s", list.n > 0 ? ", " : "", *names);
	ctl_done(call, ST_IVKEYW, "\\%s\\ %s %s", typed,
		ambiguous ? "may be" : "is none of", text_str(&list));
	text_free(&list);
}

void
show_run(struct ctl_call *call)
{
	const char *names[SHOW_ROWS_MAX + 2], *param = ctl_param(call, 0);
	struct show *s;
	unsigned n = 0, wanted = 0, all = 0;
	int which = 0;

	for (; show_rows[n].name != NULL; n++) {
		names[n] = show_rows[n].name;
		all |= show_rows[n].apart ? 0 : 1u << n;
		if (param == NULL && show_rows[n].by_default)
			wanted |= 1u << n;
	}
	names[n] = "ALL";
	names[n + 1] = NULL;
	if (param != NULL) {
		which = verb_keyword(names, param);
		if (which < 0) {
			unknown_section(call, names, param, which == -2);
			return;
		}
		wanted = (unsigned)which == n ? all : 1u << which;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		ctl_done(call, ST_NOMEMORY, NULL);
		return;
	}
	s->call = call;
	s->d = call->user;
	s->wanted = wanted;
	s->full = cmd_qual(call->cmd, "FULL") != NULL;
	if (!take_filters(s, param != NULL && (unsigned)which < n ? (unsigned)which : 0)) {
		free(s);
		return;
	}
	call->state = s;
	call->cancel = show_cancel;
	if (call->json && !s->csv)
		ctl_line(call, "{ \"schema\": \"multinet.racoon.show\", \"version\": 1, ");
	show_go(call);
}
