/*
 * metricsd_main.c - metricsd: the metrics of the master server and its services, for Prometheus.
 *
 * A service program, or run by hand.  It asks at the readers' socket of the master server, and
 * serves GET /metrics on a Unix socket of its own or at a loopback address, or writes a file that a
 * collector reads.  Every scrape asks anew; scrapes that come meanwhile share the answer.  It never
 * changes anything, and nothing that a scraper sends goes further.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "lib/ctl_uv.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/write_uv.h"
#include "logicals/lnm.h"
#include "server/gather.h"
#include "server/http.h"

#define MASTER_SOCKET "/run/multinet/netcontrol-reader.sock"
#define OWN_SOCKET "/run/multinet/metrics.sock"

enum {
	GATHER_MS = 10 * 1000,  /* a round may take so long */
	CLIENT_MS = 15 * 1000,  /* a scraper may take so long, the round included */
	CLIENTS_MAX = 64,
	INTERVAL_S = 15,
	INTERVAL_MAX_S = 86400,
	LINE_MAX_OCTETS = 64 * 1024,
	BACKLOG = 64,
	PATH_OCTETS = 1024,
};

struct options {
	const char *master, *path, *listen, *file;
	int64_t interval_s;
};

struct client {
	struct list node;
	struct app *app;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} h;
	uv_timer_t timer;
	uv_write_t write;
	uv_shutdown_t shutdown;
	unsigned handles; /* still open */
	bool waiting, head, closing;
	size_t n;
	uint8_t in[HTTP_REQUEST_MAX];
	struct text out;
};

struct round { /* the connection of a round */
	uv_pipe_t pipe;
	uv_connect_t connect;
	struct app *app;
};

struct app {
	uv_loop_t loop;
	struct options o;
	struct lnm *lnm;
	char master[PATH_OCTETS];
	struct ctl_service service;
	struct ctl_server *ctl;
	const char *self; /* our name as a service; NULL: run by hand */
	uv_pipe_t server_pipe;
	uv_tcp_t server_tcp;
	uv_timer_t interval, patience;
	uv_signal_t signals[2];
	struct list clients;
	size_t client_count;
	/* the round under way */
	bool gathering;
	struct round *to; /* NULL: none is open */
	struct gather g;
	struct text line;
	bool ending;
};

/* ------------------------------------------------------------------------------------- scrapers */

static void
client_closed(uv_handle_t *h)
{
	struct client *c = h->data;

	if (--c->handles > 0)
		return;
	list_remove(&c->node);
	c->app->client_count--;
	text_free(&c->out);
	free(c);
}

static void
client_close(struct client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	c->waiting = false;
	uv_close(&c->h.handle, client_closed);
	uv_close((uv_handle_t *)&c->timer, client_closed);
}

static void
client_late(uv_timer_t *t)
{
	client_close(t->data);
}

static void
client_discard(uv_handle_t *h, size_t wanted, uv_buf_t *buf)
{
	struct client *c = h->data;

	(void)wanted;
	*buf = uv_buf_init((char *)c->in, sizeof(c->in));
}

static void
client_drained(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	(void)buf;
	if (n < 0)
		client_close(s->data);
}

static void
client_shut(uv_shutdown_t *s, int status)
{
	struct client *c = s->data;

	/* Closed with octets unread, the answer could be lost on its way. */
	if (status < 0 || (!c->closing &&
		uv_read_start(&c->h.stream, client_discard, client_drained) != 0))
		client_close(c);
}

static void
client_written(uv_write_t *w, int status)
{
	struct client *c = w->data;

	c->shutdown.data = c;
	if (status < 0 || uv_shutdown(&c->shutdown, &c->h.stream, client_shut) != 0)
		client_close(c);
}

static void
client_answer(struct client *c, enum http_status status, struct bytes body)
{
	uv_buf_t buf;

	c->waiting = false;
	http_answer(&c->out, status, body, c->head);
	buf = uv_buf_init(c->out.p, (unsigned)c->out.n);
	c->write.data = c;
	if (c->out.failed || uv_write(&c->write, &c->h.stream, &buf, 1, client_written) != 0)
		client_close(c);
}

static void gather_start(struct app *a);

