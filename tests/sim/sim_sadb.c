/*
 * sim_sadb.c - a model SA database: SAs, policies and the packets between them.
 *
 * What a kernel does, in the small: getspi, update, add, delete; soft and hard expiry by time;
 * ACQUIRE for a packet that has a policy and no SA.  A protected packet is the list of SAs that
 * made it, each with a digest of its keys; the receiver must have the same.
 */
#include "tests/sim/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HELD_MS = 30000, SPI_TRIES = 64, NO_UPDATE_PER_MILLE = 60 };

static uint64_t
sa_digest(const struct ipsec_sa *sa)
{
	static const struct hash_key key = { 3, 4 };
	uint64_t d = hash_bytes(&key, sa->encr_key.b, sa->encr_key.octets);
	d = hash_more(d, hash_bytes(&key, sa->auth_key.b, sa->auth_key.octets));
	d = hash_more(d, sa->encr ? sa->encr->pfkey : 0);
	d = hash_more(d, sa->auth ? sa->auth->pfkey : 0);
	return hash_more(d, sa->mode);
}

static struct sim_sa *
find(struct sim_host *h, const struct ipsec_sa *key)
{
	for (unsigned i = 0; i < h->sa_top; i++) {
		struct sim_sa *s = &h->sa[i];
		if (s->used && s->sa.spi == key->spi && s->sa.proto == key->proto &&
			net_addr_equal(&s->sa.dst.addr, &key->dst.addr))
			return s;
	}
	return NULL;
}

static struct sim_sa *
unused(struct sim_world *w, struct sim_host *h)
{
	for (unsigned i = 0; i < SIM_SAS; i++)
		if (!h->sa[i].used) {
			h->sa_top = i < h->sa_top ? h->sa_top : i + 1;
			return &h->sa[i];
		}
	sim_fail(w, "host %c has more than %d SAs", h->name, SIM_SAS);
	return NULL;
}

static void
forget(struct sim_sa *s)
{
	ipsec_sa_wipe(&s->sa);
	s->used = false;
}

void
sim_sadb_flush(struct sim_host *h)
{
	for (unsigned i = 0; i < h->sa_top; i++)
		if (h->sa[i].used)
			forget(&h->sa[i]);
}

/* ------------------------------------------------------------------------------ requests --- */

static int
do_getspi(struct sim_world *w, struct sim_host *h, struct sadb_msg *m)
{
	uint32_t low = m->spi_min ? m->spi_min : SA_SPI_MIN,
		 high = m->spi_max ? m->spi_max : UINT32_MAX;
	struct sim_sa *s = unused(w, h);
	if (!s || high < low)
		return EINVAL;
	for (unsigned i = 0; i < SPI_TRIES; i++) {
		m->sa.spi = (uint32_t)sim_between(&w->rng, low, high);
		if (w->plant == SIM_PLANT_ONE_SPI)
			m->sa.spi = low + 7;
		else if (find(h, &m->sa))
			continue;
		*s = (struct sim_sa){ .used = true, .sa = m->sa, .created = w->now };
		s->sa.state = SA_LARVAL;
		return 0;
	}
	return EEXIST;
}

static void
complete(struct sim_world *w, struct sim_host *h, struct sim_sa *s, const struct ipsec_sa *sa)
{
	s->sa = *sa;
	s->sa.state = SA_MATURE;
	s->created = w->now;
	s->soft_told = false;
	sim_secret(w, bytes_of(sa->encr_key.b, sa->encr_key.octets));
	sim_secret(w, bytes_of(sa->auth_key.b, sa->auth_key.octets));
	bool outbound = net_addr_equal(&sa->src.addr, &h->address.addr);
	if (w->plant == SIM_PLANT_KEYS && outbound && sa->encr_key.octets > 0)
		s->sa.encr_key.b[0] ^= 1;
}

static int
do_update(struct sim_world *w, struct sim_host *h, const struct sadb_msg *m)
{
	struct sim_sa *s = find(h, &m->sa);
	if (!s)
		return ESRCH;
	if (s->sa.state != SA_LARVAL) { /* other ports for the same keys, no more */
		if (!s->sa.natt || !m->sa.natt || sa_digest(&s->sa) != sa_digest(&m->sa))
			return EEXIST;
		if (w->plant != SIM_PLANT_OLD_PORT) {
			s->sa.src.port = m->sa.src.port;
			s->sa.dst.port = m->sa.dst.port;
		}
		return 0;
	}
	if (w->plant == SIM_PLANT_NO_UPDATE && sim_chance(&w->rng, NO_UPDATE_PER_MILLE)) {
		forget(s);
		return 0;
	}
	complete(w, h, s, &m->sa);
	return 0;
}

