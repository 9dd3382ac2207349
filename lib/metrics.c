/*
 * metrics.c - Prometheus text exposition (see metrics.h).
 *
 * Called by SHOW METRICS of the services and by metricsd.  It never writes what a scraper would
 * refuse: values of labels are escaped, and made UTF-8.
 */
#include "lib/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void
escaped(struct text *out, const char *s, bool quotes)
{
	size_t n = strlen(s);

	while (n > 0) {
		size_t len = text_utf8(s, n);

		if (len == 0)
			text_add(out, "\xef\xbf\xbd");
		else if (*s == '\n')
			text_add(out, "\\n");
		else if (*s == '\\' || (quotes && *s == '"'))
			text_addf(out, "\\%c", *s);
		else
			text_add_n(out, s, len);
		s += len == 0 ? 1 : len;
		n -= len == 0 ? 1 : len;
	}
}

void
metrics_family(struct text *out, const char *name, enum metric_type type, const char *help)
{
	text_addf(out, "# HELP %s ", name);
	escaped(out, help, false);
	text_addf(out, "\n# TYPE %s %s\n", name, type == METRIC_COUNTER ? "counter" : "gauge");
}

void
metrics_sample(struct text *out, const char *name, const struct metric_label *labels,
	uint64_t value)
{
	text_add(out, name);
	for (const struct metric_label *l = labels; l != NULL && l->name != NULL; l++) {
		text_addf(out, "%s%s=\"", l == labels ? "{" : ",", l->name);
		escaped(out, l->value, true);
		text_add(out, "\"");
	}
	text_addf(out, "%s %" PRIu64 "\n", labels != NULL && labels->name != NULL ? "}" : "",
		value);
}

void
metrics_single(struct text *out, const char *name, enum metric_type type, const char *help,
	uint64_t value)
{
	metrics_family(out, name, type, help);
	metrics_sample(out, name, NULL, value);
}

bool
metrics_read_label(const char *line, const char *name, const char *label, char *out, size_t size)
{
	size_t n = strlen(name), k = strlen(label), used = 0;
	const char *p;

	if (strncmp(line, name, n) != 0 || line[n] != '{')
		return false;
	for (p = line + n + 1; *p != '\0' && *p != '}';) {
		bool wanted = strncmp(p, label, k) == 0 && p[k] == '=' && p[k + 1] == '"';

		p += strcspn(p, "=}");
		if (*p != '=' || p[1] != '"')
			return false;
		for (p += 2; *p != '\0' && *p != '"'; p++) {
			p += *p == '\\' && p[1] != '\0';
			if (wanted && used + 1 < size)
				out[used++] = *p == 'n' && p[-1] == '\\' ? '\n' : *p;
		}
		if (wanted) {
			out[used] = '\0';
			return *p == '"';
		}
		p += *p == '"';
		p += *p == ',';
	}
	return false;
}

bool
metrics_read_value(const char *line, uint64_t *out)
{
	const char *p = strrchr(line, ' ');
	char *end;

	if (p == NULL || p[1] < '0' || p[1] > '9')
		return false;
	*out = strtoull(p + 1, &end, 10);
	return *end == '\0';
}
