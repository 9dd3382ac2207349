/*
 * wire_names.c - the numbers of ISAKMP, IKE and the IPsec DOI as names, for traces, SHOW and
 * errors.
 *
 * Called by the printer and by whoever reports a number from the wire.  Algorithms are not here:
 * their names are in lib/alg.c.  (RFC 2408 3, RFC 2409 appendix A, RFC 2407 4.4 to 4.6, RFC 3706,
 * RFC 3947, the mode-cfg and XAUTH drafts.)
 */
#include "racoon/wire/wire.h"

#include <stdio.h>

#include "lib/attr.h"
#include "racoon/conf/rc.h"

struct name {
	uint16_t number;
	const char *name;
};

static const struct name payloads[] = {
	{ WIRE_NONE, "none" }, { WIRE_SA, "SA" }, { WIRE_PROPOSAL, "P" }, { WIRE_TRANSFORM, "T" },
	{ WIRE_KE, "KE" }, { WIRE_ID, "ID" }, { WIRE_CERT, "CERT" }, { WIRE_CR, "CR" },
	{ WIRE_HASH, "HASH" }, { WIRE_SIG, "SIG" }, { WIRE_NONCE, "NONCE" }, { WIRE_NOTIFY, "N" },
	{ WIRE_DELETE, "D" }, { WIRE_VENDOR, "VID" }, { WIRE_ATTRIBUTES, "ATTR" },
	{ WIRE_NAT_D, "NAT-D" }, { WIRE_NAT_OA, "NAT-OA" }, { WIRE_GSS, "GSS" },
	{ WIRE_NAT_D_DRAFT4, "NAT-D" }, { WIRE_NAT_OA_DRAFT4, "NAT-OA" },
	{ WIRE_NAT_D_DRAFT, "NAT-D" }, { WIRE_NAT_OA_DRAFT, "NAT-OA" }, { WIRE_FRAGMENT, "FRAG" },
};

static const struct name exchanges[] = {
	{ WIRE_X_BASE, "base" },
	{ WIRE_X_MAIN, "main" },
	{ WIRE_X_AUTH_ONLY, "authentication-only" },
	{ WIRE_X_AGGRESSIVE, "aggressive" },
	{ WIRE_X_INFO, "informational" },
	{ WIRE_X_CONFIG, "config" },
	{ WIRE_X_QUICK, "quick" },
	{ WIRE_X_NEW_GROUP, "new-group" },
	{ WIRE_X_ACK_INFO, "acknowledged-informational" },
};

