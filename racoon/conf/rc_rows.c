/*
 * rc_rows.c - the directives of racoon.conf, one row each.
 *
 * Read by rc_load.c, rc_dump.c, and by whatever prints the manual.  A row says what the directive's
 * words are, which field they fill, the default and the limits.  Directives whose work this version
 * does not do have rows as well: they are refused by name when set to a value that would have to act,
 * and accepted when switched off.  `help` of such a row says what is missing.
 */
#include "racoon/conf/rc_in.h"

#include "lib/log.h"

#define AT(type, field) .offset = offsetof(struct type, field)
/* Read in full, so that a slip is told as what it is: then the block around it is refused. */
#define INERT(word, form, kind) { word, form, rc_set_inert, .def = kind, \
	.help = "part of a refused block" }
#define INERT_WORDS(word, form, list) { word, form, rc_set_inert, .def = RC_INERT_WORD, \
	.words = list, .help = "part of a refused block" }
#define SECONDS(n) ((int64_t)(n) * 1000)

enum { COUNT_MAX = 1000, LIFE_MIN_S = 10, DAY_S = 86400, YEAR_S = 366 * DAY_S, KB_MAX = 1 << 20 };

/* ------------------------------------------------------------------------------------ words */

static const struct conf_word log_words[] = {
	{ "error", LOG_L_ERROR }, { "warning", LOG_L_WARNING }, { "notify", LOG_L_NOTIFY },
	{ "info", LOG_L_INFO }, { "debug", LOG_L_DEBUG }, { "debug2", LOG_L_DEBUG2 }, { NULL, 0 },
};
static const struct conf_word on_off_words[] = {
	{ "on", 1 }, { "off", 0 }, { "yes", 1 }, { "no", 0 }, { NULL, 0 },
};
static const struct conf_word force_words[] = {
	{ "on", RC_ON }, { "off", RC_OFF }, { "force", RC_FORCE }, { NULL, 0 },
};
static const struct conf_word generate_words[] = {
	{ "off", RC_GENERATE_OFF }, { "on", RC_GENERATE_REQUIRE },
	{ "require", RC_GENERATE_REQUIRE }, { "unique", RC_GENERATE_UNIQUE }, { NULL, 0 },
};
static const struct conf_word check_words[] = {
	{ "obey", RC_CHECK_OBEY }, { "strict", RC_CHECK_STRICT }, { "claim", RC_CHECK_CLAIM },
	{ "exact", RC_CHECK_EXACT }, { NULL, 0 },
};
static const struct conf_word doi_words[] = { { "ipsec_doi", 1 }, { NULL, 0 } };
static const struct conf_word situation_words[] = {
	{ "identity_only", 1 }, { "secrecy", 2 }, { "integrity", 4 }, { NULL, 0 },
};
static const struct conf_word gss_words[] = { { "utf-16le", 0 }, { "latin1", 1 }, { NULL, 0 } };

const struct conf_word rc_exchange_words[] = {
	{ "main", RC_MAIN }, { "aggressive", RC_AGGRESSIVE }, { "base", RC_BASE }, { NULL, 0 },
};
const struct conf_word rc_auth_words[] = {
	{ "pre_shared_key", RC_AUTH_PSK }, { "rsasig", RC_AUTH_RSASIG },
	{ "ecdsasig", RC_AUTH_ECDSA }, { "ecdsa256sig", RC_AUTH_ECDSA256 },
	{ "ecdsa384sig", RC_AUTH_ECDSA384 }, { "ecdsa521sig", RC_AUTH_ECDSA521 },
	{ "dsssig", RC_AUTH_DSS }, { "rsaenc", RC_AUTH_RSAENC }, { "rsarev", RC_AUTH_RSAREV },
	{ "gssapi_krb", RC_AUTH_GSSAPI }, { "hybrid_rsa_server", RC_AUTH_HYBRID_RSA_SERVER },
	{ "hybrid_rsa_client", RC_AUTH_HYBRID_RSA_CLIENT }, { "hybrid_dss_server", 64224 },
	{ "hybrid_dss_client", 64223 }, { "xauth_psk_server", RC_AUTH_XAUTH_PSK_SERVER },
	{ "xauth_psk_client", RC_AUTH_XAUTH_PSK_CLIENT },
	{ "xauth_rsa_server", RC_AUTH_XAUTH_RSA_SERVER },
	{ "xauth_rsa_client", RC_AUTH_XAUTH_RSA_CLIENT }, { NULL, 0 },
};
const struct conf_word rc_hook_words[] = {
	{ "phase1_up", RC_HOOK_UP }, { "phase1_down", RC_HOOK_DOWN },
	{ "phase1_dead", RC_HOOK_DEAD }, { NULL, 0 },
};
const struct conf_word rc_upper_words[] = { /* ID payload convention: 0 = any */
	{ "any", 0 }, { "icmp", 1 }, { "tcp", 6 }, { "udp", 17 }, { "gre", 47 }, { "esp", 50 },
	{ "ah", 51 }, { "icmp6", 58 }, { "ipcomp", 108 }, { NULL, 0 },
};

