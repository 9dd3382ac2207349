/*
 * metrics.h - Prometheus text exposition (version 0.0.4): families and samples.
 *
 * A family's samples stand together behind its HELP and TYPE; whoever writes them keeps that order.
 */
#ifndef LIB_METRICS_H
#define LIB_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/text.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

struct metric_label {
	const char *name;  /* [a-zA-Z_][a-zA-Z0-9_]*; NULL ends a list */
	const char *value; /* any text: what is no UTF-8 becomes U+FFFD */
};

/* Name and help of what follows; name as [a-zA-Z_:][a-zA-Z0-9_:]*. */
void metrics_family(struct text *out, const char *name, enum metric_type type, const char *help);
/* One sample; labels may be NULL. */
void metrics_sample(struct text *out, const char *name, const struct metric_label *labels,
	uint64_t value);
/* A family of one sample without labels. */
void metrics_single(struct text *out, const char *name, enum metric_type type, const char *help,
	uint64_t value);
/* The value of a label in a sample of this family; false: the line is no such sample. */
bool metrics_read_label(const char *line, const char *name, const char *label, char *out,
	size_t size);
/* The same of the sample's value. */
bool metrics_read_value(const char *line, uint64_t *out);

#endif
