/*
 * show_metrics.c - SHOW METRICS: what racoon knows of itself and its peers, for Prometheus.
 *
 * Called by show.c for one item at a time: an item is some lines.  First the numbers, then a gauge
 * for each peer, up or down, then, while there are few, each IPsec SA with its traffic.
 */
#include "racoon/daemon/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/metrics.h"

enum { SAS_MAX = 1000 /* IPsec SAs that get samples of their own */ };

enum part { PART_NUMBERS, PART_PEERS_UP, PART_PEERS_SAS, PART_TRAFFIC, PART_END };

static const struct {
	enum ike_count which;
	const char *name, *help;
} counters[] = {
	{ IKE_N_RECEIVED, "racoon_messages_received_total", "ISAKMP messages received" },
	{ IKE_N_SENT, "racoon_messages_sent_total", "ISAKMP messages sent" },
	{ IKE_N_RETRANSMITTED, "racoon_messages_retransmitted_total", "messages sent again" },
	{ IKE_N_DUPLICATE, "racoon_messages_duplicate_total", "messages received again" },
	{ IKE_N_MALFORMED, "racoon_messages_malformed_total", "messages that are none" },
	{ IKE_N_NO_SA, "racoon_messages_no_sa_total", "messages of no SA" },
	{ IKE_N_HALF_OPEN_REFUSED, "racoon_half_open_refused_total",
		"times that the limit of half-open negotiations was reached" },
	{ IKE_N_FOLDED, "racoon_folded_total", "first messages answered without keeping an SA" },
	{ IKE_N_PH1_UP, "racoon_phase1_established_total", "phase 1 negotiations that succeeded" },
	{ IKE_N_PH1_FAILED, "racoon_phase1_failed_total", "phase 1 negotiations that failed" },
	{ IKE_N_PH2_UP, "racoon_phase2_established_total", "phase 2 negotiations that succeeded" },
	{ IKE_N_PH2_FAILED, "racoon_phase2_failed_total", "phase 2 negotiations that failed" },
	{ IKE_N_ACQUIRE, "racoon_acquires_total", "requests of the SA database for SAs" },
	{ IKE_N_BAD_HASH, "racoon_bad_hashes_total", "messages that are not authentic" },
	{ IKE_N_REKEYED, "racoon_rekeys_total", "renewals begun" },
};

static void
numbers(struct show *s)
{
	const struct ike *e = rd_engine(s->d);
	const struct metric_label version[] = { { "version", MULTINET_VERSION }, { NULL, NULL } };
	struct text *out = &s->out;
	struct rd_state st;

	rd_state(s->d, &st);
	metrics_family(out, "racoon_info", METRIC_GAUGE, "the program");
	metrics_sample(out, "racoon_info", version, 1);
	metrics_single(out, "racoon_start_time_seconds", METRIC_GAUGE,
		"when it was started, seconds since 1970", (uint64_t)(st.started.ms / 1000));
	metrics_single(out, "racoon_config_loaded_seconds", METRIC_GAUGE,
		"when the configuration in use was read, seconds since 1970",
		(uint64_t)(st.loaded.ms / 1000));
	metrics_single(out, "racoon_sadb_up", METRIC_GAUGE, "is the SA database there?",
		st.sadb_up ? 1 : 0);
	metrics_single(out, "racoon_isakmp_sas", METRIC_GAUGE,
		"phase 1 SAs, those being negotiated included", ike_sa_count(e));
	metrics_single(out, "racoon_half_open", METRIC_GAUGE,
		"phase 1 negotiations that others have begun", ike_half_open_count(e));
	metrics_single(out, "racoon_ipsec_sas", METRIC_GAUGE, "IPsec SAs installed, each way one",
		st.journal);
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		metrics_single(out, counters[i].name, METRIC_COUNTER, counters[i].help,
			ike_count(e, counters[i].which));
}

