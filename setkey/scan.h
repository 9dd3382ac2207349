/*
 * scan.h - what the first reading of a script leaves for the second; inside setkey/ only.
 *
 * A script is read twice, so that nothing is sent before all of it was found sound and yet no more
 * than a batch of requests is ever held.  The second reading has to come to the same requests:
 * names stand for the addresses that they had the first time, and the `fwd` policies that the
 * script writes out are known before the `in` policies that would bring their own along.
 */
#ifndef SETKEY_SCAN_H
#define SETKEY_SCAN_H

#include "setkey/script.h"

enum {
	SCAN_MEMORY_MAX = 512 << 20, /* octets */
	SCAN_NAMES_MAX = 65536,
};

struct scan;

struct scan *scan_new(void); /* NULL: out of memory */
void scan_free(struct scan *s);

/* The addresses of a name, asked for once; 0 and why when it has none. */
size_t scan_resolve(struct scan *s, const struct setkey_resolver *resolver, const char *name,
	int family, struct net_addr *out, char *why, size_t why_size);

/* A service or protocol of the system's tables, asked for once; look_up gives a number, or -1. */
enum scan_table { SCAN_SERVICES, SCAN_PROTOCOLS };
int scan_number(struct scan *s, enum scan_table table, const char *name,
	int (*look_up)(const char *name));

/* Each request in order, in both readings: additions and deletions begin new chapters. */
void scan_pass(struct scan *s, enum sadb_op op);
void scan_rewind(struct scan *s); /* the second reading begins */
/* The script has this `fwd` request itself, in this chapter. False: out of memory. */
bool scan_note_forward(struct scan *s, const struct sadb_msg *m);
bool scan_has_forward(const struct scan *s, const struct sadb_msg *m);

#endif
