/*
 * test_ike_cert.c - phase 1 with signatures: certificates, plain RSA keys, ECDSA; who is let in,
 * who is not, and what each end says about it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cry_x509.h"
#include "tests/unit/ike_pair.h"

#define HEAD "timer { counter 3; interval 5 sec; phase1 30 sec; phase2 20 sec; }\n"
#define TAIL                                                                                       \
	"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1;"         \
	" compression_algorithm deflate; }\n"

static char text_a[4096], text_b[4096];

static const char *
conf(char *buf, const char *mode, const char *auth, const char *hash, const char *group,
	const char *statements)
{
	snprintf(buf, 4096,
		HEAD "remote %%s { exchange_mode %s; %s\n"
		     " proposal { encryption_algorithm aes; hash_algorithm %s;\n"
		     "  authentication_method %s; dh_group %s; } }\n" TAIL,
		mode, statements, hash, auth, group);
	return buf;
}

#define GW1 "certificate_type x509 \"gw1.pem\" \"gw1.key\"; ca_type x509 \"root.pem\";"
#define GW2 "certificate_type x509 \"gw2.pem\" \"gw2.key\"; ca_type x509 \"root-crl.pem\";"

static struct pair *
with(const char *mode, const char *a, const char *b)
{
	return pair_new(conf(text_a, mode, "rsasig", "sha256", "x25519", a), NULL,
		conf(text_b, mode, "rsasig", "sha256", "x25519", b), NULL);
}

/* Both directions: who begins must not matter. */
static void
expect_up(struct pair *p, int from)
{
	uint64_t id;

	pair_policies(p, "esp/tunnel", NULL);
	id = pair_command(p, from, IKE_CMD_ESTABLISH, true);
	pair_run(p, 2000);
	assert_non_null(pair_reply_to(p, from, id));
	assert_int_equal(pair_reply_to(p, from, id)->status, ST_NORMAL);
	assert_int_equal(pair_up(p, 0), 1);
	assert_int_equal(pair_up(p, 1), 1);
	assert_true(pair_agree(p, 0) && pair_agree(p, 1));
	assert_int_equal(ike_half_open_count(p->host[0].e) + ike_half_open_count(p->host[1].e), 0);
}

static void
check_up(const char *mode, const char *a, const char *b)
{
	for (int from = 0; from < 2; from++) {
		struct pair *p = with(mode, a, b);

		expect_up(p, from);
		pair_free(p);
	}
}

/* B refuses A, who may have been satisfied itself; nothing is left, and A is told no reason. */
static void
expect_refused(struct pair *p, enum status cause, const char *detail)
{
	struct ike_failure_view f;

	pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	assert_true(ike_show_failure(p->host[1].e, 0, &f));
	if (f.status != cause)
		fprintf(stderr, "%s: %s\n", status_row(f.status)->ident, f.detail);
	assert_int_equal(f.status, cause);
	if (strstr(f.detail, detail) == NULL)
		fprintf(stderr, "%s\n", f.detail);
	assert_non_null(strstr(f.detail, detail));
	assert_int_equal(pair_up(p, 1), 0);
	pair_run(p, 120000);
	assert_int_equal(pair_up(p, 0) + pair_up(p, 1), 0);
	assert_int_equal(ike_half_open_count(p->host[1].e), 0);
}

static void
check_refused(const char *a, const char *b, enum status cause, const char *detail)
{
	struct pair *p = with("main", a, b);

	expect_refused(p, cause, detail);
	pair_free(p);
}

/* ------------------------------------------------------------------------------------ let in ---
 */

static void
main_mode(void **state)
{
	struct pair *p = with("main", GW1, GW2);
	struct cry_cert *cert;
	struct ike_sa_view v;
	uint64_t cursor = 0;
	size_t n;

	(void)state;
	expect_up(p, 0);
	/* the peer's certificate is there to be shown */
	assert_true(ike_show_sa(p->host[1].e, &cursor, &v));
	assert_int_equal(cry_certs_read(v.peer_cert, &cert, 1, &n), ST_NORMAL);
	assert_true(cry_cert_names(cert, CRY_NAME_DNS, bytes_str("gw1.example.net")));
	cry_cert_free(cert);
	pair_free(p);
	check_up("main", GW1, GW2);
}

static void
aggressive_mode(void **state)
{
	(void)state;
	check_up("aggressive", GW1 "my_identifier asn1dn;",
		GW2 "my_identifier fqdn \"gw2.example.net\";");
}

