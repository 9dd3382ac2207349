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

/* REVOKE [name|file]: NAME.pem of the directory, or a file; without either the list is renewed. */
static enum nc_exit
revoke(struct nc *nc, const struct cmd *c, const char *directory, unsigned days)
{
	const char *name = c->words > 2 ? c->word[2] : NULL, *serial = cmd_qual(c, "SERIAL");
	char file[NC_PATH_MAX], why[512] = "";
	unsigned count = 0;
	enum status status;

	if (name != NULL && serial != NULL)
		return nc_say(NC_USAGE, ST_MAXPARM, "a name or /SERIAL");
	if (name == NULL || is_name(name))
		snprintf(file, sizeof(file), "%.3900s/%s%s", directory, name != NULL ? name : "",
			name != NULL && strstr(name, ".pem") == NULL ? ".pem" : "");
	else if (lnm_file_spec(nc->lnm, name, file, sizeof(file)) != ST_NORMAL)
		snprintf(file, sizeof(file), "%s", name);
	status = cry_ca_revoke(directory, name != NULL ? file : NULL, serial, days, &count, why,
		sizeof(why));
	if (status != ST_NORMAL)
		return nc_say(status == ST_ALREADY ? NC_DONE : NC_FAILED, status, "%s", why);
	printf("%s/revoked.pem: %u revoked, good for %u days; NETCONTROL RELOAD reads it\n",
		directory, count, days);
	return NC_DONE;
}

enum { KIND_AUTHORITY, KIND_CLIENT, KIND_SERVER, KIND_REVOKE };

enum nc_exit
nc_certificate(struct nc *nc, const struct cmd *c)
{
	static const char *const kinds[] = { "AUTHORITY", "CLIENT", "SERVER", "REVOKE", NULL };
	static const char *const roles[] = { "OPERATOR", "READER", NULL };
	static const char *const units[] = { "operator", "reader" };
	const char *given = cmd_qual(c, "DIRECTORY"), *role = cmd_qual(c, "ROLE");
	const char *name = c->words > 2 ? c->word[2] : NULL, *base = cmd_qual(c, "OUTPUT");
	int kind = verb_keyword(kinds, c->word[1]);
	struct cry_ca_request r = { .server = kind == KIND_SERVER, .name = name };
	char directory[NC_PATH_MAX], why[512] = "";
	enum status status;

	if (kind < 0)
		return nc_say(NC_USAGE, ST_IVKEYW, "\\%s\\, AUTHORITY, SERVER, CLIENT or "
			"REVOKE", c->word[1]);
	if (!days_of(c, &r.days))
		return nc_say(NC_USAGE, ST_IVPARM, "/DAYS=1 to %d", DAYS_MAX);
	if (name == NULL && kind == KIND_AUTHORITY)
		name = "NETCONTROL-authority";
	if (kind == KIND_REVOKE)
		name = "-";
	if (name == NULL || !is_name(name) || (base != NULL && !is_name(base)))
		return nc_say(NC_USAGE, ST_INSFPRM, "a name of letters, digits, . : - _ @, as in "
			"CERTIFICATE %s name", kinds[kind]);
	status = lnm_file_spec(nc->lnm, given != NULL ? given : "MULTINET:tls", directory,
		sizeof(directory));
	if (status != ST_NORMAL)
		return nc_say(NC_FAILED, status, "%s", given != NULL ? given : "MULTINET:tls");
	if (kind == KIND_REVOKE)
		return revoke(nc, c, directory, r.days);
	if (kind == KIND_AUTHORITY) {
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