static void
client_room(uv_handle_t *h, size_t wanted, uv_buf_t *buf)
{
	struct client *c = h->data;

	(void)wanted;
	*buf = uv_buf_init((char *)c->in + c->n, (unsigned)(sizeof(c->in) - c->n));
}

static void
client_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = s->data;
	enum http_status status;

	(void)buf;
	if (n < 0) {
		client_close(c);
		return;
	}
	c->n += (size_t)n;
	status = http_request(bytes_of(c->in, c->n), &c->head);
	if (status == HTTP_MORE)
		return;
	uv_read_stop(s);
	if (status != HTTP_OK) {
		client_answer(c, status, (struct bytes){ NULL, 0 });
		return;
	}
	c->waiting = true;
	gather_start(c->app);
}

static void
on_connection(uv_stream_t *server, int status)
{
	struct app *a = server->data;
	struct client *c = status < 0 ? NULL : calloc(1, sizeof(*c));

	if (c == NULL)
		return;
	c->app = a;
	if (server->type == UV_TCP)
		uv_tcp_init(&a->loop, &c->h.tcp);
	else
		uv_pipe_init(&a->loop, &c->h.pipe, 0);
	uv_timer_init(&a->loop, &c->timer);
	c->h.handle.data = c->timer.data = c;
	c->handles = 2;
	list_append(&a->clients, &c->node);
	a->client_count++;
	if (uv_accept(server, &c->h.stream) != 0 || a->client_count > CLIENTS_MAX ||
		uv_read_start(&c->h.stream, client_room, client_read) != 0) {
		client_close(c);
		return;
	}
	uv_timer_start(&c->timer, client_late, CLIENT_MS, 0);
}

/* ------------------------------------------------------------------------------------- the file */

/* Atomically: a collector sees the old file or the new one.  Small and local, so at once. */
static void
write_file(const struct app *a, const struct text *what)
{
	char temporary[PATH_OCTETS + 16];
	bool good;
	int fd;

	snprintf(temporary, sizeof(temporary), "%s.%d", a->o.file, (int)getpid());
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	good = fd >= 0 && write(fd, text_str(what), what->n) == (ssize_t)what->n;
	if (fd >= 0)
		good = close(fd) == 0 && good;
	if (good && rename(temporary, a->o.file) == 0)
		return;
	log_line(LOG_L_ERROR, NULL, "%s: %s", a->o.file, strerror(errno));
	(void)unlink(temporary);
}

/* ------------------------------------------------------------------------------------- a round */

static void
to_closed(uv_handle_t *h)
{
	free(h->data);
}

static void
gather_end(struct app *a, bool good, const char *why)
{
	struct text out = { 0 };

	if (!a->gathering)
		return;
	a->gathering = false;
	uv_timer_stop(&a->patience);
	if (a->to != NULL)
		uv_close((uv_handle_t *)&a->to->pipe, to_closed);
	a->to = NULL;
	if (!good && !a->ending)
		log_line(LOG_L_WARNING, NULL, "the master server at %s: %s", a->master, why);
	metrics_single(&out, "metricsd_up", METRIC_GAUGE, "did the master server answer?",
		good ? 1 : 0);
	if (good)
		text_add_n(&out, text_str(&a->g.out), a->g.out.n);
	LIST_FOREACH(n, &a->clients) {
		struct client *c = container_of(n, struct client, node);

		if (c->waiting)
			client_answer(c, good ? HTTP_OK : HTTP_UNAVAILABLE,
				bytes_of(text_str(&out), out.n));
	}
	if (a->o.file != NULL && !a->ending)
		write_file(a, &out);
	text_free(&out);
	gather_free(&a->g);
	text_clear(&a->line);
}

static void
on_late(uv_timer_t *t)
{
	gather_end(t->data, false, "no answer in time");
}

static void
send_request(struct app *a, const char *request)
{
	struct text line = { .limit = CMD_LINE_MAX };

	text_addf(&line, "%s\n", request);
	if (line.failed ||
		!write_uv_copy((uv_stream_t *)&a->to->pipe, bytes_of(line.p, line.n)))
		gather_end(a, false, "the request cannot be sent");
	text_free(&line);
}

