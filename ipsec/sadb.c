/*
 * sadb.c - names of the SA database's operations and what its errors mean to an operator.
 *
 * Called by the clients of every backend.  The errors are those a kernel answers PF_KEYv2 requests
 * with (RFC 2367 2.3, and ENOENT for policies and empty dumps).
 */
#include "ipsec/sadb.h"

#include <errno.h>

#include "lib/secret.h"

void
sadb_msg_wipe(struct sadb_msg *m)
{
	ipsec_sa_wipe(&m->sa);
}

const char *
sadb_op_name(enum sadb_op op)
{
	switch (op) {
	case SADB_OP_GETSPI:
		return "getspi";
	case SADB_OP_UPDATE:
		return "update";
	case SADB_OP_ADD:
		return "add";
	case SADB_OP_DELETE:
		return "delete";
	case SADB_OP_GET:
		return "get";
	case SADB_OP_ACQUIRE:
		return "acquire";
	case SADB_OP_REGISTER:
		return "register";
	case SADB_OP_EXPIRE:
		return "expire";
	case SADB_OP_FLUSH:
		return "flush";
	case SADB_OP_DUMP:
		return "dump";
	case SADB_OP_PROMISC:
		return "promisc";
	case SADB_OP_SPDUPDATE:
		return "spdupdate";
	case SADB_OP_SPDADD:
		return "spdadd";
	case SADB_OP_SPDDELETE:
		return "spddelete";
	case SADB_OP_SPDGET:
		return "spdget";
	case SADB_OP_MAPPING:
		return "mapping";
	case SADB_OP_SPDDUMP:
		return "spddump";
	case SADB_OP_SPDFLUSH:
		return "spdflush";
	case SADB_OP_SPDEXPIRE:
		return "spdexpire";
	case SADB_OP_SPDDELETE2:
		return "spddelete2";
	case SADB_OP_MIGRATE:
		return "migrate";
	}
	return "?";
}

/* Does the operation concern the SPD? */
static bool
of_spd(enum sadb_op op)
{
	return op >= SADB_OP_SPDUPDATE && op != SADB_OP_MAPPING;
}

enum status
sadb_status(enum sadb_op op, int error)
{
	switch (error) {
	case 0:
		return ST_NORMAL;
	case EEXIST:
		if (op == SADB_OP_GETSPI)
			return ST_NOTUNIQUE;
		return of_spd(op) ? ST_SPEXISTS : ST_SAEXISTS;
	case ESRCH:
	case ENOENT:
		return of_spd(op) ? ST_NOSUCHSP : ST_NOSUCHSA;
	case EINVAL:
	case EMSGSIZE:
		return ST_BADMSG;
	case ENOSYS:
	case EPROTONOSUPPORT:
	case EOPNOTSUPP:
		return ST_NOALG;
	case ENOMEM:
		return ST_NOMEMORY;
	case ENOBUFS:
	case ENOSPC:
		return ST_LIMIT;
	case EPERM:
	case EACCES:
		return ST_NOTPERM;
	case EPIPE:
	case ENOTCONN:
	case ECONNRESET:
		return ST_BACKEND;
	}
	return ST_SYSERR;
}
