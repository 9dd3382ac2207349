/*
 * output_uv.c - what services write to standard output and error goes into the server's log, line
 * by line, when neither they nor the server have a file for it (a daemon that logs to syslog).
 *
 * Called by super_uv.c for each process it starts.  A reader lives until the last process that
 * holds the other end is gone, or until the server ends.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "lib/log.h"
#include "server/server.h"
#include "server/super_uv.h"

struct output {
	struct list node;
	uv_pipe_t pipe;
	char name[SVC_NAME_MAX + 1];
	char line[SVC_LOG_LINE_MAX];
	size_t n;
	bool closing;
	char buf[SVC_LOG_LINE_MAX];
};

static void
log_output(struct output *o)
{
	if (o->n > 0)
		log_line(LOG_L_INFO, NULL, "%s: %.*s", o->name, (int)o->n, o->line);
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
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct output *o = stream->data;

	if (n < 0) {
		output_close(o);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (buf->base[i] != '\n' && buf->base[i] != '\0')
			o->line[o->n++] = buf->base[i];
		if (buf->base[i] == '\n' || o->n == sizeof(o->line))
			log_output(o);
	}
}

int
svc_output_open(struct svc *svc, struct uv_loop_s *loop, struct list *outputs)
{
	struct output *o = calloc(1, sizeof(*o));
	int fd[2];

	if (o == NULL || pipe2(fd, O_CLOEXEC) != 0) {
		free(o);
		return -1;
	}
	if (uv_pipe_init(loop, &o->pipe, 0) != 0) {
		close(fd[0]);
		close(fd[1]);
		free(o);
		return -1;
	}
	o->pipe.data = o;
	memcpy(o->name, svc->name, sizeof(o->name));
	list_append(outputs, &o->node);
	if (uv_pipe_open(&o->pipe, fd[0]) != 0) {
		close(fd[0]);
		close(fd[1]);
		output_close(o);
		return -1;
	}
	uv_read_start((uv_stream_t *)&o->pipe, on_alloc, on_read);
	return fd[1];
}

void
svc_output_close_all(struct list *outputs)
{
	LIST_FOREACH(n, outputs)
		output_close(container_of(n, struct output, node));
}
