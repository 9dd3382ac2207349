/*
 * sim.h - two IKE engines, one virtual clock, one bad network, a model SA database on each side.
 *
 * Everything that happens in a run follows from its seed and profile.  The world owns all; hosts,
 * network and databases are plain structs in it.  Used by sim_main.c (random faults and checkers)
 * and by trace_main.c (scripted conversations).
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "ipsec/sadb.h"
#include "lib/cry.h"
#include "lib/text.h"
#include "racoon/ike/ike.h"

enum {
	SIM_HOSTS = 2,
	SIM_POLICIES = 4,     /* per host and direction */
	SIM_SAS = 512,        /* in one model database */
	SIM_HELD = 16,        /* packets that wait for one policy's SAs */
	SIM_COMMANDS = 256,
	SIM_KEYS = 256,       /* secrets looked for in the trace */
	SIM_CAPTURED = 64,    /* datagrams the third party remembers */
	SIM_FIRST_MAX = 1024,
	SIM_FLOODERS = 64,    /* addresses the third party uses */
	SIM_STEPS_MAX = 10000, /* without time moving: a livelock */
	SIM_TRACE_MAX = 8 << 20,
	SIM_LARVAL_MS = 30000,
	SIM_ACQUIRE_MS = 5000, /* the same ACQUIRE is not repeated sooner */
	SIM_REPLY_MS = 90000,  /* within which a command is answered */
};

struct sim_rng {
	uint64_t state;
};
uint64_t sim_random(struct sim_rng *r);
uint32_t sim_below(struct sim_rng *r, uint32_t limit);          /* 0 … limit-1 */
int64_t sim_between(struct sim_rng *r, int64_t low, int64_t high); /* both included */
bool sim_chance(struct sim_rng *r, unsigned per_mille);

/* ------------------------------------------------------------------------------ profiles --- */

struct sim_profile {
	const char *name;
	unsigned loss, duplicate, tail;  /* per mille of datagrams */
	unsigned replay, reflect;        /* … of them sent again later, or back to their sender */
	unsigned bent;                   /* … of them with a bit wrong */
	unsigned refused;                /* per mille of database requests and computations */
	bool clock_steps;                /* somebody sets the calendar */
	int64_t delay_ms, jitter_ms, tail_ms;
	int64_t fault_ms;                /* how long the faults last */
	int64_t life1_s, life2_s;        /* configured lifetimes */
	unsigned partitions, crashes;    /* how many of each */
	unsigned verbs;                  /* operator's ESTABLISH, FLUSH, DELETE, reload */
	bool flushes;                    /* are there FLUSH and DELETE among them? */
	bool hostile;
	bool certificates; /* phase 1 is signed, with certificates */
	bool nat;                        /* host A is behind one that forgets its mappings */
	const char *statements;          /* more of the remote section, or NULL */
	const char *group;               /* of phase 1, or NULL: some */
	bool lossless;                   /* no packet may be lost, ever */
	int failures;                    /* of negotiations, at most; -1: who knows */
};
extern const struct sim_profile sim_profiles[];
extern const size_t sim_profile_count;

enum sim_plant { /* planted bugs: each must be found */
	SIM_PLANT_NONE,
	SIM_PLANT_KEYS,       /* the database stores outbound keys with a bit wrong */
	SIM_PLANT_NO_DELETE,  /* … answers DELETE without doing it */
	SIM_PLANT_EARLY_END,  /* … ends SAs at half their time without a word */
	SIM_PLANT_NO_UPDATE,  /* … answers UPDATE without doing it, now and then */
	SIM_PLANT_LOST_JOB,   /* computations never end, now and then */
	SIM_PLANT_NO_INFO,    /* informational exchanges never arrive */
	SIM_PLANT_NO_POLICY,  /* the engine is told no policies */
	SIM_PLANT_LEAK,       /* keys are traced */
	SIM_PLANT_ECHO,       /* a host answers strangers threefold */
	SIM_PLANT_ONE_SPI,    /* getspi yields the same SPI again */
	SIM_PLANT_STUCK_TIME, /* the deadline is always now */
	SIM_PLANT_NO_REPLY,   /* replies to commands are lost */
	SIM_PLANT_OLD_PORT,   /* the database does not change ports */
	SIM_PLANT_NO_PIECE,   /* of messages in pieces the last one never arrives */
	SIM_PLANT_COUNT
};
const char *sim_plant_name(enum sim_plant p);

