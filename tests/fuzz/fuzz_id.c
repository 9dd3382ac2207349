/*
 * fuzz_id.c - identities: ID payloads of both phases, as they are compared with a configuration.
 *
 * Two ID payloads, the first with its length before it.  Whatever parses has a text without control
 * characters; a prefix made of one has no bit behind its length; identities that fit themselves are
 * found again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "racoon/ikev1/v1_id.h"
#include "tests/fuzz/snap.h"
#include "tests/fuzz/toy_cry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { INPUT_MAX = 2048 };

static struct rc_config *config;

static const char text[] =
	"path pre_shared_key \"/psk\";\n"
	"remote anonymous { exchange_mode main, aggressive; my_identifier address;\n"
	"peers_identifier address; peers_identifier address 10.1.2.3;\n"
	"peers_identifier fqdn \"b.example\";\n"
	"peers_identifier user_fqdn \"a@b.example\"; peers_identifier keyid tag \"key\";\n"
	"peers_identifier address 2001:db8::1; peers_identifier subnet 10.7.0.0/16;\n"
	"peers_identifier asn1dn \"C=DE, O=*, CN=*\"; verify_identifier on;\n"
	"proposal { encryption_algorithm aes; hash_algorithm sha1; dh_group 2;\n"
	"authentication_method pre_shared_key; } }\n"
	"remote 10.1.2.3 { exchange_mode main, aggressive; my_identifier address;\n"
	"verify_identifier on; proposal { encryption_algorithm aes; hash_algorithm sha1;\n"
	"dh_group 2; authentication_method pre_shared_key; } }\n"
	"sainfo address 10.1.0.0/16 any address 10.2.0.0/16 any { encryption_algorithm aes;\n"
	"authentication_algorithm hmac_sha1; compression_algorithm deflate; }\n"
	"sainfo address 2001:db8::/32[7] udp address 2001:db8:1::/48 17 {\n"
	"encryption_algorithm aes; authentication_algorithm hmac_sha1;\n"
	"compression_algorithm deflate; }\n"
	"sainfo fqdn \"a.example\" user_fqdn \"a@b.example\" from address 10.1.2.3 {\n"
	"encryption_algorithm aes; authentication_algorithm hmac_sha1;\n"
	"compression_algorithm deflate; }\n"
	"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1;\n"
	"compression_algorithm deflate; }\n";

static const char psk[] = "10.1.2.3 one\n2001:db8::1 two\nb.example three\na@b.example four\n";

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct rc_options options = { .cry = cry_new() };
	struct stmt_errors errors = { 0 };

	(void)argc, (void)argv;
	if (rc_load_text("fuzz", text, psk, &options, &config, &errors) != ST_NORMAL) {
		fprintf(stderr, "%s", text_str(&errors.text));
		return -1;
	}
	stmt_errors_free(&errors);
	return 0;
}

static void
check_text(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			abort();
}

static void
phase1(const struct wire_id *id)
{
	struct net_addr peer = net_ipv4(0x0a010203);
	struct rc_id as = { .type = (enum rc_idtype)id->type, .value = id->data };
	char buf[NET_ADDR_TEXT * 4], small[9];

	check_text(rc_id_text(buf, sizeof(buf), as.type, id->data));
	(void)rc_id_text(small, sizeof(small), as.type, id->data);
	for (unsigned i = 0; i < config->remotes; i++)
		(void)rc_peer_id_fits(config->remote[i], as.type, id->data, &peer);
	(void)rc_psk_for_id(config, as.type, id->data);
	(void)rc_remote_pick(config, &peer, RC_AGGRESSIVE, &as);
}

static void
phase2(const struct wire_id *local, const struct wire_id *remote)
{
	struct net_addr peer = net_ipv4(0x0a010203);
	struct rc_selector_id l, r;
	struct rc_id from = { .type = (enum rc_idtype)remote->type, .value = remote->data };
	struct sp_selector sel;
	struct net_prefix p;

	if (v1_id_prefix(local, &p)) {
		uint8_t buf[V1_ID_DATA_MAX];
		struct net_prefix again = p;
		struct wire_id back;

		net_prefix_mask(&again);
		if (p.len > net_addr_bits(&p.addr) || !net_addr_equal(&again.addr, &p.addr))
			abort();
		back = v1_id_of(&p, local->port, local->protocol, buf);
		if (!v1_id_prefix(&back, &again) || again.len != p.len ||
			!net_addr_equal(&again.addr, &p.addr))
			abort();
	}
	if (!v1_ids_selector(local, remote, &sel))
		return;
	v1_selector_ids(&sel, &l, &r);
	if (rc_sainfo_for(config, &l, &r, &peer, &from, 0) == NULL)
		abort(); /* there is an anonymous one */
}

static bool
payload(struct bytes in, struct wire_msg *m)
{
	static uint8_t buf[WIRE_GENERIC + INPUT_MAX];
	struct writer w = writer_of(buf, sizeof(buf));

	write_u16(&w, 0);
	write_u16(&w, (uint16_t)(WIRE_GENERIC + in.n));
	write_bytes(&w, in);
	return wire_parse(WIRE_ID, writer_bytes(&w), false, m, NULL) == ST_NORMAL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire_msg first, second;
	size_t n;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	n = data[0] < size - 1 ? data[0] : size - 1;
	snap_begin();
	uint8_t *one = malloc(n + 1), *two = malloc(size - n);
	if (one == NULL || two == NULL)
		abort();
	memcpy(one, data + 1, n);
	memcpy(two, data + 1 + n, size - 1 - n);
	bool both = payload(bytes_of(two, size - 1 - n), &second);
	uint8_t held[INPUT_MAX];
	struct wire_id b = { 0 };
	if (both) {
		b = second.payload[0].id;
		memcpy(held, b.data.p, b.data.n);
		b.data.p = held;
		phase1(&b);
	}
	if (payload(bytes_of(one, n), &first)) {
		struct wire_id a = first.payload[0].id;

		phase1(&a);
		phase2(&a, both ? &b : &a);
	}
	free(one);
	free(two);
	snap_end();
	return 0;
}
