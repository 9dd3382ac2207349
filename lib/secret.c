/*
 * secret.c - holders for keys, wiping and comparing in constant time.
 *
 * Called by everything that touches key material.  It never prints, logs or copies a secret
 * anywhere but into another holder.
 */
#include "lib/secret.h"

#include <stdlib.h>
#include <string.h>

enum status
secret_alloc(struct secret *s, size_t n)
{
	uint8_t *p = NULL;

	if (n > SECRET_MAX)
		return ST_NOMEMORY;
	if (n != 0) {
		p = calloc(1, n);
		if (p == NULL)
			return ST_NOMEMORY;
	}
	secret_wipe(s);
	s->p = p;
	s->n = n;
	return ST_NORMAL;
}

enum status
secret_set(struct secret *s, struct bytes b)
{
	struct secret fresh = { 0 };

	/* b may be a view of s itself: fill the new one before the old one goes. */
	TRY(secret_alloc(&fresh, b.n));
	if (b.n != 0)
		memcpy(fresh.p, b.p, b.n);
	secret_move(s, &fresh);
	return ST_NORMAL;
}

void
secret_move(struct secret *to, struct secret *from)
{
	if (to == from)
		return;
	secret_wipe(to);
	*to = *from;
	*from = (struct secret){ 0 };
}

void
secret_wipe(struct secret *s)
{
	if (s->p != NULL) {
		wipe(s->p, s->n);
		free(s->p);
	}
	*s = (struct secret){ 0 };
}

struct bytes
secret_view(const struct secret *s)
{
	return bytes_of(s->p, s->n);
}

void
wipe(void *p, size_t n)
{
	if (n != 0)
		explicit_bzero(p, n);
}

bool
secret_equal(struct bytes a, struct bytes b)
{
	volatile uint8_t differ = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		differ = (uint8_t)(differ | (a.p[i] ^ b.p[i]));
	return differ == 0;
}