/* -------------------------------------------------------------------------------- events --- */

enum sim_event_type {
	SIM_EV_DATAGRAM,
	SIM_EV_JOB,
	SIM_EV_SADB,   /* a request reaches the database */
	SIM_EV_ANSWER, /* its answer reaches the engine */
	SIM_EV_PACKET, /* a protected packet arrives */
	SIM_EV_CALL,   /* something scripted */
};

struct sim_world;

struct sim_hop { /* one header of a protected packet: which SA made it */
	enum sa_proto proto;
	uint32_t spi;
	uint64_t digest; /* of algorithms and keys */
};

struct sim_event {
	instant when;
	uint64_t serial;
	enum sim_event_type type;
	unsigned host;       /* that it happens to */
	unsigned generation; /* of that host; of the sender for packets */
	union {
		struct {
			struct net_endpoint src, dst;
			uint8_t *octets;
			size_t n;
			bool natt;
		} datagram;
		struct {
			uint64_t id;
			struct cry_job *job;
		} job;
		struct {
			uint64_t id;
			struct sadb_msg *msg; /* the event's */
		} sadb;
		struct {
			unsigned policy, hops;
			struct sim_hop hop[SP_RULES_MAX];
		} packet;
		struct {
			void (*run)(struct sim_world *w, unsigned host, int64_t a, int64_t b);
			int64_t a, b;
		} call;
	};
};

/* --------------------------------------------------------------------------------- hosts --- */

struct sim_sa {
	bool used;
	struct ipsec_sa sa;
	instant created;
	bool soft_told;
};

struct sim_policy {
	struct ipsec_policy out, in;
	instant acquired;  /* when an ACQUIRE was last sent */
	bool acquiring;
	unsigned held;     /* packets waiting */
	instant held_since;
};

struct sim_command {
	uint64_t id;
	unsigned host, generation;
	enum ike_command_type type;
	instant given;
	bool answered;
	enum status status;
};

struct sim_host {
	bool first_shown; /* a first message is in the trace: its SA is not there yet */
	unsigned index, generation;
	bool up;
	char name; /* 'A' */
	struct net_endpoint address;
	struct net_addr seen; /* … as the other host sees it: another one behind a NAT */
	struct ike *ike;
	struct rc_config *config, *old_config;
	char *config_text, *psk_text;
	struct sim_rng rng; /* the engine's */
	struct sim_policy policy[SIM_POLICIES];
	unsigned policies;
	struct sim_sa sa[SIM_SAS];
	unsigned sa_top; /* none at this place and after */
	instant sadb_free; /* when the database is done with what it was asked */
	unsigned in_flight; /* jobs and database requests */
	instant last_step;
	unsigned steps; /* at last_step */
};

struct sim_stranger { /* one address that is no peer */
	struct net_addr addr;
	uint64_t in_n, in_octets, out_n, out_octets; /* of each host together */
	uint32_t largest; /* datagram sent to a host */
};

struct sim_stats {
	uint64_t sent, delivered, lost, no_sa, expired_held; /* protected packets */
	uint64_t nat_lost; /* … sent to a port that the NAT has forgotten */
	uint64_t datagrams, dropped, jobs, ph1_up, ph2_up, failures, acquires, hostile;
	instant last_loss;
};

struct sim_world {
	uint64_t seed;
	const struct sim_profile *profile;
	enum sim_plant plant;
	bool verbose;
	enum log_level level; /* what is traced */
	struct cry *cry;
	struct sim_rng rng;      /* faults, delays, decisions */
	struct sim_rng draws;    /* of key pairs: see sim_dh.c */
	instant now;
	wall epoch;              /* calendar at time 0 */
	struct sim_event **event; /* binary heap */
	size_t events, event_room;
	uint64_t serial;
	struct sim_host host[SIM_HOSTS];
	uint16_t nat_shift;      /* what the NAT adds to host A's ports */
	bool faults;             /* the network misbehaves now */
	instant cut_until;       /* partition */
	int cut_from;            /* host whose datagrams are lost, -1 = both */
	struct sim_command command[SIM_COMMANDS];
	unsigned commands;
	uint8_t *captured[SIM_CAPTURED];
	size_t captured_n[SIM_CAPTURED];
	unsigned captured_from[SIM_CAPTURED], captures;
	uint8_t first[SIM_FIRST_MAX]; /* the last first message of phase 1 seen */
	size_t first_n;
	unsigned first_from;
	struct sim_stranger stranger[SIM_FLOODERS];
	unsigned strangers;
	uint8_t key[SIM_KEYS][16]; /* beginnings of secrets */
	unsigned keys;
	struct text trace;
	struct text why;         /* what failed; empty = nothing */
	struct sim_stats stats;
	/* trace tests: which datagrams are lost, and what is shown */
	bool (*filter)(struct sim_world *w, unsigned from, struct bytes datagram);
	void *filter_user;
	bool show_wire;
};

