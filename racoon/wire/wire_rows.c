/*
 * wire_rows.c - what the payloads of ISAKMP look like, as rows, and the interpreters of rows.
 *
 * Called by the parser, the builder and the printer of this folder.  The figures of RFC 2408 3.1 to
 * 3.16, RFC 2407 4.6 and RFC 3947 3.2 and 5.2, one row per box.
 */
#include "racoon/wire/wire_rows.h"

#include <string.h>

#include "lib/attr.h"
#include "racoon/conf/rc.h"

#define U8(type, member)  { .kind = WIRE_FIELD_U8, .name = #member, .at = offsetof(type, member) }
#define U16(type, member) { .kind = WIRE_FIELD_U16, .name = #member, .at = offsetof(type, member) }
#define U32(type, member) { .kind = WIRE_FIELD_U32, .name = #member, .at = offsetof(type, member) }
#define NAMED(field_kind, type, member, which)                                                     \
	{ .kind = field_kind, .name = #member, .at = offsetof(type, member), .named = true,        \
	  .names = which }
#define ZERO(count) { .kind = WIRE_FIELD_ZERO, .octets = count }
#define COOKIE(type, member)                                                                       \
	{ .kind = WIRE_FIELD_OCTETS, .name = #member, .at = offsetof(type, member),                \
	  .octets = WIRE_COOKIE }
#define SIZED(type, member, size)                                                                  \
	{ .kind = WIRE_FIELD_SIZED, .name = #member, .at = offsetof(type, member),                 \
	  .size_at = offsetof(type, size) }
