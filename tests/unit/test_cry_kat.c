/*
 * test_cry_kat.c - known answers: intel-ipsec-mb's collection (NIST, RFC and Wycheproof vectors),
 * ESP packets made by Linux, and the IKEv1 key derivations of NIST CAVP.
 *
 * Run from the project's root, where tests/vectors/ is.
 */
#include "lib/cry.h"
#include "racoon/ikev1/v1_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = 16384 };

struct value { /* octets given in hex */
	uint8_t b[VALUE_MAX];
	size_t n;
};

static int
setup(void **state)
{
	struct cry *c = cry_new();

	if (c == NULL || cry_allow_legacy(c) != ST_NORMAL)
		return -1;
	*state = c;
	return 0;
}

static int
teardown(void **state)
{
	cry_free(*state);
	return 0;
}

static json_t *
load(const char *name)
{
	char path[256];
	json_error_t error;
	json_t *root;

	snprintf(path, sizeof(path), "tests/vectors/%s", name);
	root = json_load_file(path, 0, &error);
	if (root == NULL)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	return root;
}

static struct bytes
hex(const json_t *object, const char *key, struct value *v)
{
	const char *s = json_string_value(json_object_get(object, key));

	assert_non_null(s);
	if (s[0] == '0' && s[1] == 'x')
		s += 2;
	assert_true(bytes_from_hex(s, strlen(s), v->b, sizeof(v->b), &v->n));
	return bytes_of(v->b, v->n);
}

static size_t
number(const json_t *object, const char *key)
{
	return (size_t)json_integer_value(json_object_get(object, key));
}

static bool
valid(const json_t *test)
{
	const char *s = json_string_value(json_object_get(test, "result"));

	return s != NULL && strcmp(s, "valid") == 0;
}

/* Calls run(c, group, test) for each test of an intel-ipsec-mb file; counts those it took. */
static size_t
each(struct cry *c, const char *file, bool (*run)(struct cry *, const json_t *, const json_t *,
	const void *), const void *user)
{
	json_t *root = load(file), *group, *test;
	size_t g, t, taken = 0;

	json_array_foreach(json_object_get(root, "testGroups"), g, group)
		json_array_foreach(json_object_get(group, "tests"), t, test)
			if (run(c, group, test, user))
				taken++;
	json_decref(root);
	return taken;
}

/* ------------------------------------------------------------ digests --- */

static struct value key, msg, want, iv, aad, tag;

static bool
run_sha(struct cry *c, const json_t *group, const json_t *test, const void *user)
{
	uint8_t out[CRY_HASH_MAX];
	char name[16];
	const struct alg *h;
	struct bytes part = hex(test, "msg", &msg);

	(void)user;
	snprintf(name, sizeof(name), "sha%zu", number(group, "tagSize"));
	h = alg_by_name(ALG_HASH, strcmp(name, "sha160") == 0 ? "sha1" : name);
	if (h == NULL) /* SHA-224 is no hash of IKE's */
		return false;
	assert_int_equal(cry_hash(c, h, &part, 1, out), ST_NORMAL);
	assert_true(bytes_equal(bytes_of(out, h->out), hex(test, "tag", &want)));
	return true;
}

static void
sha(void **state)
{
	assert_true(each(*state, "intel-ipsec-mb/sha_test.json", run_sha, NULL) >= 12);
}

static bool
run_hmac(struct cry *c, const json_t *group, const json_t *test, const void *user)
{
	uint8_t out[CRY_HASH_MAX];
	const struct alg *h = alg_by_name(ALG_HASH, user);
	struct bytes part = hex(test, "msg", &msg);

	(void)group;
	assert_int_equal(cry_hmac(c, h, hex(test, "key", &key), &part, 1, out), ST_NORMAL);
	hex(test, "tag", &want);
	assert_true(want.n > 0 && want.n <= h->out);
	assert_int_equal(memcmp(out, want.b, want.n) == 0, valid(test));
	return true;
}

static void
hmac(void **state)
{
	static const char *const names[] = { "md5", "sha1", "sha256", "sha384", "sha512" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char file[64];

		snprintf(file, sizeof(file), "intel-ipsec-mb/hmac_%s_test.json", names[i]);
		assert_true(each(*state, file, run_hmac, names[i]) >= 7);
	}
}

