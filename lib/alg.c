/*
 * alg.c - the algorithm table and its look-ups.
 *
 * Read by the configuration parsers, setkey, the IKE and PF_KEY codecs and lib/cry_*.c.  Nothing
 * here computes: whether a row can be had is cry_has(), and a row without an OpenSSL name is one
 * whose words and numbers are known so that it can be refused by name.
 *
 * Numbers: RFC 2407 4.4 and 4.5, RFC 2409 appendix A, the IANA registries ipsec-registry,
 * isakmp-registry and ikev2-parameters, RFC 2367 2.1 with the KAME and Linux extensions.
 */
#include "lib/alg.h"

#include <stdio.h>

#include "lib/attr.h"
#include "lib/text.h"

/*
 * A "*" in an OpenSSL name stands for the key size in bits.  AES-CTR, GCM, CCM and GMAC take the
 * salt from the key material's end (RFC 3686 5.1, 4106 8.1, 4309 7.1, 4543 5.1, 7634 2).
 */
const struct alg alg_table[] = {
	/* ------------------------------------------------------------ ciphers --- */
	{ .kind = ALG_ENCR, .name = "des-cbc", .racoon = { "des" }, .setkey = { "des-cbc" },
		.ike1 = 1, .esp1 = 2, .ike2 = 2, .pfkey = 2, .xfrm = "cbc(des)", .ossl = "DES-CBC",
		.legacy = true, .weak = true, .mode = ALG_MODE_CBC, .bits = { 64 }, .block = 8,
		.iv = 8 },
	{ .kind = ALG_ENCR, .name = "3des-cbc", .racoon = { "3des" }, .setkey = { "3des-cbc" },
		.ike1 = 5, .esp1 = 3, .ike2 = 3, .pfkey = 3, .xfrm = "cbc(des3_ede)",
		.ossl = "DES-EDE3-CBC", .mode = ALG_MODE_CBC, .bits = { 192 }, .block = 8,
		.iv = 8 },
	{ .kind = ALG_ENCR, .name = "idea-cbc", .racoon = { "idea" }, .setkey = { "idea-cbc" },
		.ike1 = 2, .esp1 = 5, .ike2 = 5, .ossl = "IDEA-CBC", .legacy = true, .weak = true,
		.mode = ALG_MODE_CBC, .bits = { 128 }, .block = 8, .iv = 8 },
	{ .kind = ALG_ENCR, .name = "cast128-cbc", .racoon = { "cast128" },
		.setkey = { "cast128-cbc" }, .ike1 = 6, .esp1 = 6, .ike2 = 6, .pfkey = 6,
		.xfrm = "cbc(cast5)", .ossl = "CAST5-CBC", .legacy = true, .mode = ALG_MODE_CBC,
		.bits_min = 40, .bits_max = 128, .key_length_attr = true, .block = 8, .iv = 8 },
	{ .kind = ALG_ENCR, .name = "blowfish-cbc", .racoon = { "blowfish" },
		.setkey = { "blowfish-cbc" }, .ike1 = 3, .esp1 = 7, .ike2 = 7, .pfkey = 7,
		.xfrm = "cbc(blowfish)", .ossl = "BF-CBC", .legacy = true, .weak = true,
		.mode = ALG_MODE_CBC, .bits_min = 40, .bits_max = 448, .key_length_attr = true,
		.block = 8, .iv = 8 },
	{ .kind = ALG_ENCR, .name = "null", .racoon = { "null_enc", "null" },
		.setkey = { "null", "simple" }, .esp1 = 11, .ike2 = 11, .pfkey = 11,
		.xfrm = "ecb(cipher_null)", .mode = ALG_MODE_NULL, .bits_max = 2048, .block = 1 },
	{ .kind = ALG_ENCR, .name = "aes-cbc", .racoon = { "aes", "rijndael" },
		.setkey = { "aes-cbc", "rijndael-cbc" }, .ike1 = 7, .esp1 = 12, .ike2 = 12,
		.pfkey = 12, .xfrm = "cbc(aes)", .ossl = "AES-*-CBC", .mode = ALG_MODE_CBC,
		.bits = { 128, 192, 256 }, .key_length_attr = true, .block = 16, .iv = 16 },
	{ .kind = ALG_ENCR, .name = "aes-ctr", .racoon = { "aes_ctr" }, .setkey = { "aes-ctr" },
		.esp1 = 13, .ike2 = 13, .pfkey = 13, .xfrm = "rfc3686(ctr(aes))",
		.ossl = "AES-*-CTR", .mode = ALG_MODE_CTR, .bits = { 128, 192, 256 },
		.key_length_attr = true, .salt = 4, .block = 1, .iv = 8 },
	{ .kind = ALG_ENCR, .name = "aes-ccm-8", .racoon = { "aes_ccm_8" },
		.setkey = { "aes-ccm-8" }, .esp1 = 14, .ike2 = 14, .pfkey = 14,
		.xfrm = "rfc4309(ccm(aes))", .ossl = "AES-*-CCM", .mode = ALG_MODE_CCM,
		.bits = { 128, 192, 256 }, .key_length_attr = true, .salt = 3, .block = 1, .iv = 8,
		.icv = 8 },
	{ .kind = ALG_ENCR, .name = "aes-ccm-12", .racoon = { "aes_ccm_12" },
		.setkey = { "aes-ccm-12" }, .esp1 = 15, .ike2 = 15, .pfkey = 15,
		.xfrm = "rfc4309(ccm(aes))", .ossl = "AES-*-CCM", .mode = ALG_MODE_CCM,
		.bits = { 128, 192, 256 }, .key_length_attr = true, .salt = 3, .block = 1, .iv = 8,
		.icv = 12 },
	{ .kind = ALG_ENCR, .name = "aes-ccm-16", .racoon = { "aes_ccm_16" },
		.setkey = { "aes-ccm-16" }, .esp1 = 16, .ike2 = 16, .pfkey = 16,
		.xfrm = "rfc4309(ccm(aes))", .ossl = "AES-*-CCM", .mode = ALG_MODE_CCM,
		.bits = { 128, 192, 256 }, .key_length_attr = true, .salt = 3, .block = 1, .iv = 8,
		.icv = 16 },
	{ .kind = ALG_ENCR, .name = "aes-gcm-8", .racoon = { "aes_gcm_8" },
		.setkey = { "aes-gcm-8" }, .esp1 = 18, .ike2 = 18, .pfkey = 18,
		.xfrm = "rfc4106(gcm(aes))", .ossl = "AES-*-GCM", .mode = ALG_MODE_GCM,
		.bits = { 128, 192, 256 }, .key_length_attr = true, .salt = 4, .block = 1, .iv = 8,
		.icv = 8 },
	{ .kind = ALG_ENCR, .name = "aes-gcm-12", .racoon = { "aes_gcm_12" },
		.setkey = { "aes-gcm-12" }, .esp1 = 19, .ike2 = 19, .pfkey = 19,
		.xfrm = "rfc4106(gcm(aes))", .ossl = "AES-*-GCM", .mode = ALG_MODE_GCM,
		.bits = { 128, 192, 256 }, .key_length_attr = true, .salt = 4, .block = 1, .iv = 8,
		.icv = 12 },
	{ .kind = ALG_ENCR, .name = "aes-gcm-16", .racoon = { "aes_gcm_16", "aes_gcm" },
		.setkey = { "aes-gcm-16", "aes-gcm" }, .esp1 = 20, .ike2 = 20, .pfkey = 20,
		.xfrm = "rfc4106(gcm(aes))", .ossl = "AES-*-GCM", .mode = ALG_MODE_GCM,
		.bits = { 128, 192, 256 }, .key_length_attr = true, .salt = 4, .block = 1, .iv = 8,
		.icv = 16 },
	{ .kind = ALG_ENCR, .name = "camellia-cbc", .racoon = { "camellia" },
		.setkey = { "camellia-cbc" }, .ike1 = 8, .esp1 = 22, .ike2 = 23, .pfkey = 22,
		.xfrm = "cbc(camellia)", .ossl = "CAMELLIA-*-CBC", .mode = ALG_MODE_CBC,
		.bits = { 128, 192, 256 }, .key_length_attr = true, .block = 16, .iv = 16 },
	{ .kind = ALG_ENCR, .name = "aes-gmac", .racoon = { "aes_gmac" }, .setkey = { "aes-gmac" },
		.esp1 = 23, .ike2 = 21, .pfkey = 23, .xfrm = "rfc4543(gcm(aes))",
		.ossl = "AES-*-GCM", .mode = ALG_MODE_GMAC, .bits = { 128, 192, 256 },
		.key_length_attr = true, .salt = 4, .block = 1, .iv = 8, .icv = 16 },
	{ .kind = ALG_ENCR, .name = "chacha20-poly1305",
		.racoon = { "chacha20_poly1305", "chacha20poly1305" },
		.setkey = { "chacha20-poly1305" }, .ike2 = 28, .pfkey = 31,
		.xfrm = "rfc7539esp(chacha20,poly1305)", .ossl = "ChaCha20-Poly1305",
		.mode = ALG_MODE_CHAPOLY, .bits = { 256 }, .salt = 4, .block = 1, .iv = 8,
		.icv = 16 },
	/* Known by name and number only: the words of old configurations. */
	{ .kind = ALG_ENCR, .name = "des-iv64", .racoon = { "des_iv64" }, .setkey = { "des-deriv" },
		.esp1 = 1, .ike2 = 1, .weak = true, .mode = ALG_MODE_NONE, .bits = { 64 },
		.block = 8, .iv = 8 },
	{ .kind = ALG_ENCR, .name = "des-iv32", .racoon = { "des_iv32" }, .setkey = { "des-32iv" },
		.esp1 = 9, .ike2 = 9, .weak = true, .mode = ALG_MODE_NONE, .bits = { 64 },
		.block = 8, .iv = 4 },
	{ .kind = ALG_ENCR, .name = "rc5", .setkey = { "rc5-cbc" }, .racoon = { "rc5" }, .ike1 = 4,
		.esp1 = 4, .ike2 = 4,
		.weak = true, .mode = ALG_MODE_NONE, .bits_min = 40, .bits_max = 128,
		.key_length_attr = true, .block = 8, .iv = 8 },
	{ .kind = ALG_ENCR, .name = "rc4", .racoon = { "rc4" }, .esp1 = 10, .weak = true,
		.mode = ALG_MODE_NONE, .bits = { 128 }, .block = 1 },
	{ .kind = ALG_ENCR, .name = "3idea", .racoon = { "3idea" }, .esp1 = 8, .ike2 = 8,
		.weak = true, .mode = ALG_MODE_NONE, .bits = { 384 }, .block = 8, .iv = 8 },
	{ .kind = ALG_ENCR, .name = "twofish-cbc", .racoon = { "twofish" },
		.setkey = { "twofish-cbc" }, .esp1 = 253, .pfkey = 253, .xfrm = "cbc(twofish)",
		.mode = ALG_MODE_NONE, .bits = { 128, 192, 256 }, .key_length_attr = true,
		.block = 16, .iv = 16 },

	/* ------------------------------------------------------------ integrity --- */
	{ .kind = ALG_AUTH, .name = "hmac-md5", .racoon = { "hmac_md5" }, .setkey = { "hmac-md5" },
		.ah1 = 2, .auth1 = 1, .ike2 = 1, .pfkey = 2, .xfrm = "hmac(md5)", .ossl = "MD5",
		.weak = true, .mode = ALG_MODE_HMAC, .bits = { 128 }, .icv = 12, .out = 16 },
	{ .kind = ALG_AUTH, .name = "hmac-sha1", .racoon = { "hmac_sha1" },
		.setkey = { "hmac-sha1" }, .ah1 = 3, .auth1 = 2, .ike2 = 2, .pfkey = 3,
		.xfrm = "hmac(sha1)", .ossl = "SHA1", .mode = ALG_MODE_HMAC, .bits = { 160 },
		.icv = 12, .out = 20 },
	/* RFC 4868 2.6: half of the output */
	{ .kind = ALG_AUTH, .name = "hmac-sha256",
		.racoon = { "hmac_sha256", "hmac_sha2_256" },
		.setkey = { "hmac-sha256", "hmac-sha2-256" }, .ah1 = 5, .auth1 = 5, .ike2 = 12,
		.pfkey = 5, .xfrm = "hmac(sha256)", .ossl = "SHA2-256", .mode = ALG_MODE_HMAC,
		.bits = { 256 }, .icv = 16, .out = 32 },
	/* What Linux did before 2.6.38, and does for PF_KEY: 96 bits. Nobody negotiates it. */
	{ .kind = ALG_AUTH, .name = "hmac-sha256-96",
		.setkey = { "hmac-sha256-96", "hmac-sha2-256-96" }, .pfkey = 248,
		.xfrm = "hmac(sha256)", .ossl = "SHA2-256", .mode = ALG_MODE_HMAC,
		.bits = { 256 }, .icv = 12, .out = 32 },
	{ .kind = ALG_AUTH, .name = "hmac-sha384",
		.racoon = { "hmac_sha384", "hmac_sha2_384" },
		.setkey = { "hmac-sha384", "hmac-sha2-384" }, .ah1 = 6, .auth1 = 6, .ike2 = 13,
		.pfkey = 6, .xfrm = "hmac(sha384)", .ossl = "SHA2-384", .mode = ALG_MODE_HMAC,
		.bits = { 384 }, .icv = 24, .out = 48 },
	{ .kind = ALG_AUTH, .name = "hmac-sha512",
		.racoon = { "hmac_sha512", "hmac_sha2_512" },
		.setkey = { "hmac-sha512", "hmac-sha2-512" }, .ah1 = 7, .auth1 = 7, .ike2 = 14,
		.pfkey = 7, .xfrm = "hmac(sha512)", .ossl = "SHA2-512", .mode = ALG_MODE_HMAC,
		.bits = { 512 }, .icv = 32, .out = 64 },
	{ .kind = ALG_AUTH, .name = "hmac-ripemd160", .racoon = { "hmac_ripemd160" },
		.setkey = { "hmac-ripemd160" }, .ah1 = 8, .auth1 = 8, .pfkey = 8,
		.xfrm = "hmac(rmd160)", .ossl = "RIPEMD-160", .mode = ALG_MODE_HMAC,
		.bits = { 160 }, .icv = 12, .out = 20 },
	{ .kind = ALG_AUTH, .name = "aes-xcbc-mac", .racoon = { "aes_xcbc_mac" },
		.setkey = { "aes-xcbc-mac" }, .ah1 = 9, .auth1 = 9, .ike2 = 5, .pfkey = 9,
		.xfrm = "xcbc(aes)", .ossl = "AES-*-CBC", .mode = ALG_MODE_XCBC, .bits = { 128 },
		.icv = 12, .out = 16 },
	{ .kind = ALG_AUTH, .name = "aes-cmac", .racoon = { "aes_cmac" }, .setkey = { "aes-cmac" },
		.ike2 = 8, .pfkey = 247, .xfrm = "cmac(aes)", .ossl = "AES-*-CBC", .mode = ALG_MODE_CMAC,
		.bits = { 128 }, .icv = 12, .out = 16 },
	/* RFC 1828 and 1852, with AH's 96 bits as KAME sends them */
	{ .kind = ALG_AUTH, .name = "keyed-md5", .setkey = { "keyed-md5" }, .pfkey = 249,
		.ossl = "MD5", .weak = true, .mode = ALG_MODE_KEYED, .bits = { 128 }, .icv = 12,
		.out = 16 },
	{ .kind = ALG_AUTH, .name = "keyed-sha1", .setkey = { "keyed-sha1" }, .pfkey = 250,
		.ossl = "SHA1", .weak = true, .mode = ALG_MODE_KEYED, .bits = { 160 }, .icv = 12,
		.out = 20 },
	{ .kind = ALG_AUTH, .name = "null", .racoon = { "non_auth" }, .setkey = { "null" },
		.pfkey = 251, .xfrm = "digest_null", .weak = true, .mode = ALG_MODE_NULL,
		.bits_max = 2048 },
	{ .kind = ALG_AUTH, .name = "tcp-md5", .setkey = { "tcp-md5" }, .pfkey = 252,
		.weak = true, .mode = ALG_MODE_NONE, .bits_min = 8, .bits_max = 640 },
	{ .kind = ALG_AUTH, .name = "des-mac", .racoon = { "des_mac" }, .ah1 = 4, .auth1 = 3,
		.ike2 = 3, .weak = true, .mode = ALG_MODE_NONE, .bits = { 64 } },
	{ .kind = ALG_AUTH, .name = "kpdk", .racoon = { "kpdk" }, .auth1 = 4, .ike2 = 4,
		.weak = true, .mode = ALG_MODE_NONE },

	/* ------------------------------------------------------------ phase 1 hashes --- */
	{ .kind = ALG_HASH, .name = "md5", .racoon = { "md5" }, .ike1 = 1, .ike2 = 1, .ossl = "MD5",
		.weak = true, .mode = ALG_MODE_HMAC, .out = 16 },
	{ .kind = ALG_HASH, .name = "sha1", .racoon = { "sha1" }, .ike1 = 2, .ike2 = 2,
		.ossl = "SHA1", .mode = ALG_MODE_HMAC, .out = 20 },
	{ .kind = ALG_HASH, .name = "tiger", .racoon = { "tiger" }, .ike1 = 3, .ike2 = 3,
		.weak = true, .mode = ALG_MODE_NONE, .out = 24 },
	{ .kind = ALG_HASH, .name = "sha256", .racoon = { "sha256", "sha2_256" }, .ike1 = 4,
		.ike2 = 5, .ossl = "SHA2-256", .mode = ALG_MODE_HMAC, .out = 32 },
	{ .kind = ALG_HASH, .name = "sha384", .racoon = { "sha384", "sha2_384" }, .ike1 = 5,
		.ike2 = 6, .ossl = "SHA2-384", .mode = ALG_MODE_HMAC, .out = 48 },
	{ .kind = ALG_HASH, .name = "sha512", .racoon = { "sha512", "sha2_512" }, .ike1 = 6,
		.ike2 = 7, .ossl = "SHA2-512", .mode = ALG_MODE_HMAC, .out = 64 },

	/*
	 * Groups.  strength: bits of the private exponent, twice the strength of the group (RFC
	 * 3526 8, NIST SP 800-56A) and at least 160.  out: the public value; both coordinates for
	 * EC (RFC 5903 7).
	 */
	{ .kind = ALG_DH, .name = "modp768", .racoon = { "modp768", "1" }, .ike1 = 1, .ike2 = 1,
		.ossl = "modp768", .weak = true, .mode = ALG_MODE_MODP, .bits = { 768 }, .out = 96,
		.strength = 160 },
	{ .kind = ALG_DH, .name = "modp1024", .racoon = { "modp1024", "2" }, .ike1 = 2, .ike2 = 2,
		.ossl = "modp1024", .weak = true, .mode = ALG_MODE_MODP, .bits = { 1024 },
		.out = 128, .strength = 160 },
	{ .kind = ALG_DH, .name = "modp1536", .racoon = { "modp1536", "5" }, .ike1 = 5, .ike2 = 5,
		.ossl = "modp_1536", .mode = ALG_MODE_MODP, .bits = { 1536 }, .out = 192,
		.strength = 200 },
	{ .kind = ALG_DH, .name = "modp2048", .racoon = { "modp2048", "14" }, .ike1 = 14,
		.ike2 = 14, .ossl = "modp_2048", .mode = ALG_MODE_MODP, .bits = { 2048 },
		.out = 256, .strength = 225 },
	{ .kind = ALG_DH, .name = "modp3072", .racoon = { "modp3072", "15" }, .ike1 = 15,
		.ike2 = 15, .ossl = "modp_3072", .mode = ALG_MODE_MODP, .bits = { 3072 },
		.out = 384, .strength = 275 },
	{ .kind = ALG_DH, .name = "modp4096", .racoon = { "modp4096", "16" }, .ike1 = 16,
		.ike2 = 16, .ossl = "modp_4096", .mode = ALG_MODE_MODP, .bits = { 4096 },
		.out = 512, .strength = 325 },
	{ .kind = ALG_DH, .name = "modp6144", .racoon = { "modp6144", "17" }, .ike1 = 17,
		.ike2 = 17, .ossl = "modp_6144", .mode = ALG_MODE_MODP, .bits = { 6144 },
		.out = 768, .strength = 375 },
	{ .kind = ALG_DH, .name = "modp8192", .racoon = { "modp8192", "18" }, .ike1 = 18,
		.ike2 = 18, .ossl = "modp_8192", .mode = ALG_MODE_MODP, .bits = { 8192 },
		.out = 1024, .strength = 400 },
	{ .kind = ALG_DH, .name = "ecp256", .racoon = { "ecp256", "19" }, .ike1 = 19, .ike2 = 19,
		.ossl = "P-256", .mode = ALG_MODE_EC, .bits = { 256 }, .out = 64, .strength = 256 },
	{ .kind = ALG_DH, .name = "ecp384", .racoon = { "ecp384", "20" }, .ike1 = 20, .ike2 = 20,
		.ossl = "P-384", .mode = ALG_MODE_EC, .bits = { 384 }, .out = 96, .strength = 384 },
	{ .kind = ALG_DH, .name = "ecp521", .racoon = { "ecp521", "21" }, .ike1 = 21, .ike2 = 21,
		.ossl = "P-521", .mode = ALG_MODE_EC, .bits = { 521 }, .out = 132,
		.strength = 521 },
	{ .kind = ALG_DH, .name = "x25519", .racoon = { "x25519", "curve25519", "31" }, .ike1 = 31,
		.ike2 = 31, .ossl = "X25519", .mode = ALG_MODE_X25519, .bits = { 255 }, .out = 32,
		.strength = 255 },
	{ .kind = ALG_DH, .name = "ec2n155", .racoon = { "ec2n155", "3" }, .ike1 = 3, .weak = true,
		.mode = ALG_MODE_NONE },
	{ .kind = ALG_DH, .name = "ec2n185", .racoon = { "ec2n185", "4" }, .ike1 = 4, .weak = true,
		.mode = ALG_MODE_NONE },

	/* ------------------------------------------------------------ IPComp --- */
	{ .kind = ALG_COMP, .name = "deflate", .racoon = { "deflate" }, .setkey = { "deflate" },
		.esp1 = 2, .ike2 = 2, .pfkey = 2, .xfrm = "deflate" },
	{ .kind = ALG_COMP, .name = "oui", .racoon = { "oui" }, .setkey = { "oui" }, .esp1 = 1,
		.ike2 = 1, .pfkey = 1 },
	{ .kind = ALG_COMP, .name = "lzs", .racoon = { "lzs" }, .setkey = { "lzs" }, .esp1 = 3,
		.ike2 = 3, .pfkey = 3, .xfrm = "lzs" },
};

