/*
 * wire_sa.c - the nested SA payload: proposals, transforms, attributes, both ways.
 *
 * Called by the IKE engine for phase 1 and phase 2 offers.  Arrays are allocated once with their
 * exact size after counting, so that a datagram cannot buy more memory than its own length times a
 * small factor.  Never judges what an attribute means (RFC 2408 3.4 to 3.6, 4.2).
 */
#include "racoon/wire/wire.h"

#include <string.h>

#include "racoon/wire/wire_rows.h"

enum { ATTR_TV = 0x8000, SPI_ISAKMP_MAX = 16 };

static enum status
malformed(const char **why, const char *text)
{
	if (why)
		*why = text;
	return ST_MALFORMED;
}

bool
wire_next_part(struct reader *r, uint8_t type, bool *last, struct bytes *whole, struct bytes *body,
	const char **why)
{
	const uint8_t *start = r->p;
	uint8_t next = read_u8(r);
	read_u8(r);
	uint16_t length = read_u16(r);
	const char *wrong = NULL;
	if (r->bad)
		wrong = "proposal or transform chain runs past the end";
	else if (next != WIRE_NONE && next != type)
		wrong = "proposal or transform is followed by something else";
	else if (length < WIRE_GENERIC)
		wrong = "proposal or transform length is less than 4";
	if (!wrong) {
		*last = next == WIRE_NONE;
		*body = read_bytes(r, (size_t)length - WIRE_GENERIC);
		*whole = bytes_of(start, length);
		if (r->bad)
			wrong = "proposal or transform runs past the end";
		else if (*last && reader_left(r) > 0)
			wrong = "octets behind the last proposal or transform";
	}
	if (wrong && why)
		*why = wrong;
	return wrong == NULL;
}

/* ---------------------------------------------------------------------------- attributes --- */

bool
wire_read_attr(struct reader *r, struct wire_attr *out, const char **why)
{
	uint16_t type = read_u16(r);
	uint16_t value = read_u16(r);
	memset(out, 0, sizeof(*out));
	out->type = type & (ATTR_TV - 1);
	out->tv = (type & ATTR_TV) != 0;
	if (out->tv) {
		out->number = value;
		out->is_number = true;
	} else {
		out->data = read_bytes(r, value);
		struct bytes v = out->data;
		while (v.n > 8 && v.p[0] == 0)
			v = bytes_of(v.p + 1, v.n - 1);
		out->is_number = v.n >= 1 && v.n <= 8;
		for (size_t i = 0; out->is_number && i < v.n; i++)
			out->number = out->number << 8 | v.p[i];
	}
	if (r->bad && why)
		*why = "attribute runs past the end";
	return !r->bad;
}

enum status
wire_parse_attrs(struct bytes attrs, struct arena *arena, struct wire_attr **out, unsigned *count,
	const char **why)
{
	struct wire_attr scratch;
	unsigned n = 0;
	*out = NULL;
	*count = 0;
	for (struct reader r = reader_of(attrs); reader_left(&r) > 0; n++)
		if (!wire_read_attr(&r, &scratch, why))
			return ST_MALFORMED;
	if (n > WIRE_ATTRS_MAX)
		return malformed(why, "too many attributes");
	if (n == 0)
		return ST_NORMAL;
	struct wire_attr *list = arena_array(arena, n, sizeof(*list));
	if (!list)
		return ST_NOMEMORY;
	struct reader r = reader_of(attrs);
	for (unsigned i = 0; i < n; i++)
		if (!wire_read_attr(&r, &list[i], why))
			return ST_MALFORMED;
	*out = list;
	*count = n;
	return ST_NORMAL;
}

const struct wire_attr *
wire_attr_find(const struct wire_attr *attr, unsigned count, uint16_t type)
{
	for (unsigned i = 0; i < count; i++)
		if (attr[i].type == type)
			return &attr[i];
	return NULL;
}

static bool
attr_equal(const struct wire_attr *a, const struct wire_attr *b)
{
	if (a->type != b->type || a->is_number != b->is_number)
		return false;
	return a->is_number ? a->number == b->number : bytes_equal(a->data, b->data);
}

/* How often does this attribute stand in the list?  Life type and duration come in pairs. */
static unsigned
occurrences(const struct wire_transform *t, const struct wire_attr *a)
{
	unsigned n = 0;
	for (unsigned i = 0; i < t->attrs; i++)
		n += attr_equal(&t->attr[i], a);
	return n;
}

