/*
 * verbs.c - RACOON's verbs on the control protocol.
 *
 * One row and one function each.  START, STOP and RESTART belong to the master server; everything
 * that has to do with the process's insides is here.  Verbs that take time end their call later,
 * from the loop; a session that goes away cancels them.
 */
#include "racoon/daemon/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "racoon/daemon/args.h"
#include "racoon/daemon/show.h"
#include "racoon/daemon/tickets.h"

enum { TIMEOUT_MAX_S = 3600, DEBUG_MAX = 9 };

static struct rd *
daemon_of(const struct ctl_call *call)
{
	return call->user;
}

/* ----------------------------------------------------------------------------------- ESTABLISH */

struct establish { /* one ESTABLISH (or DELETE) under way */
	struct ctl_call *call;
	struct ike_command command;
	const char *remote; /* as typed */
	int64_t timeout_ms;
	uint64_t id, lookup; /* what is being waited for */
	bool nowait;
};

static void
establish_end(struct establish *e, enum status status, const char *detail)
{
	struct ctl_call *call = e->call;

	call->cancel = NULL;
	free(e);
	ctl_done(call, status, "%s", detail);
}

static void
establish_replied(void *user, enum status status, const struct net_endpoint *remote,
	const char *detail)
{
	struct establish *e = user;
	char peer[NET_ADDR_TEXT], text[IKE_DETAIL_MAX + NET_ADDR_TEXT + 16];

	if (e->command.remote.family == 0 && (remote == NULL || remote->addr.family == 0)) {
		establish_end(e, status, detail); /* no peer was named */
		return;
	}
	net_addr_text(peer, sizeof(peer),
		remote != NULL && remote->addr.family != 0 ? &remote->addr : &e->command.remote);
	/* The engine's words, behind the peer's address when they do not tell it. */
	snprintf(text, sizeof(text), "%s%s%s", strstr(detail, peer) != NULL ? "" : peer,
		detail[0] != '\0' && strstr(detail, peer) == NULL ? ", " : "", detail);
	establish_end(e, status, text);
}

static void
establish_cancel(struct ctl_call *call)
{
	struct establish *e = call->state;

	if (e->id != 0)
		rd_cancel(daemon_of(call), e->id);
	if (e->lookup != 0)
		rd_resolve_cancel(daemon_of(call), e->lookup);
	establish_end(e, ST_CANCELLED, "");
}

static void
establish_submit(struct establish *e)
{
	struct rd *d = daemon_of(e->call);
	char peer[NET_ADDR_TEXT], text[NET_ADDR_TEXT + 40];
	uint64_t ticket;

	if (e->command.type == IKE_CMD_ESTABLISH && e->command.local.family == 0)
		(void)rd_route_source(d, &e->command.remote, &e->command.route);
	e->id = rd_submit(d, &e->command, e->timeout_ms, establish_replied, e);
	if (e->id == 0) {
		establish_end(e, ST_LIMIT, "too many commands wait for their answers");
		return;
	}
	/* What is decided at once is told at once, /NOWAIT or not. */
	if (!e->nowait || rd_is_answered(d, e->id))
		return;
	ticket = rd_ticket_begin(d, rd_tickets_of(d), &e->command, e->id);
	if (ticket == 0)
		return; /* then it is waited for */
	snprintf(text, sizeof(text), "ticket %" PRIu64 ", %s", ticket,
		net_addr_text(peer, sizeof(peer), &e->command.remote));
	establish_end(e, ST_NORMAL, text);
}

static void
establish_resolved(void *user, const struct net_addr *addr)
{
	struct establish *e = user;
	char text[RD_NAME_MAX + 64];

	e->lookup = 0;
	if (addr != NULL) {
		e->command.remote = net_addr_normal(*addr);
		establish_submit(e);
		return;
	}
	snprintf(text, sizeof(text), "no address is known for \\%s\\", e->remote);
	establish_end(e, ST_IVPARM, text);
}

