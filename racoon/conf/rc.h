/*
 * rc.h - racoon.conf and psk.txt as a model: what the engine and the daemon read.
 *
 * Made by rc_load: parse, then check, then hand over; a configuration with an error is never handed
 * over.  Everything hangs on one arena; the model is read-only afterwards and freed as a whole.
 * Look-ups are hashed: by address, by identity.
 */
#ifndef RACOON_CONF_RC_H
#define RACOON_CONF_RC_H

#include <stdbool.h>
#include <stdint.h>

#include "ipsec/sa.h"
#include "lib/alg.h"
#include "lib/bytes.h"
#include "lib/hash.h"
#include "lib/net.h"
#include "lib/stmt.h"
#include "lib/text.h"

enum {
	RC_PROPOSALS_MAX = 32,
	RC_MODES_MAX = 3,
	RC_IDS_MAX = 64,
	RC_ALGS_MAX = 16,
	RC_INCLUDE_MAX = 10,
	RC_PSK_LINE_MAX = 1023,
	RC_NAME_MAX = 255,
	RC_ID_MAX = 1024 /* octets */,
	RC_LISTEN_MAX = 256,
	RC_PATH_MAX = 4096,
	RC_PORT = 500,
	RC_NATT_PORT = 4500,
	RC_CHAIN_MAX = 8, /* our certificates: the first and those that lead to its CA */
	RC_ARENA_MAX = 512 << 20 /* octets of one configuration */,
};

enum rc_exchange { RC_BASE = 1, RC_MAIN = 2, RC_AGGRESSIVE = 4 }; /* ISAKMP exchange types */
enum rc_auth {
	RC_AUTH_PSK = 1,
	RC_AUTH_DSS = 2,
	RC_AUTH_RSASIG = 3,
	RC_AUTH_RSAENC = 4,
	RC_AUTH_RSAREV = 5,
	RC_AUTH_ECDSA256 = 9, /* RFC 4754 3 */
	RC_AUTH_ECDSA384 = 10,
	RC_AUTH_ECDSA521 = 11,
	RC_AUTH_ECDSA = 65535, /* by our key's curve: never in a model handed over */
	RC_AUTH_GSSAPI = 65001,
	RC_AUTH_HYBRID_RSA_SERVER = 64222,
	RC_AUTH_HYBRID_RSA_CLIENT = 64221,
	RC_AUTH_XAUTH_PSK_SERVER = 65002,
	RC_AUTH_XAUTH_PSK_CLIENT = 65003,
	RC_AUTH_XAUTH_RSA_SERVER = 65006,
	RC_AUTH_XAUTH_RSA_CLIENT = 65005
};
enum rc_check { RC_CHECK_OBEY, RC_CHECK_STRICT, RC_CHECK_CLAIM, RC_CHECK_EXACT };
enum rc_generate { RC_GENERATE_OFF, RC_GENERATE_REQUIRE, RC_GENERATE_UNIQUE };
enum rc_hook { RC_HOOK_UP, RC_HOOK_DOWN, RC_HOOK_DEAD, RC_HOOKS };
enum rc_onoff_force { RC_OFF, RC_ON, RC_FORCE };

enum rc_idtype { /* ISAKMP ID types (RFC 2407 4.6.2.1) */
	RC_ID_NONE = 0, RC_ID_IPV4 = 1, RC_ID_FQDN = 2, RC_ID_USER_FQDN = 3, RC_ID_IPV4_SUBNET = 4,
	RC_ID_IPV6 = 5, RC_ID_IPV6_SUBNET = 6, RC_ID_IPV4_RANGE = 7, RC_ID_IPV6_RANGE = 8,
	RC_ID_DN = 9, RC_ID_GN = 10, RC_ID_KEYID = 11,
};

struct rc_id {
	enum rc_idtype type;
	bool own_address;   /* `my_identifier address;`: the local address of the negotiation */
	bool of_section;    /* `peers_identifier address;`: the address of the section */
	struct bytes value; /* the ID payload behind its 4-octet header; empty with own_address */
	const char *text;   /* as written, for dumps and SHOW */
};

