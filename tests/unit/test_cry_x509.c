/*
 * test_cry_x509.c - keys, signatures, certificates, distinguished names; proofs as jobs do them.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cry_x509.h"

enum { NOW = 1800000000 /* in January 2027 */ };

static struct text
file(const char *name)
{
	char path[128], buf[4096];
	struct text t = { 0 };
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "tests/pki/%s", name);
	f = fopen(path, "rb");
	assert_non_null(f);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		text_add_n(&t, buf, n);
	fclose(f);
	return t;
}

static struct cry_key *
private_key(const char *name)
{
	struct text t = file(name);
	struct cry_key *k;
	const char *why;

	assert_int_equal(cry_key_private(bytes_of(t.p, t.n), &k, &why), ST_NORMAL);
	text_free(&t);
	return k;
}

static struct cry_cert *
cert(const char *name)
{
	struct text t = file(name);
	struct cry_cert *c;
	size_t n;

	assert_int_equal(cry_certs_read(bytes_of(t.p, t.n), &c, 1, &n), ST_NORMAL);
	assert_int_equal(n, 1);
	text_free(&t);
	return c;
}

/* ------------------------------------------------------------------------------------- keys --- */

/* What is between the lines of a PEM text. */
static size_t
der_of(const struct text *pem, uint8_t *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const char *at = strchr(pem->p, '\n');
	unsigned bits = 0, have = 0;
	size_t n = 0;

	assert_non_null(at);
	for (; *at != '-' && *at != '='; at++) {
		const char *digit = strchr(digits, *at);

		if (digit == NULL)
			continue;
		bits = (bits << 6 | (unsigned)(digit - digits)) & 0xffffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	return n;
}

static void
signs_and_verifies(void **state)
{
	static const struct {
		const char *key, *cert;
		enum cry_key_kind kind;
		size_t sig;
	} cases[] = {
		{ "gw1.key", "gw1.pem", CRY_KEY_RSA, 256 },
		{ "p256.key", "p256.pem", CRY_KEY_P256, 64 },
		{ "p384.key", "p384.pem", CRY_KEY_P384, 96 },
		{ "p521.key", "p521.pem", CRY_KEY_P521, 132 },
	};
	uint8_t digest[64], sig[CRY_SIG_MAX];

	(void)state;
	memset(digest, 0x5a, sizeof(digest));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cry_key *k = private_key(cases[i].key), *public;
		struct cry_cert *c = cert(cases[i].cert);
		struct bytes d = bytes_of(digest, i == 0 ? 20 : 32);
		const char *why;
		size_t n;

		assert_int_equal(cry_key_kind(k), cases[i].kind);
		assert_int_equal(cry_cert_key(c, &public, &why), ST_NORMAL);
		assert_true(cry_key_same(k, public));
		assert_true(cry_key_is_private(k) && !cry_key_is_private(public));
		assert_int_equal(cry_sign(k, d, sig, &n), ST_NORMAL);
		assert_int_equal(n, cases[i].sig);
		assert_int_equal(cry_verify(public, d, bytes_of(sig, n)), ST_NORMAL);
		/* another digest, a bent signature, a shorter or longer one */
		assert_int_equal(
			cry_verify(public, bytes_of(digest, 16), bytes_of(sig, n)), ST_BADSIG);
		assert_int_equal(cry_verify(public, d, bytes_of(sig, n - 1)), ST_BADSIG);
		assert_int_equal(cry_verify(public, d, bytes_of(sig, n + 1)), ST_BADSIG);
		assert_int_equal(cry_verify(public, d, bytes_of(sig, 0)), ST_BADSIG);
		sig[n / 2] ^= 1;
		assert_int_equal(cry_verify(public, d, bytes_of(sig, n)), ST_BADSIG);
		memset(sig, 0, sizeof(sig));
		assert_int_equal(cry_verify(public, d, bytes_of(sig, n)), ST_BADSIG);
		memset(sig, 0xff, sizeof(sig));
		assert_int_equal(cry_verify(public, d, bytes_of(sig, n)), ST_BADSIG);
		/* a public key makes none */
		assert_int_equal(cry_sign(public, d, sig, &n), ST_FAILED);
		cry_key_free(public);
		cry_key_free(k);
		cry_cert_free(c);
	}
}

/* RFC 2409 5.1: the digest alone stands in the padding; one with a DigestInfo is another message.
 */