/* An address, the name of a remote section, else a host name. */
static void
establish_begin(struct establish *e)
{
	struct rd *d = daemon_of(e->call);
	const struct rc_remote *r = rc_remote_named(rd_config(d), e->remote);
	char text[RD_NAME_MAX + 96];
	bool number;

	if (net_addr_parse(e->remote, &e->command.remote)) {
		e->command.remote = net_addr_normal(e->command.remote);
		establish_submit(e);
		return;
	}
	if (r != NULL && r->address.addr.family != 0) {
		e->command.remote = r->address.addr;
		establish_submit(e);
		return;
	}
	/* The resolver would take 5 for 0.0.0.5; nobody means it. */
	number = e->remote[strspn(e->remote, "0123456789.")] == '\0';
	e->lookup = r == NULL && !number ? rd_resolve(d, e->remote, establish_resolved, e) : 0;
	if (e->lookup != 0)
		return;
	snprintf(text, sizeof(text), "\\%.200s\\ is no address and names no peer%s", e->remote,
		number && e->command.type == IKE_CMD_DELETE ?
			" (an SA is named by #number)" : "");
	establish_end(e, ST_IVPARM, text);
}

/* The local address: as typed, else MULTINET_HOST_NAME's where that is ours and fits the peer's. */
static bool
local_address(struct ctl_call *call, const char *typed, struct net_addr *out)
{
	struct rd *d = daemon_of(call);
	const struct net_addr *host = rd_host_address(d);
	const char *remote = ctl_param(call, 0);
	struct net_addr peer;

	*out = (struct net_addr){ 0 };
	if (typed == NULL) {
		bool other = net_addr_parse(remote, &peer) && host != NULL &&
			peer.family != host->family;

		if (host != NULL && rd_is_local(d, host) && !other)
			*out = *host;
		return true;
	}
	if (!net_addr_parse(typed, out)) {
		ctl_done(call, ST_IVPARM, "\\%s\\: the local address has to be numeric", typed);
		return false;
	}
	*out = net_addr_normal(*out);
	if (!rd_is_local(d, out)) {
		ctl_done(call, ST_IVPARM, "%s is none of the addresses racoon listens at", typed);
		return false;
	}
	return true;
}

static bool
timeout_value(struct ctl_call *call, int64_t *ms)
{
	const char *value = cmd_qual(call->cmd, "TIMEOUT");
	unsigned long s;
	char *end;

	*ms = RD_ESTABLISH_MS;
	if (value == NULL)
		return true;
	s = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || s == 0 || s > TIMEOUT_MAX_S) {
		ctl_done(call, ST_VALREQ, "/TIMEOUT: expected 1 to %d seconds", TIMEOUT_MAX_S);
		return false;
	}
	*ms = (int64_t)s * 1000;
	return true;
}

static struct establish *
establish_new(struct ctl_call *call, enum ike_command_type type, int64_t timeout_ms)
{
	struct establish *e = calloc(1, sizeof(*e));

	if (e == NULL) {
		ctl_done(call, ST_NOMEMORY, NULL);
		return NULL;
	}
	e->call = call;
	e->remote = ctl_param(call, 0);
	e->timeout_ms = timeout_ms;
	e->command.type = type;
	call->state = e;
	call->cancel = establish_cancel;
	return e;
}

static void
verb_establish(struct ctl_call *call)
{
	bool policy = cmd_qual(call->cmd, "POLICY") != NULL;
	struct sp_selector sel = { 0 };
	struct net_addr local = { 0 };
	struct establish *e;
	int64_t ms;

	if (!timeout_value(call, &ms) ||
		!(policy ? rd_args_selector(call, &sel) :
			   local_address(call, ctl_param(call, 1), &local)))
		return;
	e = establish_new(call, IKE_CMD_ESTABLISH, ms);
	if (e == NULL)
		return;
	e->nowait = cmd_qual(call->cmd, "NOWAIT") != NULL;
	e->command.local = local;
	e->command.children = policy || cmd_qual(call->cmd, "CHILD") != NULL;
	e->command.remote_name = cmd_qual(call->cmd, "REMOTE");
	e->command.has_sel = policy;
	e->command.sel = sel;
	if (policy)
		establish_submit(e);
	else
		establish_begin(e);
}