static const struct name notifies[] = {
	{ WIRE_N_INVALID_PAYLOAD_TYPE, "INVALID-PAYLOAD-TYPE" },
	{ WIRE_N_DOI_NOT_SUPPORTED, "DOI-NOT-SUPPORTED" },
	{ WIRE_N_SITUATION_NOT_SUPPORTED, "SITUATION-NOT-SUPPORTED" },
	{ WIRE_N_INVALID_COOKIE, "INVALID-COOKIE" },
	{ WIRE_N_INVALID_MAJOR_VERSION, "INVALID-MAJOR-VERSION" },
	{ WIRE_N_INVALID_MINOR_VERSION, "INVALID-MINOR-VERSION" },
	{ WIRE_N_INVALID_EXCHANGE_TYPE, "INVALID-EXCHANGE-TYPE" },
	{ WIRE_N_INVALID_FLAGS, "INVALID-FLAGS" },
	{ WIRE_N_INVALID_MESSAGE_ID, "INVALID-MESSAGE-ID" },
	{ WIRE_N_INVALID_PROTOCOL_ID, "INVALID-PROTOCOL-ID" },
	{ WIRE_N_INVALID_SPI, "INVALID-SPI" },
	{ WIRE_N_INVALID_TRANSFORM_ID, "INVALID-TRANSFORM-ID" },
	{ WIRE_N_ATTRIBUTES_NOT_SUPPORTED, "ATTRIBUTES-NOT-SUPPORTED" },
	{ WIRE_N_NO_PROPOSAL_CHOSEN, "NO-PROPOSAL-CHOSEN" },
	{ WIRE_N_BAD_PROPOSAL_SYNTAX, "BAD-PROPOSAL-SYNTAX" },
	{ WIRE_N_PAYLOAD_MALFORMED, "PAYLOAD-MALFORMED" },
	{ WIRE_N_INVALID_KEY_INFORMATION, "INVALID-KEY-INFORMATION" },
	{ WIRE_N_INVALID_ID_INFORMATION, "INVALID-ID-INFORMATION" },
	{ WIRE_N_INVALID_CERT_ENCODING, "INVALID-CERT-ENCODING" },
	{ WIRE_N_INVALID_CERTIFICATE, "INVALID-CERTIFICATE" },
	{ WIRE_N_CERT_TYPE_UNSUPPORTED, "CERT-TYPE-UNSUPPORTED" },
	{ WIRE_N_INVALID_CERT_AUTHORITY, "INVALID-CERT-AUTHORITY" },
	{ WIRE_N_INVALID_HASH_INFORMATION, "INVALID-HASH-INFORMATION" },
	{ WIRE_N_AUTHENTICATION_FAILED, "AUTHENTICATION-FAILED" },
	{ WIRE_N_INVALID_SIGNATURE, "INVALID-SIGNATURE" },
	{ WIRE_N_ADDRESS_NOTIFICATION, "ADDRESS-NOTIFICATION" },
	{ WIRE_N_NOTIFY_SA_LIFETIME, "NOTIFY-SA-LIFETIME" },
	{ WIRE_N_CERTIFICATE_UNAVAILABLE, "CERTIFICATE-UNAVAILABLE" },
	{ WIRE_N_UNSUPPORTED_EXCHANGE_TYPE, "UNSUPPORTED-EXCHANGE-TYPE" },
	{ WIRE_N_UNEQUAL_PAYLOAD_LENGTHS, "UNEQUAL-PAYLOAD-LENGTHS" },
	{ WIRE_N_CONNECTED, "CONNECTED" },
	{ WIRE_N_RESPONDER_LIFETIME, "RESPONDER-LIFETIME" },
	{ WIRE_N_REPLAY_STATUS, "REPLAY-STATUS" },
	{ WIRE_N_INITIAL_CONTACT, "INITIAL-CONTACT" },
	{ WIRE_N_R_U_THERE, "R-U-THERE" },
	{ WIRE_N_R_U_THERE_ACK, "R-U-THERE-ACK" },
	{ WIRE_N_UNITY_HEARTBEAT, "UNITY-HEARTBEAT" },
	{ WIRE_N_HEARTBEAT, "HEARTBEAT" },
};

static const struct name protocols[] = {
	{ WIRE_P_ISAKMP, "ISAKMP" }, { WIRE_P_AH, "AH" }, { WIRE_P_ESP, "ESP" },
	{ WIRE_P_IPCOMP, "IPCOMP" },
};

static const struct name attrs1[] = {
	{ WIRE_A1_ENCR, "encryption" },
	{ WIRE_A1_HASH, "hash" },
	{ WIRE_A1_AUTH, "authentication" },
	{ WIRE_A1_GROUP, "group" },
	{ WIRE_A1_GROUP_TYPE, "group type" },
	{ WIRE_A1_GROUP_PRIME, "group prime" },
	{ WIRE_A1_GROUP_GEN1, "group generator one" },
	{ WIRE_A1_GROUP_GEN2, "group generator two" },
	{ WIRE_A1_GROUP_CURVE_A, "group curve A" },
	{ WIRE_A1_GROUP_CURVE_B, "group curve B" },
	{ WIRE_A1_LIFE_TYPE, "life type" },
	{ WIRE_A1_LIFE, "life duration" },
	{ WIRE_A1_PRF, "PRF" },
	{ WIRE_A1_KEY_LENGTH, "key length" },
	{ WIRE_A1_FIELD_SIZE, "field size" },
	{ WIRE_A1_GROUP_ORDER, "group order" },
	{ WIRE_A1_BLOCK_SIZE, "block size" },
	{ WIRE_A1_GSS_ID, "GSS identity" },
};

static const struct name attrs2[] = {
	{ WIRE_A2_LIFE_TYPE, "life type" }, { WIRE_A2_LIFE, "life duration" },
	{ WIRE_A2_GROUP, "group" }, { WIRE_A2_ENCAP, "encapsulation" },
	{ WIRE_A2_AUTH, "authentication" }, { WIRE_A2_KEY_LENGTH, "key length" },
	{ WIRE_A2_KEY_ROUNDS, "key rounds" }, { WIRE_A2_DICT_SIZE, "dictionary size" },
	{ WIRE_A2_COMP_PRIVATE, "private compression" }, { WIRE_A2_SECCTX, "security context" },
	{ WIRE_A2_ESN, "extended sequence numbers" },
};

