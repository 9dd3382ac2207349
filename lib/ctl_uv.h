/*
 * ctl_uv.h - NETCONTROL on a libuv loop: the control socket, and the channel to the master.
 */
#ifndef LIB_CTL_UV_H
#define LIB_CTL_UV_H

#include <sys/types.h>

#include "lib/ctl.h"

struct uv_loop_s;
struct ctl_server;

struct ctl_listen {
	const char *path;    /* Unix socket; an old one is replaced when nobody answers on it */
	unsigned mode;       /* 0660 */
	const char *group;   /* owner group, or NULL */
	enum ctl_role role;  /* role of whoever connects (peer credentials are checked on top) */
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
/* Called when the master's channel closes: the service should end or go on alone. */
void ctl_server_on_orphan(struct ctl_server *s, void (*orphan)(void *user));
/* Take no new connections and remove the sockets' names; sessions go on. */
void ctl_server_unlisten(struct ctl_server *s);
/* Close sessions and sockets (answers already queued are sent first), then call closed. */
void ctl_server_close(struct ctl_server *s, void (*closed)(void *user), void *user);

#endif
