/*
 * racoon_main.c - racoon: the IKEv1 daemon, as a managed service or alone.
 *
 * Started by the master server (descriptor in MULTINET_CHANNEL) or by hand.  Order: options,
 * logical names, configuration (everything wrong is told before anything is opened), then into the
 * background, journal, engine, sockets, SA database, control sockets, ready.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cry.h"
#include "lib/log.h"
#include "racoon/daemon/complete.h"
#include "racoon/daemon/host_uv.h"
#include "racoon/daemon/verbs.h"

#define DEFAULT_CONFIG "MULTINET:RACOON.CONF"
#define RUN_DIRECTORY "/run/multinet"

static int
print_version(void)
{
	printf("racoon %s (MultiNet-style IKEv1 daemon)\n"
	       "IKEv1: main, aggressive, base and quick mode, informational\n"
	       "pre-shared keys, RSA and ECDSA signatures, certificates\n"
	       "SA database: embedded engine over PF_KEYv2\n"
	       "control protocol %d\n", MULTINET_VERSION, CTL_PROTOCOL);
	return EXIT_SUCCESS;
}

/* ------------------------------------------------------------------------------ before the loop */

static bool
load_logicals(struct rd *d)
{
	struct text errors = { 0 };
	enum status status;

	d->logicals = lnm_new();
	if (d->logicals == NULL)
		return false;
	status = lnm_load(d->logicals, &errors);
	/* A service got the server's names when it was started; who only checks asks. */
	if (status == ST_NORMAL && d->options->task != RD_RUN)
		(void)lnm_from_server(d->logicals, NULL);
	if (status != ST_NORMAL)
		fprintf(stderr, "racoon: logical names: %s\n%s", status_row(status)->text,
			text_str(&errors));
	text_free(&errors);
	return status == ST_NORMAL;
}

static bool
prepare(struct rd *d, char *path, size_t size)
{
	const char *spec = d->options->config != NULL ? d->options->config : DEFAULT_CONFIG;

	if (!load_logicals(d))
		return false;
	if (!rd_locate(d, spec, path, size)) {
		fprintf(stderr, "racoon: %s cannot be translated to a file name\n", spec);
		return false;
	}
	d->config_file = path;
	d->cry = cry_new();
	if (d->cry == NULL) {
		fprintf(stderr, "racoon: OpenSSL cannot be used\n");
		return false;
	}
	cry_random(&d->hash_key, sizeof(d->hash_key));
	d->rc_options = (struct rc_options){ .cry = d->cry, .hash_key = d->hash_key,
		.uid = (uint32_t)geteuid(), .locate = rd_locate, .user = d };
	d->port = d->options->port != 0 ? d->options->port : RC_PORT;
	d->natt_port = d->options->natt_port != 0 ? d->options->natt_port : RC_NATT_PORT;
	return true;
}

