/*
 * ipsecd_verbs.c - what an operator can ask of service IPSEC.
 *
 * The verb table and its functions; called by the control session.  SHOW SAD and SHOW SPD are dumps
 * of a client that is no socket: they yield while the asker does not read.  Keys are never shown
 * here; setkey -D shows them to the superuser.
 */
#include "ipsec/ipsecd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ipsec/dp_guard.h"
#include "lib/log.h"
#include "lib/metrics.h"

/* ------------------------------------------------------------------------------------- lists */

static void
sa_text(const struct ipsecd *d, struct text *line, const struct ipsec_sa *sa)
{
	char src[NET_ADDR_TEXT], dst[NET_ADDR_TEXT];
	struct eng_wrong wrong;

	text_addf(line, "%-6s 0x%08" PRIx32 " %s -> %s %s %s reqid %" PRIu32,
		sa_proto_name(sa->proto), sa->spi, net_addr_text(src, sizeof(src), &sa->src.addr),
		net_addr_text(dst, sizeof(dst), &sa->dst.addr), sa_mode_name(sa->mode),
		sa_state_name(sa->state), sa->reqid);
	for (unsigned i = 0; i < 3; i++) {
		const struct alg *a = i == 0 ? sa->encr : i == 1 ? sa->auth : sa->comp;

		if (a != NULL)
			text_addf(line, " %s", a->name);
	}
	if ((sa->flags & SA_F_ESN) != 0)
		text_add(line, " esn");
	if ((sa->flags & SA_F_OLD) != 0)
		text_add(line, " old");
	if (sa->natt)
		text_addf(line, " udp %u-%u%s", sa->src.port, sa->dst.port,
			sa->natt_non_ike ? " non-ike" : "");
	text_addf(line, " replay %" PRIu32 " octets %" PRIu64 " packets %" PRIu32, sa->replay,
		sa->current.bytes, sa->current.allocations);
	if (eng_sa_wrong(d->eng, &sa->dst.addr, sa->proto, sa->spi, &wrong) &&
		wrong.replayed + wrong.bad_icv + wrong.other != 0)
		text_addf(line, " replayed %" PRIu64 " bad-icv %" PRIu64 " refused %" PRIu64,
			wrong.replayed, wrong.bad_icv, wrong.other);
}

static void
sa_json(const struct ipsecd *d, struct json *j, const struct ipsec_sa *sa)
{
	char a[NET_ADDR_TEXT];
	struct eng_wrong wrong = { 0 };

	json_string(j, "protocol", sa_proto_name(sa->proto));
	json_uint(j, "spi", sa->spi);
	json_string(j, "source", net_addr_text(a, sizeof(a), &sa->src.addr));
	json_string(j, "destination", net_addr_text(a, sizeof(a), &sa->dst.addr));
	json_string(j, "mode", sa_mode_name(sa->mode));
	json_string(j, "state", sa_state_name(sa->state));
	json_uint(j, "reqid", sa->reqid);
	json_string(j, "encryption", sa->encr != NULL ? sa->encr->name : NULL);
	json_string(j, "authentication", sa->auth != NULL ? sa->auth->name : NULL);
	json_uint(j, "replay_window", sa->replay);
	json_string(j, "compression", sa->comp != NULL ? sa->comp->name : NULL);
	json_bool(j, "extended_sequence_numbers", (sa->flags & SA_F_ESN) != 0);
	json_bool(j, "udp_encapsulation", sa->natt);
	json_uint(j, "sequence", (uint64_t)sa->seq_high << 32 | sa->seq);
	json_uint(j, "octets", sa->current.bytes);
	json_uint(j, "packets", sa->current.allocations);
	json_uint(j, "hard_seconds", sa->hard.add_s);
	json_uint(j, "soft_seconds", sa->soft.add_s);
	(void)eng_sa_wrong(d->eng, &sa->dst.addr, sa->proto, sa->spi, &wrong);
	json_uint(j, "replayed", wrong.replayed);
	json_uint(j, "bad_icv", wrong.bad_icv);
	json_uint(j, "refused", wrong.other);
}

static const char *
direction(enum sp_dir dir)
{
	switch (dir) {
	case SP_IN:
		return "in";
	case SP_OUT:
		return "out";
	case SP_FWD:
		return "fwd";
	}
	return "?";
}

