/*
 * fuzz_x509.c - certificates, names, key files: what a peer or a file may hold.
 *
 * First octet: which reader.  A name that was read prints and matches itself; the names of a
 * certificate are its own; a proof with certificates of the input ends in a verdict, in a good one
 * only with the certificate that made the signature.  Run from the root, where tests/pki/ is.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry_x509.h"
#include "racoon/auth/auth_plain.h"
#include "tests/fuzz/pool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum what { CERTIFICATE, NAME, NAME_TEXT, MATCH, PROOF, PKCS7, KEY, PLAIN, TRUST, WHATS };
enum { INPUT_MAX = 16384, NOW = 1800000000, EARLY = 1000000000 };

static const int64_t late = 5000000000; /* after the ends of the certificates of tests/pki */

static struct cry_key *signer, *own_key;
static struct cry_cert *own;
static struct cry_trust *trust, *listless, *outdated;
static uint8_t signature[CRY_SIG_MAX];
static size_t signature_n;
static const uint8_t digest[32] = { 1, 2, 3 };

static struct text
file(const char *name)
{
	struct text t = { 0 };
	char path[128], buf[4096];
	size_t n;

	snprintf(path, sizeof(path), "tests/pki/%s", name);
	FILE *f = fopen(path, "rb");
	if (!f) {
		fprintf(stderr, "%s is missing: run from the project's root\n", path);
		exit(1);
	}
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		text_add_n(&t, buf, n);
	fclose(f);
	return t;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct text key = file("p256.key"), cert = file("p256.pem"), ca = file("root-crl.pem"),
		    root = file("root.pem"), old = file("root-crl-old.pem");
	const char *why;
	size_t n;

	(void)argc, (void)argv;
	pool_use();
	trust = cry_trust_new(NULL);
	listless = cry_trust_new(NULL);
	outdated = cry_trust_new(NULL);
	if (cry_key_private(bytes_of(key.p, key.n), &signer, &why) ||
		cry_certs_read(bytes_of(cert.p, cert.n), &own, 1, &n) ||
		cry_trust_add(trust, bytes_of(ca.p, ca.n)) ||
		cry_trust_add(listless, bytes_of(root.p, root.n)) ||
		cry_trust_add(outdated, bytes_of(old.p, old.n)) ||
		cry_sign(signer, bytes_of(digest, sizeof(digest)), signature, &signature_n) ||
		cry_cert_key(own, &own_key, &why))
		abort();
	text_free(&key);
	text_free(&cert);
	text_free(&ca);
	text_free(&root);
	text_free(&old);
	return 0;
}

/* Text for a terminal or a log line holds nothing that either would act on. */
static void
check_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			abort();
}

static void
name(struct bytes der)
{
	char buf[4096], small[7];

	check_text(cry_dn_text(buf, sizeof(buf), der));
	if (der.n % 2)
		(void)cry_dn_text(small, sizeof(small), der);
	(void)cry_dn_match(der, cry_cert_subject(own));
}

static void
name_text(struct bytes in)
{
	char text[1024];
	uint8_t der[CRY_NAME_MAX];
	const char *why;
	size_t n;

	if (in.n >= sizeof(text))
		return;
	memcpy(text, in.p, in.n);
	text[in.n] = '\0';
	if (!cry_dn_parse(text, der, sizeof(der), &n, &why)) {
		if (!why || !*why)
			abort();
		return;
	}
	name(bytes_of(der, n));
	/* A value of ours holds no NUL, so that the name is what it says it is. */
	if (!cry_dn_match(bytes_of(der, n), bytes_of(der, n)))
		abort();
}

