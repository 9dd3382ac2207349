/*
 * fuzz_dn.c - distinguished names: as DER from a peer, as text from a configuration, and compared.
 *
 * First octet: 0 DER, 1 text, 2 two names in DER, the first behind its length.  A name that was
 * read prints without control characters and matches itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry_x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 2048 };

/* Text for a terminal or a log line holds nothing that either would act on. */
static void
check_text(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			abort();
}

static void
name(struct bytes der)
{
	char buf[512], small[7];

	check_text(cry_dn_text(buf, sizeof(buf), der));
	(void)cry_dn_text(small, sizeof(small), der);
	(void)cry_dn_match(der, der);
}

static void
name_text(struct bytes in)
{
	char text[INPUT_MAX + 1];
	uint8_t der[CRY_NAME_MAX];
	const char *why;
	size_t n;

	memcpy(text, in.p, in.n);
	text[in.n] = '\0';
	if (!cry_dn_parse(text, der, sizeof(der), &n, &why)) {
		if (why == NULL || *why == '\0')
			abort();
		return;
	}
	name(bytes_of(der, n));
	/* A value of ours holds no NUL, so that the name is what it says it is. */
	if (!cry_dn_match(bytes_of(der, n), bytes_of(der, n)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *exact;
	size_t n = size - 1;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	exact = malloc(n);
	if (exact == NULL)
		abort();
	memcpy(exact, data + 1, n);
	if (data[0] % 3 == 0)
		name(bytes_of(exact, n));
	else if (data[0] % 3 == 1)
		name_text(bytes_of(exact, n));
	else if (exact[0] < n)
		(void)cry_dn_match(bytes_of(exact + 1, exact[0]),
			bytes_of(exact + 1 + exact[0], n - 1 - exact[0]));
	free(exact);
	return 0;
}