/* What is to go; false: the call was ended. */
static bool
read_delete(struct ctl_call *call, struct ike_command *c)
{
	const char *proto = cmd_qual(call->cmd, "PROTOCOL"), *local = ctl_param(call, 1);

	*c = (struct ike_command){ .type = IKE_CMD_DELETE, .scope = IKE_SCOPE_ALL };
	if (proto != NULL && !rd_args_proto(call, proto, &c->proto))
		return false;
	if (cmd_qual(call->cmd, "POLICY") != NULL) {
		if (!rd_args_selector(call, &c->sel))
			return false;
		c->has_sel = true;
	} else if (local != NULL && !net_addr_parse(local, &c->local)) {
		ctl_done(call, ST_IVPARM, "\\%s\\: the local address has to be numeric", local);
		return false;
	}
	c->local = net_addr_normal(c->local);
	if (c->has_sel || c->proto != SA_NONE)
		c->scope = IKE_SCOPE_IPSEC;
	return true;
}

static void
verb_delete(struct ctl_call *call)
{
	struct ike_command command;
	struct establish *e;

	if (cmd_qual(call->cmd, "USER") != NULL) {
		ctl_done(call, ST_UNSUPPORTED, "/USER: nobody logs in, XAUTH is not there");
		return;
	}
	if (ctl_param(call, 0) == NULL) {
		ctl_done(call, ST_INSFPRM, "DELETE: a peer, #number, cookie or SPI is expected");
		return;
	}
	if (!read_delete(call, &command))
		return;
	e = establish_new(call, IKE_CMD_DELETE, RD_ESTABLISH_MS);
	if (e == NULL)
		return;
	e->command = command;
	if (e->command.has_sel || rd_args_one_sa(e->remote, &e->command))
		establish_submit(e);
	else
		establish_begin(e);
}

/* --------------------------------------------------------------------------- FLUSH, SHUTDOWN */

struct waiting { /* a call that waits for one command */
	struct ctl_call *call;
	uint64_t id;
};

static void
waiting_end(struct waiting *w, enum status status, const char *detail)
{
	struct ctl_call *call = w->call;

	call->cancel = NULL;
	free(w);
	ctl_done(call, status, "%s", detail);
}

static void
waiting_replied(void *user, enum status status, const struct net_endpoint *remote,
	const char *detail)
{
	(void)remote;
	waiting_end(user, status, detail);
}

static void
flush_cancel(struct ctl_call *call)
{
	struct waiting *w = call->state;

	rd_cancel(daemon_of(call), w->id);
	waiting_end(w, ST_CANCELLED, "");
}

static struct waiting *
wait_with(struct ctl_call *call, void (*cancel)(struct ctl_call *))
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		ctl_done(call, ST_NOMEMORY, NULL);
		return NULL;
	}
	w->call = call;
	call->state = w;
	call->cancel = cancel;
	return w;
}

static void
verb_flush(struct ctl_call *call)
{
	static const char *const words[] = { "ISAKMP", "IPSEC", "ALL", "ESP", "AH", NULL };
	static const enum ike_scope scopes[] = { IKE_SCOPE_ISAKMP, IKE_SCOPE_IPSEC, IKE_SCOPE_ALL,
		IKE_SCOPE_IPSEC, IKE_SCOPE_IPSEC };
	static const enum sa_proto protos[] = { SA_NONE, SA_NONE, SA_NONE, SA_ESP, SA_AH };
	struct ike_command command = { .type = IKE_CMD_FLUSH, .scope = IKE_SCOPE_ALL };
	const char *param = ctl_param(call, 0);
	struct waiting *w;
	int which;

	if (param != NULL) {
		which = verb_keyword(words, param);
		if (which < 0) {
			ctl_done(call, ST_IVKEYW, "\\%s\\: expected ISAKMP, IPSEC, ESP, AH or ALL",
				param);
			return;
		}
		command.scope = scopes[which];
		command.proto = protos[which];
	}
	w = wait_with(call, flush_cancel);
	if (w == NULL)
		return;
	w->id = rd_submit(daemon_of(call), &command, RD_ESTABLISH_MS, waiting_replied, w);
	if (w->id == 0)
		waiting_end(w, ST_LIMIT, "too many commands wait for their answers");
}

