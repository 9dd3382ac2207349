/*
 * sorted.c - a list put in order a little at a time (see sorted.h).
 *
 * Called by the SHOW verbs of racoon and ipsecd.  It is a binary heap of fixed-size entries in one
 * piece of memory; the reference is part of what is compared, so that entries with equal keys come
 * out in an order that does not depend on how they went in.  Pure.
 */
#include "lib/sorted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "lib/verb.h"

enum { ROOM_FIRST = 256 /* entries */ };

enum status
sorted_parse(const char *text, const char *const *names, struct sorted_order *out, char *why,
	size_t why_size)
{
	struct text list = { .limit = 512 };

	*out = (struct sorted_order){ 0 };
	while (*text != '\0') {
		size_t n = strcspn(text, ",");
		bool descends = *text == '-';
		char word[40];
		int which;

		snprintf(word, sizeof(word), "%.*s", (int)(n < 39 ? n : 39) - descends,
			text + descends);
		which = verb_keyword(names, word);
		if (which < 0) {
			for (size_t i = 0; names[i] != NULL; i++)
				text_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
			snprintf(why, why_size, "/SORT=\\%s\\ is %s %s", word,
				which == -2 ? "more than one of" : "none of", text_str(&list));
			text_free(&list);
			return ST_IVKEYW;
		}
		if (out->count == SORTED_KEYS_MAX) {
			snprintf(why, why_size, "/SORT takes %d keys at most", SORTED_KEYS_MAX);
			return ST_LIMIT;
		}
		out->key[out->count] = (uint8_t)which;
		out->descends[out->count++] = descends;
		text += n + (text[n] == ',');
	}
	return ST_NORMAL;
}

/* ---------------------------------------------------------------------------------------- keys */

static void
put(struct sorted_key *k, const void *p, size_t n)
{
	if (n > sizeof(k->b) - k->n)
		n = sizeof(k->b) - k->n;
	memcpy(k->b + k->n, p, n);
	k->n += n;
}

void
sorted_key_uint(struct sorted_key *k, uint64_t v)
{
	uint8_t b[8];

	for (size_t i = sizeof(b); i-- > 0; v >>= 8)
		b[i] = (uint8_t)v;
	put(k, b, sizeof(b));
}

void
sorted_key_word(struct sorted_key *k, const char *word)
{
	uint8_t b[SORTED_WORD] = { 0 };

	for (size_t i = 0; word != NULL && i < sizeof(b) && word[i] != '\0'; i++)
		b[i] = (uint8_t)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] - 'A' + 'a' : word[i]);
	put(k, b, sizeof(b));
}

void
sorted_key_endpoint(struct sorted_key *k, const struct net_endpoint *e)
{
	uint8_t b[1 + sizeof(e->addr.b) + 2] = { (uint8_t)e->addr.family };

	if (e->addr.family != 0)
		memcpy(b + 1, e->addr.b, sizeof(e->addr.b));
	b[sizeof(b) - 2] = (uint8_t)(e->port >> 8);
	b[sizeof(b) - 1] = (uint8_t)e->port;
	put(k, b, sizeof(b));
}

void
sorted_key_end(struct sorted_key *k, bool descends)
{
	for (; k->from < k->n; k->from++)
		if (descends)
			k->b[k->from] = (uint8_t)~k->b[k->from];
}

/* ---------------------------------------------------------------------------------------- heap */

void
sorted_init(struct sorted *s, struct sorted_budget *budget, size_t ref_n)
{
	*s = (struct sorted){ .budget = budget, .ref_n = ref_n };
	if (budget->max == 0)
		budget->max = SORTED_OCTETS_MAX;
}

static size_t
size_of(const struct sorted *s)
{
	return s->key_n + s->ref_n;
}

static uint8_t *
at(const struct sorted *s, size_t i)
{
	return s->entry + i * size_of(s);
}

static bool
before(const struct sorted *s, const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, size_of(s)) < 0;
}

static enum status
grow(struct sorted *s)
{
	size_t room = s->room == 0 ? ROOM_FIRST : 2 * s->room, more = (room - s->room) * size_of(s);
	uint8_t *p;

	if (more > s->budget->max - s->budget->used)
		return ST_LIMIT;
	p = realloc(s->entry, room * size_of(s));
	if (p == NULL)
		return ST_NOMEMORY;
	s->entry = p;
	s->room = room;
	s->budget->used += more;
	return ST_NORMAL;
}

enum status
sorted_add(struct sorted *s, const struct sorted_key *key, const void *ref)
{
	uint8_t entry[SORTED_KEY_MAX + 64];
	size_t i = s->n;

	if (s->n == 0 && s->room == 0)
		s->key_n = key->n;
	if (key->n != s->key_n || size_of(s) > sizeof(entry))
		return ST_BUG;
	if (s->n == s->room)
		TRY(grow(s));
	memcpy(entry, key->b, s->key_n);
	memcpy(entry + s->key_n, ref, s->ref_n);
	s->n++;
	for (; i > 0 && before(s, entry, at(s, (i - 1) / 2)); i = (i - 1) / 2)
		memcpy(at(s, i), at(s, (i - 1) / 2), size_of(s));
	memcpy(at(s, i), entry, size_of(s));
	return ST_NORMAL;
}

bool
sorted_take(struct sorted *s, void *ref)
{
	const uint8_t *last;
	size_t i = 0, child;

	if (s->n == 0)
		return false;
	memcpy(ref, at(s, 0) + s->key_n, s->ref_n);
	last = at(s, --s->n);
	for (; (child = 2 * i + 1) < s->n; i = child) {
		if (child + 1 < s->n && before(s, at(s, child + 1), at(s, child)))
			child++;
		if (!before(s, at(s, child), last))
			break;
		memcpy(at(s, i), at(s, child), size_of(s));
	}
	if (i != s->n)
		memcpy(at(s, i), last, size_of(s));
	return true;
}

void
sorted_free(struct sorted *s)
{
	s->budget->used -= s->room * size_of(s);
	free(s->entry);
	sorted_init(s, s->budget, s->ref_n);
}
