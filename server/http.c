/*
 * http.c - as much of HTTP/1.1 as a scraper of metrics needs (see http.h).
 *
 * Called by metricsd with what a stranger sent.  GET and HEAD of /metrics are answered, everything
 * else is refused; header fields are read past, a body is none of ours.
 */
#include "server/http.h"

#include <stdio.h>
#include <string.h>

/* Behind the empty line that ends the header; NULL: it has not come. */
static const uint8_t *
header_end(struct bytes b)
{
	for (size_t i = 0; i + 1 < b.n; i++) {
		if (b.p[i] != '\n')
			continue;
		if (b.p[i + 1] == '\n')
			return b.p + i + 2;
		if (i + 2 < b.n && b.p[i + 1] == '\r' && b.p[i + 2] == '\n')
			return b.p + i + 3;
	}
	return NULL;
}

enum http_status
http_request(struct bytes b, bool *head)
{
	char line[512];
	const uint8_t *nl;
	size_t n;
	char method[16], path[256], version[16], more;

	*head = false;
	if (header_end(b) == NULL)
		return b.n >= HTTP_REQUEST_MAX ? HTTP_TOO_LARGE : HTTP_MORE;
	nl = memchr(b.p, '\n', b.n);
	n = (size_t)(nl - b.p);
	if (n >= sizeof(line) || memchr(b.p, '\0', n) != NULL)
		return HTTP_BAD;
	memcpy(line, b.p, n);
	line[n] = '\0';
	if (n > 0 && line[n - 1] == '\r')
		line[n - 1] = '\0';
	if (sscanf(line, "%15s %255s %15s %c", method, path, version, &more) != 3 ||
		strncmp(version, "HTTP/1.", 7) != 0)
		return HTTP_BAD;
	*head = strcmp(method, "HEAD") == 0;
	if (!*head && strcmp(method, "GET") != 0)
		return HTTP_METHOD;
	path[strcspn(path, "?")] = '\0';
	return strcmp(path, "/metrics") == 0 ? HTTP_OK : HTTP_NOT_FOUND;
}

static const char *
reason(enum http_status status)
{
	switch (status) {
	case HTTP_MORE:
		break;
	case HTTP_OK:
		return "OK";
	case HTTP_BAD:
		return "Bad Request";
	case HTTP_NOT_FOUND:
		return "Not Found";
	case HTTP_METHOD:
		return "Method Not Allowed";
	case HTTP_TOO_LARGE:
		return "Request Header Fields Too Large";
	case HTTP_UNAVAILABLE:
		return "Service Unavailable";
	}
	return "Internal Server Error";
}

void
http_answer(struct text *out, enum http_status status, struct bytes body, bool head)
{
	char short_body[64];

	if (status != HTTP_OK && body.n == 0) {
		snprintf(short_body, sizeof(short_body), "%d %s\n", (int)status, reason(status));
		body = bytes_str(short_body);
	}
	text_addf(out, "HTTP/1.1 %d %s\r\n", (int)status, reason(status));
	text_addf(out, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	text_addf(out, "Content-Length: %zu\r\n", body.n);
	text_addf(out, "%sConnection: close\r\n\r\n",
		status == HTTP_METHOD ? "Allow: GET, HEAD\r\n" : "");
	if (!head)
		text_add_n(out, (const char *)body.p, body.n);
}