/* ---------------------------------------------------------------------------------- top level */

const struct conf_row rc_top_rows[] = {
	{ "path", "include|pre_shared_key|certificate|backupsa|script|pidfile \"file\";",
		rc_set_path, .help = "where files are" },
	{ "include", "\"file\";", rc_set_include, .help = "read another file here" },
	{ "log", "error|warning|notify|info|debug|debug2;", conf_set_word,
		AT(rc_config, log_level), .words = log_words, .def = LOG_L_INFO,
		.help = "finest level that is logged" },
	{ "pfkey_buffer", "kilobytes;", conf_set_number, AT(rc_config, pfkey_buffer_kb),
		.min = 0, .max = KB_MAX, .help = "receive buffer towards the SA database" },
	{ "complex_bundle", "on|off;", conf_set_switch, AT(rc_config, complex_bundle), .def = 1,
		.help = "accept any combination of proposals in a bundle" },
	{ "gss_id_enc", "utf-16le|latin1;", rc_set_ignored, .words = gss_words,
		.help = "encoding of a GSS-API identity" },
	{ "timer", "{ … }", rc_set_timer_block, .help = "retransmissions and time limits" },
	{ "listen", "{ … }", rc_set_listen_block, .help = "addresses and the control socket" },
	{ "padding", "{ … }", rc_set_padding_block, .help = "padding of ISAKMP messages" },
	{ "remote", "address [port]|anonymous|\"name\" [inherit parent] { … } or ;", rc_set_remote,
		.help = "phase 1 with one peer, or with all others" },
	{ "sainfo", "anonymous|local remote [from identity] { … }", rc_set_sainfo,
		.help = "phase 2 for one pair of identities" },
	{ "privsep", "{ … }", rc_set_privsep_block, .help = "a worker without privileges" },
	{ "mode_cfg", "{ … }", rc_set_refused_block,
		.help = "ISAKMP mode configuration" },
	{ "radiuscfg", "{ … }", rc_set_refused_block, .help = "RADIUS" },
	{ "ldapcfg", "{ … }", rc_set_refused_block, .help = "LDAP" },
	{ "policy", "… { … } or ;", rc_set_obsolete,
		.help = "policies are loaded into the SPD with setkey" },
	{ .keyword = NULL },
};

const struct conf_row rc_timer_rows[] = {
	{ "counter", "number;", conf_set_number, AT(rc_timer, counter), .max = COUNT_MAX, .def = 5,
		.help = "retransmissions" },
	{ "interval", "number unit;", conf_set_time, AT(rc_timer, interval), .min = SECONDS(1),
		.max = SECONDS(3600), .def = SECONDS(10), .help = "time between them" },
	{ "persend", "number;", conf_set_number, AT(rc_timer, persend), .min = 1, .max = 10,
		.def = 1, .help = "copies of each datagram" },
	{ "phase1", "number unit;", conf_set_time, AT(rc_timer, phase1), .min = SECONDS(1),
		.max = SECONDS(DAY_S), .def = SECONDS(30), .help = "time phase 1 may take" },
	{ "phase2", "number unit;", conf_set_time, AT(rc_timer, phase2), .min = SECONDS(1),
		.max = SECONDS(DAY_S), .def = SECONDS(30), .help = "time phase 2 may take" },
	{ "natt_keepalive", "number unit;", conf_set_time, AT(rc_timer, natt_keepalive), .min = 0,
		.max = SECONDS(DAY_S), .def = SECONDS(20), .help = "between NAT keepalives, 0 = none" },
	{ .keyword = NULL },
};

