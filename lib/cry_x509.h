/*
 * cry_x509.h - X.509 certificates and distinguished names: reading, naming, trusting.
 *
 * Certificates of the configuration are counted references (cry_sign.h says why).  A peer's
 * certificate is untrusted octets until cry_proof_verify has said otherwise.  Nothing here looks
 * at a clock: the time of a check is passed in.  Only a hashed directory is read when a chain is
 * verified, by the job that verifies it or for it, so that a new revocation list counts at once.
 */
#ifndef LIB_CRY_X509_H
#define LIB_CRY_X509_H

#include "lib/cry_sign.h"
#include "lib/text.h"

struct cry_cert;

/*
 * All certificates of a PEM text, or the one of a DER text, up to `room`.  ST_BADCERT: none, or
 * one that cannot be read.
 */
enum status cry_certs_read(
	struct bytes text, struct cry_cert **out, size_t room, size_t *count) ATTR_NODISCARD;
struct cry_cert *cry_cert_ref(struct cry_cert *c);
void cry_cert_free(struct cry_cert *c); /* drops a reference; NULL is fine */

struct bytes cry_cert_der(const struct cry_cert *c);     /* views, as long as c lives */
struct bytes cry_cert_subject(const struct cry_cert *c); /* DER of the name */
struct bytes cry_cert_issuer(const struct cry_cert *c);
bool cry_cert_is_root(const struct cry_cert *c); /* subject is issuer */
/* Its public key. ST_BADKEY. */
enum status cry_cert_key(
	const struct cry_cert *c, struct cry_key **out, const char **why) ATTR_NODISCARD;
/* Valid from and until, seconds since 1970. */
void cry_cert_days(const struct cry_cert *c, int64_t *from, int64_t *until);
/* Does it name this: its subject, or one of its subjectAltNames (exactly; RFC 4945 5.1)? */
bool cry_cert_names(const struct cry_cert *c, enum cry_name_type type, struct bytes name);
/* Several lines, as an operator wants to see them: names, days, key. */
void cry_cert_print(const struct cry_cert *c, struct text *out);

/* ------------------------------------------------------------------------ distinguished names */

/* "C=DE, O=Example, CN=gw" from the DER of a name; "," and what is not printable are escaped.
 * Never more than size; a name that cannot be read comes as hexadecimal. */
char *cry_dn_text(char *buf, size_t size, struct bytes der);
/*
 * The reverse: "C=DE, O=Example, CN=gw" or "/C=DE/O=Example/CN=gw" to DER, n octets at out.
 * "\," is a comma within a value.  False, with the reason.
 */
bool cry_dn_parse(const char *text, uint8_t *out, size_t size, size_t *n, const char **why);
/*
 * Is `name` what `pattern` asks for?  The same components in the same order, values equal without
 * regard to case, string type and doubled blanks (RFC 5280 7.1); a pattern's value of "*" is any.
 */
bool cry_dn_match(struct bytes pattern, struct bytes name);

/* --------------------------------------------------------------------------------------- trust */

/* Whom to believe: CA certificates and revocation lists; dir is a hashed directory, or NULL. */
struct cry_trust *cry_trust_new(const char *dir);
/* Has it a hashed directory?  Where this process cannot read that, whoever can gives what is in it
 * with each proof (cry_proof.hashed).  NULL: no. */
bool cry_trust_has_dir(const struct cry_trust *t);
struct cry_trust *cry_trust_ref(struct cry_trust *t);
void cry_trust_free(struct cry_trust *t); /* drops a reference; NULL is fine */
/*
 * The name (without its .N or .rN) under which a hashed directory has the certificate or, is_list,
 * revocation list of a PEM text: eight digits and a NUL at out.  False: there is none in it.
 */
bool cry_hashed_name(struct bytes text, bool is_list, char out[9]);
/* The subject of its i-th CA certificate that came from a text, as DER; empty past the last. */
struct bytes cry_trust_subject(const struct cry_trust *t, unsigned i);
/* Adds the CA certificates and revocation lists of a PEM text. ST_BADCERT when it has no CA. */
enum status cry_trust_add(struct cry_trust *t, struct bytes text) ATTR_NODISCARD;

#endif
