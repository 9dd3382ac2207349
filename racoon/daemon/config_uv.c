/*
 * config_uv.c - the configuration's life in the daemon: first load, RELOAD, logical names.
 *
 * Called by racoon_main.c and by the verbs through host.h.  A new configuration is read and checked
 * completely before the old one is given up; an error leaves everything as it was.
 */
#include "racoon/daemon/host_uv.h"

#include <stdio.h>
#include <string.h>

#include "lib/log.h"

bool
rd_locate(void *user, const char *spec, char *path, size_t size)
{
	struct rd *d = user;

	if (d->logicals != NULL)
		return lnm_file_spec(d->logicals, spec, path, size) == ST_NORMAL;
	return (size_t)snprintf(path, size, "%s", spec) < size;
}

const char *
rd_logical(struct rd *d, const char *name, char *buf, size_t size)
{
	return d->logicals != NULL && lnm_translate(d->logicals, name, buf, size) == ST_NORMAL ?
		buf : NULL;
}

static void
log_lines(enum log_level level, const struct text *lines)
{
	for (const char *p = text_str(lines); *p != '\0';) {
		size_t n = strcspn(p, "\n");

		log_line(level, NULL, "%.*s", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

void
rd_report(const struct stmt_errors *errors)
{
	log_lines(LOG_L_WARNING, &errors->warnings);
	log_lines(LOG_L_ERROR, &errors->text);
	if (errors->count > STMT_ERRORS_MAX)
		log_line(LOG_L_ERROR, NULL, "and %u more errors", errors->count - STMT_ERRORS_MAX);
}

static void
apply_level(struct rd *d)
{
	unsigned level = (unsigned)d->config->log_level + d->options->debug;

	d->base_level = level > LOG_L_DEBUG2 ? LOG_L_DEBUG2 : (enum log_level)level;
}

bool
rd_config_load_first(struct rd *d)
{
	struct stmt_errors errors = { 0 };
	enum status status;

	log_line(LOG_L_INFO, NULL, "Reading configuration from \"%s\"", d->config_file);
	status = rc_load(d->config_file, &d->rc_options, &d->config, &errors);
	rd_report(&errors);
	if (status != ST_NORMAL)
		log_line(LOG_L_ERROR, NULL, "fatal parse failure (%u errors)", errors.count);
	stmt_errors_free(&errors);
	if (status != ST_NORMAL)
		return false;
	d->loaded = when_wall();
	apply_level(d);
	log_set_level(d->base_level);
	return true;
}

static void
swap(struct rd *d, struct rc_config *config)
{
	struct ike_event ev = { .type = IKE_EV_CONFIG, .config = config };
	struct rc_config *old = d->config;
	bool debugging = log_level() != d->base_level;

	d->config = config;
	d->loaded = when_wall();
	rd_step(d, &ev);
	rc_free(old);
	apply_level(d);
	if (!debugging) /* what DEBUG set stays */
		rd_debug(d, d->base_level);
	rd_sockets_rescan(d);
	if (d->sadb != NULL)
		sadb_client_buffer(d->sadb, d->config->pfkey_buffer_kb);
}

enum status
rd_reload(struct rd *d, struct rc_plan *plan, struct text *out)
{
	struct stmt_errors errors = { 0 };
	struct rc_config *config;
	enum status status;

	if (d->ending)
		return ST_SHUTTING;
	status = rc_load(d->config_file, &d->rc_options, &config, &errors);
	rd_report(&errors);
	if (status != ST_NORMAL) {
		log_line(LOG_L_ERROR, NULL, "config reload failed: the configuration in use stays");
		text_add(out, text_str(&errors.text));
	} else {
		text_add(out, text_str(&errors.warnings));
		*plan = rc_plan(d->config, config, out);
		swap(d, config);
	}
	stmt_errors_free(&errors);
	return status;
}