const size_t alg_count = ARRAY_LEN(alg_table);

static bool
has_word(const char *const *words, const char *word)
{
	for (size_t i = 0; i < ALG_AKA_MAX && words[i] != NULL; i++)
		if (text_same(words[i], word))
			return true;
	return false;
}

const struct alg *
alg_by_racoon(enum alg_kind kind, const char *word)
{
	for (size_t i = 0; i < alg_count; i++)
		if (alg_table[i].kind == kind && has_word(alg_table[i].racoon, word))
			return &alg_table[i];
	return NULL;
}

const struct alg *
alg_by_setkey(enum alg_kind kind, const char *word)
{
	for (size_t i = 0; i < alg_count; i++)
		if (alg_table[i].kind == kind && has_word(alg_table[i].setkey, word))
			return &alg_table[i];
	return NULL;
}

const struct alg *
alg_by_name(enum alg_kind kind, const char *name)
{
	for (size_t i = 0; i < alg_count; i++)
		if (alg_table[i].kind == kind && text_same(alg_table[i].name, name))
			return &alg_table[i];
	return NULL;
}

/* The row of this kind whose number at `offset` is `value`; 0 is no number. */
static const struct alg *
by_number(enum alg_kind kind, size_t offset, uint16_t value)
{
	if (value == 0)
		return NULL;
	for (size_t i = 0; i < alg_count; i++) {
		const uint16_t *number =
			(const uint16_t *)(const void *)((const char *)&alg_table[i] + offset);
		if (alg_table[i].kind == kind && *number == value)
			return &alg_table[i];
	}
	return NULL;
}

