/*
 * test_rd_verbs.c - racoon's verbs and SHOW against a made-up daemon: answers, late replies,
 * cancelling, yielding with very many SAs, JSON.
 *
 * This file stands for host_uv.c and for the engine: it defines what verbs.c and show*.c call.  The
 * real engine is linked as well (other tests' helpers need it), so SHOW's sources are taken in here
 * with the engine's functions under other names.
 */
#define ike_show_sa fake_show_sa
#define ike_show_child fake_show_child
#define ike_show_sa_at fake_show_sa_at
#define ike_show_child_at fake_show_child_at
#define ike_show_failure fake_show_failure
#define ike_count fake_count
#define ike_count_name fake_count_name
#define ike_sa_count fake_sa_count
#define ike_half_open_count fake_half_open_count
#define ike_limits fake_limits
#include "racoon/daemon/verbs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/ctl.h"
#include "lib/log.h"
#include "racoon/daemon/host.h"
#include "racoon/daemon/tickets.h"

#include "racoon/daemon/show.c"
#include "racoon/daemon/show_ipsec.c"
#include "racoon/daemon/show_sas.c"
#include "racoon/daemon/show_sort.c"
#include "racoon/daemon/show_state.c"

#include "tests/unit/rd_fake.h"

/* ----------------------------------------------------------------------- the made-up engine */

bool
ike_show_sa(const struct ike *e, uint64_t *cursor, struct ike_sa_view *out)
{
	(void)e;
	if (*cursor >= rd.sas)
		return false;
	*out = (struct ike_sa_view){ .serial = ++*cursor, .local = { addr("10.0.0.1"), 500 },
		.remote = { addr("10.0.0.2"), 500 }, .cookie_i = { 1 }, .cookie_r = { 2 },
		.initiator = true, .established = true, .exchange = RC_MAIN, .state = "ESTABLISHED",
		.remote_name = "10.0.0.2", .encr = alg_by_name(ALG_ENCR, "aes-cbc"), .bits = 256,
		.hash = alg_by_name(ALG_HASH, "sha256"), .group = alg_by_name(ALG_DH, "modp2048"),
		.expires = { 65000 }, .children = 1, .peer_id = "10.0.0.2",
		.natt = "", .auth = RC_AUTH_PSK, .life_ms = 3600000,
		.peer_cert = { rd.cert, rd.cert == NULL ? 0 : 3 } };
	return true;
}

bool
ike_show_child(const struct ike *e, uint64_t *cursor, struct ike_child_view *out)
{
	(void)e;
	if (*cursor >= rd.children)
		return false;
	*out = (struct ike_child_view){ .at = *cursor + 1, .serial = ++*cursor, .parent = 1,
		.local = { addr("10.0.0.1"), 500 }, .remote = { addr("10.0.0.2"), 500 },
		.proto = SA_ESP, .mode = SA_TUNNEL, .spi_in = 0x1000, .spi_out = 0x2000,
		.encr = alg_by_name(ALG_ENCR, "aes-cbc"), .bits = 128,
		.auth = alg_by_name(ALG_AUTH, "hmac-sha1"), .initiator = true, .established = true,
		.state = "ESTABLISHED", .expires = INSTANT_NEVER };
	assert_true(net_prefix_parse("10.1.0.0/16", &out->sel.src));
	assert_true(net_prefix_parse("10.2.0.0/16", &out->sel.dst));
	out->sel.upper = SP_UPPER_ANY;
	return true;
}

bool
ike_show_sa_at(const struct ike *e, uint64_t serial, struct ike_sa_view *out)
{
	uint64_t cursor = serial - 1;

	return serial != rd.gone && ike_show_sa(e, &cursor, out);
}

bool
ike_show_child_at(const struct ike *e, uint64_t at, struct ike_child_view *out)
{
	uint64_t cursor = at - 1;

	return ike_show_child(e, &cursor, out);
}

/* Each SA's end; behind them one of no SA. */
bool
ike_show_timer(const struct ike *e, struct ike_timer_walk *walk, struct ike_timer_view *out)
{
	(void)e;
	*out = (struct ike_timer_view){ .when = { 65000 }, .serial = ++walk->cursor,
		.remote = { addr("10.0.0.2"), 500 }, .event = "ISAKMP SA expires" };
	if (walk->cursor <= rd.sas)
		return true;
	*out = (struct ike_timer_view){ .when = { 65000 }, .event = "of no SA" };
	return walk->cursor == rd.sas + 1;
}

