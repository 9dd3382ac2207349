/*
 * wire_build.c - messages from payloads.
 *
 * Called by the IKE engine.  Types and lengths are patched when they are known: a payload's type
 * goes into the header before it.  Reserved fields are written as zero.  The first thing that does
 * not fit makes everything after it a no-op, and wire_finish returns nothing.
 */
#include "racoon/wire/wire.h"

#include <string.h>

#include "racoon/wire/wire_rows.h"

enum { NEXT_AT = 16 /* of the header's next payload field */, LENGTH_AT = 24 };

void
wire_begin(struct wire_builder *b, void *buf, size_t size, const struct wire_header *h)
{
	struct wire_header head = *h;
	memset(b, 0, sizeof(*b));
	head.next = WIRE_NONE;
	head.length = 0;
	b->w = writer_of(buf, size);
	wire_fields_write(wire_header_fields, &b->w, &head);
	if (!b->w.bad) {
		b->next = b->w.start + NEXT_AT;
		b->length = b->w.start + LENGTH_AT;
	}
}

/* The generic header; the length is patched by end_payload. */
static void
begin_payload(struct wire_builder *b, uint8_t type)
{
	uint8_t *at = write_hole(&b->w, WIRE_GENERIC);
	if (!at)
		return;
	memset(at, 0, WIRE_GENERIC);
	*b->next = type;
	b->next = at;
	b->last = at;
}

static void
end_payload(struct wire_builder *b)
{
	if (b->w.bad)
		return;
	size_t n = (size_t)(b->w.p - b->last);
	if (n > UINT16_MAX)
		b->w.bad = true;
	else
		patch_u16(b->last + 2, (uint16_t)n);
}

void
wire_add_body(struct wire_builder *b, enum wire_type type, struct bytes body)
{
	begin_payload(b, (uint8_t)type);
	write_bytes(&b->w, body);
	end_payload(b);
}

void
wire_add_data(struct wire_builder *b, enum wire_type type, struct bytes data)
{
	wire_add_body(b, type, data);
}

uint8_t *
wire_add_hole(struct wire_builder *b, enum wire_type type, size_t n)
{
	begin_payload(b, (uint8_t)type);
	uint8_t *at = write_hole(&b->w, n);
	end_payload(b);
	if (b->w.bad || !at)
		return NULL;
	memset(at, 0, n);
	return at;
}

void
wire_add(struct wire_builder *b, const struct wire_payload *p)
{
	const struct wire_row *row = wire_row_of(p->type);
	if (!row) {
		b->w.bad = true;
		return;
	}
	begin_payload(b, p->type);
	wire_fields_write(row->field, &b->w, &p->sa);
	end_payload(b);
}

void
wire_add_id(struct wire_builder *b, const struct wire_id *id)
{
	struct wire_payload p = { .type = WIRE_ID, .id = *id };
	wire_add(b, &p);
}

void
wire_add_notify(struct wire_builder *b, const struct wire_notify *n)
{
	struct wire_payload p = { .type = WIRE_NOTIFY, .notify = *n };
	if (n->spi.n > UINT8_MAX) {
		b->w.bad = true;
		return;
	}
	p.notify.spi_size = (uint8_t)n->spi.n;
	wire_add(b, &p);
}

void
wire_add_delete(struct wire_builder *b, const struct wire_delete *d)
{
	struct wire_payload p = { .type = WIRE_DELETE, .delete = *d };
	if ((size_t)d->count * d->spi_size != d->spis.n) {
		b->w.bad = true;
		return;
	}
	wire_add(b, &p);
}

struct bytes
wire_since(const struct wire_builder *b, const uint8_t *from)
{
	if (b->w.bad || !from || from < b->w.start || from > b->w.p)
		return bytes_of(NULL, 0);
	return bytes_of(from, (size_t)(b->w.p - from));
}

struct bytes
wire_last_body(const struct wire_builder *b)
{
	if (b->w.bad || !b->last)
		return bytes_of(NULL, 0);
	return bytes_of(b->last + WIRE_GENERIC, get_u16(b->last + 2) - (size_t)WIRE_GENERIC);
}

void
wire_pad(struct wire_builder *b, size_t block)
{
	if (b->w.bad || block < 2)
		return;
	size_t over = (writer_len(&b->w) - WIRE_HEADER) % block;
	if (over > 0)
		write_zero(&b->w, block - over);
}

struct bytes
wire_finish(struct wire_builder *b)
{
	if (b->w.bad)
		return bytes_of(NULL, 0);
	patch_u32(b->length, (uint32_t)writer_len(&b->w));
	return writer_bytes(&b->w);
}
