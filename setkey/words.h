/*
 * words.h - the pieces that setkey's statements are made of; inside setkey/ only.
 */
#ifndef SETKEY_WORDS_H
#define SETKEY_WORDS_H

#include "setkey/script.h"

struct words { /* a place in a statement */
	struct conf_ctx *ctx; /* ctx->user is the script */
	const struct stmt *s;
	size_t at;
};

struct addresses { /* what an address or a name in a script stands for */
	struct net_addr a[SETKEY_ADDRESSES_MAX];
	size_t n;
	struct stmt_pos pos;
	const char *text;
};

struct resolution { /* -4 -6 -n in front of the addresses */
	int family; /* 0: any */
	bool numeric;
};

struct setkey_proto { /* a word for a security protocol */
	const char *name;
	enum sa_proto proto;
	uint32_t flags;
	bool natt;
};

void words_error(const struct words *w, const struct stmt_word *at, const char *fmt, ...)
	ATTR_PRINTF(3, 4);
/* The next word or NULL at the end; without and with an error that says what is expected. */
const struct stmt_word *words_peek(const struct words *w);
const struct stmt_word *words_next(struct words *w, const char *expected);
bool words_take(struct words *w, const char *word); /* the next word, if it is this one */
bool words_end(struct words *w);                    /* nothing may follow */
bool words_number(struct words *w, const char *expected, int64_t min, int64_t max, int64_t *out);
/* "unknown WHAT "x"": with the nearest of the names and the list. */
void words_unknown(const struct words *w, const struct stmt_word *at, const char *what,
	const char *const *names);

struct resolution words_resolution(struct words *w);
bool words_addresses(struct words *w, struct resolution how, const char *expected,
	struct addresses *out);
/* Resolve text; pos is where errors point. */
bool words_lookup(struct words *w, struct resolution how, const struct stmt_word *at,
	const char *text, struct addresses *out);
/* [500], [any] or [service] if there; *port stays as it is when not. */
bool words_port(struct words *w, uint16_t *port);
const struct setkey_proto *words_proto(struct words *w);
/* Every pair of one source and one destination of the same family; returns false at the first
 * failure of each(), or with an error when there is no pair. */
bool words_pairs(struct words *w, const struct addresses *src, const struct addresses *dst,
	bool (*each)(struct words *w, const struct net_addr *src, const struct net_addr *dst,
		void *user), void *user);

/* Append a request that the statement asks for. */
bool script_add(struct words *w, const struct sadb_msg *m, bool twin);

/* Which statements an extension of an SA belongs to. */
enum ext_where { EXT_ADD = 1, EXT_GETSPI = 2, EXT_NAME = 4 /* get, delete, deleteall */ };
/* All extensions that come next; or one if one comes next, and *found tells. */
bool ext_read(struct words *w, struct ipsec_sa *sa, unsigned where);
bool ext_take(struct words *w, struct ipsec_sa *sa, unsigned where, bool *found);
/* -ctx, -mark and -if_id of a policy; and writing them. */
bool labels_read(struct words *w, struct ipsec_policy *sp);
void labels_text(const struct sa_context *ctx, const struct sa_mark *mark, uint32_t if_id,
	struct text *out);
/* -E, -A, -C with their keys, into an SA whose protocol is known; extensions may stand between. */
bool algs_read(struct words *w, struct ipsec_sa *sa);
/* `-P …` to the end of the statement, or only its direction. */
bool policy_read(struct words *w, struct ipsec_policy *sp);
bool policy_direction(struct words *w, struct ipsec_policy *sp);
/* Ranges and upper-layer protocol of an spd statement. */
bool upper_read(struct words *w, struct sp_selector *sel);
/* Names of IP protocols: built in, so that output does not depend on /etc/protocols. */
const char *upper_name(uint8_t upper); /* NULL: none */
bool upper_has_ports(uint8_t upper);
bool upper_is_icmp(uint8_t upper); /* type and code instead of ports */
bool upper_is_gre(uint8_t upper);  /* a key: its halves instead of ports */

conf_setter set_sa_add, set_sa_update, set_sa_getspi, set_sa_get, set_sa_delete;
conf_setter set_sa_deleteall, set_sa_flush, set_sa_dump;
conf_setter set_sp_add, set_sp_update, set_sp_delete, set_sp_flush, set_sp_dump;

/* "esp/tunnel/a-b/unique:3" and "out prio high + 10 ipsec": shared by the dump and the printer. */
void rule_text(const struct sp_rule *r, bool ports, struct text *out);
void policy_text(const struct ipsec_policy *sp, struct text *out);
void selector_text(const struct sp_selector *sel, struct text *out);
/* The word for the SA's protocol as typed, and its addresses, with ports for esp-udp. */
const char *sa_protocol_word(const struct ipsec_sa *sa);
void sa_endpoints_text(const struct ipsec_sa *sa, char src[NET_ENDPOINT_TEXT],
	char dst[NET_ENDPOINT_TEXT]);

#endif
