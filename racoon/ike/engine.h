/*
 * engine.h - what the files of racoon/ike and racoon/ikev1 share: the engine's own structures.
 *
 * Nobody else includes this; the world sees ike.h.  Ownership: the engine owns peers, SAs,
 * children, jobs and commands; an exchange belongs to its SA or child; what an exchange computes
 * with lies in its arena and goes when the exchange ends.  Objects that end during a step are
 * unlinked at once and freed at the end of the step, so a handler may finish what it does with a
 * dead one.
 */
#ifndef RACOON_IKE_ENGINE_H
#define RACOON_IKE_ENGINE_H

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/heap.h"
#include "lib/list.h"
#include "racoon/ike/ike.h"
#include "racoon/ikev1/v1_keys.h"
#include "racoon/wire/wire.h"

enum {
	IKE_HALF_OPEN = 1000,
	IKE_HALF_OPEN_PER_PEER = 5,
	IKE_SAS = 100000,
	IKE_CHILDREN_PER_SA = 256,
	IKE_ARENA = 65536,
	IKE_BUFFER = 65536,        /* octets of a message under construction */
	IKE_FX_MAX = 1 << 20,      /* effects in one step; more are lost and counted as a bug */
	IKE_MSGIDS_KEPT = 32,      /* quick mode message IDs remembered against replay */
	IKE_DPD_IDS_KEPT = 8,      /* messages with one DPD number remembered against replay */
	IKE_RESEND_GUARD_MS = 500, /* a duplicate is answered at most this often */
	IKE_HINT_MS = 2000,        /* retransmission interval once the peer has complained */
	IKE_GRACE_MS = 15000,      /* a replaced SA lives on for packets under way */
	IKE_GRACE_SPREAD_MS = 5000, /* … and at random up to so much longer */
	IKE_BACKSTOP_MS = 45000,   /* … and longer where the peer should delete it */
	IKE_DELETE_AGAIN_MS = 500, /* a Delete is repeated: nothing acknowledges it */
	IKE_DELETE_COPIES = 3,     /* … so often in all, each time after a longer while */
	IKE_QUICK2_MS = 500,      /* first retransmission of quick mode message 2 */
	IKE_SETTLE_MS = 60000,     /* the last message is kept this long for duplicates */
	IKE_ACQUIRE_RETRY_MS = 1000, /* a negotiation that has to wait for another looks again */
	IKE_AGAIN_MAX = 1024,        /* messages waiting to be sent again */
	IKE_SPIS_PER_DELETE = 200,
	IKE_RESTARTS_MAX = 2,        /* of a quick mode whose phase 1 went away */
	IKE_REPLAY_WINDOW = 64,    /* packets */
	IKE_REJECTS_SHOWN = 16,    /* differences logged for one proposal */
	IKE_FAILURE_QUIET_MS = 10000, /* the same failure of the same peer is not told again */
	IKE_FIRST_FRAGS = 256,       /* first messages that come in pieces, at once */
	IKE_LIFE_MIN_S = 1,
	IKE_LIFE_MAX_S = 31536000,
};

enum ike_side { IKE_INITIATOR, IKE_RESPONDER };
enum ike_nat { IKE_NAT_ME = 1, IKE_NAT_PEER = 2 }; /* who is behind one */

/* How long a replaced SA lives where this side is to delete it, or to see it deleted. */
static inline int64_t
ike_grace_of(enum ike_side side)
{
	return side == IKE_INITIATOR ? IKE_GRACE_MS : IKE_BACKSTOP_MS;
}

enum ike_state { /* of an exchange; names in ike_state_name */
	IKE_S_START,
	IKE_S_MSG1_SENT, IKE_S_MSG3_SENT, IKE_S_MSG5_SENT, /* main mode, initiator */
	IKE_S_MSG2_SENT, IKE_S_MSG4_SENT,                  /* main mode, responder */
	IKE_S_AGG1_SENT, IKE_S_AGG2_SENT,
	IKE_S_BASE1_SENT, IKE_S_BASE3_SENT, /* base mode, initiator */
	IKE_S_BASE2_SENT,                   /* base mode, responder */
	IKE_S_QUICK1_SENT, IKE_S_QUICK2_SENT,
	IKE_S_QUICK3_SENT, /* the peer is to say CONNECTED */
	IKE_S_UP,
	IKE_S_DEAD,
	IKE_S_COUNT
};

struct ike_sa;
struct ike_child;
struct ike_xchg;
struct ike_frags;
struct v1_natt;

struct ike_timer {
	struct heap_node node;
	void (*fire)(struct ike *e, struct ike_timer *t);
};

struct ike_window { /* the last message each way, for retransmission and duplicates */
	uint64_t digest; /* keyed, of the last datagram taken */
	bool has_digest;
	uint8_t *sent;
	size_t sent_n;
	unsigned tries;   /* retransmissions made */
	bool retransmits; /* we wait for an answer */
	instant resent;   /* when a duplicate was last answered */
	struct ike_timer retry;
};

