/*
 * check.c - the model behind setkey --check: the requests of a script carried out on tables.
 *
 * Called as a script's batch().  A flush makes what was there older than the tables' generation, so
 * that it costs nothing; what doubles is told at once, the rest is for check_find.c.
 */
#include "setkey/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/arena.h"
#include "setkey/words.h"

struct check *
check_new(void)
{
	struct check *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->arena = arena_new(CHECK_MEMORY_MAX);
	c->finding = calloc(CHECK_FINDINGS_MAX, sizeof(*c->finding));
	if (c->arena == NULL || c->finding == NULL || !hash_init(&c->names, 64) ||
		!hash_init(&c->ends, 64) || !hash_init(&c->selectors, 64) ||
		getrandom(&c->key, sizeof(c->key), 0) != (ssize_t)sizeof(c->key)) {
		check_free(c);
		return NULL;
	}
	return c;
}

void
check_free(struct check *c)
{
	if (c == NULL)
		return;
	hash_free(&c->names);
	hash_free(&c->ends);
	hash_free(&c->selectors);
	arena_free(c->arena);
	free(c->sa);
	free(c->sp);
	free(c->finding);
	free(c);
}

void
check_found(struct check *c, struct finding f)
{
	if (c->findings < CHECK_FINDINGS_MAX)
		c->finding[c->findings] = f;
	c->findings++;
	c->kinds[f.kind]++;
}

static bool
append(void ***array, size_t *room, size_t count, void *item)
{
	if (count == *room) {
		size_t more = *room == 0 ? 256 : *room * 2;
		void **p = reallocarray(*array, more, sizeof(*p));

		if (p == NULL)
			return false;
		*array = p;
		*room = more;
	}
	(*array)[count] = item;
	return true;
}

/* ----------------------------------------------------------------------------------------- SAs */

static uint64_t
address_hash(const struct check *c, const struct net_addr *a)
{
	return hash_bytes(&c->key, a, sizeof(*a));
}

static uint64_t
name_hash(const struct check *c, const struct check_sa *sa)
{
	return hash_more(address_hash(c, &sa->dst), (uint64_t)sa->proto << 32 | sa->spi);
}

static uint64_t
ends_hash(const struct check *c, const struct check_sa *sa)
{
	return hash_more(address_hash(c, &sa->dst), address_hash(c, &sa->src) + sa->proto);
}

static uint32_t
sa_generation(const struct check *c, enum sa_proto proto)
{
	return c->flushed_any + c->flushed[(uint8_t)proto];
}

static void
remove_sa(struct check *c, struct check_sa *sa)
{
	sa->gone = true;
	hash_remove(&c->names, &sa->by_name);
	hash_remove(&c->ends, &sa->by_ends);
}

static struct check_sa *
find_sa(struct check *c, const struct check_sa *like)
{
	struct hash_node *at = hash_find(&c->names, name_hash(c, like));

	for (; at != NULL; at = hash_again(at)) {
		struct check_sa *sa = container_of(at, struct check_sa, by_name);

		if (sa->spi == like->spi && sa->proto == like->proto &&
			sa->mark.value == like->mark.value && sa->mark.mask == like->mark.mask &&
			net_addr_equal(&sa->dst, &like->dst))
			break;
	}
	if (at == NULL)
		return NULL;
	like = container_of(at, struct check_sa, by_name);
	if (like->generation == sa_generation(c, like->proto))
		return container_of(at, struct check_sa, by_name);
	remove_sa(c, container_of(at, struct check_sa, by_name));
	return NULL;
}

static struct check_sa
sa_of(const struct check *c, const struct sadb_msg *m, const struct setkey_origin *origin)
{
	const struct ipsec_sa *sa = &m->sa;

	return (struct check_sa){ .src = sa->src.addr, .dst = sa->dst.addr, .spi = sa->spi,
		.reqid = sa->reqid, .generation = sa_generation(c, sa->proto), .mark = sa->mark,
		.proto = sa->proto, .mode = sa->mode, .encr = sa->encr, .auth = sa->auth,
		.line = origin->line, .column = origin->column };
}

static void
add_sa(struct check *c, const struct sadb_msg *m, const struct setkey_origin *origin)
{
	struct check_sa new = sa_of(c, m, origin), *sa, *old = find_sa(c, &new);

	if (old != NULL && m->op == SADB_OP_ADD) {
		check_found(c, (struct finding){ .kind = FOUND_SA_TWICE, .line = new.line,
			.column = new.column, .number = old->line });
		return;
	}
	if (old != NULL)
		remove_sa(c, old);
	sa = arena_alloc(c->arena, sizeof(*sa));
	if (sa == NULL || !append((void ***)&c->sa, &c->sa_room, c->sas, sa)) {
		c->failed = true;
		return;
	}
	c->sas++;
	*sa = new;
	hash_insert(&c->names, &sa->by_name, name_hash(c, sa));
	hash_insert(&c->ends, &sa->by_ends, ends_hash(c, sa));
}