static const char *
action(enum sp_action a)
{
	switch (a) {
	case SP_DISCARD:
		return "discard";
	case SP_PASS:
		return "none";
	case SP_IPSEC:
		return "ipsec";
	case SP_ENTRUST:
		return "entrust";
	case SP_BYPASS:
		return "bypass";
	}
	return "?";
}

static const char *
level(enum sp_level l)
{
	switch (l) {
	case SP_DEFAULT:
		return "default";
	case SP_USE:
		return "use";
	case SP_REQUIRE:
		return "require";
	case SP_UNIQUE:
		return "unique";
	}
	return "?";
}

static const char *
rule_text(char *buf, size_t size, const struct sp_rule *r)
{
	char src[NET_ADDR_TEXT] = "", dst[NET_ADDR_TEXT] = "";
	bool ends = r->src.addr.family != 0;

	if (ends) {
		net_addr_text(src, sizeof(src), &r->src.addr);
		net_addr_text(dst, sizeof(dst), &r->dst.addr);
	}
	snprintf(buf, size, "%s/%s/%s%s%s/%s", sa_proto_name(r->proto), sa_mode_name(r->mode), src,
		ends ? "-" : "", dst, level(r->level));
	return buf;
}

static const char *
upper_text(char *buf, size_t size, uint8_t upper)
{
	if (upper == SP_UPPER_ANY)
		snprintf(buf, size, "any");
	else
		snprintf(buf, size, "%u", upper);
	return buf;
}

static const char *
port_text(char *buf, size_t size, uint16_t port)
{
	if (port == 0)
		buf[0] = '\0';
	else
		snprintf(buf, size, "[%u]", port);
	return buf;
}

static void
sp_text(struct text *line, const struct ipsec_policy *sp)
{
	char src[NET_PREFIX_TEXT], dst[NET_PREFIX_TEXT], upper[8], sport[8], dport[8];
	char rule[192];

	text_addf(line, "%-3s %s%s %s%s %s %s", direction(sp->dir),
		net_prefix_text(src, sizeof(src), &sp->sel.src),
		port_text(sport, sizeof(sport), sp->sel.sport),
		net_prefix_text(dst, sizeof(dst), &sp->sel.dst),
		port_text(dport, sizeof(dport), sp->sel.dport),
		upper_text(upper, sizeof(upper), sp->sel.upper), action(sp->action));
	for (unsigned i = 0; i < sp->rules; i++)
		text_addf(line, " %s", rule_text(rule, sizeof(rule), &sp->rule[i]));
	text_addf(line, " spid %" PRIu32 " octets %" PRIu64 " packets %" PRIu32, sp->id,
		sp->current.bytes, sp->current.allocations);
}

static void
sp_json(struct json *j, const struct ipsec_policy *sp)
{
	char buf[192];

	json_uint(j, "spid", sp->id);
	json_string(j, "direction", direction(sp->dir));
	json_string(j, "source", net_prefix_text(buf, sizeof(buf), &sp->sel.src));
	json_string(j, "destination", net_prefix_text(buf, sizeof(buf), &sp->sel.dst));
	json_string(j, "upper", upper_text(buf, sizeof(buf), sp->sel.upper));
	json_uint(j, "source_port", sp->sel.sport);
	json_uint(j, "destination_port", sp->sel.dport);
	json_string(j, "action", action(sp->action));
	json_uint(j, "priority", sp->priority);
	json_uint(j, "octets", sp->current.bytes);
	json_uint(j, "packets", sp->current.allocations);
	json_array(j, "rules");
	for (unsigned i = 0; i < sp->rules; i++)
		json_string(j, NULL, rule_text(buf, sizeof(buf), &sp->rule[i]));
	json_end(j);
}

/* One entry; lists in JSON go out line by line, which together are one document. */
static void
entry(struct ipsecd_show *s, const struct sadb_msg *m)
{
	struct json j = json_to(&s->line);

	text_clear(&s->line);
	if (s->call->json && s->entries > 0)
		text_add(&s->line, ",");
	s->entries++;
	if (s->call->json) {
		json_object(&j, NULL);
		if (m->has_sa)
			sa_json(s->call->user, &j, &m->sa);
		else
			sp_json(&j, &m->sp);
		json_end(&j);
	} else if (m->has_sa) {
		sa_text(s->call->user, &s->line, &m->sa);
	} else {
		sp_text(&s->line, &m->sp);
	}
	ctl_text(s->call, text_str(&s->line));
}