bool
ike_show_failure(const struct ike *e, unsigned index, struct ike_failure_view *out)
{
	(void)e;
	if (index >= rd.failures)
		return false;
	*out = (struct ike_failure_view){ .when = { 1000 }, .local = { addr("10.0.0.1"), 500 },
		.remote = { addr("10.0.0.3"), 500 }, .phase = 1, .status = ST_NORESPONSE,
		.detail = "4 transmissions" };
	return true;
}

uint64_t
ike_count(const struct ike *e, enum ike_count which)
{
	(void)e;
	return (uint64_t)which;
}

const char *
ike_count_name(enum ike_count which)
{
	return which == IKE_N_RECEIVED ? "received" : "another";
}

size_t
ike_sa_count(const struct ike *e)
{
	(void)e;
	return rd.sas;
}

size_t
ike_half_open_count(const struct ike *e)
{
	(void)e;
	return 0;
}

const struct ike_limits *
ike_limits(const struct ike *e)
{
	static const struct ike_limits limits = { 1000, 5, 100000, 256, 65536 };

	(void)e;
	return &limits;
}

/* ------------------------------------------------------------------------------- a session */

static struct {
	struct text out;
	size_t unsent, most;
	struct ctl_session *session;
	bool hold; /* what is sent stays unsent until drained */
	bool closed;
	size_t later; /* how often others were let have their turn */
} talk;

static void
on_send(void *user, struct bytes octets)
{
	(void)user;
	text_add_n(&talk.out, (const char *)octets.p, octets.n);
	if (talk.hold)
		talk.unsent += octets.n;
	if (talk.unsent > talk.most)
		talk.most = talk.unsent;
}

static size_t
on_unsent(void *user)
{
	(void)user;
	return talk.unsent;
}

static void
on_close(void *user)
{
	(void)user;
	talk.closed = true;
}

static void
on_later(void *user)
{
	(void)user;
	talk.later++;
}

static const struct ctl_service service = { .facility = "RACOON", .version = "test",
	.verbs = rd_verbs };
static const struct ctl_transport transport = { .send = on_send, .unsent = on_unsent,
	.close = on_close };
/* The same that lets others have their turn. */
static const struct ctl_transport in_turns = { .send = on_send, .unsent = on_unsent,
	.close = on_close, .later = on_later };

static int
open_session(void **state)
{
	static const struct rc_options options = { .hash_key = { 1, 2 } };
	struct stmt_errors errors = { 0 };

	(void)state;
	memset(&rd, 0, sizeof(rd));
	memset(&talk, 0, sizeof(talk));
	talk.out.limit = 256 << 20;
	assert_int_equal(rc_load_text("t",
				 "remote \"b\" { remote_address 10.0.0.2; exchange_mode main;"
				 " proposal { encryption_algorithm aes; hash_algorithm sha1; "
				 "authentication_method"
				 " pre_shared_key; dh_group 14; } }\nremote 10.0.0.3 inherit \"b\" "
				 "{ passive on; }\n",
				 NULL, &options, &rd.config, &errors),
		ST_NORMAL);
	stmt_errors_free(&errors);
	talk.session = ctl_open(&service, &transport, CTL_OPERATOR, "uid 0");
	return talk.session == NULL;
}

static int
close_session(void **state)
{
	(void)state;
	if (talk.session != NULL)
		ctl_close(talk.session);
	text_free(&talk.out);
	rc_free(rd.config);
	return 0;
}

static void
say(const char *line)
{
	text_clear(&talk.out);
	ctl_input(talk.session, bytes_str(line));
}

static void
expect(const char *line, const char *want)
{
	say(line);
	assert_string_equal(text_str(&talk.out), want);
}

static void
reply(enum status status, const char *detail)
{
	struct net_endpoint remote = { addr("10.0.0.2"), 500 };

	text_clear(&talk.out);
	rd.done(rd.user, status, &remote, detail);
}

/* ------------------------------------------------------------------------------------- tests */

