/*
 * cry_x509.c - certificates: reading, trusting, and the judging of a peer's proof.
 *
 * Called while configurations are read, and by VERIFY jobs on any thread.  A chain's errors are
 * errors, with one exception: that a CA has published no revocation list (RFC 5280 6.3 would leave
 * the status undetermined; administrators who keep none expect to work).  A list that is out of
 * date, or that names the certificate, is final.
 */
#include "lib/cry_x509.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry_int.h"

enum { CHAIN_MAX = 10, STORE_MAX = 1024 };

struct cry_cert {
	atomic_uint refs;
	X509 *x;
	uint8_t *der;
	size_t der_n;
};

struct cry_trust {
	atomic_uint refs;
	char *dir;
	STACK_OF(X509) * ca;
	STACK_OF(X509_CRL) * crl;
};

/* ---------------------------------------------------------------------------------- the object */

/* Takes x over. */
static struct cry_cert *
wrap(X509 *x)
{
	struct cry_cert *c = x == NULL ? NULL : calloc(1, sizeof(*c));
	unsigned char *der = NULL;
	int n = c == NULL ? -1 : i2d_X509(x, &der);

	if (n <= 0 || n > CRY_CERT_MAX) {
		OPENSSL_free(der);
		X509_free(x);
		free(c);
		return NULL;
	}
	c->der = malloc((size_t)n);
	if (c->der == NULL) {
		X509_free(x);
		free(c);
		c = NULL;
	} else {
		memcpy(c->der, der, (size_t)n);
		c->der_n = (size_t)n;
		c->x = x;
		atomic_init(&c->refs, 1);
	}
	OPENSSL_free(der);
	return c;
}

struct cry_cert *
cry_cert_ref(struct cry_cert *c)
{
	if (c != NULL)
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void
cry_cert_free(struct cry_cert *c)
{
	if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	X509_free(c->x);
	free(c->der);
	free(c);
}

/* All of the octets, and nothing behind them. */
static X509 *
x509_of(struct bytes der)
{
	const unsigned char *p = der.p;
	X509 *x;

	if (der.n == 0 || der.n > CRY_CERT_MAX)
		return NULL;
	x = d2i_X509(NULL, &p, (long)der.n);
	ERR_clear_error();
	if (x != NULL && p != der.p + der.n) {
		X509_free(x);
		return NULL;
	}
	return x;
}

enum status
cry_certs_read(struct bytes text, struct cry_cert **out, size_t room, size_t *count)
{
	BIO *bio = text.n == 0 || text.n > SECRET_MAX ? NULL : BIO_new_mem_buf(text.p, (int)text.n);
	X509 *x;

	*count = 0;
	if (bio == NULL)
		return ST_BADCERT;
	while (*count < room && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		out[*count] = wrap(x);
		if (out[*count] == NULL)
			break;
		++*count;
	}
	BIO_free(bio);
	ERR_clear_error();
	if (*count == 0 && (out[0] = wrap(x509_of(text))) != NULL)
		*count = 1;
	return *count == 0 ? ST_BADCERT : ST_NORMAL;
}

struct bytes
cry_cert_der(const struct cry_cert *c)
{
	return bytes_of(c->der, c->der_n);
}

static struct bytes
name_der(const X509_NAME *name)
{
	const unsigned char *p = NULL;
	size_t n = 0;

	if (X509_NAME_get0_der(name, &p, &n) != 1)
		n = 0;
	return bytes_of(p, n);
}

struct bytes
cry_cert_subject(const struct cry_cert *c)
{
	return name_der(X509_get_subject_name(c->x));
}

struct bytes
cry_cert_issuer(const struct cry_cert *c)
{
	return name_der(X509_get_issuer_name(c->x));
}

bool
cry_cert_is_root(const struct cry_cert *c)
{
	return bytes_equal(cry_cert_subject(c), cry_cert_issuer(c));
}

static enum status
key_of(X509 *x, struct cry_key **out, const char **why)
{
	EVP_PKEY *key = X509_get_pubkey(x);

	*out = NULL;
	*why = "a public key of unknown kind";
	ERR_clear_error();
	return key == NULL ? ST_BADKEY : cry_key_wrap(key, false, out, why);
}

enum status
cry_cert_key(const struct cry_cert *c, struct cry_key **out, const char **why)
{
	return key_of(c->x, out, why);
}

static int64_t
seconds_of(const ASN1_TIME *t)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	int64_t when = 0;

	if (epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, t) == 1)
		when = (int64_t)days * 86400 + seconds;
	ASN1_TIME_free(epoch);
	ERR_clear_error();
	return when;
}

