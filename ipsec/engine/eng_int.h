/*
 * eng_int.h - the engine's inside: what the files of ipsec/engine and their tests share.
 *
 * eng.c holds it together; eng_sad.c and eng_life.c keep SAs, eng_spd.c policies, eng_control*.c
 * carry out requests, eng_migrate.c moves end points, eng_answer.c tells clients, eng_audit.c what
 * went wrong; eng_ip.c reads and makes IP headers, eng_frag.c cuts packets, eng_esp.c, eng_ah.c and
 * eng_comp.c transform, eng_out.c, eng_in.c and eng_hold.c are the ways of a packet.
 */
#ifndef IPSEC_ENGINE_ENG_INT_H
#define IPSEC_ENGINE_ENG_INT_H

#include "ipsec/engine/eng.h"
#include "lib/deflate.h"
#include "lib/heap.h"
#include "lib/list.h"

enum {
	ENG_POOL = 4096,           /* octets of randomness fetched at once, for IVs */
	ENG_FLOWS = 512,           /* remembered policy decisions, a power of two */
	ENG_RECENT = 256,          /* remembered SAs of incoming packets, a power of two */
	ENG_CLIENTS_MAX = 1024,    /* registered or promiscuous at once */
	ENG_DUMPS_MAX = 256,       /* under way at once */
	ENG_EVENTS_MAX = 16384,    /* events nobody has pulled yet; more are lost */
	ENG_EXPIRE_BATCH = 1024,   /* expiries of one eng_timer call; the rest stays due */
	ENG_HELD_OCTETS = 32 << 20, /* all packets that wait */
	ENG_ACQUIRES_MAX = 65536,  /* unanswered at once */
	ENG_GETSPI_TRIES = 256,    /* random SPIs looked at before the range counts as full */
	ENG_PMTU_S = 600,          /* a learned path MTU is believed so long (RFC 1191 6.3) */
	ENG_PMTU_MIN = 552,        /* smaller ones are not believed: nothing authenticates them */
	ENG_MAPPING_MS = 1000,     /* between two events of one SA that its peer is elsewhere */
	ENG_TTL = 64,              /* of outer headers */
	ENG_EXT_MAX = 8,           /* IPv6 extension headers walked */
	ENG_AH_HEADERS_MAX = 512,  /* octets of IP header and extension headers under an AH */
	ENG_REQID_FIRST = 32768,   /* generated for `unique` without a number */
	ENG_IP4 = 20, ENG_IP6 = 40, ENG_UDP = 8, ENG_ESP = 8, ENG_AH = 12, ENG_TRAILER = 2,
	ENG_NATT_PORT = 4500,      /* of SAs that name none */
	ENG_MARKER = 8,            /* zero octets, the non-IKE marker of NAT-T drafts 00 and 01 */
	ENG_ESP_OLD = 4, ENG_AH_OLD = 8, ENG_IPCOMP = 4,
	ENG_FRAG_MIN = 256,        /* pieces made before ESP are no smaller */
	ENG_AUDIT_RING = 64,       /* audit events nobody has pulled yet */
	ENG_AUDIT_BURST = 8,       /* of one kind in ... */
	ENG_AUDIT_MS = 10000,
};
/* Without cyclic sequence numbers: ask for a new SA when this one was sent. */
#define ENG_SEQ_SOFT 0xf0000000u

enum { IPP_HOPOPT = 0, IPP_ICMP = 1, IPP_IPIP = 4, IPP_TCP = 6, IPP_UDP = 17, IPP_IPV6 = 41,
	IPP_ROUTING = 43, IPP_FRAGMENT = 44, IPP_ICMP6 = 58, IPP_NONE = 59, IPP_DSTOPT = 60 };

/* ------------------------------------------------------------------------------------- SAs --- */

struct eng_pair_key {
	struct net_addr src, dst;
	uint32_t proto;
	uint32_t reqid; /* 0: of any */
};

struct eng_pair { /* SAs that serve the same rules, the newest first */
	struct hash_node node;
	struct eng_pair_key key;
	struct list sas;
	bool wide; /* AH padded to 8 octets, learnt from the peer */
};

struct eng_window { /* RFC 4303 3.4.3, kept as in RFC 6479 */
	uint32_t size; /* packets, 0 = off */
	uint64_t top;  /* highest number accepted */
	uint32_t mask; /* words - 1, a power of two less one */
	uint64_t *word;
};

