/*
 * sadb_host_uv.c - the daemon and the SA database: requests of the engine, policies, and what is to
 * be done after either side was restarted.
 *
 * Called by host_uv.c and by the database's client.  Whenever the database becomes ready its
 * policies are read into the engine.  The first time, SAs of a racoon that died (its journal) are
 * deleted and their peers approached; later, SAs the engine believes in and the database has lost
 * are given up, so that they are negotiated anew.  Nothing is deleted that no racoon of ours
 * installed.
 */
#include "racoon/daemon/host_uv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

enum { PFKEY_WINDOW = 32 }; /* packets */

/* DEAD_SA + index */
enum own_request { OWN_SPD_DUMP = 1, OWN_SAD_DUMP = 2, OWN_RESTORE = 3, OWN_DEAD_SA = 4 };

struct seen { /* one SA that the database has */
	struct hash_node node;
	enum sa_proto proto;
	struct net_addr dst;
	uint32_t spi;
};

/* ------------------------------------------------------------------- requests of the engine */

/* The peer's end of an SA: the end that is none of our addresses. */
static const struct net_addr *
peer_of(const struct rd *d, const struct ipsec_sa *sa)
{
	return rd_is_local(d, &sa->dst.addr) ? &sa->src.addr : &sa->dst.addr;
}

/*
 * The SA as the database can have it.  A window is our own affair, not the peer's: the kernel's
 * PF_KEY takes no more than 32 packets, and fewer are better than no SA.
 */
static void
send_request(struct rd *d, uint64_t id, const struct sadb_msg *m)
{
	struct sadb_msg narrow;

	if (!m->has_sa || m->sa.replay <= PFKEY_WINDOW ||
		strcmp(sadb_client_backend(d->sadb), "pfkey") != 0) {
		sadb_client_request(d->sadb, id, m);
		return;
	}
	narrow = *m;
	narrow.sa.replay = PFKEY_WINDOW;
	sadb_client_request(d->sadb, id, &narrow);
	sadb_msg_wipe(&narrow);
}

void
rd_sadb_request(struct rd *d, const struct ike_effect *fx)
{
	const struct sadb_msg *m = fx->sadb;

	if (m->has_sa && m->sa.natt && m->sa.natt_non_ike)
		rd_sockets_marked_esp(d, &m->sa);
	/* Before the request goes out: a crash in between leaves a line too many, not an SA. */
	if (m->op == SADB_OP_ADD || m->op == SADB_OP_UPDATE) {
		rd_backup_add(d, &m->sa);
		journal_add(&d->journal, &m->sa, peer_of(d, &m->sa));
		rd_journal_flush(d);
	} else if (m->op == SADB_OP_DELETE) {
		journal_remove(&d->journal, m->sa.proto, &m->sa.dst.addr, m->sa.spi);
	}
	send_request(d, fx->id, m);
}

static void
answer_engine(struct rd *d, uint64_t id, enum status status, const struct sadb_msg *m)
{
	struct ike_event ev = { .type = IKE_EV_DONE, .done.id = id, .done.status = status,
		.done.sadb = m };

	/* What could not be installed is not there to be cleaned up. */
	if (status != ST_NORMAL && m != NULL && m->has_sa &&
		(m->op == SADB_OP_ADD || m->op == SADB_OP_UPDATE))
		journal_remove(&d->journal, m->sa.proto, &m->sa.dst.addr, m->sa.spi);
	rd_step(d, &ev);
}

/* --------------------------------------------------------------------------- our predecessor */

static void
on_recovered(void *user, enum status status, const struct net_endpoint *remote, const char *detail)
{
	char peer[NET_ADDR_TEXT], message[512];

	(void)user;
	status_format(message, sizeof(message), status, "RACOON", detail);
	log_line(status_row(status)->severity == 'S' ? LOG_L_INFO : LOG_L_WARNING,
		remote->addr.family == 0 ? NULL : net_addr_text(peer, sizeof(peer), &remote->addr),
		"recovery: %s", message);
}

static void
approach(struct rd *d, const struct journal_sa *dead)
{
	struct ike_command command = { .type = IKE_CMD_ESTABLISH, .remote = dead->peer,
		.children = true };
	const struct rc_remote *r = rc_remote_for(d->config, &dead->peer);
	const struct net_addr *ours =
		net_addr_equal(&dead->peer, &dead->src) ? &dead->dst : &dead->src;

	if (r == NULL || r->passive)
		return;
	if (rd_is_local(d, ours))
		command.local = *ours;
	(void)rd_submit(d, &command, RD_ESTABLISH_MS, on_recovered, d);
}

static int
by_peer(const void *a, const void *b)
{
	const struct journal_sa *x = a, *y = b;

	return net_addr_compare(&x->peer, &y->peer);
}

