/*
 * ipsecd_sort.c - /SORT of SHOW SAD and SHOW SPD.
 *
 * Called by ipsecd_verbs.c.  A dump gives each entry once: its key and what names it are gathered.
 * Then the entries are asked for one by one, in order, as any client could (SADB_GET,
 * SADB_X_SPDGET); one that went away meanwhile is left out.  All sorted lists together have
 * SORTED_OCTETS_MAX of memory.
 */
#include "ipsec/ipsecd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sorted.h"

enum sort_key { BY_SPI, BY_SOURCE, BY_DESTINATION, BY_PROTOCOL, BY_STATE, BY_REQID, BY_CREATED,
	BY_OCTETS, BY_DIRECTION, BY_PRIORITY, BY_COUNT };

static const char *const names[BY_COUNT + 1] = { "SPI", "SOURCE", "DESTINATION", "PROTOCOL",
	"STATE", "REQID", "CREATED", "OCTETS", "DIRECTION", "PRIORITY", NULL };

enum {
	OF_SAD = 1 << BY_SPI | 1 << BY_SOURCE | 1 << BY_DESTINATION | 1 << BY_PROTOCOL |
		1 << BY_STATE | 1 << BY_REQID | 1 << BY_CREATED | 1 << BY_OCTETS,
	OF_SPD = 1 << BY_SOURCE | 1 << BY_DESTINATION | 1 << BY_CREATED | 1 << BY_OCTETS |
		1 << BY_DIRECTION | 1 << BY_PRIORITY,
};

struct ref { /* names an entry; no padding: it is compared */
	struct net_addr src, dst;
	uint32_t id; /* SPI, or the policy's number */
	uint32_t proto;
};

struct ipsecd_sort {
	struct sorted_order order;
	struct sorted list;
	bool of_sad;
};

static struct sorted_budget budget; /* one for all lists of the program */

enum status
ipsecd_sort_new(const char *keys, bool of_sad, struct ipsecd_sort **out, char *why, size_t why_size)
{
	struct ipsecd_sort *o = calloc(1, sizeof(*o));
	enum status status;

	*out = o;
	if (o == NULL)
		return ST_NOMEMORY;
	o->of_sad = of_sad;
	sorted_init(&o->list, &budget, sizeof(struct ref));
	status = sorted_parse(keys, names, &o->order, why, why_size);
	for (unsigned i = 0; status == ST_NORMAL && i < o->order.count; i++) {
		if (((of_sad ? OF_SAD : OF_SPD) & 1 << o->order.key[i]) != 0)
			continue;
		snprintf(why, why_size, "/SORT=\\%s\\: %s has %sSOURCE, DESTINATION, CREATED, "
			"OCTETS%s", names[o->order.key[i]], of_sad ? "SAD" : "SPD",
			of_sad ? "SPI, PROTOCOL, STATE, REQID, " : "",
			of_sad ? "" : ", DIRECTION, PRIORITY");
		status = ST_IVKEYW;
	}
	if (status != ST_NORMAL) {
		ipsecd_sort_free(o);
		*out = NULL;
	}
	return status;
}

void
ipsecd_sort_free(struct ipsecd_sort *o)
{
	if (o == NULL)
		return;
	sorted_free(&o->list);
	free(o);
}

static void
put_prefix(struct sorted_key *k, const struct net_prefix *p, uint16_t port)
{
	sorted_key_endpoint(k, &(struct net_endpoint){ .addr = p->addr, .port = port });
	sorted_key_uint(k, p->len);
}

static void
put_sa(struct sorted_key *k, const struct ipsec_sa *sa, enum sort_key which)
{
	switch (which) {
	case BY_SPI:
		sorted_key_uint(k, sa->spi);
		break;
	case BY_SOURCE:
		sorted_key_endpoint(k, &sa->src);
		break;
	case BY_DESTINATION:
		sorted_key_endpoint(k, &sa->dst);
		break;
	case BY_PROTOCOL:
		sorted_key_word(k, sa_proto_name(sa->proto));
		break;
	case BY_STATE:
		sorted_key_word(k, sa_state_name(sa->state));
		break;
	case BY_REQID:
		sorted_key_uint(k, sa->reqid);
		break;
	case BY_CREATED:
		sorted_key_uint(k, sa->current.add_s);
		break;
	case BY_OCTETS:
		sorted_key_uint(k, sa->current.bytes);
		break;
	case BY_DIRECTION:
	case BY_PRIORITY:
	case BY_COUNT:
		break;
	}
}

static void
put_sp(struct sorted_key *k, const struct ipsec_policy *sp, enum sort_key which)
{
	switch (which) {
	case BY_SOURCE:
		put_prefix(k, &sp->sel.src, sp->sel.sport);
		break;
	case BY_DESTINATION:
		put_prefix(k, &sp->sel.dst, sp->sel.dport);
		break;
	case BY_CREATED:
		sorted_key_uint(k, sp->current.add_s);
		break;
	case BY_OCTETS:
		sorted_key_uint(k, sp->current.bytes);
		break;
	case BY_DIRECTION:
		sorted_key_uint(k, (uint64_t)sp->dir);
		break;
	case BY_PRIORITY:
		sorted_key_uint(k, sp->priority == 0 ? 0x80000000u : sp->priority);
		break;
	case BY_SPI:
	case BY_PROTOCOL:
	case BY_STATE:
	case BY_REQID:
	case BY_COUNT:
		break;
	}
}

enum status
ipsecd_sort_add(struct ipsecd_sort *o, const struct sadb_msg *m)
{
	struct sorted_key k = { .n = 0 };
	struct ref ref;

	memset(&ref, 0, sizeof(ref));
	for (unsigned i = 0; i < o->order.count; i++) {
		if (o->of_sad)
			put_sa(&k, &m->sa, (enum sort_key)o->order.key[i]);
		else
			put_sp(&k, &m->sp, (enum sort_key)o->order.key[i]);
		sorted_key_end(&k, o->order.descends[i]);
	}
	if (o->of_sad) {
		ref.src = m->sa.src.addr;
		ref.dst = m->sa.dst.addr;
		ref.id = m->sa.spi;
		ref.proto = (uint32_t)m->sa.proto;
	} else {
		ref.id = m->sp.id;
	}
	return sorted_add(&o->list, &k, &ref);
}

bool
ipsecd_sort_take(struct ipsecd_sort *o, struct sadb_msg *ask)
{
	struct ref ref;

	if (!sorted_take(&o->list, &ref))
		return false;
	*ask = (struct sadb_msg){ .op = o->of_sad ? SADB_OP_GET : SADB_OP_SPDGET };
	if (o->of_sad) {
		ask->has_sa = true;
		ask->sa.src.addr = ref.src;
		ask->sa.dst.addr = ref.dst;
		ask->sa.spi = ref.id;
		ask->sa.proto = (enum sa_proto)ref.proto;
	} else {
		ask->has_sp = true;
		ask->sp.id = ref.id;
	}
	return true;
}
