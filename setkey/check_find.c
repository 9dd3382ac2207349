/*
 * check_find.c - what is doubtful about the SAs and policies that a script leaves.
 *
 * Called by check.c.  Comparing each policy with each other, or with each SA, would not end for
 * files of a hundred thousand lines.  Instead selectors are sorted by their form (prefix lengths,
 * and which of protocol and ports are given), of which there are few: two policies overlap when
 * they agree in what both give, and that is one look-up for a policy and a form.  Keys are 64-bit
 * keyed hashes, taken to be equal only when what they are of is.
 */
#include <stdlib.h>
#include <string.h>

#include "setkey/check.h"

/* -------------------------------------------------------------------- a map from hash to index */

struct map {
	struct slot {
		uint64_t key; /* 0: free */
		uint32_t value;
	} *slot;
	size_t slots, used;
};

static bool
map_init(struct map *m, size_t items)
{
	m->slots = 64;
	while (m->slots < items * 2)
		m->slots *= 2;
	m->used = 0;
	m->slot = calloc(m->slots, sizeof(*m->slot));
	return m->slot != NULL;
}

static void
map_free(struct map *m)
{
	free(m->slot);
	m->slot = NULL;
}

/* The key's slot, made if wanted; NULL when it is not there. */
static struct slot *
map_at(struct map *m, uint64_t key, bool make)
{
	key += key == 0;
	for (size_t i = key & (m->slots - 1);; i = (i + 1) & (m->slots - 1)) {
		struct slot *s = &m->slot[i];

		if (s->key == key)
			return s;
		if (s->key != 0)
			continue;
		if (!make || m->used >= m->slots / 2)
			return NULL;
		m->used++;
		s->key = key;
		s->value = UINT32_MAX;
		return s;
	}
}

/* -------------------------------------------------------------------------- forms of selectors */

struct form {
	uint8_t family, src_len, dst_len;
	uint8_t dir;
	bool upper, sport, dport; /* given */
};

struct formed { /* a policy or a rule, by form */
	struct form form;
	uint32_t index;
};

struct group { /* of those of one form, in the sorted array */
	struct form form;
	size_t first, count;
};

static int
by_form(const void *a, const void *b)
{
	const struct formed *f = a, *g = b;
	int d = memcmp(&f->form, &g->form, sizeof(f->form));

	if (d != 0)
		return d;
	return f->index < g->index ? -1 : f->index > g->index;
}

/* Sort, and cut into groups; NULL: out of memory. */
static struct group *
group_by_form(struct formed *all, size_t n, size_t *groups)
{
	struct group *g;
	size_t count = 0;

	qsort(all, n, sizeof(*all), by_form);
	for (size_t i = 0; i < n; i++)
		count += i == 0 || memcmp(&all[i].form, &all[i - 1].form, sizeof(all->form)) != 0;
	g = calloc(count + 1, sizeof(*g));
	*groups = 0;
	for (size_t i = 0; g != NULL && i < n; i++) {
		if (i == 0 || memcmp(&all[i].form, &all[i - 1].form, sizeof(all->form)) != 0)
			g[(*groups)++] = (struct group){ all[i].form, i, 0 };
		g[*groups - 1].count++;
	}
	return g;
}