void
cry_cert_days(const struct cry_cert *c, int64_t *from, int64_t *until)
{
	*from = seconds_of(X509_get0_notBefore(c->x));
	*until = seconds_of(X509_get0_notAfter(c->x));
}

/* --------------------------------------------------------------------------------------- names */

static bool
same_fold(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t x = a[i], y = b[i];

		if (x >= 'A' && x <= 'Z')
			x = (uint8_t)(x + 32);
		if (y >= 'A' && y <= 'Z')
			y = (uint8_t)(y + 32);
		if (x != y)
			return false;
	}
	return true;
}

/* A host name in any case; of a mailbox only the part behind the @ (RFC 5280 7.5). */
static bool
same_name(struct bytes a, const ASN1_STRING *b, bool mailbox)
{
	const uint8_t *p = ASN1_STRING_get0_data(b);
	size_t n = (size_t)ASN1_STRING_length(b), local = 0;

	if (a.n == 0 || n != a.n)
		return false;
	for (size_t i = 0; mailbox && i < n; i++)
		if (a.p[i] == '@')
			local = i;
	return memcmp(a.p, p, local) == 0 && same_fold(a.p + local, p + local, n - local);
}

static bool
general_name(const GENERAL_NAME *g, enum cry_name_type type, struct bytes name)
{
	switch (type) {
	case CRY_NAME_IP:
		return g->type == GEN_IPADD &&
		       bytes_equal(name, bytes_of(ASN1_STRING_get0_data(g->d.iPAddress),
						 (size_t)ASN1_STRING_length(g->d.iPAddress)));
	case CRY_NAME_DNS:
		return g->type == GEN_DNS && same_name(name, g->d.dNSName, false);
	case CRY_NAME_EMAIL:
		return g->type == GEN_EMAIL && same_name(name, g->d.rfc822Name, true);
	case CRY_NAME_DN:
		return g->type == GEN_DIRNAME && bytes_equal(name, name_der(g->d.directoryName));
	case CRY_NAME_NONE:
		break;
	}
	return false;
}

static bool
names(X509 *x, enum cry_name_type type, struct bytes name)
{
	GENERAL_NAMES *all;
	bool found = type == CRY_NAME_DN && name.n != 0 &&
		     bytes_equal(name, name_der(X509_get_subject_name(x)));

	if (found)
		return true;
	all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; all != NULL && !found && i < sk_GENERAL_NAME_num(all); i++)
		found = general_name(sk_GENERAL_NAME_value(all, i), type, name);
	GENERAL_NAMES_free(all);
	ERR_clear_error();
	return found;
}

bool
cry_cert_names(const struct cry_cert *c, enum cry_name_type type, struct bytes name)
{
	return names(c->x, type, name);
}

static void
subject_text(X509 *x, char *buf, size_t size)
{
	cry_dn_text(buf, size, name_der(X509_get_subject_name(x)));
}

static void
print_alt_names(X509 *x, struct text *out)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;

	for (int i = 0; all != NULL && bio != NULL && i < sk_GENERAL_NAME_num(all); i++) {
		if (i > 0)
			BIO_puts(bio, ", ");
		GENERAL_NAME_print(bio, sk_GENERAL_NAME_value(all, i));
	}
	if (bio != NULL && all != NULL) {
		long n = BIO_get_mem_data(bio, &p);

		text_add(out, "alternative names: ");
		for (long i = 0; i < n; i++) /* a name may hold anything */
			text_addf(out, "%c", p[i] >= ' ' && p[i] <= '~' ? p[i] : '?');
		text_add(out, "\n");
	}
	BIO_free(bio);
	GENERAL_NAMES_free(all);
	ERR_clear_error();
}

