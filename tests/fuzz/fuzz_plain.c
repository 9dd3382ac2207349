/*
 * fuzz_plain.c - plain RSA keys: a file of our own or of others.  First octet: which.  A file that
 * was read has keys, each of which prints as an entry that reads back as the same key.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "racoon/auth/auth_plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_back(const struct cry_key *k)
{
	struct text printed = { 0 };
	struct auth_plains again;
	char why[256] = "";

	if (auth_plain_print(k, &printed) != ST_NORMAL ||
		auth_plain_read(bytes_of(printed.p, printed.n), cry_key_is_private(k), &again, why,
			sizeof(why)) != ST_NORMAL ||
		again.count != 1 || !cry_key_same(again.entry[0].key, k))
		abort();
	auth_plain_free(&again);
	text_free(&printed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_addr a = net_ipv4(0x0a000001), b = net_ipv4(0xc0a80101);
	struct cry_key *k[4];
	struct auth_plains p;
	char why[256] = "";
	uint8_t *exact;

	if (size < 1)
		return 0;
	exact = malloc(size);
	if (exact == NULL)
		abort();
	memcpy(exact, data + 1, size - 1);
	if (auth_plain_read(bytes_of(exact, size - 1), data[0] & 1, &p, why, sizeof(why)) !=
		ST_NORMAL) {
		if (why[0] == '\0')
			abort();
	} else {
		if (auth_plain_find(&p, &a, &b, k, 4) > 4)
			abort();
		for (size_t i = 0; i < p.count && i < 2; i++)
			read_back(p.entry[i].key);
		auth_plain_free(&p);
	}
	free(exact);
	return 0;
}
