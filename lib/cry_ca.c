/*
 * cry_ca.c - a private authority on OpenSSL (see cry_ca.h).
 *
 * Called by the console.  RFC 5280 as far as TLS needs it: basic constraints, key usage, extended
 * key usage, subject alternative names, key identifiers.
 */
#include "lib/cry_ca.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "lib/net.h"

enum { SERIAL_OCTETS = 16, CLOCK_SLACK_S = 300 };

static enum status
broken(char *why, size_t size)
{
	const char *text = ERR_reason_error_string(ERR_get_error());

	ERR_clear_error();
	snprintf(why, size, "%s", text != NULL ? text : "OpenSSL");
	return ST_FAILED;
}

/* A new file; NULL with *status when there is one, or it cannot be had. */
static FILE *
create(const char *directory, const char *base, const char *suffix, int mode, enum status *status,
	char *why, size_t size)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s%s", directory, base, suffix) >= (int)sizeof(path)) {
		*status = ST_LIMIT;
		return NULL;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	*status = fd >= 0 ? ST_NORMAL : errno == EEXIST ? ST_ALREADY : ST_SYSERR;
	if (fd < 0)
		snprintf(why, size, "%s: %s", path, strerror(errno));
	return fd >= 0 ? fdopen(fd, "w") : NULL;
}

static enum status
write_key(const char *directory, const char *base, EVP_PKEY *key, char *why, size_t size)
{
	enum status status;
	FILE *f = create(directory, base, ".key", 0600, &status, why, size);

	if (f == NULL)
		return status == ST_NORMAL ? ST_NOMEMORY : status;
	if (PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1)
		status = broken(why, size);
	if (fclose(f) != 0 && status == ST_NORMAL)
		status = ST_SYSERR;
	return status;
}

static enum status
write_certificate(const char *directory, const char *base, X509 *cert, char *why, size_t size)
{
	enum status status;
	FILE *f = create(directory, base, ".pem", 0644, &status, why, size);

	if (f == NULL)
		return status == ST_NORMAL ? ST_NOMEMORY : status;
	if (PEM_write_X509(f, cert) != 1)
		status = broken(why, size);
	if (fclose(f) != 0 && status == ST_NORMAL)
		status = ST_SYSERR;
	return status;
}

static bool
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *e;
	X509V3_CTX ctx;
	bool added;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	added = e != NULL && X509_add_ext(cert, e, -1) == 1;
	X509_EXTENSION_free(e);
	return added;
}

static bool
add_name(X509_NAME *name, const char *field, const char *value)
{
	return value == NULL || X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
		(const unsigned char *)value, -1, -1, 0) == 1;
}

static bool
set_serial(X509 *cert)
{
	unsigned char octets[SERIAL_OCTETS];
	BIGNUM *n;
	bool set;

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return false;
	octets[0] &= 0x7f; /* positive */
	n = BN_bin2bn(octets, sizeof(octets), NULL);
	set = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
	BN_free(n);
	return set;
}

/* All but the extensions and the signature. issuer NULL: it signs itself. */
static X509 *
certificate(EVP_PKEY *key, X509 *issuer, const char *cn, const char *ou, unsigned days)
{
	X509 *cert = X509_new();
	X509_NAME *name = cert != NULL ? X509_get_subject_name(cert) : NULL;

	if (name != NULL && X509_set_version(cert, 2) == 1 && set_serial(cert) &&
		X509_gmtime_adj(X509_getm_notBefore(cert), -CLOCK_SLACK_S) != NULL &&
		X509_time_adj_ex(X509_getm_notAfter(cert), (int)days, 0, NULL) != NULL &&
		X509_set_pubkey(cert, key) == 1 && add_name(name, "OU", ou) &&
		add_name(name, "CN", cn) && X509_set_issuer_name(cert,
		issuer != NULL ? X509_get_subject_name(issuer) : name) == 1)
		return cert;
	X509_free(cert);
	return NULL;
}

static bool
extend_leaf(X509 *cert, X509 *issuer, const struct cry_ca_request *r)
{
	char names[300];
	struct net_addr a;

	snprintf(names, sizeof(names), "%s:%s", net_addr_parse(r->name, &a) ? "IP" : "DNS",
		r->name);
	return add_extension(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
		add_extension(cert, issuer, NID_key_usage, "critical,digitalSignature") &&
		add_extension(cert, issuer, NID_ext_key_usage,
			r->server ? "serverAuth" : "clientAuth") &&
		add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
		add_extension(cert, issuer, NID_authority_key_identifier, "keyid") &&
		(!r->server || add_extension(cert, issuer, NID_subject_alt_name, names));
}

enum status
cry_ca_new(const char *directory, const char *name, unsigned days, char *why, size_t why_size)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = key != NULL ? certificate(key, NULL, name, NULL, days) : NULL;
	enum status status;

	if (cert == NULL || !add_extension(cert, cert, NID_basic_constraints,
		"critical,CA:TRUE,pathlen:0") ||
		!add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
		!add_extension(cert, cert, NID_subject_key_identifier, "hash") ||
		X509_sign(cert, key, EVP_sha256()) == 0) {
		status = broken(why, why_size);
	} else if (mkdir(directory, 0755) != 0 && errno != EEXIST) {
		snprintf(why, why_size, "%s: %s", directory, strerror(errno));
		status = ST_SYSERR;
	} else {
		status = write_key(directory, "authority", key, why, why_size);
		if (status == ST_NORMAL)
			status = write_certificate(directory, "authority", cert, why, why_size);
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	return status;
}

static FILE *
open_file(const char *directory, const char *name, char *why, size_t size)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%.4000s/%.80s", directory, name);
	f = fopen(path, "re");
	if (f == NULL)
		snprintf(why, size, "%s: %s", path, strerror(errno));
	return f;
}

enum status
cry_ca_issue(const char *directory, const struct cry_ca_request *r, char *why, size_t why_size)
{
	FILE *ca_file = open_file(directory, "authority.pem", why, why_size);
	FILE *key_file = ca_file != NULL ? open_file(directory, "authority.key", why, why_size) :
					   NULL;
	X509 *issuer = key_file != NULL ? PEM_read_X509(ca_file, NULL, NULL, NULL) : NULL;
	EVP_PKEY *signer = issuer != NULL ? PEM_read_PrivateKey(key_file, NULL, NULL, NULL) : NULL;
	EVP_PKEY *key = signer != NULL ? EVP_EC_gen("P-256") : NULL;
	X509 *cert = key != NULL ? certificate(key, issuer, r->name, r->unit, r->days) : NULL;
	enum status status = ST_NORMAL;

	if (ca_file == NULL || key_file == NULL)
		status = ST_NOFILE;
	else if (cert == NULL || !extend_leaf(cert, issuer, r) ||
		X509_sign(cert, signer, EVP_sha256()) == 0)
		status = broken(why, why_size);
	if (status == ST_NORMAL)
		status = write_key(directory, r->base, key, why, why_size);
	if (status == ST_NORMAL)
		status = write_certificate(directory, r->base, cert, why, why_size);
	if (ca_file != NULL)
		fclose(ca_file);
	if (key_file != NULL)
		fclose(key_file);
	X509_free(issuer);
	X509_free(cert);
	EVP_PKEY_free(signer);
	EVP_PKEY_free(key);
	return status;
}
