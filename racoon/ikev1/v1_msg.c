/*
 * v1_msg.c - sealing and opening of IKEv1 messages.
 *
 * Called by every exchange.  Messages are built in the engine's one out-buffer; encryption is in
 * place, the IV moves on with it (RFC 2409 appendix B).  It decides nothing.
 */
#include <string.h>

#include "racoon/ikev1/v1_rows.h"

void
v1_begin(struct ike *e, struct wire_builder *b, const struct ike_sa *sa, uint8_t exchange,
	uint8_t flags, uint32_t message_id)
{
	struct wire_header h = {
		.version = WIRE_VERSION_1,
		.exchange = exchange,
		.flags = flags,
		.message_id = message_id,
	};

	memcpy(h.cookie_i, sa->cookie_i, V1_COOKIE);
	memcpy(h.cookie_r, sa->cookie_r, V1_COOKIE);
	wire_begin(b, e->out, sizeof(e->out), &h);
}

enum status
v1_open(struct ike *e, const struct ike_sa *sa, uint8_t *iv, uint8_t *data, size_t n)
{
	return cry_cbc(e->env.cry, sa->encr, secret_view(&sa->keys.key), iv, data, n, false);
}

/* ---------------------------------------------------------------------------------- padding --- */

/* What holds without a configuration, and where it says nothing. */
static const struct rc_padding usual_padding = { .maximum_length = 20, .randomize = true,
	.exclusive_tail = true };

static const struct rc_padding *
padding_of(const struct ike *e)
{
	return e->config == NULL ? &usual_padding : &e->config->padding;
}

/*
 * RFC 2409 appendix B: there is always padding, up to whole blocks, and its last octet tells how
 * many came before it.  What the others hold is free: a receiver goes by the payloads' lengths.
 */
static void
pad(struct ike *e, struct wire_builder *b, size_t block)
{
	const struct rc_padding *how = padding_of(e);
	size_t n = block - (writer_len(&b->w) - WIRE_HEADER) % block;
	size_t most = (size_t)how->maximum_length;
	uint8_t *p;

	if (how->randomize_length && most > n)
		n += ike_random32(e) % ((most - n) / block + 1) * block;
	p = write_hole(&b->w, n);
	if (p == NULL)
		return;
	memset(p, 0, n);
	if (how->randomize)
		e->env.random(e->env.user, p, n);
	p[n - 1] = (uint8_t)(how->exclusive_tail ? n - 1 : n);
}

static bool
pad_agrees(const struct rc_padding *how, struct bytes octets, struct bytes payloads)
{
	size_t n = octets.n - payloads.n, told = octets.p[octets.n - 1];

	return n != 0 && n == (how->exclusive_tail ? told + 1 : told);
}

enum status
v1_parse(struct ike *e, uint8_t first, struct bytes octets, bool sealed, const char **why)
{
	const struct rc_padding *how = padding_of(e);

	TRY(wire_parse(first, octets, sealed, &e->msg, why));
	if (!sealed || !how->strict_check || pad_agrees(how, octets, e->msg.payloads))
		return ST_NORMAL;
	*why = "the pad is not as long as its last octet tells";
	return ST_MALFORMED;
}

struct bytes
v1_seal(struct ike *e, const struct ike_sa *sa, struct wire_builder *b, uint8_t *iv)
{
	const struct bytes nothing = { 0 };
	struct bytes message;
	size_t n;

	if (iv != NULL)
		pad(e, b, sa->encr->block);
	message = wire_finish(b);
	if (iv == NULL || message.n == 0)
		return message;
	n = message.n - WIRE_HEADER;
	if (cry_cbc(e->env.cry, sa->encr, secret_view(&sa->keys.key), iv, e->out + WIRE_HEADER, n,
		    true) != ST_NORMAL)
		return nothing;
	return message;
}

enum status
v1_message_iv(struct ike *e, const struct ike_sa *sa, uint32_t message_id, uint8_t *iv)
{
	const uint8_t *last = sa->state != IKE_S_UP && sa->x != NULL ? sa->x->iv : sa->iv;

	if (sa->hash == NULL || sa->encr == NULL || sa->keys.key.n == 0)
		return ST_FAILED;
	return v1_phase2_iv(e->env.cry, sa->hash, sa->encr, last, message_id, iv);
}

struct bytes
v1_cookies(const struct ike_sa *sa, uint8_t *buf)
{
	memcpy(buf, sa->cookie_i, V1_COOKIE);
	memcpy(buf + V1_COOKIE, sa->cookie_r, V1_COOKIE);
	return bytes_of(buf, 2 * V1_COOKIE);
}

bool
v1_hash_is(const struct wire_msg *m, const struct alg *hash, const uint8_t *value)
{
	const struct wire_payload *p = wire_find(m, WIRE_HASH, 0);

	/*
	 * RFC 2409 5.5: HASH comes first, and covers what follows; in phase 1 it covers no
	 * payloads.
	 */
	return p != NULL && secret_equal(p->body, bytes_of(value, hash->out));
}