static void
establish(void **state)
{
	(void)state;
	expect("ESTABLISH 10.0.0.2 10.0.0.1/CHILD/TIMEOUT=7\n", "");
	assert_int_equal(rd.command.type, IKE_CMD_ESTABLISH);
	assert_true(rd.command.children);
	assert_int_equal(rd.timeout_ms, 7000);
	assert_int_equal(net_ipv4_value(&rd.command.local), 0x0a000001);
	assert_int_equal(net_ipv4_value(&rd.command.remote), 0x0a000002);
	reply(ST_NORMAL, "10.0.0.1[500]<=>10.0.0.2[500]");
	assert_string_equal(text_str(&talk.out), "200 %RACOON-S-NORMAL, normal successful "
						 "completion: 10.0.0.1[500]<=>10.0.0.2[500]\n");
	say("est b\n"); /* the name of a section */
	assert_int_equal(net_ipv4_value(&rd.command.remote), 0x0a000002);
	assert_int_equal(rd.command.local.family, 0);
	assert_false(rd.command.children);
	reply(ST_NORESPONSE, "no answer");
	assert_string_equal(text_str(&talk.out),
		"466 %RACOON-E-NORESPONSE, peer does not answer: 10.0.0.2, no answer\n");
	say("ESTABLISH b\n");
	reply(ST_ALREADY, "");
	assert_string_equal(text_str(&talk.out), "250 %NETCTL-S-ALREADY, already done: 10.0.0.2\n");
	expect("ESTABLISH b/NOWAIT\n",
		"200 %RACOON-S-NORMAL, normal successful completion: ticket 1, 10.0.0.2\n");
	assert_false(ctl_is_busy(talk.session));
	say("SHOW TICKETS\n");
	assert_non_null(strstr(text_str(&talk.out), "  under way\n"));
	rd.done(rd.user, ST_NORESPONSE, NULL, "no answer");
	say("SHOW TICKETS/FORMAT=CSV\n");
	assert_non_null(strstr(text_str(&talk.out),
		"200-ticket,remote,begun,ended,ident,detail\n200-1,\"10.0.0.2\","));
	assert_non_null(strstr(text_str(&talk.out), ",\"NORESPONSE\",\"no answer\"\n"));
	rd.full = true;
	expect("ESTABLISH b/NOWAIT\n",
		"452 %SYSTEM-E-LIMIT, limit reached: too many commands wait for their "
		"answers\n");
	expect("ESTABLISH b\n",
		"452 %SYSTEM-E-LIMIT, limit reached: too many commands wait for their "
		"answers\n");
}

/* What is decided at once is told at once, though nobody wants to wait. */
static void
establish_nowait_answered(void **state)
{
	(void)state;
	rd.answered = 1;
	say("ESTABLISH b/NOWAIT\n");
	assert_true(ctl_is_busy(talk.session));
	reply(ST_NOCONF, "");
	assert_non_null(strstr(text_str(&talk.out), "-NOCONF, "));
}

static void
establish_traffic(void **state)
{
	(void)state;
	say("ESTABLISH 10.2.0.0/16[80] 10.1.0.1 /POLICY=tcp /REMOTE=b\n");
	assert_true(rd.command.has_sel && rd.command.children);
	assert_int_equal(rd.command.sel.upper, 6);
	assert_int_equal(rd.command.sel.dport, 80);
	assert_int_equal(rd.command.sel.sport, 0);
	assert_int_equal(rd.command.sel.dst.len, 16);
	assert_int_equal(rd.command.sel.src.len, 32);
	reply(ST_NOPOLICY, "");
	say("ESTABLISH 10.2.0.0/16 /POLICY=any\n");
	assert_non_null(strstr(text_str(&talk.out), "NETCTL-W-INSFPRM"));
	say("ESTABLISH 10.2.0.0/33 10.1.0.1/POLICY=any\n");
	assert_non_null(strstr(text_str(&talk.out), "IVPARM"));
	say("ESTABLISH 10.2.0.0/16[65536] 10.1.0.1 /POLICY=any\n");
	assert_non_null(strstr(text_str(&talk.out), "IVPARM"));
	say("ESTABLISH fd00::1 10.1.0.1 /POLICY=any\n");
	assert_non_null(strstr(text_str(&talk.out), "two families"));
	say("ESTABLISH 10.2.0.0/16 10.1.0.1 /POLICY=nonsense\n");
	assert_non_null(strstr(text_str(&talk.out), "VALREQ"));
	assert_int_equal(rd.submitted, 1);
}