static void
dead_removed(struct rd *d)
{
	struct rd_dump *u = &d->dump;

	if (--u->deads_left > 0)
		return;
	qsort(u->dead, u->deads, sizeof(*u->dead), by_peer);
	for (size_t i = 0; i < u->deads; i++)
		if (i == 0 || by_peer(&u->dead[i - 1], &u->dead[i]) != 0)
			approach(d, &u->dead[i]);
	free(u->dead);
	u->dead = NULL;
	u->deads = 0;
	rd_journal_flush(d);
}

static void
on_dead_answer(struct rd *d, size_t index)
{
	const struct journal_sa *s;

	if (index >= d->dump.deads)
		return;
	s = &d->dump.dead[index];
	journal_remove(&d->journal, s->proto, &s->dst, s->spi);
	dead_removed(d);
}

/* What the journal held when we started; asked for once. */
static void
remove_dead(struct rd *d)
{
	struct rd_dump *u = &d->dump;
	size_t n = 0;

	if (u->deads == 0)
		return;
	log_line(LOG_L_NOTIFY, NULL,
		"%zu IPsec SAs of a racoon that did not end properly are removed", u->deads);
	u->deads_left = u->deads;
	for (; n < u->deads; n++) {
		const struct journal_sa *s = &u->dead[n];
		struct sadb_msg m = { .op = SADB_OP_DELETE, .has_sa = true };

		m.sa.proto = s->proto;
		m.sa.src.addr = s->src;
		m.sa.dst.addr = s->dst;
		m.sa.spi = s->spi;
		sadb_client_request(d->sadb, RD_OWN_ID | (OWN_DEAD_SA + n), &m);
	}
}

static bool
remember_dead(struct rd *d)
{
	struct rd_dump *u = &d->dump;

	/* -B: they are to stay; what is missing is put back. */
	if (d->journal.count == 0 || d->options->restore)
		return true;
	u->dead = calloc(d->journal.count, sizeof(*u->dead));
	if (u->dead == NULL)
		return false;
	LIST_FOREACH(at, &d->journal.all)
		u->dead[u->deads++] = *container_of(at, struct journal_sa, node);
	return true;
}

/* --------------------------------------------------------------- what the database still has */

static uint64_t
seen_hash(const struct rd *d, enum sa_proto proto, const struct net_addr *dst, uint32_t spi)
{
	uint64_t h = hash_bytes(&d->hash_key, dst->b, sizeof(dst->b));

	return hash_more(h, (uint64_t)proto << 32 | spi);
}

static void
see(struct rd *d, const struct ipsec_sa *sa)
{
	struct seen *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return;
	s->proto = sa->proto;
	s->dst = sa->dst.addr;
	s->spi = sa->spi;
	hash_insert(&d->dump.sad, &s->node, seen_hash(d, s->proto, &s->dst, s->spi));
}

static bool
was_seen(const struct rd *d, enum sa_proto proto, const struct net_addr *dst, uint32_t spi)
{
	struct hash_node *n = hash_find(&d->dump.sad, seen_hash(d, proto, dst, spi));

	for (; n != NULL; n = hash_again(n)) {
		struct seen *s = container_of(n, struct seen, node);

		if (s->spi == spi && s->proto == proto && net_addr_equal(&s->dst, dst))
			return true;
	}
	return false;
}

static void
forget_seen(struct rd *d)
{
	struct hash_node *n;

	while ((n = hash_first(&d->dump.sad)) != NULL) {
		hash_remove(&d->dump.sad, n);
		free(container_of(n, struct seen, node));
	}
}

static void
give_up_flushed(struct rd *d, enum sa_proto proto)
{
	struct ike_command command = { .type = IKE_CMD_FLUSH, .scope = IKE_SCOPE_IPSEC,
		.proto = proto };

	log_line(LOG_L_NOTIFY, NULL, "the SA database was flushed: its %s SAs are given up and "
		"negotiated anew on demand", proto == SA_NONE ? "IPsec" : sa_proto_name(proto));
	(void)rd_submit(d, &command, 0, NULL, NULL);
}

/* One that the database has lost: the engine deletes what is left of it, and tells the peer. */
static void
give_up_child(struct rd *d, const struct ike_child_view *child)
{
	struct sadb_msg m = { .op = SADB_OP_DELETE, .has_sa = true };
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = &m };

	m.sa.proto = child->proto;
	m.sa.src.addr = child->sa_remote;
	m.sa.dst.addr = child->sa_local;
	m.sa.spi = child->spi_in;
	rd_step(d, &ev);
}

static void
compare_sad(struct rd *d)
{
	struct ike_child_view child;
	uint64_t cursor = 0;
	size_t lost = 0;

	while (ike_show_child(d->engine, &cursor, &child))
		if (child.established && !child.retiring &&
			(!was_seen(d, child.proto, &child.sa_local, child.spi_in) ||
				!was_seen(d, child.proto, &child.sa_remote, child.spi_out))) {
			give_up_child(d, &child);
			lost++;
		}
	forget_seen(d);
	if (lost > 0)
		log_line(LOG_L_NOTIFY, NULL, "the SA database came back without %zu of our IPsec "
			"SAs: these are given up and negotiated anew on demand", lost);
}

