/*
 * priv_uv.c - the privileged process of privilege separation, and the worker's link to it.
 *
 * racoon forks before it opens anything: the child stays as it is and answers the requests of
 * priv.h, the parent becomes the worker.  The child reads racoon.conf anew for each LOAD and knows
 * from it which programs and ports there are; it has no socket but the pair and ends with the
 * worker.  It does one thing at a time, and nothing that a peer's octets could steer.
 */
#include "racoon/daemon/host_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipsec/sadb_dial.h"
#include "ipsec/sadb_encap.h"
#include "ipsec/sadb_link.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "racoon/conf/rc_ask.h"
#include "racoon/conf/rc_hashed.h"
#include "racoon/daemon/udp.h"

struct privileged {
	struct rd *d; /* as it was when it forked: configuration, options, logical names */
	int fd;
	uv_poll_t poll;
	uint32_t generation;
	bool mark_told;
	pid_t worker;
};

/* ------------------------------------------------------------------------- the privileged side */

/* What was asked of the system while the configuration was read, errors and all. */
static int
do_load(struct privileged *h, struct priv_answer *a)
{
	struct rc_tape tape = { 0 };
	struct rc_options options = h->d->rc_options;
	struct stmt_errors errors = { 0 };
	struct rc_config *config;
	int fd;

	options.tape = &tape;
	/* What is wrong with it, the worker will find and tell as well. */
	if (rc_load(h->d->config_file, &options, &config, &errors) == ST_NORMAL) {
		rc_free(h->d->config);
		h->d->config = config;
		h->generation++;
	}
	stmt_errors_free(&errors);
	a->generation = h->generation;
	fd = memfd_create("racoon.conf", MFD_CLOEXEC);
	if (fd >= 0 && (tape.octets.failed ||
		!file_write(fd, bytes_of(tape.octets.p, tape.octets.n)))) {
		close(fd);
		fd = -1;
		errno = EFBIG;
	}
	text_free(&tape.octets);
	return fd;
}

/* What is in the directory now: a list of yesterday would let in who was revoked today. */
static int
do_hashed(struct privileged *h)
{
	const char *dir = h->d->config->hashed_dir;
	struct text text = { 0 };
	int fd = -1;

	errno = ENOENT;
	if (dir != NULL && rc_hashed_read(dir, &text))
		fd = memfd_create("racoon.ca", MFD_CLOEXEC);
	if (fd >= 0 && !file_write(fd, bytes_of(text.p, text.n))) {
		close(fd);
		fd = -1;
		errno = ENOMEM;
	}
	text_free(&text);
	return fd;
}

static bool
is_our_port(const struct rd *d, uint16_t port)
{
	if (port == d->port || port == d->natt_port)
		return true;
	for (unsigned i = 0; i < d->config->listens; i++)
		if (d->config->listen[i].address.port == port)
			return true;
	return false;
}

static int
do_bind(struct privileged *h, const struct priv_request *q)
{
	int unmarked, fd;

	if (q->local.addr.family == 0 || !is_our_port(h->d, q->local.port)) {
		errno = EPERM;
		return -1;
	}
	fd = udp_open(&q->local, q->natt, &unmarked);
	rd_tell_unmarked(unmarked, &h->mark_told);
	return fd;
}

static int
do_dial(struct privileged *h, bool packets)
{
	char path[SADB_PATH_MAX];

	if (!packets)
		return sadb_dial(sadb_engine_path(h->d->options->sadb, path, sizeof(path)), false);
	if (sadb_encap_path(h->d->options->sadb, path, sizeof(path)))
		return sadb_dial(path, true);
	errno = ENAMETOOLONG;
	return -1;
}

static void
do_hook(struct privileged *h, const struct priv_request *q)
{
	static const enum ike_note_type types[RC_HOOKS] = { IKE_NOTE_PH1_UP, IKE_NOTE_PH1_DOWN,
		IKE_NOTE_PH1_DEAD };
	struct ike_note n = { .type = types[q->hook], .local = q->local, .remote = q->remote,
		.serial = q->serial, .peer_id = q->peer_id };

	if (q->generation != h->generation || q->section >= h->d->config->remotes) {
		log_line(LOG_L_ERROR, NULL, "a script is not run: it is of another configuration");
		return;
	}
	n.conf = h->d->config->remote[q->section];
	memcpy(n.cookie_i, q->cookie_i, sizeof(n.cookie_i));
	memcpy(n.cookie_r, q->cookie_r, sizeof(n.cookie_r));
	rd_hooks_note(h->d, &n);
}

