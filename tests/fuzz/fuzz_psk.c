/*
 * fuzz_psk.c - psk.txt.  Either it has an error, which is told with its line, or every line that
 * counts is found again by the identity it is for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "racoon/conf/rc_in.h"
#include "tests/fuzz/snap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look(const struct rc_config *c)
{
	size_t n = 0;

	for (struct hash_node *at = hash_first(&c->psk_by_id); at != NULL;
		at = hash_next(&c->psk_by_id, at), n++) {
		const struct rc_psk *p = container_of(at, struct rc_psk, by_id);
		struct bytes key;

		if (p->key.n == 0 || p->key.n > RC_PSK_LINE_MAX || p->line == 0)
			abort();
		if (p->is_address)
			key = rc_psk_for_id(c, p->id.n == 4 ? RC_ID_IPV4 : RC_ID_IPV6, p->id);
		else
			key = rc_psk_for_id(c, RC_ID_FQDN, p->id);
		if (key.p != p->key.p)
			abort();
	}
	if (n != c->psks)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stmt_errors errors = { 0 };
	struct rc_config c = { .hash_key = { 1, 2 } };
	struct rc_loading l = { .c = &c };

	snap_begin();
	uint8_t *exact = malloc(size + 1);
	c.arena = arena_new(RC_ARENA_MAX);
	if (exact == NULL || c.arena == NULL || !hash_init(&c.psk_by_id, 16))
		abort();
	memcpy(exact, data, size);
	l.ctx = (struct conf_ctx){ .arena = c.arena, .errors = &errors, .user = &l };
	if (!rc_psk_read_text(&l, "psk.txt", bytes_of(exact, size)))
		abort();
	if ((errors.count > 0) != (text_str(&errors.text)[0] != '\0'))
		abort();
	look(&c);
	hash_free(&c.psk_by_id);
	arena_free(c.arena);
	stmt_errors_free(&errors);
	free(exact);
	snap_end();
	return 0;
}