static void
delete_one(void **state)
{
	static const uint8_t cookie[8] = { 0x9a, 0x82, 0xe2, 0x10, 0xa4, 0xab, 0x47, 0x9d };

	(void)state;
	say("DELETE #17\n");
	assert_int_equal(rd.command.type, IKE_CMD_DELETE);
	assert_int_equal(rd.command.serial, 17);
	reply(ST_NOSUCHSA, "");
	say("DELETE 9a82e210a4ab479d:a1853cad51ba21ef\n");
	assert_memory_equal(rd.command.cookie, cookie, 8);
	reply(ST_NORMAL, "");
	say("DELETE 0x00001000\n");
	assert_int_equal(rd.command.spi, 0x1000);
	reply(ST_NORMAL, "");
	say("DELETE 10.2.0.0/16 10.1.0.1 /POLICY=any /PROTOCOL=esp\n");
	assert_true(rd.command.has_sel);
	assert_int_equal(rd.command.proto, SA_ESP);
	assert_int_equal(rd.command.scope, IKE_SCOPE_IPSEC);
	reply(ST_NORMAL, "");
	say("DELETE 10.0.0.2 10.0.0.1\n");
	assert_int_equal(net_ipv4_value(&rd.command.local), 0x0a000001);
	assert_int_equal(rd.command.scope, IKE_SCOPE_ALL);
	reply(ST_NORMAL, "");
	assert_int_equal(rd.submitted, 5);
	say("DELETE\n");
	assert_non_null(strstr(text_str(&talk.out), "INSFPRM"));
	say("DELETE/USER=joe\n");
	assert_non_null(strstr(text_str(&talk.out), "XAUTH"));
	say("DELETE 10.0.0.2 /PROTOCOL=tcp\n");
	assert_non_null(strstr(text_str(&talk.out), "VALREQ"));
	assert_int_equal(rd.submitted, 5);
}

/* The database counts; SHOW waits for it, and for nobody who is gone. */
static void
show_traffic(void **state)
{
	struct ipsec_sa sa = { .current = { .bytes = 1000, .allocations = 10, .use_s = 100 } };

	(void)state;
	rd.children = 65; /* more than are asked for at once */
	say("SHOW IPSEC/FULL\n");
	assert_true(ctl_is_busy(talk.session));
	assert_int_equal(rd.questions, 128);
	for (size_t i = 0; i < 128; i++)
		rd.question[i].done(rd.question[i].user, i == 0 ? &sa : NULL);
	assert_int_equal(rd.questions, 130);
	assert_true(ctl_is_busy(talk.session));
	for (size_t i = 128; i < 130; i++)
		rd.question[i].done(rd.question[i].user, &sa);
	assert_false(ctl_is_busy(talk.session));
	assert_non_null(strstr(text_str(&talk.out), "in 1000 octets, 10 packets; out 0 octets"));
	assert_non_null(strstr(text_str(&talk.out), "in 1000 octets, 10 packets; out 1000"));
	assert_non_null(strstr(text_str(&talk.out), "traffic not known"));
	rd.questions = 0;
	say("SHOW IPSEC/FULL/FORMAT=JSON\n");
	ctl_close(talk.session); /* the asker goes; the answers come all the same */
	talk.session = NULL;
	for (size_t i = 0; i < 128; i++)
		rd.question[i].done(rd.question[i].user, &sa);
	assert_int_equal(rd.questions, 128);
}

static void
show_certificates(void **state)
{
	static const uint8_t der[3] = { 0x30, 0x01, 0xff };

	(void)state;
	rd.sas = 2;
	expect("SHOW CERTIFICATE\n", "200-no peer has shown a certificate\n"
		"200 %RACOON-S-NORMAL, normal successful completion\n");
	rd.cert = der;
	expect("SHOW CERTIFICATE 10.0.0.2/LOCAL=10.0.0.1\n",
		"200-#1       10.0.0.2[500] \"10.0.0.2\"\n200-3001ff\n"
		"200-#2       10.0.0.2[500] \"10.0.0.2\"\n200-3001ff\n"
		"200 %RACOON-S-NORMAL, normal successful completion\n");
	expect("SHOW CERTIFICATE/LOCAL=10.0.0.9\n", "200-no peer has shown a certificate\n"
		"200 %RACOON-S-NORMAL, normal successful completion\n");
	say("SHOW ISAKMP/LOCAL=here\n");
	assert_non_null(strstr(text_str(&talk.out), "IVPARM"));
}

/* The rest is verbs_capture.c's to refuse; here: who may, and what is asked for. */
static void
capture(void **state)
{
	(void)state;
	expect("CAPTURE\n",
		"200 %RACOON-S-NORMAL, normal successful completion: nothing is being captured\n");
	say("CAPTURE \"/tmp/x\" /SIZE=2 /TIME=3\n");
	assert_non_null(strstr(text_str(&talk.out), "/tmp/x 2097152 3\n"));
	assert_true(rd.capturing);
	say("CAPTURE\n");
	assert_non_null(strstr(text_str(&talk.out), "to here"));
	say("CAPTURE OFF\n");
	assert_false(rd.capturing);
	say("CAPTURE OFF\n");
	assert_non_null(strstr(text_str(&talk.out), "ALREADY"));
	say("CAPTURE here\n");
	assert_non_null(strstr(text_str(&talk.out), "IVPARM"));
	say("CAPTURE \"/tmp/x\" /TIME=0\n");
	assert_non_null(strstr(text_str(&talk.out), "VALREQ"));
	assert_false(rd.capturing);
}