struct eng_sa {
	struct hash_node by_spi;
	struct list all, in_any, in_reqid; /* eng.sas; the pairs */
	struct eng_pair *any, *unique;     /* unique NULL when reqid is 0 */
	struct heap_node timer;
	uint64_t serial; /* of creation */

	struct net_endpoint src, dst;
	struct net_addr natt_oa;
	const struct alg *encr, *auth, *comp;
	uint8_t *keys; /* encr_octets, then auth_octets */
	uint32_t spi, reqid, flags;
	uint16_t encr_octets, auth_octets;
	uint16_t frag; /* fragment to this size before ESP, 0 = off */
	uint8_t proto, mode, state;
	uint8_t header;    /* octets of ESP's, AH's or IPComp's header before IV and ICV */
	uint8_t iv_octets, icv, align; /* on the wire; align is a power of two */
	uint8_t udp;       /* octets of UDP header and non-IKE marker, 0 = none */
	bool natt, marker, soft_told; /* marker: the non-IKE one */
	bool wide;         /* AH in IPv4 padded to 8 octets, as the peer does */
	struct sa_life hard, soft;
	struct cry_esp *seal, *open; /* made by the first packet */

	instant created, first_use; /* first_use 0 ms: not yet */
	int64_t created_s, used_s;  /* the same by the calendar */
	uint64_t bytes, packets;
	uint64_t iv; /* counter modes: the next */
	uint64_t seq; /* last sent; the upper half only with SA_F_ESN */
	struct eng_window window;
	uint16_t comp_failures, comp_rest, comp_pass; /* IPComp: packets that did not get smaller */
	struct eng_wrong wrong; /* what was refused */
	uint32_t pmtu;
	instant pmtu_until;
	instant mapping_told; /* when a peer elsewhere was last told of */
};

/* -------------------------------------------------------------------------------- policies --- */

struct eng_flow { /* what a packet is to a selector */
	struct net_addr src, dst;
	uint16_t sport, dport; /* as in sp_selector; 0 when there are none */
	uint8_t upper;
	bool fragment; /* any but a whole datagram */
};

struct eng_policy {
	struct hash_node by_selector, by_id;
	struct list in_level;
	struct heap_node timer;
	struct eng_tuple *tuple;
	uint64_t serial;
	instant created, used;
	uint64_t packets, bytes;
	/* The SAs of its tunnel rules, as they were at that generation of the SAD. */
	uint64_t sad_generation;
	struct eng_sa *sa[SP_RULES_MAX];
	struct sp_selector key; /* host bits cleared */
	struct ipsec_policy p;  /* as it was given */
};

struct eng_tuple { /* policies whose selectors leave the same things open */
	uint8_t src_len, dst_len;
	bool upper, sport, dport;
	uint32_t best; /* no policy in it has a better (lower) priority */
	struct hash_table table;
};

struct eng_level { /* policies of one priority, in order of insertion */
	uint32_t priority;
	struct list policies;
};

enum { ENG_DIRS = 4, ENG_FAMILIES = 2 };

struct eng_spd {
	struct { struct eng_tuple **tuple; size_t count, room; } index[ENG_DIRS][ENG_FAMILIES];
	struct eng_level **level; /* by priority */
	size_t levels, level_room;
	struct hash_table by_id;
	struct heap timers;
	size_t count;
	uint32_t next_id, next_reqid;
	uint64_t generation; /* changes with every change: remembered decisions are void */
};

struct eng_decision {
	struct eng_flow flow;
	uint8_t dir;
	uint64_t generation;
	struct eng_policy *policy; /* NULL: none fits */
};

/* ------------------------------------------------------------------------ clients, waiting --- */

struct eng_client {
	uint32_t id;
	bool registered, promiscuous, paused;
};

struct eng_dump { /* one under way; `ready` is made one step ahead, so that the last one is known */
	struct list node;
	uint32_t client;
	enum sadb_op op;
	enum sa_proto proto;
	uint32_t seq, pid, left;
	uint64_t until; /* serials beyond came after the request */
	struct eng_sa *sa;
	struct eng_policy *sp; /* the next one */
	struct sadb_msg ready;
};

struct eng_event {
	struct list node;
	struct eng_answer a;
};

struct eng_held {
	struct list node;
	size_t head, n; /* the packet in b; what only waits has no room around it */
	uint8_t b[];
};

struct eng_acquire { /* a key manager was asked for an SA */
	struct hash_node by_flow; /* policy and end points */
	struct hash_node by_pair; /* end points */
	struct list all, ready;   /* ready: an SA came */
	struct heap_node timer;
	struct net_addr src, dst;
	enum sa_proto proto;
	enum sa_mode mode;
	uint32_t reqid, policy, seq;
	unsigned count, tries; /* packets held; of them, to be tried now */
	struct list held;
};