static void
shutdown_cancel(struct ctl_call *call)
{
	struct waiting *w = call->state;

	rd_shutdown_forget(daemon_of(call), w);
	waiting_end(w, ST_CANCELLED, "");
}

static void
shutdown_replied(void *user, enum status status, const struct net_endpoint *remote,
	const char *detail)
{
	(void)remote;
	(void)detail;
	waiting_end(user, status == ST_NORMAL ? ST_SHUTTING : status,
		status == ST_NORMAL ? "" : "ending all the same; not all SAs could be removed");
}

static void
verb_shutdown(struct ctl_call *call)
{
	struct waiting *w = wait_with(call, shutdown_cancel);
	enum status status;

	if (w == NULL)
		return;
	status = rd_shutdown(daemon_of(call), shutdown_replied, w);
	if (status != ST_NORMAL)
		waiting_end(w, status, "");
}

/* -------------------------------------------------------------------- RELOAD, DEBUG, MONITOR */

static void
verb_reload(struct ctl_call *call)
{
	struct text out = { 0 };
	struct rc_plan plan;
	enum status status = rd_reload(daemon_of(call), &plan, &out);

	ctl_text(call, text_str(&out));
	text_free(&out);
	if (status == ST_NORMAL)
		ctl_done(call, status, "%u kept, %u changed, %u removed, %u added", plan.kept,
			plan.changed, plan.removed, plan.added);
	else
		ctl_done(call, status, "the configuration in use stays");
}

static void
verb_debug(struct ctl_call *call)
{
	struct rd *d = daemon_of(call);
	const char *param = ctl_param(call, 0);
	enum log_level level = rd_base_level(d);
	unsigned long v;
	char *end;

	if (param == NULL) {
		call->looks = true;
		ctl_done(call, ST_NORMAL, "logging %s", log_level_name(log_level()));
		return;
	}
	v = strtoul(param, &end, 10);
	if (param[0] < '0' || param[0] > '9' || *end != '\0' || v > DEBUG_MAX) {
		ctl_done(call, ST_IVPARM, "\\%s\\: expected 0 (off) to %d", param, DEBUG_MAX);
		return;
	}
	if (v == 1 && level < LOG_L_DEBUG)
		level = LOG_L_DEBUG;
	else if (v > 1)
		level = LOG_L_DEBUG2;
	rd_debug(d, level);
	ctl_done(call, ST_NORMAL, "logging %s", log_level_name(level));
}

/* ------------------------------------------------------------------------------------ the table */