/* False: the round has ended. */
static bool
take_line(struct app *a)
{
	char request[GATHER_NAME_MAX + 32];
	char *line = a->line.p;

	if (line == NULL)
		return true;
	line[strcspn(line, "\r")] = '\0';
	switch (gather_line(&a->g, line, request, sizeof(request))) {
	case GATHER_MORE:
		break;
	case GATHER_ASK:
		send_request(a, request);
		break;
	case GATHER_DONE:
		gather_end(a, !a->g.out.failed, "more than is taken");
		break;
	}
	text_clear(&a->line);
	return a->gathering;
}

static void
to_room(uv_handle_t *h, size_t wanted, uv_buf_t *buf)
{
	static char room[16 * 1024];

	(void)h;
	(void)wanted;
	*buf = uv_buf_init(room, sizeof(room));
}

static void
to_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct round *r = s->data;
	struct app *a = r->app;
	const char *p = buf->base;

	if (a->to != r)
		return; /* of a round that has ended */
	if (n < 0) {
		gather_end(a, false, "the connection ended");
		return;
	}
	for (ssize_t at = 0; at < n;) {
		const char *nl = memchr(p + at, '\n', (size_t)(n - at));
		size_t part = nl != NULL ? (size_t)(nl - p - at) : (size_t)(n - at);

		text_add_n(&a->line, p + at, part);
		at += (ssize_t)part + (nl != NULL);
		if (a->line.failed || a->line.n > LINE_MAX_OCTETS) {
			gather_end(a, false, "a line without end");
			return;
		}
		if (nl != NULL && !take_line(a))
			return;
	}
}

static void
on_connected(uv_connect_t *c, int status)
{
	struct round *r = c->data;
	struct app *a = r->app;
	char request[64];

	if (a->to != r || status == UV_ECANCELED)
		return;
	if (status < 0 || uv_read_start((uv_stream_t *)&r->pipe, to_room, to_read) != 0) {
		gather_end(a, false, status < 0 ? uv_strerror(status) : "cannot be read");
		return;
	}
	gather_begin(&a->g, a->self, request, sizeof(request));
	send_request(a, request);
}

static void
gather_start(struct app *a)
{
	if (a->gathering || a->ending)
		return;
	a->to = calloc(1, sizeof(*a->to));
	if (a->to == NULL)
		return;
	a->gathering = true;
	uv_pipe_init(&a->loop, &a->to->pipe, 0);
	a->to->app = a;
	a->to->pipe.data = a->to->connect.data = a->to;
	uv_timer_start(&a->patience, on_late, GATHER_MS, 0);
	uv_pipe_connect(&a->to->connect, &a->to->pipe, a->master, on_connected);
}

static void
on_interval(uv_timer_t *t)
{
	gather_start(t->data);
}

/* -------------------------------------------------------------------------------------- the end */

