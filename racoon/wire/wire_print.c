/*
 * wire_print.c - messages as text, for DEBUG and for traces.
 *
 * Called by the IKE engine with what the parser accepted.  Never shows what an attacker who reads
 * the log could use: of keys, nonces, hashes and XAUTH values only the length.
 */
#include "racoon/wire/wire.h"

#include <stdio.h>
#include <string.h>

#include "lib/alg.h"
#include "lib/net.h"
#include "racoon/conf/rc.h"
#include "racoon/wire/wire_rows.h"

enum { HEX_SHOWN = 32 /* octets of data that are printed */, NUMBER_TEXT = 24, ID_TEXT = 160 };

static void
print_hex(struct text *out, struct bytes b)
{
	text_addf(out, "%zu octets", b.n);
	if (b.n == 0)
		return;
	text_add(out, " ");
	text_add_hex(out, bytes_of(b.p, b.n < HEX_SHOWN ? b.n : HEX_SHOWN));
	if (b.n > HEX_SHOWN)
		text_add(out, "...");
}

static void
print_view(const struct wire_field *f, struct text *out, const uint8_t *at, const void *from)
{
	struct bytes v;
	char text[ID_TEXT];
	memcpy(&v, at, sizeof(v));
	switch (f->show) {
	case WIRE_SHOW_HEX:
		print_hex(out, v);
		break;
	case WIRE_SHOW_LENGTH:
		text_addf(out, "%zu octets", v.n);
		break;
	case WIRE_SHOW_ID:
		text_add(out, rc_id_text(text, sizeof(text),
			(enum rc_idtype)((const struct wire_id *)from)->type, v));
		break;
	case WIRE_SHOW_NOT:
		break;
	}
}

static void
print_number(const struct wire_field *f, struct text *out, uint32_t v)
{
	char buf[NUMBER_TEXT];
	if (f->named)
		text_addf(out, " %s %s", f->name, wire_name_text(f->names, v, buf, sizeof(buf)));
	else
		text_addf(out, " %s %u", f->name, (unsigned)v);
}

void
wire_fields_print(const struct wire_field *f, struct text *out, const void *from)
{
	for (; f->kind != WIRE_FIELD_END; f++) {
		const uint8_t *at = (const uint8_t *)from + f->at;
		uint16_t v16;
		uint32_t v32;
		switch (f->kind) {
		case WIRE_FIELD_END:
			return;
		case WIRE_FIELD_U8:
			print_number(f, out, *at);
			break;
		case WIRE_FIELD_U16:
			memcpy(&v16, at, sizeof(v16));
			print_number(f, out, v16);
			break;
		case WIRE_FIELD_U32:
			memcpy(&v32, at, sizeof(v32));
			print_number(f, out, v32);
			break;
		case WIRE_FIELD_OCTETS:
			text_addf(out, " %s ", f->name);
			text_add_hex(out, bytes_of(at, f->octets));
			break;
		case WIRE_FIELD_ZERO:
			break;
		case WIRE_FIELD_SIZED:
		case WIRE_FIELD_REST:
			if (f->show == WIRE_SHOW_NOT)
				break;
			text_addf(out, " %s ", f->name);
			print_view(f, out, at, from);
			break;
		}
	}
}

/* -------------------------------------------------------------------- the nested payload --- */

static const char *
alg_text(const struct alg *a, uint64_t number, char *buf, size_t size)
{
	if (a)
		return a->name;
	snprintf(buf, size, "%llu", (unsigned long long)number);
	return buf;
}

/* The value of a phase 1 attribute (RFC 2409 appendix A) or phase 2 attribute (RFC 2407 4.5). */
static const char *
attr_value(bool phase1, const struct wire_attr *a, char *buf, size_t size)
{
	uint64_t n = a->number;
	uint16_t v = n > UINT16_MAX ? 0 : (uint16_t)n;
	if (!a->is_number) {
		snprintf(buf, size, "%zu octets", a->data.n);
		return buf;
	}
	if (phase1) {
		switch (a->type) {
		case WIRE_A1_ENCR:
			return alg_text(alg_by_ike1(ALG_ENCR, v), n, buf, size);
		case WIRE_A1_HASH:
			return alg_text(alg_by_ike1(ALG_HASH, v), n, buf, size);
		case WIRE_A1_GROUP:
			return alg_text(alg_by_ike1(ALG_DH, v), n, buf, size);
		case WIRE_A1_AUTH:
			return wire_name_text(WIRE_NAMES_AUTH, (uint32_t)n, buf, size);
		case WIRE_A1_LIFE_TYPE:
			return wire_name_text(WIRE_NAMES_LIFE, (uint32_t)n, buf, size);
		}
	} else {
		switch (a->type) {
		case WIRE_A2_GROUP:
			return alg_text(alg_by_ike1(ALG_DH, v), n, buf, size);
		case WIRE_A2_AUTH:
			return alg_text(alg_by_auth1(v), n, buf, size);
		case WIRE_A2_ENCAP:
			return wire_name_text(WIRE_NAMES_ENCAP, (uint32_t)n, buf, size);
		case WIRE_A2_LIFE_TYPE:
			return wire_name_text(WIRE_NAMES_LIFE, (uint32_t)n, buf, size);
		}
	}
	return alg_text(NULL, n, buf, size);
}