static void
show_end(struct ipsecd *d, struct ipsecd_show *s, enum status status)
{
	struct ctl_call *call = s->call;

	s->call = NULL;
	ipsecd_sort_free(s->sort);
	text_free(&s->line);
	s->sort = NULL;
	eng_client_gone(d->eng, s->client);
	if (call->json)
		ctl_text(call, "]}");
	ctl_done(call, status, "%zu entries", s->entries);
}

static struct ipsecd_show *
show_of(struct ipsecd *d, const struct ctl_call *call)
{
	for (unsigned i = 0; i < IPSECD_SHOWS_MAX; i++)
		if (d->show[i].call == call)
			return &d->show[i];
	return NULL;
}

static void
show_cancel(struct ctl_call *call)
{
	struct ipsecd *d = call->user;
	struct ipsecd_show *s = show_of(d, call);

	if (s != NULL)
		show_end(d, s, ST_CANCELLED);
}

static void
show_resume(struct ctl_call *call)
{
	struct ipsecd *d = call->user;
	struct ipsecd_show *s = show_of(d, call);

	call->resume = NULL;
	if (s == NULL)
		return;
	eng_client_pause(d->eng, s->client, false);
	d->poke(d);
}

/* The next entry in order, when the asker can take it. */
static void
show_next(struct ipsecd *d, struct ipsecd_show *s)
{
	struct sadb_msg ask;

	if (!ipsecd_sort_take(s->sort, &ask)) {
		show_end(d, s, ST_NORMAL);
		return;
	}
	eng_control(d->eng, when_now(), when_wall(), s->client, &ask);
	d->poke(d);
}

static void
show_next_later(struct ctl_call *call)
{
	struct ipsecd *d = call->user;
	struct ipsecd_show *s = show_of(d, call);

	if (s != NULL)
		show_next(d, s);
}

/* An answer for a list that is sorted: first all entries, then each again. */
static void
sorted_answer(struct ipsecd *d, struct ipsecd_show *s, const struct eng_answer *a)
{
	enum status status;

	if (s->taking) {
		if (a->msg.error == 0)
			entry(s, &a->msg);
	} else {
		status = a->msg.error == 0 ? ipsecd_sort_add(s->sort, &a->msg) : ST_NORMAL;
		if (status != ST_NORMAL) {
			show_end(d, s, status);
			return;
		}
		s->taking = a->msg.error != 0 || a->msg.seq == 0;
		if (!s->taking)
			return;
	}
	if (ctl_congested(s->call))
		s->call->resume = show_next_later;
	else
		show_next(d, s);
}

bool
ipsecd_show_answer(struct ipsecd *d, const struct eng_answer *a)
{
	struct ipsecd_show *s;
	bool last;

	if (a->client <= IPSECD_SELF || a->client > IPSECD_SELF + IPSECD_SHOWS_MAX)
		return false;
	s = &d->show[a->client - IPSECD_SELF - 1];
	if (s->call == NULL)
		return true;
	if (s->sort != NULL) {
		sorted_answer(d, s, a);
		return true;
	}
	last = a->msg.error != 0 || a->msg.seq == 0;
	if (a->msg.error == 0)
		entry(s, &a->msg);
	if (last) {
		show_end(d, s, ST_NORMAL); /* an empty database answers with an error */
	} else if (ctl_congested(s->call)) {
		eng_client_pause(d->eng, s->client, true);
		s->call->resume = show_resume;
	}
	return true;
}

