/*
 * http.h - as much of HTTP/1.1 as a scraper of metrics needs (RFC 9112): one request, one answer.
 */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <stdbool.h>

#include "lib/bytes.h"
#include "lib/text.h"

enum { HTTP_REQUEST_MAX = 8192 };

enum http_status {
	HTTP_MORE = 0, /* the request is not whole yet */
	HTTP_OK = 200,
	HTTP_BAD = 400,
	HTTP_NOT_FOUND = 404,
	HTTP_METHOD = 405,
	HTTP_TOO_LARGE = 431,
	HTTP_UNAVAILABLE = 503,
};

/* What the octets so far ask for; *head: without the body. */
enum http_status http_request(struct bytes octets, bool *head);
/* The answer, ready to be sent; the connection ends behind it. */
void http_answer(struct text *out, enum http_status status, struct bytes body, bool head);

#endif
