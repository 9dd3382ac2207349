/*
 * sim_profile.c - the profiles, and one run of one of them.
 *
 * A run: two hosts with a configuration drawn from the seed; traffic, faults and operators for some
 * virtual minutes; then the faults stop and everything must come right by itself.
 */
#include "tests/sim/sim_run.h"

#include <stdio.h>
#include <string.h>

enum {
	START_MS = 1000,
	CLOCK_STEPS = 6,
	REBINDS = 5,
	FOLLOW_MS = 30 * 1000, /* dead peer detection has told the new port by then */
	FAREWELL_MS = 10 * 1000, /* after one host said goodbye the other has no SA left */
	REACH_MS = 90 * 1000,  /* after the faults: traffic flows within this, plus a lifetime */
	PROBE_MS = 20 * 1000,  /* … and nothing is lost in this time */
	QUIET_MS = 120 * 1000, /* databases and engines agree within this */
};

const struct sim_profile sim_profiles[] = {
	{ .name = "calm",
		.delay_ms = 10,
		.fault_ms = 300000,
		.life1_s = 140,
		.life2_s = 60,
		.verbs = 6,
		.lossless = true,
		.failures = 0 },
	{ .name = "lossy",
		.loss = 200,
		.duplicate = 100,
		.tail = 100,
		.delay_ms = 5,
		.jitter_ms = 60,
		.tail_ms = 6000,
		.fault_ms = 300000,
		.life1_s = 180,
		.life2_s = 80,
		.bent = 20,
		.partitions = 2,
		.verbs = 8,
		.flushes = true,
		.failures = 20 },
	{ .name = "replay",
		.loss = 50,
		.duplicate = 100,
		.tail = 100,
		.replay = 150,
		.reflect = 100,
		.delay_ms = 5,
		.jitter_ms = 60,
		.tail_ms = 6000,
		.fault_ms = 300000,
		.life1_s = 140,
		.life2_s = 70,
		.verbs = 6,
		.failures = 20 },
	{ .name = "storm",
		.loss = 30,
		.duplicate = 30,
		.tail = 20,
		.delay_ms = 5,
		.jitter_ms = 30,
		.tail_ms = 2000,
		.fault_ms = 500000,
		.life1_s = 65,
		.life2_s = 60,
		.refused = 20,
		.clock_steps = true,
		.verbs = 30,
		.flushes = true,
		.failures = -1 },
	{ .name = "crash",
		.loss = 20,
		.duplicate = 20,
		.delay_ms = 10,
		.jitter_ms = 20,
		.fault_ms = 300000,
		.life1_s = 140,
		.life2_s = 65,
		.partitions = 1,
		.crashes = 4,
		.verbs = 4,
		.flushes = true,
		.failures = -1 },
	{ .name = "hostile",
		.duplicate = 10,
		.delay_ms = 10,
		.jitter_ms = 5,
		.fault_ms = 300000,
		.life1_s = 140,
		.life2_s = 60,
		.hostile = true,
		.verbs = 4,
		.lossless = true,
		.failures = 8 },
	{ .name = "signed",
		.loss = 100,
		.duplicate = 100,
		.tail = 50,
		.delay_ms = 5,
		.jitter_ms = 40,
		.tail_ms = 4000,
		.fault_ms = 200000,
		.life1_s = 90,
		.life2_s = 60,
		.partitions = 1,
		.verbs = 8,
		.flushes = true,
		.certificates = true,
		.failures = 20 },
	{ .name = "nat",
		.loss = 30,
		.duplicate = 20,
		.delay_ms = 10,
		.jitter_ms = 20,
		.fault_ms = 300000,
		.life1_s = 140,
		.life2_s = 240,
		.verbs = 4,
		.nat = true,
		.statements = "nat_traversal on; ike_frag on; dpd_delay 10; dpd_retry 2; "
			      "dpd_maxfail 8;",
		.group = "modp4096",
		.failures = -1 },
	{ .name = "dead",
		.loss = 20,
		.delay_ms = 10,
		.jitter_ms = 20,
		.fault_ms = 300000,
		.life1_s = 400, /* longer than the faults: who is dead is asked, not outlived */
		.life2_s = 350,
		.crashes = 2,
		.partitions = 2,
		.statements = "ike_frag on; dpd_delay 5; dpd_retry 2; dpd_maxfail 4;",
		.failures = -1 },
};
const size_t sim_profile_count = ARRAY_LEN(sim_profiles);