static void
on_walk(uv_handle_t *h, void *user)
{
	(void)user;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void
all_closed(void *user)
{
	struct app *a = user;

	a->ctl = NULL;
	LIST_FOREACH(n, &a->clients)
		client_close(container_of(n, struct client, node));
	uv_walk(&a->loop, on_walk, NULL);
}

static void
end(void *user)
{
	struct app *a = user;

	if (a->ending)
		return;
	a->ending = true;
	gather_end(a, false, "");
	if (a->ctl != NULL)
		ctl_server_close(a->ctl, all_closed, a);
	else
		all_closed(a);
}

static void
on_signal(uv_signal_t *s, int number)
{
	(void)number;
	end(s->data);
}

/* --------------------------------------------------------------------------------------- verbs */

static void
verb_show(struct ctl_call *call)
{
	const struct app *a = call->user;

	ctl_line(call, "metricsd %s, asks %s", MULTINET_VERSION, a->master);
	if (a->o.path != NULL)
		ctl_line(call, "Unix socket  %s", a->o.path);
	if (a->o.listen != NULL)
		ctl_line(call, "TCP          %s", a->o.listen);
	if (a->o.file != NULL)
		ctl_line(call, "File         %s, every %lld s", a->o.file,
			(long long)a->o.interval_s);
	ctl_line(call, "Scrapers     %zu of %d at once", a->client_count, CLIENTS_MAX);
	ctl_done(call, ST_NORMAL, NULL);
}

static void
verb_shutdown(struct ctl_call *call)
{
	struct app *a = call->user;

	ctl_done(call, ST_SHUTTING, NULL);
	end(a);
}

static const struct verb verbs[] = {
	{ "HELP", "[topic]", 0, 1, ctl_quals_help, CTL_READER, ctl_verb_help,
		"list the verbs or explain one", NULL },
	{ "NOOP", NULL, 0, 0, NULL, CTL_READER, ctl_verb_noop, "do nothing", NULL },
	{ "SHOW", NULL, 0, 0, NULL, CTL_READER, verb_show, "where metrics are served", NULL },
	{ "SHUTDOWN", NULL, 0, 0, NULL, CTL_OPERATOR, verb_shutdown, "end", NULL },
	{ "VERSION", NULL, 0, 0, NULL, CTL_READER, ctl_verb_version, "tell the version", NULL },
	{ .name = NULL },
};

/* ------------------------------------------------------------------------------------- opening */

static void
usage(FILE *to)
{
	fputs("usage: metricsd [-s SOCKET] [-u SOCKET] [-l [ADDRESS:]PORT] [-o FILE [-i SECONDS]]\n"
	      "  -s SOCKET          the master server's socket for readers\n"
	      "  -u SOCKET          serve GET /metrics there (" OWN_SOCKET " without -l and -o)\n"
	      "  -l [ADDRESS:]PORT  and there; a loopback address, 127.0.0.1 without one\n"
	      "  -o FILE            write this file, replaced as a whole\n"
	      "  -i SECONDS         so often (15)\n"
	      "  -h, -V             print this, or the version\n", to);
}

static bool
listen_unix(struct app *a)
{
	int error;

	(void)unlink(a->o.path);
	uv_pipe_init(&a->loop, &a->server_pipe, 0);
	a->server_pipe.data = a;
	error = uv_pipe_bind(&a->server_pipe, a->o.path);
	if (error == 0 && chmod(a->o.path, 0660) != 0)
		error = uv_translate_sys_error(errno);
	if (error == 0)
		error = uv_listen((uv_stream_t *)&a->server_pipe, BACKLOG, on_connection);
	if (error != 0)
		log_line(LOG_L_ERROR, NULL, "%s: %s", a->o.path, uv_strerror(error));
	return error == 0;
}

/* "9100", "127.0.0.1:9100", "[::1]:9100" */
static bool
loopback(const char *typed, struct net_endpoint *out)
{
	static const struct net_prefix four = { .addr = { .family = 4, .b = { 127 } }, .len = 8 };
	const char *colon = strrchr(typed, ':'), *port = colon == NULL ? typed : colon + 1;
	size_t n = colon == NULL ? 0 : (size_t)(colon - typed);
	char text[64], *stop;
	unsigned long v = strtoul(port, &stop, 10);
	struct net_addr six;

	*out = (struct net_endpoint){ .addr = net_ipv4(0x7f000001), .port = (uint16_t)v };
	if (port[0] < '0' || port[0] > '9' || *stop != '\0' || v == 0 || v > 65535 ||
		n >= sizeof(text))
		return false;
	if (colon == NULL)
		return true;
	snprintf(text, sizeof(text), "%.*s", (int)n, typed);
	if (text[0] == '[' && text[n - 1] == ']') {
		text[n - 1] = '\0';
		memmove(text, text + 1, n - 1);
	}
	return net_addr_parse(text, &out->addr) && net_addr_parse("::1", &six) &&
		(net_prefix_contains(&four, &out->addr) || net_addr_equal(&out->addr, &six));
}

static bool
listen_tcp(struct app *a)
{
	struct sockaddr_storage ss;
	struct net_endpoint at;
	int error;

	if (!loopback(a->o.listen, &at)) {
		log_line(LOG_L_ERROR, NULL, "-l %s: a port, or ADDRESS:PORT with a loopback "
			"address is expected; put a proxy in front of it for others", a->o.listen);
		return false;
	}
	net_to_sockaddr(&at, &ss);
	uv_tcp_init(&a->loop, &a->server_tcp);
	a->server_tcp.data = a;
	error = uv_tcp_bind(&a->server_tcp, (const struct sockaddr *)&ss, 0);
	if (error == 0)
		error = uv_listen((uv_stream_t *)&a->server_tcp, BACKLOG, on_connection);
	if (error != 0)
		log_line(LOG_L_ERROR, NULL, "%s: %s", a->o.listen, uv_strerror(error));
	return error == 0;
}

static bool
join_master(struct app *a)
{
	int fd = ctl_channel_fd();

	if (fd < 0)
		return true;
	a->self = "METRICSD";
	a->service = (struct ctl_service){ .facility = "METRICSD", .version = MULTINET_VERSION,
		.verbs = verbs, .user = a };
	a->ctl = ctl_server_new(&a->loop, &a->service);
	if (a->ctl == NULL || ctl_server_channel(a->ctl, fd) != ST_NORMAL)
		return false;
	ctl_server_on_orphan(a->ctl, end);
	return true;
}

static bool
open_all(struct app *a)
{
	static const int numbers[] = { SIGTERM, SIGINT };

	signal(SIGPIPE, SIG_IGN);
	list_init(&a->clients);
	uv_timer_init(&a->loop, &a->interval);
	uv_timer_init(&a->loop, &a->patience);
	a->interval.data = a->patience.data = a;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uv_signal_init(&a->loop, &a->signals[i]);
		a->signals[i].data = a;
		uv_signal_start(&a->signals[i], on_signal, numbers[i]);
	}
	if ((a->o.path != NULL && !listen_unix(a)) || (a->o.listen != NULL && !listen_tcp(a)) ||
		!join_master(a))
		return false;
	if (a->o.file != NULL)
		uv_timer_start(&a->interval, on_interval, 0, (uint64_t)a->o.interval_s * 1000);
	if (a->ctl != NULL)
		ctl_server_ready(a->ctl);
	return true;
}