static const struct name ids[] = {
	{ RC_ID_IPV4, "IPv4_address" }, { RC_ID_FQDN, "FQDN" }, { RC_ID_USER_FQDN, "User_FQDN" },
	{ RC_ID_IPV4_SUBNET, "IPv4_subnet" }, { RC_ID_IPV6, "IPv6_address" },
	{ RC_ID_IPV6_SUBNET, "IPv6_subnet" }, { RC_ID_IPV4_RANGE, "IPv4_address_range" },
	{ RC_ID_IPV6_RANGE, "IPv6_address_range" }, { RC_ID_DN, "DER_ASN1_DN" },
	{ RC_ID_GN, "DER_ASN1_GN" }, { RC_ID_KEYID, "KEY_ID" },
};

static const struct name auths[] = {
	{ RC_AUTH_PSK, "pre-shared key" }, { RC_AUTH_DSS, "DSS signatures" },
	{ RC_AUTH_RSASIG, "RSA signatures" },
	{ RC_AUTH_ECDSA256, "ECDSA-256" }, { RC_AUTH_ECDSA384, "ECDSA-384" },
	{ RC_AUTH_ECDSA521, "ECDSA-521" }, { RC_AUTH_RSAENC, "RSA encryption" },
	{ RC_AUTH_RSAREV, "revised RSA encryption" },
	{ RC_AUTH_HYBRID_RSA_CLIENT, "hybrid RSA client" },
	{ RC_AUTH_HYBRID_RSA_SERVER, "hybrid RSA server" },
	{ RC_AUTH_GSSAPI, "GSSAPI or XAUTH pre-shared key" },
	{ RC_AUTH_XAUTH_PSK_SERVER, "XAUTH pre-shared key server" },
	{ RC_AUTH_XAUTH_RSA_CLIENT, "XAUTH RSA client" },
	{ RC_AUTH_XAUTH_RSA_SERVER, "XAUTH RSA server" },
};

static const struct name encaps[] = {
	{ WIRE_ENCAP_TUNNEL, "Tunnel" }, { WIRE_ENCAP_TRANSPORT, "Transport" },
	{ WIRE_ENCAP_UDP_TUNNEL, "UDP-Tunnel" }, { WIRE_ENCAP_UDP_TRANSPORT, "UDP-Transport" },
	{ WIRE_ENCAP_UDP_TUNNEL_DRAFT, "UDP-Tunnel" },
	{ WIRE_ENCAP_UDP_TRANSPORT_DRAFT, "UDP-Transport" },
};

static const struct name lives[] = {
	{ WIRE_LIFE_SECONDS, "seconds" }, { WIRE_LIFE_KILOBYTES, "kilobytes" },
};

static const struct name cfgs[] = {
	{ 1, "REQUEST" }, { 2, "REPLY" }, { 3, "SET" }, { 4, "ACK" },
};

#define TABLE(rows) { rows, ARRAY_LEN(rows) }
static const struct {
	const struct name *row;
	size_t count;
} tables[] = {
	[WIRE_NAMES_PAYLOAD] = TABLE(payloads), [WIRE_NAMES_EXCHANGE] = TABLE(exchanges),
	[WIRE_NAMES_NOTIFY] = TABLE(notifies), [WIRE_NAMES_PROTOCOL] = TABLE(protocols),
	[WIRE_NAMES_ATTR1] = TABLE(attrs1), [WIRE_NAMES_ATTR2] = TABLE(attrs2),
	[WIRE_NAMES_ID] = TABLE(ids), [WIRE_NAMES_AUTH] = TABLE(auths),
	[WIRE_NAMES_ENCAP] = TABLE(encaps), [WIRE_NAMES_LIFE] = TABLE(lives),
	[WIRE_NAMES_CFG] = TABLE(cfgs),
};

const char *
wire_name(enum wire_names which, uint32_t number)
{
	for (size_t i = 0; i < tables[which].count; i++)
		if (tables[which].row[i].number == number)
			return tables[which].row[i].name;
	return NULL;
}

const char *
wire_name_text(enum wire_names which, uint32_t number, char *buf, size_t size)
{
	const char *name = wire_name(which, number);
	if (name)
		return name;
	snprintf(buf, size, "%u", (unsigned)number);
	return buf;
}