/* ---------------------------------------------------------------------------------- engine --- */

struct eng {
	struct eng_env env;
	uint32_t (*path_mtu)(void *user, const struct net_addr *dst);
	void *path_user;
	uint64_t serial;
	wall today; /* at the instant `noon` */
	instant noon, latest; /* latest: of any call */

	struct hash_table by_spi, pairs;
	struct eng_sa *recent[ENG_RECENT]; /* by the last bits of the SPI; found first */
	uint64_t sad_generation; /* changes when another SA may serve a rule */
	struct list sas;
	size_t sa_count;
	struct heap sa_timers;

	struct eng_spd spd;
	struct eng_decision flow[ENG_FLOWS];

	struct eng_client client[ENG_CLIENTS_MAX];
	size_t clients, registered;
	struct list dumps, events;
	size_t dump_count, event_count;

	struct hash_table acquires, acquire_pairs;
	struct list acquire_all, acquire_ready;
	struct heap acquire_timers;
	size_t acquire_count, held, held_octets;
	uint32_t acquire_seq;

	struct deflate *comp; /* made by the first packet of an IPComp SA, like its buffer */
	uint8_t *comp_buf;
	size_t comp_sas;

	struct list pieces; /* eng_held: fragments that are protected and can go */
	size_t piece_count;

	struct eng_audit audit[ENG_AUDIT_RING];
	size_t audit_first, audit_count;
	struct { instant since; unsigned told; uint64_t more; } audit_rate[ENG_N_COUNT];

	uint8_t pool[ENG_POOL];
	size_t pool_left;
	uint16_t ip_id;
	uint64_t count[ENG_N_COUNT];
};

/* eng.c */
void eng_random(struct eng *e, uint8_t *out, size_t n); /* from the pool; n <= ENG_POOL */
int64_t eng_wall_s(const struct eng *e, instant now);   /* 0 = not known */

/* eng_replay.c: false from _new: out of memory */
bool eng_window_new(struct eng_window *w, uint32_t size);
void eng_window_free(struct eng_window *w);
bool eng_window_fresh(const struct eng_window *w, uint64_t seq); /* would be accepted */
void eng_window_accept(struct eng_window *w, uint64_t seq);      /* after the ICV was verified */
/* The whole number behind the low half that was sent (RFC 4303 A2.2). */
uint64_t eng_window_guess(const struct eng_window *w, uint32_t low);
/* The number of a packet that came in, from what it says; of an SA without ESN that itself. */
uint64_t eng_sa_seq(const struct eng_sa *sa, uint32_t said);

/* eng_sad.c */
struct eng_sa *eng_sa_find(const struct eng *e, const struct net_addr *dst, uint8_t proto,
	uint32_t spi);
/* The same for a packet that came in: remembered. */
struct eng_sa *eng_sa_incoming(struct eng *e, const struct net_addr *dst, uint8_t proto,
	uint32_t spi);
/* A larval or mature SA of these values; *error is an errno when NULL is returned. */
struct eng_sa *eng_sa_new(struct eng *e, instant now, const struct ipsec_sa *v, int *error);
/* Algorithms and keys of a larval SA: it is mature then. 0 or an errno. */
int eng_sa_fill(struct eng *e, struct eng_sa *sa, const struct ipsec_sa *v);
int eng_sa_check(const struct eng *e, const struct ipsec_sa *v); /* 0 or an errno */
void eng_sa_free(struct eng *e, struct eng_sa *sa);
void eng_sa_show(const struct eng_sa *sa, struct ipsec_sa *v, bool keys);
/* The SA that serves a rule between these end points now, or NULL: the newest mature one. */
struct eng_sa *eng_sa_for(const struct eng *e, const struct sp_rule *r, const struct net_addr *src,
	const struct net_addr *dst);
/* SAs of src, dst, proto, for deleteall; NULL: none. */
struct eng_pair *eng_pair_find(const struct eng *e, const struct net_addr *src,
	const struct net_addr *dst, uint8_t proto, uint32_t reqid);
/* Other end points for an SA that stays what it is. 0 or an errno. */
int eng_sa_move(struct eng *e, struct eng_sa *sa, const struct net_addr *src,
	const struct net_addr *dst);
/* Other algorithms and keys for a mature SA, when v has any that differ. 0 or an errno. */
int eng_sa_rekey(struct eng *e, struct eng_sa *sa, const struct ipsec_sa *v);
bool eng_sa_serves(const struct eng_sa *sa, const struct sp_rule *r); /* proto, mode, reqid */