/* ------------------------------------------------------------------------------ transitions --- */

enum ike_sealed { IKE_CLEAR, IKE_SEALED, IKE_EITHER };

struct ike_row {
	const char *story;
	uint8_t exchange; /* enum wire_exchange */
	enum ike_side side;
	enum ike_state from, to;
	enum ike_state detour; /* instead of `to`, when a handler sets detours; START: none */
	enum ike_sealed sealed;
	uint64_t need, may; /* sets of WIRE_BIT */
	uint64_t either;    /* of these exactly one */
	uint64_t twice;     /* of these, two are allowed */
	enum status (*recv)(struct ike *e, struct ike_xchg *x, const struct wire_msg *m);
	enum status (*send)(struct ike *e, struct ike_xchg *x);  /* when all jobs are done */
	void (*after)(struct ike *e, struct ike_xchg *x); /* in state `to`, message away */
};

struct ike_path { /* where messages go between two ends */
	struct net_endpoint local, remote;
	bool natt; /* through the NAT-T sockets, behind the non-ESP marker */
};

struct ike_held { /* one datagram that came while keys were being computed */
	uint8_t *octets;
	size_t n;
	struct ike_path path;
};

struct ike_xchg { /* phase 1 or one quick mode, under way */
	struct ike_sa *sa;
	struct ike_child *child; /* NULL in phase 1 */
	enum ike_side side;
	uint8_t exchange;
	enum ike_state state;
	uint32_t message_id;
	const struct ike_row *row; /* its recv has run, its send waits for jobs */
	unsigned jobs;             /* outstanding */
	struct list job_list;
	enum status failed;        /* of a job */
	bool detours;              /* to the row's detour */
	bool kept;                 /* its last message is kept for duplicates, once it is up */
	bool more;                 /* send has begun, and goes on after these jobs */
	bool drop;                 /* the handler wants the message dropped, not the exchange */
	bool answered;             /* the peer has said something that fits */
	bool told;                 /* its failure is in the history already */
	const char *why;           /* a handler's words on its failure, in the arena */
	uint16_t hint;             /* unauthenticated notify of the peer */
	unsigned hint_tries;
	uint8_t iv[V1_IV_MAX];
	struct arena *arena;
	void *data;                /* struct v1_main or struct v1_quick, in the arena */
	void (*data_free)(void *data);
	struct ike_held held;
	struct ike_path arrival; /* of the message taken last: believed when it is authentic */
	bool elsewhere;          /* … and until then answered there, once */
	struct ike_window window;
	struct ike_timer limit;
	instant begun;
	struct list in_sa; /* quick modes of their SA; or the dead */
};

/* ---------------------------------------------------------------------------------- objects --- */

struct ike_peer { /* everything between two addresses */
	struct hash_node by_ends, by_remote;
	struct net_addr local, address; /* address: the peer's */
	uint16_t port; /* of one of several behind a NAT; 0: the address is one host's */
	struct ike_timer keepalive;
	bool kept_alive; /* we are behind a NAT, and keep its mapping */
	struct list sas;      /* struct ike_sa, oldest first */
	struct list children; /* struct ike_child, oldest first */
	struct list waiting;  /* those of them that wait for phase 1 */
	struct list in_idle;  /* nothing refers to it: freed at the end of the step if so still */
	struct list commands; /* struct ike_cmd that wait for it */
	unsigned half_open;
};

struct ike_dpd { /* dead peer detection, RFC 3706 */
	struct ike_timer timer;
	unsigned fails;          /* questions without an answer yet */
	uint32_t sent, number;   /* questions in all; the number of the present one */
	uint32_t heard;          /* the peer's last */
	uint32_t heard_id[IKE_DPD_IDS_KEPT]; /* ... the IDs of the messages that had it */
	unsigned heard_ids;                  /* 0: none yet */
	instant answered;
};

struct ike_sa { /* phase 1 */
	uint64_t serial;
	struct list in_all, in_peer, in_half_open;
	struct hash_node by_cookie, by_first, by_serial;
	struct ike_peer *peer;
	struct net_endpoint local, remote;
	bool natt; /* through the NAT-T sockets, behind the non-ESP marker */
	bool natt_possible, nat_known;
	uint8_t nat; /* enum ike_nat */
	const struct v1_natt *natt_how; /* the version agreed on, NULL: none */
	struct net_endpoint first; /* where message 1 came from */
	size_t answer_most; /* responder: octets of message 2 at most, to who has proven nothing */
	uint8_t cookie_i[V1_COOKIE], cookie_r[V1_COOKIE];
	enum ike_side side;
	enum ike_state state; /* START … UP, DEAD */
	bool half_open;       /* responder, not established: counted */
	bool costly;          /* … of aggressive mode */
	bool verified;        /* the peer has shown that it receives at its address */
	bool dying;           /* soft lifetime over, or replaced: nothing new begins on it */
	bool rekeying;
	bool retiring;        /* a timer will delete it */
	bool elsewhere_told;  /* its messages came from another address, and that is in the log */
	enum rc_exchange exchange;
	enum rc_auth auth;
	const struct rc_remote *conf;
	const struct alg *encr, *hash, *group;
	uint16_t bits;
	int64_t life_ms;
	struct v1_keys keys;
	uint8_t iv[V1_IV_MAX]; /* last block of phase 1 */
	instant begun, established, expires;
	wall created;
	struct ike_timer life, retire;
	struct ike_dpd dpd;
	struct ike_frags *frags; /* of a message that has not come as a whole yet */
	enum rc_idtype peer_id_type;
	uint8_t *peer_id;
	size_t peer_id_n;
	char *peer_id_text;
	struct bytes peer_cert; /* what vouched for it: DER, malloc'ed, up to CRY_CERT_MAX */
	uint32_t msgid[IKE_MSGIDS_KEPT];
	unsigned msgids;
	struct ike_xchg *x;  /* phase 1 itself; NULL once settled */
	struct list quicks;  /* struct ike_xchg */
	unsigned quick_count;
	uint64_t begun_step, up_step; /* order of events, finer than time */
	uint32_t peer_vendors; /* set of enum v1_vendor */
};

