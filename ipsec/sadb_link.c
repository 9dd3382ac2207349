/*
 * sadb_link.c - which SA database is used: the one that was named, or the first that works.
 *
 * Called by both clients each time they connect.  A kernel database that was not named counts only
 * when it can protect packets: many kernels answer NETLINK_XFRM without having ESP.
 */
#include "ipsec/sadb_link.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/text.h"
#include "logicals/lnm.h"

enum { NAME_MAX_OCTETS = 64 };

static bool
logical_backend(char *buf, size_t size)
{
	struct lnm *l = lnm_new();
	struct text errors = { 0 };
	bool found;

	if (l == NULL)
		return false;
	/* A file of logical names with errors is for others to report; the environment stays. */
	found = (lnm_load(l, &errors) == ST_NORMAL ||
			lnm_load_environment(l, environ) == ST_NORMAL) &&
		lnm_translate(l, "MULTINET_IPSEC_BACKEND", buf, size) == ST_NORMAL;
	text_free(&errors);
	lnm_free(l);
	return found;
}

/*
 * Can the kernel do ESP?  An update of an SA that does not exist is checked to its end, protocol
 * and algorithms included, before it fails with ESRCH; so nothing is ever made.
 */
static bool
protects(struct sadb_link *l, char *why, size_t why_size)
{
	struct sadb_msg m = { .op = SADB_OP_UPDATE, .has_sa = true };
	struct sadb_came c;
	bool queued;

	m.sa.proto = SA_ESP;
	m.sa.mode = SA_TUNNEL;
	m.sa.src.addr = net_ipv4(0xc0000201); /* RFC 5737: in no use */
	m.sa.dst.addr = net_ipv4(0xc0000202);
	m.sa.spi = SA_SPI_MIN + (uint32_t)getpid();
	m.sa.encr = alg_by_name(ALG_ENCR, "aes-cbc");
	m.sa.encr_key.octets = 16;
	m.sa.auth = alg_by_name(ALG_AUTH, "hmac-sha1");
	m.sa.auth_key.octets = 20;
	if (sadb_link_send(l, 0, &m, &queued) != ST_NORMAL || !queued ||
		sadb_link_next(l, &c) != SADB_GOT_ANSWER) {
		snprintf(why, why_size, "%s: no answer", l->ops->name);
		return false;
	}
	if (c.msg.error != ESRCH)
		snprintf(why, why_size, "%s: the kernel cannot do IPsec: %s", l->ops->name,
			c.msg.why != NULL ? c.msg.why : strerror(c.msg.error));
	return c.msg.error == ESRCH;
}

static enum status
protecting(enum status (*open)(struct sadb_link **out, char *why, size_t why_size),
	struct sadb_link **out, char *why, size_t why_size)
{
	TRY(open(out, why, why_size));
	if (protects(*out, why, why_size))
		return ST_NORMAL;
	sadb_link_close(*out);
	*out = NULL;
	return ST_NOBACKEND;
}

enum status
sadb_link_open(const char *backend, const char *path, struct sadb_link **out, char *why,
	size_t why_size)
{
	char named[NAME_MAX_OCTETS], xfrm[SADB_WHY] = "", pfkey[SADB_WHY] = "", own[SADB_WHY] = "";
	bool automatic;

	*out = NULL;
	if (backend == NULL)
		backend = logical_backend(named, sizeof(named)) ? named : "auto";
	if (text_same(backend, "xfrm"))
		return backend_xfrm_open(out, why, why_size);
	if (text_same(backend, "pfkey"))
		return backend_pfkey_open(out, why, why_size);
	automatic = text_same(backend, "auto");
	if (!automatic && !text_same(backend, "engine")) {
		snprintf(why, why_size,
			"backend %s is not known, expected auto, xfrm, pfkey or engine", backend);
		return ST_NOBACKEND;
	}
	if (!automatic || (path != NULL && path[0] != '\0'))
		return backend_engine_open(path, out, why, why_size);
	if (protecting(backend_xfrm_open, out, xfrm, sizeof(xfrm)) == ST_NORMAL ||
		protecting(backend_pfkey_open, out, pfkey, sizeof(pfkey)) == ST_NORMAL ||
		backend_engine_open(path, out, own, sizeof(own)) == ST_NORMAL)
		return ST_NORMAL;
	snprintf(why, why_size, "%s; %s; %s", own, xfrm, pfkey);
	return ST_NOBACKEND;
}

void
sadb_link_close(struct sadb_link *l)
{
	if (l != NULL)
		l->ops->close(l);
}

void
sadb_link_refuse(struct sadb_link *l, uint32_t token, const struct sadb_msg *m, int error,
	const char *fmt, ...)
{
	va_list ap;

	l->refusal.is = true;
	l->refusal.token = token;
	l->refusal.op = m->op;
	l->refusal.error = error;
	va_start(ap, fmt);
	vsnprintf(l->refusal.why, sizeof(l->refusal.why), fmt, ap);
	va_end(ap);
}

bool
sadb_link_refused(struct sadb_link *l, struct sadb_came *out)
{
	if (!l->refusal.is)
		return false;
	l->refusal.is = false;
	memset(out, 0, sizeof(*out));
	out->token = l->refusal.token;
	out->msg.op = l->refusal.op;
	out->msg.error = l->refusal.error;
	out->msg.why = l->refusal.why;
	return true;
}
