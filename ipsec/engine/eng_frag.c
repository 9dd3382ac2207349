/*
 * eng_frag.c - fragmentation before ESP, for SAs that ask for it (esp_frag): the network sees
 * whole UDP datagrams instead of fragments, which some routers lose.
 *
 * Called on the way out, for IPv4 without the DF bit in tunnel mode.  The first piece goes on as
 * the packet that it was; the others are protected as well and wait for eng_release.
 */
#include "ipsec/engine/eng_int.h"

#include <stdlib.h>
#include <string.h>

enum { OPT_END = 0, OPT_NOP = 1, OPT_COPIED = 0x80, IP4_MF = 0x20, OFFSET = 0x1fff };

size_t
eng_frag_size(const struct eng_packet *p, const struct eng_ip *ip, const struct eng_sa *sa)
{
	size_t size = sa->frag < ENG_FRAG_MIN ? ENG_FRAG_MIN : sa->frag;

	if (sa->frag == 0 || ip->family != 4 || eng_ip_df(ip) || p->len <= size)
		return 0;
	return size;
}

/* RFC 791 3.1: the options that later fragments have too. The header's octets. */
static size_t
later_header(const uint8_t *h, size_t n, uint8_t *out)
{
	size_t at = ENG_IP4, to = ENG_IP4;

	memcpy(out, h, ENG_IP4);
	while (at < n && h[at] != OPT_END) {
		size_t len = h[at] == OPT_NOP ? 1 : at + 1 < n ? h[at + 1] : 0;

		if (len == 0 || len > n - at)
			break;
		if ((h[at] & OPT_COPIED) != 0) {
			memcpy(out + to, h + at, len);
			to += len;
		}
		at += len;
	}
	while (to % 4 != 0)
		out[to++] = OPT_END;
	out[0] = (uint8_t)(0x40 | to / 4);
	return to;
}

static struct eng_held *
make_piece(const uint8_t *header, size_t header_n, const uint8_t *from, size_t n, uint16_t offset)
{
	struct eng_held *piece =
		malloc(sizeof(*piece) + ENG_HEADROOM + header_n + n + ENG_TAILROOM);
	uint8_t *h;

	if (piece == NULL)
		return NULL;
	piece->node = (struct list){ 0 };
	piece->head = ENG_HEADROOM;
	piece->n = header_n + n;
	h = piece->b + piece->head;
	memcpy(h, header, header_n);
	memcpy(h + header_n, from, n);
	patch_u16(h + 6, offset);
	eng_ip_finish(h, piece->n);
	return piece;
}

bool
eng_frag_cut(struct eng_packet *p, size_t size, struct list *rest)
{
	uint8_t *h = p->buf + p->head, header[60];
	size_t ihl = (size_t)(h[0] & 15) * 4, later = later_header(h, ihl, header);
	uint16_t field = get_u16(h + 6), more = (uint16_t)(IP4_MF << 8);
	size_t at = (size - ihl) / 8 * 8, first = at;

	list_init(rest);
	for (size_t all = p->len - ihl; at < all;) {
		size_t n = (size - later) / 8 * 8;
		uint16_t offset = (uint16_t)((field & OFFSET) + at / 8);
		struct eng_held *piece;

		offset = (uint16_t)(offset | (all - at > n ? more : field & more));
		if (all - at < n)
			n = all - at;
		piece = make_piece(header, later, h + ihl + at, n, offset);
		if (piece == NULL) {
			LIST_FOREACH(i, rest)
				free(container_of(i, struct eng_held, node));
			return false;
		}
		list_append(rest, &piece->node);
		at += n;
	}
	p->len = ihl + first;
	patch_u16(h + 6, (uint16_t)(field | more));
	eng_ip_finish(h, p->len);
	return true;
}

struct eng_packet
eng_frag_packet(struct eng_held *piece)
{
	return (struct eng_packet){ .buf = piece->b, .head = piece->head, .len = piece->n,
		.room = piece->head + piece->n + ENG_TAILROOM };
}

/* It was protected: *p says where it lies now. */
void
eng_frag_queue(struct eng *e, struct eng_held *piece, const struct eng_packet *p)
{
	piece->head = p->head;
	piece->n = p->len;
	list_append(&e->pieces, &piece->node);
	e->piece_count++;
}

bool
eng_frag_take(struct eng *e, struct eng_packet *p)
{
	bool taken = false;

	while (!taken && !list_empty(&e->pieces)) {
		struct eng_held *piece = container_of(e->pieces.next, struct eng_held, node);

		list_remove(&piece->node);
		e->piece_count--;
		taken = piece->n <= p->room;
		if (taken) {
			p->head = piece->n + ENG_HEADROOM <= p->room ? ENG_HEADROOM : 0;
			p->len = piece->n;
			memcpy(p->buf + p->head, piece->b + piece->head, piece->n);
		}
		free(piece);
	}
	return taken;
}

void
eng_frag_free(struct eng *e)
{
	LIST_FOREACH(at, &e->pieces)
		free(container_of(at, struct eng_held, node));
}
