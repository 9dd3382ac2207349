/*
 * v1_keys.c - IKEv1 key derivation (RFC 2409 sections 5, 5.5, 5.7 and appendix B).
 *
 * Called by the exchanges of ikev1/.  Each function is one formula of the RFC: it lists the parts
 * and runs the prf or the hash over them.  No state, no choice of algorithm, no comparison.
 */
#include "racoon/ikev1/v1_keys.h"

#include <string.h>

enum { MESSAGE_ID = 4 };

void
v1_keys_wipe(struct v1_keys *k)
{
	secret_wipe(&k->skeyid);
	secret_wipe(&k->d);
	secret_wipe(&k->a);
	secret_wipe(&k->e);
	secret_wipe(&k->key);
}

/* One prf into a secret of the hash's size. */
static enum status
prf_secret(struct cry *c, const struct alg *hash, struct bytes key, const struct bytes *parts,
	size_t count, struct secret *out)
{
	uint8_t buf[CRY_HASH_MAX];
	enum status st;

	secret_wipe(out);
	st = cry_hmac(c, hash, key, parts, count, buf);
	if (st == ST_NORMAL)
		st = secret_set(out, bytes_of(buf, hash->out));
	wipe(buf, sizeof(buf));
	return st;
}

enum status
v1_skeyid_psk(struct cry *c, const struct alg *hash, struct bytes psk, struct bytes ni_b,
	struct bytes nr_b, struct secret *skeyid)
{
	const struct bytes parts[] = { ni_b, nr_b };

	return prf_secret(c, hash, psk, parts, ARRAY_LEN(parts), skeyid);
}

enum status
v1_skeyid_sig(struct cry *c, const struct alg *hash, struct bytes gxy, struct bytes ni_b,
	struct bytes nr_b, struct secret *skeyid)
{
	struct secret nonces = { 0 };
	enum status st;

	secret_wipe(skeyid);
	TRY(secret_alloc(&nonces, ni_b.n + nr_b.n));
	if (ni_b.n > 0)
		memcpy(nonces.p, ni_b.p, ni_b.n);
	if (nr_b.n > 0)
		memcpy(nonces.p + ni_b.n, nr_b.p, nr_b.n);
	st = prf_secret(c, hash, secret_view(&nonces), &gxy, 1, skeyid);
	secret_wipe(&nonces);
	return st;
}

enum status
v1_skeyid_dae(struct cry *c, const struct alg *hash, struct bytes gxy, const uint8_t *cky_i,
	const uint8_t *cky_r, struct v1_keys *k)
{
	struct secret *out[] = { &k->d, &k->a, &k->e };
	struct bytes before = { NULL, 0 }; /* SKEYID_d has none before it */

	for (uint8_t i = 0; i < ARRAY_LEN(out); i++) {
		const struct bytes parts[] = { before, gxy, bytes_of(cky_i, V1_COOKIE),
			bytes_of(cky_r, V1_COOKIE), bytes_of(&i, 1) };
		enum status st = prf_secret(c, hash, secret_view(&k->skeyid), parts,
			ARRAY_LEN(parts), out[i]);

		if (st != ST_NORMAL) {
			secret_wipe(&k->d);
			secret_wipe(&k->a);
			secret_wipe(&k->e);
			return st;
		}
		before = secret_view(out[i]);
	}
	return ST_NORMAL;
}

/*
 * Fill `out` with K1 | K2 | ..., K1 = prf(key, first), Kn = prf(key, Kn-1 | rest).  Appendix B's Ka
 * has a first octet of zero and no rest; KEYMAT's first and rest are the same.
 */
static enum status
expand(struct cry *c, const struct alg *hash, struct bytes key, const struct bytes *first,
	size_t first_count, const struct bytes *rest, size_t rest_count, struct secret *out)
{
	enum { PARTS = 8 };
	struct bytes parts[PARTS];
	uint8_t block[CRY_HASH_MAX];
	enum status st;

	if (rest_count + 1 > PARTS)
		return ST_BUG;
	st = cry_hmac(c, hash, key, first, first_count, block);
	for (size_t done = 0; st == ST_NORMAL && done < out->n;) {
		size_t some = out->n - done < hash->out ? out->n - done : hash->out;

		memcpy(out->p + done, block, some);
		done += some;
		if (done == out->n)
			break;
		parts[0] = bytes_of(block, hash->out);
		for (size_t i = 0; i < rest_count; i++)
			parts[i + 1] = rest[i];
		st = cry_hmac(c, hash, key, parts, rest_count + 1, block);
	}
	wipe(block, sizeof(block));
	if (st != ST_NORMAL)
		secret_wipe(out);
	return st;
}

enum status
v1_cipher_key(struct cry *c, const struct alg *hash, struct bytes skeyid_e,
	const struct alg *cipher, unsigned bits, struct secret *key)
{
	static const uint8_t zero[1];
	const struct bytes first = { zero, 1 };
	size_t octets;

	secret_wipe(key);
	if (bits == 0)
		bits = alg_default_bits(cipher);
	if (!alg_key_ok(cipher, bits))
		return ST_BADKEYLEN;
	octets = bits / 8;
	if (octets <= skeyid_e.n)
		return secret_set(key, bytes_of(skeyid_e.p, octets));
	TRY(secret_alloc(key, octets));
	return expand(c, hash, skeyid_e, &first, 1, NULL, 0, key);
}

static enum status
hash_iv(struct cry *c, const struct alg *hash, const struct alg *cipher, struct bytes a,
	struct bytes b, uint8_t *iv)
{
	const struct bytes parts[] = { a, b };
	uint8_t digest[CRY_HASH_MAX];