struct ike_pair { /* one rule of the bundle: an SA each way */
	struct hash_node by_in, by_out;
	struct ike_child *child;
	enum sa_proto proto;
	enum sa_mode mode;
	enum sp_level level;
	uint32_t reqid;
	struct net_addr local, remote; /* of the SAs */
	uint32_t spi_in, spi_out;
	const struct alg *encr, *auth, *comp;
	uint16_t bits;
	bool in_asked, out_asked; /* install requests were made */
	struct ike_kept *kept;    /* behind a NAT: in and out, to tell the database other ports */
};
struct ike_kept {
	struct sa_key encr, auth;
};

struct ike_child { /* phase 2 */
	uint64_t serial, parent;
	struct list in_all, in_peer, waiting;
	struct hash_node by_serial, by_msgid, by_policy;
	struct ike_peer *peer;
	struct net_endpoint local, remote;
	bool natt;   /* ESP in UDP */
	bool nat_me; /* we are behind the NAT */
	const struct v1_natt *natt_how;
	uint16_t esp_frag; /* 0: off */
	struct net_addr natt_oa; /* transport mode: the peer's original address, or none */
	enum ike_side side;
	enum ike_state state;
	struct sp_selector sel; /* outbound */
	uint32_t policy_id, acquire_seq;
	unsigned pairs;
	struct ike_pair *pair;
	const struct alg *pfs;
	uint32_t message_id;
	int64_t life_ms;
	uint64_t life_bytes;
	instant begun, established, expires;
	wall created;
	bool bundle;      /* several rules, one of them a tunnel */
	bool any;         /* complex_bundle: either way of putting a bundle is taken */
	bool alike;       /* a bundle with a tunnel is offered as tunnels (complex_bundle off) */
	bool generated;   /* its policies are ours: see generate.c */
	bool policy_made; /* … and this one removes them */
	struct sp_selector gen_sel; /* of the generated policies; sel unless behind a NAT */
	bool rekeying;  /* soft lifetime over, and seen to */
	bool renewal;   /* begun because another one's was, and nobody else has asked for it */
	bool retiring;  /* a newer one took over */
	bool waits;     /* for phase 1 */
	uint64_t begun_step, up_step;
	uint64_t cmds; /* slots of the commands that wait for it */
	unsigned restarts;
	struct ike_timer life, retire, wait;
	struct list job_list; /* installs in the background */
	struct ike_xchg *x;
};

enum ike_job_type {
	IKE_JOB_KEYPAIR,
	IKE_JOB_DERIVE,
	IKE_JOB_SIGN,
	IKE_JOB_VERIFY,
	IKE_JOB_GETSPI,
	IKE_JOB_INSTALL,
	IKE_JOB_DELETE,
	IKE_JOB_POLICY,
};

struct ike_cmd {
	struct list in_peer, in_all;
	uint64_t id;
	struct ike_command what;
	unsigned deletes;  /* SADB answers still to come */
	struct ike_peer *peer;
	unsigned slot, pending; /* ESTABLISH /CHILD: bit in ike_child.cmds; children to come */
	bool started;
	uint32_t policy_id; /* ESTABLISH of one policy; 0: of all to the peer */
	enum status failed;
	char detail[IKE_DETAIL_MAX];
};

struct ike_job {
	struct hash_node by_id;
	struct list in_list; /* of the exchange, or of the child */
	uint64_t id;
	enum ike_job_type type;
	struct ike_xchg *owner;  /* NULL: the exchange is gone */
	struct ike_child *child; /* INSTALL in the background */
	uint64_t cmd;            /* DELETE: the command that waits */
	void (*then)(struct ike *e, struct ike_xchg *x);
	struct cry_job *crypto;
	struct cry_dh **dh;      /* where the key pair goes, or comes from */
	struct secret *shared;   /* where the secret goes */
	struct bytes *sig;       /* SIGN: where the signature goes, in the exchange's arena */
	unsigned pair;           /* GETSPI, INSTALL */
	bool inbound;
	struct ipsec_policy *policy; /* POLICY: what was asked for */
	enum sadb_op op;
	struct ipsec_sa *sa;     /* SADB: to undo it when the owner is gone; without keys */
};

