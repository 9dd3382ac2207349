/*
 * multinet_server_main.c - the master server: options, sockets, signals, the loop.
 *
 * Reads the services file (MULTINET:SERVICES.MASTER_SERVER), listens on the control sockets, starts
 * what is enabled, and ends when everything has been stopped in order.  With --daemon it returns to
 * its caller only when the control socket answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "lib/cry_tls.h"
#include "lib/ctl_uv.h"
#include "lib/log.h"
#include "lib/notify.h"
#include "server/server.h"

#define DEFAULT_FILE "MULTINET:SERVICES.MASTER_SERVER"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, SIGNALS = 3 };

struct options {
	const char *file, *socket, *reader, *log;
	bool daemon, check, dump;
};

struct program {
	struct server server;
	uv_loop_t loop;
	uv_signal_t signal[SIGNALS];
	uv_timer_t watchdog;
	bool watched; /* by a service manager: the timer runs */
	struct options o;
	int tell; /* --daemon: where the parent waits; -1 */
	char log_path[PATH_MAX]; /* empty: no log file */
	bool already;            /* another server answers on the socket */
	char exe[PATH_MAX];      /* this program */
	char **argv;
	char *before;            /* what the image before this one left; NULL: there was none */
};

static void
usage(FILE *to)
{
	fputs("usage: multinet_server [-dtD] [-f FILE] [-s SOCKET] [-r SOCKET] [-l FILE]\n"
	      "  -f, --file FILE           services file (" DEFAULT_FILE ")\n"
	      "  -s, --socket PATH         control socket of the operators\n"
	      "  -r, --reader-socket PATH  control socket of those who may only look\n"
	      "  -l, --log FILE            log file (standard error; syslog with --daemon)\n"
	      "  -d, --daemon              go into the background once the control socket answers\n"
	      "  -t, --test                only check the services file\n"
	      "  -D, --dump                print the services file as it was understood\n"
	      "  -h, --help                print this\n"
	      "  -V, --version             print the version\n", to);
}