static void
failures(struct show *s)
{
	const char *name = "racoon_failures_total";

	metrics_family(&s->out, name, METRIC_COUNTER, "failures by cause, as HELP/MESSAGE has it");
	for (unsigned i = 0; i < ST_COUNT; i++) {
		const struct metric_label labels[] = {
			{ "cause", status_row((enum status)i)->ident }, { NULL, NULL } };
		uint64_t n = ike_failed_count(rd_engine(s->d), (enum status)i);

		if (n != 0)
			metrics_sample(&s->out, name, labels, n);
	}
}

/* One peer; false: there are no more. */
static bool
peer(struct show *s, bool sas)
{
	char addr[NET_ADDR_TEXT] = "any";
	struct show_peer p;

	if (!show_next_peer(s, &p))
		return false;
	if (p.address.family != 0)
		net_addr_text(addr, sizeof(addr), &p.address);
	const struct metric_label labels[] = { { "peer", p.section }, { "address", addr },
		{ NULL, NULL } };

	if (sas)
		metrics_sample(&s->out, "racoon_peer_ipsec_sas", labels, p.children);
	else
		metrics_sample(&s->out, "racoon_peer_up", labels, p.up > 0 ? 1 : 0);
	return true;
}

static bool
traffic(struct show *s)
{
	struct show_traffic t;
	struct rd_state st;
	char number[24];

	rd_state(s->d, &st);
	if (st.journal > SAS_MAX || !show_next_traffic(s, &t))
		return false;
	snprintf(number, sizeof(number), "%" PRIu64, t.serial);
	for (unsigned i = 0; i < 2; i++) {
		char spi[12];
		const struct metric_label labels[] = { { "sa", number },
			{ "direction", i == 0 ? "in" : "out" }, { "spi", spi },
			{ "protocol", t.protocol }, { "remote", t.remote }, { NULL, NULL } };

		snprintf(spi, sizeof(spi), "0x%08" PRIx32, i == 0 ? t.spi_in : t.spi_out);
		if (i == 0 ? t.in_known : t.out_known)
			metrics_sample(&s->out, "racoon_ipsec_octets_total", labels,
				i == 0 ? t.octets_in : t.octets_out);
	}
	return true;
}

/* The head of a part's family. */
static void
part_begin(struct show *s, enum part part)
{
	if (part == PART_PEERS_UP)
		metrics_family(&s->out, "racoon_peer_up", METRIC_GAUGE,
			"has the configured peer an ISAKMP SA that is established?");
	else if (part == PART_PEERS_SAS)
		metrics_family(&s->out, "racoon_peer_ipsec_sas", METRIC_GAUGE,
			"pairs of IPsec SAs with the peer");
	else if (part == PART_TRAFFIC)
		metrics_family(&s->out, "racoon_ipsec_octets_total", METRIC_COUNTER,
			"octets that the SA database has counted for an IPsec SA");
}

/* s->index: twice the part, and one when its family's head is out. */
bool
show_metrics(struct show *s)
{
	while (s->index < 2 * PART_END) {
		enum part part = (enum part)(s->index / 2);
		bool more = false;

		if (part == PART_NUMBERS) {
			numbers(s);
			failures(s);
		} else if (s->index % 2 == 0) {
			part_begin(s, part);
			s->index++;
			break;
		} else if (part == PART_TRAFFIC) {
			more = traffic(s);
		} else {
			more = peer(s, part == PART_PEERS_SAS);
		}
		if (s->waiting)
			return false;
		if (more && s->out.n > 0)
			break;
		if (!more)
			s->index = 2 * ((unsigned)part + 1);
		if (!more && part == PART_NUMBERS)
			break;
		s->cursor = more ? s->cursor : 0;
	}
	if (s->out.n == 0)
		return false;
	s->out.p[--s->out.n] = '\0'; /* lines are ended by whoever sends them */
	if (s->call->json) {
		struct text lines = s->out;

		s->out = (struct text){ 0 };
		s->json = json_to(&s->out);
		json_string(&s->json, NULL, text_str(&lines));
		text_free(&lines);
	}
	return true;
}