struct rc_proposal {
	const struct alg *encr, *hash, *group;
	uint16_t bits;      /* key length; 0 = the algorithm has a fixed one */
	enum rc_auth auth;
	int64_t life_ms;
	bool own_life;      /* has its own lifetime statement; else the remote's */
	struct stmt_pos pos;
};

struct rc_file { /* a file name as written, and where */
	const char *name; /* NULL: none */
	struct stmt_pos pos;
};
struct cry_key;
struct cry_cert;
struct cry_trust;
struct auth_plains;

struct rc_creds { /* who we are and whom we believe: files as written, and what they hold */
	struct rc_file cert, key;  /* certificate_type x509 */
	struct rc_file plain;      /* certificate_type plain_rsa */
	struct rc_file ca;         /* ca_type x509 */
	struct rc_file peer_cert;  /* peers_certfile x509 */
	struct rc_file peer_plain; /* peers_certfile plain_rsa */
	/* Borrowed from the configuration, which holds the references. */
	struct cry_cert *chain[RC_CHAIN_MAX]; /* the first is ours */
	unsigned chains;
	struct cry_key *own;                  /* private, of chain[0] */
	const struct auth_plains *own_plain, *known;
	struct cry_cert *pinned;              /* of peers_certfile x509 */
	struct cry_trust *trust;              /* NULL: verify_cert off */
};

struct rc_remote {
	const char *name;           /* the "name", or the address, or "anonymous" */
	const char *title;          /* as it stands after the word `remote` */
	bool anonymous;
	bool named;                 /* `remote "name"`: the address comes from remote_address */
	bool is_parent;             /* another section inherits from it */
	bool bad; /* a statement of it was refused; never in a model handed over */
	struct net_endpoint address; /* port 500 unless given */
	const char *inherit;        /* name of the parent, or NULL */
	unsigned modes;
	enum rc_exchange mode[RC_MODES_MAX]; /* first = what we initiate with */
	struct rc_id my_id;
	struct rc_id peer_id[RC_IDS_MAX];
	unsigned peer_ids;
	bool verify_identifier, passive, initial_contact, support_proxy, weak_phase1_check, dpd,
		mode_cfg;
	bool send_cert, send_cr, verify_cert, match_empty_cr;
	struct rc_creds creds;
	enum rc_check proposal_check;
	enum rc_generate generate_policy;
	enum rc_onoff_force nat_traversal, ike_frag, rekey;
	int64_t nonce_size, dpd_delay_s, dpd_retry_s, dpd_maxfail, ph1id, esp_frag, life_ms;
	const char *script[RC_HOOKS];      /* by event, as written; NULL = none */
	const char *script_path[RC_HOOKS]; /* the same as a path */
	struct stmt_pos script_pos[RC_HOOKS];
	struct rc_proposal proposal[RC_PROPOSALS_MAX];
	unsigned proposals;
	struct stmt_pos pos;
	unsigned index; /* in rc_config.remote */
	struct rc_remote *next_any; /* the next one without an address */
	struct hash_node by_address, by_name;
};

struct rc_selector_id { /* one side of a sainfo, or of a phase 2 negotiation */
	bool anonymous;            /* any */
	bool client_address;       /* `clientaddr`: the peer's phase 1 address */
	enum rc_idtype type;       /* address forms give IPV4/IPV4_SUBNET/… */
	struct net_prefix prefix;  /* addresses and subnets */
	struct net_addr range_end; /* *_RANGE */
	uint16_t port;             /* 0 = any */
	uint8_t upper;             /* protocol; 0 = any (ID payload convention) */
	struct bytes name;         /* FQDN, USER_FQDN, KEYID */
};

struct rc_alg_choice {
	const struct alg *alg;
	uint16_t bits; /* 0 = default or fixed */
};