struct ike_policy {
	struct hash_node by_selector, by_id, by_peer;
	struct ipsec_policy p;
};
struct ike_tuple { /* shapes of selectors that occur, with how many policies have them */
	uint8_t family, src, dst, dir;
	uint8_t upper;
	bool sport, dport;
	uint32_t count;
};
struct ike_spd {
	struct hash_table by_selector, by_id, by_peer;
	struct ike_tuple *tuple;
	size_t tuples, room;
	bool known;
};

struct ike {
	struct ike_env env;
	instant now;
	wall today;
	const struct rc_config *config;
	struct net_endpoint *address, *natt_address;
	size_t addresses, natt_addresses;
	struct heap timers;
	struct hash_table sa_by_cookie, sa_by_first, sa_by_serial, peers, peers_by_remote;
	struct hash_table child_by_serial, child_by_msgid, child_by_policy;
	struct hash_table by_spi_in, by_spi_out, jobs;
	struct list sas, children, commands, half_open, costly, again;
	size_t sa_count, half_open_count, costly_count, again_count;
	uint64_t serial, job_serial;
	uint32_t reqid; /* of generated policies */
	struct ike_spd spd;
	bool stopping;
	uint64_t cmd_mask; /* for children made now */
	struct ike_effect *fx;
	size_t fx_count, fx_room, fx_next;
	struct arena *step;
	struct list dead_sas, dead_children, dead_xchgs; /* freed at the end of the step */
	struct list idle_peers;
	uint64_t count[IKE_N_COUNT];
	uint64_t failed[ST_COUNT]; /* by cause */
	struct ike_failure_view failure[IKE_FAILURES_KEPT];
	instant failed_at[IKE_FAILURES_KEPT];
	unsigned failures, failure_next;
	uint64_t steps;
	struct ike_frags *first_frags[IKE_FIRST_FRAGS];
	/* first messages answered without an SA: see flood.c */
	struct hash_table folded;
	struct list folds;
	size_t fold_octets;
	struct ike_timer fold_timer;
	const uint8_t *cookie_wanted; /* of the responder's SA made now; NULL: a new one */
	struct bytes nonce_wanted;    /* of base mode; none: a new one */
	int64_t budget;               /* tenths of a millisecond for aggressive mode */
	instant budget_at, costly_told;
	bool unfolding;               /* nothing is sent: it was */
	bool quiet;                   /* nothing is logged */
	unsigned firsts;              /* first messages in the present second */
	instant firsts_since, flood_told;
	struct bytes datagram; /* being received, as it came */
	struct ike_path arrival; /* its ends */
	struct wire_msg msg; /* the message being taken apart: too large for the stack of a fibre */
	uint8_t in[IKE_BUFFER], out[IKE_BUFFER];
};

/* --------------------------------------------------------------------------------- engine.c --- */

struct ike_effect *ike_fx(struct ike *e, enum ike_effect_type type);
void ike_send(struct ike *e, const struct ike_sa *sa, struct bytes octets);
/* In pieces where the peer takes them and the message is long. */
void ike_send_path(struct ike *e, const struct ike_sa *sa, const struct ike_path *path,
	struct bytes octets);
void ike_send_to(struct ike *e, const struct net_endpoint *local, const struct net_endpoint *remote,
	bool natt, struct bytes octets);
/* The same for the SA of that serial, which the log shall name if it cannot be sent; 0: none. */
void ike_send_for(struct ike *e, uint64_t serial, const struct ike_path *path, struct bytes octets);
/* Again after a while, whatever becomes of the SA: nothing acknowledges a Delete. */
void ike_send_again(struct ike *e, const struct ike_sa *sa, struct bytes octets);
/* The index-th of what waits to be sent so: when, where, of which SA.  False: no more. */
bool ike_again_due(const struct ike *e, unsigned index, struct ike_timer_view *out);
void ike_reply(struct ike *e, uint64_t id, enum status status, const struct net_endpoint *remote,
	const char *detail);
void ike_arm(struct ike *e, struct ike_timer *t, instant when,
	void (*fire)(struct ike *e, struct ike_timer *t));
void ike_disarm(struct ike *e, struct ike_timer *t);
uint32_t ike_random32(struct ike *e);
/* ms minus up to a tenth of it. */
int64_t ike_jitter(struct ike *e, int64_t ms);
void ike_log(struct ike *e, enum log_level level, const struct net_endpoint *peer, uint64_t serial,
	const char *fmt, ...) ATTR_PRINTF(5, 6);
bool ike_logs(const struct ike *e, enum log_level level);
const char *ike_state_name(enum ike_state s);
/* "192.168.1.100[500]<=>192.168.2.100[500]" */
char *ike_pair_text(char *buf, size_t size, const struct net_endpoint *a, const char *arrow,
	const struct net_endpoint *b);
