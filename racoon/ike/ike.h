/*
 * ike.h - the IKE engine: event in, effects out, deadline out.
 *
 * A pure machine: no clock, socket, file, thread, random source or static variable inside.  The
 * host loop is always the same, in production and in the simulator:
 *
 *	ike_step(e, &event); while (ike_next(e, &fx)) perform(&fx); arm_timer(ike_deadline(e));
 *
 * Every effect with an id wants an IKE_EV_DONE with that id, sooner or later, in any order.
 * Memory in an event is borrowed for the call; memory in an effect is valid until the next step.
 * Protocol errors are values; nothing a peer sends reaches an assert.
 */
#ifndef RACOON_IKE_IKE_H
#define RACOON_IKE_IKE_H

#include <stdbool.h>
#include <stdint.h>

#include "ipsec/sadb.h"
#include "lib/bytes.h"
#include "lib/cry.h"
#include "lib/hash.h"
#include "lib/log.h"
#include "lib/net.h"
#include "lib/status.h"
#include "lib/when.h"
#include "racoon/conf/rc.h"

enum {
	IKE_DATAGRAM_MAX = 65535,
	IKE_DETAIL_MAX = 256, /* octets of the reason in replies and notes */
	IKE_FAILURES_KEPT = 256,
};

struct ike;

struct ike_limits { /* shown by SHOW LIMITS; zero = the default */
	uint32_t half_open;          /* unfinished phase 1 as responder, in all (1000) */
	uint32_t half_open_per_peer; /* … per address (5) */
	uint32_t sas;                /* phase 1 SAs (100000) */
	uint32_t children_per_sa;    /* phase 2 negotiations at once per phase 1 (256) */
	uint32_t arena;              /* octets per negotiation (65536) */
};

struct ike_env {
	struct cry *cry;
	void (*random)(void *user, uint8_t *out, size_t n);
	void (*trace)(void *user, enum log_level level, const struct net_endpoint *peer,
		const char *text);
	void *user;
	struct hash_key hash_key;
	struct ike_limits limits;
	enum log_level level; /* finest level that is traced; see ike_set_level */
};

enum ike_event_type {
	IKE_EV_TIMER,     /* the deadline was reached (harmless when it was not) */
	IKE_EV_DATAGRAM,
	IKE_EV_DONE,      /* answer to an effect */
	IKE_EV_SADB,      /* ACQUIRE, EXPIRE, policies: dumped, added, deleted, flushed */
	IKE_EV_SPD_RESET, /* forget the policies: a dump follows */
	IKE_EV_SPD_KNOWN, /* … and has ended, though it was empty */
	IKE_EV_COMMAND,
	IKE_EV_CONFIG,    /* a new configuration; the old one may be freed after the step */
	IKE_EV_ADDRESSES, /* the sockets that exist now */
};

enum ike_command_type {
	IKE_CMD_ESTABLISH, /* phase 1 with remote; children: also the policies' IPsec SAs */
	IKE_CMD_FLUSH,     /* delete own SAs, telling the peers first */
	IKE_CMD_DELETE,    /* those of one peer */
	IKE_CMD_SHUTDOWN,  /* flush all, then reply; nothing new is started afterwards */
	IKE_CMD_CANCEL,    /* forget command `cancels`: nobody waits for its reply */
};
enum ike_scope { IKE_SCOPE_ISAKMP = 1, IKE_SCOPE_IPSEC = 2, IKE_SCOPE_ALL = 3 };

struct ike_command {
	uint64_t id, cancels;
	enum ike_command_type type;
	struct net_addr remote, local; /* ESTABLISH, DELETE; local none: any of ours */
	struct net_addr route; /* ESTABLISH: our end by the host's routes; or none */
	bool children;
	enum ike_scope scope;
	enum sa_proto proto; /* FLUSH, DELETE: only these IPsec SAs; SA_NONE: all */
	/* ESTABLISH, DELETE: the traffic (outbound) instead of the peer */
	bool has_sel;
	struct sp_selector sel;
	const char *remote_name; /* ESTABLISH: the configuration to use; or NULL */
	/* DELETE of one SA: the first that is not zero says which */
	uint64_t serial;
	uint32_t spi;
	uint8_t cookie[8]; /* of either side */
};