/* Nobody answers there any longer: ours, or one that was left behind. */
static void
remove_dead_socket(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	if (path == NULL || strlen(path) >= sizeof(un.sun_path))
		return;
	strcpy(un.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0 &&
		errno == ECONNREFUSED)
		(void)unlink(path);
	if (fd >= 0)
		close(fd);
}

static void
do_end(struct privileged *h)
{
	char pidfile[RC_PATH_MAX];

	remove_dead_socket(rd_control_path(h->d));
	if (rd_pidfile_path(h->d, pidfile, sizeof(pidfile)))
		(void)unlink(pidfile);
}

/* The descriptor to be sent, or -1; 0 or an errno in *a. */
static int
perform(struct privileged *h, const struct priv_request *q, struct priv_answer *a)
{
	int fd = -1;

	errno = 0;
	switch (q->op) {
	case PRIV_LOAD:
		fd = do_load(h, a);
		break;
	case PRIV_BIND:
		fd = do_bind(h, q);
		break;
	case PRIV_DIAL:
		fd = do_dial(h, q->packets);
		break;
	case PRIV_HASHED:
		fd = do_hashed(h);
		break;
	case PRIV_JOURNAL_NEW:
		fd = rd_journal_file_new(h->d);
		break;
	case PRIV_JOURNAL_TAKE:
	case PRIV_JOURNAL_GONE:
		a->error = rd_journal_file_do(h->d, q->op == PRIV_JOURNAL_TAKE) ? 0 : errno;
		return -1;
	case PRIV_END:
		do_end(h);
		return -1;
	case PRIV_HOOK:
	case PRIV_OPS:
		break;
	}
	a->error = fd < 0 ? errno : 0;
	return fd;
}

