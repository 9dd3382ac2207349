/*
 * ctl_uv.h - NETCONTROL on a libuv loop: the control socket, and the channel to the master.
 */
#ifndef LIB_CTL_UV_H
#define LIB_CTL_UV_H

#include <sys/types.h>

#include "lib/ctl.h"
#include "lib/ctl_channel.h"

struct uv_loop_s;
struct ctl_server;
struct cry_tls_ctx;

struct ctl_listen {
	const char *path;    /* Unix socket; an old one is replaced when nobody answers on it */
	unsigned mode;       /* 0660 */
	const char *owner;   /* user it is given to, or NULL: ours */
	const char *group;   /* owner group, or NULL */
	enum ctl_role role;  /* role of whoever connects (peer credentials are checked on top) */
	/* Let everybody connect, though `mode` says who may: those who may not are told so, and the
	 * guard learns of it. */
	bool everyone;
	const char *reader_group; /* its members are readers here; or NULL */
	struct net_endpoint at;   /* path NULL: TCP */
	struct cry_tls_ctx *tls;  /* and with it TLS; the caller's, outlives the server */
	int fd;                   /* > 0: a socket that listens already, taken over */
	bool keep;                /* do not remove its name */
};

enum ctl_peer_kind { CTL_PEER_UNIX, CTL_PEER_TCP, CTL_PEER_TLS };

struct ctl_peer { /* who is on the other end */
	enum ctl_peer_kind kind;
	unsigned uid;              /* UNIX */
	struct net_endpoint from;  /* TCP and TLS, never IPv4-mapped */
	const char *subject, *unit; /* of TLS; NULL while the handshake has not told */
	enum ctl_role role;        /* as the socket says; the guard decides */
	char who[CTL_WHO_MAX];     /* for the accounts; the guard may give it a better one */
};

struct ctl_guard { /* who may have a session; all zero: peer credentials alone decide */
	void *user;
	/*
	 * A connection was made; over TLS it is asked a second time when the certificate is known
	 * (peer->subject).  ST_NORMAL, or why not; what is to be said to the peer goes to message.
	 */
	enum status (*admit)(void *user, struct ctl_peer *peer, char *message, size_t size);
	void (*refused)(void *user, const struct ctl_peer *peer, const char *why); /* by TLS */
	size_t sessions_max; /* 0: CTL_SESSIONS_MAX */
	int64_t idle_ms;     /* 0: never */
};

struct ctl_server *ctl_server_new(struct uv_loop_s *loop, const struct ctl_service *service);
/* ST_ALREADY: another server answers there. ST_SYSERR with why. */
enum status ctl_server_listen(struct ctl_server *s, const struct ctl_listen *l, char *why,
	size_t why_size) ATTR_NODISCARD;
/* Serve the master's channel (a stream socket): tagged lines. READY is said by ctl_server_ready. */
enum status ctl_server_channel(struct ctl_server *s, int fd) ATTR_NODISCARD;
/* The descriptor from MULTINET_CHANNEL, or -1 when run alone. */
int ctl_channel_fd(void);
void ctl_server_ready(struct ctl_server *s);              /* "#0 +READY" on the channel */
void ctl_server_news(struct ctl_server *s, const char *text); /* to MONITOR sessions and channel */
/* The same for news of classes (enum ctl_class): to those who named one of them. */
void ctl_server_news_of(struct ctl_server *s, unsigned classes, const char *text);
/* Called when the master's channel closes: the service should end or go on alone. */
void ctl_server_on_orphan(struct ctl_server *s, void (*orphan)(void *user));
void ctl_server_guard(struct ctl_server *s, const struct ctl_guard *guard);
size_t ctl_server_sessions(const struct ctl_server *s);
void ctl_server_each(struct ctl_server *s, void (*one)(void *user, const struct ctl_peer *peer,
	int64_t idle_ms, bool busy), void *user);
/* Every socket that listens: its path, or "tcp:address[port]", "tls:…"; ctl_listen.keep. */
void ctl_server_sockets(struct ctl_server *s, void (*one)(void *user, const char *name, int fd,
	bool keep),
	void *user);
/* What ctl_server_close tells sessions; the sockets' names stay, for whoever takes them over. */
void ctl_server_end_with(struct ctl_server *s, enum status status, const char *text);
/* After cry_tls_ctx_renew: sessions whose certificate is no longer good are dropped. */
void ctl_server_recheck(struct ctl_server *s);
/* Take no new connections and remove the sockets' names; sessions go on. */
void ctl_server_unlisten(struct ctl_server *s);
/* Close sessions and sockets (answers already queued are sent first), then call closed. */
void ctl_server_close(struct ctl_server *s, void (*closed)(void *user), void *user);

#endif