	if (cipher->block > V1_IV_MAX || cipher->block > hash->out)
		return ST_NOALG;
	TRY(cry_hash(c, hash, parts, ARRAY_LEN(parts), digest));
	memcpy(iv, digest, cipher->block);
	return ST_NORMAL;
}

enum status
v1_phase1_iv(struct cry *c, const struct alg *hash, const struct alg *cipher, struct bytes gxi,
	struct bytes gxr, uint8_t *iv)
{
	return hash_iv(c, hash, cipher, gxi, gxr, iv);
}

enum status
v1_phase2_iv(struct cry *c, const struct alg *hash, const struct alg *cipher, const uint8_t *last,
	uint32_t message_id, uint8_t *iv)
{
	uint8_t mid[MESSAGE_ID];

	patch_u32(mid, message_id);
	return hash_iv(c, hash, cipher, bytes_of(last, cipher->block), bytes_of(mid, sizeof(mid)),
		iv);
}

enum status
v1_hash_i(struct cry *c, const struct alg *hash, struct bytes skeyid, const struct v1_auth *auth,
	uint8_t *out)
{
	const struct bytes parts[] = { auth->gxi, auth->gxr, bytes_of(auth->cky_i, V1_COOKIE),
		bytes_of(auth->cky_r, V1_COOKIE), auth->sai_b, auth->idii_b };

	return cry_hmac(c, hash, skeyid, parts, ARRAY_LEN(parts), out);
}

enum status
v1_hash_base_i(struct cry *c, const struct alg *hash, struct bytes skeyid,
	const struct v1_auth *auth, uint8_t *out)
{
	const struct bytes parts[] = { auth->gxi, bytes_of(auth->cky_i, V1_COOKIE),
		bytes_of(auth->cky_r, V1_COOKIE), auth->sai_b, auth->idii_b };

	return cry_hmac(c, hash, skeyid, parts, ARRAY_LEN(parts), out);
}

enum status
v1_hash_base_r(struct cry *c, const struct alg *hash, struct bytes key,
	const struct v1_auth *auth, uint8_t *out)
{
	const struct bytes parts[] = { auth->gxi, auth->gxr, bytes_of(auth->cky_i, V1_COOKIE),
		bytes_of(auth->cky_r, V1_COOKIE), auth->sai_b, auth->idii_b };

	return cry_hmac(c, hash, key, parts, ARRAY_LEN(parts), out);
}

enum status
v1_hash_r(struct cry *c, const struct alg *hash, struct bytes skeyid, const struct v1_auth *auth,
	uint8_t *out)
{
	const struct bytes parts[] = { auth->gxr, auth->gxi, bytes_of(auth->cky_r, V1_COOKIE),
		bytes_of(auth->cky_i, V1_COOKIE), auth->sai_b, auth->idir_b };

	return cry_hmac(c, hash, skeyid, parts, ARRAY_LEN(parts), out);
}

enum status
v1_hash_1(struct cry *c, const struct alg *hash, struct bytes skeyid_a, uint32_t message_id,
	struct bytes rest, uint8_t *out)
{
	uint8_t mid[MESSAGE_ID];
	const struct bytes parts[] = { { mid, sizeof(mid) }, rest };

	patch_u32(mid, message_id);
	return cry_hmac(c, hash, skeyid_a, parts, ARRAY_LEN(parts), out);
}

enum status
v1_hash_2(struct cry *c, const struct alg *hash, struct bytes skeyid_a, uint32_t message_id,
	struct bytes ni_b, struct bytes rest, uint8_t *out)
{
	uint8_t mid[MESSAGE_ID];
	const struct bytes parts[] = { { mid, sizeof(mid) }, ni_b, rest };

	patch_u32(mid, message_id);
	return cry_hmac(c, hash, skeyid_a, parts, ARRAY_LEN(parts), out);
}

enum status
v1_hash_3(struct cry *c, const struct alg *hash, struct bytes skeyid_a, uint32_t message_id,
	struct bytes ni_b, struct bytes nr_b, uint8_t *out)
{
	static const uint8_t zero[1];
	uint8_t mid[MESSAGE_ID];
	const struct bytes parts[] = { { zero, 1 }, { mid, sizeof(mid) }, ni_b, nr_b };

	patch_u32(mid, message_id);
	return cry_hmac(c, hash, skeyid_a, parts, ARRAY_LEN(parts), out);
}

enum status
v1_hash_info(struct cry *c, const struct alg *hash, struct bytes skeyid_a, uint32_t message_id,
	struct bytes rest, uint8_t *out)
{
	return v1_hash_1(c, hash, skeyid_a, message_id, rest, out);
}

enum status
v1_keymat(struct cry *c, const struct alg *hash, struct bytes skeyid_d, struct bytes gqm,
	uint8_t protocol, struct bytes spi, struct bytes ni_b, struct bytes nr_b, size_t octets,
	struct secret *keymat)
{
	const struct bytes parts[] = { gqm, { &protocol, 1 }, spi, ni_b, nr_b };

	secret_wipe(keymat);
	if (octets > V1_KEYMAT_MAX)
		return ST_BADKEYLEN;
	TRY(secret_alloc(keymat, octets));
	return expand(c, hash, skeyid_d, parts, ARRAY_LEN(parts), parts, ARRAY_LEN(parts), keymat);
}

void
v1_keymat_octets(const struct alg *encr, unsigned encr_bits, const struct alg *auth,
	size_t *encr_octets, size_t *auth_octets)
{
	*encr_octets = 0;
	*auth_octets = 0;
	if (encr != NULL) {
		unsigned bits = encr_bits != 0 ? encr_bits : alg_default_bits(encr);

		*encr_octets = bits / 8 + encr->salt;
	}
	if (auth != NULL)
		*auth_octets = alg_default_bits(auth) / 8;
}
