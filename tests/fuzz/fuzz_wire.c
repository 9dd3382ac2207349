/*
 * fuzz_wire.c - the ISAKMP codec.  First octet: 0 a datagram, 1 decrypted payloads with the type in
 * the second.  What the parser accepts must be safe to walk, to print, and to build again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "racoon/wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk_sa(const struct wire_payload *p)
{
	struct arena *arena = arena_new(65536);
	struct wire_sa sa, again;
	static uint8_t buf[2 * 65536];
	struct wire_builder b;
	struct wire_msg m;
	if (!arena)
		abort();
	if (wire_parse_sa(p, arena, &sa, NULL) == ST_NORMAL && sa.proposals > 0) {
		wire_begin(&b, buf, sizeof(buf), &(struct wire_header){ 0 });
		wire_add_sa(&b, &sa);
		struct bytes d = wire_finish(&b);
		if (d.n == 0 || wire_parse(WIRE_SA, wire_payloads_of(d), false, &m, NULL))
			abort();
		struct arena *other = arena_new(65536);
		if (!other || wire_parse_sa(&m.payload[0], other, &again, NULL))
			abort();
		for (unsigned i = 0; i < sa.proposals; i++)
			for (unsigned t = 0; t < sa.proposal[i].transforms; t++)
				if (!wire_transform_equal(&sa.proposal[i].transform[t],
					    &again.proposal[i].transform[t]))
					abort();
		arena_free(other);
	}
	arena_free(arena);
}

static void
walk(const struct wire_header *h, const struct wire_msg *m, bool decrypted)
{
	static uint8_t buf[2 * 65536];
	char line[WIRE_SUMMARY_MAX];
	struct text out = { 0 };
	struct wire_builder b;
	struct wire_msg again;
	wire_print(&out, h, m);
	wire_summary(line, sizeof(line), h, m);
	text_free(&out);
	wire_begin(&b, buf, sizeof(buf), h);
	for (unsigned i = 0; i < m->count; i++) {
		const struct wire_payload *p = &m->payload[i];
		if (p->known)
			wire_add(&b, p);
		else
			wire_add_body(&b, (enum wire_type)p->type, p->body);
		wire_after(m, p);
		if (p->known && p->type == WIRE_SA)
			walk_sa(p);
		if (p->known && p->type == WIRE_DELETE)
			for (unsigned n = 0; n <= p->delete.count; n++)
				wire_delete_spi(&p->delete, n);
	}
	if (decrypted)
		wire_pad(&b, 16);
	struct bytes d = wire_finish(&b);
	if (d.n == 0 || wire_parse(h->next, wire_payloads_of(d), decrypted, &again, NULL))
		abort();
	if (again.count != m->count || again.present != m->present)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_header h = { .exchange = WIRE_X_INFO };
	static struct wire_msg m;
	const char *why;
	if (size < 2)
		return 0;
	bool decrypted = data[0] & 1;
	struct bytes in = bytes_of(data + 1, size - 1);
	if (decrypted) {
		h.next = data[1];
		in = bytes_of(data + 2, size - 2);
	} else {
		if (wire_parse_header(in, &h, &why))
			return 0;
		in = wire_payloads_of(in);
	}
	if (wire_parse(h.next, in, decrypted, &m, &why) == ST_NORMAL)
		walk(&h, &m, decrypted);
	return 0;
}
