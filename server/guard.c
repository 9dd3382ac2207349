/*
 * guard.c - who may have a session with the server, and who may use which service.
 *
 * Called by ctl_uv.c for each connection and by route.c for each request to a service.  Over IP the
 * accept and reject lists decide first, then the rate; over TLS the certificate then gives the
 * role; on a Unix socket the kernel's word has given it already.  Refusals are written down, but
 * not so many of one source that they could hide the others.
 */
#include "server/server.h"

#include <stdio.h>
#include <string.h>

#include "lib/ctl_uv.h"
#include "lib/log.h"

const struct svc_conf *
server_own_conf(const struct server *s)
{
	return s->file != NULL ? svc_find(s->file, svc_internal_names[0]) : NULL;
}

/* Is this one to be written down? */
static bool
worth_a_line(struct server *s, const struct ctl_peer *peer)
{
	struct net_addr from = peer->kind == CTL_PEER_UNIX ? rate_of_uid(peer->uid) :
							     peer->from.addr;

	return rate_take(&s->refusals, &from, SERVER_REFUSALS_A_MINUTE, server_now(s));
}

static void
write_down(struct server *s, const struct ctl_peer *peer, enum status status)
{
	if (worth_a_line(s, peer))
		server_account(s, "NETCONTROL", peer->who, "connect", status);
}

/* The certificate's role: by the table, else by its OU, which the authority has put there. */
static enum ctl_role
role_of(const struct svc_conf *c, const struct ctl_peer *peer)
{
	for (size_t i = 0; i < c->subjects; i++)
		if (text_glob(c->subject[i].glob, peer->subject, false))
			return c->subject[i].role;
	if (c->subjects > 0)
		return CTL_NOBODY;
	if (text_same(peer->unit, "operator"))
		return CTL_OPERATOR;
	return text_same(peer->unit, "reader") ? CTL_READER : CTL_NOBODY;
}

static enum status
admit_ip(struct server *s, const struct svc_conf *c, struct ctl_peer *peer, char *message,
	size_t size)
{
	if (!acc_accepts(&c->access, &peer->from.addr, NULL)) {
		snprintf(message, size, "%s", c->reject_message != NULL ? c->reject_message : "");
		if (c->log_rejects)
			write_down(s, peer, ST_REJECTED);
		return ST_REJECTED;
	}
	if (!rate_take(&s->connects, &peer->from.addr, c->rate, server_now(s))) {
		if (c->log_rejects)
			write_down(s, peer, ST_TOOMANY);
		return ST_TOOMANY;
	}
	return ST_NORMAL;
}

static enum status
admit_certificate(struct server *s, const struct svc_conf *c, struct ctl_peer *peer)
{
	char from[NET_ENDPOINT_TEXT];

	snprintf(peer->who, sizeof(peer->who), "tls:%.80s@%s", peer->subject,
		net_endpoint_text(from, sizeof(from), &peer->from));
	peer->role = role_of(c, peer);
	if (peer->role != CTL_NOBODY)
		return ST_NORMAL;
	if (c->log_rejects)
		write_down(s, peer, ST_NOTPERM);
	return ST_NOTPERM;
}

enum status
server_admit(void *user, struct ctl_peer *peer, char *message, size_t size)
{
	struct server *s = user;
	const struct svc_conf *c = server_own_conf(s);
	enum status status = ST_NOTPERM;

	if (c == NULL)
		return status;
	switch (peer->kind) {
	case CTL_PEER_UNIX:
		if (peer->role != CTL_NOBODY)
			return ST_NORMAL;
		write_down(s, peer, ST_NOTPERM);
		snprintf(message, size, "%s is neither root nor in the operators' group",
			peer->who);
		return ST_NOTPERM;
	case CTL_PEER_TCP:
		status = admit_ip(s, c, peer, message, size);
		break;
	case CTL_PEER_TLS:
		if (peer->subject == NULL)
			return admit_ip(s, c, peer, message, size);
		status = admit_certificate(s, c, peer);
		break;
	}
	if (status == ST_NORMAL && c->log_accepts)
		log_line(LOG_L_INFO, NULL, "%s: connected as %s", peer->who,
			peer->role == CTL_OPERATOR ? "operator" : "reader");
	return status;
}

void
server_refused(void *user, const struct ctl_peer *peer, const char *why)
{
	struct server *s = user;
	const struct svc_conf *c = server_own_conf(s);

	if (c == NULL || !c->log_rejects || !worth_a_line(s, peer))
		return;
	log_line(LOG_L_WARNING, NULL, "%s: no session: %s", peer->who, why);
	account_add(s->accounts, when_wall(), "NETCONTROL", peer->who, why, ST_NOTTLS);
}

bool
server_may_use(struct ctl_call *call, struct svc *svc)
{
	const struct svc_conf *c = svc->conf;

	if (call->from == NULL || call->from->family == 0 || c == NULL ||
		acc_accepts(&c->access, call->from, NULL))
		return true;
	if (c->log_rejects)
		server_account(svc->server, svc->name, call->who, call->line, ST_REJECTED);
	if (c->reject_message != NULL)
		ctl_done(call, ST_REJECTED, "%s", c->reject_message);
	else
		ctl_done(call, ST_REJECTED, "%s", svc->name);
	return false;
}