static void
delete_all(struct check *c, const struct check_sa *like)
{
	struct hash_node *at = hash_find(&c->ends, ends_hash(c, like));

	while (at != NULL) {
		struct check_sa *sa = container_of(at, struct check_sa, by_ends);

		at = hash_again(at);
		if (sa->proto == like->proto && net_addr_equal(&sa->src, &like->src) &&
			net_addr_equal(&sa->dst, &like->dst))
			remove_sa(c, sa);
	}
}

static void
delete_sa(struct check *c, const struct sadb_msg *m, const struct setkey_origin *origin)
{
	struct check_sa like = sa_of(c, m, origin), *sa;

	if (like.spi == 0) {
		delete_all(c, &like);
		return;
	}
	sa = find_sa(c, &like);
	if (sa != NULL)
		remove_sa(c, sa);
}

/* ------------------------------------------------------------------------------------ policies */

static uint64_t
selector_hash(const struct check *c, const struct check_sp *sp)
{
	uint64_t h = hash_more(address_hash(c, &sp->sel.src.addr),
		address_hash(c, &sp->sel.dst.addr));

	h = hash_more(h, (uint64_t)sp->sel.src.len << 56 | (uint64_t)sp->sel.dst.len << 48 |
			(uint64_t)sp->sel.upper << 40 | (uint64_t)sp->dir << 32 |
			(uint64_t)sp->sel.sport << 16 | sp->sel.dport);
	return hash_more(h, (uint64_t)sp->mark.value << 32 | sp->if_id);
}

static void
remove_sp(struct check *c, struct check_sp *sp)
{
	sp->gone = true;
	hash_remove(&c->selectors, &sp->by_selector);
}

static struct check_sp *
find_sp(struct check *c, const struct check_sp *like)
{
	struct hash_node *at = hash_find(&c->selectors, selector_hash(c, like));

	for (; at != NULL; at = hash_again(at)) {
		struct check_sp *sp = container_of(at, struct check_sp, by_selector);

		if (sp->dir != like->dir || sp->if_id != like->if_id ||
			sp->mark.value != like->mark.value || sp->mark.mask != like->mark.mask ||
			!sp_selector_equal(&sp->sel, &like->sel))
			continue;
		if (sp->generation == c->spd_flushed)
			return sp;
		remove_sp(c, sp);
		return NULL;
	}
	return NULL;
}

static struct check_sp
sp_of(const struct check *c, const struct sadb_msg *m, const struct setkey_origin *origin)
{
	const struct ipsec_policy *p = &m->sp;
	struct check_sp sp = { .sel = p->sel, .dir = p->dir, .action = p->action,
		.priority = p->priority, .if_id = p->if_id, .generation = c->spd_flushed,
		.mark = p->mark, .line = origin->line, .column = origin->column,
		.rules = p->rules };

	net_prefix_mask(&sp.sel.src);
	net_prefix_mask(&sp.sel.dst);
	return sp;
}

static void
add_sp(struct check *c, const struct sadb_msg *m, const struct setkey_origin *origin)
{
	struct check_sp new = sp_of(c, m, origin), *sp, *old = find_sp(c, &new);

	if (old != NULL && m->op == SADB_OP_SPDADD) {
		check_found(c, (struct finding){ .kind = FOUND_SP_TWICE, .line = new.line,
			.column = new.column, .number = old->line });
		return;
	}
	if (old != NULL)
		remove_sp(c, old);
	sp = arena_alloc(c->arena, sizeof(*sp));
	new.rule = arena_array(c->arena, new.rules, sizeof(*new.rule));
	if (sp == NULL || new.rule == NULL || !append((void ***)&c->sp, &c->sp_room, c->sps, sp)) {
		c->failed = true;
		return;
	}
	c->sps++;
	if (new.rules != 0)
		memcpy(new.rule, m->sp.rule, new.rules * sizeof(*new.rule));
	*sp = new;
	hash_insert(&c->selectors, &sp->by_selector, selector_hash(c, sp));
}

static void
delete_sp(struct check *c, const struct sadb_msg *m, const struct setkey_origin *origin)
{
	struct check_sp like = sp_of(c, m, origin), *sp = find_sp(c, &like);

	if (sp != NULL)
		remove_sp(c, sp);
}

static void
carry_out(struct check *c, const struct sadb_msg *m, const struct setkey_origin *origin)
{
	switch ((int)m->op) {
	case SADB_OP_ADD:
	case SADB_OP_UPDATE:
		add_sa(c, m, origin);
		break;
	case SADB_OP_DELETE:
		delete_sa(c, m, origin);
		break;
	case SADB_OP_FLUSH:
		c->flushed_any += m->sa.proto == SA_NONE;
		c->flushed[(uint8_t)m->sa.proto] += m->sa.proto != SA_NONE;
		break;
	case SADB_OP_SPDADD:
	case SADB_OP_SPDUPDATE:
		add_sp(c, m, origin);
		break;
	case SADB_OP_SPDDELETE:
		delete_sp(c, m, origin);
		break;
	case SADB_OP_SPDFLUSH:
		c->spd_flushed++;
		break;
	default: /* what shows, and GETSPI, whose SA comes by update */
		break;
	}
}