struct ike_event {
	instant now;
	wall today;
	enum ike_event_type type;
	union {
		struct {
			struct net_endpoint local, remote;
			struct bytes octets; /* of the ISAKMP message: any non-ESP marker is off */
			bool natt;           /* came through the NAT-T port */
		} datagram;
		struct {
			uint64_t id;
			enum status status;
			const struct sadb_msg *sadb; /* answer to IKE_FX_SADB, or NULL */
		} done;
		const struct sadb_msg *sadb;
		struct ike_command command;
		const struct rc_config *config;
		struct {
			const struct net_endpoint *local, *natt; /* natt: those for NAT-T */
			size_t count, natts;
		} addresses;
	};
};

enum ike_effect_type {
	IKE_FX_SEND,
	IKE_FX_SADB,   /* wants DONE */
	IKE_FX_CRYPTO, /* wants DONE: run cry_job_run(env->cry, job) anywhere */
	IKE_FX_REPLY,  /* a command ended */
	IKE_FX_NOTE,   /* something an operator, a hook or the journal wants to know */
};

enum ike_note_type {
	IKE_NOTE_PH1_UP,
	IKE_NOTE_PH1_DOWN,
	IKE_NOTE_PH2_UP,
	IKE_NOTE_PH2_DOWN,
	IKE_NOTE_FAILURE,
	IKE_NOTE_PH1_DEAD, /* no answer, or ended without a successor that is wanted */
};

struct ike_note {
	enum ike_note_type type;
	enum status status; /* why, for DOWN and FAILURE */
	uint64_t serial;    /* of the SA; FAILURE: 0 where none was made */
	unsigned phase;     /* 1 or 2 */
	struct net_endpoint local, remote;
	uint8_t cookie_i[8], cookie_r[8];
	uint32_t msgid;                   /* phase 2 */
	const struct rc_remote *conf;     /* phase 1: of the configuration in use; or NULL */
	const char *peer_id;              /* phase 1 identity as text, or "" */
	/* PH2_UP: what was installed (keys wiped); PH2_DOWN: what goes */
	const struct ipsec_sa *in, *out;
	const char *detail;
};

struct ike_effect {
	enum ike_effect_type type;
	uint64_t id; /* SADB, CRYPTO; REPLY: the command's */
	union {
		struct {
			struct net_endpoint local, remote;
			struct bytes octets;
			bool natt;       /* put the non-ESP marker before it */
			uint64_t serial; /* of the SA it is about; 0: none */
		} send;
		const struct sadb_msg *sadb;
		struct cry_job *job; /* the engine's; stays valid until its DONE event */
		struct {
			enum status status;
			struct net_endpoint remote;
			const char *detail;
		} reply;
		struct ike_note note;
	};
};

struct ike *ike_new(const struct ike_env *env); /* NULL: out of memory */
void ike_free(struct ike *e);                   /* silently: no effects */
void ike_set_level(struct ike *e, enum log_level level);

void ike_step(struct ike *e, const struct ike_event *event);
bool ike_next(struct ike *e, struct ike_effect *fx);
instant ike_deadline(const struct ike *e); /* INSTANT_NEVER: nothing pending */

/* --------------------------------------------------------------------- looking in, for SHOW --- */