static void
monitor_classes(void **state)
{
	(void)state;
	say("MONITOR ISAKMP FAILURE\n");
	assert_true(ctl_wants_news(talk.session, CTL_NEWS_FAILURE));
	assert_false(ctl_wants_news(talk.session, CTL_NEWS_LOG | CTL_NEWS_IPSEC));
	say("MONITOR ALL\n");
	assert_true(ctl_wants_news(talk.session, CTL_NEWS_IPSEC));
	say("MONITOR everything\n");
	assert_non_null(strstr(text_str(&talk.out), "IVKEYW"));
	say("MONITOR OFF\n");
	assert_false(ctl_is_monitor(talk.session));
}

static void
establish_local(void **state)
{
	(void)state;
	rd.host = addr("10.0.0.1");
	say("ESTABLISH b\n");
	assert_int_equal(net_ipv4_value(&rd.command.local), 0x0a000001);
	reply(ST_NORMAL, "");
	say("ESTABLISH 2001:db8::1\n"); /* of another kind */
	assert_int_equal(rd.command.local.family, 0);
	reply(ST_NORMAL, "");
	rd.host = addr("10.0.0.77"); /* not ours */
	say("ESTABLISH b\n");
	assert_int_equal(rd.command.local.family, 0);
	reply(ST_NORMAL, "");
	expect("ESTABLISH b 10.0.0.5\n",
		"510 %NETCTL-W-IVPARM, invalid parameter value: 10.0.0.5 is "
		"none of the addresses racoon listens at\n");
	expect("ESTABLISH b here\n",
		"510 %NETCTL-W-IVPARM, invalid parameter value: \\here\\: the local "
		"address has to be numeric\n");
	expect("ESTABLISH b/TIMEOUT=1h\n",
		"506 %NETCTL-W-VALREQ, missing or invalid qualifier value: "
		"/TIMEOUT: expected 1 to 3600 seconds\n");
}

static void
host_names(void **state)
{
	struct net_addr a = addr("10.0.0.2");

	(void)state;
	expect("ESTABLISH host.example\n", "");
	rd.resolved(rd.resolved_user, &a);
	assert_int_equal(net_ipv4_value(&rd.command.remote), 0x0a000002);
	reply(ST_NORMAL, "");
	say("ESTABLISH host.example\n");
	rd.resolved(rd.resolved_user, NULL);
	assert_string_equal(text_str(&talk.out),
		"510 %NETCTL-W-IVPARM, invalid parameter value: no "
		"address is known for \\host.example\\\n");
	expect("ESTABLISH unknown.example\n", "510 %NETCTL-W-IVPARM, invalid parameter value: "
		"\\unknown.example\\ is no address and names no peer\n");
	/* No host name: the resolver would take it for 0.0.0.5. */
	rd.resolved = NULL;
	expect("ESTABLISH 5\n", "510 %NETCTL-W-IVPARM, invalid parameter value: \\5\\ is no "
		"address and names no peer\n");
	expect("DELETE 10.5\n", "510 %NETCTL-W-IVPARM, invalid parameter value: \\10.5\\ is no "
		"address and names no peer (an SA is named by #number)\n");
	assert_null(rd.resolved);
	say("ESTABLISH host.example\n");
	ctl_close(talk.session);
	talk.session = NULL;
	assert_null(rd.resolved);
}

static void
asker_gone(void **state)
{
	(void)state;
	say("ESTABLISH b\n");
	ctl_close(talk.session);
	talk.session = NULL;
	assert_int_equal(rd.cancelled, rd.submitted);
}

