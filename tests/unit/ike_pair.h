/*
 * ike_pair.h - two IKE engines, one clock, a network without faults of its own, a model SADB each.
 *
 * The smallest host of the engine: jobs run inline, requests are answered at once, datagrams take a
 * millisecond, a test's filter may drop, record or change them.  Everything repeats: randomness is
 * a counter through a mixer.
 */
#ifndef TESTS_UNIT_IKE_PAIR_H
#define TESTS_UNIT_IKE_PAIR_H

#include "racoon/ike/engine.h"

enum { PAIR_SPS = 16, PAIR_SAS = 256, PAIR_REPLIES = 32, PAIR_LOG = 65536, PAIR_FLIGHT = 1024 };

struct pair;

struct pair_sa {
	bool used, larval;
	struct ipsec_sa sa;
};
struct pair_reply {
	uint64_t id;
	enum status status;
	char detail[IKE_DETAIL_MAX];
};
struct pair_host {
	struct pair *pair;
	int side; /* 0 or 1 */
	struct ike *e;
	struct rc_config *config;
	struct net_endpoint local;
	uint64_t random;
	uint32_t spi;
	struct pair_sa sa[PAIR_SAS];
	struct ipsec_policy sp[PAIR_SPS]; /* asked for by the engine */
	unsigned sps;
	struct pair_reply reply[PAIR_REPLIES];
	unsigned replies, notes[6];
	enum status note_status[6]; /* of the last note of each type */
	unsigned sent, requests;
	enum status sadb_fails; /* answer to the next ADD or UPDATE */
	bool acquire_at_add;    /* once: a packet needs the outbound SA just before it is there */
	bool no_comp;           /* the database has no IPComp */
	bool hold_jobs;         /* keep crypto jobs until pair_jobs */
	uint64_t job_id[64];
	struct cry_job *job[64];
	unsigned jobs;
	char log[PAIR_LOG];
	size_t log_n;
};
struct pair_flight {
	instant when;
	int to;
	struct net_endpoint local, remote;
	bool natt;
	uint8_t *octets;
	size_t n;
};
struct pair {
	struct cry *cry;
	instant now;
	wall today;
	struct pair_host host[2];
	struct pair_flight flight[PAIR_FLIGHT];
	unsigned flights;
	/* Called for each datagram; false drops it. The octets may be changed in place. */
	bool (*filter)(struct pair *p, int from, uint8_t *octets, size_t n);
	void *user;
	/* Called with each line of the log, if set. */
	void (*line)(struct pair *p, int side, enum log_level level, const char *text);
	unsigned counter;
	int64_t copy_after; /* each datagram comes again so many ms later; 0: it does not */
	/* A NAT before host 0: its datagrams have this address, and ports so much higher. */
	struct net_addr nat;
	uint16_t nat_shift;
	unsigned keepalives[2]; /* of each, seen on the wire */
	struct net_endpoint last_from, last_to; /* of the last datagram, on the wire */
	bool last_natt;
};

/* Configurations of both ends: text with %s for the other's address; NULL: the usual one. */
struct pair *pair_new(const char *conf_a, const char *psk_a, const char *conf_b, const char *psk_b);
void pair_free(struct pair *p);
extern const char pair_conf[];

void pair_event(struct pair *p, int side, struct ike_event *ev); /* a step, and its effects */
void pair_run(struct pair *p, int64_t ms);
void pair_jobs(struct pair *p, int side); /* run what hold_jobs kept */
/* Sockets for NAT-T at both ends. */
void pair_natt(struct pair *p);
void pair_datagram_at(struct pair *p, int side, const struct net_endpoint *local,
	const struct net_endpoint *from, bool natt, struct bytes octets);
void pair_datagram(struct pair *p, int side, const struct net_endpoint *from, struct bytes octets);

/* Both ends' policies: rule texts as "esp/tunnel" "ah/transport"; NULL ends. */
void pair_policies(struct pair *p, const char *rule1, const char *rule2);
struct ipsec_policy pair_policy(const struct pair *p, int side, enum sp_dir dir,
	const char *rule1, const char *rule2);
void pair_acquire(struct pair *p, int side);
uint64_t pair_command(struct pair *p, int side, enum ike_command_type type, bool children);
const struct pair_reply *pair_reply_to(const struct pair *p, int side, uint64_t id);

/* A filter: loses the datagram whose number, from 0, user points to. */
bool pair_lose_nth(struct pair *p, int from, uint8_t *octets, size_t n);

unsigned pair_sas(const struct pair *p, int side);     /* mature */
unsigned pair_children(const struct pair *p, int side); /* established */
unsigned pair_up(const struct pair *p, int side);       /* established phase 1 */
/* Every outbound SA of `side` has its inbound one at the other end, keys equal. */
bool pair_agree(const struct pair *p, int side);
bool pair_logged(const struct pair *p, int side, const char *text);

#endif
