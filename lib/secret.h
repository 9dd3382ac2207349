/*
 * secret.h - holders for keys: one owner, wiped when emptied, never printed.
 */
#ifndef LIB_SECRET_H
#define LIB_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/bytes.h"
#include "lib/status.h"

enum { SECRET_MAX = 1 << 20 }; /* octets in one holder */

struct secret { /* zero-initialised = empty */
	uint8_t *p;
	size_t n;
};

/* Make room for n bytes (old contents wiped); ST_NOMEMORY, also past SECRET_MAX. */
enum status secret_alloc(struct secret *s, size_t n) ATTR_NODISCARD;
enum status secret_set(struct secret *s, struct bytes b) ATTR_NODISCARD; /* copies */
void secret_move(struct secret *to, struct secret *from);                /* from becomes empty */
void secret_wipe(struct secret *s);                                      /* frees; idempotent */
struct bytes secret_view(const struct secret *s);

void wipe(void *p, size_t n); /* never optimised away */
/* Constant time in the contents; unequal lengths are unequal. */
bool secret_equal(struct bytes a, struct bytes b);

#endif
