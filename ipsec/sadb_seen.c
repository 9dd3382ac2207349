/*
 * sadb_seen.c - which entries of a dump were handed on already.
 *
 * Called by the kernel backends, whose dumps can lose entries when a socket's buffer overruns.  The
 * identity is kept as a 64-bit keyed hash, so nobody can make two entries look the same.
 */
#include "ipsec/sadb_seen.h"

#include <stdlib.h>
#include <string.h>

void
sadb_seen_clear(struct sadb_seen *s)
{
	free(s->id);
	*s = (struct sadb_seen){ .key = s->key };
}

static int
by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

void
sadb_seen_again(struct sadb_seen *s)
{
	if (s->count != 0)
		qsort(s->id, s->count, sizeof(s->id[0]), by_value);
	s->sorted = s->count;
}

static uint64_t
identity(const struct sadb_seen *s, const struct sadb_msg *m)
{
	struct { /* no padding */
		uint8_t dst[16], src[16];
		uint32_t proto, spi, mark, mask, dir, id;
	} v;

	memset(&v, 0, sizeof(v));
	if (m->has_sp) {
		v.dir = (uint32_t)m->sp.dir;
		v.id = m->sp.id;
	} else {
		memcpy(v.dst, m->sa.dst.addr.b, sizeof(v.dst));
		memcpy(v.src, m->sa.src.addr.b, sizeof(v.src));
		v.proto = (uint32_t)m->sa.proto;
		v.spi = m->sa.spi;
		/* Those that wait for a key manager have no SPI yet. */
		v.id = m->sa.spi == 0 ? m->seq : 0;
		v.mark = m->sa.mark.value;
		v.mask = m->sa.mark.mask;
	}
	return hash_bytes(&s->key, &v, sizeof(v));
}

bool
sadb_seen_add(struct sadb_seen *s, const struct sadb_msg *m, bool *known)
{
	uint64_t id = identity(s, m);

	*known = s->sorted != 0 && bsearch(&id, s->id, s->sorted, sizeof(id), by_value) != NULL;
	if (*known)
		return true;
	if (s->count == s->room) {
		size_t room = s->room == 0 ? 256 : s->room * 2;
		uint64_t *grown = room > SADB_SEEN_MAX ? NULL :
			reallocarray(s->id, room, sizeof(id));

		if (grown == NULL)
			return false;
		s->id = grown;
		s->room = room;
	}
	s->id[s->count++] = id;
	return true;
}