static void
no_digest_info(void **state)
{
	static const uint8_t info[] = { 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02,
		0x1a, 0x05, 0x00, 0x04, 0x14 };
	struct cry_key *k = private_key("gw1.key");
	uint8_t wrapped[sizeof(info) + 20], sig[CRY_SIG_MAX];
	size_t n;

	(void)state;
	memcpy(wrapped, info, sizeof(info));
	memset(wrapped + sizeof(info), 7, 20);
	assert_int_equal(cry_sign(k, bytes_of(wrapped, sizeof(wrapped)), sig, &n), ST_NORMAL);
	assert_int_equal(
		cry_verify(k, bytes_of(wrapped + sizeof(info), 20), bytes_of(sig, n)), ST_BADSIG);
	cry_key_free(k);
}

static void
unusable_keys(void **state)
{
	static const char *const names[] = { "dsa.pem", "small.pem" };
	static const uint8_t ones[129] = { 1 };
	const char *why = NULL;
	struct cry_key *k;
	struct text t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct cry_cert *c = cert(names[i]);

		assert_int_equal(cry_cert_key(c, &k, &why), ST_BADKEY);
		assert_null(k);
		assert_non_null(strstr(why, i == 0 ? "DSA" : "1024"));
		cry_cert_free(c);
	}
	t = file("encrypted.key");
	assert_int_equal(cry_key_private(bytes_of(t.p, t.n), &k, &why), ST_KEYENCRYPTED);
	assert_null(k);
	assert_int_equal(cry_key_private(bytes_of(t.p, t.n / 2), &k, &why), ST_BADKEY);
	assert_int_equal(cry_key_private(bytes_str("no key"), &k, &why), ST_BADKEY);
	assert_int_equal(cry_key_private(bytes_of(NULL, 0), &k, &why), ST_BADKEY);
	assert_int_equal(cry_key_public(bytes_str("no key"), &k, &why), ST_BADKEY);
	text_free(&t);
	t = file("gw1.pem");
	assert_int_equal(cry_key_private(bytes_of(t.p, t.n), &k, &why), ST_BADKEY);
	assert_int_equal(cry_key_public(bytes_of(t.p, t.n), &k, &why), ST_BADKEY);
	text_free(&t);
	/* an exponent of 1, and one that is as long as the modulus (each check would cost a
	 * signature) */
	assert_int_equal(
		cry_key_rsa(&(struct cry_rsa){ .n = bytes_of(ones, 129), .e = bytes_of(ones, 1) },
			&k, &why),
		ST_BADKEY);
	assert_int_equal(
		cry_key_rsa(&(struct cry_rsa){ .n = bytes_of(ones, 129), .e = bytes_of(ones, 129) },
			&k, &why),
		ST_BADKEY);
	assert_null(k);
}

static void
numbers_make_the_key(void **state)
{
	struct cry_key *k = private_key("gw2.key"), *again;
	struct secret hold = { 0 };
	uint8_t wrong[CRY_SIG_MAX];
	struct cry_rsa r;
	const char *why;

	(void)state;
	assert_int_equal(cry_key_numbers(k, &hold, &r), ST_NORMAL);
	assert_int_equal(r.n.n, 256);
	assert_int_equal(cry_key_rsa(&r, &again, &why), ST_NORMAL);
	assert_true(cry_key_same(k, again) && cry_key_is_private(again));
	cry_key_free(again);
	/* the private exponent of another key */
	memcpy(wrong, r.d.p, r.d.n);
	wrong[r.d.n - 1] ^= 2;
	r.d.p = wrong;
	assert_int_equal(cry_key_rsa(&r, &again, &why), ST_BADKEY);
	assert_null(again);
	r.qi.n = 0;
	assert_int_equal(cry_key_rsa(&r, &again, &why), ST_BADKEY);
	secret_wipe(&hold);
	cry_key_free(k);
	k = private_key("p256.key");
	assert_int_equal(cry_key_numbers(k, &hold, &r), ST_BADKEY);
	cry_key_free(k);
}

/* ------------------------------------------------------------------------------------ names --- */