static bool
read_options(int argc, char **argv, struct options *o, int *status)
{
	static const struct option longs[] = {
		{ "file", required_argument, NULL, 'f' },
		{ "socket", required_argument, NULL, 's' },
		{ "reader-socket", required_argument, NULL, 'r' },
		{ "log", required_argument, NULL, 'l' },
		{ "daemon", no_argument, NULL, 'd' },
		{ "test", no_argument, NULL, 't' },
		{ "dump", no_argument, NULL, 'D' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*status = EXIT_USAGE;
	while ((c = getopt_long(argc, argv, "f:s:r:l:dtDVh", longs, NULL)) != -1) {
		switch (c) {
		case 'f':
			o->file = optarg;
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'r':
			o->reader = optarg;
			break;
		case 'l':
			o->log = optarg;
			break;
		case 'd':
			o->daemon = true;
			break;
		case 't':
			o->check = true;
			break;
		case 'D':
			o->dump = true;
			break;
		case 'V':
			printf("multinet_server %s\n", MULTINET_VERSION);
			*status = 0;
			return false;
		case 'h':
			usage(stdout);
			*status = 0;
			return false;
		default:
			usage(stderr);
			return false;
		}
	}
	if (optind == argc)
		return true;
	usage(stderr);
	return false;
}

/* ------------------------------------------------------------------ the services file */

static bool
to_path(struct program *p, const char *spec, char **out)
{
	char path[PATH_MAX];
	enum status status = lnm_file_spec(p->server.lnm, spec, path, sizeof(path));
	char message[256];

	if (status != ST_NORMAL) {
		status_format(message, sizeof(message), status, NULL, spec);
		fprintf(stderr, "multinet_server: %s\n", message);
		return false;
	}
	*out = realpath(path, NULL); /* RELOAD finds it although a daemon changes its directory */
	if (*out == NULL)
		*out = strdup(path);
	return *out != NULL;
}

static struct svc_file *
read_services(struct program *p)
{
	struct text said = { 0 };
	enum status status;
	struct svc_file *file = server_read_file(&p->server, &said, &status);

	if (said.n > 0)
		fprintf(stderr, "%s%s", status == ST_NORMAL ? "" :
			status == ST_BADCONF ? "multinet_server: services file has errors:\n" :
					       "multinet_server: ", text_str(&said));
	text_free(&said);
	return file;
}

/* ------------------------------------------------------------------ background */

/* The parent's half: wait for the child's word, and end as it says. */
static void
wait_for_child(int fd)
{
	char word = 0;
	ssize_t n;

	do
		n = read(fd, &word, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 && word == 'R' ? 0 : EXIT_FAILED);
}

static bool
into_background(struct program *p)
{
	int fd[2];
	pid_t pid;

	p->tell = -1;
	if (!p->o.daemon || p->before != NULL)
		return true;
	if (pipe2(fd, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid < 0)
		return false;
	if (pid > 0) {
		close(fd[1]);
		wait_for_child(fd[0]);
	}
	close(fd[0]);
	p->tell = fd[1];
	/* The working directory stays: names in the services file may be relative to it. */
	return setsid() >= 0;
}

static void
redirect(const char *path, int flags, int to, int and_to)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd < 0)
		return;
	dup2(fd, to);
	dup2(fd, and_to);
	close(fd);
}

/*
 * It answers: the parent may return, and the terminal is let go.  Standard error is where services
 * without a log file of their own write: from now on the server's log file, if it has one.
 */
static void
tell_ready(struct program *p)
{
	if (p->tell >= 0) {
		redirect("/dev/null", O_RDWR, STDIN_FILENO, STDOUT_FILENO);
		if (p->log_path[0] == '\0')
			redirect("/dev/null", O_RDWR, STDERR_FILENO, STDERR_FILENO);
	}
	if (p->log_path[0] != '\0')
		redirect(p->log_path, O_WRONLY | O_APPEND, STDERR_FILENO, STDERR_FILENO);
	if (p->tell < 0)
		return;
	if (write(p->tell, "R", 1) != 1)
		log_line(LOG_L_WARNING, NULL, "whoever started this server did not wait for it");
	close(p->tell);
	p->tell = -1;
}

static bool
open_log(struct program *p)
{
	const char *name = p->o.log != NULL ? p->o.log : p->server.file->log_file;
	enum log_sink sink = LOG_TO_STDERR;

	if (name != NULL) {
		sink = LOG_TO_FILE;
		if (lnm_file_spec(p->server.lnm, name, p->log_path,
			sizeof(p->log_path)) != ST_NORMAL)
			snprintf(p->log_path, sizeof(p->log_path), "%s", name);
	} else if (p->o.daemon) {
		sink = LOG_TO_SYSLOG;
		p->server.takes_output = true;
	}
	p->server.log_name = name != NULL ? p->log_path :
		p->o.daemon ? "the system log (multinet_server)" : "the server's standard error";
	if (log_open("multinet_server", sink, p->log_path))
		return true;
	fprintf(stderr, "multinet_server: cannot open log file %s: %s\n", p->log_path,
		strerror(errno));
	return false;
}

/* ------------------------------------------------------------------ life */

static void
on_signal(uv_signal_t *handle, int number)
{
	struct program *p = handle->data;
	struct text said = { 0 };
	enum status status;

	log_line(LOG_L_INFO, NULL, "signal %d (%s)", number, strsignal(number));
	if (number != SIGHUP) {
		notify_state("STOPPING=1");
		server_shutdown(&p->server);
		return;
	}
	status = server_reload(&p->server, &said);
	if (status == ST_NORMAL && server_tls_reload(&p->server, &said) != ST_NORMAL)
		log_line(LOG_L_ERROR, NULL, "%s", text_str(&said));
	if (status != ST_NORMAL)
		log_line(LOG_L_ERROR, NULL, "services file was not taken over: %s",
			text_str(&said));
	text_free(&said);
}

/* The loop turns: what a service manager's watchdog wants to know. */
static void
on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	notify_state("WATCHDOG=1");
}

static void
start_watchdog(struct program *p)
{
	int64_t ms = notify_watchdog_ms();

	if (ms == 0 || uv_timer_init(&p->loop, &p->watchdog) != 0)
		return;
	p->watched = true;
	uv_timer_start(&p->watchdog, on_watchdog, (uint64_t)ms, (uint64_t)ms);
}