/* sim_world.c */
struct sim_world *sim_new(uint64_t seed, const struct sim_profile *profile, struct cry *cry);
void sim_free(struct sim_world *w);
/* The first failure counts. */
void sim_fail(struct sim_world *w, const char *fmt, ...) ATTR_PRINTF(2, 3);
bool sim_failed(const struct sim_world *w);
struct sim_event *sim_event(
	struct sim_world *w, enum sim_event_type type, unsigned host, int64_t in_ms);
void sim_at(struct sim_world *w, instant when, unsigned host,
	void (*run)(struct sim_world *, unsigned, int64_t, int64_t), int64_t a, int64_t b);
/* Run until the clock shows `until`, or a failure. */
void sim_run(struct sim_world *w, instant until);
bool sim_in_flight(const struct sim_world *w); /* anything but scripted calls under way */
void sim_say(struct sim_world *w, char who, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* sim_rand.c */
void sim_seed_openssl(uint64_t seed);
uint64_t sim_reseed_openssl(uint64_t state); /* what it was: put that back afterwards */

/* sim_dh.c */
void sim_job_run(struct sim_world *w, unsigned host, struct cry_job *job);
void sim_dh_free(void);

/* sim_host.c */
bool sim_host_config(struct sim_world *w, unsigned host, const char *text, const char *psk);
bool sim_host_start(struct sim_world *w, unsigned host);
void sim_host_stop(struct sim_world *w, unsigned host); /* without a word: a crash */
void sim_host_reload(struct sim_world *w, unsigned host);
void sim_step(struct sim_world *w, unsigned host, struct ike_event *ev);
uint64_t sim_command(struct sim_world *w, unsigned host, const struct ike_command *c);
void sim_host_job(struct sim_world *w, const struct sim_event *ev);
void sim_host_answer(struct sim_world *w, const struct sim_event *ev);
void sim_secret(struct sim_world *w, struct bytes secret);

/* sim_net.c */
void sim_send(struct sim_world *w, unsigned from, const struct net_endpoint *src,
	const struct net_endpoint *dst, bool natt, struct bytes octets);
void sim_deliver(struct sim_world *w, const struct sim_event *ev);
void sim_hostile(struct sim_world *w, unsigned host, int64_t a, int64_t b);
int64_t sim_delay(struct sim_world *w);
void sim_rebind(struct sim_world *w, unsigned host, int64_t a, int64_t b);

/* sim_sadb.c */
void sim_sadb_request(struct sim_world *w, unsigned host, uint64_t id, const struct sadb_msg *m);
void sim_sadb_run(struct sim_world *w, const struct sim_event *ev);
void sim_sadb_tick(struct sim_world *w, unsigned host, int64_t a, int64_t b);
void sim_sadb_flush(struct sim_host *h);
void sim_add_policy(struct sim_world *w, unsigned index, const char *src, const char *dst,
	enum sa_mode mode, enum sp_level level, uint32_t reqid, bool with_ah);
void sim_tell_policies(struct sim_world *w, unsigned host);
void sim_packet_out(struct sim_world *w, unsigned host, unsigned policy);
void sim_packet_in(struct sim_world *w, const struct sim_event *ev);
void sim_release(struct sim_world *w, unsigned host);

/* sim_check.c */
bool sim_beliefs_agree(struct sim_world *w, struct text *why);
void sim_check_end(struct sim_world *w);
void sim_check_trace(struct sim_world *w);
void sim_check_line(struct sim_world *w, struct sim_host *h, const char *text);
void sim_check_strangers(struct sim_world *w);

#endif
