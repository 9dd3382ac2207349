/*
 * cry_tls.h - TLS 1.3 with certificates on both sides (RFC 8446), octets in and octets out.
 *
 * For NETCONTROL between hosts: the server's glue on libuv (ctl_uv.c) and the console, which waits
 * with poll, feed it what they read and send what it gives.  Does no input or output of its own but
 * reading certificate files.  Neither side gets an octet of data from a peer, or sends it one,
 * before the peer's certificate has been checked against the authority and the handshake is done.
 */
#ifndef LIB_CRY_TLS_H
#define LIB_CRY_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/bytes.h"
#include "lib/status.h"

struct cry_tls_ctx; /* certificates: one for all connections */
struct cry_tls;     /* one connection */

enum cry_tls_state {
	CRY_TLS_HANDSHAKE, /* no data yet */
	CRY_TLS_OPEN,
	CRY_TLS_CLOSED,    /* the peer ended it in order */
	CRY_TLS_FAILED,    /* cry_tls_why tells; what cry_tls_output gives is still to be sent */
};

enum { CRY_TLS_SUBJECT_MAX = 256 };

struct cry_tls_files { /* PEM */
	const char *certificate, *key; /* ours; intermediate certificates follow in the file */
	const char *authority;         /* who signs the other side's */
	const char *revoked;           /* CRLs of its, or NULL: nothing is looked up */
};

/* ST_NOFILE, ST_FILEPROT (the key is open to others), ST_FAILED, with why. */
enum status cry_tls_ctx_new(bool server, const struct cry_tls_files *files,
	struct cry_tls_ctx **out, char *why, size_t why_size) ATTR_NODISCARD;
/*
 * Authority and revoked certificates anew, for handshakes from now on; *expired: a list is past its
 * time, so that nobody is let in.  A failure changes nothing.  ST_NOFILE, ST_FAILED, with why.
 */
enum status cry_tls_ctx_renew(struct cry_tls_ctx *ctx, const struct cry_tls_files *files,
	bool *expired, char *why, size_t why_size) ATTR_NODISCARD;
void cry_tls_ctx_free(struct cry_tls_ctx *ctx); /* NULL is fine; connections go first */

/* peer: a client names whom it wants to reach, a host name or an address; a server gives NULL. */
struct cry_tls *cry_tls_new(struct cry_tls_ctx *ctx, const char *peer); /* NULL: out of memory */
void cry_tls_free(struct cry_tls *t);
/* What came from the network; take data and output afterwards, whatever it returns. */
enum cry_tls_state cry_tls_input(struct cry_tls *t, struct bytes octets);
size_t cry_tls_read(struct cry_tls *t, void *out, size_t size);  /* data; 0: none now */
bool cry_tls_write(struct cry_tls *t, struct bytes data);        /* false: not open, or failed */
size_t cry_tls_output(struct cry_tls *t, void *out, size_t size); /* for the network; 0: none now */
void cry_tls_close(struct cry_tls *t);                           /* say good-bye; then output */
enum cry_tls_state cry_tls_state(const struct cry_tls *t);
const char *cry_tls_why(const struct cry_tls *t);
/* Subject of the peer's certificate, "CN=ops1,OU=operator", printable; "" before it is known. */
const char *cry_tls_subject(const struct cry_tls *t);
const char *cry_tls_unit(const struct cry_tls *t); /* its OU, "" when it has none */
/* Would the peer's certificate be let in now, after cry_tls_ctx_renew?  False: cry_tls_why. */
bool cry_tls_is_good_still(struct cry_tls *t);

#endif