static void
on_control_closed(void *user)
{
	struct program *p = user;

	p->server.control = NULL;
	for (size_t i = 0; i < SIGNALS; i++)
		uv_close((uv_handle_t *)&p->signal[i], NULL);
	signal(SIGTERM, SIG_IGN); /* it is ending: whoever asks again need not kill it */
	if (p->watched)
		uv_close((uv_handle_t *)&p->watchdog, NULL);
	server_queue_close(&p->server);
	server_loop_close(&p->server);
}

static void
on_ended(struct server *s)
{
	log_line(LOG_L_INFO, NULL, "all services are down");
	ctl_server_close(s->control, on_control_closed, container_of(s, struct program, server));
}

static void
on_audit(void *user, const char *who, const char *line, enum status result)
{
	server_account(user, "NETCONTROL", who, line, result);
}

static void
on_replace(struct server *s)
{
	struct program *p = container_of(s, struct program, server);

	server_replace(s, p->exe, p->argv);
}

static bool
listen_all(struct program *p)
{
	struct server_places places = { .socket = p->o.socket, .reader = p->o.reader };
	struct server *s = &p->server;
	const struct svc_conf *c = server_own_conf(s);
	struct ctl_guard guard = { .user = s, .admit = server_admit, .refused = server_refused };
	char why[512] = "";
	enum status status;

	if (c != NULL) {
		guard.sessions_max = (size_t)c->max_sessions;
		guard.idle_ms = c->idle_ms;
	}
	ctl_server_guard(s->control, &guard);
	status = server_listen(s, &places, p->before, why, sizeof(why));
	if (status == ST_NORMAL)
		return true;
	fprintf(stderr, "multinet_server: %s%s%s\n", why, why[0] != '\0' ? "" :
		status_row(status)->text, status == ST_FILEPROT ? " is open to others" : "");
	/* Started twice in the background: what was asked for is there. */
	p->already = status == ST_ALREADY && p->o.daemon;
	return false;
}

static bool
start(struct program *p)
{
	static const int numbers[SIGNALS] = { SIGTERM, SIGINT, SIGHUP };
	struct server *s = &p->server;

	s->ctl = (struct ctl_service){ .facility = "NETCONTROL", .version = MULTINET_VERSION,
		.verbs = server_verbs, .user = s, .route = server_route, .audit = on_audit };
	s->ended = on_ended;
	s->replace = on_replace;
	if (gethostname(s->host, sizeof(s->host) - 1) != 0)
		snprintf(s->host, sizeof(s->host), "localhost");
	if (uv_loop_init(&p->loop) != 0 || !server_loop_open(s, &p->loop))
		return false;
	s->started = server_now(s);
	for (size_t i = 0; i < SIGNALS; i++) {
		p->signal[i].data = p;
		if (uv_signal_init(&p->loop, &p->signal[i]) != 0 ||
			uv_signal_start(&p->signal[i], on_signal, numbers[i]) != 0)
			return false;
	}
	s->control = ctl_server_new(&p->loop, &s->ctl);
	return s->control != NULL && listen_all(p);
}

/* A descriptor for each session, up to the limit that sessions have. */
static void
more_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= 2 * CTL_SESSIONS_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < 2 * CTL_SESSIONS_MAX ? limit.rlim_max :
		2 * CTL_SESSIONS_MAX;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Services as the file says; those of the image before this one go on. */
static void
set_up_services(struct program *p, struct svc_file *file)
{
	struct server *s = &p->server;
	struct stmt_errors errors = { 0 };
	struct svc_file *old = NULL;
	struct text plan = { 0 }, text = { 0 };

	s->file = NULL;
	if (p->before != NULL) {
		/* First as it was, so that what is no longer in the file is stopped in order. */
		takeover_file(p->before, &text);
		old = svc_read("services file before", bytes_of(text_str(&text), text.n), &errors);
		if (old != NULL)
			server_apply(s, old, &plan);
		text_clear(&plan);
		(void)takeover_read(s, p->before);
	}
	server_apply(s, file, &plan);
	for (const char *line = text_str(&plan); p->before != NULL && *line != '\0';) {
		size_t n = strcspn(line, "\n");

		log_line(LOG_L_INFO, NULL, "services file: %.*s", (int)n, line);
		line += n + (line[n] == '\n');
	}
	text_free(&plan);
	text_free(&text);
	stmt_errors_free(&errors);
}

