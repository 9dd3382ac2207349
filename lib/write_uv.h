/*
 * write_uv.h - octets to a stream whose reader tells when it is broken.
 */
#ifndef LIB_WRITE_UV_H
#define LIB_WRITE_UV_H

#include <stdbool.h>

#include "lib/attr.h"
#include "lib/bytes.h"

struct uv_stream_s;

/*
 * A copy of the octets goes behind what is queued.  Nobody is told how that ends: who writes so
 * also reads, and sees it there.  False: out of memory, or the stream takes no more.
 */
bool write_uv_copy(struct uv_stream_s *stream, struct bytes octets) ATTR_NODISCARD;

#endif
