/*
 * sim_net.c - the network between the hosts, and the third party on it.
 *
 * A datagram may be lost, doubled, delayed (with a long tail, hence reordered) or cut off by a
 * partition.  The third party sees everything, and replays, bends, reflects and invents datagrams,
 * from the peers' addresses and from its own.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "racoon/wire/wire.h"

enum { STRANGER_NET = 0x0a424200 /* 10.66.66.0 */, MAX_BENT = 4, ANSWER_TENTHS = 15,
	REPLAY_MS = 90 * 1000 };

int64_t
sim_delay(struct sim_world *w)
{
	const struct sim_profile *p = w->profile;
	int64_t ms = p->delay_ms;
	if (!w->faults)
		return ms;
	ms += sim_between(&w->rng, 0, p->jitter_ms);
	if (sim_chance(&w->rng, p->tail))
		ms += sim_between(&w->rng, 0, p->tail_ms);
	return ms;
}

static struct sim_host *
host_at(struct sim_world *w, const struct net_addr *a)
{
	for (unsigned i = 0; i < SIM_HOSTS; i++)
		if (net_addr_equal(&w->host[i].address.addr, a))
			return &w->host[i];
	return NULL;
}

static struct sim_stranger *
stranger_at(struct sim_world *w, const struct net_addr *a)
{
	for (unsigned i = 0; i < w->strangers; i++)
		if (net_addr_equal(&w->stranger[i].addr, a))
			return &w->stranger[i];
	if (w->strangers == SIM_FLOODERS)
		return NULL;
	w->stranger[w->strangers].addr = *a;
	return &w->stranger[w->strangers++];
}

static void
put(struct sim_world *w, const struct net_endpoint *src, const struct net_endpoint *dst, bool natt,
	struct bytes octets, int64_t delay)
{
	struct sim_host *to = host_at(w, &dst->addr);
	if (!to)
		return;
	struct sim_event *ev = sim_event(w, SIM_EV_DATAGRAM, to->index, delay);
	ev->datagram.src = *src;
	ev->datagram.dst = *dst;
	ev->datagram.natt = natt;
	ev->datagram.n = octets.n;
	ev->datagram.octets = malloc(octets.n + 1);
	if (!ev->datagram.octets)
		abort();
	if (octets.n > 0)
		memcpy(ev->datagram.octets, octets.p, octets.n);
}

static void
put_bent(struct sim_world *w, const struct net_endpoint *src, const struct net_endpoint *dst,
	bool natt, struct bytes octets)
{
	uint8_t *copy = malloc(octets.n);
	if (!copy)
		abort();
	memcpy(copy, octets.p, octets.n);
	copy[sim_below(&w->rng, (uint32_t)octets.n)] ^= (uint8_t)(1u << sim_below(&w->rng, 8));
	put(w, src, dst, natt, bytes_of(copy, octets.n), sim_delay(w));
	free(copy);
}

static bool
is_cut(struct sim_world *w, unsigned from)
{
	return w->now.ms < w->cut_until.ms && (w->cut_from < 0 || (unsigned)w->cut_from == from);
}

static void
capture(struct sim_world *w, unsigned from, struct bytes octets)
{
	unsigned i = w->captures++ % SIM_CAPTURED;
	free(w->captured[i]);
	w->captured[i] = malloc(octets.n);
	if (!w->captured[i])
		abort();
	memcpy(w->captured[i], octets.p, octets.n);
	w->captured_n[i] = octets.n;
	w->captured_from[i] = from;
	static const uint8_t none[WIRE_COOKIE];
	if (octets.n > WIRE_HEADER && octets.n <= SIM_FIRST_MAX && octets.p[18] == WIRE_X_MAIN &&
		memcmp(octets.p + WIRE_COOKIE, none, WIRE_COOKIE) == 0) {
		memcpy(w->first, octets.p, octets.n);
		w->first_n = octets.n;
		w->first_from = from;
	}
}

static void
show(struct sim_world *w, unsigned from, struct bytes octets, const char *fate)
{
	struct wire_header h;
	struct wire_msg m;
	char line[WIRE_SUMMARY_MAX];
	if (!w->show_wire || wire_parse_header(octets, &h, NULL))
		return;
	bool sealed = h.flags & WIRE_F_ENCRYPTED;
	bool sound = !sealed &&
		     wire_parse(h.next, wire_payloads_of(octets), false, &m, NULL) == ST_NORMAL;
	sim_say(w, w->host[from].name, "%s %s", fate,
		wire_summary(line, sizeof(line), &h, sound ? &m : NULL));
}

/* Host A's NAT: out with its address and other ports, in only by the mapping of now.  What it lets
 * through to the wrong one of the two ports makes no sense there. */