/* An SA's integrity function, when the key has the size that an SA's has. */
static bool
run_mac(struct cry *c, const json_t *group, const json_t *test, const void *user)
{
	uint8_t out[CRY_HASH_MAX];
	const struct alg *a = alg_by_name(ALG_AUTH, user);
	struct bytes part = hex(test, "msg", &msg), k = hex(test, "key", &key);
	struct cry_esp *e;
	size_t n;

	(void)group;
	if (!alg_key_ok(a, (unsigned)(k.n * 8)))
		return false;
	assert_int_equal(cry_esp_new(c, NULL, (struct bytes){ 0 }, a, k, true, &e), ST_NORMAL);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(cry_ah_icv(e, &part, 1, out, &n), ST_NORMAL);
		hex(test, "tag", &want);
		assert_int_equal(memcmp(out, want.b, want.n < n ? want.n : n) == 0, valid(test));
	}
	cry_esp_free(e);
	return true;
}

static void
mac(void **state)
{
	static const struct {
		const char *file, *name;
		size_t least;
	} sets[] = {
		{ "hmac_md5", "hmac-md5", 4 }, { "hmac_sha1", "hmac-sha1", 1 },
		{ "cmac_128", "aes-cmac", 12 }, { "xcbc", "aes-xcbc-mac", 7 },
	};

	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		char file[64];

		snprintf(file, sizeof(file), "intel-ipsec-mb/%s_test.json", sets[i].file);
		assert_true(each(*state, file, run_mac, sets[i].name) >= sets[i].least);
	}
}

/* ------------------------------------------------------------ ciphers --- */

static bool
run_cbc(struct cry *c, const json_t *group, const json_t *test, const void *user)
{
	const struct alg *a = alg_by_name(ALG_ENCR, user);
	uint8_t chain[CRY_BLOCK_MAX];
	struct bytes k = hex(test, "key", &key);

	(void)group;
	hex(test, "msg", &msg);
	hex(test, "ct", &want);
	hex(test, "iv", &iv);
	assert_int_equal(iv.n, a->block);
	memcpy(chain, iv.b, iv.n);
	assert_int_equal(cry_cbc(c, a, k, chain, msg.b, msg.n, true), ST_NORMAL);
	assert_int_equal(bytes_equal(bytes_of(msg.b, msg.n), bytes_of(want.b, want.n)),
		valid(test));
	assert_int_equal(cry_cbc(c, a, k, iv.b, want.b, want.n, false), ST_NORMAL);
	hex(test, "msg", &msg);
	assert_int_equal(bytes_equal(bytes_of(msg.b, msg.n), bytes_of(want.b, want.n)),
		valid(test));
	return true;
}

static void
cbc(void **state)
{
	assert_true(each(*state, "intel-ipsec-mb/cbc_test.json", run_cbc, "aes-cbc") >= 7);
	assert_true(each(*state, "intel-ipsec-mb/des_test.json", run_cbc, "des-cbc") >= 2);
	assert_true(each(*state, "intel-ipsec-mb/des3_test.json", run_cbc, "3des-cbc") >= 4);
}

/* A vector's 96-bit nonce is our salt and the packet's IV. */
static bool
run_packet(struct cry *c, const json_t *group, const json_t *test, const void *user)
{
	const struct alg *a = alg_by_name(ALG_ENCR, user);
	static uint8_t packet[3 * VALUE_MAX];
	struct cry_esp *seal, *open;
	size_t at, n;

	if (number(group, "ivSize") != 96 ||
		(a->icv > 0 && number(group, "tagSize") != a->icv * 8u))
		return false;
	hex(test, "key", &key);
	hex(test, "iv", &iv);
	hex(test, "msg", &msg);
	hex(test, "ct", &want);
	aad.n = tag.n = 0;
	if (a->icv > 0) {
		hex(test, "aad", &aad);
		hex(test, "tag", &tag);
	}
	memcpy(key.b + key.n, iv.b, a->salt);
	assert_int_equal(cry_esp_new(c, a, bytes_of(key.b, key.n + a->salt), NULL,
		(struct bytes){ 0 }, true, &seal), ST_NORMAL);
	assert_int_equal(cry_esp_new(c, a, bytes_of(key.b, key.n + a->salt), NULL,
		(struct bytes){ 0 }, false, &open), ST_NORMAL);
	at = aad.n + a->iv;
	n = at + msg.n + a->icv;
	memcpy(packet, aad.b, aad.n);
	memcpy(packet + aad.n, iv.b + a->salt, a->iv);
	memcpy(packet + at, msg.b, msg.n);
	assert_int_equal(cry_esp_seal(seal, packet, aad.n, a->iv, msg.n, false, 0), ST_NORMAL);
	assert_int_equal(memcmp(packet + at, want.b, want.n) == 0 &&
		memcmp(packet + at + want.n, tag.b, tag.n) == 0, valid(test));
	memcpy(packet + at, want.b, want.n);
	memcpy(packet + at + want.n, tag.b, tag.n);
	assert_int_equal(cry_esp_open(open, packet, n, aad.n, a->iv, false, 0),
		valid(test) ? ST_NORMAL : ST_BADICV);
	if (valid(test))
		assert_memory_equal(packet + at, msg.b, msg.n);
	cry_esp_free(seal);
	cry_esp_free(open);
	return true;
}