static void
certificate(struct bytes in)
{
	struct cry_cert *c[4];
	struct text t = { 0 };
	struct cry_key *k;
	char hash[9];
	const char *why;
	int64_t from, until;
	size_t n;

	if (cry_certs_read(in, c, 4, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		name(cry_cert_subject(c[i]));
		name(cry_cert_issuer(c[i]));
		cry_cert_days(c[i], &from, &until);
		cry_cert_free(cry_cert_ref(c[i]));
		cry_cert_print(c[i], &t);
		if (cry_cert_is_root(c[i]) !=
			bytes_equal(cry_cert_subject(c[i]), cry_cert_issuer(c[i])))
			abort();
		if (!cry_cert_key(c[i], &k, &why))
			(void)cry_verify(k, bytes_of(digest, 32), bytes_of(signature, signature_n));
		cry_key_free(k);
		(void)cry_cert_names(c[i], CRY_NAME_DNS, bytes_str("gw1.example.net"));
		(void)cry_cert_names(c[i], CRY_NAME_EMAIL, bytes_str("admin@GW1.example.net"));
		(void)cry_cert_names(c[i], CRY_NAME_EMAIL, bytes_str("OPS@gw1.example.net"));
		(void)cry_cert_names(c[i], CRY_NAME_IP, bytes_of(digest, 4));
		(void)cry_cert_names(c[i], CRY_NAME_DN, cry_cert_subject(own));
		if (cry_cert_subject(c[i]).n &&
			!cry_cert_names(c[i], CRY_NAME_DN, cry_cert_subject(c[i])))
			abort();
		cry_cert_free(c[i]);
	}
	text_free(&t);
	if (cry_hashed_name(in, in.n % 2 != 0, hash) && strlen(hash) != sizeof(hash) - 1)
		abort();
}

static struct cry_proof *
proof_new(const uint8_t *sig, size_t sig_n)
{
	struct cry_proof *p = cry_proof_new();

	if (!p)
		abort();
	p->kind = CRY_KEY_P256;
	memcpy(p->digest, digest, sizeof(digest));
	p->digest_n = sizeof(digest);
	memcpy(p->sig, sig, sig_n);
	p->sig_n = sig_n;
	return p;
}

/* The input is a signature, of a key known beforehand. */
static void
known(struct bytes in)
{
	struct cry_proof *p = proof_new(in.p, in.n < CRY_SIG_MAX ? in.n : CRY_SIG_MAX);

	p->known[p->knowns++] = cry_key_ref(own_key);
	(void)cry_proof_verify(p);
	check_text(p->why);
	cry_proof_free(p);
}

enum proof_bits { /* the first octet, above which reader it is */
	P_LISTLESS = 1, P_OUTDATED = 2, P_NAMED = 4, P_OPTIONAL = 8, P_RSA = 16,
};

/* The input is a certificate, or several behind their lengths; ours may follow. */
static enum status
proof(struct bytes in, bool whole, bool with_own, unsigned bits)
{
	struct cry_proof *p = proof_new(signature, signature_n);

	p->trust = cry_trust_ref(bits & P_LISTLESS ? listless :
		bits & P_OUTDATED ? outdated : trust);
	p->today = in.n % 8 == 7 ? late : in.n % 8 == 6 ? EARLY : NOW;
	p->name_type = bits & P_NAMED ? (in.n % 2 ? CRY_NAME_EMAIL : CRY_NAME_IP) : CRY_NAME_DN;
	p->name = cry_proof_dup(bits & P_NAMED ? bytes_str("a@gw") : cry_cert_subject(own));
	p->name_optional = (bits & P_OPTIONAL) != 0;
	if (bits & P_RSA)
		p->kind = CRY_KEY_RSA;
	if (whole)
		p->cert[p->certs++] = cry_proof_dup(in);
	while (!whole && in.n > 2 && p->certs < CRY_CERTS_MAX - 1) {
		size_t n = (size_t)in.p[0] << 8 | in.p[1];

		if (n > in.n - 2)
			n = in.n - 2;
		p->cert[p->certs++] = cry_proof_dup(bytes_of(in.p + 2, n));
		in = bytes_of(in.p + 2 + n, in.n - 2 - n);
	}
	if (with_own)
		p->cert[p->certs++] = cry_proof_dup(cry_cert_der(own));
	enum status status = cry_proof_verify(p);
	if (status == ST_NORMAL && !bytes_equal(p->leaf, cry_cert_der(own)))
		abort(); /* nobody else has the key, and a changed copy is not signed by the CA */
	check_text(p->why);
	cry_proof_free(p);
	return status;
}

static void
keys(struct bytes in)
{
	struct cry_key *k;
	const char *why;

	(void)cry_key_private(in, &k, &why);
	cry_key_free(k);
	(void)cry_key_public(in, &k, &why);
	cry_key_free(k);
}

static void
plain(struct bytes in)
{
	struct net_addr a = net_ipv4(0x0a000001);
	struct auth_plains p;
	struct cry_key *k[4];
	char why[256];

	for (int private = 0; private < 2; private++) {
		if (auth_plain_read(in, private, &p, why, sizeof(why)) && !why[0])
			abort();
		(void)auth_plain_find(&p, &a, &a, k, 4);
		auth_plain_free(&p);
	}
}

static void
one(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data + 1, size - 1);
	unsigned bits = data[0] / WHATS;

	switch ((enum what)(data[0] % WHATS)) {
	case CERTIFICATE:
		certificate(in);
		break;
	case NAME:
		name(in);
		break;
	case NAME_TEXT:
		name_text(in);
		break;
	case MATCH:
		if (in.n > 1 && in.p[0] < in.n)
			(void)cry_dn_match(bytes_of(in.p + 1, in.p[0]),
				bytes_of(in.p + 1 + in.p[0], in.n - 1 - in.p[0]));
		break;
	case PROOF:
		/* Beside none that can be read, ours has the verdict that it always has. */
		if (in.n < 3 || proof(in, false, false, bits) != ST_BADCERT)
			(void)proof(in, false, true, bits);
		break;
	case PKCS7:
		if (in.n % 8 == 5)
			known(in);
		else
			(void)proof(in, true, false, bits);
		break;
	case KEY:
		keys(in);
		break;
	case PLAIN:
		plain(in);
		break;
	case TRUST: {
		struct cry_trust *t = cry_trust_new(NULL);
		(void)cry_trust_add(t, in);
		cry_trust_free(t);
		break;
	}
	case WHATS:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > INPUT_MAX)
		return 0;
	if (pool_leaks(one, data, size))
		abort();
	return 0;
}