static void
base_mode(void **state)
{
	(void)state;
	check_up("base", GW1 "my_identifier asn1dn;", GW2);
	check_up("base",
		"certificate_type plain_rsa \"gw1.prsa\"; peers_certfile plain_rsa \"gw2.pub\";",
		"certificate_type plain_rsa \"gw2.prsa\"; peers_certfile plain_rsa \"gw1.pub\";");
}

static void
identities(void **state)
{
	(void)state;
	check_up("main",
		GW1 "my_identifier asn1dn; verify_identifier on;"
		    "peers_identifier fqdn \"gw2.example.net\";",
		GW2 "my_identifier fqdn \"gw2.example.net\"; verify_identifier on;"
		    "peers_identifier asn1dn \"C=DE, O=*, CN=gw1\";");
	check_up("main",
		GW1 "my_identifier user_fqdn \"admin@gw1.example.net\";"
		    "verify_identifier on; peers_identifier asn1dn;",
		GW2 "my_identifier asn1dn \"C=DE, O=Example, CN=gw2\";");
}

static void
chains(void **state)
{
	(void)state;
	check_up("main",
		"certificate_type x509 \"deep-chain.pem\" \"deep.key\";"
		"ca_type x509 \"root.pem\"; my_identifier asn1dn;",
		GW2);
	/* the intermediate does not come */
	check_refused("certificate_type x509 \"deep.pem\" \"deep.key\"; ca_type x509 \"root.pem\";",
		GW2, ST_CERTNOCA, "CN=deep");
}

static void
known_certificate(void **state)
{
	(void)state;
	check_up("main", GW1 "send_cert off; send_cr off;",
		"certificate_type x509 \"gw2.pem\" \"gw2.key\"; ca_type x509 \"root.pem\";"
		"peers_certfile x509 \"gw1.pem\";");
	check_up("main", GW1 "peers_certfile \"gw2.pem\";", GW2);
	/* another one of the same CA is not that one */
	check_refused(
		"certificate_type x509 \"deep-chain.pem\" \"deep.key\"; ca_type x509 \"root.pem\";",
		"certificate_type x509 \"gw2.pem\" \"gw2.key\"; peers_certfile x509 \"gw1.pem\";",
		ST_BADSIG, "CN=gw1");
}

static void
plain_rsa(void **state)
{
	(void)state;
	check_up("main",
		"certificate_type plain_rsa \"gw1.prsa\"; peers_certfile plain_rsa \"gw2.pub\";",
		"certificate_type plain_rsa \"gw2.prsa\"; peers_certfile plain_rsa \"gw1.pub\";");
	check_up("aggressive",
		"certificate_type plain_rsa \"gw1.prsa\"; peers_certfile plain_rsa \"gw2.pub\";",
		"certificate_type plain_rsa \"gw2.prsa\"; peers_certfile plain_rsa \"gw1.pub\";");
	/* one end with a certificate, the other with the bare key of it */
	check_up("main", "certificate_type plain_rsa \"gw1.prsa\"; ca_type x509 \"root.pem\";",
		GW2 "peers_certfile plain_rsa \"gw1.pub\";");
	check_refused(
		"certificate_type plain_rsa \"gw1.prsa\"; peers_certfile plain_rsa \"gw2.pub\";",
		"certificate_type plain_rsa \"gw2.prsa\"; peers_certfile plain_rsa \"gw2.pub\";",
		ST_BADSIG, "1 public key");
}

/* A key file that has none for this pair of addresses: told before anything is computed. */
static void
no_key_for_the_peer(void **state)
{
	(void)state;
	check_refused(
		"certificate_type plain_rsa \"gw1.prsa\"; peers_certfile plain_rsa \"gw2.pub\";",
		"certificate_type plain_rsa \"gw2.prsa\"; peers_certfile plain_rsa "
		"\"elsewhere.pub\";",
		ST_NOPEERKEY, "elsewhere.pub");
}

static void
ecdsa(void **state)
{
	static const char *const curve[][3] = { { "256", "sha256", "modp1024" },
		{ "384", "sha384", "x25519" }, { "521", "sha512", "x25519" } };
	char a[512], b[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(curve); i++) {
		struct pair *p;

		snprintf(a, sizeof(a),
			"certificate_type x509 \"p%s.pem\" \"p%s.key\";"
			"ca_type x509 \"root.pem\";",
			curve[i][0], curve[i][0]);
		snprintf(b, sizeof(b),
			"certificate_type x509 \"q%s.pem\" \"q%s.key\";"
			"ca_type x509 \"root.pem\";",
			curve[i][0], curve[i][0]);
		p = pair_new(conf(text_a, "main", "ecdsasig", curve[i][1], curve[i][2], a), NULL,
			conf(text_b, "main", "ecdsasig", curve[i][1], curve[i][2], b), NULL);
		expect_up(p, (int)i % 2);
		pair_free(p);
	}
}