const struct conf_row rc_listen_rows[] = {
	{ "isakmp", "address [port];", rc_set_isakmp, .help = "listen only here" },
	{ "isakmp_natt", "address [port];", rc_set_isakmp, .def = 1,
		.help = "the same for NAT traversal" },
	{ "strict_address", ";", rc_set_strict_address,
		.help = "end when an address cannot be bound" },
	{ "adminsock", "\"path\" [\"owner\" \"group\" mode]|disabled;", rc_set_adminsock,
		.help = "control socket when run alone" },
	{ .keyword = NULL },
};

const struct conf_row rc_padding_rows[] = {
	{ "maximum_length", "number;", conf_set_number, AT(rc_padding, maximum_length), .max = 255,
		.min = 1, .def = 20, .help = "largest random pad" },
	{ "randomize", "on|off;", conf_set_switch, AT(rc_padding, randomize), .def = 1,
		.help = "random octets" },
	{ "randomize_length", "on|off;", conf_set_switch, AT(rc_padding, randomize_length),
		.help = "random length" },
	{ "strict_check", "on|off;", conf_set_switch, AT(rc_padding, strict_check),
		.help = "check the peer's pad" },
	{ "exclusive_tail", "on|off;", conf_set_switch, AT(rc_padding, exclusive_tail), .def = 1,
		.help = "the length octet does not count itself" },
	{ .keyword = NULL },
};

/* ------------------------------------------------------------------------------------- remote */

