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
#include "racoon/conf/rc_ask.h"

#define RUN_DIRECTORY "/run/multinet"

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

const char *
rd_control_path(const struct rd *d)
{
	if (d->options->control != NULL)
		return d->options->control;
	if (d->managed || d->config->adminsock_disabled)
		return NULL;
	return d->config->adminsock != NULL ? d->config->adminsock : RUN_DIRECTORY "/racoon.sock";
}

bool
rd_pidfile_path(const struct rd *d, char *path, size_t size)
{
	const char *name = d->config->path_pidfile;

	if (name == NULL)
		return false;
	snprintf(path, size, "%s%s", name[0] == '/' ? "" : "/var/run/", name);
	return true;
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

/* As the worker: what the privileged process has read. */
static enum status
load_again(struct rd *d, struct rc_config **config, struct stmt_errors *errors)
{
	struct rc_options options = d->rc_options;
	struct rc_tape tape;
	enum status status = ST_SYSERR;

	if (d->priv == NULL)
		return rc_load(d->config_file, &options, config, errors);
	if (rd_priv_load(d, &tape)) {
		options.tape = &tape;
		status = rc_load(d->config_file, &options, config, errors);
		if (tape.astray) /* cannot be: the same program has read the same */
			log_line(LOG_L_ERROR, NULL, "two readings of the configuration differ");
	}
	text_free(&tape.octets);
	return status;
}

static bool
same_name(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Who we are was decided at the start. */
static void
check_privsep(const struct rd *d, const struct rc_privsep *p, struct text *out)
{
	const struct rc_privsep *now = &d->config->privsep;

	if (p->on == now->on && (!p->on || (p->uid == now->uid && p->gid == now->gid &&
			same_name(p->chroot, now->chroot))))
		return;
	log_line(LOG_L_WARNING, NULL, "privsep: changed; it takes effect at the next start");
	text_add(out, "privsep: changed; it takes effect at the next start\n");
}

enum status
rd_reload(struct rd *d, struct rc_plan *plan, struct text *out)
{
	struct stmt_errors errors = { 0 };
	struct rc_config *config;
	enum status status;

	if (d->ending)
		return ST_SHUTTING;
	status = load_again(d, &config, &errors);
	rd_report(&errors);
	if (status != ST_NORMAL) {
		log_line(LOG_L_ERROR, NULL, "config reload failed: the configuration in use stays");
		text_add(out, text_str(&errors.text));
	} else {
		text_add(out, text_str(&errors.warnings));
		*plan = rc_plan(d->config, config, out);
		check_privsep(d, &config->privsep, out);
		swap(d, config);
	}
	stmt_errors_free(&errors);
	return status;
}
