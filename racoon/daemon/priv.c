/*
 * priv.c - the requests of priv.h as octets.
 *
 * Pure.  Called by priv_call.c and priv_uv.c.  What comes from the worker may be anybody's by now:
 * everything is checked here, and the privileged side sees only values in range.
 */
#include "racoon/daemon/priv.h"

#include <string.h>

static void
put_endpoint(struct writer *w, const struct net_endpoint *e)
{
	write_u8(w, e->addr.family);
	write_u32(w, e->addr.scope);
	write_bytes(w, bytes_of(e->addr.b, sizeof(e->addr.b)));
	write_u16(w, e->port);
}

static bool
get_endpoint(struct reader *r, struct net_endpoint *e)
{
	uint8_t family = read_u8(r);
	uint32_t scope = read_u32(r);
	struct bytes b = read_bytes(r, sizeof(e->addr.b));

	*e = (struct net_endpoint){ .port = read_u16(r) };
	if (r->bad || (family != 0 && family != 4 && family != 6))
		return false;
	if (family != 0)
		e->addr = net_addr_from(family, b.p);
	if (family == 6)
		e->addr.scope = scope;
	return true;
}

size_t
priv_put(const struct priv_request *q, uint8_t *buf, size_t size)
{
	struct writer w = writer_of(buf, size);
	size_t n = strnlen(q->peer_id, sizeof(q->peer_id));

	write_u8(&w, (uint8_t)q->op);
	put_endpoint(&w, &q->local);
	put_endpoint(&w, &q->remote);
	write_u8(&w, q->natt);
	write_u8(&w, q->packets);
	write_u32(&w, q->generation);
	write_u32(&w, q->section);
	write_u8(&w, (uint8_t)q->hook);
	write_u64(&w, q->serial);
	write_bytes(&w, bytes_of(q->cookie_i, sizeof(q->cookie_i)));
	write_bytes(&w, bytes_of(q->cookie_r, sizeof(q->cookie_r)));
	write_u16(&w, (uint16_t)n);
	write_bytes(&w, bytes_of(q->peer_id, n));
	return w.bad ? 0 : writer_len(&w);
}

bool
priv_get(struct bytes octets, struct priv_request *out)
{
	struct reader r = reader_of(octets);
	uint8_t op = read_u8(&r), hook;
	uint16_t n;

	*out = (struct priv_request){ 0 };
	if (op >= PRIV_OPS || !get_endpoint(&r, &out->local) || !get_endpoint(&r, &out->remote))
		return false;
	out->op = (enum priv_op)op;
	out->natt = read_u8(&r) != 0;
	out->packets = read_u8(&r) != 0;
	out->generation = read_u32(&r);
	out->section = read_u32(&r);
	hook = read_u8(&r);
	out->serial = read_u64(&r);
	read_copy(&r, out->cookie_i, sizeof(out->cookie_i));
	read_copy(&r, out->cookie_r, sizeof(out->cookie_r));
	n = read_u16(&r);
	if (hook >= RC_HOOKS || n >= sizeof(out->peer_id) || reader_left(&r) != n)
		return false;
	out->hook = (enum rc_hook)hook;
	read_copy(&r, out->peer_id, n);
	/* A NUL inside would end the text early: nothing worse, but nothing of ours. */
	return !r.bad && strlen(out->peer_id) == n;
}