char *ike_cookies_text(char *buf, size_t size, const struct ike_sa *sa); /* "hex:hex" */
enum { IKE_PAIR_TEXT = 2 * NET_ENDPOINT_TEXT + 8, IKE_COOKIES_TEXT = 40 };

/* ----------------------------------------------------------------------------------- show.c --- */

/* The one behind that serial, whether its object is still there or not; NULL: it was the last. */
const struct ike_sa *ike_sa_after(const struct ike *e, uint64_t serial);
const struct ike_child *ike_child_after(const struct ike *e, uint64_t serial);
const struct ike_child *ike_child_by_serial(const struct ike *e, uint64_t serial); /* NULL: gone */

/* ----------------------------------------------------------------------------------- fail.c --- */

/* serial: of the SA that failed; 0: none was made. */
void ike_failure(struct ike *e, unsigned phase, uint64_t serial, const struct net_endpoint *local,
	const struct net_endpoint *remote, enum status status, uint16_t notify, const char *detail);
void ike_note_sa(struct ike *e, enum ike_note_type type, const struct ike_sa *sa,
	enum status status, const char *detail);
void ike_note_child(struct ike *e, enum ike_note_type type, const struct ike_child *c,
	enum status status, const char *detail);
/* What an error notify of the peer means for phase 1 in this state. */
enum status ike_notify_status(uint16_t notify, enum ike_state state);

/* ------------------------------------------------------------------------------------ job.c --- */

enum status ike_job_keypair(struct ike *e, struct ike_xchg *x, const struct alg *group,
	struct cry_dh **dh, void (*then)(struct ike *, struct ike_xchg *)) ATTR_NODISCARD;
enum status ike_job_derive(struct ike *e, struct ike_xchg *x, const struct alg *group,
	struct cry_dh **dh, struct bytes peer, struct secret *shared,
	void (*then)(struct ike *, struct ike_xchg *)) ATTR_NODISCARD;
/* SIGN or VERIFY; takes proof over.  sig: of a SIGN.  A failure has proof->why for its words. */
struct cry_proof;
enum status ike_job_proof(struct ike *e, struct ike_xchg *x, enum ike_job_type type,
	struct cry_proof *proof, struct bytes *sig,
	void (*then)(struct ike *, struct ike_xchg *)) ATTR_NODISCARD;
enum status ike_job_getspi(struct ike *e, struct ike_xchg *x, unsigned pair) ATTR_NODISCARD;
/* Keys in sa are wiped once the effect is made.  In the exchange's name; x NULL: the child's. */
enum status ike_job_install(struct ike *e, struct ike_child *c, struct ike_xchg *x, unsigned pair,
	bool inbound, const struct ipsec_sa *sa) ATTR_NODISCARD;
/* Ports and limits of an SA that is there. */
enum status ike_job_update(struct ike *e, struct ike_child *c, unsigned pair, bool inbound,
	const struct ipsec_sa *sa) ATTR_NODISCARD;
/* Has the database not yet said that it has the child's outbound SAs (or its new ends)? */
bool ike_job_installing(const struct ike_child *c);
void ike_job_delete(struct ike *e, const struct ipsec_sa *sa, uint64_t cmd);
/* A policy made (child: whose negotiation fails with it) or removed (NULL). */
enum status ike_job_policy(struct ike *e, struct ike_child *c, enum sadb_op op,
	const struct ipsec_policy *policy, uint64_t cmd) ATTR_NODISCARD;
void ike_jobs_orphan(struct list *jobs);
void ike_job_done(struct ike *e, const struct ike_event *ev);
void ike_jobs_free(struct ike *e);

/* --------------------------------------------------------------------------------- window.c --- */

enum { IKE_FRESH, IKE_DUPLICATE };
int ike_window_check(struct ike *e, struct ike_xchg *x, struct bytes datagram);
enum status ike_silence(const struct ike_xchg *x); /* what no answer at all means in its state */
void ike_window_took(struct ike *e, struct ike_xchg *x, struct bytes datagram);
void ike_window_send(struct ike *e, struct ike_xchg *x, struct bytes message, bool retransmit);
void ike_window_hint(struct ike *e, struct ike_xchg *x, uint16_t notify);
void ike_window_free(struct ike *e, struct ike_window *w);
void ike_again_free(struct ike *e);
void ike_window_nudge(struct ike *e, struct ike_xchg *x); /* retransmit now, within the guard */
uint64_t ike_digest(const struct ike *e, struct bytes b);

/* ------------------------------------------------------------------------------------ run.c --- */

struct ike_xchg *ike_xchg_new(struct ike *e, struct ike_sa *sa, struct ike_child *child,
	uint8_t exchange, enum ike_side side, uint32_t message_id);