/* eng_life.c */
void eng_sa_arm(struct eng *e, struct eng_sa *sa);
/* A packet of n octets used it. */
void eng_sa_used(struct eng *e, struct eng_sa *sa, instant now, size_t n);
/* Expire it when it reached a limit; the SA may be gone afterwards. */
void eng_sa_settle(struct eng *e, struct eng_sa *sa);
void eng_sa_soft(struct eng *e, struct eng_sa *sa);
bool eng_sa_usable(const struct eng_sa *sa, instant now);
void eng_life_timer(struct eng *e, instant now);

/* eng_spd.c */
bool eng_spd_init(struct eng *e);
void eng_spd_show(const struct eng *e, const struct eng_policy *sp, struct ipsec_policy *v);
void eng_spd_free(struct eng *e);
struct eng_policy *eng_spd_find(struct eng *e, enum sp_dir dir, const struct eng_flow *f);
struct eng_policy *eng_spd_exact(const struct eng *e, enum sp_dir dir, const struct sp_selector *s);
struct eng_policy *eng_spd_by_id(const struct eng *e, uint32_t id);
int eng_spd_check(const struct ipsec_policy *p); /* 0 or an errno */
struct eng_policy *eng_spd_add(struct eng *e, instant now, const struct ipsec_policy *p,
	int *error);
void eng_spd_remove(struct eng *e, struct eng_policy *p);
struct eng_policy *eng_spd_first(const struct eng *e);
struct eng_policy *eng_spd_next(const struct eng *e, const struct eng_policy *p);
void eng_spd_timer(struct eng *e, instant now);

/* eng_answer.c */
bool eng_has_key_manager(const struct eng *e);
int eng_client_set(struct eng *e, uint32_t client, bool registered, bool promiscuous);
/* To client, or with client 0 to the registered ones. Copies; keys go only where asked. */
void eng_tell(struct eng *e, uint32_t client, uint32_t except, const struct sadb_msg *m);
int eng_dump_begin(struct eng *e, uint32_t client, const struct sadb_msg *request);
void eng_dump_forget_sa(struct eng *e, const struct eng_sa *sa);
void eng_dump_forget_sp(struct eng *e, const struct eng_policy *sp);
void eng_answer_free(struct eng *e);

/* eng_control_sp.c: the SPD operations; 0 or an errno */
int eng_control_sp(struct eng *e, instant now, const struct sadb_msg *m, struct sadb_msg *answer);

/* eng_ip.c */
struct eng_ip { /* an IP packet's headers; offsets from its start */
	uint8_t *h;
	uint8_t family, proto; /* proto: of what stands at `at` */
	bool fragment;         /* part of a datagram */
	bool later;            /* ... and not the first part */
	size_t len;            /* of the packet */
	size_t at, at_next;    /* what the IP headers carry; the octet that names its protocol */
	size_t in, in_next;    /* where transport-mode headers go; the octet that will name them */
};
/* False when it is not an IP packet; p->len is cut to what the header says. */
bool eng_ip_parse(struct eng_packet *p, struct eng_ip *ip);
void eng_ip_flow(const struct eng_ip *ip, struct eng_flow *f);
void eng_ip_addresses(const struct eng_ip *ip, struct net_addr *src, struct net_addr *dst);
bool eng_ip_df(const struct eng_ip *ip); /* must not be fragmented on its way */
void eng_ip_finish(uint8_t *h, size_t len); /* set lengths and the IPv4 header checksum */
uint16_t eng_ip_sum(uint32_t start, const uint8_t *p, size_t n); /* folded, not inverted */
/*
 * Make room of n octets behind the IP header (transport) or behind a new one (tunnel), which then
 * names `proto`; says what protocol follows. NULL: no headroom.
 */
uint8_t *eng_ip_push(struct eng *e, struct eng_packet *p, const struct eng_ip *ip,
	const struct eng_sa *sa, enum sa_mode mode, size_t n, uint8_t proto, uint8_t *next);
/* Take `n` octets at ip->at out; what follows is `next`. ENG_N_COUNT, or why it cannot be. */
enum eng_count eng_ip_pull(struct eng_packet *p, const struct eng_ip *ip, enum sa_mode mode,
	size_t n, uint8_t next);
/* A TCP or UDP checksum over addresses that a NAT has changed since (RFC 3948 3.1.2). */
void eng_ip_fix_checksum(struct eng_packet *p);
/* Put an ICMP "too big" for mtu in place of the packet; false when none may be sent. */
bool eng_ip_too_big(struct eng_packet *p, const struct eng_ip *ip, size_t mtu);

