/*
 * priv_call.c - the worker's side of privilege separation: its requests, and giving up privileges.
 *
 * Called by the daemon's glue where there is a `struct priv`, from the loop and, for the journal
 * and for judging certificates, from libuv's pool.  A request waits for its answer: the privileged
 * process opens or reads something on this host and answers at once.
 */
#include "racoon/daemon/priv.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/cry_sign.h"

struct priv {
	int fd;
	pthread_mutex_t lock;
	uint32_t generation; /* of the configuration that was loaded last */
	bool broken; /* an answer did not come: the next would be taken for it */
};

struct priv *
priv_new(int fd)
{
	struct priv *p = calloc(1, sizeof(*p));

	if (p == NULL || pthread_mutex_init(&p->lock, NULL) != 0) {
		close(fd);
		free(p);
		return NULL;
	}
	p->fd = fd;
	return p;
}

void
priv_free(struct priv *p)
{
	if (p == NULL)
		return;
	close(p->fd);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

int
priv_fd(const struct priv *p)
{
	return p->fd;
}

/* ------------------------------------------------------------------------------------- requests */

/* The loop watches the descriptor for its end, which made it non-blocking. */
static bool
wait_for(struct priv *p, short events)
{
	struct pollfd one = { .fd = p->fd, .events = events };
	int n;

	do
		n = poll(&one, 1, PRIV_WAIT_S * 1000);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

static bool
send_request(struct priv *p, const struct priv_request *q)
{
	uint8_t buf[PRIV_MESSAGE_MAX];
	size_t n = priv_put(q, buf, sizeof(buf));

	if (n == 0) {
		errno = EMSGSIZE;
		return false;
	}
	return wait_for(p, POLLOUT) && send(p->fd, buf, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* False with errno: no answer.  *fd is what came along, or -1. */
static bool
receive(struct priv *p, struct priv_answer *a, int *fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { a, sizeof(*a) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *c;
	ssize_t n;

	*fd = -1;
	n = wait_for(p, POLLIN) ? recvmsg(p->fd, &m, MSG_CMSG_CLOEXEC) : -1;
	c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	if (n == (ssize_t)sizeof(*a))
		return true;
	if (n >= 0)
		errno = n == 0 ? EPIPE : EBADMSG;
	return false;
}

/* 0 with *fd (-1: none came), or an errno. */
static int
call(struct priv *p, const struct priv_request *q, int *fd)
{
	struct priv_answer a = { 0 };
	int error;

	*fd = -1;
	(void)pthread_mutex_lock(&p->lock);
	errno = EPIPE;
	p->broken = p->broken || !send_request(p, q) || !receive(p, &a, fd);
	error = p->broken ? errno : a.error;
	if (error == 0 && q->op == PRIV_LOAD)
		p->generation = a.generation;
	(void)pthread_mutex_unlock(&p->lock);
	if (error != 0 && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return error;
}

static int
descriptor(struct priv *p, const struct priv_request *q)
{
	int fd, error = call(p, q, &fd);

	if (error == 0 && fd < 0)
		error = EBADMSG;
	errno = error;
	return error == 0 ? fd : -1;
}

int
priv_bind(struct priv *p, const struct net_endpoint *local, bool natt)
{
	return descriptor(p, &(struct priv_request){ .op = PRIV_BIND, .local = *local,
		.natt = natt });
}

int
priv_dial(struct priv *p, bool packets)
{
	return descriptor(p, &(struct priv_request){ .op = PRIV_DIAL, .packets = packets });
}

int
priv_load(struct priv *p)
{
	return descriptor(p, &(struct priv_request){ .op = PRIV_LOAD });
}

int
priv_journal_new(struct priv *p)
{
	return descriptor(p, &(struct priv_request){ .op = PRIV_JOURNAL_NEW });
}

bool
priv_hashed(struct priv *p, struct bytes *out)
{
	int fd = descriptor(p, &(struct priv_request){ .op = PRIV_HASHED });
	uint8_t *octets = NULL;
	struct stat st;
	size_t at = 0;
	ssize_t n = 0;

	*out = bytes_of(NULL, 0);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && st.st_size <= CRY_HASHED_MAX)
		octets = malloc((size_t)st.st_size + 1);
	while (octets != NULL && at < (size_t)st.st_size &&
		(n = pread(fd, octets + at, (size_t)st.st_size - at, (off_t)at)) > 0)
		at += (size_t)n;
	close(fd);
	if (octets == NULL || at < (size_t)st.st_size) {
		free(octets);
		errno = octets == NULL ? ENOMEM : EIO;
		return false;
	}
	*out = bytes_of(octets, at);
	return true;
}

bool
priv_do(struct priv *p, enum priv_op op)
{
	int fd, error = call(p, &(struct priv_request){ .op = op }, &fd);

	if (fd >= 0)
		close(fd);
	errno = error;
	return error == 0;
}

bool
priv_hook(struct priv *p, enum rc_hook hook, const struct ike_note *n)
{
	struct priv_request q = { .op = PRIV_HOOK, .hook = hook, .local = n->local,
		.remote = n->remote, .section = n->conf->index,
		.serial = n->serial };
	bool sent;

	memcpy(q.cookie_i, n->cookie_i, sizeof(q.cookie_i));
	memcpy(q.cookie_r, n->cookie_r, sizeof(q.cookie_r));
	snprintf(q.peer_id, sizeof(q.peer_id), "%s", n->peer_id == NULL ? "" : n->peer_id);
	(void)pthread_mutex_lock(&p->lock);
	q.generation = p->generation;
	sent = send_request(p, &q);
	(void)pthread_mutex_unlock(&p->lock);
	return sent;
}

/* ------------------------------------------------------------------------------- becoming less */

static bool
keep_capability(bool net_admin)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };

	if (net_admin)
		data[0].effective = data[0].permitted = 1u << CAP_NET_ADMIN;
	return syscall(SYS_capset, &head, data) == 0;
}

bool
priv_drop(const struct rc_privsep *p, bool net_admin, char *why, size_t size)
{
	gid_t gid = (gid_t)p->gid;
	uid_t uid = (uid_t)p->uid;

	tzset(); /* and so the log's time of day is the host's, inside a chroot as well */
	if (p->chroot != NULL && (chroot(p->chroot) != 0 || chdir("/") != 0)) {
		snprintf(why, size, "chroot %s: %s", p->chroot, strerror(errno));
		return false;
	}
	if (setgroups(1, &gid) != 0 || setresgid(gid, gid, gid) != 0 ||
		prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setresuid(uid, uid, uid) != 0 ||
		!keep_capability(net_admin) || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		snprintf(why, size, "cannot become user %u, group %u: %s", (unsigned)uid,
			(unsigned)gid, strerror(errno));
		return false;
	}
	if (setuid(0) == 0 || setgid(0) == 0) {
		snprintf(why, size, "the superuser's privileges could not be given up");
		return false;
	}
	return true;
}
