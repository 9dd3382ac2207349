/*
 * v1_vid.c - vendor IDs as rows.
 *
 * Called by the first messages of phase 1.  A row says what a value means and when we send it; we
 * announce only what we do.  Values are compared whole, or by their first octets where the rest is
 * a version or a capability, and never past their end.
 */
#include "racoon/ikev1/v1_natt.h"

#include <string.h>

enum when { NEVER, ALWAYS, DPD, FRAGMENTS, NATT };
enum rest { WHOLE, LONGER, BROKEN /* more may follow, and is named so in the log */ };
enum { VENDOR = 16, CAPABILITY = 4 };

#define FRAGMENTS_MAIN 0x80000000u /* capability: main and aggressive mode */
#define FRAGMENTS_BASE 0x40000000u

struct vendor {
	const char *name;
	enum v1_vendor bit;
	enum when send;
	uint8_t n; /* octets that are compared */
	enum rest rest;
	uint8_t value[VENDOR];
};

static const struct vendor vendors[] = {
	{ "IPSec-Tools", V1_VENDOR_RACOON, ALWAYS, 16, WHOLE,
		{ 0x20, 0xa3, 0x62, 0x2c, 0x1c, 0xea, 0x7c, 0xe3,
			0x7b, 0xee, 0x3c, 0xa4, 0x84, 0x42, 0x52, 0x76 } },
	{ "KAME/racoon", V1_VENDOR_KAME, NEVER, 16, WHOLE,
		{ 0x70, 0x03, 0xcb, 0xc1, 0x09, 0x7d, 0xbe, 0x9c,
			0x26, 0x00, 0xba, 0x69, 0x83, 0xbc, 0x8b, 0x35 } },
	{ "DPD", V1_VENDOR_DPD, DPD, 14, LONGER,
		{ 0xaf, 0xca, 0xd7, 0x13, 0x68, 0xa1, 0xf1, 0xc9,
			0x6b, 0x86, 0x96, 0xfc, 0x77, 0x57, 0x01, 0x00 } },
	{ "draft-ietf-ipsra-isakmp-xauth-06.txt", V1_VENDOR_XAUTH, NEVER, 8, LONGER,
		{ 0x09, 0x00, 0x26, 0x89, 0xdf, 0xd6, 0xb7, 0x12 } },
	{ "CISCO-UNITY", V1_VENDOR_UNITY, NEVER, 14, LONGER,
		{ 0x12, 0xf5, 0xf2, 0x8c, 0x45, 0x71, 0x68, 0xa9,
			0x70, 0x2d, 0x9f, 0xe2, 0x74, 0xcc, 0x01, 0x00 } },
	{ "FRAGMENTATION", V1_VENDOR_FRAGMENTATION, FRAGMENTS, 16, BROKEN,
		{ 0x40, 0x48, 0xb7, 0xd5, 0x6e, 0xbc, 0xe8, 0x85,
			0x25, 0xe7, 0xde, 0x7f, 0x00, 0xd6, 0xc2, 0xd3 } },
	{ "RFC 3947", V1_VENDOR_NATT_RFC, NATT, 16, WHOLE,
		{ 0x4a, 0x13, 0x1c, 0x81, 0x07, 0x03, 0x58, 0x45,
			0x5c, 0x57, 0x28, 0xf2, 0x0e, 0x95, 0x45, 0x2f } },
	{ "draft-ietf-ipsec-nat-t-ike-08", V1_VENDOR_NATT_08, NATT, 16, WHOLE,
		{ 0x8f, 0x8d, 0x83, 0x82, 0x6d, 0x24, 0x6b, 0x6f,
			0xc7, 0xa8, 0xa6, 0xa4, 0x28, 0xc1, 0x1d, 0xe8 } },
	{ "draft-ietf-ipsec-nat-t-ike-07", V1_VENDOR_NATT_07, NATT, 16, WHOLE,
		{ 0x43, 0x9b, 0x59, 0xf8, 0xba, 0x67, 0x6c, 0x4c,
			0x77, 0x37, 0xae, 0x22, 0xea, 0xb8, 0xf5, 0x82 } },
	{ "draft-ietf-ipsec-nat-t-ike-06", V1_VENDOR_NATT_06, NATT, 16, WHOLE,
		{ 0x4d, 0x1e, 0x0e, 0x13, 0x6d, 0xea, 0xfa, 0x34,
			0xc4, 0xf3, 0xea, 0x9f, 0x02, 0xec, 0x72, 0x85 } },
	{ "draft-ietf-ipsec-nat-t-ike-05", V1_VENDOR_NATT_05, NATT, 16, WHOLE,
		{ 0x80, 0xd0, 0xbb, 0x3d, 0xef, 0x54, 0x56, 0x5e,
			0xe8, 0x46, 0x45, 0xd4, 0xc8, 0x5c, 0xe3, 0xee } },
	{ "draft-ietf-ipsec-nat-t-ike-04", V1_VENDOR_NATT_04, NATT, 16, WHOLE,
		{ 0x99, 0x09, 0xb6, 0x4e, 0xed, 0x93, 0x7c, 0x65,
			0x73, 0xde, 0x52, 0xac, 0xe9, 0x52, 0xfa, 0x6b } },
	{ "draft-ietf-ipsec-nat-t-ike-03", V1_VENDOR_NATT_03, NATT, 16, WHOLE,
		{ 0x7d, 0x94, 0x19, 0xa6, 0x53, 0x10, 0xca, 0x6f,
			0x2c, 0x17, 0x9d, 0x92, 0x15, 0x52, 0x9d, 0x56 } },
	{ "draft-ietf-ipsec-nat-t-ike-02\\n", V1_VENDOR_NATT_02N, NATT, 16, WHOLE,
		{ 0x90, 0xcb, 0x80, 0x91, 0x3e, 0xbb, 0x69, 0x6e,
			0x08, 0x63, 0x81, 0xb5, 0xec, 0x42, 0x7b, 0x1f } },
	{ "draft-ietf-ipsec-nat-t-ike-02", V1_VENDOR_NATT_02, NATT, 16, WHOLE,
		{ 0xcd, 0x60, 0x46, 0x43, 0x35, 0xdf, 0x21, 0xf8,
			0x7c, 0xfd, 0xb2, 0xfc, 0x68, 0xb6, 0xa4, 0x48 } },
	{ "draft-ietf-ipsec-nat-t-ike-01", V1_VENDOR_NATT_01, NATT, 16, WHOLE,
		{ 0x16, 0xf6, 0xca, 0x16, 0xe4, 0xa4, 0x06, 0x6d,
			0x83, 0x82, 0x1a, 0x0f, 0x0a, 0xea, 0xa8, 0x62 } },
	{ "draft-ietf-ipsec-nat-t-ike-00", V1_VENDOR_NATT_00, NATT, 16, WHOLE,
		{ 0x44, 0x85, 0x15, 0x2d, 0x18, 0xb6, 0xbb, 0xcd,
			0x0b, 0xe8, 0xa8, 0x46, 0x95, 0x79, 0xdd, 0xcc } },
	{ "MS NT5 ISAKMPOAKLEY", V1_VENDOR_MICROSOFT, NEVER, 16, BROKEN,
		{ 0x1e, 0x2b, 0x51, 0x69, 0x05, 0x99, 0x1c, 0x7d,
			0x7c, 0x96, 0xfc, 0xbf, 0xb5, 0x87, 0xe4, 0x61 } },
	{ "GSSAPI", V1_VENDOR_GSSAPI, NEVER, 16, WHOLE,
		{ 0x62, 0x1b, 0x04, 0xbb, 0x09, 0x88, 0x2a, 0xc1,
			0xe1, 0x59, 0x35, 0xfe, 0xfa, 0x24, 0xae, 0xee } },
	{ "A GSS-API Authentication Method for IKE", V1_VENDOR_GSSAPI, NEVER, 16, WHOLE,
		{ 0xad, 0x2c, 0x0d, 0xd0, 0xb9, 0xc3, 0x20, 0x83,
			0xcc, 0xba, 0x25, 0xb8, 0x86, 0x1e, 0xc4, 0x55 } },
};