static bool
translate(struct sim_world *w, unsigned from, struct net_endpoint *src, struct net_endpoint *dst,
	bool natt)
{
	if (!w->profile->nat)
		return true;
	if (from == 0) {
		src->addr = w->host[0].seen;
		src->port = (uint16_t)(src->port + w->nat_shift);
		return true;
	}
	if (!net_addr_equal(&dst->addr, &w->host[0].seen))
		return true;
	dst->addr = w->host[0].address.addr;
	dst->port = (uint16_t)(dst->port - w->nat_shift);
	return dst->port == (natt ? 4500 : 500);
}

void
sim_rebind(struct sim_world *w, unsigned host, int64_t a, int64_t b)
{
	(void)host, (void)a, (void)b;
	w->nat_shift = (uint16_t)sim_between(&w->rng, 10000, 60000);
	sim_say(w, '-', "the NAT forgets its mappings");
}

void
sim_send(struct sim_world *w, unsigned from, const struct net_endpoint *own,
	const struct net_endpoint *theirs, bool natt, struct bytes octets)
{
	struct net_endpoint outside = *own, inside = *theirs;
	const struct net_endpoint *src = &outside, *dst = &inside;
	if (octets.n == 1 && octets.p[0] == 0xff)
		return; /* a keepalive */
	if (!net_addr_equal(&own->addr, &w->host[from].address.addr))
		sim_fail(w, "host %c sends from an address it does not have", w->host[from].name);
	if (!translate(w, from, &outside, &inside, natt))
		return;
	struct sim_host *to = host_at(w, &dst->addr);
	w->stats.datagrams++;
	if (octets.n == 0 || octets.n > IKE_DATAGRAM_MAX)
		sim_fail(w, "host %c sends %zu octets", w->host[from].name, octets.n);
	if (!to) {
		struct sim_stranger *s = stranger_at(w, &dst->addr);
		unsigned copies = w->plant == SIM_PLANT_ECHO ? 3 : 1;
		if (s) {
			s->out_n += copies;
			s->out_octets += copies * octets.n;
			sim_check_strangers(w);
		}
		return;
	}
	if (w->profile->hostile && octets.n > 0)
		capture(w, from, octets);
	if (w->filter && !w->filter(w, from, octets)) {
		show(w, from, octets, "lost:");
		return;
	}
	show(w, from, octets, "sends");
	if (w->plant == SIM_PLANT_NO_INFO && octets.n > 18 && octets.p[18] == WIRE_X_INFO)
		return;
	if (w->plant == SIM_PLANT_NO_PIECE && octets.n > 35 && octets.p[16] == WIRE_FRAGMENT &&
		octets.p[35] != 0)
		return;
	bool lost = is_cut(w, from) || (w->faults && sim_chance(&w->rng, w->profile->loss));
	w->stats.dropped += lost;
	if (!lost && w->faults && sim_chance(&w->rng, w->profile->bent))
		put_bent(w, src, dst, natt, octets);
	else if (!lost)
		put(w, src, dst, natt, octets, sim_delay(w));
	if (w->faults && sim_chance(&w->rng, w->profile->duplicate))
		put(w, src, dst, natt, octets, sim_delay(w));
	if (w->faults && sim_chance(&w->rng, w->profile->replay))
		put(w, src, dst, natt, octets, sim_between(&w->rng, 0, REPLAY_MS));
	if (w->faults && sim_chance(&w->rng, w->profile->reflect))
		put(w, dst, src, natt, octets, sim_delay(w));
}

void
sim_deliver(struct sim_world *w, const struct sim_event *ev)
{
	if (!host_at(w, &ev->datagram.src.addr) &&
		!net_addr_equal(&ev->datagram.src.addr, &w->host[0].seen)) {
		struct sim_stranger *s = stranger_at(w, &ev->datagram.src.addr);
		if (!s)
			return;
		s->in_n++;
		s->in_octets += ev->datagram.n;
		if (ev->datagram.n > s->largest)
			s->largest = (uint32_t)ev->datagram.n;
	}
	struct ike_event in = { .type = IKE_EV_DATAGRAM, .datagram = { .local = ev->datagram.dst,
		.remote = ev->datagram.src, .octets = bytes_of(ev->datagram.octets, ev->datagram.n),
		.natt = ev->datagram.natt } };
	sim_step(w, ev->host, &in);
}

/* DESIGN 8: to those who have proven nothing, one answer per request, 1.5 times as long at most. */
void
sim_check_strangers(struct sim_world *w)
{
	for (unsigned i = 0; i < w->strangers; i++) {
		const struct sim_stranger *s = &w->stranger[i];
		if (s->out_n > s->in_n)
			sim_fail(w, "a stranger sent %llu datagrams and got %llu answers",
				(unsigned long long)s->in_n, (unsigned long long)s->out_n);
		if (s->out_octets * 10 > s->in_octets * ANSWER_TENTHS)
			sim_fail(w, "a stranger sent %llu octets and got %llu",
				(unsigned long long)s->in_octets,
				(unsigned long long)s->out_octets);
	}
}