static void
flush_and_shutdown(void **state)
{
	(void)state;
	say("FLUSH\n");
	assert_int_equal(rd.command.type, IKE_CMD_FLUSH);
	assert_int_equal(rd.command.scope, IKE_SCOPE_ALL);
	reply(ST_NORMAL, "");
	say("flush isak\n");
	assert_int_equal(rd.command.scope, IKE_SCOPE_ISAKMP);
	reply(ST_NORMAL, "");
	say("flush ips\n");
	assert_int_equal(rd.command.scope, IKE_SCOPE_IPSEC);
	reply(ST_NORMAL, "");
	expect("flush everything\n",
		"509 %NETCTL-W-IVKEYW, unrecognized keyword - check validity and "
		"spelling: \\everything\\: expected ISAKMP, IPSEC, ESP, AH or ALL\n");
	say("DELETE b\n");
	assert_int_equal(rd.command.type, IKE_CMD_DELETE);
	reply(ST_NORMAL, "");
	expect("SHUTDOWN\n", "");
	rd.ended(rd.ended_user, ST_NORMAL, NULL, "");
	assert_string_equal(text_str(&talk.out), "221 %NETCTL-I-SHUTTING, shutting down\n");
	say("SHUTDOWN\n");
	ctl_close(talk.session);
	talk.session = NULL;
	assert_null(rd.ended);
}

static void
small_verbs(void **state)
{
	(void)state;
	expect("RELOAD\n", "200-remote 10.0.0.9: added\n200 %RACOON-S-NORMAL, normal successful "
		"completion: 1 kept, 2 changed, 3 removed, 4 added\n");
	rd.reload = ST_BADCONF;
	expect("RELOAD\n", "200-f:1:1: wrong\n540 %CONFIG-E-BADCONF, configuration has errors: the "
		"configuration in use stays\n");
	expect("DEBUG 1\n", "200 %RACOON-S-NORMAL, normal successful completion: logging DEBUG\n");
	assert_int_equal(rd.level, LOG_L_DEBUG);
	say("DEBUG 9\n");
	assert_int_equal(rd.level, LOG_L_DEBUG2);
	say("DEBUG 0\n");
	assert_int_equal(rd.level, LOG_L_INFO);
	expect("DEBUG loud\n",
		"510 %NETCTL-W-IVPARM, invalid parameter value: \\loud\\: expected 0 (off) "
		"to 9\n");
	say("MONITOR\n");
	assert_true(ctl_is_monitor(talk.session));
	say("MONITOR/OFF\n");
	assert_false(ctl_is_monitor(talk.session));
	say("HELP ESTABLISH\n");
	assert_non_null(strstr(text_str(&talk.out), "MULTINET_HOST_NAME"));
}

/* Any four characters of a verb, and of a qualifier, are enough. */
static void
four_characters(void **state)
{
	(void)state;
	for (const struct verb *v = rd_verbs; v->name != NULL; v++)
		for (const struct verb *w = v + 1; w->name != NULL; w++)
			assert_int_not_equal(strncmp(v->name, w->name, 4), 0);
}

static void
show(void **state)
{
	(void)state;
	rd.sas = rd.children = rd.failures = 1;
	say("SHOW\n");
	assert_non_null(
		strstr(text_str(&talk.out), "200-SAs            1 ISAKMP (0 half-open), 7 IPsec"));
	assert_non_null(strstr(text_str(&talk.out),
		"200-#1       10.0.0.1[500]          10.0.0.2[500]"
		"          0100000000000000:0200000000000000 init ESTABLISHED  0 00:01:00  1\n"));
	assert_non_null(
		strstr(text_str(&talk.out), " esp/tunnel    00001000 00002000 ESTABLISHED  -    "
					    "       10.1.0.0/16 10.2.0.0/16 any\n"));
	say("SHOW PEERS\n");
	assert_non_null(
		strstr(text_str(&talk.out), "200-b                      10.0.0.2               "
					    "up            1       1      -\n"));
	assert_non_null(
		strstr(text_str(&talk.out), "down, failed  0       0      NORESPONSE  1-JAN-1970"));
	say("SHOW FAILURES\n");
	assert_non_null(strstr(text_str(&talk.out), "%RACOON-E-NORESPONSE, peer does not answer: 4 "
		"transmissions\n"));
	say("SHOW COUNT\n");
	assert_non_null(
		strstr(text_str(&talk.out), "200-received                                0\n"));
	expect("SHOW S\n",
		"509 %NETCTL-W-IVKEYW, unrecognized keyword - check validity and spelling: "
		"\\S\\ may be STATE, SCHEDULE\n");
	rd.sas = 0;
	expect("SHOW ISAKMP\n", "200-no ISAKMP SAs\n200 %RACOON-S-NORMAL, normal successful "
		"completion\n");
}

static size_t
lines_of(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		n++;
	return n;
}