#define REST(type, member, how)                                                                    \
	{ .kind = WIRE_FIELD_REST, .name = #member, .at = offsetof(type, member), .show = how }
#define END { .kind = WIRE_FIELD_END }

/* RFC 2408 3.1 */
const struct wire_field wire_header_fields[] = {
	COOKIE(struct wire_header, cookie_i),
	COOKIE(struct wire_header, cookie_r),
	NAMED(WIRE_FIELD_U8, struct wire_header, next, WIRE_NAMES_PAYLOAD),
	U8(struct wire_header, version),
	NAMED(WIRE_FIELD_U8, struct wire_header, exchange, WIRE_NAMES_EXCHANGE),
	U8(struct wire_header, flags),
	U32(struct wire_header, message_id),
	U32(struct wire_header, length),
	END,
};

/* RFC 2408 3.5, behind the generic header */
const struct wire_field wire_proposal_fields[] = {
	U8(struct wire_proposal_head, number),
	NAMED(WIRE_FIELD_U8, struct wire_proposal_head, protocol, WIRE_NAMES_PROTOCOL),
	U8(struct wire_proposal_head, spi_size),
	U8(struct wire_proposal_head, transforms),
	SIZED(struct wire_proposal_head, spi, spi_size),
	REST(struct wire_proposal_head, rest, WIRE_SHOW_NOT),
	END,
};

/* RFC 2408 3.6 */
const struct wire_field wire_transform_fields[] = {
	U8(struct wire_transform_head, number),
	U8(struct wire_transform_head, id),
	ZERO(2),
	REST(struct wire_transform_head, rest, WIRE_SHOW_NOT),
	END,
};

/* RFC 2408 3.4, RFC 2407 4.6.1 (with SIT_IDENTITY_ONLY, the only situation there is in practice) */
static const struct wire_field sa_fields[] = {
	U32(struct wire_sa_head, doi),
	U32(struct wire_sa_head, situation),
	REST(struct wire_sa_head, proposals, WIRE_SHOW_NOT),
	END,
};

/* RFC 2408 3.7, 3.11, 3.12, 3.13, 3.16, RFC 3947 3.2: nothing but data */
#define DATA(how) { .kind = WIRE_FIELD_REST, .name = "data", .show = how }
static const struct wire_field data_fields[] = { DATA(WIRE_SHOW_HEX), END };
static const struct wire_field hidden_fields[] = { DATA(WIRE_SHOW_LENGTH), END };

/* RFC 2407 4.6.2 */
static const struct wire_field id_fields[] = {
	NAMED(WIRE_FIELD_U8, struct wire_id, type, WIRE_NAMES_ID),
	U8(struct wire_id, protocol),
	U16(struct wire_id, port),
	REST(struct wire_id, data, WIRE_SHOW_ID),
	END,
};

/* RFC 3947 5.2 */
static const struct wire_field natoa_fields[] = {
	NAMED(WIRE_FIELD_U8, struct wire_id, type, WIRE_NAMES_ID),
	ZERO(3),
	REST(struct wire_id, data, WIRE_SHOW_ID),
	END,
};

/* RFC 2408 3.9, 3.10 */
static const struct wire_field cert_fields[] = {
	U8(struct wire_cert, encoding),
	REST(struct wire_cert, data, WIRE_SHOW_HEX),
	END,
};

/* RFC 2408 3.14 */
static const struct wire_field notify_fields[] = {
	U32(struct wire_notify, doi),
	NAMED(WIRE_FIELD_U8, struct wire_notify, protocol, WIRE_NAMES_PROTOCOL),
	U8(struct wire_notify, spi_size),
	NAMED(WIRE_FIELD_U16, struct wire_notify, type, WIRE_NAMES_NOTIFY),
	SIZED(struct wire_notify, spi, spi_size),
	REST(struct wire_notify, data, WIRE_SHOW_HEX),
	END,
};

/* RFC 2408 3.15 */
static const struct wire_field delete_fields[] = {
	U32(struct wire_delete, doi),
	NAMED(WIRE_FIELD_U8, struct wire_delete, protocol, WIRE_NAMES_PROTOCOL),
	U8(struct wire_delete, spi_size),
	U16(struct wire_delete, count),
	REST(struct wire_delete, spis, WIRE_SHOW_HEX),
	END,
};

/* draft-dukes-ike-mode-cfg 3.2; values may be passwords */
static const struct wire_field attributes_fields[] = {
	NAMED(WIRE_FIELD_U8, struct wire_attributes, type, WIRE_NAMES_CFG),
	ZERO(1),
	U16(struct wire_attributes, id),
	REST(struct wire_attributes, attrs, WIRE_SHOW_LENGTH),
	END,
};

/* Cisco IKE fragmentation */
static const struct wire_field fragment_fields[] = {
	U16(struct wire_fragment, id),
	U8(struct wire_fragment, index),
	U8(struct wire_fragment, flags),
	REST(struct wire_fragment, data, WIRE_SHOW_LENGTH),
	END,
};

/* ------------------------------------------------------------------ what rows cannot say --- */

/* RFC 2407 4.6.2.1: the types with addresses have one length each, no other type may be empty. */
static const char *
check_id(const struct wire_payload *p)
{
	static const uint8_t octets[] = {
		[RC_ID_IPV4] = 4, [RC_ID_IPV4_SUBNET] = 8, [RC_ID_IPV4_RANGE] = 8,
		[RC_ID_IPV6] = 16, [RC_ID_IPV6_SUBNET] = 32, [RC_ID_IPV6_RANGE] = 32,
	};
	const struct wire_id *id = &p->id;
	if (id->type == RC_ID_NONE || id->type > RC_ID_KEYID)
		return "unknown ID type";
	if (id->type < ARRAY_LEN(octets) && octets[id->type] > 0) {
		if (id->data.n != octets[id->type])
			return "ID data does not fit the ID type";
	} else if (id->data.n == 0) {
		return "empty ID";
	}
	return NULL;
}

static const char *
check_natoa(const struct wire_payload *p)
{
	if (p->id.type != RC_ID_IPV4 && p->id.type != RC_ID_IPV6)
		return "NAT-OA is not an address";
	return check_id(p);
}

static const char *
check_delete(const struct wire_payload *p)
{
	const struct wire_delete *d = &p->delete;
	if (d->count == 0 || d->spi_size == 0)
		return "Delete names no SPI";
	if ((size_t)d->count * d->spi_size != d->spis.n)
		return "Delete's SPI count does not fit its length";
	return NULL;
}

enum { MAX = 65535 - WIRE_GENERIC, HASH_MAX = 64, GSS_MAX = 16384 };

static const struct wire_row rows[] = {
	{ WIRE_SA, WIRE_SA, "SA", sa_fields, 8, MAX, NULL },
	{ WIRE_KE, WIRE_KE, "KE", hidden_fields, 1, MAX, NULL },
	{ WIRE_ID, WIRE_ID, "ID", id_fields, 4, MAX, check_id },
	{ WIRE_CERT, WIRE_CERT, "CERT", cert_fields, 1, MAX, NULL },
	{ WIRE_CR, WIRE_CR, "CR", cert_fields, 1, MAX, NULL },
	{ WIRE_HASH, WIRE_HASH, "HASH", hidden_fields, 1, HASH_MAX, NULL },
	{ WIRE_SIG, WIRE_SIG, "SIG", hidden_fields, 1, MAX, NULL },
	{ WIRE_NONCE, WIRE_NONCE, "NONCE", hidden_fields, WIRE_NONCE_MIN, WIRE_NONCE_MAX, NULL },
	{ WIRE_NOTIFY, WIRE_NOTIFY, "N", notify_fields, 8, MAX, NULL },
	{ WIRE_DELETE, WIRE_DELETE, "D", delete_fields, 8, MAX, check_delete },
	{ WIRE_VENDOR, WIRE_VENDOR, "VID", data_fields, 0, MAX, NULL },
	{ WIRE_ATTRIBUTES, WIRE_ATTRIBUTES, "ATTR", attributes_fields, 4, MAX, NULL },
	{ WIRE_NAT_D, WIRE_NAT_D, "NAT-D", data_fields, 1, HASH_MAX, NULL },
	{ WIRE_NAT_OA, WIRE_NAT_OA, "NAT-OA", natoa_fields, 8, 20, check_natoa },
	{ WIRE_GSS, WIRE_BIT_GSS, "GSS", hidden_fields, 1, GSS_MAX, NULL },
	{ WIRE_NAT_D_DRAFT4, WIRE_NAT_D, "NAT-D", data_fields, 1, HASH_MAX, NULL },
	{ WIRE_NAT_OA_DRAFT4, WIRE_NAT_OA, "NAT-OA", natoa_fields, 8, 20, check_natoa },
	{ WIRE_NAT_D_DRAFT, WIRE_NAT_D, "NAT-D", data_fields, 1, HASH_MAX, NULL },
	{ WIRE_NAT_OA_DRAFT, WIRE_NAT_OA, "NAT-OA", natoa_fields, 8, 20, check_natoa },
	{ WIRE_FRAGMENT, WIRE_BIT_FRAGMENT, "FRAG", fragment_fields, 5, MAX, NULL },
};

const struct wire_row *
wire_row_of(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

unsigned
wire_bit_of(uint8_t type)
{
	const struct wire_row *row = wire_row_of(type);
	return row ? row->bit : WIRE_BIT_UNKNOWN;
}

/* -------------------------------------------------------------------------- interpreters --- */

static void
read_view(struct reader *r, size_t n, uint8_t *at)
{
	struct bytes v = read_bytes(r, n);
	memcpy(at, &v, sizeof(v));
}

void
wire_fields_read(const struct wire_field *f, struct reader *r, void *into)
{
	for (; f->kind != WIRE_FIELD_END; f++) {
		uint8_t *at = (uint8_t *)into + f->at;
		uint16_t v16;
		uint32_t v32;
		switch (f->kind) {
		case WIRE_FIELD_END:
			return;
		case WIRE_FIELD_U8:
			*at = read_u8(r);
			break;
		case WIRE_FIELD_U16:
			v16 = read_u16(r);
			memcpy(at, &v16, sizeof(v16));
			break;
		case WIRE_FIELD_U32:
			v32 = read_u32(r);
			memcpy(at, &v32, sizeof(v32));
			break;
		case WIRE_FIELD_OCTETS:
			read_copy(r, at, f->octets);
			break;
		case WIRE_FIELD_ZERO:
			read_skip(r, f->octets);
			break;
		case WIRE_FIELD_SIZED:
			read_view(r, ((const uint8_t *)into)[f->size_at], at);
			break;
		case WIRE_FIELD_REST:
			read_view(r, reader_left(r), at);
			break;
		}
	}
}

void
wire_fields_write(const struct wire_field *f, struct writer *w, const void *from)
{
	for (; f->kind != WIRE_FIELD_END; f++) {
		const uint8_t *at = (const uint8_t *)from + f->at;
		uint16_t v16;
		uint32_t v32;
		struct bytes view;
		switch (f->kind) {
		case WIRE_FIELD_END:
			return;
		case WIRE_FIELD_U8:
			write_u8(w, *at);
			break;
		case WIRE_FIELD_U16:
			memcpy(&v16, at, sizeof(v16));
			write_u16(w, v16);
			break;
		case WIRE_FIELD_U32:
			memcpy(&v32, at, sizeof(v32));
			write_u32(w, v32);
			break;
		case WIRE_FIELD_OCTETS:
			write_bytes(w, bytes_of(at, f->octets));
			break;
		case WIRE_FIELD_ZERO:
			write_zero(w, f->octets);
			break;
		case WIRE_FIELD_SIZED:
		case WIRE_FIELD_REST:
			memcpy(&view, at, sizeof(view));
			write_bytes(w, view);
			break;
		}
	}
}
