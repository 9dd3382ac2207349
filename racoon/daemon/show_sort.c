/*
 * show_sort.c - /SORT of SHOW: a section's items in the order of up to four keys.
 *
 * Called by show.c.  Of SAs only keys and serials are gathered, a turn's worth at a time, and each
 * is looked at again when its turn to be shown comes; whatever went away meanwhile is left out.  Of
 * the other, shorter lists the lines themselves are kept.  All sorted SHOWs of the program together
 * have SORTED_OCTETS_MAX of memory; one that would need more is refused.
 */
#include "racoon/daemon/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sorted.h"

struct show_sort {
	struct sorted_order order;
	struct sorted list;
	bool taking;      /* all are in, they come out */
	char **kept;      /* lines, by reference; NULL when handed out */
	size_t kept_n, kept_room, kept_octets;
};

static const char *const key_names[SHOW_N_KEYS + 1] = { "SERIAL", "LOCAL", "REMOTE", "STATE",
	"SIDE", "CREATED", "EXPIRES", "SECTION", "IPSEC", "PROTOCOL", "SPI", NULL };

static struct sorted_budget budget; /* one for all SHOWs of the program */

/* The keys of a section. */
static void
keys_of(const struct show_row *row, struct text *out)
{
	for (unsigned n = 0; n < SHOW_N_KEYS; n++)
		if ((row->keys & 1u << n) != 0)
			text_addf(out, "%s%s", out->n > 0 ? ", " : "", key_names[n]);
}

/* Every list that is shown has to know the keys. */
static bool
check(struct show *s, const struct sorted_order *o)
{
	bool any = false;

	for (unsigned i = 0; show_rows[i].name != NULL; i++) {
		const struct show_row *row = &show_rows[i];
		struct text list = { .limit = 256 };

		if ((s->wanted & 1u << i) == 0 || row->keys == 0)
			continue;
		any = true;
		for (unsigned k = 0; k < o->count; k++) {
			if ((row->keys & 1u << o->key[k]) != 0)
				continue;
			keys_of(row, &list);
			ctl_done(s->call, ST_IVKEYW, "/SORT=\\%s\\: %s has %s",
				key_names[o->key[k]], row->name, text_str(&list));
			text_free(&list);
			return false;
		}
	}
	if (!any)
		ctl_done(s->call, ST_IVQUAL, "/SORT is for lists: ISAKMP, IPSEC, PEERS, FAILURES, "
			"SCHEDULE, TICKETS");
	return any;
}

bool
show_sort_take(struct show *s, const char *keys)
{
	struct sorted_order order;
	char why[320];
	enum status status = sorted_parse(keys, key_names, &order, why, sizeof(why));

	if (status != ST_NORMAL) {
		ctl_done(s->call, status, "%s", why);
		return false;
	}
	if (!check(s, &order))
		return false;
	s->sort = calloc(1, sizeof(*s->sort));
	if (s->sort == NULL) {
		ctl_done(s->call, ST_NOMEMORY, NULL);
		return false;
	}
	s->sort->order = order;
	sorted_init(&s->sort->list, &budget, sizeof(uint64_t));
	return true;
}

static void
put_key(struct sorted_key *k, const struct show_item *it, enum show_key which)
{
	switch (which) {
	case SHOW_BY_SERIAL:
		sorted_key_uint(k, it->serial);
		break;
	case SHOW_BY_LOCAL:
		sorted_key_endpoint(k, &it->local);
		break;
	case SHOW_BY_REMOTE:
		sorted_key_endpoint(k, &it->remote);
		break;
	case SHOW_BY_STATE:
		sorted_key_word(k, it->state);
		break;
	case SHOW_BY_SIDE:
		sorted_key_uint(k, it->initiator ? 0 : 1);
		break;
	case SHOW_BY_CREATED:
		sorted_key_uint(k, (uint64_t)it->created.ms);
		break;
	case SHOW_BY_EXPIRES:
		sorted_key_uint(k, (uint64_t)it->expires.ms);
		break;
	case SHOW_BY_SECTION:
		sorted_key_word(k, it->section);
		break;
	case SHOW_BY_IPSEC:
		sorted_key_uint(k, it->children);
		break;
	case SHOW_BY_PROTOCOL:
		sorted_key_word(k, it->protocol);
		break;
	case SHOW_BY_SPI:
		sorted_key_uint(k, it->spi);
		break;
	case SHOW_N_KEYS:
		break;
	}
}