static void
answer(struct privileged *h, const struct priv_request *q)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct priv_answer a = { 0 };
	struct iovec iov = { &a, sizeof(a) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = perform(h, q, &a);
	struct cmsghdr *c;

	if (fd >= 0) {
		m.msg_control = control.room;
		m.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	if (sendmsg(h->fd, &m, MSG_NOSIGNAL) < 0)
		log_line(LOG_L_ERROR, NULL, "the worker cannot be answered: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void
on_request(uv_poll_t *poll, int status, int events)
{
	struct privileged *h = poll->data;
	uint8_t buf[PRIV_MESSAGE_MAX];
	ssize_t n = recv(h->fd, buf, sizeof(buf), MSG_DONTWAIT);
	struct priv_request q;

	(void)status;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* the worker is gone: what waits is run, and nobody waits for it */
		rd_hooks_close(h->d);
		uv_stop(poll->loop);
		return;
	}
	if (!priv_get(bytes_of(buf, (size_t)n), &q)) {
		log_line(LOG_L_ERROR, NULL, "the worker asks for what nobody asks for: ending it");
		(void)kill(h->worker, SIGKILL);
		uv_stop(poll->loop);
		return;
	}
	if (q.op == PRIV_HOOK)
		do_hook(h, &q);
	else
		answer(h, &q);
}

static void
serve(struct rd *d, int fd, pid_t worker)
{
	static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE };
	struct privileged h = { .d = d, .fd = fd, .worker = worker };

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	list_init(&d->hooks_waiting);
	list_init(&d->hooks_active);
	if (uv_loop_init(&d->loop) != 0 || uv_poll_init(&d->loop, &h.poll, fd) != 0)
		_exit(EXIT_FAILURE);
	h.poll.data = &h;
	uv_poll_start(&h.poll, UV_READABLE, on_request);
	log_line(LOG_L_INFO, NULL, "racoon privileged process running with PID %d", (int)getpid());
	uv_run(&d->loop, UV_RUN_DEFAULT);
	log_line(LOG_L_INFO, NULL, "racoon privileged process %d terminated", (int)getpid());
	rc_free(d->config); /* wipes its keys */
	_exit(EXIT_SUCCESS);
}

/* -------------------------------------------------------------------------- the worker's side */

static int
dial_for(void *user, bool packets)
{
	return priv_dial(user, packets);
}

static void
on_lost(uv_poll_t *poll, int status, int events)
{
	struct rd *d = poll->data;

	(void)status;
	(void)events;
	uv_poll_stop(poll);
	if (d->ending)
		return;
	log_line(LOG_L_ERROR, NULL, "the privileged process is gone: ending");
	d->exit_status = EXIT_FAILURE;
	(void)rd_shutdown(d, NULL, NULL);
}

bool
rd_priv_fork(struct rd *d)
{
	pid_t worker = getpid(), child;
	int pair[2];

	if (!d->config->privsep.on)
		return true;
	if (geteuid() != 0) {
		log_line(LOG_L_ERROR, NULL,
			"privsep: only the superuser's racoon can become another user");
		return false;
	}
	/* Inside a chroot there is no provider to be loaded any longer. */
	if (cry_allow_legacy(d->cry) != ST_NORMAL)
		log_line(LOG_L_DEBUG, NULL, "OpenSSL's legacy provider is not available");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	child = fork();
	if (child == 0) {
		close(pair[0]);
		if (d->channel >= 0)
			close(d->channel);
		serve(d, pair[1], worker);
	}
	close(pair[1]);
	if (child < 0)
		log_line(LOG_L_ERROR, NULL, "privsep: %s", strerror(errno));
	d->priv = child < 0 ? NULL : priv_new(pair[0]);
	if (child < 0)
		close(pair[0]);
	d->privileged = child;
	return d->priv != NULL;
}

/* Does the kernel keep the SAs?  Then each of our requests needs CAP_NET_ADMIN. */
static bool
kernel_has_sadb(const struct rd *d)
{
	struct sadb_link *link;
	char why[4 * SADB_WHY];
	bool kernel;

	if (sadb_link_open(NULL, d->options->sadb, &link, why, sizeof(why)) != ST_NORMAL)
		return false; /* no kernel's, then: ipsecd will come */
	kernel = strcmp(link->ops->name, "engine") != 0;
	sadb_link_close(link);
	return kernel;
}

bool
rd_priv_drop(struct rd *d)
{
	const struct rc_privsep *p = &d->config->privsep;
	bool kernel;
	char why[256];

	if (d->priv == NULL)
		return true;
	kernel = kernel_has_sadb(d);
	if (!priv_drop(p, kernel, why, sizeof(why))) {
		log_line(LOG_L_ERROR, NULL, "privsep: %s", why);
		return false;
	}
	sadb_dial_by(dial_for, d->priv);
	if (uv_poll_init(&d->loop, &d->priv_poll, priv_fd(d->priv)) == 0) {
		d->priv_poll.data = d;
		uv_poll_start(&d->priv_poll, UV_DISCONNECT, on_lost);
	}
	log_line(LOG_L_INFO, NULL,
		"racoon unprivileged process running with PID %d (user %u, group %u, root %s%s)",
		(int)getpid(), (unsigned)p->uid, (unsigned)p->gid,
		p->chroot == NULL ? "/" : p->chroot, kernel ? ", CAP_NET_ADMIN" : "");
	return true;
}

/* The privileged process's reading of the configuration, to be played. */
bool
rd_priv_load(struct rd *d, struct rc_tape *tape)
{
	char buf[16384];
	ssize_t n;
	int fd = priv_load(d->priv);

	*tape = (struct rc_tape){ .octets = { .limit = RC_TAPE_MAX }, .playing = true };
	if (fd < 0) {
		log_line(LOG_L_ERROR, NULL,
			"the privileged process cannot read the configuration: %s",
			strerror(errno));
		return false;
	}
	for (off_t at = 0; (n = pread(fd, buf, sizeof(buf), at)) > 0; at += n)
		text_add_n(&tape->octets, buf, (size_t)n);
	wipe(buf, sizeof(buf));
	close(fd);
	return n == 0 && !tape->octets.failed;
}

void
rd_priv_close(struct rd *d)
{
	if (d->priv != NULL && d->priv_poll.data != NULL)
		uv_close((uv_handle_t *)&d->priv_poll, NULL);
}

/* After the loop: what only the privileged process can remove, it removes. */
void
rd_priv_end(struct rd *d)
{
	bool answered;

	if (d->priv == NULL)
		return;
	answered = priv_do(d->priv, PRIV_END);
	sadb_dial_by(NULL, NULL);
	priv_free(d->priv); /* and so it ends */
	d->priv = NULL;
	if (answered)
		(void)waitpid(d->privileged, NULL, 0);
}
