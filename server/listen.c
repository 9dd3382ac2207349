/*
 * listen.c - the sockets of the master server: which ones, and the certificates of those with TLS.
 *
 * Called once by main.  Most particular first: the command line, the logical name, the services
 * file, the place by default.
 */
#include "server/server.h"

#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/cry_tls.h"
#include "lib/ctl_uv.h"
#include "lib/log.h"
#include "lib/notify.h"

/* What listening needs beside the place: what the image before left, and what is taken of that. */
struct claim {
	const char *before; /* NULL: there was none */
	struct text taken;  /* names, a line each */
};

static enum status
listen_on(struct server *s, struct ctl_listen *l, struct claim *claim, const char *activated,
	char *why, size_t size)
{
	char name[PATH_MAX], at[NET_ENDPOINT_TEXT];
	enum status status;

	if (l->path != NULL)
		snprintf(name, sizeof(name), "%s", l->path);
	else
		snprintf(name, sizeof(name), "%s:%s", l->tls != NULL ? "tls" : "tcp",
			net_endpoint_text(at, sizeof(at), &l->at));
	l->fd = claim->before != NULL ? takeover_socket(claim->before, name, &l->keep) : -1;
	text_addf(&claim->taken, "%s\n", name);
	/* The service manager's, if it has made it for us: its name is not ours to remove. */
	if (activated != NULL && notify_listen_fd(activated) >= 0) {
		l->fd = l->fd > 0 ? l->fd : notify_listen_fd(activated);
		l->keep = true;
	}
	status = ctl_server_listen(s->control, l, why, size);
	if (status == ST_NORMAL)
		log_line(LOG_L_INFO, NULL, "listening on %s", name);
	return status;
}

static enum status
path_of(struct server *s, const char *file, const char *otherwise, char *path, size_t size)
{
	return lnm_file_spec(s->lnm, file != NULL ? file : otherwise, path, size);
}

/* The list of revoked certificates: that of the file has to be there, the one by default may. */
static enum status
revoked_file(struct server *s, const struct svc_conf *c, char *path, size_t size,
	const char **revoked)
{
	TRY(path_of(s, c->tls_revoked, SVC_TLS_REVOKED, path, size));
	*revoked = c->tls_revoked != NULL || access(path, F_OK) == 0 ? path : NULL;
	return ST_NORMAL;
}

enum status
server_tls_reload(struct server *s, struct text *said)
{
	const struct svc_conf *c = server_own_conf(s);
	char authority[PATH_MAX], revoked[PATH_MAX], why[512] = "";
	struct cry_tls_files files = { .authority = authority };
	bool expired = false;
	enum status status;

	if (s->tls == NULL || c == NULL)
		return ST_NORMAL;
	status = path_of(s, c->tls_authority, SVC_TLS_AUTHORITY, authority, sizeof(authority));
	if (status == ST_NORMAL)
		status = revoked_file(s, c, revoked, sizeof(revoked), &files.revoked);
	if (status == ST_NORMAL)
		status = cry_tls_ctx_renew(s->tls, &files, &expired, why, sizeof(why));
	if (status != ST_NORMAL) {
		text_addf(said, "TLS: %s; authority and revoked certificates stay as they were\n",
			why);
		return status;
	}
	if (expired)
		text_addf(said, "TLS: %s is past its time: no certificate is accepted until there "
			"is a new one\n", files.revoked);
	ctl_server_recheck(s->control);
	return ST_NORMAL;
}

static enum status
open_tls(struct server *s, const struct svc_conf *c, char *why, size_t size)
{
	char certificate[PATH_MAX], key[PATH_MAX], authority[PATH_MAX], revoked[PATH_MAX];
	struct cry_tls_files files = { certificate, key, authority, NULL };

	TRY(path_of(s, c->tls_certificate, SVC_TLS_CERTIFICATE, certificate, sizeof(certificate)));
	TRY(path_of(s, c->tls_key, SVC_TLS_KEY, key, sizeof(key)));
	TRY(path_of(s, c->tls_authority, SVC_TLS_AUTHORITY, authority, sizeof(authority)));
	TRY(revoked_file(s, c, revoked, sizeof(revoked), &files.revoked));
	return cry_tls_ctx_new(true, &files, &s->tls, why, size);
}

static enum status
listen_ip(struct server *s, struct claim *claim, char *why, size_t size)
{
	const struct svc_conf *c = server_own_conf(s);

	for (size_t i = 0; c != NULL && i < c->listens; i++) {
		struct ctl_listen l = { .at = c->listen[i].at, .role = c->listen[i].role };

		if (c->listen[i].tls && s->tls == NULL)
			TRY(open_tls(s, c, why, size));
		l.tls = c->listen[i].tls ? s->tls : NULL;
		TRY(listen_on(s, &l, claim, NULL, why, size));
	}
	return ST_NORMAL;
}

/* The service manager made the readers' socket: for this image, or for the one before it. */
static bool
reader_is_given(const struct claim *claim)
{
	bool theirs = false;

	return notify_listen_fd("reader") >= 0 || (claim->before != NULL &&
		takeover_socket(claim->before, SVC_READER_SOCKET, &theirs) >= 0 && theirs);
}

/* The group that packages make is the operators', where it is there and no other is named. */
static const char *
operators(const struct svc_file *f)
{
	return f->group != NULL ? f->group : getgrnam(SVC_GROUP) != NULL ? SVC_GROUP : NULL;
}

static enum status
listen_all(struct server *s, const struct server_places *places, struct claim *claim, char *why,
	size_t why_size)
{
	const struct svc_file *f = s->file;
	char logical[PATH_MAX], reader[PATH_MAX];
	struct ctl_listen l = { .path = places->socket, .mode = 0660, .everyone = true,
		.role = CTL_OPERATOR, .group = operators(f), .reader_group = f->reader_group };
	struct ctl_listen look = { .path = places->reader, .mode = 0666, .role = CTL_READER };

	if (l.path == NULL && lnm_translate(s->lnm, "MULTINET_NETCONTROL_SOCKET", logical,
				      sizeof(logical)) == ST_NORMAL)
		l.path = logical;
	if (l.path == NULL)
		l.path = f->socket != NULL ? f->socket : SVC_SOCKET;
	if (look.path == NULL && lnm_translate(s->lnm, "MULTINET_NETCONTROL_READER_SOCKET", reader,
					 sizeof(reader)) == ST_NORMAL)
		look.path = reader;
	if (look.path == NULL)
		look.path = f->reader_socket;
	if (look.path == NULL && reader_is_given(claim))
		look.path = SVC_READER_SOCKET;
	snprintf(s->socket, sizeof(s->socket), "%s", l.path);
	TRY(listen_on(s, &l, claim, "operator", why, why_size));
	if (look.path != NULL)
		TRY(listen_on(s, &look, claim, "reader", why, why_size));
	return listen_ip(s, claim, why, why_size);
}

enum status
server_listen(struct server *s, const struct server_places *places, const char *before, char *why,
	size_t why_size)
{
	struct claim claim = { .before = before };
	enum status status = listen_all(s, places, &claim, why, why_size);

	/* Who connected to what nobody listens on any more would wait for ever. */
	if (status == ST_NORMAL && before != NULL)
		takeover_drop(before, text_str(&claim.taken));
	text_free(&claim.taken);
	return status;
}
