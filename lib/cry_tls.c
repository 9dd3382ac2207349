/*
 * cry_tls.c - TLS 1.3 on memory BIOs (see cry_tls.h).
 *
 * Called by ctl_uv.c and by the console.  No tickets and no resumption: every session shows its
 * certificate.  The peer's certificate is checked by OpenSSL during the handshake, with the purpose
 * that fits its side; a client also checks the name (RFC 6125).
 */
#include "lib/cry_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/net.h"

enum { CHAIN_MAX = 4, WHY_MAX = 160, LISTS_MAX = 16 };

struct cry_tls_ctx {
	SSL_CTX *ssl;
	bool server;
};

struct cry_tls {
	SSL *ssl;
	BIO *in, *out; /* the SSL's own */
	enum cry_tls_state state;
	char why[WHY_MAX];
	char subject[CRY_TLS_SUBJECT_MAX], unit[CRY_TLS_SUBJECT_MAX];
};

/* OpenSSL's reason for the last failure, in words; the queue is empty afterwards. */
static void
reason(char *buf, size_t size)
{
	unsigned long e = ERR_get_error();
	const char *text = e != 0 ? ERR_reason_error_string(e) : NULL;

	snprintf(buf, size, "%s", text != NULL ? text : "the connection broke");
	ERR_clear_error();
}

/* ------------------------------------------------------------------ certificates */

static enum status
check_file(const char *path, bool secret, char *why, size_t size)
{
	struct stat st;

	if (stat(path, &st) != 0 || access(path, R_OK) != 0) {
		snprintf(why, size, "%s: %s", path, strerror(errno));
		return ST_NOFILE;
	}
	if (secret && ((st.st_mode & 0077) != 0 || (st.st_uid != geteuid() && st.st_uid != 0))) {
		snprintf(why, size, "%s", path);
		return ST_FILEPROT;
	}
	return ST_NORMAL;
}

static enum status
refused(const char *path, char *why, size_t size)
{
	char text[WHY_MAX];

	reason(text, sizeof(text));
	snprintf(why, size, "%s: %s", path, text);
	return ST_FAILED;
}

/* The revocation lists of a file into the store. */
static enum status
add_lists(X509_STORE *store, const char *path, bool *expired, char *why, size_t size)
{
	BIO *in = BIO_new_file(path, "r");
	unsigned lists = 0;
	bool good = in != NULL;
	X509_CRL *crl;

	while (good && lists <= LISTS_MAX &&
		(crl = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL)) != NULL) {
		const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

		*expired = *expired || (next != NULL && X509_cmp_current_time(next) < 0);
		good = X509_STORE_add_crl(store, crl) == 1;
		X509_CRL_free(crl);
		lists++;
	}
	BIO_free(in);
	ERR_clear_error();
	if (good && lists > 0 && lists <= LISTS_MAX)
		return ST_NORMAL;
	snprintf(why, size, "%s: no revocation list, or too many, or a damaged one", path);
	return ST_FAILED;
}

/* Who is believed, and whose certificates not. */
static enum status
set_store(SSL_CTX *c, const struct cry_tls_files *f, bool *expired, char *why, size_t size)
{
	X509_STORE *store;
	enum status status = ST_NORMAL;

	*expired = false;
	TRY(check_file(f->authority, false, why, size));
	if (f->revoked != NULL)
		TRY(check_file(f->revoked, false, why, size));
	store = X509_STORE_new();
	if (store == NULL)
		return ST_NOMEMORY;
	if (X509_STORE_load_file(store, f->authority) != 1)
		status = refused(f->authority, why, size);
	if (status == ST_NORMAL && f->revoked != NULL) {
		status = add_lists(store, f->revoked, expired, why, size);
		X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
	}
	if (status != ST_NORMAL) {
		X509_STORE_free(store);
		return status;
	}
	SSL_CTX_set_cert_store(c, store); /* the old one goes */
	return ST_NORMAL;
}

