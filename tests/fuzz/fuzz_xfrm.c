/*
 * fuzz_xfrm.c - libFuzzer target: NETLINK_XFRM messages.  What decodes can be shown as PF_KEY, and
 * what can be asked of the kernel again is asked the same way twice.
 */
#include <stdlib.h>
#include <string.h>

#include "ipsec/backend_xfrm.h"
#include "ipsec/pfkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct xfrm_env env = { .now_s = 1800000000, .unique = 70000, .labels = true };

static size_t
encode(const struct sadb_msg *m, uint8_t *out)
{
	struct writer w = writer_of(out, XFRM_MESSAGE_MAX);

	return xfrm_encode(m, &env, &w, NULL, 0) == 0 ? writer_len(&w) : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t octets[8192], first[XFRM_MESSAGE_MAX], second[XFRM_MESSAGE_MAX];
	uint8_t shown[PFKEY_MSG_MAX];
	struct writer w = writer_of(shown, sizeof(shown));
	uint32_t length = (uint32_t)size;
	struct sadb_msg m, again;
	char why[64];
	size_t n;

	if (size > sizeof(octets) || size < 4)
		return 0;
	memcpy(octets, data, size);
	memcpy(octets, &length, sizeof(length)); /* or nothing would get past the header */
	if (xfrm_decode(bytes_of(octets, size), &env, &m, why, sizeof(why)) != XFRM_MESSAGE)
		return 0;
	if (pfkey_encode(&m, &w) != ST_NORMAL)
		abort();
	if (m.op != SADB_OP_ADD && m.op != SADB_OP_UPDATE && m.op != SADB_OP_SPDADD &&
		m.op != SADB_OP_SPDUPDATE && m.op != SADB_OP_MIGRATE)
		return 0;
	n = encode(&m, first);
	if (n == 0)
		return 0; /* the kernel has more than it takes from us: no algorithm, a short key */
	if (xfrm_decode(bytes_of(first, n), &env, &again, NULL, 0) != XFRM_MESSAGE)
		abort();
	if (encode(&again, second) != n || memcmp(first, second, n) != 0)
		abort();
	return 0;
}
