/*
 * deflate.h - raw DEFLATE (RFC 1951) of single packets, for IPComp (RFC 2394).
 *
 * Each call is complete in itself: no packet depends on another.
 */
#ifndef LIB_DEFLATE_H
#define LIB_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"

struct deflate; /* working memory of both directions, about 100 kilobytes, made when first used */

struct deflate *deflate_new(void); /* NULL: out of memory */
void deflate_free(struct deflate *d); /* NULL is fine; wipes */
/* Octets written to out, at most room; 0: it did not get that small, or no memory. */
size_t deflate_pack(struct deflate *d, struct bytes in, uint8_t *out, size_t room);
/* Octets written to out; 0: not DEFLATE, cut off, with something behind it, or larger than room:
 * what a hostile sender says it will become is never believed. */
size_t deflate_unpack(struct deflate *d, struct bytes in, uint8_t *out, size_t room);

#endif