bool
check_batch(void *user, struct setkey_script *script)
{
	struct check *c = user;

	/* A twin is as good or as bad as the policy that brought it along. */
	for (size_t i = 0; i < script->count && !c->failed; i++)
		if (!script->origin[i].twin)
			carry_out(c, &script->msg[i], &script->origin[i]);
	return !c->failed;
}

/* -------------------------------------------------------------------------------------- report */

/* Only what is still there is looked at. */
static void
compact(struct check *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->sas; i++)
		if (!c->sa[i]->gone && c->sa[i]->generation == sa_generation(c, c->sa[i]->proto))
			c->sa[n++] = c->sa[i];
	c->sas = n;
	n = 0;
	for (size_t i = 0; i < c->sps; i++)
		if (!c->sp[i]->gone && c->sp[i]->generation == c->spd_flushed)
			c->sp[n++] = c->sp[i];
	c->sps = n;
}

static void
unsatisfied_text(const struct finding *f, struct text *out)
{
	const struct sp_rule *r = &f->sp->rule[f->number];
	struct text rule = { 0 };

	rule_text(r, false, &rule);
	text_addf(out, "no SA of this script can satisfy %s: %s", text_str(&rule),
		r->level == SP_USE ? "packets pass unprotected" :
				     "packets wait for a key daemon");
	text_free(&rule);
}

static void
finding_text(const struct finding *f, struct text *out)
{
	switch (f->kind) {
	case FOUND_SA_TWICE:
		text_addf(out, "this SA is there already, since line %u: it will be refused",
			f->number);
		break;
	case FOUND_SP_TWICE:
		text_addf(out,
			"this policy is there already, since line %u: it will be refused"
			" (spdupdate replaces)", f->number);
		break;
	case FOUND_WEAK_ENCR:
		text_addf(out, "%s is weak: use aes-gcm-16, or aes-cbc with hmac-sha256",
			f->sa->encr->name);
		break;
	case FOUND_WEAK_AUTH:
		text_addf(out, "%s is weak: use hmac-sha256", f->sa->auth->name);
		break;
	case FOUND_NO_AUTH:
		text_add(out, "esp without authentication: packets can be forged, add -A");
		break;
	case FOUND_SA_UNUSED:
		text_add(out, "no policy of this script uses this SA");
		break;
	case FOUND_SP_UNSATISFIED:
		unsatisfied_text(f, out);
		break;
	case FOUND_SP_UNIQUE:
		text_add(out,
			"no SA of a script can satisfy \"unique\" without an identifier: use"
			" unique:N here and -u N there");
		break;
	case FOUND_OVERLAP:
		text_addf(out, "the selector overlaps the policy of line %u", f->number);
		if (f->sp->overlaps > 1)
			text_addf(out, " and %u more", f->sp->overlaps - 1);
		text_add(out, ", which has the same priority: what comes first depends on the order"
			      " of loading");
		break;
	case FOUND_COVERED:
		text_addf(out,
			"the policy is never used: that of line %u covers it and has a higher"
			" priority", f->number);
		break;
	case FOUND_KINDS:
		break;
	}
}

static int
by_place(const void *a, const void *b)
{
	const struct finding *f = a, *g = b;

	if (f->line != g->line)
		return f->line < g->line ? -1 : 1;
	if (f->column != g->column)
		return f->column < g->column ? -1 : 1;
	return (int)f->kind - (int)g->kind;
}

static const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void
summary(const struct check *c, const char *file, bool has_ipsec, struct text *out)
{
	if (c->findings > CHECK_FINDINGS_MAX)
		text_addf(out, "%s: %zu more findings are not shown\n", file,
			c->findings - CHECK_FINDINGS_MAX);
	if (c->incomplete)
		text_addf(out,
			"%s: the selectors are of too many kinds: not all were compared\n", file);
	if (c->sas == 0 && has_ipsec)
		text_addf(out,
			"%s: there are no SAs here: a key daemon has to negotiate them\n", file);
	else if (c->sas != 0 && c->sps == 0)
		text_addf(out, "%s: there are no policies here that could use the SAs\n", file);
	text_addf(out, "%s: %zu SA%s, %zu polic%s: %zu finding%s\n", file, c->sas, plural(c->sas),
		c->sps, c->sps == 1 ? "y" : "ies", c->findings, plural(c->findings));
}

size_t
check_report(struct check *c, const char *file, struct text *out)
{
	bool has_ipsec = false;
	size_t shown;

	compact(c);
	for (size_t i = 0; i < c->sps && !has_ipsec; i++)
		has_ipsec = c->sp[i]->action == SP_IPSEC;
	check_find(c);
	shown = c->findings < CHECK_FINDINGS_MAX ? c->findings : CHECK_FINDINGS_MAX;
	qsort(c->finding, shown, sizeof(*c->finding), by_place);
	for (size_t i = 0; i < shown; i++) {
		const struct finding *f = &c->finding[i];

		text_addf(out, "%s:%u:%u: ", file, f->line, f->column);
		finding_text(f, out);
		text_add(out, "\n");
	}
	summary(c, file, has_ipsec, out);
	return c->findings;
}