/* ----------------------------------------------------------------------------------- handlers */

static void
dump(struct rd *d, enum sadb_op op, enum own_request what)
{
	struct sadb_msg m = { .op = op };

	sadb_client_request(d->sadb, RD_OWN_ID | what, &m);
}

static void
on_ready(void *user)
{
	struct rd *d = user;
	struct ike_event ev = { .type = IKE_EV_SPD_RESET };

	d->dump.times_ready++;
	log_line(LOG_L_INFO, NULL, "SA database \"%s\" is ready", sadb_client_backend(d->sadb));
	rd_step(d, &ev);
	rd_sockets_share(d);
	dump(d, SADB_OP_SPDDUMP, OWN_SPD_DUMP);
}

static void
on_lost(void *user)
{
	struct rd *d = user;

	forget_seen(d);
	if (!d->closing)
		log_line(LOG_L_WARNING, NULL,
			"the SA database is gone; waiting for it to come back");
}

static void
spd_entry(struct rd *d, enum status status, const struct sadb_msg *m, bool last)
{
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = m };
	struct ike_event known = { .type = IKE_EV_SPD_KNOWN };

	if (m != NULL)
		rd_step(d, &ev);
	if (!last)
		return;
	if (status == ST_NORMAL)
		rd_step(d, &known);
	if (status != ST_NORMAL) {
		/* Lost in the middle: the next `ready` begins anew. */
		if (sadb_client_is_up(d->sadb))
			log_line(LOG_L_ERROR, NULL, "policies cannot be read: %s",
				status_row(status)->text);
		return;
	}
	remove_dead(d);
	rd_backup_restore(d, RD_OWN_ID | OWN_RESTORE);
	if (d->dump.times_ready > 1)
		dump(d, SADB_OP_DUMP, OWN_SAD_DUMP);
}

static void
sad_entry(struct rd *d, enum status status, const struct sadb_msg *m, bool last)
{
	if (m != NULL)
		see(d, &m->sa);
	if (!last)
		return;
	if (status == ST_NORMAL)
		compare_sad(d);
	else
		forget_seen(d);
}

static void
restored(enum status status)
{
	if (status != ST_NORMAL && status != ST_SAEXISTS)
		log_line(LOG_L_WARNING, NULL, "an SA of the backup file cannot be put back: %s",
			status_row(status)->text);
}

static void
on_answer(void *user, uint64_t id, enum status status, const struct sadb_msg *m, bool last)
{
	struct rd *d = user;

	if (d->closing)
		return;
	if ((id & RD_USAGE_ID) != 0) {
		rd_traffic_answer(d, id, status, m);
		return;
	}
	if ((id & RD_OWN_ID) == 0) {
		answer_engine(d, id, status, m);
		return;
	}
	id &= ~RD_OWN_ID;
	if (id == OWN_SPD_DUMP)
		spd_entry(d, status, m, last);
	else if (id == OWN_SAD_DUMP)
		sad_entry(d, status, m, last);
	else if (id == OWN_RESTORE)
		restored(status);
	else if (status != ST_BACKEND) /* gone with the database, or deleted: the same to us */
		on_dead_answer(d, (size_t)(id - OWN_DEAD_SA));
}

static void
on_event(void *user, const struct sadb_msg *m)
{
	struct rd *d = user;
	struct ike_event ev = { .type = IKE_EV_SADB, .sadb = m };

	if (d->closing)
		return;
	if (m->op == SADB_OP_FLUSH) {
		if (d->dump.times_ready > 0)
			give_up_flushed(d, m->sa.proto); /* SA_NONE: of all */
		return;
	}
	if ((m->op == SADB_OP_EXPIRE && m->hard) || m->op == SADB_OP_DELETE)
		journal_remove(&d->journal, m->sa.proto, &m->sa.dst.addr, m->sa.spi);
	rd_step(d, &ev);
}

bool
rd_sadb_open(struct rd *d)
{
	const struct sadb_handlers handlers = { .user = d, .ready = on_ready, .lost = on_lost,
		.answer = on_answer, .event = on_event };

	if (!hash_init(&d->dump.sad, 64) || !rd_traffic_open(d) || !remember_dead(d))
		return false;
	d->sadb = sadb_client_new(&d->loop, NULL, d->options->sadb, &handlers);
	if (d->sadb != NULL)
		sadb_client_buffer(d->sadb, d->config->pfkey_buffer_kb);
	return d->sadb != NULL;
}

void
rd_sadb_close(struct rd *d)
{
	struct sadb_client *c = d->sadb;

	d->sadb = NULL;
	if (c != NULL)
		sadb_client_close(c, NULL, NULL);
}

void
rd_sadb_free(struct rd *d)
{
	rd_backup_close(d);
	rd_traffic_close(d);
	forget_seen(d);
	hash_free(&d->dump.sad);
	free(d->dump.dead);
}