const char *
sim_plant_name(enum sim_plant p)
{
	static const char *const names[SIM_PLANT_COUNT] = {
		[SIM_PLANT_NONE] = "none",
		[SIM_PLANT_KEYS] = "outbound keys are stored wrong",
		[SIM_PLANT_NO_DELETE] = "SAs are not deleted",
		[SIM_PLANT_EARLY_END] = "SAs end early without a word",
		[SIM_PLANT_NO_UPDATE] = "inbound SAs are not stored",
		[SIM_PLANT_LOST_JOB] = "computations never end",
		[SIM_PLANT_NO_INFO] = "informational exchanges are lost",
		[SIM_PLANT_NO_POLICY] = "policies are not told",
		[SIM_PLANT_LEAK] = "keys are traced",
		[SIM_PLANT_ECHO] = "strangers are answered threefold",
		[SIM_PLANT_ONE_SPI] = "SPIs repeat",
		[SIM_PLANT_STUCK_TIME] = "the deadline never moves",
		[SIM_PLANT_NO_REPLY] = "commands are not answered",
		[SIM_PLANT_OLD_PORT] = "SAs keep the ports of a NAT that forgot",
		[SIM_PLANT_NO_PIECE] = "messages in pieces never end",
	};
	return names[p];
}

/* ------------------------------------------------------------------------- configuration --- */

static const char *
pick(struct sim_world *w, const char *const *words, unsigned count)
{
	return words[sim_below(&w->rng, count)];
}