bool
wire_transform_equal(const struct wire_transform *a, const struct wire_transform *b)
{
	if (a->id != b->id || a->attrs != b->attrs)
		return false;
	for (unsigned i = 0; i < a->attrs; i++)
		if (occurrences(a, &a->attr[i]) != occurrences(b, &a->attr[i]))
			return false;
	return true;
}

struct wire_attr
wire_attr_of(uint16_t type, uint64_t number)
{
	return (struct wire_attr){ .type = type, .tv = number <= UINT16_MAX, .is_number = true,
		.number = number };
}

void
wire_write_attrs(struct writer *w, const struct wire_attr *attr, unsigned count)
{
	for (const struct wire_attr *a = attr; a < attr + count; a++) {
		if (a->data.n > UINT16_MAX || a->type >= ATTR_TV) {
			w->bad = true;
		} else if (a->tv) {
			write_u16(w, (uint16_t)(a->type | ATTR_TV));
			write_u16(w, (uint16_t)a->number);
		} else if (a->data.n > 0 || !a->is_number) {
			write_u16(w, a->type);
			write_u16(w, (uint16_t)a->data.n);
			write_bytes(w, a->data);
		} else if (a->number <= UINT32_MAX) {
			write_u16(w, a->type);
			write_u16(w, 4);
			write_u32(w, (uint32_t)a->number);
		} else {
			write_u16(w, a->type);
			write_u16(w, 8);
			write_u64(w, a->number);
		}
	}
}

/* ------------------------------------------------------------------------------- parsing --- */

static enum status
parse_transform(struct bytes body, struct arena *arena, struct wire_transform *t, const char **why)
{
	struct wire_transform_head head = { 0 };
	struct reader r = reader_of(body);
	wire_fields_read(wire_transform_fields, &r, &head);
	if (r.bad)
		return malformed(why, "transform is too short");
	t->number = head.number;
	t->id = head.id;
	return wire_parse_attrs(head.rest, arena, &t->attr, &t->attrs, why);
}

/* RFC 2407 4.4.1 and 4.5.3: what an SPI of each protocol looks like; NULL when this one does. */
static const char *
spi_wrong(const struct wire_proposal_head *h)
{
	switch (h->protocol) {
	case WIRE_P_ISAKMP: /* RFC 2408 3.5: 0 to 16, to be ignored */
		return h->spi_size > SPI_ISAKMP_MAX ? "SPI of an ISAKMP proposal is too long"
						    : NULL;
	case WIRE_P_AH:
	case WIRE_P_ESP:
		return h->spi_size != 4 ? "SPI of an ESP or AH proposal is not 4 octets" : NULL;
	case WIRE_P_IPCOMP: /* RFC 3173 4.1: 2 octets, or 4 with two of zero */
		return h->spi_size != 2 && h->spi_size != 4 ? "CPI is neither 2 nor 4 octets"
							    : NULL;
	}
	return NULL;
}

static enum status
parse_proposal(struct bytes body, struct arena *arena, struct wire_proposal *p, unsigned *left,
	const char **why)
{
	struct wire_proposal_head head = { 0 };
	struct reader r = reader_of(body);
	wire_fields_read(wire_proposal_fields, &r, &head);
	if (r.bad)
		return malformed(why, "proposal is too short, or its SPI runs past the end");
	const char *wrong = spi_wrong(&head);
	if (wrong)
		return malformed(why, wrong);
	if (head.transforms == 0)
		return malformed(why, "proposal without transforms");
	if (head.transforms > *left)
		return malformed(why, "too many transforms");
	/* the count may not promise more than the octets can hold, before it is paid for */
	if ((size_t)head.transforms * (WIRE_GENERIC + 4) > head.rest.n)
		return malformed(why, "transform count does not fit the proposal");
	*left -= head.transforms;
	p->number = head.number;
	p->protocol = head.protocol;
	p->spi = head.spi;
	p->transforms = head.transforms;
	p->transform = arena_array(arena, head.transforms, sizeof(*p->transform));
	if (!p->transform)
		return ST_NOMEMORY;
	r = reader_of(head.rest);
	bool last = false;
	for (unsigned i = 0; i < p->transforms; i++) {
		struct bytes inner;
		if (last)
			return malformed(why, "fewer transforms than the proposal says");
		if (!wire_next_part(&r, WIRE_TRANSFORM, &last, &p->transform[i].whole, &inner, why))
			return ST_MALFORMED;
		TRY(parse_transform(inner, arena, &p->transform[i], why));
	}
	return last ? ST_NORMAL : malformed(why, "more transforms than the proposal says");
}