static const char *
transform_text(uint8_t protocol, uint8_t id, char *buf, size_t size)
{
	const struct alg *a = NULL;
	if (protocol == WIRE_P_ISAKMP && id == WIRE_KEY_IKE)
		return "KEY_IKE";
	if (protocol == WIRE_P_ESP)
		a = alg_by_esp1(ALG_ENCR, id);
	else if (protocol == WIRE_P_AH)
		a = alg_by_ah1(id);
	else if (protocol == WIRE_P_IPCOMP)
		a = alg_by_esp1(ALG_COMP, id);
	return alg_text(a, id, buf, size);
}

static void
print_transform(struct text *out, uint8_t protocol, struct bytes body)
{
	struct wire_transform_head h = { 0 };
	struct reader r = reader_of(body);
	char buf[NUMBER_TEXT], name[NUMBER_TEXT];
	wire_fields_read(wire_transform_fields, &r, &h);
	text_addf(out, "    transform %u %s:", h.number,
		transform_text(protocol, h.id, buf, sizeof(buf)));
	bool phase1 = protocol == WIRE_P_ISAKMP;
	enum wire_names which = phase1 ? WIRE_NAMES_ATTR1 : WIRE_NAMES_ATTR2;
	struct wire_attr a;
	r = reader_of(h.rest);
	for (unsigned n = 0; n < WIRE_ATTRS_MAX && reader_left(&r) > 0; n++) {
		if (!wire_read_attr(&r, &a, NULL))
			break;
		text_addf(out, "%s %s %s", n > 0 ? "," : "",
			wire_name_text(which, a.type, name, sizeof(name)),
			attr_value(phase1, &a, buf, sizeof(buf)));
	}
	text_add(out, "\n");
}

static void
print_proposals(struct text *out, struct bytes proposals)
{
	struct reader r = reader_of(proposals);
	struct bytes whole, body;
	bool last = false;
	for (unsigned i = 0; i < WIRE_PROPOSALS_MAX && !last; i++) {
		if (!wire_next_part(&r, WIRE_PROPOSAL, &last, &whole, &body, NULL))
			return;
		struct wire_proposal_head h = { 0 };
		struct reader inner = reader_of(body);
		wire_fields_read(wire_proposal_fields, &inner, &h);
		if (inner.bad)
			return;
		text_add(out, "  proposal");
		wire_fields_print(wire_proposal_fields, out, &h);
		text_add(out, "\n");
		inner = reader_of(h.rest);
		bool end = false;
		for (unsigned t = 0; t < h.transforms && !end; t++) {
			if (!wire_next_part(&inner, WIRE_TRANSFORM, &end, &whole, &body, NULL))
				return;
			print_transform(out, h.protocol, body);
		}
	}
}

/* ------------------------------------------------------------------------ whole messages --- */

void
wire_print(struct text *out, const struct wire_header *h, const struct wire_msg *m)
{
	if (h) {
		text_add(out, "header");
		wire_fields_print(wire_header_fields, out, h);
		text_add(out, "\n");
	}
	for (unsigned i = 0; m && i < m->count; i++) {
		const struct wire_payload *p = &m->payload[i];
		const struct wire_row *row = p->known ? wire_row_of(p->type) : NULL;
		if (!row) {
			text_addf(out, "payload %u: %zu octets\n", p->type, p->body.n);
			continue;
		}
		text_addf(out, "%s:", row->name);
		wire_fields_print(row->field, out, &p->sa);
		text_add(out, "\n");
		if (p->type == WIRE_SA && p->sa.situation == WIRE_SIT_IDENTITY_ONLY)
			print_proposals(out, p->sa.proposals);
	}
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;
	while (n > 0)
		any |= p[--n];
	return any == 0;
}

char *
wire_summary(char *buf, size_t size, const struct wire_header *h, const struct wire_msg *m)
{
	char number[NUMBER_TEXT];
	int n = snprintf(buf, size, "%s%s",
		wire_name_text(WIRE_NAMES_EXCHANGE, h->exchange, number, sizeof(number)),
		is_zero(h->cookie_r, WIRE_COOKIE) ? " first" : "");
	size_t at = n < 0 ? 0 : (size_t)n;
	if (h->message_id && at < size)
		at += (size_t)snprintf(buf + at, size - at, " %08x", (unsigned)h->message_id);
	if (!m) {
		if (at < size)
			snprintf(buf + at, size - at, " {encrypted, %u octets}",
				(unsigned)h->length);
		return buf;
	}
	for (unsigned i = 0; i < m->count && at < size; i++) {
		const struct wire_payload *p = &m->payload[i];
		const char *sep = i == 0 ? " {" : " ";
		if (p->known && p->type == WIRE_NOTIFY)
			at += (size_t)snprintf(buf + at, size - at, "%sN(%s)", sep,
				wire_name_text(
					WIRE_NAMES_NOTIFY, p->notify.type, number, sizeof(number)));
		else
			at += (size_t)snprintf(buf + at, size - at, "%s%s", sep,
				wire_name_text(
					WIRE_NAMES_PAYLOAD, p->type, number, sizeof(number)));
	}
	if (at < size)
		snprintf(buf + at, size - at, "}");
	return buf;
}