static int
do_add(struct sim_world *w, struct sim_host *h, const struct sadb_msg *m)
{
	if (find(h, &m->sa))
		return EEXIST;
	struct sim_sa *s = unused(w, h);
	if (!s)
		return ENOBUFS;
	*s = (struct sim_sa){ .used = true };
	complete(w, h, s, &m->sa);
	return 0;
}

static int
do_delete(struct sim_world *w, struct sim_host *h, const struct sadb_msg *m)
{
	struct sim_sa *s = find(h, &m->sa);
	if (!s)
		return ESRCH;
	if (w->plant != SIM_PLANT_NO_DELETE)
		forget(s);
	return 0;
}

static struct sadb_msg *
copy_of(const struct sadb_msg *m)
{
	struct sadb_msg *copy = malloc(sizeof(*copy));

	if (!copy)
		abort();
	*copy = *m;
	return copy;
}

void
sim_sadb_request(struct sim_world *w, unsigned host, uint64_t id, const struct sadb_msg *m)
{
	struct sim_host *h = &w->host[host];
	/* one after the other, as on a socket */
	int64_t ms = w->faults ? sim_between(&w->rng, 0, 10) : 1;
	instant when = instant_add(w->now, ms);
	if (when.ms < h->sadb_free.ms)
		when = h->sadb_free;
	h->sadb_free = when;
	struct sim_event *ev = sim_event(w, SIM_EV_SADB, host, instant_diff(when, w->now));
	ev->sadb.id = id;
	ev->sadb.msg = copy_of(m);
}

static void
answer(struct sim_world *w, const struct sim_event *request, struct sadb_msg *m)
{
	struct sim_event *ev = sim_event(w, SIM_EV_ANSWER, request->host, w->faults ? 1 : 0);
	ev->generation = request->generation;
	ev->sadb.id = request->sadb.id;
	ev->sadb.msg = copy_of(m);
	ipsec_sa_wipe(&ev->sadb.msg->sa);
	sadb_msg_wipe(m);
}

void
sim_sadb_run(struct sim_world *w, const struct sim_event *ev)
{
	struct sim_host *h = &w->host[ev->host];
	struct sadb_msg m = *ev->sadb.msg;
	if (w->faults && sim_chance(&w->rng, w->profile->refused) && m.op != SADB_OP_DELETE) {
		m.error = ENOBUFS;
		answer(w, ev, &m);
		return;
	}
	switch (m.op) {
	case SADB_OP_GETSPI:
		m.error = do_getspi(w, h, &m);
		break;
	case SADB_OP_UPDATE:
		m.error = do_update(w, h, &m);
		break;
	case SADB_OP_ADD:
		m.error = do_add(w, h, &m);
		break;
	case SADB_OP_DELETE:
		m.error = do_delete(w, h, &m);
		break;
	case SADB_OP_REGISTER:
		break;
	default:
		m.error = EOPNOTSUPP;
		sim_fail(w, "host %c asks its database for %s", h->name, sadb_op_name(m.op));
	}
	answer(w, ev, &m);
}

/* -------------------------------------------------------------------------------- expiry --- */

static void
tell(struct sim_world *w, unsigned host, const struct ipsec_sa *sa, bool hard)
{
	struct sadb_msg m = { .op = SADB_OP_EXPIRE, .has_sa = true, .sa = *sa, .hard = hard };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };
	ipsec_sa_wipe(&m.sa);
	sim_step(w, host, &ev);
}

void
sim_sadb_tick(struct sim_world *w, unsigned host, int64_t a, int64_t b)
{
	struct sim_host *h = &w->host[host];
	sim_at(w, instant_add(w->now, 250), host, sim_sadb_tick, a, b);
	for (unsigned i = 0; i < h->sa_top; i++) {
		struct sim_sa *s = &h->sa[i];
		if (!s->used)
			continue;
		int64_t age = instant_diff(w->now, s->created);
		int64_t hard = (int64_t)s->sa.hard.add_s * 1000,
			soft = (int64_t)s->sa.soft.add_s * 1000;
		if (s->sa.state == SA_LARVAL)
			hard = SIM_LARVAL_MS, soft = 0;
		if (w->plant == SIM_PLANT_EARLY_END && hard > 0 && age >= hard / 2) {
			forget(s);
			continue;
		}
		struct ipsec_sa copy = s->sa;
		if (hard > 0 && age >= hard) {
			bool larval = s->sa.state == SA_LARVAL;
			forget(s);
			if (!larval)
				tell(w, host, &copy, true);
		} else if (soft > 0 && age >= soft && !s->soft_told) {
			s->soft_told = true;
			s->sa.state = SA_DYING;
			tell(w, host, &copy, false);
		}
		ipsec_sa_wipe(&copy);
	}
	for (unsigned i = 0; i < h->policies; i++) {
		struct sim_policy *p = &h->policy[i];
		if (p->held > 0 && instant_diff(w->now, p->held_since) >= HELD_MS) {
			w->stats.expired_held += p->held;
			p->held = 0;
		}
	}
}