static void
all_groups_and_hashes(void **state)
{
	static const char *const groups[] = { "modp1024", "ecp256", "ecp384", "ecp521", "x25519" };
	static const char *const hashes[] = { "md5", "sha1", "sha256", "sha384", "sha512" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		struct pair *p = pair_new(conf(text_a, "main", "rsasig", hashes[i], groups[i], GW1),
			NULL, conf(text_b, "main", "rsasig", hashes[i], groups[i], GW2), NULL);

		expect_up(p, (int)i % 2);
		pair_free(p);
	}
}

static void
unverified(void **state)
{
	struct pair *p;

	(void)state;
	/* verify_cert off: the sample configurations that people copied */
	p = with("main",
		"certificate_type x509 \"stranger.pem\" \"stranger.key\"; ca_type x509 "
		"\"root.pem\";",
		"certificate_type x509 \"gw2.pem\" \"gw2.key\"; verify_cert off;");
	expect_up(p, 0);
	pair_free(p);
	/* but the signature is that of the certificate's key even so, and a foreign ID is told */
	p = with("main", GW1 "my_identifier fqdn \"else.example.net\";",
		"certificate_type x509 \"gw2.pem\" \"gw2.key\"; verify_cert off;");
	expect_up(p, 0);
	assert_true(pair_logged(
		p, 1, "the identity is not in the certificate of C=DE, O=Example, CN=gw1"));
	pair_free(p);
}

/* ----------------------------------------------------------------------------------- refused ---
 */

static void
cve_2004_0607_chain_errors_stay(void **state)
{
	(void)state;
	check_refused(
		"certificate_type x509 \"revoked.pem\" \"revoked.key\"; ca_type x509 \"root.pem\";",
		GW2, ST_CERTREVOKED, "CN=revoked");
	check_refused("certificate_type x509 \"old.pem\" \"old.key\"; ca_type x509 \"root.pem\";",
		GW2, ST_CERTEXPIRED, "CN=old");
	check_refused("certificate_type x509 \"stranger.pem\" \"stranger.key\"; ca_type x509 "
		      "\"root.pem\";",
		GW2, ST_CERTNOCA, "CN=gw1");
	check_refused("certificate_type x509 \"md5.pem\" \"md5.key\"; ca_type x509 \"root.pem\";",
		GW2, ST_CERTINVALID, "MD5");
	/* made with the key of a certificate that is no CA's (CVE-2002-0862 and its kind) */
	check_refused("certificate_type x509 \"fakeca-chain.pem\" \"fakeca.key\"; ca_type x509 "
		      "\"root.pem\";",
		GW2, ST_CERTINVALID, "CN=gw2");
	check_refused(GW1,
		"certificate_type x509 \"gw2.pem\" \"gw2.key\"; ca_type x509 \"root-crl-old.pem\";",
		ST_CRLEXPIRED, "CRL has expired");
	check_refused(GW1 "send_cert off;", GW2, ST_NOPEERCERT, "");
}

static void
too_early(void **state)
{
	struct pair *p = with("main", GW1,
		"certificate_type x509 \"gw2.pem\" \"gw2.key\"; ca_type x509 \"root.pem\";");

	(void)state;
	p->today.ms = INT64_C(1500000000000); /* 2017 */
	expect_refused(p, ST_CERTEARLY, "not yet valid");
	assert_true(pair_logged(p, 0, "our own certificate gw1.pem"));
	pair_free(p);
}

/* What the certificate does not say is not believed, whatever verify_identifier is. */
static void
identity_must_be_in_the_certificate(void **state)
{
	(void)state;
	check_refused(GW1 "my_identifier fqdn \"gw2.example.net\";", GW2, ST_CERTNAME, "CN=gw1");
	check_refused(GW1 "my_identifier address 10.0.0.1;", GW2, ST_CERTNAME, "CN=gw1");
	check_refused(GW1 "my_identifier asn1dn \"C=DE, O=Example, CN=gw2\";", GW2, ST_CERTNAME,
		"CN=gw1");
	check_refused(GW1 "my_identifier keyid tag \"boss\";", GW2, ST_CERTNAME, "boss");
	/* a prefix is not the name, nor is the name a prefix */
	check_refused(GW1 "my_identifier fqdn \"gw1.example.ne\";", GW2, ST_CERTNAME, "CN=gw1");
	check_refused(GW1 "my_identifier fqdn \"gw1.example.net.evil.example\";", GW2, ST_CERTNAME,
		"CN=gw1");
	check_refused(GW1,
		GW2 "verify_identifier on; peers_identifier asn1dn \"C=DE, O=Other, CN=*\";",
		ST_IDMISMATCH, "192.168.1.100");
	check_refused(GW1 "my_identifier asn1dn;",
		GW2 "verify_identifier on; peers_identifier asn1dn \"C=DE, O=*\";", ST_IDMISMATCH,
		"CN=gw1");
}

