/*
 * ipsecd.h - the parts of ipsecd and what they share.
 */
#ifndef IPSEC_IPSECD_H
#define IPSEC_IPSECD_H

#include "ipsec/dp.h"
#include "ipsec/dp_keys.h"
#include "lib/ctl.h"

enum {
	IPSECD_SELF = 1,        /* the daemon's own client number: hears of everything */
	IPSECD_SHOWS_MAX = 14,  /* SHOW SAD and SHOW SPD at once; their client numbers follow */
	IPSECD_TURN = 256,      /* answers handed out before packets get their turn */
};

struct uv_loop_s;

struct ipsecd_options {
	const char *socket;  /* PF_KEY; NULL: as sadb_engine_path says */
	const char *control; /* NULL: none */
	int channel;         /* to the master server, -1: run alone */
	const char *tun;     /* name of the device, may hold %d */
	unsigned mtu;        /* of the device */
};

struct ipsecd_sort; /* ipsecd_sort.c */

struct ipsecd_show { /* SHOW SAD or SHOW SPD under way */
	struct ctl_call *call; /* NULL: free */
	uint32_t client;
	size_t entries;
	struct text line;         /* the entry being written; its room is used again */
	struct ipsecd_sort *sort; /* NULL: as they come */
	bool taking;              /* all are gathered, they are asked for one by one */
};

struct ipsecd {
	struct eng *eng;
	struct cry *cry;
	struct dp *dp;
	struct dp_keys *keys;
	char socket[256];
	wall started;
	instant started_at;
	struct ipsecd_show show[IPSECD_SHOWS_MAX];
	void (*shut_down)(struct ipsecd *d); /* asked for by an operator */
	void (*poke)(struct ipsecd *d);      /* there are answers to be pulled */
};

/* ipsecd_uv.c: the whole daemon, until it is told to end. The exit status; what went wrong at the
 * start is in why (empty when it ended well). */
int ipsecd_run(const struct ipsecd_options *o, char *why, size_t why_size);

/* ipsecd_verbs.c */
extern const struct verb ipsecd_verbs[];
/* An answer for one of the shows; false: it is for none of them. */
bool ipsecd_show_answer(struct ipsecd *d, const struct eng_answer *a);

/* ipsecd_sort.c: /SORT=keys of SHOW SAD and SHOW SPD; what is wrong with the keys goes to why */
enum status ipsecd_sort_new(const char *keys, bool of_sad, struct ipsecd_sort **out, char *why,
	size_t why_size) ATTR_NODISCARD;
enum status ipsecd_sort_add(struct ipsecd_sort *o, const struct sadb_msg *m) ATTR_NODISCARD;
bool ipsecd_sort_take(struct ipsecd_sort *o, struct sadb_msg *ask); /* the next entry's request */
void ipsecd_sort_free(struct ipsecd_sort *o); /* NULL: nothing */

/* ipsecd_audit.c: log what the engine refused since the last call */
void ipsecd_audit(struct ipsecd *d);

#endif