static uint8_t
least(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

/* What both give. */
static struct form
common(const struct form *a, const struct form *b)
{
	return (struct form){ a->family, least(a->src_len, b->src_len),
		least(a->dst_len, b->dst_len), a->dir, a->upper && b->upper, a->sport && b->sport,
		a->dport && b->dport };
}

static bool
same_form(const struct form *a, const struct form *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* ------------------------------------------------------------------------------------ overlaps */

struct overlap_key {
	struct net_prefix src, dst;
	struct sa_mark mark;
	uint32_t if_id, priority;
	uint16_t sport, dport;
	uint8_t upper;
};

static uint64_t
key_in_form(const struct check *c, const struct check_sp *sp, const struct form *form,
	bool with_priority)
{
	struct overlap_key k;

	memset(&k, 0, sizeof(k));
	k.src.addr = sp->sel.src.addr;
	k.dst.addr = sp->sel.dst.addr;
	k.src.len = form->src_len;
	k.dst.len = form->dst_len;
	net_prefix_mask(&k.src);
	net_prefix_mask(&k.dst);
	k.mark = sp->mark;
	k.if_id = sp->if_id;
	k.priority = with_priority ? sp->priority : 0;
	k.upper = form->upper ? sp->sel.upper : 0;
	k.sport = form->sport ? sp->sel.sport : 0;
	k.dport = form->dport ? sp->sel.dport : 0;
	return hash_bytes(&c->key, &k, sizeof(k));
}

static struct form
form_of(const struct check_sp *sp)
{
	return (struct form){ sp->sel.src.addr.family, sp->sel.src.len, sp->sel.dst.len,
		(uint8_t)sp->dir, sp->sel.upper != SP_UPPER_ANY, sp->sel.sport != 0,
		sp->sel.dport != 0 };
}

static void
overlap(struct check_sp *p, struct check_sp *q)
{
	struct check_sp *later = p->line > q->line ? p : q;
	const struct check_sp *earlier = later == p ? q : p;

	if (later->overlaps++ == 0 || earlier->line < later->overlap_line)
		later->overlap_line = earlier->line;
}

/* `wide` covers `narrow`, or the other way round, or neither: then only equal priorities meet. */
static void
compare(struct check_sp *wide, struct check_sp *narrow, bool covers)
{
	if (wide->priority == narrow->priority)
		overlap(wide, narrow);
	else if (covers && wide->priority < narrow->priority &&
		(narrow->covered_line == 0 || wide->line < narrow->covered_line))
		narrow->covered_line = wide->line;
}

static bool
compare_groups(struct check *c, const struct formed *all, const struct group *a,
	const struct group *b)
{
	struct form both = common(&a->form, &b->form);
	const struct group *wide = same_form(&both, &b->form) ? b : a;
	const struct group *narrow = wide == a ? b : a;
	bool covers = same_form(&both, &wide->form);
	struct map map;

	if (!map_init(&map, wide->count))
		return false;
	for (size_t i = 0; i < wide->count; i++) {
		uint32_t index = all[wide->first + i].index;
		struct slot *s = map_at(&map, key_in_form(c, c->sp[index], &both, !covers), true);

		if (s != NULL && s->value == UINT32_MAX)
			s->value = index;
	}
	for (size_t i = 0; i < narrow->count; i++) {
		struct check_sp *sp = c->sp[all[narrow->first + i].index];
		struct slot *s = map_at(&map, key_in_form(c, sp, &both, !covers), false);

		if (s != NULL)
			compare(c->sp[s->value], sp, covers);
	}
	map_free(&map);
	return true;
}

static void
find_overlaps(struct check *c)
{
	struct formed *all = calloc(c->sps + 1, sizeof(*all));
	struct group *group = NULL;
	size_t groups = 0, work = 0;

	for (size_t i = 0; all != NULL && i < c->sps; i++)
		all[i] = (struct formed){ form_of(c->sp[i]), (uint32_t)i };
	if (all != NULL)
		group = group_by_form(all, c->sps, &groups);
	c->failed = c->failed || group == NULL;
	/* Two of one form that overlap are one: told when it was added. */
	for (size_t i = 0; i < groups && !c->failed && !c->incomplete; i++)
		for (size_t j = i + 1; j < groups && !c->failed && !c->incomplete; j++) {
			if (group[i].form.family != group[j].form.family ||
				group[i].form.dir != group[j].form.dir)
				continue;
			work += group[i].count + group[j].count;
			c->incomplete = work > CHECK_WORK_MAX;
			c->failed = !compare_groups(c, all, &group[i], &group[j]);
		}
	free(group);
	free(all);
	for (size_t i = 0; i < c->sps; i++) {
		const struct check_sp *sp = c->sp[i];

		if (sp->covered_line != 0)
			check_found(c, (struct finding){ .kind = FOUND_COVERED, .line = sp->line,
				.column = sp->column, .sp = sp, .number = sp->covered_line });
		if (sp->overlaps != 0)
			check_found(c, (struct finding){ .kind = FOUND_OVERLAP, .line = sp->line,
				.column = sp->column, .sp = sp, .number = sp->overlap_line });
	}
}

/* ------------------------------------------------------------------------------- SAs and rules */

struct rule_at { /* a rule, and between whom its SAs have to be */
	const struct check_sp *sp;
	unsigned rule;
	struct net_prefix src, dst;
};

struct ends_key {
	struct net_prefix src, dst;
	uint32_t proto, mode, reqid; /* reqid 0: of any */
	bool any_reqid;
};

static uint64_t
sa_hash(const struct check *c, const struct net_addr *src, const struct net_addr *dst,
	const struct form *form, enum sa_proto proto, enum sa_mode mode, uint32_t reqid,
	bool any_reqid)
{
	struct ends_key k;

	memset(&k, 0, sizeof(k));
	k.src.addr = *src;
	k.dst.addr = *dst;
	k.src.len = form->src_len;
	k.dst.len = form->dst_len;
	net_prefix_mask(&k.src);
	net_prefix_mask(&k.dst);
	k.proto = (uint32_t)proto;
	k.mode = (uint32_t)mode;
	k.reqid = any_reqid ? 0 : reqid;
	k.any_reqid = any_reqid;
	return hash_bytes(&c->key, &k, sizeof(k));
}

/* The two keys of an SA: as one with its request id, and as one of any. */
static struct slot *
sa_slot(struct check *c, struct map *map, const struct check_sa *sa, const struct form *form,
	bool any_reqid, bool make)
{
	return map_at(map, sa_hash(c, &sa->src, &sa->dst, form, sa->proto, sa->mode, sa->reqid,
		any_reqid), make);
}

enum { USED = 1, USED_ALONE = 2 }; /* values of an SA's slot */

static bool
has_ah(const struct check_sp *sp)
{
	for (unsigned i = 0; i < sp->rules; i++)
		if (sp->rule[i].proto == SA_AH)
			return true;
	return false;
}

/* Mark what the rule can use; false: nothing. */
static bool
use_by_rule(struct check *c, struct map *map, const struct rule_at *at, const struct form *form)
{
	const struct sp_rule *r = &at->sp->rule[at->rule];
	bool any_reqid = r->level != SP_UNIQUE || r->reqid == 0, found = false;
	const enum sa_mode modes[] = { r->mode, SA_MODE_ANY };

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct slot *s = map_at(map, sa_hash(c, &at->src.addr, &at->dst.addr, form,
			r->proto, modes[i], r->reqid, any_reqid), false);

		if (s == NULL)
			continue;
		if (s->value == UINT32_MAX)
			s->value = 0;
		s->value |= has_ah(at->sp) ? USED : USED | USED_ALONE;
		found = true;
	}
	return found;
}

/* One form of rules against all SAs. */
static bool
match_group(struct check *c, const struct rule_at *rules, const struct formed *all,
	const struct group *g)
{
	struct map map;

	if (!map_init(&map, c->sas * 2))
		return false;
	for (size_t i = 0; i < c->sas; i++)
		if (c->sa[i]->src.family == g->form.family) {
			(void)sa_slot(c, &map, c->sa[i], &g->form, false, true);
			(void)sa_slot(c, &map, c->sa[i], &g->form, true, true);
		}
	for (size_t i = 0; i < g->count; i++) {
		const struct rule_at *at = &rules[all[g->first + i].index];

		if (!use_by_rule(c, &map, at, &g->form))
			check_found(c, (struct finding){ .kind = FOUND_SP_UNSATISFIED,
				.line = at->sp->line, .column = at->sp->column, .sp = at->sp,
				.number = at->rule });
	}
	for (size_t i = 0; i < c->sas; i++)
		for (int any = 0; any < 2; any++) {
			const struct slot *s =
				c->sa[i]->src.family != g->form.family ? NULL :
				sa_slot(c, &map, c->sa[i], &g->form, any != 0, false);

			if (s == NULL || s->value == UINT32_MAX)
				continue;
			c->sa[i]->used = true;
			c->sa[i]->alone = c->sa[i]->alone || (s->value & USED_ALONE) != 0;
		}
	map_free(&map);
	return true;
}

/* All rules that need an SA; a transport rule behind a tunnel is about the tunnel's ends. */
static size_t
collect_rules(struct check *c, struct rule_at *rules, struct formed *all)
{
	size_t n = 0;

	for (size_t i = 0; i < c->sps; i++) {
		const struct check_sp *sp = c->sp[i];
		struct rule_at at = { .sp = sp, .src = sp->sel.src, .dst = sp->sel.dst };

		for (at.rule = 0; sp->action == SP_IPSEC && at.rule < sp->rules; at.rule++) {
			const struct sp_rule *r = &sp->rule[at.rule];

			if (r->mode == SA_TUNNEL && r->src.addr.family != 0) {
				at.src = net_prefix_host(&r->src.addr);
				at.dst = net_prefix_host(&r->dst.addr);
			}
			if (r->level == SP_UNIQUE && r->reqid == 0) {
				check_found(c, (struct finding){ .kind = FOUND_SP_UNIQUE,
					.line = sp->line, .column = sp->column, .sp = sp });
				continue;
			}
			rules[n] = at;
			all[n] = (struct formed){ { .family = at.src.addr.family,
				.src_len = at.src.len, .dst_len = at.dst.len }, (uint32_t)n };
			n++;
		}
	}
	return n;
}

static void
match_sas(struct check *c)
{
	struct rule_at *rules = calloc(c->sps * SP_RULES_MAX + 1, sizeof(*rules));
	struct formed *all = calloc(c->sps * SP_RULES_MAX + 1, sizeof(*all));
	struct group *group = NULL;
	size_t n = 0, groups = 0, work = 0;

	if (rules != NULL && all != NULL) {
		n = collect_rules(c, rules, all);
		group = group_by_form(all, n, &groups);
	}
	c->failed = c->failed || group == NULL;
	for (size_t i = 0; i < groups && !c->failed; i++) {
		work += c->sas + group[i].count;
		if (work > CHECK_WORK_MAX) {
			c->incomplete = true;
			break;
		}
		c->failed = !match_group(c, rules, all, &group[i]);
	}
	/* Where not all was looked at, nobody can say that an SA is not used. */
	for (size_t i = 0; i < c->sas && !c->incomplete && !c->failed; i++)
		if (!c->sa[i]->used && c->sa[i]->proto != SA_TCP)
			check_found(c, (struct finding){ .kind = FOUND_SA_UNUSED,
				.line = c->sa[i]->line, .column = c->sa[i]->column,
				.sa = c->sa[i] });
	free(group);
	free(all);
	free(rules);
}

/* ---------------------------------------------------------------------------------- algorithms */

static void
find_weak(struct check *c)
{
	for (size_t i = 0; i < c->sas; i++) {
		const struct check_sa *sa = c->sa[i];
		struct finding f = { .line = sa->line, .column = sa->column, .sa = sa };

		f.kind = FOUND_WEAK_ENCR;
		if (sa->encr != NULL && sa->encr->weak)
			check_found(c, f);
		f.kind = FOUND_WEAK_AUTH;
		if (sa->auth != NULL && sa->auth->weak && sa->proto != SA_TCP)
			check_found(c, f);
		/* AH around it does the same. */
		f.kind = FOUND_NO_AUTH;
		if (sa->proto == SA_ESP && sa->auth == NULL && (!sa->used || sa->alone) &&
			(sa->encr == NULL || sa->encr->icv == 0))
			check_found(c, f);
	}
}

void
check_find(struct check *c)
{
	find_overlaps(c);
	if (c->sas != 0 && c->sps != 0)
		match_sas(c);
	find_weak(c);
}