static void
print_day(const char *title, const ASN1_TIME *t, struct text *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) == 1)
		text_addf(out, "%s: %04d-%02d-%02d %02d:%02d:%02d UTC\n", title, tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	ERR_clear_error();
}

void
cry_cert_print(const struct cry_cert *c, struct text *out)
{
	char name[512];
	struct cry_key *key;
	const char *why;

	text_addf(out, "subject: %s\n", cry_dn_text(name, sizeof(name), cry_cert_subject(c)));
	text_addf(out, "issuer: %s\n", cry_dn_text(name, sizeof(name), cry_cert_issuer(c)));
	print_alt_names(c->x, out);
	print_day("valid from", X509_get0_notBefore(c->x), out);
	print_day("valid until", X509_get0_notAfter(c->x), out);
	if (cry_cert_key(c, &key, &why) == ST_NORMAL)
		text_addf(out, "key: %s, %u bits\n", cry_key_kind_name(cry_key_kind(key)),
			cry_key_bits(key));
	else
		text_addf(out, "key: %s\n", why);
	cry_key_free(key);
}

/* --------------------------------------------------------------------------------------- trust */

struct cry_trust *
cry_trust_new(const char *dir)
{
	struct cry_trust *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	atomic_init(&t->refs, 1);
	t->dir = dir == NULL ? NULL : strdup(dir);
	t->ca = sk_X509_new_null();
	t->crl = sk_X509_CRL_new_null();
	if (t->ca == NULL || t->crl == NULL || (dir != NULL && t->dir == NULL)) {
		cry_trust_free(t);
		return NULL;
	}
	return t;
}

bool
cry_trust_has_dir(const struct cry_trust *t)
{
	return t != NULL && t->dir != NULL;
}