void ike_xchg_end(struct ike *e, struct ike_xchg *x); /* unlinked; freed at the end of the step */
void ike_xchg_free(struct ike *e, struct ike_xchg *x);
void ike_xchg_settle(struct ike_xchg *x);
/* The first row of an initiator: jobs, then message 1. */
void ike_run_start(struct ike *e, struct ike_xchg *x);
/* One message, decrypted; what came of it. ST_NORMAL: taken. */
enum status ike_run(struct ike *e, struct ike_xchg *x, const struct wire_header *h,
	const struct wire_msg *m);
void ike_run_jobs_done(struct ike *e, struct ike_xchg *x);
void ike_xchg_fail(struct ike *e, struct ike_xchg *x, enum status status, const char *fmt, ...)
	ATTR_PRINTF(4, 5);
enum status ike_drop(struct ike_xchg *x, enum status status); /* for handlers: keep the state */
/* For handlers: the reason in words, and the status to return. */
enum status ike_why(struct ike_xchg *x, enum status status, const char *fmt, ...) ATTR_PRINTF(3, 4);
/* What is wrong with a message's set of payloads, or NULL. */
const char *ike_set_fault(const struct ike_row *row, const struct wire_msg *m);
const struct ike_row *ike_row_find(uint8_t exchange, enum ike_side side, enum ike_state from);

/* ----------------------------------------------------------------------------------- recv.c --- */

void ike_recv(struct ike *e, const struct ike_event *ev);
void ike_recv_held(struct ike *e, struct ike_xchg *x);
/* What is being received is of this SA and came from where it cannot be followed to: tell. */
void ike_elsewhere(struct ike *e, struct ike_sa *sa);

/* ----------------------------------------------------------------------------------- path.c --- */

/* The NAT-T socket of an address of ours; false: there is none. */
bool ike_natt_local(const struct ike *e, const struct net_addr *local, struct net_endpoint *out);
/* May a message of this SA come from elsewhere than the last one did?  To be believed later. */
bool ike_path_may_move(const struct ike *e, const struct ike_sa *sa, const struct ike_path *to);
/* The message taken last in x was authentic and fresh: its path is the SA's from now on. */
void ike_path_follow(struct ike *e, struct ike_xchg *x);
/* The same for a message outside of an exchange. */
void ike_path_heard(struct ike *e, struct ike_sa *sa, const struct ike_path *path);
/* The database saw authentic ESP of an SA come from another port of its peer's address. */
void ike_path_mapped(struct ike *e, const struct sadb_msg *m);
void ike_path_move(struct ike *e, struct ike_sa *sa, const struct ike_path *to);
bool ike_path_is(const struct ike_sa *sa, const struct ike_path *path);
void ike_keepalive_end(struct ike *e, struct ike_peer *p); /* nothing needs the mapping now */
/* An SA is up: to the peer it belongs to, and its NAT's mapping kept. */
void ike_path_up(struct ike *e, struct ike_sa *sa);

/* ---------------------------------------------------------------------------------- flood.c --- */

bool ike_flood(const struct ike *e); /* so many half-open that SAs are not kept before message 3 */
bool ike_flood_quiet(struct ike *e);
void ike_flood_cookie(const struct ike *e, const uint8_t *cookie_i, uint8_t *out);
/* Keep the first message, and our nonce where message 2 had one, and end the SA. */
void ike_fold(struct ike *e, struct ike_sa *sa, struct bytes nonce);
struct bytes ike_fold_nonce(const struct ike *e, const uint8_t *cookie_i, const uint8_t *cookie_r);
/* May one more first message of aggressive mode be answered?  Makes room where it can. */
bool ike_costly_room(struct ike *e, const struct net_endpoint *local,
	const struct net_endpoint *remote, const struct alg *group);
struct ike_sa *ike_unfold(struct ike *e, const struct wire_header *h);
void ike_folds_free(struct ike *e);

/* ------------------------------------------------------------------------------------- sa.c --- */

/* The peer at an address that is its own. */
struct ike_peer *ike_peer_of(struct ike *e, const struct net_addr *local,
	const struct net_addr *remote, bool make);
/* One of those behind a NAT, by its port; port 0: as above. */
struct ike_peer *ike_peer_at(struct ike *e, const struct net_addr *local,
	const struct net_endpoint *remote, bool make);
/* Who is meant by an address (and a port, or 0), for something new: one with phase 1, if any. */
struct ike_peer *ike_peer_reach(struct ike *e, const struct net_addr *local,
	const struct net_endpoint *remote, bool make);
void ike_peer_rename(struct ike *e, struct ike_peer *p, const struct net_endpoint *remote);
/* The next one with this remote address, whatever the local; NULL begins. */
struct ike_peer *ike_peer_remote(const struct ike *e, const struct net_addr *remote,
	const struct ike_peer *after);