static void
show_list(struct ctl_call *call, enum sadb_op op)
{
	struct ipsecd *d = call->user;
	struct ipsecd_show *s = show_of(d, NULL);
	const char *keys = cmd_qual(call->cmd, "SORT");
	struct sadb_msg m = { .op = op };
	char why[320];
	enum status status;

	if (s == NULL) {
		ctl_done(call, ST_LIMIT, "%d lists are being shown already", IPSECD_SHOWS_MAX);
		return;
	}
	s->taking = false;
	why[0] = '\0';
	status = keys == NULL ? ST_NORMAL :
		ipsecd_sort_new(keys, op == SADB_OP_DUMP, &s->sort, why, sizeof(why));
	if (status != ST_NORMAL) {
		ctl_done(call, status, "%s", why);
		return;
	}
	s->call = call;
	s->client = IPSECD_SELF + 1 + (uint32_t)(s - d->show);
	s->entries = 0;
	call->cancel = show_cancel;
	if (call->json)
		ctl_line(call, "{\"schema\":\"multinet.ipsec.%s\",\"version\":1,\"entries\":[",
			op == SADB_OP_DUMP ? "sad" : "spd");
	eng_control(d->eng, when_now(), when_wall(), s->client, &m);
	d->poke(d);
}

/* ------------------------------------------------------------------------------------ numbers */

static void
show_json(struct ctl_call *call, const char *what, void (*fill)(struct ipsecd *d, struct json *j))
{
	struct text out = { 0 };
	struct json j = json_to(&out);
	char schema[64];

	snprintf(schema, sizeof(schema), "multinet.ipsec.%s", what);
	json_object(&j, NULL);
	json_string(&j, "schema", schema);
	json_int(&j, "version", 1);
	fill(call->user, &j);
	json_end(&j);
	ctl_text(call, text_str(&out));
	text_free(&out);
	ctl_done(call, ST_NORMAL, NULL);
}

/* Names of counters are words; keys are in lower case with underscores between them. */
static const char *
key(char *buf, size_t size, const char *name)
{
	snprintf(buf, size, "%s", name);
	for (char *p = buf; *p != '\0'; p++)
		*p = *p == ' ' ? '_' : *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	return buf;
}

static void
fill_counters(struct ipsecd *d, struct json *j)
{
	struct dp_status st;
	char name[64];

	eng_add_cleartext(d->eng, dp_cleartext(d->dp));
	for (enum eng_count i = 0; i < ENG_N_COUNT; i++)
		json_uint(j, key(name, sizeof(name), eng_count_name(i)), eng_count(d->eng, i));
	dp_status(d->dp, &st);
	json_uint(j, "datapath_sent", st.sent);
	json_uint(j, "datapath_delivered", st.delivered);
	json_uint(j, "datapath_send_errors", st.send_errors);
	json_uint(j, "datapath_torn_fragments", st.torn);
	json_uint(j, "datapath_cut", st.cut);
}

static void
show_counters(struct ctl_call *call)
{
	struct ipsecd *d = call->user;
	struct dp_status st;

	if (call->json) {
		show_json(call, "counters", fill_counters);
		return;
	}
	eng_add_cleartext(d->eng, dp_cleartext(d->dp));
	for (enum eng_count i = 0; i < ENG_N_COUNT; i++) {
		uint64_t n = eng_count(d->eng, i);
		enum status condition = eng_count_condition(i);

		if (n == 0 || condition == ST_NORMAL)
			ctl_line(call, "%-24s %" PRIu64, eng_count_name(i), n);
		else
			ctl_line(call, "%-24s %-10" PRIu64 " HELP/MESSAGE %s explains it",
				eng_count_name(i), n, status_row(condition)->ident);
	}
	dp_status(d->dp, &st);
	ctl_line(call, "%-24s %" PRIu64, "datapath sent", st.sent);
	ctl_line(call, "%-24s %" PRIu64, "datapath delivered", st.delivered);
	ctl_line(call, "%-24s %" PRIu64, "datapath send errors", st.send_errors);
	ctl_line(call, "%-24s %" PRIu64, "datapath torn fragments", st.torn);
	ctl_line(call, "%-24s %" PRIu64, "datapath cut", st.cut);
	ctl_done(call, ST_NORMAL, NULL);
}

static const struct { const char *name; uint64_t value; } limits[] = {
	{ "sas", ENG_SAS_MAX },
	{ "policies", ENG_POLICIES_MAX },
	{ "policy_rules", SP_RULES_MAX },
	{ "replay_window", ENG_WINDOW_MAX },
	{ "held_packets", ENG_HELD_MAX },
	{ "held_packets_per_policy", ENG_HELD_PER_POLICY },
	{ "acquire_seconds", ENG_ACQUIRE_S },
	{ "nesting", ENG_NESTING_MAX },
	{ "clients", DP_CLIENTS_MAX },
	{ "client_unread_octets", DP_CLIENT_UNREAD_MAX },
	{ "guard_ranks", DP_GUARD_RANKS_MAX },
	{ "guard_shapes", DP_GUARD_SHAPES_MAX },
};