/* --------------------------------------------------------------------- policies, packets --- */

static struct net_prefix
prefix(const char *text)
{
	struct net_prefix p = { 0 };
	net_prefix_parse(text, &p);
	return p;
}

static void
set_rule(struct sp_rule *r, enum sa_proto proto, enum sa_mode mode, enum sp_level level,
	uint32_t reqid, const struct sim_host *src, const struct sim_host *dst,
	const struct sim_host *own)
{
	*r = (struct sp_rule){ .proto = proto, .mode = mode, .level = level, .reqid = reqid };
	if (mode == SA_TUNNEL) {
		r->src.addr = src == own ? src->address.addr : src->seen;
		r->dst.addr = dst == own ? dst->address.addr : dst->seen;
	}
}

void
sim_add_policy(struct sim_world *w, unsigned index, const char *src, const char *dst,
	enum sa_mode mode, enum sp_level level, uint32_t reqid, bool with_ah)
{
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		struct sim_host *h = &w->host[i], *peer = &w->host[!i];
		struct ipsec_policy p = { .action = SP_IPSEC, .priority = SP_PRIORITY_DEFAULT,
			.rules = with_ah ? 2 : 1, .sel.upper = SP_UPPER_ANY };
		p.sel.src = prefix(i == 0 ? src : dst);
		p.sel.dst = prefix(i == 0 ? dst : src);
		p.dir = SP_OUT;
		p.id = 8 * index + 1;
		for (unsigned r = 0; r < p.rules; r++)
			set_rule(&p.rule[r], r ? SA_AH : SA_ESP, mode, level, reqid ? reqid + r : 0,
				h, peer, h);
		h->policy[index].out = p;
		struct sp_selector back = {
			.src = p.sel.dst, .dst = p.sel.src, .upper = SP_UPPER_ANY
		};
		p.sel = back;
		p.dir = SP_IN;
		p.id = 8 * index + 8;
		for (unsigned r = 0; r < p.rules; r++)
			set_rule(&p.rule[r], r ? SA_AH : SA_ESP, mode, level, reqid ? reqid + r : 0,
				peer, h, h);
		h->policy[index].in = p;
		if (h->policies <= index)
			h->policies = index + 1;
	}
}

void
sim_tell_policies(struct sim_world *w, unsigned host)
{
	struct sim_host *h = &w->host[host];
	struct ike_event ev = { .type = IKE_EV_SPD_RESET };
	sim_step(w, host, &ev);
	for (unsigned i = 0; i < 2 * h->policies && w->plant != SIM_PLANT_NO_POLICY; i++) {
		struct sadb_msg m = {
			.op = SADB_OP_SPDDUMP, .has_sp = true, .seq = 2 * h->policies - i - 1
		};
		m.sp = i % 2 ? h->policy[i / 2].in : h->policy[i / 2].out;
		ev = (struct ike_event){ .type = IKE_EV_SADB, .sadb = &m };
		sim_step(w, host, &ev);
	}
}

/* The SA that a kernel takes for a rule: mature before dying, then the newest. */
static struct sim_sa *
outbound(struct sim_host *h, const struct sp_rule *r, const struct net_addr *dst)
{
	struct sim_sa *best = NULL;
	for (unsigned i = 0; i < h->sa_top; i++) {
		struct sim_sa *s = &h->sa[i];
		if (!s->used || s->sa.state == SA_LARVAL || s->sa.proto != r->proto ||
			!net_addr_equal(&s->sa.src.addr, &h->address.addr) ||
			!net_addr_equal(&s->sa.dst.addr, dst) || s->sa.mode != r->mode)
			continue;
		if (r->level == SP_UNIQUE && s->sa.reqid != r->reqid)
			continue;
		if (!best || (best->sa.state == SA_DYING && s->sa.state == SA_MATURE) ||
			(best->sa.state == s->sa.state && s->created.ms > best->created.ms))
			best = s;
	}
	return best;
}