void ike_peer_tidy(struct ike *e, struct ike_peer *p); /* to be freed when nothing is left */
void ike_peers_bury(struct ike *e);
/* The newest phase 1 that is not near its end, or NULL. */
struct ike_sa *ike_peer_fresh(const struct ike_peer *p);
/* The one new exchanges use: that, or one near its end while there is no other. */
struct ike_sa *ike_peer_up(const struct ike_peer *p);
/* Any established one: for Delete and Notify. */
struct ike_sa *ike_peer_any(const struct ike_peer *p);
/* A negotiation that will end in one, if the peer is there at all. */
struct ike_sa *ike_peer_coming(const struct ike_peer *p);
struct ike_sa *ike_sa_new(struct ike *e, const struct net_endpoint *local,
	const struct net_endpoint *remote, bool natt, enum ike_side side, const uint8_t *cookie_i);
void ike_sa_own_cookie(struct ike *e, struct ike_sa *sa);
/* Initiator: begin phase 1. The local end is chosen when none is given. */
enum status ike_sa_initiate(struct ike *e, const struct net_addr *remote,
	const struct net_addr *local, struct ike_sa **out, char *why, size_t size) ATTR_NODISCARD;
/* The same with a peer there is, the way its last SA went. */
enum status ike_sa_initiate_peer(struct ike *e, struct ike_peer *p, struct ike_sa **out, char *why,
	size_t size) ATTR_NODISCARD;
/* With a certain configuration: an operator named it. */
enum status ike_sa_initiate_as(struct ike *e, const struct rc_remote *conf,
	const struct ike_peer *p, struct ike_sa **out, char *why, size_t size) ATTR_NODISCARD;
void ike_sa_up(struct ike *e, struct ike_sa *sa);
/* verb: "deleted", "expired" for the log line. */
void ike_sa_end(struct ike *e, struct ike_sa *sa, enum status status, bool tell, const char *verb);
void ike_sa_limit(struct ike *e, struct ike_xchg *x); /* arm the exchange's time limit */
void ike_peer_contact(struct ike *e, struct ike_sa *sa); /* INITIAL-CONTACT came on it */
/* Are there other SAs with this peer, so that we must not claim initial contact? */
bool ike_peer_known(const struct ike_sa *sa);
void ike_sa_fail(struct ike *e, struct ike_sa *sa, enum status status, const char *detail);
void ike_sa_free(struct ike *e, struct ike_sa *sa);
/* Quick mode had no answer at all: the peer may have lost this one, and tells nobody. */
void ike_sa_doubt(struct ike *e, struct ike_sa *sa);
void ike_sa_retire(struct ike *e, struct ike_sa *sa, int64_t ms);
bool ike_half_open_room(struct ike *e, const struct net_endpoint *local,
	const struct net_endpoint *remote);
void ike_half_open_done(struct ike *e, struct ike_sa *sa);
void ike_half_open_costly(struct ike *e, struct ike_sa *sa);
bool ike_local_for(const struct ike *e, const struct net_addr *remote, const struct net_addr *local,
	struct net_endpoint *out);
struct ike_sa *ike_sa_find(const struct ike *e, const struct wire_header *h);
struct ike_sa *ike_sa_by_first(const struct ike *e, const uint8_t *cookie_i,
	const struct net_endpoint *remote);
struct ike_sa *ike_sa_by_serial(const struct ike *e, uint64_t serial);
bool ike_sa_wants_rekey(const struct ike_sa *sa); /* when its lifetime ends soon */
bool ike_msgid_seen(const struct ike_sa *sa, uint32_t id);
void ike_msgid_remember(struct ike_sa *sa, uint32_t id);
void ike_config_changed(struct ike *e);
/* Could this section have led to what phase 1 agreed on? */
bool ike_conf_fits(const struct rc_remote *conf, const struct ike_sa *sa);

/* ---------------------------------------------------------------------------------- child.c --- */

struct ike_child *ike_child_new(struct ike *e, struct ike_peer *p, const struct net_endpoint *local,
	const struct net_endpoint *remote, enum ike_side side, const struct ipsec_policy *policy);
/* From a policy: negotiate, after phase 1 if there is none. *out may be an older one under way. */
enum status ike_child_initiate(struct ike *e, const struct ipsec_policy *policy,
	const struct net_addr *src, const struct net_addr *dst, uint32_t seq, bool again,
	struct ike_child **out, char *why, size_t size) ATTR_NODISCARD;
void ike_child_restart(struct ike *e, struct ike_child *c); /* its phase 1 is gone */
void ike_child_begin(struct ike *e, struct ike_child *c, struct ike_sa *sa); /* phase 1 is there */
void ike_child_kick(struct ike *e, struct ike_peer *p); /* begin what waits, if phase 1 is there */
/*
 * A first message of the peer for traffic that we are negotiating about as well: one of the two is
 * given up, the same one at both ends.  True: ours stays, drop the peer's.
 */
bool ike_child_collides(struct ike *e, struct ike_peer *p, const struct sp_selector *sel,
	uint32_t message_id);
void ike_child_grace(struct ike *e, const struct ike_child *n);
void ike_child_up(struct ike *e, struct ike_child *c);
/* Deletes its SAs; tells the peer when tell. */
void ike_child_end(struct ike *e, struct ike_child *c, enum status status, bool tell, uint64_t cmd);
void ike_child_fail(struct ike *e, struct ike_child *c, enum status status, uint16_t notify,
	const char *detail);