static void
names_in_certificates(void **state)
{
	static const uint8_t ip[] = { 192, 168, 2, 100 }, other[] = { 192, 168, 2, 101 };
	static const uint8_t ip6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 };
	struct cry_cert *c = cert("gw2.pem"), *d = cert("gw1.pem"), *none = cert("plain.pem");
	char buf[128];

	(void)state;
	assert_true(cry_cert_names(c, CRY_NAME_IP, bytes_of(ip, 4)));
	assert_true(cry_cert_names(c, CRY_NAME_IP, bytes_of(ip6, 16)));
	assert_false(cry_cert_names(c, CRY_NAME_IP, bytes_of(ip6, 4)));
	assert_false(cry_cert_names(c, CRY_NAME_IP, bytes_of(other, 4)));
	assert_true(cry_cert_names(c, CRY_NAME_DNS, bytes_str("GW2.example.net")));
	assert_false(cry_cert_names(c, CRY_NAME_DNS, bytes_str("gw2.example.ne")));
	assert_false(cry_cert_names(c, CRY_NAME_DNS, bytes_str("w2.example.net")));
	assert_false(cry_cert_names(c, CRY_NAME_DNS, bytes_of("gw2.example.net\0.evil", 21)));
	assert_false(cry_cert_names(c, CRY_NAME_DNS, bytes_of(NULL, 0)));
	assert_false(cry_cert_names(c, CRY_NAME_EMAIL, bytes_str("gw2.example.net")));
	assert_true(cry_cert_names(d, CRY_NAME_EMAIL, bytes_str("admin@GW1.example.net")));
	assert_false(cry_cert_names(d, CRY_NAME_EMAIL, bytes_str("Admin@gw1.example.net")));
	assert_true(cry_cert_names(d, CRY_NAME_DN, cry_cert_subject(d)));
	assert_false(cry_cert_names(d, CRY_NAME_DN, cry_cert_subject(c)));
	assert_false(cry_cert_names(d, CRY_NAME_DN, bytes_of(NULL, 0)));
	assert_false(cry_cert_names(none, CRY_NAME_IP, bytes_of(ip, 4)));
	assert_false(cry_cert_names(none, CRY_NAME_NONE, bytes_of(ip, 4)));
	assert_string_equal(
		cry_dn_text(buf, sizeof(buf), cry_cert_subject(d)), "C=DE, O=Example, CN=gw1");
	assert_string_equal(cry_dn_text(buf, 8, cry_cert_subject(d)), "C=DE, O");
	cry_cert_free(c);
	cry_cert_free(d);
	cry_cert_free(none);
}

static bool
matches(const char *pattern, const char *name)
{
	uint8_t a[1024], b[1024];
	const char *why;
	size_t n, m;

	assert_true(cry_dn_parse(pattern, a, sizeof(a), &n, &why));
	assert_true(cry_dn_parse(name, b, sizeof(b), &m, &why));
	return cry_dn_match(bytes_of(a, n), bytes_of(b, m));
}

