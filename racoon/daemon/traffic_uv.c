/*
 * traffic_uv.c - what the SA database has counted for one SA, asked for by SHOW.
 *
 * Called through host.h.  Answers come from the loop, once each, whatever becomes of the database.
 */
#include "racoon/daemon/host_uv.h"

#include <stdlib.h>

struct usage { /* one question under way */
	struct hash_node by_id;
	uint64_t id;
	rd_traffic_done *done;
	void *user;
};

bool
rd_traffic_open(struct rd *d)
{
	return hash_init(&d->usage_by_id, 64);
}

bool
rd_traffic(struct rd *d, enum sa_proto proto, const struct net_addr *src,
	const struct net_addr *dst, uint32_t spi, rd_traffic_done *done, void *user)
{
	struct sadb_msg m = { .op = SADB_OP_GET, .has_sa = true };
	struct usage *u;

	if (d->sadb == NULL || !sadb_client_is_up(d->sadb))
		return false;
	u = calloc(1, sizeof(*u));
	if (u == NULL)
		return false;
	u->id = RD_USAGE_ID | ++d->last_usage;
	u->done = done;
	u->user = user;
	hash_insert(&d->usage_by_id, &u->by_id, hash_more(0, u->id));
	m.sa.proto = proto;
	m.sa.src.addr = *src;
	m.sa.dst.addr = *dst;
	m.sa.spi = spi;
	sadb_client_request(d->sadb, u->id, &m);
	return true;
}

static void
usage_end(struct rd *d, struct usage *u, const struct ipsec_sa *sa)
{
	rd_traffic_done *done = u->done;
	void *user = u->user;

	hash_remove(&d->usage_by_id, &u->by_id);
	free(u);
	done(user, sa);
}

void
rd_traffic_answer(struct rd *d, uint64_t id, enum status status, const struct sadb_msg *m)
{
	struct hash_node *n = hash_find(&d->usage_by_id, hash_more(0, id));

	for (; n != NULL; n = hash_again(n)) {
		struct usage *u = container_of(n, struct usage, by_id);

		if (u->id != id)
			continue;
		usage_end(d, u, status == ST_NORMAL && m != NULL && m->has_sa ? &m->sa : NULL);
		return;
	}
}

/* The end: nobody will answer any longer. */
void
rd_traffic_close(struct rd *d)
{
	struct hash_node *n;

	while ((n = hash_first(&d->usage_by_id)) != NULL)
		usage_end(d, container_of(n, struct usage, by_id), NULL);
	hash_free(&d->usage_by_id);
}
