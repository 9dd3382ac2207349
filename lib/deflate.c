/*
 * deflate.c - raw DEFLATE on zlib: the only file that knows it.
 *
 * Called by the embedded engine for packets of IPComp SAs.  Streams are made once and reset for
 * each packet.  A window of 2 kilobytes is used for sending, because Linux refuses more, and the
 * largest for receiving (RFC 2394 2).
 */
#include "lib/deflate.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#include "lib/secret.h"

enum { SEND_BITS = 11, RECEIVE_BITS = 15, LEVEL = 3, MEMORY = 5 };

struct deflate {
	z_stream pack, unpack;
	bool can_pack, can_unpack;
};

/* Plaintext passes through zlib's memory: none of it is left behind. */
static voidpf
take(voidpf user, uInt items, uInt size)
{
	size_t n = (size_t)items * size;
	size_t *p = calloc(1, n + 16);

	(void)user;
	if (p == NULL)
		return NULL;
	p[0] = n;
	return p + 2;
}

static void
give(voidpf user, voidpf at)
{
	size_t *p = (size_t *)at - 2;

	(void)user;
	wipe(p, p[0] + 16);
	free(p);
}

struct deflate *
deflate_new(void)
{
	struct deflate *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->pack.zalloc = d->unpack.zalloc = take;
	d->pack.zfree = d->unpack.zfree = give;
	return d;
}

void
deflate_free(struct deflate *d)
{
	if (d == NULL)
		return;
	if (d->can_pack)
		(void)deflateEnd(&d->pack);
	if (d->can_unpack)
		(void)inflateEnd(&d->unpack);
	free(d);
}

static bool
set_buffers(z_stream *z, struct bytes in, uint8_t *out, size_t room)
{
	if (in.n == 0 || in.n > INT_MAX || room == 0 || room > INT_MAX)
		return false;
	z->next_in = (z_const Bytef *)in.p;
	z->avail_in = (uInt)in.n;
	z->next_out = out;
	z->avail_out = (uInt)room;
	return true;
}

size_t
deflate_pack(struct deflate *d, struct bytes in, uint8_t *out, size_t room)
{
	if (!d->can_pack)
		d->can_pack = deflateInit2(&d->pack, LEVEL, Z_DEFLATED, -SEND_BITS, MEMORY,
				      Z_DEFAULT_STRATEGY) == Z_OK;
	else if (deflateReset(&d->pack) != Z_OK)
		return 0;
	if (!d->can_pack || !set_buffers(&d->pack, in, out, room))
		return 0;
	if (deflate(&d->pack, Z_FINISH) != Z_STREAM_END)
		return 0;
	return room - d->pack.avail_out;
}

size_t
deflate_unpack(struct deflate *d, struct bytes in, uint8_t *out, size_t room)
{
	if (!d->can_unpack)
		d->can_unpack = inflateInit2(&d->unpack, -RECEIVE_BITS) == Z_OK;
	else if (inflateReset(&d->unpack) != Z_OK)
		return 0;
	if (!d->can_unpack || !set_buffers(&d->unpack, in, out, room))
		return 0;
	if (inflate(&d->unpack, Z_FINISH) != Z_STREAM_END || d->unpack.avail_in != 0)
		return 0;
	return room - d->unpack.avail_out;
}
