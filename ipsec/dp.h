/*
 * dp.h - the datapath: packets between the stack (TUN), the engine and the network (raw sockets),
 * and the routes and the guard that make the stack hand them over.
 */
#ifndef IPSEC_DP_H
#define IPSEC_DP_H

#include "ipsec/engine/eng.h"
#include "lib/json.h"

enum {
	DP_BATCH = 32,           /* packets per system call */
	DP_TURN = 256,           /* packets per direction before others get their turn */
	DP_MTU = 1400,           /* of the TUN unless told otherwise: an Ethernet packet less what
	                            protection adds */
};

struct uv_loop_s;
struct dp;

struct dp_options {
	const char *tun; /* name, may hold %d */
	unsigned mtu;    /* of the TUN */
	const char *socket; /* PF_KEY's; key daemons hand UDP sockets over beside it */
	struct hash_key key;
	/* The TUN device was taken away from under us. */
	void (*broken)(void *user, const char *why);
	void *user;
};

/* Opens device, sockets, rule and guard. NULL: why tells what could not be had. */
struct dp *dp_new(struct uv_loop_s *loop, struct eng *e, const struct dp_options *o, char *why,
	size_t why_size);
/* The policies there are at the start have been told: they hold now, and what a killed predecessor
 * left behind goes. */
void dp_ready(struct dp *dp);
/* Takes routes, rule, guard and device away, then calls closed. */
void dp_close(struct dp *dp, void (*closed)(void *user), void *user);

/* What the engine answered to a change of the SPD. */
void dp_spd_changed(struct dp *dp, const struct sadb_msg *answer);
/* ... of the SAD. */
void dp_sad_changed(struct dp *dp, const struct sadb_msg *answer);
/* Bring routes and guard up to date and send packets that waited. Call before answers go out. */
void dp_settle(struct dp *dp);
instant dp_deadline(const struct dp *dp); /* when dp_settle has something to do by itself */

struct dp_status {
	const char *tun;
	unsigned mtu;
	size_t routes, guard_rules, crowded;
	bool guard; /* false: see guard_why */
	const char *guard_why;
	uint64_t sent, delivered, send_errors, torn, cut;
};
void dp_status(struct dp *dp, struct dp_status *out);
/* Packets the guard dropped since the last call. */
uint64_t dp_cleartext(struct dp *dp);

#endif