static void
aead_and_ctr(void **state)
{
	assert_true(each(*state, "intel-ipsec-mb/ctr_test.json", run_packet, "aes-ctr") >= 9);
	assert_true(each(*state, "intel-ipsec-mb/gcm_test.json", run_packet, "aes-gcm-16") >= 8);
	assert_true(each(*state, "intel-ipsec-mb/gcm_test.json", run_packet, "aes-gcm-8") >= 1);
	assert_true(each(*state, "intel-ipsec-mb/chacha20_poly1305_test.json", run_packet,
		"chacha20-poly1305") >= 3);
}

/* ------------------------------------------------------------ Linux --- */

struct linux_sa { /* an `ip xfrm state` line, taken apart */
	const struct alg *encr, *auth;
	struct value encr_key, auth_key;
	bool esn;
};

static const struct alg *
by_xfrm(enum alg_kind kind, const char *name, size_t icv_bits)
{
	for (size_t i = 0; i < alg_count; i++)
		if (alg_table[i].kind == kind && alg_table[i].xfrm != NULL &&
			strcmp(alg_table[i].xfrm, name) == 0 &&
			(icv_bits == 0 || alg_table[i].icv * 8u == icv_bits))
			return &alg_table[i];
	return NULL;
}

static void
word_hex(const char *word, struct value *v)
{
	v->n = 0;
	if (word != NULL && strlen(word) > 2)
		assert_true(bytes_from_hex(word + 2, strlen(word) - 2, v->b, sizeof(v->b), &v->n));
}

