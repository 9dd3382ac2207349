/*
 * gather.c - one round of metrics: ask the master server, then each service that runs (see
 * gather.h).
 *
 * Called by metricsd.  What the services say is put through as it is; a service that refuses leaves
 * nothing behind, and is counted.
 */
#include "server/gather.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/metrics.h"

void
gather_begin(struct gather *g, const char *self, char *request, size_t size)
{
	gather_free(g);
	g->self = self;
	g->out.limit = GATHER_TEXT_MAX;
	snprintf(request, size, "SHOW METRICS");
}

void
gather_free(struct gather *g)
{
	text_free(&g->out);
	memset(g, 0, sizeof(*g));
}

/* Of the master's answer: a service that can be asked. */
static void
see_service(struct gather *g, const char *text)
{
	char name[GATHER_NAME_MAX];
	uint64_t up = 0;

	if (!metrics_read_label(text, "netcontrol_service_up", "service", name, sizeof(name)) ||
		!metrics_read_value(text, &up) || up == 0 || g->services == GATHER_SERVICES_MAX ||
		(g->self != NULL && text_same(g->self, name)) ||
		name[strcspn(name, " \t\r\n\"/")] != '\0')
		return;
	snprintf(g->service[g->services++], GATHER_NAME_MAX, "%s", name);
}

static void
finish(struct gather *g)
{
	metrics_single(&g->out, "metricsd_services_asked", METRIC_GAUGE,
		"services that were asked for metrics", g->services);
	metrics_single(&g->out, "metricsd_services_refused", METRIC_GAUGE,
		"services that gave none", g->refused);
}

enum gather_result
gather_line(struct gather *g, const char *line, char *request, size_t size)
{
	if (line[0] < '1' || line[0] > '9' || strlen(line) < 4)
		return GATHER_MORE; /* news, or nothing of ours */
	if (line[3] == '-') {
		if (g->at == 0)
			see_service(g, line + 4);
		text_addf(&g->out, "%s\n", line + 4);
		return GATHER_MORE;
	}
	if (line[0] != '2') { /* what came before the refusal is no answer */
		g->out.n = g->mark;
		if (g->out.p != NULL)
			g->out.p[g->mark] = '\0';
		g->refused++;
	}
	if (g->out.failed || g->at == g->services) {
		finish(g);
		return GATHER_DONE;
	}
	g->mark = g->out.n;
	snprintf(request, size, "%s SHOW METRICS", g->service[g->at++]);
	return GATHER_ASK;
}