struct cry_trust *
cry_trust_ref(struct cry_trust *t)
{
	if (t != NULL)
		atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void
cry_trust_free(struct cry_trust *t)
{
	if (t == NULL || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	sk_X509_pop_free(t->ca, X509_free);
	sk_X509_CRL_pop_free(t->crl, X509_CRL_free);
	free(t->dir);
	free(t);
}

/* Takes over what is in one entry of a PEM file. */
static bool
add_info(struct cry_trust *t, X509_INFO *info)
{
	if (info->x509 != NULL) {
		if (sk_X509_num(t->ca) >= STORE_MAX || sk_X509_push(t->ca, info->x509) <= 0)
			return false;
		info->x509 = NULL;
	}
	if (info->crl != NULL) {
		if (sk_X509_CRL_num(t->crl) >= STORE_MAX ||
			sk_X509_CRL_push(t->crl, info->crl) <= 0)
			return false;
		info->crl = NULL;
	}
	return true;
}

enum status
cry_trust_add(struct cry_trust *t, struct bytes text)
{
	int before = sk_X509_num(t->ca);
	BIO *bio = text.n == 0 || text.n > SECRET_MAX ? NULL : BIO_new_mem_buf(text.p, (int)text.n);
	STACK_OF(X509_INFO) *all =
		bio == NULL ? NULL : PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
	enum status status = ST_NORMAL;
	X509 *one;

	for (int i = 0; all != NULL && status == ST_NORMAL && i < sk_X509_INFO_num(all); i++)
		if (!add_info(t, sk_X509_INFO_value(all, i)))
			status = ST_LIMIT;
	sk_X509_INFO_pop_free(all, X509_INFO_free);
	BIO_free(bio);
	ERR_clear_error();
	if (sk_X509_num(t->ca) == before && (one = x509_of(text)) != NULL &&
		sk_X509_push(t->ca, one) <= 0)
		X509_free(one);
	if (status == ST_NORMAL && sk_X509_num(t->ca) == before)
		return ST_BADCERT;
	return status;
}

bool
cry_hashed_name(struct bytes text, bool is_list, char out[9])
{
	BIO *bio = text.n == 0 || text.n > SECRET_MAX ? NULL : BIO_new_mem_buf(text.p, (int)text.n);
	X509_CRL *crl = NULL;
	X509 *x = NULL;
	const X509_NAME *name = NULL;
	int good = 0;

	if (bio != NULL && is_list)
		crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	else if (bio != NULL)
		x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (crl != NULL || x != NULL)
		name = crl != NULL ? X509_CRL_get_issuer(crl) : X509_get_subject_name(x);
	if (name != NULL)
		snprintf(out, 9, "%08lx", X509_NAME_hash_ex(name, NULL, NULL, &good) & 0xffffffff);
	X509_CRL_free(crl);
	X509_free(x);
	BIO_free(bio);
	ERR_clear_error();
	return good == 1;
}

struct bytes
cry_trust_subject(const struct cry_trust *t, unsigned i)
{
	X509 *x = i < STORE_MAX ? sk_X509_value(t->ca, (int)i) : NULL;

	return x == NULL ? (struct bytes){ 0 } : name_der(X509_get_subject_name(x));
}

/* ----------------------------------------------------------------------------- chain of a peer */

struct judging { /* one verification, for its callback */
	struct cry_proof *p;
	bool no_list;
};

static enum status
status_of(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return ST_CERTEXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return ST_CERTEARLY;
	case X509_V_ERR_CERT_REVOKED:
		return ST_CERTREVOKED;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return ST_CERTNOCA;
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return ST_CRLEXPIRED;
	case X509_V_ERR_OUT_OF_MEM:
		return ST_NOMEMORY;
	}
	return ST_CERTINVALID;
}

/* The one error that is none; everything else stays what it is (CVE-2004-0607). */
static int
on_chain(int good, X509_STORE_CTX *ctx)
{
	struct judging *j = X509_STORE_CTX_get_app_data(ctx);

	if (good == 1 || X509_STORE_CTX_get_error(ctx) != X509_V_ERR_UNABLE_TO_GET_CRL)
		return good;
	j->no_list = true;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

/* What a hashed directory holds, to be found by its issuer's name as if it were one. */
static bool
store_add(X509_STORE *store, struct bytes text)
{
	BIO *bio = text.n == 0 || text.n > CRY_HASHED_MAX ? NULL
							 : BIO_new_mem_buf(text.p, (int)text.n);
	STACK_OF(X509_INFO) *all =
		bio == NULL ? NULL : PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
	bool good = text.n == 0 || all != NULL;

	for (int i = 0; good && i < sk_X509_INFO_num(all); i++) {
		const X509_INFO *one = sk_X509_INFO_value(all, i);
		if (one->x509 != NULL)
			good = X509_STORE_add_cert(store, one->x509) == 1;
		if (good && one->crl != NULL)
			good = X509_STORE_add_crl(store, one->crl) == 1;
	}
	sk_X509_INFO_pop_free(all, X509_INFO_free);
	BIO_free(bio);
	return good;
}

static X509_STORE *
store_of(const struct cry_trust *t, struct bytes hashed)
{
	X509_STORE *store = X509_STORE_new();
	X509_LOOKUP *dir;
	bool good = store != NULL;

	for (int i = 0; good && i < sk_X509_num(t->ca); i++)
		good = X509_STORE_add_cert(store, sk_X509_value(t->ca, i)) == 1;
	for (int i = 0; good && i < sk_X509_CRL_num(t->crl); i++)
		good = X509_STORE_add_crl(store, sk_X509_CRL_value(t->crl, i)) == 1;
	good = good && store_add(store, hashed);
	if (good && t->dir != NULL && hashed.p == NULL) {
		dir = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());
		good = dir != NULL && X509_LOOKUP_add_dir(dir, t->dir, X509_FILETYPE_PEM) == 1;
	}
	if (good)
		good = X509_STORE_set_flags(
			       store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1;
	if (good)
		return store;
	X509_STORE_free(store);
	return NULL;
}

/* Chosen-prefix collisions of MD5 make certificates of anybody's; short RSA keys can be broken. */
static const char *
weakness(STACK_OF(X509) * chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);
		EVP_PKEY *key = X509_get0_pubkey(x);
		int md = NID_undef;

		if (key == NULL ||
			(EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) < CRY_RSA_BITS_MIN))
			return "an RSA key of less than 1024 bits";
		if (i == sk_X509_num(chain) - 1)
			continue; /* the anchor is trusted for its own sake, not for its signature
				   */
		if (X509_get_signature_info(x, &md, NULL, NULL, NULL) == 1 &&
			(md == NID_md5 || md == NID_md4 || md == NID_md2))
			return "signed with MD5";
	}
	return NULL;
}

