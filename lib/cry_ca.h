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

#endif
