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

struct bytes
v1_seal(struct ike *e, const struct ike_sa *sa, struct wire_builder *b, uint8_t *iv)
{
	const struct bytes nothing = { 0 };
	struct bytes message;
	size_t n;

	if (iv != NULL)
		wire_pad(b, sa->encr->block);
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
