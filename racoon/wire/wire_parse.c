/*
 * wire_parse.c - datagrams into headers and payloads.
 *
 * Called by the IKE engine and by tests with octets from anyone.  Pure and bounded: no state, no
 * memory, no length is believed before it was compared (RFC 2408 5.1, 5.3).
 */
#include "racoon/wire/wire.h"

#include <string.h>

#include "racoon/wire/wire_rows.h"

static enum status
malformed(const char **why, const char *text)
{
	if (why)
		*why = text;
	return ST_MALFORMED;
}

enum status
wire_parse_header(struct bytes datagram, struct wire_header *out, const char **why)
{
	memset(out, 0, sizeof(*out));
	struct reader r = reader_of(datagram);
	wire_fields_read(wire_header_fields, &r, out);
	if (r.bad) {
		memset(out, 0, sizeof(*out));
		return malformed(why, "shorter than an ISAKMP header");
	}
	if (out->length != datagram.n)
		return malformed(why, "length in the header is not that of the datagram");
	return ST_NORMAL;
}

static enum status
parse_body(struct wire_payload *p, const char **why)
{
	const struct wire_row *row = wire_row_of(p->type);
	if (!row) {
		/* RFC 2408 3.5 and 3.6: these two live within an SA payload only */
		if (p->type == WIRE_PROPOSAL || p->type == WIRE_TRANSFORM)
			return malformed(why, "proposal or transform outside of an SA payload");
		return ST_NORMAL;
	}
	if (p->body.n < row->min)
		return malformed(why, "payload is too short for its type");
	if (p->body.n > row->max)
		return malformed(why, "payload is too long for its type");
	struct reader r = reader_of(p->body);
	p->known = true;
	wire_fields_read(row->field, &r, &p->sa);
	if (r.bad)
		return malformed(why, "a field runs past the end of its payload");
	const char *wrong = row->check ? row->check(p) : NULL;
	return wrong ? malformed(why, wrong) : ST_NORMAL;
}

enum status
wire_parse(uint8_t first, struct bytes payloads, bool decrypted, struct wire_msg *out,
	const char **why)
{
	out->count = out->unknown = 0;
	out->present = 0;
	out->payloads = bytes_of(payloads.p, 0);
	if (first == WIRE_NONE)
		return malformed(why, "message without payloads");
	struct reader r = reader_of(payloads);
	for (uint8_t type = first; type != WIRE_NONE;) {
		if (out->count == WIRE_PAYLOADS_MAX)
			return malformed(why, "too many payloads");
		const uint8_t *start = r.p;
		uint8_t next = read_u8(&r);
		read_u8(&r); /* reserved: RFC 2408 3.2 wants 0, some peers do not */
		uint16_t length = read_u16(&r);
		if (r.bad)
			return malformed(why, "payload chain runs past the end");
		if (length < WIRE_GENERIC)
			return malformed(why, "payload length is less than 4");
		struct wire_payload *p = &out->payload[out->count];
		memset(p, 0, sizeof(*p));
		p->type = type;
		p->body = read_bytes(&r, (size_t)length - WIRE_GENERIC);
		if (r.bad)
			return malformed(why, "payload runs past the end");
		p->whole = bytes_of(start, length);
		TRY(parse_body(p, why));
		out->count++;
		out->unknown += !p->known;
		out->present |= WIRE_BIT(wire_bit_of(type));
		type = next;
	}
	size_t rest = reader_left(&r);
	if (rest > (decrypted ? WIRE_PADDING_MAX : 0))
		return malformed(why, "octets behind the last payload");
	out->payloads = bytes_of(payloads.p, payloads.n - rest);
	return ST_NORMAL;
}

const struct wire_payload *
wire_find(const struct wire_msg *m, enum wire_type type, unsigned n)
{
	unsigned bit = wire_bit_of((uint8_t)type);
	for (unsigned i = 0; i < m->count; i++) {
		const struct wire_payload *p = &m->payload[i];
		if (p->known && wire_bit_of(p->type) == bit && n-- == 0)
			return p;
	}
	return NULL;
}

unsigned
wire_count(const struct wire_msg *m, enum wire_type type)
{
	unsigned n = 0;
	while (wire_find(m, type, n))
		n++;
	return n;
}

struct bytes
wire_after(const struct wire_msg *m, const struct wire_payload *p)
{
	const uint8_t *from = p->whole.p + p->whole.n;
	const uint8_t *end = m->payloads.p + m->payloads.n;
	return bytes_of(from, (size_t)(end - from));
}

struct bytes
wire_delete_spi(const struct wire_delete *d, unsigned i)
{
	if (i >= d->count || (size_t)(i + 1) * d->spi_size > d->spis.n)
		return bytes_of(NULL, 0);
	return bytes_of(d->spis.p + (size_t)i * d->spi_size, d->spi_size);
}

struct bytes
wire_payloads_of(struct bytes message)
{
	if (message.n < WIRE_HEADER)
		return bytes_of(NULL, 0);
	return bytes_of(message.p + WIRE_HEADER, message.n - WIRE_HEADER);
}