/* ----------------------------------------------------------------------- the third party --- */

/* A Notify or Delete in clear, with the cookies of something seen. */
static size_t
forge(struct sim_world *w, const uint8_t *seen, size_t seen_n, uint8_t *buf, size_t size)
{
	struct wire_header h = { .version = WIRE_VERSION_1, .exchange = WIRE_X_INFO,
		.message_id = (uint32_t)sim_random(&w->rng) };
	struct wire_builder b;
	uint8_t spis[16];
	if (seen_n < WIRE_HEADER)
		return 0;
	memcpy(h.cookie_i, seen, WIRE_COOKIE);
	memcpy(h.cookie_r, seen + WIRE_COOKIE, WIRE_COOKIE);
	memcpy(spis, seen, sizeof(spis));
	wire_begin(&b, buf, size, &h);
	if (sim_chance(&w->rng, 500))
		wire_add_data(&b, WIRE_HASH, bytes_of(spis, 16));
	if (sim_chance(&w->rng, 500)) {
		wire_add_delete(&b, &(struct wire_delete){ .doi = 1, .protocol = WIRE_P_ISAKMP,
			.spi_size = 16, .count = 1, .spis = bytes_of(spis, 16) });
	} else {
		static const uint16_t types[] = { WIRE_N_NO_PROPOSAL_CHOSEN, WIRE_N_INVALID_COOKIE,
			WIRE_N_AUTHENTICATION_FAILED, WIRE_N_INITIAL_CONTACT, WIRE_N_INVALID_SPI };
		wire_add_notify(&b, &(struct wire_notify){ .doi = 1,
					    .protocol = WIRE_P_ISAKMP,
					    .spi = bytes_of(spis, 16),
					    .type = types[sim_below(&w->rng, ARRAY_LEN(types))] });
	}
	return wire_finish(&b).n;
}

static size_t
bend(struct sim_world *w, uint8_t *buf, size_t n, size_t size)
{
	switch (sim_below(&w->rng, 5)) {
	case 0: /* as it is */
		return n;
	case 1: /* shorter */
		return sim_below(&w->rng, (uint32_t)n + 1);
	case 2: /* longer, and says so */
		if (n + 8 <= size && n >= WIRE_HEADER) {
			memset(buf + n, 0, 8);
			n += 8;
			patch_u32(buf + 24, (uint32_t)n);
		}
		return n;
	case 3: /* another initiator cookie: somebody new */
		for (size_t i = 0; i < WIRE_COOKIE && i < n; i++)
			buf[i] = (uint8_t)sim_random(&w->rng);
		return n;
	}
	for (unsigned i = 0; i <= sim_below(&w->rng, MAX_BENT) && n > 0; i++)
		buf[sim_below(&w->rng, (uint32_t)n)] ^= (uint8_t)(1u << sim_below(&w->rng, 8));
	return n;
}

void
sim_hostile(struct sim_world *w, unsigned host, int64_t a, int64_t b)
{
	static uint8_t buf[IKE_DATAGRAM_MAX + 8];
	(void)host, (void)a, (void)b;
	if (!w->faults)
		return;
	sim_at(w, instant_add(w->now, sim_between(&w->rng, 20, 1500)), 0, sim_hostile, 0, 0);
	if (w->captures == 0)
		return;
	unsigned kept = w->captures < SIM_CAPTURED ? w->captures : SIM_CAPTURED;
	unsigned i = sim_below(&w->rng, kept), from = w->captured_from[i];
	size_t n = w->captured_n[i];
	memcpy(buf, w->captured[i], n);
	struct net_endpoint src = w->host[from].address, dst = w->host[!from].address;
	switch (sim_below(&w->rng, 7)) {
	case 0: /* again, later */
		break;
	case 1: /* back to its sender */
		src = w->host[!from].address;
		dst = w->host[from].address;
		break;
	case 2: /* forged */
		n = forge(w, w->captured[i], n, buf, sizeof(buf));
		break;
	case 3: /* from an address of its own */
		src.addr = net_ipv4(STRANGER_NET + sim_below(&w->rng, SIM_FLOODERS));
		n = bend(w, buf, n, sizeof(buf));
		break;
	case 5: /* a negotiation of its own */
		if (w->first_n == 0)
			return;
		n = w->first_n;
		memcpy(buf, w->first, n);
		for (size_t k = 0; k < WIRE_COOKIE; k++)
			buf[k] = (uint8_t)sim_random(&w->rng);
		src.addr = net_ipv4(STRANGER_NET + sim_below(&w->rng, SIM_FLOODERS));
		dst = w->host[!w->first_from].address;
		break;
	case 4: /* from another port */
		src.port = (uint16_t)sim_between(&w->rng, 1, 65535);
		break;
	default:
		n = bend(w, buf, n, sizeof(buf));
	}
	w->stats.hostile++;
	put(w, &src, &dst, false, bytes_of(buf, n), sim_delay(w));
}