const struct conf_row rc_remote_rows[] = {
	{ "remote_address", "address [port];", rc_set_remote_address, rc_print_remote_address,
		.help = "the peer of a section with a name" },
	{ "exchange_mode", "main|aggressive|base, …;", rc_set_exchange_mode, rc_print_exchange_mode,
		.help = "first: to begin with; all: accepted" },
	{ "doi", "ipsec_doi;", rc_set_ignored, .words = doi_words, .help = "always RFC 2407" },
	{ "situation", "identity_only;", rc_set_fixed, .words = situation_words, .def = 1,
		.help = "only identity_only exists" },
	{ "my_identifier", "address|fqdn|user_fqdn|keyid|subnet|asn1dn …;", rc_set_my_identifier,
		rc_print_my_identifier, .help = "who we say we are" },
	{ "peers_identifier", "address|fqdn|user_fqdn|keyid|subnet|asn1dn …;",
		rc_set_peers_identifier, .help = "who the peer may be; repeatable" },
	{ "identifier", "…;", rc_set_obsolete, .help = "use my_identifier" },
	{ "verify_identifier", "on|off;", conf_set_switch, AT(rc_remote, verify_identifier),
		.help = "refuse a peer that is none of peers_identifier" },
	{ "nonce_size", "octets;", conf_set_number, AT(rc_remote, nonce_size), .min = 8, .max = 256,
		.def = 16, .help = "size of our nonces" },
	{ "passive", "on|off;", conf_set_switch, AT(rc_remote, passive),
		.help = "never begin a negotiation" },
	{ "initial_contact", "on|off;", conf_set_switch, AT(rc_remote, initial_contact), .def = 1,
		.help = "tell the peer that older SAs are gone" },
	{ "proposal_check", "obey|strict|claim|exact;", rc_set_enum, rc_print_enum,
		AT(rc_remote, proposal_check), check_words, .def = RC_CHECK_STRICT,
		.help = "what to do with the peer's lifetimes and groups" },
	{ "rekey", "on|off|force;", rc_set_enum, rc_print_enum, AT(rc_remote, rekey), force_words,
		.def = RC_ON, .help = "renew phase 1 before it expires" },
	{ "ph1id", "number;", conf_set_number, AT(rc_remote, ph1id), .max = UINT32_MAX,
		.help = "tag that sainfo's remoteid names" },
	{ "lifetime", "time number unit;", rc_set_lifetime, rc_print_lifetime,
		AT(rc_remote, life_ms), .min = SECONDS(LIFE_MIN_S), .max = SECONDS(YEAR_S),
		.def = SECONDS(28800), .help = "of phase 1, where a proposal has none" },
	{ "dpd", "on|off;", conf_set_switch, AT(rc_remote, dpd), .def = 1,
		.help = "say that we understand dead peer detection" },
	{ "dpd_delay", "seconds;", conf_set_number, AT(rc_remote, dpd_delay_s), .max = DAY_S,
		.help = "asking whether the peer lives" },
	{ "dpd_retry", "seconds;", conf_set_number, AT(rc_remote, dpd_retry_s), .min = 1,
		.max = DAY_S, .def = 5, .help = "between unanswered probes" },
	{ "dpd_maxfail", "number;", conf_set_number, AT(rc_remote, dpd_maxfail), .min = 1,
		.max = COUNT_MAX, .def = 5, .help = "probes until the peer is dead" },
	{ "nat_traversal", "on|off|force;", rc_set_enum, rc_print_enum,
		AT(rc_remote, nat_traversal), force_words, .def = RC_OFF,
		.help = "ESP in UDP through address translators" },
	{ "ike_frag", "on|off|force;", rc_set_enum, rc_print_enum, AT(rc_remote, ike_frag),
		force_words, .def = RC_OFF, .help = "fragmentation of IKE messages" },
	{ "esp_frag", "octets;", conf_set_number, AT(rc_remote, esp_frag), .min = 68, .max = 65535,
		.def = 65535, .help = "fragment size before ESP in UDP" },
	{ "generate_policy", "off|on|require|unique;", rc_set_enum, rc_print_enum,
		AT(rc_remote, generate_policy), generate_words, .def = RC_GENERATE_OFF,
		.help = "make policies from what the peer asks" },
	{ "support_proxy", "on|off;", conf_set_switch, AT(rc_remote, support_proxy),
		.help = "SA end points from phase 2 identities" },
	{ "support_mip6", "on|off;", rc_set_mip6, .help = "the older name of support_proxy" },
	{ "weak_phase1_check", "on|off;", conf_set_switch, AT(rc_remote, weak_phase1_check),
		.help = "act on Deletes that nothing authenticates" },
	{ "script", "\"file\" phase1_up|phase1_down|phase1_dead;", rc_set_script,
		.words = rc_hook_words, .help = "a program to run at this event; repeatable" },
	{ "proposal", "{ … }", rc_set_proposal, .help = "one phase 1 proposal; repeatable" },

	/* keys and certificates */
	{ "certificate_type", "x509 \"certificate\" \"key\"|plain_rsa \"key\";",
		rc_set_certificate_type, rc_print_certificate_type,
		.help = "our certificate and its private key, or our key alone" },
	{ "ca_type", "x509 \"file\";", rc_set_ca_type, rc_print_ca_type,
		.help = "CAs we believe, besides those of path certificate" },
	{ "peers_certfile", "x509 \"file\"|plain_rsa \"file\"|\"file\";", rc_set_peers_certfile,
		rc_print_peers_certfile, .help = "the peer's certificate or keys, from here" },
	{ "send_cert", "on|off;", conf_set_switch, AT(rc_remote, send_cert), .def = 1,
		.help = "send our certificate" },
	{ "send_cr", "on|off;", conf_set_switch, AT(rc_remote, send_cr), .def = 1,
		.help = "ask for the peer's certificate" },
	{ "verify_cert", "on|off;", conf_set_switch, AT(rc_remote, verify_cert), .def = 1,
		.help = "check the peer's certificate" },
	{ "match_empty_cr", "on|off;", conf_set_switch, AT(rc_remote, match_empty_cr), .def = 1,
		.help = "answer a request for a certificate of any CA" },

	/* not available: only the value that switches them off */
	{ "mode_cfg", "on|off;", rc_set_fixed, .words = on_off_words,
		.help = "ISAKMP mode configuration" },
	{ "xauth_login", "[\"user\"];", rc_set_refused, .help = "XAUTH" },
	{ "dh_group", "group;", rc_set_obsolete, .help = "it belongs inside proposal { }" },
	{ .keyword = NULL },
};