static void
distinguished_names(void **state)
{
	static const char *const bad[] = { "", "/", "CN", "CN=", "C=Germany", "NOSUCH=x", "=x",
		"CN=a,,O=b", "CN=a,O" };
	uint8_t der[1024];
	char buf[256];
	const char *why;
	size_t n;

	(void)state;
	assert_true(matches("C=DE, O=Example, CN=gw1", "/C=DE/O=Example/CN=gw1"));
	assert_true(matches("C=DE, O=example,CN=GW1", "C=DE, O=Example, CN=gw1"));
	assert_true(matches("C=*, O=Example, CN=*", "C=DE, O=Example, CN=gw1"));
	assert_true(matches("O=A  B", "O=a b"));
	/* a wildcard is a whole value of one component; order and number count */
	assert_false(matches("C=DE, O=*", "C=DE, O=Example, CN=gw1"));
	assert_false(matches("C=DE, O=*, CN=*", "C=DE, O=Example"));
	assert_false(matches("C=DE, CN=gw1, O=Example", "C=DE, O=Example, CN=gw1"));
	assert_false(matches("C=DE, O=Ex*, CN=gw1", "C=DE, O=Example, CN=gw1"));
	assert_false(matches("C=DE, OU=*, CN=gw1", "C=DE, O=Example, CN=gw1"));
	assert_false(matches("CN=gw", "CN=gw1"));
	assert_false(matches("CN=gw1", "CN=*"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(cry_dn_parse(bad[i], der, sizeof(der), &n, &why));
	assert_false(cry_dn_parse("CN=gateway", der, 8, &n, &why));
	assert_true(cry_dn_parse("O=Smith\\, Jones \\\\ Co, CN=a=b", der, sizeof(der), &n, &why));
	assert_string_equal(cry_dn_text(buf, sizeof(buf), bytes_of(der, n)),
		"O=Smith\\, Jones \\\\ Co, CN=a=b");
	/* what a terminal would act on is not printed as it is */
	assert_true(cry_dn_parse("CN=a\x1b[2J\nb", der, sizeof(der), &n, &why));
	assert_string_equal(cry_dn_text(buf, sizeof(buf), bytes_of(der, n)), "CN=a\\x1b[2J\\x0ab");
	/* octets behind a name, and none at all */
	der[n] = 0;
	assert_string_equal(cry_dn_text(buf, 5, bytes_of(der, n + 1)), "0x30");
	assert_false(cry_dn_match(bytes_of(der, n + 1), bytes_of(der, n)));
	assert_false(cry_dn_match(bytes_of(der, n), bytes_of(der, n + 1)));
	assert_string_equal(cry_dn_text(buf, sizeof(buf), bytes_of(NULL, 0)), "0x");
}

/* A NUL within a name ends nothing. */
static void
nul_in_a_name(void **state)
{
	static const uint8_t nul[] = { 0x30, 0x11, 0x31, 0x0f, 0x30, 0x0d, 0x06, 0x03, 0x55, 0x04,
		0x03, 0x0c, 0x06, 'g', 'w', '1', 0, 'x', 'y' };
	uint8_t der[64];
	const char *why;
	char buf[64];
	size_t n;

	(void)state;
	assert_true(cry_dn_parse("CN=gw1", der, sizeof(der), &n, &why));
	assert_false(cry_dn_match(bytes_of(der, n), bytes_of(nul, sizeof(nul))));
	assert_false(cry_dn_match(bytes_of(nul, sizeof(nul)), bytes_of(der, n)));
	assert_string_equal(
		cry_dn_text(buf, sizeof(buf), bytes_of(nul, sizeof(nul))), "CN=gw1\\x00xy");
}

/* ----------------------------------------------------------------------------------- proofs --- */

static bool given; /* what is believed comes with the proof, from a directory of somebody else's */

/* key signs; the certificates are what came with it; ca is whom to believe, NULL: anybody. */
static enum status
judge(const char *key, const char *const *certs, const char *ca, int64_t today, char *why)
{
	struct cry_proof *p = cry_proof_new();
	struct cry_trust *t = ca == NULL ? NULL : cry_trust_new(given ? "/nonexistent" : NULL);
	enum status status;

	assert_non_null(p);
	p->key = private_key(key);
	p->kind = cry_key_kind(p->key);
	memset(p->digest, 0x42, 32);
	p->digest_n = 32;
	assert_int_equal(cry_proof_sign(p), ST_NORMAL);
	for (; *certs != NULL; certs++) {
		struct text x = file(*certs);

		if (strstr(*certs, ".pem") != NULL) {
			struct cry_cert *c = cert(*certs);

			p->cert[p->certs++] = cry_proof_dup(cry_cert_der(c));
			cry_cert_free(c);
		} else {
			p->cert[p->certs++] = cry_proof_dup(bytes_of(x.p, x.n));
		}
		text_free(&x);
	}
	if (ca != NULL) {
		struct text x = file(ca);

		assert_int_equal(cry_trust_has_dir(t), given);
		if (given) {
			p->hashed = cry_proof_dup(bytes_of(x.p, x.n));
		} else {
			assert_int_equal(cry_trust_add(t, bytes_of(x.p, x.n)), ST_NORMAL);
		}
		text_free(&x);
	}
	p->trust = t;
	p->today = today;
	status = cry_proof_verify(p);
	snprintf(why, CRY_WHY_MAX, "%s", p->why);
	assert_true((status == ST_NORMAL) == (p->leaf.n != 0));
	cry_proof_free(p);
	return status;
}
#define JUDGE(key, ca, today, ...)                                                                 \
	judge(key, (const char *const[]){ __VA_ARGS__, NULL }, ca, today, why)

static void
chains(void **state)
{
	char why[CRY_WHY_MAX];

	(void)state;
	assert_int_equal(JUDGE("gw1.key", "root-crl.pem", NOW, "gw1.pem"), ST_NORMAL);
	assert_string_equal(why, "");
	assert_int_equal(JUDGE("gw1.key", "root.pem", NOW, "gw1.pem"), ST_NORMAL);
	assert_non_null(strstr(why, "no revocation list"));
	assert_int_equal(JUDGE("deep.key", "root.pem", NOW, "deep.pem", "middle.pem"), ST_NORMAL);
	/* some send the chain the other way round, or with what does not belong to it */
	assert_int_equal(JUDGE("deep.key", "root.pem", NOW, "root.pem", "middle.pem", "deep.pem"),
		ST_NORMAL);
	assert_int_equal(JUDGE("gw1.key", "root.pem", NOW, "gw1.p7"), ST_NORMAL);
	assert_int_equal(JUDGE("gw1.key", NULL, NOW, "gw1.pem"), ST_NORMAL);
	assert_int_equal(JUDGE("gw1.key", "root.pem", NOW, "gw1.key"), ST_BADCERT);
	assert_int_equal(JUDGE("gw2.key", "root.pem", NOW, "gw1.pem"), ST_BADSIG);
	/* his own certificate beside the victim's: it is the signer's name that counts */
	assert_int_equal(
		JUDGE("stranger.key", "root.pem", NOW, "gw1.pem", "stranger.pem"), ST_CERTNOCA);
	assert_int_equal(JUDGE("p256.key", "root.pem", NOW, "gw1.pem"), ST_CERTKEY);
	/* CVE-2004-0607: a chain's errors stay errors */
	assert_int_equal(JUDGE("old.key", "root.pem", NOW, "old.pem"), ST_CERTEXPIRED);
	assert_int_equal(JUDGE("gw1.key", "root.pem", 1000000000, "gw1.pem"), ST_CERTEARLY);
	assert_int_equal(JUDGE("revoked.key", "root-crl.pem", NOW, "revoked.pem"), ST_CERTREVOKED);
	assert_int_equal(JUDGE("revoked.key", "root.pem", NOW, "revoked.pem"), ST_NORMAL);
	assert_int_equal(
		JUDGE("stranger.key", "root.pem", NOW, "stranger.pem", "other.pem"), ST_CERTNOCA);
	assert_int_equal(
		JUDGE("fakeca.key", "root.pem", NOW, "fakeca.pem", "gw2.pem"), ST_CERTINVALID);
	assert_int_equal(JUDGE("md5.key", "root.pem", NOW, "md5.pem"), ST_CERTINVALID);
	assert_int_equal(JUDGE("gw1.key", "root-crl-old.pem", NOW, "gw1.pem"), ST_CRLEXPIRED);
}

/* The same verdicts where the CAs and lists are given with each proof. */
static void
chains_given(void **state)
{
	char why[CRY_WHY_MAX];

	(void)state;
	given = true;
	assert_int_equal(JUDGE("gw1.key", "root-crl.pem", NOW, "gw1.pem"), ST_NORMAL);
	assert_string_equal(why, "");
	assert_int_equal(JUDGE("gw1.key", "root.pem", NOW, "gw1.pem"), ST_NORMAL);
	assert_non_null(strstr(why, "no revocation list"));
	assert_int_equal(JUDGE("revoked.key", "root-crl.pem", NOW, "revoked.pem"), ST_CERTREVOKED);
	assert_int_equal(JUDGE("gw1.key", "root-crl-old.pem", NOW, "gw1.pem"), ST_CRLEXPIRED);
	assert_int_equal(JUDGE("gw1.key", "crl.pem", NOW, "gw1.pem"), ST_CERTNOCA);
	assert_int_equal(JUDGE("gw1.key", "gw1.pub", NOW, "gw1.pem"), ST_CERTNOCA);
	assert_int_equal(
		JUDGE("stranger.key", "root.pem", NOW, "stranger.pem", "other.pem"), ST_CERTNOCA);
	given = false;
}

/* CVE-2009-1632: what a signature check took is given back, whatever its verdict. */
static void
cve_2009_1632_nothing_is_kept(void **state)
{
	char why[CRY_WHY_MAX];
	size_t before = 0;

	(void)state;
	for (unsigned i = 0; i < 120; i++) {
		if (i == 20) /* OpenSSL keeps some things once */
			before = mallinfo2().uordblks;
		assert_int_equal(JUDGE("gw2.key", "root.pem", NOW, "gw1.pem"), ST_BADSIG);
		assert_int_equal(
			JUDGE("stranger.key", "root.pem", NOW, "stranger.pem"), ST_CERTNOCA);
	}
	/* A hundred certificates would be 200 KB and more; under ASan its leak check tells. */
	assert_true(mallinfo2().uordblks < before + 150000);
	assert_int_equal(JUDGE("gw1.key", "root.pem", NOW, "gw1.pem"), ST_NORMAL);
}

static void
no_trust(void **state)
{
	struct cry_trust *t = cry_trust_new(NULL);
	struct cry_cert *c[2];
	struct text x = file("crl.pem");
	size_t n;

	(void)state;
	assert_int_equal(cry_trust_add(t, bytes_str("nothing")), ST_BADCERT);
	assert_int_equal(cry_trust_add(t, bytes_of(x.p, x.n)), ST_BADCERT); /* a list, but no CA */
	assert_int_equal(cry_trust_subject(t, 0).n, 0);
	text_free(&x);
	x = file("root.pem");
	assert_int_equal(cry_trust_add(t, bytes_of(x.p, x.n)), ST_NORMAL);
	text_free(&x);
	c[0] = cert("root.pem");
	assert_true(bytes_equal(cry_trust_subject(t, 0), cry_cert_subject(c[0])));
	assert_true(cry_cert_is_root(c[0]));
	assert_int_equal(cry_trust_subject(t, 1).n, 0);
	cry_cert_free(c[0]);
	cry_trust_free(t);
	/* as many as there is room for */
	x = file("deep-chain.pem");
	assert_int_equal(cry_certs_read(bytes_of(x.p, x.n), c, 2, &n), ST_NORMAL);
	assert_int_equal(n, 2);
	assert_false(cry_cert_is_root(c[1]));
	cry_cert_free(c[0]);
	cry_cert_free(c[1]);
	text_free(&x);
	assert_int_equal(cry_certs_read(bytes_str("x"), c, 2, &n), ST_BADCERT);
}

/* A CA and its revocation list have the same name in a hashed directory. */
static void
hashed_names(void **state)
{
	struct text ca = file("root.pem"), list = file("crl.pem"), key = file("gw1.key");
	char a[9], b[9];

	(void)state;
	assert_true(cry_hashed_name(bytes_of(ca.p, ca.n), false, a));
	assert_true(cry_hashed_name(bytes_of(list.p, list.n), true, b));
	assert_string_equal(a, b);
	assert_int_equal(strspn(a, "0123456789abcdef"), 8);
	assert_false(cry_hashed_name(bytes_of(ca.p, ca.n), true, a));
	assert_false(cry_hashed_name(bytes_of(key.p, key.n), false, a));
	assert_false(cry_hashed_name(bytes_of(NULL, 0), false, a));
	text_free(&ca);
	text_free(&list);
	text_free(&key);
}

static void
prints(void **state)
{
	struct cry_cert *c = cert("gw2.pem");
	struct text t = { 0 };

	(void)state;
	cry_cert_print(c, &t);
	assert_non_null(strstr(text_str(&t), "subject: C=DE, O=Example, CN=gw2\n"));
	assert_non_null(strstr(text_str(&t), "issuer: C=DE, O=Example, CN=Root CA\n"));
	assert_non_null(strstr(text_str(&t), "DNS:gw2.example.net"));
	assert_non_null(strstr(text_str(&t), "key: RSA, 2048 bits\n"));
	text_free(&t);
	cry_cert_free(c);
}

/* A key file may be DER; one that is cut off, or is a certificate, is no key. */
static void
der_keys(void **state)
{
	static const char *const names[] = { "gw1.key", "p256.key", "p521.key" };
	struct text t;
	uint8_t der[4096];
	struct cry_key *k;
	const char *why;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		t = file(names[i]);
		n = der_of(&t, der);
		assert_int_equal(cry_key_private(bytes_of(der, n), &k, &why), ST_NORMAL);
		cry_key_free(k);
		for (size_t cut = 0; cut < n; cut += cut < 8 ? 1 : 97)
			assert_int_equal(cry_key_private(bytes_of(der, cut), &k, &why), ST_BADKEY);
		der[0] = 0x31;
		assert_int_equal(cry_key_private(bytes_of(der, n), &k, &why), ST_BADKEY);
		assert_string_equal(why, "not a private key in PEM or DER");
		text_free(&t);
	}
	t = file("gw1.der");
	assert_int_equal(cry_key_private(bytes_of(t.p, t.n), &k, &why), ST_BADKEY);
	text_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(der_keys),
		cmocka_unit_test(signs_and_verifies),
		cmocka_unit_test(no_digest_info),
		cmocka_unit_test(unusable_keys),
		cmocka_unit_test(numbers_make_the_key),
		cmocka_unit_test(names_in_certificates),
		cmocka_unit_test(distinguished_names),
		cmocka_unit_test(nul_in_a_name),
		cmocka_unit_test(chains),
		cmocka_unit_test(cve_2009_1632_nothing_is_kept),
		cmocka_unit_test(chains_given),
		cmocka_unit_test(no_trust),
		cmocka_unit_test(hashed_names),
		cmocka_unit_test(prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