static enum status
count_proposals(struct bytes proposals, unsigned *count, const char **why)
{
	struct reader r = reader_of(proposals);
	struct bytes whole, body;
	unsigned n = 0;
	for (bool last = false; !last; n++) {
		if (n == WIRE_PROPOSALS_MAX)
			return malformed(why, "too many proposals");
		if (!wire_next_part(&r, WIRE_PROPOSAL, &last, &whole, &body, why))
			return ST_MALFORMED;
	}
	*count = n;
	return ST_NORMAL;
}

enum status
wire_parse_sa(const struct wire_payload *p, struct arena *arena, struct wire_sa *out,
	const char **why)
{
	unsigned count = 0, left = WIRE_TRANSFORMS_MAX;
	memset(out, 0, sizeof(*out));
	out->doi = p->sa.doi;
	out->situation = p->sa.situation;
	if (out->doi != WIRE_DOI_IPSEC && out->doi != WIRE_DOI_ISAKMP)
		return ST_NORMAL;
	/* RFC 2407 4.6.1: secrecy and integrity put label fields before the proposals; a caller
	 * refuses the situation, so they are not looked for */
	if (out->situation != WIRE_SIT_IDENTITY_ONLY)
		return ST_NORMAL;
	TRY(count_proposals(p->sa.proposals, &count, why));
	struct wire_proposal *list = arena_array(arena, count, sizeof(*list));
	if (!list)
		return ST_NOMEMORY;
	struct reader r = reader_of(p->sa.proposals);
	for (unsigned i = 0; i < count; i++) {
		struct bytes body;
		bool last;
		if (!wire_next_part(&r, WIRE_PROPOSAL, &last, &list[i].whole, &body, why))
			return ST_MALFORMED;
		TRY(parse_proposal(body, arena, &list[i], &left, why));
	}
	out->proposal = list;
	out->proposals = count;
	return ST_NORMAL;
}

/* ------------------------------------------------------------------------------ building --- */

static uint8_t *
begin_part(struct writer *w, uint8_t next)
{
	write_u8(w, next);
	write_u8(w, 0);
	return write_hole(w, 2);
}

/* Patch a part's length: from its generic header to here. */
static void
end_part(struct writer *w, uint8_t *length)
{
	if (!length || w->bad)
		return;
	size_t n = (size_t)(w->p - length) + 2;
	if (n > UINT16_MAX)
		w->bad = true;
	else
		patch_u16(length, (uint16_t)n);
}

static void
write_proposal(struct writer *w, const struct wire_proposal *p, bool last)
{
	struct wire_proposal_head head = { .number = p->number,
		.protocol = p->protocol,
		.spi_size = (uint8_t)p->spi.n,
		.transforms = (uint8_t)p->transforms,
		.spi = p->spi };
	if (p->spi.n > UINT8_MAX || p->transforms > UINT8_MAX) {
		w->bad = true;
		return;
	}
	uint8_t *length = begin_part(w, last ? WIRE_NONE : WIRE_PROPOSAL);
	wire_fields_write(wire_proposal_fields, w, &head);
	for (unsigned i = 0; i < p->transforms; i++) {
		const struct wire_transform *t = &p->transform[i];
		struct wire_transform_head th = { .number = t->number, .id = t->id };
		uint8_t *tl = begin_part(w, i + 1 == p->transforms ? WIRE_NONE : WIRE_TRANSFORM);
		wire_fields_write(wire_transform_fields, w, &th);
		wire_write_attrs(w, t->attr, t->attrs);
		end_part(w, tl);
	}
	end_part(w, length);
}

void
wire_add_sa(struct wire_builder *b, const struct wire_sa *sa)
{
	wire_add_body(b, WIRE_SA, bytes_of(NULL, 0));
	if (b->w.bad)
		return;
	uint8_t *start = b->last;
	write_u32(&b->w, sa->doi);
	write_u32(&b->w, sa->situation);
	for (unsigned i = 0; i < sa->proposals; i++)
		write_proposal(&b->w, &sa->proposal[i], i + 1 == sa->proposals);
	end_part(&b->w, start + 2);
}
