/*
 * rc_in.h - what the files of racoon/conf share while a configuration is being read.
 *
 * For rc_*.c only.  One struct rc_loading exists per rc_load call; it is the `user` of the
 * directive tables' context.
 */
#ifndef RACOON_CONF_RC_IN_H
#define RACOON_CONF_RC_IN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "racoon/conf/rc.h"

struct rc_loading {
	struct rc_config *c;
	const struct rc_options *options;
	struct conf_ctx ctx;       /* its user is this struct */
	size_t remote_room, sainfo_room;
	unsigned depth;            /* files that are being read, one inside the other */
	const char *reading[RC_INCLUDE_MAX + 1];
	struct stmt_pos psk_pos;   /* of `path pre_shared_key` */
	bool key_file_open;        /* ST_FILEPROT was found */
	uint32_t idle_told;        /* set of the directives rc_warn_idle has warned of */
};

struct rc_psk { /* one line of psk.txt; lives in the configuration's arena */
	struct hash_node by_id;
	struct bytes id;  /* an address's octets, or the name as text */
	bool is_address;
	struct bytes key;
	unsigned line;
};

#define RC_AVAILABLE "is available in this version"
#define RC_UNAVAILABLE "is not available in this version"

/* ------------------------------------------------------------------------ tables (rc_rows.c) */

extern const struct conf_row rc_top_rows[], rc_timer_rows[], rc_listen_rows[], rc_padding_rows[];
extern const struct conf_row rc_remote_rows[], rc_proposal_rows[], rc_sainfo_rows[];
extern const struct conf_row rc_privsep_rows[], rc_mode_cfg_rows[], rc_radius_rows[],
	rc_ldap_rows[];
extern const struct conf_word rc_exchange_words[], rc_auth_words[], rc_hook_words[],
	rc_upper_words[];

/* Defaults that no row carries. */
void rc_remote_defaults(struct rc_remote *r);

/* ----------------------------------------------------------------- shared setters (rc_set.c) */

struct rc_loading *rc_loading_of(struct conf_ctx *ctx);
enum rc_inert { /* what the words of a directive in a refused block must be */
	RC_INERT_NUMBER, RC_INERT_ADDRESS, RC_INERT_ADDRESSES, RC_INERT_STRING, RC_INERT_STRINGS,
	RC_INERT_WORD, RC_INERT_NETWORKS, RC_INERT_SERVER,
};

/* Between min and max words after the keyword, or an error that shows the form. */
bool rc_words(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, size_t min,
	size_t max);
/* A block's statements, each single-valued directive at most once. */
bool rc_read_block(struct conf_ctx *ctx, const struct conf_row *table, const struct stmt *s,
	void *into);
/* Warn, once in a configuration, of a directive that is read without effect. */
void rc_warn_idle(struct conf_ctx *ctx, const struct stmt *s);
/* "10sec" becomes "10 sec", as racoon's lexer has it; for all statements inside s as well. */
bool rc_split_units(struct conf_ctx *ctx, struct stmt *s);

conf_setter rc_set_enum;        /* a field of an enumerated type, from row->words */
conf_printer rc_print_enum;
conf_setter rc_set_fixed;       /* only the value row->def is available; field untouched */
conf_setter rc_set_ignored;     /* understood, and without effect here */
conf_setter rc_set_inert;       /* read in full (row->def: which kind of words), kept nowhere */
conf_setter rc_set_refused;     /* not available, whatever its value */
conf_setter rc_set_obsolete;    /* not a directive any more: row->help says what is */
conf_setter rc_set_timer_block, rc_set_listen_block, rc_set_padding_block, rc_set_refused_block;
conf_setter rc_set_privsep_block, rc_set_privsep_name;
conf_printer rc_print_privsep_name;

bool rc_string_word(struct conf_ctx *ctx, const struct stmt_word *w, const char *what);
/* "[500]" */
bool rc_port_word(struct conf_ctx *ctx, const struct stmt_word *w, uint16_t *port);
/* An address and, when `port` follows as [N], its port; *at moves past what was taken. */
bool rc_endpoint_words(struct conf_ctx *ctx, const struct stmt *s, size_t *at,
	struct net_endpoint *out);