static enum status
chain_verdict(X509_STORE_CTX *ctx, struct judging *j)
{
	int result = X509_verify_cert(ctx), error = X509_STORE_CTX_get_error(ctx);
	X509 *at = X509_STORE_CTX_get_current_cert(ctx);
	char name[128] = "certificate";
	const char *weak;

	if (result == 1) {
		weak = weakness(X509_STORE_CTX_get0_chain(ctx));
		if (weak == NULL)
			return ST_NORMAL;
		snprintf(j->p->why, sizeof(j->p->why), "chain of the certificate: %s", weak);
		return ST_CERTINVALID;
	}
	if (at != NULL)
		subject_text(at, name, sizeof(name));
	snprintf(
		j->p->why, sizeof(j->p->why), "%s: %s", name, X509_verify_cert_error_string(error));
	return error == X509_V_OK ? ST_CERTINVALID : status_of(error);
}

static enum status
check_chain(struct cry_proof *p, X509 *leaf, STACK_OF(X509) * others)
{
	X509_STORE *store = store_of(p->trust, p->hashed);
	X509_STORE_CTX *ctx = store == NULL ? NULL : X509_STORE_CTX_new();
	struct judging j = { .p = p };
	enum status status = ST_FAILED;

	if (ctx != NULL && X509_STORE_CTX_init(ctx, store, leaf, others) == 1) {
		X509_STORE_CTX_set_app_data(ctx, &j);
		X509_STORE_CTX_set_verify_cb(ctx, on_chain);
		X509_STORE_CTX_set_time(ctx, 0, (time_t)p->today);
		X509_STORE_CTX_set_depth(ctx, CHAIN_MAX);
		status = chain_verdict(ctx, &j);
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	if (status == ST_NORMAL && j.no_list)
		snprintf(p->why, sizeof(p->why), "no revocation list of its CA is there");
	return status;
}

/* -------------------------------------------------------------------------------------- proofs */

void
cry_trust_unref(struct cry_trust *t)
{
	cry_trust_free(t);
}

/* RFC 2408 3.9, encoding 1: a PKCS #7 envelope with certificates inside. */
static bool
unwrap(struct bytes der, STACK_OF(X509) * into)
{
	const unsigned char *p = der.p;
	PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)der.n);
	STACK_OF(X509) *inside = NULL;
	bool good = false;

	if (p7 != NULL && PKCS7_type_is_signed(p7) && p7->d.sign != NULL)
		inside = p7->d.sign->cert;
	for (int i = 0;
		inside != NULL && i < sk_X509_num(inside) && sk_X509_num(into) < CRY_CERTS_MAX;
		i++) {
		X509 *x = sk_X509_value(inside, i);

		if (X509_up_ref(x) != 1)
			break;
		if (sk_X509_push(into, x) <= 0) {
			X509_free(x);
			break;
		}
		good = true;
	}
	PKCS7_free(p7);
	ERR_clear_error();
	return good;
}

/* The certificates that can be read, in order. */
static STACK_OF(X509) * stack_of(const struct cry_proof *p)
{
	STACK_OF(X509) *all = sk_X509_new_null();

	for (unsigned i = 0; all != NULL && i < p->certs; i++) {
		X509 *x;

		if (p->cert[i].n > CRY_CERT_MAX)
			continue;
		x = x509_of(p->cert[i]);
		if (x == NULL)
			(void)unwrap(p->cert[i], all);
		else if (sk_X509_push(all, x) <= 0)
			X509_free(x);
	}
	return all;
}

