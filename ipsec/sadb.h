/*
 * sadb.h - the SA database interface: one message type for requests, answers and events, whatever
 * the backend (the embedded engine or the kernel) speaks on the wire.
 *
 * Operations and their meaning are those of PF_KEYv2 (RFC 2367) with the SPD extensions.  Requests
 * are asynchronous.  With the engine backend an `in` policy
 * also governs forwarded packets, so `fwd` policies are accepted, kept and shown, and checked for
 * packets that are forwarded, but are not needed.
 */
#ifndef IPSEC_SADB_H
#define IPSEC_SADB_H

#include <stdbool.h>
#include <stdint.h>

#include "ipsec/sa.h"
#include "lib/status.h"

enum sadb_op { /* PF_KEYv2 message types */
	SADB_OP_GETSPI = 1,
	SADB_OP_UPDATE = 2,
	SADB_OP_ADD = 3,
	SADB_OP_DELETE = 4, /* spi 0: all SAs of src, dst, proto (deleteall) */
	SADB_OP_GET = 5,
	SADB_OP_ACQUIRE = 6,  /* event: a packet needs an SA; sp: the policy, sa: src, dst, proto */
	SADB_OP_REGISTER = 7, /* from now on send me events */
	SADB_OP_EXPIRE = 8,   /* event: sa reached its soft or hard limit */
	SADB_OP_FLUSH = 9,    /* sa.proto 0: all */
	SADB_OP_DUMP = 10,
	SADB_OP_PROMISC = 11, /* copies of every message from now on (setkey -x) */
	SADB_OP_SPDUPDATE = 13,
	SADB_OP_SPDADD = 14,
	SADB_OP_SPDDELETE = 15, /* by selector and direction */
	SADB_OP_SPDGET = 16,    /* by id */
	SADB_OP_SPDDUMP = 18,
	SADB_OP_SPDFLUSH = 19,
	SADB_OP_SPDEXPIRE = 21,
	SADB_OP_SPDDELETE2 = 22, /* by id */
	SADB_OP_MAPPING = 23,    /* event: authentic ESP of sa (its spi; src as it was) came from
				  * `mapped`: a NAT before the peer chose another port */
	SADB_OP_MIGRATE = 24,    /* sp's selector and direction; move[] says the new end points */
};

struct sadb_move { /* SAs and tunnel rules between `from` become ones between `to` */
	struct net_addr from_src, from_dst, to_src, to_dst;
	enum sa_proto proto;
	enum sa_mode mode;
	uint32_t reqid; /* 0: of any */
};

struct sadb_msg {
	enum sadb_op op;
	int error;         /* errno in answers, 0 = done */
	const char *why;   /* with an error: the database's own words, or NULL; as long as the
			    * message in a handler, or until the next call of sadb_sync */
	uint32_t seq;      /* of an ACQUIRE, and in the GETSPI, UPDATE or ADD that it led to; dump
			    * entries count down to 0, and an empty dump is answered by ENOENT */
	uint32_t pid;      /* process that asked; 0 in events of the database itself */
	struct ipsec_sa sa;
	struct ipsec_policy sp;
	uint32_t spi_min, spi_max; /* GETSPI */
	bool has_sa, has_sp;       /* which of the two the message carries */
	struct sadb_move move[SP_RULES_MAX]; /* MIGRATE */
	unsigned moves;
	struct net_endpoint mapped; /* MAPPING */
	bool hard;                 /* EXPIRE: hard limit reached (the SA is gone), else soft */
};

void sadb_msg_wipe(struct sadb_msg *m); /* the keys */
const char *sadb_op_name(enum sadb_op op);
enum status sadb_status(enum sadb_op op, int error); /* errno of an answer as a condition */

/* Where the engine listens unless told otherwise (logical MULTINET_IPSEC_SOCKET). */
#define SADB_ENGINE_SOCKET "/run/multinet/ipsec.sock"
/* Mark of packets that must not be protected again: IKE's own and the engine's outer packets. */
#define SADB_BYPASS_MARK 0x4d4e0001u /* "MN" */

#endif