/* The initiator's turn to refuse: the responder's certificate is the bad one. */
static void
initiator_refuses(void **state)
{
	struct pair *p = with("main",
		"certificate_type x509 \"gw1.pem\" \"gw1.key\"; ca_type x509 \"other.pem\";", GW2);
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);

	(void)state;
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_CERTNOCA);
	assert_int_equal(pair_up(p, 0), 0);
	pair_free(p);
}

static unsigned bent;

static bool
bend(struct pair *p, int from, uint8_t *octets, size_t n)
{
	/* Aggressive mode's message 2, in clear: the last payload but the vendor IDs is SIG */
	if (from == 1 && bent++ == 0) {
		uint8_t type = octets[16];

		for (size_t at = 28; at + 4 < n && type != 0;) {
			size_t len = (size_t)octets[at + 2] << 8 | octets[at + 3];

			if (type == WIRE_SIG)
				octets[at + len - 1] ^= 1;
			type = octets[at];
			at += len;
		}
	}
	(void)p;
	return true;
}

/* CVE-2004-0155: a signature is checked, not only the certificate. */
static void
cve_2004_0155_signature_is_checked(void **state)
{
	struct pair *p = with("aggressive", GW1, GW2);
	uint64_t id;

	(void)state;
	bent = 0;
	p->filter = bend;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_BADSIG);
	p->filter = NULL;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 30000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	pair_free(p);
}

static bool
rename_sig(struct pair *p, int from, uint8_t *octets, size_t n)
{
	(void)p;
	for (size_t at = 16, next = 28;
		from == 1 && bent == 0 && next + 4 < n && octets[at] != 0;) {
		if (octets[at] == WIRE_SIG) {
			octets[at] = WIRE_HASH;
			bent++;
		}
		at = next;
		next += (size_t)octets[at + 2] << 8 | octets[at + 3];
	}
	return true;
}

/* A HASH where SIG was agreed on (anyone could make one: g^xy is all it takes) is not looked at. */
static void
hash_instead_of_signature(void **state)
{
	/* with ECDSA, for its signature is no longer than a HASH may be */
	struct pair *p = pair_new(conf(text_a, "aggressive", "ecdsasig", "sha256", "x25519",
					  "certificate_type x509 \"p256.pem\" \"p256.key\"; "
					  "ca_type x509 \"root.pem\";"),
		NULL,
		conf(text_b, "aggressive", "ecdsasig", "sha256", "x25519",
			"certificate_type x509 \"q256.pem\" \"q256.key\"; ca_type x509 "
			"\"root.pem\";"),
		NULL);
	uint64_t id;

	(void)state;
	bent = 0;
	p->filter = rename_sig;
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	assert_int_equal(bent, 1);
	assert_true(pair_logged(p, 0, "the proof is not that of the method agreed on"));
	assert_int_equal(pair_up(p, 0), 0);
	/* the real one comes again, and is taken */
	pair_run(p, 10000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	pair_free(p);
}

/* Reference 7.2, 11: an identity that begins or ends like the one expected is another one. */
static void
flaw_11_part_of_an_identity(void **state)
{
	static const struct {
		const char *said;
		bool good;
	} cases[] = { { "branch.example.net", true }, { "branch.example.ne", false },
		{ "branch.example.net.evil.example", false }, { "b", false },
		{ "evil.branch.example.net", false } };
	char own[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pair *p;
		uint64_t id;

		snprintf(own, sizeof(own), "my_identifier fqdn \"%s\";", cases[i].said);
		p = pair_new(conf(text_a, "aggressive", "pre_shared_key", "sha256", "x25519", own),
			NULL,
			conf(text_b, "aggressive", "pre_shared_key", "sha256", "x25519",
				"verify_identifier on; peers_identifier fqdn "
				"\"branch.example.net\";"),
			NULL);
		id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
		pair_run(p, 3000);
		assert_int_equal(pair_up(p, 1), cases[i].good ? 1 : 0);
		if (cases[i].good)
			assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
		pair_free(p);
	}
}

/* Methods are not mixed up: who agreed on signatures cannot come with a HASH, nor the reverse. */
static void
methods_stay_apart(void **state)
{
	struct pair *p =
		pair_new(NULL, NULL, conf(text_b, "main", "rsasig", "sha1", "2", GW2), NULL);
	struct ike_failure_view f;

	(void)state;
	pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 60000);
	assert_true(ike_show_failure(p->host[1].e, 0, &f));
	assert_int_equal(f.status, ST_NOPROPOSAL);
	assert_non_null(strstr(f.detail, "authmethod = 3:1"));
	pair_free(p);
}