static enum status
load(SSL_CTX *c, const struct cry_tls_files *f, char *why, size_t size)
{
	bool expired;

	TRY(check_file(f->certificate, false, why, size));
	TRY(check_file(f->key, true, why, size));
	if (SSL_CTX_use_certificate_chain_file(c, f->certificate) != 1)
		return refused(f->certificate, why, size);
	if (SSL_CTX_use_PrivateKey_file(c, f->key, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_check_private_key(c) != 1)
		return refused(f->key, why, size);
	return set_store(c, f, &expired, why, size);
}

enum status
cry_tls_ctx_new(bool server, const struct cry_tls_files *files, struct cry_tls_ctx **out, char *why,
	size_t why_size)
{
	struct cry_tls_ctx *ctx = calloc(1, sizeof(*ctx));
	enum status status;

	*out = NULL;
	if (ctx == NULL)
		return ST_NOMEMORY;
	ERR_clear_error();
	ctx->server = server;
	ctx->ssl = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (ctx->ssl == NULL || SSL_CTX_set_min_proto_version(ctx->ssl, TLS1_3_VERSION) != 1) {
		reason(why, why_size);
		cry_tls_ctx_free(ctx);
		return ST_FAILED;
	}
	SSL_CTX_set_verify(ctx->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(ctx->ssl, CHAIN_MAX);
	SSL_CTX_set_session_cache_mode(ctx->ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx->ssl, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_num_tickets(ctx->ssl, 0);
	status = load(ctx->ssl, files, why, why_size);
	if (status != ST_NORMAL) {
		cry_tls_ctx_free(ctx);
		return status;
	}
	*out = ctx;
	return ST_NORMAL;
}

enum status
cry_tls_ctx_renew(struct cry_tls_ctx *ctx, const struct cry_tls_files *files, bool *expired,
	char *why, size_t why_size)
{
	ERR_clear_error();
	return set_store(ctx->ssl, files, expired, why, why_size);
}

void
cry_tls_ctx_free(struct cry_tls_ctx *ctx)
{
	if (ctx == NULL)
		return;
	SSL_CTX_free(ctx->ssl);
	free(ctx);
}

/* ------------------------------------------------------------------ one connection */

static bool
want_peer(SSL *ssl, const char *peer)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	struct net_addr a;

	if (net_addr_parse(peer, &a))
		return X509_VERIFY_PARAM_set1_ip(param, net_addr_bytes(&a).p,
			net_addr_bytes(&a).n) == 1;
	return X509_VERIFY_PARAM_set1_host(param, peer, 0) == 1 &&
		SSL_set_tlsext_host_name(ssl, peer) == 1;
}

struct cry_tls *
cry_tls_new(struct cry_tls_ctx *ctx, const char *peer)
{
	struct cry_tls *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->ssl = SSL_new(ctx->ssl);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (t->ssl == NULL || t->in == NULL || t->out == NULL ||
		(peer != NULL && !want_peer(t->ssl, peer))) {
		BIO_free(t->in);
		BIO_free(t->out);
		SSL_free(t->ssl);
		free(t);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_bio(t->ssl, t->in, t->out);
	if (ctx->server)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	return t;
}

void
cry_tls_free(struct cry_tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	free(t);
}

static void
fail(struct cry_tls *t)
{
	long verify = SSL_get_verify_result(t->ssl);

	if (t->state == CRY_TLS_FAILED)
		return;
	t->state = CRY_TLS_FAILED;
	reason(t->why, sizeof(t->why));
	if (verify != X509_V_OK)
		snprintf(t->why, sizeof(t->why), "certificate refused: %s",
			X509_verify_cert_error_string(verify));
}

/* What an SSL call left: nothing to do now, the end, or a failure. */
static void
judge(struct cry_tls *t, int rc)
{
	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_NONE:
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		break;
	case SSL_ERROR_ZERO_RETURN:
		t->state = CRY_TLS_CLOSED;
		break;
	default:
		fail(t);
	}
}

static void
take_subject(struct cry_tls *t)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);
	BIO *b = BIO_new(BIO_s_mem());
	int n = 0;

	if (cert != NULL && b != NULL &&
		X509_NAME_print_ex(b, X509_get_subject_name(cert), 0,
			XN_FLAG_RFC2253) >= 0)
		n = BIO_read(b, t->subject, sizeof(t->subject) - 1);
	t->subject[n > 0 ? n : 0] = '\0';
	for (char *p = t->subject; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			*p = '_';
	BIO_free(b);
	if (cert == NULL || X509_NAME_get_text_by_NID(X509_get_subject_name(cert),
		NID_organizationalUnitName, t->unit, sizeof(t->unit)) < 0)
		t->unit[0] = '\0';
}

enum cry_tls_state
cry_tls_input(struct cry_tls *t, struct bytes octets)
{
	int rc;

	if (t->state == CRY_TLS_FAILED || t->state == CRY_TLS_CLOSED)
		return t->state;
	ERR_clear_error();
	if (octets.n > 0 && BIO_write(t->in, octets.p, (int)octets.n) != (int)octets.n) {
		fail(t);
		return t->state;
	}
	if (t->state == CRY_TLS_HANDSHAKE) {
		rc = SSL_do_handshake(t->ssl);
		if (rc != 1) {
			judge(t, rc);
			return t->state;
		}
		/* SSL_VERIFY_FAIL_IF_NO_PEER_CERT saw to it; a second look costs nothing. */
		if (SSL_get0_peer_certificate(t->ssl) == NULL ||
			SSL_get_verify_result(t->ssl) != X509_V_OK) {
			fail(t);
			return t->state;
		}
		take_subject(t);
		t->state = CRY_TLS_OPEN;
	}
	return t->state;
}

size_t
cry_tls_read(struct cry_tls *t, void *out, size_t size)
{
	size_t n = 0;
	int rc;

	if (t->state != CRY_TLS_OPEN)
		return 0;
	ERR_clear_error();
	rc = SSL_read_ex(t->ssl, out, size, &n);
	if (rc == 1)
		return n;
	judge(t, rc);
	return 0;
}

bool
cry_tls_write(struct cry_tls *t, struct bytes data)
{
	size_t n = 0;

	if (t->state != CRY_TLS_OPEN)
		return false;
	ERR_clear_error();
	if (data.n == 0 || (SSL_write_ex(t->ssl, data.p, data.n, &n) == 1 && n == data.n))
		return true;
	fail(t);
	return false;
}

size_t
cry_tls_output(struct cry_tls *t, void *out, size_t size)
{
	int n = BIO_read(t->out, out, size > INT32_MAX ? INT32_MAX : (int)size);

	return n > 0 ? (size_t)n : 0;
}

void
cry_tls_close(struct cry_tls *t)
{
	ERR_clear_error();
	if (t->state == CRY_TLS_OPEN)
		(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

enum cry_tls_state
cry_tls_state(const struct cry_tls *t)
{
	return t->state;
}

const char *
cry_tls_why(const struct cry_tls *t)
{
	return t->why;
}

const char *
cry_tls_subject(const struct cry_tls *t)
{
	return t->subject;
}

const char *
cry_tls_unit(const struct cry_tls *t)
{
	return t->unit;
}

bool
cry_tls_is_good_still(struct cry_tls *t)
{
	X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(t->ssl));
	X509 *cert = SSL_get0_peer_certificate(t->ssl);
	X509_STORE_CTX *check = cert != NULL ? X509_STORE_CTX_new() : NULL;
	bool good = check != NULL && X509_STORE_CTX_init(check, store, cert,
		SSL_get_peer_cert_chain(t->ssl)) == 1 && X509_STORE_CTX_set_default(check,
		SSL_is_server(t->ssl) ? "ssl_client" : "ssl_server") == 1;

	if (good && X509_verify_cert(check) != 1) {
		snprintf(t->why, sizeof(t->why), "certificate refused: %s",
			X509_verify_cert_error_string(X509_STORE_CTX_get_error(check)));
		good = false;
	}
	X509_STORE_CTX_free(check);
	ERR_clear_error();
	return good;
}
