/* fuzz_pfkey.c - libFuzzer target: PF_KEY messages; what decodes must survive another round. */
#include <stdlib.h>
#include <string.h>

#include "ipsec/pfkey.h"
#include "lib/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
encode(const struct sadb_msg *m, uint8_t *out)
{
	struct writer w = writer_of(out, PFKEY_MSG_MAX);

	if (pfkey_encode(m, &w) != ST_NORMAL)
		return 0;
	return writer_len(&w);
}

/* What the kernel says can be asked of it, or there is a reason. */
static void
from_kernel(const struct sadb_msg *m)
{
	uint8_t out[PFKEY_MSG_MAX];
	struct writer w = writer_of(out, sizeof(out));
	char why[128] = "";

	if (pfkey_encode_kernel(m, true, &w, why, sizeof(why)) != 0 && why[0] == '\0')
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t first[PFKEY_MSG_MAX], second[PFKEY_MSG_MAX];
	struct text t = { .limit = 1 << 20 };
	struct sadb_msg m, again;
	char why[64];
	size_t n;

	pfkey_print(bytes_of(data, size), &t);
	text_free(&t);
	if (pfkey_decode_kernel(bytes_of(data, size), &m, why, sizeof(why)) == ST_NORMAL)
		from_kernel(&m);
	if (pfkey_decode(bytes_of(data, size), &m, why, sizeof(why)) != ST_NORMAL)
		return 0;
	n = encode(&m, first);
	if (n == 0 || pfkey_decode(bytes_of(first, n), &again, NULL, 0) != ST_NORMAL)
		abort();
	if (encode(&again, second) != n || memcmp(first, second, n) != 0)
		abort();
	return 0;
}
