/*
 * pfkey_wire.h - numbers and sizes of PF_KEYv2 on the wire; for the pfkey*.c files only.
 *
 * RFC 2367 2.3 (extensions 1 to 16), the KAME extensions as Linux numbers them (17 to 26), and a
 * few of our own, which other implementations skip.
 */
#ifndef IPSEC_PFKEY_WIRE_H
#define IPSEC_PFKEY_WIRE_H

#include "ipsec/pfkey.h"

enum {
	PFKEY_VERSION = 2,
	PFKEY_UNIT = 8, /* octets that a length field counts */
	PFKEY_EXT_HEADER = 4,
	PFKEY_AF_INET = 2,
	PFKEY_AF_INET6 = 10,
	PFKEY_SOCKADDR4 = 16,
	PFKEY_SOCKADDR6 = 28,
	PFKEY_ESPINUDP_NON_IKE = 1, /* NAT-T types: the first drafts', */
	PFKEY_ESPINUDP = 2,         /* RFC 3948 */
	PFKEY_PORT_IS_MEANT = 1,  /* our use of the reserved field: ICMP type 0, not "any" */
	PFKEY_REPLAY_OCTET = 255, /* the largest window the standard field holds */
};

enum pfkey_satype {
	PFKEY_SATYPE_ANY = 0,
	PFKEY_SATYPE_AH = 2,
	PFKEY_SATYPE_ESP = 3,
	PFKEY_SATYPE_IPCOMP = 9,
	PFKEY_SATYPE_TCP = 11,
};

enum pfkey_ext {
	PFKEY_EXT_SA = 1,
	PFKEY_EXT_CURRENT = 2,
	PFKEY_EXT_HARD = 3,
	PFKEY_EXT_SOFT = 4,
	PFKEY_EXT_SRC = 5,
	PFKEY_EXT_DST = 6,
	PFKEY_EXT_PROXY = 7,
	PFKEY_EXT_KEY_AUTH = 8,
	PFKEY_EXT_KEY_ENCR = 9,
	PFKEY_EXT_PROPOSAL = 13,
	PFKEY_EXT_SUPPORTED_AUTH = 14,
	PFKEY_EXT_SUPPORTED_ENCR = 15,
	PFKEY_EXT_SPIRANGE = 16,
	PFKEY_EXT_POLICY = 18,
	PFKEY_EXT_SA2 = 19,
	PFKEY_EXT_NATT_TYPE = 20,
	PFKEY_EXT_NATT_SPORT = 21,
	PFKEY_EXT_NATT_DPORT = 22,
	PFKEY_EXT_NATT_OA = 23,
	PFKEY_EXT_SEC_CTX = 24,
	PFKEY_EXT_MAX = 26,
	/* Ours: a window wider than an octet; an ACQUIRE's policy selector; the upper half of a
	 * sequence number; the size to fragment to before encapsulation. */
	PFKEY_EXT_REPLAY = 240,
	PFKEY_EXT_SEL_SRC = 241,
	PFKEY_EXT_SEL_DST = 242,
	PFKEY_EXT_SEQ_HIGH = 243,
	PFKEY_EXT_NATT_FRAG = 244,
	PFKEY_EXT_OURS_MAX = 244,
};

/* Fixed octets of each extension, header included. */
enum {
	PFKEY_LEN_SA = 16,
	PFKEY_LEN_LIFETIME = 32,
	PFKEY_LEN_ADDRESS = 8,
	PFKEY_LEN_KEY = 8,
	PFKEY_LEN_SPIRANGE = 16,
	PFKEY_LEN_POLICY = 16,
	PFKEY_LEN_REQUEST = 16,
	PFKEY_LEN_SA2 = 16,
	PFKEY_LEN_NATT = 8,
	PFKEY_LEN_REPLAY = 8,
	PFKEY_LEN_SEC_CTX = 8,
};

#endif
