/*
 * cry_ca.h - a private authority and the certificates it signs, for NETCONTROL over TLS.
 *
 * Called by the console's CERTIFICATE command.  Makes files and never overwrites one: keys are
 * P-256 (mode 0600, not encrypted), certificates PEM.  The role of a client is its OU.
 */
#ifndef LIB_CRY_CA_H
#define LIB_CRY_CA_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/status.h"

struct cry_ca_request {
	const char *name;  /* CN; of a server also its subjectAltName: a host name or an address */
	const char *unit;  /* OU, or NULL */
	bool server;       /* for a server, else for a client */
	unsigned days;     /* from now */
	const char *base;  /* files DIRECTORY/BASE.pem and DIRECTORY/BASE.key */
};

/* DIRECTORY/authority.pem and .key; the directory is made. ST_ALREADY, ST_SYSERR, ST_FAILED. */
enum status cry_ca_new(const char *directory, const char *name, unsigned days, char *why,
	size_t why_size) ATTR_NODISCARD;
/* Signed by that authority. ST_NOFILE, ST_ALREADY, ST_SYSERR, ST_FAILED. */
enum status cry_ca_issue(const char *directory, const struct cry_ca_request *r, char *why,
	size_t why_size) ATTR_NODISCARD;

/*
 * DIRECTORY/revoked.pem, the authority's revocation list, with one certificate more: that of the
 * file (PEM), or the one of this serial number (hexadecimal; file NULL).  The list is made when
 * there is none, replaced in one step, and good for `days` from now.  *count: how many are on it.
 * Both NULL: the list as it is, good for longer.  ST_NOFILE, ST_ALREADY, ST_SYSERR, ST_FAILED.
 */
enum status cry_ca_revoke(const char *directory, const char *file, const char *serial,
	unsigned days, unsigned *count, char *why, size_t why_size) ATTR_NODISCARD;

#endif