const struct alg *
alg_by_ike1(enum alg_kind kind, uint16_t value)
{
	return by_number(kind, offsetof(struct alg, ike1), value);
}

const struct alg *
alg_by_esp1(enum alg_kind kind, uint16_t transform)
{
	return by_number(kind, offsetof(struct alg, esp1), transform);
}

const struct alg *
alg_by_ah1(uint16_t transform)
{
	return by_number(ALG_AUTH, offsetof(struct alg, ah1), transform);
}

const struct alg *
alg_by_auth1(uint16_t value)
{
	return by_number(ALG_AUTH, offsetof(struct alg, auth1), value);
}

const struct alg *
alg_by_pfkey(enum alg_kind kind, uint16_t value)
{
	return by_number(kind, offsetof(struct alg, pfkey), value);
}

bool
alg_key_ok(const struct alg *a, unsigned bits)
{
	if (a->bits[0] == 0)
		return bits % 8 == 0 && bits >= a->bits_min && bits <= a->bits_max;
	for (size_t i = 0; i < ALG_BITS_MAX; i++)
		if (a->bits[i] != 0 && a->bits[i] == bits)
			return true;
	return false;
}

unsigned
alg_default_bits(const struct alg *a)
{
	if (a->bits[0] != 0)
		return a->bits[0];
	/* NULL takes any key and wants none; Blowfish's and CAST's is the longest, as racoon's. */
	return a->mode == ALG_MODE_NULL ? 0 : a->bits_max;
}

char *
alg_bits_text(const struct alg *a, char *buf, size_t size)
{
	size_t count = 0, n = 0;

	if (a->bits[0] == 0) {
		snprintf(buf, size, "%u to %u", (unsigned)a->bits_min, (unsigned)a->bits_max);
		return buf;
	}
	while (count < ALG_BITS_MAX && a->bits[count] != 0)
		count++;
	if (size > 0)
		buf[0] = '\0';
	for (size_t i = 0; i < count && n < size; i++) {
		const char *before = i == 0 ? "" : i + 1 == count ? " or " : ", ";
		int w = snprintf(buf + n, size - n, "%s%u", before, (unsigned)a->bits[i]);
		if (w < 0)
			break;
		n += (size_t)w;
	}
	return buf;
}