struct rc_sainfo {
	struct rc_selector_id local, remote;
	struct rc_id from;  /* `from`: phase 1 identity this is for; type NONE = any */
	int64_t remoteid;   /* 0 = any remote; else its ph1id */
	const struct alg *pfs; /* NULL = none */
	int64_t life_ms;
	struct rc_alg_choice encr[RC_ALGS_MAX], auth[RC_ALGS_MAX], comp[RC_ALGS_MAX];
	unsigned encrs, auths, comps;
	struct stmt_pos pos;
	const char *title; /* as it stands after the word `sainfo`, in one spelling */
	unsigned rank;     /* higher = more specific */
	struct hash_node by_pair;       /* two addresses or subnets */
	struct rc_sainfo *next_general; /* all others, in look-up order */
};

struct rc_timer { /* milliseconds unless said otherwise; reference §1.4 */
	int64_t counter;  /* retransmissions */
	int64_t interval; /* between them */
	int64_t persend;  /* copies per send */
	int64_t phase1, phase2, natt_keepalive;
};

struct rc_padding {
	int64_t maximum_length;
	bool randomize, randomize_length, strict_check, exclusive_tail;
};

struct rc_listen {
	struct net_endpoint address;
	bool natt;
};

struct rc_privsep { /* a worker of its own user, and a privileged process that helps it */
	bool on;                    /* user names another one than the superuser */
	const char *user, *group, *chroot; /* as written; NULL: not said */
	uint32_t uid, gid;          /* while on */
	struct stmt_pos pos;
};

struct rc_config {
	struct arena *arena;
	const char *file;
	const char *path_include, *path_psk, *path_certificate, *path_backupsa, *path_script,
		*path_pidfile;
	const char *hashed_dir; /* of CAs and revocation lists; NULL: no chain is ever judged */
	int64_t log_level; /* enum log_level */
	int64_t pfkey_buffer_kb;
	bool complex_bundle, strict_address;
	struct rc_timer timer;
	struct rc_padding padding;
	struct rc_listen *listen;
	unsigned listens;
	const char *path_psk_file; /* where path_psk was found; NULL: from memory or missing */
	const char *adminsock; /* control socket of a racoon run alone; NULL = default */
	const char *adminsock_owner; /* NULL: the user racoon runs as */
	const char *adminsock_group; /* NULL: that of the process */
	unsigned adminsock_mode;     /* 0 = default */
	bool adminsock_disabled;
	struct rc_remote **remote; /* in file order */
	unsigned remotes;
	struct rc_sainfo **sainfo; /* in look-up order */
	unsigned sainfos;
	struct rc_privsep privsep;
	bool wants_legacy; /* names an algorithm of OpenSSL's legacy provider */
	struct rc_loaded *loaded; /* files of keys and certificates, each once */
	struct hash_table loaded_by_name;
	struct hash_table remote_by_address, remote_by_name, psk_by_id, sainfo_by_pair;
	struct rc_sainfo *sainfo_general; /* those not in sainfo_by_pair, most specific first */
	size_t psks;
	struct hash_key hash_key;
	struct rc_remote *anonymous; /* first of those for any peer that no other section names */
};

struct cry;
struct rc_tape;

struct rc_options {
	struct cry *cry; /* to tell which algorithms can be had; legacy is loaded as needed */
	struct hash_key hash_key;
	uint32_t uid;                /* who must own key files */
	/* MULTINET:PSK.TXT to a path; false: it is none of these. */
	bool (*locate)(void *user, const char *spec, char *path, size_t size);
	/* A file's contents from memory (tests, the simulator); NULL: files are files. */
	bool (*contents)(void *user, const char *path, struct text *out);
	void *user;
	/* Records what is asked of the system, or answers it: rc_ask.h.  NULL: none. */
	struct rc_tape *tape;
};

/*
 * Read `file` and what it includes and names (psk.txt), check everything, and hand over the model.
 * On failure *out is NULL, and errors holds every error and warning found, with file:line:column.
 * A directive that this version does not carry out is an error that names it, not ignored.
 */
