/*
 * ctl_int_uv.h - what ctl_uv.c (sessions) and ctl_listen_uv.c (sockets) share; nobody else includes
 * it.
 */
#ifndef LIB_CTL_INT_UV_H
#define LIB_CTL_INT_UV_H

#include <sys/stat.h>
#include <uv.h>

#include "lib/ctl_channel.h"
#include "lib/ctl_uv.h"
#include "lib/list.h"

enum { CTL_GROUPS_MAX = 256, CTL_TLS_CHUNK = 16 * 1024 };

struct listener {
	struct list node;
	struct ctl_server *server;
	uv_pipe_t pipe;  /* libuv's for any stream socket */
	char *path;      /* of a Unix socket, else NULL */
	struct net_endpoint at;
	struct cry_tls_ctx *tls; /* the caller's */
	dev_t dev;
	ino_t ino;
	unsigned mode;
	bool keep;       /* its name is somebody else's */
	bool everyone;   /* anybody may connect, credentials decide */
	uid_t uid;
	gid_t gid, reader_gid;
	bool has_reader_gid;
	enum ctl_role role;
};

struct conn {
	struct list node;
	struct list later; /* among those that go on in the loop's next turn */
	struct ctl_server *server;
	uv_pipe_t pipe;
	struct ctl_session *session; /* NULL: channel, handshake, or over */
	struct ctl_channel *channel;
	struct cry_tls *tls;         /* NULL: plain */
	struct ctl_peer peer;
	bool is_channel, reading, eof, handshake, ending, linger, closed;
	bool broken;      /* the other end is gone, which the session learns in the next turn */
	uint64_t end_by;  /* loop time at which an ending connection, or a handshake, is cut */
	uint64_t active;  /* loop time of its last octet */
};

struct ctl_server {
	uv_loop_t *loop;
	const struct ctl_service *service;
	struct ctl_guard guard;
	struct list listeners, conns;
	size_t sessions;
	struct conn *channel;
	void (*orphan)(void *user);
	uv_timer_t sweep;
	uv_idle_t turn;     /* runs while somebody goes on in the next turn */
	struct list later;
	size_t handles; /* open ones: the server goes with the last */
	bool closing, keep_sockets;
	enum status end_status; /* what sessions are told at the end; ST_NORMAL: as ctl_end does */
	const char *end_text;
	void (*closed)(void *user);
	void *closed_user;
	char buf[CTL_INPUT_MAX]; /* what is being read; one for all, the loop is one thread */
	char plain[CTL_TLS_CHUNK], cipher[CTL_TLS_CHUNK];
};

void ctl_uv_handle_gone(struct ctl_server *s); /* one of its handles is closed */
void ctl_uv_on_connection(uv_stream_t *stream, int status);

#endif
