/*
 * metrics.c - SHOW METRICS of the master server: its services and sessions, for Prometheus.
 *
 * Called by verbs_show.c.  metricsd learns from it which services there are.
 */
#include "server/server.h"

#include "lib/ctl_uv.h"
#include "lib/metrics.h"

static void
each_service(struct server *s, struct text *out, const char *name, enum metric_type type,
	const char *help, uint64_t (*value)(const struct svc *svc))
{
	metrics_family(out, name, type, help);
	LIST_FOREACH(n, &s->services) {
		const struct svc *svc = container_of(n, struct svc, node);
		const struct metric_label labels[] = { { "service", svc->name }, { NULL, NULL } };

		if (svc->internal == NULL)
			metrics_sample(out, name, labels, value(svc));
	}
}

static uint64_t
is_up(const struct svc *svc)
{
	return svc->super.state == SUPER_RUNNING ? 1 : 0;
}

static uint64_t
restarts(const struct svc *svc)
{
	return svc->super.restarts;
}

static uint64_t
failures(const struct svc *svc)
{
	return svc->super.failures;
}

void
server_show_metrics(struct ctl_call *call)
{
	struct server *s = call->user;
	const struct metric_label version[] = { { "version", s->ctl.version }, { NULL, NULL } };
	struct text out = { 0 };

	metrics_family(&out, "netcontrol_info", METRIC_GAUGE, "the program");
	metrics_sample(&out, "netcontrol_info", version, 1);
	metrics_single(&out, "netcontrol_start_time_seconds", METRIC_GAUGE,
		"when it was started, seconds since 1970",
		(uint64_t)(server_wall_of(s, s->started).ms / 1000));
	metrics_single(&out, "netcontrol_sessions", METRIC_GAUGE, "sessions",
		ctl_server_sessions(s->control));
	each_service(s, &out, "netcontrol_service_up", METRIC_GAUGE, "is the service running?",
		is_up);
	each_service(s, &out, "netcontrol_service_restarts_total", METRIC_COUNTER,
		"times that the service was started again", restarts);
	each_service(s, &out, "netcontrol_service_failures", METRIC_GAUGE,
		"failures of the service in a row", failures);
	if (out.n > 0)
		out.p[--out.n] = '\0';
	ctl_text(call, text_str(&out));
	text_free(&out);
	ctl_done(call, ST_NORMAL, NULL);
}