static void
show_filters(void **state)
{
	(void)state;
	rd.sas = 3;
	say("SHOW ISAKMP\n");
	assert_int_equal(lines_of(text_str(&talk.out)), 3 + 2);
	say("SHOW ISAKMP 10.0.*\n");
	assert_int_equal(lines_of(text_str(&talk.out)), 3 + 2);
	say("SHOW ISAKMP 192.0.2.*\n");
	assert_non_null(strstr(text_str(&talk.out), "200-no ISAKMP SAs\n"));
	say("SHOW ISAKMP/STATE=ESTABLISHED\n");
	assert_int_equal(lines_of(text_str(&talk.out)), 3 + 2);
	say("SHOW ISAKMP/STATE=NONESUCH\n");
	assert_non_null(strstr(text_str(&talk.out), "200-no ISAKMP SAs\n"));
	say("SHOW ISAKMP/SINCE=TODAY\n");
	assert_non_null(strstr(text_str(&talk.out), "200-no ISAKMP SAs\n"));
	say("SHOW ISAKMP/SINCE=never\n");
	assert_non_null(strstr(text_str(&talk.out), "510 "));
	say("SHOW ISAKMP/FORMAT=CSV\n");
	assert_int_equal(lines_of(text_str(&talk.out)), 3 + 2);
	assert_memory_equal(text_str(&talk.out), "200-serial,local,local_port,", 28);
	say("SHOW/FORMAT=CSV\n");
	assert_non_null(strstr(text_str(&talk.out), "510 "));
	say("SHOW STATE/FORMAT=CSV\n");
	assert_non_null(strstr(text_str(&talk.out), "510 "));
}

static void
csv(void **state)
{
	struct text out = { 0 };

	(void)state;
	show_csv("a,b,c,d,e", "{ \"b\": \"x \\\"y\\\", z\", \"a\": 1, \"n\": [1, {\"d\": 2}], "
		"\"d\": null, \"e\": true }", &out);
	assert_string_equal(text_str(&out), "1,\"x \"\"y\"\", z\",,,true");
	text_clear(&out);
	show_csv("a", "", &out);
	assert_string_equal(text_str(&out), "");
	show_csv("a", "{ \"a\": \"unfinished", &out);
	show_csv("a", "{ \"a\"", &out);
	show_csv("a", "{ \"b", &out);
	text_free(&out);
}

static void
show_as_json(void **state)
{
	(void)state;
	rd.sas = 2;
	say("SHOW ISAKMP/FORMAT=JSON\n");
	assert_non_null(strstr(text_str(&talk.out), "200-{ \"schema\": \"multinet.racoon.show\", "
						    "\"version\": 1, \n200-\"isakmp\": [\n200-{"));
	assert_non_null(strstr(text_str(&talk.out), "\n200-, {"));
	assert_non_null(strstr(text_str(&talk.out), "200-]\n200-}\n200 %RACOON-S-NORMAL"));
	rd.sas = 0;
	expect("SHOW ISAKMP/FORMAT=JSON\n",
		"200-{ \"schema\": \"multinet.racoon.show\", \"version\": 1, \n"
		"200-\"isakmp\": [\n200-]\n200-}\n200 %RACOON-S-NORMAL, normal successful "
		"completion\n");
}

