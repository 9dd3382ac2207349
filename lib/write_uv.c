/*
 * write_uv.c - octets to a stream whose reader tells when it is broken (see write_uv.h).
 *
 * Called for the master's end of a service's channel and for metricsd's requests.  What a session
 * sends is ctl_uv.c's, which has to know when it went out.
 */
#include "lib/write_uv.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "lib/list.h"

struct write {
	uv_write_t req;
	char octets[];
};

static void
on_written(uv_write_t *req, int status)
{
	(void)status;
	free(container_of(req, struct write, req));
}

bool
write_uv_copy(struct uv_stream_s *stream, struct bytes octets)
{
	struct write *w = malloc(sizeof(*w) + octets.n);
	uv_buf_t buf;

	if (w == NULL)
		return false;
	memcpy(w->octets, octets.p, octets.n);
	buf = uv_buf_init(w->octets, (unsigned)octets.n);
	if (uv_write(&w->req, stream, &buf, 1, on_written) == 0)
		return true;
	free(w);
	return false;
}
