/*
 * internal.c - the services that are part of the server, a row each.
 *
 * Used by server.c when it sets up services, and by route.c.  A row is all that a new one takes: it
 * is listed, started, stopped, asked for HELP and guarded by access lists like any other.
 */
#include "server/server.h"

#include <string.h>

const struct svc_internal svc_internals[] = {
	{ .name = "NETCONTROL", .verbs = server_verbs, .always = true,
		.help = "the master server itself" },
	{ .name = "LOGICALS", .verbs = logicals_verbs, .raw = true,
		.help = "the logical names that all services share" },
	{ .name = NULL },
};

const struct svc_internal *
svc_internal_row(const char *name)
{
	for (const struct svc_internal *i = svc_internals; name != NULL && i->name != NULL; i++)
		if (strcmp(i->name, name) == 0)
			return i;
	return NULL;
}