static void
fill_limits(struct ipsecd *d, struct json *j)
{
	(void)d;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		json_uint(j, limits[i].name, limits[i].value);
}

static void
show_limits(struct ctl_call *call)
{
	if (call->json) {
		show_json(call, "limits", fill_limits);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		ctl_line(call, "%-24s %" PRIu64, limits[i].name, limits[i].value);
	ctl_done(call, ST_NORMAL, NULL);
}

static void
fill_status(struct ipsecd *d, struct json *j)
{
	struct dp_status st;

	dp_status(d->dp, &st);
	json_string(j, "socket", d->socket);
	json_int(j, "uptime_seconds", instant_diff(when_now(), d->started_at) / 1000);
	json_string(j, "device", st.tun);
	json_uint(j, "mtu", st.mtu);
	json_bool(j, "guard", st.guard);
	json_string(j, "guard_reason", st.guard ? NULL : st.guard_why);
	json_uint(j, "guard_rules", st.guard_rules);
	json_uint(j, "routes", st.routes);
	json_uint(j, "sas", eng_sa_count(d->eng));
	json_uint(j, "policies", eng_policy_count(d->eng));
	json_uint(j, "clients", dp_keys_count(d->keys));
}

static void
show_status(struct ctl_call *call)
{
	struct ipsecd *d = call->user;
	struct dp_status st;
	char date[32], up[32];

	if (call->json) {
		show_json(call, "status", fill_status);
		return;
	}
	dp_status(d->dp, &st);
	ctl_line(call, "Started:   %s, up %s", when_vms(date, sizeof(date), d->started),
		when_delta(up, sizeof(up), instant_diff(when_now(), d->started_at)));
	ctl_line(call, "Socket:    %s, %zu clients", d->socket, dp_keys_count(d->keys));
	ctl_line(call, "Databases: %zu SAs, %zu policies", eng_sa_count(d->eng),
		eng_policy_count(d->eng));
	ctl_line(call, "Datapath:  device %s, MTU %u, %zu routes", st.tun, st.mtu, st.routes);
	if (st.guard)
		ctl_line(call, "Guard:     %zu rules against cleartext", st.guard_rules);
	else
		ctl_line(call, "Guard:     none, cleartext is not kept out (%s)", st.guard_why);
	ctl_done(call, ST_NORMAL, NULL);
}

/* -------------------------------------------------------------------------------------- verbs */

enum { SHOW_SAD, SHOW_SPD, SHOW_COUNTERS, SHOW_LIMITS, SHOW_STATUS, SHOW_METRICS };

static void
show_metrics(struct ctl_call *call)
{
	static const char packets[] = "ipsec_packets_total";
	struct ipsecd *d = call->user;
	struct text out = { 0 };
	struct dp_status st;

	eng_add_cleartext(d->eng, dp_cleartext(d->dp));
	dp_status(d->dp, &st);
	metrics_single(&out, "ipsec_start_time_seconds", METRIC_GAUGE,
		"when the engine was started, seconds since 1970",
		(uint64_t)(d->started.ms / 1000));
	metrics_single(&out, "ipsec_sas", METRIC_GAUGE, "SAs, each way one",
		eng_sa_count(d->eng));
	metrics_single(&out, "ipsec_policies", METRIC_GAUGE, "policies", eng_policy_count(d->eng));
	metrics_family(&out, packets, METRIC_COUNTER, "what became of packets, as SHOW COUNTERS");
	for (enum eng_count i = 0; i < ENG_N_COUNT; i++) {
		const struct metric_label labels[] = { { "event", eng_count_name(i) },
			{ NULL, NULL } };

		metrics_sample(&out, packets, labels, eng_count(d->eng, i));
	}
	metrics_single(&out, "ipsec_datapath_sent_total", METRIC_COUNTER, "packets sent", st.sent);
	metrics_single(&out, "ipsec_datapath_delivered_total", METRIC_COUNTER,
		"packets handed to this host", st.delivered);
	metrics_single(&out, "ipsec_datapath_send_errors_total", METRIC_COUNTER,
		"packets that could not be sent", st.send_errors);
	if (out.n > 0)
		out.p[--out.n] = '\0';
	ctl_text(call, text_str(&out));
	text_free(&out);
	ctl_done(call, ST_NORMAL, NULL);
}

static void
verb_show(struct ctl_call *call)
{
	static const char *const words[] = { "SAD", "SPD", "COUNTERS", "LIMITS", "STATUS",
		"METRICS", NULL };
	const char *what = ctl_param(call, 0);
	int which = what == NULL ? SHOW_STATUS : verb_keyword(words, what);

	if (cmd_qual(call->cmd, "SORT") != NULL && which != SHOW_SAD && which != SHOW_SPD) {
		ctl_done(call, ST_IVQUAL, "/SORT is for lists: SAD, SPD");
		return;
	}
	switch (which) {
	case SHOW_SAD:
		show_list(call, SADB_OP_DUMP);
		return;
	case SHOW_SPD:
		show_list(call, SADB_OP_SPDDUMP);
		return;
	case SHOW_COUNTERS:
		show_counters(call);
		return;
	case SHOW_LIMITS:
		show_limits(call);
		return;
	case SHOW_STATUS:
		show_status(call);
		return;
	case SHOW_METRICS:
		show_metrics(call);
		return;
	}
	ctl_done(call, ST_IVKEYW, "\\%s\\, expected SAD, SPD, COUNTERS, LIMITS, STATUS or "
		"METRICS", what);
}

static void
verb_debug(struct ctl_call *call)
{
	const char *text = ctl_param(call, 0);
	char *end;
	long n = strtol(text, &end, 10);
	enum log_level to = n == 0 ? LOG_L_INFO : n == 1 ? LOG_L_DEBUG : LOG_L_DEBUG2;

	if (end == text || *end != '\0' || n < 0 || n > 9) {
		ctl_done(call, ST_IVPARM, "\\%s\\, expected a number from 0 (off) to 9", text);
		return;
	}
	log_set_level(to);
	ctl_done(call, ST_NORMAL, "logging from %s on", log_level_name(to));
}

static void
verb_shutdown(struct ctl_call *call)
{
	struct ipsecd *d = call->user;

	ctl_done(call, ST_SHUTTING, NULL);
	d->shut_down(d);
}

static const struct verb_qual quals_show[] = {
	{ "FORMAT", "TEXT|JSON", "form of the answer" },
	{ "SORT",
		"(SPI|SOURCE|DESTINATION|PROTOCOL|STATE|REQID|CREATED|OCTETS|DIRECTION|PRIORITY)",
		"a list in this order: up to four keys with commas between them, - before one that "
		"descends" },
	{ NULL, NULL, NULL },
};

const struct verb ipsecd_verbs[] = {
	{ "DEBUG", "level", 1, 1, NULL, CTL_OPERATOR, verb_debug,
		"set how much is logged", "0 turns debugging off, larger is more verbose." },
	{ "HELP", "[topic]", 0, 1, ctl_quals_help, CTL_READER, ctl_verb_help,
		"list the verbs or explain one", NULL },
	{ "MONITOR", "[ON|OFF|ALL|class...]", 0, 4, ctl_quals_monitor, CTL_READER, ctl_verb_monitor,
		"show log lines as they come", NULL },
	{ "NOOP", NULL, 0, 0, NULL, CTL_READER, ctl_verb_noop, "do nothing, successfully", NULL },
	{ "SHOW", "[SAD|SPD|COUNTERS|LIMITS|STATUS|METRICS]", 0, 1, quals_show, CTL_READER,
		verb_show,
		"show SAs, policies, counters, limits or the state",
		"STATUS when nothing is named. Keys are never shown; setkey -D shows them." },
	{ "SHUTDOWN", NULL, 0, 0, NULL, CTL_OPERATOR, verb_shutdown,
		"end the engine: routes, guard and device go, traffic flows unprotected", NULL },
	{ "STOP", NULL, 0, 0, NULL, CTL_OPERATOR, verb_shutdown, NULL, NULL },
	{ "VERSION", NULL, 0, 0, NULL, CTL_READER, ctl_verb_version, "tell the version", NULL },
	{ NULL, NULL, 0, 0, NULL, CTL_NOBODY, NULL, NULL, NULL },
};