/* A reader who does not read holds SHOW up, not the memory; one who leaves ends it. */
static void
show_yields(void **state)
{
	size_t lines = 0, rounds = 0;

	(void)state;
	rd.sas = 20000;
	talk.hold = true;
	say("SHOW ISAKMP\n");
	while (strstr(text_str(&talk.out), "\n200 %RACOON") == NULL && rounds++ < 1000) {
		assert_true(ctl_is_busy(talk.session));
		for (const char *p = text_str(&talk.out); (p = strchr(p, '\n')) != NULL; p++)
			lines++;
		text_clear(&talk.out);
		talk.unsent = 0;
		ctl_drained(talk.session);
	}
	for (const char *p = text_str(&talk.out); (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_int_equal(lines, 20000 + 2);
	assert_true(rounds > 3);
	assert_true(talk.most < CTL_HIGH_WATER + 2 * CTL_BATCH);
	say("SHOW ALL\n");
	assert_true(ctl_is_busy(talk.session));
	ctl_close(talk.session);
	talk.session = NULL;
}

static void
show_in_order(void **state)
{
	const char *p;

	(void)state;
	rd.sas = rd.children = 3;
	rd.failures = 2;
	rd.gone = 2;
	say("SHOW ISAKMP/SORT=-serial\n");
	p = strstr(text_str(&talk.out), "200-#3 ");
	assert_non_null(p);
	assert_null(strstr(text_str(&talk.out), "200-#2 ")); /* went away meanwhile */
	assert_non_null(strstr(p, "200-#1 "));
	say("SHOW/SORT=(remote,-serial)/FORMAT=JSON\n");
	p = strstr(text_str(&talk.out), "\"ipsec\"");
	assert_non_null(p);
	p = strstr(p, "\"serial\":3,");
	assert_non_null(p);
	assert_non_null(strstr(p, "\"serial\":1,"));
	say("SHOW FAILURES/SORT=remote\n");
	assert_non_null(strstr(text_str(&talk.out), "200 %RACOON-S-NORMAL"));
	say("SHOW SCHEDULE/SORT=-expires/FORMAT=CSV\n");
	assert_int_equal(lines_of(text_str(&talk.out)), 3 + 3);
	say("SHOW SCHEDULE\n");
	assert_non_null(strstr(text_str(&talk.out), " -        -                      of no SA\n"));
	assert_non_null(strstr(text_str(&talk.out),
		" #3       10.0.0.2[500]          ISAKMP SA expires\n"));
	say("SHOW SCHEDULE/FORMAT=JSON\n");
	assert_non_null(strstr(text_str(&talk.out), "\"serial\":0,\"remote\":null,"));
	say("SHOW ISAKMP/SORT=-expires/FULL\n");
	assert_non_null(strstr(text_str(&talk.out), "section 10.0.0.2"));
	say("SHOW PEERS/SORT=state,section\n");
	assert_non_null(strstr(text_str(&talk.out), "200 %RACOON-S-NORMAL"));
	expect("SHOW ISAKMP/SORT=spi\n", "509 %NETCTL-W-IVKEYW, unrecognized keyword - check "
		"validity and spelling: /SORT=\\SPI\\: ISAKMP has SERIAL, LOCAL, REMOTE, STATE, "
		"SIDE, CREATED, EXPIRES, SECTION, IPSEC\n");
	say("SHOW ISAKMP/SORT=bogus\n");
	assert_memory_equal(text_str(&talk.out), "509 ", 4);
	say("SHOW COUNTERS/SORT=serial\n");
	assert_memory_equal(text_str(&talk.out), "504 ", 4);
}

/* With very many SAs others have their turn while they are put in order, and what the sorted SHOWs
 * take together is bounded. */
static void
show_sorts_in_turns(void **state)
{
	size_t turns = 0, most = 4 * 20000 / SHOW_TURN;

	(void)state;
	rd.sas = 20000;
	ctl_close(talk.session);
	talk.session = ctl_open(&service, &in_turns, CTL_READER, "uid 1");
	assert_non_null(talk.session);
	say("SHOW ISAKMP/SORT=remote,-serial\n");
	while (strstr(text_str(&talk.out), "\n200 %RACOON") == NULL && turns++ < most) {
		assert_true(ctl_is_busy(talk.session));
		assert_int_equal(talk.later, turns); /* one for each */
		ctl_drained(talk.session);
	}
	assert_true(turns >= 2 * 20000 / SHOW_TURN);
	assert_int_equal(lines_of(text_str(&talk.out)), 20000 + 2);
	assert_int_equal(budget.used, 0);
	budget.max = 4096;
	say("SHOW ISAKMP/SORT=remote,local\n");
	assert_non_null(strstr(text_str(&talk.out), "452 %SYSTEM-E-LIMIT"));
	assert_int_equal(budget.used, 0);
	/* Whoever leaves takes what was gathered along. */
	budget.max = SORTED_OCTETS_MAX;
	say("SHOW ISAKMP/SORT=remote\n");
	assert_true(ctl_is_busy(talk.session));
	ctl_drained(talk.session);
	assert_true(budget.used > 0);
	ctl_close(talk.session);
	talk.session = NULL;
	assert_int_equal(budget.used, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_session, close_session)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(establish),
		TEST(establish_local),
		TEST(host_names),
		TEST(asker_gone),
		TEST(flush_and_shutdown),
		TEST(small_verbs),
		TEST(four_characters),
		TEST(show),
		TEST(show_filters),
		cmocka_unit_test(csv),
		TEST(establish_nowait_answered),
		TEST(establish_traffic),
		TEST(delete_one),
		TEST(show_traffic),
		TEST(show_certificates),
		TEST(capture),
		TEST(monitor_classes),
		TEST(show_as_json),
		TEST(show_yields),
		TEST(show_in_order),
		TEST(show_sorts_in_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