static const struct vendor *
vendor_of(struct bytes b)
{
	for (size_t i = 0; i < ARRAY_LEN(vendors); i++) {
		const struct vendor *v = &vendors[i];
		if (b.n >= v->n && (b.n == v->n || v->rest != WHOLE) &&
		    memcmp(b.p, v->value, v->n) == 0)
			return v;
	}
	return NULL;
}

static uint32_t
capability_of(const struct ike_sa *sa)
{
	return sa->exchange == RC_BASE ? FRAGMENTS_BASE : FRAGMENTS_MAIN;
}

/* Without a capability (Windows) or with one for this exchange the peer takes fragments. */
static bool
counts(const struct ike_sa *sa, const struct vendor *v, struct bytes b)
{
	if (v->bit != V1_VENDOR_FRAGMENTATION || b.n < VENDOR + CAPABILITY)
		return true;
	return (get_u32(b.p + VENDOR) & capability_of(sa)) != 0;
}

static void
choose_natt(struct ike *e, struct ike_sa *sa)
{
	const struct v1_natt *how = v1_natt_enabled(sa) ? v1_natt_choose(sa->peer_vendors) : NULL;

	if (how == NULL || how == sa->natt_how || sa->nat_known)
		return;
	sa->natt_how = how;
	ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "Selected NAT-T version: %s", how->name);
}

