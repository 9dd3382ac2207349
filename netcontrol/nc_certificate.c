/*
 * nc_certificate.c - CERTIFICATE: a private authority and certificates for NETCONTROL over TLS.
 *
 * Called by the console.  The files are made where server and console look for them.
 */
#include "netcontrol/nc_console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry_ca.h"

enum { DAYS_DEFAULT = 825, DAYS_MAX = 36500, NAME_LEN_MAX = 64 };

static bool
days_of(const struct cmd *c, unsigned *days)
{
	const char *value = cmd_qual(c, "DAYS");
	char *end;
	unsigned long n;

	*days = DAYS_DEFAULT;
	if (value == NULL)
		return true;
	n = strtoul(value, &end, 10);
	*days = (unsigned)n;
	return *end == '\0' && value[0] != '-' && n >= 1 && n <= DAYS_MAX;
}

/* A name that can stand in a certificate and in a file's name. */
static bool
is_name(const char *s)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789.:-_@";
	size_t n = strlen(s);

	return n > 0 && n <= NAME_LEN_MAX && s[0] != '.' && strspn(s, allowed) == n;
}

enum nc_exit
nc_certificate(struct nc *nc, const struct cmd *c)
{
	static const char *const kinds[] = { "AUTHORITY", "CLIENT", "SERVER", NULL };
	static const char *const roles[] = { "OPERATOR", "READER", NULL };
	static const char *const units[] = { "operator", "reader" };
	const char *given = cmd_qual(c, "DIRECTORY"), *role = cmd_qual(c, "ROLE");
	const char *name = c->words > 2 ? c->word[2] : NULL, *base = cmd_qual(c, "OUTPUT");
	int kind = verb_keyword(kinds, c->word[1]);
	struct cry_ca_request r = { .server = kind == 2, .name = name };
	char directory[NC_PATH_MAX], why[512] = "";
	enum status status;

	if (kind < 0)
		return nc_say(NC_USAGE, ST_IVKEYW, "\\%s\\, AUTHORITY, SERVER or CLIENT",
			c->word[1]);
	if (!days_of(c, &r.days))
		return nc_say(NC_USAGE, ST_IVPARM, "/DAYS=1 to %d", DAYS_MAX);
	if (name == NULL && kind == 0)
		name = "NETCONTROL-authority";
	if (name == NULL || !is_name(name) || (base != NULL && !is_name(base)))
		return nc_say(NC_USAGE, ST_INSFPRM, "a name of letters, digits, . : - _ @, as in "
			"CERTIFICATE %s name", kinds[kind]);
	status = lnm_file_spec(nc->lnm, given != NULL ? given : "MULTINET:tls", directory,
		sizeof(directory));
	if (status != ST_NORMAL)
		return nc_say(NC_FAILED, status, "%s", given != NULL ? given : "MULTINET:tls");
	if (kind == 0) {
		base = "authority";
		status = cry_ca_new(directory, name, r.days, why, sizeof(why));
	} else {
		int which = role != NULL ? verb_keyword(roles, role) : 1;

		r.unit = r.server ? "server" : which >= 0 ? units[which] : NULL;
		base = base != NULL ? base : r.server ? "server" : "client";
		r.base = base;
		status = r.unit == NULL ? ST_IVKEYW :
			cry_ca_issue(directory, &r, why, sizeof(why));
	}
	if (status != ST_NORMAL)
		return nc_say(NC_FAILED, status, "%s", why);
	printf("%s/%s.pem\n%s/%s.key\n", directory, base, directory, base);
	return NC_DONE;
}
