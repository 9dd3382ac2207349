/*
 * fuzz_http.c - what a scraper sends to metricsd: octets as they come, in pieces.  Once a request
 * is whole, more octets behind it change nothing; a refusal is an answer like any other.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http.h"
#include "tests/fuzz/snap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
answer(enum http_status status, bool head)
{
	struct text out = { 0 };
	char first[32];
	const char *end;

	http_answer(&out, status, bytes_str(status == HTTP_OK ? "up 1\n" : ""), head);
	snprintf(first, sizeof(first), "HTTP/1.1 %d ", (int)status);
	end = strstr(text_str(&out), "\r\n\r\n");
	if (strncmp(text_str(&out), first, strlen(first)) != 0 || end == NULL ||
		(head && end[4] != '\0'))
		abort();
	text_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum http_status status = HTTP_MORE;
	size_t piece, n;
	bool head, again;

	if (size < 1)
		return 0;
	snap_begin();
	piece = 1 + data[0];
	uint8_t *exact = malloc(size);
	if (exact == NULL)
		abort();
	memcpy(exact, data + 1, size - 1);
	for (n = 0; status == HTTP_MORE && n < size - 1;) {
		n = n + piece < size - 1 ? n + piece : size - 1;
		status = http_request(bytes_of(exact, n), &head);
	}
	if (status == HTTP_MORE && n >= HTTP_REQUEST_MAX)
		abort();
	if (status != HTTP_MORE) {
		if (status != HTTP_TOO_LARGE &&
			http_request(bytes_of(exact, size - 1), &again) != status)
			abort();
		answer(status, head);
	}
	free(exact);
	snap_end();
	return 0;
}