static enum status
check_name(struct cry_proof *p, X509 *leaf)
{
	char name[128];

	if (p->name_type == CRY_NAME_NONE || names(leaf, p->name_type, p->name))
		return ST_NORMAL;
	subject_text(leaf, name, sizeof(name));
	snprintf(p->why, sizeof(p->why), "the identity is not in the certificate of %s", name);
	return p->name_optional ? ST_NORMAL : ST_CERTNAME;
}

/*
 * Which of the peer's certificates is its own: the first whose key fits the signature.  Senders
 * put it first, but some send the chain the other way round.
 */
static enum status
find_signer(struct cry_proof *p, STACK_OF(X509) * all, X509 **leaf)
{
	struct bytes digest = bytes_of(p->digest, p->digest_n), sig = bytes_of(p->sig, p->sig_n);
	enum status status = ST_CERTKEY;

	snprintf(p->why, sizeof(p->why), "expected an %s key", cry_key_kind_name(p->kind));
	for (int i = 0; i < sk_X509_num(all); i++) {
		X509 *x = sk_X509_value(all, i);
		const char *why = NULL;
		struct cry_key *key;

		if (key_of(x, &key, &why) != ST_NORMAL) {
			if (i == 0)
				snprintf(p->why, sizeof(p->why), "%s", why);
			continue;
		}
		if (cry_key_kind(key) == p->kind) {
			status = cry_verify(key, digest, sig);
			*leaf = x;
		}
		cry_key_free(key);
		if (status == ST_NORMAL) {
			p->why[0] = '\0';
			return status;
		}
	}
	if (status == ST_BADSIG) {
		char name[128];

		subject_text(sk_X509_value(all, 0), name, sizeof(name));
		snprintf(p->why, sizeof(p->why), "certificate of %s", name);
	}
	return status;
}

static enum status
verify_known(struct cry_proof *p)
{
	enum status status = ST_CERTKEY;

	for (unsigned i = 0; i < p->knowns; i++) {
		if (cry_key_kind(p->known[i]) != p->kind)
			continue;
		status = cry_verify(
			p->known[i], bytes_of(p->digest, p->digest_n), bytes_of(p->sig, p->sig_n));
		if (status == ST_NORMAL)
			return status;
	}
	snprintf(p->why, sizeof(p->why), "%u public keys are known for it", p->knowns);
	return status;
}

static enum status
keep_leaf(struct cry_proof *p, X509 *leaf)
{
	unsigned char *der = NULL;
	int n = i2d_X509(leaf, &der);

	if (n > 0)
		p->leaf = cry_proof_dup(bytes_of(der, (size_t)n));
	OPENSSL_free(der);
	ERR_clear_error();
	return p->leaf.n == 0 ? ST_NOMEMORY : ST_NORMAL;
}

enum status
cry_proof_verify(struct cry_proof *p)
{
	STACK_OF(X509) * all;
	enum status status;
	X509 *leaf = NULL;

	p->why[0] = '\0';
	if (p->sig_n > CRY_SIG_MAX || p->digest_n > CRY_HASH_MAX)
		return ST_BADSIG;
	if (p->knowns != 0)
		return verify_known(p);
	all = stack_of(p);
	if (all == NULL)
		return ST_NOMEMORY;
	if (sk_X509_num(all) == 0) {
		sk_X509_free(all);
		snprintf(p->why, sizeof(p->why), "the payload holds no X.509 certificate");
		return ST_BADCERT;
	}
	status = find_signer(p, all, &leaf);
	if (status == ST_NORMAL && p->trust != NULL)
		status = check_chain(p, leaf, all);
	if (status == ST_NORMAL)
		status = check_name(p, leaf);
	if (status == ST_NORMAL)
		status = keep_leaf(p, leaf);
	sk_X509_pop_free(all, X509_free);
	return status;
}