void ike_child_free(struct ike *e, struct ike_child *c);
void ike_child_proxy(struct ike_child *c); /* SAs between the identities of phase 2 */
unsigned ike_child_needed(const struct ike_child *c); /* pairs that cannot be left out */
void ike_child_trim(struct ike *e, struct ike_child *c, unsigned n);
void ike_child_sa(const struct ike_child *c, const struct ike_pair *p, bool inbound,
	struct ipsec_sa *out); /* without keys and lifetimes */
void ike_child_policy(const struct ike_child *c, struct ipsec_policy *out);
struct ike_child *ike_child_by_msgid(const struct ike *e, const struct ike_sa *sa, uint32_t msgid);
void ike_child_natt(struct ike_child *c, const struct ike_sa *sa); /* what is known of NATs */
/* Makes its exchange; false: out of memory. */
bool ike_child_attach(struct ike *e, struct ike_child *c, struct ike_sa *sa, uint32_t message_id);
void ike_child_hash_policy(struct ike *e, struct ike_child *c); /* by its selector, now final */
struct ike_child *ike_child_by_spi_in(const struct ike *e, enum sa_proto proto, uint32_t spi);
struct ike_child *ike_child_by_spi_out(const struct ike *e, const struct net_addr *remote,
	enum sa_proto proto, uint32_t spi);
struct ike_child *ike_child_of_peer(const struct ike *e, const struct ike_peer *peer,
	enum sa_proto proto, uint32_t spi);
void ike_child_hash_in(struct ike *e, struct ike_child *c, unsigned pair);
void ike_child_hash_out(struct ike *e, struct ike_child *c, unsigned pair);
/* The next child for the same traffic with the same peer; NULL begins. */
struct ike_child *ike_child_same(const struct ike *e, const struct ike_peer *p,
	const struct sp_selector *sel, const struct ike_child *after);
bool ike_child_policy_up(const struct ike *e, const struct ike_peer *p,
	const struct sp_selector *sel);

/* ----------------------------------------------------------------------------- child_life.c --- */

void ike_child_try_later(struct ike *e, struct ike_child *c); /* its renewal failed */
void ike_child_expire(struct ike *e, const struct sadb_msg *m);
void ike_child_gone(struct ike *e, const struct sadb_msg *m); /* others deleted or flushed */
const char *ike_proto_name(enum sa_proto p); /* "ESP" */
const char *ike_mode_name(enum sa_mode m, bool natt); /* "Tunnel" */

/* ------------------------------------------------------------------------------------ spd.c --- */

bool ike_spd_init(struct ike *e);
void ike_spd_free(struct ike *e);
void ike_spd_clear(struct ike *e);
void ike_spd_event(struct ike *e, const struct sadb_msg *m);
/* The policy that governs this selector: the equal one, else the first that covers it. */
const struct ipsec_policy *ike_spd_find(const struct ike *e, enum sp_dir dir,
	const struct sp_selector *sel);
const struct ipsec_policy *ike_spd_by_id(const struct ike *e, uint32_t id);
/* Walk the out policies to a peer: NULL begins; NULL ends. */
const struct ipsec_policy *ike_spd_peer_next(const struct ike *e, const struct net_addr *peer,
	const struct ipsec_policy *after);
/* The IKE peer and our address by a policy; false: it names none. */
bool ike_policy_ends(const struct ipsec_policy *p, struct net_addr *local, struct net_addr *remote);

/* ------------------------------------------------------------------------------- generate.c --- */

/* May policies be generated for this traffic (outbound selector) of the peer's? */
bool ike_may_generate(struct ike *e, const struct ike_sa *sa, const struct sp_selector *sel);
uint32_t ike_generated_reqid(struct ike *e);
/* A child of this peer's whose generated policies are for this traffic, or NULL. */
const struct ike_child *ike_generated_by(const struct ike *e, const struct ike_peer *p,
	const struct sp_selector *sel);
/* Put the child's policies into the database, or make them last as long as the child. */
enum status ike_generate(struct ike *e, struct ike_child *c) ATTR_NODISCARD;
/* The child ends: its policies go with it, unless another one for the same traffic needs them. */
void ike_generated_end(struct ike *e, struct ike_child *c, uint64_t cmd);

/* -------------------------------------------------------------------------------- command.c --- */

void ike_command(struct ike *e, const struct ike_command *c);
void ike_commands_sa_up(struct ike *e, struct ike_sa *sa);
void ike_commands_sa_failed(struct ike *e, struct ike_peer *p, enum status status,
	const struct net_endpoint *remote, const char *detail);
void ike_commands_child(struct ike *e, struct ike_child *c, enum status status, const char *detail);
void ike_command_deleting(struct ike *e, uint64_t cmd);
void ike_command_deleted(struct ike *e, uint64_t cmd);
void ike_commands_free(struct ike *e);

#endif