static void
configure(struct sim_world *w)
{
	static const char *const groups[] = { "modp768", "modp1024", "x25519" };
	static const char *const ciphers[] = { "aes 128", "3des", "aes 256" };
	static const char *const hashes[] = { "sha1", "md5", "sha256" };
	static const char *const pfs[] = { "", "pfs_group modp768;", "pfs_group x25519;" };
	static const char *const modes[] = { "main", "main", "base, main", "aggressive, main" };
	const struct sim_profile *p = w->profile;
	/* Who accepts base and aggressive accepts main: hostile first messages are of main mode. */
	const char *mode = pick(w, modes, 4);
	const char *other = mode[0] == 'm' ? "main" : mode;
	const char *group = pick(w, groups, 3), *cipher = pick(w, ciphers, 3),
		   *hash = pick(w, hashes, 3);
	const char *with_pfs = pick(w, pfs, 3);
	char text[4096];
	if (p->nat) {
		w->host[0].seen = net_ipv4(0xcb007107);
		sim_rebind(w, 0, 0, 0);
	}
	if (p->certificates)
		w->epoch.ms = INT64_C(1800000000000); /* when those of the test PKI are valid */
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		int64_t life1 = p->life1_s + (i ? sim_between(&w->rng, 0, 40) : 0);
		int64_t life2 = p->life2_s + (i ? sim_between(&w->rng, 0, 20) : 0);
		char peer[NET_ADDR_TEXT], anonymous[1200] = "", remote[1024];
		net_addr_text(peer, sizeof(peer), &w->host[!i].seen);
		snprintf(remote, sizeof(remote),
			"{ exchange_mode %s; my_identifier address; %s %s%s"
			"lifetime time %lld sec; proposal_check obey; proposal { "
			"encryption_algorithm %s; "
			"hash_algorithm %s; authentication_method %s; dh_group %s; } "
			"}\n",
			i == 0 ? mode : other,
			p->statements == NULL ? "" : p->statements,
			p->nat && i == 1 ? "passive on; " : "",
			!p->certificates ? "" : i == 0
				? "certificate_type x509 \"p256.pem\" \"p256.key\"; "
				  "ca_type x509 \"root-crl.pem\"; "
				: "certificate_type x509 \"q256.pem\" \"q256.key\"; "
				  "ca_type x509 \"root-crl.pem\"; ",
			(long long)life1, cipher, hash,
			p->certificates ? "ecdsasig" : "pre_shared_key",
			p->group != NULL ? p->group : group);
		if (p->hostile)
			snprintf(anonymous, sizeof(anonymous), "remote anonymous %s", remote);
		snprintf(text, sizeof(text),
			"path pre_shared_key \"/psk.txt\";\n"
			"timer { counter 5; interval 3 sec; persend 1; phase1 30 sec; phase2 20 "
			"sec; }\n"
			"remote %s %s%ssainfo anonymous { %s lifetime time %lld sec; "
			"encryption_algorithm aes 128, 3des; authentication_algorithm hmac_sha1, "
			"hmac_sha256; "
			"compression_algorithm deflate; }\n",
			peer, remote, anonymous, with_pfs, (long long)life2);
		struct text keys = { 0 };
		for (unsigned n = 0; p->hostile && n < SIM_FLOODERS; n++)
			text_addf(&keys, "10.66.66.%u theirs\n", n);
		text_addf(&keys, "%s sim-%016llx\n", peer, (unsigned long long)(w->seed * 77773));
		sim_host_config(w, i, text, text_str(&keys));
		text_free(&keys);
	}
	unsigned n = 1 + sim_below(&w->rng, 3);
	bool unique = sim_chance(&w->rng, 300);
	sim_add_policy(w, 0, "172.16.1.0/24", "172.16.2.0/24", SA_TUNNEL,
		unique ? SP_UNIQUE : SP_REQUIRE, unique ? 101 : 0, false);
	if (p->nat)
		n = n > 2 ? 2 : 1;
	if (n > 1 && p->nat)
		sim_add_policy(
			w, 1, "172.16.11.0/24", "172.16.12.0/24", SA_TUNNEL, SP_UNIQUE, 303, false);
	else if (n > 1)
		sim_add_policy(w, 1, "192.168.1.100/32", "192.168.2.100/32", SA_TRANSPORT,
			SP_REQUIRE, 0, sim_chance(&w->rng, 300));
	if (n > 2)
		sim_add_policy(
			w, 2, "172.16.11.0/24", "172.16.12.0/24", SA_TUNNEL, SP_UNIQUE, 303, false);
}

/* ----------------------------------------------------------------------- scripted events --- */

static void
traffic(struct sim_world *w, unsigned host, int64_t policy, int64_t until)
{
	if (w->now.ms >= until)
		return;
	sim_packet_out(w, host, (unsigned)policy);
	sim_at(w, instant_add(w->now, sim_between(&w->rng, 100, 1500)), host, traffic, policy,
		until);
}

static void
operate(struct sim_world *w, unsigned host, int64_t a, int64_t b)
{
	(void)a, (void)b;
	struct ike_command c = { .remote = w->host[!host].seen };
	unsigned kind = sim_below(&w->rng, w->profile->flushes ? 5 : 3);
	switch (kind) {
	case 0:
		c.type = IKE_CMD_ESTABLISH;
		break;
	case 1:
		c.type = IKE_CMD_ESTABLISH;
		c.children = true;
		break;
	case 2:
		sim_host_reload(w, host);
		return;
	case 3:
		c.type = IKE_CMD_FLUSH;
		c.scope = (enum ike_scope)(1 + sim_below(&w->rng, 3));
		break;
	case 4:
		c.type = IKE_CMD_DELETE;
		c.scope = IKE_SCOPE_ALL;
		break;
	}
	sim_command(w, host, &c);
}