struct ike_sa_view {
	uint64_t serial; /* the SA id of every log line: "#17" */
	struct net_endpoint local, remote;
	uint8_t cookie_i[8], cookie_r[8];
	bool initiator, established, dying;
	enum rc_exchange exchange;
	const char *state; /* the row's name: "MSG3-SENT", "ESTABLISHED" */
	const char *remote_name; /* configuration section */
	const struct alg *encr, *hash, *group;
	uint16_t bits;
	const char *natt;      /* version of NAT traversal agreed on, or "" */
	bool nat_me, nat_peer; /* who is behind a NAT */
	bool dpd;              /* the peer understands dead peer detection */
	unsigned dpd_fails;    /* questions it has not answered */
	wall created;
	instant expires;
	unsigned children;
	enum rc_auth auth;
	int64_t life_ms;
	bool nat_known;     /* whether there is a NAT has been found out */
	bool dpd_asks;      /* the peer is asked, every dpd_delay */
	uint32_t dpd_asked; /* questions so far */
	char peer_id[NET_ADDR_TEXT * 4];
	struct bytes peer_cert; /* DER of what vouched for it, or empty; until the next step */
};
struct ike_child_view {
	uint64_t at; /* for ike_show_child_at */
	uint64_t serial, parent; /* parent: the phase 1's serial, 0 when it is gone */
	struct net_endpoint local, remote;
	struct sp_selector sel; /* outbound: src local, dst remote */
	enum sa_proto proto;
	enum sa_mode mode;
	struct net_addr sa_local, sa_remote; /* ends of the SAs themselves */
	bool retiring; /* its outbound SA may be gone already */
	uint32_t spi_in, spi_out;
	const struct alg *encr, *auth, *comp, *pfs;
	uint16_t bits;
	bool natt; /* ESP in UDP */
	int64_t life_ms;
	uint64_t life_bytes; /* 0: any number */
	bool initiator, established;
	const char *state;
	uint32_t msgid;
	wall created;
	instant expires;
};
struct ike_failure_view { /* kept after the SA is gone, newest first */
	wall when;
	struct net_endpoint local, remote;
	unsigned phase; /* 1 or 2 */
	uint64_t serial; /* of the SA that failed; 0: none was made */
	enum status status;
	uint16_t peer_notify; /* what the peer said, 0 = nothing */
	char detail[IKE_DETAIL_MAX];
};
struct ike_timer_view { /* what the engine will do by itself */
	instant when;
	uint64_t serial; /* of the SA, or of what is negotiated on one; 0: of neither */
	struct net_endpoint remote; /* family 0: of no peer */
	wall created;
	const char *event;
};
struct ike_timer_walk { /* zero: at the beginning */
	unsigned stage, index;
	uint64_t cursor;
};
/* Walks that survive changes between calls: cursor starts at 0; false at the end. */
bool ike_show_sa(const struct ike *e, uint64_t *cursor, struct ike_sa_view *out);
bool ike_show_child(const struct ike *e, uint64_t *cursor, struct ike_child_view *out);
/* One that such a walk has shown, by its serial and by its view's `at`; false: it is gone. */
bool ike_show_sa_at(const struct ike *e, uint64_t serial, struct ike_sa_view *out);
bool ike_show_child_at(const struct ike *e, uint64_t at, struct ike_child_view *out);
/* The cipher's key of the phase 1 SA that a message with these 16 octets of cookies belongs to, for
 * a capture; borrowed until the next step.  False: there is none. */
bool ike_show_key(const struct ike *e, const uint8_t *cookies, struct bytes *key);
/* Every timer that is set, those of SAs first, those of children then; false: no more. */
bool ike_show_timer(const struct ike *e, struct ike_timer_walk *walk, struct ike_timer_view *out);
bool ike_show_failure(const struct ike *e, unsigned index, struct ike_failure_view *out);

enum ike_count { /* names in ike_count_name */
	IKE_N_RECEIVED, IKE_N_SENT, IKE_N_RETRANSMITTED, IKE_N_DUPLICATE, IKE_N_MALFORMED,
	IKE_N_NO_SA,
	IKE_N_HALF_OPEN, IKE_N_HALF_OPEN_REFUSED, IKE_N_PH1_UP, IKE_N_PH1_FAILED, IKE_N_PH2_UP,
	IKE_N_PH2_FAILED, IKE_N_ACQUIRE, IKE_N_BAD_HASH, IKE_N_REKEYED,
	IKE_N_FOLDED, IKE_N_COUNT
};
uint64_t ike_count(const struct ike *e, enum ike_count which);
uint64_t ike_failed_count(const struct ike *e, enum status why); /* failures of that cause */
const char *ike_count_name(enum ike_count which);
size_t ike_sa_count(const struct ike *e);
size_t ike_half_open_count(const struct ike *e);
const struct ike_limits *ike_limits(const struct ike *e);

#endif
