/*
 * sadb_stream.h - PF_KEY messages on a byte stream: cutting what was read into messages, and where
 * the engine's socket is.
 *
 * Shared by ipsecd and by both clients.  A message is framed by its own length field, nothing more.
 */
#ifndef IPSEC_SADB_STREAM_H
#define IPSEC_SADB_STREAM_H

#include "ipsec/pfkey.h"

enum { SADB_STREAM_ROOM = 16 * PFKEY_MSG_MAX };

struct sadb_stream { /* zero-initialised = empty */
	size_t at, n; /* octets from `at` up to `n` are not taken yet */
	uint8_t buf[SADB_STREAM_ROOM];
};

/* Where to read to, never without room for a whole message; then tell how much came. */
uint8_t *sadb_stream_room(struct sadb_stream *s, size_t *room);
void sadb_stream_filled(struct sadb_stream *s, size_t n);
/* The next whole message, valid until sadb_stream_room; msg->n is 0 when more octets are needed.
 * ST_BADMSG: what came is no PF_KEY; the stream cannot be used any longer. */
enum status sadb_stream_next(struct sadb_stream *s, struct bytes *msg) ATTR_NODISCARD;
void sadb_stream_wipe(struct sadb_stream *s); /* keys went through; empty again */

enum { SADB_PATH_MAX = 256 };
/* The engine's socket: the argument unless NULL, else what the logical name MULTINET_IPSEC_SOCKET
 * says (the environment first), else SADB_ENGINE_SOCKET. Returns buf. */
const char *sadb_engine_path(const char *path, char *buf, size_t size);

#endif