/* eng_esp.c, eng_ah.c, eng_comp.c: ENG_N_COUNT when all went well, else what to count. What comes
 * in tells its sequence number in *seq; ip is the packet as it was parsed, and stale afterwards. */
enum eng_count eng_esp_out(struct eng *e, struct eng_sa *sa, enum sa_mode mode,
	struct eng_packet *p, struct eng_ip *ip);
enum eng_count eng_esp_in(struct eng *e, struct eng_sa *sa, struct eng_packet *p,
	const struct eng_ip *ip, enum sa_mode *mode, uint8_t *next, uint64_t *seq);
enum eng_count eng_ah_out(struct eng *e, struct eng_sa *sa, enum sa_mode mode,
	struct eng_packet *p, struct eng_ip *ip);
enum eng_count eng_ah_in(struct eng *e, struct eng_sa *sa, struct eng_packet *p,
	const struct eng_ip *ip, enum sa_mode *mode, uint8_t *next, uint64_t *seq);
size_t eng_ah_size(const struct eng_sa *sa, uint8_t family); /* octets of the whole header */
enum eng_count eng_comp_out(struct eng *e, struct eng_sa *sa, enum sa_mode mode,
	struct eng_packet *p, struct eng_ip *ip);
enum eng_count eng_comp_in(struct eng *e, struct eng_sa *sa, struct eng_packet *p,
	const struct eng_ip *ip, enum sa_mode *mode, uint8_t *next);
/* The IPComp SA that a packet with this CPI came through, or NULL. */
struct eng_sa *eng_comp_find(struct eng *e, const struct eng_ip *ip, const struct net_addr *src,
	const struct net_addr *dst);
/* The tunnel-mode IPComp SA whose carrier (RFC 3173 2: what does not get smaller goes as it is) an
 * IP-in-IP packet between these addresses is, or NULL. */
struct eng_sa *eng_comp_carrier(struct eng *e, const struct net_addr *src,
	const struct net_addr *dst);
bool eng_sa_context(struct eng *e, struct eng_sa *sa, bool sealing);
/* The next number to send in *seq; false: used up. */
bool eng_sa_next_seq(struct eng *e, struct eng_sa *sa, uint64_t *seq);
/* What is inside, by SA mode and next header (RFC 4301 5.2). */
enum sa_mode eng_mode_of(const struct eng_sa *sa, uint8_t next);

/* eng_audit.c: something is wrong with a packet of this SA (NULL: of none that we know) */
void eng_audit_note(struct eng *e, instant now, enum eng_count what, struct eng_sa *sa,
	const struct eng_audit *about);

/* eng_frag.c: IPv4 without DF is cut before it is protected; the first piece is in *p, the others
 * follow from eng_frag_next. Octets a piece may have, or 0: it stays whole. */
size_t eng_frag_size(const struct eng_packet *p, const struct eng_ip *ip, const struct eng_sa *sa);
/* Cut off what is beyond the first piece; false: no memory. */
bool eng_frag_cut(struct eng_packet *p, size_t size, struct list *rest);
struct eng_packet eng_frag_packet(struct eng_held *piece);
void eng_frag_queue(struct eng *e, struct eng_held *piece, const struct eng_packet *p);
bool eng_frag_take(struct eng *e, struct eng_packet *p);
void eng_frag_free(struct eng *e);

/* eng_migrate.c: SADB_OP_MIGRATE; 0 or an errno */
int eng_migrate(struct eng *e, const struct sadb_msg *m, struct sadb_msg *answer);

/* eng_hold.c */
/* Ask for an SA for this rule, unless that is being done, and keep the packet (may be NULL). */
enum eng_verdict eng_hold(struct eng *e, instant now, const struct eng_policy *sp,
	const struct sp_rule *r, const struct net_addr *src, const struct net_addr *dst,
	const struct eng_packet *p);
void eng_hold_sa_came(struct eng *e, const struct eng_sa *sa);
void eng_hold_forget_policy(struct eng *e, uint32_t id);
void eng_hold_failed(struct eng *e, uint32_t seq); /* the key manager gave up */
void eng_hold_retell(struct eng *e, uint32_t client);
void eng_hold_timer(struct eng *e, instant now);
void eng_hold_free(struct eng *e);

static inline enum eng_verdict
eng_drop(struct eng *e, enum eng_count why)
{
	e->count[why]++;
	return ENG_DROP;
}

#endif