/* -t and -C: what is wrong goes to standard error, plain. */
static int
check_only(struct rd *d)
{
	struct stmt_errors errors = { 0 };
	enum status status = rc_load(d->config_file, &d->rc_options, &d->config, &errors);
	struct text dump = { 0 };

	fflush(stdout);
	for (const char *p = text_str(&errors.warnings); *p != '\0';) {
		size_t n = strcspn(p, "\n");

		fprintf(stderr, "warning: %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	fputs(text_str(&errors.text), stderr);
	if (status == ST_NORMAL && d->options->task == RD_DUMP) {
		rc_dump(d->config, &dump);
		fputs(text_str(&dump), stdout);
		text_free(&dump);
	} else if (status == ST_NORMAL) {
		printf("racoon: configuration file \"%s\" syntax is ok\n"
		       "racoon: configuration file \"%s\" test is successful\n", d->config_file,
			d->config_file);
	} else {
		char message[256];

		status_format(message, sizeof(message), status, NULL, NULL);
		fprintf(stderr, "%s\n", message);
		if (d->options->task == RD_TEST)
			printf("racoon: configuration file \"%s\" test failed\n", d->config_file);
	}
	stmt_errors_free(&errors);
	rc_free(d->config);
	d->config = NULL;
	return status == ST_NORMAL ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool
open_log(const struct rd *d)
{
	const struct rd_options *o = d->options;

	if (o->log_file != NULL && !log_open("racoon", LOG_TO_FILE, o->log_file)) {
		fprintf(stderr, "racoon: log file %s: %s\n", o->log_file, strerror(errno));
		return false;
	}
	if (o->log_file == NULL)
		return log_open("racoon", o->foreground || d->managed ? LOG_TO_STDERR :
			LOG_TO_SYSLOG, NULL);
	return true;
}

/* The configuration has been read: what is wrong with it was told on the terminal. */
static bool
into_background(const struct rd *d)
{
	if (d->options->foreground || d->managed)
		return true;
	/* In the same directory: file names on the command line may be relative, and RELOAD reads
	 * them. */
	if (daemon(1, 0) == 0)
		return true;
	fprintf(stderr, "racoon: cannot go into the background: %s\n", strerror(errno));
	return false;
}

static void
write_pidfile(struct rd *d, char *path, size_t size)
{
	FILE *f;

	if (!rd_pidfile_path(d, path, size))
		return;
	f = fopen(path, "we");
	if (f == NULL) {
		log_line(LOG_L_WARNING, NULL, "pidfile %s: %s", path, strerror(errno));
		path[0] = '\0';
		return;
	}
	fprintf(f, "%d\n", (int)getpid());
	fclose(f);
}

/* ------------------------------------------------------------------------------------- the loop */

static void
on_orphan(void *user)
{
	log_line(LOG_L_WARNING, NULL, "the master server is gone: ending");
	(void)rd_shutdown(user, NULL, NULL);
}

static void
on_audit(void *user, const char *who, const char *line, enum status result)
{
	(void)user;
	log_line(LOG_L_INFO, NULL, "%s: %s: %s", who, line, status_row(result)->ident);
}

static bool
open_control(struct rd *d)
{
	const char *path = rd_control_path(d);
	struct ctl_listen l = { .mode = 0660, .role = CTL_OPERATOR };
	char why[256];

	d->service = (struct ctl_service){ .facility = "RACOON", .version = MULTINET_VERSION,
		.verbs = rd_verbs, .user = d, .audit = on_audit, .candidates = rd_candidates };
	d->ctl = ctl_server_new(&d->loop, &d->service);
	if (d->ctl == NULL)
		return false;
	if (d->managed) {
		ctl_server_on_orphan(d->ctl, on_orphan);
		if (ctl_server_channel(d->ctl, d->channel) != ST_NORMAL) {
			log_line(LOG_L_ERROR, NULL, "the channel to the master server is unusable");
			return false;
		}
	}
	if (path == NULL)
		return true;
	if (path == d->config->adminsock) {
		l.owner = d->config->adminsock_owner;
		l.group = d->config->adminsock_group;
		if (d->config->adminsock_mode != 0)
			l.mode = d->config->adminsock_mode;
	}
	if (strncmp(path, RUN_DIRECTORY "/", sizeof(RUN_DIRECTORY)) == 0)
		(void)mkdir(RUN_DIRECTORY, 0755);
	l.path = path;
	if (ctl_server_listen(d->ctl, &l, why, sizeof(why)) == ST_NORMAL)
		return true;
	log_line(LOG_L_ERROR, NULL, "control socket: %s", why);
	return false;
}

static void
on_host_address(void *user, const struct net_addr *addr)
{
	struct rd *d = user;

	if (addr != NULL)
		d->host_address = net_addr_normal(*addr);
	else
		log_line(LOG_L_WARNING, NULL, "MULTINET_HOST_NAME: no address is known for \"%s\"",
			d->host_name);
}

static void
find_host_address(struct rd *d)
{
	if (rd_logical(d, "MULTINET_HOST_NAME", d->host_name, sizeof(d->host_name)) == NULL)
		return;
	if (!net_addr_parse(d->host_name, &d->host_address))
		(void)rd_resolve(d, d->host_name, on_host_address, d);
}

static bool
open_all(struct rd *d)
{
	char why[256];

	rd_journal_open(d);
	rd_backup_open(d);
	if (!rd_engine_open(d)) {
		log_line(LOG_L_ERROR, NULL, "out of memory");
		return false;
	}
	if (!rd_sockets_open(d, why, sizeof(why))) {
		log_line(LOG_L_ERROR, NULL, "%s", why);
		return false;
	}
	if (!rd_sadb_open(d)) {
		log_line(LOG_L_ERROR, NULL, "the SA database's client cannot be started");
		return false;
	}
	if (!open_control(d))
		return false;
	rd_trace_open(d);
	return true;
}

static int
run(struct rd *d)
{
	char pidfile[RC_PATH_MAX];
	bool good;

	if (d->options->foreground)
		fprintf(stderr, "Foreground mode.\n");
	log_line(LOG_L_INFO, NULL, "racoon %s", MULTINET_VERSION);
	if (!rd_config_load_first(d) || !into_background(d) || !rd_priv_fork(d) ||
		!rd_host_open(d))
		return EXIT_FAILURE;
	pidfile[0] = '\0';
	good = open_all(d);
	if (good)
		write_pidfile(d, pidfile, sizeof(pidfile));
	if (good && rd_priv_drop(d)) {
		find_host_address(d);
		ctl_server_ready(d->ctl);
		log_line(LOG_L_INFO, NULL, "ready");
	} else {
		d->exit_status = EXIT_FAILURE;
		rd_finish(d);
	}
	uv_run(&d->loop, UV_RUN_DEFAULT);
	rd_host_free(d);
	rd_priv_end(d);
	if (pidfile[0] != '\0')
		(void)unlink(pidfile);
	return d->exit_status;
}

int
main(int argc, char **argv)
{
	struct rd_options options;
	struct rd *d = calloc(1, sizeof(*d));
	char why[256], path[RC_PATH_MAX];
	int status = EXIT_FAILURE;

	if (d == NULL)
		return EXIT_FAILURE;
	if (!rd_options_parse(argc, argv, &options, why, sizeof(why))) {
		fprintf(stderr, "racoon: %s\n%s", why, rd_usage);
		free(d);
		return EXIT_FAILURE;
	}
	if (options.task == RD_USAGE) {
		fputs(rd_usage, stdout);
		free(d);
		return EXIT_SUCCESS;
	}
	d->options = &options;
	d->backup_fd = -1;
	d->channel = ctl_channel_fd();
	d->managed = d->channel >= 0;
	if (options.task == RD_VERSION)
		status = print_version();
	else if (prepare(d, path, sizeof(path)))
		status = options.task != RD_RUN ? check_only(d) :
			open_log(d) ? run(d) : EXIT_FAILURE;
	cry_free(d->cry);
	lnm_free(d->logicals);
	log_close();
	free(d);
	return status;
}