static const struct verb_qual quals_establish[] = {
	{ "CHILD", NULL, "also the IPsec SAs that the policies ask for" },
	{ "TIMEOUT", "seconds", "wait so long for the end (120)" },
	{ "NOWAIT", NULL, "a ticket at once; MONITOR and SHOW TICKETS tell its end" },
	{ "POLICY", "any|protocol", "remote and local are traffic: the SAs of its policy" },
	{ "REMOTE", "name", "with this remote section, whatever its address is" },
	{ NULL, NULL, NULL },
};
static const struct verb_qual quals_delete[] = {
	{ "POLICY", "any|protocol", "remote and local are traffic: the IPsec SAs for it" },
	{ "PROTOCOL", "ESP|AH|IPCOMP", "only IPsec SAs of this protocol" },
	{ "USER", "name", "what the user's login made" },
	{ NULL, NULL, NULL },
};
static const struct verb_qual quals_show[] = {
	{ "FORMAT", "TEXT|JSON|CSV", "form of the answer; CSV of one section" },
	{ "FULL", NULL, "the rest of each SA; of IPsec SAs also their traffic" },
	{ "LOCAL", "address", "only SAs from this address of ours" },
	{ "SINCE", "time", "only SAs and failures since then: 10:22, TODAY, -0:30" },
	{ "SORT", "(SERIAL|LOCAL|REMOTE|STATE|SIDE|CREATED|EXPIRES|SECTION|IPSEC|PROTOCOL|SPI)",
		"a list in this order: up to four keys with commas between them, - before one that "
		"descends" },
	{ "STATE", "state", "only SAs in this state: ESTABLISHED, or as it is shown" },
	{ NULL, NULL, NULL },
};
const struct verb rd_verbs[] = {
	{ "NOOP", NULL, 0, 0, NULL, CTL_READER, ctl_verb_noop, "do nothing", NULL },
	{ "VERSION", NULL, 0, 0, NULL, CTL_READER, ctl_verb_version, "show the version", NULL },
	{ "HELP", "[topic]", 0, 1, ctl_quals_help, CTL_READER, ctl_verb_help,
		"list the verbs, or explain one", NULL },
	{ "SHOW",
		"[STATE|ISAKMP|IPSEC|PEERS|FAILURES|COUNTERS|LIMITS|SCHEDULE|TICKETS|"
		"CERTIFICATE|METRICS|CONFIG|ALL] [address]", 0, 2,
		quals_show, CTL_READER, show_run, "show SAs and what is known of the peers",
		"Without a parameter: the state, ISAKMP and IPsec SAs.\n"
		"PEERS shows those that are configured, up or down; FAILURES what went wrong and "
		"the\n"
		"likely remedy, also of negotiations long gone; TICKETS what became of\n"
		"ESTABLISH/NOWAIT.  An address, with * and ?, names the peers wanted." },
	{ "ESTABLISH", "remote [local]", 1, 2, quals_establish, CTL_OPERATOR, verb_establish,
		"negotiate phase 1 with a peer",
		"remote is an address, the name of a remote section, or a host name.  local is an\n"
		"address of this host; without it that of MULTINET_HOST_NAME.\n"
		"/POLICY=any: remote and local are what a policy is about, as 10.2.0.0/16[80]." },
	{ "FLUSH", "[ISAKMP|IPSEC|ESP|AH|ALL]", 0, 1, NULL, CTL_OPERATOR, verb_flush,
		"delete our SAs, telling the peers first",
		"SAs that others installed are not touched.  They are negotiated anew on demand." },
	{ "DELETE", "[remote|#number|cookie|SPI] [local]", 0, 2, quals_delete, CTL_OPERATOR,
		verb_delete, "delete our SAs with one peer, or one of them, telling it first",
		"remote is an address, the name of a remote section, or a host name.  #17 is the\n"
		"SA of that number in SHOW; a cookie has 16 hexadecimal digits, an SPI is as\n"
		"0x00001000." },
	{ "CAPTURE", "[file|OFF]", 0, 1, rd_quals_capture, CTL_OPERATOR, rd_verb_capture,
		"write IKE's datagrams to a file, and their keys aside",
		"For root alone, on this host.  The file is a new one in pcap form; file.keys is\n"
		"what tshark calls ikev1_decryption_table.  To decrypt, it has to see phase 1\n"
		"begin.  It ends by itself; without a parameter its state is told." },
	{ "DEBUG", "[level]", 0, 1, NULL, CTL_OPERATOR, verb_debug,
		"log more (1, 2) or as configured (0)", NULL },
	{ "RELOAD", NULL, 0, 0, NULL, CTL_OPERATOR, verb_reload, "read the configuration again",
		"With an error in it nothing changes.  The answer lists the sections that "
		"differ." },
	{ "MONITOR", "[ON|OFF|ALL|class...]", 0, 4, ctl_quals_monitor, CTL_READER,
		ctl_verb_monitor, "show events as they come",
		"Classes: LOG (what is logged; alone when none is named), ISAKMP and IPSEC (SAs\n"
		"that come up, go down or fail), FAILURE (of both)." },
	{ "SHUTDOWN", NULL, 0, 0, NULL, CTL_OPERATOR, verb_shutdown,
		"tell the peers, remove our SAs, end", NULL },
	{ .name = NULL },
};