static void
cut(struct sim_world *w, unsigned host, int64_t ms, int64_t one_way)
{
	w->cut_until = instant_add(w->now, ms);
	w->cut_from = one_way ? (int)host : -1;
	sim_say(w, '-', "the network is cut for %lld ms", (long long)ms);
}

static void
restart(struct sim_world *w, unsigned host, int64_t a, int64_t b)
{
	(void)a, (void)b;
	if (w->host[host].up)
		return;
	sim_say(w, '-', "host %c comes back", w->host[host].name);
	sim_sadb_flush(&w->host[host]); /* what the dead instance left */
	sim_host_start(w, host);
}

static void
crash(struct sim_world *w, unsigned host, int64_t down_ms, int64_t b)
{
	(void)b;
	if (!w->host[host].up)
		return;
	sim_say(w, '-', "host %c dies", w->host[host].name);
	sim_host_stop(w, host);
	sim_at(w, instant_add(w->now, down_ms), host, restart, 0, 0);
}

static void
set_clock(struct sim_world *w, unsigned host, int64_t a, int64_t b)
{
	(void)host, (void)a, (void)b;
	w->epoch.ms += sim_between(&w->rng, -86400000, 86400000);
}

static void
schedule(struct sim_world *w)
{
	const struct sim_profile *p = w->profile;
	int64_t end = w->now.ms + p->fault_ms;
	for (unsigned i = 0; i < p->verbs; i++)
		sim_at(w, (instant){ sim_between(&w->rng, w->now.ms, end - 1) },
			sim_below(&w->rng, 2), operate, 0, 0);
	for (unsigned i = 0; i < p->partitions; i++)
		sim_at(w, (instant){ sim_between(&w->rng, w->now.ms, end - 50000) },
			sim_below(&w->rng, 2), cut, sim_between(&w->rng, 1000, 40000),
			sim_below(&w->rng, 2));
	for (unsigned i = 0; i < p->crashes; i++)
		sim_at(w, (instant){ sim_between(&w->rng, w->now.ms + 5000, end - 30000) },
			sim_below(&w->rng, 2), crash, sim_between(&w->rng, 500, 20000), 0);
	for (unsigned i = 0; p->clock_steps && i < CLOCK_STEPS; i++)
		sim_at(w, (instant){ sim_between(&w->rng, w->now.ms, end - 1) }, 0, set_clock, 0,
			0);
	for (unsigned i = 0; p->nat && i < REBINDS; i++)
		sim_at(w, (instant){ sim_between(&w->rng, w->now.ms, end - 1) }, 0, sim_rebind, 0,
			0);
	if (p->hostile)
		sim_at(w, instant_add(w->now, 2000), 0, sim_hostile, 0, 0);
}

/* ------------------------------------------------------------------------------- one run --- */

static void
start_traffic(struct sim_world *w, int64_t until)
{
	for (unsigned h = 0; h < SIM_HOSTS; h++)
		for (unsigned i = 0; i < w->host[h].policies; i++)
			sim_at(w, instant_add(w->now, sim_between(&w->rng, 100, 3000)), h, traffic,
				i, until);
}

