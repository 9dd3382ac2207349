/*
 * show.h - SHOW: its sections as rows, walked with a cursor that yields when answers pile up.
 *
 * For verbs.c and show_*.c.
 */
#ifndef RACOON_DAEMON_SHOW_H
#define RACOON_DAEMON_SHOW_H

#include "lib/ctl.h"
#include "racoon/daemon/host.h"

struct show_peers; /* show_state.c */
struct show_batch; /* show_ipsec.c */
struct show_sort;  /* show_sort.c */

/* Items handed out, or put in order, before others get their turn: a tenth of a millisecond. */
enum { SHOW_TURN = 32 };

enum show_key { /* what /SORT can go by; names in show_sort.c */
	SHOW_BY_SERIAL, SHOW_BY_LOCAL, SHOW_BY_REMOTE, SHOW_BY_STATE, SHOW_BY_SIDE,
	SHOW_BY_CREATED, SHOW_BY_EXPIRES, SHOW_BY_SECTION, SHOW_BY_IPSEC, SHOW_BY_PROTOCOL,
	SHOW_BY_SPI, SHOW_N_KEYS
};
#define SHOW_KEY(k) (1u << SHOW_BY_##k)

struct show_item { /* what an item is sorted by */
	uint64_t ref; /* for whoever finds it again */
	uint64_t serial;
	struct net_endpoint local, remote;
	const char *state, *section, *protocol;
	bool initiator;
	wall created;
	instant expires;
	unsigned children;
	uint32_t spi;
};

struct show { /* one SHOW under way */
	struct ctl_call *call;
	struct rd *d;
	unsigned wanted;   /* bits: index into the rows */
	unsigned at;       /* the section being shown */
	bool begun, first; /* its head is out; no item is, so far */
	bool full, csv;
	const char *glob;  /* of the remote address; NULL: any */
	const char *state; /* begins with this, or ESTABLISHED; NULL: any */
	wall since;        /* created then or later */
	uint64_t cursor;
	struct ike_timer_walk timers;
	unsigned index;
	struct text out;
	struct json json;
	instant now;
	struct show_peers *peers;
	struct net_addr local;   /* only SAs from here; family 0: from anywhere */
	struct show_batch *batch; /* IPsec SAs whose traffic is being asked for */
	bool traffic;             /* it is, whatever /FULL says */
	bool waiting;             /* … so that there is no item yet */
	struct show_sort *sort;   /* NULL: as they come */
	struct show_item item;    /* the one that was just shown, or looked at */
};

struct show_row {
	const char *name;  /* "ISAKMP" */
	const char *key;   /* of the JSON member */
	const char *title; /* head of the table; NULL: none */
	const char *none;  /* said when there is no item */
	bool by_default;   /* part of SHOW without a parameter */
	bool apart;        /* no part of SHOW ALL */
	const char *csv;   /* members of the JSON object that are columns; NULL: no CSV */
	/* The next item, as lines or as a JSON value, into s->out; false: there is none. */
	bool (*next)(struct show *s);
	unsigned keys; /* bits: what it can be sorted by; `next` then fills s->item */
	/* The next item's s->item alone; `next` then takes references from show_sorted.  NULL:
	 * what `next` made is kept until all are there. */
	bool (*look)(struct show *s);
};

extern const struct show_row show_rows[]; /* ends with name NULL */

void show_run(struct ctl_call *call); /* the verb */

/* ---- show_sort.c */
bool show_sort_take(struct show *s, const char *keys); /* false: the call was ended */
enum show_sort_step { SHOW_SORT_DONE, SHOW_SORT_MORE, SHOW_SORT_FAILED /* the call was ended */ };
/* Put a section's items in order, SHOW_TURN of them at a time. */
enum show_sort_step show_sort_step(struct show *s, const struct show_row *row);
/* The next item of a section that is sorted: its reference. */
bool show_sorted(struct show *s, uint64_t *ref);
bool show_is_sorted(const struct show *s); /* references come from show_sorted now */
/* … or what was kept of it, into s->out. */
bool show_sorted_kept(struct show *s);
void show_sort_end(struct show *s);  /* of a section */
void show_sort_free(struct show *s);
void show_fail(struct show *s, enum status status, const char *why); /* ends the call */

bool show_state(struct show *s);
bool show_isakmp_look(struct show *s);
bool show_ipsec_look(struct show *s);
bool show_isakmp(struct show *s);
bool show_ipsec(struct show *s);
void show_batch_free(struct show *s); /* its answers may still come */
bool show_certificate(struct show *s);
bool show_peer(struct show *s);
bool show_failure(struct show *s);
bool show_counters(struct show *s);
bool show_limits(struct show *s);
bool show_schedule(struct show *s);
bool show_config(struct show *s);
bool show_ticket(struct show *s);
/* Is an SA with this remote, state and age wanted? */
bool show_wants(const struct show *s, const struct net_endpoint *remote, const char *state,
	bool established, wall created);
void show_go(struct ctl_call *call); /* on with it */

struct show_peer { /* a peer: configured, or come through the anonymous section */
	const char *section, *state;
	struct net_addr address; /* family 0: any */
	unsigned up, children;
	const void *known;       /* show_state.c's */
};
bool show_next_peer(struct show *s, struct show_peer *out);

struct show_traffic { /* an IPsec SA and what was counted for it */
	uint64_t serial, octets_in, octets_out;
	bool in_known, out_known;
	uint32_t spi_in, spi_out;
	const char *protocol;
	char remote[NET_ADDR_TEXT];
};
/* False: no more, or s->waiting. */
bool show_next_traffic(struct show *s, struct show_traffic *out);
bool show_metrics(struct show *s);
/* "aes-cbc-256/sha256/modp2048" */
const char *show_algs(char *buf, size_t size, const struct alg *a, uint16_t bits,
	const struct alg *b, const struct alg *c);
/* The columns' values of a JSON object as a line of CSV. */
void show_csv(const char *columns, const char *object, struct text *out);
void show_peers_free(struct show *s);

/* "0 07:59:40", or "-" when it never comes. */
const char *show_until(const struct show *s, instant when, char *buf, size_t size);
/* An instant as whole seconds from now, for JSON; never negative. */
int64_t show_seconds(const struct show *s, instant when);
/* Addresses as JSON members "NAME" and "NAME_port". */
void show_json_endpoint(struct json *j, const char *name, const char *port_name,
	const struct net_endpoint *e);

#endif
