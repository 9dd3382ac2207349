/*
 * sim_check.c - what must be true: at the end of a run, and of its trace.
 */
#include "tests/sim/sim.h"

#include <string.h>

enum { PAIRS_CALM = 2, PAIRS_FAULTS = 4, PHASE1_MAX = 4 };

static bool
is_established(const struct sim_host *h, const struct ike_child_view *v, uint32_t spi, bool inbound)
{
	(void)h;
	return v->established && (inbound ? v->spi_in : v->spi_out) == spi;
}

/* Does the engine know of this SA? */
static bool
engine_knows(const struct sim_host *h, const struct ipsec_sa *sa)
{
	struct ike_child_view v;
	bool inbound = net_addr_equal(&sa->dst.addr, &h->address.addr);
	for (uint64_t cursor = 0; ike_show_child(h->ike, &cursor, &v);)
		if (v.proto == sa->proto && is_established(h, &v, sa->spi, inbound))
			return true;
	return false;
}

static bool
database_has(
	const struct sim_host *h, enum sa_proto proto, uint32_t spi, const struct net_addr *dst)
{
	for (unsigned i = 0; i < SIM_SAS; i++) {
		const struct sim_sa *s = &h->sa[i];
		if (s->used && s->sa.state != SA_LARVAL && s->sa.spi == spi &&
			s->sa.proto == proto && net_addr_equal(&s->sa.dst.addr, dst))
			return true;
	}
	return false;
}

/* Every SA of the database is the engine's, and every one of the engine's is in the database. */
static bool
beliefs_of(struct sim_world *w, struct sim_host *h, struct text *why)
{
	struct ike_child_view v;
	for (unsigned i = 0; i < SIM_SAS; i++) {
		const struct sim_sa *s = &h->sa[i];
		if (!s->used)
			continue;
		if (s->sa.state == SA_LARVAL) {
			text_addf(why, "host %c: SPI %u is larval; ", h->name, (unsigned)s->sa.spi);
			return false;
		}
		if (!engine_knows(h, &s->sa)) {
			text_addf(why, "host %c: SPI %u leaked; ", h->name, (unsigned)s->sa.spi);
			return false;
		}
	}
	for (uint64_t cursor = 0; ike_show_child(h->ike, &cursor, &v);) {
		if (!v.established) {
			text_addf(why, "host %c: child #%llu is in %s; ", h->name,
				(unsigned long long)v.serial, v.state);
			return false;
		}
		if (!database_has(h, v.proto, v.spi_in, &h->address.addr) ||
			!database_has(h, v.proto, v.spi_out, &w->host[!h->index].seen)) {
			text_addf(why,
				"host %c: child #%llu (in %u, out %u) is not in the database; ",
				h->name, (unsigned long long)v.serial, (unsigned)v.spi_in,
				(unsigned)v.spi_out);
			return false;
		}
	}
	return true;
}

static bool
phase1_settled(struct sim_host *h, struct text *why)
{
	struct ike_sa_view v;
	unsigned up = 0;
	for (uint64_t cursor = 0; ike_show_sa(h->ike, &cursor, &v);) {
		if (!v.established) {
			text_addf(why, "host %c: phase 1 #%llu is in %s; ", h->name,
				(unsigned long long)v.serial, v.state);
			return false;
		}
		up++;
	}
	if (up > PHASE1_MAX)
		text_addf(why, "host %c: %u phase 1 SAs; ", h->name, up);
	if (ike_half_open_count(h->ike) > 0)
		text_addf(why, "host %c: %zu half-open; ", h->name, ike_half_open_count(h->ike));
	return up <= PHASE1_MAX && ike_half_open_count(h->ike) == 0;
}

static bool
few_enough(struct sim_world *w, struct sim_host *h, struct text *why)
{
	unsigned rules = 0, sas = 0;
	for (unsigned i = 0; i < h->policies; i++)
		rules += h->policy[i].out.rules;
	for (unsigned i = 0; i < SIM_SAS; i++)
		sas += h->sa[i].used;
	unsigned limit = 2 * rules * (w->profile->lossless ? PAIRS_CALM : PAIRS_FAULTS);
	if (sas > limit)
		text_addf(why, "host %c: %u SAs for %u rules; ", h->name, sas, rules);
	return sas <= limit;
}

bool
sim_beliefs_agree(struct sim_world *w, struct text *why)
{
	bool good = true;
	if (sim_in_flight(w))
		return false;
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		struct sim_host *h = &w->host[i];
		good = h->up && beliefs_of(w, h, why) && phase1_settled(h, why) &&
			few_enough(w, h, why) && good;
	}
	return good;
}

void
sim_check_end(struct sim_world *w)
{
	for (unsigned i = 0; i < w->commands; i++) {
		const struct sim_command *c = &w->command[i];
		if (!c->answered && c->generation == w->host[c->host].generation)
			sim_fail(w, "command %llu of host %c, given at %lld ms, was never answered",
				(unsigned long long)c->id, w->host[c->host].name,
				(long long)c->given.ms);
	}
	sim_check_strangers(w);
	sim_check_trace(w);
}

static bool
trace_has(const struct sim_world *w, const void *p, size_t n)
{
	return w->trace.n >= n && memmem(w->trace.p, w->trace.n, p, n) != NULL;
}

/* DESIGN 8: no secret at any level, in no form. */
void
sim_check_trace(struct sim_world *w)
{
	char hex[40];
	for (unsigned i = 0; i < w->keys; i++) {
		bytes_to_hex(hex, sizeof(hex), bytes_of(w->key[i], 8));
		if (trace_has(w, hex, 16))
			sim_fail(w, "a key is in the trace: %s", hex);
		for (char *c = hex; *c; c++)
			if (*c >= 'a' && *c <= 'f')
				*c = (char)(*c - 'a' + 'A');
		if (trace_has(w, hex, 16) || trace_has(w, w->key[i], 8))
			sim_fail(w, "a key is in the trace: %s", hex);
	}
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		const char *psk = w->host[i].psk_text;
		const char *secret = psk ? strrchr(psk, ' ') : NULL;
		if (secret && trace_has(w, secret + 1, strcspn(secret + 1, "\n")))
			sim_fail(w, "the pre-shared key is in the trace");
	}
}
