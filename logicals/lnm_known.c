/*
 * lnm_known.c - the logical names that the documents of this system give a meaning, as rows; and
 * names as a program's environment.
 *
 * Called by the LOGICALS service, by `logical show /known` and by whoever starts programs.  A row
 * does not make a name act: its reader does.
 */
#include "logicals/lnm.h"

#include <stdlib.h>
#include <string.h>

const struct lnm_known lnm_known[] = {
	{ "MULTINET", "all", false, "directory[,directory]",
		"where configuration files are: MULTINET:RACOON.CONF" },
	{ "MULTINET_COMMON_ROOT", "all", false, "directory",
		"device of files that hosts share; for use in specifications" },
	{ "MULTINET_HOST_NAME", "RACOON", false, "address or host name",
		"local address of ESTABLISH when none is given" },
	{ "MULTINET_LOGICALS", "all", false, "path",
		"file of the system table, as an environment variable" },
	{ "MULTINET_NETCONTROL_AUTHORITY", "console", false, "file",
		"authority of servers that /HOST reaches (MULTINET:tls/authority.pem)" },
	{ "MULTINET_NETCONTROL_CERTIFICATE", "console", false, "file",
		"certificate that the console shows them (MULTINET:tls/client.pem)" },
	{ "MULTINET_NETCONTROL_KEY", "console", false, "file",
		"its private key (MULTINET:tls/client.key)" },
	{ "MULTINET_NETCONTROL_READER_SOCKET", "NETCONTROL", false, "path",
		"control socket of those who may only look" },
	{ "MULTINET_NETCONTROL_SOCKET", "NETCONTROL", false, "path",
		"control socket of the operators" },
	{ "MULTINET_RACOON2_BINARY_IPV4_SUBJECTALTNAME", "IKED", true, "TRUE|FALSE",
		"IPv4 subjectAltName in binary (TRUE when not defined)" },
	{ "MULTINET_RACOON2_BINARY_IPV6_SUBJECTALTNAME", "IKED", true, "TRUE|FALSE",
		"IPv6 subjectAltName in binary (TRUE when not defined)" },
	{ "MULTINET_RACOON2_IKEV1_MORE_DEFAULT_KEYLENS", "IKED", true, "TRUE|FALSE",
		"offer more key lengths by default (TRUE when not defined)" },
	{ "MULTINET_ROOT", "all", false, "directory",
		"device of this host's files; for use in specifications" },
	{ "MULTINET_SVCORDER", "SPMD", true, "LOCAL|BIND, or both",
		"where names are looked up: HOSTS.LOCAL, name server (BIND)" },
	{ "SSL$CERTS", "all", false, "directory",
		"device of certificates, as VMS's OpenSSL has it; for use in specifications" },
	{ "SSL$CONF", "all", false, "directory",
		"device of OpenSSL's configuration; for use in specifications" },
	{ "SSLCERTS", "IKED", true, "directory", "certificates of authorities, PEM" },
	{ NULL, NULL, false, NULL, NULL },
};

const struct lnm_known *
lnm_known_name(const char *name)
{
	for (const struct lnm_known *k = lnm_known; k->name != NULL; k++)
		if (text_same(k->name, name))
			return k;
	return NULL;
}

/* ------------------------------------------------------------ environment --- */

/* Everything but `=` may stand in a variable's name; blanks would only confuse. */
static bool
may_be_variable(const char *name)
{
	return strpbrk(name, "= \t:;,\"'\\/") == NULL && !(name[0] >= '0' && name[0] <= '9');
}

/* Offsets into made, not pointers: it grows. */
static size_t
write_names(const struct lnm *l, struct text *made, size_t *offset, size_t max)
{
	const struct lnm_name *n;
	enum lnm_table first;
	size_t count = 0;

	for (enum lnm_table t = LNM_PROCESS; t < LNM_TABLES; t++)
		for (size_t i = 0; count < max && (n = lnm_at(l, t, i)) != NULL; i++) {
			/* Hidden by an earlier table, or an inner mode of the same name. */
			if (lnm_find(l, n->name, &first) != n || first != t ||
				!may_be_variable(n->name))
				continue;
			offset[count++] = made->n;
			text_addf(made, "%s=", n->name);
			for (size_t v = 0; v < n->count; v++)
				text_addf(made, "%s%s", v > 0 ? "," : "", n->value[v].text);
			text_add_n(made, "", 1);
		}
	return count;
}

char **
lnm_environment(const struct lnm *l, char *const *base, struct text *made)
{
	size_t max = 0, n = 0, k = 0, names, *offset;
	char **env;

	for (enum lnm_table t = LNM_PROCESS; t < LNM_TABLES; t++)
		for (size_t i = 0; lnm_at(l, t, i) != NULL; i++)
			max++;
	while (base[n] != NULL)
		n++;
	offset = calloc(max + 1, sizeof(*offset));
	env = calloc(max + n + 1, sizeof(*env));
	names = offset != NULL && env != NULL ? write_names(l, made, offset, max) : 0;
	if (offset == NULL || env == NULL || made->failed) {
		free(offset);
		free(env);
		return NULL;
	}
	for (size_t i = 0; i < names; i++)
		env[k++] = made->p + offset[i];
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(base[i], "=");
		bool hidden = false;

		for (size_t j = 0; j < names && !hidden; j++)
			hidden = strncmp(env[j], base[i], len + 1) == 0;
		if (!hidden)
			env[k++] = base[i];
	}
	free(offset);
	return env;
}