static int
run(struct program *p, struct svc_file *file)
{
	p->server.file = file;
	more_descriptors();
	if (!into_background(p) || !open_log(p) || !start(p)) {
		if (p->server.control != NULL)
			ctl_server_unlisten(p->server.control);
		if (p->already && p->tell >= 0 && write(p->tell, "R", 1) == 1)
			return 0;
		return EXIT_FAILED;
	}
	set_up_services(p, file);
	tell_ready(p);
	log_line(LOG_L_INFO, NULL, "NETCONTROL server version %s %s, %zu services",
		MULTINET_VERSION, p->before != NULL ? "has taken over" : "started",
		file->services);
	if (p->before != NULL)
		server_news(&p->server, "the server was restarted");
	else
		server_start_enabled(&p->server);
	if (!server_queue_open(&p->server, p->before))
		log_line(LOG_L_ERROR, NULL, "out of memory: there is no queue for SUBMIT");
	start_watchdog(p);
	notify_state("READY=1\nSTATUS=%zu services; netcontrol SHOW tells their states",
		file->services);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	uv_loop_close(&p->loop);
	log_line(LOG_L_INFO, NULL, "ended");
	return 0;
}

/* What the image before this one left, when there was one. */
static bool
read_before(struct program *p)
{
	const char *value = getenv(SERVER_TAKEOVER);
	struct text text = { 0 };
	char path[64], why[256];

	if (value == NULL || value[0] == '\0')
		return true;
	snprintf(path, sizeof(path), "/proc/self/fd/%.10s", value);
	unsetenv(SERVER_TAKEOVER);
	if (stmt_load(path, &text, why, sizeof(why)) != ST_NORMAL) {
		fprintf(stderr, "multinet_server: %s\n", why);
		return false;
	}
	close(atoi(value));
	p->before = strdup(text_str(&text));
	text_free(&text);
	return p->before != NULL;
}

/* This program's file, also when it has been replaced since. */
static void
find_exe(struct program *p)
{
	static const char deleted[] = " (deleted)";
	ssize_t n = readlink("/proc/self/exe", p->exe, sizeof(p->exe) - 1);
	size_t len;

	p->exe[n > 0 ? n : 0] = '\0';
	len = strlen(p->exe);
	if (len > sizeof(deleted) && strcmp(p->exe + len - (sizeof(deleted) - 1), deleted) == 0)
		p->exe[len - (sizeof(deleted) - 1)] = '\0';
}

static int
finish(struct program *p, int status)
{
	svc_file_free(p->server.file);
	queue_free(&p->server.queue);
	account_free(p->server.accounts);
	cry_tls_ctx_free(p->server.tls);
	lnm_free(p->server.lnm);
	free((char *)(uintptr_t)p->server.file_name);
	free(p->before);
	log_close();
	return status;
}

int
main(int argc, char **argv)
{
	static struct program p;
	struct text errors = { 0 };
	struct svc_file *file;
	char *path = NULL;
	int status;

	notify_open();
	p.o.file = DEFAULT_FILE;
	p.argv = argv;
	if (!read_options(argc, argv, &p.o, &status))
		return status;
	signal(SIGPIPE, SIG_IGN);
	find_exe(&p);
	list_init(&p.server.services);
	list_init(&p.server.waiters);
	list_init(&p.server.starters);
	queue_init(&p.server.queue);
	p.server.lnm = lnm_new();
	p.server.accounts = account_new();
	if (p.server.lnm == NULL || p.server.accounts == NULL || !read_before(&p) ||
		lnm_load(p.server.lnm, &errors) != ST_NORMAL ||
		!to_path(&p, p.o.file, &path)) {
		fputs(text_str(&errors), stderr);
		text_free(&errors);
		return finish(&p, EXIT_FAILED);
	}
	lnm_save_on_request(p.server.lnm);
	text_free(&errors);
	p.server.file_name = path;
	p.server.may_lack_file = strcmp(p.o.file, DEFAULT_FILE) == 0;
	file = read_services(&p);
	status = file != NULL ? 0 : EXIT_FAILED;
	if (file != NULL && p.o.dump) {
		struct text out = { 0 };

		svc_print(file, &out);
		fputs(text_str(&out), stdout);
		text_free(&out);
	}
	if (file != NULL && !p.o.dump && !p.o.check)
		status = run(&p, file);
	else
		p.server.file = file;
	return finish(&p, status);
}
