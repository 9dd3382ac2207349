/*
 * eng.h - the embedded IPsec engine: SAD, SPD, ESP, AH and IPComp as a pure machine (RFC 4301 4.4,
 * 5).
 *
 * Control messages and packets go in with the time; answers, events and packets come out.  No
 * clock, socket, random source or static variable inside.  ipsecd is its only production host; the
 * simulator and the vector tests host it too.
 *
 * Packets are transformed in place: the IP packet lies at buf + head, and there must be
 * ENG_HEADROOM octets before it and ENG_TAILROOM behind it.
 */
#ifndef IPSEC_ENGINE_ENG_H
#define IPSEC_ENGINE_ENG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipsec/sadb.h"
#include "lib/cry.h"
#include "lib/hash.h"
#include "lib/when.h"

enum {
	ENG_HEADROOM = 320, /* outer headers of a whole bundle */
	ENG_TAILROOM = 320, /* padding and ICVs of a whole bundle */
	ENG_HELD_PER_POLICY = 16, /* packets that wait for one ACQUIRE */
	ENG_HELD_MAX = 4096,      /* packets waiting in all */
	ENG_SAS_MAX = 400000,
	ENG_POLICIES_MAX = 200000,
	ENG_WINDOW_MAX = 4096,    /* replay window, packets */
	ENG_NESTING_MAX = 4,      /* ESP, AH and IPComp headers taken off one packet */
	ENG_ACQUIRE_S = 30,       /* life of a larval SA and of an unanswered ACQUIRE */
};

struct eng;

struct eng_env {
	struct cry *cry;
	void (*random)(void *user, uint8_t *out, size_t n);
	void *user;
	struct hash_key hash_key;
};

struct eng *eng_new(const struct eng_env *env); /* NULL: out of memory */
void eng_free(struct eng *e);
/* What knows the MTU of the path to where a packet will be sent, asked for those that come with
 * mtu 0 and must not be fragmented; it answers 0 when it does not. NULL: nobody does. */
void eng_set_paths(struct eng *e, uint32_t (*mtu)(void *user, const struct net_addr *dst),
	void *user);

/* --------------------------------------------------------------------------------- control --- */

/* One request of client `client` (any number but 0). */
void eng_control(struct eng *e, instant now, wall today, uint32_t client, const struct sadb_msg *m);
/* The client went away: forget its registration. Its SAs stay. */
void eng_client_gone(struct eng *e, uint32_t client);

struct eng_answer {
	uint32_t client; /* 0: every registered client but `except` */
	uint32_t except;
	struct sadb_msg msg;
};
/* Pull answers and events until false. Dumps yield their entries one by one, made on demand. */
bool eng_answer(struct eng *e, struct eng_answer *out);
/* Does this client get that answer (its own, an event it registered for, or all: PROMISC)? */
bool eng_wants(const struct eng *e, uint32_t client, const struct eng_answer *a);
/* While paused (its socket is full) the client's dumps yield nothing. */
void eng_client_pause(struct eng *e, uint32_t client, bool paused);

/* --------------------------------------------------------------------------------- packets --- */

enum eng_verdict {
	ENG_SEND,    /* output: protected; send the IP packet, marked to bypass */
	ENG_CLEAR,   /* output: no policy or one that says none; send the packet as it is, marked */
	ENG_DELIVER, /* input: the inner IP packet is for the stack (TUN) */
	ENG_HELD,    /* kept until an SA comes; the buffer is free again */
	ENG_DROP,    /* counted; the buffer is free again */
	ENG_REPLY,   /* dropped, and the buffer now holds an ICMP error for the stack (TUN) */
};

struct eng_packet {
	uint8_t *buf;
	size_t room;      /* of buf */
	size_t head, len; /* the IP packet */
	uint32_t mtu;     /* of the path the result will take, 0 = ask for it */
	bool may_cut;     /* output: whatever its size, the host will fragment the result */
};
/*
 * Larger than mtu, a result without IPv4's DF bit is for the host to fragment (RFC 4303 3.3.4:
 * after ESP); with DF, or when IPv6 is inside, ENG_REPLY asks the sender for smaller packets.
 * Fragments cannot be protected in transport mode and are dropped: keep the TUN's MTU large.
 */