void
v1_vendors_recv(struct ike *e, struct ike_sa *sa, const struct wire_msg *m)
{
	const struct wire_payload *p;

	for (unsigned i = 0; (p = wire_find(m, WIRE_VENDOR, i)) != NULL; i++) {
		const struct vendor *v = vendor_of(p->body);
		if (v == NULL) {
			ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial,
				"received unknown Vendor ID");
			continue;
		}
		if (counts(sa, v, p->body))
			sa->peer_vendors |= (uint32_t)v->bit;
		ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "received %s: %s",
			v->rest == BROKEN && p->body.n > v->n ? "broken Microsoft ID" : "Vendor ID",
			v->name);
	}
	choose_natt(e, sa);
}

static bool
wanted(const struct ike_sa *sa, const struct vendor *v)
{
	switch (v->send) {
	case NEVER:
		return false;
	case ALWAYS:
		return true;
	case DPD:
		return sa->conf->dpd;
	case FRAGMENTS:
		return sa->conf->ike_frag != RC_OFF &&
		       (sa->side == IKE_INITIATOR || (sa->peer_vendors & (uint32_t)v->bit) != 0);
	case NATT: /* an initiator offers all, a responder says which one it takes */
		return sa->side == IKE_INITIATOR
			? v1_natt_enabled(sa)
			: sa->natt_how != NULL && sa->natt_how->vendor == v->bit;
	}
	return false;
}

void
v1_vendors_send(const struct ike_sa *sa, struct wire_builder *b)
{
	uint8_t value[VENDOR + CAPABILITY];

	if (sa->conf == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(vendors); i++) {
		const struct vendor *v = &vendors[i];
		size_t n = v->bit == V1_VENDOR_FRAGMENTATION ? VENDOR + CAPABILITY : VENDOR;
		if (!wanted(sa, v))
			continue;
		/* Nobody is to be flooded through us: 1.5 times what came, and no more. */
		if (sa->side == IKE_RESPONDER && !sa->verified && v->send != NATT &&
		    writer_len(&b->w) + WIRE_GENERIC + n > sa->answer_most)
			continue;
		memcpy(value, v->value, VENDOR);
		patch_u32(value + VENDOR, capability_of(sa));
		wire_add_data(b, WIRE_VENDOR, bytes_of(value, n));
	}
}