enum status rc_load(const char *file, const struct rc_options *options, struct rc_config **out,
	struct stmt_errors *errors) ATTR_NODISCARD;
/* The same from text in memory (tests, simulator); psk_text may be NULL. */
enum status rc_load_text(const char *name, const char *text, const char *psk_text,
	const struct rc_options *options, struct rc_config **out,
	struct stmt_errors *errors) ATTR_NODISCARD;
void rc_free(struct rc_config *c); /* wipes keys; NULL is fine */
/* A file that reads back as the same configuration (racoon -C). */
void rc_dump(const struct rc_config *c, struct text *out);
void rc_dump_remote(const struct rc_remote *r, struct text *out);
void rc_dump_sainfo(const struct rc_sainfo *s, struct text *out);

struct rc_plan { /* what a reload does, counted */
	unsigned kept, changed, removed, added;
};
/* Compare two configurations: one line a section that differs ("remote 10.0.0.1: changed"). */
struct rc_plan rc_plan(const struct rc_config *from, const struct rc_config *to, struct text *out);

/* The remote section for a peer: by address, else anonymous, else NULL. */
const struct rc_remote *rc_remote_for(const struct rc_config *c, const struct net_addr *peer);
/*
 * Of several sections without an address, the one for a peer that begins with this mode and says it
 * is this (type NONE: not known yet): one whose peers_identifier fits, else one without, else the
 * first that allows the mode.  NULL: there is no section.
 */
const struct rc_remote *rc_remote_pick(const struct rc_config *c, const struct net_addr *peer,
	enum rc_exchange mode, const struct rc_id *id);
const struct rc_remote *rc_remote_named(const struct rc_config *c, const char *name);
bool rc_remote_allows(const struct rc_remote *r, enum rc_exchange mode);
/*
 * The sainfo for a pair of phase 2 identities (local and remote seen from us): exact pair first,
 * anonymous last. peer is the phase 1 address (for clientaddr); peer_id may be NULL.
 */
const struct rc_sainfo *rc_sainfo_for(const struct rc_config *c, const struct rc_selector_id *local,
	const struct rc_selector_id *remote, const struct net_addr *peer,
	const struct rc_id *peer_id, int64_t ph1id);
/* The pre-shared key for an address or an identity; empty view when there is none. */
struct bytes rc_psk_for_address(const struct rc_config *c, const struct net_addr *peer);
struct bytes rc_psk_for_id(const struct rc_config *c, enum rc_idtype type, struct bytes value);

/* Why a hook's program cannot be run, or must not be; NULL: it can. */
const char *rc_script_fault(const char *path, uint32_t uid);

/*
 * Our RSA or ECDSA key for a pair of ends and a method; NULL: none.  The peer's, where they are
 * known beforehand, as borrowed pointers: how many.
 */
struct cry_key *rc_own_key(const struct rc_remote *r, enum rc_auth auth,
	const struct net_addr *local, const struct net_addr *peer);
size_t rc_known_keys(const struct rc_remote *r, const struct net_addr *local,
	const struct net_addr *peer, struct cry_key **out, size_t room);
bool rc_auth_is_signature(enum rc_auth auth);
const char *rc_auth_name(enum rc_auth auth); /* as racoon.conf says it: "rsasig"; "": none */
/*
 * Is it one of peers_identifier?  Names whole, in the case they are written in; a DN by its
 * components, "*" being any; `address` is the peer's own.
 */
bool rc_peer_id_fits(const struct rc_remote *r, enum rc_idtype type, struct bytes value,
	const struct net_addr *peer);

/* Text of an identity: "192.168.1.100", "FQDN www.example.net". Truncated to size. */
char *rc_id_text(char *buf, size_t size, enum rc_idtype type, struct bytes value);
const char *rc_exchange_name(enum rc_exchange x); /* "main" */

#endif
