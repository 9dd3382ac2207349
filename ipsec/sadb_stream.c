/*
 * sadb_stream.c - PF_KEY messages on a byte stream.
 *
 * Called by ipsecd and by the clients in setkey and the key daemons.  It never reads or writes a
 * descriptor itself.  RFC 2367 2.2 defines the length that frames a message.
 */
#include "ipsec/sadb_stream.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/secret.h"
#include "lib/text.h"
#include "logicals/lnm.h"

uint8_t *
sadb_stream_room(struct sadb_stream *s, size_t *room)
{
	if (s->at != 0) {
		memmove(s->buf, s->buf + s->at, s->n - s->at);
		s->n -= s->at;
		s->at = 0;
	}
	*room = sizeof(s->buf) - s->n;
	return s->buf + s->n;
}

void
sadb_stream_filled(struct sadb_stream *s, size_t n)
{
	s->n += n;
}

enum status
sadb_stream_next(struct sadb_stream *s, struct bytes *msg)
{
	struct bytes left = bytes_of(s->buf + s->at, s->n - s->at);
	size_t n;

	*msg = bytes_of(NULL, 0);
	if (left.n < PFKEY_HEADER)
		return ST_NORMAL;
	n = pfkey_length(left);
	if (n == 0)
		return ST_BADMSG;
	if (left.n < n)
		return ST_NORMAL;
	*msg = bytes_of(left.p, n);
	s->at += n;
	return ST_NORMAL;
}

void
sadb_stream_wipe(struct sadb_stream *s)
{
	wipe(s->buf, s->n);
	s->at = s->n = 0;
}

const char *
sadb_engine_path(const char *path, char *buf, size_t size)
{
	struct lnm *l = path == NULL || path[0] == '\0' ? lnm_new() : NULL;
	struct text errors = { 0 };
	char value[SADB_PATH_MAX];

	snprintf(buf, size, "%s", l == NULL && path != NULL ? path : SADB_ENGINE_SOCKET);
	if (l == NULL)
		return buf;
	/* A file of logical names with errors is for others to report; the environment stays. */
	if ((lnm_load(l, &errors) == ST_NORMAL ||
			lnm_load_environment(l, environ) == ST_NORMAL) &&
		lnm_translate(l, "MULTINET_IPSEC_SOCKET", value, sizeof(value)) == ST_NORMAL &&
		lnm_file_spec(l, value, buf, size) != ST_NORMAL)
		snprintf(buf, size, "%s", value);
	text_free(&errors);
	lnm_free(l);
	return buf;
}