/* The socket of those who may only look: -s, the logical name, or where the server puts it. */
static void
find_master(struct app *a)
{
	struct text errors = { 0 };

	a->lnm = lnm_new();
	if (a->o.master != NULL)
		snprintf(a->master, sizeof(a->master), "%s", a->o.master);
	else if (a->lnm == NULL || lnm_load(a->lnm, &errors) != ST_NORMAL ||
		lnm_translate(a->lnm, "MULTINET_NETCONTROL_READER_SOCKET", a->master,
			sizeof(a->master)) != ST_NORMAL)
		snprintf(a->master, sizeof(a->master), "%s", MASTER_SOCKET);
	text_free(&errors);
	lnm_free(a->lnm);
	a->lnm = NULL;
}

/* -1: go on; else the exit status. */
static int
read_options(struct options *o, int argc, char **argv)
{
	char *stop = NULL;
	int c;

	o->interval_s = INTERVAL_S;
	while ((c = getopt(argc, argv, "s:u:l:o:i:hV")) != -1)
		switch (c) {
		case 's':
			o->master = optarg;
			break;
		case 'u':
			o->path = optarg;
			break;
		case 'l':
			o->listen = optarg;
			break;
		case 'o':
			o->file = optarg;
			break;
		case 'i':
			o->interval_s = strtol(optarg, &stop, 10);
			if (*stop == '\0' && o->interval_s > 0 && o->interval_s <= INTERVAL_MAX_S)
				break;
			fprintf(stderr, "metricsd: -i %s: 1 to %d seconds are expected\n", optarg,
				INTERVAL_MAX_S);
			return EXIT_FAILURE;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		case 'V':
			puts("metricsd " MULTINET_VERSION);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_FAILURE;
		}
	if (optind < argc || (o->file != NULL && strlen(o->file) >= PATH_OCTETS)) {
		usage(stderr);
		return EXIT_FAILURE;
	}
	if (o->path == NULL && o->listen == NULL && o->file == NULL)
		o->path = OWN_SOCKET;
	return -1;
}

int
main(int argc, char **argv)
{
	static struct app a;
	int status = read_options(&a.o, argc, argv);

	if (status >= 0)
		return status;
	(void)log_open("metricsd", LOG_TO_STDERR, NULL);
	find_master(&a);
	if (uv_loop_init(&a.loop) != 0)
		return EXIT_FAILURE;
	status = EXIT_SUCCESS;
	if (!open_all(&a)) {
		status = EXIT_FAILURE;
		end(&a);
	}
	uv_run(&a.loop, UV_RUN_DEFAULT);
	uv_loop_close(&a.loop);
	if (a.o.path != NULL && status == EXIT_SUCCESS)
		(void)unlink(a.o.path);
	text_free(&a.line);
	log_close();
	return status;
}
