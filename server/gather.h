/*
 * gather.h - one round of metrics: ask the master server, then each service that runs.
 *
 * A pure step: lines of answers in, requests out.  Requests are sent one by one.
 */
#ifndef SERVER_GATHER_H
#define SERVER_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/text.h"

enum {
	GATHER_SERVICES_MAX = 64,
	GATHER_NAME_MAX = 32,
	GATHER_TEXT_MAX = 16 << 20, /* octets of one round */
};

struct gather {
	char service[GATHER_SERVICES_MAX][GATHER_NAME_MAX];
	unsigned services, at; /* at: whose answer is awaited, 0: the master's, n: service n - 1 */
	const char *self;      /* the service that asks: not asked; NULL: none */
	struct text out;       /* what has been gathered, as it is to be served */
	size_t mark;           /* where the present answer begins in it */
	unsigned refused;      /* services that have no metrics, or no time */
};

void gather_begin(struct gather *g, const char *self, char *request, size_t size);
enum gather_result { GATHER_MORE, GATHER_ASK, GATHER_DONE };
/* A line of the answer.  ASK: the request is to be sent; DONE: g->out is whole. */
enum gather_result gather_line(struct gather *g, const char *line, char *request, size_t size);
void gather_free(struct gather *g);

#endif
