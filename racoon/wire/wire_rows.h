/*
 * wire_rows.h - the field rows and their three interpreters; for the files of racoon/wire only.
 *
 * A payload is a row: its fields in wire order, the bounds of its body, a check for what rows
 * cannot say.  A new payload is a row set, and a check if its parts depend on each other.
 */
#ifndef RACOON_WIRE_WIRE_ROWS_H
#define RACOON_WIRE_WIRE_ROWS_H

#include "racoon/wire/wire.h"

enum wire_field_kind {
	WIRE_FIELD_END,
	WIRE_FIELD_U8,
	WIRE_FIELD_U16,
	WIRE_FIELD_U32,
	WIRE_FIELD_OCTETS, /* `octets` of them, into an array */
	WIRE_FIELD_ZERO,   /* reserved: written as zero, read past */
	WIRE_FIELD_SIZED,  /* a view of as many octets as the uint8_t at `size_at` says */
	WIRE_FIELD_REST,   /* a view of what is left */
};
enum wire_show { /* what a printer may show of a view */
	WIRE_SHOW_HEX,    /* the first octets */
	WIRE_SHOW_LENGTH, /* nothing but how many */
	WIRE_SHOW_ID,     /* by the ID type */
	WIRE_SHOW_NOT,    /* printed by its own function */
};

struct wire_field {
	enum wire_field_kind kind;
	const char *name;
	uint16_t at;      /* offset in the struct */
	uint16_t size_at; /* SIZED: offset of the size */
	uint8_t octets;   /* OCTETS, ZERO */
	bool named;       /* print through `names` */
	enum wire_names names;
	enum wire_show show;
};

struct wire_row {
	uint8_t type;
	uint8_t bit;
	const char *name; /* as it stands in summaries */
	const struct wire_field *field;
	uint16_t min, max; /* octets of the body */
	const char *(*check)(const struct wire_payload *p); /* what is wrong, or NULL */
};

extern const struct wire_field wire_header_fields[];
extern const struct wire_field wire_proposal_fields[];
extern const struct wire_field wire_transform_fields[];

struct wire_proposal_head { /* behind the generic header */
	uint8_t number, protocol, spi_size, transforms;
	struct bytes spi, rest;
};
struct wire_transform_head {
	uint8_t number, id;
	struct bytes rest;
};

const struct wire_row *wire_row_of(uint8_t type); /* NULL: not a payload of a message */
/* The payload's struct within the union: all rows fill from its start. */
void wire_fields_read(const struct wire_field *f, struct reader *r, void *into);
void wire_fields_write(const struct wire_field *f, struct writer *w, const void *from);
void wire_fields_print(const struct wire_field *f, struct text *out, const void *from);

/* One step of a proposal or transform chain: the substructure's view after its generic header. */
bool wire_next_part(struct reader *r, uint8_t type, bool *last, struct bytes *whole,
	struct bytes *body, const char **why);
bool wire_read_attr(struct reader *r, struct wire_attr *out, const char **why);

#endif