/* The lines of an item, in place of a reference to it. */
static enum status
keep(struct show_sort *o, const char *lines, uint64_t *ref)
{
	size_t n = strlen(lines) + 1 + sizeof(char *), room;
	char **more;

	if (n > budget.max - budget.used)
		return ST_LIMIT;
	if (o->kept_n == o->kept_room) {
		room = o->kept_room == 0 ? SHOW_TURN : 2 * o->kept_room;
		more = realloc(o->kept, room * sizeof(*more));
		if (more == NULL)
			return ST_NOMEMORY;
		o->kept = more;
		o->kept_room = room;
	}
	o->kept[o->kept_n] = strdup(lines);
	if (o->kept[o->kept_n] == NULL)
		return ST_NOMEMORY;
	*ref = o->kept_n++;
	o->kept_octets += n;
	budget.used += n;
	return ST_NORMAL;
}

static enum status
add(struct show *s, const struct show_row *row)
{
	struct show_sort *o = s->sort;
	struct sorted_key k = { .n = 0 };

	if (row->look == NULL)
		TRY(keep(o, text_str(&s->out), &s->item.ref));
	for (unsigned i = 0; i < o->order.count; i++) {
		put_key(&k, &s->item, (enum show_key)o->order.key[i]);
		sorted_key_end(&k, o->order.descends[i]);
	}
	/* In network order, so that equal keys come in the order of references. */
	sorted_key_uint(&k, s->item.ref);
	return sorted_add(&o->list, &k, &s->item.ref);
}

enum show_sort_step
show_sort_step(struct show *s, const struct show_row *row)
{
	enum status status;

	if (s->sort == NULL || row->keys == 0 || s->sort->taking)
		return SHOW_SORT_DONE;
	for (unsigned i = 0; i < SHOW_TURN; i++) {
		text_clear(&s->out);
		s->json = json_to(&s->out);
		s->item = (struct show_item){ .expires = INSTANT_NEVER };
		if (!(row->look != NULL ? row->look(s) : row->next(s))) {
			s->sort->taking = true;
			return SHOW_SORT_DONE;
		}
		status = add(s, row);
		if (status != ST_NORMAL) {
			show_fail(s, status, "so much cannot be sorted at once; narrow it down by "
				"address, /STATE or /SINCE");
			return SHOW_SORT_FAILED;
		}
	}
	return SHOW_SORT_MORE;
}

bool
show_is_sorted(const struct show *s)
{
	return s->sort != NULL && s->sort->taking;
}

bool
show_sorted(struct show *s, uint64_t *ref)
{
	return sorted_take(&s->sort->list, ref);
}

bool
show_sorted_kept(struct show *s)
{
	uint64_t ref;

	if (!show_sorted(s, &ref))
		return false;
	text_add(&s->out, s->sort->kept[ref]);
	return true;
}

void
show_sort_end(struct show *s)
{
	struct show_sort *o = s->sort;

	if (o == NULL)
		return;
	for (size_t i = 0; i < o->kept_n; i++)
		free(o->kept[i]);
	free(o->kept);
	budget.used -= o->kept_octets;
	o->kept = NULL;
	o->kept_n = o->kept_room = o->kept_octets = 0;
	sorted_free(&o->list);
	o->taking = false;
}

void
show_sort_free(struct show *s)
{
	show_sort_end(s);
	free(s->sort);
	s->sort = NULL;
}