/* Must this fragment be put together before it goes out?  Not when a tunnel takes it as it is. */
bool eng_wants_whole(struct eng *e, uint8_t *packet, size_t len);
/* A packet from the stack on its way out. */
enum eng_verdict eng_output(struct eng *e, instant now, struct eng_packet *p);
/* An ESP, AH, IPComp or UDP-encapsulated ESP packet (RFC 3948), or one of IP in IP that may belong
 * to an IPComp tunnel, from the network, with its IP header; fragments are already reassembled. */
enum eng_verdict eng_input(struct eng *e, instant now, struct eng_packet *p);
/* Packets that waited and can go now (SA added; pieces of one that was cut), until false; p->buf
 * must have room. */
bool eng_release(struct eng *e, instant now, struct eng_packet *p);
/* The network told us (ICMP) that packets of this SA must be no larger than mtu. */
void eng_path_mtu(struct eng *e, const struct net_addr *dst, uint32_t spi, uint32_t mtu);

instant eng_deadline(const struct eng *e);
void eng_timer(struct eng *e, instant now, wall today); /* expiries; then pull answers */

/* ------------------------------------------------------------------------------ looking in --- */

enum eng_count { /* names in eng_count_name */
	ENG_N_OUT, ENG_N_IN, ENG_N_CLEAR_OUT, ENG_N_HELD, ENG_N_NO_SA, ENG_N_NO_POLICY,
	ENG_N_DISCARD, ENG_N_REPLAY, ENG_N_BAD_ICV, ENG_N_MALFORMED, ENG_N_POLICY_MISMATCH,
	ENG_N_CLEARTEXT, ENG_N_TOO_BIG, ENG_N_FRAGMENT, ENG_N_EXPIRED, ENG_N_SEQ_OVERFLOW,
	ENG_N_ACQUIRE, ENG_N_QUEUE_FULL, ENG_N_KEEPALIVE, ENG_N_NOT_ESP, ENG_N_COMPRESSED,
	ENG_N_NOT_COMPRESSED, ENG_N_BAD_COMP, ENG_N_CONGESTION, ENG_N_AUDIT_LOST, ENG_N_COUNT
};
uint64_t eng_count(const struct eng *e, enum eng_count which);
/* What HELP/MESSAGE explains of packets that were counted here; ST_NORMAL: nothing was wrong. */
enum status eng_count_condition(enum eng_count which);
const char *eng_count_name(enum eng_count which); /* "replayed", for SHOW and JSON */
void eng_add_cleartext(struct eng *e, uint64_t n); /* dropped by the host's guard on our behalf */
size_t eng_sa_count(const struct eng *e);
size_t eng_policy_count(const struct eng *e);

struct eng_audit { /* what RFC 4301 and 4303 call an auditable event */
	enum eng_count what;
	instant when;
	struct net_addr src, dst; /* of the packet, or of the SA on the way out */
	enum sa_proto proto;      /* SA_NONE: a policy refused what was inside */
	uint32_t spi;
	uint64_t seq;  /* 0 = none */
	uint64_t more; /* of the same kind since the last one told: they come in too fast */
};
/* Pull what is to be told, until false. At most 8 of a kind in 10 seconds. */
bool eng_audit(struct eng *e, struct eng_audit *out);

struct eng_wrong { /* packets of one SA that were refused */
	uint64_t replayed, bad_icv, other;
};
bool eng_sa_wrong(const struct eng *e, const struct net_addr *dst, enum sa_proto proto,
	uint32_t spi, struct eng_wrong *out); /* false: no such SA */
/* Policies in look-up order, for the host's routes and guard: the next after `id` (0 = first). */
bool eng_policy_next(const struct eng *e, uint32_t *cursor, struct ipsec_policy *out);

#endif