void
rc_remote_defaults(struct rc_remote *r)
{
	conf_defaults(rc_remote_rows, r);
	r->my_id = (struct rc_id){ .type = RC_ID_IPV4, .own_address = true, .text = "address" };
	r->proposal_check = RC_CHECK_STRICT;
	r->generate_policy = RC_GENERATE_OFF;
	r->nat_traversal = r->ike_frag = RC_OFF;
	r->rekey = RC_ON;
	r->life_ms = SECONDS(28800);
}

const struct conf_row rc_proposal_rows[] = {
	{ "encryption_algorithm", "algorithm [bits];", rc_set_proposal_encr, rc_print_proposal_encr,
		AT(rc_proposal, encr), .help = "cipher of phase 1" },
	{ "hash_algorithm", "algorithm;", rc_set_proposal_alg, rc_print_alg, AT(rc_proposal, hash),
		.def = ALG_HASH, .help = "hash of phase 1" },
	{ "dh_group", "group;", rc_set_proposal_alg, rc_print_alg, AT(rc_proposal, group),
		.def = ALG_DH, .help = "group of the key exchange" },
	{ "authentication_method", "pre_shared_key|rsasig|ecdsasig;", rc_set_proposal_auth, rc_print_proposal_auth,
		AT(rc_proposal, auth), .words = rc_auth_words, .help = "how the peers prove who they are" },
	{ "lifetime", "time number unit;", rc_set_proposal_lifetime, rc_print_proposal_lifetime,
		AT(rc_proposal, life_ms), .min = SECONDS(LIFE_MIN_S), .max = SECONDS(YEAR_S),
		.help = "of phase 1 with this proposal" },
	{ "gss_id", "\"name\";", rc_set_refused, .help = "GSS-API" },
	{ "gssapi_id", "\"name\";", rc_set_refused, .help = "GSS-API" },
	{ .keyword = NULL },
};

/* ------------------------------------------------------------------------------------- sainfo */

const struct conf_row rc_sainfo_rows[] = {
	{ "pfs_group", "group;", rc_set_pfs_group, rc_print_alg, AT(rc_sainfo, pfs),
		.help = "a key exchange of its own for phase 2" },
	{ "lifetime", "time number unit;", rc_set_lifetime, rc_print_lifetime,
		AT(rc_sainfo, life_ms), .min = SECONDS(LIFE_MIN_S), .max = SECONDS(YEAR_S),
		.def = SECONDS(28800), .help = "of the IPsec SAs" },
	{ "remoteid", "number;", conf_set_number, AT(rc_sainfo, remoteid), .max = UINT32_MAX,
		.help = "only for the remote with this ph1id" },
	{ "encryption_algorithm", "algorithm [bits], …;", rc_set_sainfo_algs, rc_print_sainfo_encr,
		.def = ALG_ENCR, .help = "ciphers of ESP, in order" },
	{ "authentication_algorithm", "algorithm, …;", rc_set_sainfo_algs, rc_print_sainfo_auth,
		.def = ALG_AUTH, .help = "integrity of ESP and AH, in order" },
	{ "compression_algorithm", "deflate;", rc_set_sainfo_algs, rc_print_sainfo_comp,
		.def = ALG_COMP, .help = "of IPComp" },
	{ .keyword = NULL },
};

/* ------------------------------------------------------------------------------------ privsep */

/* .def: a number will do as well */
const struct conf_row rc_privsep_rows[] = {
	{ "user", "\"name\"|number;", rc_set_privsep_name, rc_print_privsep_name,
		AT(rc_privsep, user), .def = 1, .help = "whose process handles the network" },
	{ "group", "\"name\"|number;", rc_set_privsep_name, rc_print_privsep_name,
		AT(rc_privsep, group), .def = 1, .help = "its group; else the user's own" },
	{ "chroot", "\"directory\";", rc_set_privsep_name, rc_print_privsep_name,
		AT(rc_privsep, chroot), .help = "its root directory" },
	{ .keyword = NULL },
};