static void
parse_sa(const char *text, struct linux_sa *sa)
{
	char line[1024], *save = NULL, *words[32] = { 0 };
	size_t n = 0;

	memset(sa, 0, sizeof(*sa));
	snprintf(line, sizeof(line), "%s", text);
	for (char *w = strtok_r(line, " ", &save); w != NULL && n < ARRAY_LEN(words);
		w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	for (size_t i = 0; i + 1 < n; i++) {
		if (strcmp(words[i], "esn") == 0)
			sa->esn = true;
		if (strcmp(words[i], "enc") == 0) {
			sa->encr = by_xfrm(ALG_ENCR, words[i + 1], 0);
			assert_non_null(sa->encr);
			if (sa->encr->mode != ALG_MODE_NULL)
				word_hex(words[i + 2], &sa->encr_key);
		} else if (strcmp(words[i], "aead") == 0) {
			sa->encr = by_xfrm(ALG_ENCR, words[i + 1], (size_t)atoi(words[i + 3]));
			assert_non_null(sa->encr);
			word_hex(words[i + 2], &sa->encr_key);
		} else if (strcmp(words[i], "auth-trunc") == 0) {
			sa->auth = by_xfrm(ALG_AUTH, words[i + 1], (size_t)atoi(words[i + 3]));
			assert_non_null(sa->auth);
			word_hex(words[i + 2], &sa->auth_key);
		}
	}
}

/* Open one packet of Linux's, find the inner one, seal it again: the same octets. */
static void
linux_packet(const json_t *set, const json_t *entry, const struct linux_sa *sa,
	struct cry_esp *open, struct cry_esp *seal)
{
	static struct value ip, plain;
	bool v6 = number(set, "family") == 6;
	bool tunnel = strcmp(json_string_value(json_object_get(set, "mode")), "tunnel") == 0;
	size_t head = v6 ? 40 : 20, ivn = sa->encr->iv, icv, text, pad;
	static uint8_t packet[VALUE_MAX], copy[VALUE_MAX];
	size_t n;

	hex(entry, "ip", &ip);
	plain.n = 0; /* scapy, which made the plain packets, knows not all algorithms */
	if (json_object_get(entry, "plain") != NULL)
		hex(entry, "plain", &plain);
	if (!v6 && ip.b[9] == 17) /* in UDP, RFC 3948 */
		head += 8;
	n = ip.n - head;
	memcpy(packet, ip.b + head, n);
	memcpy(copy, packet, n);
	icv = sa->auth != NULL ? sa->auth->icv : sa->encr->icv;
	text = n - 8 - ivn - icv;
	assert_int_equal(cry_esp_open(open, packet, n, 8, ivn, sa->esn, 0), ST_NORMAL);
	pad = packet[8 + ivn + text - 2];
	assert_true(pad + 2 <= text);
	for (size_t i = 1; i <= pad; i++) /* RFC 4303 2.4 */
		assert_int_equal(packet[8 + ivn + text - 3 - pad + i], i);
	head = tunnel ? 0 : v6 ? 40 : 20;
	if (plain.n > 0) {
		assert_int_equal(text - pad - 2, plain.n - head);
		assert_memory_equal(packet + 8 + ivn, plain.b + head, plain.n - head);
	}
	assert_int_equal(cry_esp_seal(seal, packet, 8, ivn, text, sa->esn, 0), ST_NORMAL);
	assert_memory_equal(packet, copy, n);
	/* one bit of anything spoils it */
	packet[n / 2] ^= 1;
	assert_int_equal(cry_esp_open(open, packet, n, 8, ivn, sa->esn, 0), ST_BADICV);
}

static void
linux_esp(void **state)
{
	json_t *root = load("esp-ah-ipcomp/linux-6.1.json"), *set, *entry;
	size_t i, k, sets = 0;

	json_array_foreach(root, i, set) {
		static struct linux_sa sa;
		struct bytes encr_key, auth_key;
		struct cry_esp *open, *seal;

		if (strcmp(json_string_value(json_object_get(set, "proto")), "esp") != 0)
			continue; /* AH and IPComp need the IPsec engine */
		parse_sa(json_string_value(json_object_get(set, "sa")), &sa);
		assert_non_null(sa.encr);
		encr_key = bytes_of(sa.encr_key.b, sa.encr_key.n);
		auth_key = bytes_of(sa.auth_key.b, sa.auth_key.n);
		assert_int_equal(cry_esp_new(*state, sa.encr, encr_key, sa.auth, auth_key, false,
			&open), ST_NORMAL);
		assert_int_equal(cry_esp_new(*state, sa.encr, encr_key, sa.auth, auth_key, true,
			&seal), ST_NORMAL);
		json_array_foreach(json_object_get(set, "packets"), k, entry)
			linux_packet(set, entry, &sa, open, seal);
		cry_esp_free(open);
		cry_esp_free(seal);
		sets++;
	}
	assert_true(sets >= 30);
	json_decref(root);
}

/* ------------------------------------------------------------ IKEv1 --- */

static const struct alg *
hash_of(const json_t *set)
{
	const char *s = json_string_value(json_object_get(set, "hash"));
	char name[16];
	size_t n = 0;

	for (; *s != '\0' && n + 1 < sizeof(name); s++) /* "SHA-256" is our sha256 */
		if (*s != '-')
			name[n++] = *s;
	name[n] = '\0';
	return alg_by_name(ALG_HASH, name);
}

static void
same(const struct secret *got, const json_t *set, const char *name)
{
	assert_true(bytes_equal(secret_view(got), hex(set, name, &want)));
}

static void
ikev1_keys(void **state)
{
	static struct value ni, nr, gxy, cky_i, cky_r, psk;
	json_t *root = load("kdf/ike-kdf.json"), *set;
	size_t i, sets = 0;

	json_array_foreach(root, i, set) {
		const struct alg *h = hash_of(set);
		struct v1_keys k = { 0 };

		if (strcmp(json_string_value(json_object_get(set, "kind")), "ikev1") != 0)
			continue;
		assert_non_null(h);
		hex(set, "ni", &ni);
		hex(set, "nr", &nr);
		hex(set, "gxy", &gxy);
		hex(set, "cky_i", &cky_i);
		hex(set, "cky_r", &cky_r);
		if (strcmp(json_string_value(json_object_get(set, "auth")), "psk") == 0)
			assert_int_equal(v1_skeyid_psk(*state, h, hex(set, "psk", &psk),
				bytes_of(ni.b, ni.n), bytes_of(nr.b, nr.n), &k.skeyid), ST_NORMAL);
		else
			assert_int_equal(v1_skeyid_sig(*state, h, bytes_of(gxy.b, gxy.n),
				bytes_of(ni.b, ni.n), bytes_of(nr.b, nr.n), &k.skeyid), ST_NORMAL);
		assert_int_equal(v1_skeyid_dae(*state, h, bytes_of(gxy.b, gxy.n), cky_i.b, cky_r.b,
			&k), ST_NORMAL);
		same(&k.skeyid, set, "SKEYID");
		same(&k.d, set, "SKEYID_d");
		same(&k.a, set, "SKEYID_a");
		same(&k.e, set, "SKEYID_e");
		v1_keys_wipe(&k);
		sets++;
	}
	assert_true(sets >= 3);
	json_decref(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha),
		cmocka_unit_test(hmac),
		cmocka_unit_test(mac),
		cmocka_unit_test(cbc),
		cmocka_unit_test(aead_and_ctr),
		cmocka_unit_test(linux_esp),
		cmocka_unit_test(ikev1_keys),
	};

	return cmocka_run_group_tests_name("cry_kat", tests, setup, teardown);
}