void rc_print_endpoint(struct text *out, const struct net_endpoint *e, uint16_t usual_port);

/* The algorithm a word names, when it may be used for `purpose`; with its key length. */
enum rc_purpose { RC_FOR_PHASE1, RC_FOR_PHASE2 };
bool rc_alg_available(struct rc_loading *l, const struct alg *a, enum rc_purpose purpose);
const char *rc_kind_name(enum alg_kind kind); /* "cipher" */
const struct alg *rc_alg_word(struct conf_ctx *ctx, const struct stmt_word *w, enum alg_kind kind,
	enum rc_purpose purpose);
bool rc_bits_word(struct conf_ctx *ctx, const struct stmt_word *w, const struct alg *a,
	uint16_t *bits);
const char *rc_alg_name(const struct alg *a); /* its first word in racoon.conf */

/* ----------------------------------------------------------------------------------- the parts */

conf_setter rc_set_path, rc_set_include, rc_set_isakmp, rc_set_adminsock;
conf_setter rc_set_strict_address, rc_set_remote, rc_set_sainfo;

conf_setter rc_set_remote_address, rc_set_exchange_mode, rc_set_my_identifier;
conf_setter rc_set_peers_identifier, rc_set_lifetime, rc_set_proposal;
conf_setter rc_set_mip6, rc_set_script;
conf_setter rc_set_certificate_type, rc_set_ca_type, rc_set_peers_certfile;
conf_printer rc_print_certificate_type, rc_print_ca_type, rc_print_peers_certfile;
conf_printer rc_print_remote_address, rc_print_exchange_mode, rc_print_my_identifier;
conf_printer rc_print_lifetime;

conf_setter rc_set_proposal_encr, rc_set_proposal_alg, rc_set_proposal_auth;
conf_setter rc_set_proposal_lifetime;
conf_printer rc_print_proposal_encr, rc_print_alg, rc_print_proposal_auth;
conf_printer rc_print_proposal_lifetime;

conf_setter rc_set_sainfo_algs, rc_set_pfs_group;
conf_printer rc_print_sainfo_encr, rc_print_sainfo_auth, rc_print_sainfo_comp;

/* An identity from s->word[*at…]; `own` allows a bare `address`. */
bool rc_id_words(struct conf_ctx *ctx, const struct stmt *s, size_t *at, bool own,
	struct rc_id *out);

/* A file name as written, made a path: located, `~` and relative names resolved. */
const char *rc_path(struct rc_loading *l, const char *written, const char *base, const char *from);
/* Where a hook's program is: relative to `path script`, else to scripts/ beside the file. */
const char *rc_script_path(struct rc_loading *l, const char *written);
const char *rc_script_fault_asked(struct rc_loading *l, const char *path); /* NULL: none */
bool rc_read_file(struct rc_loading *l, const char *path, const struct stmt_pos *from);
bool rc_read_text(struct rc_loading *l, const char *name, struct bytes text);

void rc_psk_read_file(struct rc_loading *l);
bool rc_psk_read_text(struct rc_loading *l, const char *name, struct bytes text);
uint64_t rc_psk_hash(const struct rc_config *c, bool is_address, struct bytes id);

/* Loads what a section names, once for all sections, and checks that it fits. */
void rc_certs_load(struct rc_loading *l, struct rc_remote *r);
void rc_certs_free(struct rc_config *c);
uint64_t rc_name_hash(const struct rc_config *c, const char *name);

void rc_privsep_check(struct rc_loading *l); /* before rc_certs_load */
void rc_check(struct rc_loading *l);  /* everything that needs the whole file */
bool rc_index(struct rc_loading *l);  /* look-up tables, duplicates */
uint64_t rc_pair_hash(const struct rc_config *c, const struct net_prefix *local,
	const struct net_prefix *remote);
struct net_prefix rc_pair_prefix(const struct rc_selector_id *id);
bool rc_is_pair(const struct rc_sainfo *s);

#endif
