/*
 * auth_plain.h - RSA keys without certificates: the files of certificate_type plain_rsa and
 * peers_certfile plain_rsa, as plainrsa-gen writes them.
 *
 *	[FROM [TO]] : RSA { Modulus: 0x… PublicExponent: 0x… … Coefficient: 0x… }
 *	[FROM [TO]] : PUB 0s<base64 of the key, RFC 3110 2>
 *
 * FROM and TO are addresses, prefixes or `any`: FROM has the key, TO is whom it is used with.
 */
#ifndef RACOON_AUTH_AUTH_PLAIN_H
#define RACOON_AUTH_AUTH_PLAIN_H

#include "lib/arena.h"
#include "lib/cry_sign.h"
#include "lib/net.h"
#include "lib/text.h"

enum { AUTH_PLAIN_MAX = 10000 /* keys in one file */ };

struct auth_plain {                 /* one entry */
	struct net_prefix from, to; /* family 0: any */
	struct cry_key *key;        /* a reference of the list's */
};
struct auth_plains {
	struct auth_plain *entry;
	size_t count, room;
};

/*
 * Read a file's text.  want_private: only RSA entries count, and there has to be one; else only
 * PUB entries (an RSA entry is refused: it does not belong into a file of others' keys).
 * ST_BADKEY; why has the line and what was expected.
 */
enum status auth_plain_read(struct bytes text, bool want_private, struct auth_plains *out,
	char *why, size_t size) ATTR_NODISCARD;
void auth_plain_free(struct auth_plains *p);
/*
 * The keys for a pair of ends, those of the most specific entries: up to `room` borrowed
 * pointers.  from: whose key it is.
 */
size_t auth_plain_find(const struct auth_plains *p, const struct net_addr *from,
	const struct net_addr *to, struct cry_key **out, size_t room);

/* "0s<base64>" of a public half. */
enum status auth_plain_public(const struct cry_key *k, struct text *out) ATTR_NODISCARD;
/* A private entry, as plainrsa-gen prints it; or, of a public key, its PUB entry. */
enum status auth_plain_print(const struct cry_key *k, struct text *out) ATTR_NODISCARD;

#endif