/* ------------------------------------------------- blocks whose work this version does not do */

static const struct conf_word split_words[] = {
	{ "include", 0 }, { "local_lan", 1 }, { NULL, 0 },
};
static const struct conf_word source_words[] = {
	{ "system", 0 }, { "radius", 1 }, { "pam", 2 }, { "ldap", 3 }, { NULL, 0 },
};
static const struct conf_word group_source_words[] = {
	{ "system", 0 }, { "ldap", 1 }, { NULL, 0 },
};
static const struct conf_word conf_source_words[] = {
	{ "local", 0 }, { "radius", 1 }, { "ldap", 2 }, { NULL, 0 },
};
static const struct conf_word accounting_words[] = {
	{ "none", 0 }, { "system", 1 }, { "radius", 2 }, { "pam", 3 }, { NULL, 0 },
};

const struct conf_row rc_mode_cfg_rows[] = {
	INERT("network4", "address;", RC_INERT_ADDRESS),
	INERT("netmask4", "address;", RC_INERT_ADDRESS),
	INERT("pool_size", "number;", RC_INERT_NUMBER),
	INERT("dns4", "address, …;", RC_INERT_ADDRESSES),
	INERT("wins4", "address, …;", RC_INERT_ADDRESSES),
	INERT("nbns4", "address, …;", RC_INERT_ADDRESSES),
	{ "split_network", "include|local_lan prefix, …;", rc_set_inert, .def = RC_INERT_NETWORKS,
		.words = split_words, .help = "part of a refused block" },
	INERT("split_dns", "\"domain\", …;", RC_INERT_STRINGS),
	INERT("default_domain", "\"domain\";", RC_INERT_STRING),
	INERT("banner", "\"file\";", RC_INERT_STRING),
	INERT_WORDS("auth_source", "system|radius|pam|ldap;", source_words),
	INERT("auth_groups", "\"group\", …;", RC_INERT_STRINGS),
	INERT_WORDS("group_source", "system|ldap;", group_source_words),
	INERT_WORDS("conf_source", "local|radius|ldap;", conf_source_words),
	INERT_WORDS("accounting", "none|system|radius|pam;", accounting_words),
	INERT("auth_throttle", "seconds;", RC_INERT_NUMBER),
	INERT("pfs_group", "number;", RC_INERT_NUMBER),
	INERT_WORDS("save_passwd", "on|off;", on_off_words), { .keyword = NULL },
};

const struct conf_row rc_radius_rows[] = {
	INERT("auth", "\"host\" [port] \"secret\";", RC_INERT_SERVER),
	INERT("acct", "\"host\" [port] \"secret\";", RC_INERT_SERVER),
	INERT("timeout", "seconds;", RC_INERT_NUMBER),
	INERT("retries", "number;", RC_INERT_NUMBER), { .keyword = NULL },
};

const struct conf_row rc_ldap_rows[] = {
	INERT("version", "2|3;", RC_INERT_NUMBER), INERT("host", "\"host\";", RC_INERT_STRING),
	INERT("port", "number;", RC_INERT_NUMBER), INERT("uri", "\"uri\";", RC_INERT_STRING),
	INERT("base", "\"dn\";", RC_INERT_STRING),
	INERT_WORDS("subtree", "on|off;", on_off_words),
	INERT("bind_dn", "\"dn\";", RC_INERT_STRING),
	INERT("bind_pw", "\"password\";", RC_INERT_STRING),
	INERT("attr_user", "\"name\";", RC_INERT_STRING),
	INERT("attr_addr", "\"name\";", RC_INERT_STRING),
	INERT("attr_mask", "\"name\";", RC_INERT_STRING),
	INERT("attr_group", "\"name\";", RC_INERT_STRING),
	INERT("attr_member", "\"name\";", RC_INERT_STRING),
	INERT("timeout", "seconds;", RC_INERT_NUMBER),
	INERT("debug", "number;", RC_INERT_NUMBER),
	INERT_WORDS("tls", "on|off;", on_off_words), { .keyword = NULL },
};
