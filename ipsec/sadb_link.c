/*
 * sadb_link.c - which SA database is used: the one that was named, or the first that works.
 *
 * Called by both clients each time they connect.  A kernel database that was not named counts only
 * when it can protect packets: many kernels answer NETLINK_XFRM without having ESP.
 */
#include "ipsec/sadb_link.h"

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
		return backend_xfrm_open(false, out, why, why_size);
	if (text_same(backend, "pfkey"))
		return backend_pfkey_open(false, out, why, why_size);
	automatic = text_same(backend, "auto");
	if (!automatic && !text_same(backend, "engine")) {
		snprintf(why, why_size,
			"backend %s is not known, expected auto, xfrm, pfkey or engine", backend);
		return ST_NOBACKEND;
	}
	if (!automatic || (path != NULL && path[0] != '\0'))
		return backend_engine_open(path, out, why, why_size);
	if (backend_xfrm_open(true, out, xfrm, sizeof(xfrm)) == ST_NORMAL ||
		backend_pfkey_open(true, out, pfkey, sizeof(pfkey)) == ST_NORMAL ||
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
