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
	for (unsigned i = 0; i < h->sa_top; i++) {
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
	for (unsigned i = 0; i < h->sa_top; i++) {
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
	for (unsigned i = 0; i < h->sa_top; i++)
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

enum { HEX = 16, WORD = 8, MARKS = 1 << 16 };

struct words { /* hexadecimal ones of keys, eight digits each, as numbers */
	uint64_t word[SIM_KEYS * (HEX - WORD + 1)];
	unsigned count;
	uint8_t mark[MARKS / 8]; /* by their hash: most of a trace is looked at no closer */
};

static uint64_t
word_at(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v | UINT64_C(0x2020202020202020); /* in lower case */
}

static unsigned
mark_of(uint64_t v)
{
	return (unsigned)((v * UINT64_C(0x9e3779b97f4a7c15)) >> 48);
}

/* Sixteen digits, wherever they begin, hold eight that begin at a multiple of eight. */
static void
add_words(struct words *s, const char *hex)
{
	for (unsigned i = 0; i <= HEX - WORD; i++) {
		uint64_t v = word_at(hex + i);
		s->word[s->count++] = v;
		s->mark[mark_of(v) / 8] |= (uint8_t)(1u << mark_of(v) % 8);
	}
}

/* Might one of the keys be in the trace in hexadecimal?  One pass, whatever the number of keys. */
static bool
may_have(const struct sim_world *w, const struct words *s)
{
	for (size_t at = 0; at + WORD <= w->trace.n; at += WORD) {
		uint64_t v = word_at(w->trace.p + at);
		if (!(s->mark[mark_of(v) / 8] & 1u << mark_of(v) % 8))
			continue;
		for (unsigned i = 0; i < s->count; i++)
			if (s->word[i] == v)
				return true;
	}
	return false;
}

static bool
all_text(const uint8_t *p, size_t n)
{
	unsigned bad = 0;

	for (size_t i = 0; i < n; i++)
		bad |= (unsigned)(p[i] - 0x20u > 0x5eu) & (unsigned)(p[i] != '\n');
	return bad == 0;
}

/* A key is in the trace, as it is or in hexadecimal of either case. */
static void
check_key(struct sim_world *w, const uint8_t *key, bool in_hex, bool as_is)
{
	char hex[40];

	bytes_to_hex(hex, sizeof(hex), bytes_of(key, WORD));
	bool found = in_hex && trace_has(w, hex, HEX);
	for (char *c = hex; *c; c++)
		if (*c >= 'a' && *c <= 'f')
			*c = (char)(*c - 'a' + 'A');
	if (found || (in_hex && trace_has(w, hex, HEX)) ||
		((as_is || all_text(key, WORD)) && trace_has(w, key, WORD)))
		sim_fail(w, "a key is in the trace: %s", hex);
}

/*
 * A line that concerns an SA ends in its number.  These concern none: the operator's words, an
 * address, a message that belongs to no SA, or that may become the first of one.
 */
void
sim_check_line(struct sim_world *w, struct sim_host *h, const char *text)
{
	static const char *const nobodys[] = { "accept a request to establish IKE-SA: ",
		"Flushing all SAs for peer ", "admin delete-sa ", "KA remove: ",
		"unknown cookie in ", "informational message for no SA ignored", "malformed ",
		"fragment dropped: ", "ACQUIRE cannot be served: " };
	static const char unknown[] = " exchange is not supported, dropped";
	const char *at = strrchr(text, '#');
	size_t n = strlen(text);

	if (at != NULL && at != text && at[-1] == ' ' && at[1] != '\0' &&
	    at[1 + strspn(at + 1, "0123456789")] == '\0') {
		h->first_shown = false;
		return;
	}
	if (strncmp(text, "received ", 9) == 0 && strstr(text, " first {") != NULL)
		h->first_shown = true;
	for (size_t i = 0; i < ARRAY_LEN(nobodys) && !h->first_shown; i++)
		if (strncmp(text, nobodys[i], strlen(nobodys[i])) == 0)
			return;
	if (n >= sizeof(unknown) - 1 && strcmp(text + n - sizeof(unknown) + 1, unknown) == 0)
		return;
	/* A first message that is refused is not shown in shorter traces. */
	if (!h->first_shown && w->level >= LOG_L_DEBUG)
		sim_fail(w, "a line of the log without an SA's number: %s", text);
}

/* DESIGN 8: no secret at any level, in no form. */
void
sim_check_trace(struct sim_world *w)
{
	struct words words = { .count = 0 };
	for (unsigned i = 0; i < w->keys; i++) {
		char hex[40];
		add_words(&words, bytes_to_hex(hex, sizeof(hex), bytes_of(w->key[i], WORD)));
	}
	bool in_hex = may_have(w, &words);
	bool as_is = !all_text((const uint8_t *)w->trace.p, w->trace.n);
	for (unsigned i = 0; i < w->keys; i++)
		check_key(w, w->key[i], in_hex, as_is);
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		const char *psk = w->host[i].psk_text;
		const char *secret = psk ? strrchr(psk, ' ') : NULL;
		if (secret && trace_has(w, secret + 1, strcspn(secret + 1, "\n")))
			sim_fail(w, "the pre-shared key is in the trace");
	}
}
