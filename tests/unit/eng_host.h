/*
 * eng_host.h - the smallest host of an engine, for the unit tests: a clock that is set, randomness
 * that repeats, one call per request, and packets made from a few words.
 */
#ifndef TESTS_UNIT_ENG_HOST_H
#define TESTS_UNIT_ENG_HOST_H

#include "ipsec/engine/eng_int.h"

enum { HOST_ROOM = 70000, HOST_EVENTS = 64 };

struct eng_host {
	struct cry *cry;
	struct eng *e;
	instant now;
	wall today;
	uint64_t x;
	/* Events for registered clients since the last eng_host_clear. */
	struct sadb_msg event[HOST_EVENTS];
	unsigned events;
	uint8_t buf[HOST_ROOM];
	struct eng_packet p;
};

struct eng_host *eng_host_new(void);
void eng_host_free(struct eng_host *h);
uint32_t eng_host_random(struct eng_host *h);
void eng_host_after(struct eng_host *h, int64_t ms); /* and run timers */
void eng_host_pull(struct eng_host *h);
void eng_host_clear(struct eng_host *h);
/* Carry out one request as client 1; the errno. answer may be NULL. */
int eng_host_call(struct eng_host *h, const struct sadb_msg *m, struct sadb_msg *answer);

struct net_addr eng_host_addr(const char *text);
/* An SA with keys that follow from the SPI; encr and auth by name, NULL: none. */
struct sadb_msg eng_host_sa(enum sadb_op op, enum sa_proto proto, enum sa_mode mode, uint32_t spi,
	const char *src, const char *dst, const char *encr, const char *auth);
/* A policy of up to two rules "esp/tunnel/1.1.1.1-2.2.2.2/require". */
struct sadb_msg eng_host_policy(enum sadb_op op, enum sp_dir dir, const char *src, const char *dst,
	enum sp_action action, const char *rule1, const char *rule2);
/* A UDP datagram of n octets in all (or with udp false, of protocol 99) in h->p. */
void eng_host_packet(struct eng_host *h, const char *src, const char *dst, size_t n);
void eng_host_put(struct eng_host *h, const uint8_t *p, size_t n);
bool eng_host_hex(struct eng_host *h, const char *hex);
uint8_t *eng_host_ip(struct eng_host *h); /* the packet now */

#endif