/* ---------------------------------------------------------------------------------- requests ---
 */

static void
requests(void **state)
{
	struct pair *p;

	(void)state;
	/* A asks for any CA's; B answers such requests, or does not */
	p = with("main", GW1 "verify_cert off;", GW2 "match_empty_cr on;");
	expect_up(p, 0);
	pair_free(p);
	p = with("main", "certificate_type x509 \"gw1.pem\" \"gw1.key\"; verify_cert off;",
		GW2 "match_empty_cr off;");
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NOPEERCERT);
	pair_free(p);
	/* A asks for another CA's: B's is sent all the same */
	p = with("main",
		"certificate_type x509 \"gw1.pem\" \"gw1.key\"; ca_type x509 \"other.pem\";", GW2);
	id = pair_command(p, 0, IKE_CMD_ESTABLISH, false);
	pair_run(p, 1000);
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_CERTNOCA);
	assert_true(pair_logged(p, 1, "peer asks for a certificate of C=US, O=Other, CN=Other CA"));
	pair_free(p);
}

/* send_cr: whether the peer is asked for its certificate; what it sends unasked will do. */
static void
request_not_sent(void **state)
{
	(void)state;
	for (int off = 0; off < 2; off++) {
		struct pair *p = with("main", off ? GW1 "send_cr off;" : GW1, GW2);

		expect_up(p, 0);
		assert_int_equal(pair_logged(p, 1, "CR: encoding"), !off);
		assert_true(pair_logged(p, 0, "CR: encoding"));
		pair_free(p);
	}
}

/* ------------------------------------------------------------------------------- odd timing --- */

/* The SA goes while its signature is being made: the answer finds nobody, and nothing leaks. */
static void
dies_under_a_job(void **state)
{
	struct pair *p = with("main", GW1, GW2);

	(void)state;
	for (int side = 0; side < 2; side++) {
		p->host[side].hold_jobs = true;
		pair_command(p, 0, IKE_CMD_ESTABLISH, false);
		for (unsigned step = 0; step < 8; step++) {
			pair_run(p, 100);
			if (step == 7 - (unsigned)side)
				break;
			pair_jobs(p, side);
		}
		pair_command(p, 0, IKE_CMD_FLUSH, false);
		pair_command(p, 1, IKE_CMD_FLUSH, false);
		pair_run(p, 100);
		p->host[side].hold_jobs = false;
		pair_jobs(p, side);
		pair_run(p, 60000);
	}
	expect_up(p, 0);
	pair_free(p);
}

/* Messages twice, and each lost once: signatures take their time, and are made once. */
static void
doubled(void **state)
{
	struct pair *p = with("main", GW1, GW2);

	(void)state;
	p->copy_after = 3;
	expect_up(p, 0);
	pair_free(p);
	p = with("aggressive", GW1, GW2);
	p->copy_after = 3;
	expect_up(p, 1);
	pair_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(main_mode),
		cmocka_unit_test(aggressive_mode),
		cmocka_unit_test(base_mode),
		cmocka_unit_test(identities),
		cmocka_unit_test(chains),
		cmocka_unit_test(known_certificate),
		cmocka_unit_test(plain_rsa),
		cmocka_unit_test(no_key_for_the_peer),
		cmocka_unit_test(ecdsa),
		cmocka_unit_test(all_groups_and_hashes),
		cmocka_unit_test(unverified),
		cmocka_unit_test(cve_2004_0607_chain_errors_stay),
		cmocka_unit_test(too_early),
		cmocka_unit_test(identity_must_be_in_the_certificate),
		cmocka_unit_test(initiator_refuses),
		cmocka_unit_test(cve_2004_0155_signature_is_checked),
		cmocka_unit_test(hash_instead_of_signature),
		cmocka_unit_test(flaw_11_part_of_an_identity),
		cmocka_unit_test(methods_stay_apart),
		cmocka_unit_test(requests),
		cmocka_unit_test(request_not_sent),
		cmocka_unit_test(dies_under_a_job),
		cmocka_unit_test(doubled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