/* The faults are over: traffic must flow, both ways, on every policy, without a loss. */
static void
recover(struct sim_world *w)
{
	int64_t reach = REACH_MS + 1000 * (w->profile->life1_s + w->profile->life2_s);
	w->faults = false;
	w->cut_until = w->now;
	sim_say(w, '-', "the faults are over");
	start_traffic(w, w->now.ms + reach + PROBE_MS);
	sim_run(w, instant_add(w->now, FOLLOW_MS));
	uint64_t in_nat = w->stats.nat_lost;
	sim_run(w, instant_add(w->now, reach - FOLLOW_MS));
	if (!sim_failed(w) && w->stats.nat_lost != in_nat)
		sim_fail(w, "packets still went to a port that the NAT forgot long ago");
	struct sim_stats before = w->stats;
	sim_run(w, instant_add(w->now, PROBE_MS));
	if (sim_failed(w))
		return;
	if (w->stats.lost != before.lost)
		sim_fail(w, "%llu packets were lost long after the faults",
			(unsigned long long)(w->stats.lost - before.lost));
	if (w->stats.no_sa != before.no_sa)
		sim_fail(w, "%llu packets had no SA long after the faults",
			(unsigned long long)(w->stats.no_sa - before.no_sa));
	uint64_t want = 4 * w->host[0].policies * SIM_HOSTS; /* far fewer than were sent */
	if (w->stats.delivered - before.delivered < want)
		sim_fail(w, "only %llu packets arrived long after the faults",
			(unsigned long long)(w->stats.delivered - before.delivered));
}

static void
settle(struct sim_world *w)
{
	struct text why = { 0 };
	for (int64_t end = w->now.ms + QUIET_MS; w->now.ms < end && !sim_failed(w);) {
		sim_run(w, instant_add(w->now, 333));
		text_clear(&why);
		if (sim_beliefs_agree(w, &why)) {
			text_free(&why);
			return;
		}
	}
	sim_fail(w, "no rest after %d s: %s", QUIET_MS / 1000, text_str(&why));
	text_free(&why);
}

static bool
is_empty(struct sim_world *w, unsigned host, const char *when)
{
	uint64_t cursor = 0;
	struct ike_sa_view v;
	for (unsigned k = 0; k < w->host[host].sa_top; k++)
		if (w->host[host].sa[k].used && !sim_failed(w))
			sim_fail(w, "%s and SPI %u is still at host %c", when,
				(unsigned)w->host[host].sa[k].sa.spi, w->host[host].name);
	if (!sim_failed(w) && ike_show_sa(w->host[host].ike, &cursor, &v))
		sim_fail(w, "%s and host %c still has phase 1 #%llu", when, w->host[host].name,
			(unsigned long long)v.serial);
	return !sim_failed(w);
}

/* One host says goodbye: it keeps nothing, and neither does the other, who was told. */
static void
ask_to_end(struct sim_world *w)
{
	unsigned first = sim_below(&w->rng, SIM_HOSTS);
	for (unsigned i = 0; i < SIM_HOSTS && !sim_failed(w); i++) {
		sim_command(
			w, i ? !first : first, &(struct ike_command){ .type = IKE_CMD_SHUTDOWN });
		sim_run(w, instant_add(w->now, FAREWELL_MS));
		if (!sim_failed(w) && is_empty(w, first, "one host was shut down"))
			is_empty(w, !first, "the other host was shut down");
	}
}

void
sim_scenario(struct sim_world *w)
{
	configure(w);
	w->faults = true;
	for (unsigned i = 0; i < SIM_HOSTS && !sim_failed(w); i++) {
		sim_host_start(w, i);
		sim_at(w, w->now, i, sim_sadb_tick, 0, 0);
	}
	sim_run(w, instant_add(w->now, START_MS));
	start_traffic(w, w->now.ms + w->profile->fault_ms);
	schedule(w);
	sim_run(w, instant_add(w->now, w->profile->fault_ms));
	if (!sim_failed(w))
		recover(w);
	if (!sim_failed(w))
		settle(w);
	if (!sim_failed(w))
		ask_to_end(w);
	if (!sim_failed(w))
		sim_check_end(w);
	if (!sim_failed(w) && w->profile->failures >= 0 &&
		w->stats.failures > (uint64_t)w->profile->failures)
		sim_fail(w, "%llu negotiations failed", (unsigned long long)w->stats.failures);
	if (!sim_failed(w) && (w->stats.ph1_up == 0 || w->stats.ph2_up == 0))
		sim_fail(w, "nothing was ever established");
}
