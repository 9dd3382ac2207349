/*
 * sadb_link.h - one connection to a SA database, whichever: what the clients sadb_sync.c and
 * sadb_uv.c share, and what a backend has to bring.
 *
 * Nothing here waits.  A request goes out under a token of the caller's; what comes is an answer to
 * a token, an entry of a dump, or an event.  At most one dump of each kind (SAD, SPD) at a time.
 */
#ifndef IPSEC_SADB_LINK_H
#define IPSEC_SADB_LINK_H

#include <stddef.h>

#include "ipsec/sadb.h"
#include "lib/attr.h"
#include "lib/bytes.h"

struct sadb_link;

enum sadb_got {
	SADB_GOT_NOTHING, /* wait for the descriptor, then sadb_link_work */
	SADB_GOT_ANSWER,  /* msg.error; of a dump its end: 0, or ENOENT when there was no entry */
	SADB_GOT_ENTRY,   /* of a dump; msg.seq counts down to 0 */
	SADB_GOT_EVENT,
	SADB_GOT_OVERRUN, /* events were lost: ask for what you rely on */
	SADB_GOT_NOISE,   /* a message that cannot be decoded: only raw is set */
};

struct sadb_came {
	uint32_t token;    /* of ANSWER and ENTRY */
	struct sadb_msg msg; /* the caller wipes it */
	struct bytes raw;  /* as it came, when it is PF_KEY; valid until the next call */
};

struct sadb_link_ops {
	const char *name;
	enum status (*send)(struct sadb_link *l, uint32_t token, const struct sadb_msg *m,
		bool *queued);
	enum status (*work)(struct sadb_link *l);
	enum sadb_got (*next)(struct sadb_link *l, struct sadb_came *out);
	void (*close)(struct sadb_link *l);
};

enum { SADB_WHY = 256 };

struct sadb_link { /* the first member of a backend's own */
	const struct sadb_link_ops *ops;
	int fd;       /* to be polled for reading, and for writing while `unsent` */
	bool unsent;
	int events; /* the socket on which events come */
	char why[SADB_WHY]; /* why work() failed */
	struct { /* one request that the backend refused itself */
		bool is;
		uint32_t token;
		enum sadb_op op;
		int error;
		char why[SADB_WHY];
	} refusal;
};

/*
 * backend: "auto", "xfrm", "pfkey", "engine", or NULL: what the logical name MULTINET_IPSEC_BACKEND
 * says (the environment first), else auto.  auto takes the first of xfrm, pfkey and engine that can
 * protect packets; with a path (the engine's socket), engine alone.  ST_NOBACKEND with the reasons
 * of all that were tried, the last first.
 */
enum status sadb_link_open(const char *backend, const char *path, struct sadb_link **out, char *why,
	size_t why_size) ATTR_NODISCARD;
void sadb_link_close(struct sadb_link *l); /* NULL is fine */

/* *queued false: no room before what came was taken.  Errors concern this request alone. */
static inline enum status
sadb_link_send(struct sadb_link *l, uint32_t token, const struct sadb_msg *m, bool *queued)
{
	return l->ops->send(l, token, m, queued);
}

/* Send and receive what can be without waiting. ST_BACKEND: the connection ended, why tells. */
static inline enum status
sadb_link_work(struct sadb_link *l)
{
	return l->ops->work(l);
}

static inline enum sadb_got
sadb_link_next(struct sadb_link *l, struct sadb_came *out)
{
	return l->ops->next(l, out);
}

/* ------------------------------------------------------------------------- for the backends --- */

/* Each opens; whether it can protect packets is another question (sadb_link_open asks it). */
enum status backend_xfrm_open(struct sadb_link **out, char *why, size_t why_size);
enum status backend_pfkey_open(struct sadb_link **out, char *why, size_t why_size);
enum status backend_engine_open(const char *path, struct sadb_link **out, char *why,
	size_t why_size);

/* Answer a request with an errno and a reason before it goes out; the next `next` must give it. */
void sadb_link_refuse(struct sadb_link *l, uint32_t token, const struct sadb_msg *m, int error,
	const char *fmt, ...) ATTR_PRINTF(5, 6);
bool sadb_link_refused(struct sadb_link *l, struct sadb_came *out);

static inline bool
sadb_is_dump(enum sadb_op op)
{
	return op == SADB_OP_DUMP || op == SADB_OP_SPDDUMP;
}

#endif
