/*
 * output_uv.c - what services write to standard output and error goes into the server's log, line
 * by line, when neither they nor the server have a file for it (a daemon that logs to syslog).
 *
 * Called by super_uv.c for each process it starts.  A reader lives until the last process that
 * holds the other end is gone, or until the server ends.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "lib/log.h"
#include "server/server.h"
#include "server/super_uv.h"

struct output {
	struct list node;
	struct server *server;
	uv_pipe_t pipe;
	char name[SVC_NAME_MAX + 1];
	char line[SVC_LOG_LINE_MAX];
	size_t n;
	bool closing;
	char buf[SVC_LOG_LINE_MAX];
};

/* To the operators' terminals, in the form that OPCOM gives its messages. */
static void
operator_message(const struct output *o)
{
	static const char bar[] = "%%%%%%%%%%%";
	char when[32], line[SVC_LOG_LINE_MAX + SVC_NAME_MAX + 64];

	when_vms(when, sizeof(when), when_wall());
	snprintf(line, sizeof(line), "%s  OPCOM  %s  %s", bar, when, bar);
	server_news(o->server, line);
	snprintf(line, sizeof(line), "Message from %s: %.*s", o->name, (int)o->n, o->line);
	server_news(o->server, line);
}

static void
log_output(struct output *o)
{
	struct svc *svc = o->n > 0 ? server_find(o->server, o->name) : NULL;

	/* Operators' terminals are to see text. */
	for (size_t i = 0; i < o->n; i++)
		if ((unsigned char)o->line[i] < ' ' || o->line[i] == 0x7f)
			o->line[i] = ' ';
	if (o->n > 0)
		log_line(LOG_L_INFO, NULL, "%s: %.*s", o->name, (int)o->n, o->line);
	if (svc != NULL && svc->conf != NULL && svc->conf->log_file != NULL &&
		text_same(svc->conf->log_file, SVC_OPCOM))
		operator_message(o);
	if (svc != NULL)
		snprintf(svc->said[svc->said_count++ % SVC_SAID_MAX], SVC_SAID_LINE_MAX, "%.*s",
			(int)o->n, o->line);
	o->n = 0;
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct output *o = handle->data;

	(void)suggested;
	*buf = uv_buf_init(o->buf, sizeof(o->buf));
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
output_close(struct output *o)
{
	if (o->closing)
		return;
	o->closing = true;
	log_output(o);
	list_remove(&o->node);
	uv_close((uv_handle_t *)&o->pipe, on_closed);
}

static void
take(struct output *o, const char *p, size_t n)
{
	for (; n > 0; p++, n--) {
		if (*p != '\n' && *p != '\0')
			o->line[o->n++] = *p;
		if (*p == '\n' || o->n == sizeof(o->line))
			log_output(o);
	}
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct output *o = stream->data;

	if (n < 0)
		output_close(o);
	else
		take(o, buf->base, (size_t)n);
}

/* Its end may be seen before its last words: they are in the pipe. */
void
svc_output_drain(struct svc *svc, struct list *outputs)
{
	LIST_FOREACH(node, outputs) {
		struct output *o = container_of(node, struct output, node);
		ssize_t n = 1;
		int fd;

		if (o->closing || strcmp(o->name, svc->name) != 0 ||
			uv_fileno((uv_handle_t *)&o->pipe, &fd) != 0)
			continue;
		for (unsigned i = 0; n > 0 && i < SVC_DRAIN_MAX; i++) {
			n = read(fd, o->buf, sizeof(o->buf));
			if (n > 0)
				take(o, o->buf, (size_t)n);
		}
	}
}

static bool
open_reader(struct svc *svc, struct uv_loop_s *loop, struct list *outputs, int fd)
{
	struct output *o = calloc(1, sizeof(*o));

	if (o == NULL || uv_pipe_init(loop, &o->pipe, 0) != 0) {
		close(fd);
		free(o);
		return false;
	}
	o->pipe.data = o;
	o->server = svc->server;
	memcpy(o->name, svc->name, sizeof(o->name));
	list_append(outputs, &o->node);
	if (uv_pipe_open(&o->pipe, fd) != 0) {
		close(fd);
		output_close(o);
		return false;
	}
	uv_read_start((uv_stream_t *)&o->pipe, on_alloc, on_read);
	return true;
}

int
svc_output_open(struct svc *svc, struct uv_loop_s *loop, struct list *outputs)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) != 0)
		return -1;
	if (open_reader(svc, loop, outputs, fd[0]))
		return fd[1];
	close(fd[1]);
	return -1;
}

bool
svc_output_adopt(struct svc *svc, int fd)
{
	return open_reader(svc, svc->server->loop->loop, &svc->server->loop->outputs, fd);
}

int
svc_output_descriptor(struct svc *svc, struct list *outputs)
{
	uv_os_fd_t fd, found = -1;

	LIST_FOREACH(n, outputs) {
		struct output *o = container_of(n, struct output, node);

		if (!o->closing && strcmp(o->name, svc->name) == 0 &&
			uv_fileno((uv_handle_t *)&o->pipe, &fd) == 0)
			found = fd;
	}
	return found;
}

void
svc_output_close_all(struct list *outputs)
{
	LIST_FOREACH(n, outputs)
		output_close(container_of(n, struct output, node));
}
