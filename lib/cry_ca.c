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

#include "lib/file.h"
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

/* ------------------------------------------------------------------ the authority */

struct authority {
	X509 *cert;
	EVP_PKEY *key;
};

static void
authority_close(struct authority *a)
{
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
}

/* ST_NOFILE, ST_FAILED. */
static enum status
authority_open(const char *directory, struct authority *a, char *why, size_t size)
{
	FILE *cert = open_file(directory, "authority.pem", why, size);
	FILE *key = cert != NULL ? open_file(directory, "authority.key", why, size) : NULL;
	enum status status = key != NULL ? ST_NORMAL : ST_NOFILE;

	*a = (struct authority){ NULL, NULL };
	if (key != NULL) {
		a->cert = PEM_read_X509(cert, NULL, NULL, NULL);
		a->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
		if (a->cert == NULL || a->key == NULL)
			status = broken(why, size);
		fclose(key);
	}
	if (cert != NULL)
		fclose(cert);
	if (status != ST_NORMAL)
		authority_close(a);
	return status;
}

enum status
cry_ca_issue(const char *directory, const struct cry_ca_request *r, char *why, size_t why_size)
{
	struct authority a;
	EVP_PKEY *key;
	X509 *cert;
	enum status status;

	TRY(authority_open(directory, &a, why, why_size));
	key = EVP_EC_gen("P-256");
	cert = key != NULL ? certificate(key, a.cert, r->name, r->unit, r->days) : NULL;
	status = cert == NULL || !extend_leaf(cert, a.cert, r) ||
		X509_sign(cert, a.key, EVP_sha256()) == 0 ? broken(why, why_size) : ST_NORMAL;
	if (status == ST_NORMAL)
		status = write_key(directory, r->base, key, why, why_size);
	if (status == ST_NORMAL)
		status = write_certificate(directory, r->base, cert, why, why_size);
	X509_free(cert);
	EVP_PKEY_free(key);
	authority_close(&a);
	return status;
}

/* ------------------------------------------------------------------ revocation */

/* The list as it is, or an empty one. NULL: the file is no list of this authority. */
static X509_CRL *
old_list(const char *path, const struct authority *a, char *why, size_t size)
{
	FILE *f = fopen(path, "re");
	X509_CRL *crl = f != NULL ? PEM_read_X509_CRL(f, NULL, NULL, NULL) : X509_CRL_new();
	bool good = crl != NULL;

	if (f != NULL) {
		good = good && X509_CRL_verify(crl, a->key) == 1;
		fclose(f);
	} else {
		good = good && errno == ENOENT && X509_CRL_set_version(crl, 1) == 1 &&
			X509_CRL_set_issuer_name(crl, X509_get_subject_name(a->cert)) == 1;
	}
	if (good)
		return crl;
	X509_CRL_free(crl);
	ERR_clear_error();
	snprintf(why, size, "%s: no revocation list of this authority", path);
	return NULL;
}

/* The serial number that is meant; NULL with *status. */
static ASN1_INTEGER *
serial_of(const char *file, const char *serial, const struct authority *a, enum status *status,
	char *why, size_t size)
{
	ASN1_INTEGER *number = NULL;
	BIGNUM *n = NULL;
	X509 *cert = NULL;
	FILE *f;

	*status = ST_FAILED;
	if (file == NULL) {
		if (BN_hex2bn(&n, serial) == (int)strlen(serial))
			number = BN_to_ASN1_INTEGER(n, NULL);
		BN_free(n);
		if (number == NULL)
			snprintf(why, size, "\\%s\\ is no serial number in hexadecimal", serial);
		return number;
	}
	f = fopen(file, "re");
	if (f == NULL) {
		*status = ST_NOFILE;
		snprintf(why, size, "%s: %s", file, strerror(errno));
		return NULL;
	}
	cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	if (cert == NULL || X509_verify(cert, a->key) != 1)
		snprintf(why, size, "%s: no certificate that this authority signed", file);
	else
		number = ASN1_INTEGER_dup(X509_get0_serialNumber(cert));
	X509_free(cert);
	ERR_clear_error();
	return number;
}

static enum status
add_revoked(X509_CRL *crl, ASN1_INTEGER *number, char *why, size_t size)
{
	X509_REVOKED *entry = NULL;
	ASN1_TIME *now = NULL;
	bool added;

	if (X509_CRL_get0_by_serial(crl, &entry, number) == 1) {
		snprintf(why, size, "the certificate is on the list");
		return ST_ALREADY;
	}
	entry = X509_REVOKED_new();
	now = X509_gmtime_adj(NULL, 0);
	added = entry != NULL && now != NULL &&
		X509_REVOKED_set_serialNumber(entry, number) == 1 &&
		X509_REVOKED_set_revocationDate(entry, now) == 1 &&
		X509_CRL_add0_revoked(crl, entry) == 1;
	ASN1_TIME_free(now);
	if (!added)
		X509_REVOKED_free(entry);
	return added ? ST_NORMAL : broken(why, size);
}

/* Date and sign it, and put it in place of the old one (RFC 5280 5.1.2). */
static enum status
write_list(const char *path, X509_CRL *crl, const struct authority *a, unsigned days, char *why,
	size_t size)
{
	ASN1_TIME *from = X509_gmtime_adj(NULL, -CLOCK_SLACK_S);
	ASN1_TIME *until = X509_time_adj_ex(NULL, (int)days, 0, NULL);
	BIO *out = BIO_new(BIO_s_mem());
	enum status status = ST_NORMAL;
	char *p;
	long n;

	if (from == NULL || until == NULL || out == NULL ||
		X509_CRL_set1_lastUpdate(crl, from) != 1 ||
		X509_CRL_set1_nextUpdate(crl, until) != 1 || X509_CRL_sort(crl) != 1 ||
		X509_CRL_sign(crl, a->key, EVP_sha256()) == 0 ||
		PEM_write_bio_X509_CRL(out, crl) != 1) {
		status = broken(why, size);
	} else {
		n = BIO_get_mem_data(out, &p);
		if (!file_replace(path, bytes_of(p, (size_t)n), NULL, 0644)) {
			snprintf(why, size, "%s: %s", path, strerror(errno));
			status = ST_SYSERR;
		}
	}
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	BIO_free(out);
	return status;
}

enum status
cry_ca_revoke(const char *directory, const char *file, const char *serial, unsigned days,
	unsigned *count, char *why, size_t why_size)
{
	char path[PATH_MAX];
	ASN1_INTEGER *number = NULL;
	struct authority a;
	enum status status;
	X509_CRL *crl;

	snprintf(path, sizeof(path), "%.4000s/revoked.pem", directory);
	TRY(authority_open(directory, &a, why, why_size));
	crl = old_list(path, &a, why, why_size);
	status = crl != NULL ? ST_NORMAL : ST_FAILED;
	if (status == ST_NORMAL && (file != NULL || serial != NULL)) {
		number = serial_of(file, serial, &a, &status, why, why_size);
		if (number != NULL)
			status = add_revoked(crl, number, why, why_size);
	}
	if (status == ST_NORMAL)
		status = write_list(path, crl, &a, days, why, why_size);
	if (crl != NULL && X509_CRL_get_REVOKED(crl) != NULL)
		*count = (unsigned)sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
	else
		*count = 0;
	ASN1_INTEGER_free(number);
	X509_CRL_free(crl);
	authority_close(&a);
	return status;
}