static void
acquire(struct sim_world *w, unsigned host, struct sim_policy *p, enum sa_proto proto)
{
	struct sim_host *h = &w->host[host];
	if (p->acquiring && instant_diff(w->now, p->acquired) < SIM_ACQUIRE_MS)
		return;
	p->acquiring = true;
	p->acquired = w->now;
	w->stats.acquires++;
	struct sadb_msg m = { .op = SADB_OP_ACQUIRE, .has_sa = true, .has_sp = true, .sp = p->out,
		.seq = (uint32_t)w->stats.acquires };
	m.sa.proto = proto;
	m.sa.src = h->address;
	m.sa.dst = (struct net_endpoint){ .addr = w->host[!host].seen };
	m.sa.src.port = m.sa.dst.port = 0;
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };
	sim_step(w, host, &ev);
}

/* False: some SA is missing, and has been asked for. */
static bool
protect(struct sim_world *w, unsigned host, unsigned policy)
{
	struct sim_host *h = &w->host[host], *peer = &w->host[!host];
	struct sim_policy *p = &h->policy[policy];
	struct sim_hop hop[SP_RULES_MAX];
	bool lost_in_nat = false;
	for (unsigned i = 0; i < p->out.rules; i++) {
		struct sim_sa *s = outbound(h, &p->out.rule[i], &peer->seen);
		if (!s) {
			if (h->up)
				acquire(w, host, p, p->out.rule[i].proto);
			return false;
		}
		lost_in_nat |= host == 1 && s->sa.natt &&
			       s->sa.dst.port != (uint16_t)(4500 + w->nat_shift);
		hop[i] = (struct sim_hop){ s->sa.proto, s->sa.spi, sa_digest(&s->sa) };
	}
	p->acquiring = false;
	w->stats.sent++;
	bool lost = (w->now.ms < w->cut_until.ms &&
			    (w->cut_from < 0 || (unsigned)w->cut_from == host)) ||
		    (w->faults && sim_chance(&w->rng, w->profile->loss));
	if (lost_in_nat) {
		w->stats.lost++;
		w->stats.nat_lost++;
		w->stats.last_loss = w->now;
	}
	if (lost || lost_in_nat)
		return true; /* the network's fault: nobody is to blame */
	struct sim_event *ev = sim_event(w, SIM_EV_PACKET, !host, sim_delay(w));
	ev->packet.policy = policy;
	ev->packet.hops = p->out.rules;
	memcpy(ev->packet.hop, hop, sizeof(hop));
	return true;
}

void
sim_packet_out(struct sim_world *w, unsigned host, unsigned policy)
{
	struct sim_policy *p = &w->host[host].policy[policy];
	if (protect(w, host, policy))
		return;
	w->stats.no_sa++;
	if (p->held == SIM_HELD)
		return;
	if (p->held++ == 0)
		p->held_since = w->now;
}

void
sim_release(struct sim_world *w, unsigned host)
{
	struct sim_host *h = &w->host[host];
	for (unsigned i = 0; i < h->policies; i++)
		while (h->policy[i].held > 0 && protect(w, host, i))
			h->policy[i].held--;
}

void
sim_packet_in(struct sim_world *w, const struct sim_event *ev)
{
	struct sim_host *h = &w->host[ev->host];
	for (unsigned i = ev->packet.hops; i-- > 0;) {
		const struct sim_hop *hop = &ev->packet.hop[i];
		struct ipsec_sa key = { .proto = hop->proto, .spi = hop->spi, .dst = h->address };
		struct sim_sa *s = find(h, &key);
		if (!s || s->sa.state == SA_LARVAL) {
			w->stats.lost++;
			w->stats.last_loss = w->now;
			sim_say(w, h->name, "packet lost: %s spi=%u %s", sa_proto_name(hop->proto),
				(unsigned)hop->spi, s ? "is larval" : "is not there");
			if (w->profile->lossless)
				sim_fail(w, "a packet to host %c was lost: SPI %u %s", h->name,
					(unsigned)hop->spi, s ? "is larval" : "is not there");
			return;
		}
		if (sa_digest(&s->sa) != hop->digest)
			sim_fail(w, "the ends of SPI %u disagree about keys, algorithms or mode",
				(unsigned)hop->spi);
	}
	w->stats.delivered++;
}
